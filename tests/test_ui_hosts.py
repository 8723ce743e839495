"""Other websites: their pages may neither ask the server nor read what it answers, whatever name they give it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from planted import FAK
from serving import served
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from pfocr_chat import Assistant
from pfocr_chat.cli import main
from pfocr_chat.ui import Serving
from pfocr_chat.ui.hosts import Forwarded, OwnPages

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FOREIGN = "Pages of other websites may not ask this server."
PUBLIC = "chat.example.org"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens
FIGURE = {"data": [FAK]}


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was told of the request."""
    request = Request(scope)
    text = f"{request.client.host if request.client else ''} {scope['scheme']}://{request.headers.get('host')}"
    await PlainTextResponse(text)(scope, receive, send)


def guarded(host: str = "127.0.0.1", allowed: tuple[str, ...] = (), proxies: tuple[str, ...] = ()) -> Forwarded:
    own = OwnPages(told, host=host, allowed=allowed, open_paths=frozenset(("/healthz",)))
    return Forwarded(own, proxies=proxies)


def asked(app: Any, url: str, *, client: str = "10.1.1.1", **headers: str) -> httpx.Response:
    """What an application answers to a POST with these headers ("x_a" for "x-a")."""

    async def post() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(client, 1))) as http:
            return await http.post(url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    with ThreadPoolExecutor(1) as thread:  # another test's browser has a loop in this one
        return thread.submit(asyncio.run, post()).result()


@pytest.fixture(scope="module")
def address(quoting: Assistant) -> Iterator[str]:
    with served(quoting, Serving(hosts=(PUBLIC,))) as address:
        yield address


# The server as a whole


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/run/figure"),
        ("POST", "/gradio_api/call/figure"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/mcp/"),
        ("GET", "/config"),
        ("GET", "/healthz"),
        ("OPTIONS", "/gradio_api/run/figure"),
        ("OPTIONS", "/gradio_api/mcp/"),
    ],
)
@pytest.mark.parametrize("host", [PUBLIC, "127.0.0.1"])
def test_a_foreign_page_is_refused(method: str, path: str, host: str, address: str) -> None:
    """API, queue, MCP server and page refuse another website in a sentence, before its browser sends anything real."""
    headers = {"Origin": "https://evil.example", "Host": host, "Access-Control-Request-Method": "POST"}
    refused = httpx.request(method, f"{address}{path}", headers=headers, json=FIGURE if method == "POST" else None)
    assert (refused.status_code, refused.json()["error"]) == (403, FOREIGN)
    assert not [name for name in refused.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", ["http://chat.example.org", "https://chat.example.org"])
def test_the_own_page_asks_under_the_public_name(origin: str, address: str) -> None:
    """Behind a name that was given, the page's own requests are answered, and no response offers itself to others."""
    headers = {"Origin": origin, "Host": PUBLIC}
    answered = httpx.post(f"{address}/gradio_api/run/figure", json=FIGURE, headers=headers)
    assert answered.json()["data"][0]["figid"] == FAK
    assert not [name for name in answered.headers if name.startswith("access-control-")]


def test_another_name_is_refused(address: str) -> None:
    """A name that leads here without being the server's gets nothing but a sentence, and the health all the same."""
    headers = {"Host": "rebound.example:7860"}
    for path in ("/", "/config", "/gradio_api/info", "/gradio_api/mcp/"):
        refused = httpx.get(f"{address}{path}", headers=headers)
        assert refused.status_code == 403
        assert refused.json()["error"].endswith("Start it with --allow-host rebound.example to allow it.")
    assert httpx.get(f"{address}/healthz", headers=headers).status_code == 200


def test_the_root_path_is_no_part_of_an_origin(quoting: Assistant) -> None:
    """Under a path of a proxy that is named, the page is answered by the name and scheme that its visitors see."""
    forwarded = {"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": PUBLIC}
    with served(quoting, Serving(root_path="/pfocr", proxies=("127.0.0.1",))) as address:
        for origin, status in ((f"https://{PUBLIC}", 200), ("https://evil.example", 403), (address, 403)):
            headers = forwarded | {"Origin": origin}
            answered = httpx.post(f"{address}/pfocr/gradio_api/run/figure", json=FIGURE, headers=headers)
            assert answered.status_code == status
        assert httpx.get(f"{address}/pfocr/config", headers=forwarded).json()["root"] == f"https://{PUBLIC}/pfocr"


# Origins


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:7860/", "http://127.0.0.1:7860"),
        ("http://localhost:7860/", "http://localhost:7860"),
        ("http://[::1]:7860/", "http://[::1]:7860"),
        ("http://192.168.1.5/", "http://192.168.1.5"),
        ("http://localhost/", "https://localhost"),
        ("http://LOCALHOST:80/", "http://localhost"),
    ],
)
def test_the_own_origin_is_answered(url: str, origin: str) -> None:
    """Scheme, host and port as the browser has them are the server's own, the default port said or not."""
    assert asked(guarded(), url, origin=origin).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:7860",
        "http://localhost:7860.evil.example",
        "http://evil.example:7860",
        "http://localhost:7860@evil.example",
        "file://",
        "chrome-extension://abc",
        "http://localhost:7860 http://evil.example",
    ],
)
def test_any_other_origin_is_refused(origin: str) -> None:
    """Another port, name or scheme, and an origin that a browser hides, are foreign."""
    assert asked(guarded(), "http://localhost:7860/", origin=origin).status_code == 403


