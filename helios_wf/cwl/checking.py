"""The first jobs of a compiled tool, compared with what cwltool would run (``--check-compiler``)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from helios_wf.cwl.command import Invocation, runtime_of
from helios_wf.cwl.comparison import describe, differences
from helios_wf.cwl.describing import Answer
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import Program
from helios_wf.cwl.reference import ANSWER, ReferenceProgram, write_request
from helios_wf.errors import JobError
from helios_wf.model import Json, Resources
from helios_wf.states import Cause

_FOLDER = "check"


class CheckedProgram(Program):
    """A compiled tool; from the first job on that cwltool would run otherwise, cwltool runs it.

    It serves one job after another: what a job's tool left is collected before the next is prepared.
    """

    def __init__(self, body: Mapping[str, Json], compiled: Program, first: int) -> None:
        """Takes the tool as its body says and as it was compiled, and how many jobs to compare."""
        super().__init__(body)
        self._body = body
        self._way = self._compiled = compiled
        self._left = first

    def prepare(self, given: Mapping[str, Json], resources: Resources, folders: Folders) -> Invocation:
        """Stages a job's inputs and returns how to run the tool; raises JobError."""
        if self._left == 0 or self._way is not self._compiled:
            return self._way.prepare(given, resources, folders)
        self._left -= 1
        answer = _ask(self._body, given, resources, folders)
        try:
            invocation = self._compiled.prepare(given, resources, folders)
        except JobError as error:
            if answer.description is None:
                raise
            found = [f"helios-wf would not run it: {error}; cwltool would"]
        else:
            found = _found(invocation, answer)
            if not found:
                return invocation
        self._way = ReferenceProgram(self._body)
        _empty(folders)
        return self._way.prepare(given, resources, folders)._replace(differences=tuple(found))

    def exit_code(self, invocation: Invocation, code: int) -> int:
        """Returns the tool's own exit code, or minus the signal that ended it."""
        return self._way.exit_code(invocation, code)

    def collect(self, invocation: Invocation, exit_code: int) -> dict[str, Json]:
        """Returns the output object of a job that succeeded; raises JobError."""
        return self._way.collect(invocation, exit_code)


def _found(invocation: Invocation, answer: Answer) -> list[str]:
    if answer.description is None:
        return [f"cwltool would not run it: {answer.error}; helios-wf would"]
    return differences(describe(invocation), answer.description)


def _ask(
    body: Mapping[str, Json], given: Mapping[str, Json], resources: Resources, folders: Folders
) -> Answer:
    """Asks cwltool, in a process of its own, how it would run a job."""
    own = Folders(f"{folders.directory}/{_FOLDER}")
    for folder in (own.out, own.tmp):
        Path(folder).mkdir(parents=True)
    request = write_request(body, given, runtime_of(resources, own), own.directory)
    argv = [sys.executable, "-P", "-m", "helios_wf.cwl.describing", request]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, cwd=own.out, check=False)
    try:
        return msgspec.json.decode(Path(own.directory, ANSWER).read_bytes(), type=Answer)
    except FileNotFoundError:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        text = f"--check-compiler: cwltool ended with {done.returncode} and left no answer: {''.join(said)}"
        raise JobError(Cause.NOT_STARTED, text) from None
    finally:
        shutil.rmtree(own.directory, ignore_errors=True)


def _empty(folders: Folders) -> None:
    """Takes away what the compiled way has staged."""
    for folder in (folders.out, folders.inputs):
        shutil.rmtree(folder, ignore_errors=True)
    Path(folders.out).mkdir()
