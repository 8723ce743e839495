"""Counting figures by a facet: which breakdown a question asks for, and the table that answers it.

A question asks for a breakdown where it counts figures ("by year", "which genes appear most often with
SMAD4"). One that asks how things act on each other ("which genes does p53 activate"), or about one
record ("which genes are in PMC123"), does not. All repetitions of the patterns are bounded, so that the time
taken grows with the length of the question.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pfocr_chat.catalog import Catalog
from pfocr_chat.citations import KEY
from pfocr_chat.journals import title_words
from pfocr_chat.lexicon import STOPWORDS
from pfocr_chat.organisms import canonical
from pfocr_chat.records import FIGID_PATTERN


class Facet(StrEnum):
    """What figures can be counted by; genes and the like are those printed as a symbol or a synonym."""

    YEAR = "year"
    JOURNAL = "journal"
    ORGANISM = "organism"
    GENE = "gene"
    CHEMICAL = "chemical"
    DISEASE = "disease"
    PAPER = "paper"
    FIGTYPE = "figtype"

    @property
    def label(self) -> str:
        """A word for people."""
        return "figure type" if self is Facet.FIGTYPE else self.value


# Counting


@dataclass(frozen=True, slots=True)
class FacetRow:
    """One value of a facet, how many figures have it, and which, in the order in which they were given."""

    label: str
    figures: int
    figids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FacetTable:
    """How many figures have each value of a facet.

    Years go up; other rows have the largest number first. ``total`` is the number of figures
    counted and ``without`` of those for which no value is known. A figure with several values, such
    as genes, stands in several rows, so that these may add up to more than ``total``.
    """

    facet: Facet
    rows: tuple[FacetRow, ...]
    without: int
    total: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = [{"label": r.label, "figures": r.figures, "figids": list(r.figids)} for r in self.rows]
        return {"facet": self.facet.value, "total": self.total, "without": self.without, "rows": rows}

    def to_markdown(self, limit: int = 20) -> str:
        """A table in Markdown with at most ``limit`` values: the first, or of years the last ones."""
        rows = [f"| {_in_cell(row.label)} | {row.figures:,} |" for row in self.rows]
        left_out = len(rows) - limit
        if left_out > 0:
            more = f"| … and {left_out:,} more |  |"
            rows = [more, *rows[left_out:]] if self.facet is Facet.YEAR else [*rows[:limit], more]
        if self.without:
            rows.append(f"| not known | {self.without:,} |")
        return "\n".join([f"| {self.facet.label} | figures |", "| :--- | ---: |", *rows]) + "\n"


def count_facet(
    facet: Facet, figids: Sequence[str], catalog: Catalog, *, leave_out: Collection[str] = ()
) -> FacetTable:
    """The figures counted by a facet; figids that the index does not have are not counted.

    Spellings of a journal or an organism are counted together, under the commonest spelling of the
    journal and the one name of the organism. ``leave_out`` holds values, letter case aside, that get no
    row, such as the genes asked about; a figure that has no other is not one whose value is not known.
    """
    recorded = catalog.facet_counts(facet, figids)
    refused = {name.casefold() for name in leave_out}
    merged = _merged(facet, {value: found for value, found in recorded.items() if value is not None})
    known = {figid for found in merged.values() for figid in found}
    total = known.union(*recorded.values())
    rows = [FacetRow(label, len(found), found) for label, found in merged.items() if label.casefold() not in refused]
    if facet is Facet.YEAR:
        rows.sort(key=lambda row: int(row.label))
    else:
        rows.sort(key=lambda row: (-row.figures, row.label.casefold(), row.label))
    return FacetTable(facet, tuple(rows), len(total) - len(known), len(total))


def _merged(facet: Facet, recorded: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """The figures by label, where recorded values that are the same are one."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for value in recorded:
        if value.strip():
            spellings[_same(facet, value)].append(value)
    merged = {}
    for values in spellings.values():
        commonest = min(values, key=lambda value: (-len(recorded[value]), value))
        label = _organism(commonest) if facet is Facet.ORGANISM else " ".join(commonest.split())
        found = recorded[commonest] if len(values) == 1 else _together([recorded[value] for value in values])
        merged[label] = found
    return merged


def _same(facet: Facet, value: str) -> str:
    """What the spellings of a value have in common; names of genes and substances are as the catalog has them."""
    match facet:
        case Facet.JOURNAL:
            return title_words(value) or value.casefold()
        case Facet.ORGANISM:
            return _organism(value).casefold()
    return " ".join(value.split())


def _organism(name: str) -> str:
    return canonical(name) or " ".join(name.split())
