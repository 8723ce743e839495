"""Finding figures: ranking, filters, complete lists, and why a figure was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
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
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.errors import QuestionError
from pfocr_chat.queries import Expansion, Filters, Intent, Listing, Query
from pfocr_chat.query import understand
from pfocr_chat.records import FigureRecord, Kind, Mention, Passage, Tier
from pfocr_chat.retriever import DEPTH, DUPLICATE, NARROW, SHOWN_WEIGHT, SHOWS_ALL, Retriever
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


def test_another_name_counts_unless_its_stem_is_everywhere(catalog: Catalog, retriever: Retriever) -> None:
    """A name of many figures is a name still; "INS" has the stem of "in", and says nothing."""
    query = replace(understand("zyxin", catalog), terms=("zyxin",), expansions=())
    assert catalog.frequencies(["ins"])["ins"] > catalog.figures / 2
    assert catalog.frequencies(["fak"])["fak"] > catalog.figures / 10

    def scores(*others: str) -> dict[str, float]:
        expanded = replace(query, expansions=(Expansion(("zyxin",), others),))
        return {hit.figid: hit.score for hit in retriever.retrieve(expanded, len(RECORDS))}

    assert scores("ins") == scores()
    gain = {figid: score - scores()[figid] for figid, score in scores("fak").items()}
    assert gain[FAK] > 0.1
    assert gain[TNF_ONLY] == pytest.approx(0.0)


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
    assert retriever.retrieve(understand("TNF before 1950", catalog), 20) == []


@pytest.mark.parametrize(
    ("question", "figids"),
    [
        ("which figures in the Journal of Planted Records show FAK?", {FAK}),
        ("which figures show cytokines in mice?", {BOTH}),
        ("which figures show receptors in human cells?", {BOTH, TNF_ONLY}),
        ("which figures show TNF in humans since 2006?", {BOTH}),
        ("which figures show TNF in zebrafish?", set()),
    ],
)
def test_conditions_leave_figures_out(question: str, figids: set[str], catalog: Catalog, retriever: Retriever) -> None:
    """Only figures of the journal, and of the organism in any of its spellings, are found, and all of those."""
    assert {hit.figid for hit in retriever.retrieve(understand(question, catalog), 20)} == figids


def test_figures_with_what_is_excluded_are_left_out(catalog: Catalog, retriever: Retriever) -> None:
    """However near they are."""
    hits = retriever.retrieve(understand("which figures show TNF but not IL-6?", catalog), 20)
    assert hits[0].figid == TNF_ONLY
    assert {hit.figid for hit in hits} == set(RECORDS) - {BOTH, UNDATED}


def test_figures_with_everything_go_first(catalog: Catalog, retriever: Retriever) -> None:
    """A figure in the complete list of a question for two genes outranks every other."""
    query = understand("which figures show TNF and IL-6?", catalog)
    complete = retriever.complete(query)
    hits = retriever.retrieve(query, 10, complete=complete)
    assert {hit.figid for hit in hits[: len(complete)]} == set(complete)


# Scores

SCORED = "How does TNF make fibroblasts migrate?"
NEAR, FAR = 0.9, 0.1


class Told:
    """An embedder that finds every question at the same place, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_query(self, text: str) -> list[float]:
        self.asked.append(text)
        return [1.0, 0.0]


def figure(name: str, caption: str | None = None, **fields: Any) -> FigureRecord:
    return FigureRecord(f"PMC1__{name}", caption=caption, **fields)


@contextmanager
def searching(folder: Path, *figures: tuple[FigureRecord, Sequence[float]]) -> Iterator[tuple[Retriever, Catalog]]:
    """A search over figures whose passages are as similar to any question as is said."""
    passages: list[Passage] = []
    with open_catalog_writer(folder / FILE_NAME) as writer:
        for record, similarities in figures:
            own = [Passage(f"{record.figid}#{n}", record.figid, "") for n in range(len(similarities))]
            writer.put(record, own, source=record.figid, digest="")
            passages += own
        writer.commit()
    cosines = np.array([similarity for _, similarities in figures for similarity in similarities], dtype=np.float32)
    with VectorIndex(folder / FOLDER_NAME, create=True) as vectors:
        owners = [record for record, similarities in figures for _ in similarities]
        vectors.add(passages, owners, np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1))
    with Catalog(folder / FILE_NAME) as catalog, VectorIndex(folder / FOLDER_NAME) as vectors:
        yield Retriever(catalog, vectors, Told()), catalog


