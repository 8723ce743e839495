"""Reading figure records as the PFOCR database lays them out.

A record is a Markdown file whose YAML front matter holds its fields; newer records keep genes,
chemicals and diseases in tables beside it (``_data/<figid>-genes.tsv``), older ones in the front
matter. Layout: https://github.com/wikipathways/pfocr-database.

What lies in the folder is untrusted: files, tables and names are capped in size, front matter is read by
``untrusted``, control characters are dropped, and a link that leads out of the folder is not followed.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pfocr_chat.errors import CorpusError, RecordError
from pfocr_chat.records import FIGID_PATTERN, FigureRecord, Kind, Mention, Tier
from pfocr_chat.untrusted import parse_front_matter

MAX_FILE_BYTES = 1_000_000
MAX_TABLE_BYTES = 10_000_000
MAX_ROWS = 5_000
"""Rows of a table; the longest known has some hundred, and a figure prints no more words than that."""
MAX_COLUMNS = 100
MAX_CAPTION = 30_000
"""Characters; the longest known has a third of it."""
MAX_TEXT = 5_000
"""Characters of any other field, and of a cell."""
MAX_ITEMS = 1_000
"""Keywords and organisms."""
SETTLED_NS = 2_000_000_000
"""Nanoseconds after which a file's time of change tells it from later changes, on any file system."""
_PLURALS = {Kind.GENE: "genes", Kind.CHEMICAL: "chemicals", Kind.DISEASE: "diseases"}
_NOT_RECORDS = {"readme.md", "license.md", "index.md", "changelog.md"}
_TIERS = {
    "ncbigene_symbol": Tier.SYMBOL,
    "hgnc_symbol": Tier.SYMBOL,
    "ncbigene_synonym": Tier.SYNONYM,
    "hgnc_alias_symbol": Tier.SYNONYM,
    "hgnc_prev_symbol": Tier.SYNONYM,
    "bioentities_symbol": Tier.FAMILY,
    "famplex_relations": Tier.FAMILY,
}
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
"""Control characters that are no white space, and those that turn the direction of a line: a terminal and a page would
obey them."""


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """One record's file with the tables that lie beside it.

    ``refused`` are those among them that are links out of the corpus folder; none of these is opened.
    """

    path: Path
    tables: tuple[tuple[Kind, Path], ...] = ()
    refused: frozenset[Path] = frozenset()

    def stamp(self) -> bytes:
        """What the file system says of all its files; as long as it stays, so do they.

        Empty, which is to say nothing, where a file was changed in the last moments (it may change again
        within one tick of the clock) or cannot be looked at.
        """
        if self.refused:
            return b""
        settled = time.time_ns() - SETTLED_NS
        total = hashlib.blake2b(digest_size=16)
        for path in (self.path, *(path for _, path in self.tables)):
            try:
                found = os.stat(path)  # noqa: PTH116 - hundreds of thousands of files: Path.stat takes half as long again
            except OSError:
                return b""
            if max(found.st_mtime_ns, found.st_ctime_ns) > settled:
                return b""
            seen = (os.fsencode(path.name), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
            total.update(repr(seen).encode())
        return total.digest()

    def digest(self) -> tuple[str, bool]:
        """SHA-256 over the bytes of all its files, and whether all could be read; it changes when any of them does.

        A table that cannot be read counts with the reason.

        Raises:
            RecordError: the record's own file cannot be read.
        """
        is_whole = True
        contents = [(self.path.name, self.read(self.path, MAX_FILE_BYTES))]
        for _, path in self.tables:
            try:
                contents.append((path.name, self.read(path, MAX_TABLE_BYTES)))
            except RecordError as problem:
                contents.append((path.name, problem.reason.encode()))
                is_whole = False
        total = hashlib.sha256()
        for name, content in contents:
            total.update(f"{name}:{len(content)}:".encode())
            total.update(content)
        return total.hexdigest(), is_whole

    def read(self, path: Path, limit: int) -> bytes:
        """The content of one of its files.

        Raises:
            RecordError: it cannot be read, has more bytes than ``limit``, or is not to be opened.
        """
        if path in self.refused:
            raise RecordError(path, "a link that leads out of the folder")
        return _read_bytes(path, limit)


def find_records(folder: Path) -> list[RecordFiles]:
    """The record files of a corpus folder, by name: those in ``_figures/`` and those at its top.

    Raises:
        CorpusError: the folder is missing, is not a folder, or holds no record, or a folder in it leads out of it.
    """
    try:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise CorpusError(f"The folder {folder} {what}. Name a folder that holds figure records.")
        root = folder.resolve()
        outside: set[Path] = set()
        tables = {path.name: path for path in _list(folder / "_data", ".tsv", root, outside)}
        paths = [*_list(folder, ".md", root, outside), *_list(folder / "_figures", ".md", root, outside)]
    except OSError as exc:
        raise CorpusError(f"The folder {folder} cannot be read: {exc.strerror}.") from exc
    found = [
        _files(path, tables, outside)
        for path in sorted(paths, key=lambda p: (p.name, str(p)))
        if path.name.lower() not in _NOT_RECORDS
    ]
    if not found:
        raise CorpusError(
            f"The folder {folder} holds no figure records. They are .md files, in it or in its _figures/ folder."
        )
    return found


def _list(folder: Path, suffix: str, root: Path, outside: set[Path]) -> list[Path]:
    """The files of a folder, if there is one; those that are links out of ``root`` are added to ``outside``.

    Unlike ``glob``, this fails where the folder may not be read.
    """
    if not folder.exists():
        return []
    if not folder.resolve().is_relative_to(root):
        raise CorpusError(f"{folder} is a link that leads out of its folder. Put a folder of files in its place.")
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            path = folder / entry.name
            if path.suffix == suffix:
                found.append(path)
                if entry.is_symlink() and not _leads_into(path, root):
                    outside.add(path)
    return found


def _leads_into(link: Path, root: Path) -> bool:
    """Whether a link leads to a place in ``root``; one that leads nowhere, or in a circle, is harmless there."""
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _files(path: Path, tables: Mapping[str, Path], outside: set[Path]) -> RecordFiles:
    named = ((kind, tables.get(f"{path.stem}-{plural}.tsv")) for kind, plural in _PLURALS.items())
    own = tuple((kind, table) for kind, table in named if table)
    return RecordFiles(path, own, frozenset(outside.intersection((path, *(table for _, table in own)))))


def read_record(files: RecordFiles) -> tuple[FigureRecord, tuple[RecordError, ...]]:
    """The record in ``files``, and what could not be read of its tables.

    Raises:
        RecordError: the record's own file cannot be read.
    """
    fields = _read_front_matter(files)
    problems: list[RecordError] = []
    try:
        _check_sizes(fields)
        mentions = _mentions_in_front_matter(fields)
    except ValueError as exc:
        raise RecordError(files.path, str(exc)) from exc
    for kind, path in files.tables:
        try:
            mentions.extend(_read_table(kind, path, files))
        except RecordError as problem:
            problems.append(problem)
    try:
        return _to_record(fields, tuple(dict.fromkeys(mentions))), tuple(problems)
    except ValueError as exc:
        raise RecordError(files.path, str(exc)) from exc


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        path.name.encode()
        if not path.is_file():
            # A directory, or a pipe, which would be waited for without end.
            raise RecordError(path, "not a file" if path.exists() else "does not exist")
        with path.open("rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise RecordError(path, f"larger than {limit:,} bytes")
        return content
    except UnicodeEncodeError as exc:
        raise RecordError(path, "its name is not UTF-8 text") from exc
    except OSError as exc:
        raise RecordError(path, exc.strerror or "cannot be read") from exc


def _read_text(path: Path, limit: int, files: RecordFiles) -> str:
    try:
        return files.read(path, limit).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as exc:
        raise RecordError(path, "not UTF-8 text") from exc


def _read_front_matter(files: RecordFiles) -> dict[str, Any]:
    path = files.path
    text = _read_text(path, MAX_FILE_BYTES, files)
    try:
        fields, _ = parse_front_matter(text)
    except ValueError as exc:
        raise RecordError(path, str(exc)) from exc
    if not fields:
        raise RecordError(path, "no YAML front matter between --- lines")
    if not clean(fields.get("figid")):
        raise RecordError(path, "no figid")
    return fields


def _check_sizes(fields: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for a field that no figure has: what is found and shown takes time with its length."""
    described = fields.get("schema-jsonld")
    for name, value in [*fields.items(), *(described.items() if isinstance(described, dict) else ())]:
        most = MAX_CAPTION if name in ("caption", "description") else MAX_TEXT
        if name in ("keywords", "organisms", "organisms_ner"):
            items = value.split("|") if isinstance(value, str) else value if isinstance(value, list) else []
            if len(items) > MAX_ITEMS or any(isinstance(item, str) and len(item) > most for item in items):
                raise ValueError(f"the field {name[:80]!r} has more than {MAX_ITEMS:,} items, or too long ones")
        elif isinstance(value, str) and len(value) > most:
            raise ValueError(f"the field {name[:80]!r} has {len(value):,} characters, and at most {most:,} are read")
        elif name in _PLURALS.values() and isinstance(value, list) and len(value) > MAX_ROWS:
            raise ValueError(f"the field {name!r} has {len(value):,} items, and at most {MAX_ROWS:,} are read")


def clean(value: object) -> str | None:
    """A field's text in one line, without what cannot be seen; ``None`` for what says nothing (empty, ``NA``)."""
    if not isinstance(value, str):
        return None
    text = _in_one_line(value)
    return None if text in ("", "NA", "N/A", "null", "~", "None") else text


def _in_one_line(value: object) -> str:
    return " ".join(_UNSEEN.sub("", str(value or "")).split())


def _clean_list(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else str(value).split("|") if isinstance(value, str) else []
    return tuple(dict.fromkeys(text for item in items if (text := clean(item))))


def _to_record(fields: Mapping[str, Any], mentions: tuple[Mention, ...]) -> FigureRecord:
    figid = clean(fields.get("figid")) or ""
    if not FIGID_PATTERN.fullmatch(figid):
        raise ValueError(f"{figid[:80]!r} is not a figid (PMC…__name)")
    described = fields.get("schema-jsonld")
    description = described.get("description") if isinstance(described, dict) else None
    link = clean(fields.get("figlink"))
    return FigureRecord(
        figid=figid,
        title=_plain(fields.get("figtitle")),
        caption=_plain(fields.get("caption")) or _plain(description),
        caption_source="summary" if clean(fields.get("caption_source")) == "summary" else "paper",
        pmcid=_pmcid(fields.get("pmcid")) or figid.partition("__")[0],
        filename=_file_name(fields.get("filename")),
        figlink=link if link and re.fullmatch(r"/pmc/articles/PMC\d+/figure/\w[\w.\-]{0,199}/?", link) else None,
        number=_plain(fields.get("number")),
        alias=clean(fields.get("figid_alias")),
        figtype=clean(fields.get("figtype")),
        paper_title=_plain(fields.get("papertitle")),
        reference=_plain(fields.get("reftext")),
        year=_year(fields.get("year")),
        journal=_plain(fields.get("journal_title")),
        doi=_doi(fields.get("doi")),
        organisms=_clean_list(fields.get("organisms")) or _clean_list(fields.get("organisms_ner")),
        keywords=_clean_list(fields.get("keywords")),
        wpid=clean(fields.get("wpid")),
        ndex=clean(fields.get("ndex")),
        mentions=mentions,
    )


def _plain(value: object) -> str | None:
    """A field's text without the simple HTML tags that some publishers leave in it."""
    text = clean(value)
    return clean(re.sub(r"</?(?:b|i|em|strong|sup|sub|italic|bold|span|p|br)\s*/?>", "", text)) if text else None


def _pmcid(value: object) -> str | None:
    text = clean(value)
    return text if text and re.fullmatch(r"PMC[0-9]{1,12}", text) else None


def _file_name(value: object) -> str | None:
    name = clean(value)
    return name if name and re.fullmatch(r"\w[\w.+\-]{0,199}", name) else None


def _doi(value: object) -> str | None:
    text = clean(value)
    match = re.search(r"10\.\d{4,9}/\S+", text) if text else None
    return match.group() if match else None


def _year(value: object) -> int | None:
    match = re.match(r"((?:1[89]|20)\d\d)(?!\d)", clean(value) or "")
    year = int(match.group(1)) if match else None
    # Some records have a page number in the place of the year.
    return year if year and year <= date.today().year + 1 else None


def _read_table(kind: Kind, path: Path, files: RecordFiles) -> Iterator[Mention]:
    text = _read_text(path, MAX_TABLE_BYTES, files)
    if text.count("\n") > MAX_ROWS:
        raise RecordError(path, f"more than {MAX_ROWS:,} rows")
    if text.partition("\n")[0].count("\t") >= MAX_COLUMNS:
        raise RecordError(path, f"more than {MAX_COLUMNS} columns")
    rows = csv.DictReader(text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        if "word" not in (rows.fieldnames or ()):
            raise RecordError(path, "no column called word")
        return iter([mention for row in rows if (mention := _to_mention(kind, row))])
    except (csv.Error, ValueError) as exc:
        raise RecordError(path, f"not a table: {exc}") from exc


def _to_mention(kind: Kind, row: Mapping[str, Any]) -> Mention | None:
    """One row of a table, or one item of an older record's list.

    A gene's symbol may really be ``NA``; it is missing only where its id is missing too.
    """
    word = _in_one_line(row.get("word") or row.get("value"))
    if not word:
        return None
    if any(isinstance(cell, str) and len(cell) > MAX_TEXT for cell in row.values()):
        raise ValueError(f"a cell of more than {MAX_TEXT:,} characters")
    if kind is Kind.GENE:
        identifier = clean(row.get("ncbigene_id")) or clean(row.get("entrez"))
        symbol = _in_one_line(row.get("ncbigene_symbol") or row.get("hgnc_symbol") or row.get("symbol"))
        name = symbol if symbol and (symbol != "NA" or identifier) else word
        tier = _TIERS.get(str(row.get("source")), Tier.SYNONYM)
        return Mention(kind, word, name, tier, identifier, clean(row.get("organism_name")), clean(row.get("match")))
    ids = (row.get(column) for column in ("chebi", "doid", "mesh", "identifier"))
    name = clean(row.get("name")) or clean(row.get("match")) or word
    tier = Tier.SYMBOL if name.casefold() == word.casefold() else Tier.SYNONYM
    identifier = next((text for i in ids if (text := clean(i))), None)
    return Mention(kind, word, name, tier, identifier, match=clean(row.get("match")))


def _mentions_in_front_matter(fields: Mapping[str, Any]) -> list[Mention]:
    """Genes, chemicals and diseases of the older records, which have no tables."""
    found = []
    for kind, plural in _PLURALS.items():
        items = fields.get(plural)
        for item in items if isinstance(items, list) else ():
            row = item if isinstance(item, dict) else {"word": item}
            found.append(_to_mention(kind, row))
    return [mention for mention in found if mention]
