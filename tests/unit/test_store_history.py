"""Whatever is asked of jobs, in whatever order, the event log tells how they came to where they are."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helios_wf.states import JOB_MOVES, SETTLED_JOBS, Cause, JobState
from helios_wf.store import Store, jobs, log
from helios_wf.store.rows import Lease, Settlement

attempts = st.integers(1, 3)
keys = st.tuples(st.integers(0, 1), st.sampled_from(["", "0", "10"]))
ends = st.sampled_from(
    [JobState.READY, JobState.DONE, JobState.FINISHED, JobState.FAILED, JobState.CANCELLED]
)
recorded = st.sampled_from([JobState.DONE, JobState.SKIPPED, JobState.FAILED, JobState.CANCELLED])
asked = st.lists(
    st.one_of(
        st.tuples(st.just("lease"), st.lists(st.tuples(keys, attempts), min_size=1, max_size=4)),
        st.tuples(st.just("start"), st.lists(st.tuples(keys, attempts), min_size=1, max_size=4)),
        st.tuples(st.just("settle"), st.lists(st.tuples(keys, attempts, ends), min_size=1, max_size=4)),
        st.tuples(st.just("record"), st.lists(st.tuples(keys, attempts, recorded), min_size=1, max_size=4)),
        st.tuples(st.just("reset"), st.lists(st.tuples(keys), min_size=1, max_size=4)),
    ),
    max_size=25,
)


def do(tx: Any, run: str, verb: str, entries: Sequence[Any]) -> set[tuple[int, str]]:
    match verb:
        case "lease":
            return jobs.lease(tx, run, [Lease(task=k[0], path=k[1], attempt=a) for k, a in entries])
        case "start":
            return jobs.started(tx, run, [(*k, a) for k, a in entries])
        case "reset":
            return jobs.reset(tx, run, [k for (k,) in entries])
    made = [
        Settlement(task=k[0], path=k[1], attempt=a, to=to, cause=None if to is JobState.DONE else Cause.EXIT)
        for k, a, to in entries
    ]
    return jobs.settle(tx, run, made) if verb == "settle" else jobs.record(tx, run, made)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=asked)
def test_the_log_replays_to_the_table_by_legal_moves(
    store: Store, asked: list[tuple[str, list[Any]]]
) -> None:
    with store.write() as tx:
        tx.exec_driver_sql("DELETE FROM jobs")
        tx.exec_driver_sql("DELETE FROM log")
        changed = [do(tx, "r", verb, entries) for verb, entries in asked]
        entries = log.list(tx, "r")
        table = {(task, path): (state, attempt) for task, path, state, attempt, *_ in jobs.states(tx, "r")}
    replayed: dict[tuple[int | None, str | None], tuple[JobState, int | None]] = {}
    for entry in entries:
        before, attempt = replayed.get((entry.task, entry.path), (JobState.READY, 0))
        assert entry.old == before
        assert JobState(entry.new) in JOB_MOVES[before]
        assert entry.attempt is not None
        assert entry.new in (JobState.LEASED, *SETTLED_JOBS) or entry.attempt == attempt
        replayed[entry.task, entry.path] = (JobState(entry.new), entry.attempt)
    assert replayed == table
    assert set().union(*changed) == set(table)


WRITER = """
import sys
from pathlib import Path
from helios_wf.states import JobState
from helios_wf.store import Store, jobs
from helios_wf.store.rows import Lease, Settlement
store = Store.open(sys.argv[1], Path())
for first in range(0, 10**9, 50):
    with store.write() as tx:
        jobs.lease(tx, "r", [Lease(task=0, path=str(n), attempt=1) for n in range(first, first + 50)])
        done = [Settlement(task=0, path=str(n), attempt=1, to=JobState.DONE) for n in range(first, first+40)]
        jobs.settle(tx, "r", done)
    print(first, flush=True)
"""


def test_a_killed_writer_leaves_whole_transactions_and_loses_none_that_ended(
    store: Store, store_url: str, tmp_path: Path
) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, store_url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(5)]
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.wait(30)
    again = Store.open(store_url, tmp_path)
    with again.read() as tx:
        counts = jobs.counts(tx, "r")[0]
        entries = log.list(tx, "r", limit=10**9)
    again.close()
    groups, rest = divmod(sum(counts.values()), 50)
    assert rest == 0
    assert groups in (len(told), len(told) + 1)
    assert counts == {JobState.LEASED: 10 * groups, JobState.DONE: 40 * groups}
    assert len(entries) == 90 * groups


@pytest.mark.parametrize("state", sorted(SETTLED_JOBS))
def test_no_report_moves_a_settled_job(store: Store, state: JobState) -> None:
    with store.write() as tx:
        if state in (JobState.SKIPPED,):
            do(tx, "r", "record", [((0, "1"), 1, state)])
        else:
            do(tx, "r", "lease", [((0, "1"), 1)])
            do(tx, "r", "settle", [((0, "1"), 1, state)])
        for other in (JobState.READY, JobState.DONE, JobState.FAILED, JobState.CANCELLED):
            assert do(tx, "r", "settle", [((0, "1"), 1, other)]) == set()
        assert do(tx, "r", "start", [((0, "1"), 1)]) == set()
        assert do(tx, "r", "lease", [((0, "1"), 2)]) == set()
        assert jobs.get(tx, "r", 0, "1").state is state
