"""Adds up counts of several files."""

import json
import sys
from collections import Counter

total = Counter()
for path in sys.argv[1:]:
    with open(path) as counts:
        total.update(json.load(counts))
print(json.dumps(dict(sorted(total.items()))))
