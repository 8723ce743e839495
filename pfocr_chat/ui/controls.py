"""The conditions beside the chat, and the comment on an answer: controls, and what their values stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr

from pfocr_chat.errors import QuestionError
from pfocr_chat.feedback import MAX_COMMENT, FeedbackKind
from pfocr_chat.plaintext import shortened
from pfocr_chat.queries import Filters
from pfocr_chat.ui.standing import Standing, render_standing


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """What conditions are set with; they hold for every question until they are cleared.

    ``standing`` is which of those shown hold, and ``said`` tells of it.
    """

    standing: gr.State
    said: gr.HTML
    frame: gr.Accordion
    organisms: gr.Dropdown
    year_from: gr.Textbox
    year_to: gr.Textbox
    genes_all: gr.Textbox
    genes_any: gr.Textbox
    clear: gr.Button

    @property
    def values(self) -> list[Any]:
        """The components whose values make ``filters_of``, in its order."""
        return [self.organisms, self.year_from, self.year_to, self.genes_all, self.genes_any]

    def showing(
        self, standing: Standing, *, is_open: bool | None = None, organisms: Sequence[tuple[str, int]] = ()
    ) -> dict[Any, Any]:
        """The update after which the controls show these conditions; ``organisms`` are a new choice of them."""
        filters = standing.in_controls
        wanted = list(filters.organisms)
        update: dict[Any, Any] = self.telling(standing) | {
            self.organisms: gr.Dropdown(choices_of(organisms), value=wanted) if organisms else wanted,
            self.year_from: str(filters.year_from or ""),
            self.year_to: str(filters.year_to or ""),
            self.genes_all: ", ".join(filters.genes_all),
            self.genes_any: ", ".join(filters.genes_any),
        }
        if is_open is not None:
            update[self.frame] = gr.Accordion(label=standing.label, open=is_open)
        return update

    def telling(self, standing: Standing, problem: str = "") -> dict[Any, Any]:
        """The update after which what is said of the conditions is true; the controls stay as they are."""
        return {
            self.standing: standing,
            self.frame: gr.Accordion(label=standing.label),
            self.said: render_standing(standing, problem),
        }

    @property
    def changes(self) -> list[Any]:
        """The events after which a visitor has set something."""
        texts = (self.year_from, self.year_to, self.genes_all, self.genes_any)
        return [self.organisms.input, *(event for text in texts for event in (text.blur, text.submit))]

    @property
    def told(self) -> list[Any]:
        """What ``telling`` updates."""
        return [self.standing, self.frame, self.said]

    @property
    def outputs(self) -> list[Any]:
        """What ``showing`` updates."""
        return [*self.told, *self.values]


def build_controls(organisms: Sequence[tuple[str, int]]) -> Controls:
    """The controls, closed, in the place where they are made; ``organisms`` with the number of their figures."""
    with gr.Accordion(Standing().label, open=False, elem_id="pfc-filters") as frame:
        with gr.Row():
            organism = gr.Dropdown(
                choices_of(organisms),
                label="Organism, any of",
                multiselect=True,
                allow_custom_value=True,
                value=[],
                scale=4,
                min_width=180,
            )
            # Gradio's field for numbers turns into 0 when it is shown empty.
            low = gr.Textbox(label="Since year", scale=1, min_width=90, max_lines=1, max_length=4)
            high = gr.Textbox(label="Until year", scale=1, min_width=90, max_lines=1, max_length=4)
        with gr.Row():
            every = gr.Textbox(label="Genes, all of", placeholder="TNF, IL6", scale=2, min_width=150, max_lines=1)
            some = gr.Textbox(label="Genes, any of", placeholder="AKT1, AKT2", scale=2, min_width=150, max_lines=1)
            clear = gr.Button("Clear filters", scale=1, min_width=110, size="sm")
    said = gr.HTML("", elem_id="pfc-standing")
    return Controls(gr.State(Standing()), said, frame, organism, low, high, every, some, clear)


def choices_of(organisms: Sequence[tuple[str, int]]) -> list[tuple[str, str | int | float]]:
    """Organisms as the control offers them, with the number of their figures."""
    return list(_choices(tuple(organisms)))


@lru_cache(maxsize=4)
def _choices(organisms: tuple[tuple[str, int], ...]) -> tuple[tuple[str, str], ...]:
    # Made once: Gradio keeps the choices of each visitor, and there are hundreds.
    return tuple((f"{name} ({figures:,})", name) for name, figures in organisms)


def filters_of(
    organisms: Sequence[str] | None,
    year_from: str | None,
    year_to: str | None,
    genes_all: str | None,
    genes_any: str | None,
) -> Filters:
    """The conditions that the values of the controls stand for; whether the index knows the names is not checked here.

    Raises:
        QuestionError: a year is no number.
    """
    return Filters(
        year_from=_year(year_from),
        year_to=_year(year_to),
        organisms=tuple(organisms or ()),
        genes_all=names_in(genes_all or ""),
        genes_any=names_in(genes_any or ""),
    )


def _year(text: str | None) -> int | None:
    text = (text or "").strip()
    if not text:
        return None
    if not (text.isdecimal() and len(text) == 4):
        raise QuestionError(f"“{text[:40]}” is no year. Give four digits, or leave the field empty.")
    return int(text)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a list as typed: between commas, semicolons or line ends, else between spaces."""
    between = r"[,;\n]" if re.search(r"[,;\n]", text.strip()) else r"\s"
    return tuple(dict.fromkeys(name.strip() for name in re.split(between, text) if name.strip()))


ASKED_BACK = {
    FeedbackKind.WRONG_CITATION: "Which citation is wrong, and how?",
    FeedbackKind.MISSED_FIGURE: "Which figure is missed? Its figid or address helps most.",
}
"""What is asked of a visitor who says more than that an answer is useful."""


@dataclass(frozen=True, slots=True, eq=False)
class Comment:
    """Where a visitor says what is wrong with an answer.

    ``about`` holds the turn, its question, which tells whether it still is that turn, and the kind of feedback.
    """

    frame: gr.Column
    text: gr.Textbox
    send: gr.Button
    cancel: gr.Button
    about: gr.State

    def asking(self, turn: int, question: str, kind: FeedbackKind) -> dict[Any, Any]:
        """The update after which the comment on the answer to a question is asked for."""
        return {
            self.frame: gr.Column(visible=True),
            self.text: gr.Textbox(value="", label=f"{shortened(question, 80)}: {ASKED_BACK[kind].lower()}"),
            self.about: (turn, question, kind),
        }

    def closed(self) -> dict[Any, Any]:
        """The update after which nothing is asked."""
        return {self.frame: gr.Column(visible=False), self.text: "", self.about: None}

    @property
    def outputs(self) -> list[Any]:
        """What ``asking`` and ``closed`` update."""
        return [self.frame, self.text, self.about]


def build_comment() -> Comment:
    """The comment, out of sight, in the place where it is made."""
    with gr.Column(visible=False, elem_id="pfc-say") as frame:
        text = gr.Textbox(label="Comment", max_lines=4, max_length=MAX_COMMENT, elem_id="pfc-comment")
        with gr.Row():
            send = gr.Button("Send", variant="primary", size="sm")
            cancel = gr.Button("Cancel", size="sm")
    return Comment(frame, text, send, cancel, gr.State(None))
