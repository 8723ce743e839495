"""The page itself: which component shows what, and what each click does."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from pfocr_chat.errors import PfocrChatError
from pfocr_chat.ui import render
from pfocr_chat.ui.session import Session, answer_question

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

EXAMPLES = (
    "Which figures link integrins to YAP?",
    "How does quercetin inhibit gastric cancer metastasis?",
    "How many figures show both TNF and NF-κB?",
    "All Arabidopsis figures since 2010",
    "Which figures are about autophagy?",
    "What does PMC11989024__ijms-26-03143-g003 show?",
)
PLACEHOLDER = "Ask about genes, chemicals, diseases and how they act on each other, or start with one of these."
ANSWERS_AT_ONCE = 4
WAITING_LIMIT = 32

PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# Only answers go through Gradio's queue: its browser client closes the stream of the queue's results
# when an event ends, and loses those of another one that is just being sent.
AT_ONCE = PRIVATE | {"queue": False}

Update = dict[Any, Any]


def build_page(assistant: Assistant) -> gr.Blocks:
    """The chat page over an open assistant."""
    page = gr.Blocks(title="PFOCR Chat", analytics_enabled=False, fill_width=True)
    with page:
        top = gr.HTML(_header(assistant), elem_id="pfc-top")
        with gr.Row(elem_id="pfc-columns"):
            with gr.Column(scale=3, elem_id="pfc-left"):
                chat = _chat()
                with gr.Row(elem_id="pfc-ask"):
                    box = _box()
                    ask = gr.Button("Ask", variant="primary", scale=0, min_width=84, elem_id="pfc-go")
                    stop = gr.Button("Stop", variant="stop", scale=0, min_width=84, visible=False)
                    clear = gr.Button("Clear", scale=0, min_width=84, elem_id="pfc-clear")
            with gr.Column(scale=2, elem_id="pfc-right"):
                panel = gr.HTML(Session().panel, elem_id="pfc-panel")
        page.load(lambda: _header(assistant), outputs=top, **AT_ONCE)
        _Page(assistant, gr.State(Session()), chat, box, ask, stop, clear, panel).wire()
    page.queue(max_size=WAITING_LIMIT)
    return page


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """The page's components and what happens when they are used."""

    assistant: Assistant
    session: gr.State
    chat: gr.Chatbot
    box: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    clear: gr.Button
    panel: gr.HTML

    def wire(self) -> None:
        """Tie the events to their handlers; none of them is offered as a public endpoint."""
        shown = [self.session, self.chat, self.panel, self.box, self.ask, self.stop, self.clear]
        answering: dict[str, Any] = {
            **PRIVATE,
            "outputs": shown,
            "concurrency_limit": ANSWERS_AT_ONCE,
            "concurrency_id": "answers",
            "trigger_mode": "once",
        }
        gr.on([self.ask.click, self.box.submit], self.on_ask, [self.box, self.session], **answering)
        self.chat.example_select(self.on_example, [self.session], **answering)
        self.stop.click(self.on_stop, [self.session], **AT_ONCE)
        self.clear.click(self.on_clear, outputs=shown, **AT_ONCE)

    def on_ask(self, question: str, session: Session) -> Generator[Update, None, None]:
        """Answer what was typed; it leaves the box, and comes back to it if it is refused."""
        with closing(answer_question(self.assistant, question, session)) as sessions:
            for number, latest in enumerate(sessions):
                update = self._show(latest)
                if latest.notice is not None:
                    update[self.box] = question
                elif number == 0:
                    update[self.box] = ""
                yield update

    def on_example(self, event: gr.SelectData, session: Session) -> Generator[Update, None, None]:
        """Answer the example that was clicked."""
        with closing(answer_question(self.assistant, event.value["text"], session)) as sessions:
            for latest in sessions:
                yield self._show(latest)

    def on_stop(self, session: Session) -> None:
        """End the answer; what answers it shows that, since two writers could overtake each other."""
        session.stop()

    def on_clear(self) -> Update:
        """Forget the conversation."""
        return self._show(Session())

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
            update[self.panel] = session.panel
        return update


def _chat() -> gr.Chatbot:
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
        examples=[{"text": example} for example in EXAMPLES],
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
