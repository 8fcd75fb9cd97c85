"""The feature requirements that a workflow must declare for what its steps do.

cwltool finds some of them missing only when a job starts, and says of none where.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from helios_wf.cwl.complaints import absolute
from helios_wf.cwl.marks import key_place
from helios_wf.cwl.sources import Sources
from helios_wf.errors import Problem, TemplateError


def missing_features(tool: Any, inherited: list[Any], sources: Sources) -> list[Problem]:
    """Returns what a resolved workflow does without the requirement for it; nothing for a tool.

    Args:
        tool: The process as cwltool resolved it.
        inherited: The requirements of the workflows and the step around it.
    """
    if tool.get("class") != "Workflow":
        return []
    own = _classes(inherited) | _classes(tool.get("requirements"))
    problems = []
    for step in tool.get("steps") or []:
        held = own | _classes(step.get("requirements"))
        problems += [
            Problem(key_place(node, key, absolute(str(node.lc.filename))), _message(feature, what))
            for node, key, feature, what in _used(step, sources)
            if feature not in held
        ]
    for output in tool.get("outputs") or []:
        if _many(output.get("outputSource")) and "MultipleInputFeatureRequirement" not in own:
            place = key_place(output, "outputSource", absolute(str(output.lc.filename)))
            problems.append(Problem(place, _message("MultipleInputFeatureRequirement", "several sources")))
    return problems


def _used(step: Any, sources: Sources) -> Iterator[tuple[Any, str, str, str]]:
    if "scatter" in step:
        yield step, "scatter", "ScatterFeatureRequirement", "a scatter"
    if _runs_workflow(step.get("run"), sources):
        yield step, "run", "SubworkflowFeatureRequirement", "a step that runs a workflow"
    for entry in step.get("in") or []:
        if _many(entry.get("source")):
            yield entry, "source", "MultipleInputFeatureRequirement", "several sources"
        if "valueFrom" in entry:
            yield entry, "valueFrom", "StepInputExpressionRequirement", "valueFrom on a step's input"


def _message(feature: str, what: str) -> str:
    return f"{what} needs {feature}; add it to the workflow: requirements: {{{feature}: {{}}}}"


def _many(sources: Any) -> bool:
    return isinstance(sources, list) and len(sources) > 1


def _classes(requirements: Any) -> set[str]:
    return {str(entry.get("class")) for entry in requirements or [] if isinstance(entry, dict)}


def _runs_workflow(run: Any, sources: Sources) -> bool:
    if isinstance(run, dict):
        return run.get("class") == "Workflow"
    if not isinstance(run, str) or urlsplit(run).scheme != "file":
        return False
    try:
        path = sources.locate(run, run)
        tree = sources.read(path).tree if path else None
    except TemplateError:
        return False
    if isinstance(tree, dict) and isinstance(tree.get("$graph"), list):
        part = urlsplit(run).fragment or "main"
        parts = [p for p in tree["$graph"] if isinstance(p, dict) and str(p.get("id")).lstrip("#") == part]
        tree = parts[0] if parts else None
    return isinstance(tree, dict) and tree.get("class") == "Workflow"
