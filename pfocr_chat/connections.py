"""How connections are taken: no more than the process has room for, and none that is held without asking or reading."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections.abc import Collection
from typing import Any, Self

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS_FOR_HEADERS = 20.0
"""Until a request's headers have come; uvicorn itself waits for ever."""
SECONDS_FOR_BODY = 20.0
"""Until the whole of a request has come, for the front ends to mind: who sends it drop by drop holds no place."""
SECONDS_FOR_READING = 30.0
"""Until whoever asked has read some of what waits for them; uvicorn itself waits for ever."""
SECONDS_KEPT = 130
"""For which a connection without a request is kept: longer than proxies keep theirs (Caddy 120), who else ask at the
moment at which it is closed."""
MOST = 4_000
SPARE = 300
"""Open files that are left for the index, downloads and LLM providers."""
TOLD = 50
"""Connections beyond those that there is room for, of which each request is told so (503); others are not taken."""


class _HangUp:
    """What ends a connection after a while, unless it is cancelled."""

    _timer: asyncio.TimerHandle | None = None

    def after(self, seconds: float, connection: H11Protocol) -> None:
        """Begin to count the time, if it is not being counted."""
        if self._timer is None:
            self._timer = connection.loop.call_later(seconds, connection.transport.abort)

    def cancel(self) -> None:
        """Let the connection be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class PromptProtocol(H11Protocol):
    """uvicorn's HTTP that hangs up on whoever does not say what is wanted ("slow loris"), or does not read the answer.

    h11 reads 64 KiB of a request's line and headers at most; uvicorn's other parser has no limit. One address has at
    most half of the connections, but for this machine's own and those of ``proxies``.
    """

    proxies: Collection[str] = ()
    seconds_for_headers = SECONDS_FOR_HEADERS
    seconds_for_reading = SECONDS_FOR_READING

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._speaking = _HangUp()
        self._reading = _HangUp()

    @classmethod
    def behind(cls, proxies: Collection[str]) -> type[Self]:
        """The same, for a server that is asked through proxies with these addresses."""
        return type(cls.__name__, (cls,), {"proxies": proxies})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._is_one_too_many():
            transport.abort()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._speaking.cancel()
        self._reading.cancel()

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:  # an answer has begun, or was the last one
            self.transport.close()
        if self.cycle is not None:  # a request whose body turned out to be none: it has its answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._reading.cancel()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():  # as soon as all was read, which may be never
            self._wait_for_reader()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._wait_for_reader()

    def _watch(self) -> None:
        """Count the time from the first byte of a request, or the connection, to the end of the headers."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._speaking.cancel()
        else:
            self._speaking.after(self.seconds_for_headers, self)

    def _wait_for_reader(self) -> None:
        self._reading.after(self.seconds_for_reading, self)

    def _is_one_too_many(self) -> bool:
        room, host = self.limit_concurrency, self.client[0] if self.client else ""
        if room is None or len(self.connections) <= room // 2:
            return False
        if len(self.connections) > room + TOLD:
            return True
        same = sum((getattr(other, "client", None) or ("",))[0] == host for other in self.connections)
        return same > room // 2 and host not in self.proxies and not _is_own(host)


def _is_own(host: str) -> bool:
    """Whether it is this machine: a proxy, behind which there are many."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a socket of the file system
        return True


def settings(proxies: Collection[str] = ()) -> dict[str, Any]:
    """How uvicorn is to take connections, as arguments of its ``Config``."""
    return {
        "http": PromptProtocol.behind(proxies),
        "ws": "none",
        "server_header": False,
        "limit_concurrency": room_for_connections(),
        "timeout_keep_alive": SECONDS_KEPT,
        "log_level": "warning",
        "access_log": False,
    }


def room_for_connections() -> int:
    """How many connections the process can hold, after its limit of open files was raised as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST + SPARE
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(64, min(MOST, soft - SPARE))
