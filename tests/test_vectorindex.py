"""The Chroma side of an index: vectors are found again, and reading leaves them as they are."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings

from pfocr_chat import exactvectors
from pfocr_chat.buildcache import stored_form
from pfocr_chat.errors import CorruptIndexError, VectorstoreError
from pfocr_chat.records import FigureRecord, Passage
from pfocr_chat.vectorindex import COLLECTION, VectorIndex, Vectors

DIMENSION = 16


def vectors_of(count: int, seed: int = 0) -> Vectors:
    """Unit vectors, rounded as those that are indexed."""
    raw = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return stored_form(np.asarray(raw / np.linalg.norm(raw, axis=1, keepdims=True), dtype=np.float32))


def figures(count: int) -> list[FigureRecord]:
    return [FigureRecord(f"PMC{n}__a", pmcid=f"PMC{n % 7}", year=2000 + n % 20) for n in range(count)]


def build(folder: Path, count: int) -> Vectors:
    """A store of ``count`` passages, one a figure."""
    vectors = vectors_of(count)
    records = figures(count)
    with VectorIndex(folder, create=True) as index:
        index.add([Passage(f"{r.figid}#0", r.figid, "") for r in records], records, vectors)
    return vectors


def sizes(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}


def metadata(folder: Path, passage_id: str) -> dict[str, object]:
    """What Chroma itself holds of a passage."""
    with closing(chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))) as client:
        found = client.get_collection(COLLECTION, embedding_function=None).get(ids=[passage_id])
        return dict(found["metadatas"][0])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 60 vectors, fewer than Chroma makes a lasting graph of."""
    folder = tmp_path_factory.mktemp("small") / "chroma"
    build(folder, 60)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 2,500 vectors, with a lasting graph and some vectors beside it."""
    folder = tmp_path_factory.mktemp("large") / "chroma"
    build(folder, 2_500)
    return folder


def test_the_nearest_come_first(small: Path) -> None:
    """With the cosine of the angle as similarity, and the figure of each passage."""
    vectors = vectors_of(60)
    question = vectors_of(1, seed=1)[0]
    with VectorIndex(small) as index:
        found = index.search(question.tolist(), 5)
        assert (index.count(), len(index.ids())) == (60, 60)
    similarities = vectors @ question
    best = np.argsort(-similarities)[:5]
    assert [passage_id for passage_id, _, _ in found] == [f"PMC{n}__a#0" for n in best]
    assert [figid for _, figid, _ in found] == [f"PMC{n}__a" for n in best]
    assert [similarity for _, _, similarity in found] == pytest.approx(similarities[best].tolist(), abs=1e-3)


def test_all_can_be_asked_for(small: Path) -> None:
    """A limit above the number of passages gives all of them."""
    with VectorIndex(small) as index:
        assert {passage_id for passage_id, _, _ in index.search([1.0] * DIMENSION, 1000)} == index.ids()


@pytest.mark.parametrize("store", ["small", "large"])
def test_search_among_named_passages(store: str, request: pytest.FixtureRequest) -> None:
    """Only those named, however far away, each with its own similarity, up to the limit."""
    count = 60 if store == "small" else 2_500
    question = vectors_of(1, seed=1)[0]
    similarities = vectors_of(count) @ question
    far = np.argsort(similarities)[:30]
    named = [f"PMC{n}__a#0" for n in far]
    with VectorIndex(request.getfixturevalue(store)) as index:
        found = index.search(question.tolist(), 30, named)
        assert [passage_id for passage_id, _, _ in found] == named[::-1]
        assert [similarity for _, _, similarity in found] == pytest.approx(similarities[far[::-1]].tolist(), abs=1e-3)
        assert index.search(question.tolist(), 2, named) == found[:2]
        assert index.search(question.tolist(), 2, []) == []


def test_a_named_passage_without_a_vector_is_damage(small: Path) -> None:
    """The names come from the catalog: where the vectors do not have one, the two do not belong together."""
    with (
        pytest.raises(CorruptIndexError, match="Run `pfocr-chat index` on your records again"),
        VectorIndex(small) as index,
    ):
        index.search([1.0] * DIMENSION, 5, ["PMC1__a#0", "PMC1__nothing#0"])


def test_in_an_index_that_is_being_built_a_passage_may_lack_its_vector(small: Path) -> None:
    """Of the named ones those that have a vector are given."""
    with VectorIndex(small, is_partial=True) as index:
        found = index.search([1.0] * DIMENSION, 5, ["PMC1__a#0", "PMC1__nothing#0"])
    assert [passage_id for passage_id, _, _ in found] == ["PMC1__a#0"]


def test_an_empty_index_can_be_searched(tmp_path: Path) -> None:
    """The first generation of an index has no vectors at all."""
    build(tmp_path / "chroma", 0)
    with VectorIndex(tmp_path / "chroma", is_partial=True) as index:
        assert index.search([1.0] * DIMENSION, 5) == []
        assert index.search([1.0] * DIMENSION, 5, ["PMC1__a#0"]) == []


def test_an_index_of_an_earlier_version_is_made_up_to_date(small: Path, tmp_path: Path) -> None:
    """Without the vectors by passage it is searched by Chroma alone; building upon it writes them."""
    folder = tmp_path / "chroma"
    shutil.copytree(small, folder)
    (folder / exactvectors.FILE_NAME).unlink()
    question, named = vectors_of(1, seed=1)[0].tolist(), ["PMC3__a#0", "PMC9__a#0", "PMC41__a#0"]
    with VectorIndex(folder) as index:
        before = index.search(question, 3, named)
    assert not (folder / exactvectors.FILE_NAME).exists()
    with VectorIndex(folder, create=True):
        pass
    with VectorIndex(folder) as index:
        after = index.search(question, 3, named)
    assert [row[0] for row in after] == [row[0] for row in before]
    assert [row[2] for row in after] == pytest.approx([row[2] for row in before], abs=1e-3)


def test_damaged_vectors_by_passage_are_told(small: Path, tmp_path: Path) -> None:
    """In one sentence, when they are used."""
    folder = tmp_path / "chroma"
    shutil.copytree(small, folder)
    file = folder / exactvectors.FILE_NAME
    file.write_bytes(b"\x7f" * file.stat().st_size)
    with pytest.raises(CorruptIndexError, match="Run `pfocr-chat index`"), VectorIndex(folder) as index:
        index.search([1.0] * DIMENSION, 5, ["PMC1__a#0"])


def test_thousands_of_passages_can_be_named(large: Path) -> None:
    """A filter that leaves many figures is no problem."""
    with VectorIndex(large) as index:
        found = index.search([1.0] * DIMENSION, 3_000, [f"PMC{n}__a#0" for n in range(1, 2_500)])
    assert len(found) == 2_499
    assert "PMC0__a#0" not in {passage_id for passage_id, _, _ in found}


def test_metadata_for_filters(tmp_path: Path) -> None:
    """What is known of a figure, numbers as numbers and lists as lists; what is unknown is left out."""
    known = FigureRecord(
        "PMC1__a", pmcid="PMC1", year=2015, journal="Cell", figtype="Figure", organisms=("Homo sapiens", "Mus musculus")
    )
    bare = FigureRecord("PMC2__b")
    passages = [Passage("PMC1__a#0", "PMC1__a", "x"), Passage("PMC2__b#0", "PMC2__b", "y")]
    with VectorIndex(tmp_path, create=True) as index:
        index.add(passages, [known, bare], vectors_of(2))
    assert metadata(tmp_path, "PMC1__a#0") == {
        "figid": "PMC1__a",
        "pmcid": "PMC1",
        "year": 2015,
        "journal": "Cell",
        "figtype": "Figure",
        "organisms": ["Homo sapiens", "Mus musculus"],
    }
    assert metadata(tmp_path, "PMC2__b#0") == {"figid": "PMC2__b"}


def test_more_than_chroma_takes_at_once(tmp_path: Path) -> None:
    """Large additions and deletions are made in parts; ids that are not there are passed over."""
    build(tmp_path, 6_000)
    with VectorIndex(tmp_path, create=True) as index:
        assert index.count() == 6_000
        index.delete([f"PMC{n}__a#0" for n in range(5, 7_000)])
        assert index.ids() == {f"PMC{n}__a#0" for n in range(5)}
        index.delete([])
        index.add([], [], vectors_of(0))
    with VectorIndex(tmp_path) as index:
        assert {figid for _, figid, _ in index.search([1.0] * DIMENSION, 50)} == {f"PMC{n}__a" for n in range(5)}


def test_a_deleted_passage_can_come_back_otherwise(tmp_path: Path) -> None:
    """Its new vector is found, and of its old metadata nothing is left."""
    vectors = build(tmp_path, 20)
    with VectorIndex(tmp_path, create=True) as index:
        index.delete(["PMC0__a#0"])
        index.add([Passage("PMC0__a#0", "PMC0__a", "")], [FigureRecord("PMC0__a", journal="Cell")], -vectors[:1])
    assert metadata(tmp_path, "PMC0__a#0") == {"figid": "PMC0__a", "journal": "Cell"}
    with VectorIndex(tmp_path) as index:
        assert index.search((-vectors[0]).tolist(), 1) == [("PMC0__a#0", "PMC0__a", pytest.approx(1, abs=1e-5))]


@pytest.mark.parametrize("count", [60, 2_500])
def test_reading_shortens_no_file(tmp_path: Path, count: int) -> None:
    """However often it is opened and searched, here and in other processes, each file it was built with stays."""
    folder = tmp_path / "chroma"
    build(folder, count)
    before = sizes(folder)
    assert len(before) == (2 if count == 60 else 7)
    code = (
        "import sys, pathlib\nfrom pfocr_chat.vectorindex import VectorIndex\n"
        "for _ in range(5):\n    with VectorIndex(pathlib.Path(sys.argv[1])) as index:\n"
        f"        assert len(index.search([1.0] * {DIMENSION}, 50)) == 50\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", code, str(folder)]) for _ in range(2)]
    looked = 0
    while any(other.poll() is None for other in others) or looked < 50:
        with VectorIndex(folder) as index:
            assert len(index.search([1.0] * DIMENSION, 50)) == 50
            now = sizes(folder)
        assert {name: now.get(name, 0) >= size for name, size in before.items()} == dict.fromkeys(before, True)
        looked += 1
    assert [other.returncode for other in others] == [0, 0]


def test_a_store_opened_a_thousand_times_is_sound(small: Path, tmp_path: Path) -> None:
    """Chroma's database grows by a row at every opening, and still opens."""
    folder = tmp_path / "chroma"
    shutil.copytree(small, folder)
    with closing(sqlite3.connect(folder / "chroma.sqlite3")) as db, db:
        before = db.execute("SELECT count(*) FROM acquire_write").fetchone()[0]
        db.executemany("INSERT INTO acquire_write (lock_status) VALUES (?)", [(1,)] * 1000)
    assert (folder / "chroma.sqlite3").stat().st_size > (small / "chroma.sqlite3").stat().st_size
    with VectorIndex(folder) as index:
        assert index.count() == 60
    with closing(sqlite3.connect(folder / "chroma.sqlite3")) as db:
        assert db.execute("SELECT count(*) FROM acquire_write").fetchone()[0] > before + 1000


