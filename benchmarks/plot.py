"""Draw how times and sizes grow with the number of figures, from what bench.py wrote.

    python benchmarks/plot.py build/bench-*.json --output docs/growth.svg

It needs matplotlib, which nothing else here does (`pip install matplotlib`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

PANELS = {
    "Indexing (s)": {
        "first generation after (s)": "first that answers",
        "other than embedding (s)": "all but embedding",
        "nothing changed (s)": "nothing changed",
        "1% changed, without embedding (s)": "1% changed",
    },
    "One asker (ms)": {
        "retrieve, 1 asker, p50 (ms)": "retrieve, p50",
        "retrieve, 1 asker, p95 (ms)": "retrieve, p95",
        "nearest 50, p50 (ms)": "of which nearest 50",
    },
    "Retrievals a second": {
        "retrieve, 1 asker (a second)": "1 asker",
        "retrieve, 8 askers (a second)": "8 askers",
        "retrieve, 32 askers (a second)": "32 askers",
    },
    "Memory and disk (MB)": {
        "memory (MB)": "memory, bundled LLM",
        "generation on disk (MB)": "a generation on disk",
    },
}


def read(paths: list[Path]) -> dict[int, dict[str, float]]:
    """What was measured, by the number of figures."""
    found: dict[int, dict[str, float]] = {}
    for path in paths:
        for figures, measured in json.loads(path.read_text(encoding="utf-8"))["figures"].items():
            other = measured["whole build (s)"] - measured["of which embedding (s)"]
            found[int(figures)] = measured | {"other than embedding (s)": other}
    return dict(sorted(found.items()))


def draw(measured: dict[int, dict[str, float]]) -> Figure:
    """A panel for each kind of figure; axes are logarithmic but where values differ by less than ten times."""
    mpl.rcParams["svg.hashsalt"] = "pfocr-chat"  # the same file from the same figures
    figure = Figure(figsize=(10, 7), layout="constrained")
    for axes, (title, lines) in zip(figure.subplots(2, 2).flat, PANELS.items(), strict=True):
        for name, label in lines.items():
            points = [(size, row[name]) for size, row in measured.items() if name in row]
            axes.plot(*zip(*points, strict=True), marker="o", label=label)
        values = [row[name] for row in measured.values() for name in lines if name in row]
        is_wide = max(values) > 10 * min(values)
        axes.set(title=title, xlabel="figures", xscale="log", yscale="log" if is_wide else "linear")
        if not is_wide:
            axes.set_ylim(bottom=0)
        axes.set_xticks(list(measured), [f"{size:,}" for size in measured])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+", help="JSON files of bench.py")
    parser.add_argument("--output", type=Path, default=Path("docs/growth.svg"))
    options = parser.parse_args()
    draw(read(options.reports)).savefig(options.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
