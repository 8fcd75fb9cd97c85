"""Nouns are frozen, and go to JSON and back unchanged."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_workflows import Made, made_workflows

from helios_wf.model import (
    Column,
    Dataset,
    Document,
    EventFile,
    JobSpec,
    Layout,
    MaskField,
    Parameter,
    Place,
    Report,
    Resources,
    digest,
)
from helios_wf.model.plans import Plan
from helios_wf.plan import plan_document
from helios_wf.states import Cause, DatasetState

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def back(noun: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(noun), type=type(noun))


@given(made=made_workflows())
def test_documents_and_plans_come_back_from_json(made: Made) -> None:
    assert back(made.document) == made.document
    plan = plan_document(made.document)
    assert back(plan) == plan
    assert isinstance(back(plan), Plan)
    assert plan_document(back(made.document)) == plan


@given(inputs=st.dictionaries(st.text(), JSON, max_size=4), first=st.none() | st.integers(0, 2**62))
def test_specs_come_back_from_json(inputs: dict[str, Any], first: int | None) -> None:
    resources = Resources(cores=0.5, gpus=2)
    spec = JobSpec("r", "3/0/7", 2, "a" * 64, "/d", None, inputs, resources, first, first)
    assert back(spec) == spec
    assert spec.handle == "r/3/0/7.2"


@given(outputs=st.dictionaries(st.text(), JSON, max_size=4), cause=st.none() | st.sampled_from(Cause))
def test_reports_come_back_from_json(outputs: dict[str, Any], cause: Cause | None) -> None:
    report = Report(run="r", key="0", attempt=1, cause=cause, outputs=outputs, command=("a", "b"))
    assert back(report) == report


def test_datasets_come_back_from_json() -> None:
    layout = Layout("csv", 2**40, (Column("e", "double"),), (0, 2**40), seekable=False)
    made = Dataset("a.b", DatasetState.CLOSED, (EventFile("/f", 3, "sha1$0", layout),), {"k": [1]}, "run")
    assert back(made) == made


def test_an_unset_default_and_a_null_one_are_told_apart() -> None:
    here = Place("t.cwl", 1, 2)
    unset, null = Parameter("x", "Any", here), Parameter("x", "Any", here, default=None)
    assert back(unset) == unset
    assert back(null) == null
    assert back(null) != unset


def test_nouns_are_frozen_and_know_all_their_fields() -> None:
    mask = MaskField("a.*")
    with pytest.raises(AttributeError):
        mask.mask = "b"  # type: ignore[misc]
    with pytest.raises(msgspec.ValidationError, match="unknown field `maks`"):
        msgspec.json.decode(b'{"mask": "a", "maks": "b"}', type=MaskField)


@given(value=st.dictionaries(st.text(), JSON, max_size=5), shuffled=st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any], shuffled) -> None:
    items = list(value.items())
    shuffled.shuffle(items)
    assert digest(dict(items)) == digest(value)
    assert digest(json.loads(json.dumps(value))) == digest(value)
    assert len(digest(value)) == 64


@given(a=JSON, b=JSON)
def test_different_values_have_different_digests(a: Any, b: Any) -> None:
    same = msgspec.json.encode(a, order="sorted") == msgspec.json.encode(b, order="sorted")
    assert (digest(a) == digest(b)) == same


def test_a_place_reads_as_editors_understand_it() -> None:
    assert str(Place("a/b.cwl", 3, 7)) == "a/b.cwl:3:7"
    assert isinstance(back(Document("p", "v1.2", _tool(), {}, "d")).process, type(_tool()))


def _tool() -> Any:
    from plain_cwl import tool

    return tool("t", {"x": "Any"}, {"y": "Any"})
