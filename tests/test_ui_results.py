"""The list of the figures behind an answer and its numbers: which figures, which page, and as HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ui_render import HIT, HOSTILE, RECORD, Page, assert_harmless

from pfocr_chat.answers import Answer
from pfocr_chat.queries import Hit, Intent, Match, Query
from pfocr_chat.records import FigureRecord, Tier
from pfocr_chat.tables import Facet, FacetRow, FacetTable
from pfocr_chat.ui import render
from pfocr_chat.ui.bars import ROWS, render_bars, without_names
from pfocr_chat.ui.results import (
    PAGE_SIZE,
    SORT_LIMIT,
    Sort,
    View,
    figids_in,
    list_name,
    page_of,
    render_results,
    sorted_by,
)

FIGIDS = tuple(f"PMC{number}__f" for number in range(1, 1235))


SORTED = st.just((None, False)) | st.tuples(st.sampled_from(Sort), st.booleans())


def counted(*rows: tuple[str, int], facet: Facet = Facet.YEAR, without: int = 0) -> Answer:
    """An answer whose table counts the given figures of each label, each figure once."""
    made, done = [], 0
    for label, number in rows:
        made.append(FacetRow(label, number, FIGIDS[done : done + number]))
        done += number
    figids = FIGIDS[: done + without]
    table = FacetTable(facet, tuple(made), without, len(figids))
    text = f"**{len(figids):,} figures** match, by {facet.label}:\n\n{table.to_markdown()}"
    return Answer("How many?", text, figids=figids, table=table)


def hits_of(figids: tuple[str, ...]) -> list[Hit]:
    return [Hit(figid, 1.0, FigureRecord(figid)) for figid in figids]


def shown(answer: Answer, view: View) -> Page:
    hits = hits_of(page_of(figids_in(answer, view), view))
    return assert_own(render_results(answer, view, hits))


def assert_own(html: str) -> Page:
    """As harmless as an answer, with the form controls that only the list has."""
    page = Page(html)
    for tag, attributes in page.tags:
        if tag in ("label", "nav", "select", "option", "button"):
            assert set(attributes) <= {"class", "value", "selected", "type", "aria-label", "aria-pressed"}
    assert not {tag for tag, _ in page.tags} & {"script", "img", "form", "iframe", "input"}
    assert all((a.get("href") or "#").startswith(("#", "https://", "http://")) for _, a in page.tags)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert len(html.splitlines()) <= 1
    return page


@given(st.integers(0, 999_999), st.none() | st.integers(0, 999_999), st.integers(0, 999_999), SORTED)
def test_a_view_is_read_from_its_address(
    turn: int, group: int | None, page: int, order: tuple[Sort | None, bool]
) -> None:
    """What a number links to names the list, the group, the page and the order."""
    view = View(turn, group, page, *order)

    assert View.parse(view.address) == view


@pytest.mark.parametrize("address", ["", "list-1-all", "list--1-all-0", "list-1-x-0", "list-1-all-0 ", "list-١-all-0"])
def test_other_addresses_are_no_view(address: str) -> None:
    """What a visitor's browser makes up leads nowhere."""
    assert View.parse(address) is None
    assert View.parse(None) is None
    assert View.parse([address]) is None


def test_every_number_of_a_table_leads_to_its_figures() -> None:
    """The number an answer begins with, and each in its table, is the number of figures in the list it links to."""
    answer = counted(("2015", 3), ("2017", 12), without=4)
    page = Page(render.render_answer(answer, 2))
    links = [a["href"] for a in page.all("a", "pfc-count")]

    assert links == ["#list-2-all-0", "#list-2-0-0", "#list-2-1-0", "#list-2-2-0", "#list-2-all-0"]
    sizes = [len(figids_in(answer, view)) for link in links if (view := View.parse(str(link).removeprefix("#")))]
    assert sizes == [19, 3, 12, 4, 19]


def test_a_table_cut_short_keeps_its_last_number_right() -> None:
    """Below the rows that stand for those left out, "not known" leads to the figures without a value."""
    answer = counted(*((f"GENE{n}", 2) for n in range(30)), facet=Facet.GENE, without=2)
    links = [a["href"] for a in Page(render.render_answer(answer, 1)).all("a", "pfc-count")]

    assert links[1:-1] == [f"#list-1-{n}-0" for n in (*range(20), 30)]
    assert figids_in(answer, View(1, 30)) == answer.figids[-2:]


def test_a_number_that_fits_no_list_is_text() -> None:
    """Where an answer's text says another number than its figures have, it gets no link."""
    answer = replace(counted(("2015", 3)), text="**7 figures** match.")

    assert "<p><strong>7 figures</strong> match.</p>" in render.render_answer(answer, 1)


