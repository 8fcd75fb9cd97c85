"""The text of documents: read once, below a root, with its digest; what a document refers to is read too."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from helios_wf.cwl.marks import MAX_BYTES, key_place, plain, value_place
from helios_wf.errors import Problem, TemplateError
from helios_wf.model import Place
from helios_wf.resources import PACKAGE

SHIPPED = ("templates", "cwl_tools", "examples")
"""Folders of a checkout beside the package, whose documents refer to each other."""

LAYOUT = ("templates", "cwl_tools")
"""Folders that belong together where they lie beside each other: a copy of the shipped ones, or one's own."""

MARKS = (".git", "helios.toml")
"""What stands in the folder of a whole project."""

MAX_FILES = 1000
"""How many files one document may refer to."""


class Source(NamedTuple):
    """One file that was read: its text, the tree in it (None for included text), its SHA-256."""

    path: str
    text: str
    sha256: str
    tree: Any


class Reference(NamedTuple):
    """A word in a document that makes the loader read another file."""

    word: str
    target: str
    place: Place


class Sources:
    """The files of a document below ``root``; each is read once, so that all readers see the same text."""

    def __init__(self, root: Path, *, allow_urls: bool = False) -> None:
        self.root = root.resolve()
        self.allow_urls = allow_urls
        self.files: dict[str, Source] = {}
        self.problems: list[Problem] = []
        """References that cannot be followed, and keys that are no text."""
        self.warnings: list[Problem] = []
        """What the loader finds odd, though not wrong."""
        self.roots: list[str] = []
        """The files that hold whole processes: the document, and what its steps run."""

    def gather(self, path: str) -> None:
        """Reads a document and everything that it refers to; notes broken references in ``problems``.

        Raises:
            TemplateError: The document itself cannot be read.
        """
        path = self.read(path).path
        self.roots.append(path)
        waiting, seen = [path], {path}
        while waiting:
            source = self.files[waiting.pop()]
            self.problems.extend(_odd_keys(source.tree, source.path))
            for reference in references(source.tree, source.path):
                found = self._follow(reference, source.path)
                if found is not None and reference.word == "run" and found not in self.roots:
                    self.roots.append(found)
                if found is not None and found not in seen:
                    seen.add(found)
                    waiting.append(found)

    def _follow(self, reference: Reference, file: str) -> str | None:
        try:
            path = self.locate(reference.target, file)
            if path is not None:
                self.read(path, tree=reference.word != "$include")
        except TemplateError as error:
            known = {str(problem) for problem in self.problems}
            for problem in error.problems:
                moved = problem if problem.place else Problem(reference.place, problem.message)
                if str(moved) not in known:
                    self.problems.append(moved)
            return None
        return path

    def locate(self, target: str, file: str) -> str | None:
        """Returns the absolute path that a reference in ``file`` means; None for a URL that is allowed."""
        parts = urlsplit(target)
        if parts.scheme not in ("", "file"):
            if self.allow_urls:
                return None
            raise TemplateError(
                [Problem(None, f"{target!r} is a URL; only files below {self.root} are read")]
            )
        if not parts.path:
            return file
        return _tidy(str((Path(file).parent / unquote(parts.path)).absolute()))

    def read(self, path: str, *, tree: bool = True) -> Source:
        """Returns a file's source, reading it the first time.

        Raises:
            TemplateError: It is missing, outside the root, no text, or no YAML.
        """
        path = _tidy(path)
        known = self.files.get(path)
        if known is None or (tree and known.tree is None):
            if len(self.files) >= MAX_FILES:
                raise TemplateError([Problem(None, f"more than {MAX_FILES} files are referred to")])
            text, sha256 = known[1:3] if known else self._text(path)
            known = Source(path, text, sha256, _parsed(text, path) if tree else None)
            self.files[path] = known
        return known

    def _text(self, path: str) -> tuple[str, str]:
        try:
            real = Path(path).resolve()
        except RuntimeError:
            raise TemplateError([Problem(None, f"cannot read {path}: its links lead in a circle")]) from None
        if not real.is_relative_to(self.root):
            raise TemplateError([Problem(None, _outside(path, real, self.root))])
        if real.exists() and not real.is_file():
            raise TemplateError([Problem(None, f"cannot read {path}: it is no regular file")])
        try:
            content = real.read_bytes() if real.stat().st_size <= MAX_BYTES else b"\xff"
            return content.decode("utf-8"), hashlib.sha256(content).hexdigest()
        except UnicodeDecodeError:
            message = f"{path} is no UTF-8 text of at most {MAX_BYTES} bytes"
        except OSError as error:
            message = f"cannot read {path}: {error.strerror or error}"
        raise TemplateError([Problem(None, message)])


