"""What every template says to a dataset's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import field

from helios_wf.errors import FilterError, MaskError
from helios_wf.masks import Captures, MaskIndex, NamePattern, check_name
from helios_wf.match.parts import own_parts
from helios_wf.match.read import MaskedInput, masked_inputs
from helios_wf.model import Dataset, Json, Noun, TemplateField, Workflow
from helios_wf.states import DatasetState, TemplateStatus


class Verdict(Noun, frozen=True):
    """What one template says to a name.

    ``outputs`` holds the names of the datasets that it would make, by output; a part that is not known yet
    stands in braces.  ``reasons`` say why it does not take the name, or what must be known besides.
    """

    template: str
    version: int
    status: TemplateStatus
    taken: bool
    input: str | None = None
    starts: bool = False
    captures: dict[str, Json] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


class TemplateIndex:
    """The masked inputs of many templates, found by the names that they take."""

    def __init__(self, workflows: Iterable[Workflow]) -> None:
        self.workflows = tuple(workflow for workflow in workflows if workflow.template is not None)
        self.inputs = tuple(masked_inputs(workflow) for workflow in self.workflows)
        self._index: MaskIndex[tuple[int, MaskedInput]] = MaskIndex()
        for number, inputs in enumerate(self.inputs):
            for masked in inputs:
                self._index.add((number, masked), masked.mask)

    def takers(self, name: str, meta: Mapping[str, Json]) -> dict[int, tuple[MaskedInput, Captures]]:
        """Returns the first input to take a dataset, of each template, by its number in ``workflows``."""
        found: dict[int, tuple[MaskedInput, Captures]] = {}
        for (number, masked), _ in self._index.match(name):
            if number not in found:
                try:
                    captures = masked.take(name, meta)
                except FilterError:
                    continue
                if captures is not None:
                    found[number] = (masked, captures)
        return found


def explain_name(name: str, workflows: Iterable[Workflow], datasets: Iterable[Dataset] = ()) -> list[Verdict]:
    """Returns what every template says to a dataset name: those that take it first, the higher rank first.

    Args:
        name: a dataset's name; the dataset need not exist.
        workflows: the templates; a workflow that is none is passed over.
        datasets: where the metadata is taken from, if one of them has the name.

    Raises:
        MaskError: the name is none, or a mask is wrong.
    """
    check_name(name)
    dataset = next((each for each in datasets if each.name == name), None)
    meta = dataset.meta if dataset is not None else {}
    index = TemplateIndex(workflows)
    takers = index.takers(name, meta)
    ranked = []
    for number, (workflow, inputs) in enumerate(zip(index.workflows, index.inputs, strict=True)):
        assert workflow.template is not None
        if number in takers:
            verdict = _taken(workflow, workflow.template, *takers[number], dataset)
        else:
            verdict = _left(workflow.template, inputs, name, dataset)
        ranked.append((not verdict.taken, -workflow.template.rank, number, verdict))
    return [verdict for *_, verdict in sorted(ranked, key=lambda each: each[:3])]


def _taken(
    workflow: Workflow,
    template: TemplateField,
    masked: MaskedInput,
    captures: Captures,
    dataset: Dataset | None,
) -> Verdict:
    reasons = []
    if template.status is not TemplateStatus.ACTUAL:
        reasons.append(
            f"version {template.version} is {template.status}: datasets start the ACTUAL version only"
        )
    if dataset is not None and dataset.state is not DatasetState.CLOSED:
        reasons.append(f"the dataset is {dataset.state}; a dataset is taken when it is CLOSED")
    return Verdict(
        template=template.template,
        version=template.version,
        status=template.status,
        taken=template.status is TemplateStatus.ACTUAL,
        input=masked.name,
        starts=masked.starts,
        captures=dict(captures),
        outputs=_outputs(workflow, captures),
        reasons=tuple(reasons),
    )


def _left(
    template: TemplateField, inputs: Sequence[MaskedInput], name: str, dataset: Dataset | None
) -> Verdict:
    meta = dataset.meta if dataset is not None else {}
    reasons = [f"input {each.name!r}: {each.why_not(name, meta)}" for each in inputs]
    if dataset is None and any("is not set" in reason for reason in reasons):
        reasons.append(f"no dataset {name!r} is known, so it has no metadata")
    if not inputs:
        reasons.append("none of its inputs has a mask; it is started by name only")
    return Verdict(template.template, template.version, template.status, False, reasons=tuple(reasons))


def _outputs(workflow: Workflow, captures: Captures) -> dict[str, str]:
    """Returns what outputs would be called, with unknown parts in braces."""
    known = {**captures, **own_parts(workflow)}
    found = {}
    for output in workflow.outputs:
        if output.dataset is not None:
            pattern = NamePattern.parse(output.dataset.dataset)
            try:
                found[output.name] = pattern.bind(known).shown()
            except MaskError as error:
                found[output.name] = f"({error})"
    return found
