"""``helios-wf ranges``: which event ranges failed, of which file, why, and where their logs are."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from driving import HELIOS_WF, wait_until
from fragile_runs import Fragile
from pyarrow import parquet

from helios_wf.cli.ranges import write_csv
from helios_wf.store import Store, bulk, runs, tasks
from helios_wf.store.rows import NewRun, NewTask
from helios_wf.tables.ranges import COLUMNS, Book

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

STDERR = "cannot do event 21\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failed")


@pytest.fixture
def failed(helios: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Fragile:
    """A run that failed for one of its 48 events; made once."""
    monkeypatch.chdir(folder)
    helios.folder = folder
    fragile = Fragile(helios, "resident", 48, {21: "exit 7"})
    if not (folder / ".helios").exists():
        assert fragile.run() == 1
    return fragile


def test_a_range_that_failed_is_told_with_its_file_its_cause_its_log_and_where_the_whole_log_is(
    failed: Fragile,
) -> None:
    (row,) = failed.ranges("--state", "failed")
    assert list(row) == list(COLUMNS)
    assert (row["step"], row["job"], row["file"]) == ("number", "0/0", str(failed.raw[0]))
    assert (row["first"], row["stop"], row["state"]) == (21, 22, "FATAL")
    assert (row["cause"], row["exit_code"], row["signal"]) == ("EXIT", 7, None)
    assert (row["tries"], row["charged"], row["lost"]) == (2, 2, 0)
    assert row["host"]
    assert row["worker"]
    assert row["started"].startswith("20")
    assert row["wall_s"] >= 0
    assert row["n_out"] is None
    assert row["stderr_tail"] == STDERR.rstrip()
    assert (Path(row["folder"]) / "stderr").read_text() == STDERR


def test_the_table_says_what_failed_and_how_many_events_are_done(failed: Fragile) -> None:
    assert failed.helios("ranges") == 0
    header, *rows, said, where, ends, tail, log, summed = failed.helios.out.splitlines()
    assert header.split() == [
        "JOB",
        "FILE",
        "EVENTS",
        "STATE",
        "TRIES",
        "WHY",
        "WORKER",
        "SECONDS",
        "WRITTEN",
    ]
    assert len(rows) == len(failed.ranges())
    assert said == "number[0,0] failed: it exited with 7"
    assert where.startswith(f"  attempt 2, event 21 of {failed.raw[0]}, on ")
    assert (ends, tail) == ("  its stderr ends with:", "    cannot do event 21")
    assert log.endswith("/stderr")
    assert summed.startswith(f"{len(rows)} event ranges: ")
    assert "1 FATAL (1 event)" in summed
    assert "DONE (47 events)" in summed


def test_json_csv_and_parquet_say_the_same(failed: Fragile, tmp_path: Path) -> None:
    helios, told = failed.helios, failed.ranges(failed.status()["run"], "number")
    assert len(told) > 5
    assert helios("ranges", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(helios.out)))
    assert [{key: value or None for key, value in row.items()} for row in rows] == [
        {key: None if value is None else str(value) for key, value in row.items()} for row in told
    ]
    target = tmp_path / "ranges.parquet"
    assert helios("ranges", "--format", "parquet", "-o", target) == 0
    for row, one in zip(parquet.read_table(target).to_pylist(), told, strict=True):
        at = row.pop("started")
        assert row | {"started": at and at.isoformat(timespec="milliseconds")} == one
    assert helios("ranges", "--format", "json", "-o", tmp_path / "ranges.json") == 0
    assert json.loads((tmp_path / "ranges.json").read_text()) == told


def test_parquet_goes_to_standard_output_too(failed: Fragile) -> None:
    command = [HELIOS_WF, "ranges", "--state", "fatal", "--format", "parquet"]
    done = subprocess.run(command, cwd=failed.helios.folder, capture_output=True, check=True)
    (row,) = parquet.read_table(io.BytesIO(done.stdout)).to_pylist()
    assert (row["first"], row["stop"]) == (21, 22)


def test_a_range_that_hangs_is_told_with_its_worker_and_since_when(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 16, {3: "hang"})
    text = (helios.folder / "fragile.cwl").read_text()
    helios.write(
        "fragile.cwl", text.replace("ToolTimeLimit: {timelimit: 2}", "ToolTimeLimit: {timelimit: 0}")
    )
    raw = f"fragile.0001.raw={fragile.raw[0]}"
    engine = subprocess.Popen([HELIOS_WF, "run", "fragile.cwl", "--dataset", raw, "-q"], cwd=helios.folder)
    found: list[dict[str, object]] = []

    def hangs() -> bool:
        assert engine.poll() is None
        store = helios.folder / ".helios" / "helios.db"
        if store.exists() and helios("ranges", "--state", "running", "--format", "json") == 0:
            found[:] = json.loads(helios.out)
        return bool(found)

    wait_until(hangs, "no range began")
    assert helios("cancel") == 0
    engine.communicate()
    (row,) = found
    assert (row["first"], row["stop"], row["cause"]) == (0, 16, None)
    assert row["worker"]
    assert row["host"]
    assert str(row["started"]).startswith("20")
    assert row["wall_s"] is not None


def test_what_there_is_not_is_told(failed: Fragile) -> None:
    helios = failed.helios
    assert helios("ranges", "--state", "cancelled") == 0
    assert helios.out.endswith("has no such event ranges\n")
    assert failed.ranges("--state", "cancelled") == []
    run = failed.status()["run"]
    assert helios("ranges", run, "numbr") == 2
    assert "has no step 'numbr'; did you mean 'number'?" in helios.err
    assert helios("ranges", run, "--state", "fine") == 2
    assert "'fatal'" in helios.err


def test_ranges_are_not_held_in_memory(tmp_path: Path) -> None:
    peaks = [_peak(tmp_path / str(n), n) for n in (4_000, 40_000)]
    assert peaks[1] < 1.5 * peaks[0]


def _peak(folder: Path, n: int) -> int:
    """Returns the peak of memory, in bytes, while ``n`` ranges are written as CSV."""
    store = Store.open(None, folder)
    ranges = [{"path": "a0", "first": 10 * at, "stop": 10 * at + 10} for at in range(n)]
    with store.write() as tx:
        runs.create(tx, NewRun("r", "many.cwl", "0", "r"))
        tasks.create(tx, "r", [NewTask(0, "many", "")])
        bulk.many(
            tx,
            "INSERT INTO jobs (run, task, path, state, attempt, charged, lost, backend, directory, "
            "not_before) VALUES ('r', 0, :path, 'DONE', 1, 0, 0, '', '', 0)",
            ranges[:1],
        )
        bulk.many(
            tx,
            "INSERT INTO event_ranges (run, task, path, first, stop, state, number, attempt, charged, lost, "
            "depth, not_before) VALUES ('r', 0, :path, :first, :stop, 'DONE', 1, 1, 0, 0, 0, 0)",
            ranges,
        )
    with store.read() as tx:
        run = runs.get(tx, "r")
    with (folder / "ranges.csv").open("w") as out:
        tracemalloc.start()
        write_csv(Book(store, run, None, None), out)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    store.close()
    assert len((folder / "ranges.csv").read_text().splitlines()) == n + 1
    return peak
