"""Runs as notebooks show them: HTML that needs nothing else, light or dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from helios_wf.failures import told_kinds
from helios_wf.interface.outputs import Directory, File, Output
from helios_wf.interface.status import Status, TaskStatus
from helios_wf.states import RunState
from helios_wf.wording import duration, rate_text, size_text

if TYPE_CHECKING:
    from helios_wf.failures import Kind

SHOWN_FILES = 10
"""Files of one output that are shown by name."""

SHOWN_RUNS = 20
"""Runs of which the tasks are shown while they are waited for."""

_COLOURS = {
    RunState.DONE: "#2e7d32",
    RunState.FINISHED: "#b26a00",
    RunState.FAILED: "#c62828",
    RunState.CANCELLED: "#757575",
    RunState.PAUSED: "#b26a00",
    RunState.RUNNING: "#1565c0",
    RunState.PENDING: "#1565c0",
}
_BAR = "display:inline-block;width:12em;height:0.7em;background:#8884;border-radius:0.3em;overflow:hidden;"
_PART = "display:inline-block;height:100%;vertical-align:top;"


class Html:
    """HTML that a notebook shows as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<progress of runs>"


def run_html(status: Status, outputs: Mapping[str, Output], kinds: Sequence[Kind]) -> str:
    """Returns a run: its state, tasks, outputs and failures."""
    parts = [_title(status), _facts(status), _tasks(status.tasks), _outputs(outputs), _failures(kinds)]
    return "<div>" + "".join(parts) + "</div>"


def progress_html(statuses: Sequence[Status]) -> str:
    """Returns where runs stand, in short."""
    shown, more = statuses[:SHOWN_RUNS], len(statuses) - SHOWN_RUNS
    text = "".join(_title(status) + _tasks(status.tasks) for status in shown)
    return f"<div>{text}{f'<div>and {more:,} more runs</div>' if more > 0 else ''}</div>"


def runs_html(statuses: Sequence[Status], not_run: Sequence[str] = ()) -> str:
    """Returns a table of runs, and what was not run."""
    rows = [
        (
            escape(status.run),
            _state(status.state),
            escape(status.document),
            escape(", ".join(status.datasets.values())),
            status.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        )
        for status in statuses
    ]
    table = _table(("run", "state", "document", "datasets", "created (UTC)"), rows) if rows else "no runs"
    return f"<div>{table}{''.join(f'<div>not run: {escape(reason)}</div>' for reason in not_run)}</div>"


def run_text(status: Status, outputs: Mapping[str, Output], kinds: Sequence[Kind]) -> str:
    """Returns the same as plain text."""
    reason = f": {status.reason}" if status.reason else ""
    lines = [f"run {status.run} of {status.document} is {status.state}{reason}"]
    for task in status.tasks:
        words = [f"{task.done}/{_number(task.total)} jobs", *_counts(task)]
        lines.append(f"  {task.name}: {', '.join(words)}")
    lines += [f"  {name} = {_short(value)}" for name, value in outputs.items()]
    lines += [f"  {line}" for line in told_kinds(kinds)]
    return "\n".join(lines)


def _title(status: Status) -> str:
    name = status.template or status.document
    version = f" version {status.version}" if status.version is not None else ""
    return (
        f"<div>{_state(status.state)} <b>{escape(name)}</b>{escape(version)} "
        f"<code>{escape(status.run)}</code></div>"
    )


def _state(state: RunState) -> str:
    style = f"background:{_COLOURS[state]};color:#fff;padding:0 0.5em;border-radius:0.3em;"
    return f'<span style="{style}">{escape(state)}</span>'


def _facts(status: Status) -> str:
    facts = [f"{name}: {dataset}" for name, dataset in status.datasets.items()]
    facts += [status.reason] if status.reason else []
    if status.state is RunState.RUNNING and not status.is_at_work:
        facts.append("no engine is at work on it; run.resume() goes on with it")
    return "".join(f"<div>{escape(fact)}</div>" for fact in facts)


def _tasks(tasks: Sequence[TaskStatus]) -> str:
    rows = [
        (escape(task.name), _bar(task), escape(_amount(task)), escape(", ".join(_counts(task))))
        for task in tasks
    ]
    return _table(("task", "", "done", ""), rows) if rows else ""


def _amount(task: TaskStatus) -> str:
    jobs = f"{task.done:,}/{_number(task.total)} jobs"
    if task.events is None:
        return jobs
    return f"{jobs}, {task.events.done + task.events.lost:,}/{_number(task.events.total)} events"


def _counts(task: TaskStatus) -> list[str]:
    words = [
        f"{count:,} {what}"
        for what, count in (
            ("reused", task.reused),
            ("running", task.running),
            ("waiting", task.waiting),
            ("failed", task.failed),
        )
        if count
    ]
    if task.events is not None and task.events.lost:
        words.append(f"{task.events.lost:,} events lost")
    if task.events is not None and task.events.per_s:
        words.append(f"{rate_text(task.events.per_s)} events/s")
    elif task.per_s and task.left_s is not None:
        words.append(f"{rate_text(task.per_s)}/s")
    return words + ([f"{duration(task.left_s)} left"] if task.left_s is not None else [])


def _bar(task: TaskStatus) -> str:
    events = task.events
    done, total, failed = task.done, task.total, task.failed
    if events is not None and events.total:
        done, total, failed = events.done, events.total, events.lost
    share = [100 * part / total if total else 0.0 for part in (done, failed)]
    parts = zip(share, ("#2e7d32", "#c62828"), strict=True)
    inner = "".join(
        f'<span style="{_PART}width:{width:.1f}%;background:{colour}"></span>' for width, colour in parts
    )
    return f'<span style="{_BAR}">{inner}</span>'


def _outputs(outputs: Mapping[str, Output]) -> str:
    rows = [(escape(name), _value(value)) for name, value in outputs.items()]
    return _table(("output", ""), rows) if rows else ""


def _value(value: Output) -> str:
    if isinstance(value, list) and value:
        more = len(value) - SHOWN_FILES
        shown = "<br>".join(_value(one) for one in value[:SHOWN_FILES])
        return shown + (f"<br>and {more:,} more" if more > 0 else "")
    return f"<code>{escape(_short(value))}</code>"


def _short(value: Output) -> str:
    if isinstance(value, File):
        return f"{value.path} ({size_text(value.size)})"
    if isinstance(value, Directory):
        return str(value.path)
    if isinstance(value, list) and len(value) > SHOWN_FILES:
        return f"a list of {len(value):,}"
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _failures(kinds: Sequence[Kind]) -> str:
    if not kinds:
        return ""
    style = "white-space:pre-wrap;border-left:0.3em solid #c62828;padding-left:0.7em;"
    return f'<pre style="{style}">{escape(chr(10).join(told_kinds(kinds)))}</pre>'


def _table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Returns a table of cells that are HTML already."""
    left = 'style="text-align:left"'
    head = "".join(f"<th {left}>{escape(header)}</th>" for header in headers)
    body = "".join("<tr>" + "".join(f"<td {left}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _number(total: int | None) -> str:
    return "?" if total is None else f"{total:,}"
