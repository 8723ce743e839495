"""The script that measures alias recall: its pairs, what counts as reached, and the classes of what is not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from planted import BOTH, FAK, FAK_2, RECORDS, TNF_ONLY, UNDATED, Planted

from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.queries import Entity, Query
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier

SCRIPT = Path(__file__).parent.parent / "scripts" / "alias_recall.py"


def load_script() -> ModuleType:
    """The script as a module; it stands outside the package."""
    spec = importlib.util.spec_from_file_location("alias_recall", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


script = load_script()


@pytest.fixture(scope="module")
def catalog(planted: Planted) -> Iterator[Catalog]:
    with Catalog(planted.folder / FILE_NAME) as opened:
        yield opened


def figure(figid: str, *mentions: Mention) -> FigureRecord:
    return FigureRecord(figid=figid, mentions=mentions)


def gene(word: str, name: str, tier: Tier = Tier.SYMBOL, match: str | None = None) -> Mention:
    return Mention(Kind.GENE, word, name, tier, match=match)


def outcome(word: str, symbol: str, *matched: str, entities: tuple[Entity, ...] = ()) -> object:
    """A pair that no question reached."""
    pair = script.Pair(word, symbol, matched or (word,), frozenset({FAK}))
    return script.Outcome(pair, False, frozenset(), frozenset(), entities)


def nothing_listed(_: Query) -> tuple[str, ...]:
    return ()


# Pairs


def test_a_pair_is_counted_once_with_its_figures() -> None:
    """A word printed for a gene in two figures, or twice in one, is one pair of two figures, with all that was
    matched."""
    records = [
        figure("PMC1__a", gene("IL6,TNF", "TNF"), gene("IL6,TNF", "TNF", Tier.SYNONYM, "TNF")),
        figure("PMC2__b", gene("IL6,TNF", "TNF", match="tnf"), gene("IL6,TNF", "IL6", match="IL6")),
    ]
    assert script.pairs_of(records) == (
        script.Pair("IL6,TNF", "IL6", ("IL6",), frozenset({"PMC2__b"})),
        script.Pair("IL6,TNF", "TNF", ("IL6,TNF", "TNF", "tnf"), frozenset({"PMC1__a", "PMC2__b"})),
    )


def test_only_symbols_and_synonyms_of_genes_are_pairs() -> None:
    """Members of printed families, genes named in the text, chemicals and diseases are no pairs."""
    others = (
        gene("Ras", "HRAS", Tier.FAMILY),
        gene("RAF1", "RAF1", Tier.CAPTION),
        Mention(Kind.CHEMICAL, "ATP", "ATP", Tier.SYMBOL),
        Mention(Kind.DISEASE, "AD", "Alzheimer disease", Tier.SYNONYM),
    )
    assert script.pairs_of([figure("PMC1__a", *others)]) == ()


# What is reached


def test_a_known_name_reaches_its_gene_and_every_figure(catalog: Catalog) -> None:
    """A synonym that is read as its gene is reached as a name, by its figures, and in the list."""
    pair = script.Pair("FAK", "PTK2", ("FAK",), frozenset({FAK, FAK_2}))
    (reached,) = script.outcomes_of([pair], catalog, lambda _: [FAK_2, FAK, BOTH])
    assert (reached.named, reached.is_found, reached.is_listed) == (True, True, True)
    assert (reached.found, reached.listed) == (pair.figids, pair.figids)


def test_a_gene_may_be_found_by_its_figure_only(catalog: Catalog) -> None:
    """A gene that the word is not read as is found where the word's own gene finds the figure; it is not named."""
    pair = script.Pair("TNF", "LTA", ("TNF",), frozenset({TNF_ONLY, UNDATED}))
    (reached,) = script.outcomes_of([pair], catalog, nothing_listed)
    assert (reached.named, reached.is_found, reached.is_listed) == (False, True, False)


def test_a_pair_needs_each_of_its_figures(catalog: Catalog) -> None:
    """A pair one of whose figures is missed is not found, and not listed; the others are counted."""
    pair = script.Pair("FAK", "PTK2", ("FAK",), frozenset({FAK, FAK_2, TNF_ONLY}))
    (reached,) = script.outcomes_of([pair], catalog, lambda _: [FAK])
    assert (reached.named, reached.is_found, reached.is_listed) == (True, False, False)
    assert (reached.found, reached.listed) == ({FAK, FAK_2}, {FAK})


def test_a_list_of_everything_is_no_list(catalog: Catalog) -> None:
    """A word that says nothing asks for all figures, which reaches no gene."""
    pair = script.Pair("find", "DCSTAMP", ("FIND",), frozenset({FAK}))
    (reached,) = script.outcomes_of([pair], catalog, lambda _: catalog.figids())
    assert not reached.named
    assert reached.listed == frozenset()


