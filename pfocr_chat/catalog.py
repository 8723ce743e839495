"""The door to SQLite: records, their gene, chemical and disease tables, names, and full text.

One file per generation. ``catalogwriter`` makes it while a generation is being built; ``Catalog`` reads a
published one, from any thread.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pfocr_chat.errors import CorruptIndexError
from pfocr_chat.lexicon import lookup_key, singular
from pfocr_chat.nomenclature import NameSource
from pfocr_chat.organisms import spellings_of
from pfocr_chat.queries import Filters
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier

FILE_NAME = "catalog.sqlite"

COMMON = 50
"""Figures that a common abbreviation counts for."""
BM25_WEIGHTS = (1.0, 1.0, 1.0, 0.25)
"""Of title, caption, paper title with keywords, and printed names."""

_FACETS = {
    "year": ("year", ""),
    "journal": ("journal", ""),
    "paper": ("pmcid", ""),
    "figtype": ("figtype", ""),
    "organism": ("organism", "LEFT JOIN organisms ON organisms.figure = figures.id"),
} | {
    kind.value: (
        "name",
        f"LEFT JOIN mentions ON mentions.figure = figures.id AND kind = '{kind.value}' AND tier <= {int(Tier.SYNONYM)}",
    )
    for kind in Kind
}
"""What figures can be counted by: the column, and the table that has it beside ``figures``."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a word stands for.

    ``printed`` counts the figures in which the word was matched to it by its symbol or a synonym
    (for a family: in which it is printed for members of the family). ``source`` is how the
    nomenclature knows the word, ``None`` where only the corpus has it.
    """

    kind: Kind
    name: str
    printed: int = 0
    source: int | None = None
    is_family: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class GeneSets:
    """The genes of every figure, as the rows of a sparse matrix.

    Figure ``figids[i]`` (they are in order) shows ``genes[j]`` for each ``j``, once, in
    ``members[starts[i] : starts[i + 1]]``. ``older`` gives, for today's symbol of a renamed gene, the index's.
    """

    figids: tuple[str, ...] = field(repr=False)
    genes: tuple[str, ...] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    members: NDArray[np.int32] = field(repr=False)
    older: Mapping[str, str] = field(default_factory=dict, repr=False)


def connect(path: Path, *, writable: bool) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time; a reader's takes the file to be unchanging."""
    mode = "rwc" if writable else "ro&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, check_same_thread=False)


def damaged(path: Path, exc: sqlite3.DatabaseError) -> CorruptIndexError:
    """The error for a catalog that SQLite cannot read."""
    return CorruptIndexError(f"The index file {path} is damaged ({exc}). Run `pfocr-chat index` on your records again.")


def count_rows(db: sqlite3.Connection) -> tuple[int, int]:
    """How many figures and passages a catalog holds."""
    figures, passages = db.execute("SELECT (SELECT count(*) FROM figures), (SELECT count(*) FROM passages)").fetchone()
    return figures, passages


def _plural(key: str) -> str | None:
    """The key with an "s", unless its last atom is too short for that to be a plural ("ra", "ras")."""
    return f"{key}s" if len(key.rpartition(" ")[2]) > 2 else None


def _filtering_sql(filters: Filters, organisms: Collection[str]) -> tuple[str, list[object]]:
    """The SELECT for the figures that meet ``filters``, and its parameters."""
    where: list[str] = []
    values: list[object] = []

    def require(condition: str, *parameters: object) -> None:
        where.append(condition)
        values.extend(parameters)

    mentioning = (
        "id IN (SELECT figure FROM mentions WHERE kind = ? AND tier <= ? AND name IN (SELECT value FROM json_each(?)))"
    )
    if filters.year_from is not None:
        require("year >= ?", filters.year_from)
    if filters.year_to is not None:
        require("year <= ?", filters.year_to)
    for column, wanted in (("journal", filters.journals), ("pmcid", filters.pmcids), ("figtype", filters.figtypes)):
        if wanted:
            condition = f"{column} COLLATE NOCASE IN (SELECT value FROM json_each(?))"  # noqa: S608 - fixed names
            require(condition, json.dumps(wanted))
    if filters.organisms:
        spelled = [s for wanted in filters.organisms for s in spellings_of(wanted, organisms)]
        require(
            "id IN (SELECT figure FROM organisms WHERE organism IN (SELECT value FROM json_each(?)))",
            json.dumps(spelled),
        )
    for kind, every, some in (
        (Kind.GENE, filters.genes_all, filters.genes_any),
        (Kind.CHEMICAL, filters.chemicals_all, filters.chemicals_any),
    ):
        for names in (*([name] for name in every), *([some] if some else [])):
            require(mentioning, kind, int(Tier.SYNONYM), json.dumps(names))
    if filters.genes_none:
        require(f"NOT {mentioning}", Kind.GENE, int(Tier.SYNONYM), json.dumps(filters.genes_none))
    return f"SELECT figid FROM figures WHERE {' AND '.join(where) or '1'}", values  # noqa: S608 - fixed conditions


