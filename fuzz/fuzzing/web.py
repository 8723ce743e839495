"""Requests to the page's server: as an application that is called, and as bytes that arrive at its port."""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
import random
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import uvicorn

from fuzzing.asking import FIGIDS, QUESTIONS
from fuzzing.chance import any_json, changed, changed_json, json_bytes, storable, text
from fuzzing.targets import SECRET, Opened, Place
from fuzzing.watch import expect, refusals
from pfocr_chat import Assistant, open_assistant
from pfocr_chat.ui import Accounts, Serving, build_app
from pfocr_chat.ui.server import to_config

PATIENCE = 10.0
"""Seconds for a response to begin; one that goes on without end is left after its first piece."""
USER, PASSWORD = "ada", "corréct:horse"
ENDPOINTS = ("ask", "find_figures", "figure", "gene_list", "count")
PATHS = (
    *(
        "/",
        "/healthz",
        "/config",
        "/gradio_api/info",
        "/gradio_api/queue/join",
        "/gradio_api/queue/data",
        "/gradio_api/mcp/",
    ),
    *(
        "/gradio_api/call/ask",
        "/gradio_api/call/v2/ask",
        "/gradio_api/call/predict",
        "/gradio_api/call/ask/x",
        "/gradio_api/run/predict",
        "/gradio_api/cancel",
        "/gradio_api/reset",
    ),
    *(
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../outside/secret",
        "/theme.css",
        "/login",
    ),
    *(
        "/gradio_api/component_server",
        "/gradio_api/heartbeat/x",
        "/gradio_api/openapi.json",
        "/manifest.json",
        "/assets/x",
    ),
    *(
        "/gradio_api/proxy=http://127.0.0.1:1/",
        "/gradio_api/custom_component/x/client/component/..",
        "/static/../x",
        "//x",
    ),
    *(
        "/gradio_api/stream/x/y/z/playlist.m3u8",
        "/gradio_api/queue/status",
        "/monitoring/x",
        "/gradio_api/user",
        "/robots.txt",
    ),
)
CALL_VALUES = {
    "ask": ["How does TNF activate IL6?", "mouse", 2010, 2020, ["TNF"], 5],
    "find_figures": ["figures with TNF", "", None, None, [], 10, "json"],
    "figure": ["PMC11989024__ijms-26-03143-g003"],
    "gene_list": [["EGFR", "KRAS", "TP53"], "", None, None, 5],
    "count": ["TNF", "year", "", None, None, [], 10],
}
JOIN: dict[str, Any] = {"data": [], "fn_index": 0, "session_hash": "abc", "event_data": None, "trigger_id": 1}
RPC: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "find_figures", "arguments": {"question": "TNF", "limit": 3}},
}
METHODS = ("initialize", "tools/list", "prompts/get", "prompts/list", "resources/read", "resources/list", "ping")
HEADERS = (
    *(
        "content-type",
        "accept",
        "authorization",
        "host",
        "origin",
        "cookie",
        "content-encoding",
        "x-forwarded-for",
        "range",
    ),
    *(
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-gradio-user",
        "x-gradio-server",
        "mcp-session-id",
        "if-none-match",
        "content-length",
        "x" * 200,
    ),
)
HEADER_VALUES = (
    *(
        b"application/json",
        b"text/plain",
        b"multipart/form-data; boundary=x",
        b"multipart/form-data",
        b"application/gzip",
    ),
    *(
        b"application/x-www-form-urlencoded",
        b"gzip",
        b"*/*",
        b"text/event-stream",
        b"application/json, text/event-stream",
    ),
    *(
        b"Basic",
        b"Basic !!!",
        b"Basic \xe9",
        b"Basic " + base64.b64encode(b"\xff:\xff"),
        b"Bearer x",
        b"null",
        b"localhost",
        b"::1",
    ),
    *(
        b"evil.example",
        b"http://evil.example",
        b"127.0.0.1:99999",
        b"[::1",
        b"-1",
        b"9" * 5_000,
        b"\xb2",
        b"0",
        b"\xff" * 50,
    ),
    *(b"session=x; session=y", b"bytes=0-0,1-1", b"bytes=9-1", b"a,b", b"", b"\x80", b"chunked", b"1e3"),
)


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Request(dict[str, Any]):
    """A request: ``method``, ``path``, ``query``, ``headers`` (pairs of bytes), ``body`` in ``pieces``."""


