"""The parts of an answer that code writes: what was counted, why there is none, and what was not taken as typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce

from pfocr_chat.answers import Evidence
from pfocr_chat.citations import render_keys
from pfocr_chat.generator import name_in_markdown, plain_markdown, quoted_markdown
from pfocr_chat.queries import Entity, Hit, Listing, Query, counted, joined
from pfocr_chat.tables import FacetTable, facet_lead

SHOWN_ROWS = 20
"""Rows of a count that are shown."""
SHARED_NAMES = 6
"""Genes named that two figures have in common."""
_OTHER_LOGIC = re.compile(r"\b(?:or|not|nor|neither|without|except|excluding)\b", re.IGNORECASE)


def figures_of(count: int, more: str = "") -> str:
    """ "1 figure", "1,200 more figures"."""
    return counted(count, f"{more} figure".lstrip())


def condition_of(query: Query) -> str:
    """The filters in words, to go after "figures"."""
    words = plain_markdown(str(query.filters))
    return f" {words}{',' if ', ' in words else ''}" if words else ""


def facet_text(lead: str, table: FacetTable, *, limit: int | None, number: bool, others: bool) -> str:
    """Markdown: what was counted, after the ``lead`` that says of which figures; their ``number`` where it was asked
    for, of ``others`` where the names asked about have no row."""
    if not table.rows:
        return f"{lead}. No {table.facet.label} is known of {'it' if table.total == 1 else 'them'}."
    total = f" ({facet_lead(table, others=others)})" if number else ""
    return f"{lead}, by {table.facet.label}{total}:\n\n{table.to_markdown(limit or SHOWN_ROWS)}"


def list_lead(query: Query, chosen: Sequence[str], shown: int, listing: Listing, *, narrowed: bool) -> str:
    """The counted part of an answer to a question for a list or a count; "" for any other question."""
    if not query.intent.is_list:
        return ""
    one = len(chosen) == 1
    counted, condition = f"**{figures_of(len(chosen))}**", condition_of(query)
    if listing and query.entities:
        lead = f"{counted}{condition} {'shows' if one else 'show'} {all_of(query, with_words=narrowed)}"
    elif listing and (query.excluded or query.excluded_words) and not query.other_words:
        lead = f"{counted}{condition} {'does' if one else 'do'} not show {joined(_refused(query), 'or')}"
    elif listing and not query.other_words and not query.filters:
        lead = f"{counted} {'is' if one else 'are'} in the index"
    elif listing:
        lead = f"{counted}{condition} {'matches' if one else 'match'} {all_of(query)}".rstrip() + _strength(listing)
    else:
        missing = f"shows {all_of(query)}" if len(query.groups) > 1 else "has all of these words"
        lead = f"No figure{condition} {missing}; {counted} {'is' if one else 'are'} close in meaning"
    if query.ignored:
        lead += f", leaving aside {joined([f'“{plain_markdown(words)}”' for words in query.ignored], 'and')}"
    return f"{lead}{f'; the first {shown}' if len(chosen) > shown else ''}:\n\n"


def _strength(listing: Listing) -> str:
    """How many of the figures found for a topic are about it, where some only mention it."""
    mentioning = len(listing) - (listing.strong or 0)
    if not listing.strong or not mentioning:
        return ""
    one = listing.strong == 1
    return (
        f", {listing.strong:,} of them strongly ({'its' if one else 'their'} title or {'its' if one else 'the'} paper's"
        f" says so), while {mentioning:,} more mention{'s' if mentioning == 1 else ''} it"
    )


def similar_lead(one: Hit, hits: Sequence[Evidence]) -> str:
    """Markdown: the figures most like one, each with what they have in common and its key."""
    lines = []
    for item in hits:
        shared = [match.name for match in item.hit.matches]
        names = joined(
            [*shared[:SHARED_NAMES], *([f"{len(shared) - SHARED_NAMES} more"] if shared[SHARED_NAMES:] else [])], "and"
        )
        why = f"both print {quoted_markdown(names)}" if shared else "similar in meaning"
        lines.append(f"- *{name_in_markdown(item.record)}*: {why} {render_keys([item.key])}")
    return f"The figures most like *{name_in_markdown(one.record)}* ({one.figid}):\n\n" + "\n".join(lines)


def reading_notes(query: Query) -> Iterator[str]:
    """What was not taken as it was typed."""
    yield from (f"“{typed}” was read as “{read}”." for typed, read in query.corrections)
    if query.unknown:
        yield f"No figure in the index names {either(query.unknown)}."
    yield from (f"“{words}” could not be used as a condition." for words in query.ignored)
    yield from (
        f"The question asks for figures {words}; the conditions set beside it hold instead."
        for words in query.contradicted
    )


def list_notes(query: Query, listing: Listing, *, narrowed: bool) -> Iterator[str]:
    """How a list was chosen, where the question could be taken to ask for another one."""
    yield from reading_notes(query)
    if listing and query.entities and query.other_words and not narrowed:
        yield (
            f"The list holds every figure that shows {all_of(query)};"
            f" {joined(query.other_words, 'and')} only ranked it."
        )
    logic = len(query.groups) < len(query.entities) or query.excluded or query.excluded_words
    used = reduce(lambda text, words: text.replace(words, " "), query.ignored, query.question)
    if listing and not logic and query.other_words and _OTHER_LOGIC.search(used):
        yield "All words were taken together: alternatives and exclusions (“or”, “not”) work between names."
    yield from weaker_note(listing)


def weaker_note(listing: Listing) -> Iterator[str]:
    """That some figures print no more than a family."""
    if listing.weaker:
        prints = "prints" if len(listing.weaker) == 1 else "print"
        more = " more" if listing else ""
        yield f"{figures_of(len(listing.weaker), more)} only {prints} a family that a gene asked for belongs to."


def partly_note(parts: Sequence[tuple[Query, int]]) -> Iterator[str]:
    """How many figures show a part of what was asked for, where none shows all of it."""
    told = [f"{count:,} {'shows' if count == 1 else 'show'} {all_of(part)}" for part, count in parts]
    if told:
        yield f"Of the figures{condition_of(parts[0][0])}, {joined(told, 'and')}."


def all_of(query: Query, *, with_words: bool = False) -> str:
    """The names asked for, in words: "both A and B", "A and one of B and C, without D"."""
    labels = [_one_of(group) for group in query.groups]
    names = ("both " if len(labels) == 2 and all(len(g) == 1 for g in query.groups) else "") + joined(labels, "and")
    words = [f"“{plain_markdown(word)}”" for word in query.other_words] if with_words else []
    without = joined(_refused(query), "or")
    also = joined(words, "and")
    parts = [names, f"with {also}" if names and also else also, f"without {without}" if without else ""]
    return " ".join(part for part in parts if part)


def _refused(query: Query) -> list[str]:
    """What the question excludes, in words."""
    names = [plain_markdown(entity.mention) for entity in query.excluded]
    return names + [f"“{plain_markdown(word)}”" for word in query.excluded_words]


def _one_of(group: Sequence[Entity]) -> str:
    return joined([plain_markdown(entity.mention) for entity in group], "or")


def either(names: Sequence[str]) -> str:
    """Names that stand for text, in words."""
    return plain_markdown(joined(names, "or"))