OTHERS = [(figure(f"other{n}", f"Auxin number {n} bends roots."), [FAR]) for n in range(12)]
"""Figures that share no word with the questions, and make the words of the others rare."""


def scores(retriever: Retriever, query: Query, k: int = 50, *, complete: Sequence[str] = ()) -> dict[str, float]:
    return {hit.record.figid.partition("__")[2]: hit.score for hit in retriever.retrieve(query, k, complete=complete)}


def test_a_score_is_similarity_plus_the_share_of_words(tmp_path: Path) -> None:
    """The two are added as they are: the nearest passage counts, and words as far as a figure has them."""
    far, near = "TNF makes fibroblasts migrate.", "Fibroblasts migrate by themselves."
    figures = [
        (figure("all_far", far), [FAR]),
        (figure("all_near", far, pmcid="PMC2"), [NEAR]),
        (figure("some", near), [NEAR, FAR]),
        (figure("none", "Auxin bends roots."), [FAR, NEAR, 0.5]),
    ]
    with searching(tmp_path, *figures, *OTHERS) as (retriever, catalog):
        query = understand(SCORED, catalog)
        found = scores(retriever, query)
        similarities = {hit.figid.partition("__")[2]: hit.similarity for hit in retriever.retrieve(query, 50)}
    assert list(found) == sorted(found, key=lambda name: -found[name])
    assert similarities == pytest.approx(
        {"all_far": FAR, "all_near": NEAR, "some": NEAR, "none": NEAR} | {f"other{n}": FAR for n in range(12)}, abs=1e-5
    )
    assert found["none"] == pytest.approx(NEAR, abs=1e-5)
    assert found["all_near"] - found["all_far"] == pytest.approx(NEAR - FAR, abs=1e-5)
    assert 0 < found["some"] - NEAR < found["all_near"] - NEAR < 1


def test_other_words_for_the_same_count_as_much(tmp_path: Path) -> None:
    """A figure that has another spelling of a name gets what a figure of average length gets for the word typed."""
    figures = [
        (figure("typed", "TNF number 1 bends roots."), [FAR]),
        (figure("spelled", "Tumour necrosis factor bends roots."), [FAR]),
        (figure("both", "TNF is tumor necrosis factor."), [FAR]),
        (figure("scattered", "Tumor cells bend all the roots that by any factor are in necrosis."), [FAR]),
    ]
    with searching(tmp_path, *figures, *OTHERS) as (retriever, catalog):
        found = scores(retriever, understand("TNF", catalog))
    assert found["typed"] == pytest.approx(FAR + 1 / 2.2, abs=0.02)
    assert found["spelled"] == pytest.approx(FAR + 1 / 2.2, abs=1e-5)
    assert found["both"] < found["spelled"] + 0.1
    assert found["scattered"] == pytest.approx(FAR, abs=1e-5)


