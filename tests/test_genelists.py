"""Gene lists: what is read of a pasted list, what its names stand for, and which figures overlap with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from scipy.stats import fisher_exact
from timing import least_seconds

from pfocr_chat.catalog import Catalog, GeneSets
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.enrichment import GeneListResult, rank_figures
from pfocr_chat.errors import QuestionError
from pfocr_chat.genelists import (
    MAX_GENES,
    SHOWN_FIGURES,
    WORDS_EACH,
    Ambiguity,
    ListedFamily,
    ListedGene,
    Resolved,
    compare_gene_list,
    enrich,
    listed_in,
    looks_like_gene_list,
    parse_gene_list,
    render_gene_list,
    resolve_genes,
)
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier

SYMBOL, SYNONYM, FAMILY = Tier.SYMBOL, Tier.SYNONYM, Tier.FAMILY
# For each figure its rows: the word printed, the gene, the tier.
FIGURES: dict[str, list[tuple[str, str, Tier]]] = {
    "PMC4__mixed": [("QX9", "BAX", SYNONYM), ("QX9", "IRF3", SYNONYM), ("ZZFAM", "BAX", FAMILY)],
    "PMC1__damage": [
        ("TP53", "TP53", SYMBOL),
        ("p53", "TP53", SYNONYM),
        ("MDM2", "MDM2", SYMBOL),
        ("p21", "CDKN1A", SYNONYM),
        *(("AKT", f"AKT{n}", FAMILY) for n in (1, 2, 3)),
    ],
    "PMC1__death": [("p53", "TP53", SYNONYM), ("BAX", "BAX", SYMBOL)],
    "PMC2__sting": [("STING", "TMEM173", SYNONYM), ("IRF3", "IRF3", SYMBOL)],
    "PMC3__kinases": [("Akt1", "AKT1", SYMBOL), ("ERK2", "MAPK1", SYNONYM)],
    "PMC5__bare": [],
}
PRINTED = {"TP53", "MDM2", "CDKN1A", "BAX", "TMEM173", "IRF3", "AKT1", "MAPK1"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A catalog of a few figures, with the names of all human genes."""
    with Catalog(write_catalog(tmp_path_factory.mktemp("genelists"), FIGURES)) as opened:
        yield opened


def write_catalog(folder: Path, figures: Mapping[str, Sequence[tuple[str, str, Tier]]]) -> Path:
    """A catalog of figures with those rows, which all show glucose too."""
    path = folder / "catalog.sqlite"
    with open_catalog_writer(path) as writer:
        for figid, rows in figures.items():
            mentions = [Mention(Kind.GENE, word, gene, tier) for word, gene, tier in rows]
            mentions.append(Mention(Kind.CHEMICAL, "glucose", "Glucose", SYMBOL))
            writer.put(FigureRecord(figid, mentions=tuple(mentions)), [], source=figid, digest="d")
        writer.commit()
    return path


def gene_sets(shown: Mapping[str, Sequence[str]]) -> GeneSets:
    """The genes of figures, as a catalog would give them."""
    genes = sorted({gene for figure in shown.values() for gene in figure})
    rows = [[genes.index(gene) for gene in shown[figid]] for figid in sorted(shown)]
    return GeneSets(
        figids=tuple(sorted(shown)),
        genes=tuple(genes),
        starts=np.cumsum([0, *map(len, rows)]),
        members=np.array([gene for row in rows for gene in row], dtype=np.int32),
    )


def in_figures(sets: GeneSets) -> dict[str, set[str]]:
    """The genes of every figure that has any."""
    rows = zip(sets.figids, sets.starts[:-1], sets.starts[1:], strict=True)
    return {figid: {sets.genes[g] for g in sets.members[first:last]} for figid, first, last in rows if first < last}


