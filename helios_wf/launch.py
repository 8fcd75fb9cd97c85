"""From a document and inputs to a run in the store, and from runs in the store to their outputs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec.structs import replace

from helios_wf.backend import find_backend, settings_for
from helios_wf.choosing import Bound, Choice, Runnable
from helios_wf.claims import check_home, check_outdir, claim, claimed
from helios_wf.config import Settings
from helios_wf.containers import Container
from helios_wf.containing import choose as choose_containers
from helios_wf.containing import end_left
from helios_wf.cwl.settings import apply_settings
from helios_wf.engine.holders import LEASE_S, dead_holder, engine_name
from helios_wf.engine.paths import from_text, job_key
from helios_wf.engine.retrying import Wish
from helios_wf.errors import RunError, RunTakenError, UserError
from helios_wf.match import name_parts, output_names
from helios_wf.model import Document, JobSpec, Workflow, digest
from helios_wf.model.noun import Json
from helios_wf.plan import plan_document
from helios_wf.processes import RUN_MARK, end_marked
from helios_wf.publishing import Options
from helios_wf.states import SETTLED_RUNS, Cause, JobState, RunState
from helios_wf.store import Store, Tx, datasets, documents, jobs, requests, runs, tasks
from helios_wf.store.rows import NewRun, NewTask, OpenJob, RunRow, Settlement
from helios_wf.tables.steps import of_step


def new_run(
    store: Store, document: Document, inputs: dict[str, Json], settings: Settings, changes: Sequence[str] = ()
) -> str:
    """Returns the id of a run of a document over these inputs, as ``new_runs`` does for one.

    Raises:
        TemplateError: the document cannot be planned.
        DatasetError: an output would become a dataset whose name is taken.
    """
    changed = apply_settings(document, changes)
    runnable = Runnable(document, changed, plan_document(changed), tuple(changes))
    (run_id,) = new_runs(store, runnable, Choice((Bound(inputs),)), settings)
    return run_id


def new_runs(
    store: Store,
    runnable: Runnable,
    choice: Choice,
    settings: Settings,
    say: Callable[[str], None] = lambda text: None,
) -> list[str]:
    """Returns the ids of the runs that were chosen; an unfinished one of the same inputs is taken up again.

    All of it is recorded, with the datasets that are new, or nothing.  Containers are chosen before, and
    their images got; ``say`` is told what takes a while.

    Raises:
        UnsupportedError: a tool requires a container, and there is no engine.
        ContainerError: an image cannot be had.
        DatasetError: an output would become a dataset whose name or folder is taken.
        MaskError: the name of an output cannot be made.
        SettingsError: the home or the output folder cannot be written.
    """
    containers = choose_containers(runnable.plan, settings, say) if choice.runs else {}
    with store.write(alone=True) as tx:
        for dataset in choice.new:
            datasets.create(tx, dataset)
        names = claimed(tx)
        ids = [_new_run(tx, runnable, bound, settings, names, containers) for bound in choice.runs]
        if ids:
            check_home(settings.home)
            check_outdir(settings.outdir)
    return ids


def _new_run(
    tx: Tx,
    runnable: Runnable,
    bound: Bound,
    settings: Settings,
    names: dict[str, str],
    containers: dict[str, Container],
) -> str:
    """Records one run; ``names`` are the datasets that unfinished runs will make, and which those are."""
    document = runnable.document
    identity = _identity(runnable, bound, settings)
    unfinished = runs.find_unfinished(tx, identity)
    if unfinished is not None:
        return unfinished.id
    run_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(3)
    options = replace(_options(runnable, bound, settings, run_id), containers=containers)
    claim(tx, options, names)
    template = document.process.template if isinstance(document.process, Workflow) else None
    documents.put(tx, document.digest, msgspec.json.encode(document))
    run = NewRun(
        id=run_id,
        label=Path(document.path).name,
        document=document.digest,
        identity=identity,
        template=template.template if template else None,
        version=template.version if template else None,
        inputs=bound.inputs,
        options=msgspec.to_builtins(options),
        datasets=bound.match.datasets if bound.match else {},
    )
    runs.create(tx, run)
    planned = runnable.plan.tasks
    tasks.create(
        tx,
        run_id,
        [
            NewTask(task.number, task.name, digest(task.process.body) if task.process else "")
            for task in planned
        ],
    )
    return run_id


def _identity(runnable: Runnable, bound: Bound, settings: Settings) -> str:
    """Returns what tells whether two commands ask for the same run."""
    captures = bound.match.captures if bound.match else {}
    what = [runnable.document.digest, bound.inputs, captures, list(runnable.changes), str(settings.outdir)]
    if settings.container_engine is not None:
        what.append(settings.container_engine)
    return digest(what)


def foreseen(store: Store, runnable: Runnable, choice: Choice, settings: Settings) -> list[str]:
    """Returns why each of the runs that were chosen would be refused, empty for one that would not."""
    found = []
    with store.read() as tx:
        names = claimed(tx)
        for bound in choice.runs:
            try:
                check_home(settings.home, make=False)
                check_outdir(settings.outdir, make=False)
                if runs.find_unfinished(tx, _identity(runnable, bound, settings)) is None:
                    claim(tx, _options(runnable, bound, settings, "RUN"), names)
                found.append("")
            except UserError as error:
                found.append(str(error))
    return found


def find_run(store: Store, run_id: str | None) -> RunRow:
    """Returns a run by its id, the beginning of it, or (None) the latest.

    Raises:
        RunError: there is none.
    """
    with store.read() as tx:
        return run_named(tx, run_id)


def run_named(tx: Tx, run_id: str | None) -> RunRow:
    """Returns the same within a transaction.

    Raises:
        RunError: there is none.
    """
    row = runs.latest(tx) if run_id is None else runs.get(tx, run_id)
    if row is None:
        raise RunError("there are no runs yet; helios-wf run DOCUMENT starts one")
    return row


def _options(runnable: Runnable, bound: Bound, settings: Settings, run_id: str) -> Options:
    process = runnable.document.process
    captures = bound.match.captures if bound.match else {}
    names: dict[str, str] = {}
    logs: dict[str, str] = {}
    parts: dict[str, Json] = {}
    if isinstance(process, Workflow):
        names, logs = output_names(process, captures, bound.inputs, run_id)
        parts = name_parts(process, captures, bound.inputs, run_id)
    apart = bound.match is not None
    return Options(
        str(settings.outdir),
        settings.keep,
        settings.on_error or "stop",
        settings.reuse,
        runnable.changes,
        names,
        logs,
        parts,
        apart,
    )


def ask(store: Store, row: RunRow, verb: str, settings: Settings) -> str:
    """Pauses or cancels a run: by its engine when one is alive, else at once; returns what was done.

    What an engine that died left running of a cancelled run, on this machine or in a batch system, is ended.

    Raises:
        RunError: the run is settled.
        BackendUnreachableError: the batch system does not answer, so something may still run there.
    """
    left: Sequence[OpenJob] = ()
    if row.state in SETTLED_RUNS:
        raise RunError(f"run {row.id} is {row.state} already")
    with store.write() as tx:
        try:
            epoch = runs.take(tx, row.id, engine_name(), LEASE_S, dead_holder(row.engine))
        except RunTakenError:
            requests.put(tx, row.id, "pause" if verb == "pause" else "cancel")
            return f"asked the engine of run {row.id} ({row.engine}) to {verb} it"
        to = RunState.PAUSED if verb == "pause" else RunState.CANCELLED
        if verb == "cancel":
            left = jobs.open(tx, row.id)
            jobs.settle(tx, row.id, [_ended(one) for one in left])
        moved = runs.move(tx, row.id, epoch, to, f"{to.lower()} on request")
        runs.release(tx, row.id, epoch)
    if verb == "cancel":
        end_marked(RUN_MARK, [row.id])
        _end_elsewhere(row.id, left, settings)
        end_left(msgspec.convert(row.options, Options).containers, row.id)
    return f"run {row.id} is {to}" if moved else f"run {row.id} is {row.state}"


def ask_again(store: Store, row: RunRow, wish: Wish) -> str | None:
    """Asks the engine that holds a run to try some of it again; None when no engine is alive to do it.

    Raises:
        RunError: the run has no such step.
    """
    with store.read() as tx:
        of_step(row, tasks.list(tx, row.id), wish.step)
    if row.engine is None:
        return None
    with store.write() as tx:
        try:
            epoch = runs.take(tx, row.id, engine_name(), LEASE_S, dead_holder(row.engine))
        except RunTakenError:
            requests.put(tx, row.id, "retry", msgspec.to_builtins(wish))
            return f"asked the engine of run {row.id} ({row.engine}) to retry it when what runs has ended"
        runs.release(tx, row.id, epoch)
    return None


def _end_elsewhere(run_id: str, left: Sequence[OpenJob], settings: Settings) -> None:
    """Ends attempts in backends whose jobs go on without an engine."""
    for name in {name for one in left for name in one.backend.split(",")}:
        factory = find_backend(name)
        if not getattr(factory, "outlives", False):
            continue
        handles = [
            JobSpec(run_id, job_key(one.task, from_text(one.path)), one.attempt, "", "").handle
            for one in left
        ]
        given = settings_for(name, str(settings.home), settings.jobs, settings.backends)
        # its close ends what it has
        with closing(factory(given)) as backend:
            backend.adopt(handles)


def _ended(one: OpenJob) -> Settlement:
    return Settlement(
        one.task, one.path, one.attempt, JobState.CANCELLED, cause=Cause.CANCELLED, charged=False
    )
