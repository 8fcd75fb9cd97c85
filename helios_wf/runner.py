"""Runs one attempt of a job in its directory, and says what became of it.

    DIRECTORY/out       the tool's working directory and HOME; its outputs
    DIRECTORY/tmp       TMPDIR, or what a failure left of it; gone after a success
    DIRECTORY/inputs    inputs that could not be given by their own path
    DIRECTORY/stdout, DIRECTORY/stderr    what the tool wrote there, where it did not ask for a file

Nothing raises: whatever goes wrong is a report with a cause.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import Program, program_of
from helios_wf.errors import HeliosError, JobError, UnsupportedError
from helios_wf.evidence import (
    first_disk_error,
    first_memory_error,
    is_full,
    memory_kills,
    tail,
    too_long,
)
from helios_wf.model import JobSpec, Json, Report, Resources
from helios_wf.processes import (
    GRACE_S,
    JOB_MARK,
    RUN_MARK,
    Ended,
    Ending,
    Interrupt,
    end_leftovers,
    reap,
    signal_group,
    watch,
)
from helios_wf.states import PERMANENT, Cause

ENGINE_S = 30.0
"""How long a container engine may take to end a container."""

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
        outcome = _failure(attempt, *cause_of(error), expression=getattr(error, "expression", ""))
    except OSError as error:
        cause = Cause.DISK if error.errno in DISK_ERRORS else Cause.LOST
        outcome = _failure(attempt, cause, f"the attempt could not be run: {error}")
    except Exception as error:
        outcome = _failure(attempt, Cause.BAD_INPUT, f"internal error: {type(error).__name__}: {error}")
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
    return _settle(attempt, program, invocation, attempt.ended)


def end_container(invocation: Invocation, ended: Ended | None) -> None:
    """Ends a container, which lives on when its process was killed; does nothing where there is none."""
    if invocation.ending and (ended is None or ended.ending is not Ending.ITSELF or ended.code < 0):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(invocation.ending, capture_output=True, timeout=ENGINE_S, check=False)


def prepared(
    program: Program, given: Mapping[str, Json], resources: Resources, folders: Folders
) -> Invocation:
    """Returns how to run a tool, with the time that its attempt grants it, if that is more than it asks for.

    Raises:
        JobError: an input does not fit or is not there, or an expression failed.
    """
    invocation = program.prepare(given, resources, folders)
    if invocation.time_limit_s and resources.time_s:
        return invocation._replace(time_limit_s=max(invocation.time_limit_s, resources.time_s))
    return invocation


def _settle(attempt: Attempt, program: Program, invocation: Invocation, ended: Ended) -> dict[str, Any]:
    if ended.ending is Ending.TIME_LIMIT:
        text = f"it ran longer than its time limit of {invocation.time_limit_s:g} s"
        return _failure(attempt, Cause.TIME_LIMIT, text)
    if ended.ending is Ending.INTERRUPT:
        return _failure(attempt, Cause.CANCELLED, "it was cancelled")
    code = program.exit_code(invocation, ended.code)
    if code < 0:
        return _signalled(attempt, -code)
    if program.succeeds(code):
        if is_full(attempt.folders.directory):
            text = f"it exited with {code}, but what it wrote may not be whole: {_FULL}"
            return _failure(attempt, Cause.DISK, text, exit_code=code)
        if not os.path.isdir(attempt.folders.out):
            text = f"its working directory {attempt.folders.out} is gone: the tool removed or renamed it"
            return _failure(attempt, Cause.MISSING_OUTPUT, text, exit_code=code)
        return {"outputs": program.collect(invocation, code), "exit_code": code}
    return _exited(attempt, program, code)


def failure_of(attempt: Attempt, program: Program, code: int) -> dict[str, Any]:
    """Returns the fields of a report of a tool that ended before its time, by its exit code or signal."""
    return _signalled(attempt, -code) if code < 0 else _exited(attempt, program, code)


def _signalled(attempt: Attempt, number: int) -> dict[str, Any]:
    if number == signal.SIGKILL and memory_kills():
        text = f"it was killed for memory; {_memory(attempt)}"
        return _failure(attempt, Cause.MEMORY, text, signal=number)
    return _failure(attempt, Cause.SIGNAL, f"it was ended by {_signal(number)}", signal=number)


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
        return _failure(attempt, Cause.DISK, f"it exited with {code}: {full}", exit_code=code)
    if code == 128 + signal.SIGKILL and memory_kills():
        text = f"it exited with {code}: a child was killed for memory; {_memory(attempt)}"
        return _failure(attempt, Cause.MEMORY, text, exit_code=code)
    permanent, temporary = program.is_permanent(code), program.is_temporary(code)
    scarce = first_memory_error(tail(attempt.stderr))
    if scarce and not permanent:
        text = f"it exited with {code}, out of memory ({scarce}); {_memory(attempt)}"
        return _failure(attempt, Cause.MEMORY, text, exit_code=code)
    listed = "permanent" if permanent else "temporary" if temporary else ""
    text = f"it exited with {code}" + (f", which the tool lists as {listed}" if listed else "")
    fields = _failure(attempt, Cause.EXIT, text, exit_code=code)
    return fields | {"permanent": permanent, "temporary": temporary}


def _failure(attempt: Attempt, cause: Cause, message: str, **fields: Any) -> dict[str, Any]:
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


def make_folders(folders: Folders) -> None:
    """Makes the directory of an attempt, which must not be there, and those in it."""
    try:
        os.mkdir(folders.directory)
    except FileNotFoundError:
        os.makedirs(folders.directory)
    os.mkdir(folders.out)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folders.tmp)


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


def start(
    invocation: Invocation, folders: Folders, spec: JobSpec, streams: int | None = None
) -> subprocess.Popen[bytes]:
    """Starts the tool in a session and process group of its own.

    Args:
        invocation: how to run it.
        folders: where it runs.
        spec: the attempt that it is marked with.
        streams: what its standard input and output are (``subprocess.PIPE``), if not what it asks for.

    Raises:
        JobError: it cannot be started; ``Cause.NOT_STARTED``.
    """
    environment = environment_of(invocation, folders, spec)
    with contextlib.ExitStack() as opened:
        stdin, stdout, stderr = _open_streams(invocation, folders, opened)
        if streams is not None:
            stdin = stdout = streams
        try:
            return subprocess.Popen(
                invocation.argv,
                cwd=folders.out,
                env=environment,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError, ValueError) as error:
            raise _not_started(invocation.argv[0], environment, error) from None
        except OSError as error:
            if error.errno == errno.E2BIG:
                text = too_long(invocation.argv, environment)
                raise JobError(Cause.NOT_STARTED, f"command {invocation.argv[0]!r}: {text}") from None
            if error.errno != errno.ENOEXEC:
                raise
            raise _not_started(invocation.argv[0], environment, error) from None


def environment_of(invocation: Invocation, folders: Folders, spec: JobSpec) -> dict[str, str]:
    """Returns the tool's environment: PATH, HOME, TMPDIR, what the tool and the backend set, our marks."""
    return {
        **invocation.inherited,
        "PATH": search_path(),
        "HOME": folders.out,
        "TMPDIR": folders.tmp,
        **invocation.environment,
        **spec.environment,
        RUN_MARK: spec.run,
        JOB_MARK: spec.handle,
    }


