"""Files that a tool left behind: looked at, kept within bounds, and summed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from helios_wf.cwl.files import Stage, listing, names, sha1, to_location, to_path
from helios_wf.cwl.inputs import change_files
from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause


class Finder:
    """Looks at files in the working directory of an attempt that has ended."""

    def __init__(self, stage: Stage) -> None:
        self.out = stage.folders.out
        self._stage = stage
        self._allowed: set[str] | None = None

    @cached_property
    def _real(self) -> str:
        return os.path.realpath(self.out)

    def see(self, path: str) -> dict[str, Json]:
        """Returns a File or Directory with its place, names and size, if it may be looked at.

        Raises:
            JobError: it leads out of the working directory; ``Cause.UNSAFE_OUTPUT``.
        """
        self.check(path)
        found = os.stat(path)
        kind = "Directory" if stat.S_ISDIR(found.st_mode) else "File"
        value: dict[str, Json] = {"class": kind, "location": to_location(path), **names(path, kind)}
        value.pop("dirname", None)
        if kind == "File":
            value["size"] = found.st_size
        return value

    def check(self, path: str) -> None:
        """Passes if a path is within the working directory, or leads to one of the job's own inputs.

        Raises:
            JobError: it does not (``Cause.UNSAFE_OUTPUT``), or leads nowhere.
        """
        if os.path.dirname(path) == self.out and not os.path.islink(path) and os.path.exists(path):
            _check_kind(path)
            return
        real = os.path.realpath(path)
        if not self._within(real):
            raise JobError(
                Cause.UNSAFE_OUTPUT,
                f"{path!r} leads to {real!r}, which is neither in the attempt's directory nor an input",
            )
        if not os.path.exists(real):
            raise JobError(
                Cause.MISSING_OUTPUT, f"{path!r} leads to {real!r}, which is not there; {self.contents()}"
            )
        _check_kind(real)

    def finish(self, value: dict[str, Json]) -> dict[str, Json]:
        """Returns a File or Directory as it is reported: where it really is, checked, with size and checksum.

        Raises:
            JobError: it is not there, or leads out of the working directory.
        """
        _check_name(value.get("basename"))
        if value["class"] == "File" and value.get("contents") is not None and not _placed(value):
            self._write(value)
        elif value["class"] == "Directory" and value.get("listing") is not None and not _placed(value):
            self._make(value)
        path = self.path_of(value)
        self.check(path)
        value.setdefault("basename", os.path.basename(path))
        path = self._source(path)
        value |= {"location": to_location(path), "path": path}
        value.pop("dirname", None)
        if value["class"] == "File":
            value["nameroot"], value["nameext"] = os.path.splitext(value["basename"])
            value["size"] = os.path.getsize(path)
            value["checksum"] = sha1(path)
        else:
            self._check_below(path)
            if value.get("listing"):
                value["listing"] = [self.finish(dict(each)) for each in value["listing"]]
        if value.get("secondaryFiles"):
            value["secondaryFiles"] = [self.finish(dict(each)) for each in value["secondaryFiles"]]
        elif "secondaryFiles" in value:
            del value["secondaryFiles"]
        return value

    def path_of(self, value: Mapping[str, Json]) -> str:
        """Returns the absolute path of a File or Directory; a relative one lies in the working directory."""
        given = value.get("path") or value.get("location")
        if not isinstance(given, str) or not given:
            raise JobError(
                Cause.MISSING_OUTPUT, f"a {value['class']} of the outputs has no path and no location"
            )
        path = to_path(given) if "://" in given else given
        return self._stage.host(os.path.normpath(os.path.join(self._stage.workdir, path)))

    def host(self, path: str) -> str:
        """Returns where a path is that the tool sees."""
        return self._stage.host(path)

    def contents(self) -> str:
        """Returns what lies in the working directory, for a message."""
        here = sorted(os.listdir(self.out))
        if not here:
            return "the directory is empty"
        more = f" and {len(here) - 10} more" if len(here) > 10 else ""
        return f"there: {', '.join(repr(name) for name in here[:10])}{more}"

    def _within(self, real: str) -> bool:
        if real == self._real or real.startswith(self._real + "/"):
            return True
        if self._allowed is None:
            seen = {*self._stage.sources, *self._stage.sources.values()}
            self._allowed = {os.path.realpath(path) for path in seen}
        # upward, since there may be as many inputs as outputs
        while real not in self._allowed and real != "/":
            real = os.path.dirname(real)
        return real in self._allowed

    def _source(self, path: str) -> str:
        """Returns where a path really is: an input for its staged path, for a link what it leads to."""
        if path in self._stage.sources:
            return self._stage.sources[path]
        if os.path.dirname(path) == self.out and not os.path.islink(path):
            return path
        # a folder on the way may be a link to an input
        real = os.path.realpath(path)
        within = real == self._real or real.startswith(self._real + "/")
        return self.out + real.removeprefix(self._real) if within else real

    def _check_below(self, directory: str) -> None:
        """Checks every symbolic link, and all that is no file, below a directory of the outputs."""
        if not (directory == self.out or directory.startswith(self.out + "/")):
            return
        for folder, folders, files in os.walk(directory):
            for name in (*folders, *files):
                path = f"{folder}/{name}"
                if os.path.islink(path) or not (os.path.isfile(path) or os.path.isdir(path)):
                    self.check(path)

    def _write(self, value: dict[str, Json]) -> None:
        path = self._new(value.get("basename") or "literal")
        Path(path).write_text(value["contents"], encoding="utf-8")
        value["path"] = path
        value.pop("location", None)

    def _make(self, value: dict[str, Json]) -> None:
        """Makes a Directory literal: links to what its listing names."""
        path = self._new(value.get("basename") or "literal")
        os.makedirs(path)
        for each in value["listing"]:
            found = self.finish(dict(each))
            os.symlink(found["path"], f"{path}/{found['basename']}")
        value["path"] = path
        value.pop("location", None)
        value.pop("listing")

    def _new(self, name: str) -> str:
        """Returns a path in the working directory that is not taken, for a literal of that name."""
        name = os.path.basename(name)
        path = f"{self.out}/{name}"
        count = 1
        while os.path.lexists(path):
            count += 1
            root, extension = os.path.splitext(name)
            path = f"{self.out}/{root}_{count}{extension}"
        return path


def _check_kind(path: str) -> None:
    """Passes if something is a file or directory whose name can be told; pipes would be read forever."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise JobError(Cause.UNSAFE_OUTPUT, f"{path!r} is a pipe, socket or device; outputs are files")
    if not path.isprintable() and any("\ud800" <= each <= "\udfff" for each in path):
        raise JobError(Cause.UNSAFE_OUTPUT, f"the name of {path!r} is no UTF-8, which CWL asks for")


