"""What the bot has to remember: questions and whether they are answered, threads, answers, buttons pressed.

One SQLite file, so that a question is answered exactly once also when the bot is started anew. One bot at a
time has it open. The words of a question are kept until it is answered, and with its answer for as long as
the answer's buttons work.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from pfocr_chat.answers import Conversation, Turn
from pfocr_chat.errors import SlackError
from pfocr_chat.queries import Filters, Intent
from pfocr_chat.slack.events import Incoming, Place, command_thread
from pfocr_chat.slack.settings import Limits

FILE_NAME = "slack.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,
    place TEXT NOT NULL, team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL, user TEXT NOT NULL,
    question TEXT NOT NULL, reply_url TEXT NOT NULL, is_cut INTEGER NOT NULL, from_button INTEGER NOT NULL,
    refusal TEXT NOT NULL, created REAL NOT NULL,
    message TEXT NOT NULL DEFAULT '', is_stream INTEGER NOT NULL DEFAULT 0, is_open INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (is_open, created);
CREATE INDEX IF NOT EXISTS jobs_user ON jobs (user, created);
CREATE INDEX IF NOT EXISTS jobs_channel ON jobs (channel, created);
CREATE TABLE IF NOT EXISTS threads (
    team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,
    conversation TEXT NOT NULL, used REAL NOT NULL, PRIMARY KEY (team, channel, thread)
);
DROP TABLE IF EXISTS answers;
CREATE TABLE IF NOT EXISTS shown (
    token TEXT PRIMARY KEY, job INTEGER NOT NULL, place TEXT NOT NULL,
    team TEXT NOT NULL, channel TEXT NOT NULL, thread TEXT NOT NULL,
    question TEXT NOT NULL, figids TEXT NOT NULL, cited TEXT NOT NULL, generation TEXT NOT NULL, made REAL NOT NULL,
    filters TEXT NOT NULL DEFAULT '', standalone TEXT NOT NULL DEFAULT '',
    UNIQUE (job, place)
);
CREATE TABLE IF NOT EXISTS presses (key TEXT PRIMARY KEY, made REAL NOT NULL);
"""
# ``answers`` was what ``shown`` is now, with buttons that anybody could have guessed.
_ADDED = ("filters", "standalone")
"""Columns of ``shown`` that files of before do not have."""