# Reading a list


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("TP53 MDM2\tBAX", ("TP53 MDM2", "BAX")),
        ("TP53  MDM2 BAX", ("TP53", "MDM2", "BAX")),
        ("TP53,MDM2; BAX,\n\nIRF3\r\n", ("TP53", "MDM2", "BAX", "IRF3")),
        ("TNF alpha, interleukin 6", ("TNF alpha", "interleukin 6")),
        ("NF kappa B\nIL 6", ("NF kappa B", "IL 6")),
        ("IL-6, IL6, il 6, TNF-α, TNFa", ("IL-6", "TNF-α")),
        ("['TP53', \"MDM2\"]", ("TP53", "MDM2")),
        ("“TP53”, ‘MDM2’, `BAX`", ("TP53", "MDM2", "BAX")),
        ("- TP53\n* MDM2\n• BAX\n– IRF3", ("TP53", "MDM2", "BAX", "IRF3")),
        ("1. TP53\n2) MDM2\n(3) BAX\n14-3-3", ("TP53", "MDM2", "BAX", "14-3-3")),
        ("# from table S2\nTP53 # the first\n  # more\nMDM2", ("TP53", "MDM2")),
        ("Gene\nTP53\nMDM2", ("TP53", "MDM2")),
        ("\ufeffgene_symbol\r\nTP53", ("TP53",)),
        ('"HGNC Symbol"\n"TP53"', ("TP53",)),
        ("gene TP53", ("TP53",)),
        ("gene", ("gene",)),
        ("TP53\u2028MDM2\xa0", ("TP53", "MDM2")),
        ("TP53, ???, --, MDM2.", ("TP53", "MDM2")),
    ],
)
def test_a_pasted_list_is_read_as_names(text: str, names: tuple[str, ...]) -> None:
    """Any usual separator; what is around a name, comments, headers and repetitions are left out."""
    assert parse_gene_list(text) == names


@pytest.mark.parametrize("text", ["", " \n\t ", ",;,", "# TP53", "--- * ---"])
def test_a_list_without_names_is_refused(text: str) -> None:
    """With a sentence that says what to give."""
    with pytest.raises(QuestionError, match=r"no gene in the list\. Give symbols"):
        parse_gene_list(text)


def test_a_list_that_is_too_long_is_refused_with_its_length() -> None:
    """Repetitions do not count; names given in other ways than as a text are counted too."""
    most = [f"GENE{n}" for n in range(MAX_GENES)]
    assert len(parse_gene_list("\n".join(most * 2))) == MAX_GENES
    with pytest.raises(QuestionError, match="has 5,000 names, and at most 2,000"):
        parse_gene_list(" ".join(f"GENE{n}" for n in range(5_000)))


def test_a_list_that_grows_too_long_or_is_a_text_is_refused(catalog: Catalog) -> None:
    """Lines of symbols are counted by the symbol; what is no list at all is not looked up."""
    with pytest.raises(QuestionError, match="2,001 names"):
        resolve_genes([f"GENE{n}" for n in range(MAX_GENES + 1)], catalog)
    with pytest.raises(QuestionError, match="2,002 names"):
        resolve_genes(["TP53 MDM2"] * 1_001, catalog)
    with pytest.raises(QuestionError, match="words, which are no names"):
        resolve_genes(["word " * (MAX_GENES * WORDS_EACH + 1)], catalog)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_names_or_a_sentence(text: str) -> None:
    """Names are never blank, and no two have one lookup key: what was read is read again as it is."""
    try:
        names = parse_gene_list(text)
    except QuestionError:
        return
    assert all(name == name.strip() != "" for name in names)
    assert parse_gene_list("\n".join(("TP53", *names)))[1:] == tuple(n for n in names if n.casefold() != "tp53")


# What names stand for


def test_symbols_and_aliases_are_genes_of_the_index(catalog: Catalog) -> None:
    """A symbol in any case and with any separators, an alias, a name in words; a gene named twice is one."""
    names = ("tp53", "p53", "MDM-2", "p21", "ERK2", "BCL2 associated X, apoptosis regulator")
    resolved = resolve_genes(names, catalog)
    assert [(gene.typed, gene.symbol) for gene in resolved.genes] == list(
        zip(names, ("TP53", "TP53", "MDM2", "CDKN1A", "MAPK1", "BAX"), strict=True)
    )
    assert resolved.symbols == ("TP53", "MDM2", "CDKN1A", "MAPK1", "BAX")
    assert resolved.families == resolved.unknown == resolved.absent == resolved.ambiguous == ()


def test_a_renamed_gene_is_found_under_the_symbol_of_the_index(catalog: Catalog) -> None:
    """The corpus has STING1 as TMEM173, its symbol of earlier years."""
    assert resolve_genes(("STING1", "TMEM173"), catalog).genes == (
        ListedGene("STING1", "TMEM173"),
        ListedGene("TMEM173", "TMEM173"),
    )


