"""PFOCR Chat: questions about published pathway figures, answered with checked citations."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from pfocr_chat.answers import (
    Answer,
    Check,
    Citation,
    Conversation,
    Grounding,
    NearMiss,
    Stage,
    Status,
    Text,
    Usage,
    Verdict,
)
from pfocr_chat.errors import (
    ChromaServerError,
    ConfigError,
    CorpusError,
    CorruptIndexError,
    EmbedderError,
    EvaluationError,
    FeedbackError,
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
    SlackError,
    SyncError,
    VectorstoreError,
)
from pfocr_chat.exports import Format, render
from pfocr_chat.queries import Entity, Filters, Hit, Intent, Listing, Match, Query
from pfocr_chat.records import FigureRecord, Kind, Tier
from pfocr_chat.startup import loading
from pfocr_chat.tables import Facet, FacetRow, FacetTable

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant, open_assistant

__version__ = metadata.version("pfocr-chat")

__all__ = [
    "Answer",
    "Assistant",
    "Check",
    "ChromaServerError",
    "Citation",
    "ConfigError",
    "Conversation",
    "CorpusError",
    "CorruptIndexError",
    "EmbedderError",
    "Entity",
    "EvaluationError",
    "Facet",
    "FacetRow",
    "FacetTable",
    "FeedbackError",
    "FigureRecord",
    "Filters",
    "Format",
    "Grounding",
    "Hit",
    "IndexBusyError",
    "IndexMismatchError",
    "Intent",
    "Kind",
    "Listing",
    "LlmError",
    "LlmUnavailableError",
    "Match",
    "NearMiss",
    "NoIndexError",
    "PfocrChatError",
    "PromptError",
    "Query",
    "QuestionError",
    "RecordError",
    "RerankerError",
    "SlackError",
    "Stage",
    "Status",
    "SyncError",
    "Text",
    "Tier",
    "Usage",
    "VectorstoreError",
    "Verdict",
    "open_assistant",
    "render",
]


def __getattr__(name: str) -> Any:
    # Opening an assistant loads torch; importing the package must not.
    if name in ("Assistant", "open_assistant"):
        with loading():
            from pfocr_chat import assistant

        return getattr(assistant, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
