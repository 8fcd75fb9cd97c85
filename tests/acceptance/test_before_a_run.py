"""What is told before anything runs: about inputs, datasets, and where the outputs would go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import Command

TEMPLATE = """\
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
helios:template: {template: above, version: 1, status: ACTUAL}
inputs:
  hits: {type: File, helios:mask: {mask: "lab.{run:int}.hits", where: 'quality == "good"'}}
  run: {type: int, helios:value: "{run}"}
  cut: {type: int, default: 1}
steps:
  above:
    run:
      class: CommandLineTool
      baseCommand: [sh, -c, 'awk "{ if (\\$1 > $1) print \\$1, $2 }" "$3"', sh]
      inputs:
        cut: {type: int, inputBinding: {position: 1}}
        run: {type: int, inputBinding: {position: 2}}
        hits: {type: File, inputBinding: {position: 3}}
      outputs: {above: stdout}
      stdout: above.txt
    in: {hits: hits, cut: cut, run: run}
    out: [above]
outputs:
  above: {type: File, outputSource: above/above, helios:dataset: "lab.{run}.above.v{version}"}
"""


@pytest.fixture
def lab(helios: Command) -> Command:
    """A folder with a template, and two datasets that it takes."""
    helios.write("above.cwl", TEMPLATE)
    for run in (1, 2):
        helios.write(f"{run}.txt", "1\n5\n9\n")
        assert (
            helios("dataset", "add", f"lab.{run}.hits", f"{run}.txt", "--meta", "quality=good", "--close")
            == 0
        )
    return helios


def text(lab: Command, dataset: str) -> str:
    """Returns what is in the one file of a dataset."""
    (file,) = lab.files_of(dataset)
    return (lab.folder / file["path"]).read_text()


# -- values for inputs without masks -----------------------------------------------------------------------


def test_a_job_file_without_masked_inputs_holds_the_values_of_every_run_over_the_catalogue(
    lab: Command,
) -> None:
    lab.write("cut.yml", "cut: 6\n")
    runs = lab.json("run", "above.cwl", "cut.yml", "--quiet")
    assert [one["datasets"] for one in runs] == [{"hits": "lab.1.hits"}, {"hits": "lab.2.hits"}]
    assert [text(lab, f"lab.{run}.above.v1") for run in (1, 2)] == ["9 1\n", "9 2\n"]


def test_what_is_done_does_not_depend_on_the_job_file(lab: Command) -> None:
    lab.json("run", "above.cwl", "--quiet")
    lab.write("cut.yml", "cut: 6\n")
    assert lab.json("run", "above.cwl", "cut.yml") == []
    assert "lab.1.hits: done already by version 1" in lab.err


def test_a_job_file_goes_together_with_datasets_that_are_given(lab: Command) -> None:
    lab.write("cut.yml", "cut: 6\n")
    lab.write(
        "more.cwl", (lab.folder / "above.cwl").read_text().replace(", where: 'quality == \"good\"'", "")
    )
    lab.json("run", "more.cwl", "cut.yml", "--dataset", "lab.7.hits=1.txt", "--quiet")
    assert text(lab, "lab.7.above.v1") == "9 7\n"


def test_a_job_file_that_binds_a_masked_input_takes_no_datasets(lab: Command) -> None:
    lab.write("all.yml", "hits: {class: File, path: 1.txt}\nrun: 3\n")
    assert "lab.1.hits" not in str(lab.json("run", "above.cwl", "all.yml", "--quiet"))
    assert lab("run", "above.cwl", "all.yml", "--dataset", "lab.7.hits=1.txt") == 2
    assert "all.yml binds 'hits', which the dataset that is given is to bind by a mask" in lab.err


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("cut: high\n", "cut.yml:1:1: input 'cut': must be a whole number (int), not 'high'"),
        ("cutt: 6\n", "cut.yml:1:1: 'above' has no input 'cutt'; did you mean 'cut'?"),
        ("run: 6\n", "'run' has helios:value, so the name of the dataset gives it"),
    ],
)
def test_a_wrong_value_is_told_at_its_line(lab: Command, job: str, said: str) -> None:
    lab.write("cut.yml", job)
    assert lab("run", "above.cwl", "cut.yml") == 2
    assert said in lab.err


def test_a_wrong_job_file_is_told_even_where_nothing_is_to_run(lab: Command) -> None:
    lab.json("run", "above.cwl", "--quiet")
    for job, said in [("cutt: 6\n", "did you mean 'cut'?"), ("cut: high\n", "must be a whole number")]:
        lab.write("cut.yml", job)
        assert lab("run", "above.cwl", "cut.yml") == 2
        assert said in lab.err


def test_a_missing_value_asks_for_a_job_file(lab: Command) -> None:
    lab.write("above.cwl", (lab.folder / "above.cwl").read_text().replace(", default: 1", ""))
    assert lab("run", "above.cwl") == 2
    assert "a JOB file beside them, or a default, must bind the others:\ninput 'cut' is missing" in lab.err


def test_setting_an_input_says_where_inputs_are_given(lab: Command) -> None:
    assert lab("run", "above.cwl", "--set", "cut=6") == 2
    assert "the values of inputs stand in a JOB file" in lab.err


# -- nothing to run ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("meta", [[], ["--meta", "quality=bad"]])
def test_a_dataset_that_a_where_passes_over_is_told_with_what_it_has(lab: Command, meta: list[str]) -> None:
    lab.json("run", "above.cwl", "--quiet")
    assert lab("dataset", "add", "lab.3.hits", "1.txt", *meta, "--close") == 0
    assert lab.json("run", "above.cwl") == []
    found = "'bad'" if meta else "not set"
    assert (
        f"not run: lab.3.hits: input 'hits': where 'quality == \"good\"' is not true: quality is {found}"
        in lab.err
    )
    assert lab("plan", "above.cwl") == 0
    assert "not run: lab.3.hits: input 'hits': where" in lab.out


# -- outputs that are there already ------------------------------------------------------------------------


def test_a_plan_says_what_a_run_will_say_of_outputs_that_are_there(lab: Command) -> None:
    lab.json("run", "above.cwl", "--quiet")
    lab.write("two.cwl", TEMPLATE.replace("template: above", "template: two"))
    assert lab("run", "two.cwl") == 2
    (said,) = lab.err.splitlines()
    assert "dataset 'lab.1.above.v1' exists already, and this run would write it" in said
    assert lab("plan", "two.cwl") == 0
    assert f"would be refused: {said.removeprefix('helios-wf: ')}" in lab.out


def test_outputs_of_another_home_are_not_written_over(lab: Command) -> None:
    lab.json("run", "above.cwl", "--quiet", "--outdir", "out")
    again = ("above.cwl", "--dataset", "lab.1.hits=2.txt", "--outdir", "out", "--home", "other")
    lab.write("above.cwl", TEMPLATE.replace(", where: 'quality == \"good\"'", ""))
    for command in ("plan", "run"):
        lab(command, *again)
        assert "lab.1.above.v1.txt lies already, of no run in this store" in lab.out + lab.err
        assert "give another --outdir" in lab.out + lab.err
    assert lab("dataset", "verify", "lab.1.above.v1") == 0


def test_an_output_folder_that_cannot_be_written_is_told_before_anything_runs(lab: Command) -> None:
    lab.write("file", "x")
    for outdir in ("file", "file/below", "/proc/helios"):
        assert lab("run", "above.cwl", "--outdir", outdir) == 2
        assert f"{outdir} cannot be written (" in lab.err
    assert lab("plan", "above.cwl", "--outdir", "file/below") == 0
    assert "would be refused: the output folder" in lab.out
    assert lab.json("runs", "--format", "json") == []


@pytest.mark.parametrize(
    "given",
    [
        ("--home", "file"),
        ("--home", "file/below"),
        ("--store", "sqlite:///file"),
        ("--store", "sqlite:////proc/helios/x.db"),
        ("--home", "file", "--store", "sqlite:///x.db"),
    ],
)
def test_a_home_or_store_that_cannot_be_used_is_a_mistake_of_the_caller(
    lab: Command, given: tuple[str, ...]
) -> None:
    lab.write("file", "this is no database, whatever its name may be\n" * 100)
    assert lab("run", "above.cwl", *given) == 2
    *_, said = lab.err.splitlines()
    assert said.startswith("helios-wf: ")
    assert "file" in said or "/proc/helios" in said


# -- the latest run ----------------------------------------------------------------------------------------


def test_a_run_that_is_done_is_told_by_its_id_whatever_is_asked_of_it(lab: Command) -> None:
    lab.json("run", "above.cwl", "--quiet")
    latest = lab.json("runs", "--format", "json")[0]["run"]
    for verb in ("resume", "pause", "cancel"):
        assert lab(verb) == 2
        assert f"run {latest} is DONE already" in lab.err


def test_an_empty_home_says_where_it_looked(lab: Command) -> None:
    assert lab("runs", "--home", "other") == 0
    assert lab.out == f"no runs in {lab.folder}/other/helios.db\n"
    assert lab("clean", "--all", "--home", "other") == 0
    assert lab.out == f"nothing to remove: {lab.folder}/other has no settled runs\n"


def test_a_run_that_has_no_work_folder_says_so_when_it_is_cleaned(lab: Command) -> None:
    lab.json("run", "above.cwl", "--quiet", "--keep", "none")
    assert lab("clean") == 0
    assert lab.out.startswith("nothing to remove: ")


def test_a_plan_makes_no_store(lab: Command) -> None:
    assert lab("plan", "above.cwl", "--dataset", "lab.1.hits=1.txt", "--home", "other") == 2
    lab.write("all.yml", "hits: {class: File, path: 1.txt}\nrun: 3\n")
    assert lab("plan", "above.cwl", "all.yml", "--home", "other") == 0
    assert {path.name for path in (lab.folder / "other").iterdir()} <= {"cache"}
