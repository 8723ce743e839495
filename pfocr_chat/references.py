"""Which figures a question refers to: by figid, alias, paper, a paper's title, or as one of those before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from pfocr_chat.answers import Turn
from pfocr_chat.catalog import Catalog
from pfocr_chat.lexicon import atoms, spaced
from pfocr_chat.queries import Intent
from pfocr_chat.records import FIGID_PATTERN

MIN_TITLE = 3
"""Words of a paper's title that stands between quotation marks, or after "the paper"."""
MIN_BARE_TITLE = 6
"""Words of one that is the whole question."""
TITLES = 5
"""Papers whose titles are compared with a question."""

_PMCID = re.compile(r"\bPMC\d{4,9}\b", re.IGNORECASE)
_FIGID = re.compile(FIGID_PATTERN.pattern, re.IGNORECASE)
_FIGURE_NUMBER = re.compile(r"\b(?:fig(?:ure)?s?\.?|scheme)\s*(\d{1,3})\b", re.IGNORECASE)
_PAPER_WORD = r"(?:paper|article|publication|study)"
_ONE = (
    r"(?:(?:this|that|it|these|those)(?! (?:in|of|from|for)\b)"
    r"|the (?:first|second|third|fourth|fifth|last|same)(?: one| figure)?)"
)
_SAME_PAPER = re.compile(
    rf"\b(?:from|in|of|by) (?:(?:that|this|the) )?(?:(?:very )?same|its) {_PAPER_WORD}\b"
    rf"|\b(?:other|more|all|rest of the) (?:the )?figures (?:are )?(?:from|in|of) (?:this|that|the) {_PAPER_WORD}\b",
    re.IGNORECASE,
)
_SIMILAR = re.compile(
    r"\b(?:like|similar to|resembl\w+|close(?:st)? to|near(?:est)? to|related to|alike)\b"
    rf"(?: (?:figure|the|one|\[\d+\])){{0,2}} ?(?:{_ONE}\b|{FIGID_PATTERN.pattern}|PMC\d)"
    r"|^\W*(?:(?:show|find|give)(?: me)? )?(?:the )?(?:more |most )?similar (?:figures|ones)\W*$",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:other|others|else|more|rest)\b", re.IGNORECASE)
