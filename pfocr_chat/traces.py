"""What became of a question, for logs and metrics: who asked it, how long each step took, how it ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from pfocr_chat.answers import Answer, Why


class Step(StrEnum):
    """What is done about a question, in this order."""

    UNDERSTAND = "understand"
    RETRIEVE = "retrieve"
    CHOOSE = "choose"
    DRAFT = "draft"
    """Waiting for the language model."""
    CHECK = "check"
    """Checking what it wrote, quoting, and putting the answer together."""


class Outcome(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    REFUSED = "refused"
    """It was empty or too long, or a condition was of no use."""
    STOPPED = "stopped"
    """Nobody waited for the answer any more."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who hands a question on: a front end (page, api, mcp, slack, python), and the id that its log lines share."""

    front_end: str
    id: str


_asker: ContextVar[Asker | None] = ContextVar("asker", default=None)


def new_id() -> str:
    """An id for a request or a question: 8 hexadecimal digits."""
    return secrets.token_hex(4)


@contextmanager
def asked_from(front_end: str, id: str = "") -> Iterator[None]:
    """Questions asked while this lasts, in this thread or task, come from the front end; the outermost one counts."""
    token = None if _asker.get() else _asker.set(Asker(front_end, id or new_id()))
    try:
        yield
    finally:
        if token:
            _asker.reset(token)


def current_asker() -> Asker:
    """Who asks now; a Python program where no front end has said otherwise."""
    return _asker.get() or Asker("python", new_id())


class Course:
    """The course of one question, noted down by the chain while it runs; time while nobody reads on does not count."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[Step, float] = {}
        self.evidence = 0
        """Figures that the answer was made of."""
        self.llm_failure = ""
        """The kind of failure of the language model, where it had one."""
        self._clock = clock
        self._step: Step | None = None
        self._since = 0.0

    def enter(self, step: Step | None) -> None:
        """What is done from now on; ``None`` for nothing."""
        now = self._clock()
        if self._step:
            self.seconds[self._step] = self.seconds.get(self._step, 0.0) + now - self._since
        self._step, self._since = step, now

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """While this lasts nothing is done; then the same goes on."""
        before = self._step
        self.enter(None)
        try:
            yield
        finally:
            self.enter(before)

    def during(self, step: Step, pieces: Generator[str]) -> Generator[str]:
        """The pieces; the time that they take to come counts for the step."""
        before = self._step
        with closing(pieces):
            while True:
                self.enter(step)
                try:
                    piece = next(pieces, None)
                finally:
                    self.enter(before)
                if piece is None:
                    return
                yield piece


@dataclass(frozen=True, slots=True)
class Trace:
    """What became of one question.

    ``seconds`` is the whole time, of which ``steps`` took their parts; the rest was waiting for whoever reads the
    answer. ``failure`` is the class of the error that ended it, and ``llm_failure`` the kind of the language model's,
    after which figures were quoted.
    """

    asker: Asker
    question: str = field(repr=False)
    outcome: Outcome
    seconds: float
    steps: Mapping[Step, float]
    evidence: int = 0
    answer: Answer | None = field(default=None, repr=False)
    failure: str = ""
    llm_failure: str = ""

    @property
    def intent(self) -> str:
        """The kind of the question, where it was understood."""
        return self.answer.query.intent.value if self.answer and self.answer.query else ""

    @property
    def why(self) -> Why | None:
        """Why there was no answer, if there was none."""
        return self.answer.why if self.answer else None

    @property
    def verdicts(self) -> Mapping[str, int]:
        """Sentences for each verdict that occurs."""
        return self.answer.grounding.counts if self.answer else {}

    def __str__(self) -> str:
        """One line without what was asked."""
        steps = ", ".join(f"{step} {1000 * took:.0f}" for step, took in self.steps.items())
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in self.verdicts.items())
        what = [
            f"{self.intent or 'question'} {self.outcome}",
            f"({self.why or self.failure})" if self.why or self.failure else "",
            f"from {self.asker.front_end} {1000 * self.seconds:.0f} ms",
            f"({steps})" if steps else "",
            f"; {verdicts}" if verdicts else "",
            f"; language model: {self.llm_failure}" if self.llm_failure else "",
        ]
        return " ".join(part for part in what if part).replace(" ;", ";")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a line of a log, times in milliseconds; without what was asked."""
        answer = self.answer
        return {
            "id": self.asker.id,
            "front_end": self.asker.front_end,
            "kind": self.intent or None,
            "outcome": self.outcome.value,
            "why": self.why.value if self.why else None,
            "ms": _ms(self.seconds),
            "steps": {step.value: _ms(took) for step, took in self.steps.items()},
            "generation": answer.generation if answer else None,
            "hits": len(answer.hits) if answer else 0,
            "evidence": self.evidence,
            "cited": len(answer.citations) if answer else 0,
            "figures": len(answer.figids) if answer else 0,
            "verdicts": dict(self.verdicts),
            "llm": answer.llm if answer else None,
            "tokens": answer.usage.input_tokens + answer.usage.output_tokens if answer and answer.usage else 0,
            "llm_failure": self.llm_failure or None,
            "failure": self.failure or None,
        }


class Observer(Protocol):
    """Is told of every question; quick, since the question waits, and raises nothing."""

    def begun(self, asker: Asker) -> None: ...

    def ended(self, trace: Trace) -> None: ...


def timestamp(seconds: float) -> str:
    """A time since 1970 in seconds, as logs have it: UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)
