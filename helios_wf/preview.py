"""What a run would do, without running it: tasks, jobs, event ranges, and what waits for what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from helios_wf.containing import Foreseen
from helios_wf.cwl.command import way_of
from helios_wf.cwl.docker import contained
from helios_wf.engine.frontier import Frontier
from helios_wf.engine.values import Values
from helios_wf.errors import InputError, JobError
from helios_wf.model import Layout, Noun, Tool
from helios_wf.model.noun import Json
from helios_wf.model.plans import Gathered, MergeOutput, Path, Plan, Source, Task
from helios_wf.plan.algebra import tasks_of, walk


class TaskPreview(Noun, frozen=True):
    """One task as it would run.

    ``jobs``, ``ranges`` and ``events`` are None where they depend on what runs before; ``way`` says how its
    tool is run, ``why`` for what reason; ``waits`` what its jobs wait for beyond one job of a task before.
    """

    number: int
    name: str
    way: str
    why: str
    after: tuple[str, ...]
    jobs: int | None
    ranges: int | None
    events: int | None
    waits: tuple[str, ...]
    container: str = ""
    """In which container its tool is run, or why in none; empty where it asks for none."""


class Preview(Noun, frozen=True):
    """A run as it would be: its tasks in order, what would keep it from ending well, and from beginning."""

    tasks: tuple[TaskPreview, ...]
    problems: tuple[str, ...]
    refusal: str = ""


class _Nothing:
    """Outputs before anything ran."""

    def of(self, task: int, path: Path) -> dict[str, Json] | None:
        raise LookupError(task)

    def n_parts(self, task: int, path: Path) -> int:
        raise LookupError(task)

    def load_below(self, task: int, path: Path) -> None:
        raise LookupError(task)

    def merged(self, task: int, path: Path) -> list[dict[str, Json] | None]:
        raise LookupError(task)


def preview(
    plan: Plan,
    inputs: dict[str, Json] | None,
    layout_of: Callable[[str, str | None], Layout],
    containers: Mapping[str, Foreseen] = {},
) -> Preview:
    """Returns what a run of these inputs would do; without inputs, what is known of any run."""
    frontier = Frontier(plan)
    values = Values(plan, inputs or {}, frontier, _Nothing(), layout_of)
    problems = [] if inputs is None else _size_everything(plan, frontier, values)
    bound = inputs is not None
    shown = tuple(
        _task(plan, frontier, values, task, bound, containers.get(task.name)) for task in plan.tasks
    )
    return Preview(shown, tuple(problems))


def check_inputs(plan: Plan, inputs: dict[str, Json], layout_of: Callable[[str, str | None], Layout]) -> None:
    """Makes sure that what split steps cut can be cut, as far as that is known before anything runs.

    Raises:
        InputError: a file is no sound file of events, or a bound is no number of events; all are told.
    """
    if not any(domain.cut for domain in plan.domains):
        return
    frontier = Frontier(plan)
    values = Values(plan, inputs, frontier, _Nothing(), layout_of)
    problems = dict.fromkeys(_size_everything(plan, frontier, values))
    if problems:
        raise InputError("\n".join(problems))


def _size_everything(plan: Plan, frontier: Frontier, values: Values) -> list[str]:
    """Opens all domains that can be sized before anything runs; returns the reasons why some cannot."""
    problems: list[str] = []
    more = True
    while more:
        more = False
        for number, path in list(frontier.domains(10_000)):
            try:
                size, ranges = values.shape(plan.domains[number], path)
            except JobError as error:
                problems.append(str(error))
                continue
            if ranges is not None:
                values.ranges[number, path] = ranges
            frontier.open(number, path, size)
            more = True
    return problems


def _task(
    plan: Plan, frontier: Frontier, values: Values, task: Task, bound: bool, container: Foreseen | None
) -> TaskPreview:
    way, why = way_of_task(task, container)
    if container is not None and container.is_refused:
        way, why = "unsupported", container.text
    after = {other for feed in task.feeds for other in tasks_of(feed.source)} | set(task.guards)
    known = bound and task.merge is None and frontier.is_known(task.number) and not _is_learned(plan, task)
    ranges, events = _ranges(values, task) if known and task.split is not None else (None, None)
    return TaskPreview(
        number=task.number,
        name=task.name,
        way=way,
        why=why,
        after=tuple(plan.tasks[number].name for number in sorted(after)),
        jobs=frontier.totals[task.number] if known else None,
        ranges=ranges,
        events=events,
        waits=tuple(_waits(plan, task)),
        container=container.text if container is not None and not container.is_refused else "",
    )


def _is_learned(plan: Plan, task: Task) -> bool:
    """Says whether how many jobs a task has shows only as they run: of so many seconds, without a guess."""
    fed = {other.split for other in plan.tasks if other.fed}
    cuts = [plan.domains[number].cut for number in task.chain if number in fed]
    return any(cut and cut.field.seconds_per_job and cut.field.seconds_per_event is None for cut in cuts)


def way_of_task(task: Task, container: Foreseen | None = None) -> tuple[str, str]:
    """Returns how a step is run, and for what reason."""
    if task.process is None:
        return "engine", "only its valueFrom and when are evaluated"
    if not isinstance(task.process, Tool):
        return "engine", "an ExpressionTool"
    body = task.process.body
    return way_of(contained(body, container.container) if container and container.container else body)


def _ranges(values: Values, task: Task) -> tuple[int, int]:
    """Returns how many event ranges the paths of a task's split have, and how many events."""
    found = [ranges for (domain, _), ranges in values.ranges.items() if domain == task.split]
    pieces = [
        (first, stop)
        for ranges in found
        for first, stop, *_ in ranges
        if first is not None and stop is not None
    ]
    return len(pieces), sum(stop - first for first, stop in pieces)


def _waits(plan: Plan, task: Task) -> list[str]:
    reasons = []
    for feed in task.feeds:
        for name, what in whole_reads(plan, feed.source):
            merged = task.merge is not None and task.merge.input == feed.name
            why = "a merge reads all its inputs" if merged else what
            reasons.append(f"{feed.name} waits for all of {name}: {why}")
    return reasons


def whole_reads(plan: Plan, source: Source) -> list[tuple[str, str]]:
    """Returns the tasks of which a source needs more than one job, each with the reason."""
    found: dict[str, str] = {}
    for part in walk(source):
        if isinstance(part, Gathered):
            for number in tasks_of(part):
                found.setdefault(plan.tasks[number].name, "it reads the whole array")
        elif isinstance(part, MergeOutput) and plan.tasks[part.task].merge:
            found.setdefault(plan.tasks[part.task].name, "it reads what was merged")
    return list(found.items())
