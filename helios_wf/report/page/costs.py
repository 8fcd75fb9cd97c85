"""What a run cost: time of its jobs and workers, and resources asked beside those used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from helios_wf.report.facts import Facts, Numbers, TaskFacts
from helios_wf.report.page.markup import Cell, mute, number, pairs, rect, table, text, words
from helios_wf.report.page.plots import share, spread
from helios_wf.report.page.timeline import colour
from helios_wf.states import GOOD_JOBS, SETTLED_RUNS, JobState
from helios_wf.wording import memory_text, precise_duration, size_text


def steps(facts: Facts) -> str:
    """Returns the table of steps: their jobs, and how long these waited and took."""
    most = max((task.took_s.most for task in facts.tasks if task.took_s is not None), default=0.0)
    waited = max((task.queue_s.most for task in facts.tasks if task.queue_s is not None), default=0.0)
    headers = ("step", "state", "done", "of", "reused", "failed", "waited", "", "took", "", "tools in all")
    rows = []
    for task in facts.tasks:
        name = (
            f'<i class="dot {colour(task.number)}"></i><span id="step-{task.number}">{text(task.name)}</span>'
        )
        rows.append(
            [
                Cell(name, task.name),
                words(task.state),
                number(sum(task.jobs.get(state, 0) for state in GOOD_JOBS)),
                Cell("?", None, True) if task.total is None else number(task.total),
                number(task.reused or None),
                number(task.jobs.get(JobState.FAILED)),
                _of(task.queue_s, lambda one: one.median),
                _spread(task.queue_s, waited),
                _of(task.took_s, lambda one: one.median),
                _spread(task.took_s, most),
                _of(task.wall_s, lambda one: one.total),
            ]
        )
    told = "Medians. Waited: from the hand-over to the backend to the start, so in its queue."
    return table(headers, rows, "Steps") + (f"<p>{mute(told)}</p>" if most else "")


def _of(numbers: Numbers | None, which: Callable[[Numbers], float]) -> Cell:
    return number(None if numbers is None else which(numbers), precise_duration)


def _spread(numbers: Numbers | None, most: float) -> Cell:
    if numbers is None:
        return Cell("")
    said = (
        f"least {precise_duration(numbers.least)}, median {precise_duration(numbers.median)}, "
        f"95 % below {precise_duration(numbers.p95)}, most {precise_duration(numbers.most)}"
    )
    return Cell(spread(numbers, most, said), numbers.most)


def resources(facts: Facts) -> str:
    """Returns what each step asked for beside what it used."""
    headers = (
        "step",
        "cores",
        "busy",
        "memory asked",
        "peak",
        "",
        "time limit",
        "longest",
        "GPUs",
        "written",
    )
    rows = [
        [
            words(task.name),
            _each(task.asked.cores, "{:g}".format),
            number(task.efficiency, "{:.0%}".format),
            _each(task.asked.memory_mb, memory_text),
            _each(task.peak_memory_mb, memory_text),
            _use(task),
            _each(task.asked.time_s, precise_duration),
            _of(task.wall_s, lambda one: one.most),
            _each(task.asked.gpus, "{:g}".format),
            number(task.n_bytes or None, size_text),
        ]
        for task in facts.tasks
        if task.asked.cores is not None
    ]
    told = (
        "For each job, the least and the greatest where they differ. Busy: processor time over tool time and "
        "cores. A peak is known only where it is above that of the worker which started the tool."
    )
    return f"{table(headers, rows, 'Resources')}<p>{mute(told)}</p>" if rows else ""


def _each(numbers: Numbers | None, said: Callable[[float], str]) -> Cell:
    """Returns what jobs have: one value, or the least and the greatest."""
    if numbers is None:
        return number(None)
    low, high = said(numbers.least), said(numbers.most)
    return Cell(text(low if low == high else f"{low} – {high}"), numbers.most, True)


def _use(task: TaskFacts) -> Cell:
    """Returns how much of the memory that was asked for was used, as a bar."""
    peak, asked = task.peak_memory_mb, task.asked.memory_mb
    if peak is None or asked is None or not asked.most:
        return Cell("")
    used = peak.most / asked.most
    return Cell(share(used, "f-bad" if used > 1 else "f-good", f"{used:.0%} of it used"), used)


def overhead(facts: Facts) -> str:
    """Returns where the time of workers went, as one bar and in words."""
    over = facts.overhead
    if not over.present_s:
        return ""
    parts = (
        ("f-good", "in tools", over.tool_s, "a tool ran, and its job ended well"),
        ("around", "around tools", over.around_s, "folders, staging of inputs, start, collecting of outputs"),
        ("f-bad", "lost to failures", over.failed_s, "tries that failed, whether they were repeated or not"),
        ("idle", "no job", over.between_s, "between jobs: the next was on its way, or there was none"),
    )
    bars, rows, at = [], [], 0.0
    for kind, name, seconds, meaning in parts:
        part = seconds / over.present_s
        bars.append(rect(kind, at, 0, 100 * part, 10, f"{name}: {precise_duration(seconds)}, {part:.1%}"))
        at += 100 * part
        head = Cell(f'<i class="dot {kind}"></i>{text(name)}', name)
        rows.append((head, number(seconds, precise_duration), number(part, "{:.1%}".format), words(meaning)))
    bar = (
        '<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="Where the time of workers went">{"".join(bars)}</svg>'
    )
    headers = ("worker time", "in all", "share", "what it is")
    return bar + table(headers, rows, "Worker time") + pairs(_waits(facts))


def _waits(facts: Facts) -> Iterator[tuple[str, str]]:
    over = facts.overhead
    yield "before the first job", f"{precise_duration(over.before_s)} from the run's record"
    if facts.run.state in SETTLED_RUNS:
        yield "after the last job", f"{precise_duration(over.after_s)}, with publishing"
    if mean_s := _mean([task.queue_s for task in facts.tasks]):
        yield "a job waited", f"{precise_duration(mean_s)} on average, once handed to its backend"
    if mean_s := _mean([task.settle_s for task in facts.tasks]):
        yield "a report waited", f"{precise_duration(mean_s)} on average, until it was recorded"


def _mean(all_numbers: Sequence[Numbers | None]) -> float | None:
    found = [numbers for numbers in all_numbers if numbers is not None]
    n = sum(one.n for one in found)
    return sum(one.total for one in found) / n if n else None


def devices(facts: Facts) -> str:
    """Returns what the GPUs did."""
    rows = [
        (
            words(one.uuid),
            number(one.jobs),
            number(one.peak_memory_mb, memory_text),
            number(one.utilisation, "{:.0f} %".format),
        )
        for one in facts.devices
    ]
    return table(("device", "jobs", "peak memory", "mean utilisation"), rows, "GPUs") if rows else ""
