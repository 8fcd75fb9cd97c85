"""``helios-wf export --ro-crate``: the crate keeps the rules of its profiles, and copies no data."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Entity: TypeAlias = dict[str, Any]
Graph: TypeAlias = dict[str, Entity]

WORKFLOW = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs:
  words: File[]
  greeting: string
  times: {type: int, default: 2}
  note: string?
steps:
  say:
    run: say.cwl
    scatter: word
    in: {word: words, greeting: greeting}
    out: [said]
outputs:
  said: {type: "File[]", outputSource: say/said}
"""

TOOL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sh, -c, 'echo "$0" "$(cat "$1")"']
stdout: said.txt
inputs:
  greeting: {type: string, inputBinding: {position: 1}}
  word: {type: File, inputBinding: {position: 2}}
outputs: {said: stdout}
"""


def helios(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "helios-wf"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run that is done, exported to ``crate``."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "main.cwl").write_text(WORKFLOW)
    (folder / "say.cwl").write_text(TOOL)
    words = []
    for word in ("one", "two"):
        (folder / f"{word}.txt").write_text(word)
        words.append({"class": "File", "path": f"{word}.txt"})
    (folder / "job.json").write_text(json.dumps({"words": words, "greeting": "hello"}))
    done = helios(folder, "run", "--quiet", "--outdir", "out", "main.cwl", "job.json")
    assert done.returncode == 0, done.stderr
    exported = helios(folder, "export", "--ro-crate", "crate")
    assert exported.returncode == 0, exported.stderr
    return folder


@pytest.fixture
def graph(folder: Path) -> Graph:
    """The entities of the crate by id."""
    found = json.loads((folder / "crate" / "ro-crate-metadata.json").read_text())
    assert found["@context"] == "https://w3id.org/ro/crate/1.1/context"
    entities: list[Entity] = found["@graph"]
    assert len({one["@id"] for one in entities}) == len(entities)
    return {one["@id"]: one for one in entities}


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def ids(value: Any) -> list[str]:
    return [one["@id"] for one in listed(value)]


def typed(graph: Graph, kind: str) -> list[Entity]:
    return [one for one in graph.values() if kind in listed(one["@type"])]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        for below in value.values():
            yield from references(below)
    elif isinstance(value, list):
        for below in value:
            yield from references(below)


def test_the_root_says_what_it_is_and_to_which_profiles_it_conforms(graph: Graph) -> None:
    descriptor = graph["ro-crate-metadata.json"]
    assert ids(descriptor["about"]) == ["./"]
    assert "https://w3id.org/ro/crate/1.1" in ids(descriptor["conformsTo"])
    root = graph["./"]
    assert root["@type"] == "Dataset"
    assert all(root[key] for key in ("name", "description", "datePublished", "license"))
    profiles = ids(root["conformsTo"])
    assert profiles[:2] == [f"https://w3id.org/ro/wfrun/{kind}/0.5" for kind in ("process", "workflow")]
    assert all("CreativeWork" in listed(graph[profile]["@type"]) for profile in profiles)


def test_the_workflow_is_the_main_entity_with_its_language_and_its_text(graph: Graph, folder: Path) -> None:
    (main,) = ids(graph["./"]["mainEntity"])
    workflow = graph[main]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} <= set(workflow["@type"])
    (language,) = ids(workflow["programmingLanguage"])
    assert graph[language]["@type"] == "ComputerLanguage"
    assert graph[language]["version"] == "v1.2"
    assert (folder / "crate" / main).read_text() == WORKFLOW
    assert workflow["sha256"] == hashlib.sha256(WORKFLOW.encode()).hexdigest()
    parts = [graph[one] for one in ids(workflow["hasPart"])]
    assert {part["name"] for part in parts} == {"say.cwl"}
    assert main in ids(graph["./"]["hasPart"])


def test_one_action_ran_the_workflow_and_says_when_and_how_it_ended(graph: Graph) -> None:
    (action,) = typed(graph, "CreateAction")
    assert action["@id"] in ids(graph["./"]["mentions"])
    assert ids(action["instrument"]) == ids(graph["./"]["mainEntity"])
    assert action["startTime"] <= action["endTime"]
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert "error" not in action


def test_every_parameter_is_formal_and_every_value_is_an_example_of_one(graph: Graph) -> None:
    workflow = graph[ids(graph["./"]["mainEntity"])[0]]
    inputs = {graph[one]["name"]: graph[one] for one in ids(workflow["input"])}
    outputs = {graph[one]["name"]: graph[one] for one in ids(workflow["output"])}
    assert (set(inputs), set(outputs)) == ({"words", "greeting", "times", "note"}, {"said"})
    assert all(one["@type"] == "FormalParameter" for one in (*inputs.values(), *outputs.values()))
    kinds = {
        name: (one["additionalType"], one["valueRequired"], one["multipleValues"])
        for name, one in inputs.items()
    }
    assert kinds == {
        "words": ("File", True, True),
        "greeting": ("Text", True, False),
        "times": ("Integer", True, False),
        "note": ("Text", False, False),
    }
    (action,) = typed(graph, "CreateAction")
    for key, side in (("object", inputs), ("result", outputs)):
        known = {one["@id"] for one in side.values()}
        for value in ids(action[key]):
            assert known.issuperset(ids(graph[value]["exampleOfWork"])), value
    values = {graph[one]["name"]: graph[one].get("value") for one in ids(action["object"])}
    assert values == {"one.txt": None, "two.txt": None, "greeting": "hello", "times": 2}


def test_data_are_named_with_checksum_and_size_and_stay_where_they_are(graph: Graph, folder: Path) -> None:
    (action,) = typed(graph, "CreateAction")
    for uri in ids(action["result"]):
        path = Path(uri.removeprefix("file://"))
        assert path.parent == folder / "out"
        content = path.read_bytes()
        assert graph[uri]["sha1"] == hashlib.sha1(content, usedforsecurity=False).hexdigest()
        assert graph[uri]["contentSize"] == str(len(content))
        assert uri in ids(graph["./"]["hasPart"])
    here = {path.name for path in (folder / "crate").iterdir()}
    assert here == {"ro-crate-metadata.json", "main.cwl", "jobs.csv"}


def test_every_reference_inside_the_crate_leads_to_an_entity(graph: Graph) -> None:
    for one in references(list(graph.values())):
        assert one in graph or one.startswith(("http://", "https://")), one


def test_the_table_of_jobs_has_a_line_for_each(folder: Path, graph: Graph) -> None:
    with (folder / "crate" / "jobs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["index"], row["state"]) for row in rows] == [
        ("say", "0", "DONE"),
        ("say", "1", "DONE"),
    ]
    assert all(float(row["wall_s"]) > 0 for row in rows)
    assert graph["jobs.csv"]["encodingFormat"] == "text/csv"


def test_a_document_that_was_changed_since_is_not_passed_off_as_what_was_run(folder: Path) -> None:
    (folder / "main.cwl").write_text(WORKFLOW.replace("hello", "bye") + "# changed\n")
    try:
        assert helios(folder, "export", "--ro-crate", "later").returncode == 0
    finally:
        (folder / "main.cwl").write_text(WORKFLOW)
    found = json.loads((folder / "later" / "ro-crate-metadata.json").read_text())["@graph"]
    (workflow,) = (one for one in found if "ComputationalWorkflow" in listed(one["@type"]))
    assert workflow["@id"] == (folder / "main.cwl").as_uri()
    assert "changed or removed after the run" in workflow["description"]
    assert not (folder / "later" / "main.cwl").exists()


def test_a_folder_that_holds_something_is_refused(folder: Path) -> None:
    done = helios(folder, "export", "--ro-crate", "crate")
    assert done.returncode == 2
    assert "crate is not empty" in done.stderr
