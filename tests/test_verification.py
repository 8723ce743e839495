"""The verification of sentences: names, numbers, who acts on whom, and words that belong to the cited figure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.alignment import align
from pfocr_chat.effects import EFFECT, sense_of, stem
from pfocr_chat.lexicon import name_key, says, spaced, squeezed
from pfocr_chat.places import missing_place
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.relations import Relation, read
from pfocr_chat.verification import Findings, Support, Thresholds, find, judge, verify

HIPPO = FigureRecord(
    "PMC1__hippo",
    title="Integrin signalling to the Hippo pathway",
    caption="Integrin binds FAK at the surface of fibroblasts. FAK activates YAP1 within 30 minutes, but LATS1 inhibits"
    " YAP1 in the cytoplasm. MST1 does not phosphorylate FAK. Loss of NF2 leads to suppression of LATS1. TEAD4 is"
    " degraded by AKT1 in 12% of confluent cells. It later restores stiffness of the tissue.",
    paper_title="Adhesion and growth",
    mentions=(
        Mention(Kind.GENE, "FAK", "PTK2", Tier.SYNONYM),
        Mention(Kind.GENE, "SAV1", "SAV1", Tier.SYMBOL),
        Mention(Kind.GENE, "ERK", "MAPK1", Tier.FAMILY),
    ),
)
OTHER = FigureRecord(
    "PMC2__other", title="FAK and YAP1 in bone", caption="Osteoblasts on titanium express FAK and YAP1 strongly."
)

_NAMES = {
    "PTK2": ("PTK2", "FAK"), "YAP1": ("YAP1",), "LATS1": ("LATS1",), "MST1": ("MST1", "STK4"), "NF2": ("NF2",),
    "TEAD4": ("TEAD4",), "AKT1": ("AKT1",), "SAV1": ("SAV1",), "MAPK1": ("MAPK1",), "TP53": ("TP53", "p53"),
}  # fmt: skip


def named(text: str) -> Sequence[Entity]:
    """A lexicon of ten genes."""
    found = []
    for name, spellings in _NAMES.items():
        aliases = frozenset(map(name_key, spellings))
        mention = next((s for s in spellings if says(spaced(text), name_key(s))), None)
        if mention:
            keys = frozenset(map(squeezed, aliases))
            found.append(Entity(Kind.GENE, mention, (name,), name, aliases=aliases, keys=keys))
    return found


def relations(text: str) -> list[tuple[list[str], int, bool, list[str]]]:
    """What acts, the sign, the negation and what it acts on; A, B and C are names."""
    names = [frozenset({letter}) for letter in ("ax", "bx", "cx")]
    found = read(text, names).relations
    return [(sorted(r.agents), r.sense.sign, r.negated, sorted(r.targets)) for r in found if r.sense.family == EFFECT]


# Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ax activates Bx.", (["=0"], 1, False, ["=1"])),
        ("Bx is activated by Ax.", (["=0"], 1, False, ["=1"])),
        ("Ax does not activate Bx.", (["=0"], 1, True, ["=1"])),
        ("Ax cannot directly inhibit Bx.", (["=0"], -1, True, ["=1"])),
        ("Bx is no longer inhibited by Ax.", (["=0"], -1, True, ["=1"])),
        ("inhibition of Bx by Ax", (["=0"], -1, False, ["=1"])),
        ("Ax-mediated inhibition of Bx", (["=0"], -1, False, ["=1"])),
        ("Ax-induced Bx", (["=0"], 1, False, ["=1"])),
        ("Ax (the kinase of Cx) blocks Bx.", (["=0"], -1, False, ["=1"])),
        ("Ax leads to suppression of Bx.", (["=0"], -1, False, ["=1"])),
        ("Ax prevents the activation of Bx.", (["=0"], -1, False, ["=1"])),
        ("The activation of Bx is inhibited by Ax.", (["=0"], -1, False, ["=1"])),
        ("Ax negatively regulates Bx.", (["=0"], -1, False, ["=1"])),
        ("Ax switches off Bx.", (["=0"], -1, False, ["=1"])),
        ("Ax down-regulates Bx.", (["=0"], -1, False, ["=1"])),
        ("Ax fails to activate Bx.", (["=0"], 1, True, ["=1"])),
        ("Cx activates Ax and inhibits Bx.", (["=2"], -1, False, ["=1"])),
        ("an inhibitor of Bx", ([], -1, False, ["=1"])),
        ("loss of Bx", ([], -1, False, ["=1"])),
    ],
)
def test_who_acts_on_whom(text: str, expected: tuple[list[str], int, bool, list[str]]) -> None:
    """Voice, nouns, hyphens, negation and chains of effects are read as what acts, how, and on what."""
    assert expected in relations(text)


def test_the_verb_of_the_wrong_way_round_is_not_read() -> None:
    """What is inhibited by a gene is not activated by it, though "activation" and "by" stand in one clause."""
    assert (["=0"], 1, False, ["=1"]) not in relations("The activation of Bx is inhibited by Ax.")


def test_nitric_oxide_is_no_negation() -> None:
    """NO in capitals is a molecule."""
    assert not any(r.negated for r in read("NO activates the channel.").relations)


@pytest.mark.parametrize(
    ("one", "other"), [("degraded", "degradation"), ("activates", "activation"), ("cells", "cell")]
)
def test_forms_of_a_word_have_one_stem(one: str, other: str) -> None:
    """Endings do not count."""
    assert stem(one) == stem(other)


@pytest.mark.parametrize("word", ["promoter", "active", "activity", "lossless", "and", "cell"])
def test_words_that_only_look_like_effects(word: str) -> None:
    """A promoter of a gene promotes nothing."""
    assert sense_of(word) is None


@settings(deadline=None)
@given(st.text(alphabet="ABacdehinotvy12 .,;:()-[]αNO", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    """Reading never fails, and a relation only has items of the text."""
    found = read(text, [frozenset({"a", "b 1"})])
    assert all(r.agents | r.targets <= found.items for r in found.relations if isinstance(r, Relation))


# Verdicts


@pytest.mark.parametrize(
    "sentence",
    [
        "FAK activates YAP1 within 30 minutes.",
        "The figure shows that PTK2 stimulates YAP1 [1].",
        "YAP1 is activated by FAK within 30 min [1].",
        "LATS1 suppresses YAP1 in the cytoplasm.",
        "YAP1 is inhibited by LATS1 in the cytoplasm, while FAK activates YAP1.",
        "MST1 does not phosphorylate FAK.",
        "AKT1 degrades TEAD4 in 12% of confluent cells.",
        "Loss of NF2 suppresses LATS1.",
        "The figure shows SAV1.",
    ],
)
def test_what_the_caption_says_is_supported(sentence: str) -> None:
    """Another voice, verb of the same sense, name of the same gene or order of clauses keeps a sentence true."""
    assert verify(sentence, [HIPPO], named).verdict is Support.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("TP53 activates YAP1 within 30 minutes.", "the cited figure does not name TP53"),
        ("ZORB7 activates YAP1 within 30 minutes.", "the cited figure does not name ZORB7"),
        ("MAPK1 activates YAP1 within 30 minutes.", "the cited figure does not name MAPK1"),
        ("FAK activates YAP1 within 24 minutes.", "the number 24 minutes is not in the figure"),
        ("FAK activates YAP1 within 30 hours.", "the number 30 hours is not in the figure"),
        ("FAK inhibits YAP1 within 30 minutes.", "says ‘inhibits’ where the figure says ‘activates’"),
        ("FAK does not activate YAP1.", "says ‘not activate’ where the figure says ‘activates’"),
        ("MST1 phosphorylates FAK.", "says ‘phosphorylates’ where the figure says ‘not phosphorylate’"),
        ("YAP1 inhibits LATS1 in the cytoplasm.", "exchanges what acts and what it acts on (‘inhibits’)"),
        ("YAP1 is inhibited within 30 minutes by FAK.", "says ‘inhibited’ where the figure says ‘activates’"),
        ("Titanium implants loosen when osteoclasts resorb bone.", "the cited figure is about something else"),
    ],
)
def test_what_the_caption_contradicts_or_lacks_is_unsupported(sentence: str, reason: str) -> None:
    """The reason is in words for people."""
    found = verify(sentence, [HIPPO], named)
    assert (found.verdict, found.reason) == (Support.UNSUPPORTED, reason)


@pytest.mark.parametrize(
    "sentence",
    [
        "SAV1 activates YAP1 within 30 minutes.",
        "NF2 binds FAK at the surface of fibroblasts.",
        "MST1 inhibits YAP1 in the cytoplasm.",
        "FAK activates YAP1 in two ways.",
        "FAK activates YAP1 within 30 minutes in starving neurons of zebrafish embryos.",
    ],
)
def test_what_is_never_said_in_one_sentence_is_partly_supported(sentence: str) -> None:
    """Names of the figure that its caption does not relate, and words that it lacks, are no fault but no support."""
    found = verify(sentence, [HIPPO], named)
    assert found.verdict is Support.PARTLY
    assert found.reason


COURSE = FigureRecord(
    "PMC3__course",
    title="Control of growth",
    caption="In fibroblasts, activated FAK phosphorylates YAP1 in the nucleus, whereas LATS1 retains TEAD4 in the"
    " cytoplasm after 30 minutes. Active MST1 recruits SAV1 to the membrane, and AKT1 recruits NF2 to the golgi.",
    organisms=("Mus musculus",),
)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("In fibroblasts, YAP1 phosphorylates FAK in the nucleus.", "exchanges"),
        ("LATS1 retains YAP1 in the cytoplasm after 30 minutes.", "says ‘YAP1’ where the figure says ‘TEAD4’"),
        ("LATS1 retains TEAD4 in the nucleus.", "does not say this of"),
        ("In fibroblasts, inactivated FAK phosphorylates YAP1 in the nucleus.", "says ‘inactivated’"),
        ("Active MST1 recruits SAV1 to the golgi, and AKT1 recruits NF2 to the membrane.", "golgi"),
        ("In hepatocytes, activated FAK phosphorylates YAP1 in the nucleus.", "hepatocytes"),
        ("In fibroblasts of zebrafish, activated FAK phosphorylates YAP1 in the nucleus.", "zebrafish"),
        ("Active MST1 recruits SAV1 to the mitochondrial membrane.", "mitochondrial"),
    ],
)
def test_what_differs_from_the_caption_in_one_place_is_not_supported(sentence: str, reason: str) -> None:
    """A name, direction, clause or place that is not the caption's shows, though nearly all words are its own."""
    found = verify(sentence, [COURSE], named, lambda _, texts: [0.95] * len(texts))
    assert found.verdict is not Support.SUPPORTED
    assert reason in (found.reason or "")


