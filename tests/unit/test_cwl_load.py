"""Documents as nouns: what is kept of them, from wherever it is read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from helios_wf.cwl import reading
from helios_wf.cwl.load import expect, load
from helios_wf.cwl.named_files import LARGE_BYTES
from helios_wf.errors import TemplateError, UnsupportedError
from helios_wf.model import Document, ExpressionTool, Process, Tool, Workflow
from helios_wf.states import TemplateStatus

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [cat]
inputs:
  events: {type: File, inputBinding: {position: 1}}
  calib: {type: File, default: {class: File, location: data/calib.txt}}
  first_event: long?
  n_events: long?
outputs:
  out: {type: stdout}
"""

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, ResourceRequirement: {ramMin: 100, coresMin: 2}}
inputs:
  zeta: {type: "File[]", doc: last by name}
  alpha: {type: int?, default: 3}
steps:
  second:
    run: tool.cwl
    scatter: events
    in: {events: first/out}
    out: [out]
  first:
    run: tool.cwl
    requirements: {ResourceRequirement: {ramMin: 200}}
    scatter: events
    in: {events: zeta}
    out: [out]
outputs:
  result: {type: "File[]", outputSource: second/out}
"""


def write(folder: Path, **documents: str) -> Path:
    """Writes ``name.cwl`` files and returns the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents.items():
        (folder / f"{name}.cwl").write_text(text)
    return folder / f"{next(iter(documents))}.cwl"


def tools(process: Process) -> Iterator[Tool | ExpressionTool]:
    if isinstance(process, Workflow):
        for step in process.steps:
            yield from tools(step.run)
    else:
        yield process


def workflow_of(document: Document) -> Workflow:
    assert isinstance(document.process, Workflow)
    return document.process


def loads_in_cwltool(body: dict[str, Any], folder: Path) -> None:
    from cwltool.context import LoadingContext
    from cwltool.load_tool import load_tool
    from cwltool.workflow import default_make_tool

    path = folder / "body.cwl"
    path.write_text(json.dumps(body))
    context = LoadingContext({"construct_tool_object": default_make_tool, "disable_js_validation": True})
    load_tool(str(path), context)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["spd_filter", "cms_hists", "rubin_isr", "event_stats", "mc"])
def test_the_templates_of_the_language_load(shared: Path, name: str, tmp_path: Path) -> None:
    document = load(shared / "language" / f"{name}.cwl")
    workflow = workflow_of(document)
    assert workflow.template is not None
    assert workflow.template.status is TemplateStatus.ACTUAL
    assert workflow.name == name
    for tool in tools(workflow):
        assert isinstance(tool, Tool)
        assert "helios" not in json.dumps(tool.body)
        loads_in_cwltool(tool.body, tmp_path)
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document


@pytest.mark.shared
def test_the_fields_of_a_template_are_on_its_parts(shared: Path) -> None:
    workflow = workflow_of(load(shared / "language" / "spd_filter.cwl"))
    raw, calib, run = workflow.inputs
    assert (raw.name, raw.mask and raw.mask.mask) == ("raw", "spd.{run:08d}.{stream}.raw")
    assert calib.mask is not None
    assert calib.mask.pick == "last"
    assert run.value == "{run}"
    process, merge = workflow.steps
    assert process.split is not None
    assert (process.split.input, process.split.events_per_job) == ("raw", 50000)
    assert process.retry is not None
    assert (process.retry.attempts, process.retry.grow) == (5, 1.5)
    assert process.tolerate is not None
    assert process.tolerate.events == 0.001
    assert merge.merge is not None
    assert (merge.merge.input, merge.merge.target_size) == ("parts", 2_000_000_000)
    assert workflow.outputs[0].dataset is not None
    assert workflow.outputs[0].sources == ("merge/out",)
    assert isinstance(process.run, Workflow)
    assert [step.name for step in process.run.steps] == ["decode", "reco", "filter"]


