"""Event maps: rows are payloads, and a map with holes is refused at the place of the hole."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from helios_wf import formats
from helios_wf.errors import EventFileError, FileFormatError, FileTruncatedError, NoEventsError


def test_payloads_are_rows_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    path.write_text('{"isr": {"0": "a", "2": {"visit": 7}, "1": "b"}, "final": {"0": "f"}}')
    assert formats.recognise(path) == "eventmap"
    layout = formats.probe(path, table="isr")
    assert (layout.n_events, layout.table) == (3, "isr")
    assert formats.read(path, 1, 9, table="isr").read_all().to_pylist() == [
        {"event": 1, "payload": "b"},
        {"event": 2, "payload": '{"visit":7}'},
    ]
    with pytest.raises(
        NoEventsError, match="has several tables; choose one with table, on the shell --table: isr, final"
    ):
        formats.probe(path)
    with pytest.raises(NoEventsError, match="has no table 'irs'; did you mean 'isr'"):
        formats.probe(path, table="irs")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ('{"a": {"0": 1,\n "0": 2}}', FileFormatError, ":2:2: 'a': event 0 stands twice"),
        (
            '{"a": {"1": 1, "2": 2}}',
            FileFormatError,
            ":1:8: 'a': its events start at 1; they are",
        ),
        ('{"a": {"0": 1,\n\n  "2": 2}}', FileFormatError, ":3:3: 'a': event 1 is missing before event 2"),
        ('{"a": {"0": 1, "one": 2}}', FileFormatError, ":1:16: 'a': the key 'one' is no event number"),
        ('{"a": {"0": 1, "01": 2}}', FileFormatError, ":1:16: 'a': the key '01' is no event number"),
        ('{"a": {"0": 1}, "a": {}}', FileFormatError, ":1:17: the table 'a' stands twice"),
        ('{"a": {"0": 1}} {}', FileFormatError, ":1:17: found '{}' behind the end"),
        ('{"a": {"0": 1,}}', FileFormatError, ":1:15: expected '\"', found '}'"),
        ('{"a": {"0": tru}}', FileFormatError, ":1:13: no JSON"),
        ('{"a": {"0": 1, "1": "', FileTruncatedError, "ends too early"),
        ('{"a": {"0": 1}', FileTruncatedError, "ends too early"),
    ],
)
def test_a_map_that_is_no_numbering_is_refused_with_its_place(
    text: str, error: type[EventFileError], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(error) as caught:
        formats.probe(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_json_file_of_another_shape_is_no_map_unless_it_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"threshold": {"low": 1}}')
    assert formats.recognise(path) is None
    with pytest.raises(FileFormatError, match="the key 'low' is no event number"):
        formats.probe(path, format="eventmap")
    path.write_text("{}")
    with pytest.raises(NoEventsError, match="holds no table"):
        formats.probe(path, format="eventmap")


def test_maps_are_written_merged_and_numbered_anew(tmp_path: Path) -> None:
    first, second, both = (str(tmp_path / name) for name in ("a.json", "b.json", "both.json"))
    schema = pa.schema([("event", pa.int64()), ("payload", pa.string())])
    batches = pa.table({"event": [7, 9], "payload": ["x", 'a "quoted" \u00b5']}, schema=schema).to_batches()
    assert formats.write(first, batches, schema, table="isr") == 2
    assert formats.write(second, [], pa.schema([("payload", pa.string())]), table="isr") == 0
    assert json.loads(Path(first).read_text()) == {"isr": {"0": "x", "1": 'a "quoted" \u00b5'}}
    formats.merge([first, first], both)
    assert formats.probe(both).n_events == 4
    with formats.read(both, 1, 3) as events:
        assert events.read_all().to_pydict() == {"event": [1, 2], "payload": ['a "quoted" \u00b5', "x"]}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"energy": [1.0]}, "these events have energy \\(double\\)"),
        ({"payload": ["x"], "energy": [1.0]}, "'payload' of text, and 'event' at most"),
        ({"payload": ["x", None]}, "event 1 has no payload"),
    ],
)
def test_only_payloads_go_into_a_map(tmp_path: Path, columns: dict[str, list[object]], said: str) -> None:
    table = pa.table(columns)
    with pytest.raises(FileFormatError, match=said):
        formats.write(tmp_path / "map.json", table.to_batches(), table.schema)
    assert not (tmp_path / "map.json").exists()


def parquet_map(path: Path, rows: list[tuple[str | None, int | None, str]], row_group_size: int = 2) -> Path:
    names = ("table", "event", "payload")
    kinds = (pa.string(), pa.int64(), pa.string())
    columns = {
        name: pa.array([row[at] for row in rows], kind)
        for at, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    parquet.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def test_a_map_in_parquet_has_tables_of_payloads_too(tmp_path: Path) -> None:
    rows = [("isr", event, f"payload_{event}") for event in range(5)] + [("final", 0, "f"), ("final", 1, "g")]
    path = parquet_map(tmp_path / "map.parquet", rows)
    layout = formats.probe(path, table="isr")
    assert (layout.n_events, layout.table, layout.clusters) == (5, "isr", (0, 2, 4, 5))
    assert [column.name for column in layout.columns] == ["event", "payload"]
    with formats.read(path, 1, 3, table="isr") as events:
        assert events.read_all().to_pylist() == [
            {"event": 1, "payload": "payload_1"},
            {"event": 2, "payload": "payload_2"},
        ]
    with formats.read(path, 1, 9, table="final", filter="event > 0") as events:
        assert events.read_all().to_pylist() == [{"event": 1, "payload": "g"}]
    with pytest.raises(NoEventsError, match=r"has several tables; .*: isr, final"):
        formats.probe(path)
    with pytest.raises(NoEventsError, match="has no table 'irs'; did you mean 'isr'"):
        formats.probe(path, table="irs")
    with pytest.raises(NoEventsError, match="without rows"):
        formats.probe(parquet_map(tmp_path / "empty.parquet", []))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", 1, "x"), ("a", 2, "y")], "row 1: 'a': its events start at 1; they are numbered from 0"),
        ([("a", 0, "x"), ("a", 2, "y")], "row 2: 'a': event 1 is missing before event 2"),
        ([("a", 0, "x"), ("a", 0, "y")], "row 2: 'a': event 0 stands twice"),
        ([("a", 0, "x"), ("b", 0, "y"), ("a", 1, "z")], "row 3: 'a' goes on after another table"),
        ([("a", 0, "x"), (None, 1, "y")], "row 2 names no table"),
        ([("a", 0, "x"), ("a", None, "y")], "row 2: 'a': event 1 has no number"),
    ],
)
def test_a_map_in_parquet_that_is_no_numbering_is_refused_with_its_row(
    rows: list[tuple[str | None, int | None, str]], said: str, tmp_path: Path
) -> None:
    path = parquet_map(tmp_path / "map.parquet", rows)
    with pytest.raises(FileFormatError) as caught:
        formats.probe(path, table="a")
    assert str(caught.value).startswith(f"{path}: {said}")


def test_the_columns_of_a_map_in_parquet_have_their_types(tmp_path: Path) -> None:
    path = tmp_path / "map.parquet"
    parquet.write_table(pa.table({"table": ["a"], "event": ["0"], "payload": ["x"]}), path)
    with pytest.raises(FileFormatError, match="an event map holds whole numbers, not string"):
        formats.probe(path)
