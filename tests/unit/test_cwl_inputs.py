"""Job files: what they give, what is filled in, and what a mistake in one gets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.cwl.job_file import MOST_TOLD, given_names, read_inputs, tool_of, unknown_inputs
from helios_wf.cwl.job_values import scalar_misfit, sibling
from helios_wf.errors import InputError
from helios_wf.model import Json, Parameter, Place, TemplateField, Workflow
from helios_wf.states import TemplateStatus

HERE = Place("x.cwl", 1, 1)
FILES = {"type": "array", "items": "File"}


def workflow(*, template: bool = True, **types: Json) -> Workflow:
    """Returns a workflow with inputs of these types."""
    ports = tuple(
        port if isinstance(port, Parameter) else Parameter(name, port, HERE) for name, port in types.items()
    )
    field = TemplateField("t", 1, TemplateStatus.ACTUAL) if template else None
    return Workflow("w", ports, (), (), HERE, field)


def mistakes(job: Any, process: Workflow, folder: Path | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_inputs(job, process, folder)
    return str(caught.value).splitlines()


def test_a_file_is_found_beside_the_job_file_and_completed(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a b.tar.gz").write_text("12345")
    (tmp_path / "job.yml").write_text("x: {class: File, path: 'sub/a b.tar.gz'}\n")
    found = read_inputs(tmp_path / "job.yml", workflow(x="File"))
    assert found == {
        "x": {
            "class": "File",
            "location": f"file://{tmp_path}/sub/a%20b.tar.gz",
            "path": f"{tmp_path}/sub/a b.tar.gz",
            "basename": "a b.tar.gz",
            "dirname": f"{tmp_path}/sub",
            "nameroot": "a b.tar",
            "nameext": ".gz",
            "size": 5,
        }
    }


def test_of_very_many_mistakes_the_first_are_told_and_how_many_more_there_are(tmp_path: Path) -> None:
    files = [{"class": "File", "path": f"{number}.txt"} for number in range(1234)]
    told = mistakes({"x": files}, workflow(x=FILES), tmp_path)
    assert len(told) == MOST_TOLD + 1
    assert "'x'[0]" in told[0]
    assert told[-1] == "... and 1,184 more"


@pytest.mark.parametrize(
    "written",
    ["path: data.txt", "location: data.txt", "location: 'file://{0}/data.txt'", "path: '{0}/data.txt'"],
)
def test_a_file_may_be_named_in_any_of_the_ways_of_cwl(tmp_path: Path, written: str) -> None:
    (tmp_path / "data.txt").write_text("x")
    (tmp_path / "job.yml").write_text(f"x: {{class: File, {written.format(tmp_path)}}}\n")
    assert read_inputs(tmp_path / "job.yml", workflow(x="File"))["x"]["path"] == f"{tmp_path}/data.txt"


def test_a_json_job_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(json.dumps({"n": 2**40, "on": "yes", "x": [1.5, 2]}))
    types = workflow(n="long", on="string", x={"type": "array", "items": "double"})
    assert read_inputs(tmp_path / "job.json", types) == {"n": 2**40, "on": "yes", "x": [1.5, 2.0]}


def test_yes_and_dates_are_text_in_a_job_file(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text("a: yes\nb: 2024-01-31\nc: on\n")
    found = read_inputs(tmp_path / "job.yml", workflow(a="string", b="string", c="string"))
    assert found == {"a": "yes", "b": "2024-01-31", "c": "on"}


def test_defaults_fill_what_is_missing_or_null(tmp_path: Path) -> None:
    ports = workflow(
        a=Parameter("a", "int", HERE, default=3),
        b=["null", "int"],
        c=Parameter("c", "string", HERE, default="x"),
    )
    assert read_inputs({"c": None}, ports) == {"a": 3, "b": None, "c": "x"}
    assert read_inputs(None, ports) == {"a": 3, "b": None, "c": "x"}


def test_a_default_file_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("x")
    port = Parameter("a", "File", HERE, default={"class": "File", "location": f"file://{tmp_path}/d.txt"})
    assert read_inputs({}, workflow(a=port))["a"]["size"] == 1


def test_declared_secondary_files_are_found_and_missing_ones_named(tmp_path: Path) -> None:
    for name in ("a.bam", "a.bam.bai", "a.fai"):
        (tmp_path / name).write_text("")
    patterns = [{"pattern": ".bai"}, {"pattern": "^.fai"}, {"pattern": ".no", "required": False}]
    port = Parameter("a", FILES, HERE, secondary_files=patterns)
    (found,) = read_inputs({"a": [{"class": "File", "path": "a.bam"}]}, workflow(a=port), tmp_path)["a"]
    assert [item["basename"] for item in found["secondaryFiles"]] == ["a.bam.bai", "a.fai"]
    (tmp_path / "a.fai").unlink()
    (line,) = mistakes({"a": [{"class": "File", "path": "a.bam"}]}, workflow(a=port), tmp_path)
    assert line == f"input 'a'[0]: {tmp_path}/a.bam needs a.fai beside it (secondaryFiles: '^.fai')"


def test_secondary_files_that_are_given_are_kept(tmp_path: Path) -> None:
    for name in ("a.bam", "other.bai"):
        (tmp_path / name).write_text("")
    given = {
        "class": "File",
        "path": "a.bam",
        "secondaryFiles": [{"class": "File", "path": "other.bai", "basename": "a.bam.bai"}],
    }
    port = Parameter("a", "File", HERE, secondary_files=[{"pattern": ".bai"}])
    found = read_inputs({"a": given}, workflow(a=port), tmp_path)["a"]
    assert [item["path"] for item in found["secondaryFiles"]] == [f"{tmp_path}/other.bai"]


def test_all_mistakes_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text(
        "n: 3000000000\nraw:\n  - {class: File, path: gone.txt}\nrun: twelve\nfiels: 3\nflag: 1\n"
    )
    found = mistakes(
        tmp_path / "job.yml",
        workflow(n="int", raw=FILES, run="int", files=["null", FILES], flag="boolean", needed="string"),
    )
    job = f"{tmp_path}/job.yml"
    assert found == [
        f"{job}:5:1: 'w' has no input 'fiels'; did you mean 'files'?",
        f"{job}:1:1: input 'n': 3000000000 does not fit int: from -2147483648 to 2147483647",
        f"{job}:2:1: input 'raw'[0]: File {tmp_path}/gone.txt cannot be read: No such file or directory",
        f"{job}:4:1: input 'run': must be a whole number (int), not 'twelve'",
        f"{job}:6:1: input 'flag': must be true or false, not 1",
        f"{job}: input 'needed' is missing; its type is string",
    ]


@pytest.mark.parametrize(
    ("type_", "value", "message"),
    [
        ("File", "data.txt", "must be a File, as {class: File, path: ...}, not 'data.txt'"),
        (
            "File",
            {"class": "Directory", "path": "."},
            "must be a File, as {class: File, path: ...}, not a Directory",
        ),
        ("File", {"class": "File"}, "a File needs a path, a location or contents"),
        ("File", {"class": "File", "path": "."}, "is a directory; its class is File"),
        ("Directory", {"class": "Directory", "path": "f"}, "is no directory; its class is Directory"),
        (FILES, {"class": "File", "path": "f"}, "must be File[], a list, not a File"),
        (["null", "int"], "x", "must be int?, not 'x'"),
        (["int", "string"], [1], "must be (int or string), not [1]"),
        (["null", FILES], [{"class": "File", "path": "gone"}], "[0]: File"),
        (
            {"type": "enum", "symbols": ["up", "down"]},
            "dwn",
            "must be one of up, down, not 'dwn'; did you mean 'down'?",
        ),
        (
            {"type": "record", "fields": [{"name": "a", "type": "int"}]},
            {"a": "x"},
            ".a: must be a whole number",
        ),
        ({"type": "record", "fields": [{"name": "a", "type": "int"}]}, {"a": 1, "b": 2}, "unknown field 'b'"),
        ({"type": "record", "fields": [{"name": "a", "type": "int"}]}, 3, "must be a record, a map, not 3"),
        ("long", 2**63, "does not fit long"),
        ("int", True, "must be a whole number (int), not True"),
        ("int", 1.0, "must be a whole number (int), not 1.0"),
        ("double", "1", "must be a number, not '1'"),
        ("string", 1, "must be a string, not 1"),
        ("Any", None, "is missing; its type is Any"),
        ("Any", {"a": [{"class": "File", "path": "gone"}]}, ".a[0]: File"),
    ],
)
def test_a_value_of_the_wrong_type_is_told(tmp_path: Path, type_: Json, value: Json, message: str) -> None:
    (tmp_path / "f").write_text("")
    (line,) = mistakes({"x": value}, workflow(x=type_), tmp_path)
    assert line.startswith("input 'x'")
    assert message in line


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    (tmp_path / "f").chmod(0)
    if os.access(tmp_path / "f", os.R_OK):
        pytest.skip("this user may read everything")
    (line,) = mistakes({"x": {"class": "File", "path": "f"}}, workflow(x="File"), tmp_path)
    assert "Permission denied" in line


def test_what_is_not_a_local_file_is_left_alone() -> None:
    url = {"class": "File", "location": "https://example.org/a.root"}
    literal = {"class": "File", "contents": "abc", "basename": "x"}
    assert read_inputs({"a": url, "b": literal}, workflow(a="File", b="File")) == {"a": url, "b": literal}


def test_a_format_is_written_out_by_the_namespaces_of_the_job(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("")
    job = {"$namespaces": {"edam": "http://edam/"}, "x": {"class": "File", "path": "f", "format": "edam:f_1"}}
    assert read_inputs(job, workflow(x="File"), tmp_path)["x"]["format"] == "http://edam/f_1"


@pytest.mark.parametrize("suffix", ["yml", "json"])
@pytest.mark.parametrize(
    ("written", "value"),
    [("1.23e5", 123000), ("4.2e+42", 42 * 10**41), ("7", 7), ("1.0", 1.0), ("1e-3", 0.001), ("2.5", 2.5)],
)
def test_a_whole_number_with_an_exponent_is_an_integer(
    tmp_path: Path, suffix: str, written: str, value: float
) -> None:
    (tmp_path / f"job.{suffix}").write_text(f'{{"x": {written}}}')
    found = read_inputs(tmp_path / f"job.{suffix}", workflow(x="double"))["x"]
    assert (found, type(found)) == (value, type(value))


def test_an_unknown_input_is_left_alone_outside_templates_and_can_be_asked_for() -> None:
    plain = workflow(template=False, a="int")
    assert read_inputs({"a": 1, "b": 2}, plain) == {"a": 1}
    assert unknown_inputs({"a": 1, "b": 2}, plain) == ["'w' has no input 'b'; known: a"]
    with pytest.raises(InputError):
        read_inputs({"a": 1, "b": 2}, plain, strict=True)


def test_the_document_that_a_job_file_names_is_found_beside_it(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text("cwl:tool: ../tools/x.cwl#main\na: 1\n")
    assert tool_of(tmp_path / "job.yml") == f"{tmp_path.parent}/tools/x.cwl#main"
    assert read_inputs(tmp_path / "job.yml", workflow(a="int")) == {"a": 1}
    assert given_names(tmp_path / "job.yml") == {"a"}
    (tmp_path / "other.yml").write_text("a: 1\n")
    assert tool_of(tmp_path / "other.yml") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "a job file is a map of inputs"),
        ("a: [", "YAML"),
        ('{"a": ', "YAML"),
        ("a: 1\na: 2\n", "stands twice"),
    ],
)
def test_a_job_file_that_is_none_is_told(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "job.yml").write_text(text)
    (line, *_) = mistakes(tmp_path / "job.yml", workflow(a="int"))
    assert line.startswith(f"{tmp_path}/job.yml:")
    assert message in line


def test_a_missing_job_file_is_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "no.yml", workflow()) == [
        f"cannot read the job file {tmp_path}/no.yml: No such file or directory"
    ]


def test_an_empty_job_file_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "job.yml").write_text("# nothing\n")
    assert read_inputs(tmp_path / "job.yml", workflow(a=["null", "int"])) == {"a": None}


@pytest.mark.shared
def test_the_job_files_of_the_language_fit_their_templates(shared: Path) -> None:
    from helios_wf.cwl.load import load

    for job in sorted((shared / "language").glob("*.job.yml")):
        process = load(job.with_name(job.name.replace(".job.yml", ".cwl"))).process
        assert set(read_inputs(job, process)) == {port.name for port in process.inputs}


@given(value=st.integers(-(2**70), 2**70))
def test_a_whole_number_fits_long_wherever_it_fits_int(value: int) -> None:
    fits_int, fits_long = (scalar_misfit(value, type_) is None for type_ in ("int", "long"))
    assert fits_int <= fits_long
    assert fits_int == (-(2**31) <= value < 2**31)


@given(
    stem=st.from_regex(r"[a-z]{1,5}", fullmatch=True),
    extensions=st.lists(st.sampled_from(["gz", "tar", "b"]), max_size=3),
)
def test_each_caret_takes_one_extension(stem: str, extensions: list[str]) -> None:
    name = ".".join([stem, *extensions])
    for carets in range(5):
        kept = extensions[: max(0, len(extensions) - carets)]
        assert sibling(name, "^" * carets + ".x") == ".".join([stem, *kept, "x"])


def test_an_input_of_a_workflow_has_contents_where_it_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("42\n")
    process = workflow(f=Parameter("f", "File", HERE, load_contents=True))
    job = {"f": {"class": "File", "path": "f.txt"}}
    assert read_inputs(job, process, tmp_path)["f"]["contents"] == "42\n"
    (tmp_path / "f.txt").write_text("4" * 65537)
    with pytest.raises(InputError, match=r"input 'f': .*at most 64 KiB"):
        read_inputs(job, process, tmp_path)
