"""Checking what a sentence says against the figures it cites: names, numbers, who acts on whom, and how.

Pure: works on text, records and two callables; calls no language model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pfocr_chat.agreement import are_bound, compare, strange_word, turned_word, turns_on_loss
from pfocr_chat.alignment import Change, best_alignment
from pfocr_chat.attested import (
    REFERS_BACK,
    Named,
    is_common,
    is_same,
    missing_number,
    missing_word,
    names_of,
    sentences_of,
    widened,
)
from pfocr_chat.lexicon import name_key
from pfocr_chat.places import missing_place
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord
from pfocr_chat.relations import Reading, read

Similarity = Callable[[str, Sequence[str]], Sequence[float]]
"""The cosines of a sentence with each of several texts."""


class Support(StrEnum):
    """How far the cited figures bear a sentence out."""

    SUPPORTED = "supported"
    """Its names, numbers, relations and words stand together in what the figures' texts say."""
    PARTLY = "partly"
    """Nothing in it is against the figures, but they do not say all of it in one place."""
    UNSUPPORTED = "unsupported"
    """The figures lack a name or a number of it, say the opposite, or are about something else."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where support ends; each a share between 0 and 1, the similarities cosines.

    ``coverage`` of a sentence's words in the caption sentences that fit best make it supported; less than
    ``least`` of its names and words there make it unsupported. ``nearby`` is how much of what stands around a
    name or number has to stand in one caption sentence with it. Where similarities are given, less than
    ``similar`` to every caption sentence is never supported, and ``alike`` makes up for ``coverage`` down to
    ``least``.

    The defaults were set by ``scripts/calibrate_verification.py``: at another seed than the grammar was written with,
    they keep 0.98 of true sentences, and catch 0.96 and more of swapped names and moved citations. ``alike`` was
    chosen by hand on paraphrases.
    """

    coverage: float = 0.75
    least: float = 0.3
    nearby: float = 0.8
    similar: float = 0.5
    alike: float = 0.75


DEFAULT = Thresholds()
OFF_TOPIC = "the cited figure is about something else"
"""The reason where hardly a word or name of a sentence is the figure's."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The verdict on one sentence, with the reason for people where it is not supported."""

    verdict: Support
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of a sentence in the records, before any threshold.

    ``fault`` is what the records lack or contradict, ``gap`` what they never say in one sentence.
    ``coverage`` is the share of its words, ``shared`` that of its words and names, in the sentences that fit best;
    ``scattered`` names what stands apart from the words around it, ``nearby`` how far.
    """

    fault: str | None = None
    gap: str | None = None
    coverage: float = 1.0
    shared: float = 1.0
    nearby: float = 1.0
    scattered: str | None = None
    similarity: float | None = None


def verify(
    sentence: str,
    records: Sequence[FigureRecord],
    named: Named,
    similarity: Similarity | None = None,
    thresholds: Thresholds = DEFAULT,
) -> Verification:
    """The verdict on ``sentence``, which cites ``records``; its evidence keys are passed over.

    Every name has to stand in a record's text or tables, every number in its text; what acts on what, in
    which direction and with what negation has to agree with the caption sentences about the same
    things; and names, numbers and the other words have to stand together there.
    """
    return judge(find(sentence, records, named, similarity), thresholds)


def judge(findings: Findings, thresholds: Thresholds = DEFAULT) -> Verification:
    """The verdict that findings come to."""
    if findings.fault:
        return Verification(Support.UNSUPPORTED, findings.fault)
    cosine = findings.similarity
    if findings.shared < thresholds.least and (cosine is None or cosine < thresholds.similar):
        return Verification(Support.UNSUPPORTED, OFF_TOPIC)
    if cosine is not None and cosine < thresholds.similar:
        return Verification(Support.PARTLY, "nothing in the cited figure's caption is close to it")
    if findings.gap:
        return Verification(Support.PARTLY, findings.gap)
    if findings.nearby < thresholds.nearby:
        return Verification(Support.PARTLY, f"the cited figure does not say this of {findings.scattered}")
    is_paraphrase = cosine is not None and cosine >= thresholds.alike and findings.coverage >= thresholds.least
    if findings.coverage < thresholds.coverage and not is_paraphrase:
        return Verification(Support.PARTLY, "the cited figure does not say all of this")
    return Verification(Support.SUPPORTED)


def find(
    sentence: str, records: Sequence[FigureRecord], named: Named, similarity: Similarity | None = None
) -> Findings:
    """What of ``sentence`` the records have, lack and contradict."""
    plain = " ".join(_KEY.sub(" ", sentence).split())
    alone = bool(REFERS_BACK.match(plain))
    texts = tuple(text for record in records for text in sentences_of(record, joined=not alone))
    if not texts:
        return Findings(fault="the cited figure has no text")
    entities = tuple(named(plain))
    names, missing = names_of(entities, records, named)
    unnamed = next((e.mention for e in missing if not is_common(e, plain)), None) or missing_word(
        plain, entities, records
    )
    if unnamed:
        return Findings(fault=f"the cited figure does not name {unnamed}")
    said = read(plain, names)
    units = [read(text, names) for text in texts]
    best = _best_units(said, units)
    if any(item not in unit.items for unit in best[:1] for item in said.items if item.startswith("=")):
        names = widened(names, entities, [unit.text for unit in best], named)
        said, units = read(plain, names), [read(text, names) for text in texts]
        best = _best_units(said, units)
    if not said.relations:
        # What a figure prints names its parts, but relates none of them.
        tables = read(
            "; ".join(word for record in records for m in record.mentions for word in (m.word, m.name)), names
        )
        units, best = [*units, tables], [*best, tables]
    number = missing_number(plain, entities, records)
    disagreement = compare(said, units, best)
    faults = [f"the number {number.written} is not in the figure"] if number and not number.in_words else []
    gaps = [f"the cited figure does not name {entity.mention}" for entity in missing]
    # Who writes counts what a figure shows ("two routes"), and the figure need not.
    gaps += [f"the number {number.written} is not in the figure"] if number and number.in_words else []
    place = missing_place(plain, records)
    gaps += [f"the cited figure does not say that it is about ‘{place}’"] if place else []
    if disagreement:
        (faults if disagreement.is_fault else gaps).append(disagreement.text)
    change = _changed(plain, names, entities, best, named)
    if change and not _is_explained(change, said, best):
        (faults if change.is_firm else gaps).append(str(change))
    turned = turned_word(said, best)
    gaps += [turned] if turned else []
    strange = strange_word(said, units, best)
    gaps += [f"the cited figure does not say ‘{strange}’"] if strange else []
    nearby, scattered = _nearby(plain, names, entities, units)
    return Findings(
        fault=next(iter(faults), None),
        gap=next(iter(gaps), None),
        coverage=_coverage(said.content, best),
        shared=_coverage(said.items, best),
        nearby=nearby,
        scattered=scattered,
        similarity=max(similarity(plain, texts), default=0.0) if similarity else None,
    )


_KEY = re.compile(r"\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")


# Words


def _changed(
    sentence: str, names: Sequence[frozenset[str]], entities: Sequence[Entity], units: Sequence[Reading], named: Named
) -> Change | None:
    """What of the sentence stands in the place of something else of the caption sentence that it follows most."""
    others = [
        other
        for other in dict.fromkeys(o for unit in units for o in named(unit.text))
        if not any(is_same(entity, other) or is_same(other, entity) for entity in entities)
    ]
    spelled = [*names, *(other.aliases | {name_key(other.mention)} for other in others)]
    known = [*entities, *others]

    def alike(one: str, other: str) -> bool:
        a, b = int(one[1:]), int(other[1:])
        return known[a].kind is known[b].kind or max(a, b) < len(entities)

    found = best_alignment(read(sentence, spelled), [read(unit.text, spelled) for unit in units], alike).changes
    return max(found, key=lambda change: (change.is_firm, change.is_exchange), default=None)


def _is_explained(change: Change, said: Reading, units: Sequence[Reading]) -> bool:
    """Whether a change leaves the sense: the effect of a loss turned into that of what was lost; who binds whom."""
    if change.is_effect:
        return turns_on_loss(said, units)
    return change.is_exchange and are_bound(change.items, said, units)


def _coverage(words: frozenset[str], units: Sequence[Reading]) -> float:
    """The share of a sentence's words that the units have."""
    if not words:
        return 1.0
    return sum(any(word in unit.items for unit in units) for word in words) / len(words)


