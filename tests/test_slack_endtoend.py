"""The Slack bot over a fake Slack: the real chain and a real index, with duplicates, failures and restarts."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_slack import BOT_USER, CHANNEL, DIRECT, FakeSlack, Json, Trouble
from slack_running import running, tell
from timing import PATIENCE, wait_for

from pfocr_chat import Assistant, open_assistant

TOPICS = (
    "Which figures are about apoptosis?",
    "What does lithium do in prion disease?",
    "How many figures show TP53?",
    "All figures on autophagy since 2010",
    "which figures show both AKT1 and MTOR?",
    "What does PMC11989024__ijms-26-03143-g003 show?",
    "How does quercetin inhibit gastric cancer metastasis? :thinking_face:",
    "What is the price of a house in Oslo?",
    "TNF-α → NF-κB, & what follows <from> it? 🤔",
)
SEED = 7


@pytest.fixture
def slack() -> Iterator[FakeSlack]:
    """A fake Slack without trouble."""
    with FakeSlack() as fake:
        yield fake


@dataclass
class Crowd:
    """People who ask: what they said, and how many answers each place has to get."""

    slack: FakeSlack
    events: list[tuple[Json, str]] = field(default_factory=list)
    threads: Counter[str] = field(default_factory=Counter)
    commands: list[Json] = field(default_factory=list)

    def ask(self, number: int, chance: random.Random) -> None:
        """One question, somewhere."""
        topic, user = TOPICS[number % len(TOPICS)], f"U{number % 9:05d}"
        place = number % 8
        if place == 7:
            body = self.slack.commanded(topic, user=user)
            self.commands.append(body)
            self.events.append((body, "slash_commands"))
            return
        if place == 6:
            body = self.slack.said(topic, channel=DIRECT, user=user)
        elif place == 5 and self.threads:
            thread = chance.choice(sorted(self.threads))
            where = next(b["event"]["channel"] for b, _ in self.events if b.get("event", {}).get("ts") == thread)
            body = self.slack.said("and only those since 2012?", channel=where, thread_ts=thread, user=user)
        else:
            body = self.slack.mentioned(topic, channel=f"C{number % 5}LAB", user=user)
        self.threads[body["event"].get("thread_ts") or body["event"]["ts"]] += 1
        self.events.append((body, "events_api"))

    @property
    def unanswered(self) -> list[str]:
        """The threads and commands that have not got exactly the answers they are due."""
        wrong = [t for t, due in self.threads.items() if len(self.slack.in_thread(t)) != due]
        answered = Counter(number for number, _ in self.slack.responses)
        return wrong + [c["trigger_id"] for c in self.commands if answered[c["trigger_id"]] != 1]


def troubles(chance: random.Random, share: float) -> Trouble | None:
    """Now and then a call fails, in one of the ways in which Slack's do."""
    if chance.random() >= share:
        return None
    return chance.choice(
        (
            Trouble(500),
            Trouble(500, is_done=True),
            Trouble(0, is_done=True),
            Trouble(0),
            Trouble(429, retry_after=0),
            Trouble(200, error="internal_error"),
            Trouble(200, seconds=0.2),
        )
    )


