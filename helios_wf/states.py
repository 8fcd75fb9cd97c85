"""States and their legal moves: one enum and one table for each noun.

    run      PENDING -> RUNNING -> DONE | FINISHED | FAILED | CANCELLED     (RUNNING <-> PAUSED)
    task     DEFINED -> READY -> IN_PROGRESS -> DONE | FINISHED | FAILED | CANCELLED | SKIPPED
             (any of these -> IN_PROGRESS: jobs of it are tried again, or what they read is made anew)
    job      READY -> LEASED -> RUNNING -> DONE | FINISHED | FAILED | CANCELLED
             (LEASED, RUNNING -> READY: once more; READY -> SKIPPED; LEASED, RUNNING -> SKIPPED: cut;
             READY -> CANCELLED: its input is lost; DONE -> READY: what was taken over is gone, and is read)
    range    READY -> LEASED -> RUNNING -> DONE | SPLIT | FATAL | CANCELLED
             (LEASED, RUNNING -> READY: once more; READY -> SPLIT: the other half was innocent;
             RUNNING -> FAILED -> SPLIT: once it is known that the tool works at all)
    dataset  OPEN -> CLOSED -> DELETED

The store writes the legal source states into the WHERE of every move, so an illegal one changes no row.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from helios_wf.errors import UserError


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "PENDING"
    """accepted; no engine has taken it yet"""
    RUNNING = "RUNNING"
    """an engine holds it, or held it when it stopped"""
    PAUSED = "PAUSED"
    """nothing new is started until it is resumed"""
    DONE = "DONE"
    """every output is there"""
    FINISHED = "FINISHED"
    """outputs are there, with losses within tolerance"""
    FAILED = "FAILED"
    """a job failed for good"""
    CANCELLED = "CANCELLED"
    """ended on request"""


class TaskState(StrEnum):
    """Where a task stands."""

    DEFINED = "DEFINED"
    """planned; its inputs are not there"""
    READY = "READY"
    """some of its jobs can start"""
    IN_PROGRESS = "IN_PROGRESS"
    """some of its jobs have started"""
    DONE = "DONE"
    """fully expanded, and every job is done"""
    FINISHED = "FINISHED"
    """every job is settled, with losses (of events, or of jobs) within tolerance"""
    FAILED = "FAILED"
    """a job failed for good"""
    CANCELLED = "CANCELLED"
    """ended with its run"""
    SKIPPED = "SKIPPED"
    """``when`` was false for all of it"""


class JobState(StrEnum):
    """Where a job stands."""

    READY = "READY"
    """its inputs are there; waits for a place, not before ``not_before``"""
    LEASED = "LEASED"
    """an attempt was handed to a backend"""
    RUNNING = "RUNNING"
    """a worker said that it started the attempt"""
    DONE = "DONE"
    """outputs recorded"""
    FINISHED = "FINISHED"
    """outputs recorded; some event ranges were lost, within tolerance"""
    FAILED = "FAILED"
    """failed for good"""
    SKIPPED = "SKIPPED"
    """``when`` was false: outputs are null, dependants go on; or its event range is done in pieces"""
    CANCELLED = "CANCELLED"
    """ended on request; or never run, as what it reads is lost, which is tolerated"""


class RangeState(StrEnum):
    """Where an event range stands."""

    READY = "READY"
    """waits for a worker"""
    LEASED = "LEASED"
    """handed to an attempt"""
    RUNNING = "RUNNING"
    """the tool has begun it"""
    DONE = "DONE"
    """its output is durable and checksummed"""
    FAILED = "FAILED"
    """failed; whether it is worth bisecting shows when another range of the task has succeeded"""
    SPLIT = "SPLIT"
    """bisected: its two halves account for its events"""
    FATAL = "FATAL"
    """given up"""
    CANCELLED = "CANCELLED"
    """ended on request"""


class DatasetState(StrEnum):
    """Where a dataset stands."""

    OPEN = "OPEN"
    """files may still come"""
    CLOSED = "CLOSED"
    """complete: templates take it"""
    DELETED = "DELETED"
    """put away; the name stays taken, for a run read or made it"""


class TemplateStatus(StrEnum):
    """What a template's author says of a version."""

    DRAFT = "DRAFT"
    """taken only when named"""
    ACTUAL = "ACTUAL"
    """the one version that datasets start"""
    ARCHIVED = "ARCHIVED"
    """kept for the record"""


class Cause(StrEnum):
    """Why an attempt did not end well; decides whether it is charged and whether it is tried again."""

    EXIT = "EXIT"
    """the tool returned an exit code that is not a success"""
    SIGNAL = "SIGNAL"
    """the tool was ended by a signal that we did not send"""
    TIME_LIMIT = "TIME_LIMIT"
    """the tool ran longer than its time limit"""
    MEMORY = "MEMORY"
    """the tool was killed for memory, or failed and its log speaks of too little"""
    DISK = "DISK"
    """no space was left where the attempt ran"""
    NOT_STARTED = "NOT_STARTED"
    """the command was not found or could not be started"""
    NOT_READY = "NOT_READY"
    """a resident tool ended, or said nothing, before it could take event ranges"""
    PROTOCOL = "PROTOCOL"
    """a resident tool did not keep to the exchange of event ranges"""
    MISSING_OUTPUT = "MISSING_OUTPUT"
    """the tool succeeded without an output that it promises"""
    UNSAFE_OUTPUT = "UNSAFE_OUTPUT"
    """an output leads out of the attempt's directory"""
    BAD_INPUT = "BAD_INPUT"
    """an input is missing or does not fit the tool"""
    EXPRESSION = "EXPRESSION"
    """an expression of the document failed"""
    LOST = "LOST"
    """the worker or its machine went away: not the job's fault"""
    CANCELLED = "CANCELLED"
    """we ended it on request"""


