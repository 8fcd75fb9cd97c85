"""``helios-wf validate`` from the outside: exit codes, and its five formats."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from helios_wf.cli import main
from helios_wf.lint import RULES, Severity

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
label: Keeps files
doc: Keeps every file, as it is.
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: keep, version: 2, status: DRAFT}
inputs: {raw: {type: File, label: File, helios:mask: {mask: "spd.{run:04d}.raw", exclude: "spd.0000.**"}}}
steps: []
outputs:
  out: {type: File, label: The same, outputSource: raw, helios:dataset: "spd.{run:04d}.kept.v{version}"}
"""

ODD_NAME = "50% odd, a:b ü.cwl"


class Command:
    """Calls helios-wf in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        self.out, self.err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code


@pytest.fixture
def helios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "keep.cwl").write_text(TEMPLATE)
    (tmp_path / "templates" / "other.cwl").write_text(
        TEMPLATE.replace("keep,", "other,").replace("spd.", "cms.")
    )
    return Command(capsys)


@pytest.fixture
def found(helios: Command) -> Command:
    """A folder with an error that has a line break and more, and a warning in an oddly named file."""
    Path("templates/broken.cwl").write_text(TEMPLATE.replace("version: 2", 'version: "50%,\\n:<two>"'))
    Path("templates", ODD_NAME).write_text(
        TEMPLATE.replace("label: Keeps files\ndoc: Keeps every file, as it is.\n", "").replace(
            "keep,", "odd,"
        )
    )
    return helios


def test_validate_is_silent_about_what_is_right(helios: Command) -> None:
    assert helios("validate", "templates") == 0
    assert (helios.out, helios.err) == ("", "2 documents: all right\n")


def test_validate_prints_every_mistake_of_every_document(helios: Command) -> None:
    Path("templates/broken.cwl").write_text(
        TEMPLATE.replace("version: 2", "version: two").replace("helios:dataset", "helios:datset")
    )
    Path("templates/unbound.cwl").write_text(TEMPLATE.replace("kept.v", "{gone}.v").replace("keep,", "lost,"))
    assert helios("validate", "templates") == 1
    lines = helios.out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["templates/broken.cwl:6:44", "error HW001"],
        ["templates/broken.cwl:10:57", "error HW001"],
        ["templates/unbound.cwl:10:3", "error HW003"],
    ]
    assert "did you mean 'helios:dataset'?" in lines[1]
    assert "gone" in lines[2]
    assert helios.err == "4 documents: 3 errors\n"


def test_warnings_are_let_be_unless_validate_is_strict(helios: Command) -> None:
    Path("templates/again.cwl").write_text(
        TEMPLATE.replace("label: The same, ", "").replace("keep,", "again,")
    )
    assert helios("validate", "templates") == 0
    assert helios.out.startswith("templates/again.cwl:10:3: warning HW203: output 'out'")
    assert helios.err == "3 documents: 1 warning\n"
    assert helios("validate", "templates", "--strict") == 1


def test_a_rule_is_left_out_by_option_variable_and_file(
    helios: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("templates/again.cwl").write_text(
        TEMPLATE.replace("label: The same, ", "").replace("keep,", "again,")
    )
    assert helios("validate", "templates", "--strict", "--ignore", "HW203", "--ignore", "HW204") == 0
    monkeypatch.setenv("HELIOS_IGNORE", "HW204,HW203")
    assert helios("validate", "templates", "--strict") == 0
    monkeypatch.delenv("HELIOS_IGNORE")
    Path("helios.toml").write_text('ignore = ["HW203"]\n')
    assert helios("validate", "templates", "--strict") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "no such file or folder: nowhere"),
        (("templates", "--ignore", "HW2O3"), "no rule 'HW2O3'; did you mean 'HW203'?"),
        (("templates", "--ignore", "HW001"), "cannot be switched off"),
        (("templates", "--changed", "HEAD"), "in no git repository"),
        (("templates", "--format", "yaml"), "'yaml' is not one of"),
        ((), "Missing argument"),
    ],
)
def test_a_mistake_of_the_caller_is_told_from_a_finding(
    helios: Command, arguments: tuple[str, ...], said: str
) -> None:
    assert helios("validate", *arguments) == 2
    assert helios.out == ""
    assert said in helios.err


def test_what_is_not_supported_is_a_finding_too(helios: Command) -> None:
    Path("op.cwl").write_text("cwlVersion: v1.2\nclass: Operation\nlabel: x\ninputs: []\noutputs: []\n")
    assert helios("validate", "op.cwl") == 1
    assert "error HW002: " in helios.out
    assert "Operation cannot be run" in helios.out


def test_validate_reads_nothing_outside_the_root(helios: Command) -> None:
    Path("inner").mkdir()
    Path("inner/main.cwl").write_text(
        "cwlVersion: v1.2\nclass: Workflow\ninputs: []\noutputs: []\n"
        "steps: {a: {run: ../templates/keep.cwl, in: [], out: []}}\n"
    )
    assert helios("validate", "inner/main.cwl", "--root", "inner") == 1
    assert "inner/main.cwl:5:18: " in helios.out
    assert "outside" in helios.out


def test_json_is_one_value_with_every_finding(found: Command) -> None:
    assert found("validate", "templates", "--format", "json") == 1
    value = json.loads(found.out)
    assert value["documents"] == 4
    by_code = {one["code"]: one for one in value["findings"]}
    assert by_code.keys() == {"HW001", "HW201", "HW202"}
    assert by_code["HW201"] | {"message": ""} == {
        "code": "HW201",
        "name": "no-label",
        "severity": "warning",
        "file": f"templates/{ODD_NAME}",
        "line": 2,
        "column": 1,
        "message": "",
    }


def test_sarif_has_what_the_standard_asks_for(found: Command) -> None:
    assert found("validate", "templates", "--format", "sarif") == 1
    log: dict[str, Any] = json.loads(found.out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("/sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "helios-wf"
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for rule in driver["rules"]:
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    assert len(run["results"]) == 3
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    # a URI reference: what is no letter of one is escaped, and no part looks like a scheme
    assert uris == {"templates/broken.cwl", "templates/50%25%20odd%2C%20a%3Ab%20%C3%BC.cwl"}


def test_junit_has_a_test_for_each_document(found: Command) -> None:
    assert found("validate", "templates", "--format", "junit") == 1
    (suite,) = ET.fromstring(found.out.encode())
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "0")
    cases = {case.get("name"): case for case in suite}
    assert set(cases) == {f"templates/{name}" for name in ("broken.cwl", "keep.cwl", "other.cwl", ODD_NAME)}
    failure = cases["templates/broken.cwl"].find("failure")
    assert failure is not None
    assert "<two>" in (failure.text or "")
    assert cases[f"templates/{ODD_NAME}"].find("failure") is None
    assert "warning HW201" in (cases[f"templates/{ODD_NAME}"].findtext("system-out") or "")
    assert list(cases["templates/keep.cwl"]) == []


def test_annotations_of_github_are_escaped(found: Command) -> None:
    assert found("validate", "templates", "--format", "github") == 1
    lines = found.out.splitlines()
    assert len(lines) == 3
    escaped = "templates/50%25 odd%2C a%3Ab ü.cwl"
    assert lines[0].startswith(
        f"::warning file={escaped},line=2,col=1,title=HW201 no-label::the workflow has"
    )
    assert lines[-1].startswith("::error file=templates/broken.cwl,line=6,col=")
    assert "50%25" in lines[-1]


@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github"])
def test_every_format_has_something_to_say_of_nothing(helios: Command, output: str) -> None:
    assert helios("validate", "templates", "--format", output) == 0
    if output in ("json", "sarif"):
        json.loads(helios.out)
    elif output == "junit":
        ET.fromstring(helios.out.encode())
    else:
        assert helios.out == ""


def test_every_rule_is_in_the_docs_as_it_is() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "curation.md").read_text(encoding="utf-8")
    for code, rule in RULES.items():
        severity = "error" if rule.severity is Severity.ERROR else "warning"
        row = f"| {code} | {rule.name} | {severity} | {rule.what} | {rule.why} | {rule.mend} |"
        assert row in page, row
