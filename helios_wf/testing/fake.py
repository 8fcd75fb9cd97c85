"""A backend that only pretends, for tests of what stands above the port."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from helios_wf.backend import Life
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, RangeReport, Report, Resources
from helios_wf.states import Cause

Answer = Callable[[JobSpec], "Report | None"]
RangeAnswer = Callable[[JobSpec, EventRange], RangeReport]


class FakeBackend:
    """A backend that runs nothing: each attempt is answered by a function, and each of its event ranges.

    Args:
        answer: returns the report of an attempt, or None to leave it running until ``finish``; by default
            every attempt succeeds at once without outputs.
        room: how many attempts it takes at once.
        feeds: whether attempts are given event ranges while they run.
        answer_range: returns what becomes of an event range of an attempt whose report is good; by default
            every one succeeds without outputs.
        wants: how many further event ranges an attempt asks for at once.
    """

    name = "fake"

    def __init__(
        self,
        answer: Answer | None = None,
        room: int = 1000,
        feeds: bool = False,
        answer_range: RangeAnswer | None = None,
        wants: int = 50,
    ) -> None:
        self.feeds = feeds
        self.submitted: list[JobSpec] = []
        self.values: dict[str, Json] = {}
        self.running: dict[str, JobSpec] = {}
        self._answer = answer or succeed
        self._answer_range = answer_range or succeed_range
        self._room = room
        self._wants = wants
        self._reports: list[Report] = []
        self._started: list[str] = []
        self._heard: list[RangeNews] = []
        self._hands: dict[str, list[EventRange]] = {}
        self._last: set[str] = set()

    def define(self, values: dict[str, Json]) -> None:
        """Keeps the values."""
        self.values |= values

    def room(self, gpus: bool = False) -> int:
        """Returns what is left of the room, for whatever jobs."""
        return max(0, self._room - len(self.running) - len(self._reports))

    def check(self, resources: Resources) -> list[str]:
        """Says that all can run but what asks for more than 1,000 cores."""
        return [f"needs {resources.cores:g} cores; the fake has 1000"] if resources.cores > 1000 else []

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Answers the attempts, in order."""
        for spec in specs:
            self.submitted.append(spec)
            self._started.append(spec.handle)
            report = self._answer(spec)
            if report is None:
                self.running[spec.handle] = spec
            elif report.cause is not None or spec.feeding is None:
                self._reports.append(report)
            elif spec.feeding.more:
                self.running[spec.handle] = spec
                self._hands[spec.handle] = list(spec.feeding.ranges)
            else:
                told = tuple(self._answer_range(spec, one) for one in spec.feeding.ranges)
                self._reports.append(replace(report, ranges=told, outputs={}))
        return [spec.handle for spec in specs]

    def finish(self, handle: str, report: Report) -> None:
        """Ends an attempt that was left running."""
        self._drop(handle)
        self._reports.append(report)

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports at once; attempts that are fed go on by what they have in hand."""
        for handle in list(self._hands):
            self._go_on(self.running[handle])
        reports, self._reports = self._reports, []
        return reports

    def _go_on(self, spec: JobSpec) -> None:
        hand, self._hands[spec.handle] = self._hands[spec.handle], []
        is_last = spec.handle in self._last
        self._heard.append(
            RangeNews(
                run=spec.run,
                key=spec.key,
                attempt=spec.attempt,
                begun=tuple(one.id for one in hand),
                ranges=tuple(self._answer_range(spec, one) for one in hand),
                wants=0 if is_last else self._wants,
                host="fake",
                worker="fake-1",
            )
        )
        if is_last:
            self._drop(spec.handle)
            self._reports.append(succeed(spec))

    def _drop(self, handle: str) -> JobSpec | None:
        self._hands.pop(handle, None)
        self._last.discard(handle)
        return self.running.pop(handle, None)

    def started(self) -> list[str]:
        """Returns the attempts that were submitted since the last call."""
        started, self._started = self._started, []
        return started

    def heard(self) -> list[RangeNews]:
        """Returns what became of event ranges since the last call."""
        heard, self._heard = self._heard, []
        return heard

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Puts ranges into the hand of an attempt; without ``more`` it ends after them."""
        if handle in self._hands:
            self._hands[handle].extend(ranges)
            if not more:
                self._last.add(handle)

    def cancel(self, handles: Iterable[str]) -> None:
        """Reports the running ones as cancelled."""
        for handle in handles:
            if spec := self._drop(handle):
                self._reports.append(
                    Report(run=spec.run, key=spec.key, attempt=spec.attempt, cause=Cause.CANCELLED)
                )

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says ALIVE of those left running, GONE of all others."""
        return {handle: Life.ALIVE if handle in self.running else Life.GONE for handle in handles}

    def close(self) -> None:
        """Forgets what was left running."""
        self.running.clear()
        self._hands.clear()


def succeed(spec: JobSpec) -> Report:
    """Returns the report of an attempt that succeeded without outputs."""
    return Report(run=spec.run, key=spec.key, attempt=spec.attempt, exit_code=0, started_at=time.time())


def succeed_range(spec: JobSpec, one: EventRange) -> RangeReport:
    """Returns the report of an event range that succeeded without outputs."""
    return RangeReport(one.first, one.stop, one.number, exit_code=0, started_at=time.time())
