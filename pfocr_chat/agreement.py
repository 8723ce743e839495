"""Whether what a sentence says of effects agrees with what a figure says: their direction, negation and parties.

Pure: compares sentences as ``relations`` reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pfocr_chat.effects import BINDING, EFFECT, REGULATION, SYMMETRIC, Form, Sense, stem
from pfocr_chat.lexicon import atoms
from pfocr_chat.relations import Reading, Relation
from pfocr_chat.tokens import AUXILIARIES, HYPHENS, Token


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
        if _is_other_way(claim, opposite):
            text = f"the figure says ‘{_words(opposite)}’ of the loss of what acts"
        return Disagreement(text, alike and id(opposite) in near)
    exchanged = _exchanged(claim, stated)
    if exchanged:
        text = f"exchanges what acts and what it acts on (‘{_words(exchanged)}’)"
        return Disagreement(text, id(exchanged) in near)
    if not claim.lost <= frozenset().union(*(unit.lowered for unit in units)):
        return Disagreement("the figure does not say what the loss of it does", False)
    fitting = [r for r in stated if _agrees(claim, r) and _fits(claim, r)]
    if fitting and not _is_anothers(claim, fitting, best):
        return _overstated(claim, fitting)
    if not fitting and any(_meets(claim, unit) and _is_linked(claim, unit) for unit in units):
        return None
    return Disagreement(f"the figure does not say ‘{_words(claim)}’ of these in one sentence", False)


def _is_anothers(claim: Relation, fitting: Sequence[Relation], best: Sequence[Reading]) -> bool:
    """Whether the figure leaves open who acts ("activated B") where it fits, and nearest of all says that another."""
    if not _entities(claim.agents) or any(r.agents for r in fitting):
        return False
    stated = [r for unit in best for r in unit.relations if r.agents and _agrees(claim, r)]
    return any(_entities(claim.targets) & r.targets for r in stated)


def _overstated(claim: Relation, fitting: Sequence[Relation]) -> Disagreement | None:
    """Whether the claim leaves out that it only may be so."""
    most = max(_same(claim, r) for r in fitting)
    if not claim.hedged and all(r.hedged for r in fitting if _same(claim, r) == most):
        return Disagreement("the figure only says that it may be so", False)
    return None


def _meets(claim: Relation, unit: Reading) -> bool:
    """Whether a caption sentence has both what acts and what it acts on."""
    agents, targets = _entities(claim.agents) or claim.agents, _entities(claim.targets) or claim.targets
    return bool((not agents or agents & unit.items) and (not targets or targets & unit.items))


MAX_LINKS = 4
"""Effects in a row by which one thing may act on another."""


def _is_linked(claim: Relation, unit: Reading) -> bool:
    """Whether effects of one caption sentence lead from what acts to what it acts on, in the claim's direction.

    Whoever acts may be left open in the last of them, where the sentence has no other that could.
    """
    if claim.sense.family not in (EFFECT, REGULATION) or claim.negated:
        return any(_agrees(claim, r) and _is_open(claim, r) for r in unit.relations)
    links = [
        r for r in unit.relations if r.sense.family not in SYMMETRIC and not r.negated and not _is_of_mutant(claim, r)
    ]
    wanted = _entities(claim.targets) or claim.targets
    reached = {(item, -1 if item in claim.lost else 1) for item in _entities(claim.agents) or claim.agents}
    for _ in range(MAX_LINKS):
        steps = {
            (item, sign * _sign(r, item_of))
            for item_of, sign in reached
            for r in links
            if item_of in r.agents
            for item in r.targets
        }
        if any(item in wanted and claim.sense.sign in (0, sign) for item, sign in steps):
            return True
        reached |= steps
    return any(_agrees(claim, r) and _is_open(claim, r) for r in unit.relations)


def are_bound(items: Collection[str], said: Reading, units: Sequence[Reading]) -> bool:
    """Whether two names bind each other in the sentence and in the figure, so that their order says nothing."""
    both = (any(_binds(items, r) for r in said.relations), any(_binds(items, r) for u in units for r in u.relations))
    return all(both)


def _binds(items: Collection[str], relation: Relation) -> bool:
    return relation.sense.family in SYMMETRIC and relation.agents | relation.targets >= set(items)


def _sign(relation: Relation, agent: str) -> int:
    return -relation.sense.sign if agent in relation.lost else relation.sense.sign


def _is_open(claim: Relation, stated: Relation) -> bool:
    """Whether one of the parties is left open in a relation that has the other."""
    return (not stated.agents and _party(claim.targets, stated.targets)) or (
        not stated.targets and _party(claim.agents, stated.agents)
    )


def _words(relation: Relation) -> str:
    return f"not {relation.word.lower()}" if relation.negated else relation.word.lower()


def _weight(items: Iterable[str]) -> int:
    """How much items in common count: names three times as much as words."""
    return sum(3 if item.startswith("=") else 1 for item in items)


def _same(claim: Relation, stated: Relation) -> int:
    return _weight(claim.agents & stated.agents) + _weight(claim.targets & stated.targets)


def _is_other_way(claim: Relation, stated: Relation) -> bool:
    """Whether what acts in both acts by its loss in one of them only."""
    shared = _entities(claim.agents & stated.agents)
    if claim.lost and stated.lost:
        return False  # the loss of the same, by more or fewer of its words
    return bool(shared) and all((item in claim.lost) != (item in stated.lost) for item in shared)


def turns_on_loss(said: Reading, units: Sequence[Reading]) -> bool:
    """Whether a name acts in the sentence and its loss in the figure, or the other way round."""
    stated = [r for unit in units for r in unit.relations]
    return any(_is_other_way(claim, r) for claim in said.relations for r in stated)


def _is_of_mutant(claim: Relation, stated: Relation) -> bool:
    return any((item in claim.mutant) != (item in stated.mutant) for item in _entities(claim.agents & stated.agents))


def _sense_for(claim: Relation, stated: Relation) -> Sense | None:
    """What a stated effect says of the claim's agents: the opposite where only their loss acts; ``None``: nothing."""
    if _is_of_mutant(claim, stated):
        return None
    if not _is_other_way(claim, stated):
        return stated.sense
    if stated.sense.family == REGULATION:
        return stated.sense
    return Sense(stated.sense.family, -stated.sense.sign) if stated.sense.sign else None


