"""What a report says of a run: nouns without drawing.  As JSON they are what ``--format json`` gives.

Instants are ISO 8601 in UTC.  Offsets (``..._at_s``) are seconds since the run was recorded.  Lists that
could grow with the run are samples, and a number beside them says of how many.
"""

from __future__ import annotations

from helios_wf.failures import Failure, Kind
from helios_wf.model import Json, Noun
from helios_wf.states import Cause, JobState, RangeState, RunState, TaskState

FORMAT = 1
"""Raised when a field changes its meaning or goes."""


class Numbers(Noun, frozen=True):
    """How a quantity is spread over jobs; ``median`` and ``p95`` are within 1 %, the others exact."""

    n: int
    total: float
    least: float
    median: float
    p95: float
    most: float


class Bound(Noun, frozen=True):
    """What an input or output of the run was bound to: files, the first few by name, or a value."""

    name: str
    dataset: str | None
    n_files: int
    n_bytes: int
    files: tuple[str, ...]
    """Paths of the first files."""
    value: str
    """Anything else, as JSON text that may be cut."""


class RunFacts(Noun, frozen=True):
    """The run itself; while it goes on, ``ended_at`` is None, and ``note`` tells where no engine has it."""

    id: str
    label: str
    state: RunState
    reason: str
    note: str
    template: str | None
    version: int | None
    document: str
    document_digest: str
    cwl_version: str
    created_at: str
    ended_at: str | None
    elapsed_s: float
    inputs: tuple[Bound, ...]
    outputs: tuple[Bound, ...]
    options: dict[str, Json]
    engine: str | None
    store: str
    helios_version: str
    backends: tuple[str, ...]
    hosts: tuple[str, ...]
    n_hosts: int
    containers: dict[str, str]
    """Step: the image that it ran in."""


class Moment(Noun, frozen=True):
    """A change of the run's state."""

    at: str
    at_s: float
    old: str | None
    new: str
    note: str


class Asked(Noun, frozen=True):
    """What the jobs of a step asked for."""

    cores: Numbers | None
    memory_mb: Numbers | None
    time_s: Numbers | None
    gpus: Numbers | None


class Events(Noun, frozen=True):
    """The events of a step; ``tries`` counts those of its event ranges, more than one where some failed."""

    total: int | None
    done: int
    lost: int
    n_out: int | None
    ranges: dict[RangeState, int]
    tries: int


class TaskFacts(Noun, frozen=True):
    """A step of the run.

    ``after`` are the numbers of the steps that it reads; ``attempts`` says how many jobs had their last
    attempt with that number; ``charged`` and ``lost`` count tries that failed, by the job's fault or not.
    Jobs wait (``queue_s``) from their hand-over to the backend until they start, then take ``took_s``, of
    which the tool runs for ``wall_s``; ``settle_s`` later that is recorded.
    """

    number: int
    name: str
    group: str
    """The step of the workflow that it is in, where it comes from a sub-workflow; else empty."""
    state: TaskState
    after: tuple[int, ...]
    total: int | None
    jobs: dict[JobState, int]
    reused: int
    """Jobs whose outputs another run, or job, had made already."""
    attempts: dict[int, int]
    charged: int
    lost: int
    first_at_s: float | None
    last_at_s: float | None
    queue_s: Numbers | None
    took_s: Numbers | None
    wall_s: Numbers | None
    cpu_s: Numbers | None
    settle_s: Numbers | None
    asked: Asked
    peak_memory_mb: Numbers | None
    efficiency: float | None
    """Processor time over tool time and cores asked."""
    n_bytes: int
    """Size of all files that its jobs wrote as outputs."""
    events: Events | None
    differs: str


class Bins(Noun, frozen=True):
    """Equal bins of time: the first begins with the run."""

    n: int
    width_s: float


class Series(Noun, frozen=True):
    """What went on in each bin of time, for one step.

    ``ended`` and ``failed`` count jobs, ``running`` is the mean number at work.  ``events`` that were done
    and ``bytes`` that were written count evenly over the time that this took.
    """

    task: int
    ended: tuple[int, ...]
    failed: tuple[int, ...]
    running: tuple[float, ...]
    events: tuple[float, ...]
    bytes: tuple[float, ...]


