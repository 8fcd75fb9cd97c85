"""Who holds a run while its engine is busy, and what becomes of an engine whose run was taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from helios_wf.backend import Life
from helios_wf.engine.flow import Flow
from helios_wf.engine.loop import Engine, Held
from helios_wf.engine.pulse import Pulse
from helios_wf.errors import RunTakenError
from helios_wf.model import EventRange, JobSpec, Json, Layout, RangeNews, Report, Resources
from helios_wf.model.plans import Plan
from helios_wf.states import RunState
from helios_wf.store import Store, runs
from helios_wf.store.rows import NewRun


class IdleBackend:
    """A backend that is never given anything."""

    name = "idle"
    feeds = False

    def define(self, values: dict[str, Json]) -> None: ...

    def room(self, gpus: bool = False) -> int:
        return 1

    def check(self, resources: Resources) -> list[str]:
        return []

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        return []

    def poll(self, timeout_s: float) -> list[Report]:
        return []

    def started(self) -> list[str]:
        return []

    def heard(self) -> list[RangeNews]:
        return []

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None: ...

    def cancel(self, handles: Iterable[str]) -> None: ...

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        return {}

    def close(self) -> None: ...


def taken(store: Store, run: str, engine: str, lease_s: float = 30.0) -> int:
    with store.write() as tx:
        return runs.take(tx, run, engine, lease_s)


def new_run(store: Store, run: str) -> int:
    with store.write() as tx:
        runs.create(tx, NewRun(run, "made", "0", run))
    return taken(store, run, "first")


def heard(store: Store, run: str) -> float:
    with store.read() as tx:
        at = runs.get(tx, run).heartbeat_at
    assert at is not None
    return at.timestamp()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def layout_of(path: str, table: str | None) -> Layout:
    raise AssertionError(path)


def flow_of(run: str, folder: Path) -> Flow:
    return Flow(run, Plan((), (), (), ()), {}, str(folder), "idle", layout_of)


def engine_of(store: Store, folder: Path, finish: Callable[[Held], None], **epochs: int) -> Engine:
    engine = Engine(store, IdleBackend(), str(folder), finish, lambda run: flow_of(run, folder))
    for run, epoch in epochs.items():
        engine.hold(run, epoch, flow_of(run, folder))
    return engine


def test_a_run_stays_held_while_its_engine_does_something_long(store: Store) -> None:
    epoch = new_run(store, "r1")
    with Pulse(store, 0.01) as pulse:
        pulse.hold("r1", epoch)
        before = heard(store, "r1")
        wait_until(lambda: heard(store, "r1") > before)
        with pytest.raises(RunTakenError):
            taken(store, "r1", "second", 10.0)
        pulse.leave("r1")
    after = heard(store, "r1")
    assert not any(thread.name == "pulse" and thread.is_alive() for thread in [pulse._thread])
    assert heard(store, "r1") == after


def test_the_pulse_leaves_a_run_that_another_engine_took_and_goes_on_with_the_rest(store: Store) -> None:
    epochs = {run: new_run(store, run) for run in ("r1", "r2")}
    taken(store, "r1", "second", 0.0)
    stolen, before = heard(store, "r1"), heard(store, "r2")
    with Pulse(store, 0.01) as pulse:
        for run, epoch in epochs.items():
            pulse.hold(run, epoch)
        wait_until(lambda: heard(store, "r2") > before)
    assert heard(store, "r1") == stolen


def test_an_engine_whose_run_was_taken_finishes_its_others_and_says_so(store: Store, tmp_path: Path) -> None:
    epochs = {run: new_run(store, run) for run in ("r1", "r2")}

    def finish(held: Held) -> None:
        with store.write() as tx:
            runs.move(tx, held.id, held.epoch, RunState.DONE)

    engine = engine_of(store, tmp_path, finish, **epochs)
    taken(store, "r1", "second", 0.0)
    with pytest.raises(RunTakenError, match="run r1 was taken by engine second"):
        engine.run()
    with store.read() as tx:
        assert runs.get(tx, "r1").state is RunState.RUNNING
        assert runs.get(tx, "r2").state is RunState.DONE
