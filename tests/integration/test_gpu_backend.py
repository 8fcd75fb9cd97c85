"""The GPU backend over worker processes, with devices that are configured or made up."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helios_wf_gpu import GpuBackend
from helios_wf_gpu.nvml import Nvml
from made_devices import MadeDriver

from helios_wf.backend import Backend, BackendSettings
from helios_wf.errors import BackendError, SubmitRefusedError
from helios_wf.model import Cuda, Json, Resources
from helios_wf.processes import JOB_MARK, marked
from helios_wf.routing import open_backend
from helios_wf.states import Cause
from helios_wf.testing import BackendContract, Bench, shell_tool

DEVICES: Json = [
    {
        "uuid": "GPU-1",
        "name": "Small",
        "memory_mb": 8192,
        "compute_capability": "7.0",
        "cuda_version": "12.4",
    },
    {
        "uuid": "GPU-2",
        "name": "Large",
        "memory_mb": 80000,
        "compute_capability": "9.0",
        "cuda_version": "12.4",
    },
]
ASKS = shell_tool('echo "$CUDA_VISIBLE_DEVICES" > out')


def settings(home: Path, **options: Json) -> BackendSettings:
    return BackendSettings(str(home), 2, {"grace_s": 0.5, **options})


def parent_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))


class TestGpuBackend(BackendContract):
    """Jobs that ask for no device: the promises of every backend hold."""

    def make(self, home: Path) -> Backend:
        return GpuBackend(settings(home, devices=DEVICES))

    def lose(self, backend: Backend, handle: str) -> None:
        tools = set(marked(JOB_MARK, [handle]))
        (worker,) = {parent_of(tool) for tool in tools} - tools
        os.kill(worker, signal.SIGKILL)


class TestGpuJobs(TestGpuBackend):
    """Jobs that ask for a device each: the same promises."""

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Any:
        backend = self.make(tmp_path / "home")
        bench = AskingBench(backend, tmp_path, f"run-{tmp_path.name}")
        yield bench
        backend.close()


class AskingBench(Bench):
    """A bench whose jobs ask for a device."""

    def spec(self, tool: dict[str, Json], resources: Resources | None = None, **inputs: Json) -> Any:
        return super().spec(tool, resources or Resources(gpus=1, cuda=Cuda()), **inputs)


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    backend = GpuBackend(settings(tmp_path / "home", devices=DEVICES))
    yield Bench(backend, tmp_path, f"run-{tmp_path.name}")
    backend.close()


def devices_of(bench: Bench, *asked: Resources) -> list[str]:
    handles = bench.backend.submit([bench.spec(ASKS, resources) for resources in asked])
    reports = bench.drain(len(handles))
    return [Path(reports[handle].outputs["out"]["path"]).read_text().strip() for handle in handles]


def test_a_job_sees_its_own_device_and_no_other(bench: Bench) -> None:
    seen = devices_of(bench, *[Resources(gpus=1, cuda=Cuda())] * 6)
    assert set(seen) == {"GPU-1", "GPU-2"}


def test_a_job_gets_a_device_that_is_what_it_asks_for(bench: Bench) -> None:
    wants = Resources(gpus=1, cuda=Cuda(capabilities=("8.0",)))
    assert devices_of(bench, wants, wants, wants) == ["GPU-2"] * 3


def test_a_job_may_have_several_devices(bench: Bench) -> None:
    assert devices_of(bench, Resources(gpus=2, cuda=Cuda(most=2))) == ["GPU-1,GPU-2"]


def test_a_job_that_asks_for_none_does_not_wait_for_one(bench: Bench) -> None:
    long = bench.backend.submit([bench.spec(shell_tool("sleep 1000"), Resources(cores=0.1, gpus=2))])
    bench.started(long[0])
    (plain,) = bench.submit(shell_tool("true"))
    assert bench.drain(1)[plain].cause is None
    bench.backend.cancel(long)
    assert bench.drain(1)[long[0]].cause is Cause.CANCELLED


def test_the_runtime_of_a_tool_says_how_many_devices_it_has(bench: Bench) -> None:
    arguments = [{"valueFrom": "$(runtime.cudaDeviceCount)"}]
    tool = shell_tool("echo $1 > out", inputs=[], arguments=arguments)
    cuda = {"class": "http://commonwl.org/cwltool#CUDARequirement", "cudaDeviceCountMin": 1}
    tool = {**tool, "requirements": [cuda]}
    (handle,) = bench.backend.submit([bench.spec(tool, Resources(gpus=1, cuda=Cuda(most=2)))])
    report = bench.drain(1)[handle]
    assert report.cause is None, report.message
    assert Path(report.outputs["out"]["path"]).read_text().strip() == "2"


def test_what_can_never_run_is_refused_with_a_list_of_the_devices(bench: Bench) -> None:
    wants = Resources(gpus=1, cuda=Cuda(capabilities=("10.0",)))
    (reason,) = bench.backend.check(wants)
    assert "0 of 2 devices fit: Small GPU-1, 8192 MiB" in reason
    with pytest.raises(SubmitRefusedError, match=r"compute capability 10\.0 or higher"):
        bench.backend.submit([bench.spec(ASKS, wants)])


def test_a_job_that_waits_for_a_device_can_be_cancelled(bench: Bench) -> None:
    both = Resources(gpus=2)
    first, second = bench.backend.submit([bench.spec(shell_tool("sleep 1000"), both) for _ in range(2)])
    bench.started(first)
    bench.backend.cancel([second])
    assert bench.drain(1)[second].cause is Cause.CANCELLED
    bench.backend.cancel([first])
    assert bench.drain(1)[first].cause is Cause.CANCELLED
    assert devices_of(bench, both) == ["GPU-1,GPU-2"]


def test_memory_and_utilisation_stand_in_the_report(tmp_path: Path) -> None:
    driver: Any = MadeDriver("a")
    driver.busy["GPU-a"] = 40
    backend = GpuBackend(settings(tmp_path / "home"), Nvml(driver))
    bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
    driver.used_mb["GPU-a"] = 5000.0
    (handle,) = backend.submit([bench.spec(shell_tool("sleep 0.5"), Resources(gpus=1))])
    (use,) = bench.drain(1)[handle].devices
    assert (use.uuid, use.peak_memory_mb, use.utilisation) == ("GPU-a", 5000.0, 40.0)
    backend.close()
    assert driver.closed


def test_who_waits_for_a_device_that_fails_is_told(tmp_path: Path) -> None:
    driver: Any = MadeDriver("a")
    backend = GpuBackend(settings(tmp_path / "home"), Nvml(driver))
    bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
    first, second = backend.submit([bench.spec(shell_tool("sleep 1"), Resources(gpus=1)) for _ in range(2)])
    bench.started(first)
    driver.xids.append(("GPU-a", 79))
    reports = bench.drain(2)
    assert reports[first].cause is None
    assert reports[second].cause is Cause.LOST
    assert "GPU-a is set aside: it reported the fault Xid 79" in reports[second].message
    assert "Xid 79" in "".join(backend.check(Resources(gpus=1)))
    backend.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"devices": DEVICES, "jobs_per_device": 0}, "jobs_per_device must be a number from 1"),
        ({"devices": DEVICES, "colour": 1}, "no option 'colour'"),
        ({"devices": "GPU-1"}, "list of tables"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, options: dict[str, Json], words: str) -> None:
    with pytest.raises(BackendError, match=words):
        GpuBackend(settings(tmp_path, **options))


class TestLocalAndGpu(TestGpuBackend):
    """Both at once, as ``--backend local,gpu`` opens them."""

    def make(self, home: Path) -> Backend:
        options: dict[str, Json] = {"local": {"grace_s": 0.5}, "gpu": {"grace_s": 0.5, "devices": DEVICES}}
        return open_backend("local,gpu", lambda name: BackendSettings(str(home), 2, options[name]))

    def test_who_asks_for_a_device_gets_one(self, bench: Bench) -> None:
        assert devices_of(bench, Resources(), Resources(gpus=1, cuda=Cuda(capabilities=("8.0",)))) == [
            "",
            "GPU-2",
        ]


GPU_TOOL = """
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {cwltool: "http://commonwl.org/cwltool#"}
requirements:
  cwltool:CUDARequirement: {cudaVersionMin: "11.4", cudaComputeCapability: "8.0", cudaDeviceCountMin: 1}
