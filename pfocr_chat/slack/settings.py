"""What the Slack bot is told: its secrets, who may use it, and its limits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pfocr_chat.errors import ConfigError

API_URL = "https://slack.com/api/"
DIRECT = "dm"
"""What stands for direct messages in the list of allowed channels."""
_HELP = "docs/slack.md says where Slack shows it."


@dataclass(frozen=True, slots=True)
class Secrets:
    """What Slack gives an app; never shown by ``repr``.

    ``app_token`` is needed in Socket Mode, ``signing_secret`` in HTTP mode.
    """

    bot_token: str = field(repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who may use the bot; an empty set allows all.

    ``teams`` are ids of workspaces (``T…``) or of organisations (``E…``), ``channels`` of channels (``C…``), where
    ``dm`` stands for direct messages.
    """

    teams: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def permits(self, teams: frozenset[str], channel: str, *, direct: bool) -> bool:
        """Whether every workspace that a message comes from, and its channel, may use the bot."""
        if self.teams and not (teams and teams <= self.teams):
            return False
        return not self.channels or (DIRECT if direct else channel) in self.channels


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the bot takes on; times are in seconds.

    ``per_user`` and ``per_channel`` count questions within ``window``; ``waiting`` those that are not yet
    answered. ``question`` is in characters. A conversation is forgotten ``memory`` after its last
    question, and what else is known of a thread, a message or an answer after ``kept``. A question older than
    ``stale`` is no longer answered. A call that failed is tried again after ``pause``, then after twice as long,
    and so on; what could not be done at all, after ``again``. What is too old is looked for every ``tidying``. A
    bot that has had no connection to Slack for ``lost`` gives up.
    """

    per_user: int = 8
    per_channel: int = 30
    window: float = 60.0
    waiting: int = 100
    threads: int = 2
    question: int = 2_000
    answer_time: float = 300.0
    memory: float = 7 * 86_400.0
    kept: float = 60 * 86_400.0
    stale: float = 3_600.0
    pause: float = 0.5
    again: float = 30.0
    tidying: float = 3_600.0
    lost: float = 300.0


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """Everything that is set for the bot from outside."""

    secrets: Secrets
    allowed: Allowed = Allowed()
    limits: Limits = Limits()
    api_url: str = API_URL


def load_settings(*, http: bool, environ: Mapping[str, str] | None = None) -> SlackSettings:
    """The settings in the environment, for HTTP mode or for Socket Mode.

    ``SLACK_BOT_TOKEN``, and ``SLACK_APP_TOKEN`` (Socket Mode) or ``SLACK_SIGNING_SECRET`` (HTTP);
    ``PFOCR_CHAT_SLACK_TEAMS`` and ``PFOCR_CHAT_SLACK_CHANNELS``, ids with commas between them;
    ``SLACK_API_URL``, for a Slack at another address such as GovSlack.

    Raises:
        ConfigError: one is missing, or is not what it should be; the message never shows its value.
    """
    environ = os.environ if environ is None else environ
    bot = _token(environ, "SLACK_BOT_TOKEN", "xoxb-", "the app's bot token")
    app = "" if http else _token(environ, "SLACK_APP_TOKEN", "xapp-", "the app-level token for Socket Mode")
    signing = environ.get("SLACK_SIGNING_SECRET", "").strip()
    if http and not signing:
        raise ConfigError(f"SLACK_SIGNING_SECRET is not set; HTTP mode needs it to know Slack's requests. {_HELP}")
    return SlackSettings(
        Secrets(bot, app, signing),
        Allowed(
            _ids(environ, "PFOCR_CHAT_SLACK_TEAMS", "TE"),
            _ids(environ, "PFOCR_CHAT_SLACK_CHANNELS", "CGD", DIRECT),
        ),
        api_url=_api_url(environ),
    )


def _token(environ: Mapping[str, str], name: str, prefix: str, what: str) -> str:
    token = environ.get(name, "").strip()
    if not token:
        raise ConfigError(f"{name} is not set; it is {what} and begins with {prefix}. {_HELP}")
    if not token.startswith(prefix) or not token.isascii() or len(token.split()) != 1:
        raise ConfigError(f"{name} is not {what}, which begins with {prefix}. {_HELP}")
    return token


def _ids(environ: Mapping[str, str], name: str, initials: str, *others: str) -> frozenset[str]:
    told = environ.get(name, "").strip()
    found = frozenset(part.strip() for part in told.split(",") if part.strip())
    if told and not found:
        # A list of nobody must not be taken for a list of all.
        raise ConfigError(f"{name} is set and has no id in it. Put ids with commas between them into it, or unset it.")
    for one in sorted(found):
        if one not in others and not (one.isalnum() and one.isascii() and one.isupper() and one[0] in initials):
            raise ConfigError(f"{name} has {one!r}, which is no id. Put ids such as {initials[0]}0123456789 into it.")
    return found


def _api_url(environ: Mapping[str, str]) -> str:
    url = environ.get("SLACK_API_URL", "").strip() or API_URL
    local = url.startswith(("http://127.0.0.1:", "http://localhost:"))
    if not url.startswith("https://") and not local:
        raise ConfigError("SLACK_API_URL must begin with https://, so that the tokens are not sent in the open.")
    return url if url.endswith("/") else f"{url}/"
