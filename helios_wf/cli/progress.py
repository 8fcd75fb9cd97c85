"""Progress on stderr: one line for each task, live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from helios_wf.states import JobState

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from helios_wf.engine.flow import Flow
    from helios_wf.engine.loop import Engine

LIVE_S = 0.2
PLAIN_S = 5.0


class Amount(NamedTuple):
    """How much of something is done, in all (None: not known yet), and done per second (0: not known yet)."""

    done: int
    total: int | None
    rate: float

    @property
    def left_s(self) -> float | None:
        """Seconds until all is done at this rate, or None."""
        if self.total is None or self.rate <= 0 or self.done >= self.total:
            return None
        return (self.total - self.done) / self.rate

    @property
    def of_total(self) -> str:
        """What is done, and of how much."""
        return f"{self.done}/{'?' if self.total is None else self.total}"


class Line(NamedTuple):
    """What is said of one task: its jobs, those at work, those that failed; its events where it is cut."""

    task: str
    jobs: Amount
    running: int
    failed: int
    events: Amount | None = None

    @property
    def rate(self) -> str:
        """How fast it goes: by events where it has any."""
        if self.events is not None and self.events.rate:
            return f"{rate_text(self.events.rate)} events/s"
        return f"{self.jobs.rate:.1f}/s" if self.jobs.rate else ""

    @property
    def left(self) -> str:
        """How long it will take yet: by events where it has any."""
        left_s = (self.jobs if self.events is None else self.events).left_s
        return "" if left_s is None else f"{duration(left_s)} left"

    def __str__(self) -> str:
        text = f"{self.task}: {self.jobs.of_total} jobs"
        text += f", {self.running} running" if self.running else ""
        text += f", {self.failed} failed" if self.failed else ""
        text += f", {self.events.of_total} events" if self.events else ""
        return ", ".join([one for one in (text, self.rate, self.left) if one])


class Progress:
    """Called after each tick of the engine; shows something now and then, and at the end where all stands."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet
        self._began: dict[tuple[str, int, str], tuple[float, int]] = {}
        self._ended: dict[tuple[str, int, str], float] = {}
        self._flows: dict[str, Flow] = {}
        self._look_at = 0.0
        self._print_at = time.monotonic() + PLAIN_S
        self._said: dict[tuple[str, str], str] = {}
        self._live: Live | None = None

    def __call__(self, engine: Engine) -> None:
        """Shows the engine's runs when it is time."""
        self._flows.update((held.id, held.flow) for held in engine.held.values())
        now = time.monotonic()
        if self._quiet or now < self._look_at:
            return
        self._look_at = now + LIVE_S
        lines = self._lines()
        if self._terminal:
            self._draw(lines)
        elif now >= self._print_at:
            self._print_at = now + PLAIN_S
            self._print(lines)

    def lines(self, run: str, flow: Flow) -> list[Line]:
        """Returns a line for each task of a run that has begun."""
        found = []
        running = Counter(job.task for job in flow.inflight.values() if job.begun)
        for task in flow.plan.tasks:
            counts = flow.tally.counts[task.number]
            done = counts[JobState.DONE] + counts[JobState.FINISHED] + counts[JobState.SKIPPED]
            if not any(counts.values()):
                continue
            jobs = self._amount(run, task.number, "jobs", done, flow.tally.total(task.number))
            events = None
            if task.fed is not None:
                of = flow.ledger.events_done(task.number), flow.tally.events(task.number)
                events = self._amount(run, task.number, "events", *of)
            failed = counts[JobState.FAILED]
            found.append(Line(task.name, jobs, running[task.number], failed, events))
        return found

    def close(self) -> None:
        """Shows the last state of everything."""
        if self._quiet or not self._flows:
            return
        if self._terminal:
            self._draw(self._lines())
        else:
            self._print(self._lines())
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _lines(self) -> dict[str, list[Line]]:
        return {run: self.lines(run, flow) for run, flow in self._flows.items()}

    def _amount(self, run: str, task: int, what: str, done: int, total: int | None) -> Amount:
        """Returns how much is done, and how quickly since the task was seen first, until it was done."""
        now, key = time.monotonic(), (run, task, what)
        since, before = self._began.setdefault(key, (now, done))
        until = self._ended.setdefault(key, now) if done == total else now
        known = until > since + 0.5 and done > before
        return Amount(done, total, (done - before) / (until - since) if known else 0.0)

    def _print(self, lines: dict[str, list[Line]]) -> None:
        for run, own in lines.items():
            for line in own:
                text = f"{run} {line}" if len(lines) > 1 else str(line)
                if self._said.get((run, line.task)) != text:
                    self._said[run, line.task] = text
                    print(text, file=sys.stderr, flush=True)

    def _draw(self, lines: dict[str, list[Line]]) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=False)
            self._live.start()
        self._live.update(_table(lines), refresh=True)


def _table(lines: dict[str, list[Line]]) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for run, own in lines.items():
        for line in own:
            name = f"{run} {line.task}" if len(lines) > 1 else line.task
            shown = line.events or line.jobs
            bar = ProgressBar(total=shown.total, completed=shown.done, width=24, pulse=shown.total is None)
            events = f"{line.events.of_total} events" if line.events else ""
            failed = f"[red]{line.failed} failed[/red]" if line.failed else ""
            running = f"{line.running} running"
            table.add_row(name, bar, line.jobs.of_total, events, running, failed, line.rate, line.left)
    return table


def rate_text(rate: float) -> str:
    """Returns a rate for people: ``0.25``, ``7.3``, ``12,000``."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def duration(seconds: float | None) -> str:
    """Returns ``4 s``, ``3 min``, ``2.5 h`` or ``4 d``."""
    if seconds is None:
        return ""
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < limit:
            value = seconds / size
            return f"{value:.1f} {unit}" if unit == "h" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
