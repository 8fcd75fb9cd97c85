"""A child process that answers lines, within limits of time and memory that it cannot pass.

The child reads requests and writes answers, one line each, in order.  Before each request it sets an alarm of
processor time that ends it, also where a library would not listen; it is started anew when it is asked again.

    parent                                child: python -m MODULE
    Confined(MODULE).ask(lines)           serve(answer, cpu_s, memory_mb)
"""

from __future__ import annotations

import atexit
import contextlib
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from helios_wf.processes import family_cpu_s, spare

CHUNK = 1 << 18
WALL_FACTOR = 10
"""A child that neither answers nor computes is given up after so many times its limit of processor time."""

LEAST_SHARE = 0.01
"""A child that had less than this of a core's time did not compute: others may have most of the machine."""


class DiedError(Exception):
    """The child died over a request; says how, in words that end a sentence about it."""

    def __init__(self, how: str, out_of_time: bool = False, idle: bool = False) -> None:
        super().__init__(how)
        self.out_of_time = out_of_time
        self.idle = idle
        """It ended because nobody had asked for long; asking once more starts another."""


class Lines:
    """What is read in pieces, as lines."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def of(self, data: bytes) -> list[bytes]:
        """Returns the lines that end in a further piece."""
        first, *rest = data.split(b"\n")
        self._begun.append(first)
        if not rest:
            return []
        lines = [b"".join(self._begun), *rest]
        self._begun = [lines.pop()]
        return lines


class Patience:
    """How long a child is waited for: as long as it, or a child of its own, computes.

    Args:
        pid: the child.
        wall_s: after so long without computing it is given up.
    """

    def __init__(self, pid: int, wall_s: float) -> None:
        self._pid = pid
        self._window_s = wall_s / 2
        self._until = time.monotonic() + self._window_s
        self._computed_s: float | None = None

    def left_ms(self) -> float:
        """Returns for how many milliseconds it may be waited for before it is looked at."""
        return max(0.0, self._until - time.monotonic()) * 1000

    def is_over(self) -> bool:
        """Looks at it, when no time is left; says whether it only slept since it was looked at last."""
        before, self._computed_s = self._computed_s, family_cpu_s(self._pid)
        self._until = time.monotonic() + self._window_s
        return before is not None and self._computed_s - before < LEAST_SHARE * self._window_s


class _Requests:
    """Lines on their way to the child."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.unanswered = 0
        self.all_sent = False
        self._lines = iter(lines)
        self._rest = memoryview(b"")

    def send(self, to: int) -> None:
        """Writes as much as the pipe takes."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            while self._rest or self._next():
                self._rest = self._rest[os.write(to, self._rest) :]

    def _next(self) -> bool:
        line = next(self._lines, None)
        self.all_sent = line is None
        self.unanswered += line is not None
        self._rest = memoryview(b"" if line is None else line + b"\n")
        return not self.all_sent


class Confined:
    """The parent's side of one such child, which is started when it is first asked."""

    def __init__(self, module: str, cpu_s: float) -> None:
        """Takes a module to start as ``python -m MODULE SECONDS``, whose requests have so much time."""
        self.generation = 0
        """Grows with every new child, which knows nothing of what was said to those before."""
        self._module = module
        self._cpu_s = cpu_s
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """The child's process id; None where there is none."""
        self._forget_foreign()
        return None if self._process is None else self._process.pid

    def start(self, *hints: str) -> int:
        """Starts the child where there is none, and returns its generation.

        Args:
            hints: further arguments of the module: what it will be asked about, so that it can get ready.
        """
        self._forget_foreign()
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self._module, str(self._cpu_s), *hints],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            spare(self._process.pid)
            self._owner = os.getpid()
            self.generation += 1
            for end in _ends(self._process):
                os.set_blocking(end, False)
        return self.generation

    def ask(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yields the answer to each line; lines are taken as the child reads them.

        Raises:
            DiedError: the child died over the request after those that were answered.
        """
        self.start()
        process = self._process
        assert process is not None
        _, back = _ends(process)
        requests, answers = _Requests(lines), Lines()
        missing = True
        try:
            while missing:
                self._exchange(process, requests)
                with contextlib.suppress(BlockingIOError):
                    data = os.read(back, CHUNK)
                    if not data:
                        raise self._died()
                    for answer in answers.of(data):
                        requests.unanswered -= 1
                        yield answer
                missing = bool(requests.unanswered or not requests.all_sent)
        finally:
            # answers that nobody waited for must not be taken for those of the next requests
            if missing:
                self.close()

    def close(self) -> None:
        """Ends the child."""
        self._forget_foreign()
        process, self._process = self._process, None
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.kill()
        process.wait()
        spare(process.pid, False)

    def _exchange(self, process: subprocess.Popen[bytes], requests: _Requests) -> None:
        """Sends what the child takes, until there is something to read; kills a child that only sleeps."""
        to, back = _ends(process)
        poll = select.poll()
        poll.register(back, select.POLLIN)
        patience = Patience(process.pid, WALL_FACTOR * self._cpu_s)
        while requests.unanswered or not requests.all_sent:
            if not requests.all_sent:
                poll.register(to, select.POLLOUT)
            ready = dict(poll.poll(patience.left_ms()))
            if to in ready:
                requests.send(to)
                poll.unregister(to)
            if back in ready:
                return
            if not ready and patience.is_over():
                process.kill()
                return

    def _died(self) -> DiedError:
        assert self._process is not None
        code = self._process.wait()
        self.close()
        return ended(code)

    def _forget_foreign(self) -> None:
        """Leaves a child alone that belongs to the process that this one was forked from."""
        if self._process is not None and self._owner != os.getpid():
            self._process.returncode = 0
            self._process = None


def ended(code: int) -> DiedError:
    """Returns how a child ended that should have answered, from its exit code (minus a signal's number)."""
    if code == -signal.SIGPROF:
        return DiedError("it took too long", out_of_time=True)
    if code == -signal.SIGKILL:
        return DiedError(f"it was killed (for memory, or because it slept for {WALL_FACTOR} times its limit)")
    if code < 0:
        return DiedError(f"its process was ended by {signal.Signals(-code).name}")
    return DiedError(f"its process ended with {code}", idle=code == 0)


def _ends(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Returns where a child is written to, and where it is read from."""
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin.fileno(), process.stdout.fileno()


def serve(
    answer: Callable[[bytes], bytes], cpu_s: float, memory_mb: int, idle_s: float | None = None
) -> NoReturn:
    """Answers the lines of standard input until it ends, each within ``cpu_s`` seconds of processor time.

    Args:
        answer: must not raise, and its answer has no line break.
        cpu_s: processor time of one request; more ends the process with SIGPROF.
        memory_mb: address space of the process, in MiB.
        idle_s: the process ends when it is not asked for so long; None: never.
    """
    limit_memory(memory_mb)
    for line, out in requests(idle_s):
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        said = answer(line)
        signal.setitimer(signal.ITIMER_PROF, 0)
        out(said)
    os._exit(0)


def limit_memory(memory_mb: int) -> None:
    """Gives this process an address space of so many MiB at most."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))


def requests(idle_s: float | None = None) -> Iterator[tuple[bytes, Callable[[bytes], None]]]:
    """Yields the lines of standard input, each with what sends its answer, until it ends or none comes.

    Args:
        idle_s: so long is waited for the next; None: for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # what a request prints must not stand among the answers
    out = os.dup(1)
    os.dup2(2, 1)

    def send(answer: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            write_all(out, answer + b"\n")

    lines = Lines()
    while select.select([0], [], [], idle_s)[0] and (data := os.read(0, CHUNK)):
        for line in lines.of(data):
            yield line, send


def write_all(to: int, data: bytes) -> None:
    """Writes all of some data to a file descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(to, view) :]
