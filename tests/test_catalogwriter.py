"""Writing a catalog: the names it is born with, and what a record adds and takes away."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pfocr_chat.catalog import COMMON, FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.errors import VectorstoreError
from pfocr_chat.lexicon import lookup_key, name_key
from pfocr_chat.nomenclature import NameSource, read_abbreviations, read_families, read_genes
from pfocr_chat.records import FigureRecord, Kind, Mention, Passage, Tier

TABLES = (
    *(
        "figures",
        "records",
        "organisms",
        "mentions",
        "shown",
        "printed",
        "columns",
        "passages",
        "abbreviations",
        "names",
    ),
    *("members", "fulltext", "naming", "words"),
)
FIGURE = FigureRecord(
    figid="PMC1__dust",
    title="Dust bunnies (DuBu) under the bed",
    caption="Lint factor 9 (LF9) rolls. DB, dust ball; LF9 stops at the wall. Grey matter (GM) is lint.",
    paper_title="Bedroom ecology (BE) and bedroom ecologies (BE)",
    organisms=("Homo sapiens",),
    keywords=("dust",),
    mentions=(
        Mention(Kind.GENE, "LRP5/6", "LRP6", Tier.SYMBOL, match="LRP6"),
        Mention(Kind.GENE, "IKKY", "IKBKG", Tier.SYNONYM, match="IKK-gamma"),
        Mention(Kind.GENE, "TNF-α", "TNF", Tier.SYNONYM),
        Mention(Kind.CHEMICAL, "Lactate", "Lactic Acid", Tier.SYNONYM, match="Lactic Acid"),
        Mention(Kind.CHEMICAL, "Glucose uptake", "Glucose", Tier.SYMBOL, match="Glucose"),
        Mention(Kind.DISEASE, "Flu", "influenza", Tier.SYNONYM, match="influenza"),
    ),
)
OTHER = FigureRecord(figid="PMC2__broom", title="A broom", caption="Dust bunnies (DuBu) flee.", organisms=("Mus",))


def put(path: Path, *records: FigureRecord) -> Path:
    """A catalog with the records."""
    with open_catalog_writer(path) as writer:
        for record in records:
            passage = Passage(f"{record.figid}#0", record.figid, record.caption or "")
            writer.put(record, [passage], source=f"{record.figid}.md", digest="d")
        writer.commit()
    return path


def rows(path: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """What a query of the file gives."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql, values).fetchall()


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in order; figures without their number."""
    return {table: sorted(rows(path, f"SELECT * FROM {table}"), key=repr) for table in TABLES}  # noqa: S608 - fixed


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog without records."""
    return put(tmp_path_factory.mktemp("empty") / FILE_NAME)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog of two figures."""
    return put(tmp_path_factory.mktemp("filled") / FILE_NAME, FIGURE, OTHER)


# Names


def test_every_spelling_of_the_nomenclature_is_there(empty: Path) -> None:
    """Each gene and family can be looked up by each of its spellings, under the strongest source of it."""
    known = {
        (spelling, kind, name): source
        for _, spelling, kind, name, source in rows(empty, "SELECT key, spelling, kind, name, source FROM names")
    }
    for gene in read_genes()[::40]:
        for text, source in gene.spellings():
            assert int(known[name_key(text), "gene", gene.symbol]) <= source  # type: ignore[call-overload]
    for family in read_families():
        for text in (family.label, *family.synonyms):
            assert known[name_key(text), "family", family.label] == NameSource.CURATED


def test_keys_are_those_that_names_are_looked_up_by(empty: Path) -> None:
    """No row is without a key, and the key is that of its spelling."""
    pairs = rows(empty, "SELECT key, spelling FROM names")
    assert all(key == lookup_key(str(spelling)) and key for key, spelling in pairs[::25])
    assert len(pairs) == len(set(rows(empty, "SELECT spelling, kind, name FROM names")))


def test_a_symbol_is_stronger_than_what_else_it_is(empty: Path) -> None:
    """The symbol SRC is also an alias of no weight; "TNF" is TNF's symbol."""
    assert ("TNF", 1) in rows(empty, "SELECT name, source FROM names WHERE key = 'tnf'")
    assert rows(empty, "SELECT DISTINCT source FROM names WHERE key = 'tp53' AND name = 'TP53'") == [(1,)]
    assert (NameSource.CURATED,) in rows(empty, "SELECT source FROM names WHERE key = 'yap' AND name = 'YAP1'")


