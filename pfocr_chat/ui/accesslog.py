"""The access log: a line for each request, without what stands behind "?" in its address."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Container

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pfocr_chat.logs import REQUESTS
from pfocr_chat.traces import asked_from, new_id

REQUEST_ID = "X-Request-Id"

# The page's own files are told only where they fail: a hundred of them make one visit.
_FILES = ("/assets/", "/static/", "/svelte/", "/theme.css", "/favicon.ico", "/manifest.json")
_SESSION = re.compile(r"(?<=/heartbeat/)[^/]+")
_logger = logging.getLogger(REQUESTS)


class AccessLog:
    """Tells of each request its method, path, status and milliseconds, under an id that the response has as well.

    ``told`` is called with the status of each but of those for paths in ``unseen``, 0 where the client had gone.
    Questions that are answered within a request share its id; below ``mcp_path`` it is an agent that asks.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        mcp_path: str = "/mcp",
        told: Callable[[int], None] = lambda _: None,
        unseen: Container[str] = (),
    ) -> None:
        self._app = app
        self._mcp_path = mcp_path
        self._told = told
        self._unseen = unseen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, id_ = time.perf_counter(), 0, new_id()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = id_
            await send(message)

        try:
            with asked_from("mcp" if self._mcp_path in scope["path"] else "api", id_):
                await self._app(scope, receive, watch)
        except Exception:
            status = status or 500  # which the server then answers
            raise
        finally:
            if scope["path"] not in self._unseen:
                self._told(status)
            if not (scope["path"].startswith(_FILES) and 200 <= status < 400):
                _tell(id_, scope["method"], _SESSION.sub("…", scope["path"]), status, time.perf_counter() - started)


def _tell(id_: str, method: str, path: str, status: int, seconds: float) -> None:
    ms = round(1000 * seconds, 1)
    request = {"id": id_, "method": method, "path": path, "status": status, "ms": ms}
    _logger.info("%s %s %s %d ms", method, _printable(path), status or "-", ms, extra={"request": request})


def _printable(path: str) -> str:
    """The path on one line, so that nobody can write lines of their own into the log."""
    return path if path.isprintable() and " " not in path else json.dumps(path)
