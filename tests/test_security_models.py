"""Models and the index: only the publisher's files are loaded, and no file is ever run."""

from __future__ import annotations

import pickle
import re
import shutil
import time
from pathlib import Path

import chromadb
import pytest
from chromadb.config import Settings

from pfocr_chat import errors, minilm
from pfocr_chat.embedder import Embedder
from pfocr_chat.llm import BUNDLED_SHA256, check_sha256, open_llm
from pfocr_chat.minilm import SHA256, TOKENIZER, WEIGHTS, find_weights, read_tokenizer, verified

PACKAGE = Path(minilm.__file__).parent
RUN = re.compile(
    r"\b(?:pickle|cPickle|dill|joblib|shelve|marshal)\.loads?\(|torch\.load\(|allow_pickle|\beval\(|\bexec\("
)


class Trap:
    """What, pickled, makes a file when it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.mark,)  # type: ignore[return-value]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedding model that may be changed, its weights a link."""
    folder = tmp_path / "model"
    shutil.copytree(find_weights(), folder, ignore=shutil.ignore_patterns(WEIGHTS))
    (folder / WEIGHTS).symlink_to(find_weights() / WEIGHTS)
    return folder


def test_every_file_of_the_model_is_checked() -> None:
    """Of all that is read of the embedding model the SHA-256 is known: what is left over is a readme and its like."""
    files = {str(path.relative_to(find_weights())) for path in find_weights().rglob("*") if path.is_file()}
    assert files - set(SHA256) == {"README.md", ".gitattributes", "data_config.json"}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in (*SHA256.values(), BUNDLED_SHA256))


@pytest.mark.parametrize("name", [name for name in SHA256 if name != WEIGHTS])
def test_a_changed_file_of_the_model_is_refused(name: str, model: Path) -> None:
    """A file of the embedding model with one more byte is not used, be it weights, words, or what names the classes."""
    with (model / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(errors.EmbedderError, match="is not the published file"):
        Embedder(model)


def test_changed_weights_are_refused(model: Path) -> None:
    """Weights that are not the publisher's are not loaded."""
    (model / WEIGHTS).unlink()
    (model / WEIGHTS).write_bytes(b"\x00" * 100)
    with pytest.raises(errors.EmbedderError, match="is not the published file"):
        Embedder(model)
    with pytest.raises(errors.EmbedderError, match="is not the published file"):
        verified(model, WEIGHTS)


def test_pickled_weights_are_not_looked_at(model: Path, tmp_path: Path) -> None:
    """Weights in the older form, a pickle, beside the checked ones or in their place, run nothing."""
    mark = tmp_path / "run"
    for name in ("pytorch_model.bin", "model.pt", "1_Pooling/pytorch_model.bin"):
        (model / name).write_bytes(pickle.dumps(Trap(mark)))
    Embedder(model).encode(["one"])
    (model / WEIGHTS).unlink()
    with pytest.raises(errors.EmbedderError, match="has no weights"):
        Embedder(model)
    assert not mark.exists()


def test_the_trap_works(tmp_path: Path) -> None:
    """The pickle of these tests does make its file where it is loaded."""
    mark = tmp_path / "run"
    pickle.loads(pickle.dumps(Trap(mark)))  # noqa: S301 - made in this line
    assert mark.exists()


def test_checking_takes_no_time_to_speak_of() -> None:
    """Weights and tokenizer are hashed in 0.1 s of a processor's time where this was written, and nowhere in many."""
    started = time.process_time()
    verified(find_weights(), WEIGHTS)
    read_tokenizer(find_weights())
    assert time.process_time() - started < 3
    assert TOKENIZER in SHA256


@pytest.mark.parametrize("setting", ["gguf:{file}"])
def test_a_pickle_is_no_language_model(setting: str, tmp_path: Path) -> None:
    """A file named as a language model that is a pickle is refused by its first bytes, and not run."""
    mark, file = tmp_path / "run", tmp_path / "model.gguf"
    file.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(errors.LlmUnavailableError, match="is not a GGUF file"):
        open_llm(setting.format(file=file))
    with pytest.raises(errors.LlmUnavailableError, match="is not the file it should be"):
        check_sha256(file, BUNDLED_SHA256)
    assert not mark.exists()


def test_chroma_runs_no_pickle(tmp_path: Path) -> None:
    """Chroma keeps its graph's ids in ``index_metadata.pickle``; in this version what reads it runs nothing of it."""
    mark, folder = tmp_path / "run", tmp_path / "chroma"
    settings = Settings(anonymized_telemetry=False)
    client = chromadb.PersistentClient(str(folder), settings=settings)
    graph = {"hnsw": {"space": "cosine", "sync_threshold": 4, "batch_size": 2}}
    made = client.create_collection("passages", embedding_function=None, configuration=graph)  # type: ignore[arg-type]
    vectors = [[float(n == m) for m in range(8)] for n in range(8)]
    made.add(ids=[str(n) for n in range(8)], embeddings=vectors)  # type: ignore[arg-type]
    client.close()
    (written,) = folder.rglob("index_metadata.pickle")
    assert b"\x80" in written.read_bytes()[:2]
    written.write_bytes(pickle.dumps(Trap(mark)))
    client = chromadb.PersistentClient(str(folder), settings=settings)
    try:
        client.get_collection("passages", embedding_function=None).query(query_embeddings=[vectors[0]], n_results=2)
    except chromadb.errors.ChromaError:
        pass  # a damaged index is told of
    finally:
        client.close()
    assert not mark.exists()


def test_the_code_loads_no_file_that_could_run() -> None:
    """Nothing in the package unpickles or evaluates a file; processes of its own alone talk in pickles."""
    found = {
        (path.relative_to(PACKAGE).as_posix(), match[0])
        for path in PACKAGE.rglob("*.py")
        for match in RUN.finditer(path.read_text("utf-8"))
    }
    assert found == {("readers.py", "pickle.load(")}
    readers = (PACKAGE / "readers.py").read_text("utf-8")
    assert set(re.findall(r"pickle\.load\(([^)]*)\)", readers)) == {"self._process.stdout", "requests"}
