"""cwltool's processes to our nouns, with the ``helios:`` fields that were found in the text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from helios_wf.cwl.bodies import ORIGINAL, body, namespaces, ontology_of
from helios_wf.cwl.checks import Checks
from helios_wf.cwl.complaints import absolute
from helios_wf.cwl.cwl_types import definitions, inside, plain_type, plain_value, short
from helios_wf.cwl.field_table import Found
from helios_wf.cwl.fields import NAMESPACE
from helios_wf.cwl.marks import key_place, node_place, plain, value_place
from helios_wf.cwl.ontology import Ontology
from helios_wf.errors import Problem, UnsupportedError
from helios_wf.model import (
    ExpressionTool,
    Json,
    Output,
    Parameter,
    Place,
    Process,
    Step,
    StepInput,
    Tool,
    Workflow,
)

LISTING = "LoadListingRequirement"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Conversion:
    """Makes nouns of cwltool's processes and checks each against its fields; ``checks`` has what is wrong."""

    def __init__(self, fields: dict[Place, Found]) -> None:
        self.fields = fields
        self.checks = Checks()

    def process(self, source: Any, name: str) -> Process:
        """Returns a process as a noun.

        Raises:
            UnsupportedError: It is an Operation, or holds a loop or a type that contains itself.
        """
        class_ = source.tool.get("class")
        place = self._place(source.tool)
        if class_ == "Workflow":
            return self._workflow(source, name, place)
        known = definitions(source.requirements)
        inputs = tuple(self._parameter(port, known) for port in self._ordered(source.tool["inputs"]))
        outputs = tuple(self._output(port, known, "") for port in self._ordered(source.tool["outputs"]))
        if class_ == "ExpressionTool":
            return ExpressionTool(name, inputs, outputs, body(source), place)
        if class_ != "CommandLineTool":
            raise UnsupportedError(f"{place}: a process of class {class_} cannot be run")
        events = self._found(source.tool, "events")
        tool = Tool(name, inputs, outputs, body(source), place, events.value if events else None)
        self.checks.events(tool, events)
        return tool

    def _workflow(self, source: Any, name: str, place: Place) -> Workflow:
        tool, known = source.tool, definitions(source.requirements)
        owner = _scope(tool)
        template = self._found(tool, "template")
        ports, ontology, listing = self._ordered(tool["inputs"]), ontology_of(source), _listing(tool)
        self._check_names(source.steps)
        return Workflow(
            name=name,
            inputs=tuple(_widened(self._parameter(port, known, listing), ontology) for port in ports),
            outputs=tuple(self._output(port, known, owner) for port in self._ordered(tool["outputs"])),
            steps=tuple(self._step(step, owner) for step in sorted(source.steps, key=self._position)),
            place=template.place if template else place,
            template=template.value if template else None,
            retry=self._value(tool, "retry"),
            tolerate=self._value(tool, "tolerate"),
            namespaces=namespaces(source.metadata).get("$namespaces") or {},
        )

    def _check_names(self, steps: Any) -> None:
        """Notes steps of one name: in a list, cwltool lets them pass."""
        seen: dict[str, Place] = {}
        for step in sorted(steps, key=self._position):
            place, name = self._place(step.tool), short(str(step.tool["id"]))
            if name in seen:
                message = f"the step on line {seen[name].line} is called {name!r} too; give this another name"
                self.checks.problems.append(Problem(place, message))
            seen.setdefault(name, place)

    def _position(self, step: Any) -> tuple[str, int, int, str]:
        place = self._place(step.tool)
        return place.file, place.line, place.column, str(step.tool["id"])

    def _ordered(self, ports: Any) -> list[Any]:
        """Returns ports in the order of the text: cwltool sorts those of a map by name."""
        if len({self._place(port).file for port in ports}) > 1:
            return list(ports)
        return sorted(ports, key=lambda port: (self._place(port).line, self._place(port).column))

    def _parameter(self, port: Any, known: dict[str, Any], listing: Json = None) -> Parameter:
        mask, value = self._found(port, "mask"), self._found(port, "value")
        parameter = Parameter(
            name=short(str(port["id"])),
            type=plain_type(port["type"], known),
            place=self._place(port),
            default=plain_value(port["default"]) if "default" in port else UNSET,
            secondary_files=plain(port.get("secondaryFiles")),
            format=plain(port.get("format")),
            load_contents=bool(
                port.get("loadContents") or (port.get("inputBinding") or {}).get("loadContents")
            ),
            load_listing=plain(port.get("loadListing")) or listing,
            mask=mask.value if mask else None,
            value=value.value if value else None,
        )
        self.checks.default(
            parameter.type, parameter.default, self._default_place(port), repr(parameter.name)
        )
        self.checks.mask(parameter, mask)
        self.checks.value(parameter, value)
        return parameter

    def _output(self, port: Any, known: dict[str, Any], owner: str) -> Output:
        dataset = self._found(port, "dataset")
        output = Output(
            name=short(str(port["id"])),
            type=plain_type(port["type"], known),
            place=self._place(port),
            sources=_sources(port.get("outputSource"), owner),
            link_merge=plain(port.get("linkMerge")),
            pick_value=plain(port.get("pickValue")),
            secondary_files=plain(port.get("secondaryFiles")),
            format=plain(port.get("format")),
            dataset=dataset.value if dataset else None,
        )
        self.checks.dataset(output, dataset)
        return output

    def _step(self, source: Any, owner: str) -> Step:
        tool = source.tool
        place = self._place(tool)
        if "loop" in tool:
            raise UnsupportedError(f"{place}: loops (cwltool:Loop) are not supported")
        name = short(str(tool["id"]))
        found = {field: self._found(tool, field) for field in ("split", "merge")}
        step = Step(
            name=name,
            run=self.process(source.embedded_tool, process_name(source.embedded_tool.tool, name)),
            inputs=tuple(self._step_input(entry, owner) for entry in self._ordered(tool["in"])),
            outputs=tuple(
                short(entry if isinstance(entry, str) else str(entry["id"])) for entry in tool["out"]
            ),
            place=place,
            scatter=tuple(short(item) for item in _listed(tool.get("scatter"))),
            scatter_method=plain(tool.get("scatterMethod")) or "dotproduct",
            when=plain(tool.get("when")),
            split=found["split"].value if found["split"] else None,
            merge=found["merge"].value if found["merge"] else None,
            retry=self._value(tool, "retry"),
            tolerate=self._value(tool, "tolerate"),
            javascript=_javascript(source),
        )
        self._step_defaults(step, tool["in"])
        self.checks.split(step, found["split"])
        self.checks.merge(step, found["merge"])
        return step

    def _step_defaults(self, step: Step, entries: Any) -> None:
        types = {port.name: port.type for port in step.run.inputs}
        nodes = {short(str(entry["id"])): entry for entry in entries}
        for entry in step.inputs:
            if entry.name in types and entry.name not in step.scatter and entry.value_from is None:
                place = self._default_place(nodes[entry.name])
                self.checks.default(types[entry.name], entry.default, place, f"{step.name}/{entry.name}")

    def _step_input(self, entry: Any, owner: str) -> StepInput:
        return StepInput(
            name=short(str(entry["id"])),
            place=self._place(entry),
            sources=_sources(entry.get("source"), owner),
            link_merge=plain(entry.get("linkMerge")),
            pick_value=plain(entry.get("pickValue")),
            default=plain_value(entry["default"]) if "default" in entry else UNSET,
            value_from=plain(entry.get("valueFrom")),
            load_contents=bool(entry.get("loadContents")),
            load_listing=plain(entry.get("loadListing")),
        )

    def _found(self, node: Any, name: str) -> Found | None:
        """Returns a field of a map: cwltool keeps the place of its key, which leads to what it says."""
        key = NAMESPACE + name
        if key not in node:
            return None
        return self.fields.get(key_place(node, key, _file(node)))

    def _value(self, node: Any, name: str) -> Any:
        found = self._found(node, name)
        return found.value if found else None

    def _default_place(self, port: Any) -> Place:
        return value_place(port, "default", _file(port)) if "default" in port else self._place(port)

    def _place(self, node: Any) -> Place:
        data = getattr(getattr(node, "lc", None), "data", None) or {}
        return key_place(node, "id", _file(node)) if "id" in data else node_place(node, _file(node))


