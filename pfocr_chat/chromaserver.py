"""The door to a Chroma server: the vectors of a generation, for replicas that share one.

A server is one started by ``chroma run``, a distributed deployment, or Chroma Cloud. Each catalog has a collection of
its own there, which is not changed once it is complete, unless something in it turns out to be wrong; its name follows
from the manifest, so that a replica that has the manifest and the catalog finds its vectors.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import numpy as np
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings, System
from chromadb.errors import NotFoundError

from pfocr_chat.catalog import FILE_NAME
from pfocr_chat.config import checked_url
from pfocr_chat.errors import ChromaServerError, ConfigError, IndexMismatchError, VectorstoreError
from pfocr_chat.exactvectors import Near
from pfocr_chat.generations import Manifest
from pfocr_chat.records import FigureRecord, Passage
from pfocr_chat.vectorindex import HNSW, Vectors, metadata_of, nearest, ranked

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
"""Seconds; Chroma's client has none of its own."""
MOST = 300
"""Records written, read or found in one call: what Chroma Cloud allows."""
PAGE = 100
"""Collections listed in one call."""
LOOK_EVERY = 2.0
"""Seconds between looks whether the server is there."""
AWAY = "The vectors of the index cannot be reached just now. Please ask again in a while."
SEND = " Run `pfocr-chat index` with --chroma-url, or wait until it is done."

_OWNER = "index"
_PASSAGES = "passages"
_MADE = "made"
_log = logging.getLogger(__name__)
T = TypeVar("T")


def collection_name(catalog_hash: str, fingerprint: str) -> str:
    """The collection for the catalog with the hash ``catalog_hash`` and vectors of the embedder ``fingerprint``."""
    return f"pfocr-{hashlib.sha256(f'{catalog_hash} {fingerprint}'.encode()).hexdigest()[:32]}"


def collection_of(manifest: Manifest) -> str:
    """The collection for a generation.

    Raises:
        IndexMismatchError: an earlier version made it, and did not note its catalog's hash.
    """
    if catalog := manifest.hashes.get(FILE_NAME):
        return collection_name(catalog, manifest.embedder_fingerprint)
    raise IndexMismatchError("An earlier version made this index. Run `pfocr-chat index --anew --chroma-url URL`.")


