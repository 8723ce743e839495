"""Whether what acts in a sentence acts by its absence, as a mutant, or only may act.

Pure: works on tokens and the effects found between them. "Knockdown of A increases B" says of A itself that it
decreases B, if anything; "A may increase B" says less than "A increases B".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pfocr_chat.effects import EFFECT, Form
from pfocr_chat.tokens import AUXILIARIES, HYPHENS, PASSIVE, Span, Token

_SILENCERS = frozenset(
    "sirna sirnas shrna shrnas sgrna sgrnas mirna antisense antibody antibodies crispr si sh".split()
)
_AGAINST = frozenset("against targeting for to anti".split())
_WITHOUT = frozenset("without".split())
_MISSING = frozenset("null ko kd negative free".split())
_MUTANT = frozenset("mutant mutants mutation mutations mutated".split())
_STRUCK_OUT = re.compile(r"^\s?[-‐-―−]\s?/\s?[-‐-―−]")
_CONDITIONS = frozenset("when if once where after upon".split())
_HEDGES = frozenset(
    """may might could possibly probably perhaps potentially presumably likely putatively reportedly hypothetically
    maybe apparently""".split()
)
_HELD = frozenset(
    """thought believed predicted proposed suggested hypothesized hypothesised speculated likely appears appear seems
    seem supposed postulated presumed assumed expected anticipated""".split()
)
_CLAUSE_END = re.compile(r"[;:.!?]")


def lost_places(tokens: Sequence[Token], spans: Sequence[Span]) -> frozenset[int]:
    """Where names and words stand for the loss of what they name: "knockdown of A", "A-deficient", "when A is lost"."""
    found: set[int] = set()
    for span in spans:
        if _is_loss(tokens, span):
            found.update(at for at in span.targets if at not in span.agents)
    found.update(_silenced(tokens))
    return frozenset(found)


def _is_loss(tokens: Sequence[Token], span: Span) -> bool:
    """Whether the effect is a thing itself ("loss of A", "A inhibitors", "reduced A"), and lowers what it is on."""
    token = tokens[span.at]
    if token.sense is None or token.sense.family != EFFECT or token.sense.sign >= 0:
        return False
    if token.word.startswith("lacking") or token.form is Form.AGENT or span.as_noun:
        return True
    if token.form is not Form.PARTICIPLE:
        return False
    before = tokens[span.at - 1] if span.at else None
    if before is None or before.word not in AUXILIARIES:
        following = tokens[span.at + 1] if span.at + 1 < len(tokens) else None
        return bool(following and following.item and min(span.targets, default=-1) > span.at)
    first = min(span.targets, default=0)
    return before.word in PASSIVE and first > 0 and tokens[first - 1].word in _CONDITIONS


def _silenced(tokens: Sequence[Token]) -> Iterator[int]:
    for at, token in enumerate(tokens):
        if not token.entity:
            continue
        before = tokens[at - 1] if at else None
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        if (before and (before.word in _WITHOUT or before.word in _SILENCERS or _is_against(tokens, at - 1))) or (
            after
            and (
                after.word in _SILENCERS
                or (after.gap in HYPHENS and after.word in _MISSING)
                or (after.word in ("ko", "null") and not after.gap.strip())
                or _STRUCK_OUT.match(after.gap)
            )
        ):
            yield at


def _is_against(tokens: Sequence[Token], at: int) -> bool:
    """Whether the token is "against" of "siRNA against", or "anti" of "anti-A"."""
    word = tokens[at].word
    if word == "anti":
        return True
    return word in _AGAINST and at > 0 and tokens[at - 1].word in _SILENCERS


def mutant_places(tokens: Sequence[Token]) -> frozenset[int]:
    """Where names stand for a mutant of what they name, which may act more, less or otherwise."""
    found: set[int] = set()
    for at, token in enumerate(tokens):
        if token.word not in _MUTANT:
            continue
        following = tokens[at + 1 : at + 3]
        if following and following[0].word in ("of", "in"):
            following = following[1:]
        else:
            following = following[:1]
            if at and tokens[at - 1].entity and not _CLAUSE_END.search(token.gap):
                found.add(at - 1)
        if following and following[0].entity and not _CLAUSE_END.search(following[0].gap):
            found.add(at + 1 if tokens[at + 1].entity else at + 2)
    return frozenset(found)


def is_hedged(tokens: Sequence[Token], at: int) -> bool:
    """Whether an effect is said only to be possible: "may activate", "is thought to activate"."""
    for back in range(at - 1, max(at - 7, -1), -1):
        if _CLAUSE_END.search(tokens[back + 1].gap):
            return False
        word = tokens[back].word
        if word in _HEDGES:
            return True
        if word in _HELD:
            return tokens[back + 1].word == "to"
        if tokens[back].entity or (tokens[back].item and not word.endswith("ly") and not tokens[back].sense):
            return False
    return False
