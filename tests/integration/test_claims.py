"""One dataset is written by one run, whatever is started, stopped and started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf.choosing import Bound, Choice, load_runnable
from helios_wf.config import Settings
from helios_wf.errors import DatasetError, RunError, SettingsError
from helios_wf.launch import ask, find_run, new_runs
from helios_wf.model import Dataset, EventFile
from helios_wf.session import Outcome, Session
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, datasets, publications, runs
from helios_wf.store.rows import Publication

TEMPLATE = """
cwlVersion: v1.2
class: Workflow
$namespaces: {helios: "https://w3id.org/helios-wf#"}
inputs: {name: string, text: string}
steps:
  say:
    run:
      class: CommandLineTool
      baseCommand: echo
      inputs: {text: {type: string, inputBinding: {}}}
      outputs: {said: stdout}
      stdout: said.txt
    in: {text: text}
    out: [said]
outputs:
  said: {type: File, outputSource: say/said, helios:dataset: "lab.{name}"}
"""


class Desk:
    """A store and a template that writes a dataset of a given name."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder / ".helios", outdir=folder / "out", jobs=1)
        self.store = Store.open(None, self.settings.home)
        (folder / "say.cwl").write_text(TEMPLATE)
        self.load()

    def load(self) -> None:
        """Reads the template again."""
        folder = self.settings.home.parent
        self._runnable = load_runnable(str(folder / "say.cwl"), (), None, folder)

    def start(self, name: str, text: str) -> str:
        """Records a run."""
        bound = Bound({"name": name, "text": text})
        (run,) = new_runs(self.store, self._runnable, Choice((bound,)), self.settings)
        return run

    def drive(self, run: str) -> Outcome:
        """Drives a run to its end."""
        (outcome,) = Session(self.store, self.settings).drive([run])
        return outcome

    def text(self, name: str) -> str:
        """Returns what a dataset holds."""
        with self.store.read() as tx:
            (file,) = datasets.get(tx, name).files
        return Path(file.path).read_text()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_same_run_is_taken_up_and_another_of_the_same_dataset_is_refused(desk: Desk) -> None:
    first = desk.start("a", "one")
    assert desk.start("a", "one") == first
    with pytest.raises(
        DatasetError, match=rf"'lab.a' is being made by run {first}, which .*: helios-wf resume {first}"
    ):
        desk.start("a", "two")
    desk.start("b", "two")
    ask(desk.store, find_run(desk.store, first), "cancel", desk.settings)
    second = desk.start("a", "two")
    assert desk.drive(second).state is RunState.DONE
    assert desk.text("lab.a") == "two\n"


def test_a_resumed_run_touches_no_dataset_that_another_run_made(desk: Desk) -> None:
    first = desk.start("a", "one")
    ask(desk.store, find_run(desk.store, first), "cancel", desk.settings)
    desk.drive(desk.start("a", "two"))
    with pytest.raises(
        DatasetError, match=rf"{first} cannot be resumed: dataset 'lab.a', .* made by another run"
    ):
        desk.drive(first)
    assert find_run(desk.store, first).state is RunState.CANCELLED
    assert desk.text("lab.a") == "two\n"


def test_a_resumed_run_waits_for_no_other_that_writes_its_dataset(desk: Desk) -> None:
    first = desk.start("a", "one")
    ask(desk.store, find_run(desk.store, first), "cancel", desk.settings)
    second = desk.start("a", "two")
    with pytest.raises(
        DatasetError, match=rf"dataset 'lab.a', .* is being made by run {second}, which is not fin"
    ):
        desk.drive(first)
    assert desk.drive(second).state is RunState.DONE


@pytest.mark.parametrize("name", ["lab.a.txt", "other.txt"])
def test_a_run_is_refused_where_files_lie_in_the_folder_of_its_dataset(desk: Desk, name: str) -> None:
    file = desk.settings.outdir / "lab.a" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine\n")
    with pytest.raises(
        DatasetError, match=rf"dataset 'lab.a' would be written to .*{name} lies already, of no run"
    ):
        desk.start("a", "one")
    with desk.store.read() as tx:
        assert runs.latest(tx) is None
    assert desk.drive(desk.start("b", "one")).state is RunState.DONE
    assert file.read_text() == "mine\n"


def test_a_file_that_came_while_a_run_ran_is_not_written_over_and_the_run_goes_on_once_it_is_gone(
    desk: Desk,
) -> None:
    run = desk.start("a", "one")
    file = desk.settings.outdir / "lab.a" / "lab.a.txt"
    file.parent.mkdir(parents=True)
    file.write_text("mine\n")
    outcome = desk.drive(run)
    assert outcome.state is RunState.FAILED
    assert (
        f"output 'said' cannot be published: {file} exists already, and it is not this run's"
        in outcome.reason
    )
    assert f"helios-wf resume {run}" in outcome.reason
    assert file.read_text() == "mine\n"
    file.rename(file.with_name("aside"))
    assert desk.drive(run).state is RunState.DONE
    assert desk.text("lab.a") == "one\n"


def test_an_output_that_becomes_no_dataset_replaces_what_lies_there_but_no_file_of_a_dataset(
    desk: Desk,
) -> None:
    plain = TEMPLATE.replace(', helios:dataset: "lab.{name}"', "")
    (desk.settings.home.parent / "say.cwl").write_text(plain)
    desk.load()
    place = desk.settings.outdir / "said.txt"
    for said in ("one", "two"):
        assert desk.drive(desk.start("a", said)).state is RunState.DONE
        assert place.read_text() == f"{said}\n"
    with desk.store.write() as tx:
        file = EventFile(str(place), 4)
        datasets.create(tx, Dataset("lab.mine", DatasetState.CLOSED, (file,), {}))
    outcome = desk.drive(desk.start("a", "three"))
    assert outcome.state is RunState.FAILED
    assert "dataset 'lab.mine' has it" in outcome.reason
    assert place.read_text() == "two\n"


def test_an_output_folder_that_cannot_be_made_is_told_before_anything_is_recorded(desk: Desk) -> None:
    desk.settings.outdir.write_text("a file")
    with pytest.raises(
        SettingsError, match=r"output folder .*/out cannot be written \(File exists\); .* --outdir"
    ):
        desk.start("a", "one")
    with desk.store.read() as tx:
        assert runs.latest(tx) is None
    desk.settings.outdir.unlink()
    run = desk.start("a", "one")
    desk.settings.outdir.rmdir()
    desk.settings.outdir.write_text("a file")
    with pytest.raises(SettingsError, match="output folder"):
        desk.drive(run)


def test_what_was_published_by_a_run_that_failed_is_told_to_be_its_own(desk: Desk) -> None:
    run = desk.start("a", "one")
    with desk.store.write() as tx:
        file = desk.settings.outdir / "lab.a" / "lab.a.txt"
        publications.intend(tx, run, [Publication("said", 0, "x", str(file), 4)])
    file.parent.mkdir(parents=True)
    file.write_text("one\n")
    ask(desk.store, find_run(desk.store, run), "cancel", desk.settings)
    with pytest.raises(DatasetError, match=f"lies already, of run {run}"):
        desk.start("a", "two")


def test_a_run_that_is_done_is_not_driven_again(desk: Desk) -> None:
    run = desk.start("a", "one")
    assert desk.drive(run).state is RunState.DONE
    with pytest.raises(RunError, match=f"run {run} is DONE already"):
        desk.drive(run)
    with pytest.raises(DatasetError, match="exists already"):
        desk.start("a", "one")
    with desk.store.read() as tx:
        assert datasets.get(tx, "lab.a").state is DatasetState.CLOSED
