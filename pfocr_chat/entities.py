"""Finding the genes, families, chemicals and diseases that a text names.

A word is read as what it most likely stands for: the corpus says how often it printed the word for
what, the nomenclature (HGNC, FamPlex) what the word means at all, and the other words of the
question which of several readings fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from pfocr_chat.abbreviations import is_of_a_protein
from pfocr_chat.catalog import COMMON, Catalog, Reading
from pfocr_chat.lexicon import (
    ENGLISH_LIKE,
    STOPWORDS,
    atoms,
    greek_variants,
    is_ordinary_word,
    name_key,
    reads_as_name,
    squeezed,
)
from pfocr_chat.nomenclature import NameSource
from pfocr_chat.queries import Entity
from pfocr_chat.records import Kind
from pfocr_chat.windows import Window, windows_in

MAX_NAMES = 5
"""Genes that one ambiguous word may stand for at once."""
MAX_ENTITIES = 40
"""Entities of one question; a pasted text would take seconds."""
SHARE = 1 / 3
"""A reading with less of the leading one's weight is an alternative, not a part of the entity."""
CONTEXT_SHARE = 1 / 5
"""A reading with at least this share of the leading one's weight may win by its context."""
SHORTEST_STEM = 4
"""Letters of a gene's symbol that may name a complex it is part of ("mTORC1")."""
LONGEST_CODE = 3
"""Letters of the codes of amino acids and the like, which are parts of words too ("pro-inflammatory")."""
LONG_WORD = 7
"""Letters of a rare word that may be another name of a gene without being printed for it ("osterix")."""
WORD_TO_NAME = 8
"""A lower-case word is a name where it stands in at most so many times as many figures as print it as one."""

_WORDED = (NameSource.CURATED, NameSource.FULL_NAME)
"""Sources whose spellings may be lower-case words; an alias such as "damage" may not."""

_VOWEL = re.compile(r"[aeiouy]", re.IGNORECASE)
_PREFIXED = re.compile(r"[cv][-‐-―−][A-Z]?[a-z]+")
"""A gene of a cell or a virus: "c-Kit", "v-rel"."""
_NUMBERS_MEET = re.compile(r"\d \d")
_GENERAL_WORDS = frozenset(
    """protein receptor factor gene family member members subunit like domain containing type group associated binding
    acid cell class chain related dependent induced inducible specific complex activated interacting growth
    kinase synthase synthetase reductase dehydrogenase transferase phosphatase oxidase hydrolase ligase isomerase
    protease peptidase mutase lyase carboxylase decarboxylase hydroxylase desaturase aminotransferase acyltransferase
    acetyltransferase methyltransferase dehydratase transaminase atpase gtpase polymerase esterase lipase""".split()
)
"""Words of names of genes that say little of which gene it is."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the catalog knows of the words of a text."""

    catalog: Catalog
    readings: Mapping[str, tuple[Reading, ...]]
    others: Mapping[str, Mapping[str, int]]
    counted: Mapping[str, int]

    def form_of(self, window: Window) -> str | None:
        """The spelling of a window that is known."""
        return next((form for form in window.forms if squeezed(form) in self.readings), None)

    def longs(self, form: str) -> dict[str, int]:
        """The long forms of an abbreviation, each with the figures that explain it."""
        return {other: times for other, times in self.others.get(form, {}).items() if len(other) > len(form)}

    def shorts(self, form: str) -> list[str]:
        """The abbreviations of a long form, the most frequent first."""
        shorts = {other: times for other, times in self.others.get(form, {}).items() if len(other) < len(form)}
        return sorted(shorts, key=lambda short: (-shorts[short], short))


def _known(windows: Iterable[Window], catalog: Catalog) -> _Known:
    """What the catalog knows of the windows, and of the abbreviations of those that are long forms."""
    forms = {form for window in windows for form in window.forms}
    others = dict(catalog.expansions(forms))
    shorts = {other for form, found in others.items() for other in found if len(other) < len(form)} - forms
    others.update(catalog.expansions(shorts))
    readings = catalog.readings(squeezed(form) for form in forms | shorts)
    plain = [
        w.spelling for w in windows if _is_plain(w.written) and any(squeezed(form) in readings for form in w.forms)
    ]
    return _Known(catalog, readings, others, catalog.frequencies(plain))


_Chosen = tuple[Window, list[Reading]]


