"""Calibrate and measure the verification of sentences against the figures they cite.

    python scripts/calibrate_verification.py FOLDER [--seed N] [--sentences N] [--kinds WORD …] [--similarity]
        [--choose] [--examples N] [--summaries FOLDER]

FOLDER holds records (``seeds/`` or a corpus). Caption sentences are rewritten so that they stay true (brackets and
citations out, one clause of several, other verbs of the same sense, another name of a gene, active for passive,
"The figure shows that"), then made false in one way each: an entity swapped for one of another figure or of the same
figure, the direction of an effect flipped (its verb, its negation, what acts and what it acts on), the citation
moved to a random or to the most similar figure, a number changed, the place where it happens (tissue, cell,
compartment) exchanged for one that the figure does not name or for one of another part of the sentence, or as
``corruptions`` says: the loss of what acts left out or put in, a hedge left out, a word of scope or a condition put in,
a verb that the figure has not, the party of another effect.

``--summaries`` judges sentences as people write them: the summaries in another folder (``seeds/``) against the papers'
own captions in FOLDER.

Figures are in two halves by the hash of their figid. ``--choose`` tries thresholds on the first half; the tables
are of the second half, and of the first for comparison. Caught means: not supported. Recall is the share of false
sentences caught; precision the share of false sentences among all caught, where each false sentence stands beside
the true one it was made from.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import math
import random
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from corruptions import CORRUPTIONS, DIRECTED, SYNONYM, Corruption, exchanged_word

from pfocr_chat.attested import Named
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.embedder import Embedder
from pfocr_chat.entities import entities_in
from pfocr_chat.lexicon import STOPWORDS, atoms, says, spaced
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord, Kind
from pfocr_chat.sentences import split_sentences
from pfocr_chat.verification import DEFAULT, Findings, Similarity, Support, Thresholds, find, judge, verify

NOTHING = Findings()


@dataclass(frozen=True, slots=True)
class Claim:
    """A true sentence about a record, with the rewritings that made it and the caption sentence it is from."""

    text: str
    record: FigureRecord
    source: str
    rewritings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence with the record it cites; ``kind`` is "true" or how it was made false from claim ``number``."""

    kind: str
    number: int
    text: str
    record: FigureRecord
    findings: Findings = NOTHING


