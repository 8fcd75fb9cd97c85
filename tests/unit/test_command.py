from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helios_wf.cwl.asked import Asked
from helios_wf.cwl.command import CompiledTool, Invocation, way_of
from helios_wf.cwl.files import Folders
from helios_wf.cwl.javascript import complete
from helios_wf.cwl.schema import UncoveredError
from helios_wf.errors import JobError
from helios_wf.model import Cuda, Json, Resources
from helios_wf.states import Cause

SHELL = {"class": "ShellCommandRequirement"}
JAVASCRIPT = {"class": "InlineJavascriptRequirement"}


def tool_of(*inputs: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": "tool",
        "inputs": list(inputs),
        "outputs": [],
        **fields,
    }


def entry(name: str, kind: Json, **binding: Json) -> dict[str, Json]:
    return {"id": name, "type": kind, "inputBinding": binding}


def prepared(tool: dict[str, Json], inputs: dict[str, Json], directory: Path) -> Invocation:
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("out", "tmp"):
        (directory / name).mkdir(exist_ok=True)
    return CompiledTool(tool).prepare(inputs, Resources(), Folders(str(directory)))


def words_of(tool: dict[str, Json], inputs: dict[str, Json], directory: Path) -> list[str]:
    """Returns the command line, with staged paths replaced by those of the inputs themselves."""
    invocation = prepared(tool, inputs, directory)
    words = invocation.argv
    for seen, source in sorted(invocation.stage.sources.items(), key=lambda each: -len(each[0])):
        words = [word.replace(seen, source) for word in words]
    return words


class Cwltool:
    """What cwltool makes of a tool and its inputs."""

    def __init__(self, tool: dict[str, Json], inputs: dict[str, Json], directory: Path) -> None:
        warnings.simplefilter("ignore")
        import cwltool.workflow
        from cwltool.context import LoadingContext, RuntimeContext
        from cwltool.load_tool import load_tool

        from helios_wf.cwl.quickjs_engine import install

        install()
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "tool.cwl"
        path.write_text(json.dumps(tool))
        loading = LoadingContext({"disable_js_validation": True, "relax_path_checks": True})
        loading.construct_tool_object = cwltool.workflow.default_make_tool
        context = RuntimeContext(
            {
                "outdir": str(directory / "out"),
                "tmpdir": str(directory / "tmp"),
                "basedir": str(directory),
                "use_container": False,
                "toplevel": True,
            }
        )
        (self.job,) = load_tool(str(path), loading).job(copy.deepcopy(inputs), lambda *_: None, context)
        self.words = [self._plain(word) for word in self.job.command_line]
        self.stdin = self.job.stdin and self._plain(self.job.stdin)

    def _plain(self, word: str) -> str:
        for _, entry in self.job.pathmapper.items():
            word = word.replace(entry.target, entry.resolved)
        return word


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.raw", "a.raw.idx", "b c.raw", "ü.raw"):
        (folder / name).write_text(f"contents of {name}")
    return folder


def file_at(path: Path, **fields: Json) -> dict[str, Json]:
    return {"class": "File", "location": path.as_uri(), **fields}