def test_a_list_favours_what_shows_its_names(tmp_path: Path) -> None:
    """A share of SHOWN_WEIGHT for each name or word that a figure shows, and SHOWS_ALL for all names; else nothing."""
    tnf = Mention(Kind.GENE, "TNF", "TNF", Tier.SYMBOL)
    il6 = Mention(Kind.GENE, "IL6", "IL6", Tier.SYMBOL)
    figures = [
        (figure("both", "In fibroblasts.", pmcid="PMC1", mentions=(tnf, il6)), [FAR]),
        (figure("one", "In fibroblasts.", pmcid="PMC2", mentions=(tnf,)), [FAR]),
        (figure("neither", "In fibroblasts.", pmcid="PMC3"), [NEAR]),
    ]
    with searching(tmp_path, *figures, *OTHERS) as (retriever, catalog):
        query = understand("which figures show TNF and IL6 in fibroblasts?", catalog)
        complete = retriever.complete(query)
        plain = scores(retriever, replace(query, intent=Intent.RELATION))
        listed = scores(retriever, query)
        first = scores(retriever, query, complete=complete)
        single = understand("which figures show TNF?", catalog)
        alone = scores(retriever, single), scores(retriever, single, complete=retriever.complete(single))
    assert [figid.partition("__")[2] for figid in complete] == ["both"]
    gained = {name: listed[name] - plain[name] for name in ("both", "one", "neither", "other1")}
    weight = SHOWN_WEIGHT / 3
    assert gained == pytest.approx({"both": 3 * weight, "one": 2 * weight, "neither": weight, "other1": 0}, abs=1e-6)
    assert first["both"] - listed["both"] == pytest.approx(SHOWS_ALL)
    assert {name: score for name, score in first.items() if name != "both"} == pytest.approx(
        {name: score for name, score in listed.items() if name != "both"}
    )
    assert alone[0] == alone[1]


def test_near_duplicates_do_not_crowd_the_top(tmp_path: Path) -> None:
    """Of figures with the same paper and caption the best keeps its place; the others go back by DUPLICATE."""
    same = {"paper_title": "A paper", "caption": "Auxin bends roots."}
    figures = [
        (figure("first", **same), [0.9]),
        (figure("second", **same), [0.89]),
        (figure("third", **same), [0.88]),
        (figure("other_paper", "Auxin bends roots.", paper_title="Another paper"), [0.85]),
        (figure("other_caption", "Auxin bends shoots.", paper_title="A paper"), [0.82]),
        (figure("blank", paper_title="A paper"), [0.81]),
        (figure("blank_too", paper_title="A paper"), [0.80]),
    ]
    with searching(tmp_path, *figures) as (retriever, catalog):
        query = understand("gibberish", catalog)
        found = scores(retriever, query)
        assert list(scores(retriever, query, 3)) == ["first", "other_paper", "other_caption"]
    assert found == pytest.approx(
        {
            "first": 0.9,
            "other_paper": 0.85,
            "other_caption": 0.82,
            "blank": 0.81,
            "blank_too": 0.80,
            "second": 0.89 - DUPLICATE,
            "third": 0.88 - DUPLICATE,
        },
        abs=1e-5,
    )
    assert list(found) == sorted(found, key=lambda name: -found[name])


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Retriever, Catalog]]:
    """More figures than are looked at: the nearer the earlier their year, the farthest with a word of its own."""
    figures = [
        (figure(f"f{n}", "Auxin bends roots.", year=1950 + n // 25, paper_title=str(n)), [0.95 - n / 2_000])
        for n in range(NARROW + 3 * DEPTH)
    ]
    lone = figure("lone", "Xylitol bends roots.", year=2020, paper_title="lone")
    with searching(tmp_path_factory.mktemp("crowd"), *figures, (lone, [-0.5])) as opened:
        yield opened


def test_a_narrow_filter_searches_just_its_figures(crowd: tuple[Retriever, Catalog]) -> None:
    """Few figures meet it, none of them near: each is found with its own similarity."""
    retriever, catalog = crowd
    for question, low, high in (("auxin since 2012", 2012, 2020), ("auxin in 2013", 2013, 2013)):
        hits = retriever.retrieve(understand(question, catalog), 1_000)
        inside = catalog.figids_meeting(Filters(low, high))
        assert {hit.figid for hit in hits} == inside
        assert 10 < len(inside) < DEPTH
        places = [(hit.record.paper_title, hit.similarity) for hit in hits if hit.record.paper_title != "lone"]
        assert [place for _, place in places] == pytest.approx(
            [0.95 - int(str(n)) / 2_000 for n, _ in places], abs=1e-3
        )


def test_a_wide_filter_sorts_out_the_nearest(crowd: tuple[Retriever, Catalog]) -> None:
    """Where many figures meet it, those among the nearest passages that do not are left out."""
    retriever, catalog = crowd
    query = understand("gibberish since 1960", catalog)
    assert len(catalog.figids_meeting(query.filters)) > NARROW
    hits = retriever.retrieve(query, 20)
    assert [hit.record.paper_title for hit in hits] == [str(n) for n in range(250, 270)]


def test_a_figure_far_away_is_found_by_its_words(crowd: tuple[Retriever, Catalog]) -> None:
    """The best of the full text are scored by their own similarity, though it is none of the nearest."""
    retriever, catalog = crowd
    hits = retriever.retrieve(understand("xylitol", catalog), 2 * DEPTH)
    (lone,) = [hit for hit in hits if hit.record.paper_title == "lone"]
    assert lone.similarity == pytest.approx(-0.5, abs=1e-5)
    assert lone.score > lone.similarity


def test_the_text_that_is_searched_for_is_embedded(tmp_path: Path) -> None:
    """Once for each question, with typing errors mended and without its conditions."""
    with searching(tmp_path, *OTHERS) as (_, catalog), VectorIndex(tmp_path / FOLDER_NAME) as vectors:
        told = Told()
        Retriever(catalog, vectors, told).retrieve(understand("auxxin in roots since 1990", catalog), 3)
    assert told.asked == ["auxin in roots"]


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
        ("which figures show FAK or IL-6?", {FAK, FAK_2, BOTH, UNDATED}),
        ("which figures show TNF and CRP or TRADD?", {BOTH, TNF_ONLY}),
        ("which figures show TNF but not IL-6?", {TNF_ONLY}),
        ("how many figures show TNF in mice?", {BOTH}),
        ("how many figures show TNF not in mice?", {BOTH, TNF_ONLY, UNDATED}),
        ("which figures show integrins?", {FAK}),
        ("which figures show tumour necrosis factor?", {BOTH, TNF_ONLY, UNDATED}),
        ("how many figures show TNFRSF1A?", {TNF_ONLY}),
    ],
)
def test_a_list_is_complete(question: str, figids: set[str], catalog: Catalog, retriever: Retriever) -> None:
    """All figures, and no other, whose tables, title or caption have all that is asked for, within the years."""
    assert set(retriever.complete(understand(question, catalog))) == figids


