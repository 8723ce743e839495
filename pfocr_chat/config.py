"""Settings: one closed, frozen object, read from arguments and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from pfocr_chat.errors import ConfigError

PREFIX = "PFOCR_CHAT_"
KNOWN = {
    "PFOCR_CHAT_VECTORSTORE",
    "PFOCR_CHAT_LLM",
    "PFOCR_CHAT_LLM_TIMEOUT",
    "PFOCR_CHAT_RERANKER",
    "PFOCR_CHAT_AUTH",
    "PFOCR_CHAT_IMAGES",
    "PFOCR_CHAT_CHROMA_URL",
    "PFOCR_CHAT_SLACK_CHANNELS",
    "PFOCR_CHAT_SLACK_TEAMS",
}
MAX_QUESTION = 4_000
"""Characters; a longer question is refused."""
MAX_LLM_TIMEOUT = 3_600.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Config:
    """What can be set: the folder of the index, the language model that answers, and a cross-encoder that ranks.

    ``images`` is a folder with pictures of figures; ``chroma_url`` is the address of the Chroma server that has the
    vectors, where they are not in the folder of the index; ``llm_timeout`` is how many seconds a provider is waited
    for.
    """

    vectorstore: Path
    llm: str = "auto"
    reranker: str | None = None
    images: Path | None = None
    chroma_url: str | None = None
    llm_timeout: float | None = None


def load_config(
    vectorstore: str | Path | None = None,
    llm: str | None = None,
    reranker: str | None = None,
    chroma_url: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Settings from arguments, then ``PFOCR_CHAT_VECTORSTORE``, ``PFOCR_CHAT_LLM`` and so on.

    Without a setting the index is looked for in ``./vectorstore``, then in the user's data folder,
    the language model is ``auto``, and there is no reranker and no Chroma server. ``PFOCR_CHAT_IMAGES`` is a folder of
    pictures, ``PFOCR_CHAT_LLM_TIMEOUT`` the seconds that a provider is waited for.

    Raises:
        ConfigError: a ``PFOCR_CHAT_`` variable is none of those in ``KNOWN``, or is out of range.
    """
    environ = os.environ if environ is None else environ
    unknown = sorted(k for k in environ if k.startswith(PREFIX) and k not in KNOWN)
    if unknown:
        raise ConfigError(f"{unknown[0]} is not a setting. There are: {', '.join(sorted(KNOWN))}.")
    images = environ.get("PFOCR_CHAT_IMAGES")
    address = chroma_url or environ.get("PFOCR_CHAT_CHROMA_URL")
    folder = vectorstore or environ.get("PFOCR_CHAT_VECTORSTORE") or _default_vectorstore()
    return Config(
        vectorstore=Path(folder).expanduser(),
        llm=llm or environ.get("PFOCR_CHAT_LLM") or "auto",
        reranker=reranker or environ.get("PFOCR_CHAT_RERANKER") or None,
        images=Path(images).expanduser() if images else None,
        chroma_url=checked_url(address) if address else None,
        llm_timeout=_seconds("PFOCR_CHAT_LLM_TIMEOUT", environ),
    )


def _seconds(name: str, environ: Mapping[str, str]) -> float | None:
    """The seconds in a variable, ``None`` where it is not set."""
    text = environ.get(name, "").strip()
    if text and not (re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text, re.ASCII) and 0 < float(text) <= MAX_LLM_TIMEOUT):
        raise ConfigError(f"{name} is {text[:20]!r}, not a number of seconds up to {MAX_LLM_TIMEOUT:,.0f}.")
    return float(text) if text else None


def checked_url(url: str) -> str:
    """The address of a Chroma server, such as ``http://localhost:8000``.

    Raises:
        ConfigError: it is none, or has a password in it, which would get into logs.
    """
    try:
        parts = urlsplit(url.strip())
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment or re.search(r"\s", url.strip()):
        raise ConfigError("The address of a Chroma server looks like http://localhost:8000.")
    if "@" in parts.netloc:
        raise ConfigError(
            "A key for a Chroma server is given as CHROMA_API_KEY in the environment, not in its address."
        )
    return parts.geturl().rstrip("/")


def _default_vectorstore() -> Path:
    here = Path("vectorstore")
    return here if here.is_dir() else Path(platformdirs.user_data_dir("pfocr-chat")) / "vectorstore"
