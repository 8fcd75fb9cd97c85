"""Cases of a template: which datasets it takes, which it must refuse, and what its outputs are then called.

They stand in ``cases.yml`` (or ``NAME.cases.yml``) beside it, runs in ``cwltest.yml`` (``NAME.cwltest.yml``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helios_wf import match
from helios_wf.errors import HeliosError, did_you_mean
from helios_wf.lint.apart import Reply
from helios_wf.lint.finding import Finding
from helios_wf.match.parts import scalar_inputs
from helios_wf.model import Dataset, Document, Json, Place, Workflow
from helios_wf.states import DatasetState, TemplateStatus

NAMES = "cases.yml"
RUNS = "cwltest.yml"
_KEYS = ("template", "takes", "refuses")
_CASE_KEYS = ("datasets", "inputs", "values", "outputs")


class CaseFile(NamedTuple):
    """A file of cases that was read: its path, and what it holds."""

    path: Path
    reply: Reply

    def place(self, key: str = "") -> Place:
        """Returns where a part of it stands."""
        return self.reply.places.get(key, Place(str(self.path), 1, 1))

    def wrong(self, key: str, message: str) -> Finding:
        """Returns the finding that a part of it has another form."""
        return Finding("HW302", self.place(key), message)


def files_beside(document: Path, suffix: str) -> list[Path]:
    """Returns the files that may hold cases of a document: ``cases.yml`` and ``*.cases.yml``."""
    if not document.parent.is_dir():
        return []
    found = {document.parent / suffix, *document.parent.glob(f"*.{suffix}")}
    return sorted(path for path in found if path.is_file())


def is_of(file: CaseFile, document: Path) -> bool:
    """Says whether a file of names is for a document."""
    value = file.reply.value
    named = value.get("template") if isinstance(value, dict) else None
    return isinstance(named, str) and (file.path.parent / named).resolve() == document.resolve()


def form_findings(file: CaseFile) -> Iterator[Finding]:
    """Yields what is wrong with the form of a file of names."""
    value = file.reply.value
    if file.reply.problem is not None:
        yield Finding("HW302", file.reply.problem.place or file.place(), file.reply.problem.message)
        return
    if not isinstance(value, dict):
        yield file.wrong("", "must be a map with template, takes and refuses")
        return
    for key in value:
        if key not in _KEYS:
            yield file.wrong(f"/{key}", f"unknown key {key!r}{did_you_mean(key, _KEYS)}")
    named = value.get("template")
    if not isinstance(named, str) or not (file.path.parent / named).is_file():
        yield file.wrong("/template", f"'template' must name the document beside it, not {named!r}")
    takes, refuses = value.get("takes", []), value.get("refuses", {})
    if not isinstance(takes, list):
        yield file.wrong("/takes", "'takes' must be a list of cases: [{datasets: {...}, outputs: {...}}]")
    for index, case in enumerate(takes if isinstance(takes, list) else ()):
        yield from _case_form(file, f"/takes/{index}", case)
    if not isinstance(refuses, dict):
        yield file.wrong("/refuses", "'refuses' must be a map: {input: {name: why}}")
        return
    for name, datasets in refuses.items():
        if not isinstance(datasets, dict | list) or not all(isinstance(each, str) for each in datasets):
            yield file.wrong(f"/refuses/{name}", "must be names, each with why it is refused: {name: why}")


def _case_form(file: CaseFile, key: str, case: Json) -> Iterator[Finding]:
    if not isinstance(case, dict):
        yield file.wrong(key, "a case must be a map: {datasets: {...}, outputs: {...}}")
        return
    for word, given in case.items():
        if word not in _CASE_KEYS:
            yield file.wrong(f"{key}/{word}", f"unknown key {word!r}{did_you_mean(word, _CASE_KEYS)}")
        elif not isinstance(given, dict):
            yield file.wrong(f"{key}/{word}", f"{word!r} must be a map")
        elif word in ("datasets", "outputs") and not all(isinstance(each, str) for each in given.values()):
            yield file.wrong(f"{key}/{word}", f"{word!r} must map names to names of datasets")
    if "datasets" not in case and "inputs" not in case:
        yield file.wrong(key, "a case must have the 'datasets' that it takes, or the scalar 'inputs'")


def name_findings(file: CaseFile, workflow: Workflow) -> Iterator[Finding]:
    """Yields the cases of names that a template does not fulfil; the form of the file must be right."""
    value: Any = file.reply.value
    for index, case in enumerate(value.get("takes") or ()):
        try:
            told = _taken(workflow, case)
        except HeliosError as error:
            told = str(error)
        if told:
            yield Finding("HW303", file.place(f"/takes/{index}"), told)
    masked = {each.name: each for each in match.masked_inputs(workflow)}
    for name, datasets in (value.get("refuses") or {}).items():
        if name not in masked:
            near = did_you_mean(name, masked)
            yield file.wrong(f"/refuses/{name}", f"{name!r} is no input with a mask{near}")
            continue
        for dataset in datasets:
            if masked[name].take(dataset, {}) is not None:
                why = datasets[dataset] if isinstance(datasets, dict) else None
                reason = f", although: {why}" if why else ""
                message = f"input {name!r} takes {dataset!r}{reason}"
                yield Finding("HW303", file.place(f"/refuses/{name}/{dataset}"), message)


def _taken(workflow: Workflow, case: Mapping[str, Any]) -> str | None:
    """Returns how a template differs from a case of datasets that it takes; None where it does not."""
    captures: Mapping[str, Json] = {}
    inputs = case.get("inputs") or {}
    if unknown := sorted(set(inputs) - set(scalar_inputs(workflow))):
        return f"{unknown[0]!r} is no scalar input{did_you_mean(unknown[0], scalar_inputs(workflow))}"
    if datasets := case.get("datasets"):
        known = [Dataset(name, DatasetState.CLOSED) for name in dict.fromkeys(datasets.values())]
        found = match.combinations(workflow, known).matches
        if [dict(one.datasets) for one in found] != [datasets]:
            return _not_taken(workflow, datasets)
        values = {key: value for key, value in found[0].values.items() if key in case.get("values", {})}
        if "values" in case and values != case["values"]:
            return f"helios:value gives {_shown(found[0].values)}, not {_shown(case['values'])}"
        captures, inputs = found[0].captures, {**inputs, **found[0].values}
    outputs, _ = match.output_names(workflow, captures, inputs)
    expected = case.get("outputs") or {}
    if outputs != expected:
        return f"the outputs become {_shown(outputs)}, not {_shown(expected)}"
    return None


def _not_taken(workflow: Workflow, datasets: Mapping[str, str]) -> str:
    masked = {each.name: each for each in match.masked_inputs(workflow)}
    for name, dataset in datasets.items():
        if name not in masked:
            return f"{name!r} is no input with a mask{did_you_mean(name, masked)}"
        if why := masked[name].why_not(dataset, {}):
            return f"input {name!r} does not take {dataset!r}: {why}"
    if missing := [name for name in masked if name not in datasets]:
        return f"no run starts: the case has no dataset for input {missing[0]!r}"
    return f"no run starts, or another: the captures of {_shown(datasets)} do not agree"


def missing_findings(document: Document, has_names: bool, has_runs: bool) -> Iterator[Finding]:
    """Yields which cases an ACTUAL template lacks."""
    process = document.process
    if not isinstance(process, Workflow) or process.template is None:
        return
    if process.template.status is not TemplateStatus.ACTUAL:
        return
    for is_there, code, suffix in ((has_names, "HW301", NAMES), (has_runs, "HW305", RUNS)):
        if not is_there:
            stem = Path(document.path).stem
            message = (
                f"template {process.template.template!r} has no cases; write {suffix} or {stem}.{suffix}"
            )
            yield Finding(code, process.place, f"{message} beside it")


def _shown(names: Mapping[str, Json]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in names.items()) or "nothing"
