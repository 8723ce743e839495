"""Reading records with the help of other processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from wordembedder import Corpus

from pfocr_chat.corpus import RecordFiles, find_records
from pfocr_chat.minilm import count_tokens
from pfocr_chat.readers import BATCH, Cutting, ReadRecord, read_records

CUTTING = Cutting(254, count_tokens)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[RecordFiles]:
    """The files of several batches, one of them without a record."""
    corpus = Corpus(tmp_path_factory.mktemp("records") / "corpus")
    for n in range(5 * BATCH + 7):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts on the next one. " * (n % 40))
    corpus.write_genes("PMC3__a3", "YAP1")
    (corpus.folder / "_figures" / "PMC40__a40.md").write_text("no record")
    return find_records(corpus.folder)


@pytest.fixture(scope="module")
def alone(found: list[RecordFiles]) -> list[ReadRecord]:
    """What this process reads in them."""
    return list(read_records(found, CUTTING))


def test_helpers_read_what_one_process_reads(found: list[RecordFiles], alone: list[ReadRecord]) -> None:
    """In the same order, with the same passages and the same problems."""
    together = list(read_records(found, CUTTING, many=1))
    assert together == alone
    [(path, reason)] = [problem for read in together for problem in read.problems]
    assert (path.name, reason) == ("PMC40__a40.md", "no YAML front matter between --- lines")
    assert max(len(read.passages) for read in together) > 1
    assert [m.name for read in together if read.record for m in read.record.mentions] == ["YAP1"]


def test_a_helper_that_dies_is_no_loss(found: list[RecordFiles], alone: list[ReadRecord]) -> None:
    """Whoever started it does its work."""
    reading = read_records(found, CUTTING, many=1)
    first = next(reading)
    for helper in children():
        os.kill(helper, signal.SIGKILL)
    assert [first, *reading] == alone


def test_helpers_end_with_who_asked(found: list[RecordFiles]) -> None:
    """Also where not all was taken."""
    before = children()
    reading = read_records(found, CUTTING, many=1)
    next(reading)
    assert children() > before
    reading.close()  # type: ignore[attr-defined]
    assert children() == before


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    return {int(pid) for tasks in Path("/proc/self/task").glob("*/children") for pid in tasks.read_text().split()}
