"""Measures what an event range costs the engine and the store; prints JSON.

    python benchmarks/ranges.py [--ranges 1000000] [--updates 20000] [--postgresql URL] [--output FILE]

One job is cut into a million ranges, which a backend that runs nothing answers a thousand at a time: each is
handed out and settled (two updates), in durable transactions.  The engine's memory is looked at every tenth
of the way: it must not grow with the ranges that are settled.  Beside it, the updates alone, in batches of
500, on SQLite and, with ``--postgresql``, on PostgreSQL (in a schema of their own, dropped afterwards); and
the tries that finding one bad event of a million takes.  Each is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import report, results

from helios_wf import __version__

BATCH = 500
EVENTS = 10
"""Events of a range."""

OUTPUT = {
    "class": "File",
    "location": "file:///data/runs/r/0/0/0-0.1/ranges/0-10.1/out/kept.parquet",
    "path": "/data/runs/r/0/0/0-0.1/ranges/0-10.1/out/kept.parquet",
    "basename": "kept.parquet",
    "nameroot": "kept",
    "nameext": ".parquet",
    "size": 12,
    "checksum": "sha1$da39a3ee5e6b4b0d3255bfef95601890afd80709",
}


def memory_mb() -> float:
    """Returns the resident memory of this process in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def run(n: int, folder: Path, url: str | None) -> dict[str, Any]:
    """Drives one job of ``n`` ranges to its end; returns seconds, CPU seconds, and memory on the way."""
    from helios_wf.engine.flow import Flow
    from helios_wf.engine.loop import Engine, Held
    from helios_wf.model import (
        Document,
        EventRange,
        JobSpec,
        Layout,
        Output,
        Parameter,
        Place,
        RangeReport,
        SplitField,
        Step,
        StepInput,
        Tool,
        Workflow,
    )
    from helios_wf.plan import plan_document
    from helios_wf.store import Store, runs, tasks
    from helios_wf.store.rows import NewRun, NewTask
    from helios_wf.testing import FakeBackend

    here = Place("ranges.cwl", 1, 1)
    files = {"type": "array", "items": "File"}
    inputs = [("raw", "File"), ("first_event", "long?"), ("n_events", "long?")]
    tool = Tool(
        "cut",
        tuple(Parameter(name, kind, here) for name, kind in inputs),
        (Output("out", "File", here),),
        {"class": "CommandLineTool", "cwlVersion": "v1.2", "inputs": [], "outputs": []},
        here,
    )
    cut = Step(
        "cut",
        tool,
        (StepInput("raw", here, ("raw",)),),
        ("out",),
        here,
        scatter=("raw",),
        split=SplitField("raw", jobs_per_file=1, events_per_range=EVENTS),
    )
    workflow = Workflow("ranges", (Parameter("raw", files, here),), (), (cut,), here)
    plan = plan_document(Document("ranges.cwl", "v1.2", workflow, {}, "0"))
    store = Store.open(url, folder)
    with store.write() as tx:
        runs.create(tx, NewRun("r", "ranges", "0", "r"))
        tasks.create(tx, "r", [NewTask(task.number, task.name, "") for task in plan.tasks])
        epoch = runs.take(tx, "r", "benchmark", 1e9)

    def answer(spec: JobSpec, one: EventRange) -> RangeReport:
        return RangeReport(one.first, one.stop, one.number, outputs={"out": OUTPUT}, wall_s=0.001)

    ended: list[Held] = []
    backend = FakeBackend(feeds=True, answer_range=answer, wants=1000)
    raw = [{"class": "File", "path": "/data/raw"}]
    flow = Flow("r", plan, {"raw": raw}, str(folder), "fake", lambda path, table: Layout("lines", n * EVENTS))
    marks: list[float] = []

    def watch(engine: Engine) -> None:
        if flow.ledger.done_events[0] >= len(marks) * n * EVENTS // 10 + EVENTS:
            marks.append(round(memory_mb(), 1))

    engine = Engine(store, backend, str(folder), ended.append, watch)
    begun, used = time.perf_counter(), time.process_time()
    engine.hold("r", epoch, flow)
    engine.run()
    seconds = time.perf_counter() - begun
    assert flow.is_complete, "the run did not end well"
    assert len(ended) == 1
    return {"seconds": seconds, "cpu_s": time.process_time() - used, "memory_mb": marks}


