"""Copies of an index in one file, and putting them back.

A backup is a tar file with the current generation, the manifest, where the index came from, and the feedback, and
as its last member ``backup.json`` with the size and the hash of each. It is made of what stands while others read and
write, and read again before it gets its name. It is put back as a new generation, so that running chats go on
and change over.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from pfocr_chat import feedback
from pfocr_chat.disk import copy_database, make_names_lasting, new_hash, reason, replace_json
from pfocr_chat.errors import CorruptIndexError, FeedbackError, IndexMismatchError, VectorstoreError
from pfocr_chat.feedback import Feedback, FeedbackStore
from pfocr_chat.generations import (
    CHANGING,
    MANIFEST,
    Manifest,
    check_files,
    check_usable,
    generation_folder,
    is_inside,
    parse_manifest,
    publish,
    reading,
    remove_leftovers,
    staging_folder,
    writing,
)
from pfocr_chat.integrity import check_before_building
from pfocr_chat.sync import SOURCE, read_source
from pfocr_chat.vectorindex import FOLDER_NAME, remove_scratch

LIST = "backup.json"
VERSION = 1
"""Of the layout of a backup."""
GENERATION = "generation"
"""The folder of the generation's files in a backup."""
MAX_SMALL = 16 << 20
"""Bytes of the list of files and the like."""
PIECE = 1 << 20
_WORKPLACE = ".pfocr-chat-backup-"
_LEFT_S = 24 * 60 * 60
"""Seconds without a change, after which nobody is making a backup any more."""
_ENDINGS = (".tar", ".tar.gz", ".tgz")

Listed = dict[str, tuple[int, str]]
"""For the members of a backup: their sizes in bytes, and their hashes."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds, and what became of it: ``path`` is its file, or the folder it was put back into.

    ``feedback`` counts what people said that was kept or put back, ``None`` where there is none or it was left alone.
    """

    path: Path
    manifest: Manifest
    files: int
    size: int
    feedback: int | None = None


def make_backup(vectorstore: Path, target: Path) -> BackupReport:
    """Copy the index in ``vectorstore``, whoever reads and writes it meanwhile, into a file that is not there yet.

    ``target`` is a file that ends in .tar, .tar.gz or .tgz, or a folder, where the file is called by the generation and
    the time.

    Raises:
        NoIndexError, IndexMismatchError, CorruptIndexError: there is no index that is worth a backup.
        FeedbackError: the feedback is damaged.
        VectorstoreError: the copy cannot be made.
    """
    with reading(vectorstore) as manifest:
        path = _place_of(target, manifest)
        with _telling(f"The backup {path} cannot be written"):
            if not path.parent.is_dir():
                raise VectorstoreError(f"There is no folder {path.parent} for the backup. Make it first.")
            with _workplace(path.parent) as made:
                report = _made(vectorstore, manifest, made, path)
    return report


def restore_backup(archive: Path, vectorstore: Path, *, with_feedback: bool = False) -> BackupReport:
    """Put a backup back as the newest generation of the index in ``vectorstore``; chats that run change over to it.

    Feedback that is there stays as it is, unless ``with_feedback``: then the backup's takes its place.

    Raises:
        CorruptIndexError: the backup is damaged, or is none.
        IndexMismatchError: another version or embedder made it.
        IndexBusyError: another process is writing the index.
        FeedbackError: the feedback cannot be put back; the index is, unless the backup's is damaged.
        VectorstoreError: the index cannot be written.
    """
    if not archive.is_file():
        raise VectorstoreError(f"There is no backup {archive}. Name a file that `pfocr-chat backup` made.")
    with _telling(f"The backup {archive} cannot be read"):
        archive.open("rb").close()
    with writing(vectorstore), _telling(f"The index in {vectorstore} cannot be written"):
        remove_leftovers(vectorstore)
        staged, beside = staging_folder(vectorstore), staging_folder(vectorstore)
        try:
            with _reading(archive):
                listed = _extract(archive, staged, beside)
            manifest = _checked(archive, staged, beside, listed)
            said = _read_feedback(beside / feedback.FILE_NAME)
            published = publish(vectorstore, manifest, staged)
            _put_source(vectorstore, beside / SOURCE, published.generation)
        finally:
            for folder in (staged, beside):
                shutil.rmtree(folder, ignore_errors=True)
    put_back = None
    if said is not None:
        with closing(FeedbackStore(vectorstore / feedback.FILE_NAME)) as store:
            put_back = len(said) if store.put_back(said, instead=with_feedback) else None
    size = sum(size for size, _ in listed.values())
    return BackupReport(vectorstore, published, len(listed), size, put_back)


