"""``slow_ranges.py RAW NAP [--stream]``: numbers the lines of a file; a nap for each range."""

import sys
import time
from pathlib import Path

# a copy beside this file, as authors of tools may have it
from event_stream import event_ranges, whole

raw, nap, *stream = sys.argv[1:]
lines = Path(raw).read_text().splitlines()
for events in event_ranges() if stream else [whole(raw, 0, len(lines))]:
    with events:
        time.sleep(float(nap))
        numbered = [f"{event} {lines[event]}\n" for event in range(events.first, events.stop)]
        Path(events.outdir, "labelled.txt").write_text("".join(numbered))
        events.n_out = len(numbered)
