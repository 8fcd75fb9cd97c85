"""The sections of the page below the answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence

from helios_wf.failures import Failure, Kind, span
from helios_wf.report.facts import Facts, JobLine, LostRange, Numbers, TaskFacts
from helios_wf.report.page.answer import instant
from helios_wf.report.page.markup import Cell, code, mute, number, pairs, rect, table, text, words
from helios_wf.report.page.over_time import colour
from helios_wf.report.page.plots import share, spread
from helios_wf.states import GOOD_JOBS, SETTLED_RUNS, JobState
from helios_wf.wording import precise_duration, size_text

TAIL_LINES = 12
"""Last lines of a log that are shown."""

MOST_WORDS = 60
"""Words of a command line that are shown."""

MOST_ATTEMPTS = 5
"""Numbers of attempts that have a column of their own."""


def failures(facts: Facts) -> str:
    """Returns the failed jobs, those that failed alike together."""
    more = facts.n_failures - len(facts.failures)
    rest = f"<p>{mute(f'and {more:,} more kinds')}</p>" if more > 0 else ""
    return "".join(_kind(one, index < 3) for index, one in enumerate(facts.failures)) + rest


def _kind(kind: Kind, is_open: bool) -> str:
    of = f" of {kind.total:,}" if kind.total is not None else ""
    many = f"{kind.n_jobs:,}{of} jobs of {kind.step}" if kind.n_jobs > 1 else kind.first.job
    head = f"<summary><strong>{text(kind.why)}</strong> {mute(many)}</summary>"
    others = [("in the same way", text(kind.others))] if kind.others else []
    body = _log(kind.first.stderr_tail) + pairs([*_told(kind.first), *others])
    return f'<details class="failure"{" open" if is_open else ""}>{head}{body}</details>'


def _told(failure: Failure) -> Iterator[tuple[str, str]]:
    yield "job", f"{code(failure.job)}, attempt {failure.attempt}"
    if failure.cause is not None:
        yield "cause", text(failure.cause)
    if failure.events:
        yield "events", text(span(*failure.events))
    if failure.file:
        yield "file", code(failure.file)
    if failure.host:
        after = f" after {precise_duration(failure.wall_s)}" if failure.wall_s else ""
        yield "where", text(f"{failure.host} {failure.worker}{after}")
    if failure.command:
        more = " ..." if len(failure.command) > MOST_WORDS else ""
        yield "command", code(shlex.join(failure.command[:MOST_WORDS]) + more)
    if failure.log:
        yield "whole log", code(failure.log)
    if failure.attempt and failure.command:
        yield "to run it again", code(f"helios-wf rerun {shlex.quote(failure.name)}")


def _log(tail: str) -> str:
    shown = "\n".join(tail.rstrip().splitlines()[-TAIL_LINES:])
    return f'<pre aria-label="end of its stderr">{text(shown)}</pre>' if shown else ""


def lost_ranges(facts: Facts) -> str:
    """Returns the event ranges that failed or were given up."""
    if not facts.n_lost_ranges:
        return ""
    headers = ("job", "file", "first event", "events", "state", "tries", "why")
    more = facts.n_lost_ranges - len(facts.lost_ranges)
    command = code(f"helios-wf ranges {facts.run.id} --state failed --format csv")
    rest = f"<p>{mute(f'and {more:,} more:')} {command}</p>" if more > 0 else ""
    return table(headers, map(_lost_range, facts.lost_ranges), "Event ranges that were lost") + rest


def _lost_range(one: LostRange) -> list[Cell]:
    failure = one.failure
    first, stop = failure.events or (0, 0)
    why, log = text(failure.why), _log(failure.stderr_tail)
    return [
        words(failure.job),
        words(failure.file or ""),
        number(first),
        number(stop - first),
        words(one.state),
        number(one.tries),
        Cell(f"<details><summary>{why}</summary>{log}</details>" if log else why, failure.why),
    ]


def steps(facts: Facts) -> str:
    """Returns the table of steps: their jobs, and how long these waited and took."""
    most = max((task.took_s.most for task in facts.tasks if task.took_s is not None), default=0.0)
    waited = max((task.queue_s.most for task in facts.tasks if task.queue_s is not None), default=0.0)
    headers = ("step", "state", "done", "of", "failed", "waited", "", "took", "", "tools in all")
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
                number(task.jobs.get(JobState.FAILED)),
                _of(task.queue_s, lambda one: one.median),
                _spread(task.queue_s, waited),
                _of(task.took_s, lambda one: one.median),
                _spread(task.took_s, most),
                _of(task.wall_s, lambda one: one.total),
            ]
        )
    told = "Medians. Waited: from the hand-over to the backend to the start, so in its queue."
    return table(headers, rows, "Steps") + f"<p>{mute(told)}</p>"


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
            _each(task.asked.memory_mb, _memory),
            _each(task.peak_memory_mb, _memory),
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


def _memory(value: float) -> str:
    return f"{value:,.0f} MiB"


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


def attempts(facts: Facts) -> str:
    """Returns how many attempts jobs needed, and why some needed more."""
    tasks = [task for task in facts.tasks if task.attempts]
    if not tasks:
        return ""
    most = max(max(task.attempts) for task in tasks)
    if most == 1 and not facts.troubles:
        return "<p>Every job needed one attempt.</p>"
    shown = range(1, min(most, MOST_ATTEMPTS) + 1)
    headers = ("step", "1 attempt", *(f"{n} attempts" for n in shown[1:]), "more", "failed", "lost")
    rows = [
        [
            words(task.name),
            *(number(task.attempts.get(n)) for n in shown),
            number(sum(many for n, many in task.attempts.items() if n > MOST_ATTEMPTS) or None),
            number(task.charged or None),
            number(task.lost or None),
        ]
        for task in tasks
    ]
    told = "Failed: tries that failed of themselves. Lost: tries that were not to blame for it."
    return f"{table(headers, rows, 'Attempts')}<p>{mute(told)}</p>{_troubles(facts)}"


def _troubles(facts: Facts) -> str:
    names = facts.names()
    rows = [
        (
            words(names[one.task]),
            words(one.cause or ""),
            number(one.n),
            number(one.seconds, precise_duration),
            words(one.message),
        )
        for one in facts.troubles
    ]
    headers = ("step", "cause", "tries", "time", "for example")
    name = "Tries that were repeated"
    return f"<h3>{name}</h3>{table(headers, rows, name)}" if rows else ""


def events(facts: Facts) -> str:
    """Returns what became of the events of each step."""
    rows = [
        (
            words(task.name),
            number(told.total),
            number(told.done),
            number(told.lost or None),
            number(told.n_out),
            number(sum(told.ranges.values()) or None),
            words(", ".join(f"{count:,} {state}" for state, count in told.ranges.items())),
            number(told.tries or None),
        )
        for task in facts.tasks
        if (told := task.events) is not None
    ]
    headers = ("step", "events", "done", "lost", "written", "ranges", "states of ranges", "tries")
    return table(headers, rows, "Events") if rows else ""


def devices(facts: Facts) -> str:
    """Returns what the GPUs did."""
    rows = [
        (
            words(one.uuid),
            number(one.jobs),
            number(one.peak_memory_mb, _memory),
            number(one.utilisation, "{:.0f} %".format),
        )
        for one in facts.devices
    ]
    return table(("device", "jobs", "peak memory", "mean utilisation"), rows, "GPUs") if rows else ""


def jobs(facts: Facts) -> str:
    """Returns the table of jobs: those that failed, then the slowest."""
    if not facts.jobs:
        return ""
    headers = (
        *(
            "job",
            "state",
            "attempt",
            "waited",
            "took",
            "tool",
            "processor",
            "peak",
            "written",
            "where",
            "why",
        ),
    )
    names = facts.names()
    rows = [_job(one, names) for one in facts.jobs]
    find = '<p><label>Show jobs with <input type="search" id="find" autocomplete="off"></label></p>'
    return find + table(headers, rows, "Jobs", ' id="jobs-table"')


def _job(one: JobLine, names: dict[int, str]) -> list[Cell]:
    index = f"[{one.path.replace('/', ',')}]" if one.path else ""
    name = f"{names[one.task]}{index}"
    return [
        Cell(f'<i class="dot {colour(one.task)}"></i>{text(name)}', name),
        Cell(f'<span class="s-{one.state.lower()}">{one.state}</span>', str(one.state)),
        number(one.attempt),
        *(number(value, precise_duration) for value in (one.queue_s, one.took_s, one.wall_s, one.cpu_s)),
        number(one.peak_memory_mb, _memory),
        number(one.n_bytes or None, size_text),
        words(f"{one.host} {one.worker}".strip()),
        words(one.message or one.cause or ""),
    ]


def history(facts: Facts) -> str:
    """Returns the changes of the run's state."""
    rows = [
        (
            Cell(text(instant(one.at)), one.at),
            number(one.at_s, precise_duration),
            words(one.new if one.new != one.old else ""),
            words(one.note),
        )
        for one in facts.history
    ]
    return table(("UTC", "after", "state", "what"), rows, "History") if rows else ""


