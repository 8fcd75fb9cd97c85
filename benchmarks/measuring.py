"""What every benchmark here shares: places to work in, timing of processes, and results in one schema."""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from resource import struct_rusage
from typing import Any, NamedTuple

Command = Sequence[str | Path]

BIN = Path(sys.executable).parent
"""Where the commands of helios-wf are."""

# packages are compiled when they are installed, a checkout is not: with this set, it would be at each start
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


class Measured(NamedTuple):
    """One timing: wall-clock and CPU seconds, and the largest resident memory of any one process in MB."""

    seconds: float
    cpu_seconds: float
    peak_memory_mb: float


class FailedError(RuntimeError):
    """A measured command did not end with 0."""


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """Gives a folder to work in: a temporary one, or the one that is asked for, which is kept."""
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="helios-benchmark-") as folder:
            yield Path(folder)


def new_folder(work: Path) -> Path:
    """Makes a folder for one timing.

    Folders stay until the end: on ext4, what is removed slows down for minutes what is made afterwards.
    """
    (work / "runs").mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=work / "runs"))


def rival_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Makes an environment with packages from PyPI unless it is there; returns its Python."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        uv = shutil.which("uv") or (BIN / "uv" if (BIN / "uv").exists() else None)
        if uv:
            install: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python]
        else:
            install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        subprocess.run([*install, *packages], check=True)
    return python


def versions_of(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """Returns the versions of packages in an environment."""
    script = (
        "import json, sys; from importlib.metadata import version; "
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    said = subprocess.run([python, "-c", script, *packages], check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, str] = json.loads(said)
    return found


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
    usages = _all_of(commands, env)
    if then:
        usages += _all_of([then], env)
    return Measured(
        seconds=time.perf_counter() - started,
        cpu_seconds=sum(usage.ru_utime + usage.ru_stime for usage in usages),
        peak_memory_mb=max(usage.ru_maxrss for usage in usages) / 1024,
    )


def _all_of(commands: Sequence[Command], env: dict[str, str]) -> list[struct_rusage]:
    logs = [os.memfd_create("log") for _ in commands]
    running = [
        subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, env=env)
        for command, log in zip(commands, logs, strict=True)
    ]
    usages = []
    for process, log in zip(running, logs, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        usages.append(usage)
        if process.returncode:
            os.lseek(log, 0, os.SEEK_SET)
            said = os.read(log, 1 << 20).decode(errors="replace").strip().splitlines()[-5:]
            raise FailedError(
                f"{' '.join(map(str, process.args))} ended with {process.returncode}: {' | '.join(said)}"
            )
        os.close(log)
    return usages


def repeated(times: int, measure: Callable[[], Measured]) -> list[Measured]:
    """Returns several timings of one thing, after one that is thrown away (it warms the page cache)."""
    measure()
    return [measure() for _ in range(times)]


def in_turn(times: int, contest: Mapping[str, Callable[[], Measured]]) -> dict[str, list[Measured]]:
    """Returns several timings of each of some things, by name; one that fails is left out, with a word.

    They take turns, so what else the machine does falls on all alike; a first turn, which warms the page
    cache, is thrown away.
    """
    timings: dict[str, list[Measured]] = {name: [] for name in contest}
    for turn in range(times + 1):
        for name in list(timings):
            try:
                timing = contest[name]()
            except FailedError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                del timings[name]
                continue
            if turn:
                timings[name].append(timing)
    return timings


def row(name: str, size: int, timings: Sequence[Measured]) -> dict[str, Any]:
    """Returns a row of results; its ratio is filled in by ``compare``."""
    seconds = [round(timing.seconds, 4) for timing in timings]
    return {
        "name": name,
        "size": size,
        "seconds": seconds,
        "median": round(statistics.median(seconds), 4),
        "cpu_median": round(statistics.median(timing.cpu_seconds for timing in timings), 4),
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
        "cpu_median": round(large["cpu_median"] - small["cpu_median"], 4),
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
        times = f"{its['median']:9.3f} s {its['cpu_median']:9.3f} s CPU {ratio:>8}"
        print(f"{its['name']:44} {its['size']:>12,} {times} {its['peak_memory_mb']:8.0f} MB", file=sys.stderr)
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
