"""Builds that are cut off and go on, and generations that are published before all their vectors are there."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from wordembedder import Corpus, WordEmbedder

from pfocr_chat import buildcache
from pfocr_chat.buildcache import BuildCache
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.errors import VectorstoreError
from pfocr_chat.generations import Manifest, check_files, generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex
from pfocr_chat.vectorsteps import Pace

EAGER = Pace(at_once=0, seconds=0.0, share=1.0)
"""Publishes whenever it may."""
FIGURES = 2_100
"""More than are embedded between two steps."""


class Cut(Exception):  # noqa: N818 - not an error of the program
    """The power that fails in a test."""


class CutOff(WordEmbedder):
    """Fails after so many texts."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        if len(self.embedded) + len(texts) > self.after:
            raise Cut
        return super().encode(texts)


class Watching(WordEmbedder):
    """Notes the manifest that stands whenever it is asked to embed."""

    def __init__(self, store: Path) -> None:
        super().__init__()
        self.store = store
        self.seen: list[Manifest] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.seen.append(read_manifest(self.store))
        return super().encode(texts)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus of one passage a figure."""
    corpus = Corpus(tmp_path_factory.mktemp("many") / "corpus")
    for n in range(FIGURES):
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} acts.")
    return corpus


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "vectorstore"


def vectors_in(store: Path) -> frozenset[str]:
    with VectorIndex(generation_folder(store, read_manifest(store).generation) / FOLDER_NAME) as vectors:
        return vectors.ids()


def test_a_first_index_is_published_before_its_vectors(many: Corpus, store: Path) -> None:
    """First with none, then with more of them from step to step; each generation is whole but for these."""
    embedder = Watching(store)
    last = build_index(many.folder, store, embedder, pace=EAGER).manifest
    assert {(m.figures, m.passages) for m in embedder.seen} == {(FIGURES, FIGURES)}
    counts = [m.vectors for m in embedder.seen]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert 0 < counts[-1] < FIGURES
    assert not embedder.seen[-1].is_complete
    assert (last.vectors, last.is_complete) == (FIGURES, True)
    assert len(vectors_in(store)) == FIGURES


def test_a_small_change_is_published_once(many: Corpus, store: Path, tmp_path: Path) -> None:
    """Where few passages lack vectors, the old generation serves until they have them."""
    folder = Path(shutil.copytree(many.folder, tmp_path / "corpus"))
    before = build_index(folder, store, WordEmbedder()).manifest
    (folder / "_figures" / "PMC7__a7.md").write_text("---\nfigid: PMC7__a7\ncaption: 'Quite new.'\n---\n")
    embedder = Watching(store)
    after = build_index(folder, store, embedder, pace=EAGER).manifest
    assert embedder.seen == [before]
    assert int(after.generation[1:]) == int(before.generation[1:]) + 1


def test_an_interrupted_first_build_goes_on(many: Corpus, store: Path) -> None:
    """What was embedded is not embedded again, however often it is cut off; the end is that of one run."""
    embedded: list[str] = []
    for after in (300, 0, 900):
        embedder = CutOff(after)
        with pytest.raises(Cut):
            build_index(many.folder, store, embedder, pace=EAGER)
        embedded += embedder.embedded
        manifest = read_manifest(store)
        check_files(store, manifest)
        assert len(vectors_in(store)) == manifest.vectors
    last = WordEmbedder()
    report = build_index(many.folder, store, last, pace=EAGER)
    embedded += last.embedded
    assert len(embedded) == len(set(embedded)) == FIGURES
    assert report.manifest.is_complete
    assert report.rebuilt is None
    with Catalog(generation_folder(store, report.manifest.generation) / FILE_NAME) as catalog:
        assert catalog.figures == FIGURES
    assert len(vectors_in(store)) == FIGURES
    leftovers = [p.name for p in (store / "generations").iterdir() if not p.name.startswith("g") or "." in p.name]
    assert leftovers == []


def test_a_killed_first_build_goes_on(many: Corpus, store: Path) -> None:
    """A kill that no code can catch loses the block at work and nothing else."""
    code = """
        import sys, time
        from pathlib import Path
        sys.path[:0] = sys.argv[1:3]
        from wordembedder import WordEmbedder
        from pfocr_chat.indexing import build_index
        from pfocr_chat.vectorsteps import Pace
        class Slow(WordEmbedder):
            def encode(self, texts):
                if len(self.embedded) >= 600:
                    print(len(self.embedded), flush=True)
                    time.sleep(600)
                return super().encode(texts)
        build_index(Path(sys.argv[3]), Path(sys.argv[4]), Slow(), pace=Pace(0, 0.0, 1.0))
    """
    here = Path(__file__).parent
    command = [sys.executable, "-c", textwrap.dedent(code), str(here), str(here.parent), str(many.folder), str(store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        before = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
    embedder = WordEmbedder()
    assert build_index(many.folder, store, embedder).manifest.is_complete
    assert len(embedder.embedded) == FIGURES - before
    assert len(vectors_in(store)) == FIGURES


def test_vectors_outlive_the_layout(many: Corpus, store: Path) -> None:
    """An index that is built anew embeds nothing that was embedded before."""
    build_index(many.folder, store, WordEmbedder())
    (store / "manifest.json").write_text("{")
    embedder = WordEmbedder()
    report = build_index(many.folder, store, embedder)
    assert report.rebuilt
    assert report.added == FIGURES
    assert embedder.embedded == []
    assert len(vectors_in(store)) == FIGURES


def test_another_embedder_shares_no_vectors(tmp_path: Path) -> None:
    """What one embedder made is not taken for another's."""
    with BuildCache(tmp_path, "one") as cache:
        cache.put_vectors(["text"], np.ones((1, 3), dtype=np.float32))
        assert cache.vectors(["other", "text"], 3).keys() == {1}
        assert cache.vectors(["text"], 4) == {}
    with BuildCache(tmp_path, "two") as cache:
        assert cache.vectors(["text"], 3) == {}


