"""Resident tools as their CWL documents have them: the same outputs in all ways, and by cwltool alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from helios_wf import feeding, resources
from helios_wf.cwl.load import load
from helios_wf.model import EventRange, EventsField, Feeding, JobSpec, Json, Report, Tool, Way

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "resident_tools"
BOUNDS = [(0, 7), (7, 100), (100, 101), (101, 1000)]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C++ example, built."""
    compiler = shutil.which("c++")
    if compiler is None and not os.environ.get("CI"):
        pytest.skip("no C++ compiler (c++) is installed")
    path = tmp_path_factory.mktemp("built") / "lengths"
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1"]
    subprocess.run(["c++", *flags, "-o", path, EXAMPLE / "lengths.cpp"], check=True)
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a log.txt"
    lines = [f"{'ERROR' if n % 7 == 3 else 'INFO'} line {'x' * (n % 50)}" for n in range(1000)]
    path.write_text("\n".join(lines) + "\n")
    return path


def tool_of(name: str) -> Tool:
    process = load(EXAMPLE / f"{name}.cwl").process
    assert isinstance(process, Tool)
    return process


def run(folder: Path, tool: Tool, way: Way, **inputs: Json) -> Report:
    assert tool.events is not None
    spec = JobSpec(
        run="r",
        key="0/0",
        attempt=1,
        tool="t",
        directory=str(folder / way),
        inputs=inputs,
        feeding=Feeding(
            way=way,
            ranges=tuple(EventRange(*each) for each in BOUNDS),
            switch=tool.events.resident,
            file="log",
        ),
    )
    return feeding.run(spec, tool.body)


def texts(report: Report, output: str) -> list[str]:
    assert report.cause is None, report.message + report.stderr_tail
    assert [each.cause for each in report.ranges] == [None] * len(BOUNDS)
    return [Path(each.outputs[output]["path"]).read_text() for each in report.ranges]


def file(path: Path) -> dict[str, Json]:
    return {"class": "File", "path": str(path)}


def by_cwltool(folder: Path, name: str, **inputs: Json) -> str:
    job = folder / f"{name}.json"
    job.write_text(json.dumps(inputs))
    command = [sys.executable, "-m", "cwltool", "--relax-path-checks", "--outdir", folder / "whole"]
    done = subprocess.run([*command, EXAMPLE / f"{name}.cwl", job], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout).values()
    return Path(output["path"]).read_text()


def test_a_tool_in_shell_counts_alike_in_all_ways(tmp_path: Path, log: Path) -> None:
    inputs = {"log": file(log), "word": "ERROR"}
    tool = tool_of("count")
    streamed, processes = (
        texts(run(tmp_path, tool, way, **inputs), "count") for way in (Way.RESIDENT, Way.PROCESS)
    )
    assert streamed == processes
    whole = by_cwltool(tmp_path, "count", **inputs)
    assert sum(map(int, streamed)) == int(whole) == 143


def test_a_tool_in_cpp_counts_alike_in_all_ways(tmp_path: Path, program: Path, log: Path) -> None:
    inputs = {"log": file(log), "program": file(program)}
    tool = tool_of("lengths")
    streamed, processes = (
        texts(run(tmp_path, tool, way, **inputs), "lengths") for way in (Way.RESIDENT, Way.PROCESS)
    )
    assert streamed == processes
    total: Counter[int] = Counter()
    for text in streamed:
        total.update({int(length): int(count) for length, count in map(str.split, text.splitlines())})
    assert total == Counter(len(line) for line in log.read_text().splitlines())
    whole = by_cwltool(tmp_path, "lengths", **inputs)
    assert whole == "".join(f"{length} {total[length]}\n" for length in sorted(total))


def test_a_tool_in_cpp_tells_of_a_range_that_is_not_there(tmp_path: Path, program: Path, log: Path) -> None:
    log.write_text("one line\n")
    report = run(tmp_path, tool_of("lengths"), Way.RESIDENT, log=file(log), program=file(program))
    assert report.cause is None
    assert [each.message for each in report.ranges] == ["the log has 1 lines"] * len(BOUNDS)


EVENT_TOOLS = {"stats": ("statistics", "run.stats.json"), "select": ("selected", "run.csv")}


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "run.parquet"
    program = Path(sys.executable).with_name("helios-events")
    subprocess.run([program, "generate", "--n-events", "1000", "--seed", "7", "-o", path], check=True)
    return path


def run_program(folder: Path, name: str, way: Way, **inputs: Json) -> Report:
    tool = load(resources.cwl_tools() / f"events_{name}.cwl").process
    assert isinstance(tool, Tool)
    assert tool.events == EventsField(resident="stream")
    ranges = tuple(EventRange(*each) for each in BOUNDS)
    given = Feeding(way=way, ranges=ranges, switch="stream", file="events")
    directory = str(folder / way)
    spec = JobSpec(run="r", key="0/0", attempt=1, tool="t", directory=directory, inputs=inputs, feeding=given)
    return feeding.run(spec, tool.body)


@pytest.mark.parametrize("name", EVENT_TOOLS)
def test_event_programs_give_the_same_bytes_in_all_ways(name: str, tmp_path: Path, events: Path) -> None:
    output, basename = EVENT_TOOLS[name]
    reports = [run_program(tmp_path, name, way, events=file(events)) for way in (Way.RESIDENT, Way.PROCESS)]
    streamed, processes = (texts(report, output) for report in reports)
    assert streamed == processes
    assert {each.outputs[output]["basename"] for each in reports[0].ranges} == {basename}
    lengths = [stop - first for first, stop in BOUNDS]
    if name == "stats":
        assert [json.loads(text)["n_events"] for text in streamed] == lengths
    else:
        assert [text.count("\n") - 1 for text in streamed] == lengths
        assert [each.n_out for each in reports[0].ranges] == lengths


def test_an_event_program_tells_of_a_mistake_as_if_it_ran_alone(tmp_path: Path, events: Path) -> None:
    reports = [
        run_program(tmp_path, "select", way, events=file(events), filter="nonsense > 1")
        for way in (Way.RESIDENT, Way.PROCESS)
    ]
    for report in reports:
        assert [(each.exit_code, each.permanent) for each in report.ranges] == [(2, True)] * len(BOUNDS)
    assert all("nonsense" in each.message for each in reports[0].ranges)
    assert all("nonsense" in each.stderr_tail for each in reports[1].ranges)
