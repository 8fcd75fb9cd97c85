"""What is printed of a run is its output object, as any JSON reader takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.cli import output_object
from helios_wf.cli.output_object import pieces
from helios_wf.model import Json
from helios_wf.model.packed import pack

PLAIN = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner))


@given(value=VALUES)
def test_it_is_the_text_that_python_would_write(value: Json) -> None:
    assert "".join(pieces(value)) == json.dumps(value, indent=4, sort_keys=True)


@given(value=VALUES)
def test_long_arrays_are_written_like_short_ones(value: Json) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_object, "LONG", 1)
        assert "".join(pieces({"a": value})) == json.dumps({"a": value}, indent=4, sort_keys=True)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_was(number: float) -> None:
    assert json.loads("".join(pieces({"number": number}))) == {"number": number}


def test_packed_arrays_are_written_like_plain_ones() -> None:
    files = [{"class": "File", "path": f"/data/{number}", "size": number} for number in range(1500)]
    expected = json.dumps({"files": files}, indent=4, sort_keys=True)
    assert "".join(pieces({"files": pack(files)})) == expected
    # element by element, wherever the array stands
    assert len(list(pieces([{"outputs": {"files": pack(files)}}]))) > len(files)


def test_a_name_that_is_no_text_is_written_as_python_writes_it(tmp_path: Path) -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert json.loads("".join(pieces([name, 1.5, 10**30]))) == [name, 1.5, 10**30]
