"""The nouns that the parts of PFOCR Chat pass to each other.

All values are frozen and hold plain Python types; nothing here imports a third-party library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import Any, Literal, Self

FIGURE_PAGE = "https://pfocr.wikipathways.org/figures/{figid}.html"
PMC_ROOT = "https://www.ncbi.nlm.nih.gov"
FIGID_PATTERN = re.compile(r"PMC\d+__[A-Za-z0-9][A-Za-z0-9._+\-]*")


class Kind(StrEnum):
    """What an entity is."""

    GENE = "gene"
    CHEMICAL = "chemical"
    DISEASE = "disease"


class Tier(IntEnum):
    """How strong the evidence is that a figure shows an entity; smaller is stronger."""

    SYMBOL = 1
    """The gene's own symbol, or the chemical's or disease's own name, is printed in the figure."""
    SYNONYM = 2
    """An alias of it is printed in the figure."""
    FAMILY = 3
    """A family or complex that it belongs to is printed in the figure."""
    CAPTION = 4
    """It is named in the title or the caption."""

    @property
    def label(self) -> str:
        """Words for people."""
        return {
            Tier.SYMBOL: "printed in the figure",
            Tier.SYNONYM: "printed as a synonym",
            Tier.FAMILY: "member of a printed family",
            Tier.CAPTION: "named in the text",
        }[self]


@dataclass(frozen=True, slots=True)
class Mention:
    """One row of a figure's gene, chemical or disease table.

    ``word`` is what the figure prints, ``name`` the symbol or name it was matched to, and
    ``identifier`` the id in NCBI Gene (a bare number), MeSH, ChEBI or DOID, where there is one.
    """

    kind: Kind
    word: str
    name: str
    tier: Tier
    identifier: str | None = None
    organism: str | None = None


