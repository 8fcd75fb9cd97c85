"""Runs one attempt of a job in its directory, and says what became of it.

    DIRECTORY/out       the tool's working directory and HOME; its outputs
    DIRECTORY/tmp       TMPDIR, or what a failure left of it; gone after a success
    DIRECTORY/inputs    inputs that could not be given by their own path
    DIRECTORY/stdout, DIRECTORY/stderr    what the tool wrote there, where it did not ask for a file

Nothing raises: whatever goes wrong is a report with a cause.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import Program, program_of
from helios_wf.errors import HeliosError
from helios_wf.model import JobSpec, Json, Report
from helios_wf.processes import (
    GRACE_S,
    Ended,
    Ending,
    Interrupt,
    end_leftovers,
    reap,
    signal_group,
    watch,
)
from helios_wf.runner.outcome import DISK_ERRORS, Attempt, cause_of, failure, outcome_of
from helios_wf.runner.starting import make_folders, prepared, start
from helios_wf.states import Cause

ENGINE_S = 30.0
"""How long a container engine may take to end a container."""


def run(
    spec: JobSpec,
    tool: Mapping[str, Json] | Program,
    constants: Mapping[str, Json] | None = None,
    *,
    interrupt: Interrupt | None = None,
    on_start: Callable[[int], None] = lambda pid: None,
    on_prepared: Callable[[Invocation], None] = lambda invocation: None,
    grace_s: float = GRACE_S,
    worker: str = "",
    scratch: str | None = None,
) -> Report:
    """Runs one attempt and returns its report.  Never raises.

    Args:
        spec: what to run; its directory must not exist.
        tool: the tool's body, or a program made of it.
        constants: inputs that all jobs of the task share; the spec's own go over them.
        interrupt: may ask to end the attempt, which is then reported as CANCELLED.
        on_start: called with the process id of a tool that has run for ``processes.NEWS_S``.
        on_prepared: called with how the tool is run, before it is.
        grace_s: seconds between SIGTERM and SIGKILL.
        worker: the name of the worker, for the report.
        scratch: a folder to be TMPDIR, empty before and after; folders that come and go with each job cost
            more than the rest of what is done for it.  Without it, TMPDIR is in the attempt's directory.
    """
    folders = Folders(spec.directory, scratch, handle=spec.handle, environment=spec.environment)
    attempt = Attempt(spec, folders, time.time())
    try:
        program = tool if isinstance(tool, Program) else program_of(tool)
        outcome = _attempt(attempt, program, constants or {}, interrupt, on_start, on_prepared, grace_s)
    except HeliosError as error:
        outcome = failure(attempt, *cause_of(error), expression=getattr(error, "expression", ""))
    except OSError as error:
        cause = Cause.DISK if error.errno in DISK_ERRORS else Cause.LOST
        outcome = failure(attempt, cause, f"the attempt could not be run: {error}")
    except Exception as error:
        outcome = failure(attempt, Cause.BAD_INPUT, f"internal error: {type(error).__name__}: {error}")
    _clear(attempt.folders, failed="cause" in outcome)
    return _report(attempt, worker, outcome)


def _attempt(
    attempt: Attempt,
    program: Program,
    constants: Mapping[str, Json],
    interrupt: Interrupt | None,
    on_start: Callable[[int], None],
    on_prepared: Callable[[Invocation], None],
    grace_s: float,
) -> dict[str, Any]:
    """Runs the tool and returns the fields of the report that say how it went."""
    folders = attempt.folders
    make_folders(folders)
    given = {**constants, **attempt.spec.inputs}
    attempt.invocation = invocation = prepared(program, given, attempt.spec.resources, folders)
    on_prepared(invocation)
    begun = time.monotonic()
    process = start(invocation, folders, attempt.spec)
    try:
        attempt.ended = watch(process, invocation.time_limit_s, interrupt, grace_s, on_start)
    finally:
        # whatever the tool left in its group ends with it, also when the worker itself is told to end
        signal_group(process.pid, signal.SIGKILL)
        if process.returncode is None:
            reap(process)
        end_container(invocation, attempt.ended)
        end_leftovers()
        attempt.wall_s = time.monotonic() - begun
    return outcome_of(attempt, program, invocation, attempt.ended)


def end_container(invocation: Invocation, ended: Ended | None) -> None:
    """Ends a container, which lives on when its process was killed; does nothing where there is none."""
    if invocation.ending and (ended is None or ended.ending is not Ending.ITSELF or ended.code < 0):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(invocation.ending, capture_output=True, timeout=ENGINE_S, check=False)


def _report(attempt: Attempt, worker: str, outcome: dict[str, Any]) -> Report:
    spec, ended = attempt.spec, attempt.ended
    if attempt.invocation is not None and attempt.invocation.ending:
        # what the process of a container engine's client used says nothing of the tool
        ended = None
    return Report(
        run=spec.run,
        key=spec.key,
        attempt=spec.attempt,
        started_at=attempt.started_at,
        wall_s=attempt.wall_s,
        took_s=max(time.time() - attempt.started_at, attempt.wall_s),
        cpu_s=ended.cpu_s if ended else 0.0,
        peak_memory_mb=ended.peak_memory_mb if ended else None,
        host=os.uname().nodename,
        worker=worker,
        differences=attempt.invocation.differences if attempt.invocation else (),
        **outcome,
    )


def _clear(folders: Folders, failed: bool) -> None:
    """Removes what lies in TMPDIR; after a failure it goes to the attempt's directory."""
    own = f"{folders.directory}/tmp"
    with contextlib.suppress(OSError):
        if folders.tmp == own:
            if not failed:
                _remove(own)
        elif os.listdir(folders.tmp):
            shutil.move(folders.tmp, own) if failed else _remove(folders.tmp)


def _remove(directory: str) -> None:
    try:
        os.rmdir(directory)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
