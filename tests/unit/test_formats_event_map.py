"""Event maps: rows are payloads, and a map with holes is refused at the place of the hole."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

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
