"""Writing a catalog: the records, their tables, their full text, and the names that are known of genes."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import fields
from functools import cache
from pathlib import Path

from pfocr_chat.abbreviations import abbreviations_in
from pfocr_chat.catalog import GENES_WITH_FAMILIES, connect, count_rows
from pfocr_chat.columns import Column
from pfocr_chat.disk import reason, trouble, unreadable
from pfocr_chat.errors import VectorstoreError
from pfocr_chat.lexicon import atoms, lookup_key, name_key, singular, squeezed
from pfocr_chat.nomenclature import GeneName, NameSource, read_abbreviations, read_families, read_genes
from pfocr_chat.records import FigureRecord, Kind, Mention, Passage, Tier

_SCHEMA = """
CREATE TABLE figures (
    id INTEGER PRIMARY KEY,
    figid TEXT NOT NULL UNIQUE,
    pmcid TEXT, alias TEXT, year INTEGER, journal TEXT, figtype TEXT
);
CREATE INDEX figures_figid ON figures (figid COLLATE NOCASE);
CREATE INDEX figures_pmcid ON figures (pmcid);
CREATE INDEX figures_alias ON figures (alias COLLATE NOCASE);
CREATE INDEX figures_year ON figures (year);
CREATE TABLE records (
    figure INTEGER PRIMARY KEY, source TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, record TEXT NOT NULL
);
CREATE TABLE organisms (figure INTEGER NOT NULL, organism TEXT NOT NULL, PRIMARY KEY (figure, organism)) WITHOUT ROWID;
CREATE INDEX organisms_organism ON organisms (organism);
CREATE TABLE terms (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL, word TEXT NOT NULL, key TEXT NOT NULL, spelling TEXT NOT NULL,
    name TEXT NOT NULL, tier INTEGER NOT NULL, identifier TEXT, organism TEXT, match TEXT
);
CREATE INDEX terms_key ON terms (key);
CREATE INDEX terms_name ON terms (name, kind, tier);
CREATE TABLE shown (
    figure INTEGER NOT NULL, place INTEGER NOT NULL, term INTEGER NOT NULL, PRIMARY KEY (figure, place)
) WITHOUT ROWID;
CREATE INDEX shown_term ON shown (term, figure);
CREATE VIEW mentions AS
    SELECT figure, kind, word, key, spelling, name, tier, identifier, organism, match
    FROM shown JOIN terms ON terms.id = term;
