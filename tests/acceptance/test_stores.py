"""The whole way on each kind of store: run, kill, resume, ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driving import Desk, assert_nothing_was_done_twice, finish, kill, printed
from killloop import KillLoop

from helios_wf.states import RunState


@pytest.fixture
def desk(store_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a gate, whose store is a SQLite file, or a PostgreSQL schema."""
    desk = Desk(tmp_path / "desk", store=store_url, files=1, nap="0.02", is_shut=True)
    yield desk
    desk.close()


def test_a_run_is_killed_and_resumed_on_every_store(desk: Desk, tmp_path: Path) -> None:
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    kill(process.pid)
    finish(process, None)
    desk.open_gate()
    out, _ = desk.call("resume")
    undisturbed = Desk(tmp_path / "undisturbed", files=1, nap="0.01")
    assert printed(out) == printed(undisturbed.call(*undisturbed.run_arguments)[0])
    assert desk.published() == undisturbed.published()
    assert desk.run().state is RunState.DONE
    assert_nothing_was_done_twice(desk.log())
    assert "slow.0001.kept.v1" in desk.call("dataset", "list")[0]
    assert not (desk.home / "helios.db").exists()


def test_a_second_engine_is_refused_and_a_live_run_cancelled_on_every_store(desk: Desk) -> None:
    process = desk.start(*desk.run_arguments)
    desk.wait_for_tools(process, at_gate=True)
    row = desk.run()
    _, err = desk.call("resume", row.id, code=2)
    assert f"run {row.id} is held by" in err
    assert "held by" in desk.call("status")[0]
    desk.call("cancel")
    finish(process, 1)
    assert desk.leftovers() == []
    assert desk.run().state is RunState.CANCELLED


@pytest.mark.postgresql
def test_killed_runs_give_the_same_outputs_on_postgresql(
    tmp_path: Path, new_postgresql_url: Callable[[], str]
) -> None:
    loop = KillLoop(tmp_path, seed=21, new_store=new_postgresql_url)
    loop.run(kills=3)
    assert loop.kills.total() == 3


@pytest.mark.postgresql
def test_a_lost_server_is_a_clear_message(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", store="postgresql://127.0.0.1:1/none", files=1)
    _, err = desk.call(*desk.run_arguments, code=1)
    assert "the server cannot be reached" in err
    assert "127.0.0.1:1" in err
