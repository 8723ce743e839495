"""Ways to make a true sentence false by changing its words: direction, negation, loss, hedge, scope, verb and party.

Each takes a sentence, the names in it, and dice, and gives the sentence changed, or as it was where it does not fit.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Sequence

Corruption = Callable[[str, Sequence[str], random.Random], str]

# Verbs of effect: each row holds one sense, the same row of the other table its opposite.
_RISING = ("activate", "induce", "promote", "increase", "stimulate", "enhance", "upregulate", "trigger", "stabilize")
_FALLING = ("inhibit", "suppress", "prevent", "decrease", "block", "reduce", "downregulate", "repress", "destabilize")
_OPPOSITES = (*zip(_RISING, _FALLING, strict=True), ("phosphorylate", "dephosphorylate"))
_SYNONYMS = (
    ("activate", "stimulate"), ("induce", "trigger"), ("promote", "enhance"), ("increase", "elevate"),
    ("inhibit", "suppress"), ("block", "inhibit"), ("reduce", "decrease"), ("repress", "suppress"),
    ("regulate", "modulate"), ("prevent", "block"),
)  # fmt: skip


def _forms(verb: str) -> tuple[str, ...]:
    """Third person, past, gerund and base of a regular verb, and its noun where it has one in -ion."""
    stem = verb.removesuffix("e")
    third = verb + ("es" if verb.endswith("s") else "s")
    noun = {"promote": "promotion", "induce": "induction", "reduce": "reduction", "prevent": "prevention"}.get(verb)
    made = stem + "ion" if verb.endswith("ate") or verb in ("inhibit", "suppress", "repress") else ""
    return third, stem + "ed", stem + "ing", verb, noun or made


def _table(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """From each form of a verb to that of the other of its pair, both ways; the first pair of a verb counts."""
    table: dict[str, str] = {}
    for a, b in (*pairs, *((b, a) for a, b in pairs)):
        for one, other in zip(_forms(a), _forms(b), strict=True):
            # "Increase", "release" and the like may be nouns, which the other verb has not.
            is_noun = one in ("increase", "decrease", "block", "trigger")
            if one and other and not is_noun:
                table.setdefault(one, other)
    return table


OPPOSITE, SYNONYM = _table(_OPPOSITES), _table(_SYNONYMS)
DIRECTED = {
    form for a, b in (*_OPPOSITES, ("target", "regulate"), ("cleave", "degrade")) for v in (a, b) for form in _forms(v)
}


# Direction


def verb_flipped(text: str, _: Sequence[str], dice: random.Random) -> str:
    """A verb of effect for its opposite."""
    return exchanged_word(text, OPPOSITE, dice)


def exchanged_word(text: str, table: dict[str, str], dice: random.Random) -> str:
    found = [m for m in re.finditer(r"(?<![\w-])\w+(?![\w-])", text) if m.group().lower() in table]
    if not found:
        return text
    match = dice.choice(found)
    word = table[match.group().lower()]
    return text[: match.start()] + (word.capitalize() if match.group()[0].isupper() else word) + text[match.end() :]


def negated(text: str, _: Sequence[str], dice: random.Random) -> str:
    """A verb of effect in the third person with "does not"."""
    thirds = {form[0]: form[3] for verb in (*_RISING, *_FALLING) if (form := _forms(verb))}
    return exchanged_word(text, {third: f"does not {base}" for third, base in thirds.items()}, dice)


# What acts, and whether it does


_LOSS = re.compile(
    r"\b(?:loss|knockdown|knockout|deletion|silencing|inhibition|depletion|ablation|absence|lack|deficiency|suppression"
    r"|downregulation) of (?:the )?(?=[^\s,;.]+(?: \w+){0,3}? (?P<verb>\w+))",
    re.IGNORECASE,
)
_DEFICIENT = re.compile(r"(?<=\w)[- ](?:deficient|null|deficiency|knockdown|knockout|inhibitors?|inhibition|loss)\b")


def loss_left_out(text: str, _: Sequence[str], dice: random.Random) -> str:
    """ "Knockdown of A increases B" as "A increases B"."""
    found = [m for m in _LOSS.finditer(text) if m.group("verb") in DIRECTED]
    if found:
        match = dice.choice(found)
        return _capitalised(text[: match.start()] + text[match.end() :])
    for match in _DEFICIENT.finditer(text):
        following = re.match(r"(?: \w+){0,2}? (\w+)", text[match.end() :])
        if following and following.group(1) in DIRECTED:
            return text[: match.start()] + text[match.end() :]
    return text


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _acting(text: str, names: Sequence[str]) -> list[re.Match[str]]:
    """Where a name stands just before a verb of effect in the third person, as its whole subject."""
    found = []
    for name in names:
        pattern = rf"(?:^|(?<=[;,] )|(?<=that )|(?<=figure, )){re.escape(name)} (?P<verb>\w+s) (?P<rest>[^,;.]+)"
        found += [m for m in re.finditer(pattern, text) if m.group("verb") in DIRECTED]
    return found


def loss_put_in(text: str, names: Sequence[str], dice: random.Random) -> str:
    """ "A increases B" as "Loss of A increases B"."""
    if not (found := _acting(text, names)):
        return text
    match = dice.choice(found)
    loss = dice.choice(("knockdown of ", "loss of ", "silencing of ", "absence of "))
    return _capitalised(text[: match.start()] + loss + text[match.start() :])


_HEDGE = re.compile(r"\b(?:may|might|could)(?: also)? (?P<verb>\w+)\b")
_HEDGED = re.compile(r" (?:possibly|probably|potentially|presumably|likely)\b(?= \w)")


def hedge_left_out(text: str, _: Sequence[str], dice: random.Random) -> str:
    """ "A may increase B" as "A increases B"."""
    thirds = {form[3]: form[0] for verb in (*_RISING, *_FALLING) if (form := _forms(verb))}
    found = [m for m in _HEDGE.finditer(text) if m.group("verb") in thirds]
    if found:
        match = dice.choice(found)
        return text[: match.start()] + thirds[match.group("verb")] + text[match.end() :]
    found = [m for m in _HEDGED.finditer(text) if set(text[m.end() :].split()[:2]) & DIRECTED]
    return text[: found[0].start()] + text[found[0].end() :] if found else text


# Words that the figure has not


def scope_put_in(text: str, _: Sequence[str], dice: random.Random) -> str:
    """ "A increases B" as "A rarely increases B"."""
    found = [m for m in re.finditer(r"(?<= )\w+s(?= )", text) if m.group() in DIRECTED]
    if not found:
        return text
    match = dice.choice(found)
    word = dice.choice(("rarely", "always", "only", "never", "exclusively", "invariably", "seldom"))
    return f"{text[: match.start()]}{word} {text[match.start() :]}"


def condition_put_in(text: str, names: Sequence[str], dice: random.Random) -> str:
    """ "A increases B" as "A increases B independently of C", for a name C of the sentence."""
    if not names or not (found := [m for m in re.finditer(r"\w+s(?= )", text) if m.group() in DIRECTED]):
        return text
    name = dice.choice(list(names))
    if text.find(name) < found[0].start():
        return text
    how = dice.choice(("independently of", "without", "in the absence of"))
    return f"{text.rstrip('.')} {how} {name}."


_STRANGE = "cures worsens resembles outlasts secretes swallows ignores repairs encodes tolerates".split()


def strange_verb(text: str, names: Sequence[str], dice: random.Random) -> str:
    """ "A increases B" as "A tolerates B"."""
    if not (found := _acting(text, names)):
        return text
    match = dice.choice(found)
    return text[: match.start("verb")] + dice.choice(_STRANGE) + text[match.end("verb") :]


def _is_new(name: str, match: re.Match[str]) -> bool:
    """Whether a name is not the subject as well."""
    return match.string.find(name) > match.start()


def party_of_another(text: str, names: Sequence[str], dice: random.Random) -> str:
    """ "A activates B and inhibits C" as "B inhibits C": what one effect is on as what has the next."""
    found = []
    for b, c in itertools.permutations(names, 2):
        b_, c_ = re.escape(b), re.escape(c)
        first = rf"(\w+(?:s|ed))(?: [\w-]+){{0,3}}? {b_}(?: [\w-]+){{0,4}}?"
        pattern = rf"{first},? (?:and|but)(?: \w+ly)? (\w+s)(?: the)? {c_}(?![\w-])"
        found += [
            (b, m.group(2), c) for m in re.finditer(pattern, text) if set(m.groups()) <= DIRECTED and _is_new(b, m)
        ]
    if not found:
        return text
    agent, verb, target = dice.choice(found)
    return f"{_capitalised(agent)} {verb} {target}."


CORRUPTIONS: dict[str, Corruption] = {
    "verb flipped": verb_flipped,
    "negated": negated,
    "loss left out": loss_left_out,
    "loss put in": loss_put_in,
    "hedge left out": hedge_left_out,
    "scope put in": scope_put_in,
    "condition put in": condition_put_in,
    "strange verb": strange_verb,
    "party of another effect": party_of_another,
}
