"""The bot when something is wrong: its memory, its place in a channel, its connection, or who presses a button."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fake_slack import CHANNEL, DIRECT, TEAM, USER, FakeSlack, Json, Posted, Trouble
from slack_running import GENEROUS, answer, button, running, tell
from timing import PATIENCE, wait_for

from pfocr_chat import Assistant
from pfocr_chat.errors import SlackError
from pfocr_chat.feedback import FILE_NAME as FEEDBACK
from pfocr_chat.feedback import FeedbackStore
from pfocr_chat.slack import load_settings, serve
from pfocr_chat.slack.actions import FAILED, FORGOTTEN, UNCERTAIN_FILE
from pfocr_chat.slack.bot import NOT_A_MEMBER, TOO_LONG
from pfocr_chat.slack.events import Incoming, Place
from pfocr_chat.slack.service import wait_while
from pfocr_chat.slack.settings import Allowed, Limits
from pfocr_chat.slack.store import FILE_NAME, Store

LIST = "All figures on cancer"
QUICK = replace(GENEROUS, again=0.2)
BERT = "U0BERT"


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A fake Slack without trouble."""
    with FakeSlack() as fake:
        yield fake


def press(slack: FakeSlack, pressed: Json) -> str:
    """Tell of a press of a button and wait for the word to whoever pressed it."""
    before = len(slack.responses)
    tell(slack, pressed, kind="interactive")
    wait_for(lambda: len(slack.responses) > before, "a word")
    return json.dumps(slack.responses[-1][1], ensure_ascii=False)


def private_answer(slack: FakeSlack, question: str = LIST) -> list[Json]:
    """The blocks of what Anna sees after her command."""
    before = len(slack.responses)
    tell(slack, slack.commanded(question), kind="slash_commands")
    wait_for(lambda: len(slack.responses) > before, "the private answer")
    blocks: list[Json] = slack.responses[-1][1]["blocks"]
    return blocks


def once(slack: FakeSlack, method: str, act: Callable[[], None], *, final: bool = True) -> None:
    """Do something to the bot while it first calls a method, or does so with a final message; the call works."""
    done = threading.Event()

    def trouble(called: str, _number: int) -> None:
        if called != method or done.is_set():
            return
        if not final or ":hourglass" not in str(slack.called(method)[-1].arguments):
            done.set()
            act()

    slack.trouble = trouble


def open_questions(folder: Path) -> int:
    """How many questions are without a reply in the bot's memory."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as memory:
        return int(memory.execute("SELECT COUNT(*) FROM jobs WHERE is_open").fetchone()[0])


# Whose buttons


def test_an_old_button_does_not_reach_a_new_answer(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """After the memory is deleted the buttons of before are forgotten, whatever has been asked since."""
    with running(seed_assistant, slack, tmp_path / "old"):
        message = answer(slack, slack.mentioned(LIST))
    with running(seed_assistant, slack, tmp_path / "new"):
        private_answer(slack, "All figures on apoptosis")
        said = press(slack, slack.pressed(button(message.blocks, "More figures"), message=message, user=BERT))
        guessed = {"action_id": "pfocr_share", "value": "1"}
        assert FORGOTTEN in press(slack, slack.pressed(guessed, user=BERT))
    assert FORGOTTEN in said
    assert len(slack.messages) == 1


def test_a_button_works_for_those_who_see_the_answer(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """Nobody else shares a private answer, and no answer is acted on from another channel; a shared one is for all."""
    with running(seed_assistant, slack, tmp_path):
        blocks = private_answer(slack)
        for label in ("Share", "Export", "Useful"):
            assert FORGOTTEN in press(slack, slack.pressed(button(blocks, label), user=BERT))
        assert FORGOTTEN in press(slack, slack.pressed(button(blocks, "Share"), channel="C0ELSE"))
        assert slack.messages == []
        press(slack, slack.pressed(button(blocks, "Share")))
        (shared,) = slack.messages
        assert "Thank you" in press(slack, slack.pressed(button(shared.blocks, "Useful"), message=shared, user=BERT))
    assert slack.files == []


def test_buttons_keep_to_the_allowed_workspaces(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """In a shared channel somebody of another workspace presses in vain; the organisation's id stands for its own."""
    with running(seed_assistant, slack, tmp_path, allowed=Allowed(teams=frozenset({TEAM}))):
        message = answer(slack, slack.mentioned(LIST))
        follow = button(message.blocks, "only those since")
        tell(slack, slack.pressed(follow, message=message, user=BERT, author="T0OTHER"), kind="interactive")
        answer(slack, slack.mentioned("lithium"))
    assert len(slack.messages) == 2
    assert slack.responses == []
    with running(seed_assistant, slack, tmp_path, allowed=Allowed(teams=frozenset({"E0ORG"}))):
        useful = slack.pressed(button(message.blocks, "Useful"), message=message)
        assert "Thank you" in press(slack, {**useful, "enterprise": {"id": "E0ORG"}})


