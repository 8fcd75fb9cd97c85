"""What the workers of a run did, and where their time went."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from helios_wf.report.facts import Block, Overhead, Worker
from helios_wf.report.steps import Spent
from helios_wf.report.times import Clock
from helios_wf.states import GOOD_JOBS
from helios_wf.store.rows import JobRow

MOST_BLOCKS = 1200
"""Jobs that are each shown on the timeline; of more, only how busy their workers were."""

MOST_ROWS = 40
"""Rows of the timeline."""

MOST_WORKERS = 2000
"""Workers that are told apart; further ones count together, by host."""


class _Lane:
    """A worker, or several that followed one another on a host."""

    def __init__(self, host: str, name: str, clock: Clock, start: float) -> None:
        self.host, self.name = host, name
        self.n, self.jobs = 1, 0
        self.first, self.last = start, start
        self.took_s = self.wall_s = 0.0
        self.busy: array[float] = clock.zeros()

    def add(self, time: Spent, clock: Clock) -> None:
        self.jobs += 1
        self.first = min(self.first, time.started_at)
        self.last = max(self.last, time.started_at + time.took_s)
        self.took_s += time.took_s
        self.wall_s += time.wall_s
        for index, share in clock.shares(time.started_at, time.took_s):
            self.busy[index] += share

    def join(self, other: _Lane) -> None:
        self.n += other.n
        self.jobs += other.jobs
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.took_s += other.took_s
        self.wall_s += other.wall_s
        for index, share in enumerate(other.busy):
            self.busy[index] += share


class Workers:
    """Takes the jobs of a run, by the worker that had each last."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._blocks: list[tuple[_Lane, JobRow, Spent]] | None = []
        self._tool_s = self._around_s = self._failed_s = 0.0

    @property
    def hosts(self) -> list[str]:
        """The machines that jobs ran on."""
        return sorted({host for host, _ in self._lanes if host})

    def add(self, job: JobRow, time: Spent) -> None:
        """Takes a job and what its last attempt spent."""
        lane = self._lane(job, time)
        lane.add(time, self._clock)
        if job.state in GOOD_JOBS:
            self._tool_s += time.wall_s
            self._around_s += time.took_s - time.wall_s
        else:
            self._failed_s += time.took_s
        if self._blocks is not None:
            self._blocks.append((lane, job, time))
            if len(self._blocks) > MOST_BLOCKS:
                self._blocks = None

    def _lane(self, job: JobRow, time: Spent) -> _Lane:
        key = (job.host, job.worker)
        if key not in self._lanes and len(self._lanes) >= MOST_WORKERS:
            key = (job.host, "more workers")
        return self._lanes.setdefault(key, _Lane(*key, self._clock, time.started_at))

    def overhead(self, earlier_s: float, ended_at: float) -> Overhead:
        """Returns where the time of workers went.

        Args:
            earlier_s: what tries took that failed and were repeated.
            ended_at: when the run ended, or now.
        """
        lanes = self._lanes.values()
        present = sum(max(lane.last - lane.first, lane.took_s / lane.n) for lane in lanes)
        left = max(present - self._tool_s - self._around_s, 0.0)
        failed = min(self._failed_s + earlier_s, left)
        first = min((lane.first for lane in lanes), default=ended_at)
        last = max((lane.last for lane in lanes), default=ended_at)
        return Overhead(
            len(lanes),
            self._tool_s + self._around_s + left,
            self._tool_s,
            self._around_s,
            failed,
            left - failed,
            max(first - self._clock.start, 0.0),
            max(ended_at - last, 0.0),
        )

    def rows(self) -> tuple[tuple[Worker, ...], tuple[Block, ...] | None]:
        """Returns the rows of the timeline, and each job on them where these are few."""
        packed = _packed(self._lanes.values())
        each = -(-len(packed) // MOST_ROWS) or 1
        rows = [packed[index : index + each] for index in range(0, len(packed), each)]
        workers = tuple(self._worker([lane for slot in row for lane in slot], len(row)) for row in rows)
        if self._blocks is None or each > 1:
            return workers, None
        at = {id(lane): index for index, (slot,) in enumerate(rows) for lane in slot}
        return workers, tuple(self._block(at[id(lane)], job, time) for lane, job, time in self._blocks)

    def _worker(self, lanes: list[_Lane], n_slots: int) -> Worker:
        whole = _Lane(lanes[0].host, lanes[0].name, self._clock, lanes[0].first)
        whole.n = 0
        for lane in lanes:
            whole.join(lane)
        hosts = {lane.host for lane in lanes}
        return Worker(
            lanes[0].host if len(hosts) == 1 else f"{len(hosts)} hosts",
            lanes[0].name if len(lanes) == 1 else f"{len(lanes)} workers",
            len(lanes),
            whole.jobs,
            self._clock.offset(whole.first),
            self._clock.offset(whole.last),
            whole.took_s,
            whole.wall_s,
            tuple(min(round(99 * share / n_slots), 99) for share in whole.busy),
        )

    def _block(self, worker: int, job: JobRow, time: Spent) -> Block:
        return Block(
            worker,
            job.task,
            job.path,
            job.attempt,
            job.state,
            round(self._clock.offset(time.started_at), 6),
            time.took_s,
            time.wall_s,
            time.queue_s,
        )


def _packed(lanes: Iterable[_Lane]) -> list[list[_Lane]]:
    """Returns the workers in slots: those of a host that followed one another share one."""
    slots: dict[str, list[list[_Lane]]] = {}
    for lane in sorted(lanes, key=lambda one: (one.host, one.first, one.name)):
        mine = slots.setdefault(lane.host, [])
        free = next((slot for slot in mine if slot[-1].last <= lane.first), None)
        if free is None:
            mine.append([lane])
        else:
            free.append(lane)
    return [slot for host in sorted(slots) for slot in slots[host]]
