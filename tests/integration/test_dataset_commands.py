"""``helios-wf dataset`` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helios_wf.cli import main


class Command:
    """Calls helios-wf in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        self.out, self.err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code


@pytest.fixture
def helios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store_url: str
) -> Command:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("HELIOS_STORE", store_url)
    (work / "a.csv").write_text("event_id,energy\n1,2.5\n2,3\n")
    (work / "b.csv").write_text("event_id,energy\n3,1.5\n")
    return Command(capsys)


def test_a_dataset_is_added_in_two_goes_shown_and_closed(helios: Command) -> None:
    assert helios("dataset", "add", "spd.12.raw", "b.csv", "--meta", "run=12", "--meta", "tag=007") == 0
    assert helios.out == "spd.12.raw: 1 file, 1 event, 22 B, OPEN\n"
    assert helios("dataset", "add", "spd.12.raw", "a.csv", "--checksum", "sha1", "--meta", "e=13.6") == 0
    assert helios("dataset", "close", "spd.12.raw") == 0
    assert helios.out == "spd.12.raw: 2 files, 3 events, 48 B, CLOSED\n"
    assert helios("dataset", "show", "spd.12.raw", "--format", "json") == 0
    shown = json.loads(helios.out)
    assert (shown["state"], shown["meta"]) == ("CLOSED", {"run": 12, "tag": "007", "e": 13.6})
    assert [Path(file["path"]).name for file in shown["files"]] == ["b.csv", "a.csv"]
    assert [file["layout"]["n_events"] for file in shown["files"]] == [1, 2]
    assert shown["files"][0]["checksum"] is None
    assert shown["files"][1]["checksum"].startswith("sha1$")
    assert helios("dataset", "show", "spd.12.raw") == 0
    assert "columns  event_id: int64, energy: double" in helios.out
    assert helios.out.splitlines()[-1].endswith("/a.csv")


def test_datasets_are_listed_by_mask_and_state(helios: Command) -> None:
    helios("dataset", "add", "spd.1.raw", "a.csv", "--close")
    helios("dataset", "add", "spd.2.raw", "a.csv")
    helios("dataset", "add", "cms.1.raw", "a.csv", "--close")

    def names(*arguments: str) -> list[str]:
        assert helios("dataset", "list", "--format", "json", *arguments) == 0
        return [row["name"] for row in json.loads(helios.out)]

    assert names() == ["cms.1.raw", "spd.1.raw", "spd.2.raw"]
    assert names("spd.{run:int}.*") == ["spd.1.raw", "spd.2.raw"]
    assert names("spd.**", "--state", "closed") == ["spd.1.raw"]
    assert helios("dataset", "list", "nothing") == 0
    assert helios.out.split() == ["NAME", "STATE", "FILES", "EVENTS", "SIZE", "META"]
    assert helios("dataset", "list", "spd.{") == 2


def test_verify_names_what_differs_and_exits_with_1(helios: Command) -> None:
    helios("dataset", "add", "spd.1.raw", "a.csv", "b.csv")
    assert helios("dataset", "verify", "spd.1.raw") == 0
    assert helios.out == "spd.1.raw: 2 files as recorded\n"
    Path("a.csv").unlink()
    with Path("b.csv").open("a") as file:
        file.write("9,9\n")
    assert helios("dataset", "verify", "spd.1.raw") == 1
    assert "a.csv: is not there" in helios.out
    assert "b.csv: has 26 bytes, had 22; has 2 events, had 1" in helios.out
    assert helios.out.endswith("spd.1.raw: 2 of 2 files differ\n")
    assert helios("dataset", "verify", "spd.1.raw", "--format", "json") == 1
    assert [finding["kind"] for finding in json.loads(helios.out)] == ["missing", "changed"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "a/../b", "a.csv"], "dataset name 'a/../b'"),
        (["add", "a\nb", "a.csv"], "dataset name 'a\\nb'"),
        (["add", "x", "nope.csv"], "nope.csv: no such file or directory"),
        (["add", "x", "a.csv", "a.csv"], "given twice"),
        (["add", "x", "a.csv", "--meta", "energy"], "is no KEY=VALUE"),
        (["add", "x", "a.csv", "--meta", "k=1", "--meta", "k=2"], "'k' is given twice"),
        (["add", "x", "a.csv", "--checksum", "crc"], "'crc' is not one of"),
        (["show", "x"], "no dataset 'x'"),
        (["close", "x"], "no dataset 'x'"),
        (["verify", "x"], "no dataset 'x'"),
    ],
)
def test_a_mistake_exits_with_2_and_writes_nothing(helios: Command, arguments: list[str], words: str) -> None:
    assert helios("dataset", *arguments) == 2
    assert words in helios.err
    assert helios.out == ""
    assert helios("dataset", "list", "--format", "json") == 0
    assert json.loads(helios.out) == []


