"""How long something takes by itself, on a machine that does other things too."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds for what has to come, on a busy machine."""


def wait_for(condition: Callable[[], object], what: str, pause: Callable[[float], object] = time.sleep) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"waited in vain for {what}"
        pause(0.01)


def least_seconds(act: Callable[[], object], tries: int = 3) -> float:
    """Seconds of this process's own processor time, the least of several tries: others may take the processor away
    meanwhile, and the memory of the whole test run be tidied up in one of them."""
    taken = []
    for _ in range(tries):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return min(taken)
