"""The page itself: which component shows what, and what each click does."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache

from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.exports import Format
from pfocr_chat.queries import Filters
from pfocr_chat.tables import Facet, FacetTable
from pfocr_chat.ui import render
from pfocr_chat.ui.controls import Controls, build_controls, filters_of
from pfocr_chat.ui.overview import overview_of
from pfocr_chat.ui.results import FILE_NAME, View, plot_axes, plot_data
from pfocr_chat.ui.session import Session, answer_question, export_figures, list_figures, part_at
from pfocr_chat.ui.welcome import render_welcome

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

PLACEHOLDER = "Ask about genes, chemicals, diseases and how they act on each other, or start with one of these."
ANSWERS_AT_ONCE = 4
WAITING_LIMIT = 32
DOWNLOADS_KEPT = (300, 900)
"""How often old downloads are removed, and how old they then are, in seconds; all go when the server ends."""

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Only answers go through Gradio's queue: its browser client closes the stream of the queue's results
# when an event ends, and loses those of another one that is just being sent.
AT_ONCE = PRIVATE | {"queue": False}

# The page's script says what was clicked; it is told when a list has come.
SCRIPT = """
for (const name of ["choose", "save", "answer", "act"]) {
  document.addEventListener(`pfc-${name}`, (event) => trigger(name, event.detail));
}
watch("value", () => document.dispatchEvent(new Event("pfc-listed")));
"""
SAVE_SCRIPT = "(file) => { window.pfcSave(file); return []; }"

Update = dict[Any, Any]


def build_page(assistant: Assistant) -> gr.Blocks:
    """The chat page over an open assistant."""
    page = gr.Blocks(title="PFOCR Chat", analytics_enabled=False, fill_width=True, delete_cache=DOWNLOADS_KEPT)
    overview = overview_of(assistant)
    welcome = render_welcome(assistant.status(), overview)
    with page:
        top = gr.HTML(_header(assistant), elem_id="pfc-top")
        with gr.Row(elem_id="pfc-columns"):
            with gr.Column(scale=3, elem_id="pfc-left"):
                chat = _chat(overview.examples)
                controls = build_controls(overview.organisms)
                with gr.Row(elem_id="pfc-ask"):
                    box = _box()
                    ask = gr.Button("Ask", variant="primary", scale=0, min_width=84, elem_id="pfc-go")
                    stop = gr.Button("Stop", variant="stop", scale=0, min_width=84, visible=False)
                    clear = gr.Button("Clear", scale=0, min_width=84, elem_id="pfc-clear")
            with gr.Column(scale=2, elem_id="pfc-right"):
                plot = gr.BarPlot(visible=False, elem_id="pfc-plot", container=False)
                panel = gr.HTML(welcome, elem_id="pfc-panel")
                results = gr.HTML("", elem_id="pfc-results", js_on_load=SCRIPT)
                file = gr.DownloadButton(visible="hidden")
        page.load(lambda: _header(assistant), outputs=top, **AT_ONCE)
        session, view = gr.State(Session()), gr.State(View())
        _Page(
            assistant, welcome, session, chat, controls, box, ask, stop, clear, panel, view, plot, results, file
        ).wire()
    page.queue(max_size=WAITING_LIMIT)
    return page


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """The page's components and what happens when they are used."""

    assistant: Assistant
    welcome: str
    session: gr.State
    chat: gr.Chatbot
    controls: Controls
    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    clear: gr.Button
    panel: gr.HTML
    view: gr.State
    plot: gr.BarPlot
    results: gr.HTML
    file: gr.DownloadButton

    def wire(self) -> None:
        """Tie the events to their handlers; none of them is offered as a public endpoint."""
        figures = [self.view, self.plot, self.results]
        shown = [self.session, self.chat, self.panel, self.box, self.ask, self.stop, self.clear, *figures]
        filters = self.controls
        answering: dict[str, Any] = {
            **PRIVATE,
            "outputs": [*shown, *filters.outputs],
            "concurrency_limit": ANSWERS_AT_ONCE,
            "concurrency_id": "answers",
            "trigger_mode": "once",
        }
        gr.on([self.ask.click, self.box.submit], self.on_ask, [self.session, self.box, *filters.values], **answering)
        self.chat.example_select(self.on_example, [self.session, *filters.values], **answering)
        self.results.answer(self.on_answer, [self.session, *filters.values], **answering)
        self.results.act(
            self.on_act,
            [self.session, *filters.values],
            [self.session, self.chat, self.box, *filters.outputs],
            **AT_ONCE,
        )
        self.stop.click(self.on_stop, [self.session], **AT_ONCE)
        self.clear.click(self.on_clear, outputs=shown, **AT_ONCE)
        filters.clear.click(lambda: filters.showing(Filters()), outputs=filters.outputs, **AT_ONCE)
        self.results.choose(self.on_choose, [self.session, self.view], figures, **AT_ONCE)
        saved = self.results.save(self.on_save, [self.session, self.view], [self.file, self.results], **AT_ONCE)
        saved.success(None, [self.file], js=SAVE_SCRIPT, **AT_ONCE)

    def on_ask(self, session: Session, question: str, *conditions: Any) -> Generator[Update, None, None]:
        """Answer what was typed; it leaves the box, and comes back to it if it is refused."""
        for number, update in enumerate(self._asked(session, question, conditions)):
            if update[self.session].notice is not None:
                update[self.box] = question
            elif number == 0:
                update[self.box] = ""
            yield update

    def on_example(self, event: gr.SelectData, session: Session, *conditions: Any) -> Generator[Update, None, None]:
        """Answer the example that was clicked."""
        yield from self._asked(session, event.value["text"], conditions)

    def on_answer(self, event: gr.EventData, session: Session, *conditions: Any) -> Generator[Update, None, None]:
        """Answer a question that the page offers: one to go on with, one without a part, or the last one again."""
        name, value = getattr(event, "act", None), str(getattr(event, "value", ""))
        if name == "ask":
            yield from self._asked(session, value, conditions)
        elif name == "retry" and (asked := session.last_asked):
            yield from self._answer(session.undone(), asked.question, asked.filters)
        elif name == "without" and (part := part_at(session, value)) and part.question:
            yield self.controls.showing(part.filters)
            yield from self._answer(session, part.question, part.filters)

    def on_act(self, event: gr.EventData, session: Session, *conditions: Any) -> Update:
        """What a click on the page does at once: edit the last question, or add a gene to the filters."""
        name, value = getattr(event, "act", None), str(getattr(event, "value", ""))
        asked = session.last_asked
        if name in ("edit", "keep") and asked and session.pending is None:
            session = replace(session, editing=name == "edit", notice=None)
            update: Update = {self.session: session, self.chat: session.messages}
            return update | {self.box: asked.question if session.editing else ""}
        if name == "filter-gene" and value:
            with suppress(QuestionError):  # a year that is none is told of when a question is asked
                filters = filters_of(*conditions)
                genes = tuple(dict.fromkeys((*filters.genes_all, value)))
                return self.controls.showing(replace(filters, genes_all=genes), is_open=True)
        return {self.session: session}

    def _asked(self, session: Session, question: str, conditions: Sequence[Any]) -> Generator[Update, None, None]:
        """``_answer`` with the conditions that the controls stand for; one that is none is told of."""
        try:
            filters = filters_of(*conditions)
        except QuestionError as error:
            yield self._show(replace(session, notice=str(error)))
            return
        yield from self._answer(session, question, filters)

    def _answer(self, session: Session, question: str, filters: Filters | None) -> Generator[Update, None, None]:
        """What changes on the page, again and again, while a question is answered; nothing while another one is."""
        if session.pending and not session.pending.feed.is_stopped:
            return
        with closing(answer_question(self.assistant, question, session, filters)) as sessions:
            for latest in sessions:
                yield self._show(latest)

    def on_stop(self, session: Session) -> None:
        """End the answer; what answers it shows that, since two writers could overtake each other."""
        session.stop()

    def on_clear(self) -> Update:
        """Forget the conversation."""
        return self._show(Session())

    def on_choose(self, event: gr.EventData, session: Session, view: View) -> Update:
        """Show the figures behind a number, or another page of them."""
        wanted = View.parse(getattr(event, "address", None))
        answer = session.answer_of(wanted.turn) if wanted else None
        if wanted is None or answer is None:
            return {self.view: view}
        update: Update = {self.view: wanted, self.results: list_figures(self.assistant, session, wanted)}
        if wanted.turn != view.turn:
            update[self.plot] = _plot(answer.table)
        return update

    def on_save(self, event: gr.EventData, session: Session, view: View) -> Update:
        """Write the shown figures to a file that Gradio removes; the page's script then saves it."""
        form, answer = getattr(event, "form", None), session.answer_of(view.turn)
        if form not in list(Format) or answer is None:
            return {self.file: None}
        try:
            text = export_figures(self.assistant, answer, view, Format(form))
        except PfocrChatError as error:
            return {self.file: None, self.results: render.render_error(str(error))}
        name = FILE_NAME + Format(form).suffix
        return {self.file: save_bytes_to_cache(text.encode(), name, self.file.GRADIO_CACHE)}

    def _show(self, session: Session) -> Update:
        """What changes on the page; the panel keeps its open cards while an answer is written."""
        busy = session.pending is not None
        update: Update = {
            self.session: session,
            self.chat: session.messages,
            self.ask: gr.Button(visible=not busy),
            self.stop: gr.Button(visible=busy),
            self.clear: gr.Button(interactive=not busy),
        }
        if not busy and session.notice is None:
            view = View(len(session.exchanges))
            answer = session.answer_of(view.turn)
            update[self.panel] = session.panel or self.welcome
            update[self.view] = view
            update[self.plot] = _plot(answer.table if answer else None)
            update[self.results] = list_figures(self.assistant, session, view)
        return update


