"""Evaluation questions, read from a JSON Lines file into frozen cases."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pfocr_chat.errors import EvaluationError
from pfocr_chat.records import FigureRecord
from pfocr_chat.untrusted import parse_json

LONGEST_REASON = 300
"""Characters: what stands in the line may be long."""


class CaseType(StrEnum):
    """What a question asks for, and so what counts as a good answer."""

    KNOWN = "known"
    LISTING = "listing"
    GENEPAIR = "genepair"
    METADATA = "metadata"
    LOOKUP = "lookup"
    FOLLOWUP = "followup"
    UNANSWERABLE = "unanswerable"
    INJECTION = "injection"


REQUIRED: Mapping[CaseType, tuple[str, ...]] = {
    CaseType.KNOWN: ("gold",),
    CaseType.LISTING: ("grades", "judged"),
    CaseType.GENEPAIR: ("gold",),
    CaseType.METADATA: ("filter", "gold"),
    CaseType.LOOKUP: ("gold", "must"),
    CaseType.FOLLOWUP: ("turns",),
    CaseType.UNANSWERABLE: (),
    CaseType.INJECTION: (),
}
_NEEDS_TARGET = (CaseType.KNOWN, CaseType.LOOKUP)


def _name_words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", name.casefold()))


def _same_organism(wanted: str, found: str) -> bool:
    """Whether ``found`` is ``wanted`` or a strain of it, the genus spelt out or as an initial."""
    want, have = _name_words(wanted), _name_words(found)
    if not want or len(have) < len(want) or want[1:] != have[1 : len(want)]:
        return False
    return want[0] == have[0] or (len(want) > 1 and 1 in (len(want[0]), len(have[0])) and want[0][0] == have[0][0])


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that every figure of an answer has to meet; ``None`` asks for nothing."""

    year: int | None = None
    year_from: int | None = None
    year_to: int | None = None
    organism: str | None = None
    journal: str | None = None
    pmcid: str | None = None

    def admits(self, record: FigureRecord) -> bool:
        """Whether the record is known to meet every condition; an unknown year meets none."""
        return (
            self._admits_year(record.year)
            and (self.organism is None or any(_same_organism(self.organism, o) for o in record.organisms))
            and (self.journal is None or _name_words(self.journal) == _name_words(record.journal or ""))
            and (self.pmcid is None or self.pmcid == record.pmcid)
        )

    def _admits_year(self, year: int | None) -> bool:
        if self.year is None and self.year_from is None and self.year_to is None:
            return True
        return (
            year is not None
            and (self.year is None or year == self.year)
            and (self.year_from is None or year >= self.year_from)
            and (self.year_to is None or year <= self.year_to)
        )


@dataclass(frozen=True, slots=True)
class CaseTurn:
    """One turn of a conversation with the figure that it is about and the facts it asks for."""

    question: str
    gold: tuple[str, ...]
    must: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what counts as its answer; fields that its type does not use are empty.

    The first of ``gold`` is the target. ``grades`` holds 2 for a figure that answers and 1 for one
    that does so in part; figures outside ``judged`` are unjudged.
    """

    qid: str
    type: CaseType
    question: str
    gold: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    grades: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    judged: frozenset[str] = frozenset()
    filter: Filter = Filter()
    turns: tuple[CaseTurn, ...] = ()
    kind: str | None = None

    @property
    def questions(self) -> tuple[str, ...]:
        """What is asked, turn by turn."""
        return tuple(turn.question for turn in self.turns) or (self.question,)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every figid that counts as an answer, the target first."""
        return tuple(self.grades) if self.type is CaseType.LISTING else self.gold


