"""What an index holds, in short, and questions that it answers: what a visitor is shown first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import TYPE_CHECKING

from pfocr_chat.records import FigureRecord, Kind, Tier
from pfocr_chat.tables import Facet, FacetRow, FacetTable

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

EXAMPLES = 10
LOOKED_AT = 40
"""Of the commonest genes, so many are looked at for good examples."""
TRIED = 5
"""Figures that are read to see how a name is printed."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The numbers of an index, its organisms with the numbers of their figures, and examples of questions.

    ``years`` are the first and the last year of publication.
    """

    figures: int
    papers: int
    genes: int
    years: tuple[int, int] | None
    organisms: tuple[tuple[str, int], ...]
    examples: tuple[str, ...]


NOTHING = Overview(0, 0, 0, None, (), ())


def overview_of(assistant: Assistant) -> Overview:
    """What the assistant's index holds; the same index always gives the same examples."""
    years = [int(row.label) for row in assistant.count(Facet.YEAR).rows if row.label.isdecimal()]
    organisms = assistant.count(Facet.ORGANISM)
    genes = assistant.count(Facet.GENE)
    return Overview(
        figures=assistant.status().figures,
        papers=len(assistant.count(Facet.PAPER).rows),
        genes=len(genes.rows),
        years=(min(years), max(years)) if years else None,
        organisms=tuple((row.label, row.figures) for row in organisms.rows),
        examples=tuple(islice(dict.fromkeys(_examples(assistant, genes, organisms)), EXAMPLES)),
    )


def _examples(assistant: Assistant, genes: FacetTable, organisms: FacetTable) -> Iterator[str]:
    """Questions of different kinds that figures of the index answer, each made of what these figures print."""
    named = [row for row in genes.rows[:LOOKED_AT] if _is_printed(assistant, row, Kind.GENE)]
    first, second = _most_together(combinations(named, 2)) or (None, None)
    if first and second:
        yield f"Which figures show both {first.label} and {second.label}?"
    yield from _about_chemicals(assistant, named)
    if top := first or next(iter(named), None):
        yield f"How many figures show {top.label}, by year?"
        yield f"Which genes appear most often with {top.label}?"
    if first and second and set(first.figids) - set(second.figids):
        yield f"Which figures show {first.label} but not {second.label}?"
    other = next((row for row in organisms.rows if row.label != "Homo sapiens" and " " in row.label), None)
    if other and (year := min(_years(assistant, other.figids[:50]), default=None)):
        yield f"All {other.label} figures since {year}"
    yield from _about_one(assistant, first, genes)


def _about_chemicals(assistant: Assistant, genes: list[FacetRow]) -> Iterator[str]:
    """A relation of a chemical to a gene that figures print beside it, and a list for another chemical."""
    found = assistant.count(Facet.CHEMICAL).rows[:LOOKED_AT]
    chemicals = [row for row in found if _is_printed(assistant, row, Kind.CHEMICAL)]
    chemical, gene = _most_together(product(chemicals, genes)) or (None, None)
    if chemical and gene:
        yield f"How does {chemical.label.lower()} act on {gene.label}?"
    if other := next((row for row in chemicals if row is not chemical), None):
        yield f"Which figures show {other.label.lower()}?"


def _most_together(pairs: Iterable[tuple[FacetRow, FacetRow]]) -> tuple[FacetRow, FacetRow] | None:
    """The two that most figures show, where any figure shows both."""
    shared = ((len(set(a.figids) & set(b.figids)), a, b) for a, b in pairs)
    best = max(shared, key=lambda found: found[0], default=None)
    return best[1:] if best and best[0] else None


def _about_one(assistant: Assistant, row: FacetRow | None, genes: FacetTable) -> Iterator[str]:
    """What a figure shows, which are like it, and which have most of its genes."""
    figids = (row or genes.rows[0]).figids if genes.rows else ()
    record = next((r for figid in figids if (r := assistant.record(figid)) and r.title and r.caption), None)
    if record is None:
        return
    yield f"What does {record.figid} show?"
    yield f"Which figures are most like {record.figid}?"
    printed = sorted(record.printed(Kind.GENE))[:5]
    if len(printed) > 2:
        yield f"Which figures cover most of {', '.join(printed)}?"


def _is_printed(assistant: Assistant, row: FacetRow, kind: Kind) -> bool:
    """Whether figures print the name itself: many an alias is read off a picture by mistake."""
    records = [record for figid in row.figids[:TRIED] if (record := assistant.record(figid))]
    return len(row.label) > 2 and bool(records) and all(_prints(record, row.label, kind) for record in records)


def _prints(record: FigureRecord, name: str, kind: Kind) -> bool:
    return any(m.name == name and m.tier is Tier.SYMBOL for m in record.mentions_of(kind))


def _years(assistant: Assistant, figids: tuple[str, ...]) -> list[int]:
    return [record.year for figid in figids if (record := assistant.record(figid)) and record.year]
