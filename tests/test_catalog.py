"""The SQLite side of an index: what is put in can be read back, searched and removed."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat.catalog import COMMON, Catalog, Reading
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.errors import CorruptIndexError, VectorstoreError
from pfocr_chat.nomenclature import NameSource
from pfocr_chat.queries import Filters
from pfocr_chat.records import FigureRecord, Kind, Mention, Passage, Tier

HIPPO = FigureRecord(
    figid="PMC1__hippo",
    title="Hippo signalling",
    caption="YAP1 enters the nucleus and binds TEAD. TNF-α does not.",
    caption_source="summary",
    pmcid="PMC1",
    filename="hippo.jpg",
    figlink="/pmc/articles/PMC1/figure/F1/",
    number="F1",
    alias="PMC1__F1",
    figtype="Figure",
    paper_title="A review of organ growth",
    reference="A B. Cell. 2015.",
    year=2015,
    journal="Cell",
    doi="10.1000/1",
    organisms=("Homo sapiens", "Mus musculus"),
    keywords=("growth control",),
    wpid="WP1",
    ndex="n1",
    mentions=(
        Mention(Kind.GENE, "YAP", "YAP1", Tier.SYNONYM, "10413", "Homo sapiens"),
        Mention(Kind.GENE, "YAP1", "YAP1", Tier.SYMBOL, "10413", "Homo sapiens"),
        Mention(Kind.GENE, "TEAD", "TEAD1", Tier.FAMILY, "7003", "Homo sapiens"),
        Mention(Kind.GENE, "TEAD", "TEAD2", Tier.FAMILY, "8463", "Homo sapiens"),
        Mention(Kind.CHEMICAL, "ATP", "ATP", Tier.SYMBOL, "CHEBI:15422"),
        Mention(Kind.CHEMICAL, "TNF-α?", "Etanercept", Tier.SYNONYM, match="TNF-α"),
    ),
)
SECOND = FigureRecord(
    figid="PMC1__second",
    title="Kinases",
    caption="AKT is activated by lysophosphatidic acid (LPA) or by one quizzical xylitol (QZX).",
    pmcid="PMC1",
    year=2020,
    journal="CELL",
    organisms=("zebrafish",),
    mentions=(
        Mention(Kind.GENE, "Yap", "Yap1", Tier.SYMBOL, "22601", "Mus musculus"),
        Mention(Kind.GENE, "YAP", "YAP1", Tier.SYNONYM, "10413", "Homo sapiens"),
        Mention(Kind.DISEASE, "ATP", "ATP", Tier.SYMBOL),
    ),
)
THIRD = FigureRecord(
    figid="PMC3__third",
    caption="Lysophosphatidic acids, or LPA, are lipids. QZX, quizzical xylitols; XL, xylem.",
    pmcid="PMC3",
    figtype="Scheme",
    organisms=("Drosophila", "mice"),
    mentions=(
        Mention(Kind.GENE, "YAP", "YY1AP1", Tier.SYNONYM),
        Mention(Kind.GENE, "zyxase", "ZX1", Tier.FAMILY),
        Mention(Kind.GENE, "zyxase", "ZX2", Tier.FAMILY),
        Mention(Kind.GENE, "TEAD1", "TEAD1", Tier.SYMBOL),
    ),
)
BARE = FigureRecord(figid="PMC4__bare")
EVERYTHING = (HIPPO, SECOND, THIRD, BARE)
PHRASES = (
    *("hippo signaling", "hippo", "yap 1 enters", "yap 1", "tnf alpha does", "alpha", "tead", "teads tnf", "kinase"),
    *(
        "lysophosphatidic acid",
        "acid",
        "acid lpa",
        "lpa",
        "or lpa",
        "quizzical xylitol",
        "xylitol",
        "none",
        "qzx xylem",
    ),
)


def write_catalog(path: Path, *records: FigureRecord) -> Path:
    with open_catalog_writer(path) as writer:
        for record in records:
            passages = [Passage(f"{record.figid}#{n}", record.figid, f"part {n}") for n in range(2)]
            writer.put(record, passages, source=f"_figures/{record.figid}.md", digest=f"d-{record.figid}")
        writer.commit()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of four records, in a folder with an awkward name."""
    folder = tmp_path_factory.mktemp("a b#c?d%20é")
    return write_catalog(folder / "catalog.sqlite", *EVERYTHING)


