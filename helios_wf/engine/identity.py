"""What a job is compared by with jobs that were done before: its tool, its inputs and its events.

A file that a job made is known by its checksum, size and name, wherever it lies; an input of the run by its
path, size and time, or by its checksum too where that is asked for.  A name counts, as tools see it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping

import msgspec

from helios_wf.cwl.docker import CONTAINER, DOCKER
from helios_wf.cwl.files import is_placed
from helios_wf.cwl.program import CHECK
from helios_wf.cwl.requirements import entries
from helios_wf.cwl.work_reuse import INPLACE, WORK_REUSE
from helios_wf.engine.objects import Seen, below, look, path_of
from helios_wf.model.noun import Json
from helios_wf.model.noun import digest as plain_digest

LONG = 200
"""Of a value that is longer as JSON only the digest is kept."""

_DERIVED = frozenset(
    ("location", "path", "basename", "dirname", "nameroot", "nameext", "size", "checksum", "secondaryFiles")
)
_NO_MATTER = frozenset((*WORK_REUSE, *INPLACE, "ToolTimeLimit", DOCKER))
_DIGITS = 32


def digest(value: Json) -> str:
    """Returns the digest of a value in which names of files need not be UTF-8."""
    try:
        return plain_digest(value)
    except UnicodeEncodeError:
        return plain_digest(json.dumps(value, sort_keys=True))


Sums = Callable[[str, Seen], str]
"""Returns the checksum of a file that is as it was seen."""


class Identities:
    """Says what values are.

    Args:
        raw: paths of inputs of the run: a checksum that stands at one of them is not relied on.
        sums: returns checksums of such files; None: they are known by path, size and time.
        contents: digests of files that the document of the run names, by path.
        look: returns what is to be seen of a path.
    """

    def __init__(
        self,
        raw: Collection[str] = (),
        sums: Sums | None = None,
        contents: Mapping[str, str] | None = None,
        look: Callable[[str], Seen | None] = look,
    ) -> None:
        self.look = look
        self._raw = raw
        self._sums = sums
        self._contents = contents or {}

    def field(self, value: Json) -> Json:
        """Returns what is kept of a value: what it is, or the digest of that where it is long."""
        found = self.of(value)
        if isinstance(found, bool | int | float) or (isinstance(found, str) and len(found) <= LONG):
            return found
        if _length(found) <= LONG:
            return found
        return {"digest": digest(found)[:_DIGITS], "kind": _kind(value)}

    def of(self, value: Json) -> Json:
        """Returns what a value is: equal for equal ones, wherever files lie that jobs made."""
        if isinstance(value, list):
            return [self.of(one) for one in value]
        if not isinstance(value, dict):
            return value
        if value.get("class") == "File":
            return self._file(value)
        if value.get("class") == "Directory":
            return self._folder(value)
        return {key: self.of(one) for key, one in value.items()}

    def _file(self, value: dict[str, Json]) -> Json:
        found = {key: one for key, one in value.items() if key not in _DERIVED}
        if value.get("secondaryFiles"):
            found["secondaryFiles"] = [self.of(one) for one in value["secondaryFiles"]]
        if not is_placed(value):
            return found | {"basename": value.get("basename")}
        path = path_of(value)
        found["basename"] = value.get("basename") or os.path.basename(path)
        if "checksum" in value and path not in self._raw:
            return found | {"size": value.get("size"), "checksum": value["checksum"]}
        return found | self._seen(path)

    def _seen(self, path: str) -> dict[str, Json]:
        """Returns what a file is that no job made."""
        seen = self.look(path)
        if seen is None:
            return {"path": path}
        if self._sums is not None and not seen.is_folder:
            return {"size": seen.size, "checksum": self._sums(path, seen)}
        return {"path": path, "size": seen.size, "modified": seen.modified}

    def _folder(self, value: dict[str, Json]) -> Json:
        if not is_placed(value):
            return {
                "class": "Directory",
                "basename": value.get("basename"),
                "listing": [self.of(one) for one in value.get("listing") or ()],
            }
        path = path_of(value)
        found = {"class": "Directory", "basename": value.get("basename") or os.path.basename(path)}
        if self.look(path) is None:
            return found | {"path": path}
        return found | {"holds": digest([*self._below(path)])[:_DIGITS]}

    def _below(self, folder: str) -> Iterator[Json]:
        for name, size, modified in below(folder):
            path = f"{folder}/{name}"
            seen = self.look(path) if self._sums is not None else None
            if seen is not None and not seen.is_folder:
                assert self._sums is not None
                yield [name, size, self._sums(path, seen)]
            else:
                yield [name, size, modified]

    # -- tools ---------------------------------------------------------------------------------------------

    def tool(self, body: Mapping[str, Json]) -> dict[str, Json]:
        """Returns what a tool is, by the fields of its document, but for what it asks of its machine."""
        dropped = ("hints", "requirements", "class", CONTAINER, CHECK)
        found = {key: value for key, value in body.items() if key not in dropped}
        for kind in ("hints", "requirements"):
            for entry in entries(body, kind):
                if entry["class"] not in _NO_MATTER:
                    found[entry["class"]] = entry
        if "runtime" not in json.dumps(found):
            found.pop("ResourceRequirement", None)
        if body.get(CONTAINER):
            engine, image = body[CONTAINER]["engine"], body[CONTAINER]["image"]
            found["container"] = {"engine": engine.get("name"), "image": image}
            if os.path.isabs(image):
                found["container"] |= self._seen(image)
        else:
            found |= self._programs(body)
        return {key: self._short(self._unplaced(value)) for key, value in found.items()}

    def _programs(self, body: Mapping[str, Json]) -> dict[str, Json]:
        """Returns what the files are that a command line names: the program, and others by absolute path.

        What they do is not known, but where one was changed, it may do something else.
        """
        base = body.get("baseCommand") or []
        words = [base] if isinstance(base, str) else list(base)
        words += [one for one in body.get("arguments") or () if isinstance(one, str)]
        found = {}
        for number, word in enumerate(words):
            path = word if word.startswith("/") else (shutil.which(word) if number == 0 else None)
            seen = self.look(path) if path else None
            if path and seen is not None and not seen.is_folder:
                found[f"program {word}"] = {"size": seen.size, "modified": seen.modified}
        return found

    @staticmethod
    def _short(value: Json) -> Json:
        return value if _length(value) <= LONG else {"digest": digest(value)[:_DIGITS]}

    def _unplaced(self, value: Json) -> Json:
        """Returns a part of a tool with the files that it names by content, not by place."""
        if isinstance(value, dict):
            return {key: self._unplaced(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._unplaced(one) for one in value]
        if not isinstance(value, str) or not value.startswith("file://"):
            return value
        path = path_of({"location": value})
        known = self._contents.get(path)
        return {"basename": os.path.basename(path), **({"sha256": known} if known else self._seen(path))}


def _length(value: Json) -> int:
    """Returns how long a value is as JSON."""
    try:
        return len(msgspec.json.encode(value))
    except UnicodeEncodeError:
        return len(json.dumps(value))


def _kind(value: Json) -> str:
    """Returns what a long value is, in words."""
    if isinstance(value, list):
        return f"{len(value)} values"
    if isinstance(value, str):
        return f"text of {len(value)} characters"
    return "a file" if isinstance(value, dict) and value.get("class") == "File" else "an object"