def test_a_gene_is_reached_as_an_alternative(tmp_path: Path) -> None:
    """A gene whose alias the captions explain as a substance is reached as a name, though the substance is meant."""
    record = FigureRecord(
        figid="PMC1__gap",
        caption="Glyceraldehyde 3-phosphate (GAP) is split. ERα is not.",
        mentions=(
            gene("GAP", "RASA1", Tier.SYNONYM),
            gene("ERa", "ESR1", Tier.SYNONYM),
            Mention(Kind.CHEMICAL, "Glyceraldehyde 3-phosphate", "glyceraldehyde 3-phosphate", Tier.SYMBOL),
        ),
    )
    other = FigureRecord(figid="PMC2__gap", caption="Triose isomerase makes glyceraldehyde 3-phosphate (GAP).")
    with open_catalog_writer(tmp_path / "catalog.sqlite") as writer:
        for number, each in enumerate((record, other)):
            writer.put(each, [], source=str(number), digest=str(number))
        writer.commit()
    with Catalog(tmp_path / "catalog.sqlite") as catalog:
        era, gap = script.outcomes_of(script.pairs_of([record]), catalog, nothing_listed)
    assert (era.pair.word, era.named, era.is_found) == ("ERa", True, True)
    assert (gap.pair.word, gap.named) == ("GAP", True)
    assert [(e.kind, e.names, e.alternatives) for e in gap.entities] == [
        (Kind.CHEMICAL, ("glyceraldehyde 3-phosphate",), ("RASA1",))
    ]


# Classes of misses


@pytest.mark.parametrize(
    ("word", "symbol", "matched", "expected"),
    [
        ("14.1", "IGLL1", "14.1", "NUMBER"),
        ("-S2", "TCEA1", "SII", "NUMBER"),
        ("НMGR", "GRHL1", "MGR", "ALPHABET"),  # the first letter is Cyrillic
        ("GÁP", "RASA1", "GAP", "ALPHABET"),
        ("Zzk1-3", "ZZK2", "ZZK2", "SERIES"),
        ("ZZK-2/5", "ZZK5", "ZZK5", "SERIES"),
        ("IKKY", "IKBKG", "IKK-gamma", "RESPELLED"),
        ("BKII", "BDKRB2", "BK-2", "RESPELLED"),
        ("light", "TNFSF14", "LIGHT", "ORDINARY"),
        ("LPS", "IRF6", "LPS", "ABBREVIATION"),
        ("(LPS,", "IRF6", "LPS", "ABBREVIATION"),
        ("Abs", "DDX41", "ABS", "COMMON"),
        ("Ek-I", "ETNK1", "EKI", "REST"),
        ("TNFα", "TNF", "TNF-alpha", "REST"),
    ],
)
def test_misses_have_classes(word: str, symbol: str, matched: str, expected: str, catalog: Catalog) -> None:
    """Each way to miss a gene has its class, whatever stands around the word."""
    assert script.class_of(outcome(word, symbol, matched), catalog) is script.Miss[expected]


def test_a_name_that_another_gene_has_is_its_own_class(catalog: Catalog) -> None:
    """A word that was read, but as another gene, is told from one that was not read."""
    other = Entity(Kind.GENE, "ZZK", ("ZZK1",))
    assert script.class_of(outcome("ZZK", "ZZK2"), catalog) is script.Miss.REST
    assert script.class_of(outcome("ZZK", "ZZK2", entities=(other,)), catalog) is script.Miss.OTHER_NAME


# The report


def test_the_report_counts_pairs_and_figures(catalog: Catalog) -> None:
    """Recall is of distinct pairs, and of pairs weighted by their figures; each class of misses has an example."""
    pairs = [
        script.Pair("FAK", "PTK2", ("FAK",), frozenset({FAK, FAK_2})),
        script.Pair("LATS1", "LATS1", ("LATS1",), frozenset({FAK})),
        script.Pair("light", "TNFSF14", ("LIGHT",), frozenset({FAK})),
    ]
    lines = list(script.report(list(script.outcomes_of(pairs, catalog, lambda _: [FAK])), catalog))
    assert lines[0] == "3 distinct pairs of 3 words, 4 with their figures"
    assert lines[4:7] == [
        "| as a name | 0.667 | 0.750 |",
        "| by its figure | 0.667 | 0.750 |",
        "| in the list | 0.667 | 0.750 |",
    ]
    assert f"| {script.Miss.ORDINARY} | 1 | 1 | 1 | 0 | “light” → TNFSF14 (as LIGHT): no name |" in lines


def test_the_report_of_nothing_is_not_a_division_by_zero(catalog: Catalog) -> None:
    """An index without gene tables has a report too."""
    assert next(script.report([], catalog)) == "0 distinct pairs of 0 words, 0 with their figures"


def test_the_script_measures_an_index(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Every symbol and synonym of the planted tables is reached."""
    script.main([str(planted.vectorstore)])
    printed = capsys.readouterr().out.splitlines()
    tables = [(word, *row) for _, genes in RECORDS.values() for word, row in genes.items()]
    strong = [(word, symbol) for word, symbol, source in tables if source.startswith("ncbigene")]
    assert printed[0].startswith(f"{len(set(strong))} distinct pairs of ")
    assert printed[0].endswith(f" words, {len(strong)} with their figures")
    assert printed[4:] == [
        "| as a name | 1.000 | 1.000 |",
        "| by its figure | 1.000 | 1.000 |",
        "| in the list | 1.000 | 1.000 |",
    ]
