"""File and Directory values: locations, paths, names, listings, and where an attempt puts things."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause

CONTENTS_LIMIT = 64 * 1024
"""Most bytes that ``loadContents`` reads.  Source: CWL v1.2, section 4.1."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where an attempt lives: its own directory, and in it the tool's working and temporary directories."""

    directory: str
    handle: str = field(default="", kw_only=True)
    """What names the attempt."""
    environment: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """What the attempt's backend sets for the tool."""
    beside: tuple[str, ...] = field(default=(), kw_only=True)
    """Other folders that the tool reads and writes."""
    scratch: str | None = None
    """Where ``tmp`` is, if not in ``directory``."""

    @property
    def out(self) -> str:
        """The tool's working directory, where its outputs are."""
        return f"{self.directory}/out"

    @property
    def tmp(self) -> str:
        """The tool's temporary directory."""
        return self.scratch or f"{self.directory}/tmp"

    @property
    def inputs(self) -> str:
        """Where inputs are staged that cannot be given by their own path."""
        return f"{self.directory}/inputs"


@dataclass(slots=True)
class Stage:
    """What an attempt has staged so far; ``sources`` are the real paths of its inputs."""

    folders: Folders
    sources: dict[str, str] = field(default_factory=dict)
    """Path that the tool sees: the path where the input really is."""
    count: int = 0
    workdir: str = ""
    """Where the tool sees its working directory; at first where it is."""
    mounts: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """Absolute path that the tool sees in its container: the path where it is, and whether it is writable."""
    takes_absolute: bool = False
    """Whether things can be put at absolute paths, because a container is required."""

    def __post_init__(self) -> None:
        self.workdir = self.workdir or self.folders.out

    def host(self, path: str) -> str:
        """Returns where a path is that the tool sees."""
        if path in self.mounts:
            return self.mounts[path][0]
        return _moved(path, self.workdir, self.folders.out)

    def seen(self, path: str) -> str:
        """Returns where the tool sees a path."""
        return _moved(path, self.folders.out, self.workdir)

    def folder(self) -> str:
        """Makes and returns a new folder below ``inputs``."""
        self.count += 1
        path = f"{self.folders.inputs}/{self.count}"
        os.makedirs(path)
        return path


def _moved(path: str, before: str, after: str) -> str:
    if before != after and (path == before or path.startswith(before + "/")):
        return after + path[len(before) :]
    return path


def to_location(path: str) -> str:
    """Returns the ``file://`` location of an absolute path."""
    return "file://" + quote(path, safe="/~")


def to_path(location: str) -> str:
    """Returns the path of a location (or of a plain path).

    Raises:
        JobError: the location has a scheme that is not read here.
    """
    if location.startswith("/"):
        return location
    parts = urlsplit(location)
    if parts.scheme != "file":
        raise JobError(
            Cause.BAD_INPUT, f"cannot read {location!r}; locations must be file:// or absolute paths"
        )
    return unquote(parts.path)


def is_file_or_directory(value: Json) -> bool:
    """Returns whether a value is a File or Directory object."""
    return isinstance(value, Mapping) and value.get("class") in ("File", "Directory")


def is_placed(value: Mapping[str, Json]) -> bool:
    """Returns whether a File or Directory lies somewhere; a literal does not, whatever ``_:name`` it has."""
    location = value.get("location")
    return "path" in value or (location is not None and not str(location).startswith("_:"))


def names(path: str, kind: str) -> dict[str, Json]:
    """Returns the fields of a File or Directory that follow from its path."""
    directory, basename = os.path.split(path)
    if kind == "Directory":
        return {"path": path, "basename": basename}
    root, extension = os.path.splitext(basename)
    return {"path": path, "basename": basename, "dirname": directory, "nameroot": root, "nameext": extension}


def localise(value: Mapping[str, Json], stage: Stage, name: str) -> dict[str, Json]:
    """Returns a File or Directory with its path, names and size; stages it where its name or siblings ask.

    Args:
        value: as the input object has it; not changed.
        stage: where to stage, and what was.
        name: the input's, for messages.

    Raises:
        JobError: it is not there, or is not what its class says; ``Cause.BAD_INPUT``.
    """
    if not is_placed(value):
        return _literal(value, stage, name, None)
    source = _source(value, name)
    siblings = value.get("secondaryFiles") or ()
    beside = os.path.dirname(source)
    stands = _stands(value, source) and all(_beside(sibling, beside) for sibling in siblings)
    return _placed(value, source, None if stands else stage.folder(), stage, name)


def described(value: Mapping[str, Json]) -> dict[str, Json]:
    """Returns a File or Directory with its names and size, as it stands: nothing is staged or checked."""
    given = value.get("location") or value.get("path")
    below = {
        key: [described(each) for each in value[key]]
        for key in ("listing", "secondaryFiles")
        if value.get(key)
    }
    if not given or str(given).startswith("_:"):
        return {**value, **below}
    path = to_path(given)
    found = {"location": to_location(path), **names(path, value["class"]), **value, **below}
    if value["class"] == "File" and "size" not in value and os.path.isfile(path):
        found["size"] = os.path.getsize(path)
    return found


