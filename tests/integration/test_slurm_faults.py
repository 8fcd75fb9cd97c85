"""The Slurm backend over fake commands: the contract, and all that a real Slurm does only now and then."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fake_slurm import FakeSlurm
from helios_wf_slurm import SlurmBackend, fleet, launching

from helios_wf.backend import Backend, BackendSettings, Life
from helios_wf.errors import BackendError
from helios_wf.model import Json, Report, Resources
from helios_wf.processes import JOB_MARK, RUN_MARK, marked
from helios_wf.spool import Spool
from helios_wf.states import Cause
from helios_wf.testing import BackendContract, Bench, drain, shell_tool, timed, wait_until

QUICK: dict[str, Json] = {
    "poll_seconds": 0.2,
    "look_seconds": 0.02,
    "late_seconds": 0.5,
    "beat_seconds": 0.2,
    "silent_seconds": 60.0,
    "call_seconds": 5.0,
    "grace_s": 0.3,
}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlurm]:
    slurm = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{slurm.bin}:{os.environ['PATH']}")
    for name in [name for name in os.environ if name.startswith(("SLURM_", "SBATCH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(launching, "AMBIGUOUS_S", 0.3)
    monkeypatch.setattr(fleet, "VANISHED_S", 0.3)
    yield slurm
    slurm.release()


def make(home: Path, jobs: int | None = 4, **options: Json) -> SlurmBackend:
    return SlurmBackend(BackendSettings(home=str(home), jobs=jobs, options={**QUICK, **options}))


@pytest.fixture
def bench(fake: FakeSlurm, tmp_path: Path) -> Iterator[Bench]:
    backend = make(tmp_path / "home")
    bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
    yield bench
    backend.close()
    assert marked(RUN_MARK, [bench.run]) == []


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_of(handle: str) -> int:
    """Returns the process id of the worker that runs an attempt."""
    tools = marked(JOB_MARK, [handle])
    return next(parent_of(pid) for pid in tools if parent_of(pid) not in tools)


@pytest.mark.usefixtures("fake")
class TestSlurmOverFakes(BackendContract):
    def make(self, home: Path) -> Backend:
        return make(home)

    def lose(self, backend: Backend, handle: str) -> None:
        os.kill(worker_of(handle), signal.SIGKILL)


class TestPoolOverFakes(BackendContract):
    @pytest.fixture(autouse=True)
    def _fake(self, fake: FakeSlurm) -> None:
        """The commands are fakes."""

    def make(self, home: Path) -> Backend:
        return make(home, mode="pool", pool_workers=2, pool_linger_seconds=1.0)

    def lose(self, backend: Backend, handle: str) -> None:
        os.kill(worker_of(handle), signal.SIGKILL)


def learn(bench: Bench, tool: dict[str, Json]) -> None:
    """Lets the backend see how quick a tool is, so that its jobs go in batches."""
    bench.drain(len(bench.submit(*[tool] * 8, x="0")))


# -- sbatch ------------------------------------------------------------------------------------------------


def test_a_submission_that_sbatch_did_not_confirm_is_found_by_its_name(fake: FakeSlurm, bench: Bench) -> None:
    fake.fault("lost_answer")
    report = bench.report(shell_tool("echo $1 > out"), x="once")
    assert report.cause is None
    assert len(fake.calls("sbatch")) == 1


def test_a_submission_that_slurm_does_not_have_is_submitted_again_under_its_name(
    fake: FakeSlurm, bench: Bench
) -> None:
    fake.fault("away")
    handles = bench.submit(*[shell_tool("true")] * 3)
    wait_until(lambda: bool(fake.calls("sbatch")), bench.backend)
    assert all("does not answer" in why or "not accepted" in why for why in reasons(bench, handles))
    fake.mend("away")
    reports = bench.drain(3)
    assert {report.cause for report in reports.values()} == {None}
    names = {option for call in fake.calls("sbatch") for option in call if option.startswith("--job-name=")}
    assert len(names) == 1


def reasons(bench: Bench, handles: list[str]) -> list[str]:
    found = bench.backend.waiting(handles)
    assert found.keys() == set(handles)
    return list(found.values())


def test_jobs_that_a_crash_of_the_controller_lost_go_again(fake: FakeSlurm, bench: Bench) -> None:
    fake.fault("forget")
    report = bench.report(shell_tool("true"))
    assert report.cause is None
    assert len(fake.calls("sbatch")) == 2


def test_what_slurm_refuses_is_reported_in_its_words(fake: FakeSlurm, bench: Bench) -> None:
    fake.fault("refuse", "Invalid partition name specified")
    report = bench.report(shell_tool("true"))
    assert (report.cause, report.permanent) == (Cause.NOT_STARTED, True)
    assert "Invalid partition name specified" in report.message


def test_a_limit_on_submissions_is_waited_for(fake: FakeSlurm, bench: Bench) -> None:
    fake.fault("refuse", "Job violates accounting/QOS policy\nsbatch: error: QOSMaxSubmitJobPerUserLimit")
    (handle,) = bench.submit(shell_tool("true"))
    wait_until(lambda: len(fake.calls("sbatch")) > 1, bench.backend)
    assert "QOSMaxSubmitJobPerUserLimit" in reasons(bench, [handle])[0]
    fake.mend("refuse")
    assert bench.drain(1)[handle].cause is None


def test_a_command_that_hangs_is_given_up_and_nothing_is_lost(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", call_seconds=0.5)
    bench = Bench(backend, tmp_path, "run-hang")
    (handle,) = bench.submit(shell_tool("while ! [ -e $1 ]; do sleep 0.05; done"), x=str(tmp_path / "gate"))
    bench.started(handle)
    fake.fault("hang")
    asked = len(fake.calls("squeue"))
    wait_until(lambda: len(fake.calls("squeue")) > asked + 1, backend)
    (tmp_path / "gate").touch()
    assert bench.drain(1)[handle].cause is None
    fake.mend("hang")
    backend.close()


def test_nothing_of_slurms_own_is_left_in_the_environment(
    fake: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLURM_CONF", "SLURM_JOB_ID", "SBATCH_PARTITION", "SQUEUE_FORMAT"):
        monkeypatch.setenv(name, "x")
    backend = make(tmp_path / "home")
    Bench(backend, tmp_path, "run-environment").report(shell_tool("true"))
    backend.close()
    assert {name for names in fake.environments() for name in names} == {"SLURM_CONF"}


def test_the_number_of_calls_does_not_grow_with_the_number_of_jobs(fake: FakeSlurm, bench: Bench) -> None:
    tool = shell_tool("true")
    learn(bench, tool)
    counts = []
    for size in (20, 400):
        before = len(fake.calls("sbatch"))
        bench.drain(len(bench.submit(*[tool] * size)))
        counts.append(len(fake.calls("sbatch")) - before)
    assert counts == [1, 1]


def test_no_more_array_tasks_are_queued_than_the_site_lets(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", jobs=None, tasks_queued=3)
    bench = Bench(backend, tmp_path, "run-queued")
    reports = bench.drain(len(bench.submit(*[shell_tool("true")] * 7)))
    assert {report.cause for report in reports.values()} == {None}
    arrays = [option for call in fake.calls("sbatch") for option in call if option.startswith("--array=")]
    assert len(arrays) > 1
    assert set(arrays) <= {"--array=0-0", "--array=0-1", "--array=0-2"}
    backend.close()


def test_no_more_tasks_run_at_once_than_jobs_may(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", jobs=2)
    bench = Bench(backend, tmp_path, "run-two")
    tool = shell_tool("sleep 0.3")
    reports = bench.drain(len(bench.submit(*[tool] * 6)))
    moments = sorted(
        moment
        for report in reports.values()
        for moment in ((report.started_at, 1), (report.started_at + report.wall_s, -1))
    )
    running = [sum(change for _, change in moments[: at + 1]) for at in range(len(moments))]
    assert max(running) == 2
    backend.close()


# -- tasks that end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "cause", "words"),
    [
        ("NODE_FAIL", Cause.LOST, "its node failed"),
        ("PREEMPTED", Cause.LOST, "higher priority"),
        ("CANCELLED", Cause.LOST, "not helios-wf"),
        ("TIMEOUT", Cause.TIME_LIMIT, "time limit"),
        ("OUT_OF_MEMORY", Cause.MEMORY, "more memory"),
        ("LAUNCH_FAILED", Cause.LOST, "LAUNCH_FAILED"),
    ],
)
def test_a_task_that_ends_without_a_report_is_explained_by_its_state(
    fake: FakeSlurm, bench: Bench, state: str, cause: Cause, words: str
) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    fake.end(fake.ids()[-1], 0, state)
    report = bench.drain(1)[handle]
    assert report.cause is cause
    assert words in report.message


def test_what_a_lost_batch_had_not_begun_is_put_back_uncharged(fake: FakeSlurm, bench: Bench) -> None:
    tool = shell_tool("sleep $1")
    learn(bench, tool)
    specs = [bench.spec(tool, x=x) for x in ("0", "1000", "0", "0")]
    bench.backend.submit(specs)
    bench.started(specs[1].handle)
    fake.end(fake.ids()[-1], 0, "NODE_FAIL")
    reports = bench.drain(4)
    first, begun, *rest = (reports[spec.handle] for spec in specs)
    assert first.cause is None
    assert begun.cause is Cause.LOST
    assert {report.cause for report in rest} == {Cause.CANCELLED}
    assert "put back" in rest[0].message


def test_a_task_that_waits_when_its_node_fails_goes_again_as_the_same_attempt(
    fake: FakeSlurm, tmp_path: Path
) -> None:
    backend = make(tmp_path / "home", jobs=1)
    bench = Bench(backend, tmp_path, "run-again")
    long, waits = bench.submit(shell_tool("sleep $1"), shell_tool("sleep $1"), x="1")
    bench.started(long)
    fake.end(fake.ids()[-1], 1, "NODE_FAIL")
    reports = bench.drain(2)
    assert reports[waits].cause is None
    assert len(fake.calls("sbatch")) == 2
    backend.close()


def test_a_worker_that_cannot_start_is_told_with_the_last_line_of_its_log(
    fake: FakeSlurm, tmp_path: Path
) -> None:
    backend = make(tmp_path / "home", prologue="echo no such module: root >&2; false")
    report = Bench(backend, tmp_path, "run-prologue").report(shell_tool("true"))
    assert report.cause is Cause.LOST
    assert "no such module: root" in report.message
    backend.close()


def test_a_worker_that_gives_no_sign_of_life_is_given_up_and_ended(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", silent_seconds=2.0)
    bench = Bench(backend, tmp_path, "run-silent")
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    os.kill(worker_of(handle), signal.SIGSTOP)
    report = bench.drain(1)[handle]
    assert report.cause is Cause.LOST
    assert "no sign of life" in report.message
    wait_until(lambda: marked(RUN_MARK, ["run-silent"]) == [], backend)
    assert fake.calls("scancel") == [["scancel", "--quiet", "1_0"]]
    backend.close()


def test_a_scheduler_that_is_away_is_asked_less_often_and_results_come_all_the_same(
    fake: FakeSlurm, bench: Bench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    handles = bench.submit(*[shell_tool("while ! [ -e $1 ]; do sleep 0.05; done")] * 4, x=str(gate))
    wait_until(lambda: all(marked(JOB_MARK, [handle]) for handle in handles), bench.backend)
    fake.fault("away")
    queue = bench.backend._fleet.queue  # type: ignore[attr-defined]
    wait_until(lambda: queue._failures == 3, bench.backend)
    assert queue._next_at - queue._begun > QUICK["poll_seconds"] * 4
    gate.touch()
    assert {report.cause for report in bench.drain(4).values()} == {None}
    fake.mend("away")


def test_a_second_life_of_a_task_does_nothing(fake: FakeSlurm, bench: Bench, tmp_path: Path) -> None:
    (handle,) = bench.submit(shell_tool("echo life >> ../../lives; sleep $1"), x="1")
    bench.started(handle)
    (folder,) = (tmp_path / "home" / "slurm").glob("helios-*")
    command = fake.calls("sbatch")[0][-3:]
    environment = {
        **os.environ,
        "SLURM_ARRAY_JOB_ID": "1",
        "SLURM_ARRAY_TASK_ID": "0",
        "SLURM_RESTART_COUNT": "1",
    }
    done = subprocess.run(["/bin/sh", *command], env=environment, check=False)
    assert done.returncode == 0
    assert [path.name for path in (folder / "taken").iterdir()] == ["000000.1-0-0"]
    assert bench.drain(1)[handle].cause is None
    assert (tmp_path / "runs" / "lives").read_text() == "life\n"


# -- cancel ------------------------------------------------------------------------------------------------


def test_cancel_is_one_call_for_all_that_runs_and_waits(fake: FakeSlurm, bench: Bench) -> None:
    handles = bench.submit(*[shell_tool("sleep 1000")] * 40)
    bench.started(handles[0])
    bench.backend.cancel(handles)
    assert {report.cause for report in bench.drain(40).values()} == {Cause.CANCELLED}
    assert len(fake.calls("scancel")) == 1


def test_cancel_waits_for_a_scheduler_that_is_away(fake: FakeSlurm, bench: Bench) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    fake.fault("away")
    bench.backend.cancel([handle])
    fake.mend("away")
    assert bench.drain(1)[handle].cause is Cause.CANCELLED


# -- a new engine ------------------------------------------------------------------------------------------


def test_a_new_engine_adopts_what_runs_waits_and_has_ended_and_submits_nothing_again(
    fake: FakeSlurm, bench: Bench, tmp_path: Path
) -> None:
    specs = [bench.spec(shell_tool("sleep $1; echo $1 > out"), x=x) for x in ("0", "2", "3", "1", "0", "0")]
    handles = bench.backend.submit(specs)
    bench.started(handles[1])
    later = make(tmp_path / "home")
    assert later.adopt([*handles, "no-such-run/0.1"]) == {
        **dict.fromkeys(handles, Life.ALIVE),
        "no-such-run/0.1": Life.GONE,
    }
    assert {report.cause for report in drain(later, 6).values()} == {None}
    assert len(fake.calls("sbatch")) == 1
    # whoever had them before lets them alone
    bench.backend.cancel(handles)
    assert fake.calls("scancel") == []
    later.close()


def test_a_new_engine_submits_what_an_engine_that_died_had_only_laid_out(
    fake: FakeSlurm, bench: Bench, tmp_path: Path
) -> None:
    fake.fault("away")
    handles = bench.submit(*[shell_tool("true")] * 3)
    wait_until(lambda: bool(fake.calls("sbatch")), bench.backend)
    fake.mend("away")
    later = make(tmp_path / "home")
    assert set(later.adopt(handles).values()) == {Life.ALIVE}
    assert {report.cause for report in drain(later, 3).values()} == {None}
    later.close()


def test_settled_submissions_leave_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    bench.report(shell_tool("true"))
    bench.backend.poll(0.0)
    assert list((tmp_path / "home" / "slurm").glob("helios-*")) == []


# -- pools -------------------------------------------------------------------------------------------------


def test_a_pool_takes_jobs_that_come_later_without_another_submission(
    fake: FakeSlurm, tmp_path: Path
) -> None:
    backend = make(tmp_path / "home", mode="pool", pool_workers=2)
    bench = Bench(backend, tmp_path, "run-pool")
    for _ in range(3):
        reports = bench.drain(len(bench.submit(*[shell_tool("true")] * 30)))
        assert {report.cause for report in reports.values()} == {None}
    assert len(fake.calls("sbatch")) == 1
    backend.close()
    assert marked(RUN_MARK, ["run-pool"]) == []


def test_jobs_of_a_pool_that_ended_go_into_another(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", mode="pool", pool_workers=1)
    bench = Bench(backend, tmp_path, "run-pool")
    begun, *others = bench.submit(shell_tool("sleep $1"), *[shell_tool("true")] * 20, x="1000")
    bench.started(begun)
    fake.end(fake.ids()[-1], "-", "NODE_FAIL")
    reports = bench.drain(21)
    assert reports[begun].cause is Cause.LOST
    lost = [handle for handle in others if reports[handle].cause is not None]
    assert {reports[handle].cause for handle in lost} <= {Cause.CANCELLED}
    assert len(lost) < 20
    assert len(fake.calls("sbatch")) == 2
    backend.close()


# -- names, places, requirements ---------------------------------------------------------------------------


def test_nothing_in_a_folders_name_is_taken_for_a_command(fake: FakeSlurm, tmp_path: Path) -> None:
    home = tmp_path / "a \"home\" of 'mine' $(touch /tmp/helios-was-here) `id` %a é\n#SBATCH --wrap=x"
    path = tmp_path / "in $(id) 'put' \"é\".txt"
    path.write_text("data")
    backend = make(home)
    bench = Bench(backend, home, "run-names")
    report = bench.report(
        shell_tool('cat "$2" > out; printf %s "$1" >> out'),
        x="$(touch here)\n'\"",
        f={"class": "File", "location": path.as_uri()},
    )
    assert report.cause is None, report.message
    assert Path(report.outputs["out"]["path"]).read_text() == "data$(touch here)\n'\""
    assert not Path("/tmp/helios-was-here").exists()
    backend.close()


def test_what_a_job_asks_for_is_asked_of_slurm(fake: FakeSlurm, bench: Bench) -> None:
    spec = bench.spec(timed(shell_tool("true"), 30), Resources(cores=1.5, ram_mb=300.5, gpus=2, time_s=30))
    bench.backend.submit([spec])
    bench.drain(1)
    (call,) = fake.calls("sbatch")
    wanted = {"--cpus-per-task=2", "--mem=401M", "--gpus=2", "--time=3", "--no-requeue", "--ntasks=1"}
    assert wanted <= set(call)


def test_jobs_that_ask_for_different_things_go_in_arrays_of_their_own(fake: FakeSlurm, bench: Bench) -> None:
    specs = [bench.spec(shell_tool("true"), Resources(cores=cores)) for cores in (1, 2, 1, 2)]
    bench.backend.submit(specs)
    bench.drain(4)
    asked = [option for call in fake.calls("sbatch") for option in call if option.startswith("--cpus")]
    assert asked == ["--cpus-per-task=1", "--cpus-per-task=2"]


def test_a_machine_without_slurm_is_told_so_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BackendError, match=r"scontrol cannot be started.*backend check slurm"):
        make(tmp_path)


def test_time_that_does_not_suffice_is_not_begun(fake: FakeSlurm, tmp_path: Path) -> None:
    """A pool whose time is nearly up hands jobs back; they go into another."""
    backend = make(tmp_path / "home", mode="pool", pool_workers=1, time_minutes=1)
    bench = Bench(backend, tmp_path, "run-short")
    tool = shell_tool("true")
    fitting = bench.spec(tool, Resources(time_s=20))
    backend.submit([fitting])
    assert bench.drain(1)[fitting.handle].cause is None
    too_long = bench.spec(tool, Resources(time_s=55))
    backend.submit([too_long])
    wait_until(lambda: bool(list((tmp_path / "home" / "slurm").glob("*/taken/000000.*"))), backend)
    (why,) = backend.waiting([too_long.handle]).values()
    assert why
    backend.cancel([too_long.handle])
    assert bench.drain(1)[too_long.handle].cause is Cause.CANCELLED
    backend.close()


# -- a slow file system ------------------------------------------------------------------------------------


def test_a_success_is_reported_once_its_files_can_be_seen_here_too(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", late_seconds=30.0)
    bench = Bench(backend, tmp_path, "run-late")
    spec = bench.spec(shell_tool("sleep 1000"))
    backend.submit([spec])
    bench.started(spec.handle)
    (folder,) = (tmp_path / "home" / "slurm").glob("helios-*")
    late = tmp_path / "late.txt"
    out: Json = {"class": "File", "path": str(late), "size": 3}
    report = Report(run=spec.run, key=spec.key, attempt=1, outputs={"out": out}, exit_code=0)
    Spool(folder).say(0, "1-0-0", 999, msgspec.json.encode({"report": report}) + b"\n")
    wait_until(lambda: not list(backend._fleet._chunks()), backend)
    assert backend.poll(0.3) == []
    late.write_text("abc")
    assert drain(backend, 1) == {spec.handle: report}
    fake.release()
    backend.close()


def test_files_that_never_come_are_not_waited_for_for_ever(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", late_seconds=0.3)
    bench = Bench(backend, tmp_path, "run-never")
    path = tmp_path / "never.txt"
    report = bench.report(shell_tool("true"), f={"class": "File", "location": path.as_uri()})
    assert (report.cause, report.permanent) == (Cause.BAD_INPUT, True)
    assert str(path) in report.message
    backend.close()


def test_a_task_that_slurm_says_runs_but_that_never_began_goes_again(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", silent_seconds=1.0)
    bench = Bench(backend, tmp_path, "run-stuck")
    fake.fault("stuck")
    (handle,) = bench.submit(shell_tool("true"))
    wait_until(lambda: "RUNNING" in fake.states().values(), backend)
    fake.mend("stuck")
    assert bench.drain(1)[handle].cause is None
    assert fake.calls("scancel") == [["scancel", "--quiet", "1_0"]]
    backend.close()


def test_a_scheduler_that_hangs_does_not_hold_up_reports(fake: FakeSlurm, tmp_path: Path) -> None:
    backend = make(tmp_path / "home", call_seconds=1000.0)
    bench = Bench(backend, tmp_path, "run-held-up")
    gate = tmp_path / "gate"
    (handle,) = bench.submit(shell_tool("while ! [ -e $1 ]; do sleep 0.05; done"), x=str(gate))
    bench.started(handle)
    fake.fault("hang")
    asked = len(fake.calls("squeue"))
    wait_until(lambda: len(fake.calls("squeue")) > asked, backend)
    gate.touch()
    assert bench.drain(1)[handle].cause is None
    fake.mend("hang")
    backend.close()
