"""Job specs in, reports out, over pipes: ``python -m helios_wf.worker --name NAME --journal FILE``.

A ``Door`` is the way in and out: ``Pipes`` here, files in ``helios_wf.file_worker``.  Each line is JSON.
In: ``{"define": {DIGEST: VALUE}}``, ``{"run": [SPEC, ...]}``,
``{"cancel": [HANDLE, ...]}``, ``{"back": [HANDLE, ...]}``, ``{"forget": BYTES}``,
``{"feed": {HANDLE: {"ranges": [RANGE, ...], "more": BOOL}}}``.
Out: ``{"started": HANDLE, "pid": PID}``, ``{"report": REPORT}``, ``{"returned": [HANDLE, ...]}``,
``{"news": NEWS, "pid": PID}``.

``back`` asks for jobs that have not begun; ``returned`` answers it with those that are now let go.  ``feed``
gives the attempt that runs further event ranges, ``news`` tells of its ranges; news of ranges that have ended
stands in the journal as a report does.

What ends within ``NEWS_S`` is not said to have started, and reports are sent together for as long.  A report
is appended to the journal before it is sent; ``forget`` drops that many bytes, counted from the
worker's start, which whoever reads the reports has settled.  The worker ends when its standard input does,
or its parent, always ending its tool first.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, Protocol

import msgspec

from helios_wf.cwl.program import Program, program_of
from helios_wf.evidence import memory_kills
from helios_wf.feeding import run as run_ranges
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, Report
from helios_wf.processes import GRACE_S, NEWS_S, become_subreaper, end_with_parent
from helios_wf.runner import run
from helios_wf.states import Cause

PROGRAMS_KEPT = 256
"""How many prepared tools a worker keeps."""


class Food(msgspec.Struct, forbid_unknown_fields=True):
    """Event ranges for the attempt that runs, and whether further ones may come."""

    ranges: list[EventRange] = []
    more: bool = False


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """One line that a worker reads; exactly one field is set."""

    define: dict[str, msgspec.Raw] = {}
    run: list[JobSpec] = []
    cancel: list[str] = []
    back: list[str] = []
    forget: int = 0
    feed: dict[str, Food] = {}


class Notice(msgspec.Struct, omit_defaults=True):
    """One line that a worker writes, and reads of another: the news of a worker are counted by ``serial``."""

    started: str = ""
    pid: int = 0
    report: Report | None = None
    returned: list[str] | None = None
    news: RangeNews | None = None
    serial: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether it stands in the journal."""
        return self.report is not None or (self.news is not None and bool(self.news.ranges))


class Journal:
    """The reports of one worker, in a file that outlives it; it does without where that cannot be written."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._forgotten = 0
        self._is_whole = True
        self._fd = self._open(path)

    def append(self, line: bytes) -> None:
        """Writes one line."""
        try:
            written = os.write(self._fd, line if self._is_whole else b"\n" + line)
        except OSError:
            written = 0
        self._is_whole = self._is_whole and written == len(line)

    def forget(self, until: int) -> None:
        """Drops the lines before a position, counted in bytes from the worker's start."""
        # positions hold only as long as every line was written
        if self._is_whole:
            with contextlib.suppress(OSError):
                self._rewrite(until)

    def _rewrite(self, until: int) -> None:
        with open(self._path, "rb") as file:
            file.seek(max(0, until - self._forgotten))
            rest = file.read()
        beside = f"{self._path}.new"
        with open(beside, "wb") as file:
            file.write(rest)
        os.replace(beside, self._path)
        os.close(self._fd)
        self._fd = self._open(self._path)
        self._forgotten = max(until, self._forgotten)

    @staticmethod
    def _open(path: str) -> int:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


