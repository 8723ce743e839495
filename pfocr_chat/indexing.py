"""Making an index agree with a folder of records.

Unchanged files cost a hash. Changed and new ones are read, cut into passages and embedded;
vanished ones are deleted. The work is done on a copy of the current generation, which replaces it
when complete.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.corpus import RecordFiles, find_records, read_record
from pfocr_chat.errors import CorpusError, CorruptIndexError, NoIndexError, RecordError, VectorstoreError
from pfocr_chat.generations import (
    FORMAT,
    Manifest,
    check_files,
    generation_folder,
    publish,
    read_manifest,
    staging_folder,
    writing,
)
from pfocr_chat.passages import PASSAGE_FORMAT, to_passages
from pfocr_chat.records import FigureRecord, Passage, figid_of
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

EMBED_BLOCK = 256
"""Passages embedded and written at a time."""

Progress = Callable[[str, int, int], None]
"""Told the step ("reading", "embedding"), how many are done, and how many there are."""


def _silent(step: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


class DocumentEmbedder(Protocol):
    """What indexing needs of an embedder."""

    name: str
    dimension: int
    window: int

    @property
    def fingerprint(self) -> str: ...

    def count_tokens(self, text: str) -> int: ...

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]: ...


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
class _File:
    """A record file with its place in the corpus and its hash."""

    source: str
    digest: str
    files: RecordFiles


@dataclass(frozen=True, slots=True)
class _Plan:
    """What differs between the corpus and the index."""

    to_read: list[_File]
    replaced: dict[str, str]
    vanished: list[str]
    unchanged: int

    @property
    def gone(self) -> frozenset[str]:
        """The figids to be deleted, those of changed files included."""
        return frozenset([*self.vanished, *self.replaced.values()])


@dataclass(frozen=True, slots=True)
class _New:
    """A record to be added, with its passages."""

    file: _File
    record: FigureRecord
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be indexed, where, and with what."""

    found: list[RecordFiles]
    corpus: Path
    vectorstore: Path
    embedder: DocumentEmbedder
    progress: Progress


def build_index(
    corpus: Path,
    vectorstore: Path,
    embedder: DocumentEmbedder,
    *,
    progress: Progress | None = None,
) -> IndexReport:
    """Converge the index in ``vectorstore`` to the records in ``corpus``.

    An index that is damaged or was built by another embedder or version is built anew.

    Raises:
        CorpusError: the folder is missing or holds no record, or none of its records can be read.
        IndexBusyError: another process is writing the index.
        VectorstoreError: the index cannot be written.
    """
    task = _Task(find_records(corpus), corpus, vectorstore, embedder, progress or _silent)
    with writing(vectorstore):
        try:
            previous, why_anew = _usable_previous(vectorstore, embedder)
            if previous:
                try:
                    return _converge(task, previous, None)
                except CorruptIndexError:
                    # Its files have their sizes and are damaged inside, found out in reading or changing a copy.
                    why_anew = f"The index in {vectorstore} is damaged."
            return _converge(task, None, why_anew)
        except OSError as exc:
            raise VectorstoreError(f"The index in {vectorstore} cannot be written: {exc.strerror or exc}.") from exc


def _converge(task: _Task, previous: Manifest | None, why_anew: str | None) -> IndexReport:
    problems: list[RecordError] = []
    indexed = _indexed(task.vectorstore, previous)
    plan = _plan(task, indexed, problems)
    new = _read(task, plan, indexed, problems)
    if not new and not plan.unchanged:
        raise CorpusError(f"None of the {len(task.found):,} record files could be read. The first: {problems[0]}.")
    if previous and not (new or plan.vanished or plan.replaced):
        return _report(task, plan, new, problems, previous, None)
    name, staged = staging_folder(task.vectorstore, previous)
    try:
        figures, passages = _build(staged, task, plan, new)
        manifest = Manifest(
            generation=name,
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
        )
        published = publish(task.vectorstore, manifest, staged)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return _report(task, plan, new, problems, published, why_anew)


