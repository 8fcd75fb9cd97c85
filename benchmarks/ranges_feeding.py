"""Measures what an event range costs on the side of the worker, for each way to feed a tool; prints JSON.

    python benchmarks/ranges_feeding.py [--sizes 0,1000] [--sleeps 1x10,10x3,60x2] [--output FILE]

One worker of the local backend runs one attempt, which is fed with ranges while it runs, as an engine would:
outputs are collected and checksummed, and news journaled; nothing is stored in a database.  The tools write
one line for each range.  Beside the ways stands a plain loop in a shell that starts the same process for
each range.  ``slope`` is what more ranges cost, with the start apart; ``sleep 1 s x 10`` are ten ranges of a
tool that takes a second for each, from the begin of the first to the end of the last: ``ratio`` is that over
the seconds asked for.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from measuring import Measured, in_turn, report, results, row, slope, together

from helios_wf import __version__

SHELL = "sleep $3; echo $1 $2 > out"
PYTHON = """
import pathlib, sys, time
from helios_wf.event_stream import event_ranges

for events in event_ranges(sys.argv[2] if len(sys.argv) > 2 else None):
    time.sleep(float(sys.argv[1]))
    pathlib.Path(events.outdir, "out").write_text(f"{events.first} {len(events)}")
"""
WAYS = ("process", "resident", "folder")
LOOP = "i=0; while [ $i -lt $1 ]; do mkdir $i; (cd $i; exec /bin/sh -c '%s' sh $i 1 0); i=$((i+1)); done"


def attempt(way: str, ranges: int, seconds: float, folder: Path) -> None:
    """Runs one attempt with so many ranges, feeding it as it asks."""
    from helios_wf.backend import BackendSettings, load_backend
    from helios_wf.model import EventRange, Feeding, JobSpec, RangeReport, Way, digest

    number: list[dict[str, Any]] = [
        {"id": name, "type": ["null", "long"], "inputBinding": {"position": place}}
        for place, name in enumerate(("first_event", "n_events"), start=1)
    ]
    switch = {"id": "switch", "type": ["null", "boolean" if way == "resident" else "string"]}
    switch |= {"inputBinding": {"position": 9}} if way == "folder" else {}
    shell = ["/bin/sh", "-c", SHELL.replace("$3", str(seconds)), "sh"]
    tool = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": shell if way == "process" else [sys.executable, "-c", PYTHON, str(seconds)],
        "inputs": [*number, switch],
        "outputs": [{"id": "out", "type": "File", "outputBinding": {"glob": "out"}}],
    }
    name = digest(tool)
    feeding = Feeding(way=Way(way), ranges=(), switch="switch" if way != "process" else None, more=True)
    spec = JobSpec(
        run="benchmark",
        key="0/0",
        attempt=1,
        tool=name,
        directory=str(folder / "attempt"),
        feeding=feeding,
    )
    backend = load_backend("local", BackendSettings(home=str(folder), jobs=1))
    backend.define({name: tool})
    backend.submit([spec])
    given = 0
    told: list[RangeReport] = []
    ended = None
    while ended is None:
        ended = next(iter(backend.poll(0.2)), None)
        for news in backend.heard():
            told += news.ranges
            if news.wants:
                meal = [
                    EventRange(first, first + 1) for first in range(given, min(given + news.wants, ranges))
                ]
                given += len(meal)
                backend.feed(spec.handle, meal, more=given < ranges)
    backend.close()
    told += ended.ranges
    done = sum(each.cause is None for each in told)
    if done != ranges or ended.cause is not None:
        sys.exit(f"{done} of {ranges} ranges are done: {ended.message}")
    if told:
        ends = [each.started_at + each.wall_s for each in told]
        Path(folder, "span").write_text(str(max(ends) - min(each.started_at for each in told)))


def measured(way: str, ranges: int, seconds: float = 0) -> Measured:
    """Measures one attempt, or the plain loop, in a process of its own; of ranges that sleep only these."""
    with tempfile.TemporaryDirectory(prefix="helios-benchmark-") as folder:
        if way == "loop":
            loop = f"cd {folder}; " + LOOP % SHELL.replace("sleep $3; ", "")
            return together(["/bin/sh", "-c", loop, "sh", str(ranges)])
        whole = together([sys.executable, __file__, "--one", way, str(ranges), str(seconds), folder])
        return whole._replace(seconds=float(Path(folder, "span").read_text())) if seconds else whole


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="0,1000", help="numbers of ranges, ascending")
    parser.add_argument("--sleeps", default="1x10,10x3,60x2", help="seconds x number of ranges; or none")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, ranges, seconds, folder = options.one
        attempt(way, int(ranges), float(seconds), Path(folder))
        return
    rows: list[dict[str, Any]] = []
    for way in ("loop", *WAYS):
        sizes = [int(size) for size in options.sizes.split(",")]
        contest = {str(size): partial(measured, way, size) for size in sizes}
        timings = in_turn(options.repeat, contest)
        found = [row(way, int(size), each) for size, each in timings.items()]
        rows += [*found, *(slope(f"{way}: slope", *pair) for pair in pairwise(found))]
    for text in options.sleeps.split(",") if options.sleeps != "none" else ():
        seconds, count = (int(part) for part in text.split("x"))
        for way in WAYS:
            its = row(f"{way}: sleep {seconds} s x {count}", count, [measured(way, count, seconds)])
            its["ratio"] = round(its["median"] / (seconds * count), 4)
            rows.append(its)
    report(results("ranges_feeding", {"helios-wf": __version__}, rows), options.output)


if __name__ == "__main__":
    main()
