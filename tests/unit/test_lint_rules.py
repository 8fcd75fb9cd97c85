"""Every rule finds what it is for, where it is, and nothing in the document that is mended."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from helios_wf.errors import GitError, TemplateError, UserError
from helios_wf.lint import RULES, Finding, Severity, Wanted, examine
from helios_wf.lint.meant import without_javascript
from helios_wf.lint.rules import known_codes

NAMESPACES = '$namespaces: {helios: "https://w3id.org/helios-wf#", other: "https://example.org/#"}\n'

MPI = '$namespaces: {cwltool: "http://commonwl.org/cwltool#"}\n'

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
label: Counts lines
baseCommand: [wc, -l]
inputs:
  raw: {type: File, inputBinding: {position: 1}}
stdout: count.txt
outputs: {count: stdout}
"""

TEMPLATE = f"""\
cwlVersion: v1.2
class: Workflow
label: Lines of each file
doc: Counts the lines of every file of a run.
{NAMESPACES}\
helios:template: {{template: lines, version: 1, status: ACTUAL}}
requirements: {{ScatterFeatureRequirement: {{}}}}
inputs:
  raw: {{type: "File[]", label: Files, helios:mask: "lab.{{run:04d}}.raw"}}
steps:
  each: {{run: count.cwl, scatter: raw, in: {{raw: raw}}, out: [count]}}
outputs:
  counts:
    type: File[]
    label: Numbers of lines
    outputSource: each/count
    helios:dataset: "lab.{{run:04d}}.counts.v{{version}}"
"""

OPERATION = "cwlVersion: v1.2\nclass: Operation\nlabel: Nothing\ninputs: []\noutputs: []\n"

CASES = """\
template: lines.cwl
takes:
  - {datasets: {raw: lab.0001.raw}, outputs: {counts: lab.0001.counts.v1}}
refuses:
  raw: {lab.1.raw: a run has four digits}
"""

RUNS = """\
- id: one
  tool: lines.cwl
  job: job.yml
  output: {counts: [Any]}
"""

FILES = {
    "count.cwl": TOOL,
    "lines.cwl": TEMPLATE,
    "cases.yml": CASES,
    "cwltest.yml": RUNS,
    "job.yml": "raw: [{class: File, path: job.yml}]\n",
}


class Bad(NamedTuple):
    """A change of one of the files that makes a rule speak, and the line and words of what it says."""

    file: str
    old: str
    new: str
    line: int
    says: str


def more(text: str) -> tuple[str, str]:
    """Words of the tool, and the same with a requirement or so in front of its inputs."""
    return "inputs:\n", f"{text}\ninputs:\n"


