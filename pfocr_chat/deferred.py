"""An embedder of passages that is loaded when the first text has to be embedded, which may be never."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pfocr_chat.minilm import DIMENSION, NAME, WINDOW, count_tokens, fingerprint


class Encoder(Protocol):
    """What is loaded."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]: ...


class DeferredEmbedder:
    """All-MiniLM-L6-v2 for indexing, of which ``load`` gives the part that computes.

    Loading it takes ten seconds; an index that is up to date needs it not at all, and a catalog can be made without it.
    """

    name = NAME
    dimension = DIMENSION
    window = WINDOW
    count_tokens = staticmethod(count_tokens)

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self._load = load
        self._encoder: Encoder | None = None

    @property
    def fingerprint(self) -> str:
        """What vectors of this embedder can be compared with."""
        return fingerprint()

    def encode(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, float32, shape (len(texts), 384).

        Raises:
            EmbedderError: the model is missing or is not the publisher's.
        """
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder.encode(texts)
