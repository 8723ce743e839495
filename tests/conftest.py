"""Fixtures shared by the tests: a small real corpus, its index, and an assistant over it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from planted import Planted, write_records

from pfocr_chat import Assistant, open_assistant
from pfocr_chat.embedder import Embedder
from pfocr_chat.indexing import build_index
from pfocr_chat.llm import open_llm
from pfocr_chat.resources import data_folder

SEED_FIGID = "PMC11989024__ijms-26-03143-g003"

for _name in [name for name in os.environ if name.startswith("PFOCR_CHAT_") or name.endswith("_API_KEY")]:
    # No test may depend on, or reach, what the person who runs them has set up.
    del os.environ[_name]


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real embedder, loaded once."""
    return Embedder()


@pytest.fixture(scope="session")
def seed_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty starter records with tables where they have them, and the user's own record."""
    seeds = data_folder("seeds")
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "_figures").mkdir()
    (folder / "_data").mkdir()
    for path in sorted((seeds / "_figures").glob("*.md"))[::9][:20]:
        shutil.copy(path, folder / "_figures")
        for table in (seeds / "_data").glob(f"{path.stem}-*.tsv"):
            shutil.copy(table, folder / "_data")
    shutil.copy(seeds / f"{SEED_FIGID}.md", folder)
    return folder


@pytest.fixture(scope="session")
def seed_vectorstore(seed_corpus: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of ``seed_corpus``."""
    vectorstore = tmp_path_factory.mktemp("index") / "vectorstore"
    build_index(seed_corpus, vectorstore, embedder)
    return vectorstore


@pytest.fixture(scope="session")
def seed_assistant(seed_vectorstore: Path) -> Iterator[Assistant]:
    """An assistant over ``seed_vectorstore`` that quotes."""
    with open_assistant(seed_vectorstore, llm="none") as assistant:
        yield assistant


@pytest.fixture(scope="session")
def planted(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """An index of records with traps in them, over which assistants can be opened with any language model."""
    vectorstore = tmp_path_factory.mktemp("planted") / "vectorstore"
    report = build_index(write_records(vectorstore.parent / "corpus"), vectorstore, embedder)
    assert report.problems == ()
    with open_assistant(vectorstore, llm="none") as assistant:
        index = Planted(vectorstore, embedder, assistant.status())
        yield index
        for opened in index.opened:
            opened.close()


@pytest.fixture(scope="session")
def quoting(planted: Planted) -> Assistant:
    """An assistant over the planted records that quotes."""
    return planted.assistant(open_llm("none"))
