"""The event programs on files of every kind, real ones too."""

from __future__ import annotations

import csv
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from helios_wf.event_tools import main

COLUMNS = "event_id,timestamp,sensor_id,energy,status"
WRITABLE = ("csv", "csv.gz", "tsv", "jsonl", "parquet", "arrow", "arrows", "root", "h5")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def events(*arguments: object) -> None:
    main([str(argument) for argument in arguments])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Runs a program that must end with exit code 2, and returns what it says."""
    with pytest.raises(SystemExit) as ended:
        events(*arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    return said


def statistics(*arguments: object) -> dict[str, Any]:
    events("stats", *arguments, "-o", "statistics.json")
    found: dict[str, Any] = json.loads(Path("statistics.json").read_text())
    return found


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("extension", WRITABLE)
def test_events_of_any_format_are_the_same_events(extension: str):
    events("generate", "-o", f"made.{extension}", "--n-events", 300, "--seed", 9)
    events("generate", "-o", "reference.csv", "--n-events", 300, "--seed", 9)
    events("select", f"made.{extension}", "-o", "back.csv", "--columns", COLUMNS)
    assert Path("back.csv").read_bytes() == Path("reference.csv").read_bytes()
    events("stats", f"made.{extension}", "-o", "made.json")
    events("stats", "reference.csv", "-o", "reference.json")
    assert Path("made.json").read_bytes() == Path("reference.json").read_bytes()


@pytest.mark.parametrize("extension", WRITABLE)
def test_events_come_through_a_change_of_format_unharmed(extension: str):
    events("generate", "-o", "made.parquet", "--n-events", 50)
    events("select", "made.parquet", "--first-event", 3, "-o", f"changed.{extension}")
    events("select", f"changed.{extension}", "-o", "back.csv", "--columns", COLUMNS)
    events("generate", "-o", "reference.csv", "--first-event", 3, "--n-events", 47)
    assert Path("back.csv").read_bytes() == Path("reference.csv").read_bytes()


@pytest.mark.parametrize("extension", WRITABLE)
@pytest.mark.parametrize("size", [1, 7, 40])
def test_ranges_of_a_file_add_up_to_the_whole(extension: str, size: int):
    events("generate", "-o", f"made.{extension}", "--n-events", 40)
    events("stats", f"made.{extension}", "-o", "whole.json")
    parts = []
    for first in range(0, 40, size):
        parts.append(f"{first}.json")
        events("stats", f"made.{extension}", "--first-event", first, "--n-events", size, "-o", parts[-1])
    events("merge", *parts, "-o", "merged.json")
    assert Path("merged.json").read_bytes() == Path("whole.json").read_bytes()


@pytest.mark.parametrize("extension", ["csv", "jsonl", "parquet", "arrow"])
def test_ranges_made_alone_and_joined_are_the_whole_to_the_byte(extension: str):
    events("generate", "-o", f"whole.{extension}", "--n-events", 100, "--first-event", 5)
    events("generate", "-o", f"a.{extension}", "--n-events", 30, "--first-event", 5)
    events("generate", "-o", f"b.{extension}", "--n-events", 0, "--first-event", 35)
    events("generate", "-o", f"c.{extension}", "--n-events", 70, "--first-event", 35)
    events("merge", f"a.{extension}", f"b.{extension}", f"c.{extension}", "-o", f"merged.{extension}")
    assert Path(f"merged.{extension}").read_bytes() == Path(f"whole.{extension}").read_bytes()
    events("merge", f"merged.{extension}", "-o", f"again.{extension}")
    assert Path(f"again.{extension}").read_bytes() == Path(f"whole.{extension}").read_bytes()


@pytest.mark.parametrize(("first", "count"), [(0, 5), (8, 4), (9, 20), (10, 10), (30, 5), (0, 0)])
def test_a_range_over_several_files_counts_through_them(first: int, count: int):
    events("generate", "-o", "all.csv", "--n-events", 30)
    for part in range(3):
        events("generate", "-o", f"{part}.csv", "--n-events", 10, "--first-event", 10 * part)
    bounds = ("--first-event", first, "--n-events", count)
    events("merge", "0.csv", "1.csv", "2.csv", *bounds, "-o", "merged.csv")
    events("select", "all.csv", *bounds, "-o", "selected.csv")
    assert rows("merged.csv") == rows("selected.csv")
    assert statistics("0.csv", "1.csv", "2.csv", *bounds) == statistics("all.csv", *bounds)
    events("info", "0.csv", "1.csv", "2.csv", *bounds, "--format", "json", "-o", "info.json")
    taken = [facts["stop"] - facts["first"] for facts in json.loads(Path("info.json").read_text())]
    assert sum(taken) == len(rows("merged.csv"))


def test_select_keeps_what_passes_in_order_with_the_columns_asked_for():
    events("generate", "-o", "made.csv", "--n-events", 500)
    events(
        "select", "made.csv", "--filter", 'energy > 20 and status != "active"',
        "--columns", "energy,event_id", "--first-event", 100, "-o", "kept.csv",
    )  # fmt: skip
    expected = [
        {"energy": row["energy"], "event_id": row["event_id"]}
        for row in rows("made.csv")[100:]
        if float(row["energy"]) > 20 and row["status"] != "active"
    ]
    assert rows("kept.csv") == expected
    assert list(rows("kept.csv")[0]) == ["energy", "event_id"]


def test_calibrated_energies_use_the_constants_of_their_sensor():
    events("generate", "-o", "made.csv", "--n-events", 50, "--sensors", 2)
    Path("constants.csv").write_text("sensor_id,gain,offset\n1,2,0.5\n0,1,0\n")
    events(
        "calibrate", "made.csv", "--constants", "constants.csv", "-o", "calibrated.csv", "--first-event", 10
    )
    for raw, made in zip(rows("made.csv")[10:], rows("calibrated.csv"), strict=True):
        energy = float(raw["energy"])
        assert float(made["energy"]) == (energy if raw["sensor_id"] == "0" else 2 * (energy - 0.5))
        assert {**made, "energy": ""} == {**raw, "energy": ""}


def test_a_sensor_without_constants_is_named(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 50, "--sensors", 2)
    Path("constants.csv").write_text("sensor_id,gain,offset\n0,1,0\n")
    said = refused(capsys, "calibrate", "made.csv", "--constants", "constants.csv", "-o", "calibrated.csv")
    assert "sensor 1 has events but no constants" in said
    assert not Path("calibrated.csv").exists()


def test_constants_for_a_sensor_twice_are_refused(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 5)
    Path("constants.csv").write_text("sensor_id,gain,offset\n0,1,0\n0,1,1\n")
    said = refused(capsys, "calibrate", "made.csv", "--constants", "constants.csv", "-o", "calibrated.csv")
    assert "constants.csv has constants for a sensor twice" in said


@pytest.mark.shared
@pytest.mark.parametrize("size", [7, 1000, 2304])
def test_statistics_of_a_real_root_file_equal_those_of_uproot(shared: Path, size: int):
    uproot = pytest.importorskip("uproot")
    path = shared / "data" / "uproot-Zmumu.root"
    tree = uproot.open(path)["events"].arrays(["M", "Run", "Type"], library="np")
    masses = tree["M"].astype(float).tolist()
    options = ("--energy-column", "M", "--sensor-column", "Run", "--status-column", "Type", "--threshold", 90)
    # ranges of 7: of the first 280 events, to keep it quick
    stop = 2304 if size > 7 else 280
    parts = []
    for first in range(0, stop, size):
        count = min(size, stop - first)
        parts.append(f"{first}.json")
        events("stats", path, *options, "--first-event", first, "--n-events", count, "-o", parts[-1])
    events("merge", *parts, "-o", "merged.json")
    found = json.loads(Path("merged.json").read_text())
    assert found["n_events"] == stop
    assert found["energy"]["mean"] == float(sum(map(Fraction, masses[:stop])) / stop)
    assert math.isclose(found["energy"]["mean"], math.fsum(masses[:stop]) / stop, rel_tol=1e-15)
    assert found["energy"]["above_threshold"] == sum(mass > 90 for mass in masses[:stop])
    for part, column in (("status", "Type"), ("sensors", "Run")):
        expected: dict[str, int] = {}
        for value in tree[column].tolist()[:stop]:
            expected[str(value)] = expected.get(str(value), 0) + 1
        assert found[part]["values"] == expected


@pytest.mark.shared
def test_a_selection_of_a_real_root_file_equals_that_of_uproot(shared: Path):
    uproot = pytest.importorskip("uproot")
    path = shared / "data" / "uproot-HZZ.root"
    tree = uproot.open(path)["events"].arrays(["NMuon", "MET_px"], library="np")
    events(
        "select",
        path,
        "--filter",
        "NMuon >= 2 and MET_px > 10",
        "--columns",
        "NMuon,MET_px",
        "-o",
        "kept.parquet",
    )
    import pyarrow.parquet as parquet

    kept = parquet.read_table("kept.parquet").to_pydict()
    passing = (tree["NMuon"] >= 2) & (tree["MET_px"] > 10)
    assert kept["NMuon"] == tree["NMuon"][passing].tolist()
    assert kept["MET_px"] == tree["MET_px"][passing].tolist()


@pytest.mark.shared
def test_a_column_with_a_list_for_each_event_cannot_be_added_up(
    shared: Path, capsys: pytest.CaptureFixture[str]
):
    path = shared / "data" / "uproot-HZZ.root"
    said = refused(capsys, "stats", path, "--without", "sensor,status", "--energy-column", "Muon_E")
    assert "column 'Muon_E' has type" in said
    assert "one number per event is wanted" in said


@pytest.mark.shared
def test_missing_columns_are_all_named_with_what_there_is(shared: Path, capsys: pytest.CaptureFixture[str]):
    path = shared / "data" / "uproot-Zmumu.root"
    said = refused(capsys, "stats", path, "--energy-column", "pt")
    assert (
        "no column 'status' (--status-column), 'sensor_id' (--sensor-column), 'pt' (--energy-column; " in said
    )
    assert "did you mean 'pt2'?)" in said
    assert said.count("E1") == said.count("its columns are: Type, Run, Event, E1") == 1
    assert "or leave parts out: --without status,sensor,energy" in said


def test_events_and_statistics_are_not_merged_with_each_other(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 5)
    events("stats", "made.csv", "-o", "made.json")
    said = refused(capsys, "merge", "made.csv", "made.json", "-o", "merged.csv")
    assert "made.json holds partial statistics but made.csv does not" in said
    assert not Path("merged.csv").exists()


def test_statistics_have_no_range(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 5)
    events("stats", "made.csv", "-o", "made.json")
    said = refused(capsys, "merge", "made.json", "--n-events", 1, "-o", "merged.json")
    assert "leave out --first-event, --n-events" in said


def test_files_with_other_columns_are_not_joined(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 5)
    events("select", "made.csv", "--columns", "event_id", "-o", "other.csv")
    for options in ((), ("--first-event", 1)):
        said = refused(capsys, "merge", "made.csv", "other.csv", *options, "-o", "merged.csv")
        assert "other.csv" in said
        assert not Path("merged.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "-o", "x.csv", "--first-event", -1), "-1 is not in the range x>=0"),
        (("generate", "-o", "x.csv", "--first-event", 2**52), "numbered up to"),
        (("generate", "-o", "x.csv", "--energy-column", "status"), "two columns would have one name"),
        (("generate", "-o", "x.unknown"), "x.unknown: its name says no event format"),
        (("generate", "-o", "x.parqet"), "its name says no event format; did you mean '.parquet'?"),
        (("info", "nothing.cvs"), "nothing.cvs: no such file"),
        (("stats", "missing.csv"), "missing.csv: no such file"),
        (("stats", "made.csv", "--bins", 0), "1 to 1000000 bins, not 0"),
        (
            ("stats", "made.csv", "--without", "colour"),
            "no part named 'colour'; known: energy, sensor, status",
        ),
        (("stats", "made.csv", "--filter", "energy >"), "energy >"),
        (("stats", "made.csv", "--filter", "enrgy > 1"), "did you mean 'energy'"),
        (("select", "made.csv", "-o", "x.csv", "--columns", "enrgy"), "did you mean 'energy'"),
        (("merge", "-o", "x.csv"), "Missing argument"),
        (("select", "made.csv", "-o", "x.csv", "--type", "energy"), "'energy' is no COLUMN=TYPE"),
        (("select", "made.csv", "-o", "x.csv", "--type", "=double"), "'=double' is no COLUMN=TYPE"),
        (("select", "made.csv", "-o", "x.csv", "--type", "enrgy=double"), "did you mean 'energy'?"),
        (("select", "made.csv", "-o", "x.csv", "--type", "energy=dbl"), "no column type named 'dbl'"),
        (
            ("info", "made.csv", "--table", "events"),
            "has no table 'events': its format is comma-separated values",
        ),
        (("calibrate", "made.csv", "-o", "x.csv", "--constants", "made.csv"), "no column 'gain'"),
        (("info", "."), "is a folder"),
    ],
)
def test_a_mistake_of_the_caller_is_told_with_exit_code_2_and_nothing_is_written(
    arguments: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]
):
    events("generate", "-o", "made.csv", "--n-events", 5)
    assert message in refused(capsys, *arguments)
    assert sorted(path.name for path in Path().iterdir()) == ["made.csv"]


def test_an_empty_range_has_statistics_too():
    events("generate", "-o", "made.csv", "--n-events", 5)
    found = statistics("made.csv", "--first-event", 5)
    assert (found["n_events"], found["energy"]["mean"]) == (0, None)


def test_info_is_for_people_too(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.parquet", "--n-events", 5)
    events("info", "made.parquet", "--first-event", 2)
    said = capsys.readouterr().out
    assert "events   5 (by metadata)" in said
    assert "range    [2, 5)" in said
    assert "column   sensor_id  int32" in said


def test_help_names_every_program_and_imports_none(capsys: pytest.CaptureFixture[str]):
    events("--help")
    said = capsys.readouterr().out
    assert all(name in said for name in ("generate", "info", "stats", "select", "calibrate", "merge"))


@pytest.mark.parametrize("program", ["stats", "select", "calibrate"])
def test_a_row_index_changes_nothing_but_the_time(program: str):
    events("generate", "-o", "made.csv", "--n-events", 50, "--sensors", 2)
    Path("constants.csv").write_text("sensor_id,gain,offset\n1,2,0.5\n0,1,0\n")
    events("info", "made.csv", "--row-index", "made.rows", "-o", "info.txt")
    options = [
        "--first-event",
        30,
        "--n-events",
        10,
        *(["--constants", "constants.csv"] * (program == "calibrate")),
    ]
    extension = "json" if program == "stats" else "csv"
    events(program, "made.csv", *options, "-o", f"without.{extension}")
    events(program, "made.csv", *options, "--row-index", "made.rows", "-o", f"with.{extension}")
    assert Path(f"with.{extension}").read_bytes() == Path(f"without.{extension}").read_bytes()


def test_the_row_index_of_another_file_is_refused(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 50)
    events("generate", "-o", "other.csv", "--n-events", 51)
    events("info", "made.csv", "--row-index", "made.rows", "-o", "info.txt")
    assert "probe the file again" in refused(capsys, "stats", "other.csv", "--row-index", "made.rows")
    assert "is the row index of one file; 2 are given" in refused(
        capsys, "stats", "made.csv", "other.csv", "--row-index", "made.rows"
    )
    assert "is no row index" in refused(capsys, "stats", "made.csv", "--row-index", "made.csv")


def test_only_text_has_a_row_index(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.parquet", "--n-events", 5)
    assert "of one text file" in refused(capsys, "info", "made.parquet", "--row-index", "made.rows")


def test_a_type_may_be_given_for_a_column_of_text(capsys: pytest.CaptureFixture[str]):
    lines = [f"{number},7" for number in range(200_000)]
    Path("codes.csv").write_text("\n".join(["event_id,code", *lines, "1,7a"]) + "\n")
    Path("more.csv").write_text("event_id,code\n2,8b\n")
    said = refused(capsys, "select", "codes.csv", "-o", "x.parquet")
    assert "column 'code' has '7a', expected int64" in said
    assert "on the shell --type code=string" in said
    events("select", "codes.csv", "--type", "code=string", "-o", "x.parquet")
    events("merge", "codes.csv", "more.csv", "--type", "code=string", "-o", "all.parquet")
    events(
        "merge", "codes.csv", "more.csv", "--type", "code=string", "--first-event", 200_000, "-o", "end.csv"
    )
    assert rows("end.csv") == [{"event_id": "1", "code": "7a"}, {"event_id": "2", "code": "8b"}]
    options = ("--without", "sensor,energy", "--status-column", "code", "--type", "code=string")
    counts = statistics("codes.csv", "more.csv", *options)["status"]["values"]
    assert counts == {"7": 200_000, "7a": 1, "8b": 1}
    assert statistics("all.parquet", *options[:4])["status"]["values"] == counts
    events("info", "more.csv", "--type", "event_id=double", "--format", "json", "-o", "info.json")
    assert json.loads(Path("info.json").read_text())[0]["columns"]["event_id"] == "double"


def test_energies_of_a_given_type_are_calibrated():
    Path("made.csv").write_text("sensor_id,energy\n0,1\n")
    Path("constants.csv").write_text("sensor_id,gain,offset\n0,2,0\n")
    events(
        "calibrate", "made.csv", "--constants", "constants.csv", "--type", "energy=float", "-o", "x.parquet"
    )  # fmt: skip
    events("select", "x.parquet", "-o", "x.csv")
    assert rows("x.csv") == [{"sensor_id": "0", "energy": "2.0"}]


def test_statistics_of_other_questions_are_told_by_file_and_option(capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 5)
    events("stats", "made.csv", "-o", "a.json")
    events("stats", "made.csv", "--without", "sensor", "--filter", "energy > 1", "-o", "b.json")
    said = refused(capsys, "merge", "a.json", "b.json", "-o", "c.json")
    assert "b.json: was made with other options than a.json" in said
    assert "sensor column none (there: 'sensor_id'), filter 'energy > 1' (there: none)" in said


def test_of_many_columns_some_are_listed(capsys: pytest.CaptureFixture[str]):
    names = [f"column_{number}" for number in range(100)]
    Path("wide.csv").write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    said = refused(capsys, "stats", "wide.csv")
    assert "column_39 and 60 more (helios-events info)" in said
    assert "column_40" not in said


def test_no_option_is_named_for_columns_that_none_names(capsys: pytest.CaptureFixture[str]):
    Path("made.csv").write_text("sensor_id,energy\n0,1\n")
    said = refused(capsys, "calibrate", "made.csv", "--constants", "made.csv", "-o", "x.csv")
    assert "made.csv: no column 'gain', 'offset'\nits columns are: sensor_id, energy" in said


@pytest.mark.parametrize("program", ["select", "stats", "merge", "calibrate", "info"])
def test_no_program_takes_a_table_where_a_format_has_none(program: str, capsys: pytest.CaptureFixture[str]):
    events("generate", "-o", "made.csv", "--n-events", 5)
    options = ["--constants", "made.csv"] if program == "calibrate" else []
    said = refused(capsys, program, "made.csv", "--table", "x", "-o", "x.csv", *options)
    assert "made.csv: has no table 'x': its format is comma-separated values, without named tables" in said
    assert not Path("x.csv").exists()
