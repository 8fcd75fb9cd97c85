"""Runs begun again: once the tool is mended, what was lost is made up for, and nothing else runs again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from made_workflows import Made, made_workflows
from msgspec.structs import replace
from plain_cwl import RejectedError, events_of, interpret, steps_of
from test_engine_ranges import CHAIN, cases
from test_engine_simulation import shown
from worlds import World, clock_of

from helios_wf.engine.retrying import Wish, begin_again
from helios_wf.model import Step, TolerateField, Workflow
from helios_wf.states import RangeState, TaskState
from helios_wf.store import Store, event_ranges, tasks

LIMITS = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(None, Path(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


count = iter(range(1_000_000))


class Everything:
    """Has all there is."""

    def __contains__(self, one: object) -> bool:
        return True


class Inside(set[str]):
    """Events, which are found again in what tools made of them."""

    def isdisjoint(self, events: Iterable[Any]) -> bool:
        return not any(event == one or f"<{one}>" in event for event in events for one in self)


def begun(store: Store, made: Made, bad: list[str], seed: int, trouble: float = 0.0) -> World:
    """Returns a world whose tools cannot do some events, played to its end."""
    world = World(store, made, f"again{next(count)}", seed, trouble, bad)
    world.bad_tools = Everything()  # type: ignore[assignment]
    with clock_of(world):
        world.play()
    return world


def again(world: World, wish: Wish) -> int:
    """Mends the tools, tries again what is wished, and plays to the end; returns how many jobs it was for."""
    world.bad = set()
    world.done = set()
    world.flow = world._flow()
    with world.store.write() as tx:
        n_jobs = begin_again(tx, world.run, world.plan, wish)
        world.flow.restore(tx)
    with clock_of(world):
        world.play()
    return n_jobs


def done_ranges(world: World, task: int = 0) -> dict[tuple[str, int, int], int]:
    """Returns the ranges of a task that are done, each with the number of its tries."""
    with world.store.read() as tx:
        rows = event_ranges.list(tx, world.run, task, states=[RangeState.DONE], limit=100_000)
    return {(row.path, row.first, row.stop): row.number for row in rows}


def check_states(world: World) -> None:
    """Nothing is lost any more, and the counts of jobs are those that there are."""
    with world.store.read() as tx:
        rows = tasks.list(tx, world.run)
        lost = event_ranges.jobs_with_losses(tx, world.run)
    assert not lost
    assert {row.state for row in rows} <= {TaskState.DONE, TaskState.SKIPPED}
    assert all(row.total == sum(row.counts.values()) for row in rows), rows


@LIMITS
@given(
    made=st.one_of(cases(), cases(tolerate=None)),
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from([0.0, 0.2]),
)
def test_lost_events_alone_are_tried_again_and_the_result_is_whole(
    sqlite: Store, made: tuple[Made, list[str]], seed: int, trouble: float
) -> None:
    case, bad = made
    world = begun(sqlite, case, bad, seed, trouble)
    before = done_ranges(world)
    n_jobs = again(world, Wish(ranges=True))
    assert bool(n_jobs) == bool(bad)
    assert world.flow.is_complete
    assert not world.flow.is_failing
    found, expected = world.outputs(), interpret(case.workflow, case.inputs)
    for name in ("merged", "parts"):
        assert events_of(found[name]) == events_of(expected[name])
    after = done_ranges(world)
    assert {key: after[key] for key in before} == before
    world.check_ranges(is_over=True)
    check_states(world)
    assert again(world, Wish(ranges=True)) == 0


@LIMITS
@given(made=cases(run=CHAIN), seed=st.integers(0, 2**32), trouble=st.sampled_from([0.0, 0.2]))
def test_lost_events_of_a_chain_are_tried_again(
    sqlite: Store, made: tuple[Made, list[str]], seed: int, trouble: float
) -> None:
    case, bad = made
    world = begun(sqlite, case, bad, seed, trouble)
    was_given_up = bool(world.flow.tally.given_up)
    again(world, Wish(ranges=True))
    if was_given_up:
        event("taken for a chain that fails on everything")
        again(world, Wish())
    assert world.flow.is_complete
    found, expected = world.outputs(), interpret(case.workflow, case.inputs)
    for name in ("merged", "parts"):
        assert events_of(found[name]) == events_of(expected[name])
    check_states(world)


def tolerant(workflow: Workflow) -> Workflow:
    """Returns a workflow whose split steps tolerate any loss."""

    def changed(step: Step) -> Step:
        run: Any = tolerant(step.run) if isinstance(step.run, Workflow) else step.run
        tolerate = TolerateField(events=1.0) if step.split else None
        return replace(step, run=run, tolerate=tolerate)

    return replace(workflow, steps=tuple(changed(step) for step in workflow.steps))


@LIMITS
@given(made=made_workflows(), seed=st.integers(0, 2**32), data=st.data())
def test_what_follows_from_lost_events_in_any_workflow_is_made_anew(
    sqlite: Store, made: Made, seed: int, data: st.DataObject
) -> None:
    try:
        expected = interpret(made.workflow, made.inputs)
    except RejectedError:
        assume(False)
    assume(any(step.split for step in steps_of(made.workflow)))
    every = sorted(set(events_of(list(files_of(made.inputs)))))
    assume(every)
    bad = data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=4, unique=True))
    world = World(sqlite, made._replace(workflow=tolerant(made.workflow)), f"again{next(count)}", seed, 0.0)
    world.bad, world.bad_tools = Inside(bad), Everything()  # type: ignore[assignment]
    with clock_of(world):
        world.play()
    event("given up" if world.flow.tally.given_up else "failed" if world.flow.failed else "complete")
    n_jobs = again(world, Wish(ranges=True))
    if not world.flow.is_complete:
        n_jobs += again(world, Wish())
    event("some lost" if n_jobs else "nothing lost")
    assert world.flow.is_complete
    found = world.outputs()
    for name, port in made.ports.items():
        assert shown(found[name], port) == shown(expected[name], port), name
    check_states(world)


def files_of(value: Any) -> Iterator[Any]:
    """Yields the files of inputs."""
    if isinstance(value, dict) and "events" in value:
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from files_of(one)
