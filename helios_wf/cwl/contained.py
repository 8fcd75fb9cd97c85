"""A compiled tool in a container: its command line in the engine's, its files mounted where they lie."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterable, Iterator, Mapping

from helios_wf.containers import Command, Mount, Sandbox, end_command, failure_of, name_of, run_command
from helios_wf.containers.ending import JOB_LABEL, RUN_LABEL
from helios_wf.cwl.command import Invocation
from helios_wf.cwl.docker import container_of
from helios_wf.cwl.expressions import evaluate
from helios_wf.cwl.files import Folders, Stage
from helios_wf.cwl.program import CompiledProgram
from helios_wf.cwl.requirements import javascript_of, requirement
from helios_wf.cwl.schema import show
from helios_wf.errors import JobError
from helios_wf.evidence import tail
from helios_wf.model import Json, Resources
from helios_wf.processes import JOB_MARK, RUN_MARK
from helios_wf.states import Cause

MOUNTS = 100
"""Of more files than these the folders are mounted: command lines cannot be as long as one likes."""

LEAST_MEMORY_MB = 256
"""No container is held below what CWL gives a tool that asks for nothing."""

_SYSTEM = frozenset(
    f"/{name}"
    for name in (
        "",
        "bin",
        "boot",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "proc",
        "run",
        "sbin",
        "sys",
        "usr",
        "var",
    )
)
"""Folders of the image that a mount must not hide."""


class ContainedProgram(CompiledProgram):
    """A tool that the compiler covers, and a container engine runs."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        super().__init__(body)
        container = container_of(body)
        assert container is not None
        self._container = container
        self._javascript = javascript_of(body)
        self._network = (requirement(body, "NetworkAccess") or {}).get("networkAccess", False)
        asked = requirement(body, "ResourceRequirement") or {}
        self._limits_memory = bool(asked.get("ramMin") or asked.get("ramMax"))

    def prepare(self, given: Mapping[str, Json], resources: Resources, folders: Folders) -> Invocation:
        """Stages a job's inputs and returns how to run the tool in its container; raises JobError."""
        invocation = super().prepare(given, resources, folders)
        sandbox = self._sandbox(invocation, resources, folders)
        command = run_command(self._container, sandbox, invocation.argv)
        return invocation._replace(
            argv=command.argv,
            stdin=invocation.stdin and invocation.stage.host(invocation.stdin),
            environment=_client_environment(command, folders),
            inherited=dict(os.environ),
            ending=end_command(self._container.engine, sandbox.name),
        )

    def exit_code(self, invocation: Invocation, code: int) -> int:
        """Returns the tool's own exit code.

        Raises:
            JobError: the engine did not get so far, or the container was ended for memory.
        """
        folders = invocation.stage.folders
        stderr = f"{folders.out}/{invocation.stderr}" if invocation.stderr else f"{folders.directory}/stderr"
        failure = failure_of(self._container, code, tail(stderr))
        if failure is not None:
            raise JobError(Cause.LOST if failure.is_passing else Cause.NOT_STARTED, failure.message)
        if code == 128 + signal.SIGKILL and "--memory" in invocation.argv:
            limit = invocation.argv[invocation.argv.index("--memory") + 1]
            text = f"it was killed, for memory most likely: its container had {limit.removesuffix('m')} MiB"
            raise JobError(Cause.MEMORY, text)
        return code

    def collect(self, invocation: Invocation, exit_code: int) -> dict[str, Json]:
        """Returns the output object of a job that succeeded; raises JobError."""
        if self._container.workdir is not None:
            _relink(invocation.stage)
        return super().collect(invocation, exit_code)

    def _sandbox(self, invocation: Invocation, resources: Resources, folders: Folders) -> Sandbox:
        stage = invocation.stage
        run = folders.handle.split("/")[0]
        marks = {RUN_MARK: run, JOB_MARK: folders.handle}
        return Sandbox(
            name=name_of(folders.handle),
            labels={RUN_LABEL: run, JOB_LABEL: folders.handle},
            mounts=list(_mounts(stage)),
            workdir=stage.workdir,
            environment={
                "HOME": stage.workdir,
                "TMPDIR": folders.tmp,
                **folders.environment,
                **invocation.environment,
                **marks,
            },
            user=(os.getuid(), os.getgid()),
            network=self._has_network(invocation),
            memory_mb=max(LEAST_MEMORY_MB, math.ceil(resources.ram_mb)) if self._limits_memory else None,
            gpus=resources.gpus,
        )

    def _has_network(self, invocation: Invocation) -> bool:
        scope = invocation.scope
        value = evaluate(self._network, self._javascript, scope.inputs, None, scope.runtime)
        if not isinstance(value, bool):
            raise JobError(Cause.EXPRESSION, f"networkAccess must be true or false; it is {show(value)}")
        return value


def _client_environment(command: Command, folders: Folders) -> dict[str, str]:
    """Returns what the engine's own process sees: the user's home, where it has its images and passwords."""
    return {**command.environment, "HOME": os.path.expanduser("~")}


def _mounts(stage: Stage) -> Iterator[Mount]:
    """Yields what the container sees of the host."""
    folders = stage.folders
    yield Mount(folders.out, folders.out, writable=True)
    if stage.workdir != folders.out:
        yield Mount(folders.out, stage.workdir, writable=True)
    yield Mount(folders.tmp, folders.tmp, writable=True)
    for path in folders.beside:
        os.makedirs(path, exist_ok=True)
        yield Mount(path, path, writable=True)
    if os.path.isdir(folders.inputs):
        yield Mount(folders.inputs, folders.inputs)
    for target, (source, writable) in stage.mounts.items():
        yield Mount(source, target, writable)
    own = folders.directory + "/"
    sources = {*stage.sources.values(), *(source for source, _ in stage.mounts.values())}
    for path in gathered(source for source in sources if not source.startswith(own)):
        yield Mount(path, path)


def gathered(paths: Iterable[str]) -> list[str]:
    """Returns absolute paths of which some are as they are given, or lead above many of them.

    None lies below another, and there are at most ``MOUNTS``.

    Raises:
        JobError: that many cannot be brought together without hiding what the image holds.
    """
    found = set(paths)
    if len(found) > MOUNTS:
        # what a link leads to must be there too once it is seen through its folder
        found |= {os.path.realpath(path) for path in found}
    tops = _tops(found)
    while len(tops) > MOUNTS:
        tops = _tops({os.path.dirname(path) for path in tops})
    if hidden := sorted(_SYSTEM & set(tops)):
        raise JobError(
            Cause.BAD_INPUT,
            f"mounting the inputs in a container would hide its folder {hidden[0]!r}: more than {MOUNTS} "
            "files of many folders, or a folder of the system, are given; put them below one folder",
        )
    return tops


def _tops(paths: set[str]) -> list[str]:
    """Returns the paths that lie below no other."""
    tops: list[str] = []
    for path in sorted(paths, key=lambda each: each.split("/")):
        if not tops or not path.startswith(tops[-1].rstrip("/") + "/"):
            tops.append(path)
    return tops


def _relink(stage: Stage) -> None:
    """Lets links that the tool made into its working directory, as it saw that, lead to where it is."""
    for folder, folders, files in os.walk(stage.folders.out):
        for name in (*folders, *files):
            path = f"{folder}/{name}"
            if os.path.islink(path) and (leads := os.readlink(path)) != stage.host(leads):
                os.unlink(path)
                os.symlink(stage.host(leads), path)
