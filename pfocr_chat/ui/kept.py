"""Answers that a visitor's own browser keeps: what it is given to keep, and what it brings back. Pure.

What comes from a browser may be anything; it is shown like any other text, escaped, and never as an answer of now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pfocr_chat.answers import Answer, Citation, Conversation, Turn
from pfocr_chat.queries import Filters, Intent
from pfocr_chat.records import FIGID_PATTERN, FIGURE_PAGE
from pfocr_chat.ui.html import act, line, link
from pfocr_chat.ui.render import render_markdown
from pfocr_chat.ui.shared import MAX_QUERY, Shared, to_filters

MAX_TEXT = 6_000
"""Characters of an answer that are kept."""
MAX_SOURCES = 20
MAX_TITLE = 500
MAX_FIGIDS = 50
"""Figures of a turn that a follow-up can be about."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A question and its answer's Markdown, with the index's generation and (key, title, figid) of its figures.

    ``filters`` are all conditions that held, ``again`` is the address that asks for it again without the turns before
    it, and ``turn`` what a follow-up needs to know of it.
    """

    question: str
    text: str
    generation: str
    sources: tuple[tuple[int, str, str], ...] = ()
    filters: Filters = field(default_factory=Filters)
    again: str = ""
    turn: Turn | None = None

    @classmethod
    def of(cls, answer: Answer, beside: Filters | None = None) -> Self:
        """What is kept of an answer; ``beside`` are the conditions that were set beside its question."""
        sources = tuple((c.key, (c.title or c.figid)[:MAX_TITLE], c.figid) for c in answer.citations[:MAX_SOURCES])
        text = answer.text or answer.reason or ""
        filters = answer.query.filters if answer.query else Filters()
        again = Shared.of(answer, beside).to_query()
        turn = _shortened(answer.conversation.last)
        return cls(answer.question, text[:MAX_TEXT], answer.generation, sources, filters, again[:MAX_QUERY], turn)

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """What ``to_dict`` wrote, read again; ``None`` for anything else."""
        if not isinstance(value, Mapping):
            return None
        texts = [value.get(name) for name in ("question", "text", "generation")]
        sources, again = value.get("sources"), value.get("again", "")
        if not all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts) or not isinstance(sources, list):
            return None
        question, text, generation = map(str, texts)
        if not question.strip() or len(sources) > MAX_SOURCES or not all(map(_is_source, sources)):
            return None
        if not (isinstance(again, str) and len(again) <= MAX_QUERY):
            return None
        held = tuple((key, title, figid) for key, title, figid in sources)
        return cls(question, text, generation, held, _filters(value.get("filters")), again, _turn(value.get("turn")))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, as the browser keeps them; ``said`` is for the browser alone."""
        return {
            "question": self.question,
            "text": self.text,
            "generation": self.generation,
            "sources": [list(source) for source in self.sources],
            "filters": self.filters.to_dict(),
            "said": str(self.filters),
            "again": self.again,
            "turn": _to_dict(self.turn) if self.turn else None,
        }

    @property
    def context(self) -> str:
        """What is to be said of a question that does not stand on its own: how it does; else ""."""
        alone = Shared.parse(self.again)
        is_alone = alone is None or alone.question.casefold() == self.question.strip().casefold()
        return "" if alone is None or is_alone else f"That is: {alone.question}"

    def after(self, conversation: Conversation) -> Conversation:
        """The conversation that a follow-up of it belongs to."""
        return conversation.with_turn(self.turn) if self.turn else conversation

    def to_answer(self) -> Answer:
        """As much of the answer as was kept, to be put into a file."""
        citations = tuple(
            Citation(key, figid, None, title, FIGURE_PAGE.format(figid=figid), "") for key, title, figid in self.sources
        )
        held = f"Only figures {self.filters}." if self.filters else ""
        notes = ("Kept in the browser from before, and not checked again.", self.context, held)
        return Answer(self.question, self.text, citations, generation=self.generation, notes=tuple(filter(None, notes)))


def _shortened(turn: Turn | None) -> Turn | None:
    if turn is None:
        return None
    focus = turn.focus
    return Turn(turn.question, turn.subject, turn.intent, turn.figids[:MAX_FIGIDS], turn.filters, focus)


def _to_dict(turn: Turn) -> dict[str, Any]:
    return {
        "question": turn.question,
        "subject": turn.subject,
        "intent": turn.intent.value,
        "figids": list(turn.figids),
        "filters": turn.filters.to_dict(),
        "focus": turn.focus,
    }


def _turn(value: object) -> Turn | None:
    """What ``_to_dict`` wrote, read again; ``None`` for anything else."""
    if not isinstance(value, Mapping):
        return None
    question, subject, figids, focus = (value.get(name) for name in ("question", "subject", "figids", "focus"))
    if not (isinstance(question, str) and isinstance(subject, str) and len(question + subject) <= 2 * MAX_TEXT):
        return None
    if not (isinstance(figids, list) and len(figids) <= MAX_FIGIDS and all(map(_is_figid, figids))):
        return None
    if value.get("intent") not in list(Intent) or not (focus is None or _is_figid(focus)):
        return None
    intent = Intent(str(value["intent"]))
    return Turn(question, subject, intent, tuple(figids), _filters(value.get("filters")), focus)


def _filters(value: object) -> Filters:
    """Conditions as a browser keeps them; what is none is left out."""
    if not isinstance(value, Mapping):
        return Filters()
    lists = {str(n): v if isinstance(v, list) else [str(v)] for n, v in value.items() if v is not None}
    return to_filters({name: [text for text in texts if len(str(text)) <= MAX_TITLE] for name, texts in lists.items()})


def _is_figid(value: object) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TITLE and bool(FIGID_PATTERN.fullmatch(value))


def _is_source(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 3):
        return False
    key, title, figid = value
    return _is_figid(figid) and isinstance(title, str) and len(title) <= MAX_TITLE and type(key) is int


def render_entries(kept: Sequence[Kept], *, is_new: bool = False) -> str:
    """What the page's script takes to keep, as HTML that is not seen: the conversation.

    ``is_new`` says that its last answer goes into the history too.
    """
    entries = json.dumps([each.to_dict() for each in kept], ensure_ascii=False)
    return f'<span hidden data-kept="{line(entries)}"{" data-new" if is_new else ""}></span>'


def render_kept(kept: Kept) -> str:
    """A kept answer as a chat message: its text and figures, and the way to ask it of the index as it is now."""
    keys = {key: title for key, title, _ in kept.sources}

    def mark(key: int) -> str | None:
        return f'<span class="pfc-key">[{key}]</span>' if key in keys else None

    items = "".join(
        f"<li>[{key}] {link(title, FIGURE_PAGE.format(figid=figid))}</li>" for key, title, figid in kept.sources
    )
    sources = f'<ul class="pfc-list">{items}</ul>' if items else ""
    follow = "Follow-ups go on from it." if kept.turn else "Follow-ups start anew."
    again = act("shared", kept.again, "Ask it now") if kept.again else act("ask", kept.question, "Ask it now")
    return (
        '<div class="pfc-answer pfc-kept"><p class="pfc-note">From earlier, kept in this browser'
        f" (index generation {line(kept.generation) or 'unknown'}). {follow}</p>"
        f"{render_markdown(kept.text, mark)}{sources}<p>{again}</p></div>"
    )
