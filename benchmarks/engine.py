"""Measures the engine alone: what a job costs when its tool takes no time; prints JSON.

    python benchmarks/engine.py [--sizes 0,1000,10000,100000] [--repeat 3] [--output FILE]

A workflow scatters a tool over N values, and a second step is mapped over the first.  Every attempt is
answered at once, with a File as output, by a backend that runs nothing; planning, expansion, leases,
settlement, the event log and one durable SQLite transaction for each tick are all there.  A job is one
attempt, so a size of 1,000 has 500 values.  Each size is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from measuring import Measured, repeated, report, results, row, slope, together

from helios_wf import __version__

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {values: "int[]"}
steps:
  make: {run: make.cwl, scatter: value, in: {value: values}, out: [made]}
  take: {run: take.cwl, scatter: file, in: {file: make/made}, out: [taken]}
outputs: {}
"""
MAKE = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: "true"
inputs: {value: int}
outputs: {made: {type: File, outputBinding: {glob: made}}}
"""
TAKE = MAKE.replace("value: int", "file: File").replace("made", "taken")


class Instant:
    """A backend that answers every attempt at once."""

    name = "instant"
    feeds = False

    def __init__(self) -> None:
        self._reports: list[object] = []

    def define(self, values: dict[str, object]) -> None:
        pass

    def room(self) -> int:
        return 1000 - len(self._reports)

    def check(self, resources: object) -> list[str]:
        return []

    def submit(self, specs: Sequence[object]) -> list[str]:
        from helios_wf.model import JobSpec, Report

        for spec in specs:
            assert isinstance(spec, JobSpec)
            port = "made" if spec.key.startswith("0/") else "taken"
            path = f"{spec.directory}/out/{port}"
            file = {
                "class": "File",
                "location": f"file://{path}",
                "path": path,
                "basename": port,
                "nameroot": port,
                "nameext": "",
                "size": 12,
                "checksum": "sha1$da39a3ee5e6b4b0d3255bfef95601890afd80709",
            }
            self._reports.append(Report(spec.run, spec.key, spec.attempt, outputs={port: file}, exit_code=0))
        return [spec.handle for spec in specs]  # type: ignore[attr-defined]

    def poll(self, timeout_s: float) -> list[object]:
        reports, self._reports = self._reports, []
        return reports

    def started(self) -> list[str]:
        return []

    def heard(self) -> list[object]:
        return []

    def feed(self, handle: str, ranges: object, more: bool) -> None:
        pass

    def cancel(self, handles: Iterable[str]) -> None:
        pass

    def adopt(self, handles: Iterable[str]) -> dict[str, object]:
        return {}

    def close(self) -> None:
        pass


def one(jobs: int, folder: Path) -> None:
    """Runs one size in this process and prints the seconds between start and end of the run."""
    from helios_wf import session
    from helios_wf.config import Settings
    from helios_wf.cwl.load import load
    from helios_wf.launch import new_run
    from helios_wf.store import Store

    settings = Settings.load(home=str(folder / ".helios"), outdir=str(folder))
    document = load(folder / "workflow.cwl", cache=folder / "cache")
    store = Store.open(None, settings.home)
    run = new_run(store, document, {"values": list(range(jobs // 2))}, settings)
    session.open_backend = lambda names, given: Instant()  # type: ignore[assignment]
    started = time.perf_counter()
    (outcome,) = session.Session(store, settings).drive([run])
    print(time.perf_counter() - started, outcome.state)
    assert outcome.state == "DONE", outcome


def measure(sizes: Sequence[int], repeat: int) -> list[dict[str, Any]]:
    """Returns a row for each size, and one for what each size costs more than the one before it."""
    rows: list[dict[str, Any]] = []
    for size in sizes:
        timings = repeated(repeat, partial(_fresh, size))
        rows.append(row("helios-wf engine, instant jobs", size, timings))
    pairs = list(pairwise(rows))
    rows += [
        slope(f"slope from {before['size']:,} to {after['size']:,}", before, after) for before, after in pairs
    ]
    return rows


def _fresh(size: int) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (("workflow.cwl", WORKFLOW), ("make.cwl", MAKE), ("take.cwl", TAKE)):
            (folder / file).write_text(text)
        return together([sys.executable, __file__, "--one", str(size), "--folder", name])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="0,1000,10000,100000")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        one(options.one, options.folder)
        return
    rows = measure([int(size) for size in options.sizes.split(",")], options.repeat)
    report(results("engine", {"helios-wf": __version__}, rows), options.output)


if __name__ == "__main__":
    main()
