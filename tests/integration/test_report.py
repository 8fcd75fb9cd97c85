"""Reports of made runs, on SQLite and PostgreSQL: the facts, the page, and the table of jobs."""

from __future__ import annotations

import csv
import json
import resource
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from made_runs import made_ranges, made_run
from sqlalchemy import text

from helios_wf.report import Facts, gather
from helios_wf.report.page import html
from helios_wf.states import Cause, JobState, RangeState, RunState
from helios_wf.store import Store, jobs
from helios_wf.store.rows import Lease, Settlement
from helios_wf.tables import jobs as job_table

HOSTILE = '</script><script>window.broken = true</script><img src=x onerror="window.broken = true">\x1b[31m'


@pytest.fixture
def opened(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path}/helios.db", tmp_path)


def test_the_facts_of_a_run_add_up(store: Store, tmp_path: Path) -> None:
    facts = gather(store, made_run(store, tmp_path / "w", 4000, n_workers=8, failing=0.01))
    done = sum(task.jobs.get(JobState.DONE, 0) for task in facts.tasks)
    failed = sum(task.jobs.get(JobState.FAILED, 0) for task in facts.tasks)
    assert (facts.run.state, facts.n_jobs, done + failed) == (RunState.FAILED, 4000, 4000)
    assert failed > 0
    assert [task.after for task in facts.tasks] == [(), (0,), (0,), (1, 2)]
    assert sum(sum(one.ended) for one in facts.series) == done
    assert sum(sum(one.failed) for one in facts.series) == failed
    assert sum(kind.n_jobs for kind in facts.failures) == failed
    assert {kind.step for kind in facts.failures} <= set(facts.names().values())
    assert {line.state for line in facts.jobs[:failed]} == {JobState.FAILED}
    took = [task.took_s for task in facts.tasks if task.took_s is not None]
    at_work = sum(sum(one.running) for one in facts.series) * facts.bins.width_s
    assert at_work == pytest.approx(sum(one.total for one in took), rel=0.01)


def test_the_time_of_workers_is_all_accounted_for(store: Store, tmp_path: Path) -> None:
    facts = gather(store, made_run(store, tmp_path / "w", 800, n_workers=4, failing=0.02))
    over = facts.overhead
    assert over.n_workers == 4
    parts = over.tool_s + over.around_s + over.failed_s + over.between_s
    assert parts == pytest.approx(over.present_s)
    assert over.failed_s > 0
    assert over.between_s == pytest.approx(4 * (800 / 4 - 1) * 0.02, rel=0.1)
    assert over.around_s / (over.around_s + over.tool_s) == pytest.approx(0.07, abs=0.001)
    assert (round(over.before_s, 3), round(over.after_s, 3)) == (1.0, 2.0)
    assert facts.blocks is not None
    assert len(facts.blocks) == 800
    assert sum(worker.jobs for worker in facts.workers) == 800


def test_what_was_asked_stands_beside_what_was_used(store: Store, tmp_path: Path) -> None:
    facts = gather(store, made_run(store, tmp_path / "w", 400, failing=0, gpus=True))
    decode, reconstruct = facts.tasks[:2]
    assert decode.asked.memory_mb is not None
    assert decode.asked.memory_mb.most == 2000
    assert decode.asked.time_s is None
    assert reconstruct.asked.time_s is not None
    assert decode.peak_memory_mb is not None
    assert (decode.peak_memory_mb.least, decode.peak_memory_mb.most) == (900, 999)
    assert decode.efficiency == pytest.approx(0.85 / 0.93)
    assert decode.queue_s is not None
    assert decode.queue_s.median == pytest.approx(0.5, rel=0.011)
    assert [(one.uuid, one.jobs, one.utilisation) for one in facts.devices] == [
        ("GPU-0", 200, pytest.approx(65)),
        ("GPU-1", 200, pytest.approx(65)),
    ]
    assert decode.n_bytes == sum(50_000 + index for index in range(100))


def test_event_ranges_that_were_lost_are_told_with_their_reason(store: Store, tmp_path: Path) -> None:
    run = made_run(store, tmp_path / "w", 40)
    made_ranges(store, run, 1, 3000, fatal=(5, 77))
    facts = gather(store, run)
    events = facts.tasks[1].events
    assert events is not None
    assert (events.done, events.lost, events.tries) == (29_980, 20, 3000)
    assert events.ranges == {RangeState.DONE: 2998, RangeState.FATAL: 2}
    assert facts.n_lost_ranges == 2
    first = facts.lost_ranges[0].failure
    assert (first.events, first.signal, first.job) == ((50, 60), 11, "reconstruct[0]")
    assert sum(facts.series[1].events) == pytest.approx(29_980)
    assert "stack overflow in track fit" in html(facts)


