"""Time the parts: indexing, opening, understanding questions, retrieval and answers.

    python scripts/bench.py CORPUS [--llm none]

Prints one line a figure with the settings; every timed call is real and warm but for the first.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

from pfocr_chat import Text, open_assistant
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.embedder import Embedder
from pfocr_chat.generations import generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.query import understand

QUESTIONS = (
    "Which figures link integrins to YAP?",
    "How does TGF-β drive epithelial-mesenchymal transition?",
    "Which figures show both TNF and IL6?",
    "interferon response to viral infection",
    "auxin signalling in roots",
    "amyloid and tau in Alzheimer's disease",
    "PI3K/AKT/mTOR signalling in cancer",
    "cholesterol biosynthesis from mevalonate",
    "How many figures show mTOR or AMPK but not TP53 in mice since 2015?",
    "What does rapamycinn inhibit upstream of autophagie?",
    "Which figures in Frontiers in Immunology show the NLRP3 inflammasome, IL-1β and caspase-1?",
    "ROS",
)
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--llm", default="none")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        vectorstore = Path(folder) / "vectorstore"
        start = time.perf_counter()
        embedder = Embedder()
        print(f"load embedder            {time.perf_counter() - start:8.2f} s")
        start = time.perf_counter()
        report = build_index(options.corpus, vectorstore, embedder)
        took = time.perf_counter() - start
        manifest = report.manifest
        print(f"index from nothing       {took:8.1f} s   {manifest.figures:,} figures, {manifest.passages:,} passages,")
        print(f"                                      {manifest.passages / took:.1f} passages/s")
        start = time.perf_counter()
        build_index(options.corpus, vectorstore, embedder)
        print(f"index, nothing changed   {time.perf_counter() - start:8.2f} s")
        size = sum(p.stat().st_size for p in vectorstore.rglob("*") if p.is_file())
        print(f"index on disk            {size / 1e6:8.1f} MB")
        _answers(vectorstore, options.llm)
    print(f"peak memory              {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:8.0f} MB")
    print(f"settings: {os.cpu_count()} cores, embedder {manifest.embedder}, llm {options.llm}")


def _answers(vectorstore: Path, llm: str) -> None:
    reading = []
    folder = generation_folder(vectorstore, read_manifest(vectorstore).generation)
    with Catalog(folder / FILE_NAME) as catalog:
        for question in (QUESTIONS[0], *QUESTIONS * ROUNDS):
            start = time.perf_counter()
            understand(question, catalog)
            reading.append(time.perf_counter() - start)
    start = time.perf_counter()
    with open_assistant(vectorstore, llm=llm) as assistant:
        print(f"open assistant           {time.perf_counter() - start:8.2f} s   (torch already loaded)")
        assistant.retrieve(QUESTIONS[0])
        retrieval, first, whole = [], [], []
        for question in QUESTIONS * ROUNDS:
            start = time.perf_counter()
            assistant.retrieve(question)
            retrieval.append(time.perf_counter() - start)
        for question in QUESTIONS:
            start = time.perf_counter()
            seen = None
            for event in assistant.stream(question):
                if isinstance(event, Text) and seen is None:
                    seen = time.perf_counter() - start
            whole.append(time.perf_counter() - start)
            first.append(whole[-1] if seen is None else seen)
    timed = (("understand", reading[1:]), ("retrieve", retrieval), ("first text", first), ("whole answer", whole))
    for name, times in timed:
        p95 = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
        print(f"{name:<24} {statistics.median(times) * 1000:8.0f} ms  p95 {p95 * 1000:.0f} ms, {len(times)} calls")


if __name__ == "__main__":
    main()