def _agrees(claim: Relation, stated: Relation) -> bool:
    """Whether two relations are of the same kind, direction and negation; "regulates" goes with any."""
    sense = _sense_for(claim, stated)
    if sense is None or claim.negated != stated.negated:
        return False
    return claim.sense == sense or (claim.sense.family == REGULATION and sense.family != BINDING)


def _opposes(claim: Relation, stated: Relation) -> bool:
    """Whether they say the opposite of the same target, by agents that may be the same."""
    sense = _sense_for(claim, stated)
    if sense is None:
        return False
    turned = (claim.sense.sign != sense.sign) != (claim.negated != stated.negated)
    alike = claim.sense.family == sense.family
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
    """Whether both sides have something in common, where both relations name them; binding has no sides."""
    if claim.sense.family in SYMMETRIC and stated.sense.family in SYMMETRIC:
        wanted, has = claim.agents | claim.targets, stated.agents | stated.targets
        sides = [names for names in (_entities(claim.agents), _entities(claim.targets)) if names]
        return bool(wanted & has) and (len(sides) < 2 or all(names & has for names in sides))
    return _party(claim.agents, stated.agents) and _party(claim.targets, stated.targets) and _same(claim, stated) > 0


def _party(claimed: frozenset[str], stated: frozenset[str]) -> bool:
    """Whether one side of a claim is that of a stated relation: by a name, where both have any."""
    if not claimed or not stated:
        return True
    named = _entities(claimed) if _entities(stated) else set(claimed)
    return bool((named or claimed) & stated)


# Words that turn the sense


