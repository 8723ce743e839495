"""Questions to vectors, ready two seconds after the start; the documents' ``Embedder`` gives the same ones."""

from __future__ import annotations

from pathlib import Path

import torch
from langchain_core.embeddings import Embeddings

from pfocr_chat.minibert import MiniBert, fast_format
from pfocr_chat.minilm import LONGEST, WEIGHTS, find_weights, read_tokenizer, verified


class QuestionEmbedder(Embeddings):
    """All-MiniLM-L6-v2 for one text at a time, on the CPU; may be shared by threads.

    Raises:
        EmbedderError: the model's files are missing or are not the publisher's.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or find_weights()
        device = torch.device("cpu")
        self._tokenizer = read_tokenizer(folder, longest=LONGEST)
        self._model = MiniBert(verified(folder, WEIGHTS), device, fast_format(device))

    def embed_query(self, text: str) -> list[float]:
        """The unit vector of a question, 384 numbers."""
        # One short text gains nothing from a second thread, and waits for it where the machine is busy.
        torch.set_num_threads(1)
        ids = torch.tensor([self._tokenizer.encode(text).ids])
        [mean] = self._model.means(ids)
        return [float(x) for x in (mean / mean.norm().clamp(min=1e-12)).tolist()]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """The same for each text, one after the other."""
        return [self.embed_query(text) for text in texts]
