"""Random workflows through plan, frontier, values and flow equal what plain CWL says they mean."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from made_workflows import Made, Port, made_workflows
from plain_cwl import RejectedError, call, events_of, interpret, layout_of, plain, steps_of

from helios_wf.engine import flow as flow_module
from helios_wf.engine import paths
from helios_wf.engine import queue as queue_module
from helios_wf.engine.flow import Flow
from helios_wf.errors import JobError
from helios_wf.model import JobSpec, Json, Report, digest
from helios_wf.plan import plan_document
from helios_wf.states import Cause, JobState
from helios_wf.store import Store, jobs, runs, tasks
from helios_wf.store.rows import NewRun, NewTask, Settlement


class World:
    """A store, a backend that settles in random order, and an engine that may stop at any moment."""

    def __init__(self, store: Store, made: Made, run: str, seed: int, trouble: float) -> None:
        self.store = store
        self.made = made
        self.run = run
        self.random = random.Random(seed)
        self.trouble = trouble
        self.plan = plan_document(made.document)
        self.clock = 1000.0
        self.values: dict[str, Json] = {}
        self.running: list[JobSpec] = []
        self.done: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.handles: set[str] = set()
        self.flow = self._flow()
        with store.write() as tx:
            runs.create(tx, NewRun(run, "made", "0", run))
            tasks.create(tx, run, [NewTask(task.number, task.name, "") for task in self.plan.tasks])
            self.flow.restore(tx)

    def _flow(self) -> Flow:
        return Flow(self.run, self.plan, self.made.inputs, "/home", "fake", layout_of)

    def play(self) -> None:
        """Takes random steps until the run is over."""
        for _ in range(10_000):
            if self.flow.is_complete and not self.running:
                return
            if self.flow.failed and not self.running:
                return
            self.clock += 100.0
            self.step()
            assert self.running or not self.flow.is_stuck, "the engine is stuck"
        raise AssertionError("the run does not end")

    def step(self) -> None:
        """Leases some, settles some, or starts anew from the store."""
        if self.random.random() < self.trouble:
            self.restart()
        settled = [spec for spec in self.running if self.random.random() < 0.6]
        self.random.shuffle(settled)
        self.running = [spec for spec in self.running if spec not in settled]
        reports = [self.report(spec) for spec in settled]
        with self.store.write() as tx:
            self.flow.started(tx, [spec.handle for spec in self.running if self.random.random() < 0.5])
            self.flow.settle(tx, reports)
            specs = self.flow.lease(tx, self.random.randint(0, 5))
        self.flow.outputs.trim()
        self.values |= self.flow.specs.definitions
        self.flow.specs.definitions = {}
        for spec in specs:
            assert spec.handle not in self.handles, f"{spec.handle} was given out twice"
            assert spec.key not in self.done, f"{spec.key} was done already"
            self.handles.add(spec.handle)
        self.running += specs

    def restart(self) -> None:
        """Forgets the flow; some attempts go on, the others are put back."""
        gone = [spec for spec in self.running if self.random.random() < 0.7]
        self.running = [spec for spec in self.running if spec not in gone]
        self.flow = self._flow()
        with self.store.write() as tx:
            jobs.settle(tx, self.run, [self._put_back(spec) for spec in gone])
            self.flow.restore(tx)
        assert set(self.flow.inflight) == {spec.handle for spec in self.running}

    def _put_back(self, spec: JobSpec) -> Settlement:
        task, path = paths.from_key(spec.key)
        return Settlement(
            task,
            paths.to_text(path),
            spec.attempt,
            JobState.READY,
            cause=Cause.CANCELLED,
            charged=False,
        )

    def report(self, spec: JobSpec) -> Report:
        """Runs an attempt, or lets it fail in a way that is tried again."""
        if spec.attempt < 3 and self.random.random() < self.trouble:
            cause = self.random.choice([Cause.EXIT, Cause.LOST, Cause.SIGNAL, Cause.CANCELLED])
            return Report(run=self.run, key=spec.key, attempt=spec.attempt, cause=cause)
        self.done.add(spec.key)
        body = self.values[spec.tool]
        inputs = (self.values[spec.constants] if spec.constants else {}) | spec.inputs
        self.calls[digest([body["name"], plain(inputs_of(inputs))])] += 1
        return Report(run=self.run, key=spec.key, attempt=spec.attempt, outputs=call(body["name"], inputs))

    def outputs(self) -> dict[str, Json]:
        """Returns the run's outputs."""
        with self.store.read() as tx:
            self.flow.outputs.tx = tx
            return {
                planned.output.name: self.flow.values.value(planned.source, ())
                for planned in self.plan.outputs
            }


def inputs_of(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if value is not None}


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
    clock = SimpleNamespace(time=lambda: world.clock)
    with mock.patch.object(flow_module, "time", clock), mock.patch.object(queue_module, "time", clock):
        world.play()
        if expected is None:
            if not world.flow.failed:
                with pytest.raises(JobError):
                    world.outputs()
            return
        assert not world.flow.failed, world.flow.failed
        found = world.outputs()
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
