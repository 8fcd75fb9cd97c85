"""What Slurm's words mean for a job: states of tasks, reasons of waiting, refusals of sbatch."""

from __future__ import annotations

from typing import NamedTuple

from helios_wf.states import Cause

LIVE = frozenset(
    {"PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"}
    | {"RESIZING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
)
"""States in which a task may still run.  Source: squeue(1), job state codes."""


class Ending(NamedTuple):
    """Why a task of Slurm ended without a report of the attempt that ran in it."""

    cause: Cause
    words: str
    is_fate: bool = False
    """Whether nobody's doing or failure was in it: what no worker had taken goes again as it is."""


ENDINGS = {
    "BOOT_FAIL": Ending(Cause.LOST, "its node failed to boot", True),
    "CANCELLED": Ending(Cause.LOST, "somebody cancelled it in Slurm (scancel), not helios-wf"),
    "COMPLETED": Ending(Cause.LOST, "its worker ended in order, but no report of it can be seen", True),
    "DEADLINE": Ending(Cause.TIME_LIMIT, "Slurm ended it at its deadline"),
    "FAILED": Ending(Cause.LOST, "its worker failed"),
    "NODE_FAIL": Ending(Cause.LOST, "its node failed", True),
    "OUT_OF_MEMORY": Ending(Cause.MEMORY, "Slurm ended it for using more memory than it asked for"),
    "PREEMPTED": Ending(Cause.LOST, "a job of higher priority took its node", True),
    "REVOKED": Ending(Cause.LOST, "it was moved to another cluster", True),
    "TIMEOUT": Ending(Cause.TIME_LIMIT, "Slurm ended it at the time limit of its array task"),
}
"""States of tasks that have ended."""

UNKNOWN = Ending(Cause.LOST, "Slurm does not know it any more", True)
SILENT = Ending(Cause.LOST, "its worker gave no sign of life")

REASONS = {
    "AssocGrpCpuLimit": "your account uses all the cores that it may",
    "AssocMaxJobsLimit": "your account runs as many jobs as it may",
    "BeginTime": "it may start only later",
    "Dependency": "it waits for another job",
    "JobArrayTaskLimit": "as many tasks of its array run as may at once (--jobs, tasks_at_once)",
    "JobHeldAdmin": "an administrator holds it; scontrol release frees it",
    "JobHeldUser": "you hold it: scontrol release frees it",
    "Licenses": "it waits for a licence",
    "NodeDown": "a node that it needs is down",
    "None": "Slurm has not looked at it yet",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition is inactive",
    "PartitionNodeLimit": "it asks for more nodes than its partition gives: it will wait for ever",
    "PartitionTimeLimit": "it asks for more time than its partition gives: it will wait for ever",
    "Priority": "jobs of higher priority are before it",
    "QOSMaxCpuPerUserLimit": "you use all the cores that your QOS gives a user",
    "QOSMaxJobsPerUserLimit": "you run as many jobs as your QOS gives a user",
    "ReqNodeNotAvail": "nodes that it needs are away or reserved",
    "Reservation": "it waits for its reservation to begin",
    "Resources": "no node has enough free cores, memory or GPUs now",
}
"""Slurm's reasons in our words.  Source: squeue(1), job reasons."""

REFUSALS = (
    "invalid account",
    "invalid partition",
    "invalid qos",
    "invalid feature",
    "invalid generic resource",
    "invalid constraint",
    "invalid wckey",
    "invalid reservation",
    "invalid job array",
    "requested node configuration is not available",
    "requested time limit is invalid",
    "node count specification invalid",
    "user's group not permitted",
    "access/permission denied",
    "unrecognized option",
    "unable to open file",
    "batch script",
    "memory specification can not be satisfied",
    "more processors requested than permitted",
    "job violates accounting/qos policy",
)
"""What sbatch says when it will never take a submission."""

LATER = ("submitjob", "submit job limit", "job/step already completing", "jobs limit")
"""What it says, in the same breath perhaps, when it will once others have ended."""


AWAY = (
    "contact",
    "timed out",
    "did not answer",
    "connect",
    "controller",
    "zero bytes",
    "temporar",
    "transport",
    "communication",
)
"""Words of a scheduler that does not answer, or not now."""


def is_away(words: str) -> bool:
    """Returns whether the scheduler did not answer, or asks to be asked again, however often it takes."""
    said = words.lower()
    return any(text in said for text in (*AWAY, *LATER))


def refuses(words: str) -> bool:
    """Returns whether sbatch will say the same whenever it is asked again."""
    said = words.lower()
    return any(text in said for text in REFUSALS) and not any(text in said for text in LATER)


def why_waiting(state: str, reason: str) -> str:
    """Returns why a task waits, in Slurm's words and ours."""
    if state != "PENDING":
        return f"{state}: its worker has not said yet that the job began"
    known = reason.partition(",")[0]
    ours = REASONS.get(known) or next(
        (words for name, words in REASONS.items() if name != "None" and known.startswith(name)), ""
    )
    return f"{reason}: {ours}" if ours else reason
