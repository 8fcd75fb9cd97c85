"""A submission: one array, or one pool, with the chunks of jobs that it is to run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from helios_wf.model import JobSpec, Report
from helios_wf.spool import Spool, names, write
from helios_wf.worker import Notice
from helios_wf_slurm.commands import NAME, Need, need_of, widest
from helios_wf_slurm.meanings import Ending

_DECODER = msgspec.json.Decoder(Notice)


class Chunk:
    """Jobs that one worker runs one after another: those of which it has not reported."""

    def __init__(self, number: int, specs: Iterable[JobSpec]) -> None:
        self.number = number
        self.specs = {spec.handle: spec for spec in specs}
        self.worker = ""
        """Who took it; empty while nobody has."""
        self.beat: bytes | None = None
        self.beat_at = 0.0
        """When its sign of life last changed (``time.monotonic``)."""
        self.ending: Ending | None = None
        """How its task of Slurm ended, if it has."""
        self.over_at = 0.0
        self.state = ""
        self.state_since = 0.0
        self.reason = ""
        self.task_id = ""
        self.node = ""
        self.cancelled: set[str] = set()

    def ended(self, ending: Ending) -> None:
        """Takes note that nothing of it runs in Slurm any more."""
        if self.ending is None:
            self.over_at = time.monotonic()
        self.ending = ending

    def lives(self, state: str) -> None:
        """Takes note that its task waits or runs."""
        if state != self.state:
            self.state_since = time.monotonic()
        self.state, self.ending = state, None

    @property
    def is_cancelled(self) -> bool:
        """Whether all that is left of it is to end."""
        return self.cancelled >= self.specs.keys()

    def is_silent(self, limit_s: float) -> bool:
        """Returns whether its worker has given no sign of life for so long."""
        return bool(self.worker) and time.monotonic() - self.beat_at > limit_s

    def is_stuck(self, limit_s: float) -> bool:
        """Returns whether Slurm says since so long that it runs, but nobody took it."""
        is_running = self.state == "RUNNING" and self.ending is None and not self.worker
        return is_running and time.monotonic() - self.state_since > limit_s

    @property
    def begun(self) -> list[JobSpec]:
        """The attempts that its worker began and did not report."""
        return [spec for spec in self.specs.values() if _is_made(spec.directory)]


class Submission:
    """One array or pool of Slurm and its folder."""

    def __init__(self, spool: Spool, need: Need, is_pool: bool) -> None:
        self.name = spool.name
        self.spool = spool
        self.need = need
        self.is_pool = is_pool
        self.id: str | None = None
        """Slurm's id, once it is known; worth nothing without the name."""
        self.chunks: dict[int, Chunk] = {}
        self.unsettled: set[str] = set()
        self.asked_at: float | None = None
        """When sbatch was last called for it (``time.monotonic``); None: not by this engine."""
        self.asked = 0
        self.at_once: int | None = None
        """How many of its array tasks may run together; None: all."""
        self.trouble = ""
        """What sbatch said instead of accepting it."""
        self.has_begun = False
        """Whether a worker took jobs of it."""
        self.is_over = False
        """Whether a pool has ended."""
        self.made_at = time.monotonic()
        self._next = 0

    @classmethod
    def found(cls, path: Path, wanted: set[str]) -> Submission | None:
        """Returns a submission of an earlier engine with what is wanted of it; None: nothing is."""
        spool = Spool(path)
        try:
            terms = spool.terms()
        except (OSError, msgspec.DecodeError):
            return None
        chunks = {
            number: [spec for spec in specs if spec.handle in wanted] for number, specs in spool.chunks()
        }
        specs = [spec for chunk in chunks.values() for spec in chunk]
        if not specs:
            return None
        its = cls(spool, widest(map(need_of, specs)), terms.linger_s is not None)
        its.id = _read(path / "job") or None
        its._next = max(chunks) + 1
        for number, kept in chunks.items():
            if kept:
                its.chunks[number] = Chunk(number, kept)
        its.unsettled = {spec.handle for spec in specs}
        return its

    @property
    def told_at(self) -> float:
        """When Slurm was last told of it, at the latest (``time.monotonic``)."""
        return self.made_at if self.asked_at is None else self.asked_at

    @property
    def is_live_pool(self) -> bool:
        """Whether it is a pool that may take more jobs."""
        return self.is_pool and not self.is_over

    def add(self, specs: Sequence[JobSpec]) -> None:
        """Lays out a chunk of jobs."""
        chunk = Chunk(self._next, specs)
        self._next += 1
        self.spool.put(chunk.number, specs)
        self.chunks[chunk.number] = chunk
        self.unsettled |= chunk.specs.keys()

    def accept(self, job: str) -> None:
        """Keeps the id that Slurm gave it."""
        self.id = job
        write(self.spool.path / "job", job.encode())

    def claim(self, owner: str) -> None:
        """Makes it the caller's: an engine that had it before leaves it alone from now on."""
        write(self.spool.path / "owner", owner.encode())

    def is_owned(self, owner: str) -> bool:
        """Returns whether it is still the caller's."""
        return _read(self.spool.path / "owner") == owner

    def hear(self) -> list[tuple[Chunk, Notice]]:
        """Returns what its workers said since the last call; takes note of who took what, and who lives."""
        if not self.chunks:
            return []
        now = time.monotonic()
        listing = self.spool.listing()
        self.has_begun = self.has_begun or bool(listing.taken)
        for number, worker in listing.taken.items():
            chunk = self.chunks.get(number)
            if chunk is None:
                continue
            if not chunk.worker:
                chunk.worker, chunk.beat_at = worker, now
            beat = self.spool.beat_of(number)
            if beat != chunk.beat:
                chunk.beat, chunk.beat_at = beat, now
        heard = []
        for name in listing.news:
            number, lines = self.spool.read_news(name)
            if number in self.chunks:
                heard += [(self.chunks[number], _DECODER.decode(line)) for line in lines]
        return heard

    def release(self, chunk: Chunk, handle: str) -> JobSpec | None:
        """Takes an attempt out of a chunk, and returns it; None when it is not there (any more)."""
        spec = chunk.specs.pop(handle, None)
        if not chunk.specs:
            self.chunks.pop(chunk.number, None)
        return spec

    def withdraw(self, chunk: Chunk) -> list[JobSpec] | None:
        """Takes a chunk that nobody took back, and returns its jobs; None when somebody did take it."""
        if chunk.worker or not self.spool.take_back(chunk.number):
            return None
        self.chunks.pop(chunk.number, None)
        self.unsettled -= chunk.specs.keys()
        return list(chunk.specs.values())


def submissions(folder: Path) -> list[Path]:
    """Returns the folders of all submissions."""
    return [folder / name for name in sorted(names(folder)) if NAME.fullmatch(name)]


def unrun(spec: JobSpec, ending: Ending, message: str, permanent: bool = False) -> Report:
    """Returns the report of an attempt of which no worker reported."""
    return Report(
        run=spec.run,
        key=spec.key,
        attempt=spec.attempt,
        cause=ending.cause,
        message=message,
        permanent=permanent,
        started_at=time.time(),
    )


def _is_made(directory: str) -> bool:
    # listing makes a network file system look again
    parent = Path(directory).parent
    return os.path.lexists(directory) or Path(directory).name in names(parent)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
