"""The runs of words in a text that may be names, and the spellings under which each is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pfocr_chat.lexicon import GREEK, STOPWORDS, atom_spans, name_key, name_windows, reads_as_name, singular

SHORTEST_AFTER_GREEK = 4
"""Letters of a name before which a Greek letter may stand ("αtubulin"); a shorter one is part of a longer name."""

LONGEST = 8
"""Letters and numbers of a name, each run counted as one ("signal transducer and activator of transcription 3")."""

_DASH = "[-‐-―−]"
_PHOSPHORYLATED = re.compile(r"p[A-Z]")
_PLURAL = re.compile(r".*[A-Z\d]s")
_LIST = re.compile(
    rf"(?P<stem>.*[^\W\d_][ ]?{_DASH}?)(?P<numbers>\d+(?:/\d+)+)"
    rf"|(?P<greek_stem>.*[^\W_]{_DASH}?)(?P<greek>[α-ω](?:/[α-ω])+)"
    rf"|(?P<letter_stem>.*(?:\d|{_DASH}))(?P<letters>[A-Z](?:/[A-Z])+)"
)
_RANGE = re.compile(rf"(?P<stem>.*[^\W\d_]{_DASH}?)1{_DASH}(?P<last>[2-9])")
_NUMBER_BEFORE = re.compile(rf"(?<![^\W_])(?<!{_DASH})\d+{_DASH}$")
_DECIMALS = re.compile(r"\d[.]\d")
_ION = re.compile(r"(?:ca|mg|zn|fe|cu|mn|ni|co|pb|hg)\(?[2²]|(?:fe|al|cr)\(?[3³]|na|li", re.IGNORECASE)
"""Elements that a text writes as ions, but for those that mark cells (Cd2, Cd3)."""
_GREEK_NAMES = frozenset(GREEK.values())
_NEVER_OUTSIDE = STOPWORDS - set("a i all like pathway very".split())
"""Words that no name of several begins or ends with: "act in" is not actin, nor "at G1" ATG1."""
_ROMAN = re.compile(r"[ivx]{2,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Window:
    """A run of words that may be a name: its spelling, place in the text, and as it stands there.

    ``forms`` are the spellings under which it is looked up, the likeliest first, and ``parts`` the
    names that it stands for where it is a list ("CDK4/6"). ``written`` is the mention, in small
    letters where capitals say nothing.
    """

    spelling: str
    forms: tuple[str, ...]
    first: int
    last: int
    mention: str
    written: str
    parts: tuple[Window, ...] = ()


def windows_in(text: str) -> list[Window]:
    """The windows of a text, those that begin first first; parts of longer words, ions and the like are none."""
    spans = list(atom_spans(text))
    begins = [_begins_inside(text, spans, at) for at in range(len(spans))]
    ends = [_ends_inside(text, spans, at) for at in range(len(spans))]
    shouting = text.isupper() and any(len(word) > 1 and word in STOPWORDS for word in text.lower().split())
    windows = []
    for spelling, first, last, mention in name_windows(text, LONGEST):
        if begins[first] or ends[last - 1] or mention.count("(") != mention.count(")"):
            continue
        written = mention.lower() if shouting else mention
        words = written.split()
        if len(words) > 1 and not _NEVER_OUTSIDE.isdisjoint((words[0], words[-1])):
            continue
        if reads_as_name(written) and not _is_number_or_ion(text, spans[first][1], spans[last - 1][2]):
            parts = tuple(
                Window(name_key(part), _forms(name_key(part), part), first, last, mention, written)
                for part in _listed(mention)
            )
            windows.append(Window(spelling, _forms(spelling, mention), first, last, mention, written, parts))
    return windows


def _begins_inside(text: str, spans: Sequence[tuple[str, int, int]], at: int) -> bool:
    """Whether an atom goes on with a longer name that is another one: "LOX" in "5-LOX", "53" in "p53".

    A Greek letter may precede a name of four letters or more.
    """
    _, start, end = spans[at]
    if at and spans[at - 1][2] == start:
        return spans[at - 1][0] not in _GREEK_NAMES or end - start < SHORTEST_AFTER_GREEK
    return bool(_NUMBER_BEFORE.search(text[max(0, start - 8) : start]))


def _ends_inside(text: str, spans: Sequence[tuple[str, int, int]], at: int) -> bool:
    """Whether the name that an atom ends would go on: "AT1" in "AT1R", "Nav1" in "Nav1.7".

    A Greek letter may follow ("p38α"), and the "s" of a plural.
    """
    end = spans[at][2]
    if at + 1 < len(spans) and spans[at + 1][1] == end:
        return spans[at + 1][0] not in _GREEK_NAMES and spans[at + 1][0] != "s"
    return bool(_DECIMALS.match(text[end - 1 : end + 2]))


def _is_number_or_ion(text: str, start: int, end: int) -> bool:
    """Whether words are a Roman number, or an ion without its charge."""
    charged = text[end : end + 1] in ("+", "⁺") and _ION.fullmatch(text[start:end])
    return bool(charged or _ROMAN.fullmatch(text[start:end]))


def _forms(spelling: str, written: str) -> tuple[str, ...]:
    """Spellings to look up: for "pSTAT3" first "stat 3", for "APCs" first the singular, else the name as it is."""
    forms = [spelling, singular(spelling)]
    if _PLURAL.fullmatch(written):
        forms.reverse()
    if _PHOSPHORYLATED.match(written):
        rest = name_key(written[1:])
        forms = [rest, singular(rest), *forms] if len(rest) > 1 else forms
    return tuple(form for form in forms if form)


def _listed(written: str) -> Iterator[str]:
    """The names in a list that is written as one word: "CDK4/6", "LC3A/B", "PPARα/γ", "TEAD1-4"."""
    if "/" in written and (found := _LIST.fullmatch(written)):
        stem = found["stem"] or found["greek_stem"] or found["letter_stem"]
        items = found["numbers"] or found["greek"] or found["letters"]
        yield from (stem + item for item in items.split("/"))
    elif found := _RANGE.fullmatch(written):
        yield from (f"{found['stem']}{number}" for number in range(1, int(found["last"]) + 1))
