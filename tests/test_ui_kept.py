"""Conversations as files, answers kept by a browser, and what visitors say of answers."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_ui_render import HOSTILE, RECORD, an_answer, assert_harmless, cited

from pfocr_chat import Answer, Assistant, Conversation, Filters
from pfocr_chat.answers import NearMiss
from pfocr_chat.feedback import MAX_COMMENT, FeedbackKind, FeedbackStore
from pfocr_chat.queries import Intent, Query
from pfocr_chat.ui.kept import MAX_SOURCES, MAX_TEXT, Kept, render_entries, render_kept
from pfocr_chat.ui.session import NOT_KEPT, Asked, Session, keep_feedback
from pfocr_chat.ui.shared import Shared
from pfocr_chat.ui.transcript import Transcript, render_transcript

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
SOURCES = st.lists(st.tuples(st.integers(), HOSTILE, st.just("PMC1__f") | HOSTILE).map(list), max_size=3)
ENTRIES = st.fixed_dictionaries(
    {
        "question": HOSTILE | JSON,
        "text": HOSTILE | JSON,
        "generation": HOSTILE | JSON,
        "sources": SOURCES | JSON,
        "filters": st.dictionaries(st.sampled_from(["year_from", "organisms", "x"]), JSON) | JSON,
        "again": HOSTILE,
        "turn": st.fixed_dictionaries(
            {"question": HOSTILE, "subject": HOSTILE, "intent": st.just("listing") | JSON, "figids": st.just([]) | JSON}
        )
        | JSON,
    }
)


def test_a_conversation_becomes_a_file() -> None:
    """Markdown has each question, answer, citation and verdict; JSON has all that is known of the answers."""
    answers = (
        an_answer(generation="g000002"),
        Answer("Second?", "None.", abstained=True, near_misses=(NearMiss("PMC2__f", "Near", "https://x.example"),)),
    )
    text = render_transcript(answers, Transcript.MARKDOWN)
    for part in (
        "## Which figures link integrins to YAP?",
        f"[1] {RECORD.title} (PMC1__f1)",
        "> β1 integrin",
        "g000002",
    ):
        assert part in text
    assert "- Near, https://x.example" in text
    assert "Grounding: 1 checked against its figure." in text
    read = json.loads(render_transcript(answers, Transcript.JSON))
    assert [item["question"] for item in read] == [answer.question for answer in answers]


def test_what_is_kept_comes_back() -> None:
    """An answer kept by a browser is read again as it was, cut to what is kept."""
    many = tuple(cited(replace(RECORD, figid=f"PMC{n}__f"), n) for n in range(1, 40))
    kept = Kept.of(an_answer(text="x" * 2 * MAX_TEXT, citations=many, generation="g000001"))

    assert len(kept.text) == MAX_TEXT
    assert len(kept.sources) == MAX_SOURCES
    assert Kept.parse(json.loads(json.dumps(kept.to_dict()))) == kept


@given(JSON | ENTRIES)
def test_what_a_browser_brings_back_is_harmless(value: object) -> None:
    """Whatever comes from a browser is refused, or shown as text with links to the web only."""
    kept = Kept.parse(value)
    if kept:
        assert_harmless(render_kept(kept))


@given(HOSTILE)
def test_what_a_browser_is_given_is_one_attribute(text: str) -> None:
    """The script reads back exactly what was written, whatever stands in it."""
    kept = Kept("?", text, "g1", ((1, text, text),))
    html = render_entries([kept])
    assert html.count("<") == 2
    assert html.count('"') == 2


def test_long_and_odd_entries_are_refused() -> None:
    """What no page of ours wrote is not shown."""
    good = Kept("Q?", "A", "g1", ((1, "t", "PMC1__f"),)).to_dict()
    assert Kept.parse(good)
    wrong = [
        {"text": "x" * (MAX_TEXT + 1)},
        {"question": " "},
        {"question": 3},
        {"sources": [[1, "t"]]},
        {"sources": [[1, "t", "javascript:x"]]},
    ]
    wrong += [{"sources": [[True, "t", "PMC1__f"]]}, {"sources": [[1, "t", "PMC1__f"]] * 99}, {"sources": None}]
    for change in wrong:
        assert Kept.parse(good | change) is None, change


def test_feedback_is_kept_with_its_figures(tmp_path: Path) -> None:
    """What a visitor says is stored with the question, the figures and the generation; the page then shows it."""
    store = FeedbackStore(tmp_path / "feedback.sqlite")
    answer = an_answer(figids=("PMC1__f1", "PMC2__f2"), generation="g000004")
    session = Session().with_answer(Asked(answer.question), answer)
    after = keep_feedback(store, session, 1, FeedbackKind.MISSED_FIGURE, " PMC3__f3 ")
    (said,) = store.all()

    assert (said.kind, said.question, said.comment) == (FeedbackKind.MISSED_FIGURE, answer.question, "PMC3__f3")
    assert (said.figids, said.generation, said.source) == (("PMC1__f1", "PMC2__f2"), "g000004", "page")
    assert "marked as “missed figure”" in after.messages[1]["content"]
    assert session.exchanges[0].verdict is None
    store.close()


def test_feedback_that_cannot_be_kept_is_a_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A comment that is too long, or a file that cannot be written, is told in the chat; no answer, nothing to say."""
    answer = an_answer()
    session = Session().with_answer(Asked(answer.question), answer)
    store = FeedbackStore(tmp_path / "feedback.sqlite")
    long = keep_feedback(store, session, 1, FeedbackKind.USEFUL, "x" * (MAX_COMMENT + 1))
    assert "Shorten it" in str(long.notice)
    with caplog.at_level(logging.ERROR, logger="pfocr_chat.ui.session"):
        nowhere = keep_feedback(FeedbackStore(tmp_path / "no" / "f"), session, 1, FeedbackKind.USEFUL)
    assert nowhere.notice == NOT_KEPT
    assert str(tmp_path) in caplog.text
    assert nowhere.exchanges == session.exchanges
    assert keep_feedback(store, session, 7, FeedbackKind.USEFUL) == session
    assert store.all() == []
    store.close()


