"""The page itself: which component shows what, and where it stands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from pfocr_chat.feedback import FILE_NAME, FeedbackStore
from pfocr_chat.ui.controls import build_comment, build_controls
from pfocr_chat.ui.doors import FilelessBlocks
from pfocr_chat.ui.events import AT_ONCE, PageEvents, examples_of
from pfocr_chat.ui.front import Front
from pfocr_chat.ui.results import View
from pfocr_chat.ui.session import Session

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

PLACEHOLDER = "Ask about genes, chemicals, diseases and how they act on each other, or start with one of these."
WAITING_LIMIT = 32
DOWNLOADS_KEPT = (300, 900)
"""How often old downloads are removed, and how old they then are, in seconds; all go when the server ends."""

# The page's script says what was clicked; it is told when it can do so, and when a list or an answer to keep has come.
CLICKS_SCRIPT = """
for (const name of ["choose", "save", "answer", "act"]) {
  document.addEventListener(`pfc-${name}`, (event) => trigger(name, event.detail));
}
watch("value", () => document.dispatchEvent(new Event("pfc-listed")));
document.dispatchEvent(new Event("pfc-ready"));
"""
KEEP_SCRIPT = 'watch("value", () => requestAnimationFrame(() => document.dispatchEvent(new Event("pfc-kept"))));'


def build_page(assistant: Assistant) -> gr.Blocks:
    """The chat page over an open assistant."""
    page = FilelessBlocks(title="PFOCR Chat", analytics_enabled=False, fill_width=True, delete_cache=DOWNLOADS_KEPT)
    front = Front(assistant)
    overview = front.overview()
    with page:
        top = gr.HTML(front.header(), elem_id="pfc-top")
        with gr.Row(elem_id="pfc-columns"):
            with gr.Column(scale=3, elem_id="pfc-left"):
                chat = _chat(overview.examples)
                comment = build_comment()
                controls = build_controls(overview.organisms)
                with gr.Row(elem_id="pfc-ask"):
                    box = _box()
                    ask = gr.Button("Ask", variant="primary", scale=0, min_width=84, elem_id="pfc-go")
                    stop = gr.Button("Stop", variant="stop", scale=0, min_width=84, visible=False, elem_id="pfc-stop")
                    clear = gr.Button("Clear", scale=0, min_width=84, elem_id="pfc-clear")
            with gr.Column(scale=2, elem_id="pfc-right"):
                welcome = gr.HTML(front.welcome(), elem_id="pfc-welcome")
                panel = gr.HTML("", elem_id="pfc-panel")
                results = gr.HTML("", elem_id="pfc-results", js_on_load=CLICKS_SCRIPT)
                kept = gr.HTML("", elem_id="pfc-kept", js_on_load=KEEP_SCRIPT)
                file = gr.DownloadButton(visible="hidden")
        events = PageEvents(
            assistant=assistant,
            feedback=FeedbackStore(Path(assistant.status().vectorstore) / FILE_NAME),
            front=front,
            top=top,
            session=gr.State(Session()),
            view=gr.State(View()),
            chat=chat,
            comment=comment,
            controls=controls,
            box=box,
            ask=ask,
            stop=stop,
            clear=clear,
            welcome=welcome,
            panel=panel,
            results=results,
            kept=kept,
            file=file,
        )
        events.wire()
        page.load(events.on_visit, outputs=events.around, **AT_ONCE)
    page.queue(max_size=WAITING_LIMIT)
    # Gradio would make statistics of all events anew, with pandas, after each one.
    page._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize
    page._queue.ANALYTICS_MAX_EVENTS = 1
    page._queue.sleep_when_free = 0.01  # not 1,000 looks a second at a queue that is empty
    return page


def _chat(examples: Sequence[str]) -> gr.Chatbot:
    return gr.Chatbot(
        show_label=False,
        elem_id="pfc-chat",
        height=None,
        layout="panel",
        buttons=[],
        feedback_options=None,
        latex_delimiters=[],
        autoscroll=False,  # the page's script brings each question to the top, to be read on from there
        allow_tags=False,
        placeholder=PLACEHOLDER,
        group_consecutive_messages=False,
        examples=examples_of(examples),
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
