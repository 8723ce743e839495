"""What people say of answers: kept in one SQLite file, and turned into cases for the evaluation."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pfocr_chat.answers import Answer
from pfocr_chat.errors import FeedbackError
from pfocr_chat.records import FIGID_PATTERN
from pfocr_chat.untrusted import parse_json

FILE_NAME = "feedback.sqlite"
"""Its place is beside the index's manifest."""
MAX_COMMENT = 2_000
"""Characters; a longer comment is refused."""
MAX_QUESTION = 4_000
MAX_FIGIDS = 50
"""Figures of an answer that are kept, the best."""
SECONDS_TO_WAIT = 10.0
"""For another process that is writing."""

Source = Literal["page", "slack", "api"]

_TABLE = """
CREATE TABLE IF NOT EXISTS feedback (
    id INTEGER PRIMARY KEY,
    given TEXT NOT NULL, kind TEXT NOT NULL, question TEXT NOT NULL, figids TEXT NOT NULL,
    comment TEXT NOT NULL, source TEXT NOT NULL, generation TEXT NOT NULL,
    filters TEXT NOT NULL DEFAULT '', standalone TEXT NOT NULL DEFAULT ''
)
"""
_ADDED = ("filters", "standalone")
"""Columns that the first version's files do not have."""


class FeedbackKind(StrEnum):
    """What is said of an answer."""

    USEFUL = "useful"
    WRONG_CITATION = "wrong citation"
    """A figure is cited for what it does not show."""
    MISSED_FIGURE = "missed figure"
    """A figure that should be among those of the answer is not; the comment may name it."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody says of one answer; who it was is not kept.

    ``figids`` are the figures that the answer cited or listed, best first; those beyond ``MAX_FIGIDS`` are left
    out. ``generation`` is the index's that answered, and ``given`` the time (ISO 8601, UTC), which the store
    sets where it is empty. ``standalone`` is what a follow-up was read as, with the words or figures that it refers
    back to, and ``filters`` are the conditions that held, as a JSON text; both are empty where the question says all.

    Raises:
        FeedbackError: the question is empty, or it or the comment is too long.
        ValueError: a value is none of its kind.
    """

    kind: FeedbackKind
    question: str
    figids: tuple[str, ...] = ()
    comment: str = ""
    source: Source = "page"
    generation: str = ""
    given: str = ""
    filters: str = ""
    standalone: str = ""

    @classmethod
    def on(cls, answer: Answer, kind: FeedbackKind, comment: str = "", source: Source = "page") -> Self:
        """What is said of an answer, with all that it takes to know what was asked.

        Raises:
            FeedbackError: the comment is too long.
        """
        figids = tuple(dict.fromkeys([*(citation.figid for citation in answer.citations), *answer.figids]))
        filters, standalone = unsaid(answer)
        return cls(
            *(kind, answer.question, figids, comment, source, answer.generation), filters=filters, standalone=standalone
        )

    def __post_init__(self) -> None:
        if wrong := [f.name for f in fields(self) if f.name != "figids" and not isinstance(getattr(self, f.name), str)]:
            raise ValueError(f"the {wrong[0]} of feedback is no text")
        object.__setattr__(self, "kind", FeedbackKind(self.kind))
        object.__setattr__(self, "figids", tuple(self.figids)[:MAX_FIGIDS])
        if self.source not in ("page", "slack", "api"):
            raise ValueError(f"not a source of feedback: {self.source!r}")
        for figid in self.figids:
            if not (isinstance(figid, str) and FIGID_PATTERN.fullmatch(figid)):
                raise ValueError(f"not a figid: {str(figid)[:80]!r}")
        if not self.question.strip():
            raise FeedbackError("There is no question that the feedback is about.")
        if len(self.question) > MAX_QUESTION:
            raise FeedbackError(
                f"The question has {len(self.question):,} characters; at most {MAX_QUESTION:,} are kept."
            )
        if len(self.comment) > MAX_COMMENT:
            raise FeedbackError(
                f"The comment has {len(self.comment):,} characters, and at most {MAX_COMMENT:,} are kept. Shorten it."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"kind": self.kind.value, "figids": list(self.figids)}


_COLUMNS = tuple(f.name for f in fields(Feedback))
_INSERT = f"INSERT INTO feedback ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - own names  # nosec B608
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM feedback ORDER BY id"  # noqa: S608 - as above  # nosec B608


