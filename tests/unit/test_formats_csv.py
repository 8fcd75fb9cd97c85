"""CSV: what is a row, what are its types, and what is said of a broken one."""

from __future__ import annotations

import csv
import gzip
import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helios_wf import formats
from helios_wf.errors import FileFormatError, FileTruncatedError, NoEventsError
from helios_wf.formats import rows, text_source
from helios_wf.formats.csv_ragged import first_ragged_row
from helios_wf.formats.rows import Block, RowRule

QUOTED = RowRule(quoted=True)
TEXT = st.text(st.sampled_from('ab ,"\n\r;é'), max_size=6).map(lambda text: text.replace("\r", "\r\n"))
CELLS = st.tuples(
    st.integers(-99, 99), st.floats(allow_nan=False, width=32), TEXT, st.none() | st.sampled_from("xy")
)
RELAXED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def write_text(path: Path, text: str | bytes) -> Path:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def values(path: Path, *args: Any, **options: Any) -> list[dict[str, Any]]:
    return formats.read(path, *args, **options).read_all().to_pylist()


@RELAXED
@given(st.lists(CELLS, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(16, 200))
def test_rows_are_what_a_csv_parser_says(
    tmp_path: Path, cells: list[tuple[Any, ...]], newline: str, final: bool, block: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=newline)
    writer.writerow(["i", "x", "text", "maybe"])
    writer.writerows(cells)
    text = out.getvalue() if final else out.getvalue().removesuffix(newline)
    path = write_text(tmp_path / "a.csv", text)
    types = {"i": "int64", "x": "double", "text": "string", "maybe": "string"}
    assert formats.probe(path).n_events == len(cells)
    assert [row["i"] for row in values(path, types=types)] == [cell[0] for cell in cells]
    assert [row["text"] or "" for row in values(path, types=types)] == [cell[2] for cell in cells]


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from('a,"\n'), max_size=40))
def test_line_ends_outside_quotes_are_found_in_any_text(text: str) -> None:
    data = text.encode()
    if not data:
        return
    block = Block(bytearray(data), len(data), 0, QUOTED, b'"' in data)
    assert block.ends().tolist() == ends_by_state_machine(text)
    assert block.count() == len(block.starts())


def ends_by_state_machine(text: str) -> list[int]:
    found, inside, fresh, place = [], False, True, 0
    while place < len(text):
        letter = text[place]
        if inside:
            if letter == '"' and text[place + 1 : place + 2] == '"':
                place += 1
            elif letter == '"':
                inside = False
        elif letter == '"' and fresh:
            inside = True
        elif letter == "\n":
            found.append(place + 1)
        fresh = not inside and letter in ",\n"
        place += 1
    return found


@RELAXED
@given(st.data(), st.lists(CELLS, min_size=1, max_size=20), st.booleans())
def test_the_ranges_of_any_cut_join_to_the_whole(
    tmp_path: Path, data: st.DataObject, cells: list[tuple[Any, ...]], indexed: bool
) -> None:
    schema = pa.schema(
        [("i", pa.int64()), ("x", pa.float64()), ("text", pa.string()), ("maybe", pa.string())]
    )
    table = pa.Table.from_pylist([dict(zip(schema.names, cell, strict=True)) for cell in cells], schema)
    path = tmp_path / "a.csv"
    assert formats.write(path, table.to_batches(), schema) == len(cells)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(cells)), max_size=4)))
    bounds = [0, *cuts, None]
    index = formats.build_index(path) if indexed else None
    types = {field.name: field.type for field in schema}
    parts = [
        formats.read(path, low or 0, high, batch_events=3, index=index, types=types).read_all()
        for low, high in pairwise(bounds)
    ]
    assert pa.concat_tables(parts).to_pylist() == table.to_pylist()


def test_many_small_blocks_give_the_same_rows_and_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_source, "BLOCK_BYTES", 256)
    monkeypatch.setattr(text_source, "_SMALLEST_BLOCK", 64)
    path = write_text(tmp_path / "a.csv", "i,s\n" + "".join(f'{i},"a\n{i}"\n\n' for i in range(500)))
    index = formats.build_index(path)
    assert index is not None
    assert index.n_events == 500
    assert [row["i"] for row in values(path, 77, 303)] == list(range(77, 303))
    assert values(path, 499) == [{"i": 499, "s": "a\n499"}]
    source = rows.blocks(text_source.ByteSource(str(path)), QUOTED, 4, 100)
    assert sum(block.count() for block in source) == 500


