"""What the buttons under an answer do."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pfocr_chat.errors import FeedbackError
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
from pfocr_chat.slack.bot import Bot
from pfocr_chat.slack.events import Incoming, Place, command_thread, cut
from pfocr_chat.slack.replies import EVENT_TYPE
from pfocr_chat.slack.store import KeptAnswer
from pfocr_chat.slack.web import RefusedError

FORGOTTEN = "This answer is too long ago for its buttons. Please ask the question again."
NOT_AT_HAND = "This answer is not at hand any more. Please ask the question again, then share it."
THANKS = "Thank you: it is noted, without your name, for those who look after this collection."
FILE_NAME = "pfocr-chat-figures.csv"


@dataclass(frozen=True, slots=True)
class Press:
    """A button that somebody pressed: which, on what answer, and where its effect is to be seen.

    ``thread`` is that of the message with the button. ``is_private`` says that only ``user`` sees that message.
    """

    key: str
    action: str
    job: int
    value: str
    team: str
    channel: str
    thread: str
    user: str
    reply_url: str
    is_private: bool


def press_of(body: Mapping[str, Any]) -> Press | None:
    """The button in a ``block_actions`` payload, or ``None`` where it is none of the bot's."""
    action: Mapping[str, Any] = next(iter(body.get("actions") or ()), {})
    name, value = str(action.get("action_id", "")), str(action.get("value", ""))
    number, _, rest = value.partition(":")
    if not name.startswith("pfocr_") or not (number.isascii() and number.isdecimal()) or len(number) > 15:
        return None
    message, container = body.get("message") or {}, body.get("container") or {}
    user, channel, team = (str((body.get(part) or {}).get("id", "")) for part in ("user", "channel", "team"))
    told = f"{team}:{user}:{action.get('action_ts', '')}:{name}:{value}"
    return Press(
        hashlib.sha256(told.encode()).hexdigest(),
        name,
        int(number),
        rest,
        *(team, channel, str(message.get("thread_ts") or message.get("ts") or container.get("message_ts") or "")),
        user,
        str(body.get("response_url") or ""),
        bool(container.get("is_ephemeral")),
    )


class Buttons:
    """Carries out presses for a bot; ``take`` returns at once."""

    def __init__(self, bot: Bot, feedback: FeedbackStore) -> None:
        self._bot = bot
        self._feedback = feedback

    def take(self, press: Press) -> None:
        """Do what a button asks for, once, soon."""
        bot = self._bot
        direct = press.channel.startswith("D")
        if not bot.allowed.permits(frozenset(filter(None, (press.team,))), press.channel, direct=direct):
            return
        if bot.store.pressed(press.key, bot.now()):
            bot.later(lambda: self._carry_out(press))

    def _carry_out(self, press: Press) -> None:
        kept = self._bot.store.answer(press.job)
        if kept is None:
            self._tell(press, render_sentence(FORGOTTEN, is_problem=True))
        elif press.action.startswith(Action.FOLLOW):
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
                f"b:{press.key}",
                Place.COMMAND if press.is_private else place,
                press.team,
                press.channel,
                command_thread(press.user) if press.is_private else press.thread,
                press.user,
                question,
                reply_url=press.reply_url if press.is_private else "",
                is_cut=is_cut,
                from_button=True,
            )
        )

    def _note(self, press: Press, kept: KeptAnswer) -> None:
        """Keep what somebody says of an answer, once for each person and kind, without their name."""
        bot = self._bot
        said = hashlib.sha256(f"said:{kept.job}:{press.team}:{press.user}:{press.value}".encode()).hexdigest()
        if bot.store.pressed(said, bot.now()):
            figids = tuple(dict.fromkeys((*kept.cited, *kept.figids)))
            kind = FeedbackKind(press.value)
            said_of = Feedback(kind, kept.question, figids, source="slack", generation=kept.generation)
            try:
                self._feedback.add(said_of)
            except FeedbackError as exc:
                self._tell(press, render_sentence(str(exc), is_problem=True))
                return
        self._tell(press, render_sentence(THANKS))

    def _more(self, press: Press, kept: KeptAnswer) -> None:
        """The next figures of an answer, a page at a time."""
        start = int(press.value) if press.value.isascii() and press.value.isdecimal() else 0
        if start >= len(kept.figids):
            return
        hits = self._bot.hits(kept, start, PAGE)
        message = render_figures(hits, start, len(kept.figids), kept.job, question=kept.question)
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
        except RefusedError as exc:
            self._tell(press, render_sentence(f"The file could not be put here ({exc.code}).", is_problem=True))
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
        if not bot.store.pressed(f"shared:{kept.job}", bot.now()):
            return
        shown = Shown(kept.job, asked=kept.question, suggestions=suggestions(answer), images=False)
        message = render_answer(answer, shown)
        try:
            posted = self._post(press, message, in_thread=False)
        except RefusedError:
            # The bot is no member of the channel; Slack lets it answer there all the same.
            bot.web.respond(press.reply_url, {"response_type": "in_channel", **_beside(message)})
            return
        bot.store.join(press.team, press.channel, posted, answer.conversation, bot.now())
        self._tell(press, render_sentence("Shared. Anyone can go on in the thread under it."))

    def _post(self, press: Press, message: Message, *, in_thread: bool = True) -> str:
        """Post in the thread of the button, or in its channel; the new message's time stamp."""
        arguments = {"channel": press.channel, "unfurl_links": False, "unfurl_media": False, **message.to_dict()}
        arguments["metadata"] = {"event_type": EVENT_TYPE, "event_payload": {"button": press.action}}
        if in_thread:
            arguments["thread_ts"] = press.thread
        return str(self._bot.web.call("chat.postMessage", arguments).get("ts", ""))

    def _tell(self, press: Press, message: Message) -> None:
        """Say something to whoever pressed the button, and to nobody else."""
        self._bot.web.respond(press.reply_url, {"response_type": "ephemeral", **_beside(message)})


def _beside(message: Message) -> dict[str, Any]:
    """A message that leaves the one with the button as it is."""
    return {"replace_original": False, **message.to_dict()}
