"""What becomes of the rest of a run when a job failed for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_workflows import Made, Port
from msgspec.structs import replace
from plain_cwl import HERE, file, tool
from worlds import World, clock_of

from helios_wf.config import OnError
from helios_wf.engine.waiting import Waiting
from helios_wf.model import (
    DatasetField,
    EventRange,
    JobSpec,
    MergeField,
    Output,
    Parameter,
    RangeReport,
    Report,
    SplitField,
    Step,
    StepInput,
    TemplateField,
    TolerateField,
    Workflow,
)
from helios_wf.states import Cause, TaskState, TemplateStatus
from helios_wf.store import Store, tasks

FILES = {"type": "array", "items": "File"}
CUT = tool("event_c", {"raw": "File", "first_event": "long?", "n_events": "long?"}, {"out": "File"})
MAP = tool("event_m", {"raw": "File"}, {"out": "File"})
MERGE = tool("merge_m", {"parts": FILES}, {"out": "File"})

BY_EVENTS = SplitField("raw", events_per_job=2)
BY_TIME = SplitField("raw", seconds_per_job=5.0)


def case(field: SplitField, *sizes: int, tolerate: TolerateField | None = None) -> Made:
    """Returns a workflow that cuts files, maps over the parts and merges them; and copies the files."""

    def step(name: str, run: Any, source: str, **more: Any) -> Step:
        port = "parts" if run is MERGE else "raw"
        return Step(name, run, (StepInput(port, HERE, (source,)),), ("out",), HERE, **more)

    workflow = Workflow(
        "made",
        (Parameter("raw", FILES, HERE),),
        (
            Output("copied", FILES, HERE, ("copy/out",)),
            Output("mapped", FILES, HERE, ("map/out",), dataset=DatasetField("m")),
            Output("merged", "File", HERE, ("merge/out",)),
        ),
        (
            step("cut", CUT, "raw", scatter=("raw",), split=field, tolerate=tolerate),
            step("map", MAP, "cut/out", scatter=("raw",)),
            step("merge", MERGE, "map/out", merge=MergeField("parts")),
            step("copy", tool("event_k", {"raw": "File"}, {"out": "File"}), "raw", scatter=("raw",)),
        ),
        HERE,
        template=TemplateField("made", 1, TemplateStatus.ACTUAL),
    )
    raw = [file([f"{index}.{at}" for at in range(size)], str(index)) for index, size in enumerate(sizes)]
    return Made(workflow, {"raw": raw}, {"merged": Port("file")})


class Broken(World):
    """A world in which the first step fails for good on some events; each event takes a second."""

    def __init__(self, store: Store, made: Made, on_error: OnError, bad: set[str], seed: int = 1) -> None:
        self.on_error = on_error
        super().__init__(store, made, f"run{next(count)}", seed, 0.0, bad)

    def report(self, spec: JobSpec) -> Report:
        name, inputs = self.called(spec)
        if name == "event_c" and self.bad.issuperset(inputs["raw"]["events"]):
            return self.broken(spec)
        return super().report(spec)

    def broken(self, spec: JobSpec) -> Report:
        """Returns a report that is final."""
        return replace(self.failed(spec, Cause.EXIT), permanent=True)

    def range_report(self, spec: JobSpec, one: EventRange) -> RangeReport:
        return replace(super().range_report(spec, one), wall_s=1.0 * (one.stop - one.first))

    def states(self) -> dict[str, TaskState]:
        with self.store.read() as tx:
            return {row.name: row.state for row in tasks.list(tx, self.run)}

    def why(self) -> list[str]:
        return Waiting(self.flow).why


count = iter(range(1_000_000))


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(None, Path(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


def played(store: Store, made: Made, on_error: OnError, *bad: str, seed: int = 1) -> Broken:
    world = Broken(store, made, on_error, set(bad), seed)
    with clock_of(world):
        world.play()
    return world


def test_with_continue_everything_that_reads_no_failed_job_is_done(sqlite: Store) -> None:
    world = played(sqlite, case(BY_EVENTS, 4, 4, 4), "continue", "1.2")
    assert world.states() == {
        "cut": TaskState.FAILED,
        "map": TaskState.IN_PROGRESS,
        "merge": TaskState.DEFINED,
        "copy": TaskState.DONE,
    }
    counts = [sum(one.values()) for one in world.flow.tally.counts]
    assert counts == [6, 5, 0, 3]
    assert Waiting(world.flow).outputs == ["mapped", "merged"]
    assert world.why() == [
        "1 job of step 'cut' failed",
        "outputs 'mapped', 'merged' and steps 'map', 'merge' wait for cut[1,1]",
    ]


def test_a_file_whose_first_jobs_fail_keeps_no_other_file_from_being_cut_by_time(sqlite: Store) -> None:
    bad = [f"0.{at}" for at in range(40)]
    world = played(sqlite, case(BY_TIME, 40, 40), "continue", *bad)
    assert (1, (1,)) in world.flow.values.ranges
    reach = {path: found[-1][1] for (_, path), found in world.flow.values.ranges.items()}
    assert reach == {(0,): 40, (1,): 40}
    assert world.states()["copy"] is TaskState.DONE


def test_with_continue_a_step_that_was_given_up_stops_only_what_reads_it(sqlite: Store) -> None:
    made = case(BY_EVENTS, 8, 8, tolerate=TolerateField(jobs=0.1))
    world = played(sqlite, made, "continue", "0.0", "0.2", "1.5")
    assert world.flow.tally.given_up
    assert world.states()["copy"] is TaskState.DONE
    assert world.states()["merge"] is TaskState.DEFINED
    assert world.why()[-1] == "outputs 'mapped', 'merged' and steps 'map', 'merge' wait for step 'cut'"


@pytest.mark.parametrize("seed", range(6))
def test_what_lost_more_than_it_may_is_not_published_even_where_all_of_it_was_done(
    sqlite: Store, seed: int
) -> None:
    made = case(BY_EVENTS, 6, tolerate=TolerateField(jobs=0.4))
    world = played(sqlite, made, "continue", "0.1", "0.5", seed=seed)
    assert world.flow.tally.given_up
    assert Waiting(world.flow).outputs == ["mapped", "merged"]
    assert world.outputs(["mapped", "merged"]).keys() == {"copied"}


def test_with_stop_nothing_new_starts(sqlite: Store) -> None:
    world = played(sqlite, case(BY_EVENTS, 4, 4, 4), "stop", "0.0", "0.2", "1.0", "1.2", "2.0", "2.2")
    assert world.flow.is_failing
    assert world.states()["merge"] is TaskState.DEFINED
    assert world.why()[0].endswith("of step 'cut' failed")
    assert len(world.why()) == 1


def test_with_kill_all_that_runs_is_ended_once(sqlite: Store) -> None:
    world = Broken(sqlite, case(BY_EVENTS, 4, 4, 4), "kill", {"0.0"})
    with clock_of(world):
        with sqlite.write() as tx:
            specs = world.flow.lease(tx, 100)
        assert world.flow.take_doomed() == []
        world.values |= world.flow.specs.definitions
        bad = next(spec for spec in specs if world.is_bad(spec))
        with sqlite.write() as tx:
            world.flow.settle(tx, [world.broken(bad)])
            assert world.flow.lease(tx, 100) == []
        assert set(world.flow.take_doomed()) == {spec.handle for spec in specs} - {bad.handle}
        assert world.flow.take_doomed() == []
