"""What a site has: its limits, and the nodes of the partition that jobs go to."""

from __future__ import annotations

from typing import NamedTuple

from helios_wf.errors import BackendUnreachableError
from helios_wf.model import Resources
from helios_wf_slurm import commands, parsing
from helios_wf_slurm.driver import Driver
from helios_wf_slurm.parsing import Partition
from helios_wf_slurm.profile import Profile

ARRAY_SIZE = 1001
"""Slurm's own MaxArraySize, where the site's cannot be asked."""


class Site(NamedTuple):
    """What Slurm says of itself; ``trouble`` says why nothing is known."""

    array_size: int = ARRAY_SIZE
    has_accounts: bool = False
    config: dict[str, str] = {}  # noqa: RUF012
    partitions: tuple[Partition, ...] = ()
    trouble: str = ""

    def nodes(self, profile: Profile) -> list[Partition]:
        """Returns the kinds of nodes of the profile's partition, or of the default one."""
        wanted = [one for one in profile.partition.split(",") if one]
        return [one for one in self.partitions if one.name in wanted or (not wanted and one.is_default)]


def ask_site(driver: Driver) -> Site:
    """Asks the controller for its configuration, and for the nodes."""
    try:
        config, nodes = driver.call(commands.show_config()), driver.call(commands.sinfo())
    except BackendUnreachableError as error:
        return Site(trouble=str(error))
    if config.code or nodes.code:
        return Site(trouble=(config if config.code else nodes).words)
    found = parsing.config(config.out)
    size = found.get("maxarraysize", "")
    return Site(
        array_size=max(1, int(size) - 1) if size.isdigit() else ARRAY_SIZE,
        has_accounts=found.get("accountingstoragetype", "").endswith("/slurmdbd"),
        config=found,
        partitions=tuple(parsing.partitions(nodes.out)),
    )


def never(resources: Resources, nodes: list[Partition]) -> list[str]:
    """Returns the reasons why no node can ever run jobs that ask for this; empty when one can."""
    if not nodes:
        return []
    where = f"a node of partition {nodes[0].name!r} has"
    reasons = []
    cores = max(one.cores for one in nodes)
    memory = max(one.memory_mb for one in nodes)
    gpus = max(one.gpus for one in nodes)
    if resources.cores > cores:
        reasons.append(f"needs {resources.cores:g} cores; {where} at most {cores}")
    if resources.ram_mb + commands.WORKER_MB > memory:
        needed = f"{resources.ram_mb:g} MiB of memory and {commands.WORKER_MB} for the worker"
        reasons.append(f"needs {needed}; {where} at most {memory}")
    if resources.gpus > gpus:
        reasons.append(f"needs {resources.gpus} GPUs; {where} at most {gpus}")
    limits = [one.time_s for one in nodes]
    if resources.time_s and None not in limits:
        longest = max(limit for limit in limits if limit is not None)
        if resources.time_s > longest:
            reasons.append(f"may run for {resources.time_s:g} s; the partition's limit is {longest:g} s")
    return reasons