CASES: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "nothing but the base command": (tool_of(), {}),
    "several words and arguments": (
        tool_of(
            baseCommand=["tool", "sub"],
            arguments=["-x", "$(runtime.cores)", {"valueFrom": "y", "prefix": "-y"}],
        ),
        {},
    ),
    "positions": (
        tool_of(
            entry("b", "int", position=1),
            entry("a", "string", position=1),
            entry("first", "string", position=-1),
            entry("zero", "string"),
            arguments=[{"valueFrom": "one", "position": 1}, {"valueFrom": "minus", "position": -1}, "none"],
        ),
        {"a": "A", "b": 7, "first": "f", "zero": "0"},
    ),
    "prefixes": (
        tool_of(
            entry("x", "int", prefix="-x"),
            entry("y", "int", prefix="--y=", separate=False),
            entry("on", "boolean", prefix="--on"),
            entry("off", "boolean", prefix="--off"),
            entry("bare", "boolean"),
            entry("gone", "int?", prefix="--gone"),
        ),
        {"x": 1, "y": 2, "on": True, "off": False, "bare": True},
    ),
    "numbers": (
        tool_of(entry("a", "double"), entry("b", "float"), entry("c", "long")),
        {"a": 0.5, "b": 3, "c": 2**40},
    ),
    "arrays": (
        tool_of(
            entry("plain", "string[]", prefix="-p"),
            entry("joined", "int[]", prefix="-j", itemSeparator=","),
            entry("empty", "int[]", prefix="-e"),
            entry("empty_joined", "int[]", prefix="-f", itemSeparator=","),
            {"id": "each", "type": {"type": "array", "items": "string", "inputBinding": {"prefix": "-i"}}},
            {
                "id": "both",
                "type": {"type": "array", "items": "string", "inputBinding": {"prefix": "-i"}},
                "inputBinding": {"prefix": "-o", "position": 3},
            },
        ),
        {
            "plain": ["x", "y"],
            "joined": [1, 2],
            "empty": [],
            "empty_joined": [],
            "each": ["a", "b"],
            "both": ["c"],
        },
    ),
    "nested arrays": (
        tool_of(
            entry("n", {"type": "array", "items": {"type": "array", "items": "int"}}, prefix="-n"),
            {
                "id": "m",
                "type": {
                    "type": "array",
                    "items": {"type": "array", "items": "int", "inputBinding": {"prefix": "-i"}},
                    "inputBinding": {"prefix": "-m"},
                },
                "inputBinding": {"position": 2},
            },
        ),
        {"n": [[1, 2], [3]], "m": [[4], [5, 6]]},
    ),
    "records": (
        tool_of(
            {
                "id": "r",
                "type": {
                    "type": "record",
                    "name": "R",
                    "fields": [
                        {"name": "b", "type": "int", "inputBinding": {"prefix": "-b", "position": 2}},
                        {"name": "a", "type": "string", "inputBinding": {"prefix": "-a", "position": 1}},
                        {"name": "quiet", "type": "string"},
                    ],
                },
                "inputBinding": {"prefix": "-r", "position": 1},
            },
            entry("x", "int", position=1),
        ),
        {"r": {"a": "A", "b": 1, "quiet": "q"}, "x": 5},
    ),
    "unions": (
        tool_of(
            entry("u", ["null", "int", "string"], prefix="-u"),
            entry("v", ["int", {"type": "array", "items": "int"}], prefix="-v"),
            entry("w", ["int", {"type": "array", "items": "int"}], prefix="-w", itemSeparator=":"),
        ),
        {"u": "text", "v": [1, 2], "w": [3, 4]},
    ),
    "anything": (
        tool_of(entry("a", "Any", prefix="-a"), entry("b", "Any", prefix="-b")),
        {"a": [1, "x"], "b": "y"},
    ),
    "enums and defaults": (
        tool_of(
            {**entry("e", {"type": "enum", "symbols": ["low", "high"]}, prefix="-e"), "default": "low"},
            {**entry("d", "int", prefix="-d"), "default": 7},
        ),
        {"d": None},
    ),
    "values from expressions": (
        tool_of(
            entry("x", "int", valueFrom="v$(self)", prefix="-x"),
            entry("l", "string[]", valueFrom="$(self)", prefix="-l"),
            entry("s", "string[]", valueFrom="$(inputs.l)", prefix="-s", itemSeparator="+"),
            entry("n", "int", valueFrom="$(null)", prefix="-n"),
            {
                "id": "i",
                "type": {"type": "array", "items": "int", "inputBinding": {"valueFrom": "<$(self)>"}},
            },
        ),
        {"x": 1, "l": ["a", "b"], "s": ["c"], "n": 3, "i": [1, 2]},
    ),
    "positions from expressions": (
        tool_of(
            entry("x", "int", position="$(self)"),
            entry("y", "int", position="$(inputs.x)"),
            arguments=[{"valueFrom": "z", "position": "$(inputs.x)"}],
        ),
        {"x": 2, "y": 1},
    ),
    "a shell": (
        tool_of(
            entry("x", "string"),
            entry("raw", "string", shellQuote=False),
            arguments=["a b", {"valueFrom": "> out", "shellQuote": False, "position": 9}],
            requirements=[SHELL],
        ),
        {"x": "it's $HOME", "raw": "| cat"},
    ),
    "JavaScript": (
        tool_of(
            entry("x", "int", valueFrom="$(self * 2)", position="${ return inputs.x - 5; }"),
            arguments=["$(['a', 'b'])", "$(null)", "$(true)", {"valueFrom": "$([])", "prefix": "-e"}],
            requirements=[JAVASCRIPT],
        ),
        {"x": 4},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_command_line_is_that_of_cwltool(case: str, tmp_path: Path) -> None:
    tool, inputs = CASES[case]
    assert words_of(tool, inputs, tmp_path / "ours") == Cwltool(tool, inputs, tmp_path / "theirs").words


def test_files_go_by_their_own_path(tmp_path: Path, data: Path) -> None:
    tool = tool_of(entry("f", "File"), entry("g", "File[]", prefix="-g"), entry("d", "Directory"))
    inputs: dict[str, Json] = {
        "f": file_at(data / "ü.raw"),
        "g": [file_at(data / "a.raw"), file_at(data / "b c.raw")],
        "d": {"class": "Directory", "location": data.as_uri()},
    }
    words = words_of(tool, inputs, tmp_path / "ours")
    assert sorted(words) == sorted(Cwltool(tool, inputs, tmp_path / "theirs").words)
    assert words[-1] == str(data / "b c.raw")
    assert not (tmp_path / "ours" / "inputs").exists()


def test_a_file_of_another_name_is_staged_under_it(tmp_path: Path, data: Path) -> None:
    tool = tool_of(entry("f", "File"))
    invocation = prepared(tool, {"f": file_at(data / "a.raw", basename="run7.raw")}, tmp_path / "job")
    path = Path(invocation.argv[1])
    assert path.name == "run7.raw"
    assert path.resolve() == data / "a.raw"
    assert invocation.scope.inputs["f"]["nameroot"] == "run7"
    assert invocation.scope.inputs["f"]["size"] == len("contents of a.raw")


def test_secondary_files_lie_beside_their_file(tmp_path: Path, data: Path) -> None:
    far = tmp_path / "far.idx"
    far.touch()
    tool = tool_of({**entry("f", "File"), "secondaryFiles": [{"pattern": ".idx"}]})
    near = prepared(tool, {"f": file_at(data / "a.raw")}, tmp_path / "near")
    assert near.argv[1] == str(data / "a.raw")
    assert near.scope.inputs["f"]["secondaryFiles"][0]["path"] == str(data / "a.raw.idx")
    given = file_at(data / "a.raw", secondaryFiles=[file_at(far, basename="a.raw.idx")])
    path = Path(prepared(tool, {"f": given}, tmp_path / "job").argv[1])
    assert (path.parent / "a.raw.idx").resolve() == far
    with pytest.raises(JobError, match=r"b c\.raw\.idx' is missing"):
        prepared(tool, {"f": file_at(data / "b c.raw")}, tmp_path / "gone")


def test_literals_and_contents(tmp_path: Path, data: Path) -> None:
    tool = tool_of(
        entry("f", "File"),
        {"id": "g", "type": "File", "loadContents": True},
        {"id": "d", "type": "Directory", "loadListing": "shallow_listing"},
        arguments=["$(inputs.g.contents)", "$(inputs.d.listing.length)"],
    )
    inputs: dict[str, Json] = {
        "f": {"class": "File", "basename": "new.txt", "contents": "hello"},
        "g": file_at(data / "a.raw"),
        "d": {"class": "Directory", "basename": "made", "listing": [file_at(data / "a.raw")]},
    }
    invocation = prepared(tool, inputs, tmp_path / "job")
    assert invocation.argv[1:3] == ["contents of a.raw", "1"]
    assert Path(invocation.argv[3]).read_text() == "hello"
    assert Path(invocation.argv[3]).name == "new.txt"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"n": "seven"}, "input 'n' must be null or int; 'seven' was given"),
        ({"n": 2**31}, "input 'n' must be null or int; 2147483648 was given"),
        ({"n": True}, "input 'n' must be null or int; True was given"),
        ({"f": {"class": "File"}}, "a File needs a location, a path or contents"),
        (
            {"f": {"class": "File", "path": "/no/such.raw"}},
            "File '/no/such.raw' cannot be read: No such file",
        ),
        ({"f": {"class": "File", "path": "/"}}, "'/' is a directory; its class is File"),
        ({"f": {"class": "File", "location": "https://x.org/a"}}, "cannot read 'https://x.org/a'"),
        ({"must": None}, "input 'must' must be string; it is missing"),
    ],
)
def test_an_input_that_does_not_fit_is_named(value: dict[str, Json], text: str, tmp_path: Path) -> None:
    tool = tool_of(entry("n", ["null", "int"]), entry("f", ["null", "File"]), entry("must", "string"))
    with pytest.raises(JobError) as caught:
        prepared(tool, {"must": "x", **value}, tmp_path / "job")
    assert caught.value.cause is Cause.BAD_INPUT
    assert text in str(caught.value)