def search_path() -> str:
    """Returns PATH, and after it the folder of this Python, so that ``helios-events`` is found."""
    path = os.environ.get("PATH") or os.defpath
    own = os.path.dirname(sys.executable)
    return path if own in path.split(os.pathsep) else f"{path}{os.pathsep}{own}"


def _open_streams(
    invocation: Invocation, folders: Folders, opened: contextlib.ExitStack
) -> tuple[int, int, int]:
    """Opens the tool's standard streams."""

    def keep(fd: int) -> int:
        opened.callback(os.close, fd)
        return fd

    stdin = subprocess.DEVNULL
    if invocation.stdin is not None:
        path = os.path.join(folders.out, invocation.stdin)
        try:
            stdin = keep(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            raise JobError(Cause.BAD_INPUT, f"stdin {path!r} cannot be read: {error.strerror}") from None
    stdout = keep(_create(invocation.stdout, "stdout", folders))
    if invocation.stderr is not None and invocation.stderr == invocation.stdout:
        return stdin, stdout, subprocess.STDOUT
    return stdin, stdout, keep(_create(invocation.stderr, "stderr", folders))


def _create(name: str | None, log: str, folders: Folders) -> int:
    """Opens a file for a stream: below the working directory, or a log beside it."""
    path = f"{folders.directory}/{log}" if name is None else f"{folders.out}/{name}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path))
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        # a staged link of that name: what it leads to must not be overwritten
        os.unlink(path)
    return os.open(path, flags, 0o666)


def _not_started(command: str, environment: Mapping[str, str], error: Exception) -> JobError:
    path = environment["PATH"]
    if isinstance(error, FileNotFoundError) and "/" not in command:
        found = shutil.which(command, path=path)
        reason = (
            f"the interpreter that {found!r} names is missing" if found else f"not found on PATH ({path})"
        )
    elif isinstance(error, FileNotFoundError) and os.path.exists(command):
        reason = "the interpreter that it names is missing"
    else:
        reason = str(error.strerror if isinstance(error, OSError) else error)
    return JobError(Cause.NOT_STARTED, f"command {command!r} could not be started: {reason}")
