"""Vectors in a Chroma server, which is a real one over loopback."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from pfocr_chat import Assistant, open_assistant
from pfocr_chat.chromaserver import ChromaServer, ServedVectors, Upload, collection_name
from pfocr_chat.cli import main
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import ChromaServerError, ConfigError, IndexBusyError
from pfocr_chat.generations import MANIFEST, generation_folder, read_manifest, writing
from pfocr_chat.indexing import build_index
from pfocr_chat.serving import TRY_EVERY
from pfocr_chat.uploading import UPLOADED, upload_vectors
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

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
        for name in opened.names():
            opened.drop(name)
        yield opened


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
    assert upload_vectors(vectorstore, server) == read_manifest(vectorstore).passages
    with open_assistant(catalog_only(vectorstore, tmp_path / "replica"), llm="none", chroma_url=server.url) as replica:
        assert figures(replica) == figures(seed_assistant)
        for question in QUESTIONS:
            assert replica.ask(question).figids == seed_assistant.ask(question).figids
        served = [hit.score for hit in replica.retrieve(QUESTIONS[0])]
        assert served == pytest.approx([hit.score for hit in seed_assistant.retrieve(QUESTIONS[0])], abs=1e-3)


def test_the_catalog_may_be_in_a_folder_that_cannot_be_written(
    seed_vectorstore: Path, server: ChromaServer, tmp_path: Path
) -> None:
    """A replica adds and changes nothing in its folder."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    upload_vectors(vectorstore, server)
    replica = catalog_only(vectorstore, tmp_path / "replica")
    before = {path: path.stat().st_mtime_ns for path in [replica, *replica.rglob("*")]}
    with open_assistant(replica, llm="none", chroma_url=server.url) as assistant:
        assert not assistant.ask(QUESTIONS[0]).abstained
    assert {path: path.stat().st_mtime_ns for path in [replica, *replica.rglob("*")]} == before


def test_an_upload_sends_only_what_is_missing(seed_vectorstore: Path, server: ChromaServer, tmp_path: Path) -> None:
    """One that was broken off goes on, and until it is done the server is refused."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    manifest = read_manifest(vectorstore)
    server.batch = 3

    class BrokenOffError(Exception):
        """As if the process had been killed."""

    def fail(_step: str, done: int, _total: int) -> None:
        if done >= 6:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        upload_vectors(vectorstore, server, progress=fail)
    with pytest.raises(ChromaServerError, match=rf"has 6 of the {manifest.passages} vectors of generation g000001"):
        ServedVectors(server, manifest)
    assert upload_vectors(vectorstore, server) == manifest.passages - 6
    assert upload_vectors(vectorstore, server) == 0
    assert ServedVectors(server, manifest).search([1.0] * manifest.dimension, 5)
    with VectorIndex(generation_folder(vectorstore, manifest.generation) / FOLDER_NAME) as local:
        assert Upload(server, manifest).ids() == local.ids()


def test_replicas_switch_to_a_new_generation_when_its_vectors_are_there(
    seed_corpus: Path, server: ChromaServer, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then they go on with the old one, whose collection stays; those before are removed."""
    monkeypatch.setattr("pfocr_chat.serving.LOOK_EVERY", 0.0)
    monkeypatch.setattr("pfocr_chat.serving.TRY_EVERY", 0.0)
    corpus = Path(shutil.copytree(seed_corpus, tmp_path / "corpus"))
    vectorstore = tmp_path / "vectorstore"
    names = []
    build_index(corpus, vectorstore, embedder)
    upload_vectors(vectorstore, server)
    names.append(collection_name(read_manifest(vectorstore)))
    with open_assistant(vectorstore, llm="none", chroma_url=server.url) as assistant:
        for generation in ("g000002", "g000003"):
            was = assistant.status().figures
            next(iter(sorted((corpus / "_figures").glob("*.md")))).unlink()
            build_index(corpus, vectorstore, embedder)
            assert assistant.status().figures == was
            assert assistant.ask(QUESTIONS[0]).figids
            upload_vectors(vectorstore, server)
            names.append(collection_name(read_manifest(vectorstore)))
            assert assistant.status().generation == generation
            assert assistant.status().figures == was - 1
    assert sorted(server.names()) == sorted(names[1:])


def test_what_others_keep_in_the_server_stays(seed_vectorstore: Path, server: ChromaServer, tmp_path: Path) -> None:
    """Only collections made from this folder are removed, also where an upload of them was never finished."""
    server.create("of-somebody-else")
    vectorstore = copied(seed_vectorstore, tmp_path)
    server.create("pfocr-g000000-0123456789abcdef")
    server.create("pfocr-g000000-fedcba9876543210")
    made = {"complete": [], "begun": ["pfocr-g000000-0123456789abcdef", "pfocr-that-was-never-made"]}
    (vectorstore / UPLOADED).write_text(json.dumps(made), encoding="utf-8")
    upload_vectors(vectorstore, server)
    newest = collection_name(read_manifest(vectorstore))
    assert sorted(server.names()) == sorted(["of-somebody-else", "pfocr-g000000-fedcba9876543210", newest])


def test_uploading_is_writing(seed_vectorstore: Path, server: ChromaServer, tmp_path: Path) -> None:
    """Nobody indexes into the folder meanwhile."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    with writing(vectorstore), pytest.raises(IndexBusyError):
        upload_vectors(vectorstore, server)


def test_the_shell_command_brings_vectors_to_the_server_and_uses_them(
    seed_corpus: Path, server: ChromaServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``index --chroma-url`` sends them, ``status`` names the server, and ``ask`` answers over it."""
    store = ["--vectorstore", str(tmp_path / "vectorstore"), "--chroma-url", server.url]
    assert main(["index", str(seed_corpus), *store]) == 0
    assert f"vectors sent to {server.url}" in capsys.readouterr().out
    shutil.rmtree(next((tmp_path / "vectorstore" / "generations").glob("g*")) / FOLDER_NAME)
    assert main(["ask", QUESTIONS[0], "--llm", "none", *store]) == 0
    assert "[1]" in capsys.readouterr().out
    assert main(["status", "--llm", "none", *store]) == 0
    assert f"in the Chroma server at {server.url}" in capsys.readouterr().out


def test_a_server_that_stops_is_named_in_one_sentence(seed_vectorstore: Path, tmp_path: Path) -> None:
    """A question in between fails, the assistant does not."""
    vectorstore = copied(seed_vectorstore, tmp_path)
    with running(tmp_path / "data") as url:
        with ChromaServer(url) as server:
            upload_vectors(vectorstore, server)
        assistant = open_assistant(vectorstore, llm="none", chroma_url=url)
        assert assistant.ask(QUESTIONS[0]).figids
    with assistant, pytest.raises(ChromaServerError, match=rf"^The Chroma server at {url} cannot be used \(.*\)\.$"):
        assistant.ask("Which figures show TNF?")


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
            ChromaServer(f"http://127.0.0.1:{http.server_port}", environ={"CHROMA_API_KEY": "sesame-123"})
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
    ["localhost:8000", "ftp://x", "http://", "http://x:0", "http://x:99999", "http://x?a=b", "nonsense", "http://[::1"],
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


def test_a_new_generation_is_tried_again_after_a_while() -> None:
    """Not at every question: an opening that fails may take seconds."""
    assert TRY_EVERY >= 5
