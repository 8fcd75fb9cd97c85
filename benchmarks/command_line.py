"""Measures what the command line of one job that merges many files costs, beside cwltool's own; writes JSON.

    python benchmarks/command_line.py [--times 5] [--output FILE] [--work DIR]

In this process, the tool loaded and compiled before: the inputs checked and staged, the words put in order.
cwltool's time grows with the square of the number of files, so it takes part up to 1,000.  Then the whole of
``helios-wf run`` for one such job, from the JOB file to the output object.
"""

from __future__ import annotations

import argparse
import copy
import json
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import BIN, Measured, compare, in_turn, report, results, row, together, work_folder

from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import program_of
from helios_wf.model import Resources

SIZES = (100, 1_000, 10_000)
CWLTOOL_SIZES = (100, 1_000)

TOOL: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": "cat",
    "inputs": [{"id": "parts", "type": {"type": "array", "items": "File"}, "inputBinding": {"position": 1}}],
    "outputs": [{"id": "merged", "type": "stdout"}],
    "stdout": "merged.txt",
}


def made(folder: Path, count: int) -> list[dict[str, str]]:
    """Makes so many small files, and returns them as CWL has them."""
    found = []
    for number in range(count):
        path = folder / f"part_{number:05d}.txt"
        path.write_text(f"{number}\n")
        found.append({"class": "File", "location": path.as_uri()})
    return found


def timed(call: Callable[[], object]) -> Measured:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Measured(time.perf_counter() - wall, time.process_time() - cpu, 0.0)


def ours(folder: Path, files: list[dict[str, str]]) -> Callable[[], Measured]:
    program = program_of(TOOL)
    directory = folder / "ours"
    for name in ("out", "tmp"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    return lambda: timed(lambda: program.prepare({"parts": files}, Resources(), Folders(str(directory))))


def theirs(folder: Path, files: list[dict[str, str]]) -> Callable[[], Measured]:
    import cwltool.workflow
    from cwltool.context import LoadingContext, RuntimeContext
    from cwltool.load_tool import load_tool

    path = folder / "tool.cwl"
    path.write_text(json.dumps(TOOL))
    loading = LoadingContext({"disable_js_validation": True})
    loading.construct_tool_object = cwltool.workflow.default_make_tool
    tool = load_tool(path.as_uri(), loading)
    context = RuntimeContext(
        {"outdir": str(folder / "out"), "tmpdir": str(folder / "tmp"), "use_container": False}
    )

    def job() -> Measured:
        given = copy.deepcopy({"parts": files})
        return timed(lambda: list(tool.job(given, lambda *_: None, context)))

    return job


def whole(folder: Path, files: list[dict[str, str]]) -> Callable[[], Measured]:
    here = folder / f"run-{len(files)}"
    here.mkdir()
    (here / "tool.cwl").write_text(json.dumps(TOOL))
    (here / "job.json").write_text(json.dumps({"parts": files}))
    command = [BIN / "helios-wf", "run", "-q", "--no-reuse", f"--outdir={here}", f"--home={here}/.helios"]

    def run() -> Measured:
        shutil.rmtree(here / ".helios", ignore_errors=True)
        return together([*command, here / "tool.cwl", here / "job.json"])

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    rows = []
    with work_folder(options.work) as folder:
        (folder / "data").mkdir(exist_ok=True)
        files = made(folder / "data", max(SIZES))
        for size in SIZES:
            some = files[:size]
            contest = {"command line: helios-wf": ours(folder, some)}
            if size in CWLTOOL_SIZES:
                contest["command line: cwltool"] = theirs(folder, some)
            timings = in_turn(options.times, contest)
            found = [row(name, size, each) for name, each in timings.items()]
            compare(found, found)
            rows += found
        for size in SIZES:
            (timing,) = in_turn(options.times, {"run": whole(folder, files[:size])}).values()
            rows.append(row("one job: helios-wf run", size, timing))
    report(
        results("command_line", {name: version(name) for name in ("helios-wf", "cwltool")}, rows),
        options.output,
    )


if __name__ == "__main__":
    main()