def _outside(path: str, real: Path, root: Path) -> str:
    what = path if str(real) == path else f"{path} (that is {real})"
    both = os.path.commonpath([real.parent, root])
    return f"{what} is outside {root}, below which documents are read; to read it too: --root {both}"


def _parsed(text: str, path: str) -> Any:
    from helios_wf.cwl.yaml_text import parse

    return parse(text, path)


def _tidy(path: str) -> str:
    """Returns the path without ``.`` and ``..``, as the CWL loader names it."""
    parts: list[str] = []
    for part in Path(path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return str(Path(*parts))


def references(tree: Any, file: str) -> Iterator[Reference]:
    """Yields what a tree makes the loader read: ``run`` of steps, ``$import``, ``$include``, ``$mixin``."""
    if isinstance(tree, list):
        for item in tree:
            yield from references(item, file)
        return
    if not isinstance(tree, dict):
        return
    for word in ("$import", "$include", "$mixin"):
        if isinstance(tree.get(word), str):
            yield Reference(word, str(tree[word]), value_place(tree, word, file))
    if tree.get("class") == "Workflow":
        for step in _items(tree.get("steps")):
            if isinstance(step, dict) and isinstance(step.get("run"), str):
                yield Reference("run", str(step["run"]), value_place(step, "run", file))
    for value in tree.values():
        yield from references(value, file)


def _odd_keys(tree: Any, file: str) -> Iterator[Problem]:
    """Yields the keys of maps that are no text (``null``, numbers): cwltool falls over them."""
    if isinstance(tree, dict):
        for key in tree:
            if not isinstance(key, str):
                shown = (
                    "null"
                    if key is None
                    else repr(plain(key))
                    if isinstance(key, int | float)
                    else "of a map"
                )
                place = key_place(tree, key, file)
                yield Problem(place, f"the key {shown} is no text; put it in quotes, or take it away")
    for value in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _odd_keys(value, file)


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def default_root(path: Path) -> Path:
    """Returns the folder below which a document's references are read, where none is given.

    It is the document's home; where that is only its own folder, and lies in the working folder, it is the
    working folder.  Where a link leads out of that, it is the home of what the link leads to.
    """
    home, here = home_of(path), Path.cwd()
    is_project = any((home / mark).exists() for mark in MARKS)
    is_lone = home == path.absolute().parent and not is_project
    root = here if is_lone and home.is_relative_to(here) else home
    real = path.resolve()
    return root if real.is_relative_to(root.resolve()) else home_of(real)


def home_of(path: Path) -> Path:
    """Returns the folder that moves with a document, below which it may refer to others.

    It is the nearest folder upward that has ``.git``, else the nearest with ``helios.toml``, else the one in
    which ``templates`` and ``cwl_tools`` lie beside each other, if the document lies in one of them; else its
    own folder.  Shipped templates and tools may refer to each other wherever the package is installed.
    """
    folder = path.absolute().parent
    if folder.resolve().is_relative_to(PACKAGE):
        return PACKAGE
    if any(folder.resolve().is_relative_to(PACKAGE.parent / name) for name in SHIPPED):
        return PACKAGE.parent
    for mark in MARKS:
        for one in (folder, *folder.parents):
            if (one / mark).exists():
                return one
    laid_out = (one.parent for one in (folder, *folder.parents) if one.name in LAYOUT)
    return next((one for one in laid_out if all((one / name).is_dir() for name in LAYOUT)), folder)
