"""Questions, conditions, gene lists and figids: what people and programs ask."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fuzzing.chance import WORDS, any_json, changed_json, text
from fuzzing.targets import SECRET, Opened, Place
from fuzzing.watch import expect, refusing
from pfocr_chat import Assistant, open_assistant
from pfocr_chat.answers import Answer, Conversation
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.conditions import checked_filters
from pfocr_chat.exports import Format, render
from pfocr_chat.filters import read_filters
from pfocr_chat.genelists import listed_in, looks_like_gene_list, parse_gene_list
from pfocr_chat.generations import generation_folder, read_manifest
from pfocr_chat.queries import Filters
from pfocr_chat.query import understand
from pfocr_chat.records import FIGID_PATTERN, FigureRecord
from pfocr_chat.slack.blocks import Shown
from pfocr_chat.slack.blocks import render_answer as render_in_slack
from pfocr_chat.ui.api import _figid
from pfocr_chat.ui.cards import render_cards
from pfocr_chat.ui.controls import filters_of, names_in
from pfocr_chat.ui.kept import Kept, render_kept
from pfocr_chat.ui.pictures import find_picture, picture_addresses
from pfocr_chat.ui.render import render_answer
from pfocr_chat.ui.results import View
from pfocr_chat.ui.session import Session, part_at
from pfocr_chat.ui.shared import MAX_QUERY, Shared
from pfocr_chat.ui.transcript import Transcript, render_transcript

LONGEST = 100_000
"""Characters of a question in words that is given to a part of the program which only gets those of a right length."""
QUESTIONS = (
    *("Which figures link integrins to YAP?", "How many figures show both TNF and NF-κB?", "and in mouse?"),
    *("What does PMC11989024__ijms-26-03143-g003 show?", "all Arabidopsis figures since 2010 by journal", "only those"),
    *(
        "How does TIPE1 suppress EMT in gastric cancer?",
        "EGFR, KRAS, BRAF, MAP2K1, TP53",
        "which paper is the second from?",
    ),
    *(
        "figures with TNF or IL6 but not AKT1 in Nature 2015",
        "figures most like the first",
        "TNF activates IL6?",
        "why?",
    ),
    *("which genes are in PMC7000010__genes?", "count figures by gene", "What does PMC7000002__oneword show?", "YAP1"),
)
FIGIDS = (
    *(
        "PMC11989024__ijms-26-03143-g003",
        "PMC7000001__words",
        "PMC1__a",
        "PMC1__../../outside/secret",
        "../outside/secret",
    ),
    *(
        "/etc/passwd",
        "PMC1__secret",
        "PMC1__a/../b",
        "PMC1__a\x00",
        "PMC" + "9" * 400 + "__a",
        "PMC1__" + "a" * 400,
        "PMC١__a",
    ),
    *(
        "https://pfocr.wikipathways.org/figures/PMC1__a.html",
        "http://[::1",
        "//x/y",
        "PMC1__a#0",
        "PMC1__a'",
        "pmc1__A",
    ),
)


def _question(rng: random.Random) -> str:
    chance = rng.random()
    if chance < 0.35:
        return text(rng)
    if chance < 0.4:
        return text(rng) * rng.choice((10, 50))
    words = rng.choice(QUESTIONS).split(" ")
    for _ in range(rng.randint(0, 4)):
        at = rng.randint(0, len(words))
        match rng.randint(0, 3):
            case 0:
                words[at:at] = [rng.choice(WORDS)]
            case 1:
                words[at : at + 1] = [text(rng, longest=1)]
            case 2:
                words[at : at + 1] = []
            case _:
                words[at:at] = words[: rng.randint(0, 3)] * rng.choice((1, 1, 20))
    return " ".join(words)


def _told(value: Any) -> str:
    """As JSON in UTF-8, as every door tells it."""
    told = json.dumps(value, ensure_ascii=False)
    told.encode()
    expect(SECRET not in told, "a file outside of the folder was read")
    return told


@contextmanager
def _catalog(place: Place) -> Iterator[Catalog]:
    index = place.index()
    with Catalog(generation_folder(index, read_manifest(index).generation) / FILE_NAME) as catalog:
        yield catalog


@contextmanager
def _assistant(place: Place) -> Iterator[Assistant]:
    """An assistant that has answered before: what the first question takes longer is not for an input to answer for."""
    with open_assistant(place.index(), llm="none") as assistant:
        assistant.ask("Which figures show TNF?")
        assistant.gene_list("TNF, IL6, AKT1")
        yield assistant


@contextmanager
def questions(place: Place) -> Iterator[Opened]:
    """A question with the one before it, understood."""
    with _catalog(place) as catalog:

        def make(rng: random.Random) -> tuple[str, str]:
            return _question(rng), _question(rng) if rng.random() < 0.3 else ""

        def read(value: tuple[str, str]) -> None:
            asked, before = value
            conversation = Conversation()
            with refusing():
                if before:
                    query = understand(before, catalog)
                    conversation = Conversation().with_turn(_turn(query))
            with refusing():
                query = understand(asked, catalog, conversation)
                str(query).encode()
                _told(query.to_dict())

        yield make, read


def _turn(query: Any) -> Any:
    from pfocr_chat.answers import Turn

    return Turn(query.question, query.text, query.intent, ("PMC7000001__words",), query.filters, None)


@contextmanager
def answers(place: Place) -> Iterator[Opened]:
    """A question, or a follow-up, answered, shown in every way and exported."""
    with _assistant(place) as assistant, _catalog(place) as catalog:

        def make(rng: random.Random) -> tuple[str, str, str]:
            return (
                rng.choice(("ask", "ask", "ask", "find")),
                _question(rng),
                _question(rng) if rng.random() < 0.4 else "",
            )

        def read(value: tuple[str, str, str]) -> None:
            how, asked, before = value
            with refusing():
                if how == "find":
                    assistant.find(asked)
                    return
                conversation = Conversation()
                if before:
                    conversation = conversation.with_turn(_turn(understand(before, catalog)))
                _show(assistant, assistant.ask(asked, conversation))

        yield make, read


def _show(assistant: Assistant, answer: Answer) -> None:
    _told(answer.to_dict())
    hits = assistant.hits(answer)
    for form in Format:
        render(hits[:50], form, question=answer.question).encode()
    render_answer(answer, 1).encode()
    render_cards(answer, 1).encode()
    json.dumps(render_in_slack(answer, Shown("token", asked=answer.question)).to_dict()).encode()
    kept = Kept.of(answer)
    expect(Kept.parse(json.loads(_told(kept.to_dict()))) is not None, "what a browser keeps is not read again")
    for form in Transcript:
        render_transcript([answer], form).encode("utf-8", "replace")


@contextmanager
def genes(place: Place) -> Iterator[Opened]:
    """Gene lists as pasted."""
    names = (
        "EGFR",
        "KRAS",
        "BRAF",
        "p38",
        "TNFα",
        "# x",
        "gene",
        "1.",
        "PI3K",
        "ERK1/2",
        "IL-1β",
        "Symbol",
        "NA",
        "WNT",
    )
    with _assistant(place) as assistant, _catalog(place) as catalog:

        def make(rng: random.Random) -> str:
            between = rng.choice(("\n", ", ", " ", ";", "\t", "\r\n"))
            size = rng.choice((3, 10, 40, 40, 400)) if rng.random() < 0.98 else 20_000
            listed = [rng.choice(names) if rng.random() < 0.8 else text(rng, longest=2) for _ in range(size)]
            start = rng.choice(("", "", "Which figures overlap with ", "gene list: "))
            return start + between.join(listed)

        def read(value: str) -> None:
            looks_like_gene_list(value[:100_000])
            with refusing():
                parse_gene_list(value)
            listed_in(" ".join(value.split())[:4_000], catalog)
            with refusing():
                compared = assistant.gene_list(value, limit=20)
                compared.text.encode("utf-8", "replace")
                json.dumps(compared.to_dict())

        yield make, read


KEPT: dict[str, Any] = {
    "question": "q",
    "text": "TNF activates IL6 [1].",
    "generation": "g000001",
    "sources": [[1, "T", "PMC1__a"]],
    "filters": {"year_from": 2010, "organisms": ["Mus musculus"], "genes_all": ["TNF"]},
    "again": "q=x&year_from=2010",
    "turn": {
        "question": "q",
        "subject": "TNF",
        "intent": "listing",
        "figids": ["PMC1__a"],
        "filters": {},
        "focus": None,
    },
}


@contextmanager
def filters(place: Place) -> Iterator[Opened]:
    """Conditions in words, in an address, as values, from the page's controls, and as a browser keeps them."""
    names = tuple(Filters.__dataclass_fields__)
    values = (
        "TNF",
        "mouse",
        "Mus musculus",
        "2010",
        "Nature",
        "PMC1",
        "integrin",
        "pathway",
        "Homo sapiens",
        "١٩٩٩",
        "²²²²",
    )
    with _catalog(place) as catalog:

        def some(rng: random.Random) -> str:
            return rng.choice(values) if rng.random() < 0.6 else text(rng, longest=3)

        def make(rng: random.Random) -> tuple[str, Any]:
            match rng.randint(0, 5):
                case 0:
                    return "words", _question(rng)[:LONGEST]
                case 1:
                    chosen = {rng.choice(names): tuple(some(rng) for _ in range(rng.randint(0, 4))) for _ in range(3)}
                    years = {name: rng.choice((2010, 1, -1, 10**30, True, None)) for name in ("year_from", "year_to")}
                    return "values", chosen | years
                case 2:
                    pairs = [
                        f"{rng.choice((*names, 'q', 'g'))}={quote(some(rng).encode('utf-8', 'replace'))}"
                        for _ in range(6)
                    ]
                    return "address", rng.choice(("&", "&", ";", "&&")).join(pairs)
                case 3:
                    return "kept", changed_json(rng, KEPT)
                case 4:
                    return "controls", [[some(rng)], some(rng), some(rng), some(rng), some(rng)]
                case _:
                    return "view", rng.choice(
                        ("list-1-all-0", "list-1-2-3-year-up", "2-0", "1-0", some(rng), any_json(rng))
                    )

        def read(value: tuple[str, Any]) -> None:
            kind, content = value
            with refusing():
                _read_condition(kind, content, catalog)

        yield make, read


