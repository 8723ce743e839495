"""The verifier: keys, quotes, and what a sentence may say of the figures it cites."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import is_verbatim

from pfocr_chat.answers import Evidence, Verdict
from pfocr_chat.citations import (
    KEYS_HERE,
    MAX_QUOTE,
    best_quote,
    check_sentence,
    is_restatement,
    lifted_keys,
    parse_keys,
    render_keys,
    without_keys,
)
from pfocr_chat.queries import Entity, Hit
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.verification import OFF_TOPIC, Support, Verification

FAK = FigureRecord(
    "PMC1__fak",
    title="Integrin signalling",
    caption="Integrin β1 binds FAK at the cell surface of fibroblasts. FAK then activates YAP1 within 30 minutes, and "
    "caspase-3 and p38 stay inactive in 0.5 mM glucose.",
    paper_title="Adhesion and the Hippo pathway",
    year=2012,
    pmcid="PMC1",
    organisms=("Homo sapiens",),
    mentions=(Mention(Kind.GENE, "FAK", "PTK2", Tier.SYNONYM), Mention(Kind.GENE, "LATS", "LATS1", Tier.FAMILY)),
)
INSULIN = FigureRecord(
    "PMC2__insulin",
    title="Glucose uptake",
    caption="Insulin makes AKT2 send GLUT4 to the membrane of muscle cells.",
    pmcid="PMC2",
)
EVIDENCE = {1: Evidence(1, Hit(FAK.figid, 1.0, FAK)), 2: Evidence(2, Hit(INSULIN.figid, 0.5, INSULIN))}

words = st.text(alphabet="abcdefghijklmnoprstuvw ABFKY123αβ-.,;:()[]!?\n…", max_size=900)


# Keys


@settings(deadline=None)
@given(st.lists(st.integers(0, 999), unique=True))
def test_keys_survive_writing_and_reading(keys: list[int]) -> None:
    """What is rendered is parsed back, in order."""
    assert parse_keys(render_keys(keys)) == tuple(keys)


@settings(deadline=None)
@given(st.lists(st.integers(1, 8), max_size=5), words.filter(lambda text: "[" not in text and "]" not in text))
def test_keys_are_found_in_any_text(keys: list[int], text: str) -> None:
    """Keys are read wherever they stand, each once; taken out, none is left."""
    sentence = f"{text}{render_keys(keys)}{text}"
    assert parse_keys(sentence) == tuple(dict.fromkeys(keys))
    assert parse_keys(without_keys(sentence)) == ()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("A [1]. B [2, 3], C [3][1].", (1, 2, 3)),
        ("[1 , 2]", (1, 2)),
        ("", ()),
        ("[1]–[3], [7]-[8] and [9]–[99]", (1, 2, 3, 7, 8, 9, 99)),
        ("[3]–[1]", (3, 1)),
        ("[a] [1-3] [1234] (1) [ 1 ] [] [-1] [1.5]", ()),
    ],
)
def test_what_is_a_key(text: str, keys: tuple[int, ...]) -> None:
    """Numbers in square brackets, alone or in a list, are keys; ranges, names and other brackets are not."""
    assert parse_keys(text) == keys


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("FAK binds [1].", "FAK binds."),
        ("FAK [1] binds [2][3] it, too [4].", "FAK binds it, too."),
        ("no key", "no key"),
        ("[1]", ""),
        ("FAK binds YAP1 [1] and [2], too ([3]).", "FAK binds YAP1, too."),
        ("As [1] shows, FAK binds YAP1 [1].", "As the figure shows, FAK binds YAP1."),
        ("[1] shows FAK, whereas [2] and [3] show YAP1.", "The figure shows FAK, whereas the figures show YAP1."),
        (
            "Figure [2] and the figures [1, 3] show FAK (see [4]).",
            "The figure and the figures show FAK.",
        ),
        ("[1] FAK binds YAP1.", "FAK binds YAP1."),
        ("[1]: FAK binds YAP1.", "FAK binds YAP1."),
        ("FAK binds in cells [1].", "FAK binds in cells."),
        ("Unlike [1], [2] shows FAK.", "Unlike the figure, the figure shows FAK."),
        ("See also [1]–[3].", "See also the figures."),
        ("FAK (see [1]) binds YAP1 (Figure [2]).", "FAK binds YAP1."),
        ("FAK binds YAP1 (Figure 1) [1].", "FAK binds YAP1."),
        ("Figure 1 shows FAK [1].", "The figure shows FAK."),
        ("FAK binds YAP1 (Figure 3) [1].", "FAK binds YAP1 (Figure 3)."),
    ],
)
def test_taking_keys_out_leaves_prose(text: str, plain: str) -> None:
    """No gap is left before punctuation or between words, and a key that the sentence needs becomes a noun."""
    assert without_keys(text) == plain


@settings(deadline=None)
@given(st.text(alphabet=f"[]1, asinfgure{KEYS_HERE}.", max_size=60))
def test_keys_are_lifted_from_any_text(text: str) -> None:
    """As many places are left as keys were lifted, all of them keys of the text, and no key stays behind."""
    plain, nouns = lifted_keys(text)
    assert plain.count(KEYS_HERE) == len(nouns)
    assert {key for keys in nouns for key in keys} <= set(parse_keys(text))
    assert parse_keys(plain) == ()


@pytest.mark.parametrize("piece", ["[1] ", "[1], ", "as [1] and ", " ", "[", "figure ", "[1,", "(", "a "])
def test_keys_are_lifted_from_a_long_text_at_once(piece: str) -> None:
    """The time taken grows with the length of a text, not with its square."""
    plain, _ = lifted_keys(piece * 20_000)
    assert parse_keys(plain) == ()


# Quotes


@settings(deadline=None)
@given(caption=words, title=words, terms=st.lists(st.sampled_from(["fak", "b", "a 1", "alpha"]), max_size=3))
def test_a_quote_is_verbatim_whatever_the_caption(caption: str, title: str, terms: list[str]) -> None:
    """The quote stands in the record word for word and is not too long; a record without text has none."""
    record = FigureRecord("PMC1__x", title=" ".join(title.split()), caption=" ".join(caption.split()))
    quote = best_quote(record, terms)
    assert len(quote) <= MAX_QUOTE + 1
    if quote.strip("…"):
        assert is_verbatim(quote, record)
    else:
        assert not (record.caption or record.title or "").strip("…")


def test_a_quote_is_the_sentence_that_was_asked_for() -> None:
    """Of several sentences the one with the words of the question is quoted."""
    assert best_quote(FAK, ["fibroblasts"]).startswith("Integrin β1 binds FAK")
    assert best_quote(FAK, ["glucose"]).startswith("FAK then activates YAP1")


def test_a_quote_names_what_was_asked_for() -> None:
    """A sentence that has a name, in any spelling, goes before one with a word of the question, singular or plural."""
    record = FigureRecord("PMC1__x", caption="Tumour necrosis factor binds. Cells of the joint die. Integrins hold.")
    tnf = Entity(Kind.GENE, "TNF", ("TNF",), aliases=frozenset({"tnf", "tumor necrosis factor"}))
    integrin = Entity(Kind.GENE, "integrin", ("ITGB1",), is_family=True, aliases=frozenset({"integrin"}))
    assert best_quote(record, ["joint"]) == "Cells of the joint die."
    assert best_quote(record, ["integrin"]) == "Integrins hold."
    assert best_quote(record, ["factor of"], [tnf]) == "Tumour necrosis factor binds."
    assert best_quote(record, ["binds cell"], [integrin]) == "Integrins hold."
    assert best_quote(record, ["joint"], [tnf]) == "Tumour necrosis factor binds. Cells of the joint die."


def test_words_across_two_sentences_are_no_phrase() -> None:
    """The end of one sentence and the beginning of the next do not make a name."""
    record = FigureRecord("PMC1__x", caption="Much NF. Kappa B is said. It is NF-κB in full.")
    assert best_quote(record, ["nf kappa b"]) == "It is NF-κB in full."


def test_a_quote_takes_in_the_sentence_beside_it() -> None:
    """A neighbour that has more of what is asked is quoted with it, in the caption's order."""
    assert best_quote(FAK, ["glucose", "fibroblasts"]) == FAK.caption


