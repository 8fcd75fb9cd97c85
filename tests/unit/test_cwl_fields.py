"""The ``helios:`` fields: what they may say, where, and what a mistake gets."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helios_wf.cwl import fields
from helios_wf.cwl.field_values import UNITS, size
from helios_wf.model import (
    DatasetField,
    EventsField,
    MaskField,
    MergeField,
    RetryField,
    SplitField,
    TemplateField,
    TolerateField,
)
from helios_wf.states import TemplateStatus

GOOD: list[tuple[str, Any, Any]] = [
    (
        "template",
        {
            "template": "a-b_1",
            "version": 2,
            "status": "DRAFT",
            "rank": -3,
            "follows": 1,
            "logs": "x.{step}.log",
        },
        TemplateField("a-b_1", 2, TemplateStatus.DRAFT, -3, 1, "x.{step}.log"),
    ),
    ("mask", "a.{b}.raw", MaskField("a.{b}.raw")),
    ("mask", {"mask": "a", "exclude": "b", "pick": "last"}, MaskField("a", ("b",), None, "last")),
    ("mask", {"mask": "a", "exclude": ["b", "c"], "where": "x > 1"}, MaskField("a", ("b", "c"), "x > 1")),
    ("value", "{run}", "{run}"),
    ("dataset", "a.{run}", DatasetField("a.{run}")),
    ("dataset", {"dataset": "a", "files": "{stem}.out"}, DatasetField("a", "{stem}.out")),
    ("split", {"eventsPerJob": 10}, SplitField(events_per_job=10)),
    (
        "split",
        {"input": "x", "table": "t", "jobsPerFile": 4, "eventsPerRange": 2, "first": "f", "count": "c"},
        SplitField("x", "t", None, 4, None, 2, None, None, "f", "c"),
    ),
    (
        "split",
        {"input": "x", "secondsPerJob": 60, "secondsPerRange": 5.5, "secondsPerEvent": 0.01},
        SplitField("x", None, None, None, 60.0, None, 5.5, 0.01),
    ),
    ("merge", {"input": "parts"}, MergeField("parts")),
    ("merge", {"input": "p", "maxInputs": 2, "targetSize": "1 GiB"}, MergeField("p", 2, 2**30)),
    ("merge", {"input": "p", "targetEvents": 1000}, MergeField("p", None, None, 1000)),
    ("retry", {}, RetryField()),
    ("retry", {"attempts": 1, "grow": 2, "bisect": False}, RetryField(1, 2.0, False)),
    ("tolerate", {"events": 0}, TolerateField(0.0)),
    ("tolerate", {"jobs": 1}, TolerateField(None, 1.0)),
    ("events", {"resident": "stream"}, EventsField("stream")),
    ("events", {"folder": "inbox"}, EventsField(None, "inbox")),
]


@pytest.mark.parametrize(("name", "value", "noun"), GOOD)
def test_a_field_says_what_its_noun_says(name: str, value: Any, noun: Any) -> None:
    assert fields.read(name, value) == (noun, [])


TEMPLATE = {"template": "t", "version": 1, "status": "ACTUAL"}

BAD: list[tuple[str, Any, str | None, str]] = [
    (
        "template",
        {**TEMPLATE, "template": "two words"},
        "template",
        "must be a name of letters, digits, '_' and '-'",
    ),
    ("template", {**TEMPLATE, "version": 0}, "version", "must be a whole number of at least 1, not 0"),
    ("template", {**TEMPLATE, "version": True}, "version", "must be a whole number of at least 1, not True"),
    ("template", {**TEMPLATE, "version": "1"}, "version", "must be a whole number of at least 1, not '1'"),
    ("template", {**TEMPLATE, "status": "actual"}, "status", "must be one of DRAFT, ACTUAL, ARCHIVED"),
    ("template", {**TEMPLATE, "follows": 1}, "follows", "version 1 cannot follow itself"),
    ("template", {**TEMPLATE, "logs": "a.log"}, "logs", "must contain {step}"),
    ("template", {"template": "t", "version": 1}, None, "lacks 'status'"),
    ("template", "t", None, "must be a map {template, version, status, rank, follows, logs}, not 't'"),
    ("mask", "", None, "must not be empty"),
    ("mask", {"pick": "first", "mask": "a"}, "pick", "must be 'all' or 'last', not 'first'"),
    ("mask", {"exclude": "a"}, None, "lacks 'mask'"),
    ("mask", 5, None, "must be text or a map {mask, exclude, where, pick}, not 5"),
    ("value", {"value": "x"}, None, "must be text, not"),
    ("value", 3, None, "must be text, not 3"),
    ("dataset", {"dataset": "a", "file": "b"}, "file", "unknown key 'file'; did you mean 'files'?"),
    ("split", {}, None, "needs one of eventsPerJob, jobsPerFile, secondsPerJob"),
    ("split", {"eventsPerJob": 1, "jobsPerFile": 1, "input": "x"}, "jobsPerFile", "says both"),
    ("split", {"eventsPerJob": 9, "eventsPerRange": 1, "secondsPerRange": 1}, "secondsPerRange", "says both"),
    (
        "split",
        {"eventsPerJob": 9, "eventsPerRange": 10},
        "eventsPerRange",
        "(10) is more than 'eventsPerJob' (9)",
    ),
    ("split", {"eventsPerJob": 0}, "eventsPerJob", "must be a whole number of at least 1, not 0"),
    ("split", {"secondsPerJob": 0}, "secondsPerJob", "must be a number of seconds above 0, not 0"),
    ("split", {"eventsPerJob": 1, "secondsPerEvent": 1}, "secondsPerEvent", "has a use only with"),
    ("split", {"jobsPerFile": 2}, "jobsPerFile", "say which with 'input'"),
    ("split", {"eventsPerJob": 2, "table": "t"}, "table", "say which with 'input'"),
    ("split", {"eventsPerJob": 1, "first": "n_events"}, "first", "name the same input"),
    ("merge", {}, None, "lacks 'input'"),
    ("merge", {"input": "p", "maxInputs": 1}, "maxInputs", "at least 2"),
    (
        "merge",
        {"input": "p", "targetSize": "2 apples"},
        "targetSize",
        "must be a size such as '2 GB' or '500 MiB'",
    ),
    ("merge", {"input": "p", "targetSize": 0}, "targetSize", "must be a size"),
    ("merge", {"input": "p", "targetSize": 1, "targetEvents": 1}, "targetEvents", "at most one"),
    ("retry", {"attempts": 0}, "attempts", "at least 1, not 0"),
    ("retry", {"grow": 0.5}, "grow", "must be a number of at least 1, not 0.5"),
    ("retry", {"grow": float("inf")}, "grow", "must be a number"),
    ("retry", {"bisect": "no"}, "bisect", "must be true or false, not 'no'"),
    ("tolerate", {"events": 1.5}, "events", "must be a fraction from 0 to 1, not 1.5"),
    ("tolerate", {"events": float("nan")}, "events", "must be a fraction"),
    ("tolerate", {}, None, "needs one of events, jobs"),
    ("tolerate", {"events": 0.1, "jobs": 0.1}, "jobs", "says both"),
    ("events", {"residnt": "x"}, "residnt", "did you mean 'resident'?"),
]


@pytest.mark.parametrize(("name", "value", "key", "message"), BAD)
def test_a_mistake_in_a_field_is_told_once_at_its_key(
    name: str, value: Any, key: str | None, message: str
) -> None:
    noun, complaints = fields.read(name, value)
    assert noun is None
    assert [complaint.key for complaint in complaints] == [key]
    assert message in complaints[0].message


def test_all_mistakes_of_a_field_are_told() -> None:
    _, complaints = fields.read("split", {"input": 3, "eventsPerJob": -1, "tabel": "x"})
    assert [complaint.key for complaint in complaints] == ["input", "eventsPerJob", "tabel"]


def test_no_key_of_a_field_is_a_word_that_the_cwl_loader_rewrites() -> None:
    reserved = {"name", "id", "run", "scatter", "source", "format", "out", "class", "location"}
    assert not reserved & {key for field in fields.FIELDS.values() for key in field.keys}


@given(
    amount=st.integers(1, 10**6), unit=st.sampled_from(sorted(UNITS)), space=st.sampled_from(["", " ", "  "])
)
def test_a_size_is_its_amount_times_its_unit(amount: int, unit: str, space: str) -> None:
    assert size(f"{amount}{space}{unit}") == amount * UNITS[unit]
    assert size(f"{amount}{space}{unit.lower()}") == amount * UNITS[unit]


@given(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2))
)
def test_anything_else_is_no_size_and_no_crash(value: Any) -> None:
    with contextlib.suppress(ValueError):
        assert size(value) >= 1


@given(
    name=st.sampled_from(sorted(fields.FIELDS)),
    value=st.dictionaries(
        st.sampled_from(sorted({key for field in fields.FIELDS.values() for key in field.keys})),
        st.one_of(
            st.none(), st.integers(-2, 3), st.floats(), st.text(max_size=3), st.booleans(), st.just(["x"])
        ),
        max_size=4,
    ),
)
def test_a_field_is_read_or_complained_of(name: str, value: dict[str, Any]) -> None:
    noun, complaints = fields.read(name, value)
    assert (noun is None) == bool(complaints)
