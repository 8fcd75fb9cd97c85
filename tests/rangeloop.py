"""The kill loop over event ranges: ``python tests/rangeloop.py --kills 100`` also kills resident tools.

After every run, the ranges of each file that are not bisected must cover its events once, all of them done.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path

from driving import Desk
from killloop import VICTIMS, KillLoop, main

from helios_wf import event_stream
from helios_wf.states import RangeState
from helios_wf.store import event_ranges

HERE = Path(__file__).parent
RANGES = HERE / "acceptance" / "slow_ranges.cwl"
EVENTS = 30
"""Events of each file of a desk."""


def ranges_desk(folder: Path, store: str | None = None) -> Desk:
    """Returns a desk whose workflow feeds a resident tool, and one that gets a process for each range."""
    beside = (RANGES.with_suffix(".py"), Path(event_stream.__file__))
    return Desk(folder, store, document=RANGES, beside=beside)


def assert_events_were_done_once(desk: Desk) -> None:
    """Makes sure that the ranges that count are done, and cover every file once."""
    with desk.store.read() as tx:
        rows = event_ranges.list(tx, desk.run().id, limit=1_000_000)
    covered: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in rows:
        if row.state is not RangeState.SPLIT:
            assert row.state is RangeState.DONE, row
            covered[row.task, row.path.split("/")[0]] += range(row.first, row.stop)
    assert covered, "the run has no event ranges"
    for job, events in covered.items():
        assert sorted(events) == list(range(EVENTS)), f"{job} covers {sorted(events)}"


new_range_loop = partial(
    KillLoop, new_desk=ranges_desk, victims=(*VICTIMS, "tool", "tool"), check=assert_events_were_done_once
)
"""Makes a kill loop over event ranges, as ``KillLoop`` does over jobs."""

if __name__ == "__main__":
    main(new_range_loop)
