"""What the buttons under an answer do."""

from __future__ import annotations

import hashlib
import logging
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pfocr_chat.errors import PfocrChatError
from pfocr_chat.exports import Format
from pfocr_chat.exports import render as export
from pfocr_chat.feedback import Feedback, FeedbackKind, FeedbackStore
from pfocr_chat.slack.blocks import (
    PAGE,
    Action,
    Message,
    Shown,
    render_answer,
    render_figures,
    render_sentence,
    suggestions,
)
from pfocr_chat.slack.bot import NOT_A_MEMBER, OUTSIDE, Bot
from pfocr_chat.slack.events import Incoming, Place, command_thread, cut, teams_of
from pfocr_chat.slack.replies import EVENT_TYPE
from pfocr_chat.slack.store import KeptAnswer
from pfocr_chat.slack.web import RefusedError, UncertainError

FORGOTTEN = "This answer is too long ago for its buttons. Please ask the question again."
NOT_AT_HAND = "This answer is not at hand any more. Please ask the question again, then share it."
THANKS = "Thank you: it is noted, without your name, for those who look after this collection."
FAILED = "Sorry, that did not work; the details are in the bot's log. Please press the button again later."
SHARED_OUTSIDE = "Shared. I am no member of this channel: with /invite people can go on in the thread under it."
UNCERTAIN_FILE = "Slack did not say whether the file arrived. If it is not there in a minute, please press again."
FILE_NAME = "pfocr-chat-figures.csv"

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Press:
    """A button that somebody pressed: which, on what answer, and where its effect is to be seen.

    ``thread`` is that of the message with the button, and ``time`` the time stamp of the press. ``is_private`` says
    that only ``user`` sees that message. ``author`` is the workspace that they are of.
    """

    key: str
    action: str
    token: str
    value: str
    time: str
    team: str
    channel: str
    thread: str
    user: str
    reply_url: str
    is_private: bool
    author: str
    organisation: str


def press_of(body: Mapping[str, Any]) -> Press | None:
    """The button in a ``block_actions`` payload, or ``None`` where it is none of the bot's."""
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    name, value = str(action.get("action_id", "")), str(action.get("value", ""))
    token, _, rest = value.partition(":")
    if not name.startswith("pfocr_") or not _TOKEN.fullmatch(token):
        return None
    message, container = body.get("message") or {}, body.get("container") or {}
    parts = ("user", "channel", "team", "enterprise")
    user, channel, team, organisation = (str((body.get(part) or {}).get("id", "")) for part in parts)
    author = str((body.get("user") or {}).get("team_id") or "")
    thread = str(message.get("thread_ts") or message.get("ts") or container.get("message_ts") or "")
    time = str(action.get("action_ts", ""))
    return Press(
        hashlib.sha256(f"{team}:{user}:{time}:{name}:{value}".encode()).hexdigest(),
        *(name, token, rest, time),
        *(team or author, channel, thread, user),
        str(body.get("response_url") or ""),
        bool(container.get("is_ephemeral")),
        author,
        organisation,
    )


