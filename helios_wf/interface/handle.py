"""A run in the hand: where it stands, what it gave, why it failed, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import msgspec

from helios_wf import failures
from helios_wf.config import Settings
from helios_wf.engine.retrying import Wish
from helios_wf.errors import RunNotDoneError, UserError, did_you_mean
from helios_wf.interface import display
from helios_wf.interface.driving import Driven, drive, follow
from helios_wf.interface.ending import told_end
from helios_wf.interface.outputs import File, Output, files_in, from_cwl
from helios_wf.interface.progress import Progress, shown
from helios_wf.interface.status import Status, status_of
from helios_wf.launch import ask, ask_again
from helios_wf.publishing import Options
from helios_wf.states import SETTLED_RUNS, RunState
from helios_wf.store import Store, runs
from helios_wf.tables import jobs as job_table
from helios_wf.tables import ranges as range_table

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.failures import Kind
    from helios_wf.store.rows import RunRow


class Run:
    """A run of a document: ``helios_wf.run`` and ``open_run`` give it.

    It keeps nothing itself: what it says is read from the store when it is asked, so it may be used by
    several threads, and be opened again in another process while the run goes on.
    """

    def __init__(self, id: str, store: Store, settings: Settings) -> None:
        self.id = id
        self._store = store
        self._settings = settings
        self.driven = Driven(id, store, settings)
        """Its engine, as far as this process knows of it; for ``interface.driving``."""

    # -- where it stands -----------------------------------------------------------------------------------

    @property
    def state(self) -> RunState:
        """The state it is in; it compares equal to its name, such as ``"DONE"``.

        First PENDING, RUNNING or PAUSED; then DONE, FINISHED (some events or jobs were lost, which is
        tolerated), FAILED or CANCELLED.
        """
        return self._row().state

    @property
    def is_settled(self) -> bool:
        """Whether it is over: DONE, FINISHED, FAILED or CANCELLED."""
        return self.state in SETTLED_RUNS

    def status(self) -> Status:
        """Returns where it stands, task by task, with counts and rates."""
        return status_of(self._store, self.id)

    @property
    def datasets(self) -> dict[str, str]:
        """The datasets that it took, by input; empty where it took none."""
        return dict(self._row().datasets)

    @property
    def published(self) -> dict[str, str]:
        """The datasets that it makes, by output; they are in the catalogue once it is DONE or FINISHED."""
        return dict(msgspec.convert(self._row().options, Options).datasets)

    # -- what it gave --------------------------------------------------------------------------------------

    @property
    def outputs(self) -> dict[str, Output]:
        """The outputs by name: plain values, ``File`` and ``Directory`` objects, and lists and dicts of such.

        Of a run that went on without what failed (``on_error="continue"``) those that there are; the others
        are None.

        Raises:
            RunNotDoneError: it has none: it failed, was stopped, or is not over.
        """
        found = self._outputs()
        if found is None:
            raise self._not_done(self._row())
        return found

    def files(self, output: str | None = None) -> list[File]:
        """Returns the files of an output in order, those of nested lists too; without a name, all files.

        Raises:
            RunNotDoneError: the run has no outputs.
            UserError: it has no output of that name.
        """
        outputs = self.outputs
        return files_in(outputs) if output is None else files_in(_named(outputs, output))

    def file(self, output: str) -> File:
        """Returns the file of an output.

        Raises:
            RunNotDoneError: the run has no outputs.
            UserError: it has no output of that name, or that is not one file.
        """
        value = _named(self.outputs, output)
        if not isinstance(value, File):
            raise UserError(f"output {output!r} of run {self.id} is not one file, but {value!r}; see files()")
        return value

    # -- what happened -------------------------------------------------------------------------------------

    @property
    def failures(self) -> list[Kind]:
        """What failed for good: jobs that failed in the same way are one ``Kind``, with the first in full."""
        with self._store.read() as tx:
            return failures.of_run(tx, self.id)

    def jobs(self) -> pa.Table:
        """Returns the jobs that there are so far as an Arrow table, a row each, by step and index."""
        with self._store.read() as tx:
            return job_table.to_arrow(tx, self.id)

    def ranges(self, step: str | None = None, *, state: str | None = None) -> pa.Table:
        """Returns the event ranges as an Arrow table, a row each, by step, job and first event.

        Args:
            step: those of this step only.
            state: those in this state only; ``failed``: those that were given up too.

        Raises:
            RunError: the run has no such step.
            UserError: there is no such state.
        """
        return range_table.Book(
            self._store, self._row(), step, range_table.chosen([state] if state else [])
        ).to_arrow()

    def raise_for_state(self) -> Run:
        """Returns this run when it is DONE or FINISHED.

        Raises:
            RunNotDoneError: it is not; the message tells of it what ``helios-wf run`` does.
        """
        row = self._row()
        if row.state not in (RunState.DONE, RunState.FINISHED):
            raise self._not_done(row)
        return self

    # -- what can be asked of it ---------------------------------------------------------------------------

    def wait(self, timeout: float | None = None, *, progress: Progress = None) -> Run:
        """Waits until nobody is at work on it any more, and returns it; ``state`` says what became of it.

        It also waits for a run that another process drives.  An interrupt (Ctrl-C, or the notebook's button)
        ends the waiting; the run goes on.

        Args:
            timeout: seconds after which it is given up.
            progress: what is shown meanwhile (``interface.progress.Progress``).

        Raises:
            TimeoutError: the time is up; the run goes on.
            EngineError: its engine ended too early.
            HeliosError: its engine gave up, for this reason.
        """
        follow([self.driven], shown(progress), timeout)
        self.driven.check_engine()
        return self

    def cancel(self) -> Run:
        """Asks to end it and what runs of it; ``wait()`` returns when that is done.

        Raises:
            RunError: it is settled.
        """
        ask(self._store, self._row(), "cancel", self._settings)
        return self

    def pause(self) -> Run:
        """Asks to start nothing new of it; what runs ends.  ``resume()`` goes on with it.

        Raises:
            RunError: it is settled.
        """
        ask(self._store, self._row(), "pause", self._settings)
        return self

    def resume(self, *, wait: bool = True, progress: Progress = None) -> Run:
        """Goes on with it where it was stopped, paused or cancelled, or with what failed of it.

        What is done stays done.  When an engine is at work on it already, that one goes on.

        Args:
            wait: whether to wait for the end; else it goes on in the background.
            progress: what is shown meanwhile.

        Raises:
            RunError: it is DONE or FINISHED, or its work folders are gone.
            DatasetError: another run made what it would make.
        """
        drive([self.driven], again=True, wait=wait, progress=progress)
        return self

    def retry(
        self,
        step: str | None = None,
        *,
        ranges: bool = False,
        failed: bool = False,
        wait: bool = True,
        progress: Progress = None,
    ) -> Run:
        """Tries again what failed of it or was cancelled; what is done stays done.

        An engine that is at work on it is asked to do it when what runs has ended.

        Args:
            step: only of this step.
            ranges: only event ranges that were lost, also of a run that is FINISHED without them.
            failed: not what was only cancelled.
            wait: whether to wait for the end; else it goes on in the background.
            progress: what is shown meanwhile.

        Raises:
            RunError: there is nothing to be tried again, or no such step.
        """
        wish = Wish(step, ranges, failed)
        if ask_again(self._store, self._row(), wish) is not None:
            return self.wait(progress=progress) if wait else self
        drive([self.driven], wish, again=True, wait=wait, progress=progress)
        return self

    def _row(self) -> RunRow:
        return self.driven.row()

    def _outputs(self) -> dict[str, Output] | None:
        with self._store.read() as tx:
            outputs = runs.get(tx, self.id).outputs
        return None if outputs is None else {name: from_cwl(value) for name, value in outputs.items()}

    def _not_done(self, row: RunRow) -> RunNotDoneError:
        return RunNotDoneError(row.id, row.state, "\n".join(told_end(self._store, row.id)))

    # -- how it is shown -----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.state}>"

    def _repr_html_(self) -> str:
        return display.run_html(*self._shown())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self) if cycle else display.run_text(*self._shown()))

    def __rich__(self) -> str:
        from rich.markup import escape

        return escape(display.run_text(*self._shown()))

    def _shown(self) -> tuple[Status, Mapping[str, Output], Sequence[Kind]]:
        return self.status(), self._outputs() or {}, self.failures


def _named(outputs: Mapping[str, Output], name: str) -> Output:
    if name not in outputs:
        raise UserError(f"the run has no output {name!r}{did_you_mean(name, outputs)}")
    return outputs[name]


class Runs(Sequence[Run]):
    """Several runs: ``helios_wf.run_all`` and ``runs`` give them.

    Attributes:
        not_run: what was not run, each with its reason: datasets that were done before, or do not go
            together.
    """

    def __init__(self, of: Sequence[Run], not_run: Sequence[str] = ()) -> None:
        self._runs = tuple(of)
        self.not_run = tuple(not_run)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> Runs: ...

    def __getitem__(self, index: int | slice) -> Run | Runs:
        """Returns a run, or some of them."""
        return Runs(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self._runs)

    @property
    def states(self) -> dict[str, RunState]:
        """The states by run."""
        return {run.id: run.state for run in self._runs}

    def wait(self, timeout: float | None = None, *, progress: Progress = None) -> Runs:
        """Waits until nobody is at work on any of them, and returns them, as ``Run.wait`` does.

        Raises:
            TimeoutError: the time is up; the runs go on.
            HeliosError: an engine gave up, for this reason.
        """
        driven = [run.driven for run in self._runs]
        follow(driven, shown(progress), timeout)
        for one in driven:
            one.check_engine()
        return self

    def cancel(self) -> Runs:
        """Asks to end those that are not settled."""
        for run in self._runs:
            if not run.is_settled:
                run.cancel()
        return self

    def raise_for_state(self) -> Runs:
        """Returns them when all are DONE or FINISHED.

        Raises:
            RunNotDoneError: one is not; the first that failed is told.
        """
        for run in self._runs:
            run.raise_for_state()
        return self

    def __repr__(self) -> str:
        return f"<Runs {', '.join(map(repr, self._runs))}>" if self._runs else "<Runs: none>"

    def _repr_html_(self) -> str:
        return display.runs_html([run.status() for run in self._runs], self.not_run)
