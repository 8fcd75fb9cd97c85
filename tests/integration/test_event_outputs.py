"""What the event programs write: never over what they read, and whole or not at all."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from helios_wf import formats
from helios_wf.event_tools import main
from helios_wf.formats import whole_file

WRITABLE = ("csv", "csv.gz", "tsv", "jsonl", "parquet", "arrow", "arrows", "root", "h5")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def events(line: str) -> None:
    main(shlex.split(line))


def there(folder: str = ".") -> list[str]:
    """Returns the names of all that lies in a folder."""
    return sorted(path.name for path in Path(folder).iterdir())


def refused(capsys: pytest.CaptureFixture[str], line: str) -> str:
    """Runs a program that must end with exit code 2, and returns what it says."""
    with pytest.raises(SystemExit) as ended:
        events(line)
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    return said


@pytest.mark.parametrize("extension", WRITABLE)
def test_select_never_writes_over_its_input(extension: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"g.{extension}"
    events(f"generate --n-events 50 -o {name}")
    before = Path(name).read_bytes()
    said = refused(capsys, f"select {name} -o {name}")
    assert f"{name}: is one of the files to read; give the output another name" in said
    assert Path(name).read_bytes() == before
    assert there() == [name]


@pytest.mark.parametrize("link", [os.link, os.symlink], ids=["hard link", "symlink"])
@pytest.mark.parametrize(
    "line",
    [
        "select g.csv -o other.csv",
        "calibrate g.csv --constants k.csv -o other.csv",
        "calibrate k.csv --constants g.csv -o other.csv",
        "stats k.csv g.csv -o other.csv",
        "info g.csv -o other.csv",
        "info g.csv --row-index other.csv",
        "merge k.csv g.csv -o other.csv",
        "select k.csv --row-index g.csv -o other.csv",
    ],
)
def test_no_program_writes_over_an_input_under_another_name(
    line: str, link: object, capsys: pytest.CaptureFixture[str]
) -> None:
    events("generate --n-events 50 -o g.csv")
    Path("k.csv").write_text("sensor_id,gain,offset\n0,1,0\n")
    before = Path("g.csv").read_bytes()
    assert callable(link)
    link("g.csv", "other.csv")
    said = refused(capsys, line)
    assert "other.csv: is the same file as g.csv: one of the files to read" in said
    assert Path("g.csv").read_bytes() == before


def test_partial_statistics_are_not_merged_into_one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    events("generate --n-events 50 -o g.csv")
    events("stats g.csv -o a.json")
    before = Path("a.json").read_bytes()
    assert "is one of the files to read" in refused(capsys, "merge a.json a.json -o ./a.json")
    assert Path("a.json").read_bytes() == before


def test_two_outputs_are_two_files(capsys: pytest.CaptureFixture[str]) -> None:
    events("generate --n-events 5 -o g.csv")
    assert "x: is an output already" in refused(capsys, "info g.csv -o ./x --row-index x")
    Path("y").symlink_to("x")
    assert "is the same file as" in refused(capsys, "info g.csv -o y --row-index x")
    assert there() == ["g.csv", "y"]


@pytest.mark.parametrize("extension", WRITABLE)
def test_a_failure_leaves_the_older_output_as_it_was(
    extension: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f"{number},2.5\n" for number in range(300_000))
    Path("broken.csv").write_text(f"event_id,energy\n{rows}1,oops\n")
    events(f"generate --n-events 3 -o out.{extension}")
    before = Path(f"out.{extension}").read_bytes()
    assert "'oops'" in refused(capsys, f"select broken.csv -o out.{extension}")
    assert Path(f"out.{extension}").read_bytes() == before
    assert there() == ["broken.csv", f"out.{extension}"]


def test_a_text_merge_that_fails_leaves_the_older_output_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    events("generate --n-events 3 -o a.csv")
    events("generate --n-events 3 -o out.csv")
    before = Path("out.csv").read_bytes()
    Path("b.csv").mkdir()
    refused(capsys, "merge a.csv b.csv -o out.csv")
    assert Path("out.csv").read_bytes() == before


def test_an_output_is_replaced_in_one_step_with_its_permissions_and_links() -> None:
    Path("real").mkdir()
    Path("real/out.csv").write_text("old\n")
    Path("real/out.csv").chmod(0o640)
    Path("link.csv").symlink_to("real/out.csv")
    events("generate --n-events 2 -o link.csv")
    assert Path("link.csv").is_symlink()
    assert formats.probe("real/out.csv").n_events == 2
    assert stat.S_IMODE(Path("real/out.csv").stat().st_mode) == 0o640
    assert there("real") == ["out.csv"]


def test_the_name_of_a_link_says_the_format() -> None:
    Path("link.csv.gz").symlink_to("real")
    events("generate --n-events 2 -o link.csv.gz")
    assert Path("real").read_bytes()[:2] == b"\x1f\x8b"


def test_what_is_no_file_is_written_as_it_stands() -> None:
    events("generate --n-events 2 -o g.csv")
    os.mkfifo("pipe")
    reading = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    events("stats g.csv -o pipe")
    assert b'"n_events": 2' in os.read(reading, 1 << 16)
    os.close(reading)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)


def test_a_file_that_cannot_be_written_is_named_by_the_name_it_was_to_have() -> None:
    with pytest.raises(FileNotFoundError) as raised, whole_file("missing/x.json"):
        raise AssertionError("there is no place")
    assert raised.value.filename == "missing/x.json"
    with pytest.raises(FileNotFoundError) as raised, whole_file("x.json"):
        pass
    assert raised.value.filename == "x.json"
    assert there() == []


def stopped(place: str) -> None:
    Path(place).write_text("half")
    raise KeyboardInterrupt


def test_a_stopped_program_leaves_nothing_half() -> None:
    with pytest.raises(KeyboardInterrupt), whole_file("x.json") as place:
        stopped(place)
    assert there() == []


@pytest.mark.parametrize(
    "line", ["select g.csv -o full.csv", "merge g.csv -o full.csv", "stats g.csv -o full.csv"]
)
def test_a_full_disk_is_no_mistake_of_the_caller(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    events("generate --n-events 5 -o g.csv")
    Path("full.csv").symlink_to("/dev/full")
    with pytest.raises(SystemExit) as ended:
        events(line)
    assert "No space left on device" in capsys.readouterr().err
    assert ended.value.code == 1
