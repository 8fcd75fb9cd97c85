"""The event ranges of a run: books of the jobs in flight, health of the tasks, and what the store is told.

A job's book is open while an attempt of it is in flight, and is made again from the store for the next one.
So memory holds what is not settled of the jobs at work, and a few numbers for each task.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.engine import paths
from helios_wf.engine.cutting import cuts_of
from helios_wf.engine.health import restored
from helios_wf.engine.job import Job
from helios_wf.engine.pacing import Pace, Timed
from helios_wf.engine.range_book import Book
from helios_wf.engine.range_writes import Writes
from helios_wf.engine.repair import Health, OpenRange, grow
from helios_wf.engine.values import Values
from helios_wf.errors import JobError
from helios_wf.model import EventRange, Feeding, JobSpec, Layout, RangeNews, RangeReport, Report
from helios_wf.model.plans import Path, Plan, Task
from helios_wf.ranges import Cuts
from helios_wf.states import Cause, RangeState
from helios_wf.store import Tx, event_ranges
from helios_wf.store.rows import RangeRow

MOST_GIVEN = 10_000
"""Ranges that an attempt gets at most with its spec; what is left goes into the job's next one."""

FIRST_GIVEN = 50
"""Ranges that an attempt gets at first where further ones can follow."""

CAREFUL = 2
"""Ranges that it gets at first, or at once, while nothing of its task has succeeded."""

CAREFUL_AT_ONCE = 10

PATIENCE_S = 2.0
"""An attempt without ranges is kept for so long when one will be due; else it ends."""


class Fed(NamedTuple):
    """Ranges for an attempt that is in flight."""

    handle: str
    ranges: list[EventRange]
    more: bool


class Rest(NamedTuple):
    """What an attempt leaves of its job.

    ``is_over``: nothing will be tried any more.  ``due`` says when something can be (seconds since the
    epoch; None: not before another job of the task has shown something).  ``is_idle``: the attempt ended in
    order, but told nothing of what it held; ``has_done`` that it did something; ``is_worn`` that a range was
    lost too often.
    """

    is_over: bool
    due: float | None
    lost_events: int
    is_idle: bool
    has_done: bool
    is_worn: bool


