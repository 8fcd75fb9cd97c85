"""Runs that are driven by engines in other processes: begun, and waited for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from helios_wf.config import Settings
from helios_wf.engine.holders import LEASE_S, is_held
from helios_wf.engine.retrying import Wish
from helios_wf.errors import RunError, RunTakenError
from helios_wf.interface.engine import Work
from helios_wf.interface.engine_process import EngineProcess
from helios_wf.interface.progress import Progress, Shown, shown
from helios_wf.interface.status import status_of
from helios_wf.layouts import Layouts
from helios_wf.model import Layout
from helios_wf.states import SETTLED_RUNS, RunState
from helios_wf.store import Store, runs
from helios_wf.store.rows import RunRow

Probed: TypeAlias = tuple[tuple[str, str | None, Layout], ...]
"""What was learned from files: path, table, and what it holds."""

SOON_S = 0.05
LATER_S = 1.0
"""How long is waited before one looks again: at first, and in the end."""


class Driven:
    """A run, and the process of this one's that drives it, if one does."""

    def __init__(self, id: str, store: Store, settings: Settings) -> None:
        self.id = id
        self.store = store
        self.settings = settings
        self.engine: EngineProcess | None = None
        self._heard: tuple[datetime | None, float] = (None, 0.0)

    def row(self) -> RunRow:
        """Returns what the store says of it now, without inputs and outputs."""
        with self.store.read() as tx:
            return runs.look(tx, self.id)

    def is_over(self) -> bool:
        """Says whether nobody is at work on it any more."""
        row = self.row()
        if self.engine is not None and not self.engine.ended.is_set():
            # of several runs it lets go of each that is over
            return row.engine is None and row.state in (*SETTLED_RUNS, RunState.PAUSED)
        return not self.is_held(row)

    def is_held(self, row: RunRow) -> bool:
        """Says whether an engine, on whatever machine, is at work on it."""
        if row.heartbeat_at != self._heard[0]:
            self._heard = row.heartbeat_at, time.monotonic()
        return is_held(row) and time.monotonic() - self._heard[1] < LEASE_S

    def check_engine(self) -> None:
        """Raises what its engine gave up for."""
        error = self.engine.error() if self.engine is not None else None
        if error is not None:
            raise error


def drive(
    driven: Sequence[Driven],
    wish: Wish | None = None,
    layouts: Layouts | None = None,
    *,
    again: bool = False,
    wait: bool = True,
    progress: Progress = None,
) -> None:
    """Has runs driven by one engine in a process of its own; those that have an engine are left to it.

    Args:
        driven: the runs, of one store.
        wish: what is to be tried again of them.
        layouts: what is known of their files.
        again: whether those that are settled are to go on too.
        wait: whether to wait until they are over, and to stop them in order when that is interrupted; else it
            returns once the engine has taken them, which then goes on by itself.
        progress: what is shown meanwhile.

    Raises:
        HeliosError: the engine gave up, for this reason.
    """
    rows = [(one, one.row()) for one in driven]
    wanted = rows if again else [(one, row) for one, row in rows if row.state not in SETTLED_RUNS]
    free = {one: row.epoch for one, row in wanted if not one.is_held(row)}
    probed = tuple(layouts.probed) if layouts is not None else ()
    engine = _begin(free, wish, not wait, probed) if free else None
    if not wait:
        return
    try:
        follow(driven, shown(progress))
    except BaseException:
        if engine is not None:
            engine.end()
        raise
    for one in driven:
        one.check_engine()


def _begin(
    free: Mapping[Driven, int], wish: Wish | None, stays: bool, probed: Probed
) -> EngineProcess | None:
    """Starts an engine and returns it once it has taken the runs; None where others were quicker.

    Args:
        free: runs that no engine has, and how often they were taken before.
        wish: what is to be tried again of them.
        stays: whether the engine goes on without this process.
        probed: what is known of their files.
    """
    settings = next(iter(free)).settings
    engine = EngineProcess(Work(settings, tuple(one.id for one in free), wish, stays, layouts=probed))
    try:
        engine.begun.wait()
    except BaseException:
        engine.end()
        raise
    error = engine.error()
    left = {one: epoch for one, epoch in free.items() if error is None or one.row().epoch == epoch}
    if isinstance(error, RunTakenError | RunError) and len(left) < len(free):
        # another engine was quicker, so this one took none
        return _begin(left, wish, stays, probed) if left else None
    if error is not None:
        raise error
    for one in free:
        one.engine = engine
    return engine


def follow(driven: Sequence[Driven], show: Shown | None = None, timeout: float | None = None) -> None:
    """Returns once nobody is at work on these runs any more.

    Raises:
        TimeoutError: some are still at work after so many seconds; they go on.
    """
    began = time.monotonic()
    while True:
        looked = time.monotonic()
        at_work = [one for one in driven if not one.is_over()]
        if show is not None and at_work:
            show([status_of(one.store, one.id) for one in driven])
        if not at_work:
            break
        now = time.monotonic()
        if timeout is not None and now >= began + timeout:
            raise TimeoutError(f"{len(at_work)} of {len(driven)} runs still go on after {timeout:g} s")
        # looking must not become the main work
        pause = max(min(LATER_S, max(SOON_S, (now - began) / 10)), 5 * (now - looked))
        _pause(at_work[0], pause if timeout is None else min(pause, began + timeout - now))
    if show is not None:
        show.close([status_of(one.store, one.id) for one in driven])


def _pause(one: Driven, seconds: float) -> None:
    """Waits so long, or until the engine of a run has ended."""
    if one.engine is None:
        time.sleep(seconds)
    else:
        one.engine.ended.wait(seconds)