def test_streams_environment_and_time_limit(tmp_path: Path, data: Path) -> None:
    tool = tool_of(
        {"id": "f", "type": "File"},
        stdin="$(inputs.f.path)",
        stdout="$(inputs.f.nameroot).txt",
        stderr="log/err.txt",
        requirements=[
            {
                "class": "EnvVarRequirement",
                "envDef": [{"envName": "RAW", "envValue": "<$(inputs.f.basename)>"}],
            },
            {"class": "ToolTimeLimit", "timelimit": 60},
        ],
    )
    inputs: dict[str, Json] = {"f": file_at(data / "a.raw")}
    ours, theirs = prepared(tool, inputs, tmp_path / "ours"), Cwltool(tool, inputs, tmp_path / "theirs")
    assert (ours.stdin, ours.stdout, ours.stderr) == (theirs.stdin, theirs.job.stdout, theirs.job.stderr)
    assert ours.stdin == str(data / "a.raw")
    assert ours.environment["RAW"] == theirs.job.environment["RAW"] == "<a.raw>"
    assert ours.time_limit_s == theirs.job.timelimit == 60


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_a_stream_may_not_leave_the_working_directory(name: str, tmp_path: Path) -> None:
    with pytest.raises(JobError, match="working directory"):
        prepared(tool_of(stdout=name), {}, tmp_path)


