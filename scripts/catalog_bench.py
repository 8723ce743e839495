"""Time what is asked of the catalog alone, at any number of figures.

    python scripts/catalog_bench.py CORPUS --figures 100000 --catalog /tmp/catalog.sqlite

The catalog is made of the records in CORPUS, where they do not suffice with further ones that have the text of one,
the tables of another, and the paper's year, journal and organisms of a third. It is kept at --catalog and used again.
Every timed call is warm: each question is asked once before. No vector is read and no model is loaded.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pfocr_chat.catalog import Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.facets import count_facet, read_breakdown
from pfocr_chat.genelists import compare_gene_list
from pfocr_chat.passages import to_passages
from pfocr_chat.queries import Filters
from pfocr_chat.query import understand
from pfocr_chat.records import FigureRecord
from pfocr_chat.retriever import Retriever
from pfocr_chat.tables import Facet

SEED = 4
SHOWN = 8
"""Figures whose records an answer needs."""
SLOWEST = 12
WINDOW = 254
YEARS = range(1995, 2025)

LISTS = (
    "Which figures show both TNF and IL6?",
    "Which figures show TNFα and IL-1β?",
    "all figures with TP53 and MDM2",
    "Which figures show AKT1 and mTOR?",
    "Which figures show MAPK, ERK and JNK?",
    "list all figures on NF-κB",
    "Which figures link integrins to YAP?",
    "Which figures show PI3K, AKT and mTOR signalling in cancer?",
    "Which figures show glucose and ATP?",
    "Which figures show reactive oxygen species and mitochondria?",
    "figures about Wnt in fibrosis",
    "Which pathways contain EGFR or HER2?",
    "Which figures show SMAD2, SMAD3 and SMAD4?",
    "find all figures about auxin",
    "all figures",
    "Which figures show calcium and calmodulin?",
)
COUNTS = (
    "How many figures show mTOR?",
    "How many figures show AKT?",
    "How many figures show insulin?",
    "How many figures are there?",
    "How many figures show apoptosis?",
    "How many figures show p53 or p21?",
    "count the figures with caspase-3",
)
EXCLUSIONS = (
    "Which figures show mTOR but not AKT?",
    "Which figures show TNF without NF-κB?",
    "figures with EGFR or ERBB2 but not KRAS",
    "all figures not about cancer",
    "Which figures show p38 or JNK but neither ERK nor AKT?",
)
FILTERED = (
    "How many figures show mTOR since 2015?",
    "Which figures published between 2010 and 2014 show TGF-β?",
    "Arabidopsis figures on auxin",
    "Which figures in Frontiers in Immunology show the NLRP3 inflammasome?",
    "Which figures show insulin in mice since 2018?",
    "How many figures show mTOR or AMPK but not TP53 in mice since 2015?",
    "all figures from 2019",
    "Which human figures show VEGFA?",
    "Which figures in Nature show BRCA1 before 1901?",
)
FACETED = (
    "How many figures show mTOR by year?",
    "Which genes appear most often with SMAD4?",
    "Which journals publish figures on autophagy?",
    "all figures by year",
    "Which genes appear most often?",
    "Which organisms appear in figures on TNF?",
    "figures with AKT by journal",
    "Which chemicals appear most often with p53?",
    "Which diseases appear most often with amyloid?",
)
OTHERS = (
    "What does rapamycinn inhibit upstream of autophagie?",
    "How does TGF-β drive epithelial-mesenchymal transition?",
    "What is the role of hydrogen peroxide in signalling?",
    "interferon response to viral infection",
)
QUESTIONS = LISTS + COUNTS + EXCLUSIONS + FILTERED + FACETED + OTHERS
CONDITIONS = (
    Filters(year_from=2015),
    Filters(year_from=2010, year_to=2012, organisms=("Mus musculus",)),
    Filters(organisms=("Homo sapiens",)),
    Filters(journals=("Nature", "Cell", "PLoS One")),
    Filters(genes_all=("AKT1", "MTOR")),
    Filters(genes_any=("TNF", "IL6"), genes_none=("TP53",)),
    Filters(genes_none=("TP53",)),
    Filters(chemicals_all=("ATP",), year_from=2000),
    Filters(figtypes=("Figure",)),
)
LIST_SIZES = (5, 50, 500)
LISTS_EACH = 4


class NotAsked:
    """Stands for the vectors and the embedder, which questions for a complete list do not touch."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not the catalog's")


Times = dict[str, list[tuple[float, str]]]


def synthetic(corpus: Path, figures: int) -> Iterator[FigureRecord]:
    """The records of a folder, then recombinations of them, the same each time."""
    records = [read_record(files)[0] for files in find_records(corpus)]
    yield from records[:figures]
    chance = random.Random(SEED)  # noqa: S311 - no secret  # nosec B311
    paper = 90_000_000
    for number in range(len(records), figures):
        text, tables, about = chance.choice(records), chance.choice(records), chance.choice(records)
        paper += chance.random() < 0.7
        pmcid = f"PMC{paper}"
        yield replace(
            text,
            figid=f"{pmcid}__synthetic_f{number}.jpg",
            pmcid=pmcid,
            alias=f"{pmcid}__F{number}",
            year=chance.choice(YEARS) if about.year else None,
            journal=about.journal,
            organisms=about.organisms,
            mentions=tables.mentions,
        )


def make_catalog(corpus: Path, figures: int, path: Path) -> None:
    """Write the catalog of ``figures`` records to a path where there is none."""
    start = time.perf_counter()
    with open_catalog_writer(path) as writer:
        for number, record in enumerate(synthetic(corpus, figures)):
            passages = to_passages(record, window=WINDOW, count_tokens=_words)
            writer.put(record, passages, source=f"{number}.md", digest=str(number))
        writer.commit()
    print(f"made in {time.perf_counter() - start:.0f} s")


