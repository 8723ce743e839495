"""The page in a real browser, over a real assistant."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import bibtexparser
import httpx
import pytest
import rispy
from browsing import (
    DESCRIBE_SEED,
    SEED,
    Visit,
    Watched,
    address,
    answers,
    ask,
    browser,
    expect_ready,
    in_browser,
    served,
    visit,
    watched,
    watched_address,
)
from playwright.sync_api import Page, expect

from pfocr_chat import Answer, Assistant, Conversation, Facet, LlmError, PfocrChatError, QuestionError, Stage, Text
from pfocr_chat.lexicon import name_key
from pfocr_chat.records import Kind
from pfocr_chat.ui import serve
from pfocr_chat.ui.cards import QUOTE_LABELS
from pfocr_chat.ui.overview import overview_of
from pfocr_chat.ui.session import APOLOGY

pytestmark = in_browser


def test_the_header_says_what_is_indexed(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """The page opens with its name and the number of figures it answers from."""
    page = visit(address)

    expect(page.locator("h1")).to_have_text("PFOCR Chat")
    expect(page.locator(".pfc-status")).to_contain_text(f"{seed_assistant.status().figures:,} figures")


def test_a_new_question_rises_as_its_answer_grows(address: str, visit: Visit) -> None:
    """The last question stands at the top of the chat, or as high as what is below it lets it rise."""
    page = visit(address)
    for question in ("Which figures show mTOR?", "How many figures show TNF, by year?"):
        ask(page, question)
        expect_ready(page)
        expect(page.locator("#pfc-chat .pfc-question").last).to_have_text(question)
    page.wait_for_function(
        """() => {
            const last = [...document.querySelectorAll("#pfc-chat .pfc-question")].pop();
            let box = last.parentElement;
            while (box.scrollHeight <= box.clientHeight + 1 || getComputedStyle(box).overflowY === "visible")
                box = box.parentElement;
            const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 2;
            return isAtEnd || last.getBoundingClientRect().top - box.getBoundingClientRect().top < 60;
        }"""
    )


def test_an_example_is_answered_with_a_citation_that_opens(
    address: str, visit: Visit, seed_assistant: Assistant
) -> None:
    """An example brings an answer whose key opens the figure with a verbatim quote and links."""
    page = visit(address)
    example = next(e for e in overview_of(seed_assistant).examples if e.startswith("What does "))
    figid = example.split()[2]
    page.get_by_text(example).click()
    card = page.locator(".pfc-card", has_text=figid)
    expect(card).to_have_count(1)
    number = str(card.get_attribute("id")).removeprefix("fig-")
    page.locator(f"#pfc-chat a.pfc-key[href='#fig-{number}']").first.click()

    expect(card).to_have_attribute("open", "")
    expect(card.locator("blockquote")).to_be_in_viewport()
    record = seed_assistant.record(figid)
    assert record is not None
    assert card.locator("blockquote").inner_text().removesuffix("…") in str(record.caption)
    expect(card).to_contain_text(QUOTE_LABELS[record.caption_source])
    for label, url in record.links:
        link = card.get_by_role("link", name=label)
        expect(link).to_have_attribute("href", url)
        expect(link).to_have_attribute("target", "_blank")
        assert "noopener" in str(link.get_attribute("rel"))


def test_a_card_shows_its_picture(address: str, visit: Visit) -> None:
    """The open card shows the figure's picture; where it cannot be had, a sentence stands in its place."""
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    picture = page.locator("#fig-1-1 .pfc-picture img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 8

    offline = visit(address, pictures=False)
    ask(offline, DESCRIBE_SEED)
    expect(offline.locator("#fig-1-1 .pfc-no-picture")).to_be_visible()
    expect(offline.locator("#fig-1-1 img")).to_have_count(0)


def test_a_gene_can_be_asked_about(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """A gene of a card opens its actions; the first one types a question for it, to be sent or changed."""
    figid = next(figid for figid in seed_assistant.ask("List all figures").figids if genes_of(seed_assistant, figid))
    gene = genes_of(seed_assistant, figid)[0]
    page = visit(address)
    ask(page, f"What does {figid} show?")
    page.locator(".pfc-gene summary", has_text=re.compile(f"^{re.escape(gene)}$")).click()
    page.locator(f"button[name=ask-gene][value='{gene}']").click()

    expect(page.locator("#pfc-box textarea")).to_have_value(f"Which figures show {gene}?")
    expect(page.locator("#pfc-box textarea")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".pfc-question", has_text=f"Which figures show {gene}?")).to_be_visible()
    expect_ready(page)


def genes_of(assistant: Assistant, figid: str) -> list[str]:
    record = assistant.record(figid)
    return sorted(record.printed(Kind.GENE)) if record else []


def test_a_second_key_opens_its_own_card(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """Clicking [2] opens and lights up card 2, and its way back leads to the key."""
    other = next(hit.figid for hit in seed_assistant.retrieve("signalling", 10) if hit.figid != SEED)
    page = visit(address)
    ask(page, f"What do {SEED} and {other} show?")
    first, second = page.locator("#fig-1-1"), page.locator("#fig-1-2")
    expect(first).to_have_attribute("open", "")
    expect(second).not_to_have_attribute("open", "")
    page.locator("#ref-1-2").click()

    expect(second).to_have_attribute("open", "")
    expect(second).to_have_class("pfc-card pfc-lit")
    expect(second.locator("summary").first).to_be_in_viewport()
    second.locator(".pfc-back").click()
    expect(page.locator("#ref-1-2")).to_be_focused()


def test_keys_work_from_the_keyboard(address: str, visit: Visit) -> None:
    """Enter on a focused key moves on to its card, which Enter closes and opens."""
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    page.locator("#ref-1-1").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#fig-1-1 summary")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#fig-1-1")).not_to_have_attribute("open", "")


def test_keys_of_older_answers_still_open_their_cards(address: str, visit: Visit) -> None:
    """After a second answer, a key of the first one brings the first one's cards back into sight."""
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    ask(page, "hello")
    expect(page.locator("#fig-1-1")).to_be_hidden()
    page.locator("#ref-1-1").click()

    expect(page.locator("#fig-1-1")).to_be_visible()
    expect(page.locator("#cards-2")).to_be_hidden()


def test_a_follow_up_belongs_to_its_conversation(watched: Watched, watched_address: str, visit: Visit) -> None:
    """Each visitor's turns are passed on with the next question; another visitor starts with none."""
    one, two = visit(watched_address), visit(watched_address)
    ask(one, DESCRIBE_SEED)
    ask(one, "Which paper is it from?")
    ask(two, "hello")

    turns = [len(conversation.turns) if conversation else 0 for _, conversation in watched.asked]
    assert turns == [0, 1, 0]
    assert answers(two) == 1


def test_clear_ends_the_conversation(watched: Watched, watched_address: str, visit: Visit) -> None:
    """The clear button empties the chat and the panel, and what was said is forgotten."""
    page = visit(watched_address)
    ask(page, DESCRIBE_SEED)
    page.locator("#pfc-clear").click()
    expect(page.locator(".pfc-answer")).to_have_count(0)
    expect(page.locator(".pfc-card")).to_have_count(0)
    ask(page, "hello")

    assert watched.asked[-1] == ("hello", Conversation())


def test_an_abstention_is_shown_as_one(address: str, visit: Visit) -> None:
    """A question that no figure answers gets a marked box and no card."""
    page = visit(address)
    ask(page, "Which figures show PMC1__no-such-figure?")

    expect(page.locator(".pfc-abstention")).to_be_visible()
    expect(page.locator(".pfc-card")).to_have_count(0)


@pytest.mark.parametrize("question", ["", "   ", "x" * 20_000], ids=["empty", "blank", "too long"])
def test_a_refused_question_stays_in_the_box(
    address: str, visit: Visit, seed_assistant: Assistant, question: str
) -> None:
    """A question that is empty or too long gets the assistant's sentence and is kept to be mended."""
    with pytest.raises(QuestionError) as refusal:
        seed_assistant.ask(question)
    page = visit(address)
    page.locator("#pfc-box textarea").fill(question)
    page.locator("#pfc-go").click()

    expect(page.locator(".pfc-error")).to_have_text(str(refusal.value))
    expect(page.locator("#pfc-box textarea")).to_have_value(question)
    ask(page, "hello")
    expect(page.locator(".pfc-error")).to_have_count(0)


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (LlmError("The language model stopped. Try again."), "The language model stopped. Try again."),
        (RuntimeError("secret detail"), APOLOGY),
    ],
    ids=["known", "unexpected"],
)
def test_a_failure_is_a_sentence_in_the_chat(
    watched: Watched,
    watched_address: str,
    visit: Visit,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    sentence: str,
) -> None:
    """What goes wrong is told in one sentence, and the next question works; only a surprise is logged."""
    page = visit(watched_address)
    watched.failure = failure
    with caplog.at_level(logging.ERROR, logger="pfocr_chat.ui.session"):
        ask(page, DESCRIBE_SEED)
        expect(page.locator(".pfc-error")).to_contain_text(sentence)
    logged = [r.exc_info[1] for r in caplog.records if r.name == "pfocr_chat.ui.session" and r.exc_info]
    assert logged == ([failure] if sentence == APOLOGY else [])
    watched.failure = None
    ask(page, DESCRIBE_SEED)

    expect(page.locator(".pfc-card")).to_have_count(1)


