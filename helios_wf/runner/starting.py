"""How a tool is started: its folders, its environment, its streams, and what keeps it from that."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import Program
from helios_wf.errors import JobError
from helios_wf.evidence import too_long
from helios_wf.model import JobSpec, Json, Resources
from helios_wf.processes import JOB_MARK, RUN_MARK
from helios_wf.states import Cause


def make_folders(folders: Folders) -> None:
    """Makes the directory of an attempt, which must not be there, and those in it."""
    try:
        os.mkdir(folders.directory)
    except FileNotFoundError:
        os.makedirs(folders.directory)
    os.mkdir(folders.out)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folders.tmp)


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
