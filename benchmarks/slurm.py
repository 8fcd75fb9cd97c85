"""Measures many short jobs on a real Slurm of this machine, and counts calls to the scheduler; prints JSON.

    python benchmarks/slurm.py [--sizes 100,1000] [--repeat 2] [--output FILE]

A job writes one line to a file.  Contestants, on three nodes of four cores, in turn: helios-wf with array
tasks and with a pool, with all its bookkeeping (store, checksums, CWL outputs); one sbatch for each job; one
plain array with a task for each job.  Every call of a command of Slurm's is counted.  It needs Slurm's
daemons (``tests/slurm-local.sh install``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from measuring import Measured, compare, in_turn, report, results, row

from helios_wf import __version__

TESTS = Path(__file__).resolve().parent.parent / "tests"
COUNTED = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo")
WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {values: "int[]"}
steps:
  make: {run: make.cwl, scatter: value, in: {value: values}, out: [made]}
outputs: {}
"""
MAKE = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [/bin/sh, -c, 'echo "$1" > made', sh]
inputs: {value: {type: int, inputBinding: {}}}
outputs: {made: {type: File, outputBinding: {glob: made}}}
"""
SETTINGS = """\
backend = "slurm"
jobs = 12
[backends.slurm]
mode = "MODE"
pool_nodes = 3
poll_seconds = 2
look_seconds = 0.1
late_seconds = 5
"""
JOB = """\
#!/bin/sh
echo "$2" > "$1/${SLURM_ARRAY_TASK_ID:-$2}"
"""


class Counter:
    """Counts the calls of Slurm's commands, by commands of the same names before them on PATH."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._log = folder / "calls"
        for name in COUNTED:
            path = self.bin / name
            path.write_text(f'#!/bin/sh\necho {name} >> "{self._log}"\nexec {shutil.which(name)} "$@"\n')
            path.chmod(0o755)

    def take(self) -> int:
        """Returns the number of calls since the last time."""
        count = len(self._log.read_text().splitlines()) if self._log.exists() else 0
        self._log.unlink(missing_ok=True)
        return count


def helios(size: int, mode: str) -> None:
    """Runs so many jobs through helios-wf, in a new home."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in (
            ("workflow.cwl", WORKFLOW),
            ("make.cwl", MAKE),
            ("helios.toml", SETTINGS.replace("MODE", mode)),
            ("job.json", f'{{"values": {list(range(size))}}}'),
        ):
            (folder / file).write_text(text)
        command = Path(sys.executable).with_name("helios-wf")
        subprocess.run(
            [command, "run", "-q", "--no-reuse", "workflow.cwl", "job.json"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def each(size: int) -> None:
    """Submits every job by itself."""
    with _outputs(size) as (script, folder):
        for number in range(size):
            _sbatch(script, folder, str(number))


def array(size: int) -> None:
    """Submits one array with a task for each job."""
    with _outputs(size) as (script, folder):
        _sbatch(f"--array=0-{size - 1}", script, folder, "x")


def _sbatch(*arguments: str) -> None:
    plain = ["--parsable", "--mem=50M", "--output=/dev/null", "--chdir=/"]
    subprocess.run(["sbatch", *plain, *arguments], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _outputs(size: int) -> Iterator[tuple[str, str]]:
    """Gives a script and a folder, and waits until as many files are there as there are jobs."""
    with tempfile.TemporaryDirectory() as name:
        script, folder = Path(name, "job.sh"), Path(name, "out")
        script.write_text(JOB)
        folder.mkdir()
        yield str(script), str(folder)
        while sum(1 for _ in folder.iterdir()) < size:
            time.sleep(0.05)


def measured(act: Callable[[], None]) -> Measured:
    begun = time.perf_counter()
    act()
    return Measured(time.perf_counter() - begun, 0.0, 0.0)


def measure(sizes: list[int], repeat: int, counter: Counter) -> list[dict[str, Any]]:
    """Returns a row for each contestant and size, with the number of calls of its last turn."""
    rows = []
    for size in sizes:
        contest: dict[str, Callable[[], None]] = {
            "helios-wf, array tasks": partial(helios, size, "array"),
            "helios-wf, pool": partial(helios, size, "pool"),
            "one sbatch for each job": partial(each, size),
            "one array, a task for each job": partial(array, size),
        }
        calls: dict[str, int] = {}

        def turn(name: str, act: Callable[[], None], calls: dict[str, int] = calls) -> Measured:
            counter.take()
            timing = measured(act)
            calls[name] = counter.take()
            return timing

        timings = in_turn(repeat, {name: partial(turn, name, act) for name, act in contest.items()})
        found = [{**row(name, size, its), "calls": calls[name]} for name, its in timings.items()]
        compare(found, found)
        rows += found
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="100,1000")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    sys.path.append(str(TESTS))
    from slurm_cluster import Cluster, missing

    if absent := missing():
        print(f"left out: Slurm is not on PATH ({', '.join(absent)})", file=sys.stderr)
        return
    cluster = Cluster(3)
    try:
        os.environ["SLURM_CONF"] = str(cluster.conf)
        with tempfile.TemporaryDirectory() as name:
            counter = Counter(Path(name))
            os.environ["PATH"] = f"{counter.bin}:{os.environ['PATH']}"
            rows = measure([int(size) for size in options.sizes.split(",")], options.repeat, counter)
        for its in rows:
            print(f"{its['name']:32} {its['size']:6} jobs: {its['calls']:5} calls", file=sys.stderr)
        version = cluster.call("sbatch", "--version").split()[-1]
        report(results("slurm", {"helios-wf": __version__, "slurm": version}, rows), options.output)
    finally:
        cluster.down()


if __name__ == "__main__":
    main()
