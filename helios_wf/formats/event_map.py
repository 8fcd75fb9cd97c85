"""Event maps: JSON files whose rows are payloads, ``{"isr": {"0": "payload", "1": ...}, ...}``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helios_wf.errors import FileFormatError, FileTruncatedError, NoEventsError, did_you_mean
from helios_wf.formats.columns import columns_of
from helios_wf.formats.names import Format
from helios_wf.formats.opening import several_tables, unreadable
from helios_wf.model import Layout

if TYPE_CHECKING:
    import pyarrow as pa

    from helios_wf.formats.port import Opening, Wanted, Writing

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"0|[1-9][0-9]*")


def open_source(path: str, made: Format, opening: Opening) -> EventMap:
    """Opens an event map, all of it: it is in memory while it is read."""
    return EventMap(path, opening.table)


def write_file(
    path: str, made: Format, schema: pa.Schema, batches: Iterable[pa.RecordBatch], writing: Writing
) -> int:
    """Writes a map of one table, its payloads numbered anew from 0, and returns their number.

    Raises:
        FileFormatError: there is no column ``payload`` of text, another one besides ``event``, or a payload
            is null.
    """
    _check_columns(path, schema)
    count = 0
    with Path(writing.place).open("w", encoding="utf-8") as out:
        out.write(f"{{{json.dumps(writing.table)}: {{")
        for batch in batches:
            for payload in batch.column("payload").to_pylist():
                if payload is None:
                    raise FileFormatError(
                        f"{path}: event {count} has no payload; an event map holds no nulls"
                    )
                out.write(f'{"," if count else ""}\n "{count}": {json.dumps(payload, ensure_ascii=False)}')
                count += 1
        out.write("\n}}\n")
    return count


def _check_columns(path: str, schema: pa.Schema) -> None:
    import pyarrow as pa

    text = "payload" in schema.names and pa.types.is_string(schema.field("payload").type)
    if not text or set(schema.names) - {"event", "payload"}:
        raise FileFormatError(
            f"{path}: an event map has a column 'payload' of text, and 'event' at most; "
            f"these events have {', '.join(f'{field.name} ({field.type})' for field in schema)}"
        )


class EventMap:
    """One table of an event map; its columns are ``event`` and ``payload``.

    A payload that is no text is given as JSON text.
    """

    def __init__(self, path: str, table: str | None) -> None:
        import pyarrow as pa

        self.schema = pa.schema([("event", pa.int64()), ("payload", pa.string())])
        tables = _Walk(path).tables()
        self.table = _chosen(path, tables, table)
        self._payloads = tables[self.table]

    def layout(self) -> Layout:
        """Returns the layout."""
        return Layout(
            format="eventmap",
            n_events=len(self._payloads),
            columns=columns_of(self.schema),
            table=self.table,
            counted_by="scan",
        )

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Yields the wanted payloads."""
        import pyarrow as pa

        stop = len(self._payloads) if wanted.stop is None else min(wanted.stop, len(self._payloads))
        for start in range(wanted.first, stop, wanted.batch_events):
            end = min(start + wanted.batch_events, stop)
            payloads = [_text(payload) for payload in self._payloads[start:end]]
            batch = pa.record_batch([range(start, end), payloads], schema=self.schema)
            yield batch.select(list(wanted.columns))

    def close(self) -> None:
        """Does nothing: the file was read when it was opened."""


def _text(payload: object) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload, separators=(",", ":"))


def _chosen(path: str, tables: dict[str, list[Any]], table: str | None) -> str:
    if not tables:
        raise NoEventsError(f'{path}: holds no table; an event map is {{"label": {{"0": payload, ...}}}}')
    if table is None:
        if len(tables) == 1:
            return next(iter(tables))
        raise several_tables(path, tables)
    if table not in tables:
        raise NoEventsError(f"{path}: has no table {table!r}{did_you_mean(table, tables)}")
    return table


