"""Checking what a sentence says against the figures it cites: names, numbers, who acts on whom, and how.

Pure: works on text, records and two callables; calls no language model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pfocr_chat.effects import BINDING, REGULATION, SYMMETRIC, stem
from pfocr_chat.lexicon import STOPWORDS, atoms, contains, name_key, says, spaced
from pfocr_chat.numbers import QUANTITY, Number, numbers_in
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord, Tier
from pfocr_chat.relations import Reading, Relation, read
from pfocr_chat.sentences import split_sentences

Named = Callable[[str], Sequence[Entity]]
"""What the corpus knows a text to name."""
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
        return Verification(Support.UNSUPPORTED, "the cited figure is about something else")
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
    alone = bool(_REFERS_BACK.match(plain))
    texts = tuple(text for record in records for text in _units(record, joined=not alone))
    if not texts:
        return Findings(fault="the cited figure has no text")
    entities = tuple(named(plain))
    names, missing = _names_of(entities, records, named)
    unnamed = next((e.mention for e in missing if not _is_common(e, plain)), None) or _missing_word(
        plain, entities, records
    )
    if unnamed:
        return Findings(fault=f"the cited figure does not name {unnamed}")
    said = read(plain, names)
    units = [read(text, names) for text in texts]
    best = _best_units(said, units)
    if any(item not in unit.items for unit in best[:1] for item in said.items if item.startswith("=")):
        names = _widened(names, entities, [unit.text for unit in best], named)
        said, units = read(plain, names), [read(text, names) for text in texts]
        best = _best_units(said, units)
    if not said.relations:
        # What a figure prints names its parts, but relates none of them.
        tables = read(
            "; ".join(word for record in records for m in record.mentions for word in (m.word, m.name)), names
        )
        units, best = [*units, tables], [*best, tables]
    number = _missing_number(plain, entities, records)
    disagreement = _compare(said, units, best)
    faults = [f"the number {number.written} is not in the figure"] if number and not number.in_words else []
    gaps = [f"the cited figure does not name {entity.mention}" for entity in missing]
    # Who writes counts what a figure shows ("two routes"), and the figure need not.
    gaps += [f"the number {number.written} is not in the figure"] if number and number.in_words else []
    if disagreement:
        (faults if disagreement.is_fault else gaps).append(disagreement.text)
    turned = _turned(said, best)
    gaps += [turned] if turned else []
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


# The record's text


_KEY = re.compile(r"\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
_REFERS_BACK = re.compile(r"(?:It|Its|This|These|That|They|Their|Those|Such|Here|Both|Then|The (?:latter|former))\b")


@lru_cache(maxsize=512)
def _units(record: FigureRecord, *, joined: bool = True) -> tuple[str, ...]:
    """The sentences of title and caption; where ``joined``, one that refers back has the sentence before it with it."""
    units = [text for text in (record.title, record.paper_title) if text]
    before = record.title or ""
    for sentence in split_sentences(record.caption or ""):
        units.append(f"{before} {sentence}" if joined and before and _REFERS_BACK.match(sentence) else sentence)
        before = sentence
    return tuple(units)


@lru_cache(maxsize=512)
def _text_of(record: FigureRecord) -> str:
    extra = [*record.organisms, *record.keywords, record.number, record.journal, str(record.year or "")]
    return spaced(record.title, record.caption, record.paper_title, *extra)


@lru_cache(maxsize=512)
def _printed_text(record: FigureRecord) -> str:
    return _text_of(record) + spaced(*(text for m in record.mentions for text in (m.word, m.name)))


# Names


def _names_of(
    entities: Sequence[Entity], records: Sequence[FigureRecord], named: Named
) -> tuple[list[frozenset[str]], list[Entity]]:
    """For each entity the spellings by which sentence and records name it, and those that they do not name."""
    others: list[Entity] | None = None
    names: list[frozenset[str]] = []
    missing = []
    for entity in entities:
        spellings = entity.aliases | {name_key(entity.mention)}
        if not any(says(_text_of(record), alias) for record in records for alias in spellings):
            if others is None:
                others = [e for record in records for text in _units(record) for e in named(text)]
            alike = [other for other in others if _is_same(entity, other)]
            spellings |= {spelling for other in alike for spelling in (*other.aliases, name_key(other.mention))}
            if not alike and not _is_printed(entity, records) and not _is_said(entity, records):
                missing.append(entity)
        names.append(frozenset(spellings))
    return names, missing


_MATERIAL = frozenset("DNA RNA mRNA mtDNA dsDNA ssDNA dsRNA ssRNA microRNA miRNA siRNA tRNA rRNA cDNA".split())


def _is_common(entity: Entity, sentence: str) -> bool:
    """Whether its mention is a common word, which a writer may use where the figure has another."""
    word = entity.mention
    lowered = word[:1].lower() + word[1:] if sentence.startswith(word) else word
    return word in _MATERIAL or (lowered.islower() and lowered.replace(" ", "").replace("-", "").isalpha())


def _widened(
    names: Sequence[frozenset[str]], entities: Sequence[Entity], texts: Sequence[str], named: Named
) -> list[frozenset[str]]:
    """The spellings of each entity, with those that texts have for it and the lexicon alone does not give."""
    others = [other for text in texts for other in named(text)]
    return [
        spellings.union(*({*o.aliases, name_key(o.mention)} for o in others if _is_same(entity, o)))
        for spellings, entity in zip(names, entities, strict=True)
    ]


def _is_same(entity: Entity, other: Entity) -> bool:
    """Whether what a record names is the entity: the same, or a member of the family that the sentence names."""
    if entity.kind is not other.kind:
        return False
    if entity.is_family == other.is_family:
        return bool(entity.keys & other.keys) or (not entity.is_family and bool(set(entity.names) & set(other.names)))
    return entity.is_family and set(other.names) <= set(entity.names)


def _is_printed(entity: Entity, records: Sequence[FigureRecord]) -> bool:
    """Whether a record's tables have it."""
    wanted = set(entity.names)
    return any(
        m.kind is entity.kind and m.name in wanted and (m.tier is not Tier.FAMILY or entity.is_family)
        for record in records
        for m in record.mentions
    )


