"""The nouns of a count: what figures are counted by, and the table that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_MARKUP = re.compile(r"[\\`*_\[\]<>|~&!#]")


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

    def to_markdown(self, limit: int = 20, *, all_years: bool = True) -> str:
        """A table in Markdown with at most ``limit`` values, but with all years unless these are cut as well."""
        shown = self.rows if self.facet is Facet.YEAR and all_years else self.rows[:limit]
        rows = [f"| {_in_cell(row.label)} | {row.figures:,} |" for row in shown]
        if len(self.rows) > len(shown):
            rows.append(f"| … and {len(self.rows) - len(shown):,} more |  |")
        if self.without:
            rows.append(f"| not known | {self.without:,} |")
        return "\n".join([f"| {self.facet.label} | figures |", "| :--- | ---: |", *rows]) + "\n"


def facet_lead(table: FacetTable, *, others: bool = False) -> str:
    """How many values the figures have, in words: "12 journals", "1 gene".

    ``others`` says that some, such as the genes asked about, were left out: "30 other genes".
    """
    number = len(table.rows)
    return f"{number:,} {'other ' if others else ''}{table.facet.label}{'' if number == 1 else 's'}"


def _in_cell(label: str) -> str:
    """A label that neither ends the cell of a table, nor means anything in Markdown, nor is an evidence key."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(label.split()))
