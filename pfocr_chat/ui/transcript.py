"""A conversation as a file to keep or pass on. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum

from pfocr_chat.answers import Answer


class Transcript(StrEnum):
    """A kind of file that a conversation can be written as."""

    MARKDOWN = "md"
    JSON = "json"

    @property
    def file_name(self) -> str:
        """What such a file is called."""
        return f"pfocr-chat-conversation.{self.value}"


def render_transcript(answers: Sequence[Answer], form: Transcript) -> str:
    """The questions with their answers, citations and verdicts, as the text of one file."""
    if form is Transcript.JSON:
        return json.dumps([answer.to_dict() for answer in answers], ensure_ascii=False, indent=2) + "\n"
    return "\n".join(["# PFOCR Chat\n", *map(_to_markdown, answers)])


def _to_markdown(answer: Answer) -> str:
    lines = [f"## {' '.join(answer.question.split())}", "", answer.text.strip() or answer.reason or "", ""]
    for citation in answer.citations:
        quote = " ".join(citation.quote.split())
        title = citation.title or citation.figid
        lines += [f"[{citation.key}] {title} ({citation.figid}), {citation.url}", "", f"> {quote}", ""]
    if answer.near_misses:
        lines += ["Nearest figures:", *(f"- {miss.title or miss.figid}, {miss.url}" for miss in answer.near_misses), ""]
    if answer.grounding.checks:
        lines += [f"Grounding: {answer.grounding}.", ""]
    if answer.query:
        lines += [f"Searched for: {answer.query}.", ""]
    lines += [f"Index generation {answer.generation}, language model {answer.llm}.", ""]
    return "\n".join(lines)
