"""The catalogue: paths become files of a dataset, and are checked against the files later.

    register(store, "spd.00000012.raw", ["run12/"], close=True)
    for finding in verify(store, "spd.00000012.raw"): ...

A folder stands for the files in it, sorted by name, hidden ones apart; a pattern with ``*``, ``?`` or
``[...]`` for the files that it matches.  All files are looked at before anything is written.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import structs

from helios_wf import formats
from helios_wf.errors import (
    DatasetError,
    EventFileError,
    FileFormatError,
    FileUnreadableError,
    UserError,
    did_you_mean,
)
from helios_wf.masks import check_name
from helios_wf.model import Dataset, EventFile, Json, Layout, Noun
from helios_wf.states import SETTLED_RUNS, DatasetState
from helios_wf.store import Store, Tx, datasets, runs

CHECKSUMS = ("adler32", "md5", "sha1")
"""The kinds of checksum that can be kept of a file."""

FindingKind: TypeAlias = Literal["missing", "changed", "unreadable"]


class Finding(Noun, frozen=True):
    """What is wrong with a file of a dataset; ``text`` says it in words, path included."""

    path: str
    kind: FindingKind
    text: str


def describe(
    path: str | os.PathLike[str], checksum: str | None = None, table: str | None = None
) -> EventFile:
    """Returns a file with its size, its checksum when asked for, and its layout if it has events.

    Args:
        path: a path, which is made absolute; links in it stay.
        checksum: one of ``CHECKSUMS``.
        table: the table of events to count, for files with several.

    Raises:
        EventFileError: the file cannot be used; the subclass says whether it is unreadable, truncated, of
            another format than its name says, or without events.
        MissingExtraError: its format needs a package that is not installed.
    """
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 (links stay as they were named)
    size = _size(absolute)
    layout = None
    if formats.recognise(absolute) is not None:
        formats.check_table(absolute, table)
        layout = formats.probe(absolute, table=table)
    elif table is not None:
        raise FileFormatError(
            f"{absolute}: has no table {table!r}: it is no file of events by name or "
            f"content{formats.near_extension(str(absolute))}"
        )
    return EventFile(
        path=str(absolute),
        size=size,
        checksum=formats.checksum(absolute, checksum) if checksum else None,
        layout=layout,
    )


def register(
    store: Store,
    name: str,
    paths: Sequence[str | os.PathLike[str]],
    *,
    close: bool = False,
    meta: Mapping[str, Json] | None = None,
    checksum: str | None = None,
    table: str | None = None,
) -> Dataset:
    """Makes a dataset of files, or adds them to one that is OPEN; returns it with the files that were added.

    Raises:
        MaskError: the name is no dataset name.
        DatasetError: the dataset is not OPEN, or files cannot be used: all of them are listed.
        EventFileError: the only file with a problem cannot be used.
    """
    check_name(name)
    if checksum is not None and checksum not in CHECKSUMS:
        raise DatasetError(f"no checksum named {checksum!r}{did_you_mean(checksum, CHECKSUMS)}")
    with store.read() as tx:
        _check_open(name, datasets.state(tx, name))
    files = describe_all(name, paths, checksum=checksum, table=table)
    new = Dataset(name=name, state=DatasetState.OPEN, files=files, meta=dict(meta or {}))
    with store.write() as tx:
        _put(tx, new)
        if close:
            datasets.close(tx, name)
        return structs.replace(datasets.get(tx, name, files=False), files=files)


def describe_all(
    name: str,
    paths: Sequence[str | os.PathLike[str]],
    *,
    checksum: str | None = None,
    table: str | None = None,
) -> tuple[EventFile, ...]:
    """Returns the files that paths, folders and patterns stand for, in order; ``name`` is for messages.

    Raises:
        DatasetError: several cannot be used, or one is given twice; all are listed.
        EventFileError: the only file with a problem cannot be used.
    """
    problems: list[UserError] = []
    files: dict[str, EventFile] = {}
    for path in _expanded(paths, problems):
        try:
            file = describe(path, checksum, table)
        except UserError as error:
            problems.append(error)
            continue
        if file.path in files:
            problems.append(DatasetError(f"{file.path}: is given twice; a dataset holds a file once"))
        files[file.path] = file
    if len(problems) == 1:
        raise problems[0]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise DatasetError(
            f"dataset {name!r}: {len(problems)} files cannot be used; nothing was added:\n{lines}"
        )
    return tuple(files.values())


def _expanded(paths: Sequence[str | os.PathLike[str]], problems: list[UserError]) -> Iterator[Path]:
    """Yields the files that paths stand for; those that stand for none are added to the problems."""
    for path in paths:
        try:
            yield from expand(path)
        except EventFileError as error:
            problems.append(error)


def expand(path: str | os.PathLike[str]) -> list[Path]:
    """Returns the files that a path, a folder or a pattern stands for.

    Raises:
        FileUnreadableError: a folder has no files, a pattern matches none, or it is a URL.
    """
    text = os.fspath(path)
    if "://" in text:
        raise FileUnreadableError(f"{text}: is a URL; give the path of a file on this machine")
    here = Path(text)
    if here.is_dir():
        inside = (entry for entry in sorted(here.iterdir()) if not entry.name.startswith("."))
        return _some([entry for entry in inside if entry.is_file()], f"{text}: is a folder without files")
    if not os.path.lexists(here) and glob.has_magic(text):
        matched = (Path(entry) for entry in sorted(glob.glob(text)))  # noqa: PTH207 (absolute patterns too)
        return _some([entry for entry in matched if entry.is_file()], f"{text}: no file matches this pattern")
    return [here]


def notes(files: Sequence[EventFile]) -> list[str]:
    """Returns what is odd about files, though they can be kept: no events, or rows that cannot be read.

    Raises:
        EventFileError: a file cannot be used any more.
    """
    kinds: dict[str, list[str]] = {}
    faults = []
    for file in files:
        if file.layout is None:
            kinds.setdefault(_no_format(file.path), []).append(file.path)
        elif fault := formats.first_fault(file.path, file.layout):
            faults.append(f"{file.path}: {fault}")
    return [f"{_first_of(paths)} kept without events: {reason}" for reason, paths in kinds.items()] + faults


def _no_format(path: str) -> str:
    if formats.format_of(path) is not None:
        return "its JSON is no event map"
    extension = formats.extension_of(path)
    named = f"has the extension {extension!r}" if extension else "has files without an extension"
    return f"no event format {named}{formats.near_extension(path)}"


def _first_of(paths: Sequence[str]) -> str:
    return f"{paths[0]} is" if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1:,} more are"


def lost(dataset: Dataset) -> str | None:
    """Returns the first file of a dataset that is gone or has another size, and what to do; None for none.

    Sizes tell it at once; ``verify`` looks at the content.
    """
    for file in dataset.files:
        try:
            size = Path(file.path).stat().st_size
        except OSError as error:
            return (
                f"{file.path} cannot be read: {error.strerror}; put it back, or put the dataset away with "
                f"helios-wf dataset delete {dataset.name}"
            )
        if size != file.size:
            return (
                f"{file.path} has {size:,} bytes; it had {file.size:,} when it was added "
                f"(see helios-wf dataset verify {dataset.name})"
            )
    return None


def delete(store: Store, name: str) -> bool:
    """Puts a dataset away, its files left where they are; says whether its name is free again.

    A name stays taken where a run read the dataset or made it: what came of it goes on to be traceable, and
    such a run counts as done.

    Raises:
        DatasetError: there is no such dataset, it was deleted before, or an unfinished run reads it.
    """
    with store.write() as tx:
        found = datasets.get(tx, name, files=False)
        readers = runs.readers(tx, name)
        unfinished = [run for run, state in readers if state not in SETTLED_RUNS]
        if unfinished:
            more = f" and {len(unfinished) - 1} more" if len(unfinished) > 1 else ""
            raise DatasetError(
                f"dataset {name!r} is read by run {unfinished[0]}{more}, which is not finished; let it end, "
                f"or end it: helios-wf cancel {unfinished[0]}"
            )
        datasets.delete(tx, name)
        is_free = not readers and found.run is None
        if is_free:
            datasets.forget(tx, name)
    return is_free


def verify(store: Store, name: str) -> list[Finding]:
    """Compares the files of a dataset with what the catalogue says of them; returns what differs, in order.

    Sizes, checksums where kept, numbers of events and columns are compared.

    Raises:
        DatasetError: there is no such dataset.
        MissingExtraError: a format needs a package that is not installed.
    """
    with store.read() as tx:
        dataset = datasets.get(tx, name)
    findings = (check(file) for file in dataset.files)
    return [finding for finding in findings if finding is not None]


def check(file: EventFile) -> Finding | None:
    """Returns what is wrong with a file of the catalogue, None when all is as it was.

    Raises:
        MissingExtraError: its format needs a package that is not installed.
    """
    try:
        if not Path(file.path).exists():
            return Finding(path=file.path, kind="missing", text=f"{file.path}: is not there")
        differences = _differences(file)
    except (EventFileError, OSError) as error:
        text = str(error) if isinstance(error, EventFileError) else f"{file.path}: {error.strerror}"
        return Finding(path=file.path, kind="unreadable", text=text)
    if differences:
        return Finding(path=file.path, kind="changed", text=f"{file.path}: {'; '.join(differences)}")
    return None


def _differences(file: EventFile) -> list[str]:
    found = _content_differences(file)
    try:
        return found + _layout_differences(file)
    except EventFileError as error:
        if not found:
            raise
        return [*found, str(error).removeprefix(f"{file.path}: ")]


def _content_differences(file: EventFile) -> list[str]:
    size = _size(Path(file.path))
    if size != file.size:
        return [f"has {size:,} bytes, had {file.size:,}"]
    if file.checksum is None:
        return []
    now = formats.checksum(file.path, file.checksum.partition("$")[0])
    return [f"has the checksum {now}, had {file.checksum}"] if now != file.checksum else []


def _layout_differences(file: EventFile) -> list[str]:
    was = file.layout
    if was is None:
        return []
    now: Layout = formats.probe(Path(file.path), table=was.table)
    found = []
    if now.format != was.format:
        found.append(f"is {now.format}, was {was.format}")
    if now.n_events != was.n_events:
        found.append(f"has {now.n_events:,} events, had {was.n_events:,}")
    if now.columns != was.columns:
        names = {column.name for column in now.columns} ^ {column.name for column in was.columns}
        found.append(f"has other columns{': ' * bool(names)}{', '.join(sorted(names)[:10])}")
    return found


def _size(path: Path) -> int:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileUnreadableError(
            f"{path}: {reason[:1].lower()}{reason[1:]}; give an existing file"
        ) from None
    if not stat.S_ISREG(status.st_mode):
        raise FileUnreadableError(f"{path}: is no regular file; give files, or a folder of files")
    if not os.access(path, os.R_OK):
        raise FileUnreadableError(f"{path}: permission denied; make it readable (chmod +r)")
    return status.st_size


def _some(files: list[Path], complaint: str) -> list[Path]:
    if not files:
        raise FileUnreadableError(complaint)
    return files


def _put(tx: Tx, new: Dataset) -> None:
    found = datasets.state(tx, new.name)
    _check_open(new.name, found)
    if found is None:
        datasets.create(tx, new)
    else:
        datasets.add_files(tx, new.name, new.files)
        datasets.set_meta(tx, new.name, new.meta)


def _check_open(name: str, state: DatasetState | None) -> None:
    if state is DatasetState.CLOSED:
        raise DatasetError(f"dataset {name!r} is CLOSED; files can only be added to one that is OPEN")
    if state is DatasetState.DELETED:
        raise DatasetError(f"the name {name!r} belonged to a dataset that was deleted; it stays taken")
