"""How a file becomes event ranges: what it holds, and what the split step asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helios_wf import ranges
from helios_wf.engine.pacing import Pace, Timed
from helios_wf.errors import EventFileError, JobError
from helios_wf.model import Layout, SplitField
from helios_wf.model.noun import Json
from helios_wf.model.plans import Domain
from helios_wf.ranges import Cuts
from helios_wf.states import Cause

Ranges = list[list[Any]]
"""Event ranges ``[first, stop]``; of a chain also with their depth, and the state of one that failed."""

WHOLE: Ranges = [[None, None]]
"""One job without a range: for an empty file, and for no file (the tool says whether it can do without)."""


def ranges_of(
    layout_of: Callable[[str, str | None], Layout], domain: Domain, file: Json, first: Json, count: Json
) -> Ranges:
    """Returns the event ranges of a split step for one file, or for a bare count of events.

    Args:
        layout_of: tells the layout of a file by path and table.
        domain: the split domain.
        file: the CWL File that is cut, or None where the step names none.
        first: what the step itself binds as the first event, or None.
        count: what it binds as the number of events, or None.

    Raises:
        JobError: the file cannot be read as events, or a bound is missing or wrong.
    """
    assert domain.cut is not None
    field = domain.cut.field
    start = _whole(first, field.first, domain) or 0
    n_events = _whole(count, field.count, domain)
    if domain.cut.file is None:
        if n_events is None:
            raise JobError(
                Cause.BAD_INPUT,
                f"step {domain.step!r} splits no file, so {field.count!r} must be bound to a number",
            )
        return _cut(field, start, start + n_events, ())
    if file is None:
        return WHOLE
    layout = _layout(domain, file, layout_of)
    stop = layout.n_events if n_events is None else min(layout.n_events, start + n_events)
    if layout.n_events == 0:
        return WHOLE
    return _cut(field, start, stop, layout.clusters) if layout.seekable else [[start, stop]]


def cuts_of(
    layout_of: Callable[[str, str | None], Layout],
    domain: Domain,
    file: Json,
    first: int,
    stop: int,
    pace: Pace,
) -> tuple[Cuts | Timed, bool]:
    """Returns the event ranges of one job, and whether they may be cut again.

    Args:
        layout_of: tells the layout of a file by path and table.
        domain: the split domain of the job.
        file: the CWL File that is cut, or None where the step names none.
        first: the first event of the job.
        stop: one past its last.
        pace: what is known of the time that events of its task take.

    Raises:
        JobError: the file cannot be read as events.
    """
    assert domain.cut is not None
    clusters = clusters_of(layout_of, domain, file)
    if clusters is None:
        return Cuts(first, stop, stop - first), False
    if domain.cut.field.seconds_per_range is not None:
        return Timed(stop, domain.cut.field.seconds_per_range, pace, clusters), True
    return Cuts(first, stop, domain.cut.field.events_per_range or stop - first, clusters), True


def clusters_of(
    layout_of: Callable[[str, str | None], Layout], domain: Domain, file: Json
) -> tuple[int, ...] | None:
    """Returns the stored boundaries of a file that is cut; None where it cannot be sought in.

    Raises:
        JobError: the file cannot be read as events.
    """
    assert domain.cut is not None
    if domain.cut.file is None:
        return ()
    layout = _layout(domain, file, layout_of)
    return layout.clusters if layout.seekable else None


def _cut(field: SplitField, first: int, stop: int, clusters: tuple[int, ...]) -> Ranges:
    if stop <= first:
        return [[first, first]]
    if field.jobs_per_file is not None:
        pieces = ranges.cut_into(first, stop, field.jobs_per_file, clusters)
    else:
        pieces = ranges.cut(first, stop, _events_per_job(field) or stop - first, clusters)
    return [list(piece) for piece in pieces]


def _events_per_job(field: SplitField) -> int | None:
    if field.events_per_job is not None:
        return field.events_per_job
    if field.seconds_per_job is not None and field.seconds_per_event is not None:
        return max(1, int(field.seconds_per_job / field.seconds_per_event))
    return field.events_per_range


def _layout(domain: Domain, file: Json, layout_of: Callable[[str, str | None], Layout]) -> Layout:
    assert domain.cut is not None
    field = domain.cut.field
    if not isinstance(file, dict) or file.get("class") != "File" or not file.get("path"):
        raise JobError(
            Cause.BAD_INPUT, f"step {domain.step!r} splits its input {field.input!r}, which must be a File"
        )
    try:
        return layout_of(file["path"], field.table)
    except EventFileError as error:
        raise JobError(
            Cause.BAD_INPUT, f"step {domain.step!r} cannot split its input {field.input!r}: {error}"
        ) from error


def _whole(value: Json, name: str, domain: Domain) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise JobError(
        Cause.BAD_INPUT, f"step {domain.step!r}: {name} must be a whole number from 0, not {value!r}"
    )
