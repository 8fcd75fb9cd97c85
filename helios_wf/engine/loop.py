"""The engine's loop: poll, settle, expand, lease, submit; for one run or several at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from helios_wf.backend import Backend
from helios_wf.engine import paths
from helios_wf.engine.adoption import Adoption
from helios_wf.engine.answering import Answer, why_failing
from helios_wf.engine.durable import sync_folder
from helios_wf.engine.flow import Flow
from helios_wf.engine.job import Job
from helios_wf.engine.pulse import HEARTBEAT_S, Pulse
from helios_wf.engine.retrying import Wish
from helios_wf.engine.reviving import renew
from helios_wf.errors import BackendUnreachableError, HeliosError, RunTakenError, SubmitRefusedError
from helios_wf.model import JobSpec, RangeNews, Report
from helios_wf.states import Cause, RunState
from helios_wf.store import Store, jobs, requests, runs
from helios_wf.store.rows import OpenJob, Request

IDLE_S = 0.2
ASK_S = 0.25
"""How often requests of other processes are read."""


class Held(NamedTuple):
    """A run that this engine holds."""

    id: str
    epoch: int
    flow: Flow


class Engine:
    """Drives flows over one backend and one store until they are settled or it is told to stop."""

    def __init__(
        self,
        store: Store,
        backend: Backend,
        home: str,
        finish: Callable[[Held], None],
        anew: Callable[[str], Flow],
        watch: Callable[[Engine], None] = lambda engine: None,
    ) -> None:
        """Makes an engine.

        Args:
            store: where the runs are kept.
            backend: where their jobs run.
            home: folder of the work folders, made durable before jobs are settled.
            finish: called for each run when nothing of it runs any more and nothing more is to start; may
                hold it again.
            anew: returns a new flow of a run.
            watch: called after each tick.
        """
        self.store = store
        self.backend = backend
        self.held: dict[str, Held] = {}
        self.interrupted = False
        self.wishes: dict[str, Wish] = {}
        """What is to be tried again of runs, once nothing of them runs any more: ``finish`` does it."""
        self._home = home
        self._finish = finish
        self._anew = anew
        self._watch = watch
        self._paused: set[str] = set()
        self._asked = 0.0
        self._pulse = Pulse(store)
        self._adoption = Adoption(backend)
        self._taken: RunTakenError | None = None
        self._unheard: list[RangeNews] = []

    def hold(self, run: str, epoch: int, flow: Flow) -> None:
        """Takes over a run: restores it, and finds out what became of attempts of an engine before."""
        self._equip(flow)
        with self.store.read() as tx:
            handed_out = list(jobs.open(tx, run))
        gone = self._adoption.adopt([_handle(run, one) for one in handed_out])
        # what a dead engine's attempts had said of their ranges was kept
        self._unheard += self.backend.heard()
        news = self._heard(run)
        self._sync((), news)
        with self.store.write() as tx:
            runs.fence(tx, run, epoch)
            runs.move(tx, run, epoch, RunState.RUNNING)
            flow.restore(tx)
            flow.hear(tx, news)
            flow.settle(tx, [_cancelled(run, flow.inflight[one], "the engine went away") for one in gone])
            runs.heartbeat(tx, run, epoch)
        self.held[run] = Held(run, epoch, flow)
        self._pulse.hold(run, epoch)

    def _equip(self, flow: Flow) -> None:
        flow.specs.check = self.backend.check
        flow.ledger.feeds = self.backend.feeds

    def _renew(self, held: Held) -> None:
        """Goes on with a new flow, in which jobs are made again that others turned out to need."""
        flow = self._anew(held.id)
        self._equip(flow)
        with self.store.write() as tx:
            runs.fence(tx, held.id, held.epoch)
            renew(tx, held.flow, flow)
        self.held[held.id] = held._replace(flow=flow)

    def run(self) -> None:
        """Ticks until every run is over or the engine is interrupted.

        Raises:
            RunTakenError: another engine took a run; the others were driven to their end.
        """
        with self._pulse:
            while self.held and not self.interrupted:
                self.tick()
                for held in [held for held in self.held.values() if self._is_over(held)]:
                    self._guarded(held, self._end)
            if self.interrupted:
                self._put_back()
        # what was reported last is settled now: the backend may forget it
        self.backend.poll(0.0)
        if self._taken is not None:
            raise self._taken

    def _guarded(self, held: Held, step: Callable[[Held], None]) -> None:
        """Does something for a run, and lets go of the run if another engine took it."""
        if held.id not in self.held:
            return
        try:
            step(held)
        except RunTakenError as error:
            self._taken = error
            self.backend.cancel(list(held.flow.inflight))
            self.held.pop(held.id, None)
            self._pulse.leave(held.id)

    def _end(self, held: Held) -> None:
        # what was asked since it was looked at last
        self._ask(held)
        del self.held[held.id]
        self._finish(held)
        if held.id not in self.held:
            self._pulse.leave(held.id)

    def tick(self) -> None:
        """Does one round for all runs."""
        reports = self._poll()
        by_run: dict[str, list[Report]] = {run: [] for run in self.held}
        for report in reports:
            by_run.get(report.run, []).append(report)
        self._unheard += self.backend.heard()
        self._sync(reports, self._unheard)
        started = self.backend.started()
        asking = time.monotonic() - self._asked > ASK_S
        if asking:
            self._asked = time.monotonic()
        for held in list(self.held.values()):
            if asking:
                self._guarded(held, self._ask)
            begun = [handle for handle in started if handle in held.flow.inflight]
            news = self._heard(held.id)
            self._guarded(held, partial(self._round, reports=by_run[held.id], started=begun, news=news))
        self._unheard = []
        self._watch(self)

    def _heard(self, run: str) -> list[RangeNews]:
        """Returns what attempts of a run said of their ranges; it is gone from here."""
        own = [one for one in self._unheard if one.run == run]
        self._unheard = [one for one in self._unheard if one.run != run]
        return own

    def _sync(self, reports: Iterable[Report], news: Iterable[RangeNews]) -> None:
        """Makes durable what was written for what has succeeded."""
        ranges = [report.ranges for report in reports] + [one.ranges for one in news]
        if any(report.cause is None for report in reports) or any(
            one.cause is None for told in ranges for one in told
        ):
            sync_folder(self._home)

    def _poll(self) -> list[Report]:
        now = time.time()
        due = [held.flow.next_due for held in self.held.values()]
        soonest = min((when for when in due if when is not None), default=now + IDLE_S)
        more = any(held.flow.has_more and not self._is_halted(held) for held in self.held.values())
        at_once = more and self.backend.room() > 0
        reports = self.backend.poll(0.0 if at_once else max(0.0, min(IDLE_S, soonest - now)))
        return reports + self._gone()

    def _gone(self) -> list[Report]:
        """Returns reports of an earlier engine's attempts that turned out to be gone."""
        handles = self._adoption.gone()
        inflight = [
            (held.id, held.flow.inflight[handle])
            for held in self.held.values()
            for handle in handles
            if handle in held.flow.inflight
        ]
        return [_cancelled(run, job, "the engine went away") for run, job in inflight]

    def _round(self, held: Held, reports: list[Report], started: list[str], news: list[RangeNews]) -> None:
        """Settles, expands and leases for one run, in one transaction; then feeds and submits."""
        flow = held.flow
        room = 0 if self._is_halted(held) else self.backend.room()
        moves = bool(reports or news or started) or flow.may_feed or flow.may_lease(room)
        specs = self._turn(held, reports, started, news, room) if moves else []
        self._submit(held, specs)
        if doomed := flow.take_doomed():
            self.backend.cancel(doomed)
        if flow.needs_renewal and not self._is_halted(held):
            self._renew(held)
        elif moves and room > 0 and flow.is_stuck:
            raise EngineStuckError(
                f"run {held.id}: nothing runs and nothing can start; the store keeps its state"
            )

    def _turn(
        self, held: Held, reports: list[Report], started: list[str], news: list[RangeNews], room: int
    ) -> list[JobSpec]:
        """Settles, expands and leases in one transaction, then feeds; returns what is to be submitted."""
        flow = held.flow
        begun = time.monotonic()
        with self.store.write() as tx:
            runs.fence(tx, held.id, held.epoch)
            flow.started(tx, started)
            flow.hear(tx, news)
            flow.settle(tx, reports)
            specs = flow.lease(tx, room)
            fed = flow.feed(tx, self._is_halted(held))
            if time.monotonic() - begun > HEARTBEAT_S:
                # nobody else could write, not even the pulse; whoever waits must find this engine alive
                runs.heartbeat(tx, held.id, held.epoch)
        flow.outputs.trim()
        for handle, ranges, more in fed:
            self.backend.feed(handle, ranges, more)
        return specs

    def _submit(self, held: Held, specs: list[JobSpec]) -> None:
        if held.flow.specs.definitions:
            self.backend.define(held.flow.specs.definitions)
            held.flow.specs.definitions = {}
        if not specs:
            return
        try:
            self.backend.submit(specs)
        except SubmitRefusedError as error:
            self._bounce(held, specs, Cause.BAD_INPUT, str(error))
        except BackendUnreachableError as error:
            self._bounce(held, specs, Cause.LOST, str(error))

    def _bounce(self, held: Held, specs: list[JobSpec], cause: Cause, message: str) -> None:
        """Settles attempts that the backend did not take."""
        reports = [
            Report(run=held.id, key=s.key, attempt=s.attempt, cause=cause, message=message) for s in specs
        ]
        self._settle(held, reports)

    def _settle(self, held: Held, reports: list[Report], news: Sequence[RangeNews] = ()) -> None:
        with self.store.write() as tx:
            runs.fence(tx, held.id, held.epoch)
            held.flow.hear(tx, news)
            held.flow.settle(tx, reports)

    # -- requests, pauses, ends ----------------------------------------------------------------------------

    def _ask(self, held: Held) -> None:
        """Reads what other processes ask of a run, and does it."""
        with self.store.read() as tx:
            if not requests.pending(tx, held.id):
                return
        with self.store.write() as tx:
            runs.fence(tx, held.id, held.epoch)
            taken = requests.take(tx, held.id)
        for request in taken:
            if request.verb == "cancel":
                held.flow.stopping = True
                self.backend.cancel(list(held.flow.inflight))
            elif request.verb == "pause":
                self._paused.add(held.id)
            elif request.verb == "retry":
                self.wishes[held.id] = msgspec.convert(request.arguments, Wish)
            elif request.verb == "resume":
                self._paused.discard(held.id)
            elif request.verb == "explain":
                with self.store.write() as tx:
                    requests.answer(tx, request.id, msgspec.to_builtins(self._answer(held, request)))

    def _answer(self, held: Held, request: Request) -> Answer:
        """Returns what only this engine knows of a run, and of attempts that were handed out."""
        return Answer(
            self._why_halted(held), self.backend.room(), self.backend.waiting(request.arguments or [])
        )

    def _why_halted(self, held: Held) -> str:
        if held.flow.stopping:
            return "it is being cancelled"
        if held.id in self._paused:
            return "it is paused: what runs ends, and nothing new is started"
        if held.id in self.wishes:
            return "it is to be tried again: what runs ends first, and nothing new is started until then"
        return why_failing(held.flow)

    def _is_halted(self, held: Held) -> bool:
        asked = held.id in self._paused or held.id in self.wishes
        return held.flow.stopping or asked or held.flow.is_failing

    def _is_over(self, held: Held) -> bool:
        flow = held.flow
        if flow.inflight:
            return False
        return flow.is_complete or flow.is_exhausted or self._is_halted(held)

    def _put_back(self) -> None:
        """Ends what runs and makes it READY again, uncharged."""
        self.backend.close()
        reports = self.backend.poll(0.0)
        self._unheard += self.backend.heard()
        self._sync(reports, self._unheard)
        for held in list(self.held.values()):
            own = [report for report in reports if report.run == held.id]
            known = {report.handle for report in own}
            own += [
                _cancelled(held.id, job, "the engine was interrupted")
                for handle, job in held.flow.inflight.items()
                if handle not in known
            ]
            news = self._heard(held.id)
            self._guarded(held, partial(self._settle, reports=own, news=news))


class EngineStuckError(HeliosError):
    """The engine found a run that is neither over nor going on: a fault of helios-wf, not of the run."""


def _handle(run: str, one: OpenJob) -> str:
    return f"{run}/{paths.job_key(one.task, paths.from_text(one.path))}.{one.attempt}"


def _cancelled(run: str, job: Job, message: str) -> Report:
    return Report(
        run=run,
        key=paths.job_key(job.task, job.path),
        attempt=job.tries.attempt,
        cause=Cause.CANCELLED,
        message=message,
    )
