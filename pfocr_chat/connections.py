"""How connections are taken: no more than the process has room for, and none that is held without asking anything."""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SECONDS_FOR_HEADERS = 20.0
"""Until a request's headers have come; uvicorn itself waits for ever."""
SECONDS_KEPT = 130
"""For which a connection without a request is kept: longer than proxies keep theirs (Caddy 120), who else ask at the
moment at which it is closed."""
MOST = 4_000
SPARE = 300
"""Open files that are left for the index, downloads and LLM providers."""

_Protocol: Any = AutoHTTPProtocol


class PromptProtocol(_Protocol):  # type: ignore[misc]  # whichever uvicorn finds
    """uvicorn's HTTP that hangs up on whoever does not say what is wanted ("slow loris")."""

    seconds_for_headers = SECONDS_FOR_HEADERS
    _hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._trust()

    def _watch(self) -> None:
        """Count the time from the first byte of a request, or the connection, to the end of the headers."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._trust()
        elif self._hanging_up is None:
            self._hanging_up = self.loop.call_later(self.seconds_for_headers, self.transport.close)

    def _trust(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None


def room_for_connections() -> int:
    """How many connections the process can hold, after its limit of open files was raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + SPARE
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(64, min(MOST, soft - SPARE))
