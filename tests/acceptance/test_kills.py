"""Engines and workers killed at random moments: what is resumed ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from killloop import KillLoop

KILLS = 50


def test_killed_and_resumed_runs_give_the_outputs_of_an_undisturbed_one(tmp_path: Path) -> None:
    loop = KillLoop(tmp_path, seed=20)
    loop.run(kills=6)
    assert loop.kills.total() == 6


@pytest.mark.killloop
def test_fifty_kills_change_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = KillLoop(tmp_path, seed=50)
    with capsys.disabled():
        loop.run(KILLS)
    assert set(loop.kills) == {"engine", "worker", "both"}


@pytest.mark.killloop
@pytest.mark.postgresql
def test_fifty_kills_change_no_output_on_postgresql(
    tmp_path: Path, new_postgresql_url: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    loop = KillLoop(tmp_path, seed=51, new_store=new_postgresql_url)
    with capsys.disabled():
        loop.run(KILLS)
    assert set(loop.kills) == {"engine", "worker", "both"}
