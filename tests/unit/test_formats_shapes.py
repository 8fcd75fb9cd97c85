"""JSON lines, HDF5, Parquet and ROOT: the shapes that files of others have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helios_wf import formats
from helios_wf.errors import EventFileError, FileFormatError, MissingExtraError, NoEventsError
from helios_wf.formats import names


def rows(path: Path, *args: Any, **options: Any) -> list[dict[str, Any]]:
    return formats.read(path, *args, **options).read_all().to_pylist()


def types(path: Path, **options: Any) -> dict[str, str]:
    return {column.name: column.type for column in formats.probe(path, **options).columns}


def test_json_lines_may_leave_members_out_and_hold_lists_and_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"e": 1, "t": "2024-01-01T00:00:00", "h": [1.5], "o": {"a": "x"}}\n\n{"e": 2, "n": null}\n'
    )
    assert formats.probe(path).n_events == 2
    assert types(path)["t"] == "string"
    assert rows(path, 1) == [{"e": 2, "t": None, "h": None, "o": None, "n": None}]
    assert rows(path, columns=["o", "e"], filter="e == 1") == [{"o": {"a": "x"}, "e": 1}]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"e": 1, ', "line 30001: "),
        ('{"e": "one"}', "line 30001: "),
        ('{"e": 1, "new": 2}', "give its type"),
    ],
)
def test_a_broken_json_line_far_behind_is_named(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [f'{{"e": {i}, "s": "{"x" * 60}"}}' for i in range(40_000)]
    lines[30_000] = line
    path.write_text("\n".join(lines))
    with pytest.raises(FileFormatError) as caught:
        rows(path)
    assert f"{path}: line 30001: " in str(caught.value)
    assert said in str(caught.value)
    assert len(rows(path, 0, 30_000)) == 30_000


def test_a_member_that_comes_late_can_be_asked_for_by_its_type(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(f'{{"e": {i}, "s": "{"x" * 100}"}}\n' for i in range(12_000)) + '{"e": 1, "late": 2}\n'
    )
    assert rows(path, 12_000, types={"late": "int64"}) == [{"e": 1, "s": None, "late": 2}]
    assert rows(path, 12_000, columns=["e"]) == [{"e": 1}]


def test_lines_that_are_no_utf8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntw\xf6\n")
    assert formats.probe(path).n_events == 2
    with pytest.raises(FileFormatError, match=r"line 2: the byte b'\\xf6' is not UTF-8"):
        rows(path)


def test_hdf5_compound_datasets_arrays_and_enums_are_columns(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    compound = np.zeros(10, np.dtype([("event", ">i8"), ("p", "f4", (3,))]))
    compound["event"] = np.arange(10)
    with h5py.File(path, "w") as file:
        file.create_dataset("hits", data=compound, chunks=(4,))
        file["grid/x"] = np.arange(24).reshape(6, 2, 2)
        file["grid/name"] = [f"n{i}" for i in range(6)]
        file["single"] = np.arange(3, dtype="u1")
    assert types(path, table="hits") == {"event": "int64", "p": "fixed_size_list<item: float>[3]"}
    assert formats.probe(path, table="hits").clusters == (0, 4, 8, 10)
    assert rows(path, 8, 9, table="hits") == [{"event": 8, "p": [0.0, 0.0, 0.0]}]
    assert rows(path, 5, table="grid") == [{"name": "n5", "x": [[20, 21], [22, 23]]}]
    assert rows(path, 1, 2, table="/grid/name") == [{"name": "n1"}]
    assert rows(path, 2, table="single") == [{"single": 2}]


def test_hdf5_datasets_of_different_lengths_are_no_table(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["events/x"], file["events/y"] = [1, 2], [1, 2, 3]
    with pytest.raises(FileFormatError, match=r"different lengths \(x: 2, y: 3\)"):
        formats.probe(path, table="events")
    with pytest.raises(NoEventsError):
        formats.probe(path)


def test_hdf5_lists_of_one_length_stay_lists(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    table = pa.table({"hits": pa.array([[1.0], [2.0], [3.0]], pa.list_(pa.float64()))})
    formats.write(tmp_path / "a.h5", table.to_batches(), table.schema)
    assert rows(tmp_path / "a.h5") == table.to_pylist()


def test_parquet_row_groups_that_the_filter_rules_out_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"i": range(100), "s": ["x"] * 100})
    formats.write(path, table.to_batches(), table.schema, cluster_events=10)
    data = bytearray(path.read_bytes())
    first = pq.ParquetFile(path).metadata.row_group(0).column(0)
    start = first.dictionary_page_offset or first.data_page_offset
    data[start : start + first.total_compressed_size] = b"\xff" * first.total_compressed_size
    path.write_bytes(data)
    assert [row["i"] for row in rows(path, filter="i >= 95")] == list(range(95, 100))
    with pytest.raises(FileFormatError, match="is broken inside"):
        rows(path)


def test_dictionaries_nulls_and_lists_of_parquet_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"s": ["a", None, "a"], "h": [[1], None, [None, 2]]})
    formats.write(path, table.to_batches(), table.schema)
    assert rows(path) == table.to_pylist()
    assert pa.types.is_dictionary(formats.read(path, dictionaries=["s"]).schema.field("s").type)


def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    error = names.missing_extra(formats.FORMATS["hdf5"], "run.h5")
    assert isinstance(error, MissingExtraError)
    assert "run.h5: HDF5 needs the package 'h5py'" in str(error)
    assert "pip install 'helios-wf[hdf5]'" in str(error)


@pytest.mark.parametrize(("package", "name"), [("uproot", "a.root"), ("h5py", "a.h5")])
def test_without_the_package_a_file_is_recognised_but_not_read(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(package)
    table = pa.table({"x": [1.0]})
    formats.write(tmp_path / name, table.to_batches(), table.schema)
    # None in sys.modules is how Python itself says that a package cannot be imported
    monkeypatch.setitem(sys.modules, package, None)
    assert formats.recognise(tmp_path / name) == formats.format_of(name)
    with pytest.raises(MissingExtraError, match=f"needs the package '{package}'"):
        formats.probe(tmp_path / name)
    with pytest.raises(MissingExtraError, match=f"needs the package '{package}'"):
        formats.write(tmp_path / f"b{name}", table.to_batches(), table.schema)


def test_a_wrong_range_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(EventFileError, match=r"no event range \[5, 2\)"):
        formats.read(tmp_path / "a.csv", 5, 2)