def row_counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as db:
        tables = ("figures", "organisms", "mentions", "passages", "fulltext", "words")
        counts = {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}  # noqa: S608 - fixed names
        explained = "SELECT count(*) FROM abbreviations WHERE figure != 0"
        return counts | {"abbreviations": db.execute(explained).fetchone()[0]}


def test_records_are_read_back_as_they_were(path: Path) -> None:
    """Every field and every mention, in order; figids that are not there are left out."""
    with Catalog(path) as catalog:
        assert catalog.records([r.figid for r in EVERYTHING] + ["PMC9__none"]) == {r.figid: r for r in EVERYTHING}
        assert catalog.record("PMC9__none") is None
        assert catalog.records([]) == {}
        assert (catalog.figures, catalog.passages) == (4, 8)


def test_any_number_of_figids_can_be_asked_for(path: Path) -> None:
    """SQLite's limit on variables is no limit here."""
    with Catalog(path) as catalog:
        found = catalog.records([f"PMC{n}__x" for n in range(50_000)] + [BARE.figid])
        assert found == {BARE.figid: BARE}


def test_files_are_remembered_with_their_hash(path: Path) -> None:
    """So that an unchanged file can be told."""
    with Catalog(path) as catalog:
        assert catalog.digests()["_figures/PMC1__hippo.md"] == ("d-PMC1__hippo", "PMC1__hippo")


def test_figures_by_name_and_paper(path: Path) -> None:
    """Figid or alias in any case, all figures of a paper, and all there are."""
    with Catalog(path) as catalog:
        assert catalog.figids_named("pmc1__HIPPO") == ("PMC1__hippo",)
        assert catalog.figids_named("pmc1__f1") == ("PMC1__hippo",)
        assert catalog.figids_named("' OR 1=1 --") == ()
        assert catalog.figids_of_paper("PMC1") == ("PMC1__hippo", "PMC1__second")
        assert catalog.figids() == {record.figid for record in EVERYTHING}


# Filters

HAS_HIPPO, HAS_SECOND, HAS_THIRD = {HIPPO.figid}, {SECOND.figid}, {THIRD.figid}


@pytest.mark.parametrize(
    ("filters", "figids"),
    [
        (Filters(), {record.figid for record in EVERYTHING}),
        (Filters(year_from=2015, year_to=2019), HAS_HIPPO),
        (Filters(year_from=2016), HAS_SECOND),
        (Filters(year_from=2015), HAS_HIPPO | HAS_SECOND),
        (Filters(year_to=2014), set()),
        (Filters(year_to=2015), HAS_HIPPO),
        (Filters(journals=("cell",)), HAS_HIPPO | HAS_SECOND),
        (Filters(journals=("Cell", "Nature")), HAS_HIPPO | HAS_SECOND),
        (Filters(journals=("Cell Metabolism",)), set()),
        (Filters(pmcids=("PMC1",)), HAS_HIPPO | HAS_SECOND),
        (Filters(pmcids=("PMC3", "PMC9")), HAS_THIRD),
        (Filters(figtypes=("scheme",)), HAS_THIRD),
        (Filters(organisms=("Homo sapiens",)), HAS_HIPPO),
        (Filters(organisms=("Mus musculus",)), HAS_HIPPO | HAS_THIRD),
        (Filters(organisms=("Danio rerio",)), HAS_SECOND),
        (Filters(organisms=("Drosophila melanogaster", "Danio rerio")), HAS_SECOND | HAS_THIRD),
        (Filters(organisms=("mammals",)), HAS_HIPPO | HAS_THIRD),
        (Filters(organisms=("Zea mays",)), set()),
        (Filters(genes_all=("YAP1",)), HAS_HIPPO | HAS_SECOND),
        (Filters(genes_all=("YAP1", "Yap1")), HAS_SECOND),
        (Filters(genes_all=("TEAD1",)), HAS_THIRD),
        (Filters(genes_any=("YY1AP1", "Yap1")), HAS_SECOND | HAS_THIRD),
        (Filters(genes_any=("ZX1",)), set()),
        (Filters(genes_none=("YAP1",)), HAS_THIRD | {BARE.figid}),
        (Filters(genes_none=("Yap1", "YY1AP1")), HAS_HIPPO | {BARE.figid}),
        (Filters(chemicals_all=("ATP",)), HAS_HIPPO),
        (Filters(chemicals_all=("ATP", "Etanercept")), HAS_HIPPO),
        (Filters(chemicals_any=("GTP", "Etanercept")), HAS_HIPPO),
        (Filters(year_from=2015, journals=("Cell",), organisms=("Danio rerio",)), HAS_SECOND),
        (Filters(year_to=2019, organisms=("Danio rerio",)), set()),
        (Filters(genes_all=("YAP1",), genes_none=("Yap1",), year_from=2000), HAS_HIPPO),
        (Filters(journals=("' OR 1=1 --", '"'), organisms=("') OR (1",)), set()),
    ],
    ids=str,
)
def test_figures_meeting_conditions(filters: Filters, figids: set[str], path: Path) -> None:
    """Every condition has to hold; organisms count in any spelling, and by their group; a gene only where it is
    printed by its symbol or a synonym; and a figure of which the year, journal or organism is unknown is out."""
    with Catalog(path) as catalog:
        assert catalog.figids_meeting(filters) == figids


