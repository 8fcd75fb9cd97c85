"""The ``helios:`` fields: where each may stand, which keys it has, and what their values mean.

``read`` turns one field's value into its noun, or says everything that is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from helios_wf.cwl import field_values as values
from helios_wf.cwl.marks import plain
from helios_wf.errors import did_you_mean
from helios_wf.model import (
    DatasetField,
    EventsField,
    MaskField,
    MergeField,
    Noun,
    RetryField,
    SplitField,
    TemplateField,
    TolerateField,
)

NAMESPACE = "https://w3id.org/helios-wf#"
PREFIX = "helios"


class Complaint(NamedTuple):
    """One mistake in a field: at which of its keys (None: the field itself), and what it is."""

    key: str | None
    message: str


class Key(NamedTuple):
    """One key of a field's map: the noun's attribute, and how its value is read."""

    attribute: str
    parse: values.Parser
    required: bool = False


Rule = Callable[[Mapping[str, Any]], Iterable[Complaint]]


class Field(NamedTuple):
    """One field: where it belongs, its keys, its short form (the key that a bare text stands for)."""

    owners: tuple[str, ...]
    noun: type[Noun] | None
    keys: Mapping[str, Key]
    short: str | None = None
    rule: Rule = lambda _: ()


def _exactly_one(names: tuple[str, ...], given: Mapping[str, Any]) -> list[Complaint]:
    found = [name for name in names if name in given]
    if len(found) == 1:
        return []
    if not found:
        return [Complaint(None, f"needs {_one_of(names)}")]
    return [Complaint(found[1], f"says both {found[0]!r} and {found[1]!r}; give exactly {_one_of(names)}")]


def _at_most_one(names: tuple[str, str], given: Mapping[str, Any]) -> list[Complaint]:
    if all(name in given for name in names):
        return [Complaint(names[1], f"says both {names[0]!r} and {names[1]!r}; give at most one of them")]
    return []


def _one_of(names: tuple[str, ...]) -> str:
    return "one of " + ", ".join(names)


def _split_rule(given: Mapping[str, Any]) -> Iterable[Complaint]:
    yield from _exactly_one(("eventsPerJob", "jobsPerFile", "secondsPerJob"), given)
    yield from _at_most_one(("eventsPerRange", "secondsPerRange"), given)
    if "input" not in given:
        for name in ("table", "jobsPerFile"):
            if name in given:
                yield Complaint(name, f"{name!r} is about the files of an input; say which with 'input'")
    if "secondsPerEvent" in given and not {"secondsPerJob", "secondsPerRange"} & given.keys():
        yield Complaint(
            "secondsPerEvent", "'secondsPerEvent' has a use only with 'secondsPerJob' or 'secondsPerRange'"
        )
    for one, other in (("eventsPerRange", "eventsPerJob"), ("secondsPerRange", "secondsPerJob")):
        if one in given and other in given and given[one] > given[other]:
            yield Complaint(one, f"{one!r} ({given[one]:g}) is more than {other!r} ({given[other]:g})")
    if given.get("first", "first_event") == given.get("count", "n_events"):
        yield Complaint("count" if "count" in given else "first", "'first' and 'count' name the same input")


def _template_rule(given: Mapping[str, Any]) -> Iterable[Complaint]:
    if "follows" in given and given["follows"] == given.get("version"):
        yield Complaint("follows", f"version {given['version']} cannot follow itself")


FIELDS: Mapping[str, Field] = {
    "template": Field(
        ("workflow",),
        TemplateField,
        {
            "template": Key("template", values.word, required=True),
            "version": Key("version", values.whole(1), required=True),
            "status": Key("status", values.status, required=True),
            "rank": Key("rank", values.whole()),
            "follows": Key("follows", values.whole(1)),
            "logs": Key("logs", values.with_step),
        },
        rule=_template_rule,
    ),
    "mask": Field(
        ("workflow input",),
        MaskField,
        {
            "mask": Key("mask", values.text, required=True),
            "exclude": Key("exclude", values.texts),
            "where": Key("where", values.text),
            "pick": Key("pick", values.one_of("all", "last")),
        },
        short="mask",
    ),
    "value": Field(("workflow input",), None, {}, short="value"),
    "dataset": Field(
        ("workflow output",),
        DatasetField,
        {"dataset": Key("dataset", values.text, required=True), "files": Key("files", values.text)},
        short="dataset",
    ),
    "split": Field(
        ("step",),
        SplitField,
        {
            "input": Key("input", values.text),
            "table": Key("table", values.text),
            "eventsPerJob": Key("events_per_job", values.whole(1)),
            "jobsPerFile": Key("jobs_per_file", values.whole(1)),
            "secondsPerJob": Key("seconds_per_job", values.above_zero),
            "eventsPerRange": Key("events_per_range", values.whole(1)),
            "secondsPerRange": Key("seconds_per_range", values.above_zero),
            "secondsPerEvent": Key("seconds_per_event", values.above_zero),
            "first": Key("first", values.text),
            "count": Key("count", values.text),
            "index": Key("index", values.text),
        },
        rule=_split_rule,
    ),
    "merge": Field(
        ("step",),
        MergeField,
        {
            "input": Key("input", values.text, required=True),
            "maxInputs": Key("max_inputs", values.whole(2)),
            "targetSize": Key("target_size", values.size),
            "targetEvents": Key("target_events", values.whole(1)),
        },
        rule=lambda given: _at_most_one(("targetSize", "targetEvents"), given),
    ),
    "retry": Field(
        ("workflow", "step"),
        RetryField,
        {
            "attempts": Key("attempts", values.whole(1)),
            "grow": Key("grow", values.number(1)),
            "bisect": Key("bisect", values.truth),
        },
    ),
    "tolerate": Field(
        ("workflow", "step"),
        TolerateField,
        {"events": Key("events", values.fraction), "jobs": Key("jobs", values.fraction)},
        rule=lambda given: _exactly_one(("events", "jobs"), given),
    ),
    "events": Field(
        ("tool",),
        EventsField,
        {"resident": Key("resident", values.text), "folder": Key("folder", values.text)},
        rule=lambda given: _exactly_one(("resident", "folder"), given),
    ),
}
"""Every field, by its name without the prefix."""


def read(name: str, value: Any) -> tuple[Noun | str | None, list[Complaint]]:
    """Returns what a field of that name says (None when it cannot be told), and what is wrong with it."""
    field = FIELDS[name]
    if isinstance(value, str) and field.short is not None:
        if not value:
            return None, [Complaint(None, "must not be empty")]
        return (field.noun(**{field.short: str(value)}) if field.noun else str(value)), []
    if not isinstance(value, dict) or not field.keys:
        forms = [*(["text"] if field.short else []), *([_form(field)] if field.keys else [])]
        return None, [Complaint(None, f"must be {' or '.join(forms)}, not {_shown(value)}")]
    return _read_map(field, value)


def _read_map(field: Field, value: Mapping[str, Any]) -> tuple[Noun | None, list[Complaint]]:
    given: dict[str, Any] = {}
    complaints = []
    for key, item in value.items():
        if key not in field.keys:
            complaints.append(Complaint(key, f"unknown key {key!r}{did_you_mean(str(key), field.keys)}"))
            continue
        try:
            given[key] = field.keys[key].parse(item)
        except ValueError as error:
            complaints.append(Complaint(key, f"{key!r} {error}, not {_shown(item)}"))
    required = [key for key, spec in field.keys.items() if spec.required]
    missing = [key for key in required if key not in value and not _misspelt(key, field, value)]
    if missing:
        complaints.append(Complaint(None, f"lacks {', '.join(map(repr, missing))}"))
    if not complaints:
        complaints.extend(field.rule(given))
    if complaints or field.noun is None:
        return None, complaints
    return field.noun(**{field.keys[key].attribute: item for key, item in given.items()}), []


def _misspelt(key: str, field: Field, value: Mapping[str, Any]) -> bool:
    """Says whether an unknown key of the map was meant to be ``key``: then it is not missing as well."""
    return any(repr(key) in did_you_mean(str(word), field.keys) for word in value if word not in field.keys)


def _form(field: Field) -> str:
    return "a map {" + ", ".join(field.keys) + "}"


def _shown(value: Any) -> str:
    text = repr(plain(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
