"""The garbage collector rests while modules and models are loaded, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfocr_chat import NoIndexError, open_assistant
from pfocr_chat.startup import loading


@pytest.fixture(autouse=True)
def _collecting() -> Iterator[None]:
    yield
    gc.enable()


def test_the_collector_rests_meanwhile() -> None:
    """And works again afterwards, within another loading only when that is over, and if something fails as well."""
    with loading():
        assert not gc.isenabled()
        with loading():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), loading():
        _ = 1 / 0
    assert gc.isenabled()


def test_who_works_without_it_goes_on_without() -> None:
    """A collector that was disabled before stays so."""
    gc.disable()
    with loading():
        pass
    assert not gc.isenabled()


def test_it_works_when_an_assistant_is_open(seed_vectorstore: Path, tmp_path: Path) -> None:
    """Or could not be opened."""
    with open_assistant(seed_vectorstore, llm="none"):
        assert gc.isenabled()
    with pytest.raises(NoIndexError):
        open_assistant(tmp_path, llm="none")
    assert gc.isenabled()
