"""Serving: headers and log-in on every route, limits, the access log, and an orderly end."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client
from hypothesis import given
from hypothesis import strategies as st
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from planted import FAK, Planted
from playwright.sync_api import Browser, expect, sync_playwright
from serving import served
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from pfocr_chat import Assistant, ConfigError, PfocrChatError
from pfocr_chat.cli import main
from pfocr_chat.logs import logging_to_stderr
from pfocr_chat.ui import Accounts, Serving, build_app
from pfocr_chat.ui.accesslog import AccessLog
from pfocr_chat.ui.auth import WRONG_PER_MINUTE, BasicAuth
from pfocr_chat.ui.limits import AT_ONCE, MAX_BODY, MAX_CLIENTS, Buckets, Limits, client_of

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ASK = {"data": [f"What does {FAK} show?", *[None] * 5]}
USER = ("ada", "corréct:horse")


def in_a_loop(task: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns, run in a thread of its own: an open browser has a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, task).result()


@pytest.fixture(scope="module")
def address(quoting: Assistant) -> Iterator[str]:
    with served(quoting) as address:
        yield address


@pytest.fixture(scope="module")
def locked(quoting: Assistant) -> Iterator[str]:
    with served(quoting, Serving(accounts=Accounts.parse(":".join(USER)))) as address:
        yield address


def all_paths(app: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(method, path) of every route that there is, parameters filled in."""
    while hasattr(app, "_app"):
        app = app._app
    for route in app.routes:
        routes = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", None)
        path = re.sub(r"\{[^}]*\}", "x", prefix + route.path) if hasattr(route, "path") else prefix
        if routes:
            inner = route.app if hasattr(route, "app") and hasattr(route.app, "routes") else route.original_router
            yield from all_paths(inner, path)
        else:
            yield from ((method, path) for method in getattr(route, "methods", None) or ("GET", "POST"))


@pytest.fixture(scope="module")
def routes(quoting: Assistant) -> list[tuple[str, str]]:
    async def build() -> list[tuple[str, str]]:  # outside of an event loop, Gradio leaves three open
        return sorted(set(all_paths(build_app(quoting))))

    return in_a_loop(build())


# Every response


def test_health_says_what_is_served(address: str, quoting: Assistant) -> None:
    """/healthz names the index's generation and how many figures it has."""
    status = quoting.status()
    told = httpx.get(f"{address}/healthz")
    assert told.status_code == 200
    assert told.json() == {"status": "ok", "generation": status.generation, "figures": status.figures}


def test_the_routes_are_all_found(routes: list[tuple[str, str]]) -> None:
    """The list of routes that the next tests go through has the page's, the API's and the MCP server's."""
    assert len(routes) > 50
    wanted = {("GET", "/healthz"), ("GET", "/config"), ("POST", "/gradio_api/run/x"), ("POST", "/gradio_api/mcp")}
    assert wanted | {("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload")} <= set(routes)


def test_every_response_has_the_policy(routes: list[tuple[str, str]], address: str) -> None:
    """Whatever route is asked, with whatever outcome, the answer carries the headers that keep the page to itself."""
    statuses = set()
    others = [("GET", "/nothing/at/all"), ("DELETE", "/"), ("GET", "/gradio_api/file=/etc/passwd"), ("GET", "/")]
    for method, path in [*routes, *others]:
        with httpx.stream(method, f"{address}{path}", timeout=60) as response:  # some never end
            policy = response.headers.get("content-security-policy", "")
            assert "default-src 'self'" in policy, (method, path)
            assert response.headers["x-content-type-options"] == "nosniff"
            statuses.add(response.status_code)
    assert {200, 403, 404, 405} <= statuses


def test_images_come_from_the_publishers_only(address: str) -> None:
    """The policy names no foreign host but those of the figures' images."""
    policy = httpx.get(address).headers["content-security-policy"]
    assert set(re.findall(r"https?://\S+?(?=[; ]|$)", policy)) == {
        "https://www.ncbi.nlm.nih.gov",
        "https://pmc.ncbi.nlm.nih.gov",
        "https://cdn.ncbi.nlm.nih.gov",
        "https://europepmc.org",
    }
    assert re.search(r"img-src [^;]*europepmc", policy)


