"""Processes of this machine: marked, watched, and ended with everything that they started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

RUN_MARK = "HELIOS_RUN"
JOB_MARK = "HELIOS_JOB"
"""Environment variables of every tool: the run's id, and the attempt's handle."""

UNCERTAIN_KB = 1024
"""A peak may be told wrong by so much: Linux counts pages for each processor, and adds them up later."""

GRACE_S = 5.0
"""Seconds between SIGTERM and SIGKILL."""

NEWS_S = 0.05
"""What nobody waits for is said together with what else comes within this time."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_is_subreaper = False
_known_peak_kb = 0
_spared: set[int] = set()

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Ending(StrEnum):
    """What ended a process that was watched."""

    ITSELF = "ITSELF"
    """it ended, or something else ended it"""
    TIME_LIMIT = "TIME_LIMIT"
    """we, because its time was up"""
    INTERRUPT = "INTERRUPT"
    """we, on request"""


class Ended(NamedTuple):
    """How a process ended.

    ``code`` is the exit code, or minus the signal.  ``peak_memory_mb`` is None when unknown: a child starts
    with its parent's pages, so a peak at or below the parent's own says nothing.
    """

    code: int
    ending: Ending
    cpu_s: float
    peak_memory_mb: float | None


class Interrupt(Protocol):
    """Something that may ask, while a process runs, to end it."""

    fd: int
    """becomes readable when there is something to hear"""

    def hear(self) -> bool:
        """Reads what there is, and returns whether the process must end now."""


def become_subreaper() -> None:
    """Makes daemons among this process's descendants its children when their parents end (Linux only).

    For processes whose children are all tools: ``end_leftovers`` then ends every child.
    """
    global _is_subreaper
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _is_subreaper = True


def end_with_parent(number: int) -> None:
    """Asks the kernel to send this process a signal when its parent ends (Linux only)."""
    _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> None:
    # musl and other systems have no prctl under this name; EOF on the pipe then has to do
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def watch(
    process: subprocess.Popen[bytes],
    limit_s: float | None,
    interrupt: Interrupt | None,
    grace_s: float = GRACE_S,
    on_start: Callable[[int], None] = lambda pid: None,
) -> Ended:
    """Waits for a process that leads a group, and ends the group when its time is up or on request.

    ``on_start`` is called with its id, unless it has ended ``NEWS_S`` after its start.
    """
    deadline = None if limit_s is None else time.monotonic() + limit_s
    ended = os.pidfd_open(process.pid)
    try:
        ending = _wait(ended, deadline, interrupt, lambda: on_start(process.pid))
        if ending is not Ending.ITSELF:
            signal_group(process.pid, signal.SIGTERM)
            if not _readable(ended, grace_s):
                signal_group(process.pid, signal.SIGKILL)
                _readable(ended, None)
    finally:
        os.close(ended)
    return reap(process, ending)


def _wait(
    ended: int, deadline: float | None, interrupt: Interrupt | None, on_start: Callable[[], None]
) -> Ending:
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    if interrupt is not None:
        poll.register(interrupt.fd, select.POLLIN)
    untold_until: float | None = time.monotonic() + NEWS_S
    while True:
        soonest = min((when for when in (deadline, untold_until) if when is not None), default=None)
        left_ms = None if soonest is None else max(0.0, (soonest - time.monotonic()) * 1000)
        ready = [fd for fd, _ in poll.poll(left_ms)]
        if ended in ready:
            return Ending.ITSELF
        if untold_until is not None and time.monotonic() >= untold_until:
            untold_until = None
            on_start()
        if interrupt is not None and interrupt.fd in ready and interrupt.hear():
            return Ending.INTERRUPT
        if deadline is not None and time.monotonic() >= deadline:
            return Ending.TIME_LIMIT


def _readable(fd: int, timeout_s: float | None) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))


def reap(process: subprocess.Popen[bytes], ending: Ending = Ending.ITSELF) -> Ended:
    """Waits for a process and returns how it ended, with the operating system's accounting."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = code = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / 1024 if _exceeds_own_peak(usage.ru_maxrss) else None
    return Ended(code, ending, usage.ru_utime + usage.ru_stime, peak)


def _exceeds_own_peak(peak_kb: int) -> bool:
    global _known_peak_kb
    if peak_kb > _known_peak_kb:
        # it only grows, and is read where that may matter
        _known_peak_kb = own_peak_kb()
    return peak_kb > _known_peak_kb + UNCERTAIN_KB


def own_peak_kb() -> int:
    """Returns the largest resident memory of this program so far, in KiB.

    ``getrusage`` would count what stood in this process before its program was started: its parent's pages.

    Source: proc(5), VmHWM of ``/proc/self/status``.
    """
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1])
    return 0


def signal_group(pid: int, number: int) -> None:
    """Sends a signal to a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def spare(pid: int, yes: bool = True) -> None:
    """Makes ``end_leftovers`` leave a child alone, which is no tool's; or, with ``yes`` false, no longer."""
    if yes:
        _spared.add(pid)
    else:
        _spared.discard(pid)


def end_leftovers(patience_s: float = GRACE_S) -> None:
    """Ends every child that is left, and theirs; does nothing in a process that is no subreaper."""
    if not _is_subreaper:
        return
    deadline = time.monotonic() + patience_s
    while left := _leftovers():
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return
        time.sleep(0.001)


def _leftovers() -> list[int]:
    """Reaps the children that have ended, and returns the others but for those that are spared."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return []
    return [pid for pid in _children(os.getpid()) if pid not in _spared]


def _children(of: int) -> list[int]:
    """Returns the children of a process, one or several threads.

    Source: proc(5), ``/proc/PID/task/TID/children``, which not every kernel has.
    """
    found = []
    try:
        for thread in os.listdir(f"/proc/{of}/task"):
            with open(f"/proc/{of}/task/{thread}/children", "rb") as file:
                found += [int(pid) for pid in file.read().split()]
    except OSError:
        return [pid for pid in _processes() if _parent(pid) == of]
    return found


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


def family_cpu_s(pid: int) -> float:
    """Returns the seconds that a process and its children, running or ended, have computed."""
    return sum(cpu_s(one) for one in (pid, *_children(pid)))


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def has_ended(pid: int) -> bool:
    """Says whether no process has that id, or only one that has ended and was not waited for yet.

    Source: proc(5), state of ``/proc/PID/stat``.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        # it is somebody else's
        pass
    with contextlib.suppress(OSError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    return False


def marked(name: str, values: Iterable[str]) -> list[int]:
    """Returns the processes, without this one, whose environment has ``name`` set to one of the values."""
    wanted = {f"{name}={value}".encode() for value in values}
    return _having(lambda environment: not wanted.isdisjoint(environment.split(b"\0")))


def _having(test: Callable[[bytes], bool]) -> list[int]:
    found = []
    for pid in _processes():
        if pid == os.getpid():
            continue
        # processes of other users cannot be read, and others end while we look
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if test(file.read()):
                found.append(pid)
    return found


def end_marked(name: str, values: Iterable[str], patience_s: float = GRACE_S) -> int:
    """Kills the processes that carry a mark, until none is left; returns how many were found at first."""
    wanted = list(values)
    if not wanted:
        return 0
    deadline = time.monotonic() + patience_s
    first = left = marked(name, wanted)
    while left and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
        left = marked(name, wanted)
    return len(first)
