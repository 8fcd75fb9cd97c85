"""Requirements that a job file gives: ``cwl:requirements`` for the document, ``cwltool:overrides`` for parts.

Source: CWL v1.2 CommandLineTool, section 5.3 (``cwl:requirements``); cwltool, "Overriding workflow
requirements at load time".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urlsplit

from helios_wf.cwl.cwl_types import uri
from helios_wf.cwl.job_file import OVERRIDES, REQUIREMENTS, JobFile
from helios_wf.cwl.marks import plain
from helios_wf.errors import InputError
from helios_wf.model import Json


class Overrides(NamedTuple):
    """Requirements over those of a document: for itself, and for processes and steps by their URI."""

    own: tuple[dict[str, Json], ...] = ()
    targets: tuple[tuple[str, list[dict[str, Json]]], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.own or self.targets)


def overrides_of(job: JobFile, document: str) -> Overrides:
    """Returns the requirements that a job file gives.

    Args:
        job: as it is written.
        document: what is run; the names of its parts start there: ``tool.cwl``, ``#step``.

    Raises:
        InputError: they are no requirements.
    """
    own = _requirements(job.given.get(REQUIREMENTS), REQUIREMENTS, job)
    given = job.given.get(OVERRIDES) or {}
    if not isinstance(given, Mapping):
        raise InputError(f"{_of(job)}{OVERRIDES!r} maps processes to requirements; it is {plain(given)!r}")
    targets = []
    for name, entry in given.items():
        inner = entry.get("requirements") if isinstance(entry, Mapping) else entry
        entries = _requirements(inner, f"{OVERRIDES}: {name}", job)
        targets.append((_target(str(name), document), entries))
    return Overrides(tuple(own), tuple(targets))


def _requirements(given: Any, where: str, job: JobFile) -> list[dict[str, Json]]:
    if isinstance(given, Mapping):
        given = [{"class": name, **(fields or {})} for name, fields in given.items()]
    entries = plain(given or [])
    if not isinstance(entries, list) or not all(
        isinstance(each, dict) and "class" in each for each in entries
    ):
        raise InputError(f"{_of(job)}{where!r} must be requirements, each with its class, not {entries!r}")
    return list(entries)


def _target(name: str, document: str) -> str:
    if urlsplit(name).scheme:
        return name
    path, fragment = urldefrag(name)
    place = Path(os.path.normpath(Path(document).parent / path)) if path else Path(document)
    return uri(place.absolute()) + (f"#{fragment}" if fragment else "")


def _of(job: JobFile) -> str:
    return f"{job.path}: " if job.path else ""