@dataclass(frozen=True, slots=True)
class Job:
    """A question to be answered, as it is kept.

    ``refusal`` is what to reply instead of an answer, where that was decided when the question came.
    ``message`` is the time stamp of the bot's own message about it, once there is one; ``is_stream`` says
    that it was begun as a stream.
    """

    id: int
    asked: Incoming
    refusal: str
    created: float
    message: str = ""
    is_stream: bool = False


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the buttons of an answer work on: the figures, best first, and those among them that it cited.

    ``place``, ``team``, ``channel`` and ``thread`` are where the answer is shown; an answer that was shared is
    kept twice. ``filters`` and ``standalone`` are what its question leaves unsaid (``feedback.unsaid``). ``token``
    is what its buttons carry, which nobody can guess; the store gives it.
    """

    job: int
    place: Place
    team: str
    channel: str
    thread: str
    question: str
    figids: tuple[str, ...]
    cited: tuple[str, ...]
    generation: str
    filters: str = ""
    standalone: str = ""
    token: str = ""

    def is_for(self, team: str, channel: str, user: str) -> bool:
        """Whether somebody there can see the answer, and so may press its buttons."""
        here = (self.team, self.channel) == (team, channel)
        return here and (self.place is not Place.COMMAND or self.thread == command_thread(user))


class Store:
    """The bot's memory in one file; threads may share it, processes may not.

    Conversations and answers older than ``limits.memory`` are never given out, whether or not ``forget`` has been
    there already; nor is what is older than ``limits.kept``.

    Raises:
        SlackError: the file cannot be written, or another bot has it open.
    """

    def __init__(self, path: Path, limits: Limits = Limits()) -> None:  # noqa: B008 - it is frozen
        self._memory = limits.memory
        self._kept = limits.kept
        self._lock = threading.Lock()
        self._guard = _only_one(path)
        try:
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=2.0)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.executescript(_TABLES)
            there = {row["name"] for row in self._connection.execute("PRAGMA table_info(shown)")}
            for name in (name for name in _ADDED if name not in there):
                self._connection.execute(f"ALTER TABLE shown ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
        except (OSError, sqlite3.Error) as exc:
            os.close(self._guard)
            raise SlackError(f"The Slack bot cannot keep its questions in {path}: {exc}.") from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file; closing twice is harmless."""
        with self._lock, suppress(OSError):
            self._connection.close()
            os.close(self._guard)
            self._guard = -1

    def add(self, asked: Incoming, now: float, *, refusal: str = "") -> Job | None:
        """Keep a question, to be answered; ``None`` where it is known already."""
        with self._transaction():
            row = self._connection.execute(
                "INSERT OR IGNORE INTO jobs (key, place, team, channel, thread, user, question, reply_url, is_cut,"
                " from_button, refusal, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (
                    *(asked.key, asked.place.value, asked.team, asked.channel, asked.thread, asked.user),
                    *(asked.question, asked.reply_url, asked.is_cut, asked.from_button, refusal, now),
                ),
            ).fetchone()
            if row is None:
                return None
            self._connection.execute(
                "INSERT INTO threads VALUES (?, ?, ?, '', ?) ON CONFLICT DO UPDATE SET used = excluded.used,"
                " conversation = CASE WHEN used < ? THEN '' ELSE conversation END",
                (asked.team, asked.channel, asked.thread, now, now - self._memory),
            )
            return Job(row["id"], asked, refusal, now)

    def is_known(self, key: str) -> bool:
        """Whether the question was kept before."""
        return bool(self._rows("SELECT 1 FROM jobs WHERE key = ?", key))

    def open_jobs(self) -> list[Job]:
        """The questions without an answer, the oldest first."""
        return [_job(row) for row in self._rows("SELECT * FROM jobs WHERE is_open ORDER BY id")]

    def job(self, number: int) -> Job | None:
        """The question with the number, as it is kept now, where it has no answer yet."""
        rows = self._rows("SELECT * FROM jobs WHERE id = ? AND is_open", number)
        return _job(rows[0]) if rows else None

    def asked_since(self, since: float, *, user: str = "", channel: str = "") -> list[float]:
        """When the questions of a user, or in a channel, came that were not refused, in order."""
        column, value = ("user", user) if user else ("channel", channel)
        sql = f"SELECT created FROM jobs WHERE {column} = ? AND created > ? AND refusal = '' ORDER BY created"  # noqa: S608 - one of two names
        return [row["created"] for row in self._rows(sql, value, since)]

    def refused_since(self, since: float, user: str) -> bool:
        """Whether a user was told before others, since a time, why a question is not answered."""
        sql = "SELECT 1 FROM jobs WHERE user = ? AND created > ? AND refusal != '' AND place != ? LIMIT 1"
        return bool(self._rows(sql, user, since, Place.COMMAND.value))

    def is_of_another(self, job: int, channel: str, message: str) -> bool:
        """Whether the message with this time stamp is about another question."""
        sql = "SELECT 1 FROM jobs WHERE id != ? AND channel = ? AND message = ?"
        return bool(self._rows(sql, job, channel, message))

    def began(self, job: int, message: str, *, is_stream: bool = False) -> None:
        """The bot has a message about the question, which its answer will replace."""
        self._write("UPDATE jobs SET message = ?, is_stream = ? WHERE id = ?", message, is_stream, job)

    def finished(self, job: Job, now: float, conversation: Conversation | None = None) -> None:
        """The question has its answer, and its thread this conversation; its words are not kept any longer."""
        asked = job.asked
        with self._transaction():
            self._connection.execute(
                "UPDATE jobs SET is_open = 0, question = '', reply_url = '' WHERE id = ?", (job.id,)
            )
            if conversation is not None:
                self._connection.execute(
                    "UPDATE threads SET conversation = ?, used = ? WHERE team = ? AND channel = ? AND thread = ?",
                    (to_json(conversation), now, asked.team, asked.channel, asked.thread),
                )

    def takes_part(self, team: str, channel: str, thread: str, now: float) -> bool:
        """Whether the bot was asked something in the thread."""
        sql = "SELECT 1 FROM threads WHERE team = ? AND channel = ? AND thread = ? AND used >= ?"
        return bool(self._rows(sql, team, channel, thread, now - self._kept))

    def join(self, team: str, channel: str, thread: str, conversation: Conversation, now: float) -> None:
        """From now on the bot takes part in the thread, with this conversation."""
        sql = "INSERT OR REPLACE INTO threads VALUES (?, ?, ?, ?, ?)"
        self._write(sql, team, channel, thread, to_json(conversation), now)

    def conversation(self, team: str, channel: str, thread: str, now: float) -> Conversation:
        """What was said in the thread; empty where that is forgotten."""
        rows = self._rows(
            "SELECT conversation FROM threads WHERE team = ? AND channel = ? AND thread = ? AND used >= ?",
            *(team, channel, thread, now - self._memory),
        )
        return from_json(rows[0]["conversation"]) if rows else Conversation()

    def last_conversation(self, team: str, channel: str, since: float) -> Conversation:
        """What was said in the channel's latest thread since a time; empty where nothing was."""
        rows = self._rows(
            "SELECT conversation FROM threads WHERE team = ? AND channel = ? AND used >= ? AND conversation != ''"
            " AND thread NOT LIKE '/%' ORDER BY used DESC LIMIT 1",
            *(team, channel, since),
        )
        return from_json(rows[0]["conversation"]) if rows else Conversation()

    def keep_answer(self, kept: KeptAnswer, now: float) -> KeptAnswer:
        """Keep what the buttons of an answer work on; gives it with its token, the same where it is made again."""
        rows = self._rows(
            "INSERT INTO shown (token, job, place, team, channel, thread, question, figids, cited, generation, filters,"
            " standalone, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job, place) DO UPDATE SET"
            " question = excluded.question, figids = excluded.figids, cited = excluded.cited,"
            " generation = excluded.generation, filters = excluded.filters, standalone = excluded.standalone,"
            " made = excluded.made RETURNING token",
            *(secrets.token_urlsafe(12), kept.job, kept.place.value, kept.team, kept.channel, kept.thread),
            *(kept.question, json.dumps(kept.figids), json.dumps(kept.cited), kept.generation),
            *(kept.filters, kept.standalone, now),
        )
        return replace(kept, token=rows[0]["token"])

    def answer(self, token: str, now: float) -> KeptAnswer | None:
        """The answer whose buttons carry the token, or ``None`` where it is forgotten."""
        rows = self._rows("SELECT * FROM shown WHERE token = ? AND made >= ?", token, now - self._memory)
        if not rows:
            return None
        row = rows[0]
        return KeptAnswer(
            row["job"],
            Place(row["place"]),
            *(row["team"], row["channel"], row["thread"], row["question"]),
            tuple(json.loads(row["figids"])),
            tuple(json.loads(row["cited"])),
            *(row["generation"], row["filters"], row["standalone"], row["token"]),
        )

    def pressed(self, key: str, now: float) -> bool:
        """Note a press of a button, or what came of it; whether that is told for the first time."""
        rows = self._rows("INSERT OR IGNORE INTO presses VALUES (?, ?) RETURNING key", key, now)
        return bool(rows)

    def is_pressed(self, key: str) -> bool:
        """Whether ``pressed`` was told so before."""
        return bool(self._rows("SELECT 1 FROM presses WHERE key = ?", key))

    def forget(self, now: float) -> None:
        """Remove what is too old to be given out."""
        memory = now - self._memory
        self._write("UPDATE threads SET conversation = '' WHERE used < ?", memory)
        self._write("DELETE FROM threads WHERE used < ?", now - self._kept)
        self._write("DELETE FROM jobs WHERE created < ? AND NOT is_open", max(memory, now - self._kept))
        self._write("DELETE FROM shown WHERE made < ?", memory)
        self._write("DELETE FROM presses WHERE made < ?", memory)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, sql: str, *values: Any) -> Sequence[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: Any) -> None:
        with self._lock:
            self._connection.execute(sql, values)


