"""Abbreviations that a text itself explains: "epithelial-mesenchymal transition (EMT)", "AA, arachidonic acid".

The algorithm is that of Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in
biomedical text", Pacific Symposium on Biocomputing 2003, with a second pattern for the lists of
abbreviations at the end of figure captions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SHORT = r"[^\W_][\w\-/+]{1,9}"
_IN_BRACKETS = re.compile(rf"\(({_SHORT})(?:[;,][^()]{{0,40}})?\)")
_IN_A_LIST = re.compile(
    rf"(?:^|[.;,(])\s*({_SHORT})\s*(?:,|:|=|[–—])\s*([^\W_][^.;,:=()]{{3,70}}?)(?=[.;,)]|$)", re.MULTILINE
)
_CLAUSE_END = re.compile(r"[.;:,()\[\]]")
_LONGEST = 80
_REACH = 200
"""Characters before a bracket that may hold the words it abbreviates."""


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
