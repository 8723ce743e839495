"""The generation that answers: opened, shared by threads, and exchanged for a newer one while questions run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pfocr_chat.answers import Status
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.chain import Chain
from pfocr_chat.chromaserver import ChromaServer, ServedVectors, collection_of
from pfocr_chat.errors import CorruptIndexError, PfocrChatError
from pfocr_chat.generations import (
    Manifest,
    check_files,
    check_graphs,
    check_usable,
    generation_folder,
    read_manifest,
    reading,
    seen,
)
from pfocr_chat.llm import Llm
from pfocr_chat.prompting import load_prompt
from pfocr_chat.retriever import PairScorer, QueryEmbedder, Retriever
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

LOOK_EVERY = 1.0
"""Seconds between looks for a newer generation."""
TRY_AGAIN = 20.0
"""Seconds until one that could not be opened (of a full disk, or as its vectors are on their way) is tried again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenGeneration:
    """One generation of an index with the parts that answer over it; to be closed."""

    catalog: Catalog
    retriever: Retriever
    chain: Chain
    status: Status
    opened: ExitStack
    server: ChromaServer | None = None

    @property
    def is_ready(self) -> bool:
        """Whether its vectors can be reached, which elsewhere than on this disk they may not be."""
        return self.server is None or self.server.is_up

    def close(self) -> None:
        """Release its files."""
        self.opened.close()


def check_index(vectorstore: Path, manifest: Manifest, *, only_catalog: bool = False) -> None:
    """Make sure that a generation can be used, or ``only_catalog`` where its vectors are elsewhere.

    Raises:
        CorruptIndexError: a file of it is missing or cut short.
        IndexMismatchError: another embedder or version made it.
    """
    check_files(vectorstore, manifest, only=FILE_NAME if only_catalog else "")
    check_usable(manifest, vectorstore)


def open_generation(
    vectorstore: Path,
    embedder: QueryEmbedder,
    llm: Llm,
    *,
    reranker: PairScorer | None = None,
    server: ChromaServer | None = None,
) -> OpenGeneration:
    """Open the current generation, its vectors in the ``server`` if one is given; it stays on disk until it is closed.

    Raises:
        NoIndexError, IndexMismatchError, CorruptIndexError, ChromaServerError: the index cannot be used.
        PromptError: a prompt file is missing.
    """
    with ExitStack() as opened:
        manifest = opened.enter_context(reading(vectorstore))
        check_index(vectorstore, manifest, only_catalog=server is not None)
        folder = generation_folder(vectorstore, manifest.generation)
        if not server:
            check_graphs(folder, manifest)
        catalog = opened.enter_context(Catalog(folder / FILE_NAME))
        vectors = (
            ServedVectors(server, collection_of(manifest), manifest.passages)
            if server
            else opened.enter_context(VectorIndex(folder / FOLDER_NAME, is_partial=not manifest.is_complete))
        )
        if (catalog.figures, catalog.passages) != (manifest.figures, manifest.passages):
            raise CorruptIndexError(
                f"The catalog in {folder} has {catalog.figures:,} figures, and the manifest says {manifest.figures:,}:"
                " they are of different times. Copy them again, or run `pfocr-chat index` on your records."
            )
        status = _status(vectorstore, manifest, llm.name)
        retriever = Retriever(catalog, vectors, embedder, reranker=reranker)
        opened.callback(retriever.close)
        chain = Chain(
            catalog=catalog,
            retriever=retriever,
            llm=llm if llm.chat else None,
            small=llm.small,
            llm_name=llm.name,
            one_figure=load_prompt("one_figure", frozenset({"caption"})),
            all_evidence=load_prompt("all_evidence", frozenset({"question", "evidence"})),
            generation=manifest.generation,
            still_coming=status.still_coming,
        )
        return OpenGeneration(catalog, retriever, chain, status, opened.pop_all(), server)


def _status(vectorstore: Path, manifest: Manifest, llm: str) -> Status:
    return Status(
        vectorstore=str(vectorstore),
        generation=manifest.generation,
        built=manifest.built,
        figures=manifest.figures,
        passages=manifest.passages,
        embedder=manifest.embedder,
        dimension=manifest.dimension,
        passage_format=manifest.passage_format,
        llm=llm,
        corpus=manifest.corpus,
        pending=manifest.passages - manifest.vectors,
    )


@dataclass(slots=True)
class _Shared:
    """A generation, and how many questions are using it."""

    generation: OpenGeneration
    users: int = 0
    is_retired: bool = False


class Serving:
    """The current generation of an index, for any number of threads.

    A question looks for a newer one first, once a second at most. The one that finds it opens it; others go on
    with the old one meanwhile, which is closed when the last of them ends. One that cannot be opened is logged,
    the old one stays, and after ``TRY_AGAIN`` seconds it is tried again. With ``waits`` the others wait, too: a server
    may not have the vectors of the old one any more.
    """

    def __init__(self, vectorstore: Path, open_: Callable[[], OpenGeneration], *, waits: bool = False) -> None:
        self._vectorstore = vectorstore
        self._open = open_
        self._waits = waits
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._seen = seen(vectorstore)
        self._current = _Shared(open_())
        self._looked = time.monotonic()
        self._failed: float | None = None

    @contextmanager
    def using(self) -> Iterator[OpenGeneration]:
        """The newest generation, which stays open, and the same, while this lasts."""
        self._look()
        with self._lock:
            shared = self._current
            shared.users += 1
        try:
            yield shared.generation
        finally:
            with self._lock:
                shared.users -= 1
                is_over = shared.is_retired and not shared.users
            if is_over:
                shared.generation.close()

    def close(self) -> None:
        """Close the generation as soon as no question uses it."""
        self._retire(None)

    def _look(self) -> None:
        if self._has_just_looked() or not self._looking.acquire(blocking=self._waits):
            return
        try:
            if not self._has_just_looked():  # another, for whom this one has waited
                now = seen(self._vectorstore)
                is_due = self._failed is not None and time.monotonic() - self._failed > TRY_AGAIN
                if now and (now != self._seen or is_due):
                    self._seen = now
                    self._exchange()
                self._looked = time.monotonic()
        finally:
            self._looking.release()

    def _has_just_looked(self) -> bool:
        return time.monotonic() - self._looked < LOOK_EVERY

    def _exchange(self) -> None:
        old = self._current.generation.status
        try:
            manifest = read_manifest(self._vectorstore)
            self._failed = None
            if (manifest.generation, manifest.built) == (old.generation, old.built):
                return
            new = self._open()
        except (PfocrChatError, OSError) as exc:
            self._failed = time.monotonic()
            _log.warning("Going on with generation %s of the index: %s", old.generation, exc)
            return
        self._retire(_Shared(new))

    def _retire(self, new: _Shared | None) -> None:
        """Put a new generation in the place of the current one; with ``None``, or after that, there is none."""
        with self._lock:
            old, is_closed = self._current, self._current.is_retired
            old.is_retired = True
            if new and not is_closed:
                self._current = new
            is_idle = not old.users and not is_closed
        if is_idle:
            old.generation.close()
        if new and is_closed:
            new.generation.close()
