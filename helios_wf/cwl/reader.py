"""The process in which documents are read: ``python -m helios_wf.cwl.reader SECONDS [DOCUMENT]``.

It imports cwltool once, and reads each document in a child of its own.  Whatever a document makes its
reader do, it does there, within limits of time and memory.  Lines in: a ``Request``; lines out: a ``Reply``,
both JSON.
"""

from __future__ import annotations

import contextlib
import re
import sys
import traceback
from pathlib import Path

import msgspec

from helios_wf.cwl.complaints import unique, with_near_source
from helios_wf.cwl.convert import Conversion, process_name, version_of
from helios_wf.cwl.field_table import FieldTable, read_fields
from helios_wf.cwl.fields import FIELDS
from helios_wf.cwl.limits import READER_MB
from helios_wf.cwl.outline import source_names
from helios_wf.cwl.overrides import Overrides
from helios_wf.cwl.places import expression_places
from helios_wf.cwl.reading import Answer, Reply, Request, failed
from helios_wf.cwl.sources import Sources
from helios_wf.cwl.strict import EXTENSIONS, STUMBLED, diagnose, read_process, warm_up
from helios_wf.errors import FieldsError, Problem, TemplateError, UnsupportedError
from helios_wf.forking import serve_forked
from helios_wf.model import Place, Remark

_VERSION = re.compile(rb"cwlVersion[\"']?\s*:\s*[\"']?(v1\.[012])\b")
_LOOKED_AT = 1 << 16

IDLE_S = 2.0
"""Seconds without a request after which the process ends: it is large, and a run does not need it."""


def read(path: str, fragment: str, sources: Sources, overrides: Overrides) -> Answer:
    """Returns what a document says.

    Args:
        path: the document.
        fragment: names one process of a packed one; empty: ``#main``.
        sources: below whose root it and what it refers to is read.
        overrides: requirements of a job file over those of the document.

    Raises:
        TemplateError: It is wrong; ``problems`` has every mistake with its place.
        UnsupportedError: It asks for a feature that is not supported.
    """
    sources.gather(path)
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
) -> Answer:
    """Returns the nouns; raises FieldsError when cwltool finds nothing wrong but the fields do not fit."""
    source = read_process(path, fragment, sources, validate=validate, overrides=overrides)
    conversion = Conversion(table.fields)
    name = process_name(source.tool, Path(path).stem)
    process = conversion.process(source, Path(path).stem if name == "main" else name)
    if conversion.checks.problems:
        raise FieldsError(conversion.checks.problems)
    places = expression_places(msgspec.to_builtins(process), sources.files)
    files = {source.path: source.sha256 for source in sources.files.values()}
    warnings = tuple(Remark(warning.place, warning.message) for warning in sources.warnings)
    return Answer(version_of(source), process, files, places, warnings)


def _all_problems(
    path: str, fragment: str, sources: Sources, table: FieldTable, problems: list[Problem]
) -> list[Problem]:
    """Returns the mistakes of all documents together: ours, cwltool's, and those that only nouns show."""
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


def reply(request: Request) -> Reply:
    """Returns the reply to a request."""
    sources = Sources(Path(request.root), allow_urls=request.allow_urls)
    try:
        return Reply(answer=read(request.path, request.fragment, sources, request.overrides))
    except TemplateError as error:
        told = [Remark(problem.place, problem.message) for problem in error.problems]
        return Reply(problems=told, fields_only=isinstance(error, FieldsError))
    except UnsupportedError as error:
        return Reply(unsupported=str(error))
    except MemoryError:
        message = f"reading it needs more than {READER_MB} MiB of memory"
    except RecursionError:
        message = "it nests too deeply"
    except Exception as error:
        message = f"internal error: {type(error).__name__}: {error}\n{traceback.format_exc()}"
    return Reply(problems=[Remark(Place(request.path, 1, 1), message)])


def prepare(document: str) -> None:
    """Loads the schema that a document will want, for this process and all its children."""
    with contextlib.suppress(OSError):
        path = Path(document)
        # a pipe would be waited for
        if path.is_file():
            with path.open("rb") as stream:
                head = stream.read(_LOOKED_AT)
            versions = {found.decode() for found in _VERSION.findall(head)}
            warm_up(versions, with_extensions=EXTENSIONS.encode() in head)


def main(limit_s: float, *expected: str) -> None:
    """Serves until standard input ends, or nobody asks any more; gets ready for the documents it expects."""
    for document in expected:
        prepare(document)
    decode = msgspec.json.Decoder(Request).decode
    encode = msgspec.json.encode
    serve_forked(
        lambda line: encode(reply(decode(line))),
        lambda line, died: encode(failed(decode(line), died, limit_s)),
        limit_s,
        READER_MB,
        IDLE_S,
        lambda line: prepare(decode(line).path),
    )


if __name__ == "__main__":
    main(float(sys.argv[1]), *sys.argv[2:])
