"""Profiles: what a site wants to be told; ``[backends.slurm]`` and ``[backends.slurm.profiles.NAME]``."""

from __future__ import annotations

import difflib
import re
from typing import Literal

import msgspec

from helios_wf.errors import SettingsError
from helios_wf.model import Json, Noun
from helios_wf.processes import GRACE_S

WORD = re.compile(r"[^\s'\"\\`$;\x00-\x1f\x7f]+")
"""What may stand in a partition, account, qos or constraint: names and operators, nothing of a shell."""

MODULE = re.compile(r"[A-Za-z0-9_.+@:/-]+")

OURS = frozenset(
    {"-a", "--array", "-J", "--job-name", "--requeue", "--no-requeue", "--wrap", "-o", "--output", "-e"}
    | {"--error", "-i", "--input", "--parsable", "--export", "--export-file", "-D", "--chdir", "-W", "--wait"}
    | {
        "--test-only",
        "-n",
        "--ntasks",
        "-N",
        "--nodes",
        "-Q",
        "--quiet",
        "-M",
        "--clusters",
        "-d",
        "--dependency",
    }
)
"""Options of sbatch that helios-wf gives itself, or that would break what it relies on."""


class Profile(Noun, frozen=True, forbid_unknown_fields=True):
    """How jobs are submitted at a site; what each key means stands in ``docs/slurm.md``."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    extra: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    prologue: str = ""
    python: str = ""
    folder: str = ""
    scratch: str = ""
    mode: Literal["array", "pool"] = "array"
    array_task_seconds: float = 60.0
    tasks_at_once: int | None = None
    tasks_queued: int = 1000
    time_minutes: int | None = None
    pool_nodes: int = 1
    pool_workers: int | None = None
    pool_linger_seconds: float = 10.0
    poll_seconds: float = 10.0
    look_seconds: float = 0.5
    beat_seconds: float = 15.0
    silent_seconds: float = 180.0
    late_seconds: float = 60.0
    call_seconds: float = 30.0
    grace_s: float = GRACE_S


KEYS = Profile.__struct_fields__


def read_profile(options: dict[str, Json]) -> Profile:
    """Returns the profile that the options choose by ``profile``, over what they say for all profiles.

    Raises:
        SettingsError: a key or profile is unknown, or a value is not what it should be.
    """
    common = {key: value for key, value in options.items() if key not in ("profile", "profiles")}
    profiles = options.get("profiles") or {}
    where = "[backends.slurm]"
    if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
        raise SettingsError(f"{where}: profiles are tables: write [backends.slurm.profiles.NAME]")
    _check(common, where, ("profile", "profiles", *KEYS))
    for name, table in profiles.items():
        _check(table, f"[backends.slurm.profiles.{name}]", KEYS)
    chosen = options.get("profile")
    if chosen is None:
        return _convert(common, where)
    if chosen not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise SettingsError(f"{where}: no profile is called {chosen!r}; there are: {known}")
    return _convert({**common, **profiles[chosen]}, f"[backends.slurm.profiles.{chosen}]")


def _check(table: dict[str, Json], where: str, known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ";"
            raise SettingsError(f"{where}: no setting is called {key!r}{hint} valid: {', '.join(known)}")


def _convert(table: dict[str, Json], where: str) -> Profile:
    try:
        profile = msgspec.convert(table, Profile)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}") from None
    for key in ("partition", "account", "qos", "constraint"):
        value = getattr(profile, key)
        if value and not WORD.fullmatch(value):
            raise SettingsError(f"{where}: {key} = {value!r} has characters that no {key} of Slurm has")
    for module in profile.modules:
        if not MODULE.fullmatch(module):
            raise SettingsError(f"{where}: {module!r} is not the name of a module")
    for argument in profile.extra:
        option = argument.partition("=")[0]
        if not argument.startswith("-") or option in OURS or "\n" in argument:
            raise SettingsError(
                f"{where}: extra = {argument!r} cannot be given: each entry is one option of sbatch with "
                f"its value ('--gres=disk:1'), none that helios-wf gives itself ({', '.join(sorted(OURS))})"
            )
    for key in KEYS:
        value = getattr(profile, key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value <= 0:
            raise SettingsError(f"{where}: {key} = {value} must be above 0")
    return profile
