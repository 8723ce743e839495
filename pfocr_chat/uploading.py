"""Bringing the vectors of a generation to a Chroma server, for replicas elsewhere."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from pfocr_chat.catalog import FILE_NAME
from pfocr_chat.chromaserver import ChromaServer, Upload, collection_name, collection_of
from pfocr_chat.disk import hash_of, unreadable
from pfocr_chat.errors import CorruptIndexError, VectorstoreError
from pfocr_chat.exactvectors import FILE_NAME as VECTORS
from pfocr_chat.exactvectors import ExactVectors
from pfocr_chat.generations import read_manifest
from pfocr_chat.integrity import Served, compare_served
from pfocr_chat.minilm import fingerprint
from pfocr_chat.passagestore import PassageStore
from pfocr_chat.vectorindex import FOLDER_NAME


def owner_of(vectorstore: Path) -> str:
    """What tells the collections of this folder from those of others, its copies included."""
    place = vectorstore.resolve()
    return hashlib.sha256(f"{place}:{place.stat().st_ino}".encode()).hexdigest()[:32]


def upload_vectors(
    vectorstore: Path,
    generation: Path,
    server: ChromaServer,
    *,
    anew: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Make the server hold every vector of a complete generation, in the folder ``generation``; how many were sent.

    Broken off and run again, it sends what is missing, and ``anew`` also what is different there, all of which is
    read then; what is there of no passage is removed. The collection of the generation that is current in
    ``vectorstore`` is kept, and if it is this one, the collection before, for replicas that have not seen the new one
    yet; others that were made from ``vectorstore`` are removed.

    Raises:
        CorruptIndexError: the generation cannot be read.
        ChromaServerError: the server cannot be used.
    """
    catalog, vectors = generation / FILE_NAME, generation / FOLDER_NAME / VECTORS
    owner = owner_of(vectorstore)
    sent = 0
    try:
        with PassageStore(catalog) as store, closing(ExactVectors(vectors)) as exact:
            wanted = store.ids()
            name = collection_name(hash_of(catalog), fingerprint())
            upload = Upload(server, server.create(name, owner=owner, passages=len(wanted)))
            served = compare_served(server, name, exact) if anew else Served(upload.ids())
            upload.remove(sorted(served.there.difference(wanted)))
            missing = [i for i in wanted if i not in served.there or i in served.different]
            for start in range(0, len(missing), server.batch):
                part = missing[start : start + server.batch]
                found = exact.vectors(part)
                upload.add(store.read(part), np.stack([found[passage_id] for passage_id in part]))
                sent += len(part)
                if progress:
                    progress("uploading", sent, len(missing))
    except KeyError as exc:
        raise CorruptIndexError(
            f"{vectors} has no vector of {exc.args[0]}. Run `pfocr-chat index --anew` on your records."
        ) from exc
    except sqlite3.Error as exc:
        raise unreadable(vectors, exc) from exc
    server.drop_others(owner, kept={name, *_in_use(vectorstore)})
    return sent


def _in_use(vectorstore: Path) -> list[str]:
    """The collection of the generation that is current, from which replicas answer; it need not be there."""
    with suppress(VectorstoreError):
        return [collection_of(read_manifest(vectorstore))]
    return []
