"""One run on its way: settles what came back, expands what can be, leases what is ready.

A flow changes its memory and the store together, inside the transaction that the engine gives it.  Whatever
is in memory can be made again from the store: see ``restoring``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial

from helios_wf.config import OnError
from helios_wf.engine import paths
from helios_wf.engine.chains import Chains
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.identity import Identities
from helios_wf.engine.job import Job
from helios_wf.engine.leasing import lease
from helios_wf.engine.ledger import Fed, Ledger
from helios_wf.engine.losses import Losses
from helios_wf.engine.merges import Merges
from helios_wf.engine.outputs import JobOutputs
from helios_wf.engine.queue import Queue
from helios_wf.engine.recording import flush
from helios_wf.engine.restoring import recall, restore
from helios_wf.engine.reuse import Reuse
from helios_wf.engine.settling import settle
from helios_wf.engine.sizing import Sizing
from helios_wf.engine.specs import Specs
from helios_wf.engine.tally import Tally
from helios_wf.engine.values import Values
from helios_wf.engine.ways import Ways
from helios_wf.model import JobSpec, Layout, RangeNews, Report
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Plan
from helios_wf.store import Tx, jobs
from helios_wf.store.rows import Settlement


class Flow:
    """The state of one run in memory, and its verbs.

    Attributes:
        inflight: jobs with an attempt that is handed out, by its handle.
        waiting: jobs that were tried before, and that the frontier gives out again.
        failed: jobs that failed for good.
        left: those that failed before this engine took the run, and are not to be tried again.
        doomed: attempts of tasks that were given up; the engine cancels them.
        unwritten: what was recorded of jobs that no backend runs, until it is flushed.
        stopping: whether the run is being cancelled.
        has_more: whether more jobs could start when some were leased last.
    """

    def __init__(
        self,
        run: str,
        plan: Plan,
        inputs: dict[str, Json],
        home: str,
        backend: str,
        layout_of: Callable[[str, str | None], Layout],
        index_of: Callable[[str], Json] = lambda path: None,
        check: int = 0,
        on_error: OnError = "stop",
        reuses: bool = False,
        identities: Identities | None = None,
    ) -> None:
        self.run = run
        self.plan = plan
        self.backend = backend
        self.on_error = on_error
        self.frontier = Frontier(plan)
        self.merges = Merges(layout_of)
        self.outputs = JobOutputs(run, plan, self.merges, partial(flush, self))
        self.values = Values(plan, inputs, self.frontier, self.outputs, layout_of, index_of)
        self.ways = Ways(run, plan, check)
        self.specs = Specs(run, home, self.values, self.ways)
        self.queue = Queue()
        self.tally = Tally(run, plan, self.frontier, self.values.n_events)
        self.ledger = Ledger(run, self.values, layout_of)
        self.sizing = Sizing(run, plan, layout_of, self.values, self.frontier, self.ledger)
        self.losses = Losses(run, self.values, self.frontier, self.ledger, self.tally)
        self.chains = Chains(run, plan, self.values, self.frontier, self.tally, self.losses)
        self.reuse = Reuse(
            run, home, self.outputs, self.values, self.specs, self.ways, self.ledger, identities, reuses
        )
        self.inflight: dict[str, Job] = {}
        self.waiting: dict[tuple[int, Path], Job] = {}
        self.failed: list[tuple[int, Path]] = []
        self.left: list[tuple[int, Path]] = []
        self.doomed: list[str] = []
        self.unwritten: list[Settlement] = []
        self.stopping = False
        self.has_more = True
        self._killed = False

    # -- what stands ---------------------------------------------------------------------------------------

    @property
    def is_complete(self) -> bool:
        """Whether every task is done, and nothing of that has to be done again."""
        return not self.reuse.is_pending and all(
            self.frontier.is_complete(task.number) for task in self.plan.tasks
        )

    def may_lease(self, room: int) -> bool:
        """Says whether it is worth asking for jobs now: after a change, or when a delayed one is due."""
        return room > 0 and not self.is_failing and (self.queue.is_due or self._has_news)

    @property
    def _has_news(self) -> bool:
        """Whether something changed since jobs were asked for last that may let others start."""
        return self.has_more or self.ledger.has_awake or self.sizing.is_due

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing can start."""
        return not (self.inflight or self.queue or self._has_news)

    @property
    def needs_renewal(self) -> bool:
        """Whether it must be made anew, as something that was taken over is gone and is needed.

        That waits for many jobs that need something, as a new flow costs as much as a resume does.
        """
        if self.reuse.changed:
            return not self.inflight
        if not self.reuse.starved or self.has_more or self.queue.is_due or self.is_failing:
            return False
        if any(self.ledger.covers(job) for job in self.inflight.values()):
            return False
        return not self.inflight or len(self.reuse.starved) > self.reuse.n_revived

    @property
    def is_exhausted(self) -> bool:
        """Whether all was done that can be without what failed, in a run that goes on without it."""
        return self.has_failed and not self.is_failing and self.is_idle and not self.reuse.is_pending

    @property
    def is_stuck(self) -> bool:
        """Whether nothing can ever happen again although the run is not over; never true of a sound plan."""
        return self.is_idle and not self.is_complete and not self.has_failed

    @property
    def next_due(self) -> float | None:
        """When the next delayed job or range may be tried again (seconds since the epoch), or None."""
        due = [when for when in (self.queue.next_due, self.ledger.next_feeding) if when is not None]
        return min(due, default=None)

    @property
    def may_feed(self) -> bool:
        """Whether an attempt in flight that waits for event ranges can be told something now."""
        due = self.ledger.next_feeding
        return due is not None and due <= time.time()

    @property
    def has_failed(self) -> bool:
        """Whether a job failed for good, or a task was given up."""
        return bool(self.failed or self.left or self.tally.given_up)

    @property
    def is_failing(self) -> bool:
        """Whether nothing new is started, because a job failed for good or a task was given up."""
        return self.on_error != "continue" and bool(self.failed or self.tally.given_up)

    def take_doomed(self) -> list[str]:
        """Returns the attempts that are to be ended now: of tasks that were given up, or all of them."""
        doomed, self.doomed = self.doomed, []
        if self.on_error == "kill" and self.is_failing and not self._killed:
            self._killed = True
            return list(self.inflight)
        return doomed

    def restore(self, tx: Tx) -> None:
        """Makes the memory of a run from the store; attempts that are handed out are in flight."""
        self.outputs.tx = tx
        self.ways.restore(tx)
        self.ledger.restore(tx)
        made_again = self.reuse.restore(tx)
        restore(self, tx)
        self.chains.restore()
        for job in made_again:
            self.reuse.compare(job)
        self.look_at_losses()

    def recall(self, tx: Tx) -> None:
        """Makes as much of that memory as it takes to look at single jobs; the flow is not to be driven."""
        recall(self, tx)

    # -- settle --------------------------------------------------------------------------------------------

    def settle(self, tx: Tx, reports: Iterable[Report]) -> list[Settlement]:
        """Settles reports of attempts that are handed out, and returns what was written."""
        self.outputs.tx = tx
        return settle(self, tx, reports)

    def hear(self, tx: Tx, news: Iterable[RangeNews]) -> None:
        """Takes what attempts in flight say of their event ranges."""
        self.outputs.tx = tx
        for one in news:
            job = self.inflight.get(one.handle)
            if job is not None and self.ledger.covers(job):
                self.ledger.hear(tx, job, one)
        self.ledger.flush(tx)
        self.look_at_losses()

    def feed(self, tx: Tx, is_halted: bool) -> list[Fed]:
        """Returns further event ranges for the attempts in flight that asked for them."""
        fed = self.ledger.feed(self.inflight, is_halted or self.is_failing)
        self.ledger.flush(tx)
        return fed

    def look_at_losses(self) -> None:
        """Gives up tasks that lost too much, or that never work."""
        losing = (number for number, lost in enumerate(self.tally.lost) if lost)
        for number in {*self.ledger.health, *self.chains.tasks, *losing}:
            if number in self.tally.given_up:
                continue
            task = self.plan.tasks[number]
            reason = self.losses.verdict(task) or self.chains.verdict(task)
            if reason is not None:
                self.tally.given_up[number] = reason
                self.doomed += [handle for handle, job in self.inflight.items() if job.task == number]

    def started(self, tx: Tx, handles: Iterable[str]) -> None:
        """Records that workers began attempts."""
        known = {handle: self.inflight[handle] for handle in handles if handle in self.inflight}
        self.inflight.update({handle: job._replace(begun=True) for handle, job in known.items()})
        begun = known.values()
        jobs.started(tx, self.run, [(job.task, paths.to_text(job.path), job.tries.attempt) for job in begun])

    def fail(self, job: Job) -> None:
        """Takes that a job failed for good, or was ended with its task."""
        self.failed.append((job.task, job.path))
        self.frontier.give_up(job.task, job.path)

    def wait(self, job: Job, due: float | None) -> None:
        """Keeps a job until something of it can be tried: at a time, or when another one has shown it."""
        if due is None:
            self.ledger.park(job)
        else:
            self.queue.delay(job, due)

    # -- lease ---------------------------------------------------------------------------------------------

    def lease(self, tx: Tx, room: int) -> list[JobSpec]:
        """Hands out up to ``room`` attempts; jobs that need no tool are done on the way."""
        self.outputs.tx = tx
        return lease(self, tx, room)
