"""``helios-wf report``: what a run was, as a page, as JSON, and as a table of its jobs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from helios_wf import resources
from helios_wf.event_tools import main as helios_events

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

N_EVENTS = 4000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reported")


@pytest.fixture
def run(helios: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run of the shipped statistics over made events; it is run once."""
    monkeypatch.chdir(folder)
    helios.folder = folder
    if not (folder / ".helios").exists():
        made = ["generate", "--n-events", str(N_EVENTS), "--seed", "3", "--output", "events.parquet"]
        helios_events(made)
        template = resources.templates() / "event_statistics" / "event_statistics.cwl"
        arguments = ("--dataset", "helios.000042.physics.events=events.parquet", "--outdir", "results", "-q")
        cut = ("--set", "partial.split.eventsPerRange=500", "--set", "partial.split.eventsPerJob=1000")
        assert helios("run", template, *arguments, *cut) == 0, helios.err
    one = helios.json("runs", "--format", "json")[-1]
    identity: str = one["run"]
    return identity


def test_the_page_of_a_run_shows_what_it_did_and_the_histograms_that_it_made(
    helios: Command, run: str
) -> None:
    assert helios("report", "-o", "report.html") == 0
    assert (helios.out, helios.err) == (
        "",
        f"wrote report.html: run {run} of event_statistics.cwl, DONE\n",
    )
    page = Path("report.html").read_text()
    assert "It worked. All 5 jobs of 2 steps are done in" in page
    assert f"{N_EVENTS:,} entries" in page
    for step in ("partial", "merge"):
        assert f">{step}</span>" in page
    assert "helios.000042.physics.statistics.v1" in page


def test_the_same_is_told_as_one_json_value(helios: Command, run: str) -> None:
    facts = helios.json("report", run, "--format", "json")
    assert (facts["run"]["id"], facts["run"]["state"], facts["n_jobs"]) == (run, "DONE", 5)
    partial, merge = facts["tasks"]
    assert (partial["name"], merge["name"], merge["after"]) == ("partial", "merge", [partial["number"]])
    assert (partial["events"]["done"], partial["events"]["lost"]) == (N_EVENTS, 0)
    assert partial["asked"]["memory_mb"]["most"] == 400
    assert partial["queue_s"]["n"] == partial["took_s"]["n"] == 4
    (energy,) = facts["histograms"]
    assert sum(energy["counts"]) + energy["underflow"] + energy["overflow"] == N_EVENTS
    statistics = json.loads(Path(facts["run"]["outputs"][0]["files"][0]).read_text())
    assert energy["counts"] == statistics["energy"]["histogram"]
    assert {one["name"] for one in facts["categories"]} == {"status", "sensors"}


def test_the_table_of_jobs_is_the_same_in_every_format_and_place(helios: Command, run: str) -> None:
    assert helios("report", run[:-3], "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(helios.out)))
    assert [row["step"] for row in rows] == ["partial"] * 4 + ["merge"]
    assert helios("report", "-o", "jobs.csv") == 0
    assert Path("jobs.csv").read_text() == csv_text(rows)
    assert helios("report", "-o", "jobs.parquet") == 0
    took = parquet.read_table("jobs.parquet").column("took_s").to_pylist()
    assert took == pytest.approx([float(row["took_s"]) for row in rows], abs=1e-6)
    assert all(float(row["took_s"]) >= float(row["wall_s"]) > 0 for row in rows)


def csv_text(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_a_format_goes_over_the_name_of_a_file(helios: Command, run: str) -> None:
    assert helios("report", "--format", "json", "-o", "facts.txt") == 0
    assert json.loads(Path("facts.txt").read_text())["run"]["id"] == run


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "report.pdf"), "report.pdf ends in none of .html, .json, .csv, .parquet; --format says"),
        (("nosuchrun",), "no run 'nosuchrun'"),
        (("-o", "nowhere/report.html"), "nowhere/report.html: No such file or directory\n"),
    ],
)
def test_what_cannot_be_written_is_told(
    helios: Command, run: str, arguments: tuple[str, ...], said: str
) -> None:
    assert helios("report", *arguments) != 0
    assert said in helios.err
    assert helios.out == ""


def test_what_another_run_has_done_is_told_as_reused_and_costs_nothing(helios: Command, run: str) -> None:
    template = resources.templates() / "event_statistics" / "event_statistics.cwl"
    helios.write("job.yml", "events: [{class: File, path: events.parquet}]")
    for outdir in ("once", "again"):
        cut = ("--set", "partial.split.eventsPerRange=400", "--set", "partial.split.eventsPerJob=2000")
        assert helios("run", "-q", template, "job.yml", "--outdir", outdir, *cut) == 0, helios.err
    facts = helios.json("report", "--format", "json")
    assert facts["run"]["id"] != run
    assert [(task["name"], task["reused"]) for task in facts["tasks"]] == [("partial", 2), ("merge", 1)]
    assert facts["tasks"][0]["events"]["done"] == N_EVENTS
    assert sum(task["n_bytes"] for task in facts["tasks"]) == 0
    assert (facts["workers"], facts["overhead"]["present_s"]) == ([], 0)
    assert helios("report", "--format", "csv") == 0
    assert all(row["reused"] for row in csv.DictReader(io.StringIO(helios.out)))