class Worker(Noun, frozen=True):
    """A worker, or ``n`` of them together; ``busy`` is the share of each bin of time with a job, 0 to 99."""

    host: str
    name: str
    n: int
    jobs: int
    first_at_s: float
    last_at_s: float
    took_s: float
    wall_s: float
    busy: tuple[int, ...]


class Block(Noun, frozen=True):
    """One job on the timeline: ``worker`` is an index into the workers."""

    worker: int
    task: int
    path: str
    attempt: int
    state: JobState
    start_at_s: float
    took_s: float
    wall_s: float
    queue_s: float


class Overhead(Noun, frozen=True):
    """Where the time of workers went, in worker seconds; the first four add up to ``present_s``.

    Each worker is present from its first job's start to its last one's end.
    """

    n_workers: int
    present_s: float
    tool_s: float
    """a tool ran"""
    around_s: float
    """folders, staging, starting and collecting around a tool"""
    failed_s: float
    """jobs that failed, and tries that were repeated; measured by the engine's clock"""
    between_s: float
    """no job: the next one was on its way, or there was none"""
    before_s: float
    """seconds from the run's record to its first job"""
    after_s: float
    """seconds from its last job to its end: publishing, and whatever else"""


class Trouble(Noun, frozen=True):
    """Tries that failed and were repeated, of one step and cause; an example of what was said."""

    task: int
    cause: Cause | None
    message: str
    n: int
    seconds: float


class LostRange(Noun, frozen=True):
    """An event range that failed, or was given up, after so many tries."""

    state: RangeState
    tries: int
    failure: Failure


class DeviceFacts(Noun, frozen=True):
    """A GPU as jobs saw it; ``utilisation`` is weighted by their time, in percent."""

    uuid: str
    jobs: int
    peak_memory_mb: float
    utilisation: float


class Histogram(Noun, frozen=True):
    """A histogram in an output: ``edges`` is one longer than ``counts``."""

    output: str
    file: str
    name: str
    label: str
    unit: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    underflow: float
    overflow: float
    mean: float | None
    joined: int
    """How many bins of the file make one of these."""


class Categories(Noun, frozen=True):
    """Counts of values in an output, the most frequent first; ``n_more`` are not shown and hold ``rest``."""

    output: str
    file: str
    name: str
    values: tuple[tuple[str, int], ...]
    n_more: int
    rest: int


class JobLine(Noun, frozen=True):
    """A line of the table of jobs."""

    task: int
    path: str
    state: JobState
    attempt: int
    cause: Cause | None
    exit_code: int | None
    signal: int | None
    message: str
    host: str
    worker: str
    queue_s: float | None
    took_s: float | None
    wall_s: float | None
    cpu_s: float | None
    peak_memory_mb: float | None
    n_bytes: int
    first: int | None
    stop: int | None
    file: str | None


class Facts(Noun, frozen=True):
    """All that a report says of a run."""

    format: int
    made_at: str
    run: RunFacts
    history: tuple[Moment, ...]
    tasks: tuple[TaskFacts, ...]
    bins: Bins
    series: tuple[Series, ...]
    workers: tuple[Worker, ...]
    blocks: tuple[Block, ...] | None
    """Every job on the timeline, where these are few; else None."""
    overhead: Overhead
    troubles: tuple[Trouble, ...]
    n_failures: int
    """How many kinds of failures there are."""
    failures: tuple[Kind, ...]
    n_lost_ranges: int
    lost_ranges: tuple[LostRange, ...]
    devices: tuple[DeviceFacts, ...]
    histograms: tuple[Histogram, ...]
    categories: tuple[Categories, ...]
    n_jobs: int
    jobs: tuple[JobLine, ...]
    """The failed ones first, then the slowest."""

    def names(self) -> dict[int, str]:
        """Returns the names of the steps by number."""
        return {task.number: task.name for task in self.tasks}
