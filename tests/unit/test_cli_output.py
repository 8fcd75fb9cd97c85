"""Tables for people, JSON for programs."""

from __future__ import annotations

import json

import pytest

from helios_wf.cli.output import emit, pairs, table
from helios_wf.interface.lines import Amount, Line
from helios_wf.wording import count_text, rate_text, size_text


def test_numbers_stand_right_and_text_left() -> None:
    assert table([("a", 1, None), ("long", 12345, "x")], ["name", "events", "run"]) == (
        "NAME  EVENTS  RUN\na          1  -\nlong  12,345  x"
    )


def test_an_empty_table_is_its_headers() -> None:
    assert table([], ["name", "state"]) == "NAME  STATE"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (10**19, "10000.0 PB"),
    ],
)
def test_sizes_are_short(size: int, text: str) -> None:
    assert size_text(size) == text


def test_one_is_singular() -> None:
    assert [count_text(number, "file") for number in (0, 1, 1200)] == ["0 files", "1 file", "1,200 files"]


def test_a_value_is_printed_once_as_json_or_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": "a", "n": 1}, {"name": "b", "meta": {"x": 1}}]
    emit(rows, "json")
    assert json.loads(capsys.readouterr().out) == rows
    emit(rows)
    assert capsys.readouterr().out == 'NAME  N  META\na     1  -\nb     -  {"x": 1}\n'
    emit({"name": "a", "events": 1200})
    assert (
        capsys.readouterr().out == pairs({"name": "a", "events": 1200}) + "\n" == "name    a\nevents  1,200\n"
    )
    emit([])
    assert capsys.readouterr().out == ""


def test_progress_is_told_by_events_where_there_are_any() -> None:
    jobs = Amount(1, 4, 0.5)
    assert str(Line("cut", jobs, 2, 0)) == "cut: 1/4 jobs, 2 running, 0.5/s, 6 s left"
    events = Amount(2_000, 10_000, 400.0)
    assert str(Line("cut", jobs, 2, 1, events)) == (
        "cut: 1/4 jobs, 2 running, 1 failed, 2,000/10,000 events, 400 events/s, 20 s left"
    )
    unknown = Amount(2_000, None, 0.0)
    assert str(Line("cut", Amount(0, None, 0.0), 2, 0, unknown)) == "cut: 0/? jobs, 2 running, 2,000/? events"
    assert str(Line("cut", Amount(4, 4, 0.5), 0, 0, Amount(10, 10, 7.0))) == (
        "cut: 4/4 jobs, 10/10 events, 7 events/s"
    )


def test_rates_are_short() -> None:
    assert [rate_text(rate) for rate in (0.012345, 7.3, 99.96, 12_000.4)] == [
        "0.0123",
        "7.3",
        "100",
        "12,000",
    ]
