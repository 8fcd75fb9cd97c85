"""From what a caller gives (a document, a job file, datasets) to the runs that there are to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from helios_wf import catalogue
from helios_wf.cwl.files import to_location
from helios_wf.cwl.job_file import read_inputs
from helios_wf.errors import DatasetError, UserError
from helios_wf.match import Combinations, Match, combinations
from helios_wf.model import Dataset, Document, EventFile, Noun, Workflow
from helios_wf.model.noun import Json
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, Tx, datasets, runs


class Choice(Noun, frozen=True):
    """What there is to run over the catalogue, and what not and why."""

    matches: tuple[Match, ...]
    left_out: tuple[str, ...]


def has_masks(document: Document) -> bool:
    """Says whether a document takes datasets."""
    process = document.process
    return isinstance(process, Workflow) and any(parameter.mask for parameter in process.inputs)


def register(store: Store, given: Iterable[str]) -> tuple[str, ...]:
    """Registers ``NAME=PATH`` datasets, CLOSED, and returns their names; equal ones may be there already.

    A path may be a file, a folder (all files in it) or a pattern; one name may be given several times.

    Raises:
        UserError: something is not ``NAME=PATH``, a pattern finds nothing, or a file cannot be used.
    """
    wanted: dict[str, list[str]] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise UserError(
                f"--dataset {text!r} is not NAME=PATH, such as --dataset demo.1.events=events/*.csv"
            )
        wanted.setdefault(name, []).append(path)
    for name, found in wanted.items():
        with store.read() as tx:
            known = datasets.get(tx, name) if datasets.exists(tx, name) else None
        if known is None:
            catalogue.register(store, name, found, close=True)
        elif [file.path for file in known.files] != [
            str(path) for one in found for path in catalogue.expand(one)
        ]:
            raise DatasetError(
                f"dataset {name!r} exists already, with other files; see helios-wf dataset show {name}"
            )
    return tuple(wanted)


def choose(store: Store, document: Document, only: Sequence[str] = ()) -> Choice:
    """Returns the matches of a template that are not done yet.

    Args:
        store: with the catalogue and the runs.
        document: a template with masks.
        only: where given, every match takes at least one of these datasets.

    Raises:
        UserError: the template's content changed under a version that has run already.
    """
    workflow = document.process
    assert isinstance(workflow, Workflow)
    with store.read() as tx:
        found: Combinations = combinations(workflow, _closed(tx))
        done = _done(tx, document, workflow)
    left_out = [_left_out(one.datasets, one.reason) for one in found.waiting]
    left_out += [_left_out(one.datasets, one.reason) for one in found.refused]
    matches = []
    for match in found.matches:
        if only and not set(match.datasets.values()) & set(only):
            continue
        key = tuple(sorted(match.datasets.items()))
        if key in done:
            left_out.append(_left_out(match.datasets, f"done already by version {done[key]}"))
        else:
            matches.append(match)
    return Choice(tuple(matches), tuple(left_out))


def _left_out(names: Mapping[str, str], reason: str) -> str:
    return f"{', '.join(names.values())}: {reason}"


def _closed(tx: Tx) -> list[Dataset]:
    return [Dataset(name, DatasetState.CLOSED, (), meta) for name, meta in datasets.meta(tx).items()]


def _done(tx: Tx, document: Document, workflow: Workflow) -> dict[tuple[tuple[str, str], ...], int]:
    template = workflow.template
    if template is None:
        return {}
    versions = {template.version, template.follows}
    known = runs.contents(tx, template.template).get(template.version)
    if known is not None and known != document.digest:
        raise UserError(
            f"{document.path}: the template {template.template!r} changed, but its version is still "
            f"{template.version}, under which it has run; give it version {template.version + 1} "
            f"(with 'follows: {template.version}' if what is done need not be done again)"
        )
    return {
        tuple(sorted(given.items())): version
        for version, given, state in runs.processed(tx, template.template)
        if version in versions and state in (RunState.DONE, RunState.FINISHED)
    }


def inputs_of(store: Store, document: Document, match: Match) -> dict[str, Json]:
    """Returns the input object that a match gives: files of datasets, filled values, and defaults.

    Raises:
        DatasetError: an input takes one file and its dataset has another number.
        InputError: an input is not masked and has no default, or a file is gone.
    """
    values: dict[str, Json] = dict(match.values)
    with store.read() as tx:
        for parameter in document.process.inputs:
            if parameter.name in match.datasets:
                dataset = datasets.get(tx, match.datasets[parameter.name])
                values[parameter.name] = _files(dataset, parameter.name, parameter.type)
    return read_inputs(values, document.process, Path.cwd())


def _files(dataset: Dataset, name: str, kind: Json) -> Json:
    files = [file_object(file) for file in dataset.files]
    single = "File" in kind if isinstance(kind, list) else kind == "File"
    if not single:
        return files
    if len(files) != 1:
        raise DatasetError(f"input {name!r} takes one File; dataset {dataset.name!r} has {len(files)} files")
    return files[0]


def file_object(file: EventFile) -> dict[str, Json]:
    """Returns the CWL File of a file of the catalogue."""
    path = Path(file.path)
    value: dict[str, Json] = {
        "class": "File",
        "location": to_location(file.path),
        "path": file.path,
        "basename": path.name,
        "size": file.size,
    }
    value |= {"nameroot": path.stem, "nameext": path.suffix}
    if file.checksum and file.checksum.startswith("sha1$"):
        value["checksum"] = file.checksum
    return value
