"""Jobs and notices as files in a shared folder: what a backend and its workers exchange without a network.

    FOLDER/values/DIGEST                  a tool's body, or the inputs that the jobs of a task share
    FOLDER/NAME/terms.json                how its workers are to work
    FOLDER/NAME/finished                  there, when no more jobs will come
    FOLDER/NAME/ready/CHUNK               jobs that nobody has taken yet
    FOLDER/NAME/taken/CHUNK.WORKER        the same file, renamed by the worker that runs them
    FOLDER/NAME/back/CHUNK                the same file, renamed by the backend, which took them back
    FOLDER/NAME/news/CHUNK.WORKER.NUMBER  what that worker said of them, in order
    FOLDER/NAME/beats/CHUNK               written anew by the worker while it holds them
    FOLDER/NAME/stop/CHUNK.NUMBER         handles of attempts that must end
    FOLDER/NAME/logs/                     what the workers' own standard error was

A chunk is taken, or taken back, by one rename: whoever it succeeds for has it, and nobody else.  Every other
file is written aside and renamed, so it is whole when it can be seen.  Whoever looks for a file lists its
folder first: a network file system may go on saying of a name that it is not there, once it was asked too
early.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from helios_wf.model import JobSpec, Json, Noun

PARTS = ("ready", "taken", "back", "news", "beats", "stop", "logs")

LOOK_S = 0.2
"""How often somebody who waits for a file looks for it."""


class Terms(Noun, frozen=True):
    """How the workers of a submission are to work.

    ``time_s`` is what a worker may take in all, from its start; None: no limit.  With ``linger_s`` a worker
    takes one chunk after another, and waits so long for a further one; without, it has one chunk of its own.
    """

    values: str
    grace_s: float
    beat_s: float
    late_s: float
    time_s: float | None = None
    linger_s: float | None = None
    scratch: str = ""
    """Where jobs have their temporary files; variables such as ``$TMPDIR`` are those of the node."""


class Listing(NamedTuple):
    """What is in a submission: chunks that wait, chunks with the worker that took each, new news."""

    ready: set[int]
    taken: dict[int, str]
    news: list[str]


class Spool:
    """One submission's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self._heard: set[str] = set()
        self._stops = 0

    # -- the backend's side --------------------------------------------------------------------------------

    def make(self, terms: Terms) -> None:
        """Makes the folder."""
        for part in PARTS:
            (self.path / part).mkdir(parents=True, exist_ok=True)
        write(self.path / "terms.json", msgspec.json.encode(terms))

    def put(self, chunk: int, specs: Sequence[JobSpec]) -> None:
        """Lays out jobs for a worker."""
        write(self.path / "ready" / _label(chunk), msgspec.json.encode(specs))

    def take_back(self, chunk: int) -> bool:
        """Returns whether a chunk was still there and now is nobody's."""
        return moved(self.path / "ready" / _label(chunk), self.path / "back" / _label(chunk))

    def stop(self, chunk: int, handles: Iterable[str]) -> None:
        """Asks the worker that holds a chunk to end attempts."""
        self._stops += 1
        name = f"{_label(chunk)}.{time.time_ns()}-{self._stops}"
        write(self.path / "stop" / name, msgspec.json.encode(sorted(handles)))

    def listing(self) -> Listing:
        """Returns what there is now; news are listed until they were read."""
        taken = dict(_split(name) for name in names(self.path / "taken"))
        news = [name for name in names(self.path / "news") if name not in self._heard]
        return Listing({int(name) for name in names(self.path / "ready")}, taken, sorted(news, key=_order))

    def read_news(self, name: str) -> tuple[int, list[bytes]]:
        """Returns a chunk and the lines that were said of it; they are not listed any more."""
        lines = (self.path / "news" / name).read_bytes().splitlines()
        self._heard.add(name)
        return _split(name)[0], lines

    def chunks(self) -> Iterator[tuple[int, list[JobSpec]]]:
        """Yields the jobs of every chunk that was not taken back."""
        for part in ("ready", "taken"):
            for name in names(self.path / part):
                # one that is taken meanwhile is found again under ``taken``
                with contextlib.suppress(FileNotFoundError):
                    yield _split(name)[0], _specs(self.path / part / name)

    def finish(self) -> None:
        """Lets workers without jobs end at once: no more will come."""
        write(self.path / "finished", b"")

    def beat_of(self, chunk: int) -> bytes | None:
        """Returns what the worker of a chunk last wrote as a sign of life; None before the first."""
        try:
            return (self.path / "beats" / _label(chunk)).read_bytes()
        except OSError:
            return None

    def log_of(self, worker: str) -> str:
        """Returns the last line of what a worker, or the shell before it, wrote to its standard error."""
        with contextlib.suppress(OSError):
            text = (self.path / "logs" / worker).read_text(errors="replace")
            return next(iter(text.strip().splitlines()[-1:]), "")
        return ""

    def remove(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    # -- the worker's side ---------------------------------------------------------------------------------

    def terms(self) -> Terms:
        """Returns how the worker is to work."""
        return msgspec.json.decode((self.path / "terms.json").read_bytes(), type=Terms)

    def waiting(self) -> list[int]:
        """Returns the chunks that nobody has taken, the first first."""
        return sorted(int(name) for name in names(self.path / "ready"))

    @property
    def is_finished(self) -> bool:
        """Whether no more jobs will come; so it is when the folder is gone, too."""
        return "finished" in names(self.path) or not self.path.exists()

    def is_settled(self, chunk: int) -> bool:
        """Returns whether somebody took a chunk, or took it back."""
        label = _label(chunk)
        return label in names(self.path / "back") or chunk in dict(
            _split(name) for name in names(self.path / "taken")
        )

    def take(self, chunk: int, worker: str) -> list[JobSpec] | None:
        """Returns the jobs of a chunk, now the worker's alone; None when it came too late."""
        mine = self.path / "taken" / f"{_label(chunk)}.{worker}"
        return _specs(mine) if moved(self.path / "ready" / _label(chunk), mine) else None

    def say(self, chunk: int, worker: str, number: int, lines: bytes) -> None:
        """Hands on what is to be said of a chunk."""
        write(self.path / "news" / f"{_label(chunk)}.{worker}.{number:06d}", lines, durable=True)

    def beat(self, chunk: int, text: str) -> None:
        """Gives a sign of life; two in a row differ in their text."""
        write(self.path / "beats" / _label(chunk), text.encode())

    def stops(self, chunk: int) -> dict[str, list[str]]:
        """Returns the attempts of a chunk that must end, by the name of the file that asks for it."""
        mine = [name for name in names(self.path / "stop") if _split(name)[0] == chunk]
        return {name: msgspec.json.decode((self.path / "stop" / name).read_bytes()) for name in mine}


def write(path: Path, data: bytes, durable: bool = False) -> None:
    """Writes a file that is whole as soon as it can be seen."""
    beside = path.parent / f".{path.name}.{os.getpid()}"
    with beside.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)


