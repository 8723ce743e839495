"""Words that a sentence has in place of a figure's: both laid beside each other, name for name and word for word.

Pure. Where a sentence follows a caption but for a name, a number, or the direction of an effect, that one is changed,
whatever the grammar of ``relations`` makes of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pfocr_chat.effects import Form
from pfocr_chat.relations import Reading
from pfocr_chat.tokens import Token

MAX_CELLS = 40_000
"""Words of a sentence times words of a caption sentence; beyond, they are not laid beside each other."""

_NAME, _WORD, _CHANGED, _SKIPPED = 3.0, 2.0, 0.8, -0.05


@dataclass(frozen=True, slots=True)
class Change:
    """``said`` stands where the figure has ``figure``.

    ``is_exchange``: each of the two names stands in the place of the other. ``is_firm``: what is around is the
    same on both sides; ``is_effect``: what is said of an effect is changed; ``items`` are what the two count as.
    """

    said: str
    figure: str
    is_exchange: bool = False
    is_firm: bool = False
    is_effect: bool = False
    items: frozenset[str] = frozenset()

    def __str__(self) -> str:
        if self.is_exchange:
            return f"exchanges ‘{self.said}’ and ‘{self.figure}’"
        return f"says ‘{self.said}’ where the figure says ‘{self.figure}’"


@dataclass(frozen=True, slots=True)
class Alignment:
    """A sentence beside a caption sentence: how well they fit, and what is changed."""

    score: float
    changes: tuple[Change, ...] = ()


_Pair = tuple[int, int]


def align(said: Reading, unit: Reading, alike: Callable[[str, str], bool]) -> Alignment:
    """``said`` laid beside ``unit``, both read with the same names.

    ``alike`` says of two items that are names whether one may be mistaken for the other (a gene for a gene).
    """
    # A word that one of them has not may be another word for the same; two that both have may have changed places.
    common = {t.item for t in said.tokens} & {t.item for t in unit.tokens}
    ours, theirs = _telling(said.tokens, common), _telling(unit.tokens, common)
    if not ours or not theirs or len(ours) * len(theirs) > MAX_CELLS:
        return Alignment(0.0)
    score, pairs = _laid(ours, theirs, alike)
    return Alignment(score, tuple(_changes(ours, theirs, pairs)))


@dataclass(frozen=True, slots=True)
class _Place:
    """A token with what it has to share with another to be the same (``key``) or changed (``kind``)."""

    token: Token
    key: tuple[object, ...]
    kind: tuple[object, ...]


def _telling(tokens: Sequence[Token], common: Collection[str]) -> list[_Place]:
    places = []
    for at, token in enumerate(tokens):
        if token.entity or (token.item and not token.sense):
            places.append(_Place(token, (token.item,), _kind_of(token, common)))
        elif token.sense:
            following = tokens[at + 1].word if at + 1 < len(tokens) else ""
            form = ("passive" if following == "by" else "participle") if token.form is Form.PARTICIPLE else token.form
            kind = ("effect", token.sense.family, form)
            places.append(_Place(token, (*kind, token.sense.sign), kind if token.sense.sign else (*kind, 0)))
    return places


def _kind_of(token: Token, common: Collection[str]) -> tuple[object, ...]:
    if token.entity or (token.word.isdigit() and token.gap):  # the 1 of "Tri1" is no number
        return ("name",) if token.entity else ("number",)
    return ("word",) if token.item in common else ("word", token.item)


def _laid(
    ours: Sequence[_Place], theirs: Sequence[_Place], alike: Callable[[str, str], bool]
) -> tuple[float, list[_Pair]]:
    """The best order-keeping pairs of same and changed places, and their score (Needleman and Wunsch's way)."""
    scores = [[_SKIPPED * b for b in range(len(theirs) + 1)]]
    for a, one in enumerate(ours, start=1):
        above, row = scores[-1], [_SKIPPED * a]
        for b, other in enumerate(theirs, start=1):
            pair = above[b - 1] + worth if (worth := _worth(one, other, alike)) else -1e9
            row.append(max(pair, above[b] + _SKIPPED, row[-1] + _SKIPPED))
        scores.append(row)
    pairs: list[_Pair] = []
    a, b = len(ours), len(theirs)
    while a and b:
        worth = _worth(ours[a - 1], theirs[b - 1], alike)
        if worth and scores[a][b] == scores[a - 1][b - 1] + worth:
            pairs.append((a - 1, b - 1))
            a, b = a - 1, b - 1
        elif scores[a][b] == scores[a - 1][b] + _SKIPPED:
            a -= 1
        else:
            b -= 1
    return scores[-1][-1], pairs[::-1]


def _worth(one: _Place, other: _Place, alike: Callable[[str, str], bool]) -> float:
    """What pairing two places is worth; 0 where they have nothing to do with each other."""
    if one.key == other.key:
        return _NAME if one.token.entity else _WORD
    if one.kind != other.kind:
        return 0.0
    return _CHANGED if not one.token.entity or alike(one.token.item, other.token.item) else 0.0


def _changes(ours: Sequence[_Place], theirs: Sequence[_Place], pairs: Sequence[_Pair]) -> list[Change]:
    """The changed pairs whose neighbours on both sides are paired too, or are the sentence's ends."""
    partner = dict(pairs)
    is_same = {a: ours[a].key == theirs[b].key for a, b in pairs}
    changed = {(ours[a].token.item, theirs[b].token.item) for a, b in pairs if not is_same[a]}
    found = []
    for a, b in pairs:
        if is_same[a]:
            continue
        # A neighbour counts where it stands beside its partner too; beyond an end of the sentence there is none.
        beside = [n for n in (a - 1, a + 1) if 0 <= n < len(ours)]
        held = [n for n in beside if partner.get(n) == b + n - a]
        anchors = [n for n in held if is_same[n] and not (ours[a].token.entity and ours[n].token.entity)]
        if len(held) < len(beside) or not anchors or _in_one_list(theirs, b, ours[a].token.item):
            continue
        mine, other = ours[a].token, theirs[b].token
        is_exchange = (other.item, mine.item) in changed and not mine.sense
        if is_exchange or ours[a].kind != ("word",):
            found.append(_change(mine, other, is_exchange=is_exchange, is_firm=len(anchors) > 1))
    return found


def _change(mine: Token, other: Token, *, is_exchange: bool, is_firm: bool) -> Change:
    items = frozenset((mine.item, other.item))
    return Change(mine.written, other.written, is_exchange, is_firm, is_effect=mine.sense is not None, items=items)


def _in_one_list(places: Sequence[_Place], at: int, item: str) -> bool:
    """Whether an item stands in the list of names, or of words, that the place is in: their order does not count."""
    for step in (-1, 1):
        other = at + step
        while 0 <= other < len(places) and places[other].kind == places[at].kind:
            if places[other].token.item == item:
                return True
            other += step
    return False


def best_alignment(said: Reading, units: Sequence[Reading], alike: Callable[[str, str], bool]) -> Alignment:
    """The alignment with the unit that fits best; of equals, one with the fewest changes."""
    found = (align(said, unit, alike) for unit in units)
    return max(found, key=lambda a: (a.score, -len(a.changes)), default=Alignment(0.0))
