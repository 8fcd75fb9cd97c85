"""What every noun is: a frozen record that goes to JSON and back."""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import msgspec

Json: TypeAlias = Any
"""A JSON value: dict, list, str, int, float, bool or None."""


class Noun(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A frozen record; ``msgspec.json`` encodes and decodes it."""


_canonical = msgspec.json.Encoder(order="deterministic")


def digest(value: Json | Noun) -> str:
    """Returns the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(_canonical.encode(value)).hexdigest()
