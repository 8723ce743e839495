"""Keys, tokens and passwords: in no output, message, log, value or file, whatever fails."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from threading import Thread

import httpx
import pytest
from gitserving import make_origin
from hypothesis import given
from hypothesis import strategies as st
from planted import FAK, Planted
from serving import served

from pfocr_chat import Assistant
from pfocr_chat.chromaserver import ChromaServer
from pfocr_chat.cli import main
from pfocr_chat.errors import ChromaServerError, ConfigError, SyncError
from pfocr_chat.gitcommand import GitFailureError
from pfocr_chat.llm import Patience, open_llm
from pfocr_chat.logs import logging_to_stderr
from pfocr_chat.redaction import HIDDEN, RedactedStream, secrets_in, without_secrets
from pfocr_chat.slack.settings import load_settings
from pfocr_chat.sync import read_source, update_checkout, write_source
from pfocr_chat.ui import Accounts, Serving

PLANTED = {
    "OPENAI_API_KEY": "sk-canary-1111222233334444",
    "ANTHROPIC_API_KEY": "canary-anthropic-5555666677778888",
    "MISTRAL_API_KEY": "canarymistral99990000aaaabbbb",
    "HF_TOKEN": "hf_canaryccccddddeeeeffff",
    "SLACK_BOT_TOKEN": "xoxb-canary-123456789012",
    "SLACK_APP_TOKEN": "xapp-canary-123456789012",
    "SLACK_SIGNING_SECRET": "canarysigning0123456789",
    "PFOCR_CHAT_AUTH": "ada:canary-password-77",
    "CHROMA_API_KEY": "canary-chroma-token-88",
}
SECRETS = (
    *(value for name, value in PLANTED.items() if name != "PFOCR_CHAT_AUTH"),
    "canary-password-77",
    "hunter22canary",
)
HOW = "How does FAK make YAP1 enter the nucleus?"
QUICK = Patience(timeout_s=5.0, pauses=())
KINDS = {"openai": "langchain_openai", "anthropic": "langchain_anthropic", "mistralai": "langchain_mistralai"}


def assert_silent(*texts: str) -> None:
    """None of the planted secrets stands in the texts, in whatever form."""
    for text in texts:
        for secret in SECRETS:
            assert secret not in text, secret
            assert base64.b64encode(secret.encode()).decode().rstrip("=") not in text, secret
        assert "canary" not in re.sub(r"https?://127\.0\.0\.1:\d+/canary\S*", "", text)


class Echo(ThreadingHTTPServer):
    """A provider that repeats the headers of each request, keys and all, in what it answers."""

    daemon_threads = True

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Echoing)
        self.status = status
        self.heard: list[str] = []


class _Echoing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Echo)
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        told = str(self.headers)
        self.server.heard.append(told)
        message = f"You sent {told} to me"
        body = json.dumps({"error": {"message": message, "type": "x"}, "message": message, "detail": told}).encode()
        self.send_response(self.server.status, "Refused")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - the name that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(params=[400, 401, 403, 404, 422, 429, 500])
def echo(request: pytest.FixtureRequest) -> Iterator[Echo]:
    with Echo(request.param) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


# The text itself


@given(st.text(), st.text(), st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=1000), min_size=6))
def test_a_secret_of_the_environment_is_nowhere(before: str, after: str, secret: str) -> None:
    """Whatever stands around it, the value of a variable named as a key is not in the text."""
    secrets = secrets_in({"MY_API_KEY": secret, "HOME": before})
    shown = without_secrets(before + secret + after, secrets)
    assert secret not in shown.replace(HIDDEN, "") or secret in HIDDEN or secret[0] == "@" or Path(secret).exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://ada:hunter22@example.org/x", "https://example.org/x"),
        ("https://ghp_tokenoftheuser@example.org/x.git", "https://example.org/x.git"),
        ("fatal: unable to access 'https://a:b@h/x/': 403", "fatal: unable to access 'https://h/x/': 403"),
        ("mail ada@example.org about https://example.org/a@b", "mail ada@example.org about https://example.org/a@b"),
        ("key sk-proj-abcdefghij is wrong", "key *** is wrong"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("authorization: Basic YWRhOmh1bnRlcg==", "authorization: Basic ***"),
        ("xoxb-1234567-abcdefg and hf_abcdefgh", "*** and ***"),
        ("IL-6 -> STAT3, sk-1, risk-assessment", "IL-6 -> STAT3, sk-1, risk-assessment"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, shown: str) -> None:
    """Log-ins in addresses, keys of common providers and headers are hidden; other text is left alone."""
    assert without_secrets(text) == shown


def test_only_variables_named_so_are_secret(tmp_path: Path) -> None:
    """Keys, tokens, passwords and log-ins count, with the password of a log-in by itself; paths and flags do not."""
    environ = PLANTED | {"PATH": "/usr/bin", "SSH_AUTH_SOCK": str(tmp_path), "AUTHOR": "me", "DEBUG_TOKEN": "on"}
    assert set(secrets_in(environ)) == {*PLANTED.values(), "canary-password-77"}


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("/q9Zs+bG0aXrTf==", "the key /q9Zs+bG0aXrTf== is wrong"),
        ("ada:long-secret:xy", "the password long-secret:xy is wrong"),
        ('quo"ted\\key', json.dumps({"said": 'the key quo"ted\\key'})),
        ("schlüssel-é", json.dumps({"said": "schlüssel-é"})),
    ],
)
def test_secrets_of_any_shape(value: str, line: str) -> None:
    """What looks like a path and is none, a password with a colon, and what JSON writes otherwise."""
    shown = without_secrets(line, secrets_in({"MY_API_KEY": value}))
    assert HIDDEN in shown
    assert not any(part in shown for part in ("q9Zs", "long-secret", "ted", "schl"))


def test_a_stream_passes_on_the_rest() -> None:
    """What is written without secrets arrives as it is, and everything else is the stream's own."""
    inner = StringIO()
    stream = RedactedStream(inner, ["secret77"])
    assert stream.write("one secret77 two\n") == 17
    stream.writelines(["a", "b\n"])
    assert (inner.getvalue(), stream.getvalue()) == ("one *** two\nab\n", inner.getvalue())
    assert not stream.isatty()