class Ledger:
    """The event ranges of one run.

    Args:
        run: the run.
        values: tells which events jobs have, of which file.
        layout_of: tells the layout of a file by path and table.
    """

    def __init__(self, run: str, values: Values, layout_of: Callable[[str, str | None], Layout]) -> None:
        plan = values.plan
        self.feeds = False
        self.health = {task.number: Health(task.tolerate) for task in plan.tasks if task.fed}
        self.done_events = dict.fromkeys(self.health, 0)
        self.pace = {number: Pace(_guess(plan, plan.tasks[number])) for number in self.health}
        # where ranges are sized by time, their cutting tells the pace
        self._learns = {number for number in self.health if not _is_timed(plan, plan.tasks[number])}
        self._run = run
        self._plan = plan
        self._values = values
        self._layout_of = layout_of
        self._books: dict[tuple[int, Path], Book] = {}
        self._hungry: dict[str, tuple[int, Path]] = {}
        self._wants: dict[str, int] = {}
        self._underway: dict[tuple[int, Path], dict[str, int]] = {}
        self._told: set[tuple[int, Path]] = set()
        self._parked: dict[int, list[Job]] = {}
        self._writes = Writes(run)

    def restore(self, tx: Tx) -> None:
        """Takes what the store knows of the tasks."""
        for task, counts in event_ranges.counts(tx, self._run).items():
            if task in self.health:
                self.health[task] = restored(tx, self._run, self._plan.tasks[task], counts)
                if (done := counts.get(RangeState.DONE)) is not None:
                    self.done_events[task] = done.n_events
                    each = done.wall_s / done.n_events
                    self.pace[task] = Pace(each, done.n_events // done.n_ranges, done.n_events, done.wall_s)

    def covers(self, job: Job) -> bool:
        """Says whether a job's attempts are given event ranges."""
        task = self._plan.tasks[job.task]
        first, stop = self._values.events(task, job.path) if task.fed else (None, None)
        return first is not None and stop is not None and first < stop

    def cuts(self, job: Job) -> tuple[Cuts | Timed, bool]:
        """Returns where the event ranges of a job end, and whether they may be cut again.

        Raises:
            JobError: its file cannot be read as events.
        """
        task = self._plan.tasks[job.task]
        first, stop = self._values.events(task, job.path)
        assert task.split is not None
        assert first is not None
        assert stop is not None
        file = self._values.cut_file(task, job.path)
        pace = self.pace.get(task.number) or Pace()
        return cuts_of(self._layout_of, self._plan.domains[task.split], file, first, stop, pace)

    # -- attempts ------------------------------------------------------------------------------------------

    def _open(self, tx: Tx, job: Job, is_new: bool = False) -> Book:
        """Returns the book of a job; what an attempt of it holds is held.

        Raises:
            JobError: it is for a new attempt, and its file cannot be read as events any more.
        """
        key = (job.task, job.path)
        if key not in self._books:
            self._books[key] = self._load(tx, job, is_new)
        return self._books[key]

    def _load(self, tx: Tx, job: Job, is_new: bool) -> Book:
        task = self._plan.tasks[job.task]
        first, stop = self._values.events(task, job.path)
        assert first is not None
        assert stop is not None
        try:
            cutting, bisects = self.cuts(job)
        except JobError:
            if is_new:
                raise
            # of an attempt that is in flight nothing is cut here: the next one says what is wrong
            cutting, bisects = Cuts(first, stop, stop - first), False
        book = Book(job.path, first, stop, cutting, task.retry, self.health[job.task], bisects)
        if job.tries.attempt:
            self._writes.flush(tx)
            text = paths.to_text(job.path)
            counts = event_ranges.counts_of(tx, self._run, job.task, text)
            rows = event_ranges.unsettled(tx, self._run, job.task, text) if counts else ()
            reach = max((count.stop for count in counts.values()), default=first)
            book.restore([(_range(row), row.state) for row in rows], reach)
            if RangeState.FATAL in counts:
                book.lost_events = counts[RangeState.FATAL].n_events
        return book

    def begin(self, tx: Tx, job: Job, spec: JobSpec) -> JobSpec | None:
        """Returns an attempt with the ranges that it starts with; None when nothing can be tried now.

        Then the job waits: ``due`` says for how long.

        Raises:
            JobError: its file cannot be read as events.
        """
        task = self._plan.tasks[job.task]
        fed = task.fed
        assert fed is not None
        book = self._open(tx, job, is_new=True)
        self._writes.change(job, book.decide())
        grown = book.begin()
        taken = book.take(self._at_first(task, book), time.time())
        if not taken:
            return None
        self._writes.lease(job, spec.attempt, taken)
        feeding = Feeding(
            way=fed.way,
            ranges=tuple(_tries(taken)),
            first=fed.first,
            count=fed.count,
            file=fed.file,
            switch=fed.switch,
            more=self.feeds and _has_more(book),
        )
        told = (fed.first, fed.count)
        inputs = {name: value for name, value in spec.inputs.items() if name not in told}
        resources = grow(spec.resources, task.retry.grow**grown)
        return replace(spec, inputs=inputs, feeding=feeding, resources=resources)

    def _at_first(self, task: Task, book: Book) -> int:
        if self.health[task.number].is_proven and not book.is_learning:
            return int(min(FIRST_GIVEN, book.room)) if self.feeds else MOST_GIVEN
        return CAREFUL if self.feeds else CAREFUL_AT_ONCE

    def due(self, job: Job) -> float | None:
        """Returns when something of a job that could not be begun can be tried, or None: not by itself."""
        return self._books.pop((job.task, job.path)).due_later

    def take_over(self, task: int, parts: Iterable[RangeRow]) -> None:
        """Counts the event ranges of a job that were done in another run."""
        self.done_events[task] += sum(part.stop - part.first for part in parts)

    def flush(self, tx: Tx) -> None:
        """Writes what changed."""
        self._writes.flush(tx)

    # -- news ----------------------------------------------------------------------------------------------

    def hear(self, tx: Tx, job: Job, news: RangeNews) -> None:
        """Takes what an attempt in flight says of its ranges."""
        book = self._open(tx, job)
        ended = {EventRange(report.first, report.stop, report.number).id for report in news.ranges}
        known = self._underway.get((job.task, job.path), {}) | news.processed
        self._underway[job.task, job.path] = {one: known[one] for one in known if one not in ended}
        self._writes.begin(job, book.begun(set(news.begun) - ended), news.host, news.worker)
        self._take(tx, job, news.ranges, news.host, news.worker)
        if news.wants:
            self._wants[news.handle] = news.wants
            self._hungry[news.handle] = (job.task, job.path)

    def _take(self, tx: Tx, job: Job, told: Iterable[RangeReport], host: str, worker: str) -> None:
        book = self._open(tx, job)
        now = time.time()
        for report in told:
            changes = book.settle(report, now)
            if changes is None:
                continue
            self._told.add((job.task, job.path))
            if report.cause is None:
                self.done_events[job.task] += report.stop - report.first
                if job.task in self._learns:
                    self.pace[job.task].learn(report.stop - report.first, report.wall_s)
            self._writes.change(job, changes, host, worker)

    def feed(self, attempts: Mapping[str, Job], is_halted: bool) -> list[Fed]:
        """Returns further ranges for the attempts in flight that asked for them.

        Where nothing new is to be started (``is_halted``), they are told that there are no more.
        """
        now = time.time()
        fed: list[Fed] = []
        for handle, key in list(self._hungry.items()):
            job, book = attempts.get(handle), self._books.get(key)
            if job is None or book is None:
                self._forget(handle)
                continue
            self._writes.change(job, book.decide())
            taken = [] if is_halted else book.take(self._share(handle, key[0], book), now)
            if not taken and not is_halted and _is_worth_waiting(book, now):
                continue
            more = not is_halted and bool(taken) and _has_more(book)
            self._writes.lease(job, job.tries.attempt, taken)
            fed.append(Fed(handle, list(_tries(taken)), more))
            self._forget(handle)
        return fed

    def _share(self, handle: str, task: int, book: Book) -> int:
        most = book.room if self.health[task].is_proven else min(CAREFUL, book.room)
        return int(min(self._wants[handle], most))

    def _forget(self, handle: str) -> None:
        self._hungry.pop(handle, None)
        self._wants.pop(handle, None)

    @property
    def next_feeding(self) -> float | None:
        """When an attempt in flight that waits can be fed (seconds since the epoch, 0: now), or None."""
        books = [book for key in self._hungry.values() if (book := self._books.get(key))]
        due = [book.next_due for book in books if book.room]
        return min((when for when in due if when is not None), default=None)

    # -- the end of an attempt -----------------------------------------------------------------------------

    def end(self, tx: Tx, job: Job, report: Report) -> Rest:
        """Takes the report of an attempt, puts back what it did not do, and says what is left."""
        key = (job.task, job.path)
        book = self._open(tx, job)
        self._take(tx, job, report.ranges, report.host, report.worker)
        has_done = key in self._told
        is_idle = report.cause is None and bool(book.held) and not has_done
        is_lost = is_idle or report.cause in (Cause.LOST, Cause.DISK)
        self._writes.put_back(job, is_lost)
        book.put_back(is_lost)
        self._writes.change(job, book.decide())
        self._told.discard(key)
        self._underway.pop(key, None)
        self._forget(report.handle)
        is_over = book.is_settled or (book.is_doomed and not book.has_pieces)
        return Rest(is_over, book.due_later, book.lost_events, is_idle, has_done, book.is_worn)

    def events_done(self, task: int) -> int:
        """Returns how many events of a task are done, those of ranges that run among them."""
        underway = (sum(told.values()) for (number, _), told in self._underway.items() if number == task)
        return self.done_events[task] + sum(underway)

    def close(self, job: Job) -> None:
        """Forgets a job until its next attempt."""
        self._books.pop((job.task, job.path), None)

    def cancel(self, tx: Tx, job: Job) -> None:
        """Gives up all that is not settled of a job, what was never cut too."""
        self._writes.cancel(job, self._open(tx, job))
        self.close(job)

    # -- jobs that wait for others -------------------------------------------------------------------------

    def park(self, job: Job) -> None:
        """Keeps a job whose ranges wait until another of the task has shown whether the tool works."""
        self._parked.setdefault(job.task, []).append(job)

    @property
    def has_awake(self) -> bool:
        """Whether a parked job can go on."""
        return any(self._is_awake(task) for task in self._parked)

    def awake(self) -> Iterator[Job]:
        """Yields the parked jobs that can go on; they are gone from here."""
        for task in [task for task in self._parked if self._is_awake(task)]:
            yield from self._parked.pop(task)

    def _is_awake(self, task: int) -> bool:
        return self.health[task].is_proven or self.health[task].probe is None


def _is_timed(plan: Plan, task: Task) -> bool:
    cut = plan.domains[task.split].cut if task.split is not None else None
    return cut is not None and cut.field.seconds_per_range is not None


def _guess(plan: Plan, task: Task) -> float | None:
    """Returns the seconds that an event takes as the template has it."""
    cut = plan.domains[task.split].cut if task.split is not None else None
    return cut.field.seconds_per_event if cut is not None else None


def _has_more(book: Book) -> bool:
    """Says whether ranges may follow while the attempt runs: some are there, or may come of failures."""
    troubled = any(one.depth or one.charged for one in book.held.values())
    return troubled or book.next_due is not None


def _is_worth_waiting(book: Book, now: float) -> bool:
    if any(one.depth or one.charged for one in book.held.values()):
        return True
    return book.next_due is not None and book.next_due <= now + PATIENCE_S


def _tries(taken: Iterable[OpenRange]) -> Iterator[EventRange]:
    for one in taken:
        yield EventRange(one.first, one.stop, one.number)


def _range(row: RangeRow) -> OpenRange:
    return OpenRange(
        row.first,
        row.stop,
        row.number,
        row.charged,
        row.lost,
        row.depth,
        row.not_before,
        row.waits_for,
        row.cause,
    )
