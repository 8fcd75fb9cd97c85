"""What the outputs of a run are called: datasets, logs, and the files in them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from helios_wf.errors import MaskError
from helios_wf.masks import NamePattern
from helios_wf.match.parts import STEP, is_array, values
from helios_wf.model import Json, Output, Workflow

FILE = "{dataset}{ext}"
"""How the file of an output ``File`` is called by default."""
FILES = "{dataset}.{index:06d}{ext}"
"""How the files of an output array are called by default."""

_COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4"})


def name_parts(
    workflow: Workflow, captures: Mapping[str, Json], inputs: Mapping[str, Json], run_id: str | None = None
) -> dict[str, Json]:
    """Returns the values of all name parts of a run; give them to ``file_names``.

    Args:
        workflow: the template.
        captures: of the match; empty for a run that a job file binds.
        inputs: the input object of the run; its scalars are parts, but a capture of the same name goes first.
        run_id: None where there is no run yet.
    """
    return values(workflow, captures, inputs, run_id)


def output_names(
    workflow: Workflow,
    captures: Mapping[str, Json],
    inputs: Mapping[str, Json],
    run_id: str | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Returns the datasets that outputs become, and those of the steps' logs.

    An output is left out when a part of its name has no value (a job file bound the masked input, so there
    are no captures): it is returned but not published.  In the name of a log, ``/`` in the name of a step
    inside a sub-workflow becomes ``-``.

    Raises:
        MaskError: a value does not fit, or two outputs would become one dataset.
    """
    parts = values(workflow, captures, inputs, run_id)
    names: dict[str, str] = {}
    for output in workflow.outputs:
        if output.dataset is not None:
            pattern = NamePattern.parse(output.dataset.dataset)
            if parts.keys() >= set(pattern.parts):
                names[output.name] = pattern.build(parts)
    logs: dict[str, str] = {}
    if workflow.template is not None and workflow.template.logs is not None:
        pattern = NamePattern.parse(workflow.template.logs)
        if parts.keys() | {STEP} >= set(pattern.parts):
            logs = {step: pattern.build({**parts, STEP: log_step(step)}) for step in tool_steps(workflow)}
    _check_apart({**{f"output {key!r}": name for key, name in names.items()}, **_logs_of(logs)})
    return names, logs


def log_step(step: str) -> str:
    """Returns the part ``{step}`` for a step."""
    return step.replace("/", "-")


def tool_steps(workflow: Workflow, prefix: str = "") -> Iterator[str]:
    """Yields the names of all steps that run tools, those in sub-workflows as ``step/inner``."""
    for step in workflow.steps:
        if isinstance(step.run, Workflow):
            yield from tool_steps(step.run, f"{prefix}{step.name}/")
        else:
            yield f"{prefix}{step.name}"


def file_names(
    workflow: Workflow,
    output: str,
    dataset: str,
    basenames: Sequence[str],
    single: bool | None = None,
    parts: Mapping[str, Json] | None = None,
) -> list[str]:
    """Returns the names of a dataset's files, in their order.

    ``{dataset}`` is the dataset's name with ``/`` and ``:`` as ``.``; ``{index}`` counts from 0; ``{ext}`` is
    the suffix of the tool's file (``.gz`` and its like together with the one before: ``.csv.gz``), ``{stem}``
    what stands before it, and ``{basename}`` both.

    Args:
        workflow: the template.
        output: the name of its output.
        dataset: the name of the dataset that the output became.
        basenames: how the tool called the files.
        single: whether the output is one File; None: as its type says.
        parts: the other name parts of the run (``name_parts``).

    Raises:
        MaskError: a name is none, or two files would have the same.
    """
    port = next(each for each in workflow.outputs if each.name == output)
    pattern = file_pattern(port, not is_array(port.type) if single is None else single)
    names = []
    for index, basename in enumerate(basenames):
        stem, ext = _suffix(basename)
        own = {"dataset": _flat(dataset), "index": index, "ext": ext, "stem": stem, "basename": basename}
        names.append(pattern.build({**(parts or {}), **own}))
    if len(set(names)) < len(names):
        _refuse_equal(pattern, dataset, basenames, names)
    return names


def file_pattern(output: Output, single: bool) -> NamePattern:
    """Returns how the files of an output are called.

    Raises:
        MaskError: its ``files`` is wrong.
    """
    text = output.dataset.files if output.dataset is not None else None
    return NamePattern.parse(text or (FILE if single else FILES), use="file")


def _suffix(basename: str) -> tuple[str, str]:
    stem, ext = posixpath.splitext(basename)
    if ext in _COMPRESSED:
        inner, before = posixpath.splitext(stem)
        return inner, before + ext
    return stem, ext


def _flat(dataset: str) -> str:
    return dataset.replace("/", ".").replace(":", ".")


def _refuse_equal(pattern: NamePattern, dataset: str, basenames: Sequence[str], names: Sequence[str]) -> None:
    first: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in first:
            raise MaskError(
                f"dataset {dataset!r}: files {first[name]} ({basenames[first[name]]!r}) and {index} "
                f"({basenames[index]!r}) would both be called {name!r}; "
                f"put {{index:06d}} into {pattern.text!r}"
            )
        first[name] = index


def _logs_of(logs: Mapping[str, str]) -> dict[str, str]:
    return {f"the logs of step {step!r}": name for step, name in logs.items()}


def _check_apart(names: Mapping[str, str]) -> None:
    taken: dict[str, str] = {}
    for what, name in names.items():
        if name in taken:
            raise MaskError(
                f"{taken[name]} and {what} would both become dataset {name!r}; give them two names"
            )
        taken[name] = what
