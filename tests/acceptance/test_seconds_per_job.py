"""``secondsPerJob``: the first jobs tell how many events the others get, and every event is done once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helios_wf.engine.pacing import FIRST_EVENTS

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

HERE = Path(__file__).parent

WORKFLOW = """
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: paced, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  raw: {type: "File[]", helios:mask: "paced.{run:04d}.raw"}
steps:
  label:
    scatter: raw
    in: {raw: raw}
    out: [labelled]
    helios:split: {input: raw, secondsPerJob: 0.5SIZES}
    run:
      class: CommandLineTool
      baseCommand:
        - sh
        - -c
        - 'sleep "$(($2 / 100)).$(printf %02d $(($2 % 100)))"; tail -n "+$(($1 + 1))" "$3" | head -n "$2"'
        - sh
      inputs:
        first_event: {type: "long?", default: 0, inputBinding: {position: 1}}
        n_events: {type: "long?", default: 1000000, inputBinding: {position: 2}}
        raw: {type: File, inputBinding: {position: 3}}
      stdout: labelled.txt
      outputs: {labelled: stdout}
  join:
    in: {parts: label/labelled}
    out: [joined]
    helios:merge: {input: parts}
    run:
      class: CommandLineTool
      baseCommand: cat
      inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
      stdout: joined.txt
      outputs: {joined: stdout}
outputs:
  joined: {type: File, outputSource: join/joined, helios:dataset: "paced.{run:04d}.joined.v{version}"}
"""


@pytest.mark.parametrize("guess", ["", ", secondsPerEvent: 0.1"])
def test_jobs_last_what_they_should_once_the_first_have_told_the_rate(helios: Command, guess: str) -> None:
    helios.write("paced.cwl", WORKFLOW.replace("SIZES", guess))
    texts = ["".join(f"{name} {at}\n" for at in range(400)) for name in "ab"]
    for name, text in zip("ab", texts, strict=True):
        helios.write(f"raw/{name}.txt", text)
    pattern = f"paced.0001.raw={helios.folder}/raw/*.txt"
    code = helios("run", "paced.cwl", "--dataset", pattern, "--outdir", "out", "--quiet")
    assert code == 0, helios.err
    shown = helios.json("dataset", "show", "paced.0001.joined.v1", "--format", "json")
    assert "".join(Path(file["path"]).read_text() for file in shown["files"]) == "".join(texts)
    sizes = Counter[str]()
    for row in helios.json("ranges", "--format", "json"):
        sizes[row["job"]] += row["stop"] - row["first"]
    assert sum(sizes.values()) == 800
    first = [sizes[job] for job in sorted(sizes, key=lambda job: [int(one) for one in job.split("/")])]
    assert first[0] == pytest.approx(FIRST_EVENTS if not guess else 5, abs=1)
    # an event takes 10 ms, on a busy machine more
    assert max(sizes.values()) > 3 * first[0]
    assert max(sizes.values()) <= 75
    whole = {task["task"]: task["state"] for task in helios.json("status", "--format", "json")["tasks"]}
    assert whole == {"label": "DONE", "join": "DONE"}


def test_a_plan_does_not_tell_a_number_of_jobs_that_only_the_run_can_tell(helios: Command) -> None:
    helios.write("raw/a.txt", "".join(f"{at}\n" for at in range(400)))
    pattern = f"paced.0001.raw={helios.folder}/raw/*.txt"
    found = []
    for guess in ("", ", secondsPerEvent: 0.01"):
        helios.write("paced.cwl", WORKFLOW.replace("SIZES", guess))
        (run,) = helios.json("plan", "paced.cwl", "--dataset", pattern, "--format", "json")["runs"]
        found.append(run["tasks"][0]["jobs"])
    assert found == [None, 8]