def test_an_encrypted_server_is_not_asked_by_its_unencrypted_name() -> None:
    """Where TLS is known of, a page that came without it may be anybody's."""
    app = guarded(proxies=("10.1.1.1",))
    assert asked(app, f"http://{PUBLIC}/", origin=f"http://{PUBLIC}", x_forwarded_proto="https").status_code == 403
    assert asked(app, f"http://{PUBLIC}/", origin=f"https://{PUBLIC}", x_forwarded_proto="https").status_code == 200


# Names


@pytest.mark.parametrize(
    ("host", "allowed", "name", "status"),
    [
        ("127.0.0.1", (), "localhost", 200),
        ("127.0.0.1", (), "app.localhost", 200),
        ("127.0.0.1", (), "127.0.0.1", 200),
        ("127.0.0.1", (), "[::1]", 200),
        ("127.0.0.1", (), PUBLIC, 403),
        ("127.0.0.1", (), "127.0.0.1.nip.example", 403),
        ("127.0.0.1", (), "localhost.evil.example", 403),
        ("127.0.0.1", (PUBLIC,), PUBLIC, 200),
        ("127.0.0.1", (PUBLIC,), "CHAT.example.ORG.", 200),
        ("127.0.0.1", (PUBLIC,), f"evil.{PUBLIC}", 403),
        ("127.0.0.1", ("a.example", "b.example"), "b.example", 200),
        (EVERYWHERE, (), "192.168.7.7", 200),
        (EVERYWHERE, (), "[2001:db8::7]", 200),
        (EVERYWHERE, (), socket.gethostname(), 200),
        (EVERYWHERE, (), PUBLIC, 403),
        (EVERYWHERE, (PUBLIC,), PUBLIC, 200),
        (EVERYWHERE, (PUBLIC,), "192.168.7.7", 200),
        ("lab.example", (), "lab.example", 200),
        ("lab.example", (), PUBLIC, 403),
    ],
)
def test_a_server_has_its_own_names(host: str, allowed: tuple[str, ...], name: str, status: int) -> None:
    """Addresses, localhost, the host that it listens at and the names given are the server's; no other is."""
    assert asked(guarded(host, allowed), f"http://{name}:7860/").status_code == status


def test_a_host_that_is_none_is_refused() -> None:
    """What does not look like a name is not repeated, and what has no Host at all is no browser."""
    refused = asked(guarded(), "http://x/", host="a b/<script>")
    assert refused.status_code == 403
    assert "--allow-host NAME" in refused.text

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "scheme": "http",
        "headers": [],
        "query_string": b"",
        "client": ("10.1.1.1", 1),
    }
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await guarded()(scope, lambda: asyncio.sleep(0), send)  # type: ignore[arg-type,return-value]

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()
    assert sent[0]["status"] == 200


# Proxies


def test_a_named_proxy_says_who_asks_for_what() -> None:
    """Client, scheme and host are the proxy's word; it may pass on any name, unless the server's names were given."""
    said = {"x_forwarded_for": "9.9.9.9", "x_forwarded_proto": "https", "x_forwarded_host": f"{PUBLIC}, inner"}
    answered = asked(guarded(proxies=("10.1.1.0/24",)), "http://chat-1:7860/", **said)
    assert answered.text == f"9.9.9.9 https://{PUBLIC}"
    assert asked(guarded(proxies=("10.1.1.1",)), f"http://{PUBLIC}/").status_code == 200
    assert asked(guarded(proxies=("10.1.1.1",), allowed=("other.example",)), f"http://{PUBLIC}/").status_code == 403


def test_nobody_else_is_believed() -> None:
    """The same headers of another client change nothing."""
    said = {"x_forwarded_for": "9.9.9.9", "x_forwarded_proto": "https", "x_forwarded_host": PUBLIC}
    for app in (guarded(), guarded(proxies=("10.9.9.9",))):
        assert asked(app, "http://127.0.0.1:7860/", **said).text == "10.1.1.1 http://127.0.0.1:7860"
        assert asked(app, "http://127.0.0.1:7860/", origin=f"https://{PUBLIC}", **said).status_code == 403


# The shell command


@pytest.mark.parametrize("name", ["https://chat.example.org", "chat.example.org:443", "*", "", "a b"])
def test_a_name_that_is_none_is_a_usage_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--allow-host takes a name alone."""
    with pytest.raises(SystemExit) as end:
        main(["chat", "--allow-host", name])
    assert end.value.code == 2
    assert "is not a host's name such as chat.example.org" in capsys.readouterr().err
