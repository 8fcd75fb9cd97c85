"""Any tool that is made up here is run, compiled, as cwltool runs it, and gives the same outputs."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twins import Twins

from helios_wf.model import Json

TEXTS = st.sampled_from(
    [
        "plain",
        "$(inputs.n)",
        "$(inputs.f.basename)",
        "$(inputs.f.nameroot)-$(inputs.n)",
        "<$(inputs.f.nameext)|$(inputs.r.name)>",
        "$(inputs['many'].length)$(inputs.many[0].basename)",
        "$(runtime.cores)/$(runtime.ram)",
        "\\$(not) $(inputs.e)",
        "$(inputs.r.name)\n",
    ]
)
"""Texts with parameter references, each of which gives text without a path."""

NAMES = st.sampled_from(["a.txt", "b.dat", "c d.cfg", "zé.json", "$(inputs.f.nameroot).txt", "n$(inputs.n)"])
"""Names that sort alike as they are and with quotes: cwltool sorts what a glob finds by quoted locations."""

PATTERNS = st.sampled_from(
    ["*", "*.txt", "[ab].*", "sub", "sub/*", "made.txt", "$(inputs.f.nameroot).*", "none"]
)

SECONDARY = st.sampled_from([".idx?", "^.idx?", {"pattern": ".idx", "required": False}, "^^.x?"])

SCRIPT = """\
cat; env | grep ^V_ | sort; ls; mkdir sub
for name in made.txt made.txt.idx made.idx a.dat sub/b.txt; do test -e "$name" || echo "$name" > "$name"; done
echo warned >&2; for word in "$@"; do echo "${word##*/}"; done; exit $CODE
"""


@st.composite
def entries(draw: st.DrawFn) -> list[Json]:
    """Draws a listing of an InitialWorkDirRequirement: different names, each input once.

    Of an input that is put at two places cwltool forgets one.
    """
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    inputs = draw(st.permutations(["$(inputs.f)", "$(inputs.d)"]))
    found: list[Json] = []
    for name in names:
        entry = (
            inputs.pop() if inputs and draw(st.booleans()) else draw(st.one_of(TEXTS, st.just("$(inputs.r)")))
        )
        found.append({"entryname": name, "entry": entry, "writable": draw(st.booleans())})
    found += [{"entry": each, "writable": draw(st.booleans())} for each in inputs if draw(st.booleans())]
    return found + draw(st.lists(st.sampled_from(["$(inputs.gone)", "$(inputs.many)"]), unique=True))


@st.composite
def outputs(draw: st.DrawFn) -> list[dict[str, Json]]:
    found: list[dict[str, Json]] = []
    for number in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["File?", "File[]", "Any", "string?", "stdout", "stderr"]))
        port: dict[str, Json] = {"id": f"o{number}", "type": kind}
        if kind not in ("stdout", "stderr"):
            port["outputBinding"] = {"glob": draw(st.one_of(PATTERNS, st.lists(PATTERNS, max_size=2)))}
        if kind == "string?":
            port["outputBinding"] |= {"outputEval": "$(self.length)-$(inputs.n)"}
        if kind in ("File?", "File[]") and draw(st.booleans()):
            port["secondaryFiles"] = draw(st.lists(SECONDARY, min_size=1, max_size=2, unique_by=str))
        if kind == "File?" and draw(st.booleans()):
            port["format"] = draw(st.sampled_from(["http://x.org/plain", "$(inputs.e)"]))
        found.append(port)
    return found


@st.composite
def tools(draw: st.DrawFn) -> dict[str, Json]:
    bound = {"inputBinding": {"position": 1}}
    variables = {f"V_{name}": draw(TEXTS) for name in draw(st.lists(st.sampled_from("ABC"), unique=True))}
    variables["CODE"] = draw(st.sampled_from("0037"))
    environment = [{"envName": name, "envValue": text} for name, text in variables.items()]
    requirements: list[dict[str, Json]] = [
        {"class": "EnvVarRequirement", "envDef": environment},
        {"class": "ResourceRequirement", "coresMin": draw(st.sampled_from([1, 0.5, "$(inputs.n)"]))},
        {"class": "InitialWorkDirRequirement", "listing": draw(entries())},
    ]
    fields = [{"name": "name", "type": "string", **bound}, {"name": "size", "type": "long"}]
    tool: dict[str, Json] = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c", SCRIPT, "sh"],
        "inputs": [
            {"id": "n", "type": "int", **bound},
            {"id": "e", "type": {"type": "enum", "symbols": ["low", "high"]}, "default": "low"},
            {"id": "f", "type": "File", "secondaryFiles": draw(st.lists(SECONDARY, max_size=1)), **bound},
            {"id": "many", "type": "File[]", "inputBinding": {"position": 2, "itemSeparator": ","}},
            {"id": "d", "type": "Directory"},
            {"id": "r", "type": {"type": "record", "fields": fields}},
            {"id": "gone", "type": "File?"},
            {"id": "made", "type": "File", "inputBinding": {"position": 3}},
        ],
        "outputs": draw(outputs()),
        "requirements": requirements,
        "successCodes": draw(st.sampled_from([[], [3], [0, 3]])),
    }
    streams = {"stdin": "$(inputs.f.path)", "stdout": "said-$(inputs.n).txt", "stderr": "log"}
    chosen = {*draw(st.lists(st.sampled_from(sorted(streams)), unique=True))}
    # one without a name gets a made-up one
    chosen |= {str(port["type"]) for port in tool["outputs"]} & streams.keys()
    return tool | {name: streams[name] for name in chosen}


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """An input object: files with secondary files beside them, a folder, a literal."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("raw é.dat", "raw é.dat.idx", "raw é.idx", "b.txt", "c é.dat", "d/one", "d/sub/two"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"holds {name}\n")
    return {
        "n": 3,
        "f": {"class": "File", "location": (folder / "raw é.dat").as_uri()},
        "many": [{"class": "File", "location": (folder / name).as_uri()} for name in ("b.txt", "c é.dat")],
        "d": {"class": "Directory", "location": (folder / "d").as_uri()},
        "r": {"name": "it's", "size": 2**40},
        "made": {"class": "File", "basename": "made up", "contents": "literal"},
        "gone": None,
    }


@pytest.mark.usefixtures("quickjs")
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(tool=tools())
def test_any_tool_is_run_as_by_cwltool_and_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, order: dict[str, Json], tool: dict[str, Any]
) -> None:
    from cwltool.errors import WorkflowException

    folder: Path = tmp_path_factory.mktemp("any")
    (folder / "tool.cwl").write_text(json.dumps(tool))
    twins = Twins(folder)
    process = twins.load((folder / "tool.cwl").as_uri())
    # where cwltool fails, ours has failed too: a twin of another fate is a difference
    with contextlib.suppress(WorkflowException):
        twins.drive(process, json.loads(json.dumps(order)), str(folder))
    assert twins.found == []
