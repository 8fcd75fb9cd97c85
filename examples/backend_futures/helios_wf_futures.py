"""A backend over ``concurrent.futures``: each thread of a pool drives one worker process of helios-wf.

It is an example for authors of backends, and whole: ``helios_wf.testing.BackendContract`` holds for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec.structs import replace

from helios_wf.backend import BackendSettings, Life
from helios_wf.errors import BackendError, SubmitRefusedError
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, RangeReport, Report, Resources
from helios_wf.processes import GRACE_S, JOB_MARK, end_marked
from helios_wf.states import Cause
from helios_wf.worker import Notice

encode = msgspec.json.encode


class FuturesBackend:
    """Runs ``settings.jobs`` jobs at once on this machine.

    Options: ``grace_s``, seconds between SIGTERM and SIGKILL (5).
    """

    name = "futures"
    feeds = False

    def __init__(self, settings: BackendSettings) -> None:
        if unknown := set(settings.options) - {"grace_s"}:
            raise BackendError(f"backend 'futures' has no option {sorted(unknown)[0]!r}; known: grace_s")
        self._slots = settings.jobs or os.cpu_count() or 1
        self._grace_s = float(settings.options.get("grace_s", GRACE_S))
        self._kept = Path(settings.home, "futures")
        self._kept.mkdir(parents=True, exist_ok=True)
        self._values: dict[str, msgspec.Raw] = {}
        self._lock = threading.Lock()
        self._futures: dict[str, Future[None]] = {}
        self._running: dict[str, Child] = {}
        self._cancelled: set[str] = set()
        self._begun: list[str] = []
        self._handed_on: list[Report] = []
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._children: queue.SimpleQueue[Child] = queue.SimpleQueue()
        for _ in range(self._slots):
            self._children.put(Child(self._grace_s))
        self._pool = ThreadPoolExecutor(self._slots)
        self._closing = False

    def define(self, values: dict[str, Json]) -> None:
        """Keeps tools and constants as they will be sent."""
        for digest, value in values.items():
            self._values.setdefault(digest, msgspec.Raw(encode(value)))

    def room(self, gpus: bool = False) -> int:
        """Returns how many more jobs would keep every thread busy, and one more for each waiting."""
        return 0 if gpus else max(0, 2 * self._slots - len(self._futures))

    def check(self, resources: Resources) -> list[str]:
        """Returns what these threads cannot give."""
        reasons = []
        if resources.cores > self._slots:
            reasons.append(
                f"needs {resources.cores:g} cores; this backend runs {self._slots} jobs of one core"
            )
        if resources.gpus:
            reasons.append(f"needs {resources.gpus} GPUs; this backend gives out none")
        return reasons

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Hands attempts to the pool, all or none."""
        for spec in specs:
            unknown = [one for one in (spec.tool, spec.constants) if one and one not in self._values]
            if unknown:
                raise SubmitRefusedError(f"{spec.handle} names {unknown[0]}, which was not defined")
            if reasons := self.check(spec.resources):
                raise SubmitRefusedError(f"{spec.handle} {'; '.join(reasons)}")
        for spec in specs:
            self._futures[spec.handle] = self._pool.submit(self._run, spec)
        return [spec.handle for spec in specs]

    def _run(self, spec: JobSpec) -> None:
        """Runs one attempt in a worker process; called in a thread of the pool."""
        child = self._children.get()
        child.give(spec, self._values)
        with self._lock:
            self._running[spec.handle] = child
            if spec.handle in self._cancelled:
                child.send({"cancel": [spec.handle]})
        report = child.report(spec, lambda: self._begins(spec.handle))
        with self._lock:
            del self._running[spec.handle]
            self._cancelled.discard(spec.handle)
        if report.cause is Cause.LOST and self._closing:
            return
        self._children.put(child if child.is_alive else Child(self._grace_s))
        self._begins(spec.handle)
        # the report must outlive this process until it is settled: see poll and adopt
        self._file(report.handle).write_bytes(encode(report))
        self._reports.put(report)

    def _begins(self, handle: str) -> None:
        with self._lock:
            if handle not in self._begun:
                self._begun.append(handle)

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports that came; those of the call before count as settled now."""
        for report in self._handed_on:
            self._file(report.handle).unlink(missing_ok=True)
        self._handed_on = list(self._taken(timeout_s))
        for report in self._handed_on:
            self._futures.pop(report.handle, None)
        return self._handed_on

    def _taken(self, timeout_s: float) -> Iterator[Report]:
        try:
            yield self._reports.get(timeout=timeout_s) if timeout_s > 0 else self._reports.get_nowait()
            while True:
                yield self._reports.get_nowait()
        except queue.Empty:
            return

    def started(self) -> list[str]:
        """Returns the attempts that began since the last call."""
        with self._lock:
            begun, self._begun = self._begun, []
        return begun

    def heard(self) -> list[RangeNews]:
        """Returns nothing: without ``feeds``, reports say all."""
        return []

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Is never called: without ``feeds``, specs bring all ranges."""

    def waiting(self, handles: Iterable[str]) -> dict[str, str]:
        """Says of what the pool has not begun that all its threads are busy."""
        with self._lock:
            waits = self._futures.keys() - self._running.keys()
        words = f"all {self._slots} threads are busy"
        return {
            handle: words for handle in handles if handle in waits and not self._futures[handle].running()
        }

    def cancel(self, handles: Iterable[str]) -> None:
        """Ends what runs, and takes what waits from the pool."""
        for handle in handles:
            future = self._futures.get(handle)
            if future is not None and future.cancel():
                self._reports.put(_unrun(handle, Cause.CANCELLED, "it was cancelled before it started"))
                continue
            with self._lock:
                # one that is just being given to its worker is told to it right after
                self._cancelled |= {handle} & self._futures.keys()
                if handle in self._running:
                    self._running[handle].send({"cancel": [handle]})

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says ALIVE of what has a report that was not settled, or is here; ends all else."""
        lives = {}
        for handle in handles:
            path = self._file(handle)
            if handle in self._futures:
                lives[handle] = Life.ALIVE
            elif path.exists():
                self._reports.put(msgspec.json.decode(path.read_bytes(), type=Report))
                lives[handle] = Life.ALIVE
            else:
                lives[handle] = Life.GONE
        end_marked(JOB_MARK, [handle for handle, life in lives.items() if life is Life.GONE])
        return lives

    def close(self) -> None:
        """Ends everything, and waits for it."""
        self._closing = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            running = list(self._running.values())
        for child in running:
            child.stop()
        self._pool.shutdown(wait=True)
        while not self._children.empty():
            self._children.get().stop()

    def _file(self, handle: str) -> Path:
        return self._kept / hashlib.sha256(handle.encode()).hexdigest()


class Child:
    """One worker process: ``helios_wf.worker`` says what goes through its pipes."""

    def __init__(self, grace_s: float) -> None:
        command = [sys.executable, "-m", "helios_wf.worker", "--name", f"futures-{os.getpid()}-{id(self):x}"]
        command += ["--journal", os.devnull, "--grace", str(grace_s)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._known: set[str] = set()

    @property
    def is_alive(self) -> bool:
        """Whether it can be given a further attempt."""
        return self._process.poll() is None

    def give(self, spec: JobSpec, values: dict[str, msgspec.Raw]) -> None:
        """Sends an attempt, and before it the values that it names and the process does not know."""
        named = {digest for digest in (spec.tool, spec.constants) if digest} - self._known
        self._known |= named
        self.send({"define": {digest: values[digest] for digest in named}})
        self.send({"run": [spec]})

    def report(self, spec: JobSpec, begins: Callable[[], None]) -> Report:
        """Returns the report of the attempt that was given; LOST when the process ends before it says one.

        What the worker told of event ranges before, as of those that take long, goes into the report.
        """
        assert self._process.stdout is not None
        told: list[RangeReport] = []
        for line in self._process.stdout:
            notice = msgspec.json.decode(line, type=Notice)
            if notice.report is not None:
                return replace(notice.report, ranges=(*told, *notice.report.ranges))
            if notice.news is not None:
                told += notice.news.ranges
            begins()
        self._process.wait()
        end_marked(JOB_MARK, [spec.handle])
        report = _unrun(spec.handle, Cause.LOST, f"its worker ended with {self._process.returncode}")
        return replace(report, ranges=tuple(told))

    def send(self, order: dict[str, object]) -> None:
        """Sends one order, unless the process is gone: then its output says so."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._process.stdin.write(encode(order) + b"\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """Ends the process, which ends its tool first."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


def _unrun(handle: str, cause: Cause, message: str) -> Report:
    """Returns a report of an attempt that no worker reported."""
    run, _, rest = handle.partition("/")
    key, _, attempt = rest.rpartition(".")
    return Report(
        run=run, key=key, attempt=int(attempt), cause=cause, message=message, started_at=time.time()
    )
