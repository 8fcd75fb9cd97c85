"""Runs of a template's cases: by helios-wf, by helios-wf in small jobs, and by plain cwltool.

All three must give what the case says: a template means the same without its ``helios:`` fields.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helios_wf.errors import did_you_mean
from helios_wf.lint.cases import CaseFile
from helios_wf.lint.expected import differences
from helios_wf.lint.finding import Finding
from helios_wf.model import Json, Workflow

SMALL_EVENTS = 7
"""Events of a job where a case is run in small ones."""

TIMEOUT_S = 600
"""A run of a case that takes longer is ended."""

_KEYS = ("id", "doc", "label", "tags", "tool", "job", "output", "should_fail")
_UNSUPPORTED = 33


class _Way(NamedTuple):
    """A way to run a case: what it is called, and its command line up to the document.

    ``is_cut``: files are cut into small jobs; ``is_plain``: ``helios:`` fields are not heeded.
    """

    name: str
    argv: tuple[str, ...]
    is_cut: bool = False
    is_plain: bool = False


def run_entries(file: CaseFile, document: Path) -> list[tuple[str, dict[str, Any]]]:
    """Returns the runs of a file of cases that are of a document, each with its key in the file."""
    value = file.reply.value
    return [
        (f"/{index}", entry)
        for index, entry in enumerate(value if isinstance(value, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("tool"), str)
        and (file.path.parent / entry["tool"].partition("#")[0]).resolve() == document.resolve()
    ]


def run_form_findings(file: CaseFile) -> Iterator[Finding]:
    """Yields what is wrong with the form of a file of runs."""
    value = file.reply.value
    if file.reply.problem is not None:
        yield Finding("HW302", file.reply.problem.place or file.place(), file.reply.problem.message)
    elif not isinstance(value, list):
        yield file.wrong("", "must be a list of runs, as cwltest reads it: [{id, doc, tool, job, output}]")
    else:
        for index, entry in enumerate(value):
            yield from _entry_form(file, f"/{index}", entry)


def _entry_form(file: CaseFile, key: str, entry: Json) -> Iterator[Finding]:
    if not isinstance(entry, dict):
        yield file.wrong(key, "must be a map with id, doc, tool, job and output")
        return
    for word in entry:
        if word not in _KEYS:
            yield file.wrong(f"{key}/{word}", f"unknown key {word!r}{did_you_mean(word, _KEYS)}")
    for word in ("tool", "job"):
        given = entry.get(word)
        if given is None and word == "job":
            continue
        if not isinstance(given, str) or not (file.path.parent / given.partition("#")[0]).is_file():
            yield file.wrong(f"{key}/{word}", f"{word!r} must name a file beside this one, not {given!r}")
    if not isinstance(entry.get("output"), dict) and not entry.get("should_fail"):
        yield file.wrong(key, "lacks 'output', the output object that any CWL runner gives")


def run_findings(file: CaseFile, key: str, entry: Mapping[str, Any], workflow: Workflow) -> Iterator[Finding]:
    """Runs a case in every way, and yields those that do not give its output.

    Args:
        file: of the case, whose form is right.
        key: of the case in it.
        entry: the case.
        workflow: the template.
    """
    for way in _ways(workflow):
        with tempfile.TemporaryDirectory(prefix="helios-case-") as scratch:
            told = _run(way, file.path.parent, entry, Path(scratch), workflow)
        if told is not None:
            files = [entry["tool"], *([entry["job"]] if entry.get("job") else [])]
            shown = shlex.join([*_short(way.argv), *(str(file.path.parent / name) for name in files)])
            message = f"case {entry.get('id', key[1:])!r} by {way.name}: {told}; to see it: {shown}"
            yield Finding("HW304", file.place(key), message)


def _ways(workflow: Workflow) -> Iterator[_Way]:
    ours = (sys.executable, "-P", "-m", "helios_wf", "run", "--quiet")
    yield _Way("helios-wf", ours)
    small = []
    for step in workflow.steps:
        if step.split is not None and step.split.events_per_job is not None:
            small += ["--set", f"{step.name}.split.eventsPerJob={SMALL_EVENTS}"]
            if step.split.events_per_range is not None:
                small += ["--set", f"{step.name}.split.eventsPerRange={SMALL_EVENTS}"]
    if small:
        yield _Way(f"helios-wf in jobs of {SMALL_EVENTS} events", (*ours, *small), is_cut=True)
    yield _Way("cwltool", (sys.executable, "-P", "-m", "cwltool", "--disable-color"), is_plain=True)


def _short(argv: tuple[str, ...]) -> list[str]:
    """Returns a command line as people type it."""
    return [argv[3].replace("_", "-"), *(word for word in argv[4:] if not word.startswith("--disable"))]


def _unnamed(value: Json) -> Json:
    """Returns expected files without their names."""
    if isinstance(value, list):
        return [_unnamed(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {key: each for key, each in value.items() if key not in ("basename", "location", "path")}


def _run(way: _Way, folder: Path, entry: Mapping[str, Any], scratch: Path, workflow: Workflow) -> str | None:
    """Returns what is wrong with a run of a case; None where it gives what it should."""
    files = [str(folder / entry["tool"]), *([str(folder / entry["job"])] if entry.get("job") else [])]
    home = [] if way.is_plain else ["--home", str(scratch / "home")]
    # as where helios-wf is called: events programs stand beside the interpreter
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HELIOS_")}
    argv = [*way.argv, *home, "--outdir", str(scratch / "out"), *files]
    try:
        done = subprocess.run(
            argv,
            cwd=scratch,
            env={**environment, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it takes more than {TIMEOUT_S} s"
    if entry.get("should_fail"):
        return "it must fail, and did not" if done.returncode == 0 else None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        what = "does not support it" if done.returncode == _UNSUPPORTED else f"ended with {done.returncode}"
        return f"it {what}: {''.join(last)}"
    return _difference(way, json.loads(done.stdout), entry["output"], workflow)


def _difference(
    way: _Way, found: Mapping[str, Json], expected: Mapping[str, Json], workflow: Workflow
) -> str | None:
    wanted = dict(expected)
    if not way.is_plain:
        # what becomes a dataset gets names of the dataset
        for output in workflow.outputs:
            if output.dataset is not None and output.name in wanted:
                wanted[output.name] = _unnamed(wanted[output.name])
    if way.is_cut:
        # the same events, perhaps in other files: as many as the ranges
        for name, value in expected.items():
            given = found.get(name)
            if isinstance(value, list) and isinstance(given, list) and len(value) != len(given):
                del wanted[name]
    return "; ".join(differences(dict(found), wanted)) or None
