"""Who may send a browser here: the server's own page only, under the names that the server is known by.

A foreign website may make its visitors' browsers ask this server, with their log-in or from inside their network, and
could read the answers where its name was made to lead here (DNS rebinding). Programs other than browsers send no
``Origin``, and an address as ``Host`` cannot be made to lead elsewhere.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pfocr_chat.ui.limits import refuse

FROM_PROXY = "pfocr_chat.from_proxy"
"""Stands in the scope of a request that a named proxy has passed on."""

FOREIGN = "Pages of other websites may not ask this server."
_PORTS = {"http": "80", "https": "443"}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(?::(?P<port>\d{1,5}))?")
_ORIGIN = re.compile(rf"(?P<scheme>https?)://{_HOST.pattern}")


class Forwarded:
    """Takes the word of the proxies named (addresses or networks) on the client, the scheme and the host."""

    def __init__(self, app: ASGIApp, *, proxies: Iterable[str]) -> None:
        self._app = app
        self._believing = ProxyHeadersMiddleware(app, list(proxies))  # type: ignore[arg-type]  # its own ASGI types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if not client or client[0] not in self._believing.trusted_hosts:
            # Gradio would take anybody's word on where the page is.
            kept = [(name, value) for name, value in scope["headers"] if not _is_hearsay(name, value)]
            await self._app({**scope, "headers": kept}, receive, send)
            return
        told = Headers(scope=scope).get("x-forwarded-host", "").partition(",")[0].strip()
        headers = [(name, value) for name, value in scope["headers"] if not (told and name == b"host")]
        if told:
            headers.append((b"host", told.encode("latin-1")))
        scope = {**scope, "headers": headers, FROM_PROXY: True}
        await self._believing(scope, receive, send)  # type: ignore[arg-type]


def _is_hearsay(name: bytes, value: bytes) -> bool:
    """Whether a header says where the page is, other than that a proxy with TLS stands before it."""
    if name == b"x-forwarded-proto":
        return value not in (b"http", b"https")
    return name.startswith(b"x-forwarded-") or name == b"x-gradio-server"


class OwnPages:
    """Refuses (403) requests of other websites' pages, and those for a name that is not the server's.

    ``host`` is what the server listens at and ``allowed`` further names for it. Addresses and ``localhost`` are always
    its own; without ``allowed`` ones so are the machine's names, unless only the machine itself can reach it, and any
    name for which a named proxy passes requests on. A path in ``open_paths`` may be asked for under any name, by
    whatever watches over the server.
    """

    def __init__(self, app: ASGIApp, *, host: str, allowed: Iterable[str], open_paths: frozenset[str]) -> None:
        self._app = app
        named = {name.lower().rstrip(".") for name in allowed}
        self._names = {host.lower(), *(named or _machine_names(host))}
        self._any_from_proxy = not named
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sentence = self._objection(scope) if scope["type"] != "lifespan" else None
        if sentence:
            await refuse(403, sentence)(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _objection(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host"), headers.get("origin")
        if origin is not None and not _same(origin.lower(), scope["scheme"], (host or "").lower()):
            return FOREIGN
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return FOREIGN  # a picture, a script or the like in another website's page; a link to here is welcome
        if host is None or scope["path"] in self._open or (self._any_from_proxy and scope.get(FROM_PROXY)):
            return None  # without a Host it is no browser
        match = _HOST.fullmatch(host.lower())
        if match and self._knows(match["name"].rstrip(".")):
            return None
        name = match["name"][:80] if match else "NAME"
        return (
            f"This server is asked for by a name that it does not know. Start it with --allow-host {name} to allow it."
        )

    def _knows(self, name: str) -> bool:
        return name in self._names or name == "localhost" or name.endswith(".localhost") or _is_address(name)


def _same(origin: str, scheme: str, host: str) -> bool:
    """Whether a page of this origin is the server's own, reached at ``host``.

    Where the request came by HTTP there may be a proxy with TLS that says nothing of it.
    """
    page, own = _ORIGIN.fullmatch(origin), _HOST.fullmatch(host)
    if not page or not own or page["name"] != own["name"]:
        return False
    if page["scheme"] != scheme.replace("ws", "http") and page["scheme"] != "https":
        return False
    default = _PORTS[page["scheme"]]
    return (page["port"] or default) == (own["port"] or default)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether only the machine itself can reach what listens there."""
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _machine_names(host: str) -> set[str]:
    """What others may call this machine, where they can reach it."""
    if is_loopback(host):
        return set()
    full = socket.gethostname().lower()
    short = full.partition(".")[0]
    return {full, short, f"{short}.local"}