BAD = {
    "HW001": [
        Bad("count.cwl", "baseCommand", "baseComand", 4, "did you mean 'baseCommand'?"),
        Bad("lines.cwl", "helios:dataset", "helios:datset", 17, "did you mean 'helios:dataset'?"),
        Bad("count.cwl", "label: Counts lines", "label: [", 5, "YAML"),
    ],
    "HW002": [Bad("count.cwl", TOOL, OPERATION, 0, "Operation cannot be run")],
    "HW003": [Bad("lines.cwl", "lab.{run:04d}.counts", "lab.counts", 13, "lacks {run}")],
    "HW004": [Bad("again.cwl", "", TEMPLATE, 6, "version 1 is at")],
    "HW101": [
        Bad("count.cwl", *more(f"{NAMESPACES}hints: {{helios:events: {{resident: raw}}}}"), 6, "as a field"),
        Bad("count.cwl", *more(f"{NAMESPACES}hints: [{{class: helios:Events}}]"), 6, "under hints"),
    ],
    "HW102": [
        Bad(
            "count.cwl",
            *more(f"{MPI}requirements: {{cwltool:MPIRequirement: {{processes: 2}}}}"),
            6,
            "to hints",
        )
    ],
    "HW103": [
        Bad("count.cwl", *more("hints: {DockerRequirement: {dockerPull: alpine:3.20}}"), 5, "3.20@sha256"),
        Bad(
            "lines.cwl",
            "requirements: {",
            "requirements: {DockerRequirement: {dockerPull: alpine}, ",
            7,
            "alp",
        ),
    ],
    "HW104": [Bad("lines.cwl", "run: count.cwl", "run: https://example.org/count.cwl", 11, "copy it")],
    "HW105": [
        Bad(
            "count.cwl",
            "raw: {type: File",
            "raw: {type: File, default: {class: File, path: /etc/passwd}",
            6,
            "/etc/",
        ),
        Bad(
            "count.cwl",
            "raw: {type: File",
            "raw: {type: File, default: {class: File, location: 'file:///etc/passwd'}",
            6,
            "absolute",
        ),
    ],
    "HW106": [Bad("count.cwl", "v1.2", "v1.0", 1, "v1.0 is old")],
    "HW201": [Bad("count.cwl", "label: Counts lines\n", "", 2, "the tool has neither label nor doc")],
    "HW202": [
        Bad("lines.cwl", "doc: Counts the lines of every file of a run.\n", "", 5, "the template has no doc")
    ],
    "HW203": [Bad("lines.cwl", "label: Files, ", "", 9, "input 'raw'")],
    "HW204": [
        Bad(
            "count.cwl",
            "stdout: count.txt",
            "requirements: {InlineJavascriptRequirement: {}}\nstdout: ${ return inputs.raw.basename; }",
            8,
            "$(inputs.raw.basename)",
        ),
        Bad(
            "count.cwl",
            "stdout: count.txt",
            "requirements: {InlineJavascriptRequirement: {}}\nstdout: $(inputs.raw.nameroot + '.count')",
            8,
            "write: $(inputs.raw.nameroot).count",
        ),
    ],
    "HW205": [Bad("count.cwl", *more("requirements: {InlineJavascriptRequirement: {}}"), 5, "take Inline")],
    "HW206": [
        Bad("lines.cwl", TEMPLATE, TEMPLATE.replace("each", "counts"), 13, "name of the step at line 11"),
        Bad("lines.cwl", TEMPLATE, TEMPLATE.replace("each", "raw"), 11, "name of the input at line 9"),
    ],
    "HW207": [
        Bad("lines.cwl", "steps:", "  low: {type: int, label: Least, default: 0}\nsteps:", 10, "'low'")
    ],
    "HW208": [
        Bad(
            "lines.cwl",
            "outputs:\n",
            "  more: {run: count.cwl, scatter: raw, in: {raw: raw}, out: [count]}\noutputs:\n",
            12,
            "nothing uses what step 'more' makes (count)",
        ),
        Bad(
            "lines.cwl",
            "outputs:\n",
            "  more: {run: count.cwl, scatter: raw, in: {raw: raw}, out: []}\noutputs:\n",
            12,
            "has no outputs",
        ),
    ],
    "HW209": [
        Bad("lines.cwl", '    helios:dataset: "lab.{run:04d}.counts.v{version}"\n', "", 13, "'counts'")
    ],
    "HW210": [
        Bad(
            "other.cwl",
            "",
            TEMPLATE.replace("template: lines", "template: other").replace(".counts.", ".others."),
            9,
            "both take names such as",
        )
    ],
    "HW211": [Bad("count.cwl", *more("hints: {NoSuchHint: {}}"), 5, "NoSuchHint")],
    "HW301": [Bad("cases.yml", "template: lines.cwl", "template: count.cwl", 6, "write cases.yml")],
    "HW302": [
        Bad("cases.yml", "takes:", "takse:", 2, "did you mean 'takes'?"),
        Bad("cases.yml", CASES, "[", 1, "YAML"),
        Bad("cases.yml", "template: lines.cwl", "template: gone.cwl", 1, "not 'gone.cwl'"),
        Bad(
            "cases.yml", "raw: {lab.1", "ray: {lab.1", 5, "'ray' is no input with a mask; did you mean 'raw'?"
        ),
        Bad("cwltest.yml", "job: job.yml", "job: jab.yml", 3, "not 'jab.yml'"),
        Bad("cwltest.yml", "  output: {counts: [Any]}\n", "", 1, "lacks 'output'"),
    ],
    "HW303": [
        Bad(
            "cases.yml",
            "lab.1.raw: a run",
            "lab.0001.raw: a run",
            5,
            "takes 'lab.0001.raw', although: a run has",
        ),
        Bad(
            "cases.yml",
            "counts: lab.0001.counts.v1",
            "counts: lab.0001.v1",
            3,
            "counts: lab.0001.counts.v1, not",
        ),
        Bad("cases.yml", "{raw: lab.0001.raw}", "{raw: lab.1.raw}", 3, "does not take 'lab.1.raw'"),
    ],
    "HW305": [Bad("cwltest.yml", RUNS, "[]\n", 6, "write cwltest.yml")],
}

