"""Where parts of a split step may be read, and what everybody else is told."""

from __future__ import annotations

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
    SplitField,
    Step,
    StepInput,
    Workflow,
)
from helios_wf.model.plans import Gathered, Plan, Source
from helios_wf.plan import plan_document

FILES = {"type": "array", "items": "File"}
SELECT = tool(
    "event_select",
    {"raw": "File", "first_event": "long?", "n_events": "long?"},
    {"out": "File", "log": "File"},
)
MAP = tool("event_map", {"raw": "File", "mate": "Any"}, {"out": "File"})
WHOLE = tool("text_whole", {"all": FILES}, {"out": "File"})
MERGE = tool("merge_all", {"parts": FILES}, {"out": "File"})


def at(line: int) -> Place:
    return Place("t.cwl", line, 1)


def entry(name: str, *sources: str, line: int = 1, **more) -> StepInput:
    return StepInput(name, at(line), sources, **more)


def step(name: str, run, *inputs: StepInput, **more) -> Step:
    outputs = tuple(output.name for output in run.outputs)
    return Step(name, run, inputs, outputs, more.pop("place", HERE), **more)


def split(*inputs: StepInput, scatter=("raw",), field: SplitField | None = None, **more) -> Step:
    inputs = inputs or (entry("raw", "raw"),)
    field = field or SplitField("raw", events_per_job=10)
    return step("cut", SELECT, *inputs, scatter=scatter, split=field, **more)


def output(name: str, source: str, *, line: int = 1, dataset: str | None = None, **more) -> Output:
    return Output(
        name, FILES, at(line), (source,), dataset=DatasetField(dataset) if dataset else None, **more
    )


def document(*steps: Step, outputs: tuple[Output, ...] = ()) -> Document:
    inputs = (
        Parameter("raw", FILES, HERE),
        Parameter("calib", FILES, HERE),
        Parameter("one", "File", HERE),
    )
    return Document("t.cwl", "v1.2", Workflow("t", inputs, outputs, steps, HERE), {}, "0")


def planned(*steps: Step, outputs: tuple[Output, ...] = ()) -> Plan:
    return plan_document(document(*steps, outputs=outputs))


def refused(*steps: Step, outputs: tuple[Output, ...] = ()) -> list[tuple[int, str]]:
    with pytest.raises(TemplateError) as caught:
        planned(*steps, outputs=outputs)
    return [(p.place.line if p.place else 0, p.message) for p in caught.value.problems]


def levels(source: Source) -> list[bool]:
    """Returns of a gathered array, outermost first, which levels splice."""
    found = []
    while isinstance(source, Gathered):
        found.append(source.splice)
        source = source.source
    return found


def test_a_plain_step_may_not_read_parts_as_an_array() -> None:
    ((line, message),) = refused(split(), step("all", WHOLE, entry("all", "cut/out", line=7)))
    assert line == 7
    assert "input 'all' of step 'all' reads the parts of a split step as a plain array" in message
    assert "helios:merge input" in message


def test_a_plain_output_may_not_show_parts_and_a_dataset_may() -> None:
    ((line, message),) = refused(split(), outputs=(output("o", "cut/out", line=9),))
    assert line == 9
    assert "output 'o' reads the parts" in message
    planned(split(), outputs=(output("o", "cut/out", dataset="d"),))


def test_parts_are_not_scattered_together_with_other_arrays() -> None:
    both = step(
        "map",
        MAP,
        entry("raw", "cut/out", line=3),
        entry("mate", "raw", line=4),
        scatter=("raw", "mate"),
    )
    ((line, message),) = refused(split(), both)
    assert line == 3
    assert "scatters over the parts in 'raw' together with other arrays" in message


def test_parts_are_not_crossed_with_other_arrays() -> None:
    cross = step(
        "map",
        MAP,
        entry("mate", "calib", line=4),
        entry("raw", "cut/out", line=3),
        scatter=("mate", "raw"),
        scatter_method="nested_crossproduct",
    )
    assert [line for line, _ in refused(split(), cross)] == [3]


def test_parts_of_one_split_are_scattered_together() -> None:
    both = step("map", MAP, entry("raw", "cut/out"), entry("mate", "cut/log"), scatter=("raw", "mate"))
    plan = planned(split(), both)
    assert plan.tasks[1].chain == (*plan.tasks[0].chain, 2)
    assert plan.domains[2].parts == 0


