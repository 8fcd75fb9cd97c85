"""JSON values and texts on their way into the store and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec

from helios_wf.model import Json

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def dump(value: Json) -> str:
    """Returns a value as JSON text; file names that are not UTF-8 (surrogates) survive."""
    try:
        return _encode(value).decode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=msgspec.to_builtins)


def dump_or_none(value: Json) -> str | None:
    """Returns a value as JSON text, and None as NULL."""
    return None if value is None else dump(value)


def load(text: str | None) -> Json:
    """Returns the value of a JSON text; NULL is None."""
    if text is None:
        return None
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return json.loads(text)


def plain(text: str) -> str:
    """Returns a text that every database can keep: no NUL, no lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def instant(seconds: float) -> datetime:
    """Returns the aware UTC time of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def instant_or_none(seconds: float | None) -> datetime | None:
    """Returns the aware UTC time of seconds since the epoch, and None for NULL."""
    return None if seconds is None else instant(seconds)
