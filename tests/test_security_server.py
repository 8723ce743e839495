"""What a stranger can reach: routes, files, addresses that are fetched, connections, and what other websites can do."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from browsing import Watched
from planted import FAK
from serving import served
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from test_ui_server import all_paths, in_a_loop
from timing import PATIENCE, wait_for

from pfocr_chat import Assistant
from pfocr_chat.connections import MOST, TOLD, PromptProtocol, room_for_connections
from pfocr_chat.ui import Accounts, Serving, build_app
from pfocr_chat.ui.doors import NO_FILES, NOT_HERE
from pfocr_chat.ui.events import ANSWERS_AT_ONCE
from pfocr_chat.ui.hosts import FOREIGN
from pfocr_chat.ui.limits import AT_ONCE, OPEN_PER_CLIENT, Limits
from pfocr_chat.ui.page import WAITING_LIMIT
from pfocr_chat.ui.server import to_config

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@pytest.fixture(scope="module")
def address(quoting: Assistant) -> Iterator[str]:
    with served(quoting) as address:
        yield address


@pytest.fixture(scope="module")
def routes(quoting: Assistant) -> list[str]:
    async def build() -> list[str]:
        return sorted({path for _, path in all_paths(build_app(quoting))})

    found: list[str] = in_a_loop(build())
    return found


class Canary(ThreadingHTTPServer):
    """A web server that nobody has a reason to ask; it remembers who does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Remembering)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Remembering(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        assert isinstance(self.server, Canary)
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_HEAD = do_POST = do_PUT = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        assert httpx.get(f"{server.url}/test").status_code == 200
        assert server.asked == ["GET /test"]
        server.asked.clear()
        yield server
        server.shutdown()
        thread.join()


# Routes


UNUSED = (
    *("/gradio_api/upload", "/gradio_api/upload_progress", "/gradio_api/component_server", "/gradio_api/deep_link"),
    *(
        "/gradio_api/run-history/connect",
        "/gradio_api/run-history/buckets",
        "/gradio_api/runs",
        "/gradio_api/vibe-code",
    ),
    *("/gradio_api/process_recording", "/gradio_api/stream/x", "/gradio_api/vibe-code"),
    *("/gradio_api/file/x", "/gradio_api/dev/reload", "/monitoring", "/monitoring/summary", "/gradio_api/token"),
    *("/proxy=http://127.0.0.1/", "/file=/etc/passwd", "/docs", "/openapi.json", "/redoc", "/.env", "/.git/config"),
)


@pytest.mark.parametrize("path", UNUSED)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_routes_that_nothing_uses_are_closed(method: str, path: str, address: str) -> None:
    """Uploads, proxies, recordings, links to states, histories and editors of Gradio are not there."""
    response = httpx.request(method, f"{address}{path}", content=b"" if method == "POST" else None)
    assert response.status_code == 404
    assert response.json()["error"] == NOT_HERE


def test_every_route_of_every_method_needs_the_password(quoting: Assistant, routes: list[str]) -> None:
    """With users set, whatever is asked for in whatever way is 401, but for the health, which alone is open."""
    assert len(routes) > 50
    tricks = ["//healthz", "/healthz/", "/healthz/../config", "/HEALTHZ", "/healthz%00", "/healthz;x", "/nothing"]
    with served(quoting, Serving(accounts=Accounts.parse("ada:correct horse"))) as address:
        with httpx.Client(base_url=address, timeout=30) as client:
            asked = [(path, method) for path in (*routes, *UNUSED) for method in ("GET", "POST", "DELETE", "OPTIONS")]
            for path, method in [*asked, *((path, method) for path in ("/", *tricks) for method in METHODS)]:
                status = client.request(method, path).status_code
                assert (status == 401) == (path != "/healthz"), (method, path, status)
        port = int(address.rpartition(":")[2])
        for path in (b"/healthz/../config", b"/x/../healthz/%2e%2e/config", b"http://x/config", b"/./config"):
            with socket.create_connection(("127.0.0.1", port)) as raw:  # httpx would tidy these paths up
                raw.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert b" 401 " in raw.recv(65536).split(b"\r\n", 1)[0], path


# Files


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/proc/self/environ", "{root}/pyproject.toml", "{index}/manifest.json"]
)
@pytest.mark.parametrize("way", ["{0}", "/..{0}", "{1}", "{2}", "/x/gradio/../..{0}", "/x/gradio/%2e%2e/%2e%2e{0}"])
def test_no_file_outside_is_served(path: str, way: str, address: str, quoting: Assistant) -> None:
    """Files of the machine cannot be had, by whatever path, spelled out or encoded."""
    path = path.format(root=Path(__file__).parents[1], index=quoting.status().vectorstore)
    encoded, twice = path.replace("/", "%2f"), path.replace("/", "%252f")
    response = httpx.get(f"{address}/gradio_api/file={way.format(path, encoded, twice)}")
    assert response.status_code in (403, 404)
    assert "root:" not in response.text


