"""Generations of an index: immutable folders, of which the manifest names the current one.

``vectorstore/manifest.json`` is replaced in one step after a generation's folder stands complete, so a
reader sees the old one or the new one. One writer at a time holds ``vectorstore/lock``. A reader holds a
shared lock on its generation's file ``reading``, and a generation is removed only when nobody does.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pfocr_chat.disk import hash_of, make_lasting, make_names_lasting, reason, replace_json, unreadable
from pfocr_chat.errors import CorruptIndexError, IndexBusyError, IndexMismatchError, NoIndexError, VectorstoreError
from pfocr_chat.minilm import NAME, fingerprint
from pfocr_chat.passages import PASSAGE_FORMAT
from pfocr_chat.untrusted import parse_json

MANIFEST = "manifest.json"
BUILDING = ".building"
READING = "reading"
"""The file of a generation that its readers lock."""
FORMAT = 3
"""Version of the index's layout: the catalog's tables and the collection's metadata."""
LONGEST = 500
"""Characters of a text in a manifest."""
MAX_BYTES = 1 << 20
"""Of a manifest; a larger file is none."""
CHANGING = ".sqlite3"
"""The ending of Chroma's database, into which every reader writes."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is: how it was made, what it holds, and the sizes of its files in bytes.

    ``vectors`` of its ``passages`` are embedded already; the others can be found by words and names only.
    ``hashes`` has the BLAKE2b hash of each file that does not change, none in generations of earlier versions.
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
    hashes: dict[str, str] = field(default_factory=dict)

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
        IndexMismatchError: another version of this program wrote it.
        CorruptIndexError: the manifest is damaged.
        VectorstoreError: it may not be read.
    """
    path = vectorstore / MANIFEST
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _damaged(path, "it is not a manifest of this version")
        return parse_manifest(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError as exc:
        raise NoIndexError(
            f"No index in {vectorstore}/. Run `pfocr-chat index DIR` with a folder of figure records first."
        ) from exc
    except (IsADirectoryError, NotADirectoryError, UnicodeDecodeError) as exc:
        raise _damaged(path, "it cannot be read") from exc
    except OSError as exc:
        raise unreadable(path, exc) from exc


def parse_manifest(text: str, path: Path) -> Manifest:
    """The manifest in a text, which is the content of ``path``.

    Raises:
        IndexMismatchError: another version of this program wrote it.
        CorruptIndexError: it is none.
    """
    try:
        content = parse_json(text)
    except ValueError as exc:
        raise _damaged(path, "it cannot be read") from exc
    if isinstance(content, dict):
        # Generations of earlier versions had all their vectors from the start, and no hashes.
        content = {"vectors": content.get("passages"), "hashes": {}} | content
    if not isinstance(content, dict) or content.keys() != _IS_RIGHT.keys():
        version = content.get("format") if isinstance(content, dict) else None
        if isinstance(version, int) and version != FORMAT:
            raise IndexMismatchError(
                f"The index at {path} has layout {version}, of another version of PFOCR Chat, and this one reads"
                f" {FORMAT}. Run `pfocr-chat index` on your records again."
            )
        raise _damaged(path, "it is not a manifest of this version")
    if wrong := [name for name, is_right in _IS_RIGHT.items() if not is_right(content[name])]:
        raise _damaged(path, f"its value of {wrong[0]} is none")
    return Manifest(**content)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) < LONGEST


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _has_files(value: object, is_right: Callable[[object], bool]) -> bool:
    """Whether it has, for names of files within a folder, values that are right."""
    return isinstance(value, dict) and all(is_inside(name) and is_right(found) for name, found in value.items())


def is_inside(name: str) -> bool:
    """Whether a name is that of a file in a folder or below it, and leads nowhere else."""
    return len(name) < LONGEST and _NAME.fullmatch(name) is not None and ".." not in PurePosixPath(name).parts


_OF_TYPE: dict[object, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": _is_count,
    "dict[str, int]": lambda value: _has_files(value, _is_count),
    "dict[str, str]": lambda value: _has_files(value, _is_text),
}
_IS_RIGHT = {f.name: _OF_TYPE[f.type] for f in fields(Manifest)} | {
    "generation": lambda value: isinstance(value, str) and re.fullmatch(r"g\d{6}", value, re.ASCII) is not None
}


def check_usable(manifest: Manifest, place: Path) -> None:
    """Make sure that the index at ``place`` was built with this code's embedder and in its layout.

    Raises:
        IndexMismatchError: it was not.
    """
    if not manifest.is_built_like(embedder_fingerprint=fingerprint(), passage_format=PASSAGE_FORMAT):
        raise IndexMismatchError(
            f"The index in {place} was built with the embedder {manifest.embedder}, passage format"
            f" {manifest.passage_format} and layout {manifest.format}, not {NAME}, {PASSAGE_FORMAT} and"
            f" {FORMAT}. Run `pfocr-chat index` on your records again."
        )


def check_files(vectorstore: Path, manifest: Manifest, *, only: str = "") -> None:
    """As ``check_sizes`` of the generation's folder."""
    check_sizes(generation_folder(vectorstore, manifest.generation), manifest, only=only)


