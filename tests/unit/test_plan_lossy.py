"""Who may read the outputs of a step of which jobs may be lost."""

from __future__ import annotations

from typing import Any

import pytest
from plain_cwl import HERE, tool

from helios_wf.errors import TemplateError
from helios_wf.model import (
    DatasetField,
    Document,
    MergeField,
    Output,
    Parameter,
    Place,
    Step,
    StepInput,
    TolerateField,
    Workflow,
)
from helios_wf.plan import plan_document

FILES = {"type": "array", "items": "File"}
ONE = tool("event_one", {"raw": "File", "mate": "Any"}, {"out": "File"})
WHOLE = tool("text_whole", {"all": FILES}, {"out": "File"})
MERGE = tool("merge_all", {"parts": FILES}, {"out": "File"})
SOME = TolerateField(jobs=0.1)


def at(line: int) -> Place:
    return Place("t.cwl", line, 1)


def step(name: str, run: Any, *inputs: tuple[str, str], line: int = 1, **more: Any) -> Step:
    return Step(name, run, tuple(StepInput(n, at(line), (s,)) for n, s in inputs), ("out",), at(line), **more)


LOSSY = step("one", ONE, ("raw", "raw"), scatter=("raw",), tolerate=SOME)


def problems(*steps: Step, outputs: tuple[Output, ...] = ()) -> list[tuple[int, str]]:
    parameters = (Parameter("raw", FILES, HERE), Parameter("other", FILES, HERE))
    try:
        plan_document(Document("t", "v1.2", Workflow("t", parameters, outputs, steps, HERE), {}, "0"))
    except TemplateError as error:
        return [(one.place.line if one.place else 0, one.message) for one in error.problems]
    return []


def test_a_merge_a_mapped_step_and_a_dataset_may_read_it() -> None:
    assert not problems(
        LOSSY,
        step("two", ONE, ("raw", "one/out"), ("mate", "other"), scatter=("raw", "mate")),
        step("merge", MERGE, ("parts", "two/out"), merge=MergeField("parts")),
        step("behind", ONE, ("raw", "merge/out")),
        outputs=(Output("o", FILES, HERE, ("two/out",), dataset=DatasetField("d")),),
    )


@pytest.mark.parametrize("between", [False, True])
def test_another_reader_of_the_whole_array_is_a_mistake_also_behind_a_mapped_step(between: bool) -> None:
    mapped = [step("two", ONE, ("raw", "one/out"), scatter=("raw",))] if between else []
    name = "two" if between else "one"
    ((line, message),) = problems(LOSSY, *mapped, step("all", WHOLE, ("all", f"{name}/out"), line=7))
    assert line == 7
    assert f"input 'all' of step 'all' reads the whole array of step '{name}'" in message
    assert "helios:merge input" in message


def test_an_output_that_is_no_dataset_is_a_mistake() -> None:
    ((line, message),) = problems(LOSSY, outputs=(Output("o", FILES, at(9), ("one/out",)),))
    assert line == 9
    assert "output 'o' reads the whole array of step 'one'" in message


def test_an_array_that_is_joined_before_it_is_scattered_over_is_a_mistake() -> None:
    both = StepInput("raw", at(5), ("one/out", "other"), link_merge="merge_flattened")
    ((line, message),) = problems(LOSSY, Step("two", ONE, (both,), ("out",), HERE, scatter=("raw",)))
    assert line == 5
    assert "reads the whole array of step 'one'" in message


def test_a_merge_tolerates_no_lost_jobs() -> None:
    merge = step("merge", MERGE, ("parts", "raw"), merge=MergeField("parts"), tolerate=SOME, line=4)
    ((line, message),) = problems(merge)
    assert line == 4
    assert "let the steps before it tolerate losses" in message


def test_what_the_workflow_tolerates_holds_for_all_steps_but_merges() -> None:
    steps = (
        step("one", ONE, ("raw", "raw"), scatter=("raw",)),
        step("merge", MERGE, ("parts", "one/out"), merge=MergeField("parts")),
    )
    workflow = Workflow("t", (Parameter("raw", FILES, HERE),), (), steps, HERE, tolerate=SOME)
    plan = plan_document(Document("t", "v1.2", workflow, {}, "0"))
    assert [task.tolerate for task in plan.tasks] == [SOME, None]
