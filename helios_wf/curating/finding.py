"""Templates by what people call them: a file, a name, a name and a version."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from helios_wf.config import Settings
from helios_wf.curating.history import template_of
from helios_wf.cwl.load import load
from helios_wf.errors import TemplateError, UserError, did_you_mean
from helios_wf.model import Document, TemplateField
from helios_wf.repository import find, search_paths
from helios_wf.states import TemplateStatus


class Shelf:
    """The templates of a repository.

    Args:
        paths: folders and files; none: ``./templates``, else the shipped ones.
        root: below which documents may be read; None: the project of each.
        cache: folder of documents loaded before.
    """

    def __init__(self, paths: Sequence[Path], root: Path | None, cache: Path) -> None:
        self.paths = search_paths(paths)
        self._root = root
        self._cache = cache
        found = find(self.paths, root=root, cache=cache)
        self.templates = tuple(sorted(found.templates, key=_order))
        self.errors = found.errors
        """The files that could not be loaded."""

    def get(self, called: str) -> Document:
        """Returns a template: of a file, or ``NAME@VERSION``, or of a name the ACTUAL or latest version.

        Raises:
            UserError: there is none, or it is no template.
            TemplateError: it is wrong.
        """
        if Path(called).exists():
            document = load(called, root=self._root, cache=self._cache)
            template_of(document)
            return document
        name, _, version = called.partition("@")
        versions = [one for one in self.templates if template_of(one).template == name]
        if not versions:
            names = {template_of(one).template for one in self.templates}
            where = ", ".join(map(str, self.paths))
            raise UserError(f"no template {name!r} in {where}{did_you_mean(name, names)}")
        if not version:
            actual = [one for one in versions if template_of(one).status is TemplateStatus.ACTUAL]
            return (actual or versions)[-1]
        for one in versions:
            if str(template_of(one).version) == version:
                return one
        there = ", ".join(str(template_of(one).version) for one in versions)
        raise UserError(f"template {name!r} has no version {version!r} in the files; versions: {there}")

    def others(self, document: Document) -> list[Document]:
        """Returns the templates of the repository that lie in another file."""
        own = Path(document.path).resolve()
        return [one for one in self.templates if Path(one.path).resolve() != own]


def path_of(called: str, settings: Settings) -> str:
    """Returns the document that a command is given: a path as it is, ``NAME`` and ``NAME@VERSION`` as a file.

    Raises:
        UserError: it is no file, and no template has that name or version.
    """
    if Path(called).exists() or not re.fullmatch(r"[A-Za-z0-9_+=-]+(@[0-9]+)?", called):
        return called
    return Shelf(settings.templates, settings.root, settings.home / "cache").get(called).path


def title(field: TemplateField) -> str:
    """Returns how a template is called in messages: ``online_filter@2``."""
    return f"{field.template}@{field.version}"


def refuse_wrong(document: Document) -> None:
    """Passes if nothing is wrong with a document by itself.

    Raises:
        TemplateError: its masks, names or parts are wrong.
    """
    from helios_wf.repository import problems_of

    if problems := problems_of(document):
        raise TemplateError(problems)


def _order(document: Document) -> tuple[str, int, str]:
    field = template_of(document)
    return field.template, field.version, document.path