def test_a_private_follow_up_leaves_the_answer_before_it(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """The address of a button would put the next answer in the place of the one with the button."""
    with running(seed_assistant, slack, tmp_path):
        blocks = private_answer(slack)
        press(slack, slack.pressed(button(blocks, "only those since")))
    assert "published since" in json.dumps(slack.responses[-1][1])
    assert slack.responses[-1][1]["replace_original"] is False


# The memory


def test_a_memory_that_cannot_be_read_for_a_while(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """A question waits until the memory is well again, is answered once, and others are answered after it."""
    with running(seed_assistant, slack, tmp_path, limits=replace(QUICK, threads=1)):
        with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)) as memory:
            body = slack.mentioned("lithium")
            away = "ALTER TABLE jobs RENAME TO away"
            once(slack, "chat.postMessage", lambda: memory.execute(away) and None, final=False)
            tell(slack, body)
            time.sleep(1.0)  # long enough for some tries in vain
            assert slack.in_thread(body["event"]["ts"]) == []
            memory.execute("ALTER TABLE away RENAME TO jobs")
        wait_for(lambda: slack.in_thread(body["event"]["ts"]), "the answer")
        answer(slack, slack.mentioned("lithium"))
        wait_for(lambda: open_questions(tmp_path) == 0, "an end")
    assert len(slack.messages) == 2


@pytest.mark.parametrize("method", ["chat.update", "response_url"])
def test_nothing_is_sent_after_the_answer(
    method: str, slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """Where it cannot be noted that a question has its answer, that is tried again, and nothing is sent again."""
    with running(seed_assistant, slack, tmp_path, limits=QUICK):
        with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None, check_same_thread=False)) as memory:
            once(slack, method, lambda: memory.execute("BEGIN IMMEDIATE") and None)
            if method == "chat.update":
                answer(slack, slack.mentioned(LIST))
            else:
                private_answer(slack)
            time.sleep(3.0)  # the bot waits two seconds for its memory
            memory.execute("ROLLBACK")
        wait_for(lambda: open_questions(tmp_path) == 0, "the note")
    assert len([call for call in slack.called(method) if ":hourglass" not in str(call.arguments)]) == 1
    assert len(slack.messages) + len(slack.responses) == 1


