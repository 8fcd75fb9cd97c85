"""Histograms and counts that a run made, and how quantities are spread."""

from __future__ import annotations

import json
from itertools import pairwise

from helios_wf.report.facts import Categories, Histogram, Numbers
from helios_wf.report.page.axes import Frame, decade_ticks, short, svg, value_ticks
from helios_wf.report.page.markup import cut, label, mute, rect, text, told

WIDTH, HEIGHT, LEFT = 460, 200, 52

BAR = 24


def histogram(one: Histogram) -> str:
    """Returns a histogram that the run made; a button changes its scale to a logarithmic one."""
    most = max([*one.counts, 1])
    heights = [("lin", value_ticks(most), False), ("log", decade_ticks(most), True)]
    parts, frame = [], Frame(WIDTH, HEIGHT, one.edges[-1], 1, LEFT, one.edges[0])
    for kind, ticks, is_log in heights:
        scale = Frame(WIDTH, HEIGHT, one.edges[-1], ticks[-1], LEFT, one.edges[0], is_log)
        outline = f'<path class="filled" d="{_outline(one, scale)}"/>'
        parts.append(f'<g class="{kind}">{scale.y_axis(ticks, short)}{outline}</g>')
    said = json.dumps({"x": LEFT, "r": frame.right, "e": one.edges, "c": one.counts, "u": one.unit})
    drawn = svg(
        WIDTH,
        HEIGHT,
        f"Histogram of {one.name}",
        frame.x_axis([(edge, f"{edge:g}") for edge in _edge_ticks(one.edges)], grid=False),
        *parts,
        frame.base_line(),
        rect("hit", LEFT, frame.top, frame.edge - LEFT, frame.base - frame.top),
        attributes=f' class="binned" data-bins="{text(said)}"',
    )
    button = '<button type="button" class="scale" aria-pressed="false">log</button>'
    title = _title(one.label or one.name, one.output, one.file, one.unit)
    return f"<figure>{button}{title}{drawn}{_foot(one)}</figure>"


def _outline(one: Histogram, frame: Frame) -> str:
    parts = [f"M{frame.x(one.edges[0])} {frame.base}"]
    for (_, high), value in zip(pairwise(one.edges), one.counts, strict=True):
        parts.append(f"V{frame.y(max(value, 0))}H{frame.x(high)}")
    return "".join([*parts, f"V{frame.base}Z"])


def categories(one: Categories) -> str:
    """Returns counts of values as bars."""
    most = max(count for _, count in one.values) or 1
    total = sum(count for _, count in one.values) + one.rest
    rows = []
    for index, (value, count) in enumerate(one.values):
        y = 6 + index * BAR
        share = f" ({count / total:.2%})" if total else ""
        wide = 250 * count / most
        rows.append(
            told(
                f"{value}: {count:,}{share}",
                rect("hit", 0, y, WIDTH, BAR),
                label(cut(value, 16), 116, y + 15, "end"),
                rect("filled", 124, y + 3, wide, 16, round_by=2),
                label(f"{count:,}", 131 + wide, y + 15),
            )
        )
    drawn = svg(WIDTH, len(rows) * BAR + 12, f"Counts of {one.name}", *rows)
    more = f"<figcaption>{one.n_more:,} more values: {one.rest:,}</figcaption>" if one.n_more else ""
    return f"<figure>{_title(one.name, one.output, one.file, '')}{drawn}{more}</figure>"


def spread(numbers: Numbers, most: float, said: str) -> str:
    """Returns least to greatest as a line, with the median and the 95th percentile marked."""
    least, median, p95, top = (
        2 + 96 * value / (most or 1) for value in (numbers.least, numbers.median, numbers.p95, numbers.most)
    )
    return small(
        said,
        f'<path class="whisker" d="M{least:.1f} 7H{max(top, least + 0.5):.1f}"/>'
        f'<path class="box" d="M{median:.1f} 7H{max(p95, median + 0.5):.1f}"/>'
        f'<circle cx="{median:.1f}" cy="7" r="3"/>',
    )


def share(value: float, kind: str, said: str) -> str:
    """Returns a share as a bar; what is above all of it is not drawn."""
    whole = rect("track", 0, 4, 100, 6, round_by=3)
    return small(said, whole + rect(kind, 0, 4, 100 * min(value, 1), 6, round_by=3))


def small(said: str, drawn: str) -> str:
    """Returns a drawing as large as a word, 100 by 14."""
    told = f'role="img" aria-label="{text(said)}" data-t="{text(said)}"'
    return f'<svg class="spread" viewBox="0 0 100 14" {told}>{drawn}</svg>'


def _title(name: str, output: str, file: str, unit: str) -> str:
    shown = f"{name} [{unit}]" if unit else name
    return f"<h3>{text(shown)} {mute(f'{output}: {file}')}</h3>"


def _edge_ticks(edges: tuple[float, ...]) -> list[float]:
    low, high = edges[0], edges[-1]
    step = value_ticks(high - low, 5)[1]
    first = -(-low // step) * step
    return [first + index * step for index in range(int((high - first) / step + 1e-9) + 1)]


def _foot(one: Histogram) -> str:
    inside = sum(one.counts)
    said = [f"{inside + one.underflow + one.overflow:,.10g} entries"]
    said += [f"mean {one.mean:.6g}"] if one.mean is not None else []
    said += [f"{one.underflow:,.10g} below"] if one.underflow else []
    said += [f"{one.overflow:,.10g} above"] if one.overflow else []
    said += [f"{one.joined} bins drawn as one"] if one.joined > 1 else []
    return f"<figcaption>{text(', '.join(said))}</figcaption>"
