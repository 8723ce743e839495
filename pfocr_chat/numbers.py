"""Numbers in prose, with their units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_UNIT = (
    r"%|(?:[munpkµμ]?[gMLl]|[mcnµμ]?m|[kM]?Da|k?b|°C|h|hr|hrs|min|hours?|days?|weeks?|months?|years?|minutes?|seconds?"
    r"|fold)\b"
)
_NUMBER = re.compile(rf"(?<![\w.\-‐-―−/])(\d+(?:[.,]\d+)*)\s?-?({_UNIT})?(?![\w/]|-\w|\.\d)")
QUANTITY = re.compile(rf"(?<![\d.,])\d++(?:[.,]\d++)*+-?(?:{_UNIT})")
"""A number that is written as one word with its unit."""
_WORDS = {
    w: str(n) for n, w in enumerate("two three four five six seven eight nine ten eleven twelve".split(), start=2)
}  # fmt: skip
_NUMBER_WORD = re.compile(rf"\b({'|'.join(_WORDS)})\b(?:[ -]({_UNIT}))?", re.IGNORECASE)
_UNITS = {"minute": "min", "hour": "h", "hr": "h", "second": "s", "μm": "µm"}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a text: as written, its value, its unit, and whether it is a word ("two")."""

    written: str
    value: str
    unit: str
    in_words: bool = False


def numbers_in(text: str) -> Iterator[Number]:
    """Every number of ``text`` that is no part of a name."""
    for found in _NUMBER.finditer(text):
        value, unit = found.group(1).replace(",", ""), (found.group(2) or "").rstrip("s")
        yield Number(found.group().strip(), value, _UNITS.get(unit, unit))
    for found in _NUMBER_WORD.finditer(text):
        unit = (found.group(2) or "").rstrip("s")
        yield Number(found.group().strip(), _WORDS[found.group(1).lower()], _UNITS.get(unit, unit), in_words=True)
