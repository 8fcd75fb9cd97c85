"""What Slurm starts on a node: constant scripts; all that differs between submissions comes as arguments."""

from __future__ import annotations

import shlex
from pathlib import Path

from helios_wf.spool import write
from helios_wf_slurm.profile import Profile

_BEGIN = """\
#!/bin/sh
# $1: the folder of the submission; $2: the Python of the workers
# exit code 66: this node does not see the folder; 67: a module or the prologue failed
tries=0
until ls "$1/logs" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ] || exit 66
    sleep 1
done
worker=%s
exec 2>"$1/logs/$worker" >&2 </dev/null
"""

_WORK = """\
if [ -e "$1/setup.sh" ]; then
    . "$1/setup.sh" || exit 67
fi
exec "$2" -P -m helios_wf.file_worker "$1" --worker "$worker"%s
"""

TASK = (
    _BEGIN % '"$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID-${SLURM_RESTART_COUNT:-0}"'
    + _WORK % ' --chunk "$SLURM_ARRAY_TASK_ID"'
)

POOL = (
    _BEGIN % '"$SLURM_JOB_ID-pool-${SLURM_RESTART_COUNT:-0}"'
    + """\
# a node that is lost must not end the workers on the others
exec srun --no-kill --kill-on-bad-exit=0 --wait=0 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \\
    /bin/sh "$1/worker.sh" "$1" "$2"
"""
)

WORKER = _BEGIN % '"$SLURM_JOB_ID-$SLURM_PROCID-${SLURM_RESTART_COUNT:-0}"' + _WORK % ""


def lay_out(folder: Path, profile: Profile) -> None:
    """Writes the scripts of a submission, and what the site wants to be done before Python starts."""
    for name, text in (("task.sh", TASK), ("pool.sh", POOL), ("worker.sh", WORKER)):
        write(folder / name, text.encode())
    setup = [f"module load {shlex.quote(module)} || return 1" for module in profile.modules]
    if profile.prologue:
        setup.append(profile.prologue)
    if setup:
        write(folder / "setup.sh", ("\n".join(setup) + "\n").encode())


def log_name(task_id: str) -> str:
    """Returns the name of the log of the first life of an array task (``12_7``)."""
    return f"{task_id.replace('_', '-')}-0"
