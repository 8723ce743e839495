"""The door to SQLite: records, their gene, chemical and disease tables, names, and full text.

One file per generation. ``CatalogWriter`` changes it while a generation is being built;
``Catalog`` reads a published one, from any thread.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pfocr_chat.errors import CorruptIndexError, VectorstoreError
from pfocr_chat.lexicon import atoms, name_key, singular
from pfocr_chat.records import FigureRecord, Kind, Mention, Passage, Tier

FILE_NAME = "catalog.sqlite"

_SCHEMA = """
CREATE TABLE figures (
    id INTEGER PRIMARY KEY,
    figid TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    pmcid TEXT, alias TEXT, year INTEGER, journal TEXT,
    record TEXT NOT NULL
);
CREATE INDEX figures_pmcid ON figures (pmcid);
CREATE INDEX figures_alias ON figures (alias);
CREATE INDEX figures_year ON figures (year);
CREATE TABLE organisms (figure INTEGER NOT NULL, organism TEXT NOT NULL, PRIMARY KEY (figure, organism)) WITHOUT ROWID;
CREATE INDEX organisms_organism ON organisms (organism);
CREATE TABLE mentions (
    figure INTEGER NOT NULL, kind TEXT NOT NULL, word TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,
    tier INTEGER NOT NULL, identifier TEXT, organism TEXT
);
CREATE INDEX mentions_figure ON mentions (figure);
CREATE INDEX mentions_key ON mentions (key);
CREATE INDEX mentions_name ON mentions (name, kind, tier);
CREATE TABLE passages (passage_id TEXT PRIMARY KEY, figure INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX passages_figure ON passages (figure);
CREATE VIRTUAL TABLE fulltext USING fts5 (title, caption, paper, names, tokenize = 'porter unicode61');
CREATE VIRTUAL TABLE words USING fts5vocab (fulltext, 'row');
"""

BM25_WEIGHTS = (1.0, 1.0, 1.0, 0.25)
"""Of title, caption, paper title with keywords, and printed names."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a printed word stands for in the corpus: how often it was matched to ``name``, and how."""

    kind: Kind
    key: str
    name: str
    tier: Tier
    count: int


def _connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    mode = "rwc" if writable else "ro&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, check_same_thread=False)


def _damaged(path: Path, exc: sqlite3.DatabaseError) -> CorruptIndexError:
    return CorruptIndexError(f"The index file {path} is damaged ({exc}). Run `pfocr-chat index` on your records again.")


@contextmanager
def open_catalog_writer(path: Path) -> Iterator[CatalogWriter]:
    """Change the catalog at ``path``, which is made where it is missing.

    Raises:
        CorruptIndexError: the file is damaged.
        VectorstoreError: it cannot be written.
    """
    fresh = not path.exists()
    try:
        with closing(_connect(path, writable=True)) as db:
            if fresh:
                db.executescript(_SCHEMA)
            yield CatalogWriter(db)
    except sqlite3.OperationalError as exc:
        raise VectorstoreError(f"The index file {path} cannot be written ({exc}).") from exc
    except sqlite3.DatabaseError as exc:
        raise _damaged(path, exc) from exc


class CatalogWriter:
    """Changes a catalog that nobody reads yet; what is not committed is not kept."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def put(self, record: FigureRecord, passages: Sequence[Passage], *, source: str, digest: str) -> None:
        """Add a record that the catalog does not hold."""
        figure = self._db.execute(
            "INSERT INTO figures (figid, source, digest, pmcid, alias, year, journal, record)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.figid,
                source,
                digest,
                record.pmcid,
                record.alias,
                record.year,
                record.journal,
                _dump(record),
            ),
        ).lastrowid
        self._db.executemany("INSERT INTO organisms VALUES (?, ?)", [(figure, o) for o in record.organisms])
        self._db.executemany(
            "INSERT INTO mentions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (figure, m.kind, m.word, name_key(m.word), m.name, int(m.tier), m.identifier, m.organism)
                for m in record.mentions
            ],
        )
        self._db.executemany(
            "INSERT INTO passages VALUES (?, ?, ?)", [(p.passage_id, figure, p.text) for p in passages]
        )
        columns = (record.title, record.caption, _paper_text(record), _names_text(record))
        self._db.execute(
            "INSERT INTO fulltext (rowid, title, caption, paper, names) VALUES (?, ?, ?, ?, ?)",
            (figure, *(" ".join(atoms(text or "")) for text in columns)),
        )

    def delete(self, figid: str) -> None:
        """Remove a record with all that belongs to it."""
        row = self._db.execute("SELECT id FROM figures WHERE figid = ?", (figid,)).fetchone()
        if row:
            for table in ("organisms", "mentions", "passages"):
                self._db.execute(f"DELETE FROM {table} WHERE figure = ?", row)  # noqa: S608 - fixed names
            self._db.execute("DELETE FROM fulltext WHERE rowid = ?", row)
            self._db.execute("DELETE FROM figures WHERE id = ?", row)

    def counts(self) -> tuple[int, int]:
        """How many figures and passages it holds."""
        return _counts(self._db)

    def commit(self) -> None:
        """Make the changes last, with the statistics that the query planner uses."""
        self._db.execute("INSERT INTO fulltext (fulltext) VALUES ('optimize')")
        self._db.commit()
        self._db.execute("ANALYZE")
        self._db.commit()


def _counts(db: sqlite3.Connection) -> tuple[int, int]:
    figures, passages = db.execute("SELECT (SELECT count(*) FROM figures), (SELECT count(*) FROM passages)").fetchone()
    return figures, passages


def _paper_text(record: FigureRecord) -> str:
    return " ; ".join([record.paper_title or "", *record.keywords, *record.organisms])


def _names_text(record: FigureRecord) -> str:
    """The printed words and what they were matched to, once each."""
    strong = [m for m in record.mentions if m.tier is not Tier.FAMILY]
    names = dict.fromkeys([m.word for m in record.mentions] + [m.name for m in strong])
    return " ; ".join(names)


def _plural(key: str) -> str | None:
    """The key with an "s", unless its last atom is too short for that to be a plural ("ra", "ras")."""
    return f"{key}s" if len(key.rpartition(" ")[2]) > 2 else None


def _dump(record: FigureRecord) -> str:
    fields = asdict(record)
    del fields["mentions"]
    return json.dumps(fields, ensure_ascii=False)


class Catalog:
    """Reads a published catalog; may be shared by threads.

    Raises:
        CorruptIndexError: the file is missing or damaged, now or when it is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self._reading() as db:
            self.figures, self.passages = _counts(db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for the length of one query; there are as many as queries run at once."""
        try:
            with self._lock:
                connection = self._idle.pop() if self._idle else _connect(self._path, writable=False)
            try:
                yield connection
            finally:
                with self._lock:
                    self._idle.append(connection)
        except sqlite3.DatabaseError as exc:
            raise _damaged(self._path, exc) from exc

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._reading() as db:
            return db.execute(sql, parameters).fetchall()

    def digests(self) -> dict[str, tuple[str, str]]:
        """For every file that was read: its hash and the figid it holds."""
        rows = self._rows("SELECT source, digest, figid FROM figures")
        return {source: (digest, figid) for source, digest, figid in rows}

    def records(self, figids: Sequence[str]) -> dict[str, FigureRecord]:
        """The records of those figids that exist, with their tables."""
        rows = self._rows(
            "SELECT id, record FROM figures WHERE figid IN (SELECT value FROM json_each(?))",
            (json.dumps(figids),),
        )
        mentions: dict[int, list[Mention]] = defaultdict(list)
        for figure, kind, word, name, tier, identifier, organism in self._rows(
            "SELECT figure, kind, word, name, tier, identifier, organism FROM mentions"
            " WHERE figure IN (SELECT value FROM json_each(?)) ORDER BY rowid",
            (json.dumps([row[0] for row in rows]),),
        ):
            mentions[figure].append(Mention(Kind(kind), word, name, Tier(tier), identifier, organism))
        found = {}
        for figure, text in rows:
            fields = json.loads(text)
            for listed in ("organisms", "keywords"):
                fields[listed] = tuple(fields[listed])
            record = FigureRecord(**fields, mentions=tuple(mentions[figure]))
            found[record.figid] = record
        return found

    def record(self, figid: str) -> FigureRecord | None:
        """One record."""
        return self.records([figid]).get(figid)

    def figids_named(self, text: str) -> tuple[str, ...]:
        """The figures whose figid or alias is ``text``, letter case aside."""
        rows = self._rows(
            "SELECT figid FROM figures WHERE figid = ? COLLATE NOCASE OR alias = ? COLLATE NOCASE ORDER BY figid",
            (text, text),
        )
        return tuple(row[0] for row in rows)

    def figids_of_paper(self, pmcid: str) -> tuple[str, ...]:
        """All figures of a paper."""
        return tuple(r[0] for r in self._rows("SELECT figid FROM figures WHERE pmcid = ? ORDER BY figid", (pmcid,)))

    def figids(self) -> frozenset[str]:
        """Every figure."""
        return frozenset(row[0] for row in self._rows("SELECT figid FROM figures"))

    def figids_in_years(self, year_from: int | None, year_to: int | None) -> frozenset[str]:
        """The figures whose year is known and within the bounds, which belong to the range."""
        rows = self._rows("SELECT figid FROM figures WHERE year >= ? AND year <= ?", (year_from or 0, year_to or 9999))
        return frozenset(row[0] for row in rows)

    def search_text(self, match: str, limit: int) -> list[tuple[str, float]]:
        """(figid, BM25 score, higher is better) of the best figures for an FTS5 expression.

        Source of the function: https://www.sqlite.org/fts5.html#the_bm25_function.
        """
        weights = ", ".join(str(w) for w in BM25_WEIGHTS)
        rows = self._rows(
            f"SELECT figid, score FROM (SELECT rowid, bm25(fulltext, {weights}) AS score FROM fulltext"  # noqa: S608
            " WHERE fulltext MATCH ? ORDER BY score LIMIT ?) JOIN figures ON id = rowid ORDER BY score, figid",
            (match, limit),
        )
        return [(figid, -score) for figid, score in rows]

    def figids_matching(self, match: str) -> frozenset[str]:
        """Every figure that an FTS5 expression matches."""
        rows = self._rows(
            "SELECT figid FROM fulltext JOIN figures ON id = fulltext.rowid WHERE fulltext MATCH ?", (match,)
        )
        return frozenset(row[0] for row in rows)

    def figids_naming(self, keys: Iterable[str]) -> frozenset[str]:
        """Every figure whose title or caption has one of the normalised names, or its plural, word for word.

        The full-text index alone would take "Ras" for "RA": both have the stem "ra".
        """
        spelled = {spelling for key in keys for spelling in (key, singular(key), _plural(key)) if spelling}
        match = " OR ".join(f'"{spelling}"' for spelling in sorted(spelled))
        rows = self._rows(
            "SELECT figid, ' ' || title || ' | ' || caption || ' ' FROM fulltext JOIN figures ON id = fulltext.rowid"
            " WHERE fulltext MATCH ?",
            (f"{{title caption}} : ({match})",),
        )
        return frozenset(figid for figid, text in rows if any(f" {spelling} " in text for spelling in spelled))

    def figids_mentioning(self, kind: Kind, names: Iterable[str]) -> dict[str, tuple[Tier, str]]:
        """Every figure whose tables have one of ``names``, with the strongest tier and the word printed."""
        rows = self._rows(
            "SELECT figid, min(tier), word FROM mentions JOIN figures ON id = figure"
            " WHERE kind = ? AND name IN (SELECT value FROM json_each(?)) GROUP BY figure",
            (kind, json.dumps(sorted(names))),
        )
        return {figid: (Tier(tier), word) for figid, tier, word in rows}

    def lookup_names(self, keys: Iterable[str]) -> dict[str, tuple[Named, ...]]:
        """What the keys stand for, most frequent first; a key that the corpus does not know is left out."""
        rows = self._rows(
            "SELECT key, kind, name, min(tier), count(DISTINCT figure) AS n FROM mentions"
            " WHERE key IN (SELECT value FROM json_each(?)) GROUP BY key, kind, name ORDER BY n DESC, name",
            (json.dumps(sorted(set(keys))),),
        )
        found: dict[str, list[Named]] = defaultdict(list)
        for key, kind, name, tier, count in rows:
            found[key].append(Named(Kind(kind), key, name, Tier(tier), count))
        return {key: tuple(named) for key, named in found.items()}

    def spellings(self, kind: Kind, names: Iterable[str]) -> dict[str, dict[str, int]]:
        """For each name, the keys printed for it as its symbol or a synonym, and in how many figures."""
        rows = self._rows(
            "SELECT name, key, count(DISTINCT figure) FROM mentions WHERE kind = ? AND tier <= ?"
            " AND name IN (SELECT value FROM json_each(?)) GROUP BY name, key",
            (kind, int(Tier.SYNONYM), json.dumps(sorted(names))),
        )
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for name, key, count in rows:
            found[name][key] = count
        return found

    def has_word(self, atom: str) -> bool:
        """Whether a word, or another form of it, stands in any record."""
        return bool(self._rows("SELECT 1 FROM fulltext WHERE fulltext MATCH ? LIMIT 1", (f'"{atom}"',)))

    def words_like(self, prefix: str) -> list[str]:
        """The stems in the corpus that begin with ``prefix``."""
        rows = self._rows("SELECT term FROM words WHERE term >= ? AND term < ?", (prefix, prefix + "\uffff"))
        return [row[0] for row in rows]
