"""What a run will write, and who else has written it or will: asked before anything runs.

A run is refused when one of its datasets exists already, will be made by an unfinished run, or would lie in a
folder that holds files of somebody else.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from helios_wf.engine.destinations import dataset_folder, first_file
from helios_wf.errors import DatasetError, SettingsError
from helios_wf.publishing import MISSING, Options
from helios_wf.states import RunState
from helios_wf.store import Tx, datasets, publications, runs


def claimed(tx: Tx, but: Collection[str] = ()) -> dict[str, str]:
    """Returns the datasets that unfinished runs will make, each with the id of its run.

    Args:
        tx: a transaction.
        but: ids of runs that do not count.
    """
    found: dict[str, str] = {}
    for run_id, given in runs.unfinished(tx):
        if run_id not in but:
            found |= dict.fromkeys(names_in(msgspec.convert(given, Options)), run_id)
    return found


def names_in(options: Options) -> list[str]:
    """Returns the datasets that a run with these options makes, those of its logs too."""
    return [*options.datasets.values(), *options.logs.values()]


def claim(tx: Tx, options: Options, names: dict[str, str]) -> None:
    """Makes sure that nobody has, or will have, written what a new run will write; then claims it.

    Args:
        tx: a transaction.
        options: of the new run.
        names: the run that will write a dataset, by its name; this run's are added (with no id yet).

    Raises:
        DatasetError: a name is taken, or its folder holds files already.
    """
    for name in names_in(options):
        if (made := datasets.maker(tx, name)) and runs.get(tx, made).state is RunState.FAILED:
            raise DatasetError(
                f"dataset {name!r} was made by run {made}, which failed in part and can make the rest: "
                f"helios-wf resume {made}; if that was cleaned, give the template a new version"
            )
        if datasets.exists(tx, name):
            raise DatasetError(
                f"dataset {name!r} exists already, and this run would write it; "
                "give its template a new version, or an output name with {run_id}"
            )
        other = names.get(name)
        if other:
            raise DatasetError(
                f"dataset {name!r} is being made by run {other}, which is not finished, and this run would "
                f"write it too; go on with that one: helios-wf resume {other}, "
                f"or give it up: helios-wf cancel {other}"
            )
        if name in names:
            raise DatasetError(
                f"two runs of this command would both write dataset {name!r}; "
                "give the name of the output what tells them apart, such as {run_id}"
            )
        for reason in _occupied(tx, Path(options.outdir), name):
            raise DatasetError(reason)
        names[name] = ""


def _occupied(tx: Tx, outdir: Path, name: str) -> Iterator[str]:
    folder = dataset_folder(outdir, name)
    file = first_file(folder)
    if file is not None:
        run = publications.owner(tx, str(file))
        whose = "of no run in this store" if run is None else f"of run {run} (helios-wf status {run})"
        yield (
            f"dataset {name!r} would be written to {folder}, where {file.name} lies already, {whose}; "
            "nothing is written over: move it away, or give another --outdir"
        )


def check_resumable(tx: Tx, run_id: str, options: Options, but: Collection[str] = ()) -> None:
    """Makes sure that a run may still write its datasets.

    Raises:
        DatasetError: another run made one of them, or is about to.
    """
    others = claimed(tx, {run_id, *but})
    for name in names_in(options):
        if datasets.exists(tx, name) and datasets.maker(tx, name) != run_id:
            raise DatasetError(
                f"run {run_id} cannot be resumed: dataset {name!r}, which it would write, was made by "
                f"another run in the meantime, and is left alone (see helios-wf dataset show {name}); "
                f"this run can be put away: helios-wf clean {run_id}"
            )
        if name in others:
            raise DatasetError(
                f"run {run_id} cannot be resumed: dataset {name!r}, which it would write, is being made by "
                f"run {others[name]}, which is not finished; go on with that one, or cancel it first"
            )


def incomplete(tx: Tx, run_id: str, options: Options) -> list[str]:
    """Returns the datasets that a run made with losses: it may make them anew, with what was lost."""
    own = [name for name in names_in(options) if datasets.maker(tx, name) == run_id]
    return [name for name in own if MISSING in datasets.get(tx, name, files=False).meta]


def withdraw(tx: Tx, run_id: str, names: Collection[str]) -> None:
    """Takes the datasets of a run out of the catalogue: it is going to make them anew.

    Raises:
        DatasetError: another run has read one of them; or its files are not there any more.
    """
    for name in names:
        readers = [reader for reader, _ in runs.readers(tx, name) if reader != run_id]
        if readers:
            raise DatasetError(
                f"run {run_id} cannot make dataset {name!r} anew: run {readers[0]} has read it as it is; "
                "give the template a new version, and run that"
            )
        datasets.get(tx, name, files=False)
    for one in publications.list(tx, run_id):
        if not Path(one.source).exists() and not Path(one.destination).exists():
            raise DatasetError(
                f"run {run_id} cannot be tried again: {one.destination}, which it made, is not there any more"
            )
    for name in names:
        datasets.forget(tx, name)
    publications.withdraw(tx, run_id)


def check_outdir(outdir: Path, make: bool = True) -> None:
    """Makes sure that outputs can be written to a folder, which is made unless that is not wanted.

    Raises:
        SettingsError: it is no folder, or may not be written.
    """
    _check_folder(outdir, "output", "--outdir", make)


def check_home(home: Path, make: bool = True) -> None:
    """Makes sure that the folder of the runs can be written; it is made unless that is not wanted.

    Raises:
        SettingsError: it is no folder, or may not be written.
    """
    _check_folder(home, "home", "--home", make)


def _check_folder(folder: Path, what: str, option: str, make: bool) -> None:
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir():
            raise NotADirectoryError(None, "Not a directory")
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        raise SettingsError(
            f"the {what} folder {folder} cannot be written ({error.strerror}); "
            f"mend that, or give another: {option} FOLDER"
        ) from None
