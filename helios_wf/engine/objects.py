"""Files and folders that jobs made: whether they are as they were made, and where they are by now.

What lies in the work folder of another run is given a second name in that of the own run, so that nothing
which becomes of that other run touches it; what was published is read where it is.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import NamedTuple

from helios_wf.cwl.files import is_placed, to_location, to_path
from helios_wf.cwl.inputs import change_files
from helios_wf.errors import JobError
from helios_wf.model.noun import Json


class Seen(NamedTuple):
    """What shows whether a file was changed: size in bytes, time of change in ns, inode."""

    size: int
    modified: int
    inode: int
    is_folder: bool = False


def look(path: str) -> Seen | None:
    """Returns what is to be seen of a file or folder, None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    # 63 bits are all that a database has for a number; some file systems use the last one, too
    inode = found.st_ino & (1 << 63) - 1
    return Seen(found.st_size, found.st_mtime_ns, inode, stat.S_ISDIR(found.st_mode))


Whereabouts = Callable[[Iterable[str]], dict[str, Iterable[tuple[str, int]]]]
"""Returns where things were published that lay in some places, and how old (ns) they were there."""


class State(Enum):
    """How outputs of a job are found."""

    THERE = "as they were made"
    CHANGED = "changed since"
    GONE = "not all there any more"


class Objects:
    """The outputs of jobs of all runs.

    Args:
        home: folder of the work folders of all runs.
        whereabouts: returns where things were published.
        look: returns what is to be seen of a path.
        link: gives a file or folder a second name.
    """

    def __init__(
        self,
        home: str,
        whereabouts: Whereabouts,
        look: Callable[[str], Seen | None] = look,
        link: Callable[[str, str], None] | None = None,
    ) -> None:
        self.look = look
        self._runs = f"{home}/runs/"
        self._whereabouts = whereabouts
        self._link = link or second_name
        self._places: dict[str, str] = {}

    def find(self, made: Iterable[tuple[Json, float]]) -> list[State]:
        """Returns how things are that jobs made; where they are is known until the next call.

        Args:
            made: outputs of jobs, with the time (seconds since the epoch) when each was settled.
        """
        self._places = {}
        known = [([*placed_in(value)], at) for value, at in made]
        states = [self._at_first(values, at) for values, at in known]
        lost = [one for one, state in zip(known, states, strict=True) if state is State.GONE]
        self._look_elsewhere(lost)
        return [
            State.THERE if state is State.GONE and self._is_whole(values) else state
            for (values, _), state in zip(known, states, strict=True)
        ]

    def _at_first(self, values: list[dict[str, Json]], at: float) -> State:
        """Looks where things were made."""
        state = State.THERE
        for value in values:
            seen = self.look(path_of(value))
            if seen is None:
                state = State.GONE
            elif not _is_same(value, seen, at):
                return State.CHANGED
            else:
                self._places[path_of(value)] = path_of(value)
        return state

    def _look_elsewhere(self, lost: list[tuple[list[dict[str, Json]], float]]) -> None:
        wanted = {path_of(value) for values, _ in lost for value in values} - self._places.keys()
        places = self._whereabouts(wanted) if wanted else {}
        for values, at in lost:
            for value in values:
                path = path_of(value)
                for place, modified in places.get(path, ()) if path not in self._places else ():
                    seen = self.look(place)
                    if seen is not None and seen.modified == modified and _is_same(value, seen, at):
                        self._places[path] = place
                        break

    def _is_whole(self, values: list[dict[str, Json]]) -> bool:
        return all(path_of(value) in self._places for value in values)

    def brought(self, value: Json, folder: str) -> Json:
        """Returns what a job made with everything where it is now; what is gone is where it was.

        Args:
            value: the outputs.
            folder: gets second names of what lies in the work folder of another run.

        Raises:
            OSError: something went away meanwhile.
        """
        # the names in the folders of two attempts may be the same
        roots: dict[str, str] = {}

        def bring(value: dict[str, Json]) -> dict[str, Json]:
            place = self._places.get(path_of(value)) if is_placed(value) else None
            if place is not None:
                value = moved(value, self._own(path_of(value), place, folder, roots))
            elif value.get("listing") and not is_placed(value):
                value["listing"] = [bring(dict(one)) for one in value["listing"]]
            if value.get("secondaryFiles"):
                value["secondaryFiles"] = [bring(dict(one)) for one in value["secondaryFiles"]]
            return value

        return change_files(value, bring)

    def _own(self, path: str, place: str, folder: str, roots: dict[str, str]) -> str:
        """Returns where the run has something that was made at a path and is in a place now."""
        if not path.startswith(self._runs) or not place.startswith(self._runs):
            return place
        made = path[len(self._runs) :]
        attempt, out, below = made.partition(OUT) if OUT in made else made.rpartition("/")
        root = roots.setdefault(attempt, f"{folder}/{len(roots) + 1}" if roots else folder)
        own = f"{root}{out}{below}"
        self._link(place, own)
        return own


