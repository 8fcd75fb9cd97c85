"""``helios-wf match`` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helios_wf.cli import main

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: keep, version: 2, status: ACTUAL}
inputs: {raw: {type: File, helios:mask: {mask: "spd.{run:04d}.raw", exclude: "spd.0000.**"}}}
steps: []
outputs: {out: {type: File, outputSource: raw, helios:dataset: "spd.{run:04d}.kept.v{version}"}}
"""


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
    monkeypatch.delenv("HELIOS_STORE", raising=False)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "keep.cwl").write_text(TEMPLATE)
    (tmp_path / "templates" / "other.cwl").write_text(
        TEMPLATE.replace("keep,", "other,").replace("spd.", "cms.")
    )
    return Command(capsys)


def test_match_says_who_takes_a_name_and_what_its_outputs_would_be_called(helios: Command) -> None:
    assert helios("match", "spd.0012.raw") == 0
    (row,) = [line for line in helios.out.splitlines() if line.startswith("keep v2")]
    assert row.split() == ["keep", "v2", "raw", "starts", "runs", "out", "spd.0012.kept.v2"]
    assert "other v2 (ACTUAL)" in helios.out
    assert "input 'raw': segment 1 is 'spd', mask wants 'cms'" in helios.out
    assert not Path(".helios/helios.db").exists()


def test_match_says_why_nothing_takes_a_name(helios: Command) -> None:
    assert helios("match", "spd.0000.raw") == 0
    assert helios.out.startswith("no template takes spd.0000.raw\n")
    assert "exclude" in helios.out


def test_match_gives_one_json_value(helios: Command) -> None:
    assert helios("match", "cms.0001.raw", "--format", "json", "--templates", "templates") == 0
    taken, left = json.loads(helios.out)
    assert (taken["template"], taken["taken"], taken["captures"]) == ("other", True, {"run": 1})
    assert taken["outputs"] == {"out": "cms.0001.kept.v2"}
    assert (left["template"], left["taken"], len(left["reasons"])) == ("keep", False, 1)


def test_match_leaves_out_a_broken_template_and_says_so(helios: Command) -> None:
    Path("templates/broken.cwl").write_text(TEMPLATE.replace("version: 2", "version: two"))
    Path("templates/unbound.cwl").write_text(TEMPLATE.replace("kept.v", "{gone}.v").replace("keep,", "lost,"))
    assert helios("match", "spd.0012.raw") == 0
    assert "left out: templates/broken.cwl has 1 mistake; see helios-wf validate" in helios.err
    assert "unbound.cwl has mistakes" in helios.err
    assert "keep v2" in helios.out
    assert "lost" not in helios.out


@pytest.mark.parametrize("name", ["spd..raw", "../spd", "spd.0012.raw\n", ""])
def test_match_refuses_what_is_no_name(helios: Command, name: str) -> None:
    assert helios("match", name) == 2
    assert helios.out == ""
    assert "name" in helios.err


def test_match_refuses_a_folder_that_is_not_there(helios: Command) -> None:
    assert helios("match", "spd.0012.raw", "--templates", "nowhere") == 2
    assert "nowhere" in helios.err
