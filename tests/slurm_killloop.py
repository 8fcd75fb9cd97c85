"""Runs on a real Slurm through faults: ``python tests/slurm_killloop.py --faults 30``.

Each round runs the slow chain; at random moments the engine is killed and goes on with ``resume`` or ``run``,
a node crashes and comes back, a node's daemon or the controller is stopped and started, the controller
crashes.  What comes out is compared with an undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from driving import Desk, assert_nothing_was_done_twice, finish, kill, printed, wait_until
from slurm_cluster import Cluster

from helios_wf.states import RunState

FAULTS = ("engine", "node", "slurmd", "slurmctld", "crash of slurmctld")
"""What happens, in turn; each at a random moment."""

PATIENCE_S = 240.0
"""After a crash Slurm may take its tasks for running, and hold others back, for a minute and more."""

MOST = 6
"""How many faults hit one run, at most: each prolongs it."""

SETTINGS = """\
backend = "slurm"
[backends.slurm]
mode = "{mode}"
pool_nodes = 2
pool_workers = 2
poll_seconds = 1
look_seconds = 0.05
late_seconds = 2
beat_seconds = 0.5
silent_seconds = 8
grace_s = 0.5
"""


def slurm_desk(folder: Path, mode: str = "array", **options: object) -> Desk:
    """Returns a folder of a user whose jobs go to Slurm."""
    desk = Desk(folder, **options)  # type: ignore[arg-type]
    (folder / "helios.toml").write_text(SETTINGS.format(mode=mode))
    return desk


class SlurmKillLoop:
    """Brings faults about until there were enough; every run that they hit comes to its end.

    Args:
        cluster: all of it up.
        folder: for the rounds.
        seed: of the moments and faults.
        say: told what happens.
    """

    def __init__(self, cluster: Cluster, folder: Path, seed: int, say: Callable[[str], None] = print) -> None:
        self.faults: Counter[str] = Counter()
        self.rounds = 0
        self._cluster = cluster
        self._folder = folder
        self._random = random.Random(seed)
        self._say = say

    def run(self, faults: int) -> None:
        """Brings so many faults about; raises AssertionError at the first thing that is wrong."""
        desk = slurm_desk(self._folder / "undisturbed")
        begun = time.monotonic()
        out, _ = desk.call(*desk.run_arguments)
        seconds = time.monotonic() - begun
        outputs, files = printed(out), desk.published()
        self._close(desk)
        self._say(f"undisturbed: {seconds:.1f} s, {len(files)} files")
        while self.faults.total() < faults:
            self.rounds += 1
            mode = ("array", "array", "pool")[self.rounds % 3]
            desk = slurm_desk(self._folder / f"round{self.rounds}", mode)
            process, out = self._round(desk, seconds, faults)
            row = desk.run()
            assert row.state is RunState.DONE, f"run {row.id} ended {row.state}: {row.reason}"
            assert desk.published() == files
            assert process.returncode or printed(out) == outputs
            assert_nothing_was_done_twice(desk.log())
            wait_until(lambda desk=desk: not desk.leftovers(), "something outlived the run")  # type: ignore[misc]
            self._close(desk)

    def _close(self, desk: Desk) -> None:
        self._cluster.up()
        self._cluster.empty()
        desk.close()

    def _round(self, desk: Desk, seconds: float, faults: int) -> tuple[subprocess.Popen[str], str]:
        """Takes one run to its end, through as many faults as fall into it, but not more than ``MOST``."""
        faults = min(faults, self.faults.total() + MOST)
        process = desk.start(*desk.run_arguments)
        while self.faults.total() < faults and self._lives_on(
            process, self._random.uniform(0.5, seconds / 2)
        ):
            fault = FAULTS[self.faults.total() % len(FAULTS)]
            self.faults[fault] += 1
            self._say(f"round {self.rounds}, fault {self.faults.total()}: {fault}")
            if fault != "engine":
                self._disturb(fault)
                continue
            desk.let_go()
            kill(process.pid)
            process.communicate()
            row = desk.latest()
            if row is not None and row.state is RunState.DONE:
                return process, ""
            resume = row is not None and self._random.random() < 0.5
            process = desk.start("resume", row.id) if row and resume else desk.start(*desk.run_arguments)
        out, _ = finish(process, None, PATIENCE_S)
        return process, out

    def _after(self, seconds: float) -> float:
        return self._random.uniform(0.5, seconds / 2)

    @staticmethod
    def _lives_on(process: subprocess.Popen[str], seconds: float) -> bool:
        """Waits, and returns whether the process still runs then."""
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _disturb(self, fault: str) -> None:
        node = self._random.choice(self._cluster.nodes)
        name = node if fault in ("node", "slurmd") else "slurmctld"
        end = self._cluster.stop if fault in ("slurmd", "slurmctld") else self._cluster.crash
        end(name)
        time.sleep(self._random.uniform(0.0, 3.0))
        self._cluster.start(name)


def main() -> None:
    """Runs the loop in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    cluster = Cluster(3, "--accounting")
    # for the engines that are started here
    os.environ["SLURM_CONF"] = str(cluster.conf)
    try:
        with tempfile.TemporaryDirectory(prefix="slurm-killloop-") as folder:
            loop = SlurmKillLoop(cluster, Path(folder), options.seed)
            try:
                loop.run(options.faults)
            except AssertionError as error:
                sys.exit(f"FAILED (seed {options.seed}): {error}")
        print(f"{loop.faults.total()} faults in {loop.rounds} runs: {dict(loop.faults)}; all outputs equal")
    finally:
        cluster.down()


if __name__ == "__main__":
    main()