def test_an_older_symbol_of_two_genes_and_an_alias_of_two(tmp_path: Path) -> None:
    """ALDH7 was a symbol of two genes, so neither is taken to be meant by it; of the two genes that share an alias,
    the one that the index shows is."""
    rows = [("ALDH7", "ALDH7", SYMBOL), ("TLR5", "TLR5", SYMBOL)]
    with Catalog(write_catalog(tmp_path, {"PMC1__a": rows})) as catalog:
        assert resolve_genes(("ALDH9A1", "ALDH3B1"), catalog).absent == ("ALDH9A1", "ALDH3B1")
        shared = resolve_genes(("FLJ10052",), catalog)
        assert shared.symbols == ("TLR5",)
        assert shared.ambiguous == (Ambiguity("FLJ10052", "TLR5", ("SUSD4",)),)


def test_what_is_called_just_as_typed_is_meant(tmp_path: Path) -> None:
    """CDK1/2 is not CDK12, though they have one lookup key; and of two things of one name, the gene of that symbol
    is, however often figures print the other."""
    figures = {f"PMC{n}__f": [("PRC1", "RING1", FAMILY), ("RING1", "RING1", SYMBOL)] for n in range(9)}
    figures["PMC9__f"] = [("CDK1", "CDK1", SYMBOL), ("CDK-12", "CDK12", SYMBOL)]
    with Catalog(write_catalog(tmp_path, figures)) as catalog:
        assert resolve_genes(("CDK1/2",), catalog).symbols == ("CDK1",)
        assert resolve_genes(("CDK-12",), catalog).symbols == ("CDK12",)
        assert resolve_genes(("prc1",), catalog).absent == ("prc1",)


def test_a_family_is_its_members_in_the_index(catalog: Catalog) -> None:
    """Only AKT1 is printed by itself; the others are genes of the index where printed families count."""
    assert resolve_genes(("AKTs",), catalog).symbols == ("AKT1",)
    printed = resolve_genes(("AKT", "MDM2"), catalog)
    assert printed.families == (ListedFamily("AKT", "AKT", ("AKT1",)),)
    assert printed.genes == (ListedGene("AKT", "AKT1", family="AKT"), ListedGene("MDM2", "MDM2"))
    shown = resolve_genes(("AKT", "AKT2"), catalog, with_families=True)
    assert shown.families == (ListedFamily("AKT", "AKT", ("AKT1", "AKT2", "AKT3")),)
    assert shown.symbols == ("AKT1", "AKT2", "AKT3")


def test_a_family_that_only_the_corpus_knows_is_called_as_typed(catalog: Catalog) -> None:
    """It has no name there but its lookup key."""
    assert resolve_genes(("ZZ-fam",), catalog).families == (ListedFamily("ZZ-fam", "ZZ-fam", ("BAX",)),)


def test_unknown_names_and_genes_that_no_figure_prints_are_told_apart(catalog: Catalog) -> None:
    """A chemical or a number (9-1-1 is a complex) is no gene; a family whose members are printed nowhere is known."""
    resolved = resolve_genes(("qqq7", "glucose", "911", "OR4F5", "olfactory receptor", "Wnt"), catalog)
    assert resolved.genes == ()
    assert resolved.unknown == ("qqq7", "glucose", "911")
    assert resolved.absent == ("OR4F5", "olfactory receptor", "Wnt")


def test_a_name_that_may_mean_another_gene_is_reported(catalog: Catalog) -> None:
    """Both genes have the word printed in one figure; an approved symbol is never in doubt, though TnC is
    troponin C too, nor is a choice between a family and members of it a doubt."""
    resolved = resolve_genes(("qx-9", "BAX", "TN-C", "IFN-B", "NF kappa B"), catalog)
    assert resolved.ambiguous == (Ambiguity("qx-9", "BAX", ("IRF3",)),)
    assert (resolved.symbols, resolved.absent) == (("BAX",), ("TN-C", "IFN-B", "NF kappa B"))


