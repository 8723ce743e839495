"""Builds that are killed, disks that are full, files that are spoilt: nothing is lost, and a sentence says what to do.

``python tests/faults.py --kills 60 --every`` kills at every moment there is; here some of them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from faults import (
    EAGER,
    STEPS,
    Bench,
    LoggingEmbedder,
    Outcome,
    Trial,
    a_bench,
    carry_out,
    finish,
    look,
    random_trials,
    step_trials,
)
from wordembedder import Corpus, WordEmbedder

from pfocr_chat import buildcache, open_assistant
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.cli import main
from pfocr_chat.disk import copy_database
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import (
    CorruptIndexError,
    FeedbackError,
    IndexMismatchError,
    PfocrChatError,
    VectorstoreError,
)
from pfocr_chat.feedback import Feedback, FeedbackKind, FeedbackStore
from pfocr_chat.generations import check_graphs, generation_folder, read_manifest, reading
from pfocr_chat.indexing import build_index
from pfocr_chat.integrity import check_stores
from pfocr_chat.vectorindex import DATABASE, FOLDER_NAME, VectorIndex

# Killed


def test_a_reader_that_was_killed_over_chromas_database(seed_vectorstore: Path, tmp_path: Path) -> None:
    """What it had begun to write is undone when the next one opens it."""
    store = Path(shutil.copytree(seed_vectorstore, tmp_path / "vectorstore"))
    database = generation_folder(store, read_manifest(store).generation) / FOLDER_NAME / DATABASE
    code = """if True:
        import os, signal, sqlite3, sys
        db = sqlite3.connect(sys.argv[1], isolation_level=None)
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("CREATE TABLE half (text)")
        db.executemany("INSERT INTO half VALUES (?)", [("x" * 3000,) for _ in range(200)])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    subprocess.run([sys.executable, "-c", code, str(database)], check=False)
    assert database.with_name(f"{DATABASE}-journal").stat().st_size
    with open_assistant(store, llm="none") as assistant:
        assert assistant.ask("What does lithium do in prion disease?").figids


