"""A run without a backend: what comes back does so in random order, and the engine may stop at any moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from made_workflows import Made
from plain_cwl import attempted, layout_of, plain, ranged

from helios_wf.config import OnError
from helios_wf.engine import flow as flow_module
from helios_wf.engine import ledger as ledger_module
from helios_wf.engine import objects, paths
from helios_wf.engine import queue as queue_module
from helios_wf.engine import settling as settling_module
from helios_wf.engine.flow import Flow
from helios_wf.engine.identity import Identities
from helios_wf.engine.retrying import Wish, begin_again
from helios_wf.engine.reviving import renew
from helios_wf.errors import EventFileError
from helios_wf.model import EventRange, JobSpec, Json, Layout, RangeNews, RangeReport, Report, digest
from helios_wf.plan import plan_document
from helios_wf.ranges import covers
from helios_wf.states import Cause, RangeState
from helios_wf.store import Store, event_ranges, runs, tasks
from helios_wf.store.rows import NewRun, NewTask, RangeRow

ENDS = (RangeState.DONE, RangeState.FATAL, RangeState.CANCELLED)
CAUSES = (Cause.EXIT, Cause.LOST, Cause.SIGNAL, Cause.CANCELLED)


class World:
    """A store, a backend that settles in random order, and an engine that may stop at any moment."""

    on_error: OnError = "stop"

    def __init__(
        self,
        store: Store,
        made: Made,
        run: str,
        seed: int,
        trouble: float,
        bad: Collection[str] = (),
        there: set[str] | None = None,
    ) -> None:
        """Makes a world.

        With ``there``, jobs of other runs are reused; it holds where files that jobs made still are.
        """
        self.store = store
        self.made = made
        self.run = run
        self.random = random.Random(seed)
        self.seed = seed
        self.trouble = trouble
        self.bad = set(bad)
        self.there = there
        self.given = {objects.path_of(one) for one in objects.placed_in(made.inputs)}
        self.bad_tools = {"event_c"}
        self.plan = plan_document(made.document)
        self.clock = 1000.0
        self.values: dict[str, Json] = {}
        self.running: list[JobSpec] = []
        self.hands: dict[str, list[EventRange]] = {}
        self.last: set[str] = set()
        self.done: set[str] = set()
        self.calls: Counter[str] = Counter()
        self.handles: set[str] = set()
        self.flow = self._flow()
        with store.write() as tx:
            runs.create(tx, NewRun(run, "made", "0", run))
            tasks.create(tx, run, [NewTask(task.number, task.name, "") for task in self.plan.tasks])
            self.flow.restore(tx)

    def _flow(self) -> Flow:
        flow = Flow(
            self.run,
            self.plan,
            self.made.inputs,
            "/home",
            "fake",
            self.layout_of,
            on_error=self.on_error,
            reuses=self.there is not None,
            identities=Identities(self.given, look=self.look),
        )
        flow.ledger.feeds = bool(self.seed % 2)
        return flow

    def is_there(self, path: str) -> bool:
        return self.there is None or path in self.there or path in self.given

    def look(self, path: str) -> objects.Seen | None:
        return objects.Seen(10 * int(path.split("/")[1]), 0, 0) if self.is_there(path) else None

    def layout_of(self, path: str, table: str | None) -> Layout:
        if not self.is_there(path):
            raise EventFileError(f"{path} is gone")
        return layout_of(path, table)

    def make(self, outputs: Json) -> None:
        """Takes that a job has made its outputs."""
        if self.there is not None:
            self.there.update(objects.path_of(one) for one in objects.placed_in(outputs))

    def renew(self) -> None:
        """Goes on with a new flow, in which jobs are made again that others need."""
        old, self.flow = self.flow, self._flow()
        if old.reuse.changed:
            # what was made again is cut elsewhere: what follows from it is made anew
            self.done.clear()
        with self.store.write() as tx:
            renew(tx, old, self.flow)
        assert set(self.flow.inflight) == {spec.handle for spec in self.running}

    def play(self) -> None:
        """Takes random steps until the run is over."""
        for _ in range(10_000):
            if self.flow.is_complete and not self.running:
                return
            if (self.flow.is_failing or self.flow.is_exhausted) and not self.running:
                return
            self.clock += 100.0
            self.step()
            assert self.running or not self.flow.is_stuck, "the engine is stuck"
        raise AssertionError("the run does not end")

    def step(self) -> None:
        """Leases some, hears and settles some, or starts anew from the store."""
        if self.random.random() < self.trouble:
            self.restart()
        news = [self.news(spec) for spec in self.running if spec.feeding and self.random.random() < 0.6]
        settled = [spec for spec in self.running if self.may_end(spec) and self.random.random() < 0.6]
        self.random.shuffle(settled)
        self.running = [spec for spec in self.running if spec not in settled]
        reports = [self.report(spec) for spec in settled]
        with self.store.write() as tx:
            self.flow.started(tx, [spec.handle for spec in self.running if self.random.random() < 0.5])
            self.flow.hear(tx, news)
            self.flow.settle(tx, reports)
            specs = self.flow.lease(tx, self.random.randint(0, 5))
            fed = self.flow.feed(tx, is_halted=False)
        self.flow.outputs.trim()
        self.values |= self.flow.specs.definitions
        self.flow.specs.definitions = {}
        for spec in specs:
            assert spec.handle not in self.handles, f"{spec.handle} was given out twice"
            assert spec.key not in self.done, f"{spec.key} was done already"
            self.handles.add(spec.handle)
            if spec.feeding:
                self.hands[spec.handle] = list(spec.feeding.ranges)
                self.last |= set() if spec.feeding.more else {spec.handle}
        for handle, ranges, more in fed:
            self.hands[handle] += ranges
            self.last |= set() if more else {handle}
        self.running += specs
        self.cancel(self.flow.take_doomed())
        if self.flow.needs_renewal:
            self.renew()

    def cancel(self, handles: list[str]) -> None:
        """Ends attempts of a task that was given up, or all."""
        doomed = [spec for spec in self.running if spec.handle in handles]
        self.running = [spec for spec in self.running if spec not in doomed]
        with self.store.write() as tx:
            self.flow.settle(tx, [self.failed(spec, Cause.CANCELLED) for spec in doomed])

    def may_end(self, spec: JobSpec) -> bool:
        """An attempt that can be fed ends when it was told that there is no more."""
        return not spec.feeding or spec.handle in self.last or self.random.random() < self.trouble / 3

    def news(self, spec: JobSpec) -> RangeNews:
        """Tells of some of the ranges that an attempt has in hand, and asks for more."""
        hand = self.hands[spec.handle]
        self.random.shuffle(hand)
        cut = self.random.randint(0, len(hand))
        told, self.hands[spec.handle] = hand[:cut], hand[cut:]
        return RangeNews(
            run=self.run,
            key=spec.key,
            attempt=spec.attempt,
            begun=tuple(one.id for one in hand[: self.random.randint(0, len(hand))]),
            ranges=tuple(self.range_report(spec, one) for one in told),
            wants=0 if spec.handle in self.last else self.random.randint(0, 3),
        )

    def range_report(self, spec: JobSpec, one: EventRange) -> RangeReport:
        """Tries a range, or lets it fail: always with a bad event, never a single one that is not."""
        name, inputs = self.called(spec)
        if not self.bad.isdisjoint(inputs["raw"]["events"][one.first : one.stop]):
            cause = self.random.choice([Cause.EXIT, Cause.SIGNAL, Cause.TIME_LIMIT, Cause.MISSING_OUTPUT])
            return RangeReport(one.first, one.stop, one.number, cause, exit_code=7, message="bad event")
        if one.number <= 2 and one.stop - one.first > 1 and self.random.random() < 2 * self.trouble:
            cause = self.random.choice([Cause.EXIT, Cause.LOST, Cause.SIGNAL])
            return RangeReport(one.first, one.stop, one.number, cause)
        report = ranged(name, inputs, one)
        self.check_inputs(inputs)
        self.make(report.outputs)
        return report

    def is_bad(self, spec: JobSpec) -> bool:
        """Says whether a chain's job reads an event that its tool cannot process."""
        name, inputs = self.called(spec)
        if name not in self.bad_tools or not inputs.get("raw"):
            return False
        first, count = inputs.get("first_event") or 0, inputs.get("n_events")
        events = inputs["raw"]["events"][first : None if count is None else first + count]
        return any(event == one or f"<{one}>" in event for one in self.bad for event in events)

    def called(self, spec: JobSpec) -> tuple[str, dict[str, Any]]:
        """Returns the name of an attempt's tool, and all its inputs."""
        inputs = (self.values[spec.constants] if spec.constants else {}) | spec.inputs
        return self.values[spec.tool]["name"], inputs

    def restart(self) -> None:
        """Forgets the flow; some attempts go on, the others are put back."""
        gone = [spec for spec in self.running if self.random.random() < 0.7]
        self.running = [spec for spec in self.running if spec not in gone]
        self.flow = self._flow()
        with self.store.write() as tx:
            self.flow.restore(tx)
            self.flow.settle(tx, [self.failed(spec, Cause.CANCELLED) for spec in gone])
        assert set(self.flow.inflight) == {spec.handle for spec in self.running}
        self.check_ranges()

    def failed(self, spec: JobSpec, cause: Cause) -> Report:
        return Report(run=self.run, key=spec.key, attempt=spec.attempt, cause=cause)

    def report(self, spec: JobSpec) -> Report:
        """Runs an attempt, or lets it fail in a way that is tried again."""
        left = self.hands.pop(spec.handle, [])
        if spec.feeding is None and spec.first is not None and self.is_bad(spec):
            return self.failed(spec, self.random.choice([Cause.EXIT, Cause.SIGNAL, Cause.TIME_LIMIT]))
        is_cut_short = spec.feeding is not None and spec.handle not in self.last
        if is_cut_short or (spec.attempt < 3 and self.random.random() < self.trouble):
            causes = [Cause.LOST, Cause.CANCELLED] if spec.feeding or is_single(spec) else [*CAUSES]
            return self.failed(spec, self.random.choice(causes))
        if spec.feeding:
            told = tuple(self.range_report(spec, one) for one in left)
            return Report(run=self.run, key=spec.key, attempt=spec.attempt, ranges=told)
        self.done.add(spec.key)
        name, inputs = self.called(spec)
        self.calls[digest([name, plain(inputs_of(inputs))])] += 1
        self.check_inputs(inputs)
        report = attempted(spec, self.values)
        self.make(report.outputs)
        return report

    def check_inputs(self, inputs: Json) -> None:
        """What an attempt reads is there."""
        for one in objects.placed_in(inputs):
            assert self.is_there(objects.path_of(one)), f"{one['path']} is gone"

    def check_ranges(self, is_over: bool = False) -> None:
        """What is not SPLIT covers the events of each job once, up to what is not cut yet."""
        jobs_ranges: dict[tuple[int, str], list[RangeRow]] = {}
        with self.store.read() as tx:
            for row in event_ranges.list(tx, self.run, limit=100_000):
                jobs_ranges.setdefault((row.task, row.path), []).append(row)
        for ranges in self.flow.values.ranges.values():
            open_ones = [(one[0], one[1]) for one in ranges if len(one) < 4 or one[3] != RangeState.SPLIT]
            if not open_ones or any(first is None or first == stop for first, stop in open_ones):
                continue
            assert covers(open_ones, min(one[0] for one in ranges), max(one[1] for one in ranges))
        for (number, text), rows in jobs_ranges.items():
            if self.plan.tasks[number].fed is None:
                continue
            first, stop = self.flow.values.events(self.plan.tasks[number], paths.from_text(text))
            assert first is not None
            reach = max(row.stop for row in rows)
            assert covers([(r.first, r.stop) for r in rows if r.state is not RangeState.SPLIT], first, reach)
            if is_over:
                assert reach == stop
                assert not {row.state for row in rows} - {RangeState.SPLIT, *ENDS}

    def begin_again(self) -> None:
        """Begins the run again, as ``resume`` does."""
        self.flow = self._flow()
        with self.store.write() as tx:
            begin_again(tx, self.run, self.plan, Wish())
            self.flow.restore(tx)

    def outputs(self, but: Collection[str] = ()) -> dict[str, Json]:
        """Returns the run's outputs."""
        with self.store.read() as tx:
            self.flow.outputs.tx = tx
            return {
                planned.output.name: self.flow.values.value(planned.source, ())
                for planned in self.plan.outputs
                if planned.output.name not in but
            }


def inputs_of(inputs: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if value is not None}


def is_single(spec: JobSpec) -> bool:
    """Says whether a chain's job has a single event, which must not fail without a reason."""
    return spec.first is not None and spec.stop is not None and spec.stop - spec.first <= 1


@contextmanager
def clock_of(world: World) -> Iterator[None]:
    """Lets the engine see the world's clock."""
    clock = SimpleNamespace(time=lambda: world.clock)
    modules = (settling_module, queue_module, ledger_module, flow_module)
    patches = [mock.patch.object(module, "time", clock) for module in modules]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
