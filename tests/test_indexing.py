"""Making an index agree with a folder of records: converging, publishing, damage, and other processes."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import chromadb
import numpy as np
import numpy.typing as npt
import pytest
from chromadb.config import Settings
from wordembedder import Corpus, WordEmbedder

from pfocr_chat import open_assistant
from pfocr_chat.catalog import COMMON, FILE_NAME, Catalog
from pfocr_chat.disk import hash_of
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import (
    CorpusError,
    CorruptIndexError,
    IndexBusyError,
    IndexMismatchError,
    NoIndexError,
    VectorstoreError,
)
from pfocr_chat.generations import FORMAT, Manifest, check_files, generation_folder, read_manifest, writing
from pfocr_chat.indexing import IndexReport, build_index
from pfocr_chat.passages import PASSAGE_FORMAT
from pfocr_chat.vectorindex import COLLECTION, FOLDER_NAME, VectorIndex


@pytest.fixture
def embedder_of_words() -> WordEmbedder:
    return WordEmbedder()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Four records; one has a gene table, one a caption of several passages."""
    corpus = Corpus(tmp_path / "corpus")
    corpus.write(
        "PMC1__hippo", "YAP enters the nucleus.", more="year: 2015\njournal_title: Cell\norganisms: [Homo sapiens]"
    )
    corpus.write_genes("PMC1__hippo", "YAP1")
    corpus.write("PMC2__wnt", "Wnt ligands stabilise catenin.")
    corpus.write("PMC3__long", " ".join(f"Step {n} activates the next kinase of the long cascade." for n in range(20)))
    corpus.write("PMC4__bare")
    return corpus


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "vectorstore"


def counts(report: IndexReport) -> tuple[int, int, int, int, int]:
    """Added, changed, deleted, unchanged, unreadable."""
    assert report.found == report.added + report.changed + report.unchanged + report.unreadable
    return report.added, report.changed, report.deleted, report.unchanged, report.unreadable


def current(store: Path) -> Path:
    return generation_folder(store, read_manifest(store).generation)


def figids(store: Path) -> set[str]:
    with Catalog(current(store) / FILE_NAME) as catalog:
        return {figid for _, figid in catalog.digests().values()}


def assert_sound(store: Path) -> None:
    """The published generation is complete, and its two stores agree with each other and with the manifest."""
    manifest = read_manifest(store)
    check_files(store, manifest)
    folder = current(store)
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        passages = dict(db.execute("SELECT passage_id, text FROM passages"))
        owners = {figid for (figid,) in db.execute("SELECT figid FROM passages JOIN figures ON id = figure")}
        for table in ("organisms", "mentions", "passages", "abbreviations"):
            # The figure of an abbreviation that comes with the program is 0.
            sql = f"SELECT count(*) FROM {table} WHERE figure NOT IN (SELECT id FROM figures UNION SELECT 0)"  # noqa: S608
            assert db.execute(sql).fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM fulltext").fetchone() == (manifest.figures,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with VectorIndex(folder / FOLDER_NAME) as vectors:
        assert vectors.ids() == passages.keys()
        found = vectors.search(WordEmbedder().embed_query("about"), manifest.passages + 10)
        # Chroma's search is approximate: among a thousand vectors one may be out of its reach.
        assert len(found) >= 0.99 * len(passages)
        assert {passage_id for passage_id, _, _ in found} <= passages.keys()
        assert all(passage_id.rpartition("#")[0] == figid for passage_id, figid, _ in found)
    assert (manifest.figures, manifest.passages) == (len(owners), len(passages))
    assert owners == figids(store)
    names = [p.name for p in (store / "generations").iterdir()]
    assert all(re.fullmatch(r"g\d{6}", name) for name in names)
    assert len(names) <= 2


def nearest(store_folder: Path, text: str) -> str:
    with VectorIndex(store_folder / FOLDER_NAME) as vectors:
        return vectors.search(WordEmbedder().embed_query(text), 1)[0][1]