MAX_UNITS = 3
"""Caption sentences that one sentence may draw on."""


def _best_units(said: Reading, units: Sequence[Reading]) -> list[Reading]:
    """The caption sentences that together have most of the sentence: each adds two items, or is the first."""
    chosen: list[Reading] = []
    left = set(said.items)
    for _ in range(MAX_UNITS):
        unit = max(units, key=lambda u: len(left & u.items))
        gained = left & unit.items
        if len(gained) < (2 if chosen else 1):
            break
        chosen.append(unit)
        left -= gained
    return chosen


def _nearby(
    sentence: str, names: Sequence[frozenset[str]], entities: Sequence[Entity], units: Sequence[Reading]
) -> tuple[float, str | None]:
    """How much of a clause stands in one clause of a caption with the name or number of it that has least, and which.

    Measured by what the caption sentence that has most of it has.
    """
    least, scattered = 1.0, None
    parts = [read(part, names).items for unit in units for part in _clauses(unit.text)]
    for clause in _clauses(sentence):
        part = read(clause, names)
        marks = {item for item in part.items if item.startswith("=") or item.isdigit()}
        context = part.content | marks
        for mark in sorted(marks):
            others = context - {mark}
            if not others:
                continue
            best = max((len(others & unit.items) for unit in units), default=0)
            most = max((len(others & items) for items in parts if mark in items), default=0)
            share = most / best if best else 0.0
            if share < least:
                least, scattered = share, entities[int(mark[1:])].mention if mark.startswith("=") else mark
    return least, scattered


_CLAUSE = re.compile(r"[;:]\s|,?\s(?:whereas|while|although|but)\s")
_FRAME = re.compile(
    r"(?:In|At|On|Under|Upon|During|After|Before|With|Without|Within|When|Following|For|From)\s[^,;:]{1,80},"
)


def _clauses(sentence: str) -> list[str]:
    """The clauses of a sentence, each with what the sentence sets before all of them ("In fibroblasts, …")."""
    frame = _FRAME.match(sentence)
    first, *others = [clause for clause in _CLAUSE.split(sentence) if clause.strip()] or [""]
    return [first, *(f"{frame.group()} {clause}" if frame else clause for clause in others)]
