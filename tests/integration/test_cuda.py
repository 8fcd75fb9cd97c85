"""``helios-events stats`` and ``select`` on a device: the same as on the CPU.

What needs a device is marked ``gpu``; that the same code gives the same with NumPy in CuPy's place, the unit
tests show everywhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helios_wf.backend import BackendSettings
from helios_wf.errors import BackendError, SettingsError
from helios_wf.event_tools.device import device_of

N_EVENTS = 300_000
FILTER = "energy > 20.5 and sensor_id in [1, 2, 3, 5, 8] or energy * 2.0 < 10.0"


def events(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).parent / "helios-events")
    command = [program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "events.parquet"
    made = events("generate", "--n-events", str(N_EVENTS), "--seed", "7", "-o", str(path))
    assert made.returncode == 0, made.stderr
    return path


@pytest.fixture
def cuda() -> None:
    """Skips where CUDA cannot be had."""
    try:
        device_of("cuda")
    except SettingsError as error:
        pytest.skip(str(error))


def statistics(file: Path, device: str) -> str:
    done = events("stats", str(file), "--device", device, "--filter", "energy > 1.0")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_auto_gives_what_the_cpu_gives(file: Path) -> None:
    assert statistics(file, "auto") == statistics(file, "cpu")


def test_cuda_that_cannot_be_had_is_a_clear_error(file: Path) -> None:
    try:
        device_of("cuda")
    except SettingsError:
        done = events("stats", str(file), "--device", "cuda")
        assert done.returncode == 2
        assert "--device cuda" in done.stderr
        assert "--device cpu" in done.stderr
    else:
        assert json.loads(statistics(file, "cuda"))["n_events"] > 0


@pytest.mark.gpu
@pytest.mark.usefixtures("cuda")
def test_statistics_on_a_device_are_the_same_to_the_last_digit(file: Path) -> None:
    assert statistics(file, "cuda") == statistics(file, "cpu")


@pytest.mark.gpu
@pytest.mark.usefixtures("cuda")
def test_a_selection_on_a_device_is_the_same_to_the_byte(file: Path, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        kept = str(tmp_path / f"{device}.parquet")
        done = events("select", str(file), "--device", device, "--filter", FILTER, "-o", kept)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "cuda.parquet").read_bytes() == (tmp_path / "cpu.parquet").read_bytes()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[object]:
    from helios_wf_gpu import GpuBackend

    try:
        backend = GpuBackend(BackendSettings(str(tmp_path / "home"), 2))
    except BackendError as error:
        pytest.skip(str(error))
    yield backend
    backend.close()


@pytest.mark.gpu
def test_the_devices_of_this_machine_are_found_and_given_out(backend: object, tmp_path: Path) -> None:
    from helios_wf_gpu import GpuBackend

    from helios_wf.model import Cuda, Resources
    from helios_wf.testing import Bench, shell_tool

    assert isinstance(backend, GpuBackend)
    bench = Bench(backend, tmp_path, f"run-{tmp_path.name}")
    lists = shell_tool('sleep 1; nvidia-smi -L > out; echo "$CUDA_VISIBLE_DEVICES" >> out')
    (handle,) = backend.submit([bench.spec(lists, Resources(gpus=1, cuda=Cuda(capabilities=("5.0",))))])
    report = bench.drain(1)[handle]
    assert report.cause is None, report.message
    *listed, own = Path(report.outputs["out"]["path"]).read_text().splitlines()
    assert any(own in line for line in listed)
    assert [use.uuid for use in report.devices] == [own]
