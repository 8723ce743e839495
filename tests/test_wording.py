"""Typing errors mended, and abbreviations, names and organisms in other words."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.entities import entities_in
from pfocr_chat.lexicon import name_key
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.wording import MAX_OTHERS, corrected, expansions_of

CAPTIONS = (
    "Autophagy and apoptosis of macrophages in the liver.",
    "Apoptosis of tumour cells needs mitochondria; angiogenesis feeds them.",
    "Phosphorylation of integrins at the plasma membrane of fibroblasts.",
    "Insulin lowers glucose. Endothelial cells of the kidneys line vessels.",
    "Nephrin of the podocyte, and the lipin of fat; plates in the store.",
    "Epithelial mesenchymal transition (EMT) in the liver.",
    "The epithelial mesenchymal transition (EMT) again.",
    "The unfolded protein response (UPR) of the endoplasmic reticulum (ER).",
    "Acute lymphoblastic leukaemia (ALL) and quorum quenching (QQ).",
    "FLURX7 is a made-up plasmid.",
)
PRINTED = ("STAT3", "NLRP3", "SQSTM1", "CXCL12", "SIRT1", "TRAF6", "NOTCH1", "PEAK1", "CASP3")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A catalog of invented captions and printed genes beside the names that the package ships."""
    path = tmp_path_factory.mktemp("wording") / FILE_NAME
    with open_catalog_writer(path) as writer:
        for number, caption in enumerate(CAPTIONS):
            mentions = [Mention(Kind.GENE, word, word, Tier.SYMBOL) for word in PRINTED] if not number else []
            figure = FigureRecord(figid=f"PMC{number}__figure", caption=caption, mentions=tuple(mentions))
            writer.put(figure, [], source=figure.figid, digest="d")
        writer.commit()
    with Catalog(path) as opened:
        yield opened


def others_of(text: str, words: str, catalog: Catalog) -> tuple[str, ...]:
    """The ways to say the given words of a text."""
    expansions = expansions_of(text, entities_in(text, catalog), catalog)
    return tuple(other for e in expansions if e.words == tuple(words.split()) for other in e.others)


# Typing errors


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("autophgy", "autophagy"),
        ("apotposis", "apoptosis"),
        ("Macrophges", "macrophages"),
        ("mitochondira", "mitochondria"),
        ("angiogensis", "angiogenesis"),
        ("phosphorilation", "phosphorylation"),
        ("endothelail", "endothelial"),
        ("fibroblsts", "fibroblasts"),
        ("inslin", "insulin"),
        ("lvier", "liver"),
        ("intergins", "integrins"),
    ],
)
def test_typing_errors_are_mended(typed: str, meant: str, catalog: Catalog) -> None:
    """The nearest word of the corpus takes the place of one that stands in no record, and it is said so."""
    text, replaced = corrected(f"What does {typed}, do?", catalog)
    assert text == f"What does {meant}, do?"
    assert replaced == ((typed, meant),)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("SATT3", "STAT3"),
        ("STTA3", "STAT3"),
        ("NLPR3", "NLRP3"),
        ("nlpr3", "NLRP3"),
        ("SQTSM1", "SQSTM1"),
        ("SQSTTM1", "SQSTM1"),
        ("CXLC12", "CXCL12"),
        ("CXLC-12", "CXCL12"),
        ("SRIT1", "SIRT1"),
        ("NOTHC1", "NOTCH1"),
        ("CAPS3", "CASP3"),
    ],
)
def test_names_with_a_number_are_mended(typed: str, meant: str, catalog: Catalog) -> None:
    """Letters may have changed places, and in a longer name one may be wrong; the number stays."""
    assert corrected(f"{typed} in cells", catalog) == (f"{meant} in cells", ((typed, meant),))


@pytest.mark.parametrize(
    "word",
    [
        "autophagy",
        "Apoptosis",
        "macrophage",
        "tumor",
        "tumour",
        "membranes",
        "kidney",
        "leukemia",
        "talin",
        "talins",
        "zyxin",
        "paxillin",
        "osteonectin",
        "perforin",
        "nephritis",
        "captopril",
        "vision",
        "stones",
        "plaster",
        "livin",
        "stork",
        "the",
        "which",
        "AUTOPHGY",
        "αutophgy",
    ],
)
def test_words_that_are_right_or_far_from_any_stay(word: str, catalog: Catalog) -> None:
    """Other forms, known names, words not close enough, and words in capitals are left as they are."""
    assert corrected(f"a {word} here", catalog) == (f"a {word} here", ())


@pytest.mark.parametrize(
    "name",
    [
        "FLURK7",
        "FLURX7",
        "ZORB12",
        "STAT3",
        "pSTAT3",
        "pERK1",
        "pNLRP3",
        "STAT9",
        "SIRT9",
        "TRAF8",
        "NOTH1",
        "TRAP6",
        "MYB12",
        "TLR44",
        "IL6",
        "TNFRSF10B",
        "SATT3B",
        "SQSTM12",
        "HEK293",
        "LY294002",
        "SATT 3",
        "AB12",
        "XYZ1",
        "NOTCH11",
    ],
)
def test_other_names_stay(name: str, catalog: Catalog) -> None:
    """A known name, one of the corpus, one with another number, and an invented one are not taken for another."""
    assert corrected(f"{name} in cells", catalog) == (f"{name} in cells", ())


