"""Random workflows through plan, frontier, values and flow equal what plain CWL says they mean."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from made_workflows import Made, Port, made_workflows
from msgspec.structs import replace
from plain_cwl import RejectedError, call, events_of, interpret, plain, steps_of
from worlds import World, clock_of, inputs_of

from helios_wf.engine.waiting import Waiting
from helios_wf.errors import JobError
from helios_wf.model import EventRange, JobSpec, RangeReport, Report, digest
from helios_wf.states import Cause, JobState
from helios_wf.store import Store, tasks


def shown(value: Any, port: Port) -> Any:
    """Returns a value as it compares: where parts stand, only the events count."""
    if not port.shows_parts:
        return plain(value)
    if port.dims[0][0] in "pt":
        return sorted(events_of(value)) if len(port.dims) > 1 else events_of(value)
    return [shown(one, port.element) for one in value or ()]


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(None, Path(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


count = iter(range(1_000_000))

LIMITS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


def compare(store: Store, made: Made, seed: int, trouble: float) -> None:
    calls: Counter[str] = Counter()

    def run(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        calls[digest([name, plain(inputs_of(inputs))])] += 1
        return call(name, inputs)

    try:
        expected = interpret(made.workflow, made.inputs, run)
    except RejectedError as error:
        expected = None
        event(f"rejected: {error}")
    world = World(store, made, f"run{next(count)}", seed, trouble)
    with clock_of(world):
        world.play()
        if expected is None:
            if not world.flow.failed:
                with pytest.raises(JobError):
                    world.outputs()
            return
        check(world, expected, calls)


def check(world: World, expected: dict[str, Any], calls: Counter[str]) -> None:
    """Makes sure that a run is complete, and has made what plain CWL makes, with the same calls."""
    made = world.made
    assert not world.flow.failed, world.flow.failed
    found = world.outputs()
    world.check_ranges(is_over=True)
    for name, port in made.ports.items():
        assert shown(found[name], port) == shown(expected[name], port), name
    if not any(step.split or step.merge for step in steps_of(made.workflow)):
        assert world.calls == calls
    with world.store.read() as tx:
        assert all(row.total == sum(row.counts.values()) for row in tasks.list(tx, world.run))


class Failing(World):
    """A world in which some jobs fail for good, chosen by their tool and inputs, until it is mended."""

    on_error = "continue"
    is_mended = False

    def report(self, spec: JobSpec) -> Report:
        if self.is_broken(spec):
            self.hands.pop(spec.handle, None)
            return replace(self.failed(spec, Cause.EXIT), permanent=True)
        return super().report(spec)

    def range_report(self, spec: JobSpec, one: EventRange) -> RangeReport:
        report = super().range_report(spec, one)
        return RangeReport(one.first, one.stop, one.number, Cause.EXIT) if self.is_broken(spec) else report

    def is_broken(self, spec: JobSpec) -> bool:
        name, inputs = self.called(spec)
        named = digest([name, plain(inputs_of(inputs))])
        return not self.is_mended and (int(named[:8], 16) + self.seed) % 6 == 0


THERE: set[str] = set()
"""Where files that jobs of all runs made still are."""


def compare_reusing(store: Store, made: Made, seed: int, trouble: float) -> World | None:
    """Plays a run that reuses what others did, and returns it where plain CWL gives outputs."""
    try:
        expected = interpret(made.workflow, made.inputs)
    except RejectedError:
        return None
    world = World(store, made, f"run{next(count):07d}", seed, trouble, there=THERE)
    with clock_of(world):
        world.play()
        assert not world.flow.failed, world.flow.failed
        found = world.outputs()
        world.check_ranges(is_over=True)
    world.check_inputs(found)
    for name, port in made.ports.items():
        assert shown(found[name], port) == shown(expected[name], port), name
    with store.read() as tx:
        assert all(row.total == sum(row.counts.values()) for row in tasks.list(tx, world.run))
    return world


FEWER = settings(LIMITS, max_examples=60)


@FEWER
@given(made=made_workflows(), seed=st.integers(0, 2**32), trouble=st.sampled_from([0.0, 0.3]))
def test_a_run_that_was_done_is_done_again_without_any_job(
    sqlite: Store, made: Made, seed: int, trouble: float
) -> None:
    if compare_reusing(sqlite, made, seed, trouble) is None:
        return
    again = compare_reusing(sqlite, made, seed, trouble)
    assert again is not None
    assert not again.handles


@FEWER
@given(
    made=made_workflows(),
    seed=st.integers(0, 2**32),
    trouble=st.sampled_from([0.0, 0.3]),
    gone=st.sampled_from([0.1, 0.5, 1.0]),
)
def test_what_is_gone_is_made_again_where_it_is_needed(
    sqlite: Store, made: Made, seed: int, trouble: float, gone: float
) -> None:
    first = compare_reusing(sqlite, made, seed, 0.0)
    if first is None:
        return
    rng = random.Random(seed)
    lost = [path for path in sorted(THERE) if rng.random() < gone]
    THERE.difference_update(lost)
    compare_reusing(sqlite, made, seed, trouble)
    changed = {name: f"{value}!" if isinstance(value, str) else value for name, value in made.inputs.items()}
    compare_reusing(sqlite, made._replace(inputs=changed), seed, trouble)


@LIMITS
@given(made=made_workflows(), seed=st.integers(0, 2**32))
def test_a_run_means_what_plain_cwl_means(sqlite: Store, made: Made, seed: int) -> None:
    compare(sqlite, made, seed, 0.0)


@LIMITS
@given(made=made_workflows(), seed=st.integers(0, 2**32), trouble=st.sampled_from([0.0, 0.3]))
def test_what_depends_on_no_failed_job_is_done_and_the_rest_once_it_is_mended(
    sqlite: Store, made: Made, seed: int, trouble: float
) -> None:
    calls: Counter[str] = Counter()

    def run(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        calls[digest([name, plain(inputs_of(inputs))])] += 1
        return call(name, inputs)

    try:
        expected = interpret(made.workflow, made.inputs, run)
    except RejectedError:
        return
    world = Failing(sqlite, made, f"run{next(count)}", seed, trouble)
    with clock_of(world):
        world.play()
        waiting = Waiting(world.flow)
        event(f"{min(len(world.flow.failed), 3)} failed, {'some' if waiting.outputs else 'no'} outputs wait")
        assert bool(waiting.steps) == world.flow.has_failed
        for name, value in world.outputs(waiting.outputs).items():
            assert shown(value, made.ports[name]) == shown(expected[name], made.ports[name]), name
        with sqlite.read() as tx:
            ready = {row.number for row in tasks.list(tx, world.run) if row.counts.get(JobState.READY)}
        assert ready <= world.flow.tally.given_up.keys()
        world.is_mended = True
        world.begin_again()
        world.play()
        check(world, expected, calls)


@LIMITS
@given(made=made_workflows(), seed=st.integers(0, 2**32))
def test_failures_and_restarts_at_any_moment_change_nothing(sqlite: Store, made: Made, seed: int) -> None:
    compare(sqlite, made, seed, 0.3)
