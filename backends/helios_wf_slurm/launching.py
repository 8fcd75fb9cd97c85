"""From jobs that wait to submissions: which go together, how many at once, and what sbatch answered."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from helios_wf.errors import BackendUnreachableError
from helios_wf.model import JobSpec
from helios_wf.spool import Spool, Terms, write
from helios_wf_slurm import commands, parsing, scripts
from helios_wf_slurm.commands import PREFIX, Need, alike, need_of, suffices, task_time_s, widest
from helios_wf_slurm.driver import Driver
from helios_wf_slurm.meanings import is_away, refuses
from helios_wf_slurm.pace import Pace, cut
from helios_wf_slurm.profile import Profile
from helios_wf_slurm.queue import Queue
from helios_wf_slurm.site import Site
from helios_wf_slurm.submission import Submission

GATHER_S = 1.0
"""Jobs that become ready within this time go together, while others run."""

PROBES = 8
"""So many jobs of a tool that nothing is known of go first, one by one, so that the others can be batched."""

POOL_CHUNK_S = 2.0
"""What a worker of a pool takes at once."""

AMBIGUOUS_S = 5.0
"""A submission that sbatch did not confirm may still turn up in the queue for so long."""

MOST_TRIES = 5
"""How often sbatch is asked again when it says something that helios-wf does not know."""


class Launcher:
    """Makes submissions and has them accepted."""

    def __init__(
        self,
        folder: Path,
        profile: Profile,
        driver: Driver,
        owner: str,
        at_once: int | None,
        site: Site,
    ) -> None:
        self.pace = Pace(folder / "pace.json")
        self.values: dict[str, bytes] = {}
        self._folder = folder
        self._profile = profile
        self._driver = driver
        self._owner = owner
        self._at_once = at_once
        self._site = site
        self._written: set[str] = set()
        self._workers = profile.pool_workers or 1
        self._last_at = float("-inf")

    @property
    def width(self) -> int:
        """How many chunks may be worked on side by side."""
        if self._profile.mode == "pool":
            return self._profile.pool_nodes * self._workers
        return self._at_once or min(64, self._profile.tasks_queued)

    @property
    def largest(self) -> int:
        """How many jobs of the tools that were seen lately go into one chunk, at most."""
        return self.pace.largest(self._profile.array_task_seconds)

    def choose(self, waiting: Sequence[JobSpec], active: Sequence[Submission]) -> list[JobSpec]:
        """Returns the jobs, all alike in what they need, that should go now."""
        busy = any(sub.chunks for sub in active)
        if not waiting or (busy and time.monotonic() - self._last_at < GATHER_S):
            return []
        probing = self._probing(active)
        chosen: list[JobSpec] = []
        need: Need | None = None
        for spec in waiting:
            if need is not None and not alike(need_of(spec), need):
                continue
            if self._profile.mode == "array" and self.pace.mean(spec.tool) is None:
                if probing.get(spec.tool, 0) >= PROBES:
                    continue
                probing[spec.tool] = probing.get(spec.tool, 0) + 1
            need = need or need_of(spec)
            chosen.append(spec)
        return chosen

    def _probing(self, active: Sequence[Submission]) -> dict[str, int]:
        """Returns how many jobs of each tool go first; below 0 where that was waited for long enough."""
        found: dict[str, int] = {}
        patience_s = self._profile.array_task_seconds
        for sub in active:
            is_old = time.monotonic() - sub.made_at > patience_s
            for chunk in sub.chunks.values():
                for spec in chunk.specs.values():
                    found.setdefault(spec.tool, 0)
                    found[spec.tool] += -PROBES * 1000 if is_old else 1
        return found

    def launch(self, specs: Sequence[JobSpec], active: Sequence[Submission]) -> tuple[Submission | None, int]:
        """Lays out jobs for workers.

        Returns:
            A submission that Slurm must still be told of (None: a pool that runs takes the jobs), and how
            many jobs were laid out, from the first on.
        """
        need = widest(map(need_of, specs))
        is_pool = self._profile.mode == "pool"
        self._workers = self._workers_for(need)
        aim_s = POOL_CHUNK_S if is_pool else self._profile.array_task_seconds
        room = len(specs) if is_pool else self._room(active)
        if room <= 0:
            return None, 0
        width = 4 * self.width if is_pool else self.width
        chunks = list(cut(specs, self._mean, aim_s, width, 0.0 if is_pool else 3.0))[:room]
        self._write_values(specs)
        live = (sub for sub in active if sub.is_live_pool and suffices(sub.need, need))
        sub = next(live, None) if is_pool else None
        new = None
        if sub is None:
            sub = new = self._new(need, is_pool)
        for chunk in chunks:
            sub.add(chunk)
        self._last_at = time.monotonic()
        return new, sum(map(len, chunks))

    def _workers_for(self, need: Need) -> int:
        """Returns how many workers fit on each node of a pool."""
        profile, nodes = self._profile, self._site.nodes(self._profile)
        fitting = [
            min(one.cores // need.cores, one.memory_mb // (need.memory_mb + commands.WORKER_MB))
            for one in nodes
        ]
        most = -(-self._at_once // profile.pool_nodes) if self._at_once else max(fitting, default=1)
        return profile.pool_workers or max(1, min([most, *[count for count in fitting if count > 0]]))

    def _room(self, active: Sequence[Submission]) -> int:
        """Returns how many array tasks may be submitted now."""
        used = running_at_once(active)
        if self._at_once and used and self._at_once - used < max(1, self._at_once // 2):
            return 0
        held = sum(len(sub.chunks) for sub in active)
        return min(self._profile.tasks_queued - held, self._site.array_size)

    def _mean(self, tool: str) -> float | None:
        mean = self.pace.mean(tool)
        # in a pool an unknown job costs nobody anything but its own time
        return POOL_CHUNK_S / 4 if mean is None and self._profile.mode == "pool" else mean

    def _new(self, need: Need, is_pool: bool) -> Submission:
        spool = Spool(self._folder / f"{PREFIX}{secrets.token_hex(8)}")
        profile = self._profile
        spool.make(
            Terms(
                values=str(self._folder / "values"),
                grace_s=profile.grace_s,
                beat_s=profile.beat_seconds,
                late_s=profile.late_seconds,
                time_s=task_time_s(need, profile),
                linger_s=profile.pool_linger_seconds if is_pool else None,
                scratch=profile.scratch,
            )
        )
        scripts.lay_out(spool.path, profile)
        sub = Submission(spool, need, is_pool)
        sub.claim(self._owner)
        return sub

    def _write_values(self, specs: Sequence[JobSpec]) -> None:
        named = {digest for spec in specs for digest in (spec.tool, spec.constants) if digest}
        folder = self._folder / "values"
        for digest in named - self._written:
            path = folder / digest
            if digest in self.values and not path.exists():
                folder.mkdir(parents=True, exist_ok=True)
                write(path, self.values[digest])
        self._written |= named

    def knows(self, digest: str) -> bool:
        """Returns whether a value was defined, by this engine or an earlier one."""
        return digest in self.values or (self._folder / "values" / digest).exists()

    def define(self, digest: str, value: object) -> None:
        """Takes a value."""
        if digest not in self.values:
            self.values[digest] = msgspec.json.encode(value)

    # -- sbatch --------------------------------------------------------------------------------------------

    def is_missing(self, sub: Submission, queue: Queue) -> bool:
        """Returns whether Slurm, asked long enough after sbatch, does not have a submission."""
        if sub.id is not None or queue.of(sub.name):
            return False
        return queue.asked_at > sub.told_at + AMBIGUOUS_S * min(max(sub.asked, 1), 6)

    def submit(self, sub: Submission, others: Sequence[Submission]) -> str | None:
        """Tells Slurm of a submission; returns why it will never run, None when it will or may."""
        if self._at_once and not sub.is_pool:
            sub.at_once = max(1, self._at_once - running_at_once(others))
        sub.asked_at = time.monotonic()
        sub.asked += 1
        try:
            done = self._driver.call(self._command(sub))
        except BackendUnreachableError as error:
            sub.trouble = str(error)
            return None
        job = parsing.job_id(done.out) if done.code == 0 else None
        if job is not None:
            sub.accept(job)
            sub.trouble = ""
            return None
        sub.trouble = done.words
        is_final = refuses(done.words) or (sub.asked >= MOST_TRIES and not is_away(done.words))
        return sub.trouble if is_final else None

    def _command(self, sub: Submission) -> list[str]:
        python = self._profile.python or sys.executable
        folder = str(sub.spool.path)
        if sub.is_pool:
            command = commands.sbatch_pool(
                sub.name, folder, sub.need, self._profile, self._workers_for(sub.need)
            )
        else:
            tasks = max(sub.chunks) + 1
            command = commands.sbatch_array(sub.name, folder, sub.need, self._profile, tasks, sub.at_once)
        return [*command, python]


def running_at_once(submissions: Sequence[Submission]) -> int:
    """Returns how many array tasks of these may run together."""
    return sum(min(sub.at_once or len(sub.chunks), len(sub.chunks)) for sub in submissions if not sub.is_pool)
