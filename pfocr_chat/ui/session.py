"""One visitor's conversation as the page shows it: immutable, and free of any web library."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pfocr_chat.answers import Answer, Conversation, Stage, Text
from pfocr_chat.errors import FeedbackError, PfocrChatError, QuestionError
from pfocr_chat.exports import Format
from pfocr_chat.exports import render as export
from pfocr_chat.feedback import Feedback, FeedbackKind, FeedbackStore
from pfocr_chat.queries import Filters, Intent
from pfocr_chat.tables import Facet, FacetTable
from pfocr_chat.ui import render
from pfocr_chat.ui.bars import without_names
from pfocr_chat.ui.cards import render_cards, render_panel
from pfocr_chat.ui.feed import Feed
from pfocr_chat.ui.kept import Kept, render_kept
from pfocr_chat.ui.parts import Part, parts_of
from pfocr_chat.ui.results import SORT_LIMIT, View, figids_in, page_of, render_results, sorted_by
from pfocr_chat.ui.suggestions import follow_ups

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

APOLOGY = "Sorry, something went wrong while answering; the details are in the server's log."
NOT_KEPT = "What you say of the answer could not be stored on the server, and is not lost: try again later."

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was asked: with the conditions set beside it, after which conversation, and a note on it."""

    question: str
    filters: Filters | None = None
    before: Conversation = field(default_factory=Conversation)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked with its reply and the cards of the figures it cites, both as HTML, and the answer itself.

    ``further`` are questions to go on with, ``verdict`` is what the visitor said of the answer, and ``kept`` what the
    browser keeps of it, or has brought back; in that case there is no answer.
    """

    asked: Asked
    reply: str
    cards: str = ""
    answer: Answer | None = None
    further: tuple[str, ...] = ()
    verdict: FeedbackKind | None = None
    kept: Kept | None = None

    @property
    def conditions(self) -> Filters:
        """All conditions that the answer met, those in words included."""
        return self.answer.query.filters if self.answer and self.answer.query else Filters()


@dataclass(frozen=True, slots=True)
class Pending:
    """A question being answered: the verified text so far and what is being done now."""

    asked: Asked
    feed: Feed
    text: str = ""
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """What one visitor has asked and been told.

    ``conversation`` is what the assistant remembers, ``exchanges`` what the page shows, ``pending``
    the question being answered, ``notice`` a sentence that the next question takes away, and
    ``editing`` says that the next question takes the place of the last one.
    """

    conversation: Conversation = field(default_factory=Conversation)
    exchanges: tuple[Exchange, ...] = ()
    pending: Pending | None = None
    notice: str | None = None
    editing: bool = False

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat's messages, oldest first, as ``role`` and ``content``."""
        found: list[dict[str, str]] = []
        for turn, exchange in enumerate(self.exchanges, start=1):
            again = exchange.kept.again if exchange.kept else ""
            tools = render.render_tools(turn, exchange.verdict, again) if exchange.answer else ""
            found += _messages(exchange.asked, exchange.reply + tools)
        if self.pending:
            found += _messages(self.pending.asked, render.render_progress(self.pending.text, self.pending.stage))
        elif self.exchanges:
            last = self.exchanges[-1]
            found[-1]["content"] += render.render_next(last.further, str(last.conditions), is_edited=self.editing)
        if self.notice:
            found.append({"role": "assistant", "content": render.render_error(self.notice)})
        return found

    @property
    def panel(self) -> str:
        """The panel of cited figures, as HTML; empty before the first question."""
        if not self.exchanges:
            return ""
        cards = {turn: e.cards for turn, e in enumerate(self.exchanges, start=1) if e.cards}
        return render_panel(cards)

    def stop(self) -> None:
        """End the answer under way, if there is one; ``answer_question`` then shows what there is of it."""
        if self.pending:
            self.pending.feed.stop()

    def answer_of(self, turn: int) -> Answer | None:
        """The answer of a turn, from 1; ``None`` where there is none that names figures."""
        answer = self.said(turn)
        return answer if answer and answer.figids and not answer.abstained else None

    def said(self, turn: int) -> Answer | None:
        """The answer or abstention of a turn, from 1; ``None`` where there is none."""
        return self.exchanges[turn - 1].answer if 1 <= turn <= len(self.exchanges) else None

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every answer and abstention that the page shows, oldest first, as far as the browser kept them."""
        known = (
            exchange.answer or (exchange.kept.to_answer() if exchange.kept else None) for exchange in self.exchanges
        )
        return tuple(answer for answer in known if answer)

    @property
    def kept(self) -> tuple[Kept, ...]:
        """What the browser keeps of the conversation: as many answers as the assistant remembers."""
        return tuple(exchange.kept for exchange in self.exchanges if exchange.kept)[-Conversation.LIMIT :]

    def with_verdict(self, turn: int, verdict: FeedbackKind) -> Session:
        """This session with what the visitor says of the answer of a turn."""
        judged = replace(self.exchanges[turn - 1], verdict=verdict)
        return replace(self, exchanges=(*self.exchanges[: turn - 1], judged, *self.exchanges[turn:]))

    @property
    def last_asked(self) -> Asked | None:
        """The last question that the page shows a reply to."""
        return self.exchanges[-1].asked if self.exchanges else None

    def undone(self) -> Session:
        """This session as it was before the last question."""
        if not self.exchanges:
            return Session()
        return Session(self.exchanges[-1].asked.before, self.exchanges[:-1])

    def with_reply(self, asked: Asked, reply: str) -> Session:
        """This session with one more question and what came of it, as HTML."""
        return self._with(self.conversation, Exchange(asked, reply))

    def with_answer(self, asked: Asked, answer: Answer) -> Session:
        """This session with one more question and its answer."""
        turn = len(self.exchanges) + 1
        reply, cards = render.render_answer(answer, turn), render_cards(answer, turn)
        small = replace(answer, hits=())  # without nine tenths of its size; those shown again are made again
        exchange = Exchange(asked, reply, cards, small, follow_ups(answer), kept=Kept.of(answer, asked.filters))
        return self._with(answer.conversation, exchange)

    def with_kept(self, kept: Kept) -> Session:
        """This session with one more answer, which the visitor's browser has brought back; follow-ups go on from it."""
        asked = Asked(kept.question, kept.filters or None, self.conversation, kept.context)
        return self._with(kept.after(self.conversation), Exchange(asked, render_kept(kept), kept=kept))

    def _with(self, conversation: Conversation, exchange: Exchange) -> Session:
        return Session(conversation, (*self.exchanges, exchange))


