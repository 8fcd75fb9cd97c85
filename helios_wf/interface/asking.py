"""From what a caller asks for to the runs that are recorded: load, choose, check, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from helios_wf.choosing import Choice, Runnable, choose, load_runnable
from helios_wf.config import Settings
from helios_wf.curating.finding import path_of
from helios_wf.cwl.job_file import JobFile, asked, read_job
from helios_wf.errors import Problem
from helios_wf.interface.inputs import as_cwl
from helios_wf.launch import new_runs
from helios_wf.layouts import Layouts
from helios_wf.model import Document
from helios_wf.preview import check_inputs
from helios_wf.store import Store

Inputs: TypeAlias = str | Path | Mapping[str, Any] | None
"""A job file, the inputs themselves, or none."""

PASSED_OVER = 10
"""How many datasets that have the name, but not what else a mask asks for, are told."""


class Asked(NamedTuple):
    """A document that can be run, and the inputs that go with it; nothing was chosen yet."""

    runnable: Runnable
    job: JobFile | None
    settings: Settings

    @classmethod
    def load(cls, document: str, inputs: Inputs, changes: Sequence[str], settings: Settings) -> Asked:
        """Returns what a caller asks for.

        Args:
            document: the document, a template's ``NAME`` or ``NAME@VERSION``, or a job file that names it.
            inputs: a job file, or a map of inputs, whose values may be Python's (``inputs.as_cwl``).
            changes: ``STEP.FIELD.KEY=VALUE`` texts that change ``helios:`` fields.
            settings: where documents may be read, and where they are kept.

        Raises:
            TemplateError: the document is wrong.
            InputError: the job file cannot be read, or a value is none of CWL.
            SettingsError: a change names nothing, or its value does not fit.
        """
        mapping = inputs if isinstance(inputs, Mapping) else None
        path = None if inputs is None or mapping is not None else str(inputs)
        document = path_of(document, settings)
        document, job = (document, read_job(mapping)) if mapping is not None else asked(document, path)
        runnable = load_runnable(document, changes, settings.home / "cache", settings.root, job)
        if mapping is not None:
            job = JobFile(as_cwl(mapping, runnable.document.process), None)
        return cls(runnable, job, settings)

    @property
    def remarks(self) -> list[Problem]:
        """What is odd in the document, though it is not wrong."""
        found = self.runnable.document.warnings
        return [Problem(remark.place, remark.message) for remark in dict.fromkeys(found)]

    def choose(self, datasets: Mapping[str, Sequence[str]], open_store: Callable[[], Store]) -> Chosen:
        """Returns the runs that there are to be, once their files are known to be fit.

        Args:
            datasets: files, folders and patterns of datasets that are given, by name.
            open_store: opens the store, once it is needed.

        Raises:
            UserError: what is given does not go together, or a file cannot be used.
        """
        choice = choose(self.runnable.document, self.job, datasets, open_store)
        layouts = Layouts()
        for bound in choice.runs:
            layouts.learn(bound.datasets)
            check_inputs(self.runnable.plan, bound.inputs, layouts.of)
        return Chosen(self.runnable, choice, layouts, self.settings)


class Chosen(NamedTuple):
    """The runs that there are to be; nothing was written yet."""

    runnable: Runnable
    choice: Choice
    layouts: Layouts
    settings: Settings

    @property
    def not_run(self) -> list[str]:
        """What is not run, each with its reason; of datasets that masks pass over only the first few."""
        return why_not(self.choice)

    @property
    def nothing(self) -> str:
        """Why there is nothing to run, where that is so."""
        document: Document = self.runnable.document
        if self.choice.left_out or self.choice.passed_over:
            return f"no combination of CLOSED datasets is new to {document.path}"
        masks = ", ".join(repr(each.mask.mask) for each in document.process.inputs if each.mask is not None)
        return (
            f"no dataset has a name that {document.path} takes ({masks}); "
            "helios-wf dataset list shows what there is, helios-wf match NAME what takes a name"
        )

    def record(self, store: Store, say: Callable[[str], None]) -> list[str]:
        """Records the runs and returns their ids; an unfinished one of the same inputs is taken up again.

        Raises:
            UserError: ``launch.new_runs`` says which.
        """
        return new_runs(store, self.runnable, self.choice, self.settings, say)


def why_not(choice: Choice) -> list[str]:
    """Returns what is not run, each with its reason."""
    more = len(choice.passed_over) - PASSED_OVER
    rest = [f"{more} more datasets; ask helios-wf match NAME"] if more > 0 else []
    return [*choice.left_out, *choice.passed_over[:PASSED_OVER], *rest]
