"""The access log: a line for each request and each question, without what was asked unless that is wanted."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS = "pfocr_chat.requests"
QUESTIONS = "pfocr_chat.questions"
"""The logger to which an assistant tells the questions that it has answered."""

# The page's own files are told only where they fail: a hundred of them make one visit.
_FILES = ("/assets/", "/static/", "/svelte/", "/theme.css", "/favicon.ico", "/manifest.json")
_logger = logging.getLogger(REQUESTS)


class AccessLog:
    """Tells of each request its method, path, status and milliseconds; not what stands behind "?" in its address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            if not (scope["path"].startswith(_FILES) and 200 <= status < 400):
                took = round(1000 * (time.perf_counter() - started))
                _logger.info("%s %s %s %d ms", scope["method"], _printable(scope["path"]), status or "-", took)


class _Lines(logging.Formatter):
    """A time and what happened; the question at the end, as a JSON string, where that is wanted."""

    def __init__(self, *, questions: bool) -> None:
        super().__init__()
        self._questions = questions

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        line = f"{at} {record.getMessage()}"
        asked: Any = getattr(record, "question", None)
        return f"{line} {json.dumps(asked, ensure_ascii=False)}" if self._questions and asked is not None else line


@contextmanager
def logging_access(*, questions: bool) -> Iterator[None]:
    """While this lasts, requests and questions are told on standard error, the latter word by word if wanted."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(questions=questions))
    loggers = [logging.getLogger(name) for name in (REQUESTS, QUESTIONS)]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


def _printable(path: str) -> str:
    """The path on one line, so that nobody can write lines of their own into the log."""
    return path if path.isprintable() and " " not in path else json.dumps(path)
