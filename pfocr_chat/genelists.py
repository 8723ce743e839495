"""Gene lists: which figures show more of the genes of a list than chance would have it.

A figure's genes are those that it prints by their symbol or a synonym; the background is every gene
that some figure of the index shows. Members of printed families ("PKC") count, in both, only where that
is asked for: one printed word would make many of the list's genes overlap at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pfocr_chat.catalog import Catalog, GeneSets, Reading
from pfocr_chat.enrichment import GeneListResult, rank_figures
from pfocr_chat.entities import SHARE, weight
from pfocr_chat.errors import QuestionError
from pfocr_chat.lexicon import (
    ENGLISH_LIKE,
    GREEK,
    RELATION_WORDS,
    STOPWORDS,
    lookup_key,
    name_key,
    reads_as_name,
    singular,
    squeezed,
)
from pfocr_chat.nomenclature import NameSource
from pfocr_chat.queries import counted
from pfocr_chat.records import Kind, Tier

MAX_GENES = 2_000
"""Names that one list may hold."""
MAX_CHARACTERS = 500_000
"""Of a list as typed or pasted; twice what the longest names need."""
WORDS_EACH = 20
"""Words that a name may have on the average; the longest full names have some more."""
SHOWN_FIGURES = 10
SHOWN_NAMES = 20
LONGEST_SHOWN = 40
"""Characters of a name that are shown."""

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*", re.MULTILINE)
_NUMBERING = re.compile(r"^[ \t]*\(?\d{1,4}[.)](?=\s)", re.MULTILINE)
_STRONG_SEPARATOR = re.compile(r"[,;，；、\t\r\n\v\f\x85\u2028\u2029]")
_AROUND = " #\u00a0\u200b\ufeff'\"`´‘’“”„«»[]{}*-–—•·‣◦.:"
_HEADERS = frozenset(
    """gene genes geneid genename genenames genesymbol genesymbols genelist hgncsymbol symbol symbols name names
    officialsymbol""".split()
)
_QUALIFIER = re.compile(rf"\d*|[a-z]|{'|'.join(GREEK.values())}")
_MARKUP = re.compile(r"[\\`*_~&\[\]<|]")


def parse_gene_list(text: str) -> tuple[str, ...]:
    """The names in a pasted list or the text of a file, as typed, those with one lookup key once.

    Names are separated by commas, semicolons, tabs or line ends, and may then hold spaces; a text
    without any of these is separated at white space. Quotes, bullets, numbering, comments ("#")
    and a header such as "gene" or "Symbol" as the first of several names are left out, and so is
    what holds no letter or digit.

    Raises:
        QuestionError: there is no name, or more than ``MAX_GENES``, or the text has more than ``MAX_CHARACTERS``.
    """
    if len(text) > MAX_CHARACTERS:
        raise QuestionError(f"The list has {len(text):,} characters, and at most {MAX_CHARACTERS:,} can be read.")
    text = _NUMBERING.sub("\n", _COMMENT.sub("", text)).strip()
    items = _STRONG_SEPARATOR.split(text)
    if len(items) == 1:
        items = text.split()
    typed = [" ".join(item.split()).strip(_AROUND) for item in items]
    names = list({name.casefold(): name for name in reversed(typed) if name}.values())[::-1]
    if len(names) > 1 and re.sub(r"[\W_]", "", names[0]).casefold() in _HEADERS:
        del names[0]
    _check_number(len(names))
    by_key = {lookup_key(name): name for name in reversed(names)}
    found = tuple(name for key, name in reversed(by_key.items()) if key)
    if not found:
        raise QuestionError("There is no gene in the list. Give symbols separated by commas, spaces or line ends.")
    return found


def _check_number(given: int) -> None:
    if given > MAX_GENES:
        raise QuestionError(
            f"The list has {given:,} names, and at most {MAX_GENES:,} can be compared. Give a shorter list."
        )


@dataclass(frozen=True, slots=True)
class ListedGene:
    """A gene of a list that the index shows: the name as typed, its symbol in the index, and the family for which
    it was typed, if any."""

    typed: str
    symbol: str
    family: str | None = None


@dataclass(frozen=True, slots=True)
class ListedFamily:
    """A family in a list: the name as typed, what it is called, and its members in the index."""

    typed: str
    label: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A name that may well stand for something else than what it was read as."""

    typed: str
    chosen: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the names of a list stand for.

    ``absent`` are names of genes and families that no figure of the index shows, which therefore lie
    outside the background; ``unknown`` are names of nothing that is known. ``with_families`` says
    whether members of printed families are genes of the index here.
    """

    genes: tuple[ListedGene, ...] = ()
    families: tuple[ListedFamily, ...] = ()
    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    ambiguous: tuple[Ambiguity, ...] = ()
    with_families: bool = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, each once, in the order of the list."""
        return tuple(dict.fromkeys(gene.symbol for gene in self.genes))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "genes": [asdict(gene) for gene in self.genes],
            "families": [asdict(family) | {"members": list(family.members)} for family in self.families],
            "unknown": list(self.unknown),
            "absent": list(self.absent),
            "ambiguous": [asdict(doubt) | {"others": list(doubt.others)} for doubt in self.ambiguous],
            "with_families": self.with_families,
        }


