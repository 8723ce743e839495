"""Plain calls of the endpoints over HTTP: what is left out takes its default, what is no call is told in a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pfocr_chat.ui.bodies import read_body, replayed
from pfocr_chat.ui.limits import refuse

_CALL = re.compile(r"/gradio_api/(?:run|api|call)/(?!predict/?$)(?P<name>[^/]+)/?")
""" "predict" is what Gradio's page calls its own events by."""


class Calls:
    """Completes a call's values, for which Gradio wants one in each place, and refuses (400, 404) what is no call.

    ``parameters`` are the names of each endpoint's. To be put behind ``Limits``, since the request is read here.
    """

    def __init__(self, app: ASGIApp, *, parameters: Mapping[str, Sequence[str]]) -> None:
        self._app = app
        self._parameters = parameters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = _CALL.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if not match:
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return  # the client has gone
        completed = self._completed(match["name"], body)
        if isinstance(completed, JSONResponse):
            await completed(scope, receive, send)
            return
        scope = {**scope, "headers": [*scope["headers"]]}
        MutableHeaders(scope=scope)["content-length"] = str(len(completed))
        await self._app(scope, replayed(completed, receive), send)

    def _completed(self, name: str, body: bytes) -> bytes | JSONResponse:
        """The request with a value in each place, or why it is none."""
        if name not in self._parameters:
            return refuse(404, f"There is no such call here. There are {', '.join(self._parameters)}.")
        parameters = self._parameters[name]
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            return refuse(400, f"The request is not JSON. {_example(parameters)}")
        values = told.get("data") if isinstance(told, dict) else None
        if not isinstance(values, list):
            return refuse(400, f"The request has no list “data” with the values of the call. {_example(parameters)}")
        if len(values) > len(parameters):
            return refuse(
                400, f"“data” has {len(values):,} values, and {name} takes {len(parameters)}: {_names(parameters)}."
            )
        missing: list[Any] = [None] * (len(parameters) - len(values))
        return json.dumps({**told, "data": values + missing}).encode() if missing else body


def _names(parameters: Sequence[str]) -> str:
    return ", ".join(parameters)


def _example(parameters: Sequence[str]) -> str:
    return f'Send {{"data": […]}} with {_names(parameters)}, in this order; those at the end may be left out.'
