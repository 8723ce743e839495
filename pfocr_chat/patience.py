"""How long a language model somewhere else is waited for, be it silent or saying a little for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Self, TypeVar

T = TypeVar("T")

MOST_AT_ONCE = 32
"""Calls of one language model under way, those included that nobody waits for any more and that have not ended."""
WAIT_FOR_TURN_S = 3.0
"""Seconds that a call waits for one of them to end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a provider is waited for, in seconds.

    ``timeout_s`` passes without a sign of life before it is given up, further tries included; ``whole_s`` is for all
    of a call. ``pauses`` are those before each further try, where nothing has been said yet.
    """

    timeout_s: float = 20.0
    whole_s: float = 30.0
    pauses: tuple[float, ...] = (0.5, 2.0)

    @classmethod
    def of(cls, timeout_s: float) -> Self:
        """So many seconds for a sign of life, and half as many again for all of a call."""
        return cls(timeout_s=timeout_s, whole_s=1.5 * timeout_s)


class GivenUpTimeoutError(Exception):
    """There was no sign of life in time, or no end."""


class TakenError(Exception):
    """Too many calls are under way."""


class Turns:
    """At most so many calls at a time; one that gets no turn in ``wait_s`` seconds is told so."""

    def __init__(self, most: int = MOST_AT_ONCE, *, wait_s: float = WAIT_FOR_TURN_S) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._wait_s = wait_s

    def take(self) -> None:
        """Wait for a turn, to be given back with ``give``.

        Raises:
            TakenError: there was none in time.
        """
        if not self._free.acquire(timeout=self._wait_s):
            raise TakenError

    def give(self) -> None:
        """A call has ended."""
        self._free.release()


def in_time(pieces: Callable[[], Generator[T]], patience: Patience, turns: Turns) -> Generator[T]:
    """The pieces, which a thread of their own waits for, so that nobody else waits longer than ``patience`` says.

    Closing the generator closes them as soon as the next one has come. Their errors are raised here.

    Raises:
        GivenUpTimeoutError: none came in time.
        TakenError: too many threads wait already.
    """
    turns.take()
    arrived: SimpleQueue[T | Exception | None] = SimpleQueue()
    unwanted = threading.Event()

    def read() -> None:
        try:
            with closing(pieces()) as found:
                for piece in found:
                    arrived.put(piece)
                    if unwanted.is_set():
                        break
            arrived.put(None)
        except Exception as exc:  # raised again by whoever waits for the pieces
            arrived.put(exc)
        finally:
            turns.give()

    until = time.monotonic() + patience.whole_s
    try:
        threading.Thread(target=read, name="pfocr-chat-provider", daemon=True).start()
    except RuntimeError:  # the system has no more threads
        turns.give()
        raise
    try:
        while True:
            left = until - time.monotonic()
            try:
                piece = arrived.get(timeout=max(0.0, min(patience.timeout_s, left)))
            except Empty as exc:
                raise GivenUpTimeoutError from exc
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        unwanted.set()
