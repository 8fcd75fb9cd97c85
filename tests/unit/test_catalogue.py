"""Paths become files of a dataset, and are checked against the files later."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helios_wf import catalogue
from helios_wf.errors import (
    DatasetError,
    FileFormatError,
    FileTruncatedError,
    FileUnreadableError,
    MaskError,
)
from helios_wf.model import Column
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, datasets, runs
from helios_wf.store.rows import NewRun

NAME = "spd.00000012.raw"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "run12"
    inside.mkdir()
    (inside / "b.csv").write_text("event_id,energy\n3,1.5\n")
    (inside / "a.csv").write_text("event_id,energy\n1,2.5\n2,3\n")
    (inside / ".hidden.csv").write_text("junk\n")
    (inside / "sub").mkdir()
    return inside


def paths(store: Store, name: str = NAME) -> list[str]:
    with store.read() as tx:
        return [Path(file.path).name for file in datasets.get(tx, name).files]


def test_a_file_of_events_is_described_with_its_layout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    file = catalogue.describe("a.csv", checksum="md5")
    assert file.path == str(folder / "a.csv")
    assert file.size == 26
    assert file.checksum is not None
    assert file.checksum.startswith("md5$")
    assert file.layout is not None
    assert file.layout.n_events == 2
    assert file.layout.columns[1] == Column(name="energy", type="double")


def test_a_calibration_has_no_layout_and_no_table(tmp_path: Path) -> None:
    path = tmp_path / "calib.json"
    path.write_text('{"gain": 1.5}')
    assert catalogue.describe(path).layout is None
    with pytest.raises(FileFormatError, match="no file of events"):
        catalogue.describe(path, table="events")


def test_a_folder_stands_for_its_files_in_order(store: Store, folder: Path) -> None:
    made = catalogue.register(store, NAME, [folder], close=True, meta={"run": 12})
    assert (made.state, made.meta) == (DatasetState.CLOSED, {"run": 12})
    assert paths(store) == ["a.csv", "b.csv"]


def test_a_pattern_stands_for_the_files_that_it_matches(folder: Path) -> None:
    assert [path.name for path in catalogue.expand(folder / "*.csv")] == ["a.csv", "b.csv"]
    strange = folder / "[x].csv"
    strange.touch()
    assert catalogue.expand(strange) == [strange]
    for nothing, words in (("*.root", "no file matches"), ("sub", "folder without files")):
        with pytest.raises(FileUnreadableError, match=words):
            catalogue.expand(folder / nothing)
    with pytest.raises(FileUnreadableError, match="is a URL"):
        catalogue.expand("root://eos//a.root")


def test_files_are_added_to_an_open_dataset_but_not_to_a_closed_one(store: Store, folder: Path) -> None:
    catalogue.register(store, NAME, [folder / "b.csv"], meta={"x": 1})
    made = catalogue.register(store, NAME, [folder / "a.csv"], meta={"y": 2}, close=True)
    assert made.meta == {"x": 1, "y": 2}
    assert paths(store) == ["b.csv", "a.csv"]
    with pytest.raises(DatasetError, match="is CLOSED"):
        catalogue.register(store, NAME, [folder / "a.csv"])


def test_all_files_with_a_problem_are_named_and_nothing_is_written(store: Store, folder: Path) -> None:
    (folder / "fake.parquet").write_text("a,b\n1,2\n")
    (folder / "empty.root").touch()
    with pytest.raises(DatasetError) as caught:
        catalogue.register(store, NAME, [folder, folder / "nope.csv", folder / "a.csv"])
    message = str(caught.value)
    assert "4 files cannot be used; nothing was added" in message
    for words in (
        "fake.parquet: its name says Parquet",
        "empty.root: is empty",
        "nope.csv: no such file",
        "given twice",
    ):
        assert words in message
    with store.read() as tx:
        assert not datasets.exists(tx, NAME)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("gone.csv", None, FileUnreadableError),
        ("empty.root", b"", FileTruncatedError),
        ("text.root", b"a,b\n", FileFormatError),
        ("packed.csv", b"\x1f\x8b\x08\x00", FileFormatError),
    ],
)
def test_one_bad_file_is_told_apart(
    store: Store, tmp_path: Path, name: str, content: bytes | None, error: type[Exception]
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=name):
        catalogue.register(store, NAME, [tmp_path / name])


def test_a_file_that_may_not_be_read_is_named(store: Store, folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (folder / "a.csv").chmod(0)
    with pytest.raises(FileUnreadableError, match="permission denied"):
        catalogue.register(store, NAME, [folder / "a.csv"])


def test_a_fifo_is_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileUnreadableError, match="no regular file"):
        catalogue.describe(tmp_path / "pipe.csv")


@pytest.mark.parametrize("name", ["a/../b", "a\nb", "", "a b"])
def test_a_wrong_name_is_refused_before_any_file_is_looked_at(store: Store, name: str) -> None:
    with pytest.raises(MaskError):
        catalogue.register(store, name, ["/does/not/exist"])


def test_an_unknown_checksum_gets_the_known_ones(store: Store, folder: Path) -> None:
    with pytest.raises(DatasetError, match="did you mean 'sha1'"):
        catalogue.register(store, NAME, [folder], checksum="sha2")


def test_files_that_did_not_change_verify(store: Store, folder: Path) -> None:
    catalogue.register(store, NAME, [folder], checksum="adler32")
    assert catalogue.verify(store, NAME) == []


def test_missing_changed_and_unreadable_files_are_told_apart(store: Store, folder: Path) -> None:
    for name in ("same-size", "columns", "longer", "packed", "gone", "folder"):
        (folder / f"{name}.csv").write_text("event_id,energy\n1,2.5\n")
    (folder / "calib.json").write_text("{}")
    catalogue.register(store, NAME, [folder], checksum="sha1")
    (folder / "same-size.csv").write_text("event_id,energy\n1,3.5\n")
    (folder / "columns.csv").write_text("event_id,energx\n1,2.5\n")
    (folder / "longer.csv").write_text("event_id,energy\n1,2.5\n7,9\n")
    (folder / "packed.csv").write_bytes(b"\x1f\x8b\x08\x00")
    (folder / "calib.json").write_text("[]")
    (folder / "gone.csv").unlink()
    (folder / "folder.csv").unlink()
    (folder / "folder.csv").mkdir()
    found = {Path(one.path).stem: (one.kind, one.text) for one in catalogue.verify(store, NAME)}
    assert {name: kind for name, (kind, _) in found.items()} == {
        "calib": "changed",
        "columns": "changed",
        "folder": "unreadable",
        "gone": "missing",
        "longer": "changed",
        "packed": "changed",
        "same-size": "changed",
    }
    for name, words in {
        "same-size": "has the checksum sha1$",
        "columns": "has other columns: energx, energy",
        "longer": "has 26 bytes, had 22; has 2 events, had 1",
        "packed": "its content is gzip",
        "folder": "is no regular file",
    }.items():
        assert words in found[name][1]


def test_without_a_checksum_a_file_that_cannot_be_opened_is_unreadable(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("abcd\n1234\n")
    catalogue.register(store, NAME, [path])
    path.write_bytes(b"\x1f\x8b\x08\x00" + b"0" * 6)
    assert [finding.kind for finding in catalogue.verify(store, NAME)] == ["unreadable"]


def test_a_dataset_that_an_unfinished_run_reads_is_not_deleted(store: Store, folder: Path) -> None:
    catalogue.register(store, NAME, [folder], close=True)
    with store.write() as tx:
        new = NewRun(id="r1", label="x", document="d", identity="i", datasets={"raw": NAME})
        runs.create(tx, new)
    with pytest.raises(DatasetError, match="is read by run r1, which is not finished"):
        catalogue.delete(store, NAME)
    assert paths(store) == ["a.csv", "b.csv"]
    with store.write() as tx:
        epoch = runs.take(tx, "r1", "here", 60)
        assert runs.move(tx, "r1", epoch, RunState.CANCELLED)
    assert not catalogue.delete(store, NAME)
    with store.read() as tx:
        assert datasets.state(tx, NAME) is DatasetState.DELETED


def test_lost_files_are_told_with_what_to_do(store: Store, folder: Path) -> None:
    catalogue.register(store, NAME, [folder])
    with store.read() as tx:
        dataset = datasets.get(tx, NAME)
    assert catalogue.lost(dataset) is None
    (folder / "b.csv").unlink()
    told = catalogue.lost(dataset)
    assert told is not None
    assert f"{folder}/b.csv cannot be read: No such file or directory" in told
    assert f"helios-wf dataset delete {NAME}" in told
    (folder / "a.csv").write_text("event_id,energy\n")
    told = catalogue.lost(dataset)
    assert told is not None
    assert f"{folder}/a.csv has 16 bytes; it had 26" in told
