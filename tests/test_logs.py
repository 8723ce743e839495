"""The log: a line for each question and request, as words or as JSON, and what it never says."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import FAK, Planted, scripted
from serving import served

from pfocr_chat import Answer, Assistant, LlmError, QuestionError
from pfocr_chat.errors import LlmFailure
from pfocr_chat.logs import QUESTIONS, LogFormat, logging_to_stderr
from pfocr_chat.traces import Asker, Course, Outcome, Step, Trace, asked_from, current_asker
from pfocr_chat.ui import Serving
from pfocr_chat.ui.feed import Feed

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PRIVATE = "my unpublished gene ZZZP9"


class Kept(logging.Handler):
    """Keeps the traces that are told."""

    def __init__(self) -> None:
        super().__init__()
        self.traces: list[Trace] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.traces.append(record.trace)  # type: ignore[attr-defined]


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, logger = Kept(), logging.getLogger(QUESTIONS)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


# The course of a question


def test_a_course_adds_up_its_steps() -> None:
    """A step's time counts from its beginning to the next one's; pauses and time within an LLM are apart."""
    now = iter(range(0, 1000, 10))
    course = Course(clock=lambda: float(next(now)))
    course.enter(Step.UNDERSTAND)  # 0
    course.enter(Step.CHECK)  # 10
    with course.pausing():  # 20 to 30
        pass
    pieces = course.during(Step.DRAFT, (piece for piece in ["a", "b"]))
    assert list(pieces) == ["a", "b"]  # 40 to 50, 60 to 70, 80 to 90
    course.enter(None)  # 100
    assert course.seconds == {Step.UNDERSTAND: 10, Step.CHECK: 10 + 10 + 10 + 10 + 10, Step.DRAFT: 30}


def test_closing_the_pieces_closes_those_behind() -> None:
    """Whoever stops reading from a course stops the language model, as without it."""
    closed = threading.Event()

    def source() -> Iterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.set()

    pieces = Course().during(Step.DRAFT, source())  # type: ignore[arg-type]
    next(pieces)
    pieces.close()
    assert closed.is_set()


@pytest.mark.parametrize(
    ("question", "kind", "outcome", "why", "steps"),
    [
        ("Which figures show TNF?", "listing", "answered", None, {"understand", "retrieve", "choose", "check"}),
        (f"What does {FAK} show?", "lookup", "answered", None, {"understand", "retrieve"}),
        ("How does ZZZP9 cure it?", "relation", "abstained", "unknown name", {"understand", "retrieve", "choose"}),
        ("What is the price of TNF tablets?", "relation", "abstained", "advice", {"understand", "retrieve"}),
        ("What does PMC1__none show?", "lookup", "abstained", "no such figure", {"understand", "retrieve"}),
        ("Hello!", "chat", "answered", None, {"understand", "retrieve"}),
    ],
)
def test_a_trace_has_what_became_of_a_question(
    question: str, kind: str, outcome: str, why: str | None, steps: set[str], quoting: Assistant, kept: Kept
) -> None:
    """Kind, outcome, reason by kind, the steps and their times, hits, evidence and verdicts are all told."""
    answer = quoting.ask(question)
    (trace,) = kept.traces
    told = trace.to_dict()
    assert (told["kind"], told["outcome"], told["why"]) == (kind, outcome, why)
    assert set(told["steps"]) == steps
    assert sum(told["steps"].values()) <= told["ms"] + 0.5
    assert told["verdicts"] == dict(answer.grounding.counts)
    assert (told["hits"], told["cited"]) == (len(answer.hits), len(answer.citations))
    assert told["generation"] == answer.generation
    assert told["front_end"] == "python"
    assert json.loads(json.dumps(told)) == told


def test_the_time_of_the_language_model_is_apart(planted: Planted, kept: Kept) -> None:
    """With a language model there is a step for waiting for it, and its verdicts stand in the trace."""
    llm, _ = scripted("FAK activates YAP1 [1]. It cures everything [1].")
    planted.assistant(llm).ask("How does FAK act on YAP1?")
    (trace,) = kept.traces
    assert Step.DRAFT in trace.steps
    assert trace.evidence > 0
    assert {"supported", "replaced"} & set(trace.verdicts)


def test_a_failing_language_model_is_told(planted: Planted, kept: Kept) -> None:
    """The question is answered with quotes, and the trace says that the language model failed, and how."""
    llm, _ = scripted("FAK activates YAP1 [1].", fails_at=0)
    planted.assistant(llm).ask("How does FAK act on YAP1?")
    (trace,) = kept.traces
    assert trace.outcome is Outcome.ANSWERED
    assert trace.llm_failure == LlmFailure.OTHER


def test_refused_stopped_and_failed_are_apart(quoting: Assistant, kept: Kept) -> None:
    """A question that is refused, one that nobody waits for, and one that fails end in three ways."""
    with pytest.raises(QuestionError):
        quoting.ask("q" * 5000)
    events = quoting.stream("Which figures show TNF?")
    next(events)
    events.close()
    read_to_the_answer = quoting.stream("Which figures show TNF?")
    next(event for event in read_to_the_answer if isinstance(event, Answer))
    read_to_the_answer.close()
    outcomes = [trace.outcome for trace in kept.traces]
    assert outcomes == [Outcome.REFUSED, Outcome.STOPPED, Outcome.ANSWERED]
    assert kept.traces[0].failure == "QuestionError"


def test_a_fault_is_told_by_its_class(planted: Planted, kept: Kept) -> None:
    """An error that nobody expected ends as failed, with the class of the error and not its words."""
    llm, _ = scripted("x")
    assistant = planted.assistant(llm)
    events = assistant._streamed("Which figures show TNF?", None, None, Course())  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        list(assistant._observed(PRIVATE, Asker("python", "1"), Course(), events))
    (trace,) = kept.traces
    assert (trace.outcome, trace.failure) == (Outcome.FAILED, "AttributeError")
    assert PRIVATE not in json.dumps(trace.to_dict())


def test_telling_costs_next_to_nothing(quoting: Assistant, kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON line for a question takes less than 0.2 ms of the processor."""
    quoting.ask("Which figures show TNF?")
    (trace,) = kept.traces
    logger = logging.getLogger(QUESTIONS)
    logger.removeHandler(kept)
    with logging_to_stderr(LogFormat.JSON):
        best = min(_cpu_of_telling(logger, trace) for _ in range(5))
    assert len(capsys.readouterr().err.splitlines()) == 500
    assert best < 0.0002


