"""The one layout of documents: what it changes, what it keeps, and that it stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from helios_wf.cli.fmt import fmt
from helios_wf.cwl.formatting import formatted
from helios_wf.errors import TemplateError

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).resolve().parents[2]
OWN = sorted(path for room in ("templates", "cwl_tools", "examples") for path in (ROOT / room).rglob("*.cwl"))

UNTIDY = """\
cwlVersion:   v1.2   # the version\r
class: CommandLineTool


# what it runs
baseCommand: [ cat,'-n' ]
inputs:
    file:   {type:  File , inputBinding: {position: 1}}   # one file
    names:
    - a   # first
    - b
outputs:
  out: stdout
stdout: |
  keep   these


  spaces  # no comment
"""

TIDY = """\
cwlVersion: v1.2  # the version
class: CommandLineTool

# what it runs
baseCommand: [cat, '-n']
inputs:
  file: {type: File, inputBinding: {position: 1}}  # one file
  names:
    - a  # first
    - b
outputs:
  out: stdout
stdout: |
  keep   these


  spaces  # no comment
"""


def call(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(fmt, list(arguments), input=given, standalone_mode=False)


def test_spaces_indentation_and_line_ends_are_brought_into_one_form() -> None:
    assert formatted(UNTIDY, "x.cwl") == TIDY


def test_what_is_formatted_stays_as_it_is() -> None:
    assert formatted(TIDY, "x.cwl") == TIDY


@pytest.mark.parametrize("path", OWN, ids=[path.relative_to(ROOT).as_posix() for path in OWN])
def test_our_own_documents_are_in_the_layout(path: Path) -> None:
    assert formatted(path.read_text(), str(path)) == path.read_text()


def test_every_document_of_the_conformance_suite_can_be_formatted(shared: Path) -> None:
    paths = sorted((shared / "conformance").rglob("*.cwl"))
    assert paths
    for path in paths:
        once = formatted(path.read_text(), str(path))
        assert formatted(once, str(path)) == once, path


def test_json_stays_json() -> None:
    assert formatted('{"class":"Workflow","inputs":[]}', "x.cwl") == (
        '{\n  "class": "Workflow",\n  "inputs": []\n}\n'
    )


def test_what_is_no_yaml_is_refused_with_its_place() -> None:
    with pytest.raises(TemplateError, match=r"x\.cwl:2:"):
        formatted("a: [1,\nb: 2", "x.cwl")


def test_files_are_changed_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.cwl").write_bytes(UNTIDY.encode())
    (tmp_path / "b.cwl").write_text(TIDY)
    (tmp_path / "a.cwl").chmod(0o640)
    found = call(str(tmp_path))
    assert found.return_value == 0
    assert found.output == f"changed {tmp_path}/a.cwl\n"
    assert (tmp_path / "a.cwl").read_bytes().decode() == TIDY
    assert (tmp_path / "a.cwl").stat().st_mode & 0o777 == 0o640


def test_check_changes_nothing_and_says_what_it_would(tmp_path: Path) -> None:
    path = tmp_path / "a.cwl"
    path.write_bytes(UNTIDY.encode())
    found = call("--check", str(path))
    assert found.return_value == 1
    assert found.output == f"would change {path}\n"
    assert path.read_bytes() == UNTIDY.encode()
    path.write_text(TIDY)
    assert call("--check", str(path)).return_value == 0


def test_diff_shows_the_change(tmp_path: Path) -> None:
    path = tmp_path / "a.cwl"
    path.write_bytes(UNTIDY.encode())
    found = call("--diff", str(path))
    assert found.return_value == 1
    assert "+baseCommand: [cat, '-n']\n" in found.output
    assert path.read_bytes() == UNTIDY.encode()


def test_standard_input_goes_to_standard_output() -> None:
    found = call("-", given=UNTIDY)
    assert (found.return_value, found.output) == (0, TIDY)


def test_a_broken_document_does_not_keep_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "a.cwl").write_text("a: [1,\nb: 2")
    (tmp_path / "b.cwl").write_bytes(UNTIDY.encode())
    found = call(str(tmp_path))
    assert found.return_value == 2
    assert "a.cwl:2:" in found.output
    assert (tmp_path / "b.cwl").read_text() == TIDY