def test_parts_of_two_splits_are_not_scattered_together() -> None:
    other = step(
        "cut2", SELECT, entry("raw", "raw"), scatter=("raw",), split=SplitField("raw", jobs_per_file=2)
    )
    both = step(
        "map",
        MAP,
        entry("raw", "cut/out", line=3),
        entry("mate", "cut2/out", line=4),
        scatter=("raw", "mate"),
    )
    assert [line for line, _ in refused(split(), other, both)] == [3, 4]


def test_a_mapped_step_behind_parts_yields_parts() -> None:
    mapped = step("map", MAP, entry("raw", "cut/out"), scatter=("raw",))
    assert [line for line, _ in refused(split(), mapped, outputs=(output("o", "map/out", line=5),))] == [5]
    merge = step("merge", MERGE, entry("parts", "map/out"), merge=MergeField("parts"))
    planned(split(), mapped, merge, outputs=(Output("o", "File", HERE, ("merge/out",)),))


def test_only_the_input_that_a_merge_names_may_be_parts() -> None:
    two = tool("merge_two", {"parts": FILES, "logs": FILES}, {"out": "File"})
    merge = step(
        "merge",
        two,
        entry("parts", "cut/out"),
        entry("logs", "cut/log", line=8),
        merge=MergeField("parts"),
    )
    ((line, message),) = refused(split(), merge)
    assert line == 8
    assert "'logs'" in message


def test_parts_are_followed_through_links_with_several_sources() -> None:
    merge = step("all", WHOLE, entry("all", "raw", "cut/out", line=6, link_merge="merge_flattened"))
    assert [line for line, _ in refused(split(), merge)] == [6]


def test_parts_pass_into_a_subworkflow_and_are_judged_inside() -> None:
    inner = step("all", WHOLE, entry("all", "files", line=11))
    sub = Workflow("sub", (Parameter("files", FILES, HERE),), (), (inner,), HERE)
    assert [line for line, _ in refused(split(), step("sub", sub, entry("files", "cut/out", line=3)))] == [11]
    merging = step("m", MERGE, entry("parts", "files"), merge=MergeField("parts"))
    good = Workflow("sub", (Parameter("files", FILES, HERE),), (), (merging,), HERE)
    planned(split(), step("sub", good, entry("files", "cut/out")))


def test_a_condition_of_a_subworkflow_may_not_see_parts() -> None:
    sub = Workflow("sub", (Parameter("files", FILES, HERE),), (), (), HERE)
    guarded = step("sub", sub, entry("files", "cut/out", line=3), when="$(inputs.files.length > 2)")
    assert [line for line, _ in refused(split(), guarded)] == [3]
    other = step(
        "sub",
        sub,
        entry("files", "cut/out", line=3),
        entry("n", line=4, value_from="$(inputs.files.length)"),
    )
    assert [line for line, _ in refused(split(), other)] == [3]


def test_parts_stand_where_the_output_of_their_file_stood() -> None:
    flat, nested = "flat_crossproduct", "nested_crossproduct"
    raw, mate = entry("raw", "raw"), entry("calib", "calib")
    for scatter, method, expected in [
        (("raw", "calib"), nested, [True, False, False]),
        (("calib", "raw"), nested, [False, True, True]),
        (("raw", "calib"), flat, [True, True, True]),
        (("calib", "raw"), flat, [True, True, True]),
        (("raw",), "dotproduct", [True, True]),
    ]:
        plan = planned(
            split(raw, mate, scatter=scatter, scatter_method=method),
            outputs=(output("o", "cut/out", dataset="d"),),
        )
        (task,) = plan.tasks
        assert levels(plan.outputs[0].source) == expected
        assert (task.fed is not None) == expected[-1], "a list of parts for each job"
        order = [plan.domains[number] for number in task.chain]
        at_file = next(i for i, domain in enumerate(order) if [a.port for a in domain.axes] == ["raw"])
        at_range = next(i for i, domain in enumerate(order) if domain.cut)
        assert at_range == (at_file + 1 if method == nested else len(order) - 1)
        assert [domain.chain for domain in order] == [task.chain[:i] for i in range(len(order))]


def test_the_other_dimension_of_a_split_cross_product_is_read_element_by_element() -> None:
    cut = split(
        entry("raw", "raw"),
        entry("calib", "calib"),
        scatter=("calib", "raw"),
        scatter_method="nested_crossproduct",
    )
    inner = step("m", MERGE, entry("parts", "files"), merge=MergeField("parts"))
    sub = Workflow(
        "sub",
        (Parameter("files", FILES, HERE),),
        (Output("out", "File", HERE, ("m/out",)),),
        (inner,),
        HERE,
    )
    plan = planned(
        cut,
        step("per", sub, entry("files", "cut/out"), scatter=("files",)),
        outputs=(output("o", "per/out"),),
    )
    assert plan.tasks[1].chain == plan.tasks[0].chain[:1], "one merge for each calibration"
    per_part = step("per", WHOLE, entry("all", "cut/out", line=5), scatter=("all",))
    assert [line for line, _ in refused(cut, per_part)] == [5]


