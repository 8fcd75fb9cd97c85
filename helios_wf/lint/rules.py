"""Every rule, by its code.  Codes are stable: one that is given up is not used again."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from helios_wf.errors import UserError, did_you_mean


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """wrong: the exit code is 1"""
    WARNING = "warning"
    """better mended: the exit code is 1 with ``--strict``"""


class Rule(NamedTuple):
    """A rule: ``name`` says in a word or two what it is about, the rest stands in ``docs/curation.md``."""

    name: str
    severity: Severity
    what: str
    why: str
    mend: str
    optional: bool = True
    """Whether it can be switched off."""


_E, _W = Severity.ERROR, Severity.WARNING

RULES: dict[str, Rule] = {
    "HW001": Rule(
        "wrong-document",
        _E,
        "The document is no CWL, or its helios: fields are wrong.",
        "Nothing can run it.",
        "The message says what would be right.",
        optional=False,
    ),
    "HW002": Rule(
        "unsupported",
        _E,
        "The document asks for a part of CWL that helios-wf does not support.",
        "It cannot be run here, though perhaps elsewhere.",
        "Do without it.",
        optional=False,
    ),
    "HW003": Rule(
        "wrong-names",
        _E,
        "Masks, names or the reading of parts are wrong.",
        "A run would stop, or two runs would write one dataset.",
        "The message says what would be right.",
        optional=False,
    ),
    "HW004": Rule(
        "templates-clash",
        _E,
        "Two templates share a version, one has two ACTUAL ones, or templates start each other for ever.",
        "It is not clear which is meant, or there is no end.",
        "Give one of them another version or status, or an output another name.",
        optional=False,
    ),
    "HW101": Rule(
        "extension-class",
        _E,
        "A helios: word stands among requirements or hints.",
        "Other CWL runners refuse unknown requirements, and warn of unknown hints.",
        "Write it as a field, beside `inputs` and `steps`.",
    ),
    "HW102": Rule(
        "foreign-requirement",
        _W,
        "A requirement is an extension of another CWL runner.",
        "All others refuse the document.",
        "Move it to `hints`, if the tool can do without.",
    ),
    "HW103": Rule(
        "image-not-pinned",
        _W,
        "A container image is named without its digest.",
        "A tag can lead to another image tomorrow; results then change without a new version.",
        "Append the digest: `image:tag@sha256:...` (`docker buildx imagetools inspect IMAGE` shows it).",
    ),
    "HW104": Rule(
        "remote-reference",
        _E,
        "`run`, `$import`, `$include` or `$mixin` names a URL.",
        "What lies there can change, or be gone, and it is not in the history of the repository.",
        "Copy the document into the repository.",
    ),
    "HW105": Rule(
        "absolute-path",
        _E,
        "A default File or Directory has an absolute path.",
        "It is there on one machine only.",
        "Put the file beside the document and name it by a relative `location`, or make it an input.",
    ),
    "HW106": Rule(
        "old-version",
        _W,
        "The cwlVersion is v1.0 or v1.1.",
        "`when`, `pickValue` and much of what is written about CWL are of v1.2.",
        "Write `cwlVersion: v1.2`; `cwl-upgrader` mends what has changed.",
    ),
    "HW201": Rule(
        "no-label",
        _W,
        "A document has neither label nor doc.",
        "Lists and reports show nothing that says what it does.",
        "Add `label:` with one line.",
    ),
    "HW202": Rule(
        "template-without-doc",
        _W,
        "A template has no doc.",
        "Who finds its datasets wants to know how they were made.",
        "Add `doc:` with what it does, and to which data.",
    ),
    "HW203": Rule(
        "port-without-label",
        _W,
        "An input or output of a template has neither label nor doc.",
        "Its type does not say what it means, or in which unit.",
        "Add `label:` to it.",
    ),
    "HW204": Rule(
        "needless-javascript",
        _W,
        "JavaScript does what a parameter reference does.",
        "References need no JavaScript engine, and are evaluated much quicker.",
        "Write what the message says.",
    ),
    "HW205": Rule(
        "needless-requirement",
        _W,
        "A tool has InlineJavascriptRequirement, and no JavaScript.",
        "Readers look for what is not there.",
        "Take it away.",
    ),
    "HW206": Rule(
        "one-name-twice",
        _W,
        "Two of the inputs, steps and outputs of a workflow have one name.",
        "In CWL they share one identifier: cwltool warns, and takes one for the other.",
        "Give one of them another name.",
    ),
    "HW207": Rule(
        "unused-input",
        _W,
        "An input of a workflow is used by no step, output or name.",
        "Who sets it expects an effect.",
        "Use it, or take it away.",
    ),
    "HW208": Rule(
        "unused-step",
        _W,
        "Nothing uses what a step makes.",
        "It costs time for nothing, or an output was forgotten.",
        "Make an output of it, or take the step away.",
    ),
    "HW209": Rule(
        "output-without-dataset",
        _W,
        "Files that a template with masks returns become no dataset.",
        "They are left in a folder of the run; no other template can take them.",
        "Give the output `helios:dataset`.",
    ),
    "HW210": Rule(
        "masks-overlap",
        _W,
        "The masks of two ACTUAL templates take the same names.",
        "One dataset then starts two runs.",
        "Make the masks narrower, or `exclude` what belongs to the other; ignore it where it is meant.",
    ),
    "HW211": Rule(
        "odd",
        _W,
        "cwltool warns of something in the document.",
        "It is legal, and seldom meant.",
        "The message says what is odd.",
    ),
    "HW301": Rule(
        "no-cases",
        _W,
        "An ACTUAL template has no cases of names.",
        "Nobody sees when a change of a mask takes other datasets than before.",
        "Write a `cases.yml` beside it: names that it takes, names that it must not take.",
    ),
    "HW302": Rule(
        "wrong-cases",
        _E,
        "A file of cases cannot be read, or has another form.",
        "It checks nothing.",
        "The message says what would be right.",
    ),
    "HW303": Rule(
        "name-case-fails",
        _E,
        "A template takes, refuses or names other datasets than its cases say.",
        "Datasets would be left out, taken by mistake, or get other names.",
        "Mend the mask or name; or the case, and give the template a new version.",
    ),
    "HW304": Rule(
        "run-case-fails",
        _E,
        "A run of a case fails or gives another output, by helios-wf or by cwltool.",
        "The template is wrong, or means something else without its helios: fields.",
        "Run it by hand with the command of the message.",
    ),
    "HW305": Rule(
        "no-run-case",
        _W,
        "An ACTUAL template has no run among its cases.",
        "That its tools fit together, also in plain CWL, is seen only when data arrive.",
        "Write a `cwltest.yml` beside it, with small files.",
    ),
    "HW401": Rule(
        "changed-version",
        _E,
        "A template was changed, and has the version under which it was ACTUAL before (with `--changed`).",
        "Datasets of one version would be made in two ways.",
        "Raise `version`, and take back the change of the old document if both are to stay.",
    ),
}


def known_codes(codes: tuple[str, ...]) -> frozenset[str]:
    """Returns codes to be ignored, each checked.

    Raises:
        UserError: there is no such rule, or it cannot be switched off.
    """
    for code in codes:
        if code not in RULES:
            raise UserError(f"no rule {code!r}{did_you_mean(code, RULES)}")
        if not RULES[code].optional:
            raise UserError(f"{code} ({RULES[code].name}) cannot be switched off: {RULES[code].why}")
    return frozenset(codes)
