"""Documents of all versions of CWL give what they give in cwltool: what the public cases leave out."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from beside_cwltool import cwltool, helios
from ruamel.yaml import YAML

FILES = {
    "data/a.txt": "a\n",
    "data/inner/b.txt": "b\n",
    "data/reads.txt": "other\n",
    "reads.bam": "bam\n",
    "reads.bam.bai": "bai\n",
    "reads.txt": "text\n",
    "reads.dict": "dict\n",
    "change.txt": "first\n",
    "odd #1 100%.txt": "odd\n",
    "a:b.txt": "colon\n",
    "ü+&x.txt": "marks\n",
    "echo.cwl": """
        class: CommandLineTool
        baseCommand: [echo]
        inputs: {word: {type: string, inputBinding: {}}, more: {type: string?, inputBinding: {position: 1}}}
        outputs: {said: stdout}
        stdout: said.txt
    """,
    "listed.cwl": """
        class: CommandLineTool
        requirements: {InlineJavascriptRequirement: {}}
        baseCommand: [echo]
        arguments: ["$(inputs.file.secondaryFiles.map(function(one) { return one.basename; }))"]
        inputs: {file: {type: File, secondaryFiles: [.bai]}}
        outputs: {said: stdout}
        stdout: said.txt
    """,
}
"""What lies beside every document."""

CASES = [
    pytest.param(
        case,
        version,
        id=f"{case['id']}, {version}",
        # what differs between versions mostly does between the first and the last
        marks=[pytest.mark.exhaustive] if version == "v1.1" and "v1.0" in case["versions"] else [],
    )
    for path in sorted((Path(__file__).parent / "cases").glob("*.yml"))
    for case in YAML(typ="safe").load(path)
    for version in case["versions"]
]


def written(folder: Path, case: dict[str, Any], version: str) -> Path:
    """Writes a case in a version of CWL, and returns its folder."""
    # where the contents of an input are asked for changed after v1.0
    loads = "inputBinding: {loadContents: true}" if version == "v1.0" else "loadContents: true"
    folder.mkdir()
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"cwlVersion: {version}\n{dedent(text)}" if name.endswith(".cwl") else text)
    document = case["document"].replace("LOADS", loads).replace("VERSION", version)
    head = "" if case.get("whole") else f"cwlVersion: {version}\n"
    (folder / "document.cwl").write_text(head + document)
    (folder / "job.json").write_text(json.dumps(case["job"]))
    return folder


@pytest.mark.parametrize(("case", "version"), CASES)
def test_a_document_gives_what_it_gives_in_cwltool(
    case: dict[str, Any], version: str, tmp_path: Path
) -> None:
    document = f"document.cwl{case.get('part', '')}"
    theirs = cwltool(written(tmp_path / "theirs", case, version), document, "job.json")
    ours = helios(written(tmp_path / "ours", case, version), document, "job.json")
    if version in case.get("fails", ()):
        assert theirs.code != 0
        assert ours.code != 0
        return
    assert theirs.code == 0, theirs.said
    assert ours.code == 0, ours.said
    assert ours.outputs == theirs.outputs
