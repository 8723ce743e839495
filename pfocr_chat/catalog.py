"""The door to SQLite: records, their gene, chemical and disease tables, names, and full text.

One file per generation. ``catalogwriter`` makes it while a generation is being built; ``Catalog`` reads a
published one, from any thread.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pfocr_chat.columns import Column
from pfocr_chat.disk import reading_from
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

GENES_WITH_FAMILIES = "gene or family"
"""The column of genes that counts members of printed families too."""
_GENES = {Tier.SYNONYM: Kind.GENE.value, Tier.FAMILY: GENES_WITH_FAMILIES}
_TIERS = {int(tier): tier for tier in Tier}


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


def count_rows(db: sqlite3.Connection) -> tuple[int, int]:
    """How many figures and passages a catalog holds."""
    figures, passages = db.execute("SELECT (SELECT count(*) FROM figures), (SELECT count(*) FROM passages)").fetchone()
    return figures, passages


def _plural(key: str) -> str | None:
    """The key with an "s", unless its last atom is too short for that to be a plural ("ra", "ras")."""
    return f"{key}s" if len(key.rpartition(" ")[2]) > 2 else None


def _in_any_case(wanted: Iterable[str]) -> Callable[[str], bool]:
    """Whether a value is one of those wanted, letter case aside."""
    lowered = {value.lower() for value in wanted}
    return lambda value: value.lower() in lowered


def _shortest(spellings: Collection[str]) -> list[str]:
    """Those spellings that hold no other one: what has a longer one word for word has the shorter one too."""
    known = set(spellings)

    def holds_another(spelling: str) -> bool:
        words = spelling.split()
        parts = (words[at:end] for at in range(len(words)) for end in range(at + 1, len(words) + 1))
        return any(" ".join(part) in known for part in parts if len(part) < len(words))

    return [spelling for spelling in sorted(known) if not holds_another(spelling)]


def _to_record(text: str, mentions: Iterable[Mention]) -> FigureRecord:
    """The record that ``catalogwriter`` put down as JSON, with the mentions from their table."""
    fields = json.loads(text)
    for listed in ("organisms", "keywords"):
        fields[listed] = tuple(fields[listed])
    return FigureRecord(**fields, mentions=tuple(mentions))


class Catalog:
    """Reads a published catalog; may be shared by threads.

    Raises:
        CorruptIndexError: the file is missing or damaged, now or when it is read.
        VectorstoreError: it may not be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._counted: dict[str, int] = {}
        self._columns: dict[str, Column] = {}
        self._gene_sets: dict[Tier, GeneSets] = {}
        with self._reading() as db:
            self.figures, self.passages = count_rows(db)
            self._figids: dict[int, str] = dict(db.execute("SELECT id, figid FROM figures ORDER BY figid"))
        # The same strings are given out each time, which makes sets and sums of them fast.
        self._in_order = np.array([*self._figids.values()], dtype=object)
        self._all = frozenset(self._figids.values())
        self._places = {figid: place for place, figid in enumerate(self._figids.values())}
        self.journals = frozenset(self._column("journal").values)
        self.organisms = frozenset(self._column("organism").values)
        self.figtypes = frozenset(self._column("figtype").values)

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
        with reading_from(self._path):
            with self._lock:
                connection = self._idle.pop() if self._idle else connect(self._path, writable=False)
            try:
                yield connection
            finally:
                with self._lock:
                    self._idle.append(connection)

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What a query gives; nothing for a name with half of a character, which no record can have."""
        with self._reading() as db, suppress(UnicodeEncodeError):
            return db.execute(sql, parameters).fetchall()
        return []

    def _figids_of(self, sql: str, parameters: Sequence[object] = ()) -> frozenset[str]:
        """The figids for a query that gives the numbers of figures."""
        return frozenset(self._figids[number] for (number,) in self._rows(sql, parameters))

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            rows = self._rows("SELECT labels, starts, members FROM columns WHERE name = ?", (name,))
            with reading_from(self._path):
                [row] = rows
                self._columns[name] = Column.loaded(*row, figures=self.figures)
        return self._columns[name]

    def digests(self) -> dict[str, tuple[str, str]]:
        """For every file that was read: its hash and the figid it holds."""
        rows = self._rows("SELECT source, digest, figid FROM records JOIN figures ON id = figure")
        return {source: (digest, figid) for source, digest, figid in rows}

    def records(self, figids: Sequence[str]) -> dict[str, FigureRecord]:
        """The records of those figids that exist, with their tables."""
        rows = self._rows(
            "SELECT id, record FROM figures JOIN records ON figure = id"
            " WHERE figid IN (SELECT value FROM json_each(?))",
            (json.dumps(figids),),
        )
        mentions: dict[int, list[Mention]] = defaultdict(list)
        for figure, kind, word, name, tier, identifier, organism, matched in self._rows(
            "SELECT figure, kind, word, name, tier, identifier, organism, match"
            " FROM shown JOIN terms ON terms.id = term"
            " WHERE figure IN (SELECT value FROM json_each(?)) ORDER BY figure, place",
            (json.dumps([row[0] for row in rows]),),
        ):
            with reading_from(self._path):
                mentions[figure].append(Mention(Kind(kind), word, name, Tier(tier), identifier, organism, matched))
        found = {}
        for figure, text in rows:
            with reading_from(self._path):
                record = _to_record(text, mentions[figure])
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
        return self._all

    def figids_meeting(self, filters: Filters) -> frozenset[str]:
        """The figures that meet every filter; one whose year, organism or journal is unknown does not."""
        inside = np.ones(self.figures, dtype=np.bool_)
        low, high = filters.year_from, filters.year_to
        if low is not None or high is not None:
            inside &= self._having(
                "year", lambda year: (low is None or int(year) >= low) and (high is None or int(year) <= high)
            )
        for column, wanted in (("journal", filters.journals), ("paper", filters.pmcids), ("figtype", filters.figtypes)):
            if wanted:
                inside &= self._having(column, _in_any_case(wanted))
        if filters.organisms:
            spelled = {s for wanted in filters.organisms for s in spellings_of(wanted, self.organisms)}
            inside &= self._having("organism", spelled.__contains__)
        for kind, every, some in (
            (Kind.GENE, filters.genes_all, filters.genes_any),
            (Kind.CHEMICAL, filters.chemicals_all, filters.chemicals_any),
        ):
            for names in (*((name,) for name in every), *((some,) if some else ())):
                inside &= self._having(kind, names.__contains__)
        if filters.genes_none:
            inside &= ~self._having(Kind.GENE, filters.genes_none.__contains__)
        return frozenset(self._in_order[inside].tolist())

    def _having(self, column: str, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        """For each figure, whether it has a value that is wanted."""
        with reading_from(self._path):
            return self._column(column).having(wanted)

    def facet_counts(self, facet: str, figids: Iterable[str]) -> dict[str | None, tuple[str, ...]]:
        """For each value of a facet, as recorded, those of the figures that have it, in the order of ``figids``.

        A facet is a kind of entity ("gene": what is printed as a symbol or a synonym), "year",
        "journal", "organism", "paper" or "figtype". Under ``None`` stand the figures without a
        value; a figid that the index does not have is left out.
        """
        asked = [figid for figid in dict.fromkeys(figids) if figid in self._places]
        return self._column(facet).grouped([self._places[figid] for figid in asked], asked)

    def figids_without_year(self) -> frozenset[str]:
        """The figures whose year is not known."""
        return frozenset(self._in_order[~self._having("year", bool)].tolist())

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
            f"SELECT bm25(fulltext, {weights}) AS score, rowid FROM fulltext"  # noqa: S608 - numbers  # nosec B608
            " WHERE fulltext MATCH ? ORDER BY score LIMIT ?",
            (match, limit),
        )
        with reading_from(self._path):
            found = sorted((score, self._figids[number]) for score, number in rows)
        return [(figid, -score) for score, figid in found]

    def figids_matching(self, match: str) -> frozenset[str]:
        """Every figure that an FTS5 expression matches."""
        return self._figids_of("SELECT rowid FROM fulltext WHERE fulltext MATCH ?", (match,))

    def figids_naming(self, keys: Iterable[str]) -> dict[str, Tier]:
        """Every figure whose title or caption has one of the normalised names, or its plural, word for word.

        Each with the tier of the place: the title, else the caption.
        This is no matter of stems: the full text would take "Ras" for "RA", as both have the stem "ra".
        """
        spelled = _shortest({s for key in keys for s in (key, singular(key), _plural(key)) if s})
        if not spelled:
            return {}
        match = " OR ".join(f'"{spelling}"' for spelling in spelled)
        sql = "SELECT rowid FROM naming WHERE naming MATCH ?"
        named = dict.fromkeys(self._figids_of(sql, (f"caption : ({match})",)), Tier.CAPTION)
        return named | dict.fromkeys(self._figids_of(sql, (f"title : ({match})",)), Tier.TITLE)

    def figids_printing(
        self, kind: Kind, names: Iterable[str], keys: Iterable[str] = (), *, weakest: Tier = Tier.SYNONYM
    ) -> dict[str, tuple[Tier, str]]:
        """Every figure that prints one of ``names`` with a tier of ``weakest`` or stronger, or a word with one of
        ``keys``.

        Each with the strongest tier of such a row of its tables, and the word printed.
        """
        rows = self._rows(
            "SELECT figure, tier, word FROM ("
            " SELECT id, tier, word FROM terms"
            "  WHERE kind = ?1 AND tier <= ?4 AND name IN (SELECT value FROM json_each(?2))"
            " UNION SELECT id, tier, word FROM terms WHERE kind = ?1 AND key IN (SELECT value FROM json_each(?3))"
            ") AS asked CROSS JOIN shown ON term = asked.id",
            (kind, json.dumps(sorted(names)), json.dumps(sorted(keys)), int(weakest)),
        )
        best: dict[int, tuple[int, str]] = {}
        for figure, tier, word in rows:
            if figure not in best or tier < best[figure][0]:
                best[figure] = tier, word
        with reading_from(self._path):
            return {self._figids[figure]: (_TIERS[tier], word) for figure, (tier, word) in best.items()}

    def gene_sets(self, weakest: Tier = Tier.SYNONYM) -> GeneSets:
        """The genes that each figure prints, as a symbol or a synonym, or with ``Tier.FAMILY`` also as a member of
        a family; read once, then kept."""
        if weakest not in self._gene_sets:
            genes = self._column(_GENES[weakest])
            figids, older = tuple(self._figids.values()), self._older_symbols(genes.values)
            self._gene_sets[weakest] = GeneSets(figids, genes.values, genes.starts, genes.members, older)
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
            "SELECT key, kind, name, figures FROM printed WHERE key IN (SELECT value FROM json_each(?))", (asked,)
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
            "SELECT DISTINCT name FROM terms WHERE key = ? AND tier = ? ORDER BY name", (family, int(Tier.FAMILY))
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
            "SELECT spelling, count(DISTINCT figure) FROM terms CROSS JOIN shown ON term = terms.id"
            " WHERE kind = ? AND tier <= ? AND name IN (SELECT value FROM json_each(?)) GROUP BY spelling",
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
            "SELECT key FROM names WHERE key >= ?1 AND key < ?2 UNION SELECT key FROM terms"
            " WHERE key >= ?1 AND key < ?2",
            (prefix, prefix + "\uffff"),
        )
        return [row[0] for row in rows]
