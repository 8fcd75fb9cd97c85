"""What others see of a template: its inputs, masks, outputs and datasets; and how two templates differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from helios_wf.cwl.checks import shown
from helios_wf.cwl.load import meaning
from helios_wf.cwl.sources import home_of
from helios_wf.model import Document, Json, Workflow
from helios_wf.states import TemplateStatus


class Change(NamedTuple):
    """One difference of two signatures: what (``input raw: mask``), before and after; None: not there."""

    what: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.what}: {self.after}"
        return f"- {self.what}: {self.before}" if self.after is None else (
            f"~ {self.what}: {self.before} -> {self.after}"
        )  # fmt: skip


def signature(workflow: Workflow) -> dict[str, dict[str, str]]:
    """Returns what others see of a template, as text: ``input raw`` to its type, mask, default and so on."""
    found: dict[str, dict[str, str]] = {}
    for port in workflow.inputs:
        entry = {"type": shown(port.type)}
        if port.default is not UNSET:
            entry["default"] = _text(port.default)
        if port.value is not None:
            entry["value"] = port.value
        if port.mask is not None:
            entry |= {f"mask {key}" if key != "mask" else key: text for key, text in _fields(port.mask)}
        found[f"input {port.name}"] = entry
    for output in workflow.outputs:
        entry = {"type": shown(output.type)}
        if output.dataset is not None:
            entry |= dict(_fields(output.dataset))
        found[f"output {output.name}"] = entry
    if workflow.template is not None and workflow.template.logs is not None:
        found["logs"] = {"dataset": workflow.template.logs}
    return found


def changes(before: Workflow, after: Workflow) -> list[Change]:
    """Returns how the signature of a template differs from that of another: first what is gone."""
    old, new = signature(before), signature(after)
    gone = [Change(what, _summary(old[what]), None) for what in old if what not in new]
    come = [Change(what, None, _summary(new[what])) for what in new if what not in old]
    both = [change for what in old if what in new for change in _changed(what, old[what], new[what])]
    return [*gone, *both, *come]


def content(document: Document) -> str:
    """Returns the digest of what a template does, whatever its status is."""
    process = document.process
    if isinstance(process, Workflow) and process.template is not None:
        field = msgspec.structs.replace(process.template, status=TemplateStatus.DRAFT)
        process = msgspec.structs.replace(process, template=field)
    path = Path(document.path)
    return meaning(process, str(path), home_of(path), document.files)


def _changed(what: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield Change(f"{what}: {key}", old.get(key), new.get(key))


def _summary(entry: Mapping[str, str]) -> str:
    return ", ".join(text if key == "type" else f"{key} {text}" for key, text in entry.items())


def _fields(noun: Any) -> Iterator[tuple[str, str]]:
    """Yields the fields of a noun that say something."""
    for key, value in msgspec.structs.asdict(noun).items():
        if value not in (None, ()) and not (key == "pick" and value == "all"):
            yield key, value if isinstance(value, str) else _text(value)


def _text(value: Json) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
