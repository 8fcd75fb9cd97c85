"""Jobs that need not run: another run has done the same, and what it made is taken over.

A job whose outputs are gone is taken over too, as long as nobody has to read them: what follows is compared
by checksums.  Whoever does have to read them *starves*; ``reviving`` has them made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.cwl.work_reuse import INPLACE, WorkReuse
from helios_wf.engine import paths
from helios_wf.engine.identity import Identities, digest
from helios_wf.engine.job import Job
from helios_wf.engine.ledger import Ledger
from helios_wf.engine.objects import Objects, State, path_of, placed_in
from helios_wf.engine.outputs import JobOutputs
from helios_wf.engine.specs import Specs
from helios_wf.engine.values import Values
from helios_wf.engine.ways import Ways
from helios_wf.model import Resources, Tool
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Task
from helios_wf.states import GOOD_JOBS
from helios_wf.store import Tx, event_ranges, jobs, publications, tasks
from helios_wf.store.rows import DoneJob, RangeRow

DIGITS = 32
"""Hexadecimal digits of a key."""

MOST_TRIED = 5
"""Jobs with the same key that are looked at, whether what they made is there."""

JobAt = tuple[int, Path]


class Candidate(NamedTuple):
    """A job that can start: its own inputs, what it asks for, and what forbids its reuse (empty: nothing)."""

    task: Task
    job: Job
    inputs: dict[str, Json]
    resources: Resources
    forbidden: str


class Entry(NamedTuple):
    """What is recorded of a job that is handed out: its key, and what that is made of."""

    key: str | None
    fields: Json


class Taken(NamedTuple):
    """What a job takes over: of which one (``RUN/TASK/INDEX...``), and its outputs or parts."""

    origin: str
    outputs: Json
    parts: tuple[RangeRow, ...] | None = None


class Reuse:
    """The reuse of one run.

    Args:
        run: its id.
        home: folder of all work folders.
        outputs: reads what jobs made.
        values: evaluates sources.
        specs: evaluates inputs.
        ways: the tools as they are run.
        ledger: says which jobs have event ranges.
        identities: says what values are.
        looks: whether jobs of other runs are looked for.

    Attributes:
        starved: jobs and domains (kind, number, path) that must read what is gone, and where that was.
        hopeless: paths that no job of the run can make again.
        is_some: whether any job took something over.
        n_revived: how many jobs were made again.
        changed: jobs that were made again, and made something else.
        is_unsure: whether it is not known yet that the outputs of the run are there.
    """

    def __init__(
        self,
        run: str,
        home: str,
        outputs: JobOutputs,
        values: Values,
        specs: Specs,
        ways: Ways,
        ledger: Ledger,
        identities: Identities | None,
        looks: bool,
    ) -> None:
        self.starved: dict[tuple[str, int, Path], set[str]] = {}
        self.hopeless: set[str] = set()
        self.is_some = False
        self.n_revived = 0
        self.changed: list[JobAt] = []
        self.is_unsure = True
        self._run = run
        self._plan = plan = values.plan
        self._outputs = outputs
        self._values = values
        self._specs = specs
        self._ways = ways
        self._ledger = ledger
        self._identities = identities or Identities()
        self._objects = Objects(home, self._whereabouts, self._identities.look)
        self._looks = looks
        self._allows = [
            WorkReuse(task.process.body) if isinstance(task.process, Tool) else None for task in plan.tasks
        ]
        self._changes_inputs = any(rule.changes_inputs for rule in self._allows if rule is not None)
        self._tools: dict[str, tuple[str, dict[str, Json]]] = {}
        self._shared: dict[int, dict[str, Json]] = {}
        self._lacking: dict[int, set[str]] = {}
        self._entries: dict[JobAt, Entry] = {}
        self._taken: dict[JobAt, Taken] = {}
        self._revived: dict[JobAt, str] = {}

    def restore(self, tx: Tx) -> list[Job]:
        """Takes what the store knows of it; returns the jobs that were made again, to be compared."""
        self.is_some = bool(jobs.reused(tx, self._run))
        done = []
        for task, text, state, before in jobs.revived(tx, self._run):
            job = Job(task, paths.from_text(text))
            self._revived[job.task, job.path] = before
            if state in GOOD_JOBS:
                done.append(job)
        return done

    def rule(self, task: int) -> WorkReuse:
        """Returns what a task's tool says of its reuse."""
        found = self._allows[task]
        assert found is not None
        return found

    @property
    def is_pending(self) -> bool:
        """Whether something has to be made again, or what follows from something that was."""
        return bool(self.starved or self.changed)

    # -- what a job is -------------------------------------------------------------------------------------

    def entry(self, tx: Tx, one: Candidate) -> Entry:
        """Returns the key of a job, and what it is made of besides what is recorded of its task."""
        # where a tool writes into its inputs, what any job of the run made may be another thing by now
        forbidden = INPLACE[0] if self._changes_inputs else one.forbidden
        if forbidden:
            return Entry(None, {"forbidden": forbidden})
        tool, shared = self._of_task(tx, one.task)
        own = self._fields(one.inputs, one.task)
        events = self._events(one)
        key = digest([tool, shared | own, events])[:DIGITS]
        return Entry(key, {"inputs": own, "events": events} if events else {"inputs": own})

    def _of_task(self, tx: Tx, task: Task) -> tuple[str, dict[str, Json]]:
        """Returns the digest of a task's tool, and what its jobs share; recorded the first time."""
        tool = self._ways.digest(task.number)
        is_new = task.number not in self._shared or tool not in self._tools
        if tool not in self._tools:
            fields = self._identities.tool(self._ways.definition(task.number))
            self._tools[tool] = (digest(fields), fields)
        name, fields = self._tools[tool]
        if is_new:
            shared = self._shared[task.number] = self._fields(self._specs.of(task.number).shared(), task)
            tasks.describe(tx, self._run, task.number, {"tool": fields, "inputs": shared})
        return name, self._shared[task.number]

    def _fields(self, inputs: Mapping[str, Json], task: Task) -> dict[str, Json]:
        bounds = self._specs.of(task.number).bounds
        return {
            name: self._identities.field(value)
            for name, value in inputs.items()
            if value is not None and name not in bounds
        }

    def _events(self, one: Candidate) -> Json:
        """Returns which events a job reads, and how they are cut where they are."""
        first, stop = self._values.events(one.task, one.job.path)
        if first is None or one.task.split is None:
            return None
        cut = self._plan.domains[one.task.split].cut
        assert cut is not None
        field = cut.field
        found: dict[str, Json] = {"first": first, "stop": stop, "table": field.table}
        if self._ledger.covers(one.job):
            found |= {"eventsPerRange": field.events_per_range, "secondsPerRange": field.seconds_per_range}
        return {name: value for name, value in found.items() if value is not None}

    # -- looking for what was done -------------------------------------------------------------------------

    def look_up(self, tx: Tx, candidates: Iterable[Candidate]) -> None:
        """Looks for jobs of other runs that did what some jobs are to do; ``taken`` and ``known`` tell."""
        self._lacking.clear()
        self._taken = {}
        self._entries = {_at(one): self.entry(tx, one) for one in candidates}
        if not self._looks:
            return
        wanted = {_at(one): one for one in candidates if not one.job.tries.attempt}
        keys = [(key, paths.to_text(at[1])) for at in wanted if (key := self._entries[at].key) is not None]
        done: dict[str, list[DoneJob]] = {}
        for row in jobs.done_with(tx, self._run, keys, MOST_TRIED) if keys else ():
            done.setdefault(row.key, []).append(row)
        if done:
            self._choose(tx, wanted, done)

    def _choose(self, tx: Tx, wanted: Mapping[JobAt, Candidate], done: Mapping[str, list[DoneJob]]) -> None:
        found: list[tuple[Candidate, DoneJob, tuple[RangeRow, ...] | None]] = []
        for at, one in wanted.items():
            text = paths.to_text(one.job.path)
            rows = done.get(self._entries[at].key or "", ())
            # where a tool gives something else each time, each job gets that of its own index
            for row in sorted(rows, key=lambda row: row.path != text)[:MOST_TRIED]:
                parts = self._parts(tx, row) if self._ledger.covers(one.job) else None
                if (parts is None) == (row.outputs is not None):
                    found.append((one, row, parts))
        made = [
            (row.outputs if parts is None else [part.outputs for part in parts], row.settled_at)
            for _, row, parts in found
        ]
        states = self._objects.find(made)
        for wanting in (State.THERE, State.GONE):
            for (one, row, parts), (value, _), state in zip(found, made, states, strict=True):
                if _at(one) not in self._taken and state is wanting:
                    self._take(one, row, parts, value, state)

    def _parts(self, tx: Tx, row: DoneJob) -> tuple[RangeRow, ...]:
        return tuple(event_ranges.done(tx, row.run, row.task, row.path))

    def _take(
        self,
        one: Candidate,
        row: DoneJob,
        parts: tuple[RangeRow, ...] | None,
        value: Json,
        state: State,
    ) -> None:
        """Takes over what a job made; what is gone only where it may be gone."""
        if state is State.GONE and any(each["class"] == "Directory" for each in placed_in(value)):
            # what follows could not be compared
            return
        folder = self._specs.directory(one.task.number, one.job.path, 0)
        try:
            value = self._objects.brought(value, folder)
        except OSError:
            return
        origin = f"{row.run}/{paths.job_key(row.task, paths.from_text(row.path))}"
        if parts is None:
            self._taken[_at(one)] = Taken(origin, value)
        else:
            placed = zip(parts, value, strict=True)
            self._taken[_at(one)] = Taken(
                origin, None, tuple(replace(part, outputs=outputs) for part, outputs in placed)
            )

    def known(self, job: Job) -> Entry:
        """Returns what is recorded of a job that was looked up."""
        return self._entries.get((job.task, job.path)) or Entry(None, None)

    def taken(self, tx: Tx, job: Job) -> Taken | None:
        """Returns what a job takes over; its parts are recorded.  None where it has to run."""
        found = self._taken.pop((job.task, job.path), None)
        if found is None:
            return None
        self.is_some = True
        if found.parts is not None:
            event_ranges.take_over(tx, self._run, job.task, paths.to_text(job.path), found.parts)
        return found

    # -- what is gone and is needed ------------------------------------------------------------------------

    def missing(self, value: Json) -> set[str]:
        """Returns where things of a value were that are gone, and could be made again."""
        if not self.is_some:
            return set()
        placed = {path_of(one) for one in placed_in(value)}
        return {path for path in placed - self.hopeless if self._objects.look(path) is None}

    def starves(self, one: Candidate) -> bool:
        """Says whether a job that has to run must wait until what it reads is made again."""
        number = one.task.number
        if not self.is_some:
            return False
        if number not in self._lacking:
            self._lacking[number] = self.missing(self._specs.of(number).shared())
        return self.park("task", number, one.job.path, self._lacking[number] | self.missing(one.inputs))

    def excuses(self, job: Job) -> bool:
        """Says whether a job that cannot be begun must wait, as some of what it reads is gone."""
        if not self.is_some:
            return False
        prefix = job.path[: len(self._plan.tasks[job.task].chain)]
        missing = self.missing([*self._specs.of(job.task).before(prefix)])
        return self.park("task", job.task, job.path, missing)

    def park(self, kind: str, number: int, path: Path, missing: set[str]) -> bool:
        """Takes that a job or domain must read what is missing; says whether anything is."""
        if missing:
            self.starved[kind, number, path] = missing
        return bool(missing)

    def compare(self, job: Job) -> None:
        """Takes that a job is done, in case that it was made again: what follows if it is something else?"""
        before = self._revived.pop((job.task, job.path), None) if self._revived else None
        if before is not None and before != self.identity(self._made(job)):
            self.changed.append((job.task, job.path))

    def _made(self, job: Job) -> Json:
        """Returns what a job made; of one with event ranges its parts."""
        if not self._ledger.covers(job):
            return self._outputs.of(job.task, job.path)
        assert self._outputs.tx is not None
        return [*event_ranges.outputs(self._outputs.tx, self._run, job.task, paths.to_text(job.path))]

    def _whereabouts(self, sources: Iterable[str]) -> dict[str, Iterable[tuple[str, int]]]:
        assert self._outputs.tx is not None
        return {**publications.whereabouts(self._outputs.tx, sources)}

    def identity(self, outputs: Json) -> str:
        """Returns what tells whether a job has made the same again."""
        return digest(self._identities.of(outputs))


def _at(one: Candidate) -> JobAt:
    return one.job.task, one.job.path
