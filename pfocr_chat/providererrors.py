"""What the exceptions of providers' packages, which share no base class, have in common."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping


def is_passing(exc: Exception) -> bool:
    """Whether another try may go well: not after a timeout, which has cost enough, or where nobody listens."""
    behind = tuple(causes(exc))
    if status := status_of(exc):
        return status == 429 or status >= 500
    if is_timeout(exc) or any(isinstance(each, ConnectionRefusedError | socket.gaierror) for each in behind):
        return False
    return is_broken(exc) or any(isinstance(each, OSError) for each in behind)


def is_timeout(exc: BaseException) -> bool:
    """Whether something did not come in time."""
    return any("Timeout" in type(each).__name__ for each in causes(exc))


def is_broken(exc: BaseException) -> bool:
    """Whether a connection ended in the middle, as httpx and its like say it."""
    return any(type(each).__name__ in ("RemoteProtocolError", "ReadError") for each in causes(exc))


def asked_to_wait(exc: BaseException) -> float:
    """Seconds that the provider asks to be left alone, where it says so."""
    headers = (getattr(getattr(each, "response", None), "headers", None) for each in causes(exc))
    asked = next((found.get("retry-after", "") for found in headers if isinstance(found, Mapping)), "")
    return float(asked) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", asked) else 0.0


def causes(exc: BaseException | None) -> Iterator[BaseException]:
    """An exception and those behind it, the last one first."""
    while exc is not None:
        yield exc
        exc = exc.__cause__ or exc.__context__


def status_of(exc: BaseException) -> int:
    """The HTTP status in an exception or one behind it, or 0."""
    return next((found for each in causes(exc) if (found := _own_status(each))), 0)


def _own_status(exc: BaseException) -> int:
    response = getattr(exc, "response", None)
    for found in (
        getattr(exc, "status_code", 0),
        getattr(exc, "code", 0),
        getattr(response, "status_code", 0),
    ):
        if isinstance(found, int) and 400 <= found < 600:
            return found
    return 0
