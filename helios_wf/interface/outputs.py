"""What a run gave, in Python: files that know how to be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlsplit

from helios_wf import formats
from helios_wf.formats.batches import Batches
from helios_wf.model.noun import Json

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.model import Layout

Output: TypeAlias = Any
"""A value of an output: a File, a Directory, a plain value, or a list or dict of such."""


class Directory:
    """A directory that a run gave; it can be used wherever Python takes a path.

    Attributes:
        path: where it is.
        cwl: the CWL object that it was made of.
    """

    def __init__(self, cwl: dict[str, Json]) -> None:
        self.cwl = cwl
        self.path = path_of(cwl)

    @property
    def basename(self) -> str:
        """Its name."""
        return str(self.cwl.get("basename") or self.path.name)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Directory) and other.cwl == self.cwl

    def __hash__(self) -> int:
        return hash(self.path)


class File(Directory):
    """A file that a run gave; it can be used wherever Python takes a path, such as ``open(file)``.

    Its events, where it has any, come as Arrow: all at once (``to_arrow``), or batch by batch (``batches``).
    """

    @property
    def size(self) -> int:
        """Its size in bytes."""
        size = self.cwl.get("size")
        return int(size) if size is not None else self.path.stat().st_size

    @property
    def checksum(self) -> str | None:
        """Its checksum as CWL writes it, ``sha1$...``; None where none was made."""
        return self.cwl.get("checksum")

    @property
    def format(self) -> str | None:
        """Its format as its document says it, an IRI; None where it says none."""
        return self.cwl.get("format")

    @property
    def secondary_files(self) -> list[File | Directory]:
        """The files that go with it."""
        return [of_cwl(one) for one in self.cwl.get("secondaryFiles") or []]

    def layout(self, table: str | None = None) -> Layout:
        """Returns what it holds (``n_events``, ``columns``, ``format``), by its metadata where it has any.

        Args:
            table: which of its tables, for a file with several (a tree of ROOT, a group of HDF5).

        Raises:
            EventFileError: it holds no events, or several tables.
            MissingExtraError: its format needs a package that is not installed.
        """
        return formats.probe(self.path, table=table)

    def to_arrow(
        self,
        first: int = 0,
        stop: int | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: str | None = None,
        table: str | None = None,
    ) -> pa.Table:
        """Returns its events as an Arrow table, in memory; ``.to_pandas()`` makes a data frame of it.

        Args:
            first: the first event, counted from 0.
            stop: the event before which it ends; None: all.
            columns: only these; None: all.
            filter: only events for which this holds, such as ``"energy > 80 and status == 'active'"``.
            table: which of its tables, for a file with several.

        Raises:
            EventFileError: it holds no events, or cannot be read.
            FilterError: the filter names an unknown column, or compares what does not compare.
            MissingExtraError: its format needs a package that is not installed.
        """
        with self.batches(first, stop, columns=columns, filter=filter, table=table) as found:
            return found.read_all()

    def batches(
        self,
        first: int = 0,
        stop: int | None = None,
        *,
        columns: Sequence[str] | None = None,
        filter: str | None = None,
        table: str | None = None,
    ) -> Batches:
        """Returns its events as Arrow record batches, in little memory; they have a ``schema``.

        Takes and raises what ``to_arrow`` does.
        """
        return formats.read(self.path, first, stop, columns=columns, filter=filter, table=table)

    def json(self) -> Json:
        """Returns the JSON value in it.

        Raises:
            ValueError: it is no JSON.
        """
        with self.path.open(encoding="utf-8") as text:
            return json.load(text)

    def text(self) -> str:
        """Returns the text in it."""
        return self.path.read_text(encoding="utf-8")


def from_cwl(value: Json) -> Output:
    """Returns a CWL value with Files and Directories as objects, at any depth."""
    if isinstance(value, list):
        return [from_cwl(one) for one in value]
    if isinstance(value, dict):
        if value.get("class") in ("File", "Directory"):
            return of_cwl(value)
        return {key: from_cwl(one) for key, one in value.items()}
    return value


def of_cwl(value: dict[str, Json]) -> File | Directory:
    """Returns a CWL File or Directory as an object."""
    return File(value) if value["class"] == "File" else Directory(value)


def path_of(value: dict[str, Json]) -> Path:
    """Returns where a File or Directory is."""
    if value.get("path"):
        return Path(value["path"])
    return Path(unquote(urlsplit(str(value.get("location", ""))).path))


def files_in(value: Output) -> list[File]:
    """Returns the files in a value, in order; those of nested lists too."""
    if isinstance(value, File):
        return [value]
    if isinstance(value, list):
        return [file for one in value for file in files_in(one)]
    if isinstance(value, dict):
        return [file for one in value.values() for file in files_in(one)]
    return []
