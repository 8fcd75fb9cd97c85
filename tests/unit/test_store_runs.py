"""What the store promises of runs, tasks, shapes, requests, publications and documents."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from helios_wf.errors import RunError, RunTakenError, StoreError
from helios_wf.model.packed import Packed, pack
from helios_wf.states import JobState, RunState, TaskState
from helios_wf.store import Store, documents, jobs, log, publications, requests, runs, shapes, tasks
from helios_wf.store.rows import Lease, NewRun, NewTask, Publication, RunRow


def created(store: Store, name: str = "r1", **fields) -> None:
    values = {"label": name, "document": "d" * 8, "identity": f"same-{name}"} | fields
    with store.write() as tx:
        runs.create(tx, NewRun(id=name, **values))


def taken(
    store: Store, name: str = "r1", engine: str = "node1 pid 7", lease_s: float = 60.0, **fields
) -> int:
    with store.write() as tx:
        return runs.take(tx, name, engine, lease_s, **fields)


def moved(store: Store, name: str, epoch: int, *states: RunState) -> list[bool]:
    with store.write() as tx:
        return [runs.move(tx, name, epoch, state) for state in states]


def run(store: Store, name: str = "r1") -> RunRow:
    with store.read() as tx:
        return runs.get(tx, name)


def test_a_run_is_recorded_with_all_that_identifies_it(store: Store) -> None:
    created(
        store,
        template="filter",
        version=3,
        inputs={"raw": [1]},
        options={"keep": "all"},
        datasets={"raw": "spd.1"},
    )
    row = run(store)
    assert (row.state, row.epoch, row.engine, row.heartbeat_at) == (RunState.PENDING, 0, None, None)
    assert (row.template, row.version, row.inputs, row.options) == (
        "filter",
        3,
        {"raw": [1]},
        {"keep": "all"},
    )
    assert row.datasets == {"raw": "spd.1"}
    assert row.created_at.tzinfo is not None


def test_a_run_id_is_given_once(store: Store) -> None:
    created(store)
    with pytest.raises(RunError, match="'r1' already"):
        created(store)


def test_a_run_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    for name in ("abc1", "abd2", "x%y"):
        created(store, name)
    assert run(store, "abc").id == "abc1"
    assert run(store, "x%").id == "x%y"
    for wrong, words in (
        ("ab", "abc1"),
        ("ABC1", "no run 'ABC1'"),
        ("xyy", "did you mean 'x%y'"),
        ("%", "no run '%'"),
        ("", "no run ''"),
    ):
        with pytest.raises(RunError, match=words):
            run(store, wrong)


def test_a_whole_id_that_others_start_with_is_not_ambiguous(store: Store) -> None:
    created(store, "a")
    created(store, "ab")
    assert run(store, "a").id == "a"


def test_an_empty_store_says_that_it_has_no_runs(store: Store) -> None:
    with pytest.raises(RunError, match="the store has no runs"):
        run(store, "r1")
    with store.read() as tx:
        assert runs.latest(tx) is None


def test_one_engine_holds_a_run_and_a_second_one_is_told_who(store: Store) -> None:
    created(store)
    assert taken(store) == 1
    with pytest.raises(RunTakenError, match="node1 pid 7, heard"):
        taken(store, engine="node2 pid 9")
    assert taken(store) == 2


def test_an_engine_that_is_not_heard_any_more_loses_its_run(store: Store) -> None:
    created(store)
    first = taken(store)
    second = taken(store, engine="node2 pid 9", lease_s=0)
    assert second == first + 1
    with store.write() as tx:
        runs.fence(tx, "r1", second)
        runs.heartbeat(tx, "r1", second)
        for late in (runs.fence, runs.heartbeat):
            with pytest.raises(RunTakenError, match="node2 pid 9"):
                late(tx, "r1", first)
        with pytest.raises(RunTakenError):
            runs.move(tx, "r1", first, RunState.RUNNING)
        runs.release(tx, "r1", first)
    assert run(store).engine == "node2 pid 9"


def test_an_engine_known_to_be_dead_is_not_waited_for(store: Store) -> None:
    created(store)
    taken(store)
    with pytest.raises(RunTakenError):
        taken(store, engine="new", gone="another")
    assert taken(store, engine="new", gone="node1 pid 7") == 2


def test_a_released_run_is_free(store: Store) -> None:
    created(store)
    with store.write() as tx:
        runs.release(tx, "r1", runs.take(tx, "r1", "a", 60))
    assert run(store).engine is None
    assert taken(store, engine="b") == 2


def test_taking_an_unknown_run_is_a_mistake_of_the_caller(store: Store) -> None:
    with pytest.raises(RunError):
        taken(store, "nothing")


def test_a_run_moves_only_as_the_table_says(store: Store) -> None:
    created(store)
    epoch = taken(store)
    assert moved(store, "r1", epoch, RunState.DONE, RunState.RUNNING, RunState.RUNNING) == [
        False,
        True,
        False,
    ]
    with store.write() as tx:
        assert runs.move(tx, "r1", epoch, RunState.FAILED, "step 2 failed", outputs={"kept": None})
    row = run(store)
    assert (row.state, row.reason, row.outputs) == (RunState.FAILED, "step 2 failed", {"kept": None})
    assert moved(store, "r1", epoch, RunState.DONE, RunState.RUNNING) == [False, True]
    assert run(store).outputs == {"kept": None}
    with store.read() as tx:
        entries = [(entry.old, entry.new) for entry in log.list(tx, "r1") if entry.old != entry.new]
    assert entries == [
        (None, "PENDING"),
        ("PENDING", "RUNNING"),
        ("RUNNING", "FAILED"),
        ("FAILED", "RUNNING"),
    ]


def test_the_unfinished_run_of_an_identity_is_found(store: Store) -> None:
    created(store, "old", identity="x")
    created(store, "new", identity="x")
    moved(store, "new", taken(store, "new"), RunState.CANCELLED)
    with store.read() as tx:
        found = runs.find_unfinished(tx, "x")
        assert found is not None
        assert found.id == "old"
        assert runs.find_unfinished(tx, "y") is None


def test_runs_are_listed_newest_first_and_by_state(store: Store) -> None:
    for name in ("r1", "r2", "r3"):
        created(store, name)
    moved(store, "r2", taken(store, "r2"), RunState.RUNNING)
    with store.read() as tx:
        assert [row.id for row in runs.list(tx)] == ["r3", "r2", "r1"]
        assert {row.inputs for row in runs.list(tx)} == {None}
        assert [row.id for row in runs.list(tx, limit=1)] == ["r3"]
        assert [row.id for row in runs.list(tx, states=[RunState.RUNNING])] == ["r2"]
        latest = runs.latest(tx)
    assert latest is not None
    assert latest.id == "r3"


def test_what_a_template_did_or_is_doing_is_known(store: Store) -> None:
    for name, version, states in (
        ("a", 1, [RunState.RUNNING, RunState.DONE]),
        ("b", 2, []),
        ("c", 2, [RunState.RUNNING, RunState.FAILED]),
    ):
        created(store, name, template="t", version=version, datasets={"raw": name}, document=f"doc{name}")
        moved(store, name, taken(store, name), *states)
    created(store, "other", template="u", version=1)
    with store.read() as tx:
        assert sorted(runs.processed(tx, "t")) == [
            (1, {"raw": "a"}, RunState.DONE),
            (2, {"raw": "b"}, RunState.PENDING),
        ]
        assert runs.contents(tx, "t") == {1: "doca", 2: "docb"}


def test_tasks_carry_the_counts_of_their_jobs(store: Store) -> None:
    created(store)
    with store.write() as tx:
        tasks.create(tx, "r1", [NewTask(number=n, name=f"s{n}", process="p") for n in (0, 1)])
        tasks.create(tx, "r1", [])
        assert tasks.move(tx, "r1", 0, TaskState.READY)
        assert not tasks.move(tx, "r1", 0, TaskState.FINISHED)
        assert not tasks.move(tx, "r1", 9, TaskState.READY)
        tasks.expanded(tx, "r1", 0, 2**33)
        jobs.lease(tx, "r1", [Lease(task=0, path=path, attempt=1) for path in "01"])
    with store.read() as tx:
        first, second = tasks.list(tx, "r1")
        entries = [(entry.task, entry.old, entry.new) for entry in log.list(tx, "r1")]
    assert (first.name, first.state, first.total) == ("s0", TaskState.READY, 2**33)
    assert first.counts == {JobState.LEASED: 2}
    assert (second.state, second.total, second.counts) == (TaskState.DEFINED, None, {})
    assert entries[1:4] == [(0, None, "DEFINED"), (1, None, "DEFINED"), (0, "DEFINED", "READY")]


def test_a_shape_is_fixed_once(store: Store) -> None:
    created(store)
    with store.write() as tx:
        shapes.put(tx, "r1", 0, "", {"sizes": [3]})
        shapes.put_many(tx, "r1", [(1, "10", 2), (1, "9", [0, 5]), (0, "", {"sizes": [3]})])
    with pytest.raises(StoreError, match="domain 1 at '9'"), store.write() as tx:
        shapes.put(tx, "r1", 1, "9", [0, 6])
    with store.read() as tx:
        assert list(shapes.all(tx, "r1")) == [(0, "", {"sizes": [3]}), (1, "9", [0, 5]), (1, "10", 2)]


def test_requests_are_given_out_once_in_order(store: Store) -> None:
    created(store)
    with store.write() as tx:
        requests.put(tx, "r1", "pause")
        requests.put(tx, "r1", "retry", {"task": 3})
    with store.write() as tx:
        assert requests.pending(tx, "r1")
        assert [(one.verb, one.arguments) for one in requests.take(tx, "r1")] == [
            ("pause", None),
            ("retry", {"task": 3}),
        ]
        assert requests.take(tx, "r1") == []
        assert not requests.pending(tx, "r1")


def test_a_publication_is_intended_then_published_and_then_stays(store: Store) -> None:
    created(store)
    first = Publication(
        output="kept", position=0, source="/w/a", destination="/o/a", size=1, checksum="sha1$0"
    )
    second = Publication(output="kept", position=1, source="/w/b", destination="/o/b", size=2**40)
    with store.write() as tx:
        publications.intend(tx, "r1", [first, second])
        publications.published(tx, "r1", [("kept", 0, 17)])
    other = "/elsewhere"
    with store.write() as tx:
        publications.intend(
            tx,
            "r1",
            [
                Publication(output="kept", position=n, source="/w/c", destination=other, size=3)
                for n in (0, 1)
            ],
        )
    with store.read() as tx:
        rows = publications.list(tx, "r1")
    assert [(row.destination, row.size, row.published) for row in rows] == [
        ("/o/a", 1, True),
        (other, 3, False),
    ]


def test_documents_are_kept_by_digest(store: Store) -> None:
    with store.write() as tx:
        documents.put(tx, "abc", b"\x00{}")
        documents.put(tx, "abc", b"\x00{}")
    with store.read() as tx:
        assert documents.get(tx, "abc") == b"\x00{}"
        with pytest.raises(StoreError, match="no document xyz"):
            documents.get(tx, "xyz")


def test_tasks_of_a_run_that_is_not_there_are_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="refused a change"), store.write() as tx:
        tasks.create(tx, "nothing", [NewTask(number=0, name="s", process="p")])
    with store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM tasks")).scalar() == 0


def test_long_arrays_of_inputs_and_outputs_come_back_whole_and_packed(store: Store) -> None:
    files = [{"class": "File", "path": f"/data/{number}"} for number in range(2500)]
    odd = [f"name-\udcff-{number}" for number in range(2500)]
    inputs = {"files": files, "odd": odd, "short": [1, 2], "text": "x", "none": None}
    created(store, inputs=inputs)
    row = run(store)
    assert row.inputs == inputs
    assert {name for name, value in row.inputs.items() if isinstance(value, Packed)} == {"files"}
    epoch = taken(store)
    moved(store, "r1", epoch, RunState.RUNNING)
    for outputs in ({"sums": files, "count": 1}, {"sums": pack(files[:1500])}, {"sums": []}):
        with store.write() as tx:
            runs.move(tx, "r1", epoch, RunState.FINISHED, outputs=outputs)
            runs.move(tx, "r1", epoch, RunState.RUNNING)
        assert run(store).outputs == outputs
    assert run(store).inputs == inputs


def test_no_row_holds_more_than_some_elements_of_a_long_array(store: Store) -> None:
    created(store, inputs={"files": [{"class": "File", "path": f"/data/{number}"} for number in range(2500)]})
    with store.read() as tx:
        kept = tx.execute(text("SELECT inputs FROM runs")).scalar()
        lengths = tx.execute(text("SELECT length(elements) FROM arrays ORDER BY position")).scalars().all()
    assert kept == '{"files":[]}'
    assert len(lengths) == 3
    assert max(lengths) < 50_000
