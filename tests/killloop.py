"""A run whose engine and workers are killed again and again: ``python tests/killloop.py --kills 50``.

Each round runs the slow chain in a folder of its own, kills at random moments, goes on with ``resume`` or
with the same ``run`` in turn, and compares what came out with an undisturbed run.  ``make killloop`` does the
same as a test.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from driving import (
    Desk,
    assert_nothing_was_done_twice,
    birth,
    children,
    command_line,
    finish,
    kill,
    printed,
    wait_until,
)

from helios_wf.processes import RUN_MARK, marked
from helios_wf.states import JobState, RunState
from helios_wf.store.rows import LogRow

VICTIMS = ("engine", "worker", "both")


class Expected(NamedTuple):
    """What an undisturbed run gave, and how long it took."""

    outputs: object
    files: dict[str, str]
    seconds: float
    changes: int
    """How many entries its event log has."""


class KillLoop:
    """Kills until it has killed often enough; every run that it disturbed comes to its end.

    Args:
        folder: for the rounds.
        seed: of the moments and victims.
        new_store: returns the URL of an empty store for the next run; None: a file in its home.
        say: told what happens.
        new_desk: makes the desk of a round in a folder, with a store.
        victims: what is killed; ``tool`` is a process of a tool.
        check: makes sure of what else must hold after every kill, and (told True) at the end of a round.
    """

    def __init__(
        self,
        folder: Path,
        seed: int,
        new_store: Callable[[], str | None] = lambda: None,
        say: Callable[[str], None] = print,
        new_desk: Callable[[Path, str | None], Desk] = Desk,
        victims: Sequence[str] = VICTIMS,
        check: Callable[[Desk, bool], None] = lambda desk, is_over: None,
    ) -> None:
        self.kills: Counter[str] = Counter()
        self.rounds = 0
        self._folder = folder
        self._random = random.Random(seed)
        self._new_store = new_store
        self._say = say
        self._resumes = 0
        self._new_desk = new_desk
        self._victims = victims
        self._check_more = check

    def run(self, kills: int) -> None:
        """Kills so many times; raises AssertionError at the first thing that is not as it should be."""
        expected = self._undisturbed()
        self._say(f"undisturbed: {expected.seconds:.1f} s, {len(expected.files)} files")
        while self.kills.total() < kills:
            self.rounds += 1
            desk = self._new_desk(self._folder / f"round{self.rounds}", self._new_store())
            try:
                self._round(desk, expected, kills)
            finally:
                desk.close()

    def _undisturbed(self) -> Expected:
        desk = self._new_desk(self._folder / "undisturbed", self._new_store())
        begun = time.monotonic()
        out, _ = desk.call(*desk.run_arguments)
        seconds = time.monotonic() - begun
        expected = Expected(printed(out), desk.published(), seconds, len(desk.log()))
        desk.close()
        return expected

    def _round(self, desk: Desk, expected: Expected, kills: int) -> None:
        """Takes one run to its end, through as many kills as fall into it."""
        process = desk.start(*desk.run_arguments)
        while self.kills.total() < kills and self._wait(desk, process, expected):
            victim = self._random.choice(self._victims)
            survivors = self._kill(desk, process, victim)
            self._check_more(desk, False)
            if victim in ("worker", "tool"):
                continue
            if self._is_over(desk):
                break
            process = self._resume(desk, survivors)
        out, err = finish(process, None)
        assert desk.run().state is RunState.DONE, f"{desk.run()} after exit code {process.returncode}: {err}"
        self._check(desk, expected, process, out)

    def _wait(self, desk: Desk, process: subprocess.Popen[str], expected: Expected) -> bool:
        """Waits for a moment to kill; says whether the process still runs then.

        It comes after a time, after so many changes of state, or when the first output is published.
        """
        deadline = time.monotonic() + self._random.uniform(0.0, expected.seconds)
        until = self._random.choice(("time", "change", "change", "change", "output"))
        changes = len(desk.log()) + self._random.randint(1, expected.changes // 2)
        had = len(desk.published())
        while process.poll() is None:
            if until == "output" and len(desk.published()) > had:
                return True
            if until == "change" and len(desk.log()) >= changes:
                return True
            if until == "time" and time.monotonic() >= deadline:
                return True
            time.sleep(0.0005 if until == "output" else 0.005)
        return False

    def _kill(self, desk: Desk, process: subprocess.Popen[str], victim: str) -> dict[int, str]:
        """Kills, and returns the births of the tools that were running just before."""
        workers = [pid for pid in children(process.pid) if b"helios_wf.worker" in command_line(pid)]
        if victim == "worker" and not workers:
            return {}
        row = desk.latest()
        tools = {pid: born for pid in marked(RUN_MARK, [row.id]) if (born := birth(pid))} if row else {}
        desk.let_go()
        if victim == "tool":
            if not tools:
                return {}
            kill(self._random.choice(sorted(tools)))
        elif victim != "engine":
            for pid in workers if victim == "both" else [self._random.choice(workers)]:
                kill(pid)
        if victim in ("engine", "both"):
            kill(process.pid)
            process.communicate()
        self.kills[victim] += 1
        self._say(f"round {self.rounds}, kill {self.kills.total()}: {victim}, {len(tools)} tools ran")
        return tools

    def _is_over(self, desk: Desk) -> bool:
        row = desk.latest()
        return row is not None and row.state is RunState.DONE

    def _resume(self, desk: Desk, survivors: dict[int, str]) -> subprocess.Popen[str]:
        """Goes on with the run, and makes sure that nothing of before goes on beside it."""
        row, before = desk.latest(), desk.log()
        self._resumes += 1
        if row is None or self._resumes % 2:
            process = desk.start(*desk.run_arguments)
        else:
            process = desk.start("resume", row.id)
        after = before[-1].id if before else 0
        wait_until(
            lambda: process.poll() is not None or any(map(_has_begun, desk.log(after))),
            "the resume did not begin",
            every_s=0.02,
        )
        alive = [pid for pid, born in survivors.items() if birth(pid) == born]
        assert not alive, f"tools of before the kill run beside the resume: {alive}"
        return process

    def _check(self, desk: Desk, expected: Expected, process: subprocess.Popen[str], out: str) -> None:
        assert desk.published() == expected.files
        if process.returncode == 0:
            assert printed(out) == expected.outputs
        assert_nothing_was_done_twice(desk.log())
        self._check_more(desk, True)
        wait_until(lambda: not desk.leftovers(), "something outlived the run")


def _has_begun(entry: LogRow) -> bool:
    """Says whether an entry shows that an engine has sorted out what was before."""
    return entry.new == JobState.LEASED or entry.new == RunState.DONE


def main(new_loop: Callable[[Path, int], KillLoop] = KillLoop) -> None:
    """Runs a loop in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="killloop-") as folder:
        loop = new_loop(Path(folder), options.seed)
        try:
            loop.run(options.kills)
        except AssertionError as error:
            sys.exit(f"FAILED (seed {options.seed}): {error}")
    print(f"{loop.kills.total()} kills in {loop.rounds} runs: {dict(loop.kills)}; all outputs equal")


if __name__ == "__main__":
    main()
