"""Backups: made while others read and write, put back elsewhere or in place, and refused where they are damaged."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from wordembedder import Corpus, WordEmbedder

from pfocr_chat import backup as backups
from pfocr_chat import open_assistant
from pfocr_chat.backup import make_backup, restore_backup
from pfocr_chat.cli import main
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import (
    CorruptIndexError,
    FeedbackError,
    IndexBusyError,
    IndexMismatchError,
    NoIndexError,
    VectorstoreError,
)
from pfocr_chat.feedback import Feedback, FeedbackKind, FeedbackStore
from pfocr_chat.generations import generation_folder, read_manifest, writing
from pfocr_chat.indexing import build_index
from pfocr_chat.integrity import check_stores
from pfocr_chat.sync import Checkout, read_source, write_source
from pfocr_chat.vectorsteps import Pace

QUESTIONS = ("Which figures show YAP1?", "How does integrin act?", "How many figures are from 2015?")


@pytest.fixture
def store(seed_vectorstore: Path, tmp_path: Path) -> Path:
    """An index of real records with feedback and a note of where it is from."""
    store = Path(shutil.copytree(seed_vectorstore, tmp_path / "vectorstore"))
    say(store, "kept")
    checkout = Checkout(tmp_path, "https://example.org/figures", "a" * 40, "2026-01-01T00:00:00Z", 3, changed=True)
    write_source(store, checkout, read_manifest(store).generation)
    return store


def say(store: Path, comment: str) -> None:
    with closing(FeedbackStore(store / "feedback.sqlite")) as feedback:
        feedback.add(Feedback(FeedbackKind.USEFUL, "What is this?", comment=comment))


def said(store: Path) -> list[str]:
    with closing(FeedbackStore(store / "feedback.sqlite")) as feedback:
        return [each.comment for each in feedback.all()]


def answers(store: Path) -> list[tuple[str, tuple[str, ...]]]:
    with open_assistant(store, llm="none") as assistant:
        return [(answer.text, answer.figids) for answer in map(assistant.ask, QUESTIONS)]


def is_sound(store: Path) -> bool:
    return all(finding.is_sound for finding in check_stores(store, read_manifest(store)))


@pytest.mark.parametrize("name", ["copy.tar", "copy.tar.gz"])
def test_a_backup_answers_as_the_index_did(store: Path, tmp_path: Path, name: str) -> None:
    """Put back into another folder it is sound, gives the same answers, and has the feedback and the source."""
    made = make_backup(store, tmp_path / name)
    assert (made.path, made.manifest, made.feedback) == (tmp_path / name, read_manifest(store), 1)
    assert made.size == made.path.stat().st_size
    assert {p.name for p in tmp_path.iterdir()} == {"vectorstore", name}
    elsewhere = tmp_path / "elsewhere"
    restored = restore_backup(made.path, elsewhere)
    assert (restored.path, restored.feedback, restored.files) == (elsewhere, 1, made.files)
    assert is_sound(elsewhere)
    assert answers(elsewhere) == answers(store)
    assert said(elsewhere) == ["kept"]
    assert str(read_source(elsewhere, restored.manifest.generation)).startswith("https://example.org/figures at aaaaaa")
    assert sorted(p.name for p in (elsewhere / "generations").iterdir()) == ["g000001"]


def test_restoring_in_place(store: Path, seed_corpus: Path, embedder: Embedder, tmp_path: Path) -> None:
    """A chat that runs goes on, and changes over to what was put back; newer feedback stays unless asked."""
    made = make_backup(store, tmp_path)
    assert re.fullmatch(r"pfocr-chat-g000001-\d{8}T\d{6}Z\.tar", made.path.name)
    fewer = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    for path in sorted((fewer / "_figures").iterdir())[:5]:
        path.unlink()
    build_index(fewer, store, embedder)
    say(store, "newer")
    with open_assistant(store, llm="none") as assistant:
        assert assistant.status().figures == made.manifest.figures - 5
        restored = restore_backup(made.path, store)
        assert restored.manifest.generation == "g000003"
        assert restored.feedback is None
        begun = time.monotonic()
        while assistant.ask(QUESTIONS[0]).generation != "g000003":
            assert time.monotonic() - begun < 60
            time.sleep(0.1)
        assert assistant.status().figures == made.manifest.figures
    assert said(store) == ["kept", "newer"]
    assert restore_backup(made.path, store, with_feedback=True).feedback == 1
    assert said(store) == ["kept"]
    report = build_index(seed_corpus, store, embedder)
    assert (report.unchanged, report.rebuilt) == (made.manifest.figures, None)


KILLED = """
import os, signal, sys
from pathlib import Path
from pfocr_chat.backup import make_backup
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
make_backup(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_what_a_killed_backup_left_is_removed(store: Path, tmp_path: Path) -> None:
    """By the next one a day later into the same folder, which leaves those alone that may be being made."""
    copies = tmp_path / "copies"
    copies.mkdir()
    killed = subprocess.run([sys.executable, "-c", KILLED, store, copies], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = copies.iterdir()
    assert left.name.startswith(".")
    content = list(left.iterdir())
    assert content
    long_ago = time.time() - 2 * 24 * 60 * 60
    for path in (*content[1:], left):
        os.utime(path, (long_ago, long_ago))
    make_backup(store, copies / "first.tar")
    assert left.exists()
    os.utime(content[0], (long_ago, long_ago))
    make_backup(store, copies / "second.tar")
    assert {path.name for path in copies.iterdir()} == {"first.tar", "second.tar"}


class Halfway(WordEmbedder):
    """Does something in the midst of a build."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self._act()
        return super().encode(texts)


def test_a_backup_during_a_build(tmp_path: Path) -> None:
    """It has the generation that stands, whole; one that still lacks vectors is a backup too, and says so."""
    corpus = Corpus(tmp_path / "corpus")
    for n in range(40):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts.")
    store = tmp_path / "vectorstore"
    build_index(corpus.folder, store, WordEmbedder())
    for n in range(40):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} rests.")
    made: list[Path] = []
    act = Halfway(lambda: made.append(make_backup(store, tmp_path / f"copy{len(made)}.tar").path))
    build_index(corpus.folder, store, act)
    build_index(corpus.folder, tmp_path / "first", WordEmbedder())
    for n in range(40):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} sleeps.")
    build_index(corpus.folder, store, act, pace=Pace(at_once=0, seconds=0.0, share=1.0))
    expected = ((True, "acts"), (False, "sleeps"))
    for number, (path, (is_complete, word)) in enumerate(zip(made, expected, strict=True)):
        with tarfile.open(path) as tar:
            manifest = json.load(tar.extractfile("manifest.json") or io.BytesIO())
            catalog = tar.extractfile("generation/catalog.sqlite")
            assert catalog
            (tmp_path / f"catalog{number}").write_bytes(catalog.read())
        assert (manifest["vectors"] == manifest["passages"]) == is_complete
        with closing(sqlite3.connect(tmp_path / f"catalog{number}")) as db:
            texts = [text for (text,) in db.execute("SELECT text FROM passages")]
        assert len(texts) == 40
        assert all(word in text for text in texts)


def test_feedback_is_kept_while_a_backup_is_made(store: Path, tmp_path: Path) -> None:
    """A backup of feedback into which somebody writes has what was said before, and loses nothing."""
    with closing(FeedbackStore(store / "feedback.sqlite")) as feedback:
        feedback.add(Feedback(FeedbackKind.USEFUL, "What is this?", comment="open"))
        assert make_backup(store, tmp_path / "copy.tar").feedback == 2
        feedback.add(Feedback(FeedbackKind.USEFUL, "What is this?", comment="after"))
    assert said(store) == ["kept", "open", "after"]


# Refusals


def test_where_no_backup_can_be_made(store: Path, tmp_path: Path) -> None:
    """Each in a sentence, and nothing is left behind."""
    (tmp_path / "there.tar").write_text("mine")
    for target, message in (
        (tmp_path / "there.tar", "exists already"),
        (tmp_path / "copy.zip", "no name for a backup"),
        (tmp_path / "missing" / "copy.tar", "There is no folder"),
        (tmp_path / "there.tar" / "copy.tar", "There is no folder"),
    ):
        with pytest.raises(VectorstoreError, match=message):
            make_backup(store, target)
    assert (tmp_path / "there.tar").read_text() == "mine"
    with pytest.raises(NoIndexError):
        make_backup(tmp_path, tmp_path / "copy.tar")
    assert {p.name for p in tmp_path.iterdir()} == {"vectorstore", "there.tar"}


def test_a_damaged_index_is_not_backed_up(store: Path, tmp_path: Path) -> None:
    """Nor is damaged feedback; either is said."""
    whole = (store / "feedback.sqlite").read_bytes()
    (store / "feedback.sqlite").write_bytes(b"no database " * 1000)
    with pytest.raises(FeedbackError, match="Move it away"):
        make_backup(store, tmp_path / "copy.tar")
    (store / "feedback.sqlite").write_bytes(whole)
    path = generation_folder(store, "g000001") / "catalog.sqlite"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(CorruptIndexError, match=r"no use in a backup. Run `pfocr-chat index`"):
        make_backup(store, tmp_path / "copy.tar")
    assert {p.name for p in tmp_path.iterdir()} == {"vectorstore"}


@pytest.fixture
def archive(store: Path, tmp_path: Path) -> Path:
    return make_backup(store, tmp_path / "copy.tar").path


def remade(archive: Path, change: Callable[[dict[str, bytes]], None], extra: Sequence[tarfile.TarInfo] = ()) -> Path:
    """The backup with its files changed, or with members added."""
    with tarfile.open(archive) as tar:
        files = {member.name: (tar.extractfile(member) or io.BytesIO()).read() for member in tar}
    change(files)
    target = archive.with_name("remade.tar")
    with tarfile.open(target, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return target


def listing(whole: dict[str, bytes], **changes: object) -> None:
    """Make the backup's list fit its files, with changes: somebody who tampers can do so."""
    hashed = {}
    for name, content in whole.items():
        if name != "backup.json":
            found = backups.new_hash()
            found.update(content)
            hashed[name] = {"bytes": len(content), "blake2b": found.hexdigest()}
    whole["backup.json"] = json.dumps({"version": 1, "made": "", "files": hashed} | changes).encode()


def member(name: str, kind: bytes = tarfile.REGTYPE, linkname: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, linkname, 1 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "info",
    [
        member("../outside"),
        member("/tmp/outside"),  # noqa: S108 - a name that is refused
        member("generation/../../outside"),
        member("generation/./.."),
        member("other.txt"),
        member("generation/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("generation/link", tarfile.LNKTYPE, "generation/catalog.sqlite"),
        member("generation/device", tarfile.CHRTYPE),
        member("generation/pipe", tarfile.FIFOTYPE),
        member("generation/folder", tarfile.DIRTYPE),
        member("manifest.json"),
        member("generation/a\nb"),
        member("generation"),
    ],
    ids=lambda info: info.name.replace("\n", " "),
)
def test_a_backup_with_anything_else_in_it_is_refused(archive: Path, tmp_path: Path, info: tarfile.TarInfo) -> None:
    """Other names, names that lead out, a name twice, links, devices, folders: nothing is written anywhere."""
    tampered = remade(archive, lambda _: None, [info])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(CorruptIndexError, match="is no file of an index"):
        restore_backup(tampered, tmp_path / "elsewhere")
    after = set(tmp_path.rglob("*")) - before
    assert {p.name for p in after} <= {"elsewhere", "generations", "lock"}


def drop(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.pop(name) and None


def spoil(name: str) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({name: files[name][:-1] + b"\x01"})


def edit_manifest(**changes: object) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["manifest.json"] = json.dumps(json.loads(files["manifest.json"]) | changes).encode()
        listing(files)

    return change


def with_feedback_of(content: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files["feedback.sqlite"] = content
        listing(files)

    return change


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (drop("backup.json"), CorruptIndexError, "it is cut short"),
        (drop("generation/catalog.sqlite"), CorruptIndexError, "not those that it lists"),
        (spoil("generation/catalog.sqlite"), CorruptIndexError, "not those that it lists"),
        (spoil("feedback.sqlite"), CorruptIndexError, "not those that it lists"),
        (lambda files: files.update({"backup.json": b"["}), CorruptIndexError, "its backup.json is none"),
        (lambda files: listing(files, files=[]), CorruptIndexError, "its backup.json is none"),
        (lambda files: listing(files, version=2), IndexMismatchError, "another version of PFOCR Chat"),
        (edit_manifest(generation="../x"), CorruptIndexError, "its value of generation is none"),
        (edit_manifest(files={"../../x": 1}), CorruptIndexError, "its value of files is none"),
        (edit_manifest(files={}), CorruptIndexError, "its files are not those of its manifest"),
        (edit_manifest(figures=1, passages=1, vectors=1), CorruptIndexError, "vectors, not 1"),
        (edit_manifest(embedder_fingerprint="other"), IndexMismatchError, "was built with the embedder"),
        (edit_manifest(format=999, more=1), IndexMismatchError, "has layout 999"),
        (with_feedback_of(b"no database " * 1000), FeedbackError, "cannot be read"),
    ],
)
def test_a_damaged_backup_is_refused(
    archive: Path, store: Path, change: Callable[[dict[str, bytes]], None], error: type[Exception], message: str
) -> None:
    """In a sentence; the index that stands goes on, and nothing is left behind."""
    before = read_manifest(store)
    with pytest.raises(error, match=message):
        restore_backup(remade(archive, change), store)
    assert read_manifest(store) == before
    assert sorted(p.name for p in (store / "generations").iterdir()) == ["g000001"]
    assert said(store) == ["kept"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08 cut short", None])
def test_what_is_no_backup(archive: Path, tmp_path: Path, content: bytes | None) -> None:
    """An empty file, another one, and a backup that is cut short."""
    path = tmp_path / "other.tar"
    path.write_bytes(archive.read_bytes()[:500_000] if content is None else content)
    with pytest.raises(CorruptIndexError, match="is damaged, or no backup of PFOCR Chat") as caught:
        restore_backup(path, tmp_path / "elsewhere")
    assert "\n" not in str(caught.value)
    with pytest.raises(VectorstoreError, match="There is no backup"):
        restore_backup(tmp_path / "missing.tar", tmp_path / "elsewhere")


def test_one_writer_at_a_time(archive: Path, store: Path) -> None:
    """While somebody is indexing nothing is put back."""
    with writing(store), pytest.raises(IndexBusyError):
        restore_backup(archive, store)


def test_the_commands(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`backup` and `restore` say in a line what was done; a mistake has exit status 1 and a line."""
    assert main(["backup", str(tmp_path / "copy.tar"), "--vectorstore", str(store)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert re.fullmatch(
        rf"{tmp_path}/copy\.tar: generation g000001, \d+ figures, feedback given 1 times;"
        r" \d+ files, [\d,]+ bytes, read again and found right\n",
        out,
    )
    assert main(["restore", str(tmp_path / "copy.tar"), "--vectorstore", str(tmp_path / "new")]) == 0
    figures = read_manifest(store).figures
    assert capsys.readouterr().out == (
        f"{figures} figures put back as generation g000001 in {tmp_path / 'new'}; feedback given 1 times, too\n"
    )
    assert main(["restore", str(tmp_path / "copy.tar"), "--vectorstore", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out.endswith("g000002 in " + str(tmp_path / "new") + "; the feedback stays as it is\n")
    assert main(["backup", str(tmp_path / "copy.tar"), "--vectorstore", str(store)]) == 1
    assert capsys.readouterr().err == (
        f"pfocr-chat: {tmp_path / 'copy.tar'} exists already. Name another file for the backup.\n"
    )
