"""Resident tools in Python, well behaved and not, for tests of the exchange."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

from helios_wf import feeding
from helios_wf.model import EventRange, Feeding, JobSpec, Json, Report, Way

PATIENCE = feeding.Patience(ready_s=20, bye_s=20, closed_s=0.2)

GOOD = """
import argparse, pathlib
from helios_wf.event_stream import event_ranges, whole, RangeError

def work(events):
    {body}
    pathlib.Path(events.outdir, "out").write_text(f"{{events.first}} {{len(events)}}\\n")

parser = argparse.ArgumentParser()
parser.add_argument("--stream", action="store_true")
parser.add_argument("--folder")
parser.add_argument("--first_event", type=int)
parser.add_argument("--n_events", type=int)
options = parser.parse_args()
if options.stream or options.folder:
    for events in event_ranges(options.folder):
        with events:
            work(events)
else:
    first = options.first_event
    work(whole(None, first, first + options.n_events))
"""
"""Writes the first position and the number of the events of each range, in all three ways."""

RAW = """
import json, os, sys, time, pathlib

folder = sys.argv[sys.argv.index("--folder") + 1] if "--folder" in sys.argv else None
given = open(folder + "/to_tool.jsonl") if folder else sys.stdin
out = os.open(folder + "/from_tool.jsonl", os.O_WRONLY | os.O_APPEND) if folder else 1

def say(kind, **fields):
    os.write(out, (json.dumps({{"type": kind, **fields}}) + chr(10)).encode())

def hear():
    line = given.readline()
    while folder and not line.endswith(chr(10)):
        time.sleep(0.002)
        line += given.readline()
    return json.loads(line) if line else sys.exit(0)

def done(one):
    text = f"{{one['first']}} {{one['stop'] - one['first']}}" + chr(10)
    pathlib.Path(one["outdir"], "out").write_text(text)
    say("done", range=one["range"])

started = len(os.listdir("../..")) # processes of this attempt so far
assert hear()["type"] == "hello"
{before}
say("ready", capacity={capacity})
while True:
    say("get", n={n})
    said = hear()
    if said["type"] == "no_more":
        {end}
        say("bye")
        sys.exit(0)
    ranges = said["ranges"]
    for one in ranges:
        {body}
"""
"""Speaks the lines itself (to ``out``), and does with ``one`` what its body says."""


def _tool(path: Path, text: str, fields: dict[str, Json]) -> dict[str, Json]:
    path.write_text(text)
    types = {"stream": "boolean", "folder": "string", "first_event": "long", "n_events": "long"}
    inputs: list[Json] = [
        {"id": name, "type": ["null", kind], "inputBinding": {"prefix": f"--{name}"}}
        for name, kind in types.items()
    ]
    inputs.append({"id": "events", "type": ["null", "File"]})
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": [sys.executable, str(path)],
        "inputs": inputs,
        "outputs": [{"id": "out", "type": "File", "outputBinding": {"glob": "out"}}],
        **fields,
    }


def good_tool(folder: Path, body: str = "pass", **fields: Json) -> dict[str, Json]:
    """Returns a tool for all three ways; ``body`` is done for each range before its output is written."""
    return _tool(folder / "good.py", GOOD.format(body=body.replace("\n", "\n    ")), fields)


def raw_tool(
    folder: Path,
    body: str = "done(one)",
    before: str = "",
    end: str = "pass",
    capacity: int = 1,
    n: int = 1,
    **fields: Json,
) -> dict[str, Json]:
    """Returns a resident tool that speaks the lines itself, over its streams or a folder."""
    indented = body.replace("\n", "\n        ")
    text = RAW.format(body=indented, before=before, end=end, capacity=capacity, n=n)
    return _tool(folder / "raw.py", text, fields)


def limited(seconds: float) -> dict[str, Json]:
    """Returns the field of a tool with a time limit."""
    return {"requirements": [{"class": "ToolTimeLimit", "timelimit": seconds}]}


def ranges(*bounds: int) -> tuple[EventRange, ...]:
    """Returns the ranges between neighbouring bounds."""
    return tuple(EventRange(first, stop) for first, stop in itertools.pairwise(bounds))


def attempt(
    folder: Path,
    tool: dict[str, Json],
    *given: EventRange,
    way: Way = Way.RESIDENT,
    patience: feeding.Patience = PATIENCE,
    feeder: feeding.Feeder | None = None,
    more: bool = False,
    **fields: Any,
) -> Report:
    """Runs an attempt with these ranges in a folder."""
    switch = {Way.RESIDENT: "stream", Way.FOLDER: "folder", Way.PROCESS: None}[way]
    spec = JobSpec(
        run="r",
        key="0/0",
        attempt=1,
        tool="t",
        directory=str(folder / f"attempt-{way}"),
        feeding=Feeding(way=way, ranges=given, switch=switch, file="events", more=more),
        **fields,
    )
    return feeding.run(spec, tool, grace_s=0.3, patience=patience, feeder=feeder)


def texts(report: Report) -> dict[int, str]:
    """Returns what the ranges that are done have written, by their first position."""
    done = [each for each in report.ranges if each.cause is None]
    return {each.first: Path(each.outputs["out"]["path"]).read_text() for each in done}
