"""NVML, the only door to it: which devices there are, how they are used, and what went wrong with them.

It needs the module ``pynvml`` (distribution ``nvidia-ml-py``, extra ``gpu``) and NVIDIA's driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from helios_wf.errors import BackendError
from helios_wf_gpu.devices import Device

MIB = 2**20

OF_THE_PROGRAM = frozenset({13, 31, 32, 37, 43, 45, 68, 69})
"""Xids that a faulty program causes on a sound device.

Source: NVIDIA's "GPU deployment and management, Xid errors", table of Xids with the cause "user app".
"""


class Load(NamedTuple):
    """What a device does now: memory in use (MiB), utilisation of its processors (percent)."""

    memory_mb: float
    utilisation: float


class Nvml:
    """The devices of this machine as NVML sees them."""

    def __init__(self, pynvml: ModuleType | None = None) -> None:
        """Connects to the driver.

        Args:
            pynvml: the module to use, instead of the one that is installed.

        Raises:
            BackendError: the module, the driver or every device is missing; the message says which.
        """
        self._nvml: Any = pynvml or _module()
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise BackendError(
                f"backend 'gpu': NVIDIA's driver does not answer ({error}); install it, or list the devices "
                "in helios.toml: [backends.gpu] devices = [{uuid = ...}]"
            ) from None
        self._handles: dict[str, Any] = {}
        self._parents: dict[str, str] = {}
        self.devices = list(self._found())
        if not self.devices:
            raise BackendError("backend 'gpu': NVIDIA's driver is there, but this machine has no device")
        self._events = self._registered()

    def _found(self) -> Iterator[Device]:
        """Yields every device; of one that is cut into instances (MIG), those."""
        nvml = self._nvml
        version = nvml.nvmlSystemGetCudaDriverVersion_v2()
        cuda_version = f"{version // 1000}.{version % 1000 // 10}"
        for index in range(nvml.nvmlDeviceGetCount()):
            whole = nvml.nvmlDeviceGetHandleByIndex(index)
            major, minor = nvml.nvmlDeviceGetCudaComputeCapability(whole)
            parent = _text(nvml.nvmlDeviceGetUUID(whole))
            for handle in self._instances(whole) or [whole]:
                uuid = _text(nvml.nvmlDeviceGetUUID(handle))
                self._handles[uuid], self._parents[uuid] = handle, parent
                memory_mb = nvml.nvmlDeviceGetMemoryInfo(handle).total / MIB
                name = _text(nvml.nvmlDeviceGetName(handle))
                yield Device(uuid, name, memory_mb, f"{major}.{minor}", cuda_version)

    def _instances(self, whole: Any) -> list[Any]:
        nvml = self._nvml
        try:
            if nvml.nvmlDeviceGetMigMode(whole)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
                return []
        except nvml.NVMLError:
            return []
        found = []
        for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(whole)):
            try:
                found.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, index))
            except nvml.NVMLError:
                continue
        return found

    def _registered(self) -> Any:
        """Returns the set that collects critical errors of all devices; None where they tell of none."""
        nvml = self._nvml
        events = nvml.nvmlEventSetCreate()
        told = 0
        for parent in dict.fromkeys(self._parents.values()):
            handle = nvml.nvmlDeviceGetHandleByUUID(parent)
            try:
                nvml.nvmlDeviceRegisterEvents(handle, nvml.nvmlEventTypeXidCriticalError, events)
                told += 1
            except nvml.NVMLError:
                continue
        return events if told else None

    def load(self, uuid: str) -> Load | None:
        """Returns what a device does now, None for one that does not answer any more.

        Of an instance (MIG), utilisation is not told and counts as 0.
        """
        nvml, handle = self._nvml, self._handles[uuid]
        try:
            memory_mb = nvml.nvmlDeviceGetMemoryInfo(handle).used / MIB
        except nvml.NVMLError:
            return None
        try:
            return Load(memory_mb, float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu))
        except nvml.NVMLError:
            return Load(memory_mb, 0.0)

    def faults(self) -> Iterator[tuple[str, int]]:
        """Yields the devices that reported a fault of their own since the last call, with its Xid."""
        nvml = self._nvml
        while self._events is not None:
            try:
                event = nvml.nvmlEventSetWait_v2(self._events, 0)
            except nvml.NVMLError:
                return
            xid = int(event.eventData)
            parent = _text(nvml.nvmlDeviceGetUUID(event.device))
            if xid not in OF_THE_PROGRAM:
                yield from ((uuid, xid) for uuid, whole in self._parents.items() if whole == parent)

    def close(self) -> None:
        """Leaves the driver."""
        self._nvml.nvmlShutdown()


def _module() -> ModuleType:
    try:
        import pynvml
    except ModuleNotFoundError:
        raise BackendError(
            "backend 'gpu': the module pynvml is missing; install helios-wf[gpu], or list the devices in "
            "helios.toml: [backends.gpu] devices = [{uuid = ...}]"
        ) from None
    module: ModuleType = pynvml
    return module


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
