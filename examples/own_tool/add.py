"""Adds up counts of several files."""

import json
import sys
from collections import Counter
from pathlib import Path

total = Counter()
for path in sys.argv[1:]:
    total.update(json.loads(Path(path).read_text()))
print(json.dumps(dict(sorted(total.items()))))
