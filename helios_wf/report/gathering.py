"""From the rows of a run to its facts, in one pass."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from datetime import UTC, datetime
from itertools import count

import msgspec

from helios_wf import __version__
from helios_wf.cwl.settings import apply_settings
from helios_wf.engine.holders import abandoned
from helios_wf.failures import Kinds
from helios_wf.model import Document, Json
from helios_wf.plan import plan_document
from helios_wf.plan.algebra import tasks_of
from helios_wf.publishing import Options
from helios_wf.report.facts import (
    FORMAT,
    Bins,
    Bound,
    DeviceFacts,
    Facts,
    JobLine,
    Moment,
    RunFacts,
)
from helios_wf.report.histograms import plots
from helios_wf.report.losses import Ranges, lost
from helios_wf.report.steps import Spent, Step, spent
from helios_wf.report.times import Clock
from helios_wf.report.tries import Troubles
from helios_wf.report.workers import Workers
from helios_wf.states import SETTLED_RUNS, JobState
from helios_wf.store import Store, Tx, clock, documents, jobs, log, runs, tasks
from helios_wf.store.rows import JobRow, RunRow
from helios_wf.tables.sizes import files_in, n_bytes

MOST_LINES = 200
"""Jobs in the table of the page."""

MOST_KINDS = 30
"""Kinds of failures that are told."""

NAMED_FILES = 5
"""Files of an input or output that are named."""

MOST_TEXT = 300

_FIRST = {JobState.FAILED: 3, JobState.FINISHED: 2, JobState.CANCELLED: 1}
"""Jobs that are shown before others, however short they were."""


def gather(store: Store, run: str) -> Facts:
    """Returns the facts of a run, also of one that goes on."""
    with store.read() as tx:
        row = runs.get(tx, run)
        document = msgspec.json.decode(documents.get(tx, row.document), type=Document)
        return _Gathering(tx, row, document).facts(store.place)


class _Gathering:
    """One run while its rows are read."""

    def __init__(self, tx: Tx, run: RunRow, document: Document) -> None:
        self._tx = tx
        self._run = run
        self._document = document
        self._options = msgspec.convert(run.options, Options)
        self._ended_at = run.changed_at.timestamp() if run.state in SETTLED_RUNS else clock.now(tx)
        self._clock = Clock(run.created_at.timestamp(), self._ended_at)
        self._tasks = list(tasks.list(tx, run.id))
        self._steps = {task.number: Step(task.number, self._clock) for task in self._tasks}
        self._workers = Workers(self._clock)
        self._kinds = Kinds(run.id, {task.number: task for task in self._tasks})
        self._devices: dict[str, list[float]] = {}
        self._backends: Counter[str] = Counter()
        self._lines: list[tuple[int, float, int, JobLine]] = []
        self._n_jobs = 0

    def facts(self, place: str) -> Facts:
        """Reads everything, and returns what was found."""
        tx, run = self._tx, self._run
        for order, job in enumerate(jobs.every(tx, run.id)):
            self._add(job, order)
        ranges = Ranges(tx, run.id, self._steps, self._clock)
        troubles = Troubles(tx, run.id)
        workers, blocks = self._workers.rows()
        kinds = self._kinds.all()
        histograms, categories = plots(run.outputs or {})
        plan = plan_document(apply_settings(self._document, self._options.changes))
        after = {
            task.number: {other for feed in task.feeds for other in tasks_of(feed.source)} | {*task.guards}
            for task in plan.tasks
        }
        names = {task.number: task.name for task in self._tasks}
        return Facts(
            FORMAT,
            _iso(clock.now(tx)),
            self._run_facts(place),
            tuple(
                Moment(
                    entry.at.isoformat(timespec="seconds"),
                    self._clock.offset(entry.at.timestamp()),
                    entry.old or "",
                    entry.new,
                    entry.note,
                )
                for entry in log.of_run(tx, run.id)
            ),
            tuple(
                self._steps[task.number].facts(task, after.get(task.number, set()), ranges.events(task))
                for task in self._tasks
            ),
            Bins(self._clock.n, self._clock.width_s),
            tuple(step.series() for step in self._steps.values()),
            workers,
            blocks,
            self._workers.overhead(troubles.seconds, self._ended_at),
            troubles.all(),
            len(kinds),
            tuple(kinds[:MOST_KINDS]),
            ranges.n_lost,
            lost(tx, run.id, names),
            self._device_facts(),
            histograms,
            categories,
            self._n_jobs,
            tuple(line for *_, line in sorted(self._lines, key=lambda one: (-one[0], -one[1], one[2]))),
        )

    def _add(self, job: JobRow, order: int) -> None:
        """Takes the next job."""
        self._n_jobs += 1
        time = spent(job)
        size = n_bytes(job.outputs) if job.outputs and not job.reused else 0
        self._steps[job.task].add(job, time, size)
        self._backends[job.backend] += 1
        if time is not None:
            self._workers.add(job, time)
        if job.state is JobState.FAILED:
            self._kinds.add(job)
        for device in job.devices:
            seen = self._devices.setdefault(device.uuid, [0, 0.0, 0.0, 0.0])
            seen[0] += 1
            seen[1] = max(seen[1], device.peak_memory_mb)
            seen[2] += device.utilisation * job.took_s
            seen[3] += job.took_s
        self._keep(job, time, size, order)

    def _keep(self, job: JobRow, time: Spent | None, size: int, order: int) -> None:
        """Keeps a job for the table, if it failed or was slow."""
        rank = (_FIRST.get(job.state, 0), time.took_s if time is not None else 0.0, -order)
        if len(self._lines) >= MOST_LINES and rank <= self._lines[0][:3]:
            return
        push = heapq.heappush if len(self._lines) < MOST_LINES else heapq.heappushpop
        push(self._lines, (*rank, _line(job, time, size)))

    def _run_facts(self, place: str) -> RunFacts:
        run, document = self._run, self._document
        hosts = self._workers.hosts
        return RunFacts(
            run.id,
            run.label,
            run.state,
            run.reason,
            abandoned(run),
            run.template,
            run.version,
            document.path,
            document.digest,
            document.cwl_version,
            run.created_at.isoformat(timespec="seconds"),
            run.changed_at.isoformat(timespec="seconds") if run.state in SETTLED_RUNS else None,
            self._ended_at - self._clock.start,
            tuple(_bound(name, value, run.datasets.get(name)) for name, value in (run.inputs or {}).items()),
            tuple(
                _bound(name, value, self._options.datasets.get(name))
                for name, value in (run.outputs or {}).items()
            ),
            {
                "outdir": self._options.outdir,
                "keep": self._options.keep,
                "on_error": self._options.on_error,
                "reuse": self._options.reuse,
                "set": list(self._options.changes),
            },
            run.engine,
            place,
            __version__,
            tuple(name for name, _ in self._backends.most_common() if name),
            tuple(hosts[:20]),
            len(hosts),
            {step: f"{one.image} ({one.engine.name})" for step, one in self._options.containers.items()},
        )

    def _device_facts(self) -> tuple[DeviceFacts, ...]:
        return tuple(
            DeviceFacts(uuid, int(n), memory, weighted / took if took else 0.0)
            for uuid, (n, memory, weighted, took) in sorted(self._devices.items())
        )


def _line(job: JobRow, time: Spent | None, size: int) -> JobLine:
    return JobLine(
        job.task,
        job.path,
        job.state,
        job.attempt,
        job.cause,
        job.exit_code,
        job.signal,
        job.message[:MOST_TEXT],
        job.host,
        job.worker,
        time and time.queue_s,
        time and time.took_s,
        time and time.wall_s,
        job.cpu_s if time is not None else None,
        job.peak_memory_mb,
        size,
        job.first,
        job.stop,
        job.file,
    )


def _bound(name: str, value: Json, dataset: str | None) -> Bound:
    n_files = 0
    named: list[str] = []
    for n_files, file in zip(count(1), files_in(value), strict=False):
        if n_files <= NAMED_FILES:
            named.append(str(file.get("path") or file.get("location") or file.get("basename") or ""))
    text = "" if n_files else json.dumps(value)
    if len(text) > MOST_TEXT:
        text = text[:MOST_TEXT] + " ..."
    return Bound(name, dataset, n_files, n_bytes(value), tuple(named), text)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