ELSEWHERE = {"HW304", "HW401"}
"""Tested below, and where cases are run."""


def write(folder: Path, files: dict[str, str]) -> None:
    (folder / "helios.toml").touch()
    for name, text in files.items():
        (folder / name).write_text(text)


def look(folder: Path, **wanted: object) -> list[Finding]:
    return list(examine([folder], Wanted(cache=folder / "cache", **wanted)).findings)  # type: ignore[arg-type]


def test_every_rule_has_a_bad_and_a_good_document() -> None:
    assert BAD.keys() | ELSEWHERE == RULES.keys()


def test_nothing_is_found_in_the_good_documents(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert look(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "bad"),
    [pytest.param(code, bad, id=f"{code}-{n}") for code, all_ in BAD.items() for n, bad in enumerate(all_)],
)
def test_a_rule_finds_what_it_is_for_and_says_where(code: str, bad: Bad, tmp_path: Path) -> None:
    files = dict(FILES)
    assert bad.old in files.get(bad.file, "")
    files[bad.file] = files.get(bad.file, "").replace(bad.old, bad.new) if bad.old else bad.new
    write(tmp_path, files)
    findings = look(tmp_path)
    found = [one for one in findings if one.code == code]
    assert found, findings
    assert any(bad.says in one.message for one in found), found
    if bad.line:
        assert any(one.place is not None and one.place.line == bad.line for one in found), found


@pytest.mark.parametrize(
    "good",
    [
        f"hints: {{DockerRequirement: {{dockerPull: 'alpine@sha256:{'0' * 64}'}}}}",
        f"{MPI}hints: {{cwltool:MPIRequirement: {{processes: 2}}}}",
        "requirements: {InlineJavascriptRequirement: {}}\nstdin: $(inputs.raw.path.split('/').join('/'))",
        "requirements: {InlineJavascriptRequirement: {}}\nsuccessCodes: [0]\narguments: [$(1 + 1)]",
    ],
)
def test_what_is_right_is_left_alone(good: str, tmp_path: Path) -> None:
    old, new = more(good)
    write(tmp_path, {**FILES, "count.cwl": TOOL.replace(old, new)})
    assert look(tmp_path) == []


def test_an_input_that_only_names_use_is_used(tmp_path: Path) -> None:
    text = TEMPLATE.replace("steps:", "  period: {type: string, label: Period, default: a}\nsteps:")
    text = text.replace("counts.v{version}", "counts.{period}.v{version}")
    cases = CASES.replace("outputs: {counts: lab.0001.counts.v1}",
                          "inputs: {period: b}, outputs: {counts: lab.0001.counts.b.v1}")  # fmt: skip
    write(tmp_path, {**FILES, "lines.cwl": text, "cases.yml": cases})
    assert look(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "simpler"),
    [
        ("${return inputs.x.basename;}", "$(inputs.x.basename)"),
        ("$(inputs.x.nameroot + '.txt')", "$(inputs.x.nameroot).txt"),
        ('$("a-" + inputs.x + "-" + inputs.y)', "a-$(inputs.x)-$(inputs.y)"),
        ("$(inputs.x + inputs.y)", None),
        ("$(inputs.x + inputs.y + 'a')", None),
        ("$(inputs.x)", None),
        ("$(' ' + inputs.x)", None),
        ("$('$' + inputs.x)", None),
        ("${ var a = inputs.x; return a; }", None),
        ("$(inputs.x.toUpperCase() + 'a')", None),
    ],
)
def test_javascript_is_replaced_only_where_it_means_the_same(text: str, simpler: str | None) -> None:
    assert without_javascript(text) == simpler


