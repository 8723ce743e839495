"""A Slack on the loopback: its Web API over HTTP and its Socket Mode over WebSocket, as far as the bot uses them.

It keeps the messages that it is told to post, refuses what Slack refuses (its limits of blocks and texts),
remembers every call, and can be told to fail: to answer 429, 500 before or after doing what was asked, to be slow, to
hang up, and to tell of an event twice.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message as Headers
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

TEAM = "T0TEAM"
BOT_USER = "U0BOT"
BOT_ID = "B0BOT"
USER = "U0ANNA"
CHANNEL = "C0LAB"
DIRECT = "D0ANNA"
SIGNING_SECRET = "shared-with-slack"  # noqa: S105 - of the fake
BOT_TOKEN = "xoxb-of-the-fake"  # noqa: S105 - as above
APP_TOKEN = "xapp-of-the-fake"  # noqa: S105 - as above
READS = ("auth.test", "conversations.replies", "apps.connections.open")

Json = dict[str, Any]


@dataclass
class Posted:
    """A message of the bot's as it stands now; ``edits`` counts how often it was changed."""

    ts: str
    channel: str
    thread: str
    text: str
    blocks: list[Json]
    metadata: Json
    streaming: bool = False
    was_streamed: bool = False
    edits: int = 0
    files: list[Json] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        """Whether it says more than that the bot is at work."""
        return bool(self.text or self.blocks) and not self.streaming and ":hourglass" not in self.shown

    @property
    def shown(self) -> str:
        """All that it shows as one text."""
        return "\n".join([self.text if not self.blocks or self.was_streamed else "", *map(_shown, self.blocks)])


@dataclass
class Call:
    """A call that the fake got, and the HTTP status that it answered with."""

    method: str
    arguments: Json
    status: int
    error: str = ""
    at: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Trouble:
    """How a call fails: a status (0 hangs up), after how many seconds, and whether it did what was asked."""

    status: int = 500
    is_done: bool = False
    seconds: float = 0.0
    retry_after: int = 0
    error: str = ""


