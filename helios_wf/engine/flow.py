"""One run on its way: settles what came back, expands what can be, leases what is ready.

A flow changes its memory and the store together, inside the transaction that the engine gives it.  Whatever
is in memory can be made again from the store: see ``restoring``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from helios_wf.config import OnError
from helios_wf.cwl.javascript import LATER, Work, complete_all
from helios_wf.engine import paths
from helios_wf.engine.chains import Chains
from helios_wf.engine.cutting import ranges_of
from helios_wf.engine.evaluation import run_expression
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.identity import Identities
from helios_wf.engine.job import Job
from helios_wf.engine.ledger import Fed, Ledger, Rest
from helios_wf.engine.losses import Losses
from helios_wf.engine.merges import Merges, complete_in_merge, merge_inputs, open_merge
from helios_wf.engine.outputs import JobOutputs
from helios_wf.engine.places import place_of
from helios_wf.engine.queue import Queue
from helios_wf.engine.repair import GROWS, grow
from helios_wf.engine.restoring import recall, restore
from helios_wf.engine.reuse import Candidate, Entry, Reuse, Taken
from helios_wf.engine.settling import settle
from helios_wf.engine.sizing import Sizing
from helios_wf.engine.specs import Specs
from helios_wf.engine.tally import Tally
from helios_wf.engine.values import Values
from helios_wf.engine.verdicts import recorded
from helios_wf.engine.ways import Ways
from helios_wf.errors import JobError
from helios_wf.model import JobSpec, Layout, RangeNews, Report, Resources, Tool
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Plan, Task
from helios_wf.states import GOOD_JOBS, JobState
from helios_wf.store import Tx, jobs, shapes
from helios_wf.store.rows import Lease, Settlement

MOST_RECORDED = 2000
"""Jobs without a tool that one call of ``lease`` does at most, so that ticks stay short."""

LayoutOf = Callable[[str, str | None], Layout]
Move = Candidate | Callable[[], None]


class Flow:
    """The state of one run in memory, and its verbs."""

    def __init__(
        self,
        run: str,
        plan: Plan,
        inputs: dict[str, Json],
        home: str,
        backend: str,
        layout_of: LayoutOf,
        index_of: Callable[[str], Json] = lambda path: None,
        check: int = 0,
        on_error: OnError = "stop",
        reuses: bool = False,
        identities: Identities | None = None,
    ) -> None:
        self.run = run
        self.plan = plan
        self.frontier = Frontier(plan)
        self.merges = Merges(layout_of)
        listing = {task.number: task.outputs for task in plan.tasks if task.fed}
        self.outputs = JobOutputs(run, self.merges, self._flush, listing)
        ranges = partial(ranges_of, layout_of)
        self.values = Values(plan, inputs, self.frontier, self.outputs, ranges, index_of)
        self.ways = Ways(run, plan, check)
        self.specs = Specs(run, home, self.values, self.ways)
        self.queue = Queue()
        self.tally = Tally(run, plan, self.frontier, self.values.n_events)
        self.ledger = Ledger(run, self.values, layout_of)
        self.sizing = Sizing(run, plan, layout_of, self.values, self.frontier, self.ledger)
        self.losses = Losses(run, self.values, self.frontier, self.ledger, self.tally)
        self.chains = Chains(run, plan, self.values, self.frontier, self.tally, self.losses)
        self.reuse = Reuse(
            run,
            home,
            self.outputs,
            self.values,
            self.specs,
            self.ways,
            self.ledger.covers,
            identities or Identities(),
            reuses,
        )
        self.inflight: dict[str, Job] = {}
        self.waiting: dict[tuple[int, Path], Job] = {}
        """Jobs that were tried before, and that the frontier gives out again."""
        self.failed: list[tuple[int, Path]] = []
        self.left: list[tuple[int, Path]] = []
        """Jobs that failed before this engine took the run, and are not to be tried again."""
        self.doomed: list[str] = []
        """Attempts of tasks that were given up; the engine cancels them."""
        self.stopping = False
        self.has_more = True
        self.on_error = on_error
        self._killed = False
        self._backend = backend
        self._recorded: list[Settlement] = []

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

    def settled(
        self,
        job: Job,
        to: JobState,
        outputs: dict[str, Json] | None,
        not_before: float = 0.0,
        rest: Rest | None = None,
    ) -> None:
        """Takes that a job was settled: what follows for those that wait for it, or for itself."""
        self.tally.move(job.task, JobState.LEASED, to)
        if to is JobState.READY:
            due = rest.due if rest else not_before
            self._wait(job, None if due is None else max(due, not_before))
        elif to in GOOD_JOBS:
            if rest is None:
                self.outputs.keep(job.task, job.path, None if to is JobState.SKIPPED else outputs)
            self.reuse.compare(job)
            self._complete(job.task, job.path)
        elif self.losses.takes(job, to):
            self.losses.lose(job, to)
            self._complete(job.task, job.path)
            self.look_at_losses()
        else:
            self.fail(job)

    def fail(self, job: Job) -> None:
        """Takes that a job failed for good, or was ended with its task."""
        self.failed.append((job.task, job.path))
        self.frontier.give_up(job.task, job.path)

    def _complete(self, task: int, path: Path) -> None:
        if self.plan.tasks[task].merge is None:
            self.frontier.complete(task, path)
        else:
            complete_in_merge(self, task, path)

    # -- lease ---------------------------------------------------------------------------------------------

    def lease(self, tx: Tx, room: int) -> list[JobSpec]:
        """Hands out up to ``room`` attempts; jobs that need no tool are done on the way."""
        self.outputs.tx = tx
        specs: list[JobSpec] = []
        leases: list[Lease] = []
        n_recorded = 0
        late: list[Job] = []
        if self.reuse.changed:
            self.has_more = False
            return []
        self.queue.add(self.ledger.awake())
        self.sizing.grow(tx)
        while len(specs) < room and not self.is_failing and n_recorded < MOST_RECORDED:
            ready = self._next_jobs(room - len(specs))
            if not ready:
                if not self._expand(tx, max(room, 16)):
                    break
                continue
            self.outputs.load_all(one for job in ready for one in self.specs.of(job.task).reads(job.path))
            moves = complete_all([self._prepare(tx, job) for job in ready])
            late = [job for job, move in zip(ready, moves, strict=True) if move is LATER]
            self.reuse.look_up(tx, [move for move in moves if isinstance(move, Candidate)])
            for job, move in zip(ready, moves, strict=True):
                spec = None if move is LATER else self._start(tx, job, move)
                n_recorded += spec is None
                if spec is not None:
                    specs.append(spec)
                    leases.append(self._lease(job, spec, self.reuse.known(job)))
            self.queue.add(late)
            if late:
                break
        self._flush()
        self.ledger.flush(tx)
        accepted = jobs.lease(tx, self.run, leases)
        if len(accepted) != len(leases):
            missing = [one.path for one in leases if (one.task, one.path) not in accepted]
            raise AssertionError(f"run {self.run}: jobs were leased twice: {missing[:5]}")
        self.has_more = len(specs) >= room or n_recorded >= MOST_RECORDED or bool(late)
        self._look_at_outputs()
        self.tally.write(tx)
        return specs

    def _next_jobs(self, limit: int) -> list[Job]:
        """Returns up to ``limit`` jobs that can start; none of tasks that were given up."""
        while chosen := self._chosen(limit):
            if wanted := [job for job in chosen if job.task not in self.tally.given_up]:
                return wanted
        return []

    def _chosen(self, limit: int) -> list[Job]:
        chosen = self.queue.take(limit)
        if len(chosen) < limit:
            fresh = self.frontier.jobs(limit - len(chosen))
            chosen += [self.waiting.pop(one, Job(*one)) for one in fresh]
        return chosen

    def _expand(self, tx: Tx, limit: int) -> bool:
        """Sizes domains whose arrays and files are known; says whether there were any."""
        rows: list[tuple[int, str, Json]] = []
        is_any = False
        for number, path in self.sizing.domains(limit):
            is_any = True
            if self.sizing.defers(number, path):
                continue
            try:
                shape = self.sizing.shape(self.plan.domains[number], path)
            except JobError as error:
                missing = self.reuse.missing(self.sizing.file(number, path))
                if self.reuse.park("domain", number, path, missing):
                    continue
                if self._fail_domain(number, path, error):
                    break
                continue
            rows.append((number, paths.to_text(path), shape.payload))
            self.sizing.open(number, path, shape)
        shapes.put_many(tx, self.run, rows)
        self.look_at_losses()
        return is_any or self.is_failing

    def _fail_domain(self, number: int, path: Path, error: JobError) -> bool:
        """Records a failed job for the first task that ranges over a domain which cannot be sized.

        Where no task does, only an output of the run can: it says the same when it is read.
        """
        task = next((task for task in self.plan.tasks if number in task.chain), None)
        if task is not None:
            self._record(Job(task.number, path), JobState.FAILED, error=error)
        return task is not None

    def _prepare(self, tx: Tx, job: Job) -> Work[Move]:
        """Evaluates a job that can start, and returns the move that follows."""
        task = self.plan.tasks[job.task]
        prefix = job.path[: len(task.chain)]
        evaluator = self.specs.of(job.task)
        if (reason := self.losses.why(task, prefix)) is not None:
            return partial(self._leave, tx, job, JobState.CANCELLED, reason)
        if self.values.is_void(task, prefix) or self.values.is_skipped(task.guards, prefix):
            return partial(self._leave, tx, job, JobState.SKIPPED)
        if task.merge is not None and len(job.path) == len(task.chain):
            return partial(open_merge, self, tx, task, prefix)
        if isinstance(task.process, Tool):
            override = merge_inputs(self, task, job.path) if task.merge is not None else None
            inputs = yield from evaluator.inputs(prefix, override)
            if inputs is None:
                return partial(self._leave, tx, job, JobState.SKIPPED)
            resources = yield from evaluator.resources(inputs)
            forbidden = yield from self.reuse.rule(task.number).work(evaluator.shared() | inputs)
            return Candidate(task, job, inputs, resources, forbidden)
        # what needs no tool: an ExpressionTool, or the entry of a sub-workflow
        inputs = yield from evaluator.all_inputs(job.path)
        if inputs is None:
            return partial(self._leave, tx, job, JobState.SKIPPED)
        outputs = inputs if task.process is None else (yield from run_expression(task, inputs))
        return partial(self._record, job, JobState.DONE, outputs)

    def _attempt(self, tx: Tx, one: Candidate) -> JobSpec | None:
        """Returns the next attempt of a job; None where it need not run, or cannot now."""
        taken = self.reuse.taken(tx, one.job)
        if taken is not None:
            self._take_over(one.job, taken)
            return None
        if self.reuse.starves(one):
            return None
        task, job, resources = one.task, one.job, one.resources
        has_ranges = self.ledger.covers(job)
        if task.retry.grow > 1 and job.tries.charged and not has_ranges:
            resources = self._grown(tx, task, job, resources)
        spec = self.specs.spec(task, job, one.inputs, resources)
        if not has_ranges:
            return spec
        fed = self.ledger.begin(tx, job, spec)
        if fed is None:
            self._wait(job, self.ledger.due(job))
        return fed

    def _grown(self, tx: Tx, task: Task, job: Job, resources: Resources) -> Resources:
        """Returns what a job asks for after it failed for memory or time."""
        cause = jobs.get(tx, self.run, task.number, paths.to_text(job.path)).cause
        return grow(resources, task.retry.grow**job.tries.charged) if cause in GROWS else resources

    def _wait(self, job: Job, due: float | None) -> None:
        """Keeps a job until something of it can be tried: at a time, or when another one has shown it."""
        if due is None:
            self.ledger.park(job)
        else:
            self.queue.delay(job, due)

    def _start(self, tx: Tx, job: Job, move: Move | JobError) -> JobSpec | None:
        """Makes the move of a job; returns its next attempt, None when it was settled, or opened a merge."""
        try:
            if isinstance(move, JobError):
                raise move
            if isinstance(move, Candidate):
                return self._attempt(tx, move)
            move()
        except JobError as error:
            if not self.reuse.excuses(job):
                self._record(job, JobState.FAILED, error=error)
        return None

    def _take_over(self, job: Job, taken: Taken) -> None:
        """Records a job that need not run."""
        fields = self.reuse.known(job).fields
        reason = f"reused from {taken.origin}"
        done = recorded(job, JobState.DONE, taken.outputs, None, "", reason, taken.origin, fields)
        self._recorded.append(done)
        self._count_out(job)
        self.tally.reused[job.task] += 1
        self.tally.move(job.task, JobState.LEASED, JobState.DONE)
        if taken.parts is None:
            self.outputs.keep(job.task, job.path, taken.outputs)
        else:
            self.ledger.take_over(job.task, taken.parts)
        self._complete(job.task, job.path)

    def _look_at_outputs(self) -> None:
        """Makes sure that what a complete run puts out is there."""
        if not (self.reuse.is_unsure and self.is_complete) or self.is_failing:
            return
        self.reuse.is_unsure = False
        for number, planned in enumerate(self.plan.outputs if any(self.tally.reused) else ()):
            with suppress(JobError):
                self.reuse.park("output", number, (), self.reuse.missing(self.values.output(planned.source)))

    def _leave(self, tx: Tx, job: Job, to: JobState, reason: str = "") -> None:
        """Records a job that is not run; of a merge, the one job that stands for it."""
        task = self.plan.tasks[job.task]
        if task.merge is not None and len(job.path) == len(task.chain):
            open_merge(self, tx, task, job.path, [[[[0, 0]]]])
        else:
            self._record(job, to, reason=reason)

    def _record(
        self,
        job: Job,
        to: JobState,
        outputs: dict[str, Json] | None = None,
        error: JobError | None = None,
        reason: str = "",
    ) -> None:
        place = place_of(self.plan, job.task, error.expression if error else "")
        self._recorded.append(recorded(job, to, outputs, error, place, reason))
        self._count_out(job)
        self.settled(job, to, outputs)

    def _flush(self) -> None:
        """Writes what was recorded; called before anything is read from the store."""
        if self._recorded and self.outputs.tx is not None:
            written, self._recorded = self._recorded, []
            jobs.record(self.outputs.tx, self.run, written)

    def _lease(self, job: Job, spec: JobSpec, entry: Entry) -> Lease:
        self.inflight[spec.handle] = Job(job.task, job.path, job.tries._replace(attempt=spec.attempt))
        self._count_out(job)
        return Lease(
            job.task,
            paths.to_text(job.path),
            spec.attempt,
            spec.first,
            spec.stop,
            self._backend,
            spec.directory,
            file=self._cut_file(job, spec),
            resources=spec.resources,
            key=entry.key,
            fields=entry.fields,
        )

    def _cut_file(self, job: Job, spec: JobSpec) -> str | None:
        """Returns the path of the file whose events an attempt is fed, if there is one."""
        if not spec.feeding or not spec.feeding.file:
            return None
        # a file that is not scattered over is the same for all jobs, and in no spec
        own = spec.inputs.get(spec.feeding.file)
        file = own or self.values.cut_file(self.plan.tasks[job.task], job.path)
        return file.get("path") if isinstance(file, dict) else None

    def _count_out(self, job: Job) -> None:
        """Counts a job as handed out; only one that was tried before was counted as READY."""
        if job.tries.attempt:
            self.tally.move(job.task, JobState.READY, JobState.LEASED)
        else:
            self.tally.count(job.task, JobState.LEASED)
