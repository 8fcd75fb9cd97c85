"""A CWL document to our frozen nouns: read below a root, checked, upgraded; all its mistakes at once."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from helios_wf.cwl import cache as document_cache
from helios_wf.cwl.cwl_types import uri
from helios_wf.cwl.named_files import content, named_file, named_files
from helios_wf.cwl.overrides import Overrides
from helios_wf.cwl.settings import apply_settings
from helios_wf.cwl.sources import Sources, default_root, home_of
from helios_wf.errors import Problem, TemplateError, UnsupportedError
from helios_wf.model import Document, Json, Place, Process
from helios_wf.model import digest as digest_of

__all__ = ["FieldsError", "apply_settings", "load", "meaning"]

if TYPE_CHECKING:
    from helios_wf.cwl.field_table import FieldTable


class FieldsError(TemplateError):
    """The document is sound CWL, but its ``helios:`` fields do not fit it."""


def load(
    path: str | Path,
    *,
    root: Path | None = None,
    cache: Path | None = None,
    allow_urls: bool = False,
    overrides: Overrides = Overrides(),  # noqa: B008
) -> Document:
    """Returns a document as nouns.

    Args:
        path: A CWL file; ``file.cwl#part`` names one process of a packed document (else ``#main``).
        root: Only files below it are read; by default as ``default_root`` says.
        cache: Folder of documents loaded before; one is used as long as no file that it came from changed.
        allow_urls: Whether ``run``, ``$import`` and ``$include`` may name URLs.
        overrides: Requirements of a job file over those of the document.

    Raises:
        TemplateError: The document is wrong; ``problems`` has every mistake with its place.
        UnsupportedError: It asks for a feature that is not supported.
    """
    name, _, fragment = (os.fspath(path), "", "") if Path(path).exists() else os.fspath(path).partition("#")
    file = _absolute(name)
    root = Path(root).resolve() if root is not None else default_root(file)
    key = document_cache.key(str(file), fragment, str(root), allow_urls, overrides)
    found = document_cache.look_up(cache, key) if cache is not None else None
    if found is not None:
        return found
    sources = Sources(root, allow_urls=allow_urls)
    sources.gather(str(file))
    document = _load(str(file), fragment, sources, overrides)
    if cache is not None:
        document_cache.keep(cache, key, document)
    return document


def _load(path: str, fragment: str, sources: Sources, overrides: Overrides) -> Document:
    from helios_wf.cwl.field_table import read_fields

    shapeless = [root for root in sources.roots if not isinstance(sources.files[root].tree, dict)]
    if shapeless:
        message = "is no CWL document: it must be a map with cwlVersion and class"
        raise TemplateError([Problem(Place(root, 1, 1), message) for root in shapeless])
    table = read_fields(sources)
    problems = [*sources.problems, *table.problems]
    if not problems:
        try:
            return _convert(path, fragment, sources, table, overrides=overrides)
        except FieldsError:
            raise
        except TemplateError:
            pass
    raise TemplateError(_all_problems(path, fragment, sources, table, problems))


def _convert(
    path: str,
    fragment: str,
    sources: Sources,
    table: FieldTable,
    *,
    validate: bool = True,
    overrides: Overrides = Overrides(),  # noqa: B008
) -> Document:
    """Returns the nouns; raises FieldsError when cwltool finds nothing wrong but the fields do not fit."""
    from helios_wf.cwl.convert import Conversion, process_name, version_of
    from helios_wf.cwl.strict import read_process

    source = read_process(path, fragment, sources, validate=validate, overrides=overrides)
    conversion = Conversion(table.fields)
    name = process_name(source.tool, Path(path).stem)
    process = conversion.process(source, Path(path).stem if name == "main" else name)
    if conversion.checks.problems:
        raise FieldsError(conversion.checks.problems)
    named = {
        file: content(file)
        for file in named_files(msgspec.to_builtins(process))
        if Path(file).resolve().is_relative_to(sources.root)
    }
    files = named | {source.path: source.sha256 for source in sources.files.values()}
    digest = meaning(process, path, home_of(Path(path)), named)
    return Document(path, version_of(source), process, files, digest)


def _all_problems(
    path: str, fragment: str, sources: Sources, table: FieldTable, problems: list[Problem]
) -> list[Problem]:
    """Returns the mistakes of all documents together: ours, cwltool's, and those that only nouns show."""
    from helios_wf.cwl.complaints import unique, with_near_source
    from helios_wf.cwl.outline import source_names
    from helios_wf.cwl.strict import STUMBLED, diagnose, read_process

    theirs = [problem for root in sources.roots for problem in diagnose(root, sources)]
    if not theirs:
        with contextlib.suppress(UnsupportedError):
            try:
                read_process(path, fragment, sources)
            except TemplateError as error:
                theirs = list(error.problems)
    if problems:
        theirs = [problem for problem in theirs if not problem.message.startswith(STUMBLED)]
    theirs = [each for each in theirs if not _told(each, sources.problems) and not _astray(each, problems)]
    found = [*problems, *theirs]
    with contextlib.suppress(UnsupportedError):
        try:
            _convert(path, fragment, sources, table, validate=False)
        except FieldsError as error:
            found.extend(error.problems)
        except TemplateError:
            pass
    return unique(with_near_source(problem, lambda file: source_names(sources, file)) for problem in found)


def _told(problem: Problem, told: list[Problem]) -> bool:
    """Says whether a problem only repeats that a file cannot be read."""
    for other in told:
        line = (other.place.file, other.place.line) if other.place else None
        here = (problem.place.file, problem.place.line) if problem.place else None
        if problem.message == other.message or (problem.message.startswith("cannot read") and here == line):
            return True
    return False


def _astray(problem: Problem, told: list[Problem]) -> bool:
    """Says whether a problem only follows from a field that stands where a named part should."""
    from helios_wf.cwl.fields import FIELDS

    for other in told:
        found = re.match(r"'\w+:(\w+)' stands among the", other.message)
        if found is None or other.place is None or problem.place is None:
            continue
        keys = FIELDS[found[1]].keys
        if problem.place.file == other.place.file and (
            problem.place.line == other.place.line
            or any(problem.message.startswith(f"unknown field {key!r}") for key in keys)
        ):
            return True
    return False


def meaning(process: Process, path: str, root: Path, named: Mapping[str, str]) -> str:
    """Returns the digest of a process without places; files below the root count by their relative paths.

    Args:
        process: what the document says.
        path: the document.
        root: the folder that moves with it.
        named: the content of the files that the process names and that may be read, such as a tool's script.
    """
    folder = Path(path).parent

    def relative(value: Json) -> Json:
        if isinstance(value, dict):
            kept = {key: relative(item) for key, item in value.items() if key != "place"}
            file = named_file(value)
            return kept if file is None else {**kept, "content": named.get(file, "")}
        if isinstance(value, list | tuple):
            return [relative(item) for item in value]
        if isinstance(value, str) and value.startswith(uri(root)):
            return os.path.relpath(value, uri(folder))
        return value

    return digest_of(relative(msgspec.to_builtins(process)))


def _absolute(path: str) -> Path:
    """Returns an absolute path without ``..``, symbolic links kept: references start where they are."""
    return Path(os.path.normpath(Path(path).absolute()))
