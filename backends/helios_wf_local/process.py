"""One worker process, seen from the backend."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from helios_wf.model import JobSpec, Report
from helios_wf.processes import JOB_MARK, end_marked, signal_group

_READ_BYTES = 1 << 20
_FORGET_BYTES = 1 << 20


class Notice(msgspec.Struct):
    """One line from a worker."""

    started: str = ""
    pid: int = 0
    report: Report | None = None


class WorkerProcess:
    """A worker: its process, its pipes, and the attempts that it has not reported."""

    def __init__(self, name: str, home: Path, grace_s: float) -> None:
        self.name = name
        self.held: dict[str, JobSpec] = {}
        self.claim_cores = 0.0
        self.claim_mb = 0.0
        self.batch = 0
        self.journal = home / f"{name}.journal"
        self._log = home / f"{name}.log"
        self._known: set[str] = set()
        self._running: tuple[str, int] | None = None
        self._unread = b""
        self._unsent = bytearray()
        self._delivered = self._forgotten = 0
        self._decoder = msgspec.json.Decoder(Notice)
        self._encode = msgspec.json.Encoder().encode
        self._process = self._start(grace_s)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.stdin, self.stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self.stdin, False)
        os.set_blocking(self.stdout, False)

    def _start(self, grace_s: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "helios_wf.worker", "--name", self.name]
        command += ["--journal", str(self.journal), "--grace", str(grace_s)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def wants_to_write(self) -> bool:
        """Whether orders wait for room in the pipe."""
        return bool(self._unsent)

    def give(self, specs: list[JobSpec], values: dict[str, msgspec.Raw]) -> None:
        """Sends jobs, and before them the values that they name and the worker does not know."""
        named = {digest for spec in specs for digest in (spec.tool, spec.constants) if digest}
        new = {digest: values[digest] for digest in named - self._known}
        if new:
            self._send({"define": new})
            self._known |= new.keys()
        self.held |= {spec.handle: spec for spec in specs}
        self._send({"run": specs})

    def cancel(self, handles: Iterable[str]) -> None:
        """Asks to end attempts that it holds."""
        self._send({"cancel": list(handles)})

    def forget(self) -> None:
        """Lets it drop what has been read of its journal, when that is worth it."""
        if self._delivered - self._forgotten >= _FORGET_BYTES:
            self._forgotten = self._delivered
            self._send({"forget": self._delivered})

    def _send(self, order: dict[str, object]) -> None:
        self._unsent += self._encode(order) + b"\n"
        self.write()

    def write(self) -> None:
        """Writes as much of what waits as the pipe takes."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self.stdin, memoryview(self._unsent)[:65536])]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            # it has ended; reading says so
            self._unsent.clear()

    def read(self) -> tuple[list[Notice], bool]:
        """Returns the notices that have come, and whether the worker is still there."""
        alive = True
        chunks = [self._unread]
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self.stdout, _READ_BYTES):
                chunks.append(chunk)
            alive = False
        *lines, self._unread = b"".join(chunks).split(b"\n")
        return [self._note(line) for line in lines], alive

    def _note(self, line: bytes) -> Notice:
        notice = self._decoder.decode(line)
        if notice.report is not None:
            self._delivered += len(line) + 1
            self.held.pop(notice.report.handle, None)
        else:
            self._running = (notice.started, notice.pid)
        return notice

    def bury(self) -> str:
        """Ends what a worker that has ended left running, and returns how it ended."""
        self.shut()
        code = self._process.wait()
        if self._running is not None:
            signal_group(self._running[1], signal.SIGKILL)
        end_marked(JOB_MARK, self.held)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        with contextlib.suppress(OSError):
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            how += "".join(f": {line}" for line in last)
        self.tidy()
        return how

    def shut(self) -> None:
        """Closes its pipes: it then ends its tool and itself."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def ended(self) -> bool:
        """Returns whether the process is gone."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()

    def tidy(self) -> None:
        """Removes its log if nothing is in it."""
        with contextlib.suppress(OSError):
            if not self._log.stat().st_size:
                self._log.unlink()
