"""Overlap of figures with a set of genes, and how likely chance makes it as large."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy  # type: ignore[import-untyped] # ships no type information; loads its parts when they are first used
from numpy.typing import NDArray

from pfocr_chat.catalog import GeneSets

MIN_OVERLAP = 2
"""Genes that a figure has to share with a list of three genes or more."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """A figure with genes of a list: those genes, in the order of the list, out of all ``figure_genes`` it shows.

    ``p_value`` is the probability that as many genes or more, drawn at random from the background,
    are among the figure's; ``q_value`` is corrected for the number of figures tested.
    """

    figid: str
    genes: tuple[str, ...]
    figure_genes: int
    p_value: float
    q_value: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"genes": list(self.genes)}


@dataclass(frozen=True, slots=True)
class GeneListResult:
    """The figures that share most with a list of genes, best first.

    ``rows`` are the best of the ``figures_found`` figures that share ``min_overlap`` genes or more.
    ``background`` counts the genes of the index, ``listed`` those of them that are in the list, and
    ``figures_tested`` the figures with at least one of these.
    """

    rows: tuple[Overlap, ...]
    background: int
    listed: int
    figures_tested: int
    figures_found: int
    min_overlap: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rows": [row.to_dict() for row in self.rows],
            "background": self.background,
            "listed": self.listed,
            "figures_tested": self.figures_tested,
            "figures_found": self.figures_found,
            "min_overlap": self.min_overlap,
        }


def rank_figures(
    sets: GeneSets,
    symbols: Sequence[str],
    *,
    limit: int = 50,
    min_overlap: int | None = None,
    within: Collection[str] | None = None,
) -> GeneListResult:
    """Figures by the overlap of their genes with ``symbols``; those that ``sets`` does not have count for nothing.

    The p-value is the upper tail P(X >= overlap) of the hypergeometric distribution with all genes
    of ``sets`` as the population, the figure's genes as the successes in it, and the listed genes as
    the draws: the one-sided Fisher's exact test. The q-value is Benjamini and Hochberg's, over all
    figures with at least one listed gene, whatever ``min_overlap`` leaves out afterwards. Best first
    is by p-value, then by the size of the overlap, then by figid. ``min_overlap`` is by default
    ``MIN_OVERLAP``, and 1 for a list of fewer than three genes. Only figures ``within`` are tested, if it is
    given; the background stays that of the index.
    """
    listed = _places(sets, symbols)
    least = min_overlap if min_overlap is not None else MIN_OVERLAP if len(listed) > MIN_OVERLAP else 1
    is_listed = np.zeros(len(sets.genes), dtype=np.int64)
    is_listed[listed] = 1
    before = np.concatenate([[0], np.cumsum(is_listed[sets.members])])
    overlaps = before[sets.starts[1:]] - before[sets.starts[:-1]]
    if within is not None:
        overlaps = np.where([figid in within for figid in sets.figids], overlaps, 0)
    tested = np.flatnonzero(overlaps)
    overlaps, sizes = overlaps[tested], np.diff(sets.starts)[tested]
    p_values = _upper_tails(overlaps, sizes, population=len(sets.genes), draws=len(listed))
    q_values = scipy.stats.false_discovery_control(p_values) if len(tested) else p_values
    order = np.lexsort((tested, -overlaps, p_values))
    found = order[overlaps[order] >= least]
    rows = tuple(
        Overlap(
            sets.figids[tested[at]],
            _shared(sets, int(tested[at]), listed),
            int(sizes[at]),
            float(p_values[at]),
            float(q_values[at]),
        )
        for at in found[:limit]
    )
    return GeneListResult(rows, len(sets.genes), len(listed), len(tested), len(found), least)


def _upper_tails(
    overlaps: NDArray[np.int64], sizes: NDArray[np.int64], *, population: int, draws: int
) -> NDArray[np.float64]:
    """The p-values of the figures; many share their numbers, for which the function is asked once."""
    width = population + 1
    alike, which = np.unique(overlaps * width + sizes, return_inverse=True)
    tails = scipy.stats.hypergeom.sf(alike // width - 1, population, alike % width, draws)
    return np.asarray(np.clip(tails, 0.0, 1.0)[which], dtype=np.float64)


def _places(sets: GeneSets, symbols: Iterable[str]) -> list[int]:
    """Where the symbols are among the genes, each once; those that are not there are left out."""
    numbers = {gene: at for at, gene in enumerate(sets.genes)}
    return [numbers[symbol] for symbol in dict.fromkeys(symbols) if symbol in numbers]


def _shared(sets: GeneSets, figure: int, listed: Sequence[int]) -> tuple[str, ...]:
    """The symbols of the listed genes that a figure shows."""
    shown = set(sets.members[sets.starts[figure] : sets.starts[figure + 1]].tolist())
    return tuple(sets.genes[gene] for gene in listed if gene in shown)