CaptionSource = Literal["paper", "summary"]


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """What the corpus says of one published pathway figure.

    ``caption_source`` is ``"paper"`` where ``caption`` holds the paper's own words and
    ``"summary"`` where it was written for this collection. Missing values are ``None``.
    """

    figid: str
    title: str | None = None
    caption: str | None = None
    caption_source: CaptionSource = "paper"
    pmcid: str | None = None
    filename: str | None = None
    figlink: str | None = None
    number: str | None = None
    alias: str | None = None
    figtype: str | None = None
    paper_title: str | None = None
    reference: str | None = None
    year: int | None = None
    journal: str | None = None
    doi: str | None = None
    organisms: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    wpid: str | None = None
    ndex: str | None = None
    mentions: tuple[Mention, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not FIGID_PATTERN.fullmatch(self.figid):
            raise ValueError(f"not a figid: {self.figid!r}")

    @property
    def page_url(self) -> str:
        """The figure's page at PFOCR."""
        return FIGURE_PAGE.format(figid=self.figid)

    @property
    def image_url(self) -> str | None:
        """The figure's image at PMC."""
        if not (self.pmcid and self.filename):
            return None
        return f"{PMC_ROOT}/pmc/articles/{self.pmcid}/bin/{self.filename}"

    @property
    def pmc_figure_url(self) -> str | None:
        """The figure in its paper at PMC."""
        return f"{PMC_ROOT}{self.figlink}" if self.figlink else None

    @property
    def paper_url(self) -> str | None:
        """The paper at PMC."""
        return f"{PMC_ROOT}/pmc/articles/{self.pmcid}" if self.pmcid else None

    @property
    def doi_url(self) -> str | None:
        """The paper at its publisher."""
        return f"https://doi.org/{self.doi}" if self.doi else None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """(label, address) of every public page about the figure, the PFOCR page first."""
        found = [("PFOCR page", self.page_url)]
        found += [("Figure at PMC", self.pmc_figure_url)] if self.pmc_figure_url else []
        found += [("Paper at PMC", self.paper_url)] if self.paper_url else []
        found += [("DOI", self.doi_url)] if self.doi_url else []
        found += [("Image at PMC", self.image_url)] if self.image_url else []
        return tuple(found)

    def mentions_of(self, kind: Kind) -> tuple[Mention, ...]:
        """The rows of one of the figure's tables."""
        return tuple(m for m in self.mentions if m.kind is kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what is known of the figure, names for its tables, and its public links."""
        known = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "mentions"}
        listed = {key: list(value) for key, value in known.items() if isinstance(value, tuple)}
        named = {f"{kind.value}s": sorted({m.name for m in self.mentions_of(kind)}) for kind in Kind}
        return known | listed | named | {"url": self.page_url, "image_url": self.image_url, "links": dict(self.links)}


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is embedded and retrieved: a part of one record that can stand alone."""

    passage_id: str
    figid: str
    text: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A gene, chemical or disease, or a family of genes, named in a question.

    ``mention`` is the word as typed, ``names`` the symbols or names it stands for, and ``aliases``
    every normalised spelling by which the corpus knows it. In a family each name is a member.
    """

    kind: Kind
    mention: str
    names: tuple[str, ...]
    is_family: bool = False
    aliases: frozenset[str] = field(default=frozenset(), repr=False)


class Intent(StrEnum):
    """What kind of answer a question asks for."""

    RELATION = "relation"
    LISTING = "listing"
    COUNT = "count"
    LOOKUP = "lookup"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class Query:
    """What was understood of a question.

    ``text`` is what is searched for (in a follow-up, with the words it refers back to), ``terms``
    its words in normalised form, ``subjects`` those that name what it is about,
    ``other_words`` the subjects that no entity covers, and ``figids`` the figures that it names.
    ``unknown`` holds names that stand in no record,
    ``unfamiliar`` other such words, and ``missing`` figids and papers that the index does not have.
    Years are inclusive bounds. ``refers_back`` says that the question was read as a follow-up of
    the turn before it.
    """

    question: str
    text: str
    intent: Intent
    terms: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    other_words: tuple[str, ...] = ()
    figids: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    unknown: tuple[str, ...] = ()
    unfamiliar: tuple[str, ...] = ()
    refers_back: bool = False

    @property
    def years(self) -> str | None:
        """The bounds in words, or ``None`` where there are none."""
        if self.year_from and self.year_to:
            same = self.year_from == self.year_to
            return f"in {self.year_from}" if same else f"from {self.year_from} to {self.year_to}"
        if self.year_from:
            return f"since {self.year_from}"
        return f"up to {self.year_to}" if self.year_to else None


@dataclass(frozen=True, slots=True)
class Match:
    """Why a figure was found: an entity with the tier of its evidence, or words in common."""

    name: str
    kind: str
    tier: Tier | None = None
    word: str | None = None

    def __str__(self) -> str:
        if self.tier is None:
            return self.name
        if self.tier is Tier.FAMILY and self.word:
            return f"{self.name} as a member of the printed “{self.word}”"
        printed = f" as “{self.word}”" if self.word and self.word != self.name else ""
        return f"{self.name} {self.tier.label}{printed}"


@dataclass(frozen=True, slots=True)
class Hit:
    """One figure found for a query; a higher ``score`` is better, within one query."""

    figid: str
    score: float
    record: FigureRecord = field(repr=False)
    matches: tuple[Match, ...] = ()
    quote: str = ""
    similarity: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "figid": self.figid,
            "score": round(self.score, 6),
            "matches": [str(m) for m in self.matches],
            "quote": self.quote,
            "record": self.record.to_dict(),
        }


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
    """Every name and number of the sentence is in the records it cites."""
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

    ``subject`` is what was searched for, the years left out.
    """

    question: str
    subject: str
    intent: Intent
    figids: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None


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
class Answer:
    """An answer with checked citations, or an abstention with its reason.

    ``text`` is Markdown with evidence keys such as ``[1]``. ``figids`` holds every figure that
    answers, best first; for listing and counting questions it is complete where the text counts
    the figures that show or match, and the closest ones where it says so. ``hits`` are the
    figures that were looked at, in order.
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
            "searched_for": self.query.text if self.query else None,
            "llm": self.llm,
            "generation": self.generation,
            "notes": list(self.notes),
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
    """What an index holds and which models answer."""

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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
