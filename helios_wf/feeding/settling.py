"""What becomes of a range of a resident tool: its outputs collected, or its failure told."""

from __future__ import annotations

import os
from typing import Any

from helios_wf.cwl.program import Program
from helios_wf.errors import JobError
from helios_wf.evidence import first_disk_error, is_full, tail
from helios_wf.feeding.hand import Hand
from helios_wf.feeding.in_work import Work
from helios_wf.feeding.protocol import Done, Failed
from helios_wf.feeding.range_folders import RangeFolders
from helios_wf.feeding.started import Started
from helios_wf.model import JobSpec, RangeReport
from helios_wf.runner.outcome import DISK_ERRORS
from helios_wf.states import PERMANENT, Cause

_FULL = "No space left on device where it ran"
_LONGEST = 2000
_SHOWN = 3


class Settling:
    """Reports ranges to the hand that they came from."""

    def __init__(
        self, spec: JobSpec, program: Program, tool: Started, folders: RangeFolders, hand: Hand
    ) -> None:
        self.handle = spec.handle
        self.folders = folders
        self.count = 0
        self._directory = spec.directory
        self._program, self._tool, self._hand = program, tool, hand

    def answered(self, work: Work, answer: Done | Failed) -> None:
        """Reports a range that the tool has answered for.

        Raises:
            JobError: the disk is full, so that no further range should be tried.
        """
        if isinstance(answer, Failed):
            self._said_to_have_failed(work, answer)
        elif is_full(self._directory):
            self.failed(work, Cause.DISK, f"it is done, but what was written may not be whole: {_FULL}")
        else:
            self._done(work, answer)

    def _done(self, work: Work, answer: Done) -> None:
        try:
            outputs = self.folders.outputs(work.one, answer.outputs)
        except JobError as error:
            self.failed(work, error.cause, f"{error}{self._elsewhere(error.cause)}")
        except OSError as error:
            cause = Cause.DISK if error.errno in DISK_ERRORS else Cause.LOST
            self.failed(work, cause, f"its outputs could not be read: {error}")
        else:
            self._end(work, outputs=outputs, n_out=answer.n_out)

    def _elsewhere(self, cause: Cause) -> str:
        """Returns what is to be said where a tool seems to write outputs to its working directory."""
        found = sorted(os.listdir(self._tool.folders.out)) if cause is Cause.MISSING_OUTPUT else []
        shown = ", ".join(found[:_SHOWN]) + ("" if len(found) <= _SHOWN else " ...")
        return f"; its working directory has {shown}, but a range's outputs go to its outdir" if found else ""

    def _said_to_have_failed(self, work: Work, answer: Failed) -> None:
        full = first_disk_error(answer.message) or (_FULL if is_full(self._directory) else None)
        if full:
            self.failed(work, Cause.DISK, f"it failed: {full}", exit_code=answer.code)
        code, at = answer.code, answer.at_event
        listed = code is not None and answer.kind is None
        self.failed(
            work,
            Cause.EXIT,
            answer.message[:_LONGEST] or "the tool said that it failed",
            exit_code=code,
            permanent=answer.kind == "permanent" or (listed and self._program.is_permanent(code or 0)),
            temporary=answer.kind == "temporary" or (listed and self._program.is_temporary(code or 0)),
            at_event=at if at is not None and work.one.first <= at < work.one.stop else None,
        )

    def failed(self, work: Work, cause: Cause, message: str, **fields: Any) -> None:
        """Reports a range as failed, with what the tool wrote to stderr meanwhile.

        Raises:
            JobError: the disk is full.
        """
        log = self.folders.keep_log(work.one, self._tool.log, work.log_start)
        fields.setdefault("permanent", cause in PERMANENT)
        self._end(work, cause=cause, message=message, stderr_tail=tail(log), **fields)
        if cause is Cause.DISK:
            raise JobError(cause, message)

    def _end(self, work: Work, **fields: Any) -> None:
        self.count += 1
        self._hand.end(
            RangeReport(
                first=work.one.first,
                stop=work.one.stop,
                number=work.one.number,
                directory=self.folders.directory(work.one),
                started_at=work.started_at,
                wall_s=work.wall_s,
                cpu_s=work.cpu_s,
                **fields,
            )
        )
