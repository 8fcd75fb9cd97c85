"""Documents that were loaded before, kept as long as no file that they came from changes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec

from helios_wf import __version__
from helios_wf.cwl.named_files import Stamp, content, stamp
from helios_wf.cwl.overrides import Overrides
from helios_wf.model import Document, Noun, digest

FORM = 8
"""Raised whenever equal files give another document, or other mistakes, than before."""


class Kept(Noun, frozen=True):
    """A document, and the stamps of the large files that it names."""

    document: Document
    stamps: dict[str, Stamp]


def key(path: str, fragment: str, root: str, allow_urls: bool, overrides: Overrides) -> str:
    """Returns the name under which a document is kept: what was asked, and who read it."""
    return digest([FORM, __version__, path, fragment, root, allow_urls, list(overrides)])


def look_up(folder: Path, key: str) -> Document | None:
    """Returns the document kept under a key, if all its files still have the same content."""
    try:
        kept = msgspec.json.decode(_file(folder, key).read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return None
    for path, known in kept.document.files.items():
        unread = path in kept.stamps and stamp(path) == kept.stamps[path]
        if not unread and content(path) != known:
            return None
    return kept.document


def keep(folder: Path, key: str, document: Document) -> None:
    """Keeps a document; a folder that cannot be written is left alone."""
    with contextlib.suppress(OSError):
        stamps = {path: found for path in document.files if (found := stamp(path)) is not None}
        file = _file(folder, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(msgspec.json.encode(Kept(document, stamps)))
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"
