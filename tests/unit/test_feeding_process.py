"""A process for each event range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from helios_wf import feeding
from helios_wf.model import EventRange, Feeding, JobSpec, Json, Report, Way
from helios_wf.states import Cause
from helios_wf.testing import shell_tool, timed


def range_tool(script: str, **fields: Json) -> dict[str, Json]:
    """Returns a shell tool that is told an event range: ``$first`` and ``$count`` are set in its script."""
    inputs: list[Json] = [
        {"id": "first_event", "type": ["null", "long"], "inputBinding": {"position": 1}},
        {"id": "n_events", "type": ["null", "long"], "inputBinding": {"position": 2}},
    ]
    return shell_tool(f"first=$1 count=$2; {script}", inputs=inputs, **fields)


def attempt(folder: Path, tool: dict[str, Json], *ranges: EventRange, **fields: Any) -> Report:
    spec = JobSpec(
        run="r",
        key="0/0",
        attempt=1,
        tool="t",
        directory=str(folder / "attempt"),
        feeding=Feeding(way=Way.PROCESS, ranges=ranges),
        **fields,
    )
    return feeding.run(spec, tool, grace_s=0.3)


TWO = (EventRange(0, 10), EventRange(10, 25, number=3))


def texts(report: Report) -> list[str]:
    return [Path(each.outputs["out"]["path"]).read_text() for each in report.ranges]


def test_every_range_runs_in_a_process_and_a_folder_of_its_own(tmp_path: Path) -> None:
    report = attempt(tmp_path, range_tool("echo $first $count > out; pwd >> out"), *TWO)
    assert report.cause is None, report.message
    assert report.outputs == {}
    folders = [tmp_path / "attempt/ranges" / name for name in ("0-10.1", "10-25.3")]
    assert texts(report) == [f"0 10\n{folders[0]}/out\n", f"10 15\n{folders[1]}/out\n"]
    assert [(each.first, each.stop, each.number) for each in report.ranges] == [(0, 10, 1), (10, 25, 3)]
    assert [each.directory for each in report.ranges] == [str(folder) for folder in folders]
    assert all(each.outputs["out"]["checksum"].startswith("sha1$") for each in report.ranges)


def test_a_range_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    script = "echo at $first >&2; case $first in 0) exit 3 ;; 10) kill -SEGV $$ ;; 30) exit 0 ;; esac"
    tool = range_tool(f"{script}; touch out", permanentFailCodes=[3])
    tool["outputs"][0]["type"] = "File"
    report = attempt(tmp_path, tool, *TWO, EventRange(25, 30), EventRange(30, 31))
    assert report.cause is None
    code, signal, good, missing = report.ranges
    assert (code.cause, code.exit_code, code.permanent, code.stderr_tail) == (Cause.EXIT, 3, True, "at 0")
    assert (signal.cause, signal.signal) == (Cause.SIGNAL, 11)
    assert good.cause is None
    assert missing.cause is Cause.MISSING_OUTPUT


def test_a_time_limit_holds_for_each_range(tmp_path: Path) -> None:
    tool = timed(range_tool("[ $first != 0 ] || sleep 1000; touch out"), 1)
    report = attempt(tmp_path, tool, *TWO)
    assert [each.cause for each in report.ranges] == [Cause.TIME_LIMIT, None]


def test_a_command_that_cannot_be_started_ends_the_attempt_and_no_range_is_blamed(tmp_path: Path) -> None:
    report = attempt(tmp_path, shell_tool("", baseCommand="no-such-command"), *TWO)
    assert (report.cause, report.permanent, report.ranges) == (Cause.NOT_STARTED, True, ())
    assert "no-such-command" in report.message


def test_a_full_disk_ends_the_attempt_so_that_the_other_ranges_do_not_meet_it(tmp_path: Path) -> None:
    report = attempt(tmp_path, range_tool("cat /dev/zero > /dev/full"), *TWO)
    assert report.cause is Cause.DISK
    assert [(each.first, each.cause) for each in report.ranges] == [(0, Cause.DISK)]


def test_an_attempt_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "attempt").mkdir()
    report = attempt(tmp_path, range_tool("touch out"), *TWO)
    assert (report.cause, report.permanent, report.ranges) == (Cause.LOST, False, ())
    assert list((tmp_path / "attempt").iterdir()) == []


def test_the_attempt_counts_the_processor_time_of_all_its_ranges(tmp_path: Path) -> None:
    report = attempt(tmp_path, range_tool("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"), *TWO)
    assert report.cpu_s == sum(each.cpu_s for each in report.ranges) > 0
    assert report.wall_s >= sum(each.wall_s for each in report.ranges)
