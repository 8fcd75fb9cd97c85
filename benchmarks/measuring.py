"""What every benchmark here shares: timing of processes, and results in one schema."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

Command = Sequence[str | Path]


class Measured(NamedTuple):
    """One timing: wall-clock seconds, and the largest resident memory of any one process in MB."""

    seconds: float
    peak_memory_mb: float


class FailedError(RuntimeError):
    """A measured command did not end with 0."""


def together(
    *commands: Command, then: Command | None = None, environment: dict[str, str] | None = None
) -> Measured:
    """Runs commands at the same time, then one more, and measures all of it.

    Peak memory is that of a process and its descendants one by one, as the kernel counts it; a child's count
    starts at this process's own, so this process stays small.

    Raises:
        FailedError: One did not end with 0; says its last words.
    """
    env = {**os.environ, **(environment or {})}
    started = time.perf_counter()
    peaks = _all_of(commands, env)
    if then:
        peaks += _all_of([then], env)
    return Measured(time.perf_counter() - started, max(peaks))


def _all_of(commands: Sequence[Command], env: dict[str, str]) -> list[float]:
    logs = [os.memfd_create("log") for _ in commands]
    running = [
        subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, env=env)
        for command, log in zip(commands, logs, strict=True)
    ]
    peaks = []
    for process, log in zip(running, logs, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        peaks.append(usage.ru_maxrss / 1024)
        if process.returncode:
            os.lseek(log, 0, os.SEEK_SET)
            said = os.read(log, 1 << 20).decode(errors="replace").strip().splitlines()[-5:]
            raise FailedError(
                f"{' '.join(map(str, process.args))} ended with {process.returncode}: {' | '.join(said)}"
            )
        os.close(log)
    return peaks


def repeated(times: int, measure: Callable[[], Measured]) -> list[Measured]:
    """Returns several timings of one thing, after one that is thrown away (it warms the page cache)."""
    measure()
    return [measure() for _ in range(times)]


def row(name: str, size: int, timings: Sequence[Measured]) -> dict[str, Any]:
    """Returns a row of results; its ratio is filled in by ``compare``."""
    seconds = [round(timing.seconds, 4) for timing in timings]
    return {
        "name": name,
        "size": size,
        "seconds": seconds,
        "median": round(statistics.median(seconds), 4),
        "ratio": None,
        "peak_memory_mb": round(max(timing.peak_memory_mb for timing in timings), 1),
    }


def slope(name: str, small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    """Returns the row of what grows with the size alone: start-up falls out of the difference."""
    seconds = round(large["median"] - small["median"], 4)
    return {
        "name": name,
        "size": large["size"] - small["size"],
        "seconds": [seconds],
        "median": seconds,
        "ratio": None,
        "peak_memory_mb": large["peak_memory_mb"],
    }


def compare(rows: Sequence[dict[str, Any]], against: Sequence[dict[str, Any]]) -> None:
    """Sets each row's ratio: its median over the least median of the rows it is compared against."""
    best = min(other["median"] for other in against)
    for its in rows:
        its["ratio"] = round(its["median"] / best, 3)


def results(benchmark: str, versions: dict[str, str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns results in the schema that README.md describes."""
    return {
        "benchmark": benchmark,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cpu": _cpu(), "cores": len(os.sched_getaffinity(0))},
        "versions": {"python": platform.python_version(), **versions},
        "rows": list(rows),
    }


def report(found: dict[str, Any], output: Path | None) -> None:
    """Writes results as JSON, and as a table on stderr."""
    for its in found["rows"]:
        ratio = "" if its["ratio"] is None else f"{its['ratio']:.2f}x"
        cells = f"{its['size']:>12,} {its['median']:9.3f} s {ratio:>8} {its['peak_memory_mb']:8.0f} MB"
        print(f"{its['name']:44} {cells}", file=sys.stderr)
    text = json.dumps(found, indent=1) + "\n"
    if output:
        output.write_text(text)
    else:
        print(text, end="")


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
