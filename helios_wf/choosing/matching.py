"""The runs that datasets start: every combination that matches and is not done yet."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf.choosing.binding import Bound, bind
from helios_wf.choosing.given import Given
from helios_wf.choosing.reasons import check_taken, left_out, not_ready, passed_over, still_open
from helios_wf.cwl.job_file import JobFile, given_names, read_inputs, unknown_inputs
from helios_wf.errors import DatasetError, InputError, UserError
from helios_wf.match import Combinations, combinations
from helios_wf.model import Dataset, Document, Workflow
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, Tx, datasets, runs


class Choice(NamedTuple):
    """What there is to run, what not and why, and the datasets that are not in the catalogue yet.

    ``by_datasets`` says whether datasets start the runs; ``passed_over``, where nothing is to run, why
    datasets whose names a mask takes start none.
    """

    runs: tuple[Bound, ...]
    left_out: tuple[str, ...] = ()
    new: tuple[Dataset, ...] = ()
    by_datasets: bool = False
    passed_over: tuple[str, ...] = ()


def over_datasets(
    store: Store,
    document: Document,
    given: Given = Given(),  # noqa: B008
    job: JobFile | None = None,
) -> Choice:
    """Returns the runs of every combination of CLOSED datasets that matches and is not done yet.

    Args:
        store: with the catalogue and the runs.
        document: a template with masks.
        given: where there are any, every run takes at least one of these datasets.
        job: values of inputs without masks, the same for every run.

    Raises:
        DatasetError: a dataset that was given starts nothing, or its files are gone, were changed, or do not
            fit its input; without given ones, such a combination is left out.
        InputError: an input is not masked, not in the job file and has no default; or the file is wrong.
        UserError: the template's content changed under a version that has run already.
    """
    workflow = document.process
    assert isinstance(workflow, Workflow)
    _check_values(workflow, job)
    new = {dataset.name: dataset for dataset in given.new}
    with store.read() as tx:
        metas = datasets.meta(tx)
        known = [Dataset(name, DatasetState.CLOSED, (), meta) for name, meta in metas.items()]
        found = combinations(workflow, [*known, *given.new])
        done = _done(tx, document, workflow)
        check_taken(workflow, found, given.names, metas)
        bound = []
        why_not = [] if given.names else [left_out(*each) for each in not_ready(found)]
        why_not += [] if given.names else still_open(tx, workflow)
        for match in found.matches:
            names = match.datasets.values()
            if given.names and not set(names) & set(given.names):
                continue
            version = done.get(tuple(sorted(match.datasets.items())))
            if version is not None:
                why_not.append(left_out(names, f"done already by version {version}"))
                continue
            try:
                bound.append(bind(tx, document, match, new, job))
            except DatasetError as error:
                if given.names:
                    raise
                why_not.append(left_out(names, str(error)))
    passed = () if bound else tuple(passed_over(workflow, metas, _used(found)))
    return Choice(tuple(bound), tuple(why_not), given.new, True, passed)


def _used(found: Combinations) -> set[str]:
    """Returns the datasets that are in any combination."""
    combined = [tuple(match.datasets.values()) for match in found.matches]
    return {name for names in [*combined, *(names for names, _ in not_ready(found))] for name in names}


def _check_values(workflow: Workflow, job: JobFile | None) -> None:
    """Refuses a job file that is wrong, or binds what names of datasets give, whatever there is to run."""
    if job is None:
        return
    valued = sorted(given_names(job) & {each.name for each in workflow.inputs if each.value is not None})
    if valued:
        raise InputError(
            f"{job.name}: {', '.join(map(repr, valued))} has helios:value, so the name of the dataset "
            "gives it; take it out there"
        )
    unknown = unknown_inputs(job, workflow) if workflow.template is not None else []
    if unknown:
        raise InputError("\n".join(unknown))
    given = tuple(each for each in workflow.inputs if each.name in given_names(job))
    read_inputs(job, replace(workflow, inputs=given), Path.cwd(), strict=False)


def _done(tx: Tx, document: Document, workflow: Workflow) -> dict[tuple[tuple[str, str], ...], int]:
    template = workflow.template
    if template is None:
        return {}
    versions = {template.version, template.follows}
    known = runs.contents(tx, template.template).get(template.version)
    if known is not None and known != document.digest:
        raise UserError(
            f"{document.path}: the template {template.template!r} changed, but its version is still "
            f"{template.version}, under which it has run (its tools, and files such as their scripts, count "
            f"too); give it version {template.version + 1} "
            f"(with 'follows: {template.version}' if what is done need not be done again)"
        )
    return {
        tuple(sorted(given.items())): version
        for version, given, state in runs.processed(tx, template.template)
        if version in versions and state in (RunState.DONE, RunState.FINISHED)
    }