@pytest.mark.parametrize(
    "figid", ["..%2f..%2fetc%2fpasswd", "....//etc/passwd", "PMC1__..%2f..%2fx", f"{FAK}%2f..%2f.."]
)
def test_pictures_stay_in_their_folder(figid: str, quoting: Assistant, tmp_path: Path) -> None:
    """The picture of a figid is looked for under names made of figids only."""
    (tmp_path / "images").mkdir()
    (tmp_path / "secret.png").write_text("secret")
    with served(quoting, Serving(images=tmp_path / "images")) as address:
        response = httpx.get(f"{address}/pictures/{figid}")
    assert response.status_code == 404
    assert "secret" not in response.text


# Addresses


def file_at(url: str) -> dict[str, Any]:
    """A file as Gradio's clients describe one, which Gradio would fetch."""
    return {"path": url, "url": url, "orig_name": "x.md", "meta": {"_type": "gradio.FileData"}}


def test_no_address_is_fetched(address: str, canary: Canary) -> None:
    """Addresses in questions, conditions, files, paths, headers and parameters are not asked, by any way in."""
    url, given = f"{canary.url}/secret.md", file_at(f"{canary.url}/file.md")
    with httpx.Client(base_url=address, timeout=60) as client:
        for path in (f"/gradio_api/file={url}", f"/gradio_api/proxy={url}", f"/proxy={url}", f"/file={url}"):
            for method in ("GET", "HEAD"):
                assert client.request(method, path).status_code == 404
        asked = [
            url,
            f"Which figures show {url}?",
            f"![x]({url})",
            f"What does {url} show?",
            given,
            [given],
            {"x": given},
        ]
        for value in asked:
            for call in ("ask", "find_figures", "figure", "gene_list", "count"):
                client.post(f"/gradio_api/run/{call}", json={"data": [value]})
                client.post(f"/gradio_api/run/{call}", json={"data": [FAK, value, value]})
        config = client.get("/config").json()
        for function in config["dependencies"]:
            data = [given] * len(function["inputs"])
            body = {"data": data, "fn_index": function["id"], "session_hash": "canary", "event_data": given}
            client.post("/gradio_api/run/predict", json=body)
            client.post("/gradio_api/queue/join", json=body)
        for headers in ({"X-Forwarded-Host": canary.url[7:]}, {"Referer": url}, {"X-Direct-Url": url}):
            client.get("/", headers=headers, params={"q": url, "deep_link": url, "__theme": url})
        call = {"name": "ask", "arguments": {"question": given}}
        asked_of_mcp: list[tuple[str, dict[str, Any]]] = [
            ("tools/call", call),
            ("tools/call", call | {"_meta": {"progressToken": 1}}),
            ("prompts/get", {"name": "x"}),
            ("prompts/list", {}),
            ("resources/read", {"uri": url}),
            ("resources/list", {}),
            ("resources/templates/list", {}),
        ]
        for method, params in asked_of_mcp:
            message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            for told in ({}, {"Host": canary.url[7:]}, {"X-Forwarded-Host": canary.url[7:]}):
                headers = {"Accept": "application/json, text/event-stream", **told}
                response = client.post("/gradio_api/mcp/", json=message, headers=headers)
                assert response.status_code == 200
                assert ('"error":' in response.text) == (method != "tools/call")
    assert canary.asked == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("call/predict", {"data": []}, 404),
        ("run/ask", {"data": ["TNF"], "fn_index": 99_999}, 400),
        ("run/ask", {"data": ["TNF"], "fn_index": 0}, 400),
        ("api/figure", {"data": [FAK], "request": {"headers": {}}}, 400),
        ("call/figure", {"data": [FAK], "session_hash": "x" * 900_000}, 400),
        ("call/figure", {"data": [FAK], "session_hash": ["x"]}, 400),
        ("queue/join", {"data": [], "fn_index": 0, "session_hash": "a b"}, 400),
        ("run/figure", {"data": [FAK], "session_hash": "x" * 64}, 200),
    ],
)
def test_a_call_is_that_call(path: str, body: dict[str, Any], status: int, address: str) -> None:
    """What names another event beside it, headers, or a session as nobody calls one is refused in a sentence."""
    response = httpx.post(f"{address}/gradio_api/{path}", json=body, timeout=60)
    assert response.status_code == status
    assert status == 200 or response.json()["error"].endswith(".")


