"""``helios-wf template``: a template's life, with git as its only record."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from helios_wf.cli import main
from helios_wf.cwl.editing import with_status
from helios_wf.errors import TemplateError
from helios_wf.lint import Wanted, examine
from helios_wf.states import TemplateStatus

DOCUMENT = Path("templates/lines/lines.cwl")


class Curator:
    """Calls helios-wf in this process, in a repository."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["template", *arguments])
        self.out, self.err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=curator", "-c", "user.email=curator@example.org")
        done = subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True, capture_output=True)
        return done.stdout.decode()

    def commit(self) -> str:
        self.git("add", "templates")
        self.git("commit", "-q", "-m", "next")
        return self.git("rev-parse", "HEAD").strip()

    def change(self, old: str, new: str, path: Path = DOCUMENT) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def curator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Curator:
    """A repository with the skeleton of a template, committed as DRAFT."""
    monkeypatch.chdir(tmp_path)
    found = Curator(tmp_path, capsys)
    found.git("init", "-q")
    assert found("new", "lines") == 0
    found.commit()
    return found


@pytest.fixture
def released(curator: Curator) -> Curator:
    """The same, and version 1 was made ACTUAL."""
    assert curator("activate", "lines") == 0, curator.err
    curator.commit()
    return curator


def test_a_new_template_is_right_with_its_cases(curator: Curator) -> None:
    assert DOCUMENT.is_file()
    curator.change("status: DRAFT", "status: ACTUAL")
    assert examine(["templates"], Wanted(run_cases=True)).findings == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lines", "templates/lines is there already"),
        ("no name", "must be a name of letters"),
        ("../x", "letters"),
    ],
)
def test_a_new_template_needs_a_name_that_is_free(curator: Curator, name: str, said: str) -> None:
    assert curator("new", name) == 2
    assert said in curator.err


def test_templates_are_listed_and_shown_with_their_status(released: Curator) -> None:
    assert released("new", "spots") == 0
    assert released("list") == 0
    assert [line.split()[:4] for line in released.out.splitlines()[1:]] == [
        ["lines", "1", "ACTUAL", "0"],
        ["spots", "1", "DRAFT", "0"],
    ]
    assert released("list", "--format", "json") == 0
    (first, _) = json.loads(released.out)
    assert first["takes"] == ["lines.{run:06d}.raw"]
    assert first["file"] == str(DOCUMENT)
    assert released("show", "lines@1") == 0
    assert "  input raw: type File[], mask lines.{run:06d}.raw" in released.out
    assert released("show", str(DOCUMENT), "--format", "json") == 0
    value = json.loads(released.out)
    assert value["versions"] == {"1": "ACTUAL"}
    assert value["signature"]["output lines"]["dataset"] == "lines.{run:06d}.lines.v{version}"


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("liens", "no template 'liens' in templates; did you mean 'lines'?"),
        ("lines@7", "template 'lines' has no version '7' in the files; versions: 1"),
        ("templates/lines/count.cwl", "is no template"),
    ],
)
def test_a_template_that_is_not_there_is_told(curator: Curator, called: str, said: str) -> None:
    assert curator("show", called) == 2
    assert said in curator.err


def test_activating_changes_the_status_and_no_other_character(curator: Curator) -> None:
    before = DOCUMENT.read_text()
    assert curator("activate", "lines") == 0
    assert DOCUMENT.read_text() == before.replace("DRAFT", "ACTUAL")
    assert "lines@1 is ACTUAL" in curator.err
    assert curator("activate", "lines") == 0
    assert "already" in curator.err
    assert curator("archive", "lines") == 0
    assert DOCUMENT.read_text() == before.replace("DRAFT", "ARCHIVED")


def test_a_second_actual_version_is_refused_until_the_first_is_archived(released: Curator) -> None:
    second = DOCUMENT.with_name("lines2.cwl")
    second.write_text(DOCUMENT.read_text().replace("version: 1, status: ACTUAL", "version: 2, status: DRAFT"))
    assert released("activate", "lines@2") == 2
    assert "lines@1 is ACTUAL in" in released.err
    assert "helios-wf template archive lines@1" in released.err
    assert "DRAFT" in second.read_text()
    assert released("archive", "lines@1") == 0
    assert released("activate", "lines@2") == 0
    assert released("show", "lines", "--format", "json") == 0
    assert json.loads(released.out)["versions"] == {"1": "ARCHIVED", "2": "ACTUAL"}


def test_a_version_that_lies_in_another_file_too_is_refused(released: Curator) -> None:
    other = DOCUMENT.with_name("again.cwl")
    other.write_text(DOCUMENT.read_text().replace("ACTUAL", "DRAFT"))
    assert released("activate", str(other)) == 2
    assert "version 1 of 'lines' is in" in released.err
    assert "version: 2" in released.err


