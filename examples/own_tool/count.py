"""Counts the kinds of lines in a log: the first word of each line is its kind; a line is an event."""

import argparse
import json
from collections import Counter
from itertools import islice
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("log", type=Path)
parser.add_argument("--first-event", type=int, default=0)
parser.add_argument("--n-events", type=int)
options = parser.parse_args()

stop = None if options.n_events is None else options.first_event + options.n_events
with options.log.open() as log:
    kinds = Counter(line.split(maxsplit=1)[0] for line in islice(log, options.first_event, stop))
print(json.dumps(dict(sorted(kinds.items()))))
