"""Python values as values of CWL, by what an input takes."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from helios_wf.errors import InputError
from helios_wf.interface.inputs import as_cwl
from helios_wf.interface.outputs import Directory, File, from_cwl
from helios_wf.model import Parameter, Place, Tool

HERE = Path(__file__).resolve()
RECORD = {
    "type": "record",
    "fields": [{"name": "file", "type": "File"}, {"name": "word", "type": "string"}],
}
BESIDE = {"class": "File", "path": "b"}


def read(value: Any, type_: Any) -> Any:
    """What a value becomes for an input of a type."""
    place = Place("tool.cwl", 1, 1)
    return as_cwl({"x": value}, Tool("tool", (Parameter("x", type_, place),), (), {}, place))["x"]


class Level(IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "type_", "is_"),
    [
        (Path("a.csv"), "File", {"class": "File", "path": "a.csv"}),
        (Path("a.csv"), "string", {"class": "File", "path": "a.csv"}),
        (Path("a"), "Directory", {"class": "Directory", "path": "a"}),
        (HERE.parent, "Any", {"class": "Directory", "path": str(HERE.parent)}),
        (HERE, ["null", "File", "Directory"], {"class": "File", "path": str(HERE)}),
        ("a.csv", "File", {"class": "File", "path": "a.csv"}),
        ("a.csv", ["null", "File"], {"class": "File", "path": "a.csv"}),
        ("http://host/a.csv", "File", {"class": "File", "location": "http://host/a.csv"}),
        ("a", "Directory", {"class": "Directory", "path": "a"}),
        ("a.csv", "string", "a.csv"),
        ("a.csv", ["File", "string"], "a.csv"),
        ("a.csv", "Any", "a.csv"),
        (["a.csv", Path("b.csv")], {"type": "array", "items": "File"}, [
            {"class": "File", "path": "a.csv"}, {"class": "File", "path": "b.csv"},
        ]),
        ({"file": "a.csv", "word": "b"}, RECORD, {"file": {"class": "File", "path": "a.csv"}, "word": "b"}),
        ({"class": "File", "path": Path("a.csv"), "format": "f", "secondaryFiles": [Path("b")]}, "File", {
            "class": "File", "path": "a.csv", "format": "f", "secondaryFiles": [BESIDE],
        }),
        (np.int32(7), "int", 7),
        (np.float32(0.5), "float", 0.5),
        (np.bool_(True), "boolean", True),
        (np.str_("a"), "string", "a"),
        (np.arange(3), {"type": "array", "items": "int"}, [0, 1, 2]),
        (np.arange(4).reshape(2, 2), "Any", [[0, 1], [2, 3]]),
        (pa.scalar(5), "int", 5),
        (pa.array([1, None]), "Any", [1, None]),
        (range(3), {"type": "array", "items": "int"}, [0, 1, 2]),
        ((1, 2), {"type": "array", "items": "int"}, [1, 2]),
        (Level.HIGH, "int", 3),
        (None, ["null", "int"], None),
        (10**12, "long", 10**12),
    ],
)  # fmt: skip
def test_a_value_becomes_what_its_input_takes(value: Any, type_: Any, is_: Any) -> None:
    found = read(value, type_)
    assert found == is_
    assert type(found) is type(is_) or isinstance(value, Level)


def test_outputs_of_a_run_become_what_they_were() -> None:
    cwl = {
        "class": "File",
        "path": "/a/b.csv",
        "format": "f",
        "secondaryFiles": [{"class": "File", "path": "/c"}],
    }
    (file,) = from_cwl([cwl])
    assert isinstance(file, File)
    assert [one.path for one in file.secondary_files] == [Path("/c")]
    assert read(file, "File") == cwl
    assert read(Directory({"class": "Directory", "path": "/d"}), "Any") == {
        "class": "Directory",
        "path": "/d",
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), "input 'x': a object is no value of CWL"),
        ([1, b"bytes"], r"input 'x'\[1\]: a bytes is no value of CWL"),
        (float("nan"), "input 'x': nan is no number of CWL"),
        ({"a": {"b": {1}.__iter__()}}, r"input 'x'\.a\.b: a set_iterator is no value of CWL"),
    ],
)
def test_what_cwl_has_not_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(value, "Any")


def test_a_file_is_where_its_location_says() -> None:
    assert from_cwl({"class": "File", "location": "file:///a%20b"}).path == Path("/a b")
