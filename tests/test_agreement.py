"""The agreement of sentences with captions: loss, hedges, scope, parties, conditions, and verbs of the writer's own."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.lexicon import name_key, says, spaced, squeezed
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord, Kind
from pfocr_chat.relations import Relation, read
from pfocr_chat.verification import Support, verify

_GENES = "LATS1 YAP1 PTEN AKT1 TSC2 MTOR EGFR HER2 STAT3 IL6 IL10 TNF SIRT1 FAK SRC ITGB1 TRAF2 CASP3 KRAS".split()


def named(text: str) -> Sequence[Entity]:
    """A lexicon of a few genes."""
    found = []
    for name in _GENES:
        if says(spaced(text), name_key(name)):
            aliases, keys = frozenset({name_key(name)}), frozenset({squeezed(name_key(name))})
            found.append(Entity(Kind.GENE, name, (name,), name, aliases=aliases, keys=keys))
    return found


def verdict(caption: str, sentence: str) -> Support:
    """The verdict on a sentence that cites a figure with nothing but the caption, which the embedder finds alike."""
    record = FigureRecord("PMC1__a", title="Model", caption=caption)
    return verify(sentence, [record], named, lambda _, texts: [0.9] * len(texts)).verdict


LOSS = "Knockdown of LATS1 increases YAP1 activity."
COURSE = "Curcumin activates autophagy through SIRT1 after spinal cord injury."
CHAIN = "ITGB1 binds FAK, which phosphorylates SRC."


@pytest.mark.parametrize(
    ("caption", "sentence"),
    [
        (LOSS, "LATS1 increases YAP1 activity."),
        ("Loss of PTEN activates AKT1.", "PTEN activates AKT1."),
        ("TSC2-deficient cells show increased MTOR activity.", "TSC2 increases MTOR activity."),
        ("Inhibition of EGFR by gefitinib induces CASP3.", "EGFR induces CASP3."),
        ("siRNA against STAT3 reduces IL6.", "STAT3 reduces IL6."),
        ("PTEN knockout activates AKT1.", "PTEN activates AKT1."),
        ("In the absence of PTEN, AKT1 rises.", "In the absence of PTEN, AKT1 falls."),
        ("STAT3 increases IL6.", "Silencing of STAT3 increases IL6."),
        ("Loss of FAK reduces YAP1 activity.", "YAP1 activity rises when FAK is lost."),
        ("The drug (gefitinib) blocks EGFR but not HER2.", "Gefitinib does not block EGFR."),
        ("The drug (gefitinib) blocks EGFR but not HER2.", "Gefitinib blocks HER2."),
        ("IL6 increases in young mice and decreases in old mice.", "IL6 increases in old mice."),
        ("TNF levels rise, while IL10 falls.", "IL10 levels rise."),
    ],
)
def test_what_turns_the_figures_words_round_is_unsupported(caption: str, sentence: str) -> None:
    """What the loss of a gene does the gene does not do, and what happens in one case does not in the other."""
    assert verdict(caption, sentence) is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("caption", "sentence"),
    [
        ("Mutant KRAS activates AKT1.", "KRAS activates AKT1."),
        ("STAT3 increases IL6.", "Loss of STAT3 decreases IL6."),
        ("FAK may activate YAP1 in fibroblasts.", "FAK activates YAP1 in fibroblasts."),
        ("FAK is thought to activate YAP1.", "FAK activates YAP1."),
        (CHAIN, "ITGB1 phosphorylates SRC."),
        (CHAIN, "ITGB1 binds SRC."),
        ("Curcumin activates autophagy through SIRT1 and inhibits MTOR.", "SIRT1 inhibits MTOR."),
        ("IL6 binds FAK and activates SRC. Activated SRC moves away.", "FAK activates SRC."),
        ("Unlike TNF, IL10 suppresses STAT3.", "TNF suppresses STAT3."),
        ("Unlike TNF, IL10 suppresses STAT3.", "Like TNF, IL10 suppresses STAT3."),
        (COURSE, "Curcumin cures spinal cord injury."),
        (COURSE, "Curcumin causes spinal cord injury."),
        (COURSE, "Curcumin worsens spinal cord injury."),
        (COURSE, "Without SIRT1, curcumin activates autophagy."),
        (COURSE, "Curcumin activates autophagy independently of SIRT1."),
        (COURSE, "Curcumin is the only activator of autophagy."),
        (COURSE, "Curcumin rarely activates autophagy."),
        (COURSE, "SIRT1 is toxic after spinal cord injury."),
        ("TNF activates STAT3 via TRAF2.", "TNF always activates STAT3 via TRAF2."),
        ("TNF targets STAT3 via TRAF2.", "TNF activates STAT3 via TRAF2."),
    ],
)
def test_what_goes_beyond_the_figures_words_is_only_partly_supported(caption: str, sentence: str) -> None:
    """However alike the embedder finds it: a hedge left out, another party, a word of scope, a verb of its own."""
    assert verdict(caption, sentence) is Support.PARTLY


@pytest.mark.parametrize(
    ("caption", "sentence"),
    [
        (LOSS, "LATS1 decreases YAP1 activity."),
        (LOSS, "YAP1 activity is decreased by LATS1."),
        (LOSS, "LATS1 deficiency increases YAP1 activity."),
        ("siRNA against STAT3 reduces IL6.", "STAT3 increases IL6."),
        ("Inhibition of EGFR by gefitinib induces CASP3.", "Gefitinib induces CASP3."),
        ("Loss of FAK reduces YAP1 activity.", "YAP1 activity falls when FAK is lost."),
        ("TNF activates STAT3 via TRAF2.", "TNF may activate STAT3."),
        ("FAK may activate YAP1 in fibroblasts.", "FAK could activate YAP1."),
        (CHAIN, "SRC is phosphorylated by FAK, which binds ITGB1."),
        (CHAIN, "FAK binds ITGB1 and phosphorylates SRC."),
        ("TNF activates STAT3, leading to induction of IL6.", "TNF induces IL6."),
        ("TNF activates STAT3, which induces IL6.", "TNF induces IL6."),
        ("Mutant KRAS activates AKT1.", "AKT1 is activated by mutant KRAS."),
        ("IL6 increases in young mice and decreases in old mice.", "IL6 decreases in old mice."),
        (COURSE, "Curcumin activates SIRT1-dependent autophagy."),
    ],
)
def test_what_follows_from_the_figures_words_is_supported(caption: str, sentence: str) -> None:
    """Loss turned into function, another voice, a hedge put in, and effects that lead to each other."""
    assert verdict(caption, sentence) is Support.SUPPORTED


def relation(text: str, word: str) -> Relation:
    """The relation that a word says, with names A, B and C."""
    names = [frozenset({letter}) for letter in ("ax", "bx", "cx")]
    return next(r for r in read(text, names).relations if r.word == word)


@pytest.mark.parametrize(
    "text",
    [
        "Loss of Ax activates Bx.", "Ax-deficient cells activate Bx.", "Ax knockdown activates Bx.",
        "Inhibition of Ax by Cx activates Bx.", "siRNA against Ax activates Bx.", "Ax siRNA activates Bx.",
        "Ax inhibitors activate Bx.", "The Ax inhibitor Cx activates Bx.", "Ax-null cells activate Bx.",
        "Ax−/− cells activate Bx.", "Lack of Ax activates Bx.", "Depletion of Ax activates Bx.",
        "Anti-Ax activates Bx.", "Bx is activated by loss of Ax.", "Cells lacking Ax activate Bx.",
    ],
)  # fmt: skip
def test_what_acts_by_its_loss_is_read_so(text: str) -> None:
    """However the loss is put; who brings the loss about acts as it is."""
    found = next(r for r in read(text, [frozenset({x}) for x in ("ax", "bx", "cx")]).relations if "activat" in r.word)
    assert "=0" in found.lost
    assert not found.lost & {"=1", "=2"}


def test_what_is_lost_further_on_does_not_count_for_what_acts() -> None:
    """Neither the target of an inhibition nor a gene that is lowered elsewhere acts by its loss."""
    assert not relation("Ax activates Bx and inhibits Cx.", "activates").lost
    assert not relation("Ax, which inhibits Cx, activates Bx.", "inhibits").lost


@pytest.mark.parametrize(
    ("text", "is_hedged"),
    [
        ("Ax may also activates Bx.", True),
        ("Ax is thought to activates Bx.", True),
        ("Ax probably activates Bx.", True),
        ("Ax activates Bx.", False),
        ("Cx may bind, and Ax activates Bx.", False),
        ("It is thought. Ax activates Bx.", False),
    ],
)
def test_a_hedge_counts_for_the_verb_behind_it(text: str, is_hedged: bool) -> None:
    """And for no verb of another subject."""
    assert relation(text, "activates").hedged is is_hedged


_PIECES = "FAK AKT1 activates inhibits loss of without may only when is lost not a. ) ( , . - 1. 1,".split()


def spent(text: str) -> float:
    """The least of three times in seconds to judge a text."""
    times = []
    for _ in range(3):
        start = time.process_time()
        verify(text, [FigureRecord("PMC1__a", title="Model", caption=f"{LOSS} {CHAIN}")], named)
        times.append(time.process_time() - start)
    return min(times)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4))
def test_the_time_to_judge_grows_with_the_length(pieces: list[str]) -> None:
    """Eight times the text takes nowhere near 64 times as long."""
    piece = " ".join(pieces) + " "
    short, long = spent(piece * 150), spent(piece * 1_200)
    assert long < 24 * short + 0.2