class Maker:
    """Makes true and false sentences about the records of a folder."""

    def __init__(self, records: Sequence[FigureRecord], named: Named, seed: int) -> None:
        self._records = [r for r in records if r.caption]
        self._named = named
        self._seed = seed
        self._words = {r.figid: Counter(_words(r)) for r in self._records}
        self._in_figures = Counter(word for words in self._words.values() for word in words)
        self._pool: dict[Kind, list[tuple[str, Entity]]] = defaultdict(list)
        counts = Counter(p.group(1) for r in self._records for p in _PLACE.finditer(r.caption or ""))
        self._places = [place for place, count in counts.items() if count > 1 and place not in _NO_PLACES]

    def claims(self, most: int) -> list[Claim]:
        """True sentences, from as many figures as there are, at most ``most``."""
        dice = random.Random(self._seed)  # noqa: S311 - no secret  # nosec B311
        sources = [(r, s) for r in self._records for s in split_sentences(r.caption or "") if _is_usable(s)]
        dice.shuffle(sources)
        found: list[Claim] = []
        texts = {r.caption for r in self._records} | {source for _, source in sources}
        for record, source in sources * 2:
            claim = self._rewritten(Claim(source, record, source), dice)
            if claim.text not in texts and _is_usable(claim.text) and self._named(claim.text):
                texts.add(claim.text)
                found.append(claim)
                for entity in self._named(claim.text):
                    self._pool[entity.kind].append((record.figid, entity))
            if len(found) == most:
                break
        return found

    def cases(self, claims: Sequence[Claim], kinds: Sequence[str] = ()) -> Iterator[Case]:
        """Each claim, and what it can be made false into; only of the kinds that have one of the words, if any are."""
        for number, claim in enumerate(claims):
            dice = random.Random(f"{self._seed} {number}")  # noqa: S311 - no secret  # nosec B311
            yield Case("true", number, claim.text, claim.record)
            for kind, make in (
                ("entity of another figure", self._swapped_other),
                ("entity of the same figure", self._swapped_same),
                *((kind, partial(_corrupted, self._named, change)) for kind, change in CORRUPTIONS.items()),
                ("agent and target exchanged", self._exchanged),
                ("number changed", _number_changed),
                ("place of another figure", self._other_place),
                ("place of another clause", _place_moved),
            ):
                text = make(claim, dice) if _is_wanted(kind, kinds) else ""
                if text and spaced(text) != spaced(claim.text):
                    yield Case(kind, number, text, claim.record)
            if _is_wanted("moved", kinds):
                yield Case("moved at random", number, claim.text, self._random(claim, dice))
                if similar := self._most_similar(claim):
                    yield Case("moved to the most similar", number, claim.text, similar)

    def _rewritten(self, claim: Claim, dice: random.Random) -> Claim:
        plain = _without_brackets(claim.text)
        if plain != claim.text:
            claim = replace(claim, text=plain, rewritings=("brackets out",))
        steps: list[tuple[str, Callable[[str, random.Random], str]]] = [
            ("clause", _clause), ("voice", self._other_voice), ("verb", _other_verb), ("name", self._other_name),
            ("opening", _opened),
        ]  # fmt: skip
        for name, step in steps:
            if (name in ("voice", "clause") or dice.random() < 0.5) and (text := step(claim.text, dice)) != claim.text:
                claim = replace(claim, text=text, rewritings=(*claim.rewritings, name))
        return claim

    def _other_name(self, text: str, _: random.Random) -> str:
        """The official symbol for another name of a gene."""
        for entity in self._named(text):
            if entity.kind is not Kind.GENE or entity.is_family or len(entity.names) != 1:
                continue
            symbol = entity.names[0]
            if symbol.casefold() == entity.mention.casefold() or symbol in text:
                continue
            changed = _substituted(text, entity.mention, symbol)
            if changed and any(e.names == entity.names for e in self._named(changed)):
                return changed
        return text

    def _other_voice(self, text: str, _: random.Random) -> str:
        """A clause "A activates B" as "B is activated by A", and the reverse, where both are bare names."""
        for a, b in itertools.permutations([e.mention for e in self._named(text)], 2):
            active = re.search(rf"(?:^|[;,] ){re.escape(a)} (\w+s) {re.escape(b)}(?=[.,;]|$)", text)
            if active and (verb := active.group(1)) in DIRECTED:
                past = re.sub("e?s$", "ed", verb)
                return text.replace(f"{a} {verb} {b}", f"{b} is {past} by {a}", 1)
            passive = re.search(rf"(?:^|[;,] ){re.escape(a)} is (\w+)ed by {re.escape(b)}(?=[.,;]|$)", text)
            if passive and passive.group(1) + "ed" in DIRECTED:
                verb = next(v for v in (passive.group(1) + "es", passive.group(1) + "s") if v in DIRECTED)
                return text.replace(f"{a} is {passive.group(1)}ed by {b}", f"{b} {verb} {a}", 1)
        return text

    def _swapped_other(self, claim: Claim, dice: random.Random) -> str:
        own = self._names_in(claim.record)
        for entity in dice.sample(entities := list(self._named(claim.text)), len(entities)):
            pool = self._pool[entity.kind]
            for figid, other in dice.sample(pool, min(30, len(pool))):
                if figid != claim.record.figid and not own & _marks(other):
                    return _substituted(claim.text, entity.mention, other.mention)
        return ""

    def _swapped_same(self, claim: Claim, dice: random.Random) -> str:
        sentence = {mark for e in self._named(claim.source) for mark in _marks(e)}
        others = [e for s in split_sentences(claim.record.caption or "") for e in self._named(s)]
        words = dict.fromkeys(m.word for m in claim.record.mentions if m.word.isalnum() and len(m.word) > 2)
        others += [e for word in words for e in self._named(word)[:1]]
        said = spaced(claim.source)
        for entity in dice.sample(entities := list(self._named(claim.text)), len(entities)):
            fit = [
                e
                for e in others
                if e.kind is entity.kind and not sentence & _marks(e) and spaced(e.mention) not in said
            ]
            if fit:
                return _substituted(claim.text, entity.mention, dice.choice(fit).mention)
        return ""

    def _exchanged(self, claim: Claim, dice: random.Random) -> str:
        """What acts and what it acts on exchanged, where one name stands just before and one just after the verb."""
        text = claim.text
        if re.search(r"each other|mutual|one another|reciprocal", claim.record.caption or ""):
            return ""
        found = []
        for a, b in itertools.permutations([e.mention for e in self._named(text)], 2):
            gap = r"(?: [\w-]+){0,4}?"
            pattern = rf"(?<![\w-]){re.escape(a)}({gap} (\w+){gap} ){re.escape(b)}(?![\w-])"
            for match in re.finditer(pattern, text):
                if match.group(2) in DIRECTED:
                    found.append(text[: match.start()] + b + match.group(1) + a + text[match.end() :])
        return dice.choice(found) if found else ""

    def _other_place(self, claim: Claim, dice: random.Random) -> str:
        said = spaced(claim.record.title, claim.record.caption, claim.record.paper_title)
        found = [p for p in _PLACE.finditer(claim.text) if p.group(1) in self._places]
        others = [p for p in self._places if not any(says(said, a) for a in atoms(p))]
        if not found or not others:
            return ""
        place = dice.choice(found)
        return claim.text[: place.start(1)] + dice.choice(others) + claim.text[place.end(1) :]

    def _names_in(self, record: FigureRecord) -> set[str]:
        named = [
            e
            for s in (record.title, record.paper_title, *split_sentences(record.caption or ""))
            for e in self._named(s or "")
        ]
        return {mark for e in named for mark in _marks(e)} | {m.name for m in record.mentions}

    def _random(self, claim: Claim, dice: random.Random) -> FigureRecord:
        return next(r for r in iter(lambda: dice.choice(self._records), None) if r.pmcid != claim.record.pmcid)

    def _most_similar(self, claim: Claim) -> FigureRecord | None:
        """The other figure with most of the rare words of the claim and its figure, and without the same sentence."""
        wanted = Counter(_atoms(claim.text))
        for word in self._words[claim.record.figid]:
            wanted[word] += 0.2  # type: ignore[assignment]
        whole = spaced(_without_brackets(claim.source)).strip()

        def score(record: FigureRecord) -> float:
            words = self._words[record.figid]
            return sum(n * math.log(len(self._records) / self._in_figures[w]) for w, n in wanted.items() if w in words)

        ranked = sorted(self._records, key=score, reverse=True)[:20]
        return next(
            (
                r
                for r in ranked
                if r.figid != claim.record.figid and whole not in spaced(_without_brackets(r.caption or ""))
            ),
            None,
        )


