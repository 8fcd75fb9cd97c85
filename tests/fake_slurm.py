"""Slurm's commands as this one script: tasks are processes of this machine, and every fault can be had.

``FakeSlurm(folder)`` puts the commands into ``folder/bin``; below ``folder`` is all that they know:

    calls.jsonl         a line for every call: its arguments, and what of Slurm's was in its environment
    faults/NAME         a fault, until it is removed: away, hang, pend, stuck, refuse (with its text);
                        once: lost_answer (sbatch fails, but the job runs), forget (the job is lost)
    jobs/ID/meta.json   what sbatch was told
    jobs/ID/TASK        state and process id of a task: ``RUNNING 123``
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sinfo", "srun")
SLOTS = 4
"""How many tasks run at once."""


class FakeSlurm:
    """The fake commands and what they know, for a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        for part in ("bin", "faults", "jobs"):
            (folder / part).mkdir(parents=True)
        for name in COMMANDS:
            path = self.bin / name
            path.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {__file__} {folder} {name} "$@"\n')
            path.chmod(0o755)

    def calls(self, name: str = "") -> list[list[str]]:
        """Returns the arguments of the calls of a command, or (of none) all calls."""
        path = self.folder / "calls.jsonl"
        made = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [one["argv"] for one in made if not name or one["argv"][0] == name]

    def environments(self) -> list[list[str]]:
        """Returns the names of Slurm's variables that each call found in its environment."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line)["environment"] for line in path.read_text().splitlines()]

    def fault(self, name: str, text: str = "") -> None:
        """Brings a fault about."""
        (self.folder / "faults" / name).write_text(text)

    def mend(self, name: str) -> None:
        """Ends a fault."""
        (self.folder / "faults" / name).unlink()

    def ids(self) -> list[int]:
        """Returns the ids of all jobs."""
        return sorted(int(path.name) for path in (self.folder / "jobs").iterdir())

    def states(self) -> dict[str, str]:
        """Returns the state of each task by ``ID_TASK``."""
        return {f"{job}_{task}": state for job in self.ids() for task, (state, _) in _tasks(self._job(job))}

    def end(self, job: int, task: int | str, state: str) -> None:
        """Kills a task as a node that fails does, so that Slurm says this state of it."""
        folder = self._job(job)
        _, pid = dict(_tasks(folder))[str(task)]
        _write(folder / str(task), f"{state} 0")
        _kill_tree(pid, signal.SIGKILL)

    def release(self) -> None:
        """Ends every process that is left."""
        for job in self.ids():
            (self._job(job) / "released").touch()
            for _, (_, pid) in _tasks(self._job(job)):
                _kill_tree(pid, signal.SIGKILL)

    def _job(self, job: int) -> Path:
        return self.folder / "jobs" / str(job)


# -- the commands ------------------------------------------------------------------------------------------


def main() -> None:
    folder, name, *arguments = sys.argv[1:]
    home = Path(folder)
    theirs = [key for key in os.environ if key.startswith(("SLURM_", "SBATCH_", "SQUEUE_"))]
    line = json.dumps({"argv": [name, *arguments], "environment": theirs})
    with (home / "calls.jsonl").open("a") as log:
        log.write(line + "\n")
    if (home / "faults" / "hang").exists():
        time.sleep(1000)
    if (home / "faults" / "away").exists() and name != "srun":
        sys.exit(f"{name}: error: Unable to contact slurm controller (connect failure)")
    {"sbatch": sbatch, "squeue": squeue, "sacct": sacct, "scancel": scancel, "srun": srun}.get(
        name, lambda home, arguments: said(name)
    )(home, arguments)


def sbatch(home: Path, arguments: list[str]) -> None:
    refusal = home / "faults" / "refuse"
    if refusal.exists():
        sys.exit(f"sbatch: error: Batch job submission failed: {refusal.read_text()}")
    options = dict(one.lstrip("-").partition("=")[::2] for one in arguments if one.startswith("--"))
    script, *given = [one for one in arguments if not one.startswith("--")]
    if not Path(script).exists():
        sys.exit(f"sbatch: error: Unable to open file {script}")
    job = max([int(path.name) for path in (home / "jobs").iterdir()], default=0) + 1
    folder = home / "jobs" / str(job)
    folder.mkdir()
    indices, _, limit = options.get("array", "").partition("%")
    first, _, last = indices.partition("-")
    tasks = [str(task) for task in range(int(first), int(last) + 1)] if indices else ["-"]
    meta = {"name": options["job-name"], "options": options, "command": [script, *given], "tasks": tasks}
    (folder / "meta.json").write_text(json.dumps(meta))
    for task in tasks:
        _write(folder / task, "PENDING 0")
    if _once(home, "forget"):
        (folder / "meta.json").unlink()
        for task in tasks:
            (folder / task).unlink()
    elif os.fork() == 0:
        _detach()
        _run_job(folder, job, tasks, int(limit or SLOTS))
        os._exit(0)
    if _once(home, "lost_answer"):
        sys.exit("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")
    print(job)


def _run_job(folder: Path, job: int, tasks: list[str], limit: int) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    waiting, running = list(tasks), {}
    while (waiting or running) and not (folder / "released").exists():
        while waiting and len(running) < min(limit, SLOTS) and not (folder / "../../faults/pend").exists():
            task = waiting.pop(0)
            if (folder / "../../faults/stuck").exists():
                _write(folder / task, "RUNNING 0")
            elif _state(folder / task)[0] == "PENDING":
                process = subprocess.Popen(
                    ["/bin/sh", *meta["command"]],
                    env={**os.environ, **_variables(job, task, meta)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
                running[task] = process
                _write(folder / task, f"RUNNING {process.pid}")
        for task, process in list(running.items()):
            if process.poll() is not None:
                if _state(folder / task)[0] in ("RUNNING", "COMPLETING"):
                    cancelled = (folder / f"{task}.cancelled").exists()
                    ended = "COMPLETED" if process.returncode == 0 else "FAILED"
                    _write(folder / task, f"{'CANCELLED' if cancelled else ended} 0")
                del running[task]
        time.sleep(0.01)


def _variables(job: int, task: str, meta: dict[str, object]) -> dict[str, str]:
    found = {"SLURM_JOB_ID": str(job), "SLURM_JOB_NAME": str(meta["name"])}
    if task != "-":
        found |= {"SLURM_ARRAY_JOB_ID": str(job), "SLURM_ARRAY_TASK_ID": task}
    options = meta["options"]
    assert isinstance(options, dict)
    workers = int(options.get("ntasks-per-node", 1)) * int(options.get("nodes", 1))
    return {**found, "SLURM_NTASKS": str(workers), "SLURM_CPUS_PER_TASK": "1"}


def srun(home: Path, arguments: list[str]) -> None:
    command = [one for one in arguments if not one.startswith("--")]
    workers = [
        subprocess.Popen(command, env={**os.environ, "SLURM_PROCID": str(number)})
        for number in range(int(os.environ["SLURM_NTASKS"]))
    ]

    def pass_on(number: int, frame: object) -> None:
        for worker in workers:
            worker.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    sys.exit(max(worker.wait() for worker in workers) and 1)


def squeue(home: Path, arguments: list[str]) -> None:
    for folder in sorted((home / "jobs").iterdir(), key=lambda path: int(path.name)):
        if not (folder / "meta.json").exists():
            continue
        name = json.loads((folder / "meta.json").read_text())["name"]
        for task, (state, _) in _tasks(folder):
            index = "N/A" if task == "-" else task
            reason = "Resources" if state == "PENDING" else "None"
            print(f"{name}|{folder.name}|{index}|{state}|{reason}|{'n1' if state == 'RUNNING' else ''}")
    print("a job of mine|with bars\nand lines|9|N/A|RUNNING|None|n1")


def sacct(home: Path, arguments: list[str]) -> None:
    sys.exit("Slurm accounting storage is disabled")


def scancel(home: Path, arguments: list[str]) -> None:
    names = {one.partition("=")[2] for one in arguments if one.startswith("--name=")}
    chosen = {one for one in arguments if not one.startswith("--")}
    for folder in (home / "jobs").iterdir():
        if not (folder / "meta.json").exists():
            continue
        name = json.loads((folder / "meta.json").read_text())["name"]
        for task, (state, pid) in _tasks(folder):
            if name not in names and not chosen & {folder.name, f"{folder.name}_{task}"}:
                continue
            (folder / f"{task}.cancelled").touch()
            if state == "PENDING":
                _write(folder / task, "CANCELLED 0")
            elif state == "RUNNING":
                _write(folder / task, f"COMPLETING {pid}")
                _end(folder / task, pid)


def _end(path: Path, pid: int) -> None:
    """Asks a task to end; two seconds later it is killed."""
    _kill_tree(pid, signal.SIGTERM)
    if os.fork() == 0:
        _detach()
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline and _state(path)[0] == "COMPLETING":
            time.sleep(0.02)
        if _state(path)[0] == "COMPLETING":
            _kill_tree(pid, signal.SIGKILL)
        os._exit(0)


def said(name: str) -> None:
    if name == "scontrol":
        print("Configuration data as of now\nMaxArraySize            = 1001\nClusterName = fake")
    else:
        print("main*|up|infinite|3|4|4096|gpu:a100:2(S:0-1)\ndebug|up|5:00|3|4|4096|(null)")


# -- files and processes -----------------------------------------------------------------------------------


def _tasks(folder: Path) -> list[tuple[str, tuple[str, int]]]:
    names = [path.name for path in folder.iterdir() if path.name == "-" or path.name.isdigit()]
    return [
        (name, _state(folder / name)) for name in sorted(names, key=lambda name: int(name.strip("-") or 0))
    ]


def _state(path: Path) -> tuple[str, int]:
    state, _, pid = path.read_text().partition(" ")
    return state, int(pid)


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)


def _once(home: Path, name: str) -> bool:
    try:
        (home / "faults" / name).unlink()
    except FileNotFoundError:
        return False
    return True


def _detach() -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def _kill_tree(pid: int, number: int) -> None:
    """Sends a signal to a process and all below it."""
    if pid <= 0:
        return
    children = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.name))
    todo = [pid]
    while todo:
        one = todo.pop()
        todo += children.get(one, [])
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, number)


if __name__ == "__main__":
    main()
