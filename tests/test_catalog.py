"""The SQLite side of an index: what is put in can be read back, searched and removed."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pfocr_chat.catalog import Catalog, Named, open_catalog_writer
from pfocr_chat.errors import CorruptIndexError, VectorstoreError
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
    ),
)
SECOND = FigureRecord(
    figid="PMC1__second",
    title="Kinases",
    caption="AKT is activated.",
    pmcid="PMC1",
    year=2020,
    mentions=(
        Mention(Kind.GENE, "Yap", "Yap1", Tier.SYMBOL, "22601", "Mus musculus"),
        Mention(Kind.GENE, "YAP", "YAP1", Tier.SYNONYM, "10413", "Homo sapiens"),
        Mention(Kind.DISEASE, "ATP", "ATP", Tier.SYMBOL),
    ),
)
BARE = FigureRecord(figid="PMC3__bare")
EVERYTHING = (HIPPO, SECOND, BARE)


def write_catalog(path: Path, *records: FigureRecord) -> Path:
    with open_catalog_writer(path) as writer:
        for record in records:
            passages = [Passage(f"{record.figid}#{n}", record.figid, f"part {n}") for n in range(2)]
            writer.put(record, passages, source=f"_figures/{record.figid}.md", digest=f"d-{record.figid}")
        writer.commit()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of three records, in a folder with an awkward name."""
    folder = tmp_path_factory.mktemp("a b#c?d%20é")
    return write_catalog(folder / "catalog.sqlite", *EVERYTHING)


def row_counts(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as db:
        tables = ("figures", "organisms", "mentions", "passages", "fulltext", "words")
        return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables}  # noqa: S608 - fixed names


def test_records_are_read_back_as_they_were(path: Path) -> None:
    """Every field and every mention, in order; figids that are not there are left out."""
    with Catalog(path) as catalog:
        assert catalog.records([r.figid for r in EVERYTHING] + ["PMC9__none"]) == {r.figid: r for r in EVERYTHING}
        assert catalog.record("PMC9__none") is None
        assert catalog.records([]) == {}
        assert (catalog.figures, catalog.passages) == (3, 6)


def test_any_number_of_figids_can_be_asked_for(path: Path) -> None:
    """SQLite's limit on variables is no limit here."""
    with Catalog(path) as catalog:
        found = catalog.records([f"PMC{n}__x" for n in range(50_000)] + [BARE.figid])
        assert found == {BARE.figid: BARE}


def test_files_are_remembered_with_their_hash(path: Path) -> None:
    """So that an unchanged file can be told."""
    with Catalog(path) as catalog:
        assert catalog.digests()["_figures/PMC1__hippo.md"] == ("d-PMC1__hippo", "PMC1__hippo")


def test_figures_by_name_paper_and_year(path: Path) -> None:
    """Figid or alias in any case, all figures of a paper, and years within inclusive bounds."""
    with Catalog(path) as catalog:
        assert catalog.figids_named("pmc1__HIPPO") == ("PMC1__hippo",)
        assert catalog.figids_named("pmc1__f1") == ("PMC1__hippo",)
        assert catalog.figids_named("' OR 1=1 --") == ()
        assert catalog.figids_of_paper("PMC1") == ("PMC1__hippo", "PMC1__second")
        assert catalog.figids_in_years(2015, 2019) == {"PMC1__hippo"}
        assert catalog.figids_in_years(2015, None) == {"PMC1__hippo", "PMC1__second"}
        assert catalog.figids_in_years(None, 2014) == frozenset()


def test_full_text_is_searched_in_normal_form(path: Path) -> None:
    """A word is found by another form of it, Greek letters by name; titles, captions, papers and names are searched."""
    with Catalog(path) as catalog:
        for match in ('"tnf alpha"', "entering", "organ", "tead", "control", '"homo sapiens"'):
            assert [figid for figid, _ in catalog.search_text(match, 5)] == ["PMC1__hippo"], match
        assert catalog.figids_matching('"yap"') == {"PMC1__hippo", "PMC1__second"}
        assert catalog.figids_matching('{title caption} : ("yap")') == {"PMC1__hippo"}
        assert catalog.search_text('"unheard"', 5) == []


def test_better_matches_score_higher(path: Path) -> None:
    """Scores fall from first to last, and the limit holds."""
    with Catalog(path) as catalog:
        found = catalog.search_text('"yap" OR "nucleus" OR "akt"', 5)
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert len(found) == 2
        assert catalog.search_text('"yap" OR "nucleus" OR "akt"', 1) == found[:1]


def test_names_carry_their_strongest_evidence(path: Path) -> None:
    """A figure that prints a symbol and a synonym counts by the symbol; kinds are kept apart."""
    with Catalog(path) as catalog:
        assert catalog.figids_mentioning(Kind.GENE, ["YAP1"]) == {
            "PMC1__hippo": (Tier.SYMBOL, "YAP1"),
            "PMC1__second": (Tier.SYNONYM, "YAP"),
        }
        assert catalog.figids_mentioning(Kind.GENE, ["TEAD2", "TEAD9"]) == {"PMC1__hippo": (Tier.FAMILY, "TEAD")}
        assert catalog.figids_mentioning(Kind.DISEASE, ["ATP"]) == {"PMC1__second": (Tier.SYMBOL, "ATP")}
        assert catalog.figids_mentioning(Kind.GENE, ["O'Brien\"", ""]) == {}
        assert catalog.figids_mentioning(Kind.GENE, []) == {}


def test_printed_words_stand_for_names(path: Path) -> None:
    """Most frequent first; each with its strongest tier and the number of figures."""
    with Catalog(path) as catalog:
        found = catalog.lookup_names(["yap", "tead", "atp", "unknown"])
        assert found["yap"] == (
            Named(Kind.GENE, "yap", "YAP1", Tier.SYNONYM, 2),
            Named(Kind.GENE, "yap", "Yap1", Tier.SYMBOL, 1),
        )
        assert [n.name for n in found["tead"]] == ["TEAD1", "TEAD2"]
        assert {n.kind for n in found["atp"]} == {Kind.CHEMICAL, Kind.DISEASE}
        assert "unknown" not in found
        assert catalog.spellings(Kind.GENE, ["YAP1", "TEAD1"]) == {"YAP1": {"yap": 2, "yap 1": 1}}


def test_words_of_the_corpus(path: Path) -> None:
    """A word that stands anywhere is known, in another form too, and stems can be listed."""
    with Catalog(path) as catalog:
        assert catalog.has_word("signalling") is catalog.has_word("signals") is True
        assert not catalog.has_word("unheard")
        assert "signal" in catalog.words_like("sig")
        assert catalog.words_like("zzz") == []


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
    assert set(row_counts(path).values()) == {0}
    write_catalog(path, *EVERYTHING)
    assert row_counts(path) == full
    with Catalog(path) as catalog:
        assert catalog.records([HIPPO.figid]) == {HIPPO.figid: HIPPO}
        assert catalog.figids_matching("tead") == {HIPPO.figid}


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
