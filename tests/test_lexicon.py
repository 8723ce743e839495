"""Names brought to one form, and prose cut into sentences."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.lexicon import (
    GREEK,
    atom_spans,
    atoms,
    contains,
    greek_variants,
    lookup_key,
    name_key,
    name_windows,
    reads_as_name,
    says,
    singular,
    spaced,
    squeezed,
)
from pfocr_chat.sentences import split_sentences

PROSE = st.text(
    st.sampled_from("abcXYZ019 .,;:!?()-/'\"’”–αβκΔΣςµ²₂éößﬁⅢ\u0301\u0308\n\t") | st.characters(codec="utf-8"),
    max_size=120,
)


@pytest.mark.parametrize(
    "spellings",
    [
        ("TNF-α", "TNFα", "TNF alpha", "TNF-alpha", "TNFalpha", "tnf-ALPHA", "TNF‐α", "TNFAlpha", "TNF-𝛼"),
        ("IL-6", "IL6", "il 6", "IL‑6", "IL—6", "ＩＬ６"),
        ("NF-κB", "NFκB", "NF-kappaB", "NFkappaB", "NF-kappa B", "nf κ b"),
        ("IκBα", "IkappaBalpha", "I-kappa-B-alpha", "IκB-α"),
        ("αvβ6", "alpha v beta 6", "αVβ6", "alphaVbeta6"),
        ("γH2AX", "gammaH2AX", "Γ-H2AX"),
        ("α-SMA", "αSMA", "alphaSMA", "alpha-sma"),
        ("β-TrCP", "betaTrCP", "Β-TRCP"),
        ("Ca2+", "Ca²⁺", "CA 2"),
        ("Sjögren", "sjogren", unicodedata.normalize("NFD", "Sjögren"), "SJÖGREN"),
        ("fibroblast", "ﬁbroblast"),
        ("µM", "μM", "mu M"),
        ("ΔF508", "delta F508", "δF508"),
        ("TGF-β1", "TGFβ1", "TGFbeta1", "TGF beta 1"),
        ("PI(3,4)P2", "PI 3,4 P₂"),
    ],
)
def test_spellings_of_one_name_are_the_same(spellings: tuple[str, ...]) -> None:
    """Hyphens, Greek letters, case, accents, ligatures and raised digits make no difference."""
    assert {name_key(spelling) for spelling in spellings} == {name_key(spellings[0])}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("—+ ()", []),
        ("NFkappaB", ["nf", "kappa", "b"]),
        ("TIPE1/p53", ["tipe", "1", "p", "53"]),
        ("beta-catenin", ["beta", "catenin"]),
        ("betaine", ["betaine"]),
        ("alphabet Alphas", ["alphabet", "alphas"]),
        ("Deltamethrin", ["deltamethrin"]),
        ("snake_case", ["snake", "case"]),
        ("类器官", ["类器官"]),
        ("Type Ⅲ", ["type", "iii"]),
        ("NF-Œ∫B and TGF-Œ≤1", ["nf", "kappa", "b", "and", "tgf", "beta", "1"]),
        ("Œuvre", ["œuvre"]),
    ],
)
def test_atoms(text: str, expected: list[str]) -> None:
    """Letters and digits come apart, ordinary words stay whole, and garbled Greek letters are mended."""
    assert atoms(text) == expected


@pytest.mark.parametrize(
    ("british", "american"),
    [
        ("Tumour necrosis in oestrogen signalling", "tumor necrosis in estrogen signaling"),
        ("phosphorylation catalysed, analysed, polarised and localisation", None),
        ("haemoglobin anaemia ischaemia leukaemia", "hemoglobin anemia ischemia leukemia"),
        ("foetal oedema, coeliac paediatrics, aetiology", "fetal edema celiac pediatrics etiology"),
        ("sulphate fibres of the centre", "sulfate fibers of the center"),
        ("colour, behaviour and odour", "color behavior and odor"),
        ("cancelled labelling, modelled", "canceled labeling modeled"),
        ("analogues in 5 millilitres", "analogs in 5 milliliters"),
        ("OESTRADIOL", "estradiol"),
    ],
)
def test_british_spellings_are_read_as_american(british: str, american: str | None) -> None:
    """So that a question finds either."""
    assert " ".join(atoms(british)) == (american or "phosphorylation catalyzed analyzed polarized and localization")


@pytest.mark.parametrize(
    "words",
    [
        "premise promises compromise expertise dialogue our four hour source course",
        "apoptosis analysis lysis paralysis basis crisis disease exercise precise arise",
        "cell cells channel level model signal caffeine amoebas lysine rise raised",
    ],
)
def test_other_words_keep_their_spelling(words: str) -> None:
    """Words that only look British are left as they are."""
    assert [atom for atom in atoms(words) if atom != "amebas"] == [word for word in words.split() if word != "amoebas"]


@settings(max_examples=200, deadline=None)
@given(PROSE)
def test_spans_point_into_the_text(text: str) -> None:
    """Spans are in order, do not overlap, and what lies between them is no letter or digit."""
    at = 0
    for atom, start, end in atom_spans(text):
        assert atom
        assert at <= start < end <= len(text)
        assert not any(c.isalpha() or c.isdecimal() for c in text[at:start])
        at = end
    assert not any(c.isalpha() or c.isdecimal() for c in text[at:])


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abcXYZkappabeta019 -/,.αβκΔéö"), max_size=60))
def test_atoms_are_a_normal_form(text: str) -> None:
    """Taking the atoms of the atoms, or of the text in capitals or small letters, changes nothing more."""
    found = atoms(text)
    assert atoms(" ".join(found)) == found
    assert atoms(unicodedata.normalize("NFD", text)) == found


def test_singular() -> None:
    """A plural gives its singular; words that only look like one give nothing."""
    assert singular("integrins") == "integrin"
    assert singular("map kinases") == "map kinase"
    assert [singular(key) for key in ("ras", "apoptosis", "virus", "class", "wnt", "")] == [None] * 6


@pytest.mark.parametrize(
    ("spellings", "key"),
    [
        (("TNF-α", "TNFα", "TNFalpha", "TNF alpha", "TNF-a", "TNFa"), "tnfa"),
        (("IL-1β", "IL1B", "IL-1 beta", "IL1b"), "il1b"),
        (("NF-κB", "NFkB", "NF-kappaB", "NFKB", "nf kappa b"), "nfkb"),
        (("HIF-1α", "HIF1A", "HIF-1alpha"), "hif1a"),
        (("p38 MAPK", "p38-MAPK", "p38MAPK"), "p38mapk"),
        (("caspase-3", "Caspase 3", "CASPASE3"), "caspase3"),
        (("", "—+"), ""),
        (("alpha", "Alpha", "α"), "alpha"),
    ],
)
def test_lookup_keys(spellings: tuple[str, ...], key: str) -> None:
    """Separators, letter case and the way a Greek letter is written make no difference; alone it keeps its name."""
    assert {lookup_key(spelling) for spelling in spellings} == {key}


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abcXYZkappabeta019 -/,.αβκΔéö"), max_size=60))
def test_lookup_keys_are_made_of_name_keys(text: str) -> None:
    """The key of a name is that of its normal form, without a space, and the same however it is joined."""
    key = lookup_key(text)
    assert key == squeezed(name_key(text))
    assert " " not in key
    assert lookup_key("-".join(atoms(text))) == key


@pytest.mark.parametrize(
    ("spelling", "variants"),
    [
        ("tnf alpha", {"tnf alpha", "tnf a", "tnfa"}),
        ("il 1 beta", {"il 1 beta", "il 1 b"}),
        ("nf kappa b", {"nf kappa b", "nf k b", "nfk b"}),
        ("alpha synuclein", {"alpha synuclein", "a synuclein"}),
        ("beta", {"beta"}),
        ("akt 1", {"akt 1"}),
    ],
)
def test_greek_letters_in_other_hands(spelling: str, variants: set[str]) -> None:
    """A Greek letter may stand as a Latin one, also joined to the letters before it; alone it may not."""
    assert greek_variants(spelling) == variants


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["tnf", "il", "1", "b"]), st.sampled_from(sorted(GREEK.values()))), max_size=3)
)
def test_greek_variants_have_one_lookup_key(parts: list[tuple[str, str]]) -> None:
    """All variants of a spelling, which is one of them, are looked up as the same name."""
    spelling = " ".join(f"{name} {letter}" for name, letter in parts)
    variants = greek_variants(spelling)
    assert spelling in variants
    assert {squeezed(variant) for variant in variants} == {squeezed(spelling)}


def test_names_with_several_words_are_found() -> None:
    """Windows hold names across hyphens, slashes and brackets, and do not cross sentences."""
    windows = {(key, written) for key, _, _, written in name_windows("NF-κB. p38 MAPK; IL-6/STAT3", 6)}
    assert {("nf kappa b", "NF-κB"), ("p 38 mapk", "p38 MAPK"), ("il 6 stat 3", "IL-6/STAT3")} <= windows
    assert not any("b p" in key or "mapk il" in key for key, _ in windows)
    assert max(last - first for _, first, last, _ in name_windows("a b c d e f g h", 6)) == 6


def test_windows_name_their_atoms() -> None:
    """First and last count atoms, so that overlapping windows can be told."""
    text = "TNFα and IL-6"
    for key, first, last, written in name_windows(text, 6):
        assert key.split() == atoms(text)[first:last]
        assert atoms(written) == key.split()


@pytest.mark.parametrize("written", ["YAP", "p38", "CAT", "REST", "MAX", "il-6", "AKT", "SHE"])
def test_reads_as_a_name(written: str) -> None:
    """Names are looked up, English words only in capitals."""
    assert reads_as_name(written)


@pytest.mark.parametrize("written", ["cat", "Rest", "the", "Which", "IS", "a", "K", "38", "", "set", "acts"])
def test_does_not_read_as_a_name(written: str) -> None:
    """English words, letters and numbers are not taken for genes."""
    assert not reads_as_name(written)


@pytest.mark.parametrize(
    ("haystack", "needle", "found"),
    [
        ("the nf kappa b pathway", "nf kappa b", True),
        ("integrins bind", "integrin", True),
        ("an integrin", "integrins", True),
        ("tgf beta", "tgf", True),
        ("nf kappa", "nf kappa b", False),
        ("abc", "b", False),
        ("a b", "b a", False),
        ("a b", "", False),
        ("", "a", False),
    ],
)
def test_contains(haystack: str, needle: str, found: bool) -> None:
    """Atoms have to stand in a row, whole; a plural of the last one counts."""
    assert contains(haystack.split(), needle.split()) is found
    assert not needle or says(spaced(haystack), needle) is found


@pytest.mark.parametrize(
    ("texts", "spelling", "found"),
    [
        (("NF-κB in fibroblasts",), "nf kappa b", True),
        (("Integrins", "bind"), "integrin", True),
        (("an integrin",), "integrins", True),
        (("the Ras family",), "ra", False),
        (("nf kappa", "b cells"), "nf kappa b", False),
        (("ends with TNF", None, "α begins"), "tnf alpha", False),
        ((None,), "a", False),
        ((), "a", False),
    ],
)
def test_says(texts: tuple[str | None, ...], spelling: str, found: bool) -> None:
    """A name is found in any of the texts, singular or plural, and never across two of them."""
    assert says(spaced(*texts), spelling) is found


@settings(max_examples=200, deadline=None)
@given(PROSE, st.integers(0, 30), st.integers(1, 4))
def test_a_text_says_all_its_words(text: str, first: int, width: int) -> None:
    """Any run of its words is said by a text, and by a text that holds it among others."""
    run = atoms(text)[first : first + width]
    if run:
        assert says(spaced(text), " ".join(run))
        assert says(spaced("before", text, "after"), " ".join(run))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("No stop", ["No stop"]),
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("As in Fig. 3 of Smith et al. Yes. E. coli grows.", ["As in Fig. 3 of Smith et al. Yes.", "E. coli grows."]),
        ("Kinases, e.g. AKT, i.e. PKB. Wnt rises.", ["Kinases, e.g. AKT, i.e. PKB.", "Wnt rises."]),
        ("It binds (see text). (B) It stops.", ["It binds (see text).", "(B) It stops."]),
        ("He said “stop.” Then it did.", ["He said “stop.”", "Then it did."]),
        ("Levels fell to 0.5. mTOR did not.", ["Levels fell to 0.5. mTOR did not."]),
        ("v1.2 and www.x.org stay", ["v1.2 and www.x.org stay"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    """Full stops end sentences, but not after abbreviations or before small letters."""
    assert split_sentences(text) == expected


@settings(max_examples=200, deadline=None)
@given(PROSE)
def test_sentences_lose_nothing(text: str) -> None:
    """All but the white space between sentences is kept, in order."""
    pieces = split_sentences(text)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece and piece == piece.strip() for piece in pieces)


@pytest.mark.parametrize("text", ["A. " * 100_000, "x. y" * 100_000, "." * 300_000, "a" * 300_000, "((" * 100_000])
def test_long_text_takes_time_in_proportion(text: str) -> None:
    """A caption as long as a record may be is cut in seconds, whatever stands in it."""
    started = time.monotonic()
    split_sentences(text)
    assert time.monotonic() - started < 5
