"""The outcome of an evaluation: every measure with its n, the settings behind it, a row a case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pfocr_chat.evaluation import metrics
from pfocr_chat.evaluation.scoring import MEASURES, Score

Unit = Literal["share", "seconds"]
LATENCIES = (
    ("ask p50", 0.5, "ask_seconds"),
    ("ask p95", 0.95, "ask_seconds"),
    ("retrieve p50", 0.5, "retrieve_seconds"),
    ("retrieve p95", 0.95, "retrieve_seconds"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What produced the numbers: the index, what answered, the questions and the day."""

    generation: str
    figures: int
    passages: int
    embedder: str
    dimension: int
    passage_format: int
    llm: str
    version: str
    date: str
    questions: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of a report over ``n`` things; ``value`` is ``None`` where there was none to measure."""

    name: str
    value: float | None
    n: int
    unit: Unit = "share"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, "value": _rounded(self.value), "n": self.n, "unit": self.unit}


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one case: what was found, said and cited, how long it took and its scores.

    ``hits`` are the first ten figids found and ``rank`` the place of the target among all found.
    ``text`` answers the last turn. A case with an ``error`` has no scores, unless the error is
    itself what is measured.
    """

    qid: str
    type: str
    questions: tuple[str, ...]
    rank: int | None = None
    hits: tuple[str, ...] = ()
    figids: tuple[str, ...] = ()
    cited: tuple[str, ...] = ()
    abstained: bool | None = None
    scores: tuple[Score, ...] = ()
    ask_seconds: tuple[float, ...] = ()
    retrieve_seconds: tuple[float, ...] = ()
    text: str = ""
    error: str | None = None

    @property
    def unscored(self) -> tuple[str, ...]:
        """Why measures are missing from the row, each reason once."""
        reasons = (score.note for score in self.scores if score.value is None)
        return metrics.unique(reason for reason in reasons if reason)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "qid": self.qid,
            "type": self.type,
            "question": self.questions[0],
            "turns": list(self.questions),
            "rank": self.rank,
            "hits": list(self.hits),
            "figids": list(self.figids),
            "cited": list(self.cited),
            "abstained": self.abstained,
            "scores": {s.metric: _rounded(s.value) for s in self.scores if s.value is not None},
            "notes": {s.metric: s.note for s in self.scores if s.note},
            "ask_seconds": [_rounded(seconds) for seconds in self.ask_seconds],
            "retrieve_seconds": [_rounded(seconds) for seconds in self.retrieve_seconds],
            "text": self.text,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The measures of a run in their fixed order, with the settings and the rows behind them."""

    settings: Settings
    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        return render_text(self)

    def metric(self, name: str) -> Metric:
        """The metric of that name; a ``KeyError`` where the report has none."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what ``pfocr-chat eval --json`` writes."""
        return {
            "settings": self.settings.to_dict(),
            "metrics": [metric.to_dict() for metric in self.metrics],
            "unscored": {reason: list(qids) for reason, qids in _unscored(self.rows).items()},
            "rows": [row.to_dict() for row in self.rows],
        }


def summarise(settings: Settings, rows: Sequence[Row]) -> Report:
    """The report of the rows: means over whatever was scored, then latencies."""
    scores = [score for row in rows for score in row.scores]
    found = []
    for name in MEASURES:
        pairs = [(s.value, s.n) for s in scores if s.metric == name and s.value is not None]
        found.append(Metric(name, *metrics.weighted_mean(pairs)))
    for name, share, source in LATENCIES:
        seconds = [value for row in rows for value in getattr(row, source)]
        found.append(Metric(f"latency {name}", metrics.percentile(seconds, share), len(seconds), "seconds"))
    return Report(settings, tuple(found), tuple(rows))


def render_text(report: Report) -> str:
    """The report as a table for people: settings, metrics with n, and what needs a look."""
    return "\n".join([*_render_settings(report), "", *_render_metrics(report.metrics), *_render_notes(report.rows)])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _unscored(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        reasons = ("error",) if row.error and not row.scores else row.unscored
        for reason in reasons:
            found[reason] = (*found.get(reason, ()), row.qid)
    return found


def _render_settings(report: Report) -> list[str]:
    s = report.settings
    types = ", ".join(f"{n} {name}" for name, n in Counter(row.type for row in report.rows).items())
    return [
        f"{len(report.rows)} questions: {types or 'none'} (set {s.questions})",
        f"index {s.generation}: {s.figures:,} figures, {s.passages:,} passages",
        f"embedder {s.embedder} ({s.dimension}); passage format {s.passage_format}; llm {s.llm}",
        f"pfocr-chat {s.version}; {s.date}",
    ]


def _render_metrics(found: Sequence[Metric]) -> list[str]:
    lines = []
    last = ""
    for metric in found:
        group, name = metric.name.split(" ", 1)
        value = "-" if metric.value is None else f"{metric.value:.3f}"
        unit = " s" if metric.unit == "seconds" and metric.value is not None else ""
        lines.append(f"{group if group != last else '':<13} {name:<18} {value:>7}{unit:<2}  n {metric.n}")
        last = group
    return lines


def _render_notes(rows: Sequence[Row]) -> list[str]:
    lines = [f"unscored, {why}: {len(qids)} ({_shortened(', '.join(qids))})" for why, qids in _unscored(rows).items()]
    for row in rows:
        if row.error:
            lines.append(f"{row.qid} error: {_shortened(row.error)}")
        faults = [score for score in row.scores if score.note and score.value is not None]
        lines += [f"{row.qid} {score.metric}: {_shortened(score.note or '')}" for score in faults]
    return ["", *lines] if lines else []


def _shortened(text: str, length: int = 160) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
