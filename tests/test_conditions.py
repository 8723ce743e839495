"""Conditions given as arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import BOTH, FAK, FAK_2, TNF_ONLY, UNDATED, Planted

from pfocr_chat import Assistant
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.conditions import MAX_NAMES, checked_filters
from pfocr_chat.errors import QuestionError
from pfocr_chat.llm import Llm
from pfocr_chat.queries import Filters


@pytest.fixture(scope="module")
def catalog(planted: Planted) -> Iterator[Catalog]:
    with Catalog(planted.folder / FILE_NAME) as opened:
        yield opened


@pytest.fixture(scope="module")
def quoting(planted: Planted) -> Assistant:
    return planted.assistant(Llm(name="none", setting="none", chat=None, small=False))


@pytest.mark.parametrize(
    ("given_", "checked"),
    [
        (Filters(2000, 2010), Filters(2000, 2010)),
        (Filters(journals=("journal of PLANTED records",)), Filters(journals=("Journal of Planted Records",))),
        (Filters(organisms=("mouse", "M. musculus")), Filters(organisms=("Mus musculus",))),
        (Filters(pmcids=("pmc9000001 ",)), Filters(pmcids=("PMC9000001",))),
        (Filters(genes_all=("fak",)), Filters(genes_all=("PTK2",))),
        (Filters(genes_none=("TNFα", "TNF")), Filters(genes_none=("TNF",))),
        (Filters(genes_any=("GLUT4",)), Filters(genes_any=("SLC2A4",))),
    ],
)
def test_names_are_those_of_the_index(given_: Filters, checked: Filters, catalog: Catalog) -> None:
    """Spellings and aliases make no difference, and a name counts once."""
    assert checked_filters(given_, catalog) == checked


def test_a_family_stands_for_its_members(catalog: Catalog) -> None:
    """Where any of them suffices, or none may be there."""
    anyone = checked_filters(Filters(genes_any=("integrins",)), catalog).genes_any
    assert len(anyone) > 10
    assert "ITGB1" in anyone
    assert checked_filters(Filters(genes_none=("integrins",)), catalog).genes_none == anyone


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (Filters(year_from=20155), "20155 is no year of publication."),
        (Filters(year_to=-3), "-3 is no year of publication."),
        (Filters(year_from="2015"), "'2015' is no year of publication."),  # type: ignore[arg-type]
        (Filters(2020, 2015), "The first year, 2020, is after the last, 2015."),
        (Filters(journals=("Journal of Planted Record",)), "Did you mean “Journal of Planted Records”?"),
        (Filters(organisms=("unicorn",)), "The index has no organism “unicorn”."),
        (Filters(pmcids=("PMC1",)), "The index has no paper “PMC1”."),
        (Filters(figtypes=("sonnet",)), "The index has no figure type “sonnet”."),
        (Filters(genes_all=("FROBX7",)), "The index has no gene “FROBX7”."),
        (Filters(genes_all=("integrins",)), "“integrins” is a family of"),
        (Filters(chemicals_any=('" OR 1=1 --',)), 'The index has no chemical “" OR 1=1 --”.'),
        (Filters(genes_any=("",)), "The index has no gene “”."),
        (Filters(genes_any=("AKT1",) * (MAX_NAMES + 1)), "names 501 genes; at most 500"),
    ],
)
def test_what_cannot_be_used_is_said(given_: Filters, message: str, catalog: Catalog) -> None:
    """In one sentence that names it, and what may have been meant."""
    with pytest.raises(QuestionError) as error:
        checked_filters(given_, catalog)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_name_is_known_or_refused(catalog: Catalog, name: str) -> None:
    """Nothing else is raised, whatever is given as a name."""
    kinds = ("journals", "organisms", "pmcids", "figtypes", "genes_all", "genes_any", "chemicals_all")
    for kind in kinds:
        wanted: dict[str, Any] = {kind: (name,)}
        try:
            checked = checked_filters(Filters(**wanted), catalog)
        except QuestionError:
            continue
        catalog.figids_meeting(checked)


@pytest.mark.parametrize(
    ("filters", "figids"),
    [
        (Filters(year_from=2010), {BOTH}),
        (Filters(organisms=("mouse",)), {BOTH}),
        (Filters(genes_all=("TRADD",)), {TNF_ONLY}),
        (Filters(genes_none=("TRADD",)), {BOTH, UNDATED}),
        (Filters(genes_any=("CRP", "TRADD"), organisms=("human",)), {BOTH, TNF_ONLY}),
    ],
)
def test_a_list_meets_the_conditions_given(filters: Filters, figids: set[str], quoting: Assistant) -> None:
    """In answers, hits and lists alike."""
    question = "which figures show TNF?"
    assert set(quoting.ask(question, filters=filters).figids) == figids
    assert {hit.figid for hit in quoting.find(question, filters=filters)} == figids
    found = {hit.figid for hit in quoting.retrieve(question, 20, filters=filters)}
    assert figids <= found
    assert all(
        found <= {hit.figid for hit in quoting.retrieve(other, 20, filters=filters)} for other in ("TNF", "IL-6")
    )
    assert len(found) < len(quoting.retrieve(question, 20))


def test_conditions_hold_for_one_question(quoting: Assistant) -> None:
    """A follow-up keeps the conditions in the words before it, not those given beside them."""
    first = quoting.ask("which figures since 2001 show TNF?", filters=Filters(organisms=("mouse",)))
    assert set(first.figids) == {BOTH}
    then = quoting.ask("and which of them show IL-6 or TRADD?", first.conversation)
    assert then.query is not None
    assert then.query.filters == Filters(year_from=2001)
    assert set(then.figids) == {BOTH, TNF_ONLY}


def test_words_that_contradict_a_condition_are_told(quoting: Assistant) -> None:
    """The condition given holds."""
    answer = quoting.ask("which figures since 2019 show TNF?", filters=Filters(year_to=2010))
    assert set(answer.figids) == {TNF_ONLY}
    note = "The question asks for figures published since 2019; the conditions set beside it hold instead."
    assert note in answer.notes


def test_an_empty_result_says_which_condition_to_drop(quoting: Assistant) -> None:
    """With the number of figures that there are without it."""
    answer = quoting.ask("which figures show FAK?", filters=Filters(year_from=2020))
    assert answer.abstained
    assert answer.notes == ("Without the condition on years, 2 figures match.",)
    assert {FAK, FAK_2} == {hit.figid for hit in quoting.find("which figures show FAK?")}
