"""The bot: takes questions, answers each once, off the threads that Slack waits for."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pfocr_chat.answers import Answer, Conversation, Stage, Text
from pfocr_chat.errors import LlmError, PfocrChatError, QuestionError, SlackError
from pfocr_chat.feedback import unsaid
from pfocr_chat.queries import Hit
from pfocr_chat.slack.blocks import Message, Shown, render_answer, render_sentence, suggestions
from pfocr_chat.slack.events import Identity, Incoming, Place
from pfocr_chat.slack.replies import Render, Reply, Shared, reply_to
from pfocr_chat.slack.settings import SlackSettings
from pfocr_chat.slack.store import Job, KeptAnswer, Store
from pfocr_chat.slack.web import RefusedError, UnreachableError, WebApi
from pfocr_chat.slack.workers import Workers

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

APOLOGY = "Sorry, something went wrong while answering; the details are in the bot's log."
AWAY = "Sorry, I was not running when you asked this. Please ask it again."
BUSY = "Sorry, too many questions are waiting right now. Please ask again in a few minutes."
HELLO = (
    "Ask me about published pathway figures: genes, chemicals, diseases and how they act on each other."
    " For example: Which figures link integrins to YAP?"
)
TOO_LONG = "Sorry, this took too long. Please ask again, perhaps about less at once."
READING = "Reading the question"
WAITING = "Waiting for other answers"
ANSWERS_AT_HAND = 200
"""Answers that are kept in full while the bot runs."""
DIRECT_CONTEXT = 1_800.0
"""Seconds within which a new direct message may go on from the one before."""
NOT_A_MEMBER = "I am no member of this channel. Invite me with /invite, then ask again or press the button again."
OUTSIDE = frozenset("not_in_channel channel_not_found restricted_action".split())
"""Slack's reasons for which an invitation may help."""

