"""The door to cross-encoders: how well a text answers a question, by reading both at once.

Optional and slow (measured: 1.1 seconds for the texts of 20 figures with six layers of 384 on two
cores), so off unless the setting ``reranker`` names one. No code that comes with a model is run.
"""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import StrictDataclassError
from langchain_core.cross_encoders import BaseCrossEncoder
from safetensors import SafetensorError
from sentence_transformers import CrossEncoder
from transformers.utils import logging as transformers_logging

from pfocr_chat.disk import sha256_of
from pfocr_chat.errors import RerankerError

# What they have to say of a model that cannot be used is said in one sentence here.
logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]

BATCH = 8
"""Pairs computed at once; they are sorted by length, and larger batches spend their time on padding."""
_WAY_OUT = "Name the folder of a cross-encoder, or one at Hugging Face, such as cross-encoder/ms-marco-MiniLM-L6-v2."


class Reranker(BaseCrossEncoder):
    """A cross-encoder of sentence-transformers with one score a pair, on the CPU, or on a GPU where torch sees one.

    ``name`` is a folder, which is loaded without a network, or else a name at Hugging Face.

    Raises:
        RerankerError: it is missing, cannot be read or reached, or is not such a cross-encoder.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        folder = Path(name).expanduser()
        if name.startswith((".", "/", "~")) and not folder.is_dir():
            raise RerankerError(f"The reranker {name} is not a folder. {_WAY_OUT}")
        self._encoder = _load(name, folder if folder.is_dir() else None)
        if not folder.is_dir() and not _is_as_published(name):
            raise RerankerError(f"The weights of {name} are not what Hugging Face says they are. Get them again.")
        if not _is_fit(self._encoder) or not all(map(math.isfinite, self.score([("a question", "a text")] * 2))):
            raise RerankerError(f"{name} is not a cross-encoder that gives one score a text. {_WAY_OUT}")

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        """A score for each (question, text), higher where the text answers the question better.

        Raises:
            RerankerError: the model fails, for lack of memory, say.
        """
        # Many long texts, unlike one question: two threads take half the time of one.
        torch.set_num_threads(os.cpu_count() or 1)
        try:
            scores = self._encoder.predict(text_pairs, batch_size=BATCH, show_progress_bar=False)
        except (RuntimeError, ValueError, LookupError) as exc:
            raise RerankerError(f"The reranker {self.name} failed ({_reason(exc)}). Choose another, or none.") from exc
        return [float(score) for score in scores]


def _load(name: str, folder: Path | None) -> CrossEncoder:
    try:
        encoder: CrossEncoder = CrossEncoder(
            str(folder or name),
            device="cuda" if torch.cuda.is_available() else "cpu",
            local_files_only=folder is not None,
            # Half precision, in which some are published, is slow on a CPU.
            # Safetensors only: the older form of weights is a pickle, which could run code.
            model_kwargs={"dtype": torch.float32, "use_safetensors": True},
            trust_remote_code=False,
        )
    except (
        # Files that anyone may have written: what is wrong in one of them comes as any of these.
        OSError,
        ValueError,
        RuntimeError,
        ImportError,
        LookupError,
        AttributeError,
        SafetensorError,
        StrictDataclassError,
    ) as exc:
        raise RerankerError(f"The reranker {name} cannot be loaded ({_reason(exc)}). {_WAY_OUT}") from exc
    return encoder


def _is_as_published(name: str) -> bool:
    """Whether each downloaded file of weights has the SHA-256 that Hugging Face gave for it, by which it is called."""
    found = try_to_load_from_cache(name, "config.json")
    weights = [path.resolve() for path in Path(found).parent.rglob("*.safetensors")] if isinstance(found, str) else []
    return bool(weights) and all(path.name == sha256_of(path) for path in weights)


def _reason(exc: Exception) -> str:
    return (str(exc).splitlines() or [type(exc).__name__])[0][:200].rstrip(".: ")


def _is_fit(encoder: CrossEncoder) -> bool:
    """Whether it gives one score, and was trained to: any other model is given a last layer of random weights."""
    trained_for = ((encoder.config and encoder.config.architectures) or ("",))[0]
    has_own_scoring = len(encoder) > 1
    return encoder.num_labels == 1 and (has_own_scoring or trained_for.endswith("ForSequenceClassification"))
