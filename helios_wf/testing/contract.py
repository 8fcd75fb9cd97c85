"""What every backend promises, as tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from helios_wf.backend import Backend, Life
from helios_wf.errors import SubmitRefusedError
from helios_wf.model import Json, Resources, digest
from helios_wf.processes import JOB_MARK, RUN_MARK, marked
from helios_wf.states import Cause
from helios_wf.testing.bench import PATIENCE_S, Bench, drain, shell_tool, timed, wait_until
from helios_wf.testing.ranges import RangePromises


class BackendContract(RangePromises):
    """What every backend promises.  Subclass it, and say in ``make`` how a backend is made."""

    def make(self, home: Path) -> Backend:
        """Returns a backend with at least two places, whose grace period is short."""
        raise NotImplementedError

    def lose(self, backend: Backend, handle: str) -> None:
        """Takes away, without a warning, the worker that runs an attempt."""
        pytest.skip("this backend does not say how to lose a worker")

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Iterator[Bench]:
        """A bench with a backend that is closed afterwards."""
        backend = self.make(tmp_path / "home")
        # others may run the same test on this machine at the same time
        bench = Bench(backend, tmp_path, f"run-{os.getpid()}-{tmp_path.name}")
        yield bench
        backend.close()
        assert marked(RUN_MARK, [bench.run]) == [], "a process outlived the backend"

    def test_every_attempt_is_reported_exactly_once(self, bench: Bench) -> None:
        handles = bench.submit(*[shell_tool("echo $1 > out")] * 200, x="text")
        reports = bench.drain(200)
        assert sorted(reports) == sorted(handles)
        assert {report.cause for report in reports.values()} == {None}
        assert bench.backend.poll(0.1) == []

    def test_a_report_holds_the_output_object(self, bench: Bench) -> None:
        report = bench.report(shell_tool("printf '%s' \"$1\" > out"), x="some text")
        out = report.outputs["out"]
        assert Path(out["path"]).read_text() == "some text"
        assert out["location"] == Path(out["path"]).as_uri()
        assert (out["class"], out["basename"], out["size"]) == ("File", "out", 9)
        assert out["checksum"] == "sha1$37aa63c77398d954473262e1a0057c1e632eda77"

    def test_a_report_says_when_where_and_for_how_long(self, bench: Bench) -> None:
        before = time.time()
        report = bench.report(shell_tool("sleep 0.1"))
        assert before - 1 < report.started_at < time.time() + 1
        assert 0.1 <= report.wall_s < PATIENCE_S
        assert report.cpu_s >= 0
        assert report.host
        assert report.exit_code == 0

    def test_a_failure_says_exit_code_command_and_last_lines(self, bench: Bench) -> None:
        report = bench.report(shell_tool("echo bad event 17 >&2; exit 3"))
        assert (report.cause, report.exit_code, report.permanent) == (Cause.EXIT, 3, False)
        assert report.stderr_tail == "bad event 17"
        assert report.command[:2] == ("/bin/sh", "-c")
        assert report.outputs == {}

    def test_listed_exit_codes_are_success_temporary_or_final(self, bench: Bench) -> None:
        codes: dict[str, Json] = {"successCodes": [3], "temporaryFailCodes": [4], "permanentFailCodes": [5]}
        tool = shell_tool("exit $1", **codes)
        done, again, final = (bench.report(tool, x=code) for code in "345")
        assert done.cause is None
        assert (again.cause, again.temporary, again.permanent) == (Cause.EXIT, True, False)
        assert (final.cause, final.temporary, final.permanent) == (Cause.EXIT, False, True)

    def test_a_signal_is_told_apart_from_an_exit_code(self, bench: Bench) -> None:
        report = bench.report(shell_tool("kill -SEGV $$"))
        assert (report.cause, report.signal, report.exit_code) == (Cause.SIGNAL, 11, None)

    def test_a_command_that_is_not_there_is_named(self, bench: Bench) -> None:
        report = bench.report(shell_tool("", baseCommand="no-such-command"))
        assert (report.cause, report.permanent) == (Cause.NOT_STARTED, True)
        assert "no-such-command" in report.message
        assert "PATH" in report.message

    def test_a_missing_output_is_named_with_what_is_there(self, bench: Bench) -> None:
        outputs = [{"id": "hist", "type": "File", "outputBinding": {"glob": "h_*.json"}}]
        report = bench.report(shell_tool("touch other.txt", outputs=outputs))
        assert report.cause is Cause.MISSING_OUTPUT
        assert all(word in report.message for word in ("hist", "h_*.json", "other.txt"))

    def test_a_missing_input_is_named(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "gone.raw"
        report = bench.report(shell_tool("true"), f={"class": "File", "location": path.as_uri()})
        assert (report.cause, report.permanent) == (Cause.BAD_INPUT, True)
        assert str(path) in report.message

    def test_an_output_that_leads_out_of_the_directory_is_refused(self, bench: Bench) -> None:
        report = bench.report(shell_tool("ln -s /etc/passwd out"))
        assert report.cause is Cause.UNSAFE_OUTPUT
        assert report.outputs == {}

    def test_an_output_that_leads_to_an_input_is_that_input(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "raw data é#1.txt"
        path.write_text("events")
        report = bench.report(
            shell_tool('ln -s "$2" out'), x="", f={"class": "File", "location": path.as_uri()}
        )
        assert report.cause is None, report.message
        assert report.outputs["out"]["path"] == str(path)
        assert report.outputs["out"]["location"] == path.as_uri()

    def test_file_names_may_have_spaces_and_any_letter(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "run 1 — übung.raw"
        path.write_text("events")
        outputs = [{"id": "out", "type": "File", "outputBinding": {"glob": "*.kept"}}]
        tool = shell_tool('cp "$2" "kept é %20.kept"', outputs=outputs)
        report = bench.report(tool, x="", f={"class": "File", "path": str(path)})
        assert report.outputs["out"]["basename"] == "kept é %20.kept"
        assert report.outputs["out"]["location"].endswith("/kept%20%C3%A9%20%2520.kept")

    def test_a_time_limit_ends_the_tool_even_if_it_ignores_sigterm(self, bench: Bench) -> None:
        report = bench.report(timed(shell_tool("trap '' TERM; while :; do sleep 0.05; done"), 1))
        assert report.cause is Cause.TIME_LIMIT
        assert "1 s" in report.message
        assert marked(JOB_MARK, [report.handle]) == []

    def test_cancel_ends_what_runs_and_what_waits(self, bench: Bench) -> None:
        handles = bench.submit(*[shell_tool("sleep 1000")] * 8)
        bench.started(handles[0])
        bench.backend.cancel(handles)
        reports = bench.drain(8)
        assert {report.cause for report in reports.values()} == {Cause.CANCELLED}
        assert marked(RUN_MARK, [bench.run]) == []

    def test_what_has_not_begun_says_why_and_what_has_begun_does_not(self, bench: Bench) -> None:
        (begun,) = bench.submit(shell_tool("sleep 1000"))
        bench.started(begun)
        room = bench.backend.room()
        handles = bench.submit(*[shell_tool("sleep 1000")] * room)
        wait_until(lambda: bool(bench.backend.waiting(handles)), bench.backend)
        reasons = bench.backend.waiting([begun, *handles, "no-such-run/0.1"])
        assert reasons.keys() <= set(handles)
        assert all(reasons.values())
        bench.backend.cancel([begun, *handles])
        bench.drain(1 + room)

    def test_cancelling_one_leaves_the_others(self, bench: Bench) -> None:
        long, *others = bench.submit(shell_tool("sleep 1000"), *[shell_tool("true")] * 5)
        bench.started(long)
        bench.backend.cancel([long, "no-such-run/0.1"])
        reports = bench.drain(6)
        assert reports[long].cause is Cause.CANCELLED
        assert {reports[handle].cause for handle in others} == {None}

    def test_daemons_of_a_tool_end_with_it(self, bench: Bench) -> None:
        report = bench.report(shell_tool("(setsid sleep 1000 &) ; sleep 1000 & true"))
        assert report.cause is None, report.message
        assert marked(JOB_MARK, [report.handle]) == []

    def test_a_lost_worker_loses_only_what_it_held(self, bench: Bench) -> None:
        (handle,) = bench.submit(shell_tool("sleep 1000"))
        bench.started(handle)
        self.lose(bench.backend, handle)
        others = bench.submit(*[shell_tool("true")] * 6)
        reports = bench.drain(7)
        assert reports[handle].cause is Cause.LOST
        assert {reports[other].cause for other in others} == {None}
        assert marked(JOB_MARK, [handle]) == []

    def test_started_names_an_attempt_once(self, bench: Bench) -> None:
        handles = bench.submit(*[shell_tool("sleep 0.3")] * 4, *[shell_tool("true")] * 20)
        bench.drain(24)
        started = bench.backend.started()
        assert set(handles[:4]) <= set(started) <= set(handles)
        assert len(set(started)) == len(started)
        assert bench.backend.started() == []

    def test_room_is_there_at_first_and_shrinks_with_what_is_held(self, bench: Bench) -> None:
        room = bench.backend.room()
        assert room >= 2
        handles = bench.submit(*[shell_tool("sleep 1000")] * room)
        assert bench.backend.room() < room
        bench.backend.cancel(handles)
        bench.drain(room)

    def test_check_says_what_can_never_run(self, bench: Bench) -> None:
        assert bench.backend.check(Resources()) == []
        (reason,) = bench.backend.check(Resources(cores=100_000))
        assert "100000 cores" in reason.replace(",", "")
        with pytest.raises(SubmitRefusedError, match="cores"):
            bench.backend.submit([bench.spec(shell_tool("true"), Resources(cores=100_000))])

    def test_adopt_calls_an_unknown_attempt_gone(self, bench: Bench) -> None:
        assert bench.backend.adopt(["no-such-run/0.1"]) == {"no-such-run/0.1": Life.GONE}

    def test_what_was_reported_but_not_settled_is_reported_again_after_a_restart(
        self, bench: Bench, tmp_path: Path
    ) -> None:
        (handle,) = bench.submit(shell_tool("echo done > out"))
        report = bench.drain(1)[handle]
        bench.backend.close()
        later = self.make(tmp_path / "home")
        try:
            assert later.adopt([handle]) == {handle: Life.ALIVE}
            assert drain(later, 1) == {handle: report}
            assert later.poll(0.1) == []
        finally:
            later.close()

    def test_a_spec_that_names_an_undefined_value_is_refused(self, bench: Bench) -> None:
        spec = bench.spec(shell_tool("true"))
        wrong = replace(spec, tool="0" * 64)
        with pytest.raises(SubmitRefusedError, match="0000"):
            bench.backend.submit([wrong])

    def test_constants_reach_every_job_and_inputs_go_over_them(self, bench: Bench) -> None:
        values: dict[str, Json] = {"x": "constant"}
        bench.backend.define({digest(values): values})
        plain, own = bench.spec(shell_tool("echo $1 > out")), bench.spec(shell_tool("echo $1 > out"), x="own")
        specs = [replace(spec, constants=digest(values)) for spec in (plain, own)]
        handles, reports = bench.backend.submit(specs), bench.drain(2)
        texts = [Path(reports[handle].outputs["out"]["path"]).read_text().strip() for handle in handles]
        assert texts == ["constant", "own"]

    def test_close_ends_everything(self, bench: Bench) -> None:
        (handle, *_) = bench.submit(*[shell_tool("(setsid sleep 1000 &); trap '' TERM; sleep 1000")] * 4)
        bench.started(handle)
        bench.backend.close()
        assert marked(RUN_MARK, [bench.run]) == []
        bench.backend.close()
