"""The combinations of datasets that start runs: a hash join over the captures that masks share."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import field

from helios_wf.errors import FilterError, MaskError
from helios_wf.masks import Captures, NamePattern
from helios_wf.match.parts import own_parts
from helios_wf.match.read import MaskedInput, captured, masked_inputs, starting
from helios_wf.model import Dataset, Json, Noun, Parameter, Workflow
from helios_wf.states import DatasetState

_WHOLE = re.compile(r"-?[0-9]{1,30}", re.ASCII)


class Match(Noun, frozen=True):
    """What starts one run: a dataset for each masked input, the captures, and the values filled from them."""

    datasets: dict[str, str]
    captures: dict[str, Json]
    values: dict[str, Json] = field(default_factory=dict)


class Waiting(Noun, frozen=True):
    """A combination that lacks a dataset for a ``pick: last`` input."""

    datasets: dict[str, str]
    captures: dict[str, Json]
    reason: str


class Refused(Noun, frozen=True):
    """Datasets that masks take and that still cannot start a run, with what is wrong."""

    datasets: dict[str, str]
    reason: str


class Combinations(Noun, frozen=True):
    """All combinations of some datasets; each list in the order of the datasets' names, by input."""

    matches: tuple[Match, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    refused: tuple[Refused, ...] = ()


class _Row(NamedTuple):
    """A combination of datasets so far."""

    datasets: dict[str, str]
    captures: Captures


def combinations(workflow: Workflow, datasets: Iterable[Dataset]) -> Combinations:
    """Returns what a template would be started with, and what still waits.

    A match is a combination of CLOSED datasets of the ``pick: all`` inputs whose shared captures are equal;
    to it comes for each ``pick: last`` input, among the datasets that agree with the combination, the one
    whose own captures are highest, in the order they have in the mask (of equal ones the last by name).

    Raises:
        MaskError: a mask or value is wrong, or two masks that start runs share no capture (``check_template``
            says all that is wrong, with places).
        FilterError: a ``where`` is wrong.
    """
    inputs = masked_inputs(workflow)
    refused: list[Refused] = []
    taken = _taken(inputs, datasets, refused)
    start = starting(inputs)
    order = [each.name for each in inputs]
    rows = sorted(_join(start, taken), key=lambda row: [row.datasets.get(name, "") for name in order])
    known = captured(start)
    lasts = [_Last(each, known, taken[each.name]) for each in inputs if not each.starts]
    values = [_Value(each, own_parts(workflow)) for each in workflow.inputs if each.value is not None]
    decided = [_decide(row, lasts, values, order) for row in rows]
    return Combinations(
        tuple(each for each in decided if isinstance(each, Match)),
        tuple(each for each in decided if isinstance(each, Waiting)),
        tuple(refused + [each for each in decided if isinstance(each, Refused)]),
    )


def _decide(
    row: _Row, lasts: Sequence[_Last], values: Sequence[_Value], order: Sequence[str]
) -> Match | Waiting | Refused:
    chosen = [(last.name, last.pick(row.captures)) for last in lasts]
    missing = [last.missing(row.captures) for last in lasts if last.pick(row.captures) is None]
    if missing:
        return Waiting(row.datasets, row.captures, "; ".join(missing))
    full = _completed(row, [(name, found) for name, found in chosen if found is not None], order)
    try:
        return Match(
            full.datasets, full.captures, {value.name: value.fill(full.captures) for value in values}
        )
    except MaskError as error:
        return Refused(full.datasets, str(error))


class _Taken(NamedTuple):
    dataset: str
    captures: Captures


def _taken(
    inputs: Sequence[MaskedInput], datasets: Iterable[Dataset], refused: list[Refused]
) -> dict[str, list[_Taken]]:
    """Returns the datasets that each input takes, in the order of their names."""
    found: dict[str, list[_Taken]] = {each.name: [] for each in inputs}
    closed = (dataset for dataset in datasets if dataset.state is DatasetState.CLOSED)
    for dataset in sorted(closed, key=lambda dataset: dataset.name):
        for each in inputs:
            try:
                captures = each.take(dataset.name, dataset.meta)
            except FilterError as error:
                refused.append(Refused({each.name: dataset.name}, f"where of input {each.name!r}: {error}"))
                continue
            if captures is not None:
                found[each.name].append(_Taken(dataset.name, captures))
    return found


def _join(inputs: Sequence[MaskedInput], taken: Mapping[str, list[_Taken]]) -> list[_Row]:
    if not inputs:
        return []
    rows: list[_Row] = [_Row({}, {})]
    known: frozenset[str] = frozenset()
    for each in joined_order(inputs):
        shared = [name for name in each.mask.captures if name in known]
        by_key: dict[Hashable, list[_Taken]] = {}
        for one in taken[each.name]:
            by_key.setdefault(tuple(one.captures[name] for name in shared), []).append(one)
        rows = [
            _Row({**row.datasets, each.name: one.dataset}, {**row.captures, **one.captures})
            for row in rows
            for one in by_key.get(tuple(row.captures[name] for name in shared), ())
        ]
        known |= set(each.mask.captures)
    return rows


def joined_order(inputs: Sequence[MaskedInput]) -> list[MaskedInput]:
    """Returns inputs so that each shares a capture with one before it.

    Raises:
        MaskError: there is no such order; everything would be combined with everything.
    """
    order = [inputs[0]]
    rest = list(inputs[1:])
    while rest:
        known = captured(order)
        following = next((each for each in rest if known & set(each.mask.captures)), None)
        if following is None:
            raise MaskError(
                f"the mask of input {rest[0].name!r} ({rest[0].mask.text!r}) shares no capture with "
                f"{' and '.join(repr(each.name) for each in order)}, so everything would go with everything; "
                "give them a capture in common, or pick: last"
            )
        order.append(following)
        rest.remove(following)
    return order


class _Last:
    """A ``pick: last`` input, and its highest dataset for each value of what it shares with the others."""

    def __init__(self, masked: MaskedInput, known: frozenset[str], taken: Sequence[_Taken]) -> None:
        self.name = masked.name
        self._text = masked.mask.text
        self._shared = [name for name in masked.mask.captures if name in known]
        own = [name for name in masked.mask.captures if name not in known]
        self._highest: dict[Hashable, _Taken] = {}
        for one in sorted(taken, key=lambda one: ([one.captures[name] for name in own], one.dataset)):
            self._highest[self._key(one.captures)] = one

    def pick(self, captures: Captures) -> _Taken | None:
        return self._highest.get(self._key(captures))

    def missing(self, captures: Captures) -> str:
        wanted = ", ".join(f"{name} = {captures[name]}" for name in self._shared)
        return f"no CLOSED dataset for input {self.name!r} ({self._text!r}){' with ' * bool(wanted)}{wanted}"

    def _key(self, captures: Captures) -> Hashable:
        return tuple(captures[name] for name in self._shared)


def _completed(row: _Row, chosen: Sequence[tuple[str, _Taken]], order: Sequence[str]) -> _Row:
    datasets = {**row.datasets, **{name: one.dataset for name, one in chosen}}
    captures = dict(row.captures)
    for _, one in chosen:
        captures |= {name: value for name, value in one.captures.items() if name not in captures}
    return _Row({name: datasets[name] for name in order}, captures)


class _Value:
    """An input with ``helios:value``."""

    def __init__(self, parameter: Parameter, own: Mapping[str, Json]) -> None:
        assert parameter.value is not None
        self.name = parameter.name
        self._pattern = NamePattern.parse(parameter.value, use="value")
        self._own = own
        self._bits = {"int": 31, "long": 63}.get(_bare(parameter.type))

    def fill(self, captures: Captures) -> Json:
        text = self._pattern.build({**captures, **self._own})
        if self._bits is None:
            return text
        if not _WHOLE.fullmatch(text):
            raise MaskError(f"input {self.name!r}: its value {text!r:.80} is no whole number")
        number = int(text)
        if not -(2**self._bits) <= number < 2**self._bits:
            raise MaskError(f"input {self.name!r}: its value {number} does not fit its type; make it a long")
        return number


def _bare(type_: Json) -> str:
    members = type_ if isinstance(type_, list) else [type_]
    return next((str(each).removesuffix("?") for each in members if each != "null"), "null")
