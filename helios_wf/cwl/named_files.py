"""The files that a document names itself, such as a tool's script: their content is part of its meaning."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from helios_wf.cwl.cwl_types import local_path
from helios_wf.model import Json, digest

LARGE_BYTES = 16 * 1024 * 1024
"""A larger file is taken as unchanged while its size and time are; a smaller one is read each time."""

SETTLED_NS = 2_000_000_000
"""A file younger than this may change without its time changing."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


def named_file(value: Mapping[str, Json]) -> str | None:
    """Returns the path of a File or Directory that a document names; None of anything else."""
    location = value.get("location")
    if value.get("class") not in ("File", "Directory") or not isinstance(location, str):
        return None
    return local_path(location)


def named_files(value: Json) -> Iterator[str]:
    """Yields the paths of the files and folders in a value, at any depth."""
    if isinstance(value, dict):
        path = named_file(value)
        if path is not None:
            yield path
        yield from named_files(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from named_files(item)


def content(path: str) -> str:
    """Returns the SHA-256 of a file, or the digest of a folder's names and files.

    It is empty for what cannot be read or is no regular file; links in a folder to folders are not followed.
    """
    place = Path(path)
    try:
        if place.is_dir():
            inner = (one for one in sorted(place.iterdir()) if not (one.is_symlink() and one.is_dir()))
            return digest([[one.name, content(str(one))] for one in inner])
        if not place.is_file():
            return ""
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def stamp(path: str) -> Stamp | None:
    """Returns what tells without reading it that a large file is unchanged; None of any other."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    settled = time.time_ns() - found.st_mtime_ns > SETTLED_NS
    large = Path(path).is_file() and found.st_size > LARGE_BYTES
    return (found.st_size, found.st_mtime_ns) if large and settled else None