# Making one


def _place_of(target: Path, manifest: Manifest) -> Path:
    """The file that the backup becomes."""
    if target.is_dir():
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = target / f"pfocr-chat-{manifest.generation}-{now}.tar"
    if not target.name.endswith(_ENDINGS):
        raise VectorstoreError(f"{target} is no name for a backup. Let it end in .tar or .tar.gz, or name a folder.")
    if target.exists():
        raise VectorstoreError(f"{target} exists already. Name another file for the backup.")
    return target


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A hidden folder for a backup in the making; those that killed ones left behind a day ago are removed."""
    with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=folder) as made:
        for other in folder.glob(f"{_WORKPLACE}*"):
            with suppress(OSError):  # it has just gone, or is somebody else's
                if max(_changed(path) for path in (other, *other.iterdir())) < _changed(Path(made)) - _LEFT_S:
                    shutil.rmtree(other)
        yield Path(made)


def _changed(path: Path) -> float:
    return path.stat().st_mtime


def _made(vectorstore: Path, manifest: Manifest, made: Path, path: Path) -> BackupReport:
    check_files(vectorstore, manifest)
    folder = generation_folder(vectorstore, manifest.generation)
    members = {f"{GENERATION}/{name}": folder / name for name in manifest.files}
    for number, name in enumerate(name for name in manifest.files if name.endswith(CHANGING)):
        members[f"{GENERATION}/{name}"] = made / f"changing{number}"
        copy_database(folder / name, made / f"changing{number}")
    members[MANIFEST] = made / MANIFEST
    members[MANIFEST].write_text(json.dumps(asdict(manifest), indent=1), encoding="utf-8")
    if source := read_source(vectorstore, manifest.generation):
        members[SOURCE] = made / SOURCE
        members[SOURCE].write_text(json.dumps(source.to_dict(), indent=1), encoding="utf-8")
    said = _copy_feedback(vectorstore / feedback.FILE_NAME, made / feedback.FILE_NAME)
    if said is not None:
        members[feedback.FILE_NAME] = made / feedback.FILE_NAME
    known = {f"{GENERATION}/{name}": found for name, found in manifest.hashes.items()}
    listed = _write(made / "archive", path, members, known)
    with _reading(path):
        again = _listed_again(made / "archive")
    if again != listed:
        raise VectorstoreError(f"The backup {path} does not hold what was written. Look after the disk and try again.")
    _place_of(path, manifest)  # nobody has made a file of that name meanwhile
    (made / "archive").replace(path)
    make_names_lasting(path.parent)
    return BackupReport(path, manifest, len(members), path.stat().st_size, said)


def _copy_feedback(source: Path, target: Path) -> int | None:
    """Copy the feedback as it stands; how much it is, ``None`` where there is none."""
    if not source.exists():
        return None
    try:
        copy_database(source, target)
        with closing(FeedbackStore(target)) as store:
            return len(store.all())
    except (CorruptIndexError, FeedbackError) as exc:
        raise FeedbackError(f"The feedback in {source} is damaged. Move it away, and make the backup again.") from exc


def _write(archive: Path, path: Path, members: dict[str, Path], known: dict[str, str]) -> Listed:
    """Write the files of ``members`` as a backup that is to be called ``path``; ``known`` has hashes from before."""
    listed: Listed = {}
    with archive.open("wb") as file:
        with _tar_to(file, compressed=not path.name.endswith(".tar")) as tar:
            for name, source in members.items():
                size = source.stat().st_size
                with source.open("rb") as content:
                    hashed = _Hashed(content)
                    tar.addfile(_about(name, size), hashed)
                listed[name] = size, hashed.hash.hexdigest()
                if known.get(name, listed[name][1]) != listed[name][1]:
                    raise CorruptIndexError(
                        f"The index is damaged at {source}: its content is not what was written, so there is no use in"
                        " a backup. Run `pfocr-chat index` on your records again."
                    )
            files = {name: {"bytes": size, "blake2b": found} for name, (size, found) in listed.items()}
            made = datetime.now(UTC).isoformat(timespec="seconds")
            text = json.dumps({"version": VERSION, "made": made, "files": files}, indent=1).encode()
            tar.addfile(_about(LIST, len(text)), io.BytesIO(text))
        file.flush()
        os.fsync(file.fileno())
    return listed


@contextmanager
def _tar_to(file: IO[bytes], *, compressed: bool) -> Iterator[tarfile.TarFile]:
    if compressed:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
            yield tar
    else:
        with tarfile.open(fileobj=file, mode="w") as tar:
            yield tar


def _about(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(time.time()), 0o644
    return info


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = new_hash()

    def read(self, size: int = -1) -> bytes:
        """As a file's."""
        piece = self._file.read(size)
        self.hash.update(piece)
        return piece


