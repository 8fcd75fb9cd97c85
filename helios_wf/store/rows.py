"""What goes into the store and comes out of it, frozen.

Instants that people read are aware UTC (``datetime``); those that travel in reports and schedules are seconds
since the epoch (``float``).  A job's ``path`` is its index path as text: ``"0/7"``, and ``""`` for no index.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from helios_wf.model import DeviceUse, Json, Noun, RangeReport, Resources
from helios_wf.states import Cause, DatasetState, JobState, RangeState, RunState, TaskState


class NewRun(Noun, frozen=True):
    """A run that is to be recorded.

    ``document`` is the digest of its frozen document; ``datasets`` maps inputs to dataset names; ``identity``
    is the digest that an equal run (same documents, inputs and options) would have too.
    """

    id: str
    label: str
    document: str
    identity: str
    template: str | None = None
    version: int | None = None
    inputs: Json = None
    options: Json = None
    datasets: dict[str, str] = msgspec.field(default_factory=dict)


class RunRow(Noun, frozen=True):
    """A run as the store knows it; ``engine`` is None when no engine holds it."""

    id: str
    label: str
    document: str
    identity: str
    template: str | None
    version: int | None
    inputs: Json
    options: Json
    datasets: dict[str, str]
    state: RunState
    reason: str
    outputs: Json
    epoch: int
    engine: str | None
    heartbeat_at: datetime | None
    created_at: datetime
    changed_at: datetime


class NewTask(Noun, frozen=True):
    """A task that is to be recorded; ``process`` is the digest of what it runs."""

    number: int
    name: str
    process: str


class TaskRow(Noun, frozen=True):
    """A task as the store knows it; ``total`` jobs, None until it is fully expanded.

    ``events`` is how many events these have together, where the task is cut into event ranges.
    ``attempts`` is the highest number that an attempt of a job had which was forgotten since: new ones are
    numbered from there.  ``differs`` says in what its compiled tool differs from what cwltool would run, if
    that was found.
    """

    number: int
    name: str
    process: str
    state: TaskState
    total: int | None
    counts: dict[JobState, int]
    events: int | None = None
    attempts: int = 0
    differs: str = ""
    reused: int = 0
    """How many of its jobs took over outputs of an earlier run."""
    fields: Json = None
    """What the keys of all its jobs are made of."""


class Lease(Noun, frozen=True):
    """An attempt of a job that is handed to a backend; its events are ``[first, stop)`` of ``file``.

    ``resources`` is what it asks for, where that is known.
    ``key`` is what another job must have too to take over its outputs, and ``fields`` what that is made of.
    """

    task: int
    path: str
    attempt: int
    first: int | None = None
    stop: int | None = None
    backend: str = ""
    directory: str = ""
    note: str = ""
    file: str | None = None
    resources: Resources | None = None
    key: str | None = None
    fields: Json = None


class Settlement(Noun, frozen=True):
    """What became of an attempt.

    With ``to=READY`` the job is tried again, not before ``not_before`` (seconds since the epoch).
    ``charged`` says whether a failed try counts as the job's own.  ``reused`` names the job whose outputs
    were taken over, where the tool did not run, and ``fields`` what the key of both is made of.
    """

    task: int
    path: str
    attempt: int
    to: JobState
    outputs: Json = None
    cause: Cause | None = None
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""
    stderr_tail: str = ""
    command: tuple[str, ...] = ()
    started_at: float = 0.0
    wall_s: float = 0.0
    took_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_mb: float | None = None
    host: str = ""
    worker: str = ""
    devices: tuple[DeviceUse, ...] = ()
    not_before: float = 0.0
    charged: bool = True
    reused: str | None = None
    fields: Json = None


class JobRow(Noun, frozen=True):
    """A job as the store knows it.

    ``charged`` counts failed tries that were the job's own, ``lost`` those that were not; ``file`` is the
    path of the file that its events ``[first, stop)`` are in, where it is cut.  The fields from ``cause`` on
    tell of the last attempt that was settled.  An attempt waited from ``submitted_at``,
    when it was handed to the backend, to ``started_at``; then it took ``took_s``, of which its tool ran for
    ``wall_s``; that was recorded at ``settled_at``.  What it asked for (``asked_...``) is None where it
    needed no backend.
    ``reused`` names the job (``RUN/TASK/INDEX...``) whose outputs were taken over; ``key`` is what another
    must have too to take over its own, and ``fields`` what that is made of besides the fields of its task.
    """

    task: int
    path: str
    state: JobState
    attempt: int
    charged: int
    lost: int
    first: int | None
    stop: int | None
    file: str | None
    backend: str
    directory: str
    not_before: float
    outputs: Json
    cause: Cause | None
    exit_code: int | None
    signal: int | None
    message: str
    stderr_tail: str
    command: tuple[str, ...]
    asked_cores: float | None
    asked_memory_mb: float | None
    asked_time_s: float | None
    asked_gpus: int | None
    submitted_at: float
    started_at: float
    settled_at: float
    wall_s: float
    took_s: float
    cpu_s: float
    peak_memory_mb: float | None
    host: str
    worker: str
    devices: tuple[DeviceUse, ...]
    key: str | None = None
    fields: Json = None
    reused: str | None = None


class DoneJob(Noun, frozen=True):
    """A job of any run that is done, whose outputs another may take over; None of one with event ranges."""

    run: str
    task: int
    path: str
    key: str
    outputs: Json
    settled_at: float


class JobTimes(Noun, frozen=True):
    """What the jobs of a task took together, in seconds: run, processor time, and waiting for a worker."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    wait_s: float = 0.0


