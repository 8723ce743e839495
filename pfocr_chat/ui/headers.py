"""The headers of every response, and the scripts that a browser runs: those of the page, none that came with a text.

Gradio's page has scripts within it, which a policy without ``'unsafe-inline'`` must name one by one: those that the
server sends carry a number used once, and the page's own script, which Gradio puts in later, is known by its hash.
What a caption or a question could bring in, a script or an ``onerror``, has neither. ``'unsafe-eval'`` stays: Gradio
makes functions of texts of its own.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

IMAGE_HOSTS = (
    *("https://www.ncbi.nlm.nih.gov", "https://pmc.ncbi.nlm.nih.gov", "https://cdn.ncbi.nlm.nih.gov"),
    "https://europepmc.org",
)
"""Where figures' pictures are published, and where the first one sends browsers on to."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
ENCRYPTED = "max-age=31536000"
"""For how long a browser asks by TLS only, once it was answered by TLS."""
_SCRIPT = b"<script"


def policy(scripts: Iterable[str]) -> str:
    """The content security policy, with further sources of scripts."""
    return "; ".join(
        (
            "default-src 'self'",
            " ".join(("script-src 'self' 'unsafe-eval' blob:", *scripts)),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob: " + " ".join(IMAGE_HOSTS),
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def hash_source(script: str) -> str:
    """The source that stands for one script within a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


class SecurityHeaders:
    """Adds the headers to every response and lets no other website read it, which Gradio allows any that asks.

    ``scripts`` are sources of scripts as in ``policy``. Plain ASGI, so that a closed tab is still noticed.
    """

    def __init__(self, app: ASGIApp, *, scripts: Iterable[str] = ()) -> None:
        self._app = app
        self._scripts = tuple(scripts)
        self._policy = policy(self._scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/"
        if is_page:  # it is read here, and so must not be compressed
            kept = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        page = _Page(send) if is_page else None

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope, page)
            await (page or send)(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, scope: Scope, page: _Page | None) -> None:
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
        headers.update(HEADERS)
        nonce = page.begin(headers) if page else ""
        headers["Content-Security-Policy"] = policy((*self._scripts, f"'nonce-{nonce}'")) if nonce else self._policy
        if scope.get("scheme") == "https":
            headers["Strict-Transport-Security"] = ENCRYPTED
        if scope["path"].startswith("/gradio_api/"):
            headers.setdefault("Cache-Control", "no-store")  # answers can be confidential


class _Page:
    """One page on its way to the browser: its own scripts get the number without which none runs."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._nonce = ""
        self._start: Message = {}
        self._body: list[bytes] = []

    def begin(self, headers: MutableHeaders) -> str:
        """The number, or "" for what is no page."""
        if headers.get("content-type", "").startswith("text/html"):
            self._nonce = secrets.token_urlsafe(16)
            headers["Cache-Control"] = "no-store"
        return self._nonce

    async def __call__(self, message: Message) -> None:
        if not self._nonce:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if not message.get("more_body"):
                await self._finish()

    async def _finish(self) -> None:
        # Nothing that a person or a record wrote has a "<" in it here: Gradio writes "\u003c" for it.
        body = b"".join(self._body).replace(_SCRIPT, b'%s nonce="%s"' % (_SCRIPT, self._nonce.encode()))
        MutableHeaders(scope=self._start)["content-length"] = str(len(body))
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body})
