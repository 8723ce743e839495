"""Checks of a whole index: what they say of a sound one, and that no damage escapes them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import chromadb
import numpy as np
import pytest
from chromadb.config import Settings
from wordembedder import Corpus, WordEmbedder

from pfocr_chat import Assistant, Filters, Hit, open_assistant
from pfocr_chat.catalog import FILE_NAME
from pfocr_chat.cli import main
from pfocr_chat.errors import CorruptIndexError
from pfocr_chat.feedback import Feedback, FeedbackKind, FeedbackStore
from pfocr_chat.generations import Manifest, generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.integrity import Finding, check_before_building, check_stores
from pfocr_chat.upkeep import check_answers
from pfocr_chat.vectorindex import COLLECTION, DATABASE, FOLDER_NAME

CHECKS = ["files", "contents", "catalog", "full text", "columns", "database", "passages", "vectors", "search", "beside"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound index of thirty figures, with feedback beside it."""
    folder = tmp_path_factory.mktemp("whole")
    corpus = Corpus(folder / "corpus")
    for n in range(30):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts on kinase {n * n}.", more="organisms: [Homo sapiens]")
        corpus.write_genes(f"PMC{n}__a{n}", f"GENE{n}")
    build_index(corpus.folder, folder / "vectorstore", WordEmbedder())
    with closing(FeedbackStore(folder / "vectorstore" / "feedback.sqlite")) as store:
        store.add(Feedback(FeedbackKind.USEFUL, "What does Gene1 do?", ("PMC1__a1",)))
    return folder / "vectorstore"


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "vectorstore"))


def findings(store: Path) -> dict[str, Finding]:
    return {finding.what: finding for finding in check_stores(store, read_manifest(store))}


def unsound(store: Path) -> list[str]:
    return [what for what, finding in findings(store).items() if not finding.is_sound]


def folder_of(store: Path) -> Path:
    return generation_folder(store, read_manifest(store).generation)


def rehash(store: Path) -> None:
    """Make the manifest one of an earlier version, which noted no hashes: then the other checks have to find it."""
    manifest = json.loads((store / "manifest.json").read_text())
    manifest["files"] = dict.fromkeys(manifest["files"], 0)
    (store / "manifest.json").write_text(json.dumps(manifest | {"hashes": {}}))


def test_a_sound_index(store: Path) -> None:
    """Every check is made and says what it found, and checking changes no file but Chroma's own."""
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in folder_of(store).rglob("*.sqlite")}
    found = findings(store)
    assert list(found) == CHECKS
    assert all(finding.is_sound for finding in found.values())
    assert "30 figures with 30 passages" in found["catalog"].found
    assert "each of 30 passages has one vector in Chroma and one in vectors.sqlite" in found["passages"].found
    assert found["beside"].found == "feedback.sqlite and build.sqlite are whole"
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in folder_of(store).rglob("*.sqlite")} == before
    assert not list(store.rglob("*-journal"))


def catalog_without_a_record(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("DELETE FROM records WHERE figure = 3")


def catalog_with_a_row_of_none(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("INSERT INTO organisms VALUES (999, 'Nobody')")


def catalog_with_a_strange_record(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("UPDATE records SET record = '{' WHERE figure = 3")


def full_text_that_lacks_a_word(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("UPDATE fulltext_content SET c1 = 'other words' WHERE id = 3")


def full_text_that_lacks_a_figure(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("DELETE FROM fulltext WHERE rowid = 3")


def a_column_that_fits_nothing(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE_NAME)) as db, db:
        db.execute("UPDATE columns SET members = zeroblob(4) || members WHERE name = 'gene'")


def a_vector_less(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FOLDER_NAME / "vectors.sqlite")) as db, db:
        db.execute("DELETE FROM vectors WHERE passage_id = 'PMC3__a3#0'")


def another_vector(folder: Path) -> None:
    other = np.eye(64, dtype="<f2")[5].tobytes()
    with closing(sqlite3.connect(folder / FOLDER_NAME / "vectors.sqlite")) as db, db:
        db.execute("UPDATE vectors SET vector = ? WHERE passage_id = 'PMC3__a3#0'", (other,))


def a_vector_that_is_no_number(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FOLDER_NAME / "vectors.sqlite")) as db, db:
        db.execute("UPDATE vectors SET vector = ? WHERE passage_id = 'PMC3__a3#0'", (b"\xff" * 128,))


def chroma(folder: Path, act: Callable[[chromadb.Collection], None]) -> None:
    settings = Settings(anonymized_telemetry=False)
    with closing(chromadb.PersistentClient(str(folder / FOLDER_NAME), settings=settings)) as client:
        act(client.get_collection(COLLECTION, embedding_function=None))


def chroma_lacks_one(folder: Path) -> None:
    chroma(folder, lambda collection: collection.delete(ids=["PMC3__a3#0"]) and None)


def chroma_has_another(folder: Path) -> None:
    vector = np.eye(64, dtype=np.float32)[5]
    chroma(folder, lambda collection: collection.add(ids=["PMC3__a3#7"], embeddings=[vector]))


def chroma_s_database_is_spoilt(folder: Path) -> None:
    path = folder / FOLDER_NAME / DATABASE
    content = bytearray(path.read_bytes())
    content[8192:12288] = os.urandom(4096)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "what", "message"),
    [
        (catalog_without_a_record, "catalog", "1 figures have no row in records"),
        (catalog_with_a_row_of_none, "catalog", "1 rows of organisms belong to no figure"),
        (catalog_with_a_strange_record, "columns", "a value in it is none of its kind"),
        (full_text_that_lacks_a_word, "full text", "is damaged"),
        (full_text_that_lacks_a_figure, "full text", "is damaged|29 and 30 rows of full text for 30 figures"),
        (a_column_that_fits_nothing, "columns", "a value in it is none of its kind"),
        (a_vector_less, "passages", "vectors.sqlite has no vector of 1 passages, of PMC3__a3#0 say"),
        (another_vector, "vectors", "the two vectors of PMC3__a3#0 differ"),
        (a_vector_that_is_no_number, "vectors", "the two vectors of PMC3__a3#0 differ"),
        (chroma_lacks_one, "passages", "Chroma has no vector of 1 passages, of PMC3__a3#0 say"),
        (chroma_has_another, "passages", "Chroma has 1 vectors of no passage, of PMC3__a3#7 say"),
        (chroma_s_database_is_spoilt, "database", "damaged"),
    ],
)
def test_no_damage_escapes(store: Path, damage: Callable[[Path], None], what: str, message: str) -> None:
    """Whatever is lost, added or spoilt in either store is found, even where no hashes were noted."""
    damage(folder_of(store))
    rehash(store)
    found = findings(store)
    assert not found[what].is_sound
    assert any(part in found[what].found for part in message.split("|"))


