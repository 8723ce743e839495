"""A few threads that answer questions: one at a time in each thread of Slack's, so many waiting and no more."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class Workers(Generic[T]):
    """Does ``work`` for every item that is submitted, in order within a lane, lanes in turn.

    Where ``work`` raises, that is logged, and its thread and lane go on. At most ``capacity`` items wait.
    """

    def __init__(self, work: Callable[[T], None], *, threads: int, capacity: int, name: str) -> None:
        self._work = work
        self._capacity = capacity
        self._changed = threading.Condition()
        self._waiting: dict[Hashable, deque[T]] = {}
        self._ready: deque[Hashable] = deque()
        self._count = 0
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, lane: Hashable, item: T, *, force: bool = False) -> bool:
        """Take an item; ``False`` where too many wait (unless ``force``) or the workers are stopping."""
        with self._changed:
            if self._stopping or (self._count >= self._capacity and not force):
                return False
            self._count += 1
            if lane in self._waiting:
                self._waiting[lane].append(item)
            else:
                self._waiting[lane] = deque((item,))
                self._ready.append(lane)
                self._changed.notify()
            return True

    @property
    def waiting(self) -> int:
        """Items that wait for a thread."""
        with self._changed:
            return self._count

    def stop(self, seconds: float) -> bool:
        """Begin nothing more, and wait for what is under way; whether all of it ended in time."""
        until = time.monotonic() + seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._stopping)
                if self._stopping:
                    return
                lane = self._ready.popleft()
                item = self._waiting[lane].popleft()
                self._count -= 1
            try:
                self._work(item)
            except Exception as exc:
                _logger.error("something was left undone: %s", type(exc).__name__)
                _logger.debug("something was left undone", exc_info=exc)
            with self._changed:
                if self._waiting[lane]:
                    self._ready.append(lane)
                    self._changed.notify()
                else:
                    del self._waiting[lane]
