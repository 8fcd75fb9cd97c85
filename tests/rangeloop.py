"""The kill loop over event ranges: ``python tests/rangeloop.py --kills 100`` also kills resident tools.

After every kill, the ranges of each job that are not bisected must cover its events once, as far as they
are cut, and what a range has left must be what was recorded of it.  After every run, they must cover all
events of each file, all of them done.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from driving import Desk
from killloop import VICTIMS, KillLoop, main

from helios_wf import event_stream
from helios_wf.ranges import covers
from helios_wf.states import RangeState
from helios_wf.store import event_ranges
from helios_wf.store.rows import RangeRow

HERE = Path(__file__).parent
RANGES = HERE / "acceptance" / "slow_ranges.cwl"
EVENTS = 30
"""Events of each file of a desk."""


def ranges_desk(folder: Path, store: str | None = None) -> Desk:
    """Returns a desk whose workflow feeds a resident tool, and one that gets a process for each range."""
    beside = (RANGES.with_suffix(".py"), Path(event_stream.__file__))
    return Desk(folder, store, document=RANGES, beside=beside)


def check(desk: Desk, is_over: bool) -> None:
    """Makes sure of the ranges of the latest run, as far as it has come."""
    row = desk.latest()
    if row is None:
        return
    with desk.store.read() as tx:
        rows = event_ranges.list(tx, row.id, limit=1_000_000)
    assert_events_are_covered_once(rows)
    for one in rows:
        if one.state is RangeState.DONE:
            assert_outputs_are_as_recorded(one)
    if is_over:
        assert_all_events_are_done(rows)


def assert_events_are_covered_once(rows: Sequence[RangeRow]) -> None:
    """Makes sure that the ranges of each job that count follow each other without gap or overlap."""
    by_job: dict[tuple[int, str], list[RangeRow]] = defaultdict(list)
    for row in rows:
        by_job[row.task, row.path].append(row)
    for job, its in by_job.items():
        counting = [(row.first, row.stop) for row in its if row.state is not RangeState.SPLIT]
        first, stop = min(row.first for row in its), max(row.stop for row in its)
        assert covers(counting, first, stop), f"{job}: {counting}"


def assert_outputs_are_as_recorded(row: RangeRow) -> None:
    """Makes sure of the checksums of a range that is done, unless what read its outputs is done with them."""
    assert isinstance(row.outputs, dict)
    assert row.outputs, row
    for file in row.outputs.values():
        with contextlib.suppress(FileNotFoundError):
            found = hashlib.sha1(Path(file["path"]).read_bytes()).hexdigest()
            assert file["checksum"] == f"sha1${found}", row


def assert_all_events_are_done(rows: Sequence[RangeRow]) -> None:
    """Makes sure that the ranges that count are done, and cover every file once."""
    covered: dict[tuple[int, str], list[int]] = defaultdict(list)
    for row in rows:
        if row.state is not RangeState.SPLIT:
            assert row.state is RangeState.DONE, row
            covered[row.task, row.path.split("/")[0]] += range(row.first, row.stop)
    assert covered, "the run has no event ranges"
    for job, events in covered.items():
        assert sorted(events) == list(range(EVENTS)), f"{job} covers {sorted(events)}"


new_range_loop = partial(KillLoop, new_desk=ranges_desk, victims=(*VICTIMS, "tool", "tool"), check=check)
"""Makes a kill loop over event ranges, as ``KillLoop`` does over jobs."""

if __name__ == "__main__":
    main(new_range_loop)
