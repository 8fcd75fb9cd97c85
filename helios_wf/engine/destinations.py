"""Where the outputs of a run go: each file and folder gets a place of its own.  Nothing is moved here.

Only files without a place, literals of expressions, are written: into the run's own folder, to be moved with
the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from helios_wf.cwl.files import is_file_or_directory, to_location, to_path
from helios_wf.errors import UserError
from helios_wf.model.noun import Json
from helios_wf.model.packed import changed
from helios_wf.store.rows import Publication


class Placed(NamedTuple):
    """A file of a dataset, where it will be."""

    path: str
    size: int
    checksum: str | None


class Published(NamedTuple):
    """Where everything goes: the output object as it will be, the moves, and the files of each dataset."""

    outputs: dict[str, Json]
    moves: list[Publication]
    files: dict[str, list[Placed]]
    unsummed: set[str]
    """Outputs of which something has no checksum yet, or must be listed once it is there."""


class Spot(NamedTuple):
    """A place that was given to something, and whether it was so just now."""

    path: str
    is_new: bool


class Destinations:
    """Gives each output file a place of its own.

    Args:
        outdir: the folder for outputs that are no datasets.
        folders: for outputs that are datasets, their folder.
        names: for outputs that are datasets, the name of each file in order.
    """

    def __init__(self, outdir: Path, folders: Mapping[str, Path], names: Mapping[str, list[str]]) -> None:
        self._outdir = str(outdir)
        self._folders = folders
        self._names = names
        # place: what is there; text, not paths: of a hundred thousand files each costs
        self._taken: dict[str, str | None] = {}
        self._numbers: dict[str, int] = {}
        self._spared: set[str] = set()
        self._numbered: dict[tuple[str, str], str] = {}

    def is_dataset(self, output: str) -> bool:
        """Says whether an output becomes a dataset: its files have the names that they get there."""
        return output in self._folders

    def spare(self, *values: Json) -> None:
        """Takes values whose files and folders stay as they are: nothing else is put in their places."""
        here = tuple(f"{folder}/" for folder in (self._outdir, *self._folders.values()))
        for value in values:
            self._spared.update(path for path in _paths_in(value) if path.startswith(here))

    def place(self, output: str, position: int, basename: str, source: str | None = None) -> Spot:
        """Returns a free place for a file; equal names get ``_2``, ``_3`` (in a dataset: an error).

        What is put out more than once has one place, but for that in a dataset.

        Raises:
            UserError: a dataset would have two files of one name, or the name is none.
        """
        if output not in self._folders:
            return self.free(self._outdir, basename, source)
        path = str(self._folders[output] / self._names[output][position])
        if path in self._taken:
            raise UserError(
                f"output {output!r} would have two files named {Path(path).name!r} in one dataset; "
                "give helios:dataset a 'files' pattern with {index}"
            )
        self._taken[path] = source
        return Spot(path, is_new=True)

    def free(self, folder: str, basename: str, source: str | None = None) -> Spot:
        """Returns a free place in a folder, with ``_2``, ``_3`` in its name where that is taken.

        What is spared may only take its own place: that of its ``source``.

        Raises:
            UserError: the name is none: it would lead elsewhere.
        """
        if "/" in basename or "\0" in basename or basename in ("", ".", ".."):
            raise UserError(f"an output cannot be called {basename!r}: a basename has no '/' and is no '..'")
        path = wanted = f"{folder}/{basename}"
        if source is not None and (known := self._known(wanted, source)) is not None:
            return Spot(known, is_new=False)
        number, name = self._numbers.get(wanted, 1), Path(basename)
        while path in self._taken or (path in self._spared and path != source):
            number += 1
            path = f"{folder}/{name.stem}_{number}{name.suffix}"
        self._taken[path] = source
        if number > 1:
            self._numbers[wanted] = number
            if source is not None:
                self._numbered[wanted, source] = path
        return Spot(path, is_new=True)

    def _known(self, wanted: str, source: str) -> str | None:
        """Returns the place that something was given when it wanted this one before."""
        if self._taken.get(wanted) == source:
            return wanted
        return self._numbered.get((wanted, source))


def dataset_folder(outdir: Path, name: str) -> Path:
    """Returns the folder of a dataset: ``/`` in its name makes folders, a scope is the outermost."""
    return outdir / name.replace(":", "/")


def first_file(folder: Path) -> Path | None:
    """Returns the first file in a folder that is not hidden, None where there is none."""
    if not folder.is_dir():
        return folder if folder.exists() else None
    found = (one for one in sorted(folder.iterdir()) if not one.name.startswith(".") and not one.is_dir())
    return next(found, None)


def arrange(values: Mapping[str, Json], destinations: Destinations, literals: Path) -> Published:
    """Returns where the outputs of a run go; nothing is moved yet.

    Args:
        values: the output object as the jobs made it.
        destinations: gives the places.
        literals: a folder of the run, where what has no place yet is written.

    Raises:
        UserError: something has a name that is none, or two files of a dataset would have one.
    """
    work = _Arrangement(destinations, literals)
    outputs = {name: work.value(value, name) for name, value in values.items()}
    return Published(outputs, work.moves, work.files, work.unsummed)


class _Arrangement:
    """The moves of a run's outputs while they are being found."""

    def __init__(self, destinations: Destinations, literals: Path) -> None:
        self.moves: list[Publication] = []
        self.files: dict[str, list[Placed]] = {}
        self.unsummed: set[str] = set()
        self._destinations = destinations
        self._literals = literals
        self._written = 0

    def value(self, value: Json, output: str) -> Json:
        """Returns a value with its files where they will be."""
        files = self.files.setdefault(output, [])
        if isinstance(value, list):
            return changed(value, lambda one: self.value(one, output))
        if not isinstance(value, dict):
            return value
        if not is_file_or_directory(value):
            return {key: self.value(one, output) for key, one in value.items()}
        spot = self._destinations.place(output, len(files), basename_of(value), _source(value))
        named = self._destinations.is_dataset(output)
        moved = self._moved(value, spot, output, named=named)
        if named and value["class"] == "File":
            files.append(Placed(moved["path"], int(moved["size"] or 0), moved.get("checksum")))
        return moved

    def _moved(self, value: dict[str, Json], spot: Spot, output: str, *, named: bool) -> dict[str, Json]:
        """Returns a value at its place; it is called as that is where ``named``, else as it was."""
        source, place = _source(value) or self._write(value), spot.path
        size = value.get("size")
        if size is None and value["class"] == "File":
            size = _size(source, place)
        if spot.is_new:
            self.moves.append(
                Publication(output, len(self.moves), source, place, size or 0, value.get("checksum"))
            )
        moved = _at(value, place) | {"basename": Path(place).name if named else basename_of(value)}
        if value["class"] == "File":
            moved["size"] = size
        if value["class"] == "Directory" or value.get("checksum") is None:
            self.unsummed.add(output)
        for derived in ("nameroot", "nameext", "dirname"):
            moved.pop(derived, None)
        if value.get("listing"):
            moved["listing"] = self._listing(value, place, output)
        if value.get("secondaryFiles"):
            moved["secondaryFiles"] = [
                self._moved(entry, self._beside(entry, basename_of(value), place), output, named=named)
                for entry in value["secondaryFiles"]
            ]
        return moved

    def _listing(self, value: dict[str, Json], place: str, output: str) -> list[Json]:
        """Returns the entries of a Directory: they move with it, or one by one where it is a literal."""
        if _source(value) is not None:
            return [_relisted(entry, place) for entry in value["listing"]]
        moved = []
        for entry in value["listing"]:
            inside = self._destinations.free(place, basename_of(entry), _source(entry))
            moved.append(self._moved(entry, inside, output, named=True))
        return moved

    def _beside(self, entry: dict[str, Json], primary: str, place: str) -> Spot:
        """Returns the place of a secondary file: beside its primary, and renamed as that was."""
        name, path = basename_of(entry), Path(place)
        for old, new in ((primary, path.name), (f"{Path(primary).stem}.", f"{path.stem}.")):
            if path.name != primary and name.startswith(old):
                name = new + name[len(old) :]
                break
        return self._destinations.free(str(path.parent), name, _source(entry))

    def _write(self, value: dict[str, Json]) -> str:
        """Writes a literal and returns its path; a resume writes the same again."""
        folder = self._literals / str(self._written)
        self._written += 1
        path = folder / "literal"
        folder.mkdir(parents=True, exist_ok=True)
        if value["class"] == "File":
            path.write_text(value.get("contents") or "", encoding="utf-8")
        else:
            path.mkdir(exist_ok=True)
        return str(path)