def test_the_working_directory_is_laid_out(tmp_path: Path, data: Path) -> None:
    listing = [
        {"entryname": "cfg/run.json", "entry": '{"n": $(inputs.n), "cost": "\\$(5)"}'},
        {"entryname": "own.raw", "entry": "$(inputs.f)", "writable": True},
        {"entry": "$(inputs.g)"},
        {"entryname": "object.json", "entry": "$(inputs.o)"},
        "$(inputs.gone)",
    ]
    tool = tool_of(
        entry("f", "File"),
        entry("g", "File"),
        {"id": "n", "type": "int"},
        {"id": "o", "type": "Any"},
        {"id": "gone", "type": "File?"},
        requirements=[{"class": "InitialWorkDirRequirement", "listing": listing}],
    )
    inputs: dict[str, Json] = {
        "f": file_at(data / "a.raw"),
        "g": file_at(data / "ü.raw"),
        "n": 3,
        "o": {"b": 1},
    }
    words = prepared(tool, inputs, tmp_path / "job").argv
    out = tmp_path / "job" / "out"
    assert (out / "cfg/run.json").read_text() == '{"n": 3, "cost": "$(5)"}'
    assert json.loads((out / "object.json").read_text()) == {"b": 1}
    assert words == ["tool", str(out / "own.raw"), str(out / "ü.raw")]
    (out / "own.raw").write_text("changed")
    assert (data / "a.raw").read_text() == "contents of a.raw"
    assert (out / "ü.raw").resolve() == data / "ü.raw"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_an_entry_may_not_leave_the_working_directory(name: str, tmp_path: Path) -> None:
    listing = [{"entryname": name, "entry": "text"}]
    tool = tool_of(requirements=[{"class": "InitialWorkDirRequirement", "listing": listing}])
    with pytest.raises(JobError, match="leads out of the working directory"):
        prepared(tool, {}, tmp_path / "job")