def to_json(conversation: Conversation) -> str:
    """A conversation as text, from which ``from_json`` makes it again."""
    turns = [asdict(turn) | {"filters": turn.filters.to_dict()} for turn in conversation.turns]
    return json.dumps(turns, ensure_ascii=False)


def from_json(text: str) -> Conversation:
    """The conversation that ``to_json`` wrote; empty for the empty text."""
    turns = []
    for turn in json.loads(text or "[]"):
        filters: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in turn["filters"].items()}
        kept = turn | {
            "intent": Intent(turn["intent"]),
            "figids": tuple(turn["figids"]),
            "filters": Filters(**filters),
        }
        turns.append(Turn(**kept))
    return Conversation(tuple(turns))


def _job(row: sqlite3.Row) -> Job:
    asked = Incoming(
        row["key"],
        Place(row["place"]),
        *(row["team"], row["channel"], row["thread"], row["user"], row["question"], row["reply_url"]),
        is_cut=bool(row["is_cut"]),
        from_button=bool(row["from_button"]),
    )
    return Job(row["id"], asked, row["refusal"], row["created"], row["message"], bool(row["is_stream"]))


def _only_one(path: Path) -> int:
    """A lock that is held while the bot runs; it goes with the process."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        guard = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as exc:
        raise SlackError(f"The Slack bot cannot keep its questions in {path.parent}: {exc.strerror}.") from exc
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(guard)
        raise SlackError(f"Another Slack bot is running with {path}; two would answer twice. Stop it first.") from exc
    return guard