CREATE TABLE printed (
    key TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, figures INTEGER NOT NULL,
    PRIMARY KEY (key, kind, name)
) WITHOUT ROWID;
CREATE TABLE columns (name TEXT PRIMARY KEY, labels TEXT NOT NULL, starts BLOB NOT NULL, members BLOB NOT NULL);
CREATE TABLE passages (passage_id TEXT PRIMARY KEY, figure INTEGER NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX passages_figure ON passages (figure);
CREATE TABLE abbreviations (
    figure INTEGER NOT NULL, short TEXT NOT NULL, long TEXT NOT NULL, PRIMARY KEY (figure, short, long)
) WITHOUT ROWID;
CREATE INDEX abbreviations_short ON abbreviations (short);
CREATE INDEX abbreviations_long ON abbreviations (long);
CREATE TABLE names (key TEXT NOT NULL, spelling TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    source INTEGER NOT NULL);
CREATE INDEX names_key ON names (key);
CREATE INDEX names_name ON names (name, kind);
CREATE TABLE members (family TEXT NOT NULL, symbol TEXT NOT NULL, PRIMARY KEY (family, symbol)) WITHOUT ROWID;
CREATE VIRTUAL TABLE fulltext USING fts5 (title, caption, paper, names, tokenize = 'porter unicode61');
CREATE VIRTUAL TABLE naming USING fts5 (title, caption, content = 'fulltext',
    tokenize = 'unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE words USING fts5vocab (fulltext, 'row');
"""

_MENTIONED = "SELECT figure, name FROM mentions WHERE kind = '{}' AND tier <= {}"
_COLUMNS = {
    "year": "SELECT id, year FROM figures WHERE year IS NOT NULL",
    "journal": "SELECT id, journal FROM figures WHERE journal IS NOT NULL",
    "paper": "SELECT id, pmcid FROM figures WHERE pmcid IS NOT NULL",
    "figtype": "SELECT id, figtype FROM figures WHERE figtype IS NOT NULL",
    "organism": "SELECT figure, organism FROM organisms",
    GENES_WITH_FAMILIES: _MENTIONED.format(Kind.GENE, int(Tier.FAMILY)),
} | {kind.value: _MENTIONED.format(kind, int(Tier.SYNONYM)) for kind in Kind}
"""What figures are counted by, each with the query for (figure, value)."""

_STORED = tuple(field.name for field in fields(FigureRecord) if field.name != "mentions")
"""The fields of a record that are kept as they are; its mentions have tables of their own."""

_NUMBERED = re.compile(r"(?P<name>[a-z-]{3,}(?<!prote)in)(?: \d{1,2}| [A-Z]\d{0,2}| subunit .+)(?:, .+)?")


@contextmanager
def open_catalog_writer(path: Path) -> Iterator[CatalogWriter]:
    """Change the catalog at ``path``, which is made, with the names of genes and families, where it is missing.

    Raises:
        CorruptIndexError: the file is damaged.
        VectorstoreError: it cannot be written.
    """
    if not path.exists():
        try:
            path.write_bytes(_empty_catalog())
        except OSError as exc:
            raise VectorstoreError(f"The index file {path} cannot be written: {reason(exc)}.") from exc
    try:
        with closing(connect(path, writable=True)) as db:
            yield CatalogWriter(db)
    except sqlite3.DatabaseError as exc:
        if why := trouble(exc):
            raise VectorstoreError(f"The index file {path} cannot be written: {why}.") from exc
        raise unreadable(path, exc) from exc


@cache
def _empty_catalog() -> bytes:
    """A catalog without records; it takes over a second to make, and is the same for every index."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(_SCHEMA)
        _put_names(db)
        CatalogWriter(db).commit()
        return db.serialize()


def _put_names(db: sqlite3.Connection) -> None:
    """The spellings of genes and families, each with the strongest source that gives it."""
    genes, families = read_genes(), read_families()
    named = [("gene", gene.symbol, text, source) for gene in genes for text, source in gene.spellings()]
    named += [("family", f.label, text, NameSource.CURATED) for f in families for text in (f.label, *f.synonyms)]
    unnumbered = _unnumbered(genes, {lookup_key(text) for _, _, text, _ in named})
    members = [(f.label, symbol) for f in families for symbol in f.members]
    for name, symbols in unnumbered.items():
        if len(symbols) > 1:
            named.append(("family", name, name, NameSource.CURATED))
            members += [(name, symbol) for symbol in symbols]
        else:
            named.append(("gene", symbols[0], name, NameSource.FULL_NAME))
    sources: dict[tuple[str, str, str], int] = {}
    for kind, name, text, source in named:
        row = (name_key(text), kind, name)
        sources[row] = min(int(source), sources.get(row, int(source)))
    db.executemany(
        "INSERT INTO names VALUES (?, ?, ?, ?, ?)",
        [
            (key, spelling, kind, name, n)
            for (spelling, kind, name), n in sources.items()
            if (key := squeezed(spelling))
        ],
    )
    db.executemany(
        "INSERT OR IGNORE INTO abbreviations VALUES (0, ?, ?)",
        [(name_key(short), name_key(long)) for short, long in read_abbreviations()],
    )
    db.executemany("INSERT OR IGNORE INTO members VALUES (?, ?)", members)


def _unnumbered(genes: Iterable[GeneName], known: Collection[str]) -> dict[str, list[str]]:
    """Names of proteins without their number or subunit, with the genes: "presenilin" with PSEN1 and PSEN2.

    Only those that end in "-in", as names of proteins and hardly anything else do, and mean nothing else.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for gene in genes:
        if match := _NUMBERED.fullmatch(gene.full_name):
            found[match["name"]].append(gene.symbol)
    return {name: symbols for name, symbols in found.items() if lookup_key(name) not in known}


class CatalogWriter:
    """Changes a catalog that nobody reads yet; what is not committed is not kept."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._terms: dict[tuple[object, ...], int] | None = None

    def put(self, record: FigureRecord, passages: Sequence[Passage], *, source: str, digest: str) -> None:
        """Add a record that the catalog does not hold."""
        figure = self._db.execute(
            "INSERT INTO figures (figid, pmcid, alias, year, journal, figtype) VALUES (?, ?, ?, ?, ?, ?)",
            (record.figid, record.pmcid, record.alias, record.year, record.journal, record.figtype),
        ).lastrowid
        self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?)", (figure, source, digest, _dump(record)))
        self._db.executemany("INSERT INTO organisms VALUES (?, ?)", [(figure, o) for o in record.organisms])
        self._put_mentions(figure, record)
        self._db.executemany(
            "INSERT INTO passages VALUES (?, ?, ?)", [(p.passage_id, figure, p.text) for p in passages]
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO abbreviations VALUES (?, ?, ?)",
            [(figure, short, long) for short, long in sorted(_abbreviations(record))],
        )
        columns = (record.title, record.caption, _paper_text(record), _names_text(record))
        texts = [" ".join(atoms(text or "")) for text in columns]
        self._db.execute(
            "INSERT INTO fulltext (rowid, title, caption, paper, names) VALUES (?, ?, ?, ?, ?)", (figure, *texts)
        )
        self._db.execute("INSERT INTO naming (rowid, title, caption) VALUES (?, ?, ?)", (figure, *texts[:2]))

    def _put_mentions(self, figure: int | None, record: FigureRecord) -> None:
        rows = []
        for place, m in enumerate(record.mentions):
            spelling = _spelling(m)
            key = squeezed(spelling)
            term = (m.kind.value, m.word, key, spelling, m.name, int(m.tier), m.identifier, m.organism, m.match)
            rows.append((figure, place, self._number_of(term)))
        self._db.executemany("INSERT INTO shown VALUES (?, ?, ?)", rows)

    def _number_of(self, term: tuple[object, ...]) -> int:
        """The row of ``terms`` that holds a line of a table; figures share it."""
        if self._terms is None:
            self._terms = {row[1:]: row[0] for row in self._db.execute("SELECT * FROM terms")}
        if term not in self._terms:
            number = self._db.execute("INSERT INTO terms VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", term).lastrowid
            self._terms[term] = number or 0
        return self._terms[term]

    def delete(self, figid: str) -> None:
        """Remove a record with all that belongs to it."""
        row = self._db.execute("SELECT id FROM figures WHERE figid = ?", (figid,)).fetchone()
        if row:
            self._db.execute(
                "INSERT INTO naming (naming, rowid, title, caption)"
                " SELECT 'delete', rowid, title, caption FROM fulltext WHERE rowid = ?",
                row,
            )
            for table in ("records", "organisms", "shown", "passages", "abbreviations"):
                self._db.execute(f"DELETE FROM {table} WHERE figure = ?", row)  # noqa: S608 - fixed names  # nosec B608
            self._db.execute("DELETE FROM fulltext WHERE rowid = ?", row)
            self._db.execute("DELETE FROM figures WHERE id = ?", row)

    def counts(self) -> tuple[int, int]:
        """How many figures and passages it holds."""
        return count_rows(self._db)

    def commit(self) -> None:
        """Make the changes last, with what is counted beforehand and the statistics that the query planner uses."""
        self._db.execute("DELETE FROM terms WHERE id NOT IN (SELECT term FROM shown)")
        self._terms = None
        self._put_counts()
        self._put_columns()
        for table in ("fulltext", "naming"):
            self._db.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")  # noqa: S608 - fixed names  # nosec B608
        self._db.commit()
        self._db.execute("ANALYZE")
        self._db.commit()

    def _put_counts(self) -> None:
        """In how many figures each word stands for what; for a family, by the word alone."""
        self._db.execute("DELETE FROM printed")
        self._db.execute(
            "INSERT INTO printed SELECT key, CASE tier WHEN ?1 THEN 'family' ELSE kind END AS what,"
            " CASE tier WHEN ?1 THEN key ELSE name END AS called, count(DISTINCT figure) FROM mentions"
            " GROUP BY key, what, called",
            (int(Tier.FAMILY),),
        )

    def _put_columns(self) -> None:
        """What figures can be counted by, for all of them, in the order of their figids."""
        figures = self._db.execute("SELECT id FROM figures ORDER BY figid")
        numbers = {figure: number for number, (figure,) in enumerate(figures)}
        for name, query in _COLUMNS.items():
            column = Column.of(self._db.execute(query), numbers)
            self._db.execute("INSERT OR REPLACE INTO columns VALUES (?, ?, ?, ?)", (name, *column.dumped()))


def _spelling(mention: Mention) -> str:
    """What is printed for an entity, in the form of ``name_key``.

    Of a gene it is the part of the word that was matched, as that was read ("LRP6" in "LRP5/6"). Of other
    entities it may be the name of what was found, which is not what is printed: "Lactic Acid" for "Lactate".
    """
    word, matched = name_key(mention.word), name_key(mention.match or mention.word)
    return matched if mention.kind is Kind.GENE or squeezed(matched) in squeezed(word) else word


def _abbreviations(record: FigureRecord) -> set[tuple[str, str]]:
    """The abbreviations that a record explains, in the form of ``name_key``, long forms in the singular."""
    found = set()
    for text in (record.title, record.paper_title, record.caption):
        for short, long in abbreviations_in(text or ""):
            key = name_key(long)
            found.add((name_key(short), singular(key) or key))
    return found


def _paper_text(record: FigureRecord) -> str:
    return " ; ".join([record.paper_title or "", *record.keywords, *record.organisms])


def _names_text(record: FigureRecord) -> str:
    """The printed words and what they were matched to, once each."""
    strong = [m for m in record.mentions if m.tier is not Tier.FAMILY]
    names = dict.fromkeys([m.word for m in record.mentions] + [m.name for m in strong])
    return " ; ".join(names)


def _dump(record: FigureRecord) -> str:
    known = {name: getattr(record, name) for name in _STORED}
    return json.dumps(known, ensure_ascii=False)
