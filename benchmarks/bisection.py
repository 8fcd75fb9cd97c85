"""Measures what it costs to find events that a tool cannot process, against log2(n); prints JSON.

    python benchmarks/bisection.py [--samples 500] [--output FILE]

The engine's own book of ranges is driven with a pretended tool that fails on one, four or sixteen random
events of a range of ``n``.  Counted are the tries of ranges (each a process, or an exchange with a resident
tool), and the events that were processed more than once, or in vain, as part of ``n``.  The bound is
``2 * log2(n) + 3`` tries for each bad event.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

from measuring import report, results

from helios_wf import __version__
from helios_wf.engine.range_book import Book
from helios_wf.engine.repair import Health
from helios_wf.model import RangeReport, RetryField, TolerateField
from helios_wf.ranges import Cuts
from helios_wf.states import Cause

SIZES = (16, 256, 4_096, 65_536, 1_048_576)
BAD = (1, 4, 16)


class Cost(NamedTuple):
    """What one search took: tries of ranges, and events processed beyond once each."""

    tries: int
    extra_events: int


def search(n: int, bad: set[int], knows: bool) -> Cost:
    """Returns what finding some events of ``n`` costs; ``knows``: the tool says which event it failed on."""
    health = Health(TolerateField(events=1.0))
    # ranges of the task before this one have succeeded
    health.is_proven = True
    book = Book("0", 0, n, Cuts(0, n, n), RetryField(), health)
    tries = processed = 0
    ordered = sorted(bad)
    while taken := book.take(1, math.inf):
        one = taken[0]
        hit = next((event for event in ordered if one.first <= event < one.stop), None)
        # a tool that fails has done what stands before the event that it fails on
        processed += one.size if hit is None else hit - one.first + 1
        cause = None if hit is None else Cause.EXIT
        at_event = hit if knows else None
        book.settle(RangeReport(one.first, one.stop, one.number, cause, at_event=at_event), 0.0)
        tries += 1
    assert book.is_settled
    assert book.lost_events == len(bad)
    return Cost(tries, processed - n)


def row(n: int, n_bad: int, knows: bool, samples: int) -> dict[str, Any]:
    """Returns a row of results."""
    chooser = random.Random(n + n_bad)
    begun, cpu = time.perf_counter(), time.process_time()
    costs = [search(n, set(chooser.sample(range(n), n_bad)), knows) for _ in range(samples)]
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    tries = [cost.tries for cost in costs]
    bound = n_bad * (2 * math.log2(n) + 3)
    assert max(tries) <= bound
    told = ", told by the tool" if knows else ""
    return {
        "name": f"{n_bad} bad of {n:,} events{told}",
        "size": n,
        "seconds": [round(seconds, 3)],
        "median": round(seconds, 3),
        "cpu_median": round(cpu_s, 3),
        "ratio": None,
        "peak_memory_mb": 0.0,
        "tries_mean": round(statistics.mean(tries), 1),
        "tries_most": max(tries),
        "bound": round(bound, 1),
        "tries_for_each_over_log2": round(statistics.mean(tries) / n_bad / math.log2(n), 2),
        "extra_events": round(statistics.mean(cost.extra_events for cost in costs) / n, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = [row(n, bad, False, options.samples) for bad in BAD for n in SIZES if bad <= n // 4]
    rows += [row(n, 1, True, options.samples) for n in SIZES]
    report(results("bisection", {"helios-wf": __version__}, rows), options.output)


if __name__ == "__main__":
    main()
