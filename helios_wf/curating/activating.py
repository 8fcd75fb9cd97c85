"""Which status a template may get, and how its document says so: git is the only record."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from helios_wf.curating.finding import Shelf, refuse_wrong, title
from helios_wf.curating.history import released_difference, template_of
from helios_wf.cwl.editing import with_status
from helios_wf.errors import Problem, TemplateError, UserError
from helios_wf.model import Document, Workflow
from helios_wf.repository import check
from helios_wf.states import TemplateStatus


def refuse_activation(document: Document, shelf: Shelf) -> None:
    """Passes if a template may become the ACTUAL version.

    Raises:
        TemplateError: it is wrong, or templates would start each other for ever.
        UserError: another version is ACTUAL, its version number is taken, or it differs from what was
            released under its version.
    """
    refuse_wrong(document)
    field = template_of(document)
    for other in shelf.others(document):
        one = template_of(other)
        if one.template != field.template:
            continue
        if one.version == field.version:
            raise UserError(
                f"version {field.version} of {field.template!r} is in {other.path} too; "
                f"give {document.path} a version of its own: version: {_next(document, shelf)}"
            )
        if one.status is TemplateStatus.ACTUAL:
            raise UserError(
                f"{title(one)} is ACTUAL in {other.path}, and there can be one; archive it first: "
                f"helios-wf template archive {title(one)}"
            )
    differs = released_difference(document)
    if differs is not None:
        commit, path = differs.version.commit[:10], differs.version.path
        raise UserError(
            f"{title(field)} was released in commit {commit}, and {document.path} differs: {differs.told}; "
            f"give it a new version (version: {_next(document, shelf)}), "
            f"or take the change back (git diff {commit} -- {path})"
        )
    _refuse_circles(document, shelf)


def _next(document: Document, shelf: Shelf) -> int:
    """Returns the number after the highest version of a template."""
    name = template_of(document).template
    known = [template_of(one) for one in (*shelf.templates, document)]
    return 1 + max(field.version for field in known if field.template == name)


def _refuse_circles(document: Document, shelf: Shelf) -> None:
    process = document.process
    assert isinstance(process, Workflow)
    field = msgspec.structs.replace(template_of(document), status=TemplateStatus.ACTUAL)
    actual = msgspec.structs.replace(document, process=msgspec.structs.replace(process, template=field))
    others = shelf.others(document)
    known = {str(problem) for problem in check(others).together}
    if new := [each for each in check([*others, actual]).together if str(each) not in known]:
        raise TemplateError([Problem(each.place, each.message) for each in new])


def set_status(document: Document, status: TemplateStatus) -> bool:
    """Writes a status into a document, nothing else in it changes; says whether it was another before.

    Raises:
        TemplateError: its text cannot be changed.
    """
    if template_of(document).status is status:
        return False
    path = Path(document.path).resolve()
    text = path.read_bytes().decode()
    changed = with_status(text, document.path, status)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(changed.encode())
    beside.chmod(path.stat().st_mode & 0o7777)
    beside.replace(path)
    return True
