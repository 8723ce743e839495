"""How the names of a question belong together: all of them, one of several, or not at all."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pfocr_chat.lexicon import atoms
from pfocr_chat.queries import Entity

_FILLERS = (
    r"(?:\s+(?:the|a|an|any|those|these|ones|that|which|of|with|by|to|in|show\w*|involv\w+|contain\w+|includ\w+"
    r"|mention\w*|nam\w+))*"
)
_OR = re.compile(rf"[\s,]*\b(?:and/or|or)\b{_FILLERS}[\s(]*", re.IGNORECASE)
_COMMA = re.compile(r"\s*,\s*(?:either\s+)?")
_NOR = re.compile(rf"[\s,]*\b(?:n?or)\b{_FILLERS}\s*", re.IGNORECASE)
_EXCLUDES = re.compile(
    r"(?:\b(?:but|and)\s+)?\b(?:not(?!\s+only)|without|except(?:\s+for)?|excluding|exclude|lacking|neither|nor|minus)"
    rf"{_FILLERS}\s*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"(?:\b(?:do|does|did)\s+not|n['’]t)\s+(?:show|involve|mention|contain|include|have|name)\s*$", re.IGNORECASE
)


def grouped(text: str, entities: Sequence[Entity]) -> tuple[tuple[tuple[Entity, ...], ...], tuple[Entity, ...]]:
    """The groups of entities that a figure has to show one each of, and the entities that it must not show.

    "A and B" makes two groups, "A or B" and "A, B or C" one; what follows "not", "without" or
    "except" is excluded. ``entities`` are those of ``text``, in order.
    """
    groups: list[list[Entity]] = []
    excluded: list[Entity] = []
    pending: list[Entity] = []  # names after a comma, of which a later "or" says that they are alternatives
    end = 0
    for entity in entities:
        start = max(text.find(entity.mention, end), end)
        between = text[end:start]
        end = start + len(entity.mention)
        if _EXCLUDES.search(between) or _NEGATED.search(between) or (excluded and _NOR.fullmatch(between)):
            excluded.append(entity)
            pending = []
        elif groups and _OR.fullmatch(between):
            for earlier in pending[:-1]:
                groups.remove([earlier])
            groups[-1] = [*pending[:-1], *groups[-1], entity] if pending else [*groups[-1], entity]
            pending = []
        else:
            groups.append([entity])
            pending = [*pending, entity] if pending and _COMMA.fullmatch(between) else [entity]
    return tuple(tuple(group) for group in groups), tuple(excluded)


def excluded_words(text: str, words: Sequence[str]) -> tuple[str, ...]:
    """Those of the ``words`` of ``text``, none of them a name, that follow "not", "without" or the like."""
    found = []
    for typed in re.finditer(r"[^\W_]+(?:[-‐-―−/'’+][^\W_]+)*", text):
        word = " ".join(atoms(typed.group()))
        before = text[: typed.start()]
        if word in words and (_EXCLUDES.search(before) or _NEGATED.search(before)):
            found.append(word)
    return tuple(dict.fromkeys(found))