def _read_condition(kind: str, content: Any, catalog: Catalog) -> None:
    held: Filters | None = None
    match kind:
        case "words":
            reading = read_filters(content, journals=catalog.journals, organisms=catalog.organisms)
            str(reading.filters)
            held = reading.filters
        case "values":
            held = Filters(**content)
        case "address":
            if shared := Shared.parse(content):
                again = shared.to_query()
                is_as_it_was = len(again) > MAX_QUERY or Shared.parse(again) == shared
                expect(is_as_it_was, "an address that is not read again as it was")
                held = shared.filters
        case "kept":
            if kept := Kept.parse(content):
                render_kept(kept)
                _told(json.loads(json.dumps(kept.to_dict())) if _is_whole(kept.to_dict()) else {})
                held = kept.filters
        case "controls":
            held = filters_of(*content)
            names_in(content[3])
        case _:
            View.parse(content)
            if isinstance(content, str):
                part_at(Session(), content)
    if held is not None:
        _told(held.to_dict()) if _is_whole(held.to_dict()) else None
        checked = checked_filters(held, catalog)
        str(checked)
        catalog.figids_meeting(checked)


def _is_whole(value: Any) -> bool:
    """Whether it has no half of a character."""
    with suppress(UnicodeEncodeError):
        json.dumps(value, ensure_ascii=False).encode()
        return True
    return False


