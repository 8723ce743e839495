"""Columns: what all figures have of one thing, and how figures are grouped by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat.columns import Column

VALUES = st.dictionaries(st.integers(1, 60), st.lists(st.sampled_from(["", "a", "b", "β", "1"])), max_size=12)
"""Figures, by ids that have gaps, with what they have; some have nothing, some the same twice."""


def column_of(values: dict[int, list[str]]) -> Column:
    """The column of figures that are numbered in the order of the dictionary."""
    pairs = [(figure, value) for figure, found in values.items() for value in found]
    return Column.of(pairs[::-1], {figure: number for number, figure in enumerate(values)})


def grouped_plainly(values: dict[int, list[str]], figures: list[int]) -> dict[str | None, tuple[str, ...]]:
    """The same, as one would write it down."""
    found: dict[str | None, tuple[str, ...]] = {}
    for figure in figures:
        for value in dict.fromkeys(values[figure]) or {None: None}:
            found[value] = (*found.get(value, ()), f"f{figure}")
    return found


@given(VALUES, st.data())
def test_figures_are_grouped_by_what_they_have(values: dict[int, list[str]], data: st.DataObject) -> None:
    """Any of them, in any order, each once under each value it has, and under none where it has none."""
    figures = data.draw(st.permutations(list(values)).flatmap(lambda p: st.integers(0, len(p)).map(lambda n: p[:n])))
    numbers = {figure: number for number, figure in enumerate(values)}
    grouped = column_of(values).grouped([numbers[figure] for figure in figures], [f"f{figure}" for figure in figures])
    assert grouped == grouped_plainly(values, figures)


@given(VALUES)
def test_a_column_is_read_as_it_was_written(values: dict[int, list[str]]) -> None:
    """Values, in their order, and both arrays."""
    column = column_of(values)
    read = Column.loaded(*column.dumped())
    assert read.values == column.values
    assert read.starts.tolist() == column.starts.tolist()
    assert read.members.tolist() == column.members.tolist()
    assert len(read.starts) == len(values) + 1


def test_numbers_are_values_in_words() -> None:
    """A year is counted under its digits."""
    assert Column.of([(7, 2015), (9, 2015)], {9: 0, 7: 1}).grouped([0, 1], ["nine", "seven"]) == {
        "2015": ("nine", "seven")
    }
