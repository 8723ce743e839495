"""What is fuzzed: each target makes inputs of one kind and has them read by the code that reads them in earnest."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Make = Callable[[random.Random], Any]
Read = Callable[[Any], None]
Opened = tuple[Make, Read]


@dataclass(frozen=True)
class Place:
    """Where a target works: ``inside`` is its own folder, ``outside`` one that nothing may be read from.

    ``index`` gives the folder of an index, which is made when it is first asked for.
    """

    inside: Path
    outside: Path
    index: Callable[[], Path]


@dataclass(frozen=True)
class Target:
    """One kind of input. ``share`` is how many of a hundred inputs it gets; ``where`` is its module and function."""

    name: str
    about: str
    share: float
    where: str

    def open(self, place: Place) -> AbstractContextManager[Opened]:
        """Its maker and its reader; what loads slowly is loaded only by the targets that need it."""
        module, _, function = self.where.partition(":")
        opened: AbstractContextManager[Opened] = getattr(importlib.import_module(f"fuzzing.{module}"), function)(place)
        return opened


TARGETS = (
    Target("records", "record files: front matter, names, links", 30, "files:records"),
    Target("tables", "gene, chemical and disease tables", 14, "files:tables"),
    Target("prompts", "prompt files", 8, "files:prompts"),
    Target("manifests", "manifest.json", 8, "files:manifests"),
    Target("sources", "source.json and the state of a copy", 5, "files:sources"),
    Target("cases", "files of evaluation questions", 9, "files:cases"),
    Target("feedback", "feedback, its file and its export", 2, "files:feedback"),
    Target("patterns", "every regular expression on repeated pieces", 4, "patterns:patterns"),
    Target("figids", "figids, and paths made of them", 5, "asking:figids"),
    Target("questions", "questions being understood", 5, "asking:questions"),
    Target("filters", "conditions in words, addresses, values and what a browser keeps", 5, "asking:filters"),
    Target("genes", "gene lists", 1, "asking:genes"),
    Target("answers", "questions and follow-ups being answered, shown and exported", 0.3, "asking:answers"),
    Target("http", "requests to the page, the API, MCP, pictures and health", 2.5, "web:http"),
    Target("wire", "bytes sent to the server's port", 0.4, "web:wire"),
    Target("slack", "Slack's requests, most of them with a good signature", 1.3, "slackdoor:slack"),
)


def prepared(outside: Path) -> Path:
    """The folder that nothing may be read from, with what an attacker would like to see of it."""
    for name in ("_figures", "_data"):
        (outside / name).mkdir(parents=True, exist_ok=True)
    record = f"---\nfigid: PMC1__secret\nfigtitle: {SECRET}\n---\n"
    for name in ("secret", "secret.md", "_figures/PMC1__secret.md"):
        (outside / name).write_text(record)
    for name in ("secret.tsv", "_data/PMC1__x-genes.tsv"):
        (outside / name).write_text(f"word\tncbigene_symbol\n{SECRET}\t{SECRET}\n")
    for name in ("secret.jpg", "PMC1__secret.jpg", "manifest.json"):
        (outside / name).write_text(SECRET)
    return outside


SECRET = "CANARY7531"  # noqa: S105 - what is not to be read
