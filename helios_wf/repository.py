"""A repository of templates: found in folders, checked by themselves and together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from helios_wf import resources
from helios_wf.cwl.load import load
from helios_wf.errors import HeliosError, Problem, TemplateError
from helios_wf.model import Document, Workflow

SUFFIXES = (".cwl",)
MARK = "template"
"""A file without this word holds no template; it is not loaded."""

SKIPPED = {"node_modules", "__pycache__"}


class Found(NamedTuple):
    """The templates of some folders, and the files among them that could not be loaded."""

    templates: tuple[Document, ...]
    errors: dict[str, HeliosError]


class Checked(NamedTuple):
    """What is wrong with documents, each by itself, and with templates together.

    ``warnings`` are what may be meant: masks that overlap.
    """

    alone: tuple[Problem, ...]
    together: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong."""
        return self.alone + self.together


def search_paths(given: Sequence[str | Path] = ()) -> list[Path]:
    """Returns where templates are looked for: the paths given, else ``./templates``, else the shipped ones.

    Raises:
        TemplateError: A path that was given does not exist.
    """
    if given:
        missing = [str(path) for path in given if not Path(str(path).partition("#")[0]).exists()]
        if missing:
            raise TemplateError([Problem(None, f"no such file or folder: {path}") for path in missing])
        return [Path(path) for path in given]
    here = Path("templates")
    return [here] if here.is_dir() else [resources.templates()]


def find(paths: Iterable[str | Path], *, root: Path | None = None, cache: Path | None = None) -> Found:
    """Returns the templates in folders (searched deeply) and files, in the order of their paths.

    A file that cannot be loaded does not stop the search; its error is kept.

    Args:
        paths: Folders and documents.
        root: Below which documents may be read; by default the project of each.
        cache: Folder of documents loaded before.
    """
    templates: dict[str, Document] = {}
    errors: dict[str, HeliosError] = {}
    for file in documents_in(paths):
        if not _may_hold_template(file):
            continue
        try:
            document = load(file, root=root, cache=cache)
        except HeliosError as error:
            errors[str(file)] = error
            continue
        if isinstance(document.process, Workflow) and document.process.template is not None:
            templates[document.path] = document
    return Found(tuple(templates.values()), errors)


def documents_in(paths: Iterable[str | Path]) -> Iterator[Path]:
    """Yields the CWL documents in folders, sorted, and the files given as they are; each once."""
    seen: set[str] = set()
    for path in paths:
        for file in _below(Path(path)) if Path(path).is_dir() else [Path(path)]:
            name = str(file.absolute())
            if name not in seen:
                seen.add(name)
                yield file


def _below(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in SKIPPED:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _below(entry)
        elif entry.suffix in SUFFIXES:
            yield entry


def _may_hold_template(file: Path) -> bool:
    """Says whether a file is worth loading: reading its text is cheap, loading it is not."""
    try:
        text = Path(str(file).partition("#")[0]).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return "Workflow" in text and MARK in text


def problems_of(document: Document) -> list[Problem]:
    """Returns what is wrong with a document beyond CWL and the form of its fields, each mistake once.

    These are its masks and names, the circles of its steps, and how the parts of split steps are read.
    """
    from helios_wf.match import check_template
    from helios_wf.plan import plan_document

    problems = check_template(document.process) if isinstance(document.process, Workflow) else []
    try:
        plan_document(document)
    except TemplateError as error:
        problems += error.problems
    return list({str(problem): problem for problem in problems}.values())


def check(documents: Iterable[Document]) -> Checked:
    """Returns what is wrong with documents, each by itself (``problems_of``) and the templates together."""
    from helios_wf.match import check_repository

    given = list(documents)
    alone = [problem for document in given for problem in problems_of(document)]
    workflows = [each.process for each in given if isinstance(each.process, Workflow)]
    together, warnings = check_repository(workflow for workflow in workflows if workflow.template)
    return Checked(tuple(alone), tuple(together), tuple(warnings))
