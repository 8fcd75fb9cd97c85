"""Whether what a tool made may stand for what it would make again: WorkReuse, and what changes its inputs.

Source: CWL v1.2 CommandLineTool, sections 5.7 (WorkReuse) and 5.9 (InplaceUpdateRequirement).
"""

from __future__ import annotations

from collections.abc import Mapping

from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.expressions import compile_expression
from helios_wf.cwl.files import described
from helios_wf.cwl.inputs import change_files
from helios_wf.cwl.javascript import Work
from helios_wf.cwl.requirements import javascript_of, requirement
from helios_wf.model import Json

CWLTOOL = "http://commonwl.org/cwltool#"
"""What stands before the names of extensions in documents of CWL v1.0."""

WORK_REUSE = ("WorkReuse", f"{CWLTOOL}WorkReuse")
INPLACE = ("InplaceUpdateRequirement", f"{CWLTOOL}InplaceUpdateRequirement")


class WorkReuse:
    """What a tool says of the reuse of its outputs."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        self._javascript = javascript_of(body)
        self._asked = _value(body, WORK_REUSE, "enableReuse", True)
        self.changes_inputs = bool(_value(body, INPLACE, "inplaceUpdate", False))
        """Whether it writes into its inputs where they are."""

    def work(self, inputs: Mapping[str, Json]) -> Work[str]:
        """Evaluates what forbids the reuse of a job's outputs: the class of a requirement; empty: nothing.

        Raises:
            JobError: an expression failed.
        """
        if self.changes_inputs:
            return INPLACE[0]
        enabled = self._asked
        if is_expression(enabled):
            seen = change_files(inputs, described)
            enabled = yield from compile_expression(enabled, self._javascript).work(seen, None, {})
        return "" if enabled else WORK_REUSE[0]


def _value(body: Mapping[str, Json], classes: tuple[str, ...], field: str, default: Json) -> Json:
    found = next((each for name in classes if (each := requirement(body, name)) is not None), {})
    return found.get(field, default)
