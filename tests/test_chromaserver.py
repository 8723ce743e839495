"""Vectors in a Chroma server, which is a real one over loopback."""

from __future__ import annotations

import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from timing import wait_for

from pfocr_chat import Assistant, open_assistant
from pfocr_chat.chromaserver import AWAY, ChromaServer
from pfocr_chat.cli import main
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import ChromaServerError, ConfigError, CorruptIndexError, VectorstoreError
from pfocr_chat.exactvectors import FILE_NAME as VECTORS
from pfocr_chat.generations import MANIFEST, generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.integrity import check_served
from pfocr_chat.uploading import owner_of, upload_vectors
from pfocr_chat.vectorindex import FOLDER_NAME
from pfocr_chat.vectorsteps import Pace

QUESTIONS = (
    "What does lithium do in prion disease?",
    "Which figures show TNF?",
    "interferon response to viral infection",
    "How many figures show AKT1?",
)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The address of a Chroma server that keeps its data in ``folder``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder), "--port", str(port)]
    with (folder.parent / "chroma.log").open("ab") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        try:
            deadline = time.monotonic() + 60
            address = f"http://127.0.0.1:{port}"
            while time.monotonic() < deadline:
                with suppress(httpx.HTTPError):
                    httpx.get(f"{address}/api/v2/heartbeat", timeout=5).raise_for_status()
                    break
                time.sleep(0.1)
            yield address
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Chroma server."""
    with running(tmp_path_factory.mktemp("chroma") / "data") as url:
        yield url


@pytest.fixture
def server(address: str) -> Iterator[ChromaServer]:
    """A connection to it, with nothing of other tests in it."""
    with ChromaServer(address) as opened:
        for name in names(opened):
            opened._api.delete_collection(name)
        yield opened


def delivery(vectorstore: Path, server: ChromaServer) -> Callable[[Path], int]:
    """What brings the vectors of a generation that was built to the server."""
    return lambda generation: upload_vectors(vectorstore, generation, server)


def take_one_away(corpus: Path) -> None:
    """The corpus has a figure less."""
    min((corpus / "_figures").glob("*.md")).unlink()


def names(server: ChromaServer) -> list[str]:
    """The collections that are there."""
    return [collection.name for collection in server._collections()]


def upload(vectorstore: Path, server: ChromaServer, progress: Callable[[str, int, int], None] | None = None) -> int:
    """Send the vectors of the current generation."""
    generation = generation_folder(vectorstore, read_manifest(vectorstore).generation)
    return upload_vectors(vectorstore, generation, server, progress=progress)


def copied(vectorstore: Path, folder: Path) -> Path:
    """An index that a test may change."""
    return Path(shutil.copytree(vectorstore, folder / "vectorstore"))


def catalog_only(vectorstore: Path, folder: Path) -> Path:
    """What a replica needs of an index: the manifest and the catalog."""
    generation = generation_folder(vectorstore, read_manifest(vectorstore).generation)
    place = generation_folder(folder, generation.name)
    place.mkdir(parents=True)
    shutil.copy(generation / "catalog.sqlite", place)
    shutil.copy(vectorstore / MANIFEST, folder)
    return folder


def figures(assistant: Assistant) -> list[list[str]]:
    """What is found for the questions."""
    return [[hit.figid for hit in assistant.retrieve(question)] for question in QUESTIONS]


def test_a_replica_with_the_catalog_alone_answers_as_the_index_does(
    seed_vectorstore: Path, seed_assistant: Assistant, server: ChromaServer, tmp_path: Path
) -> None:
    """Vectors in the server give the hits and the scores that those in the folder give."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    assert upload(vectorstore, server) == read_manifest(vectorstore).passages
    with open_assistant(catalog_only(vectorstore, tmp_path / "replica"), llm="none", chroma_url=server.url) as replica:
        assert figures(replica) == figures(seed_assistant)
        for question in QUESTIONS:
            assert replica.ask(question).figids == seed_assistant.ask(question).figids
        served = [hit.score for hit in replica.retrieve(QUESTIONS[0])]
        assert served == pytest.approx([hit.score for hit in seed_assistant.retrieve(QUESTIONS[0])], abs=1e-3)


