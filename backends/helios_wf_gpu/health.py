"""Looks after the devices: what jobs make of them, and which must not be given out any more."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from helios_wf.model import DeviceUse
from helios_wf_gpu.nvml import Load
from helios_wf_gpu.slots import Slots

LOOK_S = 0.2
"""How often the devices are looked at."""

SLACK_MB = 256.0
"""An idle device may use so much more memory than at the start; contexts of the driver come and go."""

PATIENCE_S = 10.0
"""How long the memory of a job that ended may take to be freed."""

log = logging.getLogger("helios_wf.backends.gpu")


class Watched(Protocol):
    """What tells of devices: ``helios_wf_gpu.nvml.Nvml``."""

    def load(self, uuid: str) -> Load | None:
        """Returns what a device does now, None for one that does not answer."""

    def faults(self) -> Iterable[tuple[str, int]]:
        """Returns the devices that reported a fault since the last call, with its Xid."""


class Use:
    """What was seen of one device while one attempt had it."""

    def __init__(self) -> None:
        self._peak_mb = 0.0
        self._utilisation = 0.0
        self._looks = 0

    def add(self, load: Load) -> None:
        """Takes one look."""
        self._peak_mb = max(self._peak_mb, load.memory_mb)
        self._utilisation += load.utilisation
        self._looks += 1

    def total(self, uuid: str) -> DeviceUse | None:
        """Returns the sum of all looks, None when there was none."""
        return DeviceUse(uuid, self._peak_mb, self._utilisation / self._looks) if self._looks else None


class Health:
    """Looks at the devices now and then, and sets aside those that fail."""

    def __init__(
        self, slots: Slots, watched: Watched | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._slots = slots
        self._watched = watched
        self._clock = clock
        self._idle_mb: dict[str, float] = {}
        self._full_since: dict[str, float] = {}
        self._full: set[str] = set()
        self._uses: dict[str, dict[str, Use]] = {}
        self._looked = float("-inf")
        self.look()

    def began(self, handle: str) -> None:
        """Takes that an attempt has its devices from now on."""
        self._uses[handle] = {uuid: Use() for uuid in self._slots.held[handle]}

    def ended(self, handle: str) -> tuple[DeviceUse, ...]:
        """Returns what was seen of an attempt's devices while it had them."""
        totals = [use.total(uuid) for uuid, use in self._uses.pop(handle, {}).items()]
        return tuple(total for total in totals if total is not None)

    def look(self) -> None:
        """Looks at all devices, if that was not done just now."""
        now = self._clock()
        if self._watched is None or now - self._looked < LOOK_S:
            return
        self._looked = now
        for uuid, xid in self._watched.faults():
            self._set_aside(uuid, f"it reported the fault Xid {xid}; see the kernel's log")
        for uuid in self._slots.devices:
            load = self._watched.load(uuid)
            if load is None:
                self._set_aside(uuid, "it does not answer any more")
            else:
                self._seen(uuid, load, now)

    def _seen(self, uuid: str, load: Load, now: float) -> None:
        for uses in self._uses.values():
            if uuid in uses:
                uses[uuid].add(load)
        if not self._slots.is_idle(uuid):
            self._full_since.pop(uuid, None)
            return
        if load.memory_mb <= self._idle_mb.setdefault(uuid, load.memory_mb) + SLACK_MB:
            self._full_since.pop(uuid, None)
            self._take_back(uuid)
        elif now - self._full_since.setdefault(uuid, now) >= PATIENCE_S:
            self._full.add(uuid)
            self._set_aside(
                uuid,
                f"{load.memory_mb:.0f} MiB of its memory are in use although no job has it (at the start "
                f"{self._idle_mb[uuid]:.0f} MiB): a killed job left them, or somebody else uses it",
            )

    def _set_aside(self, uuid: str, why: str) -> None:
        if uuid not in self._slots.aside:
            self._slots.aside[uuid] = why
            log.warning("device %s is set aside: %s", uuid, why)

    def _take_back(self, uuid: str) -> None:
        if uuid in self._full:
            self._full.discard(uuid)
            del self._slots.aside[uuid]
            log.warning("device %s is given out again: its memory is free", uuid)
