"""The bot's one message about a question: what it shows while it works, and the answer in its place at the end."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pfocr_chat.errors import SlackError
from pfocr_chat.slack.blocks import Message, render_progress
from pfocr_chat.slack.events import Place
from pfocr_chat.slack.mrkdwn import safe_markdown
from pfocr_chat.slack.store import Job, Store
from pfocr_chat.slack.web import RefusedError, UnreachableError, WebApi

EDITS_A_MINUTE = 20
"""Edits that only say what is being done; Slack allows some fifty edits of any kind."""
STREAM_PAUSE = 1.0
"""Seconds between two additions to a stream."""
STREAM_LIMIT = 11_000
"""Characters of a stream; what is beyond comes with the whole answer."""
IMAGES_OFF = 3_600.0
"""Seconds without images after Slack could not load one."""
EVENT_TYPE = "pfocr_chat_answer"
CLOCKS_APART = 600.0
"""Seconds by which Slack's clock may differ from ours."""

_GONE = frozenset("message_not_found cant_update_message edit_window_closed message_not_editable msg_not_found".split())

Render = Callable[[bool, bool], Message]
"""The final message, given whether its text was streamed and whether it may have images."""

_logger = logging.getLogger(__name__)


class Shared:
    """What all replies have in common: how often messages may be edited, and whether Slack can load images."""

    def __init__(self, web: WebApi, store: Store, bot_id: str) -> None:
        self.web = web
        self.store = store
        self.bot_id = bot_id
        self._lock = threading.Lock()
        self._edits: list[float] = []
        self._no_images_until = 0.0

    def may_edit(self) -> bool:
        """Whether one more edit that is not needed fits into this minute; it is counted."""
        now = time.monotonic()
        with self._lock:
            self._edits = [at for at in self._edits if at > now - 60]
            if len(self._edits) >= EDITS_A_MINUTE:
                return False
            self._edits.append(now)
            return True

    def sends_images(self) -> bool:
        """Whether images are worth a try."""
        return time.monotonic() >= self._no_images_until

    def images_failed(self) -> None:
        """Slack could not load an image."""
        self._no_images_until = time.monotonic() + IMAGES_OFF

    def with_images(self, render: Callable[[bool], Message], send: Callable[[Message], None]) -> None:
        """Send a message, and without its images where Slack refuses it with them.

        ``render`` makes the message with or without images.
        """
        message = render(self.sends_images())
        try:
            send(message)
        except RefusedError as exc:
            if not message.has_images or exc.code in _GONE or exc.code.startswith("channel"):
                raise
            _logger.info("a message was refused with its images (%s); it goes without", exc.code)
            send(render(False))
            self.images_failed()


def reply_to(job: Job, shared: Shared) -> Reply:
    """The reply that suits the place of the question."""
    kinds = {Place.CHANNEL: ThreadReply, Place.DIRECT: StreamReply, Place.COMMAND: PrivateReply}
    return kinds[job.asked.place](job, shared)


class Reply:
    """The message about one question. ``finish`` is called once; Slack's refusals are raised there."""

    def __init__(self, job: Job, shared: Shared) -> None:
        self._job = job
        self._asked = job.asked
        self._shared = shared
        self._web = shared.web

    def resume(self) -> None:
        """The question was worked on before, by a bot that died or could not reach Slack: find what it left."""

    def stage(self, text: str) -> None:
        """Show what is being done."""

    def text(self, piece: str) -> None:
        """A piece of the answer's Markdown is there."""

    def discard(self) -> None:
        """The text shown so far is no part of the final message, which takes its place."""

    def finish(self, render: Render) -> None:
        """Show the final message."""
        raise NotImplementedError


