"""The inputs of a run that datasets start: their files, what their names give, and those of a job file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from helios_wf import catalogue
from helios_wf.cwl.files import names, to_location
from helios_wf.cwl.job_file import JobFile, read_inputs
from helios_wf.errors import DatasetError, InputError
from helios_wf.match import Match
from helios_wf.model import Dataset, Document, EventFile, Parameter
from helios_wf.model.noun import Json
from helios_wf.store import Tx, datasets


class Bound(NamedTuple):
    """The inputs of one run, and the datasets that they come from, if they do."""

    inputs: dict[str, Json]
    match: Match | None = None
    datasets: tuple[Dataset, ...] = ()


def bind(tx: Tx, document: Document, match: Match, new: Mapping[str, Dataset], job: JobFile | None) -> Bound:
    """Returns the run that a match gives: files of datasets, filled values, those of the job, defaults.

    Datasets that are ``new``, by name, are not in the catalogue.
    """
    values: dict[str, Json] = dict(match.values)
    taken = []
    for parameter in document.process.inputs:
        if parameter.name in match.datasets:
            name = match.datasets[parameter.name]
            dataset = new[name] if name in new else datasets.get(tx, name)
            lost = catalogue.lost(dataset)
            if lost is not None:
                raise DatasetError(f"input {parameter.name!r} takes dataset {dataset.name!r}, but {lost}")
            values[parameter.name] = _files(dataset, parameter)
            taken.append(dataset)
    try:
        inputs = read_inputs(job, document.process, Path.cwd(), bound=values)
    except InputError as error:
        if job is not None:
            raise
        raise InputError(
            f"datasets bind the inputs of {document.path} that have masks; a JOB file beside them, or a "
            f"default, must bind the others:\n{error}"
        ) from None
    return Bound(inputs, match, tuple(taken))


def _files(dataset: Dataset, parameter: Parameter) -> Json:
    files = [file_object(file) for file in dataset.files]
    single = "File" in parameter.type if isinstance(parameter.type, list) else parameter.type == "File"
    if not single:
        return files
    if len(files) != 1:
        raise DatasetError(
            f"input {parameter.name!r} takes one File; dataset {dataset.name!r} has {len(files)} files"
        )
    return files[0]


def file_object(file: EventFile) -> dict[str, Json]:
    """Returns the CWL File of a file of the catalogue."""
    value: dict[str, Json] = {"class": "File", "location": to_location(file.path), "size": file.size}
    value |= names(file.path, "File")
    if file.checksum and file.checksum.startswith("sha1$"):
        value["checksum"] = file.checksum
    return value
