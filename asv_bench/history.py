"""Draw how many times faster than pure Python every kernel was, commit by commit, as one SVG that needs no network.

    python asv_bench/history.py [--results DIR] [--out FILE.svg]

A panel shows one kernel, a line one size of its input. The scale is logarithmic, so that a factor has the same height
everywhere; a commit that lacks a kernel leaves a gap. Pointing at a dot names the commit and the figure.
"""

import argparse
import json
import math
import sys
from collections import defaultdict
from itertools import cycle, pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from measure import RESULTS, MeasureError, figures, git

COLUMNS = 3
PANEL_WIDTH, PANEL_HEIGHT = 300, 170
PLOT_LEFT, PLOT_TOP, PLOT_WIDTH, PLOT_HEIGHT = 40, 34, 200, 96
MARGIN, HEADER = 20, 64
COLOURS = ("#e07b39", "#1f5fa8", "#3a8f5c", "#8a4fa3")  # by size, ascending
SMALLEST_RANGE = 4.0  # of a panel's scale, top to bottom: what is only noise must not look like an event
NOTE = "CPU time of one thread; pure Python is timed on a prefix of long inputs, and scaled."

STYLE = """
text { font: 11px system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #57606a }
.title { font-size: 18px; font-weight: 600; fill: #1f2328 }
.kernel { font-size: 12.5px; font-weight: 600; fill: #1f2328 }
.value { font-weight: 600 }
.grid { stroke: #d8dee4; stroke-width: 1 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
"""

Series = dict[str, float]  # speedup by commit
Kernels = dict[str, dict[int, Series]]  # by name, then size


def read_results(directory: Path) -> dict[str, Kernels]:
    """Speedups in every result file below `directory`, by machine."""
    machines: dict[str, Kernels] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for path in sorted(directory.glob("*/*-*.json")):
        result = json.loads(path.read_text())
        for (kernel, n), speedup in figures(result, "track_speedup").items():
            machines[result["params"]["machine"]][kernel][n][result["commit_hash"]] = speedup
    return machines


def draw(machines: dict[str, Kernels], commits: list[str]) -> str:
    """Return the SVG. `commits` are in the order of the x axis; figures of other commits are left out."""
    parts: list[str] = []
    width, top = 2 * MARGIN + COLUMNS * PANEL_WIDTH, 0
    for machine, kernels in sorted(machines.items()):
        known = {name: {c for series in sizes.values() for c in series} for name, sizes in kernels.items()}
        shown = [commit for commit in commits if any(commit in found for found in known.values())]
        names = [name for name, found in known.items() if found.intersection(shown)]
        all_sizes = sorted({n for name in names for n in kernels[name]})
        colours = dict(zip(all_sizes, cycle(COLOURS), strict=False))
        if not names:
            continue
        parts += header(machine, colours, MARGIN, top + 28)
        for index, name in enumerate(names):
            row, column = divmod(index, COLUMNS)
            x, y = MARGIN + column * PANEL_WIDTH, top + HEADER + row * PANEL_HEIGHT
            parts += [f'<g transform="translate({x},{y})">', *panel(name, kernels[name], shown, colours), "</g>"]
        top += HEADER + math.ceil(len(names) / COLUMNS) * PANEL_HEIGHT
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}">'
    background = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([opening, f"<style>{STYLE}</style>", background, *parts, "</svg>\n"])


def header(machine: str, colours: dict[int, str], x: float, y: float) -> list[str]:
    parts = [
        f'<text class="title" x="{x}" y="{y}">Times faster than pure Python, by commit</text>',
        f'<text x="{x}" y="{y + 20}">{escape(machine)}. {NOTE}</text>',
    ]
    x += COLUMNS * PANEL_WIDTH - 120 * len(colours)
    for n, colour in colours.items():
        parts.append(f'<rect x="{x}" y="{y - 9}" width="12" height="12" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{y + 1}">{n:,} elements</text>')
        x += 120
    return parts


def panel(kernel: str, sizes: dict[int, Series], commits: list[str], colours: dict[int, str]) -> list[str]:
    """One kernel's name, scale and lines, from the panel's own upper left corner."""
    low, high = scale_of([series[commit] for series in sizes.values() for commit in commits if commit in series])
    left, right = PLOT_LEFT, PLOT_LEFT + PLOT_WIDTH
    step = PLOT_WIDTH / max(1, len(commits) - 1)

    def height(speedup: float) -> float:
        return PLOT_TOP + PLOT_HEIGHT * math.log(high / speedup) / math.log(high / low)

    parts = [f'<text class="kernel" x="0" y="14">{escape(kernel)}</text>']
    for tick in ticks(low, high):
        y = height(tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>')
    y = PLOT_TOP + PLOT_HEIGHT + 16
    parts.append(f'<text x="{right}" y="{y}" text-anchor="end">{commits[-1][:8]}</text>')
    if len(commits) > 1:
        parts.append(f'<text x="{left}" y="{y}">{commits[0][:8]}</text>')

    latest = []
    for n, series in sorted(sizes.items()):
        points = {  # the newest commit stands at the right edge, also when it is the only one
            commit: (right - step * age, height(series[commit]))
            for age, commit in enumerate(reversed(commits))
            if commit in series
        }
        for newer, older in pairwise(reversed(commits)):
            if newer in points and older in points:
                (x1, y1), (x2, y2) = points[older], points[newer]
                line = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
                parts.append(f'<line class="line" {line} stroke="{colours[n]}"/>')
        for commit, (x, y) in points.items():
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colours[n]}">'
                f"<title>{commit[:8]}, {n:,} elements: {series[commit]:.1f}x</title></circle>"
            )
        if points:
            newest = next(iter(points))
            latest.append((*points[newest], series[newest], colours[n]))
    return parts + latest_values(latest)


def latest_values(latest: list[tuple[float, float, float, str]]) -> list[str]:
    """The last figure of every line, beside its last dot, moved down where it would cover the one above."""
    parts = []
    above = -math.inf
    for x, y, speedup, colour in sorted(latest, key=lambda point: point[1]):
        above = max(y + 4, above + 13)
        text = f"{speedup:,.0f}x" if speedup >= 10 else f"{speedup:.1f}x"
        parts.append(f'<text class="value" x="{x + 8:.1f}" y="{above:.1f}" style="fill:{colour}">{text}</text>')
    return parts


def scale_of(values: list[float]) -> tuple[float, float]:
    low, high = min(values) / 1.2, max(values) * 1.2
    widen = max(1.0, SMALLEST_RANGE / (high / low)) ** 0.5
    return low / widen, high * widen


def ticks(low: float, high: float) -> list[float]:
    """Round values in the range: 1, 2, 5, 10, ... or, in a range of more than a decade and a half, powers of ten."""
    steps = (1, 2, 5) if high / low < 30 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [tick for decade in decades for step in steps if low <= (tick := step * 10.0**decade) <= high]


def main() -> int:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--results", type=Path, default=RESULTS, help="default: the committed ones")
    cli.add_argument("--out", type=Path, default=RESULTS / "history.svg")
    args = cli.parse_args()
    machines = read_results(args.results)
    if not machines:
        print(f"no results in {args.results}: python asv_bench/measure.py makes some")
        return 1
    try:
        commits = git("rev-list", "--reverse", "--topo-order", "HEAD").split()
    except MeasureError as error:
        print(error, file=sys.stderr)
        return 2
    args.out.write_text(draw(machines, commits))
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