def process_name(tool: Any, otherwise: str) -> str:
    """Returns a process's name: its fragment in the document, or the document's stem."""
    uri = str(tool.get("id") or "")
    path, _, fragment = uri.partition("#")
    last = fragment.rsplit("/", 1)[-1]
    if fragment:
        return otherwise if last == "run" or _UUID.fullmatch(last) else last
    return Path(path).stem if path.startswith("file:") else otherwise


def version_of(source: Any) -> str:
    """Returns the CWL version that a process was written in."""
    return str(source.metadata.get(ORIGINAL) or source.tool.get(ORIGINAL) or "v1.2")


def _widened(parameter: Parameter, ontology: Ontology | None) -> Parameter:
    if ontology is None or not parameter.format:
        return parameter
    return replace(parameter, format=ontology.widened(parameter.format))


def _listing(workflow: Any) -> Json:
    """Returns the ``loadListing`` that a workflow itself requires for its inputs."""
    asked = [entry for entry in workflow.get("requirements") or () if entry["class"] == LISTING]
    return plain(asked[-1].get("loadListing")) if asked else None


def _file(node: Any) -> str:
    name = str(getattr(node.lc, "filename", "") or "")
    return absolute(name) if name else ""


def _scope(workflow: Any) -> str:
    """Returns the identifier that those inside a workflow begin with; one written inline has none itself."""
    uri = str(workflow["id"])
    inside_it = [*workflow["inputs"], *workflow["outputs"], *workflow["steps"]]
    return str(inside_it[0]["id"]).rpartition("/")[0] if uri.startswith("_:") and inside_it else uri


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _sources(value: Any, owner: str) -> tuple[str, ...]:
    return tuple(inside(str(item), owner) for item in _listed(value))


def _javascript(source: Any) -> tuple[str, ...] | None:
    requirement, _ = source.get_requirement("InlineJavascriptRequirement")
    if requirement is None:
        return None
    return tuple(str(text) for text in requirement.get("expressionLib") or ())
