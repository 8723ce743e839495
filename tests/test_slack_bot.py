"""The bot on a fake Slack: places, buttons, limits, trouble, HTTP mode; and what it keeps to itself."""

from __future__ import annotations

import csv
import io
import json
import logging
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from fake_slack import (
    APP_TOKEN,
    BOT_TOKEN,
    CHANNEL,
    DIRECT,
    SIGNING_SECRET,
    TEAM,
    USER,
    FakeSlack,
    Json,
    Posted,
    Trouble,
)
from slack_running import answer, button, running, tell
from timing import PATIENCE, wait_for

from pfocr_chat import Assistant, open_assistant
from pfocr_chat.errors import SlackError
from pfocr_chat.feedback import FeedbackKind, FeedbackStore
from pfocr_chat.slack import load_settings, serve
from pfocr_chat.slack.bot import APOLOGY, AWAY, BUSY, HELLO
from pfocr_chat.slack.events import Incoming, Place
from pfocr_chat.slack.settings import Allowed, Limits
from pfocr_chat.slack.store import FILE_NAME, Store

LIST = "All figures on cancer"
EVERYTHING = "All figures"


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A fake Slack without trouble."""
    with FakeSlack() as fake:
        yield fake


@pytest.fixture
def bot(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> Iterator[FakeSlack]:
    """The fake with the bot at work on it."""
    with running(seed_assistant, slack, tmp_path):
        yield slack


def press(slack: FakeSlack, message: Posted, label: str, **how: Any) -> None:
    """Press a button under a message."""
    body = slack.pressed(button(message.blocks, label), channel=message.channel, message=message, **how)
    tell(slack, body, kind="interactive")


# Places


def test_a_mention_is_answered_in_place(bot: FakeSlack) -> None:
    """One message in the thread: first that the bot is at work, at the end the answer with links and images."""
    body = bot.mentioned("What does PMC11989024__ijms-26-03143-g003 show?")
    message = answer(bot, body)
    assert message.thread == body["event"]["ts"]
    first = bot.called("chat.postMessage")[0].arguments
    assert ":hourglass_flowing_sand:" in json.dumps(first)
    assert "https://pfocr.wikipathways.org/figures/PMC11989024__ijms-26-03143-g003.html" in message.shown
    assert [block["type"] for block in message.blocks].count("image") == 1
    assert len(bot.messages) == 1
    assert not first["unfurl_links"]


def test_a_direct_message_gets_a_status_and_a_stream(bot: FakeSlack) -> None:
    """The pane shows what is being done, the text as it comes, and at the end figures and buttons under it."""
    message = answer(bot, bot.said("What does lithium do in prion disease?", channel=DIRECT))
    statuses = [call.arguments["status"] for call in bot.called("assistant.threads.setStatus")]
    assert statuses[0] == "is reading the question…"
    assert message.was_streamed
    assert "lithium" in message.text.lower()
    assert any(block["type"] == "actions" for block in message.blocks)
    start = bot.called("chat.startStream")[0].arguments
    assert (start["recipient_user_id"], start["recipient_team_id"]) == (USER, TEAM)


def test_without_the_assistant_pane_a_direct_message_is_answered_in_place(bot: FakeSlack) -> None:
    """Where Slack takes neither status nor stream, a direct message gets a message that is edited."""
    bot.trouble = lambda method, _: (
        Trouble(200, error="not_allowed") if "threads" in method or "Stream" in method else None
    )
    message = answer(bot, bot.said("lithium", channel=DIRECT))
    assert not message.was_streamed
    assert "lithium" in message.shown.lower()


def test_a_broken_stream_ends_as_one_whole_message(bot: FakeSlack) -> None:
    """A stream that Slack ended by itself is replaced by the whole answer."""
    bot.trouble = lambda method, _: (
        Trouble(200, error="message_not_in_streaming_state", is_done=True) if method == "chat.stopStream" else None
    )
    message = answer(bot, bot.said("What does lithium do in prion disease?", channel=DIRECT))
    wait_for(lambda: message.edits, "the whole answer")
    assert len(bot.messages) == 1
    assert any("lithium" in json.dumps(b) for b in message.blocks if b["type"] == "section")


def test_a_new_direct_message_goes_on_from_the_last(bot: FakeSlack) -> None:
    """In direct messages people do not open threads to ask a follow-up."""
    answer(bot, bot.said(LIST, channel=DIRECT))
    message = answer(bot, bot.said("only those since 2018", channel=DIRECT))
    assert "“cancer” published since 2018" in message.shown


def test_the_command_is_answered_privately_and_can_be_shared(bot: FakeSlack) -> None:
    """Only the asker sees the answer, until they share it; then anyone can go on in its thread. It is shared once."""
    envelope = bot.tell(bot.commanded(LIST), kind="slash_commands")
    wait_for(lambda: bot.responses, "the private answer")
    assert bot.acks[envelope][1]["response_type"] == "ephemeral"
    assert LIST in bot.acks[envelope][1]["text"]
    _, private = bot.responses[0]
    assert private["response_type"] == "ephemeral"
    assert bot.messages == []
    for _ in range(2):
        tell(bot, bot.pressed(button(private["blocks"], "Share")), kind="interactive")
    wait_for(lambda: bot.messages and len(bot.responses) > 1, "the shared answer")
    shared = bot.messages[0]
    assert f"Question: {LIST}" in shared.shown
    follow = answer(bot, bot.said("only those since 2018", thread_ts=shared.ts))
    assert "“cancer” published since 2018" in follow.shown
    assert len(bot.messages) == 2
    assert "Share" not in shared.shown


def test_a_command_goes_on_from_the_one_before(bot: FakeSlack) -> None:
    """A user's commands in a channel are a conversation; an empty one says what the bot is for."""
    for number, text in enumerate((LIST, "only those since 2018", " "), start=1):
        tell(bot, bot.commanded(text), kind="slash_commands")
        wait_for(lambda number=number: len(bot.responses) == number, "an answer")
    shown = [json.dumps(told, ensure_ascii=False) for _, told in bot.responses]
    assert "“cancer” published since 2018" in shown[1]
    assert HELLO.split(":")[0] in shown[2]


