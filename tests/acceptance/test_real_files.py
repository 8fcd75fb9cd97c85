"""Real ROOT files through the engine: what comes out equals what uproot and numpy alone compute."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from fragile_runs import WAYS
from pyarrow import parquet

from helios_wf import event_stream, resources

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from tests.acceptance.conftest import Command

uproot = pytest.importorskip("uproot", reason="uproot is not installed")

pytestmark = pytest.mark.shared

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  events: File[]
  most: long?
  table: string?
  energy: string
  status: string
  sensor: string
  filter: string
  columns: string[]
steps:
  stats:
    run: cwl_tools/events_stats.cwl
    scatter: events
    in:
      {events: events, n_events: most, table: table, energy_column: energy, status_column: status,
       sensor_column: sensor, threshold: {default: 90}}
    out: [statistics]
    helios:split: {input: events, eventsPerJob: 1000}
  add:
    run: cwl_tools/stats_merge.cwl
    in: {parts: stats/statistics}
    out: [merged]
    helios:merge: {input: parts}
  select:
    run: cwl_tools/events_select.cwl
    scatter: events
    in:
      {events: events, n_events: most, table: table, filter: filter, columns: columns,
       extension: {default: parquet}}
    out: [selected]
    helios:split: {input: events, eventsPerJob: 1000}
  join:
    run: cwl_tools/events_merge.cwl
    in: {parts: select/selected, extension: {default: parquet}}
    out: [merged]
    helios:merge: {input: parts}
outputs:
  statistics: {type: File, outputSource: add/merged}
  selection: {type: File, outputSource: join/merged}
"""


class Case(NamedTuple):
    """A file, its columns, and a selection: as a filter of ours and as numpy has it."""

    file: str
    table: str
    energy: str
    status: str
    sensor: str
    filter: str
    chosen: Callable[[dict[str, np.ndarray]], np.ndarray]
    columns: tuple[str, ...]


PILE_UP = "EventInfoAuxDyn:averageInteractionsPerCrossing"
CASES = {
    "Zmumu": Case(
        "uproot-Zmumu.root", "events", "M", "Type", "Run",
        "M > 80 and Q1 != Q2", lambda tree: (tree["M"] > 80) & (tree["Q1"] != tree["Q2"]),
        ("Event", "M", "Q1", "Q2"),
    ),
    "HZZ": Case(
        "uproot-HZZ.root", "events", "MET_px", "NJet", "NMuon",
        "NMuon >= 2 and MET_px > 10", lambda tree: (tree["NMuon"] >= 2) & (tree["MET_px"] > 10),
        ("NMuon", "MET_px"),
    ),
    "nanoAOD": Case(
        "nanoAOD_2015_CMS_Open_Data_ttbar.root", "Events", "MET_pt", "nMuon", "nJet",
        "MET_pt > 40 and nJet > 0", lambda tree: (tree["MET_pt"] > 40) & (tree["nJet"] > 0),
        ("event", "MET_pt", "nJet"),
    ),
    "RNTuple": Case(
        "uproot-physlite-rntuple_v1-0-0-0.root", "EventData", PILE_UP,
        "EventInfoAuxDyn:mcChannelNumber", "EventInfoAuxDyn:lumiBlock",
        f"`{PILE_UP}` > 30", lambda tree: tree[PILE_UP] > 30,
        ("EventInfoAuxDyn:eventNumber", PILE_UP),
    ),
}  # fmt: skip

COMBINATIONS = [
    pytest.param("Zmumu", 1, 18, 2),
    pytest.param("Zmumu", 7, 105, 4),
    pytest.param("Zmumu", 1000, None, 1),
    pytest.param("Zmumu", 100_000, None, 2),
    pytest.param("HZZ", 1, 10, 2),
    pytest.param("HZZ", 7, 35, 1),
    pytest.param("HZZ", 1000, None, 4),
    pytest.param("HZZ", 100_000, None, 2),
    pytest.param("Zmumu", 1, 40, 2, marks=pytest.mark.exhaustive),
    pytest.param("HZZ", 1, 40, 2, marks=pytest.mark.exhaustive),
    pytest.param("Zmumu", 7, None, 2, marks=pytest.mark.exhaustive),
    pytest.param("HZZ", 7, None, 4, marks=pytest.mark.exhaustive),
]
"""Case, events per job, first so many events (None: all), workers."""


