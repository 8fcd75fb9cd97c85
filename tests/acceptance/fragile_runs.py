"""Runs of ``fragile.cwl``: a file of lines, some of which the tool cannot do, fed in three ways."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helios_wf import event_stream

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

HERE = Path(__file__).parent

WAYS = {
    "process": "",
    "resident": "helios:events: {resident: stream}",
    "folder": "helios:events: {folder: exchange}",
}
"""What the tool says of each way to feed it."""


class Fragile:
    """A folder with the workflow and one or several raw files.

    Args:
        helios: calls helios-wf in the folder.
        way: how the tool is fed.
        n: lines of each file, which are events.
        bad: what stands in the lines that the tool cannot do.
        files: how many files there are; the bad lines are in the first.
        tolerate: what the step tolerates.
    """

    def __init__(
        self,
        helios: Command,
        way: str,
        n: int,
        bad: Mapping[int, str],
        files: int = 1,
        tolerate: str | None = None,
    ) -> None:
        self.helios = helios
        self.n = n
        self.bad = bad
        text = (HERE / "fragile.cwl").read_text()
        text = text.replace(WAYS["resident"], WAYS[way])
        if tolerate is not None:
            text = text.replace(
                "    helios:split: {input: raw,",
                f"    helios:tolerate: {tolerate}\n    helios:split: {{input: raw,",
            )
        helios.write("fragile.cwl", text)
        shutil.copy(HERE / "fragile.py", helios.folder)
        shutil.copy(event_stream.__file__, helios.folder)
        self.raw = [helios.folder / "raw" / f"{number}.txt" for number in range(files)]
        for number, path in enumerate(self.raw):
            lines = [self.line(event, bad if number == 0 else {}) for event in range(n)]
            helios.write(f"raw/{path.name}", "".join(f"{line}\n" for line in lines))

    def line(self, event: int, bad: Mapping[int, str]) -> str:
        """Returns a line of a file."""
        return bad.get(event, f"line {event}")

    def run(self, *arguments: str) -> int:
        """Runs the workflow over all files and returns its exit code."""
        pattern = f"fragile.0001.raw={self.helios.folder}/raw/*.txt"
        return self.helios(
            "run", "fragile.cwl", "--dataset", pattern, "--outdir", "out", "--quiet", *arguments
        )

    def mend(self) -> None:
        """Makes the tool do all lines from now on."""
        self.helios.write("raw/mended", "")

    def ranges(self, *arguments: str) -> list[dict[str, Any]]:
        """Returns the event ranges of the latest run."""
        return list(self.helios.json("ranges", *arguments, "--format", "json"))

    def events(self, state: str) -> list[tuple[str, int]]:
        """Returns the events, with their files, of the ranges in a state."""
        rows = self.ranges("--state", state.lower())
        return sorted(
            (Path(row["file"]).name, event)
            for row in rows
            if row["state"] == state
            for event in range(row["first"], row["stop"])
        )

    def numbered(self, without: frozenset[int] = frozenset()) -> str:
        """Returns what the tool makes of all files, without some events of the first."""
        return "".join(
            f"{event} {self.line(event, self.bad if number == 0 else {})}\n"
            for number in range(len(self.raw))
            for event in range(self.n)
            if number or event not in without
        )

    def dataset(self, name: str) -> str:
        """Returns what the files of a dataset of the run hold, one behind the other."""
        shown = self.helios.json("dataset", "show", f"fragile.0001.{name}.v1", "--format", "json")
        return "".join(Path(file["path"]).read_text() for file in shown["files"])

    def meta(self, name: str) -> dict[str, Any]:
        """Returns the metadata of a dataset of the run."""
        shown = self.helios.json("dataset", "show", f"fragile.0001.{name}.v1", "--format", "json")
        return dict(shown["meta"])

    def check_outputs(self, without: frozenset[int] = frozenset()) -> None:
        """Makes sure that the outputs are those of all events but some of the first file."""
        whole = self.numbered(without)
        assert self.dataset("joined") == whole
        assert self.dataset("parts") == whole
        assert self.dataset("marked") == whole.replace("\n", " marked\n")

    def status(self) -> dict[str, Any]:
        """Returns where the latest run stands."""
        shown: dict[str, Any] = json.loads(json.dumps(self.helios.json("status", "--format", "json")))
        return shown
