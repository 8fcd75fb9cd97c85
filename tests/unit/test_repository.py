"""Templates in folders: found, checked by themselves and together, errors kept file by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf import resources
from helios_wf.errors import TemplateError
from helios_wf.repository import Found, check, documents_in, find, search_paths

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {{helios: "https://w3id.org/helios-wf#"}}
helios:template: {{template: {name}, version: {version}, status: {status}}}
inputs: {{raw: {{type: File, helios:mask: "{mask}"}}}}
steps: []
outputs: {{out: {{type: File, outputSource: raw, helios:dataset: "{output}"}}}}
"""


def template(folder: Path, file: str, **words: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    known = {"name": "t", "version": 1, "status": "ACTUAL", "mask": "a.{x}", "output": "b.{x}.v{version}"}
    (folder / file).write_text(TEMPLATE.format(**{**known, **words}))
    return folder / file


def names(found: Found) -> list[str]:
    return [document.process.name for document in found.templates]


def test_templates_are_found_deep_in_folders_in_the_order_of_their_paths(tmp_path: Path) -> None:
    template(tmp_path / "b" / "deep", "two.cwl", name="two", mask="two.{x}")
    template(tmp_path / "a", "one.cwl", name="one")
    template(tmp_path / ".hidden", "no.cwl")
    (tmp_path / "a" / "tool.cwl").write_text("cwlVersion: v1.2\nclass: CommandLineTool\ninputs: [\n")
    (tmp_path / "a" / "plain.cwl").write_text(
        "cwlVersion: v1.2\nclass: Workflow\ninputs: []\nsteps: []\noutputs: []\n"
    )
    found = find([tmp_path])
    assert names(found) == ["one", "two"]
    assert found.errors == {}


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    template(tmp_path, "good.cwl")
    broken = template(tmp_path, "broken.cwl", version="none")
    found = find([tmp_path])
    assert names(found) == ["good"]
    error = found.errors[str(broken)]
    assert isinstance(error, TemplateError)
    assert [problem.place and problem.place.line for problem in error.problems] == [4]


def test_files_and_folders_may_be_given_together_each_counts_once(tmp_path: Path) -> None:
    one = template(tmp_path, "one.cwl")
    assert list(documents_in([one, tmp_path, str(one)])) == [one]


def test_where_templates_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert search_paths() == [resources.templates()]
    (tmp_path / "templates").mkdir()
    assert search_paths() == [Path("templates")]
    assert search_paths([tmp_path]) == [tmp_path]
    with pytest.raises(TemplateError, match="no such file or folder: nowhere"):
        search_paths(["nowhere"])


def test_an_output_part_that_nothing_binds_is_told(tmp_path: Path) -> None:
    template(tmp_path, "t.cwl", output="b.{x}.{unbound}")
    (problem, *_) = check(find([tmp_path]).templates).problems
    assert problem.place is not None
    assert problem.place.line == 7
    assert "unbound" in problem.message


def test_a_template_that_takes_its_own_output_is_told(tmp_path: Path) -> None:
    template(tmp_path, "t.cwl", mask="a.**.{x}", output="a.b.{x}")
    assert check(find([tmp_path]).templates).problems


def test_templates_that_start_each_other_for_ever_are_told(tmp_path: Path) -> None:
    template(tmp_path, "one.cwl", name="one", mask="a.{x}", output="b.{x}")
    template(tmp_path, "two.cwl", name="two", mask="b.{x}", output="a.{x}")
    (problem,) = check(find([tmp_path]).templates).problems
    assert "one" in problem.message
    assert "two" in problem.message


def test_one_version_twice_is_told(tmp_path: Path) -> None:
    template(tmp_path, "one.cwl")
    template(tmp_path, "two.cwl")
    assert len(check(find([tmp_path]).templates).problems) == 1


def test_masks_that_overlap_are_a_warning_only(tmp_path: Path) -> None:
    template(tmp_path, "one.cwl", name="one", mask="a.{x}", output="b.{x}")
    template(tmp_path, "two.cwl", name="two", mask="a.{y:int}", output="c.{y}")
    checked = check(find([tmp_path]).templates)
    assert checked.problems == ()
    assert len(checked.warnings) == 1


def test_the_shipped_templates_are_right() -> None:
    found = find([resources.templates()])
    assert found.errors == {}
    assert len(found.templates) >= 3
    assert check(found.templates).problems == ()


@pytest.mark.shared
def test_the_templates_of_the_language_are_right_together(shared: Path) -> None:
    found = find([shared / "language"])
    assert len(found.templates) == 5
    assert check(found.templates).problems == ()
