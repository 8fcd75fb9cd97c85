"""Checksums are those of hashlib and zlib, whatever the size of the file."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest

from helios_wf import formats
from helios_wf.errors import DatasetError, FileUnreadableError


@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_checksums_are_the_known_ones(size: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    path.write_bytes(data)
    assert formats.checksum(path) == f"sha1${hashlib.sha1(data).hexdigest()}"
    assert formats.checksum(path, "md5") == f"md5${hashlib.md5(data).hexdigest()}"
    assert formats.checksum(path, "adler32") == f"adler32${zlib.adler32(data):08x}"


def test_an_unknown_kind_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no checksum named 'sha'; did you mean 'sha1'"):
        formats.checksum(tmp_path, "sha")
    with pytest.raises(FileUnreadableError, match="no such file"):
        formats.checksum(tmp_path / "missing")
