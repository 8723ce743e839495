"""The door to Chroma: passages' vectors with the metadata that filters need.

One Chroma folder per generation, cosine distance, no embedding function (vectors are always
passed in), telemetry off. A store that is being built is not read, and one that is read is not
changed: Chroma's readers do not follow writers. Beside Chroma's files lie the same vectors by
passage, for exact similarities of named ones.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self, TypeVar

import chromadb
import chromadb.errors
import numpy as np
import numpy.typing as npt
from chromadb.api.shared_system_client import SharedSystemClient
from chromadb.config import Settings

from pfocr_chat import exactvectors
from pfocr_chat.disk import copy_tree, open_database, reading_from, trouble
from pfocr_chat.errors import CorruptIndexError, VectorstoreError
from pfocr_chat.exactvectors import ExactVectors, Near
from pfocr_chat.records import FigureRecord, Passage, figid_of

FOLDER_NAME = "chroma"
DATABASE = "chroma.sqlite3"
COLLECTION = "passages"
_LARGE = re.compile(r"embedding_.*|embeddings|acquire_write")
PAGE = 2_000
"""Vectors that are read at a time."""
HNSW: Any = {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 800}
"""With 164,000 vectors in dense groups 0.995 of the nearest 50 are found; 0.977 with half of the neighbours and of the
construction, and 0.984 of them with four times the search (docs/log.md). A collection keeps what it was made with;
`index --anew` makes another one, though not in a Chroma server that has one for the same catalog."""

Vectors = npt.NDArray[np.float32]
T = TypeVar("T")

_opening = threading.Lock()
"""Clients of one folder share what Chroma keeps for it, which it neither makes nor lets go of one thread at a time; and
Python's SQLite does not know which locks Chroma's has."""


class VectorIndex:
    """The vectors of one generation; with ``create``, one that is being built.

    ``is_partial`` says that some passages of the generation have no vector yet.

    Raises:
        CorruptIndexError: Chroma cannot open or read the folder.
        VectorstoreError: it may not write there, which it does even for reading, or the disk is full.
    """

    def __init__(self, folder: Path, *, create: bool = False, is_partial: bool = False) -> None:
        self._folder = folder
        self._create = create
        self.is_partial = is_partial
        if not create and not (folder / DATABASE).is_file():
            raise self._failed("its database is missing")
        with _opening:
            if (folder / DATABASE).exists():
                _look_over(folder / DATABASE)
            self._client = self._open()
        try:
            if create and COLLECTION not in {c.name for c in self._client.list_collections()}:
                self._client.create_collection(COLLECTION, embedding_function=None, configuration={"hnsw": HNSW})
            self._collection: Any = self._client.get_collection(COLLECTION, embedding_function=None)
            self._batch = int(self._client.get_max_batch_size())
            self._exact = self._open_exact()
        except VectorstoreError:
            self._let_go()
            raise
        except (chromadb.errors.ChromaError, LookupError, TypeError, ValueError, OSError, sqlite3.DatabaseError) as exc:
            self._let_go()
            raise self._failed(exc) from exc

    def _open(self) -> Any:
        try:
            settings = Settings(anonymized_telemetry=False, allow_reset=False)
            return chromadb.PersistentClient(str(self._folder), settings=settings)
        except (chromadb.errors.ChromaError, ValueError, OSError) as exc:
            self._forget()
            raise self._failed(exc) from exc
        except AttributeError as exc:
            # Chroma stumbles over its memory of a folder that it could not open before in this process.
            raise self._failed("it could not be opened before") from exc
        except BaseException as exc:
            if not _is_panic(exc):
                raise
            self._forget()
            raise self._failed(str(exc)) from exc

    def _let_go(self) -> None:
        with _opening:
            self._client.close()

    def _forget(self) -> None:
        """Make Chroma forget a folder that it could not open: it would fail to for the life of the process."""
        getattr(SharedSystemClient, "_identifier_to_system", {}).pop(str(self._folder), None)

    def _open_exact(self) -> ExactVectors | None:
        """The vectors by passage; an index of an earlier version has none until it is built upon."""
        path = self._folder / exactvectors.FILE_NAME
        is_there = path.exists()
        if not (is_there or self._create):
            return None
        exact = ExactVectors(path, create=self._create)
        if not is_there:
            for start in range(0, self.count(), self._batch):
                found = self._guard("get", include=["embeddings"], limit=self._batch, offset=start)
                exact.add(found["ids"], np.asarray(found["embeddings"], dtype=np.float32))
        return exact

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the files; the object is of no use afterwards."""
        self._let_go()
        if self._exact:
            self._exactly(self._exact.close)
        if self._create:
            remove_scratch(self._folder)

    def count(self) -> int:
        """How many passages have a vector."""
        return int(self._guard("count"))

    def ids(self) -> frozenset[str]:
        """The ids of all passages that have a vector."""
        return frozenset(self._guard("get", include=[])["ids"])

    def pairs(self, passage_ids: Sequence[str]) -> Iterator[tuple[str, Vectors, Vectors | None]]:
        """For each of the passages that Chroma has: its id, Chroma's vector of it, and the one kept by passage."""
        for start in range(0, len(passage_ids), PAGE):
            part = list(passage_ids[start : start + PAGE])
            found = self._guard("get", ids=part, include=["embeddings"])
            exact = self._exactly(self._exact.vectors, part) if self._exact else {}
            for passage_id, vector in zip(found["ids"], found["embeddings"], strict=True):
                yield passage_id, np.asarray(vector, dtype=np.float32), exact.get(passage_id)

    @property
    def has_exact(self) -> bool:
        """Whether the vectors are kept by passage too."""
        return self._exact is not None

    def exact_ids(self) -> frozenset[str]:
        """The ids of all passages whose vector is kept by passage."""
        return self._exactly(self._exact.ids) if self._exact else frozenset()

    def add(self, passages: Sequence[Passage], records: Sequence[FigureRecord], vectors: Vectors) -> None:
        """Add passages that are not there yet; ``records[i]`` is the record of ``passages[i]``."""
        for start in range(0, len(passages), self._batch):
            part = slice(start, start + self._batch)
            self._guard(
                "add",
                ids=[p.passage_id for p in passages[part]],
                embeddings=vectors[part],
                metadatas=[metadata_of(r) for r in records[part]],
            )
        if self._exact:
            self._exactly(self._exact.add, [p.passage_id for p in passages], vectors)

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Remove passages; ids that are not there are passed over."""
        for start in range(0, len(passage_ids), self._batch):
            self._guard("delete", ids=list(passage_ids[start : start + self._batch]))
        if self._exact:
            self._exactly(self._exact.delete, passage_ids)

    def search(self, vector: Sequence[float], limit: int, passage_ids: Sequence[str] | None = None) -> list[Near]:
        """The nearest passages, of those named where any are: (passage id, figid, cosine similarity), nearest first."""
        if passage_ids is not None and self._exact:
            return self._search_named(self._exact, vector, passage_ids)[:limit]
        found = self._guard(
            "query",
            query_embeddings=[list(vector)],
            n_results=limit,
            include=["distances"],
            ids=list(passage_ids) if passage_ids is not None else None,
        )
        return nearest(found)

    def _search_named(self, exact: ExactVectors, vector: Sequence[float], passage_ids: Sequence[str]) -> list[Near]:
        found = self._exactly(exact.similarities, vector, passage_ids)
        if not self.is_partial and (lost := set(passage_ids) - found.keys()):
            raise self._failed(f"{min(lost)} has no vector")
        return ranked(found)

    def _guard(self, method: str, **arguments: Any) -> Any:
        try:
            return getattr(self._collection, method)(**arguments)
        except (chromadb.errors.ChromaError, OSError) as exc:
            raise self._failed(exc) from exc
        except BaseException as exc:
            if not _is_panic(exc):
                raise
            raise self._failed(str(exc)) from exc

    def _exactly(self, method: Callable[..., T], *arguments: Any) -> T:
        """What a method of the vectors by passage gives."""
        try:
            return method(*arguments)
        except (sqlite3.DatabaseError, ValueError) as exc:
            raise self._failed(exc) from exc

    def _failed(self, cause: Exception | str) -> VectorstoreError:
        """The error for vectors that are damaged, or that the disk does not let us read and write."""
        if isinstance(cause, Exception) and (why := trouble(cause)):
            return VectorstoreError(f"The vectors in {self._folder}, where Chroma has to write, cannot be used: {why}.")
        said = str(cause).splitlines() or ["unknown"]
        return CorruptIndexError(
            f"The vectors in {self._folder} cannot be read ({said[0][:200]})."
            " Run `pfocr-chat index` on your records again."
        )


def _is_panic(exc: BaseException) -> bool:
    """Whether Chroma's Rust code gave up; the error derives from ``BaseException``, and no module has its name."""
    return type(exc).__name__ == "PanicException"