class Door(Protocol):
    """The way by which orders come in and notices go out."""

    fd: int
    """becomes readable when an order has come, or none comes any more"""

    def hear(self) -> list[Order] | None:
        """Waits for orders and returns them; None when no more will come."""

    def admits(self, spec: JobSpec) -> bool:
        """Returns whether a job may begin now; one that may not is handed back."""

    def say(self, lines: bytes) -> bool:
        """Hands on notices, and returns whether anybody may still read them."""

    def keep(self, line: bytes) -> None:
        """Puts a line where it outlives the worker, before it is said."""

    def forget(self, until: int) -> None:
        """Lets go of what was kept and is settled: so many bytes, counted from the worker's start."""


class Pipes:
    """Standard input and output, with a journal beside them."""

    fd = 0

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._unread = b""
        self._orders = msgspec.json.Decoder(Order)

    def hear(self) -> list[Order] | None:
        """Waits for orders and returns them; None at the end of standard input."""
        data = os.read(self.fd, 1 << 20)
        if not data:
            return None
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [self._orders.decode(line) for line in lines]

    def admits(self, spec: JobSpec) -> bool:
        """Returns that it may begin: whoever gave it knows that it can."""
        return True

    def say(self, lines: bytes) -> bool:
        """Writes notices to standard output, and returns whether anybody reads there."""
        while lines:
            try:
                lines = lines[os.write(1, lines) :]
            except BrokenPipeError:
                return False
        return True

    def keep(self, line: bytes) -> None:
        """Appends a report to the journal."""
        self._journal.append(line)

    def forget(self, until: int) -> None:
        """Drops reports from the journal."""
        self._journal.forget(until)


