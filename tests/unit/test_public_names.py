"""``import helios_wf``: cheap, complete, and typed for whoever uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import helios_wf

HEAVY = ("click", "cwltool", "IPython", "msgspec", "numpy", "pyarrow", "rich", "sqlalchemy")

CLIENT = """
from pathlib import Path

import helios_wf

run = helios_wf.run("a.cwl", {"events": Path("a.csv"), "cut": 60}, jobs=4, keep="all", on_error="continue")
helios_wf.run("a.cwl", reuse="checksum", container_engine="none", check_compiler=3, templates=["templates"])
size: int = run.file("kept").size
name: str = run.files()[0].basename
done: int = sum(task.done for task in run.status().tasks)
left: float | None = run.status().tasks[0].left_s
datasets: dict[str, str] = run.wait(timeout=3).datasets
for kind in run.failures:
    why: str = kind.first.why
first: helios_wf.Run = helios_wf.run_all("a.cwl", datasets={"lab.1": ["a.csv", Path("b.csv")]})[0]
try:
    helios_wf.open_run(home="work").raise_for_state().retry("step", ranges=True, wait=False)
except helios_wf.errors.RunNotDoneError as error:
    state: helios_wf.states.RunState = error.state
"""

WRONG = {
    'helios_wf.run("a.cwl", jobs="many")': "arg-type",
    'helios_wf.run("a.cwl", hom="x")': "call-arg",
    'helios_wf.run("a.cwl").status().task': "attr-defined",
    "helios_wf.nothing": "attr-defined",
}


def test_importing_it_imports_nothing_else() -> None:
    code = f"import sys, helios_wf; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


@pytest.mark.parametrize("name", dir(helios_wf))
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(helios_wf, name)
    assert isinstance(found, str) or (found.__doc__ and "\n" not in found.__doc__.partition("\n")[0])


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'helios_wf' has no attribute 'rnu'"):
        _ = helios_wf.rnu  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_program_that_uses_it_is_checked_strictly(tmp_path: Path) -> None:
    lines = [*CLIENT.splitlines(), *WRONG]
    (tmp_path / "client.py").write_text("\n".join([*lines, ""]))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "client.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if "error:" in line]
    n_lines = len(CLIENT.splitlines())
    for number, (kind, line) in enumerate(zip(WRONG.values(), found, strict=True), start=n_lines + 1):
        assert line.startswith(f"client.py:{number}: error: "), done.stdout
        assert line.endswith(f"[{kind}]")