def test_a_database_that_somebody_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying waits for its turn, and not for ever."""
    monkeypatch.setattr("pfocr_chat.disk.SECONDS_TO_WAIT", 0.3)
    source = tmp_path / "source.sqlite3"
    with closing(sqlite3.connect(source, isolation_level=None)) as db:
        db.execute("CREATE TABLE kept (text)")
        db.execute("BEGIN EXCLUSIVE")
        with pytest.raises(VectorstoreError, match="another process is using it"):
            copy_database(source, tmp_path / "target")
        db.execute("COMMIT")
        copy_database(source, tmp_path / "target")
    with closing(sqlite3.connect(tmp_path / "target")) as db:
        assert db.execute("SELECT count(*) FROM kept").fetchone() == (0,)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with a_bench(figures=60) as made:
        yield made


def assert_survived(outcome: Outcome) -> None:
    assert outcome.trouble is None, outcome
    assert outcome.served, f"nothing was killed: {outcome}"


SOME = [
    trial
    for trial in step_trials()
    if (trial.kind, trial.where[3], trial.where[1])
    in {
        ("update", "before", "parse"),
        ("update", "after", "catalog commit"),
        ("first", "before", "Chroma batch"),
        ("update", "before", "manifest"),
        ("update", "after", "manifest"),
        ("update", "before", "clean-up"),
    }
]


@pytest.mark.parametrize("trial", SOME, ids=lambda trial: f"{trial.kind}: {trial.name}")
def test_a_build_that_is_killed_at_a_step(bench: Bench, trial: Trial) -> None:
    """What was there is served, or what is new; the next build ends it: nothing lost, doubled or embedded twice."""
    assert_survived(carry_out(bench, trial, SOME.index(trial)))


def test_a_build_that_is_killed_at_any_moment(bench: Bench) -> None:
    """So it is wherever the kill strikes; also twice and three times in a row."""
    kills = 0
    for number, trial in enumerate(random_trials(bench, random.Random(7)), start=100):  # noqa: S311 - no secret
        outcome = carry_out(bench, trial, number)
        assert outcome.trouble is None, outcome
        kills += len(outcome.served)
        if kills >= 2:
            break


def test_every_step_has_its_function(bench: Bench) -> None:
    """Each named step stands for a function that an update calls, or the trials at it would kill nothing."""
    called: set[str] = set()
    corpus, store = bench.start("update", "traced")

    def note(frame: object, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code.co_qualname)  # type: ignore[attr-defined]

    log = store.parent / "log"
    sys.setprofile(note)
    try:
        build_index(corpus, store, LoggingEmbedder(log), pace=EAGER)
    finally:
        sys.setprofile(None)
    assert set(STEPS.values()) - called == set()


def test_readers_go_on_while_builds_are_killed(bench: Bench) -> None:
    """Who opens and searches the index all the while never meets an error, nor anything but a whole generation."""
    corpus, store = bench.start("update", "read")
    is_over = threading.Event()
    dice = random.Random(3)  # noqa: S311 - no secret

    def read() -> int:
        times = 0
        while not is_over.is_set():
            with reading(store) as manifest:
                folder = generation_folder(store, manifest.generation)
                with Catalog(folder / FILE_NAME) as catalog, VectorIndex(folder / FOLDER_NAME) as vectors:
                    assert len(catalog.figids()) == catalog.figures == manifest.figures
                    assert vectors.count() == manifest.vectors
                    assert not manifest.vectors or vectors.search([1.0] * 64, 3)
                    times += 1
        return times

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            for n in range(8):
                source = (corpus, bench.before)[n % 2]
                seconds = dice.uniform(0.05, 1.0) if n % 3 == 0 else None
                bench.children.run(str(source), str(store), str(store.parent / "log"), seconds=seconds)
        finally:
            is_over.set()
        assert reader.result() > 3
    assert all(finding.is_sound for finding in check_stores(store, read_manifest(store)))


# Full and closed


def assert_told(said: str, *words: str) -> None:
    """One line for a user, of which each of some words is one."""
    assert "\n" not in said
    assert "Traceback" not in said
    assert any(word in said for word in words), said


@pytest.mark.parametrize("kind", ["first", "update"])
@pytest.mark.parametrize("share", [0.002, 0.98])
def test_a_limit_to_the_size_of_files(bench: Bench, kind: str, share: float) -> None:
    """A file that may not grow is told in a sentence; with room again the build goes on to the end."""
    corpus, store = bench.start(kind, f"limit-{kind}-{share}")
    log = store.parent / "log"
    catalog = max(path.stat().st_size for path in (bench.folder / "clean-after").rglob("catalog.sqlite"))
    assert bench.children.run(str(corpus), str(store), str(log), "limit", str(int(share * catalog))) == 0
    assert_told(Path(f"{log}.said").read_text(), "Make room there and try again.", "the disk reports an error")
    assert look(bench, kind, store).trouble is None
    assert finish(bench, kind, corpus, store, log) is None


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of its own, whose options a call sets; for who may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounts = 0

    def mount(options: str) -> Path:
        nonlocal mounts
        again = "remount," if mounts else ""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", again + options, "none", folder], capture_output=True)
        if done.returncode:
            pytest.skip("no file system may be mounted here")
        mounts += 1
        return folder

    yield mount
    if mounts:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("kind", ["first", "update"])
def test_a_full_disk(bench: Bench, kind: str, disk: Callable[[str], Path]) -> None:
    """Wherever the room ends, that is told and the old index serves; with room again the build goes on to the end."""
    clean = bench.folder / "clean-before"
    needed = sum(path.stat().st_size for path in clean.rglob("*") if path.is_file()) // 1024
    corpus = bench.before if kind == "first" else bench.after
    beginning = 0 if kind == "first" else needed
    told = 0
    for part in (0.3, 0.9):
        store = disk(f"size={4 * needed}k") / f"{part}" / "vectorstore"
        store.parent.mkdir()
        if kind == "update":
            subprocess.run(["cp", "-a", clean, store], check=True)
        log = bench.folder / f"log-{kind}-{part}"
        disk(f"size={int(beginning + part * needed) + 64}k")
        with suppress(VectorstoreError):
            try:
                build_index(corpus, store, LoggingEmbedder(log), pace=EAGER)
            except VectorstoreError as exc:
                told += 1
                assert_told(str(exc), "Make room there and try again.")
                raise
        disk(f"size={4 * needed}k")
        assert look(bench, kind, store).trouble is None
        assert finish(bench, kind, corpus, store, log) is None
        shutil.rmtree(store.parent)
    assert told


def test_a_read_only_disk(
    seed_vectorstore: Path, seed_corpus: Path, disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command says in a line that it may not write, and nothing is taken for damaged."""
    store = disk("size=100m") / "vectorstore"
    shutil.copytree(seed_vectorstore, store)
    archive = store.parent / "copy.tar"
    assert main(["backup", str(archive), "--vectorstore", str(store)]) == 0
    disk("size=100m,ro")
    for command in (
        ["ask", "Which figures show YAP1?", "--llm", "none"],
        ["status", "--llm", "none"],
        ["status", "--check", "--llm", "none"],
        ["index", str(seed_corpus)],
        ["backup", str(store.parent / "other.tar")],
        ["restore", str(archive)],
    ):
        capsys.readouterr()
        assert main([*command, "--vectorstore", str(store)]) == 1, command
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert_told(said.rstrip("\n"), "ead-only")
        assert "Run `pfocr-chat index` on" not in said
    disk("size=100m,rw")
    assert main(["ask", "Which figures show YAP1?", "--llm", "none", "--vectorstore", str(store)]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed who has no rights")
@pytest.mark.parametrize(
    "name", ["manifest.json", "generations", "catalog.sqlite", "chroma", DATABASE, "vectors.sqlite"]
)
def test_files_of_another_user(seed_vectorstore: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What may not be read is told as that, with its name, and not as damage."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(shutil.copytree(seed_vectorstore, Path(folder) / "vectorstore"))
        for path in (Path(folder), *Path(folder).rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        closed = next(path for path in (store, *store.rglob("*")) if path.name == name)
        closed.chmod(0)
        os.seteuid(65534)
        try:
            assert main(["ask", "Which figures show YAP1?", "--llm", "none", "--vectorstore", str(store)]) == 1
        finally:
            os.seteuid(0)
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert name in said or (name == "vectors.sqlite" and "chroma" in said)
        assert_told(said.rstrip("\n"), "Permission denied", "cannot be opened", "Allow")
        assert "damaged" not in said
        assert main(["ask", "Which figures show YAP1?", "--llm", "none", "--vectorstore", str(store)]) == 0


# Spoilt


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "half":
        path.write_bytes(content[: len(content) // 2])
    elif how == "other":
        path.write_bytes(random.Random(5).randbytes(len(content)))  # noqa: S311 - no secret
    else:
        at = len(content) // 2 // 4096 * 4096
        path.write_bytes(content[:at] + random.Random(5).randbytes(4096) + content[at + 4096 :])  # noqa: S311


@pytest.mark.parametrize("how", ["half", "a page"])
@pytest.mark.parametrize("name", [FILE_NAME, DATABASE, "vectors.sqlite", "manifest.json", "build.sqlite", "reading"])
def test_a_spoilt_file_is_told_and_mended(
    seed_vectorstore: Path, seed_corpus: Path, embedder: Embedder, tmp_path: Path, name: str, how: str
) -> None:
    """Asking goes on or ends in a sentence; indexing again makes what was; no vector is made of a spoilt one."""
    store = Path(shutil.copytree(seed_vectorstore, tmp_path / "vectorstore"))
    question = "Which figures show YAP1?"
    with open_assistant(store, llm="none") as assistant:
        wanted = assistant.ask(question).figids
    spoil(next(path for path in store.rglob("*") if path.name == name), how)
    try:
        with open_assistant(store, llm="none") as assistant:
            assert assistant.ask(question).figids == wanted
    except VectorstoreError as exc:
        assert_told(str(exc), "Run `pfocr-chat index")
    build_index(seed_corpus, store, embedder)
    assert all(finding.is_sound for finding in check_stores(store, read_manifest(store)))
    with open_assistant(store, llm="none") as assistant:
        assert assistant.ask(question).figids == wanted


def test_a_spoilt_graph_is_told_and_not_opened(tmp_path: Path) -> None:
    """Chroma would take its files as they are, and crash: their hashes are looked at first."""
    corpus = Corpus(tmp_path / "corpus")
    for n in range(1_050):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts.")
    manifest = build_index(corpus.folder, tmp_path / "store", WordEmbedder()).manifest
    folder = generation_folder(tmp_path / "store", manifest.generation)
    graphs = [path for path in (folder / FOLDER_NAME).rglob("*.bin") if path.stat().st_size]
    assert len(graphs) >= 3
    for path in graphs:
        whole = path.read_bytes()
        path.write_bytes(b"\x7f" * len(whole))
        with pytest.raises(CorruptIndexError, match=r"content is not what was written\. Run `pfocr-chat index`"):
            check_graphs(folder, manifest)
        path.write_bytes(whole)
    check_graphs(folder, manifest)


def test_spoilt_feedback_is_told(tmp_path: Path) -> None:
    """Whatever stands in its file; what is no feedback in it is told too."""
    path = tmp_path / "feedback.sqlite"
    with closing(FeedbackStore(path)) as store:
        store.add(Feedback(FeedbackKind.USEFUL, "What is this?", ("PMC1__a",)))
    for value in ("[1]", "{", "1"):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE feedback SET figids = ?", (value,))
        with closing(FeedbackStore(path)) as store, pytest.raises(FeedbackError, match="cannot be read"):
            store.all()
    spoil(path, "other")
    with closing(FeedbackStore(path)) as store, pytest.raises(FeedbackError, match="cannot be"):
        store.add(Feedback(FeedbackKind.USEFUL, "What is this?"))


def test_a_spoilt_vector_of_the_builder_is_made_again(tmp_path: Path) -> None:
    """A changed bit in what the builder remembers goes into no index: the text is embedded again."""
    corpus = Corpus(tmp_path / "corpus")
    for n in range(5):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts.")
    store = tmp_path / "vectorstore"
    build_index(corpus.folder, store, WordEmbedder())
    with closing(sqlite3.connect(store / buildcache.FILE_NAME)) as db, db:
        ((row, kept),) = db.execute("SELECT rowid, vector FROM vectors LIMIT 1").fetchall()
        db.execute("UPDATE vectors SET vector = ? WHERE rowid = ?", (bytes([kept[0] ^ 1]) + kept[1:], row))
    embedder = WordEmbedder()
    assert build_index(corpus.folder, store, embedder, anew=True).rebuilt
    assert len(embedder.embedded) == 1


# Times


def test_times_of_files_that_jump(tmp_path: Path) -> None:
    """Files from the future or from long ago: a change is seen, and what stayed is not embedded again."""
    corpus = Corpus(tmp_path / "corpus")
    paths = [corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts.") for n in range(3)]
    store = tmp_path / "vectorstore"
    build_index(corpus.folder, store, WordEmbedder())
    for number, seconds in enumerate((4_000_000_000, 0, 1)):
        for path in paths:
            os.utime(path, (seconds, seconds))
        embedder = WordEmbedder()
        assert build_index(corpus.folder, store, embedder).unchanged == 3
        corpus.write("PMC0__a0", f"Gene0 does {number}.")
        os.utime(paths[0], (seconds, seconds))
        assert build_index(corpus.folder, store, embedder).changed == 1
        assert len(embedder.embedded) == 1


def test_a_manifest_from_the_future(
    seed_vectorstore: Path, seed_corpus: Path, embedder: Embedder, tmp_path: Path
) -> None:
    """A chat that runs changes over to a generation whose manifest is older, by the clock, than the one before."""
    store = Path(shutil.copytree(seed_vectorstore, tmp_path / "vectorstore"))
    os.utime(store / "manifest.json", (4_000_000_000, 4_000_000_000))
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    next((corpus / "_figures").iterdir()).unlink()
    with open_assistant(store, llm="none") as assistant:
        report = build_index(corpus, store, embedder)
        begun = time.monotonic()
        while assistant.status().generation != report.manifest.generation:
            assert time.monotonic() - begun < 60
            time.sleep(0.1)


# Versions


@pytest.mark.parametrize(
    "changes", [{"format": 999}, {"format": 999, "shards": 4}, {"format": 2}, {"passage_format": 0}]
)
def test_an_index_of_another_version(
    seed_vectorstore: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, int],
) -> None:
    """An older or newer layout is told with the command to run, and that alone builds it anew, embedding nothing."""
    store = Path(shutil.copytree(seed_vectorstore, tmp_path / "vectorstore"))
    path = store / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(IndexMismatchError, match="Run `pfocr-chat index`"):
        open_assistant(store, llm="none")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PFOCR_CHAT_VECTORSTORE", str(store))
    assert main(["index"]) == 0
    told = capsys.readouterr()
    assert "The index was built with another embedder or format. It was built anew." in told.out
    assert told.err.startswith("Indexing /")
    assert "Loading the embedding model" not in told.err
    with open_assistant(store, llm="none") as assistant:
        assert assistant.status().pending == 0


def test_a_folder_that_is_not_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody has indexed yet, or the note of it is lost, `index` asks for the folder."""
    for content in (None, b"no database"):
        if content:
            (tmp_path / buildcache.FILE_NAME).write_bytes(content)
        assert main(["index", "--vectorstore", str(tmp_path)]) == 1
        assert capsys.readouterr().err == (
            f"pfocr-chat: Which records {tmp_path} was made of is not known."
            " Run `pfocr-chat index DIR` with a folder of them.\n"
        )


def test_an_error_of_this_package_has_one_line(bench: Bench) -> None:
    """Whatever is in the manifest's place, opening it says what to do in a line."""
    _, store = bench.start("update", "manifest")
    path = store / "manifest.json"
    whole = json.loads(path.read_text())
    for content in (
        "[" * 100_000,
        json.dumps(whole | {"built": 5}),
        json.dumps(whole | {"figures": -1}),
        json.dumps(whole | {"files": {"../../etc/passwd": 1}}),
        json.dumps(whole | {"files": {"\ud800": 1}}),
        json.dumps(whole | {"hashes": {"catalog.sqlite": 5}}),
        json.dumps(whole | {"generation": "g00000\n"}),
        json.dumps(whole | {"format": True}),
        " " * 2_000_000,
    ):
        path.write_text(content)
        with pytest.raises(PfocrChatError) as caught:
            read_manifest(store)
        assert_told(str(caught.value), "Run `pfocr-chat index`")