def read_cases(path: str | Path) -> tuple[Case, ...]:
    """The cases of a JSON Lines file, in its order; blank lines and a byte order mark are passed over.

    Raises:
        EvaluationError: the file, the line and what is wrong with it.
    """
    cases: dict[str, Case] = {}
    lines: dict[str, int] = {}
    # Not splitlines(): a JSON string may hold U+2028 as it is.
    for number, line in enumerate(_read_text(Path(path)).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = _parse_case(_parse_object(line))
            if case.qid in cases:
                raise ValueError(f"qid {case.qid!r} is already on line {lines[case.qid]}")
        except ValueError as exc:
            reason = str(exc)
            reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"
            raise EvaluationError(f"{path}, line {number}: {reason}.") from exc
        cases[case.qid], lines[case.qid] = case, number
    if not cases:
        raise EvaluationError(f"{path} holds no questions; give a file with one JSON object a line.")
    return tuple(cases.values())


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as exc:
        raise EvaluationError(f"{path}: there is no such file of questions.") from exc
    except OSError as exc:
        raise EvaluationError(f"{path} cannot be read: {exc.strerror}.") from exc
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        raise EvaluationError(f"{path}, line {line}: not UTF-8 text.") from exc


def _parse_object(line: str) -> dict[str, Any]:
    try:
        row = parse_json(line)
    except json.JSONDecodeError as exc:
        raise ValueError(f"not JSON ({exc.msg} at column {exc.colno})") from exc
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    return row


def _parse_case(row: dict[str, Any]) -> Case:
    qid = _text(row, "qid")
    name = _text(row, "type")
    try:
        kind = CaseType(name)
    except ValueError as exc:
        raise ValueError(f"unknown type {name!r}; known are {', '.join(CaseType)}") from exc
    for required in REQUIRED[kind]:
        if required not in row:
            raise ValueError(f"a {kind} question needs the field {required!r}")
    turns = _parse_turns(row) if kind is CaseType.FOLLOWUP else ()
    gold = turns[-1].gold if turns else _texts(row, "gold")
    if kind in _NEEDS_TARGET and not gold:
        raise ValueError(f"the field 'gold' of a {kind} question is empty")
    return Case(
        qid=qid,
        type=kind,
        question=_text(row, "question"),
        gold=gold,
        must=turns[-1].must if turns else _texts(row, "must"),
        grades=MappingProxyType(_parse_grades(row)),
        judged=frozenset(_texts(row, "judged")),
        filter=_parse_filter(row),
        turns=turns,
        kind=_text(row, "kind") if "kind" in row else None,
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    if name not in row:
        raise ValueError(f"the field {name!r} is missing")
    value = row[name]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the field {name!r} is not a text")
    return value


def _texts(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name, [])
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError(f"the field {name!r} is not a list of texts")
    return tuple(value)


def _parse_grades(row: Mapping[str, Any]) -> dict[str, int]:
    value = row.get("grades", {})
    if not isinstance(value, dict) or not all(type(grade) is int and grade in (1, 2) for grade in value.values()):
        raise ValueError("the field 'grades' does not give each figid 1 or 2")
    return value


def _parse_filter(row: Mapping[str, Any]) -> Filter:
    value = row.get("filter", {})
    if not isinstance(value, dict) or ("filter" in row and not value):
        raise ValueError("the field 'filter' is not an object with at least one condition")
    for name, wanted in value.items():
        if name not in Filter.__slots__:
            raise ValueError(f"unknown filter {name!r}; known are {', '.join(Filter.__slots__)}")
        kind = int if name.startswith("year") else str
        if type(wanted) is not kind:
            raise ValueError(f"the filter {name!r} is not {'a whole number' if kind is int else 'a text'}")
    return Filter(**value)


def _parse_turns(row: Mapping[str, Any]) -> tuple[CaseTurn, ...]:
    value = row["turns"]
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(turn, dict) for turn in value):
        raise ValueError("the field 'turns' is not a list of two or more objects")
    turns = tuple(CaseTurn(_text(t, "question"), _texts(t, "gold"), _texts(t, "must")) for t in value)
    if not turns[-1].gold:
        raise ValueError("the last of 'turns' has no 'gold'")
    return turns
