"""Embedding the passages of a generation that is being built, and publishing it in steps meanwhile.

What is embedded is written to the builder's cache at once, so that an interrupted run loses a block at most.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pfocr_chat.buildcache import BuildCache, stored_form
from pfocr_chat.catalog import FILE_NAME
from pfocr_chat.disk import share_file
from pfocr_chat.errors import VectorstoreError
from pfocr_chat.generations import Manifest, publish, staging_folder
from pfocr_chat.passagestore import PassageStore
from pfocr_chat.records import FigureRecord, Passage, figid_of
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex, copy_vectors

_log = logging.getLogger(__name__)

WINDOW = 2_048
"""Passages that are put in order of length together: batches of one length compute nothing for padding."""
BLOCK = 256
"""Passages that are embedded, and made to last, at a time."""
GREAT_PART = 0.1
"""Share of an index's passages whose lack of vectors is worth a generation without them."""


Deliver = Callable[[Path], object]
"""Is given the folder of a complete generation."""


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
class Pace:
    """When a generation is published that still lacks vectors.

    At once where more than ``at_once`` passages lack them and they are a good part of the index; then
    every ``seconds``, or later: a step copies the vectors made so far, and gets a ``share`` of the time at most.
    """

    at_once: int = 2_000
    seconds: float = 180.0
    share: float = 0.04


@dataclass(slots=True)
class _Steps:
    """Publishing what a build has so far."""

    vectorstore: Path
    staged: Path
    manifest: Manifest
    pace: Pace
    is_used: bool = False
    due: float = field(default=0.0)

    def publish_part(self, vectors: int) -> None:
        """Publish a copy of the stores, which nobody may have open; without room for one, none from then on."""
        begun = time.monotonic()
        part = staging_folder(self.vectorstore)
        try:
            share_file(self.staged / FILE_NAME, part / FILE_NAME)
            copy_vectors(self.staged / FOLDER_NAME, part / FOLDER_NAME)
            publish(self.vectorstore, replace(self.manifest, vectors=vectors), part)
        except (OSError, VectorstoreError) as exc:
            self.is_used = False  # the build itself needs less, and will tell if it cannot go on
            _log.warning("The index is not published before all its vectors are there: %s", exc)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        now = time.monotonic()
        self.due = now + max(self.pace.seconds, (now - begun) / self.pace.share)

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next step."""
        return self.is_used and time.monotonic() >= self.due


def add_vectors(
    vectorstore: Path,
    staged: Path,
    manifest: Manifest,
    gone: Collection[str],
    *,
    embedder: DocumentEmbedder,
    cache: BuildCache,
    pace: Pace,
    progress: Callable[[str, int, int], None],
    deliver: Deliver | None,
) -> Manifest:
    """Give every passage of the catalog in ``staged`` its vector and publish; the manifest of the last generation.

    The vectors there may be those of an earlier generation; of the figures in ``gone`` they are not used.
    With ``deliver``, which is given the folder before, no step is published.
    """
    with PassageStore(staged / FILE_NAME) as store:
        with VectorIndex(staged / FOLDER_NAME, create=True) as vectors:
            wanted = store.ids()
            there = vectors.ids()
            known = there & frozenset(i for i in wanted if figid_of(i) not in gone)
            vectors.delete(sorted(there - known))
        missing = [passage_id for passage_id in wanted if passage_id not in known]
        steps = _Steps(vectorstore, staged, manifest, pace)
        if not deliver and len(missing) > max(pace.at_once, GREAT_PART * len(wanted)):
            steps.is_used = True
            steps.publish_part(len(known))
        _embed(store, missing, steps, len(known), embedder=embedder, cache=cache, progress=progress)
        if deliver:
            deliver(staged)
        published = publish(vectorstore, replace(manifest, vectors=len(wanted)), staged)
        try:
            cache.drop_unused(store.texts(), len(wanted))
        except VectorstoreError as exc:  # the index is complete without that
            _log.warning("What the builder remembers in vain could not be removed: %s", exc)
    return published


def _embed(
    store: PassageStore,
    missing: Sequence[str],
    steps: _Steps,
    known: int,
    *,
    embedder: DocumentEmbedder,
    cache: BuildCache,
    progress: Callable[[str, int, int], None],
) -> None:
    progress("embedding", 0, len(missing))
    done = 0
    while done < len(missing):
        with VectorIndex(steps.staged / FOLDER_NAME, create=True) as vectors:
            while done < len(missing) and not steps.is_due:
                items = store.read(missing[done : done + WINDOW])
                for block, made in _vectors_of(items, embedder, cache):
                    vectors.add([passage for passage, _ in block], [record for _, record in block], made)
                    done += len(block)
                    progress("embedding", done, len(missing))
        if done < len(missing) and steps.is_used:
            steps.publish_part(known + done)


def _vectors_of(
    items: Sequence[tuple[Passage, FigureRecord]], embedder: DocumentEmbedder, cache: BuildCache
) -> Iterator[tuple[list[tuple[Passage, FigureRecord]], npt.NDArray[np.float32]]]:
    """The items in blocks, each with its vectors: first those that were embedded before, then by length."""
    before = cache.vectors([passage.text for passage, _ in items], embedder.dimension)
    if before:
        yield [items[place] for place in before], np.stack(list(before.values()))
    left = sorted((i for n, i in enumerate(items) if n not in before), key=lambda item: len(item[0].text), reverse=True)
    for start in range(0, len(left), BLOCK):
        block = left[start : start + BLOCK]
        texts = [passage.text for passage, _ in block]
        made = stored_form(embedder.encode(texts))
        cache.put_vectors(texts, made)
        yield block, made
