"""Event statistics over large files: helios-wf beside DuckDB and Polars, on the same two cores in one run.

    python benchmarks/event_statistics.py [--events 10000000] [--quick] [--output results.json]

Each is timed at two sizes; the slope between them is what an event costs, start-up apart.  helios-events runs
as two processes over halves of the file and a merge, which is what two workers do; "helios-wf run" is the
same through the engine.  DuckDB and Polars come from PyPI into an environment of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import (
    BIN,
    Command,
    Measured,
    compare,
    in_turn,
    report,
    results,
    rival_environment,
    row,
    slope,
    together,
    versions_of,
    work_folder,
)

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parent / "templates" / "event_statistics" / "event_statistics.cwl"
CORES = 2
FORMATS = ("parquet", "csv")
RIVALS = ("duckdb", "polars")


def main() -> None:
    options = arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    sizes = (100_000, 1_000_000) if options.quick else (options.events // 10, options.events)
    with work_folder(options.work) as work:
        rivals = rival_environment(work / "rivals", RIVALS)
        rows = []
        for form in FORMATS:
            files = [generate(work, size, form) for size in sizes]
            check(work, files[0], rivals)
            rows += measure_format(form, dict(zip(sizes, files, strict=True)), rivals, work, options)
            for file in files:
                file.unlink()
        report(results("event_statistics", versions(rivals), rows), options.output)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--events", type=int, default=10_000_000, help="events of the larger size (default: 10 million)"
    )
    parser.add_argument("--quick", action="store_true", help="100,000 and 1 million events")
    parser.add_argument("--repeat", type=int, default=3, help="timings of each (default: 3)")
    parser.add_argument("--no-engine", action="store_true", help="leave helios-wf run out")
    parser.add_argument(
        "--work", type=Path, help="folder for data and environment, kept (default: a temporary one)"
    )
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    return parser.parse_args()


def generate(work: Path, size: int, form: str) -> Path:
    path = work / f"events-{size}.{form}"
    subprocess.run([BIN / "helios-events", "generate", "--n-events", str(size), "--output", path], check=True)
    return path


def rival_commands(python: Path, file: Path) -> dict[str, Command]:
    return {
        "DuckDB": [python, HERE / "rival_duckdb.py", file, str(CORES)],
        "Polars": [python, HERE / "rival_polars.py", file],
    }


def ours(file: Path, size: int, work: Path) -> Measured:
    """Times two processes over halves of the file, then the merge."""
    half, parts = size // 2, [work / "part-0.json", work / "part-1.json"]
    stats: list[str | Path] = [BIN / "helios-events", "stats", file, "--output"]
    return together(
        [*stats, parts[0], "--n-events", str(half)],
        [*stats, parts[1], "--first-event", str(half)],
        then=[BIN / "helios-events", "merge", *parts, "--output", work / "merged.json"],
    )


def engine(file: Path, work: Path) -> Measured:
    """Times the template through the engine, in a home of its own that is removed after."""
    home, job = work / "home", work / "job.json"
    job.write_text(json.dumps({"events": [{"class": "File", "path": str(file)}]}))
    try:
        return together(
            [BIN / "helios-wf", "run", "--no-reuse", TEMPLATE, job, "--outdir", work / "out"],
            environment={"HELIOS_HOME": str(home), "PATH": f"{BIN}:{os.environ['PATH']}"},
        )
    finally:
        for folder in (home, work / "out"):
            shutil.rmtree(folder, ignore_errors=True)


def measure_format(
    form: str, files: dict[int, Path], rivals: Path, work: Path, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Times everyone on one format, turn by turn, and returns the rows with their ratios."""
    env = {"POLARS_MAX_THREADS": str(CORES)}
    by_size = []
    for size, file in files.items():
        contest: dict[str, Callable[[], Measured]] = {
            "helios-events": lambda f=file, n=size: ours(f, n, work)
        }
        if not options.no_engine:
            contest["helios-wf run"] = lambda f=file: engine(f, work)
        for name, command in rival_commands(rivals, file).items():
            contest[name] = lambda c=command: together(c, environment=env)
        timings = in_turn(options.repeat, contest)
        by_size.append({name: row(f"{form}: {name}", size, timing) for name, timing in timings.items()})
    small, large = by_size
    slopes = {
        name: slope(f"{form} slope: {name}", small[name], large[name]) for name in large if name in small
    }
    for rows in (*by_size, slopes):
        compare(list(rows.values()), [rows["DuckDB"], rows["Polars"]])
    return [its for rows in (*by_size, slopes) for its in rows.values()]


def check(work: Path, file: Path, rivals: Path) -> None:
    """Makes sure that all three say the same of one file."""
    ours_path = work / "check.json"
    subprocess.run([BIN / "helios-events", "stats", file, "--output", ours_path], check=True)
    found = json.loads(ours_path.read_text())
    energy = found["energy"]
    for name, command in rival_commands(rivals, file).items():
        their = json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True).stdout)
        same = (
            their["n_events"] == found["n_events"]
            and their["status"] == found["status"]["values"]
            and their["sensors"] == len(found["sensors"]["values"])
            and their["high"] == energy["above_threshold"]
            and their["histogram"] == energy["histogram"]
            and abs(their["mean"] / energy["mean"] - 1) < 1e-9
        )
        if not same:
            sys.exit(f"{name} and helios-events disagree about {file.name}")


def versions(rivals: Path) -> dict[str, str]:
    ours = {name: version(name) for name in ("helios-wf", "pyarrow")}
    return ours | versions_of(rivals, RIVALS)


if __name__ == "__main__":
    main()
