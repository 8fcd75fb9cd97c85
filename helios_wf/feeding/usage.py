"""Processor time of a process that runs."""

from __future__ import annotations

import contextlib
import os
import time

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Returns the seconds that a process (all its threads) and its children that ended have computed.

    Source: clock_getcpuclockid(3), whose clock of a process is ``~pid << 3 | 2`` on Linux; proc(5),
    ``cutime`` and ``cstime`` of ``/proc/PID/stat``.
    """
    seconds = 0.0
    with contextlib.suppress(OSError, ValueError, IndexError):
        seconds += time.clock_gettime(~pid << 3 | 2)
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        seconds += (int(fields[13]) + int(fields[14])) * _TICK_S
    return seconds
