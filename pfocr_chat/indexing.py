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

from pfocr_chat.catalog import FILE_NAME, Catalog, CatalogWriter
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
from pfocr_chat.records import FigureRecord, Passage
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
    records among them. ``rebuilt`` says why the index was built anew, where it was.
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
    found = find_records(corpus)
    with writing(vectorstore):
        try:
            return _converge(found, corpus, vectorstore, embedder, progress or _silent)
        except OSError as exc:
            raise VectorstoreError(f"The index in {vectorstore} cannot be written: {exc.strerror}.") from exc


def _converge(
    found: list[RecordFiles], corpus: Path, vectorstore: Path, embedder: DocumentEmbedder, progress: Progress
) -> IndexReport:
    previous, why_anew = _usable_previous(vectorstore, embedder)
    problems: list[RecordError] = []
    plan = _plan(found, corpus, _indexed(vectorstore, previous), problems)
    if previous and not plan.to_read and not plan.vanished and not plan.replaced:
        return _unchanged(previous, plan, found, problems)
    name, staged = staging_folder(vectorstore, previous)
    try:
        read = _build(staged, plan, embedder, problems, progress)
        if not read.figures:
            raise CorpusError(f"None of the {len(found):,} record files could be read. The first: {problems[0]}.")
        if previous and not (read.sources or plan.vanished or plan.replaced):
            return _unchanged(previous, plan, found, problems)
        manifest = Manifest(
            generation=name,
            format=FORMAT,
            passage_format=PASSAGE_FORMAT,
            embedder=embedder.name,
            embedder_fingerprint=embedder.fingerprint,
            dimension=embedder.dimension,
            figures=read.figures,
            passages=read.passages,
            built=datetime.now(UTC).isoformat(timespec="seconds"),
            corpus=corpus.resolve().name,
            files={},
        )
        published = publish(vectorstore, manifest, staged)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return IndexReport(
        published,
        added=len(read.sources - plan.replaced.keys()),
        changed=len(read.sources & plan.replaced.keys()),
        deleted=len(plan.vanished),
        unchanged=plan.unchanged,
        unreadable=len(found) - plan.unchanged - len(read.sources),
        problems=tuple(problems),
        rebuilt=why_anew,
    )


def _unchanged(current: Manifest, plan: _Plan, found: list[RecordFiles], problems: list[RecordError]) -> IndexReport:
    return IndexReport(
        current, unchanged=plan.unchanged, unreadable=len(found) - plan.unchanged, problems=tuple(problems)
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


def _plan(
    found: list[RecordFiles], corpus: Path, indexed: dict[str, tuple[str, str]], problems: list[RecordError]
) -> _Plan:
    """Compare the files' hashes with the index's."""
    to_read: list[_File] = []
    replaced: dict[str, str] = {}
    sources: set[str] = set()
    for files in found:
        source = files.path.relative_to(corpus).as_posix()
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


@dataclass(frozen=True, slots=True)
class _Built:
    """The files read into a staged generation, and what it holds in all."""

    sources: set[str]
    figures: int
    passages: int


def _build(
    staged: Path, plan: _Plan, embedder: DocumentEmbedder, problems: list[RecordError], progress: Progress
) -> _Built:
    """Apply the plan to the stores in ``staged``."""
    gone = [*plan.vanished, *plan.replaced.values()]
    with (
        CatalogWriter(staged / FILE_NAME) as catalog,
        VectorIndex(staged / FOLDER_NAME, create=True) as vectors,
    ):
        for figid in gone:
            catalog.delete(figid)
        if gone:
            vectors.delete([i for i in vectors.ids() if i.rpartition("#")[0] in set(gone)])
        new: list[tuple[FigureRecord, Passage]] = []
        sources: set[str] = set()
        present = catalog.sources()
        for done, file in enumerate(plan.to_read, start=1):
            try:
                record, table_problems = read_record(file.files)
                if record.figid in present:
                    raise RecordError(file.files.path, f"{record.figid} stands in {present[record.figid]} already")
            except RecordError as problem:
                problems.append(problem)
            else:
                problems.extend(table_problems)
                passages = to_passages(record, window=embedder.window, count_tokens=embedder.count_tokens)
                catalog.put(record, passages, source=file.source, digest=file.digest)
                new.extend((record, passage) for passage in passages)
                present[record.figid] = file.source
                sources.add(file.source)
            progress("reading", done, len(plan.to_read))
        _embed(new, vectors, embedder, progress)
        figures, passage_count = catalog.counts()
        catalog.commit()
    return _Built(sources, figures, passage_count)


def _embed(
    new: list[tuple[FigureRecord, Passage]],
    vectors: VectorIndex,
    embedder: DocumentEmbedder,
    progress: Progress,
) -> None:
    progress("embedding", 0, len(new))
    for start in range(0, len(new), EMBED_BLOCK):
        block = new[start : start + EMBED_BLOCK]
        vectors.add([p for _, p in block], [r for r, _ in block], embedder.encode([p.text for _, p in block]))
        progress("embedding", start + len(block), len(new))
