"""The nouns of an answer: citations, the verdicts on its sentences, and the conversation it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from pfocr_chat.queries import Filters, Hit, Intent, Listing, Query, joined
from pfocr_chat.records import CaptionSource, FigureRecord
from pfocr_chat.tables import FacetTable


@dataclass(frozen=True, slots=True)
class Evidence:
    """A figure shown to the language model in this turn under the key ``[key]``."""

    key: int
    hit: Hit

    @property
    def record(self) -> FigureRecord:
        return self.hit.record


@dataclass(frozen=True, slots=True)
class Citation:
    """A figure that supports a statement of an answer, checked to exist and to have been shown.

    ``quote`` is verbatim from the record; ``quote_source`` says whether those are the paper's
    words or a summary written for this collection.
    """

    key: int
    figid: str
    pmcid: str | None
    title: str | None
    url: str
    quote: str
    quote_source: CaptionSource = "paper"
    links: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, evidence: Evidence, quote: str) -> Self:
        """The citation of a piece of evidence with a quote from it."""
        record = evidence.record
        return cls(
            key=evidence.key,
            figid=record.figid,
            pmcid=record.pmcid,
            title=record.title,
            url=record.page_url,
            quote=quote,
            quote_source=record.caption_source,
            links=record.links,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"links": dict(self.links)}


class Verdict(StrEnum):
    """What the check of a sentence, or of a whole answer, came to."""

    SUPPORTED = "supported"
    """The records it cites say it: its names, numbers and words, and who acts on whom."""
    PARTLY = "partly"
    """Nothing in it is against the records, but they do not say all of it in one place; it is marked."""
    QUOTED = "quoted"
    """The words are the record's own."""
    REPLACED = "replaced"
    """The language model's sentence failed the check; a quote stands in its place."""
    DROPPED = "dropped"
    """The language model's sentence failed the check and nothing stands in its place."""


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict on one sentence of a draft, with the reason where it failed."""

    sentence: str
    keys: tuple[int, ...]
    verdict: Verdict
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"keys": list(self.keys), "verdict": self.verdict.value}


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far an answer rests on its figures: the verdict on every sentence of the draft."""

    checks: tuple[Check, ...] = ()

    @property
    def counts(self) -> Mapping[str, int]:
        """Sentences for each verdict that occurs."""
        return {v.value: n for v in Verdict if (n := sum(c.verdict is v for c in self.checks))}

    def __str__(self) -> str:
        words = {
            "supported": "checked against its figure",
            "partly": "partly supported",
            "quoted": "quoted",
            "replaced": "replaced by a quote",
            "dropped": "dropped",
        }
        return ", ".join(f"{n} {words[v]}" for v, n in self.counts.items()) or "nothing to check"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"counts": dict(self.counts), "checks": [c.to_dict() for c in self.checks]}