def test_sessions_have_short_names(address: str) -> None:
    """Gradio would remember any."""
    assert httpx.get(f"{address}/gradio_api/call/v2/ask", timeout=30).status_code < 500
    for path in ("heartbeat/" + "x" * 65, "queue/data?session_hash=" + "x" * 65, "queue/data?session_hash=a%20b"):
        assert httpx.get(f"{address}/gradio_api/{path}", timeout=30).status_code in (400, 404)


def test_files_are_refused_in_a_sentence(address: str) -> None:
    """A value that is a file, or the address of one, is refused before anything is done with it."""
    for value in (file_at("https://pfocr.wikipathways.org/x"), {"path": "/etc/passwd", "meta": {}}, [[{"path": "x"}]]):
        response = httpx.post(f"{address}/gradio_api/run/ask", json={"data": [value]}, timeout=30)
        assert response.status_code in (400, 500)
        assert response.json()["error"] == NO_FILES


def test_a_link_to_a_picture_leads_to_the_archive_only(address: str) -> None:
    """The only redirect is that of a figure's picture, to where the database says that it is published."""
    response = httpx.get(f"{address}/pictures/{FAK}", follow_redirects=False)
    assert response.status_code in (307, 404)
    assert response.headers.get("location", "https://www.ncbi.nlm.nih.gov/").startswith("https://www.ncbi.nlm.nih.gov/")


# Headers


def test_scripts_run_by_number_or_hash_only(address: str) -> None:
    """No script that stands in a text can run: the policy has no 'unsafe-inline', and each page other numbers."""
    first, second = httpx.get(address), httpx.get(address)
    policies = [page.headers["content-security-policy"] for page in (first, second)]
    scripts = [re.findall(r"script-src ([^;]*)", policy)[0] for policy in policies]
    assert all("'unsafe-inline'" not in part and "'sha256-" in part and "'nonce-" in part for part in scripts)
    assert scripts[0] != scripts[1]
    nonce = re.findall(r"'nonce-([^']*)'", scripts[0])[0]
    assert len(nonce) >= 20
    tags = re.findall(r"<script\b[^>]*>", first.text)
    assert len(tags) >= 3
    assert all(f'nonce="{nonce}"' in tag for tag in tags)
    other = httpx.get(f"{address}/config").headers["content-security-policy"]
    assert "nonce" not in other
    assert "'unsafe-inline'" not in other.partition("script-src")[2].partition(";")[0]