def _plot(table: FacetTable | None) -> gr.BarPlot:
    """The plot of a table; hidden where there is none, or nothing to draw."""
    data = plot_data(table) if table else None
    if table is None or data is None:
        return gr.BarPlot(elem_classes=["pfc-no-plot"])  # taken out of the page, it would fail on its next resize
    x, y = plot_axes(table)
    height = 230 if table.facet is Facet.YEAR else 280  # names are longer than years
    names = [bar[0] for bar in data["data"]]
    return gr.BarPlot(
        value=data,
        x=x,
        y=y,
        x_title=x,
        y_title=y,
        y_lim=[0, None],
        x_label_angle=-45,
        sort=names,
        height=height,
        visible=True,
        elem_classes=[],
    )


def _chat(examples: Sequence[str]) -> gr.Chatbot:
    return gr.Chatbot(
        show_label=False,
        elem_id="pfc-chat",
        height=None,
        layout="panel",
        buttons=[],
        feedback_options=None,
        latex_delimiters=[],
        allow_tags=False,
        placeholder=PLACEHOLDER,
        group_consecutive_messages=False,
        examples=[{"text": example} for example in examples],
    )


def _box() -> gr.Textbox:
    return gr.Textbox(
        label="Question",
        show_label=False,
        placeholder="Ask about published pathway figures",
        max_lines=6,
        scale=5,
        autofocus=True,
        elem_id="pfc-box",
    )


def _header(assistant: Assistant) -> str:
    """The header as of now: the index may have changed since the page was last loaded."""
    try:
        return render.render_header(assistant.status())
    except PfocrChatError as error:
        return render.render_broken_header(str(error))
