"""What one transaction sees of a run: its frozen plan with what is known of its indices, and its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial

import msgspec

from helios_wf.config import Settings
from helios_wf.containing import inside
from helios_wf.cwl.settings import apply_settings
from helios_wf.engine import paths
from helios_wf.engine.flow import Flow
from helios_wf.layouts import Layouts
from helios_wf.model import Document
from helios_wf.model.plans import Path, Plan, Task
from helios_wf.plan import plan_document
from helios_wf.publishing import Options
from helios_wf.states import JobState
from helios_wf.store import Tx, datasets, documents, jobs, tasks
from helios_wf.store.rows import JobRow, RunRow, TaskRow


class Record:
    """A run, read in one transaction.

    Args:
        tx: what is read in.
        run: the run.
        settings: where its home is.
    """

    def __init__(self, tx: Tx, run: RunRow, settings: Settings) -> None:
        self.tx = tx
        self.run = run
        self.home = settings.home
        self.options = msgspec.convert(run.options, Options)
        document = msgspec.json.decode(documents.get(tx, run.document), type=Document)
        self.document = apply_settings(document, self.options.changes)
        self.plan: Plan = inside(plan_document(self.document), self.options.containers)

    @cached_property
    def flow(self) -> Flow:
        """The run's memory, as far as it takes to look at single jobs and to evaluate their inputs."""
        layouts = Layouts()
        layouts.learn(datasets.get(self.tx, name) for name in self.run.datasets.values())
        index_of = partial(layouts.index_of, self.home / "indexes")
        flow = Flow(self.run.id, self.plan, self.run.inputs, str(self.home), "", layouts.of, index_of)
        flow.recall(self.tx)
        return flow

    @cached_property
    def tasks(self) -> list[TaskRow]:
        """Its tasks by number, with the counts of their jobs."""
        return list(tasks.list(self.tx, self.run.id))

    def job(self, task: int, path: Path) -> JobRow | None:
        """Returns a job, None where it was never ready."""
        return jobs.find(self.tx, self.run.id, task, paths.to_text(path))

    def below(self, task: int, path: Path, *states: JobState) -> Iterator[JobRow]:
        """Yields the jobs of a task at or below a path, in order: all, or those in some states."""
        return jobs.below(self.tx, self.run.id, task, paths.to_text(path), states or None)

    def counts(self, task: int, path: Path) -> dict[JobState, int]:
        """Returns how many jobs of a task at or below a path are in each state; those never ready in none."""
        if not path:
            return {state: count for state, count in self.tasks[task].counts.items() if count}
        return jobs.counts_below(self.tx, self.run.id, task, paths.to_text(path))

    # -- indices -------------------------------------------------------------------------------------------

    def total(self, task: Task, path: Path) -> int | None:
        """Returns how many jobs a task has at or below a path; None where that is not known yet."""
        if len(path) > len(task.chain):
            return 1
        if len(path) == len(task.chain):
            if task.merge is None:
                return 1
            merge = self.flow.merges.find(task.number, path)
            return None if merge is None else merge.n_jobs
        size = self.size(task, path)
        if size is None:
            return None
        if len(path) == len(task.chain) - 1 and task.merge is None:
            return size
        below = [self.total(task, (*path, index)) for index in range(size)]
        return None if None in below else sum(one or 0 for one in below)

    def size(self, task: Task, path: Path) -> int | None:
        """Returns how many indices a task has right below a path; None where that is not known yet."""
        return self.flow.frontier.sizes.get((task.chain[len(path)], path))

    def paths(self, task: Task, path: Path) -> Iterator[Path]:
        """Yields the paths of all jobs of a task at or below a path that are known to be."""
        if len(path) < len(task.chain):
            for index in range(self.size(task, path) or 0):
                yield from self.paths(task, (*path, index))
        elif task.merge is None or len(path) > len(task.chain):
            yield path
        else:
            merge = self.flow.merges.find(task.number, path)
            yield from [path] if merge is None else merge.jobs()

    def is_known(self, task: Task, path: Path) -> bool:
        """Says whether a task is known to have jobs at or below a path."""
        for depth, index in enumerate(path[: len(task.chain)]):
            if index >= (self.size(task, path[:depth]) or 0):
                return False
        own = path[len(task.chain) :]
        if not own:
            return True
        merge = self.flow.merges.find(task.number, path[: len(task.chain)])
        return merge is not None and any(one[: len(path)] == path for one in merge.jobs())