@pytest.mark.parametrize(
    "sentence",
    [
        "In fibroblasts, activated FAK phosphorylates YAP1 in the nucleus.",
        "In fibroblasts, LATS1 retains TEAD4 in the cytoplasm after 30 minutes.",
        "YAP1 is phosphorylated by activated FAK in the nucleus.",
        "AKT1 recruits NF2 to the golgi.",
    ],
)
def test_what_keeps_to_a_clause_of_the_caption_is_supported(sentence: str) -> None:
    """A clause alone, or with what the caption sets before all of them, in either voice."""
    assert verify(sentence, [COURSE], named).verdict is Support.SUPPORTED


@pytest.mark.parametrize(
    ("sentence", "place"),
    [
        ("It moves to nuclei of mouse fibroblasts, and stays in the cytosol of mice.", None),
        ("It moves to nuclei of rats.", "rats"),
        ("It moves to nuclei of osteoclasts.", "osteoclasts"),
        ("It moves into the peroxisomes.", "peroxisomes"),
        ("It rises in synovial fluid.", "fluid"),
        ("It rises in addition, in response to stress.", None),
    ],
)
def test_where_something_happens_has_to_be_the_figures(sentence: str, place: str | None) -> None:
    """In any form or name of the place; a record's organism counts as said."""
    assert missing_place(sentence, [COURSE]) == place