def test_without_a_caption_the_title_is_quoted() -> None:
    """The title stands in for the caption, and the paper's title for the title."""
    assert best_quote(FigureRecord("PMC1__x", title="A map"), ["fak"]) == "A map"
    assert best_quote(FigureRecord("PMC1__x", paper_title="A paper"), ["fak"]) == "A paper"
    assert best_quote(FigureRecord("PMC1__x"), ["fak"]) == ""


@pytest.mark.parametrize("quote", ["Integrin β1 binds YAP1", "integrin β1 binds FAK", "", "…"])
def test_other_words_are_not_verbatim(quote: str) -> None:
    """A changed word, another letter case or nothing at all is no quote."""
    assert not is_verbatim(quote, FAK)


# Sentences


def verdict(sentence: str, *entities: Entity) -> tuple[Verdict, str | None]:
    check = check_sentence(sentence, EVIDENCE, entities=entities)
    return check.verdict, check.reason


@pytest.mark.parametrize(
    "sentence",
    [
        "Integrin β1 binds FAK at the surface of fibroblasts [1].",
        "Integrin beta-1 binding of FAK at the surface of a fibroblast [1].",
        "FAK activates YAP1 [1].",
        "FAK activates YAP1 within 30 minutes [1].",
        "AKT2 sends GLUT4 to the muscle membrane [2].",
        "Caspase 3 and p38 are inactive in 0.5 mM glucose [1].",
        "The FAK/YAP1 pair activates fibroblasts at the cell surface within 30 minutes [1].",
        "PTK2 binds integrin at the surface of fibroblasts, as published in 2012 [1].",
        "Thus, FAK binds integrin at the cell surface [1].",
        "FAK activates YAP1, and insulin makes AKT2 send GLUT4 to the membrane [1][2].",
        "PMC2__insulin shows that insulin sends GLUT4 to the membrane (PMC2) [2].",
    ],
)
def test_what_the_record_says_is_supported(sentence: str) -> None:
    """Names, numbers and words of the cited records pass, in other forms of the words and spellings of the names."""
    assert verdict(sentence) == (Verdict.SUPPORTED, None)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("FAK activates YAP1 at the cell surface.", "cites no figure"),
        ("FAK activates YAP1 at the cell surface [3].", "cites [3], which was not shown"),
        ("FAK activates YAP1 at the cell surface [1][9].", "cites [9], which was not shown"),
        ("FAK activates YAP1 and TEAD4 at the cell surface [1].", "“TEAD4” is not in the record"),
        (
            "FAK activates YAP1 at the cell surface of fibroblasts in Drosophila [1].",
            "“Drosophila” is not in the record",
        ),
        ("Insulin makes AKT2 send GLUT4 to the membrane [1].", "“AKT2” is not in the record"),
        ("FAK activates YAP1 within 45 minutes of the cell surface [1].", "“45” is not in the record"),
        ("FAK activates 38 fibroblasts at the cell surface [1].", "“38” is not in the record"),
        ("FAK activates YAP1 in 3 fibroblasts at the cell surface [1].", "“3” is not in the record"),
        ("Wnt binds FAK at the cell surface of fibroblasts [1].", "“Wnt” is not in the record"),
        ("PMC2__insulin shows that FAK activates YAP1 in fibroblasts [1].", "names PMC2__insulin"),
        ("FAK activates YAP1 at the cell surface (PMC77) [1].", "names PMC77"),
        ("FAK activates YAP1, see http://fak.cell.surface/fibroblasts [1].", "holds an address"),
        ("FAK activates YAP1, see www.fak.cell.surface [1].", "holds an address"),
        ("It is so [1].", "says too little to be checked"),
        ("FAK YAP1 [1].", "says too little to be checked"),
        ("[1]", "says too little to be checked"),
        (
            "FAK secretly destroys every healthy mitochondrion during winter [1].",
            "“secretly”, “destroys”, “healthy” and 2 more of its words are not in the record",
        ),
    ],
)
def test_what_the_record_does_not_say_is_dropped(sentence: str, reason: str) -> None:
    """The reason names what is wrong."""
    assert verdict(sentence) == (Verdict.DROPPED, reason)


