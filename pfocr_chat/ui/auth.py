"""Who may use the server: names and passwords, asked for by the browser itself (HTTP Basic).

Gradio's own log-in leaves some of its routes open; this stands before all of them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from pfocr_chat.errors import ConfigError
from pfocr_chat.ui.limits import MAX_CLIENTS, Buckets, client_of, refuse

WRONG_PER_MINUTE = 20
"""Different passwords that a client may try for a user in a minute, half of them at once."""
SECONDS_TO_WAIT = 6.0
"""For another try, before a request is refused; one comes every three seconds."""
HOW = "Give it as USER:PASSWORD, or as @FILE with one such line for each user"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Passwords by user; they are never shown."""

    passwords: Mapping[str, str] = field(repr=False)

    @classmethod
    def parse(cls, setting: str) -> Accounts:
        """From ``USER:PASSWORD``, or ``@FILE`` with one such line for each user, blank ones and comments (#) aside.

        Raises:
            ConfigError: there is no user or password in it, or the file cannot be read.
        """
        lines = _lines(Path(setting[1:]).expanduser()) if setting.startswith("@") else [setting]
        passwords: dict[str, str] = {}
        for line in lines:
            user, _, password = line.partition(":")
            if not user or not password:
                raise ConfigError(f"A user or a password is missing from what --auth names. {HOW}.")
            passwords[user] = password
        if not passwords:
            raise ConfigError(f"There is no user in {setting[1:]}. {HOW}.")
        return cls(passwords)

    def admit(self, user: str, password: str) -> bool:
        """Whether it is the user's password; takes as long for any user and password of a length."""
        expected = self.passwords.get(user, "")
        return hmac.compare_digest(expected.encode(), password.encode()) and bool(expected)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not a text"
        raise ConfigError(f"The users' file {path} cannot be read: {reason}.") from exc
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


class _Tries:
    """What each client has tried; kept as digests with a salt of this process, the latest ``MAX_CLIENTS``.

    A password that was right before is let in whatever else is tried, and a wrong one that comes again, such as one
    that a browser has kept, does not count again. The others wait for their turn, for each client and user.
    """

    def __init__(self) -> None:
        self._turns = Buckets(WRONG_PER_MINUTE)
        self._salt = secrets.token_bytes(16)
        self._seen: dict[bytes, bool] = {}

    async def admit(self, client: str, user: str, password: str, accounts: Accounts) -> bool | float:
        """Whether it is the user's password; the seconds to come back after where too many were tried."""
        tried = self._digest(client, user, password)
        turn = self._digest(client, user).hex()
        waited = 0.0
        while tried not in self._seen:
            wait = self._turns.take(turn)
            if not wait:
                self._seen[tried] = accounts.admit(user, password)
                if len(self._seen) > MAX_CLIENTS:
                    del self._seen[next(iter(self._seen))]
            elif waited + wait > SECONDS_TO_WAIT:
                return wait
            else:
                await asyncio.sleep(wait)
                waited += wait
        self._seen[tried] = was_right = self._seen.pop(tried)  # the latest come last
        return was_right and accounts.admit(user, password)

    def _digest(self, *what: str) -> bytes:
        return hashlib.blake2b(repr(what).encode("utf-8", "replace"), key=self._salt, digest_size=20).digest()


class BasicAuth:
    """Lets only requests through that carry a user's name and password, but for the paths that are ``open``."""

    def __init__(self, app: ASGIApp, *, accounts: Accounts, open_paths: frozenset[str]) -> None:
        self._app = app
        self._accounts = accounts
        self._open = open_paths
        self._tries = _Tries()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in self._open):
            await self._app(scope, receive, send)
            return
        given = _credentials(scope)
        admitted = await self._tries.admit(client_of(scope), *given, self._accounts) if given else False
        if admitted is True:
            await self._app(scope, receive, send)
        elif admitted is False:
            challenge = {"WWW-Authenticate": 'Basic realm="PFOCR Chat", charset="UTF-8"'}
            await PlainTextResponse("A user and a password are needed here.", 401, challenge)(scope, receive, send)
        else:
            refusal = refuse(429, "Too many wrong passwords. Try again in a few seconds.", admitted)
            await refusal(scope, receive, send)


def _credentials(scope: Scope) -> tuple[str, str] | None:
    kind, _, value = Headers(scope=scope).get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except ValueError:  # not base64, not ASCII, or not UTF-8
        return None
    user, _, password = text.partition(":")
    return user, password
