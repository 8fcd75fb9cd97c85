"""The work of several benchmarks: ``md5sum FILE > OUT`` for each of many small files, as a CWL scatter."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

FILES = 10_000
"""So many files there are; larger scatters take them again and again."""

WORKFLOW = """\
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}}
inputs: {files: "File[]"}
steps:
  sum: {run: md5sum.cwl, scatter: file, in: {file: files}, out: [sum]}
outputs: {sums: {type: "File[]", outputSource: sum/sum}}
"""
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: md5sum
inputs: {file: {type: File, inputBinding: {}}}
stdout: $(inputs.file.basename).md5
outputs: {sum: {type: File, outputBinding: {glob: $(inputs.file.basename).md5}}}
"""


class Checksums:
    """The files, the workflow, and a job file and a list for each size, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workflow = folder / "checksums.cwl"
        folder.mkdir(parents=True, exist_ok=True)
        self.workflow.write_text(WORKFLOW)
        (folder / "md5sum.cwl").write_text(TOOL)
        self._files = folder / "files"
        if not self._files.exists():
            self._files.mkdir()
            for number in range(FILES):
                (self._files / f"{number}.txt").write_text(f"file {number}\n")

    def paths(self, size: int) -> list[str]:
        """Returns the files of a scatter of some size."""
        return [f"{self._files}/{number % FILES}.txt" for number in range(size)]

    def job(self, size: int) -> Path:
        """Returns the job file of a scatter of some size."""
        files = [{"class": "File", "path": path} for path in self.paths(size)]
        path = self.folder / f"job-{size}.json"
        path.write_text(json.dumps({"files": files}))
        return path

    def list(self, size: int) -> Path:
        """Returns a file with the paths, one on each line."""
        path = self.folder / f"list-{size}.txt"
        path.write_text("".join(f"{each}\n" for each in self.paths(size)))
        return path


def check(made: Sequence[Path], size: int) -> None:
    """Passes if there are as many sums as files, and none is empty.

    Raises:
        AssertionError: there are not.
    """
    whole = [path for path in made if path.stat().st_size]
    assert len(whole) == len(made) == size, f"{len(whole)} of {size} sums are there and whole"
