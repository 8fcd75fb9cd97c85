"""Devices: found by NVML or configured, matched with what jobs ask for, given out, and set aside."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from helios_wf_gpu.devices import Device, configured, fits, why_not
from helios_wf_gpu.health import LOOK_S, PATIENCE_S, Health
from helios_wf_gpu.nvml import Nvml
from helios_wf_gpu.slots import Slots
from made_devices import MadeDriver

from helios_wf.errors import BackendError
from helios_wf.model import Cuda, DeviceUse, JobSpec, Json, Resources

OLD = Device("GPU-old", "Tesla", 16384, "7.0", "12.4")
NEW = Device("GPU-new", "Hopper", 81920, "9.0", "12.4")


def nvml_of(driver: MadeDriver) -> Nvml:
    module: Any = driver
    return Nvml(module)


def job(key: str, gpus: int = 1, cuda: Cuda | None = None) -> JobSpec:
    return JobSpec("run", key, 1, "0", "/none", resources=Resources(gpus=gpus, cuda=cuda))


def placed(slots: Slots, *specs: JobSpec) -> dict[str, tuple[str, ...]]:
    return {spec.key: uuids for spec, uuids in slots.place(specs)}


# -- finding -----------------------------------------------------------------------------------------------


def test_nvml_tells_of_every_device() -> None:
    nvml = nvml_of(MadeDriver("a", "b"))
    assert nvml.devices == [
        Device("GPU-a", "Made Device", 16384, "8.0", "12.4"),
        Device("GPU-b", "Made Device", 16384, "8.0", "12.4"),
    ]


def test_of_a_device_that_is_cut_into_instances_those_are_given_out() -> None:
    nvml = nvml_of(MadeDriver("a", "b", instances=2))
    assert [device.uuid for device in nvml.devices] == ["MIG-0", "MIG-1", "GPU-b"]
    load = nvml.load("MIG-1")
    assert load is not None
    assert (load.memory_mb, load.utilisation) == (10, 0)


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (MadeDriver(), "this machine has no device"),
        (MadeDriver("a", broken="NVML Shared Library Not Found"), "NVML Shared Library Not Found"),
    ],
)
def test_a_machine_without_devices_is_told_what_is_missing(driver: MadeDriver, words: str) -> None:
    with pytest.raises(BackendError, match=words):
        nvml_of(driver)


def test_devices_may_be_configured() -> None:
    listed = [{"uuid": "GPU-1", "memory_mb": 100, "compute_capability": "8.6", "cuda_version": "12.1"}]
    assert configured(listed) == [Device("GPU-1", "device", 100, "8.6", "12.1")]
    assert configured([{"uuid": "GPU-1"}]) == [Device("GPU-1")]


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ([], "must be a list"),
        ({"uuid": "GPU-1"}, "must be a list"),
        (["GPU-1"], "table with a uuid"),
        ([{"name": "x"}], "table with a uuid"),
        ([{"uuid": "GPU-1"}, {"uuid": "GPU-1"}], "two devices have the uuid 'GPU-1'"),
        ([{"uuid": "GPU-1", "memory": 5}], "no 'memory'; known: uuid, name, memory_mb"),
        ([{"uuid": "GPU-1", "memory_mb": "5"}], "number of MiB"),
        ([{"uuid": "GPU-1", "compute_capability": 8.0}], "text such as '8.0'"),
        ([{"uuid": "GPU-1", "cuda_version": "new"}], "text such as '12.4'"),
        ([{"uuid": "GPU-1,GPU-2"}], "no uuid"),
    ],
)
def test_a_wrong_list_of_devices_is_refused_with_what_would_be_right(listed: Json, words: str) -> None:
    with pytest.raises(BackendError, match=words):
        configured(listed)


# -- matching ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cuda", "old", "new"),
    [
        (Cuda(), True, True),
        (Cuda(capabilities=("7.0",)), True, True),
        (Cuda(capabilities=("7",)), True, True),
        (Cuda(capabilities=("8.6",)), False, True),
        (Cuda(capabilities=("10.0",)), False, False),
        (Cuda(capabilities=("7.0", "8.0"), exactly=True), True, False),
        (Cuda(capabilities=("9.0",), exactly=True), False, True),
        (Cuda(version_min="11.4"), True, True),
        (Cuda(version_min="12.4"), True, True),
        (Cuda(version_min="12.10"), False, False),
    ],
)
def test_one_capability_is_the_least_and_a_list_is_exact(cuda: Cuda, old: bool, new: bool) -> None:
    assert (fits(OLD, cuda), fits(NEW, cuda)) == (old, new)


def test_what_is_not_known_of_a_device_fits() -> None:
    assert fits(Device("GPU-1"), Cuda(version_min="12.4", capabilities=("9.0",)))


def test_the_reason_says_what_is_asked_for_and_what_there_is() -> None:
    asked = Resources(gpus=2, cuda=Cuda(2, "11.4", ("8.0",)))
    assert why_not([OLD, NEW], asked) == (
        "needs 2 GPUs with compute capability 8.0 or higher (cudaComputeCapability) and CUDA 11.4 or newer "
        "(cudaVersionMin); 1 of 2 devices fit: Tesla GPU-old, 16384 MiB, compute capability 7.0, CUDA 12.4; "
        "Hopper GPU-new, 81920 MiB, compute capability 9.0, CUDA 12.4"
    )
    assert why_not([OLD, NEW], Resources(gpus=1, cuda=asked.cuda)) == ""


# -- giving out --------------------------------------------------------------------------------------------


def test_each_job_has_devices_of_its_own() -> None:
    slots = Slots([OLD, NEW])
    assert placed(slots, job("0/0"), job("0/1"), job("0/2")) == {"0/0": ("GPU-old",), "0/1": ("GPU-new",)}
    assert placed(slots, job("0/2")) == {}
    assert slots.free("run/0/0.1") == ("GPU-old",)
    assert placed(slots, job("0/2")) == {"0/2": ("GPU-old",)}


def test_jobs_may_share_a_device_where_that_is_configured() -> None:
    slots = Slots([OLD, NEW], jobs_per_device=2)
    given = placed(slots, *(job(f"0/{at}") for at in range(5)))
    assert [given[f"0/{at}"] for at in range(4)] == [("GPU-old",), ("GPU-new",), ("GPU-old",), ("GPU-new",)]
    assert "0/4" not in given
    assert slots.free("run/0/0.1") == ()
    assert slots.free("run/0/2.1") == ("GPU-old",)


def test_a_job_that_can_use_more_devices_gets_what_is_free() -> None:
    slots = Slots([OLD, NEW])
    assert placed(slots, job("0/0", 1, Cuda(most=4))) == {"0/0": ("GPU-old", "GPU-new")}


def test_a_job_that_needs_several_devices_is_not_kept_waiting_by_small_ones() -> None:
    slots = Slots([OLD, NEW])
    placed(slots, job("0/0"))
    assert placed(slots, job("0/1", 2), job("0/2")) == {}
    slots.free("run/0/0.1")
    assert placed(slots, job("0/1", 2), job("0/2")) == {"0/1": ("GPU-old", "GPU-new")}


def test_a_job_goes_past_one_that_waits_for_other_devices() -> None:
    slots = Slots([OLD, NEW])
    wants_new = Cuda(capabilities=("9.0",))
    given = placed(slots, job("0/0", 1, wants_new), job("0/1", 1, wants_new), job("0/2"))
    assert given == {"0/0": ("GPU-new",), "0/2": ("GPU-old",)}


# -- health ------------------------------------------------------------------------------------------------


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def look(health: Health, watch: Watch, seconds: float = 2 * LOOK_S) -> None:
    watch.now += seconds
    health.look()


def test_what_a_job_makes_of_its_devices_is_recorded(watch: Watch) -> None:
    driver = MadeDriver("a", "b")
    nvml = nvml_of(driver)
    slots = Slots(nvml.devices)
    health = Health(slots, nvml, watch)
    placed(slots, job("0/0"))
    health.began("run/0/0.1")
    for memory_mb, busy in ((500.0, 90), (900.0, 60), (700.0, 0)):
        driver.used_mb["GPU-a"], driver.busy["GPU-a"] = memory_mb, busy
        look(health, watch)
    assert health.ended("run/0/0.1") == (DeviceUse("GPU-a", 900.0, 50.0),)
    assert health.ended("run/0/0.1") == ()


def test_a_device_that_reports_a_fault_of_its_own_is_set_aside(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    driver = MadeDriver("a", "b")
    nvml = nvml_of(driver)
    slots = Slots(nvml.devices)
    health = Health(slots, nvml, watch)
    driver.xids += [("GPU-a", 13), ("GPU-b", 79)]
    with caplog.at_level(logging.WARNING, "helios_wf"):
        look(health, watch)
    assert list(slots.aside) == ["GPU-b"], "Xid 13 is a fault of the program"
    assert "device GPU-b is set aside: it reported the fault Xid 79" in caplog.text
    assert placed(slots, job("0/0"), job("0/1")) == {"0/0": ("GPU-a",)}
    reasons = slots.why_not(Resources(gpus=2))
    assert "needs 2 GPUs; 1 of 1 devices fit" in reasons[0]
    assert "Xid 79" in reasons[1]


def test_a_fault_of_a_device_sets_all_its_instances_aside(watch: Watch) -> None:
    driver = MadeDriver("a", "b", instances=2)
    nvml = nvml_of(driver)
    slots = Slots(nvml.devices)
    health = Health(slots, nvml, watch)
    driver.xids.append(("GPU-a", 79))
    look(health, watch)
    assert sorted(slots.aside) == ["MIG-0", "MIG-1"]


def test_a_device_that_is_gone_is_set_aside(watch: Watch) -> None:
    driver = MadeDriver("a", "b")
    nvml = nvml_of(driver)
    slots = Slots(nvml.devices)
    health = Health(slots, nvml, watch)
    driver.lost.add("GPU-a")
    look(health, watch)
    assert slots.aside == {"GPU-a": "it does not answer any more"}


def test_memory_that_a_killed_job_left_sets_a_device_aside_until_it_is_free(watch: Watch) -> None:
    driver = MadeDriver("a")
    nvml = nvml_of(driver)
    slots = Slots(nvml.devices)
    health = Health(slots, nvml, watch)
    placed(slots, job("0/0"))
    driver.used_mb["GPU-a"] = 8000.0
    look(health, watch, PATIENCE_S * 2)
    assert not slots.aside, "a job has it"
    slots.free("run/0/0.1")
    look(health, watch)
    assert not slots.aside, "memory is freed a little after the job"
    look(health, watch, PATIENCE_S + 1)
    assert "8000 MiB of its memory are in use although no job has it" in slots.aside["GPU-a"]
    driver.used_mb["GPU-a"] = 10.0
    look(health, watch)
    assert not slots.aside
