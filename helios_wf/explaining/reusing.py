"""Why a job was reused or not: the nearest job of an earlier run, and what differs from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from helios_wf.engine.paths import from_text
from helios_wf.failures import job_name
from helios_wf.model.noun import Json
from helios_wf.publishing import Options
from helios_wf.record import name_of
from helios_wf.states import JobState
from helios_wf.store import Tx, jobs, tasks
from helios_wf.store.rows import JobRow, RunRow, TaskRow

MOST_TASKS = 50
"""Tasks of earlier runs that are looked at, the latest first."""

MOST_JOBS = 200
"""Jobs of one of them that are looked at, where it has none of the same index."""


class Reused(NamedTuple):
    """Whether a job was reused, in words, and why not, a line for each reason."""

    is_reused: bool
    summary: str
    reasons: tuple[str, ...] = ()


class _Near(NamedTuple):
    """A job of an earlier run, and what of a job differs from it."""

    run: str
    name: str
    job: JobRow
    differences: tuple[str, ...]


def why(tx: Tx, run: RunRow, task: TaskRow, job: JobRow, place: str = "") -> Reused | None:
    """Returns whether a job was reused, and why not; None where nothing was to be reused: it ran no tool.

    Args:
        tx: a transaction.
        run: of the job.
        task: of the job.
        job: the job.
        place: where its tool stands.
    """
    if job.reused is not None:
        return Reused(True, f"it was not run: {name_of(tx, job.reused)} has done the same")
    forbidden = (job.fields or {}).get("forbidden")
    if forbidden is not None:
        # another step's tool may be the one that changes its inputs
        at = f" ({place})" if place and forbidden == "WorkReuse" else ""
        return Reused(False, f"it cannot be reused: {_FORBIDDEN[forbidden]}{at}")
    if job.key is None:
        return None
    if msgspec.convert(run.options, Options).reuse == "none":
        return Reused(False, "nothing was looked for that it could reuse: reuse is off (--no-reuse)")
    near = _nearest(tx, run, task, job)
    if near is None:
        return Reused(False, f"no earlier run has a job of {task.name!r} that it could reuse")
    of = f"{near.run}/{near.name}"
    if near.differences:
        return Reused(False, f"nothing was reused: the nearest is {of}, and differs", near.differences)
    return Reused(False, f"nothing was reused, though {of} is the same", (_though_same(near.job, job),))


_FORBIDDEN = {
    "WorkReuse": "its tool says so, WorkReuse with enableReuse: false",
    "InplaceUpdateRequirement": "a tool of the run changes its inputs (InplaceUpdateRequirement)",
}


def _though_same(near: JobRow, job: JobRow) -> str:
    if near.reused is None and near.state is not JobState.DONE:
        return f"that job is {near.state}"
    if near.settled_at > job.submitted_at:
        return "that job was not done yet when this one was handed out"
    return "what it had made was not there as it was made: some of it was changed, or is gone"


def _nearest(tx: Tx, run: RunRow, task: TaskRow, job: JobRow) -> _Near | None:
    """Returns the job of an earlier run with the fewest differences, of several the latest."""
    best: _Near | None = None
    for other_run, other in tasks.akin(tx, run.id, task, MOST_TASKS):
        found = [*_of_task(task.fields, other.fields, other_run)]
        if best is not None and len(found) >= len(best.differences):
            continue
        for candidate in _jobs(tx, other_run, other.number, job.path):
            own = [*found, *_of_job(job.fields, candidate.fields, other_run)]
            if best is None or len(own) < len(best.differences):
                name = job_name(other.name, from_text(candidate.path))
                best = _Near(other_run, name, candidate, tuple(own))
    return best


def _jobs(tx: Tx, run: str, task: int, path: str) -> Sequence[JobRow]:
    return [one for one in jobs.like(tx, run, task, path, MOST_JOBS) if one.fields is not None]


def _of_task(now: Json, then: Json, run: str) -> Iterator[str]:
    now, then = now or {}, then or {}
    for field in _differing(now.get("tool", {}), then.get("tool", {})):
        yield _of_tool(field, field in now.get("tool", {}), field in then.get("tool", {}), run)
    yield from _of_inputs(now.get("inputs", {}), then.get("inputs", {}), run)


def _of_tool(field: str, is_now: bool, was_then: bool, run: str) -> str:
    if field.startswith("program "):
        return f"the file {field.removeprefix('program ')!r}, which the command line names, was changed"
    if not was_then:
        return f"the tool has {field!r}, it had none in run {run}"
    if not is_now:
        return f"the tool has no {field!r}, it had one in run {run}"
    return f"{field!r} of the tool is not what it was in run {run}"


def _of_job(now: Json, then: Json, run: str) -> Iterator[str]:
    yield from _of_inputs(now.get("inputs", {}), then.get("inputs", {}), run)
    events, before = now.get("events") or {}, then.get("events") or {}
    for field in _differing(events, before):
        yield f"its events: {field} is {events.get(field)}, it was {before.get(field)} in run {run}"


def _of_inputs(now: Mapping[str, Json], then: Mapping[str, Json], run: str) -> Iterator[str]:
    for name in _differing(now, then):
        yield f"input {name!r} {_change(now.get(name), then.get(name))} in run {run}"


def _differing(now: Mapping[str, Json], then: Mapping[str, Json]) -> list[str]:
    return [name for name in sorted({*now, *then}) if now.get(name) != then.get(name)]


def _change(now: Json, then: Json) -> str:
    """Returns how an input changed: of a file what of it did."""
    if isinstance(now, dict) and isinstance(then, dict) and now.get("class") == then.get("class") == "File":
        parts = [
            f"{words} is {_shown(field, now.get(field))}, it was {_shown(field, then.get(field))}"
            for field, words in _OF_FILE.items()
            if now.get(field) != then.get(field)
        ]
        if parts:
            return f"is another file: {'; '.join(parts)}"
    return f"is {_value(now)}, it was {_value(then)}"


_OF_FILE = {
    "basename": "its name",
    "path": "its path",
    "size": "its size",
    "modified": "its time",
    "checksum": "its checksum",
    "secondaryFiles": "what lies beside it",
    "format": "its format",
    "contents": "its content",
}


def _shown(field: str, value: Json) -> str:
    if field == "modified" and value is not None:
        return datetime.fromtimestamp(value / 1e9, UTC).isoformat(timespec="milliseconds")
    return _value(value)


def _value(value: Json) -> str:
    if value is None:
        return "not given"
    if isinstance(value, dict) and value.keys() == {"digest", "kind"}:
        return f"{value['kind']} ({value['digest'][:8]})"
    if isinstance(value, dict) and value.get("class") in ("File", "Directory"):
        return f"{value['class']} {value.get('basename')!r}"
    return str(value) if not isinstance(value, str) else repr(value)