def test_the_reason_that_says_most_is_given() -> None:
    """What verification finds against a sentence goes before the words that the record lacks, unless it says less."""

    def verified(verdict: Support, reason: str) -> str | None:
        check = check_sentence(
            "FAK restrains YAP1 during each harsh winter [1].",
            EVIDENCE,
            verified=lambda *_: Verification(verdict, reason),
        )
        assert check.verdict is Verdict.DROPPED
        return check.reason

    assert verified(Support.UNSUPPORTED, "says ‘restrains’") == "says ‘restrains’"
    assert verified(Support.UNSUPPORTED, OFF_TOPIC) == "“restrains”, “harsh” and “winter” are not in the record"


LOWER_CASE = Entity(Kind.CHEMICAL, "insulin", ("insulin",), aliases=frozenset({"insulin"}))
FOCAL = Entity(Kind.GENE, "focal adhesion kinase", ("PTK2",), aliases=frozenset({"focal adhesion kinase"}))
LATS = Entity(Kind.GENE, "LATS", ("LATS1", "LATS2"), is_family=True, aliases=frozenset({"lats"}))


def test_an_entity_in_lower_case_is_checked_too() -> None:
    """A name that only the corpus knows for one must be in the cited record, however little else differs."""
    sentence = "The insulin binds FAK at the cell surface of fibroblasts [1]."
    assert verdict(sentence) == (Verdict.SUPPORTED, None)
    assert verdict(sentence, LOWER_CASE) == (Verdict.DROPPED, "“insulin” is not in the record")
    assert verdict(sentence.replace("[1]", "[1][2]"), LOWER_CASE) == (Verdict.SUPPORTED, None)


