"""Event maps: work whose events are payloads in a map, each with a state of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from driving import HELIOS_WF
from pyarrow import parquet

from helios_wf import event_stream

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

MAP_TOOL = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
requirements: {MultipleInputFeatureRequirement: {}}
helios:template: {template: payloads, version: 1, status: ACTUAL}
inputs: {map: File}
steps:
  isr:
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'echo "payloads $0 to $(($0 + $1))"']
      inputs:
        map: File
        first_event: {type: "long?", default: 0, inputBinding: {position: 1}}
        n_events: {type: "long?", default: 0, inputBinding: {position: 2}}
      stdout: isr.txt
      outputs: {out: stdout}
    in: {map: map}
    out: [out]
    helios:split: {input: map, table: isr, SIZES}
outputs:
  out:
    {type: "File[]", outputSource: [isr/out], linkMerge: merge_flattened, helios:dataset: "payloads.{run_id}"}
"""


RESIDENT_TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:events: {resident: stream}
baseCommand: python3
inputs:
  program: {type: File, default: {class: File, location: resident.py}, inputBinding: {position: 0}}
  map: {type: File, inputBinding: {position: 1}}
  task: {type: string, inputBinding: {position: 2}}
  after: Any?
  stream: {type: "boolean?", inputBinding: {position: 3, prefix: --stream}}
  first_event: long?
  n_events: long?
outputs:
  out: {type: File, outputBinding: {glob: $(inputs.task).log}}
"""

RESIDENT_PROGRAM = """\
import json, pathlib, sys
from event_stream import event_ranges, whole

payloads = json.loads(pathlib.Path(sys.argv[1]).read_text())[sys.argv[2]]
for events in event_ranges() if "--stream" in sys.argv else [whole(None, 0, len(payloads))]:
    with events:
        ran = [f"ran {payloads[str(at)]}\\n" for at in range(events.first, events.stop)]
        pathlib.Path(events.outdir, f"{sys.argv[2]}.log").write_text("".join(ran))
"""


def make_resident(tools: Path) -> None:
    """Replaces the tool of the Rubin template, which reads the map for each payload, by one that stays."""
    (tools / "map.cwl").write_text(RESIDENT_TOOL)
    (tools / "resident.py").write_text(RESIDENT_PROGRAM)
    shutil.copy(event_stream.__file__, tools)


def write_map(path: Path, n: int) -> None:
    """Writes a map with one payload for the other steps and ``n`` for ``isr``."""
    payloads = {str(at): f"payload_{at}" for at in range(n)}
    text = json.dumps({"pipeinit": {"0": "init"}, "isr": payloads, "final": {"0": "final"}}, indent=0)
    path.write_text(text)


@pytest.mark.shared
def test_each_payload_of_a_map_has_its_own_state(helios: Command, shared: Path) -> None:
    shutil.copytree(shared / "language", helios.folder / "language")
    write_map(helios.folder / "language" / "data" / "map.json", 230)
    outputs = helios.json(
        "run", "language/rubin_isr.cwl", "language/rubin_isr.job.yml", "--outdir", "out", "--quiet"
    )
    (log,) = outputs["isr_log"] if isinstance(outputs["isr_log"], list) else [outputs["isr_log"]]
    assert Path(log["path"]).read_text() == "".join(f"ran payload_{at}\n" for at in range(230))
    rows = helios.json("ranges", "--format", "json")
    assert [(row["first"], row["stop"], row["state"]) for row in rows] == [
        (at, at + 1, "DONE") for at in range(230)
    ]
    assert {row["step"] for row in rows} == {"isr"}
    assert max(Counter(row["job"] for row in rows).values()) <= 150


@pytest.mark.shared
@pytest.mark.exhaustive
def test_a_map_of_100_000_payloads_runs_whole(
    tmp_path: Path, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = 100_000
    shutil.copytree(shared / "language", tmp_path / "language")
    make_resident(tmp_path / "language" / "tools")
    write_map(tmp_path / "language" / "data" / "map.json", n)
    begun = time.monotonic()
    engine = subprocess.Popen(
        [HELIOS_WF, "run", "language/rubin_isr.cwl", "language/rubin_isr.job.yml", "--outdir", "out", "-q"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    _, code, usage = os.wait4(engine.pid, 0)
    assert code == 0
    seconds, memory_mb = time.monotonic() - begun, usage.ru_maxrss / 1024
    with capsys.disabled():
        print(
            f"\n{n} payloads: {seconds:.0f} s, {1000 * seconds / n:.1f} ms each, engine {memory_mb:.0f} MiB"
        )
    (log,) = [path for path in (tmp_path / "out").rglob("*") if "isr" in path.name and path.is_file()]
    assert log.read_text() == "".join(f"ran payload_{at}\n" for at in range(n))
    shown = subprocess.run(
        [HELIOS_WF, "status", "--format", "json"], cwd=tmp_path, capture_output=True, check=True
    )
    tasks: dict[str, Any] = {task["task"]: task for task in json.loads(shown.stdout)["tasks"]}
    assert tasks["isr"]["events"]["ranges"] == {"DONE": n}
    assert memory_mb < 400


def payloads(helios: Command, sizes: str, path: str) -> list[dict[str, Any]]:
    """Runs a map with these sizes and returns its event ranges."""
    helios.write("payloads.cwl", MAP_TOOL.replace("SIZES", sizes))
    helios.write("job.yml", f"map: {{class: File, path: {path}}}\n")
    helios.json("run", "payloads.cwl", "job.yml", "--outdir", "out", "--quiet")
    return list(helios.json("ranges", "--format", "json"))


def test_the_time_of_a_job_and_of_a_payload_give_the_payloads_of_a_job(helios: Command) -> None:
    write_map(helios.folder / "map.json", 60)
    rows = payloads(helios, "secondsPerJob: 3600, secondsPerEvent: 300, eventsPerRange: 4", "map.json")
    assert sum(row["stop"] - row["first"] for row in rows) == 60
    per_job = Counter[str]()
    for row in rows:
        per_job[row["job"]] += row["stop"] - row["first"]
    assert list(per_job.values()) == [12] * 5


def test_a_map_in_parquet_is_cut_like_one_in_json(helios: Command) -> None:
    names = ["isr"] * 10 + ["final"]
    events = [*range(10), 0]
    table = pa.table({"table": names, "event": events, "payload": [f"payload_{at}" for at in events]})
    parquet.write_table(table, helios.folder / "map.parquet")
    rows = payloads(helios, "eventsPerJob: 5, eventsPerRange: 1", "map.parquet")
    assert [(row["job"], row["first"]) for row in rows] == [(str(at // 5), at) for at in range(10)]


@pytest.mark.parametrize(
    ("isr", "said"),
    [
        ('{"0": "a",\n "2": "b"}', ":2:2: 'isr': event 1 is missing before event 2"),
        ('{"0": "a",\n "0": "b"}', ":2:2: 'isr': event 0 stands twice"),
        ('{"1": "a", "2": "b"}', ":1:10: 'isr': its events start at 1; they are numbered from 0"),
    ],
)
def test_a_map_that_is_no_numbering_is_refused_and_the_place_named(
    helios: Command, isr: str, said: str
) -> None:
    helios.write("payloads.cwl", MAP_TOOL.replace("SIZES", "eventsPerJob: 5"))
    helios.write("map.json", f'{{"isr": {isr}}}')
    helios.write("job.yml", "map: {class: File, path: map.json}\n")
    assert helios("run", "payloads.cwl", "job.yml", "--quiet") == 2
    assert f"step 'isr' cannot split its input 'map': {helios.folder}/map.json{said}" in helios.err
