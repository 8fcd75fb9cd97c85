"""What the jobs of a tool ask of their machines: Resource-, CUDARequirement and ToolTimeLimit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from helios_wf.cwl.expression_text import is_expression
from helios_wf.cwl.expressions import compile_expression
from helios_wf.cwl.files import described
from helios_wf.cwl.inputs import change_files
from helios_wf.cwl.javascript import Work
from helios_wf.cwl.requirements import CUDA, javascript_of, pairs, requirement, version_of
from helios_wf.cwl.schema import short, show
from helios_wf.errors import JobError
from helios_wf.model import Cuda, Json, Resources
from helios_wf.states import Cause

_FIELDS = {"cores": "cores", "ram": "ram_mb", "tmpdir": "tmpdir_mb", "outdir": "outdir_mb"}


class Asked:
    """What a tool's jobs ask for, as work on their inputs."""

    def __init__(self, body: Mapping[str, Json]) -> None:
        self._javascript = javascript_of(body)
        self._asked = requirement(body, "ResourceRequirement") or {}
        self._cuda = requirement(body, CUDA)
        self._limit = requirement(body, "ToolTimeLimit") or {}
        # v1.0 has another default than the later versions
        self._defaults: dict[str, Any] = {"ram_mb": 1024} if version_of(body) == "v1.0" else {}
        self._ports = {
            short(port["id"]): port.get("default") for port in pairs(body.get("inputs"), "id", "type")
        }

    @property
    def is_fixed(self) -> bool:
        """Whether all jobs ask for the same, because no expression stands in what they ask for."""
        return not any(self._expressions())

    def work(self, inputs: Mapping[str, Json]) -> Work[Resources]:
        """Evaluates what a job asks for.

        Args:
            inputs: the job's input object; expressions see what they use of it, with defaults filled in.

        Raises:
            JobError: an expression failed or gave no number.
        """
        seen = self._seen(inputs)
        fields = dict(self._defaults)
        for name, field in _FIELDS.items():
            value = yield from self._first(self._asked, (f"{name}Min", f"{name}Max"), seen)
            if value is not None:
                fields[field] = value if name == "cores" else math.ceil(value)
        if self._cuda is not None:
            least, most = "cudaDeviceCountMin", "cudaDeviceCountMax"
            fields["gpus"] = math.ceil((yield from self._first(self._cuda, (least, most), seen)) or 1)
            at_most = (yield from self._first(self._cuda, (most, least), seen)) or 1
            fields["cuda"] = _cuda(self._cuda, max(fields["gpus"], math.ceil(at_most)))
        if self._limit:
            fields["time_s"] = yield from self._foreseen(seen)
        return Resources(**fields)

    def _seen(self, inputs: Mapping[str, Json]) -> Mapping[str, Json]:
        """Returns what the expressions use of a job's inputs."""
        used: set[str] = set()
        for text in self._expressions():
            names = compile_expression(text, self._javascript).names
            used |= self._ports.keys() | inputs.keys() if names is None else names
        given = {name: inputs.get(name) for name in used if name in inputs or name in self._ports}
        given = {name: self._ports.get(name) if value is None else value for name, value in given.items()}
        seen: Mapping[str, Json] = change_files(given, described)
        return seen

    def _expressions(self) -> Iterator[str]:
        for one in (self._asked, self._cuda or {}, self._limit):
            yield from (value for value in one.values() if is_expression(value))

    def _value(self, given: Json, seen: Mapping[str, Json]) -> Work[Json]:
        if not is_expression(given):
            return given
        return (yield from compile_expression(given, self._javascript).work(seen, None, {}))

    def _first(
        self, asked: Mapping[str, Json], fields: Iterable[str], seen: Mapping[str, Json]
    ) -> Work[float | None]:
        """Returns the number that the first of these fields which is there asks for."""
        for field in fields:
            if not asked.get(field):
                continue
            value = yield from self._value(asked[field], seen)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise JobError(Cause.EXPRESSION, f"{field} must be a number; it is {show(value)}")
            return value
        return None

    def _foreseen(self, seen: Mapping[str, Json]) -> Work[float | None]:
        """Returns a time limit in seconds; None where none is set, or it shows only when the tool is run."""
        try:
            value = yield from self._value(self._limit.get("timelimit"), seen)
        except JobError:
            return None
        is_limit = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
        return float(value) if is_limit else None


def _cuda(asked: Mapping[str, Json], most: int) -> Cuda:
    """Returns what a CUDARequirement asks of each device, which expressions cannot change."""
    capability = asked.get("cudaComputeCapability") or ()
    listed = (capability,) if isinstance(capability, str) else capability
    return Cuda(
        most=most,
        version_min=str(asked.get("cudaVersionMin") or ""),
        capabilities=tuple(str(one) for one in listed),
        exactly=bool(listed) and not isinstance(capability, str),
    )
