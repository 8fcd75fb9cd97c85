"""The shipped templates fulfil their cases: names, and runs by helios-wf, in small jobs, and by cwltool."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from helios_wf import repository, resources
from helios_wf.lint import Wanted, examine

FOLDERS = sorted(path.parent for path in resources.templates().glob("*/cases.yml"))


def test_every_shipped_template_has_its_cases():
    found = repository.find([resources.templates()])
    assert not found.errors
    assert [Path(each.path).parent for each in found.templates] == FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_template_fulfils_its_cases_in_every_way(folder: Path):
    assert examine([folder], Wanted(run_cases=True)).findings == ()


def test_nothing_is_to_be_said_of_what_is_shipped():
    assert examine([resources.templates(), resources.cwl_tools()]).findings == ()


COUNT = """\
cwlVersion: v1.2
class: CommandLineTool
label: Counts events
$namespaces: {helios: "https://w3id.org/helios-wf#"}
baseCommand: [sh, -c, 'tail -n "+$1" "$3" | head -n "$2" | wc -l', sh]
requirements: {InlineJavascriptRequirement: {}}
arguments: ["$((inputs.first_event || 0) + 1)", $(inputs.n_events || 1000), $(inputs.raw.path)]
inputs: {raw: File, first_event: long?, n_events: long?}
stdout: count.txt
outputs: {count: stdout}
"""

JOIN = """\
cwlVersion: v1.2
class: CommandLineTool
label: Adds up
baseCommand: [sh, -c, 'SUM', sh]
inputs: {parts: {type: "File[]", inputBinding: {position: 1}}}
stdout: sum.txt
outputs: {sum: stdout}
"""

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
label: Counts
doc: Counts the lines of some files.
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: count, version: 1, status: ACTUAL}
requirements: {ScatterFeatureRequirement: {}}
inputs:
  raw: {type: "File[]", label: Files, helios:mask: "lab.{run:04d}.raw"}
steps:
  count:
    run: count.cwl
    scatter: raw
    in: {raw: raw}
    out: [count]
    helios:split: {input: raw, eventsPerJob: 1000}
  add: {run: add.cwl, in: {parts: count/count}, out: [sum], helios:merge: {input: parts}}
outputs:
  sum: {type: File, label: Sum, outputSource: add/sum, helios:dataset: "lab.{run:04d}.sum.v{version}"}
"""

CASES = "template: count.cwl\ntakes: []\nrefuses: {}\n"

RUNS = """\
- id: two
  tool: main.cwl
  job: job.yml
  output: {sum: {class: File, size: SIZE}}
"""


class Ways(NamedTuple):
    """A tool that joins, the size of its output that is expected, and the ways that do not give it."""

    join: str
    size: int
    wrong: list[str]


WAYS = {
    "a right one": Ways('cat "$@" | awk "{n += \\$1} END {print n}"', 3, []),
    "another output": Ways('cat "$@" | awk "{n += \\$1} END {print n}"', 4,
                           ["cwltool", "helios-wf", "helios-wf in jobs of 7 events"]),
    "one that depends on how files are cut": Ways('cat "$@"', 5, ["helios-wf in jobs of 7 events"]),
    "one that fails": Ways("exit 3", 3, ["cwltool", "helios-wf", "helios-wf in jobs of 7 events"]),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", WAYS)
def test_a_run_case_is_told_with_the_way_in_which_it_fails(name: str, tmp_path: Path):
    ways = WAYS[name]
    (tmp_path / "helios.toml").touch()
    (tmp_path / "count.cwl").write_text(COUNT)
    (tmp_path / "add.cwl").write_text(JOIN.replace("SUM", ways.join))
    (tmp_path / "main.cwl").write_text(TEMPLATE)
    (tmp_path / "cases.yml").write_text(CASES.replace("count.cwl", "main.cwl"))
    (tmp_path / "cwltest.yml").write_text(RUNS.replace("SIZE", str(ways.size)))
    (tmp_path / "job.yml").write_text("raw: [{class: File, path: a.txt}, {class: File, path: b.txt}]\n")
    (tmp_path / "a.txt").write_text("line\n" * 20)
    (tmp_path / "b.txt").write_text("line\n" * 2)
    found = examine([tmp_path / "main.cwl"], Wanted(run_cases=True)).findings
    assert {one.code for one in found} <= {"HW304"}
    assert [one.place.line for one in found if one.place] == [1] * len(ways.wrong)
    told = sorted(one.message.split(" by ")[1].split(": ")[0] for one in found)
    assert told == ways.wrong
    assert all(
        "to see it: helios-wf run" in one.message or "to see it: cwltool " in one.message for one in found
    )
