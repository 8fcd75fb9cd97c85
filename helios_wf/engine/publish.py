"""Moving a run's outputs to where they belong: recorded first, then moved, then recorded as done.

A resume that finds a file at its destination, with the recorded size and checksum, takes it as it is.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from helios_wf.cwl.files import to_location, to_path
from helios_wf.engine.durable import sync_path
from helios_wf.errors import StoreError, UserError
from helios_wf.model.noun import Json
from helios_wf.store.rows import Publication


class Published(NamedTuple):
    """Where everything goes: the output object as it will be, the moves, and the files of each output."""

    outputs: dict[str, Json]
    moves: list[Publication]
    files: dict[str, list[dict[str, Json]]]


class Destinations:
    """Gives each output file a place of its own.

    Args:
        outdir: the folder for outputs that are no datasets.
        folders: for outputs that are datasets, their folder.
        names: for outputs that are datasets, the name of each file in order.
    """

    def __init__(self, outdir: Path, folders: Mapping[str, Path], names: Mapping[str, list[str]]) -> None:
        self._outdir = outdir
        self._folders = folders
        self._names = names
        self._taken: set[Path] = set()

    def place(self, output: str, position: int, basename: str) -> Path:
        """Returns a free place for a file; equal names get ``_2``, ``_3`` (in a dataset: an error)."""
        if output in self._folders:
            path = self._folders[output] / self._names[output][position]
            if path in self._taken:
                raise UserError(
                    f"output {output!r} would have two files named {path.name!r} in one dataset; "
                    "give helios:dataset a 'files' pattern with {index}"
                )
        else:
            path, number = self._outdir / basename, 1
            while path in self._taken:
                number += 1
                path = self._outdir / f"{Path(basename).stem}_{number}{Path(basename).suffix}"
        self._taken.add(path)
        return path


def arrange(values: Mapping[str, Json], destinations: Destinations) -> Published:
    """Returns where the outputs of a run go; nothing is moved yet."""
    moves: list[Publication] = []
    files: dict[str, list[dict[str, Json]]] = {}
    outputs = {
        name: _arrange(value, name, destinations, moves, files.setdefault(name, []))
        for name, value in values.items()
    }
    return Published(outputs, moves, files)


def _arrange(
    value: Json,
    output: str,
    destinations: Destinations,
    moves: list[Publication],
    files: list[dict[str, Json]],
) -> Json:
    if isinstance(value, list):
        return [_arrange(one, output, destinations, moves, files) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") not in ("File", "Directory"):
        return {key: _arrange(one, output, destinations, moves, files) for key, one in value.items()}
    if "location" not in value and "path" not in value:
        return value
    source = value.get("path") or to_path(value["location"])
    place = destinations.place(output, len(files), value.get("basename") or Path(source).name)
    return _moved(value, source, place, output, moves, files)


def _moved(
    value: dict[str, Json],
    source: str,
    place: Path,
    output: str,
    moves: list[Publication],
    files: list[dict[str, Json]],
) -> dict[str, Json]:
    size = int(value.get("size") or 0)
    moves.append(Publication(output, len(moves), source, str(place), size, value.get("checksum")))
    moved = dict(value) | {"location": to_location(str(place)), "path": str(place), "basename": place.name}
    for derived in ("nameroot", "nameext", "dirname"):
        moved.pop(derived, None)
    if value["class"] == "File":
        files.append(moved)
    if value.get("listing"):
        moved["listing"] = [_relisted(entry, place) for entry in value["listing"]]
    if value.get("secondaryFiles"):
        secondary = []
        for entry in value["secondaryFiles"]:
            beside = place.parent / (entry.get("basename") or Path(entry["path"]).name)
            secondary.append(
                _moved(entry, entry.get("path") or to_path(entry["location"]), beside, output, moves, [])
            )
        moved["secondaryFiles"] = secondary
    return moved


def _relisted(entry: dict[str, Json], folder: Path) -> dict[str, Json]:
    place = folder / str(entry.get("basename"))
    moved = dict(entry) | {"location": to_location(str(place)), "path": str(place)}
    if entry.get("listing"):
        moved["listing"] = [_relisted(one, place) for one in entry["listing"]]
    return moved


def carry_out(moves: list[Publication], owned: Path) -> None:
    """Moves files to their destinations; what lies outside ``owned`` (an input passed on) is copied.

    Raises:
        StoreError: a file is neither at its source nor, whole, at its destination; or there is no space.
    """
    first_of: dict[str, str] = {}
    folders = set()
    for move in moves:
        source, destination = Path(first_of.get(move.source, move.source)), Path(move.destination)
        if source == destination:
            continue
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            mine = source.is_relative_to(owned) and move.source not in first_of
            _carry(source, destination, move, mine)
        except OSError as error:
            raise StoreError(
                f"cannot publish {move.source} as {destination}: {error.strerror or error}"
            ) from error
        first_of.setdefault(move.source, move.destination)
        folders.add(destination.parent)
    for folder in sorted(folders):
        sync_path(str(folder))


def _carry(source: Path, destination: Path, move: Publication, mine: bool) -> None:
    if not source.exists():
        if _is_whole(destination, move):
            return
        raise StoreError(f"cannot publish {move.source}: it is gone, and {destination} is not the same file")
    if mine and not source.is_symlink():
        try:
            if destination.is_dir():
                shutil.rmtree(destination)
            source.rename(destination)
            return
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
    _copy(source.resolve(), destination)


def _copy(source: Path, destination: Path) -> None:
    temporary = destination.with_name(f".{destination.name}.part")
    if source.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(source, temporary)
        shutil.rmtree(destination, ignore_errors=True)
    else:
        shutil.copyfile(source, temporary)
        sync_path(str(temporary))
    temporary.rename(destination)


def _is_whole(path: Path, move: Publication) -> bool:
    if path.is_dir():
        return True
    if not path.is_file() or path.stat().st_size != move.size:
        return False
    return move.checksum is None or not move.checksum.startswith("sha1$") or _sha1(path) == move.checksum


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return "sha1$" + hashlib.file_digest(file, "sha1").hexdigest()


def files_of(value: Json) -> Iterator[dict[str, Json]]:
    """Yields the Files of an output in order, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from files_of(one)
    elif isinstance(value, dict):
        if value.get("class") == "File":
            yield value
        elif value.get("class") != "Directory":
            for one in value.values():
                yield from files_of(one)
