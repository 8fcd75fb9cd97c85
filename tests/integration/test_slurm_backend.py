"""The Slurm backend on a real Slurm."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helios_wf_slurm import SlurmBackend
from slurm_cluster import QUICK, Cluster

from helios_wf.backend import Backend, BackendSettings, Life
from helios_wf.model import Json, Resources
from helios_wf.processes import JOB_MARK, RUN_MARK, marked
from helios_wf.states import Cause
from helios_wf.testing import BackendContract, Bench, drain, shell_tool, wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]


def make_slurm(home: Path, jobs: int | None = 8, **options: Json) -> SlurmBackend:
    return SlurmBackend(BackendSettings(home=str(home), jobs=jobs, options={**QUICK, **options}))


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def worker_of(handle: str) -> int:
    """Returns the process id of the worker that runs an attempt."""
    tools = marked(JOB_MARK, [handle])
    return next(parent_of(pid) for pid in tools if parent_of(pid) not in tools)


class TestSlurmBackend(BackendContract):
    @pytest.fixture(autouse=True)
    def _empty(self, slurm: Cluster) -> None:
        slurm.empty()

    def make(self, home: Path) -> Backend:
        return make_slurm(home)

    def lose(self, backend: Backend, handle: str) -> None:
        os.kill(worker_of(handle), signal.SIGKILL)


class TestPoolInSlurm(TestSlurmBackend):
    def make(self, home: Path) -> Backend:
        return make_slurm(home, mode="pool", pool_nodes=2, pool_linger_seconds=2)


@pytest.fixture
def bench(slurm: Cluster, tmp_path: Path) -> Iterator[Bench]:
    slurm.empty()
    backend = make_slurm(tmp_path / "home")
    bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
    yield bench
    slurm.up()
    backend.close()
    assert marked(RUN_MARK, [bench.run]) == []


GATED = "while ! [ -e $1 ]; do sleep 0.05; done; echo done > out"


def task_of(slurm: Cluster, state: str = "RUNNING") -> tuple[str, str]:
    """Returns the id and the node of the one task in a state."""
    (line,) = [line for line in slurm.queue() if f" {state} " in f"{line} "]
    _, task, _, node = f"{line} ".split(" ")[:4]
    return task, node


def test_a_submission_to_a_controller_that_hangs_runs_once(
    slurm: Cluster, bench: Bench, tmp_path: Path
) -> None:
    controller = slurm.pid("slurmctld")
    os.kill(controller, signal.SIGSTOP)
    (handle,) = bench.submit(shell_tool("echo run >> ../../runs; echo done > out"))
    wait_until(lambda: bool(bench.backend.driver.calls["sbatch"]), bench.backend)  # type: ignore[attr-defined]
    os.kill(controller, signal.SIGCONT)
    assert bench.drain(1)[handle].cause is None
    assert (tmp_path / "runs" / "runs").read_text() == "run\n"
    wait_until(lambda: not slurm.queue())
    assert (tmp_path / "runs" / "runs").read_text() == "run\n"


def test_what_a_controller_that_crashes_forgets_is_done_all_the_same(slurm: Cluster, bench: Bench) -> None:
    handles = bench.submit(*[shell_tool("sleep 0.5; echo done > out")] * 6)
    wait_until(lambda: bool(bench.backend.driver.calls["sbatch"]), bench.backend)  # type: ignore[attr-defined]
    slurm.crash("slurmctld")
    slurm.start("slurmctld")
    reports = bench.drain(6)
    assert sorted(reports) == sorted(handles)
    assert {report.cause for report in reports.values()} <= {None, Cause.LOST, Cause.CANCELLED}


def test_a_controller_that_is_away_loses_nothing(slurm: Cluster, bench: Bench, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    handles = bench.submit(*[shell_tool(GATED)] * 4, x=str(gate))
    wait_until(lambda: all(marked(JOB_MARK, [handle]) for handle in handles), bench.backend)
    slurm.stop("slurmctld")
    later = bench.submit(*[shell_tool("true")] * 4)
    wait_until(lambda: bool(bench.backend._fleet.queue.trouble), bench.backend)  # type: ignore[attr-defined]
    gate.touch()
    assert {report.cause for report in bench.drain(4).values()} == {None}
    reasons = bench.backend.waiting(later)
    assert reasons.keys() == set(later)
    assert all("does not answer" in why or "not accepted" in why for why in reasons.values())
    slurm.start("slurmctld")
    assert {report.cause for report in bench.drain(4).values()} == {None}


def test_a_node_that_crashes_loses_what_ran_there_and_nothing_else(
    slurm: Cluster, bench: Bench, tmp_path: Path
) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    _, node = task_of(slurm)
    slurm.crash(node)
    slurm.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
    others = bench.submit(*[shell_tool("true")] * 4)
    reports = bench.drain(5)
    assert reports[handle].cause is Cause.LOST
    assert "node failed" in reports[handle].message
    assert {reports[other].cause for other in others} == {None}


def test_a_node_that_crashes_and_returns_at_once_is_noticed_by_its_missing_signs_of_life(
    slurm: Cluster, tmp_path: Path
) -> None:
    slurm.empty()
    backend = make_slurm(tmp_path / "home", silent_seconds=3.0)
    bench = Bench(backend, tmp_path, "run-silent")
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    task, node = task_of(slurm)
    slurm.crash(node)
    slurm.start(node)
    report = bench.drain(1)[handle]
    assert report.cause is Cause.LOST
    wait_until(lambda: not [line for line in slurm.queue() if f" {task} RUNNING" in line], backend)
    backend.close()


def test_a_job_that_somebody_else_cancels_is_lost_not_failed(slurm: Cluster, bench: Bench) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    slurm.call("scancel", task_of(slurm)[0])
    report = bench.drain(1)[handle]
    assert report.cause is Cause.LOST
    assert "scancel" in report.message


def test_a_task_that_is_requeued_by_hand_does_not_run_twice(
    slurm: Cluster, bench: Bench, tmp_path: Path
) -> None:
    (handle,) = bench.submit(shell_tool("echo run >> ../../runs; sleep 1000"))
    bench.started(handle)
    task, _ = task_of(slurm)
    slurm.call("scontrol", "update", f"JobId={task}", "Requeue=1")
    slurm.call("scontrol", "requeue", task)
    assert bench.drain(1)[handle].cause is Cause.LOST
    assert (tmp_path / "runs" / "runs").read_text() == "run\n"


@pytest.mark.slow
def test_slurms_own_time_limit_is_a_cause_of_its_own(slurm: Cluster, bench: Bench) -> None:
    (handle,) = bench.submit(shell_tool("sleep 1000"))
    bench.started(handle)
    slurm.call("scontrol", "update", f"JobId={task_of(slurm)[0]}", "EndTime=now+1seconds")
    assert bench.drain(1)[handle].cause is Cause.TIME_LIMIT


@pytest.mark.slow
@pytest.mark.skipif(
    not os.access("/sys/fs/cgroup/memory", os.W_OK),
    reason="no control groups (v1) can be made here",
)
def test_a_job_that_uses_more_memory_than_it_asked_for_is_a_cause_of_its_own(
    slurm: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Cluster(1, "--cgroup")
    try:
        monkeypatch.setenv("SLURM_CONF", str(strict.conf))
        backend = make_slurm(tmp_path / "home")
        bench = Bench(backend, tmp_path, "run-memory")
        hungry = shell_tool(f"exec {sys.executable} -c 'x = bytearray(900_000_000); print(len(x))'")
        spec, modest = bench.spec(hungry, Resources(ram_mb=100)), bench.spec(hungry, Resources(ram_mb=1500))
        backend.submit([spec, modest])
        reports = bench.drain(2)
        assert reports[spec.handle].cause is Cause.MEMORY
        assert reports[modest.handle].cause is None
        backend.close()
    finally:
        strict.down()


def test_a_waiting_job_says_why_in_slurms_words_and_ours(slurm: Cluster, bench: Bench) -> None:
    tool = shell_tool("sleep 1000")
    specs = [bench.spec(tool, Resources(cores=4)) for _ in range(4)]
    bench.backend.submit(specs)
    reasons: dict[str, str] = {}

    def is_told() -> bool:
        reasons.update(bench.backend.waiting([spec.handle for spec in specs]))
        return any(why.startswith(("Resources: ", "Priority: ")) for why in reasons.values())

    wait_until(is_told, bench.backend)
    bench.backend.cancel([spec.handle for spec in specs])
    bench.drain(4)


def test_gpus_reach_the_tool_that_asks_for_them_and_no_other(slurm: Cluster, bench: Bench) -> None:
    tool = shell_tool("echo ${CUDA_VISIBLE_DEVICES-none} > out")
    with_two, without = bench.spec(tool, Resources(gpus=2)), bench.spec(tool)
    bench.backend.submit([with_two, without])
    reports = bench.drain(2)
    texts = [Path(reports[one.handle].outputs["out"]["path"]).read_text() for one in (with_two, without)]
    assert texts == ["0,1\n", "none\n"]


def test_a_new_engine_adopts_everything_and_submits_nothing_twice(
    slurm: Cluster, bench: Bench, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    handles = bench.submit(*[shell_tool("true")] * 3, *[shell_tool(GATED)] * 20, x=str(gate))
    bench.started(handles[3])
    later = make_slurm(tmp_path / "home")
    laid_out = {one for one in handles if one not in {spec.handle for spec in bench.backend._fleet.waiting}}  # type: ignore[attr-defined]
    lives = later.adopt(handles)
    assert {one for one, life in lives.items() if life is Life.ALIVE} == laid_out
    gate.touch()
    assert {report.cause for report in drain(later, len(laid_out)).values()} == {None}
    assert later.driver.calls["sbatch"] == 0
    later.close()


def test_nothing_in_a_name_is_taken_for_a_command_on_the_way_through_slurm(
    slurm: Cluster, tmp_path: Path
) -> None:
    home = tmp_path / "a \"home\" of 'mine' $(touch /tmp/helios-was-here) `id` %a é\n#SBATCH --wrap=x"
    path = tmp_path / "in $(id) 'put' \"é\".txt"
    path.write_text("data")
    for options in ({}, {"mode": "pool", "pool_workers": 1}):
        backend = make_slurm(home, **options)
        report = Bench(backend, home / str(len(options)), "run-names").report(
            shell_tool('cat "$2" > out; printf %s "$1" >> out'),
            x="$(touch here)\n'\"",
            f={"class": "File", "location": path.as_uri()},
        )
        assert report.cause is None, report.message
        assert Path(report.outputs["out"]["path"]).read_text() == "data$(touch here)\n'\""
        backend.close()
    assert not Path("/tmp/helios-was-here").exists()


def test_a_partition_that_is_not_there_is_refused_in_slurms_words(slurm: Cluster, tmp_path: Path) -> None:
    backend = make_slurm(tmp_path / "home", partition="nowhere")
    report = Bench(backend, tmp_path, "run-nowhere").report(shell_tool("true"))
    assert (report.cause, report.permanent) == (Cause.NOT_STARTED, True)
    assert "partition" in report.message
    backend.close()


def test_temporary_files_go_to_the_scratch_of_the_node(slurm: Cluster, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch of n1"
    scratch.mkdir()
    backend = make_slurm(tmp_path / "home", scratch=str(scratch))
    bench = Bench(backend, tmp_path, "run-scratch")
    for script in ("echo x > $TMPDIR/x; echo $TMPDIR > out", "echo x > $TMPDIR/x; false"):
        report = bench.report(shell_tool(script))
        if report.cause is None:
            text = Path(report.outputs["out"]["path"]).read_text()
            assert text.startswith(f"{scratch}/")
    backend.close()
    wait_until(lambda: list(scratch.iterdir()) == [])
