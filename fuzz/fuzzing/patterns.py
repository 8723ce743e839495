"""Every regular expression of the package, on long texts that repeat what it looks for."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pfocr_chat
from fuzzing.chance import HOSTILE_TEXT, WORDS
from fuzzing.targets import Opened, Place

LENGTH = 4_000
"""Characters: those of the longest question."""
SINGLE = tuple(" \t\n.,;:!?()[]{}<>\"'’“”-–—_/\\|&#*`~=+%$@^0129aAzZéαβ²人\u0301\u200b")
OFTEN = (
    *(
        "a ",
        "A ",
        "a.",
        "A. ",
        "1 ",
        "1.",
        "1,",
        "1-",
        "a-",
        "a/",
        "(a",
        "a)",
        "[1]",
        "((",
        "))",
        " a",
        ", ",
        "; ",
        " (",
        ") ",
    ),
    *(
        "and ",
        "or ",
        "not ",
        "in ",
        "of ",
        "the ",
        "figures ",
        "which ",
        "all ",
        "since 2010 ",
        "by ",
        "with ",
        "IL-6 ",
    ),
    *(
        "p38 ",
        "does ",
        "how ",
        "the second ",
        "such as ",
        "<@U",
        "<@U|",
        ":a",
        " :a:",
        "<a",
        "**",
        "- ",
        "\n- ",
        "\n1. ",
    ),
    *(
        "PMC1__a",
        "PMC1",
        "http://",
        "A1",
        "a1",
        "Ab",
        "ab",
        "aB ",
        "AB, ",
        "genes: ",
        "# ",
        "\n#",
        "10.1/",
        "µM ",
        "5 mg ",
    ),
)


def found_patterns() -> dict[str, re.Pattern[Any]]:
    """The patterns that stand at the top of the package's modules, by place."""
    found: dict[str, re.Pattern[Any]] = {}
    for info in pkgutil.walk_packages(pfocr_chat.__path__, "pfocr_chat."):
        if info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern):
                found[f"{info.name}.{name}"] = value
            elif isinstance(value, tuple | list):
                found |= {f"{info.name}.{name}[{at}]": p for at, p in enumerate(_inside(value))}
    return found


def _inside(values: Any) -> Iterator[re.Pattern[Any]]:
    for value in values:
        if isinstance(value, re.Pattern):
            yield value
        elif isinstance(value, tuple | list):
            yield from _inside(value)


def words_of(pattern: re.Pattern[Any]) -> list[str]:
    """What the pattern itself says, letter by letter."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    plain = re.sub(r"\\[a-zA-Z]|\(\?[a-zA-Z:=!<]+|[^\w ’'./:-]", "\n", source)
    return [word for word in dict.fromkeys(plain.split("\n")) if word.strip()][:200]


def repeated(rng: random.Random, own: list[str], length: int = LENGTH) -> str:
    """One to three pieces again and again, between a beginning and an end."""
    pieces = [
        rng.choice(rng.choice((own or OFTEN, OFTEN, SINGLE, WORDS, HOSTILE_TEXT))) for _ in range(rng.randint(1, 3))
    ]
    unit = rng.choice(("", "", " ")).join(pieces) or "a"
    start, end = (rng.choice(rng.choice((own or OFTEN, OFTEN, ("",)))) for _ in range(2))
    return (start + unit * (length // len(unit) + 1))[:length] + end + rng.choice(("", "!", " x", "\n", "("))


@contextmanager
def patterns(place: Place) -> Iterator[Opened]:  # noqa: ARG001 - as all targets are opened
    found = found_patterns()
    names = sorted(found)
    own = {name: words_of(pattern) for name, pattern in found.items()}

    def make(rng: random.Random) -> tuple[str, str]:
        name = rng.choice(names)
        return name, repeated(rng, own[name], rng.choice((LENGTH, LENGTH, 10 * LENGTH)))

    def read(value: tuple[str, str]) -> None:
        name, text = value
        pattern = found[name]
        subject: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
        pattern.search(subject)
        pattern.match(subject)
        pattern.fullmatch(subject)
        for _ in pattern.finditer(subject[:LENGTH]):
            pass

    yield make, read
