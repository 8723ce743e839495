"""What comes to the Slack bot over HTTP: signed as Slack signs it, and not."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fuzzing.asking import QUESTIONS
from fuzzing.chance import any_json, changed, changed_json, json_bytes, text
from fuzzing.targets import Opened, Place
from fuzzing.watch import expect, refusals
from fuzzing.web import Request, _answered
from pfocr_chat import open_assistant
from pfocr_chat.feedback import FeedbackStore
from pfocr_chat.slack import load_settings
from pfocr_chat.slack.actions import Buttons
from pfocr_chat.slack.bot import Bot
from pfocr_chat.slack.service import build_app, build_http, identify
from pfocr_chat.slack.settings import Limits
from pfocr_chat.slack.store import Store
from pfocr_chat.slack.web import WebApi

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))
from fake_slack import SIGNING_SECRET, FakeSlack

TEXTS = (
    *(
        "<@U0BOT> TNF and IL6?",
        "<@U0BOT|x> all figures",
        "<@U0BOT|<@U0BOT|",
        "<!channel> <@U0BOT>",
        "<#C1|x> <http://x|y>",
    ),
    *(":" * 300, "<" * 300, "<@U0BOT|" * 100, ":a" * 200, "&lt;&amp;&#x110000;", "\ud800", "```\n<@U0BOT>", "/" * 50),
)
LIMITS = Limits(per_user=5, per_channel=10, window=5.0, waiting=30, pause=0.02, answer_time=20.0)
FORMS = ("events", "events", "command", "press", "opened", "other")


def _told(rng: random.Random, slack: FakeSlack) -> tuple[str, Any]:
    """The kind of form and the payload."""
    asked = rng.choice((*QUESTIONS, *TEXTS)) if rng.random() < 0.6 else text(rng)
    match rng.choice(FORMS):
        case "events":
            body = rng.choice((slack.mentioned, slack.said))(asked, channel=rng.choice(("C0LAB", "D0ANNA", "G1")))
            return "", changed_json(rng, body) if rng.random() < 0.85 else body
        case "command":
            body = slack.commanded(asked)
            return "command", {k: v if isinstance(v, str) else json.dumps(v) for k, v in _flat(rng, body).items()}
        case "press":
            name = rng.choice(
                ("pfocr_more", "pfocr_csv", "pfocr_share", "pfocr_follow_0", "pfocr_feedback_useful", "x")
            )
            body = slack.pressed({"action_id": name, "value": f"{rng.choice(('abc', 'x' * 70, ''))}:{asked}"})
            return "payload", changed_json(rng, body) if rng.random() < 0.85 else body
        case "opened":
            event = {"type": "assistant_thread_started", "assistant_thread": {"channel_id": "D1", "thread_ts": "1.2"}}
            body = slack.said("x") | {
                "event": rng.choice((event, {"type": "app_home_opened", "tab": "messages", "channel": "D1"}))
            }
            return "", changed_json(rng, body)
        case _:
            return rng.choice(("", "payload")), any_json(rng)


def _flat(rng: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    found = changed_json(rng, body) if rng.random() < 0.7 else body
    return found if isinstance(found, dict) else {"text": "x"}


def _request(rng: random.Random, slack: FakeSlack) -> Request:
    form, body = _told(rng, slack)
    if form == "command":
        content, kind = urlencode(body, errors="replace").encode(), "application/x-www-form-urlencoded"
    elif form == "payload":
        content = urlencode({"payload": json_bytes(rng, body).decode("utf-8", "replace")}).encode()
        kind = "application/x-www-form-urlencoded"
    else:
        content, kind = json_bytes(rng, body), "application/json"
    if rng.random() < 0.1:
        content = changed(rng, content, (b"payload=", b"ssl_check=1", b"&", b"=", b"%00", b"%ff", b"{"))
    stamp = rng.choice((str(int(time.time())),) * 80 + ("", "abc", "1e9", "٣", "9" * 5_000, "0", "-1"))
    signed = hmac.new(SIGNING_SECRET.encode(), b"v0:" + stamp.encode() + b":" + content, hashlib.sha256).hexdigest()
    signature = rng.choice((f"v0={signed}",) * 60 + ("", "v0=\xe9", "v0=" + "0" * 64, "x" * 5_000))
    headers = [
        (b"host", b"localhost"),
        (b"content-type", rng.choice((kind, kind, kind, "text/plain", "")).encode()),
        (b"content-length", rng.choice((str(len(content)),) * 60 + ("", "-1", "9" * 5_000, "abc")).encode()),
        (b"x-slack-request-timestamp", stamp.encode("utf-8")),
        (b"x-slack-signature", signature.encode("latin-1")),
    ]
    if rng.random() < 0.1:
        headers.append(
            rng.choice(
                (
                    (b"x-slack-retry-num", b"x"),
                    (b"x-slack-bolt-lazy-only", b"1"),
                    (b"x-slack-bolt-lazy-function-name", b"y"),
                )
            )
        )
    path = rng.choice(("/slack/events",) * 12 + ("/", "/healthz", "/slack/events/"))
    return Request(
        method=rng.choice(("POST",) * 12 + ("GET",)), path=path, query="", headers=headers, pieces=[content], gone=False
    )


@contextmanager
def slack(place: Place) -> Iterator[Opened]:
    """The bot as it answers over HTTP, with a Slack on the loopback to talk to."""
    with (
        FakeSlack() as fake,
        open_assistant(place.index(), llm="none") as assistant,
        Store(place.inside / "slack.sqlite", LIMITS) as store,
        closing(FeedbackStore(place.inside / "feedback.sqlite")) as feedback,
    ):
        settings = replace(load_settings(http=True, environ=fake.environ), limits=LIMITS)
        web = WebApi(settings.secrets.bot_token, settings.api_url, pause=0.02)
        bot = Bot(assistant, web, store, settings, identify(web))
        app = build_http(build_app(bot, Buttons(bot, feedback), settings), SIGNING_SECRET)
        bot.start()
        loop = asyncio.new_event_loop()
        try:

            def make(rng: random.Random) -> Request:
                return _request(rng, fake)

            def read(value: Request) -> None:
                status, body = loop.run_until_complete(_answered(app, value))
                if 400 <= status < 500:
                    refusals.append(str(status))
                expect(status < 500, f"status {status}: {body[:300]!r}")
                expect(b"Traceback" not in body, "a traceback was sent")

            yield make, read
        finally:
            bot.stop(5.0)
            loop.close()
