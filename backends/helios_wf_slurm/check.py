"""What a site has, tried step by step, each with what to do where it is not as it should be."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from helios_wf.backend import BackendSettings, Finding
from helios_wf.errors import BackendUnreachableError, SettingsError
from helios_wf_slurm.driver import Driver
from helios_wf_slurm.parsing import Partition
from helios_wf_slurm.profile import Profile, read_profile
from helios_wf_slurm.site import Site, ask_site

NEEDED = ("sbatch", "squeue", "scancel", "scontrol", "sinfo")


def examine(settings: BackendSettings) -> Iterator[Finding]:
    """Yields what was found of a site; stops where the rest would fail too."""
    try:
        profile = read_profile(settings.options)
    except SettingsError as error:
        yield Finding("settings", False, str(error), "mend helios.toml")
        return
    yield Finding("settings", True, f"mode {profile.mode}, partition {profile.partition or '(the default)'}")
    commands = _commands(profile)
    yield commands
    if not commands.is_good:
        return
    driver = Driver(profile.call_seconds)
    site = ask_site(driver)
    yield _controller(site)
    if site.trouble:
        return
    yield _partition(site, profile)
    yield from _limits(site, profile, driver)
    yield _accounting(site)
    yield _folder(Path(profile.folder or Path(settings.home, "slurm")))


def _commands(profile: Profile) -> Finding:
    needed = (*NEEDED, "srun") if profile.mode == "pool" else NEEDED
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        return Finding(
            "commands",
            False,
            f"not on PATH: {', '.join(missing)}",
            "run helios-wf on a login node, or load the module that brings Slurm's commands",
        )
    return Finding("commands", True, f"in {Path(shutil.which('sbatch') or '').parent}")


def _controller(site: Site) -> Finding:
    if site.trouble:
        return Finding(
            "controller", False, site.trouble, "is SLURM_CONF right, and the cluster up? scontrol ping tells"
        )
    name, version = site.config.get("clustername", "?"), site.config.get("slurm_version", "?")
    return Finding("controller", True, f"cluster {name}, Slurm {version}")


def _partition(site: Site, profile: Profile) -> Finding:
    nodes = site.nodes(profile)
    names = ", ".join(dict.fromkeys(one.name for one in site.partitions)) or "none"
    if not nodes:
        what = f"no partition {profile.partition!r}" if profile.partition else "no default partition"
        return Finding("partition", False, what, f'set partition = "NAME"; there are: {names}')
    if not any(one.is_up for one in nodes):
        return Finding("partition", False, f"{nodes[0].name} is down", f"take another of: {names}")
    return Finding("partition", True, "; ".join(map(_described, nodes)))


def _described(one: Partition) -> str:
    limit = "no time limit" if one.time_s is None else f"{one.time_s / 3600:g} h at most"
    gpus = f", {one.gpus} GPUs" if one.gpus else ""
    return f"{one.name}: {one.nodes} nodes of {one.cores} cores, {one.memory_mb} MiB{gpus}, {limit}"


def _limits(site: Site, profile: Profile, driver: Driver) -> Iterator[Finding]:
    yield Finding("limits", True, f"arrays of up to {site.array_size} tasks")
    most = _most_submitted(driver) if site.has_accounts else None
    if most is not None:
        yield Finding(
            "limits",
            profile.tasks_queued <= most,
            f"you may have {most} tasks submitted, helios-wf submits up to {profile.tasks_queued}",
            f"set tasks_queued = {most}, or less",
        )


def _most_submitted(driver: Driver) -> int | None:
    """Returns the least of the user's limits on submitted jobs; None where there is none, or none is told."""
    asked = ["sacctmgr", "--noheader", "--parsable2", "show", "assoc", "where", f"user={getpass.getuser()}"]
    try:
        done = driver.call([*asked, "format=MaxSubmitJobs"])
    except BackendUnreachableError:
        return None
    limits = [int(line) for line in done.out.split() if line.isdigit()]
    return min(limits, default=None)


def _accounting(site: Site) -> Finding:
    if site.has_accounts:
        return Finding("accounting", True, "slurmdbd tells what became of jobs that squeue has forgotten")
    age = site.config.get("minjobage", "300 sec")
    return Finding("accounting", None, f"none: why a task ended is known for {age} only")


def _folder(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding(
            "shared folder", False, f"{folder}: {error.strerror}", 'set folder = "/a/folder/that/nodes/see"'
        )
    local = ("/tmp", "/var/tmp", "/dev/shm")
    if os.path.realpath(folder).startswith(tuple(f"{one}/" for one in local)):
        return Finding(
            "shared folder", None, f"{folder} can be written; such folders are often not shared with nodes"
        )
    return Finding("shared folder", True, f"{folder} can be written; {free / 2**30:.0f} GiB free")
