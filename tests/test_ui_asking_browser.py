"""Asking on, in a real browser: parts taken away, filters, the last question again, what the page offers."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
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
from timing import wait_for

from pfocr_chat import Assistant, Conversation, Filters, open_assistant
from pfocr_chat.embedder import Embedder
from pfocr_chat.feedback import FILE_NAME, FeedbackStore
from pfocr_chat.indexing import build_index
from pfocr_chat.records import Kind
from pfocr_chat.ui.front import Front
from pfocr_chat.ui.session import NOT_KEPT
from pfocr_chat.ui.suggestions import follow_ups

pytestmark = in_browser

TWO_NAMES = "Which figures link integrins to YAP?"


def questions(page: Page) -> list[str]:
    return page.locator(".pfc-question").all_inner_texts()


def test_a_part_is_taken_away_by_a_click(watched: Watched, watched_address: str, visit: Visit) -> None:
    """What was searched for stands under the answer; a click on a part asks without it, with the years kept."""
    page = visit(watched_address)
    ask(page, f"{TWO_NAMES[:-1]} since 2005?")
    expect(page.locator(".pfc-understood")).to_contain_text("I searched for: all figures on integrins")
    page.locator("button.pfc-part", has_text="YAP").click()

    expect(page.locator(".pfc-question").nth(1)).to_have_text("Which figures link integrins?")
    expect_ready(page)
    assert watched.filters == [None, Filters(year_from=2005)]
    expect(page.locator("#pfc-filters")).to_contain_text("Filters (1 in the last question)")
    page.locator("#pfc-filters button").first.click()
    expect(page.get_by_label("Since year")).to_have_value("2005")
    page.locator(".pfc-understood").nth(1).locator("button.pfc-part", has_text="2005").click()
    expect(page.locator(".pfc-question")).to_have_count(3)
    expect_ready(page)
    assert watched.filters[2] is None
    expect(page.get_by_label("Since year")).to_have_value("")


def test_understood_conditions_are_shown_and_held_if_wanted(
    watched: Watched, watched_address: str, visit: Visit
) -> None:
    """Years typed in a question stand in the controls, for that one alone unless a click keeps them."""
    page = visit(watched_address)
    page.locator("#pfc-filters button").first.click()
    ask(page, "Which figures show TNF since 2005?")
    expect(page.get_by_label("Since year")).to_have_value("2005")
    expect(page.locator("#pfc-standing")).to_contain_text("The last question only")
    ask(page, DESCRIBE_SEED)
    expect(page.get_by_label("Since year")).to_have_value("")
    expect(page.locator("#pfc-standing")).to_have_text("")
    ask(page, "Which figures show TNF since 2005?")
    page.get_by_role("button", name="Keep for the next").click()
    expect(page.locator("#pfc-filters")).to_contain_text("Filters (1 set)")
    ask(page, "List all figures")
    assert watched.filters == [None, None, None, Filters(year_from=2005)]
    page.get_by_label("Since year").fill("20o5")
    page.get_by_label("Until year").focus()
    expect(page.locator("#pfc-standing")).to_contain_text("“20o5” is no year")
    page.locator("#pfc-clear").click()
    expect(page.get_by_label("Since year")).to_have_value("")
    expect(page.locator("#pfc-filters button").first).to_have_text(re.compile("^Filters\\W*$"))
    ask(page, "List all figures")
    assert watched.filters[-1] is None


def test_questions_to_go_on_with_keep_the_conditions(watched: Watched, watched_address: str, visit: Visit) -> None:
    """A question to go on with is asked under the conditions of the answer."""
    page = visit(watched_address)
    ask(page, "Which figures show TNF since 2005?")
    expect(page.locator(".pfc-label", has_text="Go on with")).to_contain_text("figures published since 2005")
    page.locator(".pfc-next button").first.click()
    expect(page.locator(".pfc-question")).to_have_count(2)
    expect_ready(page)
    assert watched.filters[1] == Filters(year_from=2005)


def test_the_focus_is_never_lost(address: str, visit: Visit) -> None:
    """When what was pressed goes away, the focus is on the last question or in the box."""
    page = visit(address)
    ask(page, TWO_NAMES)
    for number, name in ((2, "without"), (3, "further"), (3, "retry")):
        page.locator(f"#pfc-chat button[name={name}]").last.focus()
        page.keyboard.press("Enter")
        page.wait_for_function("n => document.querySelectorAll('.pfc-question').length === n", arg=number)
        expect_ready(page)
        expect(page.locator(".pfc-next")).to_have_count(1)
        page.wait_for_function("() => document.activeElement.matches('.pfc-question, #pfc-box textarea')")


def test_filters_hold_until_they_are_cleared(watched: Watched, watched_address: str, visit: Visit) -> None:
    """Organism, years and genes set beside the chat hold for the next questions, and say so, until they are cleared."""
    page = visit(watched_address)
    page.locator("#pfc-filters button").first.click()
    page.get_by_label("Organism, any of").click()
    page.get_by_role("option").filter(has_text="Homo sapiens").click()
    page.get_by_label("Until year").fill("2020")
    page.get_by_label("Genes, any of").fill("TNF, IL6")
    ask(page, "List all figures")
    asked = Filters(year_to=2020, organisms=("Homo sapiens",), genes_any=("TNF", "IL6"))
    expect(page.locator(".pfc-beside")).to_have_text(f"Only figures {asked}")
    ask(page, "How many figures show TNF?")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_label("Until year")).to_have_value("")
    ask(page, DESCRIBE_SEED)

    assert watched.filters == [asked, asked, None]


def test_a_filter_that_is_none_is_refused_in_words(address: str, visit: Visit) -> None:
    """A gene that the index does not have is named in a sentence, and the question stays in the box."""
    page = visit(address)
    page.locator("#pfc-filters button").first.click()
    page.get_by_label("Genes, all of").fill("NOSUCHGENE9")
    page.locator("#pfc-box textarea").fill("List all figures")
    page.locator("#pfc-go").click()

    expect(page.locator(".pfc-error")).to_contain_text("NOSUCHGENE9")
    expect(page.locator("#pfc-box textarea")).to_have_value("List all figures")


def test_a_gene_of_a_card_becomes_a_filter(
    watched: Watched, watched_address: str, visit: Visit, seed_assistant: Assistant
) -> None:
    """The second action of a gene opens the filters with the gene in them."""
    figid, gene = printing(seed_assistant)
    page = visit(watched_address)
    ask(page, f"What does {figid} show?")
    page.locator(".pfc-gene summary").get_by_text(gene, exact=True).click()
    page.locator(f"button[name=filter-gene][value='{gene}']").click()

    expect(page.get_by_label("Genes, all of")).to_have_value(gene)
    ask(page, "List all figures")
    assert watched.filters[-1] == Filters(genes_all=(gene,))


def printing(assistant: Assistant) -> tuple[str, str]:
    """A figure, and the first gene that it prints."""
    found = ((figid, r) for figid in assistant.ask("List all figures").figids if (r := assistant.record(figid)))
    return next((figid, min(genes)) for figid, record in found if (genes := record.printed(Kind.GENE)))


def test_the_last_question_is_asked_again(watched: Watched, watched_address: str, visit: Visit) -> None:
    """Asking again takes the place of the last answer, after the same conversation."""
    page = visit(watched_address)
    ask(page, DESCRIBE_SEED)
    ask(page, "Which paper is it from?")
    page.get_by_role("button", name="Ask again").click()
    wait_for(lambda: len(watched.asked) == 3, "the question", pause=lambda s: page.wait_for_timeout(1_000 * s))
    expect_ready(page)
    expect(page.locator(".pfc-question")).to_have_count(2)

    assert [question for question, _ in watched.asked] == [DESCRIBE_SEED, *["Which paper is it from?"] * 2]
    assert watched.asked[1] == watched.asked[2]
    assert answers(page) == 2


def test_the_last_question_can_be_edited(watched: Watched, watched_address: str, visit: Visit) -> None:
    """Edited, the last question comes back to the box; what is sent then takes its place, unless it is kept."""
    page = visit(watched_address)
    ask(page, DESCRIBE_SEED)
    ask(page, TWO_NAMES)
    page.get_by_role("button", name="Edit the question").click()
    expect(page.locator("#pfc-box textarea")).to_have_value(TWO_NAMES)
    page.get_by_role("button", name="Keep them").click()
    expect(page.locator("#pfc-box textarea")).to_have_value("")
    page.get_by_role("button", name="Edit the question").click()
    expect(page.locator("#pfc-box textarea")).to_have_value(TWO_NAMES)
    ask(page, "Which figures show TNF?")

    assert questions(page) == [DESCRIBE_SEED, "Which figures show TNF?"]
    first, second, third = (conversation or Conversation() for _, conversation in watched.asked)
    assert (first.turns, second) == ((), third)


def test_an_offered_question_is_asked(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """A click on a question to go on with asks it."""
    offered = follow_ups(seed_assistant.ask(DESCRIBE_SEED))
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    assert page.locator(".pfc-next button").all_inner_texts() == list(offered)
    page.locator(".pfc-next button").first.click()

    expect(page.locator(".pfc-question").nth(1)).to_have_text(offered[0])
    expect_ready(page)
    expect(page.locator(".pfc-next")).to_have_count(1)


def test_a_near_miss_is_shown_by_a_click(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """An abstention lists the nearest figures; a click says what one of them shows."""
    question = "Which figures show both TNF and gibberellin?"
    answer = seed_assistant.ask(question)
    assert answer.abstained
    assert answer.near_misses
    page = visit(address)
    ask(page, question)
    page.locator(".pfc-abstention .pfc-list button").first.click()

    expect(page.locator(".pfc-question").nth(1)).to_have_text(f"What does {answer.near_misses[0].figid} show?")
    expect(page.locator(".pfc-card")).to_have_count(1)


def test_nothing_is_asked_while_an_answer_is_written(watched: Watched, watched_address: str, visit: Visit) -> None:
    """A click on an offered question does nothing while another one is being answered."""
    page = visit(watched_address)
    ask(page, TWO_NAMES)
    watched.go_on.clear()
    page.locator("#pfc-box textarea").fill(DESCRIBE_SEED)
    page.locator("#pfc-go").click()
    expect(page.locator(".pfc-stage")).to_have_text("Waiting…")
    page.locator("button.pfc-part").first.click()
    page.wait_for_timeout(500)
    watched.go_on.set()
    expect_ready(page)

    assert [question for question, _ in watched.asked] == [TWO_NAMES, DESCRIBE_SEED]


def test_a_click_while_an_answer_is_written_is_answered_in_words(
    watched: Watched, watched_address: str, visit: Visit
) -> None:
    """What has to wait for the answer says so, and does nothing to it."""
    page = visit(watched_address)
    ask(page, TWO_NAMES)
    watched.go_on.clear()
    page.locator("#pfc-box textarea").fill(DESCRIBE_SEED)
    page.locator("#pfc-go").click()
    expect(page.locator(".pfc-stage")).to_have_text("Waiting…")
    page.get_by_role("button", name="Useful").click()
    expect(page.get_by_role("status").filter(has_text="An answer is being written")).to_be_visible()
    watched.go_on.set()
    expect_ready(page)
    expect(page.locator(".pfc-question")).to_have_count(2)
    expect(page.locator(".pfc-tools", has_text="Thank you")).to_have_count(0)


def test_feedback_that_cannot_be_stored_is_not_lost(
    seed_assistant: Assistant, visit: Visit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the server cannot store it, the comment stays in its field, and no path is told."""
    vectorstore = shutil.copytree(seed_assistant.status().vectorstore, tmp_path / "index")
    (vectorstore / FILE_NAME).unlink(missing_ok=True)
    (vectorstore / FILE_NAME).mkdir()
    with open_assistant(vectorstore, llm="none") as assistant, served(assistant) as address:
        page = visit(address)
        ask(page, TWO_NAMES)
        page.get_by_role("button", name="Wrong citation").click()
        expect(page.locator("#pfc-comment textarea")).to_be_focused()
        page.locator("#pfc-comment textarea").fill("[1] shows it not")
        page.get_by_role("button", name="Send").click()
        expect(page.locator(".pfc-error")).to_have_text(NOT_KEPT)
        expect(page.locator("#pfc-comment textarea")).to_have_value("[1] shows it not")
    assert str(vectorstore) in caplog.text


