"""Many jobs of ``md5sum FILE > OUT`` beside the plain loop and other systems, on two cores in one run.

    python benchmarks/scatter.py [--quick] [--repeat 3] [--only NAME ...] [--output results.json]

At 10,000 jobs helios-wf stands beside ``xargs -P2 sh -c`` and HyperQueue, at 1,000 beside all others too,
at 30 beside toil-cwl-runner.  The others come from PyPI into an environment of their own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from checksums import Checksums, check
from measuring import (
    BIN,
    Command,
    Measured,
    compare,
    in_turn,
    new_folder,
    report,
    results,
    rival_environment,
    row,
    together,
    versions_of,
    work_folder,
)

HERE = Path(__file__).resolve().parent
CORES = 2
RIVALS = ("cwltool", "distributed", "hyperqueue", "parsl", "snakemake", "toil")
PACKAGES = (*RIVALS[:-1], "toil[cwl]")

SNAKEFILE = """\
from pathlib import Path
files = {Path(file).name: file for file in Path(config["list"]).read_text().split()}
rule all:
    input: expand("{name}.md5", name=files)
rule sum:
    input: lambda wildcards: files[wildcards.name]
    output: "{name}.md5"
    shell: "md5sum {input} > {output}"
"""


class Contestant(NamedTuple):
    """A system: how much of a finished job survives a power cut, and its command line for (size, folder)."""

    durability: str
    command: Callable[[int, Path], Command]
    sizes: Sequence[int]


class Contest:
    """The contestants, each in a new folder for each timing."""

    def __init__(self, work: Path, sizes: Sequence[int]) -> None:
        self.work = work
        self.python = rival_environment(work / "rivals", PACKAGES)
        self.checksums = Checksums(work / "checksums")
        self._home = work / "home"
        (work / "Snakefile").write_text(SNAKEFILE)
        few, many, most = sizes
        self.contestants = {
            "xargs -P2 sh -c": Contestant("none", self._xargs, sizes),
            "helios-wf": Contestant(
                "every job: record in SQLite (synchronous FULL), outputs synced before", self._helios, sizes
            ),
            "HyperQueue": Contestant("none (LocalCluster keeps no journal)", self._hyperqueue, (many, most)),
            "cwltool --parallel": Contestant("none", self._cwltool, (many,)),
            "Dask": Contestant("none", partial(self._rival, "dask"), (many,)),
            "Parsl": Contestant("none (no checkpoints)", partial(self._rival, "parsl"), (many,)),
            "Snakemake": Contestant("a metadata file a job, not synced", self._snakemake, (many,)),
            "toil-cwl-runner": Contestant("a file job store, not synced", self._toil, (few,)),
        }

    def measure(self, name: str, size: int) -> Measured:
        """Times one contestant once, and checks what it made."""
        folder = new_folder(self.work)
        out = folder / "out"
        out.mkdir()
        command = self.contestants[name].command(size, folder)
        path = f"{self.python.parent}:{BIN}:{os.environ['PATH']}"
        took = together(["env", "-C", out, *command], environment={"PATH": path, "TMPDIR": str(folder)})
        check(list(out.glob("*.md5")), size)
        return took

    def _xargs(self, size: int, folder: Path) -> Command:
        script = 'md5sum "$0" > "${0##*/}.md5"'
        files = self.checksums.list(size)
        return ["xargs", "-a", files, "-n", "1", "-P", str(CORES), "sh", "-c", script]

    def _helios(self, size: int, folder: Path) -> Command:
        where = ["--no-reuse", "--home", self._home, "--outdir", folder / "out"]
        return [BIN / "helios-wf", "run", "-q", *where, self.checksums.workflow, self.checksums.job(size)]

    def _cwltool(self, size: int, folder: Path) -> Command:
        options = ["--parallel", "--quiet", "--outdir", folder / "out"]
        return ["cwltool", *options, self.checksums.workflow, self.checksums.job(size)]

    def _toil(self, size: int, folder: Path) -> Command:
        options = ["--maxCores", str(CORES), "--jobStore", folder / "store", "--outdir", folder / "out"]
        return ["toil-cwl-runner", "--quiet", *options, self.checksums.workflow, self.checksums.job(size)]

    def _snakemake(self, size: int, folder: Path) -> Command:
        files = ["--config", f"list={self.checksums.list(size)}"]
        options = ["--cores", str(CORES), "--quiet", "all"]
        return ["snakemake", "--snakefile", self.work / "Snakefile", *options, *files]

    def _hyperqueue(self, size: int, folder: Path) -> Command:
        return self._rival("hyperqueue", size, folder)

    def _rival(self, name: str, size: int, folder: Path) -> Command:
        script = HERE / f"rival_{name}.py"
        return [self.python, script, self.checksums.list(size), folder / "out", str(CORES)]


def main() -> None:
    options = arguments()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    sizes = (3, 30, 300) if options.quick else (30, 1_000, 10_000)
    rows = []
    with work_folder(options.work) as work:
        contest = Contest(work, sizes)
        for size in sizes:
            names = [name for name, each in contest.contestants.items() if size in each.sizes]
            names = [name for name in names if not options.only or name.split()[0] in options.only]
            repeat = options.repeat if size > sizes[0] else 1
            timings = in_turn(repeat, {name: partial(contest.measure, name, size) for name in names})
            found = [row(name, size, timings[name]) for name in timings]
            for its in found:
                its["durability"] = contest.contestants[its["name"]].durability
            compare(found, [its for its in found if its["name"].startswith("xargs")] or found)
            rows += found
        versions = {"helios-wf": version("helios-wf"), **versions_of(contest.python, RIVALS)}
    report(results("scatter", versions, rows), options.output)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="3, 30 and 300 jobs")
    parser.add_argument("--repeat", type=int, default=3, help="timings of each (default: 3)")
    parser.add_argument("--only", nargs="+", help="first words of the names of those to be timed")
    parser.add_argument(
        "--work", type=Path, help="folder for data and environment, kept (default: a temporary one)"
    )
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
