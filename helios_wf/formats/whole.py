"""Files that stand under their names only once they are whole: until then, what was there stays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yields where to write the bytes of a file, which gets its name when the block ends well.

    The place lies in a hidden folder beside the file and has its base name, as some formats keep it inside.
    A file of that name is replaced in one step (its permissions stay, and so does a link to it); when the
    block fails, it is as it was.  What is no regular file, such as ``/dev/stdout``, is written as it stands.

    Raises:
        OSError: nothing can be written there; names ``path``.
    """
    named = Path(path)
    if named.exists() and not named.is_file():
        yield str(path)
        return
    target = Path(os.path.realpath(path))
    try:
        folder = tempfile.mkdtemp(prefix=".", suffix=".part", dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    place = Path(folder, named.name)
    try:
        yield str(place)
        if target.exists():
            shutil.copymode(target, place)
        place.replace(target)
    except OSError as error:
        if str(error.filename).startswith(folder):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