def test_a_long_list_has_pages() -> None:
    """Each figure is on one of the pages, numbered through, and the pages lead to each other."""
    answer = Answer("?", "", figids=FIGIDS)
    first, last = shown(answer, View(1)), shown(answer, View(1, None, 24))
    listed = [figid for n in range(25) for figid in page_of(answer.figids, View(1, None, n))]

    assert tuple(listed) == FIGIDS
    assert "1,234 figures answer this" in first.text
    assert f"1 to {PAGE_SIZE} of 1,234" in first.text
    assert ways(first) == ["#list-1-all-1", "#list-1-all-24"]
    assert "1,201 to 1,234 of 1,234" in last.text
    assert "1,234PMC1234__f" in last.text
    assert ways(last) == ["#list-1-all-0", "#list-1-all-23"]


def ways(page: Page) -> list[str | None]:
    """Where the pages of a list lead to."""
    return [a["href"] for a in page.all("a", "pfc-page") if "title" not in a]


def test_a_list_says_what_it_holds() -> None:
    """A row has the title with its link, the paper, the year, the journal, why it was found, and the figid."""
    hit = replace(HIT, record=replace(RECORD, journal="Cells"))
    html = render_results(Answer("?", "", figids=(RECORD.figid,)), View(1), [hit])
    page = assert_own(html)

    for part in (RECORD.title, RECORD.paper_title, "2025", "Cells", "YAP1 printed as a synonym as “YAP”", "PMC1__f1"):
        assert str(part) in page.text
    assert [a["href"] for a in page.all("a") if a.get("target")] == [RECORD.page_url]
    assert [b["value"] for b in page.all("button", "pfc-file")] == ["csv", "json", "bibtex", "ris", "gmt"]


def test_a_group_is_a_list_of_its_own() -> None:
    """The figures of one year have a heading of their own, and the choice stands at that year."""
    page = shown(counted(("2015", 3), ("2017", 12)), View(1, 0))

    assert "3 figures: year 2015" in page.text
    assert "Download these 3 figures" in page.text
    assert [o["value"] for o in page.all("option") if "selected" in o] == ["list-1-0-0"]
    assert len(page.all("option")) == 3


def test_a_list_without_figures_is_empty() -> None:
    """A group that the table does not have, or an answer without figures, shows nothing."""
    assert render_results(counted(("2015", 3)), View(1, 7), []) == ""
    assert render_results(Answer("?", ""), View(1), []) == ""
    assert figids_in(Answer("?", "", figids=FIGIDS), View(1, 0)) == ()


def test_the_closest_figures_are_called_that() -> None:
    """Where no list was asked for, the figures are the closest ones, not all that answer."""
    query = Query("?", "?", Intent.RELATION)

    assert list_name(Answer("?", "", figids=FIGIDS[:5], query=query)) == "The 5 closest figures"
    assert list_name(Answer("?", "", figids=FIGIDS[:1], query=query)) == "The closest figure"
    assert list_name(Answer("?", "", figids=FIGIDS[:1])) == "1 figure answers this"


@given(HOSTILE, HOSTILE, HOSTILE)
def test_a_list_with_hostile_parts_is_harmless(title: str, label: str, question: str) -> None:
    """Titles, journals, words and the labels of a table are escaped, in the list and in the answer."""
    record = replace(RECORD, title=title or None, paper_title=label, journal=question)
    hit = Hit(record.figid, 1.0, record, (Match(title, "gene", Tier.SYNONYM, label),))
    table = FacetTable(Facet.JOURNAL, (FacetRow(label, 1, (record.figid,)),), 0, 1)
    answer = Answer(question, f"**1 figure** {title}\n\n{table.to_markdown()}", figids=(record.figid,), table=table)

    assert_own(render_results(answer, View(1), [hit], (table,)))
    assert_own(render_results(answer, View(1, 0), [hit], (replace(table), table)))
    assert_harmless(render.render_answer(answer, 1))


def bars(html: str) -> list[tuple[str, str]]:
    """What each bar says, and how long it is."""
    page = Page(html)
    titles = [a["title"] for tag, a in page.tags if tag in ("li", "a") and a.get("title")]
    return [(str(t), str(a["style"])) for t, a in zip(titles, page.all("li"), strict=True)]