def entities_in(text: str, catalog: Catalog) -> tuple[Entity, ...]:
    """The longest names in the text, from left to right, without overlap, each entity once.

    A list in one word ("CDK4/6") is one entity, which stands for every gene of the list. Names after
    the first ``MAX_ENTITIES`` are words like others.
    """
    chosen = _chosen(windows_in(text), catalog)
    entities: dict[tuple[Kind, tuple[str, ...], bool], Entity] = {}
    for _, together in groupby(chosen, key=lambda pair: pair[0].first):
        entity = _joined([_to_entity(w, _in_context(w, r, chosen, catalog), catalog) for w, r in together])
        entities.setdefault((entity.kind, entity.names, entity.is_family), entity)
        if len(entities) == MAX_ENTITIES:
            break
    return tuple(entities.values())


def _chosen(windows: Sequence[Window], catalog: Catalog) -> list[_Chosen]:
    """The windows that are names, in order, with what each means, likeliest first; the parts of a list follow each
    other."""
    known = _known([each for window in windows for each in (window, *window.parts)], catalog)
    chosen: list[_Chosen] = []
    taken: set[int] = set()
    for window in sorted(windows, key=lambda w: (w.first - w.last, w.first)):
        if taken.isdisjoint(range(window.first, window.last)) and (found := _meant(window, known)):
            taken.update(range(window.first, window.last))
            chosen += found
    return sorted(chosen, key=lambda pair: pair[0].first)


def _meant(window: Window, known: _Known) -> list[_Chosen]:
    """What a window means, or what the parts of the list mean that it is; empty where it is no name."""
    form = known.form_of(window)
    if form:
        found = known.readings[squeezed(form)]
        if _NUMBERS_MEET.search(form):
            found = tuple(r for r in found if form in _spellings_of(r, known.catalog))
        if found and _is_name(window, found, known):
            found = _written_out(form, found, known.longs(form), known.catalog)
            if found:
                return [(window, _ranked(found))]
    elif found := _abbreviated(window, known):
        return [(window, _ranked(found))]
    parts = [pair for part in window.parts for pair in _meant(part, known)]
    return parts if len(parts) > 1 else []


def _ranked(readings: Sequence[Reading]) -> list[Reading]:
    return sorted(readings, key=lambda r: (-weight(r, readings), r.name))


def _abbreviated(window: Window, known: _Known) -> tuple[Reading, ...]:
    """What a long form means that has no reading itself but by its abbreviation ("hydrogen peroxide" by "H2O2")."""
    for form in window.forms:
        for short in known.shorts(form):
            own, longs = known.readings.get(squeezed(short), ()), known.longs(short)
            readings = _written_out(short, own, longs, known.catalog) if own else ()
            foremost = 2 * longs[form] > sum(longs.values())
            meant = tuple(
                reading
                for reading in readings
                if (_says_of(reading, short, form, known.catalog) if reading.kind is Kind.GENE else foremost)
                and reading in own
            )
            if meant:
                return meant
    return ()


def _spellings_of(reading: Reading, catalog: Catalog) -> Iterable[str]:
    """How what a word stands for is spelled: "CDK1/2" has the lookup key of CDK12, and is not its name."""
    if reading.is_family:
        return catalog.family_spellings(reading.name)
    return catalog.spellings(reading.kind, [reading.name])


def weight(reading: Reading, readings: Sequence[Reading]) -> float:
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


def _is_name(window: Window, readings: Sequence[Reading], known: _Known) -> bool:
    """Whether words that can be a name are one here, by the way they are written."""
    if _is_plain(window.written):
        return _is_plain_name(window, readings, known)
    worded = any(r.source in _WORDED for r in readings)
    if not worded and any(_is_english(word) for word in window.written.split()):
        return False  # "top 3" is not TOP3
    printed = sum(r.printed for r in readings)
    parts = window.written.replace("-", " ").split()
    if all(_is_plain(part) or (len(part) == 1 and part.isalpha()) for part in parts):
        own = any(r.name.casefold() == window.written.casefold() for r in readings)
        return worded or own or printed > 1 or bool(_PREFIXED.fullmatch(window.mention))
    if len(squeezed(window.spelling)) < 3:  # "GA" is not Gα
        strong = printed > 1 or any(r.source == NameSource.SYMBOL or r.source in _WORDED for r in readings)
        return strong and any(window.spelling in _spellings_of(r, known.catalog) for r in readings)
    return True


