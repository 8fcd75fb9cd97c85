"""Charts over the time of a run: progress and rates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from helios_wf.report.facts import Bins, Facts, Series
from helios_wf.report.page.axes import Frame, short, svg, time_ticks, value_ticks
from helios_wf.report.page.markup import text
from helios_wf.report.page.timeline import MOST_AREAS, WIDTH, colour, legend, outline, seconds_of
from helios_wf.wording import count_text, rate_text, size_text

FINEST = 4
"""Jobs that a bin of a rate has at least, on average, so that it says something."""


class Layer(NamedTuple):
    """A line of a chart: its colour, its name, a value for each bin."""

    kind: str
    name: str
    values: Sequence[float]


def progress(facts: Facts) -> str:
    """Returns how many jobs were done at each time, step upon step."""
    layers = [layer for layer in _ended(facts) if any(layer.values)]
    if not layers:
        return ""
    layers = [layer._replace(values=list(accumulate(layer.values))) for layer in layers]
    ticks = value_ticks(sum(layer.values[-1] for layer in layers))
    frame = Frame(WIDTH, 220, seconds_of(facts.bins), ticks[-1])
    below = [0.0] * facts.bins.n
    drawn = []
    for layer in layers:
        above = [low + value for low, value in zip(below, layer.values, strict=True)]
        drawn.append(f'<path class="{layer.kind}" d="{_band(frame, facts.bins, below, above)}"/>')
        below = above
    chart = _chart(frame, facts.bins, "Jobs done over time", ticks, short, drawn, layers)
    return chart + legend([(layer.kind, layer.name) for layer in layers])


def _ended(facts: Facts) -> list[Layer]:
    """Returns how many jobs ended well in each bin, by step, and how many failed."""
    names = facts.names()
    ordered = sorted(facts.series, key=lambda one: -sum(one.ended))
    largest = sorted(ordered[:MOST_AREAS], key=lambda one: one.task)
    rest = ordered[MOST_AREAS:]
    return [
        *(Layer(colour(one.task), names[one.task], one.ended) for one in largest),
        Layer("rest", count_text(len(rest), "other step"), _summed(rest, lambda one: one.ended)),
        Layer("f-bad", "failed", _summed(facts.series, lambda one: one.failed)),
    ]


def rates(facts: Facts) -> str:
    """Returns jobs, events and bytes a second over time, those that there are."""
    bins, names = facts.bins, facts.names()
    ended = _summed(facts.series, lambda one: one.ended)
    charts = [
        _rate(*_coarser(bins, ended), "Jobs per second", short, rate_text),
        _rate(bins, _summed(facts.series, lambda one: one.running), "Jobs at work", short, rate_text, 1.0),
    ]
    charts += [
        _rate(
            bins,
            one.events,
            f"Events per second in {names[one.task]}",
            short,
            rate_text,
            kind=colour(one.task),
        )
        for one in facts.series
        if any(one.events)
    ]
    written = _summed(facts.series, lambda one: one.bytes)
    charts.append(_rate(bins, written, "Written per second", _bytes, _bytes))
    return "".join(charts)


def _coarser(bins: Bins, values: Sequence[float]) -> tuple[Bins, Sequence[float]]:
    """Returns fewer bins, where few things happened in each."""
    wanted = max(sum(values) / FINEST, 12)
    each = next((n for n in (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20) if bins.n / n <= wanted), 20)
    kept = [sum(values[index : index + each]) for index in range(0, bins.n, each)]
    return Bins(len(kept), bins.width_s * each), kept


def _rate(
    bins: Bins,
    values: Sequence[float],
    title: str,
    tick: Callable[[float], str],
    said: Callable[[float], str],
    per_s: float = 0.0,
    kind: str = "t0",
) -> str:
    """Returns a small chart of what happened a second; with ``per_s`` 1 of the values themselves."""
    if not any(values):
        return ""
    rate = [float(f"{value / (per_s or bins.width_s):.4g}") for value in values]
    ticks = value_ticks(max(rate), 2)
    frame = Frame(WIDTH, 96, seconds_of(bins), ticks[-1])
    drawn = [f'<path class="{kind}" d="{outline(frame, bins, rate, frame.base, frame.y)}"/>']
    chart = _chart(frame, bins, title, ticks, tick, drawn, [Layer(kind, title, rate)], said)
    return f"<h3>{text(title)}</h3>{chart}"


def _chart(
    frame: Frame,
    bins: Bins,
    title: str,
    ticks: Sequence[float],
    tick: Callable[[float], str],
    drawn: Sequence[str],
    layers: Sequence[Layer],
    said: Callable[[float], str] | None = None,
) -> str:
    """Returns a chart over time, whose values are told where the pointer is."""
    values = [
        {"n": layer.name, "v": [said(value) for value in layer.values] if said else layer.values}
        for layer in layers
    ]
    shown = json.dumps(
        {"x": frame.left, "r": frame.right, "w": bins.width_s, "s": values}, separators=(",", ":")
    )
    return svg(
        frame.width,
        frame.height,
        title,
        frame.x_axis(time_ticks(seconds_of(bins))),
        frame.y_axis(ticks, tick),
        *drawn,
        frame.base_line(),
        f'<path class="cursor" d="M0 {frame.top}V{frame.base}"/>',
        attributes=f' class="timed" data-series="{text(shown)}"',
    )


def _band(frame: Frame, bins: Bins, low: Sequence[float], high: Sequence[float]) -> str:
    """Returns the outline between two lines through the ends of the bins, without points that lie on them."""
    up, down = (
        [(0.0, 0.0), *(((index + 1) * bins.width_s, value) for index, value in enumerate(line))]
        for line in (high, low)
    )
    points = [*_thinned(up), *reversed(_thinned(down))]
    return "M" + "L".join(f"{frame.x(at)} {frame.y(value)}" for at, value in points) + "Z"


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Returns the points without those between two of the same height."""
    inner = zip(points, points[1:], points[2:], strict=False)
    kept = [point for before, point, after in inner if not before[1] == point[1] == after[1]]
    return [points[0], *kept, points[-1]]


def _summed(series: Sequence[Series], of: Callable[[Series], Sequence[float]]) -> list[float]:
    return [sum(values) for values in zip(*(of(one) for one in series), strict=True)]


def _bytes(value: float) -> str:
    return f"{size_text(value).replace('.0 ', ' ')}/s" if value else "0"
