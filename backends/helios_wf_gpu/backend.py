"""GpuBackend: gives each job that asks for GPUs devices of its own, and lets another backend run it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace

from helios_wf.backend import Backend, BackendSettings, Life, load_backend
from helios_wf.errors import BackendError, SubmitRefusedError
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, Report, Resources
from helios_wf.states import Cause
from helios_wf_gpu.devices import Device, configured
from helios_wf_gpu.health import Health
from helios_wf_gpu.nvml import Nvml
from helios_wf_gpu.slots import Slots

OWN_OPTIONS = ("devices", "jobs_per_device")


class GpuBackend:
    """The devices of this machine, in front of the local backend.

    A job that asks for GPUs (``cwltool:CUDARequirement``) waits until it can have devices, and finds them in
    ``CUDA_VISIBLE_DEVICES``; every other job goes straight to the worker processes.

    Options: ``devices``, a list of tables with ``uuid`` and, if known, ``name``, ``memory_mb``,
    ``compute_capability`` and ``cuda_version``, in place of what NVML finds; ``jobs_per_device`` (1), how
    many jobs share a device; all others are those of the local backend.
    """

    name = "gpu"

    def __init__(self, settings: BackendSettings, nvml: Nvml | None = None) -> None:
        """Finds the devices and starts the workers.

        Args:
            settings: as for every backend.
            nvml: tells of the devices, where the configuration does not list them.

        Raises:
            BackendError: there is no device, or the options are wrong.
        """
        own = {key: settings.options[key] for key in OWN_OPTIONS if key in settings.options}
        share = own.get("jobs_per_device", 1)
        if not isinstance(share, int) or share < 1:
            raise BackendError(f"backend 'gpu': jobs_per_device must be a number from 1, not {share!r}")
        self._nvml = nvml
        self._slots = Slots(self._devices(own), share)
        self._health = Health(self._slots, self._nvml)
        others = {key: value for key, value in settings.options.items() if key not in own}
        others["gpus"] = len(self._slots.devices)
        home = str(Path(settings.home, "gpu"))
        self._inner: Backend = load_backend("local", replace(settings, home=home, options=others))
        self.feeds = self._inner.feeds
        self._waiting: deque[JobSpec] = deque()
        self._reports: list[Report] = []
        self._defined: set[str] = set()

    def _devices(self, own: dict[str, Json]) -> list[Device]:
        if "devices" in own:
            return configured(own["devices"])
        self._nvml = self._nvml or Nvml()
        return self._nvml.devices

    def define(self, values: dict[str, Json]) -> None:
        """Takes tool bodies and constants by digest."""
        self._defined |= values.keys()
        self._inner.define(values)

    def room(self, gpus: bool = False) -> int:
        """Returns how many more jobs would be useful: with ``gpus``, one that waits for each place."""
        if gpus:
            return max(0, self._slots.n_free + self._slots.n_places - len(self._waiting))
        return self._inner.room()

    def check(self, resources: Resources) -> list[str]:
        """Returns why jobs that ask for this can never run here, with the devices that there are."""
        reasons = self._inner.check(replace(resources, gpus=0, cuda=None))
        return reasons + (self._slots.why_not(resources) if resources.gpus else [])

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Starts attempts, those with devices when they can have them.

        Raises:
            SubmitRefusedError: one can never have what it asks for, or names a value that was not defined;
                none was taken.
        """
        for spec in specs:
            unknown = [
                digest for digest in (spec.tool, spec.constants) if digest and digest not in self._defined
            ]
            if unknown:
                raise SubmitRefusedError(f"{spec.handle} names {unknown[0]}, which was not defined")
            if reasons := self.check(spec.resources):
                raise SubmitRefusedError(f"{spec.handle} {'; '.join(reasons)}")
        self._inner.submit([spec for spec in specs if not spec.resources.gpus])
        self._waiting.extend(spec for spec in specs if spec.resources.gpus)
        self._place()
        return [spec.handle for spec in specs]

    def _place(self) -> None:
        placed = {spec.handle: _with_devices(spec, uuids) for spec, uuids in self._slots.place(self._waiting)}
        self._waiting = deque(spec for spec in self._waiting if spec.handle not in placed)
        for handle in placed:
            self._health.began(handle)
        if placed:
            self._inner.submit(list(placed.values()))

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports that came, each with what was seen of its devices."""
        self._health.look()
        self._give_up()
        own, self._reports = self._reports, []
        reports = self._inner.poll(0.0 if own else timeout_s)
        self._health.look()
        reports = own + [self._ended(report) for report in reports]
        self._place()
        return reports

    def _ended(self, report: Report) -> Report:
        used = self._health.ended(report.handle)
        self._slots.free(report.handle)
        return replace(report, devices=used) if used else report

    def _give_up(self) -> None:
        """Reports those that wait for devices which were set aside meanwhile."""
        for spec in list(self._waiting) if self._slots.aside else ():
            if reasons := self._slots.why_not(spec.resources):
                self._waiting.remove(spec)
                self._reports.append(_unrun(spec, Cause.LOST, "; ".join(reasons)))

    def started(self) -> list[str]:
        """Returns the handles of attempts that began since the last call."""
        return self._inner.started()

    def heard(self) -> list[RangeNews]:
        """Returns what attempts said of their event ranges since the last call."""
        return self._inner.heard()

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Gives further event ranges to an attempt."""
        self._inner.feed(handle, ranges, more)

    def waiting(self, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts wait: for devices, or for a worker."""
        asked = list(handles)
        here = {spec.handle for spec in self._waiting}
        found = dict.fromkeys((one for one in asked if one in here), "no device is free that it can use")
        return found | self._inner.waiting(asked)

    def cancel(self, handles: Iterable[str]) -> None:
        """Ends attempts; one that waits for devices is reported at once."""
        asked = set(handles)
        for spec in [spec for spec in self._waiting if spec.handle in asked]:
            self._waiting.remove(spec)
            self._reports.append(
                _unrun(spec, Cause.CANCELLED, "it was cancelled while it waited for a device")
            )
        self._inner.cancel(asked)

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says what became of attempts of an earlier engine; what waited for devices is gone."""
        asked = list(handles)
        own = {spec.handle for spec in self._waiting} | {report.handle for report in self._reports}
        lives = self._inner.adopt([handle for handle in asked if handle not in own])
        return lives | {handle: Life.ALIVE for handle in asked if handle in own}

    def close(self) -> None:
        """Ends everything that runs and waits until nothing is left."""
        self._waiting.clear()
        self._inner.close()
        if self._nvml is not None:
            self._nvml.close()
            self._nvml = None


def _with_devices(spec: JobSpec, uuids: Sequence[str]) -> JobSpec:
    """Returns an attempt that sees these devices, and no other."""
    listed = ",".join(uuids)
    environment = spec.environment | {"CUDA_VISIBLE_DEVICES": listed, "NVIDIA_VISIBLE_DEVICES": listed}
    # the workers give out cores and memory; the devices are given out here
    return replace(spec, environment=environment, resources=replace(spec.resources, gpus=len(uuids)))


def _unrun(spec: JobSpec, cause: Cause, message: str) -> Report:
    return Report(
        run=spec.run, key=spec.key, attempt=spec.attempt, cause=cause, message=message, started_at=time.time()
    )
