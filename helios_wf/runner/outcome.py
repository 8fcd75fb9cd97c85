"""What became of an attempt: the fields of its report that say how its tool ended, or why it was not run."""

from __future__ import annotations

import errno
import os
import signal
from typing import Any

import msgspec

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import Program
from helios_wf.errors import HeliosError, JobError, UnsupportedError
from helios_wf.evidence import first_disk_error, first_memory_error, is_full, memory_kills, tail
from helios_wf.model import JobSpec
from helios_wf.processes import Ended, Ending
from helios_wf.states import PERMANENT, Cause

_FULL = "No space left on device where it ran"
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a full disk."""


class Attempt(msgspec.Struct):
    """What is known so far of the attempt that is being run."""

    spec: JobSpec
    folders: Folders
    started_at: float
    invocation: Invocation | None = None
    ended: Ended | None = None
    wall_s: float = 0.0

    @property
    def stderr(self) -> str:
        """Where the tool's standard error went."""
        name = self.invocation.stderr if self.invocation else None
        return f"{self.folders.out}/{name}" if name else f"{self.folders.directory}/stderr"


def outcome_of(attempt: Attempt, program: Program, invocation: Invocation, ended: Ended) -> dict[str, Any]:
    """Returns the fields of a report of a tool that was run."""
    if ended.ending is Ending.TIME_LIMIT:
        text = f"it ran longer than its time limit of {invocation.time_limit_s:g} s"
        return failure(attempt, Cause.TIME_LIMIT, text)
    if ended.ending is Ending.INTERRUPT:
        return failure(attempt, Cause.CANCELLED, "it was cancelled")
    code = program.exit_code(invocation, ended.code)
    if code < 0:
        return _signalled(attempt, -code)
    if program.succeeds(code):
        if is_full(attempt.folders.directory):
            text = f"it exited with {code}, but what it wrote may not be whole: {_FULL}"
            return failure(attempt, Cause.DISK, text, exit_code=code)
        if not os.path.isdir(attempt.folders.out):
            text = f"its working directory {attempt.folders.out} is gone: the tool removed or renamed it"
            return failure(attempt, Cause.MISSING_OUTPUT, text, exit_code=code)
        return {"outputs": program.collect(invocation, code), "exit_code": code}
    return _exited(attempt, program, code)


def failure_of(attempt: Attempt, program: Program, code: int) -> dict[str, Any]:
    """Returns the fields of a report of a tool that ended before its time, by its exit code or signal."""
    return _signalled(attempt, -code) if code < 0 else _exited(attempt, program, code)


def _signalled(attempt: Attempt, number: int) -> dict[str, Any]:
    if number == signal.SIGKILL and memory_kills():
        text = f"it was killed for memory; {_memory(attempt)}"
        return failure(attempt, Cause.MEMORY, text, signal=number)
    return failure(attempt, Cause.SIGNAL, f"it was ended by {_signal(number)}", signal=number)


def _signal(number: int) -> str:
    """Returns a signal by name and in words."""
    if number == signal.SIGKILL:
        return "SIGKILL (killed from outside, or by the system for want of memory)"
    if number in list(signal.Signals):
        return f"{signal.Signals(number).name} ({(signal.strsignal(number) or '').lower()})"
    return f"signal {number}"


def _memory(attempt: Attempt) -> str:
    """Returns how much memory a tool asked for, and, where that is known, how much it had."""
    peak = attempt.ended.peak_memory_mb if attempt.ended else None
    used = f" and used {peak:,.0f} MiB" if peak is not None else ""
    return f"it asked for {attempt.spec.resources.ram_mb:,g} MiB{used}"


def _exited(attempt: Attempt, program: Program, code: int) -> dict[str, Any]:
    full = first_disk_error(tail(attempt.stderr))
    if full is None and is_full(attempt.folders.directory):
        full = _FULL
    if full:
        return failure(attempt, Cause.DISK, f"it exited with {code}: {full}", exit_code=code)
    if code == 128 + signal.SIGKILL and memory_kills():
        text = f"it exited with {code}: a child was killed for memory; {_memory(attempt)}"
        return failure(attempt, Cause.MEMORY, text, exit_code=code)
    permanent, temporary = program.is_permanent(code), program.is_temporary(code)
    scarce = first_memory_error(tail(attempt.stderr))
    if scarce and not permanent:
        text = f"it exited with {code}, out of memory ({scarce}); {_memory(attempt)}"
        return failure(attempt, Cause.MEMORY, text, exit_code=code)
    listed = "permanent" if permanent else "temporary" if temporary else ""
    text = f"it exited with {code}" + (f", which the tool lists as {listed}" if listed else "")
    fields = failure(attempt, Cause.EXIT, text, exit_code=code)
    return fields | {"permanent": permanent, "temporary": temporary}


def failure(attempt: Attempt, cause: Cause, message: str, **fields: Any) -> dict[str, Any]:
    """Returns the fields of a report of a failure."""
    fields |= {
        "cause": cause,
        "message": message,
        "permanent": cause in PERMANENT,
        "stderr_tail": tail(attempt.stderr),
    }
    if attempt.invocation is not None:
        fields["command"] = tuple(attempt.invocation.argv)
    if (
        attempt.ended is not None
        and attempt.ended.code >= 0
        and cause not in (Cause.CANCELLED, Cause.TIME_LIMIT)
    ):
        fields.setdefault("exit_code", attempt.ended.code)
    return fields


def cause_of(error: HeliosError) -> tuple[Cause, str]:
    """Returns what an error means for an attempt, and its message."""
    if isinstance(error, JobError):
        return error.cause, str(error)
    if isinstance(error, UnsupportedError):
        return Cause.NOT_STARTED, str(error)
    return Cause.BAD_INPUT, str(error)
