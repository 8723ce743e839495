"""Reading figure records as the PFOCR database lays them out.

A record is a Markdown file whose YAML front matter holds its fields; newer records keep genes,
chemicals and diseases in tables beside it (``_data/<figid>-genes.tsv``), older ones in the front
matter. Layout: https://github.com/wikipathways/pfocr-database.

Front matter is untrusted: files are capped in size, and aliases and deep nesting are refused
before anything is built from them. Every scalar stays a string, since YAML would otherwise read
the gene symbols ``NO`` and ``ON`` as booleans.
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

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

from pfocr_chat.errors import CorpusError, RecordError
from pfocr_chat.records import FIGID_PATTERN, FigureRecord, Kind, Mention, Tier

MAX_FILE_BYTES = 1_000_000
MAX_TABLE_BYTES = 10_000_000
MAX_DEPTH = 32
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

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """One record's file with the tables that lie beside it."""

    path: Path
    tables: tuple[tuple[Kind, Path], ...] = ()

    def stamp(self) -> bytes:
        """What the file system says of all its files; as long as it stays, so do they.

        Empty, which is to say nothing, where a file was changed in the last moments (it may change again
        within one tick of the clock) or cannot be looked at.
        """
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

    def digest(self) -> str:
        """SHA-256 over the bytes of all its files; it changes when any of them does.

        A table that cannot be read counts with the reason.

        Raises:
            RecordError: the record's own file cannot be read.
        """
        contents = [(self.path.name, _read_bytes(self.path, MAX_FILE_BYTES))]
        for _, path in self.tables:
            try:
                contents.append((path.name, _read_bytes(path, MAX_TABLE_BYTES)))
            except RecordError as problem:
                contents.append((path.name, problem.reason.encode()))
        total = hashlib.sha256()
        for name, content in contents:
            total.update(f"{name}:{len(content)}:".encode())
            total.update(content)
        return total.hexdigest()


def find_records(folder: Path) -> list[RecordFiles]:
    """The record files of a corpus folder, by name: those in ``_figures/`` and those at its top.

    Raises:
        CorpusError: the folder is missing, is not a folder, or holds no record.
    """
    try:
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise CorpusError(f"The folder {folder} {what}. Name a folder that holds figure records.")
        tables = {path.name: path for path in _list(folder / "_data", ".tsv")}
        paths = [*_list(folder, ".md"), *_list(folder / "_figures", ".md")]
    except OSError as exc:
        raise CorpusError(f"The folder {folder} cannot be read: {exc.strerror}.") from exc
    found = [
        RecordFiles(path, _tables_of(path.stem, tables))
        for path in sorted(paths, key=lambda p: (p.name, str(p)))
        if path.name.lower() not in _NOT_RECORDS
    ]
    if not found:
        raise CorpusError(
            f"The folder {folder} holds no figure records. They are .md files, in it or in its _figures/ folder."
        )
    return found


def _list(folder: Path, suffix: str) -> list[Path]:
    """The files of a folder, if there is one; unlike ``glob``, this fails where the folder may not be read."""
    return [path for path in folder.iterdir() if path.suffix == suffix] if folder.exists() else []


def _tables_of(stem: str, tables: Mapping[str, Path]) -> tuple[tuple[Kind, Path], ...]:
    named = ((kind, tables.get(f"{stem}-{plural}.tsv")) for kind, plural in _PLURALS.items())
    return tuple((kind, path) for kind, path in named if path)


def read_record(files: RecordFiles) -> tuple[FigureRecord, tuple[RecordError, ...]]:
    """The record in ``files``, and what could not be read of its tables.

    Raises:
        RecordError: the record's own file cannot be read.
    """
    fields = _read_front_matter(files.path)
    problems: list[RecordError] = []
    mentions = _mentions_in_front_matter(fields)
    for kind, path in files.tables:
        try:
            mentions.extend(_read_table(kind, path))
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
        if path.stat().st_size > limit:
            raise RecordError(path, f"larger than {limit:,} bytes")
        return path.read_bytes()
    except UnicodeEncodeError as exc:
        raise RecordError(path, "its name is not UTF-8 text") from exc
    except OSError as exc:
        raise RecordError(path, exc.strerror or "cannot be read") from exc