@pytest.mark.parametrize(
    ("question", "undated", "relaxed"),
    [
        ("which figures show TNF since 2006?", 1, [("years", 3)]),
        ("how many figures show TNF in mice before 2010?", 0, [("years", 1), ("organisms", 1)]),
        ("which figures show TNF?", 0, []),
        ("which figures show FAK in zebrafish?", 0, [("organisms", 2)]),
        ("which figures show FAK in zebrafish before 1950?", 0, []),
        ("how does TNF act since 2006?", 0, []),
    ],
)
def test_what_conditions_leave_out_is_counted(
    question: str, undated: int, relaxed: list[tuple[str, int]], catalog: Catalog, retriever: Retriever
) -> None:
    """Figures that would be on a list but for a year that is not known, and those without one kind of condition."""
    query = understand(question, catalog)
    assert retriever.without_year(query) == undated
    assert retriever.relaxations(query) == relaxed


def test_a_list_has_its_best_evidence_first(catalog: Catalog, retriever: Retriever) -> None:
    """Where the symbol itself is printed comes before a synonym, and that before a mention in the caption."""
    shown = retriever.complete(understand("which figures show TNF?", catalog))
    assert list(shown.tiers.items()) == [(TNF_ONLY, Tier.SYMBOL), (UNDATED, Tier.SYMBOL), (BOTH, Tier.SYNONYM)]
    shown = retriever.complete(understand("which figures show IL-6?", catalog))
    assert list(shown.tiers.items()) == [(BOTH, Tier.SYMBOL), (UNDATED, Tier.CAPTION)]
    shown = retriever.complete(understand("which figures show integrins?", catalog))
    assert dict(shown.tiers) == {FAK: Tier.TITLE}
    assert shown.strong is None


def test_a_pair_has_the_evidence_of_its_weaker_part(catalog: Catalog, retriever: Retriever) -> None:
    """A figure that prints one name and only mentions the other is no better than the mention."""
    shown = retriever.complete(understand("which figures show TNF and IL-6?", catalog))
    assert dict(shown.tiers) == {BOTH: Tier.SYNONYM, UNDATED: Tier.CAPTION}