def run(
    helios: Command, path: Path, case: Case, size: int, most: int | None, jobs: int, **more: int
) -> dict[str, Path]:
    """Runs statistics and selection of a file through the engine and returns where the outputs are.

    ``more`` are further keys of ``helios:split``.
    """
    if not (helios.folder / "cwl_tools").exists():
        shutil.copytree(resources.cwl_tools(), helios.folder / "cwl_tools")
    helios.write("workflow.cwl", WORKFLOW)
    inputs = {
        "events": [{"class": "File", "path": str(path)}],
        "most": most,
        "table": case.table,
        "energy": case.energy,
        "status": case.status,
        "sensor": case.sensor,
        "filter": case.filter,
        "columns": list(case.columns),
    }
    helios.write("job.json", json.dumps(inputs))
    keys = {"eventsPerJob": size, "table": case.table, **more}
    cut = [f"--set={step}.split.{key}={keys[key]}" for step in ("stats", "select") for key in keys]
    outputs = helios.json(
        "run", "workflow.cwl", "job.json", *cut, "--jobs", str(jobs), "--outdir", "out", "--quiet"
    )
    return {name: Path(file["path"]) for name, file in outputs.items()}


def columns_of(path: Path, case: Case, most: int | None) -> dict[str, np.ndarray]:
    """Returns the case's columns as uproot alone reads them."""
    table = uproot.open(path)[case.table]
    names = {case.energy, case.status, case.sensor, *case.columns}
    return {name: table[name].array(entry_stop=most).to_numpy() for name in names}


def counts(values: np.ndarray) -> dict[str, int]:
    return dict(Counter(str(value) for value in values.tolist()))


@pytest.mark.parametrize(("name", "size", "most", "jobs"), COMBINATIONS)
def test_statistics_and_selections_equal_those_of_uproot_alone(
    helios: Command, shared: Path, name: str, size: int, most: int | None, jobs: int
) -> None:
    check(helios, shared / "data" / CASES[name].file, CASES[name], size, most, jobs)


@pytest.mark.parametrize(
    ("name", "size", "events_per_range", "most", "jobs", "stays"),
    [
        pytest.param("Zmumu", 300, 1, 300, 2, True, id="one event a range"),
        pytest.param("Zmumu", 3000, 100, None, 1, True, id="one job"),
        pytest.param("HZZ", 1000, 70, None, 4, True, id="four workers"),
        pytest.param("Zmumu", 3000, 500, None, 2, False, id="a process for each range"),
    ],
)
def test_neither_the_size_of_ranges_nor_the_way_to_feed_them_changes_what_comes_out(
    helios: Command,
    shared: Path,
    name: str,
    size: int,
    events_per_range: int,
    most: int | None,
    jobs: int,
    stays: bool,
) -> None:
    shutil.copytree(resources.cwl_tools(), helios.folder / "cwl_tools")
    for tool in (helios.folder / "cwl_tools").glob("events_*.cwl") if not stays else ():
        tool.write_text(tool.read_text().replace("helios:events: {resident: stream}\n", ""))
    path = shared / "data" / CASES[name].file
    check(helios, path, CASES[name], size, most, jobs, eventsPerRange=events_per_range)


HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("way", "events_per_range", "most", "jobs"),
    [
        *((way, size, None, jobs) for way in ("resident", "folder") for size, jobs in ((7, 2), (400, 1))),
        ("resident", 1, 50, 2),
        ("folder", 1, 50, 4),
        ("process", 1, 6, 2),
        ("process", 400, None, 4),
    ],
)
def test_every_event_is_there_once_in_order_however_a_tool_that_reads_with_uproot_is_fed(
    helios: Command, shared: Path, way: str, events_per_range: int, most: int | None, jobs: int
) -> None:
    text = (HERE / "masses.cwl").read_text().replace(WAYS["resident"], WAYS[way])
    helios.write("masses.cwl", text.replace("baseCommand: python3", f"baseCommand: {sys.executable}"))
    shutil.copy(HERE / "masses.py", helios.folder)
    shutil.copy(event_stream.__file__, helios.folder)
    path = shared / "data" / CASES["Zmumu"].file
    helios.write("job.json", json.dumps({"events": [{"class": "File", "path": str(path)}], "most": most}))
    cut = f"--set=masses.split.eventsPerRange={events_per_range}"
    outputs = helios.json(
        "run", "masses.cwl", "job.json", cut, "--jobs", str(jobs), "--outdir", "out", "--quiet"
    )
    tree = uproot.open(path)["events"].arrays(["Event", "M"], entry_stop=most, library="np")
    alone = [f"{at} {event} {mass}" for at, (event, mass) in enumerate(zip(*tree.values(), strict=True))]
    assert Path(outputs["joined"]["path"]).read_text().splitlines() == alone
    rows = helios.json("ranges", "--format", "json")
    assert {row["state"] for row in rows} == {"DONE"}
    assert max(row["stop"] - row["first"] for row in rows) <= 1.5 * events_per_range


