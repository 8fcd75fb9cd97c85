"""From what a caller gives (a document, a job file, datasets) to the runs that there are to be.

Nothing is written here: what is chosen can be shown (``helios-wf plan``) or launched (``helios-wf run``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from helios_wf.choosing.binding import Bound
from helios_wf.choosing.given import describe_given, named_paths
from helios_wf.choosing.matching import Choice, over_datasets
from helios_wf.choosing.runnable import Runnable, load_runnable
from helios_wf.cwl.job_file import JobFile, given_names, read_inputs
from helios_wf.errors import InputError, UserError
from helios_wf.model import Document, Workflow
from helios_wf.store import Store

__all__ = ["Bound", "Choice", "Runnable", "choose", "load_runnable", "named_paths"]


def choose(
    document: Document,
    job: JobFile | None,
    given: Mapping[str, Sequence[str]],
    store: Callable[[], Store],
) -> Choice:
    """Returns what there is to run of a document; ``store`` opens the store, where it is needed.

    Args:
        document: any document.
        job: a job file; one that binds an input with a mask binds them all, any other goes with datasets.
        given: datasets for its masks: files, folders and patterns by name.
        store: opens the store; called where datasets start the runs.

    Raises:
        UserError: what is given does not go together, or does not fit the document.
    """
    if given and not has_masks(document):
        raise UserError(
            f"{document.path} has no masks, so it takes no datasets; bind its inputs with a JOB file"
        )
    itself = sorted(given_names(job) & {each.name for each in document.process.inputs if each.mask})
    if given and itself and job is not None:
        raise UserError(
            f"{job.name} binds {', '.join(map(repr, itself))}, which the dataset that is given is to bind by "
            "a mask; give no dataset (--dataset), or take that out there"
        )
    if itself or not has_masks(document):
        return over_job(document, job)
    opened = store()
    return over_datasets(opened, document, describe_given(opened, given), job)


def has_masks(document: Document) -> bool:
    """Says whether a document takes datasets."""
    process = document.process
    return isinstance(process, Workflow) and any(parameter.mask for parameter in process.inputs)


def over_job(document: Document, job: JobFile | None) -> Choice:
    """Returns the one run of the inputs in a job file, or of the document's defaults.

    Raises:
        InputError: the inputs do not fit the document.
    """
    try:
        inputs = read_inputs(job, document.process, Path.cwd())
    except InputError as error:
        if job is not None:
            raise
        raise InputError(f"{document.path} wants a JOB file that binds its inputs:\n{error}") from None
    return Choice((Bound(inputs),))
