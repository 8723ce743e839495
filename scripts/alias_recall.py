"""Measure alias recall: does a question with a word as figures print it reach the gene it was matched to?

    python scripts/alias_recall.py VECTORSTORE

Asks "Which figures show WORD?" for every pair of a printed word and a gene in the gene tables of an
index whose source is a symbol or a synonym (tiers 1 and 2). A pair is reached

- as a name, where the gene is among the names or the alternatives of what the question names;
- by its figure, where the names and lookup keys of what the question names find each figure that prints the pair;
- in the list, where the exact list that answers the question holds each figure that prints the pair.

Prints the three recalls in Markdown, by distinct pairs and by the figures that print them, and the
misses by class with examples: the word, its gene, the part of the word that was matched to it, and
what the question was understood to name instead.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.generations import generation_folder, read_manifest
from pfocr_chat.lexicon import lookup_key, name_key, name_windows, reads_as_name
from pfocr_chat.queries import Entity, Query
from pfocr_chat.query import understand
from pfocr_chat.records import FigureRecord, Kind, Tier
from pfocr_chat.retriever import Retriever
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex
from pfocr_chat.windows import LONGEST

QUESTION = "Which figures show {}?"
EXAMPLES = 3

_SERIES = re.compile(r"[^\W\d_]-?\d+(?:[-–/,]\d+)+")


@dataclass(frozen=True, slots=True)
class Pair:
    """A printed word with the gene it was matched to: what of the word was matched, and the figures that print it."""

    word: str
    gene: str
    matched: tuple[str, ...]
    figids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question with the word of a pair reached; ``found`` and ``listed`` are figures that print the pair."""

    pair: Pair
    named: bool
    found: frozenset[str]
    listed: frozenset[str]
    entities: tuple[Entity, ...]

    @property
    def is_found(self) -> bool:
        """Whether every figure that prints the pair was found."""
        return self.found == self.pair.figids

    @property
    def is_listed(self) -> bool:
        """Whether every figure that prints the pair was listed."""
        return self.listed == self.pair.figids


class Miss(StrEnum):
    """Why a pair is not reached; the first that holds."""

    NUMBER = "a number, or one letter with a number"
    ALPHABET = "letters of another alphabet or with marks (OCR)"
    SERIES = "a series written as one word"
    RESPELLED = "spelled otherwise in the table (Roman number, y for γ, plural, letters left out)"
    ORDINARY = "an English word, not in capitals"
    ABBREVIATION = "abbreviates something else, as captions explain it"
    COMMON = "a word of the texts more often than a printed name, not in capitals"
    OTHER_NAME = "names another gene, family or substance first"
    REST = "anything else"


def pairs_of(records: Iterable[FigureRecord]) -> tuple[Pair, ...]:
    """The distinct pairs of the records' gene tables, in the order of their words."""
    matched: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    figids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        for mention in record.mentions_of(Kind.GENE):
            if mention.tier <= Tier.SYNONYM:
                pair = mention.word, mention.name
                matched[pair][mention.match or mention.word] = None
                figids[pair].add(record.figid)
    return tuple(
        Pair(word, gene, tuple(matched[word, gene]), frozenset(figids[word, gene])) for word, gene in sorted(figids)
    )


def outcomes_of(
    pairs: Iterable[Pair], catalog: Catalog, list_of: Callable[[Query], Iterable[str]]
) -> Iterator[Outcome]:
    """What a question with the word of each pair reaches; ``list_of`` gives the exact list that answers a query."""
    by_word: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_word[pair.word].append(pair)
    for word, alike in by_word.items():
        query = understand(QUESTION.format(word), catalog)
        found: set[str] = set()
        for entity in query.entities:
            found.update(catalog.figids_printing(entity.kind, entity.names, entity.keys))
        # The list that answers a question which says nothing is all figures.
        listed = frozenset(list_of(query) if query.entities or query.subjects else ())
        for pair in alike:
            yield Outcome(
                pair=pair,
                named=any(pair.gene in (*entity.names, *entity.alternatives) for entity in query.entities),
                found=pair.figids & found,
                listed=pair.figids & listed,
                entities=query.entities,
            )


