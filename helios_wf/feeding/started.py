"""One process of a resident tool: started with its channel, ended with all that it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.files import Folders
from helios_wf.cwl.program import Program
from helios_wf.errors import JobError
from helios_wf.feeding.channel import Channel, Pipes
from helios_wf.feeding.folder import Folder
from helios_wf.model import Feeding, JobSpec, Json, Way
from helios_wf.processes import Ended, end_leftovers, reap, signal_group, watch
from helios_wf.runner import end_container
from helios_wf.runner.starting import make_folders, prepared, start
from helios_wf.states import Cause


class Started:
    """A tool that runs, in ``DIRECTORY/tool/NUMBER``.

    Raises:
        JobError: it cannot be started, or cannot be resident.
        OSError: its folders cannot be made.
    """

    def __init__(
        self, spec: JobSpec, feeding: Feeding, program: Program, given: Mapping[str, Json], number: int
    ) -> None:
        directory = f"{spec.directory}/tool/{number}"
        exchange = f"{directory}/exchange"
        beside = (f"{spec.directory}/ranges", *([exchange] if feeding.way is Way.FOLDER else []))
        self.folders = Folders(directory, handle=spec.handle, environment=spec.environment, beside=beside)
        make_folders(self.folders)
        self._channel: Pipes | Folder | None = None
        self._ended: Ended | None = None
        if feeding.way is Way.FOLDER:
            self._channel = Folder(exchange)
        told: dict[str, Json] = {feeding.first: None, feeding.count: None}
        if feeding.switch is not None:
            told[feeding.switch] = True if feeding.way is Way.RESIDENT else exchange
        try:
            self.invocation: Invocation = prepared(program, {**given, **told}, spec.resources, self.folders)
            self.process = self._start(spec, feeding)
        except BaseException:
            if self._channel is not None:
                self._channel.close()
            raise

    def _start(self, spec: JobSpec, feeding: Feeding) -> subprocess.Popen[bytes]:
        if feeding.way is Way.FOLDER:
            return start(self.invocation, self.folders, spec)
        if self.invocation.stdin is not None:
            raise JobError(
                Cause.NOT_STARTED,
                "a resident tool hears of its ranges on standard input, so it cannot have 'stdin'",
            )
        process = start(self.invocation, self.folders, spec, streams=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        # the pipes are closed by the channel, so they must not be closed once more with the process
        stdin, stdout = os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno())
        process.stdin.close()
        process.stdout.close()
        self._channel = Pipes(stdin, stdout, f"{self.folders.directory}/stdout")
        return process

    @property
    def channel(self) -> Channel:
        """The way to it and back."""
        assert self._channel is not None
        return self._channel

    @property
    def log(self) -> str:
        """Where its standard error goes."""
        name = self.invocation.stderr
        return f"{self.folders.out}/{name}" if name else f"{self.folders.directory}/stderr"

    @property
    def log_size(self) -> int:
        """How much it has written there."""
        try:
            return os.stat(self.log).st_size
        except OSError:
            return 0

    def end(self, grace_s: float) -> Ended:
        """Ends it, if it has not ended: SIGTERM, after the grace period SIGKILL; returns how it ended."""
        if self._ended is None:
            try:
                self._ended = watch(self.process, 0.0, None, grace_s)
            finally:
                # whatever it left ends with it, also when the worker itself is told to end
                signal_group(self.process.pid, signal.SIGKILL)
                if self.process.returncode is None:
                    self._ended = reap(self.process)
                end_container(self.invocation, self._ended)
                end_leftovers()
                self.channel.close()
                shutil.rmtree(self.folders.tmp, ignore_errors=True)
        return self._ended
