"""What is said of a run when nobody drives it any more: why it is not done, what failed, what to do next."""

from __future__ import annotations

from helios_wf import failures
from helios_wf.engine.holders import is_held
from helios_wf.failures import told, told_kinds
from helios_wf.states import JobState, RangeState, RunState
from helios_wf.store import Store, event_ranges, jobs, runs, tasks
from helios_wf.store.rows import RunRow
from helios_wf.tables.ranges import LOST, Book


def told_end(store: Store, run: str) -> list[str]:
    """Returns what is to be said of a run, in lines; nothing of one that is DONE as it should be."""
    with store.read() as tx:
        row = runs.look(tx, run)
        names = {task.number: task.name for task in tasks.list(tx, run)}
        lines = [_differing(names[number], text) for number, text in tasks.differing(tx, run).items()]
    if row.state is RunState.DONE:
        return lines
    lines.append(f"run {row.id} is {row.state}: {_reason(row)}")
    if row.state is RunState.FAILED:
        lines += [f"  {line}" for line in _failed(store, row)]
    return lines + [f"  {line}" for line in _next(store, row)]


def _reason(row: RunRow) -> str:
    if row.state not in (RunState.PENDING, RunState.RUNNING):
        return row.reason
    return "it is not over yet" if is_held(row) else "interrupted"


def _failed(store: Store, row: RunRow) -> list[str]:
    with store.read() as tx:
        kinds = failures.of_run(tx, row.id)
    lines = told_kinds(kinds)
    if any(kind.first.stderr_tail for kind in kinds):
        return lines
    # a task was given up as a whole
    found = next(Book(store, row, None, frozenset(LOST)).failures(), None)
    if found is None:
        return lines
    return [*lines, *told(found), f"all that failed: helios-wf ranges {row.id} --state failed"]


def _next(store: Store, row: RunRow) -> list[str]:
    """Returns what can be done with a run that is not DONE."""
    with store.read() as tx:
        n_failed = sum(counts.get(JobState.FAILED, 0) for counts in jobs.counts(tx, row.id).values())
        ranges = event_ranges.counts(tx, row.id).values()
    lines = []
    if row.state is not RunState.FINISHED and not is_held(row):
        new = " (the same run command would begin anew)" if row.state is RunState.FAILED else ""
        lines.append(f"to go on with it, keeping what is done{new}: helios-wf resume {row.id}")
    if row.state is RunState.FINISHED and n_failed:
        lines.append(f"to try what was lost again, once that is mended: helios-wf retry {row.id}")
    elif any(RangeState.FATAL in counts for counts in ranges):
        lines.append(f"which events were lost, and why: helios-wf ranges {row.id} --state failed")
        lines.append(f"to try them again, once that is mended: helios-wf retry {row.id} --ranges")
    return lines


def _differing(step: str, found: str) -> str:
    """Returns what is to be said of a step whose compiled tool differs from what cwltool would run."""
    place, *lines = found.splitlines()
    text = f"{place}: step {step!r} is run by cwltool: compiled, it differs; please report this"
    return "\n  ".join([text, *lines])
