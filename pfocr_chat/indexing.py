"""Making an index agree with a folder of records.

Files that stayed as they were cost a look at their times. Changed and new ones are read and cut into passages,
vanished ones deleted. The work is done beside the current generation, which it replaces when complete; a first
index, and one that grows by a good part, is published as soon as its catalog stands, and again from time to
time while its passages are embedded (``vectorsteps``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from pfocr_chat.buildcache import BuildCache
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.changes import Changes, Indexed, NewRecord, compare, read_changed
from pfocr_chat.corpus import RecordFiles, find_records
from pfocr_chat.disk import copy_file, reason, share_file
from pfocr_chat.errors import (
    CorpusError,
    CorruptIndexError,
    IndexMismatchError,
    NoIndexError,
    RecordError,
    VectorstoreError,
)
from pfocr_chat.generations import (
    FORMAT,
    Manifest,
    generation_folder,
    read_manifest,
    remove_leftovers,
    staging_folder,
    writing,
)
from pfocr_chat.integrity import check_before_building
from pfocr_chat.passages import PASSAGE_FORMAT
from pfocr_chat.readers import Cutting
from pfocr_chat.vectorindex import FOLDER_NAME, copy_vectors
from pfocr_chat.vectorsteps import Deliver, DocumentEmbedder, Pace, add_vectors

_OTHER = "The index was built with another embedder or format."
_ASKED = "The index was not built upon, as asked."

Progress = Callable[[str, int, int], None]
"""Told the step ("reading", "embedding"), how many are done, and how many there are."""


def _silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of indexing did; the counts are of record files.

    ``problems`` names each file that could not be read, tables included; ``unreadable`` counts the
    records among them. A record that cannot be read is named in every run, a table only in the run
    that reads its record. ``rebuilt`` says why the index was built anew, where it was.
    """

    manifest: Manifest
    added: int = 0
    changed: int = 0
    deleted: int = 0
    unchanged: int = 0
    unreadable: int = 0
    problems: tuple[RecordError, ...] = ()
    rebuilt: str | None = None

    @property
    def found(self) -> int:
        """Record files in the folder."""
        return self.added + self.changed + self.unchanged + self.unreadable


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be indexed, where, with what, and from what was known before."""

    found: list[RecordFiles]
    corpus: Path
    vectorstore: Path
    embedder: DocumentEmbedder
    progress: Progress
    pace: Pace
    cache: BuildCache
    deliver: Deliver | None


def build_index(
    corpus: Path,
    vectorstore: Path,
    embedder: DocumentEmbedder,
    *,
    progress: Progress | None = None,
    pace: Pace | None = None,
    anew: bool = False,
    deliver: Deliver | None = None,
) -> IndexReport:
    """Converge the index in ``vectorstore`` to the records in ``corpus``.

    Killed at any moment and run again, it goes on where it was: no passage is embedded twice. An index that
    is damaged or was built by another embedder or version is built anew, and so is any with ``anew``.
    ``deliver`` brings the vectors of a complete generation elsewhere before it is published; then none is
    published that lacks some. Where nothing has changed it is given the current generation.

    Raises:
        CorpusError: the folder is missing or holds no record, or none of its records can be read.
        IndexBusyError: another process is writing the index.
        VectorstoreError: the index cannot be written.
    """
    found = find_records(corpus)
    with writing(vectorstore):
        try:
            remove_leftovers(vectorstore)
            with BuildCache(vectorstore, embedder.fingerprint) as cache:
                task = _Task(found, corpus, vectorstore, embedder, progress or _silent, pace or Pace(), cache, deliver)
                previous, why_anew = (None, _ASKED) if anew else _usable_previous(vectorstore, embedder)
                if previous:
                    try:
                        return _converge(task, previous, None)
                    except CorruptIndexError:
                        # Its files have their sizes and are damaged inside, found out in reading or changing a copy.
                        why_anew = f"The index in {vectorstore} is damaged."
                return _converge(task, None, why_anew)
        except OSError as exc:
            raise VectorstoreError(f"The index in {vectorstore} cannot be written: {reason(exc)}.") from exc


def _converge(task: _Task, previous: Manifest | None, why_anew: str | None) -> IndexReport:
    problems: list[RecordError] = []
    folder = generation_folder(task.vectorstore, previous.generation) if previous else None
    indexed = _indexed(folder)
    changes = compare(task.found, task.corpus, indexed, task.cache, problems)
    read: set[str] = set()
    new = _new_records(task, changes, indexed, problems, read)
    first = next(new, None)
    if first is None and not changes.unchanged:
        raise CorpusError(f"None of the {len(task.found):,} record files could be read. The first: {problems[0]}.")
    if folder and previous and previous.is_complete and first is None and not changes.gone:
        if task.deliver:
            task.deliver(folder)
        return _report(task, changes, read, problems, previous, None)
    staged = staging_folder(task.vectorstore)
    try:
        figures, passages = _stage_catalog(staged, folder, changes, chain([first] if first else [], new))
        if folder:
            copy_vectors(folder / FOLDER_NAME, staged / FOLDER_NAME)
        manifest = _manifest(task, figures, passages)
        published = add_vectors(
            task.vectorstore,
            staged,
            manifest,
            changes.gone,
            embedder=task.embedder,
            cache=task.cache,
            pace=task.pace,
            progress=task.progress,
            deliver=task.deliver,
        )
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return _report(task, changes, read, problems, published, why_anew)


def _report(
    task: _Task,
    changes: Changes,
    read: set[str],
    problems: list[RecordError],
    manifest: Manifest,
    why_anew: str | None,
) -> IndexReport:
    return IndexReport(
        manifest,
        added=len(read - changes.replaced.keys()),
        changed=len(read & changes.replaced.keys()),
        deleted=len(changes.vanished),
        unchanged=changes.unchanged,
        unreadable=len(task.found) - changes.unchanged - len(read),
        problems=tuple(problems),
        rebuilt=why_anew,
    )


def _usable_previous(vectorstore: Path, embedder: DocumentEmbedder) -> tuple[Manifest | None, str | None]:
    """The current generation if it can be built upon, else why not."""
    try:
        manifest = read_manifest(vectorstore)
        if not manifest.is_built_like(embedder_fingerprint=embedder.fingerprint, passage_format=PASSAGE_FORMAT):
            return None, _OTHER
        check_before_building(generation_folder(vectorstore, manifest.generation), manifest)
    except NoIndexError:
        return None, None
    except IndexMismatchError:
        return None, _OTHER
    except CorruptIndexError as exc:
        return None, str(exc).partition(" Run ")[0]
    return manifest, None


def _indexed(folder: Path | None) -> Indexed:
    if folder is None:
        return {}
    with Catalog(folder / FILE_NAME) as catalog:
        return catalog.digests()


def _new_records(
    task: _Task, changes: Changes, indexed: Indexed, problems: list[RecordError], read: set[str]
) -> Iterator[NewRecord]:
    """The records that the index lacks; ``read`` gets the place of each."""
    cutting = Cutting(task.embedder.window, task.embedder.count_tokens)
    for new in read_changed(
        changes, indexed, cutting, problems, lambda done, total: task.progress("reading", done, total)
    ):
        read.add(new[0].source)
        yield new


def _stage_catalog(
    staged: Path,
    previous: Path | None,
    changes: Changes,
    new: Iterator[NewRecord],
) -> tuple[int, int]:
    """Make the catalog in ``staged``: the previous one with the changes; how many figures and passages it holds."""
    path = staged / FILE_NAME
    if previous and not changes.to_read and not changes.gone:
        # Only vectors are missing.
        share_file(previous / FILE_NAME, path)
        with Catalog(path) as catalog:
            return catalog.figures, catalog.passages
    if previous:
        copy_file(previous / FILE_NAME, path)
    with open_catalog_writer(path) as catalog:
        for figid in sorted(changes.gone):  # equal catalogs for equal records: their hash names the vectors' collection
            catalog.delete(figid)
        for file, record, passages in new:
            catalog.put(record, passages, source=file.source, digest=file.digest)
        counts = catalog.counts()
        catalog.commit()
    return counts


def _manifest(task: _Task, figures: int, passages: int) -> Manifest:
    """What is known of the new generation before its vectors are made."""
    return Manifest(
        generation="",
        format=FORMAT,
        passage_format=PASSAGE_FORMAT,
        embedder=task.embedder.name,
        embedder_fingerprint=task.embedder.fingerprint,
        dimension=task.embedder.dimension,
        figures=figures,
        passages=passages,
        built=datetime.now(UTC).isoformat(timespec="seconds"),
        corpus=task.corpus.resolve().name,
        files={},
        vectors=0,
    )