# Words laid beside each other


def changes(said: str, figure: str) -> list[str]:
    """What is changed; A, B and C are names of one kind."""
    names = [frozenset({letter}) for letter in ("ax", "bx", "cx")]
    return [str(change) for change in align(read(said, names), read(figure, names), lambda *_: True).changes]


@pytest.mark.parametrize(
    ("said", "figure", "found"),
    [
        ("Ax activates Bx.", "Ax activates Bx.", []),
        ("Bx is activated by Ax.", "Ax activates Bx.", []),
        ("Bx activates Ax.", "Ax activates Bx.", ["exchanges ‘Bx’ and ‘Ax’", "exchanges ‘Ax’ and ‘Bx’"]),
        ("Ax activates Cx.", "Ax activates Bx.", ["says ‘Cx’ where the figure says ‘Bx’"]),
        ("Ax activates Cx.", "Ax activates Bx and Cx.", []),
        ("Cx, Bx and Ax activate growth.", "Ax, Bx and Cx activate growth.", []),
        (
            "Ax inhibits Bx in tissue.",
            "Ax activates Bx in tissue.",
            ["says ‘inhibits’ where the figure says ‘activates’"],
        ),
        ("Ax binds 3 sites of Bx.", "Ax binds 4 sites of Bx.", ["says ‘3’ where the figure says ‘4’"]),
        ("Ax moves to the rim.", "Ax goes to the rim.", []),
        ("Rim1 and Tri4 move.", "Rim1, Tri4, Tri11 and Rim2 move.", []),
        ("Rim2 and Tri4 move.", "Rim1 and Tri4 move.", []),
    ],
)
def test_what_is_changed_shows(said: str, figure: str, found: list[str]) -> None:
    """A name, number or direction in the place of another is a change; another order in a list, or word, is none."""
    assert changes(said, figure) == found


