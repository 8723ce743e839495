"""What was searched for, in parts, and what is asked without one of them: understood by the real chain."""

from __future__ import annotations

import pytest

from pfocr_chat import Assistant, Conversation, Facet, Filters
from pfocr_chat.answers import Answer
from pfocr_chat.ui.parts import ALL_FIGURES, Part, parts_of


def asked(assistant: Assistant, *questions: str, filters: Filters | None = None) -> Answer:
    """The answer to the last of some questions in a row."""
    answer = Answer("", "")
    conversation = Conversation()
    for question in questions:
        answer = assistant.ask(question, conversation, filters=filters)
        conversation = answer.conversation
    return answer


def without(answer: Answer, label: str) -> Part:
    return next(part for part in parts_of(answer) if label in part.label)


@pytest.mark.parametrize(
    ("question", "label", "rest"),
    [
        ("Which figures link integrins to YAP?", "YAP", "Which figures link integrins?"),
        ("Which figures link integrins to YAP?", "integrins", "Which figures link to YAP?"),
        ("How many figures show both TNF and IL6?", "IL6", "How many figures show TNF?"),
        ("How many figures show both TNF and IL6?", "TNF", "How many figures show IL6?"),
        ("Which figures show TNF or IL6 but not MAPK1?", "TNF", "Which figures show IL6 but not MAPK1?"),
        ("Which figures show TNF or IL6 but not MAPK1?", "MAPK1", "Which figures show TNF or IL6?"),
        ("Which figures show TNF, IL6 and MAPK1?", "IL6", "Which figures show TNF, MAPK1?"),
        ("Which figures show TNF-mediated apoptosis?", "TNF", "Which figures show apoptosis?"),
        ("How does TNF activate MAPK1 in cancer?", "TNF", "activate MAPK1 in cancer"),
        ("How does TNF activate MAPK1 in cancer?", "cancer", "TNF activate MAPK1"),
        ("How many figures show TNF since 2010, by year?", "2010", "How many figures show TNF, by year?"),
    ],
)
def test_a_name_leaves_the_question(seed_assistant: Assistant, question: str, label: str, rest: str) -> None:
    """Without one of its names or words a question asks for the others, with what joined it gone too."""
    answer = asked(seed_assistant, question)
    part = without(answer, label)
    assert part.question == rest

    again = asked(seed_assistant, rest, filters=part.filters or None)
    before = {p.label for p in parts_of(answer)}
    assert {p.label for p in parts_of(again)} == before - {part.label}


def test_conditions_are_taken_away_one_by_one(seed_assistant: Assistant) -> None:
    """Years, journals and organisms that stand in the words become filters, of which each can go."""
    journal = next(row.label for row in seed_assistant.count(Facet.JOURNAL).rows)
    answer = asked(seed_assistant, f"All Arabidopsis figures on stress published in {journal} since 2010")
    assert [part.label for part in parts_of(answer)] == [
        "“stress”",
        "published since 2010",
        "in Arabidopsis thaliana",
        f"published in {journal}",
    ]
    since, place = without(answer, "2010"), without(answer, "Arabidopsis")
    assert since.question == "All Arabidopsis figures on stress"
    assert since.filters == Filters(organisms=("Arabidopsis thaliana",), journals=(journal,))
    assert place.question == "All figures on stress"
    assert place.filters == Filters(year_from=2010, journals=(journal,))


def test_conditions_set_beside_the_question_are_parts(seed_assistant: Assistant) -> None:
    """A filter given as an argument is one of the parts, and goes like the others."""
    answer = asked(seed_assistant, "Which figures show TNF?", filters=Filters(year_from=2012, genes_any=("TNF", "IL6")))
    labels = [part.label for part in parts_of(answer)]
    assert labels == ["TNF (gene)", "published since 2012", "printing the gene TNF", "printing the gene IL6"]
    assert without(answer, "printing the gene IL6").filters == Filters(year_from=2012, genes_any=("TNF",))
    alone = without(answer, "TNF (gene)")
    assert alone.question == ALL_FIGURES
    assert not asked(seed_assistant, ALL_FIGURES, filters=Filters(year_from=2012)).abstained


def test_a_follow_up_is_asked_in_full(seed_assistant: Assistant) -> None:
    """Without a part, a follow-up stands on its own: with the words it referred back to."""
    answer = asked(seed_assistant, "Which figures show TNF?", "only those after 2012")

    assert without(answer, "2013").question == "Which figures show TNF?"
    assert not without(answer, "2013").filters
    both = asked(seed_assistant, "Which figures show TNF?", "only those in Arabidopsis")
    assert without(both, "Arabidopsis").question == "Which figures show TNF?"


def test_the_last_part_stays(seed_assistant: Assistant) -> None:
    """Where nothing would be left to ask, the part cannot be taken away."""
    (part,) = parts_of(asked(seed_assistant, "Which figures show TNF?"))
    assert part.question is None


@pytest.mark.parametrize("question", ["hello", "What does PMC11989024__ijms-26-03143-g003 show?"])
def test_no_parts_where_nothing_was_searched(seed_assistant: Assistant, question: str) -> None:
    """Small talk and named figures have no parts."""
    assert parts_of(asked(seed_assistant, question)) == ()
