"""From what a caller gives (a document, a job file, datasets) to the runs that there are to be.

Nothing is written here: what is chosen can be shown (``helios-wf plan``) or launched (``helios-wf run``).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from helios_wf import catalogue
from helios_wf.cwl.files import to_location
from helios_wf.cwl.job_file import JobFile, given_names, read_inputs, unknown_inputs
from helios_wf.cwl.load import load
from helios_wf.cwl.overrides import Overrides, overrides_of
from helios_wf.cwl.settings import apply_settings
from helios_wf.errors import DatasetError, InputError, TemplateError, UserError
from helios_wf.masks import check_name
from helios_wf.match import Combinations, Match, combinations, masked_inputs, starting
from helios_wf.model import Dataset, Document, EventFile, Parameter, Workflow
from helios_wf.model.noun import Json
from helios_wf.model.plans import Plan
from helios_wf.plan import plan_document
from helios_wf.repository import problems_of
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, Tx, datasets, runs


class Runnable(NamedTuple):
    """A document without mistakes: as it is written, with ``--set`` of this run applied, and its plan."""

    document: Document
    changed: Document
    plan: Plan
    changes: tuple[str, ...] = ()


class Bound(NamedTuple):
    """The inputs of one run, and the datasets that they come from, if they do."""

    inputs: dict[str, Json]
    match: Match | None = None
    datasets: tuple[Dataset, ...] = ()


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


class Given(NamedTuple):
    """Datasets that the caller gave: all names, and those of them that are not in the catalogue yet."""

    names: tuple[str, ...] = ()
    new: tuple[Dataset, ...] = ()


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


def has_masks(document: Document) -> bool:
    """Says whether a document takes datasets."""
    process = document.process
    return isinstance(process, Workflow) and any(parameter.mask for parameter in process.inputs)


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
    with store.read() as tx:
        known = [Dataset(name, DatasetState.CLOSED, (), meta) for name, meta in datasets.meta(tx).items()]
        found = combinations(workflow, [*known, *given.new])
        done = _done(tx, document, workflow)
        _check_taken(workflow, found, given, datasets.meta(tx))
        bound = []
        left_out = [] if given.names else [_left_out(*each) for each in _not_ready(found)]
        left_out += [] if given.names else _open(tx, workflow)
        for match in found.matches:
            if given.names and not set(match.datasets.values()) & set(given.names):
                continue
            version = done.get(tuple(sorted(match.datasets.items())))
            if version is not None:
                left_out.append(_left_out(match.datasets.values(), f"done already by version {version}"))
                continue
            try:
                bound.append(_bind(tx, document, match, given, job))
            except DatasetError as error:
                if given.names:
                    raise
                left_out.append(_left_out(match.datasets.values(), str(error)))
        used = {name for each in found.matches for name in each.datasets.values()}
        used.update(name for names, _ in _not_ready(found) for name in names)
        passed_over = () if bound else tuple(_passed_over(workflow, datasets.meta(tx), used))
    return Choice(tuple(bound), tuple(left_out), given.new, True, passed_over)


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


def _passed_over(
    workflow: Workflow, metas: Mapping[str, dict[str, Json]], used: Container[str]
) -> Iterator[str]:
    """Yields why CLOSED datasets whose names a mask takes are not taken after all."""
    for each in starting(masked_inputs(workflow)):
        for name, meta in metas.items():
            if name not in used and each.mask.match(name) is not None:
                reason = each.why_not(name, meta) or "no dataset of the other inputs goes with it"
                yield _left_out([name], f"input {each.name!r}: {reason}")


def named_paths(given: Iterable[str]) -> dict[str, list[str]]:
    """Returns the paths of each dataset that ``NAME=PATH`` texts name; a name may be given several times.

    Raises:
        UserError: something is not ``NAME=PATH``.
    """
    wanted: dict[str, list[str]] = {}
    for text in given:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise UserError(
                f"--dataset {text!r} is not NAME=PATH, such as --dataset demo.1.events=events/*.csv"
            )
        wanted.setdefault(name, []).append(path)
    return wanted


def describe_given(store: Store, given: Mapping[str, Sequence[str]]) -> Given:
    """Returns the datasets that are given by name and paths; equal ones may be in the catalogue already.

    A path may be a file, a folder (all files in it) or a pattern.

    Raises:
        MaskError: a name is no dataset name.
        UserError: a pattern finds nothing, or a file cannot be used.
    """
    new = []
    for name in given:
        check_name(name)
    with store.read() as tx:
        for name, found in given.items():
            if datasets.exists(tx, name):
                _check_same(datasets.get(tx, name), found)
            else:
                new.append(Dataset(name, DatasetState.CLOSED, catalogue.describe_all(name, found)))
    return Given(tuple(given), tuple(new))


def _check_same(known: Dataset, given: Iterable[str]) -> None:
    show = f"helios-wf dataset show {known.name}"
    if [file.path for file in known.files] != [
        str(path.absolute()) for one in given for path in catalogue.expand(one)
    ]:
        raise DatasetError(f"dataset {known.name!r} exists already, with other files (see {show})")
    if known.state is not DatasetState.CLOSED:
        raise DatasetError(
            f"dataset {known.name!r} exists already and is {known.state}; templates take it once it is "
            f"CLOSED: helios-wf dataset close {known.name}"
        )


def _check_taken(
    workflow: Workflow, found: Combinations, given: Given, metas: Mapping[str, dict[str, Json]]
) -> None:
    """Refuses datasets that were given and start nothing, with the reason."""
    used = {name for match in found.matches for name in match.datasets.values()}
    for name in given.names:
        if name not in used:
            reasons = [reason for names, reason in _not_ready(found) if name in names]
            reasons = reasons or _not_taken(workflow, name, metas.get(name, {}))
            told = "; ".join(reasons) or "no dataset of the other inputs goes with it"
            raise DatasetError(f"dataset {name!r} starts no run of {workflow.name!r}: {told}")


def _not_taken(workflow: Workflow, name: str, meta: Mapping[str, Json]) -> list[str]:
    """Returns why each masked input does not take a dataset; nothing where one does."""
    inputs = masked_inputs(workflow)
    whys = [(each, each.why_not(name, meta)) for each in inputs]
    if any(why is None for _, why in whys):
        return []
    return [f"input {each.name!r} takes {each.mask.text!r}: {why}" for each, why in whys]


def _not_ready(found: Combinations) -> list[tuple[tuple[str, ...], str]]:
    """Returns the combinations that cannot start a run now: their datasets, and why."""
    waiting = [(tuple(one.datasets.values()), one.reason) for one in found.waiting]
    return waiting + [(tuple(one.datasets.values()), one.reason) for one in found.refused]


def _open(tx: Tx, workflow: Workflow) -> list[str]:
    """Returns the OPEN datasets whose names start runs once they are closed."""
    masks = [each.mask for each in starting(masked_inputs(workflow))]
    return [
        _left_out([name], f"is OPEN; it is taken once it is complete: helios-wf dataset close {name}")
        for name in datasets.names(tx, DatasetState.OPEN)
        if any(mask.match(name) is not None for mask in masks)
    ]


def _left_out(names: Iterable[str], reason: str) -> str:
    return f"{', '.join(names)}: {reason}"


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


def _bind(tx: Tx, document: Document, match: Match, given: Given, job: JobFile | None) -> Bound:
    """Returns the run that a match gives: files of datasets, filled values, those of the job, defaults."""
    new = {dataset.name: dataset for dataset in given.new}
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