def test_words_on_one_line_are_read_one_by_one_where_they_are_names(catalog: Catalog) -> None:
    """But not those of a name with something that sets it apart, nor of a phrase with a name in it."""
    names = parse_gene_list("TP53 MDM2 qqq7\nAKT zeta\nthe protein BAX of cells\np53 B")
    resolved = resolve_genes(names, catalog)
    assert resolved.symbols == ("TP53", "MDM2")
    assert resolved.unknown == ("qqq7", "AKT zeta", "the protein BAX of cells", "p53 B")


@pytest.mark.parametrize(
    "text", ['" OR 1=1 --', "'; DROP TABLE mentions; --", "NEAR(", 'NEAR("TP53" MDM2, 5)', "a\x00b, 中文, ﬁ, \ud800"]
)
def test_syntax_of_sql_and_fts_is_only_text(text: str, catalog: Catalog) -> None:
    """It is looked up as names, and nothing happens."""
    names = parse_gene_list(text)
    resolved = resolve_genes(names, catalog)
    assert {*resolved.unknown} <= {word for name in names for word in (name, *name.split())}
    assert render_gene_list(enrich(resolved, catalog), resolved)
    assert len(in_figures(catalog.gene_sets())) == 5


@settings(deadline=None)
@given(st.lists(st.sampled_from(["TP53", "p53", "AKT", "Wnt", "qqq7", "OR4F5", "qx9", "MDM2 BAX"]) | st.text()))
def test_no_name_gets_lost(catalog: Catalog, names: list[str]) -> None:
    """Each is a gene, a family, absent or unknown, whole or by its words; the genes are those of the index."""
    resolved = resolve_genes(names, catalog)
    reported = {*(g.typed for g in resolved.genes), *resolved.absent, *resolved.unknown}
    assert all(name in reported or reported.issuperset(name.split()) for name in names)
    assert {*resolved.symbols} <= PRINTED
    assert json.loads(json.dumps(resolved.to_dict())) == resolved.to_dict()


# The genes of figures


def test_the_genes_of_figures_are_those_printed_by_a_name_of_their_own(catalog: Catalog) -> None:
    """Once each, however often they are printed; members of printed families count where they are asked for."""
    printed = {figid: {gene for _, gene, tier in rows if tier < FAMILY} for figid, rows in FIGURES.items()}
    shown = {figid: {gene for _, gene, _ in rows} for figid, rows in FIGURES.items()}
    assert in_figures(catalog.gene_sets()) == {figid: genes for figid, genes in printed.items() if genes}
    assert in_figures(catalog.gene_sets(Tier.FAMILY)) == {figid: genes for figid, genes in shown.items() if genes}
    assert {*catalog.gene_sets().genes} == PRINTED
    assert len(catalog.gene_sets().members) == sum(map(len, printed.values()))
    assert catalog.gene_sets().figids == tuple(sorted(FIGURES))
    assert catalog.gene_sets() is catalog.gene_sets()


def test_an_index_without_genes_has_none(tmp_path: Path) -> None:
    """Nothing is found, and that is said."""
    with Catalog(write_catalog(tmp_path, {"PMC5__bare": []})) as empty:
        resolved = resolve_genes(("TP53",), empty)
        assert resolved.absent == ("TP53",)
        result = enrich(resolved, empty)
        assert result == GeneListResult((), 0, 0, 0, 0, 1)
        assert render_gene_list(result, resolved).startswith("None of the listed genes is in the background")


# Overlaps

TEN_GENES = gene_sets(
    {
        "PMC1__all": "ABC",
        "PMC1__most": "ABCD",
        "PMC2__two": "ABDE",
        "PMC3__two": "CAHI",
        "PMC4__one": "AEFG",
        "PMC5__none": "GHIJ",
        "PMC6__bare": "",
    }
)


