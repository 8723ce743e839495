"""Hostile texts of records, people and language models: text they stay, in the page's HTML, in files and in Slack."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt
from payloads import FORMULAS, MARKUP, Elements
from test_ui_render import OWN_ATTRIBUTES, OWN_TAGS, a_query, an_answer, cited

from pfocr_chat.answers import Answer, Check, Conversation, Grounding, NearMiss, Status, Turn, Verdict
from pfocr_chat.exports import Format
from pfocr_chat.exports import render as export
from pfocr_chat.feedback import Feedback, FeedbackKind
from pfocr_chat.queries import Filters, Hit, Intent, Match
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.slack.blocks import Message, Shown, render_figures, render_sentence
from pfocr_chat.slack.blocks import render_answer as render_for_slack
from pfocr_chat.slack.mrkdwn import safe_markdown
from pfocr_chat.tables import Facet, FacetRow, FacetTable
from pfocr_chat.ui import cards, render
from pfocr_chat.ui.kept import Kept, render_entries, render_kept
from pfocr_chat.ui.overview import NOTHING
from pfocr_chat.ui.results import View, render_results
from pfocr_chat.ui.standing import Standing, render_standing
from pfocr_chat.ui.transcript import Transcript, render_transcript
from pfocr_chat.ui.welcome import render_welcome

FIGID, OTHER = "PMC9500000__payload.g000", "PMC9500001__payload.g001"
SITES = ("https://pfocr.wikipathways.org/", "https://www.ncbi.nlm.nih.gov/", "https://x.example/")
MORE_TAGS = {*("figure", "figcaption", "label", "option", "select")}
MORE_ATTRIBUTES = {
    *("aria-current", "aria-label", "aria-pressed", "aria-sort", "data-generation", "data-kept", "data-new"),
    *("selected", "style", "tabindex", "for", "scope"),
}

payloads = pytest.mark.parametrize("payload", MARKUP.values(), ids=MARKUP.keys())


def hostile_record(payload: str) -> FigureRecord:
    """A record all of whose texts are the payload, also those that a corpus is not read with."""
    mentions = [Mention(kind, payload, payload, tier, payload, payload) for kind in Kind for tier in Tier]
    return FigureRecord(
        FIGID,
        **dict.fromkeys(("title", "caption", "filename", "figlink", "number", "alias", "figtype"), payload),
        **dict.fromkeys(("paper_title", "reference", "journal", "doi", "wpid", "ndex"), payload),
        pmcid="PMC9500000",
        year=2020,
        organisms=(payload,),
        keywords=(payload,),
        mentions=tuple(mentions),
    )


def hostile_answer(payload: str) -> Answer:
    """An answer that holds the payload wherever a person, a record or a language model may have put it."""
    record = hostile_record(payload)
    matches = tuple(Match(payload, kind, Tier.SYMBOL, payload) for kind in (*Kind, "word", payload))
    row = FacetRow(payload, 2, (FIGID, OTHER))
    return an_answer(
        question=payload,
        text=f"{payload} [1]\n\n{payload}",
        citations=(replace(cited(record, quote=payload), links=((payload, payload),)),),
        figids=(FIGID, OTHER),
        grounding=Grounding((Check(payload, (1,), Verdict.REPLACED, payload),)),
        hits=(Hit(FIGID, 1.0, record, matches, payload),),
        query=a_query(mention=payload, word=payload, journal=payload),
        notes=(payload,),
        near_misses=(NearMiss(OTHER, payload, payload), NearMiss(OTHER, payload, f"https://x.example/{payload}")),
        table=FacetTable(Facet.GENE, (row, FacetRow("TNF", 1, (FIGID,))), 0, 2),
        generation=payload,
        llm=payload,
        conversation=Conversation((Turn(payload, payload, Intent.LISTING, (FIGID,)),)),
    )


def status_of(payload: str) -> Status:
    return Status(payload, payload, payload, 1, 1, payload, 1, 1, payload, payload)


def fragments(payload: str) -> Iterator[str]:
    """Every piece of HTML that the server makes of the payload."""
    answer = hostile_answer(payload)
    abstention = replace(answer, abstained=True, reason=payload)
    filters = Filters(journals=(payload,), genes_all=(payload,), organisms=(payload,))
    kept = Kept.of(answer, filters)
    yield from map(render.render_answer, (answer, abstention), (1, 2))
    yield cards.render_panel({1: cards.render_cards(answer, 1)})
    yield render_results(answer, View(1), list(answer.hits), (answer.table,) if answer.table else ())
    yield render.render_question(payload, payload)
    yield render.render_progress(payload, payload)
    yield render.render_stopped(payload)
    yield render.render_markdown(payload)
    yield from (render.render_error(payload), render.render_failure(payload), render.render_broken_header(payload))
    yield render.render_header(status_of(payload))
    yield render_welcome(status_of(payload), replace(NOTHING, organisms=((payload, 1),), examples=(payload,)))
    yield render.render_tools(1, again=payload)
    yield render.render_next((payload,), payload)
    yield from (render_kept(kept), render_entries((kept,), is_new=True))
    yield from (render_standing(Standing(filters)), render_standing(Standing(filters), payload))


def assert_own(html: str) -> None:
    """No element and no attribute but those of the page; links lead to the web or within the page."""
    for tag, attributes in Elements(html).found:
        assert tag in OWN_TAGS | MORE_TAGS, tag
        assert "pwned" not in (attributes.get("class") or "")
        assert set(attributes) <= OWN_ATTRIBUTES | MORE_ATTRIBUTES, attributes
        assert (attributes.get("href") or "#").startswith(("#", "https://", "http://"))
        assert re.fullmatch(r"--part:[\d.e-]+", attributes.get("style") or "--part:1")
        for address in (attributes.get("src"), attributes.get("data-next")):
            assert not address or address.startswith(("pictures/PMC", "https://europepmc.org/articles/PMC"))


# The page


@payloads
def test_a_payload_is_text_in_every_piece_of_the_page(payload: str) -> None:
    """Answers, cards, lists, bars, kept answers, conditions, headers and errors make no element of it."""
    assert len(MARKUP) >= 40
    for html in fragments(payload):
        assert_own(html)


@payloads
def test_addresses_of_a_hostile_record_stay_with_their_sites(payload: str) -> None:
    """What a record names as its picture, its place or its DOI leads to no other host than the ones they belong to."""
    record = hostile_record(payload)
    hosts = {urlsplit(url).hostname for _, url in record.links}
    assert hosts <= {"pfocr.wikipathways.org", "www.ncbi.nlm.nih.gov", "doi.org"}


# Files


@pytest.mark.parametrize("form", Format)
@payloads
def test_a_payload_stays_in_its_field(form: Format, payload: str) -> None:
    """An export has one item for the figure, whatever stands in its texts."""
    text = export([Hit(FIGID, 1.0, hostile_record(payload), quote=payload)], form, question=payload)
    match form:
        case Format.JSON:
            assert len(json.loads(text)) == 1
        case Format.CSV:
            assert len(list(csv.reader(io.StringIO(text, newline="")))) == 2
        case Format.BIBTEX:
            assert len(re.findall(r"^@", text, re.MULTILINE)) == 1
        case Format.RIS:
            assert len(re.findall(r"^(?:TY|ER)  - ", text, re.MULTILINE)) == 2
        case Format.GMT:
            assert text.count("\n") == 1


@payloads
def test_a_saved_conversation_holds_no_markup(payload: str) -> None:
    """As Markdown, which other programs show as HTML, a conversation has no element, picture or link of the payload."""
    text = render_transcript([hostile_answer(payload)], Transcript.MARKDOWN)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    made = Elements(html).found
    assert not {tag for tag, _ in made} & {"img", "script", "svg", "iframe", "form", "a", "button", "input", "style"}
    assert not [attributes for _, attributes in made if "class" in attributes and "pwned" in str(attributes["class"])]


def cells_anywhere(text: str) -> Iterator[str]:
    """The cells of a table, with whatever sign a spreadsheet takes for the one that divides them."""
    for sign in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign):
            yield from row


@pytest.mark.parametrize("form", [Format.CSV, Format.GMT])
@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_no_cell_is_a_formula(form: Format, formula: str) -> None:
    """Whatever divides the cells, and with white space, quotes and invisible signs left out, none begins a formula."""
    text = export([Hit(FIGID, 1.0, hostile_record(formula), (Match(formula, "gene"),), formula)], form)
    for cell in cells_anywhere(text):
        assert not re.match(r"[\s\"\u200b-\u200f\u2060\ufeff\x00]*[=+\-@＝＋－＠]", cell), cell


def test_ordinary_cells_are_left_alone() -> None:
    """An arrow, a range and a sign within a text are no formulas."""
    plain = "IL-6 -> STAT3 (a=b); TNF-α, +/- LPS"
    [_, row] = csv.reader(io.StringIO(export([Hit(FIGID, 1.0, FigureRecord(FIGID, title=plain))], Format.CSV)))
    assert row[3] == plain


# Slack


def texts_of(message: Message) -> Iterator[tuple[str, bool]]:
    """Each text of a message, and whether Slack reads its markup."""
    waiting: list[object] = [{"type": "mrkdwn", "text": message.text}, *message.blocks]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("text"), str):
                yield part["text"], part["type"] == "mrkdwn"
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)


@payloads
def test_slack_calls_nobody_and_hides_no_address(payload: str) -> None:
    """No text of a message has a mention, a link but the record's own, or an address behind other words."""
    answer = hostile_answer(payload)
    shown = Shown("7", asked=payload, private=True, suggestions=(payload,))
    messages = [render_for_slack(each, shown) for each in (answer, replace(answer, abstained=True, reason=payload))]
    messages += [render_sentence(payload, asked=payload)]
    messages += [render_figures(list(answer.hits), 0, 1, "7", question=payload)]
    for text, is_markup in (pair for message in messages for pair in texts_of(message)):
        if not is_markup:
            continue
        for inside in re.findall(r"<([^>]*)>", text):
            url, _, label = inside.partition("|")
            assert url.startswith(SITES), inside
            assert label
        assert not re.search(r"<[!@#]", text)


@payloads
def test_a_stream_to_slack_has_no_links(payload: str) -> None:
    """In Slack's Markdown, a payload makes neither a mention nor a label that hides an address."""
    text = safe_markdown(payload)
    assert "<" not in text
    assert "](" not in text


# Feedback


@payloads
def test_feedback_comes_back_as_it_was_given(payload: str) -> None:
    """A comment is data on its way to a file: as JSON it is one line, whatever it holds."""
    said = Feedback(FeedbackKind.USEFUL, payload, (FIGID,), payload)
    line = json.dumps(said.to_dict(), ensure_ascii=False)
    assert len(line.splitlines()) == 1 or "\u2028" in line
    assert json.loads(line)["comment"] == payload
