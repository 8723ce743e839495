"""Fuzz everything that reads what comes from outside, and say how many inputs were tried and what went wrong.

    python fuzz/run.py --inputs 200000                     all targets, each with its share, from one seed
    python fuzz/run.py --target records --seconds 60       one target, for a minute
    python fuzz/run.py --target records --seed 7 --first 1234 --inputs 1    one input again
    python fuzz/run.py --target records --engine atheris   steered by coverage (needs the package atheris)

Each target has a process of its own. An input may raise this package's errors (or be refused with a status from 400
to 499), must be done within two seconds, and may open no file outside of its folder; anything else is a failure, kept
with its traceback in ``build/fuzz/TARGET/``. The exit status is 1 where there was one.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
KEPT = HERE.parent / "build" / "fuzz"
MOST_FAILURES = 20
"""Of one target; more tell nothing new."""


def main() -> int:
    """Run the targets one after the other."""
    options = _options()
    if options.child:
        return _child(options)
    from fuzzing.targets import TARGETS

    targets = {target.name: target for target in TARGETS}
    if unknown := set(options.target) - set(targets):
        print(f"There is no target {min(unknown)}. There are: {', '.join(targets)}.", file=sys.stderr)
        return 2
    chosen = [target for target in targets.values() if not options.target or target.name in options.target]
    shares = sum(target.share for target in chosen)
    KEPT.mkdir(parents=True, exist_ok=True)
    print(f"seed {options.seed}, engine {options.engine}", flush=True)
    print(
        f"{'target':<10} {'inputs':>8} {'refused':>8} {'seconds':>8} {'slowest':>9} {'peak MB':>8} {'failures':>8}",
        flush=True,
    )
    rows = []
    for target in chosen:
        share = target.share / shares
        inputs = max(1, round(options.inputs * share)) if options.inputs else 0
        seconds = options.seconds * share if options.seconds else 0.0
        row = _in_a_process(target.name, inputs, seconds, options)
        rows.append(row)
        print(
            f"{row['target']:<10} {row['inputs']:>8,} {row['refused']:>8,} {row['seconds']:>8.0f}"
            f" {row['slowest']:>7.2f} s {row['peak']:>8,.0f} {len(row['failures']):>8}",
            flush=True,
        )
        for number, problem in row["failures"][:5]:
            print(f"    input {number}: {problem.strip().splitlines()[-1][:200]}", flush=True)
    failures = sum(len(row["failures"]) for row in rows)
    total = sum(row["inputs"] for row in rows)
    print(f"{total:,} inputs, {failures:,} failures; details in {KEPT.relative_to(HERE.parent)}/", flush=True)
    (KEPT / "report.json").write_text(
        json.dumps({"seed": options.seed, "engine": options.engine, "targets": rows}, indent=1)
    )
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzz what reads input from outside.")
    parser.add_argument(
        "--inputs", type=int, default=0, help="inputs of all targets together (20,000 without --seconds)"
    )
    parser.add_argument("--seconds", type=float, default=0.0, help="seconds of all targets together, at most")
    parser.add_argument("--target", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same inputs (1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first input (0)")
    parser.add_argument("--engine", choices=("random", "atheris"), default="random", help="what draws the inputs")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.inputs and not options.seconds:
        options.inputs = 20_000
    return options


def _in_a_process(name: str, inputs: int, seconds: float, options: argparse.Namespace) -> dict[str, Any]:
    """One target's row; where its process dies, that is a failure."""
    folder = KEPT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    began = time.monotonic()
    command = [
        sys.executable,
        str(HERE / "run.py"),
        "--child",
        str(folder),
        "--target",
        name,
        "--engine",
        options.engine,
    ]
    command += [
        "--inputs",
        str(inputs),
        "--seconds",
        str(seconds),
        "--seed",
        str(options.seed),
        "--first",
        str(options.first),
    ]
    with (folder / "log.txt").open("wb") as log:
        status = subprocess.run(command, stdout=log, stderr=log, check=False).returncode
    report = folder / "tally.json"
    row: dict[str, Any] = json.loads(report.read_text()) if report.exists() else {}
    row = {"inputs": 0, "refused": 0, "slowest": 0.0, "slowest_number": 0, "peak": 0.0, "failures": []} | row
    if status and not row["failures"]:
        row["failures"] = [[row["inputs"], f"the process ended with status {status}; see log.txt"]]
    return {"target": name} | row | {"seconds": time.monotonic() - began}


def _child(options: argparse.Namespace) -> int:
    """Try one target's inputs, in this process."""
    (name,) = options.target
    kept = Path(options.child)
    with ExitStack() as opened:
        if options.engine == "atheris":
            import atheris

            opened.enter_context(atheris.instrument_imports(include=["pfocr_chat"]))
        from fuzzing.chance import ByteRandom
        from fuzzing.targets import TARGETS
        from fuzzing.watch import Watch

        (target,) = [target for target in TARGETS if target.name == name]
        place = opened.enter_context(_place(kept))
        make, read = opened.enter_context(target.open(place))
        watch = Watch(place.outside)

        def one(number: int, rng: random.Random) -> None:
            value = make(rng)
            if problem := watch.run(number, value, read):
                (kept / f"{number}.txt").write_text(
                    f"{problem}\n\n{value!r}\n", encoding="utf-8", errors="backslashreplace"
                )
            if watch.tally.inputs % 500 == 0 or problem:
                _tell(kept, watch)

        with watch.looking():
            if options.engine == "atheris":
                # It ends the process itself; what is told is what was told last.
                flags = [
                    f"-runs={options.inputs or -1}",
                    f"-seed={options.seed}",
                    "-max_len=4096",
                    "-len_control=0",
                    "-timeout=120",
                ]
                flags += [f"-max_total_time={round(options.seconds)}"] if options.seconds else []
                flags += ["-rss_limit_mb=6000", "-print_final_stats=1"]
                counted = iter(range(10**12))

                def steered(data: bytes) -> None:
                    one(next(counted), ByteRandom(data))
                    if watch.tally.inputs == options.inputs:
                        _tell(kept, watch)

                atheris.Setup([sys.argv[0], *flags, str(_corpus(kept))], steered)
                atheris.Fuzz()
            until = time.monotonic() + (options.seconds or 10**9)
            last = options.first + (options.inputs or 10**9)
            number = options.first
            while number < last and time.monotonic() < until and len(watch.tally.failures) < MOST_FAILURES:
                one(number, random.Random(f"{options.seed}:{name}:{number}"))
                number += 1
        _tell(kept, watch)
    return 1 if watch.tally.failures else 0


def _tell(kept: Path, watch: Any) -> None:
    (kept / "tally.json").write_text(json.dumps(vars(watch.tally)))


def _corpus(kept: Path) -> Path:
    """A folder with some inputs for libFuzzer to begin with: bytes to draw from."""
    folder = kept / "corpus"
    folder.mkdir(exist_ok=True)
    for number in range(20):
        (folder / str(number)).write_bytes(random.Random(number).randbytes(1_500))
    return folder


@contextmanager
def _place(kept: Path) -> Iterator[Any]:
    """Folders for one target, gone afterwards; the index is kept for the next one."""
    from fuzzing.index import made_index
    from fuzzing.targets import Place, prepared

    memory = Path("/dev/shm")  # noqa: S108 - files that are written and removed a hundred times a second
    with tempfile.TemporaryDirectory(prefix="pfocr-fuzz-", dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        (folder / "inside").mkdir()
        yield Place(folder / "inside", prepared(folder / "outside"), lambda: made_index(kept.parent / "index"))


if __name__ == "__main__":
    sys.exit(main())
