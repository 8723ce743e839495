"""What each click on the page does: which handler answers it, and what it changes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.exports import Format
from pfocr_chat.feedback import FeedbackKind, FeedbackStore
from pfocr_chat.queries import Filters
from pfocr_chat.ui import render
from pfocr_chat.ui.controls import Comment, Controls, filters_of
from pfocr_chat.ui.kept import Kept, render_entry, render_kept
from pfocr_chat.ui.results import FILE_NAME, View
from pfocr_chat.ui.session import (
    Asked,
    Session,
    answer_question,
    export_figures,
    keep_feedback,
    list_figures,
    part_at,
)
from pfocr_chat.ui.transcript import Transcript, render_transcript

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

ANSWERS_AT_ONCE = 20
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Only answers go through Gradio's queue: its browser client closes the stream of the queue's results
# when an event ends, and loses those of another one that is just being sent.
AT_ONCE = PRIVATE | {"queue": False}
SAVE_SCRIPT = "(file) => { window.pfcSave(file); return []; }"

Update = dict[Any, Any]
Updates = Generator[Update, None, None]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PageEvents:
    """The page's components and what happens when they are used.

    Nothing of a visitor's is held here: it comes in and goes out with each event, as ``session`` and ``view``.
    """

    assistant: Assistant
    feedback: FeedbackStore
    welcome: str
    session: gr.State
    view: gr.State
    chat: gr.Chatbot
    comment: Comment
    controls: Controls
    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    clear: gr.Button
    panel: gr.HTML
    results: gr.HTML
    kept: gr.HTML
    file: gr.DownloadButton

    def wire(self) -> None:
        """Tie the events to their handlers; none of them is offered as a public endpoint."""
        self._wire_answers()
        told = [self.session, self.chat]
        filters, comment = self.controls, self.comment
        acted = [*told, self.box, *filters.outputs, *comment.outputs]
        self.results.act(self.on_act, [self.session, *filters.values], acted, **AT_ONCE)
        sent = [self.session, comment.about, comment.text]
        self.comment.send.click(self.on_send, sent, [*told, *comment.outputs], **AT_ONCE)
        self.comment.cancel.click(comment.closed, outputs=comment.outputs, **AT_ONCE)
        self.stop.click(self.on_stop, [self.session], **AT_ONCE)
        self.clear.click(self.on_clear, outputs=[*self._shown(), *comment.outputs], **AT_ONCE)
        filters.clear.click(lambda: filters.showing(Filters()), outputs=filters.outputs, **AT_ONCE)
        self.results.choose(self.on_choose, [self.session, self.view], [self.view, self.results], **AT_ONCE)
        saved = self.results.save(self.on_save, [self.session, self.view], [self.file, self.results], **AT_ONCE)
        saved.success(None, [self.file], js=SAVE_SCRIPT, **AT_ONCE)

    def _wire_answers(self) -> None:
        filters = self.controls.values
        answering: dict[str, Any] = {
            **PRIVATE,
            "outputs": [*self._shown(), *self.controls.outputs, *self.comment.outputs],
            "concurrency_limit": ANSWERS_AT_ONCE,
            "concurrency_id": "answers",
            "trigger_mode": "once",
        }
        gr.on([self.ask.click, self.box.submit], self.on_ask, [self.session, self.box, *filters], **answering)
        self.chat.example_select(self.on_example, [self.session, *filters], **answering)
        self.results.answer(self.on_answer, [self.session, *filters], **answering)

    def _shown(self) -> list[Any]:
        """What ``_show`` updates."""
        buttons = [self.ask, self.stop, self.clear]
        return [self.session, self.chat, self.panel, self.box, *buttons, self.view, self.results, self.kept]

    def on_ask(self, session: Session, question: str, *conditions: Any) -> Updates:
        """Answer what was typed; it leaves the box, and comes back to it if it is refused."""
        for number, update in enumerate(self._asked(session, question, conditions)):
            if update[self.session].notice is not None:
                update[self.box] = question
            elif number == 0:
                update[self.box] = ""
            yield update

    def on_example(self, event: gr.SelectData, session: Session, *conditions: Any) -> Updates:
        """Answer the example that was clicked."""
        yield from self._asked(session, event.value["text"], conditions)

    def on_answer(self, event: gr.EventData, session: Session, *conditions: Any) -> Updates:
        """Answer a question that the page offers, or that came with its address."""
        name, value = getattr(event, "act", None), str(getattr(event, "value", ""))
        if name == "ask":
            yield from self._asked(session, value, conditions)
        elif name == "shared":
            generation = str(getattr(event, "generation", ""))
            yield from self._answer(session, value, note=self._note_on(generation))
        elif name == "retry" and (asked := session.last_asked):
            yield from self._answer(session.undone(), asked.question, asked.filters, note=asked.note)
        elif name == "without" and (part := part_at(session, value)) and part.question:
            yield self.controls.showing(part.filters)
            yield from self._answer(session, part.question, part.filters)

    def on_act(self, event: gr.EventData, session: Session, *conditions: Any) -> Update:
        """What a click on the page does at once, without an answer."""
        name, value = getattr(event, "act", None), str(getattr(event, "value", ""))
        if session.pending is not None:
            return {self.session: session}
        if name in ("edit", "keep") and (asked := session.last_asked):
            session = replace(session, editing=name == "edit", notice=None)
            return self._tell(session) | {self.box: asked.question if session.editing else ""}
        if name == "say":
            return self._say(session, value)
        if name == "recall" and (kept := Kept.parse(getattr(event, "kept", None))):
            asked = Asked(kept.question, None, session.conversation)
            return self._tell(session.with_reply(asked, render_kept(kept)))
        if name == "filter-gene" and value:
            with suppress(QuestionError):  # a year that is none is told of when a question is asked
                filters = filters_of(*conditions)
                genes = tuple(dict.fromkeys((*filters.genes_all, value)))
                return self.controls.showing(replace(filters, genes_all=genes), is_open=True)
        return {self.session: session}

    def on_send(self, session: Session, about: tuple[int, FeedbackKind] | None, comment: str) -> Update:
        """Keep what a visitor says of an answer, with the comment."""
        if about is None:
            return self.comment.closed()
        return self._tell(keep_feedback(self.feedback, session, *about, comment)) | self.comment.closed()

    def on_stop(self, session: Session) -> None:
        """End the answer; what answers it shows that, since two writers could overtake each other."""
        session.stop()

    def on_clear(self) -> Update:
        """Forget the conversation."""
        return self._show(Session()) | self.comment.closed()

    def on_choose(self, event: gr.EventData, session: Session, view: View) -> Update:
        """Show the figures behind a number, or another page of them, or in another order."""
        wanted = View.parse(getattr(event, "address", None))
        if wanted is None or session.answer_of(wanted.turn) is None:
            return {self.view: view}
        return {self.view: wanted, self.results: list_figures(self.assistant, session, wanted)}

    def on_save(self, event: gr.EventData, session: Session, view: View) -> Update:
        """Write the conversation or the shown figures to a file that Gradio removes; the script then saves it."""
        talk, form = getattr(event, "talk", None), getattr(event, "form", None)
        if talk in list(Transcript) and session.answers:
            return self._file(render_transcript(session.answers, Transcript(talk)), Transcript(talk).file_name)
        answer = session.answer_of(view.turn)
        if form not in list(Format) or answer is None:
            return {self.file: None}
        try:
            text = export_figures(self.assistant, answer, view, Format(form))
        except PfocrChatError as error:
            return {self.file: None, self.results: render.render_error(str(error))}
        return self._file(text, FILE_NAME + Format(form).suffix)

    def _file(self, text: str, name: str) -> Update:
        return {self.file: save_bytes_to_cache(text.encode("utf-8", "replace"), name, self.file.GRADIO_CACHE)}

    def _say(self, session: Session, value: str) -> Update:
        """Keep that an answer is useful; where something is wrong with it, ask what."""
        turn, _, name = value.partition("-")
        kind = FeedbackKind.__members__.get(name.upper())
        if kind is None or not turn.isdecimal() or session.said(int(turn[:6])) is None:
            return {self.session: session}
        if kind is FeedbackKind.USEFUL:
            return self._tell(keep_feedback(self.feedback, session, int(turn), kind)) | self.comment.closed()
        return {self.session: session} | self.comment.asking(int(turn), kind)

    def _note_on(self, generation: str) -> str:
        """What is to be said of a question that was shared from another generation of the index."""
        now = self.assistant.status().generation
        if not generation or generation == now:
            return ""
        return f"Shared from generation {generation[:40]} of the index; this is {now}, and may answer otherwise."

    def _asked(self, session: Session, question: str, conditions: Sequence[Any]) -> Updates:
        """``_answer`` with the conditions that the controls stand for; one that is none is told of."""
        try:
            filters = filters_of(*conditions)
        except QuestionError as error:
            yield self._show(replace(session, notice=str(error)))
            return
        yield from self._answer(session, question, filters)

    def _answer(self, session: Session, question: str, filters: Filters | None = None, *, note: str = "") -> Updates:
        """What changes on the page, again and again, while a question is answered; nothing while another one is."""
        if session.pending and not session.pending.feed.is_stopped:
            return
        with closing(answer_question(self.assistant, question, session, filters, note=note)) as sessions:
            closed = self.comment.closed()
            for latest in sessions:
                yield self._show(latest) | closed
                closed = {}

    def _tell(self, session: Session) -> Update:
        """The update of the conversation alone."""
        return {self.session: session, self.chat: session.messages}

    def _show(self, session: Session) -> Update:
        """What changes on the page; the panel keeps its open cards while an answer is written."""
        busy = session.pending is not None
        update = self._tell(session) | {
            self.ask: gr.Button(visible=not busy),
            self.stop: gr.Button(visible=busy),
            self.clear: gr.Button(interactive=not busy),
        }
        if not busy and session.notice is None:
            view = View(len(session.exchanges))
            answer = session.said(view.turn)
            update[self.panel] = session.panel or self.welcome
            update[self.view] = view
            update[self.results] = list_figures(self.assistant, session, view)
            update[self.kept] = render_entry(Kept.of(answer)) if answer and answer.citations else ""
        return update