def test_a_changed_tool_under_a_released_version_is_refused(released: Curator) -> None:
    commit = released.git("rev-parse", "HEAD").strip()
    released.change("--count", "-c", DOCUMENT.with_name("count.cwl"))
    released.change("ACTUAL", "DRAFT")
    released.commit()
    assert released("activate", "lines") == 2
    assert f"lines@1 was released in commit {commit[:10]}" in released.err
    assert "its steps or tools changed; give it a new version (version: 2)" in released.err
    assert f"git diff {commit[:10]} -- {DOCUMENT}" in released.err
    released.change("version: 1", "version: 2")
    assert released("activate", "lines") == 0


def test_a_changed_signature_under_a_released_version_is_refused_and_told(released: Curator) -> None:
    released.change("status: ACTUAL", "status: DRAFT")
    released.change('"lines.{run:06d}.raw"', '"lines.{run:08d}.raw"')
    assert released("activate", "lines") == 2
    told = "its signature changed: ~ input raw: mask: lines.{run:06d}.raw -> lines.{run:08d}.raw"
    assert told in released.err


def test_a_released_version_is_known_under_the_name_that_its_file_had(released: Curator) -> None:
    released.git("mv", "templates/lines", "templates/moved")
    moved = Path("templates/moved/lines.cwl")
    released.commit()
    released.change("status: ACTUAL", "status: DRAFT", moved)
    assert released("activate", "lines") == 0, released.err
    released.change("status: ACTUAL", "status: DRAFT", moved)
    released.change("--count", "-c", moved.with_name("count.cwl"))
    assert released("activate", "lines") == 2
    assert "its steps or tools changed" in released.err


def test_a_comment_is_no_change_of_a_released_version(released: Curator) -> None:
    released.change("status: ACTUAL}", "status: DRAFT}  # for a while")
    assert released("activate", "lines") == 0


def test_a_template_that_is_wrong_or_starts_itself_through_others_is_refused(released: Curator) -> None:
    assert released("new", "back") == 0
    back = Path("templates/back/back.cwl")
    released.change('"back.{run:06d}.raw"', '"lines.{run:06d}.lines.v{v:int}"', back)
    released.change('"back.{run:06d}.lines.v{version}"', '"lines.{run:06d}.raw"', back)
    assert released("activate", "back") == 2
    assert "lacks {v}" in released.err
    released.change("lines.v{v:int}", "lines.v1", back)
    assert released("activate", "back") == 2
    assert "start each other for ever" in released.err
    assert "DRAFT" in back.read_text()


def test_two_versions_are_compared_by_what_others_see_of_them(released: Curator) -> None:
    second = DOCUMENT.with_name("lines2.cwl")
    text = DOCUMENT.read_text().replace("version: 1, status: ACTUAL", "version: 2, status: DRAFT")
    text = text.replace("steps:\n", "  low: {type: int, label: Least, default: 3}\nsteps:\n")
    second.write_text(text.replace(".lines.v{version}", ".counts.v{version}"))
    assert released("diff", "lines@1", "lines@2") == 1
    assert released.out.splitlines() == [
        "~ output lines: dataset: lines.{run:06d}.lines.v{version} -> lines.{run:06d}.counts.v{version}",
        "+ input low: int, default 3",
    ]
    assert released("diff", "lines@2", "lines@1", "--format", "json") == 1
    assert json.loads(released.out)["changes"][0] == {
        "what": "input low",
        "before": "int, default 3",
        "after": None,
    }
    assert released("diff", "lines@1", "lines@1") == 0
    assert released.out == ""


def test_a_template_is_compared_with_a_revision_of_git(released: Curator) -> None:
    assert released("diff", "lines", "--since", "HEAD~1") == 0
    released.change("--count", "-c", DOCUMENT.with_name("count.cwl"))
    assert released("diff", "lines", "--since", "HEAD") == 1
    assert "the signature is the same" in released.out
    released.change("type: File[]\n", "type: File[]?\n")
    assert released("diff", "lines", "--since", "HEAD") == 1
    assert released.out == "~ input raw: type: File[] -> File[]?\n"
    assert released("diff", "lines", "--since", "gone") == 2
    assert "git knows no revision 'gone'" in released.err
    assert released("diff", "lines") == 2


@pytest.mark.parametrize(
    "text",
    [
        "helios:template: {template: a, version: 1, status: DRAFT}  # mine\n",
        "helios:template:\n  # which\n  status: DRAFT   # for now\n  template: a\n  version: 1\n",
        "helios:template: {status: 'DRAFT', template: a, version: 1}\r\n",
        '{"helios:template": {"template": "a", "version": 1, "status": "DRAFT"}}',
    ],
)
def test_a_status_is_changed_where_it_stands(text: str) -> None:
    assert with_status(text, "a.cwl", TemplateStatus.ACTUAL) == text.replace("DRAFT", "ACTUAL")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class: Workflow\n", "has no helios:template"),
        ("s: &s DRAFT\nhelios:template: {template: a, version: 1, status: *s}\n", "change it by hand"),
    ],
)
def test_a_status_that_does_not_stand_there_is_left_to_people(text: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        with_status(text, "a.cwl", TemplateStatus.ACTUAL)
