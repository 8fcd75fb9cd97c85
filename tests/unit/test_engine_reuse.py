"""What a run that takes over what another has done does once that turns out to be gone, or made otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plain_cwl import HERE, attempted, file, layout_of, tool

from helios_wf.engine.flow import Flow
from helios_wf.engine.identity import Identities
from helios_wf.engine.objects import Objects, Seen, State, path_of, placed_in
from helios_wf.engine.reviving import renew
from helios_wf.model import Document, JobSpec, Json, Output, Parameter, Report, Step, StepInput, Workflow
from helios_wf.plan import plan_document
from helios_wf.states import Cause, JobState
from helios_wf.store import Store, jobs, runs, tasks
from helios_wf.store.rows import Lease, NewRun, NewTask, Settlement

MAP = tool("event_m", {"raw": "File", "cut": "int?"}, {"out": "File"})
RAW = file(list("ab"))


class Bench:
    """Runs of one store of a workflow ``first -> second -> third``; ``there`` says what files there are."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(None, folder)
        self.there = {RAW["path"]}
        self.tag = ""

    def begin(self, run: str, **cuts: int) -> None:
        """Begins a run; a step may be given a number, so that it is not the same as in another run."""
        names = ("first", "second", "third")
        sources = ("raw", "first/out", "second/out")
        steps = tuple(
            Step(name, MAP, (StepInput("raw", HERE, (raw,)), StepInput("cut", HERE, (name,))), ("out",), HERE)
            for name, raw in zip(names, sources, strict=True)
        )
        parameters = (Parameter("raw", "File", HERE), *(Parameter(name, "int?", HERE) for name in names))
        outputs = tuple(Output(f"o{name}", "File", HERE, (f"{name}/out",)) for name in names)
        workflow = Workflow("t", parameters, outputs, steps, HERE)
        self.plan = plan_document(Document("t.cwl", "v1.2", workflow, {}, "0"))
        self.inputs = {"raw": RAW, **{name: cuts.get(name) for name in names}}
        self.run = run
        with self.store.write() as tx:
            runs.create(tx, NewRun(run, "t", "0", run))
            tasks.create(tx, run, [NewTask(task.number, task.name, "") for task in self.plan.tasks])
        self.start()

    def start(self) -> None:
        """Makes a flow from the store."""
        self.flow = self._flow()
        with self.store.write() as tx:
            self.flow.restore(tx)

    def _flow(self) -> Flow:
        return Flow(
            self.run,
            self.plan,
            self.inputs,
            "/home",
            "fake",
            layout_of,
            reuses=True,
            identities=Identities({RAW["path"]}, look=self.look),
        )

    def look(self, path: str) -> Seen | None:
        return Seen(10 * len(RAW["events"]), 0, 0) if path in self.there else None

    def lease(self, room: int = 10) -> list[str]:
        """Hands out what can be; returns the steps."""
        with self.store.write() as tx:
            self.specs = self.flow.lease(tx, room)
        return [self.plan.tasks[int(spec.key.partition("/")[0])].name for spec in self.specs]

    def settle(self, *reports: Report) -> None:
        with self.store.write() as tx:
            self.flow.settle(tx, reports)

    def finish(self) -> None:
        """Settles what was handed out last; what it made is another file for each tag."""
        self.settle(*map(self._report, self.specs))

    def _report(self, spec: JobSpec) -> Report:
        report = attempted(spec, self.flow.specs.definitions)
        made: dict[str, Json] = {**report.outputs, "out": self._tagged(report.outputs["out"])}
        self.there.update(path_of(one) for one in placed_in(made))
        return Report(run=report.run, key=report.key, attempt=report.attempt, outputs=made)

    def _tagged(self, value: dict[str, Any]) -> dict[str, Any]:
        return file(value["events"], self.tag)

    def renew(self) -> None:
        assert self.flow.needs_renewal
        old, self.flow = self.flow, self._flow()
        with self.store.write() as tx:
            renew(tx, old, self.flow)

    def go_on(self) -> list[str]:
        """Runs until nothing more can be started; returns the steps that ran."""
        ran: list[str] = []
        while found := self.lease():
            ran += found
            self.finish()
        return ran

    def is_over(self) -> bool:
        return self.flow.is_complete

    def stop(self) -> None:
        """Puts back what was handed out, as an engine does that is interrupted, and begins again."""
        self.settle(
            *[Report(run=s.run, key=s.key, attempt=s.attempt, cause=Cause.CANCELLED) for s in self.specs]
        )
        self.start()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.begin("one")
    assert made.go_on() == ["first", "second", "third"]
    made.there = {RAW["path"]}
    yield made
    made.store.close()


