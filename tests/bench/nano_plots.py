"""Draws the curves of the small model's measurements: `python -m tests.bench.nano_plots FILE... --out docs`.

FILEs are what `nano_measure` and `nano_eval` wrote. Needs the extra ``plots``.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "quire"  # else every run gives other ids
from matplotlib import pyplot as plt  # noqa: E402  # after the backend is chosen
from matplotlib.axes import Axes  # noqa: E402  # as above

_SIZE = (5.2, 3.2)
_NOTHING = {"Date": None, "Creator": None}
"""In an SVG's metadata: the same curves give the same file."""

_SCANS = {"fine": "scanned at 20 px", "coarse": "scanned at 10 px"}


def budget(axes: Axes, points: Sequence[dict[str, Any]]) -> None:
    for scan, label in _SCANS.items():
        ours = [point for point in points if point["name"].startswith(scan) and point["pages"]]
        curve = sorted((one["shown_px"], one["cer"]) for one in ours if not one["name"].endswith("auto"))
        if not curve:  # time was up before its first page
            continue
        (line,) = axes.plot(*zip(*curve, strict=True), marker="o", markersize=3, label=label)
        for one in ours:
            if one["name"].endswith("auto"):
                axes.plot(one["shown_px"], one["cer"], marker="*", markersize=13, color=line.get_color())
    axes.set_xlabel("height of type as shown, pixels (star: the recipe's choice)")
    axes.set_ylabel("characters wrong, share")
    axes.set_ylim(bottom=0)
    axes.legend()


def reliability(axes: Axes, curves: dict[str, list[dict[str, Any]]]) -> None:
    axes.plot((0, 1), (0, 1), color="grey", linewidth=0.8)
    for name, bins in curves.items():
        ends = [one["foretold"] for one in bins], [one["right"] for one in bins]
        axes.plot(*ends, marker="o", markersize=3, label=name)
    axes.set_xlabel("probability that was foretold")
    axes.set_ylabel("share that was right")
    axes.legend()


def places(axes: Axes, offs: dict[str, list[float]]) -> None:
    for name, values in offs.items():
        ordered = sorted(values)
        axes.step(ordered, [(at + 1) / len(ordered) for at in range(len(ordered))], label=name, where="post")
    axes.axvline(6, color="grey", linewidth=0.8)
    axes.set_xlim(0, 30)
    axes.set_ylim(0, 1)
    axes.set_xlabel("farthest side of a box off by, points")
    axes.set_ylabel("share of boxes")
    axes.legend()


_WAYS = {
    "without": "no second look",
    "looks": "balanced: halves, 4 lines",
    "more": "accurate: halves, 12 lines",
}


def zoom(axes: Axes, points: Sequence[dict[str, Any]]) -> None:
    sizes = [one["shown_px"] for one in points]
    for way, label in _WAYS.items():
        axes.plot(sizes, [one[way] for one in points], marker="o", markersize=3, label=label)
    axes.set_xlabel("height of type as shown, pixels (16: as the recipe shows it)")
    axes.set_ylabel("values right, share")
    axes.set_ylim(0, 1)
    axes.legend()


def draw(content: dict[str, Any], out: Path) -> list[Path]:
    curves = content.get("curves", {})
    certain = {name: bins for name, bins in curves.items() if name in ("text", "values") and bins}
    made = []
    wanted: tuple[tuple[str, Any, Callable[[Axes, Any], None]], ...] = (
        ("nano-budget", curves.get("budget"), budget),
        ("nano-zoom", curves.get("zoom"), zoom),
        ("nano-certainty", certain, reliability),
        ("nano-places", content.get("offs"), places),
    )
    for name, ready, plot in wanted:
        if not ready:
            continue
        figure, axes = plt.subplots(figsize=_SIZE, layout="constrained")
        plot(axes, ready)
        path = out / f"{name}.svg"
        figure.savefig(path, metadata=_NOTHING)
        plt.close(figure)
        made.append(path)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for file in given.files:
        for path in draw(json.loads(file.read_text(encoding="utf-8")), given.out):
            print(path)


if __name__ == "__main__":
    main()
