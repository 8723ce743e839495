"""Progress on a terminal, by tqdm."""

from __future__ import annotations

from typing import Any, Self

from tqdm import tqdm

_UNITS = {
    "reading": "records",
    "asking": "questions",
    "fetching": "objects",
    "downloading": "files",
    "writing": "files",
}


class ProgressBar:
    """One bar a step, with rate and time left; what ``build_index`` and the like tell of their progress."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._step = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            self.__exit__()
            unit = f" {_UNITS.get(step, 'passages')}"
            self._bar = tqdm(total=total, desc=step, unit=unit, dynamic_ncols=True)
            self._step = step
        self._bar.update(done - self._bar.n)
