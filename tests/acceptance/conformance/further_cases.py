"""Public cases that the shared list leaves out: those of CWL v1.0 and v1.1, and further ones of v1.2.

Their lists come with cwltool (that of v1.2 as a part of the one of v1.3), their documents are those of v1.2:
documents of the suites mostly differ in their ``cwlVersion`` only, so each is rewritten.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

LISTS = {
    "v1.0": "v1.0/conformance_test_v1.0.yaml",
    "v1.1": "v1.1/conformance_tests.yaml",
    "v1.2": "v1.3.0-dev1/conformance_tests.yaml",
}

LEFT_OUT = {
    "template-tool": "needs underscore.js, which the shared material leaves out",
    "initworkdir_expreng_requirements": "needs underscore.js",
    "search-main": "needs index.py and search.py, which the shared material leaves out",
    "dir4": "needs index.py",
    "directory_secondaryfiles": "needs index.py",
    "job_input_secondary_subdirs": "needs hello.py, which the shared material leaves out",
    "job_input_subdir_primary_and_secondary_subdirs": "needs hello.py",
    "inp_update_wf": "needs updateval.py, which the shared material leaves out",
    "modify_file_content": "needs updateval.py",
    "docker_entrypoint": "needs a container",
    "networkaccess": "needs a network",
    "linkfile": "needs Hello.java, which the shared material leaves out",
    "initial_workdir_expr": "needs Hello.java",
    "initial_workdir_secondary_files_expr": "needs index.py and search.py",
    "docker-array-secondaryfiles": "its document writes secondaryFiles as v1.1 does",
    "dir5": "its document says loadListing, which v1.0 does not have",
    "vf-concat": "that an absent input is passed over was settled after this list was made",
    "docker-output-dir": "needs a container",
    "dockeroutputdir": "needs a container",
    "wf_wc_nomultiple": "its document takes one file since v1.2, its job gives a list",
    "count-lines13-wf": "its document takes one file since v1.2, its job gives a list",
}
"""Cases that cannot be made from the documents of v1.2, and why."""

_LOADED = re.compile(r"^( *)type: File\n\1loadContents: true$", re.M)
"""An input of v1.2 whose contents are loaded: v1.0 asks for them in its binding."""

_VERSION = re.compile(r"""(cwlVersion["']?\s*:\s*["']?)v1\.2\b""")


def make_suite(version: str, public: Path, folder: Path) -> Path:
    """Writes the suite of a version into a folder that is made, and returns its list of cases.

    Args:
        version: ``v1.0``, ``v1.1`` or ``v1.2``.
        public: the list of the suite of v1.2, beside its folder ``tests``; its cases are left out.
        folder: where to.
    """
    known = {_asked(case) for case in YAML(typ="safe").load(public)} if version == "v1.2" else set()
    shutil.copytree(public.parent / "tests", folder / "tests")
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
        if path.suffix in (".cwl", ".json", ".yml", ".yaml") and path.is_file():
            text = _VERSION.sub(rf"\g<1>{version}", path.read_text())
            if version == "v1.0":
                text = _LOADED.sub(r"\1type: File\n\1inputBinding: {loadContents: true}", text)
            path.write_text(text)
    suite = folder / f"{version}.cwltest.yaml"
    cases = [
        case
        for case in _cases(version)
        if _asked(case) not in known
        and all((folder / case[name].partition("#")[0]).is_file() for name in ("tool", "job") if name in case)
    ]
    YAML(typ="safe").dump(cases, suite)
    return suite


def _asked(case: dict[str, Any]) -> tuple[str, str]:
    return case["tool"], case.get("job", "")


def _cases(version: str) -> Iterator[dict[str, Any]]:
    """Yields the cases of a version, each with a name of its own."""
    text = (files("cwltool") / "schemas" / LISTS[version]).read_text()
    names: dict[str, int] = {}
    for case in YAML(typ="safe").load(text):
        if "tool" not in case:
            continue
        tool = case["tool"].replace("v1.0/", "tests/")
        job = {"job": case["job"].replace("v1.0/", "tests/")} if case.get("job") else {}
        given = case.get("label") or str(case.get("id", ""))
        name = (
            Path(tool).name.replace(".cwl", "").replace("#", "-") if given.isdigit() or not given else given
        )
        if name in LEFT_OUT:
            continue
        names[name] = names.get(name, 0) + 1
        suffix = f"-{names[name]}" if names[name] > 1 else ""
        label = f"{version}-{name}{suffix}"
        yield {**case, "tool": tool, **job, "id": label, "label": label, "tags": case.get("tags", [])}
