"""One worker process, seen from the backend."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import msgspec

from helios_wf.model import EventRange, JobSpec, RangeNews, Report
from helios_wf.processes import JOB_MARK, end_marked, signal_group
from helios_wf_local.journals import lines, read
from helios_wf_local.pace import BATCH_S

_READ_BYTES = 1 << 20
_FORGET_BYTES = 1 << 20


class Notice(msgspec.Struct):
    """One line from a worker."""

    started: str = ""
    pid: int = 0
    report: Report | None = None
    returned: list[str] | None = None
    news: RangeNews | None = None
    serial: int = 0


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
        self._scratch = home / f"{name}.tmp"
        self._known: set[str] = set()
        self._running: tuple[str, int] | None = None
        self._unread = b""
        self._unsent = bytearray()
        self._heard_at = time.monotonic()
        self._asked_back = False
        self._delivered = self._handed_on = self._forgotten = 0
        self._news_delivered = self._news_handed_on = self._news_settled = 0
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
        command += ["--journal", str(self.journal), "--scratch", str(self._scratch), "--grace", str(grace_s)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def never_began(self) -> bool:
        """Whether it ended by itself (was not killed) and had not said a word."""
        return (self._process.returncode or 0) > 0 and not self._delivered and self._running is None

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
        if not self.held:
            self._heard_at = time.monotonic()
        self.held |= {spec.handle: spec for spec in specs}
        self._asked_back = False
        self._send({"run": specs})

    def cancel(self, handles: Iterable[str]) -> None:
        """Asks to end attempts that it holds."""
        self._send({"cancel": list(handles)})

    def feed(self, handle: str, ranges: Sequence[EventRange], more: bool) -> None:
        """Gives event ranges to the attempt that it runs."""
        self._send({"feed": {handle: {"ranges": ranges, "more": more}}})

    @property
    def lags(self) -> bool:
        """Whether it has not been heard of for longer than a whole batch should last."""
        return time.monotonic() - self._heard_at > 2 * BATCH_S

    def ask_back(self) -> None:
        """Asks for the jobs that wait behind a long one, once."""
        if not self._asked_back:
            self._asked_back = True
            self._send({"back": list(self.held)[1:]})

    def hand_on(self) -> None:
        """Takes note that all that it has reported so far goes to the engine now."""
        self._handed_on, self._news_handed_on = self._delivered, self._news_delivered

    def forget(self) -> None:
        """Lets it drop from its journal what the engine has settled: all that was handed on."""
        self._news_settled = self._news_handed_on
        if self._handed_on - self._forgotten >= _FORGET_BYTES:
            self._forgotten = self._handed_on
            self._send({"forget": self._forgotten})

    def unsaid(self) -> list[Report]:
        """Returns what an ended worker wrote to its journal but could not say; it holds that no more."""
        return [report for report in read(self.journal) if self.held.pop(report.handle, None) is not None]

    def unheard(self) -> list[RangeNews]:
        """Returns the news that an ended worker wrote to its journal but could not say."""
        found = [line for line in lines(self.journal) if line.serial > self._news_delivered]
        self._news_delivered = max([line.serial for line in found], default=self._news_delivered)
        return [line.news for line in found if line.news is not None]

    def drop_journal(self, unsettled: Set[str]) -> bool:
        """Removes its journal, and says so, unless that tells of something that is not settled."""
        for line in lines(self.journal):
            if line.serial > self._news_settled or (line.report and line.report.handle in unsettled):
                return False
        self.journal.unlink(missing_ok=True)
        return True

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
        if notice.news is not None:
            self._note_news(notice, len(line) + 1)
            return notice
        self._heard_at = time.monotonic()
        if notice.returned is not None:
            self._asked_back = False
        elif notice.report is not None:
            self._delivered += len(line) + 1
            self.held.pop(notice.report.handle, None)
        else:
            self._running = (notice.started, notice.pid)
        return notice

    def _note_news(self, notice: Notice, size: int) -> None:
        # jobs that wait behind an attempt are no better off for its news: it is not heard of by that
        assert notice.news is not None
        self._news_delivered = notice.serial
        if notice.news.ranges:
            self._delivered += size
        if notice.pid:
            self._running = (notice.news.handle, notice.pid)

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
        """Removes what a worker that has ended needs no more: its scratch folder, empty logs and journals."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        for path in (self._log, self.journal):
            with contextlib.suppress(OSError):
                if not path.stat().st_size:
                    path.unlink()
