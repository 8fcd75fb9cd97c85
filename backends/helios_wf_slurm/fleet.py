"""The submissions of one engine: looked at, asked for, told to Slurm, ended."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from helios_wf.errors import BackendUnreachableError
from helios_wf.model import JobSpec, RangeNews, Report
from helios_wf.spool import unseen
from helios_wf.states import Cause
from helios_wf.worker import Notice
from helios_wf_slurm import ending
from helios_wf_slurm.cancelling import Cancelling
from helios_wf_slurm.driver import Driver
from helios_wf_slurm.launching import Launcher
from helios_wf_slurm.meanings import LIVE, SILENT, Ending, why_waiting
from helios_wf_slurm.profile import Profile
from helios_wf_slurm.queue import Queue
from helios_wf_slurm.site import Site
from helios_wf_slurm.submission import Chunk, Submission, submissions, unrun

CLOSE_S = 120.0
"""How long ``close`` waits until nothing runs any more."""

VANISHED_S = 5.0
"""What nobody took goes again so long after its task ended, or was not found any more."""

_CANCELLED = Ending(Cause.CANCELLED, "it was cancelled before it started")


class Fleet:
    """What one engine has in Slurm, and what is to go there."""

    def __init__(
        self, folder: Path, profile: Profile, driver: Driver, at_once: int | None, site: Site
    ) -> None:
        """Makes a fleet.

        Args:
            folder: shared with the nodes.
            profile: how to submit.
            driver: calls Slurm.
            at_once: how many jobs may run together; None: as many as Slurm lets.
            site: what Slurm says of itself.
        """
        self.reports: list[Report] = []
        self.started: dict[str, None] = {}
        self.news: list[RangeNews] = []
        self.waiting: deque[JobSpec] = deque()
        self.queue = Queue(driver, profile.poll_seconds)
        self._owner = secrets.token_hex(8)
        self.launcher = Launcher(folder, profile, driver, self._owner, at_once, site)
        self.look_at = 0.0
        """When there is something to do again (``time.monotonic``)."""
        self._folder = folder
        self._profile = profile
        self._cancelling = Cancelling(driver)
        self._submissions: list[Submission] = []
        self._begun: set[str] = set()
        self._late: list[tuple[float, Report]] = []

    # -- what there is -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """The number of attempts that were not reported."""
        return len(self.waiting) + sum(len(chunk.specs) for _, chunk in self._chunks())

    def handles(self) -> set[str]:
        """Returns the attempts that were not handed out as reports."""
        held = {spec.handle for spec in self.waiting} | {report.handle for report in self.reports}
        held |= {report.handle for _, report in self._late}
        return held.union(*(chunk.specs.keys() for _, chunk in self._chunks()))

    def _chunks(self) -> Iterator[tuple[Submission, Chunk]]:
        for sub in list(self._submissions):
            for chunk in list(sub.chunks.values()):
                yield sub, chunk

    def _find(self, handles: set[str]) -> list[Submission]:
        """Returns submissions of earlier engines that hold some of these attempts."""
        if not handles:
            return []
        mine = {sub.name for sub in self._submissions}
        paths = [path for path in submissions(self._folder) if path.name not in mine]
        return [sub for path in paths if (sub := Submission.found(path, handles)) is not None]

    def _owned(self) -> list[Submission]:
        """Returns the submissions that no other engine took over since; the others are let go."""
        self._submissions = [sub for sub in self._submissions if sub.is_owned(self._owner)]
        return list(self._submissions)

    def why(self, handles: Iterable[str]) -> dict[str, str]:
        """Returns why attempts wait that have not begun, those of another engine too."""
        asked = set(handles)
        found = {spec.handle: self._why_held() for spec in self.waiting if spec.handle in asked}
        strangers = self._find(asked - self.handles())
        if strangers and self.queue.ask():
            for sub in strangers:
                ending.take_note(sub, self.queue)
        for sub in [*self._submissions, *strangers]:
            for chunk in sub.chunks.values():
                begun = self._begun if sub not in strangers else {spec.handle for spec in chunk.begun}
                found |= {handle: self._why(sub, chunk) for handle in asked & chunk.specs.keys() - begun}
        return found

    def _why_held(self) -> str:
        if self.queue.trouble:
            return f"Slurm does not answer ({self.queue.trouble}); it is asked again"
        return (
            "not submitted yet: the first jobs of its tool show how many go into one array task, and at most "
            f"{self._profile.tasks_queued} array tasks are queued (tasks_queued)"
        )

    @staticmethod
    def _why(sub: Submission, chunk: Chunk) -> str:
        if sub.id is None:
            return f"Slurm has not accepted it yet: {sub.trouble or 'it was asked just now'}"
        if chunk.worker:
            return f"its worker {chunk.worker} does other jobs of its batch first"
        if sub.is_pool and chunk.state == "RUNNING":
            return f"it waits for a free worker of the pool, Slurm's job {sub.id}"
        return why_waiting(chunk.state or "PENDING", chunk.reason or "None")

    # -- one round -----------------------------------------------------------------------------------------

    def work(self) -> None:
        """Looks at the files, asks Slurm when it is time, and tells it of what waits."""
        if time.monotonic() < self.look_at:
            return
        self._look()
        if self._cancelling.is_due:
            self._cancelling.do()
        if self._has_questions():
            self._ask()
        self._settle_losses()
        self._launch()
        self.look_at = time.monotonic() + self._profile.look_seconds

    def _has_questions(self) -> bool:
        """Returns whether there is anything that Slurm's queue would tell."""
        held_back = bool(self.waiting and self.queue.trouble)
        return held_back or any(sub.chunks or sub.is_live_pool for sub in self._submissions)

    def _look(self) -> None:
        """Reads what workers said."""
        for sub in self._submissions:
            try:
                heard = sub.hear()
            except OSError:
                # the shared folder is away: no news
                continue
            for chunk, notice in heard:
                self._hear(sub, chunk, notice)
        late, self._late = self._late, []
        for deadline, report in late:
            self._hand_over(deadline, report)

    def _hear(self, sub: Submission, chunk: Chunk, notice: Notice) -> None:
        if notice.started in chunk.specs:
            self._begin(notice.started)
        if notice.news is not None and notice.news.handle in chunk.specs:
            self.news.append(notice.news)
        if notice.report is not None and (spec := sub.release(chunk, notice.report.handle)):
            self._begin(spec.handle)
            if notice.report.cause is None:
                self.launcher.pace.learn(spec.tool, notice.report.wall_s)
            self._hand_over(time.monotonic() + self._profile.late_seconds, notice.report)
        for handle in notice.returned or ():
            if spec := sub.release(chunk, handle):
                sub.unsettled.discard(handle)
                self.waiting.append(spec)

    def _hand_over(self, deadline: float, report: Report) -> None:
        """Reports a success when its files can be seen here too, or that was waited for long enough."""
        if report.cause is None and time.monotonic() < deadline and unseen([report.outputs]):
            self._late.append((deadline, report))
        else:
            self._report(report)

    def _report(self, report: Report) -> None:
        self.reports.append(report)
        self._begun.discard(report.handle)

    def _begin(self, handle: str) -> None:
        if handle not in self._begun:
            self._begun.add(handle)
            self.started[handle] = None

    def _ask(self) -> None:
        if not self.queue.turn():
            return
        for sub in self._submissions:
            ending.take_note(sub, self.queue)
        if ids := ending.forgotten(self._submissions):
            self.queue.recall(ids)
            for sub in self._submissions:
                ending.take_note(sub, self.queue)

    def _settle_losses(self) -> None:
        """Reports what no worker will report any more, and takes back what nobody began."""
        for sub, chunk in self._chunks():
            if chunk.is_silent(self._profile.silent_seconds):
                self._end_silent(sub, chunk)
            elif not sub.is_pool and chunk.is_stuck(self._profile.silent_seconds):
                self._start_again(sub, chunk)
            elif ending.goes_again(sub, chunk):
                if ending.is_lost(chunk, VANISHED_S):
                    self.waiting.extendleft(reversed(sub.withdraw(chunk) or []))
            elif chunk.ending is not None and ending.is_lost(chunk, self._profile.late_seconds):
                self._lose(sub, chunk, chunk.ending)

    def _start_again(self, sub: Submission, chunk: Chunk) -> None:
        """Takes jobs back from a task that Slurm says runs, but that no worker ever began."""
        if specs := sub.withdraw(chunk):
            self._cancelling.add(sub, [chunk.number])
            self.waiting.extendleft(reversed(specs))

    def _end_silent(self, sub: Submission, chunk: Chunk) -> None:
        if sub.is_pool:
            sub.spool.stop(chunk.number, chunk.specs)
        else:
            self._cancelling.add(sub, [chunk.number])
        self._lose(sub, chunk, Ending(SILENT.cause, f"{SILENT.words} for {self._profile.silent_seconds:g} s"))

    def _lose(self, sub: Submission, chunk: Chunk, how: Ending) -> None:
        for report in ending.reports_of(sub, chunk, how):
            self._report(report)
        sub.chunks.pop(chunk.number, None)

    def _launch(self) -> None:
        """Tells Slurm of what waits, and once more of what it turns out not to have."""
        for sub in self._submissions:
            if sub.chunks and self.launcher.is_missing(sub, self.queue):
                self._submit(sub)
        specs = [] if self.queue.trouble else self.launcher.choose(self.waiting, self._submissions)
        if not specs:
            return
        new, count = self.launcher.launch(specs, self._submissions)
        gone = {spec.handle for spec in specs[:count]}
        self.waiting = deque(spec for spec in self.waiting if spec.handle not in gone)
        if new is not None:
            self._submit(new)
            self._submissions.append(new)

    def _submit(self, sub: Submission) -> None:
        refused = self.launcher.submit(sub, [other for other in self._submissions if other is not sub])
        self.queue.soon()
        if refused is not None:
            how = Ending(Cause.NOT_STARTED, f"Slurm refused it: {refused}")
            for spec in [spec for chunk in sub.chunks.values() for spec in chunk.specs.values()]:
                self._report(unrun(spec, how, how.words, permanent=True))
            sub.chunks.clear()

    # -- the ends ------------------------------------------------------------------------------------------

    def adopt(self, handles: set[str]) -> None:
        """Takes over what earlier engines laid out of these attempts."""
        for sub in self._find(handles - self.handles()):
            sub.claim(self._owner)
            self._submissions.append(sub)
        self.queue.soon()

    def cancel(self, handles: set[str]) -> None:
        """Ends attempts, with one call to Slurm."""
        waiting, self.waiting = self.waiting, deque()
        for spec in waiting:
            self._cancelled_or_waits(spec, handles)
        for sub in self._owned():
            self._cancel_of(sub, handles)
        if self._cancelling.is_due:
            self._cancelling.do()
        self.queue.soon()

    def _cancelled_or_waits(self, spec: JobSpec, handles: set[str]) -> None:
        if spec.handle in handles:
            self._report(unrun(spec, _CANCELLED, _CANCELLED.words))
        else:
            self.waiting.append(spec)

    def _cancel_of(self, sub: Submission, handles: set[str]) -> None:
        """Takes back what nobody took; ends array tasks of which everything goes, else single attempts."""
        tasks = []
        for chunk in list(sub.chunks.values()):
            mine = handles & chunk.specs.keys()
            if not mine:
                continue
            chunk.cancelled |= mine
            if (specs := sub.withdraw(chunk)) is not None:
                tasks.append(chunk.number)
                for spec in specs:
                    self._cancelled_or_waits(spec, handles)
            elif chunk.is_cancelled and not sub.is_pool:
                tasks.append(chunk.number)
            else:
                sub.spool.stop(chunk.number, mine)
        if all(chunk.is_cancelled for chunk in sub.chunks.values()) and (tasks or sub.is_live_pool):
            self._cancelling.add(sub)
        elif tasks and not sub.is_pool:
            self._cancelling.add(sub, tasks)

    def forget(self, settled: Iterable[str]) -> None:
        """Removes the folders of submissions of which everything is settled, with these attempts."""
        done = set(settled)
        for sub in list(self._submissions):
            sub.unsettled -= done
            if not sub.chunks and not sub.unsettled and not sub.is_live_pool:
                self._submissions.remove(sub)
                if sub.is_owned(self._owner):
                    sub.spool.remove()

    def close(self) -> None:
        """Ends everything, and waits until nothing runs; what workers reported until then is kept.

        Raises:
            BackendUnreachableError: Slurm does not answer, so something may still run.
        """
        self.waiting.clear()
        self.launcher.pace.save()
        ended = []
        for sub in self._owned():
            if sub.chunks or (sub.is_live_pool and not sub.has_begun):
                ended.append(sub)
            elif sub.is_live_pool:
                # its workers have nothing to do, and end by themselves
                sub.spool.finish()
        for sub in ended:
            self._cancelling.add(sub)
            for chunk in list(sub.chunks.values()):
                sub.withdraw(chunk)
        self._wait_for_end(ended)
        self.queue.close()
        self._look()
        self.reports += [report for _, report in self._late]
        self._late = []
        for sub in self._submissions:
            sub.is_over = True

    def _wait_for_end(self, ended: list[Submission]) -> None:
        deadline = time.monotonic() + CLOSE_S
        while ended:
            cancelled = not self._cancelling.is_wanted or (self._cancelling.is_due and self._cancelling.do())
            if cancelled and self.queue.ask():
                live = [sub for sub in ended if any(one.state in LIVE for one in self.queue.of(sub.name))]
                ended = live
            if ended and time.monotonic() > deadline:
                names = " ".join(f"scancel --name={sub.name};" for sub in ended)
                raise BackendUnreachableError(
                    f"Slurm does not answer ({self.queue.trouble or 'it ends nothing'}), so what was to be "
                    f"ended may still run; later, helios-wf resume goes on with it, or end it: {names}"
                )
            if ended:
                time.sleep(min(1.0, self._profile.look_seconds))
