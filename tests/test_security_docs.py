"""The threat model names tests that exist, and says of itself what the code does."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pfocr_chat import connections
from pfocr_chat.slack.settings import API_URL
from pfocr_chat.ui import auth, limits, page

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/\w+\.py)::(\w+)`", TEXT)))


def functions_in(path: Path) -> set[str]:
    """The names of the functions at the top of a module, which is not imported."""
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_named_exists(file: str, name: str) -> None:
    """What docs/security.md gives as evidence is a test of that name in that file."""
    assert name.startswith("test_")
    assert name in functions_in(ROOT / file)


def test_every_threat_has_a_test() -> None:
    """Each row of the table of threats names one at least, and the table has them all."""
    table = TEXT.partition("## Threats")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("|")][2:]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row] == []
    assert len(NAMED) > 30


def test_the_numbers_are_those_of_the_code() -> None:
    """Limits and times that the page states are the ones that hold."""
    assert f"{auth.WRONG_PER_MINUTE} different ones a minute" in TEXT
    assert f"{limits.AT_ONCE} answered at once" in TEXT
    assert f"{limits.OPEN_PER_CLIENT} under way for a client" in TEXT
    assert f"hung up on after {connections.SECONDS_FOR_HEADERS:.0f} s" in TEXT
    assert f"{page.WAITING_LIMIT} waiting in the page's queue" in TEXT
    assert limits.MAX_BODY == 1_000_000
    assert API_URL.startswith("https://")


@pytest.mark.parametrize("module", sorted((ROOT / "tests").glob("test_security_*.py")), ids=lambda path: path.stem)
def test_every_security_module_is_named(module: Path) -> None:
    """No module of these tests is left out of the table."""
    assert f"tests/{module.name}" in TEXT
