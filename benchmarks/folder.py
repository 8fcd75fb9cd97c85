"""How long ``helios-wf validate`` takes for a folder of 100 documents, beside cwltool; prints JSON.

    python benchmarks/folder.py [--repeat 3] [--output FILE]

The documents are 33 templates of three each, all with cases, and a tool.  Cold is with an empty home, warm
when all were seen before; "one hostile" adds a document that passes the limits of its reader.  cwltool
validates one document at a time, so ten are timed, and their time is multiplied.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

from measuring import BIN, Command, Measured, in_turn, new_folder, report, results, row, together, work_folder

from helios_wf.curating.skeleton import write

TEMPLATES = 33
SAMPLE = 10
DOCUMENTS = 3 * TEMPLATES + 1
HOSTILE = (
    "cwlVersion: v1.2\nclass: CommandLineTool\ninputs: []\noutputs: []\ndoc: [" + "x, " * 2_000_000 + "x]\n"
)


class Folders:
    """The same documents twice, once with a hostile one among them."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._sound = work / "sound"
        for number in range(TEMPLATES):
            write(f"template{number:02d}", self._sound)
        shutil.copy(self._sound / "template00" / "count.cwl", self._sound / "alone.cwl")
        self._hostile = work / "hostile"
        shutil.copytree(self._sound, self._hostile)
        (self._hostile / "hostile.cwl").write_text(HOSTILE)

    def ours(self, warm: bool) -> Measured:
        """Times ``helios-wf validate`` of all sound documents."""
        home = self._work / "warm" if warm else new_folder(self._work)
        return together([BIN / "helios-wf", "validate", "--home", home, self._sound])

    def hostile(self) -> Measured:
        """Times it with the hostile one, which is a finding: exit code 1."""
        argv: Command = [BIN / "helios-wf", "validate", "--home", new_folder(self._work), self._hostile]
        return together(["sh", "-c", '"$@"; test $? = 1', "sh", *argv])

    def cwltool(self) -> Measured:
        """Times ``cwltool --validate`` of some, one after another."""
        files = sorted(self._sound.rglob("*.cwl"))[:SAMPLE]
        script = 'cwltool=$1; shift; for file; do "$cwltool" --validate "$file" || exit; done'
        took = together(["sh", "-c", script, "sh", BIN / "cwltool", *files])
        factor = DOCUMENTS / SAMPLE
        return took._replace(seconds=took.seconds * factor, cpu_seconds=took.cpu_seconds * factor)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one timing of each")
    parser.add_argument("--repeat", type=int, default=3, help="timings of each (default: 3)")
    parser.add_argument("--output", type=Path, help="JSON file to write (default: stdout)")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    with work_folder(None) as work:
        folders = Folders(work)
        contest: dict[str, Callable[[], Measured]] = {
            "warm: helios-wf": partial(folders.ours, True),
            "cold: helios-wf": partial(folders.ours, False),
            "cold, one hostile: helios-wf": folders.hostile,
            "cwltool": folders.cwltool,
        }
        timings = in_turn(1 if options.quick else options.repeat, contest)
        rows = [row(name, DOCUMENTS, timings[name]) for name in timings]
    versions = {name: version(name) for name in ("helios-wf", "cwltool")}
    report(results("folder", versions, rows), options.output)


if __name__ == "__main__":
    main()
