"""A folder for each event range of a resident tool, and what the tool left there.

DIRECTORY/ranges/FIRST-STOP.NUMBER/out       the outputs
DIRECTORY/ranges/FIRST-STOP.NUMBER/stderr    what the tool wrote there meanwhile, of a failure
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import msgspec

from helios_wf.cwl.bindings import Scope
from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders, Stage
from helios_wf.cwl.program import Program
from helios_wf.feeding.protocol import Given
from helios_wf.model import EventRange, Feeding, Json

LOG_BYTES = 1 << 20
"""Bytes that are kept of what a tool wrote to stderr before a range failed."""


class RangeFolders:
    """Makes folders, and collects outputs as they would be collected of a process for the range alone."""

    def __init__(self, directory: str, feeding: Feeding, program: Program, invocation: Invocation) -> None:
        self._directory = f"{directory}/ranges"
        self._feeding = feeding
        self._program = program
        self._invocation = invocation
        file = invocation.scope.inputs.get(feeding.file) if feeding.file else None
        self._path = file["path"] if isinstance(file, dict) else None

    def directory(self, one: EventRange) -> str:
        """Returns the folder of a range."""
        return f"{self._directory}/{one.id}"

    def make(self, one: EventRange) -> Given:
        """Makes the folder of a range, anew if it was given before, and returns what the tool is told of it.

        Raises:
            OSError: it cannot be made.
        """
        outdir = f"{self.directory(one)}/out"
        try:
            os.makedirs(outdir)
        except FileExistsError:
            shutil.rmtree(outdir)
            os.mkdir(outdir)
        return Given(one.id, one.first, one.stop, outdir, self._path)

    def outputs(self, one: EventRange, given: dict[str, Json] | None) -> dict[str, Json]:
        """Returns the output object of a range.

        Args:
            one: the range; the tool has said that it is done.
            given: the output object in the tool's words, as in ``cwl.output.json``; None: what the tool's
                rules find in the range's folder.

        Raises:
            JobError: an output is missing, does not fit its type, or leads out of the range's folder.
        """
        folders = Folders(self.directory(one))
        scope, feeding = self._invocation.scope, self._feeding
        told: dict[str, Json] = {feeding.first: one.first, feeding.count: one.stop - one.first}
        if feeding.switch is not None:
            told[feeding.switch] = None
        invocation = self._invocation._replace(
            scope=Scope({**scope.inputs, **told}, {**scope.runtime, "outdir": folders.out}),
            stage=Stage(folders, self._invocation.stage.sources),
        )
        if given is not None:
            Path(folders.out, "cwl.output.json").write_bytes(msgspec.json.encode(given))
        return self._program.collect(invocation, 0)

    def keep_log(self, one: EventRange, log: str, start: int) -> str:
        """Copies the end of a log, from a position on, to a range's folder; returns where it is."""
        path = f"{self.directory(one)}/stderr"
        with contextlib.suppress(OSError), open(log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - LOG_BYTES))
            Path(path).write_bytes(file.read(LOG_BYTES))
        return path