def test_an_entity_is_found_under_another_name() -> None:
    """What the record's tables have under any of its names, or as a member of its family, counts."""
    assert verdict("FAK activates YAP1 in fibroblasts [1].", FOCAL, LATS) == (Verdict.SUPPORTED, None)


def test_a_failed_check_keeps_only_keys_that_were_shown() -> None:
    """The keys of a check never name a figure that the language model was not given."""
    check = check_sentence("FAK activates YAP1 [9][1].", EVIDENCE)
    assert (check.keys, check.sentence) == ((1,), "FAK activates YAP1.")


@settings(deadline=None)
@given(words | st.text(max_size=80).map(lambda text: f"{text} FAK activates YAP1 [1]"))
def test_support_needs_evidence_whatever_the_sentence(sentence: str) -> None:
    """A supported sentence cites at least one figure, and only such as were shown."""
    check = check_sentence(sentence, EVIDENCE)
    assert set(check.keys) <= set(EVIDENCE)
    assert (check.reason is None) == (check.verdict is Verdict.SUPPORTED)
    if check.verdict is Verdict.SUPPORTED:
        assert check.keys == parse_keys(sentence) != ()


@settings(deadline=None)
@given(st.sampled_from(sorted(set(re.findall(r"\w+", f"{INSULIN.caption} Wnt Rac1 TP53 p62 42")))))
def test_a_foreign_name_is_never_supported(word: str) -> None:
    """A name or number that stands in another record but not in the cited one fails its sentence."""
    check = check_sentence(f"FAK and {word} activate YAP1 at the cell surface of fibroblasts [1].", EVIDENCE)
    foreign = any(c.isupper() or c.isdigit() for c in word)
    assert (check.verdict is Verdict.DROPPED) == foreign


def test_a_restatement_keeps_the_order_and_the_sense() -> None:
    """A small llm's sentence may drop articles and the ends of a sentence, never swap, skip or recase its words."""
    quote = "p300 can inhibit autophagy. The p38 kinase promotes autophagy by inactivating Rheb, and not by PI3K."
    assert is_restatement("p38 kinase promotes autophagy by inactivating Rheb.", quote)
    assert is_restatement("p300 can inhibit the autophagy.", quote)
    assert not is_restatement("Rheb promotes autophagy by inactivating p38.", quote)
    assert not is_restatement("p38 promotes autophagy.", quote)
    assert not is_restatement("p38 kinase promotes autophagy by PI3K.", quote)
    assert not is_restatement("p300 inhibits autophagy.", quote)
    assert not is_restatement("p38 kinase promotes autophagy by inactivating RHEB.", quote)