def test_headers_keep_the_page_to_itself(address: str) -> None:
    """Nothing may frame it, guess types, learn its addresses or use the machine's devices; no cookie is set."""
    for path in ("/", "/healthz", "/nothing", "/gradio_api/info", "/gradio_api/file=/etc/passwd"):
        headers = httpx.get(f"{address}{path}").headers
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert not {"set-cookie", "server", "access-control-allow-origin"} & set(headers)
        assert path in ("/healthz", "/nothing") or headers["cache-control"] == "no-store"


def test_tls_is_kept_to_once_it_was_used(quoting: Assistant) -> None:
    """Behind a proxy with TLS that is named, browsers are told to come by TLS; without it they are not."""
    with served(quoting, Serving(proxies=("127.0.0.1",))) as address:
        assert "strict-transport-security" not in httpx.get(address).headers
        told = httpx.get(address, headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example.org"})
    assert told.headers["strict-transport-security"] == "max-age=31536000"


# Other websites


@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket"])
def test_another_page_cannot_load_parts_of_this_one(mode: str, address: str) -> None:
    """A picture or script of this server in another website's page is refused; a link to here is followed."""
    path = f"{address}/gradio_api/heartbeat/x"
    told = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
    response = httpx.get(path, headers=told)
    assert response.status_code == 403
    assert response.json()["error"] == FOREIGN
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert httpx.get(f"{address}/?q=TNF", headers=followed).status_code == 200
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert httpx.get(f"{address}/config", headers=own).status_code == 200


# Connections


class Hasty(PromptProtocol):
    """The server's HTTP with less patience for who says nothing."""

    seconds_for_headers = 1.0


class Unread(PromptProtocol):
    """The server's HTTP with less patience for who does not read."""

    seconds_for_reading = 0.5


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    async def slowly() -> Any:
        for _ in range(4):
            yield b"x"
            await asyncio.sleep(0.4)

    if scope["type"] == "http":
        text = "ok" if scope["path"] == "/" else "x" * 20_000_000
        response = StreamingResponse(slowly()) if scope["path"] == "/slow" else PlainTextResponse(text)
        await response(scope, receive, send)


@contextmanager
def small_server(
    http: type[PromptProtocol] = PromptProtocol, *, room: int | None = None
) -> Iterator[tuple[int, uvicorn.Server]]:
    """The port of a small application, and its server, which has room for so many connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as thread:
        config = uvicorn.Config(_app, http=http, ws="none", lifespan="off", log_level="error", limit_concurrency=room)
        server = uvicorn.Server(config)
        done = thread.submit(asyncio.run, server.serve(sockets=[listener]))
        try:
            while not server.started and not done.done():
                time.sleep(0.05)
            yield listener.getsockname()[1], server
        finally:
            server.should_exit = True
            done.result(60)


@contextmanager
def hasty() -> Iterator[int]:
    with small_server(Hasty) as (port, _):
        yield port


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /", b"GET / HTTP/1.1\r\nX-a: "])
def test_who_says_nothing_is_hung_up_on(begun: bytes) -> None:
    """A connection whose request does not come to the end of its headers is closed, however its bytes drip in."""
    with hasty() as port, socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(30)
        raw.sendall(begun)
        stop = threading.Event()
        drip = threading.Thread(target=_drip, args=(raw, stop))
        if begun.endswith(b"X-a: "):
            drip.start()
        assert raw.recv(1024) == b""
        stop.set()
        if drip.ident:
            drip.join()


def _drip(raw: socket.socket, stop: threading.Event) -> None:
    while not stop.wait(0.1):
        try:
            raw.sendall(b"a")
        except OSError:
            return


def test_who_asks_is_answered_to_the_end() -> None:
    """An answer that takes longer than headers may, and a second request in the same connection, are not cut off."""
    with hasty() as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/slow").text == "xxxx"
        assert client.get("/").text == "ok"
        time.sleep(1.2)
        assert client.get("/").text == "ok"


@pytest.mark.parametrize("piece", [b"a: b\r\n" * 1000, b"a" * 5000])
@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\n", b"GET /"])
def test_headers_and_addresses_have_an_end(begun: bytes, piece: bytes) -> None:
    """Whoever never comes to the end of them is refused, and not read any further."""
    with small_server() as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(30)
        sent = 0
        with suppress(OSError):
            raw.sendall(begun)
            while sent < 50_000_000:
                raw.sendall(piece)
                sent += len(piece)
        assert sent < 20_000_000


@pytest.mark.parametrize("asks", [b"Host: x\r\n\r\n", b"Host: x\r\nConnection: close\r\n\r\n"])
def test_who_does_not_read_is_hung_up_on(asks: bytes) -> None:
    """The place of an answer that nobody reads is free again after a while, also where many were asked for at once."""
    with small_server(Unread) as (port, server), ExitStack() as open_ones:
        for _ in range(5):
            raw = open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            raw.sendall((b"GET /large HTTP/1.1\r\n" + asks) * 5)
            raw.settimeout(PATIENCE)
            assert raw.recv(1) == b"H"  # it is being answered
        wait_for(lambda: not server.server_state.connections, "the end of the connections")
        wait_for(lambda: not server.server_state.tasks, "the end of the answers")


@pytest.mark.parametrize("ask", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /slow HTTP/1.1\r\nHost: x\r\n"])
def test_half_a_request_is_refused_once(ask: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is no body, or no request after the last one, ends the connection, and no error is logged for it."""
    with small_server() as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.settimeout(30)
        if ask.startswith(b"POST"):
            ask += b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        raw.sendall(ask + b"no chunk\r\n\r\n\r\n")
        told = b""
        while piece := raw.recv(1024):
            told += piece
    assert told.startswith(b"HTTP/1.1 ")
    assert told.count(b"HTTP/1.1 400") == 1
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_no_more_connections_than_there_is_room_for() -> None:
    """Those beyond it are closed at once; who asks in one that is just beyond it is told so."""
    with small_server(room=20) as (port, server):
        taken = server.server_state.connections
        with ExitStack() as open_ones:
            for _ in range(30):
                open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            assert httpx.get(f"http://127.0.0.1:{port}/", timeout=30).status_code == 503
            for _ in range(200):
                open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            with suppress(httpx.HTTPError):  # it may be one too many itself
                httpx.get(f"http://127.0.0.1:{port}/", timeout=30)
            assert 20 < len(taken) <= 20 + TOLD + 5  # some are just on their way out
        wait_for(lambda: not taken, "the end of the connections")
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=30).status_code == 200


