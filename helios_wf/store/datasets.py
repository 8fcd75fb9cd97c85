"""Datasets: named, ordered sets of files with metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError

from helios_wf.errors import DatasetError, did_you_mean
from helios_wf.model import Dataset, EventFile, Json
from helios_wf.states import DATASET_MOVES, DatasetState, sources
from helios_wf.store import dataset_files
from helios_wf.store.clock import now
from helios_wf.store.codec import dump, instant, load
from helios_wf.store.rows import DatasetRow
from helios_wf.store.schema import dataset_files as file_table
from helios_wf.store.schema import datasets


def create(tx: Connection, dataset: Dataset) -> None:
    """Records a dataset and its files.

    Raises:
        DatasetError: the name is taken (also by a deleted one), or a path occurs twice.
    """
    values = {
        "name": dataset.name,
        "state": dataset.state,
        "meta": dump(dataset.meta),
        "run": dataset.run,
        "created": now(tx),
    }
    try:
        with tx.begin_nested():
            number = tx.execute(insert(datasets).values(values).returning(datasets.c.id)).scalar_one()
    except IntegrityError:
        raise _taken(tx, dataset.name) from None
    dataset_files.append(tx, number, dataset.name, dataset.files)


def add_files(tx: Connection, name: str, files: Sequence[EventFile]) -> None:
    """Appends files to an OPEN dataset, behind those it has.

    Raises:
        DatasetError: there is no such dataset, it is not OPEN, or it has one of the paths already.
    """
    dataset_files.append(
        tx, _in_state(tx, name, DatasetState.OPEN, "files can only be added to"), name, files
    )


def set_meta(tx: Connection, name: str, meta: Mapping[str, Json]) -> None:
    """Adds metadata to an OPEN dataset; a key that is there already gets the new value.

    Raises:
        DatasetError: there is no such dataset, or it is not OPEN.
    """
    number = _in_state(tx, name, DatasetState.OPEN, "metadata can only be added to")
    old = load(tx.execute(select(datasets.c.meta).where(datasets.c.id == number)).scalar_one())
    tx.execute(update(datasets).where(datasets.c.id == number).values(meta=dump(old | dict(meta))))


def close(tx: Connection, name: str) -> bool:
    """Closes a dataset; says whether it was OPEN until now.

    Raises:
        DatasetError: there is no such dataset, or it was deleted.
    """
    return _move(tx, name, DatasetState.CLOSED)


def delete(tx: Connection, name: str) -> bool:
    """Puts a dataset away, but not its name; says whether it was there until now.

    Raises:
        DatasetError: there never was such a dataset.
    """
    return _move(tx, name, DatasetState.DELETED)


def forget(tx: Connection, name: str) -> None:
    """Forgets a dataset with its name, as if there had never been one."""
    number = select(datasets.c.id).where(datasets.c.name == name).scalar_subquery()
    tx.execute(sql_delete(file_table).where(file_table.c.dataset == number))
    tx.execute(sql_delete(datasets).where(datasets.c.name == name))


def get(tx: Connection, name: str, files: bool = True) -> Dataset:
    """Returns a dataset, with its files in order unless they are not wanted.

    Raises:
        DatasetError: there is no such dataset, or it was deleted.
    """
    row = tx.execute(select(datasets).where(datasets.c.name == name)).first()
    if row is None:
        raise _unknown(tx, name)
    if row.state == DatasetState.DELETED:
        raise DatasetError(f"dataset {name!r} was deleted")
    return Dataset(
        name=row.name,
        state=DatasetState(row.state),
        files=dataset_files.read(tx, row.id) if files else (),
        meta=load(row.meta),
        run=row.run,
    )


def maker(tx: Connection, name: str) -> str | None:
    """Returns the run that made a dataset; None where no run did, or there is no such dataset."""
    query = select(datasets.c.run).where(datasets.c.name == name, datasets.c.state != DatasetState.DELETED)
    return tx.execute(query).scalar()


def holder(tx: Connection, path: str) -> str | None:
    """Returns the name of a dataset, not deleted, that has a file at a path; None when there is none."""
    query = (
        select(datasets.c.name)
        .join(file_table, file_table.c.dataset == datasets.c.id)
        .where(file_table.c.path == path, datasets.c.state != DatasetState.DELETED)
        .limit(1)
    )
    return tx.execute(query).scalar()


def state(tx: Connection, name: str) -> DatasetState | None:
    """Returns the state of a dataset, None when the name is free."""
    found = tx.execute(select(datasets.c.state).where(datasets.c.name == name)).scalar()
    return None if found is None else DatasetState(found)


def exists(tx: Connection, name: str) -> bool:
    """Says whether a name is taken, be it by a deleted dataset."""
    return state(tx, name) is not None


def names(tx: Connection, state: DatasetState | None = DatasetState.CLOSED) -> Sequence[str]:
    """Returns the names of all datasets in a state, sorted; of all that are not deleted for None."""
    wanted = datasets.c.state != DatasetState.DELETED if state is None else datasets.c.state == state
    return sorted(tx.execute(select(datasets.c.name).where(wanted)).scalars())


def meta(tx: Connection, state: DatasetState = DatasetState.CLOSED) -> dict[str, dict[str, Json]]:
    """Returns the metadata of all datasets in a state, by name."""
    query = select(datasets.c.name, datasets.c.meta).where(datasets.c.state == state)
    return {name: load(text) for name, text in tx.execute(query)}


def list(tx: Connection, state: DatasetState | None = None) -> Sequence[DatasetRow]:
    """Returns the datasets in a state (None: all that are not deleted), by name, without their files."""
    wanted = datasets.c.state != DatasetState.DELETED if state is None else datasets.c.state == state
    sums = (
        select(
            file_table.c.dataset,
            func.count().label("n_files"),
            func.sum(file_table.c.size).label("size"),
            func.sum(file_table.c.n_events).label("n_events"),
        )
        .group_by(file_table.c.dataset)
        .subquery()
    )
    query = select(datasets, sums).join(sums, sums.c.dataset == datasets.c.id, isouter=True).where(wanted)
    rows = [_row(row) for row in tx.execute(query)]
    return sorted(rows, key=lambda row: row.name)


def _row(row: Any) -> DatasetRow:
    return DatasetRow(
        name=row.name,
        state=DatasetState(row.state),
        n_files=int(row.n_files or 0),
        size=int(row.size or 0),
        n_events=None if row.n_events is None else int(row.n_events),
        meta=load(row.meta),
        run=row.run,
        created_at=instant(row.created),
    )


def _in_state(tx: Connection, name: str, wanted: DatasetState, what: str) -> int:
    """Returns the number of a dataset, locked until the end of the transaction."""
    query = select(datasets.c.id, datasets.c.state).where(datasets.c.name == name).with_for_update()
    row = tx.execute(query).first()
    if row is None:
        raise _unknown(tx, name)
    if row.state != wanted:
        raise DatasetError(f"dataset {name!r} is {row.state}; {what} one that is {wanted}")
    return int(row.id)


def _move(tx: Connection, name: str, to: DatasetState) -> bool:
    legal = sources(DATASET_MOVES, to)
    moved = tx.execute(
        update(datasets).where(datasets.c.name == name, datasets.c.state.in_(legal)).values(state=to)
    )
    if moved.rowcount:
        return True
    now_in = state(tx, name)
    if now_in is None:
        raise _unknown(tx, name)
    if now_in is not to:
        raise DatasetError(f"dataset {name!r} is {now_in} and cannot become {to}")
    return False


def _unknown(tx: Connection, name: str) -> DatasetError:
    hint = did_you_mean(name, names(tx, None)[:5000])
    if len(hint) > 300:
        hint = "; `helios-wf dataset list` shows those there are"
    return DatasetError(f"no dataset {name!r}{hint or '; there are none yet: helios-wf dataset add'}")


def _taken(tx: Connection, name: str) -> DatasetError:
    found = state(tx, name)
    if found is DatasetState.DELETED:
        return DatasetError(f"the name {name!r} belonged to a dataset that was deleted; it stays taken")
    return DatasetError(f"there is a dataset {name!r} already ({found}); a new one needs another name")
