"""Conditions that a question sets in words: the years, journals and organisms of the figures asked for.

All repetitions of the patterns are bounded, so that the time taken grows with the length of the
question. Words of years and journals are cut out; names of organisms stay, being words to search for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from pfocr_chat.journals import index_titles, read_journals
from pfocr_chat.organisms import OrganismSpan, find_organisms
from pfocr_chat.queries import Filters
from pfocr_chat.years import MARK, NOUNS, PHRASE_ENDS, read_years

_YEAR_OF_JOURNAL = re.compile(rf"{MARK},? ?[(\[]?((?:19|20)\d\d)[)\]]?(?![\w-])")
""" "In Nature 2018", when the journal has been read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a question.

    ``rest`` is the question without the words of its years and journals. ``ignored`` holds, as
    typed, what looks like a condition and cannot be used.
    """

    filters: Filters
    rest: str
    ignored: tuple[str, ...] = ()


def read_filters(
    question: str,
    *,
    journals: Collection[str],
    organisms: Collection[str] = (),
    today: date | None = None,
) -> Reading:
    """The conditions that ``question`` sets, for an index with these journal titles and organisms.

    Relative years ("the last 5 years") count from ``today``. ``Filters.journals`` holds each title of
    the index that is spelled like the one named, or, where the question says that it is a journal
    and the index does not have it, the title as typed.
    """
    text = " ".join(question.replace(MARK, " ").split())
    years = read_years(text, today or date.today())
    titles = read_journals(years.text, index_titles(frozenset(journals)))
    wanted, refused = _read_organisms(titles.text, organisms)
    low, high, rest = years.low, years.high, titles.text
    if titles.wanted and low is high is None and (year := _YEAR_OF_JOURNAL.search(rest)):
        low = high = int(year[1])
        rest = rest[: year.start()] + MARK + rest[year.end() :]
    return Reading(
        Filters(low, high, organisms=wanted, journals=titles.wanted),
        _tidy(rest),
        (*years.ignored, *titles.ignored, *refused),
    )


def _tidy(text: str) -> str:
    """The text without marks, and without what they leave dangling."""
    if MARK not in text:
        return text
    text = re.sub(rf"[(\[](?:published )?{MARK}[)\]]", MARK, text)
    text = re.sub(rf"(?:\b(?:which|that) (?:were|was|are|have been) )?\bpublished(?= ?{MARK})", MARK, text)
    text = re.sub(rf"{MARK}(?: ?{MARK})+", MARK, text)
    text = re.sub(rf"^{MARK} ?[,;:]|,? ?{MARK}(?= ?[?!.,;:)])|(?:[,;:]|,? (?:and|or|but))? ?{MARK} ?$", "", text)
    return " ".join(text.replace(MARK, " ").split())


# Organisms

_ADJECTIVES = (
    r"(?:(?:the|a|an|any|all|both|either|only|just|adult|model|wild-?type|transgenic|healthy|living|developing|larval"
    r"|embryonic|primary|cultured|laboratory|species|organisms?) ){0,3}"
)
_HEADS = (
    r"(?:['’]s?|(?: (?:models?|cells?|cell lines?|tissues?|strains?|species|organisms?|embryos?|larvae|mutants"
    r"|seedlings|plants|subjects)){0,2}(?: (?=[\w-]{0,20}\d)[\w-]{1,20})?)"
)
_ASKS_FOR_FIGURES = re.compile(
    rf"\b{NOUNS}|\b(?:which|what|list|show|find|get|give|any|all|how many)(?: [\w'’-]{{1,40}}){{0,4}} pathways?\b"
    r"|^(?:[\w'’.-]{1,40} ){0,4}pathways(?: (?:in|of|for|from)\b|\W*$)"
    r"|^\W*(?:and )?which (?:of (?:them|these|those)|ones)\b",
    re.IGNORECASE,
)
_BEFORE_PLACE = re.compile(rf"(?:^|[^\w-])(?:in|for|from|of|within|among|across) {_ADJECTIVES}$", re.IGNORECASE)
_AFTER_PLACE = re.compile(rf"{_HEADS}{PHRASE_ENDS}", re.IGNORECASE)
_QUALIFIES = re.compile(
    rf"(?:['’]s?)?(?:(?: (?!(?:in|on|of|for|from|with|by|to|about|that|which|and|or|as|is|are|was|were|do|does)\b)"
    rf"[\w'’/+-]{{1,40}}){{0,4}} {NOUNS}(?! (?:in|out)\b)"
    r"|(?: (?:signall?ing|metabolic|biosynthetic|regulatory|biological|cell|cellular)){0,2} pathways\b)",
    re.IGNORECASE,
)
_BEFORE_ONLY = re.compile(
    r"(?:^|[^\w-])(?<!not )(?:only|just|(?:restrict(?:ed)?|limit(?:ed)?) to)(?: (?:in|for|from|of|to))?(?: the)? $",
    re.IGNORECASE,
)
_AFTER_ONLY = re.compile(rf"{_HEADS}(?: (?:pathways|{NOUNS}))? only\b", re.IGNORECASE)
_BEFORE_REFUSED = re.compile(
    r"(?:^|[^\w-])(?P<phrase>(?:not|except(?: for)?|excluding|without|other than|rather than|instead of|apart from)"
    r"(?: (?:in|for|from|of|on|about))?(?: (?:the|any|a))? )$",
    re.IGNORECASE,
)
_MODEL = re.compile(r" models?\b", re.IGNORECASE)
_LABEL = re.compile(r"\b(?:organisms?|species) ?(?:[:=]|is|are) ?$", re.IGNORECASE)
_ONLY_ASKS_ABOUT = re.compile(
    r"(?:(?:and|but|or|also|now|ok|okay|then|please|the same|same|only|just|show(?: me)?|keep)[ ,]+){0,3}"
    r"(?:(?:what|how) about|(?:(?:what|how) about |(?:those|these|the ones|ones|them) )?(?:in|for|from|of))(?: the)? $",
    re.IGNORECASE,
)
_ENDS_QUESTION = re.compile(rf"{_HEADS}(?: (?:then|too|instead|please))?[ ?!.{MARK}]*$", re.IGNORECASE)
_JOINS = re.compile(
    r" ?(?:,|/|&|\band\b|\bor\b|,? and/or|, and|, or)(?: (?:in|from|for|of))?(?: (?:the|both))? ?|(?: ?\()"
)


def _read_organisms(text: str, recorded: Collection[str]) -> tuple[tuple[str, ...], list[str]]:
    """The organisms that ``text`` restricts to, and the phrases that exclude some."""
    wanted: dict[str, None] = {}
    ignored: list[str] = []
    asks = bool(_ASKS_FOR_FIGURES.search(text))
    for chain in _chains(text, find_organisms(text, recorded)):
        start, end = chain[0].start, chain[-1].end
        if refused := _BEFORE_REFUSED.search(text[max(0, start - 40) : start]):
            ignored.append(text[start - len(refused["phrase"]) : end])
            continue
        if _restricts(text, start, end, asks=asks):
            wanted |= dict.fromkeys(span.name for span in chain)
    return tuple(wanted), ignored


def _chains(text: str, spans: Sequence[OrganismSpan]) -> list[list[OrganismSpan]]:
    """The organisms in runs that only commas, "and" or "or" part."""
    chains: list[list[OrganismSpan]] = []
    for span in spans:
        if chains and _JOINS.fullmatch(text, chains[-1][-1].end, span.start):
            chains[-1].append(span)
        else:
            chains.append([span])
    return chains


def _restricts(text: str, start: int, end: int, *, asks: bool) -> bool:
    """Whether the organisms at ``text[start:end]`` say which figures are wanted, not what they are about."""
    before = text[max(0, start - 80) : start]
    ends_phrase = bool(_AFTER_PLACE.match(text, end))
    qualifies = bool(_QUALIFIES.match(text, end))
    if _AFTER_ONLY.match(text, end) or _LABEL.search(before):
        return True
    if _BEFORE_ONLY.search(before) and (ends_phrase or qualifies):
        return True
    if _ONLY_ASKS_ABOUT.fullmatch(text[:start]) and _ENDS_QUESTION.match(text, end):
        return True
    is_place = ends_phrase and bool(_BEFORE_PLACE.search(before))
    return asks and (is_place or qualifies or bool(_MODEL.match(text, end)))