def environment(facts: Facts) -> str:
    """Returns what the run was made with."""
    return pairs(_environment(facts))


def _environment(facts: Facts) -> Iterator[tuple[str, str]]:
    run = facts.run
    yield "document", f"{code(run.document)} (CWL {text(run.cwl_version)})"
    yield "its digest", code(run.document_digest)
    if run.template:
        yield "template", text(f"{run.template}, version {run.version}")
    yield "ran on", text(", ".join(run.backends) or "nothing yet")
    if run.n_hosts:
        more = f" and {run.n_hosts - len(run.hosts)} more" if run.n_hosts > len(run.hosts) else ""
        yield "hosts", text(", ".join(run.hosts) + more)
    yield "workers", f"{facts.overhead.n_workers:,}"
    for step, image in run.containers.items():
        yield f"container of {step}", code(image)
    for name, value in run.options.items():
        if value:
            yield name, code(value if isinstance(value, str) else " ".join(map(str, value)))
    yield "store", code(run.store)
    if run.engine:
        yield "engine", text(run.engine)
    yield "this page", text(f"made {instant(facts.made_at)} UTC by helios-wf {run.helios_version}")
    for task in facts.tasks:
        if task.differs:
            yield f"{task.name} is run by cwltool", f"<pre>{text(task.differs)}</pre>"
