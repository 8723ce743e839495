"""Which figures a question refers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import BOTH, FAK, FAK_2, INJECTING, RECORDS, SUMMARY, TNF_ONLY, Planted

from pfocr_chat.answers import Turn
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.queries import Intent
from pfocr_chat.references import References, counts_out, in_focus, read_references, without_ids


@pytest.fixture(scope="module")
def catalog(planted: Planted) -> Iterator[Catalog]:
    with Catalog(planted.folder / FILE_NAME) as opened:
        yield opened


def turn(*figids: str, focus: str | None = None) -> Turn:
    """A turn before that these figures answered."""
    return Turn("", "", Intent.LISTING, figids, focus=focus)


@pytest.mark.parametrize(
    ("question", "figids"),
    [
        ("What is in the paper Adhesion and the Hippo pathway?", (FAK, FAK_2)),
        ("figures of the article “adhesion and the HIPPO pathway”", (FAK, FAK_2)),
        ('"Glucose transport in muscle"', (SUMMARY,)),
        ("show me the study entitled Iron and lipid peroxides", (INJECTING,)),
    ],
)
def test_a_paper_is_found_by_its_title(question: str, figids: tuple[str, ...], catalog: Catalog) -> None:
    """Between quotation marks, or where the question says that it is a paper; letter case makes no difference."""
    assert read_references(question, catalog) == References(figids, (), Intent.LOOKUP)


@pytest.mark.parametrize(
    "question",
    [
        "Which figures show adhesion and the Hippo pathway?",  # no word says that a title is meant
        "which paper is about the Hippo pathway?",  # not the whole title
        "the paper on cytokines",
        '"Hippo"',
        "Death receptors",  # too short to be anything but a topic
        "",
    ],
)
def test_words_of_a_title_are_no_title(question: str, catalog: Catalog) -> None:
    """A question that holds a part of a title, or a short one in passing, refers to no paper."""
    assert read_references(question, catalog) == References()


@pytest.mark.parametrize(
    ("question", "before", "figids"),
    [
        (f"figures from the same paper as {FAK}", (), (FAK, FAK_2)),
        (f"other figures from the same paper as {FAK}", (), (FAK_2,)),
        ("figures from the same paper", (FAK_2, BOTH), (FAK_2, FAK)),
        ("the other figures of this paper", (FAK,), (FAK_2,)),
        ("other figures from the same paper as the second one", (BOTH, FAK), (FAK_2,)),
        ("which other figures are in this paper?", (FAK,), (FAK_2,)),
    ],
)
def test_the_same_paper_is_that_of_a_figure(
    question: str, before: tuple[str, ...], figids: tuple[str, ...], catalog: Catalog
) -> None:
    """Of the figure named, else of the one of the last answer that is meant, which stays first."""
    assert read_references(question, catalog, turn(*before)) == References(figids, (), Intent.LOOKUP)


@pytest.mark.parametrize(
    ("question", "before", "figids"),
    [
        (f"which figures are most like {FAK}?", (), (FAK,)),
        (f"Show figures similar to figure {TNF_ONLY}.", (), (TNF_ONLY,)),
        ("figures most like this one", (BOTH, FAK), (BOTH,)),
        ("more figures like the second one", (BOTH, FAK), (FAK,)),
        ("similar figures", (BOTH,), (BOTH,)),
    ],
)
def test_likeness_is_asked_of_a_figure(
    question: str, before: tuple[str, ...], figids: tuple[str, ...], catalog: Catalog
) -> None:
    """Of the figure named, or of one of the last answer."""
    assert read_references(question, catalog, turn(*before)) == References(figids, (), Intent.SIMILAR)


@pytest.mark.parametrize(
    "question",
    ["similar figures", "figures most like this one", "figures from the same paper"],
)
def test_without_a_figure_there_is_nothing_to_refer_to(question: str, catalog: Catalog) -> None:
    """No figure named and none before: a figure is meant, and it is not clear which."""
    found = read_references(question, catalog)
    assert (found.figids, found.missing) == ((), ())
    assert found.intent in (Intent.LOOKUP, Intent.SIMILAR)
    assert read_references("show figures like the Hippo pathway", catalog) == References()


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("figures most like PMC1__nothing.g1", "PMC1__nothing.g1"),
        ("what is in the paper “A title of no paper”?", "paper “A title of no paper”"),
    ],
)
def test_what_is_not_there_is_told(question: str, missing: str, catalog: Catalog) -> None:
    """A figure that the index does not have, which has no like, and a paper by a title that none has."""
    assert read_references(question, catalog) == References((), (missing,), Intent.LOOKUP)


@pytest.mark.parametrize(
    ("question", "figids"),
    [
        ("what does it show?", ("a",)),
        ("show the second one", ("b",)),
        ("the 3rd figure, please", ("c",)),
        ("and the last one?", ("c",)),
        ("which genes are in [2]?", ("b",)),
        ("number 3", ("c",)),
        ("what does the third one show?", ("c",)),
        ("and the third?", ("c",)),
        ("the 2nd", ("b",)),
        ("the eighth one", ()),
        ("the 40th one", ()),
        ("figure [12]", ()),
    ],
)
def test_a_follow_up_counts_figures_out(question: str, figids: tuple[str, ...]) -> None:
    """By their place in the last answer; the first where no place is named, none beyond the last."""
    assert in_focus(question, turn("a", "b", "c")) == figids
    assert counts_out(question) == (question != "what does it show?")


def test_a_paper_without_another_figure_is_told(catalog: Catalog) -> None:
    """Where a figure is its paper's only one, it is not given as another."""
    found = read_references("other figures from the same paper", catalog, turn(BOTH))
    assert found == References((), ("other figure of that paper",), Intent.LOOKUP)


@pytest.mark.parametrize(
    ("focus", "question", "figids"),
    [
        (None, "the next one", ("a",)),
        ("a", "the next one", ("b",)),
        ("b", "and the next?", ("c",)),
        ("c", "next one please", ()),
        ("b", "the previous figure", ("a",)),
        ("b", "who wrote the next one?", ("c",)),
        ("a", "what does the next figure show?", ("b",)),
        ("a", "previous one", ()),
        (None, "the previous one", ()),
    ],
)
def test_a_follow_up_goes_to_the_neighbour(focus: str | None, question: str, figids: tuple[str, ...]) -> None:
    """The figure after or before the one in focus, none beyond the ends."""
    assert in_focus(question, replace(turn("a", "b", "c"), focus=focus)) == figids
    assert counts_out(question)


@pytest.mark.parametrize(
    "question",
    [
        "what is the next step after activation?",
        "does the second one phosphorylate the first one again?",
        "what is the first step?",
    ],
)
def test_other_things_are_counted_too(question: str) -> None:
    """A place among receptors, steps or the like is none among figures."""
    assert not counts_out(question)


@given(st.text(max_size=60) | st.sampled_from(sorted(RECORDS)))
@settings(max_examples=200, deadline=None)
def test_any_text_refers_to_figures_that_exist(catalog: Catalog, text: str) -> None:
    """Nothing that is typed raises, every figure referred to has a record, and ids can be cut out."""
    found = read_references(f"like {text} same paper", catalog, turn(BOTH))
    assert all(catalog.record(figid) for figid in found.figids)
    assert not set(without_ids(text).split()) & set(RECORDS)
