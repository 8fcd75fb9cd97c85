"""A split step gives tools that ask for it the row index of the text file that is cut."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from helios_wf import formats, layouts, resources
from helios_wf.choosing import load_runnable
from helios_wf.choosing.binding import file_object
from helios_wf.config import Settings
from helios_wf.event_tools import main as helios_events
from helios_wf.launch import new_run
from helios_wf.model import EventFile
from helios_wf.model.plans import RangeBound
from helios_wf.session import Session
from helios_wf.store import Store

TEMPLATE = resources.templates() / "event_statistics" / "event_statistics.cwl"


def statistics(folder: Path, csv: Path) -> str:
    """Returns the checksum of the shipped statistics of a file, in ranges of 100 events."""
    settings = Settings.load(home=str(folder / "home"), outdir=str(folder), jobs="2", keep="all")
    template = load_runnable(TEMPLATE)
    store = Store.open(None, settings.home)
    inputs = {parameter.name: None for parameter in template.document.process.inputs}
    inputs |= {p.name: p.default for p in template.document.process.inputs if p.default}
    inputs["events"] = [file_object(EventFile(str(csv), csv.stat().st_size))]
    run = new_run(store, template.document, inputs, settings, ["partial.split.eventsPerJob=100"])
    (outcome,) = Session(store, settings).drive([run])
    store.close()
    assert outcome.outputs is not None, outcome.reason
    return hashlib.sha1(Path(outcome.outputs["statistics"]["path"]).read_bytes()).hexdigest()


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    helios_events(["generate", "--n-events", "500", "--output", str(path)])
    return path


def test_ranges_of_a_large_text_file_are_read_by_its_row_index(
    tmp_path: Path, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = statistics(tmp_path / "plain", csv)
    assert not (tmp_path / "plain" / "home" / "indexes").exists()
    monkeypatch.setattr(layouts, "MIN_INDEXED", 1)
    assert statistics(tmp_path / "indexed", csv) == plain
    (index,) = (tmp_path / "indexed" / "home" / "indexes").iterdir()
    assert formats.RowIndex.from_json(index.read_bytes()).n_events == 500


def test_only_a_tool_that_declares_the_input_is_told_the_row_index() -> None:
    plan = load_runnable(TEMPLATE).plan
    told = {task.name: feed for task in plan.tasks for feed in task.feeds if feed.name == "row_index"}
    assert list(told) == ["partial"]
    assert told["partial"].source == RangeBound(1, 1, "index")


def test_a_file_that_is_gone_or_broken_gets_none_and_is_left_to_the_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "MIN_INDEXED", 1)
    broken = tmp_path / "broken.csv"
    broken.write_text('a,b\n1,"never closed\n')
    for path in (broken, tmp_path / "gone.csv"):
        assert layouts.Layouts().index_of(tmp_path / "indexes", str(path)) is None


def test_an_index_that_cannot_be_kept_is_done_without(
    tmp_path: Path, csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "MIN_INDEXED", 1)
    (tmp_path / "indexes").write_text("a file, where the folder should be")
    assert layouts.Layouts().index_of(tmp_path / "indexes", str(csv)) is None


def test_a_file_without_rows_to_index_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.parquet"
    helios_events(["generate", "--n-events", "50", "--output", str(path)])
    monkeypatch.setattr(layouts, "MIN_INDEXED", 1)
    assert layouts.Layouts().index_of(tmp_path / "indexes", str(path)) is None
