"""The pipeline that a tutorial ends with: HuggingFaceEmbeddings and Chroma by LangChain, with their defaults.

Needs ``pip install --no-deps langchain-chroma langchain-huggingface``: the latter asks for an older huggingface-hub
than the one that this project pins, and works with it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from langchain_chroma import Chroma
from langchain_huggingface import HuggingFaceEmbeddings

from pfocr_chat.minilm import find_weights

AT_ONCE = 5_000
"""Texts that Chroma takes at a time; LangChain does not divide them."""


def open_embeddings() -> HuggingFaceEmbeddings:
    """The same model, as LangChain loads it by default."""
    return HuggingFaceEmbeddings(model_name=str(find_weights()))


def build(texts: Sequence[str], folder: Path, embeddings: HuggingFaceEmbeddings) -> tuple[Chroma, float]:
    """A store of the texts, and the seconds that it took."""
    begun = time.perf_counter()
    store = Chroma("plain", embeddings, str(folder))
    for start in range(0, len(texts), AT_ONCE):
        store.add_texts(list(texts[start : start + AT_ONCE]))
    return store, time.perf_counter() - begun
