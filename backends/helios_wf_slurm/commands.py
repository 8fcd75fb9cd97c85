"""The argument lists of Slurm's commands: pure functions.

Whatever stands in them is made here, or was checked (``profile``); jobs and their commands travel in files.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from helios_wf.model import JobSpec, Noun
from helios_wf_slurm.profile import Profile

PREFIX = "helios-"
NAME = re.compile(rf"{PREFIX}[0-9a-f]{{16}}")
"""The names of our submissions; each is used once."""

WORKER_MB = 100
"""Memory of the worker itself, and of the shell before it, besides what a job asks for."""

STARTUP_S = 60.0
"""Time for what is not the jobs: the prologue, the start of Python, handing on the last reports."""

QUEUE_FORMAT = "%j|%F|%K|%T|%r|%N"
"""Name, array job's (or job's) id, array index, state, reason, nodes.  Source: squeue(1), ``--format``."""

ACCOUNT_FORMAT = "JobName,JobID,State,NodeList"


class Need(Noun, frozen=True):
    """What a node must give to one array task, or to one worker of a pool."""

    run: str
    cores: int
    memory_mb: int
    gpus: int
    time_s: float | None


def need_of(spec: JobSpec) -> Need:
    """Returns what a job needs; a ToolTimeLimit holds for each of its event ranges."""
    asked = spec.resources
    ranges = len(spec.feeding.ranges) if spec.feeding is not None else 1
    return Need(
        spec.run,
        max(1, math.ceil(asked.cores)),
        math.ceil(asked.ram_mb),
        asked.gpus,
        None if asked.time_s is None else asked.time_s * max(1, ranges),
    )


def alike(one: Need, other: Need) -> bool:
    """Returns whether jobs may go into one array: neither is given much more than it asks for."""
    same = (one.run, one.cores, one.gpus) == (other.run, other.cores, other.gpus)
    if not same or (one.time_s is None) != (other.time_s is None):
        return False
    is_near = _near(one.memory_mb, other.memory_mb, 1.25)
    return is_near and (one.time_s is None or _near(one.time_s, other.time_s or 0.0, 2.0))


def _near(one: float, other: float, factor: float) -> bool:
    return max(one, other) <= factor * max(min(one, other), 1.0)


def widest(needs: Iterable[Need]) -> Need:
    """Returns what suffices for all of these, which are alike."""
    listed = list(needs)
    limits = [need.time_s for need in listed if need.time_s is not None]
    memory_mb = max(need.memory_mb for need in listed)
    return Need(listed[0].run, listed[0].cores, memory_mb, listed[0].gpus, max(limits, default=None))


def suffices(pool: Need, need: Need) -> bool:
    """Returns whether a worker of a pool has what a job needs."""
    same = (pool.run, pool.gpus) == (need.run, need.gpus)
    return same and need.cores <= pool.cores and widest([pool, need]) == pool


def task_time_s(need: Need, profile: Profile) -> float | None:
    """Returns how long an array task, or a pool, may last, in seconds; None: as the partition has it.

    A task may begin a further job until it has lasted ``array_task_seconds``, and each has all its own time.
    """
    if profile.time_minutes is not None:
        return 60.0 * profile.time_minutes
    if need.time_s is None:
        return None
    return need.time_s + profile.array_task_seconds + STARTUP_S


def sbatch_array(
    name: str, folder: str, need: Need, profile: Profile, tasks: int, at_once: int | None
) -> list[str]:
    """Returns the command that submits an array of tasks, at most ``at_once`` of them running together."""
    limit = f"%{at_once}" if at_once else ""
    return [
        *_sbatch(name, need, profile),
        f"--array=0-{tasks - 1}{limit}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={need.cores}",
        f"--mem={need.memory_mb + WORKER_MB}M",
        *([f"--gpus={need.gpus}"] if need.gpus else []),
        *profile.extra,
        f"{folder}/task.sh",
        folder,
    ]


def sbatch_pool(name: str, folder: str, need: Need, profile: Profile, workers: int) -> list[str]:
    """Returns the command that submits one allocation with so many workers on each of its nodes."""
    return [
        *_sbatch(name, need, profile),
        f"--nodes={profile.pool_nodes}",
        f"--ntasks-per-node={workers}",
        f"--cpus-per-task={need.cores}",
        f"--mem={workers * (need.memory_mb + WORKER_MB)}M",
        *([f"--gpus-per-task={need.gpus}"] if need.gpus else []),
        *profile.extra,
        f"{folder}/pool.sh",
        folder,
    ]


def _sbatch(name: str, need: Need, profile: Profile) -> list[str]:
    time_s = task_time_s(need, profile)
    named = ("partition", "account", "qos", "constraint")
    return [
        "sbatch",
        "--parsable",
        f"--job-name={name}",
        # a requeued job would run beside what is left of its first life
        "--no-requeue",
        "--export=ALL",
        "--chdir=/",
        "--output=/dev/null",
        "--error=/dev/null",
        *([f"--time={math.ceil(time_s / 60)}"] if time_s else []),
        *[f"--{key}={getattr(profile, key)}" for key in named if getattr(profile, key)],
    ]


def squeue() -> list[str]:
    """Returns the command that tells of all of this user's jobs, those that ended lately too."""
    return ["squeue", "--me", "--states=all", "--array", "--noheader", f"--format={QUEUE_FORMAT}"]


def sacct(ids: Iterable[str]) -> list[str]:
    """Returns the command that tells what became of jobs that squeue no longer knows."""
    listed = ",".join(sorted(set(ids)))
    return [
        "sacct",
        "--noheader",
        "--parsable2",
        "--allocations",
        f"--format={ACCOUNT_FORMAT}",
        f"--jobs={listed}",
    ]


def scancel(ids: Iterable[str]) -> list[str]:
    """Returns the command that ends jobs and array tasks (``12``, ``12_7``)."""
    return ["scancel", "--quiet", *sorted(set(ids))]


def scancel_name(name: str) -> list[str]:
    """Returns the command that ends a submission whose id is not known."""
    return ["scancel", "--quiet", "--me", f"--name={name}"]


def show_config() -> list[str]:
    """Returns the command that tells how the site is configured."""
    return ["scontrol", "show", "config"]


def sinfo() -> list[str]:
    """Returns the command that tells what nodes the partitions have."""
    return ["sinfo", "--noheader", "--format=%P|%a|%l|%D|%c|%m|%G"]
