"""What was searched for, in parts, and the question that is asked with one of them taken away.

Pure. A part is cut out of the words that were searched for; conditions are taken out of the filters, which then hold
as they were understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pfocr_chat.answers import Answer
from pfocr_chat.lexicon import STOPWORDS, atom_spans, atoms, name_key
from pfocr_chat.organisms import find_organisms
from pfocr_chat.queries import Filters, Intent, Query

ALL_FIGURES = "All figures"
"""What is asked where conditions are all that is left."""

_JOINS = r"(?:and/or|and|or|nor|,|/|&|plus)"
_JOINED_NEXT = re.compile(rf"\s*{_JOINS}\s+", re.IGNORECASE)
_LEADS = re.compile(
    rf"(?:(?:^|\s+)(?:{_JOINS}|but|not|no|without|except|excluding|neither|to|with|by|in|of|on|for|from|between|about"
    r"|via|through|against|into|than|the|an?|any)|,|/)+\s*$",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"^[-‐-―−][^\W\d_]+")
""" "-mediated", which goes with the name before it."""
_PAIR = re.compile(r"\b(?:both|either|neither)\s+", re.IGNORECASE)
_EMPTY = rf"(?:(?:{'|'.join(sorted(STOPWORDS))})\b\s*)"
_EMPTY_ENDS = re.compile(rf"^\W*{_EMPTY}+|(?:\s+{_EMPTY}+)?[ ?.!]*$", re.IGNORECASE)
"""Words at the beginning and the end of a question that say nothing of what it is about."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was searched for: what joins it to those before it, and what it is called.

    ``question`` and ``filters`` ask for the same without it; ``question`` is ``None`` where nothing would be left.
    """

    joint: str
    label: str
    question: str | None = None
    filters: Filters = field(default_factory=Filters)


def parts_of(answer: Answer) -> tuple[Part, ...]:
    """The parts of an answer's query: what is named first, then its conditions; none where figures were named."""
    query = answer.query
    if query is None or query.intent in (Intent.CHAT, Intent.LOOKUP, Intent.SIMILAR) or query.figids:
        return ()
    parts = (*_named(query), *_conditions(query))
    if answer.table is None:
        return parts
    by = f", by {answer.table.facet.label}?"
    return tuple(replace(p, question=p.question.rstrip("?") + by if p.question else None) for p in parts)


def question_without(query: Query, keys: Iterable[str]) -> str | None:
    """The words that were searched for with names or words cut out, each in the form of ``name_key``.

    ``None`` where nothing is left that could be searched for.
    """
    text = query.text
    for key in keys:
        text = _cut(text, key)
    text = _without_rest(text, query.filters.organisms)
    if query.intent is Intent.RELATION:
        text = _EMPTY_ENDS.sub("", text)
    text = re.sub(r"\s+(?=[?.!,;:])", "", " ".join(text.split()).strip(" ,;"))
    if all(atom in STOPWORDS for atom in atoms(text)):
        return ALL_FIGURES if query.intent.is_list and query.filters else None
    return text[0].upper() + text[1:] if query.intent.is_list else text


def _named(query: Query) -> Iterator[Part]:
    """Names, words, and what is excluded."""
    for group in query.groups:
        for place, entity in enumerate(group):
            yield _part(query, "or" if place else "and", str(entity), entity.mention)
    for word in query.other_words:
        yield _part(query, "and", f"“{as_typed(query.text, word)}”", word)
    for entity in query.excluded:
        yield _part(query, "not", str(entity), entity.mention)
    for word in query.excluded_words:
        yield _part(query, "not", f"“{as_typed(query.text, word)}”", word)


def _part(query: Query, joint: str, label: str, typed: str) -> Part:
    return Part(joint, label, question_without(query, [name_key(typed)]), query.filters)


def _conditions(query: Query) -> Iterator[Part]:
    """The conditions that hold, each kind of year together, every name of the others on its own."""
    held = query.filters
    if held.year_from is not None or held.year_to is not None:
        years = Filters(year_from=held.year_from, year_to=held.year_to)
        rest = replace(held, year_from=None, year_to=None)
        yield Part("", str(years), _asked(query, rest), rest)
    for name in (f for f in Filters.__dataclass_fields__ if not f.startswith("year")):
        values: tuple[str, ...] = getattr(held, name)
        for value in {value.casefold(): value for value in values}.values():
            others: dict[str, Any] = {name: tuple(v for v in values if v.casefold() != value.casefold())}
            alone: dict[str, Any] = {name: (value,)}
            rest = replace(held, **others)
            organism = value if name == "organisms" else None
            yield Part("", str(Filters(**alone)), _asked(query, rest, organism), rest)


def _asked(query: Query, rest: Filters, organism: str | None = None) -> str | None:
    """What to ask where ``rest`` are the conditions; an organism's names leave the words too."""
    keys = []
    if organism:
        found = find_organisms(query.text, [organism])
        keys = [name_key(query.text[span.start : span.end]) for span in found if span.name == organism]
    return question_without(replace(query, filters=rest), keys)


def _cut(text: str, key: str) -> str:
    """The text without what has this key, and without the words that join it to others."""
    while found := _find(text, key):
        before, after = text[: found[0]], _SUFFIX.sub("", text[found[1] :])
        if joined := _JOINED_NEXT.match(after):
            after = " " + after[joined.end() :]
        else:
            before = _LEADS.sub("", before)
        before = _PAIR.sub("", before)
        text = f"{before.rstrip()} {after.lstrip()}"
    return text


def _find(text: str, key: str) -> tuple[int, int] | None:
    """Where the text has the key, word for word."""
    wanted, spans = key.split(), list(atom_spans(text))
    for at in range(len(spans) - len(wanted) + 1 if wanted else 0):
        run = spans[at : at + len(wanted)]
        start, end = run[0][1], run[-1][2]
        inside = text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()
        if [atom for atom, _, _ in run] == wanted and not inside:
            return start, end
    return None


def as_typed(text: str, key: str) -> str:
    """What the text has for a word in normalised form."""
    found = _find(text, key)
    return text[found[0] : found[1]] if found else key


def _without_rest(text: str, organisms: tuple[str, ...]) -> str:
    """A follow-up is searched for with the words of the turn before it; its own, where they say nothing, go.

    So do names of ``organisms`` in them, which hold as conditions.
    """
    head, mark, tail = text.rpartition("?")
    said = tail
    for span in find_organisms(tail, organisms):
        if span.name in organisms:
            said = said.replace(tail[span.start : span.end], "")
    return head + mark if mark and head and all(atom in STOPWORDS for atom in atoms(said)) else text
