"""Runs cwltest's cases in this process: the public ones of the shared material, and our own beside this file.

cwltest's plugin collects ``*.cwltest.yml``; here stands how a case is run, and where the public ones are.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from further_cases import make_suite

from helios_wf.cli import main

if TYPE_CHECKING:
    from cwltest.utils import CWLTestConfig

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("HELIOS_SHARED", HERE.parents[3] / "shared"))
PUBLIC = SHARED / "conformance" / "cwl-v1.2" / "conformance.cwltest.yaml"
LINK = "public.cwltest.link"
"""The file in whose place the public cases are collected."""
FURTHER = {f"public-{version}.cwltest.link": version for version in ("v1.0", "v1.1", "v1.2")}
"""The files in whose place further public cases are collected, of each version of CWL."""
SAMPLED = 8
"""Of the further cases one in so many is run by default."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collects the public cases from a copy, since some write beside their inputs."""
    if file_path.name != LINK and file_path.name not in FURTHER:
        return None
    collector: pytest.Collector
    if not PUBLIC.is_file():
        collector = _Missing.from_parent(parent, path=file_path)
        return collector
    from cwltest.plugin import CWLYamlFile

    class Sampled(CWLYamlFile):
        """Cases of which only some are run by default."""

        def collect(self) -> Iterator[pytest.Item]:
            for number, item in enumerate(super().collect()):
                if number % SAMPLED:
                    item.add_marker(pytest.mark.exhaustive)
                yield item

    copy = Path(parent.config._tmp_path_factory.mktemp("public")) / "suite"  # type: ignore[attr-defined]
    if file_path.name in FURTHER:
        suite = make_suite(FURTHER[file_path.name], PUBLIC, copy)
        collector = Sampled.from_parent(parent, path=suite)
        return collector
    shutil.copytree(PUBLIC.parent, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    collector = CWLYamlFile.from_parent(parent, path=copy / PUBLIC.name)
    return collector


class _Missing(pytest.File):
    """Stands for the public cases where they are not."""

    def collect(self) -> Iterator[pytest.Item]:
        reason = f"the public conformance cases are not at {PUBLIC}; set HELIOS_SHARED"
        if os.environ.get("CI"):
            pytest.fail(f"CI must have them: {reason}")
        pytest.skip(reason, allow_module_level=True)


@pytest.hookimpl(optionalhook=True)
def pytest_cwl_execute_test(
    config: CWLTestConfig, processfile: str, jobfile: str | None
) -> tuple[int, dict[str, Any] | None]:
    """Runs a case as ``helios-wf run --quiet --outdir DIR DOCUMENT [JOB]``; returns exit code and outputs."""
    files = [unquote(name.removeprefix("file://")) for name in (processfile, jobfile) if name]
    outdir = Path(str(config.outdir))
    # one home for all: a document is loaded by cwltool once
    arguments = [
        "run",
        "--quiet",
        "--no-container",
        "--home",
        str(outdir.parent / "home"),
        "--outdir",
        str(outdir),
        *files,
    ]
    # the images that the cases hint at are elsewhere, and none of the cases needs them
    arguments.append("--no-container")
    printed = io.StringIO()
    with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(printed):
        main(arguments)
    assert isinstance(ended.value.code, int)
    text = printed.getvalue().strip()
    return ended.value.code, json.loads(text) if text else None