def test_an_index_leads_to_the_same_rows_and_survives_json(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "i,s\n" + "".join(f"{i},{'x' * 100}\n" for i in range(120_000)))
    layout, index = formats.survey(path)
    assert index is not None
    assert layout.n_events == index.n_events == 120_000
    assert len(index.rows) > 2
    again = formats.RowIndex.from_json(index.to_json())
    assert again == index
    assert [row["i"] for row in values(path, 99_990, 99_995, index=again)] == list(range(99_990, 99_995))
    path.write_bytes(path.read_bytes() + b"1,y\n")
    with pytest.raises(FileFormatError, match="probe the file again"):
        formats.read(path, index=again)


def test_a_gzipped_file_is_one_range_but_can_be_read_from_the_middle(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv.gz", "i\n" + "".join(f"{i}\n" for i in range(1000)))
    layout = formats.probe(path)
    assert (layout.n_events, layout.seekable, layout.counted_by) == (1000, False, "scan")
    assert [row["i"] for row in values(path, 990, 992)] == [990, 991]
    assert [row["i"] for row in values(path, 990, 992, index=formats.build_index(path))] == [990, 991]


def test_a_cut_gzip_stream_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(
        gzip.compress("".join(["i\n", *(f"{i * 7919 % 10007}\n" for i in range(9999))]).encode())[:-500]
    )
    with pytest.raises(FileTruncatedError, match=r"a\.csv\.gz: its gzip stream ends too early"):
        formats.probe(path)


@pytest.mark.parametrize(
    ("text", "n_events", "names"),
    [
        ("a,b\n", 0, ["a", "b"]),
        ("a,b", 0, ["a", "b"]),
        ("a,b\n1,2", 1, ["a", "b"]),
        ("a,b\r\n1,2\r\n\r\n", 1, ["a", "b"]),
        ("\ufeffa,b\n1,2\n", 1, ["a", "b"]),
        ('"a,1","b\nc"\n1,2\n', 1, ["a,1", "b\nc"]),
        ("\n\na\n1\n\n2\n", 2, ["a"]),
        (",a\n1,2\n", 1, ["column_1", "a"]),
    ],
)
def test_headers_and_ends_of_all_kinds_are_understood(
    tmp_path: Path, text: str, n_events: int, names: list[str]
) -> None:
    path = write_text(tmp_path / "a.csv", text)
    layout = formats.probe(path)
    assert [column.name for column in layout.columns] == names
    assert layout.n_events == n_events == len(values(path))


def test_types_come_from_the_first_rows_and_hold_for_every_range(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "a.csv",
        "i,x,b,t,s,e\n1,0.5,true,2024-01-01 00:00:00,a,\n2,nan,false,2024-01-01 00:00:00.5,,\n",
    )
    types = {column.name: column.type for column in formats.probe(path).columns}
    assert types == {
        "i": "int64",
        "x": "double",
        "b": "bool",
        "t": "timestamp[ns]",
        "s": "string",
        "e": "null",
    }
    assert formats.read(path, 2).schema == formats.read(path, 0, 1).schema
    table = formats.read(path).read_all()
    assert table["x"].null_count == 0
    assert table["s"].null_count == 1


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("7,8", "has 2 fields, the header has 3 (event, energy, status): '7,8'"),
        ("7,8.5,a,b", "has 4 fields"),
        ("seven,8.5,a", "column 'event' has 'seven', expected int64"),
        ("7,high,a", "column 'energy' has 'high', expected double"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_a_broken_row_in_the_middle_is_named_with_its_line(
    tmp_path: Path, row: str, said: str, suffix: str
) -> None:
    lines = ["event,energy,status", *(f'{i},{i}.5,"a\nb"' for i in range(30_000))]
    lines[20_001] = row
    path = write_text(tmp_path / f"a{suffix}", "\n".join(lines))
    with pytest.raises(FileFormatError) as caught:
        values(path)
    assert str(caught.value).startswith(f"{path}: line 40002: ")
    assert said in str(caught.value)
    assert len(values(path, 0, 20_000)) == 20_000


def test_bytes_that_are_no_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", b"i,s\n1,a\n2,caf\xe9\n")
    with pytest.raises(FileFormatError, match=r"line 3: the byte b'\\xe9' is not UTF-8"):
        values(path)


def test_a_lone_carriage_return_is_refused_not_miscounted(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "i,s\n1,a\n2,b\r3,c\n")
    with pytest.raises(FileFormatError, match="line 3: a carriage return without a newline"):
        values(path)


def test_a_quote_that_never_closes_is_found_with_bounded_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LONGEST_ROW_BYTES", 1 << 16)
    path = write_text(tmp_path / "a.csv", "i,s\n" + "1,a\n" * 300_000 + '1,"a\n' + "1,a\n" * 3_000_000)
    with pytest.raises(FileFormatError, match=r"byte 1200004: .*is a double quote not closed"):
        formats.probe(path)


def test_a_file_that_ends_inside_quotes_is_refused(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", 'i,s\n1,a\n2,"b\n3,c\n')
    with pytest.raises(FileFormatError, match=r"byte 8: .*double quote that is not closed"):
        formats.probe(path)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", NoEventsError, "is empty; a CSV file has at least a header"),
        ("1,2,3\n4,5,6\n", FileFormatError, "needs a header line"),
        ("a,b,a\n1,2,3\n", FileFormatError, "names the column 'a' twice"),
    ],
)
def test_a_file_without_a_header_is_refused(
    tmp_path: Path, text: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        formats.probe(write_text(tmp_path / "a.csv", text))


def test_a_given_type_takes_what_the_first_rows_do_not_suggest(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "run\n1\n" * 1 + "1\n" * 400_000 * 2 + "two\n")
    with pytest.raises(FileFormatError, match="line 800003"):
        values(path)
    assert values(path, 800_000, types={"run": "string"})[-1] == {"run": "two"}
    with pytest.raises(FileFormatError, match="unknown column 'rnu'; did you mean 'run'"):
        formats.read(path, types={"rnu": "string"})
    with pytest.raises(FileFormatError, match="no column type named 'txt'"):
        formats.read(path, types={"run": "txt"})


def test_floats_are_written_so_that_they_are_read_as_floats(tmp_path: Path) -> None:
    table = pa.table(
        {"x": [80.0, 1e22, -3.0, float("inf"), None], "y": pa.array([1.0, 2, 3, 4, 5], pa.float32())}
    )
    path = tmp_path / "a.csv"
    formats.write(path, table.to_batches(), table.schema)
    assert path.read_text().splitlines()[:3] == ["x,y", "80.0,1.0", "1e+22,2.0"]
    assert formats.read(path).read_all()["x"].to_pylist() == table["x"].to_pylist()


def test_tab_separated_values_are_csv_with_tabs(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.tsv", 'a\tb\n1\t"x\ty"\n2\tz,w\n')
    assert formats.probe(path).format == "tsv"
    assert values(path) == [{"a": 1, "b": "x\ty"}, {"a": 2, "b": "z,w"}]


def test_integers_widen_to_floats_in_the_first_mib_but_numbers_never_become_text(tmp_path: Path) -> None:
    lines = ["i,x,y", *("1,2,3" for _ in range(200)), "1,2.5,3.5", "1,2,three"]
    path = write_text(tmp_path / "a.csv", "\n".join(lines))
    types = {column.name: column.type for column in formats.probe(path).columns}
    assert types == {"i": "int64", "x": "double", "y": "double"}
    with pytest.raises(FileFormatError, match="line 203: column 'y' has 'three', expected double"):
        values(path)


def test_columns_a_filter_and_dictionaries_can_be_asked_for(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", "event,energy,status\n1,90.5,ok\n2,10.0,ok\n3,99.0,bad\n")
    assert values(path, columns=["event"], filter='energy > 80 and status == "ok"') == [{"event": 1}]
    assert values(path, 1, filter="energy > 80", columns=["status", "event"]) == [
        {"status": "bad", "event": 3}
    ]
    table = formats.read(path, dictionaries=["status"]).read_all()
    assert pa.types.is_dictionary(table.schema.field("status").type)
    assert formats.read(path, columns=[]).read_all().num_rows == 3
    with pytest.raises(FileFormatError, match="no column 'energi'; did you mean 'energy'"):
        formats.read(path, columns=["energi"])


FIELDS = st.sampled_from(["1", "", "x", '"a,b"', '"a\nb"', '"say ""a, b"""'])


@RELAXED
@given(st.lists(st.lists(FIELDS, min_size=2, max_size=3), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_the_first_row_with_too_many_fields_is_found_by_its_line(
    tmp_path: Path, cells: list[list[str]], newline: str
) -> None:
    path = tmp_path / "a.csv"
    lines = ["x,y", *(",".join(row) for row in cells)]
    path.write_bytes("".join(line + newline for line in lines).encode())
    found = first_ragged_row(str(path), "csv")
    bad = next((place for place, row in enumerate(cells) if len(row) == 3), None)
    if bad is None:
        assert found is None
    else:
        line = 1 + sum(text.count("\n") + 1 for text in lines[: bad + 1])
        assert found is not None
        assert found.startswith(f"line {line} has 3 fields, the header has 2: ")


def test_compressed_files_are_not_looked_at_for_ragged_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n1\n"))
    assert first_ragged_row(str(path), "csv") is None
