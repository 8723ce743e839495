"""The page as a web application, and the server that offers it."""

from __future__ import annotations

import logging
import socket
import webbrowser
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pfocr_chat.errors import PfocrChatError
from pfocr_chat.ui.page import build_page
from pfocr_chat.ui.pictures import add_pictures

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob: https://*.ncbi.nlm.nih.gov https://europepmc.org",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
SECONDS_TO_FINISH = 3


def serve(
    assistant: Assistant,
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    images: Path | None = None,
    open_browser: bool = False,
) -> None:
    """Offer the page at ``host``:``port`` until it is interrupted; ``images`` is a folder of the figures' pictures.

    Raises ``PfocrChatError`` where that address cannot be had, before anything is served.
    """
    with closing(_listen(host, port)) as listener:
        config = uvicorn.Config(
            build_app(assistant, images=images),
            host=host,
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=SECONDS_TO_FINISH,
        )
        server = _Server(config, _address(host, listener.getsockname()[1]), open_browser)
        with suppress(KeyboardInterrupt):  # uvicorn has shut down in order and raises it again
            server.run(sockets=[listener])


def build_app(assistant: Assistant, *, images: Path | None = None) -> FastAPI:
    """The page over an open assistant, at ``/``, with ``/healthz`` beside it."""
    app = FastAPI(title="PFOCR Chat", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    add_pictures(app, assistant, images)
    app.add_middleware(_SecurityHeaders)
    gr.mount_gradio_app(
        app,
        build_page(assistant),
        path="/",
        show_error=False,
        footer_links=[],
        max_file_size="1kb",  # nothing is uploaded
        ssr_mode=False,
        theme=_theme(),
        head=f"<style>{_read('page.css')}</style><script>{_read('page.js')}</script>",
    )
    return app


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
    """uvicorn's server that says where it is once it serves."""

    def __init__(self, config: uvicorn.Config, address: str, open_browser: bool) -> None:
        super().__init__(config)
        self._address = address
        self._open_browser = open_browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        print(f"PFOCR Chat is at {self._address} (Ctrl+C stops it)", flush=True)
        if self._open_browser:
            webbrowser.open(self._address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Open tabs hold connections that are cut off now; uvicorn would log each with a traceback.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)


class _SecurityHeaders:
    """Adds ``HEADERS`` to every response; plain ASGI, so that a closed tab is still noticed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address, so that a port in use is found out before anything else."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, OverflowError) as error:
        listener.close()
        raise PfocrChatError(
            f"Cannot serve at {host}:{port}: {_reason(error)}. Choose another with --host or --port."
        ) from error
    return listener


def _reason(error: OSError | OverflowError) -> str:
    if isinstance(error, OverflowError):
        return "a port is a number from 0 to 65535"
    return (error.strerror or str(error)).lower()


def _read(name: str) -> str:
    """One of the files beside this module."""
    return (Path(__file__).parent / name).read_text("utf-8")


def _address(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
