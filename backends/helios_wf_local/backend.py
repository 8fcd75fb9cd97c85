"""LocalBackend: packs jobs by cores and memory onto worker processes of this machine."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import select
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from helios_wf.backend import BackendSettings, Life
from helios_wf.errors import BackendError, SubmitRefusedError
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, Report, Resources
from helios_wf.processes import GRACE_S, JOB_MARK, end_marked
from helios_wf.states import Cause
from helios_wf_local.journals import find, folder, sweep
from helios_wf_local.pace import BATCH_S, Pace, share
from helios_wf_local.process import WorkerProcess

BATCHES_AHEAD = 3
"""How many batches for each worker ``room`` asks for, so that no worker waits for the engine."""

GATHER_S = 0.02
"""How long further reports are waited for while no worker is idle, although they will be soon."""


class LocalBackend:
    """Worker processes on this machine.

    ``settings.jobs`` workers run one job each at a time; jobs that ask for several cores take the places of
    several.  The workers end with the engine; what they had finished is in their journals, so after a restart
    ``adopt`` says ALIVE of that, and ``poll`` reports it, and GONE of all else.

    Options: ``gpus``, how many GPUs a job may ask for, when whoever submits it gives it devices (0);
    ``grace_s``, seconds between SIGTERM and SIGKILL (5); ``ram_mb``, memory to give out, in MiB
    (all that this machine, or its control group, has).
    """

    name = "local"
    feeds = True

    def __init__(self, settings: BackendSettings) -> None:
        known = {"gpus", "grace_s", "ram_mb"}
        if unknown := set(settings.options) - known:
            raise BackendError(
                f"backend 'local' has no option {sorted(unknown)[0]!r}; known: {', '.join(sorted(known))}"
            )
        self._cores = settings.jobs or len(os.sched_getaffinity(0))
        self._ram_mb = float(settings.options.get("ram_mb") or machine_memory_mb())
        self._gpus = int(settings.options.get("gpus", 0))
        self._grace_s = float(settings.options.get("grace_s", GRACE_S))
        self._home = settings.home
        self._folder = folder(settings.home)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BackendError(f"backend 'local' cannot make its folder: {error}") from error
        sweep(settings.home)
        self._values: dict[str, msgspec.Raw] = {}
        self._waiting: deque[JobSpec] = deque()
        self._reports: list[Report] = []
        self._heard: list[RangeNews] = []
        self._started: list[str] = []
        self._pace = Pace()
        self._numbers = itertools.count(1)
        self._workers = [self._new_worker() for _ in range(self._cores)]
        self._closing = False
        self._ended: list[WorkerProcess] = []
        self._unsettled: set[str] = set()

    def define(self, values: dict[str, Json]) -> None:
        """Takes tool bodies and constant inputs by digest; a known digest is passed over."""
        for digest, value in values.items():
            if digest not in self._values:
                self._values[digest] = msgspec.Raw(msgspec.json.encode(value))

    def room(self, gpus: bool = False) -> int:
        """Returns how many more one-core jobs would be useful: some batches for each worker."""
        if gpus and not self._gpus:
            return 0
        return max(0, self._wanted() - self._in_hand())

    def _wanted(self) -> int:
        return sum(BATCHES_AHEAD * max(1, worker.batch) for worker in self._workers)

    def _in_hand(self) -> int:
        return sum(len(worker.held) for worker in self._workers) + len(self._waiting)

    def check(self, resources: Resources) -> list[str]:
        """Returns the reasons why jobs that ask for this can never run here; empty when they can."""
        reasons = []
        if resources.cores > self._cores:
            reasons.append(f"needs {resources.cores:g} cores; this machine has {self._cores} for jobs")
        if resources.ram_mb > self._ram_mb:
            reasons.append(f"needs {resources.ram_mb:g} MiB of memory; this machine has {self._ram_mb:.0f}")
        if resources.gpus > self._gpus:
            reasons.append(f"needs {resources.gpus} GPUs; the local backend gives out none (see backend gpu)")
        return reasons

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Starts attempts, in order, and returns their handles.

        Raises:
            SubmitRefusedError: one asks for more than there is, or names a value that was not defined; none
                was taken.
        """
        for spec in specs:
            for digest in (spec.tool, spec.constants):
                if digest is not None and digest not in self._values:
                    raise SubmitRefusedError(f"{spec.handle} names {digest}, which was not defined")
            if reasons := self.check(spec.resources):
                raise SubmitRefusedError(f"{spec.handle} {'; '.join(reasons)}")
        self._waiting.extend(specs)
        self._dispatch()
        return [spec.handle for spec in specs]

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports that came, waiting up to ``timeout_s`` seconds for the first.

        While the workers have enough to do, more reports are gathered within that time: to settle and sync
        many at once costs the engine, and the disk that the jobs write to, little more than one.
        What the call before returned counts as settled: the journals may forget it.
        """
        self._unsettled = set()
        for worker in self._workers:
            worker.forget()
        deadline = time.monotonic() + timeout_s
        first_at = 0.0
        while True:
            now = time.monotonic()
            if self._reports or self._heard:
                first_at = first_at or now
                deadline = min(deadline, first_at + self._patience_s())
            left_s = max(0.0, deadline - now)
            self._exchange(min(left_s, BATCH_S) if self._rebalance() else left_s)
            self._dispatch()
            if time.monotonic() >= deadline:
                return self._hand_on()

    def _patience_s(self) -> float:
        """Returns how long the engine may be left without the reports that have come."""
        if not all(worker.held for worker in self._workers):
            return 0.0
        return GATHER_S if 2 * self._in_hand() <= self._wanted() else math.inf

    def _hand_on(self) -> list[Report]:
        for worker in self._workers:
            worker.hand_on()
        reports, self._reports = self._reports, []
        self._unsettled = {report.handle for report in reports}
        return reports

    def started(self) -> list[str]:
        """Returns the handles of attempts that began since the last call."""
        started, self._started = self._started, []
        return started

    def heard(self) -> list[RangeNews]:
        """Returns what attempts said of their event ranges since the last call, in order."""
        heard, self._heard = self._heard, []
        return heard

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Gives further event ranges to an attempt that asked for them."""
        for worker in self._workers:
            if handle in worker.held:
                worker.feed(handle, ranges, more)

    def waiting(self, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts wait: for a worker, or behind others of its batch."""
        waits = {spec.handle: self._why(spec) for spec in self._waiting}
        for worker in self._workers:
            behind = list(worker.held)[1:]
            waits |= dict.fromkeys(behind, f"worker {worker.name} does other jobs of its batch first")
        return {handle: waits[handle] for handle in handles if handle in waits}

    def _why(self, spec: JobSpec) -> str:
        """Returns what a job that no worker was given waits for."""
        busy = [worker for worker in self._workers if worker.held]
        if len(busy) == len(self._workers):
            return f"all {len(busy)} workers are busy"
        cores = self._cores - sum(worker.claim_cores for worker in busy)
        if _cores(spec) > cores:
            return f"it needs {_cores(spec):g} cores, and {cores:g} of {self._cores} are free"
        ram_mb = self._ram_mb - sum(worker.claim_mb for worker in busy)
        if spec.resources.ram_mb > ram_mb:
            return (
                f"it needs {spec.resources.ram_mb:g} MiB of memory, and {ram_mb:.0f} of {self._ram_mb:.0f} "
                "are free"
            )
        return "jobs before it are given to workers first"

    def cancel(self, handles: Iterable[str]) -> None:
        """Ends attempts; one that waits is reported at once, one that runs when it has ended."""
        asked = set(handles)
        for worker in self._workers:
            if mine := asked & worker.held.keys():
                worker.cancel(mine)
        waiting, self._waiting = self._waiting, deque()
        for spec in waiting:
            if spec.handle in asked:
                self._reports.append(_unrun(spec, Cause.CANCELLED, "it was cancelled before it started"))
            else:
                self._waiting.append(spec)

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says ALIVE of what workers of an earlier engine had finished; ends all else and says GONE.

        What they had said of event ranges is heard again, also of attempts that are GONE.
        """
        asked = list(handles)
        own = {handle for worker in self._workers for handle in worker.held} | {
            spec.handle for spec in self._waiting
        }
        own |= {report.handle for report in self._reports}
        found, news = find(self._home, set(asked) - own)
        self._reports += found
        self._heard += news
        alive = own | {report.handle for report in found}
        end_marked(JOB_MARK, [handle for handle in asked if handle not in alive])
        return {handle: Life.ALIVE if handle in alive else Life.GONE for handle in asked}

    def close(self) -> None:
        """Ends everything that runs, and waits until nothing is left; called once more, it does not wait.

        ``poll`` still returns what had ended by itself.  The journals of which everything is settled go.
        """
        deadline = time.monotonic() + (0 if self._closing else self._grace_s + 2)
        self._closing = True
        self._waiting.clear()
        for worker in self._workers:
            worker.shut()
        while not all(worker.ended() for worker in self._workers) and time.monotonic() < deadline:
            time.sleep(0.005)
        for worker in self._workers:
            if not worker.ended():
                worker.kill()
            self._heard += worker.unheard()
            self._reports += worker.unsaid()
            worker.tidy()
        end_marked(JOB_MARK, [handle for worker in self._workers for handle in worker.held])
        self._ended += self._workers
        self._workers = []
        unsettled = self._unsettled | {report.handle for report in self._reports}
        self._ended = [worker for worker in self._ended if not worker.drop_journal(unsettled)]

    def __enter__(self) -> LocalBackend:
        """Returns itself; it is closed at the end of the block."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Closes it."""
        self.close()

    def _new_worker(self) -> WorkerProcess:
        name = f"local-{os.getpid()}-{time.time_ns() // 1_000_000:x}-{next(self._numbers)}"
        try:
            return WorkerProcess(name, self._folder, self._grace_s)
        except OSError as error:
            raise BackendError(f"backend 'local' cannot start a worker process: {error}") from error

    def _exchange(self, timeout_s: float) -> None:
        """Reads what workers say and writes what waits for them."""
        poll = select.poll()
        readers = {}
        for worker in self._workers:
            poll.register(worker.stdout, select.POLLIN)
            readers[worker.stdout] = worker
            if worker.wants_to_write:
                poll.register(worker.stdin, select.POLLOUT)
        for fd, _ in poll.poll(timeout_s * 1000):
            if fd in readers:
                self._read(readers[fd])
        for worker in self._workers:
            if worker.wants_to_write:
                worker.write()

    def _read(self, worker: WorkerProcess) -> None:
        held = dict(worker.held) if len(worker.held) < 2 else worker.held.copy()
        notices, alive = worker.read()
        for notice in notices:
            if notice.returned is not None:
                self._waiting.extendleft(worker.held.pop(handle) for handle in reversed(notice.returned))
            elif notice.news is not None:
                self._heard.append(notice.news)
            elif notice.report is None:
                self._started.append(notice.started)
            elif (spec := held.get(notice.report.handle)) is not None:
                self._pace.learn(spec.tool, notice.report.wall_s)
                self._reports.append(notice.report)
        if not alive:
            self._replace(worker)

    def _replace(self, worker: WorkerProcess) -> None:
        """Starts a worker in the place of one that ended, and reports what it had begun as LOST.

        What it had written to its journal, but could not say any more, is reported as it was.

        Raises:
            BackendError: it gave up before it did anything, as the next one would.
        """
        how = worker.bury()
        if worker.never_began:
            raise BackendError(f"backend 'local' cannot start a worker process: {worker.name} {how}")
        self._ended.append(worker)
        self._heard += worker.unheard()
        self._reports += worker.unsaid()
        begun = [spec for spec in worker.held.values() if os.path.lexists(spec.directory)]
        for spec in begun:
            self._reports.append(
                _unrun(worker.held.pop(spec.handle), Cause.LOST, f"its worker {worker.name} {how}")
            )
        self._waiting.extendleft(reversed(worker.held.values()))
        self._workers[self._workers.index(worker)] = self._new_worker()

    def _rebalance(self) -> bool:
        """Asks for jobs back that wait behind a long one while a worker has none; says if any might."""
        if self._waiting or all(worker.held for worker in self._workers):
            return False
        laden = [worker for worker in self._workers if len(worker.held) > 1]
        for worker in laden:
            if worker.lags:
                worker.ask_back()
        return bool(laden)

    def _dispatch(self) -> None:
        """Gives waiting jobs, in order, to workers that run out of work."""
        while self._waiting:
            spec = self._waiting[0]
            worker = self._place(spec)
            if worker is None:
                return
            worker.batch = self._pace.batch(spec.tool)
            size = min(worker.batch, share(len(self._waiting), len(self._workers)))
            batch = [self._waiting.popleft()]
            while len(batch) < size and self._waiting and self._waiting[0].resources == spec.resources:
                batch.append(self._waiting.popleft())
            worker.claim_cores, worker.claim_mb = _cores(spec), spec.resources.ram_mb
            worker.give(batch, self._values)

    def _place(self, spec: JobSpec) -> WorkerProcess | None:
        """Returns the worker that should take a job now: the emptiest, if cores and memory are free."""
        ready = [each for each in self._workers if not each.held or _runs_out(each, spec)]
        if not ready:
            return None
        worker = min(ready, key=lambda each: len(each.held))
        others = [each for each in self._workers if each.held and each is not worker]
        cores = sum(each.claim_cores for each in others) + _cores(spec)
        ram_mb = sum(each.claim_mb for each in others) + spec.resources.ram_mb
        return worker if cores <= self._cores and ram_mb <= self._ram_mb else None


def machine_memory_mb() -> float:
    """Returns the memory that jobs may have, in MiB: the machine's, or its control group's if less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            limits.append(int(Path(path).read_text(encoding="ascii")))
    return min(limits) / 2**20


def _cores(spec: JobSpec) -> float:
    return spec.resources.cores or 1.0


def _runs_out(worker: WorkerProcess, spec: JobSpec) -> bool:
    """Returns whether a worker is in the second half of a batch of jobs that ask for the same."""
    same = worker.claim_cores == _cores(spec) and worker.claim_mb == spec.resources.ram_mb
    return same and len(worker.held) <= worker.batch // 2 and not worker.lags


def _unrun(spec: JobSpec, cause: Cause, message: str) -> Report:
    return Report(
        run=spec.run, key=spec.key, attempt=spec.attempt, cause=cause, message=message, started_at=time.time()
    )
