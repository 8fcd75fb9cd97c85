"""Statistics of events as a record that merges exactly: any partition of the events gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from helios_wf.errors import FileFormatError, FileUnreadableError, InputError
from helios_wf.event_tools import exact
from helios_wf.model import Noun

SCHEMA: Literal["https://w3id.org/helios-wf/event-statistics/2"] = (
    "https://w3id.org/helios-wf/event-statistics/2"
)


class Question(Noun, frozen=True):
    """What was asked of the events; only answers to the same question can be merged.

    A column is None where its part was left out.  Energies are in the unit of their column.
    """

    status_column: str | None
    sensor_column: str | None
    energy_column: str | None
    threshold: float
    bins: int
    low: float
    high: float
    filter: str | None


class Counts(Noun, frozen=True, omit_defaults=False):
    """How often each value occurs (integers before text, ascending), and how often none."""

    values: dict[str, int]
    nulls: int


class Energy(Noun, frozen=True, omit_defaults=False):
    """Statistics of a column of numbers; ``nulls``, ``nans`` and infinities are counted apart from the rest.

    ``exact_sum`` is ``MANTISSApEXPONENT``, the product of the whole number and that power of two; ``sum`` is
    the nearest double (None, as JSON has no infinity, beyond the largest), ``mean`` the nearest to it over
    ``finite``.
    ``above_threshold``, ``histogram``, ``underflow`` and ``overflow`` are of the finite values; see the
    module ``histogram`` for the edges.
    """

    finite: int
    nulls: int
    nans: int
    plus_infinities: int
    minus_infinities: int
    sum: float | None
    exact_sum: str
    mean: float | None
    minimum: float | None
    maximum: float | None
    above_threshold: int
    underflow: int
    histogram: tuple[int, ...]
    overflow: int


class Partial(Noun, frozen=True, omit_defaults=False, kw_only=True, rename={"schema": "$schema"}):
    """The statistics of some events: a whole, or a part that ``merge`` adds to others."""

    schema: Literal["https://w3id.org/helios-wf/event-statistics/2"] = SCHEMA
    question: Question
    n_events: int
    status: Counts | None
    sensors: Counts | None
    energy: Energy | None


def counted(values: Mapping[str, int], nulls: int) -> Counts:
    """Returns counts with their values in order: integers by number, then text."""
    return Counts({value: values[value] for value in sorted(values, key=_value_order)}, nulls)


def merge(partials: Sequence[Partial], names: Sequence[object] = ()) -> Partial:
    """Returns the statistics of all the events; one partial alone comes back as it is.

    Args:
        partials: at least one.
        names: what each is called in messages, such as its path; their numbers when not given.

    Raises:
        InputError: There is none, or they do not answer the same question.
    """
    if not partials:
        raise InputError("no partial statistics to merge; at least one is wanted")
    first = partials[0]
    names = names or [f"part {number}" for number in range(1, len(partials) + 1)]
    for partial, name in zip(partials, names, strict=True):
        _check_same_question(first.question, partial.question, names[0], name)
    return Partial(
        question=first.question,
        n_events=sum(partial.n_events for partial in partials),
        status=_merge_counts([partial.status for partial in partials]),
        sensors=_merge_counts([partial.sensors for partial in partials]),
        energy=_merge_energies([partial.energy for partial in partials]),
    )


def is_partial(path: Path) -> bool:
    """Tells from its first bytes whether a file holds partial statistics."""
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError as error:
        raise FileUnreadableError(f"{path} cannot be read: {error.strerror}") from error
    return head.lstrip().startswith(b"{") and SCHEMA.encode() in head


def read(path: Path) -> Partial:
    """Returns the partial statistics in a file.

    Raises:
        FileUnreadableError: It cannot be read.
        FileFormatError: It holds something else.
    """
    try:
        partial = msgspec.json.decode(path.read_bytes(), type=Partial)
        _check_whole(partial)
    except OSError as error:
        raise FileUnreadableError(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise FileFormatError(f"{path} does not hold event statistics of {SCHEMA}: {error}") from error
    return partial


def to_json(partial: Partial) -> bytes:
    """Returns a partial as JSON, the same bytes for equal statistics."""
    return msgspec.json.format(msgspec.json.encode(partial), indent=1) + b"\n"


def _check_whole(partial: Partial) -> None:
    """Raises a ValueError for a record whose fields do not fit each other."""
    for column, part in zip(
        ("status", "sensor", "energy"), (partial.status, partial.sensors, partial.energy), strict=True
    ):
        if (part is None) != (getattr(partial.question, f"{column}_column") is None):
            raise ValueError(f"the question and the answer disagree about a {column} column")
    if partial.energy is not None:
        exact.from_text(partial.energy.exact_sum)
        if len(partial.energy.histogram) != partial.question.bins:
            raise ValueError(
                f"{len(partial.energy.histogram)} bins where {partial.question.bins} are announced"
            )


def _value_order(text: str) -> tuple[bool, int, str]:
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return False, int(text), text
    return True, 0, text


def _check_same_question(ours: Question, theirs: Question, first: object, other: object) -> None:
    if ours == theirs:
        return
    differences = [
        f"{name.replace('_', ' ')} {_said(getattr(theirs, name))} (there: {_said(getattr(ours, name))})"
        for name in ours.__struct_fields__
        if getattr(ours, name) != getattr(theirs, name)
    ]
    raise InputError(
        f"{other}: was made with other options than {first}: {', '.join(differences)}; "
        "make all statistics that are to be joined with the same options"
    )


def _said(value: object) -> str:
    return "none" if value is None else repr(value)


def _merge_counts(parts: Sequence[Counts | None]) -> Counts | None:
    total: dict[str, int] = {}
    nulls = 0
    for part in parts:
        if part is None:
            return None
        nulls += part.nulls
        for value, count in part.values.items():
            total[value] = total.get(value, 0) + count
    return counted(total, nulls)


def _merge_energies(parts: Sequence[Energy | None]) -> Energy | None:
    known = [part for part in parts if part is not None]
    if not known:
        return None
    finite = sum(part.finite for part in known)
    units = sum(exact.from_text(part.exact_sum) for part in known)
    return Energy(
        finite=finite,
        nulls=sum(part.nulls for part in known),
        nans=sum(part.nans for part in known),
        plus_infinities=sum(part.plus_infinities for part in known),
        minus_infinities=sum(part.minus_infinities for part in known),
        sum=exact.quotient(units, 1),
        exact_sum=exact.to_text(units),
        mean=exact.quotient(units, finite),
        minimum=min((part.minimum for part in known if part.minimum is not None), default=None),
        maximum=max((part.maximum for part in known if part.maximum is not None), default=None),
        above_threshold=sum(part.above_threshold for part in known),
        underflow=sum(part.underflow for part in known),
        histogram=tuple(map(sum, zip(*(part.histogram for part in known), strict=True))),
        overflow=sum(part.overflow for part in known),
    )
