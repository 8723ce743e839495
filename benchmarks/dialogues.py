"""What visitors of a soak test ask: conversations about the index's own figures, each with the figures that answer it.

Every visitor has genes and figures of its own, so that an answer to somebody else's question shows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pfocr_chat import Assistant, Facet, open_assistant

FEW, MANY = 1, 150
"""Figures that a gene asked about has at least and at most."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a question is to bring, asked in its place: the figures that answer it, those cited, or no answer."""

    question: str
    figids: tuple[str, ...]
    cited: tuple[str, ...]
    abstained: bool


Script = tuple[Expected, ...]
"""One conversation: a question and what follows up on it."""


def write_scripts(vectorstore: Path, visitors: int, *, seed: int) -> list[list[Script]]:
    """For each visitor some conversations, answered here without a language model, which chooses no figures."""
    chance = random.Random(seed)  # noqa: S311 - no secret  # nosec B311
    with open_assistant(vectorstore, llm="none") as assistant:
        genes, figids = _subjects(assistant)
        chance.shuffle(genes)
        chance.shuffle(figids)
        scripts = []
        for visitor in range(visitors):
            own = [genes[(2 * visitor + n) % len(genes)] for n in range(2)]
            shown = [figids[(2 * visitor + n) % len(figids)] for n in range(2)]
            scripts.append([_answered(assistant, turns) for turns in _conversations(own, shown)])
    return scripts


def _conversations(genes: Sequence[str], figids: Sequence[str]) -> list[list[str]]:
    first, second = genes[:2]
    return [
        [f"Which figures show {first}?", "only those after 2014", "How many figures by year?"],
        [f"How does {first} act in cells?", f"And {second}?"],
        [f"What does {figids[0]} show?", "Which genes are in it?", "Which figures are like it?"],
        [f"How many figures by journal on {second}?"],
        [f"What is the role of {second} in disease?"],
        [f"all figures with {first} and {second}", f"What does {figids[1]} show?"],
        [f"What is the price of {first} tablets?"],
    ]


def _answered(assistant: Assistant, turns: Sequence[str]) -> Script:
    found, conversation = [], None
    for question in turns:
        answer = assistant.ask(question, conversation)
        conversation = answer.conversation
        cited = tuple(citation.figid for citation in answer.citations)
        found.append(Expected(question, answer.figids, cited, answer.abstained))
    return tuple(found)


def _subjects(assistant: Assistant) -> tuple[list[str], list[str]]:
    """Genes that some figures print under their own symbols, and figures that print any."""
    rows = assistant.count(Facet.GENE).rows
    genes = [row.label for row in rows if FEW <= row.figures <= MANY and len(row.label) > 3 and row.label.isupper()]
    return sorted(genes), sorted({figid for row in rows for figid in row.figids})
