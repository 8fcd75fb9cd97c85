"""Which documents were changed since a git revision, and which of their changes want a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from helios_wf import git
from helios_wf.curating.history import difference_since
from helios_wf.errors import GitError
from helios_wf.lint import cases
from helios_wf.lint.finding import Finding
from helios_wf.model import Document, Workflow


def touched(files: Sequence[Path], documents: Mapping[Path, Document], revision: str) -> list[Path]:
    """Returns the files that differ from a revision, themselves, in what they refer to, or in their cases.

    A document that cannot be loaded is among them: what it refers to may be gone.

    Args:
        files: the documents to choose from.
        documents: those that could be loaded.
        revision: what git knows as one: a commit, a branch, a tag.

    Raises:
        GitError: git does not know the revision, or a file lies in no repository.
    """
    changed: dict[Path, set[Path]] = {}
    found = []
    for file in files:
        top = _top(file)
        if top not in changed:
            changed[top] = git.changed(top, git.commit_of(top, revision))
        document = documents.get(file)
        read = document.files if document is not None else ()
        looked_at = {file, *map(Path, read), *(_cases(file) if _is_template(document) else ())}
        if document is None or any(path.resolve() in changed[top] for path in looked_at):
            found.append(file)
    return found


def _cases(file: Path) -> list[Path]:
    return [*cases.files_beside(file, cases.NAMES), *cases.files_beside(file, cases.RUNS)]


def _is_template(document: Document | None) -> bool:
    process = document.process if document is not None else None
    return isinstance(process, Workflow) and process.template is not None


def changed_findings(
    files: Sequence[Path], documents: Mapping[Path, Document], revision: str
) -> list[Finding]:
    """Returns which templates were released in a revision, and changed since under their version."""
    found = []
    for file in files:
        document = documents.get(file)
        process = document.process if document is not None else None
        if document is None or not isinstance(process, Workflow) or process.template is None:
            continue
        differs = difference_since(document, git.commit_of(_top(file), revision))
        if differs is not None:
            field = process.template
            message = (
                f"template {field.template!r} was changed since {revision} and still has version "
                f"{field.version}: {differs.told}; raise its version"
            )
            found.append(Finding("HW401", process.place, message))
    return found


def _top(file: Path) -> Path:
    return _top_of(file.parent)


@lru_cache(maxsize=1024)
def _top_of(folder: Path) -> Path:
    top = git.top(folder)
    if top is None:
        raise GitError(f"{folder} is in no git repository; --changed needs one")
    return top
