"""Why datasets start no run."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping

from helios_wf.errors import DatasetError
from helios_wf.match import Combinations, masked_inputs, starting
from helios_wf.model import Workflow
from helios_wf.model.noun import Json
from helios_wf.states import DatasetState
from helios_wf.store import Tx, datasets

Metas = Mapping[str, dict[str, Json]]
"""Metadata of the CLOSED datasets, by name."""


def left_out(names: Iterable[str], reason: str) -> str:
    """Returns a line that says why some datasets start no run."""
    return f"{', '.join(names)}: {reason}"


def not_ready(found: Combinations) -> list[tuple[tuple[str, ...], str]]:
    """Returns the combinations that cannot start a run now: their datasets, and why."""
    waiting = [(tuple(one.datasets.values()), one.reason) for one in found.waiting]
    return waiting + [(tuple(one.datasets.values()), one.reason) for one in found.refused]


def still_open(tx: Tx, workflow: Workflow) -> list[str]:
    """Returns the OPEN datasets whose names start runs once they are closed."""
    masks = [each.mask for each in starting(masked_inputs(workflow))]
    return [
        left_out([name], f"is OPEN; it is taken once it is complete: helios-wf dataset close {name}")
        for name in datasets.names(tx, DatasetState.OPEN)
        if any(mask.match(name) is not None for mask in masks)
    ]


def passed_over(workflow: Workflow, metas: Metas, used: Container[str]) -> Iterator[str]:
    """Yields why CLOSED datasets whose names a mask takes are not taken after all."""
    for each in starting(masked_inputs(workflow)):
        for name, meta in metas.items():
            if name not in used and each.mask.match(name) is not None:
                reason = each.why_not(name, meta) or "no dataset of the other inputs goes with it"
                yield left_out([name], f"input {each.name!r}: {reason}")


def check_taken(workflow: Workflow, found: Combinations, given: Collection[str], metas: Metas) -> None:
    """Refuses datasets that were given and start nothing, with the reason."""
    used = {name for match in found.matches for name in match.datasets.values()}
    for name in given:
        if name not in used:
            reasons = [reason for names, reason in not_ready(found) if name in names]
            reasons = reasons or _not_taken(workflow, name, metas.get(name, {}))
            told = "; ".join(reasons) or "no dataset of the other inputs goes with it"
            raise DatasetError(f"dataset {name!r} starts no run of {workflow.name!r}: {told}")


def _not_taken(workflow: Workflow, name: str, meta: Mapping[str, Json]) -> list[str]:
    """Returns why each masked input does not take a dataset; nothing where one does."""
    inputs = masked_inputs(workflow)
    whys = [(each, each.why_not(name, meta)) for each in inputs]
    if any(why is None for _, why in whys):
        return []
    return [f"input {each.name!r} takes {each.mask.text!r}: {why}" for each, why in whys]