def _report(
    task: _Task,
    plan: _Plan,
    new: list[_New],
    problems: list[RecordError],
    manifest: Manifest,
    why_anew: str | None,
) -> IndexReport:
    read = {item.file.source for item in new}
    return IndexReport(
        manifest,
        added=len(read - plan.replaced.keys()),
        changed=len(read & plan.replaced.keys()),
        deleted=len(plan.vanished),
        unchanged=plan.unchanged,
        unreadable=len(task.found) - plan.unchanged - len(read),
        problems=tuple(problems),
        rebuilt=why_anew,
    )


def _usable_previous(vectorstore: Path, embedder: DocumentEmbedder) -> tuple[Manifest | None, str | None]:
    """The current generation if it can be built upon, else why not."""
    try:
        manifest = read_manifest(vectorstore)
        check_files(vectorstore, manifest)
    except NoIndexError:
        return None, None
    except CorruptIndexError as exc:
        return None, str(exc).partition(" Run ")[0]
    if manifest.is_built_like(embedder_fingerprint=embedder.fingerprint, passage_format=PASSAGE_FORMAT):
        return manifest, None
    return None, "The index was built with another embedder or format."


def _indexed(vectorstore: Path, previous: Manifest | None) -> dict[str, tuple[str, str]]:
    if previous is None:
        return {}
    with Catalog(generation_folder(vectorstore, previous.generation) / FILE_NAME) as catalog:
        return catalog.digests()


def _plan(task: _Task, indexed: dict[str, tuple[str, str]], problems: list[RecordError]) -> _Plan:
    """Compare the files' hashes with the index's."""
    to_read: list[_File] = []
    replaced: dict[str, str] = {}
    sources: set[str] = set()
    for files in task.found:
        source = files.path.relative_to(task.corpus).as_posix()
        sources.add(source)
        try:
            digest = files.digest()
        except RecordError as problem:
            problems.append(problem)
            digest = ""
        if source in indexed:
            if indexed[source][0] == digest:
                continue
            replaced[source] = indexed[source][1]
        if digest:
            to_read.append(_File(source, digest, files))
    vanished = [figid for source, (_, figid) in indexed.items() if source not in sources]
    unchanged = len(indexed) - len(replaced) - len(vanished)
    return _Plan(to_read, replaced, vanished, unchanged)


def _read(task: _Task, plan: _Plan, indexed: dict[str, tuple[str, str]], problems: list[RecordError]) -> list[_New]:
    """The records that the index lacks, cut into passages."""
    new: list[_New] = []
    gone = plan.gone
    holders = {figid: source for source, (_, figid) in indexed.items() if figid not in gone}
    for done, file in enumerate(plan.to_read, start=1):
        try:
            record, table_problems = read_record(file.files)
            if record.figid in holders:
                raise RecordError(file.files.path, f"{record.figid} stands in {holders[record.figid]} already")
        except RecordError as problem:
            problems.append(problem)
        else:
            problems.extend(table_problems)
            window, count_tokens = task.embedder.window, task.embedder.count_tokens
            new.append(_New(file, record, to_passages(record, window=window, count_tokens=count_tokens)))
            holders[record.figid] = file.source
        task.progress("reading", done, len(plan.to_read))
    return new


def _build(staged: Path, task: _Task, plan: _Plan, new: list[_New]) -> tuple[int, int]:
    """Apply the changes to the stores in ``staged``; how many figures and passages they then hold."""
    gone = plan.gone
    with (
        open_catalog_writer(staged / FILE_NAME) as catalog,
        VectorIndex(staged / FOLDER_NAME, create=True) as vectors,
    ):
        for figid in gone:
            catalog.delete(figid)
        if gone:
            vectors.delete([i for i in vectors.ids() if figid_of(i) in gone])
        for item in new:
            catalog.put(item.record, item.passages, source=item.file.source, digest=item.file.digest)
        _embed([(item.record, passage) for item in new for passage in item.passages], vectors, task)
        counts = catalog.counts()
        catalog.commit()
    return counts


def _embed(new: list[tuple[FigureRecord, Passage]], vectors: VectorIndex, task: _Task) -> None:
    task.progress("embedding", 0, len(new))
    for start in range(0, len(new), EMBED_BLOCK):
        block = new[start : start + EMBED_BLOCK]
        vectors.add([p for _, p in block], [r for r, _ in block], task.embedder.encode([p.text for _, p in block]))
        task.progress("embedding", start + len(block), len(new))
