"""``--set STEP.FIELD.KEY=VALUE``: another value of a ``helios:`` field, for one run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from helios_wf.cwl import fields
from helios_wf.cwl.checks import merge_fits, split_fits
from helios_wf.errors import SettingsError, did_you_mean
from helios_wf.model import Document, Noun, Step, Workflow, digest

SETTABLE = {
    "split": ("step",),
    "merge": ("step",),
    "retry": ("workflow", "step"),
    "tolerate": ("workflow", "step"),
}
"""The fields that may be set for a run, and on what; the others say what a template is."""

ALTERNATIVES = (
    {"eventsPerJob", "jobsPerFile", "secondsPerJob"},
    {"eventsPerRange", "secondsPerRange"},
    {"targetSize", "targetEvents"},
    {"events", "jobs"},
)
"""Keys that exclude each other: setting one drops the others."""

WITHIN = {"eventsPerJob": "eventsPerRange", "secondsPerJob": "secondsPerRange"}
"""Sizes of jobs, and of the ranges in them: a smaller job drops a range that it cannot hold."""

FORM = (
    "STEP.FIELD.KEY=VALUE (or FIELD.KEY=VALUE for the whole workflow), e.g. process.split.eventsPerJob=1000"
)


class _Setting(NamedTuple):
    text: str
    steps: tuple[str, ...]
    field: str
    key: str
    value: str


def apply_settings(document: Document, settings: Sequence[str]) -> Document:
    """Returns the document with some keys of its fields changed; steps of sub-workflows are ``outer/inner``.

    An empty value drops the key.  The document's digest changes with its meaning.

    Raises:
        SettingsError: A setting is malformed, names nothing, or has a value that does not fit.
    """
    process = document.process
    for text in settings:
        setting = _parse(text)
        if not isinstance(process, Workflow):
            raise SettingsError(f"{text!r}: {process.name!r} is a tool; only workflows have fields to set")
        process = _in_workflow(process, setting.steps, setting)
    if process == document.process:
        return document
    changes = [msgspec.to_builtins(process), document.digest]
    return replace(document, process=process, digest=digest(changes))


def _parse(text: str) -> _Setting:
    left, equals, value = text.partition("=")
    words = left.strip().rsplit(".", 2)
    if not equals or len(words) < 2 or not all(words):
        raise SettingsError(
            f"{text!r} is no setting; the form is {FORM}; "
            "the values of inputs stand in a JOB file: helios-wf run DOCUMENT JOB"
        )
    *step, field, key = words
    field = field.removeprefix(f"{fields.PREFIX}:")
    if field not in SETTABLE:
        raise SettingsError(f"{text!r}: no field {field!r} can be set{did_you_mean(field, SETTABLE)}")
    known = fields.FIELDS[field].keys
    if key not in known:
        raise SettingsError(f"{text!r}: {field!r} has no key {key!r}{did_you_mean(key, known)}")
    steps = tuple(step[0].split("/")) if step else ()
    if not steps and "workflow" not in SETTABLE[field]:
        raise SettingsError(f"{text!r}: {field!r} is a field of a step; the form is STEP.{field}.{key}=VALUE")
    return _Setting(text, steps, field, key, value.strip())


def _in_workflow(workflow: Workflow, steps: tuple[str, ...], setting: _Setting) -> Workflow:
    if not steps:
        changed: Workflow = _changed(workflow, setting)
        return changed
    name, *rest = steps
    names = [step.name for step in workflow.steps]
    if name not in names:
        raise SettingsError(
            f"{setting.text!r}: {workflow.name!r} has no step {name!r}{did_you_mean(name, names)}"
        )
    step = _in_step(workflow.steps[names.index(name)], tuple(rest), setting)
    return replace(workflow, steps=tuple(step if other.name == name else other for other in workflow.steps))


def _in_step(step: Step, rest: tuple[str, ...], setting: _Setting) -> Step:
    if not rest:
        changed: Step = _changed(step, setting)
        _refuse(split_fits(changed) if changed.split else (), setting)
        _refuse(merge_fits(changed) if changed.merge else (), setting)
        return changed
    if not isinstance(step.run, Workflow):
        raise SettingsError(f"{setting.text!r}: step {step.name!r} runs a tool, which has no steps")
    return replace(step, run=_in_workflow(step.run, rest, setting))


def _changed(owner: Any, setting: _Setting) -> Any:
    spec = fields.FIELDS[setting.field]
    raw = _as_written(getattr(owner, setting.field), spec)
    for group in ALTERNATIVES:
        if setting.key in group:
            raw = {key: value for key, value in raw.items() if key not in group}
    raw.pop(setting.key, None)
    if setting.value:
        raw[setting.key] = size = _value(setting.value, spec.keys[setting.key].parse)
        within = WITHIN.get(setting.key, "")
        if within in raw and isinstance(size, int | float) and raw[within] > size:
            del raw[within]
    if not raw:
        return replace(owner, **{setting.field: None})
    noun, complaints = fields.read(setting.field, raw)
    _refuse(complaints, setting)
    return replace(owner, **{setting.field: noun})


def _as_written(noun: Noun | None, spec: fields.Field) -> dict[str, Any]:
    """Returns a field as a document would write it, without what is so by default."""
    if noun is None:
        return {}
    defaults = {info.name: info.default for info in msgspec.structs.fields(type(noun))}
    written = {key: getattr(noun, entry.attribute) for key, entry in spec.keys.items()}
    return {key: value for key, value in written.items() if value != defaults[spec.keys[key].attribute]}


def _value(text: str, parse: Callable[[Any], Any]) -> Any:
    """Returns the first reading of a text that its key takes: a number, a truth value, or the text itself."""
    readings: list[Any] = []
    for kind in (int, float):
        try:
            readings.append(kind(text))
        except ValueError:
            continue
    if text in ("true", "false"):
        readings.append(text == "true")
    for reading in (*readings, text):
        try:
            parse(reading)
        except ValueError:
            continue
        return reading
    return readings[0] if readings else text


def _refuse(complaints: Iterable[fields.Complaint], setting: _Setting) -> None:
    messages = [complaint.message for complaint in complaints]
    if messages:
        raise SettingsError(f"{setting.text!r}: {'; '.join(messages)}")