class ThreadReply(Reply):
    """A message in the question's thread, posted at once and then edited in place."""

    def __init__(self, job: Job, shared: Shared) -> None:
        super().__init__(job, shared)
        self._message = job.message
        self._resumed_stream = job.is_stream
        self._stage = ""

    def resume(self) -> None:
        if not self._message and (found := self._find()):
            self._resumed_stream = found["is_stream"]
            self._keep(found["ts"], is_stream=found["is_stream"])

    def stage(self, text: str) -> None:
        if not self._message:
            self._keep(self._post(render_progress(text)))
        elif text != self._stage and not self._resumed_stream and self._shared.may_edit():
            with suppress(SlackError):
                self._update(render_progress(text), tries=1)
        self._stage = text

    def finish(self, render: Render) -> None:
        self._shared.with_images(lambda images: render(False, images), self._show)

    def _show(self, message: Message) -> None:
        """Put the final message in the place of the first one, or after it where that is gone."""
        if self._resumed_stream:
            with suppress(RefusedError):
                self._web.call("chat.stopStream", self._where())
        if self._message:
            try:
                self._update(message)
            except RefusedError as exc:
                if exc.code not in _GONE:
                    raise
            else:
                return
        self._keep(self._post(message))

    def _keep(self, message: str, *, is_stream: bool = False) -> None:
        self._message = message
        try:
            self._shared.store.began(self._job.id, message, is_stream=is_stream)
        except sqlite3.Error as exc:
            # The message stands, and its mark is there to find it by.
            _logger.warning("question %d: its message could not be noted: %s", self._job.id, type(exc).__name__)

    def _where(self) -> dict[str, Any]:
        return {"channel": self._asked.channel, "ts": self._message}

    def _update(self, message: Message, **how: Any) -> None:
        self._web.call("chat.update", {**self._where(), **message.to_dict(), "metadata": self._mark()}, **how)

    def _post(self, message: Message) -> str:
        """Post a message in the thread, and once only, also where Slack's answer to that was lost."""
        answer = self._web.call(
            "chat.postMessage",
            {
                "channel": self._asked.channel,
                "thread_ts": self._asked.thread,
                "unfurl_links": False,
                "unfurl_media": False,
                "metadata": self._mark(),
                **message.to_dict(),
            },
            done=self._find,
        )
        return str(answer.get("ts", ""))

    def _mark(self) -> dict[str, Any]:
        """By which the bot finds its message again."""
        return {"event_type": EVENT_TYPE, "event_payload": {"question": self._asked.key}}

    def _find(self) -> dict[str, Any] | None:
        """The bot's message about the question where it stands in the thread already, and whether it is a stream.

        Every message of the bot's carries a mark, but for files, and a stream that has not been stopped.
        """
        arguments = {
            "channel": self._asked.channel,
            "ts": self._asked.thread,
            "include_all_metadata": True,
            "limit": 200,
            "oldest": f"{self._job.created - CLOCKS_APART:.6f}",
        }
        try:
            messages = self._web.call("conversations.replies", arguments).get("messages", [])
        except RefusedError:
            return None  # it may not read there
        for message in messages:
            mark = message.get("metadata") or {}
            is_stream = not mark and self._is_stream(message)
            is_marked = mark.get("event_payload", {}).get("question") == self._asked.key
            if (is_marked or is_stream) and message.get("ts") != self._message:
                return {"ts": str(message["ts"]), "is_stream": is_stream}
        return None

    def _is_stream(self, message: Mapping[str, Any]) -> bool:
        """Whether a message without a mark must be the beginning of this answer, left by a bot that died."""
        if self._asked.place is not Place.DIRECT or message.get("bot_id") != self._shared.bot_id:
            return False
        if message.get("files") or not self._asked.time:
            return False
        stamp = str(message.get("ts", ""))
        is_later = float(stamp) > self._asked.time
        return is_later and not self._shared.store.is_of_another(self._job.id, self._asked.channel, stamp)


class StreamReply(ThreadReply):
    """A message in a direct message's thread: a status while the bot works, then the text as it comes."""

    def __init__(self, job: Job, shared: Shared) -> None:
        super().__init__(job, shared)
        self._is_plain = bool(job.message)
        self._streaming = False
        self._waiting: list[str] = []
        self._length = 0
        self._sent = 0.0

    def resume(self) -> None:
        super().resume()
        self._is_plain = bool(self._message)

    def stage(self, text: str) -> None:
        if self._is_plain:
            super().stage(text)
        elif not self._streaming and text != self._stage:
            status = f"is {text[:1].lower()}{text[1:].rstrip(' .…')}…"
            arguments = {"channel_id": self._asked.channel, "thread_ts": self._asked.thread, "status": status}
            try:
                self._web.call("assistant.threads.setStatus", arguments, tries=2)
                self._stage = text
            except SlackError:
                self._is_plain = True
                super().stage(text)

    def text(self, piece: str) -> None:
        if self._is_plain:
            return
        self._waiting.append(piece)
        if time.monotonic() - self._sent < STREAM_PAUSE:
            return
        try:
            if self._streaming:
                self._append()
            else:
                self._start()
        except SlackError:
            # What was begun becomes the message that the whole answer replaces.
            self._is_plain = True
            self._resumed_stream = self._streaming

    def discard(self) -> None:
        if self._streaming:
            self._resumed_stream = self._is_plain = True

    def finish(self, render: Render) -> None:
        if not self._streaming or self._is_plain:
            super().finish(render)
            return
        try:
            self._shared.with_images(lambda images: render(True, images), self._stop)
        except RefusedError:
            super().finish(render)

    def _start(self) -> None:
        arguments = {
            "channel": self._asked.channel,
            "thread_ts": self._asked.thread,
            "recipient_user_id": self._asked.user,
            "recipient_team_id": self._asked.team,
            "markdown_text": self._taken(),
        }
        answer = self._web.call("chat.startStream", arguments, tries=2, done=self._find)
        self._streaming = True
        self._keep(str(answer.get("ts", "")), is_stream=True)

    def _append(self) -> None:
        if text := self._taken():
            self._web.call("chat.appendStream", {**self._where(), "markdown_text": text}, tries=3)

    def _stop(self, message: Message) -> None:
        text = "".join(self._waiting)
        arguments: Mapping[str, Any] = {"blocks": list(message.blocks), "metadata": self._mark()}
        if text:
            arguments = {**arguments, "markdown_text": safe_markdown(text)}
        self._web.call("chat.stopStream", {**self._where(), **arguments})

    def _taken(self) -> str:
        """The text that waits to be shown."""
        text = "".join(self._waiting)
        self._length += len(text)
        self._waiting = []
        self._sent = time.monotonic()
        if self._length > STREAM_LIMIT:
            raise UnreachableError("The answer is too long for a stream.")
        return safe_markdown(text)


class PrivateReply(Reply):
    """A message for the eyes of whoever gave the slash command; Slack has said already that it is coming."""

    def finish(self, render: Render) -> None:
        self._shared.with_images(lambda images: render(False, images), self._send)

    def _send(self, message: Message) -> None:
        # The address of a button would otherwise put this in the place of the message with the button.
        told = {"response_type": "ephemeral", "replace_original": False, **message.to_dict()}
        try:
            self._web.respond(self._asked.reply_url, told)
        except RefusedError:
            # The address is good for half an hour.
            arguments = {"channel": self._asked.channel, "user": self._asked.user, **message.to_dict()}
            self._web.call("chat.postEphemeral", arguments)
