"""Checksums of the inputs of runs, so that they are known by content: each file is read once at most."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice

from helios_wf.cwl.files import sha1
from helios_wf.engine.objects import Seen, below, look, path_of, placed_in
from helios_wf.model.noun import Json
from helios_wf.store import Store, checksums
from helios_wf.store.rows import KnownChecksum

AT_ONCE = 4
"""How many files are read at a time."""

BATCH = 200
"""Checksums that are recorded together, so that little is lost when somebody stops it."""


class Checksums:
    """The checksums of files, as the store has them or as they are read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, KnownChecksum] = {}

    def learn(self, inputs: Json) -> None:
        """Reads the files of a run's inputs of which no checksum is known that still holds."""
        paths = list(dict.fromkeys(_files(inputs)))
        with self._store.read() as tx:
            self._known |= checksums.of(tx, paths)
        unknown = iter([path for path in paths if not self._holds(path)])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while batch := list(islice(unknown, BATCH)):
                found = [one for one in pool.map(_summed, batch) if one is not None]
                self._known |= {one.path: one for one in found}
                with self._store.write() as tx:
                    checksums.keep(tx, found)

    def of(self, path: str, seen: Seen) -> str:
        """Returns the checksum of a file that is as it was seen."""
        known = self._known.get(path)
        if known is None or (known.size, known.modified, known.inode) != seen[:3]:
            known = self._known[path] = KnownChecksum(path, seen.size, seen.modified, seen.inode, sha1(path))
        return known.checksum

    def _holds(self, path: str) -> bool:
        known, seen = self._known.get(path), look(path)
        return (
            known is not None and seen is not None and (known.size, known.modified, known.inode) == seen[:3]
        )


def _files(inputs: Json) -> Iterator[str]:
    """Yields where the files of a run's inputs are, also those in folders."""
    for one in placed_in(inputs):
        path = path_of(one)
        if one["class"] == "File":
            yield path
        else:
            yield from (f"{path}/{name}" for name, *_ in below(path) if not name.endswith("/"))


def _summed(path: str) -> KnownChecksum | None:
    """Returns the checksum of a file, None of what is no file; whoever reads that will say what is wrong."""
    seen = look(path)
    if seen is None or seen.is_folder:
        return None
    with suppress(OSError):
        return KnownChecksum(path, seen.size, seen.modified, seen.inode, sha1(path))
    return None


def raw(inputs: Json) -> frozenset[str]:
    """Returns where files of a run's inputs are that come with a checksum, of which nobody has made sure."""
    return frozenset(path_of(one) for one in placed_in(inputs) if "checksum" in one)
