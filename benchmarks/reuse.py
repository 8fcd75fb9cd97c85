"""What a job costs that another run has done, beside one that is run; prints JSON.

    python benchmarks/reuse.py [--size 10000] [--repeat 3] [--output FILE]

The jobs are ``md5sum FILE > OUT``.  They are run in a new home, where nothing can be reused, and again:
into the same folder, where all is as it was published, and into another one, for which outputs are copied.
What a run without jobs takes is subtracted for the cost of each job.
"""

from __future__ import annotations

import argparse
import os
from functools import partial
from importlib.metadata import version
from pathlib import Path

from checksums import Checksums, check
from measuring import BIN, Command, Measured, in_turn, new_folder, report, results, row, together, work_folder


class Runs:
    """Runs of one size, in a home where they were done before, and in new ones."""

    def __init__(self, work: Path, size: int) -> None:
        self.size = size
        self._work = work
        self._checksums = Checksums(work / "checksums")
        self._done = work / "done"
        together(self._command(self._done, self._done / "out"))

    def fresh(self, *options: str) -> Measured:
        """Times jobs that are run."""
        home = new_folder(self._work)
        return self._timed(home, home / "out", *options)

    def again(self) -> Measured:
        """Times jobs that were done, into the same folder."""
        return self._timed(self._done, self._done / "out")

    def elsewhere(self) -> Measured:
        """Times jobs that were done, into another folder."""
        return self._timed(self._done, new_folder(self._work) / "out")

    def _timed(self, home: Path, out: Path, *options: str) -> Measured:
        took = together(self._command(home, out, *options))
        check(list(out.glob("*.md5")), self.size)
        return took

    def _command(self, home: Path, out: Path, *options: str) -> Command:
        where = ["--home", home / ".helios", "--outdir", out]
        job = self._checksums.job(self.size)
        return [BIN / "helios-wf", "run", "-q", *where, *options, self._checksums.workflow, job]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=10_000, help="jobs (default: 10000)")
    parser.add_argument("--repeat", type=int, default=3, help="timings of each (default: 3)")
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with work_folder(None) as work:
        runs = Runs(work, options.size)
        contest = {
            "run, nothing to be reused": runs.fresh,
            "run, --no-reuse": partial(runs.fresh, "--no-reuse"),
            "all reused": runs.again,
            "all reused, outputs elsewhere": runs.elsewhere,
        }
        timings = in_turn(options.repeat, contest)
        empty = Runs(work / "empty", 0)
        start = in_turn(options.repeat, {"a run without jobs": empty.again})
    rows = [row(name, options.size, found) for name, found in timings.items()]
    rows += [row(name, 0, found) for name, found in start.items()]
    for one in rows[:-1]:
        one["ms_per_job"] = round(1000 * (one["median"] - rows[-1]["median"]) / options.size, 4)
        one["cpu_ms_per_job"] = round(1000 * (one["cpu_median"] - rows[-1]["cpu_median"]) / options.size, 4)
    report(results("reuse", {"helios-wf": version("helios-wf")}, rows), options.output)


if __name__ == "__main__":
    main()