def resolve_genes(names: Sequence[str], catalog: Catalog, *, with_families: bool = False) -> Resolved:
    """The genes of the index that the names stand for.

    A symbol of the index, letter case aside, stands for itself; so does every approved symbol.
    Another name is read as the gene or family it most likely means, and a family as those of its
    members that the index has. Several words that are no name together are read one by one if at
    least half of them are names, and none but the first is what sets a name apart from its like
    ("zeta", "2", "B").

    Raises:
        QuestionError: there are more than ``MAX_GENES`` names, or they are whole texts.
    """
    _check_number(len(names))
    words = sum(len(name.split()) for name in names)
    if words > MAX_GENES * WORDS_EACH:
        raise QuestionError(f"The list has {words:,} words, which are no names of genes. Give one symbol on a line.")
    sets = catalog.gene_sets(_weakest(with_families))
    own = {symbol.casefold(): symbol for symbol in sorted(sets.genes, reverse=True)}
    others = [name for name in names if name.casefold() not in own]
    readings = _gene_readings({form for name in others for form in (name, *name.split())}, catalog)
    names = _with_words_apart(names, own, readings)
    resolution = _Resolution(catalog, sets)
    for name in names:
        symbol = own.get(name.casefold())
        if symbol:
            resolution.genes.append(ListedGene(name, symbol))
        elif name in readings:
            resolution.add_reading(name, readings[name])
        else:
            resolution.unknown.append(name)
    return Resolved(
        tuple(resolution.genes),
        tuple(resolution.families),
        tuple(resolution.unknown),
        tuple(resolution.absent),
        tuple(resolution.ambiguous),
        with_families,
    )


def _weakest(with_families: bool) -> Tier:
    return Tier.FAMILY if with_families else Tier.SYNONYM


def _gene_readings(names: Iterable[str], catalog: Catalog) -> dict[str, list[Reading]]:
    """The genes and families that names stand for; a name that stands for none is left out, as bare numbers are."""
    keys: dict[str, tuple[str, ...]] = {}
    for name in names:
        spelling = name_key(name)
        keys[name] = tuple(squeezed(form) for form in (spelling, singular(spelling)) if form)
    found = catalog.readings(key for forms in keys.values() for key in forms if not key.isdigit())
    genes = {key: [r for r in readings if r.kind is Kind.GENE] for key, readings in found.items()}
    first = {name: next((genes[key] for key in forms if genes.get(key)), []) for name, forms in keys.items()}
    return {name: readings for name, readings in first.items() if readings}


def _with_words_apart(
    names: Sequence[str], own: Mapping[str, str], readings: Mapping[str, list[Reading]]
) -> tuple[str, ...]:
    """The names, where a line of several is replaced by them.

    Raises:
        QuestionError: that makes more than ``MAX_GENES``.
    """
    apart: list[str] = []
    for name in names:
        words = name.split()
        known = [w for w in words if w.casefold() in own or (w in readings and reads_as_name(w))]
        whole = name.casefold() in own or name in readings or any(_QUALIFIER.fullmatch(name_key(w)) for w in words[1:])
        apart += [name] if whole or not known or 2 * len(known) < len(words) else words
    _check_number(len(apart))
    return tuple(apart)