def _check_name(name: Json) -> None:
    """Passes if a File or Directory may be called so when it is put somewhere: in a folder, not beside it."""
    if name is not None and (
        not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name
    ):
        text = f"the basename {name!r} of an output leads elsewhere; it must be a plain name"
        raise JobError(Cause.UNSAFE_OUTPUT, text)


def _placed(value: Mapping[str, Json]) -> bool:
    location = value.get("location")
    return bool(value.get("path")) or (isinstance(location, str) and not location.startswith("_:"))


def deep(value: Json) -> Any:
    """Returns outputs as a run's final output object shows them: every Directory with all that it holds.

    Files in a Directory get size and checksum (reports leave them out, since most are never looked at), and
    so do files that no tool made: inputs that are passed on, and what expressions wrote.
    """
    return change_files(value, _deep)


def _deep(value: dict[str, Json]) -> dict[str, Json]:
    if value["class"] == "File" and "path" in value and value.get("checksum") is None:
        value |= {"size": os.path.getsize(value["path"]), "checksum": sha1(value["path"])}
    if value.get("secondaryFiles"):
        value["secondaryFiles"] = deep(value["secondaryFiles"])
    if value["class"] == "Directory" and "path" in value:
        value["listing"] = [_summed(each) for each in listing(value["path"], deep=True)]
    return value


def _summed(value: dict[str, Json]) -> dict[str, Json]:
    if value["class"] == "File":
        return {**value, "checksum": sha1(value["path"])}
    return {**value, "listing": [_summed(each) for each in value["listing"]]}
