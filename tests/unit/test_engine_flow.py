"""One run over a real store: what cannot be expanded, what comes late, what is mended and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plain_cwl import HERE, attempted, file, tool

from helios_wf.cli.progress import Progress
from helios_wf.engine import outputs
from helios_wf.engine.flow import Flow
from helios_wf.errors import FileTruncatedError
from helios_wf.model import (
    Document,
    JobSpec,
    Layout,
    MergeField,
    Output,
    Parameter,
    RangeReport,
    Report,
    RetryField,
    SplitField,
    Step,
    StepInput,
    Workflow,
)
from helios_wf.model.packed import Packed
from helios_wf.plan import plan_document
from helios_wf.states import Cause, JobState, TaskState
from helios_wf.store import Store, jobs, runs, tasks
from helios_wf.store.rows import NewRun, NewTask

FILES = {"type": "array", "items": "File"}
CUT = tool("event_c", {"raw": "File", "first_event": "long?", "n_events": "long?"}, {"out": "File"})
MAP = tool("event_m", {"raw": "File"}, {"out": "File"})
MERGE = tool("merge_m", {"parts": FILES}, {"out": "File"})


def step(name: str, run: Any, port: str, source: str, **more: Any) -> Step:
    return Step(name, run, (StepInput(port, HERE, (source,)),), ("out",), HERE, **more)


SPLIT = step("cut", CUT, "raw", "raw", scatter=("raw",), split=SplitField("raw", events_per_job=2))


class Run:
    """A run whose jobs are done at once; files may be broken, and mended."""

    def __init__(self, folder: Path, *steps: Step, **inputs: Any) -> None:
        self.store = Store.open(None, folder)
        self.broken: set[str] = set()
        outputs = tuple(Output(f"o{n}", FILES, HERE, (f"{s.name}/out",)) for n, s in enumerate(steps[-1:]))
        parameters = tuple(Parameter(name, FILES, HERE) for name in inputs)
        workflow = Workflow("t", parameters, outputs, steps, HERE)
        self.plan = plan_document(Document("t.cwl", "v1.2", workflow, {}, "0"))
        self.inputs = inputs
        with self.store.write() as tx:
            runs.create(tx, NewRun("r", "t", "0", "r"))
            tasks.create(tx, "r", [NewTask(task.number, task.name, "") for task in self.plan.tasks])
        self.start()

    def start(self) -> None:
        """Makes a flow from the store."""
        self.flow = Flow("r", self.plan, self.inputs, "/home", "fake", self.layout_of)
        with self.store.write() as tx:
            self.flow.restore(tx)

    def layout_of(self, path: str, table: str | None) -> Layout:
        if path in self.broken:
            raise FileTruncatedError(f"{path} ends too early")
        return Layout("lines", int(path.split("/")[1]))

    def lease(self, room: int = 100) -> list[JobSpec]:
        with self.store.write() as tx:
            return self.flow.lease(tx, room)

    def settle(self, *reports: Report) -> None:
        with self.store.write() as tx:
            self.flow.settle(tx, reports)

    def finish(self, *specs: JobSpec) -> None:
        """Settles attempts that went well."""
        self.settle(*[attempted(spec, self.flow.specs.definitions) for spec in specs])

    def go_on(self) -> None:
        """Runs until nothing more can be started."""
        while specs := self.lease():
            self.finish(*specs)

    def retry(self) -> None:
        """Tries again what failed, as a resume does."""
        with self.store.write() as tx:
            failed = [(row.task, row.path) for row in jobs.failures(tx, "r")]
            jobs.reset(tx, "r", failed)
        self.start()

    def states(self) -> list[TaskState]:
        with self.store.read() as tx:
            return [row.state for row in tasks.list(tx, "r")]

    def failures(self) -> list[str]:
        with self.store.read() as tx:
            return [row.message for row in jobs.failures(tx, "r")]

    def value(self) -> Any:
        with self.store.read() as tx:
            self.flow.outputs.tx = tx
            return self.flow.values.value(self.plan.outputs[0].source, ())


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    made: list[Run] = []

    def new(*steps: Step, **inputs: Any) -> Run:
        made.append(Run(tmp_path, *steps, **inputs))
        return made[-1]

    yield new
    for run in made:
        run.store.close()


RAW = [file(list("abcd")), file(["e"])]
MERGED = step("merge", MERGE, "parts", "cut/out", merge=MergeField("parts", max_inputs=2))


def test_a_file_that_cannot_be_cut_fails_the_run_and_when_mended_it_goes_on(make) -> None:
    run = make(SPLIT, MERGED, raw=RAW)
    run.broken = {RAW[1]["path"]}
    run.go_on()
    assert run.flow.failed
    (message,) = run.failures()
    assert "ends too early" in message
    assert run.states() == [TaskState.FAILED, TaskState.DEFINED]
    run.broken = set()
    run.retry()
    run.go_on()
    assert run.flow.is_complete
    assert run.states() == [TaskState.DONE, TaskState.DONE]
    assert run.value()["events"] == [f"event_c()<{event}>" for event in "abcde"]


def test_a_merge_whose_files_cannot_be_counted_fails_the_run_and_when_mended_it_goes_on(make) -> None:
    merge = step("merge", MERGE, "parts", "raw", merge=MergeField("parts", target_events=100))
    after = Step(
        "map",
        MAP,
        (StepInput("raw", HERE, ("merge/out",), link_merge="merge_flattened"),),
        ("out",),
        HERE,
        scatter=("raw",),
    )
    collect = step("all", MERGE, "parts", "map/out", merge=MergeField("parts"))
    run = make(merge, after, collect, raw=RAW)
    run.broken = {RAW[0]["path"]}
    run.go_on()
    (message,) = run.failures()
    assert "targetEvents cannot count events" in message
    assert RAW[0]["path"] in message
    run.broken = set()
    run.retry()
    run.go_on()
    assert run.states() == [TaskState.DONE] * 3
    assert run.value()["events"] == [f"event_m()<{event}>" for event in "abcde"]


def test_a_late_report_changes_nothing(make) -> None:
    run = make(step("map", MAP, "raw", "raw", scatter=("raw",)), raw=RAW)
    first, second = run.lease()
    lost = Report(run="r", key=first.key, attempt=1, cause=Cause.CANCELLED)
    run.settle(lost)
    (again,) = run.lease()
    assert (again.key, again.attempt) == (first.key, 2)
    run.finish(first)
    assert not run.flow.frontier.is_complete(0)
    run.finish(again, second)
    run.finish(again, second, first)
    assert run.flow.is_complete
    assert [one["events"] for one in run.value()] == [
        [f"event_m()<{event}>" for event in "abcd"],
        ["event_m()<e>"],
    ]


def test_what_another_engine_handed_out_is_in_flight_with_its_tries(make) -> None:
    run = make(SPLIT, MERGED, raw=RAW)
    first, *_ = run.lease()
    run.settle(Report(run="r", key=first.key, attempt=1, cause=Cause.LOST))
    run.flow.queue._delayed = [(0.0, number, job) for _, number, job in run.flow.queue._delayed]
    (again,) = run.lease()
    before = dict(run.flow.inflight)
    definitions = run.flow.specs.definitions
    run.start()
    run.flow.specs.definitions = definitions
    assert run.flow.inflight == before
    assert run.flow.inflight[again.handle].tries == (2, 0, 1)
    assert run.lease() == []
    assert not run.flow.is_stuck


def test_a_merge_s_job_that_outlived_its_engine_is_settled(make) -> None:
    run = make(step("map", MAP, "raw", "raw", scatter=("raw",)), MERGED_MAP, raw=RAW)
    run.finish(*run.lease())
    (spec,) = run.lease()
    definitions = run.flow.specs.definitions
    run.start()
    run.flow.specs.definitions = definitions
    run.finish(spec)
    assert run.flow.is_complete


MERGED_MAP = step("merge", MERGE, "parts", "map/out", merge=MergeField("parts"))


def test_a_merge_of_what_another_merge_made_goes_on_after_a_restart(make) -> None:
    parts = StepInput("parts", HERE, ("first/out",), link_merge="merge_flattened")
    second = Step("second", MERGE, (parts,), ("out",), HERE, merge=MergeField("parts"))
    run = make(step("first", MERGE, "parts", "raw", merge=MergeField("parts")), second, raw=RAW)
    run.finish(*run.lease())
    (spec,) = run.lease()
    report = attempted(spec, run.flow.specs.definitions)
    run.start()
    run.settle(report)
    assert run.flow.is_complete


def test_a_job_that_no_machine_can_take_fails_and_says_why(make) -> None:
    run = make(step("map", MAP, "raw", "raw", scatter=("raw",)), raw=RAW)
    run.flow.specs.check = lambda resources: ["needs 64 cores; this machine has 2"]
    assert run.lease() == []
    assert run.failures()[0] == "step 'map' can never run here: needs 64 cores; this machine has 2"


def test_after_a_restart_what_is_left_is_given_out_however_little_room_there_is(make) -> None:
    run = make(step("map", MAP, "raw", "raw", scatter=("raw",)), raw=[file([str(n)]) for n in range(50)])
    specs = run.lease()
    run.finish(*specs[:45])
    run.settle(*[Report(run="r", key=s.key, attempt=1, cause=Cause.CANCELLED) for s in specs[45:48]])
    run.settle(*[Report(run="r", key=s.key, attempt=1, cause=Cause.CANCELLED) for s in specs[48:]])
    run.start()
    found = [spec.key for _ in range(5) for spec in run.lease(1)]
    assert found == [spec.key for spec in specs[45:]]


def test_totals_are_told_when_they_are_known(make) -> None:
    run = make(SPLIT, MERGED, raw=RAW)
    specs = run.lease()

    def totals() -> list[int | None]:
        with run.store.read() as tx:
            return [row.total for row in tasks.list(tx, "r")]

    assert totals() == [3, None]
    run.finish(*specs)
    run.go_on()
    assert totals() == [3, 3]
    with run.store.read() as tx:
        assert [row.counts for row in tasks.list(tx, "r")] == [{JobState.DONE: 3}, {JobState.DONE: 3}]


def test_only_what_workers_have_begun_is_shown_as_running(tmp_path: Path) -> None:
    run = Run(
        tmp_path, step("map", MAP, "raw", "raw", scatter=("raw",)), raw=[file([f"x/{n}"]) for n in range(5)]
    )
    specs = run.lease()
    shown = Progress(quiet=True)

    def running() -> list[int]:
        return [line.running for line in shown.lines("r", run.flow)]

    assert running() == [0]
    with run.store.write() as tx:
        run.flow.started(tx, [spec.handle for spec in specs[:2]])
    assert running() == [2]
    run.finish(specs[0])
    assert running() == [1]
    run.start()
    assert running() == [1]


GROWING = RetryField(attempts=4, grow=2.0)


def test_a_job_that_failed_for_memory_or_time_asks_for_more_also_after_a_restart(make) -> None:
    run = make(step("map", MAP, "raw", "raw", scatter=("raw",), retry=GROWING), raw=RAW[:1])
    asked = []
    for cause in (Cause.MEMORY, Cause.TIME_LIMIT, Cause.EXIT, None):
        (spec,) = run.lease()
        asked.append(spec.resources.ram_mb)
        if cause is None:
            break
        run.settle(Report(run="r", key=spec.key, attempt=spec.attempt, cause=cause))
        run.start()
        run.flow.queue._delayed = [(0.0, number, job) for _, number, job in run.flow.queue._delayed]
    assert asked == [256, 512, 1024, 256], "an exit code is not a matter of memory"


def test_ranges_that_failed_for_memory_are_tried_again_with_more_of_it(make) -> None:
    field = SplitField("raw", jobs_per_file=1, events_per_range=2)
    run = make(
        step("cut", CUT, "raw", "raw", scatter=("raw",), split=field, retry=GROWING), MERGED, raw=RAW[:1]
    )
    (spec,) = run.lease()
    first, second = spec.feeding.ranges
    good = attempted(spec, run.flow.specs.definitions).ranges[1]
    bad = RangeReport(first.first, first.stop, first.number, Cause.MEMORY)
    run.settle(Report(run="r", key=spec.key, attempt=1, ranges=(bad, good)))
    (again,) = run.lease()
    assert (again.attempt, again.resources.ram_mb) == (2, 512)
    assert [(one.first, one.number) for one in again.feeding.ranges] == [(first.first, 2)]
    assert second.number == 1
    run.finish(again)
    run.go_on()
    assert run.value()["events"] == [f"event_c()<{event}>" for event in "abcd"]


def test_outputs_of_many_jobs_are_gathered_in_order_and_a_window_at_a_time(make, monkeypatch) -> None:
    scattered = Step("map", MAP, (StepInput("raw", HERE, ("raw",)),), ("out",), HERE, scatter=("raw",))
    run = make(scattered, raw=[file([f"event {number}"]) for number in range(1100)])
    run.go_on()
    expected = list(run.value())
    monkeypatch.setattr(outputs, "AHEAD", 100)
    monkeypatch.setattr(outputs, "MOST_KEPT", 50)
    most = 0

    class Kept(dict[Any, Any]):
        def __setitem__(self, key: Any, value: Any) -> None:
            nonlocal most
            super().__setitem__(key, value)
            most = max(most, len(self))

    run.start()
    run.flow.outputs._kept = Kept()
    found = run.value()
    assert isinstance(found, Packed)
    assert found == expected
    assert ["event 7" in str(one["events"]) for one in found].index(True) == 7
    assert (len(found), most) == (1100, 100)