def test_parts_keep_the_order_and_the_places_of_the_text(tmp_path: Path) -> None:
    path = write(tmp_path, main=WORKFLOW, tool=TOOL)
    workflow = workflow_of(load(path))
    assert [port.name for port in workflow.inputs] == ["zeta", "alpha"]
    assert [step.name for step in workflow.steps] == ["second", "first"]
    assert str(workflow.steps[0].place) == f"{path}:8:3"
    assert str(workflow.inputs[1].place) == f"{path}:6:3"
    assert workflow.inputs[1].default == 3
    assert workflow.steps[0].inputs[0].sources == ("first/out",)
    assert workflow.steps[0].scatter == ("events",)


def test_a_tool_alone_has_the_requirements_of_the_step_over_those_of_the_workflow(tmp_path: Path) -> None:
    workflow = workflow_of(load(write(tmp_path, main=WORKFLOW, tool=TOOL)))
    second, first = (step.run for step in workflow.steps)
    assert isinstance(first, Tool)
    assert isinstance(second, Tool)
    assert first.body["requirements"] == [{"class": "ResourceRequirement", "ramMin": 200}]
    assert second.body["requirements"] == [{"class": "ResourceRequirement", "ramMin": 100, "coresMin": 2}]


def test_a_hint_of_the_tool_yields_to_a_requirement_around_it(tmp_path: Path) -> None:
    tool = TOOL + "hints: {ResourceRequirement: {ramMin: 5}, WorkReuse: {enableReuse: false}}\n"
    workflow = workflow_of(load(write(tmp_path, main=WORKFLOW, tool=tool)))
    body = next(tools(workflow)).body
    assert body["hints"] == [{"class": "WorkReuse", "enableReuse": False}]


def test_a_default_file_has_an_absolute_location(tmp_path: Path) -> None:
    tool = load(write(tmp_path, tool=TOOL)).process
    assert isinstance(tool, Tool)
    location = f"file://{tmp_path}/data/calib.txt"
    assert tool.inputs[1].default == {"class": "File", "location": location}
    (port,) = [port for port in tool.body["inputs"] if port["id"] == "calib"]
    assert port["default"]["location"] == location


def test_the_digest_is_that_of_the_meaning_wherever_the_document_lies(tmp_path: Path) -> None:
    digests = set()
    for place in ("here", "there/deep"):
        (tmp_path / place).mkdir(parents=True)
        digests.add(load(write(tmp_path / place, main=WORKFLOW, tool=TOOL)).digest)
    (tmp_path / "shifted").mkdir()
    shifted = write(tmp_path / "shifted", main=f"# moved down\n\n{WORKFLOW}", tool=TOOL)
    digests.add(load(shifted).digest)
    assert len(digests) == 1
    other = write(tmp_path, main=WORKFLOW.replace("default: 3", "default: 4"), tool=TOOL)
    assert load(other).digest not in digests


def test_an_included_library_is_javascript_at_the_step_and_in_the_body(tmp_path: Path) -> None:
    (tmp_path / "lib.js").write_text("function two() { return 2; }")
    js = "InlineJavascriptRequirement: {expressionLib: [{$include: lib.js}]}"
    text = WORKFLOW.replace("requirements: {Scatter", f"requirements: {{{js}, Scatter")
    document = load(write(tmp_path, main=text, tool=TOOL))
    library = "function two() { return 2; }"
    assert workflow_of(document).steps[0].javascript == (library,)
    body = next(tools(document.process)).body
    assert {"class": "InlineJavascriptRequirement", "expressionLib": [library]} in body["requirements"]
    assert str(tmp_path / "lib.js") in document.files


def test_without_the_requirement_a_step_has_no_javascript(tmp_path: Path) -> None:
    assert workflow_of(load(write(tmp_path, main=WORKFLOW, tool=TOOL))).steps[0].javascript is None


