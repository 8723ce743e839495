"""The log of a server on standard error: a line for each request and each question, for people or for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from pfocr_chat.traces import Trace, timestamp

REQUESTS = "pfocr_chat.requests"
"""The logger of requests; each record has its values as ``request``."""
QUESTIONS = "pfocr_chat.questions"
"""The logger to which an assistant tells the questions that it has answered, each with its ``trace``."""


class LogFormat(StrEnum):
    """How a line looks: words for people, or JSON."""

    PLAIN = "plain"
    JSON = "json"


class _Plain(logging.Formatter):
    """A time and what happened; the question at the end, as a JSON string, where that is wanted."""

    def __init__(self, *, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        line = f"{timestamp(record.created)} {record.getMessage()}"
        trace: Any = getattr(record, "trace", None)
        is_wanted = self._questions and isinstance(trace, Trace)
        return f"{line} {json.dumps(trace.question, ensure_ascii=False)}" if is_wanted else line


class _Json(logging.Formatter):
    """One JSON object, in ASCII; ``event`` is request, question, or message for whatever else is told."""

    def __init__(self, *, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"time": timestamp(record.created), **self._told(record)})

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        trace: Any = getattr(record, "trace", None)
        request: Any = getattr(record, "request", None)
        if isinstance(trace, Trace):
            asked = {"question": trace.question} if self._questions else {}
            return {"event": "question"} | trace.to_dict() | asked
        if isinstance(request, dict):
            return {"event": "request"} | request
        told = {"event": "message", "level": record.levelname.lower(), "logger": record.name}
        told["message"] = record.getMessage()
        return told | ({"error": self.formatException(record.exc_info)} if record.exc_info else {})


@contextmanager
def logging_to_stderr(form: LogFormat = LogFormat.PLAIN, *, questions: bool = False) -> Iterator[None]:
    """While this lasts, requests and questions are told on standard error, the latter word by word if wanted.

    As JSON so is everything else that is logged at WARNING or above.
    """
    handler = logging.StreamHandler()
    handler.setFormatter((_Json if form is LogFormat.JSON else _Plain)(questions=questions))
    loggers = [logging.getLogger(name) for name in (REQUESTS, QUESTIONS)]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    others = [logging.getLogger()] if form is LogFormat.JSON else []
    for other in others:
        other.addHandler(handler)
    try:
        yield
    finally:
        for other in others:
            other.removeHandler(handler)
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
