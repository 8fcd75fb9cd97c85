"""Jobs: handed out, started, settled, recorded and read, many at a time.

The verbs that write put the attempt and the legal source states into their WHERE, append to the event log,
and are to be called behind ``runs.fence`` in the same transaction.
"""

from helios_wf.store.jobs.moves import forget, lease, record, reset, settle, started
from helios_wf.store.jobs.reads import (
    below,
    counts,
    counts_below,
    every,
    failed,
    failures,
    find,
    get,
    open,
    outputs,
    outputs_below,
    states,
)

__all__ = [
    "below",
    "counts",
    "counts_below",
    "every",
    "failed",
    "failures",
    "find",
    "forget",
    "get",
    "lease",
    "open",
    "outputs",
    "outputs_below",
    "record",
    "reset",
    "settle",
    "started",
    "states",
]
