"""What a report costs: time, memory and the size of its page for ever larger runs; prints JSON.

    python benchmarks/report.py [--sizes 1000,10000,100000] [--ranges 1000000] [--repeat 3] [--output FILE]

The runs are made: rows of four steps' jobs, and of one job's event ranges, go into a store as the engine
writes them.  Then ``helios-wf report`` is timed as a whole, from its start to its end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import BIN, Measured, repeated, report, results, row, together, work_folder

TESTS = Path(__file__).resolve().parents[1] / "tests"

MAKE = """
import sys
from pathlib import Path
from helios_wf.store import Store
from made_runs import made_ranges, made_run
folder, n_jobs, n_ranges = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
store = Store.open(None, folder / ".helios")
made_ranges(store, made_run(store, folder, n_jobs), 1, n_ranges, fatal=range(0, n_ranges, 100_000))
"""
"""Makes a run, in a process of its own: what is measured counts memory from this one's on."""


def measured(work: Path, n_jobs: int, n_ranges: int, repeat: int) -> list[dict[str, Any]]:
    """Returns what the page, its facts and the table of jobs of a made run cost."""
    folder = work / f"{n_jobs}-{n_ranges}"
    subprocess.run([sys.executable, "-c", MAKE, folder, str(n_jobs), str(n_ranges)], check=True, cwd=TESTS)
    of = f", {n_ranges:,} event ranges" if n_ranges else ""
    return [_row(folder, f"{kind}{of}", kind, n_jobs, repeat) for kind in ("html", "json", "csv", "parquet")]


def _row(folder: Path, name: str, kind: str, n_jobs: int, repeat: int) -> dict[str, Any]:
    target = folder / f"report.{kind}"

    def once() -> Measured:
        return together([BIN / "helios-wf", "report", "--home", folder / ".helios", "-o", target])

    timed = row(name, n_jobs, repeated(repeat, once))
    return timed | {"bytes": target.stat().st_size}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of jobs")
    parser.add_argument("--ranges", type=int, default=1_000_000, help="event ranges of a further run")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder to work in, which is kept")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with work_folder(given.work) as work:
        rows = [one for size in given.sizes.split(",") for one in measured(work, int(size), 0, given.repeat)]
        if given.ranges:
            rows += measured(work, 1000, given.ranges, given.repeat)
    report(results("report", {"helios-wf": version("helios-wf")}, rows), given.output)


if __name__ == "__main__":
    main()
