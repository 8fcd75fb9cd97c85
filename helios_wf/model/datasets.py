"""Datasets and the files of events in them."""

from __future__ import annotations

from helios_wf.model.noun import Json, Noun
from helios_wf.states import DatasetState


class Column(Noun, frozen=True):
    """One column of a table of events; ``type`` in Arrow's words (``double``, ``int64``, ``list<float>``)."""

    name: str
    type: str


class Layout(Noun, frozen=True):
    """What ``formats.probe`` learns of a file.

    ``clusters`` are the stored boundaries inside the file, ascending, from 0 to ``n_events`` inclusive
    (``(0, 100, 200)``: two clusters); empty where the format has none.  ``counted_by`` is ``metadata`` or
    ``scan``.  A file that is not ``seekable`` can only be read from its start: it is one event range.
    """

    format: str
    n_events: int
    columns: tuple[Column, ...] = ()
    clusters: tuple[int, ...] = ()
    table: str | None = None
    seekable: bool = True
    counted_by: str = "metadata"


class EventFile(Noun, frozen=True):
    """One file of a dataset.

    ``path`` is absolute; ``size`` in bytes; ``checksum`` as ``sha1$...``, ``md5$...`` or ``adler32$...``;
    ``layout`` is None for a file that is not a file of events (a calibration, a log).
    """

    path: str
    size: int
    checksum: str | None = None
    layout: Layout | None = None


class Dataset(Noun, frozen=True):
    """A named, ordered set of files with metadata."""

    name: str
    state: DatasetState
    files: tuple[EventFile, ...] = ()
    meta: dict[str, Json] = {}
    run: str | None = None
    """The run that published it, if one did."""
