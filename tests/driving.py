"""Driving the command line from tests: a folder in which ``helios-wf`` is called, and what it left there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from helios_wf.processes import JOB_MARK, RUN_MARK, marked
from helios_wf.states import GOOD_JOBS, JobState
from helios_wf.store import Store, jobs, log, runs
from helios_wf.store.rows import LogRow, RunRow

HELIOS_WF = str(Path(sys.executable).with_name("helios-wf"))
CHAIN = Path(__file__).parent / "acceptance" / "slow_chain.cwl"
PATIENCE_S = 60.0

_OF_RANGE = re.compile(r"events \[\d+, \d+\), try ")
"""How entries of the event log begin that tell of one event range of a job."""


class JobCounts(NamedTuple):
    """Where a job stands, and its tries."""

    task: int
    path: str
    state: JobState
    attempt: int
    charged: int
    lost: int


class Desk:
    """A folder with a home, inputs and outputs; ``helios-wf`` is called in it.

    Args:
        folder: made if it is not there.
        store: URL of the store; None: the file in the home.
        home: where it is not to be in the folder.
        files: how many files of 30 events the input dataset has.
        nap: how long each job of the chain sleeps, in seconds.
        is_shut: no job of the step ``process/filter`` ends until ``open_gate`` is called.
        document: what is run; its tools stand in it, or are among the files ``beside`` it.
    """

    def __init__(
        self,
        folder: Path,
        store: str | None = None,
        home: Path | None = None,
        files: int = 3,
        nap: str = "0.05",
        is_shut: bool = False,
        document: Path = CHAIN,
        beside: Sequence[Path] = (),
    ) -> None:
        self.folder = folder
        self.home = home or folder / ".helios"
        self.outdir = folder / "out"
        self.store_url = store
        self._store: Store | None = None
        self._started: list[subprocess.Popen[str]] = []
        raw = folder / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        self.chain = folder / document.name
        self.gate = folder / "gate"
        for path in beside:
            shutil.copy(path, folder)
        text = document.read_text().replace('default: "0.05"', f'default: "{nap}"')
        if is_shut:
            self.gate.touch()
            gated = f"kept.txt; while [ -e {self.gate} ]; do sleep 0.02; done"
            text = text.replace('kept.txt; sleep "$1"', gated)
        self.chain.write_text(text)
        for number in range(files):
            lines = [f"event {number} {event}\n" for event in range(30)]
            (raw / f"raw{number}.txt").write_text("".join(lines))

    @property
    def run_arguments(self) -> tuple[str, ...]:
        """The arguments that run the chain over this folder's dataset."""
        pattern = f"slow.0001.raw={self.folder}/raw/*.txt"
        return ("run", str(self.chain), "--dataset", pattern, "--outdir", str(self.outdir), "--jobs", "2")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts ``helios-wf`` with its home and store here, in a process group of its own, with pipes."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HELIOS_")}
        environment["HELIOS_HOME"] = str(self.home)
        if self.store_url:
            environment["HELIOS_STORE"] = self.store_url
        process = subprocess.Popen(
            [HELIOS_WF, *arguments],
            cwd=self.folder,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def call(self, *arguments: str, code: int | None = 0) -> tuple[str, str]:
        """Runs ``helios-wf`` to its end and returns what it wrote to stdout and stderr."""
        return finish(self.start(*arguments), code)

    @property
    def store(self) -> Store:
        """The store, opened once."""
        if self._store is None:
            self._store = Store.open(self.store_url, self.home)
        return self._store

    def latest(self) -> RunRow | None:
        """Returns the run that was recorded last, if there is one."""
        if self.store_url is None and not (self.home / "helios.db").exists():
            return None
        with self.store.read() as tx:
            return runs.latest(tx)

    def run(self) -> RunRow:
        """Returns the run that was recorded last."""
        row = self.latest()
        assert row is not None, "no run was recorded"
        return row

    def log(self, after: int = 0) -> Sequence[LogRow]:
        """Returns the event log of the latest run, behind an entry."""
        row = self.latest()
        if row is None:
            return ()
        with self.store.read() as tx:
            return log.list(tx, row.id, after, 1_000_000)

    def jobs(self) -> list[JobCounts]:
        """Returns the jobs of the latest run."""
        with self.store.read() as tx:
            return [JobCounts(*row[:6]) for row in jobs.states(tx, self.run().id)]

    def wait_for_tools(self, process: subprocess.Popen[str], at_gate: bool = False) -> None:
        """Waits until a tool of the latest run is at work, or waits at the gate."""

        def is_at_work() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"it ended before a tool began:\n{''.join(process.communicate())}")
            row = self.latest()
            tools = marked(RUN_MARK, [row.id]) if row is not None else []
            return any(not at_gate or str(self.gate).encode() in command_line(pid) for pid in tools)

        wait_until(is_at_work, "no tool began")

    def stop(self, engine: subprocess.Popen[str]) -> None:
        """Stops an engine between two of its transactions: in one, it would keep SQLite's lock."""

        def is_between() -> bool:
            os.kill(engine.pid, signal.SIGSTOP)
            try:
                with contextlib.closing(sqlite3.connect(self.home / "helios.db", timeout=0.5)) as store:
                    store.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(engine.pid, signal.SIGCONT)
                return False
            return True

        wait_until(is_between, "the engine was never found between two transactions")

    def handles(self) -> set[str]:
        """Returns the handles of the attempts of the latest run whose tools are at work."""
        found = set()
        for pid in marked(RUN_MARK, [self.run().id]):
            with contextlib.suppress(OSError):
                variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
                found |= {text.partition("=")[2] for text in variables if text.startswith(f"{JOB_MARK}=")}
        return found

    def open_gate(self) -> None:
        """Lets the jobs end that wait at the gate."""
        self.gate.unlink()

    def leftovers(self) -> list[int]:
        """Returns the processes that work for this folder: marked tools, and workers of its home."""
        row = self.latest()
        tools = marked(RUN_MARK, [row.id]) if row is not None else []
        workers = [pid for pid in pids() if re.search(rb"helios_wf\.(file_)?worker", command_line(pid))]
        return tools + [pid for pid in workers if f"{self.home}/".encode() in command_line(pid)]

    def published(self) -> dict[str, str]:
        """Returns the SHA-1 of every file below the output folder by its path, RUN standing for the id."""
        row = self.latest()
        return {
            str(path.relative_to(self.outdir)).replace(row.id if row else "", "RUN"): _sha1(path)
            for path in sorted(self.outdir.rglob("*"))
            if path.is_file()
        }

    def close(self) -> None:
        """Ends what is still running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        wait_until(lambda: not self.leftovers(), "what a test left running did not end")
        self.let_go()

    def let_go(self) -> None:
        """Closes the store until it is asked for again."""
        if self._store is not None:
            self._store.close()
            self._store = None


def finish(
    process: subprocess.Popen[str], code: int | None = 0, patience_s: float = PATIENCE_S
) -> tuple[str, str]:
    """Waits for a command, makes sure of its exit code, and returns its stdout and stderr."""
    try:
        out, err = process.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{process.args} did not end in {patience_s} s\n{out}\n{err}") from None
    assert "Traceback" not in err, err
    assert code is None or process.returncode == code, f"exit code {process.returncode}, not {code}\n{err}"
    return out, err


def wait_until(condition: Callable[[], object], what: str, every_s: float = 0.01) -> None:
    """Waits until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} (waited {PATIENCE_S} s)"
        time.sleep(every_s)