_OPPOSITES = (
    "high low", "higher lower", "more less", "more fewer", "upstream downstream", "early late", "presence absence",
    "active inactive", "positive negative", "open closed", "pro anti", "up down", "strong weak", "wild mutant",
    "sensitive resistant", "with without", "before after", "agonist antagonist", "intracellular extracellular",
    "like unlike", "nucleus cytoplasm", "nuclear cytoplasmic", "apical basal", "import export", "starvation fed",
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


# Words that the figure has not


_SCOPES = (
    "only sole solely exclusively exclusive unique uniquely alone just", "without absence absent lacking lack lacks",
    "independent independently regardless irrespective despite", "always invariably constantly constitutively",
    "rarely seldom hardly scarcely infrequently", "never", "often frequently usually mostly commonly generally",
    "sometimes occasionally", "every all each entire completely fully entirely totally complete total",
    "required requires require needed needs need necessary essential indispensable dependent depends depend obligatory",
    "sufficient suffices suffice enough", "most strongest highest best main mainly primarily primary predominant"
    " predominantly chief major", "least weakest lowest", "first initially early", "last finally late eventually",
    "permanently permanent irreversibly irreversible", "transiently transient temporarily temporary",
    "presence present", "normally physiological", "unlikely",
)  # fmt: skip
_SCOPE = {word: group.split() for group in _SCOPES for word in group.split()}
_COPULAS = frozenset("is are was were be been being remains remain becomes become".split())
_ARTICLES = frozenset("a an the its their".split())
_COMMON = frozenset(
    map(
        stem,
        """acts act acting serves functions works plays role roles participates belongs contributes responds occurs
        involved involves level levels activity activation expression protein proteins gene genes pathway signaling
        effects effect leads led key important known thought named called part parts component components member
        members molecule molecules located localized found seen shown component factor factors target targets
        thereby then associated related linked connected follows followed undergoes undergo moves goes enters
        reaches located lies sits stands causes results result happens enables allows makes made uses used forms
        formed drawn printed labeled labelled marked listed upstream downstream directly indirectly respectively
        subsequently likely simultaneously additionally consequently ultimately potentially possibly probably
        presumably similarly accordingly namely specifically especially particularly notably significantly
        interestingly importantly therefore both positively negatively""".split(),
    )
)
"""Stems of words that say little, so that a writer may put them where the figure has others or none."""


def strange_word(said: Reading, units: Sequence[Reading], best: Sequence[Reading]) -> str | None:
    """A verb, or what is said of a subject ("is toxic"), that the figure lacks, or a word of scope ("only", "rarely")
    that those of its sentences lack which say most of the same."""
    has = {atom for unit in best for atom in atoms(unit.text)}
    stems = {stem(atom) for unit in units for atom in atoms(unit.text)}
    for at, token in enumerate(said.tokens):
        if token.entity or not token.written.isalpha():
            continue
        scope = _SCOPE.get(token.word)
        if scope and has.isdisjoint(scope) and not _is_of_the_writer(said, at) and not _is_of_means(token, has):
            return token.written
        is_lacking = bool(token.item) and token.sense is None and token.item not in stems | _COMMON
        if is_lacking and token.written.islower() and (_is_predicate(said, at) or _is_only_verb(said, at, stems)):
            return token.written
    return None


def _is_of_the_writer(said: Reading, at: int) -> bool:
    """Whether a word is part of how a writer speaks: "at least", "at first", or opens the sentence."""
    before = said.tokens[at - 1].word if at else ""
    return before == "at" or (said.tokens[at].word in ("first", "last", "present", "all") and at == 0)


def _is_of_means(token: Token, has: Collection[str]) -> bool:
    """Whether a word says of a name that things go through it ("A-dependent"), as the figure does in other words."""
    return token.gap in HYPHENS and token.word.startswith("dependent") and not _MEANS.isdisjoint(has)


_MEANS = frozenset("through via by mediated mediates requires".split())


def _is_predicate(said: Reading, at: int) -> bool:
    """Whether a word is said of a name before it: "A cures", "A is toxic", "A quickly fades", "A has been cured"."""
    word = said.tokens[at].word
    if word.endswith("ly"):
        return True
    back = at - 1
    skipped: set[str] = set()
    while back >= 0 and not said.tokens[back].entity and _is_light(said.tokens[back]):
        skipped.add(said.tokens[back].word)
        back -= 1
    if back < 0 or not said.tokens[back].entity or any(t.gap.strip() for t in said.tokens[back + 1 : at + 1]):
        return False
    if skipped & _COPULAS:
        return True
    return not skipped & _ARTICLES and word.endswith(("s", "ed")) and not word.endswith(("ss", "us", "is"))


def _is_only_verb(said: Reading, at: int, stems: Collection[str]) -> bool:
    """Whether a word behind one of the figure's must be the verb of a sentence without another: "Curcumin cures"."""
    if not at or said.tokens[at].gap.strip() or not said.tokens[at].word.endswith(("s", "ed")):
        return False
    others = (t for t in said.tokens if t.word in AUXILIARIES or (t.sense and t.form is not Form.NOUN))
    return said.tokens[at - 1].item in stems and not any(others)


def _is_light(token: Token) -> bool:
    return token.word in AUXILIARIES or token.word in _ARTICLES or token.word.endswith("ly")
