"""Measure building, converging and serving at any size, beside the plain LangChain and Chroma pipeline.

    python benchmarks/bench.py CORPUS [--figures 3000 10000] [--recombine] [--json build/bench.json]

Corpora are recombined from the records of CORPUS. With --recombine passages get vectors mixed from a thousand real
ones instead of their own, so that 100,000 figures are built in minutes; everything but the embedding is what users
have. Ratios are taken within a run, in turns, so that other work on the machine takes from both sides; absolute
times need an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import plain
from corpora import change, write_corpus
from elsewhere import chroma_server, syncing, uploading

from pfocr_chat import Assistant, open_assistant
from pfocr_chat.catalog import FILE_NAME
from pfocr_chat.corpus import find_records
from pfocr_chat.embedder import Embedder, Vectors
from pfocr_chat.exactvectors import FILE_NAME as VECTORS
from pfocr_chat.exactvectors import ExactVectors
from pfocr_chat.generations import MANIFEST, Manifest, generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.passagestore import PassageStore
from pfocr_chat.readers import Cutting, read_records
from pfocr_chat.tables import Facet
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

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
TEMPLATES = (
    "Which figures show both {a} and {b}?",
    "How does {a} activate {b}?",
    "{a} signalling in cancer",
    "What inhibits {a} downstream of {b} in macrophages?",
    "figures on {a} but not {b}",
    "role of {a} in apoptosis and autophagy",
    "how many figures show {a} or {b} since 2015?",
    "Which figures link {a} to insulin resistance?",
    "does {a} phosphorylate {b}?",
    "lipid metabolism and {a} in the liver",
)
GENES = 40
"""Genes that questions are made with: those that most figures print, which cost most."""
ASKERS = (1, 8, 32)
TURNS = 4
SAMPLE = 96
"""Passages that each side embeds in a turn."""
BASE = 1_000
NEAREST = 50
ROUNDING = 1e-4
"""By which similarities differ that are computed from 16 bits a number."""


class Recombining:
    """Stands for the embedder where vectors are mixed from real ones, not computed; for measuring only."""

    def __init__(self, embedder: Embedder, base: Vectors) -> None:
        self.name, self.dimension, self.window = embedder.name, embedder.dimension, embedder.window
        self.fingerprint = embedder.fingerprint
        self.count_tokens = embedder.count_tokens
        self._base = base
        self._chance = np.random.default_rng(4)

    def encode(self, texts: list[str]) -> Vectors:
        """A real vector, a third of another, and some noise: as near to each other as real ones, and none twice."""
        one, other = (self._base[self._chance.integers(len(self._base), size=len(texts))] for _ in range(2))
        mixed = one + 0.35 * other + self._chance.normal(scale=0.012, size=one.shape)
        scaled: Vectors = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)
        return scaled


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def throughput(texts: Sequence[str], embedder: Embedder) -> dict[str, float]:
    """Passages a second of both sides in turns, their ratio, and how near ours are to theirs."""
    theirs = plain.open_embeddings()
    chance = np.random.default_rng(1)
    rates: list[tuple[float, float]] = []
    least = 1.0
    for _ in range(TURNS):
        sample = [texts[place] for place in chance.choice(len(texts), size=min(SAMPLE, len(texts)), replace=False)]
        begun = time.perf_counter()
        exact = np.array(theirs.embed_documents(sample))
        middle = time.perf_counter()
        ours = embedder.encode(sample)
        rates.append((len(sample) / (middle - begun), len(sample) / (time.perf_counter() - middle)))
        exact /= np.linalg.norm(exact, axis=1, keepdims=True)
        least = min(least, float((ours * exact).sum(axis=1).min()))
    return {
        "embedding, plain (passages/s)": statistics.median(rate for rate, _ in rates),
        "embedding, ours (passages/s)": statistics.median(rate for _, rate in rates),
        "embedding, ours / plain": statistics.median(ours / theirs for theirs, ours in rates),
        "least cosine with float32": least,
    }


def building(corpus: Path, store: Path, embedder: Any) -> dict[str, float]:
    """A first build, one with nothing changed, and one with 1% of the records changed."""
    first: list[float] = []
    begun = time.perf_counter()

    def watch(_step: str, _done: int, _total: int) -> None:
        if not first and (store / MANIFEST).exists():
            first.append(time.perf_counter() - begun)

    spent = _Timed(embedder)
    manifest = build_index(corpus, store, spent, progress=watch).manifest
    took = time.perf_counter() - begun
    embedding = spent.seconds
    time.sleep(2.5)  # until the times of the files can be trusted
    build_index(corpus, store, spent)
    unchanged = seconds(lambda: build_index(corpus, store, spent))
    change(corpus, 0.01)
    before = spent.seconds
    changed = seconds(lambda: build_index(corpus, store, spent))
    size = sum(path.stat().st_size for path in generation_folder(store, read_manifest(store).generation).rglob("*"))
    return {
        "passages": manifest.passages,
        "first generation after (s)": first[0] if first else took,
        "whole build (s)": took,
        "of which embedding (s)": embedding,
        "nothing changed (s)": unchanged,
        "1% changed, without embedding (s)": changed - (spent.seconds - before),
        "generation on disk (MB)": size / 1e6,
    }


class _Timed:
    """An embedder whose time is taken."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def encode(self, texts: list[str]) -> Vectors:
        begun = time.perf_counter()
        vectors: Vectors = self._embedder.encode(texts)
        self.seconds += time.perf_counter() - begun
        return vectors