def _source(value: Mapping[str, Json]) -> str | None:
    """Returns the path where a File or Directory is, None of a literal."""
    if value.get("path"):
        return str(value["path"])
    location = value.get("location")
    return None if location is None or location.startswith("_:") else to_path(location)


def _paths_in(value: Json) -> Iterator[str]:
    """Yields where the files and folders of a value lie, secondary files too."""
    if isinstance(value, list):
        for one in value:
            yield from _paths_in(one)
    elif isinstance(value, dict):
        path = _source(value) if value.get("class") in ("File", "Directory") else None
        if path is not None:
            yield path
        for one in value.values():
            if isinstance(one, list | dict):
                yield from _paths_in(one)


def _size(source: str, place: str) -> int:
    """Returns the size of a file that is where it was made, or was moved already."""
    return next((path.stat().st_size for path in (Path(source), Path(place)) if path.is_file()), 0)


def basename_of(value: Mapping[str, Json]) -> str:
    """Returns the name of a File or Directory: the one that it is given, else that of its path."""
    return str(value.get("basename") or Path(_source(value) or "literal").name)


def _at(value: dict[str, Json], place: str) -> dict[str, Json]:
    return value | {"location": to_location(place), "path": place}


def _relisted(entry: dict[str, Json], folder: str) -> dict[str, Json]:
    place = f"{folder}/{basename_of(entry)}"
    moved = _at(entry, place)
    if entry.get("listing"):
        moved["listing"] = [_relisted(one, place) for one in entry["listing"]]
    return moved


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
