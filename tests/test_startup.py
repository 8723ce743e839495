"""The garbage collector rests while modules and models are loaded, and no longer."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


class Watched(dict[str, str]):
    """Settings of the environment; notes whether the collector worked when they were read."""

    def __init__(self) -> None:
        super().__init__()
        self.worked: set[bool] = set()

    def get(self, *arguments: Any) -> Any:
        self.worked.add(gc.isenabled())
        return super().get(*arguments)


def test_it_works_when_an_assistant_is_open(seed_vectorstore: Path, tmp_path: Path) -> None:
    """Or could not be opened, but not meanwhile."""
    environ = Watched()
    with open_assistant(seed_vectorstore, llm="none", environ=environ):
        assert gc.isenabled()
    assert environ.worked == {False}
    with pytest.raises(NoIndexError):
        open_assistant(tmp_path, llm="none")
    assert gc.isenabled()


IMPORTED = """
import gc, sys
class Watching:
    def find_spec(self, name, *_):
        if name == "torch":
            print("torch", gc.isenabled())
sys.meta_path.insert(0, Watching())
import pfocr_chat
pfocr_chat.open_assistant
print("then", gc.isenabled())
"""


def test_it_rests_while_modules_are_loaded() -> None:
    """Those that an assistant needs come with the first look at it."""
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["torch", "False", "then", "True"]