def recall(store: Path, embedder: Embedder) -> dict[str, float]:
    """The share of the 50 nearest passages by exact similarity that the graph finds; of equal ones any will do."""
    manifest: Manifest = read_manifest(store)
    folder = generation_folder(store, manifest.generation)
    with PassageStore(folder / FILE_NAME) as passages:
        ids = passages.ids()
    exact = ExactVectors(folder / FOLDER_NAME / VECTORS)
    shares, taken = [], []
    with VectorIndex(folder / FOLDER_NAME) as vectors:
        for question in QUESTIONS:
            asked = embedder.embed_query(question)
            all_of_them = exact.similarities(asked, ids)
            least = sorted(all_of_them.values(), reverse=True)[NEAREST - 1] - ROUNDING
            begun = time.perf_counter()
            found = {passage_id for passage_id, _, _ in vectors.search(asked, NEAREST)}
            taken.append(time.perf_counter() - begun)
            shares.append(sum(all_of_them[i] >= least for i in found) / NEAREST)
    exact.close()
    return {"recall@50 of the graph": statistics.mean(shares), "nearest 50, p50 (ms)": statistics.median(taken) * 1e3}


def serving(store: Path, llm: str, rounds: int, chroma_url: str | None) -> dict[str, float]:
    """Retrieval by one asker and by several, an answer, and memory; run in a process of its own."""
    measured: dict[str, float] = {}
    begun = time.perf_counter()
    with open_assistant(store, llm=llm, chroma_url=chroma_url) as assistant:
        assistant.ask(QUESTIONS[0])
        measured["start to first answer, imports apart (s)"] = time.perf_counter() - begun
        names = [row.label for row in assistant.count(Facet.GENE).rows[:GENES]]
        for askers in ASKERS:
            measured |= _asked(assistant, askers, _new_questions(names, rounds, askers))
    measured["memory (MB)"] = _most_memory()
    return measured


def _most_memory() -> float:
    """MB that this process had in memory at most; getrusage would tell of the process that started it, too."""
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(told.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def _new_questions(names: Sequence[str], rounds: int, seed: int) -> list[str]:
    """Those above, and others made of templates, hardly any of which was asked before."""
    chance = random.Random(seed)  # noqa: S311 - no secret  # nosec B311
    made = [
        template.format(a=a, b=b) for template in TEMPLATES for a, b in (chance.sample(names, 2) for _ in range(rounds))
    ]
    return chance.sample([*QUESTIONS, *made], len(QUESTIONS) + len(made))


def _asked(assistant: Assistant, askers: int, questions: Sequence[str]) -> dict[str, float]:
    begun = time.perf_counter()
    with ThreadPoolExecutor(askers) as pool:
        times = list(pool.map(lambda q: seconds(lambda: assistant.retrieve(q)), questions))
    took = time.perf_counter() - begun
    late = sorted(times)[max(0, round(0.95 * len(times)) - 1)]
    who = f"{askers} asker{'s' if askers > 1 else ''}"
    return {
        f"retrieve, {who}, p50 (ms)": statistics.median(times) * 1e3,
        f"retrieve, {who}, p95 (ms)": late * 1e3,
        f"retrieve, {who} (a second)": len(times) / took,
    }


def from_a_server(store: Path, work: Path, rounds: int) -> dict[str, float]:
    """The same by one asker, with the vectors in a Chroma server."""
    with chroma_server(_emptied(work / "chroma")) as url:
        sent = uploading(store, url)
        asked = _served(store, rounds, "--chroma-url", url)
    return sent | {f"{name}, vectors served": ms for name, ms in asked.items() if name.startswith("retrieve, 1 asker")}


def _served(store: Path, rounds: int, *settings: str) -> dict[str, float]:
    """``serving`` in a fresh process."""
    command = [sys.executable, __file__, str(store), "--serve", "--rounds", str(rounds), *settings]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this script  # nosec B603
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def in_a_process(store: Path, llm: str, rounds: int) -> dict[str, float]:
    """``serving`` in a fresh process, with the time from its start to the first answer."""
    measured = _served(store, rounds, "--llm", llm)
    command = ["-m", "pfocr_chat", "ask", QUESTIONS[0], "--llm", llm, "--vectorstore", str(store)]
    started = seconds(lambda: subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL))  # noqa: S603 - as above  # nosec B603
    return {"start to first answer (s)": started} | measured


