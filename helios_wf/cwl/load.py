"""A CWL document to our frozen nouns: read below a root, checked, upgraded; all its mistakes at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from helios_wf.cwl import cache as document_cache
from helios_wf.cwl.cwl_types import uri
from helios_wf.cwl.named_files import content, named_file, named_files
from helios_wf.cwl.overrides import Overrides
from helios_wf.cwl.reading import Answer, Request, begin, read_apart
from helios_wf.cwl.scripts import wrong_scripts
from helios_wf.cwl.settings import apply_settings
from helios_wf.cwl.sources import default_root, home_of
from helios_wf.errors import TemplateError
from helios_wf.model import Document, Json, Process
from helios_wf.model import digest as digest_of

__all__ = ["apply_settings", "expect", "load", "meaning"]


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
    request = _request(path, root, allow_urls, overrides)
    key = _key(request)
    found = document_cache.look_up(cache, key) if cache is not None else None
    if found is not None:
        return found
    answer = read_apart(request)
    if problems := wrong_scripts(answer.process, answer.expressions):
        raise TemplateError(problems)
    document = _document(request.path, Path(request.root), answer)
    if cache is not None:
        document_cache.keep(cache, key, document)
    return document


def expect(path: str | Path, *, root: Path | None, cache: Path) -> None:
    """Takes that a document will be loaded: where it was not before, what reads it starts at once."""
    request = _request(path, root, allow_urls=False, overrides=Overrides())
    if Path(request.path).is_file() and document_cache.look_up(cache, _key(request)) is None:
        begin(request.path)


def _request(path: str | Path, root: Path | None, allow_urls: bool, overrides: Overrides) -> Request:
    name, _, fragment = (os.fspath(path), "", "") if Path(path).exists() else os.fspath(path).partition("#")
    file = _absolute(name)
    root = Path(root).resolve() if root is not None else default_root(file)
    return Request(str(file), fragment, str(root), allow_urls, overrides)


def _key(request: Request) -> str:
    given = (request.path, request.fragment, request.root, request.allow_urls, request.overrides)
    return document_cache.key(*given)


def _document(path: str, root: Path, answer: Answer) -> Document:
    named = {
        file: content(file)
        for file in named_files(msgspec.to_builtins(answer.process))
        if Path(file).resolve().is_relative_to(root.resolve())
    }
    digest = meaning(answer.process, path, home_of(Path(path)), named)
    files = named | answer.files
    return Document(
        path, answer.cwl_version, answer.process, files, digest, answer.expressions, answer.warnings
    )


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