def check_sizes(folder: Path, manifest: Manifest, *, only: str = "") -> None:
    """Compare a generation's files, or ``only`` one of them, with the sizes in its manifest.

    A file may have grown: Chroma adds a row to its database each time that it is opened.

    Raises:
        CorruptIndexError: a file is missing or shorter than it was.
        VectorstoreError: it may not be looked at.
    """
    for name, size in manifest.files.items():
        if only and name != only:
            continue
        try:
            found = (folder / name).stat().st_size
        except OSError as exc:
            raise unreadable(folder / name, exc) from exc
        if found < size:
            raise _damaged(folder / name, f"it has {found:,} bytes and should have {size:,}")


def check_contents(folder: Path, manifest: Manifest, names: Collection[str] | None = None) -> None:
    """Compare files of a generation with their hashes in its manifest, all of them or those of ``names``.

    Raises:
        CorruptIndexError: a file has other bytes than it had.
        VectorstoreError: it may not be read.
    """
    for name, known in manifest.hashes.items():
        if names is not None and name not in names:
            continue
        try:
            found = hash_of(folder / name)
        except OSError as exc:
            raise unreadable(folder / name, exc) from exc
        if found != known:
            raise _damaged(folder / name, "its content is not what was written")


def check_graphs(folder: Path, manifest: Manifest) -> None:
    """Compare the files of Chroma's graphs with their hashes: it takes them as they are, and damage crashes it.

    Raises:
        CorruptIndexError: one has other bytes than it had.
        VectorstoreError: it may not be read.
    """
    check_contents(folder, manifest, [name for name in manifest.hashes if len(PurePosixPath(name).parts) > 2])


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
        VectorstoreError: the generation may not be read.
    """
    while True:
        manifest = read_manifest(vectorstore)
        try:
            lock = (generation_folder(vectorstore, manifest.generation) / READING).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            if read_manifest(vectorstore) != manifest:
                continue
            # It has no such file: an earlier version made it, or it is damaged, which check_files tells.
            yield manifest
            return
        except OSError as exc:
            raise unreadable(generation_folder(vectorstore, manifest.generation) / READING, exc) from exc
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
    files = _sizes(staged)
    hashes = {name: hash_of(staged / name) for name in files if not name.endswith(CHANGING)}
    complete = replace(manifest, generation=_next_name(root), files=files, hashes=hashes)
    (staged / READING).touch()
    make_lasting(staged)
    folder = root / complete.generation
    staged.replace(folder)
    make_names_lasting(root)
    try:
        _write_manifest(vectorstore, complete)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    kept.add(complete.generation)
    for old in _generations(root):
        if old.name not in kept:
            _remove_unread(old)
    return complete


def _write_manifest(vectorstore: Path, manifest: Manifest) -> None:
    replace_json(vectorstore / MANIFEST, asdict(manifest))


def _generations(root: Path) -> list[Path]:
    """The folders of generations, oldest first."""
    return sorted(path for path in root.iterdir() if re.fullmatch(r"g\d{6}", path.name))


def _remove_unread(folder: Path) -> None:
    """Remove a generation, unless somebody reads it."""
    try:
        with suppress(FileNotFoundError), (folder / READING).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who has opened the file but not locked it yet sees that it is gone.
            (folder / READING).unlink()
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)


def staging_folder(vectorstore: Path) -> Path:
    """An empty folder to build a generation in."""
    root = vectorstore / "generations"
    root.mkdir(parents=True, exist_ok=True)
    # Never a path of before: Chroma remembers, for the life of the process, a folder that it could not open.
    folder = root / f"{_next_name(root)}.{secrets.token_hex(4)}{BUILDING}"
    folder.mkdir()
    return folder


def remove_leftovers(vectorstore: Path) -> None:
    """Remove what interrupted builds left behind: half of a generation, one that no manifest names, one half removed.

    The current generation and the one before it stay, and so does any that is being read.
    """
    root = vectorstore / "generations"
    for leftover in root.glob(f"*{BUILDING}"):
        shutil.rmtree(leftover)
    (vectorstore / f"{MANIFEST}.new").unlink(missing_ok=True)
    try:
        current = read_manifest(vectorstore).generation
    except VectorstoreError:
        return  # which of them is of use is not known; all of them go when the next one is published
    folders = _generations(root) if root.is_dir() else []
    before = [folder for folder in folders if folder.name < current]
    for folder in folders:
        if folder.name != current and folder not in before[-1:]:
            _remove_unread(folder)


def _next_name(root: Path) -> str:
    numbers = [int(path.name[1:]) for path in _generations(root)]
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
        raise VectorstoreError(f"The index folder {vectorstore} cannot be written: {reason(exc)}.") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise IndexBusyError(f"Another process is indexing into {vectorstore}. Try again when it is done.") from exc
        except OSError as exc:
            raise VectorstoreError(f"The index folder {vectorstore} cannot be locked: {reason(exc)}.") from exc
        yield


def _sizes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}


def _damaged(path: Path, reason: str) -> CorruptIndexError:
    return CorruptIndexError(f"The index is damaged at {path}: {reason}. Run `pfocr-chat index` on your records again.")
