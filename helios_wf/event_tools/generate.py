"""``helios-events generate``: synthetic events in any format that can be written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from helios_wf.event_tools import options

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1 << 17
"""Events made at a time; memory does not depend on how many are wanted."""

DEFAULT_COUNT = 1000
LAST_SEED = 2**64 - 1
LAST_EVENT = 2**52
"""Timestamps of later events would not fit 64 bits."""


def batches(
    seed: int, first: int, count: int, sensors: int, names: tuple[str, ...]
) -> Iterator[pa.RecordBatch]:
    """Yields the events ``[first, first + count)`` of a seed.

    Args:
        seed: as in ``synthetic.make``.
        first: number of the first event.
        count: how many events.
        sensors: how many sensors.
        names: of the columns event id, timestamp, sensor, energy and status.
    """
    import pyarrow as pa

    from helios_wf.event_tools import synthetic

    statuses = pa.array(synthetic.STATUSES)
    for start in range(first, first + count, BATCH):
        events = synthetic.make(seed, start, min(BATCH, first + count - start), sensors)
        status = _without_bitmap(statuses.take(pa.array(events.status)))
        columns = (events.event_id, events.timestamp, events.sensor_id, events.energy)
        yield pa.RecordBatch.from_arrays([*map(pa.array, columns), status], names=list(names))


def _without_bitmap(texts: pa.StringArray) -> pa.StringArray:
    """Returns texts that are never null without Arrow's bitmap of nulls, which some formats cannot hold."""
    import pyarrow as pa

    _, offsets, characters = texts.buffers()
    return pa.StringArray.from_buffers(len(texts), offsets, characters)


def schema(names: tuple[str, ...]) -> pa.Schema:
    """Returns the types of the generated columns, under the given names."""
    import pyarrow as pa

    types = (pa.int64(), pa.int64(), pa.int32(), pa.float64(), pa.string())
    return pa.schema(list(zip(names, types, strict=True)))


@click.command("generate")
@options.output
@options.event_range
@click.option(
    "--seed", type=click.IntRange(0, LAST_SEED), default=1, show_default=True, help="Seed of the events."
)
@click.option(
    "--sensors", type=click.IntRange(1, 2**31 - 1), default=64, show_default=True, help="How many sensors."
)
@options.column("event-id", "event_id", "event numbers")
@options.column("timestamp", "timestamp", "times, in ns since 1970 (UTC)")
@options.column("sensor", "sensor_id", "sensor numbers, from 0")
@options.column("energy", "energy", "energies, in GeV")
@options.column("status", "status", "active, inactive or faulty")
def command(
    output: Path, first_event: int, n_events: int | None, seed: int, sensors: int, **columns: str
) -> None:
    """Make synthetic events: number, time, sensor, energy and status.

    An event depends on the seed and its number alone, so a range of events is the same whether it is made
    alone or among others.  1000 events unless --n-events says otherwise.
    """
    from helios_wf import formats

    count = DEFAULT_COUNT if n_events is None else n_events
    if first_event + count > LAST_EVENT:
        raise click.BadParameter(f"events are numbered up to {LAST_EVENT}", param_hint="--first-event")
    names = tuple(
        columns[f"{what}_column"] for what in ("event_id", "timestamp", "sensor", "energy", "status")
    )
    if len(set(names)) < len(names):
        raise click.UsageError(f"two columns would have one name: {', '.join(names)}")
    formats.write(output, batches(seed, first_event, count, sensors, names), schema(names))
