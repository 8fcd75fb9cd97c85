"""Lines of a document that switch a rule off.

dockerPull: alpine:3.20     # helios-wf: ignore HW103
# helios-wf: ignore HW207, HW203          (the line below)
# helios-wf: ignore-file HW106            (anywhere in the file)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from helios_wf.cwl.marks import MAX_BYTES
from helios_wf.lint.finding import Finding

_MARK = re.compile(r"#\s*helios-wf:\s*(ignore|ignore-file)\s+((?:HW\d{3}[,\s]*)+)")
_CODE = re.compile(r"HW\d{3}")


class Ignoring:
    """What the lines of one file switch off."""

    def __init__(self, file: str) -> None:
        self._file = Path(file)

    @cached_property
    def _found(self) -> set[tuple[int, str]]:
        """Line (0: the whole file) and code."""
        try:
            if not self._file.is_file() or self._file.stat().st_size > MAX_BYTES:
                return set()
            lines = self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return set()
        found: set[tuple[int, str]] = set()
        for number, line in enumerate(lines, 1):
            if "helios-wf:" in line and (mark := _MARK.search(line)):
                at = 0 if mark[1] == "ignore-file" else number
                if at and not line[: mark.start()].strip():
                    at = _next(lines, number)
                found.update((at, code) for code in _CODE.findall(mark[2]))
        return found

    def covers(self, finding: Finding) -> bool:
        """Says whether a finding in this file is switched off."""
        line = finding.place.line if finding.place else 0
        return not self._found.isdisjoint({(0, finding.code), (line, finding.code)})


def _next(lines: list[str], number: int) -> int:
    """Returns the number of the next line that is no comment."""
    for at in range(number, len(lines)):
        if lines[at].strip() and not lines[at].lstrip().startswith("#"):
            return at + 1
    return number


def kept(findings: Iterable[Finding], codes: frozenset[str]) -> list[Finding]:
    """Returns the findings that neither codes nor lines of their files switch off."""
    files: dict[str, Ignoring] = {}

    def is_kept(finding: Finding) -> bool:
        if not finding.rule.optional or finding.place is None:
            return finding.code not in codes
        file = files.setdefault(finding.place.file, Ignoring(finding.place.file))
        return finding.code not in codes and not file.covers(finding)

    return [finding for finding in findings if is_kept(finding)]
