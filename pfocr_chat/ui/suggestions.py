"""Questions to go on with after an answer, built from it; each is one that the chain understands. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pfocr_chat.answers import Answer
from pfocr_chat.queries import Intent, Query, joined
from pfocr_chat.records import Kind
from pfocr_chat.tables import Facet
from pfocr_chat.ui.parts import as_typed

LIMIT = 4
MANY = 4
"""Figures from which on counting them is of use."""


def follow_ups(answer: Answer, limit: int = LIMIT) -> tuple[str, ...]:
    """Up to ``limit`` questions; none after small talk or an abstention.

    What the answer excludes they exclude in words; the conditions that held are to be set beside them.
    """
    if answer.abstained or answer.query is None or answer.query.intent is Intent.CHAT or not answer.figids:
        return ()
    query = answer.query
    found = _after_one(answer) if query.intent in (Intent.LOOKUP, Intent.SIMILAR) else _after_many(answer, query)
    asked = query.question.casefold().rstrip("?")
    return tuple(q for q in dict.fromkeys(found) if q.casefold().rstrip("?") != asked)[:limit]


def _after_one(answer: Answer) -> Iterator[str]:
    """After a figure was described, or those like it were listed."""
    hits = {hit.figid: hit for hit in answer.hits}
    figid = answer.figids[0]
    if answer.query and answer.query.intent is Intent.SIMILAR:
        yield f"What does {figid} show?"
    else:
        yield f"Which figures are most like {figid}?"
    genes = sorted(hits[figid].record.printed(Kind.GENE)) if figid in hits else []
    if len(genes) > 1:
        yield f"Which figures show both {genes[0]} and {genes[1]}?"
    if genes:
        yield f"Which figures show {genes[0]}?"
        yield f"How many figures show {genes[0]}, by year?"


def _after_many(answer: Answer, query: Query) -> Iterator[str]:
    """After a relation or a list: another name to combine, a figure to look at, a count."""
    names = [joined([entity.mention for entity in group], "or") for group in query.groups]
    refused = [*(e.mention for e in query.excluded), *(as_typed(query.text, word) for word in query.excluded_words)]
    but = f" but not {joined(refused, 'or')}" if refused else ""
    about = f"show {joined(names, 'and')}{but}" if names else ""
    if about and not query.intent.is_list:
        yield f"Which figures {about}?"
    if len(names) == 1 and (other := _common_gene(answer, query)):
        yield f"Which figures show {names[0]} and {other}{but}?"
    counted = answer.table.facet if answer.table else None
    if about and query.intent.is_list and len(answer.figids) >= MANY:
        if counted is not Facet.GENE and len(names) == 1:
            yield f"Which genes appear most often with {names[0]}{but}?"
        if counted is not Facet.YEAR:
            yield f"How many figures {about}, by year?"
        if counted is not Facet.JOURNAL:
            yield f"How many figures {about}, by journal?"
    yield f"What does {answer.figids[0]} show?"
    yield f"Which figures are most like {answer.figids[0]}?"


def _common_gene(answer: Answer, query: Query) -> str | None:
    """The gene that most of the figures looked at print beside what was asked for."""
    asked = {name for entity in (*query.entities, *query.excluded) for name in entity.names}
    found = set(answer.figids)
    counts = Counter(
        gene for hit in answer.hits if hit.figid in found for gene in hit.record.printed(Kind.GENE) if gene not in asked
    )
    best, times = min(counts.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return best if times > 1 else None