def test_p_and_q_of_a_case_worked_by_hand() -> None:
    """Ten genes A to J, of which A, B and C are listed: there are C(10,3) = 120 ways to draw three.

    The figure ABC is hit three times in 1 way: p = 1/120. Of four genes, three are hit in C(4,3) = 4
    ways: p = 4/120 = 1/30 (ABCD); two in C(4,2) * C(6,1) = 36 more: p = 40/120 = 1/3 (ABDE, CAHI);
    none in C(6,3) = 20, so at least one: p = 100/120 = 5/6 (AEFG). Figures without A, B and C are
    not tested, so that five are. By rank, p * 5 / rank is 1/24, 1/12, 5/9, 5/12 and 5/6, and the
    third takes the smaller value of the fourth.
    """
    result = rank_figures(TEN_GENES, ["C", "B", "A", "B", "X"], min_overlap=1)
    assert [row.figid for row in result.rows] == ["PMC1__all", "PMC1__most", "PMC2__two", "PMC3__two", "PMC4__one"]
    assert [row.p_value for row in result.rows] == pytest.approx([1 / 120, 1 / 30, 1 / 3, 1 / 3, 5 / 6], rel=1e-12)
    assert [row.q_value for row in result.rows] == pytest.approx([1 / 24, 1 / 12, 5 / 12, 5 / 12, 5 / 6], rel=1e-12)
    assert [row.genes for row in result.rows] == [("C", "B", "A"), ("C", "B", "A"), ("B", "A"), ("C", "A"), ("A",)]
    assert [row.figure_genes for row in result.rows] == [3, 4, 4, 4, 4]
    assert (result.background, result.listed, result.figures_tested, result.figures_found) == (10, 3, 5, 5)


def test_small_overlaps_are_left_out_after_the_correction() -> None:
    """Two genes have to be shared, or one where fewer than three are listed; the q-values stay as they were."""
    three = rank_figures(TEN_GENES, ["A", "B", "C"])
    assert [row.figid for row in three.rows] == ["PMC1__all", "PMC1__most", "PMC2__two", "PMC3__two"]
    assert three.rows == rank_figures(TEN_GENES, ["A", "B", "C"], min_overlap=1).rows[:4]
    assert (three.figures_tested, three.figures_found, three.min_overlap) == (5, 4, 2)
    two = rank_figures(TEN_GENES, ["A", "B"])
    assert (two.figures_found, two.min_overlap) == (5, 1)
    cut = rank_figures(TEN_GENES, ["A", "B", "C"], limit=2)
    assert (cut.rows, cut.figures_found) == (three.rows[:2], 4)
    assert rank_figures(TEN_GENES, ["X", "Y"]) == GeneListResult((), 10, 0, 0, 0, 1)


def test_of_figures_with_one_p_value_the_larger_overlap_comes_first() -> None:
    """All genes are listed, so that every overlap is certain: the larger first, then by figid."""
    result = rank_figures(TEN_GENES, list("ABCDEFGHIJ"))
    assert [row.p_value for row in result.rows] == [1.0] * 6
    assert [row.figid for row in result.rows[:2]] == ["PMC1__most", "PMC2__two"]
    assert result.rows[-1].figid == "PMC1__all"


LETTERS = "ABCDEFGHIJKLMNOP"
SHOWN = st.dictionaries(
    st.integers(1, 40).map("PMC{}__f".format), st.sets(st.sampled_from(LETTERS)).map(sorted), min_size=1
)
LISTED = st.lists(st.sampled_from(LETTERS), max_size=20)


@settings(deadline=None)
@given(SHOWN, LISTED)
def test_p_values_are_those_of_fishers_exact_test(shown: dict[str, list[str]], listed: list[str]) -> None:
    """One-sided, as SciPy computes it of the two-by-two table, and as a sum of exact fractions."""
    result = rank_figures(gene_sets(shown), listed, min_overlap=1)
    genes = {gene for figure in shown.values() for gene in figure}
    drawn, population = len(genes.intersection(listed)), len(genes)
    assert {row.figid for row in result.rows} == {figid for figid in shown if {*shown[figid]} & {*listed}}
    for row in result.rows:
        k, size = len({*shown[row.figid]} & {*listed}), len(shown[row.figid])
        table = [[k, drawn - k], [size - k, population - size - drawn + k]]
        ways = sum(comb(size, x) * comb(population - size, drawn - x) for x in range(k, min(size, drawn) + 1))
        assert row.p_value == pytest.approx(ways / comb(population, drawn), rel=1e-9)
        assert row.p_value == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-9)