def test_another_generation_is_told_of_without_a_restart(
    seed_corpus: Path, embedder: Embedder, visit: Visit, tmp_path: Path
) -> None:
    """Header, numbers and choices are those of the index as it is, though it changes while the page is served."""
    corpus, vectorstore = shutil.copytree(seed_corpus, tmp_path / "corpus"), tmp_path / "index"
    build_index(corpus, vectorstore, embedder)
    with open_assistant(vectorstore, llm="none") as assistant, served(assistant) as address:
        page = visit(address)
        expect(page.locator(".pfc-status")).to_contain_text("21 figures")
        ask(page, "hello")
        (corpus / "PMC7__new.md").write_text(HOSTILE_RECORD.replace("PMC7__evil", "PMC7__new"), "utf-8")
        build_index(corpus, vectorstore, embedder)
        page.wait_for_timeout(1_200)  # the assistant looks for a newer index once a second
        ask(page, "List all figures")
        expect(page.locator(".pfc-status")).to_contain_text("22 figures")
        page.locator("#pfc-clear").click()
        expect(page.locator(".pfc-about")).to_contain_text("22 from")
        page.locator("#pfc-filters button").first.click()
        page.get_by_label("Organism, any of").click()
        expect(page.get_by_role("option").filter(has_text="iframe")).to_have_count(1)
        expect(visit(address).locator(".pfc-about")).to_contain_text("22 from")