def test_tries_that_were_repeated_are_counted_with_their_time_and_cause(store: Store, tmp_path: Path) -> None:
    run = made_run(store, tmp_path / "w", 0)
    with store.write() as tx:
        for attempt in (1, 2):
            jobs.lease(tx, run, [Lease(0, "3", attempt, backend="made")])
            jobs.started(tx, run, [(0, "3", attempt)])
            last = attempt == 2
            jobs.settle(
                tx,
                run,
                [
                    Settlement(
                        *(0, "3", attempt, JobState.DONE if last else JobState.READY),
                        cause=None if last else Cause.MEMORY,
                        message="" if last else "it was killed for memory; it asked for 100 MiB",
                    )
                ],
            )
    (trouble,) = gather(store, run).troubles
    assert (trouble.task, trouble.cause, trouble.n) == (0, Cause.MEMORY, 1)
    assert trouble.message == "it was killed for memory; it asked for 100 MiB"
    assert trouble.seconds >= 0
    assert gather(store, run).tasks[0].attempts == {2: 1}


def test_a_run_without_a_single_job_has_a_report(opened: Store, tmp_path: Path) -> None:
    run = made_run(opened, tmp_path / "w", 0, failing=0)
    facts = gather(opened, run)
    assert (facts.n_jobs, facts.workers, facts.overhead.present_s) == (0, (), 0)
    assert "It worked." in html(facts)


def test_a_run_that_goes_on_says_so(opened: Store, tmp_path: Path) -> None:
    run = made_run(opened, tmp_path / "w", 8, failing=0)
    with opened.write() as tx:
        jobs.lease(tx, run, [Lease(3, "9", 1, backend="made")])
    with opened.write() as tx:
        tx.execute(text("UPDATE runs SET state = 'RUNNING', engine = NULL"))
        tx.execute(text("UPDATE tasks SET total = NULL, state = 'IN_PROGRESS' WHERE number = 3"))
    facts = gather(opened, run)
    assert (facts.run.ended_at, facts.tasks[3].jobs[JobState.LEASED]) == (None, 1)
    page = html(facts)
    assert "It goes on. 8 of 9 or more jobs" in page
    assert f"helios-wf resume {run} goes on with it" in page


def test_facts_go_to_json_and_back_with_every_field_there(opened: Store, tmp_path: Path) -> None:
    facts = gather(opened, made_run(opened, tmp_path / "w", 40))
    told = msgspec.json.encode(facts)
    assert msgspec.json.decode(told, type=Facts) == facts
    value: dict[str, Any] = json.loads(told)
    assert set(value) == set(Facts.__struct_fields__)
    assert set(value["tasks"][0]) >= {"queue_s", "took_s", "wall_s", "asked", "peak_memory_mb", "events"}


def test_no_name_or_log_becomes_markup(opened: Store, tmp_path: Path) -> None:
    outputs = {HOSTILE: [{"class": "File", "path": f"/x/{HOSTILE}", "basename": HOSTILE, "size": 3}]}
    run = made_run(opened, tmp_path / "w", 40, failing=0.3, said=HOSTILE, outputs=outputs)
    page = html(gather(opened, run))
    assert "&lt;script&gt;window.broken" in page
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "\x1b" not in page


def test_the_table_of_jobs_has_a_row_for_each_with_all_columns(store: Store, tmp_path: Path) -> None:
    run = made_run(store, tmp_path / "w", 400, failing=0.05, gpus=True)
    with store.read() as tx:
        job_table.write_csv(tx, run, tmp_path / "jobs.csv")
        job_table.write_parquet(tx, run, tmp_path / "jobs.parquet")
    with (tmp_path / "jobs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "jobs.parquet")
    assert (len(rows), table.num_rows) == (400, 400)
    assert tuple(rows[0]) == tuple(table.column_names) == tuple(job_table.COLUMNS)
    failed = [row for row in rows if row["state"] == "FAILED"]
    assert {(row["cause"], row["exit_code"]) for row in failed} == {("EXIT", "7")}
    assert {row["queue_s"] for row in rows} == {"0.5"}
    assert rows[0]["started"] > rows[0]["submitted"]
    assert table.column("peak_memory_mb").to_pylist() == [float(row["peak_memory_mb"]) for row in rows]


@pytest.mark.slow
def test_a_hundred_thousand_jobs_cost_less_than_a_megabyte_and_little_memory(
    opened: Store, tmp_path: Path
) -> None:
    run = made_run(opened, tmp_path / "w", 100_000, failing=0.05)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    facts = gather(opened, run)
    page = html(facts)
    assert (facts.n_jobs, len(facts.jobs), facts.blocks) == (100_000, 200, None)
    assert len(page) < 600_000
    assert len(msgspec.json.encode(facts)) < 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