class Buttons:
    """Carries out presses for a bot; ``take`` returns at once."""

    def __init__(self, bot: Bot, feedback: FeedbackStore) -> None:
        self._bot = bot
        self._feedback = feedback

    def take(self, press: Press) -> None:
        """Do what a button asks for, once, soon."""
        bot = self._bot
        teams = teams_of(press.team, press.organisation, (press.author,), bot.allowed)
        if not bot.allowed.permits(teams, press.channel, direct=press.channel.startswith("D")):
            return
        if bot.store.pressed(press.key, bot.now()):
            bot.later(lambda: self._answer(press), f"press {press.token}")

    def _answer(self, press: Press) -> None:
        """Carry out a press, and say so to whoever pressed it where that cannot be done."""
        kept = self._bot.store.answer(press.token, self._bot.now())
        if kept is None or not kept.is_for(press.team, press.channel, press.user):
            self._tell(press, render_sentence(FORGOTTEN, is_problem=True))
            return
        try:
            self._carry_out(replace(press, is_private=kept.place is Place.COMMAND), kept)
        except RefusedError as exc:
            sentence = NOT_A_MEMBER if exc.code in OUTSIDE else f"Slack does not let me do that here ({exc.code})."
            self._tell(press, render_sentence(sentence, is_problem=True))
        except (PfocrChatError, sqlite3.Error) as exc:
            _logger.warning("a button did not do its work: %s", exc)
            self._tell(press, render_sentence(FAILED, is_problem=True))

    def _carry_out(self, press: Press, kept: KeptAnswer) -> None:
        if press.action.startswith(Action.FOLLOW):
            self._follow(press)
        elif press.action.startswith(Action.FEEDBACK):
            self._note(press, kept)
        elif press.action == Action.MORE:
            self._more(press, kept)
        elif press.action == Action.CSV:
            self._export(press, kept)
        elif press.action == Action.SHARE:
            self._share(press, kept)

    def _follow(self, press: Press) -> None:
        """Ask a suggested question as if the person had typed it."""
        question, is_cut = cut(press.value, self._bot.limits.question)
        place = Place.DIRECT if press.channel.startswith("D") else Place.CHANNEL
        self._bot.ask(
            Incoming(
                f"b:{press.key}:{press.time}",
                Place.COMMAND if press.is_private else place,
                press.team,
                press.channel,
                command_thread(press.user) if press.is_private else press.thread,
                press.user,
                question,
                reply_url=press.reply_url,
                is_cut=is_cut,
                from_button=True,
            )
        )

    def _note(self, press: Press, kept: KeptAnswer) -> None:
        """Keep what somebody says of an answer, once for each person and kind, without their name."""
        bot = self._bot
        said = hashlib.sha256(f"said:{kept.job}:{press.team}:{press.user}:{press.value}".encode()).hexdigest()
        if not bot.store.is_pressed(said):
            figids = tuple(dict.fromkeys((*kept.cited, *kept.figids)))
            kind = FeedbackKind(press.value)
            unsaid = {"filters": kept.filters, "standalone": kept.standalone}
            self._feedback.add(Feedback(kind, kept.question, figids, "", "slack", kept.generation, **unsaid))
            bot.store.pressed(said, bot.now())
        self._tell(press, render_sentence(THANKS))

    def _more(self, press: Press, kept: KeptAnswer) -> None:
        """The next figures of an answer, a page at a time."""
        start = int(press.value) if press.value.isascii() and press.value.isdecimal() else 0
        if start >= len(kept.figids):
            return
        hits = self._bot.hits(kept, start, PAGE)
        message = render_figures(hits, start, len(kept.figids), kept.token, question=kept.question)
        if press.is_private:
            self._tell(press, message)
        else:
            self._post(press, message)

    def _export(self, press: Press, kept: KeptAnswer) -> None:
        """Every figure of an answer as a file: in the thread, or to a person alone in a direct message."""
        text = export(self._bot.hits(kept), Format.CSV)
        comment = f"{len(kept.figids):,} figures"
        web, thread, channel = self._bot.web, press.thread, press.channel
        try:
            if press.is_private:
                opened = web.call("conversations.open", {"users": press.user})
                channel, thread = str((opened.get("channel") or {}).get("id", "")), ""
            web.upload(FILE_NAME, text, channel=channel, thread=thread, comment=comment)
        except UncertainError:
            self._tell(press, render_sentence(UNCERTAIN_FILE, is_problem=True))
        else:
            if press.is_private:
                self._tell(press, render_sentence("The file is in your direct messages with me."))

    def _share(self, press: Press, kept: KeptAnswer) -> None:
        """Show a private answer to its channel, once, and take part in the thread under it."""
        bot = self._bot
        answer = bot.answer_at_hand(kept.job)
        if answer is None:
            self._tell(press, render_sentence(NOT_AT_HAND, is_problem=True))
            return
        done = f"shared:{kept.token}"
        if bot.store.is_pressed(done):
            return
        # What is shown to all has buttons of its own: those of the private answer are for its asker.
        public = bot.store.keep_answer(replace(kept, place=Place.CHANNEL, thread=""), bot.now())
        shown = Shown(public.token, asked=kept.question, suggestions=suggestions(answer), images=False)
        message = render_answer(answer, shown)
        try:
            posted = self._post(press, message, in_thread=False)
        except RefusedError:
            # The bot is no member of the channel; Slack lets it answer there all the same.
            bot.web.respond(press.reply_url, {"response_type": "in_channel", **_beside(message)})
            bot.store.pressed(done, bot.now())
            self._tell(press, render_sentence(SHARED_OUTSIDE))
            return
        bot.store.pressed(done, bot.now())
        bot.store.join(press.team, press.channel, posted, answer.conversation, bot.now())
        self._tell(press, render_sentence("Shared. Anyone can go on in the thread under it."))

    def _post(self, press: Press, message: Message, *, in_thread: bool = True) -> str:
        """Post in the thread of the button, or in its channel; the new message's time stamp."""
        arguments = {"channel": press.channel, "unfurl_links": False, "unfurl_media": False, **message.to_dict()}
        arguments["metadata"] = {"event_type": EVENT_TYPE, "event_payload": {"button": press.action}}
        if in_thread and press.thread:
            arguments["thread_ts"] = press.thread
        return str(self._bot.web.call("chat.postMessage", arguments).get("ts", ""))

    def _tell(self, press: Press, message: Message) -> None:
        """Say something to whoever pressed the button, and to nobody else."""
        self._bot.web.respond(press.reply_url, {"response_type": "ephemeral", **_beside(message)})


def _beside(message: Message) -> dict[str, Any]:
    """A message that leaves the one with the button as it is."""
    return {"replace_original": False, **message.to_dict()}