def _read_text(path: Path, limit: int) -> str:
    try:
        return _read_bytes(path, limit).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as exc:
        raise RecordError(path, "not UTF-8 text") from exc


class _GuardedHandler(YAMLHandler):
    """Front matter as strings, lists and mappings, after a scan for what could exhaust the reader."""

    def load(self, fm: str, **_: object) -> Any:
        _scan(fm)
        return yaml.load(fm, Loader=_Loader)  # noqa: S506 - the base loaders build strings only  # nosec B506


def _scan(text: str) -> None:
    """Refuse aliases, deep nesting and repeated top-level keys.

    Raises:
        ValueError: with the reason.
    """
    depth = 0
    seen: set[str] = set()
    at_key = True
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("YAML aliases are not accepted")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif depth == 1 and isinstance(event, yaml.NodeEvent):
            if at_key and isinstance(event, yaml.ScalarEvent):
                if event.value in seen:
                    raise ValueError(f"the field {event.value!r} stands twice")
                seen.add(event.value)
            at_key = not at_key
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _read_front_matter(path: Path) -> dict[str, Any]:
    text = _read_text(path, MAX_FILE_BYTES)
    try:
        fields, _ = frontmatter.parse(text, handler=_GuardedHandler())
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise RecordError(path, f"front matter is not valid YAML{where}") from exc
    except (ValueError, RecursionError) as exc:
        raise RecordError(path, str(exc)) from exc
    if not isinstance(fields, dict) or not fields:
        raise RecordError(path, "no YAML front matter between --- lines")
    if not clean(fields.get("figid")):
        raise RecordError(path, "no figid")
    return fields


def clean(value: object) -> str | None:
    """A field's text with white space collapsed; ``None`` for what says nothing (empty, ``NA``)."""
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())
    return None if text in ("", "NA", "N/A", "null", "~", "None") else text


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
        figlink=link if link and re.fullmatch(r"/pmc/articles/PMC\d+/figure/[\w.\-]+/?", link) else None,
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
    return text if text and re.fullmatch(r"PMC\d+", text) else None


def _file_name(value: object) -> str | None:
    name = clean(value)
    return name if name and re.fullmatch(r"[\w.+\-]+", name) else None


def _doi(value: object) -> str | None:
    text = clean(value)
    match = re.search(r"10\.\d{4,9}/\S+", text) if text else None
    return match.group() if match else None


def _year(value: object) -> int | None:
    match = re.match(r"((?:1[89]|20)\d\d)(?!\d)", clean(value) or "")
    year = int(match.group(1)) if match else None
    # Some records have a page number in the place of the year.
    return year if year and year <= date.today().year + 1 else None


def _read_table(kind: Kind, path: Path) -> Iterator[Mention]:
    lines = _read_text(path, MAX_TABLE_BYTES).split("\n")
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        if "word" not in (rows.fieldnames or ()):
            raise RecordError(path, "no column called word")
        return iter([mention for row in rows if (mention := _to_mention(kind, row))])
    except csv.Error as exc:
        raise RecordError(path, f"not a table: {exc}") from exc


def _to_mention(kind: Kind, row: Mapping[str, Any]) -> Mention | None:
    """One row of a table, or one item of an older record's list.

    A gene's symbol may really be ``NA``; it is missing only where its id is missing too.
    """
    word = " ".join(str(row.get("word") or row.get("value") or "").split())
    if not word:
        return None
    if kind is Kind.GENE:
        identifier = clean(row.get("ncbigene_id")) or clean(row.get("entrez"))
        symbol = " ".join(str(row.get("ncbigene_symbol") or row.get("hgnc_symbol") or row.get("symbol") or "").split())
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