def test_figures_without_a_year(path: Path) -> None:
    """Those that no condition on years lets through."""
    with Catalog(path) as catalog:
        assert catalog.figids_without_year() == HAS_THIRD | {BARE.figid}


def test_what_can_be_asked_for_is_known(path: Path) -> None:
    """The journals and organisms of the records, as these spell them."""
    with Catalog(path) as catalog:
        assert catalog.journals == {"Cell", "CELL"}
        assert catalog.organisms == {"Homo sapiens", "Mus musculus", "zebrafish", "Drosophila", "mice"}


def test_the_passages_of_figures(path: Path) -> None:
    """All of them, in order; figids that are not there are passed over."""
    with Catalog(path) as catalog:
        assert catalog.passage_ids([THIRD.figid, "PMC9__none", HIPPO.figid]) == [
            "PMC1__hippo#0",
            "PMC1__hippo#1",
            "PMC3__third#0",
            "PMC3__third#1",
        ]
        assert catalog.passage_ids([]) == []


# Full text


def test_full_text_is_searched_in_normal_form(path: Path) -> None:
    """A word is found by another form of it, Greek letters by name; titles, captions, papers and names are searched."""
    with Catalog(path) as catalog:
        for match in ('"tnf alpha"', "entering", "organ", "etanercept", "control", '"homo sapiens"'):
            assert [figid for figid, _ in catalog.search_text(match, 5)] == ["PMC1__hippo"], match
        assert catalog.figids_matching('"yap"') == HAS_HIPPO | HAS_SECOND | HAS_THIRD
        assert catalog.figids_matching('{title caption} : ("yap")') == {"PMC1__hippo"}
        assert catalog.search_text('"unheard"', 5) == []


def test_better_matches_score_higher(path: Path) -> None:
    """Scores fall from first to last, and the limit holds."""
    with Catalog(path) as catalog:
        found = catalog.search_text('"yap" OR "nucleus" OR "akt"', 5)
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert len(found) == 3
        assert catalog.search_text('"yap" OR "nucleus" OR "akt"', 1) == found[:1]


def test_figures_are_found_by_a_name_in_their_text(path: Path) -> None:
    """Word for word in title or caption, singular or plural; a stem in common, or another column, is not enough."""
    with Catalog(path) as catalog:
        assert catalog.figids_naming(["tnf alpha"]).keys() == HAS_HIPPO
        assert catalog.figids_naming(["lysophosphatidic acid"]).keys() == HAS_SECOND | HAS_THIRD
        assert catalog.figids_naming(["kinase", "tead"]).keys() == HAS_HIPPO | HAS_SECOND
        assert catalog.figids_naming(["activates", "signal", "lipid lpa", "atp", "etanercept"]) == {}
        assert catalog.figids_naming(["signalling yap"]) == {}
        assert catalog.figids_naming([]) == {}


