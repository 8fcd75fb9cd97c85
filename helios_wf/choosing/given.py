"""Datasets that a caller gives by name and paths, which need not be in the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from helios_wf import catalogue
from helios_wf.errors import DatasetError, UserError
from helios_wf.masks import check_name
from helios_wf.model import Dataset
from helios_wf.states import DatasetState
from helios_wf.store import Store, datasets


class Given(NamedTuple):
    """Datasets that the caller gave: all names, and those of them that are not in the catalogue yet."""

    names: tuple[str, ...] = ()
    new: tuple[Dataset, ...] = ()


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