OUT = "/out/"
"""In the path of what a job made, what stands between the folder of its attempt and the name."""


def second_name(path: str, place: str) -> None:
    """Gives a file, or all files of a folder, second names; a copy where that cannot be."""
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if os.path.isdir(path):
        shutil.copytree(path, place, symlinks=True, copy_function=_second, dirs_exist_ok=True)
    else:
        _second(path, place)


def _second(path: str, place: str) -> None:
    try:
        os.link(path, place)
    except FileExistsError:
        # of a transaction that was not kept
        os.unlink(place)
        os.link(path, place)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(path, place)


def moved(value: dict[str, Json], place: str) -> dict[str, Json]:
    """Returns a File or Directory that lies in another place, with what is listed below it."""
    found = {**value, "path": place, "location": to_location(place)}
    if value.get("listing"):
        found["listing"] = [
            moved(one, f"{place}/{one.get('basename') or os.path.basename(path_of(one))}")
            for one in value["listing"]
        ]
    return found


def _is_same(value: dict[str, Json], seen: Seen, at: float) -> bool:
    """Says whether something is as it was made: nothing of it is younger than its record."""
    if (value["class"] == "Directory") != seen.is_folder or seen.modified > at * 1e9:
        return False
    if seen.is_folder:
        return all(modified <= at * 1e9 for _, _, modified in below(path_of(value)))
    return "size" not in value or value["size"] == seen.size


def below(folder: str) -> Iterator[tuple[str, int, int]]:
    """Yields what lies below a folder: relative path, size and time of change (ns), in order.

    Files are seen through links, as a tool sees them; a folder has ``/`` at its end.  One behind a link is
    not gone into: it may lead anywhere.
    """
    for here, folders, files in os.walk(folder):
        folders.sort()
        for name in folders:
            path = os.path.join(here, name)
            modified = _stat(path).st_mtime_ns if os.path.islink(path) else 0
            yield os.path.relpath(path, folder) + "/", 0, modified
        for name in sorted(files):
            path = os.path.join(here, name)
            found = _stat(path)
            yield os.path.relpath(path, folder), found.st_size, found.st_mtime_ns


def _stat(path: str) -> os.stat_result:
    """Returns what is to be seen through a link; where that leads nowhere, of the link."""
    try:
        return os.stat(path)
    except OSError:
        return os.lstat(path)


def path_of(value: dict[str, Json]) -> str:
    """Returns where a File or Directory is; its location where that is no file."""
    if value.get("path"):
        return str(value["path"])
    try:
        return to_path(value["location"])
    except JobError:
        return str(value["location"])


def placed_in(value: Json) -> Iterator[dict[str, Json]]:
    """Yields the Files and Directories of a value that lie somewhere, secondary files too."""
    if isinstance(value, list):
        for one in value:
            yield from placed_in(one)
    elif isinstance(value, dict):
        if value.get("class") not in ("File", "Directory"):
            for one in value.values():
                yield from placed_in(one)
            return
        is_here = is_placed(value)
        if is_here:
            yield value
        elif value.get("listing"):
            yield from placed_in(value["listing"])
        if value.get("secondaryFiles"):
            yield from placed_in(value["secondaryFiles"])
