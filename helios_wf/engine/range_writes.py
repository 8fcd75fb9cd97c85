"""What the store is to be told of event ranges: gathered while a turn goes on, written in one order."""

from __future__ import annotations

from collections.abc import Iterable

from helios_wf.engine import paths
from helios_wf.engine.job import Job
from helios_wf.engine.range_book import Book
from helios_wf.engine.repair import Changes, OpenRange
from helios_wf.states import RangeState
from helios_wf.store import Tx, event_ranges
from helios_wf.store.rows import NewRange, RangeBegin, RangeLease, RangeMove, RangeSettlement


class Writes:
    """Changes of the event ranges of one run that are not written yet."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._clear()

    def _clear(self) -> None:
        self._begun: list[RangeBegin] = []
        self._settled: list[RangeSettlement] = []
        self._back: list[tuple[int, str, int, bool]] = []
        self._made: list[NewRange] = []
        self._moved: list[RangeMove] = []
        self._cancelled: list[tuple[int, str]] = []
        self._tails: list[NewRange] = []
        self._leases: list[RangeLease] = []

    def lease(self, job: Job, attempt: int, taken: Iterable[OpenRange]) -> None:
        """Tries were given to an attempt."""
        self._leases += _leases(job, attempt, taken)

    def begin(self, job: Job, tries: Iterable[OpenRange], host: str, worker: str) -> None:
        """The tool of the job's attempt began tries."""
        text, attempt = paths.to_text(job.path), job.tries.attempt
        self._begun += [
            RangeBegin(job.task, text, one.first, one.stop, one.number, attempt, host, worker)
            for one in tries
        ]

    def change(self, job: Job, changes: Changes, host: str = "", worker: str = "") -> None:
        """A report, or what another range has shown, changed ranges of a job."""
        text = paths.to_text(job.path)
        self._settled += [
            RangeSettlement(
                task=job.task,
                path=text,
                attempt=job.tries.attempt,
                to=to,
                report=report,
                charged=one.charged,
                lost=one.lost,
                not_before=one.not_before,
                host=host,
                worker=worker,
            )
            for one, to, report in changes.settled
        ]
        self._made += [
            NewRange(job.task, text, one.first, one.stop, one.depth, one.waits_for) for one in changes.made
        ]
        self._moved += [RangeMove(job.task, text, one.first, one.stop, to) for one, to in changes.moved]

    def put_back(self, job: Job, lost: bool) -> None:
        """An attempt ended; what it held and did not report is not handed out any more."""
        self._back.append((job.task, paths.to_text(job.path), job.tries.attempt, lost))

    def cancel(self, job: Job, book: Book) -> None:
        """A job was given up, with what was never cut of it."""
        text = paths.to_text(job.path)
        self._cancelled.append((job.task, text))
        if book.tail < book.stop:
            self._tails.append(NewRange(job.task, text, book.tail, book.stop, 0, state=RangeState.CANCELLED))

    def flush(self, tx: Tx) -> None:
        """Writes everything."""
        event_ranges.begin(tx, self._run, self._begun)
        event_ranges.settle(tx, self._run, self._settled)
        event_ranges.put_back(tx, self._run, self._back)
        event_ranges.add(tx, self._run, self._made)
        event_ranges.move(tx, self._run, self._moved)
        event_ranges.cancel(tx, self._run, self._cancelled)
        event_ranges.add(tx, self._run, self._tails)
        event_ranges.lease(tx, self._run, self._leases)
        self._clear()


def _leases(job: Job, attempt: int, tries: Iterable[OpenRange]) -> list[RangeLease]:
    text = paths.to_text(job.path)
    return [RangeLease(job.task, text, one.first, one.stop, one.number, attempt, one.depth) for one in tries]