def test_a_damaged_cache_starts_anew(many: Corpus, store: Path) -> None:
    """It holds nothing that cannot be made again: whether no database or a spoilt one, the build goes on."""
    build_index(many.folder, store, WordEmbedder())
    path = store / buildcache.FILE_NAME
    whole = path.read_bytes()
    for content in (b"no database at all " * 1_000, whole[:4096] + b"\x7f" * (len(whole) - 4096)):
        path.write_bytes(content)
        assert build_index(many.folder, store, WordEmbedder()).unchanged == FIGURES
        (store / "manifest.json").write_text("{")
        assert build_index(many.folder, store, WordEmbedder()).manifest.is_complete


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one sentence that names the file."""
    (tmp_path / buildcache.FILE_NAME).mkdir()
    with pytest.raises(VectorstoreError, match=r"build\.sqlite cannot be written"):
        BuildCache(tmp_path, "one")


def test_vectors_in_no_use_are_dropped(tmp_path: Path) -> None:
    """Once they are the greater part of the cache; those in use stay."""
    texts = [f"text {n}" for n in range(100)]
    with BuildCache(tmp_path, "one") as cache:
        cache.put_vectors(texts, np.ones((100, 3), dtype=np.float32))
        cache.drop_unused(texts[:50], 50, few=10)
        assert len(cache.vectors(texts, 3)) == 100
        cache.drop_unused(texts[:20], 20, few=10)
        assert list(cache.vectors(texts, 3)) == list(range(20))


def test_files_that_stayed_are_not_read(tmp_path: Path, store: Path) -> None:
    """By size, times and inode a file is known to be the same; what only looks the same is read."""
    corpus = Corpus(tmp_path / "corpus")
    path = corpus.write("PMC1__a", "Gene1 acts.")
    corpus.write("PMC2__b", "Gene2 acts.")
    build_index(corpus.folder, store, WordEmbedder())
    settled(corpus.folder, store)
    with closing(sqlite3.connect(store / buildcache.FILE_NAME)) as db, db:
        # Found again only by who does not look into the file.
        db.execute("UPDATE files SET digest = 'other' WHERE source = '_figures/PMC1__a.md'")
    assert build_index(corpus.folder, store, WordEmbedder()).changed == 1
    times = path.stat()
    path.write_text(path.read_text().replace("Gene1", "Gene9"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert build_index(corpus.folder, store, WordEmbedder()).changed == 1


def settled(corpus: Path, store: Path) -> None:
    """Index again until the files are old enough for their times to be trusted."""
    for _ in range(200):
        build_index(corpus, store, WordEmbedder())
        with BuildCache(store, "words:64") as cache:
            if len(cache.digests(corpus)) == 2:
                return
        time.sleep(0.1)
    pytest.fail("the files' times were never trusted")


def test_another_corpus_knows_none_of_the_files(tmp_path: Path) -> None:
    """Stamps are those of one folder; indexing another forgets them."""
    one, two = tmp_path / "one", tmp_path / "two"
    with BuildCache(tmp_path, "x") as cache:
        cache.put_digests(one, {"a.md": (b"s", "d"), "b.md": (b"t", "e")}, [])
        cache.put_digests(one, {}, ["a.md"])
        assert cache.digests(one) == {"b.md": (b"t", "e")}
        assert cache.digests(two) == {}
        cache.put_digests(two, {"c.md": (b"u", "f")}, [])
        assert cache.digests(two) == {"c.md": (b"u", "f")}
        assert cache.digests(one) == {}
