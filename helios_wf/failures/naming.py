"""How jobs and events are called where people read of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

MOST_NAMED = 12
"""Jobs, or spans of jobs, that one text names."""


def job_name(step: str, path: str | tuple[int, ...]) -> str:
    """Returns ``step[0,7]`` for the job at index path ``0/7``; the step alone where it has only one."""
    index = path.replace("/", ",") if isinstance(path, str) else ",".join(map(str, path))
    return f"{step}[{index}]" if index else step


def several(step: str, paths: Iterable[str]) -> str:
    """Returns jobs of a step in short: ``step[0-3,7]``; of several indices ``step[0,0-3], step[4,7]``."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for path in paths:
        *outer, index = map(int, path.split("/"))
        groups.setdefault(tuple(outer), []).append(index)
    parts = [(outer, span) for outer, indices in sorted(groups.items()) for span in _spans(sorted(indices))]
    shown, more = parts[:MOST_NAMED], parts[MOST_NAMED:]
    rest = f" and {_many(more):,} more" if more else ""
    if all(not outer for outer, _ in shown):
        return f"{step}[{','.join(_text(span) for _, span in shown)}]{rest}"
    named = (f"{step}[{','.join([*map(str, outer), _text(span)])}]" for outer, span in shown)
    return ", ".join(named) + rest


def span(first: int, stop: int) -> str:
    """Returns ``event 7`` or ``events [7, 9)``."""
    return f"event {first}" if stop - first == 1 else f"events [{first}, {stop})"


def _spans(indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields ``(first, last)`` of indices that follow one another."""
    first = last = indices[0]
    for index in indices[1:]:
        if index != last + 1:
            yield first, last
            first = index
        last = index
    yield first, last


def _text(span: tuple[int, int]) -> str:
    first, last = span
    return str(first) if first == last else f"{first}-{last}"


def _many(parts: Iterable[tuple[tuple[int, ...], tuple[int, int]]]) -> int:
    return sum(last - first + 1 for _, (first, last) in parts)
