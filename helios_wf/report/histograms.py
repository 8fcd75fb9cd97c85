"""Histograms and counts in the JSON outputs of a run, known by their layout, whoever made them.

A histogram is an object with an array of numbers ``histogram``.  Its edges are ``edges``, one more than bins,
or bins are equal from ``low`` to ``high``; these stand in it, or in an object around it, or in the
``question`` of one of them.  ``underflow``, ``overflow``, ``mean``, ``label`` and ``unit`` may stand beside.
Counts are an object with ``values``, which maps texts to whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from helios_wf.model import Json
from helios_wf.report.facts import Categories, Histogram
from helios_wf.tables.sizes import files_in

MOST_BYTES = 4_000_000
MOST_FILES = 50
MOST_PLOTS = 24
MOST_BINS = 200
MOST_VALUES = 8


def plots(outputs: Mapping[str, Json]) -> tuple[tuple[Histogram, ...], tuple[Categories, ...]]:
    """Returns the first histograms and counts in the files of an output object that are still there."""
    histograms: list[Histogram] = []
    categories: list[Categories] = []
    n_files = 0
    for output, value in outputs.items():
        for file in files_in(value):
            name = str(file.get("basename") or "")
            if not name.endswith(".json") or (file.get("size") or 0) > MOST_BYTES:
                continue
            n_files += 1
            if n_files > MOST_FILES:
                break
            for plot in _in_file(output, name, Path(str(file.get("path") or ""))):
                (histograms if isinstance(plot, Histogram) else categories).append(plot)  # type: ignore[arg-type]
    return tuple(histograms[:MOST_PLOTS]), tuple(categories[:MOST_PLOTS])


def _in_file(output: str, name: str, path: Path) -> Iterator[Histogram | Categories]:
    try:
        value = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, ValueError):
        return
    yield from _within(value, (), [], output, name)


def _within(
    value: Json, keys: tuple[str, ...], around: list[dict[str, Json]], output: str, file: str
) -> Iterator[Histogram | Categories]:
    """Yields what is drawn of a value, which stands below these keys in these objects."""
    if isinstance(value, list):
        for index, one in enumerate(value[:MOST_FILES]):
            if isinstance(one, dict | list):
                yield from _within(one, (*keys, str(index)), around, output, file)
    if not isinstance(value, dict) or len(keys) > 20:
        return
    title = " ".join(key for key in keys if key)
    scope = [*around, value]
    if (found := _histogram(scope, output, file, title)) is not None:
        yield found
    elif (counts := _counts(value)) is not None:
        yield _categories(counts, output, file, title)
        return
    for key, one in value.items():
        if isinstance(one, dict | list) and key not in ("histogram", "edges", "question"):
            yield from _within(one, (*keys, key), scope, output, file)


def _histogram(scope: Sequence[dict[str, Json]], output: str, file: str, title: str) -> Histogram | None:
    value = scope[-1]
    counts = _numbers(value.get("histogram"))
    if not counts:
        return None
    edges = _edges(scope, len(counts))
    if edges is None:
        return None
    edges, bins, joined = _coarser(edges, counts)
    numbers = {name: _number(value.get(name)) for name in ("underflow", "overflow", "mean")}
    return Histogram(
        output,
        file,
        title or "histogram",
        _text(value.get("label")),
        _text(value.get("unit")),
        edges,
        bins,
        numbers["underflow"] or 0.0,
        numbers["overflow"] or 0.0,
        numbers["mean"],
        joined,
    )


def _edges(scope: Sequence[dict[str, Json]], n_bins: int) -> tuple[float, ...] | None:
    """Returns the edges of bins, from the nearest object that gives them."""
    for around in reversed(scope):
        question = around.get("question")
        for told in (around, question if isinstance(question, dict) else {}):
            edges = _numbers(told.get("edges"))
            if edges is not None and len(edges) == n_bins + 1:
                return tuple(edges) if all(a < b for a, b in pairwise(edges)) else None
            low, high = _number(told.get("low")), _number(told.get("high"))
            if low is not None and high is not None and low < high:
                return tuple(low + index * (high - low) / n_bins for index in range(n_bins + 1))
    return None


def _coarser(
    edges: tuple[float, ...], counts: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...], int]:
    """Returns a histogram that can be drawn: so many bins joined to one that few are left."""
    joined = -(-len(counts) // MOST_BINS)
    bins = tuple(float(sum(counts[index : index + joined])) for index in range(0, len(counts), joined))
    kept = [*edges[:-1:joined], edges[-1]]
    return tuple(kept), bins, joined


def _counts(value: dict[str, Json]) -> dict[str, int] | None:
    values = value.get("values")
    if isinstance(values, dict) and values and all(type(count) is int for count in values.values()):
        return values
    return None


def _categories(counts: dict[str, int], output: str, file: str, title: str) -> Categories:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    shown, rest = ordered[:MOST_VALUES], ordered[MOST_VALUES:]
    return Categories(
        output, file, title or "counts", tuple(shown), len(rest), sum(count for _, count in rest)
    )


def _numbers(value: Json) -> list[float] | None:
    """Returns an array of finite numbers; None of anything else."""
    if not isinstance(value, list):
        return None
    found = [_number(one) for one in value]
    return None if None in found else found  # type: ignore[return-value]


def _number(value: Json) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
