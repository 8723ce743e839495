"""Finding figures: dense and lexical lists fused by reciprocal rank, one hit per figure.

Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from pfocr_chat.catalog import Catalog
from pfocr_chat.citations import best_quote
from pfocr_chat.lexicon import atoms, contains
from pfocr_chat.queries import Entity, Hit, Intent, Match, Query
from pfocr_chat.records import FigureRecord, Tier
from pfocr_chat.vectorindex import VectorIndex

RRF_K = 20
"""Smaller than the paper's 60, for lists of which the first places matter most; measured in docs/log.md."""
DEPTH = 200
"""Figures taken from each list before fusion."""


class QueryEmbedder(Protocol):
    """What retrieval needs of an embedder."""

    def embed_query(self, text: str) -> list[float]: ...


class Retriever:
    """Searches one generation of an index."""

    def __init__(self, catalog: Catalog, vectors: VectorIndex, embedder: QueryEmbedder) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._embedder = embedder

    def retrieve(self, query: Query, k: int, *, complete: Sequence[str] = ()) -> list[Hit]:
        """At most ``k`` figures, best first; figures outside the query's years are left out.

        Figures in ``complete``, the exact answer to a question for several entities, come first.
        """
        dense = self._dense(query)
        lexical = self._lexical(query)
        scores: dict[str, float] = defaultdict(float)
        for ranking in (list(dense), lexical):
            for rank, figid in enumerate(ranking):
                scores[figid] += 1.0 / (RRF_K + rank + 1)
        if query.year_from or query.year_to:
            inside = self._catalog.figids_in_years(query.year_from, query.year_to)
            scores = {figid: score for figid, score in scores.items() if figid in inside}
        # Every figure that shows all entities goes before every one that does not: no fused score exceeds 2 / RRF_K.
        for figid in complete if len(query.entities) > 1 else ():
            scores[figid] = scores.get(figid, 0.0) + 2.0 / RRF_K
        best = sorted(scores, key=lambda figid: (-scores[figid], figid))[:k]
        return self.to_hits(query, best, scores=scores, similarities=dense)

    def to_hits(
        self,
        query: Query,
        figids: Sequence[str],
        *,
        scores: dict[str, float] | None = None,
        similarities: dict[str, float] | None = None,
    ) -> list[Hit]:
        """Hits for figures already chosen, in their order; without ``scores`` they count down from 1."""
        records = self._catalog.records(figids)
        return [
            Hit(
                figid=figid,
                score=scores[figid] if scores else 1.0 / (1 + rank),
                record=records[figid],
                matches=_matches(query, records[figid]),
                quote=best_quote(records[figid], query.terms, query.entities),
                similarity=(similarities or {}).get(figid),
            )
            for rank, figid in enumerate(figids)
            if figid in records
        ]

    def complete(self, query: Query) -> list[str]:
        """Every figure that shows all the entities of the query, best evidence first.

        A figure shows an entity where its tables have it under its symbol or a synonym, or its
        title or caption names it; for a family, also where a member is printed. Of these, those
        that have the question's other words too; where there is none, a list keeps all and a count
        is empty. Without any subject, all figures. Empty for a question that does not ask for a
        list or a count.
        """
        if query.intent not in (Intent.LISTING, Intent.COUNT):
            return []
        if query.entities:
            shown = [self._figures_showing(entity) for entity in query.entities]
            found = {f: max(tiers[f] for tiers in shown) for f in shown[0] if all(f in tiers for tiers in shown)}
            if query.other_words:
                narrowed = {f: found[f] for f in self._figures_with(query.other_words) if f in found}
                found = narrowed if narrowed or query.intent is Intent.COUNT else found
        else:
            with_words = self._figures_with(query.subjects) if query.subjects else self._catalog.figids()
            found = dict.fromkeys(with_words, int(Tier.CAPTION))
        if query.year_from or query.year_to:
            inside = self._catalog.figids_in_years(query.year_from, query.year_to)
            found = {figid: tier for figid, tier in found.items() if figid in inside}
        return sorted(found, key=lambda figid: (found[figid], figid))

    def has_other_words(self, query: Query, figids: Sequence[str]) -> bool:
        """Whether every one of the figures has all the words of the query that no entity covers."""
        return bool(query.other_words) and self._figures_with(query.other_words).issuperset(figids)

    def _figures_with(self, subjects: Sequence[str]) -> frozenset[str]:
        match = " AND ".join(f'"{subject}"' for subject in subjects)
        return self._catalog.figids_matching(match) if match else frozenset()

    def _figures_showing(self, entity: Entity) -> dict[str, int]:
        weakest = Tier.FAMILY if entity.is_family else Tier.SYNONYM
        shown = {
            figid: int(tier)
            for figid, (tier, _) in self._catalog.figids_mentioning(entity.kind, entity.names).items()
            if tier <= weakest
        }
        for figid in self._catalog.figids_naming(entity.aliases):
            shown.setdefault(figid, int(Tier.CAPTION))
        return shown

    def _dense(self, query: Query) -> dict[str, float]:
        """Figures by their nearest passage, with its cosine similarity, nearest first."""
        similarities: dict[str, float] = {}
        for _, figid, similarity in self._vectors.search(self._embedder.embed_query(query.text), DEPTH):
            similarities.setdefault(figid, similarity)
        return similarities

    def _lexical(self, query: Query) -> list[str]:
        """Figures by BM25 over the single words of the query, best first."""
        words = dict.fromkeys(atom for term in query.terms for atom in term.split())
        if not words:
            return []
        match = " OR ".join(f'"{word}"' for word in words)
        return [figid for figid, _ in self._catalog.search_text(match, DEPTH)]


def _matches(query: Query, record: FigureRecord) -> tuple[Match, ...]:
    """Why a record was found: the query's entities with their best tier, else the words in common."""
    text = atoms(f"{record.title or ''} | {record.caption or ''}")
    found = []
    for entity in query.entities:
        names = set(entity.names)
        printed = sorted(
            (m for m in record.mentions if m.kind is entity.kind and m.name in names), key=lambda m: m.tier
        )
        in_text = any(contains(text, alias.split()) for alias in entity.aliases)
        if printed and not (printed[0].tier is Tier.FAMILY and in_text):
            found.append(Match(printed[0].name, entity.kind, printed[0].tier, printed[0].word))
        elif in_text:
            found.append(Match(entity.mention, entity.kind, Tier.CAPTION))
    if found:
        return tuple(found)
    return tuple(Match(term, "word") for term in query.terms if contains(text, term.split()))
