"""The examples run as they stand and give what their pages say; so do the templates' own small cases."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbclient
import nbformat
import pytest
from ruamel.yaml import YAML

from helios_wf import formats, resources

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(script.parent.name for script in (ROOT / "examples").glob("*/run.sh"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the examples need, without what they left in their own folders."""
    for name in ("examples", "templates", "cwl_tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("work", ".helios"))
    (tmp_path / ".git").mkdir()
    return tmp_path


def run(checkout: Path, example: str) -> subprocess.CompletedProcess[str]:
    """Runs an example's script, as a user does, and returns what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HELIOS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    script = checkout / "examples" / example / "run.sh"
    done = subprocess.run([script], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


def json_values(text: str) -> list[Any]:
    """Returns the JSON values that stand between other lines."""
    decoder, values, at = json.JSONDecoder(), [], 0
    while at < len(text):
        if text[at] in "[{":
            value, at = decoder.raw_decode(text, at)
            values.append(value)
        at = text.find("\n", at) + 1 or len(text)
    return values


def test_every_example_is_tested_here() -> None:
    tested = {name.removeprefix("test_the_example_") for name in globals() if "test_the_example_" in name}
    assert tested == set(EXAMPLES)


def test_the_example_event_statistics(checkout: Path) -> None:
    done = run(checkout, "event_statistics")
    assert "partial: 4/4 jobs" in done.stderr
    (outputs,) = json_values(done.stdout)
    path = checkout / "examples" / "event_statistics" / "work" / "results" / "statistics.json"
    assert outputs["statistics"]["path"] == str(path)
    assert json.loads(path.read_text())["n_events"] == 100_000


def test_the_example_root_branch(checkout: Path) -> None:
    pytest.importorskip("uproot", reason="ROOT files need the extra root")
    done = run(checkout, "root_branch")
    assert "partial: 4/4 jobs" in done.stderr
    assert "column   M      double" in done.stdout
    work = checkout / "examples" / "root_branch" / "work"
    energy = json.loads((work / "results" / "statistics.json").read_text())["energy"]
    masses = [formats.read(work / f"{name}.root").read_all()["M"].to_pylist() for name in ("first", "second")]
    assert energy["sum"] == math.fsum(masses[0] + masses[1])
    mantissa, exponent = energy["exact_sum"].split("p")
    assert Fraction(int(mantissa)) * Fraction(2) ** int(exponent) == sum(map(Fraction, masses[0] + masses[1]))


def test_the_example_datasets(checkout: Path) -> None:
    done = run(checkout, "datasets")
    first, second = json_values(done.stdout)
    assert second == []
    assert done.stderr.count("done already by version 1") == 2
    taken = [run["datasets"] for run in first]
    assert taken == [
        {"raw": f"helios.000{number}.physics.raw", "constants": f"helios.000{number}.calibration.v2"}
        for number in (101, 102)
    ]
    for run_, number in zip(first, (101, 102), strict=True):
        (file,) = run_["outputs"]["kept"]
        assert file["basename"] == f"helios.000{number}.physics.kept.v1.000000.parquet"
        energies = formats.read(Path(file["path"])).read_all()["energy"].to_pylist()
        assert energies
        assert min(energies) > 80
    assert "helios.000101.physics.kept.v1  CLOSED" in done.stdout


def test_the_example_monte_carlo(checkout: Path) -> None:
    done = run(checkout, "monte_carlo")
    assert "generate: 3/3 jobs" in done.stderr
    assert "events   2500000 (by metadata)" in done.stdout


def test_the_example_own_tool(checkout: Path) -> None:
    done = run(checkout, "own_tool")
    assert "count: 8/8 jobs" in done.stderr
    assert "add: 1/1 jobs" in done.stderr
    ((result,),) = json_values(done.stdout)
    assert result["datasets"] == {"logs": "detector.20300131.log"}
    kinds = json.loads(Path(result["outputs"]["kinds"]["path"]).read_text())
    assert (sum(kinds.values()), kinds["ERROR"]) == (7000, 140)


def test_the_example_resident_tools(checkout: Path) -> None:
    if shutil.which("c++") is None and not os.environ.get("CI"):
        pytest.skip("no C++ compiler (c++) is installed")
    done = run(checkout, "resident_tools")
    assert "count: 4/4 jobs" in done.stderr
    assert "lengths: 4/4 jobs" in done.stderr
    ((result,),) = json_values(done.stdout)
    errors, lengths = (Path(result["outputs"][name]["path"]).read_text() for name in ("errors", "lengths"))
    assert errors == "all 60\n"
    logs = (checkout / "examples/resident_tools/work").glob("detector-*.txt")
    counts = Counter(len(line) for log in logs for line in log.read_text().splitlines())
    assert lengths == "".join(f"{length} {counts[length]}\n" for length in sorted(counts))


def test_the_example_python_interface(checkout: Path) -> None:
    done = run(checkout, "python_interface")
    assert "helios.mc.scan.s000042.f0.events.v1.000000.parquet: 40,000 events" in done.stdout
    assert re.findall(r"above (\d+) GeV: .* events, (\w+)", done.stdout) == [
        ("20", "True"),
        ("40", "True"),
        ("60", "True"),
    ]


def test_the_notebook_shows_its_runs_and_what_failed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = checkout / "examples" / "python_interface" / "spectrum.ipynb"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(checkout / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(checkout / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}).execute()
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    made, left, failed = shown[1], shown[5], shown[6]
    bars, result = [output.data for output in made]
    # the bars that moved, and the run
    assert "4/4 jobs" in bars["text/html"]
    assert "DONE" in result["text/html"]
    assert "helios.mc.notebook.s000042.f0.events.v1.000000.parquet" in result["text/html"]
    assert re.fullmatch(r"run \S+ of generate_events.cwl is DONE\n(.*\n)*.*", result["text/plain"])
    assert "FAILED" in failed[-1].data["text/html"]
    assert "no column &#x27;enrgy&#x27;; did you mean &#x27;energy&#x27;" in failed[-1].data["text/html"]
    assert left[-1].text == "1,125 of 40,000 events are left\n"


CASES = [
    pytest.param(folder.parent, case, id=f"{folder.parent.name}-{case['id']}")
    for folder in sorted(resources.templates().glob("*/cwltest.yml"))
    for case in YAML(typ="safe").load(folder)
]


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_a_small_run_of_a_template_gives_what_any_runner_gives(
    helios: Command, folder: Path, case: dict[str, Any]
) -> None:
    outputs = helios.json("run", folder / case["tool"], folder / case["job"], "--outdir", "out", "--quiet")

    def essence(value: Any) -> Any:
        """Leaves out the place of a file, and its name, which a dataset gives it."""
        if isinstance(value, list):
            return [essence(one) for one in value]
        return {key: value[key] for key in ("class", "checksum", "size")}

    assert outputs.keys() == case["output"].keys()
    for name, expected in case["output"].items():
        assert essence(outputs[name]) == essence(expected)
