"""A sentence as tokens: its words, with what they say of an effect, and the names that matter as one each.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pfocr_chat.effects import EFFECT, REGULATION, Form, Sense, form_of, sense_of, stem
from pfocr_chat.lexicon import STOPWORDS, atom_spans


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or a name of an entity: ``item`` is what it counts as, empty for words without content of their own."""

    word: str
    written: str
    gap: str
    item: str = ""
    entity: bool = False
    sense: Sense | None = None
    form: Form | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A word of effect at position ``at``, and the positions of who acts and on what.

    ``subject`` is the grammatical one of a verb, which other verbs may share; ``as_noun``: the word stands for a thing.
    """

    at: int
    agents: tuple[int, ...] = ()
    targets: tuple[int, ...] = ()
    subject: tuple[int, ...] = ()
    as_noun: bool = False


NEGATIONS = frozenset("not no never without neither nor cannot unable fail fails failed hardly".split())
AUXILIARIES = frozenset(
    """is are was were be been being become becomes became get gets has have had having can could may might must will
    would shall should do does did to also then thereby thus hence both either further subsequently directly indirectly
    longer partly partially strongly potently specifically in turn itself themselves""".split()
)
PASSIVE = frozenset("is are was were be been being become becomes became get gets".split())
_EMPTY = (
    STOPWORDS
    | AUXILIARIES
    | NEGATIONS
    | frozenset("respectively according e g i minute minutes min hour hours hr hrs".split())
)
HYPHENS = ("-", "‐", "‑", "–", "−")


def tokens_of(text: str, names: Sequence[frozenset[str]]) -> list[Token]:
    """``text`` in tokens; ``names`` holds the spellings of each entity, in the form of ``name_key``."""
    return _signed(_joined(_tokens(text, names)))


def _tokens(text: str, names: Sequence[frozenset[str]]) -> list[Token]:
    spans = list(atom_spans(text))
    words = [span[0] for span in spans]
    by_first: dict[str, list[tuple[list[str], int]]] = {}
    for number, aliases in enumerate(names):
        for alias in aliases:
            parts = alias.split()
            if parts:
                by_first.setdefault(parts[0], []).append((parts, number))
                by_first.setdefault(parts[0] + "s", []).append(([parts[0] + "s", *parts[1:]], number))
    tokens: list[Token] = []
    at, before = 0, 0
    while at < len(spans):
        width, number = _name_at(words, at, by_first)
        start, end = spans[at][1], spans[at + max(width, 1) - 1][2]
        written, gap = text[start:end], text[before:start]
        if width:
            tokens.append(Token(" ".join(words[at : at + width]), written, gap, f"={number}", entity=True))
        else:
            tokens.append(_word(words[at], written, gap))
        before = end
        at += max(width, 1)
    return tokens


def _name_at(words: Sequence[str], at: int, by_first: dict[str, list[tuple[list[str], int]]]) -> tuple[int, int]:
    """How many words from ``at`` are a name, and whose; the longest."""
    best = (0, 0)
    for parts, number in by_first.get(words[at], ()):
        width = len(parts)
        same = words[at : at + width - 1] == parts[:-1] and at + width <= len(words)
        if width > best[0] and same and words[at + width - 1] in (parts[-1], parts[-1] + "s"):
            best = (width, number)
    return best


def _word(word: str, written: str, gap: str) -> Token:
    sense = sense_of(word)
    has_content = word not in _EMPTY and (len(word) > 2 or written.isupper() or word.isdigit())
    return Token(
        word, written, gap, stem(word) if has_content else "", sense=sense, form=form_of(word) if sense else None
    )


_PARTICLES = {
    ("up", "regulat"): "up", ("down", "regulat"): "down", ("in", "activ"): "in", ("de", "phosphorylat"): "de",
    ("trans", "activat"): "trans",
}  # fmt: skip
_PHRASES = {
    ("switch", "on"): "switchon", ("turn", "on"): "turnon", ("switch", "off"): "switchoff", ("turn", "off"): "turnoff",
    ("shut", "off"): "shutoff", ("shut", "down"): "shutdown", ("lead", "to"): "leadto", ("leading", "to"): "leadto",
    ("led", "to"): "leadto", ("result", "in"): "resultin", ("resulting", "in"): "resultin", ("go", "up"): "goup",
    ("goes", "up"): "goup", ("went", "up"): "goup", ("go", "down"): "godown", ("goes", "down"): "godown",
    ("went", "down"): "godown",
}  # fmt: skip


def _joined(tokens: Sequence[Token]) -> list[Token]:
    """Tokens with "down-regulates", "switches off" and "leads to" as one word each."""
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
        if following and not token.entity and not following.entity:
            prefix = next(
                (p for (a, b), p in _PARTICLES.items() if token.word == a and following.word.startswith(b)), ""
            )
            base = re.sub(r"(?<=[hntd])(?:e?s|ed)$", "", token.word)
            phrase = _PHRASES.get((base, following.word))
            if (prefix and len(following.gap) <= 1) or phrase:
                word = phrase or prefix + following.word
                merged = _word(word, f"{token.written}{following.gap}{following.written}", token.gap)
                gerund = phrase and token.word.endswith("ing")
                joined.append(replace(merged, form=Form.GERUND if gerund else merged.form))
                at += 2
                continue
        joined.append(token)
        at += 1
    return joined


def _signed(tokens: Sequence[Token]) -> list[Token]:
    """Tokens where "negatively regulates" has the sense of its adverb."""
    signed = list(tokens)
    for at, token in enumerate(tokens[1:], start=1):
        sign = {"negatively": -1, "negative": -1, "positively": 1, "positive": 1}.get(tokens[at - 1].word)
        if sign and token.sense and token.sense.family == REGULATION:
            signed[at] = replace(token, sense=Sense(EFFECT, sign))
    return signed
