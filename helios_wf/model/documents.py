"""What a CWL document says, free of cwltool: processes, steps, and the ``helios:`` fields on them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from helios_wf.model.noun import Json, Noun
from helios_wf.states import TemplateStatus


class Place(Noun, frozen=True):
    """Where something stands in a document; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class TemplateField(Noun, frozen=True):
    """``helios:template`` of a workflow: what makes it a template."""

    template: str
    version: int
    status: TemplateStatus
    rank: int = 0
    follows: int | None = None
    logs: str | None = None


class MaskField(Noun, frozen=True):
    """``helios:mask`` of a workflow input: the datasets that it takes."""

    mask: str
    exclude: tuple[str, ...] = ()
    where: str | None = None
    pick: Literal["all", "last"] = "all"


class DatasetField(Noun, frozen=True):
    """``helios:dataset`` of a workflow output: the dataset that it becomes."""

    dataset: str
    files: str | None = None


class SplitField(Noun, frozen=True):
    """``helios:split`` of a step: how its files are cut into event ranges.

    Sizes count events; ``seconds_*`` are seconds.  ``first``, ``count`` and ``index`` name the tool's inputs.
    """

    input: str | None = None
    table: str | None = None
    events_per_job: int | None = None
    jobs_per_file: int | None = None
    seconds_per_job: float | None = None
    events_per_range: int | None = None
    seconds_per_range: float | None = None
    seconds_per_event: float | None = None
    first: str = "first_event"
    count: str = "n_events"
    index: str = "row_index"


class MergeField(Noun, frozen=True):
    """``helios:merge`` of a step: ``input`` reads parts; ``target_size`` is in bytes."""

    input: str
    max_inputs: int | None = None
    target_size: int | None = None
    target_events: int | None = None


class RetryField(Noun, frozen=True):
    """``helios:retry`` of a workflow or step."""

    attempts: int = 3
    grow: float = 1.0
    bisect: bool = True


class TolerateField(Noun, frozen=True):
    """``helios:tolerate`` of a workflow or step: the fraction of events, or of jobs, that may be lost."""

    events: float | None = None
    jobs: float | None = None


class EventsField(Noun, frozen=True):
    """``helios:events`` of a tool: the input that turns its event stream (or folder exchange) on."""

    resident: str | None = None
    folder: str | None = None


class Parameter(Noun, frozen=True):
    """An input of a process.  ``type`` is CWL's, as plain JSON with short names."""

    name: str
    type: Json
    place: Place
    default: Json | UnsetType = UNSET
    secondary_files: Json = None
    format: Json = None
    load_contents: bool = False
    load_listing: str | None = None
    mask: MaskField | None = None
    value: str | None = None


class Output(Noun, frozen=True):
    """An output of a process; ``sources`` (``input`` or ``step/output``) only on a workflow's."""

    name: str
    type: Json
    place: Place
    sources: tuple[str, ...] = ()
    link_merge: Literal["merge_nested", "merge_flattened"] | None = None
    pick_value: Literal["first_non_null", "the_only_non_null", "all_non_null"] | None = None
    secondary_files: Json = None
    format: Json = None
    dataset: DatasetField | None = None


class Tool(Noun, frozen=True, tag="CommandLineTool", tag_field="class"):
    """A CommandLineTool.

    ``body`` is the whole tool as plain CWL JSON that cwltool can load alone: upgraded, ``$import``s done,
    short ids, absolute ``file://`` locations, and the requirements and hints of the enclosing workflow and
    step merged in.
    """

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    body: dict[str, Json]
    place: Place
    events: EventsField | None = None


class ExpressionTool(Noun, frozen=True, tag="ExpressionTool", tag_field="class"):
    """An ExpressionTool; ``body`` as in ``Tool``."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    body: dict[str, Json]
    place: Place


class StepInput(Noun, frozen=True):
    """An entry of a step's ``in``; ``sources`` are ``input`` or ``step/output``."""

    name: str
    place: Place
    sources: tuple[str, ...] = ()
    link_merge: Literal["merge_nested", "merge_flattened"] | None = None
    pick_value: Literal["first_non_null", "the_only_non_null", "all_non_null"] | None = None
    default: Json | UnsetType = UNSET
    value_from: str | None = None
    load_contents: bool = False
    load_listing: str | None = None


class Step(Noun, frozen=True):
    """A step of a workflow.  ``scatter`` and ``outputs`` hold short names of ports of ``run``."""

    name: str
    run: Process
    inputs: tuple[StepInput, ...]
    outputs: tuple[str, ...]
    place: Place
    scatter: tuple[str, ...] = ()
    scatter_method: Literal["dotproduct", "nested_crossproduct", "flat_crossproduct"] = "dotproduct"
    when: str | None = None
    split: SplitField | None = None
    merge: MergeField | None = None
    retry: RetryField | None = None
    tolerate: TolerateField | None = None
    javascript: tuple[str, ...] | None = None
    """The expression library of InlineJavascriptRequirement where it holds for this step, else None."""


class Workflow(Noun, frozen=True, tag="Workflow", tag_field="class"):
    """A workflow, or a template when ``template`` is there."""

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    steps: tuple[Step, ...]
    place: Place
    template: TemplateField | None = None
    retry: RetryField | None = None
    tolerate: TolerateField | None = None
    namespaces: dict[str, str] = {}
    """Prefixes of the document, which the formats of files in job files may have."""


Process: TypeAlias = Workflow | Tool | ExpressionTool


class Remark(Noun, frozen=True):
    """Something about a document, and where: what is wrong in it, or only odd."""

    place: Place | None
    message: str


class Document(Noun, frozen=True):
    """A loaded document: its process, and the content of every file that was read for it or that it names.

    ``files`` maps absolute paths to SHA-256 digests; ``digest`` identifies the process by meaning, without
    the places; the content of the files that it names (a tool's script) counts.  ``expressions`` tells where
    the text of each stands; ``warnings`` are what the loader finds odd, though not wrong.
    """

    path: str
    cwl_version: str
    process: Process
    files: dict[str, str]
    digest: str
    expressions: dict[str, tuple[Place, ...]] = {}
    warnings: tuple[Remark, ...] = ()