class FeedbackStore:
    """The feedback in one SQLite file, which threads and processes may share.

    The file is made when the first feedback is added, so that an index in a folder that cannot be written can
    be served all the same.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def add(self, feedback: Feedback) -> int:
        """Keep it; returns its number, from 1.

        Raises:
            FeedbackError: the file cannot be written.
        """
        stamped = replace(feedback, given=feedback.given or datetime.now(UTC).isoformat(timespec="seconds"))
        row = stamped.to_dict() | {"figids": json.dumps(stamped.figids)}
        with self._using("written") as connection, connection:
            return connection.execute(_INSERT, [_storable(row[name]) for name in _COLUMNS]).lastrowid or 0

    def all(self) -> list[Feedback]:
        """Everything that was said, oldest first.

        Raises:
            FeedbackError: the file cannot be read.
        """
        if not self._path.exists():
            return []
        with self._using("read") as connection:
            rows = connection.execute(_SELECT).fetchall()
        return [_parse(row, self._path) for row in rows]

    def put_back(self, said: Iterable[Feedback], *, instead: bool = False) -> bool:
        """Keep this where there is none, or ``instead`` of what is there, in one step; whether that was done.

        Raises:
            FeedbackError: the file cannot be written.
        """
        rows = [feedback.to_dict() | {"figids": json.dumps(feedback.figids)} for feedback in said]
        with self._using("written") as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            if not instead and connection.execute("SELECT 1 FROM feedback LIMIT 1").fetchone():
                return False
            connection.execute("DELETE FROM feedback")
            connection.executemany(_INSERT, [[_storable(row[name]) for name in _COLUMNS] for row in rows])
        return True

    def close(self) -> None:
        """Release the file; closing twice is harmless."""
        with self._lock:
            self._closed = True
            if self._connection:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _using(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise FeedbackError("The feedback has been closed.")
            try:
                self._connection = self._connection or self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as exc:
                raise FeedbackError(f"The feedback in {self._path} cannot be {what}: {exc}.") from exc

    def _open(self) -> sqlite3.Connection:
        # IMMEDIATE: a writer waits for its turn from the start. Waiting with a read lock held could be refused at once.
        connection = sqlite3.connect(
            self._path, timeout=SECONDS_TO_WAIT, check_same_thread=False, isolation_level="IMMEDIATE"
        )
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_TABLE)
                _migrate(connection)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def to_cases(feedback: Iterable[Feedback]) -> list[dict[str, Any]]:
    """Questions that the evaluation can score, each once, as the objects of its file; see ``evaluation.read_cases``.

    A question's figures are those that a comment on missed ones names, and those of answers that were useful,
    without those of answers that cite wrongly (if the comment on that names some of them, without these only).
    A question for which no figure is left yields no case. Nor does what was said of a follow-up, or of a question with
    conditions beside it: without those it asks for other figures.
    """
    questions: dict[str, str] = {}
    missed: dict[str, list[str]] = {}
    useful: dict[str, list[str]] = {}
    wrong: dict[str, set[str]] = {}
    for said in feedback:
        if said.filters or said.standalone:
            continue
        key = " ".join(said.question.split()).casefold()
        questions.setdefault(key, " ".join(said.question.split()))
        named = _named(said.comment)
        match said.kind:
            case FeedbackKind.USEFUL:
                useful.setdefault(key, []).extend(said.figids)
            case FeedbackKind.MISSED_FIGURE:
                missed.setdefault(key, []).extend(named)
            case FeedbackKind.WRONG_CITATION:
                wrong.setdefault(key, set()).update({*named} & {*said.figids} or said.figids)
    found: list[dict[str, Any]] = []
    for key, question in questions.items():
        kept = [figid for figid in useful.get(key, ()) if figid not in wrong.get(key, ())]
        gold = list(dict.fromkeys([*missed.get(key, ()), *kept]))
        if gold:
            qid = "feedback-" + hashlib.sha256(key.encode()).hexdigest()[:10]
            found.append({"qid": qid, "type": "known", "question": question, "gold": gold})
    return found


def _named(comment: str) -> list[str]:
    """The figids in a comment, also those in addresses of figure pages, without the punctuation behind them."""
    found = []
    for match in FIGID_PATTERN.finditer(comment):
        before, after = comment[: match.start()][-1:], comment[match.end() :][:1]
        figid = match[0].rstrip("._-+").removesuffix(".html")
        if FIGID_PATTERN.fullmatch(figid) and not before.isalnum() and not after.isalnum():
            found.append(figid)
    return found


def unsaid(answer: Answer) -> tuple[str, str]:
    """What an answer's question leaves unsaid: ``filters`` and ``standalone`` of ``Feedback``."""
    query = answer.query
    if query is None:
        return "", ""
    is_own = len(answer.conversation.turns) < 2 or answer.standalone == answer.question
    held = None if is_own and query.filters == query.stated else query.filters
    filters = json.dumps(held.to_dict(), ensure_ascii=False) if held else ""
    return filters, "" if is_own else answer.standalone[:MAX_QUESTION]


def _migrate(connection: sqlite3.Connection) -> None:
    """Add the columns that an older file does not have, within a transaction that is under way."""
    there = {row[1] for row in connection.execute("PRAGMA table_info(feedback)")}
    for name in _ADDED:
        if name not in there:
            connection.execute(f"ALTER TABLE feedback ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")


def _storable(value: str) -> str:
    """The text without lone surrogates, which a file in UTF-8 cannot hold."""
    return value.encode("utf-8", "replace").decode()


def _parse(row: tuple[str, ...], path: Path) -> Feedback:
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    try:
        if not all(isinstance(value, str) for value in row):
            raise ValueError("a value in it is no text")
        figids = parse_json(values["figids"])
        if not isinstance(figids, list) or not all(isinstance(figid, str) for figid in figids):
            raise ValueError("its figids are no list of texts")
        # An earlier version took more for figids.
        return Feedback(**(values | {"figids": tuple(figid for figid in figids if FIGID_PATTERN.fullmatch(figid))}))
    except (ValueError, FeedbackError) as exc:
        raise FeedbackError(f"The feedback in {path} cannot be read: {str(exc)[:200]}.") from exc
