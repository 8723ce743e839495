"""The page and the API as a web application, and the server that offers it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import gradio as gr
import uvicorn
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import LOGGING_CONFIG

from pfocr_chat import connections
from pfocr_chat.listening import listen
from pfocr_chat.logs import LogFormat, logging_to_stderr
from pfocr_chat.monitoring import Monitor
from pfocr_chat.ui.accesslog import AccessLog
from pfocr_chat.ui.api import MCP_PATH, PARAMETERS, McpServer, add_api
from pfocr_chat.ui.auth import Accounts, BasicAuth
from pfocr_chat.ui.calls import Calls
from pfocr_chat.ui.doors import Doors
from pfocr_chat.ui.forgetting import forgetting
from pfocr_chat.ui.headers import SecurityHeaders, hash_source
from pfocr_chat.ui.hosts import Forwarded, OwnPages, is_loopback
from pfocr_chat.ui.limits import Limits
from pfocr_chat.ui.page import build_page
from pfocr_chat.ui.pictures import add_pictures

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

HEALTH = "/healthz"
METRICS = "/metrics"
CONVERSATIONS = 1_000
"""Visitors whose conversations are kept, the latest, at some hundred kB each."""
THREADS = 96
"""Answers that are waited for hold one each: those of the page, those of the API, and room for clicks."""
SECONDS_TO_FINISH = 2
SECONDS_AT_MOST = 5
"""After a signal; an answer that is still being written then is cut off with the process."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How the page is offered.

    ``accounts`` are the users, ``None`` for everybody. ``per_minute`` is how many requests a client may make, 0 for
    any number. ``root_path`` is the path under which a proxy shows the page ("/pfocr"), and ``proxies`` the
    addresses of proxies whose word is taken on who the client is and what it asked for. ``log_questions`` puts what
    was asked into the log, and ``log_format`` is how its lines look. With ``metrics_port`` the metrics are at that port
    of this machine without a log-in, instead of at ``/metrics`` behind it. ``images`` is a folder with pictures of
    figures. ``hosts`` are names of the server beside the one that it listens at, see ``OwnPages``.
    """

    accounts: Accounts | None = None
    per_minute: int = 0
    root_path: str = ""
    proxies: tuple[str, ...] = ()
    log_questions: bool = False
    log_format: LogFormat = LogFormat.PLAIN
    metrics_port: int | None = None
    images: Path | None = None
    hosts: tuple[str, ...] = ()
    open_browser: bool = field(default=False, kw_only=True)


def serve(assistant: Assistant, *, host: str = "127.0.0.1", port: int = 7860, serving: Serving | None = None) -> None:
    """Offer the page at ``host``:``port`` until it is interrupted, by Ctrl+C or SIGTERM.

    Raises ``PfocrChatError`` where that address cannot be had, before anything is served.
    """
    serving = serving or Serving()
    with closing(listen(host, port)) as listener, ExitStack() as opened:
        address = _address(host, listener.getsockname()[1]) + serving.root_path
        monitor = Monitor(assistant.status)
        if serving.metrics_port is not None:
            opened.enter_context(monitor.serving(serving.metrics_port))
        server = _Server(to_config(assistant, serving, host, monitor), address, serving.open_browser)
        if not (serving.accounts or serving.proxies or is_loopback(host)):
            print("Anybody who can reach this address can ask. --auth asks for a password.", file=sys.stderr)
        opened.enter_context(logging_to_stderr(serving.log_format, questions=serving.log_questions))
        with _ending(server), suppress(KeyboardInterrupt):
            server.run(sockets=[listener])  # shuts down in order, and raises the signal again


def to_config(
    assistant: Assistant, serving: Serving, host: str = "127.0.0.1", monitor: Monitor | None = None
) -> uvicorn.Config:
    """How uvicorn is to run the page; it is given a socket that listens at ``host``."""
    return uvicorn.Config(
        build_app(assistant, serving, host, monitor),
        log_config=None if serving.log_format is LogFormat.JSON else LOGGING_CONFIG,
        reset_contextvars=True,  # a request in the same connection is none within the one before it
        proxy_headers=False,  # the application takes the word of the proxies that are named, and of no others
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
        **connections.settings(serving.proxies),
    )


def build_app(
    assistant: Assistant, serving: Serving | None = None, host: str = "127.0.0.1", monitor: Monitor | None = None
) -> ASGIApp:
    """The page over an open assistant, at ``/``, with the API and its MCP server, ``/healthz`` and ``/metrics``.

    It is to be reached at ``host``. ``monitor`` is told of what happens.
    """
    serving = serving or Serving()
    monitor = monitor or Monitor(assistant.status)
    page = build_page(assistant)
    monitor.watch_queue(lambda: len(page._queue))
    page.state_session_capacity = CONVERSATIONS
    add_api(page, assistant)
    tools = McpServer(page)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        limiter = current_default_thread_limiter()
        limiter.total_tokens = max(limiter.total_tokens, THREADS)
        with assistant.observed_by(monitor):
            async with tools.running(), forgetting(page.state_holder):
                yield

    app = FastAPI(title="PFOCR Chat", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.get(HEALTH)
    def healthz() -> JSONResponse:
        status, is_ready = assistant.status(), assistant.is_ready
        said = "ok" if is_ready else "the vectors cannot be reached"
        told = {"status": said, "generation": status.generation, "figures": status.figures}
        return JSONResponse(told, 200 if is_ready else 503)

    if serving.metrics_port is None:

        @app.get(METRICS)
        def metrics(request: Request) -> Response:
            text, content_type = monitor.render(request.headers.get("accept", ""))
            return Response(text, headers={"Content-Type": content_type})

    @app.get("/gradio_api/startup-events")
    def startup() -> Response:
        return Response(status_code=404)  # Gradio would start its queue once more for whoever asks

    add_pictures(app, assistant, serving.images)
    app.mount(MCP_PATH, tools.handle)
    script = _read("page.js")
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        root_path=serving.root_path or None,
        show_error=False,
        footer_links=[],
        max_file_size="1kb",  # nothing is uploaded, see `Doors`
        ssr_mode=False,
        app_kwargs={"openapi_url": None},  # of its inner routes; that of the API is at /gradio_api/openapi.json
        theme=_theme(),
        head=f"<style>{_read('page.css')}</style><script>{script}</script>",
    )
    # Of the endpoints' values, the endpoints say themselves what is wrong.
    events = {
        number: ["" if event.api_name in PARAMETERS else type(each).__name__ for each in event.inputs]
        for number, event in page.fns.items()
    }
    own = [route for route in app.routes if getattr(route, "path", "")]  # the page is mounted at ""
    guarded: ASGIApp = Doors(Calls(app, parameters=PARAMETERS, events=events), own=own)
    guarded = Limits(guarded, per_minute=serving.per_minute)
    if serving.accounts:
        guarded = BasicAuth(guarded, accounts=serving.accounts, open_paths=frozenset((HEALTH,)))
    guarded = OwnPages(guarded, host=host, allowed=serving.hosts, open_paths=frozenset((HEALTH, METRICS)))
    # The headers stand outside of all that can answer, errors included.
    guarded = SecurityHeaders(guarded, scripts=(hash_source(script),))
    guarded = AccessLog(_Prefix(guarded, serving.root_path), mcp_path=MCP_PATH, told=monitor.request, unseen=(HEALTH,))
    return Forwarded(guarded, proxies=serving.proxies)


def _theme() -> gr.themes.Base:
    """Gradio's plain theme with one accent; of its bundled fonts only these weights are complete."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400, 700)), "monospace"],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
    )


