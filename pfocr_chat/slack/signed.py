"""Requests over HTTP that claim to be Slack's: nothing in one is read before its signature is found good."""

from __future__ import annotations

from collections.abc import Mapping

from slack_bolt import BoltRequest
from slack_sdk.signature import SignatureVerifier
from starlette.datastructures import Headers

BODY_LIMIT = 1_000_000
"""Bytes of a request; Slack's own are far smaller."""
NOT_UNDERSTOOD = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
"""What Bolt raises of requests that are not as Slack's are, whose types it takes for granted."""


class NotSlackError(Exception):
    """The request is not answered; ``status`` is HTTP's number for why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def check_headers(headers: Headers) -> None:
    """Raise ``NotSlackError`` unless there is a signature, and a length of the body within ``BODY_LIMIT``."""
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12 and signature and signature.isascii()):
        raise NotSlackError(401, "not signed")
    declared = headers.get("content-length", "")
    if not (declared.isdecimal() and len(declared) <= 18) or int(declared) > BODY_LIMIT:
        raise NotSlackError(413, "too large")


def read_signed(secret: str, headers: Headers, body: bytes, query: Mapping[str, str]) -> BoltRequest:
    """A request whose headers were checked, for Bolt, which would read it first and look at its signature then.

    Raises:
        NotSlackError: the signature is none of Slack's or too old, or the body is nothing that Slack says.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as exc:
        raise NotSlackError(400, "not UTF-8") from exc
    if not SignatureVerifier(secret).is_valid(text, headers["x-slack-request-timestamp"], headers["x-slack-signature"]):
        raise NotSlackError(401, "not signed")
    try:
        return BoltRequest(body=text, query=dict(query), headers=dict(headers))
    except NOT_UNDERSTOOD as exc:
        raise NotSlackError(400, "not understood") from exc
