"""One dataset is written by one run, whatever is started, stopped and started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from helios_wf.choosing import Bound, Choice, load_runnable
from helios_wf.config import Settings
from helios_wf.errors import DatasetError, RunError
from helios_wf.launch import ask, find_run, new_runs
from helios_wf.session import Outcome, Session
from helios_wf.states import DatasetState, RunState
from helios_wf.store import Store, datasets

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
    with pytest.raises(DatasetError, match=rf"dataset 'lab.a': this one and run {first}, which is not fin"):
        desk.start("a", "two")
    desk.start("b", "two")
    ask(desk.store, find_run(desk.store, first), "cancel")
    second = desk.start("a", "two")
    assert desk.drive(second).state is RunState.DONE
    assert desk.text("lab.a") == "two\n"


def test_a_resumed_run_touches_no_dataset_that_another_run_made(desk: Desk) -> None:
    first = desk.start("a", "one")
    ask(desk.store, find_run(desk.store, first), "cancel")
    desk.drive(desk.start("a", "two"))
    outcome = desk.drive(first)
    assert outcome.state is RunState.FAILED
    assert "'lab.a' was made by another run" in outcome.reason
    assert desk.text("lab.a") == "two\n"


def test_a_run_that_is_done_is_not_driven_again(desk: Desk) -> None:
    run = desk.start("a", "one")
    assert desk.drive(run).state is RunState.DONE
    with pytest.raises(RunError, match=f"run {run} is DONE already"):
        desk.drive(run)
    with pytest.raises(DatasetError, match="exists already"):
        desk.start("a", "one")
    with desk.store.read() as tx:
        assert datasets.get(tx, "lab.a").state is DatasetState.CLOSED
