"""Which of Slack's events are questions, what the bot is told from outside, and what it remembers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_slack import BOT_ID, BOT_USER, CHANNEL, DIRECT, TEAM, USER, FakeSlack, Json
from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat.answers import Conversation, Turn
from pfocr_chat.errors import ConfigError, SlackError
from pfocr_chat.queries import Filters, Intent
from pfocr_chat.slack.events import Identity, Incoming, Place, command_asked, cut, message_asked, question_of
from pfocr_chat.slack.settings import Allowed, Limits, load_settings
from pfocr_chat.slack.store import KeptAnswer, Store, from_json, to_json
from pfocr_chat.slack.workers import Workers

WHO = Identity(TEAM, BOT_USER, BOT_ID)
SLACK = FakeSlack()
"""Not served; it only makes events."""


def asked(body: Json, *, known: bool = False, allowed: Allowed | None = None, limit: int = 2000) -> Incoming | None:
    """What the bot takes from an event."""
    return message_asked(body, identity=WHO, allowed=allowed or Allowed(), is_known=lambda *_: known, limit=limit)


# Which events are answered


def test_a_mention_is_answered_in_its_thread() -> None:
    """A mention at the top of a channel begins a thread; one in a thread goes on in it."""
    body = SLACK.mentioned("which figures show AKT1?")
    found = asked(body)
    assert found is not None
    assert (found.place, found.question, found.thread) == (
        Place.CHANNEL,
        "which figures show AKT1?",
        body["event"]["ts"],
    )
    inside = asked(SLACK.mentioned("and MTOR?", thread_ts="1.2"))
    assert inside is not None
    assert inside.thread == "1.2"


def test_two_events_about_one_message_are_one_question() -> None:
    """Slack tells of a mention as a mention and as a message; both have the same key, and so has a retry."""
    body = SLACK.mentioned("AKT1?")
    event = body["event"]
    twin = SLACK.said(event["text"], ts=event["ts"])
    one, two = asked(body), asked(twin)
    assert one is not None
    assert two is not None
    assert one.key == two.key
    assert two.question == "AKT1?"


@pytest.mark.parametrize(
    "event",
    [
        {"channel": DIRECT},
        {"channel": DIRECT, "thread_ts": "1.2"},
        {"thread_ts": "1.2", "text": f"and <@{BOT_USER}> TP53?"},
        {"text": f"hey <@{BOT_USER}|pfocr>, TP53?"},
        {"channel": DIRECT, "subtype": "file_share", "files": [{"id": "F1"}]},
        {"channel": DIRECT, "subtype": "thread_broadcast", "thread_ts": "1.2"},
        {"channel": "G0GROUP", "channel_type": "mpim", "text": f"<@{BOT_USER}> TP53?"},
    ],
)
def test_what_is_meant_for_the_bot_is_answered(event: dict[str, Any]) -> None:
    """Direct messages, with files or in threads too, and mentions anywhere in a message."""
    assert asked(SLACK.said(event.pop("text", "TP53?"), **event)) is not None


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"thread_ts": "1.2", "text": "<@U0BERT> what do you think?"},
        {"thread_ts": "1.2", "text": ":wave: <@U0BERT|bert> what do you think?"},
        {"thread_ts": "1.2", "text": "<!here> lunch?"},
        {"thread_ts": "1.2", "text": "<!subteam^S1|@lab> please look"},
        {"thread_ts": "1.2", "text": ":+1:"},
        {"thread_ts": "1.2", "text": "👍 !"},
        {"thread_ts": "1.2", "text": "", "subtype": "file_share", "files": [{"id": "F1"}]},
        {"channel": DIRECT, "bot_id": "B0OTHER"},
        {"channel": DIRECT, "bot_id": BOT_ID, "user": BOT_USER},
        {"channel": DIRECT, "user": BOT_USER},
        {"channel": DIRECT, "user": "USLACKBOT"},
        {"channel": DIRECT, "user": None},
        {"channel": DIRECT, "app_id": "A0OTHER", "bot_profile": {"id": "B1"}},
        {"channel": DIRECT, "edited": {"user": USER, "ts": "1.2"}},
        {"channel": DIRECT, "hidden": True},
        *(
            {"channel": DIRECT, "subtype": s}
            for s in ("message_changed", "message_deleted", "bot_message", "channel_join")
        ),
        {"channel": DIRECT, "text": None},
        {"channel": DIRECT, "text": {"not": "text"}},
        {"channel": DIRECT, "ts": None},
        {"channel": DIRECT, "ts": 1234},
        {"channel": "", "text": f"<@{BOT_USER}> x"},
        {"channel": DIRECT, "ts": "1" * 100},
    ],
)
def test_silence(event: dict[str, Any]) -> None:
    """Other people's talk, bots, itself, edits, deletions, Slack's notices and malformed events get no answer."""
    known = "thread_ts" in event
    assert asked(SLACK.said(event.pop("text", "TP53?"), **({"channel": CHANNEL} | event)), known=known) is None


@given(
    st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(("event", "type", "channel", "ts", "text", "user", "team_id", "channel_type", "x")),
                inner,
            )
        ),
    )
)
def test_no_payload_confuses_it(body: Any) -> None:
    """Whatever the shape of an event, it is a question or it is not."""
    asked(body if isinstance(body, dict) else {"event": body})


def test_a_follow_up_needs_a_thread_of_the_bots() -> None:
    """Without a mention a message is answered in a thread in which the bot takes part, and in no other."""
    body = SLACK.said("and in mice?", thread_ts="1.2")
    assert asked(body) is None
    assert asked(body, known=True) is not None
    assert asked(SLACK.said(f"<@{BOT_USER}> <@U0BERT> asked", thread_ts="1.2"), known=True) is not None


def test_only_those_allowed_are_answered() -> None:
    """Lists of workspaces and channels hold for where a message is and for where its author is from."""
    body = SLACK.mentioned("AKT1?")
    direct = SLACK.said("AKT1?", channel=DIRECT)
    guest = SLACK.mentioned("AKT1?", team="T0OTHER")
    only = Allowed(teams=frozenset({TEAM}))
    assert asked(body, allowed=only) is not None
    assert asked(guest, allowed=only) is None
    assert asked(body, allowed=Allowed(teams=frozenset({"T0OTHER"}))) is None
    organisation = Allowed(teams=frozenset({"E0ORG"}))
    assert asked({**body, "enterprise_id": "E0ORG"}, allowed=organisation) is not None
    assert asked({**body, "enterprise_id": "E0OTHER"}, allowed=organisation) is None
    assert asked({**guest, "enterprise_id": "E0ORG"}, allowed=organisation) is None
    here = Allowed(channels=frozenset({CHANNEL}))
    assert asked(body, allowed=here) is not None
    assert asked(direct, allowed=here) is None
    assert asked(direct, allowed=Allowed(channels=frozenset({CHANNEL, "dm"}))) is not None
    assert command_asked(SLACK.commanded("x"), identity=WHO, allowed=here, limit=9) is not None
    assert command_asked(SLACK.commanded("x", channel="C1"), identity=WHO, allowed=here, limit=9) is None


@pytest.mark.parametrize(
    ("text", "question"),
    [
        (f"<@{BOT_USER}> IL-6 &amp; TNF &lt;3?", "IL-6 & TNF <3?"),
        (f":wave: <@{BOT_USER}|pfocr> :thinking_face: YAP? :+1::skin-tone-2:", "YAP?"),
        (
            "what is in <#C1|general> at <https://x.org/a|this page> by <@U1|Anna> <!here|here>",
            "what is in #general at this page by Anna here",
        ),
        ("<https://x.org/a>", "https://x.org/a"),
        ("  two\n\n lines  here ", "two\nlines here"),
        (":tada: :+1:", ""),
        ("🤔 TNF-α", "🤔 TNF-α"),
        ("ratio a:b:c at 10:30:15", "ratio a:b:c at 10:30:15"),
    ],
)
def test_the_question_is_what_was_typed(text: str, question: str) -> None:
    """The bot's name, emoji and Slack's own markup are taken out; entities are characters again."""
    assert question_of(text, WHO) == question


def test_a_long_question_is_cut_between_words() -> None:
    """What is beyond the limit is left out, and that is known."""
    found = asked(SLACK.mentioned("word " * 1000), limit=2000)
    assert found is not None
    assert found.is_cut
    assert 1990 < len(found.question) <= 2000
    assert found.question.endswith("word")
    assert cut("x" * 50, 10) == ("x" * 10, True)
    assert cut("short", 10) == ("short", False)


# Settings


def test_the_settings_come_from_the_environment() -> None:
    """Tokens and lists are read, a Slack at another address too, and nothing secret is ever shown."""
    environ = SLACK.environ | {"PFOCR_CHAT_SLACK_TEAMS": "T1, T2", "PFOCR_CHAT_SLACK_CHANNELS": "C1,dm"}
    settings = load_settings(http=False, environ=environ)
    assert settings.allowed == Allowed(frozenset({"T1", "T2"}), frozenset({"C1", "dm"}))
    assert settings.secrets.bot_token == environ["SLACK_BOT_TOKEN"]
    shown = f"{settings!r} {settings} {settings.secrets!r}"
    assert not [secret for name, secret in environ.items() if "TOKEN" in name and secret in shown]
    assert load_settings(http=True, environ=environ).secrets.signing_secret not in shown
    assert load_settings(http=False, environ={**environ, "SLACK_API_URL": ""}).api_url == "https://slack.com/api/"


@pytest.mark.parametrize(
    ("http", "changed", "message"),
    [
        (False, {"SLACK_BOT_TOKEN": ""}, r"^SLACK_BOT_TOKEN is not set; .* begins with xoxb-"),
        (False, {"SLACK_APP_TOKEN": ""}, r"^SLACK_APP_TOKEN is not set; .* begins with xapp-"),
        (True, {"SLACK_SIGNING_SECRET": ""}, r"^SLACK_SIGNING_SECRET is not set"),
        (False, {"SLACK_BOT_TOKEN": "xapp-swapped"}, r"^SLACK_BOT_TOKEN is not the app's bot token"),
        (False, {"SLACK_APP_TOKEN": "xapp-two words"}, r"^SLACK_APP_TOKEN is not the app-level token"),
        (False, {"PFOCR_CHAT_SLACK_TEAMS": "T1,lab"}, r"^PFOCR_CHAT_SLACK_TEAMS has 'lab', which is no id"),
        (False, {"PFOCR_CHAT_SLACK_TEAMS": ","}, r"^PFOCR_CHAT_SLACK_TEAMS is set and has no id in it"),
        (False, {"PFOCR_CHAT_SLACK_CHANNELS": " , ,"}, r"^PFOCR_CHAT_SLACK_CHANNELS is set and has no id in it"),
        (False, {"PFOCR_CHAT_SLACK_CHANNELS": "#general"}, r"^PFOCR_CHAT_SLACK_CHANNELS has '#general'"),
        (False, {"SLACK_API_URL": "http://slack.example/api"}, r"^SLACK_API_URL must begin with https://"),
    ],
)
def test_a_wrong_setting_is_one_sentence(http: bool, changed: dict[str, str], message: str) -> None:
    """It names the variable and what belongs into it, and does not repeat a secret."""
    with pytest.raises(ConfigError, match=message) as raised:
        load_settings(http=http, environ=SLACK.environ | changed)
    assert "swapped" not in str(raised.value)


# Memory


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty memory, of conversations for 10 seconds and of the rest for 1,000."""
    with Store(tmp_path / "slack.sqlite", Limits(memory=10.0, kept=1000.0)) as memory:
        yield memory


