"""From a document and inputs to a run in the store, and from runs in the store to their outputs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from helios_wf.config import Settings
from helios_wf.cwl.settings import apply_settings
from helios_wf.engine.loop import LEASE_S, dead_holder, engine_name
from helios_wf.errors import DatasetError, RunError, RunTakenError
from helios_wf.match import Match, name_parts, output_names
from helios_wf.model import Document, Workflow, digest
from helios_wf.model.noun import Json
from helios_wf.plan import plan_document
from helios_wf.publishing import Options
from helios_wf.states import SETTLED_RUNS, Cause, JobState, RunState
from helios_wf.store import Store, datasets, documents, jobs, requests, runs, tasks
from helios_wf.store.rows import NewRun, NewTask, OpenJob, RunRow, Settlement


def new_run(
    store: Store,
    document: Document,
    inputs: dict[str, Json],
    settings: Settings,
    changes: Sequence[str] = (),
    match: Match | None = None,
) -> str:
    """Returns the id of a run of these inputs: an unfinished one if there is one, else a new one.

    Raises:
        DatasetError: an output would become a dataset whose name is taken; nothing was written.
        TemplateError: the document cannot be planned.
    """
    run_id = time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(3)
    captures = match.captures if match else {}
    template = document.process.template if isinstance(document.process, Workflow) else None
    identity = digest([document.digest, inputs, captures, list(changes), str(settings.outdir)])
    plan = plan_document(apply_settings(document, changes))
    with store.write() as tx:
        unfinished = runs.find_unfinished(tx, identity)
        if unfinished is not None:
            return unfinished.id
        options = _options(document, inputs, captures, settings, changes, run_id)
        for name in (*options.datasets.values(), *options.logs.values()):
            if datasets.exists(tx, name):
                raise DatasetError(
                    f"dataset {name!r} exists already, and this run would write it; "
                    "give its template a new version, or an output name with {run_id}"
                )
        documents.put(tx, document.digest, msgspec.json.encode(document))
        run = NewRun(
            id=run_id,
            label=Path(document.path).name,
            document=document.digest,
            identity=identity,
            template=template.template if template else None,
            version=template.version if template else None,
            inputs=inputs,
            options=msgspec.to_builtins(options),
            datasets=match.datasets if match else {},
        )
        runs.create(tx, run)
        new = [NewTask(t.number, t.name, digest(t.process.body) if t.process else "") for t in plan.tasks]
        tasks.create(tx, run_id, new)
    return run_id


def find_run(store: Store, run_id: str | None) -> RunRow:
    """Returns a run by its id, the beginning of it, or (None) the latest.

    Raises:
        RunError: there is none.
    """
    with store.read() as tx:
        row = runs.latest(tx) if run_id is None else runs.get(tx, run_id)
    if row is None:
        raise RunError("there are no runs yet; helios-wf run DOCUMENT starts one")
    return row


def _options(
    document: Document,
    inputs: dict[str, Json],
    captures: Mapping[str, Json],
    settings: Settings,
    changes: Sequence[str],
    run_id: str,
) -> Options:
    process = document.process
    names: dict[str, str] = {}
    logs: dict[str, str] = {}
    parts: dict[str, Json] = {}
    if isinstance(process, Workflow):
        names, logs = output_names(process, captures, inputs, run_id)
        parts = name_parts(process, captures, inputs, run_id)
    return Options(str(settings.outdir), settings.keep, tuple(changes), names, logs, parts)


def ask(store: Store, row: RunRow, verb: str) -> str:
    """Pauses or cancels a run: by its engine when one is alive, else at once; returns what was done.

    Raises:
        RunError: the run is settled.
    """
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
            jobs.settle(tx, row.id, [_ended(one) for one in jobs.open(tx, row.id)])
        moved = runs.move(tx, row.id, epoch, to, f"{to.lower()} on request")
        runs.release(tx, row.id, epoch)
    return f"run {row.id} is {to}" if moved else f"run {row.id} is {row.state}"


def _ended(one: OpenJob) -> Settlement:
    return Settlement(
        one.task, one.path, one.attempt, JobState.CANCELLED, cause=Cause.CANCELLED, charged=False
    )
