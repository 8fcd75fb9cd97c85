"""Rules about what a document means: its names, its links, its JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

from helios_wf.cwl.checks import bare
from helios_wf.errors import MaskError
from helios_wf.lint.finding import Finding
from helios_wf.masks import NamePattern
from helios_wf.model import Document, Json, Output, Place, Step, Workflow

_REFERENCE = r"""(?:inputs|self|runtime)(?:\.\w+|\[[0-9]+\]|\['[^'\\]+'\]|\["[^"\\]+"\])*"""
_TEXT = r"""'[^'\\]*'|"[^"\\]*\""""
_RETURN = re.compile(rf"\s*\$\{{\s*return\s+({_REFERENCE})\s*;?\s*\}}\s*")
_SUM = re.compile(
    rf"\s*\$(?:\(|\{{\s*return\s)\s*((?:{_REFERENCE}|{_TEXT})(?:\s*\+\s*(?:{_REFERENCE}|{_TEXT}))+)\s*(?:\)|;?\s*\}})\s*"
)
_PIECE = re.compile(rf"{_REFERENCE}|{_TEXT}")


def meant_findings(document: Document) -> Iterator[Finding]:
    """Yields what is wrong with a loaded document, and with the workflows that it holds."""
    for warning in document.warnings:
        yield Finding("HW211", warning.place, warning.message)
    for text, places in document.expressions.items():
        if (simpler := without_javascript(text)) is not None:
            for place in places:
                yield Finding("HW204", place, f"JavaScript is not needed here; write: {simpler}")
    if isinstance(document.process, Workflow):
        yield from _workflow(document.process)


def without_javascript(text: str) -> str | None:
    """Returns the parameter references that mean the same as an expression; None where there are none."""
    if found := _RETURN.fullmatch(text):
        return f"$({found[1]})"
    if found := _SUM.fullmatch(text):
        pieces = _PIECE.findall(found[1])
        texts = [piece for piece in pieces if piece[0] in "'\""]
        # the sum of numbers is no text, and what stands in text must not begin a reference of its own
        is_text = pieces[0] in texts or pieces[1] in texts
        simpler = "".join(piece[1:-1] if piece in texts else f"$({piece})" for piece in pieces)
        if is_text and not any("$" in piece for piece in texts) and simpler == simpler.strip():
            return simpler
    return None


def _workflow(workflow: Workflow) -> Iterator[Finding]:
    yield from _one_name_twice(workflow)
    yield from _unused(workflow)
    yield from _without_dataset(workflow)
    for step in workflow.steps:
        if isinstance(step.run, Workflow):
            yield from _workflow(step.run)


def _one_name_twice(workflow: Workflow) -> Iterator[Finding]:
    first: dict[str, tuple[str, Place]] = {}
    parts = [
        *(("input", one.name, one.place) for one in workflow.inputs),
        *(("step", one.name, one.place) for one in workflow.steps),
        *(("output", one.name, one.place) for one in workflow.outputs),
    ]
    for what, name, here in parts:
        other, place = first.setdefault(name, (what, here))
        if other != what:
            message = f"{what} {name!r} has the name of the {other} at line {place.line}; rename one of them"
            yield Finding("HW206", here, message)


def _unused(workflow: Workflow) -> Iterator[Finding]:
    sources = {source for port in workflow.outputs for source in port.sources}
    sources |= {source for step in workflow.steps for entry in step.inputs for source in entry.sources}
    used = sources | _in_names(workflow)
    for port in workflow.inputs:
        # a mask may only say when a run starts
        if port.name not in used and port.mask is None:
            yield Finding("HW207", port.place, f"input {port.name!r} is used by no step, output or name")
    for step in workflow.steps:
        if not any(f"{step.name}/{output}" in sources for output in step.outputs):
            yield Finding("HW208", step.place, _useless(step))


def _useless(step: Step) -> str:
    if not step.outputs:
        return f"step {step.name!r} has no outputs; list in 'out' what is wanted of it"
    return f"nothing uses what step {step.name!r} makes ({', '.join(step.outputs)})"


def _in_names(workflow: Workflow) -> set[str]:
    """Returns the parts of all names that a workflow builds."""
    fields = [port.dataset for port in workflow.outputs if port.dataset is not None]
    texts = [text for field in fields for text in (field.dataset, field.files) if text]
    texts += [port.value for port in workflow.inputs if port.value is not None]
    if workflow.template is not None and workflow.template.logs is not None:
        texts.append(workflow.template.logs)
    found: set[str] = set()
    for text in texts:
        try:
            # file names know more parts than others, and have the same form
            found.update(NamePattern.parse(text, use="value").parts)
        except MaskError:
            continue
    return found


def _without_dataset(workflow: Workflow) -> Iterator[Finding]:
    has_masks = any(port.mask is not None and port.mask.pick == "all" for port in workflow.inputs)
    if workflow.template is None or not has_masks:
        return
    for output in workflow.outputs:
        if output.dataset is None and _holds_files(output):
            yield Finding(
                "HW209", output.place, f"output {output.name!r} becomes no dataset; give it helios:dataset"
            )


def _holds_files(output: Output) -> bool:
    inner: Json = bare(output.type)
    while isinstance(inner, dict) and inner.get("type") == "array":
        inner = bare(inner["items"])
    return bool(inner == "File")
