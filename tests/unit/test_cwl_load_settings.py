"""``--set``: another value of a field, for one run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from helios_wf.cwl.load import apply_settings, load
from helios_wf.errors import SettingsError
from helios_wf.model import Document, MergeField, RetryField, SplitField, Step, TolerateField, Workflow

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: cat
inputs: {events: File, parts: "File[]?", first_event: long?, n_events: long?}
outputs: {out: {type: File, outputBinding: {glob: x}}}
"""

TEXT = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {SubworkflowFeatureRequirement: {}}
inputs: {raw: File}
steps:
  cut:
    run: tool.cwl
    in: {events: raw}
    out: [out]
    helios:split: {input: events, eventsPerJob: 10, eventsPerRange: 5}
    helios:tolerate: {events: 0.5}
  outer:
    in: {raw: raw}
    out: []
    run:
      class: Workflow
      inputs: {raw: File}
      outputs: []
      steps: {inner: {run: tool.cwl, in: {events: raw}, out: [out]}}
outputs: []
"""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "tool.cwl").write_text(TOOL)
    (folder / "main.cwl").write_text(TEXT)
    return load(folder / "main.cwl")


def step(document: Document, *names: str) -> Step:
    workflow: Any = document.process
    for name in names:
        (found,) = [step for step in workflow.steps if step.name == name]
        workflow = found.run
    assert isinstance(found, Step)
    return found


def test_a_key_is_set_and_the_others_stay(document: Document) -> None:
    split = step(apply_settings(document, ["cut.split.eventsPerRange=2"]), "cut").split
    assert split == SplitField("events", events_per_job=10, events_per_range=2)


def test_setting_a_key_drops_those_that_exclude_it(document: Document) -> None:
    changed = apply_settings(
        document, ["cut.split.eventsPerRange=", "cut.split.jobsPerFile=4", "cut.tolerate.jobs=0.1"]
    )
    assert step(changed, "cut").split == SplitField("events", jobs_per_file=4)
    assert step(changed, "cut").tolerate == TolerateField(jobs=0.1)


def test_a_job_that_is_made_smaller_than_its_ranges_is_one_range(document: Document) -> None:
    cut = step(apply_settings(document, ["cut.split.eventsPerJob=4"]), "cut")
    assert cut.split == SplitField(input="events", events_per_job=4)
    both = step(apply_settings(document, ["cut.split.eventsPerJob=4", "cut.split.eventsPerRange=2"]), "cut")
    assert both.split == SplitField(input="events", events_per_job=4, events_per_range=2)


def test_a_field_that_is_not_there_is_made(document: Document) -> None:
    changed = apply_settings(
        document, ["outer/inner.retry.bisect=false", "retry.attempts=7", "helios:retry.grow=2"]
    )
    assert step(changed, "outer", "inner").retry == RetryField(bisect=False)
    assert isinstance(changed.process, Workflow)
    assert changed.process.retry == RetryField(attempts=7, grow=2.0)


def test_a_step_that_merges_may_be_given_a_target(document: Document) -> None:
    assert isinstance(document.process, Workflow)
    with pytest.raises(SettingsError, match="lacks 'input'"):
        apply_settings(document, ["outer/inner.merge.targetSize=2 GB"])
    with pytest.raises(SettingsError, match="'parts' is no input of the step; known: events"):
        apply_settings(document, ["outer/inner.merge.input=parts"])
    assert MergeField("parts") != step(document, "cut").merge


def test_the_digest_follows_the_meaning(document: Document) -> None:
    assert apply_settings(document, []) is document
    assert apply_settings(document, ["cut.split.eventsPerJob=10"]) == document
    once = apply_settings(document, ["cut.split.eventsPerJob=11"])
    assert once.digest != document.digest
    assert apply_settings(document, ["cut.split.eventsPerJob=11"]).digest == once.digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cut.split", "'cut.split' is no setting; the form is STEP.FIELD.KEY=VALUE"),
        ("split=3", "is no setting; the form is"),
        ("cut.splt.eventsPerJob=1", "no field 'splt' can be set; did you mean 'split'?"),
        ("cut.mask.mask=x", "no field 'mask' can be set; known: merge, retry, split, tolerate"),
        ("cut.split.eventPerJob=1", "'split' has no key 'eventPerJob'; did you mean 'eventsPerJob'?"),
        ("cot.split.eventsPerJob=1", "'main' has no step 'cot'; did you mean 'cut'?"),
        ("cut/x.retry.attempts=1", "step 'cut' runs a tool, which has no steps"),
        ("split.eventsPerJob=1", "'split' is a field of a step; the form is STEP.split.eventsPerJob=VALUE"),
        ("cut.split.eventsPerJob=0", "'eventsPerJob' must be a whole number of at least 1, not 0"),
        ("cut.split.eventsPerJob=many", "'eventsPerJob' must be a whole number of at least 1, not 'many'"),
        ("cut.split.eventsPerRange=11", "'eventsPerRange' (11) is more than 'eventsPerJob' (10)"),
        ("cut.split.input=raw", "'raw' is no input of the step; known: events"),
        ("cut.split.count=number", "'tool' must have an input 'number' of type long? or int?"),
        ("cut.retry.bisect=no", "'bisect' must be true or false, not 'no'"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(document: Document, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)) as caught:
        apply_settings(document, [text])
    assert str(caught.value).startswith(repr(text))


def test_a_tool_has_no_fields_to_set(document: Document) -> None:
    tool = load(Path(document.path).with_name("tool.cwl"))
    with pytest.raises(SettingsError, match="'tool' is a tool; only workflows have fields to set"):
        apply_settings(tool, ["retry.attempts=2"])