def check(
    helios: Command, path: Path, case: Case, size: int, most: int | None, jobs: int, **more: int
) -> None:
    """Runs a case through the engine and compares what comes out with what uproot and numpy say."""
    found = run(helios, path, case, size, most, jobs, **more)
    tree = columns_of(path, case, most)
    check_statistics(json.loads(found["statistics"].read_text()), tree, case)
    rows = parquet.read_table(found["selection"]).to_pydict()
    assert rows == {column: tree[column][case.chosen(tree)].tolist() for column in case.columns}
    assert 0 < len(rows[case.columns[0]]) < len(tree[case.energy])


def check_statistics(statistics: dict[str, Any], tree: dict[str, np.ndarray], case: Case) -> None:
    energies = tree[case.energy].astype(float)
    assert statistics["n_events"] == len(energies)
    assert statistics["energy"]["mean"] == float(sum(map(Fraction, energies.tolist())) / len(energies))
    assert statistics["energy"]["above_threshold"] == int((energies > 90).sum())
    assert statistics["status"]["values"] == counts(tree[case.status])
    assert statistics["sensors"]["values"] == counts(tree[case.sensor])


def test_a_file_of_947_columns_is_added_shown_and_cut(helios: Command, shared: Path) -> None:
    path = shared / "data" / CASES["nanoAOD"].file
    assert helios("dataset", "add", "cms.2015.ttbar.nanoaod", path, "--close", "--checksum", "adler32") == 0
    assert helios.out == "cms.2015.ttbar.nanoaod: 1 file, 200 events, 377.6 kB, CLOSED\n"
    assert helios("dataset", "show", "cms.2015.ttbar.nanoaod") == 0
    assert "and 935 more (--format json)" in helios.out
    (file,) = helios.files_of("cms.2015.ttbar.nanoaod")
    assert (file["layout"]["n_events"], len(file["layout"]["columns"])) == (200, 947)
    assert helios("dataset", "verify", "cms.2015.ttbar.nanoaod") == 0
    check(helios, path, CASES["nanoAOD"], size=60, most=None, jobs=2)


def test_an_rntuple_is_added_by_its_table_shown_and_cut(helios: Command, shared: Path) -> None:
    path = shared / "data" / CASES["RNTuple"].file
    assert helios("dataset", "add", "atlas.physlite", path, "--close") == 2
    assert "choose one with table, on the shell --table: " in helios.err
    assert "EventData" in helios.err
    assert helios("dataset", "add", "atlas.physlite", path, "--table", "EventData", "--close") == 0
    assert helios.out == "atlas.physlite: 1 file, 100 events, 2.1 MB, CLOSED\n"
    (file,) = helios.files_of("atlas.physlite")
    assert (file["layout"]["table"], len(file["layout"]["columns"])) == ("EventData", 763)
    assert helios("dataset", "verify", "atlas.physlite") == 0
    check(helios, path, CASES["RNTuple"], size=40, most=None, jobs=2)


def test_the_shipped_template_counts_a_file_that_nobody_generated(helios: Command, shared: Path) -> None:
    path = shared / "data" / "uproot-Zmumu.root"
    inputs = {
        "events": [{"class": "File", "path": str(path)}],
        "energy_column": "M",
        "status_column": "Type",
        "without": ["sensor"],
        "filter": "Q1 != Q2",
        "threshold": 90,
    }
    helios.write("job.json", json.dumps(inputs))
    template = resources.templates() / "event_statistics" / "event_statistics.cwl"
    outputs = helios.json("run", template, "job.json", "--set", "partial.split.eventsPerJob=800", "--quiet")
    found = json.loads(Path(outputs["statistics"]["path"]).read_text())
    table = uproot.open(path)["events"].arrays(["M", "Q1", "Q2", "Type"], library="np")
    masses = table["M"][table["Q1"] != table["Q2"]]
    assert found["n_events"] == len(masses)
    assert found["energy"]["above_threshold"] == int((masses > 90).sum())
    assert found["status"]["values"] == counts(table["Type"][table["Q1"] != table["Q2"]])