def test_a_replica_changes_nothing_in_its_folder(seed_vectorstore: Path, server: ChromaServer, tmp_path: Path) -> None:
    """So that it may be one that cannot be written."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    upload(vectorstore, server)
    replica = catalog_only(vectorstore, tmp_path / "replica")
    before = {path: path.stat().st_mtime_ns for path in [replica, *replica.rglob("*")]}
    with open_assistant(replica, llm="none", chroma_url=server.url) as assistant:
        assert not assistant.ask(QUESTIONS[0]).abstained
    assert {path: path.stat().st_mtime_ns for path in [replica, *replica.rglob("*")]} == before


def test_an_upload_sends_only_what_is_missing(seed_vectorstore: Path, server: ChromaServer, tmp_path: Path) -> None:
    """One that was broken off goes on, and until it is done the server is refused."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    passages = read_manifest(vectorstore).passages
    server.batch = 3

    class BrokenOffError(Exception):
        """As if the process had been killed."""

    def fail(_step: str, done: int, _total: int) -> None:
        if done >= 6:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        upload(vectorstore, server, fail)
    with pytest.raises(ChromaServerError, match=rf"has 6 vectors where this index has {passages}\."):
        open_assistant(vectorstore, llm="none", chroma_url=server.url)
    assert upload(vectorstore, server) == passages - 6
    assert upload(vectorstore, server) == 0
    [collection] = server._collections()
    assert collection.count() == passages


def test_replicas_start_and_answer_throughout_updates(
    seed_corpus: Path, server: ChromaServer, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A generation is published when the server has its vectors, and not before; the collection before it stays."""
    monkeypatch.setattr("pfocr_chat.serving.LOOK_EVERY", 0.0)
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    vectorstore = tmp_path / "vectorstore"
    seen: list[tuple[str, int]] = []

    def deliver(generation: Path) -> None:
        upload_vectors(vectorstore, generation, server)
        if (vectorstore / MANIFEST).exists():
            with open_assistant(vectorstore, llm="none", chroma_url=server.url) as fresh:
                seen.append((fresh.status().generation, len(fresh.ask(QUESTIONS[0]).figids)))

    pace = Pace(at_once=0, seconds=0.0)
    build_index(corpus, vectorstore, embedder, pace=pace, deliver=deliver)
    with open_assistant(vectorstore, llm="none", chroma_url=server.url) as assistant:
        for generation in ("g000002", "g000003"):
            was = assistant.status().figures
            take_one_away(corpus)
            build_index(corpus, vectorstore, embedder, pace=pace, deliver=deliver)
            assert (assistant.status().generation, assistant.status().figures) == (generation, was - 1)
            assert assistant.ask(QUESTIONS[0]).figids
    assert [generation for generation, _ in seen] == ["g000001", "g000002"]
    assert all(found for _, found in seen)
    assert len(names(server)) == 2


def test_what_replicas_answer_from_stays_while_updates_fail(
    seed_corpus: Path, server: ChromaServer, embedder: Embedder, tmp_path: Path
) -> None:
    """Updates whose vectors have arrived and that are not published, one after the other, take nothing from them."""
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    vectorstore = tmp_path / "vectorstore"
    deliver = delivery(vectorstore, server)

    def deliver_and_fail(generation: Path) -> None:
        deliver(generation)
        raise VectorstoreError("The disk is full.")

    build_index(corpus, vectorstore, embedder, deliver=deliver)
    for _ in range(3):
        take_one_away(corpus)
        with pytest.raises(VectorstoreError, match="disk is full"):
            build_index(corpus, vectorstore, embedder, deliver=deliver_and_fail)
        with open_assistant(vectorstore, llm="none", chroma_url=server.url) as assistant:
            assert assistant.ask(QUESTIONS[0]).generation == "g000001"
    assert len(names(server)) == 2
    build_index(corpus, vectorstore, embedder, deliver=deliver)
    with open_assistant(vectorstore, llm="none", chroma_url=server.url) as assistant:
        assert assistant.ask(QUESTIONS[0]).generation == "g000002"


def test_visitors_of_an_idle_replica_are_answered_after_many_updates(
    seed_corpus: Path, server: ChromaServer, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, when the collection that it had open is gone."""
    monkeypatch.setattr("pfocr_chat.serving.LOOK_EVERY", 0.2)
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    vectorstore = tmp_path / "vectorstore"
    deliver = delivery(vectorstore, server)
    build_index(corpus, vectorstore, embedder, deliver=deliver)
    with open_assistant(vectorstore, llm="none", chroma_url=server.url) as assistant:
        for _ in range(3):
            take_one_away(corpus)
            build_index(corpus, vectorstore, embedder, deliver=deliver)
        time.sleep(0.3)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(assistant.ask, [QUESTIONS[0]] * 8))
    assert {answer.generation for answer in answers} == {"g000004"}