def test_without_options_the_store_lies_in_the_working_folder(
    helios: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HELIOS_STORE")
    assert helios("dataset", "add", "x", "a.csv") == 0
    assert Path(".helios/helios.db").is_file()
    assert helios("dataset", "add", "x", "a.csv", "--home", "elsewhere") == 0
    assert Path("elsewhere/helios.db").is_file()


def test_files_of_no_event_format_are_kept_and_told_once_for_each_kind(helios: Command) -> None:
    for name in ("x.cvs", "y.cvs", "constants", "notes.json", "k.xyz"):
        Path(name).write_text("event_id,energy\n1,2\n")
    names = ("a.csv", "x.cvs", "y.cvs", "constants", "notes.json", "k.xyz")
    assert helios("dataset", "add", "spd.1.raw", *names) == 0
    assert helios.out == "spd.1.raw: 6 files, 2 events, 126 B, OPEN\n"
    here = Path.cwd()
    assert helios.err.splitlines() == [
        f"note: {here}/x.cvs and 1 more are kept without events: no event format has the extension '.cvs'; "
        "did you mean '.csv'?",
        f"note: {here}/constants is kept without events: no event format has files without an extension",
        f"note: {here}/notes.json is kept without events: its JSON is no event map",
        f"note: {here}/k.xyz is kept without events: no event format has the extension '.xyz'",
    ]


def test_a_table_is_not_asked_for_where_files_have_none(helios: Command) -> None:
    assert helios("dataset", "add", "spd.1.raw", "a.csv", "--table", "events") == 2
    assert "a.csv: has no table 'events': its format is comma-separated values, without" in helios.err
    Path("a.cvs").write_text("x\n1\n")
    assert helios("dataset", "add", "spd.1.raw", "a.cvs", "--table", "events") == 2
    assert "did you mean '.csv'?" in helios.err


def test_columns_that_differ_are_shown_with_the_files_that_have_them(helios: Command) -> None:
    names = [f"{number}.csv" for number in range(6)]
    for number, name in enumerate(names):
        Path(name).write_text("x,y\n1,2\n" if number in (1, 2, 4) else "x\n1\n")
    helios("dataset", "add", "spd.1.raw", *names)
    helios("dataset", "show", "spd.1.raw")
    assert "columns of #0, 3, 5  x: int64\n" in helios.out
    assert "columns of #1-2, 4   x: int64, y: int64\n" in helios.out


def test_rows_that_cannot_be_read_are_told_when_their_file_is_added(helios: Command) -> None:
    Path("short.csv").write_text('x,y\n"a,\nb",2\n\n3,4\n5')
    Path("long.tsv").write_text("x\ty\n" + "1\t2\n" * 1000 + "3,4\t5\t6\n")
    assert helios("dataset", "add", "spd.1.raw", "a.csv", "short.csv", "long.tsv") == 0
    here = Path.cwd()
    assert helios.err.splitlines() == [
        f"note: {here}/short.csv: line 6 has 1 fields, the header has 2: '5'",
        f"note: {here}/long.tsv: line 1002 has 3 fields, the header has 2: '3,4\\t5\\t6'",
    ]
    assert helios("dataset", "add", "spd.1.raw", "b.csv") == 0
    assert helios.err == ""
