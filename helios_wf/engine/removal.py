"""Removing the work folders of a run: many small ones, several at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import ceil
from pathlib import Path

AT_ONCE = 4
"""How many programs remove folders at a time.  Where others write too, the journal of a file system lets each
call wait for them, and several wait together: with ext4 that was measured to be ten times faster."""

RM = ("rm", "-rf", "--")

MANY = 500
"""Folders that one of them removes at most."""


def remove_run(folder: Path, kept: Collection[Path] = ()) -> None:
    """Removes the work folder of a run, or all in it but what is kept; what cannot go stays.

    Args:
        folder: holds TASK/THOUSAND/ATTEMPT.
        kept: folders of attempts, or folders in them.
    """
    holding = {parent for each in kept for parent in each.parents}
    going = [str(each) for attempt in folder.glob("*/*/*") for each in _going(attempt, set(kept), holding)]
    many = max(1, min(MANY, ceil(len(going) / AT_ONCE)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(_remove, (going[first : first + many] for first in range(0, len(going), many))))
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)


def _going(folder: Path, kept: Collection[Path], holding: Collection[Path]) -> Iterator[Path]:
    if folder in kept:
        return
    if folder in holding:
        for inside in folder.iterdir():
            yield from _going(inside, kept, holding)
    else:
        yield folder


def _remove(folders: list[str]) -> None:
    """Removes folders and files; ``rm`` takes a fifth of the time that ``shutil.rmtree`` does."""
    # the system's own, also where a run was started with a PATH of its own
    path = os.pathsep.join(filter(None, (os.defpath, os.environ.get("PATH"))))
    try:
        # Ctrl-C is for the run, and must not leave half of it
        done = subprocess.run(
            [*RM, *folders],
            env={"PATH": path},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        is_done = done.returncode == 0
    except OSError:
        is_done = False
    for folder in () if is_done else folders:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            Path(folder).unlink()