def test_sharing_works_where_the_bot_is_no_member(bot: FakeSlack) -> None:
    """A channel that the bot may not post in gets the answer by way of the button."""
    tell(bot, bot.commanded(LIST), kind="slash_commands")
    wait_for(lambda: bot.responses, "the private answer")
    bot.trouble = lambda method, _: Trouble(200, error="not_in_channel") if method == "chat.postMessage" else None
    tell(bot, bot.pressed(button(bot.responses[0][1]["blocks"], "Share")), kind="interactive")
    wait_for(lambda: len(bot.responses) > 2, "the shared answer and a word")
    assert bot.responses[1][1]["response_type"] == "in_channel"
    assert "/invite" in json.dumps(bot.responses[2])


def test_prompts_are_offered(bot: FakeSlack) -> None:
    """Whoever opens the assistant pane, of the older or the newer kind, is offered questions."""
    older = {"type": "assistant_thread_started", "assistant_thread": {"channel_id": DIRECT, "thread_ts": "1.2"}}
    newer = {"type": "app_home_opened", "tab": "messages", "channel": DIRECT, "user": USER}
    home = {"type": "app_home_opened", "tab": "home", "channel": DIRECT, "user": USER}
    for event in (older, home, newer):
        tell(bot, {"type": "event_callback", "team_id": TEAM, "event_id": bot.now(), "event": event})
    wait_for(lambda: len(bot.called("assistant.threads.setSuggestedPrompts")) == 2, "the prompts")
    called = [call.arguments for call in bot.called("assistant.threads.setSuggestedPrompts")]
    assert sorted(str(c.get("thread_ts")) for c in called) == ["1.2", "None"]
    assert [call.error for call in bot.called("assistant.threads.setSuggestedPrompts")] == ["", ""]


