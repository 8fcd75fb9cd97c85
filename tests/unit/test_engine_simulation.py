"""Random workflows through plan, frontier, values and flow equal what plain CWL says they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from made_workflows import Made, Port, made_workflows
from plain_cwl import RejectedError, call, events_of, interpret, plain, steps_of
from worlds import World, clock_of, inputs_of

from helios_wf.errors import JobError
from helios_wf.model import digest
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
        assert not world.flow.failed, world.flow.failed
        found = world.outputs()
        world.check_ranges(is_over=True)
    for name, port in made.ports.items():
        assert shown(found[name], port) == shown(expected[name], port), name
    if not any(step.split or step.merge for step in steps_of(made.workflow)):
        assert world.calls == calls
    with store.read() as tx:
        assert all(row.total == sum(row.counts.values()) for row in tasks.list(tx, world.run))


@LIMITS
@given(made=made_workflows(), seed=st.integers(0, 2**32))
def test_a_run_means_what_plain_cwl_means(sqlite: Store, made: Made, seed: int) -> None:
    compare(sqlite, made, seed, 0.0)


@LIMITS
@given(made=made_workflows(), seed=st.integers(0, 2**32))
def test_failures_and_restarts_at_any_moment_change_nothing(sqlite: Store, made: Made, seed: int) -> None:
    compare(sqlite, made, seed, 0.3)
