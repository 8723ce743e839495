"""What each click on the page does: which handler answers it, and what it changes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components.chatbot import ExampleMessage
from gradio.processing_utils import save_bytes_to_cache

from pfocr_chat.answers import Conversation
from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.exports import Format
from pfocr_chat.feedback import FeedbackKind, FeedbackStore
from pfocr_chat.queries import Filters, Intent
from pfocr_chat.ui import render
from pfocr_chat.ui.controls import Comment, Controls, choices_of, filters_of
from pfocr_chat.ui.front import Front
from pfocr_chat.ui.kept import Kept, render_entries
from pfocr_chat.ui.results import FILE_NAME, View
from pfocr_chat.ui.session import (
    Session,
    answer_question,
    export_figures,
    keep_feedback,
    list_figures,
    part_at,
)
from pfocr_chat.ui.shared import Shared
from pfocr_chat.ui.standing import Standing
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
    front: Front
    top: gr.HTML
    session: gr.State
    view: gr.State
    chat: gr.Chatbot
    comment: Comment
    controls: Controls
    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    clear: gr.Button
    welcome: gr.HTML
    panel: gr.HTML
    results: gr.HTML
    kept: gr.HTML
    file: gr.DownloadButton

    def wire(self) -> None:
        """Tie the events to their handlers; none of them is offered as a public endpoint."""
        self._wire_answers()
        told = [self.session, self.chat]
        filters, comment = self.controls, self.comment
        acted = [*told, self.box, self.kept, *filters.outputs, *comment.outputs]
        self.results.act(self.on_act, [self.session, filters.standing, *filters.values], acted, **AT_ONCE)
        sent = [self.session, comment.about, comment.text]
        self.comment.send.click(self.on_send, sent, [*told, *comment.outputs], **AT_ONCE)
        self.comment.cancel.click(comment.closed, outputs=comment.outputs, **AT_ONCE)
        self.stop.click(self.on_stop, [self.session], **AT_ONCE)
        cleared = [*self._shown(), self.welcome, *filters.outputs, *comment.outputs]
        self.clear.click(self.on_clear, outputs=cleared, **AT_ONCE)
        filters.clear.click(lambda: filters.showing(Standing()), outputs=filters.outputs, **AT_ONCE)
        gr.on(filters.changes, self.on_set, [filters.standing, *filters.values], filters.told, **AT_ONCE)
        self.results.choose(self.on_choose, [self.session, self.view], [self.view, self.results], **AT_ONCE)
        written = [self.file, self.results, *told]
        saved = self.results.save(self.on_save, [self.session, self.view], written, **AT_ONCE)
        saved.success(None, [self.file], js=SAVE_SCRIPT, **AT_ONCE)

    def _wire_answers(self) -> None:
        filters = [self.controls.standing, *self.controls.values]
        answering: dict[str, Any] = {
            **PRIVATE,
            "outputs": [*self._shown(), *self.controls.outputs, *self.comment.outputs],
            "concurrency_limit": ANSWERS_AT_ONCE,
            "concurrency_id": "answers",
            "trigger_mode": "once",
        }
        for answered in (
            gr.on([self.ask.click, self.box.submit], self.on_ask, [self.session, self.box, *filters], **answering),
            self.chat.example_select(self.on_example, [self.session, *filters], **answering),
            self.results.answer(self.on_answer, [self.session, *filters], **answering),
        ):
            # Read anew after the answer: a visitor may have changed the controls while it was written.
            answered.then(self.on_answered, [self.session, *filters], [self.top, *self.controls.outputs], **AT_ONCE)

    def _shown(self) -> list[Any]:
        """What ``_show`` updates."""
        buttons = [self.ask, self.stop, self.clear]
        return [self.session, self.chat, self.panel, self.box, *buttons, self.view, self.results, self.kept]

    @property
    def around(self) -> list[Any]:
        """What ``on_visit`` updates."""
        return [self.top, self.welcome, self.chat, self.controls.organisms]

    def on_visit(self) -> Update:
        """The page around the conversation as of now: the index may have changed since the server started.

        It touches nothing that answers do: one to a question in the page's address may be there first.
        """
        overview = self.front.overview()
        return {
            self.top: self.front.header(),
            self.welcome: self.front.welcome(),
            self.chat: gr.Chatbot(examples=examples_of(overview.examples)),
            self.controls.organisms: gr.Dropdown(choices_of(overview.organisms)),
        }

    def on_ask(self, session: Session, question: str, standing: Standing, *conditions: Any) -> Updates:
        """Answer what was typed; it leaves the box, and comes back to it if it is refused."""
        for number, update in enumerate(self._asked(session, question, standing, conditions)):
            if update[self.session].notice is not None:
                update[self.box] = question
            elif number == 0:
                update[self.box] = ""
            yield update

    def on_example(self, event: gr.SelectData, session: Session, standing: Standing, *conditions: Any) -> Updates:
        """Answer the example that was clicked."""
        yield from self._asked(session, event.value["text"], standing, conditions)

    def on_answer(self, event: gr.EventData, session: Session, standing: Standing, *conditions: Any) -> Updates:
        """Answer a question that the page offers, or that came with its address.

        Its own conditions hold for it alone; one that a visitor takes away holds for no further question either.
        """
        name, value = getattr(event, "act", None), str(getattr(event, "value", ""))
        if name == "ask":
            yield from self._asked(session, value, standing, conditions)
        elif name == "shared" and (shared := Shared.parse(value)):
            yield from self._answer(session, shared.question, shared.filters, note=self._note_on(shared.generation))
        elif name == "retry" and (asked := session.last_asked):
            again = self._answer(session.undone(), asked.question, asked.filters, note=asked.note)
            yield from _first_with(self.comment.closed(), again)
        elif name == "without" and (part := part_at(session, value)) and part.question:
            before = session.exchanges[int(value.partition("-")[0]) - 1].conditions
            left = self.controls.showing(standing.without(before, part.filters))
            yield from _first_with(left, self._answer(session, part.question, part.filters))
        elif name == "further" and value.isdecimal() and session.exchanges:
            last = session.exchanges[-1]
            if int(value[:4]) < len(last.further):
                yield from self._answer(session, last.further[int(value[:4])], last.conditions)

    def on_answered(self, session: Session, standing: Standing, *conditions: Any) -> Update:
        """Show the conditions of the answer that has come in the controls, where there is one, and what is indexed."""
        update: Update = {self.top: self.front.header()}
        last = session.exchanges[-1] if session.exchanges else None
        if session.pending or session.notice or last is None or last.answer is None:
            return update
        with suppress(QuestionError):  # a year that is none stays to be mended
            now = standing.read(filters_of(*conditions)).after(last.answer, last.asked.filters)
            generations = [answer.generation for answer in session.answers[-2:]]
            is_new = len(generations) < 2 or generations[0] != generations[1]
            organisms = self.front.overview().organisms if is_new else ()
            update |= self.controls.showing(now, organisms=organisms)
        return update

    def on_set(self, standing: Standing, *conditions: Any) -> Update:
        """What is set in the controls holds from now on; a year that is none is told of."""
        try:
            return self.controls.telling(standing.read(filters_of(*conditions)))
        except QuestionError as error:
            return self.controls.telling(standing, str(error))

    def on_act(self, event: gr.EventData, session: Session, standing: Standing, *conditions: Any) -> Update:
        """What a click on the page does at once, without an answer."""
        name, value = getattr(event, "act", None), str(getattr(event, "value", ""))
        if name in ("hold", "drop"):
            return self.controls.showing(Standing(standing.in_controls) if name == "hold" else Standing())
        if name == "filter-gene" and value:
            return self._filter(standing, value, conditions)
        if session.pending is not None:  # the script says so; what is written now must not be written over
            return self._nothing()
        if name in ("edit", "keep") and (asked := session.last_asked):
            session = replace(session, editing=name == "edit", notice=None)
            return self._tell(session) | {self.box: asked.question if session.editing else ""}
        if name == "say":
            return self._say(session, value)
        if name == "recall" and (kept := Kept.parse(getattr(event, "kept", None))):
            return self._restored(session, [kept])
        if name == "restore" and not session.exchanges:
            update = self._restored(session, [k for k in map(Kept.parse, _listed(event)) if k])
            return update | ({self.box: value} if value else {})
        return self._nothing()

    def on_send(self, session: Session, about: tuple[int, str, FeedbackKind] | None, comment: str) -> Update:
        """Keep what a visitor says of an answer, with the comment; what cannot be kept stays where it was typed."""
        if about is None:
            return self.comment.closed()
        turn, question, kind = about
        if session.pending is not None:
            return {self.comment.text: gr.Textbox(label="Send it after the answer that is being written")}
        answer = session.said(turn)
        if answer is None or answer.question != question:
            return {self.comment.text: gr.Textbox(label="The answer that this is about is no longer here")}
        after = keep_feedback(self.feedback, session, turn, kind, comment)
        return self._tell(after) | ({} if after.notice else self.comment.closed())

    def on_stop(self, session: Session) -> None:
        """End the answer; what answers it shows that, since two writers could overtake each other."""
        session.stop()

    def on_clear(self) -> Update:
        """Forget the conversation and the conditions."""
        update = self._show(Session()) | {self.welcome: self.front.welcome()}
        return update | self.controls.showing(Standing()) | self.comment.closed()

    def on_choose(self, event: gr.EventData, session: Session, view: View) -> Update:
        """Show the figures behind a number, or another page of them, or in another order."""
        wanted = View.parse(getattr(event, "address", None))
        if wanted is None or session.answer_of(wanted.turn) is None:
            return {self.view: view}
        return {self.view: wanted, self.results: list_figures(self.assistant, session, wanted)}

    def on_save(self, event: gr.EventData, session: Session, view: View) -> Update:
        """Write the conversation or the shown figures to a file that Gradio removes; the script then saves it."""
        talk, form = getattr(event, "talk", None), getattr(event, "form", None)
        if talk in list(Transcript) and not session.answers and session.pending is None:
            return {self.file: None} | self._tell(replace(session, notice="There is no answer to save yet."))
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
        number = int(turn) if turn.isdecimal() and len(turn) < 7 else 0
        answer = session.said(number)
        if kind is None or answer is None:
            return self._nothing()
        if kind is FeedbackKind.USEFUL:
            return self._tell(keep_feedback(self.feedback, session, number, kind))
        return self.comment.asking(number, answer.question, kind)

    def _filter(self, standing: Standing, gene: str, conditions: Sequence[Any]) -> Update:
        """The gene as a condition besides those that the controls show."""
        try:
            filters = filters_of(*conditions)
        except QuestionError as error:
            return self.controls.telling(standing, str(error))
        genes = tuple(dict.fromkeys((*filters.genes_all, gene)))
        return self.controls.showing(Standing(replace(filters, genes_all=genes)), is_open=True)

    def _restored(self, session: Session, kept: Sequence[Kept]) -> Update:
        """The conversation with answers that the browser has brought back."""
        for each in kept[-Conversation.LIMIT :]:
            session = session.with_kept(each)
        return self._tell(session) | {self.kept: render_entries(session.kept)}

    def _nothing(self) -> Update:
        """An update that leaves all as it is."""
        return {self.box: gr.skip()}

    def _note_on(self, generation: str) -> str:
        """What is to be said of a question that was shared from another generation of the index."""
        now = self.assistant.status().generation
        if not generation or generation == now:
            return ""
        return f"Shared from generation {generation[:40]} of the index; this is {now}, and may answer otherwise."

    def _asked(self, session: Session, question: str, standing: Standing, conditions: Sequence[Any]) -> Updates:
        """``_answer`` with the conditions that hold; one in the controls that is none is told of."""
        try:
            filters = standing.read(filters_of(*conditions)).held
        except QuestionError as error:
            yield self._show(replace(session, notice=str(error)))
            return
        yield from self._answer(session, question, filters)

    def _answer(self, session: Session, question: str, filters: Filters | None = None, *, note: str = "") -> Updates:
        """What changes on the page, again and again, while a question is answered; nothing while another one is."""
        if session.pending and not session.pending.feed.is_stopped:
            return
        with closing(answer_question(self.assistant, question, session, filters, note=note)) as sessions:
            closed = self.comment.closed() if session.editing else {}
            yield from _first_with(closed, map(self._show, sessions))

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
            update[self.panel] = session.panel
            update[self.view] = view
            update[self.results] = list_figures(self.assistant, session, view)
            is_new = bool(answer and answer.query and answer.query.intent is not Intent.CHAT)
            update[self.kept] = render_entries(session.kept, is_new=is_new)
        return update


def examples_of(questions: Sequence[str]) -> list[ExampleMessage]:
    """Questions as the chat offers them."""
    return [{"text": question} for question in questions]


def _first_with(more: Update, updates: Iterable[Update]) -> Updates:
    """The updates, the first one with ``more`` in it."""
    for update in updates:
        yield update | more
        more = {}


def _listed(event: gr.EventData) -> list[object]:
    """The answers that the page's script has found in the browser's store."""
    found = getattr(event, "kept", None)
    return found if isinstance(found, list) else []
