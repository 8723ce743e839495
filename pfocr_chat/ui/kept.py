"""Answers that a visitor's own browser keeps: what it is given to keep, and what it brings back. Pure.

What comes from a browser may be anything; it is shown like any other text, escaped, and never as an answer of now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pfocr_chat.answers import Answer
from pfocr_chat.records import FIGID_PATTERN, FIGURE_PAGE
from pfocr_chat.ui.html import act, line, link
from pfocr_chat.ui.render import render_markdown

MAX_TEXT = 6_000
"""Characters of an answer that are kept."""
MAX_SOURCES = 20
MAX_TITLE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """A question and its answer's Markdown, with the index's generation and (key, title, figid) of its figures."""

    question: str
    text: str
    generation: str
    sources: tuple[tuple[int, str, str], ...] = ()

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """What is kept of an answer."""
        sources = tuple((c.key, (c.title or c.figid)[:MAX_TITLE], c.figid) for c in answer.citations[:MAX_SOURCES])
        return cls(answer.question, (answer.text or answer.reason or "")[:MAX_TEXT], answer.generation, sources)

    @classmethod
    def parse(cls, value: object) -> Self | None:
        """What ``to_json`` wrote, read again; ``None`` for anything else."""
        if not isinstance(value, Mapping):
            return None
        texts = [value.get(name) for name in ("question", "text", "generation")]
        sources = value.get("sources")
        if not all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts) or not isinstance(sources, list):
            return None
        question, text, generation = map(str, texts)
        if not question.strip() or len(sources) > MAX_SOURCES or not all(map(_is_source, sources)):
            return None
        return cls(question, text, generation, tuple((key, title, figid) for key, title, figid in sources))

    def to_json(self) -> str:
        """An object as the browser keeps it."""
        value: dict[str, Any] = {
            "question": self.question,
            "text": self.text,
            "generation": self.generation,
            "sources": [list(source) for source in self.sources],
        }
        return json.dumps(value, ensure_ascii=False)


def _is_source(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 3):
        return False
    key, title, figid = value
    named = isinstance(figid, str) and len(figid) <= MAX_TITLE and bool(FIGID_PATTERN.fullmatch(figid))
    return named and isinstance(title, str) and len(title) <= MAX_TITLE and type(key) is int


def render_entry(kept: Kept) -> str:
    """What the page's script takes to keep, as HTML that is not seen."""
    return f'<span hidden data-kept="{line(kept.to_json())}"></span>'


def render_kept(kept: Kept) -> str:
    """A kept answer as a chat message: its text and figures, and the way to ask it of the index as it is now."""
    keys = {key: title for key, title, _ in kept.sources}

    def mark(key: int) -> str | None:
        return f'<span class="pfc-key">[{key}]</span>' if key in keys else None

    items = "".join(
        f"<li>[{key}] {link(title, FIGURE_PAGE.format(figid=figid))}</li>" for key, title, figid in kept.sources
    )
    sources = f'<ul class="pfc-list">{items}</ul>' if items else ""
    return (
        '<div class="pfc-answer pfc-kept"><p class="pfc-note">Kept in this browser from an earlier visit'
        f" (index generation {line(kept.generation) or 'unknown'}).</p>"
        f"{render_markdown(kept.text, mark)}{sources}<p>{act('ask', kept.question, 'Ask it now')}</p></div>"
    )
