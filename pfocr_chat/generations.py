"""Generations of an index: complete, immutable folders, of which the manifest names the current one.

``vectorstore/manifest.json`` is replaced in one step after a generation stands complete, so a
reader sees the old one or the new one. One writer at a time holds ``vectorstore/lock``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pfocr_chat.errors import CorruptIndexError, IndexBusyError, NoIndexError, VectorstoreError

MANIFEST = "manifest.json"
BUILDING = ".building"
FORMAT = 3
"""Version of the index's layout: the catalog's tables and the collection's metadata."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is: how it was made, what it holds, and the sizes of its files in bytes."""

    generation: str
    format: int
    passage_format: int
    embedder: str
    embedder_fingerprint: str
    dimension: int
    figures: int
    passages: int
    built: str
    corpus: str
    files: dict[str, int]

    def is_built_like(self, *, embedder_fingerprint: str, passage_format: int) -> bool:
        """Whether its vectors and tables can be used with this embedder and code."""
        return (self.format, self.embedder_fingerprint, self.passage_format) == (
            FORMAT,
            embedder_fingerprint,
            passage_format,
        )


def generation_folder(vectorstore: Path, generation: str) -> Path:
    """Where a generation lies."""
    return vectorstore / "generations" / generation


def read_manifest(vectorstore: Path) -> Manifest:
    """The manifest of the current generation.

    Raises:
        NoIndexError: there is no index in the folder.
        CorruptIndexError: the manifest cannot be read.
    """
    path = vectorstore / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise NoIndexError(
            f"No index in {vectorstore}/. Run `pfocr-chat index DIR` with a folder of figure records first."
        ) from exc
    except (OSError, ValueError) as exc:
        raise _damaged(path, "it cannot be read") from exc
    known = {f.name for f in fields(Manifest)}
    if not isinstance(content, dict) or set(content) != known or not isinstance(content["files"], dict):
        raise _damaged(path, "it is not a manifest of this version")
    if not all(isinstance(n, int) for n in (content["figures"], content["passages"], *content["files"].values())):
        raise _damaged(path, "its counts are not numbers")
    if not re.fullmatch(r"g\d{6}", str(content["generation"])):
        raise _damaged(path, "it names no generation")
    return Manifest(**content)


def check_files(vectorstore: Path, manifest: Manifest) -> None:
    """Compare the generation's files with the sizes in its manifest.

    A file may have grown: Chroma adds a row to its database each time that it is opened.

    Raises:
        CorruptIndexError: a file is missing or shorter than it was.
    """
    folder = generation_folder(vectorstore, manifest.generation)
    for name, size in manifest.files.items():
        try:
            found = (folder / name).stat().st_size
        except OSError as exc:
            raise _damaged(folder / name, "it is missing") from exc
        if found < size:
            raise _damaged(folder / name, f"it has {found:,} bytes and should have {size:,}")


def publish(vectorstore: Path, manifest: Manifest, staged: Path) -> Manifest:
    """Make a staged folder the current generation and remove those that are no longer needed.

    The generation that was current is kept, since running readers still have it open.
    """
    kept = {manifest.generation}
    with suppress(VectorstoreError):
        kept.add(read_manifest(vectorstore).generation)
    complete = Manifest(**(asdict(manifest) | {"files": _sizes(staged)}))
    folder = generation_folder(vectorstore, manifest.generation)
    staged.replace(folder)
    temporary = vectorstore / f"{MANIFEST}.new"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(complete), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(vectorstore / MANIFEST)
    for old in folder.parent.iterdir():
        if re.fullmatch(r"g\d{6}", old.name) and old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)
    return complete


def staging_folder(vectorstore: Path, previous: Manifest | None) -> tuple[str, Path]:
    """The next generation's name and a folder to build it in: a copy of ``previous``, or empty.

    What an interrupted build left behind is removed.
    """
    root = vectorstore / "generations"
    root.mkdir(parents=True, exist_ok=True)
    for leftover in root.glob(f"*{BUILDING}"):
        shutil.rmtree(leftover)
    numbers = [int(p.name[1:]) for p in root.iterdir() if re.fullmatch(r"g\d{6}", p.name)]
    name = f"g{max(numbers, default=0) + 1:06d}"
    # Never a path of before: Chroma remembers, for the life of the process, a folder that it could not open.
    staged = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=BUILDING, dir=root))
    if previous:
        # A reader that opens Chroma at this moment has a journal beside its database.
        current = generation_folder(vectorstore, previous.generation)
        ignored = shutil.ignore_patterns("*-journal", "*-wal", "*-shm")
        shutil.copytree(current, staged, ignore=ignored, dirs_exist_ok=True)
    return name, staged


@contextmanager
def writing(vectorstore: Path) -> Iterator[None]:
    """Be the one writer of an index folder, which is made where it is missing.

    Raises:
        IndexBusyError: another process is writing it.
        VectorstoreError: the folder cannot be written.
    """
    try:
        vectorstore.mkdir(parents=True, exist_ok=True)
        lock = (vectorstore / "lock").open("w", encoding="utf-8")
    except OSError as exc:
        raise VectorstoreError(f"The index folder {vectorstore} cannot be written: {exc.strerror}.") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            raise IndexBusyError(f"Another process is indexing into {vectorstore}. Try again when it is done.") from exc
        yield


def _sizes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}


def _damaged(path: Path, reason: str) -> CorruptIndexError:
    return CorruptIndexError(f"The index is damaged at {path}: {reason}. Run `pfocr-chat index` on your records again.")
