"""Words that say what one thing does to another: their kind, their direction, and their forms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Sense:
    """What a word of effect says: ``family`` is the kind of effect, ``sign`` +1, -1, or 0 where it has no direction."""

    family: str
    sign: int = 0


class Form(Enum):
    """How a word of effect stands in its sentence."""

    VERB = auto()
    PARTICIPLE = auto()
    GERUND = auto()
    NOUN = auto()
    AGENT = auto()


EFFECT, REGULATION, BINDING = "effect", "regulation", "binding"

_RISING = """activat induc promot increas upregulat stimulat enhanc trigger elevat augment potentiat
    facilitat accelerat evok elicit boost amplif strengthen rais reinforc drive drives driven driving drove favor
    initiat provok transactivat reactivat hyperactivat switchon turnon leadto resultin caus enabl gain""".split()
_FALLING = """inhibit suppress block reduc decreas downregulat repress prevent attenuat abolish impair antagoni
    inactivat deactivat silenc abrogat diminish restrain counteract hinder lower disrupt dampen lessen weaken switchoff
    turnoff shutoff shutdown deplet ablat eliminat curb curtail oppos quench neutraliz mitigat alleviat
    ameliorat hamper halt limit loss lack lacks lacking absenc deficien knockdown knockout delet transrepress blunt
    autoinhibit""".split()
_CHANGES = "phosphorylat acetylat methylat ubiquitinat ubiquitylat sumoylat glycosylat palmitoylat".split()
_ACTS = {
    REGULATION: "regulat control modulat mediat affect influenc govern alter coregulat".split(),
    BINDING: "bind binds bound binding interact associat heterodimeriz dimeriz".split(),
    "cleavage": "cleav hydrolyz".split(),
    "conversion": "convert metaboliz oxidiz catalyz".split(),
    "making": "produc generat synthesiz secret releas".split(),
    "transport": "recruit transport translocat".split(),
    "target": "target".split(),
}
SYMMETRIC = frozenset({BINDING})
"""Kinds of effect that have no direction."""

_WHOLE = {
    **dict.fromkeys("rise rises rose risen rising goup soars soared".split(), 1),
    **dict.fromkeys("fall falls fell fallen falling godown drop drops dropped lost absent lower".split(), -1),
    **dict.fromkeys("decline declines declined declining".split(), -1),
}
"""Words that are too short, or too like others, to be told by their beginning."""
_NO_EFFECTS = frozenset("promoter promoters lossless inducible activity activities active driver drivers".split())

_ALWAYS_NOUNS = ("loss", "absenc", "deficien", "knockdown", "knockout", "lack", "gain", "blockade")
_SUFFIXES = (
    "izations ization ations ation ational atory ators ator ating ative atives ated ates ate ically ical ions ion"
    " ings ing ives ive ments ment edly ed ors or ers er ances ance ences ence ants ant ents ent ness ities ity ies ial"
    " al ic ly es is s e y"
).split()


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """A word without its ending, so that "degraded" and "degradation" are one; four letters at least are left."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 4:
            return word[: -len(suffix)]
    return word


@lru_cache(maxsize=100_000)
def sense_of(word: str) -> Sense | None:
    """What a lower-case word says of an effect; ``None`` for other words."""
    if word in _NO_EFFECTS:
        return None
    if word in _WHOLE:
        return Sense(EFFECT, _WHOLE[word])
    if _starts(word, _FALLING):
        return Sense(EFFECT, -1)
    if _starts(word, _RISING):
        return Sense(EFFECT, 1)
    for change in _CHANGES:
        for prefix, sign in (("", 1), ("auto", 1), ("trans", 1), ("hyper", 1), ("de", -1), ("hypo", -1)):
            if word.startswith(prefix + change):
                return Sense(change, sign)
    for beginning, sign in (("stabiliz", 1), ("destabiliz", -1), ("degrad", -1)):
        if word.startswith(beginning):
            return Sense("stability", sign)
    for family, beginnings in _ACTS.items():
        if _starts(word, beginnings):
            return Sense(family)
    return None


def _starts(word: str, beginnings: Iterable[str]) -> bool:
    """Whether a word is a form of one of these: short ones need an ending of verbs or nouns."""
    return any(word.startswith(b) and (len(b) >= 7 or len(word) - len(b) <= 6) for b in beginnings)


def form_of(word: str) -> Form:
    """How a word that says an effect stands in a sentence, by its ending."""
    if word.endswith(("ion", "ions", "ment")) or (
        word.startswith(_ALWAYS_NOUNS) and word not in ("lacking", "lacks", "lacked")
    ):
        return Form.NOUN
    if word.endswith(("tor", "tors", "sor", "sors", "ducer", "ducers", "blocker", "blockers", "enhancer", "enhancers")):
        return Form.AGENT
    if word.endswith("ing"):
        return Form.GERUND
    if word.endswith(("ed", "tory")) or word in ("driven", "bound", "lost", "absent", "fallen", "risen"):
        return Form.PARTICIPLE
    return Form.VERB
