"""What the builder of an index remembers from run to run, so that no file is read and no text embedded twice.

``vectorstore/build.sqlite`` belongs to no generation: only the one writer opens it, every entry can be made
again, and where it is damaged it starts anew. Vectors are kept by their text, so they outlive an interrupted
build, a new layout of the index, and passages that go and come back.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from pfocr_chat.disk import trouble
from pfocr_chat.errors import VectorstoreError

FILE_NAME = "build.sqlite"
SPARE = 2
"""Times as many vectors as there are passages are kept before those in no use are dropped."""
FEW = 10_000
"""Vectors that are not worth dropping."""

_STORED = np.dtype("<f2")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (source TEXT PRIMARY KEY, stamp BLOB NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vectors (key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS corpus (folder TEXT NOT NULL);
"""

Vectors = npt.NDArray[np.float32]


def stored_form(vectors: Vectors) -> Vectors:
    """The vectors as the cache gives them back: rounded to 16 bits, which leaves a cosine of 0.999999 and more."""
    return vectors.astype(_STORED).astype(np.float32)


class BuildCache:
    """The digests of files by their stamps, and vectors by their texts, for one embedder.

    Raises:
        VectorstoreError: it cannot be written.
    """

    def __init__(self, vectorstore: Path, fingerprint: str) -> None:
        self._path = vectorstore / FILE_NAME
        self._prefix = f"{fingerprint}\0"
        try:
            self._db = _opened(self._path)
        except (sqlite3.DatabaseError, OSError) as exc:
            self._db = self._anew(exc)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def digests(self, corpus: Path) -> dict[str, tuple[bytes, str]]:
        """For each file of a corpus that was read: its stamp then, and its digest."""
        with self._using() as db:
            if _folder(db) == _named(corpus):
                rows = db.execute("SELECT source, stamp, digest FROM files").fetchall()
                return {source: (stamp, digest) for source, stamp, digest in rows}
        return {}

    def put_digests(self, corpus: Path, changed: Mapping[str, tuple[bytes, str]], gone: Iterable[str]) -> None:
        """Remember stamps and digests; those of another corpus than the last one are all forgotten."""
        with self._using() as db:
            if _folder(db) != _named(corpus):
                db.execute("DELETE FROM files")
                db.execute("DELETE FROM corpus")
                db.execute("INSERT INTO corpus VALUES (?)", (_named(corpus),))
                # The folder is noted also where nothing can be said of its files yet: `last_corpus` tells it.
            db.executemany("DELETE FROM files WHERE source = ?", [(source,) for source in gone])
            rows = [(source, stamp, digest) for source, (stamp, digest) in changed.items()]
            db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)

    def vectors(self, texts: Sequence[str], dimension: int) -> dict[int, Vectors]:
        """For the places of those texts that were embedded before: their vectors."""
        found = {}
        with self._using() as db:
            for place, text in enumerate(texts):
                row = db.execute("SELECT vector FROM vectors WHERE key = ?", (self._key(text),)).fetchone()
                if row and (vector := _unsealed(row[0], dimension)) is not None:
                    found[place] = vector
        return found

    def put_vectors(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Make vectors last; ``vectors[i]`` is that of ``texts[i]``."""
        rows = [
            (self._key(text), _sealed(vector.tobytes()))
            for text, vector in zip(texts, vectors.astype(_STORED), strict=True)
        ]
        with self._using() as db:
            db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def drop_unused(self, texts: Iterable[str], count: int, *, few: int = FEW) -> None:
        """Forget the vectors of all but the ``count`` texts in use, once the others are the greater part."""
        with self._using() as db:
            (kept,) = db.execute("SELECT count(*) FROM vectors").fetchone()
            if kept <= SPARE * count + few:
                return
            db.execute("CREATE TEMP TABLE used (key BLOB PRIMARY KEY) WITHOUT ROWID")
            db.executemany("INSERT OR IGNORE INTO used VALUES (?)", ((self._key(text),) for text in texts))
            db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM used)")
            db.execute("DROP TABLE used")
        with self._using() as db:
            db.execute("VACUUM")

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._prefix}{text}".encode("utf-8", "surrogatepass")).digest()[:16]

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The database for one transaction; where it turns out to be damaged, it is empty from then on."""
        try:
            with self._db:
                yield self._db
        except sqlite3.DatabaseError as exc:
            self._db.close()
            self._db = self._anew(exc)

    def _anew(self, exc: Exception) -> sqlite3.Connection:
        """An empty database in the place of a damaged one; raises where it is the disk that does not let us."""
        try:
            if why := trouble(exc):
                raise VectorstoreError(f"The index file {self._path} cannot be written: {why}.") from exc
            return _made_anew(self._path)
        except (sqlite3.DatabaseError, OSError) as second:
            why = trouble(second) or str(second)
            raise VectorstoreError(f"The index file {self._path} cannot be written: {why}.") from second


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path)
    try:
        # A killed process loses nothing that was committed; a power cut at most the last moments.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(found)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def _made_anew(path: Path) -> sqlite3.Connection:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _opened(path)


def _sealed(vector: bytes) -> bytes:
    """With a check sum: a vector that was spoilt on the disk would go into every index to come."""
    return vector + zlib.crc32(vector).to_bytes(4, "little")


def _unsealed(sealed: object, dimension: int) -> Vectors | None:
    """The vector, unless it is spoilt or has another length."""
    if not isinstance(sealed, bytes) or len(sealed) != dimension * _STORED.itemsize + 4:
        return None
    vector = sealed[:-4]
    return np.frombuffer(vector, _STORED).astype(np.float32) if _sealed(vector) == sealed else None


def last_corpus(vectorstore: Path) -> Path | None:
    """The folder that the index was last made of; ``None`` where that is not known."""
    path = vectorstore / FILE_NAME
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(path)) as db:
            folder = _folder(db)
    except sqlite3.DatabaseError:
        return None
    return Path(folder) if folder else None


def _folder(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT folder FROM corpus").fetchone()
    return str(row[0]) if row else None


def _named(corpus: Path) -> str:
    return str(corpus.resolve())
