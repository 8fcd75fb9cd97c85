"""``masses.py FILE [--first N --count N | --stream | --exchange FOLDER]``: masses of muon pairs."""

import argparse
from pathlib import Path

import uproot

# a copy beside this file, as authors of tools may have it
from event_stream import event_ranges, whole

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--first", type=int, default=0)
parser.add_argument("--count", type=int)
parser.add_argument("--stream", action="store_true")
parser.add_argument("--exchange")
given = parser.parse_args()
tree = uproot.open(given.file)["events"]


def work(events: object) -> None:
    """Writes number and mass of each event of a range."""
    arrays = tree.arrays(["Event", "M"], entry_start=events.first, entry_stop=events.stop, library="np")
    pairs = zip(range(events.first, events.stop), arrays["Event"], arrays["M"], strict=True)
    Path(events.outdir, "masses.txt").write_text(
        "".join(f"{at} {event} {mass}\n" for at, event, mass in pairs)
    )
    events.n_out = len(events)


if given.stream or given.exchange:
    for events in event_ranges(given.exchange):
        with events:
            work(events)
else:
    stop = tree.num_entries if given.count is None else given.first + given.count
    work(whole(given.file, given.first, stop))
