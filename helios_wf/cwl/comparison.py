"""How the compiler and cwltool would run one job, in words that can be compared.

A path is written as where its file really is, since the two stage inputs in folders of their own.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from helios_wf.cwl.command import Invocation

SUMMED_BYTES = 1 << 20
"""Files in the working directory up to this size are compared by content, larger ones by size."""

SHOWN = 5
"""How many differences of one kind are told."""


class Description(msgspec.Struct, frozen=True):
    """How a tool is run for one job; ``files`` is what lies in its working directory before it starts."""

    argv: list[str]
    environment: dict[str, str]
    stdin: str | None
    stdout: str | None
    stderr: str | None
    time_limit_s: float | None
    files: dict[str, str]


class Places:
    """Writes paths of one job so that they do not depend on where it was staged."""

    def __init__(self, out: str, tmp: str, staged: Mapping[str, str]) -> None:
        """Takes the folders, and for each path that the tool sees how it is written."""
        self._exact = {path: shown for path, shown in staged.items() if path != shown}
        folders = {os.path.dirname(path): os.path.dirname(shown) for path, shown in self._exact.items()}
        changed = {**{path: shown for path, shown in folders.items() if shown != path}, **self._exact}
        changed |= {out: "OUT", tmp: "TMP"}
        self._changed = sorted(changed.items(), key=lambda each: -len(each[0]))

    def plain(self, text: str) -> str:
        """Returns a text with the paths in it written as they really are."""
        exact = self._exact.get(text)
        if exact is not None or "/" not in text:
            return text if exact is None else exact
        for path, shown in self._changed:
            text = text.replace(path, shown)
        return text


def real(path: str) -> str:
    """Returns how an input is written: by the path that all links to it lead to."""
    return os.path.realpath(path)


def literal(contents: str | None) -> str:
    """Returns how a literal is written: a File by what it holds, a Directory (None) as such."""
    return (
        "/LITERAL/directory"
        if contents is None
        else f"/LITERAL/{hashlib.sha1(contents.encode()).hexdigest()[:12]}"
    )


def describe(invocation: Invocation) -> Description:
    """Returns how the compiler would run a job, once it has staged its inputs."""
    folders = invocation.stage.folders
    staged = {
        path: _shown(path, source, folders.inputs)
        for path, source in invocation.stage.sources.items()
        if not path.startswith(folders.out + "/")
    }
    places = Places(folders.out, folders.tmp, staged)
    return Description(
        argv=[places.plain(word) for word in invocation.argv],
        environment={name: places.plain(value) for name, value in invocation.environment.items()},
        stdin=invocation.stdin and places.plain(invocation.stdin),
        stdout=invocation.stdout,
        stderr=invocation.stderr,
        time_limit_s=invocation.time_limit_s,
        files=files_in(folders.out, places),
    )


def _shown(path: str, source: str, inputs: str) -> str:
    if not source.startswith(inputs + "/"):
        return real(source)
    return literal(Path(path).read_text(encoding="utf-8") if os.path.isfile(path) else None)


def files_in(folder: str, places: Places) -> dict[str, str]:
    """Returns what lies in a working directory: links by what they lead to, files by what they hold."""
    found: dict[str, str] = {}
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = f"{here}/{name}"
            found[os.path.relpath(path, folder)] = _found(path, places)
    return found


def _found(path: str, places: Places) -> str:
    if os.path.islink(path):
        return f"a link to {places.plain(real(path))}"
    if os.path.isdir(path):
        return "a directory"
    size = os.path.getsize(path)
    if size > SUMMED_BYTES:
        return f"a file of {size} bytes"
    return f"a file of {size} bytes, sha1 {hashlib.sha1(Path(path).read_bytes()).hexdigest()[:12]}"


def differences(ours: Description, theirs: Description) -> list[str]:
    """Returns what differs, each in one sentence; nothing where the job would run in the same way."""
    found = _of_words(ours.argv, theirs.argv)
    found += _of_names("environment variable", ours.environment, theirs.environment)
    for name in ("stdin", "stdout", "stderr", "time_limit_s"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        if (mine or None) != (other or None):
            found.append(f"{name} is {_told(mine)}, cwltool has {_told(other)}")
    return found + _of_names("file in the working directory", ours.files, theirs.files)


def _of_words(ours: list[str], theirs: list[str]) -> list[str]:
    pairs = list(zip_longest(ours, theirs))
    found = [
        f"argv[{at}] is {_told(mine)}, cwltool has {_told(other)}"
        for at, (mine, other) in enumerate(pairs)
        if mine != other
    ]
    return _first(found, "words of the command line")


def _of_names(kind: str, ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    found = [
        f"{kind} {name!r} is {_told(ours.get(name))}, cwltool has {_told(theirs.get(name))}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    ]
    return _first(found, f"of the kind {kind}")


def _first(found: list[str], kind: str) -> list[str]:
    more = len(found) - SHOWN
    return found[:SHOWN] + ([f"{more} more {kind}"] if more > 0 else [])


def _told(value: object) -> str:
    text = "none" if value is None else repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
