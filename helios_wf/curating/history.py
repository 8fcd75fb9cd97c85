"""The versions of a template that git knows: under which version number it said what."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from helios_wf import git
from helios_wf.curating.signature import changes, content
from helios_wf.cwl.editing import field_in
from helios_wf.cwl.load import load
from helios_wf.errors import HeliosError, UserError
from helios_wf.model import Document, TemplateField, Workflow
from helios_wf.states import TemplateStatus

RELEASED = (TemplateStatus.ACTUAL, TemplateStatus.ARCHIVED)
"""Statuses under which datasets were made, or may have been."""

MARK = "helios.toml"


class Difference(NamedTuple):
    """How a template differs from what git has of it, under the same version."""

    version: git.Version
    told: str


def template_of(document: Document) -> TemplateField:
    """Returns what makes a document a template.

    Raises:
        UserError: it is none.
    """
    process = document.process
    if not isinstance(process, Workflow) or process.template is None:
        raise UserError(f"{document.path} is no template: it has no helios:template")
    return process.template


def released_difference(document: Document) -> Difference | None:
    """Returns how a template differs from what was released under its version; None where it does not.

    What counts is the latest commit in which a document of its name and version was ACTUAL or ARCHIVED.
    """
    path = Path(document.path)
    top = git.top(path)
    if top is None:
        return None
    for version in git.versions(top, path.resolve()):
        if _is_release(document, git.text_at(top, version)):
            return difference(document, top, version)
    return None


def difference_since(document: Document, commit: str) -> Difference | None:
    """Returns how a template differs from what was released under its version in a commit."""
    path = Path(document.path)
    top = git.top(path)
    if top is None:
        return None
    version = git.Version(commit, str(path.resolve().relative_to(top)))
    try:
        text = git.text_at(top, version)
    except UserError:
        return None
    return difference(document, top, version) if _is_release(document, text) else None


def _is_release(document: Document, text: str) -> bool:
    """Says whether a text is a document of the same name and version that was released."""
    now, then = template_of(document), field_in(text, document.path)
    return then is not None and (then.template, then.version) == (now.template, now.version) and (
        then.status in RELEASED
    )  # fmt: skip


def difference(document: Document, top: Path, version: git.Version) -> Difference | None:
    """Returns how a document differs in meaning from what a commit has in its place."""
    try:
        with document_at(top, version) as before:
            if content(before) == content(document):
                return None
            told = _told(before, document)
    except HeliosError as error:
        told = f"the one of that commit cannot be loaded any more ({error})"
    return Difference(version, told)


def _told(before: Document, after: Document) -> str:
    old, new = before.process, after.process
    found = changes(old, new) if isinstance(old, Workflow) and isinstance(new, Workflow) else []
    if found:
        return f"its signature changed: {'; '.join(map(str, found))}"
    return "its steps or tools changed"


@contextmanager
def document_at(top: Path, version: git.Version) -> Iterator[Document]:
    """Gives a document as it was in a commit, with all that it refers to.

    Raises:
        TemplateError: it cannot be loaded.
    """
    with tempfile.TemporaryDirectory(prefix="helios-git-") as folder:
        # a path that no link leads to, so that places are below it
        root = Path(folder).resolve()
        git.export(top, version.commit, root)
        (root / MARK).touch()
        yield load(root / version.path, root=root)
