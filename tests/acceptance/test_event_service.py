"""Events that a tool cannot process, seen from outside: exactly those are lost, all others are done once."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from fragile_runs import WAYS, Fragile

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

N = 96
"""Events of a file; ranges have 16."""

LOG_16 = 4
MOST_TRIES = 2 * LOG_16 + 3
"""Tries that one bad event in a range of 16 costs at most."""

CAUSES = {"exit 7": ("EXIT", 7, None), "signal 11": ("SIGNAL", None, 11), "hang": ("TIME_LIMIT", None, None)}
"""What a line does to its tool, and what is told of it: cause, exit code, signal."""


def check(fragile: Fragile) -> None:
    """Makes sure that exactly the bad events were lost, for their reasons, and all others done once."""
    name = fragile.raw[0].name
    assert fragile.events("FATAL") == sorted((name, event) for event in fragile.bad)
    every = [(path.name, event) for path in fragile.raw for event in range(fragile.n)]
    lost = {(name, event) for event in fragile.bad}
    assert Counter(fragile.events("DONE")) == Counter(set(every) - lost)
    rows = fragile.ranges()
    for row in rows:
        if row["state"] == "FATAL":
            told = row["cause"], row["exit_code"], row["signal"]
            assert told == CAUSES[fragile.bad[row["first"]]]
            assert row["stderr_tail"] == f"cannot do event {row['first']}"
            assert row["tries"] == 2
    whole = len([row for row in rows if row["stop"] - row["first"] == 16])
    assert sum(row["tries"] for row in rows) <= whole + (MOST_TRIES - 1) * len(fragile.bad)


def bad_lines(seed: int, words: list[str]) -> dict[int, str]:
    """Returns random lines for these words."""
    return dict(zip(random.Random(seed).sample(range(N), len(words)), words, strict=True))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("seed", "words"),
    [
        (1, ["exit 7"]),
        (2, ["signal 11", "exit 7"]),
        (3, ["hang"]),
        pytest.param(4, ["exit 7", "hang", "signal 11", "exit 7", "signal 11"], marks=pytest.mark.exhaustive),
        pytest.param(5, ["signal 11"] * 7, marks=pytest.mark.exhaustive),
    ],
)
def test_exactly_the_events_that_a_tool_cannot_process_are_lost(
    helios: Command, way: str, seed: int, words: list[str]
) -> None:
    bad = bad_lines(seed, words)
    fragile = Fragile(helios, way, N, bad, files=2, tolerate="{events: 0.05}")
    assert fragile.run("--jobs", "2") == 0, helios.err
    check(fragile)
    fragile.check_outputs(frozenset(bad))


def test_a_run_within_its_tolerance_is_finished_and_says_everywhere_what_is_missing(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 40, {7: "exit 7", 30: "signal 11"}, tolerate="{events: 0.05}")
    assert fragile.run() == 0
    missing = (
        f"step 'number' lost 2 of 40 events: event 7 of {fragile.raw[0]} (it exited with 7), "
        f"event 30 of {fragile.raw[0]} (it was ended by SIGSEGV (segmentation fault))"
    )
    assert f"is FINISHED: {missing}\n" in helios.err
    assert "which events were lost, and why: helios-wf ranges " in helios.err
    for name in ("joined", "parts", "marked"):
        assert fragile.meta(name)["missing"] == missing
    status = fragile.status()
    assert (status["state"], status["reason"]) == ("FINISHED", missing)
    tasks: dict[str, Any] = {task["task"]: task for task in status["tasks"]}
    assert tasks["number"]["state"] == "FINISHED"
    assert tasks["number"]["jobs"] == {"FINISHED": 1}
    events = tasks["number"]["events"]
    assert (events["done"], events["lost"], events["total"]) == (38, 2, 40)
    assert events["ranges"]["FATAL"] == 2
    assert {tasks[name]["state"] for name in ("mark", "join", "join_marked")} == {"DONE"}
    assert helios("status") == 0
    assert "number: 38 of 40 events done, 2 lost\n" in helios.out


def test_without_tolerance_the_run_fails_and_names_events_file_and_reason(helios: Command) -> None:
    fragile = Fragile(helios, "resident", 40, {7: "exit 7", 30: "signal 11"}, files=2)
    assert fragile.run() == 1
    said = (
        "cannot process event 7 (it exited with 7), event 30 (it was ended by SIGSEGV (segmentation fault))"
    )
    assert f"{said} of {fragile.raw[0]}" in helios.err
    assert "cannot do event 7" in helios.err
    assert "--ranges" in helios.err
    assert fragile.events("FATAL") == [("0.txt", 7), ("0.txt", 30)]
    assert helios.datasets().keys() == {"fragile.0001.raw"}


def test_more_losses_than_are_tolerated_end_the_run_early(helios: Command) -> None:
    bad = dict.fromkeys(range(5, 96, 8), "exit 7")
    fragile = Fragile(helios, "resident", 96, bad, tolerate="{events: 0.05}")
    assert fragile.run() == 1
    assert "step 'number' was given up: 5 events are lost for good and 4 may be" in helios.err
    assert fragile.status()["state"] == "FAILED"
    assert 5 <= len(fragile.events("FATAL")) <= 20


@pytest.mark.parametrize("way", WAYS)
def test_a_tool_that_fails_on_everything_is_given_up_after_a_few_tries(helios: Command, way: str) -> None:
    fragile = Fragile(helios, way, 1000, dict.fromkeys(range(1000), "exit 7"))
    assert fragile.run() == 1
    assert "that is the tool, not the events" in helios.err
    assert sum(row["tries"] for row in fragile.ranges()) <= 40
    assert not fragile.events("DONE")
    fragile.mend()
    assert helios("retry", "--quiet") == 0, helios.err
    fragile.check_outputs()
