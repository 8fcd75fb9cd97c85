"""Jobs sized by time in a whole run: a file is cut further as its jobs tell the rate, also after restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_workflows import Made, Port
from msgspec.structs import replace
from plain_cwl import HERE, events_of, file, interpret, tool
from worlds import World, clock_of

from helios_wf.engine.pacing import FIRST_EVENTS
from helios_wf.model import (
    DatasetField,
    EventRange,
    JobSpec,
    MergeField,
    Output,
    Parameter,
    RangeNews,
    RangeReport,
    RetryField,
    SplitField,
    Step,
    StepInput,
    TemplateField,
    TolerateField,
    Workflow,
)
from helios_wf.states import RangeState, TaskState, TemplateStatus
from helios_wf.store import Store, event_ranges, tasks

FILES = {"type": "array", "items": "File"}
CUT = tool("event_c", {"raw": "File", "first_event": "long?", "n_events": "long?"}, {"out": "File"})
MAP = tool("event_m", {"raw": "File"}, {"out": "File"})
MERGE = tool("merge_m", {"parts": FILES}, {"out": "File"})


def case(raw: list[Any], field: SplitField, tolerate: float | None = None) -> Made:
    """Returns a workflow that cuts files, maps over the parts and merges them."""

    def step(name: str, run: Any, source: str, **more: Any) -> Step:
        port = "parts" if run is MERGE else "raw"
        return Step(name, run, (StepInput(port, HERE, (source,)),), ("out",), HERE, **more)

    workflow = Workflow(
        "made",
        (Parameter("raw", FILES, HERE),),
        (
            Output("merged", "File", HERE, ("merge/out",)),
            Output("parts", FILES, HERE, ("cut/out",), dataset=DatasetField("d")),
        ),
        (
            step("cut", CUT, "raw", scatter=("raw",), split=field, tolerate=TolerateField(events=tolerate)),
            step("map", MAP, "cut/out", scatter=("raw",)),
            step("merge", MERGE, "map/out", merge=MergeField("parts")),
        ),
        HERE,
        template=TemplateField("made", 1, TemplateStatus.ACTUAL),
        retry=RetryField(),
    )
    return Made(workflow, {"raw": raw}, {"merged": Port("file"), "parts": Port("file", ("p",))})


def made_files(*sizes: int) -> list[Any]:
    return [file([f"{index}.{at}" for at in range(size)], str(index)) for index, size in enumerate(sizes)]


class Timed(World):
    """A world in which an event takes a second, in files whose number is odd ten."""

    def range_report(self, spec: JobSpec, one: EventRange) -> RangeReport:
        """Tries a range, and says how long it took."""
        _, inputs = self.called(spec)
        number = int(inputs["raw"]["events"][one.first].split(".")[0])
        each = 10.0 if number % 2 else 1.0
        return replace(super().range_report(spec, one), wall_s=each * (one.stop - one.first))

    def jobs_of(self, number: int) -> list[int]:
        """Returns how many events each job of a file has."""
        return [stop - first for first, stop in self.flow.values.ranges[1, (number,)]]


class Greedy(Timed):
    """A world in which attempts do their ranges in order, and ask for as many as they can get."""

    def news(self, spec: JobSpec) -> RangeNews:
        """Tells of one range, and of the next that is begun."""
        told, rest = self.hands[spec.handle][:1], self.hands[spec.handle][1:]
        self.hands[spec.handle] = rest
        return RangeNews(
            run=self.run,
            key=spec.key,
            attempt=spec.attempt,
            begun=tuple(one.id for one in rest[:1]),
            ranges=tuple(self.range_report(spec, one) for one in told),
            wants=0 if spec.handle in self.last else 1000,
        )


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(None, Path(tmp_path_factory.mktemp("store")))
    yield store
    store.close()


count = iter(range(1_000_000))


def played(
    store: Store, made: Made, seed: int = 0, trouble: float = 0.0, bad: list[str] | None = None
) -> Timed:
    world = Timed(store, made, f"run{next(count)}", seed, trouble, bad or [])
    with clock_of(world):
        world.play()
    return world


@st.composite
def cases(draw: Callable[[Any], Any]) -> Made:
    raw = made_files(*draw(st.lists(st.integers(0, 60), min_size=1, max_size=4)))
    field = SplitField(
        "raw",
        seconds_per_job=draw(st.sampled_from([1.0, 20.0, 100.0])),
        seconds_per_event=draw(st.sampled_from([None, 0.01, 1.0, 50.0])),
        events_per_range=draw(st.none() | st.integers(1, 20)),
    )
    timed = replace(field, events_per_range=None, seconds_per_range=10.0)
    return case(raw, draw(st.sampled_from([field, timed])))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=cases(), seed=st.integers(0, 2**32), trouble=st.sampled_from([0.0, 0.2]))
def test_every_event_is_done_once_whenever_the_engine_stops(
    sqlite: Store, made: Made, seed: int, trouble: float
) -> None:
    world = played(sqlite, made, seed, trouble)
    assert world.flow.is_complete
    world.check_ranges(is_over=True)
    found, expected = world.outputs(), interpret(made.workflow, made.inputs)
    for name in ("merged", "parts"):
        assert events_of(found[name]) == events_of(expected[name])
    with sqlite.read() as tx:
        rows = tasks.list(tx, world.run)
        done = event_ranges.counts(tx, world.run).get(0, {}).get(RangeState.DONE)
    assert all(row.total == sum(row.counts.values()) for row in rows)
    assert all(row.state is TaskState.DONE for row in rows)
    assert (done.n_events if done else 0) == sum(len(one["events"]) for one in made.inputs["raw"])


@pytest.mark.parametrize("guess", [None, 100.0, 0.5])
def test_the_first_file_teaches_and_later_ones_are_cut_at_once(sqlite: Store, guess: float | None) -> None:
    field = SplitField("raw", seconds_per_job=100.0, seconds_per_event=guess)
    world = played(sqlite, case(made_files(2000, 0, 500), field))
    first = world.jobs_of(0)
    assert first[0] == (FIRST_EVENTS if guess is None else 100 / guess)
    assert all(90 <= size <= 110 for size in first[-10:])
    assert all(90 <= size <= 110 for size in world.jobs_of(2))


def test_a_change_of_the_rate_from_file_to_file_is_followed(sqlite: Store) -> None:
    field = SplitField("raw", seconds_per_job=100.0)
    raw = made_files(1000, 1000)
    for name in range(2, 14):
        raw.append(file([f"1.{name}.{at}" for at in range(100)], str(name)))
    world = played(sqlite, case(raw, field))
    assert all(90 <= size <= 110 for size in world.jobs_of(0)[-5:])
    assert max(world.jobs_of(13)) <= 20


def test_boundaries_that_are_cut_stay_after_a_restart_in_the_middle_of_learning(sqlite: Store) -> None:
    made = case(made_files(3000), SplitField("raw", seconds_per_job=1000.0))
    world = Timed(sqlite, made, f"run{next(count)}", 2, 0.0)
    with clock_of(world):
        seen: list[list[Any]] = []
        while not world.flow.is_complete:
            world.clock += 100
            world.step()
            before = world.flow.values.ranges.get((1, (0,)), [])
            if len(before) > len(seen):
                assert before[: len(seen)] == seen
                seen = [list(one) for one in before]
                world.restart()
                assert world.flow.values.ranges[1, (0,)] == seen
                assert world.flow.tally.total(0) in (None, len(seen))
        world.check_ranges(is_over=True)
    assert len(seen) > 4


def test_a_file_of_which_all_is_skipped_is_not_cut_into_ever_so_many_jobs(sqlite: Store) -> None:
    made = case(made_files(50_000), SplitField("raw", seconds_per_job=100.0))
    cut, *later = made.workflow.steps
    off = StepInput("off", HERE, default=False)
    cut = replace(cut, inputs=(*cut.inputs, off), when="$(inputs.off)")
    skips = replace(made.workflow, steps=(cut, *later))
    world = played(sqlite, made._replace(workflow=skips))
    assert world.flow.is_complete
    assert 4 < len(world.jobs_of(0)) <= 30


def test_a_file_goes_on_where_its_first_jobs_taught_nothing(sqlite: Store) -> None:
    raw = made_files(100)
    world = played(sqlite, case(raw, SplitField("raw", seconds_per_job=100.0), 0.5), bad=raw[0]["events"][:3])
    assert world.flow.is_complete
    world.check_ranges(is_over=True)
    with sqlite.read() as tx:
        assert event_ranges.counts(tx, world.run)[0][RangeState.FATAL].n_events == 3


@pytest.mark.parametrize("feeds", [True, False])
def test_ranges_grow_to_the_time_that_is_asked_for_however_many_a_worker_asks_for(
    sqlite: Store, feeds: bool
) -> None:
    made = case(made_files(20_000), SplitField("raw", jobs_per_file=1, seconds_per_range=100.0))
    world = Greedy(sqlite, made, f"run{next(count)}", int(feeds), 0.0)
    with clock_of(world):
        world.play()
    with sqlite.read() as tx:
        rows = event_ranges.list(tx, world.run, 0, limit=10_000)
    sizes = [row.stop - row.first for row in sorted(rows, key=lambda row: row.first)]
    small = [size for size in sizes if size < 80]
    assert sizes[0] == FIRST_EVENTS
    assert small == sizes[: len(small)]
    assert len(small) <= (10 if feeds else 30)
    assert all(size <= 120 for size in sizes)
