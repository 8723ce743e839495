"""Whether both stores of a generation are whole, and agree with each other and with the manifest.

``check_before_building`` is what every run of indexing can afford; ``check_stores`` reads everything, and
``check_served`` what a Chroma server has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pfocr_chat import buildcache, feedback
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.chromaserver import ChromaServer, collection_of
from pfocr_chat.disk import open_database, reading_from, unreadable
from pfocr_chat.errors import CorruptIndexError
from pfocr_chat.exactvectors import FILE_NAME as VECTORS
from pfocr_chat.exactvectors import ExactVectors
from pfocr_chat.generations import Manifest, check_contents, check_sizes, generation_folder
from pfocr_chat.passagestore import PassageStore
from pfocr_chat.vectorindex import DATABASE, FOLDER_NAME, VectorIndex, Vectors

UNIT = 0.01
"""A vector may be longer or shorter than 1 by so much."""
ALIKE = 0.002
"""The two copies of a vector may differ by so much in a number; the one kept by passage has 16 bits."""
NEAREST = 5
SAMPLES = 50
"""Passages that are searched for."""
ENOUGH = 0.5
"""Share of them that Chroma's graph has to find: its search is approximate, the more so among texts of one pattern."""

_WITHOUT_FIGURE = ("records", "organisms", "shown", "passages", "abbreviations", "fulltext")


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check: ``found`` says it in words, the error where it ``is_sound`` not."""

    what: str
    found: str
    is_sound: bool = True


def check_before_building(folder: Path, manifest: Manifest) -> None:
    """Make sure that a generation can be built upon: its files are what was written, and both stores have the same ids.

    Raises:
        CorruptIndexError: they are not.
        VectorstoreError: the system does not let us read them.
    """
    check_sizes(folder, manifest)
    check_contents(folder, manifest)
    _check_database(folder / FOLDER_NAME / DATABASE, "quick_check")
    _passages(folder, manifest)


def check_stores(vectorstore: Path, manifest: Manifest) -> Iterator[Finding]:
    """Read both stores from end to end, and tell of each check when it is done.

    Where files are missing or changed it ends there: Chroma may crash over them.

    Raises:
        VectorstoreError: the system does not let us read or, where that is needed, write.
    """
    folder = generation_folder(vectorstore, manifest.generation)
    checks: Sequence[tuple[str, Callable[[], str]]] = (
        ("files", lambda: _files(folder, manifest)),
        ("contents", lambda: _contents(folder, manifest)),
        ("catalog", lambda: _catalog(folder / FILE_NAME, manifest)),
        ("full text", lambda: _full_text(folder / FILE_NAME)),
        ("columns", lambda: _columns(folder / FILE_NAME)),
        ("database", lambda: _check_database(folder / FOLDER_NAME / DATABASE, "integrity_check")),
        ("passages", lambda: _passages(folder, manifest)),
        ("vectors", lambda: _vectors(folder)),
        ("search", lambda: _search(folder)),
        ("beside", lambda: _beside(vectorstore)),
    )
    for what, check in checks:
        try:
            yield Finding(what, check())
        except CorruptIndexError as exc:
            yield Finding(what, str(exc), is_sound=False)
            if what in ("files", "contents"):
                return


def check_served(server: ChromaServer, vectorstore: Path, manifest: Manifest) -> Finding:
    """Read all that a Chroma server has of a generation: the same passages, with the vectors that lie in the folder.

    Raises:
        IndexMismatchError: an earlier version made the generation.
        CorruptIndexError: the folder cannot be read.
        ChromaServerError: the server has no such collection, or fails.
    """
    name = collection_of(manifest)
    folder = generation_folder(vectorstore, manifest.generation)
    try:
        with PassageStore(folder / FILE_NAME) as store, closing(ExactVectors(folder / FOLDER_NAME / VECTORS)) as exact:
            return _served(server, name, frozenset(store.ids()), exact)
    except sqlite3.Error as exc:
        raise unreadable(folder / FOLDER_NAME / VECTORS, exc) from exc


@dataclass(slots=True)
class Served:
    """What a Chroma server has: the passages ``there``, of which so many were ``compared`` with vectors that are kept
    here, and some have a ``different`` one."""

    there: set[str] = field(default_factory=set)
    different: set[str] = field(default_factory=set)
    compared: int = 0


def compare_served(server: ChromaServer, name: str, exact: ExactVectors) -> Served:
    """Read all vectors of the collection ``name`` beside those kept by passage, some of which may be missing.

    Raises:
        ChromaServerError: the server fails.
    """
    served = Served()
    for ids, vectors in server.vectors(name):
        served.there.update(ids)
        kept = exact.vectors(ids)
        served.compared += len(kept)
        pairs = zip(ids, vectors, strict=True)
        served.different |= {i for i, vector in pairs if i in kept and not _alike(vector, kept[i])}
    return served


def _wrong(path: Path, what: str) -> CorruptIndexError:
    return CorruptIndexError(f"The index is damaged at {path}: {what}.")


def _files(folder: Path, manifest: Manifest) -> str:
    check_sizes(folder, manifest)
    return f"{len(manifest.files)} files, {sum(manifest.files.values()):,} bytes, as the manifest says"


def _contents(folder: Path, manifest: Manifest) -> str:
    check_contents(folder, manifest)
    if not manifest.hashes:
        return "an earlier version made the index and noted no hashes"
    return f"{len(manifest.hashes)} files have the hashes that the manifest says"


def _catalog(path: Path, manifest: Manifest) -> str:
    _check_database(path, "integrity_check")
    with reading_from(path), closing(open_database(path)) as db:
        for table in _WITHOUT_FIGURE:
            key = "rowid" if table == "fulltext" else "figure"
            # The figure of an abbreviation that comes with the program is 0.
            sql = f"SELECT count(*) FROM {table} WHERE {key} NOT IN (SELECT id FROM figures UNION SELECT 0)"  # noqa: S608 - own names  # nosec B608
            if (lost := db.execute(sql).fetchone()[0]) > 0:
                raise _wrong(path, f"{lost:,} rows of {table} belong to no figure")
        if (
            lost := db.execute("SELECT count(*) FROM shown WHERE term NOT IN (SELECT id FROM terms)").fetchone()[0]
        ) > 0:
            raise _wrong(path, f"{lost:,} rows of shown have no term")
        bare = "SELECT count(*) FROM figures WHERE id NOT IN (SELECT figure FROM {})"
        for table in ("records", "passages"):
            if (lost := db.execute(bare.format(table)).fetchone()[0]) > 0:
                raise _wrong(path, f"{lost:,} figures have no row in {table}")
        figures, passages = db.execute(
            "SELECT (SELECT count(*) FROM figures), (SELECT count(*) FROM passages)"
        ).fetchone()
    if (figures, passages) != (manifest.figures, manifest.passages):
        raise _wrong(
            path, f"{figures:,} figures and {passages:,} passages, not {manifest.figures:,} and {manifest.passages:,}"
        )
    return f"{figures:,} figures with {passages:,} passages, as the manifest says; every row belongs to one"


def _full_text(path: Path) -> str:
    with reading_from(path), closing(open_database(path)) as db:
        # The check is an INSERT that changes nothing, and it is undone.
        db.execute("PRAGMA journal_mode = MEMORY")
        for table in ("fulltext", "naming"):
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")  # noqa: S608 - own names  # nosec B608
        db.rollback()
        (figures,) = db.execute("SELECT count(*) FROM figures").fetchone()
        rows = [db.execute(f"SELECT count(*) FROM {table}_docsize").fetchone()[0] for table in ("fulltext", "naming")]  # noqa: S608 - own names  # nosec B608
    if rows != [figures, figures]:
        raise _wrong(path, f"{rows[0]:,} and {rows[1]:,} rows of full text for {figures:,} figures")
    return f"{figures:,} rows in each of the two indexes, which fit their words"


def _columns(path: Path) -> str:
    """Every record and every column can be made of what is stored."""
    with Catalog(path) as catalog:
        figids = sorted(catalog.figids())
        for start in range(0, len(figids), 1_000):
            read = catalog.records(figids[start : start + 1_000])
            if len(read) != len(figids[start : start + 1_000]):
                raise _wrong(path, "a record has another figid than its figure")
        for facet in ("year", "journal", "organism", "gene", "chemical", "disease", "paper", "figtype"):
            catalog.facet_counts(facet, figids[:1])
    return f"{len(figids):,} records can be read, and what they are counted by"


def _check_database(path: Path, how: str) -> str:
    with reading_from(path), closing(open_database(path)) as db:
        said = [row[0] for row in db.execute(f"PRAGMA {how}(3)")]
    if said != ["ok"]:
        raise _wrong(path, f"SQLite finds: {'; '.join(map(str, said))[:200]}")
    return f"{path.name} is whole, says SQLite"


def _passages(folder: Path, manifest: Manifest) -> str:
    with PassageStore(folder / FILE_NAME) as store, VectorIndex(folder / FOLDER_NAME) as vectors:
        wanted = frozenset(store.ids())
        there = {"Chroma": vectors.ids(), "vectors.sqlite": vectors.exact_ids() if vectors.has_exact else vectors.ids()}
    for name, ids in there.items():
        if strange := ids - wanted:
            raise _wrong(folder, f"{name} has {len(strange):,} vectors of no passage, of {min(strange)} say")
        if manifest.is_complete and (missing := wanted - ids):
            raise _wrong(folder, f"{name} has no vector of {len(missing):,} passages, of {min(missing)} say")
        if len(ids) != manifest.vectors:
            raise _wrong(folder, f"{name} has {len(ids):,} vectors, not {manifest.vectors:,}")
    if manifest.is_complete:
        return (
            f"each of {len(wanted):,} passages has one vector in Chroma and one in vectors.sqlite, and nothing else has"
        )
    return f"{manifest.vectors:,} of {len(wanted):,} passages have their vectors so far, as the manifest says"


def _served(server: ChromaServer, name: str, wanted: frozenset[str], exact: ExactVectors) -> Finding:
    served = compare_served(server, name, exact)
    wrong = {
        "of no passage": served.there - wanted,
        "missing": wanted - served.there,
        "different from those here": served.different,
        "not found by themselves": _unfound(server, name, exact.vectors(_some(served.there))),
    }
    if told := [f"{len(ids):,} {how}, {min(ids)} say" for how, ids in wrong.items() if ids]:
        return Finding("server", f"of the vectors in the collection {name}, {'; '.join(told)}", is_sound=False)
    compared = f"{served.compared:,} compared with those here"
    return Finding("server", f"the collection {name} has the {len(served.there):,} vectors; {compared}")


def _unfound(server: ChromaServer, name: str, vectors: Mapping[str, Vectors]) -> set[str]:
    """The passages that a server does not find by their own vectors, nor any as near; none where it finds enough."""
    unfound = set()
    for passage_id, vector in vectors.items():
        near = server.nearest(name, vector, NEAREST)
        if not near or near[0][2] <= 1 - UNIT:
            unfound.add(passage_id)
    return unfound if len(unfound) > (1 - ENOUGH) * len(vectors) else set()


def _some(ids: Iterable[str]) -> list[str]:
    """As many as are searched for."""
    every = sorted(ids)
    return every[:: max(1, len(every) // SAMPLES)][:SAMPLES]


def _alike(one: Vectors, other: Vectors) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= ALIKE)  # not where it is no number


def _vectors(folder: Path) -> str:
    with VectorIndex(folder / FOLDER_NAME) as vectors:
        ids = sorted(vectors.ids())
        longest = difference = 0.0
        for passage_id, vector, exact in vectors.pairs(ids):
            off = abs(float(np.linalg.norm(vector)) - 1.0)
            if not off <= UNIT:  # also where it is no number
                raise _wrong(folder, f"the vector of {passage_id} has not the length 1")
            apart = float(np.abs(vector - exact).max()) if exact is not None else 0.0
            if not apart <= ALIKE:
                raise _wrong(folder, f"the two vectors of {passage_id} differ")
            longest, difference = max(longest, off), max(difference, apart)
    return f"{len(ids):,} vectors of length 1 (within {longest:.4f}), the same in both stores (within {difference:.4f})"


def _search(folder: Path) -> str:
    """Each of some passages is what its own vector finds, or as near as it is."""
    with VectorIndex(folder / FOLDER_NAME) as vectors:
        ids = vectors.ids()
        asked = _some(ids)
        found = 0
        for passage_id, vector, _ in vectors.pairs(asked):
            near = vectors.search(vector.tolist(), NEAREST)
            if len(near) < min(NEAREST, len(ids)):
                raise _wrong(folder, f"Chroma finds {len(near)} passages near to {passage_id}, and not {NEAREST}")
            found += near[0][2] > 1 - UNIT
    if found < ENOUGH * len(asked):
        raise _wrong(folder, f"Chroma's search finds {found} of {len(asked)} passages by their own vectors")
    return f"{found} of {len(asked)} passages are found by their own vectors"


def _beside(vectorstore: Path) -> str:
    """What lies beside the generations, and is no part of them."""
    there = [name for name in (feedback.FILE_NAME, buildcache.FILE_NAME) if (vectorstore / name).exists()]
    for name in there:
        try:
            _check_database(vectorstore / name, "integrity_check")
        except CorruptIndexError as exc:
            advice = "Put a backup in its place" if name == feedback.FILE_NAME else "Remove it"
            raise CorruptIndexError(f"{str(exc).partition(' Run ')[0]} {advice}.") from exc
    return " and ".join(there) + (" are whole" if len(there) > 1 else " is whole") if there else "nothing"
