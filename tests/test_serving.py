"""Assistants over an index that changes under them: generations come, questions go on, none is lost."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from wordembedder import Corpus

from pfocr_chat import Answer, Assistant, open_assistant
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import NoIndexError
from pfocr_chat.generations import Manifest, generation_folder, read_manifest, reading, seen
from pfocr_chat.indexing import build_index
from pfocr_chat.vectorsteps import Pace

PATIENCE = 60.0
"""Seconds after which something that should have happened has not."""


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path / "corpus")
    corpus.write("PMC1__hippo", "YAP enters the nucleus.")
    corpus.write_genes("PMC1__hippo", "YAP1")
    corpus.write("PMC2__wnt", "Wnt ligands stabilise catenin.")
    return corpus


@pytest.fixture
def store(tmp_path: Path, corpus: Corpus, embedder: Embedder) -> Path:
    build_index(corpus.folder, tmp_path / "vectorstore", embedder)
    return tmp_path / "vectorstore"


@pytest.fixture
def assistant(store: Path) -> Iterator[Assistant]:
    with open_assistant(store, llm="none") as opened:
        yield opened


def until(happened: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.05)


def folders(store: Path) -> set[str]:
    return {path.name for path in (store / "generations").iterdir()}


def grow(corpus: Corpus, store: Path, embedder: Embedder, name: str) -> Manifest:
    corpus.write(name, "Notch is cleaved by secretase.")
    return build_index(corpus.folder, store, embedder).manifest


def test_a_running_assistant_follows_the_index(
    assistant: Assistant, corpus: Corpus, store: Path, embedder: Embedder
) -> None:
    """A question after a new generation is answered from it, with no restart; the status tells which it is."""
    assert assistant.record("PMC5__notch") is None
    assert assistant.status().generation == "g000001"
    grow(corpus, store, embedder, "PMC5__notch")
    until(lambda: assistant.status().generation == "g000002")
    assert assistant.status().figures == 3
    assert assistant.retrieve("How is Notch cleaved?", k=1)[0].figid == "PMC5__notch"
    assert assistant.ask("How is Notch cleaved?").generation == "g000002"


def test_an_answer_ends_in_the_generation_it_began_in(
    assistant: Assistant, corpus: Corpus, store: Path, embedder: Embedder
) -> None:
    """However many generations are published meanwhile; then its files are given up."""
    events = assistant.stream("What do Wnt ligands stabilise?")
    next(events)
    (corpus.folder / "_figures" / "PMC2__wnt.md").unlink()
    for n in range(3):
        grow(corpus, store, embedder, f"PMC{n + 5}__notch")
        until(lambda n=n: assistant.status().generation == f"g00000{n + 2}")  # type: ignore[misc]
    assert "g000001" in folders(store)
    *_, answer = events
    assert isinstance(answer, Answer)
    assert (answer.generation, answer.figids[0]) == ("g000001", "PMC2__wnt")
    assert assistant.hits(answer)[0].figid == "PMC2__wnt"
    grow(corpus, store, embedder, "PMC9__notch")
    assert folders(store) == {"g000004", "g000005"}


def test_questions_never_fail_while_the_index_changes(
    assistant: Assistant, corpus: Corpus, store: Path, embedder: Embedder
) -> None:
    """Many threads ask while generations come and go: every answer is whole and from one of them."""
    is_over = threading.Event()

    def ask() -> list[Answer]:
        answers = []
        while not is_over.is_set():
            answers.append(assistant.ask("Which figures show YAP1?"))
        return answers

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for n in range(4):
                manifest = grow(corpus, store, embedder, f"PMC{n + 5}__notch")
                until(lambda m=manifest: assistant.status().generation == m.generation)  # type: ignore[misc]
        finally:
            is_over.set()
        answers = [answer for each in asking for answer in each.result()]
    assert {answer.figids for answer in answers} == {("PMC1__hippo",)}
    assert len({answer.generation for answer in answers}) > 1


def test_another_process_keeps_its_generation(corpus: Corpus, store: Path, embedder: Embedder) -> None:
    """What a reader in another process has open stays on the disk until that process ends, however it ends."""
    code = (
        "import sys, pathlib\nfrom pfocr_chat.generations import reading\n"
        "with reading(pathlib.Path(sys.argv[1])) as manifest:\n"
        "    print(manifest.generation, flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code, str(store)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "g000001\n"
        for n in range(3):
            grow(corpus, store, embedder, f"PMC{n + 5}__notch")
        assert folders(store) == {"g000001", "g000003", "g000004"}
        reader.kill()
    grow(corpus, store, embedder, "PMC9__notch")
    assert folders(store) == {"g000004", "g000005"}


def test_a_new_generation_that_cannot_be_opened(
    assistant: Assistant, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The old one goes on answering, and the log says why."""
    whole = (store / "manifest.json").read_bytes()
    with caplog.at_level(logging.WARNING):
        (store / "manifest.json").write_text("{")
        until(lambda: bool(assistant.retrieve("YAP", k=1)) and bool(caplog.messages))
    assert caplog.messages[0].startswith("Going on with generation g000001 of the index: The index is damaged")
    assert assistant.ask("Which figures show YAP1?").figids == ("PMC1__hippo",)
    (store / "manifest.json").write_bytes(whole)
    assert assistant.status().generation == "g000001"


def test_an_index_is_used_while_it_is_built(corpus: Corpus, tmp_path: Path) -> None:
    """From its catalog alone, which its answers say; with the vectors nothing more is said."""
    store = tmp_path / "new"
    seen_answers = []

    class Slow(Embedder):
        def encode(self, texts: list[str]) -> object:  # type: ignore[override]
            with open_assistant(store, llm="none") as early:
                assert early.status().pending == 2
                seen_answers.extend(early.ask(q) for q in ("Which figures show YAP1?", "What stabilises catenin?"))
                seen_answers.append(early.ask("What does PMC1__hippo show?"))
                seen_answers.append(early.ask("Why is the sky blue?"))
            return super().encode(texts)

    build_index(corpus.folder, store, Slow(), pace=Pace(at_once=0, seconds=0.0, share=1.0))  # type: ignore[arg-type]
    listed, related, named, none = seen_answers
    note = "The index is still being built: 0 of 2 passages can be found by their meaning so far"
    assert (listed.figids, related.figids, named.figids) == (("PMC1__hippo",), ("PMC2__wnt",), ("PMC1__hippo",))
    assert none.abstained
    for answer in (listed, related, none):
        assert any(text.startswith(note) for text in answer.notes)
    assert not any(text.startswith(note) for text in named.notes)
    with open_assistant(store, llm="none") as assistant:
        assert assistant.status().still_coming is None
        assert not any(
            text.startswith("The index is still") for text in assistant.ask("What stabilises catenin?").notes
        )


def test_reading_a_generation_of_an_earlier_version(store: Path) -> None:
    """One without the file that readers lock is read as it is; without any generation, that is told."""
    with reading(store) as manifest:
        assert manifest == read_manifest(store)
    folder = generation_folder(store, manifest.generation)
    (folder / "reading").unlink()
    with reading(store) as again:
        assert again == manifest
    (store / "manifest.json").unlink()
    assert seen(store) == ()
    with pytest.raises(NoIndexError), reading(store):
        pass
