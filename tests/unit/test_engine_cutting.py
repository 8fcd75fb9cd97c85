"""How files become event ranges, and when they do not."""

from __future__ import annotations

import pytest
from plain_cwl import HERE

from helios_wf.engine.cutting import WHOLE, ranges_of
from helios_wf.errors import FileUnreadableError, JobError
from helios_wf.model import Layout, SplitField
from helios_wf.model.plans import Constant, Cut, Domain
from helios_wf.states import Cause

FILE = {"class": "File", "path": "/data/f.csv"}
BY_TEN = SplitField("raw", events_per_job=10)


def ranges(layout: Layout, field: SplitField = BY_TEN, file=FILE, first=None, count=None):
    none = Constant(None)
    domain = Domain(0, "cut", HERE, cut=Cut(field, none if field.input else None, none, none))
    return ranges_of(lambda path, table: layout, domain, file, first, count)


def layout(n_events: int, **more) -> Layout:
    return Layout("csv", n_events, **more)


def test_a_file_is_cut_into_near_equal_ranges() -> None:
    assert ranges(layout(40)) == [[0, 10], [10, 20], [20, 30], [30, 40]]
    assert ranges(layout(44)) == [[0, 11], [11, 22], [22, 33], [33, 44]]


def test_an_empty_file_is_one_job_without_a_range() -> None:
    assert ranges(layout(0)) == WHOLE == [[None, None]]
    assert ranges(layout(0), first=5, count=10) == WHOLE


def test_no_file_is_one_job_without_a_range() -> None:
    assert ranges(layout(7), file=None) == WHOLE


def test_a_file_that_cannot_be_sought_in_is_one_range() -> None:
    assert ranges(layout(100, seekable=False)) == [[0, 100]]
    assert ranges(layout(100, seekable=False), count=30) == [[0, 30]]


def test_bounds_limit_what_is_cut() -> None:
    assert ranges(layout(100), first=85) == [[85, 92], [92, 100]]
    assert ranges(layout(100), count=20) == [[0, 10], [10, 20]]
    assert ranges(layout(100), first=90, count=1000) == [[90, 100]]


def test_bounds_behind_the_end_or_around_nothing_give_one_range_without_events() -> None:
    assert ranges(layout(100), first=200) == [[200, 200]]
    assert ranges(layout(100), count=0) == [[0, 0]]
    assert ranges(layout(100), first=100, count=5) == [[100, 100]]


def test_generation_splits_a_bare_count() -> None:
    field = SplitField(None, events_per_job=10)
    assert ranges(layout(0), field, file=None, count=25) == [[0, 8], [8, 16], [16, 25]]
    assert ranges(layout(0), field, file=None, first=1000, count=20) == [[1000, 1010], [1010, 1020]]
    assert ranges(layout(0), field, file=None, count=0) == [[0, 0]]


def test_generation_without_a_count_is_told_what_to_bind() -> None:
    with pytest.raises(JobError, match="'n_events' must be bound") as caught:
        ranges(layout(0), SplitField(None, events_per_job=10), file=None)
    assert caught.value.cause is Cause.BAD_INPUT


def test_jobs_per_file_gives_so_many_ranges_but_no_empty_ones() -> None:
    assert ranges(layout(9), SplitField("raw", jobs_per_file=3)) == [[0, 3], [3, 6], [6, 9]]
    assert ranges(layout(2), SplitField("raw", jobs_per_file=5)) == [[0, 1], [1, 2]]


def test_seconds_become_events_by_the_first_guess() -> None:
    field = SplitField("raw", seconds_per_job=10, seconds_per_event=0.5)
    assert ranges(layout(40), field) == [[0, 20], [20, 40]]
    assert ranges(layout(4), SplitField("raw", seconds_per_job=1, seconds_per_event=60)) == [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 4],
    ]


def test_boundaries_snap_to_clusters_that_are_near() -> None:
    assert ranges(layout(200, clusters=(0, 98, 200)), SplitField("raw", events_per_job=100)) == [
        [0, 98],
        [98, 200],
    ]
    assert ranges(layout(200, clusters=(0, 60, 200)), SplitField("raw", events_per_job=100)) == [
        [0, 100],
        [100, 200],
    ]


@pytest.mark.parametrize("file", [{"class": "Directory", "path": "/d"}, "text", 3, {"class": "File"}])
def test_what_is_no_file_cannot_be_cut(file: object) -> None:
    with pytest.raises(JobError, match="'cut' splits its input 'raw', which must be a File"):
        ranges(layout(10), file=file)


@pytest.mark.parametrize("bound", [-1, 1.5, "10", True])
def test_bounds_are_whole_numbers(bound: object) -> None:
    with pytest.raises(JobError, match="n_events must be a whole number from 0"):
        ranges(layout(10), count=bound)
    with pytest.raises(JobError, match="first_event must be a whole number from 0"):
        ranges(layout(10), first=bound)


def test_a_file_that_cannot_be_read_names_step_file_and_reason() -> None:
    def unreadable(path: str, table: str | None) -> Layout:
        raise FileUnreadableError("no such file")

    none = Constant(None)
    domain = Domain(0, "cut", HERE, cut=Cut(BY_TEN, none, none, none))
    with pytest.raises(JobError, match="'cut' cannot split its input 'raw': no such file"):
        ranges_of(unreadable, domain, FILE, None, None)


def test_the_table_is_handed_on() -> None:
    asked = []

    def layout_of(path: str, table: str | None) -> Layout:
        asked.append((path, table))
        return layout(1)

    none = Constant(None)
    field = SplitField("raw", table="isr", events_per_job=10)
    ranges_of(layout_of, Domain(0, "cut", HERE, cut=Cut(field, none, none, none)), FILE, None, None)
    assert asked == [("/data/f.csv", "isr")]
