"""A tool ready to be run many times: compiled, or by cwltool where the compiler does not cover it."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping

from helios_wf.cwl.collect import Collection
from helios_wf.cwl.command import CompiledTool, Invocation
from helios_wf.cwl.docker import CONTAINER
from helios_wf.cwl.files import Folders
from helios_wf.cwl.schema import UncoveredError
from helios_wf.model import Json, Resources

CHECK = "https://w3id.org/helios-wf#check"
_REFERENCE = "https://w3id.org/helios-wf#reference"
"""Marks in a tool's body, for whoever runs it."""


class Program(ABC):
    """How to run a tool and what its exit codes mean."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        self._success = frozenset(body.get("successCodes") or ())
        self._temporary = frozenset(body.get("temporaryFailCodes") or ())
        self._permanent = frozenset(body.get("permanentFailCodes") or ())

    @abstractmethod
    def prepare(self, given: Mapping[str, Json], resources: Resources, folders: Folders) -> Invocation:
        """Stages a job's inputs and returns how to run the tool; raises JobError."""

    @abstractmethod
    def collect(self, invocation: Invocation, exit_code: int) -> dict[str, Json]:
        """Returns the output object of a job that succeeded; raises JobError."""

    def exit_code(self, invocation: Invocation, code: int) -> int:
        """Returns the tool's own exit code, or minus the signal that ended it."""
        return code

    def succeeds(self, code: int) -> bool:
        """Returns whether an exit code is a success."""
        return code in self._success or (code == 0 and code not in self._temporary | self._permanent)

    def is_temporary(self, code: int) -> bool:
        """Returns whether an exit code is listed as a failure that another attempt may mend."""
        return code in self._temporary

    def is_permanent(self, code: int) -> bool:
        """Returns whether an exit code is listed as a failure for good."""
        return code in self._permanent and code not in self._temporary


class CompiledProgram(Program):
    """A tool that the compiler covers."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        super().__init__(body)
        self._tool = CompiledTool(body)
        self._collection = Collection(self._tool)

    def prepare(self, given: Mapping[str, Json], resources: Resources, folders: Folders) -> Invocation:
        """Stages a job's inputs and returns how to run the tool; raises JobError."""
        return self._tool.prepare(given, resources, folders)

    def collect(self, invocation: Invocation, exit_code: int) -> dict[str, Json]:
        """Returns the output object of a job that succeeded; raises JobError."""
        return self._collection.collect(invocation, exit_code)


def checked(body: Mapping[str, Json], first: int) -> dict[str, Json]:
    """Returns a tool whose first jobs each worker compares with what cwltool would run."""
    return {**body, CHECK: first}


def by_reference(body: Mapping[str, Json]) -> dict[str, Json]:
    """Returns a tool that cwltool runs although it could be compiled."""
    return {**body, _REFERENCE: True}


def program_of(body: Mapping[str, Json]) -> Program:
    """Returns the tool ready to be run, the way that ``command.way_of`` says, or as it was marked.

    Raises:
        JobError: an expression is malformed.
    """
    tool = {key: value for key, value in body.items() if key not in (CHECK, _REFERENCE)}
    if not body.get(_REFERENCE):
        with contextlib.suppress(UncoveredError):
            return _compiled(tool, body.get(CHECK, 0))
    from helios_wf.cwl.reference import ReferenceProgram

    return ReferenceProgram(tool)


def _compiled(tool: Mapping[str, Json], first: int) -> Program:
    if CONTAINER in tool:
        from helios_wf.cwl.contained import ContainedProgram

        return ContainedProgram(tool)
    program = CompiledProgram(tool)
    if not first:
        return program
    from helios_wf.cwl.checking import CheckedProgram

    return CheckedProgram(tool, program, first)
