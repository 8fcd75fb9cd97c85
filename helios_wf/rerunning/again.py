"""What is run when a job is run once more: its tool, inputs and what it asks for, as the engine had them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count, islice
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.cwl.files import is_placed, to_location, to_path
from helios_wf.cwl.inputs import change_files
from helios_wf.cwl.javascript import complete
from helios_wf.engine.job import Job
from helios_wf.engine.merges import merge_inputs
from helios_wf.engine.places import place_of
from helios_wf.engine.repair import GROWS, grow
from helios_wf.errors import JobError, RunError
from helios_wf.explaining.attempts import attempts
from helios_wf.explaining.lacking import lacking
from helios_wf.failures import job_name
from helios_wf.model import EventRange, Feeding, JobSpec, Json, Resources, Tool
from helios_wf.model.plans import Path as Index
from helios_wf.model.plans import Task
from helios_wf.record import Record, Spot
from helios_wf.states import RangeState
from helios_wf.store import event_ranges, log, publications
from helios_wf.store.rows import RangeRow
from helios_wf.tables.ranges import LOST

PAGE = 1000

MOST_NAMED = 5
"""Jobs that a message names."""


class Again(NamedTuple):
    """A job to be run once more; ``ranges`` are those of its events that are, none where it has none."""

    name: str
    task: Task
    spec: JobSpec
    tool: Json
    constants: dict[str, Json]
    ranges: tuple[EventRange, ...] = ()
    n_ranges: int = 0
    """How many event ranges the job has."""


def again(record: Record, spot: Spot, folder: Path, attempt: int | None, every_range: bool) -> Again:
    """Returns what to run to run a job once more.

    Args:
        record: of its run.
        spot: the job.
        folder: where it is to run; it does not exist.
        attempt: as which of its attempts, for what it asked for; None: the last.
        every_range: all its event ranges, not only those that failed where some did.

    Raises:
        RunError: it is not one job, cannot be run yet, or its inputs are gone.
        JobError: what failed then, before its tool could be started.
    """
    task, path = _one(record, spot), spot.path
    name = f"{record.run.id}/{job_name(task.name, path)}"
    if record.job(task.number, path) is None and lacking(record, task, path):
        raise RunError(f"{name} cannot be run: its inputs are not there; {_asking(name)} why")
    inputs, resources, constants = _evaluated(record, task, path, name)
    gone: dict[str, str] = {}
    inputs, constants = (_found(record, values, gone) for values in (inputs, constants))
    if gone:
        raise RunError(_told_gone(record, name, gone))
    number = int(folder.name.rpartition(".")[2])
    first, stop = record.flow.values.events(task, path[: len(task.chain)])
    spec = JobSpec(
        run=f"{record.run.id}-rerun",
        key="/".join(map(str, (task.number, *path))),
        attempt=number,
        tool="",
        directory=str(folder),
        inputs=inputs,
        resources=_grown(record, task, path, name, attempt, resources),
        first=first,
        stop=stop,
    )
    tool = record.flow.ways.definition(task.number)
    if not record.flow.ledger.covers(Job(task.number, path)):
        return Again(name, task, spec, tool, constants)
    return _with_ranges(record, Again(name, task, spec, tool, constants), path, every_range)


def fresh_folder(record: Record, spot: Spot) -> Path:
    """Returns a folder that does not exist yet, for a job to be run in once more."""
    name = "-".join(map(str, spot.path)) or "job"
    place = record.home / "reruns" / record.run.id / str(spot.task.number)
    return next(path for n in count(1) if not (path := place / f"{name}.{n}").exists())


def _one(record: Record, spot: Spot) -> Task:
    """Returns the task of a job that runs a tool.

    Raises:
        RunError: it is many jobs, or one that the engine itself does.
    """
    if not spot.is_job:
        tools = [task for task in spot.tasks if isinstance(task.process, Tool)]
        jobs = (job_name(task.name, path) for task in tools for path in record.paths(task, spot.path))
        some = list(islice(jobs, MOST_NAMED + 1))
        more = " and more" if len(some) > MOST_NAMED else ""
        raise RunError(
            f"{spot.name or record.run.id} is not one job; name one as RUN/step[index]: "
            f"{', '.join(some[:MOST_NAMED]) or 'none is known yet'}{more}"
        )
    if not isinstance(spot.task.process, Tool):
        raise RunError(f"{spot.name} runs no tool: the engine evaluates it; helios-wf explain says more")
    return spot.task


def _asking(name: str) -> str:
    return f"helios-wf explain {quote(name)} says"


def _evaluated(
    record: Record, task: Task, path: Index, name: str
) -> tuple[dict[str, Json], Resources, dict[str, Json]]:
    flow = record.flow
    evaluator = flow.specs.of(task.number)
    try:
        override = merge_inputs(flow, task, path) if task.merge is not None else None
        inputs = complete(evaluator.inputs(path[: len(task.chain)], override))
        if inputs is None:
            raise RunError(f"{name} was skipped: its condition is false; {_asking(name)} more")
        return inputs, complete(evaluator.resources(inputs)), evaluator.shared()
    except JobError as error:
        place = place_of(record.plan, task.number, error.expression)
        raise JobError(error.cause, f"{place}{error}", error.expression) from error


def _grown(
    record: Record, task: Task, path: Index, name: str, attempt: int | None, resources: Resources
) -> Resources:
    """Returns what an attempt of a job asked for: more than the first, where it needed more."""
    text = "/".join(map(str, path))
    tries = attempts(log.of_job(record.tx, record.run.id, task.number, text), task.retry.grow)
    if attempt is not None and attempt not in [one.number for one in tries]:
        had = f"it has had {len(tries)}, counted from 1" if tries else "it has had none"
        raise RunError(f"{name} has no attempt {attempt}; {had}")
    before = [one for one in tries if one.number < (attempt or tries[-1].number)] if tries else []
    if task.fed is not None or not before or before[-1].cause not in GROWS:
        return resources
    return grow(resources, task.retry.grow ** sum(one.counted == "charged" for one in before))


# -- inputs ------------------------------------------------------------------------------------------------


def _found(record: Record, values: dict[str, Json], gone: dict[str, str]) -> dict[str, Json]:
    """Returns inputs with each file where it is now; those that are nowhere go to ``gone``, with theirs."""
    published = {
        one.source: one.destination for one in publications.list(record.tx, record.run.id) if one.published
    }

    def find(file: dict[str, Json], name: str) -> dict[str, Json]:
        path = _path_of(file) if is_placed(file) else None
        if beside := file.get("secondaryFiles"):
            file["secondaryFiles"] = [find(one, name) for one in beside]
        if path is None or Path(path).exists():
            return file
        place = published.get(path)
        if place is None or not Path(place).exists():
            gone[path] = name
            return file
        return {**file, "path": place, "location": to_location(place)}

    return {name: change_files(value, partial(find, name=name)) for name, value in values.items()}


def _path_of(file: Mapping[str, Json]) -> str | None:
    if file.get("path"):
        return str(file["path"])
    try:
        return to_path(str(file["location"]))
    except JobError:
        # somewhere else, where the runner says what it thinks of it
        return None


def _told_gone(record: Record, name: str, gone: Mapping[str, str]) -> str:
    lines = [f"{name} cannot be run again: some of its inputs are gone"]
    for path, given in list(gone.items())[:5]:
        maker = _maker(record, path)
        by = (
            f", which {maker} made (helios-wf rerun {quote(f'{record.run.id}/{maker}')} makes it anew)"
            if maker
            else ""
        )
        lines.append(f"input {given!r}: {path}{by}")
    lines += [f"and {len(gone) - 5:,} more"] if len(gone) > 5 else []
    lines.append("with --keep all, a run keeps the folders of all its jobs until helios-wf clean")
    return "\n  ".join(lines)


def _maker(record: Record, path: str) -> str:
    """Returns the job in whose folder a path is; empty where it is in none."""
    home = record.home / "runs" / record.run.id
    if not Path(path).is_relative_to(home):
        return ""
    task, _, folder, *_ = Path(path).relative_to(home).parts
    index = folder.rpartition(".")[0]
    return job_name(record.plan.tasks[int(task)].name, "" if index == "job" else index.replace("-", "/"))


# -- event ranges ------------------------------------------------------------------------------------------


def _with_ranges(record: Record, one: Again, path: Index, every_range: bool) -> Again:
    """Returns the same with the event ranges that it is to be run for."""
    task, spec = one.task, one.spec
    fed = task.fed
    assert fed is not None
    rows = list(_rows(record, task, "/".join(map(str, path))))
    lost = [row for row in rows if row.state in LOST]
    chosen = lost if lost and not every_range else [row for row in rows if row.state is not RangeState.SPLIT]
    spans = sorted((row.first, row.stop) for row in chosen)
    assert spec.first is not None
    assert spec.stop is not None
    reach = max((row.stop for row in rows), default=spec.first)
    if reach < spec.stop and (every_range or not lost):
        # what was never cut
        spans.append((reach, spec.stop))
    ranges = tuple(EventRange(first, stop) for first, stop in spans)
    told = (fed.first, fed.count)
    feeding = Feeding(fed.way, ranges, fed.first, fed.count, fed.file, fed.switch)
    inputs = {name: value for name, value in spec.inputs.items() if name not in told}
    total = sum(row.state is not RangeState.SPLIT for row in rows) + (reach < spec.stop)
    return one._replace(spec=replace(spec, inputs=inputs, feeding=feeding), ranges=ranges, n_ranges=total)


def _rows(record: Record, task: Task, path: str) -> Iterator[RangeRow]:
    last = None
    while page := event_ranges.list(record.tx, record.run.id, task.number, path, limit=PAGE, after=last):
        yield from page
        last = page[-1]