QUESTION = Incoming("m:1", Place.CHANNEL, TEAM, CHANNEL, "1.2", USER, "which figures?")


def test_a_question_is_kept_once_until_it_is_answered(store: Store, tmp_path: Path) -> None:
    """It is open until it is finished, also for the next bot; then its words are gone and its key is still known."""
    job = store.add(QUESTION, 100.0)
    assert job is not None
    assert store.add(QUESTION, 101.0) is None
    store.began(job.id, "7.8", is_stream=True)
    store.close()
    with Store(tmp_path / "slack.sqlite") as again:
        assert again.open_jobs() == [replace(job, message="7.8", is_stream=True)]
        again.finished(job, 102.0)
        assert again.open_jobs() == []
        assert again.job(job.id) is None
        assert again.is_known(QUESTION.key)
        assert again.add(QUESTION, 103.0) is None
    content = b"".join(path.read_bytes() for path in tmp_path.glob("slack.sqlite"))
    assert content.startswith(b"SQLite")
    assert ((tmp_path / "slack.sqlite").stat().st_mode & 0o777) == 0o600


def test_conversations_are_kept_and_forgotten(store: Store) -> None:
    """A thread has its conversation for a while; later the bot still takes part, and in the end not even that."""
    turn = Turn("q?", "q", Intent.LISTING, ("PMC1__x",), Filters(2015, organisms=("Mus musculus",)), "PMC1__x")
    said = Conversation((turn,))
    assert from_json(to_json(said)) == said
    job = store.add(QUESTION, 100.0)
    assert job is not None
    store.finished(job, 100.0, said)
    assert store.conversation(TEAM, CHANNEL, "1.2", 105.0) == said
    assert store.last_conversation(TEAM, CHANNEL, 50.0) == said
    assert store.last_conversation(TEAM, CHANNEL, 150.0) == Conversation()
    store.forget(120.0)
    assert store.conversation(TEAM, CHANNEL, "1.2", 105.0) == Conversation()
    assert store.takes_part(TEAM, CHANNEL, "1.2", 120.0)
    store.forget(2000.0)
    assert not store.takes_part(TEAM, CHANNEL, "1.2", 120.0)
    assert not store.takes_part("T0OTHER", CHANNEL, "1.2", 120.0)


