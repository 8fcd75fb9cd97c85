"""Driving runs from the store to their outputs: one engine, one backend, one or many runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec

from helios_wf.backend import Backend, settings_for
from helios_wf.claims import check_home, check_outdir, check_resumable, incomplete, names_in, withdraw
from helios_wf.config import Settings
from helios_wf.containing import end_left, inside
from helios_wf.cwl.settings import apply_settings
from helios_wf.engine import paths
from helios_wf.engine.flow import Flow
from helios_wf.engine.holders import LEASE_S, dead_holder, engine_name
from helios_wf.engine.identity import Identities
from helios_wf.engine.loop import Engine, Held
from helios_wf.engine.publish import bring_back
from helios_wf.engine.removal import remove_run
from helios_wf.engine.retrying import Wish, begin_again, nothing
from helios_wf.engine.waiting import Waiting
from helios_wf.errors import HeliosError, RunError
from helios_wf.layouts import Layouts
from helios_wf.model import Document, Noun
from helios_wf.model.noun import Json
from helios_wf.plan import plan_document
from helios_wf.publishing import Options, Publisher
from helios_wf.routing import open_backend
from helios_wf.states import GOOD_JOBS, RunState
from helios_wf.store import Store, Tx, datasets, documents, jobs, publications, requests, runs
from helios_wf.store.rows import RunRow
from helios_wf.summing import Checksums, raw


class Outcome(Noun, frozen=True):
    """How a run ended for now."""

    run: str
    state: RunState
    datasets: dict[str, str] = msgspec.field(default_factory=dict)
    outputs: dict[str, Json] | None = None
    reason: str = ""


class Session:
    """Drives runs with one engine and one backend.

    Args:
        store: where the runs are.
        settings: backend, number of jobs, home.
        watch: called with the engine after each tick.
        layouts: what is known of the files already.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        watch: Callable[[Engine], None] = lambda engine: None,
        layouts: Layouts | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._name = engine_name()
        self._layouts = layouts or Layouts()
        self._sums = Checksums(store)
        self._outcomes: dict[str, Outcome] = {}
        self._contexts: dict[str, tuple[RunRow, Document]] = {}
        check_home(settings.home)
        self.engine: Engine | None = None
        self._stops = False
        self._watch = watch

    def drive(self, ids: Sequence[str], wish: Wish | None = None) -> list[Outcome]:
        """Runs until all runs are over (or the engine is interrupted) and returns what became of each.

        Args:
            ids: the runs.
            wish: what is to be tried again of them; None: all that failed or was cancelled.

        Raises:
            RunError: a run is settled, and there is nothing of it that can be tried again.
            RunTakenError: another live engine holds one of them; none was touched.
            DatasetError: another run made, or is making, what one of them would write; none was touched.
        """
        self._sum_inputs(ids)
        epochs = self._take(ids, wish)
        try:
            with closing(self._backend()) as backend:
                home = str(self._settings.home)
                self.engine = Engine(self._store, backend, home, self._finish, self._flow, self._watch)
                self.engine.interrupted = self._stops
                for run_id, epoch in epochs.items():
                    self.engine.hold(run_id, epoch, self._flow(run_id))
                    self._end_left(run_id, self.engine.held[run_id].flow.inflight)
                    self._begin(self.engine.held[run_id].flow, wish)
                self.engine.run()
        finally:
            self._release(epochs)
        return [self._outcomes.get(run_id) or self._interrupted(run_id) for run_id in ids]

    def _sum_inputs(self, ids: Sequence[str]) -> None:
        """Reads the inputs of runs for which that is asked, before anybody waits for these."""
        for run_id in ids:
            with self._store.read() as tx:
                row = runs.get(tx, run_id)
            if msgspec.convert(row.options, Options).reuse == "checksum":
                self._sums.learn(row.inputs)

    def interrupt(self) -> None:
        """Asks the engine to put back what runs and to stop; safe to call from a signal handler."""
        self._stops = True
        if self.engine is not None:
            self.engine.interrupted = True

    def _take(self, ids: Sequence[str], wish: Wish | None) -> dict[str, int]:
        with self._store.write() as tx:
            epochs = {}
            for run_id in ids:
                row = runs.get(tx, run_id)
                if row.state is RunState.DONE or (row.state is RunState.FINISHED and wish is None):
                    raise RunError(f"run {run_id} is {row.state} already")
                options = msgspec.convert(row.options, Options)
                check_resumable(tx, run_id, options, ids)
                check_outdir(Path(options.outdir))
                epochs[run_id] = runs.take(tx, run_id, self._name, LEASE_S, dead_holder(row.engine))
                self._refuse_cleaned(tx, run_id)
                if row.state is RunState.FINISHED:
                    withdraw(tx, run_id, names_in(options))
                elif row.state is RunState.FAILED:
                    withdraw(tx, run_id, incomplete(tx, run_id, options))
                # what was asked of an engine before this one is not asked of this one
                requests.take(tx, run_id)
                self._layouts.learn(datasets.get(tx, name) for name in row.datasets.values())
                document = msgspec.json.decode(documents.get(tx, row.document), type=Document)
                document = apply_settings(document, options.changes)
                self._contexts[run_id] = (row, document)
                if wish is not None or row.state in (RunState.FAILED, RunState.CANCELLED):
                    n_jobs = begin_again(tx, run_id, plan_document(document), wish or Wish())
                    if wish is not None and not n_jobs:
                        raise RunError(f"run {run_id} is {row.state}: {nothing(wish)}")
                    runs.move(tx, run_id, epochs[run_id], RunState.RUNNING, "retry")
        return epochs

    def _begin(self, flow: Flow, wish: Wish | None) -> None:
        """Makes a run that was taken ready to go on."""
        if wish is not None and wish.is_partial:
            flow.left, flow.failed = flow.failed, []
        if not flow.is_complete:
            with self._store.read() as tx:
                published = publications.list(tx, flow.run)
            bring_back(published, self._settings.home / "runs" / flow.run)

    def _refuse_cleaned(self, tx: Tx, run_id: str) -> None:
        """Makes sure that what jobs of a run have done is still there.

        Raises:
            RunError: its work folder was removed.
        """
        folder = self._settings.home / "runs" / run_id
        if folder.exists():
            return
        # a job without an attempt needed no tool, so no folder
        if any(state in GOOD_JOBS and attempt for _, _, state, attempt, *_ in jobs.states(tx, run_id)):
            raise RunError(
                f"run {run_id} was cleaned: its work folder {folder} is gone, with what its jobs had done; "
                "helios-wf run starts it anew"
            )

    def _backend(self) -> Backend:
        home, jobs, options = str(self._settings.home), self._settings.jobs, self._settings.backends
        return open_backend(self._settings.backend, lambda name: settings_for(name, home, jobs, options))

    def _flow(self, run_id: str) -> Flow:
        row, document = self._contexts[run_id]
        home = str(self._settings.home)
        options = msgspec.convert(row.options, Options)
        sums = self._sums.of if options.reuse == "checksum" else None
        return Flow(
            run_id,
            inside(plan_document(document), options.containers),
            row.inputs,
            home,
            self._settings.backend,
            self._layouts.of,
            partial(self._layouts.index_of, self._settings.home / "indexes"),
            self._settings.check_compiler or 0,
            self._settings.on_error or msgspec.convert(row.options, Options).on_error,
            # what is to be compared with cwltool must run
            options.reuse != "none" and not self._settings.check_compiler,
            Identities(raw(row.inputs), sums, document.files),
        )

    def _end_left(self, run_id: str, alive: Collection[str] = ()) -> None:
        """Ends containers of attempts that are gone: what started them was killed, and they live on."""
        row, _ = self._contexts[run_id]
        end_left(msgspec.convert(row.options, Options).containers, run_id, alive)

    # -- the end of a run ----------------------------------------------------------------------------------

    def _finish(self, held: Held) -> None:
        """Publishes a complete run; records how any other stopped."""
        assert self.engine is not None
        self._end_left(held.id)
        row, document = self._contexts[held.id]
        flow = held.flow
        wish = self.engine.wishes.pop(held.id, None)
        if wish is not None and not flow.stopping:
            self._begin_again(held, document, wish)
            return
        if flow.is_complete and not flow.has_failed:
            self._publish(held, row, document)
        elif flow.stopping:
            self._end(held, row, RunState.CANCELLED, "cancelled on request")
        elif flow.on_error == "continue" and flow.is_exhausted:
            self._publish(held, row, document)
        elif flow.is_failing or flow.is_exhausted:
            self._end(held, row, RunState.FAILED, "; ".join(Waiting(flow).why))
        else:
            self._end(held, row, RunState.PAUSED, "paused on request")
        with self._store.write() as tx:
            # nobody is to wait for the other runs
            runs.release(tx, held.id, held.epoch)

    def _begin_again(self, held: Held, document: Document, wish: Wish) -> None:
        """Does what another process asked for while the run was at work."""
        assert self.engine is not None
        with self._store.write() as tx:
            runs.fence(tx, held.id, held.epoch)
            begin_again(tx, held.id, plan_document(document), wish)
        self.engine.hold(held.id, held.epoch, self._flow(held.id))
        self._begin(self.engine.held[held.id].flow, wish)

    def _publish(self, held: Held, row: RunRow, document: Document) -> None:
        options = msgspec.convert(row.options, Options)
        publisher = Publisher(self._store, held, document, options, self._settings.home)
        try:
            outputs = publisher.publish()
        except HeliosError as error:
            self._end(held, row, RunState.FAILED, str(error))
            return
        tidies = {"none": (RunState.DONE, RunState.FINISHED), "failed": (RunState.DONE,)}
        if publisher.state in tidies.get(options.keep, ()):
            self._tidy(held.id, options.keep)
        self._outcomes[held.id] = Outcome(held.id, publisher.state, row.datasets, outputs, publisher.reason)

    def _end(self, held: Held, row: RunRow, state: RunState, reason: str) -> None:
        with self._store.write() as tx:
            runs.move(tx, held.id, held.epoch, state, reason)
        self._outcomes[held.id] = Outcome(held.id, state, row.datasets, None, reason)

    def _tidy(self, run_id: str, keep: str) -> None:
        """Removes the work folders of a run that is done; with ``failed``, those of failed attempts stay."""
        folder = self._settings.home / "runs" / run_id
        failed: set[Path] = set()
        if keep == "failed":
            with self._store.read() as tx:
                for number, text, _, attempt, charged, _, _ in jobs.states(tx, run_id):
                    path = paths.from_text(text)
                    for earlier in range(1, attempt) if charged else ():
                        failed.add(
                            Path(paths.directory(str(self._settings.home), run_id, number, path, earlier))
                        )
        remove_run(folder, failed)

    def _interrupted(self, run_id: str) -> Outcome:
        row, _ = self._contexts[run_id]
        return Outcome(run_id, RunState.RUNNING, row.datasets, None, "interrupted")

    def _release(self, epochs: Mapping[str, int]) -> None:
        with self._store.write() as tx:
            for run_id, epoch in epochs.items():
                runs.release(tx, run_id, epoch)
