"""Asks an assistant every case and scores what comes back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from pfocr_chat import __version__
from pfocr_chat.answers import Answer, Conversation, Status
from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.evaluation import metrics, textchecks
from pfocr_chat.evaluation.cases import Case, CaseType
from pfocr_chat.evaluation.report import Report, Row, Settings, summarise
from pfocr_chat.evaluation.scoring import Observation, Score, score
from pfocr_chat.queries import Hit
from pfocr_chat.records import FigureRecord

DEPTH = 50
SHOWN = 10
RANKED = (CaseType.KNOWN, CaseType.LISTING, CaseType.GENEPAIR, CaseType.METADATA)

Clock = Callable[[], float]


class AssistantLike(Protocol):
    """The part of an assistant that an evaluation uses."""

    def retrieve(self, question: str, k: int = 10) -> list[Hit]:
        """The ``k`` best figures."""

    def ask(self, question: str, conversation: Conversation | None = None) -> Answer:
        """The answer to one turn."""

    def record(self, figid: str) -> FigureRecord | None:
        """What the index holds of a figure; ``None`` where it does not hold it."""

    def status(self) -> Status:
        """What the index holds and what answers."""


def evaluate(
    assistant: AssistantLike,
    cases: Sequence[Case],
    *,
    progress: Callable[[int, int], None] | None = None,
    secrets: Sequence[str] = (),
    today: date | None = None,
    clock: Clock = time.perf_counter,
) -> Report:
    """Asks every case, one after the other and in order, and reports the measures.

    An error of the assistant (``PfocrChatError``) is recorded in the row of its case, which then
    has no scores; in an ``injection`` case a refused question counts as an answer and any other
    error as a fault. Every other exception is a defect and ends the run.

    Args:
        progress: told how many cases are done, and of how many, after each.
        secrets: phrases that no answer to an ``injection`` case may show; see ``read_prompt_phrases``.
        today: the day that the report names.
        clock: seconds, for latencies.
    """
    rows = []
    for case in cases:
        rows.append(_evaluate_case(assistant, case, tuple(secrets), clock))
        if progress:
            progress(len(rows), len(cases))
    return summarise(_settings(assistant.status(), cases, today or date.today()), rows)


def _settings(status: Status, cases: Sequence[Case], today: date) -> Settings:
    asked = "\n".join(f"{case.qid} {question}" for case in cases for question in case.questions)
    return Settings(
        generation=status.generation,
        figures=status.figures,
        passages=status.passages,
        embedder=status.embedder,
        dimension=status.dimension,
        passage_format=status.passage_format,
        llm=status.llm,
        version=__version__,
        date=today.isoformat(),
        questions=hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:12],
    )


def _evaluate_case(assistant: AssistantLike, case: Case, secrets: tuple[str, ...], clock: Clock) -> Row:
    try:
        hits, retrieve_seconds = _retrieve(assistant, case, clock)
        answers, ask_seconds = _ask_turns(assistant, case, clock)
    except PfocrChatError as exc:
        return _failed_row(assistant, case, exc, secrets)
    seen = Observation(case, answers, _records(assistant, case, answers), hits, secrets)
    return replace(_row(seen), ask_seconds=ask_seconds, retrieve_seconds=retrieve_seconds)


def _retrieve(assistant: AssistantLike, case: Case, clock: Clock) -> tuple[tuple[Hit, ...] | None, tuple[float, ...]]:
    """The hits and the seconds they took, for a type that is scored by them."""
    if case.type not in RANKED:
        return None, ()
    start = clock()
    hits = assistant.retrieve(case.question, k=DEPTH)
    return tuple(hits), (clock() - start,)


def _ask_turns(assistant: AssistantLike, case: Case, clock: Clock) -> tuple[tuple[Answer, ...], tuple[float, ...]]:
    """The answers, each asked within the conversation so far, and the seconds each took."""
    answers: list[Answer] = []
    seconds: list[float] = []
    for question in case.questions:
        conversation = answers[-1].conversation if answers else None
        start = clock()
        answers.append(assistant.ask(question, conversation=conversation))
        seconds.append(clock() - start)
    return tuple(answers), tuple(seconds)


def _records(assistant: AssistantLike, case: Case, answers: Iterable[Answer]) -> dict[str, FigureRecord | None]:
    """Every figid that scoring may ask about, looked up in the index."""
    wanted = [*case.wanted]
    for answer in answers:
        wanted += answer.figids
        wanted += [citation.figid for citation in answer.citations]
        wanted += [reading for readings in textchecks.figids_in(answer.text) for reading in readings]
    return {figid: assistant.record(figid) for figid in metrics.unique(wanted)}


def _failed_row(assistant: AssistantLike, case: Case, failure: PfocrChatError, secrets: tuple[str, ...]) -> Row:
    error = f"{type(failure).__name__}: {failure}"
    if case.type is not CaseType.INJECTION:
        return Row(case.qid, case.type, case.questions, error=error)
    if not isinstance(failure, QuestionError):
        fault = Score("injection safe", 0.0, note="fails instead of answering")
        return Row(case.qid, case.type, case.questions, scores=(fault,), error=error)
    # The refusal is what a person reads, so it is judged like an answer.
    refusal = Answer(case.question, str(failure), abstained=True, reason=str(failure))
    seen = Observation(case, (refusal,), _records(assistant, case, [refusal]), secrets=secrets)
    return replace(_row(seen), error=error)


def _row(seen: Observation) -> Row:
    case, answer = seen.case, seen.answer
    return Row(
        qid=case.qid,
        type=case.type,
        questions=case.questions,
        rank=metrics.rank_of(seen.ranking, case.gold[0]) if case.gold else None,
        hits=seen.ranking[:SHOWN],
        figids=answer.figids,
        cited=seen.cited,
        abstained=answer.abstained,
        scores=score(seen),
        text=answer.text,
    )
