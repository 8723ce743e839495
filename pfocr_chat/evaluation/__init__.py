"""Measures how well an assistant answers: cases in, a report out.

``read_cases`` reads the questions, ``evaluate`` asks an assistant all of them, ``render_text`` and
``Report.to_dict`` show what came of it. Every number carries the settings that made it.
"""

from __future__ import annotations

from pfocr_chat.evaluation.cases import Case, CaseType, read_cases
from pfocr_chat.evaluation.report import Metric, Report, Row, Settings, render_text
from pfocr_chat.evaluation.runner import AssistantLike, evaluate
from pfocr_chat.evaluation.textchecks import read_prompt_phrases

__all__ = [
    "AssistantLike",
    "Case",
    "CaseType",
    "Metric",
    "Report",
    "Row",
    "Settings",
    "evaluate",
    "read_cases",
    "read_prompt_phrases",
    "render_text",
]
