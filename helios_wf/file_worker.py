"""Job specs in, reports out, over files: ``python -m helios_wf.file_worker SUBMISSION --worker NAME``.

The files are those of ``helios_wf.spool``; the rest is the worker that every backend has.  With ``--chunk N``
it runs that chunk, else one after another until there are none, or its time is up.  Jobs for which the time
does not suffice are handed back.

Two processes: one works, the other ends with it whatever it leaves running, also when it was killed.  A
SIGTERM (the batch system's, before SIGKILL) ends the tool and both; nothing is said of the attempt that ran
then, for only the batch system knows why.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from helios_wf.evidence import memory_kills
from helios_wf.model import JobSpec
from helios_wf.processes import become_subreaper, end_leftovers, end_with_parent
from helios_wf.spool import LOOK_S, Spool, Terms, wait_for
from helios_wf.worker import Order, Worker

SAY_S = 0.5
"""Notices are handed on together with what else comes within this time."""

DOUBT_S = 0.3
"""A batch system that ends a task signals tool and worker in any order.  What the worker said just before
its own signal, it said of a tool that was ended, and that is not handed on."""

MARGIN_S = 10.0
"""No job begins so shortly before the worker's time is up, whatever it takes."""

DEVICES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
"""Variables by which a batch system says which GPUs are the worker's; tools are told the same."""

LAST_TRIES = 30
"""How often, and for how many seconds, a worker that ends tries to hand on its last notices."""


class Said(NamedTuple):
    """Notices about jobs of a chunk, and when they came (``time.monotonic``)."""

    at: float
    chunk: int
    lines: bytes


class Files:
    """A worker's door to a submission."""

    def __init__(self, spool: Spool, worker: str, terms: Terms, chunk: int | None) -> None:
        self.fd, self._bell = os.pipe()
        os.set_blocking(self.fd, False)
        self._spool = spool
        self._worker = worker
        self._terms = terms
        self._next = [] if chunk is None else [chunk]
        self._is_alone = chunk is not None
        self._current: int | None = None
        self._unsaid: deque[Said] = deque()
        self._number = 0
        self._told: set[str] = set()
        self._stopped: list[str] = []
        self._defined: set[str] = set()
        self._until = None if terms.time_s is None else time.monotonic() + terms.time_s - MARGIN_S
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._pulse = threading.Thread(target=self._beat, daemon=True)
        self._pulse.start()

    # -- the door ------------------------------------------------------------------------------------------

    def hear(self) -> list[Order] | None:
        """Returns which attempts must end; when there is nothing of that, the next jobs, or None."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.fd, 4096)
            with self._lock:
                stopped, self._stopped = self._stopped, []
            return [Order(cancel=stopped)]
        self._current = None
        specs = self._take()
        return None if specs is None else [*self._values(specs), Order(run=specs)]

    def admits(self, spec: JobSpec) -> bool:
        """Returns whether there is time for a job; waits until its inputs can be seen."""
        if self._until is not None:
            needed_s = spec.resources.time_s or 0.0
            if time.monotonic() + needed_s > self._until:
                return False
        wait_for([spec.inputs], self._terms.late_s)
        return True

    def say(self, lines: bytes) -> bool:
        """Hands notices on, with others; whoever reads them may be away."""
        if lines and self._current is not None:
            with self._lock:
                self._unsaid.append(Said(time.monotonic(), self._current, lines))
        return True

    def keep(self, line: bytes) -> None:
        """Does nothing: what is said stays where it can be read."""

    def forget(self, until: int) -> None:
        """Does nothing: whoever reads the notices removes them."""

    def close(self, in_doubt: bool) -> None:
        """Hands on what is left, but for what is in doubt."""
        self._closed.set()
        self._pulse.join()
        if not in_doubt and self._unsaid:
            time.sleep(max(0.0, self._unsaid[-1].at + DOUBT_S - time.monotonic()))
        self._insist()

    # -- chunks --------------------------------------------------------------------------------------------

    def _take(self) -> list[JobSpec] | None:
        """Returns the jobs of the next chunk; None when there is none for this worker."""
        if self._is_alone:
            return self._take_own(self._next.pop()) if self._next else None
        deadline = time.monotonic() + (self._terms.linger_s or 0.0)
        while not self._is_over():
            for chunk in self._spool.waiting():
                if (specs := self._hold(chunk)) is not None:
                    return specs
            if time.monotonic() > deadline or self._spool.is_finished:
                return None
            time.sleep(LOOK_S)
        return None

    def _take_own(self, chunk: int) -> list[JobSpec] | None:
        """Returns the jobs of its one chunk, once it can be seen; None when it is somebody else's."""
        deadline = time.monotonic() + self._terms.late_s
        while (specs := self._hold(chunk)) is None:
            if self._spool.is_settled(chunk):
                return None
            if time.monotonic() > deadline:
                sys.exit(
                    f"chunk {chunk} could not be seen in {self._spool.path} within {self._terms.late_s} s"
                )
            time.sleep(LOOK_S)
        return specs

    def _hold(self, chunk: int) -> list[JobSpec] | None:
        specs = self._spool.take(chunk, self._worker)
        if specs is not None:
            self._spool.beat(chunk, f"{self._worker} 0")
            self._current = chunk
        return specs if specs is None else [_with_devices(spec) for spec in specs]

    def _is_over(self) -> bool:
        return self._until is not None and time.monotonic() > self._until

    def _values(self, specs: list[JobSpec]) -> list[Order]:
        """Returns an order that defines what these jobs name and was not defined yet."""
        named = {digest for spec in specs for digest in (spec.tool, spec.constants) if digest}
        new = sorted(named - self._defined)
        self._defined |= named
        folder = Path(self._terms.values)
        return [Order(define={digest: self._value(folder / digest) for digest in new})] if new else []

    def _value(self, path: Path) -> msgspec.Raw:
        deadline = time.monotonic() + self._terms.late_s
        while not path.exists() and time.monotonic() < deadline:
            os.listdir(path.parent)  # noqa: PTH208
            time.sleep(LOOK_S)
        return msgspec.Raw(path.read_bytes())

    # -- signs of life, and notices ------------------------------------------------------------------------

    def _beat(self) -> None:
        """Hands on notices, looks for attempts that must end, and shows that the worker lives."""
        beats, beaten = 0, time.monotonic()
        while not self._closed.wait(SAY_S):
            # a shared folder may be away for a while
            with contextlib.suppress(OSError):
                self._flush()
                self._look_for_stops()
                chunk = self._current
                if time.monotonic() - beaten >= self._terms.beat_s and chunk is not None:
                    beats, beaten = beats + 1, time.monotonic()
                    self._spool.beat(chunk, f"{self._worker} {beats}")

    def _look_for_stops(self) -> None:
        chunk = self._current
        for name, handles in self._spool.stops(chunk).items() if chunk is not None else ():
            if name not in self._told:
                self._told.add(name)
                with self._lock:
                    self._stopped += handles
                os.write(self._bell, b"!")

    def _flush(self) -> None:
        """Hands on what is old enough to be beyond doubt, a file for each chunk."""
        with self._lock:
            until = time.monotonic() - DOUBT_S
            old = list(itertools.takewhile(lambda said: said.at <= until, self._unsaid))
        for chunk, said in itertools.groupby(old, key=lambda said: said.chunk):
            together = list(said)
            self._spool.say(chunk, self._worker, self._number, b"".join(one.lines for one in together))
            self._number += 1
            with self._lock:
                for _ in together:
                    self._unsaid.popleft()

    def _insist(self) -> None:
        """Hands on what is old enough, also where the shared folder is away for a while."""
        for left in reversed(range(LAST_TRIES)):
            try:
                self._flush()
                break
            except OSError:
                if not left:
                    raise
                time.sleep(1.0)


