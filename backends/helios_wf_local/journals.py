"""The workers' journals: reports and news of event ranges that outlive the worker and the engine.

    HOME/local/BOOT/WORKER.journal    a line for each, written before it is said
    HOME/local/BOOT/WORKER.log        what the worker itself wrote to stderr, if anything
    HOME/local/BOOT/WORKER.tmp        TMPDIR of its jobs, one after another

``LocalBackend.adopt`` looks in them for what became of an earlier engine's attempts.  BOOT is the kernel's
name for the time since the machine was started: after a crash of the machine a journal may tell of outputs
that never reached the disk, so those of another boot are not read.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from helios_wf.model import RangeNews, Report

KEPT_S = 7 * 24 * 3600.0
"""How long journals and logs are kept after they were last written."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Line(msgspec.Struct):
    """One line: a report, or news with its number, which counts the news of a worker."""

    report: Report | None = None
    news: RangeNews | None = None
    serial: int = 0


def folder(home: str) -> Path:
    """Returns where the journals of this boot are.

    Args:
        home: ``BackendSettings.home``.
    """
    boot = "boot"
    with contextlib.suppress(OSError):
        boot = _BOOT.read_text(encoding="ascii").strip()
    return Path(home, "local", boot)


def lines(path: Path) -> Iterator[Line]:
    """Yields the lines of one journal; one that a kill left incomplete is passed over."""
    decoder = msgspec.json.Decoder(Line)
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for line in file:
            with contextlib.suppress(msgspec.DecodeError):
                yield decoder.decode(line)


def read(path: Path) -> Iterator[Report]:
    """Yields the reports in one journal."""
    return (line.report for line in lines(path) if line.report is not None)


def find(home: str, handles: Collection[str]) -> tuple[list[Report], list[RangeNews]]:
    """Returns the reports of these attempts that stand in a journal, one for each, and all their news."""
    wanted = frozenset(handles)
    reports: dict[str, Report] = {}
    news = []
    for path in sorted(folder(home).glob("*.journal")) if wanted else ():
        for line in lines(path):
            if line.report is not None and line.report.handle in wanted:
                reports[line.report.handle] = line.report
            elif line.news is not None and line.news.handle in wanted:
                news.append(line.news)
    return list(reports.values()), news


def sweep(home: str) -> None:
    """Removes journals and logs that nobody has written to for a week."""
    before = time.time() - KEPT_S
    for path in Path(home, "local").glob("*/*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    for boot in Path(home, "local").glob("*"):
        # one that is not empty stays
        with contextlib.suppress(OSError):
            if boot.stat().st_mtime < before:
                boot.rmdir()