def test_a_comment_switches_a_rule_off_for_its_line_the_next_or_the_file(tmp_path: Path) -> None:
    image = "hints: {DockerRequirement: {dockerPull: alpine}}"
    for number, text in enumerate(
        (
            f"{image}  # helios-wf: ignore HW103",
            f"# helios-wf: ignore HW106, HW103\n# because\n{image}",
            f"{image}\n# helios-wf: ignore-file HW103",
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        old, new = more(text)
        write(folder, {"count.cwl": TOOL.replace(old, new)})
        assert look(folder) == []
        (folder / "count.cwl").write_text(TOOL.replace(old, new.replace("HW103", "HW207")))
        assert [one.code for one in look(folder)] == ["HW103"]


def test_a_code_switches_a_rule_off_but_not_what_is_wrong(tmp_path: Path) -> None:
    write(tmp_path, {"count.cwl": TOOL.replace("v1.2", "v1.0")})
    assert look(tmp_path, ignore=known_codes(("HW106",))) == []
    with pytest.raises(UserError, match="no rule 'HW999'"):
        known_codes(("HW999",))
    with pytest.raises(UserError, match=r"HW001.*cannot be switched off"):
        known_codes(("HW001",))
    (tmp_path / "count.cwl").write_text("# helios-wf: ignore-file HW001\nlabel: x\nclass: CommandLineTool\n")
    assert {one.code for one in look(tmp_path)} == {"HW001"}


def test_a_tool_that_several_documents_run_is_told_of_once(tmp_path: Path) -> None:
    second = TEMPLATE.replace(
        "template: lines, version: 1, status: ACTUAL", "template: b, version: 1, status: DRAFT"
    )
    write(tmp_path, {**FILES, "b.cwl": second, "count.cwl": TOOL.replace("baseCommand", "baseComand")})
    assert len(look(tmp_path)) == 1


def test_a_path_that_is_not_there_is_no_finding(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no such file or folder"):
        examine([tmp_path / "gone"])


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=curator", "-c", "user.email=curator@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Documents of which all is committed."""
    write(tmp_path, FILES)
    (tmp_path / ".gitignore").write_text("cache\n")
    (tmp_path / "alone.cwl").write_text(TOOL.replace("v1.2", "v1.0"))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def changed(folder: Path) -> set[str]:
    wanted = Wanted(cache=folder / "cache", changed="HEAD")
    return {path.name for path in examine([folder], wanted).documents}


def test_only_documents_that_changed_and_those_that_use_them_are_looked_at(repository: Path) -> None:
    assert changed(repository) == set()
    (repository / "alone.cwl").write_text(TOOL.replace("v1.2", "v1.1"))
    assert changed(repository) == {"alone.cwl"}
    assert [one.code for one in look(repository, changed="HEAD")] == ["HW106"]
    (repository / "count.cwl").write_text(TOOL.replace("wc, -l", "wc, -c"))
    assert changed(repository) == {"alone.cwl", "count.cwl", "lines.cwl"}
    (repository / "new.cwl").write_text(TOOL)
    assert changed(repository) == {"alone.cwl", "count.cwl", "lines.cwl", "new.cwl"}


def test_a_template_is_looked_at_when_its_cases_changed_or_its_tool_is_gone(repository: Path) -> None:
    (repository / "cases.yml").write_text(CASES.replace("lab.1.raw", "lab.0002.raw"))
    assert [one.code for one in look(repository, changed="HEAD") if one.rule.severity is Severity.ERROR] == [
        "HW303"
    ]
    git(repository, "checkout", "-q", "cases.yml")
    (repository / "count.cwl").unlink()
    assert changed(repository) == {"lines.cwl"}


def test_a_template_that_was_released_wants_a_new_version_for_a_change(repository: Path) -> None:
    (repository / "count.cwl").write_text(TOOL.replace("wc, -l", "wc, -c"))
    (found,) = look(repository, changed="HEAD")
    assert (found.code, found.place.line if found.place else 0) == ("HW401", 6)
    assert "its steps or tools changed; raise its version" in found.message
    (repository / "lines.cwl").write_text(TEMPLATE.replace("lab.{run:04d}.raw", "lab.{run:05d}.raw"))
    told = [one.message for one in look(repository, changed="HEAD") if one.code == "HW401"]
    assert "~ input raw: mask: lab.{run:04d}.raw -> lab.{run:05d}.raw" in told[0]
    (repository / "lines.cwl").write_text(TEMPLATE.replace("version: 1", "version: 2"))
    (repository / "cases.yml").write_text(CASES.replace("v1}", "v2}"))
    assert look(repository, changed="HEAD") == []


def test_a_comment_or_an_archived_status_is_no_change_of_a_released_template(repository: Path) -> None:
    (repository / "lines.cwl").write_text("# ours\n" + TEMPLATE.replace("ACTUAL", "ARCHIVED"))
    assert look(repository, changed="HEAD") == []


def test_a_revision_that_git_does_not_know_is_refused(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(GitError, match="no revision 'gone'"):
        look(repository, changed="gone")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere, FILES)
    with pytest.raises(GitError, match="in no git repository"):
        look(elsewhere, changed="HEAD")