def _placed(
    value: Mapping[str, Json], source: str, folder: str | None, stage: Stage, name: str
) -> dict[str, Json]:
    """Returns the value at its own place (no folder), or linked into a folder, with its secondary files."""
    path = source
    if folder is not None:
        path = f"{folder}/{value.get('basename') or os.path.basename(source)}"
        if not os.path.lexists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(source, path)
    found = {**value, "location": to_location(source), **names(path, value["class"])}
    found["size" if value["class"] == "File" else "class"] = _check(source, value["class"], name)
    stage.sources[path] = source
    if value.get("secondaryFiles"):
        found["secondaryFiles"] = [
            _literal(each, stage, name, folder)
            if not is_placed(each)
            else _placed(each, _source(each, name), folder, stage, name)
            for each in value["secondaryFiles"]
        ]
    return found


def _stands(value: Mapping[str, Json], source: str) -> bool:
    basename = value.get("basename")
    return basename is None or basename == os.path.basename(source)


def _beside(value: Mapping[str, Json], folder: str) -> bool:
    if not is_placed(value):
        return False
    source = to_path(value.get("location") or value["path"]).rstrip("/")
    return os.path.dirname(source) == folder and _stands(value, source)


def _source(value: Mapping[str, Json], name: str) -> str:
    source = to_path(value.get("location") or value["path"])
    if not source.startswith("/"):
        raise JobError(Cause.BAD_INPUT, f"input {name!r}: {source!r} is not absolute")
    return source.rstrip("/") or "/"


def _check(path: str, kind: str, name: str) -> Json:
    """Returns the size of a file, or ``Directory``."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise JobError(
            Cause.BAD_INPUT, f"input {name!r}: {kind} {path!r} cannot be read: {error.strerror}"
        ) from None
    if stat.S_ISDIR(found.st_mode) != (kind == "Directory"):
        other = "a directory" if kind == "File" else "not a directory"
        raise JobError(Cause.BAD_INPUT, f"input {name!r}: {path!r} is {other}; its class is {kind}")
    return found.st_size if kind == "File" else kind


def _literal(value: Mapping[str, Json], stage: Stage, name: str, folder: str | None) -> dict[str, Json]:
    """Returns a File literal written out, or a Directory literal built from its listing."""
    if value["class"] == "File" and value.get("contents") is None:
        raise JobError(Cause.BAD_INPUT, f"input {name!r}: a File needs a location, a path or contents")
    folder = folder or stage.folder()
    path = f"{folder}/{os.path.basename(value.get('basename') or '') or f'literal-{stage.count}'}"
    found = {**value, "location": to_location(path), **names(path, value["class"])}
    if value["class"] == "File":
        Path(path).write_text(value["contents"], encoding="utf-8")
        found["size"] = os.path.getsize(path)
        if value.get("secondaryFiles"):
            found["secondaryFiles"] = [localise(each, stage, name) for each in value["secondaryFiles"]]
    else:
        os.makedirs(path, exist_ok=True)
        found["listing"] = [_listed(each, path, stage, name) for each in value.get("listing") or ()]
    stage.sources[path] = path
    return found


def _listed(value: Mapping[str, Json], folder: str, stage: Stage, name: str) -> dict[str, Json]:
    if not is_placed(value):
        return _literal(value, stage, name, folder)
    return _placed(value, _source(value, name), folder, stage, name)


def contents(path: str, name: str) -> str:
    """Returns the contents of a file.

    Raises:
        JobError: it is larger than 64 KiB, is no UTF-8 text, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(CONTENTS_LIMIT + 1)
    except OSError as error:
        raise JobError(Cause.BAD_INPUT, f"{name!r}: {path!r} cannot be read: {error.strerror}") from None
    if len(data) > CONTENTS_LIMIT:
        text = f"loadContents reads at most 64 KiB, and {path!r} has {os.path.getsize(path):,} bytes"
        raise JobError(Cause.BAD_INPUT, f"{name!r}: {text}; let a tool read it")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise JobError(Cause.BAD_INPUT, f"{name!r}: loadContents needs UTF-8 text; {path!r} is not") from None


def listing(path: str, deep: bool) -> list[dict[str, Json]]:
    """Returns the entries of a directory, in the order of their names; with ``deep`` those below too."""
    entries: list[dict[str, Json]] = []
    for entry in sorted(os.scandir(path), key=lambda each: each.name):
        kind = "Directory" if entry.is_dir() else "File"
        found: dict[str, Json] = {
            "class": kind,
            "location": to_location(entry.path),
            **names(entry.path, kind),
        }
        if kind == "File":
            found["size"] = entry.stat().st_size
        elif deep:
            found["listing"] = listing(entry.path, deep)
        entries.append(found)
    return entries


def sha1(path: str) -> str:
    """Returns the SHA-1 checksum of a file, as ``sha1$...``."""
    with open(path, "rb") as file:
        return "sha1$" + hashlib.file_digest(file, "sha1").hexdigest()


def secondary_name(basename: str, pattern: str) -> str:
    """Returns the name of a secondary file: each ``^`` takes one extension off, the rest is added.

    Source: CWL v1.2, section 5.1.3 (SecondaryFileSchema).
    """
    while pattern.startswith("^"):
        root, dot, _ = basename.rpartition(".")
        if not dot:
            return basename + pattern.lstrip("^")
        basename, pattern = root, pattern[1:]
    return basename + pattern
