"""Documents that were loaded before, kept as long as no file that they came from changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import msgspec

from helios_wf import __version__
from helios_wf.model import Document, digest


def key(path: str, fragment: str, root: str, allow_urls: bool) -> str:
    """Returns the name under which a document is kept: what was asked, and who read it."""
    return digest([__version__, path, fragment, root, allow_urls])


def look_up(folder: Path, key: str) -> Document | None:
    """Returns the document kept under a key, if all its files still have the same content."""
    try:
        document = msgspec.json.decode(_file(folder, key).read_bytes(), type=Document)
        fresh = all(
            hashlib.sha256(Path(path).read_bytes()).hexdigest() == sha256
            for path, sha256 in document.files.items()
        )
    except (OSError, msgspec.DecodeError):
        return None
    return document if fresh else None


def keep(folder: Path, key: str, document: Document) -> None:
    """Keeps a document; a folder that cannot be written is left alone."""
    with contextlib.suppress(OSError):
        file = _file(folder, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(msgspec.json.encode(document))
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"
