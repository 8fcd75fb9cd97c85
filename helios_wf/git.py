"""What git knows of a repository of documents: what changed since a revision, and how files were before."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from helios_wf.errors import GitError


class Version(NamedTuple):
    """A commit in which a file was changed, and the file's path then, below the top."""

    commit: str
    path: str


def top(path: Path) -> Path | None:
    """Returns the folder of the repository that a file lies in; None where there is none, or no git."""
    folder = path if path.is_dir() else path.parent
    try:
        said = _git(folder, "rev-parse", "--show-toplevel")
    except GitError:
        return None
    return Path(os.fsdecode(said.rstrip(b"\n")))


def commit_of(folder: Path, revision: str) -> str:
    """Returns the commit that a revision names.

    Raises:
        GitError: it names none, or there is no repository.
    """
    asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    try:
        return _git(folder, *asked).decode().strip()
    except GitError as error:
        if top(folder) is None:
            raise GitError(f"{folder} is in no git repository: {error}") from None
        message = (
            f"git knows no revision {revision!r} in {folder}; a clone of CI may be shallow: fetch it whole"
        )
        raise GitError(message) from None


def changed(folder: Path, commit: str) -> set[Path]:
    """Returns the files below a repository's top that differ from a commit, also those new or gone."""
    differing = _git(folder, "diff", "--name-only", "--no-renames", "-z", commit)
    new = _git(folder, "ls-files", "--others", "--exclude-standard", "-z")
    return {folder / os.fsdecode(name) for name in (differing + new).split(b"\0") if name}


def versions(folder: Path, path: Path) -> Iterator[Version]:
    """Yields the commits that changed a file, the latest first; also under names that it had before."""
    name = str(path.relative_to(folder))
    arguments = ("log", "--follow", "--name-only", "--diff-filter=d", "-z", "--format=%x01%H", "--", name)
    for entry in os.fsdecode(_git(folder, *arguments)).split("\1")[1:]:
        commit, *names = [part.strip("\n") for part in entry.split("\0") if part.strip("\n")]
        yield Version(commit, names[-1] if names else name)


def text_at(folder: Path, version: Version) -> str:
    """Returns a file's text in a commit."""
    return _git(folder, "show", f"{version.commit}:{version.path}").decode(errors="replace")


def export(folder: Path, commit: str, to: Path) -> None:
    """Writes all files of a commit into a folder.

    Raises:
        GitError: one of them would lie outside.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(_git(folder, "archive", "--format=tar", commit))) as archive:
            archive.extractall(to, filter="data")
    except tarfile.TarError as error:
        raise GitError(f"commit {commit} cannot be unpacked: {error}") from error


def _git(folder: Path, *arguments: str) -> bytes:
    argv = ["git", "-C", str(folder), *arguments]
    # whatever called us, a hook of git for example, may mean another repository by these
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}") from error
    if done.returncode != 0:
        raise GitError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
