"""The nouns of a search: what was understood of a question, and the figures found for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pfocr_chat.records import FigureRecord, Kind, Tier


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
