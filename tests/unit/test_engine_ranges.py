"""Event ranges of a whole run: whatever fails or stops on the way, exactly the bad events are lost."""

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

from helios_wf.model import (
    DatasetField,
    MergeField,
    Output,
    Parameter,
    RetryField,
    SplitField,
    Step,
    StepInput,
    TemplateField,
    TolerateField,
    Workflow,
)
from helios_wf.states import JobState, RangeState, TaskState, TemplateStatus
from helios_wf.store import Store, event_ranges, jobs, tasks

FILES = {"type": "array", "items": "File"}
CUT = tool("event_c", {"raw": "File", "first_event": "long?", "n_events": "long?"}, {"out": "File"})
MAP = tool("event_m", {"raw": "File"}, {"out": "File"})
MERGE = tool("merge_m", {"parts": FILES}, {"out": "File"})


LATER = tool("event_d", {"raw": "File"}, {"out": "File"})

CHAIN = Workflow(
    "chain",
    CUT.inputs,
    (Output("out", "File", HERE, ("b/out",)), Output("side", "File", HERE, ("a/out",))),
    (
        Step("a", CUT, tuple(StepInput(p.name, HERE, (p.name,)) for p in CUT.inputs), ("out",), HERE),
        Step("b", LATER, (StepInput("raw", HERE, ("a/out",)),), ("out",), HERE),
    ),
    HERE,
)


def case(
    raw: list[Any],
    field: SplitField,
    retry: RetryField,
    tolerate: float | None,
    mapped: bool,
    run: Any = CUT,
) -> Made:
    """Returns a workflow that cuts files, maybe maps over the parts, and merges."""
    last = "map/out" if mapped else "cut/out"
    steps = [
        Step(
            "cut",
            run,
            (StepInput("raw", HERE, ("raw",)),),
            tuple(output.name for output in run.outputs),
            HERE,
            scatter=("raw",),
            split=field,
            tolerate=None if tolerate is None else TolerateField(events=tolerate),
        ),
        *(
            [Step("map", MAP, (StepInput("raw", HERE, ("cut/out",)),), ("out",), HERE, scatter=("raw",))]
            if mapped
            else []
        ),
        Step(
            "merge",
            MERGE,
            (StepInput("parts", HERE, (last,)),),
            ("out",),
            HERE,
            merge=MergeField("parts", max_inputs=3),
        ),
    ]
    outputs = (
        Output("merged", "File", HERE, ("merge/out",)),
        Output("parts", FILES, HERE, ("cut/out",), dataset=DatasetField("d")),
    )
    template = TemplateField("made", 1, TemplateStatus.ACTUAL)
    workflow = Workflow(
        "made",
        (Parameter("raw", FILES, HERE),),
        outputs,
        tuple(steps),
        HERE,
        template=template,
        retry=retry,
    )
    return Made(workflow, {"raw": raw}, {"merged": Port("file"), "parts": Port("file", ("p",))})


