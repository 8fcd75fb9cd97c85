"""Long arrays of a run's inputs and outputs, kept apart from them, some elements in each row.

So a hundred thousand Files go into the store and come out of it without ever being one text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from helios_wf.model import Json
from helios_wf.model.packed import LONG, Packed, pack, pieces
from helios_wf.store import bulk
from helios_wf.store.codec import dump
from helios_wf.store.schema import arrays

AT_ONCE = 1000
"""Elements of an array in a row."""

_PUT = """
    INSERT INTO arrays (run, side, name, position, elements)
    VALUES (:run, :side, :name, :position, :elements)
"""


def put(tx: Connection, run: str, side: str, value: Json) -> Json:
    """Keeps the long arrays that are members of an object; returns it with empty ones in their places.

    Args:
        tx: a transaction that writes.
        run: the run.
        side: which of its objects that is; what was kept of it before is forgotten.
        value: any value.
    """
    tx.execute(delete(arrays).where(arrays.c.run == run, arrays.c.side == side))
    if not isinstance(value, dict):
        return value
    long = {name: one for name, one in value.items() if isinstance(one, list) and len(one) > LONG}
    bulk.many(
        tx,
        _PUT,
        (
            {"run": run, "side": side, "name": name, "position": start, "elements": _text(one, start)}
            for name, one in long.items()
            for start in range(0, len(one), AT_ONCE)
        ),
    )
    return {name: [] if name in long else one for name, one in value.items()}


def restored(tx: Connection, run: str, side: str, value: Json) -> Json:
    """Returns an object with the long arrays that were kept apart from it, packed."""
    found: dict[str, list[msgspec.Raw] | list[Json]] = {}
    plain: dict[str, list[Json]] = {}
    for name, text in _rows(tx, run, side):
        if name not in plain:
            try:
                found.setdefault(name, []).extend(pieces(text))
                continue
            except msgspec.DecodeError:
                plain[name] = list(Packed(found.pop(name, [])))
        plain[name] += json.loads(text)
    if not found and not plain:
        return value
    return {**value, **{name: Packed(some) for name, some in found.items()}, **plain}


def _text(values: list[Any], start: int) -> str:
    """Returns some elements of an array as JSON."""
    if isinstance(values, Packed):
        return dump(values.raw(start, start + AT_ONCE))
    return dump(pack(values[start : start + AT_ONCE]))


def _rows(tx: Connection, run: str, side: str) -> Iterator[tuple[str, str]]:
    query = (
        select(arrays.c.name, arrays.c.elements)
        .where(arrays.c.run == run, arrays.c.side == side)
        .order_by(arrays.c.name, arrays.c.position)
    )
    for row in tx.execute(query, execution_options={"stream_results": True, "yield_per": 10}):
        yield row.name, row.elements
