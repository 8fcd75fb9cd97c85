"""SlurmBackend: the port's verbs over a ``Fleet``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from helios_wf.backend import BackendSettings, Finding, Life
from helios_wf.errors import BackendError, SubmitRefusedError
from helios_wf.model import EventRange, JobSpec, Json, RangeNews, Report, Resources
from helios_wf.spool import Spool
from helios_wf_slurm.check import examine
from helios_wf_slurm.driver import Driver
from helios_wf_slurm.fleet import Fleet
from helios_wf_slurm.meanings import is_away
from helios_wf_slurm.profile import read_profile
from helios_wf_slurm.site import Site, ask_site, never
from helios_wf_slurm.submission import submissions

WINDOW = 10_000
"""The most attempts that are held at once."""

KEPT_S = 14 * 24 * 3600.0
"""How long a submission's folder is kept that nobody asked for again."""


class SlurmBackend:
    """Jobs of one engine in Slurm.

    The jobs lie in a shared folder (``helios_wf.spool``), from which the workers on the nodes take them and
    to which they report; Slurm is told of many at once, and asked for all at once.  A job's result is what
    its worker wrote; what Slurm says only explains why there is none.  The options: ``docs/slurm.md``.
    """

    name = "slurm"
    feeds = False
    outlives = True

    def __init__(self, settings: BackendSettings) -> None:
        self.profile = read_profile(settings.options)
        self.folder = Path(self.profile.folder or Path(settings.home, "slurm"))
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BackendError(f"backend 'slurm' cannot make its shared folder: {error}") from error
        self._sweep()
        self.driver = Driver(self.profile.call_seconds)
        self.site = ask_site(self.driver)
        if self.site.trouble and not is_away(self.site.trouble):
            raise BackendError(
                f"backend 'slurm' cannot be used on this machine: {self.site.trouble}; "
                "helios-wf backend check slurm tries it step by step"
            )
        at_once = settings.jobs or self.profile.tasks_at_once
        self._fleet = Fleet(self.folder, self.profile, self.driver, at_once, self.site)
        self._handed: list[str] = []
        self._is_closed = False

    @staticmethod
    def examine(settings: BackendSettings) -> Iterator[Finding]:
        """Yields what was found of the site, step by step."""
        return examine(settings)

    @staticmethod
    def explain(settings: BackendSettings, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts of any engine have not begun, in Slurm's words and ours; changes nothing."""
        profile = read_profile(settings.options)
        folder = Path(profile.folder or Path(settings.home, "slurm"))
        return Fleet(folder, profile, Driver(profile.call_seconds), settings.jobs, Site()).why(handles)

    def define(self, values: dict[str, Json]) -> None:
        """Takes tool bodies and constant inputs by digest; a known digest is passed over."""
        for digest, value in values.items():
            self._fleet.launcher.define(digest, value)

    def room(self, gpus: bool = False) -> int:
        """Returns how many more jobs would be useful: some batches for each task at once."""
        if gpus and self.check(Resources(gpus=1)):
            return 0
        launcher = self._fleet.launcher
        return max(0, min(WINDOW, 3 * launcher.width * launcher.largest) - len(self._fleet))

    def check(self, resources: Resources) -> list[str]:
        """Returns the reasons why jobs that ask for this can never run here; empty when they can."""
        return never(resources, self.site.nodes(self.profile))

    def submit(self, specs: Sequence[JobSpec]) -> list[str]:
        """Takes attempts, in order, and returns their handles; Slurm is told of them by ``poll``.

        Raises:
            SubmitRefusedError: no node has what one asks for, or it names a value that was not defined; none
                was taken.
        """
        for digest, handle in {
            digest: spec.handle for spec in specs for digest in (spec.tool, spec.constants) if digest
        }.items():
            if not self._fleet.launcher.knows(digest):
                raise SubmitRefusedError(f"{handle} names {digest}, which was not defined")
        for spec in {repr(spec.resources): spec for spec in specs}.values():
            if reasons := self.check(spec.resources):
                raise SubmitRefusedError(f"{spec.handle} {'; '.join(reasons)}")
        self._fleet.waiting.extend(specs)
        return [spec.handle for spec in specs]

    def poll(self, timeout_s: float) -> list[Report]:
        """Returns the reports that came, waiting up to ``timeout_s`` seconds for the first.

        What the call before returned counts as settled: folders of which everything is go.
        """
        self._fleet.forget(self._handed)
        deadline = time.monotonic() + timeout_s
        while True:
            if not self._is_closed:
                self._fleet.work()
            left_s = deadline - time.monotonic()
            if self._fleet.reports or left_s <= 0 or self._is_closed:
                reports, self._fleet.reports = self._fleet.reports, []
                self._handed = [report.handle for report in reports]
                return reports
            time.sleep(min(left_s, max(0.01, self._fleet.look_at - time.monotonic())))

    def started(self) -> list[str]:
        """Returns the handles of attempts that began since the last call."""
        started, self._fleet.started = self._fleet.started, {}
        return list(started)

    def heard(self) -> list[RangeNews]:
        """Returns what attempts said of their event ranges since the last call, in order."""
        news, self._fleet.news = self._fleet.news, []
        return news

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Passes over: specs bring all ranges."""

    def waiting(self, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts wait that have not begun, in Slurm's words and ours."""
        return self._fleet.why(handles)

    def cancel(self, handles: Iterable[str]) -> None:
        """Ends attempts, queued or running, with one call to Slurm."""
        self._fleet.cancel(set(handles))

    def adopt(self, handles: Iterable[str]) -> dict[str, Life]:
        """Says ALIVE of attempts that an earlier engine laid out for workers, whatever became of them since.

        They are watched from now on, and reported by ``poll`` in any case.  Nobody can start the others.
        """
        asked = list(handles)
        self._fleet.adopt(set(asked))
        held = self._fleet.handles()
        return {handle: Life.ALIVE if handle in held else Life.GONE for handle in asked}

    def close(self) -> None:
        """Ends everything that runs, and waits until nothing is left; called once more, it does nothing.

        Raises:
            BackendUnreachableError: Slurm does not answer, so something may still run.
        """
        if not self._is_closed:
            self._is_closed = True
            self._fleet.close()

    def _sweep(self) -> None:
        """Removes the folders of submissions that nobody asked for in two weeks."""
        before = time.time() - KEPT_S
        for path in submissions(self.folder):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before:
                    Spool(path).remove()