def pids() -> list[int]:
    """Returns all processes of this machine but this one."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) != os.getpid()]


def command_line(pid: int) -> bytes:
    """Returns the arguments of a process, nothing when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def birth(pid: int) -> str | None:
    """Returns when a process began, in ticks since boot; None when it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def children(pid: int) -> list[int]:
    """Returns the children of a process."""
    found = []
    for other in pids():
        try:
            if int(Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(other)
        except OSError:
            continue
    return found


def kill(pid: int) -> None:
    """Kills one process, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _sha1(path: Path) -> str:
    # a file that is being published may be renamed meanwhile
    with contextlib.suppress(FileNotFoundError):
        return hashlib.sha1(path.read_bytes()).hexdigest()
    return ""


def checksums(value: Any) -> Any:
    """Returns an output object with each File cut down to what may not differ between two folders."""
    if isinstance(value, list):
        return [checksums(one) for one in value]
    if isinstance(value, dict):
        if value.get("class") == "File":
            return (value["basename"], value["size"], value["checksum"])
        return {key: checksums(one) for key, one in value.items()}
    return value


def printed(out: str) -> Any:
    """Returns the checksums in what ``run`` or ``resume`` wrote to stdout for one run over the catalogue."""
    (one,) = json.loads(out)
    return checksums(one["outputs"])


def assert_nothing_was_done_twice(entries: Sequence[LogRow]) -> None:
    """Makes sure by the event log that no job goes on once it is settled well, and attempts count upward."""
    last: dict[tuple[int | None, str | None], LogRow] = {}
    for entry in entries:
        if entry.task is None or _OF_RANGE.match(entry.note):
            continue
        before = last.get((entry.task, entry.path))
        if before is not None:
            assert before.new not in GOOD_JOBS, f"{before} was followed by {entry}"
            assert before.new == entry.old, f"{before} was followed by {entry}"
            if entry.new == JobState.LEASED:
                assert (entry.attempt or 0) > (before.attempt or 0), f"{before} was followed by {entry}"
        last[entry.task, entry.path] = entry
