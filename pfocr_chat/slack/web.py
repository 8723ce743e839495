"""The door to Slack's Web API: one call at a time, tried again where that can help."""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from pfocr_chat.errors import SlackError

TRIES = 6
SECONDS = 10
"""How long one call may take."""
LONGEST_WAIT = 120.0
"""Seconds for which the bot leaves Slack alone when it asks for that."""
RESPONSE_HOSTS = ("https://hooks.slack.com/", "https://hooks.slack-gov.com/")
_PASSING = frozenset(
    "fatal_error internal_error ratelimited rate_limited message_limit_exceeded request_timeout"
    " service_unavailable team_added_to_org".split()
)
_BAD_TOKEN = frozenset(
    "account_inactive invalid_auth not_allowed_token_type not_authed token_expired token_revoked".split()
)
_READS = frozenset(("conversations.replies",))
"""Methods that take no JSON."""

quiet_logger = logging.getLogger("pfocr_chat.slack.sdk")
"""For Slack's own libraries: their lines below an error name what people asked, so they go no further."""
quiet_logger.setLevel(logging.CRITICAL)


class RefusedError(SlackError):
    """Slack refuses a call, and would again; ``code`` is its reason, such as ``channel_not_found``."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"Slack refused {method}: {code}.")
        self.code = code


class UnreachableError(SlackError):
    """Slack did not do what was asked in any of several tries; it may do so later."""


class UncertainError(SlackError):
    """Slack may have done what was asked, or not; nobody can look that up."""


class _Unsure(Exception):  # noqa: N818 - no error that leaves this module
    """A try that failed. ``seconds`` is how long Slack wants to be left alone, ``done`` whether it may have acted."""

    def __init__(self, seconds: float | None, *, done: bool) -> None:
        super().__init__()
        self.seconds = seconds
        self.done = done


class WebApi:
    """Calls of Slack's methods with the bot's token; threads may share it.

    ``stopping`` ends waits between tries at once. ``pause`` is the first wait in seconds; each is twice the one
    before, and as long as Slack asks for where it says so.
    """

    def __init__(self, token: str, url: str, *, stopping: threading.Event | None = None, pause: float = 0.5) -> None:
        self.client = WebClient(token, base_url=url, timeout=SECONDS, retry_handlers=[], logger=quiet_logger)
        self._url = url
        self._stopping = stopping or threading.Event()
        self._pause = pause

    def call(
        self,
        method: str,
        arguments: Mapping[str, Any],
        *,
        tries: int = TRIES,
        done: Callable[[], dict[str, Any] | None] | None = None,
    ) -> dict[str, Any]:
        """What Slack answers to a method such as ``chat.postMessage``.

        ``done`` looks, after a try that may have worked without our being told, whether it did, and gives
        what it should have answered.

        Raises:
            RefusedError: Slack says no.
            UnreachableError: it could not be done in ``tries`` tries, or the bot is stopping.
        """
        return self._insist(method, lambda: self._once(method, arguments), tries, done)

    def respond(self, url: str, message: Mapping[str, Any]) -> None:
        """Post to the ``response_url`` of a command or a button.

        Raises:
            RefusedError: the address is none of Slack's, or no longer good.
            UnreachableError: as in ``call``.
        """
        own = self._url.removesuffix("api/") if self._url.startswith("http://") else None
        if not url.startswith(RESPONSE_HOSTS) and not (own and url.startswith(own)):
            raise RefusedError("response_url", "not an address of Slack")
        self._insist("response_url", lambda: self._respond_once(url, message))

    def upload(self, name: str, text: str, *, channel: str, thread: str, comment: str) -> None:
        """Put a file into a thread, or into a channel where ``thread`` is empty.

        Its last step, which shows the file, is not tried again where it may have worked: it would show it twice.

        Raises:
            RefusedError: Slack says no.
            UncertainError: the file may be there.
            UnreachableError: as in ``call``.
        """
        content = text.encode()
        place = self._insist(
            "files.getUploadURLExternal",
            lambda: _told(
                "files.getUploadURLExternal",
                lambda: self.client.files_getUploadURLExternal(filename=name, length=len(content)),
            ),
        )
        self._insist("the upload", lambda: self._send(str(place.get("upload_url", "")), content))
        files: list[dict[str, str | None]] = [{"id": str(place.get("file_id", "")), "title": name}]
        self._insist(
            "files.completeUploadExternal",
            lambda: _told(
                "files.completeUploadExternal",
                lambda: self.client.files_completeUploadExternal(
                    files=files, channel_id=channel, thread_ts=thread or None, initial_comment=comment
                ),
            ),
            is_once=True,
        )

    def _send(self, url: str, content: bytes) -> dict[str, Any]:
        """Send the content of a file to the address that Slack gave for it."""
        local = self._url.startswith("http://") and url.startswith(self._url.removesuffix("api/"))
        if not url.startswith("https://") and not local:
            raise RefusedError("the upload", "not an address of Slack")
        try:
            with urlopen(Request(url, content, method="POST"), timeout=SECONDS):  # noqa: S310 - see above  # nosec B310
                return {}
        except HTTPError as exc:
            exc.close()
            _check_status("the upload", exc.code, dict(exc.headers))
            raise RefusedError("the upload", str(exc.code)) from exc
        except (OSError, HTTPException) as exc:
            raise _Unsure(None, done=True) from exc

    def _insist(
        self,
        method: str,
        once: Callable[[], dict[str, Any]],
        tries: int = TRIES,
        done: Callable[[], dict[str, Any] | None] | None = None,
        *,
        is_once: bool = False,
    ) -> dict[str, Any]:
        for attempt in range(tries):
            try:
                return once()
            except _Unsure as unsure:
                if is_once and unsure.done:
                    raise UncertainError(f"Slack did not say whether it did {method}.") from unsure
                wait = self._pause * 2**attempt if unsure.seconds is None else min(LONGEST_WAIT, unsure.seconds)
                if attempt + 1 < tries and self._stopping.wait(wait * (1 + random.random() / 4)):  # noqa: S311 - no secret  # nosec B311
                    break
                if unsure.done and done is not None and (found := done()) is not None:
                    return found
        raise UnreachableError(f"Slack did not do {method}; see its status page, or the network.")

    def _once(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if method in _READS:
            return _told(method, lambda: self.client.api_call(method, http_verb="GET", params=dict(arguments)))
        return _told(method, lambda: self.client.api_call(method, json=dict(arguments)))

    def _respond_once(self, url: str, message: Mapping[str, Any]) -> dict[str, Any]:
        client = WebhookClient(url, timeout=SECONDS, retry_handlers=[], logger=quiet_logger)
        try:
            answer = client.send_dict(dict(message))
        except (OSError, HTTPException) as exc:
            raise _Unsure(None, done=True) from exc
        _check_status("response_url", answer.status_code, answer.headers)
        if answer.status_code >= 400:
            raise RefusedError("response_url", str(answer.status_code))
        return {}


def _told(method: str, call: Callable[[], SlackResponse]) -> dict[str, Any]:
    """What a call answers; failures as refusals or as tries that failed."""
    try:
        data = call().data
    except SlackApiError as exc:
        _raise_for(method, exc.response)
    except (URLError, OSError, HTTPException, json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise _Unsure(None, done=True) from exc
    except SlackClientError as exc:  # an upload that was not taken
        raise _Unsure(None, done=False) from exc
    return data if isinstance(data, dict) else {}


def _raise_for(method: str, response: Any) -> None:
    """Raise what an answer of Slack's without ``ok`` means."""
    status = getattr(response, "status_code", 200)
    headers = getattr(response, "headers", {})
    _check_status(method, status, headers)
    code = str(response.get("error") or status) if hasattr(response, "get") else str(status)
    if code in _PASSING:
        raise _Unsure(_retry_after(headers), done=code not in ("ratelimited", "rate_limited"))
    raise RefusedError(method, code)


def _check_status(method: str, status: int, headers: Mapping[str, Any]) -> None:
    if status == 429:
        raise _Unsure(_retry_after(headers) or 1.0, done=False)
    if status >= 500:
        raise _Unsure(None, done=True)
    if status in (401, 403, 404):
        raise RefusedError(method, str(status))


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    """The seconds that Slack asks to be left alone."""
    value = next((v for name, v in headers.items() if name.lower() == "retry-after"), None)
    text = str(value[0] if isinstance(value, list) and value else value)
    return float(text) if text.isascii() and text.isdecimal() else None


def token_problem(name: str, error: RefusedError) -> SlackError:
    """What to tell about a token that Slack does not take."""
    if error.code in _BAD_TOKEN:
        return SlackError(f"Slack does not accept {name} ({error.code}). Copy it anew from the app's settings.")
    if error.code == "missing_scope":
        return SlackError(f"{name} lacks a permission. Install the app anew with docs/slack-manifest.yaml.")
    return SlackError(f"Slack did not accept {name}: {error.code}.")
