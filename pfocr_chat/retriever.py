"""Finding figures: how near their passages are to the question, and how much of its words they have.

A figure's score is the cosine similarity of its nearest passage plus the share of the question's
words that it has, as BM25 weighs words. Other words for the same (another spelling of a gene, the
long form of an abbreviation) count as much as those typed. The sum is not weighted: neither weights
nor reciprocal ranks gave more (docs/log.md). A cross-encoder, where there is one, puts the best
figures in a new order.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from operator import mul
from typing import Protocol

from pfocr_chat.catalog import Catalog
from pfocr_chat.citations import best_quote
from pfocr_chat.exactvectors import Near
from pfocr_chat.lexicon import lookup_key, says, spaced
from pfocr_chat.passages import to_passages
from pfocr_chat.queries import Entity, Filters, Hit, Intent, Listing, Match, Query
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier

SHOWN_WEIGHT = 0.3
"""Of the share of the names and words asked for that a figure shows, in a question for a list."""
SHOWS_ALL = 3.0
"""Added to the score of a figure that shows every entity asked for: more than anything else can give."""
DUPLICATE = 0.1
"""Taken from the score of a figure whose paper and caption are those of a better one."""
SPARE = 10
"""Figures looked at beyond those asked for, to take the places of such repeats."""
RERANKED = 20
"""The best figures that a cross-encoder puts in a new order."""
RERANKED_TEXT = 1_500
"""Characters of a text that a cross-encoder judges: with the question, inside the 512 word pieces that most read."""
MAX_PARTS = 6
"""Parts of a question whose figures are counted where none answers the whole."""
DEPTH = 200
"""Passages taken from the vectors, where no filter leaves fewer."""
TEXT_DEPTH = 1_000
"""Figures taken from the full text."""
EXACT = 50
"""The best figures of the full text whose similarity is computed where it is not among the nearest."""
NARROW = 1_000
"""Figures up to which a filter searches the vectors of just these, rather than sorting out others afterwards."""
LEAST_WEIGHT = 1e-6
"""FTS5's inverse document frequency of a word that half of all figures have, or more."""
_BM25_LIMIT = 2.2
"""What a word can add at most to a BM25 score with FTS5's k1 = 1.2, in units of its inverse document frequency."""


class QueryEmbedder(Protocol):
    """What retrieval needs of an embedder."""

    def embed_query(self, text: str) -> list[float]: ...


class VectorSearch(Protocol):
    """What retrieval needs of the vectors of a generation; ``is_partial`` where some passages have none yet."""

    @property
    def is_partial(self) -> bool: ...

    def search(self, vector: Sequence[float], limit: int, passage_ids: Sequence[str] | None = None) -> list[Near]: ...


class PairScorer(Protocol):
    """What retrieval needs of a cross-encoder: scores for (question, text), higher where the text answers better."""

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]: ...


