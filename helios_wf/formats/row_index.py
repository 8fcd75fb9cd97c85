"""A sparse index of a text file: at which byte some of its rows start."""

from __future__ import annotations

import bisect
import os

import msgspec

from helios_wf.errors import FileFormatError
from helios_wf.model.noun import Noun


class RowIndex(Noun, frozen=True):
    """Row ``rows[i]`` of a text file of ``size`` bytes starts at byte ``offsets[i]``.

    Both ascend, about one entry for every 4 MiB; ``n_events`` is the number of all rows.
    """

    format: str
    size: int
    n_events: int
    rows: tuple[int, ...]
    offsets: tuple[int, ...]

    def before(self, row: int) -> tuple[int, int]:
        """Returns the nearest indexed row at or before a row, and its byte offset."""
        place = bisect.bisect_right(self.rows, row) - 1
        return self.rows[place], self.offsets[place]

    def to_json(self) -> bytes:
        """Returns the index as JSON, for a sidecar or a catalogue."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> RowIndex:
        """Returns the index that ``to_json`` wrote.

        Raises:
            FileFormatError: the text is no such index.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise FileFormatError(f"this is no row index: {error}; make one by probing the file") from None

    def check(self, path: str | os.PathLike[str], size: int) -> None:
        """Checks that the file is still as long as when it was indexed.

        Raises:
            FileFormatError: it is not.
        """
        if size != self.size:
            raise FileFormatError(
                f"{path}: has {size} bytes, its row index was made for {self.size}; probe the file again"
            )