def test_a_name_in_a_title_is_told_from_one_in_a_caption(path: Path) -> None:
    """A figure that has one of the names in its title counts by the title."""
    with Catalog(path) as catalog:
        assert catalog.figids_naming(["kinase", "akt", "lpa"]) == {
            SECOND.figid: Tier.TITLE,
            THIRD.figid: Tier.CAPTION,
        }


@given(st.lists(st.sampled_from(PHRASES), max_size=6))
def test_names_are_found_together_as_one_by_one(path: Path, phrases: list[str]) -> None:
    """A name within another one takes nothing from it, nor from the tier of the place."""
    with Catalog(path) as catalog:
        singly = [catalog.figids_naming([phrase]) for phrase in phrases]
        found = catalog.figids_naming(phrases)
        assert found == {f: min(named[f] for named in singly if f in named) for named in singly for f in named}


def test_figures_have_words_or_phrases_counted(path: Path) -> None:
    """In how many figures each stands, in any form."""
    with Catalog(path) as catalog:
        expected = {"kinase": 1, "activates": 1, "lysophosphatidic acid": 2, "lpa": 2, "unheard": 0}
        assert catalog.frequencies(expected) == expected
        assert catalog.frequencies(iter(["lpa", "lpa"])) == {"lpa": 2}
        assert catalog.frequencies([]) == {}


# Names


def test_printed_names_carry_their_strongest_evidence(path: Path) -> None:
    """A figure that prints a symbol and a synonym counts by the symbol; a family only by the word printed."""
    with Catalog(path) as catalog:
        assert catalog.figids_printing(Kind.GENE, ["YAP1"]) == {
            "PMC1__hippo": (Tier.SYMBOL, "YAP1"),
            "PMC1__second": (Tier.SYNONYM, "YAP"),
        }
        assert catalog.figids_printing(Kind.GENE, ["TEAD1", "TEAD2"]) == {"PMC3__third": (Tier.SYMBOL, "TEAD1")}
        assert catalog.figids_printing(Kind.GENE, ["TEAD1"], ["tead"]) == {
            "PMC1__hippo": (Tier.FAMILY, "TEAD"),
            "PMC3__third": (Tier.SYMBOL, "TEAD1"),
        }
        assert catalog.figids_printing(Kind.DISEASE, ["ATP"]) == {"PMC1__second": (Tier.SYMBOL, "ATP")}
        assert catalog.figids_printing(Kind.CHEMICAL, [], ["tnfa"]) == {"PMC1__hippo": (Tier.SYNONYM, "TNF-α?")}
        assert catalog.figids_printing(Kind.GENE, ["O'Brien\"", ""], ["' OR 1"]) == {}
        assert catalog.figids_printing(Kind.GENE, []) == {}


def test_a_word_has_several_readings(path: Path) -> None:
    """What the nomenclature and the corpus know of a word, each with its source and the figures that print it so."""
    with Catalog(path) as catalog:
        found = catalog.readings(["yap", "atp", "yap1", "tnfa", "unknown", "yap"])
        assert set(found) == {"yap", "atp", "yap1", "tnfa"}
        assert set(found["yap"]) == {
            Reading(Kind.GENE, "YAP1", 2, NameSource.CURATED),
            Reading(Kind.GENE, "YY1AP1", 1, NameSource.ALIAS),
            Reading(Kind.GENE, "Yap1", 1),
        }
        assert set(found["atp"]) == {Reading(Kind.CHEMICAL, "ATP", 1), Reading(Kind.DISEASE, "ATP", 1)}
        assert found["yap1"] == (Reading(Kind.GENE, "YAP1", 1, NameSource.SYMBOL),)
        assert Reading(Kind.CHEMICAL, "Etanercept", 1) in found["tnfa"]
        assert catalog.readings([]) == {}


