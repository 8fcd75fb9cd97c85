"""Resident tools: the three ways agree, and one that misbehaves costs its own ranges a try at most."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from stream_tools import PATIENCE, attempt, good_tool, limited, ranges, raw_tool, texts

from helios_wf.model import Report, Resources, Way
from helios_wf.processes import JOB_MARK, marked
from helios_wf.states import Cause
from helios_wf.testing import wait_until

FIVE = ranges(0, 10, 20, 30, 40, 50)
ALL = {first: f"{first} 10\n" for first in range(0, 50, 10)}


def causes(report: Report) -> dict[int, Cause | None]:
    return {each.first: each.cause for each in report.ranges}


@pytest.mark.parametrize("way", Way)
def test_all_ways_give_the_same_outputs(way: Way, tmp_path: Path) -> None:
    report = attempt(tmp_path, good_tool(tmp_path), *FIVE, way=way)
    assert report.cause is None, report.message + report.stderr_tail
    assert texts(report) == ALL
    assert [each.first for each in report.ranges] == sorted(ALL)
    for each in report.ranges:
        assert each.outputs["out"]["path"] == f"{each.directory}/out/out"
        assert (each.outputs["out"]["basename"], each.outputs["out"]["size"]) == ("out", len(ALL[each.first]))
        assert each.outputs["out"]["checksum"].startswith("sha1$")


@pytest.mark.parametrize("way", [Way.RESIDENT, Way.FOLDER])
def test_one_process_does_all_ranges(way: Way, tmp_path: Path) -> None:
    report = attempt(tmp_path, good_tool(tmp_path), *FIVE, way=way)
    assert report.cause is None
    assert [path.name for path in (tmp_path / f"attempt-{way}/tool").iterdir()] == ["1"]


def test_a_tool_is_told_the_path_of_the_file_that_is_cut(tmp_path: Path) -> None:
    raw = tmp_path / "raw data.txt"
    raw.write_text("events")
    body = "assert open(events.path).read() == 'events'"
    report = attempt(
        tmp_path, good_tool(tmp_path, body), *FIVE, inputs={"events": {"class": "File", "path": str(raw)}}
    )
    assert texts(report) == ALL


def test_events_written_and_the_event_to_blame_are_told(tmp_path: Path) -> None:
    error = "RangeError('bad event', at_event=23, code=4, permanent=True)"
    body = f"events.n_out = 7\nif events.first == 20: raise {error}"
    report = attempt(tmp_path, good_tool(tmp_path, body), *FIVE)
    assert report.cause is None
    bad = report.ranges[2]
    assert (bad.cause, bad.exit_code, bad.permanent, bad.at_event) == (Cause.EXIT, 4, True, 23)
    assert bad.message == "bad event"
    assert [each.n_out for each in report.ranges] == [7, 7, None, 7, 7]


def test_an_exit_code_in_an_error_is_temporary_or_permanent_as_the_tool_lists_it(tmp_path: Path) -> None:
    body = "raise RangeError('failed', code=events.first // 10)"
    tool = good_tool(tmp_path, body, temporaryFailCodes=[1], permanentFailCodes=[2])
    report = attempt(tmp_path, tool, *FIVE[:3])
    assert [(each.temporary, each.permanent) for each in report.ranges] == [
        (False, False),
        (True, False),
        (False, True),
    ]


def test_an_event_to_blame_that_is_not_in_the_range_is_left_out(tmp_path: Path) -> None:
    report = attempt(tmp_path, good_tool(tmp_path, "raise RangeError('bad', at_event=10)"), FIVE[0])
    assert report.ranges[0].at_event is None


def test_an_exception_in_a_range_leaves_the_tool_alive_and_its_trace_in_the_range_s_log(
    tmp_path: Path,
) -> None:
    body = "print('at', events.first)\nif events.first == 20: raise ValueError('no such channel')"
    report = attempt(tmp_path, good_tool(tmp_path, body), *FIVE)
    assert causes(report) == {0: None, 10: None, 20: Cause.EXIT, 30: None, 40: None}
    assert report.ranges[2].message == "ValueError: no such channel"
    log = Path(report.ranges[2].directory, "stderr").read_text()
    # with ranges ahead, the lines of neighbours may be there too
    assert "at 20\n" in log
    assert "ValueError: no such channel\n" in log
    assert report.ranges[2].stderr_tail == log.rstrip("\n")


def test_outputs_may_be_given_with_the_answer(tmp_path: Path) -> None:
    body = (
        "import pathlib; pathlib.Path(one['outdir'], 'other').write_text('x')\n"
        "say('done', range=one['range'], outputs={'out': {'class': 'File', 'path': 'other'}})"
    )
    report = attempt(tmp_path, raw_tool(tmp_path, body), FIVE[0])
    assert report.ranges[0].outputs["out"]["path"] == f"{report.ranges[0].directory}/out/other"


@pytest.mark.parametrize(
    ("outputs", "cause", "words"),
    [
        ("{'out': {'class': 'File', 'path': '/etc/passwd'}}", Cause.UNSAFE_OUTPUT, "/etc/passwd"),
        ("{'out': {'class': 'File', 'path': '../../10-20.1/out/out'}}", Cause.UNSAFE_OUTPUT, "10-20.1"),
        ("{'out': {'class': 'File', 'path': 'gone'}}", Cause.MISSING_OUTPUT, "gone"),
        ("{'out': 3}", Cause.MISSING_OUTPUT, "File"),
        ("{}", Cause.MISSING_OUTPUT, "out"),
        ("None", Cause.MISSING_OUTPUT, "out"),
    ],
)
def test_outputs_are_checked_for_place_and_type_and_the_tool_goes_on(
    outputs: str, cause: Cause, words: str, tmp_path: Path
) -> None:
    body = f"done(one) if one['first'] else say('done', range=one['range'], outputs={outputs})"
    report = attempt(tmp_path, raw_tool(tmp_path, body, n=2), *FIVE[:2])
    assert report.cause is None
    assert causes(report) == {0: cause, 10: None}
    assert words in report.ranges[0].message


def test_a_tool_that_writes_to_its_working_directory_is_told_where_to_write(tmp_path: Path) -> None:
    body = "pathlib.Path('out').write_text('x'); say('done', range=one['range'])"
    report = attempt(tmp_path, raw_tool(tmp_path, body), FIVE[0])
    assert causes(report) == {0: Cause.MISSING_OUTPUT}
    said = "; its working directory has out, but a range's outputs go to its outdir"
    assert report.ranges[0].message.endswith(said)


FAULTS = {
    "an exit code": ("sys.exit(3)", Cause.EXIT),
    "exit code 0": ("sys.exit(0)", Cause.PROTOCOL),
    "a signal": ("os.kill(os.getpid(), 11)", Cause.SIGNAL),
    "nonsense": ("say('dnoe', range=one['range'])", Cause.PROTOCOL),
    "half a line of JSON": ('os.write(out, b\'{"type":"done",\\n\')', Cause.PROTOCOL),
    "wrong fields": ("say('done', range=7)", Cause.PROTOCOL),
    "a range that it does not hold": ("say('done', range='7-8.1')", Cause.PROTOCOL),
    "an early bye": ("say('bye')", Cause.PROTOCOL),
    "a closed standard output": ("os.close(1); time.sleep(1000)", Cause.PROTOCOL),
    "a hang": ("time.sleep(1000)", Cause.TIME_LIMIT),
}


# what a tool prints that is fed over a folder tells nothing
IN_A_FOLDER = [fault for fault in FAULTS if fault != "a closed standard output"]


@pytest.mark.parametrize(
    ("fault", "n", "way"),
    [
        *((fault, n, Way.RESIDENT) for fault in FAULTS for n in (1, 3)),
        *((fault, 2, Way.FOLDER) for fault in IN_A_FOLDER),
    ],
)
def test_only_the_range_that_it_worked_on_is_charged_and_the_others_go_on(
    fault: str, n: int, way: Way, tmp_path: Path
) -> None:
    code, cause = FAULTS[fault]
    body = f"if one['first'] == 20: {code}; continue\ndone(one)"
    fields = limited(1) if cause is Cause.TIME_LIMIT else {}
    report = attempt(tmp_path, raw_tool(tmp_path, body, n=n, **fields), *FIVE, way=way)
    assert report.cause is None, report.message
    assert causes(report) == {0: None, 10: None, 20: cause, 30: None, 40: None}
    assert texts(report) == {first: text for first, text in ALL.items() if first != 20}
    (bad,) = [each for each in report.ranges if each.cause]
    assert bad.message
    assert bad.exit_code == {"an exit code": 3, "exit code 0": 0}.get(fault)
    assert bad.signal == (11 if fault == "a signal" else None)
    wait_until(lambda: not marked(JOB_MARK, [report.handle]))


def test_a_range_that_kills_a_tool_that_works_on_several_is_found(tmp_path: Path) -> None:
    body = "if one['first'] == 20: os.kill(os.getpid(), 11)\ndone(one)"
    # it answers for none of the ranges that it was given before it comes to the one that kills it
    late = "ranges = sorted(ranges, key=lambda each: each['first'] != 20)\nfor one in ranges:"
    tool = raw_tool(tmp_path, body, capacity=3, n=3)
    script = tmp_path / "raw.py"
    script.write_text(script.read_text().replace("for one in ranges:", late.replace("\n", "\n    ")))
    report = attempt(tmp_path, tool, *FIVE)
    assert report.cause is None, report.message
    assert causes(report) == {0: None, 10: None, 20: Cause.SIGNAL, 30: None, 40: None}


ANEW = {
    "written over": "os.truncate(folder + '/from_tool.jsonl', 0)",
    "taken away": "os.remove(folder + '/from_tool.jsonl')",
}


@pytest.mark.parametrize("fault", ANEW)
def test_a_file_of_answers_that_does_not_only_grow_is_no_riddle(fault: str, tmp_path: Path) -> None:
    body = f"if one['first'] == 20: {ANEW[fault]}; time.sleep(1000)\ndone(one)"
    report = attempt(tmp_path, raw_tool(tmp_path, body), *FIVE, way=Way.FOLDER)
    assert report.cause is None, report.message
    assert causes(report) == {0: None, 10: None, 20: Cause.PROTOCOL, 30: None, 40: None}
    assert "lines are to be appended to it" in report.ranges[2].message


@pytest.mark.parametrize("way", [Way.RESIDENT, Way.FOLDER])
def test_a_second_answer_changes_nothing(way: Way, tmp_path: Path) -> None:
    body = "done(one); done(one); say('error', range=one['range'], message='after all')"
    report = attempt(tmp_path, raw_tool(tmp_path, body), *FIVE, way=way)
    assert report.cause is None
    assert texts(report) == ALL


def test_what_a_tool_prints_between_the_lines_goes_to_its_log(tmp_path: Path) -> None:
    body = "print('x' * 3_000_000, flush=True); print('{\"a\": 1}'); print('plain', flush=True); done(one)"
    report = attempt(tmp_path, raw_tool(tmp_path, body), *FIVE[:3])
    assert texts(report) == {first: ALL[first] for first in (0, 10, 20)}
    log = tmp_path / "attempt-resident/tool/1/stdout"
    assert log.stat().st_size > 9_000_000
    assert log.read_text().splitlines()[-2:] == ['{"a": 1}', "plain"]


def test_a_flood_without_an_end_of_line_does_not_keep_a_time_limit_from_passing(tmp_path: Path) -> None:
    body = "while True: os.write(1, b'x' * 65536); time.sleep(0.001)"
    report = attempt(tmp_path, raw_tool(tmp_path, body, **limited(1)), FIVE[0])
    assert causes(report) == {0: Cause.TIME_LIMIT}
    (tmp_path / "attempt-resident/tool/1/stdout").unlink()


@pytest.mark.parametrize("said", ["'progress', range=one['range'], processed=1", "'get'", "'ready'"])
def test_a_flood_of_lines_does_not_keep_a_time_limit_from_passing(said: str, tmp_path: Path) -> None:
    report = attempt(tmp_path, raw_tool(tmp_path, f"while True: say({said})", **limited(1)), FIVE[0])
    assert causes(report) == {0: Cause.TIME_LIMIT}


def test_a_flood_of_lines_after_the_last_range_does_not_keep_a_tool_alive(tmp_path: Path) -> None:
    patience = replace(PATIENCE, bye_s=0.5)
    report = attempt(tmp_path, raw_tool(tmp_path, end="while True: say('get')"), *FIVE, patience=patience)
    assert (report.cause, texts(report)) == (None, ALL)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("sys.exit('no geometry')", "exited with 1 before it was ready: no geometry"),
        ("print('all done'); sys.exit(0)", "without having said that it is ready"),
        ("time.sleep(1000)", "not ready after 0.5 s"),
    ],
)
@pytest.mark.parametrize("way", [Way.RESIDENT, Way.FOLDER])
def test_a_tool_that_never_gets_ready_charges_no_range(
    before: str, words: str, way: Way, tmp_path: Path
) -> None:
    patience = replace(PATIENCE, ready_s=0.5)
    report = attempt(tmp_path, raw_tool(tmp_path, before=before), *FIVE, patience=patience, way=way)
    assert (report.cause, report.permanent, report.ranges) == (Cause.NOT_READY, False, ())
    assert words in report.message
    wait_until(lambda: not marked(JOB_MARK, [report.handle]))


def test_a_tool_that_answers_before_it_is_ready_breaks_the_exchange(tmp_path: Path) -> None:
    report = attempt(tmp_path, raw_tool(tmp_path, before="say('get', n=1)"), *FIVE)
    assert (report.cause, report.ranges) == (Cause.PROTOCOL, ())


def test_a_tool_that_is_ready_but_asks_for_nothing_is_given_up(tmp_path: Path) -> None:
    patience = replace(PATIENCE, ready_s=0.3)
    tool = raw_tool(tmp_path, before="say('ready', capacity=1); time.sleep(1000)")
    report = attempt(tmp_path, tool, *FIVE, patience=patience)
    assert (report.cause, report.ranges) == (Cause.PROTOCOL, ())
    assert "asked for no event range" in report.message


def test_a_tool_may_leave_between_two_ranges_to_be_started_afresh(tmp_path: Path) -> None:
    report = attempt(tmp_path, raw_tool(tmp_path, "done(one); say('bye'); sys.exit(0)"), *FIVE)
    assert report.cause is None
    assert texts(report) == ALL
    assert len(list((tmp_path / "attempt-resident/tool").iterdir())) == 5


@pytest.mark.parametrize("end", ["time.sleep(1000)", "sys.exit(3)", "os.kill(os.getpid(), 11)"])
def test_what_a_tool_does_after_its_last_range_is_no_range_s_fault(end: str, tmp_path: Path) -> None:
    patience = replace(PATIENCE, bye_s=0.3)
    report = attempt(tmp_path, raw_tool(tmp_path, end=end), *FIVE, patience=patience)
    assert (report.cause, texts(report)) == (None, ALL)
    wait_until(lambda: not marked(JOB_MARK, [report.handle]))


def test_daemons_of_a_resident_tool_end_with_it(tmp_path: Path) -> None:
    before = "import subprocess; subprocess.Popen(['sleep', '1000'])"
    report = attempt(tmp_path, raw_tool(tmp_path, before=before), *FIVE)
    assert texts(report) == ALL
    wait_until(lambda: not marked(JOB_MARK, [report.handle]))


def test_a_time_limit_holds_for_each_range_and_not_for_the_start(tmp_path: Path) -> None:
    body = "time.sleep(0.45); done(one)"
    report = attempt(tmp_path, raw_tool(tmp_path, body, before="time.sleep(1.2)", n=3, **limited(1)), *FIVE)
    assert texts(report) == ALL
    assert all(0.4 < each.wall_s < 1 for each in report.ranges)


@pytest.mark.parametrize("way", [Way.RESIDENT, Way.PROCESS])
def test_an_attempt_may_grant_a_tool_more_time_than_it_asks_for(way: Way, tmp_path: Path) -> None:
    tool = good_tool(tmp_path, "import time; time.sleep(1.3)", **limited(1))
    report = attempt(tmp_path, tool, FIVE[0], way=way, resources=Resources(time_s=20))
    assert causes(report) == {0: None}


def test_processor_time_is_told_for_each_range(tmp_path: Path) -> None:
    body = "end = time.process_time() + one['first'] / 100\nwhile time.process_time() < end: pass\ndone(one)"
    report = attempt(tmp_path, raw_tool(tmp_path, body, n=2), *FIVE)
    for each in report.ranges:
        assert each.cpu_s == pytest.approx(each.first / 100, abs=0.05)
    assert report.cpu_s >= sum(each.cpu_s for each in report.ranges)


def test_a_command_that_cannot_be_started_is_the_attempts_failure(tmp_path: Path) -> None:
    report = attempt(tmp_path, good_tool(tmp_path, baseCommand="no-such-command"), *FIVE)
    assert (report.cause, report.permanent, report.ranges) == (Cause.NOT_STARTED, True, ())


def test_a_full_disk_ends_the_attempt(tmp_path: Path) -> None:
    body = "raise RangeError('cp: No space left on device')"
    report = attempt(tmp_path, good_tool(tmp_path, body), *FIVE)
    assert report.cause is Cause.DISK
    assert causes(report) == {0: Cause.DISK}


def test_what_is_not_compiled_gets_a_process_for_each_range(tmp_path: Path) -> None:
    inplace = {"class": "InplaceUpdateRequirement", "inplaceUpdate": False}
    report = attempt(tmp_path, good_tool(tmp_path, requirements=[inplace]), *FIVE[:2])
    assert report.cause is None, report.message
    assert texts(report) == {first: ALL[first] for first in (0, 10)}
