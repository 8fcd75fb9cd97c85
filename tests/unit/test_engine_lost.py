"""Jobs lost within ``helios:tolerate: {jobs: F}``: they keep their place until a merge or dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from made_workflows import Made, Port
from plain_cwl import HERE, events_of, file, interpret, tool
from worlds import World, clock_of

from helios_wf.engine import paths
from helios_wf.engine.retrying import Wish, begin_again
from helios_wf.model import (
    DatasetField,
    JobSpec,
    MergeField,
    Output,
    Parameter,
    Report,
    RetryField,
    SplitField,
    Step,
    StepInput,
    TemplateField,
    TolerateField,
    Workflow,
)
from helios_wf.states import Cause, JobState, TaskState, TemplateStatus
from helios_wf.store import Store, jobs, tasks
from helios_wf.store.rows import JobRow

FILES = {"type": "array", "items": "File"}
CUT = tool("event_c", {"raw": "File", "first_event": "long?", "n_events": "long?"}, {"out": "File"})
MAP = tool("event_m", {"raw": "File"}, {"out": "File"})
LATER = tool("event_d", {"raw": "File"}, {"out": "File"})
MERGE = tool("merge_m", {"parts": FILES}, {"out": "File"})
CHAIN = Workflow(
    "chain",
    CUT.inputs,
    (Output("out", "File", HERE, ("b/out",)),),
    (
        Step("a", CUT, tuple(StepInput(p.name, HERE, (p.name,)) for p in CUT.inputs), ("out",), HERE),
        Step("b", LATER, (StepInput("raw", HERE, ("a/out",)),), ("out",), HERE),
    ),
    HERE,
)


def step(name: str, run: Any, source: str, **more: Any) -> Step:
    port = "parts" if run is MERGE else "raw"
    return Step(name, run, (StepInput(port, HERE, (source,)),), ("out",), HERE, **more)


def case(raw: list[Any], field: SplitField | None, run: Any, retry: RetryField, fraction: float) -> Made:
    """Returns a workflow that maps over files (maybe cut) twice, merges, and shows what it made."""
    workflow = Workflow(
        "made",
        (Parameter("raw", FILES, HERE),),
        (
            Output("merged", "File", HERE, ("merge/out",)),
            Output("parts", FILES, HERE, ("cut/out",), dataset=DatasetField("d")),
            Output("mapped", FILES, HERE, ("map/out",), dataset=DatasetField("m")),
        ),
        (
            step("cut", run, "raw", scatter=("raw",), split=field, tolerate=TolerateField(jobs=fraction)),
            step("map", MAP, "cut/out", scatter=("raw",)),
            step("again", MAP, "map/out", scatter=("raw",)),
            step("merge", MERGE, "again/out", merge=MergeField("parts", max_inputs=3)),
        ),
        HERE,
        template=TemplateField("made", 1, TemplateStatus.ACTUAL),
        retry=retry,
    )
    ports = {"merged": Port("file"), "parts": Port("file", ("p",)), "mapped": Port("file", ("p",))}
    return Made(workflow, {"raw": raw}, ports)


def made_files(*sizes: int) -> list[Any]:
    return [file([f"{index}.{at}" for at in range(size)], str(index)) for index, size in enumerate(sizes)]


class Fragile(World):
    """A world in which jobs with a bad event fail, also those that are not cut."""

    def report(self, spec: JobSpec) -> Report:
        """Runs an attempt, or lets it fail."""
        if spec.feeding is None and self.is_bad(spec):
            return self.failed(spec, Cause.EXIT)
        return super().report(spec)

    def rows(self, state: JobState) -> list[JobRow]:
        """Returns the jobs in a state."""
        with self.store.read() as tx:
            return [row for row in jobs.every(tx, self.run) if row.state is state]

    def lost_events(self) -> list[str]:
        """Returns the events of the jobs that failed."""
        found = []
        for row in self.rows(JobState.FAILED):
            events = self.made.inputs["raw"][paths.from_text(row.path)[0]]["events"]
            found += events if row.first is None else events[row.first : row.stop]
        return found

    def states(self) -> dict[str, TaskState]:
        with self.store.read() as tx:
            return {row.name: row.state for row in tasks.list(tx, self.run)}

    def missing(self) -> list[str]:
        with self.store.read() as tx:
            return self.flow.losses.missing(tx)

    def mend(self) -> None:
        """Tries again what failed, with a tool that does all events."""
        self.bad, self.done = set(), set()
        with self.store.write() as tx:
            begin_again(tx, self.run, self.plan, Wish(failed=True))
            self.flow = self._flow()
            self.flow.restore(tx)
        with clock_of(self):
            self.play()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(None, Path(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


count = iter(range(1_000_000))


def played(store: Store, made: Made, bad: list[str], seed: int = 0, trouble: float = 0.0) -> Fragile:
    world = Fragile(store, made, f"run{next(count)}", seed, trouble, bad)
    with clock_of(world):
        world.play()
    return world


def without(lost: list[str], value: Any) -> list[str]:
    return [event for event in events_of(value) if not any(f"<{one}>" in event for one in lost)]


@st.composite
def cases(draw: Callable[[Any], Any]) -> tuple[Made, list[str]]:
    """Workflows over a few files of up to twenty events, and some of these events."""
    raw = made_files(*draw(st.lists(st.integers(0, 20), min_size=1, max_size=4)))
    every = [event for one in raw for event in one["events"]]
    sizes = SplitField(
        "raw", events_per_job=draw(st.integers(1, 10)), events_per_range=draw(st.none() | st.just(3))
    )
    field = draw(st.sampled_from([None, sizes]))
    run = CUT if field is None else draw(st.sampled_from([CUT, CHAIN]))
    retry = RetryField(attempts=3, bisect=draw(st.booleans()))
    bad = draw(st.lists(st.sampled_from(every), max_size=3, unique=True)) if every else []
    return case(raw, field, run, retry, 1.0), bad


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=cases(), seed=st.integers(0, 2**32), trouble=st.sampled_from([0.0, 0.2]))
def test_what_jobs_with_a_bad_event_would_have_made_is_missing_and_nothing_else(
    sqlite: Store, made: tuple[Made, list[str]], seed: int, trouble: float
) -> None:
    workflow, bad = made
    world = played(sqlite, workflow, bad, seed, trouble)
    if world.flow.tally.given_up:
        event("taken for a tool that fails on everything")
        assert len(bad) > 1
        return
    assert world.flow.is_complete
    assert not world.flow.is_failing
    lost = world.lost_events()
    assert set(bad) <= set(lost)
    found, expected = world.outputs(), interpret(workflow.workflow, workflow.inputs)
    for name in ("merged", "parts", "mapped"):
        assert events_of(found[name]) == without(lost, expected[name]), name
    assert bool(world.missing()) == bool(bad)
    assert set(world.states().values()) <= {TaskState.DONE, TaskState.FINISHED}
    with sqlite.read() as tx:
        assert all(row.total == sum(row.counts.values()) for row in tasks.list(tx, world.run))
    world.mend()
    assert events_of(world.outputs()["merged"]) == events_of(expected["merged"])
    assert not world.missing()
    assert set(world.states().values()) == {TaskState.DONE}


def test_jobs_that_read_a_lost_one_are_cancelled_and_say_which_it_was(sqlite: Store) -> None:
    world = played(sqlite, case(made_files(3, 3, 3), None, CUT, RetryField(), 0.4), ["1.0"])
    assert world.states() == {
        "cut": TaskState.FINISHED,
        "map": TaskState.FINISHED,
        "again": TaskState.FINISHED,
        "merge": TaskState.DONE,
    }
    assert [(row.task, row.path, row.message) for row in world.rows(JobState.CANCELLED)] == [
        (1, "1", "its input was lost: cut[1] failed"),
        (2, "1", "its input was lost: cut[1] failed"),
    ]
    assert world.missing() == [
        "step 'cut' lost 1 of 3 jobs: cut[1] (exit)",
        "step 'map' lost 1 of 3 jobs: 1 not run, as what they read is lost",
        "step 'again' lost 1 of 3 jobs: 1 not run, as what they read is lost",
    ]


def test_a_lost_job_of_a_split_step_is_told_with_its_events_and_file(sqlite: Store) -> None:
    raw = made_files(10)
    field = SplitField("raw", events_per_job=2)
    world = played(sqlite, case(raw, field, CUT, RetryField(bisect=False), 0.2), ["0.5"])
    (line, *_) = world.missing()
    assert line.startswith(f"step 'cut' lost 1 of 5 jobs: cut[0,2], events [4, 6) of {raw[0]['path']} (")
    assert "bad event" in line


def test_a_step_that_lost_more_than_it_may_is_given_up_at_once_and_says_so(sqlite: Store) -> None:
    bad = [f"{index}.0" for index in range(20)]
    world = played(sqlite, case(made_files(*[1] * 40), None, CUT, RetryField(attempts=1), 0.05), bad)
    (reason,) = world.flow.tally.given_up.values()
    assert reason.endswith("of its 40 jobs failed for good and 2 may")
    assert world.flow.is_failing
    assert world.states()["cut"] is TaskState.FAILED
    assert 3 <= len(world.rows(JobState.FAILED)) < 20


@pytest.mark.parametrize("fraction", [0.29, 0.07])
def test_a_fraction_means_what_it_says_whatever_its_digits(sqlite: Store, fraction: float) -> None:
    may = round(100 * fraction)
    bad = [f"{index}.0" for index in range(may)]
    made = case(made_files(*[1] * 100), None, CUT, RetryField(attempts=1), fraction)
    assert not played(sqlite, made, bad).flow.is_failing
    assert played(sqlite, made, [*bad, f"{may}.0"]).flow.is_failing