def test_stop_ends_the_answer(watched: Watched, watched_address: str, visit: Visit) -> None:
    """While an answer is under way its stage shows; the stop button ends it for the assistant too."""
    page = visit(watched_address)
    watched.go_on.clear()
    page.locator("#pfc-box textarea").fill(DESCRIBE_SEED)
    page.locator("#pfc-go").click()
    expect(page.locator(".pfc-stage")).to_have_text("Waiting…")
    page.get_by_role("button", name="Stop").click()

    expect(page.locator(".pfc-answer")).to_have_text("Stopped.")
    assert watched.closed.wait(5)
    expect_ready(page)
    watched.go_on.set()
    ask(page, DESCRIBE_SEED)
    expect(page.locator(".pfc-card")).to_have_count(1)


def test_leaving_the_page_ends_the_answer(watched: Watched, watched_address: str, visit: Visit) -> None:
    """When the tab is closed the assistant stops working for it."""
    page = visit(watched_address)
    watched.go_on.clear()
    page.locator("#pfc-box textarea").fill(DESCRIBE_SEED)
    page.locator("#pfc-go").click()
    expect(page.locator(".pfc-stage")).to_be_visible()
    page.close()

    assert watched.closed.wait(10)


def test_visitors_do_not_wait_for_each_other(watched: Watched, watched_address: str, visit: Visit) -> None:
    """A second visitor's question is worked on while the first one's still is."""
    one, two = visit(watched_address), visit(watched_address)
    watched.go_on.clear()
    for page in (one, two):
        page.locator("#pfc-box textarea").fill(DESCRIBE_SEED)
        page.locator("#pfc-box textarea").press("Enter")
    for page in (one, two):
        expect(page.locator(".pfc-stage")).to_be_visible()
    watched.go_on.set()

    for page in (one, two):
        expect(page.locator(".pfc-card")).to_have_count(1)


