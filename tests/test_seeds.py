"""The starter records: enough of them, readable, described in words of our own, and shown as such."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from pfocr_chat import Assistant, FigureRecord
from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.records import Kind
from pfocr_chat.resources import data_folder
from pfocr_chat.sentences import split_sentences

USERS = "PMC11989024__ijms-26-03143-g003"
USERS_SHA256 = "fddc1adf88fa23cbde81b23c2bc3d865ea3a89985fcaa42e71cf13f32b7d2dab"


@pytest.fixture(scope="module")
def records() -> dict[Path, FigureRecord]:
    """Every starter record by its file; none may have a problem."""
    found = {}
    for files in find_records(data_folder("seeds")):
        record, problems = read_record(files)
        assert problems == ()
        found[files.path] = record
    return found


@pytest.fixture(scope="module")
def starters(records: dict[Path, FigureRecord]) -> list[FigureRecord]:
    """The starter records without the user's own."""
    return [record for record in records.values() if record.figid != USERS]


def test_the_users_record_is_unchanged() -> None:
    """The record that came with the project is kept byte for byte."""
    content = (data_folder("seeds") / f"{USERS}.md").read_bytes()
    assert hashlib.sha256(content).hexdigest() == USERS_SHA256


def test_the_users_record_is_the_papers(records: dict[Path, FigureRecord]) -> None:
    """Its caption is the paper's own."""
    (users,) = [record for record in records.values() if record.figid == USERS]
    assert users.caption_source == "paper"
    assert users.caption is not None
    assert users.caption.startswith("Cellular signalings and mechanisms of integrin-mediated drug resistance")


def test_there_are_enough_starters(records: dict[Path, FigureRecord], starters: list[FigureRecord]) -> None:
    """At least 150 figures besides the user's, each once, from nearly as many papers."""
    assert len(starters) >= 150
    assert len({record.figid for record in starters}) == len(starters)
    assert len({record.pmcid for record in starters}) > 0.9 * len(starters)
    assert all(path.stem == record.figid for path, record in records.items())


def test_every_starter_has_the_facts(starters: list[FigureRecord]) -> None:
    """Title, paper, PMCID, image, year and, where the database has it, number carried over."""
    for record in starters:
        facts = (record.title, record.paper_title, record.filename, record.year, record.alias)
        assert all(facts), record.figid
        assert record.pmcid == record.figid.partition("__")[0]
        assert record.image_url
    assert sum(bool(record.number) for record in starters) > 0.9 * len(starters)


def test_starters_are_summaries(starters: list[FigureRecord]) -> None:
    """Captions are marked as written for this collection, in two to four sentences."""
    for record in starters:
        assert record.caption_source == "summary", record.figid
        assert record.caption
        assert 2 <= len(split_sentences(record.caption)) <= 5, record.figid
        assert 100 < len(record.caption) < 1_000, record.figid


def test_every_table_belongs_to_a_record(records: dict[Path, FigureRecord]) -> None:
    """No table in _data/ lies unread, and there are genes and chemicals among them."""
    stems = {path.stem for path in records}
    for path in (data_folder("seeds") / "_data").iterdir():
        assert re.sub(r"-(?:genes|chemicals|diseases)\.tsv$", "", path.name) in stems, path.name
    for kind in (Kind.GENE, Kind.CHEMICAL):
        assert any(record.mentions_of(kind) for record in records.values()), kind


def test_no_caption_stands_twice(starters: list[FigureRecord]) -> None:
    """Each figure is described for itself."""
    assert len({record.caption for record in starters}) == len(starters)


def test_a_summary_is_never_shown_as_the_papers_words(seed_assistant: Assistant) -> None:
    """Described or quoted, a starter's caption is called a summary and stands in no quotation marks."""
    for record in (hit.record for hit in seed_assistant.retrieve("pathway", k=50)):
        answer = seed_assistant.ask(f"What does {record.figid} show?")
        (citation,) = answer.citations
        is_users = record.figid == USERS
        assert (citation.quote_source == "paper") == is_users
        assert ("In summary: " in answer.text) != is_users
        assert (f"“{(record.caption or '')[:20]}" in answer.text) == is_users
    listed = seed_assistant.ask("Which figures show FAK?")
    assert len({citation.quote_source for citation in listed.citations}) == 2
    for citation in listed.citations:
        assert ("“" + citation.quote[:20] in listed.text) == (citation.quote_source == "paper")