class Worker:
    """Runs the jobs that it is told to, one after another."""

    def __init__(self, name: str, door: Door, grace_s: float = GRACE_S, scratch: str | None = None) -> None:
        self.fd = door.fd
        self._name = name
        self._door = door
        self._grace_s = grace_s
        self._scratch = scratch
        self._queue: deque[JobSpec] = deque()
        self._current: str | None = None
        self._food: list[EventRange] = []
        self._more = True
        self._serial = 0
        self._cancelled: set[str] = set()
        self._values: dict[str, msgspec.Raw] = {}
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._constants: OrderedDict[str, dict[str, Json]] = OrderedDict()
        self._ended = False
        self._unsent = b""
        self._said_at = 0.0
        self._encode = msgspec.json.Encoder().encode

    def serve(self) -> None:
        """Runs jobs until no more orders come."""
        while not self._ended:
            if self._queue:
                spec = self._queue.popleft()
                if self._door.admits(spec):
                    self._run(spec)
                else:
                    self._say(Notice(returned=[spec.handle]))
            else:
                self._flush()
                self.hear()

    def hear(self) -> bool:
        """Reads orders, and returns whether the job that runs must end now."""
        orders = self._door.hear()
        if orders is None:
            self._ended = True
            return True
        for order in orders:
            self._obey(order)
        return self._current in self._cancelled

    def _obey(self, order: Order) -> None:
        self._values.update(order.define)
        self._queue.extend(order.run)
        if order.forget:
            self._door.forget(order.forget)
        if order.feed:
            self._take_food(order.feed.get(self._current or ""))
        if order.back:
            self._say(Notice(returned=[spec.handle for spec in self._take(order.back)]))
        if order.cancel:
            self._cancelled |= {self._current or ""} & set(order.cancel)
            for spec in self._take(order.cancel):
                self._tell(_unrun(spec, self._name, Cause.CANCELLED, "it was cancelled before it started"))
            self._flush()

    def _take_food(self, food: Food | None) -> None:
        # food for an attempt that is not there any more is passed over
        if food is not None:
            self._food += food.ranges
            self._more = self._more and food.more

    def fed(self) -> tuple[Sequence[EventRange], bool]:
        """Takes the event ranges that came since the last call, and says whether further ones may come."""
        food, self._food = self._food, []
        return food, self._more

    def tell(self, news: RangeNews, pid: int = 0) -> None:
        """Sends news of event ranges; ``pid`` is the process that works from now on, if that changed."""
        self._serial += 1
        self._note(Notice(news=news, pid=pid, serial=self._serial))
        self._flush()

    def _take(self, handles: Iterable[str]) -> list[JobSpec]:
        """Removes jobs that wait from the queue, and returns those that were there."""
        asked = set(handles)
        taken = [spec for spec in self._queue if spec.handle in asked]
        self._queue = deque(spec for spec in self._queue if spec.handle not in asked)
        return taken

    def _run(self, spec: JobSpec) -> None:
        unknown = [digest for digest in (spec.tool, spec.constants) if digest and digest not in self._values]
        if unknown:
            self._tell(
                _unrun(spec, self._name, Cause.LOST, f"the worker was not told the value {unknown[0]}")
            )
            return
        self._current, self._food, self._more = spec.handle, [], True
        report = self._attempt(spec)
        # an attempt that ends with the worker says nothing: its engine is gone, or has given it up
        if not (self._ended and report.cause is Cause.CANCELLED):
            self._tell(report)
        self._cancelled.discard(spec.handle)
        self._current = None

    def _attempt(self, spec: JobSpec) -> Report:
        tool, constants = self._tool(spec.tool), self._constants_of(spec.constants)
        how: dict[str, Any] = {"on_start": self._started, "grace_s": self._grace_s, "worker": self._name}
        if spec.feeding is not None:
            return run_ranges(spec, tool, constants, feeder=self, scratch=self._scratch, **how)
        return run(spec, tool, constants, interrupt=self, scratch=self._scratch, **how)

    def _tool(self, digest: str) -> Program | dict[str, Json]:
        """Returns a tool ready to be run; its body where that fails, which the runner then reports."""
        program = self._programs.get(digest)
        if program is not None:
            return program
        body: dict[str, Json] = msgspec.json.decode(self._values[digest])
        try:
            program = self._programs[digest] = program_of(body)
        except Exception:
            return body
        if len(self._programs) > PROGRAMS_KEPT:
            self._programs.popitem(last=False)
        return program

    def _constants_of(self, digest: str | None) -> dict[str, Json]:
        if digest is None:
            return {}
        constants = self._constants.get(digest)
        if constants is None:
            constants = self._constants[digest] = msgspec.json.decode(self._values[digest])
            if len(self._constants) > PROGRAMS_KEPT:
                self._constants.popitem(last=False)
        return constants

    def _started(self, pid: int) -> None:
        """Says that the tool runs; what was reported before goes with it, in one write."""
        self._say(Notice(started=self._current or "", pid=pid))

    def _say(self, notice: Notice) -> None:
        self._unsent += self._encode(notice) + b"\n"
        self._flush()

    def _tell(self, report: Report) -> None:
        self._note(Notice(report=report))

    def _note(self, notice: Notice) -> None:
        line = self._encode(notice) + b"\n"
        if notice.is_kept:
            self._door.keep(line)
        self._unsent += line
        if time.monotonic() > self._said_at + NEWS_S:
            self._flush()

    def _flush(self) -> None:
        self._said_at = time.monotonic()
        lines, self._unsent = self._unsent, b""
        if not self._door.say(lines):
            self._ended = True


def _unrun(spec: JobSpec, worker: str, cause: Cause, message: str) -> Report:
    return Report(
        run=spec.run,
        key=spec.key,
        attempt=spec.attempt,
        cause=cause,
        message=message,
        started_at=time.time(),
        worker=worker,
    )


def _stop(number: int, frame: Any) -> NoReturn:
    # a second signal must not cut short what ends the tool
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    """Serves until standard input ends or the parent does."""
    parser = argparse.ArgumentParser(prog="python -m helios_wf.worker")
    parser.add_argument("--name", required=True)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--scratch", help="a folder for what tools leave in TMPDIR, made where needed")
    parser.add_argument("--grace", type=float, default=GRACE_S, help="seconds between SIGTERM and SIGKILL")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    become_subreaper()
    end_with_parent(signal.SIGTERM)
    memory_kills()
    with contextlib.suppress(KeyboardInterrupt):
        door = Pipes(Journal(options.journal))
        Worker(options.name, door, options.grace, options.scratch).serve()


if __name__ == "__main__":
    main()