def test_years_without_figures_are_drawn() -> None:
    """The axis has every year from the first to the last, the empty ones with no bar and no list."""
    answer = counted(("2015", 3), ("2018", 12), without=2)
    assert answer.table
    html = render_bars(answer.table, lambda row: View(1, row).address)

    assert bars(html) == [
        ("2015: 3 figures", "--part:0.25"),
        ("2016: 0 figures", "--part:0"),
        ("2017: 0 figures", "--part:0"),
        ("2018: 12 figures", "--part:1"),
    ]
    assert [a["href"] for a in Page(html).all("a")] == ["#list-1-0-0", "#list-1-1-0"]


def test_other_bars_are_the_first_values() -> None:
    """Of many values the most frequent are drawn, and how many there are is said."""
    answer = counted(("Journal of a very long name that goes on", 9), *((f"J{n}", 1) for n in range(40)))
    assert answer.table
    html = render_bars(replace(answer.table, facet=Facet.JOURNAL))

    assert len(bars(html)) == ROWS
    assert bars(html)[0] == ("Journal of a very long name that goes on: 9 figures", "--part:1")
    assert f"the first {ROWS} of 41" in Page(html).text
    assert Page(html).all("a") == []


def test_an_empty_table_has_no_bars() -> None:
    """Where no value is known there is nothing to draw."""
    assert render_bars(FacetTable(Facet.YEAR, (), 3, 3)) == ""
    assert render_bars(FacetTable(Facet.GENE, (), 3, 3)) == ""


def test_what_was_asked_about_gets_no_bar() -> None:
    """Beside the figures that show TNF, that they show TNF is no news."""
    table = FacetTable(Facet.GENE, (FacetRow("TNF", 2, FIGIDS[:2]), FacetRow("IL6", 1, FIGIDS[:1])), 0, 2)

    assert [row.label for row in without_names(table, ["tnf"]).rows] == ["IL6"]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("sort", [Sort.TITLE, Sort.YEAR, Sort.JOURNAL, Sort.FOUND])
def test_a_list_can_be_sorted(sort: Sort, down: bool) -> None:
    """Figures are put in order by a column, either way; those without a value come last both ways."""
    match = Match("TNF", "gene", Tier.SYMBOL)
    low = FigureRecord("PMC1__a", title="alpha", year=2001, journal="Cells")
    high = FigureRecord("PMC2__b", title="Beta", year=2020, journal="plos one")
    hits = [
        Hit("PMC3__c", 1.0, FigureRecord("PMC3__c")),
        Hit("PMC2__b", 1.0, high, (replace(match, tier=Tier.CAPTION),)),
        Hit("PMC1__a", 1.0, low, (match, match)),
    ]
    first = ("PMC2__b", "PMC1__a") if down else ("PMC1__a", "PMC2__b")
    assert sorted_by(sort, hits, down=down) == (*first, "PMC3__c")


@given(st.permutations(FIGIDS[:20]), st.sampled_from(Sort), st.booleans())
def test_sorting_loses_no_figure(figids: list[str], sort: Sort, down: bool) -> None:
    """A sorted list has the same figures, each once; equal ones keep their order."""
    assert sorted_by(sort, hits_of(tuple(figids)), down=down) == tuple(figids)


def test_the_heads_of_the_columns_sort() -> None:
    """Each head leads to the list sorted by it, from its first page, and back; the newest year comes first."""
    page = shown(Answer("?", "", figids=FIGIDS[:120]), View(2, None, 1))
    sorts = [str(a["href"]) for a in page.all("a", "pfc-page") if "title" in a]
    assert sorts == [f"#list-2-all-0-{way}" for way in ("title-up", "year-down", "journal-up", "found-up")]

    page = shown(Answer("?", "", figids=FIGIDS[:120]), View(2, None, 1, Sort.YEAR, down=True))
    heads = {a["class"]: a.get("aria-sort") for a in page.all("th") if "class" in a}
    assert heads == {"pfc-by-title": None, "pfc-by-year": "descending", "pfc-by-journal": None, "pfc-by-found": None}
    links = [str(a["href"]) for a in page.all("a", "pfc-page")]
    assert "#list-2-all-0-year-up" in links
    assert "#list-2-all-2-year-down" in links
    assert "#list-2-all-0" in links


def test_a_very_long_list_is_not_sorted_by_what_must_be_read() -> None:
    """Titles and matches of more than a thousand figures would take too long; years and journals do not."""
    page = shown(Answer("?", "", figids=FIGIDS), View(1))
    sorts = [str(a["href"]) for a in page.all("a", "pfc-page") if "title" in a]

    assert len(FIGIDS) > SORT_LIMIT
    assert sorts == ["#list-1-all-0-year-down", "#list-1-all-0-journal-up"]
