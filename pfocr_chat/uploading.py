"""Bringing the vectors of the current generation to a Chroma server, for replicas elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pfocr_chat.catalog import FILE_NAME
from pfocr_chat.chromaserver import ChromaServer, Upload, collection_name
from pfocr_chat.errors import VectorstoreError
from pfocr_chat.generations import check_files, generation_folder, read_manifest, writing
from pfocr_chat.passagestore import PassageStore
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

UPLOADED = "uploaded.json"
"""The file beside the manifest that names the collections made from this folder."""


@dataclass(frozen=True, slots=True)
class _Collections:
    """Names of collections, oldest first; those that are only ``begun`` lack vectors."""

    complete: tuple[str, ...] = ()
    begun: tuple[str, ...] = ()


def upload_vectors(
    vectorstore: Path,
    server: ChromaServer,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Make the server hold every vector of the current generation; how many were sent.

    Broken off and run again, it sends what is missing. The collection before is kept, for replicas that have
    not seen the new one yet; others that were made from this folder are removed.

    Raises:
        NoIndexError, CorruptIndexError: the index cannot be read.
        IndexBusyError: another process is writing the index.
        ChromaServerError: the server cannot be used.
    """
    with ExitStack() as opened:
        opened.enter_context(writing(vectorstore))
        manifest = read_manifest(vectorstore)
        check_files(vectorstore, manifest)
        folder = generation_folder(vectorstore, manifest.generation)
        passages = opened.enter_context(PassageStore(folder / FILE_NAME))
        vectors = opened.enter_context(VectorIndex(folder / FOLDER_NAME))
        name = collection_name(manifest)
        made = _read(vectorstore)
        if name not in made.complete:
            _write(vectorstore, replace(made, begun=(*made.begun, name)))
        upload = Upload(server, manifest)
        there = upload.ids()
        missing = [passage_id for passage_id in passages.ids() if passage_id not in there]
        for start in range(0, len(missing), server.batch):
            part = missing[start : start + server.batch]
            upload.add(passages.read(part), vectors.read(part))
            if progress:
                progress("uploading", start + len(part), len(missing))
        _keep_last(vectorstore, server, name)
    return len(missing)


def _keep_last(vectorstore: Path, server: ChromaServer, name: str) -> None:
    """Keep a collection and the complete one before it, of those that were made from this folder."""
    made = _read(vectorstore)
    before = [other for other in made.complete if other != name]
    kept = (*before[-1:], name)
    there = set(server.names())
    for other in (*before, *made.begun):
        if other not in kept and other in there:
            server.drop(other)
    _write(vectorstore, _Collections(complete=kept))


def _read(vectorstore: Path) -> _Collections:
    path = vectorstore / UPLOADED
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _Collections(tuple(map(str, content["complete"])), tuple(map(str, content["begun"])))
    except FileNotFoundError:
        return _Collections()
    except (OSError, ValueError, TypeError, LookupError) as exc:
        raise VectorstoreError(f"{path} cannot be read. Remove it; old collections then stay in the server.") from exc


def _write(vectorstore: Path, made: _Collections) -> None:
    temporary = vectorstore / f"{UPLOADED}.new"
    temporary.write_text(json.dumps(asdict(made), indent=1), encoding="utf-8")
    temporary.replace(vectorstore / UPLOADED)
