"""A driver that only pretends: the part of ``pynvml`` that the GPU backend uses, over made-up devices."""

# NVML spells its names so
# ruff: noqa: N802

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

MIB = 2**20


class NVMLError(Exception):
    """What NVML raises."""


class MadeDriver:
    """Stands in for the module ``pynvml``."""

    NVMLError = NVMLError
    NVML_DEVICE_MIG_ENABLE = 1
    nvmlEventTypeXidCriticalError = 8  # noqa: N815 as NVML spells it

    def __init__(self, *names: str, instances: int = 0, broken: str = "") -> None:
        """Makes devices of 16 GiB, compute capability 8.0, under CUDA 12.4; a first one in instances."""
        self.broken = broken
        self.closed = False
        self.used_mb = {f"GPU-{name}": 10.0 for name in names}
        self.busy = dict.fromkeys(self.used_mb, 0)
        self.lost: set[str] = set()
        self.xids: deque[tuple[str, int]] = deque()
        self.instances = [f"MIG-{at}" for at in range(instances)]
        self.used_mb |= dict.fromkeys(self.instances, 10.0)

    def nvmlInit(self) -> None:
        if self.broken:
            raise NVMLError(self.broken)

    def nvmlShutdown(self) -> None:
        self.closed = True

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return 12040

    def nvmlDeviceGetCount(self) -> int:
        return len(self.busy)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return list(self.busy)[index]

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        return uuid

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return handle

    def nvmlDeviceGetName(self, handle: str) -> bytes:
        return b"Made Device"

    def nvmlDeviceGetCudaComputeCapability(self, handle: str) -> tuple[int, int]:
        return 8, 0

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        if handle in self.lost:
            raise NVMLError("GPU is lost")
        return SimpleNamespace(total=16384 * MIB, used=self.used_mb[handle] * MIB)

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        if handle not in self.busy:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=self.busy[handle])

    def nvmlDeviceGetMigMode(self, handle: str) -> tuple[int, int]:
        cut = bool(self.instances) and handle == next(iter(self.busy))
        return (1, 1) if cut else (0, 0)

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, index: int) -> str:
        if index >= len(self.instances):
            raise NVMLError("Not Found")
        return self.instances[index]

    def nvmlEventSetCreate(self) -> object:
        return object()

    def nvmlDeviceRegisterEvents(self, handle: str, kinds: int, events: object) -> None: ...

    def nvmlEventSetWait_v2(self, events: object, timeout_ms: int) -> Any:
        if not self.xids:
            raise NVMLError("Timeout")
        uuid, xid = self.xids.popleft()
        return SimpleNamespace(device=uuid, eventData=xid)