def test_what_is_too_old_is_not_given_out(store: Store) -> None:
    """Also where nothing was removed yet, and where a new question in the thread has just come."""
    said = Conversation((Turn("q?", "q", Intent.LISTING),))
    job = store.add(QUESTION, 100.0)
    assert job is not None
    store.finished(job, 100.0, said)
    answer = store.keep_answer(KeptAnswer(job.id, Place.CHANNEL, TEAM, CHANNEL, "1.2", "q", (), (), "g"), 100.0)
    assert store.answer(answer.token, 110.0) == answer
    assert store.answer(answer.token, 110.5) is None
    assert store.conversation(TEAM, CHANNEL, "1.2", 110.5) == Conversation()
    store.add(replace(QUESTION, key="m:2"), 105.0)
    assert store.conversation(TEAM, CHANNEL, "1.2", 106.0) == said
    store.add(replace(QUESTION, key="m:3"), 120.0)
    assert store.conversation(TEAM, CHANNEL, "1.2", 120.0) == Conversation()
    assert store.takes_part(TEAM, CHANNEL, "1.2", 1120.0)
    assert not store.takes_part(TEAM, CHANNEL, "1.2", 1120.5)


def test_answers_and_presses_are_kept(store: Store) -> None:
    """What buttons work on is found by its token; a press counts once; questions are counted for the limits."""
    kept = KeptAnswer(5, Place.CHANNEL, TEAM, CHANNEL, "1.2", "q", ("PMC1__x", "PMC2__y"), ("PMC1__x",), "g000001")
    answer = store.keep_answer(kept, 10.0)
    assert len(answer.token) >= 16
    assert replace(answer, token="") == kept
    assert store.keep_answer(kept, 10.0) == answer
    assert store.answer(answer.token, 10.0) == answer
    assert store.answer("5", 10.0) is None
    shared = store.keep_answer(replace(kept, place=Place.COMMAND, thread="/U0ANNA"), 10.0)
    assert shared.token != answer.token
    assert [shared.is_for(TEAM, CHANNEL, user) for user in (USER, "U0BERT")] == [True, False]
    assert [answer.is_for(*where, "U0BERT") for where in ((TEAM, CHANNEL), (TEAM, "C0ELSE"), ("T0", CHANNEL))] == [
        True,
        False,
        False,
    ]
    assert not store.is_pressed("a")
    assert store.pressed("a", 10.0)
    assert not store.pressed("a", 11.0)
    assert store.is_pressed("a")
    store.add(QUESTION, 100.0)
    store.add(replace(QUESTION, key="m:2"), 130.0)
    store.add(replace(QUESTION, key="m:3"), 140.0, refusal="no")
    assert store.asked_since(90.0, user=USER) == [100.0, 130.0]
    assert store.asked_since(110.0, channel=CHANNEL) == [130.0]


