"""The door to Prometheus: what a server counts, as text that Prometheus and its like collect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pfocr_chat.answers import Status
from pfocr_chat.errors import LlmFailure, PfocrChatError
from pfocr_chat.traces import Asker, Outcome, Trace

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more line for each, that nobody asks for
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_REFUSALS = {408: "too slow", 413: "too large", 429: "too often", 503: "busy"}


class Monitor:
    """Counts questions and requests, and renders all counts; an ``Observer`` of an assistant, for threads.

    Nothing in it comes from what people typed: every label has a few values that the code knows. ``status`` tells of
    the index.
    """

    def __init__(self, status: Callable[[], Status]) -> None:
        self.registry = registry = CollectorRegistry()
        self._questions = Counter(
            "pfocr_chat_questions", "Questions by how they ended", ["front_end", "outcome"], registry=registry
        )
        self._running = Gauge(
            "pfocr_chat_questions_in_progress", "Questions being answered", ["front_end"], registry=registry
        )
        self._seconds = Histogram(
            "pfocr_chat_question_seconds",
            "Whole time of a question",
            ["front_end"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._steps = Histogram(
            "pfocr_chat_step_seconds", "Time of a step of a question", ["step"], buckets=_SECONDS, registry=registry
        )
        self._kinds = Counter("pfocr_chat_question_kinds", "Questions understood, by kind", ["kind"], registry=registry)
        self._abstentions = Counter("pfocr_chat_abstentions", "Questions without an answer", ["why"], registry=registry)
        self._sentences = Counter("pfocr_chat_sentences", "Sentences by their check", ["verdict"], registry=registry)
        self._failures = Counter(
            "pfocr_chat_llm_failures", "Answers in which the language model failed", ["failure"], registry=registry
        )
        self._tokens = Counter(
            "pfocr_chat_llm_tokens", "Tokens that the language model read and wrote", ["direction"], registry=registry
        )
        self._requests = Counter("pfocr_chat_http_requests", "HTTP requests", ["status"], registry=registry)
        self._refused = Counter("pfocr_chat_http_refused", "HTTP requests refused", ["why"], registry=registry)
        for labelled, values in ((self._failures, LlmFailure), (self._refused, _REFUSALS.values())):
            for value in values:
                labelled.labels(value)  # there from the start, at 0
        registry.register(_Index(status))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def watch_queue(self, waiting: Callable[[], int]) -> None:
        """Tell of a queue, too: ``waiting`` is how many questions wait in it."""
        queue = Gauge("pfocr_chat_queue_waiting", "Questions that wait for their turn", registry=self.registry)
        queue.set_function(waiting)

    def begun(self, asker: Asker) -> None:
        """A question is being answered."""
        self._running.labels(asker.front_end).inc()

    def ended(self, trace: Trace) -> None:
        """It has ended."""
        front_end = trace.asker.front_end
        self._running.labels(front_end).dec()
        self._questions.labels(front_end, trace.outcome.value).inc()
        if trace.outcome in (Outcome.ANSWERED, Outcome.ABSTAINED):
            self._seconds.labels(front_end).observe(trace.seconds)
        for step, took in trace.steps.items():
            self._steps.labels(step.value).observe(took)
        if trace.intent:
            self._kinds.labels(trace.intent).inc()
        if trace.why:
            self._abstentions.labels(trace.why.value).inc()
        for verdict, count in trace.verdicts.items():
            self._sentences.labels(verdict).inc(count)
        if trace.llm_failure:
            self._failures.labels(trace.llm_failure).inc()
        if trace.answer and (usage := trace.answer.usage):
            self._tokens.labels("read").inc(usage.input_tokens)
            self._tokens.labels("written").inc(usage.output_tokens)

    def request(self, status: int) -> None:
        """A request was answered with the status; 0 where the client had gone before."""
        self._requests.labels(f"{status // 100}xx" if status else "none").inc()
        if why := _REFUSALS.get(status):
            self._refused.labels(why).inc()

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """All counts as of now, and the content type that they are in; ``accept`` is what the client can read."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    @contextmanager
    def serving(self, port: int, host: str = "127.0.0.1") -> Iterator[int]:
        """While this lasts, the counts are at ``/metrics`` of a port of their own (0 for any), without a log-in.

        Raises:
            PfocrChatError: the port cannot be had.
        """
        try:
            server, thread = start_http_server(port, host, registry=self.registry)
        except OSError as exc:
            reason = (exc.strerror or str(exc)).lower()
            raise PfocrChatError(
                f"Cannot serve metrics at {host}:{port}: {reason}. Choose another with --metrics-port."
            ) from exc
        try:
            yield int(server.server_port)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Index(Collector):
    """What the index that answers holds, asked for each time, so that an old generation leaves no trace."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        told = {"generation": status.generation, "embedder": status.embedder, "llm": status.llm}
        yield InfoMetricFamily("pfocr_chat_index", "The generation of the index that answers", value=told)
        for name, what, value in (
            ("figures", "Figures in the index", status.figures),
            ("passages", "Passages in the index", status.passages),
            ("vectors", "Passages with their vector", status.passages - status.pending),
            ("built_timestamp_seconds", "When the generation was built", _timestamp(status.built)),
        ):
            yield GaugeMetricFamily(f"pfocr_chat_index_{name}", what, value=value)

    def describe(self) -> Iterator[Metric]:
        return iter(())  # nothing is asked of the index before it is collected


def _timestamp(built: str) -> float:
    return datetime.fromisoformat(built).timestamp()
