"""What one client may ask of the server: how often, how much at once, and how long a request may be."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import threading
import time
from collections import Counter
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pfocr_chat.connections import SECONDS_FOR_BODY
from pfocr_chat.ui.bodies import read_body, replayed

MAX_BODY = 1_000_000
"""Bytes of a request; the longest gene list has a tenth of that."""
AT_ONCE = 32
"""Requests that are being answered outside of the queue; more are told to come back."""
SECONDS_UNTIL_LESS_BUSY = 5
OPEN_PER_CLIENT = 256
"""Requests of one client that are under way, streams of open tabs among them; only where its requests are counted."""
MAX_CLIENTS = 10_000
"""Clients that are remembered; beyond, those that have asked nothing for longest are forgotten."""

BUSY = "The server is busy. Try again in a few seconds."
_READING = frozenset(("GET", "HEAD", "OPTIONS"))


class Buckets:
    """A token bucket for each client: ``per_minute`` come in, and at most half of that is kept for a burst.

    For threads; ``clock`` gives seconds.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, per_minute / 2)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, client: str) -> float:
        """Take a token; returns 0, or the seconds until there is one."""
        with self._lock:
            left = self._now(client)
            wait = 0.0 if left >= 1 else (1 - left) / self._rate
            self._left.pop(client, None)  # the latest come last
            self._left[client] = (left if wait else left - 1, self._clock())
            if len(self._left) > MAX_CLIENTS:
                del self._left[next(iter(self._left))]
            return wait

    def wait(self, client: str) -> float:
        """The seconds until there is a token; 0 where there is one."""
        with self._lock:
            return max(0.0, 1 - self._now(client)) / self._rate

    def _now(self, client: str) -> float:
        left, at = self._left.get(client, (self._most, 0.0))
        return min(self._most, left + (self._clock() - at) * self._rate)


class Limits:
    """Refuses what is too long (413), too often (429) or too much at once (503), before anything is done for it.

    Only requests that ask for something (POST and the like) count; reading the page is free, but for the number of
    requests that one client has under way. ``per_minute`` is for each client, 0 for no such limit nor that number.
    A body that does not come within ``patience`` seconds is not waited for (408). Plain ASGI, so that a closed tab is
    still noticed.
    """

    def __init__(self, app: ASGIApp, *, per_minute: int, patience: float = SECONDS_FOR_BODY) -> None:
        self._app = app
        self._buckets = Buckets(per_minute) if per_minute else None
        self._patience = patience
        self._busy = 0
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        if self._buckets and self._open[client] >= OPEN_PER_CLIENT:
            sentence = "Too many requests are under way. Close some tabs, and try again."
            await refuse(429, sentence, SECONDS_UNTIL_LESS_BUSY)(scope, receive, send)
            return
        self._open[client] += 1
        try:
            if scope["method"] in _READING:
                await self._app(scope, receive, send)
            else:
                await self._asked(scope, receive, send)
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    async def _asked(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal:
            await refusal(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._patience):
                body = await read_body(receive)
        except TimeoutError:
            await refuse(408, "The request did not come to its end in time. Send it again.")(scope, receive, send)
            return
        if body is None:
            return  # the client has gone
        if self._busy >= AT_ONCE:
            await refuse(503, BUSY, SECONDS_UNTIL_LESS_BUSY)(scope, receive, send)
            return
        self._busy += 1
        try:
            await self._app(scope, replayed(body, receive), send)
        finally:
            self._busy -= 1

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")  # without a length or an encoding there is no body
        if "transfer-encoding" in headers or not (length.isdecimal() and len(length) <= 18):
            return refuse(411, "The length of the request is not given. Send it with a Content-Length.")
        if int(length) > MAX_BODY:
            return refuse(413, f"The request has {int(length):,} bytes, and at most {MAX_BODY:,} are taken.")
        wait = self._buckets.take(client_of(scope)) if self._buckets else 0
        if wait:
            return refuse(429, f"Too many requests. Try again in {_seconds(wait)}.", wait)
        return refuse(503, BUSY, SECONDS_UNTIL_LESS_BUSY) if self._busy >= AT_ONCE else None


def refuse(status: int, sentence: str, wait: float = 0) -> JSONResponse:
    """A refusal in one sentence, under the names that the page's script and other clients look for."""
    headers = {"Retry-After": str(math.ceil(wait))} if wait else {}
    return JSONResponse({"error": sentence, "detail": sentence}, status, headers)


def client_of(scope: Scope) -> str:
    """The client's address; of IPv6 its network, since one client has all of that."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _seconds(wait: float) -> str:
    seconds = math.ceil(wait)
    return f"{seconds} second{'' if seconds == 1 else 's'}"