class _Server(uvicorn.Server):
    """uvicorn's server that says where it is once it serves, and ends with the process if it has to."""

    def __init__(self, config: uvicorn.Config, address: str, open_browser: bool) -> None:
        super().__init__(config)
        self._address = address
        self._open_browser = open_browser
        self.last_resort = threading.Timer(SECONDS_AT_MOST, _leave)
        self.last_resort.daemon = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        print(f"PFOCR Chat is at {self._address} (Ctrl+C stops it)", flush=True)
        if self._open_browser:
            webbrowser.open(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.last_resort.start()
        # Open tabs hold connections that are cut off now; uvicorn would log each with a traceback.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


@contextmanager
def _ending(server: _Server) -> Iterator[None]:
    """End in order on SIGTERM as on Ctrl+C, and wait for answers under way as long as the last resort lets us."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, interrupt) if is_main else None
    try:
        yield
        while any(thread.name == "AnyIO worker thread" for thread in threading.enumerate()):
            time.sleep(0.05)
    finally:
        server.last_resort.cancel()
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _leave() -> None:
    """End the process though an answer is being waited for: a thread cannot be stopped from outside."""
    print("pfocr-chat: stopped; an answer under way was cut off.", file=sys.stderr, flush=True)
    os._exit(0)


class _Prefix:
    """Takes the path under which a proxy shows the page off the paths of requests, where the proxy leaves it on.

    The address of the MCP server is good without the slash at its end, too.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = before = scope.get("path", "")
        if self._prefix and (path == self._prefix or path.startswith(f"{self._prefix}/")):
            path = path[len(self._prefix) :] or "/"
        path = f"{path}/" if path == MCP_PATH else path
        if path != before:
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


def _read(name: str) -> str:
    """One of the files beside this module."""
    return (Path(__file__).parent / name).read_text("utf-8")


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
