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
from pfocr_chat.chromaserver import ChromaServer, ServedVectors
from pfocr_chat.errors import IndexMismatchError, PfocrChatError
from pfocr_chat.generations import (
    FORMAT,
    Manifest,
    check_files,
    check_graphs,
    generation_folder,
    read_manifest,
    reading,
    seen,
)
from pfocr_chat.llm import Llm
from pfocr_chat.minilm import NAME, fingerprint
from pfocr_chat.passages import PASSAGE_FORMAT
from pfocr_chat.prompting import load_prompt
from pfocr_chat.retriever import PairScorer, QueryEmbedder, Retriever
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

LOOK_EVERY = 1.0
"""Seconds between looks for a newer generation."""
TRY_EVERY = 20.0
"""Seconds between trials of one that cannot be opened (yet: its vectors may be on their way to a server)."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenGeneration:
    """One generation of an index with the parts that answer over it; to be closed."""

    catalog: Catalog
    retriever: Retriever
    chain: Chain
    status: Status
    opened: ExitStack

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
    if not manifest.is_built_like(embedder_fingerprint=fingerprint(), passage_format=PASSAGE_FORMAT):
        raise IndexMismatchError(
            f"The index in {vectorstore} was built with the embedder {manifest.embedder}, passage format"
            f" {manifest.passage_format} and layout {manifest.format}, not {NAME}, {PASSAGE_FORMAT} and"
            f" {FORMAT}. Run `pfocr-chat index` on your records again."
        )


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
        if server is None:
            check_graphs(folder, manifest)
        catalog = opened.enter_context(Catalog(folder / FILE_NAME))
        vectors = (
            ServedVectors(server, manifest)
            if server
            else opened.enter_context(VectorIndex(folder / FOLDER_NAME, is_partial=not manifest.is_complete))
        )
        status = _status(vectorstore, manifest, llm.name)
        retriever = Retriever(catalog, vectors, embedder, reranker=reranker)
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
        return OpenGeneration(catalog, retriever, chain, status, opened.pop_all())


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
    with the old one meanwhile, which is closed when the last of them ends. One that cannot be opened is logged
    and tried again later, and the old one stays.
    """

    def __init__(self, vectorstore: Path, open_: Callable[[], OpenGeneration]) -> None:
        self._vectorstore = vectorstore
        self._open = open_
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        self._seen = seen(vectorstore)
        self._current = _Shared(open_())
        self._looked = time.monotonic()

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
        if time.monotonic() - self._looked < LOOK_EVERY or not self._looking.acquire(blocking=False):
            return
        try:
            self._looked = time.monotonic()
            now = seen(self._vectorstore)
            if now and now != self._seen:
                if self._exchange():
                    self._seen = now
                else:
                    self._looked += TRY_EVERY
        finally:
            self._looking.release()

    def _exchange(self) -> bool:
        """Whether the newest generation answers now."""
        old = self._current.generation.status
        try:
            manifest = read_manifest(self._vectorstore)
            if (manifest.generation, manifest.built) == (old.generation, old.built):
                return True
            new = self._open()
        except (PfocrChatError, OSError) as exc:
            _log.warning("Going on with generation %s of the index: %s", old.generation, exc)
            return False
        self._retire(_Shared(new))
        return True

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