def test_a_script_in_a_caption_does_nothing(planted_hostile: Assistant, visit: Visit) -> None:
    """A record's caption, title and gene names are shown as they are, and run or fetch nothing."""
    with served(planted_hostile) as address:
        page = visit(address)
        ask(page, "What does PMC7__evil show?")
        expect(page.locator("#fig-1-1 blockquote")).to_contain_text("<img src=x onerror=window.hit=1>")
        expect(page.locator("#fig-1-1 .pfc-title")).to_have_text("<script>window.hit=1</script> TNF")
        page.locator("#fig-1-1 .pfc-gene summary").click()
        assert page.evaluate("window.hit") is None
        assert page.locator("#pfc-right form, #pfc-right iframe, #pfc-right script").count() == 0


@pytest.fixture(scope="module")
def planted_hostile(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[Assistant]:
    """An assistant over one record that is full of markup."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "PMC7__evil.md").write_text(HOSTILE_RECORD, "utf-8")
    build_index(folder, folder / "vectorstore", embedder)
    with open_assistant(folder / "vectorstore", llm="none") as assistant:
        yield assistant


HOSTILE_RECORD = """---
figid: PMC7__evil
figtitle: "<script>window.hit=1</script> TNF"
pmcid: PMC7
filename: '"><img src=x onerror=window.hit=1>.jpg'
papertitle: "<form action=http://evil.example><button>go</button></form>"
caption: "<img src=x onerror=window.hit=1> TNF </div></details> ![i](http://evil.example/t.png) [1] {{value}}
  ${window.hit=1}"
year: 2020
organisms:
- "<iframe src=//evil.example>"
genes:
- word: "<b onmouseover=window.hit=1>TNF"
  symbol: TNF
  source: hgnc_symbol
  hgnc_symbol: TNF
  entrez: 7124
---
"""


def test_feedback_on_an_answer_is_stored(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """Useful is stored at once; what is wrong is asked for, and stored with the comment, in the index's folder."""
    store = FeedbackStore(Path(seed_assistant.status().vectorstore) / FILE_NAME)
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    page.get_by_role("button", name="Useful").click()
    expect(page.locator(".pfc-tools")).to_contain_text(["marked as “useful”", ""])
    ask(page, TWO_NAMES)
    page.get_by_role("button", name="Missed figure").click()
    page.locator("#pfc-comment textarea").fill("PMC1__other is missing")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#pfc-comment")).to_have_count(0)
    expect(page.locator(".pfc-tools", has_text="marked as “missed figure”")).to_have_count(1)

    said = store.all()
    store.close()
    assert [(f.kind.value, f.question, f.comment) for f in said] == [
        ("useful", DESCRIBE_SEED, ""),
        ("missed figure", TWO_NAMES, "PMC1__other is missing"),
    ]
    assert said[0].figids == (SEED,)


def test_a_page_that_is_loaded_again_goes_on(watched: Watched, watched_address: str, visit: Visit) -> None:
    """After a reload the conversation is shown as an earlier one, a follow-up knows it, and the draft is in the box."""
    page = visit(watched_address)
    ask(page, TWO_NAMES)
    ask(page, "only those since 2005")
    before = watched.asked[-1][1]
    expect(page.locator("#pfc-standing")).to_contain_text("2005")  # the last of what an answer changes
    page.locator("#pfc-box textarea").fill("half a ques")
    page.reload()
    expect(page.locator(".pfc-kept")).to_have_count(2)
    expect(page.locator(".pfc-kept").first).to_contain_text("From earlier")
    expect(page.locator("#pfc-box textarea")).to_have_value("half a ques")
    ask(page, "and with MAPK1?")
    said = watched.asked[-1][1]
    assert before
    assert said
    assert [turn.question for turn in said.turns] == [TWO_NAMES, "only those since 2005"]
    assert said.turns[:1] == before.turns
    page.locator("#pfc-clear").click()
    expect(page.locator(".pfc-question")).to_have_count(0)
    page.reload()
    expect(page.locator("#pfc-box textarea")).to_be_editable()
    page.wait_for_timeout(500)
    expect(page.locator(".pfc-question")).to_have_count(0)


def test_the_history_keeps_every_answer(address: str, visit: Visit) -> None:
    """Counts and abstentions are kept too, with their conditions; one that is recalled can be saved and followed up."""
    page = visit(address)
    for question in ("How many figures show TNF since 2005?", "Which figures show both TNF and gibberellin?", "hello"):
        ask(page, question)
    page.locator("#pfc-clear").click()
    page.locator(".pfc-history summary").click()
    expect(page.locator(".pfc-history li")).to_have_count(2)
    expect(page.locator(".pfc-recall").last).to_contain_text("(figures published since 2005)")
    page.locator(".pfc-recall").last.click()
    expect(page.locator(".pfc-beside")).to_have_text("Only figures published since 2005")
    expect(page.locator(".pfc-kept")).to_contain_text("Follow-ups go on from it")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as Markdown").click()
    assert "How many figures show TNF since 2005?" in Path(download.value.path()).read_text("utf-8")


def test_the_history_stays_in_the_browser(address: str, visit: Visit) -> None:
    """After a reload, what was asked is still there to be read or asked again, until it is forgotten."""
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    page.locator("#pfc-clear").click()
    expect(page.locator(".pfc-question")).to_have_count(0)
    page.reload()
    expect(page.locator("#pfc-box textarea")).to_be_editable()
    page.locator(".pfc-history summary").click()
    page.locator(".pfc-recall", has_text=DESCRIBE_SEED).click()
    expect(page.locator(".pfc-kept")).to_contain_text("kept in this browser")
    expect(page.locator(".pfc-kept a")).to_have_attribute("href", f"https://pfocr.wikipathways.org/figures/{SEED}.html")
    page.get_by_role("button", name="Ask it now").click()
    expect(page.locator(".pfc-card")).to_have_count(1)

    page.locator(".pfc-history summary").click()
    page.get_by_role("button", name="Forget all").click()
    expect(page.locator(".pfc-history li")).to_have_text("Nothing yet.")
    page.keyboard.press("Escape")
    expect(page.locator(".pfc-history")).not_to_have_attribute("open", "")
    assert page.evaluate("localStorage.getItem('pfocr-chat-history')") is None


def test_a_shared_link_asks_its_question(address: str, visit: Visit, seed_assistant: Assistant) -> None:
    """The link to an answer asks its question when it is opened, and says so where the index is another one."""
    page = visit(address)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, DESCRIBE_SEED)
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    generation = seed_assistant.status().generation
    assert parse_qs(urlsplit(link).query) == {"q": [DESCRIBE_SEED], "g": [generation]}

    other = visit(link)
    expect(other.locator(".pfc-question")).to_have_text(DESCRIBE_SEED)
    expect(other.locator(".pfc-card")).to_have_count(1)
    expect(other.locator(".pfc-beside")).to_have_count(0)
    assert urlsplit(other.url).query == ""
    older = visit(link.replace(generation, "g999999"))
    expect(older.locator(".pfc-beside")).to_contain_text("g999999")