# Reading one


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """For reading a backup: what the libraries say of one that is cut short or is none."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as exc:
        raise _no_backup(archive, (str(exc).splitlines() or ["it is cut short"])[0]) from exc


def _members(archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Every member with its content, in turn; a backup has plain files with names of its own, each once.

    Raises:
        CorruptIndexError: it has anything else in it, or no list at its end.
    """
    seen: set[str] = set()
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or member.name in seen or not _is_ours(member.name):
                raise _no_backup(archive, f"{member.name[:100]!r} in it is no file of an index")
            seen.add(member.name)
            with content:
                yield member, content
    if LIST not in seen:
        raise _no_backup(archive, "it is cut short")


def _is_ours(name: str) -> bool:
    first, _, rest = name.partition("/")
    return name in (LIST, MANIFEST, SOURCE, feedback.FILE_NAME) or (first == GENERATION and is_inside(rest))


def _listed_again(archive: Path) -> Listed:
    """Sizes and hashes of all that a backup has, but its list."""
    found: Listed = {}
    for member, content in _members(archive):
        hashed = _Hashed(content)
        while hashed.read(PIECE):
            pass
        found[member.name] = member.size, hashed.hash.hexdigest()
    del found[LIST]
    return found


def _extract(archive: Path, staged: Path, beside: Path) -> Listed:
    """Write the generation's files into ``staged`` and the others into ``beside``; what they are by the backup's list.

    Raises:
        CorruptIndexError: a file is not what the list says.
    """
    found: Listed = {}
    for member, content in _members(archive):
        folder, name = (beside, member.name)
        if member.name.startswith(f"{GENERATION}/"):
            folder, name = staged, member.name.partition("/")[2]
        elif member.size > MAX_SMALL and name != feedback.FILE_NAME:
            raise _no_backup(archive, f"its {name} is too large")
        if member.size > shutil.disk_usage(staged).free:
            raise VectorstoreError(
                f"There is no room for the {member.size:,} bytes of {name}. Make room and try again."
            )
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        hashed = _Hashed(content)
        with (folder / name).open("xb") as file:
            while piece := hashed.read(PIECE):
                file.write(piece)
        found[member.name] = member.size, hashed.hash.hexdigest()
    del found[LIST]
    if _parse_list(archive, (beside / LIST).read_bytes()) != found:
        raise _no_backup(archive, "its files are not those that it lists")
    return found


def _parse_list(archive: Path, text: bytes) -> Listed:
    try:
        content = json.loads(text)
        if content["version"] == VERSION:
            return {name: (entry["bytes"], entry["blake2b"]) for name, entry in content["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise _no_backup(archive, f"its {LIST} is none") from exc
    raise IndexMismatchError(f"The backup {archive} was made by another version of PFOCR Chat. Restore it with that.")


def _checked(archive: Path, staged: Path, beside: Path, listed: Listed) -> Manifest:
    """The manifest of a backup whose generation lies in ``staged``, and is whole."""
    if MANIFEST not in listed:
        raise _no_backup(archive, "it has no manifest")
    manifest = parse_manifest((beside / MANIFEST).read_text(encoding="utf-8", errors="replace"), archive / MANIFEST)
    check_usable(manifest, archive)
    if {f"{GENERATION}/{name}" for name in manifest.files} != {n for n in listed if n.startswith(f"{GENERATION}/")}:
        raise _no_backup(archive, "its files are not those of its manifest")
    check_before_building(staged, manifest)
    remove_scratch(staged / FOLDER_NAME)
    return manifest


def _read_feedback(path: Path) -> list[Feedback] | None:
    if not path.exists():
        return None
    with closing(FeedbackStore(path)) as store:
        return store.all()


def _put_source(vectorstore: Path, source: Path, generation: str) -> None:
    """Note where the restored index came from; what stands there is of another one."""
    if not source.exists():
        (vectorstore / SOURCE).unlink(missing_ok=True)
        return
    try:
        content = json.loads(source.read_text(encoding="utf-8")) | {"generation": generation}
    except (ValueError, TypeError, RecursionError):
        return
    replace_json(vectorstore / SOURCE, content)


def _no_backup(archive: Path, why: str) -> CorruptIndexError:
    return CorruptIndexError(f"{archive} is damaged, or no backup of PFOCR Chat: {why}. Use another backup.")


@contextmanager
def _telling(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise VectorstoreError(f"{what}: {reason(exc)}.") from exc