def test_families_have_all_their_members(empty: Path) -> None:
    """As the nomenclature has them, under the label."""
    known = set(rows(empty, "SELECT family, symbol FROM members"))
    assert {(f.label, symbol) for f in read_families() for symbol in f.members} <= known


def test_numbered_proteins_are_families_without_their_number(empty: Path) -> None:
    """Talin is TLN1 and TLN2, laminin its subunits, and perforin, of which there is one, its gene."""
    assert rows(empty, "SELECT symbol FROM members WHERE family = 'talin' ORDER BY 1") == [("TLN1",), ("TLN2",)]
    assert ("LAMA1",) in rows(empty, "SELECT symbol FROM members WHERE family = 'laminin'")
    assert rows(empty, "SELECT kind, name FROM names WHERE key = 'perforin'") == [("gene", "PRF1")]
    for word in ("protein", "glycoprotein", "phosphatase", "homeobox", "midline"):
        assert rows(empty, "SELECT 1 FROM members WHERE family = ?", word) == [], word
    (integrin,) = rows(empty, "SELECT DISTINCT name FROM names WHERE key = 'integrin'")
    assert integrin == ("integrin",)


def test_no_name_is_the_name_of_two_families(empty: Path) -> None:
    """What was added means nothing else."""
    shared = "SELECT spelling FROM names WHERE kind = 'family' GROUP BY spelling HAVING count(DISTINCT name) > 1"
    assert rows(empty, shared) == []


# Abbreviations


def test_common_abbreviations_count_as_many_figures(empty: Path) -> None:
    """They are known without a record, and outweigh what a few captions say."""
    pairs = set(rows(empty, "SELECT short, long FROM abbreviations WHERE figure = 0"))
    assert pairs == {(name_key(short), name_key(long)) for short, long in read_abbreviations()}
    with Catalog(empty) as catalog:
        assert catalog.expansions(["lps"]) == {"lps": {"lipopolysaccharide": COMMON}}


def test_a_record_adds_the_abbreviations_it_explains(filled: Path) -> None:
    """From title, paper title and caption, in the form of names, long forms in the singular, once a figure."""
    found = set(
        rows(filled, "SELECT short, long FROM abbreviations JOIN figures ON id = figure WHERE figid LIKE 'PMC1%'")
    )
    assert found == {
        ("dubu", "dust bunnie"),
        ("lf 9", "lint factor 9"),
        ("db", "dust ball"),
        ("gm", "gray matter"),
        ("be", "bedroom ecology"),
        ("be", "bedroom ecologie"),
    }
    with Catalog(filled) as catalog:
        assert catalog.expansions(["dubu"]) == {"dubu": {"dust bunnie": 2}}


# Records


def test_genes_are_kept_under_what_was_matched_and_others_under_what_is_printed(filled: Path) -> None:
    """A printed "LRP5/6" is LRP6 here; "Lactate" was matched to lactic acid, which is not what is printed."""
    found = dict(rows(filled, "SELECT word, spelling FROM mentions"))
    assert found == {
        "LRP5/6": "lrp 6",
        "IKKY": "ikk gamma",
        "TNF-α": "tnf alpha",
        "Lactate": "lactate",
        "Glucose uptake": "glucose",
        "Flu": "flu",
    }
    assert rows(filled, "SELECT key FROM mentions WHERE word = 'TNF-α'") == [("tnfa",)]


def test_records_come_back_as_they_were_put(filled: Path) -> None:
    """What is looked up does not change what is told."""
    with Catalog(filled) as catalog:
        assert catalog.records([FIGURE.figid, OTHER.figid]) == {FIGURE.figid: FIGURE, OTHER.figid: OTHER}


def test_deleting_leaves_nothing_behind(tmp_path: Path) -> None:
    """The catalog is then as if the record had never been put, in every table and in the vocabulary."""
    before = contents(put(tmp_path / "one.sqlite", OTHER))
    path = put(tmp_path / "two.sqlite", OTHER, FIGURE)
    assert contents(path) != before
    with open_catalog_writer(path) as writer:
        writer.delete(FIGURE.figid)
        writer.delete("PMC9__none")
        assert writer.counts() == (1, 1)
        writer.commit()
    assert contents(path) == before


