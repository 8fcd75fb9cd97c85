"""The pure parts of reports: spreads, bins of time, plots by their layout, text that stays text."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.graph import levels, reduction
from helios_wf.report.histograms import MOST_BINS, MOST_VALUES, plots
from helios_wf.report.page import dag
from helios_wf.report.page.axes import decade_ticks, short, time_ticks, value_ticks
from helios_wf.report.page.markup import Cell, number, table, text
from helios_wf.report.spread import Spread
from helios_wf.report.times import Clock
from helios_wf.wording import precise_duration

positive = st.floats(min_value=1e-6, max_value=1e9)


def plots_of(folder: Path, value: Any) -> tuple[Any, Any]:
    path = folder / "out.json"
    path.write_text(json.dumps(value))
    file = {"class": "File", "path": str(path), "basename": path.name, "size": path.stat().st_size}
    return plots({"result": [file]})


@given(st.lists(positive, min_size=1, max_size=200))
def test_a_spread_knows_its_ends_exactly_and_its_median_within_a_hundredth(values: list[float]) -> None:
    spread = Spread()
    for value in values:
        spread.add(value)
    found = spread.numbers()
    assert found is not None
    assert (found.n, found.least, found.most) == (len(values), min(values), max(values))
    below = sorted(values)[int(0.5 * (len(values) - 1))]
    assert found.median == pytest.approx(below, rel=0.011)


def test_a_spread_of_nothing_has_no_numbers_and_zeros_count() -> None:
    spread = Spread()
    assert spread.numbers() is None
    for value in (0.0, 0.0, 5.0):
        spread.add(value)
    assert spread.quantile(0.5) == 0.0
    assert spread.quantile(1.0) == pytest.approx(5.0, rel=0.011)


@given(st.floats(-50, 250), st.floats(0, 300), st.floats(0, 1e9))
def test_what_is_spread_over_time_is_all_there_also_outside_the_run(at: float, took: float, n: float) -> None:
    clock = Clock(0.0, 200.0, 10)
    bins = clock.zeros()
    clock.spread(bins, at, took, n)
    assert sum(bins) == pytest.approx(n)
    assert all(0 <= share <= 1.000001 for _, share in clock.shares(at, took))


def test_a_span_fills_its_share_of_each_bin() -> None:
    clock = Clock(100.0, 140.0, 4)
    assert list(clock.shares(105.0, 20.0)) == [(0, 0.5), (1, 1.0), (2, 0.5)]
    assert [clock.bin(at) for at in (0.0, 100.0, 139.9, 500.0)] == [0, 0, 3, 3]


def test_a_histogram_is_known_by_its_layout_wherever_it_stands(tmp_path: Path) -> None:
    value = {
        "question": {"low": 0, "high": 4, "bins": 4},
        "energy": {"histogram": [1, 2, 3, 4], "underflow": 5, "mean": 1.5},
        "jets": [{"histogram": [0.5, 1], "edges": [0, 1, 10], "label": "jet mass", "unit": "GeV"}],
    }
    (energy, mass), categories = plots_of(tmp_path, value)
    assert (energy.name, energy.edges, energy.counts, energy.underflow) == (
        "energy",
        (0.0, 1.0, 2.0, 3.0, 4.0),
        (1, 2, 3, 4),
        5,
    )
    assert (mass.name, mass.edges, mass.label, mass.unit) == ("jets 0", (0.0, 1.0, 10.0), "jet mass", "GeV")
    assert not categories


@pytest.mark.parametrize(
    "value",
    [
        {"histogram": [1, 2]},
        {"histogram": [1, 2], "edges": [0, 1]},
        {"histogram": [1, 2], "edges": [0, 2, 1]},
        {"histogram": [], "low": 0, "high": 1},
        {"histogram": ["1"], "low": 0, "high": 1},
        {"histogram": {"1": 2}, "low": 0, "high": 1},
        {"values": {"a": 1.5}},
        {"values": {}},
        [[1, 2, 3]],
        "text",
    ],
)
def test_what_is_no_histogram_is_none(tmp_path: Path, value: Any) -> None:
    assert plots_of(tmp_path, value) == ((), ())


def test_many_bins_are_joined_and_hold_the_same(tmp_path: Path) -> None:
    (one,), _ = plots_of(tmp_path, {"histogram": list(range(1001)), "low": 0, "high": 1001})
    assert one.joined == 6
    assert len(one.counts) <= MOST_BINS
    assert len(one.edges) == len(one.counts) + 1
    assert sum(one.counts) == sum(range(1001))
    assert (one.edges[0], one.edges[1], one.edges[-1]) == (0.0, 6.0, 1001.0)


def test_counts_of_values_show_the_most_frequent_and_keep_the_rest(tmp_path: Path) -> None:
    _, (one,) = plots_of(tmp_path, {"status": {"values": {f"v{n}": n for n in range(20)}, "nulls": 0}})
    assert one.values[0] == ("v19", 19)
    assert len(one.values) == MOST_VALUES
    assert sum(count for _, count in one.values) + one.rest == sum(range(20))


def test_files_that_are_gone_or_hold_no_json_have_no_plots(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(b"\xff{")
    files = [
        {"class": "File", "path": f"{tmp_path}/{name}", "basename": name} for name in ("bad.json", "no.json")
    ]
    assert plots({"files": files}) == ((), ())


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


@given(st.text())
def test_no_text_becomes_markup(value: str) -> None:
    seen = Tags()
    seen.feed(f'<p title="{text(value)}">{text(value)}</p>')
    assert seen.tags == ["p"]


def test_control_characters_and_colours_of_terminals_do_not_reach_the_page() -> None:
    assert text("\x1b[31mred\x1b[0m \0\x07") == "red \ufffd\ufffd"
    assert text("a\nb\tc") == "a\nb\tc"


def test_a_table_leaves_out_columns_without_anything() -> None:
    drawn = table(("job", "failed", "of"), [[Cell("a"), number(None), number(1200)]], "Jobs")
    assert "failed" not in drawn
    assert '<td class="n" data-k="1200">1,200</td>' in drawn


@given(positive)
def test_ticks_reach_the_greatest_value_and_are_few(most: float) -> None:
    ticks = value_ticks(most)
    assert ticks[0] == 0
    assert most * 0.999 <= ticks[-1] <= most * 2.6
    assert len(ticks) <= 7
    assert 2 <= len(decade_ticks(most)) <= 8
    assert len(time_ticks(most)) <= 9 or most > 8 * 31536000


def test_axes_speak_in_units_that_people_use() -> None:
    assert [said for _, said in time_ticks(30)] == ["0", "5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]
    assert [said for _, said in time_ticks(7200)][2:5] == ["40 min", "1 h", "1:20 h"]
    assert [short(value) for value in (0, 0.25, 1500, 20_000, 1.5e6)] == [
        "0",
        "0.25",
        "1,500",
        "20 k",
        "1.5 M",
    ]
    seconds = (0, 0.0008, 0.042, 0.5, 4.27, 42.5, 200, 7500, 400_000)
    said = ["0 s", "0.8 ms", "42 ms", "0.50 s", "4.27 s", "42.5 s", "3 min 20 s", "2 h 05 min", "4 d 15 h"]
    assert [precise_duration(value) for value in seconds] == said


def test_a_graph_is_drawn_without_what_other_edges_imply() -> None:
    assert reduction({1: [], 2: [1], 3: [1, 2]}) == {1: [], 2: [1], 3: [2]}
    assert levels({3: [1, 2], 1: [], 2: [1], 4: []}) == [[1, 4], [2], [3]]
    assert dag.drawing([]) == ""
