"""A chain of three tasks over many files, beside the same with a barrier between the tasks; prints JSON.

    python benchmarks/chain.py [--files 1000] [--workers 8] [--repeat 1] [--output FILE]

A job sleeps for a time of its own, mostly short, seldom long (seeded, the same for both), so that workers
need no cores.  With a barrier, a task scatters over what an ExpressionTool passes on when all of the task
before is there.  Idle is what part of the workers' time, from the first job's start to the last one's end,
no tool was running.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import BIN, Measured, compare, in_turn, new_folder, report, results, row, together, work_folder

STEPS = 3

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
requirements: {ShellCommandRequirement: {}}
arguments: [{shellQuote: false, valueFrom: 'sleep $(inputs.seconds) && cat $(inputs.file.path) > taken'}]
inputs: {file: File, seconds: double}
outputs: {taken: {type: File, outputBinding: {glob: taken}}}
"""
GATE = """\
cwlVersion: v1.2
class: ExpressionTool
requirements: {InlineJavascriptRequirement: {}}
inputs: {files: "File[]"}
outputs: {files: "File[]"}
expression: '${return {files: inputs.files};}'
"""
HEAD = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {files: "File[]", times0: "double[]", times1: "double[]", times2: "double[]"}
outputs: {taken: {type: "File[]", outputSource: step2/taken}}
steps:
"""
STEP = """\
  step%(n)d:
    {run: take.cwl, scatter: [file, seconds], scatterMethod: dotproduct,
     in: {file: %(source)s, seconds: times%(n)d}, out: [taken]}
"""
BARRIER = "  gate%(n)d: {run: gate.cwl, in: {files: %(source)s}, out: [files]}\n"


def write_workflows(folder: Path) -> None:
    """Writes both workflows and their tools."""
    (folder / "take.cwl").write_text(TOOL)
    (folder / "gate.cwl").write_text(GATE)
    for name, barrier in (("pipelined", False), ("barrier", True)):
        text, source = HEAD, "files"
        for number in range(STEPS):
            if barrier and number:
                text += BARRIER % {"n": number, "source": source}
                source = f"gate{number}/files"
            text += STEP % {"n": number, "source": source}
            source = f"step{number}/taken"
        (folder / f"{name}.cwl").write_text(text)


def write_job(folder: Path, files: int, mean_s: float) -> None:
    """Writes the files and the times of their jobs: log-normal, with one in fifty ten times as long."""
    chance = random.Random(1)
    job: dict[str, Any] = {"files": []}
    for number in range(files):
        (folder / f"{number}.txt").write_text(f"file {number}\n")
        job["files"].append({"class": "File", "path": str(folder / f"{number}.txt")})
    for step in range(STEPS):
        times = [chance.lognormvariate(0, 0.8) * (10 if chance.random() < 0.02 else 1) for _ in range(files)]
        scale = mean_s / statistics.fmean(times)
        job[f"times{step}"] = [round(scale * each, 4) for each in times]
    (folder / "job.json").write_text(json.dumps(job))


class Chain:
    """Both workflows over the same files."""

    def __init__(self, work: Path, files: int, workers: int, mean_s: float) -> None:
        self._work = work
        self._workers = workers
        self.idle: dict[str, list[float]] = {"pipelined": [], "barrier": []}
        write_workflows(work)
        write_job(work, files, mean_s)

    def measure(self, name: str) -> Measured:
        """Times one of them once."""
        out = new_folder(self._work)
        where = ["--no-reuse", "--home", self._work / "home", "--outdir", out, "--jobs", str(self._workers)]
        took = together(
            [BIN / "helios-wf", "run", "-q", *where, self._work / f"{name}.cwl", self._work / "job.json"]
        )
        self.idle[name].append(self._idle())
        return took

    def _idle(self) -> float:
        store = sqlite3.connect(f"file:{self._work}/home/helios.db?mode=ro", uri=True)
        busy, first, last = store.execute(
            "SELECT sum(wall_s), min(started_at), max(started_at + wall_s) FROM jobs "
            "WHERE run = (SELECT max(id) FROM runs) AND wall_s > 0"
        ).fetchone()
        store.close()
        return float(1 - busy / (self._workers * (last - first)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--mean", type=float, default=0.1, help="seconds that a job sleeps (default: 0.1)")
    parser.add_argument("--quick", action="store_true", help="100 files")
    parser.add_argument("--repeat", type=int, default=3, help="timings of each (default: 3)")
    parser.add_argument("--work", type=Path, help="folder for data, kept (default: a temporary one)")
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    files = 100 if options.quick else options.files
    with work_folder(options.work) as work:
        chain = Chain(work, files, options.workers, options.mean)
        timings = in_turn(options.repeat, {name: partial(chain.measure, name) for name in chain.idle})
        rows = [row(name, STEPS * files, timings[name]) for name in timings]
        for its in rows:
            # that of the first turn, which warms the page cache, goes too
            its["idle"] = round(statistics.median(chain.idle[its["name"]][1:]), 4)
        compare(rows, rows[:1])
    report(results("chain", {"helios-wf": version("helios-wf")}, rows), options.output)


if __name__ == "__main__":
    main()
