"""Check that no starter caption borrows its source's words.

    python scripts/check_seeds.py CORPUS

CORPUS holds the original records of the same figures (PFOCR layout). Words are compared without
case and punctuation. Exit status 1 where a summary shares a run of six words with the caption,
title or paper title of its source, or where a source is missing.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.records import FigureRecord
from pfocr_chat.resources import data_folder

RUN = 6


def runs(text: str | None) -> set[tuple[str, ...]]:
    """Every run of six words in ``text``."""
    words = re.findall(r"[^\W_]+", (text or "").lower())
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def read_all(folder: Path) -> dict[str, FigureRecord]:
    """The records in ``folder`` by figid."""
    return {record.figid: record for record, _ in map(read_record, find_records(folder))}


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    sources = read_all(Path(sys.argv[1]))
    summaries = [r for r in read_all(data_folder("seeds")).values() if r.caption_source == "summary"]
    faults = 0
    for record in summaries:
        source = sources.get(record.figid)
        if source is None:
            print(f"{record.figid}: not in {sys.argv[1]}")
            faults += 1
            continue
        shared = runs(record.caption) & (runs(source.caption) | runs(source.title) | runs(source.paper_title))
        faults += len(shared)
        for run in sorted(shared):
            print(f"{record.figid}: {' '.join(run)}")
    print(f"{len(summaries)} summaries checked, {faults} faults")
    return 1 if faults or not summaries else 0


if __name__ == "__main__":
    sys.exit(main())