def test_deleting_everything_keeps_the_names(empty: Path, tmp_path: Path) -> None:
    """The names of genes and the common abbreviations belong to no record."""
    path = put(tmp_path / FILE_NAME, FIGURE)
    with open_catalog_writer(path) as writer:
        writer.delete(FIGURE.figid)
        writer.commit()
    assert contents(path) == contents(empty)


def test_lines_that_figures_share_are_kept_once(tmp_path: Path) -> None:
    """Whichever run puts them; they go with the last figure that has them."""
    path = put(tmp_path / FILE_NAME, FIGURE)
    again = replace(OTHER, mentions=(*FIGURE.mentions, FIGURE.mentions[0]))
    put(path, again)
    assert rows(path, "SELECT count(*), count(DISTINCT word) FROM terms") == [(6, 6)]
    assert rows(path, "SELECT count(*) FROM mentions") == [(13,)]
    for figid, left in ((FIGURE.figid, 6), (OTHER.figid, 0)):
        with open_catalog_writer(path) as writer:
            writer.delete(figid)
            writer.commit()
        assert rows(path, "SELECT count(*) FROM terms") == [(left,)]


def test_what_is_counted_beforehand_follows_each_change(tmp_path: Path) -> None:
    """Facets and genes are those of the records that were committed last."""
    path = put(tmp_path / FILE_NAME, FIGURE)
    with open_catalog_writer(path) as writer:
        writer.delete(FIGURE.figid)
        writer.put(replace(OTHER, year=2020, mentions=FIGURE.mentions[2:3]), [], source="o.md", digest="d")
        writer.commit()
    with Catalog(path) as catalog:
        assert catalog.facet_counts("year", [FIGURE.figid, OTHER.figid]) == {"2020": (OTHER.figid,)}
        assert catalog.facet_counts("organism", [OTHER.figid]) == {"Mus": (OTHER.figid,)}
        assert catalog.gene_sets().genes == ("TNF",)
        assert catalog.organisms == {"Mus"}


def test_names_in_texts_are_forgotten_with_their_record(tmp_path: Path) -> None:
    """Word for word as by their stems."""
    path = put(tmp_path / FILE_NAME, FIGURE, OTHER)
    with Catalog(path) as catalog:
        assert set(catalog.figids_naming(["dust bunnies"])) == {FIGURE.figid, OTHER.figid}
    with open_catalog_writer(path) as writer:
        writer.delete(OTHER.figid)
        writer.commit()
    with Catalog(path) as catalog:
        assert set(catalog.figids_naming(["dust bunnies"])) == {FIGURE.figid}
    assert rows(path, "SELECT rowid FROM naming WHERE naming MATCH 'flee'") == []


def test_a_changed_record_is_put_again(tmp_path: Path) -> None:
    """After it was deleted; what only the old one had is gone."""
    path = put(tmp_path / FILE_NAME, FIGURE)
    with open_catalog_writer(path) as writer:
        writer.delete(FIGURE.figid)
        writer.put(replace(FIGURE, caption="Lint."), [], source="new.md", digest="e")
        writer.commit()
    with Catalog(path) as catalog:
        assert catalog.record(FIGURE.figid) == replace(FIGURE, caption="Lint.")
        assert catalog.digests() == {"new.md": ("e", FIGURE.figid)}
        assert catalog.expansions(["lf 9"]) == {}
        assert catalog.expansions(["dubu"]) == {"dubu": {"dust bunnie": 1}}
        assert not catalog.has_word("wall")


def test_names_are_put_once(empty: Path, tmp_path: Path) -> None:
    """Opening a catalog again adds none, and two new catalogs have the same."""
    path = put(tmp_path / FILE_NAME)
    for _ in range(2):
        with open_catalog_writer(path) as writer:
            writer.commit()
    assert contents(path) == contents(empty)


def test_what_is_not_committed_is_not_kept(tmp_path: Path) -> None:
    """A writer that is left without a commit leaves the catalog as it was."""
    path = put(tmp_path / FILE_NAME, OTHER)
    before = contents(path)
    with open_catalog_writer(path) as writer:
        writer.put(FIGURE, [], source="x.md", digest="d")
        writer.delete(OTHER.figid)
        assert writer.counts() == (1, 0)
    assert contents(path) == before


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The message names the file."""
    message = r"nowhere.*catalog\.sqlite cannot be written"
    with pytest.raises(VectorstoreError, match=message), open_catalog_writer(tmp_path / "nowhere" / FILE_NAME):
        pass
