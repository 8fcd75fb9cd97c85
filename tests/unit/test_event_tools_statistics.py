"""Statistics do not depend on how the events are cut into parts, and count what they say."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.errors import FileFormatError, InputError
from helios_wf.event_tools import partial
from helios_wf.event_tools.device import Cpu, Device, OnDevice
from helios_wf.event_tools.partial import Partial, Question
from helios_wf.event_tools.tally import Tally, gathered

QUESTION = Question("status", "sensor_id", "energy", threshold=1.0, bins=7, low=-2.0, high=5.0, filter=None)
SCHEMA = pa.schema({"status": pa.string(), "sensor_id": pa.int32(), "energy": pa.float64()})

events = st.lists(
    st.tuples(
        st.none() | st.sampled_from(["active", "faulty", ""]),
        st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(0, 9),
        st.none() | st.floats() | st.floats(-3, 6),
    ),
    max_size=40,
)


def batch_of(rows: list[tuple[str | None, int | None, float | None]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def statistics(batches: list[pa.RecordBatch], question: Question = QUESTION) -> Partial:
    tally = Tally(question, batches[0].schema)
    for batch in batches:
        tally.add(batch)
    return tally.result()


@given(events, st.lists(st.integers(0, 40), max_size=4), st.randoms(use_true_random=False))
def test_any_partition_merged_in_any_order_gives_the_same_bytes(rows, cuts, random):
    places = [0, *sorted(cuts), len(rows)]
    parts = [statistics([batch_of(rows[a:b])]) for a, b in itertools.pairwise(places)]
    random.shuffle(parts)
    half = len(parts) // 2
    tree = [partial.merge(part) for part in (parts[:half], parts[half:]) if part]
    whole = partial.to_json(statistics([batch_of(rows)]))
    assert partial.to_json(partial.merge(parts)) == whole
    assert partial.to_json(partial.merge(tree)) == whole


@given(events, st.integers(0, 40))
def test_how_events_come_in_batches_does_not_show(rows, cut):
    assert statistics([batch_of(rows[:cut]), batch_of(rows[cut:])]) == statistics([batch_of(rows)])


@given(events)
def test_every_event_is_accounted_for_in_every_part(rows):
    result = statistics([batch_of(rows)])
    assert result.status
    assert result.sensors
    assert result.energy
    energy = result.energy
    assert result.n_events == len(rows)
    assert sum(result.status.values.values()) + result.status.nulls == len(rows)
    assert sum(result.sensors.values.values()) + result.sensors.nulls == len(rows)
    others = energy.nulls + energy.nans + energy.plus_infinities + energy.minus_infinities
    assert energy.finite + others == len(rows)
    assert energy.underflow + sum(energy.histogram) + energy.overflow == energy.finite


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_the_mean_of_one_value_repeated_is_itself_and_no_mean_leaves_its_limits(values):
    rows = [("active", 1, value) for value in values]
    energy = statistics([batch_of(rows)]).energy
    assert energy
    assert energy.minimum == min(values)
    assert energy.maximum == max(values)
    assert energy.minimum <= energy.mean <= energy.maximum


def test_values_that_are_no_numbers_are_counted_apart():
    rows = [("active", 1, value) for value in (None, math.nan, math.inf, -math.inf, 2.0, 4.5)]
    energy = statistics([batch_of(rows)]).energy
    assert energy
    assert (energy.nulls, energy.nans, energy.plus_infinities, energy.minus_infinities) == (1, 1, 1, 1)
    assert (energy.finite, energy.mean, energy.above_threshold) == (2, 3.25, 2)


def test_no_events_have_no_mean():
    energy = statistics([batch_of([])]).energy
    assert energy
    assert (energy.mean, energy.minimum, energy.sum, energy.exact_sum) == (None, None, 0.0, "0p0")


def test_sensors_are_listed_by_number_before_text():
    counts = partial.counted({"b": 1, "10": 1, "9": 1, "-1": 1, "a": 1}, 0)
    assert list(counts.values) == ["-1", "9", "10", "a", "b"]


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        (pa.array([3, None, 3], pa.uint64()), {"3": 2}),
        (pa.array([2**63, 0, 1], pa.uint64()), {"0": 1, "1": 1, str(2**63): 1}),
        (pa.array([True, False, True]), {"false": 1, "true": 2}),
        (pa.array([b"x", b"x", b"\xff"], pa.binary()), {"\\xff": 1, "x": 2}),
        (pa.array(["u", "v", "u"]).dictionary_encode(), {"u": 2, "v": 1}),
        (pa.array([None, None, None]), {}),
        (pa.array(["x", "y", "x"], pa.large_string()), {"x": 2, "y": 1}),
    ],
)
def test_any_plain_type_can_be_counted(column: pa.Array, keys: dict[str, int]):
    question = msgspec.structs.replace(QUESTION, sensor_column=None, energy_column=None)
    result = statistics([pa.RecordBatch.from_arrays([column], names=["status"])], question)
    assert result.status
    assert result.status.values == keys
    assert result.sensors is None
    assert result.energy is None


@pytest.mark.parametrize("kind", [pa.float32(), pa.int8(), pa.uint16(), pa.float64()])
def test_any_type_of_number_can_be_added_up(kind: pa.DataType):
    question = msgspec.structs.replace(QUESTION, sensor_column=None, status_column=None)
    result = statistics(
        [pa.RecordBatch.from_arrays([pa.array([1, None, 4], kind)], names=["energy"])], question
    )
    assert result.energy
    assert (result.energy.mean, result.energy.nulls) == (2.5, 1)
    assert (result.energy.sum, result.energy.exact_sum) == (5.0, "5p0")


def test_large_integers_are_summed_exactly():
    column = pa.array([2**53 + 1, 2**63 - 1, -(2**63)])
    question = msgspec.structs.replace(QUESTION, sensor_column=None, status_column=None)
    result = statistics([pa.RecordBatch.from_arrays([column], names=["energy"])], question)
    assert result.energy
    assert (result.energy.sum, result.energy.exact_sum) == (2.0**53, "1p53")


def test_a_column_of_lists_is_refused_with_its_type():
    column = pa.array([[1.0], []])
    batch = pa.RecordBatch.from_arrays([column], names=["Jet_E"])
    energy = msgspec.structs.replace(QUESTION, sensor_column=None, status_column=None, energy_column="Jet_E")
    with pytest.raises(InputError, match=r"column 'Jet_E' has type list<item: double>; one number per event"):
        Tally(energy, batch.schema)
    status = msgspec.structs.replace(QUESTION, sensor_column=None, status_column="Jet_E", energy_column=None)
    with pytest.raises(InputError, match=r"column 'Jet_E' has type list<item: double>; one value per event"):
        Tally(status, batch.schema)


def test_parts_that_answer_other_questions_are_not_added_up():
    one = statistics([batch_of([])])
    other = statistics([batch_of([])], msgspec.structs.replace(QUESTION, threshold=2.0, bins=8))
    with pytest.raises(
        InputError, match=r"^part 2: .* than part 1: threshold 2.0 \(there: 1.0\), bins 8 \(there: 7\)"
    ):
        partial.merge([one, other])
    third = statistics([batch_of([])], msgspec.structs.replace(QUESTION, filter="energy > 1"))
    with pytest.raises(InputError, match=r"^c: .* than a: filter 'energy > 1' \(there: none\)"):
        partial.merge([one, one, third], ["a", "b", "c"])


def test_a_sum_beyond_all_doubles_is_exact_and_has_no_number():
    largest = [("active", 1, 1.7e308)] * 3
    whole = statistics([batch_of(largest)])
    merged = partial.merge([statistics([batch_of(largest[:1])]), statistics([batch_of(largest[1:])])])
    assert whole.energy
    assert (whole.energy.sum, whole.energy.mean) == (None, 1.7e308)
    assert partial.to_json(merged) == partial.to_json(whole)


def test_merging_nothing_is_refused():
    with pytest.raises(InputError, match="no partial statistics to merge"):
        partial.merge([])


def test_statistics_come_back_from_their_file_and_are_known_by_content(tmp_path: Path):
    result = statistics([batch_of([("active", 1, 0.1)])])
    path = tmp_path / "any.name"
    path.write_bytes(partial.to_json(result))
    assert partial.is_partial(path)
    assert partial.read(path) == result
    assert partial.to_json(partial.merge([partial.read(path)])) == path.read_bytes()


def test_a_damaged_statistics_file_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "half.json"
    path.write_bytes(partial.to_json(statistics([batch_of([])]))[:-20])
    with pytest.raises(FileFormatError, match=r"half.json does not hold event statistics of https"):
        partial.read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("5p-1", "five"), "invalid literal"),
        (('"bins": 7', '"bins": 8'), "7 bins where 8 are announced"),
        (('"sensor_column": "sensor_id"', '"sensor_column": null'), "disagree about a sensor column"),
    ],
)
def test_statistics_that_contradict_themselves_are_refused(
    tmp_path: Path, change: tuple[str, str], message: str
):
    text = partial.to_json(statistics([batch_of([("active", 1, 2.5)])])).decode()
    assert change[0] in text
    path = tmp_path / "edited.json"
    path.write_text(text.replace(*change))
    with pytest.raises(FileFormatError, match=message):
        partial.read(path)


@given(events)
def test_a_device_gives_the_same_statistics(rows: list[tuple[str | None, int | None, float | None]]) -> None:
    def on(device: Device) -> Partial:
        tally = Tally(QUESTION, SCHEMA, device)
        for batch in gathered([batch_of(rows[:3]), batch_of(rows[3:])], device.at_once):
            tally.add(batch)
        return tally.result()

    assert on(OnDevice(np)) == on(Cpu())


@pytest.mark.parametrize(("at_once", "sizes"), [(0, [2, 3, 4]), (4, [5, 4]), (5, [5, 4]), (100, [9])])
def test_batches_are_gathered_until_they_are_large_enough(at_once: int, sizes: list[int]) -> None:
    batches = [batch_of([("a", at, 1.0)] * n_events) for at, n_events in enumerate((2, 3, 4))]
    found = list(gathered(batches, at_once))
    assert [batch.num_rows for batch in found] == sizes
    assert pa.Table.from_batches(found).equals(pa.Table.from_batches(batches))