def _with_devices(spec: JobSpec) -> JobSpec:
    """Returns a job with the GPUs that its worker was given, where it asks for any."""
    if not spec.resources.gpus:
        return spec
    given = {name: os.environ[name] for name in DEVICES if name in os.environ}
    return replace(spec, environment={**spec.environment, **given})


def work(spool: Spool, terms: Terms, worker: str, chunk: int | None, scratch: str | None) -> None:
    """Runs jobs until there are no more for this worker."""
    memory_kills()
    door = Files(spool, worker, terms, chunk)
    try:
        Worker(worker, door, terms.grace_s, scratch).serve()
    except SystemExit:
        door.close(in_doubt=True)
        raise
    door.close(in_doubt=False)


def guard(act: Callable[[], None]) -> int:
    """Does something in a child process, ends what that leaves behind, and returns its exit code."""
    become_subreaper()
    child = os.fork()
    if child == 0:
        end_with_parent(signal.SIGTERM)
        signal.signal(signal.SIGTERM, _stop)
        become_subreaper()
        act()
        return 0

    def pass_on(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    signal.signal(signal.SIGTERM, pass_on)
    _, status = os.waitpid(child, 0)
    end_leftovers()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _stop(number: int, frame: FrameType | None) -> None:
    # a second signal must not cut short what ends the tool
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    """Works for a submission."""
    parser = argparse.ArgumentParser(prog="python -m helios_wf.file_worker")
    parser.add_argument("submission", type=Path)
    parser.add_argument("--worker", default=f"{socket.gethostname()}-{os.getpid()}")
    parser.add_argument("--chunk", type=int)
    options = parser.parse_args()
    spool = Spool(options.submission)
    terms = spool.terms()
    scratch = None
    if terms.scratch:
        scratch = tempfile.mkdtemp(prefix="helios-", dir=os.path.expandvars(terms.scratch))
    code = guard(lambda: work(spool, terms, options.worker, options.chunk, scratch))
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