UNCHARGED = frozenset({Cause.LOST, Cause.DISK, Cause.NOT_READY, Cause.CANCELLED})
"""Causes for which the attempt is not charged to the job: the tool did not fail of itself."""

PERMANENT = frozenset({Cause.UNSAFE_OUTPUT, Cause.BAD_INPUT, Cause.EXPRESSION, Cause.NOT_STARTED})
"""Causes that another attempt cannot mend."""

RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.PENDING: frozenset({RunState.RUNNING, RunState.PAUSED, RunState.CANCELLED, RunState.FAILED}),
    RunState.RUNNING: frozenset(
        {RunState.PAUSED, RunState.DONE, RunState.FINISHED, RunState.FAILED, RunState.CANCELLED}
    ),
    RunState.PAUSED: frozenset({RunState.RUNNING, RunState.CANCELLED}),
    RunState.DONE: frozenset(),
    RunState.FINISHED: frozenset({RunState.RUNNING}),
    RunState.FAILED: frozenset({RunState.RUNNING}),
    RunState.CANCELLED: frozenset({RunState.RUNNING}),
}

TASK_MOVES: dict[TaskState, frozenset[TaskState]] = {
    TaskState.DEFINED: frozenset(
        {
            TaskState.READY,
            TaskState.IN_PROGRESS,
            TaskState.DONE,
            TaskState.SKIPPED,
            TaskState.FAILED,
            TaskState.CANCELLED,
        }
    ),
    TaskState.READY: frozenset(
        {TaskState.IN_PROGRESS, TaskState.DONE, TaskState.SKIPPED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.IN_PROGRESS: frozenset(
        {TaskState.DONE, TaskState.FINISHED, TaskState.SKIPPED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.DONE: frozenset({TaskState.IN_PROGRESS}),
    TaskState.FINISHED: frozenset({TaskState.IN_PROGRESS}),
    TaskState.FAILED: frozenset({TaskState.IN_PROGRESS}),
    TaskState.CANCELLED: frozenset({TaskState.IN_PROGRESS}),
    TaskState.SKIPPED: frozenset({TaskState.IN_PROGRESS}),
}

JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.READY: frozenset(
        {JobState.LEASED, JobState.DONE, JobState.SKIPPED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.LEASED: frozenset(
        {
            JobState.RUNNING,
            JobState.READY,
            JobState.DONE,
            JobState.FINISHED,
            JobState.SKIPPED,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.RUNNING: frozenset(
        {
            JobState.READY,
            JobState.DONE,
            JobState.FINISHED,
            JobState.SKIPPED,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.DONE: frozenset({JobState.READY}),
    JobState.FINISHED: frozenset({JobState.READY}),
    JobState.FAILED: frozenset({JobState.READY}),
    JobState.SKIPPED: frozenset(),
    JobState.CANCELLED: frozenset({JobState.READY}),
}

RANGE_MOVES: dict[RangeState, frozenset[RangeState]] = {
    RangeState.READY: frozenset({RangeState.LEASED, RangeState.SPLIT, RangeState.CANCELLED}),
    RangeState.LEASED: frozenset(
        {
            RangeState.RUNNING,
            RangeState.READY,
            RangeState.DONE,
            RangeState.FAILED,
            RangeState.SPLIT,
            RangeState.FATAL,
            RangeState.CANCELLED,
        }
    ),
    RangeState.RUNNING: frozenset(
        {
            RangeState.READY,
            RangeState.DONE,
            RangeState.FAILED,
            RangeState.SPLIT,
            RangeState.FATAL,
            RangeState.CANCELLED,
        }
    ),
    RangeState.FAILED: frozenset(
        {RangeState.READY, RangeState.SPLIT, RangeState.FATAL, RangeState.CANCELLED}
    ),
    RangeState.DONE: frozenset(),
    RangeState.SPLIT: frozenset(),
    RangeState.FATAL: frozenset({RangeState.READY}),
    RangeState.CANCELLED: frozenset({RangeState.READY}),
}

SETTLED_RANGES = frozenset({RangeState.DONE, RangeState.SPLIT, RangeState.FATAL, RangeState.CANCELLED})

DATASET_MOVES: dict[DatasetState, frozenset[DatasetState]] = {
    DatasetState.OPEN: frozenset({DatasetState.CLOSED, DatasetState.DELETED}),
    DatasetState.CLOSED: frozenset({DatasetState.DELETED}),
    DatasetState.DELETED: frozenset(),
}

SETTLED_RUNS = frozenset({RunState.DONE, RunState.FINISHED, RunState.FAILED, RunState.CANCELLED})
SETTLED_TASKS = frozenset(
    {TaskState.DONE, TaskState.FINISHED, TaskState.FAILED, TaskState.CANCELLED, TaskState.SKIPPED}
)
SETTLED_JOBS = frozenset(
    {JobState.DONE, JobState.FINISHED, JobState.FAILED, JobState.SKIPPED, JobState.CANCELLED}
)
GOOD_JOBS = frozenset({JobState.DONE, JobState.FINISHED, JobState.SKIPPED})
"""Settled job states that dependants go on from."""

S = TypeVar("S", bound=StrEnum)


def sources(moves: dict[S, frozenset[S]], target: S) -> frozenset[S]:
    """Returns the states from which ``target`` may be reached in one move."""
    return frozenset(state for state, targets in moves.items() if target in targets)


def state_of(kind: type[S], word: str) -> S:
    """Returns the state that a word names, whatever its case.

    Raises:
        UserError: it names none; the message lists them.
    """
    try:
        return kind(word.upper())
    except ValueError:
        raise UserError(f"{word!r} is no state; right would be one of {', '.join(kind)}") from None
