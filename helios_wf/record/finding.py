"""What a user's words name: a run, and in it a job, a step, or what is below an index of steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from helios_wf.engine.merges import OWN_INDICES
from helios_wf.engine.paths import from_key
from helios_wf.errors import RunError, did_you_mean
from helios_wf.failures import job_name
from helios_wf.launch import run_named
from helios_wf.model.plans import Path, Task
from helios_wf.record.addresses import Address, parse
from helios_wf.record.record import Record
from helios_wf.store import Tx, runs, tasks
from helios_wf.store.rows import RunRow

MOST_NAMED = 10
"""Steps that a message names."""


class Spot(NamedTuple):
    """What is named of a run: tasks, and the index path at or below which their jobs are.

    With ``is_job`` it is one job: of one task, at the whole path.
    """

    tasks: tuple[Task, ...]
    path: Path
    is_job: bool
    step: str
    """What was written; empty for the whole run."""

    @property
    def name(self) -> str:
        """Its name in the run."""
        return job_name(self.step, self.path)

    @property
    def task(self) -> Task:
        """The task of a job."""
        return self.tasks[0]


def run_of(tx: Tx, text: str | None) -> tuple[RunRow, Address]:
    """Returns the run that a user's words name, and what they name of it.

    Raises:
        UserError: they name no job.
        RunError: there is no such run.
    """
    address = parse(text, partial(runs.begins, tx))
    return run_named(tx, address.run), address


def name_of(tx: Tx, job: str) -> str:
    """Returns the name of a job, ``RUN/step[index]``, that stands in the store as ``RUN/TASK/INDEX...``."""
    run, _, key = job.partition("/")
    number, path = from_key(key)
    return f"{run}/{job_name(tasks.name(tx, run, number), path)}"


def at(record: Record, address: Address) -> Spot:
    """Returns what an address names of its run.

    Raises:
        RunError: there is no such step, or its index is out of range; it says which there are.
    """
    if not address.step:
        if address.path is not None:
            raise RunError(f"an index needs a step: {record.run.id}/STEP[INDEX]; {_steps(record.plan.tasks)}")
        return Spot(record.plan.tasks, (), False, "")
    named = _tasks(record, address)
    path = address.path or ()
    deepest = max(map(_depth, named))
    if len(path) > deepest:
        raise RunError(f"{job_name(address.step, path)} has too many indices; {_form(address.step, deepest)}")
    for task in named:
        _check(record, task, address.step, path)
    named = tuple(task for task in named if len(path) <= _depth(task))
    if len(named) > 1:
        return Spot(named, path, False, address.step)
    return _of_task(record, named[0], address.step, path)


def _tasks(record: Record, address: Address) -> tuple[Task, ...]:
    """Returns the tasks of a step: of a sub-workflow all that are in it."""
    every = record.plan.tasks
    found = tuple(t for t in every if t.name == address.step or t.name.startswith(f"{address.step}/"))
    if found:
        return found
    run = f"run {record.run.id} of {record.run.label}"
    if address.run is None:
        run = f"there is no run {address.step.partition('/')[0]!r}, and the latest, {record.run.id},"
    near = did_you_mean(address.step, (task.name for task in every))
    hint = near if near.startswith("; did") else f"; {_steps(every)}"
    raise RunError(f"{run} has no step {address.step!r}{hint}")


def _of_task(record: Record, task: Task, step: str, path: Path) -> Spot:
    is_job = len(path) == _depth(task)
    if task.merge is not None and len(path) == len(task.chain):
        merge = record.flow.merges.find(task.number, path) if record.is_known(task, path) else None
        if merge is None:
            # nothing of it is there yet: the merge is waited for as one
            is_job = True
        elif merge.n_jobs == 1:
            path, is_job = next(merge.jobs()), True
    return Spot((task,), path, is_job, step)


def _depth(task: Task) -> int:
    return len(task.chain) + (OWN_INDICES if task.merge is not None else 0)


def _check(record: Record, task: Task, step: str, path: Path) -> None:
    """Makes sure that an index is in range, as far as the range is known."""
    for depth, index in enumerate(path[: len(task.chain)]):
        size = record.size(task, path[:depth])
        if size is None:
            return
        if index >= size:
            raise RunError(f"{job_name(step, path)} is out of range: {_range(step, path[:depth], size)}")
    own = path[len(task.chain) :]
    merge = record.flow.merges.find(task.number, path[: len(task.chain)]) if own else None
    if merge is not None and not record.is_known(task, path):
        jobs = [job_name(step, one) for one in merge.jobs()]
        more = f" and {len(jobs) - MOST_NAMED} more" if len(jobs) > MOST_NAMED else ""
        raise RunError(
            f"{job_name(step, path)} is no job of this merge, which has {', '.join(jobs[:MOST_NAMED])}{more}"
        )


def _range(step: str, outer: Path, size: int) -> str:
    whose = job_name(step, outer)
    if not size:
        return f"{whose} has no jobs, as what it runs over is empty"
    if size == 1:
        return f"{whose} has 1, {job_name(step, (*outer, 0))}"
    return f"{whose} has {size:,}, {job_name(step, (*outer, 0))} to {job_name(step, (*outer, size - 1))}"


def _form(step: str, depth: int) -> str:
    if not depth:
        return f"step {step!r} has one job, without an index"
    word = "one index" if depth == 1 else f"{depth} indices"
    return f"a job of it has {word}, such as {job_name(step, (0,) * depth)}"


def _steps(of: Sequence[Task]) -> str:
    names = list(dict.fromkeys(task.name for task in of))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"its steps: {', '.join(names[:MOST_NAMED])}{more}"
