"""Mistakes in documents: each is told once, at its line and column, all at once, with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf.cwl.load import load
from helios_wf.errors import TemplateError

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs:
  events: {type: File, inputBinding: {position: 1}}
  parts: "File[]?"
  first_event: long?
  n_events: long?
outputs:
  out: {type: File, outputBinding: {glob: x}}
"""

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
helios:template: {template: t, version: 1, status: ACTUAL}
inputs:
  raw: {type: "File[]", helios:mask: "a.{b}"}
  n: {type: int, default: 1}
steps:
  cut:
    run: tool.cwl
    scatter: events
    in: {events: raw}
    out: [out]
    helios:split: {input: events, eventsPerJob: 10}
outputs:
  kept: {type: "File[]", outputSource: cut/out, helios:dataset: "c.{b}"}
"""


def complaints(folder: Path, text: str, tool: str = TOOL) -> list[str]:
    """Returns the problems of a document as ``line:column: message``, those of its tool with its name."""
    (folder / "main.cwl").write_text(text)
    (folder / "tool.cwl").write_text(tool)
    with pytest.raises(TemplateError) as caught:
        load(folder / "main.cwl")
    return [
        str(problem).replace(f"{folder}/main.cwl:", "").replace(f"{folder}/", "")
        for problem in caught.value.problems
    ]


def changed(*changes: tuple[str, str]) -> str:
    text = TEMPLATE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_the_template_of_these_tests_is_right(tmp_path: Path) -> None:
    (tmp_path / "main.cwl").write_text(TEMPLATE)
    (tmp_path / "tool.cwl").write_text(TOOL)
    assert load(tmp_path / "main.cwl").process.name == "main"


CASES = [
    (
        ("helios:split", "helios:spilt"),
        "15:5: unknown field 'helios:spilt'; did you mean 'helios:split'?",
    ),
    (
        ('$namespaces: {helios: "https://w3id.org/helios-wf#"}', "doc: none"),
        "5:1: the prefix 'helios' is not declared; add this line to the document: "
        '$namespaces: {helios: "https://w3id.org/helios-wf#"}',
    ),
    (
        ("helios-wf#", "helios#"),
        "5:1: the prefix 'helios' stands for 'https://w3id.org/helios#'; it must be declared as: "
        '$namespaces: {helios: "https://w3id.org/helios-wf#"}',
    ),
    (
        ("helios:split", "helois:split"),
        "15:5: unknown prefix 'helois' of 'helois:split'; did you mean 'helios:split'?",
    ),
    (
        ("out: [out]", "out: [out]\n    helios:mask: x"),
        "15:5: 'helios:mask' does not belong on a step; it belongs on an input of a workflow",
    ),
    (
        ("in: {events: raw}", "in: {events: {source: raw, helios:split: {}}}"),
        "13:32: 'helios:split' does not belong on a step input; it belongs on a step",
    ),
    (
        ("eventsPerJob", "evntsPerJob"),
        "15:35: 'helios:split': unknown key 'evntsPerJob'; did you mean 'eventsPerJob'?",
    ),
    (
        ("eventsPerJob: 10", "eventsPerJob: 0"),
        "15:49: 'helios:split': 'eventsPerJob' must be a whole number of at least 1, not 0",
    ),
    (
        ("input: events", "input: evnts"),
        "15:27: 'helios:split': 'evnts' is no input of the step; did you mean 'events'?",
    ),
    (
        ("helios:split: {input: events, eventsPerJob: 10}", "helios:merge: {input: parts}"),
        "15:27: 'helios:merge': 'parts' is no input of the step; known: events",
    ),
    (
        ("helios:split: {input: events, eventsPerJob: 10}", "helios:merge: {input: events}"),
        "15:27: 'helios:merge': 'events' must be of type File[] for 'tool', not File",
    ),
    (
        ("eventsPerJob: 10", "eventsPerJob: 10, count: n"),
        "15:60: 'helios:split': 'tool' must have an input 'n' of type long? or int?, to be told its events",
    ),
    (
        ("{input: events, ", "{"),
        "15:5: 'helios:split': without 'input', the step must bind 'n_events': the number of events to make",
    ),
    (
        ("default: 1", 'helios:mask: "x.{b}"'),
        "8:18: 'helios:mask': an input with a mask must be of type File or File[], not int",
    ),
    (
        ('helios:mask: "a.{b}"', 'helios:value: "{b}"'),
        "7:25: 'helios:value': an input with a value must be of type string, int or long, not File[]",
    ),
    (
        ('"File[]", outputSource: cut/out', "int, outputSource: n"),
        "17:38: 'helios:dataset': a dataset is made of an output of File, File[] or File[][], not int",
    ),
    (("scatter: events", "scater: events"), "12:5: unknown field 'scater'; did you mean 'scatter'?"),
    (
        ("events: raw", "events: row"),
        "13:10: unknown source 'row'; did you mean 'raw'?",
    ),
    (
        ("events: raw", "events: elsewhere"),
        "13:10: unknown source 'elsewhere'; a source is an input of the workflow or STEP/OUTPUT",
    ),
    (('"File[]", helios:mask', '"Flie[]", helios:mask'), "7:9: unknown type 'Flie'; did you mean 'File'?"),
    (("class: Workflow", "class: Wrokflow"), "2:1: unknown class 'Wrokflow'; did you mean 'Workflow'?"),
    (("ScatterFeature", "ScaterFeature"), "4:16: unknown class 'ScaterFeatureRequirement'; did you mean"),
    (
        ("requirements: {ScatterFeatureRequirement: {}}", "doc: none"),
        "12:5: a scatter needs ScatterFeatureRequirement; add it to the workflow: "
        "requirements: {ScatterFeatureRequirement: {}}",
    ),
    (("run: tool.cwl", "run: tol.cwl"), "11:10: cannot read tol.cwl: No such file or directory"),
    (("in: {events: raw}", "in: {}"), "12:5: scatter names 'events', which is no input of the step"),
    (
        ("scatter: events\n    in: {events: raw}", "in: {}"),
        "12:5: Step is missing required parameter 'events'; bind it under 'in', or make it optional",
    ),
    (("out: [out]", "out: [out, more]"), "14:16: Workflow step output 'more' does not correspond to"),
    (
        ("default: 1", "default: one"),
        "8:27: the default of 'n' must be a whole number (int), not 'one'",
    ),
    (
        ("int, default: 1", '"string[]?", default: [a, 1]'),
        "8:35: the default of 'n'[1] must be a string, not 1; its type is string[]?",
    ),
    (
        ("in: {events: raw}", "in: {events: raw, n_events: {default: many}}"),
        "13:43: the default of cut/n_events must be long?, not 'many'",
    ),
    (("inputs:", "inputs: ["), "8:3: YAML: while parsing a flow sequence"),
    (("default: 1", "default: 1, 5: x"), "8:30: the key 5 is no text; put it in quotes, or take it away"),
    (
        ("default: 1", "default: 1, default: 2"),
        "8:30: YAML: the key 'default' stands twice in one map; take one away, or give it another name",
    ),
    (
        ("cwlVersion: v1.2", "cwlVersion: 1.2"),
        "1:1: the cwlVersion is none of v1.0, v1.1, v1.2; write: cwlVersion: v1.2",
    ),
    (
        ("cwlVersion: v1.2", "cwlVersion: v9"),
        "1:1: the cwlVersion is none of v1.0, v1.1, v1.2; write: cwlVersion: v1.2",
    ),
    (("cut/out", "cut/ouch"), "17:26: unknown source 'cut/ouch'; did you mean 'cut/out'?"),
    (
        ("    scatter: events\n", ""),
        "7:9: Source 'raw' of type File[] is incompatible with sink 'events' of type File "
        "(line 12, column 10); to run the step once for each element, add to it: scatter: events",
    ),
    (
        ("    helios:split", "  helios:split"),
        "15:3: 'helios:split' stands among the steps, as if it were one of them; indent it into a step",
    ),
    (
        ("    helios:split: {input: events, eventsPerJob: 10}", "  helios:split:\n    eventsPerJob: 10"),
        "15:3: 'helios:split' stands among the steps, as if it were one of them; indent it into a step",
    ),
]


@pytest.mark.parametrize(("change", "message"), CASES, ids=[message.split(": ")[0] for _, message in CASES])
def test_a_mistake_is_told_at_its_place(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    found = complaints(tmp_path, changed(change))
    assert any(line.startswith(message) for line in found), found


@pytest.mark.parametrize("index", [0, 3, 4, 6, 7, 8, 16, 17, 18, 21, 33, 34, 37, 38])
def test_one_mistake_is_one_problem(tmp_path: Path, index: int) -> None:
    assert len(complaints(tmp_path, changed(CASES[index][0]))) == 1


def test_a_default_file_is_looked_for_only_when_it_is_used(tmp_path: Path) -> None:
    write = (tmp_path / "tool.cwl").write_text
    write(
        TOOL.replace(
            "first_event:", "more: {type: File, default: {class: File, location: no.txt}}\n  first_event:"
        )
    )
    (tmp_path / "main.cwl").write_text(TEMPLATE)
    assert load(tmp_path / "main.cwl").process.name == "main"


def test_two_steps_of_one_name_in_a_list_are_told(tmp_path: Path) -> None:
    step = "  - {id: cut, run: tool.cwl, scatter: events, in: {events: raw}, out: [out]}\n"
    head, _, tail = TEMPLATE.partition("  cut:\n")
    text = head + step + step + tail[tail.index("outputs:") :]
    (told,) = complaints(tmp_path, text)
    assert told.startswith("11:")
    assert told.endswith(": the step on line 10 is called 'cut' too; give this another name")


def test_all_mistakes_are_told_at_once_each_once_in_the_order_of_the_text(tmp_path: Path) -> None:
    text = changed(
        ("version: 1", "version: zero"),
        ("int, default: 1", "itn"),
        ("scatter: events", "scater: events"),
        ("helios:split", "helios:spilt"),
        ("helios:dataset", "helios:datset"),
    )
    assert complaints(tmp_path, text, TOOL.replace("glob: x", "globb: x")) == [
        "5:41: 'helios:template': 'version' must be a whole number of at least 1, not 'zero'",
        "8:7: unknown type 'itn'; did you mean 'int'?",
        "12:5: unknown field 'scater'; did you mean 'scatter'?",
        "15:5: unknown field 'helios:spilt'; did you mean 'helios:split'?",
        "17:49: unknown field 'helios:datset'; did you mean 'helios:dataset'?",
        "tool.cwl:10:37: unknown field 'globb'; did you mean 'glob'?",
    ]


def test_fields_that_do_not_fit_are_told_beside_links_that_do_not(tmp_path: Path) -> None:
    text = changed(
        ("events: raw", "events: n"), ("input: events", "input: raw"), ('[]", helios:mask', '", helios:mask')
    )
    found = complaints(tmp_path, text)
    assert any("Source 'n' of type int is incompatible" in line for line in found)
    assert any(line.startswith("15:27: 'helios:split': 'raw' is no input") for line in found)


def test_a_type_that_does_not_fit_names_both_ends(tmp_path: Path) -> None:
    assert complaints(
        tmp_path, changed(("  n: {type: int, default: 1}", "  n: int"), ("events: raw", "events: n"))
    ) == [
        "8:3: Source 'n' of type int is incompatible with sink 'events' of type File[] (line 13, column 10)"
    ]


def test_mistakes_in_an_imported_part_are_at_their_place_there(tmp_path: Path) -> None:
    (tmp_path / "part.cwl").write_text(TOOL + "helios:events: {resident: x, foldr: y}\n")
    found = complaints(tmp_path, changed(("run: tool.cwl", "run: {$import: part.cwl}")))
    assert found == ["part.cwl:11:30: 'helios:events': unknown key 'foldr'; did you mean 'folder'?"]


def test_another_prefix_may_be_declared_for_the_fields(tmp_path: Path) -> None:
    (tmp_path / "main.cwl").write_text(TEMPLATE.replace("helios:", "h:"))
    (tmp_path / "tool.cwl").write_text(TOOL)
    process = load(tmp_path / "main.cwl").process
    assert getattr(process, "template", None) is not None


def test_a_tool_that_streams_events_needs_an_input_to_turn_that_on(tmp_path: Path) -> None:
    tool = TOOL + '$namespaces: {helios: "https://w3id.org/helios-wf#"}\nhelios:events: {resident: strem}\n'
    found = complaints(tmp_path, TEMPLATE, tool)
    assert found == [
        "tool.cwl:12:27: 'helios:events': 'strem' is no input of the tool; "
        "known: events, first_event, n_events, parts"
    ]
    wrong = tool.replace("strem", "parts")
    assert complaints(tmp_path, TEMPLATE, wrong) == [
        "tool.cwl:12:27: 'helios:events': 'parts' must be of type boolean?, not File[]?"
    ]


def test_a_split_over_a_list_says_to_scatter(tmp_path: Path) -> None:
    text = changed(
        ("    scatter: events\n", ""),
        ("events: raw", "parts: raw, events: raw"),
        ("input: events", "input: parts"),
    )
    found = complaints(tmp_path, text)
    assert any("must be one File for 'tool', not File[]?; scatter over the files" in line for line in found)


def test_a_sub_workflow_under_a_split_needs_the_range_inputs(tmp_path: Path) -> None:
    (tmp_path / "chain.cwl").write_text(
        "cwlVersion: v1.2\nclass: Workflow\ninputs: {events: File}\n"
        "steps: {one: {run: tool.cwl, in: {events: events}, out: [out]}}\n"
        "outputs: {out: {type: File, outputSource: one/out}}\n"
    )
    text = changed(
        ("run: tool.cwl", "run: chain.cwl"), ("{Scatter", "{SubworkflowFeatureRequirement: {}, Scatter")
    )
    found = complaints(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == ["15:5", "15:5"]
    assert "'chain' must have an input 'first_event' of type long? or int?" in found[0]


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(9), "grows to more than 1000000 nodes through its aliases"),
        ("[" * 500 + "]" * 500, "nests too deeply"),
        ("[" * 5000 + "]" * 5000, "nests too deeply"),
        ("&a {b: *a}", "an alias leads back into its own anchor"),
        ("", "is no CWL document"),
        ("just text", "it must be a map with cwlVersion and class"),
        ("\x00", "YAML"),
        ("class: Workflow", "lacks cwlVersion; add the line: cwlVersion: v1.2"),
    ],
    ids=["aliases", "deep", "deeper", "circle", "empty", "text", "binary", "no version"],
)
def test_hostile_or_senseless_text_is_refused_quickly_and_clearly(
    tmp_path: Path, text: str, message: str
) -> None:
    (found, *_) = complaints(tmp_path, text)
    assert message in found


def test_documents_that_run_each_other_are_refused(tmp_path: Path) -> None:
    sub = "cwlVersion: v1.2\nclass: Workflow\ninputs: []\noutputs: []\n"
    sub += "requirements: {SubworkflowFeatureRequirement: {}}\n"
    (tmp_path / "other.cwl").write_text(sub + "steps: {a: {run: main.cwl, in: [], out: []}}\n")
    found = complaints(tmp_path, sub + "steps: {a: {run: other.cwl, in: [], out: []}}\n")
    assert "circle" in found[0]


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"nothing\.cwl: No such file or directory"):
        load(tmp_path / "nothing.cwl")
