"""Files and folders looked at by every rule: each document by itself, all together, and their cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from helios_wf.cwl.load import load
from helios_wf.cwl.sources import default_root
from helios_wf.errors import Problem, TemplateError, UnsupportedError
from helios_wf.lint import apart, case_runs, cases
from helios_wf.lint.finding import Finding, of, position
from helios_wf.lint.ignoring import kept
from helios_wf.lint.meant import meant_findings
from helios_wf.lint.since import changed_findings, touched
from helios_wf.model import Document, Place, Workflow
from helios_wf.repository import check, documents_in, search_paths


class Wanted(NamedTuple):
    """What is to be looked at, and how.

    Args:
        root: below which documents may be read; None: the project of each.
        cache: folder of documents loaded before.
        ignore: codes of rules that are switched off.
        changed: a git revision: only documents changed since, those that they are part of, and their cases.
        run_cases: whether the runs among the cases are run.
    """

    root: Path | None = None
    cache: Path | None = None
    ignore: frozenset[str] = frozenset()
    changed: str | None = None
    run_cases: bool = False


class Examined(NamedTuple):
    """What was looked at, and what was found: by place, each once."""

    documents: tuple[Path, ...]
    findings: tuple[Finding, ...]


class _Loaded(NamedTuple):
    """The documents of some files, and why the others could not be loaded."""

    documents: dict[Path, Document]
    errors: dict[Path, TemplateError | UnsupportedError]


def examine(paths: Sequence[str | Path], wanted: Wanted = Wanted()) -> Examined:  # noqa: B008
    """Returns what all rules find in documents, and in those of folders.

    Raises:
        UserError: a path is not there, or ``changed`` is no revision.
    """
    files = [_absolute(path) for path in documents_in(search_paths(paths))]
    if files:
        apart.begin()
    loaded = _load(files, wanted)
    chosen: Sequence[Path] = files
    changed: list[Finding] = []
    if wanted.changed is not None:
        chosen = touched(files, loaded.documents, wanted.changed)
        changed = changed_findings(chosen, loaded.documents, wanted.changed)
    documents = list(loaded.documents.values())

    def is_wanted(finding: Finding) -> bool:
        # what cwltool warns of lies between documents as well
        return _is_in(finding, chosen) or (finding.code == "HW211" and wanted.changed is None)

    findings = [
        *(one for file in chosen if file in loaded.errors for one in _of_error(file, loaded.errors[file])),
        *_together(documents, chosen, is_all=wanted.changed is None),
        *_written(chosen, wanted.root),
        *(one for document in documents for one in meant_findings(document) if is_wanted(one)),
        *changed,
    ]
    wrong = {one.place.file for one in findings if one.place and not one.rule.optional}
    for file in chosen:
        document = loaded.documents.get(file)
        if document is not None and str(file) not in wrong:
            findings += _cases(document, wanted)
    found = set(kept(findings, wanted.ignore))
    remote = {finding.place for finding in found if finding.code == "HW104"}
    found = {one for one in found if one.code != "HW001" or one.place not in remote}
    return Examined(tuple(chosen), tuple(sorted(found, key=position)))


def _absolute(path: Path) -> Path:
    """Returns the absolute path of a file as its places name it."""
    return Path(os.path.normpath(path.absolute()))


def _load(files: Iterable[Path], wanted: Wanted) -> _Loaded:
    loaded = _Loaded({}, {})
    for file in files:
        try:
            loaded.documents[file] = load(file, root=wanted.root, cache=wanted.cache)
        except (TemplateError, UnsupportedError) as error:
            loaded.errors[file] = error
    return loaded


def _of_error(file: Path, error: TemplateError | UnsupportedError) -> Iterator[Finding]:
    if isinstance(error, TemplateError):
        yield from (of("HW001", problem) for problem in error.problems)
    else:
        yield of("HW002", Problem(Place(str(file), 1, 1), str(error).removeprefix(f"{file}: ")))


def _together(documents: Sequence[Document], chosen: Sequence[Path], *, is_all: bool) -> Iterator[Finding]:
    checked = check(documents)
    for code, problems in (
        ("HW003", checked.alone),
        ("HW004", checked.together),
        ("HW210", checked.warnings),
    ):
        for problem in problems:
            finding = of(code, problem)
            if is_all or code == "HW004" or _is_in(finding, chosen):
                yield finding


def _is_in(finding: Finding, files: Sequence[Path]) -> bool:
    return finding.place is None or Path(finding.place.file) in files


def _written(files: Sequence[Path], root: Path | None) -> Iterator[Finding]:
    requests = [apart.Request(str(file), str(root or default_root(file))) for file in files]
    for reply in apart.ask(requests):
        # a file that cannot be read was told of already
        yield from reply.findings


def _cases(document: Document, wanted: Wanted) -> Iterator[Finding]:
    """Yields what the cases of a template find."""
    process = document.process
    if not isinstance(process, Workflow) or process.template is None:
        return
    path = Path(document.path)
    names = _read(path, cases.NAMES, wanted.root, cases.form_findings)
    runs = _read(path, cases.RUNS, wanted.root, case_runs.run_form_findings)
    yield from (*names.findings, *runs.findings)
    own = [file for file in names.sound if cases.is_of(file, path)]
    entries = [(file, *entry) for file in runs.sound for entry in case_runs.run_entries(file, path)]
    if not (names.findings or runs.findings):
        yield from cases.missing_findings(document, bool(own), bool(entries))
    for file in own:
        yield from cases.name_findings(file, process)
    if wanted.run_cases:
        for file, key, entry in entries:
            yield from case_runs.run_findings(file, key, entry, process)


class _CaseFiles(NamedTuple):
    """The files of cases beside a document whose form is right, and what is wrong with the others."""

    sound: list[cases.CaseFile]
    findings: list[Finding]


def _read(
    document: Path, suffix: str, root: Path | None, form: Callable[[cases.CaseFile], Iterator[Finding]]
) -> _CaseFiles:
    found = cases.files_beside(document, suffix)
    requests = [apart.Request(str(file), str(root or default_root(file)), False) for file in found]
    read = _CaseFiles([], [])
    for path, reply in zip(found, apart.ask(requests), strict=True):
        file = cases.CaseFile(path, reply)
        wrong = list(form(file))
        read.findings.extend(wrong)
        if not wrong:
            read.sound.append(file)
    return read