def resources_of(tool: dict[str, Json], inputs: dict[str, Json]) -> Resources:
    return complete(Asked(tool).work(inputs))


def test_resources_are_evaluated(data: Path) -> None:
    asked = {
        "class": "ResourceRequirement",
        "coresMin": "$(inputs.n)",
        "ramMin": "$(inputs.f.size)",
        "tmpdirMax": 5,
    }
    tool = tool_of(
        {"id": "n", "type": "int", "default": 3}, {"id": "f", "type": "File"}, requirements=[asked]
    )
    found = resources_of(tool, {"f": file_at(data / "a.raw")})
    assert found == Resources(cores=3, ram_mb=17, tmpdir_mb=5)
    assert resources_of(tool_of(), {}) == Resources()
    with pytest.raises(JobError, match="ramMin must be a number"):
        resources_of(tool_of(requirements={"ResourceRequirement": {"ramMin": "lots"}}), {})


def test_resources_look_only_at_the_inputs_that_their_expressions_use(tmp_path: Path) -> None:
    asked = {"class": "ResourceRequirement", "ramMin": "$(inputs.n * 2)"}
    script = {"class": "InlineJavascriptRequirement"}
    tool = tool_of({"id": "n", "type": "int"}, {"id": "f", "type": "File"}, requirements=[asked, script])
    # a File without a place cannot be described
    assert resources_of(tool, {"n": 4, "f": {"class": "File", "path": 7}}).ram_mb == 8


@pytest.mark.parametrize(
    ("asked", "gpus", "cuda"),
    [
        ({}, 1, Cuda()),
        ({"cudaDeviceCountMin": "$(inputs.n)"}, 3, Cuda(most=3)),
        ({"cudaDeviceCountMax": 4}, 4, Cuda(most=4)),
        ({"cudaDeviceCountMin": 2, "cudaDeviceCountMax": 4}, 2, Cuda(most=4)),
        (
            {"cudaVersionMin": "11.4", "cudaComputeCapability": "7.0"},
            1,
            Cuda(version_min="11.4", capabilities=("7.0",)),
        ),
        (
            {"cudaComputeCapability": ["7.0", "8.0"]},
            1,
            Cuda(capabilities=("7.0", "8.0"), exactly=True),
        ),
    ],
)
def test_devices_are_asked_for_as_the_requirement_says(asked: dict[str, Json], gpus: int, cuda: Cuda) -> None:
    requirement = {"class": "cwltool:CUDARequirement", **asked}
    tool = tool_of({"id": "n", "type": "int", "default": 3}, requirements=[requirement])
    assert resources_of(tool, {}) == Resources(gpus=gpus, cuda=cuda)


def test_the_way_of_a_tool_is_told_with_its_reason() -> None:
    assert way_of(tool_of()) == ("compiled", "")
    assert way_of(tool_of(arguments=["$(runtime.cores)"], requirements=[JAVASCRIPT])) == ("compiled", "")
    script = tool_of(arguments=["$(runtime.cores + 1)", "${ return 1; }"], requirements=[JAVASCRIPT])
    found = way_of(script)
    assert found == ("compiled with JavaScript", "it has to evaluate '$(runtime.cores + 1)' and 1 more")
    way, reason = way_of(tool_of(arguments=["$(runtime.cores + 1)"]))
    assert (way, "JavaScript needs an InlineJavascriptRequirement" in reason) == ("unsupported", True)
    way, reason = way_of(tool_of(requirements=[{"class": "http://commonwl.org/cwltool#MPIRequirement"}]))
    assert way == "reference"
    assert "MPIRequirement" in reason
    docker = {"DockerRequirement": {"dockerPull": "debian"}}
    assert way_of(tool_of(requirements=docker)) == ("compiled", "")
    with pytest.raises(UncoveredError, match="Unheard"):
        CompiledTool(tool_of({"id": "x", "type": "Unheard"}))


