"""Workflow semantics on values: how links join, how nulls are picked, how arrays are nested.

Source: CWL v1.2 Workflow, sections 4.1.2 (linkMerge), 4.1.3 (pickValue) and 4.2 (scatter).
"""

from __future__ import annotations

from collections.abc import Sequence

from helios_wf.errors import JobError
from helios_wf.model import Json
from helios_wf.states import Cause


def link(values: Sequence[Json], link_merge: str | None, pick_value: str | None) -> Json:
    """Returns the value of a port with several sources (or one in a list).

    Raises:
        JobError: ``pickValue`` found no value, or more than the one it allows.
    """
    value: Json
    if link_merge == "merge_flattened":
        value = [item for one in values for item in (one if isinstance(one, list) else [one])]
    elif link_merge == "merge_nested" or len(values) > 1:
        value = list(values)
    else:
        value = values[0]
    return pick(value, pick_value) if pick_value else value


def pick(value: Json, how: str) -> Json:
    """Returns what ``pickValue`` chooses from a list.

    Raises:
        JobError: nothing is left, or more than the one that ``the_only_non_null`` allows.
    """
    if not isinstance(value, list):
        return value
    present = [item for item in value if item is not None]
    if how == "all_non_null":
        return present
    if not present:
        raise JobError(Cause.EXPRESSION, f"pickValue: {how} found only null among {len(value)} sources")
    if how == "the_only_non_null" and len(present) > 1:
        raise JobError(
            Cause.EXPRESSION, f"pickValue: the_only_non_null found {len(present)} values that are not null"
        )
    return present[0]


def dot_length(lengths: dict[str, int]) -> int:
    """Returns the size of a dot product.

    Raises:
        JobError: the scattered arrays have different lengths; all are named.
    """
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{port} has {length}" for port, length in lengths.items())
        raise JobError(Cause.BAD_INPUT, f"arrays scattered together must have one length: {text}")
    return next(iter(lengths.values()))


def array(value: Json, port: str) -> list[Json]:
    """Returns a value that is scattered over.

    Raises:
        JobError: it is no array.
    """
    if not isinstance(value, list):
        shown = "null" if value is None else type(value).__name__
        raise JobError(Cause.BAD_INPUT, f"cannot scatter over {port!r}: it must be an array, not {shown}")
    return value
