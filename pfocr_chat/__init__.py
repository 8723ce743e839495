"""PFOCR Chat: questions about published pathway figures, answered with checked citations."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from pfocr_chat.answers import Answer, Check, Citation, Conversation, Grounding, NearMiss, Stage, Status, Text, Verdict
from pfocr_chat.errors import (
    ConfigError,
    CorpusError,
    CorruptIndexError,
    EmbedderError,
    EvaluationError,
    IndexBusyError,
    IndexMismatchError,
    LlmError,
    LlmUnavailableError,
    NoIndexError,
    PfocrChatError,
    PromptError,
    QuestionError,
    RecordError,
    RerankerError,
    VectorstoreError,
)
from pfocr_chat.queries import Hit, Match
from pfocr_chat.records import FigureRecord, Tier

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant, open_assistant

__version__ = metadata.version("pfocr-chat")

__all__ = [
    "Answer",
    "Assistant",
    "Check",
    "Citation",
    "ConfigError",
    "Conversation",
    "CorpusError",
    "CorruptIndexError",
    "EmbedderError",
    "EvaluationError",
    "FigureRecord",
    "Grounding",
    "Hit",
    "IndexBusyError",
    "IndexMismatchError",
    "LlmError",
    "LlmUnavailableError",
    "Match",
    "NearMiss",
    "NoIndexError",
    "PfocrChatError",
    "PromptError",
    "QuestionError",
    "RecordError",
    "RerankerError",
    "Stage",
    "Status",
    "Text",
    "Tier",
    "VectorstoreError",
    "Verdict",
    "open_assistant",
]


def __getattr__(name: str) -> Any:
    # Opening an assistant loads torch; importing the package must not.
    if name in ("Assistant", "open_assistant"):
        from pfocr_chat import assistant

        return getattr(assistant, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
