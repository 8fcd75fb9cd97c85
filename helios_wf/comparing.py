"""Two runs side by side: documents, inputs, options, steps, failures and outputs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath

import msgspec

from helios_wf.failures import Kind, likeness, of_run
from helios_wf.model import Document, Noun, Process, Workflow
from helios_wf.model.documents import Step
from helios_wf.model.noun import Json
from helios_wf.publishing import Options
from helios_wf.store import Tx, documents, jobs, tasks
from helios_wf.store.rows import JobTimes, RunRow, TaskRow
from helios_wf.wording import count_text


class Change(Noun, frozen=True):
    """Something that is not the same: what it was in the first run and is in the second; None: not there."""

    name: str
    was: Json
    now: Json


class StepChange(Noun, frozen=True):
    """A step that one document has and the other has not (``added``, ``removed``), or has otherwise."""

    step: str
    how: str
    lines: tuple[str, ...]
    """Of one that changed, as ``diff -u`` has it."""


class StepRun(Noun, frozen=True):
    """What became of the jobs of a step in one run; times are sums over its jobs, in seconds.

    ``wait_s`` is from hand-out to begin.
    """

    state: str
    jobs: int
    reused: int
    failed: int
    wall_s: float
    cpu_s: float
    wait_s: float


class StepRuns(Noun, frozen=True):
    """A step in both runs; None where there is none of its name."""

    step: str
    was: StepRun | None
    now: StepRun | None


class Failures(Noun, frozen=True):
    """Kinds of failures: those that only the second run has, only the first, and both."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    same: tuple[str, ...]


class Difference(Noun, frozen=True):
    """Two runs side by side."""

    runs: tuple[str, str]
    states: tuple[str, str]
    documents: tuple[str, str]
    document_is_same: bool
    document: tuple[StepChange, ...]
    inputs: tuple[Change, ...]
    options: tuple[Change, ...]
    steps: tuple[StepRuns, ...]
    failures: Failures
    outputs: tuple[Change, ...]
    """Outputs that differ, by content."""

    @property
    def is_empty(self) -> bool:
        """Whether both mean and give the same; how long it took does not count."""
        same = self.document_is_same or not self.document
        failed = self.failures.new or self.failures.gone
        return same and not (self.inputs or self.options or self.outputs or failed)


def compare(tx: Tx, was: RunRow, now: RunRow) -> Difference:
    """Returns what differs between two runs."""
    before, after = _document(tx, was), _document(tx, now)
    return Difference(
        runs=(was.id, now.id),
        states=(was.state, now.state),
        documents=(before.path, after.path),
        document_is_same=before.digest == after.digest,
        document=tuple(_steps(before.process, after.process)),
        inputs=tuple(_changes(_plain(was.inputs or {}), _plain(now.inputs or {}))),
        options=tuple(_changes(_options(was), _options(now))),
        steps=tuple(_side_by_side(_ran(tx, was.id), _ran(tx, now.id))),
        failures=_failures(of_run(tx, was.id), of_run(tx, now.id)),
        outputs=tuple(_changes(_plain(was.outputs or {}), _plain(now.outputs or {}))),
    )


def _document(tx: Tx, run: RunRow) -> Document:
    return msgspec.json.decode(documents.get(tx, run.document), type=Document)


# -- documents ---------------------------------------------------------------------------------------------


def _steps(was: Process, now: Process) -> Iterator[StepChange]:
    before, after = dict(_parts("", was)), dict(_parts("", now))
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in after:
            yield StepChange(name, "removed", ())
        elif name not in before:
            yield StepChange(name, "added", ())
        elif before[name] != after[name]:
            lines = difflib.unified_diff(before[name], after[name], "before", "after", lineterm="", n=2)
            yield StepChange(name, "changed", tuple(lines))


def _parts(name: str, process: Process) -> Iterator[tuple[str, list[str]]]:
    """Yields the parts of a process by step, as lines: what it runs, how it is called, what it has itself."""
    if not isinstance(process, Workflow):
        yield name or "the tool", _lines(process.body)
        return
    own = {key: getattr(process, key) for key in ("inputs", "outputs", "template", "retry", "tolerate")}
    yield f"{name} (the workflow)".strip(), _lines(own)
    for step in process.steps:
        at = f"{name}/{step.name}".lstrip("/")
        yield f"{at} (how it is called)", _lines(_call(step))
        yield from _parts(at, step.run)


