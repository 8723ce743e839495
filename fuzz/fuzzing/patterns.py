"""Every regular expression of the package, on long texts that repeat what it looks for."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pfocr_chat
from fuzzing.chance import HOSTILE_TEXT, WORDS
from fuzzing.targets import Opened, Place
from pfocr_chat.corpus import MAX_CAPTION

LENGTH = 4_000
"""Characters: those of the longest question."""
OF_CAPTIONS = (
    *("abbreviations", "agreement", "alignment", "attested", "citations", "corpus", "effects", "exports", "lexicon"),
    *("modality", "numbers", "organisms", "places", "plaintext", "records", "relations", "sentences", "tokens"),
    *("verification", "slack.mrkdwn", "ui.marks", "ui.html"),
)
"""Modules that read captions, which may be as long as ``MAX_CAPTION``."""
METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "split")
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


def uses_of(names: Iterable[str]) -> dict[str, list[str]]:
    """How each pattern is used, by the methods that the package calls of it: ``fullmatch`` is quick where ``search``
    is not."""
    folder = Path(pfocr_chat.__file__).parent
    source = "\n".join(path.read_text("utf-8") for path in sorted(folder.rglob("*.py")))
    found = {}
    for place in names:
        name = place.rpartition(".")[2].partition("[")[0]
        called = set(re.findall(rf"\b{name}\.(\w+)\(", source)) & set(METHODS)
        found[place] = sorted(called or ({"sub", "search"} if "[" in place else {"search"}))
    return found


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
    uses = uses_of(names)

    def make(rng: random.Random) -> tuple[str, str]:
        name = rng.choice(names)
        is_of_captions = name.startswith(tuple(f"pfocr_chat.{module}." for module in OF_CAPTIONS))
        return name, repeated(rng, own[name], MAX_CAPTION if is_of_captions and rng.random() < 0.5 else LENGTH)

    def read(value: tuple[str, str]) -> None:
        name, text = value
        pattern = found[name]
        subject: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
        for method in uses[name]:
            match method:
                case "sub":
                    pattern.sub("" if isinstance(subject, str) else b"", subject)
                case "finditer":
                    list(pattern.finditer(subject))
                case _:
                    getattr(pattern, method)(subject)

    yield make, read
