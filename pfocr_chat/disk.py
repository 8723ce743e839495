"""Copying, hashing and keeping files, and what it means that one cannot be read or written.

A file that is damaged has to be made again; a disk that is full, or a folder that may not be written, has not.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pfocr_chat.errors import CorruptIndexError, VectorstoreError

SECONDS_TO_WAIT = 60.0
"""For another process that is changing a database which is to be copied."""

_FULL = "the disk is full. Make room there and try again"
_CLOSED = "it is read-only. Allow writing there, or copy the index elsewhere"
_BUSY = "another process is using it. Try again when it is done"
_BY_CODE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_PERM: _CLOSED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_IOERR: "the disk reports an error (input or output). Look after it and try again",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Allow reading and writing there and try again",
    sqlite3.SQLITE_NOMEM: "there is not enough memory",
}
_SAID = (
    (re.compile(r"disk is full|No space left|[Qq]uota exceeded|File too large|\(code: 13\)"), _FULL),
    (re.compile(r"readonly database|[Rr]ead-only|Permission denied|\(code: 8\)"), _CLOSED),
    (re.compile(r"database is locked|database table is locked"), _BUSY),
    (re.compile(r"disk I/O error"), _BY_CODE[sqlite3.SQLITE_IOERR]),
    (re.compile(r"unable to open database file|Too many open files"), _BY_CODE[sqlite3.SQLITE_CANTOPEN]),
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR)


def trouble(exc: BaseException) -> str | None:
    """Why the system does not let a file be read or written, and what to do; ``None`` where the file is damaged.

    Of an error of the system, of SQLite (by its code) or of Chroma (by its words).
    """
    if isinstance(exc, OSError) and exc.errno is not None:
        return None if exc.errno in _NOT_THERE else reason(exc)
    code = getattr(exc, "sqlite_errorcode", None)
    if isinstance(code, int):
        return _BY_CODE.get(code & 0xFF)
    said = str(exc)
    return next((words for pattern, words in _SAID if pattern.search(said)), None)


def reason(exc: OSError) -> str:
    """What the system says of a file, and what to do about it, without a full stop."""
    if exc.errno is None:  # several errors in one, of a folder that was copied
        said = str(exc)
        return next((words for pattern, words in _SAID if pattern.search(said)), said)
    told = exc.strerror or str(exc)
    if exc.errno in _NO_ROOM:
        return f"{told}. Make room there and try again"
    if exc.errno in _NOT_ALLOWED:
        return f"{told}. Allow writing there, or use another folder"
    return told


def unreadable(path: Path, exc: BaseException) -> VectorstoreError:
    """The error for a file of the index that cannot be read: it is damaged, or the system does not let us."""
    if isinstance(exc, OSError) and exc.errno in _NOT_THERE:
        return CorruptIndexError(
            f"The index is damaged at {path}: it is missing. Run `pfocr-chat index` on your records again."
        )
    if isinstance(exc, sqlite3.Error) and not path.exists():
        exc = FileNotFoundError("it is missing")
    if why := trouble(exc):
        return VectorstoreError(f"The index file {path} cannot be read: {why}.")
    return CorruptIndexError(f"The index file {path} is damaged ({exc}). Run `pfocr-chat index` on your records again.")


@contextmanager
def reading_from(path: Path) -> Iterator[None]:
    """For reading a database of the index, and what its values mean: what cannot be read, or is no such value, is told.

    Raises:
        CorruptIndexError: it is damaged.
        VectorstoreError: the system does not let us read it.
    """
    try:
        yield
    except sqlite3.DatabaseError as exc:
        raise unreadable(path, exc) from exc
    except (LookupError, TypeError, ValueError) as exc:
        raise unreadable(path, ValueError(f"a value in it is none of its kind: {str(exc)[:100]}")) from exc


def copy_tree(source: Path, target: Path) -> None:
    """Copy a store that is, or was, part of a generation; where the file system can, without copying its bytes.

    Raises:
        CorruptIndexError: a database in it is damaged.
        VectorstoreError, OSError: the copy cannot be made.
    """
    # The journals of a database that a reader opens at this moment; `copy_file` asks SQLite for a whole copy.
    ignored = shutil.ignore_patterns("*-journal", "*-wal", "*-shm")
    shutil.copytree(source, target, ignore=ignored, copy_function=copy_file, dirs_exist_ok=True)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file's content; XFS, Btrfs and the like let the copy share the bytes until one of the two changes.

    Chroma's database, into which every reader writes, is copied between two of their transactions.
    """
    if Path(source).suffix == ".sqlite3":
        copy_database(Path(source), Path(target))
        return
    with Path(source).open("rb") as old, Path(target).open("wb") as new:
        left = os.fstat(old.fileno()).st_size
        try:
            while left > 0 and (done := os.copy_file_range(old.fileno(), new.fileno(), left)):
                left -= done
            if left > 0:
                raise OSError(errno.EIO, "the copy ended early")
        except OSError:
            old.seek(0)
            new.seek(0)
            shutil.copyfileobj(old, new, 1 << 20)


def copy_database(source: Path, target: Path) -> None:
    """Copy an SQLite database as it stands between two transactions, whoever writes into it meanwhile.

    Raises:
        CorruptIndexError: it is damaged.
        VectorstoreError: it cannot be read, or the copy cannot be written.
    """
    try:
        with closing(open_database(source)) as old, closing(sqlite3.connect(target)) as new:
            new.execute("PRAGMA synchronous = OFF")  # whoever needs it to last calls `make_lasting`
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()  # waits for its turn; `backup` would for ever
            old.backup(new)
    except sqlite3.Error as exc:
        if why := trouble(exc):
            raise VectorstoreError(f"{source} cannot be copied to {target}: {why}.") from exc
        raise unreadable(source, exc) from exc


def open_database(path: Path) -> sqlite3.Connection:
    """A connection to an SQLite database that others may have open, to read it.

    Where writing is allowed, it is opened for that: a writer that was killed leaves a journal, which has to be played
    back before anything can be read.
    """
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=SECONDS_TO_WAIT)


def share_file(source: Path, target: Path) -> None:
    """The same file under a second name, for one that nobody changes any more; a copy where there are no links."""
    try:
        os.link(source, target)
    except OSError:
        copy_file(source, target)


def hash_of(path: Path) -> str:
    """The BLAKE2b hash (160 bits) of a file's bytes, in hexadecimal; twice as fast as SHA-256, and as good here."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, new_hash).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal: what those who publish models tell of their files."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_hash() -> hashlib.blake2b:
    """What ``hash_of`` feeds with a file's bytes."""
    return hashlib.blake2b(digest_size=20)


def make_lasting(folder: Path) -> None:
    """Bring a folder with all its files onto the disk, so that a power cut does not take them."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        make_names_lasting(path)


def replace_json(path: Path, content: object) -> None:
    """Write a file of JSON, which readers and a power cut find either as it was or as it is to be.

    Raises:
        OSError: it cannot be written; it is then as it was.
    """
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    make_names_lasting(path.parent)


def make_names_lasting(folder: Path) -> None:
    """Bring a folder's list of names onto the disk, where the file system has such a thing."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