class FakeSlack:
    """Use it in a ``with`` statement; it makes events without one, too.

    ``trouble`` decides of each call, given its method and how many there were before, how it fails; ``None`` lets it
    through.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.messages: list[Posted] = []
        self.ephemerals: list[Json] = []
        self.responses: list[tuple[str, Json]] = []
        self.files: list[tuple[Json, bytes]] = []
        self.acks: dict[str, tuple[float, Json]] = {}
        self.refused_tokens: dict[str, str] = {}
        self.bad_images: set[str] = set()
        self.trouble: Callable[[str, int], Trouble | None] = lambda _method, _number: None
        self._lock = threading.RLock()
        self._clock = itertools.count(1)
        self._uploads: dict[str, bytes] = {}
        self._sockets: set[ServerConnection] = set()
        self._port = self._socket_port = 0

    def __enter__(self) -> FakeSlack:
        self._web = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._web.daemon_threads = True
        self._socket: Server = serve(self._serve_socket, "127.0.0.1", 0)
        self._port = self._web.server_address[1]
        self._socket_port = self._socket.socket.getsockname()[1]
        threading.Thread(target=self._web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        threading.Thread(target=self._socket.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._web.shutdown()
        self._web.server_close()
        self._socket.shutdown()
        for connection in list(self._sockets):
            with suppress(ConnectionClosed, OSError):
                connection.close()

    @property
    def url(self) -> str:
        """The Web API's address."""
        return f"http://127.0.0.1:{self._port}/api/"

    @property
    def environ(self) -> dict[str, str]:
        """What a bot is told to work with this Slack."""
        return {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": self.url,
        }

    # What was seen

    def called(self, method: str) -> list[Call]:
        """The calls of a method, in order."""
        with self._lock:
            return [call for call in self.calls if call.method == method]

    def in_thread(self, thread: str, *, final: bool = True) -> list[Posted]:
        """The bot's messages in a thread, or only the final ones; not its files."""
        with self._lock:
            return [m for m in self.messages if m.thread == thread and not m.files and (m.is_final or not final)]

    @property
    def connections(self) -> int:
        """Open sockets."""
        return len(self._sockets)

    # What people do

    def now(self) -> str:
        """A time stamp that no message has yet, as Slack's are: unique, and later than those before."""
        with self._lock:
            return f"{int(time.time())}.{next(self._clock):06d}"

    def said(self, text: str, *, kind: str = "message", channel: str = CHANNEL, **event: Any) -> Json:
        """The event of a message: in a direct message where the channel is one."""
        ts = self.now()
        where = {"D": "im", "G": "group"}.get(channel[:1], "channel")
        told = {"type": kind, "channel": channel, "user": USER, "text": text, "ts": ts, "team": TEAM}
        if kind == "message":
            told["channel_type"] = where
        told |= event
        return {
            "type": "event_callback",
            "team_id": TEAM,
            "api_app_id": "A0APP",
            "event_id": f"Ev{uuid.uuid4().hex[:10]}",
            "event_time": int(time.time()),
            "event": {name: value for name, value in told.items() if value is not None},
        }

    def mentioned(self, question: str, **event: Any) -> Json:
        """The event of a mention of the bot."""
        return self.said(f"<@{BOT_USER}> {question}", kind="app_mention", **event)

    def commanded(self, text: str, *, channel: str = CHANNEL, user: str = USER) -> Json:
        """The payload of the slash command."""
        number = uuid.uuid4().hex
        return {
            "command": "/pfocr",
            "text": text,
            "team_id": TEAM,
            "channel_id": channel,
            "user_id": user,
            "trigger_id": number,
            "response_url": f"http://127.0.0.1:{self._port}/respond/{number}",
            "api_app_id": "A0APP",
        }

    def pressed(
        self,
        button: Json,
        *,
        channel: str = CHANNEL,
        message: Posted | None = None,
        user: str = USER,
        author: str = TEAM,
    ) -> Json:
        """The payload of a press of a button under a message, or under one that only ``user`` sees."""
        number = uuid.uuid4().hex
        body = {
            "type": "block_actions",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": author},
            "channel": {"id": channel},
            "api_app_id": "A0APP",
            "trigger_id": number,
            "container": {"type": "message", "is_ephemeral": message is None, "channel_id": channel},
            "response_url": f"http://127.0.0.1:{self._port}/respond/{number}",
            "actions": [
                {
                    "type": "button",
                    "block_id": "b",
                    "action_id": button["action_id"],
                    "value": button.get("value", ""),
                    "action_ts": self.now(),
                }
            ],
        }
        if message is not None:
            body["message"] = {"ts": message.ts, "thread_ts": message.thread}
        return body

    # How they are told

    def tell(self, body: Json, *, kind: str = "events_api", retry: int = 0) -> str:
        """Send it to a bot that is connected over Socket Mode; the id under which ``acks`` will have its answer."""
        envelope = str(uuid.uuid4())
        payload = {"envelope_id": envelope, "type": kind, "payload": body, "accepts_response_payload": True}
        if retry:
            payload |= {"retry_attempt": retry, "retry_reason": "timeout"}
        for connection in list(self._sockets):
            with suppress(ConnectionClosed):
                connection.send(json.dumps(payload))
                return envelope
        return envelope

    def drop_sockets(self) -> None:
        """Hang up on every bot without a word."""
        for connection in list(self._sockets):
            with suppress(ConnectionClosed, OSError):
                connection.close()

    def request_of(self, body: Json, *, form: str = "", at: float | None = None) -> tuple[bytes, dict[str, str]]:
        """The signed body and headers of an HTTP request; ``form`` is "command" or "payload" for those kinds."""
        if form == "command":
            content, kind = urlencode(body).encode(), "application/x-www-form-urlencoded"
        elif form == "payload":
            content, kind = urlencode({"payload": json.dumps(body)}).encode(), "application/x-www-form-urlencoded"
        else:
            content, kind = json.dumps(body).encode(), "application/json"
        stamp = str(int(time.time() if at is None else at))
        signed = hmac.new(SIGNING_SECRET.encode(), b"v0:" + stamp.encode() + b":" + content, hashlib.sha256)
        return content, {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signed.hexdigest()}",
        }

    # The Web API

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        slack = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                slack._answer(self, content)

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None:
                """Nothing on the screen."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, content: bytes) -> None:
        address = urlsplit(request.path)
        _, kind, method = address.path.split("/", 2)
        if kind == "upload":
            self._uploads[method] = content
            _send(request, 200, b"OK")
            return
        arguments = _arguments(content, request.headers) | _flat(parse_qs(address.query))
        name = method if kind == "api" else "response_url"
        with self._lock:
            number = sum(call.method == name for call in self.calls)
            call = Call(name, arguments, 200)
            self.calls.append(call)
        trouble = self.trouble(name, number)
        if trouble and trouble.seconds:
            time.sleep(trouble.seconds)
        fails = trouble is not None and (trouble.status != 200 or bool(trouble.error))
        result: Json = {"ok": True}
        if not fails or (trouble and trouble.is_done):
            with self._lock:
                result = self._do(name, method, arguments, request.headers)
        if trouble and fails:
            call.status, call.error = trouble.status, trouble.error
            if trouble.status == 0:
                request.close_connection = True
                return
            headers = {"Retry-After": str(trouble.retry_after)} if trouble.status == 429 else {}
            told = {"ok": False, "error": trouble.error or ("ratelimited" if trouble.status == 429 else "broken")}
            _send(request, trouble.status, json.dumps(told).encode(), headers)
            return
        call.error = str(result.get("error", ""))
        _send(request, 200, b"ok" if name == "response_url" else json.dumps(result).encode())

    def _do(self, name: str, method: str, arguments: Json, headers: Headers) -> Json:
        if name == "response_url":
            if problem := self._problem(arguments):
                return problem
            self.responses.append((method, arguments))
            return {"ok": True}
        token = str(headers.get("Authorization", "")).removeprefix("Bearer ")
        if token in self.refused_tokens:
            return {"ok": False, "error": self.refused_tokens[token]}
        if token != (APP_TOKEN if name == "apps.connections.open" else BOT_TOKEN):
            return {"ok": False, "error": "not_authed"}
        action = getattr(self, "_" + name.replace(".", "_"), None)
        return {"ok": False, "error": "unknown_method"} if action is None else action(arguments)

    def _auth_test(self, _: Json) -> Json:
        return {"ok": True, "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT_ID, "user": "pfocr"}

    def _apps_connections_open(self, _: Json) -> Json:
        return {"ok": True, "url": f"ws://127.0.0.1:{self._socket_port}/link?ticket={uuid.uuid4()}"}

    def _chat_postMessage(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        if problem := self._problem(told):
            return problem
        ts = self.now()
        posted = Posted(
            ts,
            told["channel"],
            told.get("thread_ts") or ts,
            told.get("text", ""),
            told.get("blocks", []),
            told.get("metadata") or {},
        )
        self.messages.append(posted)
        return {"ok": True, "ts": ts, "channel": told["channel"]}

    def _chat_update(self, told: Json) -> Json:
        if problem := self._problem(told):
            return problem
        message = self._message(told)
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        if message.streaming:
            return {"ok": False, "error": "streaming_state_conflict"}
        message.text, message.blocks = told.get("text", ""), told.get("blocks", [])
        message.was_streamed, message.metadata = False, told.get("metadata", message.metadata)
        message.edits += 1
        return {"ok": True, "ts": message.ts}

    def _chat_postEphemeral(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        self.ephemerals.append(told)
        return {"ok": True, "message_ts": self.now()}

    def _chat_startStream(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        ts = self.now()
        text = told.get("markdown_text", "")
        message = Posted(ts, told["channel"], told["thread_ts"], text, [], {}, streaming=True, was_streamed=True)
        self.messages.append(message)
        return {"ok": True, "ts": ts}

    def _chat_appendStream(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        message = self._message(told)
        if message is None or not message.streaming:
            return {"ok": False, "error": "message_not_in_streaming_state"}
        message.text += told["markdown_text"]
        return {"ok": True, "ts": message.ts}

    def _chat_stopStream(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        if problem := self._problem(told, needs_text=False):
            return problem
        message = self._message(told)
        if message is None or not message.streaming:
            return {"ok": False, "error": "message_not_in_streaming_state"}
        message.text += told.get("markdown_text", "")
        message.blocks, message.metadata = told.get("blocks", []), told.get("metadata") or {}
        message.streaming = False
        return {"ok": True, "ts": message.ts}

    def _conversations_replies(self, told: Json) -> Json:
        since = float(told.get("oldest") or 0)
        found = [
            m for m in self.messages if m.channel == told["channel"] and m.thread == told["ts"] and float(m.ts) >= since
        ]
        with_marks = str(told.get("include_all_metadata")) in ("1", "true", "True")
        replies = [
            {
                **{"ts": m.ts, "text": m.text, "bot_id": BOT_ID},
                **({"metadata": m.metadata} if with_marks and m.metadata else {}),
                **({"files": m.files} if m.files else {}),
            }
            for m in found
        ]
        return {"ok": True, "messages": replies}

    def _conversations_open(self, told: Json) -> Json:
        return {"ok": True, "channel": {"id": f"D{told['users']}"}}

    def _assistant_threads_setStatus(self, _: Json) -> Json:  # noqa: N802 - Slack's name
        return {"ok": True}

    def _assistant_threads_setSuggestedPrompts(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        return {"ok": True} if 0 < len(told["prompts"]) <= 4 else {"ok": False, "error": "invalid_arguments"}

    def _files_getUploadURLExternal(self, _: Json) -> Json:  # noqa: N802 - Slack's name
        number = uuid.uuid4().hex
        return {
            "ok": True,
            "file_id": number,
            "upload_url": f"http://127.0.0.1:{self._port}/upload/{number}",
        }

    def _files_completeUploadExternal(self, told: Json) -> Json:  # noqa: N802 - Slack's name
        files = json.loads(told["files"]) if isinstance(told["files"], str) else told["files"]
        if told.get("thread_ts") == "":
            return {"ok": False, "error": "invalid_thread_ts"}
        self.files += [(told, self._uploads[file["id"]]) for file in files]
        # Slack shows a file as a message of the bot's, which carries no mark.
        ts, text = self.now(), told.get("initial_comment", "")
        channel, thread = told["channel_id"], told.get("thread_ts") or ts
        self.messages.append(Posted(ts, channel, thread, text, [], {}, files=files))
        return {"ok": True, "files": files}

    def _message(self, told: Json) -> Posted | None:
        return next((m for m in self.messages if m.ts == told["ts"] and m.channel == told["channel"]), None)

    def _problem(self, told: Json, *, needs_text: bool = True) -> Json | None:
        """Why Slack would refuse the message."""
        blocks = told.get("blocks", [])
        if needs_text and not told.get("text") and not blocks:
            return {"ok": False, "error": "no_text"}
        if any(block["type"] == "image" and block["image_url"] in self.bad_images for block in blocks):
            return {"ok": False, "error": "invalid_blocks"}
        found = list(block_problems(blocks))
        return {"ok": False, "error": "invalid_blocks", "problems": found} if found else None

    # Socket Mode

    def _serve_socket(self, connection: ServerConnection) -> None:
        self._sockets.add(connection)
        try:
            connection.send(json.dumps({"type": "hello", "num_connections": 1}))
            for message in connection:
                told = json.loads(message)
                self.acks[told["envelope_id"]] = (time.monotonic(), told.get("payload") or {})
        except ConnectionClosed:
            pass
        finally:
            self._sockets.discard(connection)


def block_problems(blocks: Iterable[Json]) -> Iterable[str]:
    """What in the blocks goes against Slack's limits."""
    blocks = list(blocks)
    if len(blocks) > 50:
        yield f"{len(blocks)} blocks"
    actions = [
        element["action_id"] for block in blocks for element in block.get("elements", ()) if "action_id" in element
    ]
    if len(set(actions)) != len(actions):
        yield "two buttons with one action_id"
    for block in blocks:
        match block["type"]:
            case "section":
                yield from _text_problems(block["text"])
            case "context":
                if not 0 < len(block["elements"]) <= 10:
                    yield "elements of a context"
                for element in block["elements"]:
                    yield from _text_problems(element)
            case "image":
                if not block["image_url"].startswith("https://") or len(block["image_url"]) > 3000:
                    yield "address of an image"
                if not 0 < len(block["alt_text"]) <= 2000 or len(block["title"]["text"]) > 2000:
                    yield "text of an image"
            case "actions":
                if not 0 < len(block["elements"]) <= 25:
                    yield "number of buttons"
                for button in block["elements"]:
                    if not 0 < len(button["text"]["text"]) <= 75 or len(button["value"]) > 2000:
                        yield "text of a button"
                    if len(button["action_id"]) > 255:
                        yield "name of a button"
            case other:
                yield f"unknown block {other}"


def _text_problems(text: Json) -> Iterable[str]:
    if not 0 < len(text["text"]) <= 3000:
        yield f"{len(text['text'])} characters of text"


def _shown(block: Json) -> str:
    texts = [block.get("text", {}).get("text", ""), block.get("alt_text", "")]
    for element in block.get("elements", ()):
        inner = element.get("text", "")
        texts.append(inner if isinstance(inner, str) else inner.get("text", ""))
    return " ".join(filter(None, texts))


def _arguments(content: bytes, headers: Headers) -> Json:
    if "json" in str(headers.get("Content-Type", "")):
        told = json.loads(content or b"{}")
        return told if isinstance(told, dict) else {}
    return _flat(parse_qs(content.decode("utf-8", "replace")))


def _flat(values: Mapping[str, list[str]]) -> Json:
    return {name: found[0] for name, found in values.items()}


def _send(
    request: BaseHTTPRequestHandler, status: int, content: bytes, headers: Mapping[str, str] | None = None
) -> None:
    with suppress(OSError):
        request.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)
