"""What is shown of runs while somebody waits for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from helios_wf.interface.display import Html, progress_html
from helios_wf.interface.lines import Amount, Line, Lines
from helios_wf.interface.status import Status, TaskStatus

Progress: TypeAlias = bool | Callable[[Status], None] | None
"""True: lines on stderr, or bars in a notebook; False: nothing; None: as True in a notebook or on a terminal.

A function is called with the status of every run that is waited for, about once a second while it is not
settled, and once when it is.
"""


class Shown(Protocol):
    """Something that shows statuses."""

    def __call__(self, statuses: Sequence[Status]) -> None:
        """Shows where runs stand."""

    def close(self, statuses: Sequence[Status]) -> None:
        """Shows where they stand at the end."""


def shown(progress: Progress) -> Shown | None:
    """Returns what shows progress as it is wanted, None for nothing."""
    if progress is False:
        return None
    if callable(progress):
        return _Called(progress)
    display = notebook_display()
    if display is not None:
        return _InNotebook(display)
    return _OnStderr() if progress or sys.stderr.isatty() else None


def notebook_display() -> Callable[..., Any] | None:
    """Returns what shows something below the cell of a notebook, None outside of one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import display

    shows: Callable[..., Any] = display
    return shows


class _Called:
    def __init__(self, function: Callable[[Status], None]) -> None:
        self._function = function
        self._over: set[str] = set()

    def __call__(self, statuses: Sequence[Status]) -> None:
        for status in statuses:
            # once it is settled, its engine may still be putting things away
            if status.run not in self._over:
                self._function(status)
        self._over = {status.run for status in statuses if status.is_settled}

    def close(self, statuses: Sequence[Status]) -> None:
        self(statuses)


class _OnStderr:
    def __init__(self) -> None:
        self._lines = Lines()

    def __call__(self, statuses: Sequence[Status]) -> None:
        if self._lines.is_due():
            self._lines.show(self._of(statuses))

    def close(self, statuses: Sequence[Status]) -> None:
        self._lines.close(self._of(statuses))

    def _of(self, statuses: Sequence[Status]) -> dict[str, list[Line]]:
        return {status.run: [_line(task) for task in status.tasks if task.jobs] for status in statuses}


class _InNotebook:
    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._said = ""

    def __call__(self, statuses: Sequence[Status]) -> None:
        text = progress_html(statuses)
        if self._handle is None:
            self._handle = self._display(Html(text), display_id=True)
        elif text != self._said:
            self._handle.update(Html(text))
        self._said = text

    close = __call__


def _line(task: TaskStatus) -> Line:
    events = None
    if task.events is not None:
        done = task.events.done + task.events.lost
        events = Amount(done, task.events.total, task.events.per_s or 0.0)
    jobs = Amount(task.done, task.total, task.per_s or 0.0)
    return Line(task.name, jobs, task.running, task.failed, events, task.reused)
