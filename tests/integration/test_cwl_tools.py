"""The shipped CWL tools and templates run in plain cwltool, as they stand."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from helios_wf import resources

TOOLS = sorted(resources.cwl_tools().glob("*.cwl"))
TEMPLATES = sorted(resources.templates().glob("*/*.cwl"))
FOLDERS = sorted(path.parent for path in resources.templates().glob("*/cwltest.yml"))
RUNS = [
    pytest.param(folder, case, id=f"{folder.name}-{case['id']}")
    for folder in FOLDERS
    for case in YAML(typ="safe").load(folder / "cwltest.yml")
]


def cwltool(*arguments: str | Path) -> tuple[int, str, str]:
    """Runs cwltool in this process; returns its exit code, output and messages."""
    from cwltool.main import main

    said, told = io.StringIO(), io.StringIO()
    code = main(["--disable-color", *map(str, arguments)], stdout=said, stderr=told)
    return code, said.getvalue(), told.getvalue()


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a document with inputs, and returns its output object."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)

    def run(document: Path, job: Path | dict[str, Any]) -> dict[str, Any]:
        if isinstance(job, dict):
            (tmp_path / "job.json").write_text(json.dumps(job))
            job = tmp_path / "job.json"
        code, said, told = cwltool("--outdir", tmp_path / "out", document, job)
        assert code == 0, told
        result: dict[str, Any] = json.loads(said)
        return result

    return run


@pytest.mark.parametrize("tool", TOOLS, ids=lambda path: path.stem)
def test_a_mistake_of_the_caller_is_not_tried_again(tool: Path):
    assert YAML(typ="safe").load(tool)["permanentFailCodes"] == [2]


def file(path: str | Path) -> dict[str, str]:
    return {"class": "File", "path": str(path)}


def as_expected(found: Any, expected: Any) -> bool:
    """Tells whether a CWL output has all that is expected of it."""
    if isinstance(expected, dict):
        return all(as_expected(found[key], value) for key, value in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(as_expected, found, expected))
    return bool(found == expected)


@pytest.mark.parametrize("document", [*TOOLS, *TEMPLATES], ids=lambda path: path.name)
def test_cwltool_validates_a_document_without_a_warning(document: Path):
    code, _, told = cwltool("--validate", document)
    assert code == 0, told
    assert "arning" not in told


@pytest.mark.parametrize("document", TOOLS, ids=lambda path: path.name)
def test_a_tool_says_what_it_does_and_takes_event_ranges(document: Path):
    tool = YAML(typ="safe").load(document)
    assert tool["label"]
    assert tool["doc"]
    assert all(port["label"] for port in (*tool["inputs"].values(), *tool["outputs"].values()))
    if document.name != "stats_merge.cwl":
        assert tool["inputs"]["first_event"]["type"] == tool["inputs"]["n_events"]["type"] == "long?"
    assert "InlineJavascriptRequirement" not in document.read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_template_has_names_that_it_takes_and_names_that_it_refuses(folder: Path):
    cases = YAML(typ="safe").load(folder / "cases.yml")
    template = YAML(typ="safe").load(folder / cases["template"])
    masked = {name for name, port in template["inputs"].items() if "helios:mask" in port}
    published = {name for name, port in template["outputs"].items() if "helios:dataset" in port}
    assert cases["takes"]
    for case in cases["takes"]:
        assert set(case.get("datasets", {})) == masked
        assert set(case["outputs"]) == published
    assert set(cases["refuses"]) == masked


@pytest.mark.parametrize(("folder", "case"), RUNS)
def test_a_template_runs_in_plain_cwltool_on_its_cases(folder: Path, case: dict[str, Any], outputs):
    found = outputs(folder / case["tool"], folder / case["job"])
    assert as_expected(found, case["output"]), found


def test_the_tools_make_events_look_at_them_choose_some_and_join_them(outputs):
    tools = resources.cwl_tools()
    made = outputs(
        tools / "events_generate.cwl", {"seed": 3, "n_events": 50, "extension": "jsonl", "stem": "mc"}
    )
    events = made["events"]
    assert events["basename"] == "mc.jsonl"

    info = json.loads(
        Path(outputs(tools / "events_info.cwl", {"events": events})["info"]["path"]).read_text()
    )
    assert (info[0]["n_events"], info[0]["format"]) == (50, "jsonl")

    ranges = [{"first_event": 0, "n_events": 20}, {"first_event": 20, "n_events": 30}]
    chosen = []
    for number, bounds in enumerate(ranges):
        job = {"events": events, "columns": ["event_id", "energy"], "filter": "energy > 15", **bounds}
        selected = outputs(tools / "events_select.cwl", job)["selected"]
        chosen.append(file(Path(selected["path"]).rename(f"part{number}.csv").resolve()))
    merged = outputs(tools / "events_merge.cwl", {"parts": chosen, "stem": "all"})["merged"]
    lines = [json.loads(line) for line in Path(events["path"]).read_text().splitlines()]
    expected = [f"{event['event_id']},{event['energy']}" for event in lines if event["energy"] > 15]
    assert Path(merged["path"]).read_text().splitlines() == ["event_id,energy", *expected]


def test_statistics_of_ranges_merge_into_those_of_the_whole_file(outputs):
    tools = resources.cwl_tools()
    events = outputs(tools / "events_generate.cwl", {"n_events": 100})["events"]
    options = {"events": events, "without": ["sensor"], "filter": 'status != "faulty"', "low": -1, "bins": 3}
    whole = outputs(tools / "events_stats.cwl", options)["statistics"]
    assert whole["basename"] == "events.stats.json"
    content = Path(whole["path"]).read_bytes()
    parts = []
    for first, count in ((0, 33), (33, 67)):
        part = outputs(tools / "events_stats.cwl", {**options, "first_event": first, "n_events": count})[
            "statistics"
        ]
        parts.append(file(Path(part["path"]).rename(f"{first}.json").resolve()))
    merged = outputs(tools / "stats_merge.cwl", {"parts": parts})["merged"]
    assert Path(merged["path"]).read_bytes() == content
