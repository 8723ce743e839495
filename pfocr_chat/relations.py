"""What acts on what in a sentence of a caption: a small grammar of effects, their direction and their negation.

Pure: a sentence is read as tokens, in which the names that matter stand as one; around each word that
says an effect ("inhibits", "activation of", "is degraded by", "loss of") the grammar finds who acts and on what.
It reads both the sentence to be checked and the caption in the same way, so that what it misreads it misreads
alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pfocr_chat.effects import EFFECT, Form, Sense
from pfocr_chat.modality import is_hedged, lost_places, mutant_places
from pfocr_chat.tokens import AUXILIARIES, HYPHENS, NEGATIONS, PASSIVE, Span, Token, tokens_of


@dataclass(frozen=True, slots=True)
class Relation:
    """An effect with the items that have it (``agents``) and those that it is on (``targets``); either may be empty.

    Of the agents, ``lost`` act by their absence, ``mutant`` as mutants; ``hedged``: it only may be so.
    """

    word: str
    sense: Sense
    negated: bool
    agents: frozenset[str]
    targets: frozenset[str]
    lost: frozenset[str] = frozenset()
    mutant: frozenset[str] = frozenset()
    hedged: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence as it was read.

    ``items`` are its names, stems and kinds of effect (``~effect+1``), ``content`` the stems that are neither;
    ``negated`` and ``affirmed`` the stems that stand with and without a negation; ``lowered`` what is said anywhere to
    be lost, absent or lowered.
    """

    text: str
    items: frozenset[str]
    content: frozenset[str]
    negated: frozenset[str]
    affirmed: frozenset[str]
    relations: tuple[Relation, ...]
    tokens: tuple[Token, ...] = ()
    lowered: frozenset[str] = frozenset()


_STOPS = frozenset(
    """which who whom where whereas while but because when if although though whether that thereby thus
    hence so since until unless unlike instead rather than""".split()
)
_MEANS = frozenset("by via through".split())
_MEDIATED = frozenset("mediated dependent driven induced stimulated activated triggered evoked controlled".split())
_HARD = re.compile(r"[;:.!?]|[–—] | [–—-] ")
_NOUNS_TOO = re.compile(
    r"(?:increase|decrease|block|blockade|loss|lack|gain|release|control|limit|influence|cause|raise)s?$"
)
_LONGEST = 14
"""Tokens that are looked through for who acts, or on what."""


def read(text: str, names: Sequence[frozenset[str]] = ()) -> Reading:
    """``text`` as it is read, entities as items ``=0``, ``=1``…

    ``names`` holds the spellings of each entity, in the form of ``name_key``.
    """
    tokens = tokens_of(text, names)
    negated, affirmed = _negations(tokens)
    relations: list[Relation] = []
    lowered: set[str] = set()
    for group in _asides(tokens):
        spans = _spans(group)
        lost = lost_places(group, spans)
        relations += _relations(group, spans, lost)
        lowered |= _items(group, lost)
    lowered.update(item for r in relations if r.sense == _LOWERING for item in r.targets)
    items = _items(tokens, range(len(tokens)))
    content = frozenset(token.item for token in tokens if token.item and not (token.entity or token.sense))
    return Reading(text, items, content, negated, affirmed, tuple(relations), tuple(tokens), frozenset(lowered))


_LOWERING = Sense(EFFECT, -1)


def _spans(tokens: Sequence[Token]) -> list[Span]:
    spans: list[Span] = []
    for at, token in enumerate(tokens):
        if token.sense is not None:
            spans.append(_span(tokens, at, spans))
    return spans


