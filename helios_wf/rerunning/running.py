"""Runs the job through the runner that every worker has, passing on what its tool writes."""

from __future__ import annotations

import contextlib
import shlex
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from helios_wf.cwl.command import Invocation
from helios_wf.cwl.program import program_of
from helios_wf.evidence import memory_kills
from helios_wf.feeding import run as run_ranges
from helios_wf.feeding.process import part_of, range_of
from helios_wf.joblogs import STREAMS, files_of
from helios_wf.model import RangeReport, Report, Way
from helios_wf.processes import become_subreaper
from helios_wf.rerunning.again import Again
from helios_wf.runner import run as run_once
from helios_wf.states import Cause

LOOK_S = 0.1

CHUNK = 1 << 20

TIMED_OUT = 124
"""Exit code of a tool that ran longer than its time limit.  Source: timeout(1)."""


def run(one: Again, say: Callable[[str], None]) -> Report:
    """Runs a job once more, and returns its report.

    Args:
        one: the job.
        say: told the command lines.
    """
    become_subreaper()
    memory_kills()
    with _Streams(one):
        if one.ranges:
            return _of_ranges(one, say)
        assert isinstance(one.tool, dict)
        return run_once(one.spec, one.tool, one.constants, on_prepared=_telling(say))


def exit_code(report: Report) -> int:
    """Returns the exit code of a job, or its first range that failed: the tool's, or 128 and a signal."""
    failed = next((told for told in report.ranges if told.cause is not None), None)
    return _code(failed if report.cause is None and failed is not None else report)


def _code(report: Report | RangeReport) -> int:
    if report.signal:
        return 128 + report.signal
    if report.cause is Cause.TIME_LIMIT:
        return TIMED_OUT
    return report.exit_code or int(report.cause is not None)


def _of_ranges(one: Again, say: Callable[[str], None]) -> Report:
    """Runs the event ranges of a job: each in a process, or all in a tool that stays."""
    spec, feeding = one.spec, one.spec.feeding
    assert isinstance(one.tool, dict)
    assert feeding is not None
    if feeding.way is not Way.PROCESS:
        return run_ranges(spec, one.tool, one.constants)
    program = program_of(one.tool)
    Path(spec.directory).mkdir(parents=True)
    told: list[RangeReport] = []
    for each in one.ranges:
        part = part_of(spec, feeding, each)
        report = run_once(part, program, one.constants, on_prepared=_telling(say))
        told.append(range_of(each, report, part.directory))
    return Report(run=spec.run, key=spec.key, attempt=spec.attempt, ranges=tuple(told))


def _telling(say: Callable[[str], None]) -> Callable[[Invocation], None]:
    def tell(invocation: Invocation) -> None:
        into = [f"> {shlex.quote(invocation.stdout)}"] if invocation.stdout else []
        into += [f"2> {shlex.quote(invocation.stderr)}"] if invocation.stderr else []
        since = [f"< {shlex.quote(invocation.stdin)}"] if invocation.stdin else []
        say(" ".join([shlex.join(invocation.argv), *since, *into]))

    return tell


class _Streams:
    """Passes on what a tool writes to its logs, while it does."""

    def __init__(self, one: Again) -> None:
        self._one = one
        self._at: dict[Path, int] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *unused: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            while not self._is_over.wait(LOOK_S):
                self._pass_on()
            self._pass_on()

    def _pass_on(self) -> None:
        for file in files_of(self._one.task, Path(self._one.spec.directory), STREAMS):
            out = sys.stdout if file.stream == "stdout" else sys.stderr
            with contextlib.suppress(FileNotFoundError), file.path.open("rb") as log:
                log.seek(self._at.get(file.path, 0))
                while data := log.read(CHUNK):
                    out.buffer.write(data)
                out.flush()
                self._at[file.path] = log.tell()


def ended(report: Report) -> str:
    """Returns how a job ended, in words."""
    failed = [told for told in report.ranges if told.cause is not None]
    if report.cause is None and failed:
        first = failed[0]
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f"events [{first.first}, {first.stop}) failed{more}: {first.message or first.cause}"
    if report.cause is None:
        code = f" (exit code {report.exit_code} counts as a success)" if report.exit_code else ""
        return f"it succeeded{code}"
    return f"it failed: {report.message or report.cause}"
