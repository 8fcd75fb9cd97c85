"""A tool ready to be run many times: compiled, or by cwltool where the compiler does not cover it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from helios_wf.cwl.collect import Collection
from helios_wf.cwl.command import CompiledTool, Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.schema import UncoveredError
from helios_wf.model import Json, Resources


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


def program_of(body: Mapping[str, Json]) -> Program:
    """Returns the tool ready to be run, the way that ``command.way_of`` says.

    Raises:
        UnsupportedError: it cannot be run.
        JobError: an expression is malformed.
    """
    try:
        return CompiledProgram(body)
    except UncoveredError:
        from helios_wf.cwl.reference import ReferenceProgram

        return ReferenceProgram(body)
