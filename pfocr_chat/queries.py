"""The nouns of a search: what was understood of a question, and the figures found for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from pfocr_chat.records import FigureRecord, Kind, Tier


@dataclass(frozen=True, slots=True)
class Entity:
    """A gene, chemical or disease, or a family of genes, named in a question.

    ``mention`` is the word as typed, ``names`` the symbols or names it stands for (in a family,
    its members), and ``label`` what to call it. ``aliases`` holds the spellings by which a text
    names it, ``keys`` the lookup keys under which a figure prints it, and ``alternatives`` what
    the word might mean as well.
    """

    kind: Kind
    mention: str
    names: tuple[str, ...]
    label: str = ""
    is_family: bool = False
    aliases: frozenset[str] = field(default=frozenset(), repr=False)
    keys: frozenset[str] = field(default=frozenset(), repr=False)
    alternatives: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"a family of {len(self.names)} genes" if self.is_family else self.kind.value
        if self.is_family or self.label.casefold() == self.mention.casefold():
            return f"{self.mention} ({what})"
        return f"{self.mention} = {', '.join(self.names)} ({what})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "mention": self.mention,
            "kind": self.kind.value,
            "label": self.label,
            "names": list(self.names),
            "is_family": self.is_family,
            "alternatives": list(self.alternatives),
        }


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that a figure must meet; one that is not set lets every figure through.

    Years are inclusive bounds. Organisms, journals, papers and figure types are alternatives: any
    one of those given suffices. ``genes_any`` and ``chemicals_any`` ask for at least one of the
    names, ``genes_all`` and ``chemicals_all`` for each of them, ``genes_none`` for none.
    """

    year_from: int | None = None
    year_to: int | None = None
    organisms: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    pmcids: tuple[str, ...] = ()
    figtypes: tuple[str, ...] = ()
    genes_all: tuple[str, ...] = ()
    genes_any: tuple[str, ...] = ()
    genes_none: tuple[str, ...] = ()
    chemicals_all: tuple[str, ...] = ()
    chemicals_any: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The conditions in words that go on after "figures": "published since 2015, in Danio rerio"; "" for none."""
        places = f"in {joined(_alike(self.journals), 'or')}" if self.journals else ""
        published = " ".join(part for part in (_years(self.year_from, self.year_to), places) if part)
        parts = (
            f"published {published}" if published else "",
            f"in {joined(self.organisms, 'or')}" if self.organisms else "",
            f"from {joined(self.pmcids, 'or')}" if self.pmcids else "",
            f"of type {joined(self.figtypes, 'or')}" if self.figtypes else "",
            _printing("printing", "gene", self.genes_all, "and"),
            _printing("printing", "gene", self.genes_any, "or"),
            _printing("not printing", "gene", self.genes_none, "or"),
            _printing("printing", "chemical", self.chemicals_all, "and"),
            _printing("printing", "chemical", self.chemicals_any, "or"),
        )
        return ", ".join(part for part in parts if part)

    def over(self, earlier: Filters) -> Filters:
        """These conditions, and the earlier ones of the kinds that these do not set; the years go together."""
        kept = {f.name: getattr(self, f.name) or getattr(earlier, f.name) for f in fields(self)}
        if self.year_from is not None or self.year_to is not None:
            kept |= {"year_from": self.year_from, "year_to": self.year_to}
        return Filters(**kept)

    def narrowed(self, read: Filters) -> tuple[Filters, tuple[str, ...]]:
        """These conditions and those ``read`` from words, together; and in words what of the latter contradicts these.

        Alternatives that both have ("in mice or rats" and "in mice") are cut down to what they have in common.
        """
        kept: dict[str, Any] = {}
        refused: dict[str, Any] = {}
        for name in (f.name for f in fields(self)):
            own, other = getattr(self, name), getattr(read, name)
            if name in ("year_from", "year_to"):
                both = [year for year in (own, other) if year is not None]
                kept[name] = (max if name == "year_from" else min)(both, default=None)
            elif name in ("genes_all", "genes_none", "chemicals_all"):
                kept[name] = tuple(dict.fromkeys((*own, *other)))
            else:
                common = tuple(value for value in own if value in other)
                kept[name] = common or own or other
                refused[name] = other if own and other and not common else ()
        if kept["year_from"] and kept["year_to"] and kept["year_from"] > kept["year_to"]:
            refused |= {"year_from": read.year_from, "year_to": read.year_to}
            kept |= {"year_from": self.year_from, "year_to": self.year_to}
        clash = Filters(**refused)
        return Filters(**kept), (str(clash),) if clash else ()

    def relaxed(self) -> Iterator[tuple[str, Filters]]:
        """Each kind of condition that is set, in words, with the filters without it."""
        for name, kinds in (
            ("years", ("year_from", "year_to")),
            ("journals", ("journals",)),
            ("organisms", ("organisms",)),
            ("papers", ("pmcids",)),
            ("figure types", ("figtypes",)),
            ("genes", ("genes_all", "genes_any", "genes_none")),
            ("chemicals", ("chemicals_all", "chemicals_any")),
        ):
            kept: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in kinds}
            if Filters(**kept) != self:
                yield name, Filters(**kept)

    def to_dict(self) -> dict[str, Any]:
        """The conditions that are set."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None and v != ()}

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) is not None and getattr(self, f.name) != () for f in fields(self))


def _alike(titles: Sequence[str]) -> list[str]:
    """Titles that differ in letter case only, once."""
    found: dict[str, str] = {}
    for title in titles:
        found.setdefault(title.casefold(), title)
    return list(found.values())


