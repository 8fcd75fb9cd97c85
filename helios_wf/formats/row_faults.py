"""Which row of a text file is broken, on which line it is, and what is wrong with it."""

from __future__ import annotations

import csv
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from helios_wf.errors import FileFormatError
from helios_wf.formats.opening import BLOCK_BYTES, ByteSource
from helios_wf.formats.rows import Block

if TYPE_CHECKING:
    from helios_wf.formats.csv_parse import CsvParser


def first_bad_row(block: Block, parse: Callable[[bytes], object]) -> tuple[int, bytes]:
    """Returns where in a block the first row starts that Arrow refuses, and the row.

    Found by bisection over the rows; when every row is fine alone, it is the last one tried.
    """
    import pyarrow as pa

    starts = [*block.starts().tolist(), block.size]
    data = bytes(block.buffer[: block.size])
    good, bad = 0, len(starts) - 1
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            parse(data[starts[good] : starts[middle]])
            good = middle
        except pa.ArrowInvalid:
            bad = middle
    return starts[good], data[starts[good] : starts[good + 1]]


def file_line(path: str, offset: int) -> int:
    """Returns the number, from 1, of the line in which a byte of the (uncompressed) file lies."""
    line, buffer = 1, bytearray(BLOCK_BYTES)
    with ByteSource(path) as source:
        while offset > 0:
            got = min(source.fill(memoryview(buffer)), offset)
            if not got:
                break
            line += buffer.count(b"\n", 0, got)
            offset -= got
    return line


def csv_fault(path: str, line: int, row: bytes, parser: CsvParser, said: str) -> FileFormatError:
    """Returns the error that says what is wrong with one row of a CSV file."""
    where = f"{path}: line {line}"
    try:
        text = row.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError as error:
        given = row[error.start : error.start + 1]
        return FileFormatError(
            f"{where}: the byte {given!r} is not UTF-8; CSV files are read as UTF-8: {row!r:.120}"
        )
    fields = next(csv.reader([text], delimiter=parser.rule.delimiter), [])
    if len(fields) != len(parser.names):
        return FileFormatError(
            f"{where}: has {len(fields)} fields, the header has {len(parser.names)} "
            f"({', '.join(parser.names):.120}): {text!r:.120}"
        )
    for name, value in zip(parser.names, fields, strict=True):
        if not _fits(name, row, parser):
            return FileFormatError(
                f"{where}: column {name!r} has {value!r:.60}, expected {parser.wanted.field(name).type} "
                "(as in the first rows of the file; another type can be given for the column, "
                f"on the shell --type {shlex.quote(f'{name}=string')})"
            )
    return FileFormatError(f"{where}: {said}")


def _fits(name: str, row: bytes, parser: CsvParser) -> bool:
    import pyarrow as pa

    from helios_wf.formats.csv_parse import CsvParser

    if name not in parser.wanted.names:
        return True
    alone = CsvParser(parser.names, pa.schema([parser.wanted.field(name)]), parser.rule)
    try:
        alone.parse(row, quoted=True)
    except pa.ArrowInvalid:
        return False
    return True
