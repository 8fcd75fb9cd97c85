"""The backend port: where jobs run.

A backend is found by its entry point (group ``helios_wf.backends``), called as ``factory(settings)`` with a
``BackendSettings``, and driven by one thread.  It knows this port and the nouns, nothing else of helios-wf.
``helios_wf.testing.BackendContract`` states its promises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from msgspec import field

from helios_wf.errors import BackendNotFoundError
from helios_wf.model import EventRange, JobSpec, Json, Noun, RangeNews, Report, Resources


class Life(StrEnum):
    """What a backend knows of an attempt that was submitted before the engine restarted."""

    ALIVE = "ALIVE"
    """it runs, waits, or has ended: its report will come through ``poll``"""
    GONE = "GONE"
    """it will never report"""
    UNKNOWN = "UNKNOWN"
    """cannot be told now; ask again"""


class BackendSettings(Noun, frozen=True):
    """What the engine tells a backend at its start.

    ``jobs`` is the number of jobs at once (None: as many as there are cores); ``home`` an absolute folder
    that the backend may keep things in; ``options`` what ``helios.toml`` says below ``[backends.NAME]``.
    """

    home: str
    jobs: int | None = None
    options: dict[str, Json] = field(default_factory=dict)


class Finding(Noun, frozen=True):
    """One step of trying a backend: what was looked at, whether it is good (None: it is no matter)."""

    what: str
    is_good: bool | None
    found: str
    advice: str = ""
    """What to do where it is not good."""


class Backend(Protocol):
    """Few verbs, many jobs each; handles are strings (``JobSpec.handle``) that survive the engine."""

    name: str
    feeds: bool
    """Whether an attempt can be given event ranges while it runs; else its spec brings all of them."""

    def define(self, values: dict[str, Json]) -> None:
        """Takes tool bodies and constants by digest; specs name them.  A known digest is passed over."""

    def room(self, gpus: bool = False) -> int:
        """Returns how many more jobs would be useful to it now (running or queued in batches).

        Those are jobs of one core; with ``gpus``, jobs that ask for a device.
        """

    def check(self, resources: Resources) -> list[str]:
        """Returns the reasons why jobs that ask for this can never run here; empty when they can."""

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Starts attempts, in order, and returns their handles.

        Raises:
            SubmitRefusedError: it never will run one of them; none was taken.
            BackendUnreachableError: it cannot now; none was taken.
        """

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports that came, waiting up to ``timeout_s`` seconds for the first.

        Within that time it may gather more while what it has to do lasts.
        Every submitted attempt is reported exactly once: one whose worker went away with ``Cause.LOST``, one
        that was cancelled with ``Cause.CANCELLED``.  What one call returned counts as settled when the next
        is made: until then it is kept where a later engine's ``adopt`` finds it.
        """

    def started(self) -> list[str]:
        """Returns the handles of attempts that began since the last call.

        Each is named at most once; one that soon ended may be left out.
        """

    def heard(self) -> list[RangeNews]:
        """Returns what attempts said of their event ranges since the last call, in order.

        All that an attempt said is returned no later than by the first call after ``poll`` returned its
        report.  What one call returned counts as settled when ``poll`` is called the second time after it;
        until then it is kept, if it can be, and heard once more after a later engine's ``adopt``, also of
        attempts that are GONE.  A backend without ``feeds`` may leave everything to ``Report.ranges``.
        """

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Gives further event ranges to an attempt that asked for them; without ``more`` they are the last.

        An attempt that is not there any more is passed over.
        """

    def waiting(self, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts, also of another engine, have not begun, in words.

        Those of which nothing is known are left out.
        """

    def cancel(self, handles: Iterable[str]) -> None:
        """Ends attempts; their process groups get SIGTERM, after a grace period SIGKILL."""

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says of attempts of an earlier engine what became of them.

        What is ALIVE comes through ``poll``: it is watched from now on, or it has ended and its report was
        kept.  Of what is GONE nothing runs any more.
        """

    def close(self) -> None:
        """Ends everything that runs, and waits until nothing is left.

        ``poll`` still returns the reports of what had ended by itself; nothing is said of the rest.
        """


class BackendFactory(Protocol):
    """What a backend's entry point leads to.

    With ``outlives = True`` its jobs go on when the engine ends, so that ``adopt`` and ``close`` find and end
    them later.  It may have a function ``examine(settings)`` that yields ``Finding``s of its site, for
    ``backend check``, and one ``explain(settings, handles)`` that returns what ``waiting`` would, of attempts
    whose engine does not answer, without opening a backend.
    """

    def __call__(self, settings: BackendSettings) -> Backend:
        """Returns a backend that is ready to take jobs."""


def find_backend(name: str) -> BackendFactory:
    """Returns what makes backends of that name; a profile behind it (``slurm:long``) is for ``settings_for``.

    Raises:
        BackendNotFoundError: none is installed; the message lists those that are.
    """
    points = {point.name: point for point in installed()}
    name = name.partition(":")[0]
    if name not in points:
        raise BackendNotFoundError(
            f"no backend named {name!r}; installed: {', '.join(sorted(points)) or 'none'}"
        )
    factory: BackendFactory = points[name].load()
    return factory


def installed() -> list[EntryPoint]:
    """Returns the entry points of all backends, by name."""
    return sorted(entry_points(group="helios_wf.backends"), key=lambda point: point.name)


def settings_for(
    name: str, home: str, jobs: int | None, tables: Mapping[str, dict[str, Json]]
) -> BackendSettings:
    """Returns what the engine tells a backend at its start.

    Args:
        name: of the backend, perhaps with a profile: ``slurm:long`` is the option ``profile = "long"``.
        home: folder that it may keep things in.
        jobs: jobs at once.
        tables: the options of each backend, by name.
    """
    kind, _, profile = name.partition(":")
    chosen: dict[str, Json] = {"profile": profile} if profile else {}
    return BackendSettings(home, jobs, {**tables.get(kind, {}), **chosen})


def load_backend(name: str, settings: BackendSettings) -> Backend:
    """Returns an installed backend, ready to take jobs.

    Raises:
        BackendNotFoundError: none of that name is installed.
    """
    return find_backend(name)(settings)
