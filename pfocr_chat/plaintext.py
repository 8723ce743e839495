"""What every front end does with an answer's text before it gives it a form of its own; pure."""

from __future__ import annotations

from markdown_it import MarkdownIt


def shortened(text: str, limit: int) -> str:
    """Text in one line of at most ``limit`` characters, not escaped."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def markdown_reader() -> MarkdownIt:
    """CommonMark and tables, without what hides text or reads raw HTML."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["html_block", "html_inline", "autolink", "reference", "code"])
    reader.disable("text_join")  # else an escaped bracket could no longer be told from a key's
    return reader