def _look_over(database: Path) -> None:
    """Read the small tables of Chroma's database, over whose damage it gives up with pages on standard error.

    Raises:
        CorruptIndexError: the database is damaged.
        VectorstoreError: it may not be read.
    """
    with reading_from(database), closing(open_database(database)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if not _LARGE.fullmatch(table):
                for _ in db.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - Chroma's own names  # nosec B608
                    pass


def copy_vectors(source: Path, target: Path) -> None:
    """Copy the vectors of a generation, which readers may have open.

    Raises:
        CorruptIndexError: they are damaged.
        VectorstoreError, OSError: the copy cannot be made.
    """
    copy_tree(source, target)
    remove_scratch(target)


def remove_scratch(folder: Path) -> None:
    """Remove the graphs that Chroma has not made lasting (of fewer than 1,000 vectors).

    They hold nothing that its database does not, and every reader writes them anew, during which
    another process would take them for damaged.
    """
    for segment in folder.iterdir():
        if segment.is_dir() and not (segment / "index_metadata.pickle").exists():
            shutil.rmtree(segment)


def nearest(found: Mapping[str, Any]) -> list[Near]:
    """What a collection gave for one vector, nearest first."""
    rows = zip(found["ids"][0], found["distances"][0], strict=True)
    return [(passage_id, figid_of(passage_id), 1.0 - float(distance)) for passage_id, distance in rows]


def ranked(similarities: Mapping[str, float]) -> list[Near]:
    """Passages with their similarities, nearest first."""
    rows = sorted(similarities.items(), key=lambda item: (-item[1], item[0]))
    return [(passage_id, figid_of(passage_id), similarity) for passage_id, similarity in rows]


def metadata_of(record: FigureRecord) -> dict[str, Any]:
    """Scalars and lists that Chroma can filter by; what is unknown is left out."""
    fields: dict[str, Any] = {
        "figid": record.figid,
        "pmcid": record.pmcid,
        "year": record.year,
        "journal": record.journal,
        "figtype": record.figtype,
        "organisms": list(record.organisms),
    }
    return {key: value for key, value in fields.items() if value not in (None, [])}
