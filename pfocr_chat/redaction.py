"""Text without secrets: for whatever is shown, logged or written down."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import TextIO

HIDDEN = "***"
SHORTEST = 6
"""Characters; shorter values of variables are words as they stand in any text."""

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|AUTH(?!OR)", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/?#\s'\"<>]*@")
_KEYS = re.compile(
    r"\b(?:sk-|gsk_|ghp_|gho_|github_pat_|glpat-|hf_|AIza|xox[a-z]-|xapp-)[\w.*-]{6,}"
    r"|(?<=\b[Bb]earer )[\w.~+/=*-]{6,}|(?<=\b[Bb]asic )[A-Za-z0-9+/=]{8,}"
)
"""How keys of common providers begin, and what follows the name of a scheme in an Authorization header."""


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that are named as secrets are, the longest first.

    Of a value with several words each counts by itself too, and of one with colons in it, such as "USER:PASSWORD", what
    stands behind the first and the last of them; all of them also as they stand in JSON.
    """
    found: set[str] = set()
    for name, value in environ.items():
        if _NAMES.search(name) and not _is_path(value):  # which says nothing that is secret
            text = value.strip()
            found |= {value, text, text.partition(":")[2], text.rpartition(":")[2], *value.split()}
    return _forms(found)


def _forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """Secrets as they stand, and as they stand in JSON, the longest first; those that are too short are left out."""
    forms = {form for text in secrets for form in (text, json.dumps(text)[1:-1])}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True))


def _is_path(value: str) -> bool:
    return value.startswith("@") or (value.startswith("/") and os.path.exists(value))  # noqa: PTH110 - of any text


def without_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` without these secrets, without what looks like a key, and without log-ins in addresses."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _KEYS.sub(HIDDEN, _USERINFO.sub("", text))


class RedactedStream:
    """A text stream to which nothing secret is written; all else is the stream's own."""

    def __init__(self, stream: TextIO, secrets: Iterable[str]) -> None:
        self._stream = stream
        self._secrets = tuple(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Let these be secrets, too."""
        self._secrets = tuple(sorted({*self._secrets, *_forms(secrets)}, key=len, reverse=True))

    def write(self, text: str) -> int:
        """Write without secrets; returns the length of what was given."""
        self._stream.write(without_secrets(text, self._secrets))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