def _words(text: str) -> int:
    """About as many as an embedder's word pieces."""
    return len(re.findall(r"\w{1,5}|[^\w\s]", text))


def timed(times: Times, kind: str, what: object, call: Callable[[], Any]) -> Any:
    """The result of a call, of which the time is noted."""
    start = time.perf_counter()
    result = call()
    times[kind].append((time.perf_counter() - start, str(what)))
    return result


def ask(question: str, catalog: Catalog, retriever: Retriever, times: Times) -> None:
    """All that an answer to a question takes from the catalog, but for what the ranking needs."""
    start = time.perf_counter()
    counted = read_breakdown(question)
    facet, rest = (counted.facet, counted.rest) if counted else (None, question)
    query = timed(times, "understand", question, lambda: understand(rest, catalog))
    found = list(timed(times, "complete list", question, lambda: retriever.complete(query)).tiers)
    if facet:
        timed(times, "count by facet", question, lambda: count_facet(facet, found, catalog))
    if query.filters:
        timed(times, "without year", question, lambda: retriever.without_year(query))
    if not found:
        timed(times, "relaxations", question, lambda: retriever.relaxations(query))
    timed(times, "records of 8", question, lambda: catalog.records(found[:SHOWN]))
    times["WHOLE QUESTION"].append((time.perf_counter() - start, question))


def ask_words(question: str, catalog: Catalog, times: Times) -> None:
    """What the ranking takes from the full text."""
    words = list(dict.fromkeys(word for term in understand(question, catalog).terms for word in term.split()))
    if words:
        timed(times, "frequencies", question, lambda: catalog.frequencies(words))
        match = " OR ".join(f'"{word}"' for word in words)
        timed(times, "search text", question, lambda: catalog.search_text(match, 1_000))


def ask_rest(catalog: Catalog, times: Times) -> None:
    """Facets of everything, filters, lookups and gene lists."""
    everything = sorted(catalog.figids())
    chance = random.Random(SEED)  # noqa: S311 - no secret  # nosec B311
    for facet in Facet:
        timed(times, "count all by facet", facet, lambda facet=facet: count_facet(facet, everything, catalog))
    for filters in CONDITIONS:
        timed(times, "figids meeting", filters, lambda filters=filters: catalog.figids_meeting(filters))
    for figid in chance.sample(everything, 10):
        for text in (figid, f"What does {figid} show?", f"genes in {figid.partition('__')[0]}"):
            timed(times, "lookup", text, lambda text=text: catalog.records(understand(text, catalog).figids))
    genes = sorted(catalog.gene_sets().genes)
    for size in LIST_SIZES:
        for number in range(LISTS_EACH):
            listed = chance.sample(genes, min(size, len(genes)))
            what = f"list {number + 1} of {size} genes"
            timed(times, f"gene list of {size}", what, lambda listed=listed: compare_gene_list(listed, catalog))
    listed = [f"{name}x" for name in chance.sample(genes, 50)] + ["p53", "ERK1/2", "TNF-alpha"]
    timed(times, "gene list of 50", "50 unknown names", lambda: compare_gene_list(listed, catalog))


def measure(path: Path, rounds: int) -> None:
    """Print the times of everything that is asked of a catalog."""
    start = time.perf_counter()
    catalog = Catalog(path)
    print(f"open                     {(time.perf_counter() - start) * 1e3:8.1f} ms")
    start = time.perf_counter()
    catalog.gene_sets()
    print(f"gene sets, first call    {(time.perf_counter() - start) * 1e3:8.1f} ms")
    silent: Any = NotAsked()
    first: Times = defaultdict(list)
    times: Times = defaultdict(list)
    with catalog:
        for number in range(rounds + 1):
            noted = times if number else first
            for question in QUESTIONS:
                # The sets of the round before are forgotten with the retriever that kept them.
                ask(question, catalog, Retriever(catalog, silent, silent), noted)
                ask_words(question, catalog, noted)
            ask_rest(catalog, noted)
    print_times(times, first)


def print_times(times: Times, first: Times) -> None:
    """A line for each kind of call, then the slowest calls; the worst call of the first round stands last in a line."""
    print(f"{'':<22} {'calls':>6} {'p50':>8} {'p95':>8} {'max':>8} {'first':>8}  ms")
    for kind, taken in sorted(times.items()):
        spent = [seconds * 1e3 for seconds, _ in taken]
        worst = max(seconds for seconds, _ in first[kind]) * 1e3
        columns = (statistics.median(spent), percentile(spent, 0.95), max(spent), worst)
        print(f"{kind:<22} {len(taken):>6}" + "".join(f" {value:>8.1f}" for value in columns))
    print("slowest")
    worst_of: dict[tuple[str, str], float] = {}
    for kind, taken in times.items():
        for seconds, what in taken:
            worst_of[kind, what] = max(seconds, worst_of.get((kind, what), 0.0))
    for (kind, what), seconds in sorted(worst_of.items(), key=lambda item: -item[1])[:SLOWEST]:
        print(f"{seconds * 1e3:>8.1f} ms  {kind}: {what}")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--catalog", type=Path, required=True, help="where the catalog is kept")
    parser.add_argument("--figures", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not options.catalog.exists():
        make_catalog(options.corpus, options.figures, options.catalog)
    print(f"{options.figures:,} figures, {options.catalog.stat().st_size / 1e6:.1f} MB, {os.cpu_count()} cores")
    measure(options.catalog, options.rounds)


if __name__ == "__main__":
    main()
