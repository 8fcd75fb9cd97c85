"""Event ranges: handed out, begun, settled, cut and read, many at a time.

The verbs that write put the number of the try, the attempt and the legal source states into their WHERE, and
are to be called behind ``runs.fence`` in the same transaction.  The event log gets what failed, not what went
well: a million ranges leave a few entries.
"""

from helios_wf.store.event_ranges.moves import (
    add,
    begin,
    cancel,
    forget,
    lease,
    move,
    put_back,
    reset,
    settle,
    take_over,
)
from helios_wf.store.event_ranges.reads import (
    counts,
    counts_of,
    done,
    done_since,
    jobs_with_losses,
    list,
    outputs,
    told,
    unsettled,
)

__all__ = [
    "add",
    "begin",
    "cancel",
    "counts",
    "counts_of",
    "done",
    "done_since",
    "forget",
    "jobs_with_losses",
    "lease",
    "list",
    "move",
    "outputs",
    "put_back",
    "reset",
    "settle",
    "take_over",
    "told",
    "unsettled",
]