def run(options: argparse.Namespace, figures: int, embedder: Embedder) -> dict[str, float]:
    """All figures for one size."""
    corpus = write_corpus(options.corpus, options.work / f"corpus-{figures}", figures)
    store = options.work / f"vectorstore-{figures}{'-recombined' if options.recombine else ''}"
    shutil.rmtree(store, ignore_errors=True)
    texts = _texts(corpus, embedder, options.work)
    measured = throughput(texts, embedder)
    making: Any = Recombining(embedder, embedder.encode(texts[:BASE])) if options.recombine else embedder
    measured |= building(corpus, store, making)
    measured |= recall(store, embedder)
    measured |= in_a_process(store, options.llm, options.rounds)
    measured |= from_a_server(store, options.work, options.rounds)
    measured |= syncing(corpus, _emptied(options.work / "sync"))
    if figures <= options.plain and not options.recombine:
        with PassageStore(generation_folder(store, read_manifest(store).generation) / FILE_NAME) as passages:
            all_texts = list(passages.texts())
        built, took = plain.build(all_texts, _emptied(options.work / "plain"), plain.open_embeddings())
        asked = [seconds(lambda q=q: built.similarity_search(q, k=10)) for q in QUESTIONS * options.rounds]
        measured |= {
            "plain: whole build (s)": took,
            "plain / ours: whole build": took / measured["whole build (s)"],
            "plain: query, p50 (ms)": statistics.median(asked) * 1e3,
        }
    return measured


def _texts(corpus: Path, embedder: Embedder, work: Path) -> list[str]:
    """Passages to embed for comparison: those of the first records of a corpus."""
    work.mkdir(parents=True, exist_ok=True)
    found = read_records(find_records(corpus)[:2_000], Cutting(embedder.window, embedder.count_tokens))
    return [passage.text for read in found for passage in read.passages]


def table(rows: dict[int, dict[str, float]]) -> str:
    """A line for each figure, a column for each size."""
    names = list(dict.fromkeys(name for measured in rows.values() for name in measured))
    lines = ["| | " + " | ".join(f"{size:,}" for size in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for name in names:
        cells = [f"{measured[name]:,.4g}" if name in measured else "" for measured in rows.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of records (or, with --serve, an index)")
    parser.add_argument("--figures", type=int, nargs="+", default=[3_000, 10_000])
    parser.add_argument("--recombine", action="store_true", help="mix vectors from real ones instead of embedding")
    parser.add_argument("--plain", type=int, default=3_000, help="sizes up to which the plain pipeline is built whole")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="folder for corpora and indexes")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--llm", default="none")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--chroma-url", help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        print(json.dumps(serving(options.corpus, options.llm, options.rounds, options.chroma_url)))
        return
    embedder = Embedder()
    rows = {}
    for figures in options.figures:
        rows[figures] = run(options, figures, embedder)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        settings = {"cores": os.cpu_count(), "llm": options.llm, "recombined": options.recombine}
        options.json.write_text(json.dumps({"settings": settings, "figures": rows}, indent=1), encoding="utf-8")
    print(table(rows))
    print(f"settings: {os.cpu_count()} cores, llm {options.llm}, vectors {'mixed' if options.recombine else 'real'}")


if __name__ == "__main__":
    main()
