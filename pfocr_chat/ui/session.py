"""One visitor's conversation as the page shows it: immutable, and free of any web library."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pfocr_chat.answers import Answer, Conversation, Stage, Text
from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.exports import Format
from pfocr_chat.exports import render as export
from pfocr_chat.ui import render
from pfocr_chat.ui.cards import render_cards, render_panel
from pfocr_chat.ui.feed import Feed
from pfocr_chat.ui.results import View, figids_in, page_of, render_results

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

APOLOGY = "Sorry, something went wrong while answering; the details are in the server's log."

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its reply and the cards of the figures it cites, all as HTML, and the answer itself."""

    question: str
    reply: str
    cards: str = ""
    answer: Answer | None = None


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
        return render_panel(cards)

    def stop(self) -> None:
        """End the answer under way, if there is one; ``answer_question`` then shows what there is of it."""
        if self.pending:
            self.pending.feed.stop()

    def answer_of(self, turn: int) -> Answer | None:
        """The answer of a turn, from 1; ``None`` where there is none that names figures."""
        answer = self.exchanges[turn - 1].answer if 1 <= turn <= len(self.exchanges) else None
        return answer if answer and answer.figids and not answer.abstained else None

    def with_reply(self, question: str, reply: str) -> Session:
        """This session with one more question and what came of it, as HTML."""
        return self._with(self.conversation, Exchange(render.render_question(question), reply))

    def with_answer(self, question: str, answer: Answer) -> Session:
        """This session with one more question and its answer."""
        turn = len(self.exchanges) + 1
        reply, cards = render.render_answer(answer, turn), render_cards(answer, turn)
        return self._with(answer.conversation, Exchange(render.render_question(question), reply, cards, answer))

    def _with(self, conversation: Conversation, exchange: Exchange) -> Session:
        return Session(conversation, (*self.exchanges, exchange))


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


def list_figures(assistant: Assistant, session: Session, view: View) -> str:
    """The list of a view as HTML, empty where its answer names no figures. Raises nothing, like ``answer_question``."""
    answer = session.answer_of(view.turn)
    if answer is None:
        return ""
    try:
        figids = page_of(figids_in(answer, view), view)
        return render_results(answer, view, assistant.hits(replace(answer, figids=figids)))
    except PfocrChatError as error:
        return render.render_error(str(error))
    except Exception:
        _logger.exception("figures could not be listed")
        return render.render_error(APOLOGY)


def export_figures(assistant: Assistant, answer: Answer, view: View, form: Format) -> str:
    """All figures of a view, not only those of its page, as the text of a file."""
    hits = assistant.hits(replace(answer, figids=figids_in(answer, view)))
    return export(hits, form, question=answer.question)


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
                    yield session.with_answer(question, event)
                    return
        yield session.with_reply(question, render.render_stopped(pending.text))
    finally:
        feed.stop()


def _messages(question: str, reply: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