@contextmanager
def figids(place: Place) -> Iterator[Opened]:
    """Figids in calls and addresses, and in the names of pictures."""
    images = place.inside / "images"
    (images / "PMC1").mkdir(parents=True)
    (images / "PMC1" / "ok.jpg").write_bytes(b"x")
    (images / "PMC1__link.jpg").symlink_to(place.outside / "secret.jpg")
    (images / "PMC2").symlink_to(place.outside)

    with _assistant(place) as assistant, _catalog(place) as catalog:

        def make(rng: random.Random) -> tuple[str, str, str]:
            figid = rng.choice(FIGIDS) if rng.random() < 0.6 else f"PMC1__{text(rng, longest=1)}"
            pmcid = rng.choice(("PMC1", "PMC2", "..", "PMC1/..", text(rng, longest=1)))
            return (
                figid,
                pmcid,
                rng.choice(("ok.jpg", "secret.jpg", "../secret.jpg", "/etc/passwd", text(rng, longest=1))),
            )

        def read(value: tuple[str, str, str]) -> None:
            figid, pmcid, name = value
            with refusing():
                assistant.record(figid)
                assistant.record(_figid(figid))
                understand(f"What does {figid} show?", catalog)
            if FIGID_PATTERN.fullmatch(figid):
                found = find_picture(images, FigureRecord(figid, pmcid=pmcid, filename=name.replace("\x00", "")))
                expect(found is None or _is_inside(found, images), "a picture outside of its folder")
                picture_addresses(FigureRecord(figid))

        yield make, read


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