@settings(deadline=None)
@given(SHOWN, LISTED, st.integers(1, 4), st.integers(0, 10))
def test_results_are_in_order_and_within_bounds(
    shown: dict[str, list[str]], listed: list[str], least: int, limit: int
) -> None:
    """q grows with p and is no smaller; overlaps are listed genes of the figure, in the order of the list."""
    result = rank_figures(gene_sets(shown), listed, min_overlap=least, limit=limit)
    assert len(result.rows) == min(limit, result.figures_found)
    assert result.figures_found <= result.figures_tested <= len(shown)
    order = [(row.p_value, -len(row.genes), row.figid) for row in result.rows]
    assert order == sorted(order)
    q_values = [row.q_value for row in result.rows]
    assert q_values == sorted(q_values)
    for row in result.rows:
        assert 0 <= row.p_value <= row.q_value <= 1
        assert row.genes == tuple(gene for gene in dict.fromkeys(listed) if gene in shown[row.figid])
        assert least <= len(row.genes) <= row.figure_genes == len(shown[row.figid])
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


def test_small_p_values_of_large_lists_are_exact() -> None:
    """Far in the tail, where 1 minus the rest would be nothing."""
    shown = {"PMC1__in": [f"G{n}" for n in range(60)], "PMC2__rest": [f"G{n}" for n in range(60, 4_000)]}
    row = rank_figures(gene_sets(shown), [f"G{n}" for n in range(20, 220)]).rows[0]
    ways = sum(comb(60, x) * comb(3_940, 200 - x) for x in range(40, 61))
    assert row.p_value == pytest.approx(ways / comb(4_000, 200), rel=1e-9)
    assert row.p_value < 1e-30


def test_a_list_is_compared_with_the_figures_of_an_index(catalog: Catalog) -> None:
    """Eight genes are printed; of the three listed, one figure prints all its three and one two of two."""
    resolved = resolve_genes(parse_gene_list("p53, MDM2, p21"), catalog)
    result = enrich(resolved, catalog)
    assert (result.background, result.listed, result.figures_tested) == (8, 3, 2)
    (best,) = result.rows
    assert (best.figid, best.genes, best.figure_genes) == ("PMC1__damage", ("TP53", "MDM2", "CDKN1A"), 3)
    assert best.p_value == pytest.approx(1 / 56)  # C(8,3) = 56 ways to draw three of eight
    assert best.q_value == pytest.approx(2 / 56)


def test_printed_families_count_where_that_is_asked_for(catalog: Catalog) -> None:
    """Then the word "AKT" is three genes of the figure, and the background is larger by two."""
    names = ("AKT1", "AKT2", "AKT3")
    assert [row.figid for row in enrich(resolve_genes(names, catalog), catalog).rows] == ["PMC3__kinases"]
    result = enrich(resolve_genes(names, catalog, with_families=True), catalog)
    assert result.background == 10
    assert [(row.figid, row.genes, row.figure_genes) for row in result.rows] == [("PMC1__damage", names, 6)]


# In words


def test_a_result_is_told_with_its_background_and_what_was_not_used(catalog: Catalog) -> None:
    """Counts and background first, then a table, then a sentence each on other names, absent and unknown ones."""
    resolved = resolve_genes(("p53", "MDM2", "p21", "AKT", "qx-9", "OR4F5", "qqq7", "qqq8"), catalog)
    assert render_gene_list(enrich(resolved, catalog), resolved) == (
        "**2 figures** share 2 or more of the 5 listed genes, of 4 that show at least one, tested against a background"
        " of the 8 genes printed in figures of this index. p is the probability of as large an overlap by chance"
        " (hypergeometric, one-sided), q is p corrected for the number of figures tested (Benjamini–Hochberg).\n"
        "\n"
        "| Figure | Listed genes in it | Of its genes | p | q |\n"
        "|---|---|---:|---:|---:|\n"
        "| PMC1__damage | TP53, MDM2 and CDKN1A | 3 of 3 | 0.18 | 0.71 |\n"
        "| PMC1__death | TP53 and BAX | 2 of 2 | 0.36 | 0.71 |\n"
        "\n"
        "Read by another name: p53 = TP53, p21 = CDKN1A and qx-9 = BAX.\n"
        "\n"
        "Families, listed as those of their members that figures print by their own names: AKT (1 gene).\n"
        "\n"
        "qx-9 was read as BAX; it may also mean IRF3.\n"
        "\n"
        "Known, but printed in no figure of this index and so outside the background: OR4F5.\n"
        "\n"
        "Not known as a gene: qqq7 and qqq8.\n"
    )


