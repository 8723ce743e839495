"""The conditions beside the chat: what their values stand for."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat import Filters, QuestionError
from pfocr_chat.ui.controls import filters_of, names_in, shown


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
