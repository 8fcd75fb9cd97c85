"""What the store promises of datasets, on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from helios_wf.errors import DatasetError
from helios_wf.model import Column, Dataset, EventFile, Layout
from helios_wf.states import DatasetState
from helios_wf.store import Store, datasets
from helios_wf.store.schema import column_sets

COLUMNS = (Column(name="event_id", type="int64"), Column(name="energy", type="double"))
FULL = Layout(
    format="parquet",
    n_events=2**40,
    columns=COLUMNS,
    clusters=(0, 100, 2**40),
    table="events",
    seekable=False,
    counted_by="scan",
)


def files(*names: str, layout: Layout | None = FULL) -> tuple[EventFile, ...]:
    return tuple(EventFile(path=f"/d/{name}", size=10, checksum="sha1$0", layout=layout) for name in names)


def created(store: Store, name: str = "a.raw", state: DatasetState = DatasetState.OPEN, **fields) -> None:
    with store.write() as tx:
        datasets.create(tx, Dataset(name=name, state=state, **fields))


def got(store: Store, name: str = "a.raw", **options) -> Dataset:
    with store.read() as tx:
        return datasets.get(tx, name, **options)


def test_a_dataset_comes_back_as_it_was_given(store: Store) -> None:
    given = Dataset(
        name="scope:a/raw",
        state=DatasetState.CLOSED,
        files=(*files("2", "10", "1"), *files("calib", layout=None), EventFile(path="/d/ü\n", size=2**40)),
        meta={"run": 12, "tag": "v1", "energy": 13.6, "good": True},
        run="r1",
    )
    with store.write() as tx:
        datasets.create(tx, given)
    assert got(store, given.name) == given
    assert got(store, given.name, files=False).files == ()


def test_files_are_appended_in_order_while_it_is_open(store: Store) -> None:
    created(store, files=files("b"))
    with store.write() as tx:
        datasets.add_files(tx, "a.raw", files("a", "c"))
        datasets.add_files(tx, "a.raw", [])
        datasets.set_meta(tx, "a.raw", {"x": 1})
        datasets.set_meta(tx, "a.raw", {"x": 2, "y": 3})
        assert datasets.close(tx, "a.raw")
        assert not datasets.close(tx, "a.raw")
    found = got(store)
    assert [file.path for file in found.files] == ["/d/b", "/d/a", "/d/c"]
    assert (found.meta, found.state) == ({"x": 2, "y": 3}, DatasetState.CLOSED)
    for late in (
        lambda tx: datasets.add_files(tx, "a.raw", files("d")),
        lambda tx: datasets.set_meta(tx, "a.raw", {}),
    ):
        with pytest.raises(DatasetError, match="is CLOSED"), store.write() as tx:
            late(tx)


def test_a_file_is_held_once_and_a_refused_one_leaves_nothing(store: Store) -> None:
    created(store, files=files("a"))
    with pytest.raises(DatasetError, match=r"file twice: /d/a$"), store.write() as tx:
        datasets.add_files(tx, "a.raw", files("b", "a"))
    with pytest.raises(DatasetError, match="twice"):
        created(store, "b.raw", files=files("a", "a"))
    assert len(got(store).files) == 1
    with store.read() as tx:
        assert not datasets.exists(tx, "b.raw")


def test_a_name_is_given_once_even_when_its_dataset_was_deleted(store: Store) -> None:
    created(store)
    with pytest.raises(DatasetError, match=r"already \(OPEN\)"):
        created(store)
    with store.write() as tx:
        assert datasets.delete(tx, "a.raw")
        assert not datasets.delete(tx, "a.raw")
        assert datasets.exists(tx, "a.raw")
        with pytest.raises(DatasetError, match="DELETED and cannot become CLOSED"):
            datasets.close(tx, "a.raw")
    with pytest.raises(DatasetError, match="stays taken"):
        created(store)
    with pytest.raises(DatasetError, match="was deleted"):
        got(store)


def test_a_forgotten_dataset_leaves_its_name_free(store: Store) -> None:
    created(store, files=files("a"))
    created(store, "b.raw", files=files("a"))
    with store.write() as tx:
        datasets.forget(tx, "a.raw")
        assert not datasets.exists(tx, "a.raw")
    created(store, files=files("a", "b"))
    assert len(got(store).files) == 2
    assert len(got(store, "b.raw").files) == 1


def test_a_failed_creation_does_not_end_the_transaction(store: Store) -> None:
    created(store)
    with store.write() as tx:
        with pytest.raises(DatasetError):
            datasets.create(tx, Dataset(name="a.raw", state=DatasetState.OPEN))
        datasets.create(tx, Dataset(name="b.raw", state=DatasetState.OPEN))
    assert got(store, "b.raw").files == ()


def test_an_unknown_dataset_gets_the_nearest_name(store: Store) -> None:
    with pytest.raises(DatasetError, match="there are none yet"):
        got(store, "x")
    created(store, "spd.00000012.raw")
    with pytest.raises(DatasetError, match=r"did you mean 'spd\.00000012\.raw'"):
        got(store, "spd.00000013.raw")
    for verb in (datasets.close, datasets.delete, lambda tx, name: datasets.add_files(tx, name, files("a"))):
        with pytest.raises(DatasetError, match="no dataset 'x'"), store.write() as tx:
            verb(tx, "x")


def test_datasets_are_listed_with_their_sums(store: Store) -> None:
    created(store, "b.raw", files=(*files("1", "2"), *files("calib", layout=None)), meta={"run": 1})
    created(store, "a.raw")
    created(store, "c.raw", DatasetState.CLOSED, run="r9")
    created(store, "gone", DatasetState.DELETED)
    with store.read() as tx:
        rows = datasets.list(tx)
        assert [row.name for row in datasets.list(tx, DatasetState.DELETED)] == ["gone"]
        assert datasets.names(tx) == ["c.raw"]
        assert datasets.names(tx, None) == ["a.raw", "b.raw", "c.raw"]
        assert datasets.meta(tx, DatasetState.OPEN) == {"a.raw": {}, "b.raw": {"run": 1}}
        assert datasets.state(tx, "c.raw") is DatasetState.CLOSED
        assert datasets.state(tx, "d.raw") is None
    assert [(row.name, row.n_files, row.size, row.n_events) for row in rows] == [
        ("a.raw", 0, 0, None),
        ("b.raw", 3, 30, 2**41),
        ("c.raw", 0, 0, None),
    ]
    assert rows[2].run == "r9"
    assert rows[0].created_at.tzinfo is not None


def test_columns_that_many_files_share_are_kept_once(store: Store) -> None:
    wide = Layout(
        format="root", n_events=1, columns=tuple(Column(name=f"c{n}", type="float") for n in range(947))
    )
    created(store, files=files(*map(str, range(2000)), layout=wide))
    created(store, "b.raw", files=files("1", layout=wide))
    with store.read() as tx:
        assert tx.execute(select(func.count()).select_from(column_sets)).scalar() == 1
    assert got(store).files[1999].layout == wide