@pytest.mark.parametrize(("http", "most"), [(PromptProtocol, 10), (PromptProtocol.behind(("127.0.0.1",)), 15)])
def test_one_address_has_half_of_them(http: type[PromptProtocol], most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the connections that there is room for, unless it is that of a proxy, behind which there are many."""
    monkeypatch.setattr("pfocr_chat.connections._is_own", lambda _: False)
    with small_server(http, room=20) as (port, server), ExitStack() as open_ones:
        for _ in range(15):
            open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            time.sleep(0.02)
        wait_for(lambda: len(server.server_state.connections) == most, f"{most} connections")


def test_connections_are_bounded(quoting: Assistant) -> None:
    """No more connections are taken than the process has open files for, with some to spare."""

    async def build() -> uvicorn.Config:
        return to_config(quoting, Serving())

    config = in_a_loop(build())
    assert config.limit_concurrency == room_for_connections()
    assert 64 <= config.limit_concurrency <= MOST
    assert config.ws == "none"


def a_post(*, length: int = 10, client: str = "10.0.0.1") -> Scope:
    headers = [(b"content-length", str(length).encode())]
    return {"type": "http", "method": "POST", "path": "/", "headers": headers, "client": (client, 1)}


async def status_of(app: Limits, scope: Scope, receive: Receive) -> int:
    """The status with which an application answers; 0 for none."""
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0] if statuses else 0


def test_a_body_that_drips_holds_no_place() -> None:
    """Requests whose bodies do not come are told so after a while, and others are answered meanwhile."""

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    async def at_once() -> Message:
        return {"type": "http.request", "body": b"0123456789", "more_body": False}

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        await PlainTextResponse(body)(scope, receive, send)

    async def run() -> tuple[list[int], int]:
        app = Limits(told, per_minute=0, patience=0.5)
        slow = [asyncio.create_task(status_of(app, a_post(), never)) for _ in range(3 * AT_ONCE)]
        await asyncio.sleep(0.05)
        quick = await status_of(app, a_post(), at_once)
        return await asyncio.gather(*slow), quick

    slow, quick = in_a_loop(run())
    assert quick == 200
    assert set(slow) == {408}


def test_a_client_has_so_many_requests_under_way() -> None:
    """One more than a client may have is told so; another client is served, and the first one again later."""
    release = asyncio.Event

    async def run() -> tuple[int, int, int]:
        go_on = release()

        async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/wait":
                await go_on.wait()
            await PlainTextResponse("ok")(scope, receive, send)

        async def nothing() -> Message:
            return {"type": "http.disconnect"}

        app = Limits(waiting, per_minute=60)
        scope = {"type": "http", "method": "GET", "path": "/wait", "headers": [], "client": ("10.0.0.1", 1)}
        held = [asyncio.create_task(status_of(app, scope, nothing)) for _ in range(OPEN_PER_CLIENT)]
        await asyncio.sleep(0.05)
        more = await status_of(app, {**scope, "path": "/"}, nothing)
        other = await status_of(app, {**scope, "path": "/", "client": ("10.0.0.2", 1)}, nothing)
        go_on.set()
        await asyncio.gather(*held)
        return more, other, await status_of(app, {**scope, "path": "/"}, nothing)

    assert in_a_loop(run()) == (429, 200, 200)


def test_too_much_is_told_to_go(address: str, quoting: Assistant) -> None:
    """A request that is too long gets 413, one too many 429, each with a sentence."""
    long = httpx.post(f"{address}/gradio_api/run/ask", content=b"x" * 1_000_001, timeout=30)
    assert (long.status_code, "1,000,001 bytes" in long.json()["error"]) == (413, True)
    with served(quoting, Serving(per_minute=2)) as limited:
        statuses = [httpx.post(f"{limited}/gradio_api/run/figure", json={"data": [FAK]}).status_code for _ in range(4)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


def test_the_queue_has_an_end(quoting: Assistant) -> None:
    """While as many questions of the page are answered and wait as may, one more is told so at once, and none hangs."""
    watched = Watched(quoting)
    watched.go_on.clear()
    with served(watched) as address, httpx.Client(base_url=address, timeout=30) as client:
        config = client.get("/config").json()
        kinds = {component["id"]: component["type"] for component in config["components"]}
        asking = next(d for d in config["dependencies"] if d["queue"] and any(t[1] == "submit" for t in d["targets"]))
        given = {"textbox": "", "dropdown": []}  # no conditions
        data = [given.get(kinds[each]) for each in asking["inputs"]]
        data[data.index("")] = "Which figures show TNF?"
        body = {"data": data, "fn_index": asking["id"]}
        joined = [client.post("/gradio_api/queue/join", json=body | {"session_hash": f"s{n}"}) for n in range(70)]
        print(
            len(watched.asked), [r.text[:90] for r in joined[::10]], client.get("/gradio_api/queue/status").json(), body
        )
        watched.go_on.set()
    statuses = [response.status_code for response in joined]
    assert set(statuses) == {200, 503}
    assert WAITING_LIMIT <= statuses.count(200) <= WAITING_LIMIT + ANSWERS_AT_ONCE
    assert "full" in next(response.text for response in joined if response.status_code == 503)
