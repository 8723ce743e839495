"""Finding figures: ranking, filters, complete lists, and why a figure was found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import (
    BOTH,
    FAK,
    FAK_2,
    INJECTING,
    LONG,
    RAS,
    RECORDS,
    RETINOIC,
    TITLE_ONLY,
    TNF_ONLY,
    UNDATED,
    Planted,
    is_verbatim,
)

from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.errors import QuestionError
from pfocr_chat.queries import Intent, Query
from pfocr_chat.query import understand
from pfocr_chat.records import Tier
from pfocr_chat.retriever import Retriever
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex


@pytest.fixture(scope="module")
def catalog(planted: Planted) -> Iterator[Catalog]:
    with Catalog(planted.folder / FILE_NAME) as opened:
        yield opened


@pytest.fixture(scope="module")
def retriever(planted: Planted, catalog: Catalog) -> Iterator[Retriever]:
    with VectorIndex(planted.folder / FOLDER_NAME) as vectors:
        yield Retriever(catalog, vectors, planted.embedder)


# Ranking


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How does FAK make YAP1 enter the nucleus?", FAK),
        ("What protects neurons from ferroptosis?", INJECTING),
        ("drugs against focal adhesion kinase", FAK_2),
        ("gibberellin in rice", TITLE_ONLY),
        ("acute inflammation of a whole body by bacteria", BOTH),
    ],
)
def test_the_figure_asked_for_comes_first(question: str, first: str, catalog: Catalog, retriever: Retriever) -> None:
    """By its words, or by its meaning where no word is shared."""
    assert retriever.retrieve(understand(question, catalog), 5)[0].figid == first


@pytest.mark.parametrize("k", [1, 3, 100])
def test_at_most_k_figures_each_once_best_first(k: int, catalog: Catalog, retriever: Retriever) -> None:
    """Hits are as many as asked for or as there are, each figure once, scores falling."""
    hits = retriever.retrieve(understand("TNF and IL-6 in macrophages", catalog), k)
    assert len(hits) == min(k, len(RECORDS))
    assert len({hit.figid for hit in hits}) == len(hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(hit.record.figid == hit.figid for hit in hits)


def test_retrieval_repeats_itself(catalog: Catalog, retriever: Retriever) -> None:
    """The same question gives the same hits with the same scores."""
    query = understand("integrin signalling", catalog)
    assert retriever.retrieve(query, 10) == retriever.retrieve(query, 10)


def test_years_leave_figures_out(catalog: Catalog, retriever: Retriever) -> None:
    """Figures outside the bounds, and those without a year, are not found; the bounds themselves are inside."""
    hits = retriever.retrieve(understand("TNF between 2005 and 2012", catalog), 20)
    years = [hit.record.year for hit in hits]
    assert TNF_ONLY in [hit.figid for hit in hits]
    assert {2005, 2012} <= set(years)
    assert all(year and 2005 <= year <= 2012 for year in years)


def test_years_that_no_figure_has_find_nothing(catalog: Catalog, retriever: Retriever) -> None:
    """An empty range gives no hits."""
    assert retriever.retrieve(understand("TNF since 2090", catalog), 20) == []


def test_figures_with_everything_go_first(catalog: Catalog, retriever: Retriever) -> None:
    """A figure in the complete list of a question for two genes outranks every other."""
    query = understand("which figures show TNF and IL-6?", catalog)
    complete = retriever.complete(query)
    hits = retriever.retrieve(query, 10, complete=complete)
    assert {hit.figid for hit in hits[: len(complete)]} == set(complete)


# Complete lists


@pytest.mark.parametrize(
    ("question", "figids"),
    [
        ("which figures show TNF?", {BOTH, TNF_ONLY, UNDATED}),
        ("which figures show TNFα and also IL-6?", {BOTH, UNDATED}),
        ("how many figures show TNF?", {BOTH, TNF_ONLY, UNDATED}),
        ("figures about TNF since 2006", {BOTH}),
        ("which figures show TNF before 1990", set()),
        ("which figures show FAK and TNF?", set()),
        ("which figures show Ras?", {RAS}),
        ("which figures show RAF1?", {RAS}),
        ("which figures show YAP1?", {FAK}),
        ("list figures on the nucleus", {FAK, RETINOIC}),
        ("list figures on embryonic cells", {RETINOIC}),
        ("which figures are there?", set(RECORDS)),
    ],
)
def test_a_list_is_complete(question: str, figids: set[str], catalog: Catalog, retriever: Retriever) -> None:
    """All figures, and no other, whose tables, title or caption have all that is asked for, within the years."""
    assert set(retriever.complete(understand(question, catalog))) == figids


def test_a_list_has_its_best_evidence_first(catalog: Catalog, retriever: Retriever) -> None:
    """Where the symbol itself is printed comes before a synonym, and that before a mention in the caption."""
    assert retriever.complete(understand("which figures show TNF?", catalog)) == [TNF_ONLY, UNDATED, BOTH]
    assert retriever.complete(understand("which figures show IL-6?", catalog)) == [BOTH, UNDATED]


def test_a_name_is_not_taken_for_another_with_its_stem(catalog: Catalog, retriever: Retriever) -> None:
    """The gene Ras is not the plural of RA, although stemming makes them one."""
    assert RETINOIC not in retriever.complete(understand("which figures show Ras?", catalog))


def test_other_questions_have_no_complete_list(catalog: Catalog, retriever: Retriever) -> None:
    """A question for a relation asks for no list."""
    assert retriever.complete(understand("how does TNF act on IL-6?", catalog)) == []


@given(text=st.text(alphabet="\"*():^-+{}\\ 'ANDORNEAT;%_[]", max_size=60))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("words", ["which figures show {} TNF", "{} NEAR(TNF IL6, 2)", '" OR 1=1 -- {}'])
def test_search_syntax_is_text(words: str, text: str, catalog: Catalog, retriever: Retriever) -> None:
    """Operators of the full-text index and of SQL in a question are words like others."""
    try:
        query = understand(words.format(text), catalog)
    except QuestionError:
        return
    retriever.complete(query)
    assert len(retriever.retrieve(query, 5)) <= 5


# Hits for chosen figures


def test_chosen_figures_keep_their_order(catalog: Catalog, retriever: Retriever) -> None:
    """Hits come in the order given, scores falling, and figures that the index lacks are left out."""
    hits = retriever.to_hits(understand("TNF", catalog), [TNF_ONLY, "PMC1__nothing", FAK, BOTH])
    assert [hit.figid for hit in hits] == [TNF_ONLY, FAK, BOTH]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def matches(question: str, figid: str, catalog: Catalog, retriever: Retriever) -> list[str]:
    (hit,) = retriever.to_hits(understand(question, catalog), [figid])
    return [str(match) for match in hit.matches]


def test_a_match_tells_the_strength_of_its_evidence(catalog: Catalog, retriever: Retriever) -> None:
    """A printed symbol, a printed synonym with its word, a printed family, and a name in the text only."""
    assert matches("TNF", TNF_ONLY, catalog, retriever) == ["TNF printed in the figure"]
    assert matches("FAK", FAK, catalog, retriever) == ["PTK2 printed as a synonym as “FAK”"]
    assert matches("IL-6", UNDATED, catalog, retriever) == ["IL-6 named in the text"]
    (hit,) = retriever.to_hits(understand("Ras", catalog), [RAS])
    assert [(match.name, match.tier) for match in hit.matches] == [("Ras", Tier.CAPTION)]


def test_without_a_name_the_words_in_common_are_the_reason(catalog: Catalog, retriever: Retriever) -> None:
    """Where no entity of the question is in the figure, its words that are tell why it was found."""
    assert matches("TNF in fibroblasts at the cell surface", FAK, catalog, retriever) == [
        "fibroblasts",
        "cell",
        "surface",
    ]


@pytest.mark.parametrize("question", ["autophagy receptors", "FAK", "who knows", "TNF and CRP in sepsis"])
def test_every_quote_is_verbatim(question: str, catalog: Catalog, retriever: Retriever) -> None:
    """A hit's quote stands word for word in its record; only a record without any text has none."""
    hits = retriever.retrieve(understand(question, catalog), 50)
    assert len(hits) == len(RECORDS)
    for hit in hits:
        has_text = hit.record.caption or hit.record.title or hit.record.paper_title
        assert is_verbatim(hit.quote, hit.record) if has_text else hit.quote == ""


def test_a_long_sentence_is_cut_between_words(catalog: Catalog, retriever: Retriever) -> None:
    """A quote ends with an ellipsis after a whole word where its sentence is too long."""
    (hit,) = retriever.to_hits(understand("SQSTM1", catalog), [LONG])
    assert hit.quote.endswith("…")
    assert len(hit.quote) <= 401
    assert (hit.record.caption or "")[len(hit.quote) - 1] in " ,"


def test_a_query_of_no_words_still_searches_by_meaning(catalog: Catalog, retriever: Retriever) -> None:
    """A question of nothing but stop words and signs finds something and fails nowhere."""
    query = understand("what is this about?", catalog)
    assert query == Query("what is this about?", "what is this about?", Intent.RELATION)
    assert len(retriever.retrieve(query, 3)) == 3