baseCommand: [sh, -c, 'echo "$CUDA_VISIBLE_DEVICES"']
stdout: seen.txt
inputs: {}
outputs: {seen: stdout}
"""

BOTH = """
cwlVersion: v1.2
class: Workflow
inputs: {}
steps:
  train: {run: tool.cwl, in: {}, out: [seen]}
  count:
    run:
      class: CommandLineTool
      baseCommand: [wc, -l]
      stdin: $(inputs.file.path)
      stdout: lines.txt
      inputs: {file: File}
      outputs: {lines: stdout}
    in: {file: train/seen}
    out: [lines]
outputs:
  seen: {type: File, outputSource: train/seen}
  lines: {type: File, outputSource: count/lines}
"""


def helios(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "helios-wf"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tool.cwl").write_text(GPU_TOOL)
    (tmp_path / "both.cwl").write_text(BOTH)
    devices = ", ".join(
        f'{{uuid = "{one["uuid"]}", compute_capability = "{one["compute_capability"]}"}}' for one in DEVICES
    )
    (tmp_path / "helios.toml").write_text(f"[backends.gpu]\ndevices = [{devices}]\n")
    return tmp_path


@pytest.mark.parametrize("backend", ["local,gpu", "gpu"])
def test_a_run_of_both_kinds_of_jobs(folder: Path, backend: str) -> None:
    done = helios(folder, "run", "--quiet", "--backend", backend, "--outdir", "out", "both.cwl")
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "seen.txt").read_text() == "GPU-2\n"
    assert (folder / "out" / "lines.txt").read_text().split() == ["1"]


def test_a_run_without_what_it_asks_for_is_told_what_there_is(folder: Path) -> None:
    (folder / "tool.cwl").write_text(GPU_TOOL.replace("8.0", "10.0"))
    done = helios(folder, "run", "--quiet", "--backend", "gpu", "both.cwl")
    assert done.returncode == 1
    assert "0 of 2 devices fit: device GPU-1, compute capability 7.0; device GPU-2" in done.stderr


def test_a_machine_without_a_device_ends_before_anything_runs(folder: Path) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have a device")
    (folder / "helios.toml").unlink()
    done = helios(folder, "run", "--quiet", "--backend", "gpu", "both.cwl")
    assert done.returncode == 1
    assert "backend 'gpu': " in done.stderr
    assert "[backends.gpu] devices" in done.stderr