def _is_said(entity: Entity, records: Sequence[FigureRecord]) -> bool:
    """Whether another form of words that are its name stands in a record ("inflammation", "inflammatory"), or each
    name of a list that was read as one."""
    stems = {stem(atom) for record in records for atom in _printed_text(record).split()}
    is_list = ", " in entity.mention
    return (is_list or entity.mention.islower()) and all(stem(atom) in stems for atom in atoms(entity.mention))


_WORD = re.compile(r"[^\W_]+(?:[-‐-―−/][^\W_]+)*")
_JOINT = re.compile(r"[-‐-―−/]")


def _missing_word(sentence: str, entities: Sequence[Entity], records: Sequence[FigureRecord]) -> str | None:
    """A word that is written as a name, is of no entity the corpus knows, and stands in none of the records."""
    known = {atom for entity in entities for atom in atoms(entity.mention)}
    texts = [_printed_text(record) for record in records]
    raw = " ".join(filter(None, (text for record in records for text in (record.title, record.caption))))
    for word in (found.group() for found in _WORD.finditer(sentence)):
        inner = any(c.isupper() for c in word[1:]) or (
            any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        )
        if not inner or word in raw or QUANTITY.fullmatch(word):
            continue
        for part in _JOINT.split(word):
            pieces = atoms(part)
            is_known = set(pieces) <= known or part.lower() in STOPWORDS or part.islower()
            if not is_known and not any(says(t, " ".join(pieces)) or contains(t.split(), atoms(word)) for t in texts):
                return word
    return None


# Numbers


