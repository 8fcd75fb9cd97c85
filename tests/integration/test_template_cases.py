"""The shipped templates take, refuse and name what their cases say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from helios_wf import match, repository, resources
from helios_wf.cwl.load import load
from helios_wf.model import Dataset, Workflow
from helios_wf.states import DatasetState

FOLDERS = sorted(path.parent for path in resources.templates().glob("*/cases.yml"))
CASES = {folder.name: YAML(typ="safe").load(folder / "cases.yml") for folder in FOLDERS}


def workflow_of(folder: str) -> Workflow:
    process = load(resources.templates() / folder / CASES[folder]["template"]).process
    assert isinstance(process, Workflow)
    return process


def datasets_of(case: dict[str, Any]) -> list[Dataset]:
    return [Dataset(name, DatasetState.CLOSED) for name in case.get("datasets", {}).values()]


TAKEN = [
    pytest.param(folder, case, id=f"{folder}-{number}")
    for folder, content in CASES.items()
    for number, case in enumerate(content["takes"])
]


@pytest.mark.parametrize(("folder", "case"), TAKEN)
def test_datasets_that_a_template_takes_start_one_run_with_these_outputs(folder: str, case: dict[str, Any]):
    workflow = workflow_of(folder)
    captures = {}
    if "datasets" in case:
        found = match.combinations(workflow, datasets_of(case))
        assert [one.datasets for one in found.matches] == [case["datasets"]], found
        assert found.matches[0].values == case.get("values", {})
        captures = found.matches[0].captures
    outputs, _ = match.output_names(workflow, captures, case.get("inputs", {}))
    assert outputs == case["outputs"]


REFUSED = [
    pytest.param(folder, name, dataset, why, id=f"{folder}-{dataset}")
    for folder, content in CASES.items()
    for name, datasets in content["refuses"].items()
    for dataset, why in datasets.items()
]


@pytest.mark.parametrize(("folder", "name", "dataset", "why"), REFUSED)
def test_a_template_refuses_names_that_are_not_for_it(folder: str, name: str, dataset: str, why: str):
    masked = {each.name: each for each in match.masked_inputs(workflow_of(folder))}
    assert masked[name].take(dataset, {}) is None, f"taken, although {why}"
    assert masked[name].why_not(dataset, {})


def test_the_shipped_templates_are_right_together():
    found = repository.find([resources.templates()])
    assert not found.errors
    assert {Path(each.path).parent.name for each in found.templates} == set(CASES)
    checked = repository.check(found.templates)
    assert not checked.problems, [str(problem) for problem in checked.problems]
    assert not checked.warnings, [str(warning) for warning in checked.warnings]