def _is_plain_name(window: Window, readings: Sequence[Reading], known: _Known) -> bool:
    """Whether a word that is written as any English word is may be a name.

    A symbol is one where figures that print the gene are not few beside those that have the word; an
    alias, unless it is long or ends as names of proteins do, where the word is printed for the gene itself.
    """
    word, figures = window.written, known.counted.get(window.spelling, 0)
    if len(word) > 2 and not _VOWEL.search(word):
        return True  # no English word: "tnf"
    if any(
        r.source in _WORDED or (r.printed and r.kind is not Kind.GENE and len(word) > LONGEST_CODE) for r in readings
    ):
        return True
    printed = sum(r.printed for r in readings)
    approved = [r.name for r in readings if r.source == NameSource.SYMBOL]
    if approved:
        printed = max(printed, len(known.catalog.figids_printing(Kind.GENE, approved)))
    rare = figures <= len(word) - 3 and (approved or word.endswith("in") or len(word) >= LONG_WORD)
    return bool(rare) or 0 < figures <= printed * WORD_TO_NAME


def _is_english(word: str) -> bool:
    return word.lower() in STOPWORDS | ENGLISH_LIKE and not word.isupper()


def _written_out(
    form: str, readings: tuple[Reading, ...], longs: Mapping[str, int], catalog: Catalog
) -> tuple[Reading, ...]:
    """What a word stands for where it is explained as an abbreviation of something else ("LPS", "IPP").

    Common abbreviations are none of genes. Explanations of the corpus have to agree with each other, to be
    about half of all (of an approved symbol, two thirds), and at least a third as many as the figures whose
    tables read the word as one gene. Nothing is left of a word that abbreviates what is no gene, chemical
    or disease ("HCC" where the corpus has no such disease); else the other readings come last, without weight.
    """
    if not longs or any(r.source in _WORDED for r in readings):
        return readings
    explained = catalog.readings(squeezed(long) for long in longs)
    names = {r.name for r in readings}
    if any(r.name in names for found in explained.values() for r in found):
        return readings
    alike = tuple(r for r in readings if any(_shares_a_word(r, long, catalog) for long in longs))
    foreign = {
        long: times
        for long, times in longs.items()
        if times >= COMMON or not any(_says_of(r, form, long, catalog) for r in readings)
    }
    approved = any(r.source == NameSource.SYMBOL for r in readings)
    least, share = (5, 2 / 3) if approved else (2, 1 / 2)
    total, against = sum(longs.values()), _agreeing(foreign)
    if against < least or against < share * total or 3 * against < max(r.printed for r in readings):
        return alike if alike and not approved else readings
    most = [long for long in sorted(longs, key=lambda long: (-longs[long], long)) if 3 * longs[long] >= total]
    meant: dict[tuple[Kind, str, bool], Reading] = {}
    for reading in (r for long in most for r in explained.get(squeezed(long), ())):
        meant.setdefault((reading.kind, reading.name, reading.is_family), reading)
    kept = tuple(meant.values()) or tuple(r for r in readings if r.kind is not Kind.GENE)
    named = {reading.name for reading in kept}
    others = (replace(r, printed=0, source=None) for r in readings if kept and r.name not in named)
    return (*kept, *others)


def _agreeing(longs: Mapping[str, int]) -> int:
    """How many explanations are common ones, or have a word of the most frequent one."""
    words = set(max(longs, key=lambda long: (longs[long], long), default="").split())
    return sum(times for long, times in longs.items() if times >= COMMON or words.intersection(long.split()))


def _says_of(reading: Reading, short: str, long: str, catalog: Catalog) -> bool:
    """Whether a long form of its abbreviation speaks for a gene."""
    return is_of_a_protein(short, long) or _shares_a_word(reading, long, catalog)


def _shares_a_word(reading: Reading, long: str, catalog: Catalog) -> bool:
    """Whether a gene's full name has a word of a long form that not many names have."""
    if reading.kind is not Kind.GENE or reading.is_family:
        return False
    spelled = catalog.spellings(reading.kind, [reading.name])
    full = {word for s, (source, _) in spelled.items() if source == NameSource.FULL_NAME for word in s.split()}
    shared = full.intersection(long.split()) - _GENERAL_WORDS
    return any(len(word) > 3 and word.isalpha() for word in shared)


