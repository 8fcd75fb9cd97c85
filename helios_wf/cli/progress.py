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


class Line(NamedTuple):
    """What is said of one task: jobs done, in all (None: not known yet), at work, failed, done per second."""

    task: str
    done: int
    total: int | None
    running: int
    failed: int
    rate: float

    @property
    def left_s(self) -> float | None:
        """Seconds until the task is done at this rate, or None."""
        if self.total is None or self.rate <= 0 or self.done >= self.total:
            return None
        return (self.total - self.done) / self.rate

    def __str__(self) -> str:
        total = "?" if self.total is None else str(self.total)
        text = f"{self.task}: {self.done}/{total} jobs"
        text += f", {self.running} running" if self.running else ""
        text += f", {self.failed} failed" if self.failed else ""
        text += f", {self.rate:.1f}/s" if self.rate else ""
        return text + (f", {duration(self.left_s)} left" if self.left_s is not None else "")


class Progress:
    """Called after each tick of the engine; shows something now and then, and at the end where all stands."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet
        self._began: dict[tuple[str, int], tuple[float, int]] = {}
        self._ended: dict[tuple[str, int], float] = {}
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
            total = flow.tally.total(task.number)
            rate = self._rate((run, task.number), done, total)
            found.append(Line(task.name, done, total, running[task.number], counts[JobState.FAILED], rate))
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

    def _rate(self, task: tuple[str, int], done: int, total: int | None) -> float:
        """Returns the jobs per second since a task was seen first, until it was done."""
        now = time.monotonic()
        since, before = self._began.setdefault(task, (now, done))
        until = self._ended.setdefault(task, now) if done == total else now
        return (done - before) / (until - since) if until > since + 0.5 and done > before else 0.0

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
            bar = ProgressBar(total=line.total, completed=line.done, width=24, pulse=line.total is None)
            total = "?" if line.total is None else str(line.total)
            failed = f"[red]{line.failed} failed[/red]" if line.failed else ""
            left = "" if line.left_s is None else f"{duration(line.left_s)} left"
            rate = f"{line.rate:.1f}/s" if line.rate else ""
            table.add_row(name, bar, f"{line.done}/{total}", f"{line.running} running", failed, rate, left)
    return table


def duration(seconds: float | None) -> str:
    """Returns ``4 s``, ``3 min``, ``2.5 h`` or ``4 d``."""
    if seconds is None:
        return ""
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < limit:
            value = seconds / size
            return f"{value:.1f} {unit}" if unit == "h" else f"{value:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
