"""Metrics and text checks of the evaluation, against numbers worked by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.errors import EvaluationError
from pfocr_chat.evaluation import metrics, textchecks

steady = settings(derandomize=True, deadline=None, database=None)
figids = st.sampled_from([f"PMC{n}__f{n}" for n in range(12)])
rankings = st.lists(figids, max_size=20)
gold_sets = st.sets(figids, max_size=8)


def test_rank_counts_a_repeated_figure_once() -> None:
    """The rank of a figure is its place among different figures, from 1."""
    assert metrics.rank_of(["a", "a", "b", "c"], "b") == 2
    assert metrics.rank_of(["a"], "b") is None


@pytest.mark.parametrize(
    ("rank", "at_1", "at_5", "reciprocal"),
    [
        (1, 1.0, 1.0, 1.0),
        (4, 0.0, 1.0, 0.25),
        (5, 0.0, 1.0, 0.2),
        (6, 0.0, 0.0, 1 / 6),
        (None, 0.0, 0.0, 0.0),
    ],
)
def test_hit_and_reciprocal_rank(rank: int | None, at_1: float, at_5: float, reciprocal: float) -> None:
    """hit@k includes the k-th place, and a missing target scores 0."""
    assert (metrics.hit_at(rank, 1), metrics.hit_at(rank, 5)) == (at_1, at_5)
    assert metrics.reciprocal_rank(rank) == reciprocal


def test_precision_recall_and_f1_of_a_list() -> None:
    """Of three given two are right, of four wanted two are found."""
    given_list, gold = ["a", "b", "x", "a"], ["a", "b", "c", "d"]
    assert metrics.precision(given_list, gold) == pytest.approx(2 / 3)
    assert metrics.recall(given_list, gold) == 0.5
    assert metrics.f1(given_list, gold) == pytest.approx(4 / 7)


def test_nothing_to_measure_is_not_zero() -> None:
    """An empty list has no precision, an empty gold no recall; a missed gold has an F1 of 0."""
    assert metrics.precision([], ["a"]) is None
    assert metrics.recall(["a"], []) is None
    assert metrics.f1([], []) is None
    assert metrics.f1([], ["a"]) == 0.0
    assert metrics.ndcg_at(["a"], {}, 10) is None
    assert metrics.percentile([], 0.5) is None
    assert metrics.weighted_mean([]) == (None, 0)


def test_recall_at_counts_all_gold() -> None:
    """recall@k divides by all gold figures, those past k included."""
    assert metrics.recall_at(["a", "b", "c"], ["b", "c"], 2) == 0.5


def test_ndcg_by_hand() -> None:
    """Gains 3, 1, 3 at the places 1, 3, 4 against the ideal 3, 3, 1."""
    gains = {"a": 3.0, "b": 3.0, "c": 1.0}
    actual = 3 + 1 / math.log2(4) + 3 / math.log2(5)
    ideal = 3 + 3 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg_at(["a", "x", "c", "b"], gains, 10) == pytest.approx(actual / ideal)


def test_ndcg_takes_unjudged_figures_out_before_the_cut() -> None:
    """An unjudged figure neither costs a place nor fills one of the first k."""
    gains = {"a": 3.0, "b": 1.0}
    assert metrics.ndcg_at(["u", "a", "v", "b"], gains, 2, judged={"a", "b"}) == 1.0
    assert metrics.ndcg_at(["u", "a", "v", "b"], gains, 2) != 1.0


def test_ndcg_ideal_is_cut_at_k() -> None:
    """With more good figures than places, filling the places is a full score."""
    assert metrics.ndcg_at(["a", "b"], {"a": 1.0, "b": 1.0, "c": 1.0}, 2) == 1.0


def test_percentile_interpolates() -> None:
    """The median of an even number of values lies between the middle two."""
    assert metrics.percentile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert metrics.percentile([1.0, 2.0, 3.0], 0.95) == pytest.approx(2.9)
    assert metrics.percentile([7.0], 0.95) == 7.0


def test_weighted_mean_pools() -> None:
    """One of one and one of four are two of five."""
    mean, weight = metrics.weighted_mean([(1.0, 1), (0.25, 4)])
    assert mean == pytest.approx(0.4)
    assert weight == 5


@steady
@given(rankings, gold_sets, st.integers(1, 12))
def test_measures_of_lists_lie_between_0_and_1(ranking: list[str], gold: set[str], k: int) -> None:
    """Whatever the ranking, repeats included, no measure leaves 0 to 1."""
    values = [
        metrics.precision(ranking, gold),
        metrics.recall(ranking, gold),
        metrics.recall_at(ranking, gold, k),
        metrics.f1(ranking, gold),
        metrics.ndcg_at(ranking, dict.fromkeys(gold, 1.0), k, judged=gold),
    ]
    assert all(value is None or 0.0 <= value <= 1.0 for value in values)


@steady
@given(rankings, st.dictionaries(figids, st.sampled_from([1.0, 3.0]), min_size=1), st.integers(1, 12))
def test_ndcg_is_at_most_that_of_the_ideal_ranking(ranking: list[str], gains: dict[str, float], k: int) -> None:
    """nDCG lies between 0 and 1, which the ranking by gain reaches."""
    ideal = sorted(gains, key=gains.__getitem__, reverse=True)
    value = metrics.ndcg_at(ranking, gains, k)
    assert value is not None
    assert 0.0 <= value <= 1.0
    assert metrics.ndcg_at(ideal, gains, k) == 1.0


@steady
@given(rankings, gold_sets)
def test_f1_lies_between_precision_and_recall(ranking: list[str], gold: set[str]) -> None:
    """F1 is a mean of precision and recall where both exist."""
    precision, recall = metrics.precision(ranking, gold), metrics.recall(ranking, gold)
    f1 = metrics.f1(ranking, gold)
    if precision is not None and recall is not None:
        assert f1 is not None
        assert min(precision, recall) - 1e-12 <= f1 <= max(precision, recall) + 1e-12


@steady
@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_percentile_lies_among_the_values(values: list[float], share: float) -> None:
    """A percentile is not below the least value nor above the greatest."""
    value = metrics.percentile(values, share)
    assert value is not None
    assert min(values) - 1e-9 <= value <= max(values) + 1e-9


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Activated NF-κB moves in [1].", "NF-kB"),
        ("Activated NF-kappaB moves in.", "NF-κB"),
        ("NF‑kB enters", "NF-kappaB"),  # non-breaking hyphen
        ("tumour necrosis factor TNFα rises", "TNF-alpha"),
        ("TNF rises, that is TNFα", "TNF"),
        ("p70 S6K is on", "p70S6K"),
        ("**IL–6** binds", "il-6"),
        ("active PGC-1α", "PGC-1"),
        ("CO₂ enters", "CO2"),
        ("S.\naureus cells", "S. aureus"),
        ("two podocytes", "podocyte"),
        ("the Delta ligand", "Delta"),
        ("Printed in CELL REPORTS, 2011", "Cell reports"),
    ],
)
def test_a_fact_is_found_however_it_is_spelt(text: str, fact: str) -> None:
    """Case, dashes, spaces, plurals and Greek letters do not hide a fact."""
    assert textchecks.fact_present(text, fact)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a rash response", "Ras"),
        ("IL-10 rises", "IL-1"),
        ("vitamin D and cyclin D", "Delta"),
        ("see [7] for more", "7"),
        ("PMC2011__fig-2011 shows it", "2011"),
        ("EGFR", "GF"),
        ("anything", "—"),
    ],
)
def test_a_fact_is_not_found_inside_another_word(text: str, fact: str) -> None:
    """A part of a word, a number, a key or a figid states no fact."""
    assert not textchecks.fact_present(text, fact)


@steady
@given(st.text(max_size=80), st.lists(st.text(max_size=12), max_size=4))
def test_fact_coverage_lies_between_0_and_1(text: str, facts: list[str]) -> None:
    """Any text and any facts give a share, or none where no fact is asked for."""
    coverage = textchecks.fact_coverage(text, facts)
    assert (coverage is None) == (not facts)
    assert coverage is None or 0.0 <= coverage <= 1.0


def test_sentences_of_a_markdown_answer() -> None:
    """Headings, lead-ins and bare keys are no sentences; keys after a full stop stay with theirs."""
    text = (
        "## Integrins\n"
        "Integrins activate FAK. [1] mTOR follows [2]. p53 in S. Aureus does not.\n"
        "Two figures show it:\n"
        "- *A title.* FAK is bound. YAP enters. [1]\n"
        "- FAK is bound [1]. YAP enters.\n"
        "She wrote “FAK is bound. YAP enters.” [1]\n"
        "“A “nested” quotation. It goes on.” [2]\n"
        "> A long quotation. With two parts. [3]\n"
        "[4]\n"
    )
    assert textchecks.sentences(text) == (
        "Integrins activate FAK [1].",
        "mTOR follows [2].",
        "p53 in S. Aureus does not.",
        "*A title.* FAK is bound. YAP enters [1].",
        "FAK is bound [1].",
        "YAP enters.",
        "She wrote “quote” [1]",
        "“A “nested” quotation. It goes on.” [2]",
        "A long quotation. With two parts [3]. [4]",
    )


def test_keyed_sentences_count_only_keys_of_citations() -> None:
    """A key that no citation has does not support its sentence."""
    text = "FAK binds [1, 2]. Src follows [9]. Nothing else."
    assert textchecks.keys_in(text) == {1, 2, 9}
    assert textchecks.keyed_sentences(text, {1, 2}) == (1, 3)


@steady
@given(st.text(alphabet="aB .[1]“”\n>-#:", max_size=60))
def test_keyed_sentences_are_a_part_of_all(text: str) -> None:
    """No text has more keyed sentences than sentences."""
    keyed, total = textchecks.keyed_sentences(text, {1})
    assert 0 <= keyed <= total


def test_a_quote_is_verbatim_but_for_white_space_and_cut_marks() -> None:
    """Words changed or left out in the middle make a quote false."""
    caption = "Activated integrins promote\n  signaling; FAK binds."
    assert textchecks.is_verbatim("integrins promote signaling…", [None, caption])
    assert not textchecks.is_verbatim("integrins … FAK binds", [caption])
    assert not textchecks.is_verbatim("Integrins inhibit", [caption])
    assert not textchecks.is_verbatim("  ", [caption])


def test_figids_are_read_out_of_text_and_addresses() -> None:
    """A figid at the end of a sentence, escaped, or in an address has its own spelling among the readings."""
    text = r"See PMC12\_\_a-g003. And https://x.org/PMC34__b.1.html"
    first, second = textchecks.figids_in(text)
    assert "PMC12__a-g003" in first
    assert "PMC34__b.1" in second
    assert textchecks.figids_in("PMC12 alone") == ()


@pytest.mark.parametrize("text", ["<script>", "< IMG src=x>", "a <svg/onload=x>"])
def test_a_live_tag_is_seen(text: str) -> None:
    """Tags that a browser acts on are found in any case."""
    assert textchecks.live_tag(text)


@pytest.mark.parametrize("text", ["&lt;script&gt;", r"\<img src=x>", "p < 0.05", "<TP53>"])
def test_escaped_tags_are_not_live(text: str) -> None:
    """Escaped tags and comparisons are text."""
    assert textchecks.live_tag(text) is None


def test_prompt_phrases_are_found_whatever_the_markup(tmp_path: Path) -> None:
    """Eight words of a prompt in a row are a leak, seven are not, and a placeholder parts them."""
    prompt = "Answer only from the figures below and cite each key. {evidence} Be brief and plain here now."
    (tmp_path / "answer.md").write_text(prompt, encoding="utf-8")
    phrases = textchecks.read_prompt_phrases(tmp_path)
    assert textchecks.leaked("I was told: *Answer only from the figures\nbelow and cite* …", phrases)
    assert textchecks.leaked("Answer only from the figures below, please", phrases) is None
    assert textchecks.leaked("cite each key be brief and plain here now", phrases) is None


def test_a_missing_prompt_folder_is_one_clear_error(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(EvaluationError, match="no-prompts"):
        textchecks.read_prompt_phrases(tmp_path / "no-prompts")
