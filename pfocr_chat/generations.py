"""Generations of an index: immutable folders, of which the manifest names the current one.

``vectorstore/manifest.json`` is replaced in one step after a generation's folder stands complete, so a
reader sees the old one or the new one. One writer at a time holds ``vectorstore/lock``. A reader holds a
shared lock on its generation's file ``reading``, and a generation is removed only when nobody does.
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
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO

from pfocr_chat.errors import CorruptIndexError, IndexBusyError, NoIndexError, VectorstoreError

MANIFEST = "manifest.json"
BUILDING = ".building"
READING = "reading"
"""The file of a generation that its readers lock."""
FORMAT = 3
"""Version of the index's layout: the catalog's tables and the collection's metadata."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is: how it was made, what it holds, and the sizes of its files in bytes.

    ``vectors`` of its ``passages`` are embedded already; the others can be found by words and names only.
    """

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
    vectors: int

    @property
    def is_complete(self) -> bool:
        """Whether every passage has its vector."""
        return self.vectors == self.passages

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
    if isinstance(content, dict) and "passages" in content:
        # Generations of earlier versions had all their vectors from the start.
        content.setdefault("vectors", content["passages"])
    if not isinstance(content, dict) or set(content) != known or not isinstance(content["files"], dict):
        raise _damaged(path, "it is not a manifest of this version")
    numbers = (content["figures"], content["passages"], content["vectors"], *content["files"].values())
    if not all(isinstance(n, int) for n in numbers):
        raise _damaged(path, "its counts are not numbers")
    if not re.fullmatch(r"g\d{6}", str(content["generation"])):
        raise _damaged(path, "it names no generation")
    return Manifest(**content)


def check_files(vectorstore: Path, manifest: Manifest, *, only: str = "") -> None:
    """Compare the generation's files, or ``only`` one of them, with the sizes in its manifest.

    A file may have grown: Chroma adds a row to its database each time that it is opened.

    Raises:
        CorruptIndexError: a file is missing or shorter than it was.
    """
    folder = generation_folder(vectorstore, manifest.generation)
    for name, size in manifest.files.items():
        if only and name != only:
            continue
        try:
            found = (folder / name).stat().st_size
        except OSError as exc:
            raise _damaged(folder / name, "it is missing") from exc
        if found < size:
            raise _damaged(folder / name, f"it has {found:,} bytes and should have {size:,}")


def seen(vectorstore: Path) -> tuple[int, ...]:
    """What changes whenever a generation is published, and costs one look at the disk; empty without a manifest."""
    try:
        found = (vectorstore / MANIFEST).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def reading(vectorstore: Path) -> Iterator[Manifest]:
    """The manifest of the current generation, which is not removed while this lasts, whatever is published.

    Raises:
        NoIndexError: there is no index in the folder.
        CorruptIndexError: the manifest cannot be read.
    """
    while True:
        manifest = read_manifest(vectorstore)
        try:
            lock = (generation_folder(vectorstore, manifest.generation) / READING).open("rb")
        except OSError:
            if read_manifest(vectorstore) != manifest:
                continue
            # It has no such file: an earlier version made it, or it is damaged, which check_files tells.
            yield manifest
            return
        with lock:
            if not _is_kept(lock):
                continue
            yield manifest
            return


def _is_kept(lock: IO[bytes]) -> bool:
    """Lock a generation for reading, unless a writer has just decided to remove it."""
    with suppress(OSError):  # some network file systems have no locks; the generation before the last is kept anyway
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return os.fstat(lock.fileno()).st_nlink > 0


def publish(vectorstore: Path, manifest: Manifest, staged: Path) -> Manifest:
    """Make a staged folder the current generation under the next free name, and remove those that nobody needs.

    The generation that was current is kept, and so is one that a reader still has open.
    """
    root = vectorstore / "generations"
    kept = set()
    with suppress(VectorstoreError):
        kept.add(read_manifest(vectorstore).generation)
    complete = replace(manifest, generation=_next_name(root), files=_sizes(staged))
    (staged / READING).touch()
    staged.replace(root / complete.generation)
    temporary = vectorstore / f"{MANIFEST}.new"
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(complete), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(vectorstore / MANIFEST)
    kept.add(complete.generation)
    for old in root.iterdir():
        if re.fullmatch(r"g\d{6}", old.name) and old.name not in kept:
            _remove_unread(old)
    return complete


def _remove_unread(folder: Path) -> None:
    """Remove a generation, unless somebody reads it."""
    with suppress(FileNotFoundError), (folder / READING).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        # Who has opened the file but not locked it yet sees that it is gone.
        (folder / READING).unlink()
    shutil.rmtree(folder, ignore_errors=True)


def staging_folder(vectorstore: Path) -> Path:
    """An empty folder to build a generation in."""
    root = vectorstore / "generations"
    root.mkdir(parents=True, exist_ok=True)
    # Never a path of before: Chroma remembers, for the life of the process, a folder that it could not open.
    return Path(tempfile.mkdtemp(prefix=f"{_next_name(root)}.", suffix=BUILDING, dir=root))


def remove_leftovers(vectorstore: Path) -> None:
    """Remove what interrupted builds left behind."""
    for leftover in (vectorstore / "generations").glob(f"*{BUILDING}"):
        shutil.rmtree(leftover)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a store that is, or was, part of a generation; where the file system can, without copying its bytes."""
    # A reader that opens Chroma at this moment has a journal beside its database.
    ignored = shutil.ignore_patterns("*-journal", "*-wal", "*-shm")
    shutil.copytree(source, target, ignore=ignored, copy_function=copy_file, dirs_exist_ok=True)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file's content; XFS, Btrfs and the like let the copy share the bytes until one of the two changes."""
    with Path(source).open("rb") as old, Path(target).open("wb") as new:
        left = os.fstat(old.fileno()).st_size
        try:
            while left > 0 and (done := os.copy_file_range(old.fileno(), new.fileno(), left)):
                left -= done
        except OSError:
            old.seek(0)
            new.seek(0)
            shutil.copyfileobj(old, new, 1 << 20)


def share_file(source: Path, target: Path) -> None:
    """The same file under a second name, for one that nobody changes any more; a copy where there are no links."""
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target)


def _next_name(root: Path) -> str:
    numbers = [int(p.name[1:]) for p in root.iterdir() if re.fullmatch(r"g\d{6}", p.name)]
    return f"g{max(numbers, default=0) + 1:06d}"


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