@st.composite
def cases(draw: Callable[[Any], Any], tolerate: float | None = 1.0, run: Any = CUT) -> tuple[Made, list[str]]:
    """Workflows over a few files of up to forty events, and some of these events."""
    sizes = draw(st.lists(st.integers(0, 40), min_size=1, max_size=3))
    raw = [file([f"{index}.{at}" for at in range(size)], str(index)) for index, size in enumerate(sizes)]
    every = [event for one in raw for event in one["events"]]
    size = draw(st.integers(1, 40))
    per_range = draw(st.none() | st.integers(1, 20))
    field = (
        SplitField("raw", events_per_job=size, events_per_range=per_range)
        if draw(st.booleans())
        else SplitField("raw", jobs_per_file=draw(st.integers(1, 3)), events_per_range=per_range)
    )
    retry = RetryField(attempts=draw(st.integers(3, 5)), grow=draw(st.sampled_from([1.0, 2.0])))
    bad = draw(st.lists(st.sampled_from(every), max_size=4, unique=True)) if every else []
    return case(raw, field, retry, tolerate, draw(st.booleans()), run), bad


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(None, Path(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


count = iter(range(1_000_000))

LIMITS = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def played(
    store: Store, made: Made, bad: list[str], seed: int, trouble: float, tool: str = "event_c"
) -> World:
    world = World(store, made, f"run{next(count)}", seed, trouble, bad)
    world.bad_tools = {tool}
    with clock_of(world):
        world.play()
    return world


def without(bad: list[str], value: Any) -> list[str]:
    return [event for event in events_of(value) if not any(f"<{one}>" in event for one in bad)]


@LIMITS
@given(made=cases(), seed=st.integers(0, 2**32), trouble=st.sampled_from([0.0, 0.2]))
def test_exactly_the_bad_events_are_lost(
    sqlite: Store, made: tuple[Made, list[str]], seed: int, trouble: float
) -> None:
    case, bad = made
    world = played(sqlite, case, bad, seed, trouble)
    world.check_ranges(is_over=True)
    assert not world.flow.is_failing
    found, expected = world.outputs(), interpret(case.workflow, case.inputs)
    assert events_of(found["merged"]) == without(bad, expected["merged"])
    assert events_of(found["parts"]) == without(bad, expected["parts"])
    with sqlite.read() as tx:
        counts = event_ranges.counts(tx, world.run).get(0, {})
        first, *_ = tasks.list(tx, world.run)
        event(", ".join(sorted(counts)))
    lost = counts.get(RangeState.FATAL)
    assert (lost.n_events if lost else 0) == len(bad)
    assert first.state is (TaskState.FINISHED if bad else TaskState.DONE)


@LIMITS
@given(made=cases(tolerate=None), seed=st.integers(0, 2**32))
def test_without_tolerance_a_bad_event_fails_the_run_and_is_named(
    sqlite: Store, made: tuple[Made, list[str]], seed: int
) -> None:
    case, bad = made
    world = played(sqlite, case, bad, seed, 0.1)
    if not bad:
        assert world.flow.is_complete
        return
    assert world.flow.failed
    with sqlite.read() as tx:
        (row, *_) = jobs.failures(tx, world.run)
        fatal = event_ranges.list(tx, world.run, 0, row.path, [RangeState.FATAL])
        counts = event_ranges.counts_of(tx, world.run, 0, row.path)
    assert fatal
    assert str(fatal[0].first) in row.message
    assert "bad event" in row.message
    file = world.flow.values.cut_file(world.plan.tasks[0], tuple(map(int, row.path.split("/"))))
    assert file["path"] in row.message
    ends = (RangeState.DONE, RangeState.FATAL, RangeState.CANCELLED)
    accounted = sum(counts[state].n_events for state in ends if state in counts)
    assert accounted == row.stop - row.first
    assert row.state is JobState.FAILED


@LIMITS
@given(
    made=cases(run=CHAIN),
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from([0.0, 0.2]),
    tool=st.sampled_from(["event_c", "event_d"]),
)
def test_exactly_the_bad_events_of_a_chain_are_lost_whichever_of_its_tools_fails(
    sqlite: Store, made: tuple[Made, list[str]], seed: int, trouble: float, tool: str
) -> None:
    case, bad = made
    world = played(sqlite, case, bad, seed, trouble, tool)
    if world.flow.tally.given_up:
        event("taken for a chain that fails on everything")
        assert len(bad) > 1
        return
    assert not world.flow.is_failing
    found, expected = world.outputs(), interpret(case.workflow, case.inputs)
    assert events_of(found["merged"]) == without(bad, expected["merged"])
    assert events_of(found["parts"]) == without(bad, expected["parts"])
    with sqlite.read() as tx:
        rows = event_ranges.list(tx, world.run, states=[RangeState.FATAL])
        totals = {row.number: (row.total, sum(row.counts.values())) for row in tasks.list(tx, world.run)}
        lossy = [row.state for row in tasks.list(tx, world.run) if row.state is TaskState.FINISHED]
        assert len(world.flow.losses.missing(tx)) == (1 if bad else 0)
    assert sum(row.stop - row.first for row in rows) == len(bad)
    assert bool(lossy) == bool(bad)
    assert all(total == n_jobs for total, n_jobs in totals.values())
