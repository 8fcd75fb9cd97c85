"""What a job that cannot start still needs: which of its inputs, and which jobs have to make it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from helios_wf.engine.merges import OWN_INDICES
from helios_wf.engine.needs import Need, Node, needs_of, value_needs
from helios_wf.engine.paths import from_text
from helios_wf.model.plans import Path, Task
from helios_wf.plan.algebra import tasks_of
from helios_wf.preview import whole_reads
from helios_wf.record import Record
from helios_wf.states import GOOD_JOBS, JobState
from helios_wf.store.rows import JobRow

WORST = (JobState.FAILED, JobState.CANCELLED, JobState.RUNNING, JobState.LEASED, JobState.READY)
"""States of a job that keep others waiting: what is looked at first comes first."""


class Lack(NamedTuple):
    """What a job waits for: a task to be complete at a path, or a domain to be sized there.

    ``inputs`` are those that need it; of none, the job as such does: for a condition around it, or to be
    known at all.  ``whole`` is why more than one job is needed, if so.
    """

    node: Node
    path: Path
    inputs: tuple[str, ...] = ()
    whole: str = ""


class Blocker(NamedTuple):
    """The job that keeps others waiting: by task and path; without a row it was never ready."""

    task: Task
    path: Path
    row: JobRow | None


def lacking(record: Record, task: Task, path: Path) -> list[Lack]:
    """Returns what a job that was never ready lacks; nothing where it could start."""
    chain = path[: len(task.chain)]
    if not record.is_known(task, chain):
        return list(_unsized(record, task, chain))
    if len(path) == len(task.chain) + OWN_INDICES and record.flow.merges.find(task.number, chain):
        return list(_groups(record, task, path))
    positions = tuple(range(len(chain)))
    found: dict[tuple[Node, Path], Lack] = {}
    for feed in task.feeds:
        why = dict(whole_reads(record.plan, feed.source))
        merged = task.merge is not None and task.merge.input == feed.name
        for node, at in _missing(record, value_needs(record.plan, feed.source, positions), chain):
            whole = why.get(record.plan.tasks[node.number].name, "") if node.kind == "task" else ""
            whole = "a merge reads all its inputs" if merged else whole
            lack = found.get((node, at), Lack(node, at, (), whole))
            found[node, at] = lack._replace(inputs=tuple(dict.fromkeys([*lack.inputs, feed.name])))
    for need in needs_of(record.plan, Node("task", task.number)):
        for node, at in _missing(record, [need], chain):
            found.setdefault((node, at), Lack(node, at))
    return list(found.values())


def blocker(record: Record, task: Task, path: Path) -> Blocker | None:
    """Returns the job below a path that is to be looked at first, as the task is not complete there for it.

    None where it is not known which jobs there are to be.
    """
    for state in WORST:
        for row in record.below(task.number, path, state):
            if not is_passed_over(task, row):
                return Blocker(task, from_text(row.path), row)
    for at in (*_behind_failures(record, task, path), path):
        fresh = never_ready(record, task, at)
        if fresh is not None:
            return Blocker(task, fresh, None)
    return None


def never_ready(record: Record, task: Task, path: Path) -> Path | None:
    """Returns the first job of a task at or below a path that was never ready, None where there is none."""
    known = {from_text(row.path) for row in record.below(task.number, path)}
    return next((one for one in record.paths(task, path) if one not in known), None)


def _behind_failures(record: Record, task: Task, path: Path) -> Iterator[Path]:
    """Yields paths below a path of a task, below which something is not there because a job failed before.

    Each once, however many jobs failed.
    """
    told: set[Path] = set()
    for before in reversed(_before(record, task)):
        for row in record.below(before.number, (), JobState.FAILED):
            if is_passed_over(before, row):
                continue
            shared = [one for one, other in zip(before.chain, task.chain, strict=False) if one == other]
            at = from_text(row.path)[: len(shared)]
            below = max(at, path, key=len)
            if path[: len(at)] == at[: len(path)] and below not in told:
                told.add(below)
                yield below


def _before(record: Record, task: Task) -> list[Task]:
    """Returns the tasks that a task reads from, and those that they do, in order."""
    found: set[int] = set()
    new = {task.number}
    while new:
        read = {one for number in new for one in _reads(record.plan.tasks[number])}
        new = read - found
        found |= new
    return [record.plan.tasks[number] for number in sorted(found)]


def _reads(task: Task) -> set[int]:
    return {number for feed in task.feeds for number in tasks_of(feed.source)} | set(task.guards)


def is_passed_over(task: Task, row: JobRow) -> bool:
    """Says whether others go on although a job is not done: it is lost, which is tolerated."""
    if row.state is JobState.CANCELLED:
        return not row.attempt
    return row.state is JobState.FAILED and task.tolerate is not None and task.tolerate.jobs is not None


def done(record: Record, task: Task, path: Path) -> int:
    """Returns how many jobs of a task below a path are over, as far as others are concerned."""
    counts = record.counts(task.number, path)
    lost = (JobState.FAILED, JobState.CANCELLED)
    passed = sum(is_passed_over(task, row) for row in record.below(task.number, path, *lost)) if counts else 0
    return sum(count for state, count in counts.items() if state in GOOD_JOBS) + passed


def _missing(record: Record, needs: Iterable[Need], path: Path) -> Iterator[tuple[Node, Path]]:
    """Yields which of some needs of a reader at a path are not met."""
    for need in dict.fromkeys(needs):
        at = tuple(path[position] for position in need.positions)
        if not _is_met(record, need.node, at):
            yield need.node, at


def _is_met(record: Record, node: Node, path: Path) -> bool:
    if node.kind == "domain":
        return (node.number, path) in record.flow.frontier.sizes
    task = record.plan.tasks[node.number]
    total = record.total(task, path)
    return total is not None and done(record, task, path) >= total


def _unsized(record: Record, task: Task, path: Path) -> Iterator[Lack]:
    """Yields what must be known before there can be a job of a task at a path: the outermost comes first."""
    for depth in range(len(path)):
        domain = task.chain[depth]
        if (domain, path[:depth]) not in record.flow.frontier.sizes:
            yield Lack(Node("domain", domain), path[:depth])
            return


def unsized_needs(record: Record, domain: int, path: Path) -> list[Lack]:
    """Returns what a domain lacks to be sized below a path."""
    needs = needs_of(record.plan, Node("domain", domain))
    return [Lack(node, at) for node, at in _missing(record, needs, path)]


def _groups(record: Record, task: Task, path: Path) -> Iterator[Lack]:
    """Yields the jobs of the level below that a job of a merge waits for."""
    for below in record.flow.merges.below(task.number, path) or ():
        row = record.job(task.number, below)
        if row is None or row.state not in GOOD_JOBS:
            assert task.merge is not None
            yield Lack(Node("task", task.number), below, (task.merge.input,))
            return
