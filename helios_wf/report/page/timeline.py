"""Timelines: when each step was at work, and what each worker did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from helios_wf.report.facts import Bins, Block, Facts, TaskFacts, Worker
from helios_wf.report.page.axes import Frame, svg, time_ticks
from helios_wf.report.page.markup import cut, label, rect, text, told
from helios_wf.states import GOOD_JOBS
from helios_wf.wording import count_text, precise_duration

WIDTH = 960

MOST_AREAS = 8
"""Steps that have a colour of their own in a chart; the smaller ones are drawn as one."""

ROW = 18
"""Height of a row of a timeline."""

NAMES = 170
"""Room for the names of rows."""

WHOLE = 0.985
"""From this share of its time on, a job counts as all tool: the rest could not be seen."""


def colour(number: int) -> str:
    """Returns the class of a step's colour."""
    return f"t{number % 8}"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Returns what the colours ``(class, text)`` of a chart mean."""
    items = "".join(f'<li><i class="{kind}"></i>{text(said)}</li>' for kind, said in entries)
    return f'<ul class="legend">{items}</ul>'


def outline(
    frame: Frame, bins: Bins, values: Sequence[float], base: float, y: Callable[[float], float]
) -> str:
    """Returns the outline of a value for each bin, as steps."""
    parts = [f"M{frame.left} {base:g}"]
    last = base
    for index, value in enumerate(values):
        height = y(value)
        if height != last:
            parts.append(f"H{frame.x(index * bins.width_s):g}V{height:g}")
            last = height
    parts.append(f"H{frame.edge}V{base:g}Z")
    return "".join(parts)


def seconds_of(bins: Bins) -> float:
    """Returns how long all bins last."""
    return bins.n * bins.width_s


def steps(facts: Facts) -> str:
    """Returns when each step was at work, and with how many of its jobs."""
    rows = [task for task in facts.tasks if task.first_at_s is not None]
    if not rows:
        return ""
    frame = Frame(WIDTH, len(rows) * (ROW + 8) + 34, seconds_of(facts.bins), 1, left=NAMES)
    by_task = {one.task: one.running for one in facts.series}
    parts = [
        _step(task, by_task[task.number], frame, facts.bins, 8 + index * (ROW + 8) + ROW)
        for index, task in enumerate(rows)
    ]
    axis = frame.x_axis(time_ticks(seconds_of(facts.bins)))
    return svg(WIDTH, frame.height, "When each step was at work", axis, *parts)


def _step(task: TaskFacts, running: Sequence[float], frame: Frame, bins: Bins, base: int) -> str:
    first, last = task.first_at_s or 0.0, task.last_at_s or 0.0
    x1, x2 = frame.x(max(first, 0.0)), frame.x(last)
    most = max([*running, 1e-9])
    good = sum(task.jobs.get(state, 0) for state in GOOD_JOBS)
    said = (
        f"{task.name}: {count_text(good, 'job')} done, at work from {precise_duration(first)} to "
        f"{precise_duration(last)}, up to {most:.3g} at a time"
    )
    return label(cut(task.name, 24), frame.left - 8, base - 4, "end") + told(
        said,
        rect("hit", x1, base - ROW, max(x2 - x1, 2), ROW),
        rect("track", x1, base - 1, max(x2 - x1, 1), 2),
        f'<path class="{colour(task.number)}" d="{_skyline(running, most, frame, bins, base)}"/>',
    )


def workers(facts: Facts) -> str:
    """Returns what each worker did over time: each job, or where these are many, how busy it was."""
    if not facts.workers:
        return ""
    frame = Frame(WIDTH, len(facts.workers) * (ROW + 3) + 34, seconds_of(facts.bins), 1, left=NAMES)
    names = facts.names()
    blocks: dict[int, list[Block]] = {}
    for block in facts.blocks or ():
        blocks.setdefault(block.worker, []).append(block)
    parts = [frame.x_axis(time_ticks(seconds_of(facts.bins)))]
    for index, (worker, shown) in enumerate(zip(facts.workers, _called(facts.workers), strict=True)):
        base = 8 + index * (ROW + 3) + ROW
        name = label(cut(shown, 24), frame.left - 8, base - 4, "end")
        parts.append(told(_worker_said(worker), rect("hit", 0, base - ROW, frame.left, ROW), name))
        parts.append(f'<path class="grid" d="M{frame.left} {base}H{frame.edge}"/>')
        if facts.blocks is None:
            parts.append(_busy(worker, shown, frame, facts.bins, base))
        else:
            parts += [_block(one, names, frame, base) for one in blocks.get(index, ())]
    drawn = svg(WIDTH, frame.height, "What each worker did", *parts)
    return drawn if facts.blocks is None else drawn + _block_legend(facts.blocks, names)


def _block_legend(blocks: Sequence[Block], names: dict[int, str]) -> str:
    entries = [(colour(task), names[task]) for task in sorted({block.task for block in blocks})][:MOST_AREAS]
    if any(block.wall_s < WHOLE * block.took_s for block in blocks):
        entries.append(("around", "around the tool: staging, collecting"))
    if any(block.state not in GOOD_JOBS for block in blocks):
        entries.append(("f-bad", "failed"))
    return legend(entries)


def _busy(worker: Worker, shown: str, frame: Frame, bins: Bins, base: int) -> str:
    said = json.dumps(
        {"b": worker.busy, "w": bins.width_s, "x": frame.left, "r": frame.right, "n": shown},
        separators=(",", ":"),
    )
    hit = rect("hit", frame.left, base - ROW, frame.edge - frame.left, ROW)
    line = _skyline(worker.busy, 99, frame, bins, base)
    return f'<g data-busy="{text(said)}">{hit}<path class="t0" d="{line}"/></g>'


def _block(block: Block, names: dict[int, str], frame: Frame, base: int) -> str:
    x1, x2 = frame.x(max(block.start_at_s, 0.0)), frame.x(block.start_at_s + block.took_s)
    width = max(x2 - x1 - 0.4, 0.6)
    share = block.wall_s / block.took_s if block.took_s else 1.0
    index = f"[{block.path.replace('/', ',')}]" if block.path else ""
    again = f", attempt {block.attempt}" if block.attempt > 1 else ""
    said = (
        f"{names[block.task]}{index}: {block.state}{again}\n{precise_duration(block.took_s)}, the tool ran "
        f"for {precise_duration(block.wall_s)}; waited {precise_duration(block.queue_s)}"
    )
    kind = colour(block.task) if block.state in GOOD_JOBS else "f-bad"
    around = "" if share > WHOLE else rect("around", x1, base - ROW + 2, width, ROW - 2, round_by=1)
    return told(said, around, rect(kind, x1, base - ROW + 2, max(width * share, 0.6), ROW - 2, round_by=1))


def _called(workers: Sequence[Worker]) -> list[str]:
    """Returns what workers are called beside their rows: host and number, where that tells them apart."""
    ends = [f"{worker.host} {worker.name.rpartition('-')[2]}".strip() for worker in workers]
    many = Counter(ends)
    return [
        end if many[end] == 1 else f"{worker.host} {worker.name}".strip()
        for worker, end in zip(workers, ends, strict=True)
    ]


def _worker_said(worker: Worker) -> str:
    present = max(worker.last_at_s - worker.first_at_s, 1e-9)
    share = f", {min(worker.took_s / present, 1):.0%} of its time" if worker.n == 1 else ""
    took = precise_duration(worker.took_s)
    return f"{worker.host} {worker.name}\n{count_text(worker.jobs, 'job')}, {took} at work{share}"


def _skyline(values: Sequence[float], most: float, frame: Frame, bins: Bins, base: int) -> str:
    """Returns the outline of a value for each bin, above the line of a row."""
    return outline(frame, bins, values, base, lambda value: round(base - (ROW - 3) * value / most, 1))