def test_a_bound_in_a_later_dimension_moves_the_cut_behind_it() -> None:
    many = {"type": "array", "items": "long"}
    inputs = (Parameter("raw", FILES, HERE), Parameter("counts", many, HERE))
    cut = split(
        entry("raw", "raw"),
        entry("n_events", "counts"),
        scatter=("raw", "n_events"),
        scatter_method="nested_crossproduct",
    )
    workflow = Workflow("t", inputs, (output("o", "cut/out", dataset="d"),), (cut,), HERE)
    plan = plan_document(Document("t.cwl", "v1.2", workflow, {}, "0"))
    assert [plan.domains[number].cut is not None for number in plan.tasks[0].chain] == [False, False, True]
    assert levels(plan.outputs[0].source) == [False, True, True]


def test_what_is_cut_must_be_known_before_there_are_jobs() -> None:
    bound = split(entry("raw", "raw"), entry("n_events", line=4, value_from="$(100)"))
    ((line, message),) = refused(bound)
    assert line == 4
    assert "'n_events' of step 'cut' has valueFrom" in message
    assert "'source' or 'default'" in message
    assert [line for line, _ in refused(split(entry("raw", "raw", line=6, value_from="$(self)")))] == [6]


def test_parts_are_not_cut_between_bounds() -> None:
    again = step(
        "again",
        SELECT,
        entry("raw", "cut/out"),
        entry("n_events", line=5, default=10),
        scatter=("raw",),
        split=SplitField("raw", events_per_job=2),
    )
    ((line, message),) = refused(split(), again)
    assert line == 5
    assert "each part of a split step" in message


def test_outputs_of_a_merge_with_a_target_are_parts_too() -> None:
    merge = step("merge", MERGE, entry("parts", "cut/out"), merge=MergeField("parts", target_size=100))
    flat = {"link_merge": "merge_flattened"}
    assert [line for line, _ in refused(split(), merge, outputs=(output("o", "merge/out", line=3),))] == [3]
    mapped = step("map", MAP, entry("raw", "merge/out", **flat), scatter=("raw",))
    assert [
        line for line, _ in refused(split(), merge, mapped, outputs=(output("o", "map/out", line=4),))
    ] == [4]
    planned(split(), merge, mapped, outputs=(output("o", "map/out", dataset="d"),))
    crossed = step(
        "map",
        MAP,
        entry("raw", "merge/out", line=8, **flat),
        entry("mate", "calib"),
        scatter=("raw", "mate"),
    )
    assert [line for line, _ in refused(split(), merge, crossed)] == [8]


def test_a_merge_is_a_tool_with_one_output_where_it_is_a_tree() -> None:
    sub = Workflow("sub", (Parameter("parts", FILES, HERE),), (), (), HERE)
    wrong = step("m", sub, entry("parts", "cut/out"), merge=MergeField("parts"), place=at(12))
    ((line, message),) = refused(split(), wrong)
    assert (line, "needs a tool" in message) == (12, True)
    two = tool("merge_two", {"parts": FILES}, {"out": "File", "log": "File"})
    tree = step("m", two, entry("parts", "cut/out"), merge=MergeField("parts", max_inputs=10), place=at(13))
    ((line, message),) = refused(split(), tree)
    assert line == 13
    assert "it has 2 (2 of type File)" in message


def test_all_mistakes_are_told_at_once() -> None:
    wrong = [step(f"all{n}", WHOLE, entry("all", "cut/out", line=n)) for n in (21, 22, 23)]
    found = refused(split(), *wrong, outputs=(output("o", "cut/out", line=24),))
    assert [line for line, _ in found] == [21, 22, 23, 24]


def test_steps_in_a_circle_are_named_in_order() -> None:
    a = step("a", MAP, entry("raw", "b/out"), place=at(3))
    b = step("b", MAP, entry("raw", "a/out"), place=at(9))
    ((_, message),) = refused(a, b)
    assert "in a circle: " in message
    assert {"a", "b"} <= set(message.split("circle: ")[1].split(" -> "))
