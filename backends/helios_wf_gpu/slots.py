"""Which job has which devices, and which devices may be given out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from helios_wf.model import Cuda, JobSpec, Resources
from helios_wf_gpu.devices import Device, fits, why_not


class Slots:
    """Gives each job devices of its own, or with ``jobs_per_device`` a share of them."""

    def __init__(self, devices: Sequence[Device], jobs_per_device: int = 1) -> None:
        self.devices = {device.uuid: device for device in devices}
        self.aside: dict[str, str] = {}
        """Devices that are not given out, and why."""
        self.held: dict[str, tuple[str, ...]] = {}
        """The devices of each attempt."""
        self._jobs_per_device = jobs_per_device
        self._load: Counter[str] = Counter()

    def why_not(self, resources: Resources) -> list[str]:
        """Returns why a job can never have the devices that it asks for; empty when it can."""
        sound = [device for uuid, device in self.devices.items() if uuid not in self.aside]
        reason = why_not(sound, resources)
        if not reason:
            return []
        return [reason, *(f"{uuid} is set aside: {why}" for uuid, why in self.aside.items())]

    def place(self, waiting: Iterable[JobSpec]) -> list[tuple[JobSpec, tuple[str, ...]]]:
        """Returns the attempts that can have devices now, and gives them those.

        Attempts are taken in order.  One that has to wait reserves all that fit it, so that smaller ones
        behind it do not keep it waiting for ever.
        """
        placed = []
        reserved: set[str] = set()
        for spec in waiting:
            free = [uuid for uuid in self._free(spec.resources.cuda or Cuda()) if uuid not in reserved]
            if len(free) < spec.resources.gpus:
                reserved |= set(self._fitting(spec.resources.cuda or Cuda()))
                continue
            most = max(spec.resources.gpus, (spec.resources.cuda or Cuda()).most)
            chosen = tuple(free[:most])
            self.held[spec.handle] = chosen
            self._load.update(chosen)
            placed.append((spec, chosen))
        return placed

    def free(self, handle: str) -> tuple[str, ...]:
        """Takes back the devices of an attempt, and returns those that nobody uses now."""
        uuids = self.held.pop(handle, ())
        self._load.subtract(uuids)
        return tuple(uuid for uuid in uuids if not self._load[uuid])

    def is_idle(self, uuid: str) -> bool:
        """Says whether no attempt uses a device."""
        return not self._load[uuid]

    @property
    def n_places(self) -> int:
        """How many jobs of one device can run at once."""
        return self._jobs_per_device * (len(self.devices) - len(self.aside))

    @property
    def n_free(self) -> int:
        """How many jobs of one device could start now."""
        return self.n_places - sum(self._load[uuid] for uuid in self.devices if uuid not in self.aside)

    def _free(self, cuda: Cuda) -> list[str]:
        """Returns the devices that fit and have room, those with the fewest jobs first."""
        uuids = [uuid for uuid in self._fitting(cuda) if self._load[uuid] < self._jobs_per_device]
        return sorted(uuids, key=lambda uuid: self._load[uuid])

    def _fitting(self, cuda: Cuda) -> list[str]:
        return [
            uuid for uuid, device in self.devices.items() if uuid not in self.aside and fits(device, cuda)
        ]
