"""Progress on stderr: one line for each task, live on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from helios_wf.wording import duration, rate_text

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

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
        return left_s(self.done, self.total, self.rate)

    @property
    def of_total(self) -> str:
        """What is done, and of how much."""
        return f"{self.done:,}/{'?' if self.total is None else f'{self.total:,}'}"


def left_s(done: int, total: int | None, per_s: float | None) -> float | None:
    """Returns how many seconds are left at a rate, None where that cannot be known."""
    if total is None or not per_s or done >= total:
        return None
    return (total - done) / per_s


class Line(NamedTuple):
    """What is said of one task: its jobs, those at work, those that failed; its events where it is cut."""

    task: str
    jobs: Amount
    running: int
    failed: int
    events: Amount | None = None
    reused: int = 0

    @property
    def rate(self) -> str:
        """How fast it goes: by events where it has any."""
        if self.events is not None and self.events.rate:
            return f"{rate_text(self.events.rate)} events/s"
        return f"{rate_text(self.jobs.rate)}/s" if self.jobs.rate else ""

    @property
    def left(self) -> str:
        """How long it will take yet: by events where it has any."""
        left_s = (self.jobs if self.events is None else self.events).left_s
        return "" if left_s is None else f"{duration(left_s)} left"

    def __str__(self) -> str:
        text = f"{self.task}: {self.jobs.of_total} jobs"
        text += f", {self.reused} reused" if self.reused else ""
        text += f", {self.running} running" if self.running else ""
        text += f", {self.failed} failed" if self.failed else ""
        text += f", {self.events.of_total} events" if self.events else ""
        return ", ".join([one for one in (text, self.rate, self.left) if one])


class Lines:
    """Shows lines of tasks, by run, now and then and at the end."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._look_at = 0.0
        self._print_at = time.monotonic() + PLAIN_S
        self._said: dict[tuple[str, str], str] = {}
        self._live: Live | None = None

    def is_due(self) -> bool:
        """Says whether it is time to show something."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LIVE_S
        return True

    def show(self, lines: Mapping[str, Sequence[Line]]) -> None:
        """Shows where all stands: on a terminal at once, elsewhere every few seconds."""
        now = time.monotonic()
        if self._terminal:
            self._draw(lines)
        elif now >= self._print_at:
            self._print_at = now + PLAIN_S
            self._print(lines)

    def close(self, lines: Mapping[str, Sequence[Line]]) -> None:
        """Shows where all stands at the end."""
        if self._terminal:
            self._draw(lines)
        else:
            self._print(lines)
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, lines: Mapping[str, Sequence[Line]]) -> None:
        for run, own in lines.items():
            for line in own:
                text = f"{run} {line}" if len(lines) > 1 else str(line)
                if self._said.get((run, line.task)) != text:
                    self._said[run, line.task] = text
                    print(text, file=sys.stderr, flush=True)

    def _draw(self, lines: Mapping[str, Sequence[Line]]) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=False)
            self._live.start()
        self._live.update(_table(lines), refresh=True)


def _table(lines: Mapping[str, Sequence[Line]]) -> Table:
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
            reused = f"{line.reused} reused" if line.reused else ""
            words = (reused, events, running, failed)
            table.add_row(name, bar, line.jobs.of_total, *words, line.rate, line.left)
    return table
