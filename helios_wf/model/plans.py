"""What a document becomes before it runs: tasks, the index domains they range over, and sources of values.

An *index path* is a tuple of integers, one for each domain of a task's ``chain``.  A ``Source`` is an
expression that gives a value at an index path; a reader that is mapped over another mapped task ends, after
simplification, with a plain ``JobOutput``, and that is what lets its job start when its own input is there.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from helios_wf.model.documents import (
    ExpressionTool,
    MergeField,
    Output,
    Parameter,
    Place,
    RetryField,
    SplitField,
    TolerateField,
    Tool,
)
from helios_wf.model.event_ranges import Way
from helios_wf.model.noun import Json, Noun

Path: TypeAlias = tuple[int, ...]
"""An index path."""


class RunInput(Noun, frozen=True, tag=True):
    """The value of one of the run's inputs."""

    name: str


class Constant(Noun, frozen=True, tag=True):
    """A value that the document itself gives."""

    value: Json = None


class JobOutput(Noun, frozen=True, tag=True):
    """Output ``port`` of the task's job at the path, cut to the task's depth."""

    task: int
    port: str


class MergeOutput(Noun, frozen=True, tag=True):
    """Output ``port`` of a merge task at the path: one value, or with ``many`` the list of its outputs."""

    task: int
    port: str
    many: bool


class Gathered(Noun, frozen=True, tag=True):
    """The array of the inner source over the indices of ``domain``; ``splice`` joins inner arrays."""

    source: Source
    domain: int
    splice: bool = False


class Element(Noun, frozen=True, tag=True):
    """The element of an array-valued source that the path's index at ``position`` names.

    The array is evaluated at the path cut to ``depth``.
    """

    source: Source
    position: int
    depth: int


class At(Noun, frozen=True, tag=True):
    """The inner source, evaluated at the path made of the given positions of the reader's path."""

    source: Source
    positions: tuple[int, ...]


class Linked(Noun, frozen=True, tag=True):
    """Several sources (or one in a list) joined as ``linkMerge`` says, then reduced as ``pickValue`` says."""

    sources: tuple[Source, ...]
    link_merge: Literal["merge_nested", "merge_flattened"] | None = None
    pick_value: Literal["first_non_null", "the_only_non_null", "all_non_null"] | None = None


class Defaulted(Noun, frozen=True, tag=True):
    """The inner source, or ``value`` where that is null."""

    source: Source
    value: Json


class RangeBound(Noun, frozen=True, tag=True):
    """What a tool is told of the range that the path's index at ``position`` names.

    Its first event, its number of events, or the row index of the file that it is cut from.
    """

    domain: int
    position: int
    which: Literal["first", "count", "index"]


class Guarded(Noun, frozen=True, tag=True):
    """The inner source, or null where the guarding task's job was skipped."""

    source: Source
    task: int


Source: TypeAlias = (
    RunInput
    | Constant
    | JobOutput
    | MergeOutput
    | Gathered
    | Element
    | At
    | Linked
    | Defaulted
    | RangeBound
    | Guarded
)


class Feed(Noun, frozen=True):
    """How one input of a task's jobs gets its value."""

    name: str
    source: Source
    place: Place
    value_from: str | None = None
    load_contents: bool = False
    load_listing: str | None = None


class Axis(Noun, frozen=True):
    """One scattered input of a domain: its array gives the domain's size."""

    port: str
    source: Source


class Cut(Noun, frozen=True):
    """What a split domain cuts: ``file`` (None: nothing but the count), from ``first``, ``count`` events."""

    field: SplitField
    file: Source | None
    first: Source
    count: Source


class Domain(Noun, frozen=True):
    """One dimension of index paths, brought in by a scattered or split step.

    ``chain`` holds the domains outside it; ``axes`` the arrays that must have its size (scatter); ``cut`` how
    it is made of event ranges (split); ``parts`` the task whose jobs' lists of parts have its size.  Its size
    may differ for each path of its chain.
    """

    number: int
    step: str
    place: Place
    chain: tuple[int, ...] = ()
    axes: tuple[Axis, ...] = ()
    cut: Cut | None = None
    parts: int | None = None
    guards: tuple[int, ...] = ()


class Fed(Noun, frozen=True):
    """How the tool of a split step is told its event ranges.

    ``first``, ``count``, ``file`` and ``switch`` are inputs of the tool, as in ``Feeding``.
    """

    way: Way
    first: str
    count: str
    file: str | None = None
    switch: str | None = None


class Task(Noun, frozen=True):
    """One step of the workflow, with sub-workflows inlined.

    ``process`` is None for the entry of a sub-workflow step that has ``when`` or ``valueFrom``: its job only
    evaluates them.  ``guards`` are such tasks around this one.  A task with ``merge`` has jobs at
    ``path + (output, level, group)``.
    """

    number: int
    name: str
    place: Place
    process: Tool | ExpressionTool | None
    feeds: tuple[Feed, ...]
    outputs: tuple[str, ...]
    chain: tuple[int, ...] = ()
    guards: tuple[int, ...] = ()
    when: str | None = None
    javascript: tuple[str, ...] | None = None
    split: int | None = None
    """The split domain whose ranges its jobs read, when there is one."""
    fed: Fed | None = None
    """How its jobs are told event ranges; each of its outputs is then a list of parts, one for each range."""
    merge: MergeField | None = None
    retry: RetryField = RetryField()
    tolerate: TolerateField | None = None


class PlannedOutput(Noun, frozen=True):
    """An output of the run and where its value comes from."""

    output: Output
    source: Source


class Plan(Noun, frozen=True):
    """A document ready to be expanded: everything that does not depend on input values."""

    inputs: tuple[Parameter, ...]
    tasks: tuple[Task, ...]
    domains: tuple[Domain, ...]
    outputs: tuple[PlannedOutput, ...]
    expressions: dict[str, tuple[Place, ...]] = {}
    """Where the text of each expression stands in the document."""
