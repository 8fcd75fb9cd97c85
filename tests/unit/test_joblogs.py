"""Reading logs: as they grow, from their end, and safe for a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.joblogs import Tail, safe
from helios_wf.joblogs.tailing import LONGEST


def test_a_log_is_read_as_it_grows_whole_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    tail = Tail(path)
    assert list(tail.read()) == []
    path.write_bytes(b"one\ntw")
    assert list(tail.read()) == [b"one"]
    with path.open("ab") as file:
        file.write(b"o\nthree")
    assert list(tail.read()) == [b"two"]
    assert list(tail.read(is_over=True)) == [b"three"]
    assert list(tail.read(is_over=True)) == []


def test_a_log_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    path.write_bytes(b"a long first line\n")
    tail = Tail(path)
    assert list(tail.read()) == [b"a long first line"]
    path.write_bytes(b"new\n")
    assert list(tail.read()) == [b"new"]


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize("lines", [0, 1, 2, 3, 4, 9])
def test_the_last_lines_are_given(tmp_path: Path, lines: int, end: bytes) -> None:
    path = tmp_path / "stderr"
    path.write_bytes(b"1\n2\n\n4" + end)
    expected = [b"1", b"2", b"", b"4"][-lines:] if lines else []
    assert list(Tail(path, lines).read(is_over=True)) == expected


def test_a_line_without_end_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "stderr"
    path.write_bytes(b"x" * (2 * LONGEST + 5))
    pieces = list(Tail(path).read(is_over=True))
    assert [len(piece) for piece in pieces] == [LONGEST, LONGEST, 5]


@given(st.binary())
def test_no_line_can_do_anything_to_a_terminal(line: bytes) -> None:
    text = safe(line.replace(b"\n", b""))
    assert not any(ord(one) < 32 and one != "\t" for one in text)
    assert not any(0x7F <= ord(one) < 0xA0 for one in text)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"plain \xc3\xa9\ttab", "plain é\ttab"),
        (b"\x1b[2J\x07red", "\\x1b[2J\\x07red"),
        (b"10%\r50%\r100%", "100%"),
        (b"windows\r", "windows"),
        (b"\xff\x00", "\ufffd\\x00"),
        ("abc\u202edef".encode(), "abc\\u202edef"),
    ],
)
def test_what_cannot_be_shown_is_written_as_its_code(line: bytes, text: str) -> None:
    assert safe(line) == text