_TEXTS = st.lists(
    st.sampled_from("Ax Bx Cx activates inhibits binds growth rim 3 4 in the and . , ; (".split()), max_size=25
).map(" ".join)


@settings(deadline=None)
@given(_TEXTS, _TEXTS)
def test_any_texts_can_be_laid_beside_each_other(said: str, figure: str) -> None:
    """Nothing differs from itself, and what is said to be changed stands in the one and in the other."""
    assert changes(said, said) == []
    names = [frozenset({letter}) for letter in ("ax", "bx", "cx")]
    for change in align(read(said, names), read(figure, names), lambda *_: True).changes:
        assert change.said in said
        assert change.figure in figure
        assert change.said != change.figure


def test_endless_sentences_are_not_laid_beside_each_other() -> None:
    """The work is bounded whatever a caption or a language model holds."""
    endless = "Ax activates Bx and growth " * 300
    assert changes(endless, "Bx activates Ax. " + endless) == []


@pytest.mark.parametrize(
    "piece", ["in the ", "in ", "Ax ", "[1] ", "(", "word ", "in the word ", ", ", "1/", "1.1.", "a. "]
)
def test_long_texts_are_read_at_once(piece: str) -> None:
    """The time taken to verify grows with the length of a sentence, not with its square."""
    assert verify(piece * 5_000, [HIPPO], named).verdict in Support


def test_a_moved_citation_is_not_supported() -> None:
    """A figure that names the same genes does not bear out what another says of them."""
    assert verify("FAK activates YAP1 within 30 minutes.", [OTHER], named).verdict is not Support.SUPPORTED


def test_several_figures_may_bear_one_sentence_out() -> None:
    """What one cited record lacks another may have."""
    sentence = "FAK activates YAP1, and osteoblasts on titanium express FAK."
    assert verify(sentence, [HIPPO, OTHER], named).verdict is Support.SUPPORTED
    assert verify(sentence, [HIPPO], named).verdict is not Support.SUPPORTED


def test_a_record_without_text_supports_nothing() -> None:
    """Neither does no record at all."""
    assert verify("FAK activates YAP1.", [FigureRecord("PMC3__bare")], named).verdict is Support.UNSUPPORTED
    assert verify("FAK activates YAP1.", [], named).verdict is Support.UNSUPPORTED


def test_similarity_is_asked_once_about_every_caption_sentence() -> None:
    """The callable gets the sentence without its keys, and the best cosine counts."""
    asked: list[tuple[str, Sequence[str]]] = []

    def similarity(sentence: str, texts: Sequence[str]) -> list[float]:
        asked.append((sentence, texts))
        return [0.1] * (len(texts) - 1) + [0.9]

    assert find("FAK activates YAP1 [1].", [OTHER], named, similarity).similarity == 0.9
    assert [sentence for sentence, _ in asked] == ["FAK activates YAP1 ."]
    assert set(asked[0][1]) == {OTHER.title, OTHER.caption}


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        (Findings(), Support.SUPPORTED),
        (Findings(fault="x"), Support.UNSUPPORTED),
        (Findings(gap="x"), Support.PARTLY),
        (Findings(coverage=0.6), Support.PARTLY),
        (Findings(coverage=0.2, shared=0.2, similarity=0.9), Support.PARTLY),
        (Findings(coverage=0.6, similarity=0.9), Support.SUPPORTED),
        (Findings(coverage=0.2, similarity=0.9), Support.PARTLY),
        (Findings(coverage=0.2, shared=0.2), Support.UNSUPPORTED),
        (Findings(similarity=0.3), Support.PARTLY),
        (Findings(nearby=0.5, scattered="x"), Support.PARTLY),
    ],
)
def test_where_support_ends(findings: Findings, verdict: Support) -> None:
    """Faults come first; similarity makes up for other words, and its lack is never made up for."""
    thresholds = Thresholds(coverage=0.7, least=0.3, nearby=0.8, similar=0.5, alike=0.8)
    assert judge(findings, thresholds).verdict is verdict


@settings(deadline=None)
@given(st.text(alphabet="FAKYP1 activtes inhb.[]()0123456789%-αNO", max_size=150))
def test_any_sentence_gets_a_verdict(sentence: str) -> None:
    """Whatever a language model writes is judged, and a verdict other than support has its reason."""
    found = verify(sentence, [HIPPO], named)
    assert (found.reason is None) == (found.verdict is Support.SUPPORTED)