def metadata(store: Path, passage_id: str) -> dict[str, object]:
    client = chromadb.PersistentClient(str(current(store) / FOLDER_NAME), settings=Settings(anonymized_telemetry=False))
    with closing(client):
        found = client.get_collection(COLLECTION, embedding_function=None).get(ids=[passage_id])
    return dict(found["metadatas"][0])


def test_a_first_index(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """Every record is read, and the manifest says what the generation is."""
    steps: list[tuple[str, int, int]] = []
    report = build_index(corpus.folder, store, embedder_of_words, progress=lambda *step: steps.append(step))
    assert counts(report) == (4, 0, 0, 0, 0)
    assert (report.problems, report.rebuilt) == ((), None)
    assert_sound(store)
    manifest = read_manifest(store)
    assert report.manifest == manifest
    assert manifest.figures == 4
    assert manifest.passages == len(embedder_of_words.embedded) > 6
    assert (manifest.generation, manifest.format, manifest.passage_format) == ("g000001", FORMAT, PASSAGE_FORMAT)
    assert (manifest.embedder, manifest.embedder_fingerprint, manifest.dimension) == ("words", "words:64", 64)
    assert manifest.corpus == "corpus"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", manifest.built)
    assert {"catalog.sqlite", "chroma/chroma.sqlite3"} <= manifest.files.keys()
    assert nearest(current(store), "Wnt ligands stabilise catenin") == "PMC2__wnt"
    assert steps[:4] == [("reading", n, 4) for n in range(1, 5)]
    assert (steps[4], steps[-1]) == (
        ("embedding", 0, manifest.passages),
        ("embedding", manifest.passages, manifest.passages),
    )


def test_nothing_changed(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """A second run embeds nothing, publishes nothing and says so; a touched file is not a changed one."""
    first = build_index(corpus.folder, store, embedder_of_words).manifest
    embedder_of_words.embedded.clear()
    os.utime(corpus.folder / "_figures" / "PMC2__wnt.md", (0, 0))
    report = build_index(corpus.folder, store, embedder_of_words)
    assert counts(report) == (0, 0, 0, 4, 0)
    assert embedder_of_words.embedded == []
    assert report.manifest == read_manifest(store) == first
    assert [p.name for p in (store / "generations").iterdir()] == ["g000001"]


def test_only_what_changed_is_embedded(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """Changed and new records are embedded, vanished ones deleted, the others left alone."""
    build_index(corpus.folder, store, embedder_of_words)
    embedder_of_words.embedded.clear()
    corpus.write("PMC2__wnt", "Gibberellin degrades DELLA.")
    corpus.write("PMC5__new", "Notch is cleaved.")
    (corpus.folder / "_figures" / "PMC3__long.md").unlink()
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (1, 1, 1, 2, 0)
    assert embedder_of_words.embedded == ["About wnt\nGibberellin degrades DELLA.", "About new\nNotch is cleaved."]
    assert figids(store) == {"PMC1__hippo", "PMC2__wnt", "PMC4__bare", "PMC5__new"}
    assert_sound(store)
    assert nearest(current(store), "Gibberellin degrades DELLA") == "PMC2__wnt"
    with Catalog(current(store) / FILE_NAME) as catalog:
        assert catalog.figids_matching("catenin") == frozenset()
        assert catalog.figids_matching("notch") == {"PMC5__new"}


def test_names_come_with_the_index_and_go_with_their_records(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """Genes and abbreviations that come with the program stay; words and explanations that a record taught go."""
    corpus.write("PMC2__wnt", "The quizzical xylitol synthase (QXS) stabilises catenin.")
    corpus.write_genes("PMC2__wnt", "Zyxl9")
    known = {}
    for step in ("built", "deleted"):
        build_index(corpus.folder, store, embedder_of_words)
        with Catalog(current(store) / FILE_NAME) as catalog:
            words = {key for key, found in catalog.readings(["yap1", "akt1", "zyxl9"]).items() if found}
            known[step] = words, catalog.expansions(["lps", "qxs"])
        (corpus.folder / "_figures" / "PMC2__wnt.md").unlink(missing_ok=True)
    always = {"lps": {"lipopolysaccharide": COMMON}}
    assert known["built"] == ({"yap1", "akt1", "zyxl9"}, always | {"qxs": {"quizzical xylitol synthase": 1}})
    assert known["deleted"] == ({"yap1", "akt1"}, always)
    assert_sound(store)


def test_a_shorter_caption_leaves_no_passage_behind(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """Where a record had many passages and has one now, the others are gone from both stores."""
    build_index(corpus.folder, store, embedder_of_words)
    corpus.write("PMC3__long", "Now short.")
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 1, 0, 3, 0)
    assert_sound(store)
    assert read_manifest(store).passages == 4


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_a_changed_table_is_a_changed_record(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder, change: str
) -> None:
    """A gene table that changes, comes or goes makes its record read again."""
    build_index(corpus.folder, store, embedder_of_words)
    if change == "changed":
        corpus.write_genes("PMC1__hippo", "YAP1", "TEAD1")
    elif change == "added":
        corpus.write_genes("PMC2__wnt", "WNT1")
    else:
        (corpus.folder / "_data" / "PMC1__hippo-genes.tsv").unlink()
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 1, 0, 3, 0)
    assert_sound(store)
    with Catalog(current(store) / FILE_NAME) as catalog:
        names = {m.name for r in catalog.records(["PMC1__hippo", "PMC2__wnt"]).values() for m in r.mentions}
    assert names == {"changed": {"YAP1", "TEAD1"}, "added": {"YAP1", "WNT1"}, "removed": set()}[change]


def test_metadata_of_a_changed_record_keeps_nothing_old(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """What a record no longer says is not in the index either."""
    build_index(corpus.folder, store, embedder_of_words)
    assert metadata(store, "PMC1__hippo#0") == {
        "figid": "PMC1__hippo",
        "pmcid": "PMC1",
        "year": 2015,
        "journal": "Cell",
        "organisms": ["Homo sapiens"],
    }
    corpus.write("PMC1__hippo", "YAP enters the nucleus.", more="figtype: Scheme")
    build_index(corpus.folder, store, embedder_of_words)
    assert metadata(store, "PMC1__hippo#0") == {"figid": "PMC1__hippo", "pmcid": "PMC1", "figtype": "Scheme"}


def test_renamed_and_exchanged_files(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """Figures stay in the index when their files change names, or exchange what they hold."""
    build_index(corpus.folder, store, embedder_of_words)
    figures = corpus.folder / "_figures"
    (figures / "PMC4__bare.md").rename(figures / "renamed.md")
    corpus.write("PMC1__hippo", "Exchanged.", figid="PMC2__wnt")
    corpus.write("PMC2__wnt", "Exchanged too.", figid="PMC1__hippo")
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (1, 2, 1, 1, 0)
    assert figids(store) == {"PMC1__hippo", "PMC2__wnt", "PMC3__long", "PMC4__bare"}
    assert_sound(store)
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 0, 0, 4, 0)


def test_two_files_with_one_figid(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """The first is indexed, the second reported in every run, and indexed when the first is gone."""
    second = corpus.write("twin", "Another hippo.", figid="PMC1__hippo")
    for expected in ((4, 0, 0, 0, 1), (0, 0, 0, 4, 1)):
        report = build_index(corpus.folder, store, embedder_of_words)
        assert counts(report) == expected
        assert [(p.path, p.reason) for p in report.problems] == [
            (second, "PMC1__hippo stands in _figures/PMC1__hippo.md already")
        ]
    assert report.manifest.generation == "g000001"
    (corpus.folder / "_figures" / "PMC1__hippo.md").unlink()
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (1, 0, 1, 3, 0)
    assert nearest(current(store), "Another hippo") == "PMC1__hippo"
    assert_sound(store)


def test_unreadable_files_do_not_stop_a_run(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """Each is named with its reason and counted, in every run; the others are indexed, once."""
    figures = corpus.folder / "_figures"
    (figures / "a-latin.md").write_bytes("---\nfigid: PMC9__é\n---\n".encode("latin-1"))
    (figures / "a-bomb.md").write_text("---\nfigid: PMC9__b\na: &a [*a]\n---\n")
    (figures / "a-folder.md").mkdir()
    (figures / os.fsdecode(b"a-\xff.md")).write_text("---\nfigid: PMC9__c\n---\n")
    os.mkfifo(figures / "a-pipe.md")
    expected = {
        "a-latin.md": "not UTF-8 text",
        "a-bomb.md": "YAML aliases are not accepted",
        "a-folder.md": "not a file",
        os.fsdecode(b"a-\xff.md"): "its name is not UTF-8 text",
        "a-pipe.md": "not a file",
    }
    for run in ((4, 0, 0, 0, 5), (0, 0, 0, 4, 5)):
        report = build_index(corpus.folder, store, embedder_of_words)
        assert counts(report) == run
        assert report.found == 9
        assert {p.path.name: p.reason for p in report.problems} == expected
    assert [p.name for p in (store / "generations").iterdir()] == ["g000001"]
    assert len(embedder_of_words.embedded) == read_manifest(store).passages
    assert_sound(store)


def test_a_record_that_becomes_unreadable(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """It leaves the index, is reported, and comes back when it is mended."""
    build_index(corpus.folder, store, embedder_of_words)
    path = corpus.folder / "_figures" / "PMC2__wnt.md"
    whole = path.read_bytes()
    path.write_bytes(b"---\nfigid: [\n---\n")
    report = build_index(corpus.folder, store, embedder_of_words)
    assert counts(report) == (0, 0, 0, 3, 1)
    assert figids(store) == {"PMC1__hippo", "PMC3__long", "PMC4__bare"}
    assert_sound(store)
    path.write_bytes(whole)
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (1, 0, 0, 3, 0)
    assert_sound(store)


def test_an_unreadable_table_does_not_cost_the_record(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """The record is indexed without it, and again when the table can be read."""
    table = corpus.folder / "_data" / "PMC2__wnt-genes.tsv"
    table.mkdir()
    report = build_index(corpus.folder, store, embedder_of_words)
    assert counts(report) == (4, 0, 0, 0, 0)
    assert [(p.path, p.reason) for p in report.problems] == [(table, "not a file")]
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 0, 0, 4, 0)
    table.rmdir()
    corpus.write_genes("PMC2__wnt", "WNT1")
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 1, 0, 3, 0)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of files that the system does not let us read, of which the caller makes what it wants."""
    monkeypatch.setattr("pfocr_chat.corpus.SETTLED_NS", 0)
    names: set[str] = set()
    opens = Path.open

    def open_or_not(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name in names:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opens(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", open_or_not)
    return names


def test_a_table_that_the_system_refused_once(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder, refuse: set[str]
) -> None:
    """It is read at the next run, though nothing of the file has changed."""
    refuse.add("PMC1__hippo-genes.tsv")
    report = build_index(corpus.folder, store, embedder_of_words)
    assert [p.reason for p in report.problems] == ["Input/output error"]
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 0, 0, 4, 0)
    refuse.clear()
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 1, 0, 3, 0)
    with Catalog(generation_folder(store, read_manifest(store).generation) / FILE_NAME) as catalog:
        (record,) = catalog.records(["PMC1__hippo"]).values()
    assert [mention.name for mention in record.mentions] == ["YAP1"]


def test_a_record_that_the_system_refuses_stays(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder, refuse: set[str]
) -> None:
    """A disk in trouble does not take figures out of an index; what can be read again is read."""
    build_index(corpus.folder, store, embedder_of_words)
    corpus.write("PMC2__wnt", "Wnt ligands stabilise beta-catenin.")
    refuse.add("PMC2__wnt.md")
    report = build_index(corpus.folder, store, embedder_of_words)
    assert counts(report) == (0, 0, 0, 4, 0)
    assert [p.reason for p in report.problems] == ["Input/output error"]
    assert len(figids(store)) == 4
    refuse.clear()
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (0, 1, 0, 3, 0)


def test_equal_records_make_equal_catalogs(corpus: Corpus, tmp_path: Path) -> None:
    """Byte for byte, in whatever order Python keeps its sets: the hash of a catalog names the vectors in a server."""
    for n in range(10):
        corpus.write(
            f"PMC7{n}__more", f"Epithelial mesenchymal transition (EMT), transforming growth factor {n} (TGF)."
        )
    code = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from wordembedder import WordEmbedder
        from pfocr_chat.indexing import build_index
        corpus, store = map(Path, sys.argv[1:])
        build_index(corpus, store, WordEmbedder())
        for path in sorted((corpus / "_figures").glob("PMC7?__more.md"))[:7]:
            path.rename(path.with_suffix(".away"))
        build_index(corpus, store, WordEmbedder())
        for path in (corpus / "_figures").glob("*.away"):
            path.rename(path.with_suffix(".md"))
        """
    )
    hashes = []
    for seed in "123":
        store = tmp_path / f"store{seed}"
        environ = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(corpus.folder), str(store)], check=True, env=environ)
        hashes.append([generation_hash(store, name) for name in ("g000001", "g000002")])
    assert hashes[0] == hashes[1] == hashes[2]


def generation_hash(store: Path, generation: str) -> str:
    return hash_of(generation_folder(store, generation) / FILE_NAME)


def test_no_record_can_be_read(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """That is an error that names the first file, and the old generation stays."""
    build_index(corpus.folder, store, embedder_of_words)
    for path in (corpus.folder / "_figures").iterdir():
        path.write_text("no record")
    with pytest.raises(
        CorpusError, match=r"None of the 4 record files could be read. The first: .*PMC1__hippo\.md: no"
    ):
        build_index(corpus.folder, store, embedder_of_words)
    assert len(figids(store)) == 4
    assert_sound(store)


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing", "does not exist"), ("empty", "holds no figure records"), ("file", "is not a folder")],
)
def test_a_folder_that_cannot_be_indexed(
    tmp_path: Path, store: Path, embedder_of_words: WordEmbedder, name: str, words: str
) -> None:
    """One sentence, and no index folder is made."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(CorpusError, match=words):
        build_index(tmp_path / name, store, embedder_of_words)
    assert not store.exists()


def test_another_embedder_or_format_means_a_new_index(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """Everything is embedded anew, and the report says why."""
    build_index(corpus.folder, store, embedder_of_words)
    other = WordEmbedder("other")
    report = build_index(corpus.folder, store, other)
    assert counts(report) == (4, 0, 0, 0, 0)
    assert report.rebuilt == "The index was built with another embedder or format."
    assert len(other.embedded) == report.manifest.passages
    assert read_manifest(store).embedder == "other"
    for key in ("passage_format", "format"):
        edit_manifest(store, **{key: 999})
        assert build_index(corpus.folder, store, other).rebuilt
        assert read_manifest(store).is_built_like(embedder_fingerprint="other:64", passage_format=PASSAGE_FORMAT)
        assert build_index(corpus.folder, store, other).rebuilt is None
    assert_sound(store)


def edit_manifest(store: Path, **changes: object) -> None:
    path = store / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture
def large_store(tmp_path: Path) -> Iterator[tuple[Corpus, Path]]:
    """An index of 1,100 records: enough for Chroma to keep a lasting graph."""
    corpus = Corpus(tmp_path / "corpus")
    for n in range(1_100):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts.")
    store = tmp_path / "vectorstore"
    build_index(corpus.folder, store, WordEmbedder())
    return corpus, store


@pytest.mark.parametrize("damage", ["deleted", "shortened"])
def test_every_damaged_file_is_noticed_and_mended(large_store: tuple[Corpus, Path], damage: str) -> None:
    """A file of either store that is missing or cut off is told in one sentence; indexing builds it anew."""
    corpus, store = large_store
    names = read_manifest(store).files
    assert {Path(name).name for name in names} >= {"catalog.sqlite", "chroma.sqlite3", "data_level0.bin", "header.bin"}
    for name, size in names.items():
        file = current(store) / name
        whole = file.read_bytes()
        if damage == "deleted":
            file.unlink()
        elif size:
            file.write_bytes(whole[:-1])
        with pytest.raises(CorruptIndexError) as caught:
            check_files(store, read_manifest(store))
        assert str(file) in str(caught.value)
        assert str(caught.value).endswith("Run `pfocr-chat index` on your records again.")
        file.write_bytes(whole)
    check_files(store, read_manifest(store))
    next(current(store).glob("chroma/*/data_level0.bin")).unlink()
    report = build_index(corpus.folder, store, WordEmbedder())
    assert counts(report) == (1_100, 0, 0, 0, 0)
    assert report.rebuilt
    assert report.rebuilt.endswith("data_level0.bin: it is missing.")
    assert_sound(store)


def test_a_large_index_converges(large_store: tuple[Corpus, Path]) -> None:
    """With a lasting graph too, changes, deletions and growth leave both stores in agreement."""
    corpus, store = large_store
    for n in range(200):
        corpus.write(f"PMC{n}__a{n}", f"Protein{n} changed.")
    for n in range(200, 500):
        (corpus.folder / "_figures" / f"PMC{n}__a{n}.md").unlink()
    for n in range(2_000, 2_900):
        corpus.write(f"PMC{n}__a{n}", f"Drug{n} inhibits.")
    assert counts(build_index(corpus.folder, store, WordEmbedder())) == (900, 200, 300, 600, 0)
    assert_sound(store)


@pytest.mark.parametrize("name", ["catalog.sqlite", "chroma/chroma.sqlite3"])
def test_damage_that_keeps_the_size_is_mended_too(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder, name: str
) -> None:
    """A file overwritten with as many other bytes is found out when it is used, and built anew."""
    build_index(corpus.folder, store, embedder_of_words)
    file = current(store) / name
    file.write_bytes(b"\x7f" * file.stat().st_size)
    corpus.write("PMC5__new", "Notch is cleaved.")
    report = build_index(corpus.folder, store, embedder_of_words)
    assert counts(report) == (5, 0, 0, 0, 0)
    assert report.rebuilt
    assert report.rebuilt.startswith("The index ")
    assert_sound(store)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "null", '"g000001"', "\udcff", "generation", "extra", "files", "sizes", "figures"],
)
def test_a_damaged_manifest(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder, content: str) -> None:
    """It is told in one sentence, and indexing builds anew beside what is there."""
    build_index(corpus.folder, store, embedder_of_words)
    edits: dict[str, dict[str, object]] = {
        "generation": {"generation": "../../etc"},
        "extra": {"extra": 1},
        "files": {"files": []},
        "sizes": {"files": {"catalog.sqlite": "many"}},
        "figures": {"figures": "many"},
    }
    if content in edits:
        edit_manifest(store, **edits[content])
    else:
        (store / "manifest.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorruptIndexError, match=r"manifest\.json: it.*Run `pfocr-chat index`"):
        read_manifest(store)
    report = build_index(corpus.folder, store, embedder_of_words)
    assert report.rebuilt
    assert report.manifest.generation == "g000002"
    assert_sound(store)


def test_no_index(tmp_path: Path) -> None:
    """A folder without an index, or no folder at all, is told with the command that makes one."""
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(NoIndexError, match="Run `pfocr-chat index"):
            read_manifest(folder)
    assert not (tmp_path / "missing").exists()


def test_a_place_that_cannot_be_written(corpus: Corpus, embedder_of_words: WordEmbedder, tmp_path: Path) -> None:
    """A file in the folder's place, and a folder without permission, are told in one sentence."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(VectorstoreError, match=r"The index folder .*file cannot be written: File exists\."):
        build_index(corpus.folder, tmp_path / "file", embedder_of_words)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        is_root = os.geteuid() == 0
        for folder in (Path(name), Path(name) / "new"):
            if is_root:
                os.seteuid(65534)
            try:
                with (
                    pytest.raises(VectorstoreError, match=r"cannot be written: Permission denied\."),
                    writing(folder),
                ):
                    pass
            finally:
                if is_root:
                    os.seteuid(0)


def test_one_writer_at_a_time(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """A second one is refused while the first is at work, and not afterwards."""
    with writing(store), pytest.raises(IndexBusyError, match="Another process is indexing into"):
        build_index(corpus.folder, store, embedder_of_words)
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (4, 0, 0, 0, 0)


def test_an_interrupted_run(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """It leaves the old generation as it was and nothing behind; the next run does the work."""

    def press_ctrl_c(step: str, _done: int, _total: int) -> None:
        if step == "embedding":
            raise KeyboardInterrupt

    build_index(corpus.folder, store, embedder_of_words)
    corpus.write("PMC5__new", "Notch is cleaved.")
    with pytest.raises(KeyboardInterrupt):
        build_index(corpus.folder, store, embedder_of_words, progress=press_ctrl_c)
    assert read_manifest(store).generation == "g000001"
    assert_sound(store)
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (1, 0, 0, 4, 0)
    assert_sound(store)


def test_a_full_disk_is_told(corpus: Corpus, store: Path) -> None:
    """The system's reason is given, and the old generation stays."""

    class FullDisk(WordEmbedder):
        def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
            with Path("/dev/full").open("w") as file:
                file.write("x" * 100_000)
            return super().encode(texts)

    build_index(corpus.folder, store, WordEmbedder())
    corpus.write("PMC5__new", "Notch is cleaved.")
    with pytest.raises(VectorstoreError, match=r"cannot be written: No space left on device\."):
        build_index(corpus.folder, store, FullDisk())
    assert_sound(store)


def test_a_killed_run(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """While another process builds, the old generation serves; killed, it leaves what the next run removes."""
    build_index(corpus.folder, store, embedder_of_words)
    corpus.write("PMC5__new", "Notch is cleaved.")
    code = """
        import sys, time
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        from pfocr_chat.indexing import build_index
        class Slow:
            name, dimension, window, fingerprint = "words", 64, 40, "words:64"
            def count_tokens(self, text):
                return len(text.split())
            def encode(self, texts):
                print("embedding", flush=True)
                time.sleep(60)
        build_index(Path(sys.argv[2]), Path(sys.argv[3]), Slow())
    """
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-c", textwrap.dedent(code), root, str(corpus.folder), str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "embedding\n"
        with pytest.raises(IndexBusyError):
            build_index(corpus.folder, store, embedder_of_words)
        assert len(figids(store)) == 4
        assert nearest(current(store), "Wnt ligands stabilise catenin") == "PMC2__wnt"
        process.send_signal(signal.SIGKILL)
    left = sorted(p.name for p in (store / "generations").iterdir())
    assert [re.sub(r"\..*\.", ".", name) for name in left] == ["g000001", "g000002.building"]
    check_files(store, read_manifest(store))
    assert counts(build_index(corpus.folder, store, embedder_of_words)) == (1, 0, 0, 4, 0)
    assert_sound(store)


def test_a_crash_between_building_and_publishing(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """A finished folder that no manifest names is not used, and does not push out the one that readers have open."""
    build_index(corpus.folder, store, embedder_of_words)
    shutil.copytree(current(store), store / "generations" / "g000002")
    corpus.write("PMC5__new", "Notch is cleaved.")
    assert build_index(corpus.folder, store, embedder_of_words).manifest.figures == 5
    assert sorted(p.name for p in (store / "generations").iterdir()) == ["g000001", "g000002"]
    assert_sound(store)


@pytest.mark.parametrize("searched_before", [True, False])
def test_readers_of_the_old_generation_go_on(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder, searched_before: bool
) -> None:
    """Who has a generation open sees it unchanged while a new one is published; who opens anew sees the new one."""
    build_index(corpus.folder, store, embedder_of_words)
    old = current(store)
    question = embedder_of_words.embed_query("Wnt ligands stabilise catenin, Notch")
    with Catalog(old / FILE_NAME) as catalog, VectorIndex(old / FOLDER_NAME) as vectors:
        if searched_before:
            assert vectors.search(question, 1)[0][1] == "PMC2__wnt"
        corpus.write("PMC5__new", "Notch is cleaved.")
        (corpus.folder / "_figures" / "PMC2__wnt.md").unlink()
        build_index(corpus.folder, store, embedder_of_words)
        assert current(store) != old
        assert vectors.search(question, 1)[0][1] == "PMC2__wnt"
        assert catalog.record("PMC2__wnt")
        assert not catalog.record("PMC5__new")
        assert catalog.figids_matching("catenin") == {"PMC2__wnt"}
        assert nearest(current(store), "Notch is cleaved") == "PMC5__new"
    assert figids(store) == {"PMC1__hippo", "PMC3__long", "PMC4__bare", "PMC5__new"}


def test_readers_do_not_make_an_index_look_damaged(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """While other processes open and search it, its files stand as the manifest says, and it can be built upon."""
    build_index(corpus.folder, store, embedder_of_words)
    code = (
        "import sys, pathlib\nfrom pfocr_chat.vectorindex import VectorIndex\nprint('go', flush=True)\n"
        "for _ in range(60):\n    with VectorIndex(pathlib.Path(sys.argv[1])) as index:\n"
        "        index.search([1.0] * 64, 3)\n"
    )
    command = [sys.executable, "-c", code, str(current(store) / FOLDER_NAME)]
    manifest = read_manifest(store)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "go\n"
        corpus.write("PMC5__new", "Notch is cleaved.")
        report = build_index(corpus.folder, store, embedder_of_words)
        while reader.poll() is None:
            check_files(store, manifest)
        assert reader.returncode == 0
    assert counts(report) == (1, 0, 0, 4, 0)
    assert report.rebuilt is None
    assert_sound(store)


def test_an_index_opened_a_thousand_times_is_not_damaged(
    corpus: Corpus, store: Path, embedder_of_words: WordEmbedder
) -> None:
    """Chroma adds a row to its database at every opening; that is no damage, and indexing builds upon it."""
    build_index(corpus.folder, store, embedder_of_words)
    database = current(store) / FOLDER_NAME / "chroma.sqlite3"
    before = database.stat().st_size
    with closing(sqlite3.connect(database)) as db, db:
        db.executemany("INSERT INTO acquire_write (lock_status) VALUES (?)", [(1,)] * 1000)
    assert database.stat().st_size > before
    assert_sound(store)
    corpus.write("PMC5__new", "Notch is cleaved.")
    report = build_index(corpus.folder, store, embedder_of_words)
    assert (counts(report), report.rebuilt) == ((1, 0, 0, 4, 0), None)


def test_the_real_embedder_and_the_assistant(corpus: Corpus, store: Path, embedder: Embedder) -> None:
    """What is indexed is found by meaning; another embedder's index and a damaged one are refused when opened."""
    report = build_index(corpus.folder, store, embedder)
    assert (report.manifest.embedder, report.manifest.dimension) == ("all-MiniLM-L6-v2", 384)
    with open_assistant(store, llm="none") as assistant:
        assert assistant.retrieve("Which proteins are stabilised by Wnt?", k=1)[0].figid == "PMC2__wnt"
        assert assistant.status().generation == report.manifest.generation
    for change in ({"embedder_fingerprint": "other"}, {"passage_format": 999}, {"format": 999}):
        manifest = json.loads((store / "manifest.json").read_text())
        edit_manifest(store, **change)
        with pytest.raises(IndexMismatchError, match="Run `pfocr-chat index`"):
            open_assistant(store, llm="none")
        (store / "manifest.json").write_text(json.dumps(manifest))
    (current(store) / FILE_NAME).unlink()
    with pytest.raises(CorruptIndexError, match=r"catalog\.sqlite: it is missing\. Run `pfocr-chat index`"):
        open_assistant(store, llm="none")
    assert build_index(corpus.folder, store, embedder).rebuilt
    with open_assistant(store, llm="none") as assistant:
        assert assistant.status().figures == 4


def test_a_manifest_knows_what_it_was_built_with(corpus: Corpus, store: Path, embedder_of_words: WordEmbedder) -> None:
    """Embedder, passage format and layout all have to be the same."""
    manifest = build_index(corpus.folder, store, embedder_of_words).manifest
    assert isinstance(manifest, Manifest)
    assert manifest.is_built_like(embedder_fingerprint="words:64", passage_format=PASSAGE_FORMAT)
    assert not manifest.is_built_like(embedder_fingerprint="words:65", passage_format=PASSAGE_FORMAT)
    assert not manifest.is_built_like(embedder_fingerprint="words:64", passage_format=PASSAGE_FORMAT + 1)
