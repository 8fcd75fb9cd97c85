"""The sections of the page below the answer."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from helios_wf.failures import Failure, Kind, span
from helios_wf.report.facts import Facts, JobLine, LostRange
from helios_wf.report.page.answer import instant
from helios_wf.report.page.markup import Cell, code, mute, number, pairs, table, text, words
from helios_wf.report.page.timeline import colour
from helios_wf.wording import memory_text, precise_duration, size_text

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
        number(one.peak_memory_mb, memory_text),
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