def test_types_defined_elsewhere_are_written_out(tmp_path: Path) -> None:
    (tmp_path / "types.yml").write_text(
        "- {name: flag, type: enum, symbols: [good, bad]}\n"
        "- {name: point, type: record, fields: [{name: x, type: int}, {name: y, type: 'flag[]?'}]}\n"
    )
    tool = """\
cwlVersion: v1.2
class: CommandLineTool
requirements: {SchemaDefRequirement: {types: [{$import: types.yml}]}}
baseCommand: echo
inputs: {p: "types.yml#point"}
outputs: {}
"""
    process = load(write(tmp_path, tool=tool)).process
    assert isinstance(process, Tool)
    flags = {"type": "array", "items": {"type": "enum", "symbols": ["good", "bad"]}}
    fields = [{"name": "x", "type": "int"}, {"name": "y", "type": ["null", flags]}]
    assert process.inputs[0].type == {"type": "record", "fields": fields}
    assert "requirements" not in process.body
    loads_in_cwltool(process.body, tmp_path)


def test_a_packed_document_gives_its_main_part_or_the_one_asked_for(tmp_path: Path) -> None:
    packed = json.dumps(
        {
            "cwlVersion": "v1.2",
            "$graph": [
                {
                    "id": "tool",
                    "class": "CommandLineTool",
                    "baseCommand": "true",
                    "inputs": [],
                    "outputs": [],
                },
                {
                    "id": "main",
                    "class": "Workflow",
                    "inputs": [],
                    "outputs": [],
                    "steps": [{"id": "one", "run": "#tool", "in": [], "out": []}],
                },
            ],
        }
    )
    path = write(tmp_path, packed=packed)
    main = load(path).process
    assert isinstance(main, Workflow)
    assert (main.name, main.steps[0].run.name) == ("packed", "tool")
    assert isinstance(load(f"{path}#tool").process, Tool)
    with pytest.raises(TemplateError, match="nothere"):
        load(f"{path}#nothere")


def test_older_versions_are_upgraded_and_keep_their_own_meaning(tmp_path: Path) -> None:
    text = TOOL.replace("cwlVersion: v1.2", "cwlVersion: v1.0").replace(
        "type: File, inp", "type: File, secondaryFiles: .idx, inp"
    )
    document = load(write(tmp_path, tool=text))
    assert document.cwl_version == "v1.0"
    assert isinstance(document.process, Tool)
    assert document.process.inputs[0].secondary_files == [{"pattern": ".idx"}]
    assert document.process.body["http://commonwl.org/cwltool#original_cwlVersion"] == "v1.0"
    loads_in_cwltool(document.process.body, tmp_path)


def test_an_inline_tool_is_named_after_its_step(tmp_path: Path) -> None:
    for version in ("v1.0", "v1.2"):
        text = f"""\
cwlVersion: {version}
class: Workflow
inputs: []
steps:
  only: {{run: {{class: CommandLineTool, baseCommand: "true", inputs: [], outputs: []}}, in: [], out: []}}
outputs: []
"""
        document = load(write(tmp_path, main=text))
        assert workflow_of(document).steps[0].run.name == "only"
        assert load(tmp_path / "main.cwl").digest == document.digest


def test_unknown_kinds_of_processes_are_unsupported(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="Operation"):
        load(write(tmp_path, op="cwlVersion: v1.2\nclass: Operation\ninputs: []\noutputs: []\n"))


def test_nothing_outside_the_root_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    write(tmp_path, tool=TOOL)
    path = write(
        folder,
        main=WORKFLOW.replace("run: tool.cwl", "run: ../tool.cwl", 1).replace("run: tool", "run: ../tool"),
    )
    with pytest.raises(TemplateError) as caught:
        load(path)
    first = caught.value.problems[0]
    assert (first.place and first.place.line, first.place and first.place.column) == (9, 10)
    assert "outside" in first.message
    assert load(path, root=tmp_path).process.name == "main"


