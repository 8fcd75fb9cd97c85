"""From feeds to a job's inputs: defaults, valueFrom, when and ranges, in CWL's order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from frontier_desk import Desk
from plain_cwl import HERE, tool

from helios_wf.cwl.inputs import loaded
from helios_wf.cwl.javascript import complete
from helios_wf.engine.evaluation import Evaluator, run_expression
from helios_wf.errors import JobError
from helios_wf.model import (
    Document,
    ExpressionTool,
    MergeField,
    Output,
    Parameter,
    SplitField,
    Step,
    StepInput,
    Workflow,
)
from helios_wf.plan import plan_document
from helios_wf.states import Cause

JS = ()


def desk(*steps: Step, **inputs: Any) -> Desk:
    parameters = tuple(Parameter(name, "Any", HERE) for name in inputs)
    workflow = Workflow("t", parameters, (), steps, HERE)
    return Desk(plan_document(Document("t.cwl", "v1.2", workflow, {}, "0")), **inputs)


def inputs_of(
    process: Any, *entries: StepInput, path: tuple[int, ...] = (), given: Any = None, **fields: Any
) -> Any:
    step = Step("s", process, entries, (), HERE, javascript=JS, **fields)
    made = desk(step, **(given or {}))
    made.ready()
    evaluator = Evaluator(made.plan.tasks[0], made.values)
    return complete(evaluator.all_inputs(path))


def entry(name: str, source: str | None = None, **fields: Any) -> StepInput:
    return StepInput(name, HERE, (source,) if source else (), **fields)


XY = tool("text_t", {"x": "Any", "y": "Any"}, {"out": "string"})


def test_value_from_sees_the_inputs_before_any_value_from() -> None:
    found = inputs_of(
        XY,
        entry("x", "a", value_from="$(inputs.y + 1)"),
        entry("y", "b", value_from="$(inputs.x + 1)"),
        given={"a": 10, "b": 20},
    )
    assert found == {"x": 21, "y": 11}


def test_value_from_sees_defaults_and_elements() -> None:
    found = inputs_of(
        XY,
        entry("x", "xs", value_from="$(self * 2)"),
        entry("y", "none", default=5, value_from="$(self + inputs.x)"),
        path=(1,),
        given={"xs": [1, 2, 3], "none": None},
        scatter=("x",),
    )
    assert found == {"x": 4, "y": 7}


def test_when_sees_the_inputs_after_value_from() -> None:
    entries = (entry("x", "a", value_from="$(self + 1)"),)
    assert inputs_of(XY, *entries, given={"a": 1}, when="$(inputs.x === 2)") == {"x": 2, "y": None}
    assert inputs_of(XY, *entries, given={"a": 2}, when="$(inputs.x === 2)") is None


@pytest.mark.parametrize("value", [None, 1, "true", []])
def test_when_must_give_a_boolean(value: Any) -> None:
    with pytest.raises(JobError, match="must give true or false") as caught:
        inputs_of(XY, entry("x", "a"), given={"a": value}, when="$(inputs.x)")
    assert caught.value.cause is Cause.EXPRESSION


def test_what_the_tool_does_not_declare_is_for_expressions_only() -> None:
    found = inputs_of(
        XY,
        entry("x", value_from="$(inputs.hidden)"),
        entry("hidden", "a"),
        given={"a": "seen"},
    )
    assert found == {"x": "seen", "y": None}


def test_a_range_is_set_after_when_and_value_from() -> None:
    select = tool(
        "event_t", {"raw": "File", "n": "Any", "first_event": "long?", "n_events": "long?"}, {"out": "File"}
    )
    raw = {"class": "File", "path": "/10/f"}
    found = inputs_of(
        select,
        entry("raw", "raw"),
        entry("first_event", default=2),
        entry("n", value_from="$(inputs.first_event)"),
        path=(1,),
        given={"raw": raw},
        split=SplitField("raw", events_per_job=4),
    )
    assert found == {"raw": raw, "n": 2, "first_event": 6, "n_events": 4}


def test_shared_inputs_are_evaluated_once_and_own_ones_for_each_job() -> None:
    made = desk(
        Step("a", XY, (entry("x", "xs"),), ("out",), HERE, scatter=("x",)),
        Step("b", XY, (entry("x", "a/out"), entry("y", "a/out")), ("out",), HERE, scatter=("x",)),
        xs=["p", "q"],
    )
    made.ready()
    for index in range(2):
        made.done("a", (index,), out=f"A{index}")
    evaluator = Evaluator(made.plan.tasks[1], made.values)
    assert evaluator.shared() == {"y": ["A0", "A1"]}
    assert complete(evaluator.inputs((1,))) == {"x": "A1"}
    reads = made.outputs.reads
    assert complete(evaluator.inputs((0,))) == {"x": "A0"}
    assert made.outputs.reads == reads + 1
    assert list(evaluator.reads((1,))) == [(0, (1,))]


def test_a_whole_array_that_value_from_starts_from_is_put_together_once() -> None:
    made = desk(
        Step("a", XY, (entry("x", "xs"),), ("out",), HERE, scatter=("x",)),
        Step(
            "b",
            XY,
            (entry("x", "a/out"), entry("y", "a/out", value_from="$(self.length + inputs.x)")),
            ("out",),
            HERE,
            scatter=("x",),
            javascript=JS,
        ),
        xs=["p", "q"],
    )
    made.ready()
    for index in range(2):
        made.done("a", (index,), out=f"A{index}")
    evaluator = Evaluator(made.plan.tasks[1], made.values)
    assert complete(evaluator.inputs((0,))) == {"x": "A0", "y": "2A0"}
    reads = made.outputs.reads
    assert complete(evaluator.inputs((1,))) == {"x": "A1", "y": "2A1"}
    assert made.outputs.reads == reads + 1


def test_a_merge_s_jobs_do_not_read_all_inputs_each() -> None:
    merge = tool("merge_m", {"parts": "Any"}, {"out": "File"})
    made = desk(
        Step("a", XY, (entry("x", "xs"),), ("out",), HERE, scatter=("x",)),
        Step("m", merge, (entry("parts", "a/out"),), ("out",), HERE, merge=MergeField("parts")),
        xs=["p", "q"],
    )
    made.ready()
    for index in range(2):
        made.done("a", (index,), out=f"A{index}")
    reads = made.outputs.reads
    evaluator = Evaluator(made.plan.tasks[1], made.values)
    assert complete(evaluator.inputs((), {"parts": ["A0"]})) == {"parts": ["A0"]}
    assert made.outputs.reads == reads


def expression(text: str, **defaults: Any) -> ExpressionTool:
    body = {
        "class": "ExpressionTool",
        "cwlVersion": "v1.2",
        "expression": text,
        "inputs": dict.fromkeys(defaults, "Any?"),
        "requirements": [{"class": "InlineJavascriptRequirement"}],
    }
    inputs = tuple(Parameter(name, "Any", HERE, default=value) for name, value in defaults.items())
    return ExpressionTool("e", inputs, (Output("out", "Any", HERE), Output("b", "Any", HERE)), body, HERE)


def run(process: ExpressionTool, **inputs: Any) -> Any:
    made = desk(Step("e", process, (), ("out",), HERE))
    return complete(run_expression(made.plan.tasks[0], inputs))


def test_an_expression_gives_its_declared_outputs_and_null_for_the_others() -> None:
    process = expression("${ return {out: inputs.x + 1, other: 3}; }", x=0)
    assert run(process, x=41) == {"out": 42, "b": None}


@pytest.mark.parametrize(
    ("type_", "given"), [("int", "null"), ("int", "'7'"), ("File", "1"), ("int[]", "[1, null]")]
)
def test_an_expression_that_gives_another_type_than_declared_is_told_so(type_: Any, given: str) -> None:
    process = expression("${ return {out: " + given + "}; }")
    body = process.body
    typed = ExpressionTool("e", (), (Output("out", type_, HERE),), body, HERE)
    with pytest.raises(JobError, match="output 'out' of 'e' must be "):
        run(typed)


def test_an_expression_that_gives_no_object_is_told_so() -> None:
    with pytest.raises(JobError, match="must give an object of outputs, not 3"):
        run(expression("$(1 + 2)"))


def test_an_expression_tool_gets_the_defaults_of_its_inputs() -> None:
    assert inputs_of(expression("$(null)", x=7, y=8), entry("x", "a"), given={"a": None}) == {"x": 7, "y": 8}


def test_contents_are_read_up_to_their_limit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a" * 65536)
    given = {"class": "File", "path": str(path)}
    assert loaded([given, None, 3], "f") == [given | {"contents": "a" * 65536}, None, 3]
    path.write_text("a" * 65537)
    with pytest.raises(JobError, match="at most 64 KiB"):
        loaded(given, "f")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(JobError, match="loadContents"):
        loaded(given, "f")
    with pytest.raises(JobError, match="gone"):
        loaded({"class": "File", "path": str(tmp_path / "gone")}, "f")
