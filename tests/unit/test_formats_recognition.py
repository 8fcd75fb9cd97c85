"""Which file is what: by content and name, and what is said when they differ or the file is broken."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from helios_wf import formats
from helios_wf.errors import FileFormatError, FileTruncatedError, FileUnreadableError, NoEventsError

TABLE = pa.table({"x": [float(i) for i in range(5000)], "s": [f"{i:08d}" for i in range(5000)]})
BINARY = {"parquet": "a.parquet", "arrow": "a.arrow", "arrows": "a.arrows", "root": "a.root", "hdf5": "a.h5"}


def written(path: Path) -> Path:
    formats.write(path, TABLE.to_batches(), TABLE.schema, cluster_events=1000)
    return path


@pytest.mark.parametrize(("format_", "name"), BINARY.items())
def test_binary_formats_are_recognised_under_any_name_that_says_nothing_else(
    format_: str, name: str, tmp_path: Path
) -> None:
    path = written(tmp_path / name)
    for other in ("events", "events.dat", "a.v2", f"b{path.suffix}"):
        path = path.rename(tmp_path / other)
        assert formats.recognise(path) == format_
        assert formats.probe(path).n_events == 5000


@pytest.mark.parametrize(("format_", "name"), BINARY.items())
def test_a_content_that_contradicts_the_name_is_told(format_: str, name: str, tmp_path: Path) -> None:
    wrong = tmp_path / ("a.root" if format_ != "root" else "a.parquet")
    path = written(tmp_path / name).rename(wrong)
    with pytest.raises(FileFormatError) as caught:
        formats.probe(path)
    says = formats.FORMATS["root" if format_ != "root" else "parquet"].words
    assert str(caught.value) == (
        f"{path}: its name says {says} ({wrong.suffix}), its content is {formats.FORMATS[format_].words}"
    )


@pytest.mark.parametrize("name", [*BINARY.values()])
@pytest.mark.parametrize("left", [0.97, 0.5, 40])
def test_a_file_that_was_cut_is_truncated(name: str, left: float, tmp_path: Path) -> None:
    path = written(tmp_path / name)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * left) if left < 1 else int(left)])
    with pytest.raises(FileTruncatedError, match="copy the file again"):
        formats.probe(path)


@pytest.mark.parametrize("name", [*BINARY.values()])
def test_an_empty_file_with_the_name_of_a_binary_format_is_truncated(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(FileTruncatedError, match="is empty; its name says"):
        formats.probe(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.parquet", b"x,y\n1,2\n", "its name says Parquet (.parquet), its content is text"),
        ("a.csv", b"\x00\x01\x02", "its content is a binary file"),
        ("a.csv", b"\x1f\x8b\x08", "its content is gzip (name it a.csv.gz)"),
        ("a.csv.gz", b"x,y\n1,2\n", "its content is plain text; drop the .gz"),
        ("a.h5", b"\x00\x01\x02", "its name says HDF5 (.h5), its content is a binary file"),
    ],
)
def test_other_contradictions_are_told_too(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileFormatError) as caught:
        formats.recognise(tmp_path / name)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("calib.dat", b"\x00\x01"),
        ("calib.yaml", b"a: 1\n"),
        ("settings.json", b'{"threshold": 7.5}'),
        ("list.json", b"[1, 2]"),
        ("Makefile", b"all:\n"),
        ("plot.png", b"\x89PNG\r\n\x1a\n\x00"),
        ("archive.tar.gz", b"\x1f\x8b\x08\x00"),
        ("empty", b""),
    ],
)
def test_other_files_are_no_files_of_events(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert formats.recognise(path) is None
    with pytest.raises(FileFormatError, match="is no file of events by its name or content; name its"):
        formats.probe(path)


@pytest.mark.parametrize("name", ["a.txt", "a.log", "a.lines", "run.7.LOG"])
def test_text_files_are_lines_and_an_empty_line_is_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"one\n\nthree\r\nfour")
    assert formats.probe(tmp_path / name).n_events == 4
    lines = formats.read(tmp_path / name).read_all()["line"].to_pylist()
    assert lines == ["one", "", "three", "four"]


def test_a_format_can_be_named_for_a_file_whose_name_says_none(tmp_path: Path) -> None:
    path = tmp_path / "events.dat"
    path.write_text("x,y\n1,2\n")
    assert formats.probe(path, format="csv").n_events == 1
    assert formats.probe(path, format="lines").n_events == 2
    with pytest.raises(FileFormatError, match="is to be read as Parquet, its content is text"):
        formats.probe(path, format="parquet")
    with pytest.raises(FileFormatError, match="no event format named 'cvs'; did you mean 'csv'"):
        formats.probe(path, format="cvs")


def test_files_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadableError, match=r"a\.csv: no such file"):
        formats.probe(tmp_path / "a.csv")
    with pytest.raises(FileUnreadableError, match="is a folder"):
        formats.recognise(tmp_path)
    with pytest.raises(FileUnreadableError, match="is no regular file"):
        formats.recognise("/dev/null")
    closed = tmp_path / "closed.csv"
    closed.write_text("x\n1\n")
    closed.chmod(0)
    if os.geteuid() != 0:
        with pytest.raises(FileUnreadableError, match="may not be read"):
            formats.probe(closed)


def test_sound_files_without_a_table_hold_no_events(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    uproot = pytest.importorskip("uproot")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["number"] = 7
    with pytest.raises(NoEventsError, match=r"a\.h5: has no dataset with an event axis; it holds number"):
        formats.probe(tmp_path / "a.h5")
    with uproot.recreate(tmp_path / "a.root") as file:
        file["words"] = "hello"
    with pytest.raises(NoEventsError, match=r"a\.root: has no TTree or RNTuple; it holds words"):
        formats.probe(tmp_path / "a.root")


def test_of_several_tables_one_must_be_chosen(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    uproot = pytest.importorskip("uproot")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events/x"], file["muons/x"] = [1, 2], [3, 4, 5]
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("events", {"x": "float64"}).extend({"x": [1.0, 2.0]})
        file.mktree("sub/muons", {"x": "float64"}).extend({"x": [1.0, 2.0, 3.0]})
    for name, muons in (("a.h5", "muons"), ("a.root", "sub/muons")):
        with pytest.raises(
            NoEventsError, match=f"choose one with table, on the shell --table: events, {muons}"
        ):
            formats.probe(tmp_path / name)
        layout = formats.probe(tmp_path / name, table=muons)
        assert (layout.table, layout.n_events) == (muons, 3)
        with pytest.raises(NoEventsError, match="did you mean 'events'"):
            formats.probe(tmp_path / name, table="event")


def test_names_say_formats() -> None:
    assert formats.format_of("a/b.c/run.csv.gz") == "csv"
    assert formats.format_of("RUN.ROOT") == "root"
    assert formats.format_of("run.tar.gz") is None
    assert formats.format_of(".csv") is None
    assert formats.format_of("csv") is None


def test_a_table_may_be_asked_for_where_a_format_has_tables(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a line\n")
    (tmp_path / "a.json").write_text('{"isr": {"0": "a"}}')
    formats.check_table(tmp_path / "a.json", "isr")
    formats.check_table(tmp_path / "a.txt", None)
    with pytest.raises(FileFormatError, match="has no table 'isr': its format is lines of text"):
        formats.check_table(tmp_path / "a.txt", "isr")
    # a template may name a table for files of several formats
    assert formats.probe(tmp_path / "a.txt", table="isr").n_events == 1
