"""Why one job stands where it does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from shlex import quote

from helios_wf.engine.paths import to_text
from helios_wf.explaining.attempts import attempts, why_no_more
from helios_wf.explaining.lacking import is_passed_over
from helios_wf.explaining.nouns import Explanation, Reason
from helios_wf.explaining.reusing import why
from helios_wf.explaining.skipping import why_skipped
from helios_wf.explaining.waiting import Waits
from helios_wf.failures import failure_of, job_name, told
from helios_wf.model import Json
from helios_wf.model.plans import Task
from helios_wf.preview import way_of_task
from helios_wf.record import Record, Spot, name_of
from helios_wf.states import SETTLED_RUNS, JobState
from helios_wf.store import event_ranges, log
from helios_wf.store.rows import JobRow
from helios_wf.tables.ranges import LOST
from helios_wf.wording import count_text, duration, memory_text, precise_duration

WAITING = "WAITING"
"""The state of a job that was never ready."""


def of_job(record: Record, spot: Spot, waits: Waits, halted: Sequence[Reason]) -> Explanation:
    """Returns why a job stands where it does."""
    task, path = spot.task, spot.path
    row = record.job(task.number, path)
    entries = log.of_job(record.tx, record.run.id, task.number, to_text(path))
    name = f"{record.run.id}/{job_name(task.name, path)}"
    state = WAITING if row is None else row.state
    return Explanation(
        record.run.id,
        name,
        state,
        _summary(row, record),
        _reasons(record, spot, row, waits, halted),
        tuple(attempts(entries, task.retry.grow)),
        dict(_facts(record, task, row)),
        _failure(record, task, row),
        tuple(_advice(record, row, name)),
    )


def _summary(row: JobRow | None, record: Record) -> str:
    if row is None:
        if record.run.state in SETTLED_RUNS:
            return f"it was never run, and the run is {record.run.state}"
        return "it waits"
    if row.state is JobState.FAILED:
        return row.message or str(row.cause)
    if row.state is JobState.RUNNING:
        return f"attempt {row.attempt} runs"
    if row.state in (JobState.READY, JobState.LEASED):
        return "it waits to be tried again" if row.attempt > 1 or row.state is JobState.READY else "it waits"
    if row.state is JobState.CANCELLED:
        return f"it was not run: {row.message}" if not row.attempt and row.message else "it was cancelled"
    if row.state is JobState.SKIPPED:
        return "it was skipped"
    if row.reused is not None:
        return f"it was not run: {name_of(record.tx, row.reused)} has done the same"
    if not row.attempt:
        return "it is done, without a tool: the engine evaluated it"
    lost = ", without the event ranges that it lost" if row.state is JobState.FINISHED else ""
    return f"it is done, at attempt {row.attempt}{lost}"


def _reasons(
    record: Record, spot: Spot, row: JobRow | None, waits: Waits, halted: Sequence[Reason]
) -> tuple[Reason, ...]:
    task, path = spot.task, spot.path
    if row is None or row.state in (JobState.READY, JobState.LEASED):
        own = waits.why(task, path, row)
        return own if set(halted) <= set(own) else (*own, *halted)
    if row.state is JobState.FAILED:
        why = why_no_more(task, row, record.run.template is not None)
        final = Reason("final", f"it is not tried again: {why}")
        if is_passed_over(task, row):
            return (final, Reason("tolerated", "the run goes on without it (helios:tolerate)"))
        return (final,)
    if row.state is JobState.SKIPPED:
        return why_skipped(record, task, path, row)
    if row.state is JobState.CANCELLED and row.attempt:
        why = row.message if row.message and row.message != "it was cancelled" else "its run was"
        return (Reason("cancelled", f"it was cancelled: {why} ({record.run.reason or record.run.state})"),)
    if row.state is JobState.CANCELLED or row.reused is not None:
        return ()
    return tuple(_not_reused(record, task, row))


def _not_reused(record: Record, task: Task, row: JobRow) -> Iterator[Reason]:
    """Yields why a job was run, though earlier runs may have done the same."""
    place = str(task.process.place) if task.process is not None else ""
    found = why(record.tx, record.run, record.tasks[task.number], row, place)
    if found is not None:
        because = tuple(Reason("differs", text) for text in found.reasons)
        yield Reason("run", found.summary, because=because)


def _facts(record: Record, task: Task, row: JobRow | None) -> Iterator[tuple[str, Json]]:
    way, why = way_of_task(task)
    differs = record.tasks[task.number].differs
    if differs:
        way, why = "reference", f"compiled, it differs from what cwltool would run: {differs}"
    yield "way", f"{way}: {why}" if why else way
    if row is None:
        return
    if row.backend:
        yield "backend", row.backend
    asked = [f"{row.asked_cores:g} cores"] if row.asked_cores else []
    asked += [f"{memory_text(row.asked_memory_mb)} of memory"] if row.asked_memory_mb else []
    asked += [precise_duration(row.asked_time_s)] if row.asked_time_s else []
    asked += [f"{row.asked_gpus} GPUs"] if row.asked_gpus else []
    if asked:
        yield "asked for", ", ".join(asked)
    if row.first is not None:
        of = f" of {row.file}" if row.file else ""
        yield "events", f"[{row.first}, {row.stop}){of}"
    yield from _ranges(record, task, row)
    if row.state is JobState.FAILED:
        # what is said of the failure has the rest
        return
    if row.started_at and row.wall_s:
        began = datetime.fromtimestamp(row.started_at, UTC).isoformat(timespec="seconds")
        yield (
            "last ran",
            f"{began}, for {precise_duration(row.wall_s)}" + (f", on {row.host}" if row.host else ""),
        )
    if row.state is JobState.RUNNING and row.submitted_at:
        yield "handed out", f"{duration(max(0.0, time.time() - row.submitted_at))} ago"
    if row.directory:
        yield "folder", row.directory


def _ranges(record: Record, task: Task, row: JobRow) -> Iterator[tuple[str, Json]]:
    counts = event_ranges.counts_of(record.tx, record.run.id, task.number, row.path)
    if not counts:
        return
    summed = [
        f"{count.n_ranges:,} {state} ({count_text(count.n_events, 'event')})"
        for state, count in counts.items()
    ]
    yield "event ranges", ", ".join(summed)
    lost = event_ranges.list(record.tx, record.run.id, task.number, row.path, LOST, limit=5)
    for one in lost:
        yield f"[{one.first}, {one.stop})", f"{one.state} at try {one.number}: {one.message or one.cause}"


def _failure(record: Record, task: Task, row: JobRow | None) -> tuple[str, ...]:
    """Returns the failed job's own words, in lines."""
    if row is None or row.state is not JobState.FAILED:
        return ()
    return tuple(told(failure_of(record.run.id, task.name, row))[1:])


def _advice(record: Record, row: JobRow | None, name: str) -> Iterator[str]:
    if row is None:
        return
    if row.attempt > 1 or (row.attempt and row.state is not JobState.LEASED):
        yield f"its logs: helios-wf logs {quote(name)}"
    if row.state is JobState.FAILED:
        yield f"try again what failed: helios-wf retry {record.run.id}"