def moved(source: Path, target: Path) -> bool:
    """Renames a file, and returns whether it was there; the target's name is the caller's own."""
    try:
        source.rename(target)
    except FileNotFoundError:
        # NFS: a rename whose answer was lost is sent again, and then finds nothing
        return target.name in names(target.parent)
    return True


def names(folder: Path) -> list[str]:
    """Returns the names of whole files in a folder; none when it is not there."""
    with contextlib.suppress(FileNotFoundError):
        return [name for name in os.listdir(folder) if not name.startswith(".")]  # noqa: PTH208
    return []


def unseen(value: Json) -> list[str]:
    """Returns the paths of Files and Directories in an input or output object that cannot be seen (yet)."""
    return [path for path, size in _files(value) if not _is_there(path, size)]


def wait_for(value: Json, late_s: float) -> None:
    """Waits until all Files and Directories of an object can be seen, at most ``late_s`` seconds."""
    deadline = time.monotonic() + late_s
    while unseen(value) and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def _is_there(path: str, size: int | None) -> bool:
    if not os.path.lexists(path):
        # listing makes a network file system look again
        names(Path(path).parent)
    try:
        status = Path(path).stat()
    except OSError:
        return os.path.lexists(path)
    return size is None or status.st_size == size or stat.S_ISDIR(status.st_mode)


def _files(value: Json) -> Iterator[tuple[str, int | None]]:
    if isinstance(value, list):
        for entry in value:
            yield from _files(entry)
    elif isinstance(value, dict):
        path = value.get("path") or _local(value.get("location"))
        if path and value.get("class") in ("File", "Directory"):
            yield path, value.get("size")
        for entry in value.values():
            if isinstance(entry, dict | list):
                yield from _files(entry)


def _local(location: Json) -> str:
    is_file = isinstance(location, str) and location.startswith("file:///")
    return unquote(location.removeprefix("file://")) if is_file else ""


def _specs(path: Path) -> list[JobSpec]:
    return msgspec.json.decode(path.read_bytes(), type=list[JobSpec])


def _label(chunk: int) -> str:
    return f"{chunk:06d}"


def _split(name: str) -> tuple[int, str]:
    """Returns the chunk in a file's name, and the rest."""
    label, _, rest = name.partition(".")
    return int(label), rest


def _order(name: str) -> tuple[int, int]:
    return _split(name)[0], int(name.rpartition(".")[2])