def test_text_is_streamed_before_the_answer(watched: Watched, watched_address: str, visit: Visit) -> None:
    """Verified text is on the page while the answer is still being written; then its keys become links."""
    page = visit(watched_address)
    watched.wait_after = Text
    watched.go_on.clear()
    page.locator("#pfc-box textarea").fill(DESCRIBE_SEED)
    page.locator("#pfc-go").click()
    expect(page.locator("#pfc-chat span.pfc-key").first).to_have_text("[1]")
    expect(page.locator("#pfc-chat a.pfc-key")).to_have_count(0)
    watched.go_on.set()

    expect(page.locator("#pfc-chat a.pfc-key").first).to_have_text("[1]")
    expect(page.locator("#pfc-chat span.pfc-key")).to_have_count(0)


def test_markup_in_a_question_does_nothing(address: str, visit: Visit) -> None:
    """HTML, Markdown images and templates in a question are shown as typed and fetch or run nothing."""
    typed = (
        "<img src=x onerror=window.hit=1> ![i](http://evil.example/t.png) ${window.hit=1} {{value}}"
        " <form action=http://evil.example><button>go</button></form>"
    )
    page = visit(address)
    ask(page, typed)

    expect(page.locator(".pfc-question")).to_have_text(typed)
    expect(page.locator(".pfc-asked")).to_have_text(typed[:139].rstrip() + "…")
    assert page.evaluate("window.hit") is None
    assert page.locator("#pfc-chat form, #pfc-chat img").count() == 0


