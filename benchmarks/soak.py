"""A server under load for a long time: many visitors at once, some of whom stop, leave, read slowly or hang up.

    python benchmarks/soak.py --vectorstore V --sessions 50 --minutes 20 --llm none --json report.json

Starts `pfocr-chat chat` and asks it over loopback. Every answer is compared with the figures that the same question
brings alone, so that an answer to somebody else's question shows. Exit status 1 if there was any error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from dialogues import write_scripts
from visitors import DEADLINE, Site, Tally, Visitor

GROWTH = 0.05
"""Share by which memory may grow in the second half."""
SAMPLE_EVERY = 2.0
STARTING = "Loading the models"
"""How the one line begins that is written before the log."""


@dataclass
class Memory:
    """The server's resident memory in MB, with the seconds since the start, and its threads."""

    samples: list[tuple[float, float]] = field(default_factory=list)
    threads: int = 0

    @property
    def growth(self) -> float:
        """From the tenth of the time after the middle to the last tenth, as a share."""
        middle, end = self.around(0.5), self.around(0.9)
        return end / middle - 1 if middle else 0.0

    def around(self, share: float) -> float:
        """The median over a tenth of the time, from ``share`` of it on."""
        whole = self.samples[-1][0]
        found = [mb for at, mb in self.samples if share * whole <= at <= (share + 0.1) * whole]
        return statistics.median(found) if found else 0.0

    async def watch(self, pid: int, until: float) -> None:
        """Look again and again until then."""
        started = time.monotonic()
        while time.monotonic() < until:
            told = _proc(pid)
            self.samples.append((time.monotonic() - started, int(told["VmRSS"].split()[0]) / 1024))
            self.threads = max(self.threads, int(told["Threads"]))
            await asyncio.sleep(SAMPLE_EVERY)


def _proc(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def soak(site: Site, pid: int, options: argparse.Namespace) -> tuple[Tally, Memory]:
    """What the visitors saw, and the server's memory meanwhile."""
    scripts = await asyncio.to_thread(write_scripts, options.vectorstore, options.sessions, seed=options.seed)
    tally, memory = Tally(), Memory()
    until = time.monotonic() + 60 * options.minutes
    visitors = [Visitor(number, site, own, tally, until, options.think).run() for number, own in enumerate(scripts)]
    await asyncio.gather(memory.watch(pid, until), *visitors)
    return tally, memory


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Number, median, p95 and greatest of some times, in seconds."""
    if not seconds:
        return {"n": 0}
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95}
    found = {name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) for name, share in at.items()}
    return {"n": len(ordered), **found, "max": round(ordered[-1], 3)}


def settled(address: str) -> dict[str, float]:
    """Gauges of the server once nobody asks any more; they have some time to come to nothing."""
    wanted = ("pfocr_chat_questions_in_progress", "pfocr_chat_queue_waiting")
    until = time.monotonic() + DEADLINE
    while True:
        lines = httpx.get(f"{address}/metrics", timeout=DEADLINE).text.splitlines()
        found = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted)}
        if not any(found.values()) or time.monotonic() > until:
            return found
        time.sleep(0.5)


def report_of(
    options: argparse.Namespace, tally: Tally, memory: Memory, left: dict[str, float], log: Path
) -> dict[str, Any]:
    """Everything that was measured, as plain values."""
    written = log.read_text().splitlines()
    lines = [json.loads(line) for line in written if line.startswith("{")]
    questions = [line for line in lines if line["event"] == "question"]
    errors = list(tally.errors)
    errors += [f"log: {line}" for line in written if not line.startswith(("{", STARTING))]
    errors += [
        f"log: {line['message']}: {line.get('error', '')[-300:]}" for line in lines if line["event"] == "message"
    ]
    errors += [f"log: {line['failure']} in a question" for line in questions if line["outcome"] == "failed"]
    errors += [f"log: {line['method']} {line['path']} {line['status']}" for line in lines if _is_fault(line)]
    errors += [f"{name} is {value:.0f} at the end" for name, value in left.items() if value]
    if memory.growth > GROWTH and options.minutes >= 1:
        errors.append(f"memory grew by {memory.growth:.1%} in the second half")
    return {
        "settings": {name: str(value) for name, value in vars(options).items()},
        "seconds": {kind: spread(found) for kind, found in sorted(tally.seconds.items())},
        "first text": spread(tally.first),
        "seconds to a refusal": spread(tally.refusals),
        "questions a second": round(len(questions) / (60 * options.minutes), 2),
        "outcomes": dict(Counter(line["outcome"] for line in questions)),
        "llm failures": dict(Counter(line["llm_failure"] for line in questions if line["llm_failure"])),
        "counts": dict(sorted(tally.counts.items())),
        "memory MB": {str(share): round(memory.around(share)) for share in (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)},
        "memory growth in the second half": round(memory.growth, 4),
        "threads": memory.threads,
        "errors": len(errors),
        "first errors": errors[:20],
    }


def _is_fault(line: dict[str, Any]) -> bool:
    return line["event"] == "request" and line["status"] >= 500 and line["status"] != 503


def serve(options: argparse.Namespace, port: int, log: Path) -> subprocess.Popen[bytes]:
    """The server as a process of its own, once it answers."""
    command = [sys.executable, "-m", "pfocr_chat", "chat", "--vectorstore", str(options.vectorstore)]
    command += ["--llm", options.llm, "--port", str(port), "--requests-per-minute", "0", "--log-format", "json"]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=os.environ)  # noqa: S603  # nosec B603
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.5)
        else:
            return process
    process.kill()
    raise SystemExit(f"The server did not start:\n{log.read_text()[-2000:]}")


def main() -> int:
    """Run, print the report, and say whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectorstore", type=Path, required=True)
    parser.add_argument("--llm", default="none")
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--think", type=float, default=2.0, metavar="S", help="mean pause between questions (2)")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--json", type=Path, metavar="REPORT")
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process = serve(options, port, log)
        try:
            address = f"http://127.0.0.1:{port}"
            tally, memory = asyncio.run(soak(Site.read(address), process.pid, options))
            left = settled(address)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        report = report_of(options, tally, memory, left, log)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")
    return 1 if report["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
