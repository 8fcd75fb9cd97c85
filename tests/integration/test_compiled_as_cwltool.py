"""Every CommandLineTool of the conformance cases: compiled, it is run as cwltool runs it, and gives the same.

cwltool runs the cases; each job that it makes on the way, in workflows too, is also compiled and run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from twins import Twins

from helios_wf.errors import HeliosError

SUITE = "conformance/cwl-v1.2"

PRINTS_PATHS = {"wf_wc_expressiontool": "wc writes the path that it was given"}
"""Cases whose outputs depend on where their inputs are staged."""


def cases() -> list[dict[str, Any]]:
    """Returns the conformance cases; none where the shared test material is missing."""
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("HELIOS_SHARED", root.parent / "shared"), SUITE, "conformance.cwltest.yaml")
    if not path.exists():
        return []
    from ruamel.yaml import YAML

    found: list[dict[str, Any]] = YAML(typ="safe").load(path)
    return found


@pytest.fixture(scope="module")
def suite(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the cases: some write beside their inputs."""
    folder = tmp_path_factory.mktemp("suite")
    shutil.copytree(shared / SUITE, folder, dirs_exist_ok=True)
    return folder


def execute(case: dict[str, Any], suite: Path, twins: Twins) -> None:
    """Runs a case by cwltool, as its command line does."""
    from cwltool.load_tool import jobloaderctx
    from cwltool.main import init_job_order
    from cwltool.stdfsaccess import StdFsAccess
    from schema_salad.ref_resolver import Loader

    path, _, fragment = case["tool"].partition("#")
    tool = twins.load((suite / path).as_uri() + ("#" + fragment if fragment else ""))
    job = suite / case["job"] if case.get("job") else None
    loader = Loader(jobloaderctx.copy())
    given = loader.resolve_ref(str(job), checklinks=False)[0] if job else {}
    folder = str(job.parent if job else suite)
    asked = argparse.Namespace(
        workflow=str(suite / path),
        basedir=folder,
        tool_help=False,
        print_input_deps=None,
        relative_deps=None,
        validate=False,
        beta_dependency_resolvers_configuration=None,
        beta_dependencies_directory=None,
        job_order=[],
    )
    order = init_job_order(given, asked, tool, loader, sys.stdout, make_fs_access=StdFsAccess)
    twins.drive(tool, order, folder)


@pytest.mark.usefixtures("quickjs")
@pytest.mark.parametrize("case", cases() or [{"id": "no cases"}], ids=lambda case: case["id"])
def test_a_compiled_tool_is_run_as_by_cwltool_and_gives_the_same(
    case: dict[str, Any], suite: Path, tmp_path: Path
) -> None:
    from cwltool.errors import WorkflowException
    from schema_salad.exceptions import SchemaSaladException

    twins = Twins(tmp_path)
    try:
        execute(case, suite, twins)
    except (WorkflowException, SchemaSaladException, HeliosError):
        if not case.get("should_fail"):
            raise
    found = [text for text in twins.found if not (case["id"] in PRINTS_PATHS and text.startswith("outputs"))]
    assert found == []