def test_a_run_is_not_complete_while_its_outputs_are_to_be_made_again(bench: Bench) -> None:
    bench.begin("two")
    # another run has all the room
    assert bench.lease(room=1) == []
    with bench.store.write() as tx:
        bench.flow.lease(tx, 0)
    assert not bench.flow.needs_renewal
    assert not bench.is_over()
    assert bench.lease() == []
    bench.renew()
    assert bench.go_on() == ["first", "second", "third"]
    assert bench.is_over()


@pytest.mark.parametrize("is_stopped", [False, True], ids=["", "after it was put back"])
def test_what_follows_from_what_was_made_otherwise_is_made_anew_after_a_restart(
    bench: Bench, is_stopped: bool
) -> None:
    bench.begin("two", third=1)
    assert bench.lease() == []
    bench.renew()
    # second is needed, and to make it first is
    assert bench.lease() == []
    bench.renew()
    assert bench.lease() == ["first"]
    if is_stopped:
        bench.stop()
        assert bench.lease() == ["first"]
    bench.tag = "otherwise"
    bench.finish()
    assert bench.flow.reuse.changed
    assert not bench.is_over()
    # the engine is killed before it does anything about it
    bench.start()
    assert bench.flow.reuse.changed
    assert bench.lease() == []
    bench.renew()
    assert bench.go_on() == ["second", "third"]
    assert bench.is_over()
    bench.start()
    assert bench.is_over()


def test_what_was_made_again_the_same_changes_nothing_after_a_restart(bench: Bench) -> None:
    bench.begin("two", third=1)
    for _ in range(2):
        assert bench.lease() == []
        bench.renew()
    assert bench.lease() == ["first"]
    bench.finish()
    bench.start()
    assert bench.go_on() == ["second", "third"]
    assert bench.is_over()


def made(path: Path, text: str) -> dict[str, Json]:
    """Makes a file as a job does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return {"class": "File", "path": str(path), "basename": path.name, "size": len(text)}


def test_files_of_one_name_that_a_job_passed_on_stay_two(tmp_path: Path) -> None:
    work = tmp_path / "runs" / "one" / "0" / "0"
    passed = [made(work / f"{number}.1" / "out" / "same.txt", f"{number}") for number in range(3)]
    objects = Objects(str(tmp_path), lambda sources: {})
    assert objects.find([(passed, time.time() + 1)]) == [State.THERE]
    folder = tmp_path / "runs" / "two" / "1" / "0" / "job.0"
    found = [Path(one["path"]) for one in objects.brought(passed, str(folder))]
    assert [path.read_text() for path in found] == ["0", "1", "2"]
    assert found[0] == folder / "out" / "same.txt"
    assert all(folder in path.parents for path in found)


def test_of_what_is_partly_gone_the_rest_is_the_run_s_own(tmp_path: Path) -> None:
    work = tmp_path / "runs" / "one" / "0" / "0" / "job.1" / "out"
    outputs = {name: made(work / name, name) for name in ("there", "gone")}
    (work / "gone").unlink()
    objects = Objects(str(tmp_path), lambda sources: {})
    assert objects.find([(outputs, time.time() + 1)]) == [State.GONE]
    folder = tmp_path / "runs" / "two" / "0" / "0" / "job.0"
    found = objects.brought(outputs, str(folder))
    assert found["there"]["path"] == f"{folder}/out/there"
    assert found["gone"] == outputs["gone"]


def test_a_folder_is_what_a_tool_sees_in_it(tmp_path: Path) -> None:
    folder, beside = tmp_path / "folder", tmp_path / "beside"
    beside.mkdir()
    made(beside / "data", "1")
    made(folder / "own", "own")
    value = {"class": "Directory", "path": str(folder), "basename": "folder"}
    seen = [Identities().of(value)]

    def changed() -> bool:
        seen.append(Identities().of(value))
        return bool(seen[-1] != seen[-2])

    (folder / "link").symlink_to(beside / "data")
    assert changed()
    made(beside / "data", "22")
    assert changed()
    (folder / "linked").symlink_to(beside)
    assert changed()
    (folder / "empty").mkdir()
    assert changed()
    (folder / "nowhere").symlink_to(beside / "gone")
    assert changed()
    assert not changed()


def test_of_many_jobs_with_one_key_few_are_looked_at(store: Store) -> None:
    numbers = [str(number) for number in range(20)]
    with store.write() as tx:
        runs.create(tx, NewRun("one", "t", "0", "one"))
        jobs.lease(tx, "one", [Lease(task=7, path=path, attempt=1, key="k") for path in numbers])
        ends = [Settlement(7, path, 1, JobState.DONE, outputs={"n": path}) for path in numbers]
        jobs.settle(tx, "one", ends)
    with store.read() as tx:
        found = jobs.done_with(tx, "two", [("k", "17"), ("k", "99"), ("other", "0")], 2)
        assert [(row.path, row.outputs) for row in found] == [(n, {"n": n}) for n in ("0", "1", "17")]
        assert not [*jobs.done_with(tx, "one", [("k", "1")])]
