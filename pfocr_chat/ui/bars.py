"""A count as bars: years from left to right, other values from top to bottom. Pure; plain HTML, no drawing library."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pfocr_chat.plaintext import shortened
from pfocr_chat.queries import counted
from pfocr_chat.tables import Facet, FacetTable
from pfocr_chat.ui.html import line

ROWS = 15
"""Values shown of anything but years."""
YEARS = 60
"""Years shown, the last ones."""
LABELS = 10
"""Years that are written below their bars; the others are told when one points at them."""
LABEL_LENGTH = 28
_YEAR = re.compile(r"\d{4}", re.ASCII)

Link = Callable[[int], str | None]


def render_bars(table: FacetTable, address: Link = lambda _: None, shown: int | None = None) -> str:
    """The bars of a table; empty where there is nothing to draw.

    ``address`` gives the address that the bar of a row leads to, and ``shown`` is the row whose figures are listed.
    """
    is_years = table.facet is Facet.YEAR
    bars = _years(table) if is_years else [(row.label, row.figures, n) for n, row in enumerate(table.rows[:ROWS])]
    if not bars:
        return ""
    most = max(number for _, number, _ in bars)
    step = -(-len(bars) // LABELS)
    items = "".join(
        _bar(bar, most, address, shown, is_labelled=not is_years or place % step == 0) for place, bar in enumerate(bars)
    )
    left_out = len(table.rows) - ROWS
    more = f", the first {ROWS} of {len(table.rows):,}" if not is_years and left_out > 0 else ""
    return (
        f'<figure class="pfc-bars pfc-{"columns" if is_years else "rows"}">'
        f"<figcaption>Figures by {line(table.facet.label)}{more}</figcaption><ol>{items}</ol></figure>"
    )


def _years(table: FacetTable) -> list[tuple[str, int, int | None]]:
    """Every year of the span with its number of figures and its row; those without figures have none."""
    rows = {int(row.label): (row.figures, n) for n, row in enumerate(table.rows) if _YEAR.fullmatch(row.label)}
    years = range(min(rows, default=0), max(rows, default=-1) + 1)
    return [(str(year), *rows.get(year, (0, None))) for year in years[-YEARS:]]


def _bar(bar: tuple[str, int, int | None], most: int, address: Link, shown: int | None, *, is_labelled: bool) -> str:
    label, number, row = bar
    name = line(shortened(label, LABEL_LENGTH)) if is_labelled else ""
    inside = f'<span class="pfc-name">{name}</span><span class="pfc-bar"></span><span class="pfc-n">{number:,}</span>'
    what = f"{line(label)}: {counted(number, 'figure')}"
    part = f'style="--part:{number / most:.4g}"'
    leads_to = address(row) if row is not None else None
    if leads_to is None:
        return f'<li {part} title="{what}">{inside}</li>'
    now = ' aria-current="true"' if row == shown else ""
    label = f'aria-label="{what}" title="{what}"'
    return f'<li {part}><a class="pfc-count" href="#{leads_to}" {label}{now}>{inside}</a></li>'


def without_names(table: FacetTable, names: Sequence[str]) -> FacetTable:
    """The table without the rows of these names, letter case aside: those that were asked about."""
    refused = {name.casefold() for name in names}
    rows = tuple(row for row in table.rows if row.label.casefold() not in refused)
    return FacetTable(table.facet, rows, table.without, table.total)