def _in_context(
    window: Window, readings: list[Reading], chosen: Sequence[tuple[Window, list[Reading]]], catalog: Catalog
) -> list[Reading]:
    """The readings, best first, where those that come close are weighed by the other names of the question.

    A reading counts up to five times as much where the figures that print the word for it show
    another name of the question too.
    """
    close = [r for r in readings if weight(r, readings) >= CONTEXT_SHARE * weight(readings[0], readings)]
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
        weights[reading] = weight(reading, readings) * (1 + 4 * share)
    return sorted(readings, key=lambda r: (-weights.get(r, 0.0), -weight(r, readings), r.name))


def _to_entity(window: Window, readings: list[Reading], catalog: Catalog) -> Entity:
    leading = _leading(readings, catalog)
    top = leading[0]
    if top.is_family:
        names = catalog.members(top.name)
        spellings = catalog.family_spellings(top.name)
    else:
        names = tuple(r.name for r in leading)
        known = catalog.spellings(top.kind, names)
        spellings = frozenset(s for s, (source, printed) in known.items() if _is_used(s, source, printed))
    own = _own_spellings(spellings, {(r.name, r.is_family) for r in leading}, catalog) | {window.spelling}
    if not top.is_family and top.kind is Kind.GENE:
        own |= catalog.complexes_named_after(names, SHORTEST_STEM)
    # What only the corpus knows as a family has no name but its lookup key.
    others = dict.fromkeys(r.name for r in readings if r not in leading and (r.source or not r.is_family))
    return Entity(
        kind=top.kind,
        mention=window.mention,
        names=names,
        label=top.name,
        is_family=top.is_family,
        # Letter case is lost in normalised text, and "MET" would be found in "has met".
        aliases=frozenset(
            v
            for alias in own
            for v in greek_variants(alias)
            if _is_distinct(v) or (v == window.spelling and not is_ordinary_word(v))
        ),
        keys=frozenset(squeezed(alias) for alias in own),
        alternatives=tuple(others),
    )


def _leading(readings: Sequence[Reading], catalog: Catalog) -> tuple[Reading, ...]:
    """The readings that a word stands for at once.

    What the corpus has under an earlier symbol of a gene goes with the gene, which comes first. Where
    curators say what a word means, others that tables read it as are left to the keys, which find them.
    """
    top = readings[0]
    if top.is_family:
        return (top,)
    alike = [r for r in readings if r.kind is top.kind and not r.is_family]
    gene = top if top.source else next((r for r in alike if _was_called(r, top, catalog)), top)
    older = [r for r in alike if _was_called(gene, r, catalog)]
    least = SHARE * weight(top, readings)
    rest = [
        r
        for r in alike
        if r is not gene
        and r not in older
        and weight(r, readings) >= least
        and (gene.source != NameSource.CURATED or r.source == gene.source)
    ]
    return (gene, *older, *rest)[:MAX_NAMES]


def _was_called(gene: Reading, other: Reading, catalog: Catalog) -> bool:
    """Whether the other reading has an earlier symbol of a gene for its name, which is no gene's today."""
    if not gene.source or other.source:
        return False
    key = squeezed(name_key(other.name))
    found = catalog.readings([key]).get(key, ())
    return any(r.name == gene.name and r.source == NameSource.PREVIOUS for r in found) and not any(
        r.source == NameSource.SYMBOL for r in found
    )


def _joined(entities: Sequence[Entity]) -> Entity:
    """The parts of a list as one entity: whatever shows one of them shows it."""
    if len(entities) == 1:
        return entities[0]
    return Entity(
        kind=entities[0].kind,
        mention=entities[0].mention,
        names=tuple(dict.fromkeys(name for entity in entities for name in entity.names)),
        label=entities[0].label,
        is_family=any(entity.is_family for entity in entities),
        aliases=frozenset[str]().union(*(entity.aliases for entity in entities)),
        keys=frozenset[str]().union(*(entity.keys for entity in entities)),
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
        first = max(found, key=lambda r: (weight(r, found), r.name), default=None)
        if first and (first.name, first.is_family) in owners:
            own.add(spelling)
    return own


def _is_distinct(spelling: str) -> bool:
    joined = spelling.replace(" ", "")
    return len(joined) >= 3 and any(c.isalpha() for c in joined) and reads_as_name(spelling) and joined not in STOPWORDS


def mentioned_atoms(entities: Iterable[Entity]) -> set[str]:
    """The words of a text that its entities cover."""
    return {atom for entity in entities for atom in atoms(entity.mention)}
