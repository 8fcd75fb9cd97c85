"""Jobs: handed out, started, settled, recorded and read, many at a time.

The verbs that write put the attempt and the legal source states into their WHERE, append to the event log,
and are to be called behind ``runs.fence`` in the same transaction.
"""

from helios_wf.store.jobs.moves import compared, forget, lease, record, reset, revive, settle, started
from helios_wf.store.jobs.reads import (
    below,
    counts,
    counts_below,
    done_with,
    every,
    failed,
    failures,
    find,
    get,
    like,
    open,
    outputs,
    outputs_below,
    reused,
    revived,
    states,
    taken_over,
    times,
)

__all__ = [
    "below",
    "compared",
    "counts",
    "counts_below",
    "done_with",
    "every",
    "failed",
    "failures",
    "find",
    "forget",
    "get",
    "lease",
    "like",
    "open",
    "outputs",
    "outputs_below",
    "record",
    "reset",
    "reused",
    "revive",
    "revived",
    "settle",
    "started",
    "states",
    "taken_over",
    "times",
]
