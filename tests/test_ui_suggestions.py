"""Questions that the page offers: examples before the first one, and those to go on with."""

from __future__ import annotations

from itertools import permutations

import pytest

from pfocr_chat import Assistant, Facet
from pfocr_chat.queries import Intent
from pfocr_chat.ui.overview import overview_of
from pfocr_chat.ui.suggestions import LIMIT, MANY, follow_ups
from pfocr_chat.ui.welcome import render_welcome

QUESTIONS = (
    "Which figures link integrins to YAP?",
    "How many figures show TNF?",
    "How many figures show TNF, by year?",
    "How does TNF activate NF-κB?",
    "What does PMC11989024__ijms-26-03143-g003 show?",
    "Which figures are most like PMC11989024__ijms-26-03143-g003?",
    "Which figures are about autophagy?",
    "All figures since 2010",
)


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_offered_has_an_answer(seed_assistant: Assistant, question: str) -> None:
    """Every question to go on with is another one, and figures answer it in that conversation."""
    answer = seed_assistant.ask(question)
    offered = follow_ups(answer)

    assert 0 < len(offered) <= LIMIT
    assert question not in offered
    for further in offered:
        answered = seed_assistant.ask(further, answer.conversation)
        assert not answered.abstained, further
        assert answered.figids, further


def test_what_was_excluded_stays_excluded(seed_assistant: Assistant) -> None:
    """Questions to go on with about the same names exclude what the question excluded."""
    rows = seed_assistant.count(Facet.GENE).rows
    names, other = next(
        (a.label, b.label)
        for a, b in permutations(rows, 2)
        if len(seed_assistant.ask(f"Which figures show {a.label} but not {b.label}?").figids) >= MANY
    )
    answer = seed_assistant.ask(f"Which figures show {names} but not {other}?")
    about = [further for further in follow_ups(answer) if names in further]

    assert about
    for further in about:
        query = seed_assistant.ask(further).query
        assert query
        assert [entity.mention for entity in query.excluded] == [other], further


@pytest.mark.parametrize(
    "question", ["hello", "Which figures show PMC1__no-such-figure?", "quokka zebrafish xylophone?"]
)
def test_nothing_is_offered_without_figures(seed_assistant: Assistant, question: str) -> None:
    """After small talk and abstentions there is nothing to go on with."""
    assert follow_ups(seed_assistant.ask(question)) == ()


def test_examples_have_answers(seed_assistant: Assistant) -> None:
    """The examples are of different kinds, always the same, and figures of the open index answer each."""
    examples = overview_of(seed_assistant).examples

    assert examples == overview_of(seed_assistant).examples
    assert len(examples) >= 7
    answers = [seed_assistant.ask(example) for example in examples]
    assert [a.question for a in answers if a.abstained or not a.figids] == []
    intents = {a.query.intent for a in answers if a.query}
    assert {Intent.LISTING, Intent.COUNT, Intent.LOOKUP, Intent.SIMILAR} <= intents
    assert any(a.table for a in answers)


def test_the_numbers_of_an_index(seed_assistant: Assistant) -> None:
    """The welcome says how much is indexed, when that was done, and what answers."""
    overview, status = overview_of(seed_assistant), seed_assistant.status()
    html = render_welcome(status, overview)

    assert overview.figures == status.figures == 21
    assert dict(overview.organisms)["Homo sapiens"] > 1
    assert overview.years is not None
    assert overview.years[0] < overview.years[1]
    for said in (f"21 from {overview.papers} papers", status.built[:10], "no language model", status.generation):
        assert said in html


def test_a_poor_index_has_fewer_examples(quoting: Assistant) -> None:
    """Over records of another kind, what is offered still has answers."""
    for example in overview_of(quoting).examples:
        assert not quoting.ask(example).abstained, example
