"""``poisonous_events.py RAW HOW BAD [--stream]``: copies the lines of a file; some of them end it.

``BAD`` lists the positions of these lines, ``HOW`` says what they do: exit, signal, hang or error.
"""

import os
import sys
import time
from pathlib import Path

from event_stream import RangeError, event_ranges, whole


def meet(event, how):
    print("bad event", event, file=sys.stderr, flush=True)
    if how == "exit":
        os._exit(3)
    if how == "signal":
        os.kill(os.getpid(), 11)
    if how == "hang":
        time.sleep(1000)
    raise RangeError("a bad event", at_event=event)


raw, how, listed, *stream = sys.argv[1:]
bad = {int(event) for event in listed.split(",")}
lines = Path(raw).read_text().splitlines()
for events in event_ranges() if stream else [whole(raw, 0, len(lines))]:
    with events:
        for event in range(events.first, events.stop):
            if event in bad:
                meet(event, how)
        copied = [f"{lines[event]}\n" for event in range(events.first, events.stop)]
        Path(events.outdir, "copied.txt").write_text("".join(copied))
