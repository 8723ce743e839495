"""What all figures have of one thing (their genes, their years), in arrays that are read at once and counted fast."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

_STORED = np.dtype("<i4")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The values of every figure, as the rows of a sparse matrix.

    Figure number ``i`` has ``values[j]`` for each ``j``, once, in ``members[starts[i] : starts[i + 1]]``.
    """

    values: tuple[str, ...] = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    members: NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, object]], numbers: Mapping[int, int]) -> Column:
        """The column of (figure, value) pairs; ``numbers`` gives each figure its number, from 0 on."""
        places: dict[object, int] = {}
        numbered = ((numbers[figure], places.setdefault(value, len(places))) for figure, value in pairs)
        rows = np.fromiter(chain.from_iterable(numbered), dtype=np.int64).reshape(-1, 2)
        width = max(len(places), 1)
        cells = np.unique(rows[:, 0] * width + rows[:, 1])
        starts = np.searchsorted(cells // width, np.arange(len(numbers) + 1)).astype(np.int64)
        return cls(tuple(map(str, places)), starts, (cells % width).astype(np.int32))

    @classmethod
    def loaded(cls, values: str, starts: bytes, members: bytes, *, figures: int | None = None) -> Column:
        """The column that ``dumped`` wrote, of as many figures as are given.

        Raises:
            ValueError: it is damaged.
        """
        column = cls(
            tuple(json.loads(values)),
            np.frombuffer(starts, dtype=_STORED).astype(np.int64),
            np.frombuffer(members, dtype=_STORED).astype(np.int32),
        )
        ends, among = column.starts, column.members
        if (
            len(ends) == 0
            or (figures is not None and len(ends) != figures + 1)
            or (ends[0], ends[-1]) != (0, len(among))
            or bool((np.diff(ends) < 0).any())
            or (len(among) and (int(among.min()) < 0 or int(among.max()) >= len(column.values)))
        ):
            raise ValueError("a column does not fit its figures and values")
        return column

    def dumped(self) -> tuple[str, bytes, bytes]:
        """The values as JSON, and the two arrays."""
        values = json.dumps(self.values, ensure_ascii=False)
        return values, self.starts.astype(_STORED).tobytes(), self.members.astype(_STORED).tobytes()

    def having(self, wanted: Callable[[str], bool]) -> NDArray[np.bool_]:
        """For each figure, whether it has a value that is wanted."""
        is_wanted = np.fromiter(map(wanted, self.values), dtype=np.bool_, count=len(self.values))
        before = np.concatenate([[0], np.cumsum(is_wanted[self.members])])
        return np.asarray(before[self.starts[1:]] > before[self.starts[:-1]], dtype=np.bool_)

    def grouped(self, numbers: Sequence[int], names: Sequence[str]) -> dict[str | None, tuple[str, ...]]:
        """For each value that some of the figures ``numbers`` have: the ``names`` of these, in their order.

        Under ``None`` stand those that have no value.
        """
        rows = np.fromiter(numbers, dtype=np.int64, count=len(numbers))
        first, sizes = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        places = np.repeat(np.arange(len(rows)), sizes)
        # Each figure's members lie in a row: the place in all that are taken, moved to where the figure's begin.
        taken = self.members[np.arange(len(places)) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)]
        order = np.argsort(taken, kind="stable")
        taken, places = taken[order], places[order]
        called = np.empty(len(names), dtype=object)
        called[:] = names
        listed: list[str] = called[places].tolist()
        begins = np.flatnonzero(np.diff(taken, prepend=-1))
        cuts = [*begins.tolist(), len(taken)]
        found: dict[str | None, tuple[str, ...]] = {
            self.values[value]: tuple(listed[begin:end])
            for value, (begin, end) in zip(taken[begins].tolist(), pairwise(cuts), strict=True)
        }
        if without := called[sizes == 0].tolist():
            found[None] = tuple(without)
        return found
