"""Where a run stands as a whole, as far as it keeps jobs from being started."""

from __future__ import annotations

from helios_wf.engine.holders import dead_holder
from helios_wf.explaining.asking import Said, is_alive
from helios_wf.explaining.nouns import Reason
from helios_wf.states import SETTLED_RUNS, RunState
from helios_wf.store import Tx
from helios_wf.store.clock import now
from helios_wf.store.rows import RunRow


def left_alone(tx: Tx, run: RunRow) -> str:
    """Returns why nobody goes on with a run that is not over, empty where somebody does."""
    reasons = standing(run, Said(), is_alive(now(tx), run))
    return "" if run.state in SETTLED_RUNS or not reasons else reasons[0].text


def standing(run: RunRow, said: Said, is_alive: bool) -> tuple[Reason, ...]:
    """Returns why nothing new is started in a run; nothing where it goes on."""
    again = f"helios-wf resume {run.id} goes on with it"
    why = f" ({run.reason})" if run.reason else ""
    if run.state in (RunState.DONE, RunState.FINISHED):
        return (Reason("over", f"the run is {run.state}"),)
    if run.state in SETTLED_RUNS:
        return (Reason("over", f"the run is {run.state}{why}; {again}"),)
    if run.state is RunState.PAUSED:
        return (Reason("paused", f"the run is paused; {again}"),)
    if run.engine is None:
        return (Reason("no-engine", f"no engine holds the run; {again}"),)
    if dead_holder(run.engine):
        return (Reason("no-engine", f"the engine that held the run is gone ({run.engine}); {again}"),)
    if not is_alive:
        return (Reason("no-engine", f"the engine of the run was not heard for long ({run.engine}); {again}"),)
    if said.answer is not None and said.answer.halted:
        return (Reason("halted", f"of the run: {said.answer.halted}"),)
    return ()