def test_a_fault_has_the_policy_too(quoting: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 that nobody expected comes with the headers as well."""

    def broken() -> None:
        raise PfocrChatError("The index is gone.")

    with served(quoting) as address:
        monkeypatch.setattr(quoting, "status", broken)
        response = httpx.get(f"{address}/healthz")
        monkeypatch.undo()
    assert response.status_code == 500
    assert "gone" not in response.text
    assert "default-src 'self'" in response.headers["content-security-policy"]


# Log-in


def test_no_route_is_open(routes: list[tuple[str, str]], locked: str) -> None:
    """Without a password every route of the page, its files, the queue, the API and the MCP server is 401."""
    for method, path in routes:
        response = httpx.request(method, f"{locked}{path}")
        expected = 200 if path == "/healthz" else 401
        assert response.status_code == expected, (method, path)
        if expected == 401:
            assert response.headers["www-authenticate"].startswith("Basic realm=")
            assert method == "HEAD" or response.text == "A user and a password are needed here."


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !!!", "Bearer abc", "Basic " + base64.b64encode(b"\xff:x").decode(), "Basic YWRh"],
)
def test_other_credentials_are_refused(header: str, locked: str) -> None:
    """A header that is no name and password is as good as none."""
    assert httpx.get(f"{locked}/config", headers={"Authorization": header}).status_code == 401


def test_a_user_gets_in(locked: str) -> None:
    """With the password, letters beyond ASCII and colons in it, the page and the API answer."""
    assert "PFOCR Chat" in httpx.get(locked, auth=USER).text
    response = httpx.post(f"{locked}/gradio_api/run/ask", json=ASK, auth=USER)
    assert response.json()["data"][0]["citations"][0]["figid"] == FAK
    assert httpx.get(locked, auth=(USER[0], "wrong")).status_code == 401
    assert httpx.get(locked, auth=("eve", USER[1])).status_code == 401
    assert httpx.get(locked, auth=("eve", "")).status_code == 401


def test_clients_get_in(locked: str) -> None:
    """Gradio's client and an MCP client are let in by the header."""
    header = {"Authorization": "Basic " + base64.b64encode(":".join(USER).encode()).decode()}
    with closing(Client(locked, headers=header, verbose=False, analytics_enabled=False)) as client:
        assert client.predict(FAK, api_name="/figure")["figid"] == FAK

    async def figid() -> str:
        async with (
            httpx.AsyncClient(headers=header) as http,
            streamable_http_client(f"{locked}/gradio_api/mcp/", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            result = await session.call_tool("figure", {"figid": FAK})
            return str(json.loads(result.content[0].text)["figid"])  # type: ignore[union-attr]

    assert in_a_loop(figid()) == FAK


def tried(app: BasicAuth, *attempts: tuple[str, str, str]) -> list[int]:
    """The statuses of requests at once by (client, user, password), in their order."""

    async def one(client: str, user: str, password: str) -> int:
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x", auth=(user, password)) as http:
            return (await http.get("/")).status_code

    async def all_of_them() -> list[int]:
        return await asyncio.gather(*(one(*attempt) for attempt in attempts))

    return list(in_a_loop(all_of_them()))


def locked_app() -> BasicAuth:
    return BasicAuth(well, accounts=Accounts({"ada": "right", "grace": "other"}), open_paths=frozenset())


def test_passwords_cannot_be_tried_for_long() -> None:
    """However many are tried at once, only so many are looked at; the others are told to wait, the right one too."""
    app, started = locked_app(), time.monotonic()
    found = tried(app, *[("1.1.1.1", "ada", f"wrong{number}") for number in range(200)], ("1.1.1.1", "ada", "right"))
    looked_at = sum(status != 429 for status in found)
    assert set(found) <= {200, 401, 429}
    assert looked_at >= WRONG_PER_MINUTE / 2
    assert looked_at <= WRONG_PER_MINUTE / 2 + 1 + (time.monotonic() - started) * WRONG_PER_MINUTE / 60


def test_a_right_password_is_not_locked_out() -> None:
    """After many wrong passwords the right one gets in, if somewhat late; others do not notice."""
    app = locked_app()
    wrong = [("1.1.1.1", "ada", f"wrong{number}") for number in range(WRONG_PER_MINUTE // 2)]
    assert set(tried(app, *wrong)) == {401}
    assert tried(app, ("2.2.2.2", "ada", "right"), ("1.1.1.1", "grace", "other")) == [200, 200]
    assert tried(app, ("1.1.1.1", "ada", "right")) == [200]


def test_somebody_who_is_in_stays_in() -> None:
    """Where a password was right before, wrong ones of the same client make nobody wait who has it."""
    app = locked_app()
    assert tried(app, ("1.1.1.1", "ada", "right")) == [200]
    wrong = [("1.1.1.1", "ada", f"wrong{number}") for number in range(3 * WRONG_PER_MINUTE)]
    found = tried(app, *wrong, *[("1.1.1.1", "ada", "right")] * 50)
    assert found[-50:] == [200] * 50
    assert 429 in found


def test_a_wrong_password_counts_once() -> None:
    """A browser that sends a password kept from before with each of many requests does not use up the tries."""
    app = locked_app()
    assert tried(app, *[("1.1.1.1", "ada", "old")] * 200) == [401] * 200
    assert tried(app, ("1.1.1.1", "ada", "right")) == [200]


def test_tries_are_forgotten() -> None:
    """However much is tried, only so much is remembered."""
    app = locked_app()
    in_a_loop(_try_many(app))
    assert len(app._tries._seen) == MAX_CLIENTS


async def _try_many(app: BasicAuth) -> None:
    for number in range(MAX_CLIENTS + 100):
        await app._tries.admit(str(number), "ada", "wrong", app._accounts)


def test_accounts_come_from_a_file(tmp_path: Path) -> None:
    """A file has a user and a password a line; comments and blank lines are passed over, and nothing shows them."""
    path = tmp_path / "users"
    path.write_text("# people\n\nada:one:1\ngrace:two\n", encoding="utf-8")
    accounts = Accounts.parse(f"@{path}")
    assert accounts.admit("ada", "one:1")
    assert accounts.admit("grace", "two")
    assert not accounts.admit("ada", "two")
    assert "two" not in repr(accounts) + repr(Serving(accounts=accounts))


@pytest.mark.parametrize("setting", ["", "ada", "ada:", ":secret", "@nothing-here", "@."])
def test_accounts_that_are_none_are_one_sentence(setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no user or no password, or is a file that is not there, is refused, and the password not repeated."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as refused:
        Accounts.parse(setting)
    assert "secret" not in str(refused.value)
    assert str(refused.value).count("\n") == 0


@given(st.text(max_size=20), st.text(max_size=20))
def test_only_the_password_is_admitted(user: str, password: str) -> None:
    """No other name and password than those that were given, whatever they consist of."""
    assert not Accounts({"ada": "right"}).admit(user, password) or (user, password) == ("ada", "right")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if chromium is None:
        pytest.skip("no chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        yield browser
        browser.close()


def test_the_page_works_behind_a_password(locked: str, browser: Browser) -> None:
    """A browser that was given the password loads every part of the page with it and gets an answer."""
    context = browser.new_context(http_credentials={"username": USER[0], "password": USER[1]})
    page = context.new_page()
    refused: list[str] = []
    page.on("response", lambda response: refused.append(response.url) if response.status == 401 else None)
    page.goto(locked)
    page.locator("#pfc-box textarea").fill(ASK["data"][0] or "")
    page.locator("#pfc-go").click()
    expect(page.locator("#pfc-chat")).to_contain_text("LATS1", timeout=60_000)
    assert refused == []
    context.close()


def test_the_page_says_when_it_is_asked_too_often(quoting: Assistant, browser: Browser) -> None:
    """Someone who asks more than the limit reads so on the page, and what was typed stays."""
    with served(quoting, Serving(per_minute=1)) as address:
        page = browser.new_page()
        page.goto(address)
        page.locator("#pfc-box textarea").fill("Which figures show TNF?")
        page.locator("#pfc-go").click()  # the page itself has used up the one request when it was loaded
        expect(page.get_by_text("Too many requests.")).to_be_visible(timeout=60_000)
        expect(page.locator("#pfc-box textarea")).to_have_value("Which figures show TNF?")
        page.close()


# Limits


def ask_as(app: Any, client: str, **headers: str) -> httpx.Response:
    """What an application answers to a POST from an address."""

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.post("/", content=b"x", headers=headers)

    return in_a_loop(post())


async def well(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("well")(scope, receive, send)


def test_a_client_that_asks_too_often_is_told_to_wait() -> None:
    """After a burst a client gets 429 and when to come back; other clients, and reading, go on."""
    app = Limits(well, per_minute=6)
    assert [ask_as(app, "1.1.1.1").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = ask_as(app, "1.1.1.1")
    assert re.fullmatch(r"Too many requests\. Try again in \d+ seconds?\.", refused.json()["error"])
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert ask_as(app, "2.2.2.2").status_code == 200


def test_without_a_limit_nobody_waits() -> None:
    """Zero a minute means any number."""
    app = Limits(well, per_minute=0)
    assert {ask_as(app, "1.1.1.1").status_code for _ in range(50)} == {200}


def test_tokens_come_back_with_time() -> None:
    """A bucket fills at its rate and never above its size."""
    now = 1000.0
    buckets = Buckets(60, clock=lambda: now)
    assert [buckets.take("a") for _ in range(30)] == [0] * 30
    assert buckets.take("a") == pytest.approx(1)
    now += 2
    assert [buckets.take("a"), buckets.take("a")] == [0, 0]
    assert buckets.wait("a") == pytest.approx(1)
    now += 10_000
    assert [buckets.take("a") for _ in range(30)] == [0] * 30
    assert buckets.take("a") > 0


def test_clients_are_forgotten() -> None:
    """However many addresses ask, only so many are remembered."""
    buckets = Buckets(60)
    for number in range(MAX_CLIENTS + 100):
        buckets.take(str(number))
    assert len(buckets._left) == MAX_CLIENTS


@given(st.lists(st.floats(0, 100), max_size=100), st.integers(1, 600))
def test_no_more_than_the_rate_gets_through(pauses: list[float], per_minute: int) -> None:
    """In any span of time no more is let through than the burst and what came in."""
    now = 0.0
    buckets, through = Buckets(per_minute, clock=lambda: now), 0
    for pause in pauses:
        now += pause
        through += buckets.take("a") == 0
    assert through <= max(1, per_minute / 2) + now * per_minute / 60 + 1e-6


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("10.0.0.7", "10.0.0.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("testclient", "testclient"),
    ],
)
def test_a_client_is_its_address(host: str, client: str) -> None:
    """One network is one client where IPv6 gives it that many addresses."""
    assert client_of({"type": "http", "client": (host, 1)}) == client
    assert client_of({"type": "http", "client": None}) == ""


@pytest.mark.parametrize(("trusted", "statuses"), [((), [200, 429]), (("127.0.0.1",), [200, 200])])
def test_a_proxys_word_counts_if_it_is_trusted(
    trusted: tuple[str, ...], statuses: list[int], quoting: Assistant
) -> None:
    """X-Forwarded-For names the client only where the address that sends it was named as a proxy."""
    with served(quoting, Serving(per_minute=1, proxies=trusted)) as address:
        headers = [{"X-Forwarded-For": client} for client in ("9.9.9.1", "9.9.9.2")]
        url = f"{address}/gradio_api/run/figure"
        found = [httpx.post(url, json={"data": [FAK]}, headers=header).status_code for header in headers]
    assert found == statuses


def test_a_long_request_is_refused(address: str) -> None:
    """More than a megabyte is not read, and what does not say how long it is neither."""
    url = f"{address}/gradio_api/run/figure"
    refused = httpx.post(url, content=b"x" * (MAX_BODY + 1))
    assert (refused.status_code, refused.json()["error"]) == (
        413,
        "The request has 1,000,001 bytes, and at most 1,000,000 are taken.",
    )
    refused = httpx.post(url, content=iter([b"x"]))
    assert (refused.status_code, "Content-Length" in refused.json()["error"]) == (411, True)


def test_a_request_without_a_body_needs_no_length(address: str) -> None:
    """What has no body, such as a DELETE, is not asked how long it is."""
    assert httpx.delete(address).status_code == 405
    assert httpx.post(f"{address}/gradio_api/mcp/").status_code != 411


def test_overload_is_answered_at_once() -> None:
    """When as many requests as can be are under way, one more is told that the server is busy, and later served."""

    async def flood() -> tuple[list[int], httpx.Response, int]:
        go_on, waiting = asyncio.Event(), asyncio.Semaphore(0)

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            waiting.release()
            await go_on.wait()
            await well(scope, receive, send)

        transport = httpx.ASGITransport(Limits(slow, per_minute=0))
        async with httpx.AsyncClient(transport=transport, base_url="http://x", timeout=60) as http:
            under_way = [asyncio.create_task(http.post("/", content=b"x")) for _ in range(AT_ONCE)]
            for _ in range(AT_ONCE):
                await waiting.acquire()
            refused = await http.post("/", content=b"x")
            go_on.set()
            answered = [(await task).status_code for task in under_way]
            return answered, refused, (await http.post("/", content=b"x")).status_code

    answered, refused, later = in_a_loop(flood())
    assert answered == [200] * AT_ONCE
    assert (refused.status_code, refused.json()["error"]) == (503, "The server is busy. Try again in a few seconds.")
    assert int(refused.headers["retry-after"]) > 0
    assert later == 200


# The access log


def test_the_log_has_no_question(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each request and each question: a time, what it was, how it went and how long it took."""
    with logging_to_stderr():
        httpx.post(f"{address}/gradio_api/run/ask", json={"data": ["Which figures show TNF?", *[None] * 5]})
        httpx.post(f"{address}/gradio_api/run/ask", json={"data": ["How does ZZZP9 cure it?", *[None] * 5]})
        httpx.post(f"{address}/gradio_api/run/ask", json={"data": ["q" * 5000, *[None] * 5]})
        httpx.get(f"{address}/healthz?token=secret")
        httpx.get(f"{address}/theme.css")
    lines = capsys.readouterr().err.splitlines()
    times = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 "
    assert all(re.match(times, line) for line in lines)
    told = [re.sub(r"\d+ ms.*$", "n ms", re.sub(times, "", line)) for line in lines]
    assert told == [
        "listing answered from api n ms",
        "POST /gradio_api/run/ask 200 n ms",
        "relation abstained (unknown name) from api n ms",
        "POST /gradio_api/run/ask 200 n ms",
        "question refused (QuestionError) from api n ms",
        "POST /gradio_api/run/ask 400 n ms",
        "GET /healthz 200 n ms",
    ]


def test_the_log_has_questions_where_that_is_wanted(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --log-questions what was asked stands at the end of its line, and cannot start a line of its own."""
    with logging_to_stderr(questions=True):
        body = {"data": ["Which figures\nshow TNF-α?", *[None] * 5]}
        httpx.post(f"{address}/gradio_api/run/ask", json=body)
    assert ' quoted "Which figures\\nshow TNF-α?"\n' in capsys.readouterr().err


def test_a_path_cannot_forge_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A line end in a path is shown as such."""

    async def get() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(AccessLog(well)), base_url="http://x") as http:
            await http.get("/a%0Ab c")

    with logging_to_stderr():
        in_a_loop(get())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.partition(" ")[2].startswith('GET "/a\\nb c" 200 ')


# Behind a proxy


@pytest.mark.parametrize("prefix", ["", "/pfocr"])
def test_the_page_lives_under_a_path(prefix: str, quoting: Assistant) -> None:
    """With a root path the page's addresses have it, whether the proxy takes it off or leaves it on."""
    with served(quoting, Serving(root_path="/pfocr")) as address:
        config = httpx.get(f"{address}{prefix}/config").json()
        assert config["root"] == f"{address}/pfocr"
        assert httpx.get(f"{address}{prefix}/healthz").json()["status"] == "ok"
        answered = httpx.post(f"{address}{prefix}/gradio_api/run/figure", json={"data": [FAK]})
        assert answered.json()["data"][0]["figid"] == FAK
        assert httpx.get(f"{address}/pfocrates").status_code == 404


# The shell command and the end


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--requests-per-minute", "-1"], "'-1' is not a number"),
        (["--root-path", "pfocr"], "'pfocr' is not a path such as /pfocr"),
        (["--root-path", "//evil.example"], "is not a path"),
    ],
)
def test_options_that_are_none_are_usage_errors(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number or a path that is none is told before anything is loaded."""
    with pytest.raises(SystemExit) as end:
        main(["chat", *arguments])
    assert end.value.code == 2
    assert error in capsys.readouterr().err.splitlines()[-1]


def test_a_setting_without_a_password_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PFOCR_CHAT_AUTH without a password ends the command with a sentence."""
    monkeypatch.setenv("PFOCR_CHAT_AUTH", "ada")
    assert main(["chat"]) == 1
    assert "A user or a password is missing" in capsys.readouterr().err.splitlines()[-1]


SLOW = """
import sys, time
from planted import Planted, ScriptedChat
from pfocr_chat import open_assistant
from pfocr_chat.embedder import Embedder
from pfocr_chat.llm import Llm
from pfocr_chat.ui import serve

class SlowChat(ScriptedChat):
    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        print("asked", flush=True)
        time.sleep(600)
        yield from super()._stream(messages, stop, run_manager, **kwargs)

with open_assistant(sys.argv[1], llm="none") as assistant:
    status = assistant.status()
chat = SlowChat(responses=["Nothing."])
slow = Planted(__import__("pathlib").Path(sys.argv[1]), Embedder(), status).assistant(Llm("slow", "slow", chat, False))
serve(slow, port=int(sys.argv[2]))
print("served", flush=True)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_sigterm_ends_it_while_an_answer_is_written(planted: Planted, tmp_path: Path) -> None:
    """With a language model that takes its time and a tab open, SIGTERM ends the process all the same, saying so."""
    port = free_port()
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])}
    command = [sys.executable, "-c", SLOW, str(planted.vectorstore), str(port)]
    errors = (tmp_path / "errors").open("w+")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environ, cwd=tmp_path)
    base = f"http://127.0.0.1:{port}"

    def ask() -> None:
        try:
            body = {"data": ["How does FAK act on YAP1?", *[None] * 5]}
            httpx.post(f"{base}/gradio_api/run/ask", json=body, timeout=300)
        except httpx.TransportError:
            pass  # cut off, as it has to be

    asking = threading.Thread(target=ask)
    try:
        assert process.stdout
        assert process.stdout.readline().startswith("PFOCR Chat is at")
        asking.start()
        assert process.stdout.readline() == "asked\n"
        with httpx.stream("GET", f"{base}/gradio_api/heartbeat/reader", timeout=60) as tab:
            assert tab.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0  # the answer would take ten minutes
    finally:
        process.kill()
        process.wait()
        asking.join()
        errors.seek(0)
        told = errors.read()
        errors.close()
        process.stdout.close()
    assert told.splitlines()[-1] == "pfocr-chat: stopped; an answer under way was cut off."


def test_sigterm_ends_the_command_in_order(planted: Planted) -> None:
    """`pfocr-chat chat` asks for the password of its environment, counts requests, logs no question, ends with 0."""
    port = free_port()
    command = [sys.executable, "-m", "pfocr_chat", "chat", "--vectorstore", str(planted.vectorstore), "--llm", "none"]
    options = ["--port", str(port), "--requests-per-minute", "4", "--root-path", "/figures/"]
    environ = os.environ | {"PFOCR_CHAT_AUTH": ":".join(USER)}
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )
    base = f"http://127.0.0.1:{port}"
    try:
        assert process.stdout
        assert process.stdout.readline() == f"PFOCR Chat is at {base}/figures (Ctrl+C stops it)\n"
        assert httpx.get(f"{base}/healthz").status_code == 200
        assert httpx.get(base).status_code == 401
        found = [httpx.post(f"{base}/gradio_api/run/ask", json=ASK, auth=USER, timeout=120) for _ in range(3)]
        assert [response.status_code for response in found] == [200, 200, 429]
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "POST /gradio_api/run/ask 200" in errors
    assert FAK not in errors
    assert USER[1] not in errors


def test_many_readers_are_served(address: str) -> None:
    """Forty visits at once all get the page."""
    with ThreadPoolExecutor(40) as threads:
        statuses = list(threads.map(lambda _: httpx.get(address, timeout=120).status_code, range(40)))
    assert statuses == [200] * 40
