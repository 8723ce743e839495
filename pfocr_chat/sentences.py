"""Splitting prose into sentences without losing a character."""

from __future__ import annotations

import re

_ABBREVIATIONS = re.compile(
    r"\b(?:e\.g|i\.e|et al|cf|vs|viz|ca|approx|resp|incl|Figs?|Refs?|Eqs?|No|Dr|Prof|St|spp?|var|subsp|Abbr|[A-Z])\.$"
)
_LONGEST = 12
_BOUNDARY = re.compile(r"[.!?][\"”’')\]]*\s+(?=[\"“‘'(\[]?[\wα-ωΑ-Ω])")


def split_sentences(text: str) -> list[str]:
    """The sentences of ``text`` in order, each stripped of outer white space; empty ones left out.

    A full stop after a common abbreviation, a single capital ("E. coli") or before a lower-case
    word does not end a sentence.
    """
    pieces: list[str] = []
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        # The last characters suffice for every abbreviation, and keep a long text from costing its square.
        head = text[max(start, boundary.start() - _LONGEST) : boundary.start() + 1]
        following = text[boundary.end() : boundary.end() + 1]
        if _ABBREVIATIONS.search(head) or following.islower():
            continue
        pieces.append(text[start : boundary.end()].strip())
        start = boundary.end()
    pieces.append(text[start:].strip())
    return [piece for piece in pieces if piece]
