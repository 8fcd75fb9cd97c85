"""What files hold, and where the rows of large text files start; asked of each file once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from helios_wf import formats
from helios_wf.cwl.files import to_location
from helios_wf.errors import EventFileError
from helios_wf.model import Dataset, Layout, digest
from helios_wf.model.noun import Json

MIN_INDEXED = 32 * 2**20
"""Smaller files (in bytes) get no row index: a scan costs less than a file more."""


class Layouts:
    """What files hold: from the catalogue where it knows, else from the files themselves; asked once each.

    Args:
        probed: what another process learned from files themselves.
    """

    def __init__(self, probed: Iterable[tuple[str, str | None, Layout]] = ()) -> None:
        self._known: dict[tuple[str, str | None], Layout] = {}
        self._probed = {(path, table): layout for path, table, layout in probed}
        self._indexes: dict[str, Json] = {}

    @property
    def probed(self) -> list[tuple[str, str | None, Layout]]:
        """What was learned from files themselves: path, table asked for, and layout."""
        return [(path, table, layout) for (path, table), layout in self._probed.items()]

    def learn(self, known: Iterable[Dataset]) -> None:
        """Takes what is known of the files of datasets."""
        for dataset in known:
            for file in dataset.files:
                if file.layout is not None:
                    self._known[file.path, None] = self._known[file.path, file.layout.table] = file.layout

    def of(self, path: str, table: str | None) -> Layout:
        """Returns the layout of a file.

        Raises:
            EventFileError: it cannot be read as events.
        """
        found = self._known.get((path, table)) or self._probed.get((path, table))
        if found is None:
            found = self._probed[path, table] = formats.probe(path, table=table)
        return found

    def index_of(self, folder: Path, path: str) -> Json:
        """Returns the row index of a text file as a CWL File; None where that would spare nothing.

        Args:
            folder: where row indexes are kept, each named by path, size and time of its file.
            path: the file of events.
        """
        if path not in self._indexes:
            try:
                self._indexes[path] = _row_index(folder, path)
            except (EventFileError, OSError):
                # it would only spare time: the tool reads the file itself, and says what is wrong with it
                self._indexes[path] = None
        return self._indexes[path]


def _row_index(folder: Path, path: str) -> Json:
    stat = Path(path).stat()
    if stat.st_size < MIN_INDEXED:
        return None
    kept = folder / f"{digest([path, stat.st_size, stat.st_mtime_ns])}.json"
    if not kept.exists():
        index = formats.build_index(path)
        if index is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(index.to_json())
        temporary.rename(kept)
    return {"class": "File", "location": to_location(str(kept)), "path": str(kept), "basename": kept.name}
