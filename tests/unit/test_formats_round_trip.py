"""What is written is read back, by any ranges, in every format; merges are concatenations."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helios_wf import formats
from helios_wf.errors import EventFileError, FileFormatError, NoEventsError

FILES = {
    "csv": "a.csv",
    "csv.gz": "a.csv.gz",
    "tsv": "a.tsv",
    "jsonl": "a.jsonl",
    "jsonl.gz": "a.jsonl.gz",
    "lines": "a.txt",
    "parquet": "a.parquet",
    "arrow": "a.arrow",
    "arrows": "a.arrows",
    "root": "a.root",
    "rntuple": "b.root",
    "hdf5": "a.h5",
}
NESTED = ("jsonl", "jsonl.gz", "parquet", "arrow", "arrows", "root", "rntuple", "hdf5")
RELAXED = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

FLAT = pa.schema(
    [("event", pa.int64()), ("energy", pa.float64()), ("ok", pa.bool_()), ("status", pa.string())]
)


def table_for(kind: str, n: int) -> pa.Table:
    if kind == "lines":
        return pa.table(
            {"line": [f"line {i}" * (i % 3) for i in range(n)]}, pa.schema([("line", pa.string())])
        )
    columns: dict[str, Any] = {
        "event": range(n),
        "energy": [i * 0.37 - 1 for i in range(n)],
        "ok": [i % 3 == 0 for i in range(n)],
        "status": [["active", 'i"d,le', "", "é\n"][i % 4] for i in range(n)],
    }
    schema = FLAT
    if kind in NESTED:
        columns["hits"] = [[float(j) for j in range(i % 4)] for i in range(n)]
        schema = FLAT.append(pa.field("hits", pa.list_(pa.float64())))
    return pa.table({name: pa.array(columns[name], schema.field(name).type) for name in schema.names}, schema)


def write(path: Path, kind: str, table: pa.Table, batch: int = 5, cluster: int = 4) -> None:
    count = formats.write(
        path,
        table.to_batches(batch),
        table.schema,
        format="rntuple" if kind == "rntuple" else None,
        cluster_events=cluster,
    )
    assert count == table.num_rows


def rows(path: Path, names: list[str], *args: Any, **options: Any) -> list[dict[str, Any]]:
    types = {"status": "string", "energy": "double", "event": "int64", "ok": "bool"}
    known = {name: type_ for name, type_ in types.items() if name in names}
    return formats.read(path, *args, columns=names, types=known, **options).read_all().to_pylist()


@pytest.mark.parametrize("kind", FILES)
@RELAXED
@given(data=st.data())
def test_reads_over_any_cut_join_to_what_was_written(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 23))
    table = table_for(kind, n)
    path = tmp_path / FILES[kind]
    write(path, kind, table, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    layout = formats.probe(path)
    assert layout.n_events == n
    assert layout.format == ("root" if kind == "rntuple" else kind.removesuffix(".gz"))
    if layout.clusters:
        assert (layout.clusters[0], layout.clusters[-1]) == (0, n)
        assert list(layout.clusters) == sorted(set(layout.clusters))
    bounds = [0, *sorted(data.draw(st.lists(st.integers(0, n), max_size=4))), n]
    batch_events = data.draw(st.integers(1, 30))
    names = table.column_names
    parts = [rows(path, names, low, high, batch_events=batch_events) for low, high in pairwise(bounds)]
    assert [row for part in parts for row in part] == table.to_pylist()


@pytest.mark.parametrize("kind", FILES)
def test_batches_keep_their_promises(kind: str, tmp_path: Path) -> None:
    table = table_for(kind, 20)
    path = tmp_path / FILES[kind]
    write(path, kind, table)
    reader = formats.read(path, 3, 900, batch_events=7)
    batches = list(reader)
    assert all(0 < batch.num_rows <= 7 and batch.schema == reader.schema for batch in batches)
    assert sum(batch.num_rows for batch in batches) == 17
    assert formats.read(path, 20).read_all().num_rows == 0
    assert formats.read(path, 500, 501).read_all().num_rows == 0
    assert formats.read(path, columns=[]).read_all().num_rows == 20
    assert [column.name for column in formats.probe(path).columns] == reader.schema.names


@pytest.mark.parametrize("kind", [kind for kind in FILES if kind != "lines"])
def test_a_filter_may_name_columns_that_are_not_asked_for(kind: str, tmp_path: Path) -> None:
    table = table_for(kind, 40)
    path = tmp_path / FILES[kind]
    write(path, kind, table)
    found = formats.read(
        path, 5, 35, columns=["event"], filter='energy > 2 and status == "active"'
    ).read_all()
    assert found.column_names == ["event"]
    assert found["event"].to_pylist() == [i for i in range(5, 35) if i * 0.37 - 1 > 2 and i % 4 == 0]


@pytest.mark.parametrize("kind", FILES)
def test_the_bytes_depend_on_the_events_not_on_their_batches(kind: str, tmp_path: Path) -> None:
    table = table_for(kind, 23)
    digests = set()
    for size in (23, 5, 1):
        path = tmp_path / f"{size}" / FILES[kind]
        path.parent.mkdir()
        write(path, kind, table, batch=size)
        digests.add(hashlib.sha1(path.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_no_events_is_written_and_read(kind: str, tmp_path: Path) -> None:
    table = table_for(kind, 0)
    path = tmp_path / FILES[kind]
    write(path, kind, table)
    layout = formats.probe(path)
    assert (layout.n_events, layout.clusters) == (0, ())
    assert formats.read(path).read_all().num_rows == 0
    if kind not in ("lines", "jsonl", "jsonl.gz"):
        assert formats.read(path, columns=["event"], filter="energy > 80").read_all().num_rows == 0


@pytest.mark.parametrize("kind", FILES)
def test_a_merge_is_the_concatenation_in_order(kind: str, tmp_path: Path) -> None:
    table = table_for(kind, 23)
    paths = []
    for place, (low, high) in enumerate(pairwise([0, 9, 9, 10, 23])):
        path = tmp_path / f"{place}" / FILES[kind]
        path.parent.mkdir()
        write(path, kind, table.slice(low, high - low))
        paths.append(path)
    out = tmp_path / FILES[kind]
    formats.merge(paths, out, format="rntuple" if kind == "rntuple" else None, cluster_events=4)
    assert rows(out, table.column_names) == table.to_pylist()
    again = tmp_path / "again" / FILES[kind]
    again.parent.mkdir()
    formats.merge([out], again, format="rntuple" if kind == "rntuple" else None, cluster_events=4)
    assert again.read_bytes() == out.read_bytes()


def test_a_merge_adds_newlines_that_are_missing_and_keeps_one_header(tmp_path: Path) -> None:
    for name, text in (
        ("a.csv", "x,y\n1,2"),
        ("b.csv", "x,y\r\n3,4\r\n"),
        ("c.csv", "x,y"),
        ("d.csv", "x,y\n5,6"),
    ):
        (tmp_path / name).write_bytes(text.encode())
    formats.merge([tmp_path / f"{name}.csv" for name in "abcd"], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b"x,y\n1,2\n3,4\r\n5,6"
    (tmp_path / "a.txt").write_text("1\n2")
    (tmp_path / "b.txt").write_text("")
    formats.merge([tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "a.txt"], tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "1\n2\n1\n2"


def test_a_merge_of_files_with_other_columns_names_the_file_and_the_column(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(FileFormatError, match=r"b\.csv: has the columns x, z; the first file has x, y"):
        formats.merge([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "out.csv")
    for name, table in (
        ("a", pa.table({"x": [1]})),
        ("b", pa.table({"x": [1.5]})),
        ("c", pa.table({"y": [1]})),
    ):
        formats.write(tmp_path / f"{name}.parquet", table.to_batches(), table.schema)
    with pytest.raises(
        FileFormatError, match=r"b\.parquet: has the column 'x' as double, the first file has it as int64"
    ):
        formats.merge([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "out.parquet")
    with pytest.raises(FileFormatError, match=r"c\.parquet: has no column 'x'"):
        formats.merge([tmp_path / "a.parquet", tmp_path / "c.parquet"], tmp_path / "out.parquet")
    assert not list(tmp_path.glob("out.*"))


def test_a_merge_into_one_of_its_own_files_or_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(FileFormatError, match="give the merged file another name"):
        formats.merge([tmp_path / "a.csv"], tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "x\n1\n"
    with pytest.raises(NoEventsError, match="nothing to merge"):
        formats.merge([], tmp_path / "b.csv")


def test_a_merge_may_change_the_format_and_takes_empty_parts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,s\n")
    (tmp_path / "b.csv").write_text("x,s\n1,a\n")
    (tmp_path / "c.jsonl").write_text('{"x": 2, "s": "b"}\n')
    formats.merge([tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.jsonl"], tmp_path / "out.parquet")
    assert formats.read(tmp_path / "out.parquet").read_all().to_pylist() == [
        {"x": 1, "s": "a"},
        {"x": 2, "s": "b"},
    ]


@pytest.mark.parametrize("name", ["a.root", "a.h5"])
def test_a_null_that_a_format_cannot_hold_is_refused_and_no_file_is_left(name: str, tmp_path: Path) -> None:
    table = pa.table({"x": [1.0, None]})
    with pytest.raises(FileFormatError, match="column 'x' has a null"):
        formats.write(tmp_path / name, table.to_batches(), table.schema)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a.csv", "a.root", "a.h5", "a.txt"])
def test_a_column_that_a_format_cannot_hold_is_refused_with_its_type(name: str, tmp_path: Path) -> None:
    table = pa.table({"deep": [[[1, 2]]]})
    with pytest.raises(FileFormatError, match=r"deep.*list<"):
        formats.write(tmp_path / name, table.to_batches(), table.schema)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("kind", FILES)
def test_a_folder_that_is_not_there_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "missing" / FILES[kind]
    with pytest.raises(EventFileError, match=r"missing/.*: cannot be written: No such file or directory"):
        write(path, kind, table_for(kind, 3))


def test_what_fails_while_it_is_written_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 1000 + "1\n")
    reader = formats.read(tmp_path / "a.csv", batch_events=100)
    with pytest.raises(FileFormatError, match="line 1002"):
        formats.write(tmp_path / "b.parquet", reader, reader.schema)
    assert not (tmp_path / "b.parquet").exists()


def test_a_name_that_says_no_format_cannot_be_written(tmp_path: Path) -> None:
    table = pa.table({"x": [1]})
    with pytest.raises(FileFormatError, match="says no event format; give one of: csv"):
        formats.write(tmp_path / "a.dat", table.to_batches(), table.schema)
    assert formats.write(tmp_path / "a.dat", table.to_batches(), table.schema, format="parquet") == 1
    assert formats.probe(tmp_path / "a.dat").format == "parquet"