def _words(record: FigureRecord) -> list[str]:
    return _atoms(f"{record.title} {record.caption}")


def _atoms(text: str) -> list[str]:
    return [a for a in dict.fromkeys(atoms(text)) if len(a) > 1 and a not in STOPWORDS]


def _marks(entity: Entity) -> set[str]:
    return {*entity.names, *entity.keys}


_LABEL = re.compile(r"^[(\[]?[A-Za-z][)\].:,]|^\W|:|\u2192|;.*;|^(?:Its?|This|These|Those|They|Their|That|Both|Such)\b")


def _is_usable(text: str) -> bool:
    """Whether a sentence is a whole one in prose that stands alone: no panel label, no glossary, no "It"."""
    return 6 <= len(text.split()) <= 45 and text.endswith(".") and text[0].isupper() and not _LABEL.search(text)


def _without_brackets(text: str) -> str:
    text = re.sub(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])", "", text)
    return re.sub(r"\s+([.,;])", r"\1", text)


def _clause(text: str, _: random.Random) -> str:
    """One clause of a sentence that can stand alone."""
    head = re.split(r"; |, which |, whereas |, while |, but ", text)[0]
    return head.rstrip(".") + "." if len(head.split()) >= 6 else text


def _other_verb(text: str, dice: random.Random) -> str:
    return exchanged_word(text, SYNONYM, dice)


def _corrupted(named: Named, change: Corruption, claim: Claim, dice: random.Random) -> str:
    return change(claim.text, [e.mention for e in named(claim.text)], dice)


_PLACE = re.compile(r"\b(?:in|into|at|to|within|from|on) (?:the )?((?!the )[a-z]{4,}(?: [a-z]{4,})?)(?=[.,;])")
_NO_PLACES = frozenset(
    "this study|this model|this process|addition|turn|this pathway|pathway|figure|detail|part".split("|")
)