def updates(n: int, folder: Path, url: str | None) -> dict[str, Any]:
    """Hands out and settles ``n`` ranges and nothing else; returns seconds for these ``2 n`` updates."""
    from helios_wf.model import RangeReport
    from helios_wf.states import RangeState
    from helios_wf.store import Store, event_ranges
    from helios_wf.store.rows import RangeLease, RangeSettlement

    store = Store.open(url, folder)
    batches = [[(at * EVENTS, (at + 1) * EVENTS) for at in range(b, b + BATCH)] for b in range(0, n, BATCH)]
    begun, used = time.perf_counter(), time.process_time()
    for batch in batches:
        with store.write() as tx:
            event_ranges.lease(tx, "r", [RangeLease(0, "0/7", *one, 1, 1) for one in batch])
    for batch in batches:
        told = [RangeReport(*one, 1, outputs={"out": OUTPUT}, wall_s=0.001) for one in batch]
        with store.write() as tx:
            event_ranges.settle(
                tx, "r", [RangeSettlement(0, "0/7", 1, RangeState.DONE, report) for report in told]
            )
    return {"seconds": time.perf_counter() - begun, "cpu_s": time.process_time() - used}


def tries(n: int, samples: int = 2000) -> list[int]:
    """Returns how many tries it takes to find one bad event of ``n``, for random ones and both ends."""
    from helios_wf.engine.range_book import Book
    from helios_wf.engine.repair import Health
    from helios_wf.model import RangeReport, RetryField, TolerateField
    from helios_wf.ranges import Cuts
    from helios_wf.states import Cause

    found = []
    for bad in [0, n - 1, *random.Random(1).choices(range(n), k=samples)]:
        book = Book("0", 0, n, Cuts(0, n, n), RetryField(), Health(TolerateField(events=1.0)))
        count = 0
        while taken := book.take(1, math.inf):
            one = taken[0]
            cause = Cause.EXIT if one.first <= bad < one.stop else None
            book.settle(RangeReport(one.first, one.stop, one.number, cause), 0.0)
            count += 1
        assert book.is_settled
        found.append(count)
    return found


def measured(what: str, n: int, url: str | None = None) -> dict[str, Any]:
    """Returns what a measurement in a process of its own says."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--one", what, "--ranges", str(n), "--folder", folder]
        done = subprocess.run([*command, *(["--postgresql", url] if url else [])], capture_output=True)
        if done.returncode:
            raise SystemExit(done.stderr.decode())
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def in_schema(url: str, measure: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """Measures in a schema of its own of a PostgreSQL database."""
    import psycopg

    name = f"helios_ranges_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE SCHEMA {name}")
        try:
            return measure(f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}")
        finally:
            server.execute(f"DROP SCHEMA {name} CASCADE")


def row(name: str, size: int, seconds: float, cpu_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Returns a row of results; CPU seconds are those of this process, without a server's."""
    peak = max(more.get("memory_mb") or [0.0])
    timing = {"seconds": [round(seconds, 3)], "median": round(seconds, 3), "cpu_median": round(cpu_s, 3)}
    return {"name": name, "size": size, **timing, "ratio": None, "peak_memory_mb": peak, **more}


def measure_all(n_ranges: int, n_updates: int, url: str | None) -> list[dict[str, Any]]:
    """Returns all rows."""
    whole = measured("run", n_ranges)
    alone = {"SQLite": measured("updates", n_updates)}
    if url:
        alone["PostgreSQL"] = in_schema(url, lambda own: measured("updates", n_updates, own))
    rows = [row("ranges of one job, engine and SQLite", n_ranges, **whole)]
    for name, found in alone.items():
        rate = round(2 * n_updates / found["seconds"])
        name = f"updates of ranges, {name}"
        rows.append(row(name, 2 * n_updates, found["seconds"], found["cpu_s"], per_second=rate))
    counts = tries(1_000_000)
    rows.append(
        row(
            "tries to find one bad event of 1,000,000",
            len(counts),
            0.0,
            most=max(counts),
            mean=round(statistics.mean(counts), 1),
            bound=round(2 * math.log2(1_000_000) + 3, 1),
        )
    )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranges", type=int, default=1_000_000)
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--postgresql", help="URL of a database to measure in, besides SQLite")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", choices=["run", "updates"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        measure = {"run": run, "updates": updates}[options.one]
        print(json.dumps(measure(options.ranges, options.folder, options.postgresql)))
        return
    rows = measure_all(options.ranges, options.updates, options.postgresql)
    report(results("ranges", {"helios-wf": __version__}, rows), options.output)


if __name__ == "__main__":
    main()