def test_what_welcomes_late_leaves_the_answer(
    seed_assistant: Assistant, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question in the page's address may be answered before the welcome has come; its figures then stay."""
    welcome = Front.welcome
    is_answered, has_come = threading.Event(), threading.Event()

    def late(front: Front) -> str:
        is_answered.wait(30)
        has_come.set()
        return welcome(front)

    with served(seed_assistant) as address:
        monkeypatch.setattr(Front, "welcome", late)
        page = visit(f"{address}/?{urlencode({'q': DESCRIBE_SEED})}")
        expect(page.locator(".pfc-card")).to_have_count(1)
        is_answered.set()
        assert has_come.wait(10)
        page.wait_for_timeout(1_000)
        expect(page.locator(".pfc-card")).to_have_count(1)
        expect(page.locator("#pfc-welcome")).to_be_hidden()


def test_a_follow_up_is_shared_with_its_conditions(watched: Watched, watched_address: str, visit: Visit) -> None:
    """The link to a follow-up has the whole question and its conditions, which the controls then show."""
    page = visit(watched_address)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, "Which figures show TNF?")
    ask(page, "only those since 2005")
    page.get_by_role("button", name="Copy link").last.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    other = visit(page.evaluate("navigator.clipboard.readText()"))
    expect(other.locator(".pfc-beside")).to_have_text("Only figures published since 2005")
    expect_ready(other)
    assert "TNF" in watched.asked[-1][0]
    assert watched.filters[-1] == Filters(year_from=2005)
    other.locator("#pfc-filters button").first.click()
    expect(other.get_by_label("Since year")).to_have_value("2005")


def test_a_conversation_is_saved(address: str, visit: Visit) -> None:
    """The whole conversation is saved as Markdown and as JSON."""
    page = visit(address)
    ask(page, DESCRIBE_SEED)
    ask(page, TWO_NAMES)
    for form, name in (("md", "Save as Markdown"), ("json", "Save as JSON")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        assert download.value.suggested_filename == f"pfocr-chat-conversation.{form}"
        text = Path(download.value.path()).read_text("utf-8")
        assert text.index(DESCRIBE_SEED) < text.index(TWO_NAMES)