def test_what_is_not_for_the_bot_is_acknowledged(bot: FakeSlack) -> None:
    """Events, buttons and shortcuts that it does not know are taken without a word and without an answer."""
    for event in ({"type": "reaction_added", "user": USER}, bot.said("talk")["event"]):
        tell(bot, {"type": "event_callback", "team_id": TEAM, "event_id": bot.now(), "event": event})
    tell(bot, bot.pressed({"action_id": "other", "value": "x"}), kind="interactive")
    tell(bot, bot.pressed({"action_id": "pfocr_more", "value": "?:1"}), kind="interactive")
    shortcut = {"type": "shortcut", "callback_id": "x", "team": {"id": TEAM}, "user": {"id": USER}, "trigger_id": "1"}
    tell(bot, shortcut, kind="interactive")
    answer(bot, bot.mentioned("lithium"))
    assert len(bot.messages) == 1
    assert bot.responses == []


def test_lost_sockets_are_replaced(bot: FakeSlack) -> None:
    """When Slack hangs up the bot connects again and goes on."""
    bot.drop_sockets()
    wait_for(lambda: len(bot.called("apps.connections.open")) > 1 and bot.connections, "a new socket")
    answer(bot, bot.mentioned("lithium"))


# Buttons


def test_buttons_do_what_they_say(bot: FakeSlack, seed_assistant: Assistant) -> None:
    """More figures come in the thread, all of them as a file, and a suggested question is asked and answered."""
    message = answer(bot, bot.mentioned(EVERYTHING))
    total = len(seed_assistant.ask(EVERYTHING).figids)
    assert total > 10
    press(bot, message, "More figures")
    wait_for(lambda: len(bot.in_thread(message.thread)) == 2, "more figures")
    more = bot.in_thread(message.thread)[-1]
    assert f"*Figures 1 to 10 of {total}*" in more.shown
    press(bot, more, "More figures")
    wait_for(lambda: len(bot.in_thread(message.thread)) == 3, "the rest")
    assert f"*Figures 11 to {min(20, total)} of {total}*" in bot.in_thread(message.thread)[-1].shown
    press(bot, message, "Export CSV")
    wait_for(lambda: bot.files, "the file")
    where, content = bot.files[0]
    assert (where["channel_id"], where["thread_ts"]) == (CHANNEL, message.thread)
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert [row["figid"] for row in rows] == list(seed_assistant.ask(EVERYTHING).figids)
    label = button(message.blocks, "only those since")["text"]["text"]
    press(bot, message, label)
    wait_for(lambda: len(bot.in_thread(message.thread)) == 4, "the answer to the suggestion")
    assert f"Question: {label}" in bot.in_thread(message.thread)[-1].shown


