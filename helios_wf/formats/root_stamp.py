"""A clock that stands still for uproot, so that equal events make equal files."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

EPOCH = datetime.datetime(1995, 1, 1)
"""The first moment that a ROOT time stamp can say."""

_MODULES = ("_cascade", "_cascadetree", "_cascadentuple", "writable")


class _Still(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Still:
        """Returns the first moment of ROOT's time."""
        return cls(EPOCH.year, EPOCH.month, EPOCH.day, tzinfo=tz)


@contextmanager
def without_times() -> Iterator[None]:
    """Lets uproot stamp every record with the same time; it offers no option for that."""
    clocks: list[tuple[Any, Any]] = []
    for name in _MODULES:
        module: Any = importlib.import_module(f"uproot.writing.{name}")
        if hasattr(module, "datetime"):
            clocks.append((module, module.datetime))
            module.datetime = SimpleNamespace(datetime=_Still)
    try:
        yield
    finally:
        for module, clock in clocks:
            module.datetime = clock
