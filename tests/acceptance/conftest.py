"""What acceptance tests share: a folder of the user's, in which ``helios-wf`` is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helios_wf.cli import main


class Command:
    """A user's folder: calls helios-wf in it, in this process, and keeps what was printed."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.out = self.err = ""
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> int:
        """Calls ``helios-wf`` and returns its exit code."""
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        assert isinstance(ended.value.code, int)
        return ended.value.code

    def json(self, *arguments: str | Path) -> Any:
        """Calls ``helios-wf``, which must succeed and print one JSON value, and returns that."""
        assert self(*arguments) == 0, self.err
        return json.loads(self.out)

    def write(self, name: str, text: str | bytes) -> Path:
        """Writes a file below the folder and returns its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def datasets(self) -> dict[str, Any]:
        """Returns what the catalogue has, by name."""
        return {row["name"]: row for row in self.json("dataset", "list", "--format", "json")}

    def files_of(self, dataset: str) -> list[dict[str, Any]]:
        """Returns the files of a dataset."""
        files: list[dict[str, Any]] = self.json("dataset", "show", dataset, "--format", "json")["files"]
        return files

    def files(self) -> set[str]:
        """Returns the files in the folder, without those of helios-wf itself."""
        return {
            str(path.relative_to(self.folder))
            for path in self.folder.rglob("*")
            if path.is_file() and ".helios" not in path.parts
        }


@pytest.fixture
def helios(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls helios-wf in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for variable in ("HELIOS_HOME", "HELIOS_STORE", "HELIOS_TEMPLATES", "HELIOS_JOBS", "HELIOS_OUTDIR"):
        monkeypatch.delenv(variable, raising=False)
    return Command(folder, capsys)
