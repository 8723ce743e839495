"""Killing the building of an index, and looking what is left: ``python tests/faults.py --kills 60``.

A child builds in a session of its own and is killed with SIGKILL: at random moments, before and after each
named step, and (``--every``) at every access to the file system. What is left has to be what was there before, or
what a clean build makes; the next build has to complete it; and no text may be embedded twice, but for those that
were being embedded.

The child stops itself at a step through Python's own hooks for profilers and auditors: nothing in the program
knows of it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import numpy.typing as npt
from wordembedder import Corpus, WordEmbedder

from pfocr_chat import __file__ as package
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.errors import NoIndexError, PfocrChatError
from pfocr_chat.generations import generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.integrity import check_stores
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex
from pfocr_chat.vectorsteps import Pace

EAGER = Pace(at_once=0, seconds=0.0, share=1.0)
"""Publishes what there is whenever it may."""
STEPS = {
    "lock": "writing",
    "leftovers": "remove_leftovers",
    "check": "check_before_building",
    "parse": "read_record",
    "catalog row": "CatalogWriter.put",
    "catalog deletion": "CatalogWriter.delete",
    "catalog commit": "CatalogWriter.commit",
    "copy of the vectors": "copy_vectors",
    "deletion of vectors": "VectorIndex.delete",
    "embedding": "LoggingEmbedder.encode",
    "vectors remembered": "BuildCache.put_vectors",
    "Chroma batch": "VectorIndex.add",
    "close of the vectors": "VectorIndex.close",
    "part": "_Steps.publish_part",
    "publish": "publish",
    "hash": "hash_of",
    "sync to disk": "make_lasting",
    "manifest": "_write_manifest",
    "clean-up": "_remove_unread",
    "forgetting": "BuildCache.drop_unused",
}
"""Named steps, each with the function whose call and return are its boundaries."""
_EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.link", "os.rmdir", "shutil.rmtree", "sqlite3.connect"}
_ROOTS = (str(Path(package).parent), str(Path(__file__).parent))


CUT = "cut off"
"""The line of a log that says that the build was killed."""


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


class LoggingEmbedder(WordEmbedder):
    """Puts into a file what it is given, before it embeds it: a line for each call."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = log

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        line = " ".join(map(_sum, texts)) + "\n"
        with self._log.open("a") as file:
            file.write(line)
        return super().encode(texts)


# The child


def kill_self() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)
    time.sleep(60)


def die_at_step(step: str, number: int, when: str) -> None:
    """Be killed before or after the ``number``-th call of a step's function."""
    wanted, left = STEPS[step], [number]

    def hook(frame: FrameType, event: str, _: Any) -> None:
        if event not in ("call", "return") or frame.f_code.co_qualname != wanted:
            return
        if (event == "call") == (when == "before") and frame.f_code.co_filename.startswith(_ROOTS):
            left[0] -= 1
            if left[0] == 0:
                kill_self()

    threading.setprofile(hook)
    sys.setprofile(hook)


def die_at_access(number: int, store: str) -> None:
    """Be killed at the ``number``-th access to a file of the index; with 0, tell their number at the end."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _EVENTS and any(store in str(argument) for argument in arguments[:2]):
            _seen[0] += 1
            if _seen[0] == number:
                kill_self()

    sys.addaudithook(hook)


_seen = [0]


def child(corpus: str, store: str, log: str, *where: str) -> None:
    """Build an index, and be killed where the arguments say."""
    if where[:1] == ("step",):
        die_at_step(where[1], int(where[2]), where[3])
    elif where[:1] == ("access",):
        die_at_access(int(where[1]), store)
    elif where[:1] == ("limit",):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(where[1]), int(where[1])))
    try:
        build_index(Path(corpus), Path(store), LoggingEmbedder(Path(log)), pace=EAGER)
    except PfocrChatError as exc:
        Path(f"{log}.said").write_text(str(exc))
    sys.setprofile(None)
    if where == ("access", "0"):
        Path(f"{log}.accesses").write_text(str(_seen[0]))


def nursery() -> None:
    """Bring up a child for each line of standard input: tell its number, and in the end its return code.

    It has loaded what a child needs and has no threads; a child that began from nothing would load for seconds.
    """
    with tempfile.TemporaryDirectory() as folder, open_catalog_writer(Path(folder) / FILE_NAME):
        pass  # a catalog without records takes a second to make, once in a process
    for line in sys.stdin:
        reading, writing = os.pipe()
        pid = os.fork()
        if not pid:
            os.setsid()
            os.write(writing, b"x")
            code = 1
            try:
                child(*json.loads(line))
                code = 0
            except BaseException:  # a child must not go on as its parent
                traceback.print_exc()
            finally:
                os._exit(code)
        os.read(reading, 1)
        os.close(reading)
        os.close(writing)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


class Children:
    """Processes that build an index, each in a session of its own."""

    def __init__(self) -> None:
        paths = [str(Path(package).parent.parent), *sys.path]
        self._process = subprocess.Popen(
            [sys.executable, __file__, "nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        )

    def run(self, *arguments: str, seconds: float | None = None) -> int:
        """Run ``child`` until it ends or is killed, by itself or after some seconds; its return code."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        if seconds is not None and not select.select([self._process.stdout], [], [], seconds)[0]:
            os.killpg(pid, signal.SIGKILL)
        code = int(self._process.stdout.readline())
        assert code in (0, -signal.SIGKILL), f"a child failed: {arguments}"
        return code

    def close(self) -> None:
        """There will be no more of them."""
        self._process.communicate()


