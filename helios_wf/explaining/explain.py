"""From a user's words to an explanation: of one job, of the jobs of a step, or of a run."""

from __future__ import annotations

from collections.abc import Sequence

from helios_wf.config import Settings
from helios_wf.explaining.asking import Said, ask, handle_of, is_alive
from helios_wf.explaining.jobs import of_job
from helios_wf.explaining.many import of_many
from helios_wf.explaining.nouns import Explanation
from helios_wf.explaining.standing import standing
from helios_wf.explaining.waiting import Waits
from helios_wf.record import Record, Spot, at, run_of
from helios_wf.states import SETTLED_RUNS, JobState
from helios_wf.store import Store
from helios_wf.store.clock import now


def explain(store: Store, settings: Settings, text: str | None) -> Explanation:
    """Returns why what a user's words name stands where it does.

    Raises:
        UserError: they name no job, step or run; the message says which there are.
    """
    with store.read() as tx:
        run, address = run_of(tx, text)
        record = Record(tx, run, settings)
        first = _handed_out(record, at(record, address))
        alive = is_alive(now(tx), run)
    # no transaction is open while others are asked: on some disks it would keep the engine from writing
    said = Said() if run.state in SETTLED_RUNS else ask(store, run, settings, first, alive)
    with store.read() as tx:
        run, address = run_of(tx, text)
        record = Record(tx, run, settings)
        spot = at(record, address)
        halted = standing(run, said, is_alive(now(tx), run))
        waits = Waits(record, said, halted)
        if spot.is_job:
            return of_job(record, spot, waits, halted)
        return of_many(record, spot, waits, halted)


def _handed_out(record: Record, spot: Spot) -> Sequence[str]:
    """Returns the attempts of what is named that were handed out and have not begun."""
    if not spot.is_job:
        return ()
    row = record.job(spot.task.number, spot.path)
    return [handle_of(record.run.id, row)] if row is not None and row.state is JobState.LEASED else ()
