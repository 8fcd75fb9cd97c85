"""The five templates of the language cases give what any CWL runner gives, however their files are cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

pytestmark = pytest.mark.shared

CUTS: dict[str, list[tuple[str, int]]] = {
    "spd_filter": [("process.split.eventsPerJob=7", 2), ("process.split.eventsPerJob=1000", 1)],
    "cms_hists": [("hist.split.eventsPerJob=33", 4), ("hist.split.eventsPerJob=1000", 1)],
    "event_stats": [("partial.split.eventsPerJob=1", 4), ("partial.split.eventsPerJob=1000", 2)],
    "mc": [("make.split.eventsPerJob=7", 4), ("make.split.eventsPerJob=1000", 1)],
    "rubin_isr": [("isr.split.eventsPerRange=50", 4), ("isr.split.eventsPerRange=20", 1)],
}
"""Template: how its split step is cut, and with how many workers."""

RUNS = [
    pytest.param(name, setting, jobs, id=f"{name}-{setting.rpartition('.')[2]}-jobs={jobs}")
    for name, cuts in CUTS.items()
    for setting, jobs in cuts
]


def essence(value: Any) -> Any:
    """What must be equal of an output object: class, size, checksum and order, not names and places."""
    if isinstance(value, list):
        return [essence(one) for one in value]
    if isinstance(value, dict) and value.get("class") == "File":
        return {key: value[key] for key in ("class", "checksum", "size")}
    if isinstance(value, dict):
        return {key: essence(one) for key, one in value.items()}
    return value


def expected(shared: Path, name: str) -> Any:
    return json.loads((shared / "language" / "expected" / f"{name}.json").read_text())


@pytest.mark.parametrize(
    "name",
    # a thousand ranges of one payload each; below, they are longer
    [pytest.param(name, marks=[pytest.mark.exhaustive] if name == "rubin_isr" else []) for name in CUTS],
)
def test_a_job_file_gives_what_any_runner_gives(helios: Command, shared: Path, name: str) -> None:
    folder = shared / "language"
    outputs = helios.json("run", folder / f"{name}.cwl", folder / f"{name}.job.yml", "--outdir", "out")
    assert essence(outputs) == expected(shared, name)


@pytest.mark.parametrize(("name", "setting", "jobs"), RUNS)
def test_neither_range_sizes_nor_workers_show_in_the_outputs(
    helios: Command, shared: Path, name: str, setting: str, jobs: int
) -> None:
    folder = shared / "language"
    run = ("run", folder / f"{name}.cwl", folder / f"{name}.job.yml", "--outdir", "out", "--quiet")
    assert essence(helios.json(*run, "--set", setting, "--jobs", str(jobs))) == expected(shared, name)


def publish(helios: Command, shared: Path, name: str, *arguments: str) -> dict[str, Any]:
    """Runs a template over datasets, once, and returns its outputs."""
    (run,) = helios.json("run", shared / "language" / f"{name}.cwl", "--outdir", "out", *arguments)
    outputs: dict[str, Any] = run["outputs"]
    return outputs


def add(helios: Command, shared: Path, name: str, *files: str, meta: str | None = None) -> None:
    data = shared / "language" / "data"
    more = ("--meta", meta) if meta else ()
    assert helios("dataset", "add", name, *(data / file for file in files), "--close", *more) == 0


def test_spd_filter_takes_the_latest_calibration_and_publishes_what_it_keeps(
    helios: Command, shared: Path
) -> None:
    helios.write("old.txt", "0.0\n")
    assert helios("dataset", "add", "spd.00000012.calib.v9", "old.txt", "--close") == 0
    add(helios, shared, "spd.00000012.calib.v10", "calib.txt")
    add(helios, shared, "spd.00000013.calib.v11", "raw0.txt")
    add(helios, shared, "spd.00000012.physics.raw", "raw0.txt", "raw1.txt", "raw2.txt")
    outputs = publish(helios, shared, "spd_filter", "--set", "process.split.eventsPerJob=30", "--jobs", "2")
    assert essence(outputs) == expected(shared, "spd_filter")
    (file,) = helios.files_of("spd.00000012.physics.kept.v3")
    path = helios.folder / "out" / "spd.00000012.physics.kept.v3" / "spd.00000012.physics.kept.v3.000000.txt"
    assert file["path"] == outputs["kept"][0]["path"] == str(path)
    logs = [name for name in helios.datasets() if ".log." in name]
    steps = ("merge", "process-decode", "process-filter", "process-reco")
    assert logs == [f"spd.00000012.physics.{step}.log.v3" for step in steps]


def test_cms_hists_takes_good_runs_only_and_keeps_the_order_of_variations(
    helios: Command, shared: Path
) -> None:
    raw = ("raw0.txt", "raw1.txt", "raw2.txt")
    add(helios, shared, "cms.273158.muon.nanoaod", *raw, meta="quality=good")
    add(helios, shared, "cms.273159.muon.nanoaod", *raw, meta="quality=bad")
    add(helios, shared, "cms.273157.muon.nanoaod", *raw, meta="quality=good")
    add(helios, shared, "cms.273160.test.nanoaod", *raw, meta="quality=good")
    outputs = publish(helios, shared, "cms_hists", "--set", "hist.split.eventsPerJob=60")
    assert essence(outputs) == expected(shared, "cms_hists")
    files = helios.files_of("cms.273158.muon.hists.v4")
    assert [Path(file["path"]).name for file in files] == [
        f"cms.273158.muon.hists.v4.00000{number}.json" for number in range(3)
    ]
    assert [file["checksum"] for file in files] == [one["checksum"] for one in outputs["hists"]]


def test_event_stats_becomes_a_dataset_of_one_file(helios: Command, shared: Path) -> None:
    add(helios, shared, "helios.may.events", "raw0.txt", "raw1.txt", "raw2.txt")
    outputs = publish(helios, shared, "event_stats")
    assert essence(outputs) == expected(shared, "event_stats")
    (file,) = helios.files_of("helios.may.stats.v1")
    assert Path(file["path"]).name == "helios.may.stats.v1.json"


def test_rubin_isr_publishes_the_output_that_names_a_dataset_and_returns_the_other(
    helios: Command, shared: Path
) -> None:
    folder = shared / "language"
    files = (folder / "rubin_isr.cwl", folder / "rubin_isr.job.yml")
    outputs = helios.json("run", *files, "--outdir", "out", "--set", "isr.split.eventsPerRange=100")
    assert list(helios.datasets()) == ["rubin.w42.isr"]
    assert outputs["final_log"]["path"] == str(helios.folder / "out" / "final.log")


def test_mc_names_its_dataset_after_its_inputs(helios: Command, shared: Path) -> None:
    folder = shared / "language"
    outputs = helios.json("run", folder / "mc.cwl", folder / "mc.job.yml", "--outdir", "out")
    (file,) = helios.files_of("mc.dy.s000007.f0.sim.v1")
    assert file["checksum"] == outputs["sim"][0]["checksum"] == expected(shared, "mc")["sim"][0]["checksum"]
    helios.write("later.yml", "process: dy\nseed: 7\nfirst_event: 100\nn_events: 3\n")
    later = helios.json("run", folder / "mc.cwl", "later.yml", "--outdir", "out")
    assert Path(later["sim"][0]["path"]).read_text().count("\n") == 3
    assert "mc.dy.s000007.f100.sim.v1" in helios.datasets()
