"""The files in a value, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator

from helios_wf.model.noun import Json


def n_bytes(value: Json) -> int:
    """Returns the size of all files in a value, and of those that stand beside them."""
    return sum(one.get("size") or 0 for one in files_in(value))


def files_in(value: Json) -> Iterator[dict[str, Json]]:
    """Yields the files in a value, secondary files and those in folders too."""
    if isinstance(value, list):
        for one in value:
            yield from files_in(one)
    elif isinstance(value, dict):
        kind = value.get("class")
        if kind == "File":
            yield value
            if value.get("secondaryFiles"):
                yield from files_in(value["secondaryFiles"])
        elif kind == "Directory":
            yield from files_in(value.get("listing"))
        else:
            for one in value.values():
                yield from files_in(one)