def _relations(tokens: Sequence[Token], spans: Sequence[Span], lost: frozenset[int]) -> list[Relation]:
    mutant = mutant_places(tokens)
    by_place = {span.at: span for span in spans}
    relations: list[Relation] = []
    for span in spans:
        inner = _inner(tokens, span, by_place)
        found = [_to_relation(tokens, span, inner)]
        if inner:
            found.append(_through(tokens, span, inner))
        if excepted := _excepted(tokens, span):
            found.append(replace(found[0], negated=not found[0].negated, targets=_items(tokens, excepted)))
        of_lost, of_mutants = _items(tokens, lost & set(span.agents)), _items(tokens, mutant & set(span.agents))
        hedged = is_hedged(tokens, span.at)
        relations += [replace(r, lost=of_lost, mutant=of_mutants, hedged=hedged) for r in found]
    return relations


def _excepted(tokens: Sequence[Token], span: Span) -> _Places:
    """The C of "activates B but not C"."""
    at = max(span.targets, default=-1) + 1
    if at <= span.at or at + 2 >= len(tokens) or tokens[at + 1].word != "not":
        return ()
    return _right(tokens, at + 2) if tokens[at].word in ("but", "and") and tokens[at + 2].entity else ()


def _inner(tokens: Sequence[Token], span: Span, by_place: Mapping[int, Span]) -> Span | None:
    """The effect that an effect is on: "inhibits the activation of B", "leads to reduced B"."""
    token = tokens[span.at]
    if (
        token.sense is None
        or token.sense.family != EFFECT
        or token.form not in (Form.VERB, Form.GERUND, Form.PARTICIPLE)
    ):
        return None
    for at in sorted(span.targets):
        inner = by_place.get(at)
        if inner is None:
            continue
        kind = tokens[at].form
        is_noun = kind is Form.NOUN or (kind is Form.VERB and _stands_as_noun(tokens, at))
        is_state = kind is Form.PARTICIPLE and token.word.startswith(_CAUSES)
        sense = tokens[at].sense
        if (is_noun or is_state) and sense and sense.sign and inner.targets:
            return inner
    return None


def _to_relation(tokens: Sequence[Token], span: Span, inner: Span | None) -> Relation:
    token = tokens[span.at]
    targets = set(span.targets) - set(inner.targets if inner else ())
    return Relation(
        token.written,
        token.sense or Sense(""),
        _is_negated(tokens, span.at),
        _items(tokens, span.agents),
        _items(tokens, targets),
    )


def _through(tokens: Sequence[Token], span: Span, inner: Span) -> Relation:
    """The effect on what the inner one is on: who inhibits an activation inhibits."""
    outer, effect = tokens[span.at], tokens[inner.at]
    sense = (
        Sense(effect.sense.family, effect.sense.sign * outer.sense.sign) if effect.sense and outer.sense else Sense("")
    )
    negated = _is_negated(tokens, span.at) != _is_negated(tokens, inner.at)
    words = f"{outer.written} … {effect.written}" if span.at < inner.at else f"{effect.written} … {outer.written}"
    return Relation(words, sense, negated, _items(tokens, span.agents), _items(tokens, inner.targets))


def _items(tokens: Sequence[Token], places: Iterable[int]) -> frozenset[str]:
    """What stands at the places; an effect counts as its kind and direction, whatever its word."""
    found = (tokens[at] for at in places if tokens[at].item)
    return frozenset(f"~{t.sense.family}{t.sense.sign:+d}" if t.sense and not t.entity else t.item for t in found)