def test_what_is_old_is_removed_in_time(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Without another question, answers and conversations are gone from the file once they are too old."""
    with running(seed_assistant, slack, tmp_path, limits=replace(QUICK, memory=2.0, tidying=0.1)):
        message = answer(slack, slack.mentioned(LIST))

        def is_gone() -> bool:
            with closing(sqlite3.connect(tmp_path / FILE_NAME)) as memory:
                answers = memory.execute("SELECT COUNT(*) FROM shown").fetchone()[0]
                said = memory.execute("SELECT COUNT(*) FROM threads WHERE conversation != ''").fetchone()[0]
                return not answers and not said

        wait_for(is_gone, "forgetting")
        assert FORGOTTEN in press(slack, slack.pressed(button(message.blocks, "Useful"), message=message))


def test_feedback_that_could_not_be_kept_is_kept_later(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """Only what was kept counts as said: after a failure the same button works."""
    with running(seed_assistant, slack, tmp_path):
        message = answer(slack, slack.mentioned("lithium"))
        useful = button(message.blocks, "Useful")
        (tmp_path / FEEDBACK).mkdir()
        assert FAILED in press(slack, slack.pressed(useful, message=message))
        (tmp_path / FEEDBACK).rmdir()
        for _ in range(2):
            assert "Thank you" in press(slack, slack.pressed(useful, message=message))
    with closing(FeedbackStore(tmp_path / FEEDBACK)) as feedback:
        assert len(feedback.all()) == 1


def test_what_could_not_be_shared_is_shared_later(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Only what was posted counts as shared: after a failure the same button works, and then no more."""
    with running(seed_assistant, slack, tmp_path):
        share = button(private_answer(slack), "Share")
        slack.trouble = lambda method, _: Trouble(500) if method == "chat.postMessage" else None
        assert FAILED in press(slack, slack.pressed(share))
        slack.trouble = lambda _method, _number: None
        assert "Shared." in press(slack, slack.pressed(share))
        tell(slack, slack.pressed(share), kind="interactive")
        answer(slack, slack.mentioned("lithium"))
    assert len(slack.messages) == 2


# Where the bot may not write


def test_outside_a_channel_buttons_ask_for_an_invitation(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """After sharing where the bot is no member, whoever presses a button is told, each time, and nobody else."""
    with running(seed_assistant, slack, tmp_path):
        share = button(private_answer(slack), "Share")
        slack.trouble = lambda method, _: Trouble(200, error="not_in_channel") if method == "chat.postMessage" else None
        tell(slack, slack.pressed(share), kind="interactive")
        wait_for(lambda: len(slack.responses) == 3, "the shared answer and a word")
        shown = slack.responses[1][1]
        shared = Posted("1.5", CHANNEL, "1.5", shown["text"], shown["blocks"], {})
        for label in ("More figures", "only those since"):
            said = press(slack, slack.pressed(button(shared.blocks, label), message=shared, user=BERT))
            assert NOT_A_MEMBER in said
            assert slack.responses[-1][1]["response_type"] == "ephemeral"
            assert slack.responses[-1][1]["replace_original"] is False


def test_refusals_are_told_once(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Whoever asks on and on is told so once in a while, not each time, also with empty mentions."""
    with running(seed_assistant, slack, tmp_path, limits=Limits(per_user=1, window=3600, pause=0.02)):
        first = answer(slack, slack.mentioned("lithium"))
        second = answer(slack, slack.mentioned("lithium"))
        for text in ("lithium", "", ":+1:"):
            tell(slack, slack.mentioned(text))
        last = answer(slack, slack.mentioned("lithium", user=BERT))
    assert ["You have asked 1 questions" in m.shown for m in (first, second, last)] == [False, True, False]
    assert len(slack.messages) == 3


# Direct messages


def test_a_file_is_not_taken_for_an_answer(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Where the start of a stream was lost, the bot looks for it, and leaves its files and earlier messages alone."""
    with running(seed_assistant, slack, tmp_path):
        first = answer(slack, slack.said(LIST, channel=DIRECT))
        export = slack.pressed(button(first.blocks, "Export"), channel=DIRECT, message=first)
        tell(slack, export, kind="interactive")
        wait_for(lambda: slack.files, "the file")
        file = next(m for m in slack.messages if m.files)
        slack.trouble = lambda method, number: Trouble(0) if method == "chat.startStream" and number == 1 else None
        body = slack.said("What does lithium do in prion disease?", channel=DIRECT, thread_ts=first.thread)
        second = answer(slack, body)
    assert len(slack.called("chat.startStream")) == 3
    assert second.was_streamed
    assert "lithium" in second.shown.lower()
    assert (file.edits, file.was_streamed, file.blocks) == (0, False, [])
    assert len(slack.messages) == 3


def test_only_what_came_after_the_question_can_be_its_stream(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """A killed bot's half stream is taken up again; another message without a mark, from before, is not."""
    before, asked_at, after = slack.now(), slack.now(), slack.now()
    for ts in (before, after):
        slack.messages.append(Posted(ts, DIRECT, "1.2", "half a text", [], {}, streaming=True, was_streamed=True))
    question = Incoming(f"m:{TEAM}:{DIRECT}:{asked_at}", Place.DIRECT, TEAM, DIRECT, "1.2", USER, "lithium")
    with Store(tmp_path / FILE_NAME) as store:
        store.add(question, time.time())
    with running(seed_assistant, slack, tmp_path):
        wait_for(lambda: slack.in_thread("1.2"), "the answer")
    assert [(m.edits > 0, m.streaming) for m in slack.messages] == [(False, True), (True, False)]


def test_a_file_that_may_have_arrived_is_not_sent_again(
    slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path
) -> None:
    """The first steps of an upload are tried again; the last, which shows the file, only where it surely failed."""
    steps = ("files.getUploadURLExternal", "files.completeUploadExternal")
    with running(seed_assistant, slack, tmp_path):
        message = answer(slack, slack.mentioned(LIST))
        export = button(message.blocks, "Export")
        slack.trouble = lambda method, number: Trouble(429, retry_after=0) if method in steps and not number else None
        tell(slack, slack.pressed(export, message=message), kind="interactive")
        wait_for(lambda: slack.files, "the file")
        slack.trouble = lambda method, _: Trouble(500, is_done=True) if method == steps[1] else None
        assert UNCERTAIN_FILE in press(slack, slack.pressed(export, message=message))
    assert [len(slack.called(step)) for step in steps] == [3, 3]
    assert len(slack.files) == 2


def test_half_an_answer_does_not_stay(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Where a stream ends without an answer, its text is replaced by the sentence that says so."""
    slack.trouble = lambda method, _: Trouble(200, seconds=2.0) if method == "chat.startStream" else None
    with running(seed_assistant, slack, tmp_path, limits=replace(QUICK, answer_time=1.5)):
        message = answer(slack, slack.said(LIST, channel=DIRECT))
        wait_for(lambda: message.edits, "the sentence")
    assert len(slack.called("chat.startStream")) == 1
    assert TOO_LONG in message.shown
    assert "figures" not in message.shown
    assert not message.was_streamed


# The connection


def test_a_connection_lost_for_long_ends_the_bot(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """When Slack cannot be reached again for some minutes the bot ends with a sentence, to be started anew."""
    settings = replace(load_settings(http=False, environ=slack.environ), limits=replace(QUICK, lost=2.0))
    ready, ended = threading.Event(), []

    def serving() -> None:
        try:
            serve(seed_assistant, settings, tmp_path, ready=lambda _: ready.set())
        except SlackError as error:
            ended.append(str(error))

    thread = threading.Thread(target=serving, daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    wait_for(lambda: slack.connections, "the socket")
    slack.trouble = lambda method, _: Trouble(500) if method == "apps.connections.open" else None
    slack.drop_sockets()
    thread.join(PATIENCE)
    assert ended == ["The connection to Slack was lost for 2 seconds. Start the bot again."]


def test_waiting_ends_when_nothing_works_for_long_enough() -> None:
    """A short loss is borne; a loss without end is not, nor is a thread that is dead; and a stop is in order."""
    states = iter([True, False, False, True, False, True])
    stopping = threading.Event()

    def works() -> bool:
        state = next(states, None)
        if state is None:
            stopping.set()
        return bool(state)

    assert wait_while(works, stopping, 60.0, pause=0.001)
    assert not wait_while(lambda: False, threading.Event(), 0.01, pause=0.001)
    dead = threading.Thread(target=lambda: None)
    dead.start()
    dead.join()
    assert not wait_while(dead.is_alive, threading.Event(), 0.0, pause=0.001)
