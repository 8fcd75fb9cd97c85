"""Devices, and whether they are what a job asks for."""

from __future__ import annotations

from collections.abc import Sequence

from helios_wf.errors import BackendError
from helios_wf.model import Cuda, Json, Noun, Resources

KEYS = {
    "uuid": "text as nvidia-smi -L prints it",
    "name": "text",
    "memory_mb": "a number of MiB",
    "compute_capability": "text such as '8.0'",
    "cuda_version": "text such as '12.4'",
}
"""What a device in ``[backends.gpu] devices`` may say, and in what form."""


class Device(Noun, frozen=True):
    """A device, or an instance (MIG) of one.

    ``uuid`` is what ``CUDA_VISIBLE_DEVICES`` takes; ``capability`` the compute capability; ``cuda_version``
    the newest CUDA version that the driver runs; both empty when unknown, and then they fit everything.
    """

    uuid: str
    name: str = "device"
    memory_mb: float = 0.0
    capability: str = ""
    cuda_version: str = ""

    def __str__(self) -> str:
        facts = [f"{self.memory_mb:.0f} MiB" if self.memory_mb else ""]
        facts += [f"compute capability {self.capability}" if self.capability else ""]
        facts += [f"CUDA {self.cuda_version}" if self.cuda_version else ""]
        return ", ".join([f"{self.name} {self.uuid}", *filter(None, facts)])


def configured(listed: Json) -> list[Device]:
    """Returns the devices that the configuration lists.

    Raises:
        BackendError: the list is not one of tables with a ``uuid`` each, or says something unknown.
    """
    if not isinstance(listed, list) or not listed:
        raise BackendError(f"backend 'gpu': devices must be a list of tables, not {listed!r}")
    devices = [_configured(at, entry) for at, entry in enumerate(listed, 1)]
    uuids = [device.uuid for device in devices]
    for uuid in uuids:
        if uuids.count(uuid) > 1:
            raise BackendError(f"backend 'gpu': two devices have the uuid {uuid!r}")
    return devices


def _configured(at: int, entry: Json) -> Device:
    if not isinstance(entry, dict) or not entry.get("uuid"):
        raise BackendError(f"backend 'gpu': device {at} must be a table with a uuid, not {entry!r}")
    for key, value in entry.items():
        if key not in KEYS:
            raise BackendError(f"backend 'gpu': device {at} has no {key!r}; known: {', '.join(KEYS)}")
        kinds = int | float if key == "memory_mb" else str
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise BackendError(f"backend 'gpu': {key} of device {at} must be {KEYS[key]}, not {value!r}")
        if key in ("compute_capability", "cuda_version") and not _is_version(str(value)):
            raise BackendError(f"backend 'gpu': {key} of device {at} must be {KEYS[key]}, not {value!r}")
    uuid: str = entry["uuid"]
    if any(letter.isspace() or letter in ",=" for letter in uuid):
        raise BackendError(f"backend 'gpu': {uuid!r} is no uuid of a device; nvidia-smi -L lists them")
    return Device(
        uuid=uuid,
        name=entry.get("name", "device"),
        memory_mb=float(entry.get("memory_mb", 0)),
        capability=entry.get("compute_capability", ""),
        cuda_version=entry.get("cuda_version", ""),
    )


def fits(device: Device, cuda: Cuda) -> bool:
    """Says whether a device is what a job asks for."""
    return _fits_capability(device, cuda) and _fits_version(device, cuda)


def why_not(devices: Sequence[Device], resources: Resources) -> str:
    """Returns why these devices are not enough for a job; empty when they are."""
    cuda = resources.cuda or Cuda()
    fitting = [device for device in devices if fits(device, cuda)]
    if len(fitting) >= resources.gpus:
        return ""
    asked = f"needs {resources.gpus} GPU{'s' if resources.gpus > 1 else ''}{_conditions(cuda)}"
    there = "; ".join(map(str, devices)) or "none"
    return f"{asked}; {len(fitting)} of {len(devices)} devices fit: {there}"


def _conditions(cuda: Cuda) -> str:
    conditions = []
    if cuda.capabilities:
        listed = " or ".join(cuda.capabilities) if cuda.exactly else f"{cuda.capabilities[0]} or higher"
        conditions.append(f"compute capability {listed} (cudaComputeCapability)")
    if cuda.version_min:
        conditions.append(f"CUDA {cuda.version_min} or newer (cudaVersionMin)")
    return f" with {' and '.join(conditions)}" if conditions else ""


def _fits_capability(device: Device, cuda: Cuda) -> bool:
    if not device.capability or not cuda.capabilities:
        return True
    if cuda.exactly:
        return _version(device.capability) in [_version(one) for one in cuda.capabilities]
    return _version(device.capability) >= _version(cuda.capabilities[0])


def _fits_version(device: Device, cuda: Cuda) -> bool:
    if not device.cuda_version or not cuda.version_min:
        return True
    return _version(device.cuda_version) >= _version(cuda.version_min)


def _is_version(text: str) -> bool:
    return all(part.isdigit() for part in text.split("."))


def _version(text: str) -> tuple[int, ...]:
    """Returns a version as numbers; ``8`` and ``8.0`` are the same, and what is no number counts as 0."""
    numbers = [int(part) if part.isdigit() else 0 for part in text.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
