"""The door to a Chroma server: the vectors of a generation, for replicas that share one.

A server is one started by ``chroma run``, a distributed deployment, or Chroma Cloud. Each generation has a
collection of its own there, which is never changed once it is complete; its name follows from the manifest,
so that a replica that has the manifest and the catalog finds its vectors.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings

from pfocr_chat.errors import ChromaServerError, ConfigError
from pfocr_chat.generations import Manifest
from pfocr_chat.records import FigureRecord, Passage, figid_of
from pfocr_chat.vectorindex import HNSW, Vectors, metadata_of

PREFIX = "pfocr-"
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
"""Seconds."""
BATCH = 1_000
"""Passages sent at a time: 2 MB."""
PAGE = 10_000
"""Ids read at a time."""


def collection_name(manifest: Manifest) -> str:
    """The collection of a generation: its name, and a digest that tells it from other indexes of the same server."""
    described = json.dumps(asdict(manifest), sort_keys=True).encode()
    return f"{PREFIX}{manifest.generation}-{hashlib.sha256(described).hexdigest()[:16]}"


class ChromaServer:
    """A Chroma server at ``url``, such as ``http://localhost:8000``.

    As with Chroma's own client, ``CHROMA_API_KEY``, ``CHROMA_TENANT`` and ``CHROMA_DATABASE`` of ``environ`` say as
    whom, and where; the key is sent as ``x-chroma-token``.

    Raises:
        ConfigError: the address is none.
        ChromaServerError: nothing answers there, or not as Chroma does.
    """

    def __init__(self, url: str, *, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self.url = _checked(url)
        self._key = environ.get("CHROMA_API_KEY") or ""
        headers = {"x-chroma-token": self._key} if self._key else {}
        self.guard(_ask_who, self.url, headers)  # Chroma's client would wait for ever, and leave its connection open
        settings = Settings(
            anonymized_telemetry=False,
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=self.url,
            chroma_server_http_port=urlsplit(self.url).port or 8000,
            chroma_server_headers=headers,
        )
        self._client: Any = self.guard(
            chromadb.Client,
            settings,
            tenant=environ.get("CHROMA_TENANT") or DEFAULT_TENANT,
            database=environ.get("CHROMA_DATABASE") or DEFAULT_DATABASE,
        )
        # The client has no parameter for the time, and closes neither its connections nor those of its second client.
        self._sessions: list[httpx.Client] = [c._server._session for c in (self._client, self._client._admin_client)]
        for session in self._sessions:
            session.timeout = TIMEOUT
        self.batch = min(BATCH, int(self.guard(self._client.get_max_batch_size)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        for session in self._sessions:
            session.close()

    def names(self) -> list[str]:
        """The collections that are there."""
        return [collection.name for collection in self.guard(self._client.list_collections)]

    def open(self, name: str) -> Any:
        """A collection that is there."""
        return self.guard(self._client.get_collection, name, embedding_function=None)

    def create(self, name: str) -> Any:
        """A collection, made if it is not there."""
        return self.guard(
            self._client.get_or_create_collection, name, embedding_function=None, configuration={"hnsw": HNSW}
        )

    def drop(self, name: str) -> None:
        """Remove a collection."""
        self.guard(self._client.delete_collection, name)

    def guard(self, call: Any, *arguments: Any, **named: Any) -> Any:
        """What the call returns; whatever goes wrong as a ``ChromaServerError``."""
        try:
            return call(*arguments, **named)
        except Exception as exc:  # Chroma's client raises just that for what a server or a proxy says
            said = " ".join(str(exc).split()) or type(exc).__name__
            said = (said.replace(self._key, "***") if self._key else said)[:200]
            raise ChromaServerError(f"The Chroma server at {self.url} cannot be used ({said}).") from exc


def _checked(url: str) -> str:
    """An address of http or https without a password, which would get into logs."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment:
        raise ConfigError("The address of a Chroma server looks like http://localhost:8000.")
    if "@" in parts.netloc:
        raise ConfigError(
            "A key for a Chroma server is given as CHROMA_API_KEY in the environment, not in its address."
        )
    return url.rstrip("/")


def _ask_who(url: str, headers: dict[str, str]) -> None:
    """Make sure that a Chroma server answers, and takes the key."""
    httpx.get(f"{url}/api/v2/auth/identity", headers=headers, timeout=TIMEOUT).raise_for_status()


class ServedVectors:
    """The vectors of one generation in a Chroma server; may be shared by threads.

    Raises:
        ChromaServerError: the server does not answer, or has not got all of the generation's vectors.
    """

    is_partial = False

    def __init__(self, server: ChromaServer, manifest: Manifest) -> None:
        self._server = server
        name = collection_name(manifest)
        found = server.guard(server.open(name).count) if name in server.names() else 0
        if found != manifest.passages:
            raise ChromaServerError(
                f"The Chroma server at {server.url} has {found:,} of the {manifest.passages:,} vectors of generation"
                f" {manifest.generation}. Run `pfocr-chat index` with --chroma-url, or wait until it is done."
            )
        self._collection = server.open(name)

    def search(
        self, vector: Sequence[float], limit: int, passage_ids: Sequence[str] | None = None
    ) -> list[tuple[str, str, float]]:
        """The nearest passages, of those named where any are: (passage id, figid, cosine similarity), nearest first."""
        if passage_ids is not None:
            return self._search_named(vector, passage_ids)[:limit]
        found = self._server.guard(
            self._collection.query, query_embeddings=[list(vector)], n_results=limit, include=["distances"]
        )
        rows = zip(found["ids"][0], found["distances"][0], strict=True)
        return [(passage_id, figid_of(passage_id), 1.0 - float(distance)) for passage_id, distance in rows]

    def _search_named(self, vector: Sequence[float], passage_ids: Sequence[str]) -> list[tuple[str, str, float]]:
        """Of all these, where the graph would pass over some."""
        found = self._server.guard(self._collection.get, ids=list(passage_ids), include=["embeddings"])
        if not found["ids"]:
            return []
        similarities = np.asarray(found["embeddings"], dtype=np.float32) @ np.asarray(vector, dtype=np.float32)
        rows = [(i, figid_of(i), float(s)) for i, s in zip(found["ids"], similarities, strict=True)]
        return sorted(rows, key=lambda row: (-row[2], row[0]))


class Upload:
    """A generation's vectors on their way to a server; one that was broken off is gone on with."""

    def __init__(self, server: ChromaServer, manifest: Manifest) -> None:
        self._server = server
        self._collection = server.create(collection_name(manifest))

    def ids(self) -> set[str]:
        """The passages that are there."""
        there: set[str] = set()
        while found := self._server.guard(self._collection.get, include=[], limit=PAGE, offset=len(there))["ids"]:
            there.update(found)
        return there

    def add(self, passages: Sequence[tuple[Passage, FigureRecord]], vectors: Vectors) -> None:
        """Add passages, at most ``server.batch``; ``vectors[i]`` is that of ``passages[i]``."""
        self._server.guard(
            self._collection.add,
            ids=[passage.passage_id for passage, _ in passages],
            embeddings=vectors,
            metadatas=[metadata_of(record) for _, record in passages],
        )
