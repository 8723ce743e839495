"""One visitor's conversation as the page shows it: immutable, and free of any web library."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pfocr_chat.answers import Answer, Conversation, Stage, Text
from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.records import FigureRecord
from pfocr_chat.ui import render
from pfocr_chat.ui.feed import Feed

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

APOLOGY = "Sorry, something went wrong while answering; the details are in the server's log."

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its reply and the cards of the figures it cites, all as HTML."""

    question: str
    reply: str
    cards: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A question being answered: the verified text so far and what is being done now."""

    question: str
    feed: Feed
    text: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """What one visitor has asked and been told.

    ``conversation`` is what the assistant remembers, ``exchanges`` what the page shows, ``pending``
    the question being answered, and ``notice`` a sentence that the next question takes away.
    """

    conversation: Conversation = field(default_factory=Conversation)
    exchanges: tuple[Exchange, ...] = ()
    pending: Pending | None = None
    notice: str | None = None

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat's messages, oldest first, as ``role`` and ``content``."""
        found: list[dict[str, str]] = []
        for exchange in self.exchanges:
            found += _messages(exchange.question, exchange.reply)
        if self.pending:
            question = render.render_question(self.pending.question)
            found += _messages(question, render.render_progress(self.pending.text, self.pending.stage))
        if self.notice:
            found.append({"role": "assistant", "content": render.render_error(self.notice)})
        return found

    @property
    def panel(self) -> str:
        """The panel of cited figures, as HTML."""
        cards = {turn: e.cards for turn, e in enumerate(self.exchanges, start=1) if e.cards}
        return render.render_panel(cards)

    def stop(self) -> None:
        """End the answer under way, if there is one; ``answer_question`` then shows what there is of it."""
        if self.pending:
            self.pending.feed.stop()

    def with_reply(self, question: str, reply: str, cards: str = "") -> Session:
        """This session with one more question and what came of it, as HTML."""
        exchange = Exchange(render.render_question(question), reply, cards)
        return Session(self.conversation, (*self.exchanges, exchange))

    def with_answer(self, question: str, answer: Answer, records: Mapping[str, FigureRecord]) -> Session:
        """This session with one more question and its answer; see ``render_answer`` for ``records``."""
        turn = len(self.exchanges) + 1
        reply = render.render_answer(answer, turn, records)
        session = self.with_reply(question, reply, render.render_cards(answer, turn))
        return replace(session, conversation=answer.conversation)


def answer_question(assistant: Assistant, question: str, session: Session) -> Generator[Session, None, None]:
    """The session to show, again and again, while ``question`` is answered.

    Raises nothing: a failure becomes a sentence in the chat. A question that is refused leaves no
    trace but that sentence. Closing the generator, or ``stop`` of a session that it gave, stops the
    assistant.
    """
    session = replace(session, pending=None, notice=None)
    try:
        yield from _answering(assistant, question, session)
    except QuestionError as error:
        yield replace(session, notice=str(error))
    except PfocrChatError as error:
        yield session.with_reply(question, render.render_error(str(error)))
    except Exception:
        _logger.exception("a question could not be answered")
        yield session.with_reply(question, render.render_error(APOLOGY))


def _answering(assistant: Assistant, question: str, session: Session) -> Generator[Session, None, None]:
    feed = Feed(lambda: assistant.stream(question, session.conversation))
    pending = Pending(question, feed)
    try:
        for event in feed:
            match event:
                case Stage():
                    pending = replace(pending, stage=event.text)
                    yield replace(session, pending=pending)
                case Text():
                    pending = replace(pending, text=pending.text + event.text)
                    yield replace(session, pending=pending)
                case Answer():
                    yield session.with_answer(question, event, _records(assistant, event))
                    return
        yield session.with_reply(question, render.render_stopped(pending.text))
    finally:
        feed.stop()


def _records(assistant: Assistant, answer: Answer) -> dict[str, FigureRecord]:
    """The records of the listed figures; the answer itself has only those that were looked at."""
    found = {hit.figid: hit.record for hit in answer.hits}
    for figid in answer.figids[: render.LIST_LIMIT]:
        if figid not in found and (record := assistant.record(figid)):
            found[figid] = record
    return found


def _messages(question: str, reply: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
