"""Which of Gradio's routes are open: those that the page and the API use, and no others.

Gradio also fetches addresses for whoever asks (``/gradio_api/file=https://…``, files that are named by an address),
takes uploads, stores links to states, and talks to Hugging Face with a visitor's token. None of that is used here, and
what a later version adds is closed until it stands in ``USED``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import gradio as gr
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from pfocr_chat.ui.calls import REFUSED, SESSION
from pfocr_chat.ui.limits import refuse

USED = re.compile(
    r"/(?:(?:config|login_check|theme\.css|favicon\.ico|manifest\.json|robots\.txt)/?|(?:assets|static|svelte)/.+"
    r"|gradio_api/(?:(?:info|openapi\.json|app_id|startup-events|theme\.css|cancel|reset|queue/(?:join|data|status))/?"
    rf"|heartbeat/{SESSION}|(?:run|api|call)/[^/]+/?|call/[^/]+/[^/]+"
    r"|file=/.+))?"  # a path of this machine, which Gradio looks for among its own downloads
)
"""Paths of Gradio's routes that are used. Those of the server's own routes need not stand here."""
NOT_HERE = "There is nothing here."
NO_FILES = "Files and addresses of files are not taken here."


class Doors:
    """Answers 404 for whatever is neither one of the server's ``own`` routes nor one of Gradio's that are used."""

    def __init__(self, app: ASGIApp, *, own: Iterable[BaseRoute]) -> None:
        self._app = app
        self._own = tuple(own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._is_open(scope):
            await self._app(scope, receive, send)
        else:
            await refuse(404, NOT_HERE)(scope, receive, send)

    def _is_open(self, scope: Scope) -> bool:
        if scope["type"] != "http":  # there are no web sockets here
            return False
        if USED.fullmatch(scope["path"]):
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self._own)


class FilelessBlocks(gr.Blocks):
    """A page that takes no files: Gradio would fetch those that a visitor names by an address.

    Every call comes through here, by whatever route: the queue, the API and the MCP server.
    """

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> Any:
        """As Gradio's, of inputs without files.

        Raises:
            gr.Error: there is a file among them.
        """
        if _holds_file(inputs):
            raise gr.Error(NO_FILES, title=REFUSED, print_exception=False)
        return await super().preprocess_data(block_fn, inputs, *rest, **named)


def _holds_file(inputs: object) -> bool:
    """Whether Gradio would take a part of the inputs for a file."""
    waiting = [inputs]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("path"), str):
                return True
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
    return False