def _asides(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens outside brackets, then those of each bracket: what is in brackets does not act on what is not."""
    groups: list[list[Token]] = [[]]
    stack = [0]
    for at, token in enumerate(tokens):
        if at and _is_gloss(tokens, at - 1):
            token = replace(token, gap=token.gap.replace(")", "", 1) or " ")
        if _is_gloss(tokens, at):
            groups[stack[-1]].append(replace(token, gap=" "))
            continue
        for mark in re.findall(r"[(\[)\]]", token.gap):
            if mark in "([":
                stack.append(len(groups))
                groups.append([])
            elif len(stack) > 1:
                stack.pop()
        gap = (
            token.gap if token.gap in HYPHENS or not re.search(r"[(\[)\]]", token.gap) else _BRACKETS.sub("", token.gap)
        )
        groups[stack[-1]].append(replace(token, gap=gap))
    return [group for group in groups if group]


def _is_gloss(tokens: Sequence[Token], at: int) -> bool:
    """Whether a name or word stands alone in brackets, as another for what is before them."""
    token = tokens[at]
    if not token.item or token.sense or token.word.isdigit() or at == 0 or token.gap not in (" (", "("):
        return False
    following = tokens[at + 1].gap.lstrip() if at + 1 < len(tokens) else ""
    return bool(tokens[at - 1].item) and following.startswith(")") and following[1:] not in HYPHENS


def _negations(tokens: Sequence[Token]) -> tuple[frozenset[str], frozenset[str]]:
    """The items that stand negated, and those that stand as they are."""
    negated: set[str] = set()
    affirmed: set[str] = set()
    for at, token in enumerate(tokens):
        if token.item and not token.entity:
            (negated if _is_negated(tokens, at) else affirmed).add(token.item)
    return frozenset(negated), frozenset(affirmed)


def _is_negated(tokens: Sequence[Token], at: int) -> bool:
    """Whether a negation stands before a word, with nothing between but words without content, in the same clause.

    Or behind it: "ligand-independent".
    """
    behind = tokens[at + 1] if at + 1 < len(tokens) else None
    if behind and behind.gap in HYPHENS and behind.word in ("independent", "independently", "free", "null"):
        return True
    for back in range(at - 1, max(at - 5, -1), -1):
        if _HARD.search(tokens[back + 1].gap) or "," in tokens[back + 1].gap:
            return False
        word, following = tokens[back].word, tokens[back + 1].word
        if word in NEGATIONS and tokens[back].written != "NO":  # nitric oxide
            return following == "to" if word.startswith("fail") else following != "only"
        if word == "n" and following == "t":
            return True
        if tokens[back].item and not word.endswith("ly"):
            return False
    return False


_Places = tuple[int, ...]
_Arguments = tuple[_Places, _Places]


def _span(tokens: Sequence[Token], at: int, before: Sequence[Span]) -> Span:
    """Who acts and on what, by the form of the word at ``at``."""
    token = tokens[at]
    if token.form is Form.AGENT:
        return Span(at, *_of_agent_noun(tokens, at), as_noun=True)
    if token.form is Form.NOUN or _stands_as_noun(tokens, at):
        return Span(at, *_of_noun(tokens, at), as_noun=True)
    if token.form is Form.PARTICIPLE and not _is_change(tokens, at):
        return Span(at, *_of_participle(tokens, at, before))
    subject = _subject(tokens, at, before)
    if _is_change(tokens, at):
        return Span(at, _agents_of_change(tokens, at), (*subject, *_right(tokens, at + 1, stops=_CHANGE_ENDS)), subject)
    return Span(at, subject, _right(tokens, at + 1), subject)


_CHANGES = re.compile(
    r"(?:increas|decreas|declin|drop|diminish)(?:e?s?|e?d|ped)$|(?:rise|rose|fall|fell|goup|godown)s?$"
)
_CHANGE_ENDS = frozenset("by via through when if once upon after without following".split())
_AFTER_CHANGE = frozenset(
    """in when if once upon after without following during with at within under from and but while whereas by to over
    as on both then until but""".split()
)


def _is_change(tokens: Sequence[Token], at: int) -> bool:
    """Whether a verb says that its subject changes: "A falls in old mice"."""
    if not _CHANGES.match(tokens[at].word) or (at and tokens[at - 1].word in PASSIVE):
        return False
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is None or _HARD.search(following.gap) or "," in following.gap or following.word.endswith("ly"):
        return True
    if following.word == "by":  # "rises by 40%", and not "increased by A"
        return at + 2 < len(tokens) and tokens[at + 2].word.isdigit()
    return following.word in _AFTER_CHANGE


def _agents_of_change(tokens: Sequence[Token], at: int) -> _Places:
    """What a change is said to follow from: the B of "A falls when B is lost"."""
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is None or following.word not in _CHANGE_ENDS or following.word == "by":
        return ()
    return _right(tokens, at + 2)


def _stands_as_noun(tokens: Sequence[Token], at: int) -> bool:
    """Whether a word that is a verb as well ("increase") is a noun here."""
    previous = tokens[at - 1].word if at else ""
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if not _NOUNS_TOO.match(tokens[at].word):
        return following == "of" and tokens[at].form is Form.GERUND
    if following == "in" and _CHANGES.match(tokens[at].word):
        has_subject = bool(at) and (tokens[at - 1].entity or previous.endswith("s") or tokens[at].word.endswith("s"))
        return not (
            has_subject and (tokens[at - 1].item or previous in AUXILIARIES or previous in ("and", "but", "or"))
        )
    return following in ("of", "in") or previous in ("a", "an", "the", "this", "an", "its", "their")


_SHOWING = frozenset("show shows showed display displays displayed exhibit exhibits exhibited have has had".split())


def _of_participle(tokens: Sequence[Token], at: int, before: Sequence[Span]) -> _Arguments:
    back = _skip_back(tokens, at - 1)
    passive = any(tokens[i].word in PASSIVE for i in range(back + 1, at))
    follows = tokens[at + 1].word if at + 1 < len(tokens) else ""
    if passive or follows in _MEANS:
        shared = before[-1].targets if back >= 0 and tokens[back].word in ("and", "or") and before else None
        return _agents_after(tokens, at + 1), shared or _left(tokens, back)
    if at and tokens[at].gap in HYPHENS and tokens[at - 1].item:
        return (at - 1,), _right(tokens, at + 1, limit=6)
    previous = tokens[at - 1] if at else None
    if previous and previous.word in _SHOWING:
        return _left(tokens, at - 2), _right(tokens, at + 1)
    if previous is None or not (
        previous.item or previous.word in AUXILIARIES or previous.word in ("which", "that", "and")
    ):
        return (), _right(tokens, at + 1, limit=4)
    return _subject(tokens, at, before), _right(tokens, at + 1)


def _of_noun(tokens: Sequence[Token], at: int) -> _Arguments:
    """ "activation of B by A", "A-mediated activation of B", "B activation"."""
    follows = tokens[at + 1].word if at + 1 < len(tokens) else ""
    before = at - 1
    while (
        before >= 0 and not tokens[before].item and tokens[before].word in ("and", "or") and not tokens[at].gap.strip()
    ):
        before -= 1
    mediator: _Places = ()
    compound: list[int] = []
    for back in range(at - 1, max(at - 5, -1), -1):
        token = tokens[back]
        if "," in tokens[back + 1].gap or _HARD.search(tokens[back + 1].gap):
            break
        if token.word in _MEDIATED and back and tokens[back - 1].item:
            mediator = (back - 1,)
            break
        if not token.item or token.sense:
            break
        compound.append(back)
    if follows == "of" or (follows == "in" and _CHANGE_NOUNS.match(tokens[at].word)):
        return mediator or tuple(i for i in compound if tokens[i].entity) or _agents_after(tokens, at + 1), _right(
            tokens, at + 2, limit=8, stops=_PREPOSITIONS
        )
    return mediator or _agents_after(tokens, at + 1), tuple(compound)


_CHANGE_NOUNS = re.compile(r"increas|decreas|reduct|elevat|loss|gain|declin|rise|fall|drop|deficien|lack|raise")
_BRACKETS = re.compile(r"[()\[\]]")
_CAUSES = ("leadto", "resultin", "caus", "trigger")
_PREPOSITIONS = frozenset("by via through in at from with upon after during to into on for under".split())


def _of_agent_noun(tokens: Sequence[Token], at: int) -> _Arguments:
    """ "A, an inhibitor of B"; "the B inhibitor A"."""
    follows = tokens[at + 1] if at + 1 < len(tokens) else None
    if follows and follows.word == "of":
        return _left(tokens, _skip_back(tokens, at - 1)), _right(tokens, at + 2, limit=8, stops=_PREPOSITIONS)
    agents = (at + 1,) if follows and follows.entity else ()
    targets = (at - 1,) if at and tokens[at - 1].item else ()
    return agents, targets


def _skip_back(tokens: Sequence[Token], at: int) -> int:
    """The token at or before ``at`` that is neither auxiliary, adverb, article nor negation."""
    skipped = AUXILIARIES | NEGATIONS | {"a", "an", "the", "as"}
    while at >= 0 and not tokens[at].entity and (tokens[at].word in skipped or tokens[at].word.endswith("ly")):
        at -= 1
    return at


def _subject(tokens: Sequence[Token], at: int, before: Sequence[Span]) -> _Places:
    """Who acts, for an active verb: what stands before it, or the subject of the verb that it is joined to."""
    back = _skip_back(tokens, at - 1)
    skipped = {tokens[i].word for i in range(back + 1, at)}
    joined = back >= 0 and tokens[back].word in ("and", "or", "but", "by")
    shared = bool(before) and (joined or tokens[at].form is Form.GERUND or "to" in skipped)
    if shared:
        return before[-1].subject or before[-1].agents
    if back >= 0 and tokens[back].word in ("which", "that", "who"):
        back = back - 1
    return _left(tokens, back)


def _is_verb(token: Token) -> bool:
    return token.sense is not None and token.form in (Form.VERB, Form.PARTICIPLE)


def _left(tokens: Sequence[Token], at: int) -> _Places:
    """The items that stand before, back to the last verb of effect or the beginning of the clause."""
    found: list[int] = []
    for back in range(at, max(at - _LONGEST, -1), -1):
        token = tokens[back]
        if _is_contrast(tokens, back):
            break
        if token.word in _STOPS or (_is_verb(token) and found):
            break
        if token.item:
            found.append(back)
        if _HARD.search(token.gap) or (token.gap.strip() == "," and found and back and tokens[back - 1].item == ""):
            break
    return tuple(found)


def _is_contrast(tokens: Sequence[Token], at: int) -> bool:
    """Whether the token ends what a sentence sets its subject against: the A of "Unlike A, B activates C"."""
    if at + 1 >= len(tokens) or "," not in tokens[at + 1].gap:
        return False
    for back in range(at, max(at - 6, -1), -1):
        if tokens[back].word == "unlike":
            return True
        if tokens[back].word in ("contrast", "than", "instead", "opposed"):
            return back + 1 < len(tokens) and tokens[back + 1].word in ("to", "with", "of")
        if "," in tokens[back].gap or tokens[back].word in _STOPS:
            return False
    return False


def _right(tokens: Sequence[Token], at: int, *, limit: int = _LONGEST, stops: frozenset[str] = _MEANS) -> _Places:
    """The items that follow, up to the next verb of effect or the end of the clause."""
    found: list[int] = []
    for forth in range(at, min(at + limit, len(tokens))):
        token = tokens[forth]
        if _HARD.search(token.gap) or token.word in _STOPS or (found and token.word in stops):
            break
        passive = token.form is Form.PARTICIPLE and forth > 0 and tokens[forth - 1].word in PASSIVE
        if found and (passive or token.form in (Form.VERB, Form.GERUND)):
            break
        if "," in token.gap and not (token.item or token.word in ("and", "or")):
            break
        if token.item:
            found.append(forth)
    return tuple(found)


def _agents_after(tokens: Sequence[Token], at: int) -> _Places:
    """Who acts where it is said after "by"."""
    for forth in range(at, min(at + 10, len(tokens))):
        token = tokens[forth]
        if _HARD.search(token.gap) or token.word in _STOPS or _is_verb(token):
            break
        if token.word in _MEANS:
            following = tokens[forth + 1] if forth + 1 < len(tokens) else None
            if following and following.form is Form.GERUND:
                return ()
            return _right(tokens, forth + 1)
    return ()
