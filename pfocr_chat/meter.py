"""A language model for one question, its tokens and its time counted."""

from __future__ import annotations

from collections.abc import Generator

from pfocr_chat.answers import Usage
from pfocr_chat.llm import Llm
from pfocr_chat.traces import Course, Step


class Meter:
    """An LLM for one question: it adds up the tokens of the calls made through it, and ``course`` is told their time.

    Questions may share an ``Llm``, each through one of these.
    """

    def __init__(self, llm: Llm, course: Course) -> None:
        self._llm = llm
        self._course = course
        self.usage: Usage | None = None

    def stream(self, system: str, user: str, *, max_tokens: int) -> Generator[str]:
        """``Llm.stream``, with its tokens counted."""
        pieces = self._llm.stream(system, user, max_tokens=max_tokens, report=self._add)
        return self._course.during(Step.DRAFT, pieces)

    def _add(self, used: Usage) -> None:
        self.usage = self.usage + used if self.usage else used