def _cpu_of_telling(logger: logging.Logger, trace: Trace) -> float:
    started = time.thread_time()
    for _ in range(100):
        logger.info("%s", trace, extra={"trace": trace})
    return (time.thread_time() - started) / 100


# Who asks


def test_the_outermost_front_end_counts() -> None:
    """Within a front end another one changes nothing, and afterwards all is as before."""
    assert current_asker().front_end == "python"
    with asked_from("mcp", "abc"), asked_from("api"):
        assert current_asker() == Asker("mcp", "abc")
    assert current_asker().front_end == "python"


def test_a_feed_asks_for_the_page(quoting: Assistant, kept: Kept) -> None:
    """Answers that the page reads in a thread of their own come from the page."""
    assert [e for e in Feed(lambda: quoting.stream("Which figures show TNF?")) if isinstance(e, Answer)]
    until = time.monotonic() + 30
    while not kept.traces and time.monotonic() < until:
        time.sleep(0.01)
    assert [trace.asker.front_end for trace in kept.traces] == ["page"]


def test_an_answer_shares_its_requests_id(quoting: Assistant, capsys: pytest.CaptureFixture[str]) -> None:
    """Over HTTP and MCP the question's line has the id of the request's, which the response has as well."""
    with logging_to_stderr(LogFormat.JSON), served(quoting) as address:
        url = f"{address}/gradio_api/run/ask"
        ids = [httpx.post(url, json={"data": ["Which figures show TNF?"]}).headers["x-request-id"] for _ in range(2)]
        call = {"name": "ask", "arguments": {"question": "Which figures show TNF?"}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        accept = {"Accept": "application/json, text/event-stream"}
        assert "citations" in httpx.post(f"{address}/gradio_api/mcp", json=body, headers=accept).text
    lines = lines_of(capsys)
    asked = [line for line in lines if line["event"] == "question"]
    assert [line["id"] for line in asked[:2]] == ids
    assert ids[0] != ids[1]
    assert [line["front_end"] for line in asked] == ["api", "api", "mcp"]
    requests = {line["id"]: line["path"] for line in lines if line["event"] == "request"}
    assert all(line["id"] in requests for line in asked)


# The lines


def test_json_lines_have_no_question(quoting: Assistant, capsys: pytest.CaptureFixture[str]) -> None:
    """Unless it is wanted, nothing of what was asked stands in any line, also where the reason would repeat it."""
    with logging_to_stderr(LogFormat.JSON), served(quoting) as address:
        httpx.post(f"{address}/gradio_api/run/ask", json={"data": [f"How does {PRIVATE} act?"]})
        httpx.get(f"{address}/healthz?token={PRIVATE}")
    text = capsys.readouterr().err
    assert "ZZZP9" not in text
    assert "unpublished" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert {line["event"] for line in lines} == {"question", "request"}
    assert all(line["time"].endswith("+00:00") for line in lines)


def test_json_lines_have_the_question_where_that_is_wanted(
    quoting: Assistant, capsys: pytest.CaptureFixture[str]
) -> None:
    """With ``questions`` it stands under its own name, whatever it is made of."""
    with logging_to_stderr(LogFormat.JSON, questions=True):
        quoting.ask('Which figures\nshow "TNF-α"\u2028?')
    (line,) = lines_of(capsys)
    assert line["question"] == 'Which figures\nshow "TNF-α"\u2028?'


def test_other_messages_are_json_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning or an error of any part is one JSON line too, with its traceback in it."""
    with logging_to_stderr(LogFormat.JSON):
        logging.getLogger("pfocr_chat.anything").warning("it is %s", "late")
        try:
            raise LlmError("gone")
        except LlmError:
            logging.getLogger("elsewhere").exception("it broke")
    first, second = lines_of(capsys)
    assert (first["event"], first["level"], first["message"]) == ("message", "warning", "it is late")
    assert "LlmError: gone" in second["error"]


def test_a_heartbeat_does_not_give_the_session_away(quoting: Assistant, capsys: pytest.CaptureFixture[str]) -> None:
    """The name of a session, which is as good as a key to its stream, does not stand in the log."""
    with logging_to_stderr(LogFormat.JSON), served(quoting, Serving(log_format=LogFormat.JSON)) as address:
        with httpx.stream("GET", f"{address}/gradio_api/heartbeat/s3cret5ession") as beat:
            next(beat.iter_bytes())
        httpx.get(f"{address}/healthz")
    text = capsys.readouterr().err
    assert "/gradio_api/heartbeat/" in text
    assert "s3cret5ession" not in text


@given(st.text())
def test_no_question_can_forge_a_line(question: str) -> None:
    """Whatever is asked, a question is one line of the log, and comes back from it as it was."""
    from pfocr_chat.logs import _Json, _Plain

    trace = Trace(Asker("api", "1"), question, Outcome.ANSWERED, 0.1, {})
    record = logging.LogRecord(QUESTIONS, logging.INFO, "", 0, "%s", (trace,), None)
    record.trace = trace
    lines = [form(questions=True).format(record) for form in (_Json, _Plain)]
    assert all("\n" not in line and "\r" not in line for line in lines)
    assert json.loads(lines[0])["question"] == question
    assert json.loads(lines[1].partition(' ms "')[2].join(['"', ""])) == question