class _Walk:
    """Goes through the JSON text once, knowing where each key stands."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.text = Path(path).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise unreadable(path, error) from None
        except UnicodeDecodeError as error:
            raise FileFormatError(f"{path}: byte {error.start} is not UTF-8; JSON files are UTF-8") from None
        self._decoder = json.JSONDecoder(object_pairs_hook=dict)
        self._after = 0

    def tables(self) -> dict[str, list[Any]]:
        """Returns the payloads of every table, in order.

        Raises:
            FileFormatError: with line and column, where a key is no number, comes twice, is missing or
                does not start at 0, or the text is no JSON.
            FileTruncatedError: the text ends too early.
        """
        found: dict[str, list[Any]] = {}
        try:
            for name, key_at, value_at in self._members(0):
                if name in found:
                    raise self.fault(key_at, f"the table {name!r} stands twice; name each table once")
                found[name] = self._payloads(name, value_at)
        except (json.JSONDecodeError, StopIteration, IndexError) as error:
            raise self._broken(error) from None
        rest = self._skip(self._after)
        if rest < len(self.text):
            raise self.fault(rest, f"found {self.text[rest : rest + 20]!r} behind the end of the map")
        return found

    def _payloads(self, table: str, at: int) -> list[Any]:
        numbered: dict[int, Any] = {}
        places: dict[int, int] = {}
        for key, key_at, value_at in self._members(at):
            if not _NUMBER.fullmatch(key):
                raise self.fault(
                    key_at, f'{table!r}: the key {key!r} is no event number; write "0", "1", ...'
                )
            event = int(key)
            if event in numbered:
                raise self.fault(key_at, f"{table!r}: event {key} stands twice; number each event once")
            numbered[event], self._after = self._decoder.raw_decode(self.text, value_at)
            places[event] = key_at
        self._check(table, places)
        return [numbered[event] for event in range(len(numbered))]

    def _check(self, table: str, places: dict[int, int]) -> None:
        missing = next((event for event in range(len(places)) if event not in places), None)
        if missing is None:
            return
        after = min(event for event in places if event > missing)
        if missing == 0:
            raise self.fault(
                places[after], f"{table!r}: its events start at {after}; they are numbered from 0"
            )
        raise self.fault(
            places[after],
            f"{table!r}: event {missing} is missing before event {after}; {len(places)} events are numbered "
            f"0 to {len(places) - 1}",
        )

    def _members(self, at: int) -> Iterator[tuple[str, int, int]]:
        """Yields key, its place and that of its value; ``_after`` is to be set behind the value meanwhile."""
        at = self._expect("{", self._skip(at))
        if self.text[self._skip(at)] == "}":
            self._after = self._skip(at) + 1
            return
        while True:
            key_at = self._skip(at)
            self._expect('"', key_at)
            key, at = self._decoder.raw_decode(self.text, key_at)
            yield key, key_at, self._skip(self._expect(":", self._skip(at)))
            at = self._skip(self._after)
            if self.text[at] == "}":
                self._after = at + 1
                return
            at = self._expect(",", at)

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def _expect(self, letter: str, at: int) -> int:
        if self.text[at] != letter:
            raise self.fault(at, f"expected {letter!r}, found {self.text[at]!r}: no event map")
        return at + 1

    def _broken(self, error: Exception) -> FileFormatError | FileTruncatedError:
        at = len(self.text)
        if isinstance(error, json.JSONDecodeError) and not error.msg.startswith("Unterminated"):
            at = error.pos
        if at >= len(self.text.rstrip()):
            return FileTruncatedError(f"{self.path}: the JSON text ends too early; copy the file again")
        return self.fault(at, f"no JSON: {error}")

    def fault(self, at: int, message: str) -> FileFormatError:
        """Returns the error for something at a place in the text."""
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        return FileFormatError(f"{self.path}:{line}:{column}: {message}")
