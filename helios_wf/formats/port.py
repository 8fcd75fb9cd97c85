"""What every format module offers: a source of events, and a way to write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from helios_wf.formats.batches import BATCH_EVENTS
from helios_wf.formats.columns import Types
from helios_wf.formats.names import Format
from helios_wf.formats.row_index import RowIndex
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.filters import Node


@dataclass(frozen=True)
class Opening:
    """How a file is opened; a format ignores what it has no use for.

    ``table`` chooses one of several tables; ``types`` are column types over the inferred ones; ``index``
    spares counting rows; ``dictionaries`` are text columns wanted dictionary-encoded.
    """

    table: str | None = None
    types: Types | None = None
    index: RowIndex | None = None
    dictionaries: Sequence[str] = ()


@dataclass(frozen=True)
class Wanted:
    """What is read of an open file: events ``[first, stop)``, some columns, in batches of at most so many.

    ``condition`` may be used to leave out what it surely does not hold for; it is applied later anyway.
    """

    first: int
    stop: int | None
    columns: Sequence[str]
    batch_events: int = BATCH_EVENTS
    use_threads: bool = False
    condition: Node | None = None


@dataclass(frozen=True)
class Writing:
    """How a file is written: where its bytes go, the name of its table, how many events make a cluster.

    ``place`` has the base name that the file will have; messages name the file, not the place.
    """

    place: str
    table: str = "events"
    cluster_events: int = 131_072


class Source(Protocol):
    """An open file of events."""

    schema: pa.Schema

    def layout(self) -> Layout:
        """Returns what there is to know of the file; may scan a text file."""

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields what is wanted, batches with exactly the wanted columns."""

    def close(self) -> None:
        """Closes the file."""


class FormatModule(Protocol):
    """A module that reads and writes one or a few formats."""

    def open_source(self, path: str, made: Format, opening: Opening) -> Source:
        """Opens a file; raises an EventFileError that says what is wrong with it."""

    def write_file(
        self, path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
    ) -> int:
        """Writes the file that will be ``path`` to ``writing.place`` and returns the number of events."""