Lane = tuple[str, str, str]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question: its final message, and the conversation with it.

    ``is_answer`` says that text which was shown before belongs to it.
    """

    render: Render
    conversation: Conversation | None = None
    is_answer: bool = False


class Bot:
    """Answers questions from Slack with an open assistant; ``start`` it, ``ask`` it, ``stop`` it.

    ``ask`` only takes note of a question, which takes milliseconds. The answer is made by a few threads. What is not
    answered when the bot stops is answered after the next start.
    """

    def __init__(
        self,
        assistant: Assistant,
        web: WebApi,
        store: Store,
        settings: SlackSettings,
        identity: Identity,
        *,
        clock: Callable[[], float] = time.time,
        stopping: threading.Event | None = None,
    ) -> None:
        self.assistant = assistant
        self.web = web
        self.store = store
        self.identity = identity
        self.allowed = settings.allowed
        self.limits = settings.limits
        self.now = clock
        self.shared = Shared(web, store, identity.bot)
        self._stopping = stopping or threading.Event()
        self._at_hand: OrderedDict[int, tuple[float, Answer]] = OrderedDict()
        self._resumed: set[int] = set()
        self._replied: set[int] = set()
        self._lock = threading.Lock()
        self._tidying = threading.Thread(target=self._tidy, name="pfocr-slack-tidy", daemon=True)
        limits = self.limits
        self._answering: Workers[Job] = Workers(
            self._work, threads=limits.threads, capacity=limits.waiting, name="pfocr-slack"
        )
        # Signs of life, refusals and buttons are quick and must not wait behind answers.
        self._notices: Workers[Callable[[], None]] = Workers(
            self._do, threads=4, capacity=limits.waiting, name="pfocr-slack-notice"
        )

    def start(self) -> None:
        """Forget what is old, now and every hour, and take up the questions that were not answered before."""
        self._tidying.start()
        for job in self.store.open_jobs():
            self._resumed.add(job.id)
            self._submit(job)

    def stop(self, seconds: float) -> None:
        """Begin no further answer and wait so long for those under way."""
        self._stopping.set()
        until = time.monotonic() + seconds
        self._answering.stop(seconds)
        self._notices.stop(max(0.0, until - time.monotonic()))
        if self._tidying.is_alive():
            self._tidying.join(1.0)

    def ask(self, asked: Incoming) -> bool:
        """Take note of a question and answer it soon; ``False`` where it is known already.

        Raises:
            sqlite3.Error: it cannot be kept, so Slack has to tell of it again.
        """
        if self.store.is_known(asked.key):
            return False
        refusal, since = self._refusal(asked), self.now() - self.limits.window
        if refusal and asked.place is not Place.COMMAND and self.store.refused_since(since, asked.user):
            return False  # one sentence is enough for others to read
        job = self.store.add(asked, self.now(), refusal=refusal)
        if job is None:
            return False
        self._submit(job)
        return True

    def takes_part(self, team: str, channel: str, thread: str) -> bool:
        """Whether messages in the thread are for the bot without its name."""
        return self.store.takes_part(team, channel, thread, self.now())

    def later(self, task: Callable[[], None], lane: Hashable = None) -> None:
        """Do something short, such as what a button asks for, off Slack's thread; dropped where too much waits.

        Tasks of one ``lane`` are done one after the other.
        """
        if not self._notices.submit(lane or object(), task):
            _logger.warning("too much to do; a button was not answered")

    def answer_at_hand(self, job: int) -> Answer | None:
        """An answer of this run of the bot in full, where it is not too long ago."""
        with self._lock:
            return self._at_hand.get(job, (0.0, None))[1]

    def hits(self, kept: KeptAnswer, start: int = 0, count: int | None = None) -> list[Hit]:
        """Hits for the figures of an answer from ``start`` on, in order; without matches where it is long ago."""
        figids = kept.figids[start : None if count is None else start + count]
        if answer := self.answer_at_hand(kept.job):
            return self.assistant.hits(replace(answer, figids=figids))
        records = (self.assistant.record(figid) for figid in figids)
        return [Hit(record.figid, 0.0, record) for record in records if record]

    def _submit(self, job: Job) -> None:
        """Have a question answered: a sign that it was seen comes at once, the answer in its turn."""
        asked = job.asked
        lane = (asked.team, asked.channel, asked.thread)
        if not job.refusal:
            self._notices.submit(lane, lambda: self._begin(job, lane), force=True)
        elif not self._notices.submit(lane, lambda: self._work(job)):
            _logger.warning("too many refusals; question %d gets no reply", job.id)
            self._record(job, None)

    def _begin(self, job: Job, lane: Lane) -> None:
        """Show that a question was seen, before it waits for its answer; what fails here is tried again there."""
        try:
            kept = self.store.job(job.id)
            if kept and not self._stopping.is_set() and self.now() - kept.created <= self.limits.stale:
                self._reply(kept).stage(WAITING if self._answering.waiting else READING)
        except SlackError as exc:
            _logger.debug("question %d could not be begun: %s", job.id, exc)
        finally:
            self._answering.submit(lane, job, force=True)

    def _reply(self, job: Job) -> Reply:
        """The reply to a question; where it was begun by another bot, or in vain, what there is of it is found."""
        reply = reply_to(job, self.shared)
        if job.id in self._resumed:
            reply.resume()
            self._resumed.discard(job.id)
        return reply

    def _refusal(self, asked: Incoming) -> str:
        """Why a question is not answered now, in a sentence; "" where it will be."""
        if not asked.question.strip():
            return HELLO
        now, limits = self.now(), self.limits
        counts = [("You have", limits.per_user, self.store.asked_since(now - limits.window, user=asked.user))]
        if asked.place is not Place.DIRECT:
            times = self.store.asked_since(now - limits.window, channel=asked.channel)
            counts.append(("This channel has", limits.per_channel, times))
        for who, limit, times in counts:
            if len(times) >= limit:
                wait = max(1, round(times[-limit] + limits.window - now))
                return (
                    f"{who} asked {limit} questions within {limits.window:.0f} seconds. Please ask again in {wait} s."
                )
        waiting = self._answering.waiting + self._notices.waiting
        return BUSY if waiting >= limits.waiting else ""

    def _tidy(self) -> None:
        """Forget, again and again, what is too old to be kept."""
        while True:
            try:
                self.store.forget(self.now())
            except sqlite3.Error as exc:
                _log_failure("what is old could not be removed", exc)
            with self._lock:
                for job, (made, _) in list(self._at_hand.items()):
                    if made < self.now() - self.limits.memory:
                        del self._at_hand[job]
            if self._stopping.wait(self.limits.tidying):
                return

    def _do(self, task: Callable[[], None]) -> None:
        try:
            task()
        except SlackError as exc:
            _logger.warning("a button was not answered: %s", exc)
        except Exception as exc:
            _log_failure("a button could not be answered", exc)

    def _work(self, job: Job) -> None:
        """Answer one question: what fails ends in a sentence in Slack and a line in the log, or is tried again."""
        if self._stopping.is_set() or job.id in self._replied:
            return
        conversation = None
        try:
            kept = self.store.job(job.id)
            if kept is None:
                return
            outcome = self._replied_with(kept)
            if outcome is None:
                return
            conversation = outcome.conversation
        except UnreachableError as exc:
            if self._waits(job, str(exc)):
                return
        except sqlite3.Error as exc:
            if self._waits(job, type(exc).__name__):
                return
        except SlackError as exc:
            _logger.warning("question %d: %s", job.id, exc)
            self._tell_refusal(job, exc)
        except Exception as exc:
            _log_failure(f"question {job.id} may have got no reply", exc)
        # Nothing is sent from here on, whatever happens.
        self._record(job, conversation)

    def _replied_with(self, job: Job) -> Outcome | None:
        """Answer one question in Slack; ``None`` where the bot was stopped meanwhile.

        Raises:
            SlackError: Slack does not take it.
            sqlite3.Error: the memory cannot be used; nothing final was sent.
        """
        reply = self._reply(job)
        try:
            outcome = self._outcome(job, reply)
            if outcome is not None:
                outcome.render(False, False)  # what fails in it does so now, with nothing sent
        except (SlackError, sqlite3.Error):
            raise
        except Exception as exc:
            _log_failure(f"question {job.id} could not be answered", exc)
            outcome = Outcome(_sentence(job, APOLOGY))
        if outcome is not None:
            if not outcome.is_answer:
                reply.discard()
            reply.finish(outcome.render)
        return outcome

    def _tell_refusal(self, job: Job, problem: SlackError) -> None:
        """Tell whoever pressed a button that its question cannot be answered where it stands."""
        asked = job.asked
        if not asked.reply_url or asked.place is Place.COMMAND:
            return
        code = problem.code if isinstance(problem, RefusedError) else ""
        message = render_sentence(NOT_A_MEMBER if code in OUTSIDE else str(problem), is_problem=True)
        try:
            told = {"response_type": "ephemeral", "replace_original": False, **message.to_dict()}
            self.web.respond(asked.reply_url, told)
        except SlackError as exc:
            _logger.warning("question %d got no reply: %s", job.id, exc)

    def _record(self, job: Job, conversation: Conversation | None) -> None:
        """Note that a question has its reply; again and again where that cannot be written."""
        self._replied.add(job.id)
        try:
            self.store.finished(job, self.now(), conversation)
            self._replied.discard(job.id)
        except sqlite3.Error as exc:
            _log_failure(f"question {job.id} has its reply, which could not be noted", exc)
            self._in_a_while(lambda: self._record(job, conversation))

    def _waits(self, job: Job, problem: str) -> bool:
        """Answer the question later, unless it is too old; when the bot stops, after the next start."""
        if self._stopping.is_set():
            return True
        if self.now() - job.created > self.limits.stale:
            _logger.warning("question %d got no reply: %s", job.id, problem)
            return False
        _logger.info("question %d waits: %s", job.id, problem)
        self._resumed.add(job.id)
        self._in_a_while(lambda: self._submit(job))
        return True

    def _in_a_while(self, task: Callable[[], None]) -> None:
        def unless_stopping() -> None:
            if not self._stopping.is_set():
                task()

        timer = threading.Timer(self.limits.again, unless_stopping)
        timer.daemon = True
        timer.start()

    def _outcome(self, job: Job, reply: Reply) -> Outcome | None:
        """What came of the question; ``None`` where the bot was stopped meanwhile."""
        if job.refusal:
            return Outcome(_sentence(job, job.refusal, is_problem=job.refusal != HELLO))
        if self.now() - job.created > self.limits.stale:
            return Outcome(_sentence(job, AWAY))
        asked = job.asked
        reply.stage(READING)
        conversation = self._conversation(asked)
        until = time.monotonic() + self.limits.answer_time
        try:
            with closing(self.assistant.stream(asked.question, conversation)) as events:
                for event in events:
                    if isinstance(event, Answer):
                        return self._answered(job, event)
                    if self._stopping.is_set():
                        return None
                    if time.monotonic() > until:
                        return Outcome(_sentence(job, TOO_LONG))
                    match event:
                        case Stage():
                            reply.stage(event.text)
                        case Text():
                            reply.text(event.text)
        except SlackError:
            raise
        except QuestionError as error:
            return Outcome(_sentence(job, str(error)))
        except PfocrChatError as error:
            # Its sentence is for whoever runs the bot: it may name a folder.
            said = "" if isinstance(error, LlmError) else f": {str(error).replace(asked.question, '…')}"
            _logger.error("question %d could not be answered: %s%s", job.id, type(error).__name__, said)
            return Outcome(_sentence(job, APOLOGY))
        return Outcome(_sentence(job, APOLOGY))

    def _conversation(self, asked: Incoming) -> Conversation:
        """What the question may go on from: its thread or, in direct messages, the latest one."""
        said = self.store.conversation(asked.team, asked.channel, asked.thread, self.now())
        if said.turns or asked.place is not Place.DIRECT:
            return said
        return self.store.last_conversation(asked.team, asked.channel, self.now() - DIRECT_CONTEXT)

    def _answered(self, job: Job, answer: Answer) -> Outcome:
        asked = job.asked
        cited = tuple(citation.figid for citation in answer.citations)
        kept = KeptAnswer(
            job.id,
            asked.place,
            *(asked.team, asked.channel, asked.thread, asked.question),
            answer.figids,
            cited,
            answer.generation,
            *unsaid(answer),
        )
        kept = self.store.keep_answer(kept, self.now())
        with self._lock:
            self._at_hand[job.id] = (self.now(), answer)
            while len(self._at_hand) > ANSWERS_AT_HAND:
                self._at_hand.popitem(last=False)
        private = asked.place is Place.COMMAND
        shown = Shown(
            kept.token,
            asked=asked.question if private or asked.from_button else "",
            cut_to=self.limits.question if asked.is_cut else 0,
            private=private,
            suggestions=suggestions(answer),
        )

        def render(streamed: bool, images: bool) -> Message:
            return render_answer(answer, replace(shown, streamed=streamed, images=images))

        return Outcome(render, answer.conversation, is_answer=not answer.abstained)


def _sentence(job: Job, sentence: str, *, is_problem: bool = True) -> Render:
    asked = job.asked.question if job.asked.place is Place.COMMAND or job.asked.from_button else ""
    return lambda _streamed, _images: render_sentence(sentence, asked=asked, is_problem=is_problem)


def _log_failure(what: str, exc: Exception) -> None:
    """The kind of an error for everyone; its message, which may quote a question, for those who look for errors."""
    _logger.error("%s: %s", what, type(exc).__name__)
    _logger.debug("%s", what, exc_info=exc)
