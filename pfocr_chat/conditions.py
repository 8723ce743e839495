"""Conditions given as arguments, not in words: checked against the index, and names spelled as it spells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches

from pfocr_chat.catalog import Catalog
from pfocr_chat.entities import weight
from pfocr_chat.errors import QuestionError
from pfocr_chat.journals import index_titles, title_words
from pfocr_chat.lexicon import name_key, singular, squeezed
from pfocr_chat.organisms import canonical
from pfocr_chat.queries import Filters
from pfocr_chat.records import Kind
from pfocr_chat.years import FIRST_YEAR

MAX_NAMES = 500
"""Names that one condition may hold."""
LONGEST_SHOWN = 200
"""Characters of a name that is not known."""


def checked_filters(filters: Filters, catalog: Catalog) -> Filters:
    """The conditions with each name as the index has it: a gene for its alias, a family's members for the family.

    Raises:
        QuestionError: a year is none, or a name is not one that the index knows; the message says which.
    """
    _check_years(filters)
    titles = index_titles(catalog.journals).by_words
    types = {figtype.casefold(): figtype for figtype in catalog.figtypes}

    def journal(name: str) -> Sequence[str]:
        return titles.get(title_words(name), ())

    def organism(name: str) -> Sequence[str]:
        known = canonical(name) or name
        return (known,) if known in {canonical(o) or o for o in catalog.organisms} else ()

    def paper(name: str) -> Sequence[str]:
        return (name.strip().upper(),) if catalog.figids_of_paper(name.strip().upper()) else ()

    def figure_type(name: str) -> Sequence[str]:
        return (types[name.casefold()],) if name.casefold() in types else ()

    def gene(name: str) -> Sequence[str]:
        return _names(name, Kind.GENE, catalog)

    def chemical(name: str) -> Sequence[str]:
        return _names(name, Kind.CHEMICAL, catalog)

    return replace(
        filters,
        journals=_each(filters.journals, "journal", journal, catalog.journals),
        organisms=_each(filters.organisms, "organism", organism, catalog.organisms),
        pmcids=_each(filters.pmcids, "paper", paper),
        figtypes=_each(filters.figtypes, "figure type", figure_type, catalog.figtypes),
        genes_all=_each(filters.genes_all, "gene", gene, one=True),
        genes_any=_each(filters.genes_any, "gene", gene),
        genes_none=_each(filters.genes_none, "gene", gene),
        chemicals_all=_each(filters.chemicals_all, "chemical", chemical, one=True),
        chemicals_any=_each(filters.chemicals_any, "chemical", chemical),
    )


def _check_years(filters: Filters) -> None:
    last = date.today().year + 1
    for year in (filters.year_from, filters.year_to):
        if year is not None and not (isinstance(year, int) and FIRST_YEAR <= year <= last):
            raise QuestionError(f"{year!r} is no year of publication. Give one from {FIRST_YEAR} to {last}.")
    if filters.year_from and filters.year_to and filters.year_from > filters.year_to:
        raise QuestionError(f"The first year, {filters.year_from}, is after the last, {filters.year_to}.")


def _each(
    typed: Sequence[str] | str,
    what: str,
    find: Callable[[str], Sequence[str]],
    all_of_them: Iterable[str] = (),
    *,
    one: bool = False,
) -> tuple[str, ...]:
    """What ``find`` has for each of the names; ``one`` where a family would ask for all of its members."""
    typed = (typed,) if isinstance(typed, str) else typed
    if len(typed) > MAX_NAMES:
        raise QuestionError(f"A condition names {len(typed):,} {what}s; at most {MAX_NAMES} can be used.")
    found: list[str] = []
    for name in typed:
        names = find(name)
        if not names:
            near = get_close_matches(name.casefold()[:LONGEST_SHOWN], {n.casefold(): n for n in all_of_them}, n=1)
            like = next((n for n in all_of_them if near and n.casefold() == near[0]), None)
            shown = name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"
            raise QuestionError(f"The index has no {what} “{shown}”." + (f" Did you mean “{like}”?" if like else ""))
        if one and len(names) > 1:
            raise QuestionError(f"“{name}” is a family of {len(names)} {what}s. Ask for any of them, or name one.")
        found.extend(names)
    return tuple(dict.fromkeys(found))


def _names(name: str, kind: Kind, catalog: Catalog) -> Sequence[str]:
    """The names that a word stands for, read as a name of this kind."""
    spelling = name_key(name)
    keys = [squeezed(form) for form in (spelling, singular(spelling)) if form]
    found = catalog.readings(keys)
    readings = next((kept for key in keys if (kept := [r for r in found.get(key, ()) if r.kind is kind])), [])
    if not readings:
        return ()
    best = max(readings, key=lambda r: (r.name.casefold() == name.casefold(), weight(r, readings), r.name))
    return catalog.members(best.name) if best.is_family else (best.name,)
