"""What a job costs when there are more of them, and how soon a large run goes on; prints JSON.

    python benchmarks/scale.py [--sizes 0,1000,10000,100000] [--resume 100000] [--repeat 1] [--output FILE]

On two quiet cores all of it takes about five minutes; in two parts of less than three each:

    python benchmarks/scale.py --resume 0
    python benchmarks/scale.py --sizes '' --resume 100000

Each size is a run of ``md5sum FILE > OUT`` for so many files with real worker processes: the slope between
two sizes is the marginal cost of a job.  Then a run is killed with 1 % of its jobs left, and resumed: from
the start of ``helios-wf resume`` to that of the first new job, and to the end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import time
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from checksums import Checksums, check
from measuring import (
    BIN,
    Command,
    Measured,
    new_folder,
    repeated,
    report,
    results,
    row,
    slope,
    together,
    work_folder,
)

LEFT, FEW = 0.01, 300
"""What part of the jobs is left when a run is killed, and how many at least."""


class Scatters:
    """Runs of some size, each in a new folder but with one store."""

    def __init__(self, work: Path) -> None:
        self._checksums = Checksums(work / "checksums")
        self._home = work / "home"
        self._work = work

    def run(self, size: int) -> Measured:
        """Times a whole run."""
        out = new_folder(self._work)
        took = together(self._command(size, out))
        check(list(out.glob("*.md5")), size)
        return took

    def resume(self, size: int) -> tuple[Measured, Measured]:
        """Kills a run near its end; returns the time to the first new job, and to the end, of a resume."""
        self._home = new_folder(self._work) / "home"
        process = subprocess.Popen(self._command(size, new_folder(self._work)), stdout=subprocess.DEVNULL)
        while process.poll() is None and self._done() < size - max(FEW, LEFT * size):
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        settled, began = self._done(), time.time()
        took = together([BIN / "helios-wf", "resume", "-q", "--home", self._home])
        first = self._ask("SELECT min(started_at) FROM jobs WHERE run = :run AND started_at > :began", began)
        print(f"{settled:,} of {size:,} jobs were done before the resume", file=sys.stderr)
        return Measured(first - began, 0.0, took.peak_memory_mb), took

    def _command(self, size: int, out: Path) -> Command:
        where = ["--no-reuse", "--home", self._home, "--outdir", out]
        return [BIN / "helios-wf", "run", "-q", *where, self._checksums.workflow, self._checksums.job(size)]

    def _done(self) -> int:
        try:
            return int(self._ask("SELECT count(*) FROM jobs WHERE run = :run AND state = 'DONE'") or 0)
        except sqlite3.Error:
            return 0

    def _ask(self, query: str, began: float = 0.0) -> Any:
        store = sqlite3.connect(f"file:{self._home}/helios.db?mode=ro", uri=True)
        try:
            (run,) = store.execute("SELECT max(id) FROM runs").fetchone()
            (found,) = store.execute(query, {"run": run, "began": began}).fetchone() or (None,)
        finally:
            store.close()
        return found


def timed(scatters: Scatters, size: int, repeat: int) -> dict[str, Any]:
    """Returns the row of one size; of large ones no timing is thrown away."""
    if size > 10_000:
        return row("helios-wf run", size, [scatters.run(size) for _ in range(repeat)])
    return row("helios-wf run", size, repeated(repeat, partial(scatters.run, size)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="0,1000,10000,100000", help="numbers of jobs; '' for none")
    parser.add_argument("--resume", type=int, default=100_000, help="jobs of the run that is killed; 0: none")
    parser.add_argument("--repeat", type=int, default=1, help="timings of each (default: 1)")
    parser.add_argument("--quick", action="store_true", help="0, 100 and 1,000 jobs")
    parser.add_argument("--work", type=Path, help="folder for data, kept (default: a temporary one)")
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    options = parser.parse_args()
    sizes = [0, 100, 1000] if options.quick else [int(size) for size in options.sizes.split(",") if size]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with work_folder(options.work) as work:
        scatters = Scatters(work)
        rows = [timed(scatters, size, options.repeat) for size in sizes]
        rows += [slope(f"{a['size']:,} to {b['size']:,}", a, b) for a, b in pairwise(rows)]
        resumed = 1000 if options.quick else options.resume
        if resumed:
            first, whole = scatters.resume(resumed)
            rows += [row("resume to first job", resumed, [first]), row("resume to end", resumed, [whole])]
    report(results("scale", {"helios-wf": version("helios-wf")}, rows), options.output)


if __name__ == "__main__":
    main()
