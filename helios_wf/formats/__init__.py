"""Event formats: probe, read, write and merge files of events.  The only door to pyarrow, uproot and h5py.

    layout = probe("run7.parquet")                      # events, columns, clusters
    with read("run7.parquet", 1000, 2000, columns=["energy"], filter="energy > 80") as batches:
        for batch in batches: ...                       # pyarrow record batches, bounded memory
        write("out.csv", batches, batches.schema)
    merge(["a.csv", "b.csv"], "ab.csv")                 # ordered, streaming

An event is a row; positions count from 0 and ranges are ``[first, stop)``.  Nothing heavy is imported until
a file is opened.

- CSV (and TSV): a header, RFC 4180 quoting, UTF-8, LF or CRLF.  Types come from the first rows and hold for
  every range; a later value that does not fit is an error with its line.  Empty lines are no rows.
- Lines: a line, also an empty one, is an event; its text is the column ``line``.  JSON lines: an object is
  an event.
- Event map: ``{"isr": {"0": "payload", ...}}``; rows are payloads (text, else JSON as text).
  ``table`` chooses one.
- ROOT: a TTree or an RNTuple; jagged columns are lists.  HDF5: datasets of equal length in a group, or a
  compound dataset; the events are axis 0.
- Gzipped text is read from its start.
"""

from __future__ import annotations

from helios_wf.formats.batches import BATCH_EVENTS
from helios_wf.formats.checksums import checksum
from helios_wf.formats.merging import merge
from helios_wf.formats.names import FORMATS, Format, extension_of, format_of, near_extension
from helios_wf.formats.reading import build_index, check_table, first_fault, probe, read, survey
from helios_wf.formats.recognition import recognise
from helios_wf.formats.records import record_table, write_records
from helios_wf.formats.row_index import RowIndex
from helios_wf.formats.whole import whole_file
from helios_wf.formats.writing import write

__all__ = [
    "BATCH_EVENTS",
    "FORMATS",
    "Format",
    "RowIndex",
    "build_index",
    "check_table",
    "checksum",
    "extension_of",
    "first_fault",
    "format_of",
    "merge",
    "near_extension",
    "probe",
    "read",
    "recognise",
    "record_table",
    "survey",
    "whole_file",
    "write",
    "write_records",
]
