"""helios-wf on a real Slurm: the same outputs as on this machine, through whatever happens on the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from driving import (
    Desk,
    assert_nothing_was_done_twice,
    checksums,
    finish,
    kill,
    printed,
    wait_until,
)
from slurm_cluster import Cluster
from slurm_killloop import FAULTS, SlurmKillLoop, slurm_desk

from helios_wf import resources
from helios_wf.processes import RUN_MARK, marked
from helios_wf.states import JobState, RunState
from helios_wf.store import jobs
from tests.acceptance.conftest import Command

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

REAL = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {ScatterFeatureRequirement: {}}
inputs: {events: "File[]", most: long?}
steps:
  select:
    run: cwl_tools/events_select.cwl
    scatter: events
    in:
      {events: events, n_events: most, filter: {default: "M > 80 and Q1 != Q2"},
       columns: {default: [Event, M, Q1, Q2]}, extension: {default: parquet}}
    out: [selected]
    helios:split: {input: events, eventsPerJob: 500}
  join:
    run: cwl_tools/events_merge.cwl
    in: {parts: select/selected, extension: {default: parquet}}
    out: [merged]
    helios:merge: {input: parts}
outputs:
  selection: {type: File, outputSource: join/merged}
"""


@pytest.fixture
def folder(slurm: Cluster, tmp_path: Path) -> Iterator[Path]:
    slurm.empty()
    yield tmp_path
    slurm.up()
    slurm.empty()


@pytest.mark.parametrize("mode", ["array", "pool"])
def test_slurm_gives_what_this_machine_gives_to_the_byte(folder: Path, mode: str) -> None:
    local, slurm = Desk(folder / "local"), slurm_desk(folder / "slurm", mode)
    outs = [printed(desk.call(*desk.run_arguments)[0]) for desk in (local, slurm)]
    assert outs[0] == outs[1]
    assert local.published() == slurm.published()
    assert len(slurm.published()) > 3
    with slurm.store.read() as tx:
        row = jobs.get(tx, slurm.run().id, 0, slurm.jobs()[0].path)
    assert row.backend == "slurm"
    assert 0 < row.submitted_at <= row.started_at + 1
    for desk in (local, slurm):
        desk.close()


@pytest.mark.shared
def test_real_root_files_give_the_same_on_slurm(
    slurm: Cluster, helios: Command, shared: Path, repository_tools: None
) -> None:
    helios.write("select.cwl", REAL)
    events = shared / "data" / "uproot-Zmumu.root"
    job = helios.write("job.yml", f"events: [{{class: File, path: '{events}'}}]\n")
    helios.write("helios.toml", "[backends.slurm]\npoll_seconds = 1\nlook_seconds = 0.05\nlate_seconds = 2\n")
    found = [
        checksums(helios.json("run", "-q", "--backend", name, "--outdir", name, "select.cwl", job))
        for name in ("local", "slurm")
    ]
    assert found[0] == found[1]
    selected = {name: (helios.folder / name).glob("*.parquet") for name in ("local", "slurm")}
    contents = [[path.read_bytes() for path in sorted(paths)] for paths in selected.values()]
    assert contents[0] == contents[1]
    assert contents[0]


@pytest.fixture
def repository_tools(helios: Command) -> None:
    """The shipped tools beside the user's workflow."""
    shutil.copytree(resources.cwl_tools(), helios.folder / "cwl_tools")


def test_an_engine_that_is_killed_leaves_its_jobs_to_the_next_which_submits_none_of_them_again(
    slurm: Cluster, folder: Path
) -> None:
    desk = slurm_desk(folder / "desk", files=1, is_shut=True)
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    running = desk.handles()
    kill(process.pid)
    finish(process, None)
    before = desk.log()[-1].id
    desk.let_go()
    process = desk.start("resume")
    wait_until(lambda: desk.run().epoch > 1, "the resume did not begin")
    assert desk.handles() == running
    desk.open_gate()
    finish(process)
    run = desk.run().id
    ends = {f"{run}/{entry.task}/{entry.path}.{entry.attempt}": entry.new for entry in desk.log(before)}
    assert running
    assert {ends[handle] for handle in running} == {JobState.DONE}
    assert_nothing_was_done_twice(desk.log())
    desk.close()


def test_cancel_ends_what_a_killed_engine_left_in_slurm(slurm: Cluster, folder: Path) -> None:
    desk = slurm_desk(folder / "desk", is_shut=True)
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    kill(process.pid)
    finish(process, None)
    out, _ = desk.call("cancel")
    assert "is CANCELLED" in out
    assert slurm.queue() == []
    assert marked(RUN_MARK, [desk.run().id]) == []
    assert desk.run().state is RunState.CANCELLED
    desk.close()


def test_cancel_from_a_second_terminal_ends_what_is_queued_and_running(slurm: Cluster, folder: Path) -> None:
    desk = slurm_desk(folder / "desk", is_shut=True)
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    desk.call("cancel")
    finish(process, 1)
    assert desk.run().state is RunState.CANCELLED
    assert slurm.queue() == []
    assert desk.leftovers() == []
    desk.close()


def test_runs_come_through_faults_with_the_outputs_of_an_undisturbed_one(
    slurm: Cluster, folder: Path
) -> None:
    loop = SlurmKillLoop(slurm, folder, seed=7)
    loop.run(faults=len(FAULTS))
    assert set(loop.faults) == set(FAULTS)


@pytest.mark.killloop
def test_thirty_faults_change_no_output(
    slurm: Cluster, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = SlurmKillLoop(slurm, folder, seed=30)
    with capsys.disabled():
        loop.run(faults=30)
    assert loop.faults.total() == 30


def test_slurm_says_why_a_job_waits_and_the_job_is_run_again_here(slurm: Cluster, folder: Path) -> None:
    desk = slurm_desk(folder / "desk", files=1)
    slurm.call("sbatch", "--nodes=3", "--exclusive", "--time=10", "--output=/dev/null", "--wrap=sleep 600")
    wait_until(lambda: any("RUNNING" in line for line in slurm.queue()), "the nodes were never taken")
    process = desk.start(*desk.run_arguments, "--keep", "all")
    wait_until(
        lambda: desk.latest() and any(job.state is JobState.LEASED for job in desk.jobs()), "none waits"
    )
    name = next(
        f"count[{job.path}]" for job in desk.jobs() if job.state is JobState.LEASED and "/" not in job.path
    )
    words = ("Resources: no node has enough", "Priority: jobs of higher priority are before it")

    def is_told() -> bool:
        return any(text in desk.call("explain", name)[0] for text in words)

    wait_until(is_told, f"Slurm's reason was not told: {desk.call('explain', name)[0]}")
    kill(process.pid)
    finish(process, None)
    assert is_told(), "it is told without an engine too"
    assert "the engine that held the run is gone" in desk.call("explain", name)[0]
    slurm.empty()
    desk.call("resume", "--quiet")
    out, _ = desk.call("rerun", name)
    assert out == ""
    assert f"{name} is DONE" in desk.call("explain", name)[0]
    desk.close()
