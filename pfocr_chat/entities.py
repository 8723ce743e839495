"""Finding the genes, families, chemicals and diseases that a text names.

A word is read as what it most likely stands for: the corpus says how often it printed the word for
what, the nomenclature (HGNC, FamPlex) what the word means at all, and the other words of the
question which of several readings fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pfocr_chat.catalog import Catalog, Reading
from pfocr_chat.lexicon import (
    STOPWORDS,
    atoms,
    greek_variants,
    name_windows,
    reads_as_name,
    singular,
    squeezed,
)
from pfocr_chat.nomenclature import NameSource
from pfocr_chat.queries import Entity
from pfocr_chat.records import Kind

MAX_NAMES = 5
"""Genes that one ambiguous word may stand for at once."""
SHARE = 1 / 3
"""A reading with less of the leading one's weight is an alternative, not a part of the entity."""
CONTEXT_SHARE = 1 / 5
"""A reading with at least this share of the leading one's weight may win by its context."""
SHORTEST_STEM = 4
"""Letters of a gene's symbol that may name a complex it is part of ("mTORC1")."""
WORD_TO_NAME = 8
"""A lower-case word is a name where it stands in at most so many times as many figures as print it as one."""

_PROTEIN_WORDS = ("protein", "receptor", "factor", "antigen")
"""Last words of a long form that speak for a gene, though no list of names has it ("C/EBP homologous protein")."""
_WORDED = (NameSource.CURATED, NameSource.FULL_NAME)
"""Sources whose spellings may be lower-case words; an alias such as "damage" may not."""


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of words that may be a name: its spelling, lookup keys, place in the text, and as written."""

    spelling: str
    keys: tuple[str, ...]
    first: int
    last: int
    written: str


def entities_in(text: str, catalog: Catalog) -> tuple[Entity, ...]:
    """The longest names in the text, from left to right, without overlap, each entity once."""
    windows = _windows(text)
    readings = catalog.readings(key for window in windows for key in window.keys)
    known = [window for window in windows if any(key in readings for key in window.keys)]
    longs = catalog.expansions(window.spelling for window in known)
    counted = catalog.frequencies(w.spelling for w in known if _is_plain(w.written))
    chosen: list[tuple[_Window, list[Reading]]] = []
    taken: set[int] = set()
    for window in sorted(known, key=lambda w: (w.first - w.last, w.first)):
        found = next((readings[key] for key in window.keys if key in readings), ())
        if taken.intersection(range(window.first, window.last)) or not _is_name(window, found, counted):
            continue
        found = _written_out(found, longs.get(window.spelling, {}), catalog)
        if found:
            taken.update(range(window.first, window.last))
            chosen.append((window, sorted(found, key=lambda r: (-_weight(r, found), r.name))))
    chosen.sort(key=lambda pair: pair[0].first)
    found_entities: dict[tuple[Kind, tuple[str, ...], bool], Entity] = {}
    for window, readings_of_it in chosen:
        entity = _to_entity(window, _in_context(window, readings_of_it, chosen, catalog), catalog)
        found_entities.setdefault((entity.kind, entity.names, entity.is_family), entity)
    return tuple(found_entities.values())


def _windows(text: str) -> list[_Window]:
    windows = []
    for spelling, first, last, written in name_windows(text):
        if reads_as_name(written):
            forms = (spelling, singular(spelling))
            windows.append(_Window(spelling, tuple(squeezed(f) for f in forms if f), first, last, written))
    return windows


def _weight(reading: Reading, readings: Sequence[Reading]) -> float:
    """How likely a word is to mean this; symbols, curated texts and names in words outweigh what OCR made of it."""
    total = sum(r.printed for r in readings)
    if reading.is_family:
        return reading.printed + (total + 6 if reading.source else 0)
    match reading.source:
        case NameSource.SYMBOL:
            return total + 10 + reading.printed
        case NameSource.CURATED | NameSource.FULL_NAME:
            return total + 8 + reading.printed
        case NameSource.PREVIOUS:
            return 2 + reading.printed
        case NameSource.ALIAS:
            return 1 + reading.printed
    return reading.printed


def _is_plain(written: str) -> bool:
    """Whether a word is written as any English word is."""
    return written.isalpha() and written[1:].islower()


def _is_name(window: _Window, readings: Sequence[Reading], counted: dict[str, int]) -> bool:
    """Whether words that can be a name are one here, by the way they are written."""
    printed = sum(r.printed for r in readings)
    worded = any(r.source in _WORDED for r in readings)
    if _is_plain(window.written):
        figures = counted.get(window.spelling, 0)
        substances = sum(r.printed for r in readings if r.kind is not Kind.GENE)
        return worded or substances > 0 or printed * WORD_TO_NAME >= figures or figures <= len(window.written) - 3
    parts = window.written.replace("-", " ").split()
    if all(_is_plain(part) or len(part) == 1 for part in parts):
        return worded or (printed > 1 and not STOPWORDS.intersection(parts))
    if len(squeezed(window.spelling)) < 3:
        return printed > 1 or any(r.source == NameSource.SYMBOL or r.source in _WORDED for r in readings)
    return True


def _written_out(readings: tuple[Reading, ...], longs: dict[str, int], catalog: Catalog) -> tuple[Reading, ...]:
    """What a word stands for where the corpus explains it as an abbreviation of something else ("LPS", "IPP").

    Those explanations have to agree with each other, and to be at least a third as many as the
    figures whose tables read the word as one gene. Nothing is left of a word that abbreviates what
    is no gene, chemical or disease ("HCC" where the corpus has no such disease).
    """
    if not longs or any(r.source in _WORDED for r in readings):
        return readings
    top = max(longs, key=lambda long: (longs[long], long))
    explained = catalog.readings(squeezed(long) for long in longs)
    names = {r.name for r in readings}
    if any(r.name in names for found in explained.values() for r in found):
        return readings
    least, share = (5, 0.6) if any(r.source == NameSource.SYMBOL for r in readings) else (2, 0.5)
    times = sum(longs.values())
    if times < least or longs[top] < share * times or 3 * times < max(r.printed for r in readings):
        return readings
    if squeezed(top) in explained:
        return explained[squeezed(top)]
    return readings if top.endswith(_PROTEIN_WORDS) else ()


def _in_context(
    window: _Window, readings: list[Reading], chosen: Sequence[tuple[_Window, list[Reading]]], catalog: Catalog
) -> list[Reading]:
    """The readings, best first, where those that come close are weighed by the other names of the question.

    A reading counts up to five times as much where the figures that print the word for it show
    another name of the question too.
    """
    close = [r for r in readings if _weight(r, readings) >= CONTEXT_SHARE * _weight(readings[0], readings)]
    others = [r[0] for w, r in chosen if w is not window and not r[0].is_family]
    if len(close) < 2 or not others or any(r.source == NameSource.SYMBOL for r in close):
        return readings
    beside: set[str] = set()
    for other in others:
        beside.update(catalog.figids_printing(other.kind, [other.name]))
    weights = {}
    for reading in close:
        names = catalog.members(reading.name) if reading.is_family else [reading.name]
        shown = catalog.figids_printing(reading.kind, names).keys()
        share = len(shown & beside) / len(shown) if shown else 0.0
        weights[reading] = _weight(reading, readings) * (1 + 4 * share)
    return sorted(readings, key=lambda r: (-weights.get(r, 0.0), -_weight(r, readings), r.name))


def _to_entity(window: _Window, readings: list[Reading], catalog: Catalog) -> Entity:
    top = readings[0]
    if top.is_family:
        leading: tuple[Reading, ...] = (top,)
        names = catalog.members(top.name)
        spellings = catalog.family_spellings(top.name)
    else:
        weight = _weight(top, readings)
        alike = [r for r in readings if r.kind is top.kind and not r.is_family]
        leading = tuple(r for r in alike if r is top or _weight(r, readings) >= SHARE * weight)[:MAX_NAMES]
        names = tuple(r.name for r in leading)
        known = catalog.spellings(top.kind, names)
        spellings = frozenset(s for s, (source, printed) in known.items() if _is_used(s, source, printed))
    own = _own_spellings(spellings, {(r.name, r.is_family) for r in leading}, catalog) | {window.spelling}
    if not top.is_family and top.kind is Kind.GENE:
        own |= catalog.complexes_named_after(names, SHORTEST_STEM)
    return Entity(
        kind=top.kind,
        mention=window.written,
        names=names,
        label=top.name,
        is_family=top.is_family,
        aliases=frozenset(v for alias in own for v in greek_variants(alias) if v == window.spelling or _is_distinct(v)),
        keys=frozenset(squeezed(alias) for alias in own),
        alternatives=tuple(dict.fromkeys(r.name for r in readings if r not in leading)),
    )


def _is_used(spelling: str, source: int | None, printed: int) -> bool:
    """Whether a spelling may be looked for in text: aliases that are words or letters only ("warts", "DIF") need
    to be printed for the gene."""
    rare = source in (NameSource.PREVIOUS, NameSource.ALIAS) or (source is None and printed < 2)
    return not rare or printed > 0 or any(c.isdigit() for c in spelling)


def _own_spellings(spellings: Iterable[str], owners: set[tuple[str, bool]], catalog: Catalog) -> set[str]:
    """Those spellings that can be taken for the entity in running text: distinct, and nothing else's first."""
    distinct = {s for s in spellings if _is_distinct(s)}
    readings = catalog.readings(squeezed(s) for s in distinct)
    own = set()
    for spelling in distinct:
        found = readings.get(squeezed(spelling), ())
        first = max(found, key=lambda r: (_weight(r, found), r.name), default=None)
        if first and (first.name, first.is_family) in owners:
            own.add(spelling)
    return own


def _is_distinct(spelling: str) -> bool:
    joined = spelling.replace(" ", "")
    return len(joined) >= 3 and any(c.isalpha() for c in joined) and reads_as_name(spelling) and joined not in STOPWORDS


def mentioned_atoms(entities: Iterable[Entity]) -> set[str]:
    """The words of a text that its entities cover."""
    return {atom for entity in entities for atom in atoms(entity.mention)}
