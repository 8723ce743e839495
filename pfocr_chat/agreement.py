"""Whether what a sentence says of effects agrees with what a figure says: their direction, negation and parties.

Pure: compares sentences as ``relations`` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pfocr_chat.effects import BINDING, REGULATION, SYMMETRIC, stem
from pfocr_chat.lexicon import atoms
from pfocr_chat.relations import Reading, Relation


@dataclass(frozen=True, slots=True)
class Disagreement:
    text: str
    is_fault: bool


def compare(said: Reading, units: Sequence[Reading], best: Sequence[Reading]) -> Disagreement | None:
    """How the sentence's relations disagree with the figure's: faults before gaps."""
    found = [d for relation in said.relations if (d := _disagreement(relation, units, best))]
    return next((d for d in found if d.is_fault), found[0] if found else None)


def _disagreement(claim: Relation, units: Sequence[Reading], best: Sequence[Reading]) -> Disagreement | None:
    """How one relation disagrees; a fault only where the sentences do that say most of the same."""
    if not claim.agents and not claim.targets:
        return None
    stated = [relation for unit in units for relation in unit.relations]
    near = {id(relation) for unit in best for relation in unit.relations}
    consistent = max((_same(claim, r) for r in stated if _agrees(claim, r)), default=0)
    opposite = max((r for r in stated if _opposes(claim, r)), key=lambda r: _same(claim, r), default=None)
    if opposite and _same(claim, opposite) > consistent:
        alike = bool(claim.agents & opposite.agents) or not opposite.agents
        text = f"says ‘{_words(claim)}’ where the figure says ‘{_words(opposite)}’"
        return Disagreement(text, alike and id(opposite) in near)
    exchanged = _exchanged(claim, stated)
    if exchanged:
        text = f"exchanges what acts and what it acts on (‘{_words(exchanged)}’)"
        return Disagreement(text, id(exchanged) in near)
    if any(_agrees(claim, r) and _fits(claim, r) for r in stated):
        return None
    agents, targets = _entities(claim.agents) or claim.agents, _entities(claim.targets) or claim.targets
    for unit in units:
        meets = (not agents or agents & unit.items) and (not targets or targets & unit.items)
        if meets and any(_agrees(claim, r) and not _is_turned(claim, r) for r in unit.relations):
            return None
    return Disagreement(f"the figure does not say ‘{_words(claim)}’ of these in one sentence", False)


def _is_turned(claim: Relation, stated: Relation) -> bool:
    """Whether what acts in one is acted on in the other."""
    acting = _entities(claim.agents) & (stated.targets - stated.agents)
    return bool(acting or _entities(claim.targets) & (stated.agents - stated.targets))


def _words(relation: Relation) -> str:
    return f"not {relation.word.lower()}" if relation.negated else relation.word.lower()


def _weight(items: Iterable[str]) -> int:
    """How much items in common count: names three times as much as words."""
    return sum(3 if item.startswith("=") else 1 for item in items)


def _same(claim: Relation, stated: Relation) -> int:
    return _weight(claim.agents & stated.agents) + _weight(claim.targets & stated.targets)


def _agrees(claim: Relation, stated: Relation) -> bool:
    """Whether two relations are of the same kind, direction and negation; "regulates" goes with any."""
    if claim.negated != stated.negated:
        return False
    return claim.sense == stated.sense or (claim.sense.family == REGULATION and stated.sense.family != BINDING)


def _opposes(claim: Relation, stated: Relation) -> bool:
    """Whether they say the opposite of the same target, by agents that may be the same."""
    turned = (claim.sense.sign != stated.sense.sign) != (claim.negated != stated.negated)
    alike = claim.sense.family == stated.sense.family
    agents = bool(claim.agents & stated.agents) or not claim.agents
    shared = claim.targets & stated.targets
    return turned and alike and agents and bool(_entities(shared) if _entities(claim.targets) else shared)


def _exchanged(claim: Relation, stated: Sequence[Relation]) -> Relation | None:
    """The relation by which what the claim acts on acts on what acts in it, where none goes the claim's way."""
    directed = [r for r in stated if r.sense.family not in SYMMETRIC]
    if claim.sense.family in SYMMETRIC:
        return None
    for agent in sorted(_entities(claim.agents - claim.targets)):
        for target in sorted(_entities(claim.targets - claim.agents)):
            if any(agent in r.agents and target in r.targets for r in directed):
                continue
            back = next((r for r in directed if target in r.agents - r.targets and agent in r.targets - r.agents), None)
            if back:
                return back
    return None


def _entities(items: Iterable[str]) -> set[str]:
    return {item for item in items if item.startswith("=")}


def _fits(claim: Relation, stated: Relation) -> bool:
    """Whether both sides have something in common, where both relations name them."""
    agents = not claim.agents or not stated.agents or bool(claim.agents & stated.agents)
    targets = not claim.targets or not stated.targets or bool(claim.targets & stated.targets)
    return agents and targets and _same(claim, stated) > 0


# Words that turn the sense


_OPPOSITES = (
    "high low", "higher lower", "more less", "more fewer", "upstream downstream", "early late", "presence absence",
    "active inactive", "positive negative", "open closed", "pro anti", "up down", "strong weak", "wild mutant",
    "sensitive resistant", "with without", "before after", "agonist antagonist", "intracellular extracellular",
    "nucleus cytoplasm", "nuclear cytoplasmic", "apical basal", "import export", "starvation fed",
)  # fmt: skip
_OPPOSITE = {a: b for pair in _OPPOSITES for a, b in (pair.split(), reversed(pair.split()))}


def turned_word(said: Reading, units: Sequence[Reading]) -> str | None:
    """A word that is negated where the figure affirms it or the other way round, or stands for its opposite."""
    effects = {stem(relation.word.lower()) for relation in said.relations}
    negated = frozenset().union(*(unit.negated for unit in units))
    affirmed = frozenset().union(*(unit.affirmed for unit in units))
    for word in said.negated - negated - effects:
        if word in affirmed:
            return "says ‘not’ where the figure does not"
    for word in said.affirmed - affirmed - effects:
        if word in negated:
            return "leaves out a ‘not’ of the figure"
    has = {atom for unit in units for atom in atoms(unit.text)}
    for atom in atoms(said.text):
        opposite = _OPPOSITE.get(atom)
        if opposite in has and atom not in has:
            return f"says ‘{atom}’ where the figure says ‘{opposite}’"
    return None