class _Resolution:
    """Collects what the names of one list stand for."""

    def __init__(self, catalog: Catalog, sets: GeneSets) -> None:
        self._catalog = catalog
        self._older = sets.older
        self._shown = frozenset(sets.genes)
        self.genes: list[ListedGene] = []
        self.families: list[ListedFamily] = []
        self.unknown: list[str] = []
        self.absent: list[str] = []
        self.ambiguous: list[Ambiguity] = []

    def add_reading(self, typed: str, readings: Sequence[Reading]) -> None:
        """Take ``typed`` for the likeliest of its readings; of equals, for one that the index shows."""

        def rank(reading: Reading) -> tuple[bool, bool, float, bool, str]:
            same = reading.name.casefold() == typed.casefold()
            approved = reading.source == NameSource.SYMBOL
            shown = reading.is_family or self._symbol(reading) in self._shown
            return not (same and approved), not same, -weight(reading, readings), not shown, reading.name

        first, *rest = sorted(readings, key=rank)
        least = SHARE * weight(first, readings)
        close = [r for r in rest if weight(r, readings) >= least]
        meant = frozenset(self._genes(first)) if close else frozenset()
        others = tuple(dict.fromkeys(self._symbol(r) for r in close if not meant.issuperset(self._genes(r))))
        if others and first.source != NameSource.SYMBOL and first.name.casefold() != typed.casefold():
            self.ambiguous.append(Ambiguity(typed, self._symbol(first), others))
        if first.is_family:
            self._add_family(typed, first)
        elif self._symbol(first) in self._shown:
            self.genes.append(ListedGene(typed, self._symbol(first)))
        else:
            self.absent.append(typed)

    def _symbol(self, reading: Reading) -> str:
        """What the index calls it."""
        return reading.name if reading.is_family else self._current(reading.name)

    def _current(self, symbol: str) -> str:
        """The symbol, or an older one where the index has the gene under that."""
        return symbol if symbol in self._shown else self._older.get(symbol, symbol)

    def _genes(self, reading: Reading) -> tuple[str, ...]:
        """The gene, or the members of the family."""
        names = self._catalog.members(reading.name) if reading.is_family else [reading.name]
        return tuple(dict.fromkeys(map(self._current, names)))

    def _add_family(self, typed: str, reading: Reading) -> None:
        members = tuple(member for member in self._genes(reading) if member in self._shown)
        label = typed if reading.source is None else reading.name  # the corpus has no name for it but its key
        if not members:
            self.absent.append(typed)
        else:
            self.families.append(ListedFamily(typed, label, members))
            self.genes.extend(ListedGene(typed, member, label) for member in members)


def enrich(resolved: Resolved, catalog: Catalog, **options: Any) -> GeneListResult:
    """The figures of the index that overlap most with a list; the options are those of ``rank_figures``."""
    return rank_figures(catalog.gene_sets(_weakest(resolved.with_families)), resolved.symbols, **options)


def render_gene_list(result: GeneListResult, resolved: Resolved) -> str:
    """Markdown for people: what was compared with what, the best figures, and how names were read or not."""
    lines = [_summary(result, resolved)]
    if result.rows:
        lines.append(_table(result))
    lines += [note for note in _notes(resolved) if note]
    return "\n\n".join(lines) + "\n"


def _summary(result: GeneListResult, resolved: Resolved) -> str:
    how = "shown, by themselves or as a member of a printed family," if resolved.with_families else "printed"
    background = f"the {counted(result.background, 'gene')} {how} in figures of this index"
    if not result.listed:
        return f"None of the listed genes is in the background, {background}, so there is nothing to compare."
    if not result.figures_found:
        least = "two" if result.min_overlap == 2 else f"{result.min_overlap:,}"
        shown = f"{counted(result.figures_tested, 'figure')} show{'s' if result.figures_tested == 1 else ''} fewer"
        none = f"No figure shares {least} or more of the {result.listed:,} listed genes"
        return f"{none}; {shown}. The background is {background}."
    return (
        f"{_found(result)}, tested against a background of {background}."
        " p is the probability of as large an overlap by chance (hypergeometric, one-sided), q is p corrected for"
        " the number of figures tested (Benjamini–Hochberg)."
        + (" A printed family counts as many genes, so that p is too small there." if resolved.with_families else "")
        + _cut(result)
    )


def _found(result: GeneListResult) -> str:
    """How many figures are the answer, first, and of how many that show any of the genes."""
    tested, found, listed = result.figures_tested, result.figures_found, f"of the {result.listed:,} listed genes"
    figures, s = f"**{counted(found, 'figure')}**", "s" if found == 1 else ""
    if result.min_overlap == 1:
        return f"{figures} show{s} {'the one listed gene' if result.listed == 1 else f'at least one {listed}'}"
    every = f"{tested:,} that show{'s' if tested == 1 else ''} at least one"
    return f"{figures} share{s} {result.min_overlap} or more {listed}, of {every}"


