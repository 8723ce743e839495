"""The figures behind an answer and behind each number of its table: which they are, and how they are shown.

Pure. What is shown is a ``View``; its address, such as ``#list-2-5-0``, is what a number links to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pfocr_chat.answers import Answer
from pfocr_chat.exports import Format
from pfocr_chat.queries import Hit, Intent
from pfocr_chat.tables import Facet, FacetTable
from pfocr_chat.ui.html import counted, line, link, one_line, shortened

PAGE_SIZE = 50
PLOT_LIMIT = 20
CHOICE_LIMIT = 2000
FILE_NAME = "pfocr-chat-figures"
FORMAT_NAMES = {
    Format.CSV: "CSV",
    Format.JSON: "JSON",
    Format.BIBTEX: "BibTeX",
    Format.RIS: "RIS",
    Format.GMT: "GMT",
}
_ADDRESS = re.compile(r"list-(\d{1,6})-(all|\d{1,6})-(\d{1,6})", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_LABEL_LIMIT = 20
_SPAN_LIMIT = 200


@dataclass(frozen=True, slots=True)
class View:
    """Which list is shown: the answer of ``turn`` (from 1), all of it or one group, and which page (from 0)."""

    turn: int = 0
    group: int | None = None
    page: int = 0

    @property
    def address(self) -> str:
        """What leads to it, and the id of the list while it is shown."""
        return f"list-{self.turn}-{'all' if self.group is None else self.group}-{self.page}"

    @classmethod
    def parse(cls, address: object) -> Self | None:
        """The view of an address; ``None`` for anything else."""
        found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if not found:
            return None
        turn, group, page = found.groups()
        return cls(int(turn), None if group == "all" else int(group), int(page))


@dataclass(frozen=True, slots=True)
class Group:
    """Some of an answer's figures: those that one number of its table counts."""

    label: str
    figids: tuple[str, ...]


def groups_of(table: FacetTable | None, figids: Sequence[str]) -> tuple[Group, ...]:
    """The rows of a table, and last the figures for which no value is known, if there are any."""
    if table is None:
        return ()
    groups = [Group(row.label, row.figids) for row in table.rows]
    known = {figid for group in groups for figid in group.figids}
    rest = tuple(figid for figid in figids if figid not in known)
    return (*groups, Group("not known", rest)) if rest else tuple(groups)


def figids_in(answer: Answer, view: View) -> tuple[str, ...]:
    """The figures of the view, on all of its pages; none where the answer has no such group."""
    if view.group is None:
        return answer.figids
    groups = groups_of(answer.table, answer.figids)
    return groups[view.group].figids if view.group < len(groups) else ()


def page_of(figids: Sequence[str], view: View) -> tuple[str, ...]:
    """The figures on the view's page."""
    return tuple(figids[view.page * PAGE_SIZE : (view.page + 1) * PAGE_SIZE])


def render_results(answer: Answer, view: View, hits: Sequence[Hit]) -> str:
    """The list as HTML: what it holds, a choice of its groups, downloads, and ``hits``, one page of it."""
    total = len(figids_in(answer, view))
    if not total:
        return ""
    parts = [
        f'<h2 class="pfc-panel-title" tabindex="-1">{_heading(answer, view, total)}</h2>',
        f'<p class="pfc-asked">{line(shortened(answer.question, 140))}</p>',
        _choice(answer, view),
        _downloads(total),
        _table(hits, view),
        _pages(view, total),
    ]
    return f'<section class="pfc-results" id="{view.address}">{"".join(parts)}</section>'


def list_name(answer: Answer) -> str:
    """What the list of an answer's figures is: "42 figures answer this"."""
    total = len(answer.figids)
    query = answer.query
    if query is not None and (query.intent is Intent.RELATION or (query.intent.is_list and not answer.listing)):
        return f"The {total:,} closest figures" if total > 1 else "The closest figure"
    return f"{counted(total, 'figure')} {'answers' if total == 1 else 'answer'} this"


def linked_numbers(html: str, answer: Answer, turn: int, render: Callable[[str], str]) -> str:
    """An answer's HTML in which its numbers lead to the figures behind them.

    Those are the number it begins with, where it is that of its figures, and those of its table.
    ``render`` makes HTML of Markdown as it was made for ``html``.
    """
    lead = f"<p><strong>{counted(len(answer.figids), 'figure')}</strong>"
    if answer.figids and html.startswith(lead):
        number = _number_link(f"<strong>{counted(len(answer.figids), 'figure')}</strong>", View(turn))
        html = f"<p>{number}{html.removeprefix(lead)}"
    if answer.table:
        plain = render(answer.table.to_markdown())
        groups = groups_of(answer.table, answer.figids)
        html = html.replace(plain, _with_links(plain, answer.table, groups, turn), 1)
    return html