def test_buttons_work_after_a_restart(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """What an answer found is still there for the next bot; what is not is told."""
    with running(seed_assistant, slack, tmp_path):
        message = answer(slack, slack.mentioned(LIST))
        tell(slack, slack.commanded(LIST), kind="slash_commands")
        wait_for(lambda: slack.responses, "the private answer")
    with running(seed_assistant, slack, tmp_path):
        press(slack, message, "More figures")
        press(slack, message, "Export CSV")
        wait_for(lambda: len(slack.in_thread(message.thread)) == 2 and slack.files, "more figures and the file")
        share = button(slack.responses[0][1]["blocks"], "Share")
        tell(slack, slack.pressed(share), kind="interactive")
        wait_for(lambda: len(slack.responses) == 2, "a word")
        gone = {"action_id": "pfocr_more", "value": "999:0"}
        tell(slack, slack.pressed(gone, message=message), kind="interactive")
        wait_for(lambda: len(slack.responses) == 3, "a word")
    assert slack.files[0][1].count(b"PMC") >= len(seed_assistant.ask(LIST).figids)
    assert "not at hand any more" in json.dumps(slack.responses[1])
    assert "too long ago" in json.dumps(slack.responses[2])


def test_feedback_is_kept_without_a_name(bot: FakeSlack, tmp_path: Path) -> None:
    """Each kind counts once for each person, with the question and its figures; the person is thanked, not named."""
    message = answer(bot, bot.mentioned("What does lithium do in prion disease?"))
    for user in (USER, USER, "U0BERT"):
        press(bot, message, "Wrong citation", user=user)
    press(bot, message, "Useful")
    wait_for(lambda: len(bot.responses) == 4, "thanks")
    store = FeedbackStore(tmp_path / "feedback.sqlite")
    said = store.all()
    store.close()
    kinds = sorted(feedback.kind for feedback in said)
    assert kinds == [FeedbackKind.USEFUL, FeedbackKind.WRONG_CITATION, FeedbackKind.WRONG_CITATION]
    assert {feedback.source for feedback in said} == {"slack"}
    assert said[0].question == "What does lithium do in prion disease?"
    assert said[0].figids
    assert USER not in repr(said)


def test_feedback_on_a_follow_up_says_what_it_was_read_as(bot: FakeSlack, tmp_path: Path) -> None:
    """So that it is not taken for feedback on its words alone."""
    first = answer(bot, bot.mentioned(LIST))
    follow_up = answer(bot, bot.mentioned("only those after 2015", thread_ts=first.thread))
    press(bot, follow_up, "Useful")
    wait_for(lambda: bot.responses, "thanks")
    with closing(FeedbackStore(tmp_path / "feedback.sqlite")) as store:
        (said,) = store.all()
    assert said.question == "only those after 2015"
    assert json.loads(said.filters)["year_from"] == 2016
    assert said.standalone not in ("", said.question)


def test_a_private_export_goes_to_direct_messages(bot: FakeSlack) -> None:
    """The file of a private answer is nobody else's to see."""
    tell(bot, bot.commanded(LIST), kind="slash_commands")
    wait_for(lambda: bot.responses, "the private answer")
    tell(bot, bot.pressed(button(bot.responses[0][1]["blocks"], "Export")), kind="interactive")
    wait_for(lambda: bot.files and len(bot.responses) > 1, "the file")
    assert bot.files[0][0]["channel_id"] == f"D{USER}"


# Limits


def test_who_asks_too_much_is_told(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Beyond a user's or a channel's limit each question gets one sentence that says when to ask again."""
    limits = Limits(per_user=2, per_channel=3, window=3600, pause=0.02)
    with running(seed_assistant, slack, tmp_path, limits=limits):
        shown = [answer(slack, slack.mentioned("lithium")).shown for _ in range(3)]
        shown += [answer(slack, slack.mentioned("lithium", user=u)).shown for u in ("U1", "U2")]
        elsewhere = answer(slack, slack.mentioned("lithium", user="U2", channel="C0ELSE")).shown
    assert ["You have asked 2 questions within 3600 seconds" in text for text in shown[:3]] == [False, False, True]
    assert ["This channel has asked 3 questions" in text for text in shown[3:]] == [False, True]
    assert "Please ask again in" in shown[2]
    assert "asked" not in elsewhere
    assert len(slack.messages) == 6


def test_a_full_queue_is_told(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """When too many questions wait, the next ones are told so at once, and those that wait are all answered."""
    slack.trouble = lambda method, _: Trouble(200, seconds=0.5) if method == "chat.update" else None
    with running(seed_assistant, slack, tmp_path, limits=Limits(100, 100, waiting=2, threads=1, pause=0.02)):
        threads = [tell(slack, slack.mentioned("lithium", user=f"U{n}")) for n in range(8)]
        wait_for(lambda: all(slack.in_thread(t) for t in threads), "answers")
    shown = [slack.in_thread(thread)[0].shown for thread in threads]
    busy = [BUSY in text for text in shown]
    assert not any(busy[:2])
    assert any(busy)
    assert len(slack.messages) == 8


def test_a_long_question_is_cut_with_a_note(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """A pasted page is read up to the limit, and the answer says so; no length is an error."""
    with running(seed_assistant, slack, tmp_path, limits=Limits(question=100, pause=0.02)):
        message = answer(slack, slack.mentioned("What does lithium do in prion disease? " + "word " * 2000))
    assert "The question was cut to its first 100 characters." in message.shown


def test_only_allowed_workspaces_and_channels_are_answered(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """Elsewhere the bot is silent; the command and nothing else says why."""
    with running(seed_assistant, slack, tmp_path, allowed=Allowed(frozenset({TEAM}), frozenset({CHANNEL}))):
        tell(slack, slack.said("lithium", channel=DIRECT))
        tell(slack, slack.mentioned("lithium", channel="C0ELSE"))
        envelope = slack.tell(slack.commanded("lithium", channel="C0ELSE"), kind="slash_commands")
        message = answer(slack, slack.mentioned("lithium"))
        body = slack.pressed(button(message.blocks, "Useful"), channel="C0ELSE", message=message)
        tell(slack, body, kind="interactive")
    assert "not allowed" in slack.acks[envelope][1]["text"]
    assert len(slack.messages) == 1
    assert slack.responses == []


def test_an_old_question_is_not_answered_days_later(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """What was asked before a long pause gets a sentence, for nobody waits for the answer any more."""
    asked = Incoming("m:1", Place.CHANNEL, TEAM, CHANNEL, "1.2", USER, "lithium")
    with Store(tmp_path / FILE_NAME) as store:
        store.add(asked, time.time() - 100_000)
    with running(seed_assistant, slack, tmp_path):
        wait_for(lambda: slack.in_thread("1.2"), "a sentence")
    assert AWAY in slack.in_thread("1.2")[0].shown


# Trouble


def test_images_that_slack_cannot_load_are_left_out(bot: FakeSlack) -> None:
    """The answer is sent again without them, and those that follow come without images at once."""
    figid = "PMC11989024__ijms-26-03143-g003"
    bot.bad_images = {"https://www.ncbi.nlm.nih.gov/pmc/articles/PMC11989024/bin/ijms-26-03143-g003.jpg"}
    first = answer(bot, bot.mentioned(f"What does {figid} show?"))
    second = answer(bot, bot.mentioned(f"What does {figid} show?"))
    refused = [call for call in bot.calls if call.error == "invalid_blocks"]
    assert len(refused) == 1
    assert "image" not in [block["type"] for block in first.blocks + second.blocks]
    assert figid in first.shown


def test_slack_asks_to_be_left_alone(bot: FakeSlack) -> None:
    """After a 429 the bot waits as long as it is told to, and then does what it wanted to do."""
    bot.trouble = lambda method, number: (
        Trouble(429, retry_after=1) if method == "chat.postMessage" and number == 0 else None
    )
    answer(bot, bot.mentioned("lithium"))
    first, second = bot.called("chat.postMessage")
    assert second.at - first.at >= 1


def test_a_lost_answer_does_not_make_two_messages(bot: FakeSlack) -> None:
    """Where Slack posted the message and then said 500, or nothing, the message is found and used."""
    lost = iter((500, None, 0, None))
    bot.trouble = lambda method, _: (
        Trouble(status, is_done=True)
        if method == "chat.postMessage" and (status := next(lost, None)) is not None
        else None
    )
    for _ in range(3):
        body = bot.mentioned("lithium")
        answer(bot, body)
        assert len(bot.in_thread(body["event"]["ts"], final=False)) == 1
    assert sorted(call.status for call in bot.called("chat.postMessage")) == [0, 200, 500]


def test_a_message_that_was_deleted_is_posted_anew(bot: FakeSlack) -> None:
    """Somebody who deletes the bot's first message still gets the answer."""
    bot.trouble = lambda method, _: Trouble(200, error="message_not_found") if method == "chat.update" else None
    body = bot.mentioned("lithium")
    answer(bot, body)
    assert len(bot.called("chat.postMessage")) == 2


def test_a_channel_that_is_gone_is_given_up(bot: FakeSlack, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal that will not change ends the question with a line in the log, and the bot goes on."""
    bot.trouble = lambda method, number: (
        Trouble(200, error="is_archived") if method == "chat.postMessage" and number < 2 else None
    )
    tell(bot, bot.mentioned("lithium"))
    wait_for(lambda: "is_archived" in caplog.text, "a line in the log")
    answer(bot, bot.mentioned("lithium"))
    assert "Slack refused chat.postMessage: is_archived." in caplog.text
    assert len(bot.messages) == 1


def test_an_index_that_fails_is_told(
    slack: FakeSlack, seed_vectorstore: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes wrong while answering ends in a sentence in place of the answer, and its details in the log alone."""
    assistant = open_assistant(seed_vectorstore, llm="none")
    with running(assistant, slack, tmp_path):
        assistant.close()
        message = answer(slack, slack.mentioned("lithium"))
    assert APOLOGY in message.shown
    assert "This assistant has been closed." not in message.shown
    assert "This assistant has been closed." in caplog.text


@pytest.mark.parametrize(
    ("token", "code", "message"),
    [
        (BOT_TOKEN, "invalid_auth", r"^Slack does not accept SLACK_BOT_TOKEN \(invalid_auth\)\."),
        (BOT_TOKEN, "missing_scope", r"^SLACK_BOT_TOKEN lacks a permission\."),
        (APP_TOKEN, "not_allowed_token_type", r"^Slack does not accept SLACK_APP_TOKEN \(not_allowed_token_type\)\."),
    ],
)
def test_a_wrong_token_is_one_sentence(
    token: str, code: str, message: str, slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """It names the variable and Slack's reason, and never the token."""
    slack.refused_tokens = {token: code}
    with pytest.raises(SlackError, match=message) as raised:
        serve(seed_assistant, load_settings(http=False, environ=slack.environ), tmp_path)
    assert "of-the-fake" not in str(raised.value)


# Secrets


def test_nothing_that_people_write_is_logged(
    bot: FakeSlack, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Above debug no log line has a question, a name or a secret, also where calls fail."""
    caplog.set_level(logging.INFO)
    bot.trouble = lambda method, number: (
        Trouble(500) if number == 0 and method in ("chat.update", "chat.postMessage") else None
    )
    message = answer(bot, bot.mentioned("a secret question about lithium"))
    press(bot, message, "Useful")
    answer(bot, bot.said("a secret question about lithium", channel=DIRECT))
    logged = "\n".join(record.getMessage() for record in caplog.records if "websockets" not in record.name)
    out, err = capfd.readouterr()
    for secret in ("secret question", BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, USER, "respond/"):
        assert secret not in logged + out + err


# HTTP mode


@pytest.fixture
def web(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> Iterator[str]:
    """The bot over HTTP; its address."""
    with running(seed_assistant, slack, tmp_path, http=True) as said:
        yield said.split()[6]


def test_http_requests_are_taken(web: str, slack: FakeSlack) -> None:
    """Signed events, commands and buttons work as over the socket; Slack's challenge is answered; all is well."""

    def post(body: Json, form: str = "") -> httpx.Response:
        content, headers = slack.request_of(body, form=form)
        return httpx.post(web, content=content, headers=headers, timeout=PATIENCE)

    assert post({"type": "url_verification", "challenge": "abc"}).json() == {"challenge": "abc"}
    body = slack.mentioned(LIST)
    began = time.monotonic()
    assert [post(body).status_code for _ in range(3)] == [200, 200, 200]
    assert time.monotonic() - began < 9
    wait_for(lambda: slack.in_thread(body["event"]["ts"]), "an answer")
    (message,) = slack.in_thread(body["event"]["ts"])
    command = post(slack.commanded(LIST), "command")
    assert command.json()["response_type"] == "ephemeral"
    wait_for(lambda: slack.responses, "the private answer")
    assert post(slack.pressed(button(message.blocks, "More"), message=message), "payload").status_code == 200
    wait_for(lambda: len(slack.in_thread(message.thread)) == 2, "more figures")
    assert post({"type": "event_callback", "event": {"type": "never_heard"}, "team_id": TEAM}).status_code == 200
    assert httpx.get(web.replace("/slack/events", "/healthz")).json() == {"status": "ok"}


def test_http_requests_that_are_not_slacks_are_refused(web: str, slack: FakeSlack) -> None:
    """A wrong or missing signature, an old time stamp, a changed body, and what is too large or no text."""
    body = slack.mentioned("lithium")
    content, headers = slack.request_of(body)
    _, old = slack.request_of(body, at=time.time() - 600)
    _, future = slack.request_of(body, at=time.time() + 600)
    signed = {"Content-Type": "application/json"}
    codes = [
        httpx.post(web, content=sent, headers=given, timeout=PATIENCE).status_code
        for sent, given in (
            (content + b" ", headers),
            (content, {**headers, "X-Slack-Signature": "v0=0"}),
            (content, signed),
            (content, old),
            (content, future),
            (b"\xff\xfe", headers),
            (b"x" * 1_000_001, headers),
        )
    ]
    assert codes == [401, 401, 401, 401, 401, 400, 413]
    assert httpx.get(web).status_code == 405
    assert slack.messages == []


def test_bodies_that_do_not_come_are_not_waited_for(
    web: str, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a signature not at all, and with one for a while."""
    monkeypatch.setattr("pfocr_chat.slack.service.SECONDS_FOR_BODY", 0.3)
    _, headers = slack.request_of(slack.mentioned("lithium"))
    place = urlsplit(web)
    for signature, status in (("", b"401"), (f"X-Slack-Signature: {headers['X-Slack-Signature']}\r\n", b"408")):
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=PATIENCE) as raw:
            stamp = f"X-Slack-Request-Timestamp: {headers['X-Slack-Request-Timestamp']}\r\n"
            head = f"POST {place.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n{stamp}{signature}\r\n{{"
            raw.sendall(head.encode())
            assert raw.recv(100).split()[1] == status


def test_what_cannot_be_kept_is_told_again(
    web: str, slack: FakeSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """While the memory cannot be written a question is not acknowledged; told again by Slack, it is answered."""
    body = slack.mentioned("lithium")
    content, headers = slack.request_of(body)
    other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert httpx.post(web, content=content, headers=headers, timeout=PATIENCE).status_code == 500
    other.execute("ROLLBACK")
    other.close()
    assert "could not be kept: OperationalError" in caplog.text
    assert httpx.post(web, content=content, headers=headers, timeout=PATIENCE).status_code == 200
    wait_for(lambda: slack.in_thread(body["event"]["ts"]), "an answer")


def test_a_port_in_use_is_told(web: str, slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """The sentence names the address and the options."""
    port = int(web.split(":")[2].split("/")[0])
    with pytest.raises(Exception, match=rf"Cannot serve at 127\.0\.0\.1:{port}: .* --port"):
        serve(seed_assistant, load_settings(http=True, environ=slack.environ), tmp_path / "other", http=True, port=port)


# The command and its papers


def test_the_command_says_what_is_missing(seed_vectorstore: Path) -> None:
    """Without tokens it ends at once, with one line on standard error and status 1."""
    command = [sys.executable, "-m", "pfocr_chat", "slack", "--vectorstore", str(seed_vectorstore)]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("pfocr-chat: SLACK_BOT_TOKEN is not set;")
    assert len(done.stderr.splitlines()) == 1


def test_the_manifest_asks_for_what_the_bot_uses() -> None:
    """Scopes, events and the command of docs/slack-manifest.yaml are those that the code needs, and no others."""
    manifest = yaml.safe_load((Path(__file__).parents[1] / "docs" / "slack-manifest.yaml").read_text())
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == set(
        "app_mentions:read assistant:write channels:history chat:write commands files:write"
        " groups:history im:history im:write mpim:history".split()
    )
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == set(
        "app_home_opened app_mention message.channels message.groups message.im message.mpim".split()
    )
    assert manifest["features"]["slash_commands"][0]["command"] == "/pfocr"
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert len(manifest["features"]["agent_view"]["suggested_prompts"]) <= 4