def test_every_question_gets_exactly_one_answer(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """200 questions, a fifth told twice, a tenth of all calls failing and a restart: one final message each."""
    chance, calls = random.Random(SEED), random.Random(SEED + 1)  # noqa: S311 - for a test
    crowd = Crowd(slack)
    for number in range(200):
        crowd.ask(number, chance)
    # What a lost answer to a response_url did cannot be looked up; every other call may fail in any way.
    slack.trouble = lambda method, _: (
        (Trouble(500) if method == "response_url" and calls.random() < 0.1 else None)
        if method in ("response_url", "auth.test", "apps.connections.open")
        else troubles(calls, 0.1)
    )
    told = [(body, kind, 0) for body, kind in crowd.events]
    again = chance.sample(told, 40)
    for body, kind, _ in again:
        # Slack's retries come right away, or minutes later, when others have asked.
        told.insert(chance.randrange(told.index((body, kind, 0)) + 1, len(told) + 1), (body, kind, 1))
    half = len(told) // 2
    started = time.monotonic()
    with running(seed_assistant, slack, tmp_path):
        envelopes = {slack.tell(body, kind=kind, retry=retry): time.monotonic() for body, kind, retry in told[:half]}
        wait_for(lambda: envelopes.keys() <= slack.acks.keys(), "all acknowledgements")
        wait_for(lambda: len([m for m in slack.messages if m.is_final]) > 20, "some answers")
    done_before = len([m for m in slack.messages if m.is_final])
    with running(seed_assistant, slack, tmp_path):
        envelopes |= {slack.tell(body, kind=kind, retry=retry): time.monotonic() for body, kind, retry in told[half:]}
        wait_for(lambda: envelopes.keys() <= slack.acks.keys(), "all acknowledgements")
        wait_for(lambda: not crowd.unanswered, "all answers")
        # A second answer would come from what still waits.
        wait_for(lambda: slack.calls[-1].at < time.monotonic() - 1.0, "quiet")
    slowest = max(slack.acks[e][0] - at for e, at in envelopes.items())
    took = f"{time.monotonic() - started:.1f} s, slowest acknowledgement {slowest:.2f} s"
    print(f"{took}, {len(slack.calls)} calls, {done_before} messages final before the restart")
    assert crowd.unanswered == []
    assert 20 < done_before < sum(crowd.threads.values())
    assert sum(crowd.threads.values()) + len(crowd.commands) == 200
    assert [m.text for m in slack.messages if not m.is_final] == []
    assert slowest < 3
    failed = [call for call in slack.calls if call.status != 200 or call.error == "internal_error"]
    assert len(failed) > 0.04 * len(slack.calls)
    assert {call.error for call in slack.calls} <= {"", "internal_error", "message_not_in_streaming_state"}


def test_a_killed_bot_ends_what_it_began(slack: FakeSlack, seed_vectorstore: Path) -> None:
    """Killed in the middle and started anew, the bot answers each question once; SIGTERM ends it in order."""
    command = [sys.executable, "-m", "pfocr_chat", "slack", "--llm", "none", "--vectorstore", str(seed_vectorstore)]
    environ = {**os.environ, **slack.environ, "PYTHONUNBUFFERED": "1"}
    slack.trouble = lambda method, _: Trouble(200, seconds=1.0) if method == "chat.update" else None
    asked = [slack.mentioned(topic) for topic in TOPICS]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bot:
        wait_for(lambda: slack.connections, "the bot's socket")
        threads = [tell(slack, body) for body in asked]
        wait_for(lambda: any(m.is_final for m in slack.messages), "an answer")
        bot.kill()
    slack.trouble = lambda _method, _number: None
    assert [t for t in threads if not slack.in_thread(t)] != []
    wait_for(lambda: not slack.connections, "the end of the socket")
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as bot:
        wait_for(lambda: slack.connections, "the bot's socket")
        for body in asked[:3]:
            tell(slack, body)
        wait_for(lambda: all(slack.in_thread(t) for t in threads), "all answers")
        ended = time.monotonic()
        bot.send_signal(signal.SIGTERM)
        said, errors = bot.communicate(timeout=PATIENCE)
        assert bot.returncode == 0
        assert time.monotonic() - ended < 20  # 10 with a processor to itself
    assert "PFOCR Chat answers in Slack" in said
    assert "Traceback" not in errors
    assert [len(slack.in_thread(t)) for t in threads] == [1] * len(TOPICS)
    assert [m.text for m in slack.messages if not m.is_final] == []


def test_the_bundled_model_answers_in_slack(slack: FakeSlack, seed_vectorstore: Path, tmp_path: Path) -> None:
    """With the bundled language model a question in a channel and one in a direct message are answered with figures."""
    with open_assistant(seed_vectorstore, llm="bundled") as assistant, running(assistant, slack, tmp_path):
        threads = [
            tell(slack, slack.mentioned("What does lithium do in prion disease?")),
            tell(slack, slack.said("What does lithium do in prion disease?", channel=DIRECT)),
        ]
        wait_for(lambda: all(slack.in_thread(t) for t in threads), "two answers")
    for thread in threads:
        (message,) = slack.in_thread(thread)
        assert "lithium" in message.shown.lower()
        assert "https://pfocr.wikipathways.org/figures/PMC" in message.shown


def test_a_thread_goes_on_without_a_mention(slack: FakeSlack, seed_assistant: Assistant, tmp_path: Path) -> None:
    """Follow-ups in the bot's thread are answered, with what was said before, also after a restart."""
    with running(seed_assistant, slack, tmp_path):
        thread = tell(slack, slack.mentioned("All figures on apoptosis"))
        wait_for(lambda: len(slack.in_thread(thread)) == 1, "an answer")
        tell(slack, slack.said("only those since 2015", thread_ts=thread))
        wait_for(lambda: len(slack.in_thread(thread)) == 2, "a second answer")
    with running(seed_assistant, slack, tmp_path):
        tell(slack, slack.said("and only those since 2018 :+1:", thread_ts=thread, channel=CHANNEL))
        wait_for(lambda: len(slack.in_thread(thread)) == 3, "a third answer")
        tell(slack, slack.said("nobody asked", thread_ts=slack.now()))
        tell(slack, slack.said(f"<@U0BERT> what do you think? <@{BOT_USER}x>", thread_ts=thread))
        tell(slack, slack.mentioned("TP53"))
        wait_for(lambda: len([m for m in slack.messages if m.is_final]) == 4, "the answer to the last")
    first, second, third = slack.in_thread(thread)
    assert "apoptosis” published since 2015" in second.shown
    assert "apoptosis” published since 2018" in third.shown
    assert "since" not in first.shown.split("Understood as")[1].split("\n")[0]