def _with_links(html: str, table: FacetTable, groups: Sequence[Group], turn: int) -> str:
    """The HTML of the table in Markdown with its numbers as links; where one does not fit it stays as it is."""
    head, names, *rows = html.split("<tr>")
    linked = [head, names]
    for index, row in enumerate(rows):
        if table.without and index == len(rows) - 1:
            index = len(groups) - 1  # rows left out stand for more than one group
        start, _, cell = row.rpartition("<td>")
        number, _, end = cell.partition("</td>")
        if index < len(groups) and number == f"{len(groups[index].figids):,}":
            row = f"{start}<td>{_number_link(number, View(turn, index))}</td>{end}"
        linked.append(row)
    return "<tr>".join(linked)


def _number_link(html: str, view: View) -> str:
    return f'<a class="pfc-count" href="#{view.address}" title="Show these figures">{html}</a>'


def _heading(answer: Answer, view: View, total: int) -> str:
    if view.group is None or answer.table is None:
        return list_name(answer)
    label = groups_of(answer.table, answer.figids)[view.group].label
    return f"{counted(total, 'figure')}: {line(answer.table.facet.label)} {line(label)}"


def _choice(answer: Answer, view: View) -> str:
    """A choice of the table's groups."""
    if answer.table is None:
        return ""
    groups = groups_of(answer.table, answer.figids)
    every = (View(view.turn), f"All ({len(answer.figids):,})")
    views = [(View(view.turn, n), f"{g.label} ({len(g.figids):,})") for n, g in enumerate(groups[:CHOICE_LIMIT])]
    options = "".join(
        f'<option value="{v.address}"{" selected" if v.group == view.group else ""}>{line(label)}</option>'
        for v, label in (every, *views)
    )
    name = answer.table.facet.label
    return f'<p class="pfc-pick"><label>By {line(name)} <select class="pfc-group">{options}</select></label></p>'


def _downloads(total: int) -> str:
    what = "this figure" if total == 1 else f"these {total:,} figures"
    buttons = "".join(
        f'<button type="button" class="pfc-file" value="{form.value}">{name}</button>'
        for form, name in FORMAT_NAMES.items()
    )
    return f'<p class="pfc-files"><span>Download {what}:</span>{buttons}</p>'


def _table(hits: Sequence[Hit], view: View) -> str:
    first = view.page * PAGE_SIZE + 1
    rows = "".join(_row(number, hit) for number, hit in enumerate(hits, start=first))
    head = '<thead><tr><th scope="col">#</th><th scope="col">Figure</th><th scope="col">Published</th></tr></thead>'
    return f'<table class="pfc-table">{head}<tbody>{rows}</tbody></table>'


def _row(number: int, hit: Hit) -> str:
    record = hit.record
    paper = f"<cite>{line(record.paper_title)}</cite>" if record.paper_title else ""
    found = f'<span class="pfc-matches">{line("; ".join(map(str, hit.matches)))}</span>' if hit.matches else ""
    year = f'<span class="pfc-year">{record.year}</span>' if record.year else ""
    journal = f'<span class="pfc-journal">{line(record.journal)}</span>' if record.journal else ""
    title = one_line(link(record.title or hit.figid, record.page_url))
    return (
        f"<tr><td>{number:,}</td><td>{title}{paper}{found}<code>{line(hit.figid)}</code></td>"
        f"<td>{year}{journal}</td></tr>"
    )


def _pages(view: View, total: int) -> str:
    """Where in the list the page is, with the ways to the pages before and after it."""
    last = (total - 1) // PAGE_SIZE
    if last == 0:
        return ""

    def way(label: str, page: int) -> str:
        if not 0 <= page <= last or page == view.page:
            return f'<span class="pfc-no-page">{label}</span>'
        return f'<a class="pfc-page" href="#{View(view.turn, view.group, page).address}">{label}</a>'

    shown = f"{view.page * PAGE_SIZE + 1:,} to {min((view.page + 1) * PAGE_SIZE, total):,} of {total:,}"
    ways = (way("First", 0), way("Previous", view.page - 1), way("Next", view.page + 1), way("Last", last))
    return f'<nav class="pfc-pages" aria-label="Pages of the list">{"".join(ways)}<span>{shown}</span></nav>'


def plot_data(table: FacetTable) -> dict[str, Any] | None:
    """The bars of a table as Gradio's plots take them: every year of the span, else the first values.

    ``None`` where there is nothing to draw.
    """
    bars = _bars(table)
    if not bars:
        return None
    x, y = plot_axes(table)
    return {"columns": [x, y], "data": bars, "datatypes": {x: "nominal", y: "quantitative"}, "mark": "bar"}


def plot_axes(table: FacetTable) -> tuple[str, str]:
    """What the plot's axes are called."""
    return table.facet.label, "figures"


def _bars(table: FacetTable) -> list[list[str | int]]:
    if table.facet is Facet.YEAR:
        counts = {int(row.label): row.figures for row in table.rows if _YEAR.fullmatch(row.label)}
        years = range(min(counts, default=0), max(counts, default=-1) + 1)
        return [[str(year), counts.get(year, 0)] for year in years[-_SPAN_LIMIT:]]
    rows = table.rows[:PLOT_LIMIT]
    short = [shortened(row.label, _LABEL_LIMIT) for row in rows]
    names = [name if short.count(name) == 1 else row.label for name, row in zip(short, rows, strict=True)]
    return [[name, row.figures] for name, row in zip(names, rows, strict=True)]
