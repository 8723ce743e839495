"""What records say in words: their sentences, and which names and numbers of a sentence they have or lack.

Pure: works on text, records and a callable that knows names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from pfocr_chat.effects import stem
from pfocr_chat.lexicon import STOPWORDS, atoms, contains, name_key, says, spaced
from pfocr_chat.numbers import QUANTITY, Number, numbers_in
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord, Tier
from pfocr_chat.sentences import split_sentences

Named = Callable[[str], Sequence[Entity]]
"""What the corpus knows a text to name."""


# The record's text


REFERS_BACK = re.compile(r"(?:It|Its|This|These|That|They|Their|Those|Such|Here|Both|Then|The (?:latter|former))\b")


@lru_cache(maxsize=512)
def sentences_of(record: FigureRecord, *, joined: bool = True) -> tuple[str, ...]:
    """The sentences of title and caption; where ``joined``, one that refers back has the sentence before it with it."""
    units = [text for text in (record.title, record.paper_title) if text]
    before = record.title or ""
    for sentence in split_sentences(record.caption or ""):
        units.append(f"{before} {sentence}" if joined and before and REFERS_BACK.match(sentence) else sentence)
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


def names_of(
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
                others = [e for record in records for text in sentences_of(record) for e in named(text)]
            alike = [other for other in others if is_same(entity, other)]
            spellings |= {spelling for other in alike for spelling in (*other.aliases, name_key(other.mention))}
            if not alike and not _is_printed(entity, records) and not _is_said(entity, records):
                missing.append(entity)
        names.append(frozenset(spellings))
    return names, missing


_MATERIAL = frozenset("DNA RNA mRNA mtDNA dsDNA ssDNA dsRNA ssRNA microRNA miRNA siRNA tRNA rRNA cDNA".split())


def is_common(entity: Entity, sentence: str) -> bool:
    """Whether its mention is a common word, which a writer may use where the figure has another."""
    word = entity.mention
    lowered = word[:1].lower() + word[1:] if sentence.startswith(word) else word
    return word in _MATERIAL or (lowered.islower() and lowered.replace(" ", "").replace("-", "").isalpha())


def widened(
    names: Sequence[frozenset[str]], entities: Sequence[Entity], texts: Sequence[str], named: Named
) -> list[frozenset[str]]:
    """The spellings of each entity, with those that texts have for it and the lexicon alone does not give."""
    others = [other for text in texts for other in named(text)]
    return [
        spellings.union(*({*o.aliases, name_key(o.mention)} for o in others if is_same(entity, o)))
        for spellings, entity in zip(names, entities, strict=True)
    ]


def is_same(entity: Entity, other: Entity) -> bool:
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


def missing_word(sentence: str, entities: Sequence[Entity], records: Sequence[FigureRecord]) -> str | None:
    """A word that is written as a name, is of no entity the corpus knows, and stands in none of the records."""
    known = {atom for entity in entities for atom in atoms(entity.mention)}
    texts = [_printed_text(record) for record in records]
    raw = " ".join(filter(None, (text for record in records for text in (record.title, record.caption))))
    for word in (found.group() for found in _WORD.finditer(sentence)):
        inner = any(c.isupper() for c in word[1:]) or (
            any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        )
        if not inner or word in raw or word in _MATERIAL or QUANTITY.fullmatch(word):
            continue
        for part in _JOINT.split(word):
            pieces = atoms(part)
            is_known = set(pieces) <= known or part.lower() in STOPWORDS or part.islower()
            if not is_known and not any(says(t, " ".join(pieces)) or contains(t.split(), atoms(word)) for t in texts):
                return word
    return None


# Numbers


def missing_number(sentence: str, entities: Sequence[Entity], records: Sequence[FigureRecord]) -> Number | None:
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
    return (*sentences_of(record), record.number or "", str(record.year or ""), record.reference or "")
