"""How long helios-wf takes to start, beside cwltool: help, validation, and the first job; prints JSON.

    python benchmarks/start.py [--repeat 5] [--output FILE]

Cold is with an empty home, so that documents are read by cwltool's own loader; warm is the same document once
more.  Of ``run``, the time is taken from its start to that of the first job, which tells it itself.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from checksums import TOOL
from measuring import BIN, Command, Measured, in_turn, new_folder, report, results, row, together, work_folder

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {files: "File[]"}
steps:
  sum: {run: md5sum.cwl, scatter: file, in: {file: files}, out: [sum]}
  when: {run: when.cwl, in: {}, out: [began]}
outputs:
  sums: {type: "File[]", outputSource: sum/sum}
  began: {type: File, outputSource: when/began}
"""
WHEN = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [date, +%s.%N]
inputs: []
stdout: began
outputs: {began: {type: stdout}}
"""


class Starts:
    """Each timing in new folders; ``warm`` ones share a home that has seen the document."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._document = work / "document.cwl"
        self._document.write_text(WORKFLOW)
        (work / "md5sum.cwl").write_text(TOOL)
        (work / "when.cwl").write_text(WHEN)
        self._job = work / "job.json"
        self._job.write_text('{"files": []}')

    def ours(self, verb: str, warm: bool) -> Measured:
        """Times ``helios-wf validate`` or ``run``."""
        folder = new_folder(self._work)
        home = ["--home", self._work / "warm" if warm else folder / "home"]
        if verb == "validate":
            return together([BIN / "helios-wf", verb, *home, self._document])
        options = ["-q", "--no-reuse", *home, "--outdir", folder]
        command = [BIN / "helios-wf", verb, *options, self._document, self._job]
        return self._to_first_job(command, folder)

    def cwltool(self, verb: str) -> Measured:
        """Times cwltool's validation or run."""
        folder = new_folder(self._work)
        if verb == "validate":
            return together([BIN / "cwltool", "--validate", self._document])
        return self._to_first_job(
            [BIN / "cwltool", "--quiet", "--outdir", folder, self._document, self._job], folder
        )

    def help(self, command: str) -> Measured:
        """Times a command's ``--help``."""
        return together([BIN / command, "--help"])

    def _to_first_job(self, command: Command, folder: Path) -> Measured:
        began = time.time()
        took = together(command)
        return took._replace(seconds=float((folder / "began").read_text()) - began)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one timing of each")
    parser.add_argument("--repeat", type=int, default=5, help="timings of each (default: 5)")
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with work_folder(None) as work:
        starts = Starts(work)
        contest: dict[str, Callable[[], Measured]] = {
            "help: helios-wf": partial(starts.help, "helios-wf"),
            "help: cwltool": partial(starts.help, "cwltool"),
            "validate, warm: helios-wf": partial(starts.ours, "validate", True),
            "validate, cold: helios-wf": partial(starts.ours, "validate", False),
            "validate: cwltool": partial(starts.cwltool, "validate"),
            "first job, warm: helios-wf": partial(starts.ours, "run", True),
            "first job, cold: helios-wf": partial(starts.ours, "run", False),
            "first job: cwltool": partial(starts.cwltool, "run"),
        }
        timings = in_turn(1 if options.quick else options.repeat, contest)
        rows = [row(name, 1, timings[name]) for name in timings]
    versions = {name: version(name) for name in ("helios-wf", "cwltool")}
    report(results("start", versions, rows), options.output)


if __name__ == "__main__":
    main()
