"""What is posted to the page's server: calls of endpoints, for which what is left out takes its default, and events.

What is neither is told in a sentence; Gradio would end in an error of its own, and in a traceback in the log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pfocr_chat.ui.bodies import read_body, replayed
from pfocr_chat.ui.limits import refuse
from pfocr_chat.untrusted import parse_json

Events = Mapping[int, Sequence[str]]
"""The page's events by their number, each with the classes of its inputs."""
_JSON = "/gradio_api/"
_NO_JSON = ("/gradio_api/upload", "/gradio_api/stream")
_EVENTS = ("/queue/join", "/run/predict", "/api/predict")
REFUSED = "Refused"
"""The title of an error that whoever called is to blame for."""

_STREAM = re.compile(r"/gradio_api/(?:queue/data|call/[^/]+/[^/]+)")
_NAMED = re.compile(r"/gradio_api/call/v2/(?P<name>[^/]+)/?")
_CALL = re.compile(r"/gradio_api/(?:(?:run|api)/(?!predict/?$)|call/)(?P<name>[^/]+)/?")
""" "predict" is what Gradio's page calls its own events by."""
_OF_CALLS = frozenset(("data", "session_hash"))
"""What a call may have. Gradio takes more: another event to run instead, and headers of a request."""
SESSION = r"[\w-]{1,64}"
"""What a browser or a client calls its session. Gradio remembers it, whatever its length."""


class Calls:
    """Completes a call's values, for which Gradio wants one in each place, and refuses (400, 404) what is no call.

    What an endpoint refuses is told with 400 as well: Gradio says 500 of all errors, also of those of whoever called.
    ``parameters`` are the names of each endpoint's. To be put behind ``Limits``, since the request is read here.
    """

    def __init__(self, app: ASGIApp, *, parameters: Mapping[str, Sequence[str]], events: Events) -> None:
        self._app = app
        self._parameters = parameters
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and _STREAM.fullmatch(scope["path"]):
            session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", ["-"])[0]
            stream = self._stream if _is_session(session) else _no_session()
            await stream(scope, receive, send)
            return
        path = scope["path"] if scope["type"] == "http" and scope["method"] == "POST" else ""
        if not path.startswith(_JSON) or path.startswith(_NO_JSON):
            await self._app(scope, receive, send)
            return
        body = await read_body(receive)
        if body is None:
            return  # the client has gone
        match = _CALL.fullmatch(path)
        try:
            completed = self._completed(match["name"], body) if match else self._checked(path, body)
        except _SessionError:
            completed = _no_session()
        if isinstance(completed, JSONResponse):
            await completed(scope, receive, send)
            return
        scope = {**scope, "headers": [*scope["headers"]]}
        MutableHeaders(scope=scope)["content-length"] = str(len(completed))
        await self._app(scope, replayed(completed, receive), _blaming(send))

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The events of a session or a call; Gradio has begun to answer when it finds that it does not know that."""
        try:
            await self._app(scope, receive, send)
        except RuntimeError as exc:
            if not isinstance(exc.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _checked(self, path: str, body: bytes) -> bytes | JSONResponse:
        """The request of an event of the page, or of MCP, or why it is none."""
        if not body:
            return body
        try:
            told = _parsed(body)
        except ValueError:
            return refuse(400, "The request is not JSON.")
        if match := _NAMED.fullmatch(path):
            return self._named(match["name"], told, body)
        if not path.rstrip("/").endswith(_EVENTS):
            return body
        number = told.get("fn_index") if isinstance(told, dict) else None
        kinds = self._events.get(number) if type(number) is int else None
        if kinds is None:
            return refuse(404, "There is no such event of the page.")
        values = told.get("data")
        if not isinstance(values, list) or len(values) != len(kinds) or not all(map(_fits, values, kinds)):
            return refuse(400, "These are not the values of an event of the page.")
        return body

    def _named(self, name: str, told: object, body: bytes) -> bytes | JSONResponse:
        """A call with its values by name, or why it is none."""
        parameters = self._parameters.get(name, ())
        if not parameters:
            return self._unknown()
        if isinstance(told, dict) and set(told) <= set(parameters) and parameters[0] in told:
            return body
        return refuse(400, f"Send an object with {parameters[0]} and, if wanted, others of {_names(parameters)}.")

    def _completed(self, name: str, body: bytes) -> bytes | JSONResponse:
        """The request with a value in each place, or why it is none."""
        if name not in self._parameters:
            return self._unknown()
        parameters = self._parameters[name]
        try:
            told = _parsed(body)
        except ValueError:
            return refuse(400, f"The request is not JSON. {_example(parameters)}")
        told = told if isinstance(told, dict) else {}
        values = told.get("data")
        if further := told.keys() - _OF_CALLS:
            return refuse(400, f"A call has no “{min(further)[:40]}”. {_example(parameters)}")
        if not isinstance(values, list):
            return refuse(400, f"The request has no list “data” with the values of the call. {_example(parameters)}")
        if len(values) > len(parameters):
            return refuse(
                400, f"“data” has {len(values):,} values, and {name} takes {len(parameters)}: {_names(parameters)}."
            )
        missing: list[Any] = [None] * (len(parameters) - len(values))
        return json.dumps({**told, "data": values + missing}).encode() if missing else body

    def _unknown(self) -> JSONResponse:
        return refuse(404, f"There is no such call here. There are {', '.join(self._parameters)}.")


def _parsed(body: bytes) -> Any:
    """The JSON of a request; raises ``ValueError`` for what is none, or is nested too deeply to be passed on."""
    try:
        told = parse_json(body)
        json.dumps(told)
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc
    if isinstance(told, dict) and told.get("session_hash") is not None and not _is_session(told["session_hash"]):
        raise _SessionError
    return told


class _SessionError(Exception):
    """A request names a session as nobody calls one."""


def _is_session(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(SESSION, name, re.ASCII) is not None


def _no_session() -> JSONResponse:
    return refuse(400, "The session has letters, digits, “-” and “_”, and at most 64 of them.")


def _fits(value: object, kind: str) -> bool:
    """Whether a browser may send the value for an input of this class; nothing is known of the other classes."""
    if kind == "Textbox":
        return value is None or isinstance(value, str)
    if kind == "Dropdown":
        texts = value if isinstance(value, list) else [] if value is None else [value]
        return all(isinstance(text, str) for text in texts)
    return True


def _names(parameters: Sequence[str]) -> str:
    return ", ".join(parameters)


def _example(parameters: Sequence[str]) -> str:
    return f'Send {{"data": […]}} with {_names(parameters)}, in this order; those at the end may be left out.'


def _blaming(send: Send) -> Send:
    """As ``send``, with 400 for Gradio's 500 where the call itself is to blame."""
    held: list[Message] = []

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500:
            held.append(message)
            return
        if held:
            start = held.pop()
            await send({**start, "status": 400 if _is_refused(message.get("body", b"")) else 500})
        await send(message)

    return send_on


def _is_refused(body: bytes) -> bool:
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("title") == REFUSED