@pytest.mark.usefixtures("store")
def test_two_bots_do_not_share_a_memory(tmp_path: Path) -> None:
    """The second one is told in a sentence, and so is one whose folder cannot be written."""
    with pytest.raises(SlackError, match="Another Slack bot is running"):
        Store(tmp_path / "slack.sqlite")
    (tmp_path / "file").write_text("")
    with pytest.raises(SlackError, match="cannot keep its questions"):
        Store(tmp_path / "file" / "slack.sqlite")


# Workers


def test_a_lane_is_worked_on_by_one_and_in_order() -> None:
    """Items of one lane never overlap and keep their order; other lanes go on meanwhile."""
    done: list[tuple[str, int]] = []
    at_work: list[str] = []
    overlaps: list[str] = []
    gate = threading.Event()

    def work(item: tuple[str, int]) -> None:
        overlaps.extend(lane for lane in at_work if lane == item[0])
        at_work.append(item[0])
        if item == ("a", 0):
            gate.wait(30)
        done.append(item)
        at_work.remove(item[0])
        if item == ("b", 4):
            gate.set()

    workers: Workers[tuple[str, int]] = Workers(work, threads=3, capacity=100, name="test")
    for number in range(5):
        for lane in "ab":
            assert workers.submit(lane, (lane, number))
    until = time.monotonic() + 30
    while len(done) < 10 and time.monotonic() < until:
        time.sleep(0.01)
    assert workers.stop(30)
    assert overlaps == []
    assert [number for lane, number in done if lane == "a"] == list(range(5))
    assert [number for lane, number in done if lane == "b"] == list(range(5))
    assert done.index(("b", 4)) < done.index(("a", 0))


