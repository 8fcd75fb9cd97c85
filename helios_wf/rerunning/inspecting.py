"""A job that is made ready but not run: its folder, its environment, and its command line in a file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import program_of
from helios_wf.feeding.process import part_of
from helios_wf.rerunning.again import Again
from helios_wf.runner.starting import environment_of, make_folders, prepared

SCRIPT = "command.sh"


class Prepared(NamedTuple):
    """Where a job is ready to be run, what it is run with, and the script that runs it."""

    folder: Path
    environment: dict[str, str]
    command: str
    script: Path


def prepare(one: Again) -> Prepared:
    """Makes the folder of a job, with all that its tool finds there, and returns how to run it.

    Of several event ranges it is made ready for the first.

    Raises:
        JobError: an input does not fit or is not there, or an expression failed.
    """
    spec = one.spec
    if one.ranges and spec.feeding is not None:
        told = part_of(spec, spec.feeding, one.ranges[0])
        spec = replace(told, directory=spec.directory, feeding=None)
    assert isinstance(one.tool, dict)
    folders = Folders(spec.directory, handle=spec.handle, environment=spec.environment)
    make_folders(folders)
    given = {**one.constants, **spec.inputs}
    invocation = prepared(program_of(one.tool), given, spec.resources, folders)
    environment = environment_of(invocation, folders, spec)
    script = Path(spec.directory, SCRIPT)
    script.write_text(_script(one.name, invocation, folders, environment), encoding="utf-8")
    script.chmod(0o755)
    return Prepared(Path(folders.out), environment, shlex.join(invocation.argv), script)


def _script(name: str, invocation: Invocation, folders: Folders, environment: Mapping[str, str]) -> str:
    """Returns the shell script that runs a job as it is run, from anywhere."""
    own = {key: value for key, value in environment.items() if key not in invocation.inherited}
    exports = [f"export {key}={shlex.quote(value)}" for key, value in own.items()]
    streams = [f" < {shlex.quote(invocation.stdin)}"] if invocation.stdin else [" < /dev/null"]
    streams += [f" > {shlex.quote(invocation.stdout)}"] if invocation.stdout else []
    if invocation.stderr:
        same = invocation.stderr == invocation.stdout
        streams.append(" 2>&1" if same else f" 2> {shlex.quote(invocation.stderr)}")
    lines = [
        "#!/bin/sh",
        f"# {name}, as helios-wf runs it",
        f"cd {shlex.quote(folders.out)} || exit",
        *exports,
        f"exec {shlex.join(invocation.argv)}{''.join(streams)}",
    ]
    return "\n".join(lines) + "\n"