def test_a_store_is_opened_and_closed_by_many_threads(small: Path, tmp_path: Path) -> None:
    """Nobody is in another's way who comes or goes at the same moment."""
    folder = Path(shutil.copytree(small, tmp_path / "chroma"))

    def counted(_: int) -> int:
        with VectorIndex(folder) as index:
            return index.count()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(counted, range(400))) == {60}


def test_a_missing_store_is_told_and_not_made(tmp_path: Path) -> None:
    """Opening for reading creates nothing."""
    with pytest.raises(CorruptIndexError, match=r"its database is missing.*Run `pfocr-chat index`"):
        VectorIndex(tmp_path / "chroma")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["empty", "half", "foreign", "garbled"])
def test_a_damaged_database_is_told(small: Path, tmp_path: Path, damage: str) -> None:
    """An empty, cut-off, foreign or garbled database is damage, told in one sentence, each time it is opened."""
    folder = tmp_path / "chroma"
    shutil.copytree(small, folder)
    database = folder / "chroma.sqlite3"
    whole = database.read_bytes()
    database.write_bytes(
        {
            "empty": b"",
            "half": whole[: len(whole) // 2],
            "foreign": b"no database at all" * 1000,
            "garbled": whole[:4096] + b"\x7f" * (len(whole) - 4096),
        }[damage]
    )
    for _ in range(3):
        with pytest.raises(CorruptIndexError) as caught, VectorIndex(folder) as index:
            index.search([1.0] * DIMENSION, 5)
        assert "\n" not in str(caught.value)
        assert "Run `pfocr-chat index`" in str(caught.value)


@pytest.mark.parametrize("name", ["header.bin", "data_level0.bin"])
def test_a_missing_part_of_the_graph_is_told(large: Path, tmp_path: Path, name: str) -> None:
    """As damage, in one sentence (a part that is cut off can crash Chroma; generations.check_files looks for that)."""
    folder = tmp_path / "chroma"
    shutil.copytree(large, folder)
    (file,) = folder.glob(f"*/{name}")
    file.unlink()
    with pytest.raises(CorruptIndexError, match="Run `pfocr-chat index`"), VectorIndex(folder) as index:
        index.search([1.0] * DIMENSION, 5)


def test_a_read_only_store_is_told(small: Path) -> None:
    """Chroma writes as it reads; where it may not, that is said, and not that the index is damaged."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "chroma"
        shutil.copytree(small, folder)
        for path in (Path(name), folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            with pytest.raises(VectorstoreError, match="it is read-only") as caught:
                VectorIndex(folder)
        finally:
            if is_root:
                os.seteuid(0)
            for path in (Path(name), folder):
                path.chmod(0o755)
    assert not isinstance(caught.value, CorruptIndexError)


def test_a_vector_of_another_length_is_refused(small: Path) -> None:
    """As an error of this package."""
    with pytest.raises(VectorstoreError), VectorIndex(small) as index:
        index.search([1.0] * 3, 5)
