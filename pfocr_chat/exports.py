"""Found figures as files for other programs: spreadsheets, reference managers, gene set analysis.

Pure, and the same hits always give the same text. Every result can be encoded as UTF-8 and ends
with a line end unless it is empty. CSV and JSON have an item for each figure; BibTeX and RIS, which
are read by reference managers, an entry for each paper; GMT a gene set for each figure.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from pfocr_chat.queries import Hit
from pfocr_chat.records import FigureRecord, Kind, Tier


class Format(StrEnum):
    """A kind of file that hits can be written as."""

    CSV = "csv"
    JSON = "json"
    BIBTEX = "bibtex"
    RIS = "ris"
    GMT = "gmt"

    @property
    def suffix(self) -> str:
        """How the names of such files end."""
        return ".bib" if self is Format.BIBTEX else f".{self.value}"

    @property
    def media_type(self) -> str:
        """Its type for HTTP, without a charset; the text is meant to be sent as UTF-8."""
        return {
            Format.CSV: "text/csv",
            Format.JSON: "application/json",
            Format.BIBTEX: "application/x-bibtex",
            Format.RIS: "application/x-research-info-systems",
            Format.GMT: "text/tab-separated-values",
        }[self]


def render(hits: Sequence[Hit], form: Format, *, question: str | None = None) -> str:
    """The hits as the text of one file; ``question`` is what they were found for, which only JSON has room for."""
    match form:
        case Format.CSV:
            return to_csv(hits)
        case Format.JSON:
            return to_json(hits, question=question)
        case Format.BIBTEX:
            return to_bibtex(hits)
        case Format.RIS:
            return to_ris(hits)
        case Format.GMT:
            return to_gmt(hits)


# One item for each figure

CSV_COLUMNS = (
    "figid",
    "pmcid",
    "number",
    "title",
    "paper_title",
    "year",
    "journal",
    "doi",
    "organisms",
    "matched",
    "genes",
    "chemicals",
    "diseases",
    "quote",
    "figure_url",
    "image_url",
    "paper_url",
)
_FORMULA = re.compile(r"""(^|[;\t\r\n])(?=[\s"'\u200b-\u200f\u2060\ufeff]{0,50}[=+\-@＝＋－＠])|^(?=[\t\r\n])""")
"""Where a spreadsheet would begin to read a formula: at the start of a cell, white space and quotes aside, and where it
takes another sign than the comma for the end of one. Some locales read the full-width signs alike."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def to_csv(hits: Sequence[Hit]) -> str:
    """A table with a header (RFC 4180: commas, CRLF), a row for each hit.

    Lists are joined by "; ". What a spreadsheet would take for a formula gets an apostrophe before it, also within a
    cell behind what elsewhere divides cells (";", a tab, a line end). There is no byte order mark; Excel needs one
    to see that a file is UTF-8.
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(CSV_COLUMNS)
    writer.writerows([_cell(value) for value in _row(hit)] for hit in hits)
    return _encodable(table.getvalue())


def _row(hit: Hit) -> tuple[str | int | None, ...]:
    record = hit.record
    names = ("; ".join(sorted({m.name for m in record.mentions_of(kind)})) for kind in Kind)
    return (
        hit.figid,
        record.pmcid,
        record.number,
        record.title,
        record.paper_title,
        record.year,
        record.journal,
        record.doi,
        "; ".join(record.organisms),
        "; ".join(str(match) for match in hit.matches),
        *names,
        hit.quote,
        record.page_url,
        record.image_url,
        record.paper_url,
    )


def _cell(value: str | int | None) -> str:
    text = "" if value is None else _CONTROLS.sub("", str(value))
    return _FORMULA.sub(r"\1'", text)


def to_json(hits: Sequence[Hit], *, question: str | None = None) -> str:
    """A list of the hits' plain values, each with the question where there is one."""
    asked = {} if question is None else {"question": question}
    return _encodable(json.dumps([asked | hit.to_dict() for hit in hits], ensure_ascii=False, indent=2)) + "\n"


def to_gmt(hits: Sequence[Hit], *, include_families: bool = False) -> str:
    """Gene sets: figid, title and the names of the figure's genes, separated by tabs.

    Only genes whose symbol or synonym is printed count; ``include_families`` adds the members of
    printed families, of which the figure may mean one or two. Figures without genes are left out.
    """
    tiers = {Tier.SYMBOL, Tier.SYNONYM} | ({Tier.FAMILY} if include_families else set())
    lines = []
    for hit in hits:
        genes = {_tabbed(m.name) for m in hit.record.mentions_of(Kind.GENE) if m.tier in tiers} - {""}
        if genes:
            title = _tabbed(hit.record.title or hit.record.paper_title or "") or "na"
            lines.append("\t".join([hit.record.figid, title, *sorted(genes)]) + "\n")
    return _encodable("".join(lines))


def _tabbed(text: str) -> str:
    """Text as a cell of a table with tabs, on one line; no formula, should a spreadsheet open it."""
    return _FORMULA.sub(r"\1'", _line(text))


# One entry for each paper


@dataclass(frozen=True, slots=True)
class Author:
    """A person's name in parts; ``family`` holds particles too ("de la Torre")."""

    family: str
    given: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """What could be read of a reference; ``others`` says that it has more authors than are named.

    ``first_page`` is the only page, or the article's number, where there is no ``last_page``.
    """

    authors: tuple[Author, ...] = ()
    others: bool = False
    journal: str | None = None
    volume: str | None = None
    issue: str | None = None
    first_page: str | None = None
    last_page: str | None = None


_REFERENCE = re.compile(
    r"(?P<names>.+?)(?:, et al)?\. (?P<journal>[^.;]+)\. [\w -]*;"
    r"(?P<volume>[\w \-]*)(?:\((?P<issue>[^()]*)\))?(?::(?P<pages>[^:;]+?))?\.?"
)
_PARTS = ("journal", "volume", "issue", "pages")
_PAGE_RUN = re.compile(r"(?P<first>(?P<letter>[A-Za-z]?)\d+)-(?P<last>(?P=letter)\d+)")  # "e00291-16" is a number
_NAME_WORD = r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f'’\-‐‑])*"
_INITIALS = r"[^\W\d_](?:[.\-‐]+[^\W\d_])*\.?"
_NAME = re.compile(rf"(?:(?:{_NAME_WORD}|{_INITIALS}|[^\W\d_]{{2,3}}\.)(?: (?=.)|$)){{1,8}}")
_SUFFIXES = frozenset("Jr Jr. Sr Sr. II III IV".split())
_NO_NAME = frozenset("and others et al".split())


def parse_reference(text: str | None) -> Reference:
    """What can be told of a reference in the short form that PubMed Central gives it.

    That is ``Ada Byron, et al. J Plant Rec. 2012 Jan;1(2):3-9.``, with one author or more. A text of
    another form gives its authors if they end in "et al.", else nothing: better none than a wrong one.
    """
    text = _line(text or "")
    whole = _REFERENCE.fullmatch(text)
    names, others, _ = text.partition(", et al. ")
    if not others:
        names = whole["names"] if whole else ""
    listed = names.split(", ")
    authors = tuple(author for author in takewhile(bool, map(_parse_author, listed)) if author)
    if not authors:
        return Reference()
    has_more = bool(others) or len(authors) < len(listed)
    if not whole:
        return Reference(authors, has_more)
    journal, volume, issue, pages = ((whole[part] or "").strip() or None for part in _PARTS)
    run = _PAGE_RUN.fullmatch(pages or "")
    first, last = (run["first"], run["last"]) if run else (pages, None)
    return Reference(authors, has_more, journal, volume, issue, first, None if last == first else last)


def _parse_author(name: str) -> Author | None:
    """A name given as "First von Last"; the last word and the lower-case ones before it are the family's, as in BibTeX.

    ``None`` where it does not look like a person's name.
    """
    words = name.split()
    if not _NAME.fullmatch(name) or not _NO_NAME.isdisjoint(words):
        return None
    has_suffix = words[-1] in _SUFFIXES
    if has_suffix and len(words) < 3:
        return None
    suffix = words.pop() if has_suffix else ""
    start = len(words) - 1
    while start > 0 and words[start - 1].islower():
        start -= 1
    return Author(" ".join(words[start:]), " ".join(words[:start]), suffix)


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper with those of its figures that were found, in the order of the hits."""

    figures: tuple[FigureRecord, ...]

    @property
    def pmcid(self) -> str | None:
        """Its id at PubMed Central."""
        return _first(f.pmcid for f in self.figures)

    @property
    def title(self) -> str | None:
        """Its title, without the full stop that PubMed puts after it."""
        title = _first(f.paper_title for f in self.figures) or ""
        return (title if title.endswith("..") else title.removesuffix(".").rstrip()) or None

    @property
    def year(self) -> int | None:
        """When it was published."""
        return next((f.year for f in self.figures if f.year), None)

    @property
    def doi(self) -> str | None:
        """Its DOI."""
        return _first(f.doi for f in self.figures)

    @property
    def url(self) -> str:
        """Its page at PMC, else at its publisher, else the page of its first figure."""
        first = self.figures[0]
        return _first(f.paper_url for f in self.figures) or _first(f.doi_url for f in self.figures) or first.page_url

    @property
    def citation(self) -> str | None:
        """Its reference as the corpus has it."""
        return _first(f.reference for f in self.figures)

    @property
    def reference(self) -> Reference:
        """What could be read of its reference."""
        return parse_reference(self.citation)

    @property
    def journal(self) -> str | None:
        """Its journal's name, else the short form of it that the reference has."""
        return _first(f.journal for f in self.figures) or self.reference.journal


def papers_of(hits: Iterable[Hit]) -> tuple[Paper, ...]:
    """The papers of the hits, each once, in the order of their first hits.

    Figures are of one paper if they share the PMCID, or where there is none the DOI, or the title.
    """
    papers: dict[tuple[str, str], list[FigureRecord]] = {}
    for hit in hits:
        record = hit.record
        ids = (("pmcid", record.pmcid), ("doi", record.doi), ("title", record.paper_title), ("figid", hit.figid))
        key = next((name, _line(value).casefold()) for name, value in ids if value and _line(value))
        papers.setdefault(key, []).append(record)
    return tuple(Paper(tuple(figures)) for figures in papers.values())


def to_bibtex(hits: Sequence[Hit]) -> str:
    """An ``@article`` for each paper, its figures named in the note.

    Characters that mean something to LaTeX are escaped, and braces keep the title's letter case.
    Others stay as they are (UTF-8): Greek letters in a title need a TeX that can set them.
    """
    taken: set[str] = set()
    return _encodable("\n".join(_bibtex_entry(paper, _bibtex_key(paper, taken)) for paper in papers_of(hits)))


def _bibtex_entry(paper: Paper, key: str) -> str:
    reference = paper.reference
    people = [*(_bibtex_name(author) for author in reference.authors), *(["others"] if reference.others else [])]
    figures = "; ".join(f"{_line(f.number)} ({f.figid})" if f.number else f.figid for f in paper.figures)
    fields = {
        "author": " and ".join(people),
        "title": f"{{{_latex(paper.title)}}}" if paper.title else "",
        "journal": _latex(paper.journal or ""),
        "year": str(paper.year or ""),
        "volume": _latex(reference.volume or ""),
        "number": _latex(reference.issue or ""),
        "pages": "--".join(_latex(page) for page in (reference.first_page, reference.last_page) if page),
        # These two are read verbatim: an escaped underscore would break the link.
        "doi": _verbatim(paper.doi or ""),
        "url": _verbatim(paper.url),
        "note": _latex(f"PFOCR figures: {figures}"),
    }
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@article{{{key},\n{''.join(lines)}}}\n"


def _bibtex_name(author: Author) -> str:
    return ", ".join(part for part in (author.family, author.suffix, author.given) if part)


def _bibtex_key(paper: Paper, taken: set[str]) -> str:
    """A key in ASCII letters and digits that differs from those ``taken`` in more than letter case; it is added."""
    family = _ascii(paper.reference.authors[0].family) if paper.reference.authors else ""
    dated = f"{family}{paper.year or ''}" if family else str(paper.year or "")
    pmcid = _ascii(paper.pmcid or "")
    parts = [dated, pmcid] if family else [pmcid or "paper", dated]
    base = key = "_".join(part for part in parts if part)
    count = 1
    while key.lower() in taken:
        count += 1
        key = f"{base}_{count}"
    taken.add(key.lower())
    return key


def to_ris(hits: Sequence[Hit]) -> str:
    """A journal article for each paper, with a note for each of its figures; lines end with CRLF.

    RIS has no word for further authors, so where there are some the reference itself is a note.
    """
    lines = (f"{tag}  - {value}\r\n" for paper in papers_of(hits) for tag, value in _ris_fields(paper))
    return _encodable("".join(lines))


def _ris_fields(paper: Paper) -> Iterator[tuple[str, str]]:
    reference = paper.reference
    yield "TY", "JOUR"
    fields = [("TI", paper.title or "")]
    fields += [("AU", ", ".join(p for p in (a.family, a.given, a.suffix) if p)) for a in reference.authors]
    fields += [
        ("JO", paper.journal or ""),
        ("PY", str(paper.year or "")),
        ("VL", reference.volume or ""),
        ("IS", reference.issue or ""),
        ("SP", reference.first_page or ""),
        ("EP", reference.last_page or ""),
        ("DO", paper.doi or ""),
        ("UR", paper.url.replace(";", "%3B")),  # a semicolon divides addresses
        ("AN", paper.pmcid or ""),
        ("N1", f"Reference: {paper.citation}" if reference.others else ""),
    ]
    fields += [("N1", _figure_note(figure)) for figure in paper.figures]
    yield from ((tag, text) for tag, value in fields if (text := _line(value)))
    yield "ER", ""


def _figure_note(figure: FigureRecord) -> str:
    name = f"{figure.number} ({figure.figid})" if figure.number else figure.figid
    return ": ".join(part for part in (name, figure.title, figure.page_url) if part)


# Text

_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_"}
    | {
        # Not "\{": BibTeX counts braces without regard to the backslash.
        "{": r"{\textbraceleft}",
        "}": r"{\textbraceright}",
        "\\": r"{\textbackslash}",
        "~": r"{\textasciitilde}",
        "^": r"{\textasciicircum}",
        "<": r"{\textless}",
        ">": r"{\textgreater}",
        "|": r"{\textbar}",
    }
)
_LIGATURES = re.compile(r"(?<=-)(?=-)|(?<=')(?=')|(?<=[`?!])(?=`)|(?<=,)(?=,)")
_VERBATIM = str.maketrans({c: f"%{ord(c):02X}" for c in "{}\\ "})


def _first(values: Iterable[str | None]) -> str | None:
    """The first of the values that says something, on one line."""
    return next((text for value in values if value and (text := _line(value))), None)


def _line(text: str) -> str:
    """Text on one line: any white space as one space, no control characters."""
    return " ".join(_CONTROLS.sub("", " ".join(text.split())).split())


def _latex(text: str) -> str:
    """Text as LaTeX source that is set as the same characters: "--" is no dash, and two apostrophes no quote."""
    return _LIGATURES.sub("{}", _line(text).translate(_LATEX))


def _verbatim(address: str) -> str:
    """A URL or DOI for a field of BibTeX that is read without LaTeX, where only its braces must not be unbalanced."""
    return _line(address).translate(_VERBATIM)


def _ascii(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c.isascii() and c.isalnum())


def _encodable(text: str) -> str:
    """Text with "?" for lone surrogates, which UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode("utf-8")
