"""The soak test, in small: a real server under visitors that read, stop, leave, come back, read slowly and hang up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from planted import Planted

SOAK = Path(__file__).parent.parent / "benchmarks" / "soak.py"


def test_a_server_under_load_answers_everybody_rightly(planted: Planted, tmp_path: Path) -> None:
    """Twelve visitors for ten seconds: no error, nobody's answer is another's, and nothing is left running."""
    report = tmp_path / "report.json"
    command = [sys.executable, str(SOAK), "--vectorstore", str(planted.vectorstore), "--json", str(report)]
    options = ["--sessions", "12", "--minutes", str(10 / 60), "--think", "0.3"]
    done = subprocess.run([*command, *options], env=os.environ, capture_output=True, text=True, timeout=500)
    assert report.exists(), done.stderr
    found = json.loads(report.read_text())
    assert (found["errors"], found["first errors"]) == (0, [])
    assert found["seconds"]["page"]["n"] + found["seconds"]["api"]["n"] > 10
    assert found["counts"].get("wrong answers", 0) == 0
    assert done.returncode == 0


def test_a_wrong_answer_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check fails where another question is answered, other figures are cited, or there is no text."""
    monkeypatch.syspath_prepend(SOAK.parent)
    from dialogues import Expected
    from visitors import Tally

    tally, expected = Tally(), Expected("a", ("F1",), ("F1",), False)
    tally.check(1, expected, ("F1",), "a", "text")
    assert tally.errors == []
    for cited, question, text in ((("F1",), "b", "text"), (("F2",), "a", "text"), (("F1",), "a", " ")):
        tally.check(1, expected, cited, question, text)
    assert len(tally.errors) == tally.counts["wrong answers"] == 3