def test_a_changed_byte_is_found_by_its_hash(store: Path) -> None:
    """One byte of a record's text, which SQLite does not notice; what lies on it is not looked at any more."""
    path = folder_of(store) / FILE_NAME
    content = path.read_bytes()
    path.write_bytes(content.replace(b"kinase 841", b"kinase 842", 1))
    found = findings(store)
    assert list(found) == ["files", "contents"]
    assert "its content is not what was written" in found["contents"].found
    with pytest.raises(CorruptIndexError, match="its content is not what was written"):
        check_before_building(folder_of(store), read_manifest(store))


def test_an_index_that_is_being_built(store: Path) -> None:
    """Where the manifest says that vectors are missing, as many may be missing, and no others."""
    a_vector_less(folder_of(store))
    chroma_lacks_one(folder_of(store))
    rehash(store)
    path = store / "manifest.json"
    for vectors, expected in ((29, []), (28, ["passages"]), (30, ["passages"])):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"vectors": vectors}))
        assert unsound(store) == expected


def test_spoilt_feedback_is_told_apart(store: Path) -> None:
    """The index is sound, and what to do is said of the file beside it."""
    (store / "feedback.sqlite").write_bytes(b"no database at all " * 500)
    found = findings(store)
    assert [what for what, finding in found.items() if not finding.is_sound] == ["beside"]
    assert found["beside"].found.endswith("Put a backup in its place.")


def test_the_command_says_it(seed_vectorstore: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`status --check` prints a line a check and what there is; with damage, exit status 1 and what to run."""
    store = Path(shutil.copytree(seed_vectorstore, tmp_path / "vectorstore"))
    assert main(["status", "--check", "--llm", "none", "--vectorstore", str(store)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert [line[7:17].strip() for line in lines[:11]] == [*CHECKS, "questions"]
    assert all(line.startswith("ok ") for line in lines[:11])
    assert lines[11].startswith("index ")
    assert main(["status", "--check", "--json", "--llm", "none", "--vectorstore", str(store)]) == 0
    assert [check["what"] for check in json.loads(capsys.readouterr().out)["checks"]] == [*CHECKS, "questions"]
    path = folder_of(store) / FILE_NAME
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    assert main(["status", "--check", "--llm", "none", "--vectorstore", str(store)]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].startswith("FAILED contents ")
    advice = "Run `pfocr-chat index --anew`, or restore a backup."
    assert err == f"pfocr-chat: The index in {store} is not sound: contents. {advice}\n"


def test_answers_that_miss_what_is_there(seed_vectorstore: Path) -> None:
    """A check that asks for figures by their titles fails where they are not found."""

    class Astray(Assistant):
        def retrieve(self, question: str, k: int = 10, *, filters: Filters | None = None) -> list[Hit]:
            return super().retrieve(question, k, filters=filters) if question == "pathway" else []

    lines: list[str] = []
    with open_assistant(seed_vectorstore, llm="none") as assistant:
        assert check_answers(assistant, lines.append).is_sound
        astray = Astray(assistant._serving, ExitStack())
        with pytest.raises(CorruptIndexError, match="asked for figures by their titles, 0 found them"):
            check_answers(astray, lines.append)
    assert [line[:6].strip() for line in lines] == ["ok", "FAILED"]


def test_an_index_of_an_earlier_version_is_checked_without_hashes(store: Path) -> None:
    """That it has none is said, and is no fault."""
    rehash(store)
    found = findings(store)
    assert all(finding.is_sound for finding in found.values())
    assert found["contents"].found == "an earlier version made the index and noted no hashes"
    assert isinstance(read_manifest(store), Manifest)