@pytest.mark.parametrize("width", [390, 899, 900, 1440])
def test_the_page_fits_the_screen(address: str, visit: Visit, width: int) -> None:
    """Nothing needs sideways scrolling, and on a phone a key still brings its card into view."""
    page = visit(address, width=width, height=844)
    ask(page, BY_YEAR)
    page.locator(".pfc-bars a[href='#list-1-0-0']").click()
    expect(page.locator("#pfc-results h2")).to_be_in_viewport()
    assert page.evaluate(TOO_WIDE) == []
    ask(page, DESCRIBE_SEED)
    page.locator("#ref-2-1").click()

    expect(page.locator("#fig-2-1 summary")).to_be_in_viewport()
    assert page.evaluate(TOO_WIDE) == []


def test_a_finger_hits_what_it_means(address: str, visit: Visit) -> None:
    """On a phone, everything in an answer and its list that can be pressed is at least 24 px high and wide."""
    page = visit(address, width=390, height=844)
    ask(page, BY_YEAR)
    ask(page, DESCRIBE_SEED)
    assert page.evaluate(TOO_SMALL) == []


TOO_SMALL = """() => [...document.querySelectorAll(
        "#pfc-chat :is(button, a, .pfc-answer summary), #pfc-results :is(button, th a), .pfc-links a, .pfc-back")]
    .filter((e) => e.checkVisibility())
    .map((e) => [e.className, e.innerText, e.getBoundingClientRect()])
    .filter(([, , box]) => Math.min(box.width, box.height) < 24)
    .map(([name, text, box]) => `${name} ${text} ${box.width}x${box.height}`)"""