def class_of(outcome: Outcome, catalog: Catalog) -> Miss:
    """Why a pair is not reached."""
    pair = outcome.pair
    letters = [c for c in pair.word if c.isalpha()]
    if len(letters) < 2:
        return Miss.NUMBER
    if any(not c.isascii() and "GREEK" not in unicodedata.name(c, "") for c in letters):
        return Miss.ALPHABET
    if _SERIES.search(pair.word):
        return Miss.SERIES
    printed = _as_printed(pair)
    if not printed:
        return Miss.RESPELLED
    if not any(map(reads_as_name, printed)):
        return Miss.ORDINARY
    if catalog.expansions(map(name_key, printed)):
        return Miss.ABBREVIATION
    if any(lookup_key(entity.mention) in map(lookup_key, printed) for entity in outcome.entities):
        return Miss.OTHER_NAME
    is_plain = all(written.isalpha() and written[1:].islower() for written in printed)
    return Miss.COMMON if is_plain else Miss.REST


def _as_printed(pair: Pair) -> list[str]:
    """The parts of the word that are spelled as what was matched."""
    keys = {lookup_key(matched) for matched in pair.matched}
    return [written for key, _, _, written in name_windows(pair.word, LONGEST) if lookup_key(key) in keys]


def report(outcomes: Sequence[Outcome], catalog: Catalog) -> Iterator[str]:
    """The lines to print."""
    pairs, figures = len(outcomes), sum(len(o.pair.figids) for o in outcomes)
    yield f"{pairs:,} distinct pairs of {len({o.pair.word for o in outcomes}):,} words, {figures:,} with their figures"
    yield ""
    yield "| reached | distinct pairs | by figures |"
    yield "|---|---|---|"
    for label, reached, counted in (
        ("as a name", [o.named for o in outcomes], [len(o.pair.figids) * o.named for o in outcomes]),
        ("by its figure", [o.is_found for o in outcomes], [len(o.found) for o in outcomes]),
        ("in the list", [o.is_listed for o in outcomes], [len(o.listed) for o in outcomes]),
    ):
        yield f"| {label} | {sum(reached) / max(pairs, 1):.3f} | {sum(counted) / max(figures, 1):.3f} |"
    classes: dict[Miss, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if not (outcome.named and outcome.is_found and outcome.is_listed):
            classes[class_of(outcome, catalog)].append(outcome)
    if classes:
        yield ""
        yield "| misses | not named | not found | figures not found | not listed | examples of what is not found |"
        yield "|---|---|---|---|---|---|"
    for miss, missed in sorted(classes.items(), key=lambda item: -sum(not o.is_found for o in item[1])):
        yield _row(miss, missed)


def _row(miss: Miss, missed: Sequence[Outcome]) -> str:
    unfound = sorted(
        (o for o in missed if not o.is_found), key=lambda o: (len(o.found) - len(o.pair.figids), o.pair.word)
    )
    lost = sum(len(o.pair.figids) - len(o.found) for o in missed)
    # One example a gene: the spellings of one are many.
    shown = list({o.pair.gene: _example(o) for o in reversed(unfound)}.values())[::-1][:EXAMPLES]
    counts = (sum(not o.named for o in missed), len(unfound), lost, sum(not o.is_listed for o in missed))
    return f"| {miss} | {' | '.join(map(str, counts))} | {'; '.join(shown)} |"


def _example(outcome: Outcome) -> str:
    pair = outcome.pair
    matched = "" if pair.matched == (pair.word,) else f" (as {', '.join(pair.matched)})"
    understood = "; ".join(map(str, outcome.entities)) or "no name"
    return f"“{pair.word}” → {pair.gene}{matched}: {understood}".replace("|", "\\|")


class _NotAsked:
    """In place of an embedder, which an exact list does not need."""

    def embed_query(self, text: str) -> list[float]:
        raise NotImplementedError(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the index in the folder that the arguments name, those of the command line by default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectorstore", type=Path)
    vectorstore = parser.parse_args(arguments).vectorstore
    folder = generation_folder(vectorstore, read_manifest(vectorstore).generation)
    with Catalog(folder / FILE_NAME) as catalog, VectorIndex(folder / FOLDER_NAME) as vectors:
        records = catalog.records(sorted(catalog.figids())).values()
        retriever = Retriever(catalog, vectors, _NotAsked())
        outcomes = list(outcomes_of(pairs_of(records), catalog, retriever.complete))
        for line in report(outcomes, catalog):
            print(line)


if __name__ == "__main__":
    main()