def _missing_number(sentence: str, entities: Sequence[Entity], records: Sequence[FigureRecord]) -> Number | None:
    """A number that no record has with its unit."""
    known = [atoms(entity.mention) for entity in entities]
    stated = [number for record in records for text in _with_facts(record) for number in numbers_in(text)]
    for number in numbers_in(sentence):
        if any(number.value in mention for mention in known):
            continue
        same = [other.unit for other in stated if other.value == number.value]
        if not same or (number.unit and number.unit not in same):
            return number
    return None


def _with_facts(record: FigureRecord) -> tuple[str, ...]:
    return (*_units(record), record.number or "", str(record.year or ""), record.reference or "")


# Words


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
    """How much of a clause stands in one caption sentence with the name or number of it that has least, and which.

    Measured by what the sentence that has most of the clause has.
    """
    least, scattered = 1.0, None
    for clause in _clauses(sentence):
        part = read(clause, names)
        marks = {item for item in part.items if item.startswith("=") or item.isdigit()}
        context = part.content | marks
        for mark in sorted(marks):
            others = context - {mark}
            if not others:
                continue
            shares = [(len(others & unit.items) / len(others), mark in unit.items) for unit in units]
            best = max((share for share, _ in shares), default=0.0)
            share = max((share for share, has_it in shares if has_it), default=0.0) / best if best else 0.0
            if share < least:
                least, scattered = share, entities[int(mark[1:])].mention if mark.startswith("=") else mark
    return least, scattered


_CLAUSE = re.compile(r"[;:]\s|,?\s(?:whereas|while|although)\s")


def _clauses(sentence: str) -> list[str]:
    return [clause for clause in _CLAUSE.split(sentence) if clause and clause.strip()]


_OPPOSITES = (
    "high low", "higher lower", "more less", "more fewer", "upstream downstream", "early late", "presence absence",
    "active inactive", "positive negative", "open closed", "pro anti", "up down", "strong weak", "wild mutant",
    "sensitive resistant", "with without", "before after", "agonist antagonist", "intracellular extracellular",
    "nucleus cytoplasm", "nuclear cytoplasmic", "apical basal", "import export", "starvation fed",
)  # fmt: skip
_OPPOSITE = {a: b for pair in _OPPOSITES for a, b in (pair.split(), reversed(pair.split()))}


def _turned(said: Reading, units: Sequence[Reading]) -> str | None:
    """A word that is negated where the figure affirms it or the other way round, or stands for its opposite."""
    effects = {stem(relation.word.lower()) for relation in said.relations}
    negated = frozenset().union(*(unit.negated for unit in units))
    affirmed = frozenset().union(*(unit.affirmed for unit in units))
    for word in said.negated - negated - effects:
        if word in affirmed:
            return "says ‘not’ where the figure does not"
    for word in said.affirmed - affirmed - effects:
        if word in negated:
            return "leaves out a ‘not’ of the figure"
    has = {atom for unit in units for atom in atoms(unit.text)}
    for atom in atoms(said.text):
        opposite = _OPPOSITE.get(atom)
        if opposite in has and atom not in has:
            return f"says ‘{atom}’ where the figure says ‘{opposite}’"
    return None


# Relations


@dataclass(frozen=True, slots=True)
class _Disagreement:
    text: str
    is_fault: bool


def _compare(said: Reading, units: Sequence[Reading], best: Sequence[Reading]) -> _Disagreement | None:
    """How the sentence's relations disagree with the figure's: faults before gaps."""
    found = [d for relation in said.relations if (d := _disagreement(relation, units, best))]
    return next((d for d in found if d.is_fault), found[0] if found else None)