def _years(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f"in {low}" if low == high else f"from {low} to {high}"
    if low is not None:
        return f"since {low}"
    return f"up to {high}" if high is not None else ""


def _printing(how: str, kind: str, names: Sequence[str], word: str) -> str:
    """ "printing the gene AKT1", "not printing the genes AKT1 or AKT2"."""
    return f"{how} the {kind}{'s' if len(names) > 1 else ''} {joined(names, word)}" if names else ""


def counted(number: int, noun: str) -> str:
    """ "1 figure", "1,234 figures"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def joined(names: Sequence[str], word: str) -> str:
    """ "A", "A or B", "A, B or C"; "" for none."""
    return f" {word} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


class Intent(StrEnum):
    """What kind of answer a question asks for."""

    RELATION = "relation"
    LISTING = "listing"
    COUNT = "count"
    LOOKUP = "lookup"
    """What the figures named show."""
    SIMILAR = "similar"
    """The figures most like one that is named."""
    CHAT = "chat"

    @property
    def is_list(self) -> bool:
        """Whether every figure that answers is asked for."""
        return self in (Intent.LISTING, Intent.COUNT)


@dataclass(frozen=True, slots=True)
class Expansion:
    """Other words for some words of a question: ``words`` in normalised form, and each way to say the same."""

    words: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What was understood of a question.

    ``text`` is what is searched for (typing errors mended; in a follow-up, with the words it refers
    back to), ``terms`` its words in normalised form, ``subjects`` those that name what it is about,
    ``other_words`` the subjects that no entity covers, and ``figids`` the figures that it names.
    ``groups`` says how the entities belong together: a figure that shows one of each group answers a
    question for a list, unless it shows one that is ``excluded`` or has one of the ``excluded_words``.
    ``filters`` are the conditions that hold, those ``stated`` in words (here or in an earlier turn) among them.
    ``unknown`` holds names that stand in no record, ``unfamiliar`` other such words, ``missing``
    figids and papers that the index does not have, ``ignored`` what reads like a condition and
    could not be used, ``contradicted`` conditions in words that others, given beside the question, rule out, and
    ``corrections`` typing errors with what was read instead.
    ``refers_back`` says that the question was read as a follow-up of the turn before it.
    """

    question: str
    text: str
    intent: Intent
    terms: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    groups: tuple[tuple[Entity, ...], ...] = ()
    excluded: tuple[Entity, ...] = ()
    excluded_words: tuple[str, ...] = ()
    other_words: tuple[str, ...] = ()
    expansions: tuple[Expansion, ...] = field(default=(), repr=False)
    filters: Filters = field(default_factory=Filters)
    stated: Filters = field(default_factory=Filters, repr=False)
    figids: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unfamiliar: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    corrections: tuple[tuple[str, str], ...] = ()
    refers_back: bool = False

    def __str__(self) -> str:
        """What was understood, in a line for people."""
        if self.intent in (Intent.LOOKUP, Intent.SIMILAR) and self.figids:
            these = f"the figure{'s' if len(self.figids) > 1 else ''} {joined(self.figids, 'and')}"
            about = f"figures like {self.figids[0]}" if self.intent is Intent.SIMILAR else these
            return " ".join(part for part in (about, str(self.filters)) if part)
        named = [" or ".join(map(str, group)) for group in self.groups]
        named += [f"“{word}”" for word in self.other_words]
        named += [*self.figids, *self.missing]
        wanted = {Intent.LISTING: "all figures", Intent.COUNT: "the number of figures"}.get(self.intent, "figures")
        about = f"{wanted} on {', '.join(named)}" if named else wanted
        refused = [*map(str, self.excluded), *(f"“{word}”" for word in self.excluded_words)]
        about += "".join(f", not {name}" for name in refused)
        return " ".join(part for part in (about, str(self.filters)) if part)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what was understood of the question."""
        return {
            "summary": str(self),
            "intent": self.intent.value,
            "text": self.text,
            "entities": [entity.to_dict() for entity in self.entities],
            "groups": [[entity.mention for entity in group] for group in self.groups],
            "excluded": [entity.to_dict() for entity in self.excluded],
            "excluded_words": list(self.excluded_words),
            "other_words": list(self.other_words),
            "filters": self.filters.to_dict(),
            "corrections": [{"typed": typed, "read": read} for typed, read in self.corrections],
            "ignored": list(self.ignored),
            "unknown": list(self.unknown),
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """The figures that answer a question for a list: a collection of their figids, the best evidence first.

    ``tiers`` has each with the evidence for the entity for which it is weakest.
    ``strong`` counts those with a topic in their titles, where the others only mention it; ``None`` where names
    were asked for. ``weaker`` are figures that are not on the list because they print, of an entity asked
    for, no more than a family that it belongs to.
    """

    tiers: Mapping[str, Tier] = field(default_factory=dict)
    strong: int | None = None
    weaker: tuple[str, ...] = ()

    def ranked(self, figids: Iterable[str]) -> list[str]:
        """All the figures: those among ``figids`` in that order, then the others."""
        return list(dict.fromkeys([*(figid for figid in figids if figid in self.tiers), *self.tiers]))

    def __contains__(self, figid: object) -> bool:
        return figid in self.tiers

    def __iter__(self) -> Iterator[str]:
        return iter(self.tiers)

    def __len__(self) -> int:
        return len(self.tiers)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        tiers = {figid: tier.name.lower() for figid, tier in self.tiers.items()}
        return {"tiers": tiers, "strong": self.strong, "weaker": list(self.weaker)}


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
