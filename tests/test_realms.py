"""Realms of life in texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat.realms import Realm, realm_words, set_apart


def test_words_tell_realms() -> None:
    """Each realm with its parts and living things in the words used; words that several realms share tell none."""
    assert realm_words("Chlorophyll in chloroplasts, and the T cells of mice") == {
        Realm.PLANT: {"chlorophyll": "chlorophyll", "chloroplast": "chloroplasts"},
        Realm.ANIMAL: {"t cell": "t cells", "any": "mice"},
    }
    assert realm_words("glucose, apoptosis, AKT1 and the cell cycle") == {}


@pytest.mark.parametrize(
    ("question", "texts", "apart"),
    [
        ("Does chlorophyll act in the liver?", ["liver cells", "chlorophyll in leaves"], True),
        ("Does chlorophyll act in the liver?", [], True),
        ("Does chlorophyll act in the liver?", ["leaf extracts for mice"], True),
        ("Does chlorophyll act in the liver?", ["chlorophyll in mice", "hepatic liver cells of plants"], True),
        ("Does chlorophyll act in the liver?", ["what chlorophyll does in the livers of mice"], False),
        ("Does chlorophyll act in mice?", ["chlorophyll and the kidney"], False),
        ("Does a diet with chlorophyll act in the liver?", ["liver cells"], False),
        ("Chlorophyll compared with the pigments of mouse skin", ["liver cells"], False),
        ("Which pathways act in the liver of mice?", ["chlorophyll"], False),
        ("Which pathways act?", [], False),
    ],
)
def test_realms_that_no_text_brings_together(question: str, texts: list[str], apart: bool) -> None:
    """One text must have what is asked of both realms; a question that compares or feeds asks of each."""
    assert bool(set_apart(question, texts)) == apart


def test_what_is_apart_is_named() -> None:
    """The words of the question, with their realms."""
    assert set_apart("Lignin in the hippocampus", []) == (("lignin", Realm.PLANT), ("hippocampus", Realm.ANIMAL))


@given(st.text(max_size=80))
def test_a_text_is_not_apart_from_itself(text: str) -> None:
    """Where the question is a text that there is, it brings together what it names."""
    assert set_apart(text, [text]) == ()
