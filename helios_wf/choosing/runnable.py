"""Documents that can be run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from helios_wf.cwl.job_file import JobFile
from helios_wf.cwl.load import load
from helios_wf.cwl.overrides import Overrides, overrides_of
from helios_wf.cwl.settings import apply_settings
from helios_wf.errors import InputError, TemplateError
from helios_wf.model import Document
from helios_wf.model.plans import Plan
from helios_wf.plan import plan_document
from helios_wf.repository import problems_of


class Runnable(NamedTuple):
    """A document without mistakes: as it is written, with ``--set`` of this run applied, and its plan."""

    document: Document
    changed: Document
    plan: Plan
    changes: tuple[str, ...] = ()


def load_runnable(
    path: str | Path,
    changes: Sequence[str] = (),
    cache: Path | None = None,
    root: Path | None = None,
    job: JobFile | None = None,
) -> Runnable:
    """Returns a document that can be run.

    Args:
        path: the document.
        changes: ``--set`` of this run.
        cache: folder of documents loaded before.
        root: below which documents are read; by default the folder of its project.
        job: what is run with it; its ``cwl:requirements`` hold over those of the document.

    Raises:
        TemplateError: it is wrong as CWL, or in its fields, masks, names or parts; all mistakes are told.
        InputError: the job file gives requirements that are none, or to a document of CWL v1.0.
        SettingsError: a change names nothing, or its value does not fit.
    """
    overrides = overrides_of(job, str(path)) if job else Overrides()
    document = load(path, root=root, cache=cache, overrides=overrides)
    if job and overrides.own and document.cwl_version == "v1.0":
        raise InputError(
            f"{job.name}: 'cwl:requirements' needs a document of CWL v1.1 or later, and {document.path} is "
            "one of v1.0; use 'cwltool:overrides'"
        )
    problems = problems_of(document)
    if problems:
        raise TemplateError(problems)
    changed = apply_settings(document, changes)
    return Runnable(document, changed, plan_document(changed), tuple(changes))