def test_workers_outlive_what_fails(caplog: pytest.LogCaptureFixture) -> None:
    """An item that raises is logged by the kind of its error; the next ones, in its lane too, are done."""
    done: list[int] = []

    def work(item: int) -> None:
        done.append(10 // item)

    workers: Workers[int] = Workers(work, threads=1, capacity=10, name="test")
    for item in (0, 0, 5):
        assert workers.submit("a", item)
    until = time.monotonic() + 30
    while not done and time.monotonic() < until:
        time.sleep(0.01)
    assert workers.stop(30)
    assert done == [2]
    assert caplog.text.count("ZeroDivisionError") == 2


def test_only_so_many_wait() -> None:
    """What is too much is refused at once, as is anything after the stop; what waits is not begun any more."""
    gate, begun = threading.Event(), threading.Event()
    done: list[int] = []

    def work(item: int) -> None:
        begun.set()
        gate.wait(30)
        done.append(item)

    workers: Workers[int] = Workers(work, threads=1, capacity=2, name="test")
    assert workers.submit("a", 0)
    assert begun.wait(30)
    assert [workers.submit("a", n) for n in (1, 2, 3)] == [True, True, False]
    assert workers.submit("a", 4, force=True)
    assert workers.waiting == 3
    assert not workers.stop(0.01)
    gate.set()
    assert workers.stop(30)
    assert done == [0]
    assert not workers.submit("a", 5)
