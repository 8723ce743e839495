"""The vectors of an index by their passages' ids, for exact similarities of a few thousand at most.

Chroma finds the nearest of all fast, and takes 0.3 s for those of named passages among 164,000. Here that
takes a look-up each. One SQLite file in the folder of the vectors; 16 bits a number.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE_NAME = "vectors.sqlite"

_STORED = np.dtype("<f2")
_FIND = "SELECT passage_id, vector FROM vectors WHERE passage_id IN (SELECT value FROM json_each(?))"

Vectors = npt.NDArray[np.float32]
Near = tuple[str, str, float]
"""A passage near to what was searched for: its id, the figid of its figure, and the cosine similarity."""


class ExactVectors:
    """Vectors by passage; may be shared by threads.

    Raises:
        sqlite3.DatabaseError: the file is damaged, now or when it is read.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        mode = "rwc" if create else "ro&immutable=1"
        self._lock = threading.Lock()
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, check_same_thread=False)
        if create:
            self._db.execute("PRAGMA synchronous = OFF")  # the file is not read before it is complete
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS vectors (passage_id TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
            )

    def close(self) -> None:
        """Close the file, with what was changed in it."""
        try:
            self._db.commit()
        finally:
            self._db.close()

    def add(self, passage_ids: Sequence[str], vectors: Vectors) -> None:
        """Add vectors; ``vectors[i]`` is that of ``passage_ids[i]``."""
        rows = zip(passage_ids, (vector.tobytes() for vector in vectors.astype(_STORED)), strict=True)
        self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    def delete(self, passage_ids: Sequence[str]) -> None:
        """Remove vectors; ids that are not there are passed over."""
        self._db.executemany("DELETE FROM vectors WHERE passage_id = ?", [(i,) for i in passage_ids])

    def ids(self) -> frozenset[str]:
        """All passages that have a vector."""
        with self._lock:
            return frozenset(row[0] for row in self._db.execute("SELECT passage_id FROM vectors"))

    def vectors(self, passage_ids: Sequence[str]) -> dict[str, Vectors]:
        """The vector of each passage that has one."""
        with self._lock:
            rows = self._db.execute(_FIND, (json.dumps(list(passage_ids)),)).fetchall()
        return {row[0]: np.frombuffer(row[1], _STORED).astype(np.float32) for row in rows}

    def similarities(self, vector: Sequence[float], passage_ids: Sequence[str]) -> dict[str, float]:
        """The dot product with the vector of each passage that has one.

        Raises:
            ValueError: ``vector`` has another length.
        """
        with self._lock:
            rows = self._db.execute(_FIND, (json.dumps(list(passage_ids)),)).fetchall()
        if not rows:
            return {}
        found = np.frombuffer(b"".join(row[1] for row in rows), _STORED).reshape(len(rows), -1).astype(np.float32)
        products = found @ np.asarray(vector, dtype=np.float32)
        return {row[0]: float(product) for row, product in zip(rows, products, strict=True)}