# What is built from


def write_corpus(folder: Path, figures: int) -> Corpus:
    """Records of one to three passages, every third with genes."""
    corpus = Corpus(folder)
    for n in range(figures):
        steps = " ".join(f"Step {k} of path {n} activates kinase {k * n}." for k in range(1 + n % 3 * 6))
        corpus.write(f"PMC{n}__a{n}", f"Gene{n} (GN{n}) acts. {steps}", more=f"year: {1990 + n % 30}")
        if n % 3 == 0:
            corpus.write_genes(f"PMC{n}__a{n}", f"GENE{n}", "YAP1")
    return corpus


def change(corpus: Corpus, figures: int) -> None:
    """Every seventh record changed, every eleventh removed, and a quarter as many added."""
    for n in range(0, figures, 7):
        corpus.write(f"PMC{n}__a{n}", f"Protein{n} has changed and binds its partner {n}.")
    for n in range(0, figures, 11):
        for path in (
            corpus.folder / "_figures" / f"PMC{n}__a{n}.md",
            corpus.folder / "_data" / f"PMC{n}__a{n}-genes.tsv",
        ):
            path.unlink(missing_ok=True)
    for n in range(figures, figures + figures // 4):
        corpus.write(f"PMC{n}__a{n}", f"Drug{n} inhibits receptor {n}.")


# What is left


@dataclass(frozen=True)
class Content:
    """All that an index says, by figure and by passage, whatever the order it was written in."""

    records: dict[str, Any]
    passages: dict[str, str]
    texts: dict[str, Any]
    tables: dict[str, Any]
    vectors: dict[str, npt.NDArray[np.float32]] = field(compare=False)


def content_of(store: Path) -> Content:
    """What the current generation of an index says."""
    folder = generation_folder(store, read_manifest(store).generation)
    with Catalog(folder / FILE_NAME) as catalog:
        figids = sorted(catalog.figids())
        records = {figid: record.to_dict() for figid, record in catalog.records(figids).items()}
        sources = catalog.digests()
        facets = {f: catalog.facet_counts(f, figids) for f in ("year", "gene", "journal", "organism", "paper")}
    with closing(sqlite3.connect(folder / FILE_NAME)) as db:
        passages = dict(db.execute("SELECT passage_id, text FROM passages"))
        columns = "figid, fulltext.title, fulltext.caption, fulltext.paper, fulltext.names"
        rows = db.execute(f"SELECT {columns} FROM fulltext JOIN figures ON id = fulltext.rowid").fetchall()  # noqa: S608 - own names
        texts = {row[0]: row[1:] for row in rows}
        printed = sorted(db.execute("SELECT * FROM printed"))
        short = sorted(db.execute("SELECT figid, short, long FROM abbreviations JOIN figures ON id = figure"))
        words = sorted(db.execute("SELECT term, doc, cnt FROM words"))
        names = db.execute("SELECT count(*), sum(length(spelling)) FROM names").fetchone()
    with VectorIndex(folder / FOLDER_NAME) as index:
        vectors = {passage_id: vector for passage_id, vector, _ in index.pairs(sorted(index.ids()))}
    tables = {"sources": sources, "printed": printed, "short": short, "words": words, "names": names, "facets": facets}
    return Content(records, passages, texts, tables, vectors)


def difference(found: Content, wanted: Content, *, partial: bool) -> str | None:
    """How an index differs from a clean build, ``None`` where it does not; a partial one may lack vectors."""
    for name in ("records", "passages", "texts", "tables"):
        have, want = getattr(found, name), getattr(wanted, name)
        if have != want:
            wrong = [key for key in have.keys() | want.keys() if have.get(key) != want.get(key)]
            return f"{len(wrong)} {name} differ, {sorted(wrong)[0]} say"
    lost, strange = wanted.vectors.keys() - found.vectors.keys(), found.vectors.keys() - wanted.vectors.keys()
    if strange or (lost and not partial):
        return f"{len(lost)} vectors lost, {len(strange)} too many"
    for passage_id, vector in found.vectors.items():
        if float(vector @ wanted.vectors[passage_id]) < 0.999:
            return f"the vector of {passage_id} differs"
    return None


@dataclass
class Bench:
    """A corpus before and after a change, what clean builds make of both, and where to build."""

    folder: Path
    figures: int
    before: Path = field(init=False)
    after: Path = field(init=False)
    clean: dict[str, Content] = field(init=False)
    children: Children = field(init=False)

    def __post_init__(self) -> None:
        self.children = Children()
        corpus = write_corpus(self.folder / "before", self.figures)
        self.before = corpus.folder
        self.after = Path(shutil.copytree(self.before, self.folder / "after"))
        changed = Corpus.__new__(Corpus)
        changed.folder = self.after
        change(changed, self.figures)
        self.clean = {}
        for name, source in (("before", self.before), ("after", self.after)):
            build_index(source, self.folder / f"clean-{name}", WordEmbedder())
            self.clean[name] = content_of(self.folder / f"clean-{name}")

    def start(self, kind: str, name: str) -> tuple[Path, Path]:
        """The corpus and the folder of an index for a trial: a first build, or an update of what stands."""
        store = self.folder / name / "vectorstore"
        store.parent.mkdir(parents=True)
        if kind == "first":
            return self.before, store
        shutil.copytree(self.folder / "clean-before", store)
        return self.after, store


@dataclass(frozen=True)
class Left:
    """What a kill left behind: ``serves`` is the generation's state, ``trouble`` what is wrong."""

    serves: str
    trouble: str | None = None


def look(bench: Bench, kind: str, store: Path) -> Left:
    """What is served after a kill: nothing (of a first build), the old index, or the new one, in part or whole."""
    try:
        manifest = read_manifest(store)
    except NoIndexError as exc:
        return Left("no index yet", None if kind == "first" and "Run `pfocr-chat index" in str(exc) else str(exc))
    wrong = [finding.found for finding in check_stores(store, manifest) if not finding.is_sound]
    if wrong:
        return Left("damaged", wrong[0])
    found, partial = content_of(store), not manifest.is_complete
    names = ("before",) if kind == "first" else ("before", "after")
    told = {name: difference(found, bench.clean[name], partial=partial) for name in names}
    state = {"first": {"before": "new"}, "update": {"before": "old", "after": "new"}}[kind]
    for name, what in told.items():
        if what is None:
            return Left(f"the {state[name]} index" + (", vectors still coming" if partial else ""))
    return Left("mixed", str(told))


def embedded_twice(bench: Bench, kind: str, log: Path) -> str | None:
    """Texts that were embedded although their vectors had been kept; those of a call that was cut off had not."""
    known = {_sum(text) for text in bench.clean["before"].passages.values()} if kind == "update" else set()
    call: set[str] = set()
    for line in log.read_text().splitlines() if log.exists() else []:
        if line == CUT:
            call = set()
            continue
        known |= call
        call = {*line.split()}
        if again := call & known:
            return f"{len(again)} texts were embedded again"
    return None


def finish(bench: Bench, kind: str, corpus: Path, store: Path, log: Path) -> str | None:
    """Build on after kills; what is wrong then."""
    report = build_index(corpus, store, LoggingEmbedder(log), pace=EAGER)
    if report.rebuilt:
        return f"built anew: {report.rebuilt}"
    left = look(bench, kind, store)
    if left.trouble or left.serves != "the new index":
        return f"then {left.serves}: {left.trouble}"
    folders = sorted(path.name for path in (store / "generations").iterdir())
    if len(folders) > 2 or any("." in name for name in folders) or (store / "manifest.json.new").exists():
        return f"left over: {folders}"
    return embedded_twice(bench, kind, log)


def run_child(bench: Bench, corpus: Path, store: Path, log: Path, where: Sequence[str], seconds: float | None) -> int:
    """Build until killed; the return code, and the kill is noted in the log."""
    code = bench.children.run(str(corpus), str(store), str(log), *where, seconds=seconds)
    if code:
        with log.open("a") as file:
            file.write(f"{CUT}\n")
    return code


# Trials


@dataclass(frozen=True)
class Trial:
    """What is killed where: ``where`` as ``child`` takes it, or seconds after its start."""

    name: str
    kind: str
    where: tuple[str, ...] = ()
    seconds: tuple[float, ...] = (0.0,)


@dataclass(frozen=True)
class Outcome:
    """What came of a trial: what was served after each kill that hit, and what was wrong."""

    trial: Trial
    served: tuple[str, ...]
    trouble: str | None = None


def carry_out(bench: Bench, trial: Trial, number: int) -> Outcome:
    """Kill, look, kill again, and at last build to the end."""
    corpus, store = bench.start(trial.kind, f"trial-{number}")
    log = store.parent / "embedded.log"
    served = []
    try:
        for seconds in trial.seconds:
            code = run_child(bench, corpus, store, log, trial.where, None if trial.where else seconds)
            left = look(bench, trial.kind, store)
            if code:
                served.append(left.serves)
            if left.trouble:
                return Outcome(trial, tuple(served), left.trouble)
        return Outcome(trial, tuple(served), finish(bench, trial.kind, corpus, store, log))
    finally:
        shutil.rmtree(store.parent)


def step_trials(numbers: Sequence[int] = (1,)) -> Iterator[Trial]:
    """Before and after each named step, the first time that it comes, or other times."""
    for kind in ("first", "update"):
        for step in STEPS:
            for number in numbers:
                for when in ("before", "after"):
                    yield Trial(f"{when} {step}", kind, ("step", step, str(number), when))


def access_trials(bench: Bench, kinds: Sequence[str] = ("first", "update")) -> Iterator[Trial]:
    """At every access to a file of the index."""
    for kind in kinds:
        corpus, store = bench.start(kind, f"counted-{kind}")
        log = store.parent / "log"
        run_child(bench, corpus, store, log, ("access", "0"), None)
        for number in range(1, int(Path(f"{log}.accesses").read_text()) + 1):
            yield Trial("file access", kind, ("access", str(number)))


def random_trials(bench: Bench, dice: random.Random) -> Iterator[Trial]:
    """One to three kills in a row at random moments of a build."""
    lasted = {}
    for kind in ("first", "update"):
        corpus, store = bench.start(kind, f"timed-{kind}")
        begun = time.monotonic()
        run_child(bench, corpus, store, store.parent / "log", (), 600.0)
        lasted[kind] = time.monotonic() - begun
    while True:
        kind = dice.choice(["first", "update"])
        seconds = tuple(dice.uniform(0.0, lasted[kind]) for _ in range(dice.randint(1, 3)))
        yield Trial("random moment", kind, seconds=seconds)


def run(bench: Bench, trials: Iterator[Trial], enough: Callable[[int], bool]) -> list[Outcome]:
    """Carry out trials until there were enough kills, telling of each."""
    outcomes: list[Outcome] = []
    kills = 0
    for number, trial in enumerate(trials):
        outcome = carry_out(bench, trial, number)
        outcomes.append(outcome)
        kills += len(outcome.served)
        if outcome.trouble:
            print(f"WRONG {trial}: {outcome.trouble}", flush=True)
        else:
            print(f"{trial.name}, {trial.kind}: {', '.join(outcome.served) or 'not reached'}", flush=True)
        if enough(kills):
            break
    return outcomes


def table_of(outcomes: Sequence[Outcome]) -> str:
    """For each moment and kind of build: kills, and what was served afterwards."""
    rows: dict[tuple[str, str], Counter[str]] = {}
    for outcome in outcomes:
        rows.setdefault((outcome.trial.name, outcome.trial.kind), Counter()).update(outcome.served)
    lines = [
        f"{name:32} {kind:7} {sum(served.values()):4}  " + ", ".join(f"{what}: {n}" for what, n in served.most_common())
        for (name, kind), served in rows.items()
        if served
    ]
    return "\n".join(["moment                           build   kills  served afterwards", *lines])


@contextmanager
def a_bench(figures: int) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        bench = Bench(Path(folder), figures)
        try:
            yield bench
        finally:
            bench.children.close()


def main() -> int:
    """Run the trials that the arguments ask for; 1 if any went wrong."""
    if sys.argv[1:] == ["nursery"]:
        nursery()
        return 0
    parser = argparse.ArgumentParser(description="Kill the building of an index, and look what is left.")
    parser.add_argument("--kills", type=int, default=60, help="at random moments (60)")
    parser.add_argument("--figures", type=int, default=1_500, help="records in the corpus (1500)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--no-steps", action="store_true", help="leave out the named steps")
    parser.add_argument(
        "--every", action="store_true", help="also at a later call of each step, and at every access to a file"
    )
    options = parser.parse_args()
    outcomes = []
    with a_bench(options.figures) as bench:
        outcomes += run(bench, random_trials(bench, random.Random(options.seed)), lambda kills: kills >= options.kills)  # noqa: S311 - no secret
        if not options.no_steps:
            outcomes += run(bench, step_trials((1, 3) if options.every else (1,)), lambda _: False)
        if options.every:
            outcomes += run(bench, access_trials(bench), lambda _: False)
    print(table_of(outcomes))
    wrong = [outcome for outcome in outcomes if outcome.trouble]
    print(
        f"{sum(len(outcome.served) for outcome in outcomes):,} kills, {len(outcomes):,} trials, {len(wrong)} went wrong"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