def _body(rng: random.Random, path: str) -> bytes:
    name = path.rpartition("/")[2]
    if rng.random() < 0.1:
        return rng.choice(
            (b"", b"\x00" * 100, b"x" * 200_000, gzip.compress(b'{"data": []}'), text(rng).encode("utf-8", "replace"))
        )
    if name in CALL_VALUES:
        told: Any = {"data": _changed_values(rng, CALL_VALUES[name])}
        told = changed_json(rng, told) if rng.random() < 0.2 else told
        told = told | _further(rng) if isinstance(told, dict) and rng.random() < 0.2 else told
    elif "mcp" in path:
        told = RPC | {"method": rng.choice(METHODS)} if rng.random() < 0.3 else RPC
        told = changed_json(rng, told) if rng.random() < 0.8 else any_json(rng)
    elif "queue/join" in path:
        told = JOIN | {
            **_further(rng),
            "data": [any_json(rng) for _ in range(rng.randint(0, 8))],
        }
        told = changed_json(rng, told) if rng.random() < 0.6 else told
    else:
        told = any_json(rng)
    return json_bytes(rng, told)


def _further(rng: random.Random) -> dict[str, Any]:
    """What Gradio takes beside the values of a call or an event."""
    return {
        "fn_index": rng.choice((0, 1, 5, 20, -1, 10**9)),
        "session_hash": rng.choice(("abc", "x" * 64, "x" * 65, text(rng), None, 7)),
    }


def _changed_values(rng: random.Random, values: list[Any]) -> Any:
    found = [*values]
    if isinstance(found[0], str) and rng.random() < 0.5:
        found[0] = rng.choice((text(rng), rng.choice(QUESTIONS), rng.choice(FIGIDS)))
    return changed_json(rng, found) if rng.random() < 0.6 else found


def _request(rng: random.Random) -> Request:
    chance = rng.random()
    if chance < 0.35:
        path = f"/gradio_api/{rng.choice(('run', 'run', 'call', 'api'))}/{rng.choice(ENDPOINTS)}"
    elif chance < 0.45:
        path = "/gradio_api/mcp/"
    elif chance < 0.6:
        path = f"/pictures/{rng.choice(FIGIDS)}"
    else:
        path = rng.choice(PATHS) if rng.random() < 0.8 else f"/{storable(text(rng, longest=2))}"
    is_call = path.startswith(
        ("/gradio_api/run", "/gradio_api/api", "/gradio_api/call", "/gradio_api/mcp", "/gradio_api/queue/join")
    )
    method = (
        "POST"
        if is_call and rng.random() < 0.95
        else rng.choice(("GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS"))
    )
    body = _body(rng, path) if method in ("POST", "PUT", "DELETE") else b""
    size = rng.choice((len(body) or 1, len(body) or 1, 7, 1_000))
    pieces = [body[at : at + size] for at in range(0, len(body), size)][:2_000] or [b""]
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if "mcp" in path:
        headers.append((b"accept", b"application/json, text/event-stream"))
    if body and rng.random() < 0.97:
        headers.append((b"content-length", str(len(body)).encode()))
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        headers.append((rng.choice(HEADERS).encode(), rng.choice(HEADER_VALUES)))
    query = rng.choice(
        ("", "", "", "?", "q=x&q=y", quote(storable(text(rng, longest=3))), "session_hash=x", "__theme=dark")
    )
    return Request(method=method, path=path, query=query, headers=headers, pieces=pieces, gone=rng.random() < 0.02)


@contextmanager
def http(place: Place) -> Iterator[Opened]:
    """The application, with a log-in for a part of the requests."""
    with (
        open_assistant(place.index(), llm="none") as assistant,
        _called(assistant, Serving(images=place.inside)) as opened,
        _called(assistant, _locked()) as locked,
    ):

        def make(rng: random.Random) -> tuple[bool, Request]:
            return rng.random() < 0.1, _request(rng)

        def read(value: tuple[bool, Request]) -> None:
            is_locked, request = value
            status, body = (locked if is_locked else opened)(request)
            expect(SECRET.encode() not in body, "a file outside of the folder was sent")
            if 400 <= status < 500:
                refusals.append(str(status))
            expect(b"Traceback" not in body, "a traceback was sent")
            expect(status < 500 or status == 503, f"status {status}: {body[:300]!r}")
            is_open = request["path"] == "/healthz"
            expect(not is_locked or is_open or status >= 400, f"status {status} without a log-in")

        yield make, read


def _locked() -> Serving:
    return Serving(accounts=Accounts({USER: PASSWORD}))


@contextmanager
def _called(assistant: Assistant, serving: Serving) -> Iterator[Callable[[Request], tuple[int, bytes]]]:
    """The application, with its lifespan, on a loop of a thread of its own; gives what answers a request."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(task: Awaitable[Any], seconds: float = 120.0) -> Any:
        async def run() -> Any:
            return await task

        return asyncio.run_coroutine_threadsafe(run(), loop).result(seconds)

    async def build() -> Any:
        return build_app(assistant, serving)  # outside of a loop Gradio leaves three open

    app = wait(build())
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    done: Future[None] = Future()
    started = threading.Event()

    async def send(message: dict[str, Any]) -> None:
        if message["type"].startswith("lifespan.startup"):
            started.set()

    async def live() -> None:
        await told.put({"type": "lifespan.startup"})
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, told.get, send)
        done.set_result(None)

    asyncio.run_coroutine_threadsafe(live(), loop)
    expect(started.wait(60), "the application did not start")
    try:
        yield lambda request: wait(_answered(app, request), 300)
    finally:
        loop.call_soon_threadsafe(told.put_nowait, {"type": "lifespan.shutdown"})
        done.result(60)
        wait(_ended())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _ended() -> None:
    """End what still runs on this loop: Gradio leaves its queue at work."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=10) if tasks else None
    await asyncio.get_running_loop().shutdown_asyncgens()


