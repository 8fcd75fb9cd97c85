"""The workers' journals: reports that outlive the worker and the engine.

An engine that resumes reads them first, before it submits anything::

    for report in helios_wf_local.journal(home):
        settle(report)                      # a report of an attempt settled already changes nothing
    helios_wf_local.forget_journal(home)    # once that is committed
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from helios_wf.model import Report

FOLDER = "local"


class _Line(msgspec.Struct):
    report: Report


def folder(home: str) -> Path:
    """Returns where the backend keeps its journals and its workers' logs."""
    return Path(home, FOLDER)


def journal(home: str) -> list[Report]:
    """Returns every report in the journals of a home, oldest worker first.

    A line that a kill left incomplete is passed over: its attempt is then done again.

    Args:
        home: ``BackendSettings.home``.
    """
    paths = sorted(folder(home).glob("*.journal"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return [report for path in paths for report in read(path)]


def read(path: Path) -> list[Report]:
    """Returns the reports in one journal; incomplete lines are passed over."""
    decoder = msgspec.json.Decoder(_Line)
    reports = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().split(b"\n"):
            with contextlib.suppress(msgspec.DecodeError):
                reports.append(decoder.decode(line).report)
    return reports


def forget_journal(home: str) -> None:
    """Removes the journals of workers that are gone; for an engine that has settled what they say.

    Call it before the backend of this home is made: the journals of live workers must stay.
    """
    for path in folder(home).glob("*.journal*"):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
