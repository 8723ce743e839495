"""Abbreviations that a text itself explains: "epithelial-mesenchymal transition (EMT)", "AA, arachidonic acid".

The algorithm is that of Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in
biomedical text", Pacific Symposium on Biocomputing 2003, with a second pattern for the lists of
abbreviations at the end of figure captions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pfocr_chat.lexicon import GREEK

_SHORT = r"[^\W_][\w\-/+]{1,9}"
_IN_BRACKETS = re.compile(rf"\(({_SHORT})(?:[;,][^()]{{0,40}})?\)")
_IN_A_LIST = re.compile(
    rf"(?:^|[.;,(])\s*({_SHORT})\s*(?:,|:|=|[–—])\s*([^\W_][^.;,:=()]{{3,70}}?)(?=[.;,)]|$)", re.MULTILINE
)
_CLAUSE_END = re.compile(r"[.;:,()\[\]]")
_LONGEST = 80
_REACH = 200
"""Characters before a bracket that may hold the words it abbreviates."""
_NUMBER = re.compile(r"\d+|[ivx]+")
_PROTEIN_WORDS = frozenset("protein receptor factor antigen ligand transporter channel enzyme adaptor".split())
"""Last words of what is made by a gene ("C/EBP homologous protein"), as "acid", "cell" and "disease" are not."""


def abbreviations_in(text: str) -> Iterator[tuple[str, str]]:
    """(short form, long form) of every abbreviation that ``text`` explains, as written."""
    for found in _IN_BRACKETS.finditer(text):
        before = _CLAUSE_END.split(text[max(0, found.start() - _REACH) : found.start()])[-1].strip()
        long = _long_form(found.group(1), before) if _is_short_form(found.group(1)) else None
        if long:
            yield found.group(1), long
    for found in _IN_A_LIST.finditer(text):
        short, long = found.group(1), found.group(2).strip()
        if _is_short_form(short) and _long_form(short, long) == long:
            yield short, long


def _is_short_form(word: str) -> bool:
    return sum(c.isupper() for c in word) >= 2


def _long_form(short: str, before: str) -> str | None:
    """The last words of ``before`` whose letters give ``short``, its first letter beginning a word; or ``None``."""
    words = before.split()
    text = " ".join(words[-min(len(short) + 5, len(short) * 2) :])
    at = len(text) - 1
    for place in range(len(short) - 1, -1, -1):
        letter = short[place].lower()
        if not letter.isalnum():
            continue
        while at >= 0 and (text[at].lower() != letter or (place == 0 and at > 0 and text[at - 1].isalnum())):
            at -= 1
        if at < 0:
            return None
        at -= 1
    long = text[at + 1 :]
    if not len(short) < len(long) <= _LONGEST or short.lower() in long.lower().split():
        return None
    return long


def is_of_a_protein(short: str, long: str) -> bool:
    """Whether a long form speaks for a protein, in the form of ``name_key``, whatever it is called in lists of names.

    It ends in a word such as "receptor", or both forms in the same number after a word, as members of a
    series do: "mcp 1", "monocyte chemotactic protein 1", but not "pgd 2", "prostaglandin d 2".
    """
    words, letters = _without_greek(long.split()), _without_greek(short.split())
    if len(words) > 1 and words[-1] == letters[-1] and _NUMBER.fullmatch(words[-1]) and len(words[-2]) > 2:
        return True
    while len(words) > 1 and (_NUMBER.fullmatch(words[-1]) or len(words[-1]) == 1):
        words = _without_greek(words[:-1])
    return words[-1] in _PROTEIN_WORDS


def _without_greek(words: list[str]) -> list[str]:
    while len(words) > 1 and words[-1] in GREEK.values():
        words = words[:-1]
    return words
