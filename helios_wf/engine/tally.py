"""How many jobs of each task are in which state, and the states of the tasks that follow from it."""

from __future__ import annotations

from collections.abc import Callable

from helios_wf.engine.frontier import Frontier
from helios_wf.engine.job import Job
from helios_wf.model.plans import Plan, Task
from helios_wf.states import JobState, TaskState
from helios_wf.store import Tx, tasks


class Tally:
    """Counts jobs; writes what follows for their tasks."""

    def __init__(
        self, run: str, plan: Plan, frontier: Frontier, n_events: Callable[[Task], int] = lambda task: 0
    ) -> None:
        self.counts = [dict.fromkeys(JobState, 0) for _ in plan.tasks]
        self._merge_jobs = [0] * len(plan.tasks)
        self._merges = [0] * len(plan.tasks)
        self._totals: list[int | None] = [None] * len(plan.tasks)
        self._run = run
        self._plan = plan
        self._frontier = frontier
        self._n_events = n_events
        self._events: dict[int, int] = {}
        self._states = [TaskState.DEFINED for _ in plan.tasks]
        self.reused = [0] * len(plan.tasks)
        """Jobs of each task that took over outputs of another run."""
        self.lossy: set[int] = set()
        """Tasks that lost events, which is tolerated."""
        self.lost = [0] * len(plan.tasks)
        """Jobs of each task that failed, which is tolerated."""
        self.forgotten = [0 for _ in plan.tasks]
        """Of each task the highest number that an attempt of a job had which was forgotten since."""
        self.given_up: dict[int, str] = {}
        """Tasks that are given up before their end, and why."""

    def restore(self, tx: Tx) -> None:
        """Takes the states of the tasks from the store; jobs are counted by ``count``."""
        for row in tasks.list(tx, self._run):
            self._states[row.number] = row.state
            self.forgotten[row.number] = row.attempts
            self.reused[row.number] = row.reused

    def count(self, task: int, state: JobState) -> None:
        """Counts a job that was not counted before."""
        self.counts[task][state] += 1

    def move(self, task: int, old: JobState, new: JobState) -> None:
        """Counts a job's move."""
        self.counts[task][old] -= 1
        self.counts[task][new] += 1

    def lease(self, job: Job) -> None:
        """Counts a job as handed out; only one that was tried before was counted as READY."""
        if job.tries.attempt:
            self.move(job.task, JobState.READY, JobState.LEASED)
        else:
            self.count(job.task, JobState.LEASED)

    def merge(self, task: int, n_jobs: int) -> None:
        """Counts a merge that was opened."""
        self._merges[task] += 1
        self._merge_jobs[task] += n_jobs

    def total(self, task: int) -> int | None:
        """Returns a task's number of jobs, None until it is known."""
        if not self._frontier.is_known(task):
            return None
        if self._plan.tasks[task].merge is None:
            return self._frontier.totals[task]
        return self._merge_jobs[task] if self._merges[task] == self._frontier.totals[task] else None

    def events(self, task: int) -> int | None:
        """Returns how many events the jobs of a split task have, None until it is known."""
        if task not in self._events and self._frontier.is_known(task):
            self._events[task] = self._n_events(self._plan.tasks[task])
        return self._events.get(task)

    def write(self, tx: Tx) -> None:
        """Writes the states and totals of tasks that changed."""
        for task in self._plan.tasks:
            state = self._state(task.number)
            if state is not self._states[task.number] and self._move(tx, task.number, state):
                self._states[task.number] = state
            total = self.total(task.number)
            if total != self._totals[task.number] and total is not None:
                events = None if task.split is None else self.events(task.number)
                tasks.expanded(tx, self._run, task.number, total, events)
                self._totals[task.number] = total

    def _move(self, tx: Tx, task: int, to: TaskState) -> bool:
        """Moves a task; one that had failed and is tried again goes through IN_PROGRESS."""
        return tasks.move(tx, self._run, task, to) or (
            tasks.move(tx, self._run, task, TaskState.IN_PROGRESS)
            and to is not TaskState.IN_PROGRESS
            and tasks.move(tx, self._run, task, to)
        )

    def _state(self, task: int) -> TaskState:
        counts, state = self.counts[task], self._states[task]
        if state in (TaskState.DONE, TaskState.FINISHED, TaskState.SKIPPED):
            return state
        if counts[JobState.FAILED] > self.lost[task] or task in self.given_up:
            return TaskState.FAILED
        if self._frontier.is_complete(task):
            skipped = counts[JobState.SKIPPED] and not counts[JobState.DONE] + counts[JobState.FINISHED]
            n_lost = counts[JobState.FINISHED] + counts[JobState.CANCELLED] + self.lost[task]
            if n_lost or task in self.lossy:
                return TaskState.FINISHED
            return TaskState.SKIPPED if skipped else TaskState.DONE
        return TaskState.IN_PROGRESS if any(counts.values()) else TaskState.DEFINED
