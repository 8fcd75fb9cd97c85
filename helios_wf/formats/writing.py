"""Write events into a new file of any format."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from helios_wf.errors import FileFormatError
from helios_wf.formats.columns import difference
from helios_wf.formats.names import FORMATS, Format, format_named, format_of, near_extension
from helios_wf.formats.opening import not_written
from helios_wf.formats.port import Writing
from helios_wf.formats.reading import module_of
from helios_wf.formats.whole import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

CLUSTER_EVENTS = 131_072


def write(
    path: str | os.PathLike[str],
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    *,
    format: str | None = None,
    table: str = "events",
    cluster_events: int = CLUSTER_EVENTS,
) -> int:
    """Writes events to a new file, in the format its name says, and returns their number.

    The bytes depend on the events alone, not on how they come in batches.  ``cluster_events`` is the size of
    a row group, record batch, cluster or chunk; ``table`` names the tree (ROOT) or group (HDF5).  The file
    gets its name when it is whole; when anything fails, what was there before is as it was.

    Raises:
        FileFormatError: the name says no format, the format cannot hold a column, or a batch has another
            schema.
        EventFileError: the system cannot write the file (no such folder, a full disk).
        MissingExtraError: the format needs a package that is not installed.
    """
    target = str(path)
    made = writable(target, format)
    if cluster_events < 1:
        raise FileFormatError(f"{target}: clusters of {cluster_events} events; give at least 1")
    try:
        with whole_file(target) as place:
            return module_of(made).write_file(
                target, made, schema, _checked(target, batches, schema), Writing(place, table, cluster_events)
            )
    except OSError as error:
        raise not_written(target, error) from None


def writable(path: str, format: str | None) -> Format:
    """Returns the format to write a file in.

    Raises:
        FileFormatError: its name says none.
        EventFileError: its folder does not exist.
    """
    name = format or format_of(path)
    if name is None:
        known = ", ".join(FORMATS)
        hint = near_extension(path)
        raise FileFormatError(f"{path}: its name says no event format{hint}; give one of: {known}")
    made = format_named(name)
    if not Path(path).absolute().parent.is_dir():
        raise not_written(path, FileNotFoundError(errno.ENOENT, ""))
    return made


def _checked(path: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if batch.schema != schema:
            differs = difference(schema, batch.schema)
            if differs:
                raise FileFormatError(f"{path}: a batch to be written {differs}")
            batch = batch.cast(schema)
        yield batch
