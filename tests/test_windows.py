"""Runs of words that may be names: their spellings, and what is cut out of something longer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.lexicon import atoms
from pfocr_chat.windows import windows_in


def mentions(text: str) -> set[str]:
    """Everything in a text that may be a name."""
    return {window.mention for window in windows_in(text)}


def forms(text: str) -> tuple[str, ...]:
    """The spellings under which a text is looked up as a whole."""
    return next(window.forms for window in windows_in(text) if window.mention == text)


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("AT1R", {"AT1R"}, {"AT1", "AT"}),
        ("5-LOX", {"5-LOX"}, {"LOX"}),
        ("4EBP1", {"4EBP1"}, {"EBP1"}),
        ("p53", {"p53"}, {"53"}),
        ("Nav1.7 opens", {"opens"}, {"Nav1"}),
        ("αSMA", {"αSMA"}, {"SMA"}),
        ("αtubulin", {"αtubulin", "tubulin"}, set()),
        ("p38α", {"p38α", "p38"}, set()),
        ("TGFβR1", {"TGFβR1"}, {"TGFβ", "R1"}),
        ("IL-6-STAT3", {"IL-6", "STAT3", "IL-6-STAT3"}, {"IL"}),
        ("14-3-3", {"14-3-3"}, {"3-3"}),
        ("PI(3,4)P2", {"PI(3,4)P2"}, {"PI(3"}),
        ("CD4s", {"CD4s", "CD4"}, set()),
    ],
)
def test_names_are_not_cut_out_of_longer_ones(text: str, whole: set[str], parts: set[str]) -> None:
    """What goes on with letters, numbers or a decimal is another name; a Greek letter or a plural may follow."""
    found = mentions(text)
    assert whole <= found
    assert not parts & found


@pytest.mark.parametrize("text", ["Ca2+", "ca2+", "Ca²⁺", "Ca(2+)", "Zn2+", "Fe3+", "Na+", "VIII", "iv", "XII"])
def test_ions_and_roman_numbers_are_none(text: str) -> None:
    """They are no names, however written."""
    assert text.removesuffix("+").removesuffix("⁺") not in mentions(f"{text} ions")


@pytest.mark.parametrize("text", ["CD2+", "CD3+", "Sox2+", "CA2", "Ca2", "NA", "MIX"])
def test_marks_of_cells_are_no_ions(text: str) -> None:
    """Cells that have a protein are called so too."""
    assert text.removesuffix("+") in mentions(f"{text} cells")


@pytest.mark.parametrize("text", ["act in", "at G1", "in the liver", "is Akt"])
def test_names_do_not_begin_or_end_with_small_words(text: str) -> None:
    """They would join what stands beside a name to it."""
    assert text not in mentions(f"{text} cells")


def test_some_small_words_are_parts_of_names() -> None:
    """An A kinase, all-trans retinoic acid, and caspase 3 like it."""
    for text in ("protein kinase A", "all trans retinoic acid", "toll like", "complex I"):
        assert text in mentions(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("integrins", ("integrins", "integrin")),
        ("APCs", ("apc", "apcs")),
        ("APCS", ("apcs", "apc")),
        ("pSTAT3", ("stat 3", "pstat 3")),
        ("pSmads", ("smads", "smad", "psmads", "psmad")),
        ("p38", ("p 38",)),
        ("PERK", ("perk",)),
        ("perk", ("perk",)),
        ("pH", ("ph",)),
        ("TNF-α", ("tnf alpha",)),
    ],
)
def test_a_name_has_forms(text: str, expected: tuple[str, ...]) -> None:
    """Plural and singular, and without the "p" of a phosphorylated one, the likeliest first."""
    assert forms(text) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CDK4/6", ["cdk 4", "cdk 6"]),
        ("IL-4/13", ["il 4", "il 13"]),
        ("Smad1/5/8", ["smad 1", "smad 5", "smad 8"]),
        ("PPARα/γ", ["ppar alpha", "ppar gamma"]),
        ("LC3A/B", ["lc 3 a", "lc 3 b"]),
        ("HLA-A/B", ["hla a", "hla b"]),
        ("TEAD1-4", ["tead 1", "tead 2", "tead 3", "tead 4"]),
        ("caspase 3/9", ["caspase 3", "caspase 9"]),
        ("AKT", []),
        ("Nkx2-5", []),
        ("JAK/STAT", []),
        ("1/2", []),
        ("IL-6/STAT3", []),
    ],
)
def test_a_list_has_parts(text: str, parts: list[str]) -> None:
    """Numbers, Greek letters, and capitals after a number or a hyphen are listed; a range begins with one."""
    assert [part.spelling for w in windows_in(text) if w.mention == text for part in w.parts] == parts


def test_a_sentence_in_capitals_is_read_as_if_in_small_letters() -> None:
    """The words of it are judged so, and mentioned as they are; a list of names in capitals is none."""
    window = next(w for w in windows_in("WHICH OF THE FIGURES SHOW TNF") if w.mention == "TNF")
    assert window.written == "tnf"
    assert "SET" not in mentions("SET IS IN THE CELL")
    assert {"SET", "MAX"} <= mentions("SET MAX")
    assert "HLA-A" in mentions("HLA-A")


@given(st.text(st.sampled_from("abcAZpαβ0129 -/,.()+s²") | st.characters(codec="utf-8"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_windows_stand_in_the_text(text: str) -> None:
    """First and last count the atoms of the text; the parts of a list stand where it does."""
    everything = atoms(text)
    for window in windows_in(text):
        assert window.mention in text
        assert window.spelling.split() == everything[window.first : window.last]
        assert window.forms
        assert all(window.forms)
        assert all((p.first, p.last, p.mention) == (window.first, window.last, window.mention) for p in window.parts)
