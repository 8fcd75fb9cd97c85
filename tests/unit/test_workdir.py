"""Inputs that a tool changes where they are (InplaceUpdateRequirement)."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf.containers import Container, Engine
from helios_wf.cwl.command import way_of
from helios_wf.cwl.docker import contained
from helios_wf.cwl.program import by_reference, program_of
from helios_wf.model import JobSpec, Json
from helios_wf.runner import run


def tool_of(in_place: bool) -> dict[str, Json]:
    listing = [{"entry": "$(inputs.f)", "writable": True}, {"entry": "$(inputs.d)", "writable": True}]
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c", "echo more >> a.txt; touch d/new"],
        "inputs": [{"id": "f", "type": "File"}, {"id": "d", "type": "Directory"}],
        "outputs": [{"id": "out", "type": "File", "outputBinding": {"glob": "a.txt"}}],
        "requirements": [
            {"class": "InitialWorkDirRequirement", "listing": listing},
            {"class": "InplaceUpdateRequirement", "inplaceUpdate": in_place},
        ],
    }


@pytest.mark.parametrize("in_place", [True, False])
def test_writable_entries_are_the_inputs_themselves_only_in_place_as_by_cwltool(
    in_place: bool, tmp_path: Path
) -> None:
    found = []
    for name, body in (("ours", tool_of(in_place)), ("cwltool", by_reference(tool_of(in_place)))):
        data = tmp_path / name
        (data / "d").mkdir(parents=True)
        (data / "a.txt").write_text("first\n")
        inputs: dict[str, Json] = {
            "f": {"class": "File", "location": (data / "a.txt").as_uri()},
            "d": {"class": "Directory", "location": (data / "d").as_uri()},
        }
        spec = JobSpec(run="r", key="0/0", attempt=1, tool="", directory=str(data / "job"), inputs=inputs)
        report = run(spec, program_of(body))
        assert report.cause is None, report.message
        out = report.outputs["out"]
        found.append(
            (
                (data / "a.txt").read_text(),
                (data / "d/new").exists(),
                out["checksum"],
                Path(out["path"]).relative_to(data).name,
                Path(out["path"]).parent == data,
            )
        )
    assert found[0] == found[1]
    assert found[0][0] == ("first\nmore\n" if in_place else "first\n")


def test_a_container_and_in_place_changes_are_left_to_cwltool() -> None:
    container = Container(Engine("podman", "/usr/bin/podman"), "debian")
    way = way_of(contained(tool_of(in_place=True), container))
    assert way == ("reference", "an InplaceUpdateRequirement in a container is not compiled")
    assert way_of(tool_of(in_place=True)) == ("compiled", "")