async def _answered(app: Any, request: Request) -> tuple[int, bytes]:
    """The status of the response and its body, of an endless one its first piece."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request["method"],
        "scheme": "http",
        "path": request["path"],
        "raw_path": quote(request["path"]).encode(),
        "query_string": request["query"].encode(),
        "root_path": "",
        "headers": request["headers"],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "state": {},
    }
    left = [*request["pieces"]]
    over = asyncio.Event()
    status, body = 0, bytearray()

    async def receive() -> dict[str, Any]:
        if request["gone"] or not left:
            if not request["gone"]:
                await over.wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body.extend(message.get("body", b""))
            if not message.get("more_body") or body:
                over.set()

    task = asyncio.ensure_future(app(scope, receive, send))
    waited = 0.0
    while not task.done() and waited < PATIENCE:
        await asyncio.wait([task], timeout=0.2 if waited or over.is_set() else 0.5)
        waited += 0.2
        if over.is_set() or waited > 0.5:
            over.set()  # whoever asked has had enough, and goes
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=5)
        expect(task.done(), "a response that nobody waits for goes on")
    if not task.cancelled():
        task.result()
    return status, bytes(body)


# The port


@contextmanager
def wire(place: Place) -> Iterator[Opened]:
    """What is no HTTP, or hardly any, at the port of the real server."""
    with open_assistant(place.index(), llm="none") as assistant, _listening(assistant) as port:

        def make(rng: random.Random) -> list[bytes]:
            return _as_bytes(rng, _request(rng))

        def read(value: list[bytes]) -> None:
            _exchange(port, value)
            expect(_exchange(port, [HEALTH], 10.0).startswith(b"HTTP/1.1 200"), "the server does not answer any more")

        yield make, read


def _as_bytes(rng: random.Random, request: Request) -> list[bytes]:
    path = quote(request["path"], safe="/%") if rng.random() < 0.8 else storable(request["path"])
    body = b"".join(request["pieces"])
    lines = [f"{request['method']} {path} HTTP/{rng.choice(('1.1', '1.1', '1.0', '2.0', '9', ''))}".encode()]
    lines += [
        name + b": " + value for name, value in request["headers"] if name != b"content-length" or rng.random() < 0.8
    ]
    if rng.random() < 0.15:
        lines.append(b"Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in request["pieces"]) + rng.choice(
            (b"0\r\n\r\n", b"", b"fffffffff\r\n")
        )
    if rng.random() < 0.05:
        lines += [b"x%d: y" % n for n in range(rng.choice((100, 5_000)))]
    if rng.random() < 0.05:
        lines.append(b"Content-Length: " + rng.choice((b"-1", b"99999999999999999999", b"1_0", b"0x1", b"1000000000")))
    if rng.random() < 0.05:
        lines += [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: x", b"Sec-WebSocket-Version: 13"]
    lines.append(b"Connection: close")
    told = b"\r\n".join(lines) + b"\r\n\r\n" + body
    if rng.random() < 0.4:
        told = changed(rng, told, (b"\r\n", b"\n", b"\r", b"\x00", b":", b" ", b"\xff"), longest=300_000)
    at = rng.randint(0, len(told))
    return [told[:at], told[at:]] if rng.random() < 0.3 else [told]


def _exchange(port: int, pieces: list[bytes], patience: float = 0.15) -> bytes:
    """What the server answers to the pieces, as far as it comes in a moment."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.settimeout(patience)
            while len(answer) < 100_000 and (got := connection.recv(65_536)):
                answer += got
        except OSError:
            pass  # it may hang up on us, or wait for more
    expect(b"Traceback" not in answer and SECRET.encode() not in answer, "what is not to be sent was sent")
    status = answer[9:12]
    # Of what comes over the wire, the server says 500 only to calls of its own queue.
    expect(not status.startswith(b"5") or status == b"503", f"answered {answer[:300]!r}")
    return answer


@contextmanager
def _listening(assistant: Assistant) -> Iterator[int]:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # that a request is none is told for each
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        started: Future[uvicorn.Server] = Future()

        async def serve() -> None:
            server = uvicorn.Server(to_config(assistant, Serving()))
            started.set_result(server)
            await server.serve(sockets=[listener])

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        server = started.result(60)
        until = time.monotonic() + 60
        while not server.started and time.monotonic() < until:
            time.sleep(0.05)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(30)
