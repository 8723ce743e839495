"""Metrics: what they count, where they are served, and that nothing in them comes from what people typed."""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from gradio.state_holder import StateHolder
from planted import Planted, scripted
from prometheus_client.parser import text_string_to_metric_families
from serving import served
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from pfocr_chat import Assistant, QuestionError, Usage
from pfocr_chat.cli import main
from pfocr_chat.errors import LlmFailure
from pfocr_chat.monitoring import Monitor
from pfocr_chat.traces import Asker, Outcome, Trace
from pfocr_chat.ui import Accounts, Serving
from pfocr_chat.ui.accesslog import AccessLog
from pfocr_chat.ui.forgetting import KEPT, MOST, forget_closed

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PRIVATE = "ZZZP9"


def values(text: str) -> dict[str, float]:
    """The samples of a page of metrics by name and labels, as Prometheus itself would parse them."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def counted(monitor: Monitor) -> dict[str, float]:
    return values(monitor.render()[0].decode())


@pytest.fixture
def monitor(quoting: Assistant) -> Iterator[Monitor]:
    monitor = Monitor(quoting.status)
    with quoting.observed_by(monitor):
        yield monitor


def test_questions_are_counted_by_how_they_end(quoting: Assistant, monitor: Monitor) -> None:
    """Answers, abstentions with their kind of reason, refusals, steps and verdicts are all counted."""
    quoting.ask("Which figures show TNF?")
    quoting.ask(f"How does {PRIVATE} cure it?")
    with pytest.raises(QuestionError):
        quoting.ask("q" * 5000)
    found = counted(monitor)
    for outcome in ("answered", "abstained", "refused"):
        assert found[f"pfocr_chat_questions_total{{front_end=python,outcome={outcome}}}"] == 1
    assert found["pfocr_chat_abstentions_total{why=unknown name}"] == 1
    assert found["pfocr_chat_question_kinds_total{kind=listing}"] == 1
    assert found["pfocr_chat_question_seconds_count{front_end=python}"] == 2
    assert found["pfocr_chat_step_seconds_count{step=understand}"] == 3
    assert found["pfocr_chat_step_seconds_count{step=retrieve}"] == 2
    assert found["pfocr_chat_sentences_total{verdict=quoted}"] >= 1
    assert found["pfocr_chat_questions_in_progress{front_end=python}"] == 0


def test_a_question_is_in_progress_until_it_ends(quoting: Assistant, monitor: Monitor) -> None:
    """The gauge goes up when a question begins and down however it ends."""
    events = quoting.stream("Which figures show TNF?")
    next(events)
    assert counted(monitor)["pfocr_chat_questions_in_progress{front_end=python}"] == 1
    events.close()
    found = counted(monitor)
    assert found["pfocr_chat_questions_in_progress{front_end=python}"] == 0
    assert found["pfocr_chat_questions_total{front_end=python,outcome=stopped}"] == 1


def test_the_language_models_failures_and_tokens_are_counted(planted: Planted, quoting: Assistant) -> None:
    """Each kind of failure is there from the start at 0; tokens are counted as they are reported."""
    llm, _ = scripted("FAK activates YAP1 [1].", fails_at=0)
    assistant, monitor = planted.assistant(llm), Monitor(quoting.status)
    before = counted(monitor)
    assert all(before[f"pfocr_chat_llm_failures_total{{failure={failure}}}"] == 0 for failure in LlmFailure)
    with assistant.observed_by(monitor):
        answer = assistant.ask("How does FAK act on YAP1?")
    billed = replace(answer, usage=Usage(1200, 34, 1))
    monitor.ended(Trace(Asker("slack", "1"), "", Outcome.ANSWERED, 1.0, {}, answer=billed))
    found = counted(monitor)
    assert found["pfocr_chat_llm_failures_total{failure=other}"] == 1
    assert found["pfocr_chat_llm_tokens_total{direction=read}"] == 1200
    assert found["pfocr_chat_llm_tokens_total{direction=written}"] == 34


def test_the_index_is_told_as_it_is_now(quoting: Assistant, monitor: Monitor) -> None:
    """The generation, its sizes and its age come from the index at each look."""
    status = quoting.status()
    found = counted(monitor)
    assert found["pfocr_chat_index_figures"] == status.figures
    assert found["pfocr_chat_index_vectors"] == status.passages
    assert found["pfocr_chat_index_built_timestamp_seconds"] == datetime.fromisoformat(status.built).timestamp()
    told = f"pfocr_chat_index_info{{embedder={status.embedder},generation={status.generation},llm=none}}"
    assert found[told] == 1


def test_only_whoever_observes_is_told(quoting: Assistant) -> None:
    """After an observation has ended its counts stand still, and other monitors have their own."""
    first, second = Monitor(quoting.status), Monitor(quoting.status)
    with quoting.observed_by(first):
        quoting.ask("Which figures show TNF?")
        with quoting.observed_by(second):
            quoting.ask("Which figures show TNF?")
    quoting.ask("Which figures show TNF?")
    name = "pfocr_chat_questions_total{front_end=python,outcome=answered}"
    assert (counted(first)[name], counted(second)[name]) == (2, 1)


# Served


def test_metrics_are_beside_the_page(quoting: Assistant) -> None:
    """GET /metrics has questions by front end, requests by status, refusals, the queue, memory and the start."""
    with served(quoting) as address:
        for question in ("Which figures show TNF?", f"How does {PRIVATE} cure it?"):
            httpx.post(f"{address}/gradio_api/run/ask", json={"data": [question]})
        httpx.post(f"{address}/gradio_api/run/ask", content=b"x" * 2_000_000)
        httpx.get(f"{address}/nothing")
        told = httpx.get(f"{address}/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=")
    found = values(told.text)
    assert found["pfocr_chat_questions_total{front_end=api,outcome=answered}"] == 1
    assert found["pfocr_chat_questions_total{front_end=api,outcome=abstained}"] == 1
    assert found["pfocr_chat_http_requests_total{status=2xx}"] >= 2
    assert found["pfocr_chat_http_requests_total{status=4xx}"] == 2
    assert found["pfocr_chat_http_refused_total{why=too large}"] == 1
    assert found["pfocr_chat_http_refused_total{why=busy}"] == 0
    assert found["pfocr_chat_queue_waiting"] == 0
    assert found["process_start_time_seconds"] > 1_700_000_000
    assert found["process_resident_memory_bytes"] > 50_000_000
    assert PRIVATE not in told.text


def test_openmetrics_is_given_to_whom_can_read_it(quoting: Assistant) -> None:
    """A client that asks for OpenMetrics gets that."""
    with served(quoting) as address:
        told = httpx.get(f"{address}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert told.headers["content-type"].startswith("application/openmetrics-text")
    assert told.text.endswith("# EOF\n")


def test_metrics_stand_behind_the_log_in(quoting: Assistant) -> None:
    """With accounts they are for users only, under any name of the server as a scraper may call it."""
    with served(quoting, Serving(accounts=Accounts.parse("ada:secret"))) as address:
        assert httpx.get(f"{address}/metrics").status_code == 401
        user = "Basic " + base64.b64encode(b"ada:secret").decode()
        told = httpx.get(f"{address}/metrics", headers={"Authorization": user, "Host": "chat-1:7860"})
    assert told.status_code == 200
    assert "pfocr_chat_index_info" in told.text


def test_foreign_pages_cannot_read_metrics(quoting: Assistant) -> None:
    """A browser that a foreign website sends here is refused."""
    with served(quoting) as address:
        assert httpx.get(f"{address}/metrics", headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_port_of_their_own(quoting: Assistant) -> None:
    """With a port they are there without a log-in, and not beside the page."""
    monitor = Monitor(quoting.status)
    with monitor.serving(0) as port:
        assert "pfocr_chat_index_figures" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/metrics")
    with served(quoting, Serving(metrics_port=port)) as address:
        assert "pfocr_chat_index" not in httpx.get(f"{address}/metrics").text


def test_a_port_in_use_is_one_sentence(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """A metrics port that cannot be had ends the command before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["chat", "--vectorstore", str(planted.vectorstore), "--llm", "none", "--port", "7999"]
        assert main([*arguments, "--metrics-port", str(port)]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(rf"pfocr-chat: Cannot serve metrics at 127\.0\.0\.1:{port}: .*--metrics-port\.", last)


def test_the_queue_starts_once(quoting: Assistant) -> None:
    """Gradio's route that would start its queue again for whoever asks is not there."""
    with served(quoting) as address:
        assert httpx.get(f"{address}/gradio_api/startup-events").status_code == 404


def test_requests_are_counted_as_they_were_answered() -> None:
    """A failure counts as 500, which the client gets; health checks, which fail while a database is away, do not."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/broken":
            raise RuntimeError("broken")
        await PlainTextResponse("away", 503)(scope, receive, send)

    async def nothing(_: Any = None) -> Any:
        return {"type": "http.disconnect"}

    async def ask(log: AccessLog, path: str) -> None:
        with suppress(RuntimeError):
            await log({"type": "http", "method": "GET", "path": path, "headers": []}, nothing, nothing)

    statuses: list[int] = []
    log = AccessLog(app, told=statuses.append, unseen=("/healthz",))
    for path in ("/broken", "/healthz", "/other"):
        asyncio.run(ask(log, path))
    assert statuses == [500, 503]


def test_only_servers_load_prometheus() -> None:
    """The package, and opening an assistant from Python, need no metrics."""
    code = "import sys, pfocr_chat.assistant; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Visitors that have gone


class _State:
    def __init__(self, *, is_closed: bool) -> None:
        self.is_closed = is_closed


def test_closed_tabs_are_forgotten_and_open_ones_are_not() -> None:
    """Of closed tabs the latest stay for a while; an open one stays however old it is."""
    now = datetime(2026, 1, 2, 12)
    holder = StateHolder()
    for number in range(3 * MOST):
        holder.session_data[f"closed {number}"] = _State(is_closed=True)  # type: ignore[assignment]
        holder.time_last_used[f"closed {number}"] = now - timedelta(seconds=number)
    for name, age in (("open", 10 * KEPT), ("new", timedelta())):
        holder.session_data[name] = _State(is_closed=False)  # type: ignore[assignment]
        holder.time_last_used[name] = now - age
    assert forget_closed(holder, now) == 2 * MOST
    assert {"open", "new", "closed 0", f"closed {MOST - 1}"} <= set(holder.session_data)
    assert len(holder.session_data) == MOST + 2
    assert set(holder.time_last_used) == set(holder.session_data)
    assert forget_closed(holder, now + 2 * KEPT) == MOST
    assert set(holder.session_data) == {"open", "new"}
