"""The event formats: their names, and which file names mean which."""

from __future__ import annotations

from helios_wf.errors import FileFormatError, MissingExtraError, did_you_mean, nearest
from helios_wf.model.noun import Noun


class Format(Noun, frozen=True):
    """One event format.

    ``extensions`` are those its files may have; ``words`` name it in messages; ``module`` is the module of
    this package that reads and writes it; ``package`` and ``extra`` name what it needs beyond the core.
    """

    name: str
    words: str
    module: str
    extensions: tuple[str, ...]
    package: str | None = None
    extra: str | None = None


FORMATS: dict[str, Format] = {
    made.name: made
    for made in (
        Format("csv", "comma-separated values", "csv_read", (".csv", ".csv.gz")),
        Format("tsv", "tab-separated values", "csv_read", (".tsv", ".tsv.gz")),
        Format("jsonl", "JSON lines", "jsonl", (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")),
        Format(
            "lines", "lines of text", "lines", (".txt", ".txt.gz", ".log", ".log.gz", ".lines", ".lines.gz")
        ),
        Format("parquet", "Parquet", "parquet", (".parquet", ".pq", ".parq")),
        Format("arrow", "an Arrow IPC file", "arrow_ipc", (".arrow", ".feather", ".ipc")),
        Format("arrows", "an Arrow IPC stream", "arrow_ipc", (".arrows",)),
        Format("root", "ROOT", "root_read", (".root",), package="uproot", extra="root"),
        Format("rntuple", "ROOT with an RNTuple", "root_read", (), package="uproot", extra="root"),
        Format("hdf5", "HDF5", "hdf5", (".h5", ".hdf5", ".he5"), package="h5py", extra="hdf5"),
        Format("eventmap", "an event map", "event_map", (".json",)),
    )
}
"""All formats by name.  ``rntuple`` is asked for by name, to be written; a read file of it is ``root``."""

TABLES = frozenset({"root", "rntuple", "hdf5", "eventmap", "parquet"})
"""Formats whose files may be asked for a table by name (a Parquet file is whatever table is asked for)."""

TEXT = frozenset({"csv", "tsv", "jsonl", "lines"})
"""Formats whose rows end with a newline, plain or gzipped."""

_BY_EXTENSION = {extension: made.name for made in FORMATS.values() for extension in made.extensions}


def extension_of(name: str) -> str:
    """Returns the extension of a file name that says its format (``.csv.gz``), or its last one, or ``""``."""
    last = name.rpartition("/")[2].lower()
    dots = [place for place, letter in enumerate(last) if letter == "." and place > 0]
    for place in dots[-2:]:
        if last[place:] in _BY_EXTENSION:
            return last[place:]
    return last[dots[-1] :] if dots else ""


def format_of(name: str) -> str | None:
    """Returns the format that a file's name says (``csv`` of ``a/b.csv.gz``), or None."""
    return _BY_EXTENSION.get(extension_of(name))


def near_extension(name: str) -> str:
    """Returns ``; did you mean '.csv'?`` for an extension that is much like one of a format, else ``""``."""
    near = nearest(extension_of(name), _BY_EXTENSION, likeness=0.7)
    return f"; did you mean {near!r}?" if near and format_of(name) is None else ""


def format_named(name: str) -> Format:
    """Returns a format by its name.

    Raises:
        FileFormatError: there is none of that name.
    """
    try:
        return FORMATS[name]
    except KeyError:
        hint = did_you_mean(name, FORMATS)
        raise FileFormatError(f"no event format named {name!r}{hint}") from None


def missing_extra(made: Format, path: object) -> MissingExtraError:
    """Returns the error for a format whose package is not installed."""
    return MissingExtraError(f"{path}: {made.words}", made.package or "", made.extra or "")
