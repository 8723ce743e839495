"""Abbreviations that captions explain, in brackets or in lists."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.abbreviations import abbreviations_in, is_of_a_protein

# Brackets


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("The epithelial-mesenchymal transition (EMT) begins.", "EMT", "epithelial-mesenchymal transition"),
        ("Dying cells spill mitochondrial DNA (mtDNA).", "mtDNA", "mitochondrial DNA"),
        ("tumor necrosis factor-α (TNF-α) rises", "TNF-α", "tumor necrosis factor-α"),
        ("In brown adipose tissue (BAT; see text) heat is made", "BAT", "brown adipose tissue"),
        ("(A) Damage to the blood–brain barrier (BBB, left)", "BBB", "blood–brain barrier"),
        ("Protein kinase R-like ER kinase (PERK)", "PERK", "Protein kinase R-like ER kinase"),
        ("C/EBP homologous protein (CHOP)", "CHOP", "C/EBP homologous protein"),
        ("5-hydroxytryptamine (5-HT) is set free", "5-HT", "5-hydroxytryptamine"),
        ("Cells make interleukin-6 (IL-6) early", "IL-6", "interleukin-6"),
        ("the endothelial nitric oxide synthase (eNOS) path", "eNOS", "endothelial nitric oxide synthase"),
        ("hypoxia-inducible factor 1\nalpha (HIF1A)", "HIF1A", "hypoxia-inducible factor 1 alpha"),
    ],
)
def test_a_bracket_explains_the_words_before_it(text: str, short: str, long: str) -> None:
    """The words whose letters give the short form are found, the first of it beginning a word."""
    assert list(abbreviations_in(text)) == [(short, long)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "no abbreviation here (see Figure 2)",
        "transition (EMT)",
        "(EMT) epithelial-mesenchymal transition",
        "the kinase (AKT) acts",
        "Cells were fixed (A) and stained (B).",
        "alpha beta gamma (XYZ)",
        "the TNF factor (TNF)",
        "EMT (EMT)",
        "cells; transition (CT scan of the chest and of the abdomen and more)",
        "some text. ends here (SE)",
        "an epithelial (E)",
        "arachidonic acid (a.a.)",
        "a kinase tested (Akt)",
    ],
)
def test_other_brackets_explain_nothing(text: str) -> None:
    """Letters that do not fit, other sentences, and words that hold the short form already."""
    assert list(abbreviations_in(text)) == []


def test_words_before_the_clause_are_not_taken() -> None:
    """A long form does not reach over a comma, a full stop or another bracket, and is not longer than it need be."""
    assert list(abbreviations_in("near the road, red oak (RO) grows")) == [("RO", "red oak")]
    assert list(abbreviations_in("red (dark) oak (RO)")) == []
    assert list(abbreviations_in("most of the many red oak (RO) trees")) == [("RO", "red oak")]


def test_several_are_found_in_order() -> None:
    """Each bracket is read on its own."""
    text = "Acetyl coenzyme A (AcCoA) enters the tricarboxylic acid (TCA) cycle; fatty acids (FAs) leave."
    assert list(abbreviations_in(text)) == [
        ("AcCoA", "Acetyl coenzyme A"),
        ("TCA", "tricarboxylic acid"),
        ("FAs", "fatty acids"),
    ]


# Lists


def test_a_list_is_read() -> None:
    """Commas, colons, equals signs and dashes stand between the two; a full stop or a semicolon ends the pair."""
    text = "Steps of the cascade. AA, arachidonic acid; COX: cyclooxygenase-x; PG = prostaglandin; TX – thromboxane."
    assert dict(abbreviations_in(text)) == {"AA": "arachidonic acid", "PG": "prostaglandin", "TX": "thromboxane"} | {
        "COX": "cyclooxygenase-x"
    }


@pytest.mark.parametrize(
    "text",
    [
        "AKT, which acts on mTOR; ERK, a kinase of it",
        "TNF, tumor",
        "p53, protein 53 in kilodaltons",
        "AA, arachidonic acids and many other things besides which go on for more than seventy letters in all.",
    ],
)
def test_a_clause_after_a_comma_is_no_explanation(text: str) -> None:
    """The letters have to fit the whole of it, and a short form has capitals."""
    assert list(abbreviations_in(text)) == []


# Any text


TEXTS = st.text(max_size=200) | st.lists(
    st.sampled_from(
        "EMT (EMT) (A) epithelial-mesenchymal transition ; , . : = – AA arachidonic acid β-catenin".split()
    ),
    max_size=30,
).map(" ".join)


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_what_is_found_stands_in_the_text(text: str) -> None:
    """Both forms are in the text, white space aside, the long one being longer; letters of the short one are in it."""
    joined = " ".join(text.split())
    for short, long in abbreviations_in(text):
        assert short in text
        assert " ".join(long.split()) in joined
        assert len(short) < len(long)
        assert sum(c.isupper() for c in short) >= 2
        assert {c for c in short.lower() if c.isalnum()} <= set(long.lower())


@pytest.mark.parametrize(
    "text", ["(AB) " * 20_000, "AB, " * 30_000, "a " * 60_000 + "(AB)", "(" * 100_000, "AB: a" * 20_000]
)
def test_long_text_takes_time_in_proportion(text: str) -> None:
    """A caption as long as a record may be is read in seconds, whatever stands in it."""
    began = time.monotonic()
    list(abbreviations_in(text))
    assert time.monotonic() - began < 5


# Proteins


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("chop", "c ebp homologous protein"),
        ("mcp 1", "monocyte chemotactic protein 1"),
        ("glut 1", "glucose transporter 1"),
        ("pd l 1", "programmed death ligand 1"),
        ("hif 1 alpha", "hypoxia inducible factor 1 alpha"),
        ("rank", "receptor activator of nuclear factor kappa b"),
        ("rig i", "retinoic acid inducible gene i"),
        ("srebp 1 c", "sterol regulatory element binding protein 1 c"),
        ("er", "estrogen receptor"),
    ],
)
def test_long_forms_of_proteins(short: str, long: str) -> None:
    """What ends like the name of a protein, or is one of a numbered series, may be a gene."""
    assert is_of_a_protein(short, long)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("lps", "lipopolysaccharide"),
        ("ipp", "isopentenyl pyrophosphate"),
        ("hcc", "hepatocellular carcinoma"),
        ("pgd 2", "prostaglandin d 2"),
        ("t 1 d", "type 1 diabetes"),
        ("covid 19", "coronavirus disease 2019"),
        ("pk", "pyruvate kinase"),
        ("apc", "antigen presenting cell"),
        ("a", "alpha"),
        ("b", "1"),
    ],
)
def test_long_forms_of_other_things(short: str, long: str) -> None:
    """Substances, diseases and cells are none; an enzyme may be any of many."""
    assert not is_of_a_protein(short, long)
