"""The steps of a run as a drawn graph: levels from left to right, each step behind what it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from helios_wf.graph import levels, reduction
from helios_wf.report.facts import TaskFacts
from helios_wf.report.page.axes import svg
from helios_wf.report.page.markup import cut, label, rect, text
from helios_wf.report.page.timeline import colour
from helios_wf.states import GOOD_JOBS, JobState
from helios_wf.wording import count_text

WIDE, HIGH = 176, 62
GAP_X, GAP_Y = 54, 18
BAR = WIDE - 24

MOST_STEPS = 150
"""Steps that are drawn; more are in the table only."""

_SWEEPS = 4
_PREFIX, _NAME, _SAID = 10, 21, 29


def drawing(tasks: Sequence[TaskFacts]) -> str:
    """Returns the graph; nothing where there are too many steps to read it."""
    if not 1 <= len(tasks) <= MOST_STEPS:
        return ""
    before = reduction({task.number: task.after for task in tasks})
    columns = _ordered(levels(before), before)
    height = max(len(column) for column in columns) * (HIGH + GAP_Y) + 4
    width = len(columns) * (WIDE + GAP_X) - GAP_X + 8
    place = {}
    for column, level in enumerate(columns):
        top = (height - len(level) * (HIGH + GAP_Y) + GAP_Y) / 2
        for row, number in enumerate(level):
            place[number] = (4.0 + column * (WIDE + GAP_X), top + row * (HIGH + GAP_Y))
    edges = [_edge(place[source], place[number]) for number in before for source in before[number]]
    nodes = [_node(task, *place[task.number]) for task in tasks]
    size = f' class="dag" width="{width}" height="{height}"'
    title = f"Graph of {count_text(len(tasks), 'step')}"
    return svg(width, height, title, *edges, *nodes, attributes=size)


def _ordered(levels: list[list[int]], before: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Returns the levels with their steps put near what they read and what reads them.

    Source: K. Sugiyama, S. Tagawa, M. Toda, IEEE Trans. SMC 11 (1981) 109: the barycentres of neighbours.
    """
    after: dict[int, list[int]] = {number: [] for number in before}
    for number, sources in before.items():
        for source in sources:
            after[source].append(number)
    levels = [sorted(level) for level in levels]
    for sweep in range(_SWEEPS):
        neighbours, way = (before, 1) if sweep % 2 == 0 else (after, -1)
        place = {number: row / len(level) for level in levels for row, number in enumerate(level)}
        for level in levels[::way]:
            wanted = {
                number: _mean([place[one] for one in neighbours[number]], place[number]) for number in level
            }
            level.sort(key=wanted.__getitem__)
            place.update((number, row / len(level)) for row, number in enumerate(level))
    return levels


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _edge(source: tuple[float, float], target: tuple[float, float]) -> str:
    x1, y1 = source[0] + WIDE, source[1] + HIGH / 2
    x2, y2 = target[0], target[1] + HIGH / 2
    bend = max(GAP_X / 2, (x2 - x1) / 2)
    return f'<path class="edge" d="M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"/>'


def _node(task: TaskFacts, x: float, y: float) -> str:
    n_all = sum(task.jobs.values()) if task.total is None else task.total
    good = sum(task.jobs.get(state, 0) for state in GOOD_JOBS)
    failed = task.jobs.get(JobState.FAILED, 0)
    of = "? jobs" if task.total is None else count_text(n_all, "job")
    said = f"{failed:,} failed of {of}" if failed else f"{good:,} of {of}"
    prefix, _, name = task.name.rpartition("/")
    group = f'<tspan class="mute">{text(cut(prefix, _PREFIX))}/</tspan>' if prefix else ""
    shown = cut(name, _NAME - min(len(prefix), _PREFIX + 1))
    bars, at = [], x + 12
    for kind, n in (("f-good", good), ("f-bad", failed)):
        if n and n_all:
            bars.append(rect(kind, at, y + HIGH - 13, BAR * n / n_all, 4, round_by=2))
            at += BAR * n / n_all
    parts = [
        rect("box", x, y, WIDE, HIGH, round_by=8),
        rect(colour(task.number), x, y + 8, 4, HIGH - 16, round_by=2),
        f'<text class="name" x="{x + 12:g}" y="{y + 20:g}">{group}{text(shown)}</text>',
        label(cut(said, _SAID), x + 12, y + 37),
        rect("track", x + 12, y + HIGH - 13, BAR, 4, round_by=2),
        *bars,
    ]
    details = f"{task.name}: {task.state}; {said}"
    return (
        f'<a href="#step-{task.number}" data-t="{text(details)}"><g class="s-{task.state.lower()}">'
        f"{''.join(parts)}</g></a>"
    )