class OpenJob(Noun, frozen=True):
    """An attempt that was handed out and is not settled."""

    task: int
    path: str
    state: JobState
    attempt: int
    backend: str
    directory: str


class RangeKey(Noun, frozen=True):
    """An event range ``[first, stop)`` of a job."""

    task: int
    path: str
    first: int
    stop: int


class RangeLease(RangeKey, frozen=True):
    """A try of an event range that an attempt of its job is given; ``depth`` as in ``RangeRow``."""

    number: int
    attempt: int
    depth: int = 0


class RangeBegin(RangeKey, frozen=True):
    """A try that the tool of an attempt began, and where."""

    number: int
    attempt: int
    host: str = ""
    worker: str = ""


class NewRange(RangeKey, frozen=True):
    """A range that comes of another; it is not tried before the one that begins at ``waits_for``."""

    depth: int
    waits_for: int | None = None
    state: RangeState = RangeState.READY


class RangeMove(RangeKey, frozen=True):
    """A range that changes without a try; it waits for no other one any more."""

    to: RangeState


class RangeSettlement(Noun, frozen=True):
    """What became of a try; ``charged`` and ``lost`` count its tries with this one."""

    task: int
    path: str
    attempt: int
    to: RangeState
    report: RangeReport
    charged: int = 0
    lost: int = 0
    not_before: float = 0.0
    host: str = ""
    worker: str = ""


class RangeRow(RangeKey, frozen=True):
    """An event range as the store knows it.

    ``number`` counts its tries, ``attempt`` is the job's attempt that got the last one; ``depth`` is how many
    cuts lie between it and the range it was at first.  The fields from ``cause`` on tell of the last try that
    was settled.
    """

    state: RangeState
    number: int
    attempt: int
    charged: int
    lost: int
    depth: int
    waits_for: int | None
    not_before: float
    cause: Cause | None
    exit_code: int | None
    signal: int | None
    n_out: int | None
    started_at: float
    wall_s: float
    cpu_s: float
    peak_memory_mb: float | None
    host: str
    worker: str
    directory: str
    message: str
    stderr_tail: str
    outputs: Json


class RangeCount(Noun, frozen=True):
    """How many ranges there are in a state, how many events they have, and where the last of them ends.

    ``wall_s`` is what their last tries took together, in seconds.
    """

    n_ranges: int
    n_events: int
    stop: int
    wall_s: float = 0.0


class LogRow(Noun, frozen=True):
    """An entry of the event log: a change from ``old`` to ``new``; ``task`` is None for the run itself."""

    id: int
    run: str
    at: datetime
    task: int | None
    path: str | None
    attempt: int | None
    old: str | None
    new: str
    note: str


class Request(Noun, frozen=True):
    """What another process asks of the engine that holds a run."""

    id: int
    verb: str
    arguments: Json
    at: datetime


class Publication(Noun, frozen=True):
    """A file on its way to where the run puts its outputs; ``position`` counts within ``output``."""

    output: str
    position: int
    source: str
    destination: str
    size: int
    checksum: str | None = None
    published: bool = False


class KnownChecksum(Noun, frozen=True):
    """The SHA-1 (``sha1$...``) of a file that had this size, time of change (ns) and inode."""

    path: str
    size: int
    modified: int
    inode: int
    checksum: str


class DatasetRow(Noun, frozen=True):
    """A dataset in a list, without its files; ``size`` in bytes, ``n_events`` of those with events."""

    name: str
    state: DatasetState
    n_files: int
    size: int
    n_events: int | None
    meta: dict[str, Json]
    run: str | None
    created_at: datetime
