"""The log files of an attempt: those of its tool, or of each of its event ranges.

DIRECTORY/{stdout,stderr}                       of the tool
DIRECTORY/ranges/FIRST-STOP.NUMBER/{stdout,stderr}    of a process for one event range
DIRECTORY/tool/NUMBER/{stdout,stderr}           of a process of a resident tool, for many of them
DIRECTORY/out/NAME                              of a tool that asks for a file of that name
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from helios_wf.cwl.expression_text import is_expression
from helios_wf.model import Tool
from helios_wf.model.plans import Task

STREAMS = ("stdout", "stderr")

_RANGE = re.compile(r"(\d+)-(\d+)\.(\d+)")


class LogFile(NamedTuple):
    """One log: of the attempt itself, or of a ``part`` of it, which is called so."""

    part: str
    stream: str
    path: Path


def files_of(task: Task, directory: Path, streams: Sequence[str]) -> list[LogFile]:
    """Returns the logs of an attempt that are there, in the order of its events.

    A stdout that the tool makes an output is data: it is a log only where it alone is asked for.
    """
    return [file for part, folder in _parts(directory) for file in _of_folder(task, part, folder, streams)]


def _parts(directory: Path) -> Iterator[tuple[str, Path]]:
    yield "", directory
    processes = sorted(_numbered(directory / "tool"))
    yield from ((f"process {number}" if len(processes) > 1 else "", path) for number, path in processes)
    if processes:
        # the folders of ranges only repeat what is in there
        return
    found = [(match, path) for path in _below(directory / "ranges") if (match := _RANGE.fullmatch(path.name))]
    for match, path in sorted(found, key=lambda one: tuple(map(int, one[0].groups()))):
        again = f" try {match[3]}" if match[3] != "1" else ""
        yield f"[{match[1]}, {match[2]}){again}", path


def _of_folder(task: Task, part: str, folder: Path, streams: Sequence[str]) -> Iterator[LogFile]:
    body = task.process.body if isinstance(task.process, Tool) else {}
    for stream in streams:
        path = folder / stream
        name = body.get(stream)
        asked = isinstance(name, str) and not is_expression(name)
        if asked and not path.is_file() and (stream == "stderr" or len(streams) == 1):
            path = folder / "out" / str(name)
        if path.is_file():
            yield LogFile(part, stream, path)


def _numbered(folder: Path) -> Iterator[tuple[int, Path]]:
    for path in _below(folder):
        if path.name.isdigit():
            yield int(path.name), path


def _below(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
