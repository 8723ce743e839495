"""An answer's events from a thread of their own, so that a person need not wait to stop them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

from pfocr_chat.answers import Event
from pfocr_chat.traces import asked_from


class Feed:
    """The events of one answer, to be iterated over once; an error of theirs is raised there.

    ``stop`` ends the iteration at once. The events themselves are closed as soon as the one under
    way has come, in the thread that they ran in.
    """

    def __init__(self, events: Callable[[], Generator[Event, None, None]]) -> None:
        self._events = events
        self._arrived: queue.SimpleQueue[Event | Exception | None] = queue.SimpleQueue()
        self._stopped = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Want no more events; from any thread, at any time."""
        self._stopped.set()
        self._arrived.put(None)

    def __iter__(self) -> Iterator[Event]:
        threading.Thread(target=self._read, name="pfocr-chat-answer", daemon=True).start()
        try:
            while (arrived := self._arrived.get()) is not None and not self.is_stopped:
                if isinstance(arrived, Exception):
                    raise arrived
                yield arrived
        finally:
            self._stopped.set()

    def _read(self) -> None:
        try:
            with asked_from("page"), closing(self._events()) as events:
                for event in events:
                    self._arrived.put(event)
                    if self.is_stopped:
                        break
        except Exception as error:  # raised again where the events are wanted
            self._arrived.put(error)
        self._arrived.put(None)