def test_families_have_members(path: Path) -> None:
    """Those of the nomenclature, or, for a word that only the corpus prints as a family, the genes printed with it."""
    with Catalog(path) as catalog:
        found = catalog.readings(["tead", "zyxase"])
        assert found["tead"] == (Reading(Kind.GENE, "TEAD", 1, NameSource.CURATED, is_family=True),)
        assert found["zyxase"] == (Reading(Kind.GENE, "zyxase", 1, is_family=True),)
        assert catalog.members("TEAD") == ("TEAD1", "TEAD2", "TEAD3", "TEAD4")
        assert catalog.members("zyxase") == ("ZX1", "ZX2")
        assert catalog.members("unknown") == ()
        assert "tead" in catalog.family_spellings("TEAD")
        assert "amp activated protein kinase" in catalog.family_spellings("AMPK")
        assert catalog.family_spellings("zyxase") == frozenset()


def test_names_have_spellings(path: Path) -> None:
    """Those of the nomenclature with their source, those of the corpus with the figures that print them."""
    with Catalog(path) as catalog:
        spellings = catalog.spellings(Kind.GENE, ["YAP1"])
        assert spellings["yap"] == (NameSource.CURATED, 2)
        assert spellings["yap 1"] == (NameSource.SYMBOL, 1)
        assert spellings["yap 65"] == (NameSource.ALIAS, 0)
        assert catalog.spellings(Kind.GENE, ["Yap1", "ZX1"]) == {"yap": (None, 1)}
        assert catalog.spellings(Kind.CHEMICAL, ["Etanercept", "YAP1"]) == {"tnf alpha": (None, 1)}
        assert catalog.spellings(Kind.GENE, []) == {}


def test_complexes_are_named_after_their_genes(path: Path) -> None:
    """Where their name begins with the gene's symbol and that is long enough to tell."""
    with Catalog(path) as catalog:
        assert {"mtorc 1", "mtorc 2"} <= catalog.complexes_named_after(["MTOR"], 4)
        assert catalog.complexes_named_after(["MTOR"], 5) == frozenset()
        assert catalog.complexes_named_after(["RPTOR"], 4) == frozenset()


def test_abbreviations_are_read_both_ways(path: Path) -> None:
    """With the figures that explain them, plural and singular as one; a common one counts as if many did."""
    with Catalog(path) as catalog:
        assert catalog.expansions(["qzx", "quizzical xylitol", "lpa", "lps", "tnf alpha"]) == {
            "qzx": {"quizzical xylitol": 2},
            "quizzical xylitol": {"qzx": 2},
            "lpa": {"lysophosphatidic acid": 1 + COMMON},
            "lps": {"lipopolysaccharide": COMMON},
        }
        assert catalog.expansions([]) == {}


def test_names_are_listed_by_their_beginning(path: Path) -> None:
    """Of the nomenclature and of the corpus, each once."""
    with Catalog(path) as catalog:
        assert catalog.names_like("zyxa") == ["zyxase"]
        assert catalog.names_like("yap1") == ["yap1"]
        assert {"tead1", "tead2", "tead3"} <= set(catalog.names_like("tead"))
        assert catalog.names_like("zzzz") == []


def test_words_of_the_corpus(path: Path) -> None:
    """A word that stands anywhere is known, in another form too, and stems can be listed."""
    with Catalog(path) as catalog:
        assert catalog.has_word("signalling") is catalog.has_word("signals") is True
        assert not catalog.has_word("unheard")
        assert catalog.words_like("sig") == {"signal": 1}
        assert catalog.words_like("lysophosph") == {"lysophosphatid": 2}
        assert catalog.words_like("zzz") == {}


def test_phrases_of_the_corpus(path: Path) -> None:
    """Words in a row, in any form, are known."""
    with Catalog(path) as catalog:
        assert catalog.has_phrase("lysophosphatidic acids")
        assert not catalog.has_phrase("acid lysophosphatidic")


