"""Publishing takes nothing from the inputs of a run, and ends the same wherever it was stopped."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from helios_wf.engine.destinations import Destinations, Published, arrange
from helios_wf.engine.publish import carry_out


def file(path: Path, text: str, **fields: Any) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return {"class": "File", "path": str(path), "basename": path.name, "size": len(text), **fields}


def folder(path: Path, **files: str) -> dict[str, Any]:
    for name, text in files.items():
        file(path / name, text)
    return {"class": "Directory", "path": str(path), "basename": path.name}


class Case:
    """Outputs of a run as they were made; made anew as often as it is asked for."""

    def __init__(self, home: Path) -> None:
        self.work = home / "work"
        self.out = home / "out"
        self.inputs = home / "inputs"

    def values(self) -> dict[str, Any]:
        given = file(self.inputs / "given.txt", "given")
        folded = folder(self.work / "0" / "folder", a="in folder", b="also")
        return {
            "list": [file(self.work / str(n) / "same.txt", f"text {n}") for n in range(3)],
            "inside": {"class": "File", "path": f"{folded['path']}/a", "basename": "a", "size": 9},
            "folder": folded,
            "again": given,
            "given": [given, given],
            "indexed": file(
                self.work / "3" / "same.txt",
                "text 3",
                secondaryFiles=[file(self.work / "3" / "same.txt.idx", "i")],
            ),
        }

    def arranged(self, values: dict[str, Any]) -> Published:
        places = Destinations(self.out, {}, {})
        places.spare(values)
        return arrange(values, places, self.work / "literals")

    def there(self) -> dict[str, str]:
        return {str(p.relative_to(self.out)): p.read_text() for p in self.out.rglob("*") if p.is_file()}


class StoppedError(BaseException):
    """The engine was killed."""


def stopping(call: Callable[..., Any], after: int) -> Callable[..., Any]:
    left = iter(range(after))

    def stopped(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise StoppedError
        return call(*arguments)

    return stopped


EXPECTED = {
    "same.txt": "text 0",
    "same_2.txt": "text 1",
    "same_3.txt": "text 2",
    "same_4.txt": "text 3",
    "same_4.txt.idx": "i",
    "folder/a": "in folder",
    "folder/b": "also",
    "a": "in folder",
    "given.txt": "given",
}


def test_everything_is_published_once_and_inputs_stay(tmp_path: Path) -> None:
    case = Case(tmp_path)
    arranged = case.arranged(case.values())
    carry_out(arranged.moves, case.work)
    assert case.there() == EXPECTED
    assert (case.inputs / "given.txt").read_text() == "given"
    assert json.dumps(arranged.outputs).count(str(case.work)) == 0
    assert [one["path"][-10:] for one in arranged.outputs["list"]] == [
        "t/same.txt",
        "same_2.txt",
        "same_3.txt",
    ]
    assert {one["basename"] for one in arranged.outputs["list"]} == {"same.txt"}


@pytest.mark.parametrize(
    ("owner", "verb"), [(Path, "rename"), (shutil, "copyfile"), (os, "fsync"), (shutil, "rmtree")]
)
@pytest.mark.parametrize("after", range(12))
def test_a_resume_ends_the_same_wherever_it_was_stopped(
    tmp_path: Path, owner: Any, verb: str, after: int
) -> None:
    case = Case(tmp_path)
    values = case.values()
    arranged = case.arranged(values)
    broken = mock.patch.object(owner, verb, stopping(getattr(owner, verb), after))
    with broken, contextlib.suppress(StoppedError):
        carry_out(arranged.moves, case.work)
    once_more = case.arranged(values)
    assert once_more == arranged
    carry_out(once_more.moves, case.work)
    carry_out(once_more.moves, case.work)
    assert case.there() == EXPECTED


def test_an_output_does_not_take_the_place_of_an_input(tmp_path: Path) -> None:
    given = file(tmp_path / "out" / "data.csv", "precious")
    made = file(tmp_path / "work" / "data.csv", "made")
    places = Destinations(tmp_path / "out", {}, {})
    places.spare({"x": given})
    arranged = arrange({"made": made, "passed": given}, places, tmp_path / "literals")
    carry_out(arranged.moves, tmp_path / "work")
    assert Path(arranged.outputs["made"]["path"]).name == "data_2.csv"
    assert arranged.outputs["passed"]["path"] == given["path"]
    assert Path(given["path"]).read_text() == "precious"
    assert Path(tmp_path / "out" / "data_2.csv").read_text() == "made"


def test_a_file_of_a_folder_that_is_published_too_is_in_both(tmp_path: Path) -> None:
    for order in (("file", "dir"), ("dir", "file")):
        home = tmp_path / order[0]
        made = folder(home / "work" / "d", x="text")
        values = {"dir": made, "file": {"class": "File", "path": f"{made['path']}/x", "size": 4}}
        arranged = arrange({name: values[name] for name in order}, Destinations(home / "out", {}, {}), home)
        carry_out(arranged.moves, home / "work")
        assert (home / "out" / "x").read_text() == "text"
        assert (home / "out" / "d" / "x").read_text() == "text"


def test_what_lies_behind_a_link_to_an_input_folder_is_copied(tmp_path: Path) -> None:
    given = folder(tmp_path / "inputs" / "given" / "inner", a="of the user")
    staged = tmp_path / "work" / "0" / "given"
    staged.parent.mkdir(parents=True)
    staged.symlink_to(tmp_path / "inputs" / "given")
    outputs = {
        "inner": {**given, "path": f"{staged}/inner"},
        "file": {"class": "File", "path": f"{staged}/inner/a", "basename": "a", "size": 11},
    }
    places = Destinations(tmp_path / "out", {}, {})
    carry_out(arrange(outputs, places, tmp_path / "work" / "literals").moves, tmp_path / "work")
    assert (tmp_path / "out" / "inner" / "a").read_text() == "of the user"
    assert (tmp_path / "out" / "a").read_text() == "of the user"
    assert (tmp_path / "inputs" / "given" / "inner" / "a").read_text() == "of the user"


def test_a_program_that_is_copied_is_still_one(tmp_path: Path) -> None:
    case = Case(tmp_path)
    given = file(case.inputs / "program", "#!/bin/sh\n")
    (case.inputs / "program").chmod(0o555)
    carry_out(case.arranged({"program": given}).moves, case.work)
    assert (case.out / "program").stat().st_mode & 0o777 == 0o755