def test_one_gene_and_none_shared_are_told_in_fitting_words(catalog: Catalog) -> None:
    """Without a table where no figure shares enough."""
    one = resolve_genes(("MDM2",), catalog)
    assert render_gene_list(enrich(one, catalog), one).startswith("**1 figure** shows the one listed gene, tested")
    apart = resolve_genes(("MDM2", "TMEM173", "MAPK1"), catalog)
    told = render_gene_list(enrich(apart, catalog), apart)
    assert told == (
        "No figure shares two or more of the 3 listed genes; 3 figures show fewer."
        " The background is the 8 genes printed in figures of this index.\n"
    )
    assert "|" not in told
    families = resolve_genes(("AKT2",), catalog, with_families=True)
    told = render_gene_list(enrich(families, catalog), families)
    assert "10 genes shown, by themselves or as a member of a printed family, in figures" in told
    assert "p is too small there" in told


def test_long_results_are_cut_in_words() -> None:
    """Ten figures, twenty names and forty characters are shown; the rest is counted."""
    sets = gene_sets({f"PMC{n}__f": ["A", "B", "C", f"G{n}"] for n in range(10, 40)})
    unknown = (*(f"name{n}" for n in range(1_030)), "x" * 500)
    told = render_gene_list(rank_figures(sets, "ABC"), Resolved(unknown=unknown[::-1]))
    assert told.startswith("**30 figures** share 2 or more of the 3 listed genes, of 30 that show at least one, tested")
    assert "(Benjamini–Hochberg). Here the table has the best 10.\n" in told
    assert told.count("| PMC") == SHOWN_FIGURES
    assert "Here the best 12 of 30 are listed, and the table has the best 10." in render_gene_list(
        rank_figures(sets, "ABC", limit=12), Resolved()
    )
    assert "Here the best 5 of 30 are listed.\n" in render_gene_list(rank_figures(sets, "ABC", limit=5), Resolved())
    assert "Not known as a gene: " + "x" * 39 + "…, name1029" in told
    assert told.endswith(" and 1,011 more.\n")


@settings(deadline=None)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=3).map(tuple))
def test_names_typed_cannot_change_the_page(names: tuple[str, ...]) -> None:
    """Whatever was typed stays text: no markup of its own, in one paragraph."""
    tricks = (
        "<img src=x onerror=alert(1)>",
        "[a](http://b)",
        "![a](b)",
        "**b**",
        "`c`",
        "a|b",
        "_d_",
        "&lt;",
        "a\n\n# b",
    )
    resolved = Resolved(unknown=tricks + names)
    told = render_gene_list(GeneListResult((), 8, 0, 0, 0, 1), resolved)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(told)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"] * 2
    children = tokens[-2].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert all(" ".join(trick.split()) in "".join(child.content for child in children) for trick in tricks)


def test_an_answer_says_whether_any_figure_shares_enough(catalog: Catalog) -> None:
    """However few of them are listed."""
    assert compare_gene_list("p53, MDM2, p21", catalog).found
    assert compare_gene_list("p53, MDM2, p21", catalog, limit=0).found
    assert not compare_gene_list("MDM2, TMEM173, MAPK1", catalog).found
    assert not compare_gene_list("OR4F5", catalog).found


# In questions


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("EGFR\nKRAS\nBRAF", "EGFR KRAS BRAF"),
        ("EGFR\r\n\r\nKRAS\r\nBRAF\r\n", "EGFR KRAS BRAF"),
        ("- p53\n- her2\n- bcl2", "p53 her2 bcl2"),
        ("Gene\n1. EGFR\n2. KRAS\n3. BRAF", "EGFR KRAS BRAF"),
        ("stat1, stat2, stat3, stat4", "stat1 stat2 stat3 stat4"),
        ("p53, her2, TNFa, bcl2", "p53 her2 TNFa bcl2"),
        ("p53; her2; TNFa and bcl2?", "p53 her2 TNFa bcl2"),
        ("genes: p53, her2, TNFa, bcl2", "p53 her2 TNFa bcl2"),
        ("stat1, stat2, stat3, qqq7", "stat1 stat2 stat3 qqq7"),
        ("EGFR KRAS BRAF PIK3CA", "EGFR KRAS BRAF PIK3CA"),
        ("TNF, IL6, IL1B and CRP", "TNF IL6 IL1B CRP"),
        ("Which figures show most of EGFR, KRAS and BRAF?", "EGFR KRAS BRAF"),
    ],
)
def test_a_question_that_is_a_gene_list_is_read_as_one(question: str, names: str, catalog: Catalog) -> None:
    """By symbols in any case or aliases: four with separators, or three on lines of their own."""
    listed = listed_in(question, catalog)
    assert listed
    assert " ".join(parse_gene_list(listed)) == names


