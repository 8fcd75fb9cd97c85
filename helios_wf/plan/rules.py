"""What a plan must not be: parts read as plain arrays, cuts that come too late, merges without one output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from helios_wf.errors import Problem
from helios_wf.model import ExpressionTool, Output, SplitField, Step, Tool, Workflow
from helios_wf.model.plans import Feed, Gathered, MergeOutput, Source
from helios_wf.plan.algebra import parts_of

IsCut = Callable[[int], bool]
"""Says of a domain whether its size depends on how files were cut."""

_PARTS_MAY = (
    "parts may be read by a helios:merge input, by a step that scatters over them and nothing else, or by a "
    "File[] output with helios:dataset"
)
_PARTS = (
    "{what} reads the parts of a split step as a plain array, whose length depends on how files are cut; "
    + _PARTS_MAY
)


def is_evaluated(feed: Feed) -> bool:
    """Says whether a feed's value is known only when a job starts."""
    return bool(feed.value_from or feed.load_contents or feed.load_listing)


def plain_reads(step: Step, feeds: Mapping[str, Feed], is_cut: IsCut) -> Iterator[Problem]:
    """Yields a problem for each input that reads parts as an array (scattered inputs: element by element)."""
    evaluated = step.when is not None or any(is_evaluated(feed) for feed in feeds.values())
    for name, feed in feeds.items():
        if name in step.scatter and not isinstance(feed.source, Gathered):
            continue
        merges = step.merge is not None and step.merge.input == name
        passes = isinstance(step.run, Workflow) and not evaluated
        if parts_of(feed.source, is_cut) and not merges and not passes:
            yield Problem(feed.place, _PARTS.format(what=f"input {name!r} of step {step.name!r}"))


def scattered_parts(step: Step, feeds: Mapping[str, Feed], is_cut: IsCut) -> Iterator[Problem]:
    """Yields a problem for each scattered array whose own length depends on how files were cut.

    It is for steps that could not take over the domain of the split.  Outputs of one merge may be scattered.
    """
    sources = [feeds[port].source for port in step.scatter]
    merges = {s.task if isinstance(s, MergeOutput) and s.many else -1 for s in sources}
    if len(merges) == 1 and -1 not in merges and step.scatter_method == "dotproduct":
        return
    for port, source in zip(step.scatter, sources, strict=True):
        outer = isinstance(source, Gathered) and not source.splice and not is_cut(source.domain)
        if not outer and parts_of(source, is_cut):
            how = (
                "together with other arrays"
                if len(sources) > 1
                else "behind a condition, join or outer scatter"
            )
            text = f"step {step.name!r} scatters over the parts in {port!r} {how}"
            yield Problem(feeds[port].place, f"{text}; {_PARTS_MAY}")


def late_cuts(step: Step, field: SplitField, feeds: Mapping[str, Feed], of_parts: bool) -> Iterator[Problem]:
    """Yields a problem for each input of a split that is evaluated for each job: files are cut before.

    Of parts (``of_parts``) nothing may be bounded: which events that are depends on the cut before.
    """
    for bound in (field.first, field.count) if of_parts else ():
        if bound in feeds:
            text = f"input {bound!r} of step {step.name!r} bounds what is cut of each part of a split step"
            yield Problem(feeds[bound].place, f"{text}; which events those are depends on how files were cut")
    for name in (field.input, field.first, field.count):
        if name is not None and name in feeds and is_evaluated(feeds[name]):
            text = f"input {name!r} of step {step.name!r} has valueFrom, loadContents or loadListing"
            yield Problem(
                feeds[name].place,
                f"{text}, which are evaluated for each job; files are cut into jobs before that: bind it "
                "with 'source' or 'default'",
            )


def merges_on(step: Step, process: Workflow | Tool | ExpressionTool) -> Iterator[Problem]:
    """Yields what keeps a step from being a merge."""
    if step.merge is None:
        return
    if isinstance(process, Workflow):
        yield Problem(step.place, "helios:merge stands on a sub-workflow; it needs a tool")
        return
    if step.tolerate is not None and step.tolerate.jobs is not None:
        yield Problem(
            step.place,
            f"step {step.name!r} has helios:merge and helios:tolerate with 'jobs'; a job of a merge that is "
            "lost loses all that was merged: let the steps before it tolerate losses",
        )
    if step.merge.max_inputs is not None and len(process.outputs) != 1:
        files = [output.name for output in process.outputs if output.type in ("File", "stdout")]
        yield Problem(
            step.place,
            f"maxInputs merges in a tree, so the tool of step {step.name!r} must have one output of type "
            f"File; it has {len(process.outputs)} ({len(files)} of type File)",
        )


def output_of_parts(output: Output, source: Source, is_cut: IsCut) -> Iterator[Problem]:
    """Yields a problem where an output of the document shows parts and is no dataset."""
    if parts_of(source, is_cut) and output.dataset is None:
        yield Problem(output.place, _PARTS.format(what=f"output {output.name!r}"))
