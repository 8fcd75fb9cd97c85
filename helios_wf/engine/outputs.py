"""Outputs of settled jobs: what was settled or read lately is at hand, the rest is read from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from helios_wf.engine import paths
from helios_wf.model.noun import Json
from helios_wf.model.plans import Path, Plan
from helios_wf.states import JobState
from helios_wf.store import event_ranges, jobs

if TYPE_CHECKING:
    from helios_wf.engine.merges import Merges
    from helios_wf.store import Tx

MOST_KEPT = 5000
"""Outputs of this many jobs are kept at hand between ticks."""

AHEAD = 1000
"""Outputs of so many jobs are read at once where one is read after the other."""


class JobOutputs:
    """Reads outputs in the transaction set as ``tx``; what is not written yet is flushed first.

    Args:
        run: the run.
        plan: its plan.
        merges: its merges.
        flush: writes what was recorded but not yet written.
    """

    def __init__(self, run: str, plan: Plan, merges: Merges, flush: Callable[[], None]) -> None:
        self.tx: Tx | None = None
        # jobs of these tasks make lists of parts
        self._listing = {task.number: task.outputs for task in plan.tasks if task.fed}
        self._run = run
        self._merges = merges
        self._flush = flush
        self._kept: dict[tuple[int, Path], dict[str, Json] | None] = {}
        self._below: dict[int, Path] = {}

    def keep(self, task: int, path: Path, outputs: dict[str, Json] | None) -> None:
        """Takes the outputs of a job that was just settled (None: it was skipped)."""
        if task in self._listing and outputs is not None:
            outputs = {port: [value] for port, value in outputs.items()}
        self._kept[task, path] = outputs

    def of(self, task: int, path: Path) -> dict[str, Json] | None:
        """Returns the outputs of a job, or None when it was skipped."""
        if (task, path) not in self._kept:
            self._load_ahead(task, path)
        if (task, path) not in self._kept:
            self.load(task, [path])
        return self._kept[task, path]

    def n_parts(self, task: int, path: Path) -> int:
        """Returns how many parts a job of a task that is fed ranges has made."""
        outputs = self.of(task, path)
        return 1 if outputs is None else max((len(parts) for parts in outputs.values()), default=0)

    def load(self, task: int, wanted: list[Path]) -> None:
        """Reads the outputs of several jobs of one task at once."""
        assert self.tx is not None
        texts = [paths.to_text(path) for path in wanted if (task, path) not in self._kept]
        if texts:
            self._flush()
            for text, (state, outputs) in jobs.outputs(self.tx, self._run, task, texts).items():
                self._keep_row(task, text, state, outputs)

    def load_all(self, wanted: Iterable[tuple[int, Path]]) -> None:
        """Reads the outputs of jobs of any tasks, those of one task at once."""
        by_task: dict[int, list[Path]] = {}
        for task, path in wanted:
            by_task.setdefault(task, []).append(path)
        for task, some in by_task.items():
            self.load(task, some)

    def load_below(self, task: int, path: Path) -> None:
        """Takes that jobs below a path are read next, in order: with one, those behind it are read too."""
        self._below[task] = path

    def _load_ahead(self, task: int, path: Path) -> None:
        """Reads the outputs of a job and of those behind it, if it is of those that are read in order."""
        below = self._below.get(task)
        if below is None or path[: len(below)] != below:
            return
        assert self.tx is not None
        self._flush()
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()
        prefix, start = paths.to_text(below), paths.to_text(path)
        for text, state, outputs in jobs.outputs_below(self.tx, self._run, task, prefix, start, AHEAD):
            self._keep_row(task, text, state, outputs)

    def merged(self, task: int, path: Path) -> list[dict[str, Json] | None]:
        """Returns the outputs of a merge's last jobs, in order."""
        return [self.of(task, last) for last in self._merges.last_jobs(task, path)]

    def listed(self, task: int, wanted: list[Path], port: str) -> list[Json]:
        """Returns one output of several jobs of a task, in the order asked for; null of skipped ones."""
        self.load(task, wanted)
        return [(self.of(task, path) or {}).get(port) for path in wanted]

    def trim(self) -> None:
        """Forgets what is at hand when it became too much; called between ticks."""
        self._below.clear()
        if len(self._kept) > MOST_KEPT:
            self._kept.clear()

    def _keep_row(self, task: int, text: str, state: JobState, outputs: Json) -> None:
        path = paths.from_text(text)
        if state is JobState.SKIPPED:
            self._kept[task, path] = None
        elif task in self._listing and outputs is None:
            self._kept[task, path] = self._parts(task, text)
        else:
            self.keep(task, path, outputs)

    def _parts(self, task: int, text: str) -> dict[str, Json]:
        """Returns the parts that a job's event ranges made, in event order."""
        assert self.tx is not None
        listed: dict[str, list[Json]] = {port: [] for port in self._listing[task]}
        for outputs in event_ranges.outputs(self.tx, self._run, task, text):
            for port, parts in listed.items():
                parts.append(outputs.get(port))
        return dict(listed)
