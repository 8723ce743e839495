"""A conversation as a file to keep or pass on. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import StrEnum

from pfocr_chat.answers import Answer

_MARKED = re.compile(r"[\\`*\[\]~|]|(?<!\w)_|_(?!\w)")
_ACTIVE = re.compile(r"\\[!-/:-@\[-`{-~]|<|!\[|\](?=[(:])|&(?=#?\w+;)")
"""What makes HTML, a picture or a link in Markdown; what a backslash has made harmless already comes first."""


class Transcript(StrEnum):
    """A kind of file that a conversation can be written as."""

    MARKDOWN = "md"
    JSON = "json"

    @property
    def file_name(self) -> str:
        """What such a file is called."""
        return f"pfocr-chat-conversation.{self.value}"


def render_transcript(answers: Sequence[Answer], form: Transcript) -> str:
    """The questions with their conditions, answers, citations and verdicts, as the text of one file.

    In Markdown, whatever comes from people, records or language models has no HTML, picture or link in it.
    """
    if form is Transcript.JSON:
        return json.dumps([answer.to_dict() for answer in answers], ensure_ascii=False, indent=2) + "\n"
    return "\n".join(["# PFOCR Chat\n", *map(_to_markdown, answers)])


def plain(text: str) -> str:
    """Text as one line of Markdown that shows it as it is."""
    escaped = _MARKED.sub(lambda found: "\\" + found[0], " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def harmless(markdown: str) -> str:
    """Markdown whose HTML, pictures and links are text; emphasis, lists, tables and keys stay."""

    def text(found: re.Match[str]) -> str:
        mark = found[0]
        entities = {"<": "&lt;", "&": "&amp;", "![": "!\\["}
        return entities.get(mark, mark if mark.startswith("\\") else "\\" + mark)

    return _ACTIVE.sub(text, markdown)


def _to_markdown(answer: Answer) -> str:
    lines = [f"## {plain(answer.question)}", ""]
    if answer.query and answer.query.filters:
        lines += [f"Only figures {plain(str(answer.query.filters))}.", ""]
    lines += [harmless(answer.text.strip()) or plain(answer.reason or ""), ""]
    for citation in answer.citations:
        lines += [
            f"[{citation.key}] {plain(citation.title or citation.figid)} ({citation.figid}), {harmless(citation.url)}",
            "",
        ]
        lines += [f"> {plain(citation.quote)}", ""] if citation.quote.strip() else []
    if answer.near_misses:
        misses = (f"- {plain(miss.title or miss.figid)}, {harmless(miss.url)}" for miss in answer.near_misses)
        lines += ["Nearest figures:", *misses, ""]
    for note in answer.notes:
        lines += [plain(note), ""]
    if answer.grounding.checks:
        lines += [f"Grounding: {answer.grounding}.", ""]
    if answer.query:
        lines += [f"Searched for: {plain(str(answer.query))}.", ""]
    lines += [f"Index generation {plain(answer.generation)}, language model {plain(answer.llm)}.", ""]
    return "\n".join(lines)
