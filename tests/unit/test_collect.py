from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from helios_wf.cwl.collect import Collection
from helios_wf.cwl.command import CompiledTool
from helios_wf.cwl.files import Folders
from helios_wf.cwl.found import deep
from helios_wf.errors import JobError
from helios_wf.model import Json, Resources
from helios_wf.states import Cause

JAVASCRIPT = {"InlineJavascriptRequirement": {}}


class Left:
    """A working directory as a tool left it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "job" / "out"
        self.out.mkdir(parents=True)
        self.data = folder / "data"
        self.data.mkdir()

    def put(self, name: str, text: str = "x") -> Path:
        path = self.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def collect(
        self, outputs: dict[str, Json], exit_code: int = 0, inputs: Json = None, **fields: Json
    ) -> Json:
        names = dict.fromkeys(inputs or {}, "File?")
        body = {"class": "CommandLineTool", "baseCommand": "x", "inputs": names, "outputs": outputs, **fields}
        tool = CompiledTool(body)
        given = {name: {"class": "File", "path": str(path)} for name, path in (inputs or {}).items()}
        invocation = tool.prepare(given, Resources(), Folders(str(self.folder / "job")))
        return Collection(tool).collect(invocation, exit_code)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


def glob(pattern: Json, kind: Json = "File", **fields: Json) -> dict[str, Json]:
    binding = {key: fields.pop(key) for key in ("outputEval", "loadContents", "loadListing") if key in fields}
    return {"type": kind, "outputBinding": {"glob": pattern, **binding}, **fields}


def test_a_file_has_place_names_size_and_checksum(left: Left) -> None:
    path = left.put("h é#1.json", "abc")
    assert left.collect({"h": glob("h*.json")}) == {
        "h": {
            "class": "File",
            "location": path.as_uri(),
            "path": str(path),
            "basename": "h é#1.json",
            "nameroot": "h é#1",
            "nameext": ".json",
            "size": 3,
            "checksum": "sha1$" + hashlib.sha1(b"abc").hexdigest(),
        }
    }


def test_several_matches_come_in_order_and_none_is_an_empty_list_or_null(left: Left) -> None:
    for name in ("c.txt", "a.txt", "b.txt", "sub/d.dat"):
        left.put(name)
    found = left.collect(
        {
            "texts": glob("*.txt", "File[]"),
            "two": glob(["sub/*.dat", "a.txt"], "File[]"),
            "none": glob("*.root", "File[]"),
            "maybe": glob("*.root", "File?"),
            "perhaps": glob("*.root", ["null", {"type": "array", "items": "File"}]),
        }
    )
    assert [each["basename"] for each in found["texts"]] == ["a.txt", "b.txt", "c.txt"]
    assert [each["basename"] for each in found["two"]] == ["d.dat", "a.txt"]
    assert (found["none"], found["maybe"], found["perhaps"]) == ([], None, None)


def test_a_glob_may_be_an_expression_and_characters_in_names_are_literal(left: Left) -> None:
    left.put("out[1].txt")
    raw = left.data / "a.raw"
    raw.touch()
    left.put("a.dec")
    outputs = {"dec": glob("$(inputs.raw.nameroot).dec"), "all": glob("$(['a.dec', 'out*'])", "File[]")}
    found = left.collect(outputs, inputs={"raw": raw}, requirements=JAVASCRIPT)
    assert found["dec"]["basename"] == "a.dec"
    assert [each["basename"] for each in found["all"]] == ["a.dec", "out[1].txt"]


def test_captured_streams_are_outputs(left: Left) -> None:
    left.put("log[1].txt", "said")
    found = left.collect({"log": "stdout"}, stdout="log[1].txt")
    assert found["log"]["size"] == 4


def test_output_eval_sees_files_contents_and_the_exit_code(left: Left) -> None:
    left.put("n.txt", "42\n")
    outputs = {
        "n": glob("n.txt", "int", loadContents=True, outputEval="$(parseInt(self[0].contents))"),
        "code": {"type": "int", "outputBinding": {"outputEval": "$(runtime.exitCode)"}},
        "name": glob("n.txt", "string", outputEval="$(self[0].basename)"),
        "renamed": glob("n.txt", "File", outputEval="${ self[0].basename = 'm.txt'; return self[0]; }"),
        "made": {
            "type": "File",
            "outputBinding": {"outputEval": "$({class: 'File', basename: 'made.txt', contents: 'new'})"},
        },
    }
    found = left.collect(outputs, exit_code=3, requirements=JAVASCRIPT)
    assert (found["n"], found["code"], found["name"]) == (42, 3, "n.txt")
    assert (found["renamed"]["basename"], found["renamed"]["nameroot"]) == ("m.txt", "m")
    assert Path(found["renamed"]["path"]).name == "n.txt"
    assert Path(found["made"]["path"]).read_text() == "new"


def test_secondary_files_and_format_are_added(left: Left) -> None:
    for name in ("a.bam", "a.bam.bai", "a.idx"):
        left.put(name)
    secondary = [{"pattern": ".bai", "required": True}, {"pattern": "^.idx"}, {"pattern": ".gone"}]
    found = left.collect({"bam": glob("a.bam", secondaryFiles=secondary, format="http://x.org/bam")})
    assert [each["basename"] for each in found["bam"]["secondaryFiles"]] == ["a.bam.bai", "a.idx"]
    assert all(each["checksum"] for each in found["bam"]["secondaryFiles"])
    assert found["bam"]["format"] == "http://x.org/bam"
    with pytest.raises(JobError, match=r"'a.bam.crai' of 'a.bam' is missing"):
        left.collect({"bam": glob("a.bam", secondaryFiles=[{"pattern": ".crai", "required": True}])})


def test_directories_are_outputs(left: Left) -> None:
    left.put("d/e/f.txt", "abc")
    found = left.collect(
        {"d": glob("d", "Directory"), "all": glob(".", "Directory", loadListing="shallow_listing")}
    )
    assert (found["d"]["class"], found["d"]["basename"], "listing" in found["d"]) == ("Directory", "d", False)
    assert [each["basename"] for each in found["all"]["listing"]] == ["d"]
    assert deep(found["d"])["listing"][0]["listing"][0]["checksum"].startswith("sha1$a9993e36")


def test_records_are_collected_by_field(left: Left) -> None:
    left.put("h.json")
    fields = [{"name": "hist", **glob("h.json")}, {"name": "log", **glob("*.log", "File?")}]
    found = left.collect({"r": {"type": {"type": "record", "name": "R", "fields": fields}}})
    assert found["r"]["hist"]["basename"] == "h.json"
    assert found["r"]["log"] is None


def test_cwl_output_json_is_taken_as_it_is(left: Left) -> None:
    left.put("sub/a.txt", "abc")
    given = {
        "n": 5,
        "f": {"class": "File", "path": "sub/a.txt"},
        "more": [{"class": "File", "location": "sub/a.txt"}],
    }
    left.put("cwl.output.json", json.dumps(given))
    found = left.collect({"n": "int", "f": "File", "more": "File[]"})
    assert found["n"] == 5
    assert found["f"]["path"] == str(left.out / "sub/a.txt")
    assert found["more"][0]["checksum"] == found["f"]["checksum"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "cwl.output.json is no JSON"),
        ("[]", "must hold an object"),
        ('{"n": "x"}', "output 'n' must be int; it is 'x'"),
        ("{}", "output 'n' (int) is missing"),
    ],
)
def test_a_wrong_cwl_output_json_is_told(text: str, reason: str, left: Left) -> None:
    left.put("cwl.output.json", text)
    with pytest.raises(JobError) as caught:
        left.collect({"n": "int"})
    assert caught.value.cause is Cause.MISSING_OUTPUT
    assert reason in str(caught.value)


def test_a_missing_output_is_named_with_its_glob_and_what_is_there(left: Left) -> None:
    left.put("other.txt")
    with pytest.raises(JobError) as caught:
        left.collect({"hist": glob("h_*.json")})
    assert caught.value.cause is Cause.MISSING_OUTPUT
    assert all(word in str(caught.value) for word in ("'hist'", "'h_*.json'", "'other.txt'", str(left.out)))


def test_two_matches_for_one_file_are_refused(left: Left) -> None:
    left.put("a.txt")
    left.put("b.txt")
    with pytest.raises(JobError, match=r"output 't' is one File.* matches 2: a.txt, b.txt"):
        left.collect({"t": glob("*.txt")})


@pytest.mark.parametrize("pattern", ["../*", "/etc/passwd", "a/../../b", "$('../x')"])
def test_a_glob_may_not_leave_the_working_directory(pattern: str, left: Left) -> None:
    with pytest.raises(JobError, match="leads out") as caught:
        left.collect({"x": glob(pattern, "File?")}, requirements=JAVASCRIPT)
    assert caught.value.cause is Cause.UNSAFE_OUTPUT


@pytest.mark.parametrize("name", ["link", "sub/link", "deep/inside"])
def test_a_link_out_of_the_directory_is_refused_wherever_it_is(name: str, left: Left) -> None:
    (left.out / "sub").mkdir()
    (left.out / "sub" / "link").symlink_to("/etc/passwd")
    (left.out / "link").symlink_to("/etc")
    (left.out / "deep").symlink_to("/etc")
    (left.out / "inside").symlink_to("deep/passwd")
    wanted = "deep/passwd" if name == "deep/inside" else name
    kind: Json = ["File", "Directory"]
    with pytest.raises(JobError) as caught:
        left.collect({"x": glob(wanted, kind)})
    assert caught.value.cause is Cause.UNSAFE_OUTPUT
    assert "/etc" in str(caught.value)
    with pytest.raises(JobError, match="leads to"):
        left.collect({"x": glob("sub", "Directory"), "y": glob("inside", "File?")})


def test_cwl_output_json_may_not_lead_out(left: Left) -> None:
    left.put("cwl.output.json", json.dumps({"f": {"class": "File", "path": "/etc/passwd"}}))
    with pytest.raises(JobError) as caught:
        left.collect({"f": "File"})
    assert caught.value.cause is Cause.UNSAFE_OUTPUT


def test_links_within_and_to_inputs_are_followed(left: Left) -> None:
    raw = left.data / "a.raw"
    raw.write_text("raw")
    left.put("real.txt")
    (left.out / "alias.txt").symlink_to("real.txt")
    (left.out / "same.raw").symlink_to(raw)
    found = left.collect({"alias": glob("alias.txt"), "same": glob("same.raw")}, inputs={"raw": raw})
    assert (found["alias"]["path"], found["alias"]["basename"]) == (str(left.out / "real.txt"), "alias.txt")
    assert (found["same"]["path"], found["same"]["basename"]) == (str(raw), "same.raw")


def test_what_lies_behind_a_staged_folder_is_where_the_input_is(left: Left) -> None:
    (left.data / "inner").mkdir()
    (left.data / "inner" / "a.txt").write_text("x")
    listing = [{"entry": "$(inputs.folder)", "entryname": "folder"}]
    body = {
        "class": "CommandLineTool",
        "baseCommand": "x",
        "inputs": {"folder": "Directory"},
        "outputs": {"inner": glob("folder/inner", "Directory"), "a": glob("folder/inner/a.txt")},
        "requirements": {"InitialWorkDirRequirement": {"listing": listing}},
    }
    tool = CompiledTool(body)
    given = {"folder": {"class": "Directory", "path": str(left.data)}}
    invocation = tool.prepare(given, Resources(), Folders(str(left.folder / "job")))
    found = Collection(tool).collect(invocation, 0)
    assert found["inner"]["path"] == str(left.data / "inner")
    assert found["a"]["path"] == str(left.data / "inner" / "a.txt")


def test_a_link_to_nothing_is_a_missing_output(left: Left) -> None:
    (left.out / "gone").symlink_to("not-there")
    with pytest.raises(JobError) as caught:
        left.collect({"x": glob("gone")})
    assert caught.value.cause is Cause.MISSING_OUTPUT


@pytest.mark.parametrize("name", ["..", ".", "../up", "a/b", "/etc/passwd", ""])
def test_a_basename_that_leads_elsewhere_is_unsafe_wherever_it_stands(left: Left, name: str) -> None:
    left.put("x")
    named = {"class": "File", "path": "x", "basename": name}
    folder = {"class": "Directory", "basename": "d", "listing": [named]}
    beside = {"class": "File", "path": "x", "secondaryFiles": [named]}
    for value in (named, folder, beside):
        left.put("cwl.output.json", json.dumps({"o": value}))
        with pytest.raises(JobError) as caught:
            left.collect({"o": "Any"})
        assert caught.value.cause is Cause.UNSAFE_OUTPUT


@pytest.mark.parametrize("pattern", ["pipe", "folder", "folder/pipe"])
def test_a_pipe_is_refused_and_not_read(left: Left, pattern: str) -> None:
    (left.out / "folder").mkdir()
    os.mkfifo(left.out / "pipe")
    os.mkfifo(left.out / "folder" / "pipe")
    with pytest.raises(JobError, match="pipe, socket or device") as caught:
        left.collect({"x": glob(pattern, ["File", "Directory"])})
    assert caught.value.cause is Cause.UNSAFE_OUTPUT


def test_a_name_that_is_no_utf_8_is_told(left: Left) -> None:
    (left.out / os.fsdecode(b"bad\xff.bin")).touch()
    with pytest.raises(JobError, match=r"bad\\udcff.bin' is no UTF-8"):
        left.collect({"x": glob("bad*")})


def test_the_final_outputs_have_size_and_checksum_of_files_that_no_tool_made(left: Left) -> None:
    passed = {"class": "File", "path": str(left.put("a", "abc"))}
    beside = {"class": "File", "path": str(left.put("b")), "secondaryFiles": [passed], "checksum": "sha1$1"}
    summed = passed | {"size": 3, "checksum": "sha1$" + hashlib.sha1(b"abc").hexdigest()}
    assert deep({"x": [passed, beside]}) == {"x": [summed, beside | {"secondaryFiles": [summed]}]}