def test_a_stream_learns_more_secrets() -> None:
    """They are hidden as they stand and as they stand in JSON, with those that it knew."""
    stream = RedactedStream(StringIO(), ["secret77"])
    stream.hide(['Pass"w\u00f6rd'])
    stream.hide(["another"])
    stream.write('secret77 Pass"w\u00f6rd "Pass\\"w\\u00f6rd" another')
    assert stream.getvalue() == '*** *** "***" ***'


# Values


def test_values_do_not_show_their_secrets() -> None:
    """Users, Slack's settings, how the page is served and an open LLM are printed without what they keep."""
    slack = load_settings(http=True, environ=PLANTED)
    accounts = Accounts.parse(PLANTED["PFOCR_CHAT_AUTH"])
    values: list[object] = [slack, slack.secrets, accounts, Serving(accounts=accounts)]
    if find_spec("langchain_openai"):
        with open_llm("openai:x", environ=PLANTED) as llm:
            values += [llm, llm.chat, llm._remote]
            assert_silent(*map(repr, values), *map(str, values))
    assert_silent(*map(repr, values), *map(str, values))


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
def test_a_token_in_the_wrong_place_is_not_repeated(name: str) -> None:
    """A token that is none of its kind is refused by the name of its variable alone."""
    with pytest.raises(ConfigError, match=name) as caught:
        load_settings(http=False, environ=PLANTED | {name: "canary-not-a-token"})
    assert_silent(str(caught.value))


# Providers


@pytest.mark.parametrize("kind", [kind for kind, package in KINDS.items() if find_spec(package)])
def test_a_provider_that_repeats_the_key_is_not_quoted(
    kind: str, echo: Echo, planted: Planted, caplog: pytest.LogCaptureFixture
) -> None:
    """An answer whose provider fails with the key in its error goes on with quotes, and nothing of it shows the key."""
    address = f"http://127.0.0.1:{echo.server_port}" + ("/v1" if kind == "openai" else "")
    names = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "mistralai": "MISTRAL_BASE_URL"}
    caplog.set_level(logging.DEBUG, logger="pfocr_chat")
    with open_llm(f"{kind}:x", environ=PLANTED | {names[kind]: address}, patience=QUICK) as llm:
        answer = planted.assistant(llm).ask(HOW)
    assert any("canary" in heard for heard in echo.heard)
    assert "The language model failed" in " ".join(answer.notes)
    assert_silent(json.dumps(answer.to_dict()), repr(answer), caplog.text)


def test_a_chroma_server_that_repeats_the_key_is_not_quoted(echo: Echo) -> None:
    """An error of a vector server, with the key that it was sent in it, is told without."""
    with pytest.raises(ChromaServerError) as caught:
        ChromaServer(f"http://127.0.0.1:{echo.server_port}", environ=PLANTED)
    assert any("canary-chroma-token-88" in heard for heard in echo.heard)
    assert_silent(str(caught.value))


# Commands