@pytest.mark.parametrize(
    ("question", "listed", "weaker"),
    [
        ("which figures show HRAS?", set(), (RAS,)),
        ("which figures show HRAS and RAF1?", set(), (RAS,)),
        ("which figures show HRAS or TRADD?", {TNF_ONLY}, (RAS,)),
        ("which figures show HRAS but not RAF1?", set(), ()),
        ("which figures show HRAS since 2014?", set(), ()),
        ("which figures show HRAS on membranes?", set(), (RAS,)),
        ("which figures show HRAS in the nucleus?", set(), ()),
        ("which figures show Ras?", {RAS}, ()),
    ],
)
def test_figures_that_print_a_family_are_weaker(
    question: str, listed: set[str], weaker: tuple[str, ...], catalog: Catalog, retriever: Retriever
) -> None:
    """A printed family is no evidence for one of its members; the figure is told apart, if it meets all else."""
    listing = retriever.complete(understand(question, catalog))
    assert (set(listing), listing.weaker) == (listed, weaker)


def test_figures_on_a_topic_have_it_in_their_titles(catalog: Catalog, retriever: Retriever) -> None:
    """They come first; those that only have the words in their captions mention it."""
    listing = retriever.complete(understand("list figures on receptors", catalog))
    assert listing.strong == len(listing) == 4
    listing = retriever.complete(understand("list figures on membranes", catalog))
    assert (listing.strong, len(listing)) == (0, 2)
    assert set(listing.tiers.values()) == {Tier.CAPTION}


def test_figures_of_a_list_in_another_order(catalog: Catalog, retriever: Retriever) -> None:
    """All of them and no other, those given first."""
    listing = retriever.complete(understand("which figures show TNF?", catalog))
    assert listing.ranked([FAK, BOTH, BOTH, UNDATED]) == [BOTH, UNDATED, TNF_ONLY]
    assert (BOTH in listing, FAK in listing, len(listing)) == (True, False, 3)


# Likeness


def test_the_most_similar_figures_say_what_they_share(retriever: Retriever) -> None:
    """By meaning and by common genes; the figure itself is not like itself."""
    hits = retriever.similar(BOTH, 5, Filters())
    assert len(hits) == 5
    assert BOTH not in {hit.figid for hit in hits}
    assert {hit.figid for hit in hits[:2]} == {UNDATED, TNF_ONLY}
    assert [match.name for hit in hits[:2] for match in hit.matches] == ["TNF", "TNF"]
    assert all(hit.similarity is not None and hit.score >= hit.similarity for hit in hits)
    # FAK_2 shares the one of FAK's three genes that it prints.
    first = retriever.similar(FAK, 1, Filters())[0]
    assert first.figid == FAK_2
    assert first.score == pytest.approx((first.similarity or 0) + 1 / 3)


def test_the_most_similar_figures_meet_conditions(retriever: Retriever) -> None:
    """And there are none for a figure that is not there."""
    assert {hit.figid for hit in retriever.similar(UNDATED, 9, Filters(organisms=("Mus musculus",)))} == {BOTH}
    assert retriever.similar("PMC1__nothing", 5, Filters()) == []


def test_a_name_is_not_taken_for_another_with_its_stem(catalog: Catalog, retriever: Retriever) -> None:
    """The gene Ras is not the plural of RA, although stemming makes them one."""
    assert RETINOIC not in retriever.complete(understand("which figures show Ras?", catalog))


def test_other_questions_have_no_complete_list(catalog: Catalog, retriever: Retriever) -> None:
    """A question for a relation asks for no list."""
    assert retriever.complete(understand("how does TNF act on IL-6?", catalog)) == Listing()


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
    assert matches("IL-6", UNDATED, catalog, retriever) == ["IL-6 named in the caption"]
    assert matches("IL-6 and gibberellin", BOTH, catalog, retriever) == ["IL6 printed in the figure"]
    (hit,) = retriever.to_hits(understand("Ras", catalog), [RAS])
    assert [(match.name, match.tier) for match in hit.matches] == [("Ras", Tier.TITLE)]


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