def test_a_server_that_lost_its_data_is_used_again_when_it_is_filled(seed_vectorstore: Path, tmp_path: Path) -> None:
    """Also by assistants that are open."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    with running(tmp_path / "data") as url, ChromaServer(url) as server:
        upload(vectorstore, server)
        with open_assistant(vectorstore, llm="none", chroma_url=url) as assistant:
            [collection] = server._collections()
            server._api.delete_collection(collection.name)
            with pytest.raises(VectorstoreError):
                assistant.ask("lithium")
            upload(vectorstore, server)
            assert assistant.ask(QUESTIONS[0]).figids


def test_what_others_keep_in_the_server_stays(
    seed_corpus: Path, server: ChromaServer, embedder: Embedder, tmp_path: Path
) -> None:
    """Only collections made from this very folder are removed, not those of a copy, whatever their state."""
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    vectorstore = tmp_path / "vectorstore"

    def update(place: Path) -> None:
        take_one_away(corpus)
        build_index(corpus, place, embedder, deliver=delivery(place, server))

    update(vectorstore)
    [original] = names(server)
    server.create("of-somebody-else", owner="somebody", passages=7)
    server.create("begun-here", owner=owner_of(vectorstore), passages=7)
    copy = copied(vectorstore, tmp_path / "copy")
    for _ in range(3):
        update(copy)
    assert {original, "of-somebody-else", "begun-here"} <= set(names(server))
    assert len(names(server)) == 5
    update(vectorstore)
    update(vectorstore)
    assert "of-somebody-else" in names(server)
    assert not {original, "begun-here"} & set(names(server))


def test_a_catalog_of_another_time_than_the_manifest_is_refused(
    seed_corpus: Path, seed_vectorstore: Path, embedder: Embedder, tmp_path: Path
) -> None:
    """As a replica's folder may have for a while that is copied in the wrong order."""
    larger = copied(seed_vectorstore, tmp_path)
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    for path in sorted((corpus / "_figures").glob("*.md"))[:12]:
        path.unlink()
    build_index(corpus, tmp_path / "smaller", embedder)
    shutil.copy(tmp_path / "smaller" / MANIFEST, larger / MANIFEST)
    with pytest.raises(CorruptIndexError):
        open_assistant(catalog_only(larger, tmp_path / "replica"), llm="none")


