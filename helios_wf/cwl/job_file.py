"""Job files: the CWL input object of a run, read, checked against its document, and completed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec

from helios_wf.cwl.checks import shown
from helios_wf.cwl.cwl_types import plain_value
from helios_wf.cwl.inputs import listed, loaded
from helios_wf.cwl.job_values import Reader
from helios_wf.cwl.marks import key_place, number
from helios_wf.cwl.ontology import has_expression, named
from helios_wf.errors import InputError, JobError, TemplateError, did_you_mean
from helios_wf.model import Json, Parameter, Process, Workflow

TOOL = "cwl:tool"
REQUIREMENTS = "cwl:requirements"
OVERRIDES = "cwltool:overrides"
MOST_TOLD = 50
"""Mistakes of one job file that are told; a hundred thousand files may all be gone."""

SPECIAL = (TOOL, REQUIREMENTS, OVERRIDES, "$namespaces", "$schemas", "id")
"""Keys of a job file that are no inputs."""


class JobFile(NamedTuple):
    """A job file that was read: the object as written, and where it stands (None: it is no file)."""

    given: Mapping[str, Any]
    path: str | None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.path or "the input object"


Given: TypeAlias = str | Path | Mapping[str, Any] | JobFile | None
"""A YAML or JSON file, one that was read, or the object itself; None for no inputs."""


def read_job(job: Given) -> JobFile:
    """Returns a job file as it is written; it is checked by ``read_inputs``.

    Raises:
        InputError: it cannot be read, or is no map of inputs.
    """
    return job if isinstance(job, JobFile) else JobFile(*_given(job))


def read_inputs(
    job: Given,
    process: Process,
    base_folder: Path | None = None,
    *,
    strict: bool | None = None,
    bound: Mapping[str, Any] | None = None,
) -> dict[str, Json]:
    """Returns the CWL input object of a run: every input of the process, defaults filled in, files found.

    Files have ``location``, ``path``, ``basename``, ``nameroot``, ``nameext``, ``dirname``, ``size`` and the
    secondary files that their input declares; and ``contents`` where an input of a workflow has
    ``loadContents``.  An optional input that is not given is null.

    Args:
        job: The inputs that are given.
        process: What is run.
        base_folder: Where relative paths of an object start (of a file: its own folder).
        strict: Whether an unknown input is an error; by default it is for templates, while other documents
            leave it alone, as CWL runners do (see ``unknown_inputs``).
        bound: Inputs that are bound already, by datasets; they stand over those of the job.

    Raises:
        InputError: Inputs are missing, unknown or of the wrong type, or their files are not there; the
            message names all of them.
    """
    given, file = read_job(job)
    folder = Path(file).parent if file else (base_folder or Path.cwd()).absolute()
    reader = Reader(folder, {**(given.get("$namespaces") or {}), **_namespaces(process)})
    if strict is None:
        strict = isinstance(process, Workflow) and process.template is not None
    problems = _unknown(given, process, file) if strict else []
    result: dict[str, Json] = {}
    for port in process.inputs:
        own = bound[port.name] if bound and port.name in bound else given.get(port.name)
        value, messages = _value(own, port, reader)
        if isinstance(process, Workflow) and not messages:
            value, messages = _loaded(value, port)
        if isinstance(process, Workflow) and not messages:
            messages = _wrong_format(value, port)
        result[port.name] = value
        problems += [f"{_at(given, port.name, file)}input {port.name!r}{message}" for message in messages]
    if problems:
        more = len(problems) - MOST_TOLD
        rest = [f"... and {more:,} more"] if more > 0 else []
        raise InputError("\n".join([*problems[:MOST_TOLD], *rest]))
    return result


def given_names(job: Given) -> set[str]:
    """Returns the names of the inputs that a job gives a value that is not null."""
    given, _ = read_job(job)
    return {str(key) for key, value in given.items() if value is not None and key not in SPECIAL}


def unknown_inputs(job: Given, process: Process) -> list[str]:
    """Returns a line for each input of a job that the process does not have: what a runner warns of."""
    given, file = read_job(job)
    return _unknown(given, process, file)


def asked(document: str, job: str | None) -> tuple[str, JobFile | None]:
    """Returns the document and the job file of a command; a job file alone may name its document itself.

    Raises:
        InputError: the job file cannot be read.
    """
    if job is not None:
        return document, read_job(job)
    tool = tool_of(document)
    return (document, None) if tool is None else (tool, read_job(document))


def tool_of(job: str | Path) -> str | None:
    """Returns the document that a job file itself names with ``cwl:tool``, as a path (with its fragment).

    It is None for what is no job file.
    """
    try:
        if TOOL.encode() not in Path(job).read_bytes():
            return None
    except OSError:
        return None
    given, file = _given(job)
    name = given.get(TOOL)
    if name is None:
        return None
    if not isinstance(name, str):
        raise InputError(f"{_at(given, TOOL, file)}{TOOL!r} must name a document, not {name!r}")
    return os.path.normpath(Path(file or "x").parent / name.removeprefix("file://"))


def _given(job: str | Path | Mapping[str, Any] | None) -> tuple[Mapping[str, Any], str | None]:
    """Returns the object as written, and the file that it was read from."""
    if job is None or isinstance(job, Mapping):
        return job or {}, None
    file = str(Path(job).absolute())
    try:
        text = Path(file).read_text(encoding="utf-8")
        given = _decoded(text, file)
    except OSError as error:
        raise InputError(f"cannot read the job file {file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the job file {file} is no UTF-8 text") from error
    if given is None:
        return {}, file
    if not isinstance(given, dict):
        raise InputError(f"{file}:1:1: a job file is a map of inputs, not a {type(given).__name__}")
    return given, file


def _decoded(text: str, file: str) -> Any:
    """Reads JSON, which is quick, or else YAML, whose lines are known."""
    with contextlib.suppress(msgspec.DecodeError):
        if text.lstrip().startswith("{"):
            return msgspec.json.Decoder(float_hook=number).decode(text)
    from helios_wf.cwl.yaml_text import parse

    try:
        return parse(text, file)
    except TemplateError as error:
        raise InputError(str(error)) from error


def _at(given: Mapping[str, Any], key: str, file: str | None) -> str:
    if file is None:
        return ""
    if key not in given or not hasattr(given, "lc"):
        return f"{file}: "
    return f"{key_place(given, key, file)}: "


def _unknown(given: Mapping[str, Any], process: Process, file: str | None) -> list[str]:
    known = [port.name for port in process.inputs]
    return [
        f"{_at(given, str(key), file)}{process.name!r} has no input {key!r}{did_you_mean(str(key), known)}"
        for key in given
        if key not in known and key not in SPECIAL
    ]


def _namespaces(process: Process) -> Mapping[str, str]:
    if isinstance(process, Workflow):
        return process.namespaces
    found: Mapping[str, str] = process.body.get("$namespaces") or {}
    return found


def _wrong_format(value: Json, port: Parameter) -> list[str]:
    """Returns what is wrong with the formats of an input's files."""
    formats = port.format if isinstance(port.format, list) else [port.format]
    if not port.format or has_expression(formats):
        return []
    found = [
        each
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, dict) and each.get("class") == "File" and each.get("format") not in formats
    ]
    return [
        f": {each.get('path', 'a File literal')} has the format {each['format']}, not {named(formats)}"
        if each.get("format")
        else f": {each.get('path', 'a File literal')} has no format; it must have {named(formats)}"
        for each in found
    ]


def _loaded(value: Json, port: Parameter) -> tuple[Json, list[str]]:
    """Returns an input's value with the contents and listings that it asks for, and what is wrong with it."""
    try:
        return listed(loaded(value, port.name) if port.load_contents else value, port.load_listing), []
    except JobError as error:
        return value, [f": {error}"]


def _value(value: Any, port: Parameter, reader: Reader) -> tuple[Json, list[str]]:
    """Returns an input's value (its default where it is null), and what is wrong with it."""
    if value is None and port.default is not msgspec.UNSET:
        value = plain_value(port.default)
    optional = port.type == "null" or (isinstance(port.type, list) and "null" in port.type)
    if value is None:
        return None, [] if optional else [f" is missing; its type is {shown(port.type)}"]
    read = reader.read(value, port.type, port.secondary_files)
    messages = [f"{misfit.where}: {misfit.message}" for misfit in reader.misfits]
    reader.misfits.clear()
    return read, messages
