"""Which words of a text name what a figure was found for, and of what kind that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from pfocr_chat.lexicon import atom_spans, name_key, singular
from pfocr_chat.queries import Hit, Query
from pfocr_chat.records import Kind, Tier

WORD = "word"
"""The kind of a word that is no name."""
LONGEST = 8
"""Atoms of a name that is looked for."""


def marked(text: str, names: Mapping[str, str]) -> str:
    """``text`` as HTML in one line, with a mark around each of the ``names``.

    ``names`` gives, for each in the form of ``name_key``, its kind, which becomes the mark's class.
    """
    text = " ".join(text.split())
    done, parts = 0, []
    for start, end, kind in _spans(text, names):
        parts.append(escape(text[done:start]))
        parts.append(f'<mark class="pfc-mark pfc-{kind}">{escape(text[start:end])}</mark>')
        done = end
    return "".join(parts) + escape(text[done:])


def names_of(hit: Hit, query: Query | None) -> dict[str, str]:
    """What to mark in a quote of a figure: the names asked for, else the words, else the names that it prints."""
    entities = query.entities if query else ()
    asked = [(e.kind.value, name) for e in entities for name in (e.mention, e.label, *e.names, *e.aliases)]
    asked += [(m.kind, name) for m in hit.matches for name in (m.name, m.word) if name]
    if not asked:
        printed = (m for m in hit.record.mentions if m.tier <= Tier.SYNONYM)
        asked = [(m.kind.value, name) for m in printed for name in (m.name, m.word)]
    return {key: kind for kind, name in asked if (key := name_key(name)) and kind in (WORD, *Kind)}


def _spans(text: str, names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each name in the text, the longest where several begin, none within a longer word."""
    atoms = list(atom_spans(text))
    at = 0
    while at < len(atoms):
        for width in range(min(LONGEST, len(atoms) - at), 0, -1):
            start, end = atoms[at][1], atoms[at + width - 1][2]
            key = " ".join(atom for atom, _, _ in atoms[at : at + width])
            kind = names.get(key) or names.get(singular(key) or "")
            if kind and not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum()):
                yield start, end, kind
                at += width
                break
        else:
            at += 1