def _cut(result: GeneListResult) -> str:
    """That not all figures are among the rows, or not all rows in the table."""
    rows, found = len(result.rows), result.figures_found
    cut = [f"the best {rows:,} of {found:,} are listed"] if rows < found else []
    cut += [f"the table has the best {SHOWN_FIGURES}"] if rows > SHOWN_FIGURES else []
    return f" Here {', and '.join(cut)}." if cut else ""


def _table(result: GeneListResult) -> str:
    lines = ["| Figure | Listed genes in it | Of its genes | p | q |", "|---|---|---:|---:|---:|"]
    for row in result.rows[:SHOWN_FIGURES]:
        genes = _listing(_plain(gene) for gene in row.genes)
        overlap = f"{len(row.genes):,} of {row.figure_genes:,}"
        lines.append(f"| {row.figid} | {genes} | {overlap} | {row.p_value:.2g} | {row.q_value:.2g} |")
    return "\n".join(lines)


def _notes(resolved: Resolved) -> Iterable[str]:
    """A sentence for each way in which names were not simply symbols of the index; "" where none was."""
    renamed = [g for g in resolved.genes if g.family is None and lookup_key(g.typed) != lookup_key(g.symbol)]
    yield _note("Read by another name: ", [f"{_plain(g.typed)} = {_plain(g.symbol)}" for g in renamed])
    families = [f"{_plain(f.typed)} ({counted(len(f.members), 'gene')})" for f in resolved.families]
    printed = "" if resolved.with_families else " that figures print by their own names"
    yield _note(f"Families, listed as those of their members{printed}: ", families)
    for doubt in resolved.ambiguous[:SHOWN_NAMES]:
        others = _listing((_plain(name) for name in doubt.others), last="or")
        yield f"{_plain(doubt.typed)} was read as {_plain(doubt.chosen)}; it may also mean {others}."
    absent = "Known, but printed in no figure of this index and so outside the background: "
    yield _note(absent, [_plain(name) for name in resolved.absent])
    yield _note("Not known as a gene: ", [_plain(name) for name in resolved.unknown])


def _note(opening: str, names: Sequence[str]) -> str:
    return f"{opening}{_listing(names)}." if names else ""


def _listing(names: Iterable[str], last: str = "and") -> str:
    """ "A", "A and B", "A, B and 7 more"."""
    listed = list(names)
    if len(listed) > SHOWN_NAMES:
        listed[SHOWN_NAMES:] = [f"{len(listed) - SHOWN_NAMES:,} more"]
    return f" {last} ".join(part for part in (", ".join(listed[:-1]), listed[-1]) if part)


def _plain(name: str) -> str:
    """A name as Markdown that shows it as it is, cut where it is long."""
    short = " ".join(name.split())
    short = short if len(short) <= LONGEST_SHOWN else f"{short[: LONGEST_SHOWN - 1]}…"
    return _MARKUP.sub(r"\\\g<0>", short)


# Whole


@dataclass(frozen=True, slots=True)
class GeneListAnswer:
    """A list compared with the figures of an index: what its names stand for, and the figures that overlap most."""

    resolved: Resolved
    result: GeneListResult

    @property
    def found(self) -> bool:
        """Whether any figure shares as many genes with the list as it has to."""
        return self.result.figures_found > 0

    @property
    def text(self) -> str:
        """Markdown for people."""
        return render_gene_list(self.result, self.resolved)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"list": self.resolved.to_dict(), "result": self.result.to_dict()}


def compare_gene_list(
    genes: str | Sequence[str],
    catalog: Catalog,
    *,
    limit: int = 50,
    with_families: bool = False,
    within: Collection[str] | None = None,
) -> GeneListAnswer:
    """A list, as typed or as names, compared with every figure of the index, or with those ``within``.

    Raises:
        QuestionError: there is no name in it, or more than ``MAX_GENES``.
    """
    names = parse_gene_list(genes if isinstance(genes, str) else "\n".join(genes))
    resolved = resolve_genes(names, catalog, with_families=with_families)
    return GeneListAnswer(resolved, enrich(resolved, catalog, limit=limit, within=within))


