"""The tables of moves: every state has an entry, can be reached, and can reach a final one."""

from __future__ import annotations

from enum import StrEnum

import pytest

from helios_wf.states import (
    DATASET_MOVES,
    GOOD_JOBS,
    JOB_MOVES,
    RANGE_MOVES,
    RUN_MOVES,
    SETTLED_JOBS,
    SETTLED_RANGES,
    SETTLED_RUNS,
    SETTLED_TASKS,
    TASK_MOVES,
    DatasetState,
    JobState,
    RangeState,
    RunState,
    TaskState,
    sources,
)

TABLES = [
    (RunState, RUN_MOVES, RunState.PENDING),
    (TaskState, TASK_MOVES, TaskState.DEFINED),
    (JobState, JOB_MOVES, JobState.READY),
    (RangeState, RANGE_MOVES, RangeState.READY),
    (DatasetState, DATASET_MOVES, DatasetState.OPEN),
]
SETTLED = {
    RunState: SETTLED_RUNS,
    TaskState: SETTLED_TASKS,
    JobState: SETTLED_JOBS,
    RangeState: SETTLED_RANGES,
}
ids = [states.__name__ for states, _, _ in TABLES]


def reachable(moves: dict[StrEnum, frozenset[StrEnum]], start: StrEnum) -> set[StrEnum]:
    found, ahead = {start}, [start]
    while ahead:
        new = moves[ahead.pop()] - found
        found |= new
        ahead += new
    return found


@pytest.mark.parametrize(("states", "moves", "first"), TABLES, ids=ids)
def test_every_state_has_an_entry(states, moves, first) -> None:
    assert set(moves) == set(states)
    assert {to for targets in moves.values() for to in targets} <= set(states)


@pytest.mark.parametrize(("states", "moves", "first"), TABLES, ids=ids)
def test_every_state_is_reached_from_the_first(states, moves, first) -> None:
    assert reachable(moves, first) == set(states)


@pytest.mark.parametrize(("states", "moves", "first"), TABLES, ids=ids)
def test_every_state_can_reach_a_settled_one(states, moves, first) -> None:
    settled = SETTLED.get(states, {state for state in states if not moves[state]})
    assert settled
    for state in states:
        assert reachable(moves, state) & settled, state


@pytest.mark.parametrize(("states", "moves", "first"), TABLES, ids=ids)
def test_no_state_moves_to_itself(states, moves, first) -> None:
    assert all(state not in targets for state, targets in moves.items())


@pytest.mark.parametrize(("states", "moves", "first"), TABLES, ids=ids)
def test_sources_invert_the_table(states, moves, first) -> None:
    for to in states:
        assert sources(moves, to) == {state for state in states if to in moves[state]}


@pytest.mark.parametrize(("states", "moves", "first"), TABLES, ids=ids)
def test_every_state_is_explained(states, moves, first) -> None:
    import ast
    import inspect

    (body,) = ast.parse(inspect.getsource(states)).body
    lines = body.body[1:]
    for name, text in zip(lines[::2], lines[1::2], strict=True):
        assert isinstance(name, ast.Assign)
        assert isinstance(text, ast.Expr)
        assert isinstance(text.value, ast.Constant)


def test_settled_states_move_on_only_when_they_are_tried_again() -> None:
    for state in SETTLED_RUNS:
        assert RUN_MOVES[state] <= {RunState.RUNNING}
    for state in SETTLED_TASKS:
        assert TASK_MOVES[state] <= {TaskState.IN_PROGRESS}
    for state in SETTLED_JOBS:
        assert JOB_MOVES[state] <= {JobState.READY}
    assert GOOD_JOBS < SETTLED_JOBS
    assert JOB_MOVES[JobState.DONE] == {JobState.READY}, "only one that was taken over is run after all"
