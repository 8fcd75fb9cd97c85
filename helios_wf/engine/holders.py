"""Who holds a run: the names of engines, and whether they live as far as this host can tell."""

from __future__ import annotations

import os
import secrets
import socket

from helios_wf.processes import has_ended
from helios_wf.states import SETTLED_RUNS
from helios_wf.store.rows import RunRow

LEASE_S = 30.0
"""An engine that was not heard for so long counts as dead."""


def engine_name() -> str:
    """Returns what names this engine in the store: host, process, and a word that no other has."""
    return f"{socket.gethostname()} pid {os.getpid()} {secrets.token_hex(4)}"


def dead_holder(engine: str | None) -> str | None:
    """Returns the name of an engine of this host whose process is gone, else None."""
    if engine is None:
        return None
    host, _, rest = engine.partition(" pid ")
    pid = rest.split(" ")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return None
    return engine if has_ended(int(pid)) else None


def is_held(run: RunRow) -> bool:
    """Says whether an engine holds a run, and lives as far as this host can tell."""
    return run.engine is not None and dead_holder(run.engine) is None


def abandoned(run: RunRow) -> str:
    """Returns that no engine is at work on a run that is not settled, and what to do; empty where one is."""
    if run.state in SETTLED_RUNS or is_held(run):
        return ""
    why = "no engine holds it" if run.engine is None else f"its engine is gone ({run.engine})"
    return f"{why}; helios-wf resume {run.id} goes on with it"