def _disagreement(claim: Relation, units: Sequence[Reading], best: Sequence[Reading]) -> _Disagreement | None:
    """How one relation disagrees; a fault only where the sentences do that say most of the same."""
    if not claim.agents and not claim.targets:
        return None
    stated = [relation for unit in units for relation in unit.relations]
    near = {id(relation) for unit in best for relation in unit.relations}
    consistent = max((_same(claim, r) for r in stated if _agrees(claim, r)), default=0)
    opposite = max((r for r in stated if _opposes(claim, r)), key=lambda r: _same(claim, r), default=None)
    if opposite and _same(claim, opposite) > consistent:
        alike = bool(claim.agents & opposite.agents) or not opposite.agents
        text = f"says ‘{_words(claim)}’ where the figure says ‘{_words(opposite)}’"
        return _Disagreement(text, alike and id(opposite) in near)
    exchanged = _exchanged(claim, stated)
    if exchanged:
        text = f"exchanges what acts and what it acts on (‘{_words(exchanged)}’)"
        return _Disagreement(text, id(exchanged) in near)
    if any(_agrees(claim, r) and _fits(claim, r) for r in stated):
        return None
    agents, targets = _entities(claim.agents) or claim.agents, _entities(claim.targets) or claim.targets
    for unit in units:
        meets = (not agents or agents & unit.items) and (not targets or targets & unit.items)
        if meets and any(_agrees(claim, r) and not _is_turned(claim, r) for r in unit.relations):
            return None
    return _Disagreement(f"the figure does not say ‘{_words(claim)}’ of these in one sentence", False)


def _is_turned(claim: Relation, stated: Relation) -> bool:
    """Whether what acts in one is acted on in the other."""
    acting = _entities(claim.agents) & (stated.targets - stated.agents)
    return bool(acting or _entities(claim.targets) & (stated.agents - stated.targets))


def _words(relation: Relation) -> str:
    return f"not {relation.word.lower()}" if relation.negated else relation.word.lower()


def _weight(items: Iterable[str]) -> int:
    """How much items in common count: names three times as much as words."""
    return sum(3 if item.startswith("=") else 1 for item in items)


def _same(claim: Relation, stated: Relation) -> int:
    return _weight(claim.agents & stated.agents) + _weight(claim.targets & stated.targets)


def _agrees(claim: Relation, stated: Relation) -> bool:
    """Whether two relations are of the same kind, direction and negation; "regulates" goes with any."""
    if claim.negated != stated.negated:
        return False
    return claim.sense == stated.sense or (claim.sense.family == REGULATION and stated.sense.family != BINDING)


def _opposes(claim: Relation, stated: Relation) -> bool:
    """Whether they say the opposite of the same target, by agents that may be the same."""
    turned = (claim.sense.sign != stated.sense.sign) != (claim.negated != stated.negated)
    alike = claim.sense.family == stated.sense.family
    agents = bool(claim.agents & stated.agents) or not claim.agents
    shared = claim.targets & stated.targets
    return turned and alike and agents and bool(_entities(shared) if _entities(claim.targets) else shared)


def _exchanged(claim: Relation, stated: Sequence[Relation]) -> Relation | None:
    """The relation by which what the claim acts on acts on what acts in it, where none goes the claim's way."""
    directed = [r for r in stated if r.sense.family not in SYMMETRIC]
    if claim.sense.family in SYMMETRIC:
        return None
    for agent in sorted(_entities(claim.agents - claim.targets)):
        for target in sorted(_entities(claim.targets - claim.agents)):
            if any(agent in r.agents and target in r.targets for r in directed):
                continue
            back = next((r for r in directed if target in r.agents - r.targets and agent in r.targets - r.agents), None)
            if back:
                return back
    return None


def _entities(items: Iterable[str]) -> set[str]:
    return {item for item in items if item.startswith("=")}


def _fits(claim: Relation, stated: Relation) -> bool:
    """Whether both sides have something in common, where both relations name them."""
    agents = not claim.agents or not stated.agents or bool(claim.agents & stated.agents)
    targets = not claim.targets or not stated.targets or bool(claim.targets & stated.targets)
    return agents and targets and _same(claim, stated) > 0
