"""``fragile.py RAW [--first N --count N | --stream | --exchange FOLDER]``: numbers lines; some it cannot do.

A line ``exit 7``, ``signal 9`` or ``hang`` makes it do that, until a file ``mended`` lies beside RAW.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

# a copy beside this file, as authors of tools may have it
from event_stream import event_ranges, whole

parser = argparse.ArgumentParser()
parser.add_argument("raw", type=Path)
parser.add_argument("--first", type=int, default=0)
parser.add_argument("--count", type=int)
parser.add_argument("--stream", action="store_true")
parser.add_argument("--exchange")
given = parser.parse_args()

# inputs may be links to where they are
beside = given.raw.resolve().parent
lines = given.raw.read_text().splitlines()
mended = (beside / "mended").exists()


def work(events: object) -> None:
    """Numbers the lines of a range."""
    numbered = []
    for event in range(events.first, events.stop):
        word, _, value = lines[event].partition(" ")
        if word in ("exit", "signal", "hang") and not mended:
            print(f"cannot do event {event}", file=sys.stderr, flush=True)
        if word == "exit" and not mended:
            os._exit(int(value))
        if word == "signal" and not mended:
            os.kill(os.getpid(), int(value))
        if word == "hang" and not mended:
            signal.pause()
        numbered.append(f"{event} {lines[event]}\n")
    Path(events.outdir, "numbered.txt").write_text("".join(numbered))
    events.n_out = len(numbered)


if given.stream or given.exchange:
    for events in event_ranges(given.exchange):
        with events:
            work(events)
else:
    stop = len(lines) if given.count is None else given.first + given.count
    work(whole(given.raw, given.first, stop))
