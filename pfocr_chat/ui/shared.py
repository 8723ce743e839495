"""Links that ask a question again: what an address carries of it, written and read back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from urllib.parse import parse_qs, urlencode

from pfocr_chat.answers import Answer
from pfocr_chat.queries import Filters

MAX_QUERY = 60_000
"""Characters of an address that are read: the longest question, each character of which can become nine, and
conditions. Servers take some more."""
_QUESTION, _GENERATION = "q", "g"
_YEARS = ("year_from", "year_to")


@dataclass(frozen=True, slots=True)
class Shared:
    """A question that stands on its own, with its conditions and the generation of the index that answered it."""

    question: str
    filters: Filters = field(default_factory=Filters)
    generation: str = ""

    @classmethod
    def of(cls, answer: Answer, beside: Filters | None = None) -> Self:
        """What asks for an answer again, without the conversation that it was given in.

        ``beside`` are the conditions that were set beside the question; those in its own words stay there.
        """
        question = answer.standalone
        is_own = question == answer.question or answer.query is None
        held = beside if is_own or answer.query is None else answer.query.filters
        return cls(question, held or Filters(), answer.generation)

    def to_query(self) -> str:
        """The part of an address after its question mark."""
        pairs: list[tuple[str, Any]] = [(_QUESTION, self.question)]
        pairs += [(name, each) for name, value in self.filters.to_dict().items() for each in _each(value)]
        return urlencode([*pairs, *([(_GENERATION, self.generation)] if self.generation else [])])

    @classmethod
    def parse(cls, query: str) -> Self | None:
        """What ``to_query`` wrote, read again; ``None`` where it has no question. What is no condition is left out."""
        try:
            given = parse_qs(query[:MAX_QUERY].removeprefix("?"), max_num_fields=600)
        except ValueError:
            return None
        question = given.get(_QUESTION, [""])[0].strip()
        if not question:
            return None
        return cls(question, to_filters(given), given.get(_GENERATION, [""])[0])


def to_filters(values: Mapping[str, Any]) -> Filters:
    """The conditions among some values, of which each is a list of texts; others are left out."""
    found: dict[str, Any] = {}
    for name in (f.name for f in fields(Filters)):
        texts = [text for text in values.get(name, ()) if isinstance(text, str) and text.strip()]
        if name not in _YEARS:
            found[name] = tuple(texts)
        elif texts and texts[0].isascii() and texts[0].isdecimal() and len(texts[0]) == 4:
            found[name] = int(texts[0])
    return Filters(**found)


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