class Retriever:
    """Searches one generation of an index; may be shared by threads, and is to be closed when none uses it."""

    def __init__(
        self, catalog: Catalog, vectors: VectorSearch, embedder: QueryEmbedder, *, reranker: PairScorer | None = None
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._embedder = embedder
        # A generation never changes, and one question asks for the same entity several times.
        self._figures_showing = lru_cache(maxsize=256)(self._read_showing)
        self._figures_printing_family_of = lru_cache(maxsize=256)(self._read_printing_family_of)
        self._vector = lru_cache(maxsize=1024)(embedder.embed_query)
        self._reranker = reranker
        self._pool = ThreadPoolExecutor(thread_name_prefix="vectors")

    def close(self) -> None:
        """End its threads."""
        self._pool.shutdown()

    def retrieve(self, query: Query, k: int, *, complete: Collection[str] = ()) -> list[Hit]:
        """At most ``k`` figures, best first; figures outside the query's filters are left out.

        Figures in ``complete``, the exact answer to a question for several groups of entities, come first. A
        reranker's order is final for the first ``RERANKED``; scores do not tell of it but stay at
        their places, so that the first hit has the highest.
        """
        first = frozenset(complete if len(query.groups) > 1 else ())
        inside = self._catalog.figids_meeting(query.filters) if query.filters else None
        near = self._pool.submit(self._nearest, query, inside)  # while the full text is read
        lexical = self._lexical(query)
        if inside is not None:
            lexical = {figid: score for figid, score in lexical.items() if figid in inside}
        similarities = self._similarities(*near.result(), lexical, inside)
        floor = min(similarities.values(), default=0.0)
        scores = {
            figid: similarities.get(figid, floor) + lexical.get(figid, 0.0)
            for figid in similarities.keys() | lexical.keys()
        }
        for figid, share in self._shares_shown(query, inside).items():
            scores[figid] = scores.get(figid, floor) + SHOWN_WEIGHT * share
        for figid in first:
            scores[figid] = scores.get(figid, floor) + SHOWS_ALL
        for figid in self._refused(query):
            scores.pop(figid, None)
        wanted = max(k, RERANKED) if self._reranker else k
        best = sorted(scores, key=lambda figid: (-scores[figid], figid))[: wanted + max(wanted // 5, SPARE)]
        records = self._catalog.records(best)
        best = [figid for figid in best if figid in records]
        for figid in _repeats(records[figid] for figid in best):
            scores[figid] -= DUPLICATE
        best.sort(key=lambda figid: (-scores[figid], figid))
        hits = _hits(query, best[:wanted], records, scores, similarities)
        if self._reranker and hits:
            hits[:RERANKED] = _reranked(self._reranker, query, hits[:RERANKED], first)
        return hits[:k]

    def to_hits(self, query: Query, figids: Sequence[str]) -> list[Hit]:
        """Hits for figures already chosen, in their order; the scores count down from 1."""
        records = self._catalog.records(figids)
        known = [figid for figid in figids if figid in records]
        return _hits(query, known, records, {figid: 1.0 / (1 + rank) for rank, figid in enumerate(known)}, {})

    def meeting(self, query: Query) -> list[str]:
        """The figures that a question names, as far as they meet its conditions."""
        inside = self._catalog.figids_meeting(query.filters) if query.filters else frozenset(query.figids)
        return [figid for figid in query.figids if figid in inside]

    def complete(self, query: Query) -> Listing:
        """Every figure that answers a question for a list or a count; nothing for any other question.

        A figure shows an entity where its tables have it under its symbol or a synonym, or its
        title or caption names it; for a family, also where a member is printed. Of these, those
        that have the question's other words too; where there is none, a list keeps all and a count
        is empty. A question for a topic only lists all figures with its words, first those with every
        word in the title of the figure or its paper. Without any subject, all figures.
        """
        if not query.intent.is_list:
            return Listing()
        if query.groups:
            found, weaker = self._showing_all(query.groups)
            if query.other_words:
                narrowed = {f: found[f] for f in self._figures_with(query.other_words) if f in found}
                found = narrowed if narrowed or query.intent is Intent.COUNT else found
                weaker &= self._figures_with(query.other_words)
        elif query.other_words:
            titled = self._figures_with(query.other_words, in_titles=True)
            found = {f: Tier.TITLE if f in titled else Tier.CAPTION for f in self._figures_with(query.other_words)}
            weaker = frozenset()
        else:
            found, weaker = dict.fromkeys(self._catalog.figids(), Tier.CAPTION), frozenset()
        refused = self._refused(query)
        inside = self._catalog.figids_meeting(query.filters) if query.filters else None
        kept = [f for f in found if f not in refused and (inside is None or f in inside)]
        kept.sort()
        kept.sort(key=found.__getitem__)
        is_topic = not query.groups and bool(query.other_words)
        return Listing(
            {figid: found[figid] for figid in kept},
            sum(found[figid] is Tier.TITLE for figid in kept) if is_topic else None,
            tuple(sorted(f for f in weaker - refused if inside is None or f in inside)),
        )

    def _showing_all(self, groups: Sequence[Sequence[Entity]]) -> tuple[dict[str, Tier], frozenset[str]]:
        """The figures that show one entity at least of every group, each with the weakest of its tiers; and those
        that would, if a family counted for each of its members."""
        shown = [self._figures_showing_any(group) for group in groups]
        found = {f: max(tiers[f] for tiers in shown) for f in shown[0] if all(f in tiers for tiers in shown)}
        wider = [
            tiers.keys() | set().union(*(self._figures_printing_family_of(entity) for entity in group))
            for tiers, group in zip(shown, groups, strict=True)
        ]
        return found, frozenset(set.intersection(*map(set, wider)) - found.keys())

    def similar(self, figid: str, k: int, filters: Filters) -> list[Hit]:
        """The ``k`` figures most like one, best first, matched by the genes that both print.

        The score is the cosine similarity of what they say, plus the share of the genes printed by either as a
        symbol or a synonym that both print (the Jaccard index).
        """
        record = self._catalog.record(figid)
        if record is None:
            return []
        inside = self._catalog.figids_meeting(filters) if filters else None
        text = ". ".join(part for part in (record.title, record.caption, record.paper_title) if part)
        similarities: dict[str, float] = {}
        for _, other, similarity in self._vectors.search(self._embedder.embed_query(text or figid), DEPTH):
            if other != figid and (inside is None or other in inside):
                similarities.setdefault(other, similarity)
        own = record.printed(Kind.GENE).keys()
        records = self._catalog.records(list(similarities))
        genes = {other: found.printed(Kind.GENE) for other, found in records.items()}
        scores = {
            other: similarities[other] + len(own & named.keys()) / max(1, len(own | named.keys()))
            for other, named in genes.items()
        }
        best = sorted(scores, key=lambda other: (-scores[other], other))[:k]
        return [
            Hit(
                other,
                scores[other],
                records[other],
                tuple(Match(n, Kind.GENE, m.tier, m.word) for n, m in sorted(genes[other].items()) if n in own),
                best_quote(records[other], ()),
                similarities[other],
            )
            for other in best
        ]

    def likeness(self, sentence: str, texts: Sequence[str]) -> list[float]:
        """The cosine similarity of a sentence with each of the texts."""
        asked = self._embedder.embed_query(sentence)
        return [sum(map(mul, asked, self._vector(text))) for text in texts]

    def without_year(self, query: Query) -> int:
        """How many figures would answer a question for a list, but for a year that is not known."""
        if query.filters.year_from is None and query.filters.year_to is None:
            return 0
        any_year = replace(query.filters, year_from=None, year_to=None)
        undated = self._catalog.figids_without_year()
        return len(undated & self.complete(replace(query, filters=any_year)).tiers.keys())

    def relaxations(self, query: Query) -> list[tuple[str, int]]:
        """For each kind of condition without which figures answer a question for a list: how many do."""
        found = [(kind, len(self.complete(replace(query, filters=f)))) for kind, f in query.filters.relaxed()]
        return [(kind, count) for kind, count in found if count]

    def partly(self, query: Query) -> list[tuple[Query, int]]:
        """The question without one of its names, or with one alone, and how many figures answer that.

        The largest parts that any figure answers, the commonest first; nothing for a question with fewer than two
        names, or for no list.
        """
        if not query.intent.is_list or len(query.groups) < 2:
            return []
        for size in dict.fromkeys((len(query.groups) - 1, 1)):
            parts = [replace(query, groups=groups, other_words=()) for groups in combinations(query.groups, size)]
            counted = [(part, len(self.complete(part))) for part in parts[:MAX_PARTS]]
            if any(count for _, count in counted):
                return sorted(((p, n) for p, n in counted if n), key=lambda part: -part[1])
        return []

    def has_other_words(self, query: Query, figids: Collection[str]) -> bool:
        """Whether every one of the figures has all the words of the query that no entity covers."""
        return bool(query.other_words) and self._figures_with(query.other_words).issuperset(figids)

    def _refused(self, query: Query) -> frozenset[str]:
        """The figures that show what the question excludes."""
        showing = (self._figures_showing(entity) for entity in query.excluded)
        return frozenset().union(*showing, *(self._figures_with([word]) for word in query.excluded_words))

    def _figures_with(self, subjects: Sequence[str], *, in_titles: bool = False) -> frozenset[str]:
        """The figures with every one of the words, anywhere or in the titles of the figure and its paper."""
        match = " AND ".join(f'"{subject}"' for subject in subjects)
        if not match:
            return frozenset()
        return self._catalog.figids_matching(f"{{title paper}} : ({match})" if in_titles else match)

    def _shares_shown(self, query: Query, inside: frozenset[str] | None) -> dict[str, float]:
        """For a question that asks for a list of figures with names in it: the share of its names and words that
        each figure shows."""
        if not query.intent.is_list or not query.entities:
            return {}
        parts: list[Iterable[str]] = [self._figures_showing_any(group) for group in query.groups]
        parts += [self._figures_with([word]) for word in query.other_words]
        shown = Counter(figid for part in parts for figid in part)
        return {f: count / len(parts) for f, count in shown.items() if inside is None or f in inside}

    def _figures_showing_any(self, group: Sequence[Entity]) -> dict[str, Tier]:
        """The figures that show one of the entities at least, each with the tier of its best evidence."""
        shown: dict[str, Tier] = {}
        for entity in group:
            for figid, tier in self._figures_showing(entity).items():
                shown[figid] = min(tier, shown.get(figid, tier))
        return shown

    def _read_showing(self, entity: Entity) -> dict[str, Tier]:
        """The figures that show an entity, each with the tier of its best evidence."""
        printed = self._catalog.figids_printing(entity.kind, entity.names, entity.keys)
        shown = {figid: tier for figid, (tier, _) in printed.items()}
        for figid, tier in self._catalog.figids_naming(entity.aliases).items():
            shown.setdefault(figid, tier)
        return shown

    def _read_printing_family_of(self, entity: Entity) -> frozenset[str]:
        """The figures that print a family to which an entity belongs."""
        if entity.kind is not Kind.GENE or entity.is_family:
            return frozenset()
        return frozenset(self._catalog.figids_printing(entity.kind, entity.names, weakest=Tier.FAMILY))

    def _nearest(self, query: Query, inside: frozenset[str] | None) -> tuple[list[float], list[Near]]:
        """The question's vector, and the passages nearest to it, if those of ``inside`` are too many to be compared."""
        vector = self._embedder.embed_query(query.text)
        if inside is not None and len(inside) <= NARROW:
            return vector, []
        return vector, self._vectors.search(vector, DEPTH if inside is None else 3 * DEPTH)

    def _similarities(
        self, vector: Sequence[float], rows: list[Near], lexical: Mapping[str, float], inside: frozenset[str] | None
    ) -> dict[str, float]:
        """Cosine similarity of the nearest figures, and of the best of the full text, by their nearest passage."""
        similarities: dict[str, float] = {}
        wanted = inside if inside is not None and len(inside) <= NARROW else list(lexical)[:EXACT]
        near = {figid for _, figid, _ in rows}
        missing = self._catalog.passage_ids(figid for figid in wanted if figid not in near)
        if missing:
            rows += self._vectors.search(vector, len(missing), missing)
        for _, figid, similarity in rows:
            if inside is None or figid in inside:
                similarities[figid] = max(similarity, similarities.get(figid, -1.0))
        if self._vectors.is_partial:
            # Of a figure whose vectors are still to come the words must speak.
            for figid in list(lexical)[:EXACT]:
                similarities.setdefault(figid, min(lexical[figid], 1.0))
        return similarities

    def _lexical(self, query: Query) -> dict[str, float]:
        """The share of the question's words that figures have, by BM25, highest first."""
        words = list(dict.fromkeys(atom for term in query.terms for atom in term.split()))
        weights = self._inverse_frequencies(words)
        total = sum(weights.values())
        if not total:
            return {}
        # What weighs nothing ("1", "a") stands in most figures, each of which would be scored.
        telling = [word for word in words if weights[word] > LEAST_WEIGHT] or words
        others = [
            (sum(weights[word] for word in asked), self._pool.submit(self._catalog.figids_matching, match))
            for asked, match in self._otherwise(query, weights)
        ]
        found = self._catalog.search_text(" OR ".join(f'"{word}"' for word in telling), TEXT_DEPTH)
        shares: dict[str, float] = defaultdict(float, {f: score / (_BM25_LIMIT * total) for f, score in found})
        for weight, figids in others:
            gain = weight / (_BM25_LIMIT * total)
            for figid in figids.result():
                shares[figid] += gain
        return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))

    def _otherwise(self, query: Query, weights: Mapping[str, float]) -> Iterator[tuple[list[str], str]]:
        """For words of a question that can be put otherwise: these, and the FTS5 expression of figures that do."""
        for expansion in query.expansions:
            asked = [word for word in expansion.words if word in weights]
            others = " OR ".join(_near(other) for other in expansion.others if not self._is_everywhere(other))
            if asked and others:
                all_asked = " AND ".join(f'"{word}"' for word in asked)
                yield asked, f"({others}) NOT ({all_asked})"

    def _is_everywhere(self, spelling: str) -> bool:
        """Whether half of all figures have a word, which then stands for no name: "INS" has the stem of "in"."""
        return " " not in spelling and self._inverse_frequencies([spelling])[spelling] <= LEAST_WEIGHT

    def _inverse_frequencies(self, words: Sequence[str]) -> dict[str, float]:
        """FTS5's inverse document frequency of each word: https://www.sqlite.org/fts5.html#the_bm25_function."""
        figures = self._catalog.figures
        return {
            word: max(math.log((figures - count + 0.5) / (count + 0.5)), LEAST_WEIGHT)
            for word, count in self._catalog.frequencies(words).items()
        }


def _near(spelling: str) -> str:
    """The FTS5 expression for words close to each other."""
    words = spelling.split()
    quoted = " ".join(f'"{word}"' for word in words)
    return f"NEAR({quoted}, 3)" if len(words) > 1 else quoted


def _hits(
    query: Query,
    figids: Iterable[str],
    records: Mapping[str, FigureRecord],
    scores: Mapping[str, float],
    similarities: Mapping[str, float],
) -> list[Hit]:
    return [
        Hit(
            figid=figid,
            score=scores[figid],
            record=records[figid],
            matches=_matches(query, records[figid]),
            quote=best_quote(records[figid], query.terms, query.entities),
            similarity=similarities.get(figid),
        )
        for figid in figids
    ]


def _repeats(records: Iterable[FigureRecord]) -> set[str]:
    """The figures whose paper and caption are those of one before them."""
    seen: set[tuple[str, ...]] = set()
    repeats = set()
    for record in records:
        text = (record.paper_title or record.pmcid or "", record.caption or record.figid)
        if text in seen:
            repeats.add(record.figid)
        seen.add(text)
    return repeats


def _reranked(reranker: PairScorer, query: Query, hits: Sequence[Hit], first: Set[str]) -> list[Hit]:
    """The hits by the best score that a text of theirs gets; equal ones keep their order.

    Figures in ``first`` stay in front, and those that repeat a better one's paper and caption go to the end.
    """
    texts = [
        (hit.figid, passage.text)
        for hit in hits
        for passage in to_passages(hit.record, window=RERANKED_TEXT, count_tokens=len)
    ]
    judged: dict[str, float] = {}
    scores = reranker.score([(query.text, text) for _, text in texts])
    for (figid, _), score in zip(texts, scores, strict=True):
        judged[figid] = max(score, judged.get(figid, score))
    ranked = sorted(hits, key=lambda hit: -judged[hit.figid])
    repeats = _repeats(hit.record for hit in ranked)
    ranked.sort(key=lambda hit: (hit.figid not in first, hit.figid in repeats))
    return [replace(hit, score=place.score) for hit, place in zip(ranked, hits, strict=True)]


def _matches(query: Query, record: FigureRecord) -> tuple[Match, ...]:
    """Why a record was found: the query's entities with their best evidence, else the words in common."""
    title, text = spaced(record.title), spaced(record.title, record.caption)
    found = []
    for entity in query.entities:
        names = set(entity.names)
        printed = sorted(
            (m for m in record.mentions if m.kind is entity.kind and (m.name in names or _key(m) in entity.keys)),
            key=lambda m: m.tier,
        )
        in_text = any(says(text, alias) for alias in entity.aliases)
        if printed and not (printed[0].tier is Tier.FAMILY and in_text):
            found.append(Match(printed[0].name, entity.kind, printed[0].tier, printed[0].word))
        elif in_text:
            in_title = any(says(title, alias) for alias in entity.aliases)
            found.append(Match(entity.mention, entity.kind, Tier.TITLE if in_title else Tier.CAPTION))
    if found:
        return tuple(found)
    return tuple(Match(term, "word") for term in query.terms if says(text, term))


def _key(mention: Mention) -> str:
    return lookup_key(mention.match or mention.word)
