"""The masked inputs of a template, compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from helios_wf import filters
from helios_wf.errors import FilterError
from helios_wf.masks import Captures, Mask, difference
from helios_wf.model import Json, MaskField, Parameter, Place, Workflow


@dataclass(frozen=True)
class Where:
    """A ``where``: its text, its syntax tree and the names in it."""

    text: str
    node: filters.Node
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Where:
        """Returns the condition that a text says.

        Raises:
            FilterError: the text is wrong.
        """
        node = filters.parse(text)
        return cls(text, node, tuple(sorted(filters.names(node))))

    def values(self, captures: Captures, meta: Mapping[str, Json]) -> dict[str, Json]:
        """Returns the values of its names: a capture, else metadata, else null."""
        return {name: captures[name] if name in captures else meta.get(name) for name in self.names}

    def holds(self, captures: Captures, meta: Mapping[str, Json]) -> bool:
        """Says whether it is true; a dataset without some metadata has null there.

        Raises:
            FilterError: a value has a type that the condition does not take.
        """
        return filters.holds(self.node, self.values(captures, meta))


@dataclass(frozen=True)
class MaskedInput:
    """An input with ``helios:mask``."""

    name: str
    place: Place
    mask: Mask
    exclude: tuple[Mask, ...] = ()
    where: Where | None = None
    starts: bool = True
    """Whether its datasets start runs (``pick: all``), or are picked for them (``pick: last``)."""

    def take(self, dataset: str, meta: Mapping[str, Json]) -> Captures | None:
        """Returns the captures when this input takes a dataset, else None.

        Raises:
            FilterError: ``where`` does not fit the dataset's metadata.
        """
        captures = self.mask.take(dataset)
        if captures is None or any(mask.take(dataset) is not None for mask in self.exclude):
            return None
        if self.where is not None and not self.where.holds(captures, meta):
            return None
        return captures

    def why_not(self, dataset: str, meta: Mapping[str, Json]) -> str | None:
        """Returns why this input does not take a dataset, or None when it does."""
        told = difference(self.mask, dataset)
        if told is not None:
            return told
        for mask in self.exclude:
            if mask.match(dataset) is not None:
                return f"excluded by {mask.text!r}"
        captures = self.mask.match(dataset)
        if self.where is None or captures is None:
            return None
        return _false(self.where, captures, meta)


def _false(where: Where, captures: Captures, meta: Mapping[str, Json]) -> str | None:
    try:
        if where.holds(captures, meta):
            return None
    except FilterError as error:
        return f"where {where.text!r}: {error}"
    values = ", ".join(
        f"{name} is {'not set' if value is None else repr(value)}"
        for name, value in where.values(captures, meta).items()
    )
    return f"where {where.text!r} is not true: {values}"


def read_input(parameter: Parameter, field: MaskField) -> MaskedInput:
    """Returns the masked input that a parameter is.

    Raises:
        MaskError: its mask or an excluded one is wrong.
        FilterError: its ``where`` is wrong.
    """
    return MaskedInput(
        name=parameter.name,
        place=parameter.place,
        mask=Mask.parse(field.mask),
        exclude=tuple(Mask.parse(text) for text in field.exclude),
        where=Where.parse(field.where) if field.where is not None else None,
        starts=field.pick == "all",
    )


def masked_inputs(workflow: Workflow) -> tuple[MaskedInput, ...]:
    """Returns the inputs of a workflow that have a mask, in its order.

    Raises:
        MaskError: a mask is wrong.
        FilterError: a ``where`` is wrong.
    """
    return tuple(
        read_input(parameter, parameter.mask) for parameter in workflow.inputs if parameter.mask is not None
    )


def starting(inputs: Iterable[MaskedInput]) -> tuple[MaskedInput, ...]:
    """Returns the inputs whose datasets start runs."""
    return tuple(each for each in inputs if each.starts)


def captured(inputs: Iterable[MaskedInput]) -> frozenset[str]:
    """Returns all captures of some inputs."""
    return frozenset(name for each in inputs for name in each.mask.captures)
