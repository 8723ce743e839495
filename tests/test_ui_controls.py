"""The conditions beside the chat: what their values stand for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat import Answer, Filters, QuestionError
from pfocr_chat.queries import Intent, Query
from pfocr_chat.ui.controls import filters_of, names_in
from pfocr_chat.ui.standing import Standing, render_standing, shown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("TNF IL6", ("TNF", "IL6")),
        ("TNF, NF-kappa B ,IL6", ("TNF", "NF-kappa B", "IL6")),
        ("TNF;IL6\n", ("TNF", "IL6")),
        ("TNF TNF", ("TNF",)),
        ("  ", ()),
        (",", ()),
    ],
)
def test_genes_are_read_as_typed(text: str, names: tuple[str, ...]) -> None:
    """Names stand between commas, semicolons or lines, else between spaces, each once."""
    assert names_in(text) == names


def test_empty_controls_set_no_condition() -> None:
    """Nothing typed and nothing chosen lets every figure through."""
    assert not filters_of(None, None, None, None, None)
    assert not filters_of([], None, None, "", " ")


def test_values_become_conditions() -> None:
    """Each control sets its own condition."""
    filters = filters_of(["Homo sapiens"], "2010", " 2015 ", "TNF", "IL6 AKT1")

    assert filters == Filters(2010, 2015, ("Homo sapiens",), genes_all=("TNF",), genes_any=("IL6", "AKT1"))


@given(st.lists(st.text(min_size=1)), st.none() | st.integers(1900, 2100), st.text(), st.text())
def test_what_the_controls_set_they_can_show(organisms: list[str], year: int | None, every: str, some: str) -> None:
    """No condition that the controls make is one without a control."""
    text = str(year or "")
    filters = filters_of(organisms, text, text, every, some)

    assert shown(filters) == filters


@pytest.mark.parametrize("text", ["20", "20x5", "-100", "²⁰¹⁰"])
def test_a_year_is_a_number(text: str) -> None:
    """What is no year is refused by name, not taken for something else."""
    with pytest.raises(QuestionError, match=re.escape(text)):
        filters_of([], text, "", "", "")


SINCE = Filters(year_from=2015)
HUMAN = Filters(organisms=("Homo sapiens",))


def answered(filters: Filters, stated: Filters | None = None) -> Answer:
    query = Query("?", "?", Intent.LISTING, filters=filters, stated=stated or Filters())
    return Answer("?", "!", query=query)


def test_conditions_of_one_question_hold_for_it_alone() -> None:
    """What a question says or a click set is shown in the controls, and does not hold for the next one."""
    for now in (
        Standing().read(Filters()).after(answered(SINCE, SINCE), None),
        Standing().read(Filters()).after(answered(SINCE), SINCE),
    ):
        assert (now.in_controls, now.held) == (SINCE, Filters())
        assert now.label == "Filters (1 in the last question)"
        assert "The last question only: figures published since 2015" in render_standing(now)
        assert now.read(SINCE).held == Filters()
        assert now.read(Filters(2016)).held == Filters(2016)


def test_what_is_set_in_the_controls_holds() -> None:
    """Conditions that a visitor sets hold until they are cleared, and an answer that met them changes nothing."""
    now = Standing().read(HUMAN).after(answered(HUMAN), HUMAN)
    assert now == Standing(HUMAN)
    assert now.label == "Filters (1 set)"
    assert "Every question: only figures in Homo sapiens." in render_standing(now)
    both = Filters(2015, organisms=HUMAN.organisms)
    narrower = now.after(answered(both, SINCE), HUMAN)
    assert (narrower.in_controls, narrower.held) == (both, HUMAN)
    assert render_standing(Standing()) == ""


def test_a_condition_taken_away_is_held_no_longer() -> None:
    """A click on a condition of an answer ends it for the questions to come too, and no other one."""
    both = Filters(2015, organisms=("Homo sapiens", "Mus musculus"))
    assert Standing(both).without(both, Filters(organisms=both.organisms)).held == Filters(organisms=both.organisms)
    assert Standing(both).without(both, Filters(2015, organisms=("Mus musculus",))).held == Filters(
        2015, organisms=("Mus musculus",)
    )
    assert Standing(HUMAN).without(SINCE, Filters()).held == HUMAN