TEXTS = st.text(alphabet="ab' $\\é", max_size=4)
VALUES: dict[str, st.SearchStrategy[Json]] = {
    "int": st.integers(-9, 9),
    "string": TEXTS,
    "boolean": st.booleans(),
    "double": st.sampled_from([0.5, -2.25, 1e3]),
}
PREFIXES = st.sampled_from(["-p", "--long", "--is="])


@st.composite
def bindings(draw: st.DrawFn) -> dict[str, Json]:
    binding: dict[str, Json] = {}
    if draw(st.booleans()):
        binding["prefix"] = draw(PREFIXES)
        binding["separate"] = draw(st.booleans())
    if draw(st.booleans()):
        binding["position"] = draw(st.integers(-2, 2))
    if draw(st.integers(0, 3)) == 0:
        binding["itemSeparator"] = ","
    if draw(st.integers(0, 4)) == 0:
        binding["valueFrom"] = draw(st.sampled_from(["fixed", "$(self)", "<$(self)>", "$(runtime.cores)"]))
    return binding


@st.composite
def typed(draw: st.DrawFn, depth: int = 2) -> tuple[Json, Json]:
    """Draws a type and a value of it."""
    shape = draw(
        st.sampled_from(["scalar", "optional", "array", "record", "union", "Any"] if depth else ["scalar"])
    )
    kind = draw(st.sampled_from(sorted(VALUES)))
    value = draw(VALUES[kind])
    if shape == "scalar":
        return kind, value
    if shape == "optional":
        return ["null", kind], draw(st.sampled_from([None, value]))
    if shape == "Any":
        return "Any", draw(st.sampled_from([value, [value, value], {"k": value}]))
    if shape == "union":
        below, under = draw(typed(depth - 1))
        if (
            isinstance(below, list)
            or below == "Any"
            or (isinstance(below, dict) and below["type"] == "array")
        ):
            return below, under
        return [{"type": "array", "items": "int"}, below], under
    own = {"inputBinding": draw(bindings())} if draw(st.booleans()) else {}
    if shape == "array":
        below, under = draw(typed(depth - 1))
        return {"type": "array", "items": below, **own}, [under] * draw(st.integers(0, 3))
    fields, values = [], {}
    for name in draw(st.lists(st.sampled_from("wxyz"), min_size=1, max_size=3, unique=True)):
        below, values[name] = draw(typed(depth - 1))
        fields.append({"name": name, "type": below, "inputBinding": draw(bindings())})
    return {"type": "record", "name": draw(st.uuids()).hex, "fields": fields, **own}, values


@st.composite
def jobs(draw: st.DrawFn) -> tuple[dict[str, Json], dict[str, Json]]:
    inputs, values = [], {}
    for name in draw(st.lists(st.sampled_from(["a", "B", "c1", "_d"]), max_size=4, unique=True)):
        kind, value = draw(typed())
        bound = {"inputBinding": draw(bindings())} if draw(st.integers(0, 3)) else {}
        inputs.append({"id": name, "type": kind, **bound})
        values[name] = value
    arguments: list[Any] = draw(
        st.lists(st.sampled_from(["x", "$(runtime.cores)", {"valueFrom": "y", "position": 1}]))
    )
    requirements = [SHELL] if draw(st.booleans()) else []
    return tool_of(*inputs, arguments=arguments, requirements=requirements), values


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(jobs())
def test_any_command_line_is_that_of_cwltool(
    tmp_path_factory: pytest.TempPathFactory, job: tuple[dict[str, Json], dict[str, Json]]
) -> None:
    tool, values = job
    folder = tmp_path_factory.mktemp("any")
    expected = Cwltool(tool, values, folder / "theirs").words
    assert words_of(tool, values, folder / "ours") == expected