def test_every_occurrence_is_mended_and_nothing_else(catalog: Catalog) -> None:
    """A word is replaced wherever it stands as a word."""
    text, replaced = corrected("inslin and Inslin-like inslin, inslinx, xinslin; SATT3 or SATT3.", catalog)
    assert text == "insulin and insulin-like insulin, inslinx, xinslin; STAT3 or STAT3."
    assert replaced == (("SATT3", "STAT3"), ("inslin", "insulin"), ("Inslin", "insulin"))


@given(text=st.text(max_size=100))
@settings(max_examples=100, deadline=None)
def test_any_text_is_looked_at(text: str, catalog: Catalog) -> None:
    """What is said to be replaced stood in the text; a text without errors comes back as it is."""
    mended, replaced = corrected(text, catalog)
    assert all(typed in text and typed != meant for typed, meant in replaced)
    assert (mended == text) == (not replaced)


def test_long_words_take_no_longer(catalog: Catalog) -> None:
    """A text of the longest kind is looked at in moments."""
    for text in ("autophgyx" * 400, "inslin " * 500, "SATT3 " * 600, "A1" * 2_000, "-" * 4_000):
        began = time.perf_counter()
        corrected(text, catalog)
        assert time.perf_counter() - began < 2, text[:10]


# Other words


def test_abbreviations_are_written_out_and_long_forms_abbreviated(catalog: Catalog) -> None:
    """Both ways, whatever the letter case, and in the plural."""
    assert "epithelial mesenchymal transition" in others_of("EMT in cancer", "emt", catalog)
    assert "epithelial mesenchymal transition" in others_of("emt in cancer", "emt", catalog)
    assert "emt" in others_of("Epithelial-mesenchymal transitions", "epithelial mesenchymal transitions", catalog)
    assert "upr" in others_of("the unfolded protein response", "unfolded protein response", catalog)


def test_common_abbreviations_are_known_without_the_corpus(catalog: Catalog) -> None:
    """No figure here explains these."""
    assert others_of("ROS", "ros", catalog) == ("reactive oxygen species",)
    assert "acs" in others_of("acute coronary syndrome", "acute coronary syndrome", catalog)
    assert others_of("IPP", "ipp", catalog)[:2] == ("isopentenyl diphosphate", "isopentenyl pyrophosphate")


def test_short_and_english_words_are_abbreviations_in_capitals_only(catalog: Catalog) -> None:
    """ "er" and "all" in small letters are no abbreviations."""
    assert "endoplasmic reticulum" in others_of("ER stress", "er", catalog)
    assert others_of("er stress", "er", catalog) == ()
    assert "acute lymphoblastic leukemia" in others_of("B cells in ALL", "all", catalog)
    assert others_of("all cells", "all", catalog) == ()
    assert others_of("QQ", "qq", catalog) == ("quorum quenching",)
    assert others_of("qq", "qq", catalog) == ()


def test_a_long_form_is_not_replaced_by_two_letters(catalog: Catalog) -> None:
    """ "er" and "all" would find other things."""
    assert others_of("the endoplasmic reticulum", "endoplasmic reticulum", catalog) == ()
    assert others_of("acute lymphoblastic leukaemia", "acute lymphoblastic leukemia", catalog) == ()


@pytest.mark.parametrize(
    ("text", "words", "other"),
    [
        ("fruit flies", "fruit flies", "drosophila melanogaster"),
        ("C. elegans", "c elegans", "caenorhabditis elegans"),
        ("zebrafish", "zebrafish", "danio rerio"),
        ("Mus musculus", "mus musculus", "house mouse"),
    ],
)
def test_organisms_have_other_names(text: str, words: str, other: str, catalog: Catalog) -> None:
    """Latin and common names stand for each other."""
    assert other in others_of(f"stripes of {text} at night", words, catalog)


def test_genes_have_other_spellings(catalog: Catalog) -> None:
    """The shortest of a gene's spellings, a few only, and never what was typed."""
    found = others_of("SQSTM1 in cells", "sqstm 1", catalog)
    assert "p 62" in found
    assert "sqstm 1" not in found
    assert 0 < len(found) <= MAX_OTHERS
    assert len(others_of("integrins", "integrins", catalog)) <= MAX_OTHERS


def test_each_phrase_is_told_once(catalog: Catalog) -> None:
    """An expansion has other words, each once, and no phrase has two."""
    text = "EMT and UPR of SQSTM1 in fruit flies, EMT and p62 in Drosophila; ROS by STAT3"
    expansions = expansions_of(text, entities_in(text, catalog), catalog)
    phrases = [e.words for e in expansions]
    assert len(phrases) == len(set(phrases))
    for expansion in expansions:
        assert expansion.others
        assert len(set(expansion.others)) == len(expansion.others)
        assert " ".join(expansion.words) not in expansion.others
        assert all(name_key(other) == other for other in expansion.others)


@given(text=st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_has_other_words_or_none(text: str, catalog: Catalog) -> None:
    """Words of an expansion stand in a row in the text."""
    key = f" {name_key(text)} "
    for expansion in expansions_of(text, entities_in(text, catalog), catalog):
        assert f" {' '.join(expansion.words)} " in key
