"""Reading records and cutting them into passages, on all cores where there are many.

Other Python processes do it, each fed by a thread here: ``serve`` takes pickled batches on its standard input and
gives pickled results on its output. ``multiprocessing`` would run a caller's script anew in
each process, or copy a process whose libraries have threads.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import FunctionType

from pfocr_chat.corpus import RecordFiles, read_record
from pfocr_chat.errors import RecordError
from pfocr_chat.passages import CountTokens, to_passages
from pfocr_chat.records import FigureRecord, Passage

MANY = 4_000
"""Records from which it pays to start other processes, which takes half a second each."""
BATCH = 100
MOST = 8
"""Processes at most: then the one that writes the catalog is the slower side."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """How records are cut into passages: see ``passages.to_passages``."""

    window: int
    count_tokens: CountTokens


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """What came of one record's files; ``record`` is ``None`` where it cannot be read.

    ``problems`` are (file, reason), of tables too.
    """

    record: FigureRecord | None
    passages: tuple[Passage, ...]
    problems: tuple[tuple[Path, str], ...]


def read_records(found: Sequence[RecordFiles], cutting: Cutting, *, many: int = MANY) -> Iterator[ReadRecord]:
    """The records of all the files, in their order; from ``many`` of them on, other processes help."""
    if len(found) < many or not isinstance(cutting.count_tokens, FunctionType):
        return (_read(files, cutting) for files in found)
    return _read_by_others(found, cutting)


def _read(files: RecordFiles, cutting: Cutting) -> ReadRecord:
    try:
        record, problems = read_record(files)
    except RecordError as problem:
        return ReadRecord(None, (), ((problem.path, problem.reason),))
    passages = to_passages(record, window=cutting.window, count_tokens=cutting.count_tokens)
    return ReadRecord(record, passages, tuple((problem.path, problem.reason) for problem in problems))


def _read_by_others(found: Sequence[RecordFiles], cutting: Cutting) -> Iterator[ReadRecord]:
    count = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST)
    with ExitStack() as opened:
        idle: SimpleQueue[_Helper] = SimpleQueue()
        for _ in range(count):
            idle.put(opened.enter_context(_Helper(cutting)))
        threads = opened.enter_context(ThreadPoolExecutor(count))

        def read(batch: Sequence[RecordFiles]) -> list[ReadRecord]:
            helper = idle.get()
            try:
                return helper.read(batch)
            finally:
                idle.put(helper)

        ahead: deque[Future[list[ReadRecord]]] = deque()
        for start in range(0, len(found), BATCH):
            ahead.append(threads.submit(read, found[start : start + BATCH]))
            if len(ahead) > 3 * count:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()


class _Helper:
    """Another process that reads; where it fails, this one does its work."""

    def __init__(self, cutting: Cutting) -> None:
        self._cutting = cutting
        command = [sys.executable, "-c", "from pfocr_chat.readers import serve; serve()"]
        # It finds the package where this process did.
        environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)  # noqa: S603 - our own code  # nosec B603
        self._works = self._send(cutting)

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, batch: Sequence[RecordFiles]) -> list[ReadRecord]:
        """What came of each record's files."""
        if self._works and self._send(batch) and self._process.stdout:
            try:
                results: list[ReadRecord] = pickle.load(self._process.stdout)  # noqa: S301 - from our own process  # nosec B301
                return results
            except (EOFError, pickle.UnpicklingError):
                self._works = False
        return [_read(files, self._cutting) for files in batch]

    def _send(self, value: object) -> bool:
        try:
            if self._process.stdin:
                pickle.dump(value, self._process.stdin)
                self._process.stdin.flush()
        except OSError:
            self._works = False
            return False
        return True


def serve() -> None:
    """Read batch after batch from standard input, until there are no more; the first value there is the ``Cutting``."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    cutting: Cutting = pickle.load(requests)  # noqa: S301 - from the process that started this one  # nosec B301
    while True:
        try:
            batch: list[RecordFiles] = pickle.load(requests)  # noqa: S301 - as above  # nosec B301
        except EOFError:
            return
        pickle.dump([_read(files, cutting) for files in batch], answers)
        answers.flush()
