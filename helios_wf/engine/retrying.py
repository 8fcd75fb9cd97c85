"""A run begun again: which of its jobs and event ranges are tried once more, and what follows from them.

Jobs that failed, were cancelled, or lost event ranges go on from where they stopped: ranges that are done
stay done.  What other jobs made of their outputs is forgotten, with the shapes that followed, and made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from helios_wf.engine import paths
from helios_wf.engine.frontier import groups_of
from helios_wf.engine.needs import Node
from helios_wf.engine.stale import Stale
from helios_wf.model import Noun
from helios_wf.model.plans import Path, Plan
from helios_wf.states import JobState, RangeState
from helios_wf.store import Tx, event_ranges, jobs, shapes, tasks

Key = tuple[int, str]
"""A job: task, and path as text."""

Index = tuple[int, Path]
"""An index of a domain: its number, and the path up to it."""


class Wish(Noun, frozen=True):
    """What is to be tried again.

    ``step`` names a step (None: all of them); with ``ranges``, only jobs of which event ranges are lost, also
    where that was tolerated; with ``failed``, none that was only cancelled.
    """

    step: str | None = None
    ranges: bool = False
    failed: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether jobs may be left that failed."""
        return self != Wish()


def nothing(wish: Wish) -> str:
    """Returns that there is nothing to be tried again, in words."""
    of = "it" if wish.step is None else f"step {wish.step!r}"
    if wish.ranges:
        return f"no event ranges of {of} are lost"
    return f"no job of {of} failed" + ("" if wish.failed else " or was cancelled")


def begin_again(tx: Tx, run: str, plan: Plan, wish: Wish) -> int:
    """Puts back what is to be tried again, in a run of which nothing is handed out; returns how many jobs."""
    return _Retry(tx, run, plan, wish).begin()


def forget_followers(tx: Tx, run: str, plan: Plan, changed: Iterable[tuple[int, Path]]) -> None:
    """Forgets what was made of outputs that changed, in a run of which nothing is handed out."""
    _Retry(tx, run, plan, Wish()).forget(Stale(plan, changed))


class _Retry:
    """One retry of one run, within one transaction."""

    def __init__(self, tx: Tx, run: str, plan: Plan, wish: Wish) -> None:
        self._tx = tx
        self._run = run
        self._plan = plan
        self._wish = wish
        self._groups = groups_of(plan)
        self._domains = {task: domain for domain, group in self._groups.items() for task in group}
        lost = event_ranges.jobs_with_losses(tx, run) if wish.ranges else set()
        self._lost = {key for key in lost if self._is_wanted(key[0])}
        fatal = event_ranges.jobs_with_losses(tx, run, [RangeState.FATAL])
        self._fatal = {key for key in fatal if self._is_wanted(key[0])}

    def begin(self) -> int:
        """Does it."""
        # a job that was never handed out has no attempt: what it reads is lost, and it follows from that
        chosen = [key for key, state, attempt in self._jobs() if self._is_chosen(key, state, attempt)]
        # others were put back when their run failed, with ranges that were given up before
        waiting = [key for key, state, _ in self._jobs() if state is JobState.READY and key in self._fatal]
        void = self._void_indices()
        jobs.reset(self._tx, self._run, chosen)
        event_ranges.reset(self._tx, self._run, [*chosen, *waiting])
        self._unvoid(void)
        stale = Stale(self._plan, [*map(self._place, chosen), *self._chains(void)])
        self.forget(stale, chosen, void)
        return len(chosen) + len(waiting) + len(void)

    def forget(self, stale: Stale, but: Collection[Key] = (), void: Collection[Index] = ()) -> None:
        """Forgets what is stale, but for jobs that are tried again."""
        forgotten = self._stale_jobs(stale, set(but), set(void))
        self._forget_shapes(stale)
        jobs.forget(self._tx, self._run, forgotten)
        event_ranges.forget(self._tx, self._run, forgotten)
        attempts = {task: 0 for task, _ in but}
        for (task, _), attempt in forgotten.items():
            attempts[task] = max(attempts.get(task, 0), attempt)
        for task, highest in attempts.items():
            tasks.reopen(self._tx, self._run, task, highest)

    def _jobs(self) -> Iterator[tuple[Key, JobState, int]]:
        """Yields each job that has a row, where it stands, and the number of its last attempt."""
        for task, text, state, attempt, *_ in jobs.states(self._tx, self._run):
            yield (task, text), state, attempt

    def _place(self, key: Key) -> tuple[int, Path]:
        return key[0], paths.from_text(key[1])

    def _is_wanted(self, task: int) -> bool:
        name, step = self._plan.tasks[task].name, self._wish.step
        return step is None or name == step or name.startswith(f"{step}/")

    def _is_chosen(self, key: Key, state: JobState, attempt: int) -> bool:
        if self._wish.ranges:
            return key in self._lost and state in (JobState.FAILED, JobState.CANCELLED, JobState.FINISHED)
        cancelled = state is JobState.CANCELLED and attempt > 0
        wanted = state is JobState.FAILED or (cancelled and not self._wish.failed)
        return wanted and self._is_wanted(key[0])

    # -- what follows --------------------------------------------------------------------------------------

    def _stale_jobs(self, stale: Stale, but: set[Key], void: set[Index]) -> dict[Key, int]:
        """Returns the jobs that are to be forgotten, each with the number of its last attempt."""
        return {
            key: attempt
            for key, state, attempt in self._jobs()
            if key not in but
            if stale.covers(Node("task", key[0]), self._whole_path(key))
            or (state is JobState.SKIPPED and self._index(key) in void)
        }

    def _whole_path(self, key: Key) -> Path:
        """Returns the path of a job, filled up where it stands for a domain that could not be sized."""
        task, path = self._place(key)
        return path + (-1,) * (len(self._plan.tasks[task].chain) - len(path))

    def _forget_shapes(self, stale: Stale) -> None:
        found = []
        for domain, prefix, _ in shapes.all(self._tx, self._run):
            # merges keep their groups under the number of their task
            node = Node("domain", domain) if domain >= 0 else Node("task", -1 - domain)
            if stale.covers(node, paths.from_text(prefix)):
                found.append((domain, prefix))
        shapes.forget(self._tx, self._run, found)

    # -- chains: indices of a split domain that were given up ----------------------------------------------

    def _void_indices(self) -> set[Index]:
        """Returns the indices of chains' event ranges that are to be tried again."""
        return {
            index
            for key, state, _ in self._jobs()
            if state is JobState.SKIPPED and key in self._lost and (index := self._index(key)) is not None
        }

    def _index(self, key: Key) -> Index | None:
        """Returns the index of the event range whose chain a job belongs to."""
        task, path = self._place(key)
        domain = self._domains.get(task)
        if domain is None:
            return None
        position = self._plan.tasks[task].chain.index(domain)
        return (domain, path[: position + 1]) if position < len(path) else None

    def _unvoid(self, void: set[Index]) -> None:
        known = {(domain, prefix): found for domain, prefix, found in shapes.all(self._tx, self._run)}
        for domain, (*outer, index) in void:
            prefix = paths.to_text(tuple(outer))
            ranges = known[domain, prefix]
            first, stop, depth, *_ = ranges[index]
            ranges[index] = [first, stop, depth] if depth else [first, stop]
            shapes.change(self._tx, self._run, domain, prefix, ranges)

    def _chains(self, void: Iterable[Index]) -> Iterator[tuple[int, Path]]:
        """Yields the tasks of chains at these indices."""
        for domain, path in void:
            for task in self._groups[domain]:
                yield task, path
