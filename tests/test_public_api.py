"""The one front door: its names, and that it opens quickly."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import pfocr_chat
from pfocr_chat import errors

HEAVY = (
    "torch",
    "sentence_transformers",
    "transformers",
    "chromadb",
    "gradio",
    "slack_bolt",
    "langchain",
    "langchain_core",
    "langchain_openai",
    "xllamacpp",
    "numpy",
    "scipy",
    "rapidfuzz",
    "yaml",
)

NAMES = """Answer Assistant Check ChromaServerError Citation ConfigError Conversation CorpusError CorruptIndexError
    EmbedderError
    Entity EvaluationError Facet FacetRow FacetTable FeedbackError FigureRecord Filters Format Grounding Hit
    IndexBusyError IndexMismatchError Intent Kind Listing LlmError LlmUnavailableError Match NearMiss NoIndexError
    PfocrChatError PromptError Query QuestionError RecordError RerankerError SlackError Stage Status SyncError Text
    Tier Usage VectorstoreError Verdict open_assistant render""".split()


def test_the_public_names_are_these() -> None:
    """__all__ is exact, sorted, and every name in it is there and documented."""
    assert pfocr_chat.__all__ == NAMES
    for name in NAMES:
        assert inspect.getdoc(getattr(pfocr_chat, name)), name


def test_every_error_is_public() -> None:
    """Whatever this package raises on purpose can be caught by a name of the front door, under one root."""
    found = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert found == {name for name in NAMES if name.endswith("Error")}
    assert all(issubclass(getattr(pfocr_chat, name), pfocr_chat.PfocrChatError) for name in found)


def test_the_package_knows_its_version() -> None:
    """The version is that of the installed distribution."""
    assert pfocr_chat.__version__.count(".") == 2


@pytest.mark.parametrize(
    "code",
    [
        "import pfocr_chat",
        "from pfocr_chat import Answer, Conversation, Hit, LlmError, Status, Tier",
        "from pfocr_chat.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass",
        "from pfocr_chat.cli import main\ntry: main(['ask', '--help'])\nexcept SystemExit: pass",
        "from pfocr_chat.cli import main\ntry: main(['ask'])\nexcept SystemExit: pass",
    ],
)
def test_importing_and_help_are_cheap(code: str, tmp_path: Path) -> None:
    """The package, its help and its usage errors load no learning, database, web or language model library."""
    code += f"\nimport sys; print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
    )
    assert result.stdout.splitlines()[-1] == "loaded []"


def test_the_package_is_typed() -> None:
    """py.typed lies beside the code."""
    assert (Path(pfocr_chat.__file__).parent / "py.typed").is_file()