def _place_moved(claim: Claim, dice: random.Random) -> str:
    """Two places of one sentence exchanged, or the one of the claim for another of its source."""
    own = [p for p in _PLACE.finditer(claim.text) if p.group(1) not in _NO_PLACES]
    words = {p.group(1) for p in own}
    others = [p.group(1) for p in _PLACE.finditer(claim.source) if p.group(1) not in words | _NO_PLACES]
    if len(words) > 1:
        one, other = dice.sample(sorted(words), 2)
        return re.sub(f"{one}|{other}", lambda m: other if m.group() == one else one, claim.text)
    if not own or not others:
        return ""
    return claim.text[: own[0].start(1)] + dice.choice(others) + claim.text[own[0].end(1) :]


def _is_wanted(kind: str, kinds: Sequence[str]) -> bool:
    return not kinds or any(word in kind for word in kinds)


def _number_changed(claim: Claim, dice: random.Random) -> str:
    found = list(re.finditer(r"(?<![\w.,-])\d+(?:\.\d+)?(?=%|\s?[a-z]{1,7}\b)(?!\w*-)", claim.text))
    if not found:
        return ""
    match = dice.choice(found)
    taken = set(re.findall(r"\d+", claim.record.caption or ""))
    number = next(n for n in iter(lambda: str(dice.randint(2, 99)), None) if n not in taken)
    return claim.text[: match.start()] + number + claim.text[match.end() :]


def _opened(text: str, dice: random.Random) -> str:
    first = text.split()[0]
    lowered = (
        text if any(c.isupper() or c.isdigit() for c in first[1:]) or len(first) < 3 else text[0].lower() + text[1:]
    )
    return dice.choice(("The figure shows that ", "According to the figure, ")) + lowered


def _substituted(text: str, old: str, new: str) -> str:
    """``text`` with a name exchanged wherever it stands whole."""
    return re.sub(rf"(?<![^\W_]){re.escape(old)}(?![^\W_])", lambda _: new, text)


# Measuring


def _half(record: FigureRecord) -> int:
    return hashlib.sha256(record.figid.encode()).digest()[0] % 2


def _choose(cases: Sequence[Case], similar: bool) -> Thresholds:
    """The thresholds that keep at least 96% of true sentences and catch most false ones, each kind counting alike."""
    best, chosen = -1.0, DEFAULT
    for coverage, nearby, least in itertools.product(
        (0.6, 0.7, 0.75, 0.8, 0.85, 0.9), (0.4, 0.5, 0.6, 0.7, 0.75, 0.8), (0.3, 0.4, 0.5)
    ):
        for like, alike in itertools.product((0.4, 0.5, 0.6, 0.7), (0.85, 0.9, 1.01)) if similar else ((0.5, 0.85),):
            thresholds = Thresholds(coverage, least, nearby, like, alike)
            caught = _caught(cases, thresholds)
            kept = 1 - caught.pop("true")
            score = sum(caught.values()) / len(caught) if kept >= 0.96 else kept - 1
            if score > best:
                best, chosen = score, thresholds
    return chosen


def _caught(cases: Sequence[Case], thresholds: Thresholds) -> dict[str, float]:
    flags: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        flags[case.kind].append(judge(case.findings, thresholds).verdict is not Support.SUPPORTED)
    return {kind: sum(values) / len(values) for kind, values in flags.items()}


def _table_of(cases: Sequence[Case], thresholds: Thresholds) -> str:
    """Recall and precision for each kind, in Markdown."""
    verdicts = {(c.kind, c.number): judge(c.findings, thresholds).verdict for c in cases}
    lines = ["| kind | sentences | caught | of these unsupported | recall | precision |", "|---|---|---|---|---|---|"]
    for kind in dict.fromkeys(c.kind for c in cases):
        of_kind = {number: v for (k, number), v in verdicts.items() if k == kind}
        caught = sum(v is not Support.SUPPORTED for v in of_kind.values())
        hard = sum(v is Support.UNSUPPORTED for v in of_kind.values())
        if kind == "true":
            lines.append(f"| true | {len(of_kind)} | {caught} | {hard} | kept {1 - caught / len(of_kind):.3f} | |")
            continue
        wrong = sum(verdicts["true", number] is not Support.SUPPORTED for number in of_kind)
        precision = caught / (caught + wrong) if caught else 0.0
        lines.append(f"| {kind} | {len(of_kind)} | {caught} | {hard} | {caught / len(of_kind):.3f} | {precision:.3f} |")
    return "\n".join(lines)


