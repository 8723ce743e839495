"""Which of Slack's events the bot answers, and the question in each; pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import unescape
from typing import Any

from pfocr_chat.slack.settings import Allowed

_ANSWERED_SUBTYPES = frozenset((None, "file_share", "thread_broadcast", "me_message"))
"""What people write; other messages say that something was edited, deleted, joined and the like."""
_MARKUP = re.compile(r"<([^<>]*)>")
_EMOJI = re.compile(r"(?<!\S):[a-z0-9_+'-]+:(?::skin-tone-\d:)?(?=[\s.,;!?)]|$|:)")
_TO_OTHERS = re.compile(r"\s*<(?:@|!(?!date))")
_STAMP = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)
MAX_ID = 64
MAX_ADDRESS = 2_000


class Place(StrEnum):
    """Where a question was asked, which decides how it is answered."""

    CHANNEL = "channel"
    """In a channel or a group: in the question's thread."""
    DIRECT = "direct"
    """In a direct message or the assistant pane: in its thread, with a status and as a stream."""
    COMMAND = "command"
    """By the slash command: for the asker's eyes only, until it is shared."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A question from Slack.

    ``key`` is the same whenever Slack tells of this question again, and ends in its time stamp. ``thread`` names the
    conversation: the time stamp of the message that began the thread, or, for a command, one name for each user.
    ``reply_url`` is where the answer of a command goes, and word of a button
    that could not do its work. ``is_cut`` says that the question was longer; ``from_button`` that nobody typed it.
    """

    key: str
    place: Place
    team: str
    channel: str
    thread: str
    user: str
    question: str
    reply_url: str = ""
    is_cut: bool = False
    from_button: bool = False

    @property
    def time(self) -> float:
        """When it was asked, by Slack's clock; 0 for a command."""
        stamp = self.key.rpartition(":")[2]
        return float(stamp) if self.place is not Place.COMMAND and _STAMP.fullmatch(stamp) else 0.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is in its workspace."""

    team: str
    user: str
    bot: str = ""


def question_of(text: str, identity: Identity) -> str:
    """The question in a message: without the bot's name and emoji, links as their text, entities as characters."""

    def plain(match: re.Match[str]) -> str:
        content = match[1]
        address, _, label = content.partition("|")
        if address.lstrip("@") == identity.user and content.startswith("@"):
            return " "
        if content.startswith(("@", "!")):
            return label
        return f"#{label}" if content.startswith("#") else label or address

    # Half of a character, which JSON can hold, can neither be kept nor answered.
    text = unescape(_EMOJI.sub(" ", _MARKUP.sub(plain, text))).encode("utf-8", "replace").decode()
    return "\n".join(filter(None, (" ".join(part.split()) for part in text.splitlines())))


def cut(question: str, limit: int) -> tuple[str, bool]:
    """A question of at most ``limit`` characters, ended between two words, and whether it was longer."""
    if len(question) <= limit:
        return question, False
    start = question[:limit]
    return (start.rsplit(None, 1)[0] if len(start.split()) > 1 else start), True


def message_asked(
    body: Mapping[str, Any],
    *,
    identity: Identity,
    allowed: Allowed,
    is_known: Callable[[str, str, str], bool],
    limit: int,
) -> Incoming | None:
    """The question in an ``app_mention`` or ``message`` event, or ``None`` where the bot has to be silent.

    ``is_known`` says of a team, channel and thread whether the bot takes part in it. Slack tells of a mention
    twice, as two events about one message: both give the same key. A message in a thread that begins with
    somebody else's name, or that of a group, is meant for them; one without words is no question.
    """
    event = body.get("event")
    if not isinstance(event, Mapping) or not _is_from_a_person(event, identity):
        return None
    team, channel, time = id_of(body.get("team_id")), id_of(event.get("channel")), id_of(event.get("ts"))
    text = event.get("text")
    if not (channel and time) or not isinstance(text, str):
        return None
    thread = id_of(event.get("thread_ts")) or time
    direct = event.get("channel_type") == "im" or channel.startswith("D")
    named = event.get("type") == "app_mention" or re.search(rf"<@{re.escape(identity.user)}(?:\|[^<>]*)?>", text)
    if not (direct or named):
        others = _TO_OTHERS.match(_EMOJI.sub(" ", text))
        if others or thread == time or not is_known(team, channel, thread):
            return None
    authors = (event.get("team"), event.get("user_team"), event.get("source_team"))
    if not allowed.permits(teams_of(team, id_of(body.get("enterprise_id")), authors, allowed), channel, direct=direct):
        return None
    question, is_cut = cut(question_of(text, identity), limit)
    if not (direct or named) and not any(map(str.isalnum, question)):
        return None
    place = Place.DIRECT if direct else Place.CHANNEL
    return Incoming(
        f"m:{team}:{channel}:{time}", place, team, channel, thread, id_of(event.get("user")), question, is_cut=is_cut
    )


def command_asked(body: Mapping[str, Any], *, identity: Identity, allowed: Allowed, limit: int) -> Incoming | None:
    """The question of a slash command; ``None`` where the workspace or channel may not use the bot."""
    team, channel, user = id_of(body.get("team_id")), id_of(body.get("channel_id")), id_of(body.get("user_id"))
    teams = teams_of(team, id_of(body.get("enterprise_id")), (), allowed)
    if not allowed.permits(teams, channel, direct=channel.startswith("D")):
        return None
    question, is_cut = cut(question_of(str(body.get("text") or ""), identity), limit)
    return Incoming(
        f"c:{team}:{id_of(body.get('trigger_id'), 200)}",
        Place.COMMAND,
        team,
        channel,
        command_thread(user),
        user,
        question,
        reply_url=id_of(body.get("response_url"), MAX_ADDRESS),
        is_cut=is_cut,
    )


def command_thread(user: str) -> str:
    """What stands for the thread of a user's slash commands in a channel."""
    return f"/{user}"


def _is_from_a_person(event: Mapping[str, Any], identity: Identity) -> bool:
    """Whether a person wrote the message, just now: no bot, no edit, no deletion, no notice of Slack's."""
    subtype = event.get("subtype")
    if not (subtype is None or isinstance(subtype, str)) or subtype not in _ANSWERED_SUBTYPES:
        return False
    if event.get("edited") or event.get("hidden"):
        return False
    if event.get("bot_id") or event.get("bot_profile") or event.get("app_id"):
        return False
    user = event.get("user")
    return bool(id_of(user)) and user not in (identity.user, "USLACKBOT")


def teams_of(team: str, organisation: str, authors: Iterable[object], allowed: Allowed) -> frozenset[str]:
    """The workspaces that something comes from: the one it was sent to and, in a shared channel, its author's.

    Where the list of the allowed has the organisation that the workspace belongs to, it stands for the workspace.
    """
    home = organisation if organisation in allowed.teams else team
    return frozenset(home if found == team else found for found in (team, *map(id_of, authors)) if found)


def mapping_of(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def id_of(value: object, limit: int = MAX_ID) -> str:
    """An id, a time stamp or the like of Slack's; "" for anything else."""
    return value if isinstance(value, str) and len(value) <= limit and value.isprintable() else ""
