"""Several backends as one: each job goes to the first of them that can run it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from helios_wf.backend import Backend, BackendFactory, BackendSettings, Life, find_backend
from helios_wf.errors import SubmitRefusedError
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, Report, Resources

TURN_S = 0.05
"""How long one backend is waited for before the next has its turn."""


def find_backends(names: str) -> dict[str, BackendFactory]:
    """Returns what makes each of the backends that are named, in order.

    Raises:
        BackendNotFoundError: one is not installed; the message lists those that are.
    """
    return {name.strip(): find_backend(name.strip()) for name in names.split(",")}


def open_backend(names: str, settings_of: Callable[[str], BackendSettings]) -> Backend:
    """Returns the backend of that name, or of several names (``local,gpu``) one that stands for all of them.

    Raises:
        BackendNotFoundError: one is not installed; none was opened.
        BackendError: one cannot be used here; those before it were closed.
    """
    opened: list[Backend] = []
    try:
        for name, factory in find_backends(names).items():
            opened.append(factory(settings_of(name)))
    except BaseException:
        for backend in opened:
            backend.close()
        raise
    return opened[0] if len(opened) == 1 else Routing(opened)


class Routing:
    """Hands each job to the first backend whose ``check`` has nothing against it."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self.name = ",".join(backend.name for backend in backends)
        self.feeds = all(backend.feeds for backend in backends)
        self._backends = tuple(backends)
        self._where: dict[str, Backend] = {}

    def define(self, values: dict[str, Json]) -> None:
        """Tells all of them."""
        for backend in self._backends:
            backend.define(values)

    def room(self, gpus: bool = False) -> int:
        """Returns the room of the backend that such jobs go to."""
        asked = Resources(gpus=int(gpus))
        return next((backend.room(gpus) for backend in self._backends if not backend.check(asked)), 0)

    def check(self, resources: Resources) -> list[str]:
        """Returns what they have against such a job, when all have something: one reason that names each."""
        against = {backend.name: backend.check(resources) for backend in self._backends}
        if not all(against.values()):
            return []
        return ["; ".join(f"{name}: {', '.join(reasons)}" for name, reasons in against.items())]

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Starts attempts, in order for each backend.

        Raises:
            SubmitRefusedError: nobody can run one of them; none was taken.
            BackendUnreachableError: one cannot be reached; those that others had taken were cancelled.
        """
        shares: dict[int, list[JobSpec]] = {}
        for spec in specs:
            shares.setdefault(self._route(spec), []).append(spec)
        taken: list[tuple[Backend, list[str]]] = []
        try:
            for at, share in shares.items():
                backend = self._backends[at]
                taken.append((backend, backend.submit(share)))
        except Exception:
            for backend, handles in taken:
                backend.cancel(handles)
            raise
        self._where |= {handle: backend for backend, handles in taken for handle in handles}
        return [spec.handle for spec in specs]

    def _route(self, spec: JobSpec) -> int:
        for at, backend in enumerate(self._backends):
            if not backend.check(spec.resources):
                return at
        raise SubmitRefusedError(f"{spec.handle} {'; '.join(self.check(spec.resources))}")

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports of all; each is asked again only when none of them had any."""
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            reports: list[Report] = []
            for backend in self._backends:
                reports += backend.poll(0.0 if reports else max(0.0, min(left_s, TURN_S)))
            if reports or left_s <= 0:
                for report in reports:
                    self._where.pop(report.handle, None)
                return reports

    def started(self) -> list[str]:
        """Returns the handles of attempts that began since the last call."""
        return [handle for backend in self._backends for handle in backend.started()]

    def heard(self) -> list[RangeNews]:
        """Returns what attempts said of their event ranges since the last call."""
        return [news for backend in self._backends for news in backend.heard()]

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Gives further event ranges to an attempt."""
        if backend := self._where.get(handle):
            backend.feed(handle, ranges, more)

    def waiting(self, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts wait, wherever they do."""
        asked = list(handles)
        return {handle: why for one in self._backends for handle, why in one.waiting(asked).items()}

    def cancel(self, handles: Iterable[str]) -> None:
        """Ends attempts, wherever they are."""
        asked = list(handles)
        for backend in self._backends:
            backend.cancel(asked)

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says ALIVE of what one of them knows; UNKNOWN where one cannot tell; else GONE."""
        lives = dict.fromkeys(handles, Life.GONE)
        for backend in self._backends:
            for handle, life in backend.adopt([one for one in lives if lives[one] is not Life.ALIVE]).items():
                if life is Life.ALIVE:
                    self._where[handle] = backend
                if life is not Life.GONE:
                    lives[handle] = life
        return lives

    def close(self) -> None:
        """Ends everything that runs anywhere."""
        for backend in self._backends:
            backend.close()