def test_a_symbolic_link_does_not_lead_out_of_the_root(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    write(tmp_path, tool=TOOL)
    (folder / "tool.cwl").symlink_to(tmp_path / "tool.cwl")
    with pytest.raises(TemplateError, match="outside"):
        load(write(folder, main=WORKFLOW))


def test_a_document_in_a_linked_folder_is_read_with_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, work = tmp_path / "real", tmp_path / "work"
    real.mkdir()
    work.mkdir()
    write(real, main=WORKFLOW, tool=TOOL)
    (work / "linked").symlink_to(real)
    monkeypatch.chdir(work)
    assert load(Path("linked/main.cwl")).process.name == "main"


def test_the_git_root_is_the_root_by_default(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "inner"
    folder.mkdir()
    write(tmp_path, tool=TOOL)
    assert load(write(folder, main=WORKFLOW.replace("run: tool", "run: ../tool"))).process.name == "main"


@pytest.mark.parametrize(
    "word", ["run: https://example.org/tool.cwl", "run: {$import: https://example.org/t.cwl}"]
)
def test_a_url_is_not_read_unless_allowed(tmp_path: Path, word: str) -> None:
    path = write(tmp_path, main=WORKFLOW.replace("run: tool.cwl", word, 1), tool=TOOL)
    with pytest.raises(TemplateError, match=r"main\.cwl:9:\d+: 'https://example\.org/.*' is a URL"):
        load(path)


def test_a_warm_load_imports_neither_cwltool_nor_yaml(tmp_path: Path) -> None:
    path = write(tmp_path, main=WORKFLOW, tool=TOOL)
    cache = tmp_path / "cache"
    cold = load(path, cache=cache)
    program = (
        "import sys; from pathlib import Path; from helios_wf.cwl.load import load\n"
        "document = load(sys.argv[1], cache=Path(sys.argv[2])); print(document.digest)\n"
        "print([m for m in ('cwltool', 'schema_salad', 'ruamel.yaml', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path, cache], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == [cold.digest, "[]"]


def test_a_changed_file_is_read_again_and_a_broken_entry_is_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, main=WORKFLOW, tool=TOOL)
    cache = tmp_path / "cache"
    first = load(path, cache=cache)
    write(tmp_path, tool=TOOL.replace("[cat]", "[tac]"))
    second = load(path, cache=cache)
    assert second.digest != first.digest
    for entry in cache.iterdir():
        entry.write_text("{")
    assert load(path, cache=cache) == second


def test_extensions_of_cwltool_are_read_without_a_complaint(tmp_path: Path) -> None:
    text = TOOL + (
        '$namespaces: {cwltool: "http://commonwl.org/cwltool#"}\n'
        "requirements:\n"
        "  cwltool:CUDARequirement:\n"
        "    {cudaVersionMin: '11.4', cudaComputeCapability: '3.0', cudaDeviceCountMin: 2}\n"
    )
    tool = load(write(tmp_path, tool=text)).process
    assert isinstance(tool, Tool)
    assert tool.body["requirements"][0]["class"] == "http://commonwl.org/cwltool#CUDARequirement"


@pytest.mark.parametrize("name", ["with space", "per%20cent", "ha#sh", "ünï", "a:b"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    text = WORKFLOW.replace("doc: last by name", 'helios:mask: "a.{b}"')
    path = write(folder, main='$namespaces: {helios: "https://w3id.org/helios-wf#"}\n' + text, tool=TOOL)
    document = load(path)
    (zeta, _) = workflow_of(document).inputs
    assert zeta.mask is not None
    assert str(zeta.place) == f"{path}:6:3"
    (tool, *_) = tools(document.process)
    assert tool.name == "tool"
    assert "data/calib.txt" in json.dumps(tool.body)
    write(folder, main=text.replace("out: [out]", "out: [outt]"), tool=TOOL)
    with pytest.raises(TemplateError) as caught:
        load(path)
    assert {problem.place and problem.place.file for problem in caught.value.problems} == {str(path)}


CONFORMANCE_SAMPLE = (
    "count-lines1-wf.cwl",
    "scatter-wf4.cwl",
    "schemadef-wf.cwl",
    "record-output-wf.cwl",
    "revsort-packed.cwl",
    "steplevel-resreq.cwl",
    "timelimit.cwl",
    "conditionals/cond-wf-003.cwl",
    "mixed-versions/wf-v12.cwl",
)


@pytest.mark.shared
@pytest.mark.parametrize("name", CONFORMANCE_SAMPLE)
def test_conformance_documents_load_and_their_tools_load_alone(
    shared: Path, name: str, tmp_path: Path
) -> None:
    tests = shared / "conformance" / "cwl-v1.2" / "tests"
    if not (tests / name).exists():
        pytest.skip(f"{name} is not among the shared cases")
    _loads(tests / name, tests, tmp_path)


@pytest.mark.shared
@pytest.mark.slow
def test_every_conformance_document_that_cwltool_takes_loads(shared: Path, tmp_path: Path) -> None:
    tests = shared / "conformance" / "cwl-v1.2" / "tests"
    refused = []
    for path in sorted(tests.rglob("*.cwl")):
        try:
            _loads(path, tests, tmp_path)
        except TemplateError:
            refused.append(str(path.relative_to(tests)))
    assert refused == sorted(REFUSED)


REFUSED = (
    "conditionals/cond-wf-005.cwl",
    "conditionals/cond-wf-005_nojs.cwl",
    "conflict-wf.cwl",
    "js-expr-req-wf.cwl",
    "mixed-versions/invalid-tool-v10.cwl",
    "mixed-versions/invalid-tool-v11.cwl",
    "mixed-versions/invalid-wf-v10.cwl",
    "mixed-versions/invalid-wf-v11.cwl",
    "mixed-versions/invalid-wf-v12.cwl",
    "template-tool.cwl",
)
"""What cwltool refuses too: cases that should fail, packed documents without a main part, a missing file."""


def _loads(path: Path, root: Path, folder: Path) -> None:
    document = load(path, root=root)
    assert msgspec.json.decode(msgspec.json.encode(document), type=Document) == document
    for tool in tools(document.process):
        loads_in_cwltool(tool.body, folder)


def test_a_workflow_written_inline_reads_its_own_inputs_and_steps(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        outer="""\
cwlVersion: v1.2
class: Workflow
requirements: {SubworkflowFeatureRequirement: {}}
inputs: {raw: File}
outputs: {kept: {type: File, outputSource: process/kept}}
steps:
  process:
    in: {raw: raw}
    out: [kept]
    run:
      class: Workflow
      inputs: {raw: File}
      outputs: {kept: {type: File, outputSource: second/out}}
      steps:
        first: {run: tool.cwl, in: {events: raw}, out: [out]}
        second: {run: tool.cwl, in: {events: first/out}, out: [out]}
""",
        tool=TOOL,
    )
    process = load(path).process
    assert isinstance(process, Workflow)
    inner = process.steps[0].run
    assert isinstance(inner, Workflow)
    assert [step.inputs[0].sources for step in inner.steps] == [("raw",), ("first/out",)]
    assert inner.outputs[0].sources == ("second/out",)


NAMED = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: python3
inputs:
  script: {type: File, default: {class: File, location: tool.py}, inputBinding: {position: 1}}
  table: {type: Directory, default: {class: Directory, location: tables}}
outputs: []
"""


def test_the_content_of_the_files_that_a_document_names_belongs_to_its_digest(tmp_path: Path) -> None:
    digests = []
    for folder, script, table in [("a", "1", "x"), ("b", "1", "x"), ("c", "2", "x"), ("d", "1", "y")]:
        path = write(tmp_path / folder, main=NAMED)
        (path.parent / "tool.py").write_text(script)
        (path.parent / "tables").mkdir()
        (path.parent / "tables" / "t.txt").write_text(table)
        digests.append(load(path).digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_document_is_read_again_when_a_file_that_it_names_changes(tmp_path: Path) -> None:
    path = write(tmp_path, main=NAMED)
    cache = tmp_path / "cache"
    seen = [load(path, cache=cache).digest]
    (tmp_path / "tool.py").write_text("1")
    seen.append(load(path, cache=cache).digest)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "new.txt").touch()
    seen.append(load(path, cache=cache).digest)
    assert len(set(seen)) == 3
    assert load(path, cache=cache).digest == seen[-1]


def test_a_large_named_file_is_read_again_when_its_time_changes(tmp_path: Path) -> None:
    path = write(tmp_path, main=NAMED)
    script = tmp_path / "tool.py"
    with script.open("wb") as file:
        file.truncate(LARGE_BYTES + 1)
    os.utime(script, (1_000_000, 1_000_000))
    cache = tmp_path / "cache"
    first = load(path, cache=cache).digest
    with script.open("r+b") as file:
        file.write(b"changed")
    assert load(path, cache=cache).digest != first


@pytest.mark.parametrize("mark", [".git/HEAD", "helios.toml", "cwl_tools/other.cwl"])
def test_a_document_is_read_with_its_whole_project_wherever_that_lies(tmp_path: Path, mark: str) -> None:
    path = write(
        tmp_path / "templates" / "own", main=WORKFLOW.replace("tool.cwl", "../../cwl_tools/tool.cwl")
    )
    write(tmp_path / "cwl_tools", tool=TOOL)
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).touch()
    assert load(path).process.name == "main"


def test_a_reference_out_of_a_lone_folder_is_refused_with_the_root_to_give(tmp_path: Path) -> None:
    path = write(tmp_path / "own", main=WORKFLOW.replace("tool.cwl", "../others/tool.cwl"))
    write(tmp_path / "others", tool=TOOL)
    with pytest.raises(TemplateError, match=rf"tool\.cwl is outside {tmp_path}/own.* --root {tmp_path}$"):
        load(path)


def test_what_a_document_names_outside_its_project_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("1")
    path = write(tmp_path / "own", main=NAMED.replace("location: tool.py", f"location: {outside}"))
    first = load(path)
    assert str(outside) not in first.files
    outside.write_text("2")
    assert load(path).digest == first.digest


def test_what_reads_documents_starts_at_once_only_for_one_that_was_not_read_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr("helios_wf.cwl.load.begin", begun.append)
    path = write(tmp_path, tool=TOOL)
    expect(tmp_path / "missing.cwl", root=None, cache=tmp_path / "cache")
    assert begun == []
    expect(path, root=None, cache=tmp_path / "cache")
    assert begun == [str(path)]
    load(path, cache=tmp_path / "cache")
    expect(path, root=None, cache=tmp_path / "cache")
    assert begun == [str(path)]


ONE_SCHEMA = """
import sys
from pathlib import Path
from cwltool.process import SCHEMA_CACHE
from helios_wf.cwl import reader
from helios_wf.cwl.overrides import Overrides
from helios_wf.cwl.sources import Sources

path = Path(sys.argv[1])
reader.prepare(str(path))
reader.read(str(path), "", Sources(path.parent, allow_urls=False), Overrides())
print(*SCHEMA_CACHE)
"""


@pytest.mark.parametrize("version", ["v1.0", "v1.2"])
def test_to_read_a_document_no_schema_but_that_of_its_version_is_loaded(tmp_path: Path, version: str) -> None:
    path = write(tmp_path, tool=TOOL.replace("v1.2", version))
    done = subprocess.run(
        [sys.executable, "-c", ONE_SCHEMA, path], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [version], done.stderr


def test_the_process_that_was_begun_reads_the_document(tmp_path: Path) -> None:
    reading.begin(str(tmp_path / "missing.cwl"))
    (reader,) = [reading._reader(reading.load_s())]
    pid = reader.pid
    assert load(write(tmp_path, tool=TOOL)).cwl_version == "v1.2"
    assert reader.pid == pid is not None
