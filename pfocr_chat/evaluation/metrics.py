"""Measures of rankings and lists, in plain numbers.

A ranking is a sequence of figids, best first; a figid that comes again counts once, where it
first stands. Every measure of quality lies between 0 and 1. ``None`` means that there is nothing
to measure, which is not the same as 0.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence


def unique(ranking: Iterable[str]) -> tuple[str, ...]:
    """The ranking with every figid where it first stands."""
    return tuple(dict.fromkeys(ranking))


def rank_of(ranking: Iterable[str], target: str) -> int | None:
    """The place of ``target``, counted from 1; ``None`` where it is not in the ranking."""
    for rank, figid in enumerate(unique(ranking), start=1):
        if figid == target:
            return rank
    return None


def hit_at(rank: int | None, k: int) -> float:
    """hit@k: 1 where ``rank`` is among the first ``k``, else 0."""
    return 1.0 if rank is not None and rank <= k else 0.0


def reciprocal_rank(rank: int | None) -> float:
    """1/rank, 0 where there is no rank; its mean is the MRR."""
    return 0.0 if rank is None else 1.0 / rank


def ratio(part: float, whole: float) -> float | None:
    """``part`` of ``whole``; ``None`` where the whole is 0."""
    return part / whole if whole else None


def precision(given: Iterable[str], gold: Collection[str]) -> float | None:
    """The share of the given figids that are gold; ``None`` where none is given."""
    found = set(given)
    return ratio(len(found & set(gold)), len(found))


def recall(given: Iterable[str], gold: Collection[str]) -> float | None:
    """The share of the gold figids that are given; ``None`` where there is no gold."""
    wanted = set(gold)
    return ratio(len(set(given) & wanted), len(wanted))


def recall_at(ranking: Iterable[str], gold: Collection[str], k: int) -> float | None:
    """recall@k: the share of all gold figids among the first ``k``."""
    return recall(unique(ranking)[:k], gold)


def f1(given: Iterable[str], gold: Collection[str]) -> float | None:
    """The harmonic mean of precision and recall; ``None`` where both lists are empty."""
    found, wanted = set(given), set(gold)
    return ratio(2 * len(found & wanted), len(found) + len(wanted))


def _dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def ndcg_at(
    ranking: Iterable[str], gains: Mapping[str, float], k: int, judged: Collection[str] | None = None
) -> float | None:
    """nDCG@k with the gains as they are and the discount log2(rank + 1).

    Figids outside ``judged``, where that is given, are taken out of the ranking before it is cut
    at ``k``. The ideal ranking is that of ``gains``; ``None`` where no gain is above 0.
    """
    seen = unique(ranking)
    if judged is not None:
        seen = tuple(figid for figid in seen if figid in judged)
    ideal = sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:k]
    value = ratio(_dcg([gains.get(figid, 0.0) for figid in seen[:k]]), _dcg(ideal))
    # Sums of the same terms may differ in their last bit.
    return None if value is None else min(value, 1.0)


def percentile(values: Collection[float], share: float) -> float | None:
    """The value below which ``share`` (0 to 1) of ``values`` lie, interpolated; ``None`` of none."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def weighted_mean(values: Iterable[tuple[float, int]]) -> tuple[float | None, int]:
    """The mean of (value, weight) pairs and the sum of the weights; ``None`` where that is 0."""
    pairs = tuple(values)
    weight = sum(n for _, n in pairs)
    return ratio(sum(value * n for value, n in pairs), weight), weight
