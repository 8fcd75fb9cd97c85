"""What Slurm's commands print, as values: pure functions.

Lines that are not of the expected form (headers of other clusters, names with line breaks) are passed over.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from helios_wf_slurm.commands import NAME


class Entry(NamedTuple):
    """What Slurm says of one job or array task of ours; ``task`` is None for a job without an array."""

    name: str
    id: str
    """The id that scancel takes: ``12`` or ``12_7``."""
    task: int | None
    state: str
    reason: str = ""
    node: str = ""


class Partition(NamedTuple):
    """Nodes of one kind in a partition; ``gpus`` on each, ``time_s`` None for no limit."""

    name: str
    is_default: bool
    is_up: bool
    time_s: float | None
    nodes: int
    cores: int
    memory_mb: int
    gpus: int


def job_id(out: str) -> str | None:
    """Returns the id that ``sbatch --parsable`` printed (``12``, ``12;cluster``); None for else."""
    found = re.fullmatch(r"([0-9]+)(;[^\s;]+)?", out.strip().rpartition("\n")[2])
    return found[1] if found else None


def queue(out: str) -> list[Entry]:
    """Returns the entries of ours in what squeue printed."""
    entries = []
    for line in out.splitlines():
        fields = line.split("|")
        if len(fields) != 6 or not NAME.fullmatch(fields[0]) or not fields[1].isdigit():
            continue
        name, job, index, state, reason, node = fields
        task = int(index) if index.isdigit() else None
        entries.append(Entry(name, job if task is None else f"{job}_{task}", task, state, reason, node))
    return entries


def accounts(out: str) -> list[Entry]:
    """Returns the entries of ours in what sacct printed; tasks that never started stand together in one."""
    entries = []
    for line in out.splitlines():
        fields = line.split("|")
        if len(fields) != 4 or not NAME.fullmatch(fields[0]):
            continue
        name, job, state, node = fields
        for task in _tasks(job):
            entries.append(Entry(name, job, task, state.split(" ")[0], "", node))
    return entries


def _tasks(job: str) -> list[int | None]:
    """Returns the array tasks in ``12``, ``12_7`` or ``12_[3-5,9%2]``."""
    _, _, index = job.partition("_")
    if not index:
        return [None]
    found: list[int | None] = []
    for part in index.strip("[]").partition("%")[0].split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found += range(int(first), int(last if last.isdigit() else first) + 1)
    return found


def config(out: str) -> dict[str, str]:
    """Returns what ``scontrol show config`` printed, by key in lower case."""
    pairs = (line.partition("=") for line in out.splitlines())
    return {key.strip().lower(): value.strip() for key, sep, value in pairs if sep}


def partitions(out: str) -> list[Partition]:
    """Returns what sinfo printed, a row for each kind of node in a partition."""
    found = []
    for line in out.splitlines():
        fields = line.split("|")
        if len(fields) != 7:
            continue
        name, available, limit, nodes, cores, memory, gres = fields
        gpus = sum(int(count) for count in re.findall(r"gpu(?::[^,:()]+)?:(\d+)", gres))
        found.append(
            Partition(
                name.rstrip("*"),
                name.endswith("*"),
                available == "up",
                seconds(limit),
                _number(nodes),
                _number(cores),
                _number(memory),
                gpus,
            )
        )
    return found


def seconds(limit: str) -> float | None:
    """Returns a time limit (``5:00``, ``2:00:00``, ``1-00:00:00``) in seconds; None for none."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not found:
        return None
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + rest)


def _number(text: str) -> int:
    """Returns the least number in ``4`` or ``4+``."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0