class Catalog:
    """Reads a published catalog; may be shared by threads.

    Raises:
        CorruptIndexError: the file is missing or damaged, now or when it is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._counted: dict[str, int] = {}
        self._gene_sets: dict[Tier, GeneSets] = {}
        with self._reading() as db:
            self.figures, self.passages = count_rows(db)
            journals = db.execute("SELECT DISTINCT journal FROM figures WHERE journal IS NOT NULL")
            self.journals = frozenset(row[0] for row in journals)
            self.organisms = frozenset(row[0] for row in db.execute("SELECT DISTINCT organism FROM organisms"))

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
                connection = self._idle.pop() if self._idle else connect(self._path, writable=False)
            try:
                yield connection
            finally:
                with self._lock:
                    self._idle.append(connection)
        except sqlite3.DatabaseError as exc:
            raise damaged(self._path, exc) from exc

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
        for figure, kind, word, name, tier, identifier, organism, matched in self._rows(
            "SELECT figure, kind, word, name, tier, identifier, organism, match FROM mentions"
            " WHERE figure IN (SELECT value FROM json_each(?)) ORDER BY rowid",
            (json.dumps([row[0] for row in rows]),),
        ):
            mentions[figure].append(Mention(Kind(kind), word, name, Tier(tier), identifier, organism, matched))
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

    def figids_meeting(self, filters: Filters) -> frozenset[str]:
        """The figures that meet every filter; one whose year, organism or journal is unknown does not."""
        rows = self._rows(*_filtering_sql(filters, self.organisms))
        return frozenset(row[0] for row in rows)

    def facet_counts(self, facet: str, figids: Iterable[str]) -> dict[str | None, tuple[str, ...]]:
        """For each value of a facet, as recorded, those of the figures that have it, in the order of ``figids``.

        A facet is a kind of entity ("gene": what is printed as a symbol or a synonym), "year",
        "journal", "organism", "paper" or "figtype". Under ``None`` stand the figures without a
        value; a figid that the index does not have is left out.
        """
        column, table = _FACETS[facet]
        asked = list(dict.fromkeys(figids))
        places: dict[str | int | None, list[int]] = defaultdict(list)
        # A cross join goes from left to right, so that SQLite does not scan all mentions for a few figures.
        sql = (
            f"SELECT {column}, asked.key FROM json_each(?) AS asked"  # noqa: S608 - fixed names
            f" CROSS JOIN figures ON figid = asked.value {table}"
        )
        with self._reading() as db:
            for value, place in db.execute(sql, (json.dumps(asked),)):
                places[value].append(place)
        return {
            None if value is None else str(value): tuple(asked[place] for place in sorted(set(found)))
            for value, found in places.items()
        }

    def figids_without_year(self) -> frozenset[str]:
        """The figures whose year is not known."""
        return frozenset(row[0] for row in self._rows("SELECT figid FROM figures WHERE year IS NULL"))

    def passage_ids(self, figids: Iterable[str]) -> list[str]:
        """The passages of the figures."""
        rows = self._rows(
            "SELECT passage_id FROM passages JOIN figures ON id = figure"
            " WHERE figid IN (SELECT value FROM json_each(?)) ORDER BY passage_id",
            (json.dumps(sorted(figids)),),
        )
        return [row[0] for row in rows]

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
        if not spelled:
            return frozenset()
        match = " OR ".join(f'"{spelling}"' for spelling in sorted(spelled))
        rows = self._rows(
            "SELECT figid, ' ' || title || ' | ' || caption || ' ' FROM fulltext JOIN figures ON id = fulltext.rowid"
            " WHERE fulltext MATCH ?",
            (f"{{title caption}} : ({match})",),
        )
        return frozenset(figid for figid, text in rows if any(f" {spelling} " in text for spelling in spelled))

    def figids_printing(
        self, kind: Kind, names: Iterable[str], keys: Iterable[str] = ()
    ) -> dict[str, tuple[Tier, str]]:
        """Every figure that prints one of ``names`` as its symbol or a synonym, or a word with one of ``keys``.

        Each with the strongest tier of such a row of its tables, and the word printed.
        """
        rows = self._rows(
            "SELECT figid, min(tier), word FROM ("
            " SELECT figure, tier, word FROM mentions"
            "  WHERE kind = ?1 AND tier <= ?4 AND name IN (SELECT value FROM json_each(?2))"
            " UNION ALL"
            " SELECT figure, tier, word FROM mentions WHERE kind = ?1 AND key IN (SELECT value FROM json_each(?3))"
            ") JOIN figures ON id = figure GROUP BY figure",
            (kind, json.dumps(sorted(names)), json.dumps(sorted(keys)), int(Tier.SYNONYM)),
        )
        return {figid: (Tier(tier), word) for figid, tier, word in rows}

    def gene_sets(self, weakest: Tier = Tier.SYNONYM) -> GeneSets:
        """The genes that each figure's table has with a tier of ``weakest`` or stronger; read once, then kept."""
        if weakest not in self._gene_sets:
            places = {row[0]: at for at, row in enumerate(self._rows("SELECT id FROM figures ORDER BY figid"))}
            numbers: dict[str, int] = {}
            sql = "SELECT DISTINCT figure, name FROM mentions WHERE kind = ? AND tier <= ?"
            with self._reading() as db:
                rows = db.execute(sql, (Kind.GENE, int(weakest)))
                numbered = ((places[figure], numbers.setdefault(name, len(numbers))) for figure, name in rows)
                pairs = np.fromiter(numbered, dtype=np.dtype((np.int64, 2)))
            pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
            starts = np.searchsorted(pairs[:, 0], np.arange(len(places) + 1))
            figids, members = tuple(sorted(self.figids())), pairs[:, 1].astype(np.int32)
            self._gene_sets[weakest] = GeneSets(figids, tuple(numbers), starts, members, self._older_symbols(numbers))
        return self._gene_sets[weakest]

    def _older_symbols(self, genes: Iterable[str]) -> dict[str, str]:
        """For today's symbols of genes that the corpus has under an older one, which no other gene had: that one."""
        unlisted = self._rows(
            "SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM names WHERE name = value AND kind = ?)",
            (json.dumps(list(genes)), Kind.GENE),
        )
        keys = {lookup_key(gene): gene for (gene,) in unlisted}
        rows = self._rows(
            "SELECT min(name), key FROM names WHERE source = ? AND key IN (SELECT value FROM json_each(?))"
            " GROUP BY key HAVING count(DISTINCT name) = 1",
            (int(NameSource.PREVIOUS), json.dumps(sorted(keys))),
        )
        return {name: keys[key] for name, key in rows}

    def readings(self, keys: Iterable[str]) -> dict[str, tuple[Reading, ...]]:
        """What words stand for, by their lookup keys; a key that nothing knows is left out.

        A word that the corpus prints for a family which the nomenclature does not have is a family
        under that word.
        """
        asked = json.dumps(sorted(set(keys)))
        printed: dict[tuple[str, str, str], int] = {}
        for key, kind, name, count in self._rows(
            "SELECT key, CASE tier WHEN ?2 THEN 'family' ELSE kind END AS what,"
            " CASE tier WHEN ?2 THEN key ELSE name END AS called, count(DISTINCT figure) FROM mentions"
            " WHERE key IN (SELECT value FROM json_each(?1)) GROUP BY key, what, called",
            (asked, int(Tier.FAMILY)),
        ):
            printed[key, kind, name] = count
        found: dict[str, list[Reading]] = defaultdict(list)
        for key, kind, name, source in self._rows(
            "SELECT key, kind, name, min(source) FROM names WHERE key IN (SELECT value FROM json_each(?))"
            " GROUP BY key, kind, name",
            (asked,),
        ):
            is_family = kind == "family"
            count = printed.get((key, kind, key), 0) if is_family else printed.pop((key, kind, name), 0)
            found[key].append(Reading(Kind.GENE, name, count, source, is_family))
        families = {key for key, readings in found.items() if any(r.is_family for r in readings)}
        for (key, kind, name), count in printed.items():
            if kind != "family":
                found[key].append(Reading(Kind(kind), name, count))
            elif key not in families:
                found[key].append(Reading(Kind.GENE, key, count, is_family=True))
        return {key: tuple(readings) for key, readings in found.items()}

    def members(self, family: str) -> tuple[str, ...]:
        """The genes of a family: a nomenclature's, or a lookup key's that the corpus prints for several genes."""
        rows = self._rows("SELECT symbol FROM members WHERE family = ? ORDER BY symbol", (family,))
        rows = rows or self._rows(
            "SELECT DISTINCT name FROM mentions WHERE key = ? AND tier = ? ORDER BY name", (family, int(Tier.FAMILY))
        )
        return tuple(row[0] for row in rows)

    def spellings(self, kind: Kind, names: Iterable[str]) -> dict[str, tuple[int | None, int]]:
        """How the names are spelled, in the form of ``name_key``.

        Each spelling with the nomenclature's strongest source of it (``None`` where only the corpus
        has it) and the number of figures that print it as their symbol or a synonym.
        """
        asked = json.dumps(sorted(names))
        sources = self._rows(
            "SELECT spelling, min(source) FROM names WHERE kind = ? AND name IN (SELECT value FROM json_each(?))"
            " GROUP BY spelling",
            (kind, asked),
        )
        printed = self._rows(
            "SELECT spelling, count(DISTINCT figure) FROM mentions WHERE kind = ? AND tier <= ?"
            " AND name IN (SELECT value FROM json_each(?)) GROUP BY spelling",
            (kind, int(Tier.SYNONYM), asked),
        )
        found: dict[str, tuple[int | None, int]] = {spelling: (source, 0) for spelling, source in sources}
        for spelling, count in printed:
            found[spelling] = (found[spelling][0] if spelling in found else None, count)
        return found

    def family_spellings(self, family: str) -> frozenset[str]:
        """How a family is spelled by the nomenclature, in the form of ``name_key``."""
        rows = self._rows("SELECT spelling FROM names WHERE kind = 'family' AND name = ?", (family,))
        return frozenset(row[0] for row in rows)

    def complexes_named_after(self, genes: Iterable[str], shortest: int) -> frozenset[str]:
        """Spellings of the complexes and families of a gene that begin with its symbol, of ``shortest`` letters or
        more."""
        rows = self._rows(
            "SELECT names.spelling FROM members JOIN names ON names.name = family AND names.kind = 'family'"
            " WHERE symbol IN (SELECT value FROM json_each(?1)) AND length(symbol) >= ?2"
            " AND substr(key, 1, length(symbol)) = lower(symbol)",
            (json.dumps(sorted(genes)), shortest),
        )
        return frozenset(row[0] for row in rows)

    def expansions(self, keys: Iterable[str]) -> dict[str, dict[str, int]]:
        """Long forms of abbreviations and abbreviations of long forms, each with the figures that explain it.

        One of the common abbreviations that come with the program counts as if ``COMMON`` figures did.
        """
        asked = json.dumps(sorted(set(keys)))
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for key, other, count in self._rows(
            "WITH asked AS (SELECT value FROM json_each(?1)), counted AS ("
            " SELECT short, long, sum(CASE figure WHEN 0 THEN ?2 ELSE 1 END) AS times FROM abbreviations"
            " WHERE short IN asked OR long IN asked GROUP BY short, long)"
            " SELECT short, long, times FROM counted WHERE short IN asked"
            " UNION ALL SELECT long, short, times FROM counted WHERE long IN asked",
            (asked, COMMON),
        ):
            found[key][other] = count
        return found

    def frequencies(self, atoms: Iterable[str]) -> dict[str, int]:
        """For each word or phrase, in how many figures it, or another form of it, stands."""
        counted = {}
        with self._reading() as db:
            for atom in dict.fromkeys(atoms):
                if atom not in self._counted:
                    match = (f'"{atom}"',)
                    row = db.execute("SELECT count(*) FROM fulltext WHERE fulltext MATCH ?", match).fetchone()
                    self._counted[atom] = row[0]
                counted[atom] = self._counted[atom]
        return counted

    def has_word(self, atom: str) -> bool:
        """Whether a word, or another form of it, stands in any record."""
        return bool(self._rows("SELECT 1 FROM fulltext WHERE fulltext MATCH ? LIMIT 1", (f'"{atom}"',)))

    def has_phrase(self, spelling: str) -> bool:
        """Whether words stand in a row in any record."""
        return bool(self._rows("SELECT 1 FROM fulltext WHERE fulltext MATCH ? LIMIT 1", (f'"{spelling}"',)))

    def words_like(self, prefix: str) -> dict[str, int]:
        """The stems in the corpus that begin with ``prefix``, each with the number of figures that have it."""
        rows = self._rows("SELECT term, doc FROM words WHERE term >= ? AND term < ?", (prefix, prefix + "\uffff"))
        return dict(rows)

    def word_like(self, stem: str, typed: str) -> str:
        """A word of the corpus with the stem, the one most like ``typed``."""
        rows = self._rows(
            "SELECT title || ' ' || caption || ' ' || paper || ' ' || names FROM fulltext"
            " WHERE fulltext MATCH ? LIMIT 5",
            (f'"{stem}"',),
        )
        words = {word for (text,) in rows for word in text.split() if word.startswith(stem[:-1])}
        return max(words, key=lambda w: (SequenceMatcher(None, w, typed).ratio(), w), default=stem)

    def names_like(self, prefix: str) -> list[str]:
        """The lookup keys of names, of the nomenclature and the corpus, that begin with ``prefix``."""
        rows = self._rows(
            "SELECT key FROM names WHERE key >= ?1 AND key < ?2 UNION SELECT key FROM mentions"
            " WHERE key >= ?1 AND key < ?2",
            (prefix, prefix + "\uffff"),
        )
        return [row[0] for row in rows]
