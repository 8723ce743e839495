"""Looking on while an input is read: what it raises, how long it takes, what memory and which files."""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from pfocr_chat.errors import PfocrChatError

SECONDS = 2.0
"""An input may take so long, of the processor's time and by the clock; one that does is tried twice more."""
SECONDS_BY_THE_CLOCK = 20.0
"""Nor may it wait so long, however little it does: the machine may be busy with others."""
SECONDS_AT_MOST = 60
MEGABYTES = 300
"""By so much may one input raise the most memory that the process ever had."""
MOST_OVER_START = 1_500
"""Megabytes that all of a target's inputs together may add."""
LONGEST_SENTENCE = 4_000


class HangError(Exception):
    """An input took ``SECONDS_AT_MOST``."""


class BrokenPromiseError(Exception):
    """An input did what no input may do."""


@dataclass
class Tally:
    """What was seen of a target's inputs; times in seconds, memory in megabytes."""

    inputs: int = 0
    refused: int = 0
    slowest: float = 0.0
    slowest_number: int = 0
    start: float = 0.0
    peak: float = 0.0
    failures: list[tuple[int, str]] = field(default_factory=list)


def expect(condition: object, what: str) -> None:
    """Raise ``BrokenPromiseError`` unless the condition holds."""
    if not condition:
        raise BrokenPromiseError(what)


refusals: list[str] = []
"""What was said while the last input was read, of why it is not taken."""


@contextmanager
def refusing(*also: type[Exception]) -> Iterator[None]:
    """Errors of this package are an answer, if they are a sentence that can be shown; so are those of ``also``."""
    try:
        yield
    except (PfocrChatError, *also) as error:
        said = str(error)
        expect(said.strip(), f"{type(error).__name__} says nothing")
        expect(len(said) <= LONGEST_SENTENCE, f"{type(error).__name__} says {len(said):,} characters")
        refusals.append(said)


class Watch:
    """Runs inputs one by one in the main thread. ``outside`` is a folder that nothing may open."""

    def __init__(self, outside: Path) -> None:
        self.tally = Tally(start=peak_memory(), peak=peak_memory())
        self._opened: list[str] = []
        self._logged: list[str] = []
        self._handler = _Errors(self._logged)
        self._outside = str(outside.resolve())
        _hook_in()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While this lasts, what is logged with a traceback counts as a failure, and an endless input is ended."""
        root = logging.getLogger()
        # Loggers that tell nothing to the root one.
        loggers = [root, *(logging.getLogger(name) for name in ("uvicorn.error", "pfocr_chat", "asyncio"))]
        for logger in loggers:
            logger.addHandler(self._handler)
        before = signal.signal(signal.SIGALRM, _ring) if threading.current_thread() is threading.main_thread() else None
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(self._handler)
            if before is not None:
                signal.signal(signal.SIGALRM, before)

    def run(self, number: int, value: Any, read: Callable[[Any], None]) -> str | None:
        """Have an input read; what is wrong with how it went, if anything."""
        tally = self.tally
        before = peak_memory()
        problem, seconds = self._once(value, read)
        again = 0
        while problem is None and seconds > SECONDS and again < 2:
            again += 1
            problem, other = self._once(value, read)
            seconds = min(seconds, other)
        tally.inputs += 1
        tally.refused += bool(refusals)
        tally.peak = peak_memory()
        if seconds > tally.slowest:
            tally.slowest, tally.slowest_number = seconds, number
        if problem is None and seconds > SECONDS:
            problem = f"took {seconds:.2f} s, at best"
        if problem is None and tally.peak - before > MEGABYTES and tally.inputs > 1:
            problem = f"took {tally.peak - before:,.0f} MB of memory"
        if problem is None and tally.peak - tally.start > MOST_OVER_START:
            problem = f"brought the memory to {tally.peak:,.0f} MB"
        if problem:
            tally.failures.append((number, problem))
        return problem

    def _once(self, value: Any, read: Callable[[Any], None]) -> tuple[str | None, float]:
        self._opened.clear()
        self._logged.clear()
        refusals.clear()
        problem = None
        is_main = threading.current_thread() is threading.main_thread()
        began, worked = time.perf_counter(), time.process_time()
        if is_main:
            signal.setitimer(signal.ITIMER_REAL, SECONDS_AT_MOST)
        _looking.append((self._outside, self._opened))
        try:
            read(value)
        except Exception:
            problem = traceback.format_exc()
        finally:
            _looking.clear()
            if is_main:
                signal.setitimer(signal.ITIMER_REAL, 0)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        seconds = seconds if seconds > SECONDS_BY_THE_CLOCK else min(seconds, worked)
        if problem is None and self._logged:
            problem = "logged: " + "\n".join(self._logged)
        if problem is None and self._opened:
            problem = f"opened {self._opened[0]}"
        return problem, seconds


def peak_memory() -> float:
    """The most memory that the process has had so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise HangError(f"took more than {SECONDS_AT_MOST} s")


class _Errors(logging.Handler):
    """Keeps what is logged with a traceback."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] is not None:
            self._kept.append(record.getMessage() + "\n" + "".join(traceback.format_exception(*record.exc_info)))


_WATCHED = frozenset(("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "sqlite3.connect", "os.mkdir"))
_FOREIGN = ("/etc/passwd", "/etc/shadow")
_looking: list[tuple[str, list[str]]] = []
"""While an input is read: the folder that is not to be opened, and what was opened of it."""
_hooked: list[bool] = []


def _hook_in() -> None:
    """Be told of what this process opens, for as long as it lives."""
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_look)


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if not _looking:
        return
    outside, opened = _looking[-1]
    if event in ("os.system", "os.exec", "subprocess.Popen", "pty.spawn"):
        opened.append(f"{event} {arguments[0]!r}")
    elif event in _WATCHED and arguments and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.fsdecode(arguments[0])
        is_odd = path.startswith(_FOREIGN) or "outside" in path or os.path.islink(path)  # noqa: PTH114 - in the way of every file
        if is_odd and os.path.realpath(path).startswith((outside, *_FOREIGN)):
            opened.append(f"{path} ({event})")