class ChromaServer:
    """A Chroma server at ``url``; may be shared by threads.

    As with Chroma's own client, ``CHROMA_API_KEY``, ``CHROMA_TENANT`` and ``CHROMA_DATABASE`` of ``environ`` say as
    whom, and where; the key is sent as ``x-chroma-token``. Collections are used without Chroma's ``Client``: it asks
    three times before any time limit can be set, and leaves connections open.

    Raises:
        ConfigError: the address or the key is none.
        ChromaServerError: nothing answers there, or not as Chroma does.
    """

    def __init__(self, url: str, *, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.url = checked_url(url)
        self._key = _checked_key(environ.get("CHROMA_API_KEY", ""))
        self._place = {
            "tenant": environ.get("CHROMA_TENANT") or DEFAULT_TENANT,
            "database": environ.get("CHROMA_DATABASE") or DEFAULT_DATABASE,
        }
        settings = Settings(
            anonymized_telemetry=False,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=self.url,
            chroma_server_http_port=urlsplit(self.url).port or 8000,
            chroma_server_headers={"x-chroma-token": self._key} if self._key else {},
        )
        self._looking = threading.Lock()
        self._looked, self._was_up = -LOOK_EVERY, True
        self._api: Any = FastAPI(System(settings))
        self._api._session.timeout = TIMEOUT
        try:
            self.guard(self._api.get_user_identity)
            self.batch = min(MOST, int(self.guard(self._api.get_max_batch_size)))
        except ChromaServerError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api._session.close()

    @property
    def is_up(self) -> bool:
        """Whether it answers now, within two seconds, or did so in the last two; one at a time asks it."""
        if time.monotonic() - self._looked > LOOK_EVERY and self._looking.acquire(blocking=False):
            try:
                self._was_up = httpx.get(f"{self.url}/api/v2/heartbeat", timeout=2.0).is_success
            except httpx.HTTPError:
                self._was_up = False
            finally:
                self._looked = time.monotonic()
                self._looking.release()
        return self._was_up

    def open(self, name: str) -> Collection:
        """A collection that is there.

        Raises:
            ChromaServerError: it is not, or the server fails.
        """
        try:
            return self._collection(self.guard(self._api.get_collection, name, **self._place))
        except ChromaServerError as exc:
            if not isinstance(exc.__cause__, NotFoundError):
                raise
            where = " of ".join(f"{kind} {place}" for kind, place in reversed(self._place.items()))
            raise ChromaServerError(
                f"The Chroma server at {self.url} has no vectors of this index: no collection {name} in {where}.{SEND}"
            ) from exc

    def create(self, name: str, *, owner: str, passages: int) -> Collection:
        """A collection, made if it is not there, to be complete with so many ``passages``."""
        made = self.guard(
            self._api.create_collection,
            name,
            configuration={"hnsw": HNSW, "embedding_function": None},
            metadata={_OWNER: owner, _PASSAGES: passages, _MADE: time.time()},
            get_or_create=True,
            **self._place,
        )
        return self._collection(made)

    def vectors(self, name: str) -> Iterator[tuple[list[str], Vectors]]:
        """All passages of a collection with their vectors, ``MOST`` at a time."""
        for found in self.pages(self.open(name), "embeddings"):
            yield found["ids"], np.asarray(found["embeddings"], dtype=np.float32)

    def pages(self, collection: Collection, *include: str) -> Iterator[Mapping[str, Any]]:
        """All records of a collection, ``MOST`` at a time, as Chroma gives them."""
        read = 0
        while (found := self.guard(collection.get, include=list(include), limit=MOST, offset=read))["ids"]:
            yield found
            read += len(found["ids"])

    def nearest(self, name: str, vector: Vectors, limit: int) -> list[Near]:
        """The nearest passages in a collection."""
        asked = {"query_embeddings": [vector.tolist()], "n_results": limit, "include": ["distances"]}
        return nearest(self.guard(self.open(name).query, **asked))

    def drop_others(self, owner: str, kept: Set[str]) -> None:
        """Remove the collections of an owner but those of ``kept``, and beside a single one the newest complete one."""
        own = [c for c in self._collections() if (c.metadata or {}).get(_OWNER) == owner and c.name not in kept]
        own.sort(key=lambda collection: collection.metadata[_MADE])
        complete = [c for c in own if self.guard(c.count) == c.metadata[_PASSAGES]]
        for collection in own:
            if len(kept) > 1 or collection not in complete[-1:]:
                self.guard(self._api.delete_collection, collection.name, **self._place)

    def _collections(self) -> list[Collection]:
        """All that are there."""
        found: list[Collection] = []
        while page := self.guard(self._api.list_collections, PAGE, len(found), **self._place):
            found += map(self._collection, page)
        return found

    def _collection(self, model: Any) -> Collection:
        return Collection(client=self._api, model=model, embedding_function=None)

    def guard(self, call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """What the call returns; whatever goes wrong as a ``ChromaServerError``."""
        try:
            return call(*arguments, **named)
        except Exception as exc:  # Chroma's client raises just that for what a server or a proxy says
            said = " ".join(str(exc).split()) or type(exc).__name__
            said = (said.replace(self._key, "***") if self._key else said)[:200]
            raise ChromaServerError(f"The Chroma server at {self.url} cannot be used ({said}).") from exc


def _checked_key(key: str) -> str:
    """A key as a header can hold it, without the end of the line that it may have in a file."""
    key = key.strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise ConfigError("CHROMA_API_KEY is no key: it has spaces in it, or characters that no key has.")
    return key


class ServedVectors:
    """The vectors of one generation in a Chroma server; may be shared by threads.

    Raises:
        ChromaServerError: the server does not answer, or has not got all of the generation's vectors.
    """

    is_partial = False

    def __init__(self, server: ChromaServer, name: str, passages: int) -> None:
        self._server = server
        self._name = name
        self._collection = server.open(name)
        self._opening = threading.Lock()
        if (found := server.guard(self._collection.count)) != passages:
            raise ChromaServerError(
                f"The Chroma server at {server.url} has {found:,} vectors where this index has {passages:,}.{SEND}"
            )

    def search(self, vector: Sequence[float], limit: int, passage_ids: Sequence[str] | None = None) -> list[Near]:
        """The nearest passages, of those named where any are: (passage id, figid, cosine similarity), nearest first.

        Of all passages at most ``MOST``.

        Raises:
            VectorstoreError: the server fails; its log and ours have the details.
        """
        if passage_ids is not None:
            return self._search_named(vector, passage_ids)[:limit]
        found = self._ask("query", query_embeddings=[list(vector)], n_results=min(limit, MOST), include=["distances"])
        return nearest(found)

    def _search_named(self, vector: Sequence[float], passage_ids: Sequence[str]) -> list[Near]:
        """Of all these, where the graph would pass over some."""
        similarities: dict[str, float] = {}
        for start in range(0, len(passage_ids), MOST):
            found = self._ask("get", ids=list(passage_ids[start : start + MOST]), include=["embeddings"])
            if found["ids"]:
                near = np.asarray(found["embeddings"], dtype=np.float32) @ np.asarray(vector, dtype=np.float32)
                similarities |= zip(found["ids"], map(float, near), strict=True)
        return ranked(similarities)

    def _ask(self, method: str, **arguments: Any) -> Any:
        """A call of the collection; where a server was filled anew, of the new one of the same name."""
        try:
            try:
                return self._server.guard(getattr(self._collection, method), **arguments)
            except ChromaServerError as exc:
                if not isinstance(exc.__cause__, NotFoundError):
                    raise
                with self._opening:
                    self._collection = self._server.open(self._name)
                return self._server.guard(getattr(self._collection, method), **arguments)
        except ChromaServerError as exc:
            _log.warning("%s", exc)
            raise VectorstoreError(AWAY) from exc


class Upload:
    """Vectors on their way into a collection; one that was broken off is gone on with."""

    def __init__(self, server: ChromaServer, collection: Collection) -> None:
        self._server = server
        self._collection = collection

    def ids(self) -> set[str]:
        """The passages that are there."""
        return {passage_id for found in self._server.pages(self._collection) for passage_id in found["ids"]}

    def add(self, passages: Sequence[tuple[Passage, FigureRecord]], vectors: Vectors) -> None:
        """Add or replace passages, at most ``server.batch``; ``vectors[i]`` is that of ``passages[i]``."""
        self._server.guard(
            self._collection.upsert,
            ids=[passage.passage_id for passage, _ in passages],
            embeddings=vectors,
            metadatas=[metadata_of(record) for _, record in passages],
        )

    def remove(self, passage_ids: Sequence[str]) -> None:
        """Remove passages."""
        for start in range(0, len(passage_ids), MOST):
            self._server.guard(self._collection.delete, ids=list(passage_ids[start : start + MOST]))