_PAPER = re.compile(rf"\b(?:{_PAPER_WORD}|titled|entitled|called)\b", re.IGNORECASE)
_PAPER_NAMED = re.compile(rf"\b{_PAPER_WORD}\b(?: \w+){{0,2}} ?[\"“”„«»]", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”„«»]([^\"“”„«»]{8,400})[\"“”„«»]")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_ORDINAL = re.compile(
    rf"\b(?:the )?(?:(?P<word>{'|'.join(_ORDINALS)}|last|\d{{1,4}}(?:st|nd|rd|th))"
    r" (?:figure|of (?:them|these|those)|one(?=(?: (?:show|say|about|please|then|in detail|published|from)\w*)*\W*$))\b"
    r"|(?:number|figure|no\.?|#) ?(?P<number>\d{1,4})(?!\d)(?! of PMC))|\[(?P<key>\d{1,4})\]",
    re.IGNORECASE,
)
"""A place among figures; "one" only at the end, since elsewhere it may be a place among anything."""
_BARE_ORDINAL = re.compile(
    r"^\W*(?:(?:and|what about|how about|show(?: me)?) )*the"
    rf" (?P<word>{'|'.join(_ORDINALS)}|last|\d{{1,4}}(?:st|nd|rd|th))\W*$",
    re.IGNORECASE,
)
""" "And the third?", as a whole question."""
_NEIGHBOUR = re.compile(
    r"\b(?P<which>next|previous) (?:one|figure)\b"
    r"|^\W*(?:(?:and|what about|how about|show(?: me)?|then|now) )*(?:the )?(?P<bare>next|previous)(?: please)?\W*$",
    re.IGNORECASE,
)
""" "The next one"; without a noun only as the whole question."""


@dataclass(frozen=True, slots=True)
class References:
    """The figures that a question refers to, what it refers to that is not there, and what it asks of them."""

    figids: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    intent: Intent | None = None


def read_references(question: str, catalog: Catalog, last: Turn | None = None) -> References:
    """What ``question`` refers to; ``last`` is the turn before.

    With an intent and neither figures nor what is missing, it refers to a figure, and there is none before.
    """
    figids, missing = _named(question, catalog)
    similar, same_paper = bool(_SIMILAR.search(question)), bool(_SAME_PAPER.search(question))
    if not (figids or missing):
        figids, missing = (in_focus(question, last), ()) if similar or same_paper else _titled(question, catalog)
    if same_paper and not missing:
        others = _of_same_paper(figids, catalog)
        if figids and not others and _OTHERS.search(question):
            return References((), ("other figure of that paper",), Intent.LOOKUP)
        figids = others if others and _OTHERS.search(question) else (*figids, *others)
    if not (figids or missing or similar or same_paper):
        return References()
    return References(figids, missing, Intent.SIMILAR if similar and not missing else Intent.LOOKUP)


def _of_same_paper(figids: Sequence[str], catalog: Catalog) -> tuple[str, ...]:
    """The other figures of the papers of some."""
    papers = dict.fromkeys(record.pmcid for record in catalog.records(figids).values() if record.pmcid)
    return tuple(f for paper in papers for f in catalog.figids_of_paper(paper) if f not in figids)


def in_focus(question: str, last: Turn | None) -> tuple[str, ...]:
    """The figure that a follow-up is about: the one of the last answer that it counts out, else the one in focus."""
    match = _ORDINAL.search(question) or _BARE_ORDINAL.search(question)
    if last and (neighbour := _NEIGHBOUR.search(question)):
        return _beside(last, 1 if (neighbour["which"] or neighbour["bare"]).lower() == "next" else -1)
    if last is None or not match:
        return last.in_focus if last else ()
    said = match.groupdict()
    word = (said["word"] or "").lower()
    if word == "last":
        return last.figids[-1:]
    number = said.get("number") or said.get("key") or re.sub(r"\D", "", word) or str(_ORDINALS.index(word) + 1)
    place = int(number)
    return last.figids[place - 1 : place] if place else ()


def _beside(last: Turn, step: int) -> tuple[str, ...]:
    """The figure after or before the one in focus; the first where none has been looked at."""
    if last.focus not in last.figids:
        return last.figids[:1] if step > 0 else ()
    place = last.figids.index(last.focus) + step
    return last.figids[place : place + 1] if place >= 0 else ()


def counts_out(question: str) -> bool:
    """Whether a question is about one of several figures by its place: "the second one", "[2]", "the next one"."""
    return any(pattern.search(question) for pattern in (_ORDINAL, _BARE_ORDINAL, _NEIGHBOUR))


def without_ids(text: str) -> str:
    """The text without figids and PMCIDs."""
    return _PMCID.sub(" ", _FIGID.sub(" ", text))


def _named(question: str, catalog: Catalog) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The figures that the question names by figid, alias, or paper and figure number; and what is not there."""
    found: list[str] = []
    missing: list[str] = []
    for match in _FIGID.finditer(question):
        # The address of a figure's page ends in .html.
        name = re.sub(r"\.html$", "", match.group().rstrip(".-_+"), flags=re.IGNORECASE)
        figids = catalog.figids_named(name)
        found.extend(figids)
        missing.extend([] if figids else [name])
    rest = _FIGID.sub(" ", question)
    numbers = list(_FIGURE_NUMBER.finditer(rest))
    for match in _PMCID.finditer(rest):
        pmcid = match.group().upper()
        figids = catalog.figids_of_paper(pmcid)
        if numbers and figids:
            number = min(numbers, key=partial(_gap, match)).group(1)
            wanted = [f for f in figids if _has_number(catalog, f, number)]
            missing.extend([] if wanted else [f"figure {number} of {pmcid}"])
            found.extend(wanted)
        else:
            found.extend(figids)
            missing.extend([] if figids else [pmcid])
    return tuple(dict.fromkeys(found)), tuple(dict.fromkeys(missing))


def _gap(one: re.Match[str], other: re.Match[str]) -> int:
    """Characters between two places of a question."""
    return max(one.start() - other.end(), other.start() - one.end())


def _has_number(catalog: Catalog, figid: str, number: str) -> bool:
    record = catalog.record(figid)
    labels = (record.number, (record.alias or "").partition("__")[2]) if record else ()
    return any(number in re.findall(r"\d+", label or "") for label in labels)


def _titled(question: str, catalog: Catalog) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The figures of the paper whose whole title the question gives, and a quoted title of none.

    It has to stand between quotation marks, after a word such as "paper", or alone: any other question may hold the
    words of a short title without asking for it.
    """
    quoted = _QUOTED.search(question)
    says_paper = bool(quoted or _PAPER.search(question))
    text = spaced(quoted[1] if quoted else question)
    words = dict.fromkeys(text.split())
    if len(words) < (MIN_TITLE if says_paper else MIN_BARE_TITLE):
        return (), ()
    joined = (" OR " if says_paper and not quoted else " AND ").join(f'"{word}"' for word in words)
    match = f"{{paper}} : ({joined})"
    for record in catalog.records([figid for figid, _ in catalog.search_text(match, TITLES)]).values():
        title = " ".join(atoms(record.paper_title or ""))
        is_whole = title == text.strip()
        if record.pmcid and len(title.split()) >= MIN_TITLE and (is_whole or (says_paper and f" {title} " in text)):
            return catalog.figids_of_paper(record.pmcid), ()
    return (), (f"paper “{quoted[1]}”",) if quoted and _PAPER_NAMED.search(question) else ()