TOO_WIDE = """() => [...document.querySelectorAll("#pfc-top *, #pfc-columns *")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map((e) => `${e.tagName} ${e.className} ${e.getBoundingClientRect().right}`)"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_from_its_background(address: str, visit: Visit, dark: bool) -> None:
    """In light and dark mode, every text of ours has a contrast of at least 4.5 to what is behind it."""
    page = visit(address, dark=dark)
    ask(page, BY_YEAR)
    assert page.evaluate(LOW_CONTRAST) == []
    ask(page, DESCRIBE_SEED)
    ask(page, "Which figures show PMC1__no-such-figure?")
    page.locator("#ref-2-1").click()
    page.wait_for_timeout(1_800)  # the light on a newly opened card fades

    assert page.evaluate(LOW_CONTRAST) == []


LOW_CONTRAST = """() => {
    const parse = (text) => {
        const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
        return [r, g, b, a];
    };
    const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3]));
    const background = (element) => {
        const layers = [];
        for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const low = [];
    for (const e of document.querySelectorAll("[class^=pfc-], [class^=pfc-] *, #pfc-ask button")) {
        const says = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!says || !e.checkVisibility()) continue;
        const behind = background(e);
        const [a, b] = [light(over(parse(getComputedStyle(e).color), behind)), light(behind)];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) low.push([e.className || e.tagName, ratio.toFixed(2)]);
    }
    return low;
}"""


BY_YEAR = "How many figures are there by year?"


def figids_listed(page: Page) -> list[str]:
    return page.locator("#pfc-results td code").all_inner_texts()


def test_a_count_by_year_is_drawn_and_each_number_lists_its_figures(
    address: str, visit: Visit, seed_assistant: Assistant
) -> None:
    """A count by year has a plot; clicking a number of its table lists exactly the figures of that year."""
    table = seed_assistant.ask(BY_YEAR).table
    assert table is not None
    page = visit(address)
    expect(page.locator(".pfc-bars")).to_have_count(0)
    ask(page, BY_YEAR)
    years = [int(row.label) for row in table.rows]
    expect(page.locator(".pfc-bars li")).to_have_count(max(years) - min(years) + 1)
    expect(page.locator("#pfc-results h2")).to_have_text(f"{table.total} figures answer this")

    for number, row in list(enumerate(table.rows))[:3]:
        page.locator(f"#pfc-chat table a.pfc-count[href='#list-1-{number}-0']").click()
        expect(page.locator("#pfc-results h2")).to_contain_text(f": year {row.label}")
        expect(page.locator("#pfc-results h2")).to_be_focused()
        assert figids_listed(page) == list(row.figids)
    ask(page, "hello")
    expect(page.locator(".pfc-bars")).to_have_count(0)
    expect(page.locator(".pfc-results")).to_have_count(0)
    page.locator("#pfc-chat a.pfc-count").first.click()
    expect(page.locator(".pfc-bars")).to_be_visible()
    expect(page.locator("#pfc-results td code")).to_have_count(table.total)


def test_a_number_alone_is_drawn_by_year_and_gene(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """Where only a number was asked for, its years are drawn, and other genes where some figures share any."""
    question = "How many figures are there?"
    page = visit(address)
    ask(page, question)

    genes = seed_assistant.count(Facet.GENE, seed_assistant.ask(question).figids)
    captions = ["Figures by year", *(["Figures by gene"] if genes.rows[0].figures > 1 else [])]
    expect(page.locator(".pfc-bars figcaption")).to_contain_text(captions)


def test_a_list_is_sorted_by_its_heads(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """A click on a head sorts the whole list by that column, a second one the other way round, also what is saved."""
    figids = seed_assistant.ask("List all figures").figids
    records = [record for figid in figids if (record := seed_assistant.record(figid))]
    page = visit(address)
    ask(page, "List all figures")
    assert figids_listed(page) == list(figids)
    page.locator("th.pfc-by-year a").click()
    expect(page.locator("th.pfc-by-year")).to_have_attribute("aria-sort", "descending")
    newest = sorted((r.year for r in records if r.year), reverse=True)
    assert [int(y) for y in page.locator("#pfc-results td.pfc-year").all_inner_texts() if y] == newest
    _, text = saved(page, "csv")
    assert [row["figid"] for row in csv.DictReader(io.StringIO(text))] == figids_listed(page)
    page.locator("th.pfc-by-year a").click()
    expect(page.locator("th.pfc-by-year")).to_have_attribute("aria-sort", "ascending")
    page.locator("th.pfc-by-title a").click()
    expect(page.locator("th.pfc-by-title")).to_have_attribute("aria-sort", "ascending")
    titled = sorted((name_key(r.title), r.title) for r in records if r.title)
    assert page.locator("#pfc-results td a").first.inner_text() == " ".join(titled[0][1].split())
    page.get_by_role("button", name="Wider list").click()
    page.locator("th.pfc-by-title a").click()
    expect(page.locator("th.pfc-by-title")).to_have_attribute("aria-sort", "descending")
    expect(page.locator("#pfc-columns")).to_have_class(re.compile("pfc-wide"))
    expect(page.get_by_role("button", name="Wider list")).to_have_attribute("aria-pressed", "true")


def test_numbers_and_groups_work_from_the_keyboard(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """Enter on a number lists its figures; the arrow keys in the choice go on to the next year and stay there."""
    table = seed_assistant.ask(BY_YEAR).table
    assert table is not None
    page = visit(address)
    ask(page, BY_YEAR)
    page.locator("#pfc-chat a.pfc-count[href='#list-1-0-0']").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#pfc-results h2")).to_contain_text(f": year {table.rows[0].label}")
    page.locator("select.pfc-group").focus()
    page.keyboard.press("ArrowDown")

    expect(page.locator("#pfc-results h2")).to_contain_text(f": year {table.rows[1].label}")
    expect(page.locator("select.pfc-group")).to_be_focused()
    assert figids_listed(page) == list(table.rows[1].figids)


def saved(page: Page, form: str) -> tuple[str, str]:
    """The name and the text of the file that a button saves."""
    with page.expect_download() as download:
        page.locator(f"button.pfc-file[value={form}]").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes().decode("utf-8")


def test_a_list_can_be_downloaded(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """The shown figures are saved as files that other programs read, each figure or paper in them once."""
    answer = seed_assistant.ask(BY_YEAR)
    papers = {record.pmcid for figid in answer.figids if (record := seed_assistant.record(figid))}
    page = visit(address)
    ask(page, BY_YEAR)
    name, text = saved(page, "csv")
    assert name == "pfocr-chat-figures.csv"
    assert [row["figid"] for row in csv.DictReader(io.StringIO(text))] == list(answer.figids)
    name, text = saved(page, "bibtex")
    assert name == "pfocr-chat-figures.bib"
    assert len(bibtexparser.parse_string(text).entries) == len(papers)
    name, text = saved(page, "ris")
    assert name == "pfocr-chat-figures.ris"
    assert len(rispy.loads(text)) == len(papers)
    name, text = saved(page, "json")
    assert [item["question"] for item in json.loads(text)] == [BY_YEAR] * len(answer.figids)
    assert saved(page, "gmt")[0] == "pfocr-chat-figures.gmt"

    assert answer.table is not None
    page.locator("#pfc-chat a.pfc-count[href='#list-1-0-0']").click()
    expect(page.locator("#pfc-results h2")).to_contain_text("year")
    _, text = saved(page, "csv")
    assert [row["figid"] for row in csv.DictReader(io.StringIO(text))] == list(answer.table.rows[0].figids)


def test_downloads_do_not_stay(
    seed_assistant: Assistant, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the server ends, no file of a download is left."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with served(seed_assistant) as address:
        page = visit(address)
        ask(page, BY_YEAR)
        saved(page, "csv")
        assert [path.name for path in tmp_path.rglob("*.*")] == ["pfocr-chat-figures.csv"]

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_list_that_fails_is_a_sentence(watched: Watched, watched_address: str, visit: Visit) -> None:
    """Where the figures behind a number, or a file of them, cannot be had, the reason stands in their place."""
    page = visit(watched_address)
    ask(page, BY_YEAR)
    watched.failure = PfocrChatError("The index is gone.")
    page.locator("#pfc-chat a.pfc-count[href='#list-1-0-0']").click()
    expect(page.locator("#pfc-results .pfc-error")).to_have_text("The index is gone.")
    watched.failure = None
    page.locator("#pfc-chat a.pfc-count[href='#list-1-1-0']").click()
    expect(page.locator(".pfc-results")).to_be_visible()
    watched.failure = PfocrChatError("The index is gone.")
    page.locator("button.pfc-file[value=csv]").click()

    expect(page.locator("#pfc-results .pfc-error")).to_have_text("The index is gone.")


def test_health_and_headers(address: str) -> None:
    """``/healthz`` answers, and responses carry the policy that lets the page load only its own parts."""
    health, page = httpx.get(f"{address}/healthz"), httpx.get(address)

    assert health.json()["status"] == "ok"
    for response in (health, page):
        policy = response.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["x-content-type-options"] == "nosniff"


def test_no_handler_is_a_public_endpoint(address: str) -> None:
    """The page's own events are not offered as an API; what is offered has names of its own."""
    info = httpx.get(f"{address}/gradio_api/info").json()

    assert set(info["named_endpoints"]) == {"/ask", "/find_figures", "/figure", "/gene_list", "/count"}
    assert info["unnamed_endpoints"] == {}


def test_a_port_in_use_is_one_sentence(seed_assistant: Assistant) -> None:
    """Serving where something else listens says so, and names the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PfocrChatError, match=rf"127\.0\.0\.1:{port}.*in use.*--port"):
            serve(seed_assistant, port=port)


def test_a_port_that_does_not_exist_is_one_sentence(seed_assistant: Assistant) -> None:
    """A port beyond 65535 is refused in words."""
    with pytest.raises(PfocrChatError, match="0 to 65535"):
        serve(seed_assistant, port=70_000)


def test_serving_ends_with_ctrl_c(seed_vectorstore: Path) -> None:
    """The address is printed once the page is served; Ctrl+C ends it quietly, even with a tab open."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = (
        "import sys; from pfocr_chat import open_assistant; from pfocr_chat.ui import serve\n"
        "with open_assistant(sys.argv[1], llm='none') as assistant: serve(assistant, port=int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(seed_vectorstore), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line == f"PFOCR Chat is at http://127.0.0.1:{port} (Ctrl+C stops it)\n"
        with httpx.stream("GET", f"http://127.0.0.1:{port}/gradio_api/heartbeat/reader") as response:
            assert response.status_code == 200
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 0
    assert "Traceback" not in errors
