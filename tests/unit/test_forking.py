"""Documents are read in children of one warm process: a hostile one costs only itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf.cwl.limits import LOAD_SECONDS, load_s
from helios_wf.cwl.load import load
from helios_wf.cwl.reading import _reader
from helios_wf.errors import TemplateError

SOUND = "cwlVersion: v1.2\nclass: CommandLineTool\nbaseCommand: 'true'\ninputs: []\noutputs: []\n"
GREEDY = SOUND + "doc: [" + "x, " * 400_000 + "x]\n"


def test_a_document_that_passes_its_limit_leaves_the_warm_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOAD_SECONDS, "1")
    (tmp_path / "greedy.cwl").write_text(GREEDY)
    (tmp_path / "sound.cwl").write_text(SOUND)
    assert load(tmp_path / "sound.cwl").cwl_version == "v1.2"
    reader = _reader(load_s())
    warm, generation = reader.pid, reader.generation
    for _ in range(2):
        with pytest.raises(TemplateError, match="takes more than 1 s of processor time"):
            load(tmp_path / "greedy.cwl")
        assert load(tmp_path / "sound.cwl").cwl_version == "v1.2"
    assert (reader.pid, reader.generation) == (warm, generation)


def test_documents_of_several_versions_and_extensions_are_read_by_one_process(tmp_path: Path) -> None:
    extension = (
        '$namespaces: {cwltool: "http://commonwl.org/cwltool#"}\nhints: {cwltool:MPIRequirement: '
        "{processes: 2}}\n"
    )
    for version in ("v1.0", "v1.1", "v1.2"):
        for number, more in enumerate(("", extension)):
            file = tmp_path / f"{version}.{number}.cwl"
            file.write_text(SOUND.replace("v1.2", version) + more)
            assert load(file).cwl_version == version
