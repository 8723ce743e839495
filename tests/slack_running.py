"""The real bot, at work on a fake Slack."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fake_slack import FakeSlack, Json, Posted
from timing import PATIENCE, wait_for

from pfocr_chat import Assistant
from pfocr_chat.slack import load_settings, serve
from pfocr_chat.slack.settings import Allowed, Limits

GENEROUS = Limits(per_user=10_000, per_channel=10_000, waiting=1_000, pause=0.02)


@contextmanager
def running(
    assistant: Assistant,
    slack: FakeSlack,
    folder: Path,
    *,
    limits: Limits = GENEROUS,
    allowed: Allowed | None = None,
    http: bool = False,
) -> Iterator[str]:
    """The bot, connected to the fake; gives what it said when it was ready. It is stopped in order at the end."""
    settings = replace(load_settings(http=http, environ=slack.environ), limits=limits, allowed=allowed or Allowed())
    stopping = threading.Event()
    said: list[str] = []
    failed: list[BaseException] = []

    def serving() -> None:
        try:
            serve(assistant, settings, folder, http=http, port=0, ready=said.append, stopping=stopping)
        except BaseException as error:
            failed.append(error)
            raise

    before = slack.connections
    thread = threading.Thread(target=serving)
    thread.start()
    try:
        wait_for(lambda: said or failed, "the bot to be ready")
        assert not failed, failed
        wait_for(lambda: http or slack.connections > before, "the bot's socket")
        yield said[0]
    finally:
        stopping.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()
        wait_for(lambda: http or slack.connections == before, "the end of the bot's socket")


def tell(slack: FakeSlack, body: Json, *, kind: str = "events_api") -> str:
    """Tell the bot of something over its socket and wait until it has acknowledged it; the message's time stamp."""
    envelope = slack.tell(body, kind=kind)
    wait_for(lambda: envelope in slack.acks, "an acknowledgement")
    return str(body.get("event", {}).get("ts", ""))


def answer(slack: FakeSlack, body: Json) -> Posted:
    """The bot's one answer to a message."""
    thread = body["event"].get("thread_ts") or body["event"]["ts"]
    before = len(slack.in_thread(thread))
    tell(slack, body)
    wait_for(lambda: len(slack.in_thread(thread)) > before, "an answer")
    return slack.in_thread(thread)[-1]


def button(blocks: list[Json], label: str) -> Json:
    """The button that says so, or begins so."""
    rows = [block["elements"] for block in blocks if block["type"] == "actions"]
    return next(b for row in rows for b in row if b["text"]["text"].startswith(label))