def test_commands_say_nothing_secret(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every secret set, status, ask, slack and wrong settings print none of them."""
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    store = ["--vectorstore", str(planted.vectorstore)]
    assert main(["status", *store, "--llm", "none"]) == 0
    assert main(["status", *store, "--llm", "none", "--json"]) == 0
    assert main(["status", *store, "--llm", PLANTED["OPENAI_API_KEY"]]) == 1
    assert main(["ask", HOW, *store, "--llm", "https://ada:hunter22canary@127.0.0.1/v1"]) == 1
    chroma = "http://ada:hunter22canary@127.0.0.1:9"
    assert main(["status", *store, "--llm", "none", "--chroma-url", chroma]) == 1
    monkeypatch.setenv("SLACK_API_URL", "http://ada:hunter22canary@slack.example/")
    assert main(["slack", *store, "--llm", "none"]) == 1
    monkeypatch.setenv("PFOCR_CHAT_AUTH", "canary-password-77")
    assert main(["chat", *store, "--llm", "none"]) == 1
    printed = capsys.readouterr()
    assert "figures" in printed.out
    assert printed.err.count("pfocr-chat: ") == 5
    assert_silent(printed.out, printed.err)


def test_a_traceback_shows_no_secret() -> None:
    """An error that nobody foresaw is printed by Python itself, and its message comes without the keys in it."""
    code = (
        "import os\nfrom pfocr_chat.cli import main\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "raise RuntimeError('refused ' + os.environ['OPENAI_API_KEY'] + ' of https://ada:hunter22canary@127.0.0.1')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | PLANTED, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "RuntimeError: refused *** of https://127.0.0.1" in done.stderr
    assert_silent(done.stdout, done.stderr)


# The copy of the database


@dataclass(frozen=True)
class Login:
    """A log-in in an address, and what must not be seen of it."""

    address: str
    secret: str


@pytest.mark.parametrize(
    "login", [Login("ada:hunter22canary@", "hunter22canary"), Login("hunter22canary@", "hunter22canary")], ids=str
)
def test_a_log_in_of_the_repository_is_not_told(login: Login, tmp_path: Path) -> None:
    """An address with a password, or with a token for a user, is named without it where it cannot be reached."""
    with pytest.raises(SyncError, match=r"https://127\.0\.0\.1:9/x\.git cannot be reached") as caught:
        update_checkout(f"https://{login.address}127.0.0.1:9/x.git", tmp_path / "copy")
    assert_silent(str(caught.value))
    config = tmp_path / "copy" / ".git" / "config"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    files = (path for path in (tmp_path / "copy").rglob("*") if path.is_file() and path != config)
    assert_silent(*(path.read_text("utf-8", "replace") for path in files))


def test_where_an_index_came_from_is_written_without_a_log_in(tmp_path: Path) -> None:
    """The note beside the manifest, which status shows, names the repository's address alone."""
    origin = make_origin(tmp_path / "origin")
    checkout = update_checkout(origin.url, tmp_path / "copy")
    write_source(tmp_path, checkout, "g000001")
    source = read_source(tmp_path, "g000001")
    assert source
    assert str(source).startswith(checkout.repo)
    failure = GitFailureError("fatal: unable to access 'https://ada:hunter22canary@x.example/y/': 403")
    assert_silent(str(failure), failure.said, failure.reason)


# The server


def test_the_access_log_shows_no_log_in(quoting: Assistant, capsys: pytest.CaptureFixture[str]) -> None:
    """Passwords of visitors, right or wrong, in headers, addresses or parameters, do not reach the log."""
    accounts = Accounts.parse(PLANTED["PFOCR_CHAT_AUTH"])
    with served(quoting, Serving(accounts=accounts, log_questions=True)) as address, logging_to_stderr(questions=True):
        for login in (("ada", "canary-password-77"), ("ada", "hunter22canary"), ("canary-password-77", "x")):
            httpx.get(f"{address}/healthz", auth=login)
            httpx.get(f"{address}/config?key={login[1]}", auth=login)
            httpx.post(f"{address}/gradio_api/run/figure", json={"data": [FAK]}, auth=login)
    assert_silent(capsys.readouterr().err)


def test_an_unforeseen_error_shows_visitors_nothing(quoting: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in the server is told to visitors in general words, without where and why."""

    def broken(*_: object, **__: object) -> None:
        raise ValueError("key sk-canary-1111222233334444 of /srv/canary")

    with served(quoting) as address:
        monkeypatch.setattr(quoting, "ask", broken)
        response = httpx.post(f"{address}/gradio_api/run/ask", json={"data": [HOW]})
        monkeypatch.setattr(quoting, "status", broken)
        health = httpx.get(f"{address}/healthz")
        monkeypatch.undo()
    assert (response.status_code, health.status_code) == (500, 500)
    assert_silent(response.text, health.text, str(response.headers), str(health.headers))