@pytest.mark.parametrize(
    ("stem", "typed", "word"),
    [
        ("lysophosphatid", "lysophosphatidik", "lysophosphatidic"),
        ("activ", "activaded", "activated"),
        ("hippo", "hipo", "hippo"),
        ("unheard", "unherd", "unheard"),
    ],
)
def test_a_stem_is_shown_as_a_word(stem: str, typed: str, word: str, path: Path) -> None:
    """As the word of the records that is most like what was typed."""
    with Catalog(path) as catalog:
        assert catalog.word_like(stem, typed) == word


def test_deleting_removes_every_trace(tmp_path: Path) -> None:
    """No row of a deleted record is left in any table, and it can be put in again."""
    path = write_catalog(tmp_path / "catalog.sqlite", *EVERYTHING)
    full = row_counts(path)
    with open_catalog_writer(path) as writer:
        for record in EVERYTHING:
            writer.delete(record.figid)
        writer.delete("PMC9__none")
        assert writer.counts() == (0, 0)
        writer.commit()
    assert full["abbreviations"] == 4
    assert set(row_counts(path).values()) == {0}
    write_catalog(path, *EVERYTHING)
    assert row_counts(path) == full
    with Catalog(path) as catalog:
        assert catalog.records([HIPPO.figid]) == {HIPPO.figid: HIPPO}
        assert catalog.figids_matching("nucleus") == {HIPPO.figid}


def test_what_is_not_committed_is_not_kept(tmp_path: Path) -> None:
    """A run that ends early leaves the catalog as it was."""
    path = write_catalog(tmp_path / "catalog.sqlite", HIPPO)
    with open_catalog_writer(path) as writer:
        writer.delete(HIPPO.figid)
        writer.put(SECOND, [], source="s", digest="d")
    with Catalog(path) as catalog:
        assert set(catalog.digests()) == {"_figures/PMC1__hippo.md"}
    assert [p.name for p in tmp_path.iterdir()] == ["catalog.sqlite"]


def test_a_record_stands_once(tmp_path: Path) -> None:
    """A figid that is there already is refused."""
    path = write_catalog(tmp_path / "catalog.sqlite", HIPPO)
    with pytest.raises(VectorstoreError), open_catalog_writer(path) as writer:
        writer.put(HIPPO, [], source="elsewhere", digest="d")


def test_threads_share_a_catalog(path: Path) -> None:
    """Each thread reads with a connection of its own."""
    with Catalog(path) as catalog, ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: catalog.record(HIPPO.figid), range(64))) == {HIPPO}


def test_reading_changes_nothing(path: Path) -> None:
    """Neither the file nor the folder."""
    before = path.read_bytes(), sorted(p.name for p in path.parent.iterdir())
    with Catalog(path) as catalog:
        catalog.search_text("yap", 3)
        assert (path.read_bytes(), sorted(p.name for p in path.parent.iterdir())) == before


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 1000, "half", "header"])
def test_a_damaged_file_is_told(path: Path, tmp_path: Path, content: bytes | str | None) -> None:
    """A missing, empty, foreign or cut-off file is damage, told in a sentence with the command that mends it."""
    whole = path.read_bytes()
    damaged = tmp_path / "catalog.sqlite"
    if isinstance(content, bytes):
        damaged.write_bytes(content)
    elif content == "half":
        damaged.write_bytes(whole[: len(whole) // 2])
    elif content == "header":
        damaged.write_bytes(whole[:100] + b"\x7f" * (len(whole) - 100))
    with (
        pytest.raises(CorruptIndexError, match=r"catalog\.sqlite is damaged .*Run `pfocr-chat index`"),
        Catalog(damaged) as catalog,
    ):
        catalog.records([r.figid for r in EVERYTHING])


def test_a_damaged_or_hopeless_file_cannot_be_written(tmp_path: Path) -> None:
    """Damage is told as such, and a place that cannot be written as that."""
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database at all" * 1000)
    with pytest.raises(CorruptIndexError, match="damaged"), open_catalog_writer(damaged) as writer:
        writer.put(HIPPO, [], source="s", digest="d")
    with (
        pytest.raises(VectorstoreError, match="cannot be written"),
        open_catalog_writer(tmp_path / "no" / "c") as writer,
    ):
        writer.counts()