def answer_question(
    assistant: Assistant, question: str, session: Session, filters: Filters | None = None, *, note: str = ""
) -> Generator[Session, None, None]:
    """The session to show, again and again, while ``question`` is answered.

    ``filters`` are conditions that hold besides those in its words, and ``note`` is shown below it. Raises nothing:
    a failure becomes a sentence in the chat. A question that is refused leaves no trace but that sentence. Closing
    the generator, or ``stop`` of a session that it gave, stops the assistant.
    """
    before = replace(session, pending=None, notice=None)
    session = before.undone() if before.editing else before
    asked = Asked(question, filters or None, session.conversation, note)
    try:
        yield from _answering(assistant, asked, session)
    except QuestionError as error:
        yield replace(before, notice=str(error))
    except PfocrChatError as error:
        yield session.with_reply(asked, render.render_failure(str(error)))
    except Exception:
        _logger.exception("a question could not be answered")
        yield session.with_reply(asked, render.render_failure(APOLOGY))


def list_figures(assistant: Assistant, session: Session, view: View) -> str:
    """The list of a view as HTML, empty where its answer names no figures. Raises nothing, like ``answer_question``."""
    answer = session.answer_of(view.turn)
    if answer is None:
        return ""
    try:
        figids = page_of(ordered_figids(assistant, answer, view), view)
        hits = assistant.hits(replace(answer, figids=figids))
        return render_results(answer, view, hits, tables_of(assistant, answer))
    except PfocrChatError as error:
        return render.render_error(str(error))
    except Exception:
        _logger.exception("figures could not be listed")
        return render.render_error(APOLOGY)


def ordered_figids(assistant: Assistant, answer: Answer, view: View) -> tuple[str, ...]:
    """All figures of a view in its order."""
    figids = figids_in(answer, view)
    if view.sort is None or (view.sort.is_read and len(figids) > SORT_LIMIT):
        return figids
    if view.sort.is_read:
        return sorted_by(view.sort, assistant.hits(replace(answer, figids=figids)), down=view.down)
    table = assistant.count(Facet(view.sort.value), figids)
    rows = sorted(table.rows, key=lambda row: row.label.casefold(), reverse=view.down)
    known = (figid for row in rows for figid in row.figids)
    return tuple(dict.fromkeys([*known, *figids]))


def tables_of(assistant: Assistant, answer: Answer) -> tuple[FacetTable, ...]:
    """What is drawn beside an answer: its own count; where only a number was asked for, its years and genes."""
    if answer.table:
        return (answer.table,)
    if answer.query is None or answer.query.intent is not Intent.COUNT or len(answer.figids) < 2:
        return ()
    asked = [name for entity in answer.query.entities for name in entity.names]
    years = assistant.count(Facet.YEAR, answer.figids)
    genes = without_names(assistant.count(Facet.GENE, answer.figids), asked)
    return (years, genes) if genes.rows and genes.rows[0].figures > 1 else (years,)


def export_figures(assistant: Assistant, answer: Answer, view: View, form: Format) -> str:
    """All figures of a view, not only those of its page, as the text of a file."""
    hits = assistant.hits(replace(answer, figids=ordered_figids(assistant, answer, view)))
    return export(hits, form, question=answer.question)


def keep_feedback(store: FeedbackStore, session: Session, turn: int, kind: FeedbackKind, comment: str = "") -> Session:
    """The session after what a visitor says of an answer was kept, or with a notice on why it could not be.

    Where the file is, is for the log only.
    """
    answer = session.said(turn)
    if answer is None:
        return session
    try:
        feedback = Feedback.on(answer, kind, comment.strip())
    except FeedbackError as error:
        return replace(session, notice=str(error))
    try:
        store.add(feedback)
    except FeedbackError as error:
        _logger.error("%s", error)
        return replace(session, notice=NOT_KEPT)
    return replace(session, notice=None).with_verdict(turn, kind)


def part_at(session: Session, place: str) -> Part | None:
    """The part of what was searched for that a click names, "2-0" being the first one of the second turn."""
    turn, _, number = place.partition("-")
    if not (turn.isdecimal() and number.isdecimal() and len(place) < 20):
        return None
    answer = session.said(int(turn))
    parts = parts_of(answer) if answer else ()
    return parts[int(number)] if int(number) < len(parts) else None


def _answering(assistant: Assistant, asked: Asked, session: Session) -> Generator[Session, None, None]:
    feed = Feed(lambda: assistant.stream(asked.question, asked.before, filters=asked.filters))
    pending = Pending(asked, feed)
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
                    yield session.with_answer(asked, event)
                    return
        yield session.with_reply(asked, render.render_stopped(pending.text))
    finally:
        feed.stop()


def _messages(asked: Asked, reply: str) -> list[dict[str, str]]:
    conditions = f"Only figures {asked.filters}" if asked.filters else ""
    question = render.render_question(asked.question, *filter(None, (conditions, asked.note)))
    return [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
