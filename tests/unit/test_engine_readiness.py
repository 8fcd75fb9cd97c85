"""When jobs become ready: index by index where that can be, lazily, and whom ``plan`` says they wait for."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from frontier_desk import Desk
from plain_cwl import HERE, call, file, layout_of, tool

from helios_wf.engine.frontier import Cursor
from helios_wf.model import (
    Document,
    MergeField,
    Output,
    Parameter,
    SplitField,
    Step,
    StepInput,
    Workflow,
)
from helios_wf.model.plans import JobOutput, Plan
from helios_wf.plan import plan_document
from helios_wf.preview import preview

TEXTS = {"type": "array", "items": "string"}
FILES = {"type": "array", "items": "File"}
TEXT = tool("text_t", {"x": "Any", "y": "Any"}, {"out": "string"})
CUT = tool("event_c", {"raw": "File", "first_event": "long?", "n_events": "long?"}, {"out": "File"})
MERGE = tool("merge_m", {"parts": FILES}, {"out": "File"})


def step(
    name: str, run: Any, scatter: tuple[str, ...] = (), links: dict[str, str] | None = None, **more: Any
) -> Step:
    inputs = tuple(StepInput(port, HERE, (source,)) for port, source in (links or {}).items())
    inputs += more.pop("extra", ())
    return Step(
        name, run, inputs, tuple(output.name for output in run.outputs), HERE, scatter=scatter, **more
    )


def planned(*steps: Step, outputs: tuple[Output, ...] = ()) -> Plan:
    inputs = (
        Parameter("xs", TEXTS, HERE),
        Parameter("ys", TEXTS, HERE),
        Parameter("raw", FILES, HERE),
        Parameter("go", "boolean", HERE),
    )
    return plan_document(Document("t.cwl", "v1.2", Workflow("t", inputs, outputs, steps, HERE), {}, "0"))


CHAIN = (
    step("a", TEXT, ("x",), {"x": "xs"}),
    step("b", TEXT, ("x",), {"x": "a/out", "y": "ys"}),
)


def test_a_mapped_job_starts_when_its_own_input_is_there() -> None:
    desk = Desk(planned(*CHAIN), xs=["p", "q", "r"], ys=[])
    assert desk.ready() == [("a", (0,)), ("a", (1,)), ("a", (2,))]
    desk.done("a", (1,), out="Q")
    assert desk.ready() == [("b", (1,))]
    desk.done("a", (0,), out="P")
    assert desk.ready() == [("b", (0,))]
    assert desk.ready() == []


def test_a_mapped_step_takes_over_the_indices_and_reads_one_job() -> None:
    plan = planned(*CHAIN)
    assert plan.tasks[1].chain == plan.tasks[0].chain
    assert plan.tasks[1].feeds[0].source == JobOutput(0, "out")
    assert len(plan.domains) == 1


def test_one_source_in_a_list_is_index_wise_too() -> None:
    link = StepInput("x", HERE, ("a/out",), link_merge="merge_flattened")
    b = Step("b", TEXT, (link,), ("out",), HERE, scatter=("x",))
    assert planned(CHAIN[0], b).tasks[1].feeds[0].source == JobOutput(0, "out")


def test_a_dot_product_of_two_steps_waits_for_both_at_its_index() -> None:
    plan = planned(
        step("a", TEXT, ("x",), {"x": "xs"}),
        step("b", TEXT, ("x",), {"x": "xs"}),
        step("c", TEXT, ("x", "y"), {"x": "a/out", "y": "b/out"}),
    )
    desk = Desk(plan, xs=["p", "q"])
    desk.ready()
    desk.done("a", (1,), out="A1")
    assert desk.ready() == []
    desk.done("b", (0,), out="B0")
    assert desk.ready() == []
    desk.done("b", (1,), out="B1")
    assert desk.ready() == [("c", (1,))]


@pytest.mark.parametrize("method", ["nested_crossproduct", "flat_crossproduct"])
def test_a_cross_product_of_two_steps_waits_for_row_and_column(method: str) -> None:
    plan = planned(
        step("a", TEXT, ("x",), {"x": "xs"}),
        step("b", TEXT, ("x",), {"x": "ys"}),
        step("c", TEXT, ("x", "y"), {"x": "a/out", "y": "b/out"}, scatter_method=method),
        step("d", TEXT, ("x",), {"x": "c/out"}),
    )
    desk = Desk(plan, xs=["p", "q"], ys=["s", "t", "u"])
    desk.ready()
    desk.done("a", (1,), out="A1")
    assert desk.ready() == []
    desk.done("b", (2,), out="B2")
    assert desk.ready() == [("c", (1, 2))]
    desk.done("b", (0,), out="B0")
    assert desk.ready() == [("c", (1, 0))]
    desk.done("c", (1, 2), out="C12")
    expected = [("d", (1, 2))] if method == "flat_crossproduct" else []
    assert desk.ready() == expected


def test_a_range_runs_on_when_its_own_part_is_there() -> None:
    plan = planned(
        step("cut", CUT, ("raw",), {"raw": "raw"}, split=SplitField("raw", events_per_job=2)),
        step("map", TEXT, ("x",), {"x": "cut/out"}),
        step("merge", MERGE, (), {"parts": "map/out"}, merge=MergeField("parts")),
    )
    desk = Desk(plan, raw=[file(list("abcd")), file([]), file(["e"])])
    assert desk.ready() == [("cut", (0, 0)), ("cut", (0, 1)), ("cut", (1, 0)), ("cut", (2, 0))]
    desk.done("cut", (0, 1), out=None)
    assert desk.ready() == [("map", (0, 1, 0))]
    for path in [(0, 0), (1, 0), (2, 0)]:
        desk.done("cut", path, out=None)
    assert len(desk.ready()) == 3
    for path in [(0, 0, 0), (0, 1, 0), (1, 0, 0)]:
        desk.done("map", path, out=None)
    assert desk.ready() == []
    desk.done("map", (2, 0, 0), out=None)
    assert desk.ready() == [("merge", ())]


def test_a_file_is_cut_as_soon_as_it_is_made() -> None:
    plan = planned(
        step("make", TEXT, ("x",), {"x": "xs"}),
        step("cut", CUT, ("raw",), {"raw": "make/out"}, split=SplitField("raw", events_per_job=1)),
    )
    desk = Desk(plan, xs=["p", "q"])
    desk.ready()
    desk.done("make", (1,), out=file(["a", "b"]))
    assert desk.ready() == [("cut", (1, 0)), ("cut", (1, 1))]


SUB = Workflow(
    "sub",
    (Parameter("x", "string", HERE), Parameter("all", TEXTS, HERE)),
    (Output("out", TEXTS, HERE, ("inner/out",)),),
    (step("inner", TEXT, ("x",), {"x": "all", "y": "x"}),),
    HERE,
)


def test_a_condition_on_a_subworkflow_leaves_it_index_wise_inside() -> None:
    guarded = step("sub", SUB, (), {"all": "a/out", "go": "go"}, when="$(inputs.go)")
    plan = planned(CHAIN[0], guarded)
    inner = next(task for task in plan.tasks if task.name == "sub/inner")
    assert JobOutput(0, "out") in [feed.source for feed in inner.feeds]
    desk = Desk(plan, xs=["p", "q"], go=True)
    desk.ready()
    desk.done("a", (0,), out="A0")
    desk.done("a", (1,), out="A1")
    desk.ready()
    desk.done("sub", ())
    assert desk.ready() == [("sub/inner", (0,)), ("sub/inner", (1,))]


def test_a_skipped_subworkflow_has_no_jobs_of_arrays_of_before() -> None:
    guarded = step("sub", SUB, (), {"all": "a/out", "go": "go"}, when="$(inputs.go)")
    desk = Desk(planned(CHAIN[0], guarded), xs=["p", "q"], go=False)
    desk.ready()
    desk.done("a", (0,), out="A0")
    desk.done("a", (1,), out="A1")
    assert desk.ready() == [("sub", ())]
    (number,) = (task.number for task in desk.plan.tasks if task.name == "sub")
    desk.outputs.known[number, ()] = None
    desk.frontier.complete(number, ())
    assert desk.ready() == []
    assert all(desk.frontier.is_complete(task.number) for task in desk.plan.tasks)


def test_value_from_on_one_input_of_a_subworkflow_leaves_the_others_index_wise() -> None:
    evaluated = step("sub", SUB, (), {"all": "a/out"}, extra=(StepInput("x", HERE, value_from="$(1 + 1)"),))
    plan = planned(CHAIN[0], evaluated)
    entry, inner = plan.tasks[1], plan.tasks[2]
    assert entry.outputs == ("x",), "arrays are not copied through the entry"
    assert JobOutput(0, "out") in [feed.source for feed in inner.feeds]


def test_a_passed_on_array_of_a_nested_scatter_is_read_where_it_stands() -> None:
    passing = Workflow(
        "sub",
        (Parameter("x", "string", HERE), Parameter("all", TEXTS, HERE)),
        (Output("all", TEXTS, HERE, ("all",)),),
        (),
        HERE,
    )
    outputs = (Output("o", TEXTS, HERE, ("sub/all",)),)
    plan = planned(CHAIN[0], step("sub", passing, ("x",), {"x": "ys", "all": "a/out"}), outputs=outputs)
    desk = Desk(plan, xs=["p", "q"], ys=["s", "t", "u"])
    desk.ready()
    desk.done("a", (0,), out="A0")
    desk.done("a", (1,), out="A1")
    desk.ready()
    assert desk.values.value(plan.outputs[0].source, ()) == [["A0", "A1"]] * 3


def test_elements_of_a_joined_array_are_not_joined_again_for_each() -> None:
    both = StepInput("x", HERE, ("a/out", "b/out"), link_merge="merge_flattened")
    plan = planned(*CHAIN, Step("c", TEXT, (both,), ("out",), HERE, scatter=("x",)))
    n = 200
    desk = Desk(plan, xs=["p"] * n, ys=[])
    desk.ready(10_000)
    for index in range(n):
        desk.done("a", (index,), out=f"A{index}")
    desk.ready(10_000)
    for index in range(n):
        desk.done("b", (index,), out=f"B{index}")
    jobs = desk.ready(10_000)
    assert len(jobs) == 2 * n
    (source,) = (feed.source for feed in plan.tasks[2].feeds)
    assert [desk.values.value(source, path) for _, path in jobs][:2] == ["A0", "A1"]
    assert desk.outputs.reads < 10 * n


def test_a_million_known_files_make_no_million_objects_before_the_first_jobs(monkeypatch) -> None:
    seen = itertools.count()
    walk = Cursor.__iter__

    def counted(cursor: Cursor) -> Any:
        for path in walk(cursor):
            next(seen)
            yield path

    monkeypatch.setattr(Cursor, "__iter__", counted)
    plan = planned(*CHAIN)
    desk = Desk(plan, xs=["x"] * 1_000_000, ys=[])
    assert desk.ready(10) == [("a", (index,)) for index in range(10)]
    desk.done("a", (3,), out="A3")
    assert desk.ready(5)[0] == ("b", (3,))
    assert next(seen) < 100
    assert sum(len(ready) for ready in desk.frontier._ready.values()) < 100
    assert len(desk.frontier.sizes) == 1
    assert desk.frontier.totals == [1_000_000] * 2
    assert desk.frontier.is_known(1)


def test_jobs_that_others_settled_do_not_use_up_the_room() -> None:
    desk = Desk(planned(*CHAIN), xs=["x"] * 100, ys=[])
    desk.frontier.open(0, (), 100)
    for index in range(95):
        desk.frontier.complete_before(0, (index,))
    for index in range(90):
        desk.frontier.complete_before(1, (index,))
    assert desk.ready(2) == [("b", (90,)), ("b", (91,))]
    assert desk.ready(10) == [("b", (92,)), ("b", (93,)), ("b", (94,))] + [
        ("a", (n,)) for n in range(95, 100)
    ]


def test_an_empty_scatter_is_complete_at_once_and_so_are_its_readers() -> None:
    plan = planned(
        *CHAIN,
        step("all", TEXT, (), {"x": "b/out"}),
        step("merge", MERGE, (), {"parts": "b/out"}, merge=MergeField("parts")),
    )
    desk = Desk(plan, xs=[], ys=[])
    assert sorted(desk.ready()) == [("all", ()), ("merge", ())]
    assert desk.frontier.is_complete(0)
    assert desk.frontier.is_complete(1)
    assert desk.values.value(plan.tasks[2].feeds[0].source, ()) == []


# -- what plan says ----------------------------------------------------------------------------------------


def waits(plan: Plan, **inputs: Any) -> dict[str, tuple[str, ...]]:
    return {task.name: task.waits for task in preview(plan, inputs or None, layout_of).tasks}


def test_plan_says_what_waits_and_why() -> None:
    plan = planned(
        *CHAIN,
        step("all", TEXT, (), {"x": "b/out"}),
        step("merge", MERGE, (), {"parts": "b/out"}, merge=MergeField("parts")),
        step("end", TEXT, (), {"x": "merge/out", "y": "all/out"}),
    )
    assert waits(plan) == {
        "a": (),
        "b": (),
        "all": ("x waits for all of b: it reads the whole array",),
        "merge": ("parts waits for all of b: a merge reads all its inputs",),
        "end": ("x waits for all of merge: it reads what was merged",),
    }


def test_plan_tells_jobs_ranges_and_events_of_known_files() -> None:
    plan = planned(
        step("cut", CUT, ("raw",), {"raw": "raw"}, split=SplitField("raw", events_per_job=2)),
        step("map", TEXT, ("x",), {"x": "cut/out"}),
        step("merge", MERGE, (), {"parts": "map/out"}, merge=MergeField("parts")),
        step("later", CUT, (), {"raw": "merge/out"}, split=SplitField("raw", events_per_job=2)),
    )
    found = preview(plan, {"raw": [file(list("abcd")), file([])]}, layout_of)
    shown = {task.name: (task.jobs, task.ranges, task.events) for task in found.tasks}
    assert shown["cut"] == (3, 2, 4)
    assert shown["map"] == (None, None, None), "how many parts there will be shows when they are made"
    assert shown["merge"] == (None, None, None)
    assert shown["later"] == (None, None, None)
    assert found.problems == ()
    assert [task.after for task in found.tasks] == [(), ("cut",), ("map",), ("merge",)]


def test_plan_tells_what_would_not_run() -> None:
    plan = planned(step("a", TEXT, ("x", "y"), {"x": "xs", "y": "ys"}))
    (problem,) = preview(plan, {"xs": ["p"], "ys": []}, layout_of).problems
    assert "x has 1, y has 0" in problem


def test_planning_is_deterministic() -> None:
    steps = [step(f"s{n}", TEXT, ("x",), {"x": "xs"}) for n in range(20)]
    steps.append(step("end", TEXT, (), {f"i{n}": f"s{n}/out" for n in range(20)}))
    assert planned(*steps) == planned(*steps)
    assert [task.name for task in planned(*steps).tasks] == [s.name for s in steps]


def test_outputs_of_a_pretended_tool_do_not_depend_on_the_order_of_inputs() -> None:
    assert call("text_t", {"x": 1, "y": 2}) == call("text_t", {"y": 2, "x": 1})