def _call(step: Step) -> dict[str, Json]:
    fields: dict[str, Json] = msgspec.to_builtins(step)
    return {key: value for key, value in fields.items() if key not in ("run", "place")}


def _lines(value: Json) -> list[str]:
    return list(_told(_without_places(msgspec.to_builtins(value)), 0))


def _without_places(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without_places(one) for key, one in value.items() if key != "place"}
    return [_without_places(one) for one in value] if isinstance(value, list | tuple) else value


def _told(value: Json, depth: int) -> Iterator[str]:
    """Yields a value in lines, each with one thing, so that a difference is one line."""
    indent = "  " * depth
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in items:
        start = f"{indent}{key}:" if isinstance(value, dict) else f"{indent}-"
        if isinstance(one, dict | list) and one:
            yield start
            yield from _told(one, depth + 1)
        else:
            text = one if isinstance(one, str) else msgspec.json.encode(one).decode()
            yield from (f"{start} {line}" for line in str(text).splitlines() or [""])


# -- inputs, options, outputs ------------------------------------------------------------------------------


_OPTIONS = ("keep", "on_error", "reuse", "changes", "containers")


def _options(run: RunRow) -> dict[str, Json]:
    """Returns what a run was started with besides; not what follows from that."""
    given = msgspec.convert(run.options, Options)
    return {name: msgspec.to_builtins(getattr(given, name)) for name in _OPTIONS} | {"datasets": run.datasets}


def _plain(value: Json) -> Json:
    """Returns a value with files by content, where that is known, or by path; folders by what is in them."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") == "Directory" and "listing" in value:
        name = value.get("basename") or PurePath(str(value.get("path"))).name
        return {"class": "Directory", "name": name, "listing": _plain(value["listing"])}
    if value.get("class") != "File":
        return {key: _plain(one) for key, one in value.items() if key != "location"}
    known = {"name": value.get("basename") or PurePath(str(value.get("path"))).name}
    known |= {key: value[key] for key in ("size", "checksum", "contents") if key in value}
    if "checksum" not in known and "contents" not in known:
        known["path"] = value.get("path") or value.get("location")
    if value.get("secondaryFiles"):
        known["beside"] = _plain(value["secondaryFiles"])
    return known


def _changes(was: Mapping[str, Json], now: Mapping[str, Json]) -> Iterator[Change]:
    for name in [*was, *(name for name in now if name not in was)]:
        yield from _change(name, was.get(name), now.get(name))


def _change(name: str, was: Json, now: Json) -> Iterator[Change]:
    """Yields what differs: of lists of one length the elements."""
    if was == now:
        return
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _change(f"{name}[{index}]", one, other)
    else:
        yield Change(name, was, now)


# -- steps and failures ------------------------------------------------------------------------------------


def _ran(tx: Tx, run: str) -> dict[str, StepRun]:
    times = jobs.times(tx, run)
    return {one.name: _step(one, times.get(one.number, JobTimes())) for one in tasks.list(tx, run)}


def _step(task: TaskRow, times: JobTimes) -> StepRun:
    return StepRun(
        state=task.state,
        jobs=sum(task.counts.values()),
        reused=task.reused,
        failed=sum(count for state, count in task.counts.items() if state == "FAILED"),
        wall_s=times.wall_s,
        cpu_s=times.cpu_s,
        wait_s=times.wait_s,
    )


def _side_by_side(was: Mapping[str, StepRun], now: Mapping[str, StepRun]) -> Iterator[StepRuns]:
    for name in [*was, *(name for name in now if name not in was)]:
        yield StepRuns(name, was.get(name), now.get(name))


def _failures(was: Sequence[Kind], now: Sequence[Kind]) -> Failures:
    before, after = _kinds(was), _kinds(now)
    return Failures(
        tuple(text for key, text in after.items() if key not in before),
        tuple(text for key, text in before.items() if key not in after),
        tuple(text for key, text in after.items() if key in before),
    )


def _kinds(kinds: Sequence[Kind]) -> dict[tuple[str, str, str], str]:
    """Returns kinds in words, by what they have in common with those of another run."""
    known: dict[tuple[str, str, str], list[Kind]] = {}
    for kind in kinds:
        known.setdefault((kind.step, str(kind.cause), likeness(kind.why)), []).append(kind)
    return {key: _in_words(alike) for key, alike in known.items()}


def _in_words(alike: Sequence[Kind]) -> str:
    n_jobs = sum(kind.n_jobs for kind in alike)
    return f"{alike[0].step}, {count_text(n_jobs, 'job')}: {alike[0].why}"
