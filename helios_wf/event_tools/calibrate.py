"""``helios-events calibrate``: energies corrected with the constants of their sensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from helios_wf.errors import InputError
from helios_wf.event_tools import options
from helios_wf.event_tools.outputs import check_apart

if TYPE_CHECKING:
    import pyarrow as pa


class Constants(NamedTuple):
    """Gain and offset of every sensor: arrays of one length, each sensor once."""

    sensor: pa.Array
    gain: pa.Array
    offset: pa.Array


def load(path: Path, sensor_column: str) -> Constants:
    """Returns the constants in a table with the columns ``sensor_column``, ``gain`` and ``offset``.

    Raises:
        EventFileError: The file cannot be used.
        InputError: It lacks a column, or has a sensor twice.
    """
    import pyarrow as pa

    from helios_wf.event_tools.columns import opened
    from helios_wf.event_tools.pieces import Piece

    names = {"sensor": sensor_column, "gain": "gain", "offset": "offset"}
    with opened(Piece(path), None, names) as reader:
        sensor, gain, offset = (column.combine_chunks() for column in reader.read_all().columns)
    if len(sensor.unique()) < len(sensor):
        raise InputError(f"{path} has constants for a sensor twice; one row for each is wanted")
    return Constants(sensor, gain.cast(pa.float64()), offset.cast(pa.float64()))


def calibrated(
    batches: Iterable[pa.RecordBatch], constants: Constants, sensor_column: str, energy_column: str
) -> Iterator[pa.RecordBatch]:
    """Yields batches with every energy replaced by ``gain * (energy - offset)`` of its sensor, as a double.

    Raises:
        InputError: A sensor has no constants.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches:
        sensors = batch.column(sensor_column)
        place = pc.index_in(sensors, value_set=constants.sensor.cast(sensors.type))
        if place.null_count:
            unknown = sensors.filter(place.is_null())[0]
            raise InputError(
                f"sensor {unknown} has events but no constants; every sensor needs a row of them"
            )
        energy = pc.subtract(batch.column(energy_column).cast(pa.float64()), constants.offset.take(place))
        index = batch.schema.get_field_index(energy_column)
        yield batch.set_column(index, energy_column, pc.multiply(energy, constants.gain.take(place)))


@click.command("calibrate")
@click.argument("file", type=click.Path(path_type=Path))
@options.output
@click.option(
    "--constants",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Table with a row for every sensor and the columns of --sensor-column, gain and offset.",
)
@options.event_range
@options.table
@options.types
@options.row_index
@options.column("sensor", "sensor_id", "sensors")
@options.column("energy", "energy", "energies to correct")
def command(
    file: Path,
    output: Path,
    constants: Path,
    first_event: int,
    n_events: int | None,
    table: str | None,
    types: dict[str, str],
    row_index: Path | None,
    sensor_column: str,
    energy_column: str,
) -> None:
    """Correct the energy of every event of a range: gain * (energy - offset), constants of its sensor."""
    import pyarrow as pa

    from helios_wf import formats
    from helios_wf.event_tools.columns import check_present
    from helios_wf.event_tools.pieces import piece_of

    check_apart([output], [file, constants, row_index])
    formats.check_table(file, table)
    known = load(constants, sensor_column)
    piece = piece_of(file, first_event, n_events, row_index)
    with formats.read(
        piece.path, piece.first, piece.stop, table=table, types=types, index=piece.index
    ) as reader:
        check_present(file, reader.schema.names, {"sensor": sensor_column, "energy": energy_column})
        place = reader.schema.get_field_index(energy_column)
        schema = reader.schema.set(place, pa.field(energy_column, pa.float64()))
        formats.write(output, calibrated(reader, known, sensor_column, energy_column), schema)
