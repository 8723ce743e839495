"""Inputs that nobody would send on purpose, some of each kind; ``python fuzz/run.py`` tries as many as one likes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzzing.chance import ByteRandom
from fuzzing.targets import TARGETS, Place, Target, prepared
from fuzzing.watch import Watch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

INPUTS = {
    "records": 80,
    "tables": 60,
    "patterns": 400,
    "questions": 60,
    "answers": 8,
    "http": 60,
    "wire": 8,
    "slack": 60,
}
"""Of the quick ones there are more."""
OTHERS = 50

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_any_input_is_read_or_refused(target: Target, tmp_path: Path, seed_vectorstore: Path) -> None:
    """It ends in a result or in an error of this package's own, soon, and touches nothing but its own folder."""
    (tmp_path / "inside").mkdir()
    place = Place(tmp_path / "inside", prepared(tmp_path / "outside"), lambda: seed_vectorstore)
    with target.open(place) as (make, read):
        watch = Watch(place.outside)

        @settings(
            max_examples=INPUTS.get(target.name, OTHERS),
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.randoms(use_true_random=False))
        def try_one(rng: random.Random) -> None:
            value = make(rng)
            problem = watch.run(watch.tally.inputs, value, read)
            assert problem is None, f"{problem}\n{value!r}"

        with watch.looking():
            try_one()
        assert watch.tally.inputs >= 5


def test_bytes_of_libfuzzer_are_chance() -> None:
    """The same bytes draw the same, others differ, and when they are used up there is still something to draw."""

    def drawn(data: bytes) -> list[int]:
        rng = ByteRandom(data)
        return [rng.randint(0, 10**6) for _ in range(50)]

    assert drawn(b"abcdefgh" * 9) == drawn(b"abcdefgh" * 9)
    assert drawn(b"abcdefgh" * 9) != drawn(b"abcdefgh" * 8 + b"xbcdefgh")
    assert len(set(drawn(b""))) > 40