_ASKS_OVERLAP = re.compile(
    r"\b(?:most of|as many as possible of|as many of|overlap\w*(?: \w+){0,2} with|enriched (?:for|in|with)"
    r"|(?:this|the|my|these|following) (?:gene )?(?:genes|list|set|signature)|gene (?:list|set|signature))\b"
    r"(?: (?:these|the|following|my|this))?(?: genes| list| set)?\s*:?\s*(?P<list>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_SYMBOL_LIKE = re.compile(r"[A-Z][A-Z\d]*[A-Z\d](?:-[A-Z\d]+)?(?:orf\d+)?")
_NO_NAMES = STOPWORDS | RELATION_WORDS
_LABEL = re.compile(r"\s*(?:my |the |these )?(?:genes?|gene symbols?|symbols?|proteins?|list)\s*:", re.IGNORECASE)
_AND = re.compile(r"[\s,;]{1,5}and\s{1,5}", re.IGNORECASE)
_LAST_AND = re.compile(_AND.pattern + r"(?=\S+$)", re.IGNORECASE)
_CODE = re.compile(r"(?=.{2,20}$)[A-Za-zΑ-Ωα-ω]*(?:\d|[A-ZΑ-Ωα-ω](?=[A-ZΑ-Ωα-ω\d]|$)|[a-z][A-Z])[\w./-]*")
LEAST = 3
"""Names that make a list."""
LEAST_IN_A_ROW = 4
"""Names that make one without being asked to be compared, and not on lines of their own."""
MOST_UNKNOWN = 0.25
"""Share of such a list that may be no gene."""


def listed_in(question: str, catalog: Catalog) -> str | None:
    """The names of the gene list in a question that asks to compare one with the figures, or that is nothing else.

    Where the question asks for it, two thirds of the items have to be names of genes, and three at
    least. A question that is nothing else has four names, or three on lines of their own, and three
    quarters of them are genes. No item may be an ordinary word.
    """
    found = _ASKS_OVERLAP.search(question)
    if found and _is_list(_items(found["list"]), catalog):
        return _AND.sub(", ", found["list"].rstrip(" ?.!"))
    items = _items(question)
    whole = len(items) > LEAST and all(_SYMBOL_LIKE.fullmatch(item) for item in items)
    if whole and _is_list(items, catalog):
        return "\n".join(items)
    label = _LABEL.match(question)
    text = _LAST_AND.sub(", ", question[label.end() if label else 0 :].strip(" \t\r\n?.!"))
    names = _names(text) if _STRONG_SEPARATOR.search(text) else ()
    least = LEAST_IN_A_ROW if re.search(r"[,;\t]", text) else LEAST
    return "\n".join(names) if len(names) >= least and _are_genes(names, catalog) else None


def looks_like_gene_list(text: str) -> bool:
    """Whether a text is a list of names rather than sentences, as far as can be said without knowing any gene."""
    parts = [part.strip(_AROUND) for part in _STRONG_SEPARATOR.split(text)]
    rows = [part for part in parts if part and not re.fullmatch(r"[\d.,eE+-]+", part)]
    in_a_row = len(rows) < LEAST_IN_A_ROW
    items = [word.strip(_AROUND) for word in text.split()] if in_a_row else rows
    like = sum(bool(_CODE.fullmatch(item)) or (not in_a_row and " " not in item) for item in items)
    words = [word.lower() for item in items for word in item.split()]
    ordinary = sum(word in STOPWORDS for word in words)
    return LEAST_IN_A_ROW <= len(items) <= like / (1 - MOST_UNKNOWN) and ordinary <= 0.02 * len(words)


def _is_list(items: Sequence[str], catalog: Catalog) -> bool:
    if len(items) < LEAST or any(item.lower() in _NO_NAMES for item in items):
        return False
    readings = catalog.readings(lookup_key(item) for item in items)
    genes = sum(any(r.kind is Kind.GENE for r in readings.get(lookup_key(item), ())) for item in items)
    return genes >= max(LEAST, len(items) * 2 / 3)


def _names(text: str) -> tuple[str, ...]:
    try:
        return parse_gene_list(text)
    except QuestionError:
        return ()


def _are_genes(names: Sequence[str], catalog: Catalog) -> bool:
    """Whether nearly all are genes, and no other is of ordinary words, as in "TNF, IL6, IL1B, sepsis"."""
    readings = _gene_readings(names, catalog)
    others = [name for name in names if name not in readings or not (" " in name or reads_as_name(name))]
    if len(names) - len(others) < LEAST or len(others) > MOST_UNKNOWN * len(names):
        return False
    words = {word.strip(_AROUND + "?!()"): " " in name for name in others for word in name.split()}
    plain = [w for w in words if w in ("OR", "NOT") or (w.isalpha() and not any(map(str.isupper, w[1:])))]
    return not any(words[w] or w.lower() in _NO_NAMES | ENGLISH_LIKE or catalog.has_word(w.lower()) for w in plain)


def _items(text: str) -> list[str]:
    return [item for item in re.split(r"[\s,;]+", text.rstrip(" ?.!")) if item and item.lower() != "and"]
