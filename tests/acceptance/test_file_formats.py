"""Formats of files: of tools and workflows, by the names that documents and job files give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

ONTOLOGY = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:owl="http://www.w3.org/2002/07/owl#"
    xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
  <owl:Class rdf:about="http://formats.example/raw"/>
  <owl:Class rdf:about="http://formats.example/raw-v2">
    <rdfs:subClassOf rdf:resource="http://formats.example/raw"/>
  </owl:Class>
  <owl:Class rdf:about="http://formats.example/raw-v2-zipped">
    <rdfs:subClassOf rdf:resource="http://formats.example/raw-v2"/>
  </owl:Class>
  <owl:Class rdf:about="http://elsewhere.example/raw">
    <owl:equivalentClass rdf:resource="http://formats.example/raw"/>
  </owl:Class>
</rdf:RDF>
"""
HEAD = """
cwlVersion: v1.2
$namespaces: {f: "http://formats.example/"}
$schemas: [formats.owl]
"""
TOOL = """
class: CommandLineTool
requirements: {InlineJavascriptRequirement: {}}
baseCommand: [cat]
inputs:
  file: {type: File, format: WANTED, inputBinding: {}}
outputs:
  copy: {type: stdout, format: "$(inputs.file.format)"}
"""
WORKFLOW = """
class: Workflow
inputs: {file: {type: File, format: f:raw}}
steps: {copy: {run: plain.cwl, in: {file: file}, out: [copy]}}
outputs: {copy: {type: File, outputSource: copy/copy}}
"""
PLAIN = "cwlVersion: v1.2" + TOOL.replace("format: WANTED, ", "")


@pytest.fixture
def folder(helios: Command) -> Command:
    helios.write("formats.owl", ONTOLOGY)
    helios.write("literal.cwl", HEAD + TOOL.replace("WANTED", "f:raw"))
    helios.write("expression.cwl", HEAD + TOOL.replace("WANTED", "\"$('http://formats.example/raw')\""))
    helios.write("workflow.cwl", HEAD + WORKFLOW)
    helios.write("plain.cwl", PLAIN)
    helios.write("data.txt", "data")
    return helios


DOCUMENTS = ("literal.cwl", "expression.cwl", "workflow.cwl")


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize(
    ("format_", "full"),
    [
        ("f:raw", "http://formats.example/raw"),
        ("f:raw-v2", "http://formats.example/raw-v2"),
        ("http://formats.example/raw-v2-zipped", "http://formats.example/raw-v2-zipped"),
        ("e:raw", "http://elsewhere.example/raw"),
    ],
)
def test_a_format_below_or_equal_by_the_ontology_is_taken(
    folder: Command, document: str, format_: str, full: str
) -> None:
    spaces = '$namespaces: {e: "http://elsewhere.example/"}\n'
    job = folder.write("job.yml", f"{spaces}file: {{class: File, path: data.txt, format: '{format_}'}}\n")
    assert folder.json("run", document, job)["copy"]["format"] == full


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("format_", ["format: 'f:other'", "format: 'http://formats.example/'", "size: 4"])
def test_another_format_or_none_is_refused(folder: Command, document: str, format_: str) -> None:
    job = folder.write("job.yml", f"file: {{class: File, path: data.txt, {format_}}}\n")
    assert folder("run", document, job) in (1, 2)
    assert "http://formats.example/raw" in folder.err


def test_only_formats_that_expressions_give_need_cwltool(folder: Command) -> None:
    job = folder.write("job.yml", "file: {class: File, path: data.txt, format: 'f:raw'}\n")
    ways = []
    for document in ("literal.cwl", "expression.cwl"):
        (run,) = folder.json("plan", document, job, "--format", "json")["runs"]
        ways += [task["way"] for task in run["tasks"]]
    assert ways == ["compiled", "reference"]