def test_names_of_several_words_stay_whole_in_a_list(catalog: Catalog) -> None:
    """They are separated by something else than spaces."""
    assert listed_in("IL 6, TNF alpha, NF kappa B, interleukin 10", catalog) == (
        "IL 6\nTNF alpha\nNF kappa B\ninterleukin 10"
    )


@pytest.mark.parametrize(
    "question",
    [
        "How do TNF, IL6 and IL1B act in sepsis?",
        "which figures show TNF, IL6, IL1B or CRP?",
        "which figures show TNF, IL6, IL1B, CRP, EGFR, KRAS?",
        "Compare TNF, IL6, IL1B, CRP and EGFR",
        "TNF, IL6, IL1B, CRP, EGFR inhibitors in mice",
        "TNF, IL6, IL1B or CRP",
        "IL1B OR IL6, TNF, CRP, EGFR",
        "TNF, IL6, IL1B, glucose",
        "TNF, IL6, IL1B",
        "TNF\nIL6\nHow do these act in sepsis?",
        "EGFR\nqqq7\nqqq8",
        "rest, cat, max, impact",
        "light\nrest\nimpact",
        "hello\nthanks\nbye",
        "EGFR",
        ", ; \n",
        "",
    ],
)
def test_a_question_with_names_and_commas_stays_a_question(question: str, catalog: Catalog) -> None:
    """An ordinary word among the names, or too few of them, makes it one."""
    assert listed_in(question, catalog) is None


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["TNF", "p53", "her2", "how", "do", "act", "sepsis", "qqq7", ",", "\n", ";", "and", "?"])
    ).map(" ".join)
    | st.text(max_size=100)
)
def test_any_question_can_be_looked_at(catalog: Catalog, question: str) -> None:
    """What is taken for a list can be compared."""
    listed = listed_in(question, catalog)
    looks_like_gene_list(question)
    assert listed is None or compare_gene_list(listed, catalog).resolved


@pytest.mark.parametrize("separator", ["\n", ", ", ";", "\t", " "])
def test_a_long_list_is_known_by_its_look(separator: str) -> None:
    """Without any catalog; in lower case only where something else than spaces separates the names."""
    names = [f"{stem}{n}" for n in range(1_000) for stem in ("STAT", "abc", "Nr", "KRAS-", "ORF")]
    assert looks_like_gene_list(separator.join(names))
    assert looks_like_gene_list(separator.join(["EGFR", "kras", "braf", "TP53"]).upper())
    assert looks_like_gene_list("egfr\nkras\nbraf\nmyc")
    assert looks_like_gene_list("".join(f"STAT{n}\t{n / 7:.3f}\t1e-05\n" for n in range(9)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EGFR",
        "How do TNF, IL6 and IL1B act in sepsis?",
        "TNF and IL6 are made by macrophages, which are activated by LPS, and then IL10 rises. " * 50,
        "The role of STAT1 in the response\nTNF and its receptors in disease\nKRAS in the lung\nEGFR and the skin",
        "1, 2, 3, 4, 5",
    ],
)
def test_sentences_do_not_look_like_a_gene_list(text: str) -> None:
    """However many names they hold."""
    assert not looks_like_gene_list(text)


@pytest.mark.parametrize("words", ["a", "a,", "A1 ", "a\n", "  ", "1,", "and ", "a1.b/", "gene: "])
def test_a_long_text_is_looked_at_quickly(words: str, catalog: Catalog) -> None:
    """The time taken grows with the length of the text only."""
    assert least_seconds(lambda: looks_like_gene_list((words * 100_000)[:100_000])) < 0.5
    assert least_seconds(lambda: listed_in((f"x{words * 4_000}")[:4_000] + "x", catalog)) < 0.5
