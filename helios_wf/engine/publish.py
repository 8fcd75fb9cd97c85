"""Moving a run's outputs to where they belong; where that is was recorded before.

A resume that finds a file at its destination, with the recorded size and checksum, takes it as it is.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from helios_wf.cwl.files import sha1
from helios_wf.engine.durable import sync_folder
from helios_wf.errors import StoreError
from helios_wf.store.rows import Publication


def carry_out(moves: list[Publication], owned: Path) -> None:
    """Moves files to their destinations; what lies outside ``owned`` (an input passed on) is copied.

    A file that is there already is replaced; of a folder, the files that the new one has too.

    Raises:
        StoreError: a file is neither at its source nor, whole, at its destination; or there is no space.
    """
    gone: dict[str, str] = {}
    into: set[str] = set()
    own = _Own(str(owned))
    folders, files = _parted(moves)
    for move in chain(folders, files):
        source = _now(move.source, gone) if folders else gone.get(move.source, move.source)
        destination = move.destination
        if source == destination:
            continue
        folder = os.path.dirname(destination)
        try:
            if folder not in into:
                os.makedirs(folder, exist_ok=True)
            mine = source == move.source and own.holds(source)
            if not (mine and _is_own_file(source) and _renamed(source, destination)):
                _carry(Path(source), Path(destination), move, mine)
        except OSError as error:
            raise StoreError(
                f"cannot publish {move.source} as {destination}: {error.strerror or error}"
            ) from error
        if mine:
            gone[source] = destination
        into.add(folder)
    for folder in {os.stat(folder).st_dev: folder for folder in into}.values():
        sync_folder(folder)


def bring_back(published: Iterable[Publication], owned: Path) -> None:
    """Puts what a run had published back to where its jobs made it, since further jobs read it there.

    It stays where it is published, too, until something else is put there.

    Raises:
        StoreError: there is no space, or it may not be written.
    """
    for one in published:
        gone = one.source.startswith(f"{owned}/") and not os.path.lexists(one.source)
        if not gone or not os.path.exists(one.destination):
            continue
        try:
            os.makedirs(os.path.dirname(one.source), exist_ok=True)
            if os.path.isdir(one.destination):
                shutil.copytree(one.destination, one.source, copy_function=_link)
            else:
                _link(one.destination, one.source)
        except (OSError, shutil.Error) as error:
            raise StoreError(f"cannot bring {one.destination} back to {one.source}: {error}") from error


def _link(source: str, place: str) -> None:
    """Gives a file another name, or a copy where that cannot be."""
    try:
        os.link(source, place)
    except OSError:
        shutil.copy2(source, place)


class _Own:
    """The folder of a run, where it may move things from."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._plain = {folder}

    def holds(self, source: str) -> bool:
        """Says whether something lies in the folder, and not behind a link that leads out of it."""
        if not source.startswith(f"{self._folder}/"):
            return False
        parent = os.path.dirname(source)
        if ".." not in parent.split("/") and self._is_plain(parent):
            return True
        return Path(parent).resolve().is_relative_to(Path(self._folder).resolve())

    def _is_plain(self, folder: str) -> bool:
        """Says whether no link is on the way to a folder."""
        if folder in self._plain:
            return True
        if os.path.islink(folder) or not self._is_plain(os.path.dirname(folder)):
            return False
        self._plain.add(folder)
        return True


def _parted(moves: list[Publication]) -> tuple[list[Publication], list[Publication]]:
    """Returns the moves of folders, and those of files, which may lie in them; the outer ones first."""
    folders: list[Publication] = []
    files: list[Publication] = []
    for move in moves:
        (folders if _is_folder(move) else files).append(move)
    return sorted(folders, key=_depth), sorted(files, key=_depth)


def _depth(move: Publication) -> int:
    return move.source.count("/")


def _is_folder(move: Publication) -> bool:
    if os.path.isdir(move.source):
        return True
    return not os.path.exists(move.source) and os.path.isdir(move.destination)


def _is_own_file(path: str | Path) -> bool:
    """Says whether a file can be moved: it is no link, and no other run has it under another name."""
    try:
        found = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1


def _now(source: str, gone: Mapping[str, str]) -> str:
    """Returns where something is after the moves so far: its own, or that of a folder that it lay in."""
    folder = source
    while len(folder) > 1:
        if folder in gone:
            return gone[folder] + source[len(folder) :]
        folder = os.path.dirname(folder)
    return source


def _carry(source: Path, destination: Path, move: Publication, mine: bool) -> None:
    if not source.exists():
        if _is_whole(destination, move):
            return
        raise StoreError(f"cannot publish {move.source}: it is gone, and {destination} is not the same file")
    if source.is_dir():
        _carry_folder(source, destination, mine)
    elif not mine or not _is_own_file(source) or not _renamed(source, destination):
        _copy(source.resolve(), destination)


def _carry_folder(source: Path, destination: Path, mine: bool) -> None:
    """Moves or copies a folder; into one that is there already, file by file."""
    if mine:
        for link in _links(source):
            _replace_link(link, source)
        if not destination.exists() and _is_own_folder(source) and _renamed(source, destination):
            return
    destination.mkdir(exist_ok=True)
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            _carry_folder(entry, destination / entry.name, mine)
        elif not mine or not _is_own_file(entry) or not _renamed(entry, destination / entry.name):
            _copy(entry.resolve(), destination / entry.name)
    if mine:
        shutil.rmtree(source)


def _is_own_folder(folder: Path) -> bool:
    """Says whether no other run has any file of a folder under another name."""
    return all(
        _is_own_file(path) or os.path.islink(path)
        for here, _, files in os.walk(folder)
        for path in (os.path.join(here, name) for name in files)
    )


def _links(folder: Path) -> Iterator[Path]:
    """Yields the symbolic links below a folder."""
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(here, name)
            if path.is_symlink():
                yield path


def _replace_link(link: Path, folder: Path) -> None:
    """Puts a copy in the place of a link that would lead nowhere once its folder is moved."""
    target = link.resolve()
    if target.is_relative_to(folder.resolve()) and not link.readlink().is_absolute():
        return
    if target.is_dir():
        temporary = link.with_name(f".{link.name[:200]}.part")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(target, temporary)
        link.unlink()
        temporary.rename(link)
    else:
        _copy(target, link)


def _renamed(source: str | Path, destination: str | Path) -> bool:
    """Renames a file or folder; says whether that is possible: not to another file system."""
    try:
        os.rename(source, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True


def _copy(source: Path, destination: Path) -> None:
    """Copies a file beside its destination and renames it; the copy is as old, and as executable."""
    temporary = destination.with_name(f".{destination.name[:200]}.part")
    clone(source, temporary)
    found = os.stat(source)
    os.chmod(temporary, stat.S_IMODE(found.st_mode) | stat.S_IWUSR)
    os.utime(temporary, ns=(found.st_atime_ns, found.st_mtime_ns))
    temporary.rename(destination)


def clone(source: Path, destination: Path) -> None:
    """Copies the content of a file; where the file system can, both share it until one is changed."""
    with source.open("rb") as old, destination.open("wb") as new:
        try:
            while os.copy_file_range(old.fileno(), new.fileno(), 1 << 30):
                pass
        except OSError:
            old.seek(0)
            new.seek(0)
            shutil.copyfileobj(old, new, 1 << 20)
            new.truncate()


def _is_whole(path: Path, move: Publication) -> bool:
    if path.is_dir():
        return True
    if not path.is_file() or path.stat().st_size != move.size:
        return False
    return move.checksum is None or not move.checksum.startswith("sha1$") or sha1(str(path)) == move.checksum
