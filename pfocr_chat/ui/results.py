"""The figures behind an answer and behind each number of its table: which they are, and how they are shown.

Pure. What is shown is a ``View``; its address, such as ``#list-2-5-0-year-up``, is what a number links to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from pfocr_chat.answers import Answer
from pfocr_chat.exports import Format
from pfocr_chat.lexicon import name_key
from pfocr_chat.plaintext import shortened
from pfocr_chat.queries import Hit, Intent, counted
from pfocr_chat.tables import FacetTable
from pfocr_chat.ui.bars import render_bars
from pfocr_chat.ui.html import line, link, one_line

PAGE_SIZE = 50
CHOICE_LIMIT = 2000
FILE_NAME = "pfocr-chat-figures"
FORMAT_NAMES = {
    Format.CSV: "CSV",
    Format.JSON: "JSON",
    Format.BIBTEX: "BibTeX",
    Format.RIS: "RIS",
    Format.GMT: "GMT",
}
SORT_LIMIT = 1000
"""Figures of a list that can be sorted by what has to be read from each record."""


class Sort(StrEnum):
    """What a list can be sorted by instead of how well its figures answer."""

    TITLE = "title"
    YEAR = "year"
    JOURNAL = "journal"
    FOUND = "found"
    """How many of the names asked for a figure shows, and how strongly."""

    @property
    def is_read(self) -> bool:
        """Whether each record has to be read for it."""
        return self in (Sort.TITLE, Sort.FOUND)


_ADDRESS = re.compile(rf"list-(\d{{1,6}})-(all|\d{{1,6}})-(\d{{1,6}})(?:-({'|'.join(Sort)})-(up|down))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class View:
    """Which list is shown.

    That is the answer of ``turn`` (from 1), all of it or one group, sorted in which way, and which page (from 0).
    """

    turn: int = 0
    group: int | None = None
    page: int = 0
    sort: Sort | None = None
    down: bool = False

    @property
    def address(self) -> str:
        """What leads to it, and the id of the list while it is shown."""
        group = "all" if self.group is None else self.group
        order = f"-{self.sort}-{'down' if self.down else 'up'}" if self.sort else ""
        return f"list-{self.turn}-{group}-{self.page}{order}"

    @classmethod
    def parse(cls, address: object) -> Self | None:
        """The view of an address; ``None`` for anything else."""
        found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
        if not found:
            return None
        turn, group, page, sort, order = found.groups()
        return cls(
            int(turn),
            None if group == "all" else int(group),
            int(page),
            Sort(sort) if sort else None,
            order == "down",
        )


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


def sorted_by(sort: Sort, hits: Sequence[Hit], *, down: bool) -> tuple[str, ...]:
    """The figures in order; those without a value come last, and equal ones keep their places."""
    known = [(value, hit.figid) for hit in hits if (value := _value(sort, hit)) is not None]
    known.sort(key=lambda item: item[0], reverse=down)
    ordered = [figid for _, figid in known]
    return tuple(dict.fromkeys([*ordered, *(hit.figid for hit in hits)]))


def _value(sort: Sort, hit: Hit) -> Any:
    record = hit.record
    match sort:
        case Sort.TITLE:
            return name_key(record.title) if record.title else None
        case Sort.YEAR:
            return record.year
        case Sort.JOURNAL:
            return record.journal.casefold() if record.journal else None
        case Sort.FOUND:
            tiers = [match.tier for match in hit.matches if match.tier is not None]
            return (-len(tiers), sum(tiers)) if tiers else None


def render_results(answer: Answer, view: View, hits: Sequence[Hit], tables: Sequence[FacetTable] = ()) -> str:
    """The list as HTML: bars of ``tables``, what it holds, a choice of groups, downloads, and ``hits``, a page of it.

    The bars of the answer's own table lead to the figures that they count.
    """
    total = len(figids_in(answer, view))
    if not total:
        return ""
    parts = [
        *(_bars(table, answer, view) for table in tables),
        f'<h2 class="pfc-panel-title" tabindex="-1">{_heading(answer, view, total)}</h2>',
        f'<p class="pfc-asked">{line(shortened(answer.question, 140))}</p>',
        _choice(answer, view),
        _downloads(total),
        _table(hits, view, total),
        _pages(view, total),
    ]
    place = "" if answer.citations else " pfc-first"
    return f'<section class="pfc-results{place}" id="{view.address}">{"".join(parts)}</section>'


def _bars(table: FacetTable, answer: Answer, view: View) -> str:
    if table is not answer.table:
        return render_bars(table)
    return render_bars(table, lambda row: View(view.turn, row).address, view.group)


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
    every = (replace(view, group=None, page=0), f"All ({len(answer.figids):,})")
    views = [
        (replace(view, group=n, page=0), f"{g.label} ({len(g.figids):,})") for n, g in enumerate(groups[:CHOICE_LIMIT])
    ]
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
    wide = '<button type="button" class="pfc-widen" aria-pressed="false">Wider list</button>'
    return f'<p class="pfc-files"><span>Download {what}:</span>{buttons}{wide}</p>'


def _table(hits: Sequence[Hit], view: View, total: int) -> str:
    first = view.page * PAGE_SIZE + 1
    rows = "".join(_row(number, hit) for number, hit in enumerate(hits, start=first))
    names = ((Sort.TITLE, "Figure"), (Sort.YEAR, "Year"), (Sort.JOURNAL, "Journal"), (Sort.FOUND, "Found by"))
    head = "".join(_column(sort, name, view, total) for sort, name in names)
    return (
        f'<table class="pfc-table"><thead><tr><th scope="col">{_best_first(view)}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _best_first(view: View) -> str:
    """The head of the numbers, which leads back to the order of the answer."""
    if view.sort is None:
        return '<span title="the best first">#</span>'
    return f'<a class="pfc-page" href="#{View(view.turn, view.group).address}" title="the best first">#</a>'


def _column(sort: Sort, name: str, view: View, total: int) -> str:
    """The head of a column, which sorts by it, and the other way round where that is done already."""
    if sort.is_read and total > SORT_LIMIT:
        return f'<th scope="col" class="pfc-by-{sort}">{name}</th>'
    is_now = view.sort is sort
    order = f' aria-sort="{"descending" if view.down else "ascending"}"' if is_now else ""
    down = not view.down if is_now else sort is Sort.YEAR
    address = View(view.turn, view.group, 0, sort, down).address
    mark = (" ▾" if view.down else " ▴") if is_now else ""
    way = f'<a class="pfc-page" href="#{address}" title="Sort by {name.lower()}">{name}{mark}</a>'
    return f'<th scope="col" class="pfc-by-{sort}"{order}>{way}</th>'


def _row(number: int, hit: Hit) -> str:
    record = hit.record
    paper = f"<cite>{line(record.paper_title)}</cite>" if record.paper_title else ""
    found = "".join(f"<span>{line(str(match))}</span>" for match in hit.matches)
    title = one_line(link(record.title or hit.figid, record.page_url))
    return (
        f"<tr><td>{number:,}</td><td>{title}{paper}<code>{line(hit.figid)}</code></td>"
        f'<td class="pfc-year">{record.year or ""}</td><td class="pfc-journal">{line(record.journal or "")}</td>'
        f'<td class="pfc-matches">{found}</td></tr>'
    )


def _pages(view: View, total: int) -> str:
    """Where in the list the page is, with the ways to the pages before and after it."""
    last = (total - 1) // PAGE_SIZE
    if last == 0:
        return ""

    def way(label: str, page: int) -> str:
        if not 0 <= page <= last or page == view.page:
            return f'<span class="pfc-no-page">{label}</span>'
        return f'<a class="pfc-page" href="#{replace(view, page=page).address}">{label}</a>'

    shown = f"{view.page * PAGE_SIZE + 1:,} to {min((view.page + 1) * PAGE_SIZE, total):,} of {total:,}"
    ways = (way("First", 0), way("Previous", view.page - 1), way("Next", view.page + 1), way("Last", last))
    return f'<nav class="pfc-pages" aria-label="Pages of the list">{"".join(ways)}<span>{shown}</span></nav>'