def test_the_shell_command_brings_vectors_to_the_server_and_uses_them(
    seed_corpus: Path, server: ChromaServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``index --chroma-url`` sends them, ``status`` names the server, and ``ask`` answers over it."""
    store = ["--vectorstore", str(tmp_path / "vectorstore"), "--chroma-url", server.url]
    assert main(["index", str(seed_corpus), *store]) == 0
    assert f"vectors sent to {server.url}" in capsys.readouterr().out
    assert main(["status", "--check", "--llm", "none", *store]) == 0
    assert f"ok     server     the collection {names(server)[0]} has the " in capsys.readouterr().out
    shutil.rmtree(next((tmp_path / "vectorstore" / "generations").glob("g*")) / FOLDER_NAME)
    assert main(["ask", QUESTIONS[0], "--llm", "none", *store]) == 0
    assert "[1]" in capsys.readouterr().out
    assert main(["status", "--llm", "none", *store]) == 0
    assert f"in the Chroma server at {server.url}" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["another", "too many", "missing", "exchanged", "all"])
def test_a_check_reads_what_the_server_has(
    damage: str, seed_corpus: Path, server: ChromaServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``status --check`` finds what the server has and the folder has not, or otherwise, and says what mends it."""
    store = ["--vectorstore", str(tmp_path / "vectorstore"), "--chroma-url", server.url]
    check = ["status", "--check", "--llm", "none", "--json", *store]
    assert main(["index", str(seed_corpus), *store]) == 0
    (name,) = names(server)
    collection = server.open(name)
    first, second = collection.get(limit=2, include=[])["ids"]
    other = collection.get(ids=[second], include=["embeddings"])["embeddings"]
    if damage == "another":
        collection.update(ids=[first], embeddings=other)
    if damage == "all":
        ids = collection.get(include=[])["ids"]
        collection.update(ids=ids, embeddings=np.random.default_rng(0).normal(size=(len(ids), 384)))
    if damage in ("missing", "exchanged"):
        collection.delete(ids=[first])
    if damage in ("too many", "exchanged"):
        collection.add(ids=["PMC1__a#0"], embeddings=other)
    capsys.readouterr()
    assert main(check) == 1
    found = {
        "another": f"1 different from those here, {first} say",
        "too many": "1 of no passage, PMC1__a#0 say",
        "missing": f"1 missing, {first} say",
        "exchanged": f"1 of no passage, PMC1__a#0 say; 1 missing, {first} say",
        "all": r"\d+ different from those here, \S+ say; \d+ not found by themselves, \S+ say",
    }
    said = capsys.readouterr().err
    assert re.search(f"FAILED server     of the vectors in the collection {name}, {found[damage]}\n", said)
    assert "Run `pfocr-chat index --anew` with --chroma-url" in said
    with open_assistant(tmp_path / "vectorstore", llm="none") as assistant:
        expected = figures(assistant)
    assert main(["index", "--anew", str(seed_corpus), *store]) == 0
    assert names(server) == [name]
    sent = int(re.search(r"; (\d+) vectors sent", capsys.readouterr().out)[1])  # type: ignore[index]
    assert sent == (collection.count() if damage == "all" else damage != "too many")
    with open_assistant(tmp_path / "vectorstore", llm="none", chroma_url=server.url) as assistant:
        assert figures(assistant) == expected
    assert main(check) == 0
    assert json.loads(capsys.readouterr().out)["checks"][-2]["what"] == "server"


def test_a_check_compares_with_the_vectors_that_are_here(
    seed_vectorstore: Path, server: ChromaServer, tmp_path: Path
) -> None:
    """A server that has more of a generation than a folder in which it was broken off is sound."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    upload(vectorstore, server)
    manifest = read_manifest(vectorstore)
    path = generation_folder(vectorstore, manifest.generation) / FOLDER_NAME / VECTORS
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM vectors WHERE passage_id > 'PMC5'")
        (left,) = db.execute("SELECT count(*) FROM vectors").fetchone()
    assert 0 < left < manifest.passages
    finding = check_served(server, vectorstore, manifest)
    assert finding.is_sound
    assert f"has the {manifest.passages} vectors; {left} compared" in finding.found


def test_a_server_that_stops_is_named_in_the_log(
    seed_vectorstore: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Visitors are told without its address."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    with running(tmp_path / "data") as url:
        with ChromaServer(url) as server:
            upload(vectorstore, server)
        assistant = open_assistant(vectorstore, llm="none", chroma_url=url)
        assert assistant.ask(QUESTIONS[0]).figids
        assert assistant.is_ready
    with assistant:
        with pytest.raises(VectorstoreError) as raised:
            assistant.ask("Which figures show TNF?")
        assert str(raised.value) == AWAY
        assert url in caplog.text
        wait_for(lambda: not assistant.is_ready, "a look, which comes every two seconds")


def test_a_key_is_sent_and_not_told() -> None:
    """``CHROMA_API_KEY`` travels in a header, and stands in no error."""
    seen: list[str | None] = []

    class Refusing(BaseHTTPRequestHandler):
        """Refuses all, and repeats what it was told."""

        def do_GET(self) -> None:
            seen.append(self.headers["x-chroma-token"])
            self.send_response(401)
            self.end_headers()
            self.wfile.write(f"token {self.headers['x-chroma-token']} is wrong".encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Refusing) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        with pytest.raises(ChromaServerError) as raised:
            ChromaServer(f"http://127.0.0.1:{http.server_port}", environ={"CHROMA_API_KEY": "sesame-123\n"})
        http.shutdown()
        thread.join()
    assert set(seen) == {"sesame-123"}
    assert "sesame-123" not in str(raised.value)


def test_nothing_listening_is_said_at_once(seed_vectorstore: Path) -> None:
    """In a sentence with the address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ChromaServerError, match=rf"Chroma server at http://127\.0\.0\.1:{port} cannot be used"):
        open_assistant(seed_vectorstore, llm="none", chroma_url=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8000",
        "ftp://x",
        "http://",
        "http://x:0",
        "http://x:99999",
        "http://x?a=b",
        "http://x y",
        "nonsense",
        "http://[::1",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigError, match="looks like http://localhost:8000"):
        ChromaServer(address)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    """It would get into logs."""
    with pytest.raises(ConfigError) as raised:
        ChromaServer("https://user:hunter2@chroma.example.org")
    assert "hunter2" not in str(raised.value)
    assert "CHROMA_API_KEY" in str(raised.value)


def test_a_server_that_says_nothing_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it said before."""
    monkeypatch.setattr("pfocr_chat.chromaserver.TIMEOUT", httpx.Timeout(0.5))
    answered: list[str] = []
    silent = threading.Event()

    class Falling(BaseHTTPRequestHandler):
        """Answers once."""

        def do_GET(self) -> None:
            answered.append(self.path)
            if len(answered) > 1:
                silent.wait(30)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"user_id": "", "tenant": "", "databases": []}')

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Falling) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        with pytest.raises(ChromaServerError, match="timed out"):
            ChromaServer(f"http://127.0.0.1:{http.server_port}")
        silent.set()
        http.shutdown()
        thread.join()
    assert len(answered) == 2


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "naïve", "nul\0"])
def test_a_key_that_is_none_is_refused_and_not_repeated(key: str) -> None:
    """A header cannot hold it, and would say so with the key."""
    with pytest.raises(ConfigError) as raised:
        ChromaServer("http://127.0.0.1:9", environ={"CHROMA_API_KEY": key})
    assert key not in str(raised.value)
    assert repr(key)[1:-1] not in str(raised.value)


def test_a_wrong_address_is_told_before_anything_is_done(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A sync takes minutes."""
    assert main(["sync", "--repo", str(tmp_path), "--vectorstore", str(tmp_path / "v"), "--chroma-url", "x"]) == 1
    assert "looks like http://localhost:8000" in capsys.readouterr().err
