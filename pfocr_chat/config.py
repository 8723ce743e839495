"""Settings: one closed, frozen object, read from arguments and the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from pfocr_chat.errors import ConfigError

PREFIX = "PFOCR_CHAT_"
KNOWN = {
    "PFOCR_CHAT_VECTORSTORE",
    "PFOCR_CHAT_LLM",
    "PFOCR_CHAT_RERANKER",
    "PFOCR_CHAT_AUTH",
    "PFOCR_CHAT_IMAGES",
    "PFOCR_CHAT_CHROMA_URL",
    "PFOCR_CHAT_SLACK_CHANNELS",
    "PFOCR_CHAT_SLACK_TEAMS",
}
MAX_QUESTION = 4_000
"""Characters; a longer question is refused."""


@dataclass(frozen=True, slots=True)
class Config:
    """What can be set: the folder of the index, the language model that answers, and a cross-encoder that ranks.

    ``images`` is a folder with pictures of figures; ``chroma_url`` is the address of the Chroma server that has the
    vectors, where they are not in the folder of the index.
    """

    vectorstore: Path
    llm: str = "auto"
    reranker: str | None = None
    images: Path | None = None
    chroma_url: str | None = None


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
    the language model is ``auto``, and there is no reranker and no Chroma server.
    ``PFOCR_CHAT_IMAGES`` is a folder of pictures.

    Raises:
        ConfigError: a ``PFOCR_CHAT_`` variable is none of those in ``KNOWN``.
    """
    environ = os.environ if environ is None else environ
    unknown = sorted(k for k in environ if k.startswith(PREFIX) and k not in KNOWN)
    if unknown:
        raise ConfigError(f"{unknown[0]} is not a setting. There are: {', '.join(sorted(KNOWN))}.")
    images = environ.get("PFOCR_CHAT_IMAGES")
    folder = vectorstore or environ.get("PFOCR_CHAT_VECTORSTORE") or _default_vectorstore()
    return Config(
        vectorstore=Path(folder).expanduser(),
        llm=llm or environ.get("PFOCR_CHAT_LLM") or "auto",
        reranker=reranker or environ.get("PFOCR_CHAT_RERANKER") or None,
        images=Path(images).expanduser() if images else None,
        chroma_url=chroma_url or environ.get("PFOCR_CHAT_CHROMA_URL") or None,
    )


def _default_vectorstore() -> Path:
    here = Path("vectorstore")
    return here if here.is_dir() else Path(platformdirs.user_data_dir("pfocr-chat")) / "vectorstore"