def _examples(cases: Sequence[Case], thresholds: Thresholds, most: int) -> str:
    lines, shown = [], Counter[str]()
    for case in cases:
        found = judge(case.findings, thresholds)
        if (found.verdict is Support.SUPPORTED) != (case.kind == "true") and shown[case.kind] < most:
            shown[case.kind] += 1
            f = case.findings
            lines.append(
                f"[{case.kind}] {case.record.figid}: {case.text}\n"
                f"    {found.reason} ({f.coverage:.2f} {f.nearby:.2f} {f.similarity})"
            )
    return "\n".join(sorted(lines))


def _similarity(embedder: Embedder) -> Similarity:
    @cache
    def vectors(texts: tuple[str, ...]):  # type: ignore[no-untyped-def]
        return embedder.encode(texts)

    def similarity(sentence: str, texts: Sequence[str]) -> list[float]:
        return [float(x) for x in vectors(tuple(texts)) @ vectors((sentence,))[0]]

    return similarity


def _judge_summaries(
    args: argparse.Namespace, papers: Sequence[FigureRecord], named: Named, similarity: Similarity | None
) -> None:
    """Print the verdicts on the sentences of summaries, by the records of the papers."""
    by_figid = {record.figid: record for record in papers}
    found = []
    for record in _records_in(args.summaries):
        paper = by_figid.get(record.figid)
        if paper and record.caption_source == "summary":
            found += [(s, verify(s, [paper], named, similarity)) for s in split_sentences(record.caption or "")]
    for verdict, count in Counter(v.verdict for _, v in found).items():
        print(f"{verdict}: {count} of {len(found)} ({count / len(found):.3f})")
    for verdict, count in Counter(re.sub("‘.*?’|name .*|of .*", "…", v.reason or "-") for _, v in found).most_common():
        print(f"    {count} {verdict}")
    for sentence, verdict in found[: args.examples or 0]:
        print(f"[{verdict.verdict}] {sentence}\n    {verdict.reason}")


def _records_in(folder: Path) -> list[FigureRecord]:
    return [read_record(files)[0] for files in find_records(folder)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Calibrate the verification of sentences.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=1000, help="true sentences, at most")
    parser.add_argument("--similarity", action="store_true", help="with the embedder")
    parser.add_argument("--kinds", nargs="+", default=(), help="only kinds of false sentences with one of these words")
    parser.add_argument("--summaries", type=Path, help="judge the summaries in this folder against the papers")
    parser.add_argument("--choose", action="store_true", help="choose thresholds on the first half")
    parser.add_argument("--examples", type=int, default=0, help="failures of each kind to print")
    args = parser.parse_args()
    records = _records_in(args.folder)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE_NAME
        with open_catalog_writer(path) as writer:
            for record in records:
                writer.put(record, (), source=record.figid, digest="")
            writer.commit()
        with Catalog(path) as catalog:
            _measure(args, records, catalog)


def _measure(args: argparse.Namespace, records: Sequence[FigureRecord], catalog: Catalog) -> None:
    @cache
    def named(text: str) -> tuple[Entity, ...]:
        return entities_in(text, catalog)

    similarity = _similarity(Embedder()) if args.similarity else None
    if args.summaries:
        _judge_summaries(args, records, named, similarity)
        return
    maker = Maker(records, named, args.seed)
    claims = maker.claims(args.sentences)
    made = list(maker.cases(claims, args.kinds))
    started = time.perf_counter()
    cases = [replace(c, findings=find(c.text, [c.record], named, similarity)) for c in made]
    spent = (time.perf_counter() - started) / len(cases)
    print(f"{len(claims)} true sentences about {len({c.record.figid for c in claims})} figures, {len(cases)} cases,")
    print(f"{spent * 1000:.1f} ms each; seed {args.seed}, similarity {bool(similarity)}")
    first, second = ([c for c in cases if _half(claims[c.number].record) == half] for half in (0, 1))
    thresholds = _choose(first, args.similarity) if args.choose else DEFAULT
    print(thresholds)
    for name, half in (("First half (chosen on)", first), ("Second half", second)):
        print(f"\n{name}\n\n{_table_of(half, thresholds)}")
    by_rewriting = Counter(r for c in claims for r in c.rewritings)
    print("\nRewritings:", ", ".join(f"{name} {n}" for name, n in by_rewriting.items()))
    if args.examples:
        print(_examples(second, thresholds, args.examples))


if __name__ == "__main__":
    main()