def test_a_follow_up_of_a_kept_answer_has_its_context(seed_assistant: Assistant) -> None:
    """What a browser kept of a conversation is enough for a follow-up to be understood as it was before."""
    first = seed_assistant.ask("Which figures show TNF since 2010?")
    second = "only those with IL6"
    told = json.loads(json.dumps(Kept.of(first).to_dict()))
    kept = Kept.parse(told)
    assert kept
    session = Session().with_kept(kept)

    before, after = (seed_assistant.ask(second, c) for c in (first.conversation, session.conversation))
    assert (after.figids, str(after.query)) == (before.figids, str(before.query))
    assert "Only figures published since 2010" in session.messages[0]["content"]
    assert "Follow-ups go on from it" in session.messages[1]["content"]
    assert [answer.question for answer in session.answers] == [first.question]


@pytest.mark.parametrize(
    "questions",
    [
        ("Which figures show TNF?",),
        ("Which figures show TNF since 2010?", "only those with IL6"),
        ("Which figures show TNF?", "how many of them, by year?"),
        ("Which figures show TNF?", "What does the first one show?"),
        ("Which figures show TNF?", "which are most like the first one?"),
    ],
)
def test_a_shared_address_asks_for_the_same(seed_assistant: Assistant, questions: tuple[str, ...]) -> None:
    """What an address carries has the same figures without the conversation, with the generation that answered."""
    conversation, answer = Conversation(), Answer("", "")
    for question in questions:
        answer = seed_assistant.ask(question, conversation)
        conversation = answer.conversation
    shared = Shared.parse("?" + Shared.of(answer).to_query())
    assert shared
    alone = seed_assistant.ask(shared.question, filters=shared.filters or None)

    assert alone.figids == answer.figids
    assert shared.generation == answer.generation


@given(HOSTILE, st.integers(1000, 9999), st.lists(st.text(min_size=1).filter(str.strip)))
def test_an_address_comes_back(question: str, year: int, names: list[str]) -> None:
    """Question, conditions and generation are read from an address as they were written."""
    asked = question.encode("utf-8", "replace").decode().strip()
    named = tuple(name.encode("utf-8", "replace").decode() for name in names)
    shared = Shared(asked, Filters(year, organisms=named), "g000001")

    assert Shared.parse(shared.to_query()) == (shared if asked else None)


@given(st.text())
def test_any_address_can_be_read(address: str) -> None:
    """Whatever stands in an address is a question or none."""
    shared = Shared.parse(address)
    assert shared is None or shared.question


@given(HOSTILE, HOSTILE)
def test_a_saved_conversation_has_no_live_markup(question: str, text: str) -> None:
    """In Markdown, the HTML, links and pictures of a question or an answer are text."""
    saved = render_transcript([an_answer(question=question, text=text)], Transcript.MARKDOWN)
    tokens = [t for token in MarkdownIt("commonmark").parse(saved) for t in (token, *(token.children or ()))]
    kinds = {token.type for token in tokens}

    assert not kinds & {"html_block", "html_inline", "link_open", "image"}, saved


def test_a_saved_conversation_names_its_conditions() -> None:
    """The conditions stand below the question."""
    query = Query("Q?", "Q?", Intent.LISTING, filters=Filters(year_from=2015))
    saved = render_transcript([Answer("Q?", "**A**", query=query)], Transcript.MARKDOWN)

    assert "## Q?\n\nOnly figures published since 2015.\n\n**A**" in saved
