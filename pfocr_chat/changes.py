"""What differs between a folder of records and an index of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pfocr_chat.buildcache import BuildCache
from pfocr_chat.corpus import RecordFiles
from pfocr_chat.errors import RecordError
from pfocr_chat.readers import Cutting, read_records
from pfocr_chat.records import FigureRecord, Passage

Indexed = Mapping[str, tuple[str, str]]
"""For every file that the index was made of, by its place in the corpus: its digest and the figid it holds."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A record file with its place in the corpus and its digest."""

    source: str
    digest: str
    files: RecordFiles


NewRecord = tuple[SourceFile, FigureRecord, tuple[Passage, ...]]
"""A record that the index lacks, with its passages."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be read, and what has to go.

    ``replaced`` has the figid that a changed file held, by its place; ``vanished`` those of files that are gone.
    """

    to_read: tuple[SourceFile, ...]
    replaced: Mapping[str, str]
    vanished: tuple[str, ...]
    unchanged: int

    @property
    def gone(self) -> frozenset[str]:
        """The figids to be deleted, those of changed files included."""
        return frozenset([*self.vanished, *self.replaced.values()])


def compare(
    found: Sequence[RecordFiles], corpus: Path, indexed: Indexed, cache: BuildCache, problems: list[RecordError]
) -> Changes:
    """Compare the files with the index; a file whose stamp is that of the last run is not read.

    A file that cannot be read is added to ``problems``. If it is the system that refuses it, its record stays.
    """
    digests = _digests(found, corpus, indexed, cache, problems)
    to_read = [
        SourceFile(source, digest, files)
        for source, (digest, files) in digests.items()
        if digest and indexed.get(source, ("", ""))[0] != digest
    ]
    replaced = {
        source: indexed[source][1]
        for source, (digest, _) in digests.items()
        if source in indexed and indexed[source][0] != digest
    }
    vanished = tuple(figid for source, (_, figid) in indexed.items() if source not in digests)
    unchanged = len(indexed) - len(replaced) - len(vanished)
    return Changes(tuple(to_read), replaced, vanished, unchanged)


def _digests(
    found: Sequence[RecordFiles], corpus: Path, indexed: Indexed, cache: BuildCache, problems: list[RecordError]
) -> dict[str, tuple[str, RecordFiles]]:
    """The digest of every record file, by its place; an empty one where the file is none."""
    known = cache.digests(corpus)
    digests: dict[str, tuple[str, RecordFiles]] = {}
    changed: dict[str, tuple[bytes, str]] = {}
    prefix = len(corpus.as_posix().rstrip("/")) + 1 if corpus.parts else 0
    for files in found:
        source = files.path.as_posix()[prefix:]
        stamp = files.stamp()
        then, digest = known.get(source, (b"", ""))
        if not stamp or stamp != then:
            is_whole = False
            try:
                digest, is_whole = files.digest()
            except RecordError as problem:
                problems.append(problem)
                # What the system does not let us read now is as it was, as far as we know.
                digest = indexed.get(source, ("", ""))[0] if isinstance(problem.__cause__, OSError) else ""
            if stamp and is_whole:  # what could not be read is tried again, though its stamp may stay
                changed[source] = stamp, digest
        digests[source] = digest, files
    gone = [source for source in known if source not in digests]
    cache.put_digests(corpus, changed, gone)
    return digests


def read_changed(
    changes: Changes,
    indexed: Indexed,
    cutting: Cutting,
    problems: list[RecordError],
    progress: Callable[[int, int], None],
) -> Iterator[NewRecord]:
    """The records that the index lacks with their passages, one by one; ``progress`` is told how many of how many
    files are read.

    A record that cannot be read, a table that cannot, and a figid that another file holds already are
    added to ``problems``.
    """
    gone = changes.gone
    holders = {figid: source for source, (_, figid) in indexed.items() if figid not in gone}
    read = read_records([file.files for file in changes.to_read], cutting)
    for done, (file, found) in enumerate(zip(changes.to_read, read, strict=True), start=1):
        record = found.record
        if record and (holder := holders.get(record.figid)):
            problems.append(RecordError(file.files.path, f"{record.figid} stands in {holder} already"))
        else:
            problems.extend(RecordError(path, reason) for path, reason in found.problems)
            if record:
                holders[record.figid] = file.source
                yield file, record, found.passages
        progress(done, len(changes.to_read))