@dataclass(frozen=True, slots=True)
class Turn:
    """One question, how it was understood, and the figures that answered it, best first.

    ``subject`` is what was searched for, the filters left out. ``focus`` is the figure that the turn was about,
    where it was about one of several.
    """

    question: str
    subject: str
    intent: Intent
    figids: tuple[str, ...] = ()
    filters: Filters = field(default_factory=Filters)
    focus: str | None = None

    @property
    def in_focus(self) -> tuple[str, ...]:
        """The figure that a follow-up is about where it names none: the one in focus, else the best."""
        return (self.focus,) if self.focus else self.figids[:1]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The turns so far, oldest first, at most ``LIMIT``; older ones are forgotten."""

    turns: tuple[Turn, ...] = ()

    LIMIT = 12

    def with_turn(self, turn: Turn) -> Conversation:
        """This conversation with one more turn."""
        return Conversation((*self.turns, turn)[-self.LIMIT :])

    @property
    def last(self) -> Turn | None:
        """The latest turn."""
        return self.turns[-1] if self.turns else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"turns": [{"question": t.question, "subject": t.subject, "figids": list(t.figids)} for t in self.turns]}


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A figure that comes close to a question without answering it."""

    figid: str
    title: str | None
    url: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a language model read and wrote for an answer, as its provider reports them.

    ``calls`` are those with a report: one that failed, or was cut short, mostly has none though it may be charged.
    ``billed`` says that the provider may charge for the tokens. Prices change, so there is no amount of money here.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    calls: int = 0
    billed: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.calls + other.calls,
            self.billed or other.billed,
        )

    def __str__(self) -> str:
        calls = f"{self.calls:,} call{'' if self.calls == 1 else 's'}"
        return f"{self.input_tokens:,} in, {self.output_tokens:,} out ({calls})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with checked citations, or an abstention with its reason.

    ``text`` is Markdown with evidence keys such as ``[1]``. ``figids`` holds every figure that
    answers, best first; for listing and counting questions it is complete where the text counts
    the figures that show or match, and the closest ones where it says so. ``hits`` are the
    figures that were looked at, in order. ``listing`` says, of a list, how strong the evidence of each figure is,
    and which others there is weaker evidence for. ``table`` counts ``figids`` by year, gene or the like,
    where that was asked. ``usage`` is ``None`` where no language model was asked, or none reported its tokens.
    """

    question: str
    text: str
    citations: tuple[Citation, ...] = ()
    figids: tuple[str, ...] = ()
    abstained: bool = False
    reason: str | None = None
    near_misses: tuple[NearMiss, ...] = ()
    grounding: Grounding = Grounding()
    conversation: Conversation = Conversation()
    query: Query | None = None
    hits: tuple[Hit, ...] = field(default=(), repr=False)
    llm: str = "none"
    generation: str = ""
    notes: tuple[str, ...] = ()
    table: FacetTable | None = None
    listing: Listing = field(default=Listing(), repr=False)
    usage: Usage | None = None

    @property
    def standalone(self) -> str:
        """The question as it can be asked without the turns before it; its conditions are not in its words."""
        query = self.query
        if query is None:
            return self.question
        meant = [figid for figid in query.figids if figid.casefold() not in self.question.casefold()]
        if meant and query.intent is Intent.SIMILAR:
            return f"Which figures are most like {meant[0]}?"
        if meant:
            return f"{self.question.rstrip(' ?.!')} ({joined(meant, 'and')})?"
        if not query.refers_back:
            return self.question
        return f"{query.text.rstrip('?')}, by {self.table.facet.label}?" if self.table else query.text

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what ``pfocr-chat ask --json`` prints."""
        return {
            "question": self.question,
            "text": self.text,
            "citations": [c.to_dict() for c in self.citations],
            "figids": list(self.figids),
            "abstained": self.abstained,
            "reason": self.reason,
            "near_misses": [asdict(near) for near in self.near_misses],
            "grounding": self.grounding.to_dict(),
            "conversation": self.conversation.to_dict(),
            "understood": self.query.to_dict() if self.query else None,
            "llm": self.llm,
            "generation": self.generation,
            "notes": list(self.notes),
            "table": self.table.to_dict() if self.table else None,
            "listing": self.listing.to_dict(),
            "usage": self.usage.to_dict() if self.usage else None,
        }


@dataclass(frozen=True, slots=True)
class Stage:
    """What the assistant is doing now, in words for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an answer's Markdown; every piece has passed the check before it is shown."""

    text: str


Event = Stage | Text | Answer


@dataclass(frozen=True, slots=True)
class Status:
    """What an index holds and which models answer.

    ``pending`` of its ``passages`` are not embedded yet, while the index is being built: their figures are found by
    words and names only.
    """

    vectorstore: str
    generation: str
    built: str
    figures: int
    passages: int
    embedder: str
    dimension: int
    passage_format: int
    llm: str
    corpus: str
    pending: int = 0

    @property
    def still_coming(self) -> str | None:
        """What to say of an index that is still being built, in a sentence; ``None`` of a complete one."""
        if not self.pending:
            return None
        return (
            f"The index is still being built: {self.passages - self.pending:,} of {self.passages:,} passages can be"
            " found by their meaning so far, all of them by words and names."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
